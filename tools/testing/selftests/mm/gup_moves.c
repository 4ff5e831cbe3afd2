// SPDX-License-Identifier: GPL-2.0
/*
 * How often a long-term pin fails that has to move memory, out of ZONE_MOVABLE or out
 * of a CMA area, while somebody has to do with the same pages. What the kernel holds
 * by itself, in batches of a CPU, must not make a pin fail, nor what is over soon.
 *
 * usage: gup_moves [PINS] [options of the harness]: pins of each case
 *
 * Each case prints a line: pages that had to move, and how often a pin of 16 of them
 * failed.
 */
#include <dirent.h>

#include "gup_disturb.h"
#include "gup_movable.h"

#define NR_PAGES	16
#define SEED		77
#define MAX_AREAS	32
#define NO_UNPINNABLE	"needs memory in ZONE_MOVABLE or CMA: boot with movablecore=256M"
#define NO_CPUS		"needs two CPUs"

static long pins = 200;

/* CMA areas */

static struct gup_zone areas[MAX_AREAS];
static int nr_areas;

static unsigned long read_area(const char *area, const char *name)
{
	char path[512], text[32];

	snprintf(path, sizeof(path), "/sys/kernel/debug/cma/%s/%s", area, name);
	return read_file(path, text, sizeof(text)) ? strtoul(text, NULL, 0) : 0;
}

static void __attribute__((constructor)) find_areas(void)
{
	DIR *dir = opendir("/sys/kernel/debug/cma");
	struct dirent *entry;

	while (dir && nr_areas < MAX_AREAS && (entry = readdir(dir))) {
		struct gup_zone *area = &areas[nr_areas];

		if (entry->d_name[0] == '.')
			continue;
		area->start = read_area(entry->d_name, "base_pfn");
		area->nr = read_area(entry->d_name, "count");
		nr_areas += !!area->nr;
	}
	if (dir)
		closedir(dir);
}

static bool is_unpinnable(unsigned long pfn)
{
	bool found = pfn - gup_movable.start < gup_movable.nr;

	for (int i = 0; i < nr_areas; i++)
		found |= pfn - areas[i].start < areas[i].nr;
	return found;
}

static size_t nr_unpinnable(char *mem, size_t len)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	size_t nr = 0;

	MUST(fd >= 0);
	for (size_t at = 0; at < len; at += psize())
		nr += is_unpinnable(pagemap_get_pfn(fd, mem + at));
	close(fd);
	return nr;
}

/* What has to do with the pages */

struct moves {
	char *mem;
	size_t len;
	int memfd;		/* -1: the memory is anonymous */
	bool once;		/* it happens before each pin, or begins there */
	bool stop;
	int steps[1];		/* twice the number of pins */
	int pipe[2];
	char *copy;
	pthread_t thread;
	void (*act)(struct moves *m);
	/* what came of it */
	long nr_pins;
	long nr_pages;		/* that had to move */
	long failed;
	long gone;		/* the memory was not there */
	double slowest;
};

static void run_on_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	MUST(!sched_setaffinity(0, sizeof(cpus), &cpus));
}

/* In batches of CPU 1: each new page, or each that is locked. */
static void fill_from_cpu_1(struct moves *m)
{
	run_on_cpu(1);
	gup_fill(m->mem, m->len, SEED);
}

static void lock_from_cpu_1(struct moves *m)
{
	run_on_cpu(1);
	MUST(!syscall(__NR_mlock2, m->mem, m->len, 1 /* MLOCK_ONFAULT */));
	gup_fill(m->mem, m->len, SEED);
}

/* In a pipe, as they are. */
static void put_in_pipe(struct moves *m)
{
	struct iovec iov = { .iov_base = m->mem, .iov_len = m->len };

	MUST(vmsplice(m->pipe[1], &iov, 1, 0) == (ssize_t)m->len);
}

/* The pipe is read while the pin is under way. */
static void read_pipe(struct moves *m)
{
	usleep(5000);
	MUST(read(m->pipe[0], m->copy, m->len) == (ssize_t)m->len);
}

static void copy_pages(struct moves *m)
{
	struct iovec from = { .iov_base = m->mem, .iov_len = m->len };
	struct iovec to = { .iov_base = m->copy, .iov_len = m->len };

	process_vm_readv(getpid(), &to, 1, &from, 1, 0);
}

static void truncate_file(struct moves *m)
{
	MUST(!ftruncate(m->memfd, 0));
	MUST(!ftruncate(m->memfd, m->len));
}

static void page_out(struct moves *m)
{
	madvise(m->mem, m->len, MADV_PAGEOUT);
}

static void change_node(struct moves *m)
{
	static int node;

	node = !node;
	gup_migrate(m->mem, m->len, node);
}

static void compact(struct moves *m)
{
	(void)m;
	gup_compact();
}

/* The helper acts between an odd step and the next, or all the time. */
static void *help(void *arg)
{
	struct moves *m = arg;

	for (int step = 1; !gup_load(&m->stop); step += 2) {
		if (m->once)
			while (gup_load(m->steps) < step && !gup_load(&m->stop))
				sched_yield();
		if (gup_load(&m->stop))
			break;
		m->act(m);
		if (m->once)
			gup_step(m->steps, step + 1);
	}
	return NULL;
}

FIXTURE(moves) {
	struct moves m;
	int driver;
};

FIXTURE_VARIANT(moves) {
	const char *name;
	void (*before)(struct moves *m);	/* the helper does this, and then it is pinned */
	void (*meanwhile)(struct moves *m);	/* this, once from before each pin on */
	void (*always)(struct moves *m);	/* this, without pause */
	const char *(*need)(void);
	bool file;
	bool never_fails;
	bool may_be_gone;
};

FIXTURE_VARIANT_ADD(moves, nothing) { .name = "nothing", .never_fails = true };
FIXTURE_VARIANT_ADD(moves, lru_batch) {
	.name = "LRU batch", .before = fill_from_cpu_1, .never_fails = true };
FIXTURE_VARIANT_ADD(moves, mlock_batch) {
	.name = "mlock batch", .before = lock_from_cpu_1, .never_fails = true };
FIXTURE_VARIANT_ADD(moves, pipe) { .name = "pipe, read soon", .meanwhile = read_pipe };
FIXTURE_VARIANT_ADD(moves, reader) {
	.name = "process_vm_readv", .always = copy_pages };
FIXTURE_VARIANT_ADD(moves, reader_of_file) {
	.name = "the same, memfd", .always = copy_pages, .file = true };
FIXTURE_VARIANT_ADD(moves, truncated) {
	.name = "truncation", .always = truncate_file, .file = true, .may_be_gone = true };
FIXTURE_VARIANT_ADD(moves, reclaim) {
	.name = "MADV_PAGEOUT", .always = page_out };
FIXTURE_VARIANT_ADD(moves, node) {
	.name = "move_pages", .always = change_node, .need = gup_need_nodes };
FIXTURE_VARIANT_ADD(moves, compaction) {
	.name = "compaction", .always = compact, .need = gup_need_compaction };

FIXTURE_SETUP(moves)
{
	const char *missing = variant->need ? variant->need() : NULL;
	struct moves *m = &self->m;

	self->driver = gup_driver();
	if (self->driver < 0)
		SKIP(return, NO_DRIVER);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, NO_CPUS);
	if (missing)
		SKIP(return, "%s", missing);
	m->len = NR_PAGES * psize();
	m->copy = gup_map_anon(m->len);
	m->memfd = variant->file ? gup_memfd(m->len) : -1;
	MUST(!pipe(m->pipe));
	MUST(fcntl(m->pipe[1], F_SETPIPE_SZ, m->len) >= (int)m->len);
	run_on_cpu(0);
}

FIXTURE_TEARDOWN(moves)
{
}

/* New pages: those of the last time are where they may stay. */
static void map_again(struct moves *m)
{
	const int flags = m->memfd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;

	if (m->mem)
		MUST(!munmap(m->mem, m->len));
	if (m->memfd >= 0)
		truncate_file(m);
	m->mem = gup_mmap(m->len, PROT_READ | PROT_WRITE, flags, m->memfd);
}

/* The file may be empty just now. */
static void fault_in(struct moves *m)
{
	if (madvise(m->mem, m->len, MADV_POPULATE_WRITE))
		MUST(errno == EFAULT && m->memfd >= 0);
	else if (m->act != truncate_file)
		gup_fill(m->mem, m->len, SEED);
}

static void pin_once(struct moves *m, int driver, bool fast)
{
	const unsigned int flags = PIN_LONGTERM_TEST_FLAG_USE_WRITE |
				   (fast ? PIN_LONGTERM_TEST_FLAG_USE_FAST : 0);
	double start = gup_now();
	int ret = gup_pin(driver, m->mem, m->len, flags);
	int err = errno;

	m->nr_pins++;
	if (gup_now() - start > m->slowest)
		m->slowest = gup_now() - start;
	if (!ret)
		gup_unpin(driver);
	else if (err == EFAULT)
		m->gone++;
	else
		m->failed++;
	MUST(!ret || err == EFAULT || err == ENOMEM);
}

static void start_helper(struct moves *m, void (*act)(struct moves *m), bool once)
{
	m->act = act;
	m->once = once;
	gup_thread(&m->thread, help, m);
}

static void stop_helper(struct moves *m)
{
	gup_store(&m->stop, true);
	pthread_join(m->thread, NULL);
	gup_store(&m->stop, false);
}

static void report(const struct moves *m, const char *name)
{
	printf("# %-18s %6ld pages to move, %5ld pins, %5ld failed, %5ld gone: ", name,
	       m->nr_pages, m->nr_pins, m->failed, m->gone);
	printf("%7.0f in a million, slowest %4.0f ms\n",
	       m->nr_pins ? 1e6 * m->failed / m->nr_pins : 0, 1e3 * m->slowest);
}

TEST_F_TIMEOUT(moves, pins, 300)
{
	struct moves *m = &self->m;
	void (*once)(struct moves *m) = variant->before ?: variant->meanwhile;
	double end = gup_now() + pins / 10.0;

	for (int step = 1; m->nr_pins < pins && gup_now() < end; step += 2) {
		map_again(m);
		if (!variant->before)
			fault_in(m);
		if (variant->meanwhile)
			put_in_pipe(m);
		if (step == 1 && (once || variant->always))
			start_helper(m, once ?: variant->always, once);
		if (once)
			gup_step(m->steps, step);
		if (variant->before)
			gup_wait(m->steps, step + 1);
		m->nr_pages += nr_unpinnable(m->mem, m->len);
		pin_once(m, self->driver, step & 2);
		if (variant->meanwhile)
			gup_wait(m->steps, step + 1);
		if (!variant->may_be_gone)
			ASSERT_EQ(m->len, gup_differs(m->mem, m->len, SEED));
	}
	if (once || variant->always)
		stop_helper(m);
	report(m, variant->name);
	if (!m->nr_pages)
		SKIP(return, NO_UNPINNABLE);
	if (!variant->may_be_gone)
		EXPECT_EQ(0, m->gone);
	/* Whoever has a reference may be held up himself, on a busy machine. */
	EXPECT_GE(variant->never_fails ? 0 : m->nr_pins / 10, m->failed);
}

/* Nobody reads this pipe: the pin fails, but the memory is still there. */
TEST(pipe_that_nobody_reads)
{
	struct moves m = { .len = NR_PAGES * psize(), .memfd = -1 };
	int driver = gup_driver();

	if (driver < 0)
		SKIP(return, NO_DRIVER);
	MUST(!pipe(m.pipe));
	MUST(fcntl(m.pipe[1], F_SETPIPE_SZ, m.len) >= (int)m.len);
	map_again(&m);
	gup_fill(m.mem, m.len, SEED);
	if (nr_unpinnable(m.mem, m.len) != NR_PAGES)
		SKIP(return, NO_UNPINNABLE);
	put_in_pipe(&m);
	pin_once(&m, driver, false);
	EXPECT_EQ(1, m.failed);
	EXPECT_GT(10, m.slowest);
	EXPECT_EQ(m.len, gup_differs(m.mem, m.len, SEED));
	close(m.pipe[0]);
	close(m.pipe[1]);
	pin_once(&m, driver, false);
	EXPECT_EQ(1, m.failed);
	EXPECT_EQ(m.len, gup_differs(m.mem, m.len, SEED));
}

#include "gup_end.h"

int main(int argc, char **argv)
{
	if (argc > 1 && isdigit(argv[1][0])) {
		pins = atol(argv[1]);
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	return test_harness_run(argc, argv);
}
