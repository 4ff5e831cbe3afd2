// SPDX-License-Identifier: GPL-2.0
/*
 * Futexes shared between processes. The kernel finds the page behind the word by
 * get_user_pages_fast(), and waiters meet only if it is the right one.
 */
#include <linux/futex.h>

#include "gup_disturb.h"

#define RACE_SECONDS	2.0
#define WAIT_SECONDS	10	/* a wake that takes longer is a lost one */

HUGETLB_SETUP_DEFAULT_PAGES(4)

static long futex(int *word, int op, int val)
{
	struct timespec timeout = { .tv_sec = WAIT_SECONDS };

	return syscall(__NR_futex, word, op, val, op == FUTEX_WAIT ? &timeout : NULL, NULL, 0);
}

/* Wakes until somebody was woken: the waiter may not be there yet. */
static bool wake_one(int *word)
{
	double end = gup_now() + WAIT_SECONDS;

	while (gup_now() < end) {
		if (futex(word, FUTEX_WAKE, 1) == 1)
			return true;
		sched_yield();
	}
	return false;
}

static void *waiter(void *word)
{
	return (void *)futex(word, FUTEX_WAIT, 0);
}

FIXTURE(futex) {
	char *mem;
	int *word;	/* in a page which is not the first of its folio */
};

FIXTURE_VARIANT(futex) {
	unsigned int kind;
};

FIXTURE_VARIANT_ADD(futex, anon) { .kind = GUP_ANON };
FIXTURE_VARIANT_ADD(futex, thp_tail) { .kind = GUP_THP };
FIXTURE_VARIANT_ADD(futex, thp_ptes_tail) { .kind = GUP_THP_PTES };
FIXTURE_VARIANT_ADD(futex, hugetlb_tail) { .kind = GUP_HUGETLB };
FIXTURE_VARIANT_ADD(futex, shmem) { .kind = GUP_SHMEM | GUP_SHARED };
FIXTURE_VARIANT_ADD(futex, file_private) { .kind = GUP_SHMEM };

FIXTURE_SETUP(futex)
{
	const char *why;

	self->mem = gup_map(variant->kind, GUP_HUGE_SIZE, &why);
	if (!self->mem)
		SKIP(return, "%s", why);
	self->word = (int *)(self->mem + 77 * psize() + 128);
}

FIXTURE_TEARDOWN(futex)
{
}

/* Guards "the page at that address": both threads must find the same one. */
TEST_F(futex, wake)
{
	pthread_t thread;
	void *ret;

	gup_thread(&thread, waiter, self->word);
	EXPECT_TRUE(wake_one(self->word));
	pthread_join(thread, &ret);
	EXPECT_EQ(0, (long)ret);
}

/* The same place in the next page is another futex. */
TEST_F(futex, neighbours_differ)
{
	pthread_t thread;
	void *ret;

	gup_thread(&thread, waiter, self->word);
	for (int i = 0; i < 20; i++) {
		EXPECT_EQ(0, futex(self->word + psize() / sizeof(int), FUTEX_WAKE, 1));
		EXPECT_EQ(0, futex(self->word - psize() / sizeof(int), FUTEX_WAKE, 1));
		usleep(1000);
	}
	EXPECT_TRUE(wake_one(self->word));
	pthread_join(thread, &ret);
	EXPECT_EQ(0, (long)ret);
}

/* Between processes, mapped at different addresses */

FIXTURE(shared_futex) {
	int fd;
	size_t len;
};

FIXTURE_VARIANT(shared_futex) {
	unsigned int kind;
};

FIXTURE_VARIANT_ADD(shared_futex, memfd) { .kind = GUP_SHMEM };
FIXTURE_VARIANT_ADD(shared_futex, memfd_thp) { .kind = GUP_SHMEM_THP };
FIXTURE_VARIANT_ADD(shared_futex, memfd_hugetlb) { .kind = GUP_HUGETLB };
FIXTURE_VARIANT_ADD(shared_futex, file) { .kind = GUP_FILE };

static int *map_word(int fd, size_t len, int prot)
{
	return (int *)(gup_mmap(len, prot, MAP_SHARED, fd) + 300 * psize() + 64);
}

FIXTURE_SETUP(shared_futex)
{
	const char *why;
	char *mem;

	self->len = GUP_HUGE_SIZE;
	self->fd = gup_file(variant->kind, self->len, &why);
	if (self->fd < 0)
		SKIP(return, "%s", why);
	mem = gup_map_file(variant->kind | GUP_SHARED, self->fd, self->len, &why);
	if (!mem)
		SKIP(return, "%s", why);
	memset(mem, 0, self->len);
}

FIXTURE_TEARDOWN(shared_futex)
{
}

TEST_F(shared_futex, wake_other_process)
{
	pid_t child = gup_fork();

	if (!child)
		_exit(futex(map_word(self->fd, self->len, PROT_READ | PROT_WRITE),
			    FUTEX_WAIT, 0) ? 1 : 0);
	EXPECT_TRUE(wake_one(map_word(self->fd, self->len, PROT_READ | PROT_WRITE)));
	EXPECT_EQ(0, gup_join(child));
}

/* Guards the fallback to a read: a thread can wait where it may only read. */
TEST_F(shared_futex, wait_read_only)
{
	pid_t child = gup_fork();

	if (!child)
		_exit(futex(map_word(self->fd, self->len, PROT_READ), FUTEX_WAIT, 0) ? 1 : 0);
	EXPECT_TRUE(wake_one(map_word(self->fd, self->len, PROT_READ | PROT_WRITE)));
	EXPECT_EQ(0, gup_join(child));
}

/* Guards the VMA rules as futex(2) shows them. */
TEST(futex_errors)
{
	char *mem = gup_map_anon(3 * psize());

	FORCE_READ(mem[0]);
	mem[psize()] = 0;
	MUST(!mprotect(mem, psize(), PROT_READ));
	MUST(!mprotect(mem + psize(), psize(), PROT_NONE));
	MUST(!munmap(mem + 2 * psize(), psize()));
	for (int page = 0; page < 3; page++) {
		EXPECT_EQ(-1, futex((int *)(mem + page * psize()), FUTEX_WAIT, 0));
		EXPECT_EQ(EFAULT, errno) TH_LOG("page %d", page);
	}
}

/* Splitting and collapsing under the futex */

/* Waits until the word has changed; false if nobody woke it. */
static bool await_change(int *word, int old)
{
	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == old)
		if (futex(word, FUTEX_WAIT, old) && errno == ETIMEDOUT)
			return false;
	return true;
}

static void hand_over(int *word)
{
	__atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
	futex(word, FUTEX_WAKE, 1);
}

struct player {
	int *ping, *pong;
	bool stop;
	bool lost;
};

static void *answer_pings(void *arg)
{
	struct player *p = arg;

	for (int turn = 0; !gup_load(&p->stop) && !p->lost; turn++) {
		p->lost = !await_change(p->ping, turn);
		hand_over(p->pong);
	}
	return NULL;
}

/* Guards the re-check of the folio and of the PMD: no wake may get lost. */
TEST(no_wake_lost_while_thp_splits)
{
	char *mem = gup_map_thp(GUP_HUGE_SIZE);
	struct player player = { 0 };
	struct gup_disturber splitter = { .once = gup_split_and_collapse, .mem = mem };
	double end = gup_now() + RACE_SECONDS;
	pthread_t answers;
	int turn = 0;

	if (!mem)
		SKIP(return, NO_THP);
	memset(mem, 0, GUP_HUGE_SIZE);
	player.ping = (int *)(mem + 200 * psize());
	player.pong = (int *)(mem + 201 * psize());
	gup_disturb_start(&splitter);
	gup_thread(&answers, answer_pings, &player);
	for (; !player.lost && gup_now() < end; turn++) {
		hand_over(player.ping);
		player.lost |= !await_change(player.pong, turn);
	}
	EXPECT_FALSE(player.lost) TH_LOG("lost after %d turns", turn);
	gup_store(&player.stop, true);
	hand_over(player.ping);
	pthread_join(answers, NULL);
	gup_disturb_stop(&splitter);
	EXPECT_LT(0, splitter.collapses);
	TH_LOG("%d turns, %ld collapses", turn, splitter.collapses);
}

#include "gup_end.h"

TEST_HARNESS_MAIN
