/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the files of gup_cost. */
#ifndef _GUP_COST_H
#define _GUP_COST_H

#include <stdbool.h>

#include <gup_mem.h>
#include <mm/gup_test.h>

#define PAGE		(4 * KIB)
#define FOLL_WRITE	1
#define NAME_LENGTH	64
/* Pages a call where nothing else is said. */
#define USUAL_BATCH	512

extern int driver;
extern int rounds;

void fail(const char *what);

/* Microseconds since some moment. */
double now(void);

/* Whether a scenario was asked for. */
bool wanted(const char *name);

/* Prints the result of one round. */
void report(const char *name, unsigned long pages, double usec);

/* Takes all pages of the request, by one of the ioctls of the driver. */
void run_driver(unsigned long ioctl_nr, struct gup_test *request, const char *name);

/* Memory of a kind, each page of it present. */
char *map_memory(unsigned int kind, unsigned long size);

/* Have the page faults of private memory allocate folios of this size from now on. */
void use_folios(unsigned long size);

/* How long others are kept out; see gup_cost_probes.c. */
struct probe {
	const char *name;
	void (*begin)(void);
	double (*end)(void);
};

extern const struct probe wakeup, mmap_lock_wait, irqs_off, page_table_lock_held, mmap_lock_held;

/* What is in the other files. */
void bench_calls(void);
void bench_scale(void);
void bench_threads(void);
void bench_latency(void);
void bench_hold(void);

#endif /* _GUP_COST_H */
