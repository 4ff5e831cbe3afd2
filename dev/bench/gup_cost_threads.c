// SPDX-License-Identifier: GPL-2.0
/*
 * Several CPUs pin and unpin at the same time, either disjoint memory or the same. The
 * result is the time per page on one CPU. Or they pin memory that is not there yet, while
 * one maps and unmaps memory all the time.
 */
#include <pthread.h>
#include <stdatomic.h>
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

/* What maps and unmaps, until the others are through. */
struct mapper {
	pthread_t id;
	struct gang *gang;
	atomic_bool stop;
	unsigned long pairs;
	double usec;
};

struct thread {
	pthread_t id;
	struct gang *gang;
	char *mem;
	unsigned long taken_usec;
	unsigned long released_usec;
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
	thread->taken_usec = request.get_delta_usec;
	thread->released_usec = request.put_delta_usec;
	return NULL;
}

static void start_gang(struct gang *gang, struct thread *threads)
{
	for (int i = 0; i < gang->nr_threads; i++) {
		threads[i].gang = gang;
		threads[i].mem = gang->mem + i * gang->stride;
		if (pthread_create(&threads[i].id, NULL, pin_range, &threads[i]))
			fail("pthread_create");
	}
}

static void join_gang(struct gang *gang, struct thread *threads)
{
	for (int i = 0; i < gang->nr_threads; i++)
		pthread_join(threads[i].id, NULL);
}

/* Returns the sum of the times of all threads, in microseconds. */
static unsigned long run_gang(struct gang *gang)
{
	struct thread threads[MAX_THREADS];
	unsigned long usec = 0;

	pthread_barrier_init(&gang->start, NULL, gang->nr_threads);
	start_gang(gang, threads);
	join_gang(gang, threads);
	for (int i = 0; i < gang->nr_threads; i++)
		usec += threads[i].taken_usec + threads[i].released_usec;
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

static void *map_and_unmap(void *arg)
{
	struct mapper *mapper = arg;
	double begin;

	pthread_barrier_wait(&mapper->gang->start);
	begin = now();
	do {
		char *page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED || munmap(page, PAGE))
			fail("mmap");
		mapper->pairs++;
	} while (!mapper->stop);
	mapper->usec = now() - begin;
	return NULL;
}

/* The gang pins new memory, while another thread maps and unmaps. */
static void run_churn(struct gang *gang, const char *pairs)
{
	const unsigned long size = gang->nr_threads * THREAD_SIZE;
	struct mapper mapper = { .gang = gang };
	struct thread threads[MAX_THREADS];
	unsigned long usec = 0;

	gang->mem = gup_mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	pthread_barrier_init(&gang->start, NULL, gang->nr_threads + 1);
	if (pthread_create(&mapper.id, NULL, map_and_unmap, &mapper))
		fail("pthread_create");
	start_gang(gang, threads);
	join_gang(gang, threads);
	mapper.stop = true;
	pthread_join(mapper.id, NULL);
	for (int i = 0; i < gang->nr_threads; i++)
		usec += threads[i].taken_usec;
	report(gang->name, size / PAGE, usec);
	report(pairs, mapper.pairs, mapper.usec);
	pthread_barrier_destroy(&gang->start);
	munmap(gang->mem, size);
}

static void bench_churn(int nr_cpus)
{
	struct gang gang = {
		.ioctl = PIN_FAST_BENCHMARK,
		.nr_threads = nr_cpus - 1,
		.stride = THREAD_SIZE,
	};
	char pairs[NAME_LENGTH];

	snprintf(gang.name, sizeof(gang.name), "threads/churn/pin-fast-cold/%d", nr_cpus);
	snprintf(pairs, sizeof(pairs), "threads/churn/mmap/%d", nr_cpus);
	if (!wanted(gang.name) && !wanted(pairs))
		return;
	use_folios(PAGE);
	for (int i = 0; i < rounds; i++)
		run_churn(&gang, pairs);
}

void bench_threads(void)
{
	bench_memory("4k", GUP_ANON, "pin-fast", PIN_FAST_BENCHMARK);
	bench_memory("4k", GUP_ANON, "pin-slow", PIN_BASIC_TEST);
	bench_memory("thp", GUP_THP, "pin-fast", PIN_FAST_BENCHMARK);
	bench_memory("thp", GUP_THP, "pin-slow", PIN_BASIC_TEST);
	bench_churn(2);
	bench_churn(4);
}
