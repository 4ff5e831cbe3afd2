/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vocabulary of get_user_pages: request and outcome. References are in
 * gup_ref.h, and where pages go is in gup_sink.h.
 *
 * Only the files of this subsystem and its tests include this header.
 */
#ifndef _MM_GUP_INTERNAL_H
#define _MM_GUP_INTERNAL_H

#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pagemap.h>
#include <linux/ratelimit_types.h>
#include <linux/secretmem.h>
#include <linux/shmem_fs.h>

#include "gup_sink.h"

/**
 * enum gup_outcome - why the slow path came back
 * @GUP_PROGRESS: Nothing is in the way: go on at gup_addr().
 * @GUP_NEED_FAULT: The entry at gup_addr() has to be faulted in first.
 * @GUP_NEED_UNSHARE: The page at gup_addr() has to be unshared first.
 * @GUP_UNLOCKED: The lock was dropped: every VMA has to be looked up afresh.
 * @GUP_NO_VMA_LOCK: The lock of a VMA is not enough, or not to be had: go on under
 *		     mmap_lock.
 * @GUP_BUSY: It would have to wait and the caller asked not to.
 * @GUP_ERROR: The request ends here, &gup_req.error says why.
 */
enum gup_outcome {
	GUP_PROGRESS,
	GUP_NEED_FAULT,
	GUP_NEED_UNSHARE,
	GUP_UNLOCKED,
	GUP_NO_VMA_LOCK,
	GUP_BUSY,
	GUP_ERROR,
};

/**
 * enum gup_fast_stop - why the fast path stopped
 * @GUP_FAST_GO: It did not: nothing is in the way of the next page.
 * @GUP_FAST_ABSENT: There is no page at gup_addr(), or a table is missing.
 * @GUP_FAST_DENIED: The entry does not permit the access.
 * @GUP_FAST_SPECIAL: The entry has no page of the kernel's, or it cannot be told.
 * @GUP_FAST_REFCOUNT: The folio is being freed, frozen, or has overflowed.
 * @GUP_FAST_CHANGED: An entry or a folio changed while it was looked at.
 * @GUP_FAST_TABLE: A page table changed: nothing of the window stays.
 * @GUP_FAST_UNSHARE: The page has to be unshared first.
 * @GUP_FAST_UNPINNABLE: The folio may not stay pinned where it is.
 * @GUP_FAST_KIND: Only the slow path can say whether pages like this may be
 *		   taken.
 * @GUP_FAST_FORK: fork() is copying the page tables: the same.
 * @GUP_FAST_FULL: The sink has no room for the next page.
 */
enum gup_fast_stop {
	GUP_FAST_GO,
	GUP_FAST_ABSENT,
	GUP_FAST_DENIED,
	GUP_FAST_SPECIAL,
	GUP_FAST_REFCOUNT,
	GUP_FAST_CHANGED,
	GUP_FAST_TABLE,
	GUP_FAST_UNSHARE,
	GUP_FAST_UNPINNABLE,
	GUP_FAST_KIND,
	GUP_FAST_FORK,
	GUP_FAST_FULL,
};

/* The public functions, as tracing and fault injection tell them apart. */
enum gup_function {
	GUP_FN_GET,
	GUP_FN_GET_REMOTE,
	GUP_FN_GET_REMOTE_UNLOCKED,
	GUP_FN_GET_UNLOCKED,
	GUP_FN_GET_FAST,
	GUP_FN_GET_FAST_ONLY,
	GUP_FN_PIN,
	GUP_FN_PIN_REMOTE,
	GUP_FN_PIN_REMOTE_UNLOCKED,
	GUP_FN_PIN_UNLOCKED,
	GUP_FN_PIN_FAST,
	GUP_FN_PIN_BVECS,
	GUP_FN_PIN_BVECS_REMOTE,
	GUP_FN_MEMFD,
	GUP_FN_DUMP,
	GUP_FN_POPULATE,
	GUP_NR_FUNCTIONS,
};

/**
 * enum gup_lock - what a request may do with mmap_lock, and what it holds
 * @GUP_LOCK_STAYS: The caller holds it and it stays held.
 * @GUP_LOCK_MAY_DROP: The caller holds it; it may be dropped.
 * @GUP_LOCK_OURS: It was taken for this request, and may be dropped.
 * @GUP_LOCK_VMA: The read lock of one VMA was taken instead.
 * @GUP_LOCK_NONE: Neither is held. If the caller held mmap_lock, it was dropped.
 */
enum gup_lock {
	GUP_LOCK_STAYS,
	GUP_LOCK_MAY_DROP,
	GUP_LOCK_OURS,
	GUP_LOCK_VMA,
	GUP_LOCK_NONE,
};

/**
 * enum gup_move - what becomes of a folio that may not stay pinned where it is
 * @GUP_MOVE_FOUND: It was found. One of the others follows, or it is in its new place.
 * @GUP_MOVE_ISOLATED: It is about to be migrated. If nothing follows, it was.
 * @GUP_MOVE_BUSY: It could not be isolated: it is on no LRU list just now, or never.
 * @GUP_MOVE_DEVICE: It is device memory, and its driver is asked to move it.
 * @GUP_MOVE_NO_MEMORY: It was not migrated, as there was no memory for a copy.
 * @GUP_MOVE_FAILED: It was not migrated, because of somebody's reference mostly.
 * @GUP_NR_MOVES: Number of the others.
 */
enum gup_move {
	GUP_MOVE_FOUND,
	GUP_MOVE_ISOLATED,
	GUP_MOVE_BUSY,
	GUP_MOVE_DEVICE,
	GUP_MOVE_NO_MEMORY,
	GUP_MOVE_FAILED,
	GUP_NR_MOVES,
};

/**
 * enum gup_no_vma - why the lock of a VMA is not enough
 * @GUP_NO_VMA_NOWAIT: The fault may not wait, so it has to keep its lock.
 * @GUP_NO_VMA_TAGGED: Only mmap_lock tells which bits of the address are a tag.
 * @GUP_NO_VMA_BUSY: There is no VMA, or it is being changed.
 * @GUP_NO_VMA_REFUSED: The VMA does not permit the access.
 * @GUP_NO_VMA_FAULT: The fault handler wants mmap_lock.
 */
enum gup_no_vma {
	GUP_NO_VMA_NOWAIT,
	GUP_NO_VMA_TAGGED,
	GUP_NO_VMA_BUSY,
	GUP_NO_VMA_REFUSED,
	GUP_NO_VMA_FAULT,
};

/**
 * struct gup_req - one call, its flags validated and completed
 * @mm: The address space.
 * @start: First user address, page aligned, without tag.
 * @nr_pages: Number of pages asked for.
 * @flags: FOLL_* flags, the internal ones included.
 * @lock: The state of mmap_lock and of the VMA's lock.
 * @error: Negative errno that belongs to GUP_ERROR.
 * @fast_stop: Why the fast path stopped, if it did.
 * @dropped: A folio that the lockless walk has referenced in vain, or NULL.
 * @dropped_refs: So many of its references are to be put after the window.
 * @retry_addr: Address of the fault that dropped the lock, or GUP_NO_ADDR.
 * @longterm: For FOLL_LONGTERM.
 * @sink: Where the pages go; tells also how far the call got.
 */
struct gup_req {
	struct mm_struct *mm;
	unsigned long start;
	unsigned long nr_pages;
	unsigned int flags;
	enum gup_lock lock;
	int error;
	enum gup_fast_stop fast_stop;
	int dropped_refs;
	struct folio *dropped;
	unsigned long retry_addr;
	struct gup_longterm longterm;
	struct gup_sink sink;
};

/* Never equal to an address of a request: those are page aligned. */
#define GUP_NO_ADDR	1UL

/* The first address the request has not reached yet. */
static inline unsigned long gup_addr(const struct gup_req *req)
{
	return req->start + (gup_sink_nr(&req->sink) << PAGE_SHIFT);
}

static inline unsigned long gup_end(const struct gup_req *req)
{
	return req->start + (req->nr_pages << PAGE_SHIFT);
}

static inline bool gup_done(const struct gup_req *req)
{
	return gup_sink_nr(&req->sink) >= req->nr_pages;
}

static inline enum gup_outcome gup_fail(struct gup_req *req, int error)
{
	req->error = error;
	return GUP_ERROR;
}

/* Releases what the request got after a mark. */
static inline void gup_undo(struct gup_req *req, unsigned long mark)
{
	gup_sink_undo(&req->sink, mark, req->flags);
}

/* The fast functions of pages differ by their flags. */
static __always_inline enum gup_function gup_fast_function(unsigned int flags)
{
	if (flags & FOLL_PIN)
		return GUP_FN_PIN_FAST;
	return flags & FOLL_FAST_ONLY ? GUP_FN_GET_FAST_ONLY : GUP_FN_GET_FAST;
}

/* What the caller gets: how many pages, or why there is none. */
static inline long gup_result(const struct gup_req *req)
{
	return gup_sink_nr(&req->sink) ?: req->error;
}

static __always_inline struct gup_req gup_req_init(struct mm_struct *mm,
						   unsigned long start,
						   unsigned long nr_pages,
						   struct page **pages,
						   unsigned int flags)
{
	/* All members are named: nothing is cleared only to be set again. */
	return (struct gup_req) {
		.mm = mm,
		.start = start,
		.nr_pages = nr_pages,
		.flags = flags,
		.lock = GUP_LOCK_STAYS,
		.error = 0,
		.fast_stop = GUP_FAST_GO,
		.dropped_refs = 0,
		.dropped = NULL,
		.retry_addr = GUP_NO_ADDR,
		.longterm.unpinnable = false,
		.longterm.block = ULONG_MAX,
		.longterm.zone = 0,
		.sink = gup_sink_init(pages),
	};
}

/* What may be passed to the fast entry points. */
#define GUP_FAST_FLAGS	(FOLL_WRITE | FOLL_LONGTERM | FOLL_FORCE | FOLL_GET | \
			 FOLL_NOFAULT | FOLL_PCI_P2PDMA | FOLL_HONOR_NUMA_FAULT)

/* mm/gup.c */
long gup_run_slow(struct gup_req *req);

/* mm/gup_walk.c */
enum gup_outcome gup_walk_slow(struct gup_req *req, struct vm_area_struct *vma);

/* mm/gup_slow.c, mm/gup_nommu.c */
/* In the middle of a request that may. VMAs have to be looked up afresh. */
static inline void gup_drop_mmap_lock(struct gup_req *req)
{
	mmap_read_unlock(req->mm);
	req->lock = GUP_LOCK_NONE;
}

long gup_slow(struct gup_req *req);
long gup_slow_once(struct gup_req *req);
bool gup_slow_vma(struct gup_req *req, struct vm_area_struct *vma);

/* mm/gup_vma.c */
extern struct ratelimit_state gup_stack_warning;
int gup_check_vma(struct vm_area_struct *vma, unsigned int flags);
struct vm_area_struct *gup_find_vma(struct gup_req *req);
enum gup_outcome gup_gate_page(struct gup_req *req);

/* mm/gup_longterm.c */
extern unsigned long gup_busy_patience;
extern unsigned long gup_failed_patience;
long gup_slow_longterm(struct gup_req *req);

/* mm/gup_fast.c */
#ifdef CONFIG_HAVE_GUP_FAST
void gup_fast(struct gup_req *req);
bool gup_walk_fast(struct gup_req *req, unsigned long end);
void gup_fast_give_back(struct gup_req *req, unsigned long mark);
#else
static inline void gup_fast(struct gup_req *req)
{
}
#endif

/**
 * gup_grab_stable() - reference pages of a folio for a request
 * @req: The request. Its sink counts the pins.
 * @folio: A folio that cannot go away: the caller holds the page table lock of
 *	   an entry that maps it, or a reference.
 * @nr: Number of pages.
 * @flags: Those of the request, perhaps in part as constants. They say what a
 *	   reference is.
 * @ordinary: As for gup_ref_stable().
 *
 * Context: Any. Page table locks may be held.
 * Return: 0, -ENOMEM if the refcount has overflowed, -EREMOTEIO for PCI
 * peer-to-peer memory without FOLL_PCI_P2PDMA, or the error of
 * arch_make_folio_accessible(). On error there is no new reference.
 */
static __always_inline int gup_grab_stable(struct gup_req *req,
					   struct folio *folio, int nr,
					   const unsigned int flags,
					   const bool ordinary)
{
	int ret = gup_ref_stable(folio, nr, flags, ordinary);

	/* There is more to do for pins, but not of the zero page. */
	if (ret <= 0)
		return ret;
	gup_stat_add(&req->sink.acquired, folio_nid(folio), nr,
		     NR_FOLL_PIN_ACQUIRED);
	ret = arch_make_folio_accessible(folio);
	if (unlikely(ret)) {
		gup_unpin(folio, nr);
		return ret;
	}
	if ((flags & FOLL_LONGTERM) &&
	    unlikely(!gup_longterm_pinnable(&req->longterm, folio)))
		req->longterm.unpinnable = true;
	return 0;
}

#endif	/* _MM_GUP_INTERNAL_H */
