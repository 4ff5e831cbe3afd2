// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: race [TIMES]
 *
 * Threads that take pages, by every entry point, while another unmaps, frees,
 * splits, shares and collapses them, for the thread sanitizer. A test ends when
 * enough has happened on both sides, TIMES times what it is by default: it needs
 * no time of its own, however busy the machine is. Each page belongs to one
 * address as long as it is not free, so that a page that was taken for another
 * address, or freed while it was pinned, is found out.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/user_bvecs.h>

#include "gup_world.h"
#include "gup_internal.h"
#include "tap.h"

#define NR_SLOTS	32UL
/* Half of them in one page table, half in the next. */
#define ADDR		(4 * SZ_1G + PMD_SIZE - NR_SLOTS / 2 * PAGE_SIZE)
#define NR_PAGES	(3 * NR_SLOTS)
#define NR_WALKERS	2
#define NOBODY		(-1L)

static long owners[NR_PAGES];
static bool stop;
static unsigned long nr_changes, nr_calls, nr_taken;
static unsigned long wanted_changes, wanted_calls;
static unsigned int times = 1;
static pthread_barrier_t all_done;

static struct folio *folio_at(unsigned long n)
{
	return (struct folio *)pfn_to_page(world.first_pfn + n);
}

static long owner_of(const struct page *page)
{
	return READ_ONCE(owners[page_to_pfn(page) - world.first_pfn]);
}

static void set_owner(unsigned long n, long slot)
{
	WRITE_ONCE(owners[n], slot);
}

static unsigned long addr_of(unsigned long slot)
{
	return ADDR + slot * PAGE_SIZE;
}

static spinlock_t *lock_of(unsigned long slot)
{
	return pte_lockptr(&world.mm, gup_pmd(addr_of(slot)));
}

/* What is mapped was written before, as by whoever sets an entry in the kernel. */
static void map(unsigned long slot, unsigned long n, u64 flags)
{
	/* See gup_fast_take(). */
	smp_wmb();
	gup_map_pte(addr_of(slot), world.first_pfn + n, flags);
}

/* Also a full barrier. */
static pte_t unmap(unsigned long slot)
{
	u64 val;

	gup_write_barrier();
	val = __atomic_exchange_n(&gup_pte(addr_of(slot))->pte, 0,
				  __ATOMIC_SEQ_CST);
	gup_read_barrier();
	return __pte(val);
}

static void remap(unsigned long slot, pte_t pte)
{
	/* See gup_fast_take(). */
	smp_wmb();
	WRITE_ONCE(gup_pte(addr_of(slot))->pte, pte_val(pte));
}

static unsigned long page_of(pte_t pte)
{
	return pte_pfn(pte) - world.first_pfn;
}

/* As whoever is about to free or split a folio does: nobody else may have it. */
static bool freeze(struct folio *folio)
{
	int one = 1;

	return __atomic_compare_exchange_n(&folio->_refcount.counter, &one, 0,
					   false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static void unfreeze(struct folio *folio)
{
	__atomic_store_n(&folio->_refcount.counter, 1, __ATOMIC_RELEASE);
}

static bool enough(void)
{
	return __atomic_load_n(&nr_changes, __ATOMIC_RELAXED) >= wanted_changes &&
	       __atomic_load_n(&nr_calls, __ATOMIC_RELAXED) >= wanted_calls;
}

static void changed(void)
{
	__atomic_fetch_add(&nr_changes, 1, __ATOMIC_RELAXED);
}

static unsigned int random_below(unsigned int limit)
{
	static __thread u64 state;

	if (!state)
		state = (unsigned long)current | 1;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 20) % limit;
}

/*
 * Gives the others time, now and then so much that they get far: often enough for a
 * walk to sleep in each place some hundred times.
 */
static void linger(void)
{
	unsigned int chance = random_below(128);

	if (!chance)
		usleep(random_below(500));
	for (unsigned int i = chance < 4 ? random_below(10000) : 0; i; i--)
		barrier();
}

/* Right before and after a count changes, and before a lock is taken. */
static void linger_at_count(void *word, bool after)
{
	linger();
}

/*
 * Those who take pages
 */

/* Of all the slots from @slot on. */
static void expect_owned(struct page **pages, long nr, unsigned long slot)
{
	for (long i = 0; i < nr; i++)
		EXPECT_EQ(owner_of(pages[i]), slot + i);
}

/* A pinned anonymous page is the process's own and stays so. */
static void expect_exclusive(struct page **pages, long nr)
{
	for (long i = 0; i < nr; i++)
		EXPECT(PageAnonExclusive(pages[i]));
}

/* What is taken stays what it is until it is given back. */
static void look_at(struct page **pages, long nr, unsigned long slot, bool pin)
{
	for (int i = 0; i < 3; i++) {
		expect_owned(pages, nr, slot);
		if (pin)
			expect_exclusive(pages, nr);
		if (random_below(64) == 1)
			gup_wait();
	}
	__atomic_fetch_add(&nr_calls, 1, __ATOMIC_RELAXED);
	if (nr > 0)
		__atomic_fetch_add(&nr_taken, nr, __ATOMIC_RELAXED);
}

/* The lockless walk alone; it undoes a part of what it has. */
static void walk_fast(struct page **pages, unsigned long slot, unsigned long nr,
		      unsigned int flags)
{
	struct gup_req req;

	flags |= flags & FOLL_PIN ? 0 : FOLL_GET;
	req = gup_req_init(&world.mm, addr_of(slot), nr, pages, flags);
	gup_fast(&req);
	look_at(pages, req.sink.nr, slot, flags & FOLL_PIN);
	if (random_below(4) == 1)
		gup_undo(&req, req.sink.nr / 2);
	gup_release_range(pages, req.sink.nr, req.flags);
}

/* The entry points for one kind of reference. */
struct entry_points {
	int (*fast)(unsigned long addr, int nr, unsigned int flags,
		    struct page **pages);
	int (*fast_only)(unsigned long addr, int nr, unsigned int flags,
			 struct page **pages);
	long (*unlocked)(unsigned long addr, unsigned long nr,
			 struct page **pages, unsigned int flags);
	long (*held)(unsigned long addr, unsigned long nr, unsigned int flags,
		     struct page **pages);
	long (*remote)(struct mm_struct *mm, unsigned long addr,
		       unsigned long nr, unsigned int flags,
		       struct page **pages, int *locked);
};

static const struct entry_points getters = {
	get_user_pages_fast, get_user_pages_fast_only, get_user_pages_unlocked,
	get_user_pages, get_user_pages_remote,
};

/* There is no function that only tries without a lock to pin. */
static const struct entry_points pinners = {
	pin_user_pages_fast, pin_user_pages_fast, pin_user_pages_unlocked,
	pin_user_pages, pin_user_pages_remote,
};

static long call_one(const struct entry_points *by, unsigned long addr,
		     unsigned long nr, unsigned int flags, struct page **pages)
{
	const unsigned int how = random_below(5);
	int locked = 1;
	long ret;

	if (how == 0)
		return by->fast(addr, nr, flags, pages);
	if (how == 1)
		return by->fast_only(addr, nr, flags, pages);
	if (how == 2)
		return by->unlocked(addr, nr, pages, flags);
	mmap_read_lock(&world.mm);
	ret = how == 3 ? by->held(addr, nr, flags, pages) :
			 by->remote(&world.mm, addr, nr, flags, pages, &locked);
	if (locked)
		mmap_read_unlock(&world.mm);
	return ret;
}

/* One of the entry points. */
static void call(struct page **pages, unsigned long slot, unsigned long nr,
		 unsigned int flags)
{
	const bool pin = flags & FOLL_PIN;
	long ret;

	ret = call_one(pin ? &pinners : &getters, addr_of(slot), nr,
		       flags & ~FOLL_PIN, pages);
	EXPECT(ret >= 0 || ret == -EFAULT);
	look_at(pages, ret, slot, pin);
	if (pin)
		unpin_user_pages(pages, max(ret, 0L));
	for (long i = 0; !pin && i < ret; i++)
		put_page(pages[i]);
}

/* The pages of all entries. Returns how many. */
static long pages_of(const struct user_bvecs *to, struct page **pages)
{
	long nr = 0;

	for (unsigned int i = 0; i < to->nr; i++) {
		const struct bio_vec *bv = &to->bvecs[i];

		for (unsigned long j = 0; j < gup_bvec_pages(bv); j++)
			pages[nr++] = bv->bv_page + j;
	}
	return nr;
}

static size_t bytes_of(const struct user_bvecs *to)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < to->nr; i++)
		bytes += to->bvecs[i].bv_len;
	return bytes;
}

/* As ranges, by several calls, each of which goes on where the last has ended. */
static void call_ranges(struct page **pages, unsigned long slot, unsigned long nr,
			unsigned int flags)
{
	struct bio_vec bvecs[NR_SLOTS];
	struct user_bvecs to = {
		.bvecs = bvecs,
		.max = 1 + random_below(NR_SLOTS),
		.max_bytes = random_below(4) * PAGE_SIZE,
	};
	const unsigned long first = random_below(PAGE_SIZE);
	const unsigned long half = random_below(nr) * PAGE_SIZE;
	const unsigned long addr = addr_of(slot) + first;
	size_t len = (half ?: nr * PAGE_SIZE) - first;
	ssize_t got = 0, ret;

	do {
		ret = pin_user_bvecs_fast(addr + got, len, flags & ~FOLL_PIN, &to);
		EXPECT(ret >= 0 || ret == -EFAULT);
		got += max(ret, 0L);
		len = nr * PAGE_SIZE - first - got;
	} while (ret > 0 && len);
	EXPECT_EQ(bytes_of(&to), got);
	look_at(pages, pages_of(&to, pages), slot, true);
	unpin_user_bvecs(bvecs, to.nr, random_below(2));
}

static void walk(void)
{
	static const unsigned int flags[] = {
		FOLL_PIN | FOLL_WRITE, FOLL_PIN, 0, FOLL_WRITE,
		FOLL_PIN | FOLL_LONGTERM | FOLL_WRITE,
	};
	struct page *pages[NR_SLOTS];
	unsigned long slot = random_below(NR_SLOTS);
	unsigned long nr = 1 + random_below(NR_SLOTS - slot);
	unsigned int flag = flags[random_below(ARRAY_SIZE(flags))];

	if (random_below(2))
		walk_fast(pages, slot, nr, flag);
	else if ((flag & FOLL_PIN) && random_below(2))
		call_ranges(pages, slot, nr, flag);
	else
		call(pages, slot, nr, flag);
}

/*
 * Pages are unmapped and freed, and used again for another address, in folios of
 * one page or of several
 */

#define FOLIO_ORDER	2
#define FOLIO_PAGES	BIT(FOLIO_ORDER)
#define NR_BLOCKS	(NR_PAGES / FOLIO_PAGES)

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long pool[NR_BLOCKS], nr_pool;
/* Pages of a block that are in use. */
static unsigned int used[NR_BLOCKS];

/* A folio has been freed, of which nothing but its first page is known. */
static void to_pool(struct folio *folio)
{
	unsigned long n = folio_pfn(folio) - world.first_pfn;
	unsigned long block = n / FOLIO_PAGES;
	unsigned long nr;

	pthread_mutex_lock(&pool_lock);
	nr = used[block] > FOLIO_PAGES ? FOLIO_PAGES : 1;
	for (unsigned long i = 0; i < nr; i++)
		set_owner(n + i, NOBODY);
	used[block] -= nr == 1 ? 1 : 2 * FOLIO_PAGES;
	if (!used[block])
		pool[nr_pool++] = block;
	pthread_mutex_unlock(&pool_lock);
}

/* As one folio it counts twice. */
static bool from_pool(unsigned long *n, bool large)
{
	bool found;

	pthread_mutex_lock(&pool_lock);
	found = nr_pool;
	if (found) {
		*n = pool[--nr_pool] * FOLIO_PAGES;
		used[*n / FOLIO_PAGES] = FOLIO_PAGES * (large ? 2 : 1);
	}
	pthread_mutex_unlock(&pool_lock);
	return found;
}

/* Makes folios of a block, for the slots from @slot on; each entry has a reference. */
static void use_block(unsigned long n, unsigned long slot, bool large)
{
	for (unsigned long i = 0; i < FOLIO_PAGES; i++) {
		if (!large || !i)
			gup_folio(world.first_pfn + n + i,
				  large ? FOLIO_ORDER : 0);
		set_owner(n + i, slot + i);
	}
	if (large)
		folio_ref_add(folio_at(n), FOLIO_PAGES - 1);
	gup_set_exclusive(world.first_pfn + n, FOLIO_PAGES, true);
}

static void unmap_and_put(unsigned long slot)
{
	pte_t pte;

	spin_lock(lock_of(slot));
	pte = unmap(slot);
	spin_unlock(lock_of(slot));
	if (!pte_none(pte))
		put_page(pte_page(pte));
}

static void exchange(void)
{
	unsigned long slot = random_below(NR_SLOTS / FOLIO_PAGES) * FOLIO_PAGES;
	const bool large = random_below(2);
	unsigned long n;

	for (unsigned long i = 0; i < FOLIO_PAGES; i++)
		unmap_and_put(slot + i);
	if (from_pool(&n, large)) {
		use_block(n, slot, large);
		spin_lock(lock_of(slot));
		for (unsigned long i = 0; i < FOLIO_PAGES; i++)
			map(slot + i, n + i, GUP_PTE_RW);
		spin_unlock(lock_of(slot));
	}
	changed();
}

/*
 * Folios are split and merged
 */

static void set_large(unsigned long n)
{
	struct folio *folio = folio_at(n);
	unsigned long info = ~(sizeof(struct page) * FOLIO_PAGES - 1) | 1;

	WRITE_ONCE(folio->_flags_1,
		   (READ_ONCE(folio->_flags_1) & ~0xffUL) | FOLIO_ORDER);
	WRITE_ONCE(folio->_nr_pages, FOLIO_PAGES);
	WRITE_ONCE(folio->_pincount.counter, 0);
	set_bit(PG_head, &folio->flags.f);
	for (unsigned long i = 1; i < FOLIO_PAGES; i++)
		WRITE_ONCE(folio_page(folio, i)->compound_info, info);
}

static void set_small(unsigned long n)
{
	struct folio *folio = folio_at(n);

	clear_bit(PG_head, &folio->flags.f);
	WRITE_ONCE(folio->_flags_1, READ_ONCE(folio->_flags_1) & ~0xffUL);
	for (unsigned long i = 1; i < FOLIO_PAGES; i++) {
		WRITE_ONCE(folio_page(folio, i)->mapping,
			   (void *)FOLIO_MAPPING_ANON);
		WRITE_ONCE(folio_page(folio, i)->compound_info, 0);
		unfreeze(folio_at(n + i));
	}
}

/* Freezes the pages of a range, or none of them. */
static bool freeze_all(unsigned long n, unsigned long nr)
{
	unsigned long i = 0;

	while (i < nr && freeze(folio_at(n + i)))
		i++;
	if (i == nr)
		return true;
	while (i--)
		unfreeze(folio_at(n + i));
	return false;
}

static void split_or_merge(void)
{
	unsigned long n = random_below(NR_SLOTS / FOLIO_PAGES) * FOLIO_PAGES;
	const bool large = folio_test_large(folio_at(n));
	pte_t ptes[FOLIO_PAGES];

	spin_lock(lock_of(n));
	for (unsigned long i = 0; i < FOLIO_PAGES; i++)
		ptes[i] = unmap(n + i);
	spin_unlock(lock_of(n));
	if (freeze_all(n, large ? 1 : FOLIO_PAGES)) {
		if (large)
			set_small(n);
		else
			set_large(n);
		unfreeze(folio_at(n));
		changed();
	}
	spin_lock(lock_of(n));
	for (unsigned long i = 0; i < FOLIO_PAGES; i++)
		remap(n + i, ptes[i]);
	spin_unlock(lock_of(n));
}

/*
 * Pages are shared: by fork() for all at once, by KSM one at a time
 */

static void own_again(unsigned long slot)
{
	set_bit(PG_anon_exclusive, &folio_at(slot)->flags.f);
	map(slot, slot, GUP_PTE_RW);
}

static void fork_one(unsigned long slot)
{
	spin_lock(lock_of(slot));
	if (!folio_maybe_dma_pinned(folio_at(slot))) {
		/* The entry says nothing yet to those who pin the page now. */
		linger();
		clear_bit(PG_anon_exclusive, &folio_at(slot)->flags.f);
		map(slot, slot, GUP_PTE);
		changed();
	}
	spin_unlock(lock_of(slot));
}

static void own_all_again(void)
{
	for (unsigned long slot = 0; slot < NR_SLOTS; slot++) {
		spin_lock(lock_of(slot));
		own_again(slot);
		spin_unlock(lock_of(slot));
	}
}

/* As raw_write_seqcount_begin() and its counterpart do. */
static void count_fork(void)
{
	unsigned int *sequence = &world.mm.write_protect_seq.sequence;

	/* Both see gup_fast_pin_window(). */
	smp_wmb();
	WRITE_ONCE(*sequence, *sequence + 1);
	/* As above. */
	smp_wmb();
}

static void fork_all(void)
{
	mmap_write_lock(&world.mm);
	count_fork();
	for (unsigned long slot = 0; slot < NR_SLOTS; slot++)
		fork_one(slot);
	count_fork();
	mmap_write_unlock(&world.mm);
	gup_wait();
	own_all_again();
}

static void share_one(void)
{
	unsigned long slot = random_below(NR_SLOTS);
	pte_t pte;

	spin_lock(lock_of(slot));
	pte = unmap(slot);
	if (folio_maybe_dma_pinned(folio_at(slot))) {
		remap(slot, pte);
	} else {
		clear_bit(PG_anon_exclusive, &folio_at(slot)->flags.f);
		map(slot, slot, GUP_PTE);
		changed();
	}
	spin_unlock(lock_of(slot));
	gup_wait();
	spin_lock(lock_of(slot));
	own_again(slot);
	spin_unlock(lock_of(slot));
}

/*
 * A page table is collapsed: taken off its PMD, and if nobody has a reference to
 * one of its pages, another table with other pages takes its place
 */

#define TABLE_SLOTS	(NR_SLOTS / 2)

static pte_t *spare_tables[2];

/* The entries of a table for the slots from @first on. */
static pte_t *entries(pte_t *table, unsigned long first)
{
	return table + gup_index(addr_of(first), PAGE_SHIFT);
}

static bool referenced(const pte_t *ptep)
{
	for (unsigned long i = 0; i < TABLE_SLOTS; i++) {
		if (folio_ref_count(folio_at(page_of(ptep_get(ptep + i)))) != 1)
			return true;
	}
	return false;
}

static void replace(pte_t old_pte, pte_t *ptep, unsigned long slot)
{
	unsigned long old = page_of(old_pte), new = (old + NR_SLOTS) % NR_PAGES;

	set_owner(old, NOBODY);
	set_owner(new, slot);
	WRITE_ONCE(ptep->pte,
		   (world.first_pfn + new) << PAGE_SHIFT | GUP_PTE_RW);
}

static void collapse(void)
{
	unsigned int which = random_below(2);
	unsigned long first = which * TABLE_SLOTS;
	pmd_t *pmdp = gup_pmd(addr_of(first));
	pte_t *new = spare_tables[which], *old;
	u64 pmd;

	mmap_write_lock(&world.mm);
	pmd = __atomic_exchange_n(&pmdp->pmd, 0, __ATOMIC_SEQ_CST);
	old = gup_table(pmd);
	/* Who has read it may be anywhere in the table now. */
	linger();
	if (!referenced(entries(old, first))) {
		for (unsigned long i = 0; i < TABLE_SLOTS; i++)
			replace(entries(old, first)[i], entries(new, first) + i,
				first + i);
		spare_tables[which] = old;
		pmd = __pa(new) | _PAGE_TABLE;
		changed();
	}
	/* See gup_fast_check_table(). */
	smp_wmb();
	WRITE_ONCE(pmdp->pmd, pmd);
	mmap_write_unlock(&world.mm);
	/* Only then nobody looks at the old table any more. */
	tlb_remove_table_sync_one();
}

/*
 * Faults: what is missing comes back by itself, and what is shared is copied
 */

static vm_fault_t fault(struct vm_area_struct *vma, unsigned long addr,
			unsigned int flags)
{
	unsigned long slot = (addr - ADDR) >> PAGE_SHIFT;
	pte_t pte;

	if ((flags & FAULT_FLAG_ALLOW_RETRY) && random_below(4) == 1) {
		gup_drop_lock(vma, flags);
		gup_wait();
		return VM_FAULT_RETRY;
	}
	spin_lock(lock_of(slot));
	pte = ptep_get(gup_pte(addr));
	if (!pte_none(pte) && !pte_write(pte))
		own_again(slot);
	spin_unlock(lock_of(slot));
	if (!pte_none(pte))
		return 0;
	gup_wait();
	return __atomic_load_n(&stop, __ATOMIC_RELAXED) || random_below(8) == 1 ?
	       VM_FAULT_SIGBUS : 0;
}

/*
 * What the sanitizer knows of barriers: one thread writes and publishes, another
 * reads. A process of its own does it, and ends with the status of a race.
 */

#define EXIT_RACE	66

struct order {
	const char *name;
	bool written_late;
	bool read_early;
	int status;
};

static const struct order orders[] = {
	{ "ordered", .status = 0 },
	{ "written-late", .written_late = true, .status = EXIT_RACE },
	{ "read-early", .read_early = true, .status = EXIT_RACE },
};

static const char *program;
static long message;
static int published;

static void *publish(void *arg)
{
	const struct order *order = arg;

	if (!order->written_late)
		message = 1;
	/* Pairs with the one in receive(). */
	smp_wmb();
	if (order->written_late)
		message = 1;
	WRITE_ONCE(published, 1);
	return NULL;
}

static void receive(const struct order *order)
{
	while (!READ_ONCE(published))
		gup_wait();
	if (!order->read_early)
		smp_rmb();	/* Pairs with the one in publish(). */
	EXPECT_EQ(message, 1);
}

static int exchange_message(const struct order *order)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, publish, (void *)order)) {
		perror("race");
		return 2;
	}
	receive(order);
	pthread_join(thread, NULL);
	return 0;
}

static void test_barriers(void)
{
	char command[512];

	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++) {
		snprintf(command, sizeof(command), "%s %s 2>/dev/null", program,
			 orders[i].name);
		EXPECT_EQ(WEXITSTATUS(system(command)), orders[i].status);
	}
}

/*
 * Tests
 */

static void *repeat(void *fn)
{
	gup_thread_begin();
	while (!enough())
		((void (*)(void))fn)();
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	/* Its state may be looked at until nobody waits for it any more. */
	pthread_barrier_wait(&all_done);
	gup_thread_end();
	return NULL;
}

static void setup(void)
{
	gup_world_reset();
	gup_world_vma(ADDR, addr_of(NR_SLOTS),
		      VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE |
		      VM_SOFTDIRTY);
	world.fault = fault;
	world.vma_locks = true;
	nr_pool = 0;
	nr_changes = 0;
	nr_calls = 0;
	nr_taken = 0;
	memset(pfn_to_page(world.first_pfn), 0, NR_PAGES * sizeof(struct page));
	for (unsigned long n = 0; n < NR_PAGES; n++) {
		gup_folio(world.first_pfn + n, 0);
		set_owner(n, n < NR_SLOTS ? (long)n : NOBODY);
		if (n < NR_SLOTS)
			map(n, n, GUP_PTE_RW);
	}
}

static void expect_clean(void)
{
	for (unsigned long n = 0; n < NR_PAGES; n++) {
		struct folio *folio = folio_at(n);

		if (PageTail(&folio->page) || owners[n] == NOBODY)
			continue;
		EXPECT_EQ(folio_ref_count(folio), world.freed ?
			  (long)folio_nr_pages(folio) : 1);
		if (folio_test_large(folio))
			EXPECT_EQ(atomic_read(&folio->_pincount), 0);
	}
	EXPECT_EQ(gup_stat(0, NR_FOLL_PIN_ACQUIRED),
		  gup_stat(0, NR_FOLL_PIN_RELEASED));
	EXPECT_EQ(gup_warnings, 0);
}

/* Until there were so many calls and so many changes. */
static void run(void (*changer)(void), unsigned long calls, unsigned long changes)
{
	pthread_t threads[NR_WALKERS + 1];

	gup_hook = linger_at_count;
	stop = false;
	wanted_calls = calls * times;
	wanted_changes = changes * times;
	pthread_barrier_init(&all_done, NULL, NR_WALKERS + 1);
	for (unsigned int i = 0; i <= NR_WALKERS; i++) {
		if (pthread_create(&threads[i], NULL, repeat,
				   i ? walk : changer)) {
			perror("race");
			exit(2);
		}
	}
	for (unsigned int i = 0; i <= NR_WALKERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&all_done);
	gup_hook = NULL;
	printf("# %lu calls, %lu pages taken, %lu changes\n", nr_calls, nr_taken,
	       nr_changes);
	/* Or it says nothing. */
	EXPECT(nr_taken > 0);
	expect_clean();
}

static void test_free(void)
{
	setup();
	world.freed = to_pool;
	for (unsigned long block = 0; block < NR_BLOCKS; block++)
		used[block] = FOLIO_PAGES;
	for (unsigned long n = NR_SLOTS; n < NR_PAGES; n++)
		folio_put(folio_at(n));
	run(exchange, 5000, 5000);
}

static void test_split(void)
{
	setup();
	run(split_or_merge, 5000, 5000);
}

static void test_fork(void)
{
	setup();
	run(fork_all, 5000, 200);
}

static void test_share(void)
{
	setup();
	run(share_one, 5000, 300);
}

static void test_collapse(void)
{
	setup();
	for (unsigned int i = 0; i < 2; i++) {
		unsigned long unused = ADDR + (i + 2) * PMD_SIZE;

		spare_tables[i] = gup_pte(ALIGN_DOWN(unused, PMD_SIZE));
	}
	run(collapse, 5000, 1000);
}

static const struct test tests[] = {
	{ "what is not ordered by barriers is found", test_barriers },
	{ "pages are freed and used again", test_free },
	{ "folios are split and merged", test_split },
	{ "fork() shares all pages", test_fork },
	{ "KSM shares a page", test_share },
	{ "a page table is collapsed", test_collapse },
};

int main(int argc, char **argv)
{
	program = argv[0];
	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++) {
		if (argc > 1 && !strcmp(argv[1], orders[i].name))
			return exchange_message(&orders[i]);
	}
	if (argc > 1)
		times = strtoul(argv[1], NULL, 0);
	gup_world_init(NR_PAGES, 16);
	gup_have_pkru = false;
	return tap_run(tests, ARRAY_SIZE(tests));
}
