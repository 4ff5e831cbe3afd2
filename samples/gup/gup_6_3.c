// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for Linux 6.3: only pins can be long-term; VMAs can be had for the
 * last time
 */
#define GUP_COMPAT_LEVEL KERNEL_VERSION(6, 3, 0)

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

	mmap_read_lock(current->mm);
	ret = get_user_pages(buf->start, buf->nr_pages, flags, buf->pages, NULL);
	mmap_read_unlock(current->mm);
	return ret;
}

static long sample_get_remote(struct gup_sample_buf *buf)
{
	unsigned int flags = sample_flags(buf);
	int locked = 1;
	long ret;

	mmap_read_lock(buf->mm);
	ret = get_user_pages_remote(buf->mm, buf->start, buf->nr_pages, flags,
				    buf->pages, NULL, &locked);
	if (locked)
		mmap_read_unlock(buf->mm);
	return ret;
}

static long sample_get_fast(struct gup_sample_buf *buf)
{
	return get_user_pages_fast(buf->start, buf->nr_pages,
				   buf->write ? FOLL_WRITE : 0, buf->pages);
}

static long sample_pin(struct gup_sample_buf *buf)
{
	unsigned int flags = sample_flags(buf);
	long ret;

	mmap_read_lock(current->mm);
	ret = pin_user_pages(buf->start, buf->nr_pages, flags, buf->pages, NULL);
	mmap_read_unlock(current->mm);
	return ret;
}

static long sample_pin_remote(struct gup_sample_buf *buf)
{
	unsigned int flags = sample_flags(buf);
	int locked = 1;
	long ret;

	mmap_read_lock(buf->mm);
	ret = pin_user_pages_remote(buf->mm, buf->start, buf->nr_pages, flags,
				    buf->pages, NULL, &locked);
	if (locked)
		mmap_read_unlock(buf->mm);
	return ret;
}

static long sample_pin_unlocked(struct gup_sample_buf *buf)
{
	return pin_user_pages_unlocked(buf->start, buf->nr_pages, buf->pages,
				       sample_flags(buf));
}

static long sample_pin_longterm(struct gup_sample_buf *buf)
{
	unsigned int flags = sample_flags(buf);
	long ret;

	mmap_read_lock(current->mm);
	ret = pin_user_pages(buf->start, buf->nr_pages, flags | FOLL_LONGTERM,
			     buf->pages, NULL);
	mmap_read_unlock(current->mm);
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
	.name = "gup_6_3",
	.take = {
		[GUP_SAMPLE_GET] = sample_get,
		[GUP_SAMPLE_GET_REMOTE] = sample_get_remote,
		[GUP_SAMPLE_GET_FAST] = sample_get_fast,
		[GUP_SAMPLE_PIN] = sample_pin,
		[GUP_SAMPLE_PIN_REMOTE] = sample_pin_remote,
		[GUP_SAMPLE_PIN_UNLOCKED] = sample_pin_unlocked,
		[GUP_SAMPLE_PIN_LONGTERM] = sample_pin_longterm,
		[GUP_SAMPLE_PIN_FAST] = sample_pin_fast,
	},
	.remote = BIT(GUP_SAMPLE_GET_REMOTE) | BIT(GUP_SAMPLE_PIN_REMOTE),
	.put = sample_put,
};

module_driver(sample, gup_sample_register, gup_sample_unregister);

MODULE_DESCRIPTION("Sample of get_user_pages() as in Linux 6.3");
MODULE_LICENSE("GPL");
