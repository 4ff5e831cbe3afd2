// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for Linux 4.0: get_user_pages_locked() may drop mmap_sem, and
 * get_user_pages_unlocked() takes it
 */
#define GUP_COMPAT_LEVEL KERNEL_VERSION(4, 0, 0)

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "gup_sample.h"

#include <linux/gup_compat.h>

static long sample_get(struct gup_sample_buf *buf)
{
	long ret;

	down_read(&buf->mm->mmap_sem);
	ret = get_user_pages(buf->tsk, buf->mm, buf->start, buf->nr_pages,
			     buf->write, buf->force, buf->pages, NULL);
	up_read(&buf->mm->mmap_sem);
	return ret;
}

static long sample_get_locked(struct gup_sample_buf *buf)
{
	int locked = 1;
	long ret;

	down_read(&buf->mm->mmap_sem);
	ret = get_user_pages_locked(buf->tsk, buf->mm, buf->start,
				    buf->nr_pages, buf->write, buf->force,
				    buf->pages, &locked);
	if (locked)
		up_read(&buf->mm->mmap_sem);
	return ret;
}

static long sample_get_unlocked(struct gup_sample_buf *buf)
{
	return get_user_pages_unlocked(buf->tsk, buf->mm, buf->start,
				       buf->nr_pages, buf->write, buf->force,
				       buf->pages);
}

static long sample_get_fast(struct gup_sample_buf *buf)
{
	return get_user_pages_fast(buf->start, buf->nr_pages, buf->write,
				   buf->pages);
}

static long sample_get_mapped(struct gup_sample_buf *buf)
{
	struct vm_area_struct *vma;
	unsigned int flags = FOLL_GET;
	long nr = 0;

	if (buf->write)
		flags |= FOLL_WRITE;
	down_read(&buf->mm->mmap_sem);
	vma = find_vma(buf->mm, buf->start);
	while (vma && nr < buf->nr_pages) {
		unsigned long addr = buf->start + nr * PAGE_SIZE;
		unsigned int page_mask;
		struct page *page;

		if (addr < vma->vm_start || addr >= vma->vm_end)
			break;
		page = follow_page_mask(vma, addr, flags, &page_mask);
		if (IS_ERR_OR_NULL(page))
			break;
		buf->pages[nr++] = page;
	}
	up_read(&buf->mm->mmap_sem);
	return nr;
}

static void sample_put(struct gup_sample_buf *buf, long nr)
{
	while (nr--) {
		struct page *page = buf->pages[nr];

		if (buf->write)
			set_page_dirty_lock(page);
		page_cache_release(page);
	}
}

static struct gup_sample sample = {
	.name = "gup_4_0",
	.take = {
		[GUP_SAMPLE_GET] = sample_get,
		[GUP_SAMPLE_GET_LOCKED] = sample_get_locked,
		[GUP_SAMPLE_GET_UNLOCKED] = sample_get_unlocked,
		[GUP_SAMPLE_GET_FAST] = sample_get_fast,
		[GUP_SAMPLE_GET_MAPPED] = sample_get_mapped,
	},
	.remote = BIT(GUP_SAMPLE_GET) | BIT(GUP_SAMPLE_GET_LOCKED) |
		  BIT(GUP_SAMPLE_GET_UNLOCKED) | BIT(GUP_SAMPLE_GET_MAPPED),
	.put = sample_put,
};

module_driver(sample, gup_sample_register, gup_sample_unregister);

MODULE_DESCRIPTION("Sample of get_user_pages() as in Linux 4.0");
MODULE_LICENSE("GPL");
