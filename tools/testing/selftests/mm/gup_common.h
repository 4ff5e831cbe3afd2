/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every gup_*.c test shares: patterns to recognise memory by, the driver's
 * long-term pins, child processes and the pin statistics. gup_mem.h has the memory.
 *
 * A helper that cannot do its job ends the process with KSFT_FAIL and says
 * why. It returns NULL or -1 only where the caller is to SKIP().
 */
#ifndef GUP_COMMON_H
#define GUP_COMMON_H

#ifdef GUP_NO_HARNESS	/* a program that prints results of its own */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest.h"
#else
#include "kselftest_harness.h"
#endif

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
#include "gup_mem.h"

#define GUP_DRIVER	"/sys/kernel/debug/gup_test"
#define NO_DRIVER	"needs CONFIG_GUP_TEST, root and debugfs at /sys/kernel/debug"
#define NO_SWAP		"needs swap space"
#define NO_HUGETLB	"needs CONFIG_HUGETLBFS and free huge pages"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#endif

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

/* Files of proc, sysfs and debugfs that take a word; errno says why one does not. */

static inline bool gup_write(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, word, strlen(word)) == (ssize_t)strlen(word);

	if (fd >= 0)
		close(fd);
	return done;
}

/* Fault injection, see Documentation/fault-injection/gup.rst */

#define GUP_FAIL	"/sys/kernel/debug/fail_gup"
#define NO_GUP_FAIL	"needs CONFIG_FAIL_GUP, CONFIG_FAULT_INJECTION_DEBUG_FS and root"

static inline bool gup_fail_set(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), GUP_FAIL "/%s", name);
	return gup_write(path, value);
}

/* What the machine has */

static inline bool gup_have_swap(void)
{
	char buf[512];
	int len = read_file("/proc/swaps", buf, sizeof(buf));
	const char *header_end = len ? strchr(buf, '\n') : NULL;

	return header_end && header_end[1];
}

/* The pool of huge pages */

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

/* Files */

/* A file of that kind whose pages are filled, and which nobody has mapped. */
static inline int gup_file_filled(unsigned int kind, size_t len, uint64_t seed)
{
	const char *why;
	int fd = gup_file(kind, len, &why);
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

/* The number behind @name in a file of lines "NAME NUMBER". */
static inline long gup_number_in(const char *path, const char *name)
{
	FILE *f = fopen(path, "r");
	char line[128];
	long value;

	MUST(f && check_for_pattern(f, name, line, sizeof(line)));
	fclose(f);
	MUST(sscanf(line, "%*s %ld", &value) == 1);
	return value;
}

static inline long gup_vmstat(const char *name)
{
	return gup_number_in("/proc/vmstat", name);
}

/* The node statistics have parts of each CPU: folds them into the totals. */
static inline void gup_fold_vmstat(void)
{
	static const char refresh[] = "/proc/sys/vm/stat_refresh";

	MUST(access(refresh, W_OK) || gup_write(refresh, "1"));
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
