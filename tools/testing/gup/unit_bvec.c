// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of pin_user_bvecs_fast() and unpin_user_bvecs(): what becomes an entry,
 * what is joined, what is taken back.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "unit.h"

static struct bio_vec *bvecs;
static struct user_bvecs to;

static void start(unsigned int max)
{
	static void *room;

	setup();
	/* Behind the last entry is nothing. */
	if (!room) {
		room = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (room == MAP_FAILED ||
		    mprotect(room + PAGE_SIZE, PAGE_SIZE, PROT_NONE))
			abort();
	}
	memset(room, 0, PAGE_SIZE);
	bvecs = room + PAGE_SIZE - max * sizeof(*bvecs);
	to = (struct user_bvecs) { .bvecs = bvecs, .max = max };
}

/* Bytes from the one at @at on, counted from ADDR. */
static ssize_t pin(unsigned long at, size_t len, unsigned int flags)
{
	return pin_user_bvecs_fast(ADDR + at, len, flags, &to);
}

static void expect_entry(unsigned int i, unsigned long n, unsigned int offset,
			 unsigned int len)
{
	EXPECT(i < to.nr);
	EXPECT_EQ(bvecs[i].bv_page, page_at(n));
	EXPECT_EQ(bvecs[i].bv_offset, offset);
	EXPECT_EQ(bvecs[i].bv_len, len);
}

static void unpin(void)
{
	unpin_user_bvecs(bvecs, to.nr, false);
	expect_clean();
}

/* An order-0 folio is an entry. */
static void test_small(void)
{
	start(40);
	map_small(0, 0, 40);
	EXPECT_EQ(pin(0, 40 * PAGE_SIZE, FOLL_WRITE), 40 * PAGE_SIZE);
	EXPECT_EQ(to.nr, 40);
	for (unsigned int i = 0; i < 40; i++) {
		expect_entry(i, i, 0, PAGE_SIZE);
		expect_count(folio_at(i), 0, 1);
	}
	unpin();
}

/* Of a large folio one entry is made, by whatever it is mapped. */
static void test_large(void)
{
	start(1);
	new_folio(0, 6);
	map_range(0, 0, 64, GUP_PTE_RW);
	EXPECT_EQ(pin(0, 64 * PAGE_SIZE, FOLL_WRITE), 64 * PAGE_SIZE);
	expect_entry(0, 0, 0, 64 * PAGE_SIZE);
	expect_count(folio_at(0), 0, 64);
	unpin();

	start(1);
	new_folio(0, 9);
	gup_map_pmd(ADDR, world.first_pfn, GUP_PTE_RW);
	EXPECT_EQ(pin(3 * PAGE_SIZE, 500 * PAGE_SIZE, FOLL_WRITE), 500 * PAGE_SIZE);
	expect_entry(0, 3, 0, 500 * PAGE_SIZE);
	unpin();
}

/* Pages that are not in order, or of several folios, make several entries. */
static void try_runs(u64 flags)
{
	start(8);
	new_folio(0, 2);
	new_folio(4, 2);
	map_range(0, 0, 2, flags);
	map_range(2, 3, 1, flags);
	map_range(3, 2, 1, flags);
	map_range(4, 4, 4, flags);
	EXPECT_EQ(pin(0, 8 * PAGE_SIZE, 0), 8 * PAGE_SIZE);
	EXPECT_EQ(to.nr, 4);
	expect_entry(0, 0, 0, 2 * PAGE_SIZE);
	expect_entry(1, 3, 0, PAGE_SIZE);
	expect_entry(2, 2, 0, PAGE_SIZE);
	expect_entry(3, 4, 0, 4 * PAGE_SIZE);
	unpin();

	/* The last page of one folio and the first of the next. */
	start(8);
	new_folio(0, 2);
	new_folio(4, 2);
	map_range(0, 0, 8, flags);
	EXPECT_EQ(pin(0, 8 * PAGE_SIZE, 0), 8 * PAGE_SIZE);
	EXPECT_EQ(to.nr, 2);
	expect_entry(1, 4, 0, 4 * PAGE_SIZE);
	unpin();
}

static void test_runs(void)
{
	try_runs(GUP_PTE_RW);
}

/* The slow path takes these. */
static void test_slow_runs(void)
{
	try_runs(GUP_PTE_RW & ~_PAGE_USER);
}

/* A run goes on in the next page table. */
static void test_tables(void)
{
	start(1);
	new_folio(0, 9);
	map_range(256, 0, 512, GUP_PTE_RW);
	EXPECT_EQ(pin(256 * PAGE_SIZE, 512 * PAGE_SIZE, 0), 512 * PAGE_SIZE);
	expect_entry(0, 0, 0, 512 * PAGE_SIZE);
	unpin();
}

/* First and last entry are cut to the bytes. */
static void test_bytes(void)
{
	start(4);
	map_small(0, 0, 3);
	EXPECT_EQ(pin(100, 2 * PAGE_SIZE, 0), 2 * PAGE_SIZE);
	EXPECT_EQ(to.nr, 3);
	expect_entry(0, 0, 100, PAGE_SIZE - 100);
	expect_entry(1, 1, 0, PAGE_SIZE);
	expect_entry(2, 2, 0, 100);
	unpin();

	start(4);
	map_small(0, 0, 1);
	EXPECT_EQ(pin(10, 1, 0), 1);
	expect_entry(0, 0, 10, 1);
	unpin();

	start(4);
	new_folio(0, 3);
	map_range(0, 0, 8, GUP_PTE_RW);
	EXPECT_EQ(pin(PAGE_SIZE + 8, 4 * PAGE_SIZE, 0), 4 * PAGE_SIZE);
	expect_entry(0, 1, 8, 4 * PAGE_SIZE);
	expect_count(folio_at(0), 0, 5);
	unpin();
	EXPECT_EQ(pin(0, 0, 0), 0);

	/* An offset may also lead to another page. */
	start(4);
	new_folio(0, 3);
	map_range(0, 0, 8, GUP_PTE_RW);
	EXPECT_EQ(pin(5 * PAGE_SIZE + 8, PAGE_SIZE, 0), PAGE_SIZE);
	bvec_set_page(bvecs, page_at(0), PAGE_SIZE, 5 * PAGE_SIZE + 8);
	unpin();
}

/* It ends where the entries do, and what was pinned counts. */
static void test_full(void)
{
	start(3);
	map_small(0, 0, 8);
	EXPECT_EQ(pin(50, 8 * PAGE_SIZE - 50, 0), 3 * PAGE_SIZE - 50);
	EXPECT_EQ(to.nr, 3);
	EXPECT_EQ(pin(3 * PAGE_SIZE, PAGE_SIZE, 0), 0);
	unpin();

	/* At the end of a page table, and one page behind. */
	start(2);
	map_small(510, 0, 3);
	EXPECT_EQ(pin(510 * PAGE_SIZE, 3 * PAGE_SIZE, 0), 2 * PAGE_SIZE);
	unpin();

	/* Of the next folio there is nothing. */
	start(1);
	new_folio(0, 2);
	new_folio(4, 2);
	map_range(0, 0, 8, GUP_PTE_RW);
	EXPECT_EQ(pin(0, 8 * PAGE_SIZE, 0), 4 * PAGE_SIZE);
	expect_count(folio_at(4), 0, 0);
	EXPECT_EQ(pin(4 * PAGE_SIZE, PAGE_SIZE, 0), 0);
	unpin();

	/* No entry is needed for what goes on. */
	start(1);
	new_folio(0, 2);
	map_range(0, 0, 4, GUP_PTE_RW);
	EXPECT_EQ(pin(0, PAGE_SIZE, 0), PAGE_SIZE);
	EXPECT_EQ(pin(PAGE_SIZE, 3 * PAGE_SIZE, 0), 3 * PAGE_SIZE);
	expect_entry(0, 0, 0, 4 * PAGE_SIZE);
	unpin();

	start(0);
	map_small(0, 0, 1);
	EXPECT_EQ(pin(0, PAGE_SIZE, 0), 0);

	/* What large folios leave of the entries is used. */
	start(4);
	new_folio(0, 2);
	new_folio(4, 2);
	map_range(0, 0, 8, GUP_PTE_RW);
	map_small(8, 8, 4);
	EXPECT_EQ(pin(0, 12 * PAGE_SIZE, 0), 10 * PAGE_SIZE);
	EXPECT_EQ(to.nr, 4);
	unpin();
}

/* Entries that are there stay, and the last is extended if the range goes on. */
static void test_join(void)
{
	start(4);
	new_folio(0, 3);
	map_range(0, 0, 8, GUP_PTE_RW);
	EXPECT_EQ(pin(30, 2 * PAGE_SIZE - 30, 0), 2 * PAGE_SIZE - 30);
	EXPECT_EQ(pin(2 * PAGE_SIZE, PAGE_SIZE + 10, 0), PAGE_SIZE + 10);
	EXPECT_EQ(to.nr, 1);
	expect_entry(0, 0, 30, 3 * PAGE_SIZE - 20);
	/* Who goes on in the middle of a page pins it a second time. */
	EXPECT_EQ(pin(3 * PAGE_SIZE + 10, 20, 0), 20);
	EXPECT_EQ(to.nr, 2);
	expect_entry(1, 3, 10, 20);
	expect_count(folio_at(0), 0, 5);
	/* Not what lies before it, or is not next to it. */
	EXPECT_EQ(pin(6 * PAGE_SIZE, PAGE_SIZE, 0), PAGE_SIZE);
	EXPECT_EQ(pin(5 * PAGE_SIZE, PAGE_SIZE, 0), PAGE_SIZE);
	EXPECT_EQ(to.nr, 4);
	unpin();

	/* What begins within the next page does not follow. */
	start(4);
	new_folio(0, 3);
	map_range(0, 0, 8, GUP_PTE_RW);
	EXPECT_EQ(pin(0, 2 * PAGE_SIZE, 0), 2 * PAGE_SIZE);
	EXPECT_EQ(pin(2 * PAGE_SIZE + 100, 8, 0), 8);
	expect_entry(0, 0, 0, 2 * PAGE_SIZE);
	expect_entry(1, 2, 100, 8);
	/* Nor does a page of which a part is there already. */
	EXPECT_EQ(pin(2 * PAGE_SIZE, PAGE_SIZE, 0), PAGE_SIZE);
	expect_entry(2, 2, 0, PAGE_SIZE);
	unpin();

	/* Neighbours, but another folio. */
	start(4);
	map_small(0, 0, 2);
	EXPECT_EQ(pin(0, PAGE_SIZE, 0), PAGE_SIZE);
	EXPECT_EQ(pin(PAGE_SIZE, PAGE_SIZE, 0), PAGE_SIZE);
	EXPECT_EQ(to.nr, 2);
	unpin();
}

/* An entry gets no longer than it may. */
/* One page, as the only entry there is goes on. */
static void test_join_full(void)
{
	start(1);
	new_folio(0, 3);
	map_range(0, 0, 8, GUP_PTE_RW);
	EXPECT_EQ(pin(0, 4 * PAGE_SIZE, FOLL_WRITE), 4 * PAGE_SIZE);
	EXPECT_EQ(pin(4 * PAGE_SIZE, PAGE_SIZE, FOLL_WRITE), PAGE_SIZE);
	expect_entry(0, 0, 0, 5 * PAGE_SIZE);
	EXPECT_EQ(pin(6 * PAGE_SIZE, PAGE_SIZE, FOLL_WRITE), 0);
	unpin();
}

static void test_max_bytes(void)
{
	start(4);
	to.max_bytes = 16 * PAGE_SIZE;
	new_folio(0, 9);
	gup_map_pmd(ADDR, world.first_pfn, GUP_PTE_RW);
	EXPECT_EQ(pin(0, 512 * PAGE_SIZE, 0), 64 * PAGE_SIZE);
	EXPECT_EQ(to.nr, 4);
	for (unsigned int i = 0; i < 4; i++)
		expect_entry(i, i * 16, 0, 16 * PAGE_SIZE);
	unpin();

	start(4);
	to.max_bytes = 3 * PAGE_SIZE;
	new_folio(0, 3);
	map_range(0, 0, 8, GUP_PTE_RW);
	EXPECT_EQ(pin(0, PAGE_SIZE, 0), PAGE_SIZE);
	EXPECT_EQ(pin(PAGE_SIZE, 7 * PAGE_SIZE, 0), 7 * PAGE_SIZE);
	EXPECT_EQ(to.nr, 3);
	expect_entry(0, 0, 0, 3 * PAGE_SIZE);
	expect_entry(1, 3, 0, 3 * PAGE_SIZE);
	expect_entry(2, 6, 0, 2 * PAGE_SIZE);
	unpin();
}

/* What is so long that signals are looked at in between. */
static void test_long(void)
{
	const size_t len = 2 * SZ_1G + SZ_1G / 2;

	for (unsigned int i = 0; i < 2; i++) {
		start(4);
		new_folio(HUGE_AT, PUD_SHIFT - PAGE_SHIFT);
		for (unsigned int j = 0; j < 3; j++)
			gup_map_pud(ADDR + j * SZ_1G, world.first_pfn + HUGE_AT,
				    GUP_PTE_RW);
		/* What is pinned when a signal is seen counts. */
		current->fatal_signal = i;
		EXPECT_EQ(pin(8, len, 0), i ? SZ_1G - 8 : len);
		EXPECT_EQ(to.nr, i ? 1 : 3);
		current->fatal_signal = false;
		expect_entry(0, HUGE_AT, 8, SZ_1G - 8);
		if (!i)
			expect_entry(2, HUGE_AT, 0, SZ_1G / 2 + 8);
		unpin();
	}
}

static const void *watched;

static void meanwhile_clear(void *word, bool after)
{
	if (word != watched || !after)
		return;
	gup_hook = NULL;
	gup_pmd(ADDR + PMD_SIZE)->pmd = 0;
}

static void meanwhile_fork(void *word, bool after)
{
	if (word != watched || !after)
		return;
	gup_hook = NULL;
	world.mm.write_protect_seq.sequence += 2;
}

/* Nothing but the second page table is given back, of an entry that has both. */
static void test_undo(void)
{
	void (*const hooks[])(void *, bool) = {
		meanwhile_clear, meanwhile_fork,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(hooks); i++) {
		start(4);
		new_folio(0, 9);
		map_range(510, 0, 16, GUP_PTE_RW);
		map_small(526, 600, 4);
		watched = &folio_at(601)->_refcount.counter;
		gup_hook = hooks[i];
		EXPECT_EQ(pin(510 * PAGE_SIZE + 5, 3 * PAGE_SIZE, FOLL_NOFAULT),
			  3 * PAGE_SIZE);
		unpin();
		EXPECT(gup_hook);

		start(8);
		new_folio(0, 9);
		map_range(510, 0, 16, GUP_PTE_RW);
		map_small(526, 600, 4);
		watched = &folio_at(601)->_refcount.counter;
		gup_hook = hooks[i];
		if (hooks[i] == meanwhile_clear) {
			EXPECT_EQ(pin(510 * PAGE_SIZE, 20 * PAGE_SIZE, FOLL_NOFAULT),
				  2 * PAGE_SIZE);
			EXPECT_EQ(to.nr, 1);
			expect_entry(0, 0, 0, 2 * PAGE_SIZE);
		} else {
			/* The slow path does not mind a fork that is over. */
			EXPECT_EQ(pin(510 * PAGE_SIZE, 20 * PAGE_SIZE, FOLL_NOFAULT),
				  20 * PAGE_SIZE);
			EXPECT_EQ(to.nr, 5);
			expect_entry(0, 0, 0, 16 * PAGE_SIZE);
		}
		EXPECT(!gup_hook);
		expect_count(folio_at(0), 0,
			     hooks[i] == meanwhile_clear ? 2 : 16);
		unpin();
	}
}

/* Pins of the zero page are not counted, and its entries are not joined. */
static void test_zero(void)
{
	start(4);
	map_small(0, 0, 1);
	gup_make_zero(world.first_pfn);
	map(0, 0, GUP_PTE);
	map(1, 0, GUP_PTE | _PAGE_SPECIAL);
	EXPECT_EQ(pin(0, 2 * PAGE_SIZE, 0), 2 * PAGE_SIZE);
	EXPECT_EQ(to.nr, 2);
	expect_count(folio_at(0), 0, 0);
	unpin();
}

static void test_dirty(void)
{
	start(4);
	map_small(0, 0, 1);
	new_folio(4, 2);
	map_range(1, 4, 4, GUP_PTE_RW);
	EXPECT_EQ(pin(0, 5 * PAGE_SIZE, FOLL_WRITE), 5 * PAGE_SIZE);
	EXPECT_EQ(pin(PAGE_SIZE, 4 * PAGE_SIZE, FOLL_WRITE), 4 * PAGE_SIZE);
	folio_clear_dirty(folio_at(0));
	folio_clear_dirty(folio_at(4));
	unpin_user_bvecs(bvecs, 1, false);
	EXPECT(!folio_test_dirty(folio_at(0)));
	unpin_user_bvecs(bvecs + 2, 1, false);
	EXPECT(!folio_test_dirty(folio_at(4)));
	unpin_user_bvecs(bvecs + 1, 1, true);
	EXPECT(folio_test_dirty(folio_at(4)));
	expect_clean();
}

/* A file may know what part of a folio is dirty, so it is told again. */
static void test_dirty_again(void)
{
	static struct address_space file;

	for (unsigned int i = 0; i < 2; i++) {
		start(1);
		map_small(0, 0, 1);
		EXPECT_EQ(pin(0, PAGE_SIZE, FOLL_WRITE), PAGE_SIZE);
		folio_set_dirty(folio_at(0));
		if (i)
			folio_at(0)->mapping = &file;
		gup_nr_dirty_locked = 0;
		unpin_user_bvecs(bvecs, 1, true);
		EXPECT_EQ(gup_nr_dirty_locked, i);
		expect_clean();
	}
}

/* Who adds pages one by one may have put several folios into an entry. */
static void test_several_folios(void)
{
	static const struct bio_vec all[] = {
		{ .bv_offset = 8, .bv_len = 8 * PAGE_SIZE - 16 },
		{ .bv_offset = 3 * PAGE_SIZE, .bv_len = 4 * PAGE_SIZE + 1 },
		{ .bv_offset = 0, .bv_len = 2 * PAGE_SIZE },
		{ .bv_offset = PAGE_SIZE / 2, .bv_len = PAGE_SIZE },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
		const unsigned long first = all[i].bv_offset / PAGE_SIZE;
		const unsigned long nr = gup_bvec_pages(&all[i]);
		struct folio *last;

		start(8);
		map_small(0, 0, 2);
		new_folio(2, 1);
		new_folio(4, 2);
		map_range(2, 2, 6, GUP_PTE_RW);
		EXPECT_EQ(pin(first * PAGE_SIZE, nr * PAGE_SIZE, FOLL_WRITE),
			  nr * PAGE_SIZE);
		bvecs[0] = all[i];
		bvecs[0].bv_page = page_at(0);
		last = page_folio(page_at(first + nr - 1));
		folio_clear_dirty(last);
		unpin_user_bvecs(bvecs, 1, true);
		EXPECT(folio_test_dirty(last));
		expect_clean();
	}
}

/* What is not mapped comes by the slow path, into the same entries. */
static void test_not_mapped(void)
{
	start(6);
	new_folio(0, 3);
	map_range(0, 0, 2, GUP_PTE_RW);
	/* Not for the lockless walk. */
	map_range(2, 2, 2, GUP_PTE_RW & ~_PAGE_USER);
	map_range(4, 4, 4, GUP_PTE_RW);
	map_small(8, 8, 2);
	EXPECT_EQ(pin(0, 10 * PAGE_SIZE, FOLL_WRITE), 10 * PAGE_SIZE);
	EXPECT_EQ(to.nr, 3);
	expect_entry(0, 0, 0, 8 * PAGE_SIZE);
	expect_entry(2, 9, 0, PAGE_SIZE);
	expect_count(folio_at(0), 0, 8);
	unpin();

	/* A hole: up to there. */
	start(6);
	map_small(0, 0, 3);
	EXPECT_EQ(pin(7, 6 * PAGE_SIZE, FOLL_NOFAULT), 3 * PAGE_SIZE - 7);
	EXPECT_EQ(pin(3 * PAGE_SIZE, PAGE_SIZE, FOLL_NOFAULT), -EFAULT);
	EXPECT_EQ(to.nr, 3);
	unpin();
}

static unsigned int nr_faults;

static vm_fault_t fault_fails(struct vm_area_struct *of, unsigned long addr,
			      unsigned int flags)
{
	nr_faults++;
	if (addr != ADDR + PAGE_SIZE)
		return VM_FAULT_SIGBUS;
	map_small(1, 1, 1);
	return 0;
}

/* What fails behind pages that were taken is left at that. */
static void test_fault_fails(void)
{
	start(4);
	map_small(0, 0, 1);
	nr_faults = 0;
	world.fault = fault_fails;
	EXPECT_EQ(pin(0, 4 * PAGE_SIZE, 0), 2 * PAGE_SIZE);
	EXPECT_EQ(nr_faults, 2);
	EXPECT_EQ(pin(2 * PAGE_SIZE, PAGE_SIZE, 0), -EFAULT);
	EXPECT_EQ(to.nr, 2);
	unpin();

	/* Without room there is no fault. */
	start(1);
	new_folio(0, 2);
	map_range(0, 0, 1, GUP_PTE_RW);
	nr_faults = 0;
	world.fault = fault_fails;
	EXPECT_EQ(pin(0, 2 * PAGE_SIZE, 0), PAGE_SIZE);
	EXPECT_EQ(nr_faults, 0);
	unpin();
}

static vm_fault_t fault_works(struct vm_area_struct *of, unsigned long addr,
			      unsigned int flags)
{
	const unsigned long i = (addr - ADDR) >> PAGE_SHIFT;

	map_small(i, i, 1);
	return 0;
}

/* When the last page has been faulted in, nobody looks at what is behind it. */
static void test_end_faulted_in(void)
{
	unsigned long fallbacks, irqs_off;

	start(4);
	map_small(0, 0, 1);
	world.fault = fault_works;
	fallbacks = vm_events[GUP_FAST_FALLBACK];
	irqs_off = current->irqs_off;
	EXPECT_EQ(pin(0, 3 * PAGE_SIZE, 0), 3 * PAGE_SIZE);
	EXPECT_EQ(vm_events[GUP_FAST_FALLBACK] - fallbacks, 1);
	EXPECT_EQ(current->irqs_off - irqs_off, 2);
	unpin();

	/* Nor is anything faulted in when all has been there. */
	start(4);
	map_small(0, 0, 3);
	fallbacks = vm_events[GUP_FAST_FALLBACK];
	EXPECT_EQ(pin(0, 3 * PAGE_SIZE, 0), 3 * PAGE_SIZE);
	EXPECT_EQ(vm_events[GUP_FAST_FALLBACK], fallbacks);
	unpin();
}

static ssize_t pin_remote_bvecs(unsigned long at, size_t len, unsigned int flags,
				int *locked)
{
	ssize_t ret;

	mmap_read_lock(&world.mm);
	ret = pin_user_bvecs_remote(&world.mm, ADDR + at, len, flags, &to, locked);
	EXPECT_EQ(current->nr_mmap_locks, !locked || *locked);
	if (current->nr_mmap_locks)
		mmap_read_unlock(&world.mm);
	return ret;
}

/* Under mmap_lock: what makes an entry is the same. */
static void test_remote(void)
{
	int locked = 1;

	start(4);
	new_folio(0, 10);
	map_range(0, 0, PTRS_PER_PTE + 16, GUP_PTE_RW);
	EXPECT_EQ(pin_remote_bvecs(100, 2 * PAGE_SIZE - 100, FOLL_WRITE, NULL),
		  2 * PAGE_SIZE - 100);
	EXPECT_EQ(pin_remote_bvecs(2 * PAGE_SIZE, (PTRS_PER_PTE + 1) * PAGE_SIZE + 5,
				   FOLL_WRITE, &locked),
		  (PTRS_PER_PTE + 1) * PAGE_SIZE + 5);
	EXPECT_EQ(locked, 1);
	EXPECT_EQ(to.nr, 1);
	expect_entry(0, 0, 100, (PTRS_PER_PTE + 3) * PAGE_SIZE + 5 - 100);
	EXPECT(mm_flags_test(MMF_HAS_PINNED, &world.mm));
	unpin();

	start(2);
	map_small(0, 0, 3);
	EXPECT_EQ(pin_remote_bvecs(0, 3 * PAGE_SIZE, 0, &locked), 2 * PAGE_SIZE);
	EXPECT_EQ(pin_remote_bvecs(2 * PAGE_SIZE, PAGE_SIZE, 0, &locked), 0);
	EXPECT_EQ(locked, 1);
	unpin();
}

static vm_fault_t fault_drops_lock(struct vm_area_struct *of, unsigned long addr,
				   unsigned int flags)
{
	map_range(0, 0, 1, GUP_PTE_RW);
	gup_drop_lock(of, flags);
	return VM_FAULT_COMPLETED;
}

/* The fault of the first page drops the lock. All of the range is pinned, by parts. */
static void test_remote_unlocked(void)
{
	int locked = 1;

	start(PAGE_SIZE / sizeof(*bvecs));
	new_folio(0, 10);
	map_range(1, 1, PTRS_PER_PTE + 15, GUP_PTE_RW);
	world.fault = fault_drops_lock;
	EXPECT_EQ(pin_remote_bvecs(0, (PTRS_PER_PTE + 2) * PAGE_SIZE, 0, &locked),
		  (PTRS_PER_PTE + 2) * PAGE_SIZE);
	EXPECT_EQ(locked, 0);
	EXPECT_EQ(to.nr, 1);
	unpin();
}

static void test_remote_wrong(void)
{
	int locked = 0;

	start(2);
	gup_warnings_expected = true;
	EXPECT_EQ(pin_remote_bvecs(0, PAGE_SIZE, FOLL_GET, NULL), -EINVAL);
	EXPECT_EQ(pin_remote_bvecs(0, PAGE_SIZE, FOLL_REMOTE, NULL), -EINVAL);
	EXPECT_EQ(pin_remote_bvecs(0, PAGE_SIZE, FOLL_LONGTERM | FOLL_PCI_P2PDMA, NULL),
		  -EINVAL);
	EXPECT_EQ(pin_user_bvecs_remote(&world.mm, ADDR, PAGE_SIZE, 0, &to, &locked),
		  -EINVAL);
	locked = 1;
	EXPECT_EQ(pin_remote_bvecs(0, 0, 0, &locked), 0);
	EXPECT_EQ(pin_remote_bvecs(0, SIZE_MAX, 0, &locked), -EOVERFLOW);
	EXPECT_EQ(pin_remote_bvecs(-8UL - ADDR, PAGE_SIZE, 0, &locked), -EOVERFLOW);
	EXPECT_EQ(pin_remote_bvecs(0, PAGE_SIZE, FOLL_NOFAULT, &locked), -EFAULT);
	EXPECT_EQ(locked, 1);
	EXPECT_EQ(to.nr, 0);
	unpin();
}

static void test_wrong(void)
{
	start(2);
	gup_warnings_expected = true;
	EXPECT_EQ(pin(0, PAGE_SIZE, FOLL_GET), -EINVAL);
	EXPECT_EQ(pin(0, PAGE_SIZE, FOLL_LONGTERM | FOLL_PCI_P2PDMA), -EINVAL);
	to.max_bytes = 100;
	EXPECT_EQ(pin(0, PAGE_SIZE, 0), -EINVAL);
	to.max_bytes = 0;
	to.nr = 3;
	EXPECT_EQ(pin(0, PAGE_SIZE, 0), -EINVAL);
	to.nr = 0;
	EXPECT_EQ(pin_user_bvecs_fast(ADDR, SIZE_MAX, 0, &to), -EOVERFLOW);
	EXPECT_EQ(pin_user_bvecs_fast(-8UL, PAGE_SIZE, 0, &to), -EOVERFLOW);
	EXPECT_EQ(pin_user_bvecs_fast(TASK_SIZE_MAX - 1, 2, 0, &to), -EFAULT);
	EXPECT_EQ(to.nr, 0);
	unpin();
}

const struct test bvec_tests[] = {
	{ "ranges: small folios", test_small },
	{ "ranges: large folios", test_large },
	{ "ranges: runs", test_runs },
	{ "ranges: runs of the slow path", test_slow_runs },
	{ "ranges: page tables", test_tables },
	{ "ranges: bytes", test_bytes },
	{ "ranges: entries used up", test_full },
	{ "ranges: entries that are extended", test_join },
	{ "ranges: page that extends the last entry", test_join_full },
	{ "ranges: longest entry", test_max_bytes },
	{ "ranges: long", test_long },
	{ "ranges: undo", test_undo },
	{ "ranges: zero page", test_zero },
	{ "ranges: dirty", test_dirty },
	{ "ranges: marked dirty again", test_dirty_again },
	{ "ranges: several folios in an entry", test_several_folios },
	{ "ranges: not mapped", test_not_mapped },
	{ "ranges: fault that fails", test_fault_fails },
	{ "ranges: end faulted in", test_end_faulted_in },
	{ "ranges: arguments", test_wrong },
	{ "ranges: another process", test_remote },
	{ "ranges: another process, lock dropped", test_remote_unlocked },
	{ "ranges: another process, arguments", test_remote_wrong },
};

const unsigned int nr_bvec_tests = ARRAY_SIZE(bvec_tests);
