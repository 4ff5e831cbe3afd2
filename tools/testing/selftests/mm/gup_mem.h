/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory of each kind that get_user_pages() treats in its own way, and what the
 * kernel tells about its pages. It needs nothing but the C library, so that other
 * programs than selftests can use it as well.
 *
 * A helper that cannot do its job ends the process and says why. It returns NULL,
 * -1 or false only where a machine may lack what it takes.
 */
#ifndef GUP_MEM_H
#define GUP_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define KIB		1024UL
#define MIB		(1024 * KIB)
#define GIB		(1024 * MIB)
#define GUP_HUGE_SIZE	(2 * MIB)	/* what a PMD maps */

#define NO_THP		"the kernel gave no THP (disabled, memory is fragmented, or not root)"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#endif

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define MUST(cond) gup_must(!!(cond), #cond, __FILE__, __LINE__)

/* Ends the process unless @ok. */
void gup_must(bool ok, const char *what, const char *file, int line);

enum gup_kind {
	GUP_ANON,		/* anonymous, each page a folio of its own */
	GUP_ANON_64K,		/* anonymous, folios of 64 KiB */
	GUP_THP,		/* anonymous, folios mapped by PMDs */
	GUP_THP_PTES,		/* the same folios, mapped by PTEs */
	GUP_SHMEM,		/* a memfd */
	GUP_SHMEM_THP,		/* a memfd, its folios mapped by PMDs; always shared */
	GUP_HUGETLB,		/* hugetlb pages of the default size, and of others */
	GUP_HUGETLB_64K,
	GUP_HUGETLB_2M,
	GUP_HUGETLB_32M,
	GUP_HUGETLB_1G,
	GUP_FILE,		/* a file in the current directory, and on file systems */
	GUP_TMPFS,
	GUP_EXT4,
	GUP_XFS,
};

/* Added to a kind that is a file, or to GUP_ANON: MAP_SHARED, not MAP_PRIVATE. */
#define GUP_SHARED	0x100
/*
 * Added to GUP_THP or to one folio of GUP_ANON_64K: no page is there yet, and a fault
 * allocates the folio. For GUP_ANON_64K this changes the settings of THP, and the
 * caller restores them.
 */
#define GUP_UNTOUCHED	0x200

/*
 * Maps @len bytes, readable and writable. @len is a multiple of gup_unit(). NULL,
 * and *why says what is missing, if this machine does not have such memory.
 *
 * GUP_THP, GUP_SHMEM_THP and GUP_ANON_64K are touched, so that the size of their
 * folios is known. The others have no pages yet.
 */
char *gup_map(unsigned int kind, size_t len, const char **why);

/*
 * A new file of @len bytes for one of the kinds from GUP_SHMEM on. It has no name
 * and no pages. -1, and *why, as above.
 */
int gup_file(unsigned int kind, size_t len, const char **why);

/* Maps a file that gup_file() made, in the same way. */
char *gup_map_file(unsigned int kind, int fd, size_t len, const char **why);

/*
 * A userfaultfd with these features. @flags is O_NONBLOCK or 0. -1 if this kernel has none, or
 * this user may not have one.
 */
int gup_uffd(int flags, uint64_t features);

/* The size of a page of hugetlb, or of the folios that the kind is made of. */
size_t gup_unit(unsigned int kind);

/* Writes to each page. */
void gup_touch(char *mem, size_t len);

/* What gup_map() is made of. */
char *gup_mmap(size_t len, int prot, int flags, int fd);
char *gup_map_anon(size_t len);
/* Anonymous address space aligned to a huge page, without pages. */
char *gup_map_aligned(size_t len);
/* NULL if the kernel gives no huge page. */
char *gup_map_thp(size_t len);
char *gup_map_thp_ptes(size_t len);
int gup_memfd(size_t len);
/* From now on it never becomes shorter. */
void gup_seal(int memfd);
int gup_memfd_sealed(size_t len);

/*
 * Maps over what is there, MAP_SHARED or MAP_PRIVATE: @fd from @off on, or anonymous
 * memory if @fd is negative.
 */
void gup_mmap_at(char *mem, size_t len, int prot, int flags, int fd, off_t off);

/*
 * Maps a file of @chunk bytes over and over: @len bytes of address space that need no
 * more memory. The pages of the file are there, the page tables are not. NULL, and *why
 * says what is missing, if there are no such files. @chunk is a power of two.
 */
char *gup_map_repeated(unsigned int kind, size_t chunk, size_t len, const char **why);

/* Has the kernel map all of a huge page by PTEs. */
void gup_split_table(char *thp);

/*
 * Says when page faults allocate folios of this size: "always", "madvise", "never" or
 * "inherit". Returns -1 if the kernel does not offer the size.
 */
int gup_set_folios(size_t size, const char *when);

struct gup_folio_settings {
	char small[16], huge[16];
};

/*
 * From now on, page faults allocate folios of 64 KiB and none of 2 MiB where madvise()
 * allows them. False if the kernel does not offer that.
 */
bool gup_set_only_64k(struct gup_folio_settings *before);
void gup_restore_folios(const struct gup_folio_settings *before);

/* Returns true if the range consists of folios of that size. Only root can know. */
bool gup_has_folios(const char *mem, size_t len, size_t size);

/* The entry of an address, see Documentation/admin-guide/mm/pagemap.rst. */
uint64_t gup_pagemap(const char *addr);

/* /proc/kpageflags of the page at an address. Root only; 0 if there is none. */
uint64_t gup_page_flags(const char *addr);

#endif /* GUP_MEM_H */
