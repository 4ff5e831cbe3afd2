/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The get_user_pages() interfaces of older kernels.
 *
 * For drivers that were written for one of them and are to compile unchanged:
 *
 *	#define GUP_COMPAT_LEVEL KERNEL_VERSION(4, 6, 0)
 *	#include <linux/gup_compat.h>
 *
 * A level is the version in which the interface changed. It holds for all later
 * versions up to the next level: a driver for Linux 4.19 speaks level 4.10. The
 * include comes after those of all other headers. See "Drivers for older
 * kernels" in Documentation/core-api/pin_user_pages.rst.
 *
 * The old names become macros for adapters, gup_compat_NAME_VERSION(), where
 * VERSION is the first one to have that signature. GUP_COMPAT_ADAPTERS_ONLY,
 * instead of a level, leaves the names alone.
 */
#ifndef _LINUX_GUP_COMPAT_H
#define _LINUX_GUP_COMPAT_H

#include <linux/version.h>

#if !IS_ENABLED(CONFIG_GUP_COMPAT)
#error "<linux/gup_compat.h> needs a kernel with CONFIG_GUP_COMPAT"
#endif

#ifndef GUP_COMPAT_ADAPTERS_ONLY

#define GUP_COMPAT_IS(a, b, c)	   (KERNEL_VERSION(a, b, c) == GUP_COMPAT_LEVEL)
#define GUP_COMPAT_SINCE(a, b, c)  (KERNEL_VERSION(a, b, c) <= GUP_COMPAT_LEVEL)
#define GUP_COMPAT_BEFORE(a, b, c) (KERNEL_VERSION(a, b, c) > GUP_COMPAT_LEVEL)

#if !defined(GUP_COMPAT_LEVEL) ||					\
	!(GUP_COMPAT_IS(2, 6, 30) || GUP_COMPAT_IS(2, 6, 39) ||		\
	  GUP_COMPAT_IS(3, 9, 0) || GUP_COMPAT_IS(4, 0, 0) ||		\
	  GUP_COMPAT_IS(4, 6, 0) || GUP_COMPAT_IS(4, 9, 0) ||		\
	  GUP_COMPAT_IS(4, 10, 0) || GUP_COMPAT_IS(5, 2, 0) ||		\
	  GUP_COMPAT_IS(5, 6, 0) || GUP_COMPAT_IS(5, 9, 0) ||		\
	  GUP_COMPAT_IS(6, 3, 0) || GUP_COMPAT_IS(6, 5, 0))
#error "GUP_COMPAT_LEVEL has to be the latest of these not later than the driver's kernel:"
#error "KERNEL_VERSION(2, 6, 30), (2, 6, 39), (3, 9, 0), (4, 0, 0), (4, 6, 0), (4, 9, 0),"
#error "(4, 10, 0), (5, 2, 0), (5, 6, 0), (5, 9, 0), (6, 3, 0) or (6, 5, 0)"
#endif

#endif	/* !GUP_COMPAT_ADAPTERS_ONLY */

#include <linux/err.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

/**
 * struct gup_compat_call - one call of an old interface
 * @tsk: Whose faults those of the call are: NULL for nobody's.
 * @mm: The address space.
 * @start: First user address, in bytes; need not be aligned.
 * @nr_pages: Number of pages. As a signed number 0 or below: nothing is done.
 * @gup_flags: FOLL_* flags. FOLL_LONGTERM does not require @pin.
 * @pages: Where the pages go, NULL to only fault the range in.
 * @vmas: Where the VMAs of the pages go, or NULL. They are valid for as long as
 *	  mmap_lock is held, so that nothing may drop it.
 * @locked: NULL: mmap_lock stays held. Else it points at 1, and if the lock was
 *	    dropped at 0.
 * @pin: The references are pins.
 * @remote: The protection keys of the calling thread do not apply.
 */
struct gup_compat_call {
	struct task_struct *tsk;
	struct mm_struct *mm;
	unsigned long start;
	unsigned long nr_pages;
	unsigned int gup_flags;
	struct page **pages;
	struct vm_area_struct **vmas;
	int *locked;
	bool pin;
	bool remote;
};

/**
 * struct follow_page_context - what follow_page_mask() tells, and remembers
 * @pgmap: Keeps device memory that was found; to be released by
 *	   put_dev_pagemap() after the last call. NULL before the first.
 * @page_mask: Number of pages that the page is one of, less one.
 */
struct follow_page_context {
	struct dev_pagemap *pgmap;
	unsigned int page_mask;
};

long gup_compat_take(const struct gup_compat_call *call);
long gup_compat_take_unlocked(const struct gup_compat_call *call);
long gup_compat_take_nonblocking(const struct gup_compat_call *call,
				 int *nonblocking);
int gup_compat_get_user_pages_fast(unsigned long start, int nr_pages,
				   unsigned int gup_flags, struct page **pages);
int gup_compat_pin_user_pages_fast_only(unsigned long start, int nr_pages,
					unsigned int gup_flags,
					struct page **pages);
struct page *gup_compat_follow_page_mask(struct vm_area_struct *vma,
					 unsigned long address,
					 unsigned int foll_flags,
					 struct follow_page_context *ctx);
long gup_compat_populate_vma_page_range(struct vm_area_struct *vma,
					unsigned long start, unsigned long end,
					int *nonblocking);
struct page *gup_compat_get_dump_page(unsigned long addr);

/* Drivers had it until 6.3; the value is that of today, checked when built. */
#define GUP_COMPAT_FOLL_TOUCH	0x10000

static inline unsigned int gup_compat_flags(int write, int force)
{
	return (write ? FOLL_WRITE : 0) | (force ? FOLL_FORCE : 0);
}

/*
 * get_user_pages()
 */

/* Also for a @mm that is not the current one. */
static inline long
gup_compat_get_user_pages_3_9(struct task_struct *tsk, struct mm_struct *mm,
			      unsigned long start, unsigned long nr_pages,
			      int write, int force, struct page **pages,
			      struct vm_area_struct **vmas)
{
	struct gup_compat_call call = {
		.tsk = tsk,
		.mm = mm,
		.start = start,
		.nr_pages = nr_pages,
		.gup_flags = gup_compat_flags(write, force) |
			     GUP_COMPAT_FOLL_TOUCH,
		.pages = pages,
		.vmas = vmas,
		.remote = mm != current->mm,
	};

	return gup_compat_take(&call);
}

static inline int
gup_compat_get_user_pages_2_6_30(struct task_struct *tsk, struct mm_struct *mm,
				 unsigned long start, int len, int write,
				 int force, struct page **pages,
				 struct vm_area_struct **vmas)
{
	return gup_compat_get_user_pages_3_9(tsk, mm, start, len, write, force,
					     pages, vmas);
}

static inline long
gup_compat_get_user_pages_4_9(unsigned long start, unsigned long nr_pages,
			      unsigned int gup_flags, struct page **pages,
			      struct vm_area_struct **vmas)
{
	struct gup_compat_call call = {
		.tsk = current,
		.mm = current->mm,
		.start = start,
		.nr_pages = nr_pages,
		.gup_flags = gup_flags | GUP_COMPAT_FOLL_TOUCH,
		.pages = pages,
		.vmas = vmas,
	};

	return gup_compat_take(&call);
}

static inline long
gup_compat_get_user_pages_4_6(unsigned long start, unsigned long nr_pages,
			      int write, int force, struct page **pages,
			      struct vm_area_struct **vmas)
{
	return gup_compat_get_user_pages_4_9(start, nr_pages,
					     gup_compat_flags(write, force),
					     pages, vmas);
}

static inline long
gup_compat_get_user_pages_longterm_4_15(unsigned long start,
					unsigned long nr_pages,
					unsigned int gup_flags,
					struct page **pages,
					struct vm_area_struct **vmas)
{
	return gup_compat_get_user_pages_4_9(start, nr_pages,
					     gup_flags | FOLL_LONGTERM, pages,
					     vmas);
}

static inline long
gup_compat_pin_user_pages_5_6(unsigned long start, unsigned long nr_pages,
			      unsigned int gup_flags, struct page **pages,
			      struct vm_area_struct **vmas)
{
	struct gup_compat_call call = {
		.tsk = current,
		.mm = current->mm,
		.start = start,
		.nr_pages = nr_pages,
		.gup_flags = gup_flags,
		.pages = pages,
		.vmas = vmas,
		.pin = true,
	};

	return gup_compat_take(&call);
}

static inline long
gup_compat___get_user_pages_2_6_39(struct task_struct *tsk,
				   struct mm_struct *mm, unsigned long start,
				   unsigned long nr_pages,
				   unsigned int gup_flags, struct page **pages,
				   struct vm_area_struct **vmas,
				   int *nonblocking)
{
	struct gup_compat_call call = {
		.tsk = tsk,
		.mm = mm,
		.start = start,
		.nr_pages = nr_pages,
		.gup_flags = gup_flags,
		.pages = pages,
		.vmas = vmas,
		.remote = mm != current->mm,
	};

	return gup_compat_take_nonblocking(&call, nonblocking);
}

/*
 * get_user_pages_remote()
 */

static inline long
gup_compat_get_user_pages_remote_4_10(struct task_struct *tsk,
				      struct mm_struct *mm, unsigned long start,
				      unsigned long nr_pages,
				      unsigned int gup_flags,
				      struct page **pages,
				      struct vm_area_struct **vmas, int *locked)
{
	struct gup_compat_call call = {
		.tsk = tsk,
		.mm = mm,
		.start = start,
		.nr_pages = nr_pages,
		.gup_flags = gup_flags | GUP_COMPAT_FOLL_TOUCH,
		.pages = pages,
		.vmas = vmas,
		.locked = locked,
		.remote = true,
	};

	return gup_compat_take(&call);
}

static inline long
gup_compat_get_user_pages_remote_4_6(struct task_struct *tsk,
				     struct mm_struct *mm, unsigned long start,
				     unsigned long nr_pages, int write,
				     int force, struct page **pages,
				     struct vm_area_struct **vmas)
{
	return gup_compat_get_user_pages_remote_4_10(tsk, mm, start, nr_pages,
			gup_compat_flags(write, force), pages, vmas, NULL);
}

static inline long
gup_compat_get_user_pages_remote_4_9(struct task_struct *tsk,
				     struct mm_struct *mm, unsigned long start,
				     unsigned long nr_pages,
				     unsigned int gup_flags,
				     struct page **pages,
				     struct vm_area_struct **vmas)
{
	return gup_compat_get_user_pages_remote_4_10(tsk, mm, start, nr_pages,
						     gup_flags, pages, vmas,
						     NULL);
}

static inline long
gup_compat_get_user_pages_remote_5_9(struct mm_struct *mm, unsigned long start,
				     unsigned long nr_pages,
				     unsigned int gup_flags,
				     struct page **pages,
				     struct vm_area_struct **vmas, int *locked)
{
	return gup_compat_get_user_pages_remote_4_10(current, mm, start,
						     nr_pages, gup_flags, pages,
						     vmas, locked);
}

static inline long
gup_compat_pin_user_pages_remote_5_6(struct task_struct *tsk,
				     struct mm_struct *mm, unsigned long start,
				     unsigned long nr_pages,
				     unsigned int gup_flags,
				     struct page **pages,
				     struct vm_area_struct **vmas, int *locked)
{
	struct gup_compat_call call = {
		.tsk = tsk,
		.mm = mm,
		.start = start,
		.nr_pages = nr_pages,
		.gup_flags = gup_flags | GUP_COMPAT_FOLL_TOUCH,
		.pages = pages,
		.vmas = vmas,
		.locked = locked,
		.pin = true,
		.remote = true,
	};

	return gup_compat_take(&call);
}

static inline long
gup_compat_pin_user_pages_remote_5_9(struct mm_struct *mm, unsigned long start,
				     unsigned long nr_pages,
				     unsigned int gup_flags,
				     struct page **pages,
				     struct vm_area_struct **vmas, int *locked)
{
	return gup_compat_pin_user_pages_remote_5_6(current, mm, start,
						    nr_pages, gup_flags, pages,
						    vmas, locked);
}

/*
 * get_user_pages_locked(): mmap_lock may be dropped
 */

static inline long
gup_compat_get_user_pages_locked_4_0(struct task_struct *tsk,
				     struct mm_struct *mm, unsigned long start,
				     unsigned long nr_pages, int write,
				     int force, struct page **pages,
				     int *locked)
{
	struct gup_compat_call call = {
		.tsk = tsk,
		.mm = mm,
		.start = start,
		.nr_pages = nr_pages,
		.gup_flags = gup_compat_flags(write, force) |
			     GUP_COMPAT_FOLL_TOUCH,
		.pages = pages,
		.locked = locked,
		.remote = mm != current->mm,
	};

	return gup_compat_take(&call);
}

static inline long
gup_compat_get_user_pages_locked_4_9(unsigned long start,
				     unsigned long nr_pages,
				     unsigned int gup_flags,
				     struct page **pages, int *locked)
{
	struct gup_compat_call call = {
		.tsk = current,
		.mm = current->mm,
		.start = start,
		.nr_pages = nr_pages,
		.gup_flags = gup_flags | GUP_COMPAT_FOLL_TOUCH,
		.pages = pages,
		.locked = locked,
	};

	return gup_compat_take(&call);
}

static inline long
gup_compat_get_user_pages_locked_4_6(unsigned long start,
				     unsigned long nr_pages, int write,
				     int force, struct page **pages,
				     int *locked)
{
	return gup_compat_get_user_pages_locked_4_9(start, nr_pages,
			gup_compat_flags(write, force), pages, locked);
}

static inline long
gup_compat_pin_user_pages_locked_5_8(unsigned long start,
				     unsigned long nr_pages,
				     unsigned int gup_flags,
				     struct page **pages, int *locked)
{
	struct gup_compat_call call = {
		.tsk = current,
		.mm = current->mm,
		.start = start,
		.nr_pages = nr_pages,
		.gup_flags = gup_flags | GUP_COMPAT_FOLL_TOUCH,
		.pages = pages,
		.locked = locked,
		.pin = true,
	};

	return gup_compat_take(&call);
}

/*
 * get_user_pages_unlocked(): takes mmap_lock
 */

static inline long
gup_compat___get_user_pages_unlocked_4_9(struct task_struct *tsk,
					 struct mm_struct *mm,
					 unsigned long start,
					 unsigned long nr_pages,
					 struct page **pages,
					 unsigned int gup_flags)
{
	struct gup_compat_call call = {
		.tsk = tsk,
		.mm = mm,
		.start = start,
		.nr_pages = nr_pages,
		.gup_flags = gup_flags | GUP_COMPAT_FOLL_TOUCH,
		.pages = pages,
		.remote = mm != current->mm,
	};

	return gup_compat_take_unlocked(&call);
}

static inline long
gup_compat___get_user_pages_unlocked_4_0(struct task_struct *tsk,
					 struct mm_struct *mm,
					 unsigned long start,
					 unsigned long nr_pages, int write,
					 int force, struct page **pages,
					 unsigned int gup_flags)
{
	gup_flags |= gup_compat_flags(write, force);
	return gup_compat___get_user_pages_unlocked_4_9(tsk, mm, start,
							nr_pages, pages,
							gup_flags);
}

static inline long
gup_compat_get_user_pages_unlocked_4_0(struct task_struct *tsk,
				       struct mm_struct *mm,
				       unsigned long start,
				       unsigned long nr_pages, int write,
				       int force, struct page **pages)
{
	return gup_compat___get_user_pages_unlocked_4_0(tsk, mm, start,
							nr_pages, write, force,
							pages, 0);
}

static inline long
gup_compat_get_user_pages_unlocked_4_9(unsigned long start,
				       unsigned long nr_pages,
				       struct page **pages,
				       unsigned int gup_flags)
{
	return gup_compat___get_user_pages_unlocked_4_9(current, current->mm,
							start, nr_pages, pages,
							gup_flags);
}

static inline long
gup_compat_get_user_pages_unlocked_4_6(unsigned long start,
				       unsigned long nr_pages, int write,
				       int force, struct page **pages)
{
	return gup_compat_get_user_pages_unlocked_4_9(start, nr_pages, pages,
			gup_compat_flags(write, force));
}

/*
 * get_user_pages_fast()
 */

static inline int
gup_compat_get_user_pages_fast_2_6_30(unsigned long start, int nr_pages,
				      int write, struct page **pages)
{
	return gup_compat_get_user_pages_fast(start, nr_pages,
					      gup_compat_flags(write, 0),
					      pages);
}

/* Until 6.3 it never returned an error. */
static inline int
gup_compat_get_user_pages_fast_only_5_8(unsigned long start, int nr_pages,
					unsigned int gup_flags,
					struct page **pages)
{
	int ret = get_user_pages_fast_only(start, nr_pages, gup_flags, pages);

	return ret < 0 ? 0 : ret;
}

static inline int
gup_compat___get_user_pages_fast_2_6_31(unsigned long start, int nr_pages,
					int write, struct page **pages)
{
	return gup_compat_get_user_pages_fast_only_5_8(start, nr_pages,
			gup_compat_flags(write, 0), pages);
}

/*
 * follow_page()
 */

static inline struct page *
gup_compat_follow_page_mask_3_9(struct vm_area_struct *vma,
				unsigned long address, unsigned int foll_flags,
				unsigned int *page_mask)
{
	struct follow_page_context ctx = {};
	struct page *page;

	page = gup_compat_follow_page_mask(vma, address, foll_flags, &ctx);
	put_dev_pagemap(ctx.pgmap);
	*page_mask = ctx.page_mask;
	return page;
}

static inline struct page *
gup_compat_follow_page_2_6_30(struct vm_area_struct *vma, unsigned long address,
			      unsigned int foll_flags)
{
	unsigned int page_mask;

	return gup_compat_follow_page_mask_3_9(vma, address, foll_flags,
					       &page_mask);
}

/*
 * put_user_pages(): the release functions of 5.2, before there were pins
 */

static inline void gup_compat_put_user_pages_5_2(struct page **pages,
						 unsigned long npages)
{
	while (npages--)
		put_page(*pages++);
}

static inline void gup_compat_put_user_pages_dirty_5_2(struct page **pages,
						       unsigned long npages)
{
	for (; npages; npages--, pages++) {
		set_page_dirty(*pages);
		put_page(*pages);
	}
}

static inline void
gup_compat_put_user_pages_dirty_lock_5_4(struct page **pages,
					 unsigned long npages, bool make_dirty)
{
	for (; npages; npages--, pages++) {
		if (make_dirty)
			set_page_dirty_lock(*pages);
		put_page(*pages);
	}
}

/* The third argument is there since 5.4. Without it, pages are made dirty. */
#define gup_compat_put_user_pages_dirty_lock_5_2(pages, npages, ...)	\
	gup_compat_put_user_pages_dirty_lock_any(pages, npages, ##__VA_ARGS__, true)
#define gup_compat_put_user_pages_dirty_lock_any(pages, npages, make_dirty, ...) \
	gup_compat_put_user_pages_dirty_lock_5_4(pages, npages, make_dirty)

/*
 * The old names
 */

#ifndef GUP_COMPAT_ADAPTERS_ONLY

#if GUP_COMPAT_BEFORE(3, 9, 0)
#define get_user_pages		gup_compat_get_user_pages_2_6_30
#elif GUP_COMPAT_BEFORE(4, 6, 0)
#define get_user_pages		gup_compat_get_user_pages_3_9
#elif GUP_COMPAT_BEFORE(4, 9, 0)
#define get_user_pages		gup_compat_get_user_pages_4_6
#elif GUP_COMPAT_BEFORE(6, 5, 0)
#define get_user_pages		gup_compat_get_user_pages_4_9
#endif

#if GUP_COMPAT_IS(4, 10, 0)
#define get_user_pages_longterm	gup_compat_get_user_pages_longterm_4_15
#endif

#if GUP_COMPAT_SINCE(2, 6, 39) && GUP_COMPAT_BEFORE(5, 9, 0)
#define __get_user_pages	gup_compat___get_user_pages_2_6_39
#endif

#if GUP_COMPAT_BEFORE(4, 6, 0)
/* There was none. */
#elif GUP_COMPAT_BEFORE(4, 9, 0)
#define get_user_pages_remote	gup_compat_get_user_pages_remote_4_6
#elif GUP_COMPAT_BEFORE(4, 10, 0)
#define get_user_pages_remote	gup_compat_get_user_pages_remote_4_9
#elif GUP_COMPAT_BEFORE(5, 9, 0)
#define get_user_pages_remote	gup_compat_get_user_pages_remote_4_10
#elif GUP_COMPAT_BEFORE(6, 5, 0)
#define get_user_pages_remote	gup_compat_get_user_pages_remote_5_9
#endif

#if GUP_COMPAT_IS(4, 0, 0)
#define get_user_pages_locked	gup_compat_get_user_pages_locked_4_0
#define get_user_pages_unlocked	gup_compat_get_user_pages_unlocked_4_0
#elif GUP_COMPAT_IS(4, 6, 0)
#define get_user_pages_locked	gup_compat_get_user_pages_locked_4_6
#define get_user_pages_unlocked	gup_compat_get_user_pages_unlocked_4_6
#elif GUP_COMPAT_SINCE(4, 9, 0) && GUP_COMPAT_BEFORE(6, 5, 0)
#define get_user_pages_locked	gup_compat_get_user_pages_locked_4_9
#define get_user_pages_unlocked	gup_compat_get_user_pages_unlocked_4_9
#endif

#if GUP_COMPAT_SINCE(4, 0, 0) && GUP_COMPAT_BEFORE(4, 9, 0)
#define __get_user_pages_unlocked	gup_compat___get_user_pages_unlocked_4_0
#elif GUP_COMPAT_IS(4, 9, 0)
#define __get_user_pages_unlocked	gup_compat___get_user_pages_unlocked_4_9
#endif

#if GUP_COMPAT_BEFORE(5, 2, 0)
#define get_user_pages_fast	gup_compat_get_user_pages_fast_2_6_30
#elif GUP_COMPAT_BEFORE(6, 5, 0)
#define get_user_pages_fast	gup_compat_get_user_pages_fast
#endif

#if GUP_COMPAT_SINCE(2, 6, 39) && GUP_COMPAT_BEFORE(5, 9, 0)
#define __get_user_pages_fast	gup_compat___get_user_pages_fast_2_6_31
#endif

#if GUP_COMPAT_SINCE(5, 6, 0) && GUP_COMPAT_BEFORE(6, 3, 0)
#define get_user_pages_fast_only	gup_compat_get_user_pages_fast_only_5_8
#define pin_user_pages_fast_only	gup_compat_pin_user_pages_fast_only
#define pin_user_pages_locked		gup_compat_pin_user_pages_locked_5_8
#endif

#if GUP_COMPAT_IS(5, 6, 0)
#define pin_user_pages_remote	gup_compat_pin_user_pages_remote_5_6
#elif GUP_COMPAT_SINCE(5, 9, 0) && GUP_COMPAT_BEFORE(6, 5, 0)
#define pin_user_pages_remote	gup_compat_pin_user_pages_remote_5_9
#endif

#if GUP_COMPAT_SINCE(5, 6, 0) && GUP_COMPAT_BEFORE(6, 5, 0)
#define pin_user_pages		gup_compat_pin_user_pages_5_6
#endif

#if GUP_COMPAT_IS(5, 2, 0)
#define put_user_page			put_page
#define put_user_pages			gup_compat_put_user_pages_5_2
#define put_user_pages_dirty		gup_compat_put_user_pages_dirty_5_2
#define put_user_pages_dirty_lock	gup_compat_put_user_pages_dirty_lock_5_2
#endif

#define follow_page		gup_compat_follow_page_2_6_30

#if GUP_COMPAT_BEFORE(3, 9, 0)
/* There was none. */
#elif GUP_COMPAT_BEFORE(5, 2, 0)
#define follow_page_mask	gup_compat_follow_page_mask_3_9
#else
#define follow_page_mask	gup_compat_follow_page_mask
#endif

#if GUP_COMPAT_SINCE(4, 6, 0)
#define populate_vma_page_range	gup_compat_populate_vma_page_range
#endif

#if GUP_COMPAT_SINCE(2, 6, 39)
#define get_dump_page		gup_compat_get_dump_page
#endif

#if GUP_COMPAT_BEFORE(6, 3, 0)
#define FOLL_TOUCH		GUP_COMPAT_FOLL_TOUCH
#endif

#if GUP_COMPAT_BEFORE(5, 9, 0)
/* Pages of a VMA that is locked are mlocked by mapping them. */
#define FOLL_MLOCK		0
/*
 * For reading it is the same as mmap_read_lock(). Who takes it for writing is
 * alone, but must not change VMAs: lockless readers would not notice. That
 * needs mmap_write_lock().
 */
#define mmap_sem		mmap_lock
#endif

#if GUP_COMPAT_BEFORE(4, 6, 0)
#define page_cache_release(page)	put_page(page)
#endif

#endif	/* !GUP_COMPAT_ADAPTERS_ONLY */

#endif	/* _LINUX_GUP_COMPAT_H */
