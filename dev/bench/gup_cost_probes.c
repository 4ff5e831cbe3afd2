// SPDX-License-Identifier: GPL-2.0
/*
 * Probes measure how long a request blocks others. The request runs between begin() and
 * end(), and end() returns the longest time in microseconds.
 *
 * Two probes are real-time threads on the same CPU that wake up periodically. One has
 * to wait while interrupts or preemption are off, as under a page table lock. The other
 * also takes mmap_lock for writing. The other probes read the irqsoff tracer and the
 * lock statistics, for which the kernel needs options.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>

#include "gup_cost.h"

#define PERIOD_USEC	50

#define LOCK_STAT	"/proc/lock_stat"

struct watcher {
	pthread_t id;
	bool takes_mmap_lock;
	atomic_bool stop;
	double longest;
};

static struct watcher watcher;

static void sleep_until(double usec)
{
	struct timespec time = {
		.tv_sec = usec / 1e6,
	};

	time.tv_nsec = (usec - time.tv_sec * 1e6) * 1e3;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

static void take_mmap_lock(void)
{
	void *page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		fail("mmap");
	munmap(page, PAGE);
}

static void *watch(void *arg)
{
	double due = now(), late;

	while (!watcher.stop) {
		due += PERIOD_USEC;
		sleep_until(due);
		if (watcher.takes_mmap_lock)
			take_mmap_lock();
		late = now() - due;
		if (late > watcher.longest)
			watcher.longest = late;
		if (late > PERIOD_USEC)
			due += late;
	}
	return NULL;
}

static void start_watcher(bool takes_mmap_lock)
{
	struct sched_param parameters = { .sched_priority = 50 };
	pthread_attr_t attributes;

	watcher = (struct watcher) { .takes_mmap_lock = takes_mmap_lock };
	pthread_attr_init(&attributes);
	pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
	pthread_attr_setschedparam(&attributes, &parameters);
	if (pthread_create(&watcher.id, &attributes, watch, NULL))
		fail("pthread_create");
	pthread_attr_destroy(&attributes);
}

static void begin_wakeup(void)
{
	start_watcher(false);
}

static void begin_mmap_lock(void)
{
	start_watcher(true);
}

static double end_watcher(void)
{
	watcher.stop = true;
	pthread_join(watcher.id, NULL);
	return watcher.longest;
}

const struct probe wakeup = { "wakeup", begin_wakeup, end_watcher };
const struct probe mmap_lock_wait = { "mmap-lock", begin_mmap_lock, end_watcher };

static void begin_irqs_off(void)
{
	if (mount("tracefs", TRACING, "tracefs", 0, NULL) && errno != EBUSY)
		fail(TRACING);
	write_file(TRACING "current_tracer", "irqsoff");
	write_file(TRACING "tracing_max_latency", "0");
}

static double end_irqs_off(void)
{
	FILE *file = fopen(TRACING "tracing_max_latency", "r");
	double longest;

	if (!file || fscanf(file, "%lf", &longest) != 1)
		fail(TRACING "tracing_max_latency");
	fclose(file);
	write_file(TRACING "current_tracer", "nop");
	return longest;
}

const struct probe irqs_off = { "irqs-off", begin_irqs_off, end_irqs_off };

static void begin_lock(void)
{
	write_file(LOCK_STAT, "0");
}

/* What the statistics tell of a class of locks. */
struct lock {
	unsigned long taken;
	double longest;		/* hold, in microseconds */
};

/* Reads a line of the statistics: the name of a class, and what they tell of it. */
static bool read_lock(const char *line, char *class, struct lock *lock)
{
	/* Seven columns with counts and waiting times come first. */
	return sscanf(line, " %63[^:]: %*s %*s %*s %*s %*s %*s %*s %lu %*s %lf",
		      class, &lock->taken, &lock->longest) == 3;
}

/* All classes that begin with @class. Those that nobody has taken are not listed. */
static struct lock end_lock(const char *class)
{
	struct lock sum = {}, lock;
	char line[512], name[64];
	/* Opening it stops the count. What comes next may take mmap_lock. */
	int fd = open(LOCK_STAT, O_RDONLY);
	FILE *file = fdopen(fd, "r");

	if (!file)
		fail(LOCK_STAT);
	while (fgets(line, sizeof(line), file)) {
		if (!read_lock(line, name, &lock) || strncmp(name, class, strlen(class)))
			continue;
		sum.taken += lock.taken;
		if (lock.longest > sum.longest)
			sum.longest = lock.longest;
	}
	fclose(file);
	return sum;
}

static double end_page_table_lock(void)
{
	struct lock lock = end_lock("ptlock_ptr(");

	if (!lock.taken) {
		errno = ENOENT;
		fail("page table locks in " LOCK_STAT);
	}
	return lock.longest;
}

static double end_mmap_lock_held(void)
{
	return end_lock("&mm->mmap_lock").longest;
}

/* A count, in the place of nanoseconds */
static double end_mmap_lock_taken(void)
{
	return end_lock("&mm->mmap_lock").taken / 1e3;
}

const struct probe page_table_lock_held = { "page-table-lock", begin_lock, end_page_table_lock };
const struct probe mmap_lock_held = { "mmap-lock", begin_lock, end_mmap_lock_held };
const struct probe mmap_lock_taken = { "mmap-lock-taken", begin_lock, end_mmap_lock_taken };
