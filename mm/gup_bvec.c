// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins of user memory as ranges: one entry for each physical run of a folio, not
 * one for each page.
 *
 * What the current process has mapped is taken by the fast path, straight into the
 * entries. The slow path fills an array of pages, about those of a page table, in
 * entries that are not in use yet. They are then made into entries, and the fast path
 * goes on.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/user_bvecs.h>

#include "gup_internal.h"
#include "gup_owner.h"
#include "gup_trace.h"

/* So many pages are taken before signals are looked at, and the scheduler is. */
#define GUP_BVEC_PART	(SZ_1G >> PAGE_SHIFT)

/* So many are taken by the slow path before the fast path is asked again. */
#define GUP_BVEC_SLOW	(SZ_2M >> PAGE_SHIFT)

/* What may be passed: ranges are of pins. */
#define GUP_BVEC_FLAGS	(GUP_FAST_FLAGS & ~FOLL_GET)

/* Takes what can be had without a lock. Returns false if there is no room for more. */
static bool gup_bvec_fast(struct gup_req *req)
{
	const unsigned long mark = gup_sink_nr(&req->sink);

	/* It walks the tables of the current process. */
	if (req->flags & FOLL_REMOTE)
		return true;
	req->fast_stop = GUP_FAST_GO;
	gup_fast(req);
	count_vm_events(GUP_FAST_PAGES, gup_sink_nr(&req->sink) - mark);
	return req->fast_stop != GUP_FAST_FULL;
}

/*
 * Takes the next pages by the slow path. Returns true if it has taken all that it
 * wanted, so that nothing is known to be in the way.
 */
static bool gup_bvec_slow(struct gup_req *req)
{
	struct gup_sink *sink = &req->sink;
	const unsigned long left = req->nr_pages - gup_sink_nr(sink);
	const long nr = gup_sink_limit(sink, min(left, GUP_BVEC_SLOW));
	struct page **pages = gup_room_array(gup_sink_room(sink, nr), nr);
	struct gup_req part = gup_req_init(req->mm, gup_addr(req), nr, pages,
					   req->flags | FOLL_TOUCH);
	long ret;

	if (!(req->flags & FOLL_REMOTE))
		count_vm_event(GUP_FAST_FALLBACK);
	part.lock = req->lock;
	ret = gup_run_slow(&part);
	req->lock = part.lock;
	if (ret > 0)
		gup_sink_commit(sink, -nr, ret - nr);
	else
		req->error = ret;
	return nr && ret == nr;
}

/* Takes pages up to @req->nr_pages. Returns true if it has, and may go on. */
static bool gup_bvec_part(struct gup_req *req)
{
	do {
		if (!gup_bvec_fast(req))
			return false;
	} while (!gup_done(req) && gup_bvec_slow(req) && !gup_done(req));
	return gup_done(req);
}

/* Takes pages as long as nothing is in the way. Returns how many, or an error. */
static long gup_run_bvecs(struct gup_req *req, unsigned long nr_pages)
{
	req->nr_pages = min(nr_pages, GUP_BVEC_PART);
	while (gup_bvec_part(req) && req->nr_pages < nr_pages &&
	       !fatal_signal_pending(current)) {
		cond_resched();
		req->nr_pages = min(nr_pages, req->nr_pages + GUP_BVEC_PART);
	}
	gup_owner_pinned(&req->sink, req->flags);
	return gup_result(req);
}

/*
 * The request was of whole pages, @got bytes: cuts what is before @start and behind
 * its end off the first and the last entry that it has made. There are @nr_bvecs now.
 * Returns how many bytes are left.
 */
static size_t gup_bvec_cut(struct user_bvecs *to, unsigned int nr_bvecs,
			   size_t got, unsigned long start, size_t len)
{
	const unsigned long before = offset_in_page(start);

	/* What begins within a page has not extended an entry. */
	if (before) {
		to->bvecs[to->nr].bv_offset += before;
		to->bvecs[to->nr].bv_len -= before;
	}
	to->nr = nr_bvecs;
	got -= before;
	if (got > len)
		to->bvecs[to->nr - 1].bv_len -= got - len;
	return min(got, len);
}

static enum gup_function gup_bvec_function(const struct gup_req *req)
{
	return req->flags & FOLL_REMOTE ? GUP_FN_PIN_BVECS_REMOTE :
					  GUP_FN_PIN_BVECS;
}

/* @start and @len have been found good, and the flags of @req. */
static ssize_t gup_pin_bvecs(struct gup_req *req, unsigned long start,
			     size_t len, struct user_bvecs *to)
{
	struct gup_ranges ranges = {
		.bvecs = to->bvecs,
		.nr = to->nr,
		.max = to->max,
		.max_pages = (to->max_bytes ?: UINT_MAX) >> PAGE_SHIFT,
		/* What begins within a page does not extend an entry. */
		.own = to->nr - (to->nr && PAGE_ALIGNED(start)),
	};
	const unsigned long nr_pages =
		DIV_ROUND_UP(offset_in_page(start) + len, PAGE_SIZE);
	long ret;

	req->sink = gup_sink_init_ranges(&ranges);
	gup_set_has_pinned(req->mm);
	trace_gup_begin(gup_bvec_function(req), req->start, nr_pages,
			req->flags);
	ret = gup_leave(req, gup_bvec_function(req),
			gup_run_bvecs(req, nr_pages));
	if (ret <= 0)
		return ret;
	return gup_bvec_cut(to, ranges.nr, ret << PAGE_SHIFT, start, len);
}

/* Are these arguments that may be passed? @wrong_flags are those that may not. */
static bool gup_bvec_args_ok(unsigned int gup_flags, unsigned int wrong_flags,
			     const struct user_bvecs *to)
{
	const unsigned int both = FOLL_LONGTERM | FOLL_PCI_P2PDMA;

	return !WARN_ON_ONCE(gup_flags & wrong_flags) &&
	       !WARN_ON_ONCE((gup_flags & both) == both) &&
	       !WARN_ON_ONCE(to->nr > to->max ||
			     !IS_ALIGNED(to->max_bytes, PAGE_SIZE));
}

/**
 * pin_user_bvecs_fast() - pin user memory of the current process as ranges
 * @start: First user address, in bytes; need not be aligned.
 * @len: Number of bytes.
 * @gup_flags: FOLL_* flags; FOLL_LONGTERM if the pins may stay for long.
 * @to: Where the ranges go.
 *
 * Each entry is one physical run of bytes in one folio, so unpin_user_bvecs()
 * updates the references of that folio once. If the range begins where the last entry
 * ends that is there already, with a page of the same folio, that entry is extended.
 * Who goes on within a page pins it again. Entries that are there must be of pins, too.
 *
 * If there are not enough entries, on a fatal signal, or if something is in the way,
 * fewer bytes than asked for are pinned: up to the end of a page. What is behind
 * @to->nr in the array may be used as scratch space.
 *
 * Context: mmap_lock not held. May sleep.
 * Return: Number of bytes pinned. 0 if none was asked for, or there is no room for
 * the first. Negative errno if there is none: those of pin_user_pages_fast().
 */
ssize_t pin_user_bvecs_fast(unsigned long start, size_t len,
			    unsigned int gup_flags, struct user_bvecs *to)
{
	struct gup_req req;
	unsigned long end;

	if (!gup_bvec_args_ok(gup_flags, ~GUP_BVEC_FLAGS, to))
		return -EINVAL;
	if (!len)
		return 0;

	start = untagged_addr(start);
	if (check_add_overflow(start, len, &end) || len > SSIZE_MAX)
		return -EOVERFLOW;
	if (end > TASK_SIZE_MAX)
		return -EFAULT;
	might_lock_read(&current->mm->mmap_lock);
	req = gup_req_init(current->mm, start & PAGE_MASK, 0, NULL,
			   gup_flags | FOLL_PIN);
	req.lock = GUP_LOCK_NONE;
	return gup_pin_bvecs(&req, start, len, to);
}
EXPORT_SYMBOL_GPL(pin_user_bvecs_fast);

/**
 * pin_user_bvecs_remote() - pin user memory of another process as ranges
 * @mm: The address space.
 * @start: First user address, in bytes; need not be aligned.
 * @len: Number of bytes.
 * @gup_flags: FOLL_* flags; FOLL_LONGTERM if the pins may stay for long.
 * @to: Where the ranges go, as for pin_user_bvecs_fast().
 * @locked: As for pin_user_pages_remote().
 *
 * Context: mmap_lock of @mm held. May sleep.
 * Return: Number of bytes pinned. 0 if none was asked for, there is no room for the
 * first, or FOLL_NOWAIT would have had to wait for it. Negative errno if there is none:
 * those of pin_user_pages_remote(), -EOVERFLOW if the range wraps around.
 */
ssize_t pin_user_bvecs_remote(struct mm_struct *mm, unsigned long start,
			      size_t len, unsigned int gup_flags,
			      struct user_bvecs *to, int *locked)
{
	struct gup_req req;
	unsigned long end;
	ssize_t ret;

	if (!gup_bvec_args_ok(gup_flags, INTERNAL_GUP_FLAGS | FOLL_GET, to) ||
	    WARN_ON_ONCE(locked && *locked != 1))
		return -EINVAL;
	if (!len)
		return 0;
	if (check_add_overflow(start, len, &end) || len > SSIZE_MAX)
		return -EOVERFLOW;

	req = gup_req_init(mm, start & PAGE_MASK, 0, NULL,
			   gup_flags | FOLL_PIN | FOLL_REMOTE);
	if (locked)
		req.lock = GUP_LOCK_MAY_DROP;
	ret = gup_pin_bvecs(&req, start, len, to);
	if (req.lock == GUP_LOCK_NONE)
		*locked = 0;
	return ret;
}
EXPORT_SYMBOL_GPL(pin_user_bvecs_remote);
