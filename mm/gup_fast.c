// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lockless path: windows with interrupts off, in each of them a walk over
 * one page table or one huge leaf. gup_fast.h has the protocol by which pages
 * are taken, <asm/gup_fast.h> what an architecture does better.
 */
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/prefetch.h>
#include <linux/sched.h>
#include <linux/seqlock.h>

#include "gup_fail.h"
#include "gup_fast.h"
#include "gup_owner.h"
#include "gup_trace.h"

#ifndef gup_fast_permitted
/* Most architectures have nothing to say against a range of user addresses. */
static bool gup_fast_permitted(unsigned long start, unsigned long end)
{
	return true;
}
#endif

/*
 * May the folio stay pinned for long? Not inlined: the loops over single pages are in
 * one function, and those that do not ask would lose registers.
 */
noinline bool gup_fast_pinnable(struct gup_req *req, struct folio *folio)
{
	return gup_longterm_pinnable(&req->longterm, folio);
}

/**
 * gup_fast_check_file() - may a folio that is not anonymous be taken?
 * @req: The request.
 * @folio: The folio, referenced and seen mapped after that.
 * @mapping: Its mapping, as it was read after the entry.
 *
 * Truncation may clear the mapping at any time, so what is decided here goes by
 * one reading of it. Where that is not NULL it cannot be freed before interrupts
 * are on again: inodes are freed after an RCU grace period, and interrupts off
 * hold that up.
 *
 * NULL does not tell what the folio is. Pages of drivers have no mapping. But a page
 * of secretmem loses its mapping, after it was unmapped, while it is still outside
 * the direct map; and the mapping that makes a folio anonymous may be seen later than
 * the entry that maps it.
 *
 * Return: True if it may be taken. False if in doubt: the slow path has the VMA
 * and knows.
 */
bool gup_fast_check_file(struct gup_req *req, struct folio *folio,
			 const struct address_space *mapping)
{
	const unsigned int longterm_write = FOLL_PIN | FOLL_LONGTERM | FOLL_WRITE;
	const bool must_know =
		(req->flags & longterm_write) == longterm_write;

	/* It never has a mapping, and is neither anonymous nor secret. */
	if (unlikely(folio_is_pci_p2pdma(folio)))
		return (req->flags & FOLL_PCI_P2PDMA) ||
		       gup_fast_fail(req, GUP_FAST_KIND);
	if (!mapping)
		return gup_fast_fail(req, GUP_FAST_KIND);
	/* hugetlb has neither dirty tracking nor secrets. */
	if (folio_test_hugetlb(folio))
		return true;
	if ((unsigned long)mapping & FOLIO_MAPPING_FLAGS)
		return ((unsigned long)mapping & FOLIO_MAPPING_ANON) ||
		       gup_fast_fail(req, GUP_FAST_KIND);
	if ((!folio_test_large(folio) &&
	     secretmem_mapping((struct address_space *)mapping)) ||
	    (must_know && !shmem_mapping((struct address_space *)mapping)))
		return gup_fast_fail(req, GUP_FAST_KIND);
	return true;
}

/* Takes a grab off the pincount. Returns how much of the refcount is left to put. */
static int gup_fast_unpin(struct folio *folio, unsigned int nr,
			  unsigned int order, unsigned int ref_flags)
{
	if (!(ref_flags & FOLL_PIN))
		return nr;
	if (!gup_order_has_pincount(order))
		return nr * GUP_PIN_COUNTING_BIAS;
	atomic_sub(nr, &folio->_pincount);
	return nr;
}

/**
 * gup_fast_put_some() - give back a part of a span that was grabbed
 * @req: The request.
 * @folio: The folio. It keeps references of the span.
 * @nr: Number of pages.
 * @order: The order they were taken for: what was added is what is taken back.
 *
 * Not inlined, as gup_fast_put_all(): it is rare, and loops would keep registers
 * for it.
 */
noinline void gup_fast_put_some(struct gup_req *req, struct folio *folio,
				unsigned int nr, unsigned int order)
{
	folio_put_refs(folio, gup_fast_unpin(folio, nr, order, req->flags));
}

/**
 * gup_fast_put_all() - give back what is left of a span that was grabbed
 * @req: The request.
 * @folio: The folio, whatever has become of it.
 * @nr: Number of pages.
 * @order: The order they were taken for.
 *
 * The window ends here: see gup_fast_put_later().
 *
 * Return: False, so that the loops have nothing to keep over the call.
 */
noinline bool gup_fast_put_all(struct gup_req *req, struct folio *folio,
			       unsigned int nr, unsigned int order)
{
	gup_fast_put_later(req, folio,
			   gup_fast_unpin(folio, nr, order, req->flags));
	return false;
}

/*
 * PTE level
 */

/* An entry does not permit the access: this is why. */
static noinline bool gup_fast_refuse(struct gup_req *req, pte_t pte)
{
	if (!pte_present(pte))
		return gup_fast_fail(req, GUP_FAST_ABSENT);
	if (pte_special(pte))
		return gup_fast_fail(req, GUP_FAST_SPECIAL);
	return gup_fast_fail(req, GUP_FAST_DENIED);
}

/*
 * So many struct pages are fetched ahead. The compare-and-swap of a grab holds
 * up whatever comes after it, so that otherwise each cache miss begins when that
 * of the page before has ended.
 */
#define GUP_FAST_AHEAD		12UL

/* Reads an entry, and sees whether it permits the access. */
static __always_inline bool gup_fast_read_pte(struct gup_fast_walk *walk,
					      pte_t *ptep,
					      struct gup_fast_leaf *leaf)
{
	const pte_t pte = ptep_get_lockless(ptep);

	if (unlikely(!gup_fast_pte_permitted(&walk->access, pte)))
		return gup_fast_refuse(walk->req, pte);
	leaf->entryp = ptep;
	leaf->val = pte_val(pte);
	leaf->page = gup_fast_pte_page(ptep, pte);
	leaf->excl = leaf->page;
	return true;
}

/*
 * Takes the page of an entry that has been read, if that is an order-0 folio.
 * @flags: Those of the page.
 */
static __always_inline bool gup_fast_take_order0(struct gup_fast_walk *walk,
						 struct gup_fast_leaf *leaf,
						 unsigned long flags)
{
	leaf->level = GUP_FAST_ORDER0;
	leaf->nr = 1;
	if (flags & gup_fast_not_order0(walk->ref_flags))
		return gup_fast_fail(walk->req, flags & BIT(PG_head) ?
						GUP_FAST_REFCOUNT : GUP_FAST_KIND);
	return gup_fast_take(walk, leaf);
}

/*
 * Takes the pages of @nr entries, 1 or more, as long as each is an order-0 folio.
 * @fetch: There are GUP_FAST_AHEAD entries more, so pages are fetched ahead.
 * Returns how many were taken.
 */
static __always_inline unsigned long
gup_fast_order0_run(struct gup_fast_walk *walk, pte_t *ptep, unsigned long nr,
		    const bool fetch)
{
	struct gup_sink *sink = &walk->req->sink;
	const struct gup_room room = gup_sink_room(sink, nr);
	pte_t *const end = ptep + nr;
	/* Counted from the end: one register moves and ends the loop. */
	long next = -nr;

	do {
		struct gup_fast_leaf leaf = {};

		if (fetch)
			gup_fast_prefetch(end + next + GUP_FAST_AHEAD);
		if (!gup_fast_read_pte(walk, end + next, &leaf) ||
		    !gup_fast_take_order0(walk, &leaf,
					  gup_fast_flags(leaf.page)))
			break;
		gup_room_put(room, next, leaf.page);
	} while (++next);
	gup_sink_commit(sink, -nr, next);
	return nr + next;
}

/* gup_fast_order0_run() that fetches what it can. */
static __always_inline unsigned long
gup_fast_order0_ptes(struct gup_fast_walk *walk, pte_t *ptep, unsigned long nr)
{
	const unsigned long ahead = nr - GUP_FAST_AHEAD;
	unsigned long taken;
	unsigned int i;

	if (unlikely(!nr))
		return 0;
	if (nr <= GUP_FAST_AHEAD)
		return gup_fast_order0_run(walk, ptep, nr, false);
	unrolled_full
	for (i = 0; i < GUP_FAST_AHEAD; i++)
		gup_fast_prefetch(ptep + i);
	taken = gup_fast_order0_run(walk, ptep, ahead, true);
	if (taken < ahead)
		return taken;
	return ahead + gup_fast_order0_run(walk, ptep + ahead, GUP_FAST_AHEAD,
					   false);
}

/* Is there room for the page? Else, nothing of it is referenced. */
static __always_inline bool gup_fast_room(struct gup_req *req,
					  const struct page *page)
{
	if (likely(gup_sink_limit(&req->sink, 1)) ||
	    gup_sink_limit_span(&req->sink, page, 1))
		return true;
	return gup_fast_fail(req, GUP_FAST_FULL);
}

/*
 * The same for more pages. Returns for how many there is room. Not inlined: one page of
 * an array does not pay for it.
 */
static noinline unsigned long gup_fast_room_span(struct gup_req *req,
						 const struct page *page,
						 unsigned long nr)
{
	if (gup_sink_limit(&req->sink, nr) == nr)
		return nr;
	nr = gup_sink_limit_span(&req->sink, page, nr);
	if (!nr)
		gup_fast_fail(req, GUP_FAST_FULL);
	return nr;
}

/* Lowers @leaf->nr to what there is room for. */
static __always_inline bool gup_fast_limit(struct gup_req *req,
					   struct gup_fast_leaf *leaf)
{
	if (likely(!gup_sink_has_ranges(&req->sink)))
		return true;
	leaf->nr = gup_fast_room_span(req, leaf->page, leaf->nr);
	return leaf->nr;
}

/*
 * Takes spans of large folios as long as there are any. Returns how many pages.
 * Not inlined, and called by value: the loop over single pages needs the
 * registers.
 */
static noinline unsigned long gup_fast_large_ptes(struct gup_fast_walk walk,
						  pte_t *ptep, unsigned long nr)
{
	struct gup_fast_leaf leaf = { .level = GUP_FAST_PTES };
	unsigned long taken;

	for (taken = 0; taken < nr; taken += leaf.nr) {
		leaf.nr = nr - taken;
		if (!gup_fast_read_pte(&walk, ptep + taken, &leaf) ||
		    !gup_fast_limit(walk.req, &leaf) ||
		    !gup_fast_take(&walk, &leaf))
			break;
		gup_sink_put(&walk.req->sink, leaf.page, leaf.nr);
	}
	return taken;
}

/*
 * Takes the pages of @nr entries. Returns how many are left where something is in
 * the way.
 */
static __always_inline unsigned long gup_fast_ptes(struct gup_req *req,
						   pte_t *ptep, unsigned long nr,
						   const unsigned int ref_flags)
{
	struct gup_fast_walk walk = {
		.req = req,
		.access = gup_fast_access(req->flags & FOLL_WRITE),
		.ref_flags = ref_flags,
		.last_mapping = GUP_FAST_NO_MAPPING,
	};
	unsigned long taken;

	do {
		req->fast_stop = GUP_FAST_GO;
		taken = gup_fast_order0_ptes(&walk, ptep,
					     gup_sink_limit(&req->sink, nr));
		ptep += taken;
		nr -= taken;
		/* Large folios are refused like this, as their tails have 0. */
		if (likely(!nr) || (req->fast_stop != GUP_FAST_REFCOUNT &&
				    req->fast_stop != GUP_FAST_GO))
			return nr;
		req->fast_stop = GUP_FAST_GO;
		taken = gup_fast_large_ptes(walk, ptep, nr);
		ptep += taken;
		nr -= taken;
		/* And order-0 folios by that. */
	} while (taken && req->fast_stop == GUP_FAST_REFCOUNT);
	return nr;
}

/*
 * With interrupts off the table stays. pte_offset_map() would do more than is
 * needed, but only it can map a table in high memory.
 */
static pte_t *gup_fast_map(pmd_t *pmd, unsigned long addr)
{
	return IS_ENABLED(CONFIG_HIGHPTE) ? pte_offset_map(pmd, addr) :
					    gup_fast_pte_offset(pmd, addr);
}

static void gup_fast_unmap(pte_t *ptep)
{
	if (IS_ENABLED(CONFIG_HIGHPTE))
		pte_unmap(ptep);
}

/*
 * A table is taken off its PMD before it is collapsed or freed, and stays as it
 * is as long as interrupts are off here. If it is in its place now, neither had
 * begun at any look at its entries. mremap() may have moved it away and back: then it
 * was one of this process all the time.
 */
static __always_inline bool gup_fast_check_table(struct gup_req *req,
						 pmd_t *pmdp, pmd_t pmd)
{
	return likely(pmd_val(pmd) == pmd_val(pmdp_get_lockless(pmdp))) ||
	       gup_fast_fail(req, GUP_FAST_TABLE);
}

/*
 * Takes the page of one entry, of whatever folio it is. gup_fast_pte_table() would
 * do the same, but has loops to prepare.
 */
static noinline bool gup_fast_one_pte(struct gup_req *req, pmd_t *pmdp,
				      pmd_t pmd)
{
	struct gup_fast_walk walk = {
		.req = req,
		.access = gup_fast_access(req->flags & FOLL_WRITE),
		.ref_flags = req->flags,
		.last_mapping = GUP_FAST_NO_MAPPING,
	};
	struct gup_fast_leaf leaf = { .level = GUP_FAST_PTES, .nr = 1 };
	pte_t *ptep = gup_fast_map(&pmd, gup_addr(req));
	bool taken = false;

	if (IS_ENABLED(CONFIG_HIGHPTE) && !ptep)
		return gup_fast_fail(req, GUP_FAST_CHANGED);
	if (likely(gup_fast_read_pte(&walk, ptep, &leaf) &&
		   gup_fast_room(req, leaf.page))) {
		const unsigned long flags = gup_fast_flags(leaf.page);

		if (PageTail(leaf.page) || (flags & BIT(PG_head)))
			taken = gup_fast_take(&walk, &leaf);
		else
			taken = gup_fast_take_order0(&walk, &leaf, flags);
	}
	gup_fast_unmap(ptep);
	if (unlikely(!taken))
		return false;
	gup_sink_put(&req->sink, leaf.page, 1);
	return gup_fast_check_table(req, pmdp, pmd);
}

static noinline bool gup_fast_pte_table(struct gup_req *req, pmd_t *pmdp,
					pmd_t pmd, unsigned long nr)
{
	const unsigned int ref_flags = req->flags & (FOLL_PIN | FOLL_LONGTERM);
	pte_t *table = gup_fast_map(&pmd, gup_addr(req));

	if (IS_ENABLED(CONFIG_HIGHPTE) && !table)
		return gup_fast_fail(req, GUP_FAST_CHANGED);
	if (!ref_flags)
		nr = gup_fast_ptes(req, table, nr, FOLL_GET);
	else if (ref_flags == FOLL_PIN)
		nr = gup_fast_ptes(req, table, nr, FOLL_PIN);
	else
		nr = gup_fast_ptes(req, table, nr, FOLL_PIN | FOLL_LONGTERM);
	gup_fast_unmap(table);
	return gup_fast_check_table(req, pmdp, pmd) && !nr;
}

/*
 * PMD and PUD level
 */

/* @leaf: an entry that permits the access. */
static __always_inline bool gup_fast_huge(struct gup_req *req,
					  struct gup_fast_leaf *leaf)
{
	struct gup_fast_walk walk = {
		.req = req,
		.ref_flags = req->flags,
		.last_mapping = GUP_FAST_NO_MAPPING,
	};

	/* The head has the refcount, the page behind it the pincount. */
	prefetchw(leaf->excl + 1);
	if (unlikely(!gup_fast_limit(req, leaf) ||
		     !gup_fast_take(&walk, leaf)))
		return false;
	gup_sink_put(&req->sink, leaf->page, leaf->nr);
	return true;
}

static noinline bool gup_fast_huge_pmd(struct gup_req *req, pmd_t *pmdp,
				       pmd_t pmd, unsigned long nr)
{
	struct gup_fast_access access = gup_fast_access(req->flags & FOLL_WRITE);
	const unsigned long addr = gup_addr(req);
	struct gup_fast_leaf leaf = {
		.level = GUP_FAST_PMD,
		.entryp = pmdp,
		.val = pmd_val(pmd),
		.nr = nr,
	};

	if (unlikely(!gup_fast_pmd_permitted(&access, pmd)))
		return gup_fast_fail(req, GUP_FAST_DENIED);
	leaf.excl = pfn_to_page(gup_pmd_pfn(pmd));
	/* Not every architecture can mark the huge zero page special. */
	if (!IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) &&
	    is_huge_zero_pfn(page_to_pfn(leaf.excl)))
		return gup_fast_fail(req, GUP_FAST_SPECIAL);
	leaf.page = leaf.excl + ((addr & ~PMD_MASK) >> PAGE_SHIFT);
	return gup_fast_huge(req, &leaf);
}

/* So many pages of a huge leaf are stored at most while interrupts are off. */
#define GUP_FAST_WINDOW		8192U

static noinline bool gup_fast_huge_pud(struct gup_req *req, pud_t *pudp,
				       pud_t pud, unsigned long end)
{
	struct gup_fast_access access = gup_fast_access(req->flags & FOLL_WRITE);
	const unsigned long addr = gup_addr(req);
	struct gup_fast_leaf leaf = {
		.level = GUP_FAST_PUD,
		.entryp = pudp,
		.val = pud_val(pud),
		.nr = (pud_addr_end(addr, end) - addr) >> PAGE_SHIFT,
	};

	/* A range takes no longer for more pages. */
	if (!gup_sink_has_ranges(&req->sink))
		leaf.nr = min(leaf.nr, GUP_FAST_WINDOW);

	if (unlikely(!gup_fast_pud_permitted(&access, pud)))
		return gup_fast_fail(req, GUP_FAST_DENIED);
	leaf.excl = pud_page(pud);
	leaf.page = leaf.excl + ((addr & ~PUD_MASK) >> PAGE_SHIFT);
	return gup_fast_huge(req, &leaf);
}

/*
 * Descent
 */

#ifndef gup_fast_pud_offset
/*
 * The entry of the PUD level for @addr: where it is, and its value. NULL if a
 * table is missing. Each entry is read once: it may be cleared at any time.
 */
static __always_inline pud_t *gup_fast_pud_offset(struct mm_struct *mm,
						  unsigned long addr,
						  pud_t *pud)
{
	pgd_t *pgdp = pgd_offset(mm, addr);
	pgd_t pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp;

	if (pgd_none(pgd) || unlikely(pgd_leaf(pgd)))
		return NULL;
	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	p4d = READ_ONCE(*p4dp);
	if (unlikely(!p4d_present(p4d) || p4d_leaf(p4d)))
		return NULL;
	pudp = pud_offset_lockless(p4dp, p4d, addr);
	*pud = READ_ONCE(*pudp);
	/*
	 * A folded level has no table: its only entry is the one above. This
	 * points at the copy read here, but what may have to be read again
	 * later is the entry itself.
	 */
	if ((void *)pudp == (void *)&p4d)
		pudp = (pud_t *)p4dp;
	if ((void *)pudp == (void *)&pgd)
		pudp = (pud_t *)pgdp;
	return pudp;
}
#endif

/* How many pages are there up to @end, in the part that one PMD maps? */
static __always_inline unsigned long
gup_fast_pages_below(unsigned long addr, unsigned long end)
{
	if (end - addr == PAGE_SIZE)
		return 1;
	return (pmd_addr_end(addr, end) - addr) >> PAGE_SHIFT;
}

/**
 * gup_walk_fast() - take pages without a lock
 * @req: The request.
 * @end: End of the range, above gup_addr(), in the range that
 *	 gup_fast_permitted() has agreed to.
 *
 * Takes pages from gup_addr() on, at most those of one page table or of one
 * huge leaf, and of a leaf of a PUD not all at once: that bounds the time with
 * interrupts off.
 *
 * Context: Interrupts off. That holds off tlb_remove_table_sync_one() and so
 * everybody who frees page tables, or collapses one.
 * Return: True if it may be called again for the rest. If not, the request says
 * why, and gup_fast_give_back() has to follow.
 */
bool gup_walk_fast(struct gup_req *req, unsigned long end)
{
	const unsigned long addr = gup_addr(req);
	unsigned long nr;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;

	lockdep_assert_irqs_disabled();
	pudp = gup_fast_pud_offset(req->mm, addr, &pud);
	if (unlikely(!pudp))
		return gup_fast_fail(req, GUP_FAST_ABSENT);
	if (unlikely(pud_leaf(pud)))
		return gup_fast_huge_pud(req, pudp, pud, end);
	if (unlikely(!pud_present(pud)))
		return gup_fast_fail(req, GUP_FAST_ABSENT);
	pmdp = pmd_offset_lockless(pudp, pud, addr);
	pmd = pmdp_get_lockless(pmdp);
#ifdef __PAGETABLE_PMD_FOLDED
	pmdp = (pmd_t *)pudp;
#endif
	nr = gup_fast_pages_below(addr, end);
	if (gup_fast_pmd_leaf(pmd))
		return gup_fast_huge_pmd(req, pmdp, pmd, nr);
	if (unlikely(!pmd_present(pmd)))
		return gup_fast_fail(req, GUP_FAST_ABSENT);
	/* Without the bit no entry can be told from one without a page. */
	if (!IS_ENABLED(CONFIG_ARCH_HAS_PTE_SPECIAL))
		return gup_fast_fail(req, GUP_FAST_SPECIAL);
	if (nr == 1)
		return gup_fast_one_pte(req, pmdp, pmd);
	return gup_fast_pte_table(req, pmdp, pmd, nr);
}

/*
 * Windows
 */

/* One stretch with interrupts off; its pins are counted while they are. */
static __always_inline bool gup_fast_window(struct gup_req *req,
					    unsigned long end)
{
	struct gup_pin_stat *stat = &req->sink.acquired;
	bool more;
	unsigned long flags;

	local_irq_save(flags);
	more = gup_walk_fast(req, end);
	if (stat->nr)
		__mod_node_page_state(NODE_DATA(stat->nid),
				      NR_FOLL_PIN_ACQUIRED, stat->nr);
	stat->nr = 0;
	local_irq_restore(flags);
	return more;
}

/**
 * gup_fast_give_back() - release what a window took in vain
 * @req: The request. Its last window ended the fast path.
 * @mark: How many pages were in the sink when that window began.
 *
 * This may free pages, for which locks are taken that with PREEMPT_RT nobody may take
 * while interrupts are off.
 *
 * Context: As gup_undo().
 */
noinline void gup_fast_give_back(struct gup_req *req, unsigned long mark)
{
	unsigned long undone = 0;

	if (req->fast_stop == GUP_FAST_TABLE || req->fast_stop == GUP_FAST_FORK) {
		undone = gup_sink_nr(&req->sink) - mark;
		gup_undo(req, mark);
	}
	if (undone)
		count_vm_event(GUP_FAST_UNDONE);
	if (req->dropped)
		folio_put_refs(req->dropped, req->dropped_refs);
	req->dropped = NULL;
	trace_gup_fast_stop(gup_addr(req), req->fast_stop, undone);
}

/*
 * A window of pins holds against a concurrent fork() as a whole or not at all.
 * fork() raises mm->write_protect_seq before it looks at the first entry, and
 * again when it is through. So if the count was even before the window and is
 * the same after it, every pin of the window was taken before fork() looked:
 * it sees the pin, because MMF_HAS_PINNED was set before, and gives the child a
 * copy. What earlier windows hold is of the same kind, whatever happens since.
 */
static bool gup_fast_pin_window(struct gup_req *req, unsigned long end)
{
	bool more;
	unsigned int seq;

	seq = raw_read_seqcount(&req->mm->write_protect_seq);
	if (seq & 1)
		return gup_fast_fail(req, GUP_FAST_FORK);
	more = gup_fast_window(req, end);
	if (unlikely(read_seqcount_retry(&req->mm->write_protect_seq, seq)))
		return gup_fast_fail(req, GUP_FAST_FORK);
	return more;
}

/**
 * gup_fast() - take as many pages of a request as can be had without a lock
 * @req: The request, on current->mm, for one page or more.
 *
 * Stops at the first page that is not plainly fine: gup_addr() says where, and
 * @req->fast_stop why.
 *
 * Context: Any for FOLL_GET: perf takes pages from NMI, so no lock is taken on that
 * path, unless a reference that was taken in vain turns out to be the last one. The
 * caller's put_page() has that risk, too. Any but NMI for FOLL_PIN. Does not sleep.
 */
void gup_fast(struct gup_req *req)
{
	const unsigned long mark = gup_sink_nr(&req->sink);
	const unsigned long end = gup_end(req);
	unsigned long window;
	bool more;

	if (unlikely(!gup_fast_permitted(req->start, end))) {
		gup_fast_fail(req, GUP_FAST_DENIED);
		gup_fast_give_back(req, gup_sink_nr(&req->sink));
		return;
	}
	do {
		window = gup_sink_nr(&req->sink);
		if (req->flags & FOLL_PIN)
			more = gup_fast_pin_window(req, end);
		else
			more = gup_fast_window(req, end);
	} while (more && !gup_done(req));
	if (unlikely(!more))
		gup_fast_give_back(req, window);
	gup_fail_fast(req, mark);
	/* Ranges are taken by many calls. Their owner is recorded after the last. */
	if (!gup_sink_has_ranges(&req->sink))
		gup_owner_pinned(&req->sink, req->flags);
}
