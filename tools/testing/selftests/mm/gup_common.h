/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every gup_*.c test shares: memory of each kind, patterns to recognise
 * it by, the driver's long-term pins, child processes and the pin statistics.
 *
 * A helper that cannot do its job ends the process with KSFT_FAIL and says
 * why; it returns NULL or -1 only where the caller is to SKIP().
 */
#ifndef GUP_COMMON_H
#define GUP_COMMON_H

#include "kselftest_harness.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include <mm/gup_test.h>

#include "vm_util.h"
#include "hugepage_settings.h"

#define GUP_DRIVER	"/sys/kernel/debug/gup_test"
#define NO_DRIVER	"needs CONFIG_GUP_TEST, root and debugfs at /sys/kernel/debug"
#define NO_THP		"the kernel gave no THP (disabled, or memory is fragmented)"
#define NO_HUGETLB	"needs CONFIG_HUGETLBFS and free huge pages"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#endif

#define MUST(cond) gup_must(!!(cond), #cond, __FILE__, __LINE__)

static inline void gup_must(bool ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	fprintf(stderr, "# %s:%d: cannot go on, failed: %s (%s)\n", file, line, what,
		strerror(errno));
	_exit(KSFT_FAIL);
}

/* Memory that another thread or process uses at the same time. */
#define gup_load(p)	__atomic_load_n(p, __ATOMIC_SEQ_CST)
#define gup_store(p, v)	__atomic_store_n(p, v, __ATOMIC_SEQ_CST)

/* Patterns: each 8 bytes say which seed and which offset they belong to. */

static inline uint64_t gup_word(uint64_t seed, size_t off)
{
	return (seed << 48) ^ (off * 0x9e3779b97f4a7c15ull) ^ 0x5a5a5a5aull;
}

static inline void gup_fill(char *mem, size_t len, uint64_t seed)
{
	for (size_t off = 0; off < len; off += sizeof(uint64_t))
		__atomic_store_n((uint64_t *)(mem + off), gup_word(seed, off), __ATOMIC_RELAXED);
}

/* Offset of the first byte that differs, len if none does. */
static inline size_t gup_differs(const char *mem, size_t len, uint64_t seed)
{
	for (size_t off = 0; off < len; off += sizeof(uint64_t))
		if (FORCE_READ(*(const uint64_t *)(mem + off)) != gup_word(seed, off))
			return off;
	return len;
}

static inline size_t gup_nonzero(const char *mem, size_t len)
{
	for (size_t off = 0; off < len; off++)
		if (FORCE_READ(mem[off]))
			return off;
	return len;
}

/* Memory */

enum gup_mem {
	GUP_ANON,
	GUP_THP,
	GUP_THP_PTES,		/* a THP mapped by PTEs */
	GUP_HUGETLB,
	GUP_SHMEM,
	GUP_FILE_PRIVATE,	/* copies of a memfd's pages */
};

#define GUP_HUGE_SIZE	(2ul << 20)

static inline char *gup_mmap(size_t len, int prot, int flags, int fd)
{
	char *mem = mmap(NULL, len, prot, flags, fd, 0);

	MUST(mem != MAP_FAILED);
	return mem;
}

static inline char *gup_map_anon(size_t len)
{
	char *mem = gup_mmap(len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	/* -EINVAL: a kernel without THP, where there is nothing to switch off */
	MUST(!madvise(mem, len, MADV_NOHUGEPAGE) || errno == EINVAL);
	return mem;
}

/* Anonymous address space aligned to a huge page, without pages. */
static inline char *gup_map_aligned(size_t len)
{
	char *raw = gup_mmap(len + GUP_HUGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	char *mem = (char *)(((uintptr_t)raw + GUP_HUGE_SIZE - 1) & ~(GUP_HUGE_SIZE - 1));

	if (mem != raw)
		MUST(!munmap(raw, mem - raw));
	MUST(!munmap(mem + len, raw + GUP_HUGE_SIZE - mem));
	return mem;
}

/* All of it THP (len: a multiple of GUP_HUGE_SIZE), or NULL. */
static inline char *gup_map_thp(size_t len)
{
	char *mem;

	if (!thp_is_enabled() || read_pmd_pagesize() != GUP_HUGE_SIZE)
		return NULL;
	mem = gup_map_aligned(len);
	MUST(!madvise(mem, len, MADV_HUGEPAGE));
	for (size_t off = 0; off < len; off += GUP_HUGE_SIZE)
		mem[off] = 1;
	if (check_huge_anon(mem, len, len / GUP_HUGE_SIZE, GUP_HUGE_SIZE))
		return mem;
	munmap(mem, len);
	return NULL;
}

/* mprotect() of one page makes the kernel map all of the huge page by PTEs. */
static inline void gup_split_table(char *thp)
{
	MUST(!mprotect(thp, psize(), PROT_READ));
	MUST(!mprotect(thp, psize(), PROT_READ | PROT_WRITE));
}

static inline char *gup_map_thp_ptes(size_t len)
{
	char *mem = gup_map_thp(len);

	for (size_t off = 0; mem && off < len; off += GUP_HUGE_SIZE)
		gup_split_table(mem + off);
	return mem;
}

/* Memory of the movable zones, in bytes. */
static inline size_t gup_movable_memory(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	size_t pages, sum = 0;
	bool movable = false;
	char line[256], zone[32];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %*d, zone %31s", zone) == 1)
			movable = !strcmp(zone, "Movable");
		else if (movable && sscanf(line, " present %zu", &pages) == 1)
			sum += pages * psize();
	}
	if (f)
		fclose(f);
	return sum;
}

/*
 * The pool of huge pages is filled from the movable zones first, where nothing
 * may be pinned for long: have nr pages more than fit in there.
 */
static inline void gup_setup_hugetlb(unsigned long nr)
{
	unsigned long size = default_huge_page_size();

	if (size)
		hugetlb_setup_default(nr + gup_movable_memory() / size);
}

#define GUP_HUGETLB_PAGES(nr)						\
static void __attribute__((constructor)) gup_set_up_hugetlb(void)	\
{									\
	gup_setup_hugetlb(nr);						\
}

static inline char *gup_map_hugetlb(size_t len)
{
	char *mem = mmap(NULL, len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

static inline int gup_memfd(size_t len)
{
	int fd = syscall(__NR_memfd_create, "gup", 0);

	MUST(fd >= 0 && !ftruncate(fd, len));
	return fd;
}

/* A memfd whose pages are filled, which nobody has mapped. */
static inline int gup_memfd_filled(size_t len, uint64_t seed)
{
	int fd = gup_memfd(len);
	char *mem = gup_mmap(len, PROT_READ | PROT_WRITE, MAP_SHARED, fd);

	gup_fill(mem, len, seed);
	MUST(!munmap(mem, len));
	return fd;
}

static inline size_t gup_fd_differs(int fd, size_t len, uint64_t seed)
{
	char *mem = gup_mmap(len, PROT_READ, MAP_SHARED, fd);
	size_t at = gup_differs(mem, len, seed);

	MUST(!munmap(mem, len));
	return at;
}

static inline char *gup_map_memfd(size_t len, int flags)
{
	int fd = gup_memfd(len);
	char *mem = gup_mmap(len, PROT_READ | PROT_WRITE, flags, fd);

	close(fd);
	return mem;
}

/* Writable memory of that kind; NULL with *why set when there is none here. */
static inline char *gup_map(enum gup_mem kind, size_t len, const char **why)
{
	*why = kind == GUP_HUGETLB ? NO_HUGETLB : NO_THP;
	switch (kind) {
	case GUP_ANON:
		return gup_map_anon(len);
	case GUP_THP:
		return gup_map_thp(len);
	case GUP_THP_PTES:
		return gup_map_thp_ptes(len);
	case GUP_HUGETLB:
		return gup_map_hugetlb(len);
	case GUP_SHMEM:
		return gup_map_memfd(len, MAP_SHARED);
	case GUP_FILE_PRIVATE:
		return gup_map_memfd(len, MAP_PRIVATE);
	}
	return NULL;
}

/* pagemap entry, see Documentation/admin-guide/mm/pagemap.rst */
static inline uint64_t gup_pagemap(const char *addr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	MUST(fd >= 0);
	entry = pagemap_get_entry(fd, (char *)addr);
	close(fd);
	return entry;
}

/* /proc/pid/mem: the kernel uses FOLL_FORCE there. */

static inline int gup_open_mem(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	MUST(fd >= 0);
	return fd;
}

static inline ssize_t gup_force_write(char *addr, const void *src, size_t len)
{
	int fd = gup_open_mem(getpid());
	ssize_t ret = pwrite(fd, src, len, (uintptr_t)addr);
	int err = errno;

	close(fd);
	errno = err;
	return ret;
}

/* The driver's long-term pins: one range per open file. */

static inline int gup_driver(void)
{
	return open(GUP_DRIVER, O_RDWR | O_CLOEXEC);
}

static inline int gup_pin(int fd, char *mem, size_t len, unsigned int flags)
{
	struct pin_longterm_test arg = {
		.addr = (uintptr_t)mem,
		.size = len,
		.flags = flags,
	};

	return ioctl(fd, PIN_LONGTERM_TEST_START, &arg);
}

/* Copies what the pinned pages hold to buf. */
static inline void gup_pin_read(int fd, char *buf)
{
	uint64_t addr = (uintptr_t)buf;

	MUST(!ioctl(fd, PIN_LONGTERM_TEST_READ, &addr));
}

static inline void gup_unpin(int fd)
{
	MUST(!ioctl(fd, PIN_LONGTERM_TEST_STOP));
}

/* Children and time */

/* The child dies with its parent, so that a failed test leaves none behind. */
static inline pid_t gup_fork(void)
{
	pid_t pid = fork();

	MUST(pid >= 0);
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* The exit code, or 128 + the signal that killed it. */
static inline int gup_join(pid_t pid)
{
	int status;

	MUST(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline void gup_thread(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	errno = pthread_create(thread, NULL, fn, arg);
	MUST(!errno);
}

/* Steps which two processes or threads take in turn, in memory they share. */
static inline int *gup_steps(void)
{
	return (int *)gup_mmap(psize(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
}

static inline void gup_step(int *steps, int step)
{
	gup_store(steps, step);
}

static inline void gup_wait(int *steps, int step)
{
	while (gup_load(steps) < step)
		sched_yield();
}

static inline double gup_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static inline long gup_vmstat(const char *name)
{
	FILE *f = fopen("/proc/vmstat", "r");
	char line[128];
	long value;

	MUST(f && check_for_pattern(f, name, line, sizeof(line)));
	fclose(f);
	MUST(sscanf(line, "%*s %ld", &value) == 1);
	return value;
}

/* The node statistics have parts of each CPU: folds them into the totals. */
static inline void gup_fold_vmstat(void)
{
	int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	MUST(write(fd, "1", 1) == 1);
	close(fd);
}

/* Pins taken since boot, by anybody. */
static inline long gup_pins_acquired(void)
{
	gup_fold_vmstat();
	return gup_vmstat("nr_foll_pin_acquired ");
}

/* Pins that nobody has released yet. */
static inline long gup_pins_held(void)
{
	return gup_pins_acquired() - gup_vmstat("nr_foll_pin_released ");
}

/* Rings and direct I/O let go of their pages a little after close(). */
static inline long gup_pins_settle(long want)
{
	double end = gup_now() + 10;
	long held = gup_pins_held();

	while (held != want && gup_now() < end) {
		usleep(20000);
		held = gup_pins_held();
	}
	return held;
}

static long gup_pins_before;

static void __attribute__((constructor)) gup_count_pins(void)
{
	gup_pins_before = gup_pins_held();
}

#endif /* GUP_COMMON_H */
