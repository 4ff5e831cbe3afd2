// SPDX-License-Identifier: GPL-2.0
/*
 * usage: gup_cost GROUP ROUNDS [PATTERN]...
 *
 * Measures the cost of taking and releasing pages, through the gup_test driver and
 * through system calls. Prints a line "scenario pages microseconds" for each round of
 * each scenario that one of the shell patterns matches. The group "threads" needs four
 * CPUs, the others one, "hold" and "users" need kernels of their own, and "fio" that
 * program, in the directory "debian".
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "gup_cost.h"

/* The driver's clock counts microseconds: less memory would take too few of them. */
#define SMALL_BATCH_SIZE	(32 * MIB)

struct way {
	const char *name;
	unsigned long ioctl;
	const char *release;
};

struct kind {
	const char *name;
	unsigned long size;
	bool write;
	unsigned int kind;
};

/* A mapping, made when the first scenario needs it. */
struct area {
	const struct kind *kind;
	char *mem;
};

struct group {
	const char *name;
	void (*run)(void);
};

static const struct way ways[] = {
	{ "get-fast",		GUP_FAST_BENCHMARK,	"put" },
	{ "pin-fast",		PIN_FAST_BENCHMARK,	"unpin" },
	{ "get-slow",		GUP_BASIC_TEST,		NULL },
	{ "pin-slow",		PIN_BASIC_TEST,		NULL },
	{ "pin-longterm",	PIN_LONGTERM_BENCHMARK,	NULL },
};

/* The less a page costs, the more pages the driver's clock needs. */
static const struct kind kinds[] = {
	{ "4k",		32 * MIB,	true,	GUP_ANON },
	{ "64k",	128 * MIB,	true,	GUP_ANON_64K },
	{ "thp",	512 * MIB,	true,	GUP_THP },
	{ "hugetlb",	512 * MIB,	true,	GUP_HUGETLB_2M },
	{ "shmem",	32 * MIB,	true,	GUP_SHMEM | GUP_SHARED },
	/* The file system refuses long-term pins for writing. */
	{ "ext4",	32 * MIB,	false,	GUP_EXT4 | GUP_SHARED },
};

/* Pages per call. 0 means all. */
static const unsigned int batches[] = { 1, 16, USUAL_BATCH, 0 };

int driver;
int rounds;
static char **patterns;

void fail(const char *what)
{
	printf("gup_cost: %s: %s\n", what, strerror(errno));
	exit(1);
}

void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		fail(path);
}

double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

bool wanted(const char *name)
{
	if (!*patterns)
		return true;
	for (char **pattern = patterns; *pattern; pattern++) {
		if (!fnmatch(*pattern, name, 0))
			return true;
	}
	return false;
}

void report(const char *name, unsigned long pages, double usec)
{
	if (wanted(name))
		printf("%s %lu %.3f\n", name, pages, usec);
}

void run_driver(unsigned long ioctl_nr, struct gup_test *request, const char *name)
{
	unsigned long size = request->size;

	if (ioctl(driver, ioctl_nr, request))
		fail(name);
	if (request->size == size)
		return;
	printf("gup_cost: %s: only %llu of %lu bytes were taken\n", name, request->size, size);
	exit(1);
}

static char *must_be(char *mem, unsigned long size, const char *why)
{
	if (!mem) {
		printf("gup_cost: cannot map %lu KiB: %s\n", size / KIB, why);
		exit(1);
	}
	return mem;
}

char *map_memory(unsigned int kind, unsigned long size)
{
	const char *why;
	char *mem = gup_map(kind, size, &why);

	must_be(mem, size, why);
	/* khugepaged is not to give the file huge pages, at a time that nobody knows. */
	if (kind == (GUP_EXT4 | GUP_SHARED) &&
	    madvise(mem, size, MADV_NOHUGEPAGE) && errno != EINVAL)
		fail("madvise");
	gup_touch(mem, size);
	/* Nothing is to be written back while somebody measures. */
	msync(mem, size, MS_SYNC);
	return mem;
}

char *map_repeated(unsigned int kind, unsigned long chunk, unsigned long size)
{
	const char *why;
	char *mem = gup_map_repeated(kind, chunk, size, &why);

	return must_be(mem, size, why);
}

void use_folios(unsigned long size)
{
	/* The sizes that the kernel may be told to allocate. */
	static const unsigned long sizes[] = { 64 * KIB, 2 * MIB };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (gup_set_folios(sizes[i], sizes[i] == size ? "always" : "never"))
			fail("hugepages-*kB/enabled");
	}
}

/* Make the folios active, so that no round does it. That takes two accesses. */
static void settle(const struct area *area)
{
	struct gup_test request = {
		.addr = (unsigned long)area->mem,
		.size = area->kind->size,
		.nr_pages_per_call = USUAL_BATCH,
		.gup_flags = area->kind->write ? FOLL_WRITE : 0,
	};

	for (int i = 0; i < 3; i++)
		run_driver(GUP_BASIC_TEST, &request, area->kind->name);
}

static void need(struct area *area)
{
	if (area->mem)
		return;
	area->mem = map_memory(area->kind->kind, area->kind->size);
	settle(area);
}

/* @release is empty if the scenario does not measure it. */
static void name_scenario(const struct kind *kind, const struct way *way, unsigned int batch,
			  char *name, char *release)
{
	if (batch)
		snprintf(name, NAME_LENGTH, "%s/%s/%u", way->name, kind->name, batch);
	else
		snprintf(name, NAME_LENGTH, "%s/%s/all", way->name, kind->name);
	*release = '\0';
	/* The driver releases all pages at once: one batch size is enough. */
	if (way->release && batch == USUAL_BATCH)
		snprintf(release, NAME_LENGTH, "%s/%s", way->release, kind->name);
}

static void bench_scenario(struct area *area, const struct way *way, unsigned int batch)
{
	char name[NAME_LENGTH], release[NAME_LENGTH];
	struct gup_test request = {
		.size = batch && batch < USUAL_BATCH ? SMALL_BATCH_SIZE : area->kind->size,
		.gup_flags = area->kind->write ? FOLL_WRITE : 0,
	};
	unsigned long pages = request.size / PAGE;

	name_scenario(area->kind, way, batch, name, release);
	if (!wanted(name) && !(*release && wanted(release)))
		return;
	need(area);
	request.addr = (unsigned long)area->mem;
	request.nr_pages_per_call = batch ? batch : pages;
	/* The first run may migrate pages. */
	run_driver(way->ioctl, &request, name);
	for (int i = 0; i < rounds; i++) {
		run_driver(way->ioctl, &request, name);
		report(name, pages, request.get_delta_usec);
		if (*release)
			report(release, pages, request.put_delta_usec);
	}
}

static void bench_kind(const struct kind *kind)
{
	struct area area = { .kind = kind };

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(batches); j++)
			bench_scenario(&area, &ways[i], batches[j]);
	}
	if (area.mem)
		munmap(area.mem, kind->size);
}

static void bench_single(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		bench_kind(&kinds[i]);
	bench_calls();
	bench_scale();
}

static const struct group groups[] = {
	{ "single",	bench_single },
	{ "threads",	bench_threads },
	{ "latency",	bench_latency },
	{ "hold",	bench_hold },
	{ "users",	bench_users },
	{ "fio",	bench_fio },
};

static const struct group *find_group(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (!strcmp(groups[i].name, name))
			return &groups[i];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct group *group = argc > 2 ? find_group(argv[1]) : NULL;

	rounds = group ? atoi(argv[2]) : 0;
	if (rounds < 1) {
		printf("usage: gup_cost GROUP ROUNDS [PATTERN]...\n");
		return 1;
	}
	patterns = argv + 3;
	setlinebuf(stdout);
	driver = open("/sys/kernel/debug/gup_test", O_RDWR);
	if (driver < 0)
		fail("/sys/kernel/debug/gup_test");
	group->run();
	return 0;
}
