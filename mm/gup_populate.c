// SPDX-License-Identifier: GPL-2.0-only
/*
 * Callers of the slow path that want pages mapped, not referenced: mlock,
 * MAP_POPULATE and MADV_POPULATE.
 */
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/sched.h>
#include <linux/swap.h>

#include "gup_internal.h"
#include "gup_trace.h"

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
	gup_enter(&req, GUP_FN_POPULATE);
	ret = gup_leave(&req, GUP_FN_POPULATE, gup_slow_once(&req));
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

	gup_enter(&req, GUP_FN_POPULATE);
	ret = gup_leave(&req, GUP_FN_POPULATE, gup_slow(&req));
	gup_populate_end(&req, locked);
	return ret;
}

/**
 * struct gup_populate - progress of __mm_populate()
 * @mm: The address space.
 * @addr: The first address that has not been populated yet.
 * @end: End of the range.
 * @vma_end: End of what the VMA of @addr has of it, as it was last seen.
 * @retry_addr: As in struct gup_req.
 */
struct gup_populate {
	struct mm_struct *mm;
	unsigned long addr;
	unsigned long end;
	unsigned long vma_end;
	unsigned long retry_addr;
};

static unsigned long gup_nr_pages(unsigned long start, unsigned long end)
{
	return (end - start) >> PAGE_SHIFT;
}

/* Is the VMA skipped: for want of struct pages, or because it is locked on fault? */
static bool gup_left_alone(const struct vm_area_struct *vma)
{
	return vma->vm_flags & (VM_IO | VM_PFNMAP | VM_LOCKONFAULT);
}

/*
 * Goes on under the lock of one VMA. The lock is released. False if mmap_lock is
 * needed; then nothing has been done, or *@ret pages.
 */
static bool gup_populate_vma_locked(struct gup_populate *p,
				    struct vm_area_struct *vma, long *ret)
{
	struct gup_req req;
	bool enough;

	p->vma_end = min(p->end, vma->vm_end);
	if (gup_left_alone(vma)) {
		vma_end_read(vma);
		*ret = gup_nr_pages(p->addr, p->vma_end);
		return true;
	}
	req = gup_populate_req(p->mm, p->addr, p->vma_end,
			       gup_populate_flags(vma), NULL);
	req.lock = GUP_LOCK_NONE;
	req.retry_addr = p->retry_addr;
	gup_enter(&req, GUP_FN_POPULATE);
	enough = !gup_slow_vma(&req, vma);
	*ret = gup_leave(&req, GUP_FN_POPULATE, gup_result(&req));
	p->retry_addr = req.retry_addr;
	return enough || *ret;
}

/* The end of what is to be skipped from @p->addr on, of which @vma is the next VMA. */
static unsigned long gup_skip(const struct gup_populate *p,
			      const struct vm_area_struct *vma)
{
	if (!vma)
		return p->end;
	if (p->addr < vma->vm_start)
		return vma->vm_start;
	return gup_left_alone(vma) ? min(p->end, vma->vm_end) : p->addr;
}

/* Goes on under mmap_lock: over what is to be skipped, or in one page table. */
static long gup_populate_mmap_locked(struct gup_populate *p)
{
	struct vm_area_struct *vma;
	int locked = 1;
	long ret;

	mmap_read_lock(p->mm);
	vma = find_vma_intersection(p->mm, p->addr, p->end);
	ret = gup_nr_pages(p->addr, gup_skip(p, vma));
	if (!ret) {
		p->vma_end = min(p->end, vma->vm_end);
		ret = gup_populate_vma(vma, p->addr,
				       pmd_addr_end(p->addr, p->vma_end),
				       &locked, &p->retry_addr);
	}
	if (locked)
		mmap_read_unlock(p->mm);
	return ret;
}

/*
 * Goes on by a part of the range. Neither lock is held for longer than one page table,
 * and less if somebody waits for it. What the lock of a VMA is not enough for is done
 * under mmap_lock at once, so that nobody can keep this from getting on by changing
 * VMAs all the time.
 *
 * Returns how many pages that was, 0 if a fault has dropped the lock, or an errno.
 */
static long gup_populate_part(struct gup_populate *p)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(p->mm, p->addr);
	long ret;

	if (vma && gup_populate_vma_locked(p, vma, &ret))
		return ret;
	return gup_populate_mmap_locked(p);
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
	struct gup_populate p = {
		.mm = current->mm,
		.addr = start,
		.end = start + len,
		.retry_addr = GUP_NO_ADDR,
	};
	long ret = 0;

	might_lock_read(&p.mm->mmap_lock);
	while (p.addr < p.end) {
		ret = gup_populate_part(&p);
		if (ret < 0 && !ignore_errors)
			break;
		p.addr = ret < 0 ? p.vma_end : p.addr + ret * PAGE_SIZE;
		ret = 0;
	}
	lru_add_drain();
	return ret;
}
