// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk under page table locks, compiled as for an architecture that has to make
 * pinned pages accessible, and under another name.
 */
#define HAVE_ARCH_MAKE_FOLIO_ACCESSIBLE
#define gup_walk_slow	gup_walk_accessible
#include "gup_walk.c"

#include "unit.h"

/* So many entries are looked at under one lock: each may take a call of the firmware. */
#define PER_LOCK	16UL

static unsigned long nr_locks, taken, most;

/* More has been taken since the lock before. */
static void count_taken(void)
{
	most = max(most, req.sink.nr - taken);
	taken = req.sink.nr;
}

/* Right before the lock of the page table is taken. */
static void before_lock(void *word, bool after)
{
	if (word != pte_lockptr(&world.mm, gup_pmd(ADDR)))
		return;
	nr_locks++;
	count_taken();
}

static enum gup_outcome walk(unsigned long i, unsigned long nr,
			     unsigned int flags)
{
	enum gup_outcome outcome = GUP_PROGRESS;

	init_req(i, nr, flags);
	nr_locks = 0;
	taken = 0;
	most = 0;
	gup_hook = before_lock;
	mmap_read_lock(&world.mm);
	while (outcome == GUP_PROGRESS && !gup_done(&req) && nr_locks < NR_PAGES)
		outcome = gup_walk_accessible(&req, vma);
	mmap_read_unlock(&world.mm);
	gup_hook = NULL;
	count_taken();
	gup_stat_flush(&req.sink.acquired, NR_FOLL_PIN_ACQUIRED);
	return outcome;
}

/* Order-0 folios up to page 256 of the table, one large folio behind it. */
static void setup_table(void)
{
	setup();
	map_small(0, 0, 256);
	new_folio(256, 8);
	map_range(256, 256, 256, GUP_PTE_RW);
}

static void test_per_lock(void)
{
	static const unsigned long starts[] = { 0, 5, 200, 256, 300, 412 };
	static const unsigned long nrs[] = { 1, 2, 15, 16, 17, 32, 33, 100 };
	static const unsigned int flags[] = { FOLL_PIN, FOLL_GET | FOLL_TOUCH };

	setup_table();
	for (unsigned int i = 0; i < ARRAY_SIZE(starts); i++) {
		for (unsigned int j = 0; j < ARRAY_SIZE(nrs); j++) {
			for (unsigned int k = 0; k < ARRAY_SIZE(flags); k++) {
				EXPECT_EQ(walk(starts[i], nrs[j], flags[k]),
					  GUP_PROGRESS);
				EXPECT_EQ(most, min(nrs[j], PER_LOCK));
				EXPECT_EQ(nr_locks, DIV_ROUND_UP(nrs[j], PER_LOCK));
				EXPECT_EQ(req.sink.nr, nrs[j]);
				expect_pages(0, nrs[j], starts[i]);
				give_back();
			}
		}
	}
}

/* What has been taken under the locks before stays. */
static void test_stops(void)
{
	setup_table();
	unmap(40);
	EXPECT_EQ(walk(3, 100, FOLL_PIN), GUP_NEED_FAULT);
	EXPECT_EQ(req.sink.nr, 37);
	EXPECT_EQ(nr_locks, 3);
	give_back();
	gup_accessible_error = -EIO;
	EXPECT_EQ(walk(256, 100, FOLL_PIN), GUP_ERROR);
	EXPECT_EQ(req.error, -EIO);
	EXPECT_EQ(req.sink.nr, 0);
	give_back();
}

const struct test accessible_tests[] = {
	{ "accessible: pages taken under one lock", test_per_lock },
	{ "accessible: in the way", test_stops },
};

const unsigned int nr_accessible_tests = ARRAY_SIZE(accessible_tests);
