// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
/*
 * Measures what programs see: calls that fault in memory, and system calls that need a
 * single page.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/types.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "gup_cost.h"

#define COLD_SIZE	(32 * MIB)
#define DIRECT_SIZE	(64 * MIB)
#define RING_SIZE	(64 * MIB)
#define RANDOM_SIZE	(256 * MIB)
#define RANDOM_CALLS	8192
/* The amount that process_vm_writev() pins at once. */
#define DIRTY_CHUNK	(4 * MIB)
#define DIRTY_SIZE	(128 * MIB)

struct folios {
	const char *name;
	unsigned long size;
};

/* @use makes the memory present. If it is NULL, mmap() does. */
struct cold {
	const char *name;
	int mmap_flags;
	double (*use)(char *mem);
};

struct one_page {
	const char *name;
	bool (*call)(char *page);
};

static int ram_disk;

static double pin_cold(char *mem, unsigned long ioctl_nr)
{
	struct gup_test request = {
		.addr = (unsigned long)mem,
		.size = COLD_SIZE,
		.nr_pages_per_call = USUAL_BATCH,
		.gup_flags = FOLL_WRITE,
	};

	run_driver(ioctl_nr, &request, "cold");
	return request.get_delta_usec;
}

static double pin_fast_cold(char *mem)
{
	return pin_cold(mem, PIN_FAST_BENCHMARK);
}

static double pin_longterm_cold(char *mem)
{
	return pin_cold(mem, PIN_LONGTERM_BENCHMARK);
}

static double mlock_cold(char *mem)
{
	double begin = now();

	if (mlock(mem, COLD_SIZE))
		fail("mlock");
	return now() - begin;
}

static const struct folios folios[] = {
	{ "4k",		PAGE },
	{ "64k",	64 * KIB },
	{ "thp",	2 * MIB },
};

static const struct cold colds[] = {
	{ "pin-fast",		0,		pin_fast_cold },
	{ "pin-longterm",	0,		pin_longterm_cold },
	{ "mlock",		0,		mlock_cold },
	{ "populate",		MAP_POPULATE,	NULL },
};

static double run_cold(const struct cold *cold)
{
	double begin = now(), usec;
	char *mem = gup_mmap(COLD_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | cold->mmap_flags, -1);

	usec = cold->use ? cold->use(mem) : now() - begin;
	munmap(mem, COLD_SIZE);
	return usec;
}

static void bench_cold(const struct cold *cold, const struct folios *kind)
{
	char name[NAME_LENGTH];

	snprintf(name, sizeof(name), "cold/%s/%s", cold->name, kind->name);
	if (!wanted(name))
		return;
	use_folios(kind->size);
	run_cold(cold);
	for (int i = 0; i < rounds; i++)
		report(name, COLD_SIZE / PAGE, run_cold(cold));
}

/* The futex is shared: its key is made from the page. */
static bool wake_futex(char *page)
{
	return syscall(SYS_futex, page, FUTEX_WAKE, 1, NULL, NULL, 0) == 0;
}

static bool read_directly(char *page)
{
	return pread(ram_disk, page, PAGE, 0) == PAGE;
}

static bool read_remotely(char *page)
{
	__u64 word;
	struct iovec here = { &word, sizeof(word) };
	struct iovec there = { page, sizeof(word) };

	return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == sizeof(word);
}

static bool write_remotely(char *page)
{
	__u64 word = 1;
	struct iovec here = { &word, sizeof(word) };
	struct iovec there = { page, sizeof(word) };

	return process_vm_writev(getpid(), &here, 1, &there, 1, 0) == sizeof(word);
}

static const struct one_page one_pages[] = {
	{ "futex",		wake_futex },
	{ "direct-io",		read_directly },
	{ "vm-readv",		read_remotely },
	{ "vm-writev",		write_remotely },
};

/* The sequence is the same in every run. */
static __u32 next_random(__u32 value)
{
	value ^= value << 13;
	value ^= value >> 17;
	return value ^ value << 5;
}

static double run_one_page(const struct one_page *one_page, char *mem)
{
	__u32 random = 1;
	double begin = now();

	for (int i = 0; i < RANDOM_CALLS; i++) {
		random = next_random(random);
		if (!one_page->call(mem + random % (RANDOM_SIZE / PAGE) * PAGE))
			fail(one_page->name);
	}
	return now() - begin;
}

static void bench_one_page(const struct one_page *one_page, const char *kind,
			   unsigned int memory)
{
	char name[NAME_LENGTH];
	char *mem;

	snprintf(name, sizeof(name), "one/%s/%s", one_page->name, kind);
	if (!wanted(name))
		return;
	mem = map_memory(memory, RANDOM_SIZE);
	run_one_page(one_page, mem);
	for (int i = 0; i < rounds; i++)
		report(name, RANDOM_CALLS, run_one_page(one_page, mem));
	munmap(mem, RANDOM_SIZE);
}

/*
 * Pins a chunk and releases it dirty, but copies nothing, because the source cannot
 * be read.
 */
static void pin_and_dirty(char *mem, char *unreadable)
{
	struct iovec here = { unreadable, DIRTY_CHUNK };
	struct iovec there = { mem, DIRTY_CHUNK };

	if (process_vm_writev(getpid(), &here, 1, &there, 1, 0) != -1 || errno != EFAULT)
		fail("process_vm_writev");
}

static double run_dirty(char *mem, char *unreadable)
{
	double begin = now();

	for (unsigned long done = 0; done < DIRTY_SIZE; done += DIRTY_CHUNK)
		pin_and_dirty(mem + done, unreadable);
	return now() - begin;
}

static void bench_dirty(const char *kind, unsigned int memory)
{
	char name[NAME_LENGTH];
	char *mem, *unreadable;

	snprintf(name, sizeof(name), "dirty/%s", kind);
	if (!wanted(name))
		return;
	mem = map_memory(memory, DIRTY_SIZE);
	unreadable = gup_mmap(DIRTY_CHUNK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	run_dirty(mem, unreadable);
	for (int i = 0; i < rounds; i++)
		report(name, DIRTY_SIZE / PAGE, run_dirty(mem, unreadable));
	munmap(unreadable, DIRTY_CHUNK);
	munmap(mem, DIRTY_SIZE);
}

static const struct {
	const char *name;
	unsigned long size;
} direct_reads[] = {
	{ "4k",		4 * KIB },
	{ "64k",	64 * KIB },
	{ "128k",	128 * KIB },
	{ "1m",		MIB },
};

/* Reads @size bytes at a time from a disk that does nothing. */
static double run_direct(int disk, char *mem, unsigned long size)
{
	double begin = now();

	for (unsigned long done = 0; done < DIRECT_SIZE; done += size) {
		if (pread(disk, mem + done, size, 0) != (ssize_t)size)
			fail("pread from /dev/nullb0");
	}
	return now() - begin;
}

static void bench_direct(const char *kind, unsigned int memory)
{
	int disk = open("/dev/nullb0", O_RDONLY | O_DIRECT);
	char *mem = map_memory(memory, DIRECT_SIZE);

	if (disk < 0)
		fail("/dev/nullb0");
	for (size_t i = 0; i < ARRAY_SIZE(direct_reads); i++) {
		const unsigned long size = direct_reads[i].size;
		char name[NAME_LENGTH];

		snprintf(name, sizeof(name), "direct/%s/%s", kind, direct_reads[i].name);
		if (!wanted(name))
			continue;
		run_direct(disk, mem, size);
		for (int j = 0; j < rounds; j++)
			report(name, DIRECT_SIZE / size, run_direct(disk, mem, size));
	}
	munmap(mem, DIRECT_SIZE);
	close(disk);
}

int open_ring(void)
{
	struct io_uring_params params = {};
	const int ring = syscall(SYS_io_uring_setup, 1, &params);

	if (ring < 0)
		fail("io_uring_setup");
	return ring;
}

void register_buffer(int ring, char *mem, unsigned long size)
{
	struct iovec iov = { mem, size };

	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1))
		fail("io_uring_register");
}

void unregister_buffer(int ring)
{
	if (syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0))
		fail("io_uring_register");
}

/* Buffers of 16 GiB are a file of @chunk bytes that is mapped over and over. */
static const struct buffer {
	const char *name;
	unsigned int kind;
	unsigned long size;
	unsigned long chunk;
} buffers[] = {
	{ "4k",			GUP_ANON,	RING_SIZE },
	{ "64k",		GUP_ANON_64K,	RING_SIZE },
	{ "thp",		GUP_THP,	RING_SIZE },
	{ "hugetlb",		GUP_HUGETLB,	RING_SIZE },
	{ "16g-of-4k",		GUP_SHMEM,	16 * GIB,	128 * MIB },
	{ "16g-of-hugetlb",	GUP_HUGETLB_2M,	16 * GIB,	128 * MIB },
	{ "16g-of-1g",		GUP_HUGETLB_1G,	16 * GIB,	GIB },
};

/* A fixed buffer of io_uring is pinned and given back. */
static void bench_ring(const struct buffer *buffer)
{
	const char *group = buffer->chunk ? "scale" : "ring";
	char name[NAME_LENGTH], back[NAME_LENGTH], *mem;
	const unsigned long size = buffer->size;
	int ring;

	snprintf(name, sizeof(name), "%s/register/%s", group, buffer->name);
	snprintf(back, sizeof(back), "%s/unregister/%s", group, buffer->name);
	if (!wanted(name) && !wanted(back))
		return;
	ring = open_ring();
	mem = buffer->chunk ? map_repeated(buffer->kind, buffer->chunk, size) :
			      map_memory(buffer->kind, size);
	for (int i = -1; i < rounds; i++) {
		const double begin = now();
		double between;

		register_buffer(ring, mem, size);
		between = now();
		unregister_buffer(ring);
		if (i < 0)
			continue;
		report(back, size / PAGE, now() - between);
		report(name, size / PAGE, between - begin);
	}
	munmap(mem, size);
	close(ring);
}

void bench_calls(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(buffers); i++)
		bench_ring(&buffers[i]);
	bench_direct("4k", GUP_ANON);
	bench_direct("64k", GUP_ANON_64K);
	bench_direct("thp", GUP_THP);
	bench_dirty("4k", GUP_ANON);
	bench_dirty("64k", GUP_ANON_64K);
	bench_dirty("thp", GUP_THP);
	for (size_t i = 0; i < ARRAY_SIZE(colds); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(folios); j++)
			bench_cold(&colds[i], &folios[j]);
	}
	ram_disk = open("/dev/ram0", O_RDWR | O_DIRECT);
	if (ram_disk < 0)
		fail("/dev/ram0");
	for (size_t i = 0; i < ARRAY_SIZE(one_pages); i++) {
		bench_one_page(&one_pages[i], "4k", GUP_ANON);
		bench_one_page(&one_pages[i], "thp", GUP_THP);
	}
	close(ram_disk);
}
