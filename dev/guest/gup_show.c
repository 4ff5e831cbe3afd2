// SPDX-License-Identifier: GPL-2.0
/*
 * Pins one mapping of each kind in each way, through the gup_test driver, and prints
 * the results as a table. Fails if one of them is wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <gup_flags.h>
#include <gup_mem.h>
#include <mm/gup_test.h>

struct kind {
	const char *name;
	unsigned long size;
	bool write;
	bool longterm_refused;
	unsigned int kind;
};

struct way {
	const char *name;
	unsigned long ioctl;
	bool longterm;
};

static const struct way ways[] = {
	{ "fast",	PIN_FAST_BENCHMARK,	false },
	{ "slow",	PIN_BASIC_TEST,		false },
	{ "long-term",	PIN_LONGTERM_BENCHMARK,	true },
};

/* A long-term pin for writing is refused where the file system tracks dirty pages. */
static const struct kind kinds[] = {
	{ "4 KiB pages",	16 * MIB,	true,	false,	GUP_ANON },
	{ "2 MiB THP",		16 * MIB,	true,	false,	GUP_THP },
	{ "2 MiB hugetlb",	16 * MIB,	true,	false,	GUP_HUGETLB_2M },
	{ "1 GiB hugetlb",	GIB,		true,	false,	GUP_HUGETLB_1G },
	{ "shmem",		16 * MIB,	true,	false,	GUP_SHMEM | GUP_SHARED },
	{ "ext4 file, read",	16 * MIB,	false,	false,	GUP_EXT4 | GUP_SHARED },
	{ "ext4 file, write",	16 * MIB,	true,	true,	GUP_EXT4 | GUP_SHARED },
};

/* Pages pinned so far. Reading stat_refresh adds the counts of all CPUs to the total. */
static long pages_pinned(void)
{
	int refresh = open("/proc/sys/vm/stat_refresh", O_RDONLY);
	char key[64];
	long value, found = -1;
	FILE *file = fopen("/proc/vmstat", "r");

	if (read(refresh, key, sizeof(key)) < 0 || !file) {
		perror("/proc/vmstat");
		exit(1);
	}
	close(refresh);
	while (fscanf(file, "%63s %ld", key, &value) == 2) {
		if (!strcmp(key, "nr_foll_pin_acquired"))
			found = value;
	}
	fclose(file);
	return found;
}

/*
 * Returns NULL if the result is right, else what is wrong. A long-term pin that
 * migrates the pages pins them more than once.
 */
static const char *judge(const struct way *way, bool refused, int error,
			 long got, long pages, long counted)
{
	if (refused)
		return got ? "was not refused" : NULL;
	if (error)
		return strerror(error);
	if (got != pages)
		return "short";
	if (counted < pages || (counted > pages && !way->longterm))
		return "wrong pin count";
	return NULL;
}

static bool show(int fd, const struct kind *kind, const struct way *way, char *mem)
{
	struct gup_test request = {
		.addr = (unsigned long)mem,
		.size = kind->size,
		.nr_pages_per_call = 512,
		.gup_flags = kind->write ? FOLL_WRITE : 0,
	};
	bool refused = way->longterm && kind->longterm_refused;
	long page_size = sysconf(_SC_PAGESIZE);
	long before = pages_pinned();
	int error = ioctl(fd, way->ioctl, &request) ? errno : 0;
	long counted = pages_pinned() - before;
	long got = error ? 0 : request.size / page_size;
	const char *wrong = judge(way, refused, error, got, kind->size / page_size, counted);

	printf("%-18s %-10s %8ld  %-24s", kind->name, way->name, got,
	       wrong ? wrong : refused ? "refused, as it must be" : "ok");
	if (got)
		printf("%8llu us %8llu us", request.get_delta_usec, request.put_delta_usec);
	printf("\n");
	return !wrong;
}

static int show_kind(int fd, const struct kind *kind)
{
	const char *why;
	char *mem = gup_map(kind->kind, kind->size, &why);
	int failed = 0;

	if (!mem) {
		printf("%-18s cannot be mapped: %s\n", kind->name, why);
		return 1;
	}
	gup_touch(mem, kind->size);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		failed += !show(fd, kind, &ways[i], mem);
	munmap(mem, kind->size);
	return failed;
}

int main(void)
{
	int fd = open("/sys/kernel/debug/gup_test", O_RDWR);
	int failed = 0;

	if (fd < 0) {
		perror("/sys/kernel/debug/gup_test");
		return 1;
	}
	printf("%-18s %-10s %8s  %-24s%8s    %8s\n",
	       "memory", "pinned", "pages", "result", "pin", "unpin");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		failed += show_kind(fd, &kinds[i]);
	if (failed)
		printf("%d of the results above are wrong\n", failed);
	return failed ? 1 : 0;
}
