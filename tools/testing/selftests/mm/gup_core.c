// SPDX-License-Identifier: GPL-2.0
/*
 * A process with memory of every kind crashes. Each byte of its core dump must be
 * what the process had there. What was never touched must stay a hole.
 */
#include "gup_coredump.h"

#define SEED		7
#define HOLE_SIZE	(64ul << 20)

HUGETLB_SETUP_DEFAULT_PAGES(4)

/* What a page of a region holds in the crashing process. */
enum content {
	NOTHING,	/* never touched: reads as zeroes, not in the file */
	ZERO_PAGE,	/* only read */
	PATTERN,
};

struct region {
	char *mem;
	size_t len;
	enum content (*content)(size_t page);
};

static enum content all_pattern(size_t page)
{
	(void)page;
	return PATTERN;
}

static enum content all_zero_page(size_t page)
{
	(void)page;
	return ZERO_PAGE;
}

static enum content all_nothing(size_t page)
{
	(void)page;
	return NOTHING;
}

static enum content mixed(size_t page)
{
	return page % 3 == 0 ? NOTHING : page % 3 == 1 ? ZERO_PAGE : PATTERN;
}

/* Gives each page of a region the content that its content() names. */
static void touch(struct region *r)
{
	for (size_t off = 0; off < r->len; off += psize()) {
		enum content what = r->content(off / psize());

		if (what == ZERO_PAGE)
			FORCE_READ(r->mem[off]);
		for (size_t i = 0; what == PATTERN && i < psize(); i += sizeof(uint64_t))
			*(uint64_t *)(r->mem + off + i) = gup_word(SEED, off + i);
	}
}

/* Returns the index of the first page that was dumped wrongly, or how many there are. */
static size_t wrong_page(struct gup_core *core, struct region *r)
{
	size_t page;

	for (page = 0; page < r->len / psize(); page++) {
		const char *got = gup_core_at(core, r->mem + page * psize(), psize());

		if (!got)
			return page;
		for (size_t i = 0; i < psize(); i += sizeof(uint64_t)) {
			uint64_t want = r->content(page) == PATTERN ?
					gup_word(SEED, page * psize() + i) : 0;

			if (*(const uint64_t *)(got + i) != want)
				return page;
		}
	}
	return page;
}

FIXTURE(core) {
	bool ready;
	struct gup_core core;
};

FIXTURE_SETUP(core)
{
	const char *missing = gup_need_coredump();

	if (missing)
		SKIP(return, "%s", missing);
	gup_core_begin();
	self->ready = true;
}

FIXTURE_TEARDOWN(core)
{
	if (self->ready)
		gup_core_end();
	gup_core_close(&self->core);
}

/* A child fills the region and crashes. */
static void crash(struct gup_core *core, struct region *r)
{
	pid_t child = gup_fork();

	if (!child) {
		touch(r);
		gup_core_dump();
	}
	MUST(gup_join(child) == 128 + SIGABRT);
	gup_core_open(core, child);
}

static size_t dumped_bytes(struct gup_core *core)
{
	return core->blocks * 512;
}

/* Guards DUMP on absent entries and zero pages: not allocated, not written. */
TEST_F(core, holes)
{
	struct region r = { gup_map_anon(HOLE_SIZE), HOLE_SIZE, all_nothing };

	/* the dump leaves out a mapping that nobody has touched */
	r.mem[0] = 0;
	r.mem[HOLE_SIZE - 1] = 0;
	crash(&self->core, &r);
	EXPECT_EQ(HOLE_SIZE / psize(), wrong_page(&self->core, &r));
	EXPECT_LT(HOLE_SIZE, self->core.len);
	EXPECT_GT(HOLE_SIZE / 4, dumped_bytes(&self->core));
}

TEST_F(core, zero_pages)
{
	struct region r = { gup_map_anon(HOLE_SIZE), HOLE_SIZE, all_zero_page };

	r.mem[0] = 0;
	crash(&self->core, &r);
	EXPECT_EQ(HOLE_SIZE / psize(), wrong_page(&self->core, &r));
	EXPECT_GT(HOLE_SIZE / 4, dumped_bytes(&self->core));
}

/* Guards "huge zero page with DUMP". */
TEST_F(core, huge_zero_pages)
{
	struct region r = { gup_map_aligned(HOLE_SIZE), HOLE_SIZE, all_zero_page };

	if (!thp_is_enabled() || !detect_huge_zeropage())
		SKIP(return, "needs THP and its use_zero_page");
	MUST(!madvise(r.mem, r.len, MADV_HUGEPAGE));
	r.mem[0] = 0;
	crash(&self->core, &r);
	EXPECT_EQ(HOLE_SIZE / psize(), wrong_page(&self->core, &r));
	EXPECT_GT(HOLE_SIZE / 4, dumped_bytes(&self->core));
}

/* Guards "the page at that address": no page of another address, none left out. */
TEST_F(core, anon_mixed)
{
	struct region r = { gup_map_anon(GUP_HUGE_SIZE), GUP_HUGE_SIZE, mixed };

	crash(&self->core, &r);
	EXPECT_EQ(GUP_HUGE_SIZE / psize(), wrong_page(&self->core, &r));
}

/* FORCE: what the process could not read is dumped all the same. */
TEST_F(core, prot_none)
{
	struct region r = { gup_map_anon(GUP_HUGE_SIZE), GUP_HUGE_SIZE, mixed };
	struct region none = r;

	touch(&r);
	MUST(!mprotect(r.mem, r.len, PROT_NONE));
	r.len = 0;
	crash(&self->core, &r);
	EXPECT_EQ(GUP_HUGE_SIZE / psize(), wrong_page(&self->core, &none));
}

TEST_F(core, thp)
{
	struct region r = { gup_map_thp(GUP_HUGE_SIZE), GUP_HUGE_SIZE, all_pattern };

	if (!r.mem)
		SKIP(return, NO_THP);
	crash(&self->core, &r);
	EXPECT_EQ(GUP_HUGE_SIZE / psize(), wrong_page(&self->core, &r));
}

TEST_F(core, private_file_partly_copied)
{
	int fd = gup_file_filled(GUP_SHMEM, GUP_HUGE_SIZE, SEED);
	struct region r = {
		gup_mmap(GUP_HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd),
		GUP_HUGE_SIZE, all_pattern,
	};
	struct region half = { r.mem, r.len / 2, all_pattern };

	crash(&self->core, &half);
	EXPECT_EQ(GUP_HUGE_SIZE / psize(), wrong_page(&self->core, &r));
}

TEST_F(core, shared_memory)
{
	const size_t len = GUP_HUGE_SIZE;
	const char *why;
	struct region r = { gup_map(GUP_SHMEM | GUP_SHARED, len, &why), len, all_pattern };

	crash(&self->core, &r);
	EXPECT_EQ(GUP_HUGE_SIZE / psize(), wrong_page(&self->core, &r));
}

static enum content first_huge_page(size_t page)
{
	return page < GUP_HUGE_SIZE / psize() ? PATTERN : NOTHING;
}

/* Guards DUMP for hugetlb: where the page cache has no page there is a hole. */
TEST_F(core, hugetlb_with_hole)
{
	const size_t len = 8 * GUP_HUGE_SIZE;
	const char *why;
	struct region r = { gup_map(GUP_HUGETLB, len, &why), len, first_huge_page };

	if (!r.mem)
		SKIP(return, "%s", why);
	crash(&self->core, &r);
	EXPECT_EQ(len / psize(), wrong_page(&self->core, &r));
	/* one huge page, and the program's own memory */
	EXPECT_GT(len / 2, dumped_bytes(&self->core));
}

#include "gup_end.h"

TEST_HARNESS_MAIN
