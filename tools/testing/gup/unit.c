// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the walkers and of reference counting, on page tables that are
 * built by hand. What happens in the middle of a walk is made to happen by a hook on
 * the reference count that it raises, or on the lock that it takes.
 */
#include "unit.h"

/*
 * Which entries the fast path takes
 */

enum level { PTE, PMD, PUD, NR_LEVELS };

struct fast_kind {
	const char *name;
	u64 flags;
	bool read;
	bool write;
};

#define KEY(n)	((u64)(n) << _PAGE_BIT_PKEY_BIT0)

static const struct fast_kind fast_kinds[] = {
	{ "read only", GUP_PTE, true, false },
	{ "writable", GUP_PTE_RW, true, true },
	{ "writable, clean and old", GUP_PTE_RW & ~(_PAGE_ACCESSED | _PAGE_DIRTY),
	  true, true },
	{ "not executable", GUP_PTE_RW | _PAGE_NX, true, true },
	{ "write protected by userfaultfd", GUP_PTE | _PAGE_UFFD, true, false },
	{ "read only, was dirty", GUP_PTE | _PAGE_SAVED_DIRTY, true, false },
	{ "shadow stack", GUP_PTE | _PAGE_DIRTY, true, false },
	{ "of the kernel", GUP_PTE_RW & ~_PAGE_USER, false, false },
	{ "special", GUP_PTE_RW | _PAGE_SPECIAL, false, false },
	{ "without access", _PAGE_PROTNONE | _PAGE_ACCESSED, false, false },
	{ "not present", GUP_PTE_RW & ~_PAGE_PRESENT, false, false },
	{ "key that forbids access", GUP_PTE_RW | KEY(1), false, false },
	{ "key that forbids writing", GUP_PTE_RW | KEY(2), true, false },
	{ "key that permits all", GUP_PTE_RW | KEY(15), true, true },
};

static const unsigned int ref_kinds[] = { FOLL_GET, FOLL_PIN };

/* One folio, mapped by one entry of a level. Returns its number of pages. */
static unsigned long map_leaf(enum level level, u64 flags)
{
	static const unsigned int orders[] = { 0, 9, 18 };
	unsigned long n = level == PUD ? HUGE_AT : 0;

	new_folio(n, orders[level]);
	if (level == PTE)
		map(0, n, flags);
	else if (level == PMD)
		gup_map_pmd(ADDR, world.first_pfn + n, flags);
	else
		gup_map_pud(ADDR, world.first_pfn + n, flags);
	return BIT(orders[level]);
}

static void try_fast_kind(enum level level, const struct fast_kind *kind,
			  unsigned int flags, bool takes)
{
	unsigned long nr, n = level == PUD ? HUGE_AT : 0;

	setup();
	tap_case = kind->name;
	current->pkru = PKRU_AD_BIT << 2 | PKRU_WD_BIT << 4;
	nr = min(map_leaf(level, kind->flags), 5UL);
	EXPECT_EQ(fast(0, nr, flags), takes ? nr : 0);
	expect_pages(0, req.sink.nr, n);
	expect_count(folio_at(n), flags & FOLL_GET ? req.sink.nr : 0,
		     flags & FOLL_PIN ? req.sink.nr : 0);
	EXPECT_EQ(folio_test_referenced(folio_at(n)), takes);
	give_back();
	expect_count(folio_at(n), 0, 0);
}

static void test_fast_kinds(enum level level)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(fast_kinds); i++) {
		const struct fast_kind *kind = &fast_kinds[i];

		for (unsigned int j = 0; j < ARRAY_SIZE(ref_kinds); j++) {
			try_fast_kind(level, kind, ref_kinds[j], kind->read);
			try_fast_kind(level, kind, ref_kinds[j] | FOLL_WRITE,
				      kind->write);
		}
	}
}

static void test_fast_pte_kinds(void)
{
	test_fast_kinds(PTE);
}

static void test_fast_pmd_kinds(void)
{
	test_fast_kinds(PMD);
}

static void test_fast_pud_kinds(void)
{
	test_fast_kinds(PUD);
}

/* An entry of a level above the leaf, to be changed. */
static u64 *entry_above(enum level level)
{
	if (level == PTE)
		return &gup_pmd(ADDR)->pmd;
	return level == PMD ? &gup_pud(ADDR)->pud :
			      &pgd_offset(&world.mm, ADDR)->pgd;
}

/*
 * A table that is missing, at each level. What its entry says but for the bit
 * that makes it one leads to a page that could be taken.
 */
static void test_no_table(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		for (int level = PTE; level <= PUD; level++) {
			setup();
			map_small(0, 0, 2);
			*entry_above(level) &= i ? 0 : ~_PAGE_PRESENT;
			for (unsigned int nr = 1; nr <= 2; nr++) {
				EXPECT_EQ(fast(0, nr, FOLL_GET), 0);
				EXPECT_EQ(req.fast_stop, GUP_FAST_ABSENT);
				EXPECT_EQ(slow(0, nr, FOLL_GET), GUP_NEED_FAULT);
				EXPECT_EQ(req.sink.nr, 0);
			}
			/* What is not there reads as zeroes. */
			EXPECT_EQ(slow(0, 1, FOLL_GET | FOLL_DUMP),
				  i || level == PUD ? GUP_ERROR :
						      GUP_NEED_FAULT);
			expect_clean();
		}
	}
}

/* An entry of 0 leads to page 0, which is as good as any other. */
static void test_no_entry(void)
{
	struct folio *folio = (struct folio *)pfn_to_page(0);

	setup();
	gup_folio(0, 0);
	gup_pte(ADDR);
	for (unsigned int nr = 1; nr <= 2; nr++) {
		EXPECT_EQ(fast(0, nr, FOLL_GET), 0);
		EXPECT_EQ(slow(0, nr, FOLL_GET), GUP_NEED_FAULT);
	}
	EXPECT_EQ(folio_ref_count(folio), 1);
}

/* Keys of which some or all forbid everything, key 0 among them. */
static void test_fast_all_keys(void)
{
	for (unsigned int key = 0; key < 16; key++) {
		setup();
		map_small(0, 0, 1);
		map(0, 0, GUP_PTE_RW | KEY(key));
		current->pkru = ~0U;
		EXPECT_EQ(fast(0, 1, FOLL_GET), 0);
		current->pkru = ~(3U << (2 * key));
		EXPECT_EQ(fast(0, 1, FOLL_GET | FOLL_WRITE), 1);
		give_back();
	}
}

static void test_fast_keys_in_turn(void)
{
	setup();
	map_small(0, 0, 32);
	for (unsigned int i = 0; i < 32; i++)
		map(i, i, GUP_PTE_RW | KEY(i % 16));
	EXPECT_EQ(fast(0, 32, FOLL_PIN | FOLL_WRITE), 32);
	expect_pages(0, 32, 0);
	give_back();
	current->pkru = PKRU_WD_BIT << (2 * 7);
	EXPECT_EQ(fast(0, 32, FOLL_PIN | FOLL_WRITE), 7);
	give_back();
	EXPECT_EQ(fast(0, 32, FOLL_PIN), 32);
	give_back();
}

/*
 * Spans
 */

static void both_ways(unsigned long i, unsigned long nr, unsigned int flags,
		      unsigned long wanted, unsigned long n)
{
	EXPECT_EQ(fast(i, nr, flags), wanted);
	expect_pages(0, wanted, n);
	give_back();
	slow(i, nr, flags);
	EXPECT_EQ(req.sink.nr, wanted);
	expect_pages(0, wanted, n);
	give_back();
}

/* Folios that lie one behind the other are still folios of their own. */
static void test_span_folio_ends(void)
{
	setup();
	new_folio(0, 4);
	new_folio(16, 4);
	map_small(32, 32, 4);
	new_folio(36, 2);
	map_range(0, 0, 40, GUP_PTE_RW);
	both_ways(0, 40, FOLL_PIN | FOLL_WRITE, 40, 0);
	both_ways(5, 30, FOLL_GET, 30, 5);

	fast(5, 30, FOLL_PIN);
	expect_count(folio_at(0), 0, 11);
	expect_count(folio_at(16), 0, 16);
	expect_count(folio_at(32), 0, 1);
	expect_count(folio_at(36), 0, 0);
	give_back();
}

/* Every length from every page of a folio that lies between two others. */
static void test_span_parts(void)
{
	setup();
	map_small(0, 0, 2);
	new_folio(4, 2);
	map_range(2, 4, 4, GUP_PTE_RW);
	map_small(6, 8, 2);
	for (unsigned long i = 2; i < 6; i++) {
		for (unsigned long nr = 1; i + nr <= 6; nr++)
			both_ways(i, nr, FOLL_PIN, nr, i + 2);
	}
}

/* What breaks a run within a folio; @nr pages are to be taken all the same. */
static void expect_broken_run(const char *name, u64 val, unsigned int flags,
			      unsigned long wanted)
{
	tap_case = name;
	setup();
	new_folio(0, 4);
	map_range(0, 0, 16, GUP_PTE_RW);
	gup_pte(addr_of(7))->pte = val;
	both_ways(0, 16, flags, wanted, 0);
}

static void test_span_broken(void)
{
	u64 good = (world.first_pfn + 7) << PAGE_SHIFT | GUP_PTE_RW;

	expect_broken_run("hole", 0, FOLL_PIN, 7);
	expect_broken_run("read only", good & ~(_PAGE_RW | _PAGE_DIRTY),
			  FOLL_PIN | FOLL_WRITE, 7);
	expect_broken_run("read only, to be read",
			  good & ~(_PAGE_RW | _PAGE_DIRTY), FOLL_PIN, 16);
	expect_broken_run("clean", good & ~_PAGE_DIRTY, FOLL_PIN | FOLL_WRITE, 16);
	expect_broken_run("old", good & ~_PAGE_ACCESSED, FOLL_GET, 16);
	expect_broken_run("another key", good | KEY(3), FOLL_PIN | FOLL_WRITE, 16);
}

/*
 * Entries of a large folio are compared in batches of 16. Whatever is done for the
 * first has to be done for the next, and for what is left.
 */

#define LONG_ORDER	6
#define LONG_NR		BIT(LONG_ORDER)

static void map_long(u64 flags)
{
	setup();
	new_folio(0, LONG_ORDER);
	map_range(3, 0, LONG_NR, flags);
}

/* From everywhere to everywhere, so that each place is in each batch once. */
static void test_span_batches(void)
{
	map_long(GUP_PTE_RW);
	for (unsigned long from = 0; from < LONG_NR; from += 5) {
		for (unsigned long nr = 1; from + nr <= LONG_NR; nr += 3) {
			both_ways(3 + from, nr, FOLL_PIN | FOLL_WRITE, nr, from);
			both_ways(3 + from, nr, FOLL_GET, nr, from);
		}
	}
	both_ways(3, LONG_NR, FOLL_PIN, LONG_NR, 0);
}

#ifdef GUP_GENERIC
/* One page table: the second and the third of its four batches are known to be. */
static void map_hinted(void)
{
	setup();
	new_folio(0, LONG_ORDER);
	map_range(0, 0, LONG_NR, GUP_PTE_RW);
	for (unsigned long i = 16; i < 48; i++)
		gup_pte(addr_of(i))->pte |= _PAGE_CONT;
}

/* An architecture takes one entry out of a batch by clearing all of it first. */
static void clear_batch(void *word, bool after)
{
	if (!after)
		return;
	gup_hook = NULL;
	for (unsigned long i = 32; i < 48; i++)
		WRITE_ONCE(gup_pte(addr_of(i))->pte, 0);
}

static void test_span_hints(void)
{
	map_hinted();
	for (unsigned long from = 0; from < LONG_NR; from += 5) {
		for (unsigned long nr = 1; from + nr <= LONG_NR; nr += 3)
			both_ways(from, nr, FOLL_PIN | FOLL_WRITE, nr, from);
	}
	/* No more is referenced than asked for, though the batch is longer. */
	EXPECT_EQ(fast(35, 7, FOLL_GET), 7);
	expect_count(folio_at(0), 7, 0);
	give_back();

	gup_hook = clear_batch;
	EXPECT_EQ(fast(16, 40, FOLL_GET), 16);
	expect_pages(0, 16, 16);
	expect_count(folio_at(0), 16, 0);
	give_back();

	map_hinted();
	gup_hook = clear_batch;
	EXPECT_EQ(fast(35, 7, FOLL_GET), 0);
	expect_count(folio_at(0), 0, 0);
	give_back();
}
#endif

/* Other values of an entry in the middle: what is taken of those behind it too? */
struct batch_change {
	const char *name;
	u64 change;		/* of the bits of the entry */
	unsigned int flags;
	bool stops;
};

static const struct batch_change batch_changes[] = {
	{ "read only, write", _PAGE_RW | _PAGE_DIRTY, FOLL_PIN | FOLL_WRITE, true },
	{ "read only, read", _PAGE_RW | _PAGE_DIRTY, FOLL_PIN, false },
	{ "clean", _PAGE_DIRTY, FOLL_PIN | FOLL_WRITE, false },
	{ "old", _PAGE_ACCESSED, FOLL_GET, false },
	{ "next page", PAGE_SIZE, FOLL_GET, false },
	{ "not user", _PAGE_USER, FOLL_GET, true },
	{ "special", _PAGE_SPECIAL, FOLL_GET, true },
	{ "soft-dirty", _PAGE_SOFT_DIRTY, FOLL_PIN | FOLL_WRITE, false },
};

static void try_batch_change(const struct batch_change *c, unsigned long at)
{
	const unsigned long nr = c->stops ? at : LONG_NR;

	map_long(GUP_PTE_RW);
	gup_pte(addr_of(3 + at))->pte ^= c->change;
	EXPECT_EQ(fast(3, LONG_NR, c->flags), nr);
	expect_pages(0, min(nr, at), 0);
	if (nr > at)
		EXPECT_EQ(pages[at], page_at(c->change == PAGE_SIZE ? at ^ 1 : at));
	if (nr > at + 1)
		expect_pages(at + 1, nr - at - 1, at + 1);
	give_back();
	/* Not what the MMU permits, but what the VMA does, counts here. */
	if (c->change == _PAGE_USER || c->change == _PAGE_SPECIAL)
		return;
	slow(3, LONG_NR, c->flags);
	EXPECT_EQ(req.sink.nr, nr);
	give_back();
}

static void test_span_batch_changes(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(batch_changes); i++) {
		tap_case = batch_changes[i].name;
		for (unsigned long at = 0; at < LONG_NR; at += 3)
			try_batch_change(&batch_changes[i], at);
	}
}

/*
 * A page of a span is not exclusive: entries that permit writing tell that the
 * page is, others that it may not be.
 */
static void test_span_batch_shared(void)
{
	for (unsigned long at = 0; at < LONG_NR; at += 7) {
		map_long(GUP_PTE);
		share(at);
		slow(3, LONG_NR, FOLL_PIN);
		EXPECT_EQ(req.sink.nr, at);
		give_back();
		EXPECT_EQ(slow(3 + at, 1, FOLL_PIN), GUP_NEED_UNSHARE);
		EXPECT(fast(3, LONG_NR, FOLL_PIN) <= at);
		give_back();
		EXPECT_EQ(fast(3, LONG_NR, FOLL_GET), LONG_NR);
		give_back();
	}
}

/*
 * The first entry permits writing and tells nothing of the others: they do not,
 * and map pages that are shared. The other way round as well.
 */
static void test_span_mixed_write(void)
{
	for (unsigned long at = 1; at < LONG_NR; at += 5) {
		map_long(GUP_PTE_RW);
		for (unsigned long i = at; i < LONG_NR; i++) {
			map(3 + i, i, GUP_PTE);
			share(i);
		}
		EXPECT_EQ(fast(3, LONG_NR, FOLL_PIN), at);
		give_back();
		slow(3, LONG_NR, FOLL_PIN);
		EXPECT_EQ(req.sink.nr, at);
		give_back();

		map_long(GUP_PTE);
		map_range(3 + at, at, LONG_NR - at, GUP_PTE_RW);
		EXPECT_EQ(fast(3, LONG_NR, FOLL_PIN | FOLL_WRITE), 0);
		EXPECT_EQ(slow(3, LONG_NR, FOLL_PIN | FOLL_WRITE), GUP_NEED_FAULT);
		EXPECT_EQ(req.sink.nr, 0);
		EXPECT_EQ(fast(3 + at, 1, FOLL_PIN | FOLL_WRITE), 1);
		give_back();
	}
}

/*
 * What the dirty bit says of a shadow stack is that it may be written to. So where
 * it differs the entries are not alike.
 */
static void test_span_shadow_stack(void)
{
	for (unsigned long at = 1; at < LONG_NR; at += 5) {
		map_long(GUP_PTE | _PAGE_DIRTY);
		for (unsigned long i = at; i < LONG_NR; i++) {
			map(3 + i, i, GUP_PTE);
			share(i);
		}
		EXPECT(fast(3, LONG_NR, FOLL_PIN) <= at);
		give_back();
		slow(3, LONG_NR, FOLL_PIN);
		EXPECT_EQ(req.sink.nr, at);
		give_back();
	}
}

static unsigned long nr_updates;

static void count_updates(void *word, bool after)
{
	nr_updates += !after && word == &folio_at(0)->_refcount.counter;
}

/* A folio costs one update of its count, to take it and to give it back. */
static void test_span_updates(void)
{
	for (int walker = 0; walker < 2; walker++) {
		map_long(GUP_PTE_RW);
		nr_updates = 0;
		gup_hook = count_updates;
		if (walker)
			slow(3, LONG_NR, FOLL_PIN | FOLL_WRITE);
		else
			fast(3, LONG_NR, FOLL_PIN | FOLL_WRITE);
		EXPECT_EQ(nr_updates, 1);
		unpin_user_pages(pages, LONG_NR);
		EXPECT_EQ(nr_updates, 2);
		gup_hook = NULL;
		expect_clean();
	}
}

/* Pages of a folio in another order than they lie in memory. */
static void test_span_out_of_order(void)
{
	static const unsigned char order[] = {
		0, 1, 1, 2, 3, 5, 4, 3, 2, 15, 0, 0, 14, 15, 6, 7,
	};

	setup();
	new_folio(0, 4);
	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++)
		map(i, order[i], GUP_PTE_RW);
	for (int walker = 0; walker < 2; walker++) {
		if (walker)
			slow(0, 16, FOLL_PIN | FOLL_WRITE);
		else
			fast(0, 16, FOLL_PIN | FOLL_WRITE);
		EXPECT_EQ(req.sink.nr, 16);
		for (unsigned int i = 0; i < ARRAY_SIZE(order); i++)
			EXPECT_EQ(pages[i], page_at(order[i]));
		expect_count(folio_at(0), 0, 16);
		give_back();
	}
}

/* One page, mapped over and over: every entry is a pin. */
static void test_span_same_page(void)
{
	setup();
	new_folio(0, 0);
	for (unsigned int i = 0; i < 64; i++)
		map(i, 0, GUP_PTE_RW);
	EXPECT_EQ(fast(0, 64, FOLL_PIN | FOLL_WRITE), 64);
	expect_count(folio_at(0), 0, 64);
	give_back();
}

/* Page tables, leaves and holes one behind the other. */
static void test_span_tables(void)
{
	setup();
	map_small(0, 0, 512);
	new_folio(512, 9);
	gup_map_pmd(addr_of(512), world.first_pfn + 512, GUP_PTE_RW);
	map_small(1024, 1024, 512);
	EXPECT_EQ(fast(100, 1400, FOLL_PIN | FOLL_WRITE), 1400);
	expect_pages(0, 1400, 100);
	expect_count(folio_at(512), 0, 512);
	give_back();
	EXPECT_EQ(fast(700, 10, FOLL_GET), 10);
	expect_pages(0, 10, 700);
	give_back();
	EXPECT_EQ(fast(1500, 100, FOLL_PIN), 36);
	give_back();
}

static void test_span_of_leaf_parts(void)
{
	static const unsigned long parts[][2] = {
		{ 0, 1 }, { 0, 512 }, { 511, 1 }, { 255, 2 }, { 1, 511 },
	};

	setup();
	new_folio(512, 9);
	gup_map_pmd(ADDR, world.first_pfn + 512, GUP_PTE_RW);
	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++)
		both_ways(parts[i][0], parts[i][1], FOLL_PIN | FOLL_WRITE,
			  parts[i][1], 512 + parts[i][0]);
}

/*
 * Undo
 */

static void test_undo_to_mark(void)
{
	setup();
	new_folio(0, 4);
	map_range(0, 0, 16, GUP_PTE_RW);
	map_small(16, 16, 16);
	for (unsigned int i = 0; i < ARRAY_SIZE(ref_kinds); i++) {
		const bool pin = ref_kinds[i] == FOLL_PIN;

		EXPECT_EQ(fast(0, 32, ref_kinds[i]), 32);
		gup_undo(&req, 20);
		expect_count(folio_at(19), !pin, pin);
		expect_count(folio_at(20), 0, 0);
		gup_undo(&req, 5);
		EXPECT_EQ(req.sink.nr, 5);
		expect_count(folio_at(0), pin ? 0 : 5, pin ? 5 : 0);
		expect_count(folio_at(16), 0, 0);
		give_back();
	}
}

/*
 * Meanwhile: what happens between two steps of the walk
 */

static void (*meanwhile)(void);
static void *meanwhile_word;
static bool meanwhile_after;

/* What a large folio has its pincount in is something else in other pages. */
static void watch_pincount(void *word, bool after)
{
	if (word == &folio_at(0)->_pincount.counter)
		EXPECT(folio_has_pincount(folio_at(0)));
}

static void hook(void *word, bool after)
{
	if (word != meanwhile_word || after != meanwhile_after)
		return;
	gup_hook = NULL;
	meanwhile();
	gup_hook = watch_pincount;
}

static bool happened(void)
{
	return gup_hook == watch_pincount;
}

/* Calls @fn once, right before or after the count of page @n is changed. */
static void arm(unsigned long n, bool after, void (*fn)(void))
{
	meanwhile = fn;
	meanwhile_word = &folio_at(n)->_refcount.counter;
	meanwhile_after = after;
	gup_hook = hook;
}

/* Calls @fn right before a lock is taken, or a mapping is looked into. */
static void arm_before(void *word, void (*fn)(void))
{
	meanwhile = fn;
	meanwhile_word = word;
	meanwhile_after = false;
	gup_hook = hook;
}

static void change_pte(void)
{
	unmap(3);
}

/* Nothing but the permission to write is gone from the entry. */
static void share_pte(void)
{
	map(3, 3, GUP_PTE);
	share(3);
}

static void move_pmd(void)
{
	gup_pmd(ADDR)->pmd += PAGE_SIZE;
}

static void clear_pmd(void)
{
	gup_pmd(ADDR)->pmd = 0;
}

static void clear_second_pmd(void)
{
	gup_pmd(ADDR + PMD_SIZE)->pmd = 0;
}

static void clear_pud(void)
{
	gup_pud(ADDR)->pud = 0;
}

static void start_fork(void)
{
	world.mm.write_protect_seq.sequence++;
}

static void whole_fork(void)
{
	world.mm.write_protect_seq.sequence += 2;
}

/* All of a page table is given back if its PMD has changed, and no more. */
static void test_meanwhile_pmd(void)
{
	void (*const changes[])(void) = { move_pmd, clear_pmd };

	for (unsigned int i = 0; i < ARRAY_SIZE(changes); i++) {
		setup();
		map_small(0, 0, 8);
		arm(5, true, changes[i]);
		EXPECT_EQ(fast(0, 8, FOLL_GET), 0);
		expect_clean();
		EXPECT(happened());
	}
	setup();
	map_small(510, 0, 2);
	new_folio(2, 1);
	map_range(512, 2, 2, GUP_PTE_RW);
	meanwhile = clear_pmd;
	arm(2, true, clear_pmd);
	/* It is the first table's PMD that is cleared. */
	EXPECT_EQ(fast(510, 4, FOLL_PIN), 4);
	give_back();
}

/* The last page of the table is the last chance to see it. */
static void test_meanwhile_pmd_at_last(void)
{
	setup();
	map_small(0, 0, 512);
	arm(511, true, clear_pmd);
	EXPECT_EQ(fast(0, 512, FOLL_PIN), 0);
	expect_clean();
}

static void test_meanwhile_pte(void)
{
	setup();
	map_small(0, 0, 8);
	arm(3, true, change_pte);
	EXPECT_EQ(fast(0, 8, FOLL_PIN), 3);
	give_back();

	setup();
	map_small(0, 0, 8);
	arm(3, false, change_pte);
	EXPECT_EQ(fast(0, 8, FOLL_GET), 3);
	give_back();

	/* The same page. It was writable, and is shared by the time it is referenced. */
	setup();
	map_small(0, 0, 8);
	arm(3, false, share_pte);
	EXPECT_EQ(fast(0, 8, FOLL_PIN | FOLL_WRITE), 3);
	give_back();

	/* In the middle of a span. */
	setup();
	new_folio(0, 4);
	map_range(0, 0, 16, GUP_PTE_RW);
	arm(0, true, change_pte);
	EXPECT_EQ(fast(0, 16, FOLL_PIN), 3);
	expect_count(folio_at(0), 0, 3);
	give_back();
}

/* Which entry of the long folio changes, and how. */
static unsigned long changed_at;
static u64 changed_by;

static void change_long(void)
{
	gup_pte(addr_of(3 + changed_at))->pte ^= changed_by;
}

/* In each batch, and the first entry above all: it is not believed twice. */
static void test_meanwhile_batches(void)
{
	static const u64 changes[] = {
		_PAGE_PRESENT, _PAGE_RW, PAGE_SIZE, _PAGE_PRESENT | _PAGE_PROTNONE,
	};

	for (unsigned int j = 0; j < ARRAY_SIZE(changes); j++) {
		changed_by = changes[j];
		for (unsigned long at = 0; at < LONG_NR; at++) {
			changed_at = at;
			map_long(GUP_PTE_RW);
			arm(0, true, change_long);
			fast(3, LONG_NR, FOLL_PIN | FOLL_WRITE);
			EXPECT(happened());
			/* The walk may go on at the page that is there now. */
			EXPECT_EQ(min(req.sink.nr, at), at);
			if (req.sink.nr > at)
				EXPECT_EQ(pages[at], page_at(at ^ 1));
			EXPECT(req.sink.nr == at || (changed_by == PAGE_SIZE && at));
			give_back();
		}
	}
}

/* What is undone is what was taken in this table, and nothing before. */
static void test_meanwhile_second_table(void)
{
	for (unsigned int order = 0; order <= LONG_ORDER; order += LONG_ORDER) {
		setup();
		map_small(480, 0, 32);
		for (unsigned long n = 64; n < 128; n += BIT(order))
			new_folio(n, order);
		map_range(512, 64, 64, GUP_PTE_RW);
		arm(64, true, clear_second_pmd);
		EXPECT_EQ(fast(480, 96, FOLL_PIN), 32);
		expect_pages(0, 32, 0);
		give_back();
		/* One page of it. */
		map_range(512, 64, 1, GUP_PTE_RW);
		arm(64, true, clear_second_pmd);
		EXPECT_EQ(fast(511, 2, FOLL_GET), 1);
		give_back();
		EXPECT(happened());
	}
}

static void test_meanwhile_leaf(void)
{
	setup();
	map_leaf(PMD, GUP_PTE_RW);
	arm(0, true, clear_pmd);
	EXPECT_EQ(fast(0, 512, FOLL_PIN), 0);
	expect_clean();

	setup();
	map_leaf(PUD, GUP_PTE_RW);
	arm(HUGE_AT, true, clear_pud);
	EXPECT_EQ(fast(0, 512, FOLL_GET), 0);
	expect_count(folio_at(HUGE_AT), 0, 0);
}

#define HIGH_HALF	BIT(40)

/* The entry that changes while it is read; what it is before and after. */
static u64 *halved;
static u64 halved_before, halved_after;

static void between_halves(void *entry)
{
	if (entry != halved)
		return;
	gup_halves_hook = NULL;
	*halved = halved_after;
}

/* The first half is that of an entry that was there before, the second of one that was not. */
static void read_in_halves(void)
{
	*halved = halved_before;
	gup_halves_hook = between_halves;
}

/* The first look: half of what maps a page, half of what does not. */
static void expect_first_look(u64 *entry, unsigned int flags)
{
	halved = entry;
	halved_before = *entry;
	halved_after = HIGH_HALF;
	read_in_halves();
	EXPECT_EQ(fast(0, 16, flags), 0);
	EXPECT(!gup_halves_hook);
	expect_clean();
}

/*
 * A later look, after the grab. The entry was another and becomes a third: the halves
 * are those of the one that was there at first.
 */
static void expect_later_look(u64 *entry, unsigned int flags, unsigned long want)
{
	halved = entry;
	halved_before = *entry ^ HIGH_HALF;
	halved_after = 0;
	arm(0, true, read_in_halves);
	EXPECT_EQ(fast(0, 16, flags), want);
	EXPECT(happened() && !gup_halves_hook);
	give_back();
}

static void map_order4(void)
{
	setup();
	new_folio(0, 4);
	map_range(0, 0, 16, GUP_PTE_RW);
}

static void test_meanwhile_halves(void)
{
	static const unsigned int flags[] = { FOLL_GET, FOLL_PIN };

	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
		setup();
		map_small(0, 0, 16);
		expect_first_look(&gup_pte(ADDR)->pte, flags[i]);
		setup();
		map_small(0, 0, 16);
		expect_first_look(&gup_pmd(ADDR)->pmd, flags[i]);
		setup();
		map_small(0, 0, 16);
		expect_later_look(&gup_pte(ADDR)->pte, flags[i], 0);
		setup();
		map_small(0, 0, 16);
		expect_later_look(&gup_pmd(ADDR)->pmd, flags[i], 0);
		map_order4();
		expect_later_look(&gup_pte(addr_of(3))->pte, flags[i], 3);
		setup();
		map_leaf(PMD, GUP_PTE_RW);
		expect_later_look(&gup_pmd(ADDR)->pmd, flags[i], 0);
	}
}

/* A pin holds against fork(), window by window; a get does not take part. */
static void test_meanwhile_fork(void)
{
	void (*const forks[])(void) = { start_fork, whole_fork };
	const unsigned long undone = vm_events[GUP_FAST_UNDONE];

	for (unsigned int i = 0; i < ARRAY_SIZE(forks); i++) {
		setup();
		map_small(0, 0, 8);
		arm(5, true, forks[i]);
		EXPECT_EQ(fast(0, 8, FOLL_PIN), 0);
		expect_clean();

		setup();
		map_small(0, 0, 8);
		arm(5, true, forks[i]);
		EXPECT_EQ(fast(0, 8, FOLL_GET), 8);
		give_back();
	}
	setup();
	map_small(0, 0, 2);
	start_fork();
	EXPECT_EQ(fast(0, 2, FOLL_PIN), 0);
	EXPECT_EQ(fast(0, 2, FOLL_GET), 2);
	give_back();
	/* Only what was taken can be undone. */
	EXPECT_EQ(vm_events[GUP_FAST_UNDONE] - undone, ARRAY_SIZE(forks));
}

/* What earlier windows have taken stays. */
static void test_meanwhile_fork_later(void)
{
	setup();
	map_small(500, 0, 24);
	arm(20, true, whole_fork);
	EXPECT_EQ(fast(500, 24, FOLL_PIN), 12);
	expect_pages(0, 12, 0);
	give_back();
}

static void split_folio(void)
{
	for (unsigned int i = 0; i < 16; i++)
		new_folio(i, 0);
}

static void free_folio(void)
{
	atomic_set(&folio_at(0)->_refcount, 0);
}

static void merge_folio(void)
{
	new_folio(0, 4);
}

/* In place of the order are flags of a page now. They read as 4, which it was. */
static void split_used_folio(void)
{
	split_folio();
	folio_set_referenced(folio_at(0));
	folio_clear_lru(folio_at(1));
	folio_set_referenced(folio_at(1));
}

static void merge_used_folio(void)
{
	merge_folio();
	folio_set_referenced(folio_at(0));
}

static void detach_tail(void)
{
	page_at(4)->compound_info = 0;
}

/* Takes as many as it likes, but no wrong ones, and counts them right. */
static void fast_at_will(unsigned long i, unsigned long nr, unsigned int flags)
{
	fast(i, nr, flags);
	EXPECT(happened());
	expect_pages(0, req.sink.nr, i);
	for (unsigned long j = 0; j < req.sink.nr && (flags & FOLL_PIN); j++)
		EXPECT(folio_maybe_dma_pinned(page_folio(pages[j])));
	give_back();
}

static void try_folio_change(bool large, unsigned long i, unsigned long nr,
			     void (*fn)(void))
{
	const unsigned int flags[] = { FOLL_GET, FOLL_PIN };

	for (unsigned int j = 0; j < ARRAY_SIZE(flags); j++) {
		setup();
		map_small(0, 0, 16);
		if (large)
			merge_folio();
		arm(large ? 0 : i, false, fn);
		fast_at_will(i, nr, flags[j]);
	}
}

/* A folio comes apart or together between the first look and the reference. */
static void test_meanwhile_folio(void)
{
	static const unsigned long parts[][2] = {
		{ 0, 16 }, { 0, 1 }, { 4, 4 }, { 4, 1 },
	};

	for (unsigned int j = 0; j < ARRAY_SIZE(parts); j++) {
		try_folio_change(true, parts[j][0], parts[j][1], split_folio);
		try_folio_change(true, parts[j][0], parts[j][1], split_used_folio);
		try_folio_change(false, parts[j][0], parts[j][1], merge_folio);
		try_folio_change(false, parts[j][0], parts[j][1], merge_used_folio);
	}
	/* Halfway through, when the head does not know it yet. */
	try_folio_change(true, 4, 4, detach_tail);
}

/*
 * Page 4 is in a folio of its own, and the last reference to the one in front of it is
 * put, but for that of the walk. Another CPU does so: its interrupts are on.
 */
static void put_small_folio(void)
{
	new_folio(4, 2);
	if (atomic_sub_and_test(1, &folio_at(0)->_refcount))
		gup_world_free(folio_at(0));
}

/*
 * Page 4 was a tail page when it was asked for its folio, and that had become smaller
 * when it was asked for its order. Who references it keeps it, and who references none
 * of its pages has nothing to put: it is freed once, if at all.
 */
static void test_meanwhile_smaller(void)
{
	for (unsigned long nr = 1; nr <= 4; nr++) {
		for (unsigned int j = 0; j < ARRAY_SIZE(ref_kinds); j++) {
			setup();
			new_folio(0, 3);
			map_range(0, 0, 8, GUP_PTE_RW);
			folio_at(0)->_flags_1--;
			arm(0, true, put_small_folio);
			EXPECT_EQ(fast(4, nr, ref_kinds[j]), 0);
			EXPECT_EQ(world.nr_freed, happened());
			world.nr_freed = 0;
			expect_clean();
		}
	}
}

static void grow_folio(void)
{
	new_folio(0, 2);
}

/* A larger folio begins at the same page now. It may count its pins in another way. */
static void test_meanwhile_larger(void)
{
	for (unsigned int j = 0; j < ARRAY_SIZE(ref_kinds); j++) {
		setup();
		new_folio(0, 1);
		map_range(0, 0, 2, GUP_PTE_RW);
		arm(0, false, grow_folio);
		fast_at_will(0, 2, ref_kinds[j]);
	}
}

static void test_meanwhile_freed(void)
{
	setup();
	map_small(0, 0, 2);
	arm(0, false, free_folio);
	EXPECT_EQ(fast(0, 2, FOLL_PIN), 0);
	EXPECT_EQ(folio_ref_count(folio_at(0)), 0);
	EXPECT_EQ(gup_warnings, 0);
}

/* Page 3 is unmapped, and nobody else has a reference to its folio any more. */
static void unmap_and_put(void)
{
	unmap(3);
	folio_put(page_folio(page_at(3)));
}

/* All of the table is, and the pages up to it have been taken. */
static void clear_and_put(void)
{
	clear_pmd();
	for (unsigned long n = 0; n <= 3; n++)
		folio_put(folio_at(n));
}

/* The folio has another order now. */
static void shrink_and_put(void)
{
	folio_at(0)->_flags_1--;
	folio_put(folio_at(0));
}

static const struct last_reference {
	unsigned int order;
	unsigned long from;
	void (*fn)(void);
	unsigned long taken;
	unsigned long freed;
} last_references[] = {
	{ 0, 0, unmap_and_put, 3, 1 },
	{ 0, 3, unmap_and_put, 0, 1 },
	{ 0, 0, clear_and_put, 0, 4 },
	{ 4, 3, unmap_and_put, 0, 1 },
	{ 4, 0, shrink_and_put, 0, 1 },
};

/* A folio that only the walk has references to is freed, but not in the window. */
static void test_meanwhile_last_reference(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(last_references); i++) {
		const struct last_reference *last = &last_references[i];

		for (unsigned int j = 0; j < ARRAY_SIZE(ref_kinds); j++) {
			setup();
			for (unsigned long n = 0; n < 16; n += BIT(last->order))
				new_folio(n, last->order);
			map_range(0, 0, 16, GUP_PTE_RW);
			arm(last->order ? 0 : 3, true, last->fn);
			EXPECT_EQ(fast(last->from, 16 - last->from, ref_kinds[j]),
				  last->taken);
			EXPECT(happened());
			EXPECT_EQ(world.nr_freed, last->freed);
			/* A second attempt, as for ranges, does not put it again. */
			if (last->fn == unmap_and_put)
				gup_fast(&req);
			EXPECT_EQ(world.nr_freed, last->freed);
			world.nr_freed = 0;
			give_back();
		}
	}
}

static void use_other_folio(void)
{
	new_folio(512, 9);
	gup_map_pmd(ADDR, world.first_pfn + 512, GUP_PTE_RW);
}

static void split_pmd(void)
{
	split_huge_pmd(vma, gup_pmd(ADDR), ADDR);
}

static void exchange_pte(void)
{
	new_folio(100, 0);
	map(3, 100, GUP_PTE_RW);
}

/* What counts is what the entry says when it is locked. */
static void test_meanwhile_locking_table(void)
{
	setup();
	map_small(0, 0, 8);
	arm_before(pte_lockptr(&world.mm, gup_pmd(ADDR)), exchange_pte);
	EXPECT_EQ(slow(0, 8, FOLL_PIN), GUP_PROGRESS);
	EXPECT_EQ(req.sink.nr, 8);
	EXPECT_EQ(pages[3], page_at(100));
	give_back();

	setup();
	map_small(0, 0, 8);
	arm_before(pte_lockptr(&world.mm, gup_pmd(ADDR)), use_other_folio);
	EXPECT_EQ(slow(0, 8, FOLL_PIN), GUP_PROGRESS);
	EXPECT_EQ(req.sink.nr, 0);
	EXPECT_EQ(slow(0, 8, FOLL_PIN), GUP_PROGRESS);
	expect_pages(0, 8, 512);
	give_back();
}

static void test_meanwhile_locking_leaf(void)
{
	void (*const changes[])(void) = { use_other_folio, split_pmd, clear_pmd };
	static const unsigned int taken[] = { 8, 0, 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(changes); i++) {
		setup();
		map_leaf(PMD, GUP_PTE_RW);
		arm_before(pmd_lockptr(&world.mm, gup_pmd(ADDR)), changes[i]);
		EXPECT_EQ(slow(0, 8, FOLL_PIN), GUP_PROGRESS);
		EXPECT_EQ(req.sink.nr, taken[i]);
		expect_pages(0, taken[i], 512);
		give_back();
	}
}

static void split_pud(void)
{
	gup_pud(ADDR)->pud = 0;
	map_small(0, 0, 8);
}

static void use_other_pud(void)
{
	gup_pud(ADDR)->pud &= ~(_PAGE_RW | _PAGE_DIRTY);
}

/* A PUD leaf goes, or permits writing no more, before its lock is taken. */
static void test_meanwhile_locking_pud(void)
{
	void (*const changes[])(void) = { split_pud, clear_pud, use_other_pud };
	static const enum gup_outcome outcomes[] = {
		GUP_PROGRESS, GUP_PROGRESS, GUP_NEED_FAULT,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(changes); i++) {
		setup();
		map_leaf(PUD, GUP_PTE_RW);
		arm_before(pud_lockptr(&world.mm, gup_pud(ADDR)), changes[i]);
		EXPECT_EQ(slow(0, 8, FOLL_PIN | FOLL_WRITE), outcomes[i]);
		EXPECT_EQ(req.sink.nr, 0);
		expect_count(folio_at(HUGE_AT), 0, 0);
		EXPECT(happened());
	}
}

/* With interrupts off it takes the pages of one page table, and no more. */
static unsigned long nr_when_off, most_taken;

static void watch_window(void *word, bool after)
{
	static unsigned long window;
	unsigned long nr = 0;

	while (nr < NR_PAGES && pages[nr])
		nr++;
	if (window != current->irqs_off)
		nr_when_off = nr;
	window = current->irqs_off;
	if (irqs_disabled())
		most_taken = max(most_taken, nr - nr_when_off);
}

static void test_window(void)
{
	unsigned long before;

	setup();
	map_small(0, 0, NR_PAGES);
	before = current->irqs_off;
	most_taken = 0;
	gup_hook = watch_window;
	EXPECT_EQ(fast(0, NR_PAGES, FOLL_PIN | FOLL_WRITE), NR_PAGES);
	gup_hook = NULL;
	EXPECT(!irqs_disabled());
	EXPECT(current->irqs_off - before >= 2 * NR_PAGES / PTRS_PER_PTE);
	EXPECT(most_taken <= PTRS_PER_PTE);
	/* The last page may be there only after the last look. */
	EXPECT(most_taken >= PTRS_PER_PTE - 1);
	give_back();
}

/* A leaf of 1 GiB is taken by parts, or interrupts would be off for long. */
static void test_window_huge(void)
{
	static struct page *many[20000];
	const unsigned long nr = ARRAY_SIZE(many), at_once = 8192;
	unsigned long before;

	setup();
	map_leaf(PUD, GUP_PTE_RW);
	req = gup_req_init(&world.mm, addr_of(5), nr, many, FOLL_PIN | FOLL_WRITE);
	before = current->irqs_off;
	gup_fast(&req);
	EXPECT_EQ(req.sink.nr, nr);
	EXPECT_EQ(current->irqs_off - before, 2 * DIV_ROUND_UP(nr, at_once));
	expect_count(folio_at(HUGE_AT), 0, nr);
	for (unsigned long i = 0; i < nr; i++)
		EXPECT(many[i] == page_at(HUGE_AT + 5 + i));
	unpin_user_pages(many, nr);
	expect_clean();
}

/*
 * Why the fast path stopped
 */

static void stop_absent(void)
{
	unmap(1);
}

static void stop_denied(void)
{
	map(1, 1, GUP_PTE);
}

static void stop_special(void)
{
	map(1, 1, GUP_PTE_RW | _PAGE_SPECIAL);
}

static void stop_frozen(void)
{
	atomic_set(&folio_at(1)->_refcount, 0);
}

/* Page 1 becomes part of a folio of the pages from @n on. */
static void map_in_large(unsigned long n)
{
	new_folio(n, 2);
	map(1, n + 1, GUP_PTE_RW);
}

static void stop_large_frozen(void)
{
	map_in_large(16);
	atomic_set(&folio_at(16)->_refcount, 0);
}

static void stop_large_denied(void)
{
	map_in_large(16);
	map(1, 17, GUP_PTE);
}

static void stop_changed(void)
{
	arm(1, true, stop_absent);
}

static void stop_large_changed(void)
{
	map_in_large(16);
	arm(16, true, stop_absent);
}

static void stop_shared(void)
{
	map(1, 1, GUP_PTE);
	share(1);
}

static void stop_movable(void)
{
	set_zone(1, ZONE_MOVABLE);
}

static void stop_no_mapping(void)
{
	folio_at(1)->mapping = NULL;
}

static void stop_zero_page(void)
{
	gup_make_zero(world.first_pfn + 1);
	map(1, 1, GUP_PTE);
}

static void stop_nothing(void)
{
}

static void stop_nothing_large(void)
{
	map_in_large(16);
}

struct stop {
	const char *name;
	void (*prepare)(void);
	unsigned int flags;
	enum gup_fast_stop why;
};

static const struct stop stops[] = {
	{ "nothing", stop_nothing, FOLL_PIN, GUP_FAST_GO },
	{ "nothing, large", stop_nothing_large, FOLL_PIN, GUP_FAST_GO },
	{ "absent", stop_absent, FOLL_GET, GUP_FAST_ABSENT },
	{ "denied", stop_denied, FOLL_GET | FOLL_WRITE, GUP_FAST_DENIED },
	{ "denied, large", stop_large_denied, FOLL_GET | FOLL_WRITE, GUP_FAST_DENIED },
	{ "special", stop_special, FOLL_GET, GUP_FAST_SPECIAL },
	{ "frozen", stop_frozen, FOLL_GET, GUP_FAST_REFCOUNT },
	{ "frozen, large", stop_large_frozen, FOLL_PIN, GUP_FAST_REFCOUNT },
	{ "changed", stop_changed, FOLL_GET, GUP_FAST_CHANGED },
	{ "changed, large", stop_large_changed, FOLL_PIN, GUP_FAST_CHANGED },
	{ "shared", stop_shared, FOLL_PIN, GUP_FAST_UNSHARE },
	{ "not pinnable", stop_movable, FOLL_PIN | FOLL_LONGTERM, GUP_FAST_UNPINNABLE },
	{ "no mapping", stop_no_mapping, FOLL_GET, GUP_FAST_KIND },
	{ "zero page", stop_zero_page, FOLL_PIN, GUP_FAST_KIND },
	{ "fork", start_fork, FOLL_PIN, GUP_FAST_FORK },
};

/* Alone, at the end of a table's entries, and with more of them behind it. */
static const struct {
	unsigned long from;
	unsigned long nr;
} stop_ranges[] = { { 1, 1 }, { 0, 2 }, { 0, 4 } };

static void test_why_it_stopped(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(stops); i++) {
		for (unsigned int j = 0; j < ARRAY_SIZE(stop_ranges); j++) {
			unsigned long from = stop_ranges[j].from;
			unsigned long nr = stop_ranges[j].nr, taken = 1 - from;

			setup();
			tap_case = stops[i].name;
			map_small(0, 0, 4);
			stops[i].prepare();
			if (stops[i].why == GUP_FAST_GO)
				taken = nr;
			else if (stops[i].why == GUP_FAST_FORK)
				taken = 0;
			EXPECT_EQ(fast(from, nr, stops[i].flags), taken);
			EXPECT_EQ(req.fast_stop, stops[i].why);
			gup_hook = NULL;
			give_back();
		}
	}
}

/*
 * Reference counts at their limits
 */

struct count_case {
	const char *name;
	int count;
	bool warns;
};

static const struct count_case count_cases[] = {
	{ "freed", 0, false },
	{ "negative", -1, true },
	{ "overflowed by one", INT_MIN, true },
};

static void try_count(const struct count_case *c, unsigned int order,
		      unsigned int flags)
{
	struct folio *folio;

	tap_case = c->name;
	setup();
	gup_warnings_expected = true;
	folio = new_folio(0, order);
	map_range(0, 0, BIT(order), GUP_PTE_RW);
	atomic_set(&folio->_refcount, c->count);
	EXPECT_EQ(fast(0, BIT(order), flags), 0);
	EXPECT_EQ(gup_warnings != 0, c->warns);
	EXPECT_EQ(folio_ref_count(folio), c->count);

	/* With the entry locked the count cannot be 0. */
	EXPECT_EQ(slow(0, BIT(order), flags), GUP_ERROR);
	EXPECT_EQ(req.error, -ENOMEM);
	EXPECT(gup_warnings);
	EXPECT_EQ(folio_ref_count(folio), c->count);
	EXPECT_EQ(try_grab_folio(folio, 1, flags), -ENOMEM);
	EXPECT_EQ(folio_ref_count(folio), c->count);
	atomic_set(&folio->_refcount, 1);
	expect_clean();
}

static void test_ref_limits(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(count_cases); i++) {
		for (unsigned int j = 0; j < ARRAY_SIZE(ref_kinds); j++) {
			try_count(&count_cases[i], 0, ref_kinds[j]);
			try_count(&count_cases[i], 4, ref_kinds[j]);
		}
	}
}

/*
 * folio_add_pin() has no way to say that it failed: it warns. The folio is as it was,
 * and so are the statistics.
 */
static void test_ref_add_pin(void)
{
	for (unsigned int order = 0; order <= 2; order++) {
		struct folio *folio;

		setup();
		gup_warnings_expected = true;
		folio = new_folio(0, order);
		if (folio_has_pincount(folio))
			atomic_set(&folio->_pincount, 5);
		atomic_set(&folio->_refcount, INT_MIN + 7);
		folio_add_pin(folio);
		EXPECT(gup_warnings);
		EXPECT_EQ(folio_add_pins(folio, 3), -ENOMEM);
		EXPECT_EQ(folio_ref_count(folio), INT_MIN + 7);
		EXPECT_EQ(gup_stat(0, NR_FOLL_PIN_ACQUIRED), 0);
		if (folio_has_pincount(folio)) {
			EXPECT_EQ(atomic_read(&folio->_pincount), 5);
			atomic_set(&folio->_pincount, 0);
		}
		atomic_set(&folio->_refcount, 1);
		expect_clean();
	}
}

/* However often a page is pinned, its count never comes back to 0. */
static void test_ref_never_wraps(void)
{
	struct folio *folio;
	unsigned int taken;

	setup();
	gup_warnings_expected = true;
	map_small(0, 0, 1);
	folio = folio_at(0);
	atomic_set(&folio->_refcount, INT_MAX - 10 * GUP_PIN_COUNTING_BIAS);
	for (taken = 0; taken < 20 && fast(0, 1, FOLL_PIN) == 1; taken++)
		;
	EXPECT(taken >= 10 && taken <= 11);
	EXPECT(folio_ref_count(folio) < 0 || folio_ref_count(folio) > INT_MAX / 2);
	EXPECT_EQ(slow(0, 1, FOLL_PIN), GUP_ERROR);
	for (; taken; taken--)
		unpin_user_page(page_at(0));
	atomic_set(&folio->_refcount, 1);
	expect_clean();
}

/* A pin of a small folio counts 1024, most large ones have a count of their own. */
static void test_ref_maybe_pinned(void)
{
	for (unsigned int order = 0; order < 5; order++) {
		setup();
		new_folio(0, order);
		map_range(0, 0, BIT(order), GUP_PTE_RW);
		EXPECT(!folio_maybe_dma_pinned(folio_at(0)));
		fast(0, BIT(order), FOLL_GET);
		EXPECT(!folio_maybe_dma_pinned(folio_at(0)));
		give_back();
		fast(0, 1, FOLL_PIN);
		EXPECT(folio_maybe_dma_pinned(folio_at(0)));
		give_back();
		EXPECT(!folio_maybe_dma_pinned(folio_at(0)));
	}
}

/*
 * Statistics
 */

static void test_stat_nodes(void)
{
	long before[MAX_NUMNODES];

	setup();
	map_small(0, 0, 10);
	for (int nid = 0; nid < MAX_NUMNODES; nid++)
		before[nid] = gup_stat(nid, NR_FOLL_PIN_ACQUIRED);
	for (unsigned int i = 0; i < 10; i += 3)
		page_at(i)->flags.f |= 1UL << NODES_PGSHIFT;
	EXPECT_EQ(fast(0, 10, FOLL_PIN), 10);
	EXPECT_EQ(gup_stat(0, NR_FOLL_PIN_ACQUIRED) - before[0], 6);
	EXPECT_EQ(gup_stat(1, NR_FOLL_PIN_ACQUIRED) - before[1], 4);
	give_back();
	slow(0, 10, FOLL_PIN);
	EXPECT_EQ(gup_stat(1, NR_FOLL_PIN_ACQUIRED) - before[1], 8);
	unpin_user_pages(pages, 10);
	EXPECT_EQ(fast(0, 10, FOLL_GET), 10);
	EXPECT_EQ(gup_stat(0, NR_FOLL_PIN_ACQUIRED) - before[0], 12);
	give_back();
}

/*
 * Kinds of pages
 */

static void test_page_longterm(void)
{
	setup();
	map_small(0, 0, 4);
	set_zone(2, ZONE_MOVABLE);
	EXPECT_EQ(fast(0, 4, FOLL_PIN | FOLL_LONGTERM), 2);
	give_back();
	EXPECT_EQ(fast(0, 4, FOLL_PIN), 4);
	give_back();

	setup();
	new_folio(0, 4);
	set_zone(0, ZONE_MOVABLE);
	map_range(0, 0, 16, GUP_PTE_RW);
	EXPECT_EQ(fast(0, 16, FOLL_PIN | FOLL_LONGTERM), 0);
	expect_clean();
}

/* Neighbours in another pageblock, which is for something else. */
static void test_page_longterm_block(void)
{
	static const enum migratetype types[] = { MIGRATE_CMA, MIGRATE_ISOLATE };
	const unsigned int flags = FOLL_PIN | FOLL_LONGTERM | FOLL_WRITE;

	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
		setup();
		map_small(0, 500, 24);
		gup_set_block(world.first_pfn + 512, types[i]);
		EXPECT_EQ(fast(0, 24, flags), 12);
		give_back();
		EXPECT_EQ(fast(0, 24, FOLL_PIN), 24);
		give_back();
		slow(0, 24, flags);
		EXPECT(req.longterm.unpinnable);
		give_back();
		slow(0, 12, flags);
		EXPECT(!req.longterm.unpinnable);
		give_back();
	}
	setup();
	new_folio(512, 9);
	gup_map_pmd(ADDR, world.first_pfn + 512, GUP_PTE_RW);
	gup_set_block(world.first_pfn + 512, MIGRATE_CMA);
	EXPECT_EQ(fast(3, 4, flags), 0);
	slow(3, 4, flags);
	EXPECT(req.longterm.unpinnable);
	give_back();
}

static void test_page_p2pdma(void)
{
	static struct dev_pagemap pgmap = { MEMORY_DEVICE_PCI_P2PDMA };

	setup();
	map_small(0, 0, 1);
	set_zone(0, ZONE_DEVICE);
	folio_at(0)->pgmap = &pgmap;
	folio_at(0)->mapping = &gup_file;
	EXPECT_EQ(fast(0, 1, FOLL_GET), 0);
	EXPECT_EQ(slow(0, 1, FOLL_GET), GUP_ERROR);
	EXPECT_EQ(req.error, -EREMOTEIO);
	EXPECT_EQ(fast(0, 1, FOLL_GET | FOLL_PCI_P2PDMA), 1);
	give_back();
	EXPECT_EQ(slow(0, 1, FOLL_GET | FOLL_PCI_P2PDMA), GUP_PROGRESS);
	give_back();

	/* It needs no mapping, but the page behind it, of another kind, does. */
	map_small(1, 1, 1);
	folio_at(0)->mapping = NULL;
	folio_at(1)->mapping = NULL;
	EXPECT_EQ(fast(0, 2, FOLL_GET | FOLL_PCI_P2PDMA), 1);
	give_back();
}

struct file_case {
	const char *name;
	struct address_space *mapping;
	unsigned int order;
	unsigned int flags;
	bool takes;
};

#define LONG_WRITE	(FOLL_PIN | FOLL_LONGTERM | FOLL_WRITE)

static const struct file_case file_cases[] = {
	{ "file, get", &gup_file, 0, FOLL_GET | FOLL_WRITE, true },
	{ "file, pin", &gup_file, 0, FOLL_PIN | FOLL_WRITE, true },
	{ "file, long-term read", &gup_file, 0, FOLL_PIN | FOLL_LONGTERM, true },
	{ "file, long-term write", &gup_file, 0, LONG_WRITE, false },
	{ "file, long-term write, large", &gup_file, 4, LONG_WRITE, false },
	{ "shmem, long-term write", &gup_shmem, 0, LONG_WRITE, true },
	{ "shmem, long-term write, large", &gup_shmem, 4, LONG_WRITE, true },
	{ "truncated, get", NULL, 0, FOLL_GET, false },
	{ "truncated, pin", NULL, 0, FOLL_PIN | FOLL_WRITE, false },
	{ "truncated, pin, large", NULL, 4, FOLL_PIN | FOLL_WRITE, false },
	{ "truncated, long-term write", NULL, 0, LONG_WRITE, false },
	{ "secret, get", &gup_secret, 0, FOLL_GET, false },
	{ "secret, pin", &gup_secret, 0, FOLL_PIN, false },
	{ "secret's aops, but large", &gup_secret, 4, FOLL_GET, true },
};

static void test_page_of_file(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(file_cases); i++) {
		const struct file_case *c = &file_cases[i];
		unsigned long nr = BIT(c->order);

		tap_case = c->name;
		setup();
		new_folio(0, c->order)->mapping = c->mapping;
		map_range(0, 0, nr, GUP_PTE_RW);
		EXPECT_EQ(fast(0, nr, c->flags), c->takes ? nr : 0);
		give_back();
	}
}

static void change_mapping(void)
{
	folio_at(0)->mapping = &gup_secret;
}

/* What is remembered as good for the pages that follow is what was looked into. */
static void test_mapping_changes(void)
{
	setup();
	map_small(0, 0, 2);
	folio_at(0)->mapping = &gup_file;
	folio_at(1)->mapping = &gup_secret;
	arm_before(&gup_file, change_mapping);
	EXPECT_EQ(fast(0, 2, FOLL_GET), 1);
	EXPECT(happened());
	give_back();
}

static void test_page_slab(void)
{
	setup();
	gup_warnings_expected = true;
	map_small(0, 0, 1);
	page_at(0)->page_type = PGTY_SLAB << 24;
	EXPECT_EQ(fast(0, 1, FOLL_GET), 0);
	expect_clean();
}

static void test_page_inaccessible(void)
{
	setup();
	map_small(0, 0, 2);
	gup_accessible_error = -EIO;
	EXPECT_EQ(fast(0, 2, FOLL_PIN), 0);
	expect_clean();
	EXPECT_EQ(slow(0, 2, FOLL_PIN), GUP_ERROR);
	EXPECT_EQ(req.error, -EIO);
	expect_clean();
	EXPECT_EQ(fast(0, 2, FOLL_GET), 2);
	give_back();

	/* Several pages of a folio at once, by PTEs and by a leaf. */
	new_folio(4, 2);
	map_range(4, 4, 4, GUP_PTE_RW);
	new_folio(512, 9);
	gup_map_pmd(addr_of(512), world.first_pfn + 512, GUP_PTE_RW);
	for (unsigned long i = 4; i <= 512; i += 508) {
		EXPECT_EQ(fast(i, 4, FOLL_PIN), 0);
		expect_clean();
		EXPECT_EQ(slow(i, 4, FOLL_PIN), GUP_ERROR);
		EXPECT_EQ(req.error, -EIO);
		expect_clean();
	}
}

static const u64 zero_entries[] = { GUP_PTE | _PAGE_SPECIAL, GUP_PTE };

/* Pins of the zero page are not counted; of the huge zero folio they are. */
static void test_page_zero(void)
{
	setup();
	map_small(0, 0, 1);
	gup_make_zero(world.first_pfn);
	/* A driver may map it by an ordinary entry. */
	for (unsigned int i = 0; i < ARRAY_SIZE(zero_entries); i++) {
		map(0, 0, zero_entries[i]);
		EXPECT_EQ(fast(0, 1, FOLL_PIN), 0);
		EXPECT_EQ(slow(0, 1, FOLL_PIN), GUP_PROGRESS);
		EXPECT_EQ(req.sink.nr, 1);
		expect_pages(0, 1, 0);
		expect_count(folio_at(0), 0, 0);
		give_back();
		map(1, 0, zero_entries[i]);
		EXPECT_EQ(slow(0, 2, FOLL_PIN), GUP_PROGRESS);
		EXPECT_EQ(req.sink.nr, 2);
		expect_count(folio_at(0), 0, 0);
		give_back();
		EXPECT_EQ(slow(0, 1, FOLL_PIN | FOLL_LONGTERM),
			  GUP_NEED_UNSHARE);
		EXPECT_EQ(slow(0, 1, FOLL_GET), GUP_PROGRESS);
		expect_count(folio_at(0), 1, 0);
		give_back();
	}
	unpin_user_page(page_at(0));
	expect_clean();

	setup();
	huge_zero_pfn = world.first_pfn;
	map_leaf(PMD, GUP_PTE | _PAGE_SPECIAL);
	EXPECT_EQ(fast(0, 4, FOLL_GET), 0);
	EXPECT_EQ(slow(0, 4, FOLL_PIN), GUP_PROGRESS);
	expect_count(folio_at(0), 0, 4);
	give_back();
	EXPECT_EQ(slow(0, 4, FOLL_PIN), GUP_PROGRESS);
	unpin_user_folio(folio_at(0), 4);
	expect_clean();
}

/* The ways to release the first @nr entries of @pages, which are all of one page. */
static void release_array(unsigned long nr)
{
	unpin_user_pages(pages, nr);
}

static void release_array_dirty(unsigned long nr)
{
	unpin_user_pages_dirty_lock(pages, nr, true);
}

static void release_array_clean(unsigned long nr)
{
	unpin_user_pages_dirty_lock(pages, nr, false);
}

static void release_folios(unsigned long nr)
{
	unpin_folios((struct folio **)pages, nr);
}

static void release_folio(unsigned long nr)
{
	unpin_user_folio(folio_at(0), nr);
}

static void release_bvecs(unsigned long nr)
{
	struct bio_vec bvecs[4];

	for (unsigned int i = 0; i < ARRAY_SIZE(bvecs); i++)
		bvec_set_page(&bvecs[i], page_at(0), PAGE_SIZE, 0);
	unpin_user_bvecs(bvecs, nr, false);
}

static void (*const releases[])(unsigned long nr) = {
	release_array, release_array_dirty, release_array_clean, release_folios,
	release_folio, release_bvecs,
};

/* What stands behind the range that is released stays, even of the same page. */
static void expect_releases(void (*release)(unsigned long nr), unsigned int order)
{
	for (unsigned int nr = 0; nr <= 2; nr++) {
		setup();
		new_folio(0, order);
		for (unsigned int j = 0; j < 4; j++)
			pages[j] = page_at(0);
		EXPECT_EQ(try_grab_folio(folio_at(0), 3, FOLL_PIN), 0);
		release(nr);
		expect_count(folio_at(0), 0, 3 - nr);
		release(3 - nr);
		expect_clean();
	}
}

/* The same for references that are no pins. */
static void expect_puts(unsigned int order)
{
	for (unsigned int nr = 0; nr <= 2; nr++) {
		setup();
		new_folio(0, order);
		for (unsigned int j = 0; j < 4; j++)
			pages[j] = page_at(0);
		EXPECT_EQ(try_grab_folio(folio_at(0), 3, FOLL_GET), 0);
		gup_release_range(pages, nr, FOLL_GET);
		expect_count(folio_at(0), 3 - nr, 0);
		gup_release_range(pages, 3 - nr, FOLL_GET);
		expect_clean();
	}
}

/* All pages of a folio are pinned, and a part of them is released. */
static void expect_releases_part(bool dirty)
{
	for (unsigned int nr = 0; nr <= 3; nr++) {
		setup();
		new_folio(0, 2);
		EXPECT_EQ(try_grab_folio(folio_at(0), 4, FOLL_PIN), 0);
		unpin_user_page_range_dirty_lock(page_at(0), nr, dirty);
		expect_count(folio_at(0), 0, 4 - nr);
		unpin_user_page_range_dirty_lock(page_at(nr), 4 - nr, dirty);
		expect_clean();
	}
}

static void test_release_ends(void)
{
	for (unsigned int order = 0; order <= 2; order++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(releases); i++)
			expect_releases(releases[i], order);
		expect_puts(order);
	}
	expect_releases_part(false);
	expect_releases_part(true);
	/* Parts of two folios. */
	setup();
	new_folio(0, 2);
	new_folio(4, 2);
	EXPECT_EQ(try_grab_folio(folio_at(0), 2, FOLL_PIN), 0);
	EXPECT_EQ(try_grab_folio(folio_at(4), 2, FOLL_PIN), 0);
	unpin_user_page_range_dirty_lock(page_at(2), 4, false);
	expect_clean();
	/* Nothing, at a page that is not pinned. */
	setup();
	new_folio(0, 0);
	unpin_user_page_range_dirty_lock(page_at(0), 0, false);
	unpin_user_page_range_dirty_lock(page_at(0), 0, true);
	expect_clean();
}

/* A page that fork() shares is not pinned for reading before it is unshared. */
static void test_page_shared(void)
{
	setup();
	new_folio(0, 2);
	map_range(0, 0, 4, GUP_PTE);
	share(2);
	both_ways(0, 4, FOLL_GET, 4, 0);
	slow(0, 4, FOLL_PIN);
	EXPECT_EQ(req.sink.nr, 2);
	give_back();
	/* All of a span at once: it may take fewer, but none that is shared. */
	EXPECT(fast(0, 4, FOLL_PIN) <= 2);
	give_back();
	EXPECT_EQ(fast(2, 1, FOLL_PIN), 0);
	EXPECT_EQ(slow(2, 1, FOLL_PIN), GUP_NEED_UNSHARE);
	expect_clean();
}

/*
 * What the slow walk says of an entry
 */

struct slow_kind {
	const char *name;
	u64 entry;
	vm_flags_t vma;
	unsigned int flags;
	enum gup_outcome outcome;
	int error;
	bool shared;		/* not exclusive */
	bool file;		/* not anonymous */
	bool zero;
	bool no_pages;
};

#define FORCED		(FOLL_GET | FOLL_WRITE | FOLL_FORCE)
#define RO		(GUP_PTE | _PAGE_SOFT_DIRTY)
#define NONE_PTE	(_PAGE_PROTNONE | _PAGE_ACCESSED)

static const struct slow_kind slow_kinds[] = {
	{ "nothing", 0, RW_VMA, FOLL_GET, GUP_NEED_FAULT },
	{ "nothing, dump", 0, RW_VMA, FOLL_GET | FOLL_DUMP, GUP_ERROR, -EFAULT },
	{ "writable, write", GUP_PTE_RW, RW_VMA, FOLL_GET | FOLL_WRITE },
	{ "writable, read", GUP_PTE_RW, RW_VMA, FOLL_PIN },
	{ "writable and shared", GUP_PTE_RW, RW_VMA, FOLL_GET, .shared = true },
	{ "read only, write", RO, RW_VMA, FOLL_PIN | FOLL_WRITE, GUP_NEED_FAULT },
	{ "read only, forced in writable VMA", RO, RW_VMA, FORCED,
	  GUP_NEED_FAULT },
	{ "forced", RO, RO_VMA, FORCED },
	{ "forced, not exclusive", RO, RO_VMA, FORCED, GUP_NEED_FAULT,
	  .shared = true },
	{ "forced, page of a file", RO, RO_VMA, FORCED, GUP_NEED_FAULT,
	  .file = true },
	{ "forced, shared VMA", RO, RO_VMA | VM_SHARED, FORCED, GUP_NEED_FAULT },
	{ "forced, may never write", RO, RO_VMA & ~VM_MAYWRITE, FORCED,
	  GUP_NEED_FAULT },
	{ "not forced", RO, RO_VMA, FOLL_GET | FOLL_WRITE, GUP_NEED_FAULT },
	{ "forced, softdirty waits", GUP_PTE, RO_VMA & ~VM_SOFTDIRTY, FORCED,
	  GUP_NEED_FAULT },
	{ "forced, soft-dirty has seen it", RO, RO_VMA & ~VM_SOFTDIRTY, FORCED },
	{ "forced, userfaultfd waits", RO | _PAGE_UFFD, RO_VMA | VM_UFFD_WP,
	  FORCED, GUP_NEED_FAULT },
	{ "forced, no userfaultfd", RO | _PAGE_UFFD, RO_VMA, FORCED },
	{ "forced, was dirty", RO | _PAGE_SAVED_DIRTY, RO_VMA, FORCED,
	  GUP_NEED_FAULT, .shared = true },
	{ "pin to read, shared", RO, RW_VMA, FOLL_PIN, GUP_NEED_UNSHARE,
	  .shared = true },
	{ "get to read, shared", RO, RW_VMA, FOLL_GET, .shared = true },
	{ "pin of a private file's page", RO, RW_VMA, FOLL_PIN, .file = true },
	{ "long pin of a private file's page", RO, RW_VMA,
	  FOLL_PIN | FOLL_LONGTERM, GUP_NEED_UNSHARE, .file = true },
	{ "long pin of a shared file's page", RO, RW_VMA | VM_SHARED,
	  FOLL_PIN | FOLL_LONGTERM, .file = true },
	{ "without access", NONE_PTE, RW_VMA, FOLL_GET },
	{ "NUMA hint honoured", NONE_PTE, RW_VMA,
	  FOLL_GET | FOLL_HONOR_NUMA_FAULT, GUP_NEED_FAULT },
	{ "no NUMA hint without access", NONE_PTE, VM_MAYREAD | VM_SOFTDIRTY,
	  FOLL_GET | FOLL_HONOR_NUMA_FAULT },
	{ "special", RO | _PAGE_SPECIAL, RW_VMA, FOLL_GET, GUP_ERROR, -EEXIST },
	{ "special, writable", GUP_PTE_RW | _PAGE_SPECIAL, RW_VMA,
	  FOLL_GET | FOLL_WRITE, GUP_ERROR, -EEXIST },
	{ "special, no pages wanted", RO | _PAGE_SPECIAL, RW_VMA, 0,
	  .no_pages = true },
	{ "special, dump", RO | _PAGE_SPECIAL, RW_VMA, FOLL_GET | FOLL_DUMP,
	  GUP_ERROR, -EFAULT },
	{ "special, write", RO | _PAGE_SPECIAL, RW_VMA, FOLL_GET | FOLL_WRITE,
	  GUP_NEED_FAULT },
	{ "special, forced", RO | _PAGE_SPECIAL, RO_VMA, FORCED, GUP_NEED_FAULT },
	{ "zero", GUP_PTE | _PAGE_SPECIAL, RW_VMA, FOLL_GET, .zero = true },
	{ "zero, dump", GUP_PTE | _PAGE_SPECIAL, RW_VMA, FOLL_GET | FOLL_DUMP,
	  GUP_ERROR, -EFAULT, .zero = true },
	{ "zero, write", GUP_PTE | _PAGE_SPECIAL, RW_VMA, FOLL_GET | FOLL_WRITE,
	  GUP_NEED_FAULT, .zero = true },
};

/* Walks over @nr entries of the kind, which map pages from @n on. */
static void walk_slow_kind(const struct slow_kind *kind, unsigned long nr,
			   unsigned long n)
{
	unsigned long taken = kind->outcome == GUP_PROGRESS ? nr : 0;

	init_req(0, nr, kind->flags);
	if (kind->no_pages)
		req.sink.pages = NULL;
	mmap_read_lock(&world.mm);
	EXPECT_EQ(gup_walk_slow(&req, vma), kind->outcome);
	mmap_read_unlock(&world.mm);
	gup_stat_flush(&req.sink.acquired, NR_FOLL_PIN_ACQUIRED);
	EXPECT_EQ(req.error, kind->error);
	EXPECT_EQ(req.sink.nr, taken);
	if (kind->no_pages)
		return;
	expect_pages(0, taken, n);
	give_back();
}

static void try_slow_kind(enum level level, const struct slow_kind *kind)
{
	unsigned long n = level == PUD ? HUGE_AT : 0;

	tap_case = kind->name;
	setup();
	vma->vm_flags = kind->vma;
	if (kind->entry)
		map_leaf(level, kind->entry);
	if (kind->shared)
		share(n);
	if (kind->file) {
		share(n);
		folio_at(n)->mapping = &gup_file;
	}
	if (kind->zero && level == PTE)
		gup_make_zero(world.first_pfn);
	else if (kind->zero)
		huge_zero_pfn = world.first_pfn;

	walk_slow_kind(kind, 1, n);
	if (kind->entry)
		expect_count(folio_at(n), 0, 0);
}

static void test_slow_pte_kinds(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(slow_kinds); i++)
		try_slow_kind(PTE, &slow_kinds[i]);
}

/* Two entries of the kind, of a folio of @order or of one each. */
static void try_slow_kind_twice(const struct slow_kind *kind, unsigned int order)
{
	tap_case = kind->name;
	setup();
	vma->vm_flags = kind->vma;
	for (unsigned int i = 0; i < 2; i += BIT(order)) {
		new_folio(i, order);
		if (kind->file)
			folio_at(i)->mapping = &gup_file;
	}
	if (kind->entry)
		map_range(0, 0, 2, kind->entry);
	if (kind->shared)
		gup_set_exclusive(world.first_pfn, 2, false);

	walk_slow_kind(kind, 2, 0);
	expect_clean();
}

static void test_slow_two_pte_kinds(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(slow_kinds); i++) {
		if (!slow_kinds[i].zero)
			try_slow_kind_twice(&slow_kinds[i], 0);
	}
}

static void test_slow_span_kinds(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(slow_kinds); i++) {
		if (!slow_kinds[i].zero)
			try_slow_kind_twice(&slow_kinds[i], 1);
	}
}

static void test_slow_pmd_kinds(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(slow_kinds); i++)
		try_slow_kind(PMD, &slow_kinds[i]);
}

/* Soft-dirty, userfaultfd, NUMA hints and zero pages are not for PUDs. */
static bool not_for_pud(const struct slow_kind *kind)
{
	return kind->zero || (kind->entry & (_PAGE_UFFD | _PAGE_PROTNONE)) ||
	       !(kind->vma & VM_SOFTDIRTY);
}

static void test_slow_pud_kinds(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(slow_kinds); i++) {
		if (!not_for_pud(&slow_kinds[i]))
			try_slow_kind(PUD, &slow_kinds[i]);
	}
}

static void test_slow_swapped(void)
{
	setup();
	gup_pte(ADDR)->pte = 0x1234002;
	EXPECT_EQ(slow(0, 1, FOLL_GET), GUP_NEED_FAULT);
	EXPECT_EQ(slow(0, 1, FOLL_GET | FOLL_DUMP), GUP_NEED_FAULT);
	setup();
	gup_pmd(ADDR)->pmd = 0x1234002;
	EXPECT_EQ(slow(0, 1, FOLL_GET), GUP_NEED_FAULT);
}

static vm_fault_t file_fault(struct vm_fault *vmf)
{
	return 0;
}

/* A hole in a file may have contents; one in anonymous memory has none. */
static void test_slow_hole_of_file(void)
{
	static const struct vm_operations_struct ops = { file_fault }, none;

	setup();
	vma->vm_ops = &ops;
	EXPECT_EQ(slow(0, 1, FOLL_GET | FOLL_DUMP), GUP_NEED_FAULT);
	vma->vm_ops = &none;
	EXPECT_EQ(slow(0, 1, FOLL_GET | FOLL_DUMP), GUP_ERROR);
	EXPECT_EQ(req.error, -EFAULT);
}

/*
 * The first page of a huge leaf says whether it is exclusive, and the others say
 * nothing, whichever of them is wanted.
 */
static void try_leaf_exclusive(enum level level, bool exclusive)
{
	unsigned long n = level == PUD ? HUGE_AT : 0;

	for (unsigned long i = 0; i < 12; i += 4) {
		setup();
		map_leaf(level, GUP_PTE);
		gup_set_exclusive(world.first_pfn + n, 1, exclusive);
		gup_set_exclusive(world.first_pfn + n + 1, 15, !exclusive);
		EXPECT_EQ(fast(i, 4, FOLL_PIN), exclusive ? 4 : 0);
		give_back();
		EXPECT_EQ(slow(i, 4, FOLL_PIN),
			  exclusive ? GUP_PROGRESS : GUP_NEED_UNSHARE);
		EXPECT_EQ(req.sink.nr, exclusive ? 4 : 0);
		expect_pages(0, req.sink.nr, n + i);
		give_back();
		EXPECT_EQ(fast(i, 4, FOLL_GET), 4);
		give_back();

		vma->vm_flags = RO_VMA;
		EXPECT_EQ(slow(i, 4, FORCED),
			  exclusive ? GUP_PROGRESS : GUP_NEED_FAULT);
		give_back();
	}
}

static void test_leaf_exclusive(void)
{
	for (int level = PMD; level <= PUD; level++) {
		try_leaf_exclusive(level, true);
		try_leaf_exclusive(level, false);
	}
}

static void test_slow_pud_leaf(void)
{
	setup();
	map_leaf(PUD, GUP_PTE_RW);
	EXPECT_EQ(slow(77, 1000, FOLL_PIN | FOLL_WRITE | FOLL_TOUCH),
		  GUP_PROGRESS);
	EXPECT_EQ(req.sink.nr, 1000);
	expect_pages(0, 1000, HUGE_AT + 77);
	give_back();
	expect_count(folio_at(HUGE_AT), 0, 0);

	/* It ends where the request does, where the leaf does, and the VMA. */
	slow(HUGE_AT - 3, 100, FOLL_GET);
	EXPECT_EQ(req.sink.nr, 3);
	expect_pages(0, 3, 2 * HUGE_AT - 3);
	give_back();
	EXPECT_EQ(fast(HUGE_AT - 3, 100, FOLL_GET), 3);
	give_back();
	vma->vm_end = addr_of(80);
	slow(77, 1000, FOLL_GET);
	EXPECT_EQ(req.sink.nr, 3);
	give_back();
}

static unsigned int nr_unlocks;

static void nothing_stored(spinlock_t *lock)
{
	nr_unlocks++;
	EXPECT_EQ(req.sink.nr, 0);
	for (unsigned long i = 0; i < NR_PAGES; i++)
		EXPECT_EQ(pages[i], NULL);
}

static void try_leaf_stored(enum level level, unsigned long nr,
			    unsigned int flags)
{
	setup();
	map_leaf(level, GUP_PTE_RW);
	nr_unlocks = 0;
	gup_unlock_hook = nothing_stored;
	EXPECT_EQ(slow(7, nr, flags), GUP_PROGRESS);
	gup_unlock_hook = NULL;
	EXPECT_EQ(nr_unlocks, 1);
	EXPECT_EQ(req.sink.nr, nr);
	expect_pages(0, nr, 7 + (level == PUD ? HUGE_AT : 0));
	give_back();
}

/*
 * A leaf may have 262144 pages, which take long to store: others are not to wait for
 * its lock until that is done.
 */
static void test_slow_leaf_stored(void)
{
	static const unsigned long nrs[] = { 1, 2, 500 };

	for (unsigned int i = 0; i < ARRAY_SIZE(nrs); i++) {
		for (unsigned int j = 0; j < ARRAY_SIZE(ref_kinds); j++) {
			try_leaf_stored(PMD, nrs[i], ref_kinds[j]);
			try_leaf_stored(PUD, nrs[i], ref_kinds[j]);
		}
	}
	try_leaf_stored(PUD, NR_PAGES, FOLL_PIN | FOLL_TOUCH);
}

/* Who asks for it hears that a page was used, and those who write dirty it. */
static void test_slow_touch_pud(void)
{
	setup();
	map_leaf(PUD, GUP_PTE | _PAGE_RW);
	gup_pud(ADDR)->pud &= ~_PAGE_ACCESSED;
	slow(0, 4, FOLL_GET | FOLL_WRITE);
	give_back();
	EXPECT(!pud_young(*gup_pud(ADDR)) && !pud_dirty(*gup_pud(ADDR)));
	slow(0, 4, FOLL_GET | FOLL_TOUCH);
	give_back();
	EXPECT(pud_young(*gup_pud(ADDR)) && !pud_dirty(*gup_pud(ADDR)));
	slow(0, 4, FOLL_GET | FOLL_TOUCH | FOLL_WRITE);
	give_back();
	EXPECT(pud_dirty(*gup_pud(ADDR)));
}

/* It stops where the page table ends, and where the VMA does. */
static void test_slow_ends(void)
{
	setup();
	map_small(510, 0, 8);
	EXPECT_EQ(slow(510, 8, FOLL_GET), GUP_PROGRESS);
	EXPECT_EQ(req.sink.nr, 2);
	give_back();
	vma->vm_end = addr_of(515);
	EXPECT_EQ(slow(512, 6, FOLL_GET), GUP_PROGRESS);
	EXPECT_EQ(req.sink.nr, 3);
	give_back();
}

static void test_slow_touch(void)
{
	setup();
	new_folio(0, 2);
	map_range(0, 0, 4, GUP_PTE_RW);
	slow(0, 4, FOLL_GET | FOLL_WRITE);
	EXPECT(!folio_test_referenced(folio_at(0)));
	give_back();
	slow(0, 1, FOLL_GET | FOLL_WRITE | FOLL_TOUCH);
	EXPECT(folio_test_referenced(folio_at(0)));
	EXPECT(!folio_test_active(folio_at(0)));
	give_back();
	folio_clear_referenced(folio_at(0));
	/* Each page counts. */
	slow(0, 4, FOLL_GET | FOLL_WRITE | FOLL_TOUCH);
	EXPECT(folio_test_active(folio_at(0)));
	/* Every entry is dirty: the folio will hear of it. */
	EXPECT(!folio_test_dirty(folio_at(0)));
	give_back();

	/* An entry behind the first is the one that is clean. */
	map(3, 3, GUP_PTE | _PAGE_RW | _PAGE_SOFT_DIRTY);
	slow(0, 4, FOLL_GET | FOLL_TOUCH);
	EXPECT(!folio_test_dirty(folio_at(0)));
	give_back();
	slow(0, 4, FOLL_GET | FOLL_WRITE | FOLL_TOUCH);
	EXPECT(folio_test_dirty(folio_at(0)));
	give_back();
}

/* The same for one page, and for two. */
static void test_slow_touch_small(void)
{
	for (unsigned long nr = 1; nr <= 2; nr++) {
		setup();
		map_small(0, 0, nr);
		slow(0, nr, FOLL_GET | FOLL_TOUCH | FOLL_WRITE);
		EXPECT(folio_test_referenced(folio_at(0)));
		EXPECT(!folio_test_dirty(folio_at(0)));
		give_back();
		map_range(0, 0, nr, GUP_PTE | _PAGE_RW | _PAGE_SOFT_DIRTY);
		slow(0, nr, FOLL_GET | FOLL_TOUCH);
		EXPECT(!folio_test_dirty(folio_at(0)));
		give_back();
		slow(0, nr, FOLL_GET | FOLL_TOUCH | FOLL_WRITE);
		EXPECT(folio_test_dirty(folio_at(0)));
		give_back();
	}
}

/* Where there is no page, the entry alone is touched. */
static void test_slow_touch_special(void)
{
	const u64 old = (GUP_PTE_RW | _PAGE_SPECIAL) & ~(_PAGE_ACCESSED | _PAGE_DIRTY);
	const unsigned int flags[] = {
		0, FOLL_TOUCH, FOLL_TOUCH | FOLL_WRITE,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
		setup();
		new_folio(0, 0);
		map(0, 0, old);
		init_req(0, 1, flags[i]);
		req.sink.pages = NULL;
		mmap_read_lock(&world.mm);
		EXPECT_EQ(gup_walk_slow(&req, vma), GUP_PROGRESS);
		mmap_read_unlock(&world.mm);
		EXPECT_EQ(pte_young(*gup_pte(ADDR)), !!(flags[i] & FOLL_TOUCH));
		EXPECT_EQ(pte_dirty(*gup_pte(ADDR)), !!(flags[i] & FOLL_WRITE));
	}
}

/* A leaf that is refused is not touched. */
static void test_slow_touch_refused(void)
{
	setup();
	map_leaf(PMD, GUP_PTE);
	share(0);
	gup_pmd(ADDR)->pmd &= ~_PAGE_ACCESSED;
	EXPECT_EQ(slow(0, 4, FOLL_PIN | FOLL_TOUCH), GUP_NEED_UNSHARE);
	EXPECT(!pmd_young(*gup_pmd(ADDR)));

	setup();
	map_leaf(PUD, GUP_PTE);
	share(HUGE_AT);
	gup_pud(ADDR)->pud &= ~_PAGE_ACCESSED;
	EXPECT_EQ(slow(0, 4, FOLL_PIN | FOLL_TOUCH), GUP_NEED_UNSHARE);
	EXPECT(!pud_young(*gup_pud(ADDR)));
}

static void test_slow_touch_leaf(void)
{
	setup();
	map_leaf(PMD, GUP_PTE | _PAGE_RW);
	gup_pmd(ADDR)->pmd &= ~_PAGE_ACCESSED;
	slow(0, 4, FOLL_GET | FOLL_WRITE);
	EXPECT(!pmd_young(*gup_pmd(ADDR)) && !pmd_dirty(*gup_pmd(ADDR)));
	give_back();
	slow(0, 4, FOLL_GET | FOLL_TOUCH);
	EXPECT(pmd_young(*gup_pmd(ADDR)) && !pmd_dirty(*gup_pmd(ADDR)));
	give_back();
	slow(0, 4, FOLL_GET | FOLL_TOUCH | FOLL_WRITE);
	EXPECT(pmd_dirty(*gup_pmd(ADDR)));
	give_back();
}

/* An entry that points behind all memory is reported, not followed. */
static void test_slow_no_memory(void)
{
	const unsigned long highest = highest_memmap_pfn;

	setup();
	map_small(0, 0, 1);
	highest_memmap_pfn = 0;
	EXPECT_EQ(slow(0, 1, FOLL_GET), GUP_ERROR);
	EXPECT_EQ(req.error, -EEXIST);
	highest_memmap_pfn = highest;
	setup();
	map_leaf(PMD, GUP_PTE_RW);
	highest_memmap_pfn = 0;
	EXPECT_EQ(slow(0, 4, FOLL_GET), GUP_ERROR);
	EXPECT_EQ(req.error, -EEXIST);
	highest_memmap_pfn = highest;
}

static long find_to_populate(void)
{
	struct vm_area_struct *found;

	init_req(0, 1, FOLL_MADV_POPULATE);
	req.sink.pages = NULL;
	mmap_read_lock(&world.mm);
	found = gup_find_vma(&req);
	mmap_read_unlock(&world.mm);
	return found == vma ? 0 : PTR_ERR(found);
}

/* Who populates memory hears whether there is none, or it cannot be populated. */
static void test_slow_populate(void)
{
	setup();
	EXPECT_EQ(find_to_populate(), 0);
	vma->vm_flags |= VM_PFNMAP;
	EXPECT_EQ(find_to_populate(), -EINVAL);
	vma->vm_start = addr_of(1);
	EXPECT_EQ(find_to_populate(), -ENOMEM);
}

static void test_slow_split_pmd(void)
{
	setup();
	map_leaf(PMD, GUP_PTE_RW);
	EXPECT_EQ(slow(3, 5, FOLL_GET | FOLL_SPLIT_PMD), GUP_PROGRESS);
	EXPECT_EQ(req.sink.nr, 0);
	EXPECT(!pmd_leaf(*gup_pmd(ADDR)));
	EXPECT_EQ(slow(3, 5, FOLL_GET | FOLL_SPLIT_PMD), GUP_PROGRESS);
	EXPECT_EQ(req.sink.nr, 5);
	expect_pages(0, 5, 3);
	give_back();
}

/* The locks are free again, whatever came of it. */
static void test_slow_unlocks(void)
{
	setup();
	map_small(0, 0, 1);
	new_folio(512, 9);
	gup_map_pmd(addr_of(512), world.first_pfn + 512, GUP_PTE);
	slow(0, 2, FOLL_GET);
	give_back();
	slow(512, 2, FOLL_GET | FOLL_WRITE);
	EXPECT_EQ(pte_lockptr(&world.mm, gup_pmd(ADDR))->locked, 0);
	EXPECT_EQ(pmd_lockptr(&world.mm, gup_pmd(ADDR))->locked, 0);
}

/*
 * Release
 */

static void pin_each(unsigned long nr)
{
	init_req(0, nr, FOLL_PIN);
	for (unsigned long i = 0; i < nr; i++) {
		EXPECT_EQ(gup_grab_stable(&req, page_folio(page_at(i)), 1, req.flags, false), 0);
		pages[i] = page_at(i);
	}
	req.sink.nr = nr;
	gup_stat_flush(&req.sink.acquired, NR_FOLL_PIN_ACQUIRED);
}

static void test_release_mixed(void)
{
	setup();
	new_folio(0, 2);
	new_folio(4, 0);
	new_folio(5, 0);
	new_folio(8, 3);
	pin_each(6);
	for (unsigned int i = 8; i < 16; i++)
		EXPECT_EQ(try_grab_folio(folio_at(8), 1, FOLL_PIN), 0);
	/* NULL, tails without their head, a folio in two places. */
	pages[10] = page_at(11);
	pages[11] = page_at(12);
	pages[12] = pages[5];
	pages[5] = page_at(8);
	for (unsigned int i = 13; i < 18; i++)
		pages[i] = page_at(9 + (i - 13));
	unpin_user_pages(pages, 18);
	expect_clean();
}

/* Pages of a folio, in batches, but for one that is of another. */
static void test_release_batches(void)
{
	for (unsigned long at = 0; at < LONG_NR; at++) {
		setup();
		new_folio(0, LONG_ORDER);
		new_folio(LONG_NR, 2);
		pin_each(LONG_NR + 1);
		pages[at] = page_at(LONG_NR);
		pages[LONG_NR] = page_at(at);
		unpin_user_pages(pages, at + 1);
		expect_count(folio_at(0), 0, LONG_NR - at);
		expect_count(folio_at(LONG_NR), 0, 0);
		unpin_user_pages(pages + at + 1, LONG_NR - at);
		expect_clean();
	}
}

static void test_release_errors(void)
{
	setup();
	gup_warnings_expected = true;
	map_small(0, 0, 1);
	pin_each(1);
	unpin_user_pages(pages, -EFAULT);
	unpin_user_pages_dirty_lock(pages, -EFAULT, true);
	unpin_folios((struct folio **)pages, -EFAULT);
	EXPECT_EQ(gup_warnings, 3);
	expect_count(folio_at(0), 0, 1);
	unpin_user_page(page_at(0));
	expect_clean();
}

static void test_release_dirty(void)
{
	for (int dirty = 0; dirty < 2; dirty++) {
		setup();
		new_folio(0, 2);
		map_small(4, 4, 2);
		pin_each(6);
		pages[5] = NULL;
		unpin_user_pages_dirty_lock(pages, 6, dirty);
		EXPECT_EQ(folio_test_dirty(folio_at(0)), dirty);
		EXPECT_EQ(folio_test_dirty(folio_at(4)), dirty);
		EXPECT(!folio_test_dirty(folio_at(5)));
		unpin_user_page(page_at(5));
		expect_clean();

		pin_each(6);
		unpin_user_page_range_dirty_lock(page_at(0), 6, dirty);
		EXPECT_EQ(folio_test_dirty(folio_at(5)), dirty);
		expect_clean();
	}
}

static void test_release_folios(void)
{
	struct folio *folios[3];

	setup();
	folios[0] = new_folio(0, 2);
	folios[1] = new_folio(4, 0);
	folios[2] = folios[1];
	for (unsigned int i = 0; i < 3; i++)
		EXPECT_EQ(try_grab_folio(folios[i], 1, FOLL_PIN), 0);
	folio_add_pin(folios[0]);
	EXPECT_EQ(folio_add_pins(folios[1], 3), 0);
	unpin_folios(folios, 3);
	expect_count(folios[0], 0, 1);
	unpin_folio(folios[0]);
	unpin_user_folio(folios[1], 3);
	expect_clean();
}

/* The last reference frees the folio. */
static void test_release_last(void)
{
	setup();
	new_folio(0, 2);
	map_small(4, 4, 1);
	pin_each(5);
	folio_put(folio_at(0));
	folio_put(folio_at(4));
	EXPECT_EQ(world.nr_freed, 0);
	unpin_user_pages(pages, 5);
	EXPECT_EQ(world.nr_freed, 2);
}

static const struct test tests[] = {
	{ "fast: kinds of PTEs", test_fast_pte_kinds },
	{ "fast: kinds of PMD leaves", test_fast_pmd_kinds },
	{ "fast: kinds of PUD leaves", test_fast_pud_kinds },
	{ "no table", test_no_table },
	{ "no entry", test_no_entry },
	{ "fast: each protection key", test_fast_all_keys },
	{ "fast: protection keys in turn", test_fast_keys_in_turn },
	{ "span: ends of folios", test_span_folio_ends },
	{ "span: parts of a folio", test_span_parts },
	{ "span: broken off", test_span_broken },
	{ "span: batches", test_span_batches },
#ifdef GUP_GENERIC
	{ "fast: batches that the architecture knows", test_span_hints },
#endif
	{ "span: batches with an entry that differs", test_span_batch_changes },
	{ "span: batches with a shared page", test_span_batch_shared },
	{ "span: writable in part", test_span_mixed_write },
	{ "span: shadow stack in part", test_span_shadow_stack },
	{ "span: one update of the count", test_span_updates },
	{ "span: out of order", test_span_out_of_order },
	{ "span: the same page", test_span_same_page },
	{ "span: tables and leaves", test_span_tables },
	{ "span: parts of a leaf", test_span_of_leaf_parts },
	{ "undo to a mark", test_undo_to_mark },
	{ "meanwhile: PMD changes", test_meanwhile_pmd },
	{ "meanwhile: PMD changes at last", test_meanwhile_pmd_at_last },
	{ "meanwhile: PTE changes", test_meanwhile_pte },
	{ "meanwhile: entries of each batch change", test_meanwhile_batches },
	{ "meanwhile: PMD of the second table changes",
	  test_meanwhile_second_table },
	{ "meanwhile: huge leaf changes", test_meanwhile_leaf },
	{ "meanwhile: entries are read in halves", test_meanwhile_halves },
	{ "meanwhile: fork", test_meanwhile_fork },
	{ "meanwhile: fork in a later window", test_meanwhile_fork_later },
	{ "meanwhile: folio split or merged", test_meanwhile_folio },
	{ "meanwhile: folio replaced by a smaller one", test_meanwhile_smaller },
	{ "meanwhile: folio replaced by a larger one", test_meanwhile_larger },
	{ "meanwhile: folio freed", test_meanwhile_freed },
	{ "meanwhile: last reference", test_meanwhile_last_reference },
	{ "meanwhile: while the table is being locked",
	  test_meanwhile_locking_table },
	{ "meanwhile: while the leaf is being locked",
	  test_meanwhile_locking_leaf },
	{ "meanwhile: while the PUD leaf is being locked",
	  test_meanwhile_locking_pud },
	{ "interrupts are on between page tables", test_window },
	{ "fast: window of a leaf of 1 GiB", test_window_huge },
	{ "fast: why it stopped", test_why_it_stopped },
	{ "refcount 0, negative, overflowed", test_ref_limits },
	{ "refcount never wraps", test_ref_never_wraps },
	{ "refcount overflowed, another pin", test_ref_add_pin },
	{ "pinned or not", test_ref_maybe_pinned },
	{ "statistics of nodes", test_stat_nodes },
	{ "page: long-term", test_page_longterm },
	{ "page: long-term, and pageblocks", test_page_longterm_block },
	{ "page: PCI peer to peer", test_page_p2pdma },
	{ "page: of a file", test_page_of_file },
	{ "page: mapping changes", test_mapping_changes },
	{ "page: released in part", test_release_ends },
	{ "page: slab", test_page_slab },
	{ "page: inaccessible", test_page_inaccessible },
	{ "page: zero", test_page_zero },
	{ "page: shared", test_page_shared },
	{ "slow: kinds of PTEs", test_slow_pte_kinds },
	{ "slow: kinds of two PTEs", test_slow_two_pte_kinds },
	{ "slow: kinds of PTEs of a large folio", test_slow_span_kinds },
	{ "slow: kinds of PMD leaves", test_slow_pmd_kinds },
	{ "slow: kinds of PUD leaves", test_slow_pud_kinds },
	{ "slow: swapped out", test_slow_swapped },
	{ "slow: hole of a file", test_slow_hole_of_file },
	{ "leaf: exclusive or not", test_leaf_exclusive },
	{ "slow: PUD leaf", test_slow_pud_leaf },
	{ "slow: leaf is stored without its lock", test_slow_leaf_stored },
	{ "slow: ends of table and VMA", test_slow_ends },
	{ "slow: no memory", test_slow_no_memory },
	{ "slow: no VMA to populate", test_slow_populate },
	{ "slow: touch", test_slow_touch },
	{ "slow: touch of a leaf", test_slow_touch_leaf },
	{ "slow: touch of a PUD leaf", test_slow_touch_pud },
	{ "slow: touch of small folios", test_slow_touch_small },
	{ "slow: touch without a page", test_slow_touch_special },
	{ "slow: touch of a leaf that is refused", test_slow_touch_refused },
	{ "slow: split PMD", test_slow_split_pmd },
	{ "slow: locks are released", test_slow_unlocks },
	{ "release: mixed array", test_release_mixed },
	{ "release: batches", test_release_batches },
	{ "release: error for a count", test_release_errors },
	{ "release: dirty", test_release_dirty },
	{ "release: folios", test_release_folios },
	{ "release: last reference", test_release_last },
};

int main(void)
{
	static struct test all[200];
	unsigned int nr = ARRAY_SIZE(tests);

	memcpy(all, tests, sizeof(tests));
	memcpy(all + nr, entry_tests, nr_entry_tests * sizeof(*entry_tests));
	nr += nr_entry_tests;
	memcpy(all + nr, bvec_tests, nr_bvec_tests * sizeof(*bvec_tests));
	nr += nr_bvec_tests;
	memcpy(all + nr, accessible_tests,
	       nr_accessible_tests * sizeof(*accessible_tests));
	nr += nr_accessible_tests;
	memcpy(all + nr, lock_tests, nr_lock_tests * sizeof(*lock_tests));
	nr += nr_lock_tests;
	gup_world_init(2 * (SZ_1G >> PAGE_SHIFT), 64);
	/* The key register of a test is a variable. */
	gup_have_pkru = false;
	return tap_run(all, nr);
}
