// SPDX-License-Identifier: GPL-2.0-only
/*
 * Callers of the slow path that want pages mapped, not referenced: mlock,
 * MAP_POPULATE and MADV_POPULATE.
 */
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/sched.h>
#include <linux/swap.h>

#include "gup_fail.h"
#include "gup_internal.h"

/*
 * COW is broken where it would be at the first write anyway. Shared pages are
 * not: they would become dirty for nothing. Memory the user may not read is
 * populated all the same, so that mlock() succeeds on whatever is accessible.
 */
static unsigned int gup_populate_flags(const struct vm_area_struct *vma)
{
	if ((vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
		return FOLL_TOUCH | FOLL_WRITE;
	if (vma_is_accessible(vma))
		return FOLL_TOUCH | FOLL_FORCE;
	return FOLL_TOUCH;
}

static struct gup_req gup_populate_req(struct mm_struct *mm, unsigned long start,
				       unsigned long end, unsigned int flags,
				       const int *locked)
{
	struct gup_req req = gup_req_init(mm, start, (end - start) >> PAGE_SHIFT,
					  NULL, flags);

	if (locked)
		req.lock = GUP_LOCK_MAY_DROP;
	return req;
}

/*
 * Pages that have just been faulted in are in a batch of this CPU, which hides
 * them from reclaim and migration on others, and from the count of mlocked ones.
 */
static void gup_populate_end(const struct gup_req *req, int *locked)
{
	if (req->lock == GUP_LOCK_NONE)
		*locked = 0;
	lru_add_drain();
}

/*
 * populate_vma_page_range(). @retry_addr: where the fault before this call has
 * dropped mmap_lock, and where one of this call does, or GUP_NO_ADDR.
 */
static long gup_populate_vma(struct vm_area_struct *vma, unsigned long start,
			     unsigned long end, int *locked,
			     unsigned long *retry_addr)
{
	struct gup_req req = gup_populate_req(vma->vm_mm, start, end,
					      gup_populate_flags(vma), locked);
	long ret;

	VM_WARN_ON_ONCE(!PAGE_ALIGNED(start) || !PAGE_ALIGNED(end));
	VM_WARN_ON_ONCE_VMA(start < vma->vm_start || end > vma->vm_end, vma);
	mmap_assert_locked(vma->vm_mm);

	if (vma->vm_flags & VM_LOCKONFAULT)
		return req.nr_pages;
	req.retry_addr = *retry_addr;
	ret = gup_fail_call(&req, GUP_FAIL_POPULATE, gup_slow_once(&req));
	*retry_addr = req.retry_addr;
	gup_populate_end(&req, locked);
	return ret;
}

/**
 * populate_vma_page_range() - fault in a range of one VMA
 * @vma: The VMA.
 * @start: First user address, page aligned.
 * @end: End of the range, page aligned, not above the end of @vma.
 * @locked: If not NULL it points at 1, and mmap_lock may be dropped; then it is
 *	    not held on return, this points at 0, and @vma may be gone.
 *
 * Context: mmap_lock held. May sleep.
 * Return: Number of pages, which may be fewer than the range has, or a negative
 * errno, see get_user_pages(). It ends where mmap_lock was dropped, perhaps at
 * 0: what @vma said may not hold any more. A VMA that is locked on fault only
 * counts as populated.
 */
long populate_vma_page_range(struct vm_area_struct *vma, unsigned long start,
			     unsigned long end, int *locked)
{
	unsigned long retry_addr = GUP_NO_ADDR;

	return gup_populate_vma(vma, start, end, locked, &retry_addr);
}

/**
 * faultin_page_range() - fault in a range for reading or writing
 * @mm: The address space.
 * @start: First user address, page aligned.
 * @end: End of the range, page aligned.
 * @write: Fault in for writing. It breaks COW and makes pages dirty.
 * @locked: Points at 1. mmap_lock may be dropped; then it is not held on return
 *	    and this points at 0.
 *
 * Context: mmap_lock held. May sleep.
 * Return: Number of pages, at least 1 and perhaps fewer than the range has.
 * -ENOMEM if there is no VMA, or no memory; -EINVAL if the VMA does not permit
 * the access; -EFAULT; -EHWPOISON; -EINTR on a fatal signal.
 */
long faultin_page_range(struct mm_struct *mm, unsigned long start,
			unsigned long end, bool write, int *locked)
{
	const unsigned int flags = FOLL_TOUCH | FOLL_HWPOISON |
				   FOLL_MADV_POPULATE |
				   (write ? FOLL_WRITE : 0);
	struct gup_req req = gup_populate_req(mm, start, end, flags, locked);
	long ret;

	VM_WARN_ON_ONCE(!PAGE_ALIGNED(start) || !PAGE_ALIGNED(end));
	mmap_assert_locked(mm);

	ret = gup_fail_call(&req, GUP_FAIL_POPULATE, gup_slow(&req));
	gup_populate_end(&req, locked);
	return ret;
}

/*
 * The part of [start, end) that the next VMA worth populating covers: looked up
 * each time, as it may have changed while mmap_lock was dropped.
 */
static struct vm_area_struct *gup_next_populated(struct mm_struct *mm,
						 unsigned long *start,
						 unsigned long *end)
{
	struct vm_area_struct *vma = find_vma_intersection(mm, *start, *end);

	while (vma && (vma->vm_flags & (VM_IO | VM_PFNMAP)))
		vma = find_vma_intersection(mm, vma->vm_end, *end);
	if (!vma)
		return NULL;
	*start = max(*start, vma->vm_start);
	*end = min(*end, vma->vm_end);
	return vma;
}

/**
 * __mm_populate() - fault in a range of the current process's memory
 * @start: First user address, page aligned.
 * @len: Length in bytes, a multiple of the page size.
 * @ignore_errors: Go on with the next VMA where one cannot be populated.
 *
 * Gaps, and VMAs without struct pages, are skipped. The mapping may change
 * meanwhile: what is there when its turn comes is populated.
 *
 * Context: mmap_lock not held. May sleep.
 * Return: 0, or the negative errno of the first failure if @ignore_errors is 0.
 */
int __mm_populate(unsigned long start, unsigned long len, int ignore_errors)
{
	struct mm_struct *mm = current->mm;
	const unsigned long end = start + len;
	unsigned long retry_addr = GUP_NO_ADDR;
	int locked = 0;
	long ret = 0;

	while (start < end) {
		unsigned long vma_end = end;
		struct vm_area_struct *vma;

		if (!locked) {
			mmap_read_lock(mm);
			locked = 1;
		}
		vma = gup_next_populated(mm, &start, &vma_end);
		if (!vma)
			break;
		ret = gup_populate_vma(vma, start, vma_end, &locked,
				       &retry_addr);
		if (ret < 0 && !ignore_errors)
			break;
		start = ret < 0 ? vma_end : start + ret * PAGE_SIZE;
		ret = 0;
	}
	if (locked)
		mmap_read_unlock(mm);
	return ret;
}
