// SPDX-License-Identifier: GPL-2.0
/*
 * How long a request for 1 GiB keeps others out: interrupts, the scheduler (as the
 * holder of a page table lock does), and those who wait for mmap_lock. Needs a
 * kernel that traces it; each row is one stretch of time, the longest.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gup_bench.h"

#define TRACING		"/sys/kernel/tracing/"
#define LATENCY_SIZE	GIB

struct stretch {
	const char *name;
	const char *tracer;
};

struct request {
	const char *name;
	unsigned long ioctl;
};

/* Takes 1 GiB of memory that is not there yet. */
struct taker {
	const char *name;
	void (*take)(void);
};

static const struct stretch stretches[] = {
	{ "irqs-off",		"irqsoff" },
	{ "preempt-off",	"preemptoff" },
};

/* The first shows what the kernel does by itself meanwhile. */
static const struct request requests[] = {
	{ "nothing",		0 },
	{ "pin-fast",		PIN_FAST_BENCHMARK },
	{ "pin-slow",		PIN_BASIC_TEST },
	{ "pin-longterm",	PIN_LONGTERM_BENCHMARK },
};

static void set(const char *path, const char *value)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(value, file) < 0 || fclose(file))
		fail(path);
}

static unsigned long longest(void)
{
	const char *path = TRACING "tracing_max_latency";
	FILE *file = fopen(path, "r");
	unsigned long usec;

	if (!file || fscanf(file, "%lu", &usec) != 1)
		fail(path);
	fclose(file);
	return usec;
}

static void run_request(const struct request *request, char *mem)
{
	struct gup_test args = {
		.addr = (unsigned long)mem,
		.size = LATENCY_SIZE,
		.nr_pages_per_call = LATENCY_SIZE / PAGE,
		.gup_flags = FOLL_WRITE,
	};

	if (request->ioctl)
		run_driver(request->ioctl, &args, request->name);
	else
		usleep(100000);
}

static unsigned long run_stretch(const struct stretch *stretch, const struct request *request,
				 char *mem)
{
	unsigned long usec;

	set(TRACING "current_tracer", stretch->tracer);
	set(TRACING "tracing_max_latency", "0");
	run_request(request, mem);
	usec = longest();
	set(TRACING "current_tracer", "nop");
	return usec;
}

static void bench_stretch(const struct stretch *stretch, const struct request *request,
			  const char *kind, char *mem)
{
	char name[NAME_LENGTH];

	snprintf(name, sizeof(name), "latency/%s/%s/%s", stretch->name, request->name, kind);
	if (!wanted(name))
		return;
	run_request(request, mem);
	for (int i = 0; i < rounds; i++)
		report(name, 1, run_stretch(stretch, request, mem));
}

static void bench_memory(const char *kind, char *(*map)(unsigned long size))
{
	char *mem = map(LATENCY_SIZE);

	if (mem == NO_MEMORY)
		fail(kind);
	for (size_t i = 0; i < ARRAY_SIZE(stretches); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(requests); j++)
			bench_stretch(&stretches[i], &requests[j], kind, mem);
	}
	munmap(mem, LATENCY_SIZE);
}

static char *map_untouched(int flags)
{
	char *mem = mmap(NULL, LATENCY_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (mem == NO_MEMORY)
		fail("mmap");
	return mem;
}

static void take_by_pin(void)
{
	static const struct request request = { "pin-fast", PIN_FAST_BENCHMARK };
	char *mem = map_untouched(0);

	run_request(&request, mem);
	munmap(mem, LATENCY_SIZE);
}

static void take_by_mlock(void)
{
	char *mem = map_untouched(0);

	if (mlock(mem, LATENCY_SIZE))
		fail("mlock");
	munmap(mem, LATENCY_SIZE);
}

static void take_by_populate(void)
{
	munmap(map_untouched(MAP_POPULATE), LATENCY_SIZE);
}

static const struct taker takers[] = {
	{ "cold-pin-fast",	take_by_pin },
	{ "mlock",		take_by_mlock },
	{ "populate",		take_by_populate },
};

/* Seconds between taking mmap_lock and releasing it, the most in the trace. */
static double longest_hold(void)
{
	const char *path = TRACING "trace";
	double time, taken = 0, most = 0;
	FILE *file = fopen(path, "r");
	char line[512], event[32];

	if (!file)
		fail(path);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %*s [%*d] %*s %lf: mmap_lock_%31[a-z_]", &time, event) != 2)
			continue;
		if (!strcmp(event, "acquire_returned"))
			taken = time;
		else if (!strcmp(event, "released") && taken && time - taken > most)
			most = time - taken;
	}
	fclose(file);
	return most;
}

static double run_taker(const struct taker *taker)
{
	set(TRACING "trace", "");
	set(TRACING "events/mmap_lock/enable", "1");
	taker->take();
	set(TRACING "events/mmap_lock/enable", "0");
	return longest_hold() * 1e6;
}

static void bench_taker(const struct taker *taker)
{
	char name[NAME_LENGTH];

	snprintf(name, sizeof(name), "latency/mmap-lock/%s/4k", taker->name);
	if (!wanted(name))
		return;
	if (use_folios(PAGE))
		fail(name);
	for (int i = 0; i < rounds; i++)
		report(name, 1, run_taker(taker));
}

void bench_latency(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	set(TRACING "set_event_pid", pid);
	bench_memory("4k", map_small);
	bench_memory("thp", map_thp);
	for (size_t i = 0; i < ARRAY_SIZE(takers); i++)
		bench_taker(&takers[i]);
}
