/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every lockless walker is made of.
 *
 * A walker runs with interrupts off and no lock: entries change under it, and
 * folios are split, freed and used again. For each span it
 *
 *  1. reads the entry and finds it plainly accessible,
 *  2. calls gup_fast_grab(),
 *  3. reads the entry again: if it still maps the page it did so after the
 *     reference was taken, so the reference is one to the right page, and
 *     whoever unmaps the page from now on sees the reference,
 *  4. calls gup_fast_accept(),
 *  5. pushes the span into the sink,
 *
 * and after the last entry of a table of PTEs, reads the PMD again: if it has
 * changed the table may be on its way to be freed or, collapsed, be refilled
 * (its entries are then stale), and everything taken from it is undone.
 */
#ifndef _MM_GUP_FAST_H
#define _MM_GUP_FAST_H

#include "gup_internal.h"

struct folio *gup_fast_grab_large(struct gup_req *req, struct page *page,
				  unsigned int *nr);
void gup_fast_drop(struct gup_req *req, struct folio *folio, unsigned int nr);
bool gup_fast_accept_file(struct gup_req *req, struct folio *folio);

/*
 * Adds to the refcount of a folio that may be about to go away. At 0 it is being
 * freed, or frozen; below 0 it has overflowed.
 */
static __always_inline bool gup_fast_ref_add(struct folio *folio, int refs)
{
	int count = folio_ref_count(folio);

	do {
		if (unlikely(count <= 0)) {
			if (count < 0)
				gup_warn_refcount(folio);
			return false;
		}
	} while (!atomic_try_cmpxchg(&folio->_refcount, &count, count + refs));
	if (page_ref_tracepoint_active(page_ref_mod_unless))
		__page_ref_mod_unless(&folio->page, refs, 1);
	return true;
}

/* Is @page one of several of a folio? It may become so, or cease to be. */
static __always_inline bool gup_fast_compound(const struct page *page)
{
	return PageTail(page) || (READ_ONCE(page->flags.f) & BIT(PG_head));
}

/*
 * The grabs end with a full barrier. It pairs with the one in
 * folio_try_share_anon_rmap_*(): either that sees the pin, or the walker sees
 * that the entry was cleared before PageAnonExclusive is.
 */

/**
 * gup_fast_grab_small() - reference a page that seems to be a folio of its own
 * @req: The request.
 * @page: The page.
 *
 * Return: The folio, stable from now on, or NULL if nothing was referenced.
 */
static __always_inline struct folio *gup_fast_grab_small(struct gup_req *req,
							 struct page *page)
{
	const bool pin = req->flags & FOLL_PIN;
	const int refs = pin ? GUP_PIN_COUNTING_BIAS : 1;
	struct folio *folio = (struct folio *)page;

	if (unlikely(!gup_fast_ref_add(folio, refs)))
		return NULL;
	/*
	 * With the reference the folio cannot be freed and used again any more.
	 * It could before: is it still what it was taken for?
	 */
	if (unlikely(gup_fast_compound(page))) {
		folio_put_refs(page_folio(page), refs);
		return NULL;
	}
	if (pin)
		gup_stat_add(&req->sink.acquired, folio_nid(folio), 1,
			     NR_FOLL_PIN_ACQUIRED);
	/* Pairs with folio_try_share_anon_rmap_*(), see above. */
	smp_mb__after_atomic();
	return folio;
}

/**
 * gup_fast_grab() - reference a span of a folio that may go away
 * @req: The request.
 * @page: First page of the span.
 * @nr: In: number of pages wanted. Out: number of pages referenced, 1 or more:
 *	those up to the end of the folio at most.
 *
 * Return: The folio, stable from now on, or NULL if nothing was referenced.
 */
static __always_inline struct folio *gup_fast_grab(struct gup_req *req,
						   struct page *page,
						   unsigned int *nr)
{
	if (gup_fast_compound(page))
		return gup_fast_grab_large(req, page, nr);
	*nr = 1;
	return gup_fast_grab_small(req, page);
}

/**
 * gup_fast_accept() - may this span, referenced and seen mapped, be taken?
 * @req: The request.
 * @folio: The folio.
 * @nr: Number of pages.
 * @excl: The page whose PageAnonExclusive counts for the first entry.
 * @nr_excl: Number of entries, each with a page of its own behind @excl.
 * @writable: The entry, or entries, permit writing.
 *
 * Return: Whether the span may go into the sink. If not it has been dropped,
 * and the slow path has to decide.
 */
static __always_inline bool gup_fast_accept(struct gup_req *req,
					    struct folio *folio,
					    unsigned int nr, struct page *excl,
					    unsigned int nr_excl, bool writable)
{
	/* An anonymous folio stays one as long as it is referenced. */
	const bool anon = (unsigned long)READ_ONCE(folio->mapping) &
			  FOLIO_MAPPING_ANON;
	unsigned int i;

	if (unlikely((req->flags & FOLL_LONGTERM) &&
		     !folio_is_longterm_pinnable(folio)))
		goto drop;
	if (unlikely(folio_test_slab(folio)) || !anon) {
		if (!gup_fast_accept_file(req, folio))
			goto drop;
	}
	for (i = 0; !writable && i < nr_excl; i++) {
		if (gup_must_unshare(NULL, req->flags, excl + i))
			goto drop;
	}
	if ((req->flags & FOLL_PIN) && arch_make_folio_accessible(folio))
		goto drop;
	if (!folio_test_referenced(folio))
		folio_set_referenced(folio);
	return true;
drop:
	gup_fast_drop(req, folio, nr);
	return false;
}

#endif	/* _MM_GUP_FAST_H */
