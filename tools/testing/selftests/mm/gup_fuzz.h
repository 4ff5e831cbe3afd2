/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of gup_fuzz share.
 *
 * A case is a seed: areas of memory at fixed addresses, and steps. All of a step comes
 * from the seed and its own number, so that it stays the same when others are left out.
 */
#ifndef GUP_FUZZ_H
#define GUP_FUZZ_H

#define GUP_NO_HARNESS

#include <setjmp.h>

#include "gup_disk.h"

#define ARENA		0x100000000000ull
#define SLOT_SIZE	(4 * MIB)
#define MAX_AREAS	6
#define MAX_STEPS	48
#define NR_KIDS		2
#define BUFFER_SIZE	(2 * SLOT_SIZE + MIB)
#define SECTOR		512ul
#define TEXT_SIZE	4096

struct area;

struct area_kind {
	const char *name;
	unsigned int gup_kind;	/* of gup_mem.h */
	size_t len;
	void (*map)(struct area *a);	/* NULL: as gup_kind says */
	int prot;		/* after the memory was mapped; 0: as it is */
	bool touch;		/* all pages are there */
};

struct area {
	const struct area_kind *kind;
	unsigned int id;
	char *mem;
	size_t len;
	int fd;			/* -1: anonymous */
	bool used;		/* by a step that is not left out */
};

/* Pages of an area, and maybe some around it. */
struct range {
	const struct area *area;
	char *addr;
	size_t len;
};

struct step {
	unsigned int index;
	const struct op *op;
	uint64_t random;
	struct range range[2];
	struct kid *kid;	/* whose memory was used; NULL: that of this process */
	char text[TEXT_SIZE];
	size_t text_len;
};

struct op {
	const char *name;
	unsigned int weight;
	unsigned int ranges;	/* how many of step.range it uses */
	void (*run)(struct step *s);
};

/* A child process that does what it is told. */
struct kid {
	pid_t pid;		/* 0: not there */
	int to, from;
	int mem;		/* /proc/pid/mem */
};

struct fuzz {
	uint64_t seed;
	struct area areas[MAX_AREAS];
	unsigned int nr_areas, nr_steps;
	struct step steps[MAX_STEPS];
	struct kid kids[NR_KIDS];
	char *data;		/* what is written */
	char *copy;		/* what was read */
	int disk;		/* a file on ext4, opened O_DIRECT */
	size_t disk_len;
};

extern struct fuzz fuzz;
extern const struct op mm_ops[], take_ops[];
extern const unsigned int nr_mm_ops, nr_take_ops;

/* gup_fuzz.c: choices and results */

uint64_t mix(uint64_t a, uint64_t b);
uint64_t draw(struct step *s);

/* One of @nr. */
static inline unsigned int pick(struct step *s, unsigned int nr)
{
	return draw(s) % nr;
}

void __printf(2, 3) say(struct step *s, const char *format, ...);
/* Names a range by its area, so that no address is printed. */
void say_range(struct step *s, const struct range *r);
/* What a system call returned, with the name of the error. */
void say_result(struct step *s, long ret);
void say_hash(struct step *s, const void *mem, size_t len);
uint64_t hash_words(uint64_t hash, const void *mem, size_t len);
/* Fills fuzz.data by a pattern of this step. */
const char *fill_data(struct step *s, size_t len);
/* Whole pages, or not. */
struct range piece_of(struct step *s, const struct range *r);
/* A range may begin in one area and go on in others. */
bool range_reaches(const struct range *r, const struct area *a);

/* gup_fuzz_area.c: the memory */

void areas_choose(void);
void areas_map(void);
bool area_is_file(const struct area *a);
int area_prot(const struct area *a);
/* Maps a part of an area anew. */
void *area_remap(const struct area *a, char *addr, size_t len, int prot, int flags);

/* Accesses to memory that may not be there: how many bytes, and the signal if short. */
size_t try_write(char *to, const char *from, size_t len, int *signal);
size_t try_read(char *to, const char *from, size_t len, int *signal);
void catch_faults(void);

/* What is mapped in an area, and what the pages that are there hold, as text. */
void area_state(const struct area *a, bool fault_in, char *text, size_t max);

/* gup_fuzz_mm.c */

enum kid_task { KID_WRITE, KID_READ, KID_STATE, KID_DISCARD, KID_PROTECT, KID_UNMAP, KID_EXIT };

/* Returns what the task did; @text has what it has to say. */
long kid_do(struct kid *kid, enum kid_task task, const struct range *r, uint64_t arg,
	    char *text);
void kid_end(struct kid *kid);
/* A child that is there, or NULL. */
struct kid *some_kid(struct step *s);

/* gup_fuzz_take.c */

/* Of all cases */
void disk_open(void);
/* Opens what the steps use, and closes it again. */
void takers_open(void);
void takers_close(void);

#endif /* GUP_FUZZ_H */
