/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The flags of get_user_pages() that the driver passes on. They are the kernel's own, see
 * include/linux/mm_types.h: user space has no header for them.
 */
#ifndef GUP_FLAGS_H
#define GUP_FLAGS_H

#define FOLL_WRITE		0x1
#define FOLL_DUMP		0x4
#define FOLL_FORCE		0x8
#define FOLL_NOWAIT		0x10
#define FOLL_NOFAULT		0x20
#define FOLL_HWPOISON		0x40
#define FOLL_ANON		0x80
#define FOLL_LONGTERM		0x100
#define FOLL_SPLIT_PMD		0x200
#define FOLL_PCI_P2PDMA		0x400
#define FOLL_INTERRUPTIBLE	0x800
#define FOLL_HONOR_NUMA_FAULT	0x1000

#endif
