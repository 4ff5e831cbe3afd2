// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gup_mem.h"

#define THP_DIRECTORY	"/sys/kernel/mm/transparent_hugepage/hugepages-%lukB/%s"

/* Those that the kernel may be told to allocate. */
static const unsigned long folio_sizes[] = { 64 * KIB, 2 * MIB };

static int enable_folios(unsigned long size, const char *when)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), THP_DIRECTORY, size / KIB, "enabled");
	file = fopen(path, "w");
	if (!file)
		return -1;
	fputs(when, file);
	return fclose(file);
}

int use_folios(unsigned long size)
{
	for (size_t i = 0; i < ARRAY_SIZE(folio_sizes); i++) {
		if (enable_folios(folio_sizes[i], folio_sizes[i] == size ? "always" : "never"))
			return -1;
	}
	return 0;
}

/* How many folios of this size page faults have allocated so far. */
static unsigned long folios_allocated(unsigned long size)
{
	unsigned long nr = 0;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), THP_DIRECTORY, size / KIB, "stats/anon_fault_alloc");
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%lu", &nr) != 1)
		nr = 0;
	fclose(file);
	return nr;
}

static void touch(char *mem, unsigned long size)
{
	for (unsigned long i = 0; i < size; i += PAGE)
		mem[i] = 1;
}

static char *map_anonymous(unsigned long size, int flags)
{
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

	if (mem != NO_MEMORY)
		touch(mem, size);
	return mem;
}

static char *map_folios(unsigned long size, unsigned long folio_size)
{
	unsigned long before = folios_allocated(folio_size);
	char *mem;

	if (use_folios(folio_size))
		return NO_MEMORY;
	mem = map_anonymous(size, MAP_PRIVATE);
	if (mem != NO_MEMORY && folios_allocated(folio_size) - before < size / folio_size) {
		munmap(mem, size);
		return NO_MEMORY;
	}
	return mem;
}

char *map_small(unsigned long size)
{
	if (use_folios(PAGE))
		return NO_MEMORY;
	return map_anonymous(size, MAP_PRIVATE);
}

char *map_64kb(unsigned long size)
{
	return map_folios(size, 64 * KIB);
}

char *map_thp(unsigned long size)
{
	return map_folios(size, 2 * MIB);
}

char *map_huge_2mb(unsigned long size)
{
	return map_anonymous(size, MAP_PRIVATE | MAP_HUGETLB | MAP_HUGE_2MB);
}

char *map_huge_1gb(unsigned long size)
{
	return map_anonymous(size, MAP_PRIVATE | MAP_HUGETLB | MAP_HUGE_1GB);
}

char *map_shmem(unsigned long size)
{
	return map_anonymous(size, MAP_SHARED);
}

char *map_file(unsigned long size)
{
	int fd = open(FILE_PATH, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *mem = NO_MEMORY;

	if (fd < 0)
		return NO_MEMORY;
	if (!ftruncate(fd, size))
		mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	unlink(FILE_PATH);
	if (mem == NO_MEMORY)
		return NO_MEMORY;
	touch(mem, size);
	/* Nothing is to be written back while somebody measures. */
	msync(mem, size, MS_SYNC);
	return mem;
}
