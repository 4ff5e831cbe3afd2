// SPDX-License-Identifier: GPL-2.0
/*
 * Whoever changes the mappings of a process has to wait for mmap_lock. A pin of memory
 * that is not there yet must not take it, as the lock of the VMA is enough, nor must it
 * be starved by threads that do.
 */
#include <limits.h>

#include "gup_common.h"
#include "gup_flags.h"

#define LOCK_STAT	"/proc/lock_stat"
#define LOCK_HINTS	"/proc/lockdep_chains"	/* CONFIG_PROVE_LOCKING */
#define NO_LOCK_STAT	"needs root and CONFIG_LOCK_STAT, without CONFIG_PROVE_LOCKING"
#define LEN		(16 * MIB)
#define TRIES		5
#define PINS		8

/* Pins memory and releases it. */
static int pin_and_unpin(int driver, char *mem, size_t len)
{
	struct gup_test request = {
		.addr = (uintptr_t)mem,
		.size = len,
		.nr_pages_per_call = 512,
		.gup_flags = FOLL_WRITE,
	};

	if (ioctl(driver, PIN_FAST_BENCHMARK, &request))
		return -1;
	errno = EIO;
	return request.size == len ? 0 : -1;
}

/*
 * How often mmap_lock was taken since the count was cleared, by anybody. Opening the
 * file stops the count: what this function does itself is not counted.
 */
static long mmap_lock_taken(void)
{
	static const char class[] = "&mm->mmap_lock";
	int fd = open(LOCK_STAT, O_RDONLY | O_CLOEXEC);
	FILE *f = fdopen(fd, "r");
	long taken, sum = 0;
	char line[512], name[64];

	MUST(f);
	/* The eighth number is that of acquisitions. */
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " %63[^:]: %*s %*s %*s %*s %*s %*s %*s %ld", name, &taken) == 2 &&
		    !strncmp(name, class, sizeof(class) - 1))
			sum += taken;
	fclose(f);
	return sum;
}

FIXTURE(cold) {
	int driver;
};

FIXTURE_VARIANT(cold) {
	bool huge;
};

FIXTURE_VARIANT_ADD(cold, small_pages) { .huge = false };
FIXTURE_VARIANT_ADD(cold, thp) { .huge = true };

FIXTURE_SETUP(cold)
{
	self->driver = gup_driver();
	if (self->driver < 0)
		SKIP(return, NO_DRIVER);
	if (variant->huge && !thp_is_enabled())
		SKIP(return, NO_THP);
}

FIXTURE_TEARDOWN(cold)
{
	close(self->driver);
}

/*
 * Private memory of LEN bytes, nothing of which is there. The first fault in a VMA takes
 * mmap_lock to make its anon_vma, and has been behind the end.
 */
static char *map_cold(bool huge)
{
	char *mem = gup_map_aligned(LEN + GUP_HUGE_SIZE);

	MUST(!madvise(mem, LEN + GUP_HUGE_SIZE, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE));
	gup_touch(mem + LEN, psize());
	return mem;
}

static void unmap_cold(char *mem)
{
	MUST(!munmap(mem, LEN + GUP_HUGE_SIZE));
}

/* Other processes take theirs as well: not in each of a few tries. */
TEST_F(cold, takes_no_mmap_lock)
{
	long least = LONG_MAX;

	/* might_lock() counts as if the lock was taken, where locking is proved */
	if (!access(LOCK_HINTS, F_OK) || !gup_write(LOCK_STAT, "0"))
		SKIP(return, NO_LOCK_STAT);
	for (int i = 0; i < TRIES && least; i++) {
		char *mem = map_cold(variant->huge);
		long taken;

		MUST(gup_write(LOCK_STAT, "0"));
		ASSERT_EQ(0, pin_and_unpin(self->driver, mem, LEN));
		taken = mmap_lock_taken();
		least = taken < least ? taken : least;
		unmap_cold(mem);
	}
	EXPECT_EQ(0, least);
}

struct mapper {
	pthread_t thread;
	bool stop;
	long times;
};

static void *map_and_unmap(void *arg)
{
	struct mapper *mapper = arg;

	while (!gup_load(&mapper->stop)) {
		char *mem = gup_mmap(psize(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

		MUST(!munmap(mem, psize()));
		gup_store(&mapper->times, mapper->times + 1);
	}
	return NULL;
}

/* Guards "retries are bounded": each pin ends while others go on with mmap_lock. */
TEST_F_TIMEOUT(cold, ends_while_others_map, 120)
{
	struct mapper mappers[2] = {};

	for (size_t i = 0; i < ARRAY_SIZE(mappers); i++)
		gup_thread(&mappers[i].thread, map_and_unmap, &mappers[i]);
	for (int i = 0; i < PINS; i++) {
		char *mem = map_cold(variant->huge);

		EXPECT_EQ(0, pin_and_unpin(self->driver, mem, LEN));
		unmap_cold(mem);
	}
	for (size_t i = 0; i < ARRAY_SIZE(mappers); i++) {
		gup_store(&mappers[i].stop, true);
		pthread_join(mappers[i].thread, NULL);
		TH_LOG("mapper %zu: %ld times", i, mappers[i].times);
		EXPECT_LT(0, mappers[i].times);
	}
}

#include "gup_end.h"

TEST_HARNESS_MAIN
