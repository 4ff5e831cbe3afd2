// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for Linux 2.6.30: get_user_pages() of any process, in pages of int
 */
#define GUP_COMPAT_LEVEL KERNEL_VERSION(2, 6, 30)

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
	.name = "gup_2_6_30",
	.take = {
		[GUP_SAMPLE_GET] = sample_get,
		[GUP_SAMPLE_GET_FAST] = sample_get_fast,
	},
	.remote = BIT(GUP_SAMPLE_GET),
	.put = sample_put,
};

module_driver(sample, gup_sample_register, gup_sample_unregister);

MODULE_DESCRIPTION("Sample of get_user_pages() as in Linux 2.6.30");
MODULE_LICENSE("GPL");
