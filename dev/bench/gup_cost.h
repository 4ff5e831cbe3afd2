/* SPDX-License-Identifier: GPL-2.0 */
/* Declarations that the files of gup_cost share. */
#ifndef _GUP_COST_H
#define _GUP_COST_H

#include <stdbool.h>
#include <stdnoreturn.h>

#include <gup_flags.h>
#include <gup_mem.h>
#include <mm/gup_test.h>

#define PAGE		(4 * KIB)
#define NAME_LENGTH	64
#define TRACING		"/sys/kernel/tracing/"
/* The default number of pages per call. */
#define USUAL_BATCH	512

extern int driver;
extern int rounds;

noreturn void fail(const char *what);

void write_file(const char *path, const char *text);

/* Returns microseconds of a monotonic clock. */
double now(void);

/* Returns true if a pattern matches the name of the scenario. */
bool wanted(const char *name);

/* Prints the result of one round if the scenario is wanted. */
void report(const char *name, unsigned long pages, double usec);

/* Takes all pages of the request by an ioctl of the driver, and ends if that fails. */
void run_driver(unsigned long ioctl_nr, struct gup_test *request, const char *name);

/* Memory of a kind, each page of it present. */
char *map_memory(unsigned int kind, unsigned long size);

/* @size bytes of address space, a file of @chunk bytes of a kind over and over. */
char *map_repeated(unsigned int kind, unsigned long chunk, unsigned long size);

/* An io_uring, and memory pinned as its fixed buffer. */
int open_ring(void);
void register_buffer(int ring, char *mem, unsigned long size);
void unregister_buffer(int ring);

/* Have the page faults of private memory allocate folios of this size from now on. */
void use_folios(unsigned long size);

/* How long others are kept out; see gup_cost_probes.c. */
struct probe {
	const char *name;
	void (*begin)(void);
	double (*end)(void);
};

extern const struct probe wakeup, mmap_lock_wait, irqs_off, page_table_lock_held, mmap_lock_held,
	mmap_lock_taken;

/* The scenarios in the other files. */
void bench_calls(void);
void bench_scale(void);
void bench_threads(void);
void bench_latency(void);
void bench_hold(void);
void bench_users(void);
void bench_fio(void);

#endif /* _GUP_COST_H */
