/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lockless protocol: how pages are taken from page tables that nobody
 * holds still.
 *
 * A walk runs with interrupts off and no lock: entries change under it, and
 * folios are split, freed and used again. For each span, at any level,
 * gup_fast_take() does the following:
 *
 *  1. The walk has read the entry and found that it permits the access.
 *  2. Grab: reference the folio, if it still has references.
 *  3. Read the entry again: if it still maps the page it did so after the
 *     reference was taken. So the reference is one to the right page, and
 *     whoever unmaps the page from now on sees the reference. See that the page
 *     is part of the folio that was referenced, as it was.
 *  4. Check whether pages of this kind may be taken like this.
 *
 * Then the walk puts the span into the sink. After the last entry of a table of
 * PTEs it reads the PMD again: if that has changed, the table may be on its way
 * to be freed or, collapsed, be filled anew (its entries are then stale), and
 * everything taken from it is undone. What is undone or dropped is released when
 * interrupts are on again.
 *
 * Documentation/mm/gup.rst says for each race which of the steps catches it.
 */
#ifndef _MM_GUP_FAST_H
#define _MM_GUP_FAST_H

#include <asm/gup_fast.h>

#include "gup_internal.h"
#include "gup_pte.h"

enum gup_fast_level {
	/* A PTE whose page seems to be an order-0 folio. */
	GUP_FAST_ORDER0,
	/* PTEs, from the first on, of a folio that seems to be large. */
	GUP_FAST_PTES,
	GUP_FAST_PMD,
	GUP_FAST_PUD,
};

/**
 * struct gup_fast_leaf - entries that seem to map a span
 * @level: What they are. A constant for the compiler.
 * @entryp: The first entry.
 * @val: Its value, when it was read and found to permit the access.
 * @page: The page it maps at the address in question.
 * @excl: The page whose PageAnonExclusive counts for the first entry.
 * @nr: Number of pages wanted, then of those taken.
 */
struct gup_fast_leaf {
	enum gup_fast_level level;
	void *entryp;
	u64 val;
	struct page *page;
	struct page *excl;
	unsigned int nr;
};

/**
 * struct gup_fast_walk - a stretch with interrupts off
 * @req: The request.
 * @access: What entries must permit.
 * @ref_flags: The flags of the request that say what a reference is: FOLL_GET,
 *	       FOLL_PIN and FOLL_LONGTERM. Others do not matter here. A constant
 *	       in the loop over order-0 folios: there is one for each kind.
 * @last_mapping: The mapping of the folio accepted last, or
 *		  GUP_FAST_NO_MAPPING. See gup_fast_check_folio().
 */
struct gup_fast_walk {
	struct gup_req *req;
	struct gup_fast_access access;
	unsigned long ref_flags;
	unsigned long last_mapping;
};

/* A mapping that no folio has. */
#define GUP_FAST_NO_MAPPING	ULONG_MAX

/**
 * struct gup_fast_grab - references that have been taken
 * @folio: The folio, stable as long as they are held.
 * @nr: Number of pages.
 * @order: The order they were taken for.
 * @flags: The folio's flags, read after the second look at the entry: one look
 *	   serves all that has to be known of them.
 *
 * It says what was added, so that what is dropped is the same, whatever may have
 * become of the folio.
 */
struct gup_fast_grab {
	struct folio *folio;
	unsigned int nr;
	unsigned int order;
	memdesc_flags_t flags;
};

bool gup_fast_pinnable(struct gup_req *req, struct folio *folio);
bool gup_fast_check_file(struct gup_req *req, struct folio *folio,
			 const struct address_space *mapping);
void gup_fast_put_some(struct gup_req *req, struct folio *folio,
		       unsigned int nr, unsigned int order);
bool gup_fast_put_all(struct gup_req *req, struct folio *folio,
		      unsigned int nr, unsigned int order);

/* The fast path ends here, and the slow path takes over: this is why. */
static __always_inline bool gup_fast_fail(struct gup_req *req,
					  enum gup_fast_stop why)
{
	req->fast_stop = why;
	return false;
}

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

/*
 * Puts references as soon as interrupts are on, because they may be the last: see
 * gup_fast_give_back(). The window has to end here: there is room for one folio.
 */
static __always_inline void gup_fast_put_later(struct gup_req *req,
					       struct folio *folio, int refs)
{
	VM_WARN_ON_ONCE(req->dropped);
	req->dropped = folio;
	req->dropped_refs = refs;
}

/* The flags of a page, which may be anything but a folio's. */
static __always_inline unsigned long gup_fast_flags(const struct page *page)
{
	return READ_ONCE(page->flags.f);
}

/*
 * Flags that a page must not have to be taken as an order-0 folio. A pin of the
 * zero page, or any other reserved page, is left to the slow path, which does
 * not count it.
 */
static __always_inline unsigned long gup_fast_not_order0(unsigned int ref_flags)
{
	return ref_flags & FOLL_PIN ? GUP_NOT_ORDINARY : BIT(PG_head);
}

/* References a page that seems to be an order-0 folio. */
static __always_inline bool
gup_fast_grab_order0(const struct gup_fast_walk *walk,
		     struct gup_fast_grab *grab)
{
	const int refs = walk->ref_flags & FOLL_PIN ? GUP_PIN_COUNTING_BIAS : 1;

	if (unlikely(!gup_fast_ref_add(grab->folio, refs)))
		return gup_fast_fail(walk->req, GUP_FAST_REFCOUNT);
	return true;
}

/* Is the folio that has been referenced one of the order it seemed to have? */
static __always_inline bool
gup_fast_same_order(const struct gup_fast_grab *grab, unsigned long flags)
{
	if (!(flags & BIT(PG_head)))
		return false;
	/* Before the second look at the entry, it may be new and just get it. */
	return data_race(folio_large_order(grab->folio)) == grab->order;
}

/* Finds the large folio that @page seems to be in, if it is in one. */
static __always_inline bool gup_fast_find_folio(struct page *page,
						struct folio **folio)
{
	/* The first page of a huge leaf is the head mostly: less to read. */
	if (gup_fast_flags(page) & BIT(PG_head)) {
		*folio = gup_head_folio(page);
		return true;
	}
	*folio = page_folio(page);
	return likely(page != &(*folio)->page);
}

/* The order that a folio mapped by such entries has at least. */
static __always_inline unsigned int gup_fast_min_order(enum gup_fast_level level)
{
	switch (level) {
	case GUP_FAST_PMD:
		return PMD_SHIFT - PAGE_SHIFT;
	case GUP_FAST_PUD:
		return PUD_SHIFT - PAGE_SHIFT;
	default:
		return 1;
	}
}

/*
 * Lowers @grab->nr to what the folio has behind the page, if it has the order that
 * it seems to have. One page needs no look: whether the folio has that turns out
 * after the grab. Returns false if the folio does not have the page.
 */
static __always_inline bool
gup_fast_trim(const struct gup_fast_leaf *leaf, struct gup_fast_grab *grab)
{
	const unsigned long size = 1UL << (grab->order % BITS_PER_LONG);
	const unsigned long idx = folio_page_idx(grab->folio, leaf->page);

	if (grab->nr == 1)
		return true;
	if (idx >= size)
		return false;
	grab->nr = min_t(unsigned long, grab->nr, size - idx);
	return true;
}

/*
 * References a span of a folio that seems to be large; of PTEs, what the folio
 * has of it.
 */
static __always_inline bool
gup_fast_grab_large(const struct gup_fast_walk *walk,
		    const struct gup_fast_leaf *leaf,
		    struct gup_fast_grab *grab)
{
	struct folio *folio;
	unsigned int order;
	bool pincount;
	int refs;

	/* It was an order-0 folio all the time, and was refused as such, or is now. */
	if (unlikely(!gup_fast_find_folio(leaf->excl, &folio)))
		return gup_fast_fail(walk->req, GUP_FAST_REFCOUNT);
	/* May be anything now: it is compared after the grab. */
	order = data_race(folio_large_order(folio));
	grab->folio = folio;
	grab->order = order;
	grab->nr = leaf->nr;
	/*
	 * A head that has not got its order yet, or a folio without the page. A huge
	 * leaf maps one folio: if that seems to be smaller, the order was misread.
	 */
	if (unlikely(order < gup_fast_min_order(leaf->level) ||
		     (leaf->level == GUP_FAST_PTES && !gup_fast_trim(leaf, grab))))
		return gup_fast_fail(walk->req, GUP_FAST_CHANGED);
	pincount = gup_order_has_pincount(order) && (walk->ref_flags & FOLL_PIN);
	refs = grab->nr;
	if ((walk->ref_flags & FOLL_PIN) && !gup_order_has_pincount(order))
		refs *= GUP_PIN_COUNTING_BIAS;
	if (unlikely(!gup_fast_ref_add(folio, refs)))
		return gup_fast_fail(walk->req, GUP_FAST_REFCOUNT);
	if (!pincount)
		return true;
	/*
	 * A folio that is freed leaves nothing of itself behind: it is no head
	 * any more and its order is 0. Or it is device memory, without references
	 * until it is used again. So there is a pincount, and who made the folio
	 * has cleared it before he set the refcount.
	 */
	if (unlikely(!gup_fast_same_order(grab, gup_fast_flags(&folio->page)))) {
		gup_fast_put_later(walk->req, folio, refs);
		return gup_fast_fail(walk->req, GUP_FAST_CHANGED);
	}
	atomic_add(grab->nr, &folio->_pincount);
	return true;
}

/*
 * Some architectures map a huge page by several PTEs that all have the value of
 * the first. @page, of a folio that has been referenced, is the right one only if
 * it lies as far into the huge page as @addr does.
 */
static __always_inline bool gup_fast_hugetlb_in_step(const struct folio *folio,
						     const struct page *page,
						     unsigned long addr)
{
	if (IS_ENABLED(CONFIG_ARCH_WANT_GENERAL_HUGETLB) ||
	    !folio_test_hugetlb(folio))
		return true;
	return !(((addr >> PAGE_SHIFT) - folio_page_idx(folio, page)) &
		 (folio_nr_pages(folio) - 1));
}

/*
 * Reads the entries of a span again. Does the first map the page as it should? Of
 * PTEs, @leaf->nr is changed to how many do, from the first on.
 *
 * PTEs behind the first are read only here, after the grab. That is enough: what
 * the first look is for, to find the folio, the first entry has done.
 */
static __always_inline bool
gup_fast_read_again(const struct gup_fast_walk *walk,
		    struct gup_fast_leaf *leaf,
		    const struct gup_fast_grab *grab)
{
	switch (leaf->level) {
	case GUP_FAST_ORDER0:
		return gup_pte_alike(ptep_get_lockless(leaf->entryp),
				     __pte(leaf->val));
	case GUP_FAST_PTES:
		if (!gup_fast_hugetlb_in_step(grab->folio, leaf->page,
					      gup_addr(walk->req)))
			return false;
		leaf->nr = gup_pte_run(leaf->entryp, __pte(leaf->val), grab->nr,
				       true, NULL);
		return leaf->nr;
	case GUP_FAST_PMD:
		return pmd_val(pmdp_get_lockless(leaf->entryp)) == leaf->val;
	case GUP_FAST_PUD:
		return pud_val(READ_ONCE(*(pud_t *)leaf->entryp)) == leaf->val;
	}
	return false;
}

/*
 * The entry was seen to map the page after the grab. Is the page what it was
 * taken for when it was grabbed?
 *
 * With the reference it cannot be freed and used again any more. Before, it could:
 * an order-0 folio may have been freed, be the head of a large folio when it was
 * grabbed, and be mapped by the time of the second look. Who has seen it mapped sees
 * it whole. A tail page is none that was taken for an order-0 folio: the refcount of
 * those is 0 as long as they are tail pages, and nothing was added to that.
 */
static __always_inline bool
gup_fast_unchanged(const struct gup_fast_walk *walk,
		   const struct gup_fast_leaf *leaf,
		   const struct gup_fast_grab *grab)
{
	if (leaf->level != GUP_FAST_ORDER0)
		return gup_fast_same_order(grab, grab->flags.f) &&
		       (leaf->excl == &grab->folio->page ||
			page_folio(leaf->excl) == grab->folio);
	return !(grab->flags.f & gup_fast_not_order0(walk->ref_flags));
}

/*
 * May pages of this folio, referenced and seen mapped after that, be taken?
 *
 * Neighbours mostly have the same mapping, and what is at its address is the
 * same: an inode is freed after an RCU grace period, and interrupts off hold
 * that up. So a mapping that was found good is compared, not looked into again.
 */
static __always_inline bool
gup_fast_check_folio(struct gup_fast_walk *walk, struct folio *folio)
{
	/*
	 * One reading, after the entry was seen again. An anonymous folio stays
	 * one as long as it is referenced.
	 */
	const unsigned long mapping = (unsigned long)READ_ONCE(folio->mapping);

	if ((walk->ref_flags & FOLL_LONGTERM) &&
	    unlikely(!gup_fast_pinnable(walk->req, folio)))
		return gup_fast_fail(walk->req, GUP_FAST_UNPINNABLE);
	if (likely(mapping == walk->last_mapping))
		return true;
	if (WARN_ON_ONCE(folio_test_slab(folio)))
		return gup_fast_fail(walk->req, GUP_FAST_KIND);
	if (!(mapping & FOLIO_MAPPING_ANON) &&
	    !gup_fast_check_file(walk->req, folio,
				 (struct address_space *)mapping))
		return false;
	/* NULL may mean something else for the next folio. */
	walk->last_mapping = mapping ?: GUP_FAST_NO_MAPPING;
	return true;
}

/*
 * gup_fast_unchanged(), and tells reclaim that the folio is in use. Mostly one look
 * at the flags of an order-0 folio settles both.
 */
static __always_inline bool gup_fast_settle(const struct gup_fast_walk *walk,
					    const struct gup_fast_leaf *leaf,
					    struct gup_fast_grab *grab)
{
	const unsigned long not_order0 = gup_fast_not_order0(walk->ref_flags);

	grab->flags.f = gup_fast_flags(&grab->folio->page);
	VM_WARN_ON_ONCE_PAGE(leaf->level == GUP_FAST_ORDER0 &&
			     PageTail(leaf->page), leaf->page);
	if (leaf->level == GUP_FAST_ORDER0 &&
	    likely((grab->flags.f & (not_order0 | BIT(PG_referenced))) ==
		   BIT(PG_referenced)))
		return true;
	if (unlikely(!gup_fast_unchanged(walk, leaf, grab)))
		return false;
	if (unlikely(!(grab->flags.f & BIT(PG_referenced))))
		folio_set_referenced(grab->folio);
	return true;
}

static __always_inline bool gup_fast_writable(const struct gup_fast_leaf *leaf)
{
	switch (leaf->level) {
	case GUP_FAST_PMD:
		return gup_fast_pmd_writable(__pmd(leaf->val));
	case GUP_FAST_PUD:
		return pud_write(__pud(leaf->val));
	default:
		return gup_fast_pte_writable(__pte(leaf->val));
	}
}

/* Read pins see later writes only of pages that are exclusive, each by itself. */
static __always_inline bool gup_fast_must_unshare(const struct gup_req *req,
						  const struct gup_fast_leaf *leaf)
{
	const unsigned int nr = leaf->level == GUP_FAST_PTES ? leaf->nr : 1;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (gup_must_unshare(NULL, req->flags, leaf->excl + i))
			return true;
	}
	return false;
}

static __always_inline bool
gup_fast_check(struct gup_fast_walk *walk, const struct gup_fast_leaf *leaf,
	       const struct gup_fast_grab *grab)
{
	struct folio *folio = grab->folio;
	const bool pin = walk->ref_flags & FOLL_PIN;

	if (unlikely(!gup_fast_check_folio(walk, folio)))
		return false;
	if (pin && unlikely(!gup_fast_writable(leaf)) &&
	    gup_fast_must_unshare(walk->req, leaf))
		return gup_fast_fail(walk->req, GUP_FAST_UNSHARE);
	if (pin && arch_make_folio_accessible(folio))
		return gup_fast_fail(walk->req, GUP_FAST_KIND);
	return true;
}

/**
 * gup_fast_take() - take a span without a lock
 * @walk: The walk.
 * @leaf: The span. Its @nr is changed to the number of pages taken: of PTEs, it
 *	  may be smaller than it was.
 *
 * Context: Interrupts off.
 * Return: True if there are references to @nr pages, 1 or more, to be put into
 * the sink. Else the request says why not, and the walk has to end: what was grabbed
 * is put after the window.
 */
static __always_inline bool gup_fast_take(struct gup_fast_walk *walk,
					  struct gup_fast_leaf *leaf)
{
	/* What an order-0 folio gets. All of it: nothing is cleared before. */
	struct gup_fast_grab grab = {
		.folio = gup_head_folio(leaf->page),
		.nr = 1,
		.order = 0,
		.flags.f = 0,
	};
	bool same;

	if (leaf->level == GUP_FAST_ORDER0 ?
	    !gup_fast_grab_order0(walk, &grab) :
	    !gup_fast_grab_large(walk, leaf, &grab))
		return false;
	/*
	 * A full barrier between the grab and the second look at the entry. It
	 * pairs with the one in folio_try_share_anon_rmap_*(): either that sees
	 * the pin, or we see that the entry was cleared before
	 * PageAnonExclusive is.
	 */
	smp_mb__after_atomic();
	same = gup_fast_read_again(walk, leaf, &grab);
	/*
	 * What the folio is, is read after the entry. It pairs with the smp_wmb()
	 * of __folio_mark_uptodate(), or with a lock that was released in between,
	 * of who has made the folio and then mapped it.
	 */
	smp_rmb();
	if (unlikely(!same || !gup_fast_settle(walk, leaf, &grab))) {
		gup_fast_fail(walk->req, GUP_FAST_CHANGED);
		return gup_fast_put_all(walk->req, grab.folio, grab.nr,
					grab.order);
	}
	if (leaf->level == GUP_FAST_PTES && unlikely(leaf->nr < grab.nr))
		gup_fast_put_some(walk->req, grab.folio, grab.nr - leaf->nr,
				  grab.order);
	if (unlikely(!gup_fast_check(walk, leaf, &grab)))
		return gup_fast_put_all(walk->req, grab.folio, leaf->nr,
					grab.order);
	if (walk->ref_flags & FOLL_PIN)
		gup_stat_add(&walk->req->sink.acquired,
			     memdesc_nid(&grab.flags), leaf->nr,
			     NR_FOLL_PIN_ACQUIRED);
	return true;
}

#endif	/* _MM_GUP_FAST_H */
