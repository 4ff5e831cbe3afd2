// SPDX-License-Identifier: GPL-2.0
/*
 * Memory registered for RDMA, by the system calls of libibverbs and with a device in
 * software, rxe. Data goes through it in dev/guest/programs.list; here it is which pages
 * are pinned, and that they are given back, also after an error at any place.
 */
#include "gup_common.h"
#include "gup_verbs.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define FAILSLAB	"/sys/kernel/debug/failslab/ignore-gfp-wait"
#define NO_FAILSLAB	"needs CONFIG_FAILSLAB, CONFIG_FAULT_INJECTION_DEBUG_FS and root"
#define LOCAL_WRITE	IB_UVERBS_ACCESS_LOCAL_WRITE

GUP_HUGETLB_PAGES(8)

FIXTURE(rdma) {
	char *mem;
	size_t len;
	long held;
	struct gup_verbs verbs;
};

FIXTURE_VARIANT(rdma) {
	unsigned int kind;
};

FIXTURE_VARIANT_ADD(rdma, anon) { .kind = GUP_ANON };
FIXTURE_VARIANT_ADD(rdma, anon_64k) { .kind = GUP_ANON_64K };
FIXTURE_VARIANT_ADD(rdma, thp) { .kind = GUP_THP };
FIXTURE_VARIANT_ADD(rdma, thp_ptes) { .kind = GUP_THP_PTES };
FIXTURE_VARIANT_ADD(rdma, hugetlb) { .kind = GUP_HUGETLB };
FIXTURE_VARIANT_ADD(rdma, shmem) { .kind = GUP_SHMEM | GUP_SHARED };

FIXTURE_SETUP(rdma)
{
	const char *why;

	if (!gup_verbs_open(&self->verbs))
		SKIP(return, NO_RDMA);
	self->len = 2 * GUP_HUGE_SIZE;
	self->mem = gup_map(variant->kind, self->len, &why);
	if (!self->mem)
		SKIP(return, "%s", why);
	gup_fill(self->mem, self->len, 1);
	self->held = gup_pins_held();
}

FIXTURE_TEARDOWN(rdma)
{
	gup_verbs_close(&self->verbs);
}

static size_t pages_of(size_t off, size_t len)
{
	return (off % psize() + len + psize() - 1) / psize();
}

/* Guards "each page of the range is pinned once", and the release by runs. */
TEST_F(rdma, pieces)
{
	static const struct {
		size_t off, len;
	} pieces[] = {
		{ 0, 1 },
		{ 100, 4096 },
		{ 4096 + 1, 15 * 4096 },
		{ 5 * 4096, 1234 * 512 },
		{ GUP_HUGE_SIZE - 4096 - 8, 3 * 4096 },
		{ 0, 2 * GUP_HUGE_SIZE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		const size_t off = pieces[i].off, len = pieces[i].len;
		int region = gup_verbs_reg(&self->verbs, self->mem + off, len,
					   LOCAL_WRITE);

		ASSERT_LE(0, region) TH_LOG("%zu bytes from %zu on", len, off);
		EXPECT_EQ(self->held + (long)pages_of(off, len), gup_pins_held());
		gup_verbs_dereg(&self->verbs, region);
		EXPECT_EQ(self->held, gup_pins_settle(self->held));
	}
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, 1));
}

/* Guards the error paths: what was pinned before the hole is given back. */
TEST_F(rdma, refused)
{
	const size_t hole = GUP_HUGE_SIZE + (variant->kind == GUP_HUGETLB ? 0 : 37 * psize());

	MUST(!mprotect(self->mem + hole, self->len - hole, PROT_READ));
	EXPECT_EQ(-1, gup_verbs_reg(&self->verbs, self->mem, self->len, LOCAL_WRITE));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(self->held, gup_pins_settle(self->held));

	MUST(!munmap(self->mem + hole, self->len - hole));
	EXPECT_EQ(-1, gup_verbs_reg(&self->verbs, self->mem, self->len, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(self->held, gup_pins_settle(self->held));

	EXPECT_EQ(-1, gup_verbs_reg(&self->verbs, self->mem, 0, 0));
	EXPECT_EQ(-1, gup_verbs_reg(&self->verbs, self->mem, -4096ul, 0));
	EXPECT_EQ(self->held, gup_pins_settle(self->held));
}

/* The @n'th allocation of this thread fails; 0: none does. */
static void fail_nth(int fd, int n)
{
	char text[16];
	const int len = snprintf(text, sizeof(text), "%d", n);

	MUST(pwrite(fd, text, len, 0) == len);
}

/* Has it come to that? If not, nothing is to fail any more. */
static bool nth_failed(int fd)
{
	char text[16];

	MUST(pread(fd, text, sizeof(text), 0) > 0);
	fail_nth(fd, 0);
	return text[0] == '0';
}

/* Each allocation in turn, those of the table's parts included. */
TEST_F(rdma, no_memory)
{
	const int fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	int region, n = 0, refused = 0;
	bool failed;

	if (fd < 0 || !gup_write(FAILSLAB, "N"))
		SKIP(return, NO_FAILSLAB);
	do {
		fail_nth(fd, ++n);
		region = gup_verbs_reg(&self->verbs, self->mem, self->len, LOCAL_WRITE);
		failed = nth_failed(fd);
		if (region >= 0)
			gup_verbs_dereg(&self->verbs, region);
		else
			refused++;
		EXPECT_EQ(self->held, gup_pins_settle(self->held)) TH_LOG("allocation %d", n);
	} while (failed && n < 1000);
	MUST(gup_write(FAILSLAB, "Y"));
	close(fd);
	EXPECT_FALSE(failed);
	EXPECT_LE(0, region);
	EXPECT_LT(2, refused);
}

/* A pin that comes back short, at each page, is gone on with. */
TEST_F(rdma, short_pins)
{
	static const char *const settings[][2] = {
		{ "probability", "100" }, { "interval", "1" }, { "space", "0" },
		{ "verbose", "0" }, { "task-filter", "Y" },
	};
	char number[32];

	if (access(GUP_FAIL, F_OK))
		SKIP(return, NO_GUP_FAIL);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		MUST(gup_fail_set(settings[i][0], settings[i][1]));
	MUST(gup_write("/proc/self/make-it-fail", "1"));
	for (size_t page = 1; page < self->len / psize(); page = 2 * page + 1) {
		int region;

		snprintf(number, sizeof(number), "%zu", page);
		MUST(gup_fail_set("page", number) && gup_fail_set("times", "1"));
		region = gup_verbs_reg(&self->verbs, self->mem, self->len, LOCAL_WRITE);
		ASSERT_LE(0, region) TH_LOG("short at page %zu", page);
		EXPECT_EQ(self->held + (long)(self->len / psize()), gup_pins_held());
		gup_verbs_dereg(&self->verbs, region);
		EXPECT_EQ(self->held, gup_pins_settle(self->held));
	}
	MUST(gup_fail_set("probability", "0") && gup_fail_set("task-filter", "N"));
}

#include "gup_end.h"

TEST_HARNESS_MAIN
