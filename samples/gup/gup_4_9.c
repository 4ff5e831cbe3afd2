// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for Linux 4.9: flags instead of write and force
 */
#define GUP_COMPAT_LEVEL KERNEL_VERSION(4, 9, 0)

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
	long ret;

	down_read(&buf->mm->mmap_sem);
	ret = get_user_pages_remote(buf->tsk, buf->mm, buf->start,
				    buf->nr_pages, flags, buf->pages, NULL);
	up_read(&buf->mm->mmap_sem);
	return ret;
}

static long sample_get_locked(struct gup_sample_buf *buf)
{
	unsigned int flags = sample_flags(buf);
	int locked = 1;
	long ret;

	down_read(&current->mm->mmap_sem);
	ret = get_user_pages_locked(buf->start, buf->nr_pages, flags,
				    buf->pages, &locked);
	if (locked)
		up_read(&current->mm->mmap_sem);
	return ret;
}

static long sample_get_unlocked(struct gup_sample_buf *buf)
{
	return get_user_pages_unlocked(buf->start, buf->nr_pages, buf->pages,
				       sample_flags(buf));
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
		put_page(page);
	}
}

static struct gup_sample sample = {
	.name = "gup_4_9",
	.take = {
		[GUP_SAMPLE_GET] = sample_get,
		[GUP_SAMPLE_GET_REMOTE] = sample_get_remote,
		[GUP_SAMPLE_GET_LOCKED] = sample_get_locked,
		[GUP_SAMPLE_GET_UNLOCKED] = sample_get_unlocked,
		[GUP_SAMPLE_GET_FAST] = sample_get_fast,
	},
	.remote = BIT(GUP_SAMPLE_GET_REMOTE),
	.put = sample_put,
};

module_driver(sample, gup_sample_register, gup_sample_unregister);

MODULE_DESCRIPTION("Sample of get_user_pages() as in Linux 4.9");
MODULE_LICENSE("GPL");
