/* SPDX-License-Identifier: GPL-2.0 */
/* Mappings of each kind of memory, for the programs that run in the guest. */
#ifndef _GUP_MEM_H
#define _GUP_MEM_H

#include <sys/mman.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define KIB		1024UL
#define MIB		(1024 * KIB)
#define GIB		(1024 * MIB)
#define PAGE		(4 * KIB)
#define FOLL_WRITE	1
#define NO_MEMORY	((char *)MAP_FAILED)
#define FILE_PATH	"/mnt/ext4/gup_mem"

#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB	(21 << 26)
#endif
#ifndef MAP_HUGE_1GB
#define MAP_HUGE_1GB	(30 << 26)
#endif

/*
 * Each maps @size bytes, readable and writable, and touches every page. NO_MEMORY
 * if that cannot be done or the pages are not of the size that the name says.
 */
char *map_small(unsigned long size);
char *map_64kb(unsigned long size);
char *map_thp(unsigned long size);
char *map_huge_2mb(unsigned long size);
char *map_huge_1gb(unsigned long size);
char *map_shmem(unsigned long size);
char *map_file(unsigned long size);

/* Have the page faults of private memory allocate folios of this size from now on. */
int use_folios(unsigned long size);

#endif /* _GUP_MEM_H */
