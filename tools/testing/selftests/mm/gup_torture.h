/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of gup_torture share.
 *
 * The memory is an arena of regions, each of one kind. A region has windows. Each
 * window belongs to one taker, which alone writes to it, by whatever way. So the
 * taker knows what its pages hold, unless a disturber has said that it takes the
 * content away, or the access to it.
 */
#ifndef GUP_TORTURE_H
#define GUP_TORTURE_H

#define GUP_NO_HARNESS

#include <setjmp.h>

#include "gup_disk.h"

#define REGION_PAGES	512
#define WINDOW_PAGES	32
#define NR_WINDOWS	(REGION_PAGES / WINDOW_PAGES)
#define MAX_REGIONS	15
#define MAX_THREADS	15
#define MAX_OPS		48
#define SECTOR		512

struct kind {
	const char *name;
	unsigned int gup_kind;	/* of gup_mem.h */
	bool thp;		/* ask for huge pages */
	bool shared;		/* what a child process writes is seen here */
	bool no_longterm_write;	/* a file system that wants to know of each write */
	bool huge_only;		/* can only be changed as a whole */
	bool sealed;		/* never becomes shorter */
};

/*
 * A window that a disturber changes. The low bits count those that are at work, the
 * others those that are through: a value that is the same as before, and has no low
 * bits, says that nothing has happened.
 */
#define CHANGE_ACTIVE	1ull
#define CHANGE_DONE	BIT_ULL(16)
#define CHANGE_MASK	(CHANGE_DONE - 1)

struct region {
	const struct kind *kind;
	unsigned int id;
	char *mem;
	int fd;			/* -1: anonymous */
	pthread_mutex_t reshape;	/* one changes the mapping at a time */
	uint64_t lost[NR_WINDOWS];	/* the content may be gone */
	uint64_t denied[NR_WINDOWS];	/* accesses may fail */
};

/* What a thread does next. All of it comes from the seed. */
struct choice {
	unsigned int op;
	struct region *region;
	unsigned int first, nr;	/* pages of the region */
	uint64_t bits;		/* for whatever the operation has to choose */
};

struct count {
	long tried;
	long done;
	long refused;		/* by an error that was to be expected */
	long checked;		/* content compared with the only right one */
};

struct thread {
	pthread_t thread;
	unsigned int id;
	bool taker;
	uint64_t random;
	unsigned int round;	/* number of what was written last */
	const struct choice *choice;
	struct count count[MAX_OPS];
	char *copy;		/* as large as the arena */
	/* takers */
	int driver;
	int pipe[2];
	struct gup_disk disk;
	struct gup_ring ring;
	int mem;		/* /proc/self/mem */
	/* disturbers */
	char *spare;		/* address space for a region */
	/* an access to memory that may be gone */
	sigjmp_buf jump;
	sig_atomic_t guarded;
};

struct op {
	const char *name;
	void (*once)(struct thread *t, const struct choice *c);
	/* Why this machine cannot do it, or NULL. */
	const char *(*need)(void);
	unsigned int arg;
	/* Before and after the run; may be NULL. */
	void (*begin)(void);
	void (*end)(void);
};

struct torture {
	const char *scenario;
	uint64_t seed;
	struct region regions[MAX_REGIONS];
	unsigned int nr_regions;
	char *arena;
	unsigned int nr_takers, nr_disturbers;
	bool uniform;		/* pages of a window may be alike: KSM merges them */
	bool stop;
	long failures;
	/* Held by who leaves a hole in the address space or has memory mapped anywhere. */
	pthread_mutex_t map_lock;
};

extern struct torture torture;
extern const struct op takers[], disturbers[];
extern const unsigned int nr_taker_ops, nr_disturber_ops;

/* gup_torture.c */

/* Records what went wrong and ends the run. */
void __printf(2, 3) wrong(struct thread *t, const char *format, ...);

static inline struct count *count_of(struct thread *t)
{
	return &t->count[t->choice->op];
}

/* gup_torture_area.c: the memory */

const struct kind *find_kind(const char *name);
/* NULL, or what the machine lacks. */
const char *arena_map(const struct kind **kinds, unsigned int nr);
void arena_unmap(void);
/* Maps a part of a region anew. */
void region_map(struct region *r, unsigned int first, unsigned int nr, int prot);

static inline char *page_of(const struct region *r, unsigned int page)
{
	return r->mem + page * psize();
}

static inline char *mem_of(const struct choice *c)
{
	return page_of(c->region, c->first);
}

static inline size_t len_of(const struct choice *c)
{
	return c->nr * psize();
}

/* Between these two the content, or only the access, may be gone. */
enum change { DENIED, LOST };
void change_begin(struct region *r, unsigned int first, unsigned int nr, enum change what);
void change_end(struct region *r, unsigned int first, unsigned int nr, enum change what);
/* One that has begun takes the content away, too, from now on. */
void change_loses(struct region *r, unsigned int first, unsigned int nr);

struct calm {
	uint64_t lost, denied;
};

/* For ranges within one window */
struct calm calm_now(const struct choice *c);
bool content_kept(const struct choice *c, struct calm before);
bool access_kept(const struct choice *c, struct calm before);

/*
 * Accesses through the mapping: false if the memory was not there. stamp() writes
 * the next pattern, look() copies the first @nr pages to t->copy.
 */
bool stamp(struct thread *t);
bool look(struct thread *t, unsigned int nr);
/* The next pattern in memory that is not the window itself. */
void stamp_buffer(struct thread *t, char *buf);
/* Has pages of the window in @buf that are as the last pattern wants them? */
void check(struct thread *t, const char *buf, unsigned int nr, struct calm before,
	   const char *what);
/* Each word of these pages is zero, or belongs there, by whomever it was written. */
bool belongs(const char *buf, const struct region *r, unsigned int first, unsigned int nr);

/* What the whole machine has, and has to have again when all is over. */
enum left {
	LEFT_ANON,		/* pages that nobody maps and that are not free */
	LEFT_SHMEM,
	LEFT_HUGETLB,		/* huge pages of the default size in use */
	LEFT_ISOLATED,		/* pages that are in the statistics of isolated ones */
	LEFT_MLOCKED,
	NR_LEFT,
};

extern const char *const left_names[NR_LEFT];
void left_count(long left[NR_LEFT]);
/* Waits for a while for the second to become as good as the first. */
void left_settle(const long before[NR_LEFT], long after[NR_LEFT]);
bool left_is_right(enum left what, long before, long after);
/*
 * The same for the pages that are still in the arena, once all threads have ended:
 * how many references too many or too few they have, and how many are pinned. False
 * if there is no driver to tell.
 */
bool excess_settle(struct gup_test_excess *excess);

/* gup_torture_take.c: what comes of taking pages */

/* An error, or a transfer that came short. It is wrong unless @expected or denied. */
void refused(struct thread *t, struct calm before, int err, bool expected);
/* stamp() for a taker. */
bool stamped(struct thread *t, struct calm before);
/* What a transfer of the window returned, in whole pages. 0: there is nothing to check. */
unsigned int transferred(struct thread *t, struct calm before, ssize_t ret, bool may_fail);
void check_mapping(struct thread *t, unsigned int nr, struct calm before, const char *what);

/* gup_torture_remote.c: takers of memory as a debugger sees it */

enum { BY_PROCESS_VM, BY_PROC_MEM };

void take_remote(struct thread *t, const struct choice *c);
void take_other(struct thread *t, const struct choice *c);
void take_core(struct thread *t, const struct choice *c);

#endif /* GUP_TORTURE_H */
