// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lockless path: everything but the walk itself, and the walker for
 * architectures that have none of their own.
 */
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/seqlock.h>

#include "gup_fast.h"

#ifndef gup_fast_permitted
/* Most architectures have nothing to say against a range of user addresses. */
static bool gup_fast_permitted(unsigned long start, unsigned long end)
{
	return true;
}
#endif

/* Gives back a span that is not in the sink. */
void gup_fast_drop(struct gup_req *req, struct folio *folio, unsigned int nr)
{
	gup_release(folio, nr, req->flags);
}

/**
 * gup_fast_accept_file() - may a folio that is not anonymous be taken?
 * @req: The request.
 * @folio: The folio, referenced and seen mapped after that.
 *
 * Truncation may clear the mapping at any time, so it is read once. Where it is
 * not NULL it cannot be freed before interrupts are on again: inodes are freed
 * after an RCU grace period, and interrupts off hold that up.
 *
 * Return: Whether it may be taken. False if in doubt: the slow path has the VMA
 * and knows.
 */
bool gup_fast_accept_file(struct gup_req *req, struct folio *folio)
{
	struct address_space *mapping;
	const unsigned int longterm_write = FOLL_PIN | FOLL_LONGTERM | FOLL_WRITE;
	const bool must_know =
		(req->flags & longterm_write) == longterm_write;

	if (!(req->flags & FOLL_PCI_P2PDMA) && folio_is_pci_p2pdma(folio))
		return false;
	/* hugetlb has neither dirty tracking nor secrets. */
	if (folio_test_hugetlb(folio))
		return true;

	/*
	 * The entry was read after the reference was taken, and the mapping is
	 * read after the entry: a folio is added to its mapping before it is
	 * mapped, so that NULL means truncated and not "not yet known".
	 */
	smp_rmb();
	mapping = READ_ONCE(folio->mapping);
	if (!mapping)
		return !must_know;
	if ((unsigned long)mapping & FOLIO_MAPPING_FLAGS)
		return (unsigned long)mapping & FOLIO_MAPPING_ANON;
	if (!folio_test_large(folio) && secretmem_mapping(mapping))
		return false;
	return !must_know || shmem_mapping(mapping);
}

#ifndef CONFIG_GUP_FAST_X86
/*
 * The generic walker
 */

static bool gup_fast_pte_permitted(pte_t pte, bool write)
{
	return pte_access_permitted(pte, write) && !pte_protnone(pte) &&
	       !pte_special(pte);
}

/*
 * Some architectures map a huge page by several PTEs that all have the value of
 * the first. @page, which has been referenced, is the right one only if it lies
 * as far into the huge page as @addr does.
 */
static bool gup_fast_hugetlb_in_step(struct page *page, unsigned long addr)
{
	struct folio *folio = page_folio(page);

	if (!folio_test_hugetlb(folio))
		return true;
	return !(((addr >> PAGE_SHIFT) - folio_page_idx(folio, page)) &
		 (folio_nr_pages(folio) - 1));
}

/*
 * Reads the entries of a span again: how many of them, from the first on, map
 * the pages they should, and as permissively as the first?
 *
 * Entries behind the first are read only here, after the grab. That is enough:
 * what the first look is for, to find the folio, the first entry has done.
 */
static unsigned int gup_fast_check_ptes(struct gup_req *req, pte_t *ptep,
					pte_t first, unsigned int nr)
{
	const bool write = req->flags & FOLL_WRITE;
	unsigned int i;

	if (unlikely(!pte_same(ptep_get_lockless(ptep), first)))
		return 0;
	if (unlikely(!gup_fast_hugetlb_in_step(pte_page(first), gup_addr(req))))
		return 0;
	for (i = 1; i < nr; i++) {
		pte_t pte = ptep_get_lockless(ptep + i);

		if (!gup_fast_pte_permitted(pte, write) ||
		    pte_write(pte) != pte_write(first) ||
		    pte_pfn(pte) != pte_pfn(first) + i)
			break;
	}
	return i;
}

/* Takes the span of a large folio that begins at @ptep. */
static unsigned int gup_fast_pte_span(struct gup_req *req, pte_t *ptep,
				      pte_t pte, unsigned int max,
				      unsigned long *seen)
{
	struct gup_fast_span span = {
		.excl = pte_page(pte),
		.writable = pte_write(pte),
	};
	unsigned int grabbed = max;

	span.folio = gup_fast_grab_large(req, span.excl, &grabbed);
	if (!span.folio)
		return 0;
	span.nr = gup_fast_check_ptes(req, ptep, pte, grabbed);
	if (span.nr != grabbed)
		gup_fast_drop(req, span.folio, grabbed - span.nr);
	span.nr_excl = span.nr;
	if (!span.nr || !gup_fast_accept(req, &span, seen))
		return 0;
	gup_sink_push(&req->sink, span.excl, span.nr);
	return span.nr;
}

/* Takes the page, or the span, that begins at @ptep: how many, 0 to give up. */
static __always_inline unsigned int gup_fast_pte(struct gup_req *req,
						 pte_t *ptep, unsigned int max,
						 unsigned long *seen,
						 const unsigned int kind)
{
	pte_t pte = ptep_get_lockless(ptep);
	struct gup_fast_small small;
	struct page *page;

	if (!gup_fast_pte_permitted(pte, req->flags & FOLL_WRITE))
		return 0;
	VM_WARN_ON_ONCE(!pfn_valid(pte_pfn(pte)));
	page = pte_page(pte);
	if (gup_fast_compound(page))
		return gup_fast_pte_span(req, ptep, pte, max, seen);
	small.folio = (struct folio *)page;
	if (!gup_fast_grab_small(req, &small, kind))
		return 0;
	if (unlikely(!pte_same(ptep_get_lockless(ptep), pte))) {
		gup_fast_drop(req, small.folio, 1);
		return 0;
	}
	if (!gup_fast_accept_small(req, &small, pte_write(pte), seen, kind))
		return 0;
	gup_sink_push(&req->sink, page, 1);
	return 1;
}

static bool gup_fast_pte_table(struct gup_req *req, pmd_t *pmdp, pmd_t pmd,
			       unsigned long addr, unsigned long end)
{
	unsigned long seen = GUP_FAST_NO_MAPPING;
	const unsigned long mark = req->sink.nr;
	pte_t *table, *ptep;

	/* Without the bit no entry can be told from one without a page. */
	if (!IS_ENABLED(CONFIG_ARCH_HAS_PTE_SPECIAL))
		return false;
	table = pte_offset_map(&pmd, addr);
	if (!table)
		return false;
	for (ptep = table; addr < end;) {
		const unsigned int max = (end - addr) >> PAGE_SHIFT;
		unsigned int nr;

		if (!(req->flags & FOLL_PIN))
			nr = gup_fast_pte(req, ptep, max, &seen, FOLL_GET);
		else
			nr = gup_fast_pte(req, ptep, max, &seen,
					  req->flags & (FOLL_PIN | FOLL_LONGTERM));
		if (!nr)
			break;
		ptep += nr;
		addr += (unsigned long)nr << PAGE_SHIFT;
	}
	pte_unmap(table);

	/*
	 * A table is taken off its PMD before it is collapsed or freed, and with
	 * interrupts off it cannot be put back meanwhile: if it is still there,
	 * it was there at every look at its entries.
	 */
	if (unlikely(pmd_val(pmd) != pmd_val(pmdp_get_lockless(pmdp)))) {
		gup_sink_undo(req, mark);
		return false;
	}
	return addr == end;
}

/* A huge leaf of either level, as far as it concerns a request. */
struct gup_fast_leaf {
	struct page *first;	/* mapped at the start of the leaf */
	unsigned long skip;	/* pages from there to the address */
	unsigned int nr;	/* pages wanted */
	bool writable;
};

static struct folio *gup_fast_grab_leaf(struct gup_req *req,
					struct gup_fast_leaf *leaf)
{
	unsigned int grabbed = leaf->nr;
	struct folio *folio;

	/* Not every architecture can mark the huge zero page special. */
	if (is_huge_zero_pfn(page_to_pfn(leaf->first)))
		return NULL;
	folio = gup_fast_grab_large(req, leaf->first + leaf->skip, &grabbed);
	/* A leaf never maps more than one folio: the guess was outdated. */
	if (folio && unlikely(grabbed != leaf->nr)) {
		gup_fast_drop(req, folio, grabbed);
		return NULL;
	}
	return folio;
}

/* The entry was read again: it is @unchanged, or it is not. */
static bool gup_fast_finish_leaf(struct gup_req *req, struct folio *folio,
				 struct gup_fast_leaf *leaf, bool unchanged)
{
	const struct gup_fast_span span = {
		.folio = folio,
		.nr = leaf->nr,
		.excl = leaf->first,
		.nr_excl = 1,
		.writable = leaf->writable,
	};
	unsigned long seen = GUP_FAST_NO_MAPPING;

	if (unlikely(!unchanged)) {
		gup_fast_drop(req, folio, leaf->nr);
		return false;
	}
	if (!gup_fast_accept(req, &span, &seen))
		return false;
	gup_sink_push(&req->sink, leaf->first + leaf->skip, leaf->nr);
	return true;
}

static bool gup_fast_pmd_leaf(struct gup_req *req, pmd_t *pmdp, pmd_t pmd,
			      unsigned long addr, unsigned long end)
{
	struct gup_fast_leaf leaf;
	struct folio *folio;

	if (pmd_special(pmd) || pmd_protnone(pmd) ||
	    !pmd_access_permitted(pmd, req->flags & FOLL_WRITE))
		return false;
	leaf.first = pmd_page(pmd);
	leaf.skip = (addr & ~PMD_MASK) >> PAGE_SHIFT;
	leaf.nr = (end - addr) >> PAGE_SHIFT;
	leaf.writable = pmd_write(pmd);
	folio = gup_fast_grab_leaf(req, &leaf);
	return folio &&
	       gup_fast_finish_leaf(req, folio, &leaf, pmd_val(pmd) ==
				    pmd_val(pmdp_get_lockless(pmdp)));
}

static bool gup_fast_pud_leaf(struct gup_req *req, pud_t *pudp, pud_t pud,
			      unsigned long addr, unsigned long end)
{
	struct gup_fast_leaf leaf;
	struct folio *folio;

	if (pud_special(pud) ||
	    !pud_access_permitted(pud, req->flags & FOLL_WRITE))
		return false;
	leaf.first = pud_page(pud);
	leaf.skip = (addr & ~PUD_MASK) >> PAGE_SHIFT;
	leaf.nr = (end - addr) >> PAGE_SHIFT;
	leaf.writable = pud_write(pud);
	folio = gup_fast_grab_leaf(req, &leaf);
	return folio &&
	       gup_fast_finish_leaf(req, folio, &leaf,
				    pud_val(pud) == pud_val(READ_ONCE(*pudp)));
}

/*
 * A folded level has no table: its only entry is the one above. @ptr, from
 * *_offset_lockless(), then points at @copy, the value the walk read, but what
 * has to be read again later is the entry itself.
 */
#define gup_fast_entry(ptr, copy, entryp) ({				\
	typeof(ptr) _ptr = (ptr);					\
	(void *)_ptr == (void *)&(copy) ? (typeof(_ptr))(entryp) : _ptr; })

static bool gup_fast_pmd(struct gup_req *req, pud_t *pudp, pud_t pud,
			 unsigned long addr, unsigned long end)
{
	pmd_t *pmdp = pmd_offset_lockless(pudp, pud, addr);
	pmd_t pmd = pmdp_get_lockless(pmdp);

	pmdp = gup_fast_entry(pmdp, pud, pudp);
	end = pmd_addr_end(addr, end);
	if (!pmd_present(pmd))
		return false;
	if (unlikely(pmd_leaf(pmd)))
		return gup_fast_pmd_leaf(req, pmdp, pmd, addr, end);
	return gup_fast_pte_table(req, pmdp, pmd, addr, end);
}

bool gup_walk_fast(struct gup_req *req, unsigned long end)
{
	unsigned long addr = gup_addr(req);
	pgd_t *pgdp = pgd_offset(req->mm, addr);
	pgd_t pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;

	if (pgd_none(pgd) || unlikely(pgd_leaf(pgd)))
		return false;
	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	p4d = READ_ONCE(*p4dp);
	p4dp = gup_fast_entry(p4dp, pgd, pgdp);
	if (!p4d_present(p4d) || unlikely(p4d_leaf(p4d)))
		return false;
	pudp = pud_offset_lockless(p4dp, p4d, addr);
	pud = READ_ONCE(*pudp);
	pudp = gup_fast_entry(pudp, p4d, p4dp);
	if (unlikely(!pud_present(pud)))
		return false;
	end = pud_addr_end(addr, end);
	if (unlikely(pud_leaf(pud)))
		return gup_fast_pud_leaf(req, pudp, pud, addr, end);
	return gup_fast_pmd(req, pudp, pud, addr, end);
}
#endif	/* !CONFIG_GUP_FAST_X86 */

/* One stretch with interrupts off; its pins are counted while they are. */
static __always_inline bool gup_fast_window(struct gup_req *req,
					    unsigned long end)
{
	struct gup_pin_stat *stat = &req->sink.acquired;
	unsigned long flags;
	bool more;

	local_irq_save(flags);
	more = gup_walk_fast(req, end);
	if (stat->nr)
		__mod_node_page_state(NODE_DATA(stat->nid),
				      NR_FOLL_PIN_ACQUIRED, stat->nr);
	stat->nr = 0;
	local_irq_restore(flags);
	return more;
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
	const unsigned long mark = req->sink.nr;
	unsigned int seq;
	bool more;

	seq = raw_read_seqcount(&req->mm->write_protect_seq);
	if (seq & 1)
		return false;
	more = gup_fast_window(req, end);
	if (unlikely(read_seqcount_retry(&req->mm->write_protect_seq, seq))) {
		gup_sink_undo(req, mark);
		return false;
	}
	return more;
}

/**
 * gup_fast() - take as many pages of a request as can be had without a lock
 * @req: The request, on current->mm, for one page or more.
 *
 * Stops at the first page that is not plainly fine; gup_addr() says where.
 *
 * Context: Any for FOLL_GET: perf takes pages from NMI, so there must be no lock
 * on that path. Any but NMI for FOLL_PIN. Does not sleep.
 */
void gup_fast(struct gup_req *req)
{
	const unsigned long end = gup_end(req);
	bool more;

	if (!gup_fast_permitted(req->start, end))
		return;
	do {
		if (req->flags & FOLL_PIN)
			more = gup_fast_pin_window(req, end);
		else
			more = gup_fast_window(req, end);
	} while (more && !gup_done(req));
}
