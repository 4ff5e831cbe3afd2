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
 * @nid: The node, NUMA_NO_NODE before the first pin.
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
 *	request ask for it; nothing else is.
 * @acquired: Pins taken but not yet counted in NR_FOLL_PIN_ACQUIRED.
 */
struct gup_sink {
	struct page **pages;
	unsigned long nr;
	struct gup_pin_stat acquired;
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

static __always_inline void gup_req_init(struct gup_req *req,
					 struct mm_struct *mm,
					 unsigned long start,
					 unsigned long nr_pages,
					 struct page **pages, unsigned int flags)
{
	req->mm = mm;
	req->start = start;
	req->nr_pages = nr_pages;
	req->flags = flags;
	req->locked = NULL;
	req->error = 0;
	req->retry_addr = GUP_NO_ADDR;
	req->sink.pages = pages;
	req->sink.nr = 0;
	req->sink.acquired.nid = NUMA_NO_NODE;
	req->sink.acquired.nr = 0;
}

/* mm/gup_ref.c */
void gup_stat_flush(struct gup_pin_stat *stat, enum node_stat_item item);
int gup_grab_stable(struct gup_req *req, struct folio *folio, unsigned int nr);
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

static __always_inline void gup_stat_add(struct gup_pin_stat *stat, int nid,
					 long nr, enum node_stat_item item)
{
	if (unlikely(stat->nid != nid)) {
		gup_stat_flush(stat, item);
		stat->nid = nid;
	}
	stat->nr += nr;
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
 * How many entries of @pages, the first included, belong to @folio. Its pages
 * are consecutive in memory, so that only the first entry's folio has to be
 * looked up.
 */
static __always_inline unsigned long gup_span_length(struct page **pages,
						     unsigned long nr,
						     const struct folio *folio)
{
	unsigned long size = sizeof(struct page), span = 1;

	if (folio_test_large(folio))
		size *= folio_large_nr_pages(folio);
	while (span < nr &&
	       (unsigned long)pages[span] - (unsigned long)folio < size)
		span++;
	return span;
}

/*
 * Sinks
 */

static __always_inline void gup_store_pages(struct page **out,
					    struct page *page, unsigned long nr)
{
	for (; nr >= 8; nr -= 8, out += 8) {
		out[0] = page++;
		out[1] = page++;
		out[2] = page++;
		out[3] = page++;
		out[4] = page++;
		out[5] = page++;
		out[6] = page++;
		out[7] = page++;
	}
	while (nr--)
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
	if (!sink->pages)
		return;
	if (__builtin_constant_p(nr) && nr == 1)
		sink->pages[pos] = page;
	else
		gup_store_pages(sink->pages + pos, page, nr);
}

#endif	/* _MM_GUP_INTERNAL_H */
