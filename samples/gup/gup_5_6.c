// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for Linux 5.6: pins, which look like pages got but are counted apart
 */
#define GUP_COMPAT_LEVEL KERNEL_VERSION(5, 6, 0)

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

static long sample_pin(struct gup_sample_buf *buf)
{
	unsigned int flags = sample_flags(buf);
	long ret;

	down_read(&current->mm->mmap_sem);
	ret = pin_user_pages(buf->start, buf->nr_pages, flags, buf->pages, NULL);
	up_read(&current->mm->mmap_sem);
	return ret;
}

static long sample_pin_remote(struct gup_sample_buf *buf)
{
	unsigned int flags = sample_flags(buf);
	int locked = 1;
	long ret;

	down_read(&buf->mm->mmap_sem);
	ret = pin_user_pages_remote(buf->tsk, buf->mm, buf->start,
				    buf->nr_pages, flags, buf->pages, NULL,
				    &locked);
	if (locked)
		up_read(&buf->mm->mmap_sem);
	return ret;
}

static long sample_pin_longterm(struct gup_sample_buf *buf)
{
	unsigned int flags = sample_flags(buf);
	long ret;

	down_read(&current->mm->mmap_sem);
	ret = pin_user_pages(buf->start, buf->nr_pages, flags | FOLL_LONGTERM,
			     buf->pages, NULL);
	up_read(&current->mm->mmap_sem);
	return ret;
}

static long sample_pin_fast(struct gup_sample_buf *buf)
{
	return pin_user_pages_fast(buf->start, buf->nr_pages,
				   buf->write ? FOLL_WRITE : 0, buf->pages);
}

static void sample_put(struct gup_sample_buf *buf, long nr)
{
	if (buf->how >= GUP_SAMPLE_PIN) {
		unpin_user_pages_dirty_lock(buf->pages, nr, buf->write);
		return;
	}
	while (nr--) {
		if (buf->write)
			set_page_dirty_lock(buf->pages[nr]);
		put_page(buf->pages[nr]);
	}
}

static struct gup_sample sample = {
	.name = "gup_5_6",
	.take = {
		[GUP_SAMPLE_GET] = sample_get,
		[GUP_SAMPLE_PIN] = sample_pin,
		[GUP_SAMPLE_PIN_REMOTE] = sample_pin_remote,
		[GUP_SAMPLE_PIN_LONGTERM] = sample_pin_longterm,
		[GUP_SAMPLE_PIN_FAST] = sample_pin_fast,
	},
	.remote = BIT(GUP_SAMPLE_PIN_REMOTE),
	.put = sample_put,
};

module_driver(sample, gup_sample_register, gup_sample_unregister);

MODULE_DESCRIPTION("Sample of get_user_pages() as in Linux 5.6");
MODULE_LICENSE("GPL");
