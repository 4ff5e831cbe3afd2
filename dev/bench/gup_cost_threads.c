// SPDX-License-Identifier: GPL-2.0
/*
 * Several CPUs pin and unpin at the same time, either disjoint memory or the same. The
 * result is the time per page on one CPU.
 */
#include <pthread.h>
#include <stdio.h>

#include "gup_cost.h"

#define MAX_THREADS	4
#define THREAD_SIZE	(32 * MIB)

struct range {
	const char *name;
	unsigned long stride;
};

struct gang {
	char name[NAME_LENGTH];
	unsigned long ioctl;
	int nr_threads;
	char *mem;
	unsigned long stride;
	pthread_barrier_t start;
};

struct thread {
	pthread_t id;
	struct gang *gang;
	char *mem;
	unsigned long usec;
};

static const struct range ranges[] = {
	{ "disjoint",	THREAD_SIZE },
	{ "same",	0 },
};

static void *pin_range(void *arg)
{
	struct thread *thread = arg;
	struct gup_test request = {
		.addr = (unsigned long)thread->mem,
		.size = THREAD_SIZE,
		.nr_pages_per_call = USUAL_BATCH,
		.gup_flags = FOLL_WRITE,
	};

	pthread_barrier_wait(&thread->gang->start);
	run_driver(thread->gang->ioctl, &request, thread->gang->name);
	thread->usec = request.get_delta_usec + request.put_delta_usec;
	return NULL;
}

/* Returns the sum of the times of all threads, in microseconds. */
static unsigned long run_gang(struct gang *gang)
{
	struct thread threads[MAX_THREADS];
	unsigned long usec = 0;

	pthread_barrier_init(&gang->start, NULL, gang->nr_threads);
	for (int i = 0; i < gang->nr_threads; i++) {
		threads[i].gang = gang;
		threads[i].mem = gang->mem + i * gang->stride;
		if (pthread_create(&threads[i].id, NULL, pin_range, &threads[i]))
			fail("pthread_create");
	}
	for (int i = 0; i < gang->nr_threads; i++) {
		pthread_join(threads[i].id, NULL);
		usec += threads[i].usec;
	}
	pthread_barrier_destroy(&gang->start);
	return usec;
}

static void bench_gang(struct gang *gang)
{
	run_gang(gang);
	for (int i = 0; i < rounds; i++)
		report(gang->name, gang->nr_threads * THREAD_SIZE / PAGE, run_gang(gang));
}

static void bench_memory(const char *kind, unsigned int memory, const char *way,
			 unsigned long ioctl_nr)
{
	struct gang gang = { .ioctl = ioctl_nr };

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		gang.stride = ranges[i].stride;
		for (gang.nr_threads = 1; gang.nr_threads <= MAX_THREADS; gang.nr_threads *= 2) {
			snprintf(gang.name, sizeof(gang.name), "threads/%s/%s/%s/%d",
				 way, kind, ranges[i].name, gang.nr_threads);
			if (!wanted(gang.name))
				continue;
			if (!gang.mem)
				gang.mem = map_memory(memory, MAX_THREADS * THREAD_SIZE);
			bench_gang(&gang);
		}
	}
	if (gang.mem)
		munmap(gang.mem, MAX_THREADS * THREAD_SIZE);
}

void bench_threads(void)
{
	bench_memory("4k", GUP_ANON, "pin-fast", PIN_FAST_BENCHMARK);
	bench_memory("4k", GUP_ANON, "pin-slow", PIN_BASIC_TEST);
	bench_memory("thp", GUP_THP, "pin-fast", PIN_FAST_BENCHMARK);
	bench_memory("thp", GUP_THP, "pin-slow", PIN_BASIC_TEST);
}
