/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vocabulary of get_user_pages: span, sink, request and outcome, and the
 * reference primitives that both walkers use.
 *
 * Only the files of this subsystem and its tests include this header.
 */
#ifndef _MM_GUP_INTERNAL_H
#define _MM_GUP_INTERNAL_H

#include <linux/hugetlb.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/page_ref.h>
#include <linux/pagemap.h>
#include <linux/secretmem.h>
#include <linux/shmem_fs.h>
#include <linux/unroll.h>
#include <linux/vmstat.h>

#include "internal.h"

/*
 * A span is a run of consecutive pages of one folio at consecutive user
 * addresses. It is passed around as (page, nr): the first page and the number
 * of pages. One span costs one update of the folio's reference count.
 */

/**
 * enum gup_outcome - why a walker or a fault came back
 * @GUP_PROGRESS: Nothing is in the way: go on at gup_addr().
 * @GUP_NEED_FAULT: The entry at gup_addr() has to be faulted in first.
 * @GUP_NEED_UNSHARE: The page at gup_addr() has to be unshared first.
 * @GUP_UNLOCKED: mmap_lock was dropped: every VMA has to be looked up afresh.
 * @GUP_BUSY: It would have to wait and the caller asked not to.
 * @GUP_ERROR: The request ends here, &gup_req.error says why.
 */
enum gup_outcome {
	GUP_PROGRESS,
	GUP_NEED_FAULT,
	GUP_NEED_UNSHARE,
	GUP_UNLOCKED,
	GUP_BUSY,
	GUP_ERROR,
};

/**
 * struct gup_pin_stat - pins of one node not yet in its statistics
 * @nid: The node; before the first pin, where that is likely to be.
 * @nr: Number of pages.
 */
struct gup_pin_stat {
	int nid;
	long nr;
};

/**
 * struct gup_sink - where spans go
 * @pages: The caller's array, NULL if it only wants the range faulted in.
 * @nr: Pages put in so far. Every one of them is grabbed if the flags of the
 *	request ask for it; nothing else is. Entries behind them mean nothing.
 * @acquired: Pins taken but not yet counted in NR_FOLL_PIN_ACQUIRED.
 */
struct gup_sink {
	struct page **pages;
	unsigned long nr;
	struct gup_pin_stat acquired;
};

/**
 * struct gup_longterm - what the slow path found out for FOLL_LONGTERM
 * @unpinnable: A page in the sink must not stay pinned where it is.
 * @block: Pageblock of the last folio that may, in units of pageblocks.
 * @zone: Its zone; a pageblock may belong to several.
 *
 * Neighbours mostly lie in one pageblock, and what it is for is costly to look
 * up. It may change at any time, after the look-up as well as before.
 */
struct gup_longterm {
	bool unpinnable;
	unsigned long block;
	enum zone_type zone;
};

/**
 * struct gup_req - one call, its flags validated and completed
 * @mm: The address space.
 * @start: First user address, page aligned, without tag.
 * @nr_pages: Number of pages asked for.
 * @flags: FOLL_* flags, the internal ones included.
 * @locked: NULL: mmap_lock is held and stays held. Else whether it is held.
 * @error: Negative errno that belongs to GUP_ERROR.
 * @retry_addr: Where the last fault asked to be retried, or GUP_NO_ADDR.
 * @longterm: For FOLL_LONGTERM in the slow path.
 * @sink: Where the pages go; tells also how far the call got.
 */
struct gup_req {
	struct mm_struct *mm;
	unsigned long start;
	unsigned long nr_pages;
	unsigned int flags;
	int *locked;
	int error;
	unsigned long retry_addr;
	struct gup_longterm longterm;
	struct gup_sink sink;
};

/* Never equal to an address of a request: those are page aligned. */
#define GUP_NO_ADDR	1UL

/* The first address the request has not reached yet. */
static inline unsigned long gup_addr(const struct gup_req *req)
{
	return req->start + (req->sink.nr << PAGE_SHIFT);
}

static inline unsigned long gup_end(const struct gup_req *req)
{
	return req->start + (req->nr_pages << PAGE_SHIFT);
}

static inline bool gup_done(const struct gup_req *req)
{
	return req->sink.nr >= req->nr_pages;
}

static inline enum gup_outcome gup_fail(struct gup_req *req, int error)
{
	req->error = error;
	return GUP_ERROR;
}

/* What the caller gets: how many pages, or why there is none. */
static inline long gup_result(const struct gup_req *req)
{
	return req->sink.nr ? req->sink.nr : req->error;
}

static __always_inline struct gup_req gup_req_init(struct mm_struct *mm,
						   unsigned long start,
						   unsigned long nr_pages,
						   struct page **pages,
						   unsigned int flags)
{
	/* All of them are named: nothing is cleared only to be set again. */
	return (struct gup_req) {
		.mm = mm,
		.start = start,
		.nr_pages = nr_pages,
		.flags = flags,
		.locked = NULL,
		.error = 0,
		.retry_addr = GUP_NO_ADDR,
		.longterm.unpinnable = false,
		.longterm.block = ULONG_MAX,
		.longterm.zone = 0,
		.sink.pages = pages,
		.sink.nr = 0,
		.sink.acquired.nid = numa_node_id(),
		.sink.acquired.nr = 0,
	};
}

/*
 * fork() has to know that pins may exist before the first one does. The flag
 * shares its cache line with all of the mm's flags: write it only once.
 */
static inline void gup_set_has_pinned(struct mm_struct *mm)
{
	if (!mm_flags_test(MMF_HAS_PINNED, mm))
		mm_flags_set(MMF_HAS_PINNED, mm);
}

/* mm/gup_ref.c */
void gup_stat_flush_node(struct gup_pin_stat *stat, enum node_stat_item item);
void gup_stat_change_node(struct gup_pin_stat *stat, int nid,
			  enum node_stat_item item);
void gup_release(struct folio *folio, unsigned long nr, unsigned int flags);
void gup_release_range(struct page **pages, unsigned long nr,
		       unsigned int flags);
void gup_sink_undo(struct gup_req *req, unsigned long mark);
void gup_warn_refcount(struct folio *folio);

/* mm/gup_slow.c */
enum gup_outcome gup_walk_slow(struct gup_req *req, struct vm_area_struct *vma);

/* mm/gup_fault.c, mm/gup_nommu.c */
long gup_slow(struct gup_req *req);

/* mm/gup_vma.c */
struct vm_area_struct *gup_find_vma(struct gup_req *req);
enum gup_outcome gup_gate_page(struct gup_req *req);

/* mm/gup_longterm.c */
long gup_slow_longterm(struct gup_req *req);
void gup_longterm_judge(struct gup_req *req, struct folio *folio);

/* mm/gup_fast.c */
#ifdef CONFIG_HAVE_GUP_FAST
void gup_fast(struct gup_req *req);
#else
static inline void gup_fast(struct gup_req *req)
{
}
#endif

/**
 * gup_walk_fast() - take pages without a lock
 * @req: The request.
 * @end: End of the range, above gup_addr(), in the range that
 *	 gup_fast_permitted() has agreed to.
 *
 * Takes pages from gup_addr() on, at most those of one page table or of one
 * huge leaf: that bounds the time with interrupts off.
 *
 * Context: Interrupts off. That holds off tlb_remove_table_sync_one() and so
 * everybody who frees page tables, or collapses one.
 * Return: Whether it may be called again for the rest. False: the next page is
 * not plainly fine.
 */
bool gup_walk_fast(struct gup_req *req, unsigned long end);

/*
 * References
 */

static __always_inline void gup_stat_flush(struct gup_pin_stat *stat,
					   enum node_stat_item item)
{
	if (stat->nr)
		gup_stat_flush_node(stat, item);
}

static __always_inline void gup_stat_add(struct gup_pin_stat *stat, int nid,
					 long nr, enum node_stat_item item)
{
	if (unlikely(stat->nid != nid))
		gup_stat_change_node(stat, nid, item);
	stat->nr += nr;
}

/* folio_has_pincount() for a folio that need not be stable. */
static __always_inline bool gup_order_has_pincount(unsigned int order)
{
	return order > (IS_ENABLED(CONFIG_64BIT) ? 0 : 1);
}

/* How much @nr pages add to the refcount of a folio that is already stable. */
static __always_inline int gup_refs(const struct folio *folio, int nr,
				    unsigned int flags)
{
	if ((flags & FOLL_PIN) && !folio_has_pincount(folio))
		return nr * GUP_PIN_COUNTING_BIAS;
	return nr;
}

/*
 * References to @nr pages of a folio that cannot go away, in what all kinds of
 * them have in common. Returns how many pins are to be counted in the
 * statistics.
 */
static __always_inline int gup_ref_stable(struct folio *folio, int nr,
					  unsigned int flags)
{
	const bool pin = flags & FOLL_PIN;
	bool pincount;

	if (!(flags & (FOLL_GET | FOLL_PIN)))
		return 0;
	if (unlikely(!(flags & FOLL_PCI_P2PDMA) && folio_is_pci_p2pdma(folio)))
		return -EREMOTEIO;
	if (pin && unlikely(is_zero_folio(folio)))
		return 0;
	/*
	 * The refcount of a folio that is mapped or referenced is above 0,
	 * unless it overflowed. Then nobody may add to it: at the wrap the
	 * folio would be freed while it is in use.
	 */
	if (unlikely(folio_ref_count(folio) <= 0)) {
		gup_warn_refcount(folio);
		return -ENOMEM;
	}
	pincount = pin && folio_has_pincount(folio);
	folio_ref_add(folio, pin && !pincount ? nr * GUP_PIN_COUNTING_BIAS : nr);
	if (pincount)
		atomic_add(nr, &folio->_pincount);
	return pin ? nr : 0;
}

/**
 * gup_grab_stable() - reference @nr pages of a folio for a request
 * @req: Its flags say what a reference is; its sink counts the pins.
 * @folio: A folio that cannot go away: the caller holds the page table lock of
 *	   an entry that maps it, or a reference.
 * @nr: Number of pages.
 *
 * Context: Any. Page table locks may be held.
 * Return: 0, -ENOMEM if the refcount has overflowed, -EREMOTEIO for PCI
 * peer-to-peer memory without FOLL_PCI_P2PDMA, or the error of
 * arch_make_folio_accessible(). On error there is no new reference.
 */
static __always_inline int gup_grab_stable(struct gup_req *req,
					   struct folio *folio, int nr)
{
	int ret = gup_ref_stable(folio, nr, req->flags);

	if (ret <= 0)
		return ret;
	gup_stat_add(&req->sink.acquired, folio_nid(folio), nr,
		     NR_FOLL_PIN_ACQUIRED);
	ret = arch_make_folio_accessible(folio);
	if (unlikely(ret))
		gup_release(folio, nr, FOLL_PIN);
	return ret;
}

/* A page of @folio is about to go into the sink of a FOLL_LONGTERM request. */
static __always_inline void gup_longterm_note(struct gup_req *req,
					      struct folio *folio)
{
	if (folio_pfn(folio) >> pageblock_order != req->longterm.block ||
	    folio_zonenum(folio) != req->longterm.zone)
		gup_longterm_judge(req, folio);
}

#define GUP_PAGES_BATCH	16

/* Are the first GUP_PAGES_BATCH entries of @pages @page and those behind it? */
static __always_inline bool gup_batch_consecutive(struct page **pages,
						  struct page *page)
{
	unsigned int i;

	unrolled_full
	for (i = 0; i < GUP_PAGES_BATCH; i++) {
		if (pages[i] != page + i)
			return false;
	}
	return true;
}

/*
 * Where the span ends that begins at @pages; *@pages is a page of @folio, which is
 * large. No later than at @end.
 */
static __always_inline struct page **
gup_large_span_end(struct page **pages, struct page **end,
		   const struct folio *folio)
{
	struct page *page = *pages;

	end = min(end, pages + folio_large_nr_pages(folio) -
		       folio_page_idx(folio, page));
	while (pages + GUP_PAGES_BATCH <= end &&
	       gup_batch_consecutive(pages, page)) {
		pages += GUP_PAGES_BATCH;
		page += GUP_PAGES_BATCH;
	}
	for (; pages < end && *pages == page; pages++)
		page++;
	return pages;
}

/* How many entries of @pages, the first included, are a span of @folio? */
static __always_inline unsigned long gup_span_length(struct page **pages,
						     unsigned long nr,
						     const struct folio *folio)
{
	if (!folio_test_large(folio))
		return 1;
	return gup_large_span_end(pages, pages + nr, folio) - pages;
}

/*
 * Sinks
 */

/* Two instructions a page: to compute it and to store it. */
static __always_inline void gup_store_pages(struct page **out,
					    struct page *page, unsigned long nr)
{
	struct page **const end = out + nr;
	unsigned int i;

	for (; end - out >= GUP_PAGES_BATCH; out += GUP_PAGES_BATCH) {
		unrolled_full
		for (i = 0; i < GUP_PAGES_BATCH; i++)
			out[i] = page + i;
		page += GUP_PAGES_BATCH;
	}
	while (out < end)
		*out++ = page++;
}

/**
 * gup_sink_push() - put a grabbed span into the sink
 * @sink: The sink.
 * @page: First page of the span.
 * @nr: Number of pages.
 */
static __always_inline void gup_sink_push(struct gup_sink *sink,
					  struct page *page, unsigned long nr)
{
	unsigned long pos = sink->nr;

	sink->nr = pos + nr;
	if (sink->pages)
		gup_store_pages(sink->pages + pos, page, nr);
}

#endif	/* _MM_GUP_INTERNAL_H */
