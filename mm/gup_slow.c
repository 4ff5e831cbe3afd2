// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slow path: walks and faults in turn until the request is done or something
 * is in the way for good. What takes mmap_lock or the lock of a VMA while a request
 * is carried out is here. Who makes several requests of one call, as __mm_populate(),
 * takes them in between.
 *
 * A request that comes without mmap_lock goes on under the lock of one VMA after the
 * other, and takes mmap_lock only for what that is not enough for. So it holds up
 * nobody who changes other VMAs.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/mmu_context.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "gup_internal.h"
#include "gup_owner.h"
#include "gup_trace.h"

static bool gup_may_drop_lock(const struct gup_req *req)
{
	return req->lock != GUP_LOCK_STAYS;
}

/* Is it worth while to go on without a lock? */
static bool gup_interrupted(const struct gup_req *req)
{
	return fatal_signal_pending(current) ||
	       ((req->flags & FOLL_INTERRUPTIBLE) && signal_pending(current));
}

static unsigned int gup_fault_flags(const struct gup_req *req, bool unshare)
{
	unsigned int fault = 0;

	if (req->flags & FOLL_WRITE)
		fault |= FAULT_FLAG_WRITE;
	if (req->flags & FOLL_REMOTE)
		fault |= FAULT_FLAG_REMOTE;
	if (gup_may_drop_lock(req)) {
		fault |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE;
		if (req->flags & FOLL_INTERRUPTIBLE)
			fault |= FAULT_FLAG_INTERRUPTIBLE;
	}
	if (req->flags & FOLL_NOWAIT)
		fault |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT;
	if (req->lock == GUP_LOCK_VMA)
		fault |= FAULT_FLAG_VMA_LOCK;
	if (gup_addr(req) == req->retry_addr)
		fault |= FAULT_FLAG_TRIED;
	if (unshare) {
		fault |= FAULT_FLAG_UNSHARE;
		/* A write would have broken COW anyway. */
		VM_WARN_ON_ONCE(fault & FAULT_FLAG_WRITE);
	}
	return fault;
}

/* The fault handler has dropped the lock at the next address. */
static enum gup_outcome gup_lock_dropped(struct gup_req *req)
{
	/* It must not, without FAULT_FLAG_ALLOW_RETRY: its caller relies on it. */
	if (WARN_ON_ONCE(!gup_may_drop_lock(req)))
		return gup_fail(req, -EFAULT);
	trace_gup_fault_unlock(gup_addr(req), req->lock == GUP_LOCK_VMA);
	req->lock = GUP_LOCK_NONE;
	req->retry_addr = gup_addr(req);
	return GUP_UNLOCKED;
}

static enum gup_outcome gup_no_vma_lock(const struct gup_req *req,
					enum gup_no_vma why)
{
	trace_gup_no_vma_lock(gup_addr(req), why);
	return GUP_NO_VMA_LOCK;
}

/*
 * The fault is to be taken again. Under the lock of a VMA that mostly means that it
 * needs mmap_lock, and has waited for nothing, so that it may wait there. One that has
 * waited, for userfaultfd or a locked page, may so do it once more; a major fault is
 * known to have waited. @retry_addr: as it was before this fault, so that one that has
 * been tried under mmap_lock is not taken for a new one there.
 */
static enum gup_outcome gup_fault_again(struct gup_req *req, vm_fault_t fault,
					unsigned long retry_addr)
{
	const bool vma_locked = req->lock == GUP_LOCK_VMA;
	enum gup_outcome outcome;

	if (req->flags & FOLL_NOWAIT)
		return GUP_BUSY;
	outcome = gup_lock_dropped(req);
	if (!vma_locked)
		return outcome;
	/* If it has waited, a signal may have ended that. */
	if (gup_interrupted(req))
		return gup_fail(req, -EINTR);
	if (!(fault & VM_FAULT_MAJOR))
		req->retry_addr = retry_addr;
	return gup_no_vma_lock(req, GUP_NO_VMA_FAULT);
}

/*
 * Resolves the fault at the next address, as far as that can be done without
 * giving up the lock.
 */
static enum gup_outcome gup_fault(struct gup_req *req,
				  struct vm_area_struct *vma, bool unshare)
{
	const unsigned int flags = gup_fault_flags(req, unshare);
	const unsigned long retry_addr = req->retry_addr;
	vm_fault_t fault;

	if (req->flags & FOLL_NOFAULT)
		return gup_fail(req, -EFAULT);

	fault = handle_mm_fault(vma, gup_addr(req), flags, NULL);
	gup_saw_fault(gup_addr(req), flags, fault);
	gup_longterm_forget(&req->longterm);
	/* FAULT_FLAG_TRIED is for the next fault of an address, not for all. */
	req->retry_addr = GUP_NO_ADDR;
	if (fault & VM_FAULT_COMPLETED)
		return gup_lock_dropped(req);
	if (fault & VM_FAULT_ERROR) {
		int error = vm_fault_to_errno(fault, req->flags);

		return gup_fail(req, error ?: -EFAULT);
	}
	if (fault & VM_FAULT_RETRY)
		return gup_fault_again(req, fault, retry_addr);
	return GUP_PROGRESS;
}

static enum gup_outcome gup_walk_or_fault(struct gup_req *req,
					  struct vm_area_struct *vma)
{
	enum gup_outcome outcome = gup_walk_slow(req, vma);

	if (outcome == GUP_NEED_FAULT)
		return gup_fault(req, vma, false);
	if (outcome == GUP_NEED_UNSHARE)
		return gup_fault(req, vma, true);
	return outcome;
}

/*
 * Under the lock of a VMA
 */

#ifdef CONFIG_PER_VMA_LOCK
/* Without mmap_lock, the mask of tag bits is stable for the current process only. */
static bool gup_untag_lockless(struct gup_req *req)
{
	unsigned long start = req->start;

	if (req->mm == current->mm)
		start = untagged_addr(start);
	else if (start >= TASK_SIZE_MAX)
		return false;
	req->start = start & PAGE_MASK;
	return true;
}

/*
 * Does somebody wait for the readers of a VMA to be through? He holds mmap_lock, so
 * everybody waits for him. Nothing depends on seeing it at once.
 */
static bool gup_vma_wanted(const struct vm_area_struct *vma)
{
	return refcount_read(&vma->vm_refcnt) & VM_REFCNT_EXCLUDE_READERS_FLAG;
}

/*
 * Goes on in one VMA, of which the read lock has been taken, up to @end, or until
 * somebody wants to change the VMA. The lock is released. Inlined, as memory of another
 * process that is there is taken like this, too.
 */
static __always_inline enum gup_outcome
gup_vma_step(struct gup_req *req, struct vm_area_struct *vma, unsigned long end)
{
	const unsigned long mark = gup_sink_nr(&req->sink);
	enum gup_outcome outcome = GUP_PROGRESS;

	req->lock = GUP_LOCK_VMA;
	trace_gup_lock(gup_addr(req), true);
	/* What is refused here is refused under mmap_lock, which tells the errno. */
	if (gup_check_vma(vma, req->flags))
		outcome = gup_no_vma_lock(req, GUP_NO_VMA_REFUSED);
	while (outcome == GUP_PROGRESS && !gup_done(req) && gup_addr(req) < end) {
		if (fatal_signal_pending(current)) {
			outcome = gup_fail(req, -EINTR);
			break;
		}
		cond_resched();
		outcome = gup_walk_or_fault(req, vma);
		/* Not before there is a page, which a fault alone does not give. */
		if (outcome == GUP_PROGRESS && gup_vma_wanted(vma) &&
		    gup_sink_nr(&req->sink) > mark) {
			trace_gup_give_way(gup_addr(req), true);
			outcome = GUP_UNLOCKED;
		}
	}
	if (req->lock == GUP_LOCK_VMA)
		vma_end_read(vma);
	req->lock = GUP_LOCK_NONE;
	return outcome;
}

/*
 * Goes on as long as the lock of a VMA is enough. It keeps away whoever changes or
 * unmaps the VMA, moves its page tables or copies them for fork(): they lock the VMA
 * for writing, and wait for its readers. See Documentation/mm/gup.rst for what may
 * happen all the same.
 */
static enum gup_outcome gup_vma_pass(struct gup_req *req)
{
	enum gup_outcome outcome = GUP_PROGRESS;
	struct vm_area_struct *vma;

	/* A fault that may not wait keeps the lock, which this lock cannot do. */
	if (req->flags & FOLL_NOWAIT)
		return gup_no_vma_lock(req, GUP_NO_VMA_NOWAIT);
	if (!gup_untag_lockless(req))
		return gup_no_vma_lock(req, GUP_NO_VMA_TAGGED);
	while (outcome == GUP_PROGRESS && !gup_done(req)) {
		vma = lock_vma_under_rcu(req->mm, gup_addr(req));
		if (!vma)
			return gup_no_vma_lock(req, GUP_NO_VMA_BUSY);
		outcome = gup_vma_step(req, vma, vma->vm_end);
	}
	return outcome;
}

/**
 * gup_slow_vma() - gup_slow(), but only under the lock of one VMA
 * @req: The request. mmap_lock is not held.
 * @vma: The VMA of its next address, locked for reading. The lock is released.
 *
 * For callers that choose by a VMA what to ask for. It ends with the page table, or
 * earlier if somebody waits for the VMA.
 *
 * Context: May sleep.
 * Return: True if the next address needs mmap_lock.
 */
bool gup_slow_vma(struct gup_req *req, struct vm_area_struct *vma)
{
	const unsigned long end = pmd_addr_end(gup_addr(req), vma->vm_end);

	return gup_vma_step(req, vma, end) == GUP_NO_VMA_LOCK;
}
#else
static enum gup_outcome gup_vma_pass(struct gup_req *req)
{
	return GUP_NO_VMA_LOCK;
}
#endif	/* CONFIG_PER_VMA_LOCK */

/*
 * Under mmap_lock
 */

/*
 * Lets those in who wait for mmap_lock. They may change any VMA. Not before there is a
 * page behind @mark, taken since the lock was: so no crowd of writers can starve it.
 */
static bool gup_give_way(struct gup_req *req, unsigned long mark)
{
	if (gup_sink_nr(&req->sink) == mark || !gup_may_drop_lock(req) ||
	    !mmap_lock_is_contended(req->mm))
		return false;
	/* It would have to wait for the lock. */
	if (req->flags & FOLL_NOWAIT)
		return false;
	trace_gup_give_way(gup_addr(req), false);
	gup_drop_mmap_lock(req);
	return true;
}

/*
 * Goes on with the request while mmap_lock stays held, so that a VMA found
 * stays valid until the request leaves it.
 */
static enum gup_outcome gup_locked_pass(struct gup_req *req)
{
	const unsigned long mark = gup_sink_nr(&req->sink);
	enum gup_outcome outcome = GUP_PROGRESS;
	struct vm_area_struct *vma = NULL;

	mmap_assert_locked(req->mm);
	/* The mask of tag bits is stable under the lock. */
	req->start = untagged_addr_remote(req->mm, req->start) & PAGE_MASK;
	while (outcome == GUP_PROGRESS && !gup_done(req)) {
		if (fatal_signal_pending(current))
			return gup_fail(req, -EINTR);
		cond_resched();

		if (!vma || gup_addr(req) >= vma->vm_end) {
			vma = gup_find_vma(req);
			if (IS_ERR(vma))
				return gup_fail(req, PTR_ERR(vma));
		}
		outcome = vma ? gup_walk_or_fault(req, vma) :
				gup_gate_page(req);
		if (outcome == GUP_PROGRESS && !gup_done(req) &&
		    gup_give_way(req, mark))
			return GUP_UNLOCKED;
	}
	return outcome;
}

/* Goes on without mmap_lock. @killed: errno if a fatal signal comes before the lock. */
static enum gup_outcome gup_unlocked_pass(struct gup_req *req, int killed)
{
	enum gup_outcome outcome = gup_vma_pass(req);

	if (outcome != GUP_NO_VMA_LOCK)
		return outcome;
	if (mmap_read_lock_killable(req->mm))
		return gup_fail(req, killed);
	gup_longterm_forget(&req->longterm);
	req->lock = GUP_LOCK_OURS;
	trace_gup_lock(gup_addr(req), false);
	return gup_locked_pass(req);
}

static long gup_slow_end(struct gup_req *req)
{
	if (req->lock == GUP_LOCK_OURS)
		gup_drop_mmap_lock(req);
	gup_stat_flush(&req->sink.acquired, NR_FOLL_PIN_ACQUIRED);
	/* Long-term pins may have to be given up: gup_slow_longterm() tells of them. */
	if (!(req->flags & FOLL_LONGTERM))
		gup_owner_pinned(&req->sink, req->flags);
	return gup_result(req);
}

/**
 * gup_slow() - carry out a request, faulting pages in
 * @req: The request. Its @lock says whether mmap_lock is held. If it is not, it
 *	 is taken here where the lock of a VMA is not enough. If it was taken or
 *	 dropped here, it is not held on return, and @lock is GUP_LOCK_NONE.
 *
 * Pages that are in the sink already are left alone and the request goes on
 * behind them.
 *
 * Context: May sleep.
 * Return: Number of pages in the sink; if there is none, a negative errno.
 * 0 is possible with FOLL_NOWAIT only. -EAGAIN if mmap_lock was to be taken and
 * a fatal signal came first.
 */
long gup_slow(struct gup_req *req)
{
	enum gup_outcome outcome;

	if (req->lock == GUP_LOCK_NONE)
		outcome = gup_unlocked_pass(req, -EAGAIN);
	else
		outcome = gup_locked_pass(req);
	while (outcome == GUP_UNLOCKED) {
		if (gup_interrupted(req))
			outcome = gup_fail(req, -EINTR);
		else
			outcome = gup_unlocked_pass(req, -EINTR);
	}
	return gup_slow_end(req);
}

/**
 * gup_slow_once() - gup_slow(), but only as long as mmap_lock stays held
 * @req: The request. mmap_lock is held; if it is dropped, @lock is GUP_LOCK_NONE
 *	 on return.
 *
 * For callers that choose by a VMA what to ask for, and have to choose again when
 * that may be gone.
 *
 * Context: May sleep.
 * Return: As gup_slow(), and 0 also if mmap_lock was dropped before there was any
 * page.
 */
long gup_slow_once(struct gup_req *req)
{
	gup_locked_pass(req);
	return gup_slow_end(req);
}

/*
 * A single fault
 */

/* Would an ordinary access of the kind in @fault_flags be allowed? */
static bool gup_fixup_allowed(struct vm_area_struct *vma,
			      unsigned int fault_flags)
{
	const bool write = fault_flags & FAULT_FLAG_WRITE;
	const bool foreign = fault_flags & FAULT_FLAG_REMOTE;

	if (!(vma->vm_flags & (write ? VM_WRITE : VM_READ)))
		return false;
	return arch_vma_access_permitted(vma, write, false, foreign);
}

/**
 * fixup_user_fault() - resolve one fault by hand
 * @mm: The address space.
 * @address: User address of the fault, in bytes; a tag is ignored.
 * @fault_flags: FAULT_FLAG_WRITE, FAULT_FLAG_REMOTE and other flags for
 *		 handle_mm_fault().
 * @unlocked: If not NULL, the fault may drop mmap_lock to wait, and this is set
 *	      to true if it did. VMAs have to be looked up afresh then.
 *
 * For callers that accessed user memory with page faults disabled, failed, and
 * want to try again. Unlike get_user_pages() it always calls the fault handler, so that
 * dirty and young are set where the hardware leaves that to software. By the
 * time it returns the page may be gone again: the access has to be repeated
 * until it succeeds.
 *
 * Context: mmap_lock held on entry and on return. May sleep.
 * Return: 0; -EFAULT if there is no VMA or it does not permit the access;
 * -EINTR on a fatal signal; -ENOMEM or -EFAULT as the fault failed.
 */
int fixup_user_fault(struct mm_struct *mm, unsigned long address,
		     unsigned int fault_flags, bool *unlocked)
{
	struct vm_area_struct *vma;
	vm_fault_t fault;

	mmap_assert_locked(mm);
	address = untagged_addr_remote(mm, address);
	if (unlocked)
		fault_flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE;

	for (;;) {
		vma = vma_lookup(mm, address);
		if (!vma || !gup_fixup_allowed(vma, fault_flags))
			return -EFAULT;
		if ((fault_flags & FAULT_FLAG_KILLABLE) &&
		    fatal_signal_pending(current))
			return -EINTR;

		fault = handle_mm_fault(vma, address, fault_flags, NULL);
		gup_saw_fault(address, fault_flags, fault);
		if (fault & VM_FAULT_ERROR)
			return vm_fault_to_errno(fault, 0) ?: -EFAULT;
		if (!(fault & (VM_FAULT_COMPLETED | VM_FAULT_RETRY)))
			return 0;

		/* As gup_lock_dropped() says. */
		if (WARN_ON_ONCE(!unlocked))
			return -EFAULT;
		*unlocked = true;
		mmap_read_lock(mm);
		if (fault & VM_FAULT_COMPLETED)
			return 0;
		fault_flags |= FAULT_FLAG_TRIED;
	}
}
EXPORT_SYMBOL_GPL(fixup_user_fault);
