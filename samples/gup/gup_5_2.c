// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for Linux 5.2: get_user_pages_fast() takes flags, FOLL_LONGTERM is one of
 * them, and there are functions that release many pages
 */
#define GUP_COMPAT_LEVEL KERNEL_VERSION(5, 2, 0)

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "gup_sample.h"

#include <linux/gup_compat.h>

static unsigned int sample_flags(const struct gup_sample_buf *buf)
{
	unsigned int flags = 0;

	if (buf->write)
		flags |= FOLL_WRITE;
	if (buf->force)
		flags |= FOLL_FORCE;
	return flags;
}

static long sample_get(struct gup_sample_buf *buf)
{
	unsigned int flags = sample_flags(buf);
	long ret;

	down_read(&current->mm->mmap_sem);
	ret = get_user_pages(buf->start, buf->nr_pages, flags, buf->pages, NULL);
	up_read(&current->mm->mmap_sem);
	return ret;
}

static long sample_get_remote(struct gup_sample_buf *buf)
{
	unsigned int flags = sample_flags(buf);
	int locked = 1;
	long ret;

	down_read(&buf->mm->mmap_sem);
	ret = get_user_pages_remote(buf->tsk, buf->mm, buf->start,
				    buf->nr_pages, flags, buf->pages, NULL,
				    &locked);
	if (locked)
		up_read(&buf->mm->mmap_sem);
	return ret;
}

static long sample_get_longterm(struct gup_sample_buf *buf)
{
	unsigned int flags = sample_flags(buf);
	long ret;

	down_read(&current->mm->mmap_sem);
	ret = get_user_pages(buf->start, buf->nr_pages, flags | FOLL_LONGTERM,
			     buf->pages, NULL);
	up_read(&current->mm->mmap_sem);
	return ret;
}

static long sample_get_fast(struct gup_sample_buf *buf)
{
	return get_user_pages_fast(buf->start, buf->nr_pages,
				   buf->write ? FOLL_WRITE : 0, buf->pages);
}

static long sample_get_mapped(struct gup_sample_buf *buf)
{
	struct follow_page_context ctx = { NULL };
	struct vm_area_struct *vma;
	unsigned int flags = FOLL_GET;
	long nr = 0;

	if (buf->write)
		flags |= FOLL_WRITE;
	down_read(&buf->mm->mmap_sem);
	vma = find_vma(buf->mm, buf->start);
	while (vma && nr < buf->nr_pages) {
		unsigned long addr = buf->start + nr * PAGE_SIZE;
		struct page *page;

		if (addr < vma->vm_start || addr >= vma->vm_end)
			break;
		page = follow_page_mask(vma, addr, flags, &ctx);
		if (IS_ERR_OR_NULL(page))
			break;
		buf->pages[nr++] = page;
	}
	if (ctx.pgmap)
		put_dev_pagemap(ctx.pgmap);
	up_read(&buf->mm->mmap_sem);
	return nr;
}

static void sample_put(struct gup_sample_buf *buf, long nr)
{
	if (buf->write)
		put_user_pages_dirty_lock(buf->pages, nr);
	else
		put_user_pages(buf->pages, nr);
}

static struct gup_sample sample = {
	.name = "gup_5_2",
	.take = {
		[GUP_SAMPLE_GET] = sample_get,
		[GUP_SAMPLE_GET_REMOTE] = sample_get_remote,
		[GUP_SAMPLE_GET_LONGTERM] = sample_get_longterm,
		[GUP_SAMPLE_GET_FAST] = sample_get_fast,
		[GUP_SAMPLE_GET_MAPPED] = sample_get_mapped,
	},
	.remote = BIT(GUP_SAMPLE_GET_REMOTE),
	.put = sample_put,
};

module_driver(sample, gup_sample_register, gup_sample_unregister);

MODULE_DESCRIPTION("Sample of get_user_pages() as in Linux 5.2");
MODULE_LICENSE("GPL");
