// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests that ask the same of each kind of mapping, in both walks: an
 * order-0 folio, a large one by PTEs, and leaves of the PMD and PUD level. The
 * large folio has 64 pages, so that walks compare several batches of entries.
 */
#include <signal.h>
#include <sys/mman.h>

#include "gup_world.h"
#include "gup_internal.h"
#include "tap.h"

#define VMA_FLAGS	(VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | \
			 VM_SOFTDIRTY)
#define RO_FLAGS	(VMA_FLAGS & ~VM_WRITE)
#define RO		(GUP_PTE | _PAGE_SOFT_DIRTY)
#define MAX_TAKEN	2048UL
#define HUGE_AT		(SZ_1G >> PAGE_SHIFT)
/* What stands in the array before a walk. */
#define CALLERS		((struct page *)0x1234)

/**
 * struct level - a kind of mapping
 * @name: Its name.
 * @order: The order of the folio.
 * @addr: Where it is mapped: where a page table begins.
 * @n: Its first page, counted from the first that can be mapped.
 * @entries: It has an entry for each page.
 */
struct level {
	const char *name;
	unsigned int order;
	unsigned long addr;
	unsigned long n;
	bool entries;
};

static const struct level levels[] = {
	{ "order 0", 0, 4 * SZ_1G, 0, true },
	{ "PTEs", 6, 4 * SZ_1G, 64, true },
	{ "PMD", 9, 5 * SZ_1G, 512, false },
	{ "PUD", 18, 6 * SZ_1G, HUGE_AT, false },
};

static const struct level *const levels_end = levels + ARRAY_SIZE(levels);
static struct page *pages[MAX_TAKEN];
static struct gup_req req;
static struct vm_area_struct *vma;
static const struct level *level;

static unsigned long nr_of_level(void)
{
	return BIT(level->order);
}

static unsigned long addr_of(unsigned long i)
{
	return level->addr + i * PAGE_SIZE;
}

static struct page *page_at(unsigned long n)
{
	return pfn_to_page(world.first_pfn + n);
}

static struct folio *folio(void)
{
	return (struct folio *)page_at(level->n);
}

/* The entry for page @i of the mapping. */
static u64 *entry(unsigned long i)
{
	if (level->order == 18)
		return &gup_pud(level->addr)->pud;
	if (level->order == 9)
		return &gup_pmd(level->addr)->pmd;
	return &gup_pte(addr_of(i))->pte;
}

static void map_level(u64 flags)
{
	const unsigned long pfn = world.first_pfn + level->n;

	gup_folio(pfn, level->order);
	if (level->order == 18)
		gup_map_pud(level->addr, pfn, flags);
	else if (level->order == 9)
		gup_map_pmd(level->addr, pfn, flags);
	else
		for (unsigned long i = 0; i < nr_of_level(); i++)
			gup_map_pte(addr_of(i), pfn + i, flags);
}

static void setup(const struct level *of, u64 flags)
{
	level = of;
	tap_case = of->name;
	gup_hook = NULL;
	gup_warnings = 0;
	gup_accessible_error = 0;
	gup_world_reset();
	memset(page_at(0), 0, 1024 * sizeof(struct page));
	vma = gup_world_vma(4 * SZ_1G, 8 * SZ_1G, VMA_FLAGS);
	map_level(flags);
}

static void init_req(unsigned long i, unsigned long nr, unsigned int flags)
{
	for (unsigned long j = 0; j < MAX_TAKEN; j++)
		pages[j] = CALLERS;
	req = gup_req_init(&world.mm, addr_of(i), nr, pages, flags);
}

static unsigned long fast(unsigned long i, unsigned long nr, unsigned int flags)
{
	init_req(i, nr, flags);
	gup_fast(&req);
	return req.sink.nr;
}

static enum gup_outcome slow(unsigned long i, unsigned long nr,
			     unsigned int flags)
{
	enum gup_outcome outcome;

	init_req(i, nr, flags);
	outcome = gup_walk_slow(&req, vma);
	gup_stat_flush(&req.sink.acquired, NR_FOLL_PIN_ACQUIRED);
	return outcome;
}

static void expect_count(int taken)
{
	const bool pin = req.flags & FOLL_PIN;
	const int bias = pin && !level->order ? GUP_PIN_COUNTING_BIAS : 1;

	EXPECT_EQ(folio_ref_count(folio()), 1 + taken * bias);
	if (level->order)
		EXPECT_EQ(atomic_read(&folio()->_pincount), pin ? taken : 0);
}

/* The request got @nr pages of the mapping, from @i on. Gives them back. */
static void expect_taken(unsigned long i, unsigned long nr)
{
	EXPECT_EQ(req.sink.nr, nr);
	for (unsigned long j = 0; j < min(nr, req.sink.nr); j++)
		EXPECT_EQ(pages[j], page_at(level->n + i + j));
	for (unsigned long j = req.sink.nr; j < MAX_TAKEN; j++)
		EXPECT(pages[j] == CALLERS || !pages[j]);
	expect_count(req.sink.nr);
	gup_release_range(pages, req.sink.nr, req.flags);
	expect_count(0);
	for (int nid = 0; nid < MAX_NUMNODES; nid++)
		EXPECT_EQ(gup_stat(nid, NR_FOLL_PIN_ACQUIRED),
			  gup_stat(nid, NR_FOLL_PIN_RELEASED));
	EXPECT(!irqs_disabled());
	EXPECT_EQ(gup_warnings, 0);
}

/* What both walks are to take. */
static void both(unsigned long i, unsigned long nr, unsigned int flags,
		 unsigned long wanted)
{
	fast(i, nr, flags);
	expect_taken(i, wanted);
	slow(i, nr, flags);
	expect_taken(i, wanted);
}

/*
 * Which pages
 */

static void test_parts(void)
{
	const struct level *l;

	for (l = levels; l < levels_end; l++) {
		const unsigned long all = BIT(l->order);
		const unsigned long from[] = { 0, all / 3, all / 2, all - 1 };

		setup(l, GUP_PTE_RW);
		for (unsigned int i = 0; i < ARRAY_SIZE(from); i++) {
			const unsigned long left = min(all - from[i], 600UL);

			both(from[i], left, FOLL_PIN, left);
			both(from[i], left, FOLL_GET | FOLL_WRITE, left);
			both(from[i], 1, FOLL_PIN | FOLL_WRITE, 1);
			/* Nothing is mapped behind it. */
			fast(from[i], left + 3, FOLL_PIN);
			expect_taken(from[i], min(left + 3, all - from[i]));
		}
	}
}

/* It ends where the VMA does, and the walk under locks knows that. */
static void test_end_of_vma(void)
{
	const struct level *l;

	for (l = levels; l < levels_end; l++) {
		setup(l, GUP_PTE_RW);
		vma->vm_end = addr_of(min(nr_of_level(), 40UL));
		slow(0, 100, FOLL_PIN);
		expect_taken(0, min(nr_of_level(), 40UL));
	}
}

/* Every walk stops where the entries do not permit the access. */
static void try_readonly(const struct level *l, u64 flags)
{
	const unsigned long nr = min(BIT(l->order), 100UL);

	setup(l, flags);
	both(0, nr, FOLL_PIN, nr);
	both(0, nr, FOLL_GET | FOLL_WRITE, 0);
	both(nr / 2, 1, FOLL_PIN | FOLL_WRITE, 0);
	EXPECT_EQ(slow(0, 1, FOLL_PIN | FOLL_WRITE), GUP_NEED_FAULT);
}

static void test_readonly(void)
{
	const struct level *l;

	for (l = levels; l < levels_end; l++) {
		try_readonly(l, RO);
		try_readonly(l, GUP_PTE);
		try_readonly(l, GUP_PTE | _PAGE_DIRTY);
	}
}

/* Of a file that has been truncated, only the slow path can tell. */
static void test_truncated(void)
{
	const unsigned int flags = FOLL_PIN | FOLL_LONGTERM | FOLL_WRITE;
	const struct level *l;

	for (l = levels; l < levels_end; l++) {
		const unsigned long nr = min(BIT(l->order), 20UL);

		setup(l, GUP_PTE_RW);
		folio()->mapping = NULL;
		fast(0, nr, flags);
		expect_taken(0, 0);
		fast(0, 1, flags);
		expect_taken(0, 0);
		fast(0, nr, FOLL_PIN | FOLL_WRITE);
		expect_taken(0, nr);
	}
}

static void set_zone(enum zone_type zone)
{
	for (unsigned long i = 0; i < nr_of_level(); i++) {
		struct page *page = page_at(level->n + i);

		page->flags.f &= ~(ZONES_MASK << ZONES_PGSHIFT);
		page->flags.f |= (unsigned long)zone << ZONES_PGSHIFT;
	}
}

/* A long-term pin takes no movable memory on its fast path, and says so else. */
static void test_movable(void)
{
	const struct level *l;

	for (l = levels; l < levels_end; l++) {
		const unsigned long nr = min(BIT(l->order), 33UL);

		setup(l, GUP_PTE_RW);
		both(0, nr, FOLL_PIN | FOLL_LONGTERM, nr);
		EXPECT(!req.longterm.unpinnable);
		set_zone(ZONE_MOVABLE);
		fast(0, nr, FOLL_PIN | FOLL_LONGTERM);
		expect_taken(0, 0);
		fast(0, 1, FOLL_PIN | FOLL_LONGTERM);
		expect_taken(0, 0);
		slow(0, nr, FOLL_PIN | FOLL_LONGTERM);
		EXPECT(req.longterm.unpinnable);
		expect_taken(0, nr);
		both(0, nr, FOLL_PIN, nr);
		EXPECT(!req.longterm.unpinnable);
	}
}

static void test_inaccessible(void)
{
	const struct level *l;

	for (l = levels; l < levels_end; l++) {
		const unsigned long nr = min(BIT(l->order), 33UL);

		setup(l, GUP_PTE_RW);
		gup_accessible_error = -EIO;
		both(0, nr, FOLL_PIN, 0);
		EXPECT_EQ(req.error, -EIO);
		both(0, nr, FOLL_GET, nr);
	}
}

/* With the least refcount that is an overflow nothing is taken. */
static void test_overflow(void)
{
	const struct level *l;

	for (l = levels; l < levels_end; l++) {
		setup(l, GUP_PTE_RW);
		atomic_set(&folio()->_refcount, -1);
		for (unsigned int flags = FOLL_GET; flags;
		     flags = flags == FOLL_GET ? FOLL_PIN : 0) {
			gup_warnings = 0;
			EXPECT_EQ(fast(0, 1, flags), 0);
			EXPECT_EQ(gup_warnings, 1);
			EXPECT_EQ(slow(0, 1, flags), GUP_ERROR);
			EXPECT_EQ(req.error, -ENOMEM);
			EXPECT(gup_warnings > 1);
			EXPECT_EQ(pages[0], CALLERS);
		}
		EXPECT_EQ(folio_ref_count(folio()), -1);
	}
}

/*
 * Exclusive pages
 */

static void share_all_but(unsigned long but)
{
	for (unsigned long i = 0; i < nr_of_level(); i++) {
		struct page *page = page_at(level->n + i);

		if (i == but)
			set_bit(PG_anon_exclusive, &page->flags.f);
		else
			clear_bit(PG_anon_exclusive, &page->flags.f);
	}
}

/* Of a huge leaf the head's flag counts, else that of each page. */
static void test_exclusive(void)
{
	const struct level *l;

	for (l = levels; l < levels_end; l++) {
		const unsigned long at = nr_of_level() > 1 ? 40 : 0;
		unsigned long i, counts;

		setup(l, RO);
		i = min(at, nr_of_level() - 1);
		counts = level->entries ? i : 0;
		share_all_but(counts);
		both(i, 1, FOLL_PIN, 1);
		EXPECT_EQ(slow(i, 1, FOLL_PIN), GUP_PROGRESS);
		expect_taken(i, 1);
		share_all_but(ULONG_MAX);
		both(i, 1, FOLL_PIN, 0);
		EXPECT_EQ(slow(i, 1, FOLL_PIN), GUP_NEED_UNSHARE);
		if (!level->entries) {
			share_all_but(i);
			both(i, 1, FOLL_PIN, 0);
			share_all_but(0);
			both(i, 3, FOLL_PIN, 3);
		}
		both(i, 1, FOLL_GET, 1);
	}
}

/* One shared page, at each place of a large folio that is mapped by PTEs. */
static void test_one_is_shared(void)
{
	level = &levels[1];
	for (unsigned long i = 0; i < 64; i++) {
		setup(&levels[1], RO);
		clear_bit(PG_anon_exclusive, &page_at(level->n + i)->flags.f);
		fast(0, 64, FOLL_PIN);
		EXPECT(req.sink.nr <= i);
		expect_taken(0, req.sink.nr);
		slow(0, 64, FOLL_PIN);
		expect_taken(0, i);
		slow(i / 2, 64 - i / 2, FOLL_PIN);
		expect_taken(i / 2, i - i / 2);
		both(0, 64, FOLL_GET, 64);
	}
}

/* FOLL_FORCE, by the flag of the page that counts and by nothing else. */
static void test_force(void)
{
	const unsigned int flags = FOLL_PIN | FOLL_WRITE | FOLL_FORCE;
	const struct level *l;

	for (l = levels; l < levels_end; l++) {
		const unsigned long at = nr_of_level() > 1 ? 40 : 0;
		unsigned long i, counts;

		setup(l, RO | _PAGE_DIRTY);
		i = min(at, nr_of_level() - 1);
		counts = level->entries ? i : 0;
		vma->vm_flags = RO_FLAGS;
		share_all_but(counts);
		EXPECT_EQ(slow(i, 1, flags), GUP_PROGRESS);
		expect_taken(i, 1);
		EXPECT_EQ(slow(i, 1, FOLL_PIN | FOLL_WRITE), GUP_NEED_FAULT);
		EXPECT_EQ(fast(i, 1, flags), 0);
		vma->vm_flags = VMA_FLAGS;
		EXPECT_EQ(slow(i, 1, flags), GUP_NEED_FAULT);
		vma->vm_flags = RO_FLAGS | VM_SHARED;
		EXPECT_EQ(slow(i, 1, flags), GUP_NEED_FAULT);
		vma->vm_flags = RO_FLAGS;
		share_all_but(ULONG_MAX);
		EXPECT_EQ(slow(i, 1, flags), GUP_NEED_FAULT);
		if (!level->entries) {
			share_all_but(i);
			EXPECT_EQ(slow(i, 1, flags), GUP_NEED_FAULT);
		}
		share_all_but(counts);
		folio()->mapping = &gup_file;
		EXPECT_EQ(slow(i, 1, flags), GUP_NEED_FAULT);
		expect_taken(i, 0);
	}
}

/*
 * Touch
 */

static void test_touch(void)
{
	const struct level *l;

	for (l = levels; l < levels_end; l++) {
		const u64 clean = (GUP_PTE_RW) & ~(_PAGE_DIRTY | _PAGE_ACCESSED);

		setup(l, clean);
		slow(0, 1, FOLL_GET | FOLL_WRITE);
		EXPECT(!folio_test_referenced(folio()));
		EXPECT(!folio_test_dirty(folio()));
		EXPECT(!(*entry(0) & (_PAGE_DIRTY | _PAGE_ACCESSED)));
		expect_taken(0, 1);

		slow(0, 1, FOLL_GET | FOLL_TOUCH);
		expect_taken(0, 1);
		EXPECT(!folio_test_dirty(folio()));
		EXPECT(!(*entry(0) & _PAGE_DIRTY));
		if (level->entries)
			EXPECT(folio_test_referenced(folio()));
		else
			EXPECT(*entry(0) & _PAGE_ACCESSED);

		slow(0, 1, FOLL_GET | FOLL_TOUCH | FOLL_WRITE);
		expect_taken(0, 1);
		if (level->entries)
			EXPECT(folio_test_dirty(folio()));
		else
			EXPECT(*entry(0) & _PAGE_DIRTY);
	}
}

/* What was refused is not touched. */
static void test_touch_refused(void)
{
	const struct level *l;

	for (l = levels; l < levels_end; l++) {
		setup(l, (RO) & ~_PAGE_ACCESSED);
		EXPECT_EQ(slow(0, 1, FOLL_GET | FOLL_TOUCH | FOLL_WRITE),
			  GUP_NEED_FAULT);
		EXPECT(!(*entry(0) & (_PAGE_DIRTY | _PAGE_ACCESSED)));
		EXPECT(!folio_test_referenced(folio()));
		expect_taken(0, 0);
	}
}

/*
 * Meanwhile
 */

static unsigned long changed;
static u64 change_bits;
static bool changed_after;

static void change(void *word, bool after)
{
	if (word != &folio()->_refcount.counter || after != changed_after)
		return;
	gup_hook = NULL;
	*entry(changed) ^= change_bits;
}

/**
 * struct change_case - how an entry changes
 * @name: What it is then.
 * @bits: The bits that change.
 * @permits: The new entry permits reading.
 * @harmless: The MMU does this by itself.
 */
struct change_case {
	const char *name;
	u64 bits;
	bool permits;
	bool harmless;
};

static const struct change_case change_cases[] = {
	{ "write protected", _PAGE_RW, true },
	{ "not present", _PAGE_PRESENT },
	{ "other page", 2 * PAGE_SIZE, true },
	{ "of the kernel", _PAGE_USER },
	{ "special", _PAGE_SPECIAL },
	{ "another key", 1ULL << _PAGE_BIT_PKEY_BIT0, true },
	{ "clean", _PAGE_DIRTY, true, true },
	{ "old", _PAGE_ACCESSED, true, true },
};

/* How many pages a walk may take whose entry @at changes as it looks. */
static unsigned long nr_changed(const struct change_case *c, unsigned long at,
				unsigned long nr)
{
	if (!level->entries)
		return 0;
	if (c->harmless)
		return nr;
	/* It begins anew at an entry behind the first, but not at that. */
	return at && c->permits ? nr : at;
}

/* Entry @at changes right before the grab or after it, before the second look. */
static void try_change(const struct level *l, const struct change_case *c,
		       unsigned long at, unsigned int flags, bool after)
{
	unsigned long nr;

	setup(l, GUP_PTE_RW);
	tap_case = c->name;
	nr = min(nr_of_level(), 64UL);
	changed = at;
	change_bits = c->bits;
	changed_after = after;
	gup_hook = change;
	fast(0, nr, flags);
	EXPECT(!gup_hook);
	gup_hook = NULL;
	if (req.sink.nr > at && c->bits == 2 * PAGE_SIZE) {
		EXPECT_EQ(pages[at], page_at(l->n + (at ^ 2)));
		pages[at] = page_at(l->n + at);
	}
	expect_taken(0, nr_changed(c, at, nr));
}

static void test_change(void)
{
	static const unsigned long at[] = { 0, 1, 15, 16, 17, 31, 32, 47, 63 };
	const struct level *l;

	for (l = levels; l < levels_end; l++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
			if (at[i] && (!l->entries || at[i] >= BIT(l->order)))
				continue;
			for (unsigned int j = 0; j < 2 * ARRAY_SIZE(change_cases); j++) {
				const struct change_case *c = &change_cases[j / 2];

				try_change(l, c, at[i], FOLL_PIN, j % 2);
				try_change(l, c, at[i], FOLL_GET, j % 2);
			}
		}
	}
}

/* An entry within a span that differs from the start. */
static void test_different(void)
{
	for (unsigned int i = 0; i < 64 * ARRAY_SIZE(change_cases); i++) {
		const struct change_case *c = &change_cases[i / 64];
		const unsigned long at = i % 64;

		if (c->bits == (1ULL << _PAGE_BIT_PKEY_BIT0) || c->harmless)
			continue;
		setup(&levels[1], GUP_PTE_RW);
		tap_case = c->name;
		*entry(at) ^= c->bits;
		/* What another page is taken for is another matter. */
		if (c->bits == 2 * PAGE_SIZE || c->bits == _PAGE_USER)
			continue;
		both(0, 64, FOLL_PIN | FOLL_WRITE, at);
		both(at / 2, 64 - at / 2, FOLL_GET | FOLL_WRITE, at - at / 2);
	}
}

/* Only a write bit differs: what is only read is taken by both walks. */
static void test_different_write(void)
{
	for (unsigned long at = 0; at < 64; at++) {
		setup(&levels[1], GUP_PTE_RW);
		*entry(at) &= ~(_PAGE_RW | _PAGE_DIRTY);
		fast(0, 64, FOLL_PIN);
		expect_taken(0, 64);
		clear_bit(PG_anon_exclusive, &page_at(level->n + at)->flags.f);
		fast(0, 64, FOLL_PIN);
		expect_taken(0, at);
		slow(0, 64, FOLL_PIN);
		expect_taken(0, at);
	}
}

/* The entry changes while its lock is waited for. */
static void *lock_word;
static u64 new_entry;

static void change_locked(void *word, bool after)
{
	if (word != lock_word)
		return;
	gup_hook = NULL;
	*entry(0) = new_entry;
}

static void try_locked(const struct level *l, u64 val, unsigned int flags,
		       enum gup_outcome outcome)
{
	setup(l, GUP_PTE_RW);
	lock_word = l->order == 18 ? pud_lockptr(&world.mm, gup_pud(level->addr)) :
				     pmd_lockptr(&world.mm, gup_pmd(level->addr));
	new_entry = val;
	gup_hook = change_locked;
	EXPECT_EQ(slow(0, 4, flags), outcome);
	EXPECT(!gup_hook);
	gup_hook = NULL;
	expect_taken(0, 0);
}

static void test_change_locked(void)
{
	for (const struct level *l = &levels[2]; l <= &levels[3]; l++) {
		const u64 pfn = (world.first_pfn + l->n) << PAGE_SHIFT;
		const u64 swapped = 0x1234002;

		try_locked(l, 0, FOLL_PIN, GUP_PROGRESS);
		try_locked(l, _PAGE_TABLE, FOLL_PIN, GUP_PROGRESS);
		try_locked(l, swapped, FOLL_PIN, GUP_PROGRESS);
		try_locked(l, pfn | RO | _PAGE_PSE, FOLL_PIN | FOLL_WRITE,
			   GUP_NEED_FAULT);
	}
}

/* A table or leaf is gone; what was taken before it stays. */
static void clear_pmd(void *word, bool after)
{
	if (word != &folio()->_refcount.counter || !after)
		return;
	gup_hook = NULL;
	gup_pmd(level->addr)->pmd = 0;
}

/* @nr pages behind some that are mapped by the table in front of them. */
static void try_undo(const struct level *l, unsigned long nr, unsigned int flags)
{
	const unsigned long before = 5;

	setup(l, GUP_PTE_RW);
	for (unsigned long i = 0; i < before; i++) {
		gup_folio(world.first_pfn + 1 + i, 0);
		gup_map_pte(level->addr - (before - i) * PAGE_SIZE,
			    world.first_pfn + 1 + i, GUP_PTE_RW);
	}
	gup_hook = clear_pmd;
	init_req(0, nr + before, flags);
	req.start = level->addr - before * PAGE_SIZE;
	gup_fast(&req);
	EXPECT(!gup_hook);
	gup_hook = NULL;
	EXPECT_EQ(req.sink.nr, before);
	for (unsigned long i = 0; i < before; i++)
		EXPECT_EQ(pages[i], page_at(1 + i));
	for (unsigned long i = before; i < MAX_TAKEN; i++)
		EXPECT(pages[i] == CALLERS || !pages[i]);
	gup_release_range(pages, req.sink.nr, flags);
	for (unsigned long i = 0; i < before; i++)
		EXPECT_EQ(page_ref_count(page_at(1 + i)), 1);
	expect_count(0);
}

static void test_undo_to_mark(void)
{
	for (const struct level *l = levels; l <= &levels[2]; l++) {
		try_undo(l, 1, FOLL_GET);
		try_undo(l, 1, FOLL_PIN);
		try_undo(l, min(BIT(l->order), 64UL), FOLL_GET);
		try_undo(l, min(BIT(l->order), 64UL), FOLL_PIN);
	}
}

/*
 * Holes and tables
 */

/*
 * Where an entry of 0 leads is the first page of all, and that is the PGD. What
 * would be read there as the next entry is made to lead to the folio.
 */
static void clear_level(unsigned int at)
{
	const u64 page = (world.first_pfn + level->n) << PAGE_SHIFT | GUP_PTE_RW;
	u64 *pgd = (u64 *)world.mm.pgd;

	if (at == 0) {
		pgd[gup_index(level->addr, PGDIR_SHIFT)] = 0;
		pgd[gup_index(level->addr, PUD_SHIFT)] = page | _PAGE_PSE;
	} else if (at == 1) {
		gup_pud(level->addr)->pud = 0;
		gup_pud(0)->pud = page;
	} else {
		gup_pmd(level->addr)->pmd = 0;
	}
}

/* A missing table of any level. */
static void test_no_table(void)
{
	for (unsigned int at = 0; at < 3; at++) {
		setup(&levels[1], GUP_PTE_RW);
		clear_level(at);
		for (unsigned long n = 0; n < 4; n++)
			gup_folio(n, 0);
		fast(0, 4, FOLL_GET);
		expect_taken(0, 0);
		fast(0, 1, FOLL_GET);
		expect_taken(0, 0);
		EXPECT_EQ(slow(0, 4, FOLL_GET), GUP_NEED_FAULT);
		expect_taken(0, 0);
		EXPECT_EQ(slow(0, 4, FOLL_GET | FOLL_DUMP), GUP_ERROR);
		EXPECT_EQ(req.error, -EFAULT);
		for (unsigned long n = 0; n < 4; n++)
			EXPECT_EQ(page_ref_count(pfn_to_page(n)), 1);
	}
}

/* The next leaf or table is another one. */
static void test_neighbour(void)
{
	for (const struct level *l = &levels[2]; l <= &levels[3]; l++) {
		unsigned long nr;

		setup(l, GUP_PTE_RW);
		nr = nr_of_level();
		for (unsigned long i = 0; i < 3; i++) {
			gup_folio(world.first_pfn + i, 0);
			gup_map_pte(addr_of(nr + i), world.first_pfn + i,
				    GUP_PTE_RW);
		}
		init_req(nr - 2, 5, FOLL_GET);
		gup_fast(&req);
		EXPECT_EQ(req.sink.nr, 5);
		EXPECT_EQ(pages[1], page_at(level->n + nr - 1));
		EXPECT_EQ(pages[2], page_at(0));
		EXPECT_EQ(pages[4], page_at(2));
		gup_release_range(pages, 5, FOLL_GET);
		slow(nr - 2, 5, FOLL_GET);
		expect_taken(nr - 2, 2);
	}
}

/*
 * A mapping that changes once it has been looked at
 */

static struct address_space *watched;

/* The walk looks into the mapping: from now on the folio has another one. */
static void change_mapping(int sig, siginfo_t *info, void *context)
{
	mprotect(watched, PAGE_SIZE, PROT_READ | PROT_WRITE);
	WRITE_ONCE(folio()->mapping, &gup_secret);
}

/* What is remembered as good is what was looked at. The next page is secret. */
static void test_mapping_changes(void)
{
	struct sigaction old, trap = {
		.sa_sigaction = change_mapping,
		.sa_flags = SA_SIGINFO,
	};
	struct folio *next;

	setup(&levels[0], GUP_PTE_RW);
	next = gup_folio(world.first_pfn + 1, 0);
	next->mapping = &gup_secret;
	gup_map_pte(addr_of(1), world.first_pfn + 1, GUP_PTE_RW);
	watched = mmap(NULL, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	EXPECT(watched != MAP_FAILED);
	folio()->mapping = watched;
	sigaction(SIGSEGV, &trap, &old);
	fast(0, 2, FOLL_GET);
	sigaction(SIGSEGV, &old, NULL);
	EXPECT_EQ(folio()->mapping, &gup_secret);
	expect_taken(0, 1);
	EXPECT_EQ(folio_ref_count(next), 1);
	munmap(watched, PAGE_SIZE);
}

static const struct test tests[] = {
	{ "parts", test_parts },
	{ "end of the VMA", test_end_of_vma },
	{ "read only", test_readonly },
	{ "truncated file", test_truncated },
	{ "movable memory", test_movable },
	{ "inaccessible", test_inaccessible },
	{ "overflow", test_overflow },
	{ "exclusive pages", test_exclusive },
	{ "one page is shared", test_one_is_shared },
	{ "FOLL_FORCE", test_force },
	{ "touch", test_touch },
	{ "touch of what is refused", test_touch_refused },
	{ "entry changes", test_change },
	{ "entry differs", test_different },
	{ "entry differs in the write bit", test_different_write },
	{ "entry changes before its lock is taken", test_change_locked },
	{ "undo to the mark", test_undo_to_mark },
	{ "no table", test_no_table },
	{ "neighbour", test_neighbour },
	{ "mapping changes", test_mapping_changes },
};

int main(void)
{
	gup_world_init(2 * (SZ_1G >> PAGE_SHIFT), 64);
	gup_have_pkru = false;
	return tap_run(tests, ARRAY_SIZE(tests));
}
