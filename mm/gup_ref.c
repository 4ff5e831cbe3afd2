// SPDX-License-Identifier: GPL-2.0-only
/*
 * References of get_user_pages: taking them on folios that are stable, giving
 * them back, the statistics of both, and which may stay for long.
 *
 * A pin of a folio that has a pincount is one refcount and one pincount a page;
 * of any other folio it is GUP_PIN_COUNTING_BIAS refcounts a page. The zero
 * page is never freed, so pins of it are not counted at all: otherwise user
 * space could overflow its refcount.
 *
 * The huge zero folio is not exempt: it is freed when nobody uses it.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/user_bvecs.h>
#include <trace/events/gup.h>

#include "gup_ref.h"

/* Adds the pins gathered in @stat, 1 or more, to their node's statistics. */
void gup_stat_flush_node(struct gup_pin_stat *stat, enum node_stat_item item)
{
	mod_node_page_state(NODE_DATA(stat->nid), item, stat->nr);
	stat->nr = 0;
}

/* The next pins gathered in @stat are of another node. */
void gup_stat_change_node(struct gup_pin_stat *stat, int nid,
			  enum node_stat_item item)
{
	gup_stat_flush(stat, item);
	stat->nid = nid;
}

void gup_warn_refcount(struct folio *folio)
{
	WARN_ONCE(1, "GUP: refusing folio at pfn %#lx with refcount %d\n",
		  folio_pfn(folio), folio_ref_count(folio));
}

/**
 * try_grab_folio() - add references to a folio that is already stable
 * @folio: The folio; the caller holds a reference or otherwise knows that its
 *	   refcount stays above 0.
 * @refs: Number of pages to reference.
 * @flags: FOLL_GET, FOLL_PIN, or neither: then nothing happens. FOLL_PCI_P2PDMA
 *	   admits PCI peer-to-peer memory.
 *
 * Context: Any.
 * Return: 0, -ENOMEM if the refcount has overflowed, -EREMOTEIO for PCI
 * peer-to-peer memory that @flags do not admit.
 */
int __must_check try_grab_folio(struct folio *folio, int refs,
				unsigned int flags)
{
	int ret = gup_ref_stable(folio, refs, flags, false);

	if (ret > 0)
		node_stat_mod_folio(folio, NR_FOLL_PIN_ACQUIRED, refs);
	return min(ret, 0);
}

/**
 * folio_add_pins() - add pins to a folio that is already pinned
 * @folio: The folio.
 * @pins: Number of pins to add, each to be released by an unpin function.
 *
 * Context: Any.
 * Return: 0, or -ENOMEM if the refcount has overflowed.
 */
int folio_add_pins(struct folio *folio, unsigned int pins)
{
	VM_WARN_ON_ONCE_FOLIO(!is_zero_folio(folio) &&
			      !folio_maybe_dma_pinned(folio), folio);

	return try_grab_folio(folio, pins, FOLL_PIN | FOLL_PCI_P2PDMA);
}
EXPORT_SYMBOL_GPL(folio_add_pins);

/**
 * folio_add_pin() - add one pin to a folio that is already pinned
 * @folio: The folio. A refcount that has overflowed is warned about and left
 *	   alone.
 *
 * Context: Any.
 */
void folio_add_pin(struct folio *folio)
{
	folio_add_pins(folio, 1);
}

/**
 * gup_longterm_look_up() - find out whether a folio may stay pinned for long
 * @longterm: Keeps what is known of the folio's pageblock, if the folio may.
 * @folio: The folio, referenced or with the lock of an entry that maps it held.
 *
 * Context: Any.
 * Return: True if it may.
 */
bool gup_longterm_look_up(struct gup_longterm *longterm, struct folio *folio)
{
	if (!folio_is_longterm_pinnable(folio))
		return false;
	/* Zone device pages differ from each other. */
	if (folio_is_zone_device(folio))
		return true;
	longterm->block = folio_pfn(folio) >> pageblock_order;
	longterm->zone = folio_zonenum(folio);
	return true;
}

/*
 * Gives back @nr pins of a folio, which is @large or not, that are already in the
 * statistics of released ones. The pincount goes first: as long as it is above 0
 * the folio must not be freed.
 */
static __always_inline void gup_put_pin_refs(struct folio *folio,
					     unsigned long nr, bool large)
{
	if (large && (IS_ENABLED(CONFIG_64BIT) || folio_has_pincount(folio))) {
		atomic_sub(nr, &folio->_pincount);
		folio_put_refs(folio, nr);
	} else {
		folio_put_refs(folio, nr * GUP_PIN_COUNTING_BIAS);
	}
}

/**
 * gup_unpin() - give back the pins of a span
 * @folio: The folio.
 * @nr: Number of pages.
 */
void gup_unpin(struct folio *folio, unsigned long nr)
{
	if (is_zero_folio(folio))
		return;
	node_stat_mod_folio(folio, NR_FOLL_PIN_RELEASED, nr);
	gup_put_pin_refs(folio, nr, folio_test_large(folio));
}

/*
 * So many struct pages are fetched at once, two batches ahead of their release. A
 * locked instruction holds up what comes after it, so that otherwise each cache
 * miss begins when that of the page before has ended.
 */
#define GUP_RELEASE_BATCH	8

static __always_inline void gup_release_fetch(struct page **pages,
					      struct page **end)
{
	unsigned int i;

	if (end - pages < GUP_RELEASE_BATCH)
		return;
	unrolled_full
	for (i = 0; i < GUP_RELEASE_BATCH; i++)
		prefetchw(pages[i]);
}

/* Gives back @nr pins of a folio, which is @large or not, and counts them. */
static __always_inline void gup_put_pins(struct folio *folio, unsigned long nr,
					 bool large,
					 struct gup_pin_stat *released)
{
	/* The huge one is counted. */
	if (!large && is_zero_folio(folio))
		return;
	gup_stat_add(released, folio_nid(folio), nr, NR_FOLL_PIN_RELEASED);
	gup_put_pin_refs(folio, nr, large);
}

/* The same for one pin of a page that gup_page_is_ordinary() tells. */
static __always_inline void gup_put_ordinary_pin(struct page *page,
						 struct gup_pin_stat *released)
{
	gup_stat_add(released, page_to_nid(page), 1, NR_FOLL_PIN_RELEASED);
	folio_put_refs(gup_head_folio(page), GUP_PIN_COUNTING_BIAS);
}

/* Releases the pins from @pages on that are of one folio. Returns their end. */
static __always_inline struct page **
gup_release_pin_run(struct page **pages, struct page **end,
		    struct gup_pin_stat *released)
{
	struct page **const first = pages;
	struct folio *folio;
	bool large;

	if (unlikely(!*pages))
		return pages + 1;
	folio = page_folio(*pages);
	large = folio_test_large(folio);
	if (large)
		pages = gup_large_run_end(pages, end, folio);
	else
		pages += gup_run_length(pages, end - pages, folio);
	gup_put_pins(folio, pages - first, large, released);
	return pages;
}

/* gup_release_range() for pins. */
static void gup_release_pins(struct page **pages, unsigned long nr)
{
	struct gup_pin_stat released = { .nid = numa_node_id() };
	struct page **const end = pages + nr;
	struct page **mark = pages;
	struct page *last = NULL;

	gup_release_fetch(pages, end);
	gup_release_fetch(pages + GUP_RELEASE_BATCH, end);
	while (pages < end) {
		struct page *page = *pages;

		/* A page again: the rest of such a run is released at once. */
		if (page == last || !page || !gup_page_is_ordinary(page)) {
			pages = gup_release_pin_run(pages, end, &released);
			continue;
		}
		if (pages >= mark) {
			mark = pages + GUP_RELEASE_BATCH;
			gup_release_fetch(mark + GUP_RELEASE_BATCH, end);
		}
		gup_put_ordinary_pin(page, &released);
		last = page;
		pages++;
	}
	gup_stat_flush(&released, NR_FOLL_PIN_RELEASED);
}

/**
 * gup_release_range() - give back the references of an array of pages
 * @pages: The pages, NULL entries are skipped.
 * @nr: Number of entries.
 * @flags: The flags they were taken with: FOLL_GET, FOLL_PIN or neither.
 */
void gup_release_range(struct page **pages, unsigned long nr,
		       unsigned int flags)
{
	unsigned long i, span;

	if (flags & FOLL_PIN)
		gup_release_pins(pages, nr);
	if (!(flags & FOLL_GET))
		return;

	for (i = 0; i < nr; i += span) {
		struct folio *folio;

		span = 1;
		if (unlikely(!pages[i]))
			continue;
		folio = page_folio(pages[i]);
		span = gup_run_length(pages + i, nr - i, folio);
		folio_put_refs(folio, span);
	}
}

/*
 * A pinned anonymous page stays exclusive to its process, or the pin and the
 * process would part at the next write. Unlike the other walks over pinned
 * pages the fork-race undo of the fast path cannot promise that.
 */
static void gup_check_exclusive(struct page *page)
{
	struct folio *folio;

	if (!IS_ENABLED(CONFIG_DEBUG_VM) || !page)
		return;
	folio = page_folio(page);
	/* A THP mapped by a PMD has the flag on its head page only. */
	VM_WARN_ON_ONCE_PAGE(folio_test_anon(folio) &&
			     !PageAnonExclusive(&folio->page) &&
			     !PageAnonExclusive(page), page);
}

static void gup_check_exclusive_range(struct page **pages, unsigned long nr)
{
	while (nr--)
		gup_check_exclusive(*pages++);
}

static void gup_dirty_folio(struct folio *folio)
{
	folio_mark_dirty_lock(folio);
	trace_gup_unpin_dirty(folio);
}

/*
 * The clean check is without the folio lock and may be out of date. If the
 * folio becomes clean right after it, the writeback that cleaned it began
 * before the pin's owner was through, and that is the owner's to handle; if it
 * becomes dirty the lock is taken for nothing.
 */
static void gup_mark_dirty(struct folio *folio)
{
	if (!folio_test_dirty(folio))
		gup_dirty_folio(folio);
}

/* Releases one or more consecutive pages. Each folio is marked first, if @mark is set. */
static __always_inline void
gup_release_run(struct page *page, unsigned long left,
		void (*mark)(struct folio *folio),
		struct gup_pin_stat *released)
{
	for (;;) {
		struct folio *folio = page_folio(page);
		const bool large = folio_test_large(folio);
		unsigned long nr = 1;

		if (large)
			nr = min(left, folio_large_nr_pages(folio) -
				       folio_page_idx(folio, page));
		gup_check_exclusive(page);
		if (mark)
			mark(folio);
		gup_put_pins(folio, nr, large, released);
		left -= nr;
		if (likely(!left))
			return;
		page = pfn_to_page(page_to_pfn(page) + nr);
	}
}

/**
 * unpin_user_page() - release one pinned page
 * @page: A page that a pin_user_pages*() function returned.
 *
 * Context: Any but NMI. May free the page.
 */
void unpin_user_page(struct page *page)
{
	gup_check_exclusive(page);
	gup_unpin(page_folio(page), 1);
}
EXPORT_SYMBOL(unpin_user_page);

/**
 * unpin_user_pages() - release an array of pinned pages
 * @pages: The pages; NULL entries are skipped.
 * @npages: Number of entries. An error value, as a pin function may have
 *	    returned it, is warned about and nothing is released.
 *
 * Context: Any but NMI. May free pages.
 */
void unpin_user_pages(struct page **pages, unsigned long npages)
{
	if (WARN_ON(IS_ERR_VALUE(npages)))
		return;
	gup_check_exclusive_range(pages, npages);
	gup_release_range(pages, npages, FOLL_PIN);
}
EXPORT_SYMBOL(unpin_user_pages);

/**
 * unpin_user_pages_dirty_lock() - release pinned pages, perhaps mark them dirty
 * @pages: The pages.
 * @npages: Number of entries. An error value is warned about and nothing is
 *	    released.
 * @make_dirty: True to mark each folio dirty that is not yet.
 *
 * Context: May sleep if @make_dirty: takes the folio lock. Any context but NMI
 * if not.
 */
void unpin_user_pages_dirty_lock(struct page **pages, unsigned long npages,
				 bool make_dirty)
{
	unsigned long i, span;

	if (!make_dirty) {
		unpin_user_pages(pages, npages);
		return;
	}
	if (WARN_ON(IS_ERR_VALUE(npages)))
		return;

	gup_check_exclusive_range(pages, npages);
	for (i = 0; i < npages; i += span) {
		struct folio *folio;

		span = 1;
		if (!pages[i])
			continue;
		folio = page_folio(pages[i]);
		span = gup_run_length(pages + i, npages - i, folio);
		gup_mark_dirty(folio);
		gup_unpin(folio, span);
	}
}
EXPORT_SYMBOL(unpin_user_pages_dirty_lock);

/**
 * unpin_user_page_range_dirty_lock() - release pinned consecutive pages
 * @page: First page of a physically consecutive range.
 * @npages: Number of pages.
 * @make_dirty: True to mark each folio dirty that is not yet.
 *
 * Context: May sleep if @make_dirty: takes the folio lock. Any context but NMI
 * if not.
 */
void unpin_user_page_range_dirty_lock(struct page *page, unsigned long npages,
				      bool make_dirty)
{
	struct gup_pin_stat released = { .nid = numa_node_id() };

	if (!npages)
		return;
	/* A constant for each, so that nothing is called through a pointer. */
	if (make_dirty)
		gup_release_run(page, npages, gup_mark_dirty, &released);
	else
		gup_release_run(page, npages, NULL, &released);
	gup_stat_flush(&released, NR_FOLL_PIN_RELEASED);
}
EXPORT_SYMBOL(unpin_user_page_range_dirty_lock);

/*
 * A file may know which part of a folio is dirty: it is asked even if the folio is.
 * Anonymous memory has the flag and no more.
 */
static void gup_mark_all_dirty(struct folio *folio)
{
	if (!folio_test_anon(folio) || !folio_test_dirty(folio))
		gup_dirty_folio(folio);
}

/* As gup_release_fetch(), for a batch of entries. */
static __always_inline void gup_fetch_bvecs(const struct bio_vec *bvecs)
{
	unsigned int i;

	unrolled_full
	for (i = 0; i < GUP_RELEASE_BATCH; i++)
		prefetchw(bvecs[i].bv_page);
}

/* Is it part of one page, that gup_page_is_ordinary() tells? */
static __always_inline bool gup_bvec_is_ordinary(const struct bio_vec *bv)
{
	return gup_page_is_ordinary(bv->bv_page) &&
	       (unsigned long)bv->bv_offset + bv->bv_len <= PAGE_SIZE;
}

/* Releases entries up to one that is not ordinary. Returns where that is. */
static __always_inline const struct bio_vec *
gup_release_ordinary_bvecs(const struct bio_vec *bvecs,
			   const struct bio_vec *end, bool make_dirty,
			   struct gup_pin_stat *released)
{
	for (; bvecs < end && gup_bvec_is_ordinary(bvecs); bvecs++) {
		struct page *page = bvecs->bv_page;

		gup_check_exclusive(page);
		if (make_dirty)
			gup_mark_all_dirty(gup_head_folio(page));
		gup_put_ordinary_pin(page, released);
	}
	return bvecs;
}

static __always_inline void gup_release_bvec(const struct bio_vec *bv,
					     bool make_dirty,
					     struct gup_pin_stat *released)
{
	gup_release_run(bv->bv_page + (bv->bv_offset >> PAGE_SHIFT),
			gup_bvec_pages(bv),
			make_dirty ? gup_mark_all_dirty : NULL, released);
}

static __always_inline void gup_release_bvecs(const struct bio_vec *bvecs,
					      unsigned int nr,
					      const bool make_dirty)
{
	struct gup_pin_stat released = { .nid = numa_node_id() };
	const struct bio_vec *const end = bvecs + nr;
	const struct bio_vec *stop;

	for (; bvecs < end; bvecs = stop) {
		stop = end;
		if (end - bvecs >= 2 * GUP_RELEASE_BATCH) {
			stop = bvecs + GUP_RELEASE_BATCH;
			gup_fetch_bvecs(stop);
		}
		for (;;) {
			bvecs = gup_release_ordinary_bvecs(bvecs, stop,
							   make_dirty,
							   &released);
			if (bvecs == stop)
				break;
			gup_release_bvec(bvecs++, make_dirty, &released);
		}
	}
	gup_stat_flush(&released, NR_FOLL_PIN_RELEASED);
}

/**
 * unpin_user_bvecs() - release pinned ranges
 * @bvecs: Entries of pinned pages. Those that pin_user_bvecs_fast() has made are of one
 *	   folio each; others may have parts of several that lie one behind the other.
 * @nr: Number of entries.
 * @make_dirty: True to mark each folio dirty.
 *
 * A page is pinned once for each entry that has a part of it.
 *
 * Context: May sleep if @make_dirty: takes the folio lock. Any context but NMI
 * if not.
 */
void unpin_user_bvecs(const struct bio_vec *bvecs, unsigned int nr,
		      bool make_dirty)
{
	/* A constant for each: the loops are short enough to feel the test. */
	if (make_dirty)
		gup_release_bvecs(bvecs, nr, true);
	else
		gup_release_bvecs(bvecs, nr, false);
}
EXPORT_SYMBOL_GPL(unpin_user_bvecs);

/**
 * unpin_user_folio() - release several pins of one folio
 * @folio: The folio.
 * @npages: Number of pins.
 *
 * Context: Any but NMI. May free the folio.
 */
void unpin_user_folio(struct folio *folio, unsigned long npages)
{
	gup_unpin(folio, npages);
}
EXPORT_SYMBOL(unpin_user_folio);

/**
 * unpin_folio() - release one pin of a folio
 * @folio: A folio that memfd_pin_folios() returned.
 *
 * Context: Any but NMI. May free the folio.
 */
void unpin_folio(struct folio *folio)
{
	gup_unpin(folio, 1);
}
EXPORT_SYMBOL_GPL(unpin_folio);

/**
 * unpin_folios() - release one pin of each folio of an array
 * @folios: The folios; neighbours may be the same folio.
 * @nfolios: Number of entries. An error value is warned about and nothing is
 *	     released.
 *
 * Context: Any but NMI. May free folios.
 */
void unpin_folios(struct folio **folios, unsigned long nfolios)
{
	if (WARN_ON(IS_ERR_VALUE(nfolios)))
		return;
	/* A folio is its head page: this is an array of pages as well. */
	gup_release_range((struct page **)folios, nfolios, FOLL_PIN);
}
EXPORT_SYMBOL_GPL(unpin_folios);
