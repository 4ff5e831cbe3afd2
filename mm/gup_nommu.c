// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slow path without an MMU: user addresses are kernel addresses, everything
 * is mapped, and nothing moves.
 */
#include <linux/mm.h>
#include <linux/mmap_lock.h>

#include "gup_internal.h"

static bool gup_nommu_permitted(const struct vm_area_struct *vma,
				unsigned int flags)
{
	vm_flags_t wanted = (flags & FOLL_WRITE) ? VM_WRITE : VM_READ;

	if (vma->vm_flags & (VM_IO | VM_PFNMAP))
		return false;
	if (flags & FOLL_FORCE)
		wanted = (flags & FOLL_WRITE) ? VM_MAYWRITE : VM_MAYREAD;
	return vma->vm_flags & wanted;
}

static void gup_nommu_take(struct gup_req *req)
{
	struct page *page = virt_to_page((void *)gup_addr(req));

	if (gup_grab_stable(req, page_folio(page), 1, req->flags, false))
		return;
	gup_sink_put(&req->sink, page, 1);
}

static void gup_nommu_walk(struct gup_req *req)
{
	unsigned long done;

	mmap_assert_locked(req->mm);
	do {
		struct vm_area_struct *vma = vma_lookup(req->mm, gup_addr(req));

		done = gup_sink_nr(&req->sink);
		if (vma && gup_nommu_permitted(vma, req->flags))
			gup_nommu_take(req);
	} while (gup_sink_nr(&req->sink) != done && !gup_done(req));
}

/**
 * gup_slow() - carry out a request
 * @req: The request. If its @lock says that mmap_lock is not held, it is taken
 *	 and dropped here.
 *
 * Context: May sleep.
 * Return: Number of pages in the sink; -EFAULT if there is none, -EAGAIN if a
 * fatal signal came before mmap_lock.
 */
long gup_slow(struct gup_req *req)
{
	const bool unlocked = req->lock == GUP_LOCK_NONE;

	if (unlocked && mmap_read_lock_killable(req->mm)) {
		req->error = -EAGAIN;
		return gup_result(req);
	}
	req->start &= PAGE_MASK;
	req->error = -EFAULT;
	gup_nommu_walk(req);
	if (unlocked)
		mmap_read_unlock(req->mm);
	gup_stat_flush(&req->sink.acquired, NR_FOLL_PIN_ACQUIRED);
	return gup_result(req);
}
