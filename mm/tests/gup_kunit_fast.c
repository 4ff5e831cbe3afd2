// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of get_user_pages(): the lockless walk.
 *
 * What happens in the middle of it is made to happen by a breakpoint on the
 * word that the walk writes to: the reference count that it raises.
 */
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/seqlock.h>
#include <linux/swap.h>

#include "gup_kunit.h"

/* Entries are read and written here as words of 64 bits. */
#if defined(CONFIG_HAVE_GUP_FAST) && defined(CONFIG_64BIT)
struct gk_ref_kind {
	const char *name;
	unsigned int flags;
};

static const struct gk_ref_kind gk_ref_kinds[] = {
	{ "get", FOLL_GET },
	{ "get, write", FOLL_GET | FOLL_WRITE },
	{ "pin", FOLL_PIN },
	{ "pin, write", FOLL_PIN | FOLL_WRITE },
};

KUNIT_ARRAY_PARAM_DESC(gk_ref_kinds, gk_ref_kinds, name);

static unsigned int gk_ref_of(const struct gk_ref_kind *kind)
{
	return kind->flags & (FOLL_GET | FOLL_PIN);
}

/*
 * How far a step goes
 */

/* All of what one page table maps, and no more than that. */
static void gup_fast_step_ends_at_table(struct kunit *test)
{
	unsigned long addr = gk_map(test, 4 * PTRS_PER_PTE,
				    PROT_READ | PROT_WRITE);
	unsigned long end = ALIGN(addr, PMD_SIZE) + PMD_SIZE;
	struct page **pages = gk_array(test, 8);
	struct gup_req req;

	if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		KUNIT_ASSERT_EQ(test, 0, do_madvise(current->mm, addr,
						    4 * PTRS_PER_PTE * PAGE_SIZE,
						    MADV_NOHUGEPAGE));
	gk_fill(test, end - 4 * PAGE_SIZE, 8);
	gk_req(&req, end - 4 * PAGE_SIZE, 8, FOLL_GET, pages);
	KUNIT_EXPECT_TRUE(test, gk_walk_fast(&req));
	KUNIT_EXPECT_EQ(test, req.sink.nr, 4);
	KUNIT_EXPECT_TRUE(test, gk_walk_fast(&req));
	KUNIT_EXPECT_EQ(test, req.sink.nr, 8);
	gup_undo(&req, 0);
}

static void gup_fast_step_ends_at_hole(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 4);
	struct page *pages[8];
	struct gup_req req;

	gk_map(test, 4, PROT_READ);
	gk_req(&req, addr, 8, FOLL_GET, pages);
	KUNIT_ASSERT_EQ(test, 0, do_madvise(current->mm, addr + 2 * PAGE_SIZE,
					    PAGE_SIZE, MADV_DONTNEED));
	KUNIT_EXPECT_FALSE(test, gk_walk_fast(&req));
	KUNIT_EXPECT_EQ(test, req.sink.nr, 2);
	/* From the hole itself nothing is taken. */
	KUNIT_EXPECT_FALSE(test, gk_walk_fast(&req));
	KUNIT_EXPECT_EQ(test, req.sink.nr, 2);
	gup_undo(&req, 0);
}

/* It works with interrupts off, and leaves them as they were. */
static void gup_fast_with_interrupts_off(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 2);
	struct page *pages[2];
	unsigned long flags;
	bool off;
	int ret;

	local_irq_save(flags);
	ret = get_user_pages_fast_only(addr, 2, FOLL_WRITE, pages);
	off = irqs_disabled();
	local_irq_restore(flags);
	KUNIT_EXPECT_TRUE(test, off);
	KUNIT_ASSERT_EQ(test, ret, 2);
	put_page(pages[0]);
	put_page(pages[1]);

	KUNIT_EXPECT_EQ(test, 2, get_user_pages_fast_only(addr, 2, 0, pages));
	KUNIT_EXPECT_FALSE(test, irqs_disabled());
	put_page(pages[0]);
	put_page(pages[1]);
}

static void gup_fast_page_becomes_referenced(struct kunit *test)
{
	const struct gk_ref_kind *kind = test->param_value;
	unsigned long addr = gk_map_filled(test, 1);
	struct folio *folio = page_folio(gk_page_at(addr));
	struct page *pages[1];
	struct gup_req req;

	lru_add_drain_all();
	folio_clear_referenced(folio);
	gk_req(&req, addr, 1, kind->flags, pages);
	KUNIT_EXPECT_TRUE(test, gk_walk_fast(&req));
	KUNIT_EXPECT_TRUE(test, folio_test_referenced(folio));
	gup_undo(&req, 0);
}

/*
 * What it leaves to the slow path
 */

static void gk_expect_refused(struct kunit *test, unsigned long addr,
			      unsigned int flags)
{
	struct gk_refs *refs = gk_refs(test, addr, 1);
	struct page *pages[1];
	struct gup_req req;

	gk_req(&req, addr, 1, flags, pages);
	KUNIT_EXPECT_FALSE(test, gk_walk_fast(&req));
	KUNIT_EXPECT_EQ(test, req.sink.nr, 0);
	gk_expect_released(test, refs, 1);
	gup_undo(&req, 0);
}

static void gk_expect_accepted(struct kunit *test, unsigned long addr,
			       unsigned int flags)
{
	struct gk_refs *refs = gk_refs(test, addr, 1);
	struct page *pages[1];
	struct gup_req req;

	gk_req(&req, addr, 1, flags, pages);
	KUNIT_EXPECT_TRUE(test, gk_walk_fast(&req));
	KUNIT_EXPECT_EQ(test, req.sink.nr, 1);
	gup_undo(&req, 0);
	gk_expect_released(test, refs, 1);
}

#ifdef CONFIG_X86_64
static void gk_expect_not_followed(struct kunit *test, unsigned long addr,
				   void *entry)
{
	const u64 was = READ_ONCE(*(u64 *)entry);
	struct page *pages[1];

	WRITE_ONCE(*(u64 *)entry, was & ~(u64)_PAGE_PRESENT);
	KUNIT_EXPECT_EQ(test, 0, get_user_pages_fast_only(addr, 1, 0, pages));
	KUNIT_EXPECT_EQ(test, 0, gk_pin_lockless(addr, 1, FOLL_WRITE, pages));
	WRITE_ONCE(*(u64 *)entry, was);
}

/* What is not present may lead somewhere all the same. */
static void gup_fast_entry_is_not_present(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1), thp = gk_map_thp(test);
	pgd_t *pgdp = pgd_offset(current->mm, addr);
	p4d_t *p4dp = p4d_offset(pgdp, addr);

	/* Linux knows none that is not present. The other walker relies on that. */
	if (IS_ENABLED(CONFIG_GUP_FAST_X86))
		gk_expect_not_followed(test, addr, pgdp);
	gk_expect_not_followed(test, addr, p4dp);
	gk_expect_not_followed(test, addr, pud_offset(p4dp, addr));
	gk_expect_not_followed(test, addr, gk_pmdp(addr));
	gk_expect_not_followed(test, addr, gk_ptep(test, addr));
	gk_expect_accepted(test, addr, FOLL_PIN | FOLL_WRITE);
	gk_expect_not_followed(test, thp, gk_pmdp(thp));
}
#else
static void gup_fast_entry_is_not_present(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_X86_64");
}
#endif

#ifdef GK_HUGETLB_BY_PTES
/* From the middle of a huge page into the next, by entries that may be all the same. */
static void gup_fast_hugetlb_by_ptes(struct kunit *test)
{
	const struct gk_kind *kind = &gk_kinds[GK_NR_KINDS - 1];
	unsigned long addr = kind->map(test, kind) + 5 * PAGE_SIZE;
	struct page *pages[20];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 20, get_user_pages_fast_only(addr, 20, FOLL_WRITE,
							   pages));
	for (i = 0; i < 20; i++, addr += PAGE_SIZE) {
		KUNIT_EXPECT_PTR_EQ(test, pages[i], gk_page_at(addr));
		KUNIT_EXPECT_EQ(test, gk_page_word(pages[i]), gk_peek(test, addr));
		put_page(pages[i]);
	}
}
#endif

static void gup_fast_readonly_entry(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);

	gk_write_protect(test, addr, 1);
	gk_expect_refused(test, addr, FOLL_GET | FOLL_WRITE);
	gk_expect_refused(test, addr, FOLL_PIN | FOLL_WRITE);
	gk_expect_refused(test, addr, FOLL_PIN | FOLL_WRITE | FOLL_FORCE);
	gk_expect_accepted(test, addr, FOLL_GET);
	gk_expect_accepted(test, addr, FOLL_PIN);
}

static void gup_fast_shared_page(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);

	gk_fork(test);
	gk_expect_refused(test, addr, FOLL_PIN);
	gk_expect_accepted(test, addr, FOLL_GET);
}

static void gup_fast_shared_thp(struct kunit *test)
{
	unsigned long addr = gk_map_thp(test);

	gk_fork(test);
	gk_expect_refused(test, addr + PAGE_SIZE, FOLL_PIN);
	gk_expect_accepted(test, addr + PAGE_SIZE, FOLL_GET);
	gk_expect_refused(test, addr, FOLL_GET | FOLL_WRITE);
}

/*
 * A page of a device has no mapping. But so may one seem that is secret, and just
 * evicted; or anonymous, and that not seen yet.
 */
static void gup_fast_page_without_mapping(struct kunit *test)
{
	unsigned long addr = gk_map_dev(test, gk_dev(test),
					PROT_READ | PROT_WRITE, MAP_SHARED);
	struct page *page;

	gk_poke(test, addr, 1);
	page = gk_page_at(addr);
	KUNIT_ASSERT_NULL(test, page->mapping);
	KUNIT_ASSERT_TRUE(test, folio_is_longterm_pinnable(page_folio(page)));
	gk_expect_refused(test, addr, FOLL_GET);
	gk_expect_refused(test, addr, FOLL_GET | FOLL_WRITE);
	gk_expect_refused(test, addr, FOLL_PIN);
	gk_expect_refused(test, addr, FOLL_PIN | FOLL_WRITE);
	gk_expect_refused(test, addr, FOLL_PIN | FOLL_LONGTERM);
	gk_expect_refused(test, addr, FOLL_PIN | FOLL_WRITE | FOLL_LONGTERM);
}

/* What is pinned for long to be written to has to be known not to mind. */
static void gup_fast_longterm_write(struct kunit *test)
{
	const unsigned int flags = FOLL_PIN | FOLL_LONGTERM | FOLL_WRITE;
	unsigned long anon = gk_map(test, 1, PROT_READ | PROT_WRITE);
	struct file *file = gk_shmem_file(test, 1);
	unsigned long shmem = gk_map_file(test, file, 1, PROT_READ | PROT_WRITE,
					  MAP_SHARED);
	unsigned long huge = gk_map_hugetlb(test, MAP_SHARED);
	struct page *pages[3];

	/* Move them to where they may stay. */
	KUNIT_ASSERT_EQ(test, 1, gk_pin_locked(anon, 1, flags & ~FOLL_PIN,
					       pages));
	KUNIT_ASSERT_EQ(test, 1, gk_pin_locked(shmem, 1, flags & ~FOLL_PIN,
					       pages + 1));
	KUNIT_ASSERT_EQ(test, 1, gk_pin_locked(huge, 1, flags & ~FOLL_PIN,
					       pages + 2));
	gk_expect_accepted(test, anon, flags);
	gk_expect_accepted(test, shmem, flags);
	gk_expect_accepted(test, huge, flags);
	unpin_user_pages(pages, 3);
}

/* A file system that is told of every write must be told of these. */
static const struct address_space_operations gk_aops = {};

static void gup_fast_longterm_write_to_file(struct kunit *test)
{
	unsigned long addr = gk_map_dev(test, gk_dev(test),
					PROT_READ | PROT_WRITE, MAP_SHARED);
	struct address_space mapping = { .a_ops = &gk_aops };
	struct folio *folio;

	gk_poke(test, addr, 1);
	folio = page_folio(gk_page_at(addr));
	folio->mapping = &mapping;
	gk_expect_refused(test, addr, FOLL_PIN | FOLL_WRITE | FOLL_LONGTERM);
	gk_expect_accepted(test, addr, FOLL_PIN | FOLL_WRITE);
	gk_expect_accepted(test, addr, FOLL_GET | FOLL_WRITE);
	gk_expect_accepted(test, addr, FOLL_GET);
	folio->mapping = NULL;
}

static void gup_fast_refcount_of_zero(struct kunit *test)
{
	const struct gk_ref_kind *kind = test->param_value;
	unsigned long addr = gk_map_filled(test, 1);
	struct page *page = gk_page_at(addr), *pages[1];
	struct gup_req req;

	/* Frozen, for as long as somebody splits or migrates it. */
	lru_add_drain_all();
	KUNIT_ASSERT_TRUE(test, folio_ref_freeze(page_folio(page), 1));
	gk_req(&req, addr, 1, kind->flags, pages);
	KUNIT_EXPECT_FALSE(test, gk_walk_fast(&req));
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
	folio_ref_unfreeze(page_folio(page), 1);
	KUNIT_EXPECT_EQ(test, req.sink.nr, 0);
}

static void gup_fast_refcount_below_zero(struct kunit *test)
{
	const struct gk_ref_kind *kind = test->param_value;
	unsigned long addr = gk_map_filled(test, 1);
	struct page *page = gk_page_at(addr), *pages[1];
	struct gup_req req;
	int refs;

	lru_add_drain_all();
	refs = page_ref_count(page);
	set_page_count(page, INT_MIN + 5);
	gk_req(&req, addr, 1, kind->flags, pages);
	gk_forget_warnings();
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_FALSE(test, gk_walk_fast(&req));
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_EQ(test, page_ref_count(page), INT_MIN + 5);
	KUNIT_EXPECT_EQ(test, req.sink.nr, 0);
	set_page_count(page, refs);
}

#ifdef CONFIG_PCI_P2PDMA
static void gup_fast_p2pdma(struct kunit *test)
{
	unsigned long addr = gk_map_dev(test, gk_dev(test),
					PROT_READ | PROT_WRITE, MAP_SHARED);
	struct dev_pagemap pgmap = { .type = MEMORY_DEVICE_PCI_P2PDMA };
	enum zone_type zone;
	struct page *page;

	gk_poke(test, addr, 1);
	page = gk_page_at(addr);
	zone = page_zonenum(page);
	page_folio(page)->pgmap = &pgmap;
	set_page_zone(page, ZONE_DEVICE);
	gk_expect_refused(test, addr, FOLL_GET);
	gk_expect_refused(test, addr, FOLL_PIN | FOLL_WRITE);
	gk_expect_accepted(test, addr, FOLL_GET | FOLL_PCI_P2PDMA);
	set_page_zone(page, zone);
	INIT_LIST_HEAD(&page->lru);
}
#else
static void gup_fast_p2pdma(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_PCI_P2PDMA");
}
#endif

/*
 * Partially mapped, split
 */

static void gup_fast_thp_mapped_by_ptes(struct kunit *test)
{
	const struct gk_ref_kind *kind = test->param_value;
	unsigned long addr = gk_map_thp_by_ptes(test);
	const unsigned long nr = PMD_SIZE >> PAGE_SHIFT;
	struct gk_refs *refs = gk_refs(test, addr, nr);
	struct page **pages = gk_array(test, nr);
	struct gup_req req;

	gk_req(&req, addr, nr, kind->flags, pages);
	KUNIT_EXPECT_TRUE(test, gk_walk_fast(&req));
	KUNIT_EXPECT_EQ(test, req.sink.nr, nr);
	gk_expect_taken(test, refs, pages, nr, gk_ref_of(kind));
	gup_undo(&req, 0);
	gk_expect_released(test, refs, nr);
}

/*
 * fork()
 */

static void gup_fast_fork_in_progress(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 4);
	struct gk_refs *refs = gk_refs(test, addr, 4);
	struct mm_struct *mm = current->mm;
	struct page *pages[4];
	long pinned;
	int got;

	mmap_write_lock(mm);
	raw_write_seqcount_begin(&mm->write_protect_seq);
	pinned = gk_pin_lockless(addr, 4, FOLL_WRITE, pages);
	/* A plain reference is nothing fork() has to know of. */
	got = get_user_pages_fast_only(addr, 4, FOLL_WRITE, pages);
	raw_write_seqcount_end(&mm->write_protect_seq);
	mmap_write_unlock(mm);
	KUNIT_EXPECT_EQ(test, pinned, 0);
	KUNIT_ASSERT_EQ(test, got, 4);
	release_pages(pages, 4);
	gk_expect_released(test, refs, 4);
	KUNIT_EXPECT_EQ(test, 4, gk_pin_lockless(addr, 4, FOLL_WRITE, pages));
	unpin_user_pages(pages, 4);
}

/*
 * In the middle of it
 */

static void gk_hit_nothing(struct gk_trap *trap, struct pt_regs *regs)
{
	bool *off = trap->arg;

	*off = regs_irqs_disabled(regs);
}

static void gup_fast_grabs_with_interrupts_off(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	bool off = false;
	struct gk_trap trap = { .hit = gk_hit_nothing, .arg = &off };
	struct page *pages[1];

	lru_add_drain_all();
	gk_trap_folio(test, &trap, addr);
	KUNIT_EXPECT_EQ(test, 1, gk_pin_lockless(addr, 1, 0, pages));
	gk_trap_clear(&trap);
	KUNIT_EXPECT_EQ(test, trap.hits, 1);
	KUNIT_EXPECT_TRUE(test, off);
	unpin_user_page(pages[0]);
}

/* One update of the count for all pages of a folio. */
static void gup_fast_grabs_once(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	struct page **pages = gk_array(test, kind->nr);
	unsigned long addr, nr;
	bool off;
	struct gk_trap trap = { .hit = gk_hit_nothing, .arg = &off };

	addr = kind->map(test, kind);
	nr = min_t(unsigned long, 1UL << kind->order, kind->nr);
	lru_add_drain_all();
	gk_trap_folio(test, &trap, addr);
	KUNIT_EXPECT_EQ(test, nr, combo->api->take(addr, nr, FOLL_WRITE, pages));
	gk_trap_clear(&trap);
	/* A batch of the LRU may take another one, and give it back. */
	KUNIT_EXPECT_LE(test, trap.hits, 3);
	gk_release(combo->api, pages, nr);
}

/* Something of an entry changes between the grab and the second look at it. */
static void gk_check_change(struct kunit *test, unsigned long addr,
			    unsigned long nr, struct gk_change *change,
			    unsigned long want)
{
	const struct gk_ref_kind *kind = test->param_value;
	struct gk_trap trap = { .hit = gk_hit_change, .arg = change };
	struct gk_refs *refs = gk_refs(test, addr, nr);
	struct page **pages = gk_array(test, nr);
	struct gup_req req;
	bool more;

	gk_req(&req, addr, nr, kind->flags, pages);
	gk_trap_folio(test, &trap, addr);
	more = gk_walk_fast(&req);
	gk_trap_clear(&trap);
	WRITE_ONCE(*change->entry, change->was);
	KUNIT_EXPECT_GE(test, trap.hits, 2);
	KUNIT_EXPECT_FALSE(test, more);
	KUNIT_EXPECT_EQ(test, req.sink.nr, want);
	gk_expect_taken(test, refs, pages, want, gk_ref_of(kind));
	gup_undo(&req, 0);
	gk_expect_released(test, refs, nr);
}

static u64 *gk_pte_word(struct kunit *test, unsigned long addr)
{
	return (u64 *)gk_ptep(test, addr);
}

static void gup_fast_entry_is_cleared_after_grab(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	struct gk_change change = { .entry = gk_pte_word(test, addr) };

	gk_check_change(test, addr, 1, &change, 0);
}

static void gup_fast_entry_maps_other_page_after_grab(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 2);
	struct gk_change change = { .entry = gk_pte_word(test, addr) };

	change.now = pte_val(gk_pte(test, addr + PAGE_SIZE));
	gk_check_change(test, addr, 1, &change, 0);
}

static void gup_fast_entry_is_write_protected_after_grab(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	struct gk_change change = { .entry = gk_pte_word(test, addr) };

	change.now = pte_val(pte_wrprotect(gk_pte(test, addr)));
	gk_check_change(test, addr, 1, &change, 0);
}

/* An entry behind the first: what comes before it may be kept. */
static void gup_fast_later_entry_changes_after_grab(struct kunit *test)
{
	unsigned long addr = gk_map_64k(test);
	struct gk_change change = {
		.entry = gk_pte_word(test, addr + 5 * PAGE_SIZE),
	};

	gk_check_change(test, addr, 16, &change, 5);
}

static void gup_fast_table_goes_after_grab(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 4);
	struct gk_change change = { .entry = (u64 *)gk_pmdp(addr) };

	gk_check_change(test, addr, 4, &change, 0);
}

static void gup_fast_thp_goes_after_grab(struct kunit *test)
{
	unsigned long addr = gk_map_thp(test);
	struct gk_change change = { .entry = (u64 *)gk_pmdp(addr) };

	gk_check_change(test, addr, 8, &change, 0);
}

struct gk_last {
	u64 *entry;
	struct folio *folio;
};

static void gk_hit_last(struct gk_trap *trap, struct pt_regs *regs)
{
	struct gk_last *last = trap->arg;

	WRITE_ONCE(*last->entry, 0);
	folio_ref_dec(last->folio);
}

/*
 * After the grab the entry is cleared, and everybody else drops the page. So the walk
 * has the last reference, and frees the page. It is a page that was unmapped before,
 * so that nobody misses it.
 */
static void gk_check_last(struct kunit *test, unsigned long addr, u64 *entry)
{
	const struct gk_ref_kind *kind = test->param_value;
	struct gk_last last = { .entry = entry };
	struct gk_trap trap = { .hit = gk_hit_last, .arg = &last };
	u64 *ptep = gk_pte_word(test, addr);
	const u64 pte = *ptep, was = *entry;
	struct page *pages[4];
	struct gup_req req;
	bool more;

	last.folio = page_folio(gk_page_at(addr));
	folio_get(last.folio);
	KUNIT_ASSERT_EQ(test, 0, do_madvise(current->mm, addr, PAGE_SIZE,
					    MADV_DONTNEED));
	lru_add_drain_all();
	KUNIT_ASSERT_EQ(test, folio_ref_count(last.folio), 1);
	gk_req(&req, addr, ARRAY_SIZE(pages), kind->flags, pages);
	gk_trap_set(test, &trap, &last.folio->_refcount);
	WRITE_ONCE(*ptep, pte);
	more = gk_walk_fast(&req);
	WRITE_ONCE(*entry, was);
	WRITE_ONCE(*ptep, 0);
	gk_trap_clear(&trap);
	KUNIT_EXPECT_FALSE(test, more);
	KUNIT_EXPECT_EQ(test, req.sink.nr, 0);
	/* The grab, and what gave it back. */
	KUNIT_EXPECT_EQ(test, trap.hits, 2);
}

static void gup_fast_page_is_freed_after_grab(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 4);

	gk_check_last(test, addr, gk_pte_word(test, addr));
}

static void gup_fast_page_is_freed_with_table(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 4);

	gk_check_last(test, addr, (u64 *)gk_pmdp(addr));
}

/* The MMU marks entries at any time; that is no change. */
static void gk_check_marked(struct kunit *test, unsigned long addr,
			    struct gk_change *change)
{
	const struct gk_ref_kind *kind = test->param_value;
	struct gk_trap trap = { .hit = gk_hit_change, .arg = change };
	struct page *pages[1];
	struct gup_req req;

	gk_req(&req, addr, 1, kind->flags, pages);
	gk_trap_folio(test, &trap, addr);
	gk_walk_fast(&req);
	gk_trap_clear(&trap);
	WRITE_ONCE(*change->entry, change->was);
	KUNIT_EXPECT_EQ(test, req.sink.nr, 1);
	gup_undo(&req, 0);
}

static void gup_fast_entry_is_marked_after_grab(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	struct gk_change change = { .entry = gk_pte_word(test, addr) };

	if (!IS_ENABLED(CONFIG_GUP_FAST_X86))
		kunit_skip(test, "needs CONFIG_GUP_FAST_X86");
	gk_set_pte(test, addr, pte_mkclean(pte_mkold(gk_pte(test, addr))));
	change.now = pte_val(pte_mkyoung(gk_pte(test, addr)));
	gk_check_marked(test, addr, &change);
}

/* The page becomes part of another folio, or none, before the grab. */
static void gup_fast_folio_is_split_before_grab(struct kunit *test)
{
	const struct gk_ref_kind *kind = test->param_value;
	unsigned long addr = gk_map_64k(test);
	struct gk_refs *refs = gk_refs(test, addr, 16);
	struct page *page = refs[4].page, *pages[1];
	struct gk_change change = { .entry = (u64 *)&page->compound_info };
	struct gk_trap trap = { .hit = gk_hit_change, .arg = &change };
	struct gup_req req;
	bool more;

	gk_req(&req, addr + 4 * PAGE_SIZE, 1, kind->flags, pages);
	gk_trap_folio(test, &trap, addr);
	more = gk_walk_fast(&req);
	gk_trap_clear(&trap);
	WRITE_ONCE(*change.entry, change.was);
	KUNIT_EXPECT_GE(test, trap.hits, 2);
	KUNIT_EXPECT_FALSE(test, more);
	KUNIT_EXPECT_EQ(test, req.sink.nr, 0);
	gk_expect_released(test, refs, 16);
}

/* A page that was a folio of its own is the first one of a larger one now. */
static void gup_fast_page_becomes_large_before_grab(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	struct page *page = gk_page_at(addr);
	struct gk_change change = { .entry = (u64 *)&page->flags.f };

	lru_add_drain_all();
	change.now = page->flags.f | BIT(PG_head);
	gk_check_change(test, addr, 1, &change, 0);
}

/* The first page of the span is still there, but the folio is shorter now. */
static void gk_hit_shrink(struct gk_trap *trap, struct pt_regs *regs)
{
	struct folio *folio = trap->arg;

	folio_set_order(folio, 2);
	folio_page(folio, 15)->compound_info = 0;
}

static void gup_fast_folio_shrinks_before_grab(struct kunit *test)
{
	const struct gk_ref_kind *kind = test->param_value;
	unsigned long addr = gk_map_64k(test);
	struct gk_refs *refs = gk_refs(test, addr, 16);
	struct folio *folio = page_folio(refs[0].page);
	unsigned long info = refs[15].page->compound_info;
	struct gk_trap trap = { .hit = gk_hit_shrink, .arg = folio };
	struct page **pages = gk_array(test, 16);
	struct gup_req req;

	gk_req(&req, addr, 16, kind->flags, pages);
	gk_trap_folio(test, &trap, addr);
	gk_walk_fast(&req);
	gk_trap_clear(&trap);
	folio_set_order(folio, 4);
	refs[15].page->compound_info = info;
	KUNIT_EXPECT_EQ(test, req.sink.nr, 0);
	gk_expect_released(test, refs, 16);
}

static void gup_fast_fork_after_grab(struct kunit *test)
{
	const struct gk_ref_kind *kind = test->param_value;
	unsigned long addr = gk_map_filled(test, 4);
	struct gk_trap trap = { .hit = gk_hit_fork, .arg = current->mm };
	struct gk_refs *refs = gk_refs(test, addr, 4);
	const bool pin = kind->flags & FOLL_PIN;
	struct page *pages[4];
	struct gup_req req;

	gk_req(&req, addr, 4, kind->flags, pages);
	gk_trap_folio(test, &trap, addr);
	gup_fast(&req);
	gk_trap_clear(&trap);
	KUNIT_EXPECT_EQ(test, req.sink.nr, pin ? 0 : 4);
	gk_expect_refs(test, refs, 4, req.sink.nr, gk_ref_of(kind));
	gup_undo(&req, 0);
	gk_expect_released(test, refs, 4);
}

/* Windows that were over before it stay. */
static void gup_fast_fork_in_second_window(struct kunit *test)
{
	unsigned long small = gk_map_thp(test) + PMD_SIZE;
	unsigned long addr = small - 8 * PAGE_SIZE;
	struct gk_trap trap = { .hit = gk_hit_fork, .arg = current->mm };
	struct gk_refs *refs;
	struct page *pages[16];
	struct gup_req req;

	gk_fill(test, small, 8);
	refs = gk_refs(test, addr, 16);
	gk_req(&req, addr, 16, FOLL_PIN, pages);
	gk_trap_folio(test, &trap, small);
	gup_fast(&req);
	gk_trap_clear(&trap);
	KUNIT_EXPECT_EQ(test, req.sink.nr, 8);
	gk_expect_refs(test, refs, 16, 8, FOLL_PIN);
	gup_undo(&req, 0);
	gk_expect_released(test, refs, 16);
}

/* The slow path takes over where the fast path had to stop. */
static void gup_fast_fork_then_slow_path(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 4);
	struct gk_trap trap = { .hit = gk_hit_fork, .arg = current->mm };
	struct gk_refs *refs = gk_refs(test, addr, 4);
	struct page *pages[4];

	gk_trap_folio(test, &trap, addr);
	KUNIT_EXPECT_EQ(test, 4, pin_user_pages_fast(addr, 4, 0, pages));
	gk_trap_clear(&trap);
	gk_expect_taken(test, refs, pages, 4, FOLL_PIN);
	unpin_user_pages(pages, 4);
	gk_expect_released(test, refs, 4);
}

/*
 * The slow walk, by the same means: its references are taken under the lock of
 * the page table.
 */
struct gk_locked {
	pmd_t *pmdp;
	bool locked;
};

static void gk_hit_locked(struct gk_trap *trap, struct pt_regs *regs)
{
	struct gk_locked *arg = trap->arg;
	spinlock_t *ptl = pte_lockptr(current->mm, arg->pmdp);

	arg->locked = !spin_trylock(ptl);
	if (!arg->locked)
		spin_unlock(ptl);
}

static void gup_fast_slow_walk_grabs_under_lock(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	struct gk_locked arg = { .pmdp = gk_pmdp(addr) };
	struct gk_trap trap = { .hit = gk_hit_locked, .arg = &arg };
	struct page *pages[1];

	if (!IS_ENABLED(CONFIG_SMP))
		kunit_skip(test, "needs CONFIG_SMP");
	lru_add_drain_all();
	gk_trap_folio(test, &trap, addr);
	KUNIT_EXPECT_EQ(test, 1, gk_pin_locked(addr, 1, 0, pages));
	gk_trap_clear(&trap);
	KUNIT_EXPECT_TRUE(test, arg.locked);
	unpin_user_page(pages[0]);
}

static struct kunit_case gup_fast_cases[] = {
	KUNIT_CASE(gup_fast_step_ends_at_table),
	KUNIT_CASE(gup_fast_step_ends_at_hole),
	KUNIT_CASE(gup_fast_with_interrupts_off),
	KUNIT_CASE_PARAM(gup_fast_page_becomes_referenced,
			 gk_ref_kinds_gen_params),
	KUNIT_CASE(gup_fast_entry_is_not_present),
	KUNIT_CASE(gup_fast_readonly_entry),
	KUNIT_CASE(gup_fast_shared_page),
	KUNIT_CASE(gup_fast_shared_thp),
	KUNIT_CASE(gup_fast_page_without_mapping),
#ifdef GK_HUGETLB_BY_PTES
	KUNIT_CASE(gup_fast_hugetlb_by_ptes),
#endif
	KUNIT_CASE(gup_fast_longterm_write),
	KUNIT_CASE(gup_fast_longterm_write_to_file),
	KUNIT_CASE_PARAM(gup_fast_refcount_of_zero, gk_ref_kinds_gen_params),
	KUNIT_CASE_PARAM(gup_fast_refcount_below_zero, gk_ref_kinds_gen_params),
	KUNIT_CASE(gup_fast_p2pdma),
	KUNIT_CASE_PARAM(gup_fast_thp_mapped_by_ptes, gk_ref_kinds_gen_params),
	KUNIT_CASE(gup_fast_fork_in_progress),
	KUNIT_CASE(gup_fast_grabs_with_interrupts_off),
	KUNIT_CASE_PARAM(gup_fast_grabs_once, gk_combo_gen_params),
	KUNIT_CASE_PARAM(gup_fast_entry_is_cleared_after_grab,
			 gk_ref_kinds_gen_params),
	KUNIT_CASE_PARAM(gup_fast_entry_maps_other_page_after_grab,
			 gk_ref_kinds_gen_params),
	KUNIT_CASE_PARAM(gup_fast_entry_is_write_protected_after_grab,
			 gk_ref_kinds_gen_params),
	KUNIT_CASE_PARAM(gup_fast_later_entry_changes_after_grab,
			 gk_ref_kinds_gen_params),
	KUNIT_CASE_PARAM(gup_fast_table_goes_after_grab,
			 gk_ref_kinds_gen_params),
	KUNIT_CASE_PARAM(gup_fast_thp_goes_after_grab, gk_ref_kinds_gen_params),
	KUNIT_CASE_PARAM(gup_fast_page_is_freed_after_grab,
			 gk_ref_kinds_gen_params),
	KUNIT_CASE_PARAM(gup_fast_page_is_freed_with_table,
			 gk_ref_kinds_gen_params),
	KUNIT_CASE_PARAM(gup_fast_entry_is_marked_after_grab,
			 gk_ref_kinds_gen_params),
	KUNIT_CASE_PARAM(gup_fast_folio_is_split_before_grab,
			 gk_ref_kinds_gen_params),
	KUNIT_CASE_PARAM(gup_fast_page_becomes_large_before_grab,
			 gk_ref_kinds_gen_params),
	KUNIT_CASE_PARAM(gup_fast_folio_shrinks_before_grab,
			 gk_ref_kinds_gen_params),
	KUNIT_CASE_PARAM(gup_fast_fork_after_grab, gk_ref_kinds_gen_params),
	KUNIT_CASE(gup_fast_fork_in_second_window),
	KUNIT_CASE(gup_fast_fork_then_slow_path),
	KUNIT_CASE(gup_fast_slow_walk_grabs_under_lock),
	{}
};

static struct kunit_suite gup_fast_suite = {
	.name = "gup_fast",
	.init = gk_init,
	.exit = gk_exit,
	.test_cases = gup_fast_cases,
};

kunit_test_suite(gup_fast_suite);
#endif	/* CONFIG_HAVE_GUP_FAST && CONFIG_64BIT */

MODULE_DESCRIPTION("KUnit tests of get_user_pages(): the lockless walk");
MODULE_LICENSE("GPL");
