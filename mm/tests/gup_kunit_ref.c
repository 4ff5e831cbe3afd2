// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of get_user_pages(): references, on made-up spans.
 */
#include <linux/memremap.h>
#include <linux/pagemap.h>
#include <linux/swap.h>
#include <linux/user_bvecs.h>

#include <asm/sections.h>

#include "gup_kunit.h"

/* The pages of a folio of its own. */
static struct page **gk_folio_pages(struct kunit *test, unsigned int order)
{
	struct page **pages = gk_array(test, 1UL << order);
	struct page *first = gk_alloc_page(test, order);
	unsigned long i;

	for (i = 0; i < 1UL << order; i++)
		pages[i] = first + i;
	return pages;
}

/*
 * Taking
 */

struct gk_grab {
	const char *name;
	unsigned int order;
	int nr;
	unsigned int flags;
	long refs;
	long pins;
};

static const struct gk_grab gk_grabs[] = {
	{ "small, get", 0, 1, FOLL_GET, 1, 0 },
	{ "small, get 5", 0, 5, FOLL_GET, 5, 0 },
	{ "small, pin", 0, 1, FOLL_PIN, GUP_PIN_COUNTING_BIAS, 0 },
	{ "small, pin 3", 0, 3, FOLL_PIN, 3 * GUP_PIN_COUNTING_BIAS, 0 },
	{ "small, neither", 0, 1, FOLL_WRITE | FOLL_TOUCH, 0, 0 },
	{ "large, get", 4, 16, FOLL_GET, 16, 0 },
	{ "large, pin", 4, 1, FOLL_PIN, 1, 1 },
	{ "large, pin 16", 4, 16, FOLL_PIN, 16, 16 },
	{ "large, neither", 4, 16, 0, 0, 0 },
	{ "huge, pin 512", 9, 512, FOLL_PIN, 512, 512 },
};

KUNIT_ARRAY_PARAM_DESC(gk_grabs, gk_grabs, name);

static void gk_expect_grabbed(struct kunit *test, struct folio *folio,
			      const struct gk_grab *grab)
{
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1 + grab->refs);
	if (folio_has_pincount(folio))
		KUNIT_EXPECT_EQ(test, atomic_read(&folio->_pincount),
				grab->pins);
}

static void gk_ungrab(struct folio *folio, const struct gk_grab *grab)
{
	if (grab->flags & FOLL_PIN)
		gup_unpin(folio, grab->nr);
	else
		folio_put_refs(folio, grab->refs);
}

static void gup_ref_try_grab_folio(struct kunit *test)
{
	const struct gk_grab *grab = test->param_value;
	struct folio *folio = page_folio(gk_alloc_page(test, grab->order));

	KUNIT_ASSERT_EQ(test, try_grab_folio(folio, grab->nr, grab->flags), 0);
	gk_expect_grabbed(test, folio, grab);
	gk_ungrab(folio, grab);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);
}

static void gup_ref_grab_stable(struct kunit *test)
{
	const struct gk_grab *grab = test->param_value;
	struct folio *folio = page_folio(gk_alloc_page(test, grab->order));
	long acquired = gk_stat(NR_FOLL_PIN_ACQUIRED);
	struct gup_req req;

	gk_req(&req, 0, 1, grab->flags, NULL);
	KUNIT_ASSERT_EQ(test, gup_grab_stable(&req, folio, grab->nr, req.flags, false), 0);
	gk_expect_grabbed(test, folio, grab);
	/* The statistics are gathered, and follow later. */
	KUNIT_EXPECT_EQ(test, gk_stat(NR_FOLL_PIN_ACQUIRED), acquired);
	gup_stat_flush(&req.sink.acquired, NR_FOLL_PIN_ACQUIRED);
	KUNIT_EXPECT_EQ(test, gk_stat(NR_FOLL_PIN_ACQUIRED),
			acquired + (grab->flags & FOLL_PIN ? grab->nr : 0));
	gk_ungrab(folio, grab);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);
}

static void gup_ref_folio_add_pins(struct kunit *test)
{
	const unsigned int orders[] = { 0, 4 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		struct page *page = gk_alloc_page(test, orders[i]);
		struct folio *folio = page_folio(page);
		struct gk_refs *refs = gk_refs_of(test, &page, 1);

		KUNIT_ASSERT_EQ(test, try_grab_folio(folio, 1, FOLL_PIN), 0);
		KUNIT_EXPECT_EQ(test, folio_add_pins(folio, 3), 0);
		folio_add_pin(folio);
		KUNIT_EXPECT_EQ(test, folio_ref_count(folio) - refs->refs,
				gup_refs(folio, 5, FOLL_PIN));
		unpin_user_folio(folio, 4);
		KUNIT_EXPECT_TRUE(test, folio_maybe_dma_pinned(folio));
		unpin_user_folio(folio, 1);
		gk_expect_released(test, refs, 1);
	}
}

static void gup_ref_zero_page_is_not_counted(struct kunit *test)
{
	struct page *page = ZERO_PAGE(0), *pages[3] = { page, page, page };
	struct folio *folio = page_folio(page);
	long acquired = gk_stat(NR_FOLL_PIN_ACQUIRED);
	long released = gk_stat(NR_FOLL_PIN_RELEASED);
	int refs = folio_ref_count(folio);
	struct gup_req req;

	gk_req(&req, 0, 1, FOLL_PIN, NULL);
	KUNIT_EXPECT_EQ(test, gup_grab_stable(&req, folio, 1, req.flags, false), 0);
	gup_stat_flush(&req.sink.acquired, NR_FOLL_PIN_ACQUIRED);
	KUNIT_EXPECT_EQ(test, try_grab_folio(folio, 1, FOLL_PIN), 0);
	KUNIT_EXPECT_EQ(test, folio_add_pins(folio, 2), 0);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), refs);
	unpin_user_page(page);
	unpin_user_pages(pages, 3);
	unpin_user_page_range_dirty_lock(page, 1, false);
	unpin_user_folio(folio, 7);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), refs);
	KUNIT_EXPECT_EQ(test, gk_stat(NR_FOLL_PIN_ACQUIRED), acquired);
	KUNIT_EXPECT_EQ(test, gk_stat(NR_FOLL_PIN_RELEASED), released);

	/* Only a pin is special. */
	KUNIT_EXPECT_EQ(test, try_grab_folio(folio, 2, FOLL_GET), 0);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), refs + 2);
	folio_put_refs(folio, 2);
}

/* Unlike the zero page it is freed when nobody uses it. */
static void gup_ref_huge_zero_folio_is_counted(struct kunit *test)
{
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	unsigned long addr = gk_map_huge_zero(test);
	struct gk_refs *refs = gk_refs(test, addr, 1);
	struct folio *folio = page_folio(refs->page);

	KUNIT_ASSERT_EQ(test, try_grab_folio(folio, 5, FOLL_PIN), 0);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), refs->refs + 5);
	KUNIT_EXPECT_EQ(test, atomic_read(&folio->_pincount), refs->pins + 5);
	unpin_user_folio(folio, 5);
	gk_expect_released(test, refs, 1);
#else
	kunit_skip(test, "needs CONFIG_TRANSPARENT_HUGEPAGE");
#endif
}

/* At the wrap the folio would be freed while it is in use. */
static void gup_ref_overflow_is_refused(struct kunit *test)
{
	static const int counts[] = { 0, -1, INT_MIN, INT_MIN / 2 };
	struct folio *folio = page_folio(gk_alloc_page(test, 0));
	struct gup_req req;
	unsigned int i;

	gk_req(&req, 0, 1, FOLL_GET, NULL);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		folio_set_count(folio, counts[i]);
		kunit_warning_suppress(test) {
			gk_forget_warnings();
			KUNIT_EXPECT_EQ(test, try_grab_folio(folio, 1, FOLL_GET),
					-ENOMEM);
			gk_forget_warnings();
			KUNIT_EXPECT_EQ(test, try_grab_folio(folio, 1, FOLL_PIN),
					-ENOMEM);
			gk_forget_warnings();
			KUNIT_EXPECT_EQ(test, gup_grab_stable(&req, folio, 1, req.flags, false),
					-ENOMEM);
			KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 3);
		}
		KUNIT_EXPECT_EQ(test, folio_ref_count(folio), counts[i]);
	}
	folio_set_count(folio, 1);
}

/* A page that looks like one of a device's memory, for as long as @pgmap is. */
static void gk_pretend_p2pdma(struct page *page, struct dev_pagemap *pgmap)
{
#ifdef CONFIG_PCI_P2PDMA
	pgmap->type = MEMORY_DEVICE_PCI_P2PDMA;
	page_folio(page)->pgmap = pgmap;
	set_page_zone(page, ZONE_DEVICE);
#endif
}

static void gup_ref_p2pdma_needs_flag(struct kunit *test)
{
	struct page *page = gk_alloc_page(test, 0);
	struct folio *folio = page_folio(page);
	enum zone_type zone = page_zonenum(page);
	struct dev_pagemap pgmap = {};
	struct gup_req req;

	if (!IS_ENABLED(CONFIG_PCI_P2PDMA))
		kunit_skip(test, "needs CONFIG_PCI_P2PDMA");
	gk_pretend_p2pdma(page, &pgmap);
	gk_req(&req, 0, 1, FOLL_GET, NULL);
	KUNIT_EXPECT_EQ(test, try_grab_folio(folio, 1, FOLL_GET), -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, try_grab_folio(folio, 1, FOLL_PIN), -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, gup_grab_stable(&req, folio, 1, req.flags, false), -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);

	KUNIT_EXPECT_EQ(test, try_grab_folio(folio, 1,
					     FOLL_GET | FOLL_PCI_P2PDMA), 0);
	req.flags |= FOLL_PCI_P2PDMA;
	KUNIT_EXPECT_EQ(test, gup_grab_stable(&req, folio, 1, req.flags, false), 0);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 3);
	/* Whoever has a pin has been allowed to. */
	KUNIT_ASSERT_EQ(test, 0, try_grab_folio(folio, 1, FOLL_PIN |
						FOLL_PCI_P2PDMA));
	KUNIT_EXPECT_EQ(test, folio_add_pins(folio, 1), 0);
	unpin_user_folio(folio, 2);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 3);
	set_page_zone(page, zone);
	INIT_LIST_HEAD(&folio->lru);
	folio_put_refs(folio, 2);
}

/* What was found out holds for one pageblock, and no more. */
static void gup_ref_longterm_look_up(struct kunit *test)
{
	struct gup_longterm longterm = { .block = ULONG_MAX };
	struct page *page = gk_alloc_page(test, 0);
	struct folio *folio = page_folio(page);

	KUNIT_EXPECT_TRUE(test, gup_longterm_look_up(&longterm, folio));
	KUNIT_EXPECT_EQ(test, longterm.block,
			folio_pfn(folio) >> pageblock_order);
	KUNIT_EXPECT_EQ(test, longterm.zone, folio_zonenum(folio));
}

/*
 * Giving back
 */

struct gk_unpin {
	const char *name;
	void (*unpin)(struct page **pages, unsigned long nr);
	bool at_once;	/* all pages of a folio that stand together */
};

static void gk_unpin_one_by_one(struct page **pages, unsigned long nr)
{
	while (nr--)
		unpin_user_page(*pages++);
}

static void gk_unpin_dirty(struct page **pages, unsigned long nr)
{
	unpin_user_pages_dirty_lock(pages, nr, true);
}

static void gk_unpin_clean(struct page **pages, unsigned long nr)
{
	unpin_user_pages_dirty_lock(pages, nr, false);
}

static void gk_unpin_range_dirty(struct page **pages, unsigned long nr)
{
	unpin_user_page_range_dirty_lock(pages[0], nr, true);
}

static void gk_unpin_range_clean(struct page **pages, unsigned long nr)
{
	unpin_user_page_range_dirty_lock(pages[0], nr, false);
}

/* One entry for all, of however many folios they are. */
static void gk_unpin_bvec(struct page **pages, unsigned long nr, bool dirty)
{
	struct bio_vec bvec;

	bvec_set_page(&bvec, pages[0], nr * PAGE_SIZE, 0);
	unpin_user_bvecs(&bvec, !!nr, dirty);
}

static void gk_unpin_bvec_dirty(struct page **pages, unsigned long nr)
{
	gk_unpin_bvec(pages, nr, true);
}

static void gk_unpin_bvec_clean(struct page **pages, unsigned long nr)
{
	gk_unpin_bvec(pages, nr, false);
}

static void gk_unpin_user_folio(struct page **pages, unsigned long nr)
{
	unpin_user_folio(page_folio(pages[0]), nr);
}

static void gk_unpin_folio(struct page **pages, unsigned long nr)
{
	while (nr--)
		unpin_folio(page_folio(*pages++));
}

static void gk_unpin_folios(struct page **pages, unsigned long nr)
{
	struct folio *folios[16];
	unsigned long i;

	for (i = 0; i < nr; i++)
		folios[i] = page_folio(pages[i]);
	unpin_folios(folios, nr);
}

/* Those whose name ends in "dirty" make folios dirty. */
static const struct gk_unpin gk_unpins[] = {
	{ "unpin_user_page", gk_unpin_one_by_one },
	{ "unpin_user_pages", unpin_user_pages, true },
	{ "unpin_user_pages_dirty_lock dirty", gk_unpin_dirty, true },
	{ "unpin_user_pages_dirty_lock clean", gk_unpin_clean, true },
	{ "unpin_user_page_range_dirty_lock dirty", gk_unpin_range_dirty },
	{ "unpin_user_page_range_dirty_lock clean", gk_unpin_range_clean },
	{ "unpin_user_bvecs dirty", gk_unpin_bvec_dirty },
	{ "unpin_user_bvecs clean", gk_unpin_bvec_clean },
	{ "unpin_user_folio", gk_unpin_user_folio },
	{ "unpin_folio", gk_unpin_folio },
	{ "unpin_folios", gk_unpin_folios, true },
};

KUNIT_ARRAY_PARAM_DESC(gk_unpins, gk_unpins, name);

static bool gk_unpin_makes_dirty(const struct gk_unpin *unpin)
{
	return strends(unpin->name, "dirty");
}

static void gk_check_unpin(struct kunit *test, const struct gk_unpin *unpin,
			   struct page **pages, unsigned long nr)
{
	struct gk_refs *refs = gk_refs_of(test, pages, nr);
	long released = gk_stat(NR_FOLL_PIN_RELEASED);
	unsigned long i;

	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_EQ(test, try_grab_folio(page_folio(pages[i]), 1,
						     FOLL_PIN), 0);
	gk_expect_refs(test, refs, nr, nr, FOLL_PIN);
	unpin->unpin(pages, nr);
	gk_expect_released(test, refs, nr);
	KUNIT_EXPECT_EQ(test, gk_stat(NR_FOLL_PIN_RELEASED), released + nr);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, folio_test_dirty(page_folio(pages[i])),
				gk_unpin_makes_dirty(unpin));
}

static void gup_ref_unpin_page(struct kunit *test)
{
	gk_check_unpin(test, test->param_value, gk_folio_pages(test, 0), 1);
}

static void gup_ref_unpin_folio_in_full(struct kunit *test)
{
	gk_check_unpin(test, test->param_value, gk_folio_pages(test, 4), 16);
}

static void gup_ref_unpin_part_of_folio(struct kunit *test)
{
	gk_check_unpin(test, test->param_value, gk_folio_pages(test, 4) + 5, 9);
}

/* Consecutive memory, every page a folio of its own. */
static void gup_ref_unpin_many_folios(struct kunit *test)
{
	const struct gk_unpin *unpin = test->param_value;
	struct page *page = alloc_pages(GFP_HIGHUSER, 3);
	struct page **pages = gk_array(test, 8);
	unsigned int i;

	/* That one is about one folio. */
	if (unpin->unpin == gk_unpin_user_folio)
		return;
	KUNIT_ASSERT_NOT_NULL(test, page);
	split_page(page, 3);
	for (i = 0; i < 8; i++)
		pages[i] = page + i;
	gk_check_unpin(test, unpin, pages, 8);
	for (i = 0; i < 8; i++)
		put_page(pages[i]);
}

static void gk_pin_all(struct kunit *test, struct page **pages,
		       unsigned long nr)
{
	while (nr--) {
		if (*pages)
			KUNIT_ASSERT_EQ(test, 0,
					try_grab_folio(page_folio(*pages), 1,
						       FOLL_PIN));
		pages++;
	}
}

static void gup_ref_unpin_skips_null(struct kunit *test)
{
	struct page **large = gk_folio_pages(test, 4);
	struct page *small = gk_alloc_page(test, 0);
	struct page *pages[] = { NULL, small, NULL, NULL, large[2], large[3],
				 NULL, large[4], NULL };
	struct page *all[] = { small, large[2], large[3], large[4] };
	struct gk_refs *refs = gk_refs_of(test, all, ARRAY_SIZE(all));

	gk_pin_all(test, pages, ARRAY_SIZE(pages));
	unpin_user_pages(pages, ARRAY_SIZE(pages));
	gk_expect_released(test, refs, ARRAY_SIZE(all));

	gk_pin_all(test, pages, ARRAY_SIZE(pages));
	unpin_user_pages_dirty_lock(pages, ARRAY_SIZE(pages), false);
	gk_expect_released(test, refs, ARRAY_SIZE(all));
}

static void gup_ref_unpin_count_is_an_error(struct kunit *test)
{
	struct page *page = gk_alloc_page(test, 0), *pages[] = { page };
	struct folio *folios[] = { page_folio(page) };
	struct gk_refs *refs;

	KUNIT_ASSERT_EQ(test, try_grab_folio(folios[0], 1, FOLL_PIN), 0);
	refs = gk_refs_of(test, pages, 1);
	kunit_warning_suppress(test) {
		unpin_user_pages(pages, -EFAULT);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
		unpin_user_pages_dirty_lock(pages, -ENOMEM, false);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 2);
		unpin_user_pages_dirty_lock(pages, -EINTR, true);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 3);
		unpin_folios(folios, -EINVAL);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 4);
	}
	gk_expect_released(test, refs, 1);
	KUNIT_EXPECT_FALSE(test, folio_test_dirty(folios[0]));
	unpin_user_page(page);
}

static void gup_ref_unpin_nothing(struct kunit *test)
{
	const struct gk_unpin *unpin = test->param_value;
	struct page *page = gk_alloc_page(test, 0);
	struct gk_refs *refs = gk_refs_of(test, &page, 1);

	unpin->unpin(&page, 0);
	gk_expect_released(test, refs, 1);
	KUNIT_EXPECT_FALSE(test, PageDirty(page));
}

/* The folio lock is for making it dirty. Holding it, this would hang. */
static void gup_ref_unpin_dirty_folio_without_lock(struct kunit *test)
{
	struct page *page = gk_alloc_page(test, 0);
	struct folio *folio = page_folio(page);

	KUNIT_ASSERT_EQ(test, try_grab_folio(folio, 2, FOLL_PIN), 0);
	folio_mark_dirty_lock(folio);
	folio_lock(folio);
	unpin_user_pages_dirty_lock(&page, 1, true);
	unpin_user_page_range_dirty_lock(page, 1, true);
	folio_unlock(folio);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);
}

/* A file that looks at its folio when that is made dirty. */
struct gk_dirtied {
	struct address_space mapping;
	bool locked;
	bool pinned;
};

static bool gk_dirty_folio(struct address_space *mapping, struct folio *folio)
{
	struct gk_dirtied *dirtied = container_of(mapping, struct gk_dirtied,
						  mapping);

	dirtied->locked = folio_test_locked(folio);
	dirtied->pinned = folio_maybe_dma_pinned(folio);
	return noop_dirty_folio(mapping, folio);
}

static const struct address_space_operations gk_dirty_aops = {
	.dirty_folio = gk_dirty_folio,
};

/* Without its lock the folio may leave the file, without the pin it may be freed. */
static void gup_ref_unpin_dirties_pinned_folio(struct kunit *test)
{
	const struct gk_unpin *unpin = test->param_value;
	struct page *page = gk_alloc_page(test, 0);
	struct folio *folio = page_folio(page);
	struct gk_dirtied *dirtied;

	if (!gk_unpin_makes_dirty(unpin))
		return;
	dirtied = kunit_kzalloc(test, sizeof(*dirtied), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, dirtied);
	dirtied->mapping.a_ops = &gk_dirty_aops;
	KUNIT_ASSERT_EQ(test, try_grab_folio(folio, 1, FOLL_PIN), 0);
	folio->mapping = &dirtied->mapping;
	unpin->unpin(&page, 1);
	folio->mapping = NULL;
	KUNIT_EXPECT_TRUE(test, folio_test_dirty(folio));
	KUNIT_EXPECT_TRUE(test, dirtied->locked);
	KUNIT_EXPECT_TRUE(test, dirtied->pinned);
	KUNIT_EXPECT_FALSE(test, folio_maybe_dma_pinned(folio));
	folio_clear_dirty(folio);
}

/* Taken in one piece, pins may be given back in others. */
static void gup_ref_unpin_in_pieces(struct kunit *test)
{
	struct page **pages = gk_folio_pages(test, 4);
	struct folio *folio = page_folio(pages[0]);

	KUNIT_ASSERT_EQ(test, try_grab_folio(folio, 16, FOLL_PIN), 0);
	unpin_user_page(pages[15]);
	unpin_user_pages(pages + 10, 5);
	unpin_user_page_range_dirty_lock(pages[6], 4, false);
	unpin_user_folio(folio, 5);
	KUNIT_EXPECT_EQ(test, atomic_read(&folio->_pincount), 1);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 2);
	unpin_folio(folio);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);
}

static void gk_unpin_undo(struct page **pages, unsigned long nr)
{
	gup_release_range(pages, nr, FOLL_PIN);
}

/* Who looks whether a page is still exclusive, and who does not. */
static const struct {
	const char *name;
	void (*unpin)(struct page **pages, unsigned long nr);
	bool range;	/* is given the first page and a number */
	bool silent;	/* the undo of the fast path may race with fork() */
} gk_checks[] = {
	{ "page", gk_unpin_one_by_one },
	{ "pages", unpin_user_pages },
	{ "pages dirty", gk_unpin_dirty },
	{ "range clean", gk_unpin_range_clean, true },
	{ "range dirty", gk_unpin_range_dirty, true },
	{ "bvec clean", gk_unpin_bvec_clean, true },
	{ "bvec dirty", gk_unpin_bvec_dirty, true },
	{ "undo", gk_unpin_undo, false, true },
};

static void gk_check_warnings(struct kunit *test, struct page **pages,
			      unsigned long nr, bool warns)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gk_checks); i++) {
		if (gk_checks[i].range && nr > 1)
			continue;
		gk_pin_all(test, pages, nr);
		/* Each of them comes but once, whoever caused it. */
		gk_forget_warnings();
		kunit_warning_suppress(test) {
			gk_checks[i].unpin(pages, nr);
			KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, warns &&
							      !gk_checks[i].silent);
		}
	}
}

static void gup_ref_unpin_warns_of_shared_page(struct kunit *test)
{
	const struct gk_kind *kind = test->param_value;
	unsigned long addr = kind->map(test, kind);
	struct page *head = gk_page_at(addr);
	/* Of a huge page the flag of the head is what counts. */
	struct page *page = head + (kind->order ? 3 : 0);
	struct page *pages[] = { page, page + 1, page };
	const bool by_ptes = kind->order && !pmd_leaf(*gk_pmdp(addr));

	if (!IS_ENABLED(CONFIG_DEBUG_VM))
		kunit_skip(test, "needs CONFIG_DEBUG_VM");
	gk_check_warnings(test, &page, 1, false);
	ClearPageAnonExclusive(head);
	if (by_ptes) {
		/* The page has a flag of its own. */
		gk_check_warnings(test, &page, 1, false);
		ClearPageAnonExclusive(page);
		/* Not of the first entry only. */
		pages[0] = page + 1;
		gk_check_warnings(test, pages, 3, true);
	}
	gk_check_warnings(test, &page, 1, true);
	SetPageAnonExclusive(head);
	/* That of the head counts for all: the folio may be mapped by a PMD. */
	gk_check_warnings(test, &page, 1, false);
	if (by_ptes)
		SetPageAnonExclusive(page);
}

/*
 * Entries that are pages of one folio, in whatever order, are given back at once:
 * each digit says which of 8 pages, letters are those of another folio.
 */
struct gk_run {
	const char *entries;
	int runs;	/* of the first folio */
};

static const struct gk_run gk_runs[] = {
	{ "0", 1 },
	{ "01234567", 1 },
	{ "0000000000000000", 1 },
	{ "3333", 1 },
	{ "0246", 1 },
	{ "76543210", 1 },
	{ "0101770", 1 },
	{ "00a00", 2 },
	{ "0a1b2c", 3 },
	{ "aa0246aa01234501", 2 },
};

static void gk_run_desc(const struct gk_run *run, char *desc)
{
	strscpy(desc, run->entries, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(gk_runs, gk_runs, gk_run_desc);

static void gk_hit_count(struct gk_trap *trap, struct pt_regs *regs)
{
}

static void gk_check_runs(struct kunit *test, const struct gk_unpin *unpin)
{
	const struct gk_run *run = test->param_value;
	const unsigned long nr = strlen(run->entries);
	struct page **a = gk_folio_pages(test, 3), **b = gk_folio_pages(test, 3);
	struct page *all[] = { a[0], b[0] };
	struct gk_refs *refs = gk_refs_of(test, all, 2);
	struct gk_trap trap = { .hit = gk_hit_count };
	struct page **pages = gk_array(test, nr);
	unsigned long i;

	gk_trap_set(test, &trap, &page_folio(a[0])->_refcount);
	for (i = 0; i < nr; i++) {
		const char c = run->entries[i];

		pages[i] = c >= 'a' ? b[c - 'a'] : a[c - '0'];
		KUNIT_ASSERT_EQ(test, 0, try_grab_folio(page_folio(pages[i]), 1,
							FOLL_PIN));
	}
	trap.hits = 0;
	unpin->unpin(pages, nr);
	gk_trap_clear(&trap);
	KUNIT_EXPECT_EQ_MSG(test, trap.hits, run->runs, "%s", unpin->name);
	gk_expect_released(test, refs, 2);
}

static void gup_ref_unpin_run_at_once(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gk_unpins); i++) {
		if (gk_unpins[i].at_once)
			gk_check_runs(test, &gk_unpins[i]);
	}
}

/*
 * Spans and sinks
 */

static void gup_ref_span_length(struct kunit *test)
{
	struct page **a = gk_folio_pages(test, 2);
	struct page **b = gk_folio_pages(test, 2);
	struct page *small = gk_alloc_page(test, 0);
	struct page *pages[] = { a[1], a[2], a[3], b[0], b[1], small, small, a[0],
				 NULL, a[0], a[0] };
	static const unsigned long want[] = { 3, 2, 1, 2, 1, 2, 1, 1, 0, 2, 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		if (!pages[i])
			continue;
		KUNIT_EXPECT_EQ(test, want[i],
				gup_run_length(pages + i, ARRAY_SIZE(pages) - i,
					       page_folio(pages[i])));
	}
	/* No look beyond the end of the array. */
	KUNIT_EXPECT_EQ(test, 2, gup_run_length(pages, 2, page_folio(a[0])));
	KUNIT_EXPECT_EQ(test, 1, gup_run_length(pages, 1, page_folio(a[0])));
}

/* Wherever a span ends, in a batch or behind it, its length is right. */
static void gup_ref_span_length_long(struct kunit *test)
{
	struct page *folio_page = gk_alloc_page(test, 6);
	struct page *other = gk_alloc_page(test, 0);
	struct page **a = gk_array(test, 65);
	unsigned int i;

	for (i = 0; i < 64; i++)
		a[i] = folio_page + i;
	a[64] = other;
	for (i = 1; i < 64; i++) {
		struct page *page = a[i];

		a[i] = other;
		KUNIT_EXPECT_EQ(test, i,
				gup_run_length(a, 64, page_folio(folio_page)));
		a[i] = page;
		KUNIT_EXPECT_EQ(test, i,
				gup_run_length(a, i, page_folio(folio_page)));
	}
	/* The folio ends before the array does. */
	KUNIT_EXPECT_EQ(test, 64, gup_run_length(a, 65, page_folio(folio_page)));
}

static void gup_ref_sink_push(struct kunit *test)
{
	static const unsigned int spans[] = { 1, 7, 8, 9, 2, 16, 17, 1, 31 };
	struct page **out = gk_array(test, 128);
	struct page *page = gk_alloc_page(test, 5);
	struct gup_sink sink = { .pages = out }, none = {};
	unsigned long pos = 0, i, j;

	for (i = 0; i < ARRAY_SIZE(spans); i++) {
		gup_sink_put(&sink, page + i, spans[i]);
		gup_sink_put(&none, page + i, spans[i]);
		for (j = 0; j < spans[i]; j++)
			KUNIT_EXPECT_PTR_EQ(test, out[pos + j], page + i + j);
		pos += spans[i];
		KUNIT_EXPECT_EQ(test, sink.nr, pos);
		KUNIT_EXPECT_NULL(test, out[pos]);
	}
	gup_sink_put(&sink, page, 1);
	KUNIT_EXPECT_PTR_EQ(test, out[pos], page);
	KUNIT_EXPECT_EQ(test, none.nr, pos);
}

/* Its look ends with the sink, though more of the array may be in use. */
static void gup_ref_sink_next(struct kunit *test)
{
	struct page **a = gk_folio_pages(test, 2);
	struct page *small = gk_alloc_page(test, 0);
	struct page *pages[] = { a[1], a[2], a[3], NULL, NULL, small, small,
				 small, a[0], a[0], a[0] };
	static const unsigned long want[] = { 3, 2, 1, 1, 1, 3, 2, 1, 2, 1 };
	struct gup_sink sink = { .pages = pages, .nr = ARRAY_SIZE(want) };
	struct folio *folio;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		KUNIT_EXPECT_EQ(test, gup_sink_next(&sink, i, &folio), want[i]);
		KUNIT_EXPECT_PTR_EQ(test, folio,
				    pages[i] ? page_folio(pages[i]) : NULL);
	}
}

struct gk_ref_kind {
	const char *name;
	unsigned int flags;
};

static const struct gk_ref_kind gk_ref_kinds[] = {
	{ "get", FOLL_GET },
	{ "pin", FOLL_PIN },
	{ "neither", FOLL_WRITE },
};

KUNIT_ARRAY_PARAM_DESC(gk_ref_kinds, gk_ref_kinds, name);

/* References to folios in turn, with gaps, and to the same pages again. */
static void gup_ref_release_range(struct kunit *test)
{
	const struct gk_ref_kind *ref = test->param_value;
	struct page **a = gk_folio_pages(test, 4), **b = gk_folio_pages(test, 1);
	struct page *small = gk_alloc_page(test, 0);
	struct page *pages[] = { a[14], a[15], b[0], b[1], NULL, small, small,
				 ZERO_PAGE(0), a[0], a[0], b[1], NULL, small };
	struct page *all[] = { a[0], b[0], small };
	struct gk_refs *refs = gk_refs_of(test, all, 3);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		if (pages[i])
			KUNIT_ASSERT_EQ(test, 0,
					try_grab_folio(page_folio(pages[i]), 1,
						       ref->flags));
	}
	if (ref->flags & (FOLL_GET | FOLL_PIN)) {
		KUNIT_EXPECT_EQ(test, folio_ref_count(page_folio(a[0])), 5);
		KUNIT_EXPECT_EQ(test, folio_ref_count(page_folio(small)),
				1 + gup_refs(page_folio(small), 3, ref->flags));
	}
	gup_release_range(pages, ARRAY_SIZE(pages), ref->flags);
	gk_expect_released(test, refs, 3);
}

static void gup_ref_sink_undo(struct kunit *test)
{
	const struct gk_ref_kind *ref = test->param_value;
	struct page **a = gk_folio_pages(test, 4);
	struct page *small = gk_alloc_page(test, 0);
	struct page *all[] = { a[0], small };
	struct gk_refs *refs = gk_refs_of(test, all, 2);
	struct page **out = gk_array(test, 32);
	struct gup_req req;

	gk_req(&req, 0, 32, ref->flags, out);
	KUNIT_ASSERT_EQ(test, gup_grab_stable(&req, page_folio(small), 1, req.flags, false), 0);
	gup_sink_put(&req.sink, small, 1);
	KUNIT_ASSERT_EQ(test, gup_grab_stable(&req, page_folio(a[0]), 6, req.flags, false), 0);
	gup_sink_put(&req.sink, a[3], 6);
	gup_stat_flush(&req.sink.acquired, NR_FOLL_PIN_ACQUIRED);

	gup_undo(&req, 3);
	KUNIT_EXPECT_EQ(test, req.sink.nr, 3);
	if (ref->flags & (FOLL_GET | FOLL_PIN))
		KUNIT_EXPECT_EQ(test, folio_ref_count(page_folio(a[0])), 3);
	gup_undo(&req, 1);
	KUNIT_EXPECT_EQ(test, req.sink.nr, 1);
	KUNIT_EXPECT_EQ(test, folio_ref_count(page_folio(a[0])), 1);
	if (ref->flags & (FOLL_GET | FOLL_PIN))
		KUNIT_EXPECT_GT(test, folio_ref_count(page_folio(small)), 1);
	gup_undo(&req, 0);
	KUNIT_EXPECT_EQ(test, req.sink.nr, 0);
	gk_expect_released(test, refs, 2);
}

static void gup_ref_sink_undo_without_array(struct kunit *test)
{
	struct page *page = gk_alloc_page(test, 0);
	struct gup_req req;

	gk_req(&req, 0, 8, FOLL_TOUCH, NULL);
	gup_sink_put(&req.sink, page, 5);
	gup_undo(&req, 2);
	KUNIT_EXPECT_EQ(test, req.sink.nr, 2);
}

static void gup_ref_statistics_by_node(struct kunit *test)
{
	int nid = first_online_node, other = next_online_node(nid);
	struct gup_pin_stat stat = { .nid = NUMA_NO_NODE };
	long acquired = gk_stat(NR_FOLL_PIN_ACQUIRED);

	if (other == MAX_NUMNODES)
		other = nid;
	gup_stat_add(&stat, nid, 3, NR_FOLL_PIN_ACQUIRED);
	gup_stat_add(&stat, nid, 4, NR_FOLL_PIN_ACQUIRED);
	KUNIT_EXPECT_EQ(test, gk_stat(NR_FOLL_PIN_ACQUIRED), acquired);
	gup_stat_add(&stat, other, 5, NR_FOLL_PIN_ACQUIRED);
	if (other != nid)
		KUNIT_EXPECT_EQ(test, gk_stat(NR_FOLL_PIN_ACQUIRED),
				acquired + 7);
	gup_stat_flush(&stat, NR_FOLL_PIN_ACQUIRED);
	KUNIT_EXPECT_EQ(test, gk_stat(NR_FOLL_PIN_ACQUIRED), acquired + 12);
	gup_stat_flush(&stat, NR_FOLL_PIN_ACQUIRED);
	KUNIT_EXPECT_EQ(test, gk_stat(NR_FOLL_PIN_ACQUIRED), acquired + 12);
	mod_node_page_state(NODE_DATA(nid), NR_FOLL_PIN_RELEASED, 12);
}

static struct kunit_case gup_ref_cases[] = {
	KUNIT_CASE_PARAM(gup_ref_try_grab_folio, gk_grabs_gen_params),
	KUNIT_CASE_PARAM(gup_ref_grab_stable, gk_grabs_gen_params),
	KUNIT_CASE(gup_ref_folio_add_pins),
	KUNIT_CASE(gup_ref_zero_page_is_not_counted),
	KUNIT_CASE(gup_ref_huge_zero_folio_is_counted),
	KUNIT_CASE(gup_ref_overflow_is_refused),
	KUNIT_CASE(gup_ref_p2pdma_needs_flag),
	KUNIT_CASE(gup_ref_longterm_look_up),
	KUNIT_CASE_PARAM(gup_ref_unpin_page, gk_unpins_gen_params),
	KUNIT_CASE_PARAM(gup_ref_unpin_folio_in_full, gk_unpins_gen_params),
	KUNIT_CASE_PARAM(gup_ref_unpin_part_of_folio, gk_unpins_gen_params),
	KUNIT_CASE_PARAM(gup_ref_unpin_many_folios, gk_unpins_gen_params),
	KUNIT_CASE_PARAM(gup_ref_unpin_nothing, gk_unpins_gen_params),
	KUNIT_CASE(gup_ref_unpin_skips_null),
	KUNIT_CASE(gup_ref_unpin_count_is_an_error),
	KUNIT_CASE(gup_ref_unpin_dirty_folio_without_lock),
	KUNIT_CASE_PARAM(gup_ref_unpin_dirties_pinned_folio,
			 gk_unpins_gen_params),
	KUNIT_CASE(gup_ref_unpin_in_pieces),
	KUNIT_CASE_PARAM(gup_ref_unpin_warns_of_shared_page, gk_anon_kind_gen_params),
	KUNIT_CASE_PARAM(gup_ref_unpin_run_at_once, gk_runs_gen_params),
	KUNIT_CASE(gup_ref_span_length),
	KUNIT_CASE(gup_ref_span_length_long),
	KUNIT_CASE(gup_ref_sink_push),
	KUNIT_CASE(gup_ref_sink_next),
	KUNIT_CASE_PARAM(gup_ref_release_range, gk_ref_kinds_gen_params),
	KUNIT_CASE_PARAM(gup_ref_sink_undo, gk_ref_kinds_gen_params),
	KUNIT_CASE(gup_ref_sink_undo_without_array),
	KUNIT_CASE(gup_ref_statistics_by_node),
	{}
};

static struct kunit_suite gup_ref_suite = {
	.name = "gup_ref",
	.init = gk_init,
	.exit = gk_exit,
	.test_cases = gup_ref_cases,
};

kunit_test_suite(gup_ref_suite);

MODULE_DESCRIPTION("KUnit tests of get_user_pages(): references");
MODULE_LICENSE("GPL");
