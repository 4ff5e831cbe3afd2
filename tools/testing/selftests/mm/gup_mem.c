// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kernel-page-flags.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <linux/userfaultfd.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "gup_mem.h"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC	0x58465342
#endif

#define THP_DIR		"/sys/kernel/mm/transparent_hugepage/"
#define FOLIO_64K	(64 * KIB)
/* of an entry of pagemap */
#define PRESENT		0x8000000000000000ull
#define PFN_MASK	0x007fffffffffffffull

struct fs {
	const char *name;
	const char *variable;	/* names a directory of it in the environment */
	long magic;
};

static const struct fs file_systems[] = {
	[GUP_TMPFS]	= { "tmpfs", "GUP_TEST_TMPFS", TMPFS_MAGIC },
	[GUP_EXT4]	= { "ext4", "GUP_TEST_EXT4", EXT4_SUPER_MAGIC },
	[GUP_XFS]	= { "xfs", "GUP_TEST_XFS", XFS_SUPER_MAGIC },
};

/* 0: the default size */
static const size_t hugetlb_sizes[] = {
	[GUP_HUGETLB_64K]	= 64 * KIB,
	[GUP_HUGETLB_2M]	= 2 * MIB,
	[GUP_HUGETLB_32M]	= 32 * MIB,
	[GUP_HUGETLB_1G]	= GIB,
};

static char missing[160];

void gup_must(bool ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	fprintf(stderr, "# %s:%d: cannot go on, failed: %s (%s)\n", file, line, what,
		strerror(errno));
	_exit(1);
}

static size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

static unsigned int kind_of(unsigned int kind)
{
	return kind & ~(GUP_SHARED | GUP_UNTOUCHED);
}

static bool is_hugetlb(unsigned int kind)
{
	return kind >= GUP_HUGETLB && kind <= GUP_HUGETLB_1G;
}

/* 0 if there is no such line. */
static size_t read_kib(const char *path, const char *format)
{
	FILE *file = fopen(path, "r");
	size_t value = 0;
	char line[128];

	while (file && !value && fgets(line, sizeof(line), file))
		if (sscanf(line, format, &value) != 1)
			value = 0;
	if (file)
		fclose(file);
	return value * KIB;
}

size_t gup_unit(unsigned int kind)
{
	kind = kind_of(kind);
	if (kind == GUP_HUGETLB)
		return read_kib("/proc/meminfo", "Hugepagesize: %zu kB");
	if (is_hugetlb(kind))
		return hugetlb_sizes[kind];
	if (kind == GUP_ANON_64K)
		return FOLIO_64K;
	if (kind == GUP_THP || kind == GUP_THP_PTES || kind == GUP_SHMEM_THP)
		return GUP_HUGE_SIZE;
	return page_size();
}

void gup_touch(char *mem, size_t len)
{
	for (size_t off = 0; off < len; off += page_size())
		__atomic_store_n(mem + off, 1, __ATOMIC_RELAXED);
}

/* What the kernel tells about pages */

static uint64_t read_entry(const char *path, uint64_t index)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd < 0)
		return 0;
	MUST(pread(fd, &entry, sizeof(entry), index * sizeof(entry)) == sizeof(entry));
	close(fd);
	return entry;
}

uint64_t gup_pagemap(const char *addr)
{
	return read_entry("/proc/self/pagemap", (uintptr_t)addr / page_size());
}

uint64_t gup_page_flags(const char *addr)
{
	uint64_t entry = gup_pagemap(addr);

	if (!(entry & PRESENT) || !(entry & PFN_MASK))
		return 0;
	return read_entry("/proc/kpageflags", entry & PFN_MASK);
}

static bool is_head(const char *addr)
{
	return gup_page_flags(addr) & 1ull << KPF_COMPOUND_HEAD;
}

static bool is_tail(const char *addr)
{
	return gup_page_flags(addr) & 1ull << KPF_COMPOUND_TAIL;
}

/* Folios of a size are all there is if each begins and ends where it should. */
bool gup_has_folios(const char *mem, size_t len, size_t size)
{
	for (size_t off = 0; off < len; off += size)
		if (!is_head(mem + off) || !is_tail(mem + off + page_size()) ||
		    !is_tail(mem + off + size - page_size()))
			return false;
	return true;
}

/* Anonymous memory */

char *gup_mmap(size_t len, int prot, int flags, int fd)
{
	char *mem = mmap(NULL, len, prot, flags, fd, 0);

	MUST(mem != MAP_FAILED);
	return mem;
}

void gup_mmap_at(char *mem, size_t len, int prot, int flags, int fd, off_t off)
{
	flags |= MAP_FIXED | (fd < 0 ? MAP_ANONYMOUS : 0);
	MUST(mmap(mem, len, prot, flags, fd, off) == mem);
}

char *gup_map_anon(size_t len)
{
	char *mem = gup_mmap(len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	/* -EINVAL: a kernel without THP, where there is nothing to switch off */
	MUST(!madvise(mem, len, MADV_NOHUGEPAGE) || errno == EINVAL);
	return mem;
}

static char *map_aligned(size_t len, size_t align)
{
	char *raw = gup_mmap(len + align, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	char *mem = (char *)(((uintptr_t)raw + align - 1) & ~(align - 1));

	if (mem != raw)
		MUST(!munmap(raw, mem - raw));
	MUST(!munmap(mem + len, raw + align - mem));
	return mem;
}

char *gup_map_aligned(size_t len)
{
	return map_aligned(len, GUP_HUGE_SIZE);
}

static char *map_thp_untouched(size_t len)
{
	char *mem;

	if (read_kib(THP_DIR "hpage_pmd_size", "%zu") != GUP_HUGE_SIZE * KIB)
		return NULL;
	mem = gup_map_aligned(len);
	MUST(!madvise(mem, len, MADV_HUGEPAGE));
	return mem;
}

/* Unmaps memory whose folios are not of the size that was asked for. */
static char *keep_folios(char *mem, size_t len, size_t size)
{
	if (gup_has_folios(mem, len, size))
		return mem;
	munmap(mem, len);
	return NULL;
}

char *gup_map_thp(size_t len)
{
	char *mem = map_thp_untouched(len);

	if (!mem)
		return NULL;
	for (size_t off = 0; off < len; off += GUP_HUGE_SIZE)
		mem[off] = 1;
	return keep_folios(mem, len, GUP_HUGE_SIZE);
}

void gup_split_table(char *thp)
{
	MUST(!mprotect(thp, page_size(), PROT_READ));
	MUST(!mprotect(thp, page_size(), PROT_READ | PROT_WRITE));
}

char *gup_map_thp_ptes(size_t len)
{
	char *mem = gup_map_thp(len);

	for (size_t off = 0; mem && off < len; off += GUP_HUGE_SIZE)
		gup_split_table(mem + off);
	return mem;
}

static FILE *open_folio_setting(size_t size, const char *mode)
{
	char path[128];

	snprintf(path, sizeof(path), THP_DIR "hugepages-%zukB/enabled", size / KIB);
	return fopen(path, mode);
}

int gup_set_folios(size_t size, const char *when)
{
	FILE *file = open_folio_setting(size, "w");

	if (!file)
		return -1;
	fputs(when, file);
	return fclose(file);
}

/* The word in brackets is the one that holds. */
static bool read_folio_setting(size_t size, char *when, size_t max)
{
	FILE *file = open_folio_setting(size, "r");
	char line[80] = "", *begin, *end;

	if (!file)
		return false;
	begin = fgets(line, sizeof(line), file) ? strchr(line, '[') : NULL;
	end = begin ? strchr(begin, ']') : NULL;
	fclose(file);
	if (!end)
		return false;
	snprintf(when, max, "%.*s", (int)(end - begin - 1), begin + 1);
	return true;
}

static char *map_64k_untouched(size_t len)
{
	char *mem;

	if (gup_set_folios(FOLIO_64K, "madvise"))
		return NULL;
	/* A longer mapping would get a huge page, or khugepaged would make one of it. */
	MUST(len == FOLIO_64K);
	mem = gup_map_aligned(len);
	MUST(!madvise(mem, len, MADV_HUGEPAGE));
	return mem;
}

bool gup_set_only_64k(struct gup_folio_settings *before)
{
	if (!read_folio_setting(FOLIO_64K, before->small, sizeof(before->small)) ||
	    !read_folio_setting(GUP_HUGE_SIZE, before->huge, sizeof(before->huge)) ||
	    gup_set_folios(GUP_HUGE_SIZE, "never"))
		return false;
	MUST(!gup_set_folios(FOLIO_64K, "madvise"));
	return true;
}

void gup_restore_folios(const struct gup_folio_settings *before)
{
	MUST(!gup_set_folios(FOLIO_64K, before->small));
	MUST(!gup_set_folios(GUP_HUGE_SIZE, before->huge));
}

static char *map_64k(size_t len)
{
	struct gup_folio_settings before;
	char *mem;

	if (!gup_set_only_64k(&before))
		return NULL;
	mem = gup_map_aligned(len);
	MUST(!madvise(mem, len, MADV_HUGEPAGE));
	gup_touch(mem, len);
	/* khugepaged must not make larger ones of them. */
	MUST(!madvise(mem, len, MADV_NOHUGEPAGE));
	gup_restore_folios(&before);
	return keep_folios(mem, len, FOLIO_64K);
}

static char *map_anonymous(unsigned int kind, size_t len)
{
	bool untouched = kind & GUP_UNTOUCHED;

	if (kind & GUP_SHARED)
		return gup_mmap(len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	switch (kind_of(kind)) {
	case GUP_ANON_64K:
		return untouched ? map_64k_untouched(len) : map_64k(len);
	case GUP_THP:
		return untouched ? map_thp_untouched(len) : gup_map_thp(len);
	case GUP_THP_PTES:
		return gup_map_thp_ptes(len);
	default:
		return gup_map_anon(len);
	}
}

/* Files */

static int new_memfd(size_t len, unsigned int flags)
{
	int fd = syscall(__NR_memfd_create, "gup", flags | MFD_ALLOW_SEALING);

	if (fd >= 0)
		MUST(!ftruncate(fd, len));
	return fd;
}

int gup_memfd(size_t len)
{
	int fd = new_memfd(len, 0);

	MUST(fd >= 0);
	return fd;
}

void gup_seal(int memfd)
{
	MUST(!fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK));
}

int gup_memfd_sealed(size_t len)
{
	int fd = gup_memfd(len);

	gup_seal(fd);
	return fd;
}

static int hugetlb_memfd(unsigned int kind, size_t len, const char **why)
{
	size_t size = hugetlb_sizes[kind];
	unsigned int log2 = size ? __builtin_ctzl(size) : 0;

	snprintf(missing, sizeof(missing), "needs CONFIG_HUGETLBFS and free huge pages of %zu kB",
		 gup_unit(kind) / KIB);
	*why = missing;
	return new_memfd(len, MFD_HUGETLB | log2 << MFD_HUGE_SHIFT);
}

/* An unlinked file in a directory; -1 if nobody may write there. */
static int file_in(const char *dir)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/gup.XXXXXX", dir);
	fd = mkstemp(path);
	if (fd >= 0)
		MUST(!unlink(path));
	return fd;
}

static int file_on(const char *dir, const struct fs *fs)
{
	struct statfs found;

	return statfs(dir, &found) || found.f_type != fs->magic ? -1 : file_in(dir);
}

static int file_on_first_mount(const struct fs *fs)
{
	FILE *mounts = setmntent("/proc/mounts", "r");
	struct mntent *mount;
	int fd = -1;

	if (!mounts)
		return -1;
	while (fd < 0 && (mount = getmntent(mounts))) {
		if (!strcmp(mount->mnt_type, fs->name))
			fd = file_on(mount->mnt_dir, fs);
	}
	endmntent(mounts);
	return fd;
}

static int new_file(unsigned int kind, size_t len, const char **why)
{
	const struct fs *fs = &file_systems[kind];
	const char *dir = kind == GUP_FILE ? NULL : getenv(fs->variable);
	int fd;

	if (kind == GUP_FILE) {
		*why = "needs a current directory that it may write to";
		fd = file_in(".");
	} else {
		snprintf(missing, sizeof(missing),
			 "needs a writable directory on %s: mount one or set %s",
			 fs->name, fs->variable);
		*why = missing;
		fd = dir ? file_on(dir, fs) : file_on_first_mount(fs);
	}
	if (fd >= 0)
		MUST(!ftruncate(fd, len));
	return fd;
}

int gup_file(unsigned int kind, size_t len, const char **why)
{
	kind = kind_of(kind);
	if (is_hugetlb(kind))
		return hugetlb_memfd(kind, len, why);
	if (kind >= GUP_FILE)
		return new_file(kind, len, why);
	return gup_memfd(len);
}

static char *map_shmem_thp(int fd, size_t len)
{
	char *mem = gup_map_aligned(len);

	gup_mmap_at(mem, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	gup_touch(mem, len);
	if (!madvise(mem, len, MADV_COLLAPSE))
		return mem;
	munmap(mem, len);
	return NULL;
}

char *gup_map_file(unsigned int kind, int fd, size_t len, const char **why)
{
	int flags = kind & GUP_SHARED ? MAP_SHARED : MAP_PRIVATE;
	char *mem;

	if (kind_of(kind) == GUP_SHMEM_THP) {
		*why = NO_THP;
		return map_shmem_thp(fd, len);
	}
	mem = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, fd, 0);
	return mem == MAP_FAILED ? NULL : mem;
}

static char *map_file(unsigned int kind, size_t len, const char **why)
{
	int fd = gup_file(kind, len, why);
	char *mem;

	if (fd < 0)
		return NULL;
	mem = gup_map_file(kind, fd, len, why);
	close(fd);
	return mem;
}

char *gup_map_repeated(unsigned int kind, size_t chunk, size_t len, const char **why)
{
	int fd = gup_file(kind, chunk, why);
	char *mem, *first = fd < 0 ? NULL : gup_map_file(kind | GUP_SHARED, fd, chunk, why);

	if (!first)
		return NULL;
	gup_touch(first, chunk);
	MUST(!munmap(first, chunk));
	mem = map_aligned(len, chunk);
	for (size_t off = 0; off < len; off += chunk)
		gup_mmap_at(mem + off, chunk, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return mem;
}

char *gup_map(unsigned int kind, size_t len, const char **why)
{
	*why = NO_THP;
	return kind_of(kind) < GUP_SHMEM ? map_anonymous(kind, len) : map_file(kind, len, why);
}

int gup_uffd(int flags, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | flags);

	if (fd < 0 || !ioctl(fd, UFFDIO_API, &api))
		return fd;
	close(fd);
	return -1;
}
