// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk under page table locks.
 *
 * One call looks at one page table, or at one huge leaf, takes its lock once
 * and takes every page it can under it. It says what is in the way of the next
 * page and leaves it to the caller to remove that.
 *
 * mmap_lock or the lock of the VMA is held: the VMA and the page tables below it
 * stay, but a table of PTEs can be collapsed into a huge leaf, and a huge leaf
 * split or zapped, until that level's page table lock is taken. So an entry read
 * without it is only a hint where to go; what counts is read again under the
 * lock.
 */
#include <linux/hugetlb.h>
#include <linux/leafops.h>
#include <linux/mm.h>
#include <linux/pgalloc.h>
#include <linux/rmap.h>
#include <linux/swap.h>
#include <linux/userfaultfd_k.h>

#include "gup_internal.h"
#include "gup_pte.h"

/* Can a PUD map anything that is not hugetlb? */
#define GUP_PUD_LEAVES	(IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) && \
			 IS_ENABLED(CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD))

/**
 * struct gup_leaf - what an entry of any level says, read under its lock
 * @page: The page it maps at the address in question, NULL if that is not one
 *	  of the kernel's.
 * @excl: The page whose PageAnonExclusive counts for it.
 * @nr: Number of pages in the range that it maps from the address on.
 * @writable: The entry permits writing.
 * @dirty: The entry is dirty; of PTEs.
 * @wp: Soft-dirty or userfaultfd wants to see a write fault first.
 * @zero: It maps the zero page or the huge zero folio.
 */
struct gup_leaf {
	struct page *page;
	struct page *excl;
	unsigned long nr;
	bool writable;
	bool dirty;
	bool wp;
	bool zero;
};

/*
 * FOLL_FORCE may write through an entry that is not writable if a write fault
 * could do no more than has been done: the page is this process's own copy, and
 * nobody waits to see the fault. Whether the fault handler was called is no
 * evidence of that: what it did may be undone by now.
 */
static noinline bool gup_can_force_write(struct vm_area_struct *vma,
					 unsigned int flags, struct page *excl)
{
	if (!(flags & FOLL_FORCE))
		return false;
	if ((vma->vm_flags & VM_WRITE) || !vma_is_cow_mapping(vma))
		return false;
	return excl && PageAnon(excl) && PageAnonExclusive(excl);
}

/* What is in the way of taking the first page of @leaf? */
static __always_inline enum gup_outcome
gup_check_leaf(struct gup_req *req, struct vm_area_struct *vma,
	       const struct gup_leaf *leaf)
{
	const unsigned int flags = req->flags;

	if (leaf->writable && leaf->page)
		return GUP_PROGRESS;
	if ((flags & FOLL_WRITE) && !leaf->writable &&
	    (leaf->wp || !gup_can_force_write(vma, flags, leaf->excl)))
		return GUP_NEED_FAULT;
	if (leaf->zero && (flags & FOLL_DUMP))
		return gup_fail(req, -EFAULT);
	if (!leaf->page) {
		if (flags & FOLL_DUMP)
			return gup_fail(req, -EFAULT);
		if (gup_sink_wants_pages(&req->sink))
			return gup_fail(req, -EEXIST);
		return GUP_PROGRESS;
	}
	if (gup_must_unshare(vma, flags, leaf->excl))
		return GUP_NEED_UNSHARE;
	return GUP_PROGRESS;
}

/*
 * An anonymous page that is pinned is exclusive to the process, or both would part at
 * its next write. @nr: How many pages have a flag of their own that counts.
 */
static __always_inline void gup_check_pinned(const struct gup_leaf *leaf,
					     const unsigned int flags,
					     unsigned long nr)
{
	unsigned long i;

	if (!IS_ENABLED(CONFIG_DEBUG_VM) || !(flags & FOLL_PIN) || leaf->zero ||
	    !PageAnon(leaf->page))
		return;
	for (i = 0; i < nr; i++)
		VM_WARN_ON_ONCE(!PageAnonExclusive(leaf->excl + i));
}

/*
 * References the pages of a leaf that has been found good; they are of @folio.
 * @flags and @ordinary: as for gup_grab_stable().
 */
static __always_inline enum gup_outcome
gup_grab_leaf(struct gup_req *req, struct folio *folio,
	      const struct gup_leaf *leaf, const unsigned int flags,
	      const bool ordinary)
{
	int error = gup_grab_stable(req, folio, leaf->nr, flags, ordinary);

	if (unlikely(error))
		return gup_fail(req, error);
	gup_check_pinned(leaf, flags, 1);
	return GUP_PROGRESS;
}

/*
 * Nothing is mapped at the next address. A core dump leaves out what would only
 * read as zeroes, rather than have it allocated.
 */
static enum gup_outcome gup_absent(struct gup_req *req,
				   struct vm_area_struct *vma)
{
	bool hole;

	if (!(req->flags & FOLL_DUMP))
		return GUP_NEED_FAULT;
	if (is_vm_hugetlb_page(vma))
		hole = !hugetlbfs_pagecache_present(hstate_vma(vma), vma,
						    gup_addr(req));
	else
		hole = vma_is_anonymous(vma) || !vma->vm_ops->fault;
	return hole ? gup_fail(req, -EFAULT) : GUP_NEED_FAULT;
}

static unsigned long gup_pages_until(unsigned long addr, unsigned long end)
{
	return (end - addr) >> PAGE_SHIFT;
}

/*
 * PTE level
 */

/*
 * For FOLL_TOUCH, of @nr pages; @dirty: a write is intended that the entries do
 * not tell of.
 *
 * folio_mark_accessed() counts: a folio that is marked for a second page is
 * activated, or moves up a tier. It is through when it leaves the flags alone.
 */
static __always_inline void gup_touch_folio(struct folio *folio,
					    unsigned long nr, bool dirty)
{
	unsigned long flags;

	if (dirty && !folio_test_dirty(folio))
		folio_mark_dirty(folio);
	/* The young bit belongs to the MMU and its users; the LRU is told so. */
	do {
		flags = nr > 1 ? READ_ONCE(folio->flags.f) : 0;
		folio_mark_accessed(folio);
	} while (--nr && READ_ONCE(folio->flags.f) != flags);
}

/* An entry without a page of the kernel's: all there is to touch is itself. */
static void gup_touch_pfn_pte(const struct gup_req *req,
			      struct vm_area_struct *vma, unsigned long addr,
			      pte_t *ptep, pte_t pte)
{
	pte_t touched = pte_mkyoung(pte);

	if (req->flags & FOLL_WRITE)
		touched = pte_mkdirty(touched);
	if (pte_same(touched, pte))
		return;
	/* The MMU may set bits of it at the same time. They must not be lost. */
	if (ptep_set_access_flags(vma, addr, ptep, touched, true))
		update_mmu_cache(vma, addr, ptep);
}

static struct page *gup_pte_page(struct vm_area_struct *vma, unsigned long addr,
				 pte_t pte)
{
	/*
	 * Where entries can be marked special, all others have a page. A PFN
	 * beyond all memory is left to be reported.
	 */
	if (IS_ENABLED(CONFIG_ARCH_HAS_PTE_SPECIAL) &&
	    likely(!pte_special(pte) && pte_pfn(pte) <= highest_memmap_pfn))
		return pte_page(pte);
	return vm_normal_page(vma, addr, pte);
}

static struct gup_leaf gup_read_pte(struct vm_area_struct *vma,
				    unsigned long addr, pte_t pte)
{
	struct gup_leaf leaf = {
		.page = gup_pte_page(vma, addr, pte),
		.nr = 1,
		.writable = pte_write(pte),
		.dirty = pte_dirty(pte),
	};

	if (unlikely(!leaf.page) && is_zero_pfn(pte_pfn(pte))) {
		leaf.page = pte_page(pte);
		leaf.zero = true;
	}
	leaf.excl = leaf.page;
	leaf.wp = !leaf.writable && (pte_needs_soft_dirty_wp(vma, pte) ||
				     userfaultfd_pte_wp(vma, pte));
	return leaf;
}

/*
 * Does an entry map a page of the kernel's that the MMU would let the process
 * access? Without special entries that cannot be told from the entry alone. A PFN
 * beyond all memory is left to be reported.
 */
static __always_inline bool gup_pte_maps_page(pte_t pte)
{
	return IS_ENABLED(CONFIG_ARCH_HAS_PTE_SPECIAL) && gup_pte_accessible(pte) &&
	       likely(gup_pte_pfn(pte) <= highest_memmap_pfn);
}

/* The page of an entry like this. */
static __always_inline struct page *gup_pte_mapped_page(pte_t pte)
{
	return pfn_to_page(gup_pte_pfn(pte));
}

/*
 * References @page, of the entry @pte, if it is an order-0 folio and nothing is in
 * the way. Else, false: the general function looks at it again. @flags: those of
 * the request, FOLL_GET and FOLL_PIN as constants if possible.
 */
static __always_inline bool gup_grab_order0(struct gup_req *req,
					    struct vm_area_struct *vma,
					    struct page *page, pte_t pte,
					    const unsigned int flags)
{
	struct folio *folio = gup_head_folio(page);
	const struct gup_leaf leaf = {
		.page = page,
		.excl = page,
		.nr = 1,
		.writable = false,
		.wp = true,
	};

	/* A tail page has no references of its own. */
	if ((READ_ONCE(page->flags.f) & GUP_NOT_ORDINARY) ||
	    unlikely(folio_ref_count(folio) <= 0))
		return false;
	if (!pte_write(pte) && gup_check_leaf(req, vma, &leaf) != GUP_PROGRESS)
		return false;
	return gup_grab_leaf(req, folio, &leaf, flags, true) == GUP_PROGRESS;
}

/*
 * gup_take_order0_ptes() for requests with the same @ref_flags: which of FOLL_GET,
 * FOLL_PIN and FOLL_TOUCH are in the flags. A constant if possible.
 */
static __always_inline pte_t *gup_take_order0_loop(struct gup_req *req,
						   struct vm_area_struct *vma,
						   pte_t *ptep, pte_t *const last,
						   const unsigned int ref_flags)
{
	const unsigned int all = FOLL_GET | FOLL_PIN | FOLL_TOUCH;
	const unsigned int flags = (req->flags & ~all) | ref_flags;
	/* Whoever wants references has a place for the pages; others may have one. */
	const bool store = (ref_flags & (FOLL_GET | FOLL_PIN)) ||
			   gup_sink_wants_pages(&req->sink);
	const struct gup_room room = gup_sink_room(&req->sink, last - ptep);
	const long from = ptep - last;
	long next;

	for (next = from; next; next++) {
		pte_t pte = ptep_get(last + next);

		if (unlikely(!gup_pte_maps_page(pte)) ||
		    !gup_grab_order0(req, vma, gup_pte_mapped_page(pte), pte, flags))
			break;
		if (store)
			gup_room_put(room, next, gup_pte_mapped_page(pte));
		if (flags & FOLL_TOUCH)
			gup_touch_folio(gup_head_folio(gup_pte_mapped_page(pte)), 1,
					(flags & FOLL_WRITE) && !pte_dirty(pte));
	}
	gup_sink_commit(&req->sink, from, next);
	return last + next;
}

/*
 * Takes pages from @ptep up to @last, as long as each is an order-0 folio and
 * nothing is in the way. Returns where it stopped.
 */
static __always_inline pte_t *gup_take_order0_ptes(struct gup_req *req,
						   struct vm_area_struct *vma,
						   pte_t *ptep, pte_t *last)
{
	const unsigned int get = FOLL_GET | FOLL_TOUCH;
	const unsigned int ref_flags = req->flags & (FOLL_GET | FOLL_PIN |
						     FOLL_TOUCH);

	/* What get_user_pages() and pin_user_pages() ask for; the rest is rare. */
	if (ref_flags == get)
		return gup_take_order0_loop(req, vma, ptep, last, get);
	if (ref_flags == FOLL_PIN)
		return gup_take_order0_loop(req, vma, ptep, last, FOLL_PIN);
	return gup_take_order0_loop(req, vma, ptep, last, ref_flags);
}

/* How many of @nr pages from @page on may stay as shared as they are? */
static unsigned long gup_nr_unshared(struct vm_area_struct *vma,
				     unsigned int flags, struct page *page,
				     unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		if (gup_must_unshare(vma, flags, page + i))
			break;
	}
	return i;
}

/*
 * Takes the span of a large folio that begins at @ptep, if nothing is in the way.
 * Returns the number of pages.
 */
static __always_inline unsigned long
gup_take_span(struct gup_req *req, struct vm_area_struct *vma, pte_t *ptep,
	      unsigned long max)
{
	pte_t pte = ptep_get(ptep);
	bool dirty = pte_dirty(pte);
	struct gup_leaf leaf = { .writable = pte_write(pte), .wp = true };
	struct folio *folio;

	if (!gup_pte_maps_page(pte))
		return 0;
	leaf.page = gup_pte_mapped_page(pte);
	leaf.excl = leaf.page;
	folio = page_folio(leaf.page);
	if (!folio_test_large(folio) ||
	    gup_check_leaf(req, vma, &leaf) != GUP_PROGRESS)
		return 0;
	leaf.nr = min(max, folio_large_nr_pages(folio) -
			   folio_page_idx(folio, leaf.page));
	leaf.nr = gup_pte_run(ptep, pte, leaf.nr, false, &dirty);
	if (!leaf.writable)
		leaf.nr = gup_nr_unshared(vma, req->flags, leaf.page, leaf.nr);
	if (gup_grab_leaf(req, folio, &leaf, req->flags, false) != GUP_PROGRESS)
		return 0;
	gup_check_pinned(&leaf, req->flags, leaf.nr);
	if (req->flags & FOLL_TOUCH)
		gup_touch_folio(folio, leaf.nr,
				(req->flags & FOLL_WRITE) && !dirty);
	gup_sink_put(&req->sink, leaf.page, leaf.nr);
	return leaf.nr;
}

/*
 * Takes spans of large folios, as gup_take_order0_ptes() does with order-0 ones.
 * Not inlined: the single page has no need of all these registers.
 */
static noinline pte_t *gup_take_spans(struct gup_req *req,
				      struct vm_area_struct *vma,
				      pte_t *ptep, pte_t *const last)
{
	unsigned long nr;

	for (; ptep < last; ptep += nr) {
		nr = gup_take_span(req, vma, ptep, last - ptep);
		if (!nr)
			break;
	}
	return ptep;
}

/* Takes the page of a leaf that has one, and in whose way nothing is. */
static __always_inline enum gup_outcome gup_take_page(struct gup_req *req,
						      const struct gup_leaf *leaf)
{
	struct folio *folio = page_folio(leaf->page);
	enum gup_outcome outcome;

	outcome = gup_grab_leaf(req, folio, leaf, req->flags, false);
	if (unlikely(outcome != GUP_PROGRESS))
		return outcome;
	gup_sink_put(&req->sink, leaf->page, 1);
	if (req->flags & FOLL_TOUCH)
		gup_touch_folio(folio, 1,
				(req->flags & FOLL_WRITE) && !leaf->dirty);
	return GUP_PROGRESS;
}

/*
 * Takes the page of the entry at @ptep, whatever that may be, or says what is in
 * the way.
 */
static noinline enum gup_outcome gup_take_pte(struct gup_req *req,
					      struct vm_area_struct *vma,
					      pte_t *ptep)
{
	const unsigned long addr = gup_addr(req);
	const pte_t pte = ptep_get(ptep);
	enum gup_outcome outcome;
	struct gup_leaf leaf;

	if (unlikely(!pte_present(pte)))
		return pte_none(pte) ? gup_absent(req, vma) : GUP_NEED_FAULT;
	if (unlikely(pte_protnone(pte)) &&
	    !gup_can_follow_protnone(vma, req->flags))
		return GUP_NEED_FAULT;

	leaf = gup_read_pte(vma, addr, pte);
	outcome = gup_check_leaf(req, vma, &leaf);
	if (outcome != GUP_PROGRESS)
		return outcome;
	if (leaf.page)
		return gup_take_page(req, &leaf);
	gup_sink_put(&req->sink, NULL, 1);
	if (req->flags & FOLL_TOUCH)
		gup_touch_pfn_pte(req, vma, addr, ptep, pte);
	return GUP_PROGRESS;
}

/*
 * Where a pinned page has to be made accessible, at a cost, that is done under
 * the lock: only so many at a time.
 */
#ifdef HAVE_ARCH_MAKE_FOLIO_ACCESSIBLE
#define GUP_PTES_PER_LOCK	16UL
#else
#define GUP_PTES_PER_LOCK	PTRS_PER_PTE
#endif

/* Takes pages from @ptep up to @last, as long as nothing is in the way. */
static noinline enum gup_outcome gup_take_ptes(struct gup_req *req,
					       struct vm_area_struct *vma,
					       pte_t *ptep, pte_t *const last,
					       spinlock_t *ptl)
{
	enum gup_outcome outcome = GUP_PROGRESS;
	pte_t *from;

	lockdep_assert_held(ptl);
	while (outcome == GUP_PROGRESS && ptep < last) {
		ptep = gup_take_order0_ptes(req, vma, ptep, last);
		if (ptep == last)
			break;
		from = ptep;
		ptep = gup_take_spans(req, vma, ptep, last);
		if (ptep == from)
			outcome = gup_take_pte(req, vma, ptep++);
	}
	return outcome;
}

/*
 * gup_take_ptes() for a single one, of whatever folio: there are no loops to
 * prepare.
 */
static noinline enum gup_outcome gup_take_one_pte(struct gup_req *req,
						  struct vm_area_struct *vma,
						  pte_t *ptep, spinlock_t *ptl)
{
	const pte_t pte = ptep_get(ptep);
	struct gup_leaf leaf = {
		.nr = 1,
		.writable = pte_write(pte),
		.dirty = pte_dirty(pte),
		.wp = true,
	};

	lockdep_assert_held(ptl);
	if (unlikely(!gup_pte_maps_page(pte)))
		return gup_take_pte(req, vma, ptep);
	leaf.page = gup_pte_mapped_page(pte);
	leaf.excl = leaf.page;
	/* The general function looks closer at what may be in the way. */
	if (gup_check_leaf(req, vma, &leaf) != GUP_PROGRESS)
		return gup_take_pte(req, vma, ptep);
	return gup_take_page(req, &leaf);
}

static enum gup_outcome gup_walk_pte_table(struct gup_req *req,
					   struct vm_area_struct *vma,
					   pmd_t *pmdp, unsigned long end)
{
	const unsigned long addr = gup_addr(req);
	unsigned long nr = gup_pages_until(addr, end);
	enum gup_outcome outcome;
	spinlock_t *ptl;
	pte_t *table;

	if (GUP_PTES_PER_LOCK < PTRS_PER_PTE)
		nr = min(nr, GUP_PTES_PER_LOCK);
	table = pte_offset_map_lock(req->mm, pmdp, addr, &ptl);
	/* Collapsed or zapped since @pmdp was read: look at the PMD again. */
	if (unlikely(!table))
		return GUP_PROGRESS;
	if (nr == 1)
		outcome = gup_take_one_pte(req, vma, table, ptl);
	else
		outcome = gup_take_ptes(req, vma, table, table + nr, ptl);
	pte_unmap_unlock(table, ptl);
	return outcome;
}

/*
 * PMD and PUD level
 */

/*
 * Nothing is stored here: a leaf may have 262144 pages, and its page table lock
 * is held.
 */
static __always_inline enum gup_outcome
gup_grab_huge(struct gup_req *req, struct vm_area_struct *vma,
	      const struct gup_leaf *leaf)
{
	enum gup_outcome outcome = gup_check_leaf(req, vma, leaf);

	if (outcome != GUP_PROGRESS || !leaf->page)
		return outcome;
	/* The first page of the leaf is the folio's head mostly, so less to read. */
	return gup_grab_leaf(req, page_folio(leaf->excl), leaf, req->flags,
			     false);
}

static noinline void gup_put_pages(struct gup_req *req, struct page *page,
				   unsigned long nr)
{
	gup_sink_put(&req->sink, page, nr);
}

/*
 * The lock is released: what was grabbed of @leaf, if anything, is stored. A single
 * page has no need of loops.
 */
static __always_inline enum gup_outcome
gup_put_huge(struct gup_req *req, enum gup_outcome outcome,
	     const struct gup_leaf *leaf)
{
	if (outcome != GUP_PROGRESS)
		return outcome;
	if (leaf->nr == 1)
		gup_sink_put(&req->sink, leaf->page, 1);
	else
		gup_put_pages(req, leaf->page, leaf->nr);
	return outcome;
}

/* As gup_pte_maps_page(), for a huge leaf. */
static __always_inline bool gup_pmd_maps_page(pmd_t pmd)
{
	return IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) &&
	       gup_pmd_accessible(pmd) &&
	       likely(gup_pmd_pfn(pmd) <= highest_memmap_pfn);
}

static __always_inline struct page *
gup_pmd_first_page(struct vm_area_struct *vma, unsigned long addr, pmd_t pmd)
{
	if (likely(gup_pmd_maps_page(pmd)))
		return pfn_to_page(gup_pmd_pfn(pmd));
	return vm_normal_page_pmd(vma, addr & PMD_MASK, pmd);
}

/* @end: of the range that is wanted, within the leaf. */
static __always_inline struct gup_leaf
gup_read_pmd(struct vm_area_struct *vma, unsigned long addr, unsigned long end,
	     pmd_t pmd)
{
	struct gup_leaf leaf = {
		.excl = gup_pmd_first_page(vma, addr, pmd),
		.nr = gup_pages_until(addr, end),
		.writable = pmd_write(pmd),
	};

	if (unlikely(!leaf.excl) && is_huge_zero_pmd(pmd)) {
		leaf.excl = pmd_page(pmd);
		leaf.zero = true;
	}
	if (leaf.excl)
		leaf.page = leaf.excl + ((addr & ~PMD_MASK) >> PAGE_SHIFT);
	leaf.wp = !leaf.writable && (pmd_needs_soft_dirty_wp(vma, pmd) ||
				     userfaultfd_huge_pmd_wp(vma, pmd));
	return leaf;
}

static enum gup_outcome gup_grab_huge_pmd(struct gup_req *req,
					  struct vm_area_struct *vma,
					  pmd_t *pmdp, unsigned long end,
					  struct gup_leaf *leaf)
{
	const pmd_t pmd = pmdp_get(pmdp);
	const unsigned long addr = gup_addr(req);
	enum gup_outcome outcome;

	lockdep_assert_held(pmd_lockptr(req->mm, pmdp));
	if (unlikely(!gup_pmd_accessible(pmd))) {
		/* Zapped, split or on the move since: the next look will tell. */
		if (!pmd_present(pmd) || !pmd_leaf(pmd))
			return GUP_PROGRESS;
		if (pmd_protnone(pmd) && !gup_can_follow_protnone(vma, req->flags))
			return GUP_NEED_FAULT;
	}
	*leaf = gup_read_pmd(vma, addr, end, pmd);
	outcome = gup_grab_huge(req, vma, leaf);
	if (outcome == GUP_PROGRESS && (req->flags & FOLL_TOUCH))
		touch_pmd(vma, addr, pmdp, req->flags & FOLL_WRITE);
	return outcome;
}

static enum gup_outcome gup_split_pmd(struct gup_req *req,
				      struct vm_area_struct *vma, pmd_t *pmdp)
{
	split_huge_pmd(vma, pmdp, gup_addr(req));
	/* The mapping of a file is not split but zapped. */
	if (pte_alloc(req->mm, pmdp))
		return gup_fail(req, -ENOMEM);
	return GUP_PROGRESS;
}

static enum gup_outcome gup_walk_huge_pmd(struct gup_req *req,
					  struct vm_area_struct *vma,
					  pmd_t *pmdp, unsigned long end)
{
	enum gup_outcome outcome;
	struct gup_leaf leaf = {};
	spinlock_t *ptl;

	ptl = pmd_lock(req->mm, pmdp);
	outcome = gup_grab_huge_pmd(req, vma, pmdp, end, &leaf);
	spin_unlock(ptl);
	return gup_put_huge(req, outcome, &leaf);
}

static enum gup_outcome gup_grab_huge_pud(struct gup_req *req,
					  struct vm_area_struct *vma,
					  pud_t *pudp, unsigned long end,
					  struct gup_leaf *leaf)
{
	const pud_t pud = pudp_get(pudp);
	const unsigned long addr = gup_addr(req);
	enum gup_outcome outcome;

	lockdep_assert_held(pud_lockptr(req->mm, pudp));
	leaf->excl = vm_normal_page_pud(vma, addr & PUD_MASK, pud);
	leaf->page = leaf->excl;
	if (leaf->page)
		leaf->page += (addr & ~PUD_MASK) >> PAGE_SHIFT;
	leaf->nr = gup_pages_until(addr, end);
	leaf->writable = pud_write(pud);

	outcome = gup_grab_huge(req, vma, leaf);
	if (outcome == GUP_PROGRESS && (req->flags & FOLL_TOUCH))
		touch_pud(vma, addr, pudp, req->flags & FOLL_WRITE);
	return outcome;
}

static enum gup_outcome gup_walk_huge_pud(struct gup_req *req,
					  struct vm_area_struct *vma,
					  pud_t *pudp, unsigned long end)
{
	enum gup_outcome outcome = GUP_PROGRESS;
	struct gup_leaf leaf = {};
	spinlock_t *ptl;
	pud_t pud;

	ptl = pud_lock(req->mm, pudp);
	pud = pudp_get(pudp);
	if (pud_present(pud) && pud_leaf(pud))
		outcome = gup_grab_huge_pud(req, vma, pudp, end, &leaf);
	spin_unlock(ptl);
	return gup_put_huge(req, outcome, &leaf);
}

/*
 * hugetlb: pages of any size, at any level, all formatted as PTEs
 */

#ifdef CONFIG_HUGETLB_PAGE
static enum gup_outcome gup_grab_hugetlb(struct gup_req *req,
					 struct vm_area_struct *vma, pte_t *ptep,
					 unsigned long end,
					 struct gup_leaf *leaf)
{
	struct hstate *h = hstate_vma(vma);
	unsigned long addr = gup_addr(req);
	unsigned long first = addr & huge_page_mask(h);
	pte_t pte;

	lockdep_assert_held(huge_pte_lockptr(h, req->mm, ptep));
	pte = huge_ptep_get(req->mm, first, ptep);
	if (huge_pte_none(pte))
		return gup_absent(req, vma);
	if (!pte_present(pte))
		return GUP_NEED_FAULT;
	if (pte_protnone(pte) && !gup_can_follow_protnone(vma, req->flags))
		return GUP_NEED_FAULT;

	leaf->excl = pte_page(pte);
	leaf->page = leaf->excl + ((addr - first) >> PAGE_SHIFT);
	leaf->nr = gup_pages_until(addr, min(end, first + huge_page_size(h)));
	leaf->writable = huge_pte_write(pte);
	/* Soft-dirty is not tracked here: no fault would ever set it. */
	leaf->wp = userfaultfd_pte_wp(vma, pte);
	leaf->zero = false;
	return gup_grab_huge(req, vma, leaf);
}

static enum gup_outcome gup_walk_hugetlb(struct gup_req *req,
					 struct vm_area_struct *vma,
					 unsigned long end)
{
	struct hstate *h = hstate_vma(vma);
	unsigned long addr = gup_addr(req) & huge_page_mask(h);
	enum gup_outcome outcome;
	struct gup_leaf leaf;
	spinlock_t *ptl;
	pte_t *ptep;

	ptep = hugetlb_walk(vma, addr, huge_page_size(h));
	if (!ptep)
		return gup_absent(req, vma);
	ptl = huge_pte_lock(h, req->mm, ptep);
	outcome = gup_grab_hugetlb(req, vma, ptep, end, &leaf);
	spin_unlock(ptl);
	return gup_put_huge(req, outcome, &leaf);
}
#else
static enum gup_outcome gup_walk_hugetlb(struct gup_req *req,
					 struct vm_area_struct *vma,
					 unsigned long end)
{
	return GUP_NEED_FAULT;
}
#endif

/*
 * Descent
 */

static enum gup_outcome gup_walk_pmd(struct gup_req *req,
				     struct vm_area_struct *vma, pmd_t *pmdp,
				     unsigned long end)
{
	pmd_t pmd = pmdp_get_lockless(pmdp);

	end = pmd_addr_end(gup_addr(req), end);
	if (pmd_none(pmd))
		return gup_absent(req, vma);
	if (!pmd_present(pmd))
		return GUP_NEED_FAULT;
	if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) && pmd_leaf(pmd)) {
		if ((req->flags & FOLL_SPLIT_PMD) && pmd_trans_huge(pmd))
			return gup_split_pmd(req, vma, pmdp);
		return gup_walk_huge_pmd(req, vma, pmdp, end);
	}
	return gup_walk_pte_table(req, vma, pmdp, end);
}

static enum gup_outcome gup_walk_pud(struct gup_req *req,
				     struct vm_area_struct *vma, pud_t *pudp,
				     unsigned long end)
{
	unsigned long addr = gup_addr(req);
	pud_t pud = pudp_get(pudp);

	if (pud_none(pud))
		return gup_absent(req, vma);
	if (!pud_present(pud))
		return GUP_NEED_FAULT;
	if (GUP_PUD_LEAVES && pud_leaf(pud))
		return gup_walk_huge_pud(req, vma, pudp, pud_addr_end(addr, end));
	if (unlikely(pud_bad(pud)))
		return gup_absent(req, vma);
	return gup_walk_pmd(req, vma, pmd_offset(pudp, addr), end);
}

/* Where to stop: no later than the VMA, however far the request goes. */
static unsigned long gup_end_in_vma(const struct gup_req *req,
				    const struct vm_area_struct *vma)
{
	unsigned long addr = gup_addr(req);
	unsigned long nr = min(req->nr_pages - gup_sink_nr(&req->sink),
			       gup_pages_until(addr, vma->vm_end));

	return addr + (nr << PAGE_SHIFT);
}

static enum gup_outcome gup_descend(struct gup_req *req,
				    struct vm_area_struct *vma)
{
	unsigned long end = gup_end_in_vma(req, vma);
	unsigned long addr = gup_addr(req);
	pgd_t *pgdp;
	p4d_t *p4dp;

	if (is_vm_hugetlb_page(vma)) {
		enum gup_outcome outcome;

		vma_pgtable_walk_begin(vma);
		outcome = gup_walk_hugetlb(req, vma, end);
		vma_pgtable_walk_end(vma);
		return outcome;
	}
	pgdp = pgd_offset(req->mm, addr);
	if (pgd_none(*pgdp) || unlikely(pgd_bad(*pgdp)))
		return gup_absent(req, vma);
	p4dp = p4d_offset(pgdp, addr);
	if (p4d_none(*p4dp) || unlikely(p4d_bad(*p4dp)))
		return gup_absent(req, vma);
	return gup_walk_pud(req, vma, pud_offset(p4dp, addr), end);
}

/**
 * gup_walk_slow() - take the pages of one page table or huge leaf
 * @req: The request.
 * @vma: The VMA of its next address, agreed to by gup_check_vma().
 *
 * Context: mmap_lock or the lock of @vma held. May sleep.
 * Return: GUP_PROGRESS if nothing is known to be in the way of the next page,
 * which may lie in another VMA; no page at all may have been taken if the page
 * table changed meanwhile. GUP_NEED_FAULT, GUP_NEED_UNSHARE. GUP_ERROR with
 * -EFAULT for a hole with FOLL_DUMP, -EEXIST for an entry without struct page,
 * -ENOMEM, or an error of gup_grab_stable().
 */
enum gup_outcome gup_walk_slow(struct gup_req *req, struct vm_area_struct *vma)
{
	const unsigned long mark = gup_sink_nr(&req->sink);
	const unsigned long addr = gup_addr(req);
	enum gup_outcome outcome = gup_descend(req, vma);

	gup_sink_flush_caches(&req->sink, mark, vma, addr);
	return outcome;
}
