// SPDX-License-Identifier: GPL-2.0
/*
 * How long a request for 1 GiB keeps others out. A real-time thread on the same CPU
 * wants to run at regular times; it has to wait while interrupts are off, and while
 * preemption is, as under a page table lock. A second kind of it also takes
 * mmap_lock for writing each time. The longest wait counts.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "gup_bench.h"

#define LATENCY_SIZE	GIB
#define PERIOD_USEC	50

struct watcher {
	pthread_t id;
	bool takes_mmap_lock;
	atomic_bool stop;
	double longest;
};

/* @touched: of memory that is present. */
struct request {
	const char *name;
	bool touched;
	bool watch_mmap_lock;
	void (*run)(const struct request *request, char *mem);
	unsigned long ioctl;
};

struct folios {
	const char *name;
	unsigned long size;
	char *(*map)(unsigned long size);
};

static const struct folios sizes[] = {
	{ "4k",		PAGE,		map_small },
	{ "thp",	2 * MIB,	map_thp },
};

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
	struct watcher *watcher = arg;
	double due = now(), late;

	while (!watcher->stop) {
		due += PERIOD_USEC;
		sleep_until(due);
		if (watcher->takes_mmap_lock)
			take_mmap_lock();
		late = now() - due;
		if (late > watcher->longest)
			watcher->longest = late;
		if (late > PERIOD_USEC)
			due += late;
	}
	return NULL;
}

static void start_watcher(struct watcher *watcher)
{
	struct sched_param parameters = { .sched_priority = 50 };
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
	pthread_attr_setschedparam(&attributes, &parameters);
	if (pthread_create(&watcher->id, &attributes, watch, watcher))
		fail("pthread_create");
	pthread_attr_destroy(&attributes);
}

static void stop_watcher(struct watcher *watcher)
{
	watcher->stop = true;
	pthread_join(watcher->id, NULL);
}

static void run_nothing(const struct request *request, char *mem)
{
	double begin = now();

	while (now() - begin < 100000)
		;
}

static void run_pin(const struct request *request, char *mem)
{
	struct gup_test args = {
		.addr = (unsigned long)mem,
		.size = LATENCY_SIZE,
		.nr_pages_per_call = LATENCY_SIZE / PAGE,
		.gup_flags = FOLL_WRITE,
	};

	run_driver(request->ioctl, &args, request->name);
}

static void run_mlock(const struct request *request, char *mem)
{
	if (mlock(mem, LATENCY_SIZE))
		fail(request->name);
}

/* The slow ones of the driver hold mmap_lock all the time, by themselves. */
static const struct request requests[] = {
	{ "wakeup/nothing",		true,	false,	run_nothing,	0 },
	{ "wakeup/get-fast",		true,	false,	run_pin,	GUP_FAST_BENCHMARK },
	{ "wakeup/pin-fast",		true,	false,	run_pin,	PIN_FAST_BENCHMARK },
	{ "wakeup/pin-slow",		true,	false,	run_pin,	PIN_BASIC_TEST },
	{ "wakeup/pin-longterm",	true,	false,	run_pin,	PIN_LONGTERM_BENCHMARK },
	{ "mmap-lock/nothing",		true,	true,	run_nothing,	0 },
	{ "mmap-lock/pin-fast-cold",	false,	true,	run_pin,	PIN_FAST_BENCHMARK },
	{ "mmap-lock/mlock-cold",	false,	true,	run_mlock,	0 },
};

static double run_watched(const struct request *request, char *mem)
{
	struct watcher watcher = { .takes_mmap_lock = request->watch_mmap_lock };

	start_watcher(&watcher);
	request->run(request, mem);
	stop_watcher(&watcher);
	return watcher.longest;
}

static char *map_untouched(unsigned long size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void bench_request(const struct request *request, const struct folios *folios)
{
	char name[NAME_LENGTH];
	char *mem;

	snprintf(name, sizeof(name), "latency/%s/%s", request->name, folios->name);
	if (!wanted(name))
		return;
	if (use_folios(folios->size))
		fail(name);
	for (int i = 0; i < rounds; i++) {
		mem = request->touched ? folios->map(LATENCY_SIZE) : map_untouched(LATENCY_SIZE);
		if (mem == NO_MEMORY)
			fail(name);
		report(name, 1, run_watched(request, mem));
		munmap(mem, LATENCY_SIZE);
	}
}

void bench_latency(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(sizes); j++)
			bench_request(&requests[i], &sizes[j]);
	}
}
