// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: race [MILLISECONDS PER TEST]
 *
 * Threads that take pages without a lock while others unmap, free, split,
 * share and collapse them, for the thread sanitizer. Each page belongs to one
 * address as long as it is not free, so that a page that was taken for another
 * address, or freed while it was pinned, is found out.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

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
static unsigned long nr_changes, nr_taken;
static struct vm_area_struct *vma;
static unsigned int nr_ms = 1000;
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

static void map(unsigned long slot, unsigned long n, u64 flags)
{
	gup_map_pte(addr_of(slot), world.first_pfn + n, flags);
}

/* Also a full barrier. */
static pte_t unmap(unsigned long slot)
{
	return __pte(__atomic_exchange_n(&gup_pte(addr_of(slot))->pte, 0,
					 __ATOMIC_SEQ_CST));
}

static void remap(unsigned long slot, pte_t pte)
{
	__atomic_store_n(&gup_pte(addr_of(slot))->pte, pte_val(pte),
			 __ATOMIC_SEQ_CST);
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
	__atomic_store_n(&folio->_refcount.counter, 1, __ATOMIC_SEQ_CST);
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

/* Gives the others time, now and then so much that they get far. */
static void linger(void)
{
	unsigned int chance = random_below(4096);

	if (!chance)
		usleep(random_below(500));
	for (unsigned int i = chance < 128 ? random_below(10000) : 0; i; i--)
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

static void expect_owned(const struct gup_req *req)
{
	unsigned long slot = (req->start - ADDR) >> PAGE_SHIFT;

	for (unsigned long i = 0; i < req->sink.nr; i++)
		EXPECT_EQ(owner_of(req->sink.pages[i]), slot + i);
}

/* A pinned anonymous page is the process's own and stays so. */
static void expect_exclusive(const struct gup_req *req)
{
	if (!(req->flags & FOLL_PIN))
		return;
	for (unsigned long i = 0; i < req->sink.nr; i++)
		EXPECT(PageAnonExclusive(req->sink.pages[i]));
}

static void walk(bool slow)
{
	static const unsigned int flags[] = {
		FOLL_PIN | FOLL_WRITE, FOLL_PIN, FOLL_GET, FOLL_GET | FOLL_WRITE,
	};
	struct page *pages[NR_SLOTS];
	unsigned long slot = random_below(NR_SLOTS);
	struct gup_req req;

	req = gup_req_init(&world.mm, addr_of(slot),
			   1 + random_below(NR_SLOTS - slot), pages,
			   flags[random_below(ARRAY_SIZE(flags))]);
	if (slow) {
		gup_walk_slow(&req, vma);
		gup_stat_flush(&req.sink.acquired, NR_FOLL_PIN_ACQUIRED);
	} else {
		gup_fast(&req);
	}
	for (int i = 0; i < 3; i++) {
		expect_owned(&req);
		expect_exclusive(&req);
		if (random_below(64) == 1)
			sched_yield();
	}
	__atomic_fetch_add(&nr_taken, req.sink.nr, __ATOMIC_RELAXED);
	if (random_below(4) == 1)
		gup_undo(&req, req.sink.nr / 2);
	gup_release_range(pages, req.sink.nr, req.flags);
}

static void walk_fast(void)
{
	walk(false);
}

static void walk_both(void)
{
	walk(random_below(4) == 1);
}

/*
 * Pages are unmapped and freed, and used again for another address
 */

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long pool[NR_PAGES], nr_pool;

static void to_pool(struct folio *folio)
{
	unsigned long n = folio_pfn(folio) - world.first_pfn;

	set_owner(n, NOBODY);
	pthread_mutex_lock(&pool_lock);
	pool[nr_pool++] = n;
	pthread_mutex_unlock(&pool_lock);
}

static bool from_pool(unsigned long *n)
{
	bool found;

	pthread_mutex_lock(&pool_lock);
	found = nr_pool;
	if (found)
		*n = pool[--nr_pool];
	pthread_mutex_unlock(&pool_lock);
	return found;
}

static void exchange(void)
{
	unsigned long slot = random_below(NR_SLOTS), n;
	pte_t pte;

	spin_lock(lock_of(slot));
	pte = unmap(slot);
	spin_unlock(lock_of(slot));
	if (!pte_none(pte))
		folio_put(folio_at(page_of(pte)));
	if (from_pool(&n)) {
		set_owner(n, slot);
		unfreeze(folio_at(n));
		spin_lock(lock_of(slot));
		map(slot, n, GUP_PTE_RW);
		spin_unlock(lock_of(slot));
	}
	changed();
}

/*
 * Folios are split and merged
 */

#define FOLIO_ORDER	2
#define FOLIO_PAGES	BIT(FOLIO_ORDER)

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

static void fork_all(void)
{
	__atomic_fetch_add(&world.mm.write_protect_seq.sequence, 1,
			   __ATOMIC_SEQ_CST);
	for (unsigned long slot = 0; slot < NR_SLOTS; slot++)
		fork_one(slot);
	__atomic_fetch_add(&world.mm.write_protect_seq.sequence, 1,
			   __ATOMIC_SEQ_CST);
	sched_yield();
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
	sched_yield();
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
	pte_t *new = spare_tables[which];
	u64 pmd = __atomic_exchange_n(&pmdp->pmd, 0, __ATOMIC_SEQ_CST);
	pte_t *old = gup_table(pmd);

	if (!referenced(entries(old, first))) {
		for (unsigned long i = 0; i < TABLE_SLOTS; i++)
			replace(entries(old, first)[i], entries(new, first) + i,
				first + i);
		spare_tables[which] = old;
		pmd = __pa(new) | _PAGE_TABLE;
		changed();
	}
	__atomic_store_n(&pmdp->pmd, pmd, __ATOMIC_SEQ_CST);
	/* Only then nobody looks at the old table any more. */
	tlb_remove_table_sync_one();
}

/*
 * Tests
 */

static void *repeat(void *fn)
{
	gup_thread_begin();
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		((void (*)(void))fn)();
	/* Its state may be looked at until nobody waits for it any more. */
	pthread_barrier_wait(&all_done);
	gup_thread_end();
	return NULL;
}

static void setup(void)
{
	gup_world_reset();
	vma = gup_world_vma(ADDR, addr_of(NR_SLOTS),
			    VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE);
	nr_pool = 0;
	nr_changes = 0;
	nr_taken = 0;
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
		EXPECT_EQ(folio_ref_count(folio), 1);
		if (folio_test_large(folio))
			EXPECT_EQ(atomic_read(&folio->_pincount), 0);
	}
	EXPECT_EQ(gup_stat(0, NR_FOLL_PIN_ACQUIRED),
		  gup_stat(0, NR_FOLL_PIN_RELEASED));
	EXPECT_EQ(gup_warnings, 0);
}

static void run(void (*walker)(void), void (*changer)(void))
{
	struct timespec time = { nr_ms / 1000, nr_ms % 1000 * 1000000L };
	pthread_t threads[NR_WALKERS + 1];

	gup_hook = linger_at_count;
	__atomic_store_n(&stop, false, __ATOMIC_RELAXED);
	pthread_barrier_init(&all_done, NULL, NR_WALKERS + 1);
	for (unsigned int i = 0; i <= NR_WALKERS; i++) {
		if (pthread_create(&threads[i], NULL, repeat,
				   i ? walker : changer)) {
			perror("race");
			exit(2);
		}
	}
	nanosleep(&time, NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i <= NR_WALKERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&all_done);
	gup_hook = NULL;
	printf("# %lu pages taken, %lu changes\n", nr_taken, nr_changes);
	/* Or it says nothing. */
	EXPECT(nr_taken > 100);
	EXPECT(nr_changes > 10);
	expect_clean();
}

static void test_free(void)
{
	setup();
	world.freed = to_pool;
	for (unsigned long n = NR_SLOTS; n < NR_PAGES; n++) {
		atomic_set(&folio_at(n)->_refcount, 0);
		to_pool(folio_at(n));
	}
	run(walk_both, exchange);
}

static void test_split(void)
{
	setup();
	run(walk_both, split_or_merge);
}

static void test_fork(void)
{
	setup();
	run(walk_both, fork_all);
}

static void test_share(void)
{
	setup();
	run(walk_both, share_one);
}

static void test_collapse(void)
{
	setup();
	for (unsigned int i = 0; i < 2; i++) {
		unsigned long unused = ADDR + (i + 2) * PMD_SIZE;

		spare_tables[i] = gup_pte(ALIGN_DOWN(unused, PMD_SIZE));
	}
	/* khugepaged has mmap_lock for writing: no slow walk meanwhile. */
	run(walk_fast, collapse);
}

static const struct test tests[] = {
	{ "pages are freed and used again", test_free },
	{ "folios are split and merged", test_split },
	{ "fork() shares all pages", test_fork },
	{ "KSM shares a page", test_share },
	{ "a page table is collapsed", test_collapse },
};

int main(int argc, char **argv)
{
	if (argc > 1)
		nr_ms = strtoul(argv[1], NULL, 0);
	gup_world_init(NR_PAGES, 16);
	gup_have_pkru = false;
	return tap_run(tests, ARRAY_SIZE(tests));
}
