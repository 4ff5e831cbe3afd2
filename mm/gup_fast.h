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

#define GUP_FOLIO_HEAD	BIT(PG_head)

void gup_fast_drop(struct gup_req *req, struct folio *folio, unsigned int nr);
bool gup_fast_accept_file(struct gup_req *req, struct folio *folio);

/*
 * How many pages from @page to the end of its folio, at most @nr. The folio is
 * not stable: the answer may be out of date, even nonsense, but not above @nr.
 */
static inline unsigned int gup_guess_span(struct folio *folio,
					  struct page *page, unsigned int nr)
{
	unsigned long idx = page - &folio->page;
	/* Whatever is read here, gup_fast_settle() checks what came of it. */
	unsigned int order = data_race(compound_order(&folio->page));

	if (order > MAX_FOLIO_ORDER || idx >= (1UL << order))
		return 1;
	return min_t(unsigned long, nr, (1UL << order) - idx);
}

/* The refcount of @folio was raised by @refs as guessed: make it right. */
static inline bool gup_fast_settle(struct gup_req *req, struct folio *folio,
				   struct page *page, unsigned int nr, int refs)
{
	int want;

	/*
	 * With the reference the folio cannot be split, freed or reused any
	 * more. It could before: is it what it was taken for?
	 */
	if (unlikely(page_folio(page) != folio ||
		     (nr > 1 && folio_page_idx(folio, page) + nr >
				folio_nr_pages(folio)))) {
		folio_put_refs(folio, refs);
		return false;
	}
	want = gup_refs(folio, nr, req->flags);
	if (unlikely(want != refs))
		folio_ref_add(folio, want - refs);
	if ((req->flags & FOLL_PIN) && folio_has_pincount(folio))
		atomic_add(nr, &folio->_pincount);
	return true;
}

/**
 * gup_fast_grab() - reference a span of a folio that may go away
 * @req: The request.
 * @page: First page of the span.
 * @nr: In: number of pages wanted. Out: number of pages referenced, 1 or more:
 *	those up to the end of the folio at most.
 *
 * A full barrier follows the grab. It pairs with the one in
 * folio_try_share_anon_rmap_*(): either that sees the pin, or the walker sees
 * that the entry was cleared before PageAnonExclusive is.
 *
 * Return: The folio, stable from now on, or NULL if nothing was referenced.
 */
static __always_inline struct folio *gup_fast_grab(struct gup_req *req,
						   struct page *page,
						   unsigned int *nr)
{
	struct folio *folio = page_folio(page);
	int refs, count = folio_ref_count(folio);

	if (READ_ONCE(folio->flags.f) & GUP_FOLIO_HEAD) {
		*nr = gup_guess_span(folio, page, *nr);
		refs = *nr;
	} else {
		*nr = 1;
		refs = (req->flags & FOLL_PIN) ? GUP_PIN_COUNTING_BIAS : 1;
	}

	if (unlikely(count < 0)) {
		gup_warn_refcount(folio);
		return NULL;
	}
	/* A refcount of 0 is a folio that is being freed, or frozen. */
	if (unlikely(!folio_ref_try_add(folio, refs)))
		return NULL;
	if (unlikely(!gup_fast_settle(req, folio, page, *nr, refs)))
		return NULL;
	if (req->flags & FOLL_PIN)
		gup_stat_add(&req->sink.acquired, folio_nid(folio), *nr,
			     NR_FOLL_PIN_ACQUIRED);
	/* Pairs with folio_try_share_anon_rmap_*(), see above. */
	smp_mb__after_atomic();
	return folio;
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
