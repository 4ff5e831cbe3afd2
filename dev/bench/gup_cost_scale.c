// SPDX-License-Identifier: GPL-2.0
/* Measures the cost of a page in calls of different sizes, up to 16 GiB. */
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>

#include "gup_cost.h"

#define SCALE_SIZE	(16 * GIB)
/* This much memory is mapped repeatedly. */
#define FILE_SIZE	(64 * MIB)

struct scale_way {
	const char *name;
	unsigned long ioctl;
};

static const struct scale_way scale_ways[] = {
	{ "pin-fast",	PIN_FAST_BENCHMARK },
	{ "pin-slow",	PIN_BASIC_TEST },
};

static const unsigned long scale_batches[] = {
	1, 16, 512, 8192, GIB / PAGE, SCALE_SIZE / PAGE,
};

static char *map_again(char *at, int fd)
{
	return mmap(at, FILE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0);
}

static char *map_repeatedly(unsigned int memfd_flags)
{
	char *mem = mmap(NULL, SCALE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = memfd_create("scale", memfd_flags);

	if (mem == MAP_FAILED || fd < 0 || ftruncate(fd, FILE_SIZE))
		fail("scale");
	for (unsigned long done = 0; done < SCALE_SIZE; done += FILE_SIZE) {
		if (map_again(mem + done, fd) == MAP_FAILED)
			fail("scale");
	}
	close(fd);
	return mem;
}

/* Takes enough pages for the clock. A larger batch is measured only once. */
static void bench_batch(const struct scale_way *way, const char *name, unsigned long batch,
			char *mem)
{
	unsigned long least = batch < USUAL_BATCH ? 32 * MIB : 512 * MIB;
	unsigned long size = batch * PAGE > least ? batch * PAGE : least;
	int repeat = size > least ? 1 : rounds;

	for (int i = 0; i < repeat; i++) {
		struct gup_test request = {
			.addr = (unsigned long)mem,
			.size = size,
			.nr_pages_per_call = batch,
		};

		run_driver(way->ioctl, &request, name);
		report(name, size / PAGE, request.get_delta_usec);
	}
}

static void bench_memory(const char *kind, unsigned int memfd_flags)
{
	char name[NAME_LENGTH];
	char *mem = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(scale_ways) * ARRAY_SIZE(scale_batches); i++) {
		const struct scale_way *way = &scale_ways[i / ARRAY_SIZE(scale_batches)];
		unsigned long batch = scale_batches[i % ARRAY_SIZE(scale_batches)];

		snprintf(name, sizeof(name), "scale/%s/%s/%lu", way->name, kind, batch);
		if (!wanted(name))
			continue;
		if (!mem)
			mem = map_repeatedly(memfd_flags);
		bench_batch(way, name, batch, mem);
	}
	if (mem)
		munmap(mem, SCALE_SIZE);
}

void bench_scale(void)
{
	bench_memory("shmem", 0);
	bench_memory("hugetlb", MFD_HUGETLB);
}
