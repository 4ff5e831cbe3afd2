// SPDX-License-Identifier: GPL-2.0
/*
 * Threads take pages of a huge page without pause while another thread pulls it to
 * pieces. What they read through a pin or through a disk must be what belongs there.
 * In the end no pin is left.
 *
 * usage: gup_race [SECONDS] [options of the harness]: how long each case lasts
 */
#include <linux/udmabuf.h>

#include "gup_disk.h"
#include "gup_disturb.h"

#define NR_WORKERS	2
#define SPARE_PAGES	16	/* at the start of the huge page: not used by workers */
#define WORKER_PAGES	32
#define DISK_SIZE	0x100000ul

static double seconds = 3;

struct race {
	bool stop;
	bool stable;		/* the memory is always there, writable, and keeps its content */
	bool mergeable;		/* KSM can merge the content, and has time to do so */
	struct gup_disturber disturber;
	struct gup_disk disk;
};

struct worker {
	struct race *race;
	pthread_t thread;
	unsigned long id;
	unsigned long round;
	int driver;
	char *mem;
	char *copy;
	char *disk;		/* this worker's part of the disk, and where it is */
	off_t disk_off;
	size_t len;
	long pins;
	long refused;
	const char *wrong;
	size_t wrong_off;
};

static bool done(struct race *race, double end)
{
	return gup_load(&race->stop) || gup_now() > end;
}

/* A pattern tells the worker, the offset and the round. */
static unsigned long next_seed(struct worker *w)
{
	return w->id << 8 | (++w->round & 0xff);
}

static void put_pattern(struct worker *w, char *mem, unsigned long seed)
{
	size_t step = w->race->mergeable ? psize() : w->len;

	for (size_t off = 0; off < w->len; off += step)
		gup_fill(mem + off, step, seed);
}

static bool right(struct worker *w, const char *mem, unsigned long seed, const char *what)
{
	size_t step = w->race->mergeable ? psize() : w->len;

	for (size_t off = 0; off < w->len; off += step) {
		size_t at = gup_differs(mem + off, step, seed);

		if (at != step) {
			w->wrong = what;
			w->wrong_off = off + at;
			return false;
		}
	}
	return true;
}

/* Each word is zero, or belongs to this worker and offset, in whatever round. */
static bool plausible(struct worker *w, const char *mem, const char *what)
{
	for (size_t off = 0; off < w->len; off += sizeof(uint64_t)) {
		unsigned long word = *(const unsigned long *)(mem + off);
		unsigned long seed = word ^ gup_word(0, off);

		if (word && (seed >> 56 != w->id || seed << 16)) {
			w->wrong = what;
			w->wrong_off = off;
			return false;
		}
	}
	return true;
}

/* Errors that a long-term pin may have when a page cannot be migrated just now. */
static bool pin_now(struct worker *w)
{
	if (!gup_pin(w->driver, w->mem, w->len, w->round / 2 % 4)) {
		w->pins++;
		return true;
	}
	w->refused++;
	if (w->race->stable && errno != ENOMEM && errno != EBUSY && errno != EAGAIN)
		w->wrong = strerrorname_np(errno);
	return false;
}

/* The memory is there all the time: every step has one right result. */
static void stable_round(struct worker *w)
{
	unsigned long seed = next_seed(w);

	put_pattern(w, w->mem, seed);
	if (w->race->mergeable)
		usleep(20000);
	if (pin_now(w)) {
		right(w, w->mem, seed, "memory after the pin");
		seed = next_seed(w);
		put_pattern(w, w->mem, seed);
		gup_pin_read(w->driver, w->copy);
		right(w, w->copy, seed, "what the pin reads");
		gup_unpin(w->driver);
	}
	if (pwrite(w->race->disk.fd, w->mem, w->len, w->disk_off) != (ssize_t)w->len)
		w->wrong = "direct write";
	right(w, w->disk, seed, "what was written to the disk");

	seed = next_seed(w);
	put_pattern(w, w->disk, seed);
	if (pread(w->race->disk.fd, w->mem, w->len, w->disk_off) != (ssize_t)w->len)
		w->wrong = "direct read";
	right(w, w->mem, seed, "what was read from the disk");
}

/* The memory comes and goes: each step may fail, but must not show a foreign byte. */
static void volatile_round(struct worker *w)
{
	put_pattern(w, w->disk, next_seed(w));
	w->refused += pread(w->race->disk.fd, w->mem, w->len, w->disk_off) < 0;
	w->round++;
	if (pin_now(w)) {
		gup_pin_read(w->driver, w->copy);
		plausible(w, w->copy, "what the pin reads");
		gup_unpin(w->driver);
	}
	w->refused += pwrite(w->race->disk.fd, w->mem, w->len, w->disk_off) < 0;
	plausible(w, w->disk, "what was written to the disk");
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!gup_load(&w->race->stop) && !w->wrong) {
		if (w->race->stable)
			stable_round(w);
		else
			volatile_round(w);
	}
	return NULL;
}

/* What happens to the huge page meanwhile: each of these does it once. */

static void remap(struct gup_disturber *d)
{
	gup_mmap_at(d->mem, GUP_HUGE_SIZE, PROT_NONE, MAP_PRIVATE, -1, 0);
	gup_mmap_at(d->mem, GUP_HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
	madvise(d->mem, GUP_HUGE_SIZE, MADV_HUGEPAGE);
}

static void protect(struct gup_disturber *d)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };

	for (size_t i = 0; i < ARRAY_SIZE(prots); i++)
		MUST(!mprotect(d->mem, GUP_HUGE_SIZE, prots[i]));
}

static void split(struct gup_disturber *d)
{
	if (!gup_split_folio(d->mem, 0) && errno != EAGAIN && errno != EBUSY)
		fprintf(stderr, "# split_huge_pages: %s\n", strerror(errno));
	madvise(d->mem, GUP_HUGE_SIZE, MADV_COLLAPSE);
}

static void migrate(struct gup_disturber *d)
{
	gup_migrate(d->mem, GUP_HUGE_SIZE, d->times & 1);
}

static void compact(struct gup_disturber *d)
{
	(void)d;
	MUST(gup_compact());
}

static void page_out(struct gup_disturber *d)
{
	MUST(!madvise(d->mem, GUP_HUGE_SIZE, MADV_PAGEOUT));
}

/* ksmd merges pages, or the scheduler makes entries protnone, all by itself. */
static void wait_for_others(struct gup_disturber *d)
{
	(void)d;
}

/* What a case needs */

static const char *need_nothing(void)
{
	return NULL;
}

static const char *need_split(void)
{
	return gup_need_split() ?: gup_need_collapse();
}

static const char *need_swap(void)
{
	return gup_have_swap() ? NULL : NO_SWAP;
}

/* Settings that make a case happen often enough, and back to the defaults */

static void ksm_hurry(void)
{
	gup_ksm_hurry();
	MUST(!ksm_start());
}

static void ksm_end(void)
{
	gup_ksm_relax();
	MUST(!ksm_stop());
}

FIXTURE(race) {
	struct race race;
	struct worker workers[NR_WORKERS];
};

FIXTURE_VARIANT(race) {
	void (*disturb)(struct gup_disturber *d);
	unsigned int pause;	/* microseconds after each time */
	const char *(*need)(void);
	bool stable;
	bool mergeable;
	void (*begin)(void);	/* before and after the case, or NULL */
	void (*end)(void);
};

/* Guard "the page at that address" while the mapping changes. */
FIXTURE_VARIANT_ADD(race, remap) { .disturb = remap, .pause = 500, .need = need_nothing };
FIXTURE_VARIANT_ADD(race, mprotect) { .disturb = protect, .pause = 500, .need = need_nothing };
FIXTURE_VARIANT_ADD(race, dontneed) { .disturb = gup_drop, .pause = 500, .need = need_nothing };
/* Guards against khugepaged freeing the table: the PMD is read again after the grab. */
FIXTURE_VARIANT_ADD(race, collapse) {
	.disturb = gup_split_and_collapse, .need = gup_need_collapse, .stable = true };
/* Guards against a split between lookup and grab: the folio is looked up again. */
FIXTURE_VARIANT_ADD(race, split) { .disturb = split, .need = need_split, .stable = true };
/* Guard that the entry is read again: pins and migration keep each other out. */
FIXTURE_VARIANT_ADD(race, migrate) { .disturb = migrate, .need = gup_need_nodes, .stable = true };
FIXTURE_VARIANT_ADD(race, compact) {
	.disturb = compact, .need = gup_need_compaction, .stable = true };
/* Guards write_protect_seq. */
FIXTURE_VARIANT_ADD(race, fork) {
	.disturb = gup_fork_child, .need = need_nothing, .stable = true };
/* Guards that the fast path takes no protnone pages. */
FIXTURE_VARIANT_ADD(race, numa) {
	.disturb = wait_for_others, .pause = 1000, .need = gup_need_balancing, .stable = true,
	.begin = gup_numa_hurry, .end = gup_numa_restore };
/* Guard the order of grab, barrier and second look while PageAnonExclusive is cleared. */
FIXTURE_VARIANT_ADD(race, pageout) {
	.disturb = page_out, .pause = 500, .need = need_swap, .stable = true };
FIXTURE_VARIANT_ADD(race, ksm) {
	.disturb = wait_for_others, .pause = 10000, .need = gup_need_ksm, .stable = true,
	.mergeable = true, .begin = ksm_hurry, .end = ksm_end };

static void set_up_worker(struct worker *w, struct race *race, unsigned long id)
{
	size_t len = WORKER_PAGES * psize();

	w->race = race;
	w->id = id + 1;
	w->driver = gup_driver();
	MUST(w->driver >= 0);
	w->len = len;
	w->mem = race->disturber.mem + SPARE_PAGES * psize() + id * len;
	w->copy = gup_map_anon(len);
	w->disk_off = id * len;
	w->disk = race->disk.data + w->disk_off;
}

FIXTURE_SETUP(race)
{
	struct race *race = &self->race;
	const char *missing = variant->need();
	char *mem;

	if (missing)
		SKIP(return, "%s", missing);
	if (access(GUP_DRIVER, R_OK))
		SKIP(return, NO_DRIVER);
	if (!gup_disk_open(&race->disk, DISK_SIZE))
		SKIP(return, NO_DISK);
	race->stable = variant->stable;
	race->mergeable = variant->mergeable;
	mem = gup_map_aligned(GUP_HUGE_SIZE);
	race->disturber = (struct gup_disturber) {
		.once = variant->disturb,
		.pause = variant->pause,
		.mem = mem,
		.len = GUP_HUGE_SIZE,
	};
	if (variant->mergeable)
		MUST(!madvise(mem, GUP_HUGE_SIZE, MADV_MERGEABLE));
	else
		madvise(mem, GUP_HUGE_SIZE, MADV_HUGEPAGE);
	memset(mem, 0, GUP_HUGE_SIZE);
	for (unsigned long id = 0; id < NR_WORKERS; id++)
		set_up_worker(&self->workers[id], race, id);
}

FIXTURE_TEARDOWN(race)
{
	gup_disk_close(&self->race.disk);
}

TEST_F_TIMEOUT(race, pins_stay_right, 3600)
{
	struct race *race = &self->race;
	double end;

	if (variant->begin)
		variant->begin();
	end = gup_now() + seconds;
	for (int i = 0; i < NR_WORKERS; i++)
		gup_thread(&self->workers[i].thread, work, &self->workers[i]);
	while (!done(race, end))
		gup_disturb(&race->disturber);
	gup_store(&race->stop, true);
	for (int i = 0; i < NR_WORKERS; i++) {
		struct worker *w = &self->workers[i];

		pthread_join(w->thread, NULL);
		TH_LOG("worker %d: %lu rounds, %ld pins, %ld refused; %ld times disturbed", i,
		       w->round, w->pins, w->refused, race->disturber.times);
		EXPECT_NULL(w->wrong)
			TH_LOG("wrong: %s, offset %zu", w->wrong, w->wrong_off);
		EXPECT_LT(0, w->pins);
	}
	if (variant->end)
		variant->end();
	EXPECT_LT(0, race->disturber.times);
}

/* memfd_pin_folios(), which udmabuf calls */

struct creator {
	pthread_t thread;
	int memfd;
	int device;
	size_t len;
	int *steps;
	int dmabuf;		/* -errno if there is none */
};

static void *create_dmabuf(void *arg)
{
	struct creator *c = arg;
	struct udmabuf_create create = {
		.memfd = c->memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = c->len,
	};

	__atomic_add_fetch(c->steps, 1, __ATOMIC_SEQ_CST);
	gup_wait(c->steps, 2);
	c->dmabuf = ioctl(c->device, UDMABUF_CREATE, &create);
	if (c->dmabuf < 0)
		c->dmabuf = -errno;
	return NULL;
}

/* Both must have got the pages of the memfd: each sees what is written there. */
static bool same_pages(struct creator c[2])
{
	char *mem = gup_mmap(c->len, PROT_READ | PROT_WRITE, MAP_SHARED, c->memfd);
	bool same = true;

	for (size_t off = 0; off < c->len; off += 64 * psize())
		*(uint64_t *)(mem + off) = gup_word(1, off);
	for (int i = 0; i < 2; i++) {
		char *buf = gup_mmap(c->len, PROT_READ, MAP_SHARED, c[i].dmabuf);

		for (size_t off = 0; off < c->len; off += 64 * psize())
			same &= *(uint64_t *)(buf + off) == gup_word(1, off);
		MUST(!munmap(buf, c->len));
	}
	MUST(!munmap(mem, c->len));
	return same;
}

/*
 * Guards "memfd_pin_folios() racing allocation": each looks for pages, finds
 * none, and one of them comes second. Not with hugetlb: there the allocator,
 * memfd_alloc_folio(), loses count of its reservations when it is raced.
 */
TEST(memfd_pins_race_allocation)
{
	struct creator c[2] = { { .len = 2 * GUP_HUGE_SIZE }, { .len = 2 * GUP_HUGE_SIZE } };
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	/* the harness' own limit for a plain test is half a minute */
	double end = gup_now() + (seconds < 20 ? seconds : 20);
	int *steps = gup_steps();
	long rounds = 0;

	if (device < 0)
		SKIP(return, "needs root and CONFIG_UDMABUF");
	for (; gup_now() < end; rounds++) {
		int memfd = gup_memfd_sealed(c->len);

		gup_step(steps, 0);
		for (int i = 0; i < 2; i++) {
			c[i].memfd = memfd;
			c[i].device = device;
			c[i].steps = steps;
			gup_thread(&c[i].thread, create_dmabuf, &c[i]);
		}
		for (int i = 0; i < 2; i++)
			pthread_join(c[i].thread, NULL);
		ASSERT_LE(0, c[0].dmabuf);
		ASSERT_LE(0, c[1].dmabuf);
		ASSERT_TRUE(same_pages(c));
		close(c[0].dmabuf);
		close(c[1].dmabuf);
		close(memfd);
	}
	TH_LOG("%ld rounds", rounds);
}

#include "gup_end.h"

int main(int argc, char **argv)
{
	if (argc > 1 && isdigit(argv[1][0])) {
		seconds = atof(argv[1]);
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	return test_harness_run(argc, argv);
}
