// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
/*
 * Measures what the kernel's users of pins cost: the part of them that pins memory,
 * makes what the device gets of it, and gives it back. The function profiler counts
 * that, and leaves out the device and the system call. The kernel needs options.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <gup_iommu.h>
#include <gup_verbs.h>

#include "gup_cost.h"

#define DIRECT_SIZE	(64 * MIB)
#define REGION_SIZE	(256 * MIB)
#define MAX_READS	32

struct memory {
	const char *name;
	unsigned int kind;
};

static const struct memory memories[] = {
	{ "4k",		GUP_ANON },
	{ "64k",	GUP_ANON_64K },
	{ "thp",	GUP_THP },
	{ "hugetlb",	GUP_HUGETLB },
	{ "1g",		GUP_HUGETLB_1G },
};

/*
 * Adds up the lines "function hits time us ..." of the profile, without what the
 * profiler itself takes of a call, @overhead. Returns microseconds, and the hits.
 */
static double read_profile(double overhead, unsigned long *hits)
{
	FILE *file = fopen(TRACING "trace_stat/function0", "r");
	double usec, sum = 0;
	char line[256];
	unsigned long nr;

	if (!file)
		fail("trace_stat");
	*hits = 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %lu %lf us", &nr, &usec) != 2)
			continue;
		*hits += nr;
		sum += usec - nr * overhead;
	}
	fclose(file);
	return sum;
}

static void begin_profile(const char *functions)
{
	write_file(TRACING "set_ftrace_filter", functions);
	write_file(TRACING "function_profile_enabled", "1");
}

static double end_profile(double overhead, unsigned long *hits)
{
	write_file(TRACING "function_profile_enabled", "0");
	return read_profile(overhead, hits);
}

/* What the profiler takes of a call, by a function that does next to nothing. */
static double profiler_overhead(void)
{
	unsigned long hits;
	double usec;

	begin_profile("__do_sys_getuid");
	for (int i = 0; i < 1000; i++)
		getuid();
	usec = end_profile(0, &hits);
	if (hits != 1000)
		fail("the function profiler");
	return usec / hits;
}

/**
 * struct user - what uses pins
 * @name: Of the scenario.
 * @begin: Functions that pin, and make something of it.
 * @end: Functions that give back.
 * @size: How much memory is used, unless a page of it is larger.
 * @run: Does it once, with that memory. Returns how many times the functions were to
 *	 be done: pages, or requests.
 */
struct user {
	const char *name;
	const char *begin;
	const char *end;
	unsigned long size;
	unsigned long (*run)(char *mem, unsigned long size);
};

static int disk;
static struct gup_iommu iommu;
static struct gup_verbs verbs;

static unsigned long read_directly(char *mem, unsigned long size)
{
	unsigned long nr = DIRECT_SIZE / size;

	if (nr > MAX_READS)
		nr = MAX_READS;
	for (unsigned long i = 0; i < nr; i++) {
		if (pread(disk, mem + i * size, size, 0) != (ssize_t)size)
			fail("pread from /dev/nullb0");
	}
	return nr;
}

static unsigned long read_128k(char *mem, unsigned long size)
{
	return read_directly(mem, 128 * KIB);
}

static unsigned long read_1m(char *mem, unsigned long size)
{
	return read_directly(mem, MIB);
}

static unsigned long register_region(char *mem, unsigned long size)
{
	int region = gup_verbs_reg(&verbs, mem, size, IB_UVERBS_ACCESS_LOCAL_WRITE);

	if (region < 0)
		fail("memory region");
	gup_verbs_dereg(&verbs, region);
	return size / PAGE;
}

static unsigned long map_and_unmap(char *mem, unsigned long size)
{
	unsigned long iova;

	if (gup_iommu_map(&iommu, mem, size, &iova))
		fail("IOMMU_IOAS_MAP");
	gup_iommu_unmap(&iommu, iova, size);
	return size / PAGE;
}

static const struct user users[] = {
	{ "bio-128k", "bio_iov_iter_get_pages", "bio_set_pages_dirty __bio_release_pages",
	  DIRECT_SIZE, read_128k },
	{ "bio-1m", "bio_iov_iter_get_pages", "bio_set_pages_dirty __bio_release_pages",
	  DIRECT_SIZE, read_1m },
	{ "rdma", "__ib_umem_get_va", "ib_umem_release", REGION_SIZE, register_region },
	{ "iommufd", "pfn_reader_next", "batch_unpin", REGION_SIZE, map_and_unmap },
};

static void measure(const struct user *user, const char *name, const char *functions,
		    char *mem, unsigned long size, double overhead)
{
	if (!wanted(name))
		return;
	for (int i = -1; i < rounds; i++) {
		unsigned long nr, hits;
		double usec;

		begin_profile(functions);
		nr = user->run(mem, size);
		usec = end_profile(overhead, &hits);
		if (!hits)
			fail(functions);
		if (i >= 0)
			report(name, nr, usec);
	}
}

static void bench_user(const struct user *user, const struct memory *memory, double overhead)
{
	const unsigned long unit = gup_unit(memory->kind);
	const unsigned long size = user->size > unit ? user->size : unit;
	char begin[NAME_LENGTH], end[NAME_LENGTH], *mem;

	snprintf(begin, sizeof(begin), "users/%s/%s", user->name, memory->name);
	snprintf(end, sizeof(end), "users/%s-end/%s", user->name, memory->name);
	if (!wanted(begin) && !wanted(end))
		return;
	mem = map_memory(memory->kind, size);
	measure(user, begin, user->begin, mem, size, overhead);
	measure(user, end, user->end, mem, size, overhead);
	munmap(mem, size);
}

void bench_users(void)
{
	double overhead = profiler_overhead();

	disk = open("/dev/nullb0", O_RDONLY | O_DIRECT);
	if (disk < 0)
		fail("/dev/nullb0");
	if (!gup_verbs_open(&verbs))
		fail("RDMA device");
	if (!gup_iommu_open(&iommu))
		fail("mock device of iommufd");
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(memories); j++)
			bench_user(&users[i], &memories[j], overhead);
	}
}
