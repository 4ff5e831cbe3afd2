// SPDX-License-Identifier: GPL-2.0-only
/*
 * get_user_pages: the entry points.
 *
 * This file is the index of the subsystem: it checks the arguments of each
 * public function, completes its flags, makes a request of them, and hands that
 * to the fast path, to the slow path, or to one after the other. How they work
 * is described in Documentation/mm/gup.rst; mm/gup_internal.h has the
 * vocabulary.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "gup_fail.h"
#include "gup_internal.h"
#include "gup_trace.h"

/*
 * Arguments
 */

/*
 * Do @flags make sense together, for an entry point that stands for @add? That is a
 * constant, so that little is left to look at.
 */
static __always_inline bool gup_flags_ok(unsigned int flags, unsigned int add,
					 struct page **pages)
{
	const unsigned int never_both = FOLL_LONGTERM | FOLL_PCI_P2PDMA;

	if (add & FOLL_PIN)
		return pages && !(flags & FOLL_GET) &&
		       (flags & never_both) != never_both;
	return !(flags & FOLL_LONGTERM) &&
	       (pages || !((flags | add) & FOLL_GET));
}

/*
 * Are these flags that an external caller may pass? Completes them by @add, what
 * the entry point stands for.
 */
static __always_inline bool gup_complete_flags(unsigned int *flags,
					       unsigned int add,
					       struct page **pages)
{
	if (WARN_ON_ONCE((*flags & INTERNAL_GUP_FLAGS) ||
			 !gup_flags_ok(*flags, add, pages)))
		return false;

	*flags |= add;
	if (pages && !(add & FOLL_PIN))
		*flags |= FOLL_GET;
	return true;
}

/* The slow path for a request whose flags are complete, with @req->lock as it is. */
long gup_run_slow(struct gup_req *req)
{
	if (gup_done(req))
		return gup_result(req);
	if (req->flags & FOLL_PIN)
		gup_set_has_pinned(req->mm);
	if (req->flags & FOLL_LONGTERM)
		return gup_slow_longterm(req);
	return gup_slow(req);
}

/*
 * gup_run_slow() for a public function. Not inlined, so that the events are in one place
 * and not in each of these functions.
 */
static noinline long gup_call(struct gup_req *req, enum gup_function function)
{
	gup_enter(req, function);
	return gup_leave(req, function, gup_run_slow(req));
}

/*
 * mmap_lock is held by the caller
 */

/**
 * get_user_pages() - reference user pages of the current process
 * @start: First user address, in bytes; need not be aligned.
 * @nr_pages: Number of pages.
 * @gup_flags: FOLL_* flags.
 * @pages: Where the pages go, to be released with put_page(). NULL to only
 *	   fault the range in.
 *
 * Context: mmap_lock held, and kept. May sleep.
 * Return: Number of pages, which may be fewer than asked for; 0 if none was
 * asked for. Negative errno if there is none: -EFAULT, -ENOMEM, -EHWPOISON with
 * FOLL_HWPOISON, -EINTR on a fatal signal, -EEXIST for memory without struct
 * page, -EOPNOTSUPP, -EREMOTEIO, -EINVAL for wrong flags.
 *
 * Behind the returned number @pages has what it had before, or NULL: never a
 * page without a reference. That holds for each function of this file.
 */
long get_user_pages(unsigned long start, unsigned long nr_pages,
		    unsigned int gup_flags, struct page **pages)
{
	struct gup_req req = gup_req_init(current->mm, start, nr_pages, pages,
					  gup_flags);

	if (!gup_complete_flags(&req.flags, FOLL_TOUCH, pages))
		return -EINVAL;
	return gup_call(&req, GUP_FN_GET);
}
EXPORT_SYMBOL(get_user_pages);

/**
 * pin_user_pages() - pin user pages of the current process
 * @start: First user address, in bytes; need not be aligned.
 * @nr_pages: Number of pages.
 * @gup_flags: FOLL_* flags; FOLL_LONGTERM if the pins may stay for long.
 * @pages: Where the pages go, to be released with unpin_user_page() or a
 *	   relative of it.
 *
 * Context: mmap_lock held, and kept. May sleep.
 * Return: As get_user_pages(). With FOLL_LONGTERM also -ENOMEM or -EBUSY for
 * pages that could not be moved to where they may stay pinned.
 */
long pin_user_pages(unsigned long start, unsigned long nr_pages,
		    unsigned int gup_flags, struct page **pages)
{
	struct gup_req req = gup_req_init(current->mm, start, nr_pages, pages,
					  gup_flags);

	if (!gup_complete_flags(&req.flags, FOLL_PIN, pages))
		return -EINVAL;
	return gup_call(&req, GUP_FN_PIN);
}
EXPORT_SYMBOL(pin_user_pages);

/* @locked as the remote entry points have it. */
static long gup_call_remote(struct gup_req *req, enum gup_function function,
			    int *locked)
{
	long ret;

	if (WARN_ON_ONCE(locked && *locked != 1))
		return -EINVAL;
	if (locked)
		req->lock = GUP_LOCK_MAY_DROP;
	ret = gup_call(req, function);
	if (req->lock == GUP_LOCK_NONE)
		*locked = 0;
	return ret;
}

/**
 * get_user_pages_remote() - reference user pages of another process
 * @mm: The address space.
 * @start: First user address, in bytes; need not be aligned.
 * @nr_pages: Number of pages.
 * @gup_flags: FOLL_* flags.
 * @pages: Where the pages go, to be released with put_page(). NULL to only
 *	   fault the range in.
 * @locked: If not NULL it points at 1, and mmap_lock may be dropped to wait for
 *	    a page; then it is not held on return and this points at 0.
 *
 * Protection keys of the calling thread do not apply. The caller has checked
 * that it may access @mm.
 *
 * Context: mmap_lock of @mm held. May sleep.
 * Return: As get_user_pages(); with @locked and FOLL_INTERRUPTIBLE any signal
 * may end it with -EINTR. 0 without an MMU.
 */
long get_user_pages_remote(struct mm_struct *mm, unsigned long start,
			   unsigned long nr_pages, unsigned int gup_flags,
			   struct page **pages, int *locked)
{
	struct gup_req req = gup_req_init(mm, start, nr_pages, pages,
					  gup_flags);

	if (!IS_ENABLED(CONFIG_MMU))
		return 0;
	if (!gup_complete_flags(&req.flags, FOLL_TOUCH | FOLL_REMOTE, pages))
		return -EINVAL;
	return gup_call_remote(&req, GUP_FN_GET_REMOTE, locked);
}
EXPORT_SYMBOL(get_user_pages_remote);

/**
 * pin_user_pages_remote() - pin user pages of another process
 * @mm: The address space.
 * @start: First user address, in bytes; need not be aligned.
 * @nr_pages: Number of pages.
 * @gup_flags: FOLL_* flags.
 * @pages: Where the pages go, to be released with unpin_user_page() or a
 *	   relative of it.
 * @locked: As for get_user_pages_remote().
 *
 * Context: mmap_lock of @mm held. May sleep.
 * Return: As get_user_pages_remote() and pin_user_pages().
 */
long pin_user_pages_remote(struct mm_struct *mm, unsigned long start,
			   unsigned long nr_pages, unsigned int gup_flags,
			   struct page **pages, int *locked)
{
	struct gup_req req = gup_req_init(mm, start, nr_pages, pages,
					  gup_flags);

	if (!gup_complete_flags(&req.flags, FOLL_PIN | FOLL_TOUCH | FOLL_REMOTE,
				pages))
		return -EINVAL;
	return gup_call_remote(&req, GUP_FN_PIN_REMOTE, locked);
}
EXPORT_SYMBOL(pin_user_pages_remote);

/*
 * mmap_lock is taken inside
 */

/* The request comes without mmap_lock, which is taken and dropped where it is needed. */
static void gup_without_lock(struct gup_req *req)
{
	/* Mostly it is not, so that lockdep would not see who must not call this. */
	might_lock_read(&req->mm->mmap_lock);
	req->lock = GUP_LOCK_NONE;
}

static long gup_call_unlocked(struct gup_req *req, enum gup_function function)
{
	gup_without_lock(req);
	return gup_call(req, function);
}

/**
 * get_user_pages_unlocked() - reference user pages, taking mmap_lock
 * @start: First user address, in bytes; need not be aligned.
 * @nr_pages: Number of pages.
 * @pages: Where the pages go, to be released with put_page(). NULL to only
 *	   fault the range in.
 * @gup_flags: FOLL_* flags.
 *
 * Context: mmap_lock not held. May sleep.
 * Return: As get_user_pages(). -EAGAIN if a fatal signal came before mmap_lock.
 */
long get_user_pages_unlocked(unsigned long start, unsigned long nr_pages,
			     struct page **pages, unsigned int gup_flags)
{
	struct gup_req req = gup_req_init(current->mm, start, nr_pages, pages,
					  gup_flags);

	if (!gup_complete_flags(&req.flags, FOLL_TOUCH, pages))
		return -EINVAL;
	return gup_call_unlocked(&req, GUP_FN_GET_UNLOCKED);
}
EXPORT_SYMBOL(get_user_pages_unlocked);

/**
 * pin_user_pages_unlocked() - pin user pages, taking mmap_lock
 * @start: First user address, in bytes; need not be aligned.
 * @nr_pages: Number of pages.
 * @pages: Where the pages go, to be released with unpin_user_page() or a
 *	   relative of it.
 * @gup_flags: FOLL_* flags.
 *
 * Context: mmap_lock not held. May sleep.
 * Return: As pin_user_pages(). -EAGAIN if a fatal signal came before mmap_lock.
 */
long pin_user_pages_unlocked(unsigned long start, unsigned long nr_pages,
			     struct page **pages, unsigned int gup_flags)
{
	struct gup_req req = gup_req_init(current->mm, start, nr_pages, pages,
					  gup_flags);

	if (!gup_complete_flags(&req.flags, FOLL_PIN | FOLL_TOUCH, pages))
		return -EINVAL;
	return gup_call_unlocked(&req, GUP_FN_PIN_UNLOCKED);
}
EXPORT_SYMBOL(pin_user_pages_unlocked);

/**
 * get_user_pages_remote_unlocked() - reference pages of another process, unlocked
 * @mm: The address space, of which the caller holds a reference.
 * @start: First user address, in bytes; need not be aligned.
 * @nr_pages: Number of pages.
 * @gup_flags: FOLL_* flags.
 * @pages: Where the pages go, to be released with put_page(). NULL to only
 *	   fault the range in.
 *
 * For callers that would take mmap_lock for get_user_pages_remote() only: mostly the
 * lock of a VMA is enough.
 *
 * Context: mmap_lock of @mm not held. May sleep.
 * Return: As get_user_pages_remote(). -EAGAIN if a fatal signal came before mmap_lock.
 */
long get_user_pages_remote_unlocked(struct mm_struct *mm, unsigned long start,
				    unsigned long nr_pages,
				    unsigned int gup_flags, struct page **pages)
{
	struct gup_req req = gup_req_init(mm, start, nr_pages, pages,
					  gup_flags);

	if (!IS_ENABLED(CONFIG_MMU))
		return 0;
	if (!gup_complete_flags(&req.flags, FOLL_TOUCH | FOLL_REMOTE, pages))
		return -EINVAL;
	return gup_call_unlocked(&req, GUP_FN_GET_REMOTE_UNLOCKED);
}
EXPORT_SYMBOL_GPL(get_user_pages_remote_unlocked);

/**
 * pin_user_pages_remote_unlocked() - pin pages of another process, unlocked
 * @mm: The address space, of which the caller holds a reference.
 * @start: First user address, in bytes; need not be aligned.
 * @nr_pages: Number of pages.
 * @gup_flags: FOLL_* flags.
 * @pages: Where the pages go, to be released with unpin_user_page() or a
 *	   relative of it.
 *
 * As get_user_pages_remote_unlocked().
 *
 * Context: mmap_lock of @mm not held. May sleep.
 * Return: As pin_user_pages_remote(). -EAGAIN if a fatal signal came before mmap_lock.
 */
long pin_user_pages_remote_unlocked(struct mm_struct *mm, unsigned long start,
				    unsigned long nr_pages,
				    unsigned int gup_flags, struct page **pages)
{
	struct gup_req req = gup_req_init(mm, start, nr_pages, pages,
					  gup_flags);

	if (!gup_complete_flags(&req.flags, FOLL_PIN | FOLL_TOUCH | FOLL_REMOTE,
				pages))
		return -EINVAL;
	return gup_call_unlocked(&req, GUP_FN_PIN_REMOTE_UNLOCKED);
}
EXPORT_SYMBOL_GPL(pin_user_pages_remote_unlocked);

/*
 * The fast path first
 */

/* For arguments that have been found good. */
static int gup_run_fast(unsigned long start, int nr_pages, unsigned int flags,
			struct page **pages)
{
	struct gup_req req = gup_req_init(current->mm, start, nr_pages, pages,
					  flags);
	unsigned long taken;

	if (!(flags & FOLL_FAST_ONLY))
		might_lock_read(&current->mm->mmap_lock);
	if (flags & FOLL_PIN)
		gup_set_has_pinned(current->mm);

	gup_fast(&req);
	taken = gup_sink_nr(&req.sink);
	count_vm_events(GUP_FAST_PAGES, taken);
	/* Not @flags: a register kept over the call would cost every caller. */
	if (likely(taken >= req.nr_pages) || (req.flags & FOLL_FAST_ONLY))
		return gup_fail_fast_call(&req, taken);
	count_vm_event(GUP_FAST_FALLBACK);
	req.flags |= FOLL_TOUCH;
	gup_without_lock(&req);
	return gup_fail_fast_call(&req, gup_run_slow(&req));
}

/* Around gup_run_fast(), as it would have registers to save for an event in it. */
static noinline int gup_trace_fast(unsigned long start, int nr_pages,
				   unsigned int flags, struct page **pages)
{
	const enum gup_function function = gup_fast_function(flags);
	int ret;

	trace_gup_begin(function, start, nr_pages, flags);
	ret = gup_run_fast(start, nr_pages, flags, pages);
	trace_gup_end(function, start, ret);
	return ret;
}

/*
 * Checks the arguments of a fast entry point. @add: what that stands for, a
 * constant, so that most of this folds away.
 */
static __always_inline int gup_fast_call(unsigned long start, int nr_pages,
					 unsigned int flags, unsigned int add,
					 struct page **pages)
{
	unsigned long end;

	if (WARN_ON_ONCE(flags & ~GUP_FAST_FLAGS) ||
	    WARN_ON_ONCE(!gup_flags_ok(flags, add, pages)))
		return -EINVAL;
	if (nr_pages <= 0)
		return 0;

	start = untagged_addr(start) & PAGE_MASK;
	if ((unsigned long)nr_pages > ULONG_MAX >> PAGE_SHIFT ||
	    check_add_overflow(start, (unsigned long)nr_pages << PAGE_SHIFT,
			       &end))
		return -EOVERFLOW;
	if (end > TASK_SIZE_MAX)
		return -EFAULT;
	if (trace_gup_begin_enabled() || trace_gup_end_enabled())
		return gup_trace_fast(start, nr_pages, flags | add, pages);
	return gup_run_fast(start, nr_pages, flags | add, pages);
}

/**
 * get_user_pages_fast_only() - reference user pages if no lock is needed
 * @start: First user address, in bytes; need not be aligned.
 * @nr_pages: Number of pages. 0 or below: nothing is done.
 * @gup_flags: FOLL_* flags.
 * @pages: Where the pages go, to be released with put_page().
 *
 * Context: Any, NMI included, with interrupts on or off. Does not sleep.
 * Return: Number of pages, 0 included. -EINVAL for wrong flags, -EOVERFLOW or
 * -EFAULT for a range that is no user memory. Behind that number @pages has what
 * it had before, or NULL.
 */
int get_user_pages_fast_only(unsigned long start, int nr_pages,
			     unsigned int gup_flags, struct page **pages)
{
	return gup_fast_call(start, nr_pages, gup_flags,
			     FOLL_GET | FOLL_FAST_ONLY, pages);
}
EXPORT_SYMBOL_GPL(get_user_pages_fast_only);

/**
 * get_user_pages_fast() - reference user pages of the current process
 * @start: First user address, in bytes; need not be aligned.
 * @nr_pages: Number of pages. 0 or below: nothing is done.
 * @gup_flags: FOLL_* flags.
 * @pages: Where the pages go, to be released with put_page().
 *
 * Context: mmap_lock not held. May sleep.
 * Return: Number of pages, which may be fewer than asked for; 0 if none was
 * asked for. Negative errno if there is none: those of
 * get_user_pages_unlocked(), -EOVERFLOW if the range wraps around, -EFAULT if
 * it reaches beyond user addresses. Behind the returned number @pages has what
 * it had before, or NULL.
 */
int get_user_pages_fast(unsigned long start, int nr_pages,
			unsigned int gup_flags, struct page **pages)
{
	return gup_fast_call(start, nr_pages, gup_flags, FOLL_GET, pages);
}
EXPORT_SYMBOL_GPL(get_user_pages_fast);

/**
 * pin_user_pages_fast() - pin user pages of the current process
 * @start: First user address, in bytes; need not be aligned.
 * @nr_pages: Number of pages. 0 or below: nothing is done.
 * @gup_flags: FOLL_* flags; FOLL_LONGTERM if the pins may stay for long.
 * @pages: Where the pages go, to be released with unpin_user_page() or a
 *	   relative of it.
 *
 * Context: mmap_lock not held. May sleep.
 * Return: As get_user_pages_fast() and pin_user_pages_unlocked().
 */
int pin_user_pages_fast(unsigned long start, int nr_pages,
			unsigned int gup_flags, struct page **pages)
{
	return gup_fast_call(start, nr_pages, gup_flags, FOLL_PIN, pages);
}
EXPORT_SYMBOL_GPL(pin_user_pages_fast);

#ifdef CONFIG_ELF_CORE
/**
 * get_dump_page() - reference a page for a core dump
 * @addr: User address, in bytes.
 * @locked: Points at 1 if mmap_lock is held. If it points at 0 the lock is taken;
 *	    if the lock was taken or dropped it is not held on return and this
 *	    points at 0.
 *
 * Context: May sleep.
 * Return: The page, to be released with put_page(). NULL if there is none to
 * be dumped: nothing mapped, the zero page, a hole that would read as zeroes,
 * or an error.
 */
struct page *get_dump_page(unsigned long addr, int *locked)
{
	struct page *page;
	struct gup_req req = gup_req_init(current->mm, addr, 1, &page,
					  FOLL_FORCE | FOLL_DUMP | FOLL_GET);

	if (!*locked)
		req.lock = GUP_LOCK_NONE;
	gup_enter(&req, GUP_FN_DUMP);
	return gup_leave(&req, GUP_FN_DUMP, gup_slow(&req)) == 1 ? page : NULL;
}
#endif
