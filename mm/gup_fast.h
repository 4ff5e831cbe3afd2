/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every lockless walker is made of.
 *
 * A walker runs with interrupts off and no lock: entries change under it, and
 * folios are split, freed and used again. For each span it
 *
 *  1. reads the entry and finds it plainly accessible,
 *  2. calls gup_fast_grab_small() or gup_fast_grab_large(),
 *  3. reads the entry again: if it still maps the page it did so after the
 *     reference was taken, so the reference is one to the right page, and
 *     whoever unmaps the page from now on sees the reference,
 *  4. calls gup_fast_accept_small() or gup_fast_accept(),
 *  5. pushes the span into the sink,
 *
 * and after the last entry of a table of PTEs, reads the PMD again: if it has
 * changed the table may be on its way to be freed or, collapsed, be refilled
 * (its entries are then stale), and everything taken from it is undone.
 */
#ifndef _MM_GUP_FAST_H
#define _MM_GUP_FAST_H

#include "gup_internal.h"

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

/* Is @page the first of several of a folio? It may become so, or cease to be. */
static __always_inline bool gup_fast_head(const struct page *page)
{
	return READ_ONCE(page->flags.f) & BIT(PG_head);
}

/* Is it one of several, the first or not? */
static __always_inline bool gup_fast_compound(const struct page *page)
{
	return PageTail(page) || gup_fast_head(page);
}

/*
 * The grabs end with a full barrier. It pairs with the one in
 * folio_try_share_anon_rmap_*(): either that sees the pin, or the walker sees
 * that the entry was cleared before PageAnonExclusive is.
 */

/**
 * struct gup_fast_small - a page that is a folio of its own
 * @folio: The folio.
 * @flags: Its flags as they were right after the grab: one look serves all that
 *	   has to be known of them.
 */
struct gup_fast_small {
	struct folio *folio;
	unsigned long flags;
};

/**
 * gup_fast_grab_small() - reference a page that seems to be a folio of its own
 * @req: The request.
 * @small: Its folio names the page; the flags are filled in. The folio is stable
 *	   from now on.
 * @kind: FOLL_GET, FOLL_PIN, or FOLL_PIN | FOLL_LONGTERM, as in the request; a
 *	  constant, so that the compiler can make a loop for each.
 *
 * Return: Whether it was referenced.
 */
static __always_inline bool gup_fast_grab_small(struct gup_req *req,
						struct gup_fast_small *small,
						const unsigned int kind)
{
	const int refs = kind & FOLL_PIN ? GUP_PIN_COUNTING_BIAS : 1;

	if (unlikely(!gup_fast_ref_add(small->folio, refs)))
		return false;
	/*
	 * With the reference the page cannot be freed and used again any more.
	 * It could before: is it still what it was taken for? A tail page it
	 * cannot be: the refcount of those is 0 as long as they are tail pages,
	 * and nothing was added to that. But it may be a head.
	 */
	VM_WARN_ON_ONCE_PAGE(PageTail(&small->folio->page), &small->folio->page);
	/* Pins of it are not counted; where entries can be special, its are. */
	VM_WARN_ON_ONCE(is_zero_folio(small->folio));
	small->flags = READ_ONCE(small->folio->flags.f);
	if (unlikely(small->flags & BIT(PG_head))) {
		folio_put_refs(small->folio, refs);
		return false;
	}
	if (kind & FOLL_PIN) {
		const memdesc_flags_t flags = { small->flags };

		gup_stat_add(&req->sink.acquired, memdesc_nid(&flags), 1,
			     NR_FOLL_PIN_ACQUIRED);
	}
	/* Pairs with folio_try_share_anon_rmap_*(), see above. */
	smp_mb__after_atomic();
	return true;
}

/*
 * Is @page, of a folio that has been referenced, where it seemed to be before:
 * in @folio of @order? A folio that is freed leaves nothing of that behind: no
 * page of it is head or tail any more and its order is 0. So what is found here
 * is what is found as long as the reference is held.
 */
static __always_inline bool gup_fast_settled(const struct folio *folio,
					     struct page *page,
					     unsigned int order)
{
	if (page == &folio->page ? !gup_fast_head(page) :
				   page_folio(page) != folio)
		return false;
	return folio_large_order(folio) == order;
}

/**
 * gup_fast_grab_large() - reference a span of a folio that seems to be large
 * @req: The request.
 * @page: First page of the span.
 * @nr: In: number of pages wanted. Out: number of pages referenced, 1 or more:
 *	those up to the end of the folio at most.
 *
 * Return: The folio, stable from now on, or NULL if nothing was referenced.
 */
static __always_inline struct folio *gup_fast_grab_large(struct gup_req *req,
							 struct page *page,
							 unsigned int *nr)
{
	struct folio *folio = page_folio(page);
	/* May be anything now: gup_fast_settled() compares it after the grab. */
	const unsigned int order = data_race(compound_order(&folio->page));
	const long left = (1L << (order % BITS_PER_LONG)) -
			  folio_page_idx(folio, page);
	const bool pin = req->flags & FOLL_PIN;
	unsigned int refs;

	/* A head may not have got its order yet. */
	if (unlikely(!order || left <= 0))
		return NULL;
	*nr = min_t(unsigned long, *nr, left);
	refs = *nr;
	if (pin && !gup_order_has_pincount(order))
		refs *= GUP_PIN_COUNTING_BIAS;
	if (unlikely(!gup_fast_ref_add(folio, refs)))
		return NULL;
	if (unlikely(!gup_fast_settled(folio, page, order))) {
		folio_put_refs(folio, refs);
		return NULL;
	}
	if (pin && gup_order_has_pincount(order))
		atomic_add(*nr, &folio->_pincount);
	if (pin)
		gup_stat_add(&req->sink.acquired, folio_nid(folio), *nr,
			     NR_FOLL_PIN_ACQUIRED);
	/* Pairs with folio_try_share_anon_rmap_*(), see above. */
	smp_mb__after_atomic();
	return folio;
}

/* A mapping that no folio has. */
#define GUP_FAST_NO_MAPPING	((unsigned long)FOLIO_MAPPING_ANON)

/**
 * gup_fast_accept_folio() - may pages of this folio be taken?
 * @req: The request.
 * @folio: The folio, referenced and seen mapped after that.
 * @seen: The mapping of a folio that was accepted in the same stretch with
 *	  interrupts off, GUP_FAST_NO_MAPPING if none was. Neighbours mostly have
 *	  the same, and at that address it is the same: an inode is freed after
 *	  an RCU grace period, and interrupts off hold that up.
 * @kind: As for gup_fast_grab_small(), but need not be a constant.
 *
 * Return: Whether they may. If not, the slow path has to decide.
 */
static __always_inline bool gup_fast_accept_folio(struct gup_req *req,
						  struct folio *folio,
						  unsigned long *seen,
						  const unsigned int kind)
{
	/*
	 * Read after the grab: what an earlier use of the folio had here was
	 * cleared when that was freed. An anonymous folio stays one as long as
	 * it is referenced.
	 */
	const unsigned long mapping = (unsigned long)READ_ONCE(folio->mapping);

	if ((kind & FOLL_LONGTERM) && unlikely(!folio_is_longterm_pinnable(folio)))
		return false;
	if (WARN_ON_ONCE(folio_test_slab(folio)))
		return false;
	if (likely(mapping == *seen))
		return true;
	if (!(mapping & FOLIO_MAPPING_ANON) && !gup_fast_accept_file(req, folio))
		return false;
	/* NULL has to be judged each time. */
	*seen = mapping ?: GUP_FAST_NO_MAPPING;
	return true;
}

/**
 * gup_fast_accept_small() - may this page, grabbed and seen mapped, be taken?
 * @req: The request.
 * @small: The page.
 * @writable: The entry permits writing.
 * @seen: As for gup_fast_accept_folio().
 * @kind: As for gup_fast_grab_small().
 *
 * Return: Whether the page may go into the sink. If not it has been dropped,
 * and the slow path has to decide.
 */
static __always_inline bool
gup_fast_accept_small(struct gup_req *req, const struct gup_fast_small *small,
		      bool writable, unsigned long *seen,
		      const unsigned int kind)
{
	struct folio *folio = small->folio;

	if (unlikely(!gup_fast_accept_folio(req, folio, seen, kind)))
		goto drop;
	if ((kind & FOLL_PIN) && !(req->flags & FOLL_WRITE) && !writable &&
	    gup_must_unshare(NULL, req->flags, &folio->page))
		goto drop;
	if ((kind & FOLL_PIN) && arch_make_folio_accessible(folio))
		goto drop;
	if (unlikely(!(small->flags & BIT(PG_referenced))))
		folio_set_referenced(folio);
	return true;
drop:
	gup_fast_drop(req, folio, 1);
	return false;
}

/**
 * struct gup_fast_span - a span, grabbed and seen mapped
 * @folio: The folio.
 * @nr: Number of pages.
 * @excl: The page whose PageAnonExclusive counts for the first entry.
 * @nr_excl: Number of entries, each with a page of its own behind @excl.
 * @writable: The entry, or entries, permit writing.
 */
struct gup_fast_span {
	struct folio *folio;
	unsigned int nr;
	struct page *excl;
	unsigned int nr_excl;
	bool writable;
};

static __always_inline bool gup_fast_unshared(struct gup_req *req,
					      const struct gup_fast_span *span)
{
	unsigned int i;

	for (i = 0; i < span->nr_excl; i++) {
		if (gup_must_unshare(NULL, req->flags, span->excl + i))
			return false;
	}
	return true;
}

/**
 * gup_fast_accept() - may this span be taken?
 * @req: The request.
 * @span: The span.
 * @seen: As for gup_fast_accept_folio().
 *
 * Return: Whether it may go into the sink. If not it has been dropped, and the
 * slow path has to decide.
 */
static __always_inline bool gup_fast_accept(struct gup_req *req,
					    const struct gup_fast_span *span,
					    unsigned long *seen)
{
	struct folio *folio = span->folio;

	if (unlikely(!gup_fast_accept_folio(req, folio, seen, req->flags)))
		goto drop;
	if (!span->writable && !gup_fast_unshared(req, span))
		goto drop;
	if ((req->flags & FOLL_PIN) && arch_make_folio_accessible(folio))
		goto drop;
	if (!folio_test_referenced(folio))
		folio_set_referenced(folio);
	return true;
drop:
	gup_fast_drop(req, folio, span->nr);
	return false;
}

#endif	/* _MM_GUP_FAST_H */
