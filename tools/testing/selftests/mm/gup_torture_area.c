// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of gup_torture, what is written to it, and what is left of it.
 */
#include "gup_torture.h"
#include "gup_disturb.h"

/* Kinds */

static const struct kind kinds[] = {
	{ .name = "anon", .gup_kind = GUP_ANON },
	{ .name = "thp", .gup_kind = GUP_THP, .thp = true },
	{ .name = "private", .gup_kind = GUP_SHMEM },
	{ .name = "shmem", .gup_kind = GUP_SHMEM | GUP_SHARED, .shared = true, .thp = true,
	  .sealed = true },
	{ .name = "tmpfs", .gup_kind = GUP_TMPFS | GUP_SHARED, .shared = true },
	{ .name = "ext4", .gup_kind = GUP_EXT4 | GUP_SHARED, .shared = true,
	  .no_longterm_write = true },
	{ .name = "hugetlb", .gup_kind = GUP_HUGETLB, .huge_only = true },
	{ .name = "hugetlb-shared", .gup_kind = GUP_HUGETLB | GUP_SHARED, .shared = true,
	  .huge_only = true },
	{ .name = "hugetlb-memfd", .gup_kind = GUP_HUGETLB | GUP_SHARED, .shared = true,
	  .huge_only = true, .sealed = true },
};

const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

void region_map(struct region *r, unsigned int first, unsigned int nr, int prot)
{
	int flags = r->kind->shared ? MAP_SHARED : MAP_PRIVATE;
	char *mem = page_of(r, first);
	size_t len = nr * psize();

	gup_mmap_at(mem, len, prot, flags, r->fd, first * psize());
	/* -EINVAL: a kernel without THP, where there is nothing to choose */
	if (!r->kind->huge_only)
		madvise(mem, len, r->kind->thp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

static const char *region_open(struct region *r)
{
	const char *why = NULL;

	r->fd = -1;
	if (r->kind->gup_kind < GUP_SHMEM)
		return NULL;
	r->fd = gup_file(r->kind->gup_kind, GUP_HUGE_SIZE, &why);
	if (r->fd < 0)
		return why;
	if (r->kind->sealed)
		gup_seal(r->fd);
	return NULL;
}

const char *arena_map(const struct kind **of, unsigned int nr)
{
	torture.nr_regions = nr;
	torture.arena = gup_map_aligned(nr * GUP_HUGE_SIZE);
	for (unsigned int i = 0; i < nr; i++) {
		struct region *r = &torture.regions[i];
		const char *why;

		r->kind = of[i];
		r->id = i;
		r->mem = torture.arena + i * GUP_HUGE_SIZE;
		pthread_mutex_init(&r->reshape, NULL);
		why = region_open(r);
		if (why)
			return why;
		region_map(r, 0, REGION_PAGES, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

void arena_unmap(void)
{
	MUST(!munmap(torture.arena, torture.nr_regions * GUP_HUGE_SIZE));
	for (unsigned int i = 0; i < torture.nr_regions; i++)
		if (torture.regions[i].fd >= 0)
			close(torture.regions[i].fd);
}

/* Changes */

static void change_add(uint64_t *windows, unsigned int first, unsigned int nr, uint64_t add)
{
	for (unsigned int w = first / WINDOW_PAGES; w <= (first + nr - 1) / WINDOW_PAGES; w++)
		__atomic_add_fetch(&windows[w], add, __ATOMIC_SEQ_CST);
}

void change_begin(struct region *r, unsigned int first, unsigned int nr, enum change what)
{
	pthread_mutex_lock(&r->reshape);
	change_add(r->denied, first, nr, CHANGE_ACTIVE);
	if (what == LOST)
		change_add(r->lost, first, nr, CHANGE_ACTIVE);
}

void change_end(struct region *r, unsigned int first, unsigned int nr, enum change what)
{
	if (what == LOST)
		change_add(r->lost, first, nr, CHANGE_DONE - CHANGE_ACTIVE);
	change_add(r->denied, first, nr, CHANGE_DONE - CHANGE_ACTIVE);
	pthread_mutex_unlock(&r->reshape);
}

void change_loses(struct region *r, unsigned int first, unsigned int nr)
{
	change_add(r->lost, first, nr, CHANGE_DONE);
}

struct calm calm_now(const struct choice *c)
{
	unsigned int w = c->first / WINDOW_PAGES;

	return (struct calm) {
		.lost = gup_load(&c->region->lost[w]),
		.denied = gup_load(&c->region->denied[w]),
	};
}

bool content_kept(const struct choice *c, struct calm before)
{
	return !(before.lost & CHANGE_MASK) && calm_now(c).lost == before.lost;
}

bool access_kept(const struct choice *c, struct calm before)
{
	return !(before.denied & CHANGE_MASK) && calm_now(c).denied == before.denied;
}

/*
 * Words. Each sector of a page begins with one. It tells its place, who has written
 * it, and when. The pages of a window may be alike where KSM is to merge them.
 */

#define WORD_MAGIC	0x6775ull
#define ANY_PAGE	0xfffu

static uint64_t word_at(const struct region *r, unsigned int page, unsigned int sector)
{
	return WORD_MAGIC << 48 | (uint64_t)(page & 0xfff) << 12 | r->id << 8 | sector;
}

static uint64_t word_by(const struct thread *t)
{
	return (uint64_t)t->id << 44 | (uint64_t)(t->round & 0xfffff) << 24;
}

#define WORD_BY_MASK	0x0000ffffff000000ull

static bool uniform(const struct choice *c)
{
	return torture.uniform && c->bits & 1ull << 63;
}

static uint64_t right_word(const struct thread *t, unsigned int page, unsigned int sector)
{
	const struct choice *c = t->choice;

	return word_by(t) | word_at(c->region, uniform(c) ? ANY_PAGE : page, sector);
}

static void stamp_page(const struct thread *t, char *mem, unsigned int page)
{
	for (unsigned int s = 0; s < psize() / SECTOR; s++)
		__atomic_store_n((uint64_t *)(mem + s * SECTOR), right_word(t, page, s),
				 __ATOMIC_RELAXED);
}

static void next_round(struct thread *t)
{
	t->round++;
}

void stamp_buffer(struct thread *t, char *buf)
{
	const struct choice *c = t->choice;

	next_round(t);
	for (unsigned int i = 0; i < c->nr; i++)
		stamp_page(t, buf + i * psize(), c->first + i);
}

bool stamp(struct thread *t)
{
	const struct choice *c = t->choice;

	next_round(t);
	if (sigsetjmp(t->jump, 0))
		return false;
	gup_store(&t->guarded, 1);
	for (unsigned int i = 0; i < c->nr; i++)
		stamp_page(t, page_of(c->region, c->first + i), c->first + i);
	gup_store(&t->guarded, 0);
	return true;
}

static void look_at_page(char *copy, const char *mem)
{
	for (size_t off = 0; off < psize(); off += SECTOR)
		*(uint64_t *)(copy + off) = FORCE_READ(*(const uint64_t *)(mem + off));
}

bool look(struct thread *t, unsigned int nr)
{
	const struct choice *c = t->choice;

	if (sigsetjmp(t->jump, 0))
		return false;
	gup_store(&t->guarded, 1);
	for (unsigned int i = 0; i < nr; i++)
		look_at_page(t->copy + i * psize(), page_of(c->region, c->first + i));
	gup_store(&t->guarded, 0);
	return true;
}

static bool word_belongs(uint64_t word, const struct region *r, unsigned int page,
			 unsigned int sector)
{
	word &= ~WORD_BY_MASK;
	return !word || word == word_at(r, page, sector) ||
	       (torture.uniform && word == word_at(r, ANY_PAGE, sector));
}

bool belongs(const char *buf, const struct region *r, unsigned int first, unsigned int nr)
{
	for (size_t off = 0; off < nr * psize(); off += SECTOR)
		if (!word_belongs(*(const uint64_t *)(buf + off), r, first + off / psize(),
				  off % psize() / SECTOR))
			return false;
	return true;
}

/* Offset of the first word that is not that of the last pattern, or the length. */
static size_t differs(const struct thread *t, const char *buf, unsigned int nr)
{
	size_t off;

	for (off = 0; off < nr * psize(); off += SECTOR)
		if (*(const uint64_t *)(buf + off) !=
		    right_word(t, t->choice->first + off / psize(), off % psize() / SECTOR))
			break;
	return off;
}

void check(struct thread *t, const char *buf, unsigned int nr, struct calm before,
	   const char *what)
{
	const struct choice *c = t->choice;
	size_t at = differs(t, buf, nr);

	if (!content_kept(c, before)) {
		if (!belongs(buf, c->region, c->first, nr))
			wrong(t, "%s: foreign content", what);
		return;
	}
	count_of(t)->checked++;
	if (at != nr * psize())
		wrong(t, "%s: offset %#zx has %016lx for %016lx", what, at,
		      *(const uint64_t *)(buf + at),
		      right_word(t, c->first + at / psize(), at % psize() / SECTOR));
}

/* What is left */

const char *const left_names[NR_LEFT] = {
	[LEFT_ANON] = "anonymous pages without a mapping",
	[LEFT_SHMEM] = "shmem pages without a mapping",
	[LEFT_HUGETLB] = "huge pages in use",
	[LEFT_ISOLATED] = "isolated pages",
	[LEFT_MLOCKED] = "locked pages",
};

/* of /proc/kpageflags, beside those of vm_util.h */
#define KPF_MMAP	BIT_ULL(11)
#define KPF_ANON	BIT_ULL(12)
#define KPF_SWAPCACHE	BIT_ULL(13)
#define KPF_SWAPBACKED	BIT_ULL(14)
#define KPF_HUGE	BIT_ULL(17)
#define KPF_NOPAGE	BIT_ULL(20)

/* A folio that is freed is neither anonymous nor swap-backed any more. */
static void count_pages(long left[NR_LEFT], const uint64_t *flags, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		if (flags[i] & (KPF_NOPAGE | KPF_MMAP | KPF_SWAPCACHE | KPF_HUGE))
			continue;
		if (flags[i] & KPF_ANON)
			left[LEFT_ANON]++;
		else if (flags[i] & KPF_SWAPBACKED)
			left[LEFT_SHMEM]++;
	}
}

/* Folios in batches of a CPU have a reference: compaction drains them first. */
static void drain(void)
{
	MUST(gup_need_compaction() || gup_compact());
}

static long huge_pages_in_use(void)
{
	const size_t size = default_huge_page_size();

	return size ? hugetlb_nr_pages(size) - hugetlb_free_pages(size) : 0;
}

void left_count(long left[NR_LEFT])
{
	static uint64_t flags[1 << 16];
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	ssize_t len;

	MUST(fd >= 0);
	drain();
	gup_fold_vmstat();
	left[LEFT_ANON] = 0;
	left[LEFT_SHMEM] = 0;
	left[LEFT_HUGETLB] = huge_pages_in_use();
	left[LEFT_ISOLATED] = gup_vmstat("nr_isolated_anon ") + gup_vmstat("nr_isolated_file ");
	left[LEFT_MLOCKED] = gup_vmstat("nr_mlock ");
	while ((len = read(fd, flags, sizeof(flags))) > 0)
		count_pages(left, flags, len / sizeof(*flags));
	close(fd);
}

/* What somebody else has left behind may go meanwhile. */
bool left_is_right(enum left what, long before, long after)
{
	return what == LEFT_ANON || what == LEFT_SHMEM ? after <= before : after == before;
}

static bool all_right(const long before[NR_LEFT], const long after[NR_LEFT])
{
	for (int i = 0; i < NR_LEFT; i++)
		if (!left_is_right(i, before[i], after[i]))
			return false;
	return true;
}

/* Pages are freed a little after their last reference is gone. */
void left_settle(const long before[NR_LEFT], long after[NR_LEFT])
{
	left_count(after);
	for (int tries = 0; tries < 10 && !all_right(before, after); tries++) {
		sleep(1);
		left_count(after);
	}
}

static void add_excess(int driver, const struct region *r, struct gup_test_excess *sum)
{
	struct gup_test_hold args = {
		.addr = (uintptr_t)r->mem,
		.size = GUP_HUGE_SIZE,
		.api = GUP_TEST_GET,
	};
	struct gup_test_excess excess;

	MUST(!ioctl(driver, GUP_TEST_HOLD, &args));
	MUST(!ioctl(driver, GUP_TEST_EXCESS, &excess));
	gup_unpin(driver);
	sum->refs += excess.refs;
	sum->pinned += excess.pinned;
}

bool excess_settle(struct gup_test_excess *excess)
{
	const int driver = gup_driver();

	if (driver < 0)
		return false;
	for (int tries = 0; tries < 10; tries++) {
		*excess = (struct gup_test_excess) { 0 };
		for (unsigned int i = 0; i < torture.nr_regions; i++)
			add_excess(driver, &torture.regions[i], excess);
		if (!excess->refs && !excess->pinned)
			break;
		sleep(1);
	}
	close(driver);
	return true;
}
