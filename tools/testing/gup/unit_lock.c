// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which lock the slow path holds, and for how long.
 */
#include "unit.h"

#define MAX_FAULTS	2048

/* Answers of the fault handler, and what it saw. The last answer holds on. */
static struct {
	const vm_fault_t *answers;
	unsigned int nr_answers;
	unsigned int nr;
	unsigned int flags[MAX_FAULTS];
	void (*seen)(unsigned int nr);	/* called after each */
} faults;

static vm_fault_t fault(struct vm_area_struct *of, unsigned long addr,
			unsigned int flags)
{
	const unsigned int nr = faults.nr++;
	const unsigned long i = (addr - ADDR) >> PAGE_SHIFT;
	vm_fault_t answer = faults.answers[min(nr, faults.nr_answers - 1)];

	GUP_MUST(nr < MAX_FAULTS);
	/* One lock or the other, and never both. */
	EXPECT_EQ(current->nr_vma_locks, !!(flags & FAULT_FLAG_VMA_LOCK));
	EXPECT_EQ(current->nr_mmap_locks, !(flags & FAULT_FLAG_VMA_LOCK));
	faults.flags[nr] = flags;
	if (!(answer & (VM_FAULT_RETRY | VM_FAULT_ERROR)))
		map_small(i, i % NR_PAGES, 1);
	if (faults.seen)
		faults.seen(nr);
	if (answer & (VM_FAULT_RETRY | VM_FAULT_COMPLETED))
		gup_drop_lock(of, flags);
	return answer;
}

static void expect_faults(const vm_fault_t *answers, unsigned int nr)
{
	setup();
	memset(&faults, 0, sizeof(faults));
	faults.answers = answers;
	faults.nr_answers = nr;
	world.fault = fault;
	world.vma_locks = true;
}

/* Pins pages from @i on by a function that comes without mmap_lock. */
static long pin(unsigned long i, unsigned long nr, unsigned int flags)
{
	long got = pin_user_pages_unlocked(addr_of(i), nr, pages, flags);

	EXPECT_EQ(current->nr_vma_locks, 0);
	EXPECT_EQ(current->nr_mmap_locks, 0);
	if (got > 0)
		expect_pages(0, got, i);
	return got;
}

static void pin_and_release(unsigned long i, unsigned long nr, unsigned int flags)
{
	EXPECT_EQ(pin(i, nr, flags), nr);
	unpin_user_pages(pages, nr);
	expect_clean();
}

static bool by_vma(unsigned int nr)
{
	return faults.flags[nr] & FAULT_FLAG_VMA_LOCK;
}

static bool tried(unsigned int nr)
{
	return faults.flags[nr] & FAULT_FLAG_TRIED;
}

/* Memory that is not there yet is pinned without mmap_lock. */
static void test_cold(void)
{
	static const vm_fault_t ok[] = { 0 };

	expect_faults(ok, 1);
	pin_and_release(0, 700, FOLL_WRITE);
	EXPECT_EQ(faults.nr, 700);
	for (unsigned int i = 0; i < 700; i++)
		EXPECT_EQ(faults.flags[i], FAULT_FLAG_WRITE | FAULT_FLAG_ALLOW_RETRY |
			  FAULT_FLAG_KILLABLE | FAULT_FLAG_VMA_LOCK);
}

/* Bits that the MMU ignores */
static void test_tagged(void)
{
	static const vm_fault_t ok[] = { 0 };

	expect_faults(ok, 1);
	EXPECT_EQ(pin_user_pages_unlocked(GUP_TAG | addr_of(3), 2, pages, 0), 2);
	expect_pages(0, 2, 3);
	EXPECT(by_vma(0) && by_vma(1));
	unpin_user_pages(pages, 2);
	expect_clean();
}

/* Longterm pins, and whoever lost mmap_lock on the way */
static void test_others(void)
{
	static const vm_fault_t completed[] = { VM_FAULT_COMPLETED, 0 };
	int locked = 1;

	expect_faults(completed + 1, 1);
	pin_and_release(0, 2, FOLL_LONGTERM);
	EXPECT(by_vma(0) && by_vma(1));

	expect_faults(completed, 2);
	mmap_read_lock(&world.mm);
	EXPECT_EQ(pin_user_pages_remote(&world.mm, ADDR, 3, 0, pages, &locked), 3);
	EXPECT_EQ(locked, 0);
	unpin_user_pages(pages, 3);
	expect_clean();
	EXPECT(!by_vma(0) && by_vma(1) && by_vma(2));
}

/* Who holds mmap_lock, and lets nobody drop it, has it all the time. */
static void test_held(void)
{
	static const vm_fault_t ok[] = { 0 };

	expect_faults(ok, 1);
	mmap_read_lock(&world.mm);
	EXPECT_EQ(pin_user_pages(ADDR, 2, FOLL_WRITE, pages), 2);
	mmap_read_unlock(&world.mm);
	EXPECT_EQ(faults.flags[0], FAULT_FLAG_WRITE);
	unpin_user_pages(pages, 2);
	expect_clean();
}

/* A fault that may not wait keeps the lock. */
static void test_nowait(void)
{
	static const vm_fault_t ok[] = { 0 };

	expect_faults(ok, 1);
	pin_and_release(0, 2, FOLL_NOWAIT);
	EXPECT_EQ(faults.flags[0], FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE |
		  FAULT_FLAG_RETRY_NOWAIT);
}

/* And so does the rest: whoever gives it back has to wait for it. */
static void test_nowait_keeps_lock(void)
{
	static const vm_fault_t ok[] = { 0 };
	int locked = 1;

	expect_faults(ok, 1);
	mmap_read_lock(&world.mm);
	world.mm.mmap_lock.writers = 1;
	EXPECT_EQ(pin_user_pages_remote(&world.mm, ADDR, 3, FOLL_NOWAIT, pages,
					&locked), 3);
	EXPECT_EQ(locked, 1);
	mmap_read_unlock(&world.mm);
	world.mm.mmap_lock.writers = 0;
	unpin_user_pages(pages, 3);
	expect_clean();
}

/* VMAs cannot be locked now. */
static void test_no_lock(void)
{
	static const vm_fault_t ok[] = { 0 };

	expect_faults(ok, 1);
	world.vma_locks = false;
	pin_and_release(0, 2, FOLL_WRITE);
	EXPECT(!by_vma(0) && !by_vma(1));
}

/*
 * A fault that needs mmap_lock: it is not said to have been tried, except if it has
 * read from the disk meanwhile, or if it has been tried under mmap_lock.
 */
static void test_retry(void)
{
	static const vm_fault_t needs[] = { VM_FAULT_RETRY, 0 };
	static const vm_fault_t major[] = { VM_FAULT_RETRY | VM_FAULT_MAJOR, 0 };
	static const vm_fault_t twice[] = { VM_FAULT_RETRY, VM_FAULT_RETRY,
					    VM_FAULT_RETRY, 0 };

	expect_faults(needs, 2);
	pin_and_release(0, 3, FOLL_WRITE);
	EXPECT_EQ(faults.nr, 4);
	EXPECT(by_vma(0) && !by_vma(1) && !tried(0) && !tried(1));

	expect_faults(major, 2);
	pin_and_release(0, 3, FOLL_WRITE);
	EXPECT(by_vma(0) && !by_vma(1) && !tried(0) && tried(1) && !tried(2));

	/* By the VMA; mmap_lock, which it drops; the VMA; mmap_lock again. */
	expect_faults(twice, 4);
	pin_and_release(0, 1, FOLL_WRITE);
	EXPECT_EQ(faults.nr, 4);
	EXPECT(by_vma(0) && !by_vma(1) && by_vma(2) && !by_vma(3));
	EXPECT(!tried(0) && !tried(1) && tried(2) && tried(3));
}

/* It drops the lock, and is through: the rest goes on by the VMA. */
static void test_completed(void)
{
	static const vm_fault_t completed[] = { VM_FAULT_COMPLETED };

	expect_faults(completed, 1);
	pin_and_release(0, 3, FOLL_WRITE);
	EXPECT_EQ(faults.nr, 3);
	EXPECT(by_vma(0) && by_vma(1) && by_vma(2));
}

/* What fails tells the same errno under both locks. */
static void test_refused(void)
{
	static const vm_fault_t oom[] = { 0, VM_FAULT_OOM };

	expect_faults(oom, 1);
	vma->vm_flags = RO_VMA;
	EXPECT_EQ(pin(0, 1, FOLL_WRITE), -EFAULT);
	EXPECT_EQ(pin(4 * (SZ_1G >> PAGE_SHIFT), 1, 0), -EFAULT);
	vma->vm_flags = RW_VMA | VM_IO;
	EXPECT_EQ(pin(0, 1, 0), -EFAULT);
	EXPECT_EQ(faults.nr, 0);

	expect_faults(oom, 2);
	EXPECT_EQ(pin(0, 1, 0), 1);
	unpin_user_pages(pages, 1);
	EXPECT_EQ(pin(1, 1, 0), -ENOMEM);
	EXPECT(by_vma(1));
	expect_clean();
}

/* A VMA that ends, and another behind it that may not be written */
static void test_next_vma(void)
{
	static const vm_fault_t ok[] = { 0 };

	expect_faults(ok, 1);
	vma->vm_end = addr_of(3);
	gup_world_vma(addr_of(3), addr_of(8), RW_VMA);
	pin_and_release(0, 6, FOLL_WRITE);
	expect_faults(ok, 1);
	vma->vm_end = addr_of(3);
	gup_world_vma(addr_of(3), addr_of(8), RO_VMA);
	EXPECT_EQ(pin(0, 6, FOLL_WRITE), 3);
	unpin_user_pages(pages, 3);
	expect_clean();
}

/* A fatal signal ends it, and what there is stays. */
static void kill_at_2(unsigned int nr)
{
	current->fatal_signal = nr == 2;
}

static void test_killed(void)
{
	static const vm_fault_t ok[] = { 0 };

	expect_faults(ok, 1);
	faults.seen = kill_at_2;
	EXPECT_EQ(pin(0, 6, FOLL_WRITE), 2);
	EXPECT_EQ(faults.nr, 3);
	unpin_user_pages(pages, 2);
	EXPECT_EQ(pin(1, 1, FOLL_WRITE), -EINTR);
	current->fatal_signal = false;
	expect_clean();
}

static void signal_comes(unsigned int nr)
{
	current->signal = true;
}

static void kill_comes(unsigned int nr)
{
	current->fatal_signal = true;
}

/* The fault has waited under the lock of a VMA, until a signal came. */
static void test_signal_ends_wait(void)
{
	static const vm_fault_t once[] = { VM_FAULT_RETRY, 0 };

	expect_faults(once, 2);
	faults.seen = signal_comes;
	EXPECT_EQ(pin(0, 1, FOLL_INTERRUPTIBLE), -EINTR);
	EXPECT_EQ(faults.nr, 1);
	expect_clean();

	expect_faults(once, 2);
	pin_and_release(0, 1, 0);
	EXPECT_EQ(faults.nr, 2);
	current->signal = false;

	expect_faults(once, 2);
	faults.seen = kill_comes;
	EXPECT_EQ(pin(0, 1, 0), -EINTR);
	EXPECT_EQ(faults.nr, 1);
	current->fatal_signal = false;
	expect_clean();
}

/* Somebody waits for mmap_lock, from the first fault on. */
static void writer_waits(unsigned int nr)
{
	if (nr == 0)
		world.mm.mmap_lock.writers = 1;
}

static void writer_is_through(void)
{
	world.mm.mmap_lock.writers = 0;
}

static void writer_waits_and_kills(unsigned int nr)
{
	writer_waits(nr);
	current->fatal_signal = nr == 1;
}

/* Under mmap_lock it gives way after a step, if it may. */
static void test_gives_way(void)
{
	static const vm_fault_t ok[] = { 0 };
	int locked = 1;

	expect_faults(ok, 1);
	faults.seen = writer_waits;
	world.vma_locked = writer_is_through;
	mmap_read_lock(&world.mm);
	EXPECT_EQ(pin_user_pages_remote(&world.mm, ADDR, 3, 0, pages, &locked), 3);
	EXPECT_EQ(locked, 0);
	/* Not before there is a page: the walk that takes it meets the next fault. */
	EXPECT(!by_vma(0) && !by_vma(1) && by_vma(2));
	unpin_user_pages(pages, 3);
	expect_clean();

	/* Nobody may drop it here. */
	expect_faults(ok, 1);
	faults.seen = writer_waits;
	mmap_read_lock(&world.mm);
	EXPECT_EQ(pin_user_pages(ADDR, 3, FOLL_WRITE, pages), 3);
	EXPECT_EQ(current->nr_mmap_locks, 1);
	mmap_read_unlock(&world.mm);
	writer_is_through();
	unpin_user_pages(pages, 3);
	expect_clean();

	/* It is done anyway. */
	expect_faults(ok, 1);
	map_small(0, 0, 3);
	locked = 1;
	mmap_read_lock(&world.mm);
	world.mm.mmap_lock.writers = 1;
	EXPECT_EQ(pin_user_pages_remote(&world.mm, ADDR, 3, 0, pages, &locked), 3);
	EXPECT_EQ(locked, 1);
	mmap_read_unlock(&world.mm);
	writer_is_through();
	unpin_user_pages(pages, 3);
	expect_clean();
}

/* It has given way, and does not come back. */
static void test_gives_way_and_ends(void)
{
	static const vm_fault_t ok[] = { 0 };

	expect_faults(ok, 1);
	world.vma_locks = false;
	faults.seen = writer_waits_and_kills;
	EXPECT_EQ(pin(0, 3, FOLL_WRITE), 1);
	writer_is_through();
	current->fatal_signal = false;
	unpin_user_pages(pages, 1);
	expect_clean();
}

static unsigned int nr_locked;

static void count_locks(void)
{
	nr_locked++;
}

/* As long as nobody wants the VMA, it is locked once. */
static void test_one_lock(void)
{
	static const vm_fault_t ok[] = { 0 };

	expect_faults(ok, 1);
	world.vma_locked = count_locks;
	nr_locked = 0;
	pin_and_release(500, 600, FOLL_WRITE);
	EXPECT_EQ(nr_locked, 1);
}

/* Somebody wants to change the VMA, at some of the faults. */
static unsigned int wanted_at;

static void vma_is_wanted(unsigned int nr)
{
	atomic_set(&vma->vm_refcnt, wanted_at & BIT(nr) ?
				    VM_REFCNT_EXCLUDE_READERS_FLAG : 0);
}

static void vma_is_wanted_and_page_goes(unsigned int nr)
{
	vma_is_wanted(nr);
	if (nr == 1)
		unmap(1);
}

/* How often the VMA is locked then to pin six pages. */
static unsigned int locks_if_wanted_at(unsigned int faults_wanted,
				       void (*seen)(unsigned int nr))
{
	static const vm_fault_t ok[] = { 0 };

	expect_faults(ok, 1);
	wanted_at = faults_wanted;
	faults.seen = seen;
	world.vma_locked = count_locks;
	nr_locked = 0;
	pin_and_release(0, 6, FOLL_WRITE);
	return nr_locked;
}

static void test_vma_wanted(void)
{
	static const vm_fault_t oom[] = { 0, VM_FAULT_OOM };

	/* A page may be gone before it is taken: so no lock without a page. */
	EXPECT_EQ(locks_if_wanted_at(BIT(0), vma_is_wanted), 1);
	EXPECT_EQ(locks_if_wanted_at(BIT(1), vma_is_wanted), 2);
	EXPECT_EQ(locks_if_wanted_at(BIT(1) | BIT(2),
				     vma_is_wanted_and_page_goes), 2);

	/* What has failed is not tried again for that. */
	expect_faults(oom, 2);
	faults.seen = vma_is_wanted;
	wanted_at = BIT(1);
	EXPECT_EQ(pin(0, 6, FOLL_WRITE), 1);
	EXPECT_EQ(faults.nr, 2);
	unpin_user_pages(pages, 1);
	expect_clean();
}

static void writer_waits_and_page_goes(unsigned int nr)
{
	world.mm.mmap_lock.writers = 1;
	if (nr == 1)
		unmap(1);
}

static void count_and_let_through(void)
{
	nr_locked++;
	writer_is_through();
}

/* And so under mmap_lock, for which somebody waits at each fault. */
static void test_page_per_lock(void)
{
	static const vm_fault_t ok[] = { 0 };

	expect_faults(ok, 1);
	faults.seen = writer_waits_and_page_goes;
	world.vma_locks = false;
	world.vma_locked = count_and_let_through;
	nr_locked = 0;
	EXPECT_EQ(pin(0, 3, FOLL_WRITE), 3);
	writer_is_through();
	EXPECT_EQ(nr_locked, 3);
	EXPECT_EQ(faults.nr, 4);
	unpin_user_pages(pages, 3);
	expect_clean();
}

/*
 * The VMA is changed when it was unlocked, after one page. What is done then is what
 * the system call does: it has taken pages out of the table, too.
 */
static void split(void)
{
	vma->vm_end = addr_of(3);
	gup_world_vma(addr_of(3), addr_of(8), RW_VMA);
}

static void merge(void)
{
	vma->vm_end = addr_of(8);
	world.mm.nr_vmas = 1;
}

static void unmap_all(void)
{
	world.mm.nr_vmas = 0;
	unmap(0);
	unmap(1);
}

static void unmap_end(void)
{
	vma->vm_end = addr_of(1);
	unmap(1);
}

static void protect(void)
{
	vma->vm_flags = RO_VMA;
	unmap(1);
}

static void move_another_here(void)
{
	unmap(1);
	map_small(1, 20, 1);
}

static const struct change {
	const char *what;
	void (*change)(void);
	unsigned long end;	/* of the VMA before, in pages */
	long got;
	unsigned long second;	/* the page that is taken behind the change */
} changes[] = {
	{ "split", split, 8, 6, 1 },
	{ "merged", merge, 3, 6, 1 },
	{ "unmapped", unmap_all, 8, 1 },
	{ "unmapped in part", unmap_end, 8, 1 },
	{ "protected", protect, 8, 1 },
	{ "moved over", move_another_here, 8, 6, 20 },
};

static const struct change *change;

static void count_and_change(void)
{
	if (++nr_locked == 2)
		change->change();
}

static void test_vma_changes(void)
{
	static const vm_fault_t ok[] = { 0 };

	for (change = changes; change < changes + ARRAY_SIZE(changes); change++) {
		expect_faults(ok, 1);
		vma->vm_end = addr_of(change->end);
		if (change->end < 8)
			gup_world_vma(addr_of(change->end), addr_of(8), RW_VMA);
		faults.seen = vma_is_wanted;
		wanted_at = BIT(1);
		world.vma_locked = count_and_change;
		nr_locked = 0;
		EXPECT_EQ(pin_user_pages_unlocked(ADDR, 6, pages, FOLL_WRITE),
			  change->got);
		EXPECT(pages[0] == page_at(0));
		if (change->got > 1)
			EXPECT(pages[1] == page_at(change->second));
		unpin_user_pages(pages, change->got);
		expect_clean();
	}
}

/*
 * userfaultfd is registered when the VMA was unlocked, and write-protects a page that
 * a forced write could have had before.
 */
#define FORCED_PTE	(GUP_PTE | _PAGE_SOFT_DIRTY)

static void register_userfaultfd(void)
{
	if (++nr_locked != 2)
		return;
	vma->vm_flags |= VM_UFFD_WP;
	map(1, 1, FORCED_PTE | _PAGE_UFFD);
}

static void test_userfaultfd(void)
{
	static const vm_fault_t ok[] = { 0 };

	expect_faults(ok, 1);
	map_small(0, 0, 6);
	map_range(1, 1, 5, FORCED_PTE);
	unmap(1);
	vma->vm_flags = RO_VMA;
	faults.seen = vma_is_wanted;
	wanted_at = BIT(0);
	world.vma_locked = register_userfaultfd;
	nr_locked = 0;
	pin_and_release(0, 6, FOLL_WRITE | FOLL_FORCE);
	EXPECT_EQ(nr_locked, 2);
	/* The fault of the page that was not there, and that of the protected one. */
	EXPECT_EQ(faults.nr, 2);
}

const struct test lock_tests[] = {
	{ "lock: cold memory", test_cold },
	{ "lock: tagged address", test_tagged },
	{ "lock: longterm, and after mmap_lock was dropped", test_others },
	{ "lock: mmap_lock held", test_held },
	{ "lock: FOLL_NOWAIT", test_nowait },
	{ "lock: FOLL_NOWAIT keeps it", test_nowait_keeps_lock },
	{ "lock: VMA cannot be locked", test_no_lock },
	{ "lock: fault needs mmap_lock", test_retry },
	{ "lock: fault drops it and is through", test_completed },
	{ "lock: refused", test_refused },
	{ "lock: next VMA", test_next_vma },
	{ "lock: killed", test_killed },
	{ "lock: a signal ends the wait", test_signal_ends_wait },
	{ "lock: gives way to a writer", test_gives_way },
	{ "lock: gives way, and ends", test_gives_way_and_ends },
	{ "lock: VMA is wanted", test_vma_wanted },
	{ "lock: a page each time", test_page_per_lock },
	{ "lock: VMA changes", test_vma_changes },
	{ "lock: userfaultfd is registered", test_userfaultfd },
	{ "lock: once for a VMA", test_one_lock },
};

const unsigned int nr_lock_tests = ARRAY_SIZE(lock_tests);
