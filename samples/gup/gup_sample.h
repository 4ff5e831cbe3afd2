/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The devices of the get_user_pages() samples, /dev/gup_VERSION: each takes the
 * pages of a buffer by the interface of that version, reads and writes them by
 * pread() and pwrite() at offsets into the buffer, and releases them.
 */
#ifndef _SAMPLES_GUP_SAMPLE_H
#define _SAMPLES_GUP_SAMPLE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The function that takes the pages; no version had all of them. */
enum gup_sample_how {
	GUP_SAMPLE_GET,
	GUP_SAMPLE_GET_REMOTE,
	GUP_SAMPLE_GET_LOCKED,
	GUP_SAMPLE_GET_UNLOCKED,
	GUP_SAMPLE_GET_FAST,
	GUP_SAMPLE_GET_LONGTERM,
	GUP_SAMPLE_GET_NONBLOCKING,	/* __get_user_pages() */
	GUP_SAMPLE_GET_MAPPED,		/* follow_page() */
	GUP_SAMPLE_GET_DUMP,		/* get_dump_page() */
	GUP_SAMPLE_PIN,
	GUP_SAMPLE_PIN_REMOTE,
	GUP_SAMPLE_PIN_LOCKED,
	GUP_SAMPLE_PIN_UNLOCKED,
	GUP_SAMPLE_PIN_FAST,
	GUP_SAMPLE_PIN_LONGTERM,
	GUP_SAMPLE_NR
};

#define GUP_SAMPLE_WRITE	0x1
#define GUP_SAMPLE_FORCE	0x2

/**
 * struct gup_sample_range - whose memory to take, and how
 * @addr: First address of the buffer; need not be aligned.
 * @size: Its length in bytes, not 0.
 * @how: enum gup_sample_how.
 * @flags: GUP_SAMPLE_WRITE to write to it, GUP_SAMPLE_FORCE to do so against its
 *	   protection.
 * @pid: The process, 0 for the calling one.
 * @reserved: 0.
 */
struct gup_sample_range {
	__u64 addr;
	__u64 size;
	__u32 how;
	__u32 flags;
	__s32 pid;
	__u32 reserved;
};

/* All pages of the buffer or none: 0, or an error. EOPNOTSUPP: no such way. */
#define GUP_SAMPLE_TAKE		_IOW('g', 0x40, struct gup_sample_range)
#define GUP_SAMPLE_RELEASE	_IO('g', 0x41)

/*
 * The device /dev/gup_today has no ways to choose from but examples: fill memory
 * by DMA; register it for long; mirror a page, and say whether it is still there;
 * tell the node of a page; read a byte of another process.
 */
#define GUP_SAMPLE_BYTE		0x5a
#define GUP_SAMPLE_FILL		_IOW('g', 0x42, struct gup_sample_range)
#define GUP_SAMPLE_REGISTER	_IOW('g', 0x43, struct gup_sample_range)
#define GUP_SAMPLE_MIRROR	_IOW('g', 0x44, struct gup_sample_range)
#define GUP_SAMPLE_IS_MIRRORED	_IO('g', 0x45)
#define GUP_SAMPLE_NODE		_IOW('g', 0x46, struct gup_sample_range)
#define GUP_SAMPLE_PEEK		_IOW('g', 0x47, struct gup_sample_range)

#ifdef __KERNEL__
#include <linux/device.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>

/**
 * struct gup_sample_buf - the buffer of an open file
 * @tsk: The process whose memory it is.
 * @mm: The address space.
 * @start: First address, page aligned.
 * @offset: Where the buffer begins in the first page.
 * @size: Length of the buffer in bytes.
 * @nr_pages: Number of pages it is in.
 * @write: It is written to.
 * @force: Even against its protection.
 * @pages: The pages, NULL if there is no buffer.
 * @how: The way they were taken.
 * @sample: The driver.
 * @lock: Guards all of it but the driver.
 */
struct gup_sample_buf {
	struct task_struct *tsk;
	struct mm_struct *mm;
	unsigned long start;
	unsigned long offset;
	unsigned long size;
	unsigned long nr_pages;
	bool write;
	bool force;
	struct page **pages;
	enum gup_sample_how how;
	struct gup_sample *sample;
	/* guards all of it but the driver */
	struct mutex lock;
};

/**
 * struct gup_sample - a driver
 * @name: Name of the device.
 * @take: The ways it can take pages: the number of pages, or a negative errno.
 * @remote: Those ways that can take pages of other processes, a bit for each.
 * @put: Releases the first pages of a buffer.
 * @misc: The device.
 * @owner: Its module.
 */
struct gup_sample {
	const char *name;
	long (*take[GUP_SAMPLE_NR])(struct gup_sample_buf *buf);
	unsigned long remote;
	void (*put)(struct gup_sample_buf *buf, long nr);
	struct miscdevice misc;
	struct module *owner;
};

struct task_struct *gup_sample_find_task(pid_t nr);
int __gup_sample_register(struct gup_sample *sample, struct module *owner);
void gup_sample_unregister(struct gup_sample *sample);

#define gup_sample_register(sample)	\
	__gup_sample_register(sample, THIS_MODULE)

#endif	/* __KERNEL__ */
#endif	/* _SAMPLES_GUP_SAMPLE_H */
