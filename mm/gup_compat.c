// SPDX-License-Identifier: GPL-2.0-only
/*
 * get_user_pages as older kernels had it, see <linux/gup_compat.h>. Their
 * interfaces differ in arguments and in who holds mmap_lock; the work is the
 * same, and it is done elsewhere.
 */
#include <linux/export.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pagewalk.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "gup_internal.h"

#define GUP_COMPAT_ADAPTERS_ONLY
#include <linux/gup_compat.h>

/* Flags that drivers never had. */
#define GUP_COMPAT_NEVER	(INTERNAL_GUP_FLAGS & ~FOLL_TOUCH)

static_assert(GUP_COMPAT_FOLL_TOUCH == FOLL_TOUCH);

/*
 * Fault accounting
 */

struct gup_compat_faults {
	unsigned long major;
	unsigned long minor;
};

static struct gup_compat_faults gup_compat_count_faults(void)
{
	return (struct gup_compat_faults){ current->maj_flt, current->min_flt };
}

/*
 * Faults are counted for the current task. Takes those since @before from it
 * and gives them to @tsk.
 */
static void gup_compat_account(struct task_struct *tsk,
			       const struct gup_compat_faults *before)
{
	if (tsk == current)
		return;
	if (tsk) {
		tsk->maj_flt += current->maj_flt - before->major;
		tsk->min_flt += current->min_flt - before->minor;
	}
	current->maj_flt = before->major;
	current->min_flt = before->minor;
}

/*
 * Requests
 */

static bool gup_compat_args_ok(const struct gup_compat_call *call)
{
	const bool pin = call->pin || (call->gup_flags & FOLL_LONGTERM);

	if (call->gup_flags & GUP_COMPAT_NEVER)
		return false;
	if (!call->pages && (pin || (call->gup_flags & FOLL_GET)))
		return false;
	if (call->pin && (call->gup_flags & FOLL_GET))
		return false;
	if ((call->gup_flags & FOLL_LONGTERM) &&
	    (call->gup_flags & FOLL_PCI_P2PDMA))
		return false;
	return !call->locked || (*call->locked == 1 && !call->vmas);
}

/*
 * Only a pin can be long-term. Who wants a reference of that kind gets a pin
 * first, see gup_compat_unpin().
 */
static bool gup_compat_request(struct gup_req *req,
			       const struct gup_compat_call *call)
{
	unsigned int flags = call->gup_flags & ~FOLL_GET;

	if (WARN_ON_ONCE(!gup_compat_args_ok(call)))
		return false;
	if (call->pin || (flags & FOLL_LONGTERM))
		flags |= FOLL_PIN;
	else if (call->pages)
		flags |= FOLL_GET;
	if (call->remote)
		flags |= FOLL_REMOTE;
	*req = gup_req_init(call->mm, call->start, call->nr_pages, call->pages,
			    flags);
	if (call->locked)
		req->lock = GUP_LOCK_MAY_DROP;
	return true;
}

/* Turns the pins of @pages into plain references. */
static void gup_compat_unpin(struct page **pages, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		get_page(pages[i]);
	unpin_user_pages(pages, nr);
}

static long gup_compat_run(struct gup_req *req,
			   const struct gup_compat_call *call)
{
	const struct gup_compat_faults before = gup_compat_count_faults();
	long ret;

	if (req->flags & FOLL_PIN)
		gup_set_has_pinned(req->mm);
	if (req->flags & FOLL_LONGTERM)
		ret = gup_slow_longterm(req);
	else
		ret = gup_slow(req);
	if (ret > 0 && (req->flags & FOLL_PIN) && !call->pin)
		gup_compat_unpin(call->pages, ret);
	gup_compat_account(call->tsk, &before);
	return ret;
}

/* Under the lock the VMAs are still those that the pages were found by. */
static void gup_compat_find_vmas(const struct gup_req *req,
				 struct vm_area_struct **vmas)
{
	struct vm_area_struct *vma = NULL;
	unsigned long addr = req->start;
	unsigned long i;

	for (i = 0; i < gup_sink_nr(&req->sink); i++, addr += PAGE_SIZE) {
		if (!vma || addr >= vma->vm_end)
			vma = vma_lookup(req->mm, addr);
		vmas[i] = vma ?: get_gate_vma(req->mm);
	}
}

/**
 * gup_compat_take() - reference user pages as older kernels did
 * @call: The call.
 *
 * With FOLL_LONGTERM and no @call->pin the pages are moved to where they may
 * stay, and plain references returned.
 *
 * Context: mmap_lock of @call->mm held, for reading or, if it may not be
 * dropped, writing. May sleep.
 * Return: Number of pages, which may be fewer than asked for; 0 if none was
 * asked for. Negative errno if there is none, see get_user_pages(); -EINVAL for
 * arguments that contradict each other.
 */
long gup_compat_take(const struct gup_compat_call *call)
{
	struct gup_req req;
	long ret;

	if ((long)call->nr_pages <= 0)
		return 0;
	if (!gup_compat_request(&req, call))
		return -EINVAL;
	ret = gup_compat_run(&req, call);
	if (call->locked && req.lock == GUP_LOCK_NONE)
		*call->locked = 0;
	if (call->vmas)
		gup_compat_find_vmas(&req, call->vmas);
	return ret;
}
EXPORT_SYMBOL_GPL(gup_compat_take);

/**
 * gup_compat_take_unlocked() - the same, taking mmap_lock
 * @call: The call, without @call->locked and @call->vmas.
 *
 * Context: mmap_lock of @call->mm not held. May sleep.
 * Return: As gup_compat_take(). -EAGAIN if a fatal signal came before
 * mmap_lock.
 */
long gup_compat_take_unlocked(const struct gup_compat_call *call)
{
	struct gup_req req;

	if ((long)call->nr_pages <= 0)
		return 0;
	if (WARN_ON_ONCE(call->locked || call->vmas) ||
	    !gup_compat_request(&req, call))
		return -EINVAL;
	req.lock = GUP_LOCK_NONE;
	return gup_compat_run(&req, call);
}
EXPORT_SYMBOL_GPL(gup_compat_take_unlocked);

/**
 * gup_compat_take_nonblocking() - __get_user_pages() of older kernels
 * @call: The call, without @call->locked.
 * @nonblocking: NULL to wait for pages with mmap_lock held. Otherwise page faults
 *		 are not to wait for I/O or for a lock; if not all pages could be
 *		 had like that, this points at 0, and mmap_lock was released,
 *		 unless FOLL_NOWAIT asks to keep it.
 *
 * Pages that would have been read from a disk are on their way: trying again makes
 * sense. Nobody has told a userfaultfd monitor of those that it would have to bring.
 *
 * Context: mmap_lock held, for reading if it may be released. May sleep.
 * Return: As gup_compat_take(); 0 also if the first page is not there yet.
 */
long gup_compat_take_nonblocking(const struct gup_compat_call *call,
				 int *nonblocking)
{
	struct gup_req req;
	long ret;

	if (!nonblocking)
		return gup_compat_take(call);
	if ((long)call->nr_pages <= 0)
		return 0;
	if (WARN_ON_ONCE(call->locked) || !gup_compat_request(&req, call))
		return -EINVAL;

	req.flags |= FOLL_NOWAIT;
	ret = gup_compat_run(&req, call);
	if (call->vmas)
		gup_compat_find_vmas(&req, call->vmas);
	if (gup_done(&req) || req.error)
		return ret;
	*nonblocking = 0;
	if (!(call->gup_flags & FOLL_NOWAIT))
		mmap_read_unlock(call->mm);
	return ret;
}
EXPORT_SYMBOL_GPL(gup_compat_take_nonblocking);

/*
 * Without mmap_lock
 */

/**
 * gup_compat_get_user_pages_fast() - get_user_pages_fast() before Linux 6.3
 * @start: First user address, in bytes; need not be aligned.
 * @nr_pages: Number of pages. 0 or below: nothing is done.
 * @gup_flags: FOLL_* flags; FOLL_LONGTERM as for gup_compat_take().
 * @pages: Where the pages go, to be released with put_page().
 *
 * Context: mmap_lock not held. May sleep.
 * Return: As get_user_pages_fast().
 */
int gup_compat_get_user_pages_fast(unsigned long start, int nr_pages,
				   unsigned int gup_flags, struct page **pages)
{
	int ret;

	if (WARN_ON_ONCE(gup_flags & GUP_COMPAT_NEVER))
		return -EINVAL;
	gup_flags &= ~FOLL_TOUCH;
	if (!(gup_flags & FOLL_LONGTERM))
		return get_user_pages_fast(start, nr_pages, gup_flags, pages);
	ret = pin_user_pages_fast(start, nr_pages, gup_flags & ~FOLL_GET,
				  pages);
	if (ret > 0)
		gup_compat_unpin(pages, ret);
	return ret;
}
EXPORT_SYMBOL_GPL(gup_compat_get_user_pages_fast);

/**
 * gup_compat_pin_user_pages_fast_only() - pin user pages if no lock is needed
 * @start: First user address, in bytes; need not be aligned.
 * @nr_pages: Number of pages. 0 or below: nothing is done.
 * @gup_flags: FOLL_* flags.
 * @pages: Where the pages go, to be released with unpin_user_page() or a
 *	   relative of it.
 *
 * Context: Any but NMI, with interrupts on or off. Does not sleep.
 * Return: Number of pages, 0 included; never an error.
 */
int gup_compat_pin_user_pages_fast_only(unsigned long start, int nr_pages,
					unsigned int gup_flags,
					struct page **pages)
{
	const unsigned int both = FOLL_LONGTERM | FOLL_PCI_P2PDMA;
	struct gup_req req;

	if (WARN_ON_ONCE((gup_flags & (INTERNAL_GUP_FLAGS | FOLL_GET)) ||
			 (gup_flags & both) == both))
		return 0;
	start = untagged_addr(start) & PAGE_MASK;
	/* As access_ok(), which permits all where the kernel's addresses are others. */
	if (nr_pages <= 0 || nr_pages > TASK_SIZE_MAX >> PAGE_SHIFT ||
	    start > TASK_SIZE_MAX - ((unsigned long)nr_pages << PAGE_SHIFT))
		return 0;
	gup_set_has_pinned(current->mm);
	req = gup_req_init(current->mm, start, nr_pages, pages,
			   gup_flags | FOLL_PIN | FOLL_FAST_ONLY);
	gup_fast(&req);
	return gup_sink_nr(&req.sink);
}
EXPORT_SYMBOL_GPL(gup_compat_pin_user_pages_fast_only);

/*
 * What is mapped?
 */

/* How many pages the entry covers that maps @page at @address, less one. */
static unsigned int gup_compat_page_mask(struct vm_area_struct *vma,
					 unsigned long address,
					 struct page *page)
{
	unsigned int page_mask = 0;
	struct folio_walk fw;

	if (is_vm_hugetlb_page(vma))
		return pages_per_huge_page(hstate_vma(vma)) - 1;
	if (!folio_walk_start(&fw, vma, address, FW_ZEROPAGE))
		return 0;
	/* Somebody may have changed it since; zero pages are not told. */
	if (fw.page && fw.page != page)
		goto end;
	if (fw.level == FW_LEVEL_PMD)
		page_mask = (PMD_SIZE >> PAGE_SHIFT) - 1;
	else if (fw.level == FW_LEVEL_PUD)
		page_mask = (PUD_SIZE >> PAGE_SHIFT) - 1;
end:
	folio_walk_end(&fw, vma);
	return page_mask;
}

/* Is it certain that @page does not go away with its device? */
static bool gup_compat_keep_pgmap(struct follow_page_context *ctx,
				  struct page *page)
{
	const unsigned long pfn = page_to_pfn(page);

	if (!is_zone_device_page(page))
		return true;
	if (ctx->pgmap && pgmap_pfn_valid(ctx->pgmap, pfn))
		return true;
	put_dev_pagemap(ctx->pgmap);
	ctx->pgmap = get_dev_pagemap(pfn);
	return ctx->pgmap;
}

/**
 * gup_compat_follow_page_mask() - the page that is mapped at an address
 * @vma: The VMA of @address.
 * @address: User address, in bytes.
 * @foll_flags: FOLL_* flags; FOLL_GET to get a reference, FOLL_WRITE for a page
 *		that may be written to only.
 * @ctx: Of what the page is part, and what keeps its device.
 *
 * Context: mmap_lock held. May sleep.
 * Return: The page. NULL if there is none, or not so that it may be accessed as
 * @foll_flags say. -EEXIST if there is something without struct page; -EFAULT
 * with FOLL_DUMP for what only reads as zeroes; -ENOMEM, -EREMOTEIO.
 */
struct page *gup_compat_follow_page_mask(struct vm_area_struct *vma,
					 unsigned long address,
					 unsigned int foll_flags,
					 struct follow_page_context *ctx)
{
	enum gup_outcome outcome;
	struct page *page;
	struct gup_req req;

	ctx->page_mask = 0;
	if (WARN_ON_ONCE(foll_flags & (GUP_COMPAT_NEVER | FOLL_LONGTERM)))
		return ERR_PTR(-EINVAL);
	if (vma_is_secretmem(vma))
		return NULL;

	address &= PAGE_MASK;
	req = gup_req_init(vma->vm_mm, address, 1, &page, foll_flags);
	do {
		outcome = gup_walk_slow(&req, vma);
	} while (outcome == GUP_PROGRESS && !gup_done(&req));
	if (outcome == GUP_ERROR)
		return ERR_PTR(req.error);
	if (outcome != GUP_PROGRESS)
		return NULL;

	if (!gup_compat_keep_pgmap(ctx, page)) {
		gup_undo(&req, 0);
		return NULL;
	}
	ctx->page_mask = gup_compat_page_mask(vma, address, page);
	return page;
}
EXPORT_SYMBOL_GPL(gup_compat_follow_page_mask);

#ifdef CONFIG_ELF_CORE
/**
 * gup_compat_get_dump_page() - reference a page for a core dump
 * @addr: User address, in bytes.
 *
 * Context: mmap_lock not held. May sleep.
 * Return: The page, to be released with put_page(). NULL if there is none to be
 * dumped, see get_dump_page().
 */
struct page *gup_compat_get_dump_page(unsigned long addr)
{
	int locked = 0;

	return get_dump_page(addr, &locked);
}
EXPORT_SYMBOL_GPL(gup_compat_get_dump_page);
#endif

/*
 * Populate
 */

/**
 * gup_compat_populate_vma_page_range() - fault in a range of one VMA
 * @vma: The VMA. If it is locked, so are the pages.
 * @start: First user address, page aligned.
 * @end: End of the range, page aligned, not above the end of @vma.
 * @nonblocking: If not NULL it points at 1, and mmap_lock may be dropped; then
 *		 it is not held on return, this points at 0, and @vma may be
 *		 gone.
 *
 * Context: mmap_lock held, for reading if it may be dropped. May sleep.
 * Return: 0 if the whole range is there, or a negative errno, see
 * get_user_pages(). -EAGAIN if part of it is missing and the lock was dropped:
 * look up the VMA and try again.
 */
long gup_compat_populate_vma_page_range(struct vm_area_struct *vma,
					unsigned long start, unsigned long end,
					int *nonblocking)
{
	while (start < end) {
		long ret = populate_vma_page_range(vma, start, end,
						   nonblocking);

		if (ret < 0)
			return ret;
		/* If that was not all, the next page will tell why. */
		start += ret << PAGE_SHIFT;
		if (nonblocking && !*nonblocking)
			return -EAGAIN;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(gup_compat_populate_vma_page_range);
