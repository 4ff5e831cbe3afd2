// SPDX-License-Identifier: GPL-2.0
/*
 * Measures how long a request for 1 GiB blocks other threads, and, in a kernel with the
 * options for it, how long interrupts are off and locks are held.
 */
#include <stdio.h>
#include <unistd.h>

#include "gup_cost.h"

#define LATENCY_SIZE	GIB
/* The most that Linux can register, as its array of pages may not have more than 2 GiB. */
#define REPEATED_SIZE	(512 * GIB)

/* @touched: the memory is present. */
struct request {
	const char *name;
	bool touched;
	void (*run)(const struct request *request, char *mem);
	unsigned long ioctl;
};

struct latency {
	const struct probe *probe;
	const struct request *request;
};

struct folios {
	const char *name;
	unsigned long size;
	unsigned int kind;
};

static const struct folios sizes[] = {
	{ "4k",		PAGE,		GUP_ANON },
	{ "thp",	2 * MIB,	GUP_THP },
};

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

/* The same faults without GUP: what no request can be better than. */
static void run_touch(const struct request *request, char *mem)
{
	for (unsigned long at = 0; at < LATENCY_SIZE; at += PAGE)
		mem[at] = 1;
}

/* The driver holds mmap_lock during the whole slow request. */
static const struct request
	nothing =	{ "nothing",		true,	run_nothing,	0 },
	get_fast =	{ "get-fast",		true,	run_pin,	GUP_FAST_BENCHMARK },
	pin_fast =	{ "pin-fast",		true,	run_pin,	PIN_FAST_BENCHMARK },
	pin_slow =	{ "pin-slow",		true,	run_pin,	PIN_BASIC_TEST },
	pin_longterm =	{ "pin-longterm",	true,	run_pin,	PIN_LONGTERM_BENCHMARK },
	pin_fast_cold =	{ "pin-fast-cold",	false,	run_pin,	PIN_FAST_BENCHMARK },
	mlock_cold =	{ "mlock-cold",		false,	run_mlock,	0 },
	touch_cold =	{ "touch-cold",		false,	run_touch,	0 };

static const struct latency latencies[] = {
	{ &wakeup,			&nothing },
	{ &wakeup,			&get_fast },
	{ &wakeup,			&pin_fast },
	{ &wakeup,			&pin_slow },
	{ &wakeup,			&pin_longterm },
	{ &mmap_lock_wait,		&nothing },
	{ &mmap_lock_wait,		&touch_cold },
	{ &mmap_lock_wait,		&pin_fast_cold },
	{ &mmap_lock_wait,		&mlock_cold },
};

static const struct latency holds[] = {
	{ &irqs_off,			&nothing },
	{ &irqs_off,			&get_fast },
	{ &irqs_off,			&pin_fast },
	{ &irqs_off,			&pin_slow },
	{ &irqs_off,			&pin_longterm },
	{ &irqs_off,			&pin_fast_cold },
	{ &page_table_lock_held,	&pin_slow },
	{ &page_table_lock_held,	&pin_longterm },
	{ &page_table_lock_held,	&pin_fast_cold },
	{ &page_table_lock_held,	&mlock_cold },
	{ &mmap_lock_held,		&pin_fast_cold },
	{ &mmap_lock_held,		&mlock_cold },
	{ &mmap_lock_taken,		&pin_fast_cold },
	{ &mmap_lock_taken,		&mlock_cold },
};

/*
 * Memory that is not there yet, and behind it a page that is: the first fault in a VMA
 * takes mmap_lock to make its anon_vma, once in the life of the VMA.
 */
static char *map_untouched(unsigned long size)
{
	char *mem = gup_mmap(size + GUP_HUGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1);

	gup_touch(mem + size, PAGE);
	return mem;
}

static void bench_one(const char *group, const struct latency *latency, const struct folios *folios)
{
	const struct request *request = latency->request;
	char name[NAME_LENGTH];
	char *mem;

	snprintf(name, sizeof(name), "%s/%s/%s/%s", group, latency->probe->name, request->name,
		 folios->name);
	if (!wanted(name))
		return;
	use_folios(folios->size);
	for (int i = 0; i < rounds; i++) {
		mem = request->touched ? map_memory(folios->kind, LATENCY_SIZE) :
					 map_untouched(LATENCY_SIZE);
		latency->probe->begin();
		request->run(request, mem);
		report(name, 1, latency->probe->end());
		munmap(mem, LATENCY_SIZE + (request->touched ? 0 : GUP_HUGE_SIZE));
	}
}

static void bench_all(const char *group, const struct latency *table, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(sizes); j++)
			bench_one(group, &table[i], &sizes[j]);
	}
}

/* A page of 1 GiB, over and over, becomes a fixed buffer. */
static void bench_repeated(void)
{
	static const char name[] = "hold/irqs-off/register-512g/1g";
	int ring;
	char *mem;

	if (!wanted(name))
		return;
	ring = open_ring();
	mem = map_repeated(GUP_HUGETLB_1G, GIB, REPEATED_SIZE);
	for (int i = 0; i < rounds; i++) {
		irqs_off.begin();
		register_buffer(ring, mem, REPEATED_SIZE);
		report(name, 1, irqs_off.end());
		unregister_buffer(ring);
	}
	munmap(mem, REPEATED_SIZE);
	close(ring);
}

void bench_latency(void)
{
	bench_all("latency", latencies, ARRAY_SIZE(latencies));
}

void bench_hold(void)
{
	bench_all("hold", holds, ARRAY_SIZE(holds));
	bench_repeated();
}
