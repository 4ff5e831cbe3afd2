// SPDX-License-Identifier: GPL-2.0
/*
 * Have the kernel get or pin the pages of an area of memory through
 * /sys/kernel/debug/gup_test, and report how long that took. -h lists the options.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <mm/gup_test.h>
#include "kselftest.h"
#include "vm_util.h"
#include "hugepage_settings.h"
#include "gup_flags.h"
#include "gup_mem.h"

#define GUP_TEST_PATH "/sys/kernel/debug/gup_test"

struct command {
	char letter;
	unsigned long ioctl;
	const char *name;
	const char *help;
};

static const struct command commands[] = {
	{ 'u', GUP_FAST_BENCHMARK, "get_user_pages_fast", "get, fast (the default)" },
	{ 'U', GUP_BASIC_TEST, "get_user_pages", "get, slow" },
	{ 'a', PIN_FAST_BENCHMARK, "pin_user_pages_fast", "pin, fast" },
	{ 'b', PIN_BASIC_TEST, "pin_user_pages", "pin, slow" },
	{ 'L', PIN_LONGTERM_BENCHMARK, "pin_user_pages(FOLL_LONGTERM)", "pin, slow, long-term" },
	{ 'c', DUMP_USER_PAGES_TEST, "dump", "get, slow; dump PAGEs to the kernel log" },
};

enum thp { THP_AS_IS, THP_ON, THP_OFF };

struct options {
	const struct command *command;
	unsigned long size;
	unsigned long per_call;
	unsigned long repeats;
	unsigned long threads;
	long expected;
	unsigned long flags;
	bool dump_pinned;
	bool write;
	bool shared;
	bool hugetlb;
	bool untouched;
	enum thp thp;
	const char *file;
	__u32 which_pages[GUP_TEST_MAX_PAGES_TO_DUMP];
};

struct worker {
	pthread_t thread;
	int number;
	bool ok;
};

static struct options opt;
static char *area;
static unsigned long mapped;
static int gup_fd;
static pthread_barrier_t all_ready;

static void usage(void)
{
	printf("Usage: gup_test [options] [PAGE...]\n"
	       "What to do with the pages of the area:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  -%c        %s: %s\n", commands[i].letter, commands[i].name,
		       commands[i].help);
	printf("  -p        with -c: pin the pages, not get them\n"
	       "  PAGE...   with -c: up to %d pages to dump, 0 is the first (default 0)\n"
	       "  -w, -W    for writing (default), for reading only\n"
	       "  -F FLAGS  FOLL_* flags of the kernel to add, such as 0x100 for FOLL_LONGTERM;\n"
	       "            with -c: test flags, 0x1 is the same as -p\n"
	       "  -n N      pages per call (default 1; -1: all at once)\n"
	       "  -r N      do it N times (default 1)\n"
	       "  -j N      in N threads at the same time (default 1)\n"
	       "  -e N      expect N pages, not all; 0: expect that the kernel refuses\n"
	       "What the area is:\n"
	       "  -m N      N MiB (default 128)\n"
	       "  -t, -T    ask for transparent huge pages, ask for none\n"
	       "  -H        hugetlb pages of the default size\n"
	       "  -S        a shared mapping (default private)\n"
	       "  -f FILE   a mapping of FILE, created if need be (default anonymous memory)\n"
	       "  -z        leave it untouched, so that the kernel has to fault it in\n"
	       "  -h        show this help\n",
	       GUP_TEST_MAX_PAGES_TO_DUMP);
}

static void __noreturn usage_error(const char *what, const char *value)
{
	fprintf(stderr, "gup_test: %s '%s'; see gup_test -h\n", what, value);
	exit(KSFT_FAIL);
}

static long parse_number(const char *text)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 0);
	if (errno || end == text || *end)
		usage_error("not a number:", text);
	return value;
}

static long parse_at_least(long least, const char *text)
{
	long value = parse_number(text);

	if (value < least)
		usage_error("number too small:", text);
	return value;
}

static const struct command *find_command(int letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].letter == letter)
			return &commands[i];
	}
	return NULL;
}

static void parse_option(int letter)
{
	switch (letter) {
	case 'p':
		opt.dump_pinned = true;
		break;
	case 'w':
	case 'W':
		opt.write = letter == 'w';
		break;
	case 'F':
		opt.flags = parse_at_least(0, optarg);
		break;
	case 'n':
		opt.per_call = parse_number(optarg);
		if (!opt.per_call)
			usage_error("number too small:", optarg);
		break;
	case 'r':
		opt.repeats = parse_at_least(1, optarg);
		break;
	case 'j':
		opt.threads = parse_at_least(1, optarg);
		break;
	case 'e':
		opt.expected = parse_at_least(0, optarg);
		break;
	case 'm':
		opt.size = parse_at_least(1, optarg) * MIB;
		if (opt.size / MIB != (unsigned long)parse_number(optarg))
			usage_error("number too large:", optarg);
		break;
	case 't':
		opt.thp = THP_ON;
		break;
	case 'T':
		opt.thp = THP_OFF;
		break;
	case 'H':
		opt.hugetlb = true;
		break;
	case 'S':
		opt.shared = true;
		break;
	case 'f':
		opt.file = optarg;
		break;
	case 'z':
		opt.untouched = true;
		break;
	case 'h':
		usage();
		exit(KSFT_PASS);
	default:
		exit(KSFT_FAIL);
	}
}

static void parse_pages(char **pages, int nr)
{
	if (nr && opt.command->ioctl != DUMP_USER_PAGES_TEST)
		usage_error("pages are only for -c:", pages[0]);
	if (nr > GUP_TEST_MAX_PAGES_TO_DUMP)
		usage_error("one page too many:", pages[GUP_TEST_MAX_PAGES_TO_DUMP]);

	opt.which_pages[0] = 1;
	for (int i = 0; i < nr; i++) {
		unsigned long page = parse_at_least(0, pages[i]);

		if (page >= opt.size / psize())
			usage_error("page outside of the area:", pages[i]);
		opt.which_pages[i] = page + 1;
	}
}

static void parse_options(int argc, char **argv)
{
	int letter;

	opt = (struct options) {
		.command = &commands[0],
		.size = 128 * MIB,
		.per_call = 1,
		.repeats = 1,
		.threads = 1,
		.expected = -1,
		.write = true,
	};

	while ((letter = getopt(argc, argv, "uUabLcpwWF:n:r:j:e:m:tTHSf:zh")) != -1) {
		const struct command *command = find_command(letter);

		if (command)
			opt.command = command;
		else
			parse_option(letter);
	}
	if (opt.hugetlb && opt.file)
		usage_error("-H and -f exclude each other:", opt.file);
	if (opt.expected < 0)
		opt.expected = opt.size / psize();
	parse_pages(argv + optind, argc - optind);
}

static unsigned long round_up_to(unsigned long value, unsigned long unit)
{
	return (value + unit - 1) / unit * unit;
}

static void reserve_hugetlb(void)
{
	unsigned long hugesize = default_huge_page_size();

	if (!hugesize)
		ksft_exit_skip("no hugetlb in this kernel: needs CONFIG_HUGETLBFS\n");
	mapped = round_up_to(opt.size, hugesize);
	if (!hugetlb_setup_default(mapped / hugesize))
		ksft_exit_skip("needs %lu free huge pages of %lu kB, there are %lu\n",
			       mapped / hugesize, hugesize / 1024, hugetlb_free_default_pages());
}

/* The file is made long enough for the area; what it holds is left alone. */
static int open_file(void)
{
	struct stat st;
	int fd;

	fd = open(opt.file, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || fstat(fd, &st))
		ksft_exit_fail_perror(opt.file);
	if (S_ISREG(st.st_mode) && (unsigned long)st.st_size < opt.size &&
	    ftruncate(fd, opt.size))
		ksft_exit_fail_perror(opt.file);
	return fd;
}

/* An address at which huge pages of any usual size can be mapped. */
static void *aligned_hole(void)
{
	unsigned long pmdsize = read_pmd_pagesize();
	char *hole;

	if (opt.hugetlb || !pmdsize)
		return NULL;
	hole = mmap(NULL, mapped + pmdsize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (hole == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	munmap(hole, mapped + pmdsize);
	return (void *)round_up_to((unsigned long)hole, pmdsize);
}

static void advise_thp(void)
{
	if (opt.thp == THP_ON && madvise(area, mapped, MADV_HUGEPAGE))
		ksft_exit_skip("no transparent huge pages here: %s\n", strerror(errno));
	/* A kernel without them has nothing to turn off. */
	if (opt.thp == THP_OFF && madvise(area, mapped, MADV_NOHUGEPAGE) && errno != EINVAL)
		ksft_exit_fail_perror("madvise(MADV_NOHUGEPAGE)");
}

static void touch_area(void)
{
	for (unsigned long at = 0; at < opt.size; at += psize())
		area[at] = FORCE_READ(area[at]);
}

/*
 * The options are flags of mmap() and advice, in any combination, which the kernel may
 * not follow; a file has a name and keeps what it holds. gup_map() has kinds of memory
 * that are what they are called, or are not there.
 */
static void map_area(void)
{
	int flags = opt.shared ? MAP_SHARED : MAP_PRIVATE;
	int fd = -1;

	mapped = opt.size;
	if (opt.file)
		fd = open_file();
	else
		flags |= MAP_ANONYMOUS;
	if (opt.hugetlb) {
		reserve_hugetlb();
		flags |= MAP_HUGETLB;
	}

	area = mmap(aligned_hole(), mapped, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (area == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	if (fd >= 0)
		close(fd);
	advise_thp();
	if (!opt.untouched)
		touch_area();
}

static void open_driver(void)
{
	gup_fd = open(GUP_TEST_PATH, O_RDWR);
	if (gup_fd >= 0)
		return;
	if (errno == EACCES)
		ksft_exit_skip("%s: needs root\n", GUP_TEST_PATH);
	if (errno == ENOENT)
		ksft_exit_skip("%s: needs CONFIG_GUP_TEST, and debugfs mounted\n", GUP_TEST_PATH);
	ksft_exit_fail_perror(GUP_TEST_PATH);
}

static void fill_request(struct gup_test *request)
{
	unsigned long pages = opt.size / psize();

	memset(request, 0, sizeof(*request));
	request->addr = (unsigned long)area;
	request->size = opt.size;
	request->nr_pages_per_call = opt.per_call < pages ? opt.per_call : pages;
	request->gup_flags = opt.write ? FOLL_WRITE : 0;
	if (opt.command->ioctl != DUMP_USER_PAGES_TEST) {
		request->gup_flags |= opt.flags;
		return;
	}
	request->test_flags = opt.flags;
	if (opt.dump_pinned)
		request->test_flags |= GUP_TEST_FLAG_DUMP_PAGES_USE_PIN;
	memcpy(request->which_pages, opt.which_pages, sizeof(request->which_pages));
}

static void format_time(char *text, size_t size, const char *name,
			unsigned long long usec, unsigned long pages)
{
	if (usec)
		snprintf(text, size, "%s %llu us (%.0f pages/s)", name, usec, pages * 1e6 / usec);
	else
		snprintf(text, size, "%s 0 us", name);
}

/* One printf() a line: the threads share stdout. */
static void report(const struct worker *worker, const struct gup_test *done)
{
	unsigned long pages = done->size / psize();
	char get[80], put[80];

	format_time(get, sizeof(get), "get", done->get_delta_usec, pages);
	format_time(put, sizeof(put), "put", done->put_delta_usec, pages);
	printf("# %s: thread %d: %lu pages: %s, %s\n", opt.command->name, worker->number,
	       pages, get, put);
}

static bool run_once(const struct worker *worker)
{
	struct gup_test request;
	long pages;

	fill_request(&request);
	if (ioctl(gup_fd, opt.command->ioctl, &request)) {
		printf("# %s: thread %d: %s (%d)\n", opt.command->name, worker->number,
		       strerror(errno), errno);
		/* EIO: a page is not what it should be. EINVAL: the request is not. */
		return !opt.expected && errno != EIO && errno != EINVAL;
	}

	report(worker, &request);
	pages = request.size / psize();
	if (pages != opt.expected)
		printf("# %s: thread %d: %ld pages, expected %ld\n", opt.command->name,
		       worker->number, pages, opt.expected);
	return pages == opt.expected;
}

static void *work(void *data)
{
	struct worker *worker = data;

	pthread_barrier_wait(&all_ready);
	worker->ok = true;
	for (unsigned long i = 0; i < opt.repeats && worker->ok; i++)
		worker->ok = run_once(worker);
	return NULL;
}

static void run_workers(void)
{
	struct worker *workers = calloc(opt.threads, sizeof(*workers));

	if (!workers)
		ksft_exit_fail_perror("calloc");
	pthread_barrier_init(&all_ready, NULL, opt.threads);
	for (unsigned long i = 0; i < opt.threads; i++) {
		workers[i].number = i;
		errno = pthread_create(&workers[i].thread, NULL, work, &workers[i]);
		if (errno)
			ksft_exit_fail_perror("pthread_create");
	}
	for (unsigned long i = 0; i < opt.threads; i++) {
		pthread_join(workers[i].thread, NULL);
		ksft_test_result(workers[i].ok, "%s: thread %lu: %lu pages, %lu times\n",
				 opt.command->name, i, opt.size / psize(), opt.repeats);
	}
	free(workers);
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);

	ksft_print_header();
	open_driver();
	map_area();
	ksft_set_plan(opt.threads);
	run_workers();
	munmap(area, mapped);
	close(gup_fd);
	ksft_finished();
}
