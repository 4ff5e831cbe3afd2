// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for Linux 2.6.39: besides get_user_pages(), __get_user_pages() for
 * who must not wait, and core dumps page by page
 */
#define GUP_COMPAT_LEVEL KERNEL_VERSION(2, 6, 39)

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "gup_sample.h"

#include <linux/gup_compat.h>

static long sample_get(struct gup_sample_buf *buf)
{
	int ret;

	down_read(&buf->mm->mmap_sem);
	ret = get_user_pages(buf->tsk, buf->mm, buf->start, buf->nr_pages,
			     buf->write, buf->force, buf->pages, NULL);
	up_read(&buf->mm->mmap_sem);
	return ret;
}

static long sample_get_fast(struct gup_sample_buf *buf)
{
	return get_user_pages_fast(buf->start, buf->nr_pages, buf->write,
				   buf->pages);
}

static long sample_get_nonblocking(struct gup_sample_buf *buf)
{
	unsigned int flags = FOLL_TOUCH | FOLL_GET;
	int nonblocking = 1;
	int ret;

	if (buf->write)
		flags |= FOLL_WRITE;
	if (buf->force)
		flags |= FOLL_FORCE;
	down_read(&buf->mm->mmap_sem);
	ret = __get_user_pages(buf->tsk, buf->mm, buf->start, buf->nr_pages,
			       flags, buf->pages, NULL, &nonblocking);
	if (nonblocking)
		up_read(&buf->mm->mmap_sem);
	return ret;
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
		struct page *page;

		if (addr < vma->vm_start || addr >= vma->vm_end)
			break;
		page = follow_page(vma, addr, flags);
		if (IS_ERR_OR_NULL(page))
			break;
		buf->pages[nr++] = page;
	}
	up_read(&buf->mm->mmap_sem);
	return nr;
}

static long sample_get_dump(struct gup_sample_buf *buf)
{
	long nr;

	for (nr = 0; nr < buf->nr_pages; nr++) {
		buf->pages[nr] = get_dump_page(buf->start + nr * PAGE_SIZE);
		if (!buf->pages[nr])
			break;
	}
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
	.name = "gup_2_6_39",
	.take = {
		[GUP_SAMPLE_GET] = sample_get,
		[GUP_SAMPLE_GET_FAST] = sample_get_fast,
		[GUP_SAMPLE_GET_NONBLOCKING] = sample_get_nonblocking,
		[GUP_SAMPLE_GET_MAPPED] = sample_get_mapped,
		[GUP_SAMPLE_GET_DUMP] = sample_get_dump,
	},
	.remote = BIT(GUP_SAMPLE_GET) | BIT(GUP_SAMPLE_GET_NONBLOCKING) |
		  BIT(GUP_SAMPLE_GET_MAPPED),
	.put = sample_put,
};

module_driver(sample, gup_sample_register, gup_sample_unregister);

MODULE_DESCRIPTION("Sample of get_user_pages() as in Linux 2.6.39");
MODULE_LICENSE("GPL");
