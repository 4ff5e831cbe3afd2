// SPDX-License-Identifier: GPL-2.0
/*
 * Random address spaces, and random sequences of system calls and ioctls that lead to
 * get_user_pages(). What each of them returns, and what can be seen afterwards, is
 * printed, to be compared with what another kernel prints for the same seed.
 *
 * usage: gup_fuzz [-s SECONDS] [-n CASES] [-r SEED] [-k STEP,...] [-f FILE] [-t SECONDS]
 *
 * Cases have the seeds SEED, SEED + 1, and so on. -k leaves out all other steps. FILE has
 * a line "SEED STEP,..." for each case. -t limits the time of a case.
 *
 * A case is the same on each run and on each kernel. So nothing is printed that depends on
 * time, on addresses or on process ids. Run it on one CPU, without khugepaged and without
 * writeback by time, which come in between.
 */
#include <stdarg.h>
#include <sys/personality.h>
#include <sys/random.h>

#include "gup_fuzz.h"

struct fuzz fuzz;
static double seconds = 10;
static unsigned int case_seconds = 60;	/* for a busy machine without KVM */
static unsigned long nr_cases = -1ul, nr_done;
static unsigned long nr_huge_pages;

static void __noreturn refuse_arguments(void)
{
	fputs("# gup_fuzz [-s SECONDS] [-n CASES] [-r SEED] [-k STEP,...] [-f FILE] [-t SECONDS]\n",
	      stderr);
	exit(KSFT_FAIL);
}

/* Choices */

/* splitmix64, of two numbers */
uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t z = a * 0xd1342543de82ef95ull + b + 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint64_t draw(struct step *s)
{
	s->random = mix(s->random, 1);
	/* The low bits choose. They are to depend on all. */
	return s->random >> 7;
}

/* Often a single page, the first, the last, or where something begins in huge pages. */
static struct range choose_range(struct step *s)
{
	const struct area *a = &fuzz.areas[pick(s, fuzz.nr_areas)];
	const long pages = a->len / psize();
	long first, nr;

	switch (pick(s, 6)) {
	case 0:
		first = 0;
		break;
	case 1:
		first = pick(s, pages / 16) * 16l + pick(s, 3) - 1;
		break;
	case 2:
		first = pages - 1l - pick(s, 4);
		break;
	default:
		first = pick(s, pages);
	}
	switch (pick(s, pages > 64 ? 12 : 6)) {
	case 0:
		first = 0;
		nr = pages;
		break;
	case 1:
		nr = pages - first + pick(s, 8);
		break;
	case 2:
		nr = 1 + pick(s, pages);
		break;
	case 3:
		nr = 1;
		break;
	default:
		nr = 1 + pick(s, 8);
	}
	return (struct range) { a, a->mem + first * psize(), nr * psize() };
}

struct range piece_of(struct step *s, const struct range *r)
{
	const size_t skip = pick(s, 2) * pick(s, psize()), cut = pick(s, 2) * pick(s, psize());
	struct range piece = *r;

	piece.addr += skip;
	piece.len = skip + cut < r->len ? r->len - skip - cut : 1 + pick(s, 64);
	return piece;
}

static const struct op *choose_op(struct step *s)
{
	unsigned int sum = 0, at;

	for (unsigned int i = 0; i < nr_mm_ops; i++)
		sum += mm_ops[i].weight;
	for (unsigned int i = 0; i < nr_take_ops; i++)
		sum += take_ops[i].weight;
	at = pick(s, sum);
	for (unsigned int i = 0; i < nr_mm_ops; at -= mm_ops[i++].weight)
		if (at < mm_ops[i].weight)
			return &mm_ops[i];
	for (unsigned int i = 0; i < nr_take_ops; at -= take_ops[i++].weight)
		if (at < take_ops[i].weight)
			return &take_ops[i];
	return NULL;
}

bool range_reaches(const struct range *r, const struct area *a)
{
	return a == r->area || (r->addr < a->mem + a->len && a->mem < r->addr + r->len);
}

static void mark_used(const struct range *r)
{
	for (unsigned int i = 0; i < fuzz.nr_areas; i++) {
		if (range_reaches(r, &fuzz.areas[i]))
			fuzz.areas[i].used = true;
	}
}

static void choose_step(unsigned int index)
{
	struct step *s = &fuzz.steps[index];

	s->index = index;
	s->random = mix(fuzz.seed, 1000 + index);
	s->op = choose_op(s);
	for (unsigned int i = 0; i < ARRAY_SIZE(s->range); i++)
		s->range[i] = choose_range(s);
}

/* @keep: numbers of steps; empty: all of them */
static bool kept(const char *keep, unsigned int index)
{
	char word[16], list[1024];

	snprintf(word, sizeof(word), ",%u,", index);
	snprintf(list, sizeof(list), ",%s,", keep);
	return !*keep || strstr(list, word);
}

static void choose_case(const char *keep)
{
	areas_choose();
	fuzz.nr_steps = 8 + mix(fuzz.seed, 0x57e9) % (MAX_STEPS - 7);
	for (unsigned int i = 0; i < fuzz.nr_steps; i++) {
		choose_step(i);
		for (unsigned int j = 0; j < fuzz.steps[i].op->ranges && kept(keep, i); j++)
			mark_used(&fuzz.steps[i].range[j]);
	}
}

/* Results */

void say(struct step *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	s->text_len += vsnprintf(s->text + s->text_len, TEXT_SIZE - s->text_len, format, args);
	va_end(args);
	MUST(s->text_len < TEXT_SIZE);
}

void say_range(struct step *s, const struct range *r)
{
	const long off = r->addr - r->area->mem, size = psize();

	say(s, " %s%u[%ld", r->area->kind->name, r->area->id, off / size);
	if (off % size || r->len % size)
		say(s, "]+%ld,%zu", off % size, r->len);
	else
		say(s, "+%ld]", r->len / size);
}

void say_result(struct step *s, long ret)
{
	if (ret < 0)
		say(s, " = %s", strerrorname_np(errno));
	else
		say(s, " = %ld", ret);
}

uint64_t hash_words(uint64_t hash, const void *mem, size_t len)
{
	const uint64_t *word = mem;

	for (size_t i = 0; i < len / sizeof(*word); i++) {
		hash = (hash ^ FORCE_READ(word[i])) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	return hash;
}

void say_hash(struct step *s, const void *mem, size_t len)
{
	uint64_t hash = hash_words(len, mem, len), tail = 0;

	memcpy(&tail, (const char *)mem + len / 8 * 8, len % 8);
	say(s, " data %08x", (uint32_t)hash_words(hash, &tail, sizeof(tail)));
}

const char *fill_data(struct step *s, size_t len)
{
	gup_fill(fuzz.data, len, fuzz.seed * MAX_STEPS + s->index);
	return fuzz.data;
}

static void print_state(const struct area *a, struct kid *kid, bool fault_in)
{
	static char text[TEXT_SIZE];

	if (kid) {
		const struct range all = { a, a->mem, a->len };

		kid_do(kid, KID_STATE, &all, fault_in, text);
		printf(" | child %s", text);
	} else {
		area_state(a, fault_in, text, sizeof(text));
		printf(" | %s", text);
	}
}

static void run_step(struct step *s)
{
	say(s, "%s", s->op->name);
	s->op->run(s);
	printf("# %lu.%u %s", fuzz.seed, s->index, s->text);
	for (unsigned int i = 0; i < s->op->ranges; i++) {
		if (i && s->range[i].area == s->range[0].area)
			continue;
		print_state(s->range[i].area, NULL, false);
		if (s->kid)
			print_state(s->range[i].area, s->kid, false);
	}
	printf("\n");
	fflush(stdout);
}

/* Cases */

static void print_end_of(struct kid *kid, const char *name)
{
	for (unsigned int i = 0; i < fuzz.nr_areas; i++) {
		if (!fuzz.areas[i].used)
			continue;
		printf("# %lu.end %s", fuzz.seed, name);
		print_state(&fuzz.areas[i], kid, true);
		printf("\n");
	}
}

static void print_files(void)
{
	const ssize_t len = pread(fuzz.disk, fuzz.copy, fuzz.disk_len, 0);

	printf("# %lu.end disk %zd %08x\n", fuzz.seed, len,
	       (uint32_t)hash_words(0, fuzz.copy, len > 0 ? len : 0));
	for (unsigned int i = 0; i < fuzz.nr_areas; i++) {
		const struct area *a = &fuzz.areas[i];
		ssize_t got = a->used && area_is_file(a) ? pread(a->fd, fuzz.copy, a->len, 0) : -1;

		if (got >= 0)
			printf("# %lu.end file of %s%u %zd %08x\n", fuzz.seed, a->kind->name, i,
			       got, (uint32_t)hash_words(0, fuzz.copy, got));
	}
}

static void print_end(void)
{
	for (unsigned int i = 0; i < NR_KIDS; i++)
		if (fuzz.kids[i].pid)
			print_end_of(&fuzz.kids[i], i ? "child 1" : "child 0");
	print_end_of(NULL, "memory");
	munlockall();
	print_files();
}

static void __noreturn run_case(const char *keep)
{
	alarm(case_seconds);
	choose_case(keep);
	areas_map();
	takers_open();
	for (unsigned int i = 0; i < fuzz.nr_steps; i++)
		if (kept(keep, i))
			run_step(&fuzz.steps[i]);
	print_end();
	for (unsigned int i = 0; i < NR_KIDS; i++)
		if (fuzz.kids[i].pid)
			kid_end(&fuzz.kids[i]);
	takers_close();
	fflush(stdout);
	_exit(0);
}

/* So that who reads the kernel's log knows which case a warning belongs to. */
static void log_case(const char *keep)
{
	FILE *log = fopen("/dev/kmsg", "w");

	if (!log)
		return;
	fprintf(log, "gup_fuzz: seed %lu %s\n", fuzz.seed, keep);
	fclose(log);
}

/*
 * Long-term pins leave huge pages in the pool that may be pinned for long, where all have been
 * movable. Whether a copy gets one of these depends on what the cases before have freed, and in
 * which order.
 */
static void renew_pool(void)
{
	if (!nr_huge_pages || geteuid())
		return;
	hugetlb_set_nr_default_pages(0);
	hugetlb_set_nr_default_pages(nr_huge_pages);
}

/* Huge pages that are still on their way back to the pool would be missing in the next case. */
static void wait_for_pool(unsigned long free_pages)
{
	double end = gup_now() + 10;

	while (hugetlb_free_default_pages() < free_pages && gup_now() < end)
		usleep(20000);
}

/* Each case has a process, and so an address space, of its own. */
static void test_case(const char *keep)
{
	const long before = gup_pins_held();
	unsigned long free_pages;
	long after;
	int status;
	pid_t pid;

	renew_pool();
	free_pages = hugetlb_free_default_pages();
	log_case(keep);
	fflush(stdout);
	pid = gup_fork();
	if (!pid)
		run_case(keep);
	status = gup_join(pid);
	after = gup_pins_settle(before);
	wait_for_pool(free_pages);
	ksft_test_result(!status && before == after, "seed %lu %s: exit status %d, %ld pins left\n",
			 fuzz.seed, keep, status, after - before);
	fflush(stdout);
	nr_done++;
}

static void test_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[1024], keep[1024];

	if (!file)
		refuse_arguments();
	while (fgets(line, sizeof(line), file)) {
		*keep = 0;
		if (sscanf(line, "%lu %1023s", &fuzz.seed, keep) >= 1)
			test_case(keep);
	}
	fclose(file);
}

static void test_range(const char *keep)
{
	const double end = gup_now() + seconds;

	for (; nr_done < nr_cases && (nr_cases != -1ul || gup_now() < end); fuzz.seed++)
		test_case(keep);
}

static char *map_buffer(void)
{
	char *mem = gup_map_anon(BUFFER_SIZE);

	MUST(!madvise(mem, BUFFER_SIZE, MADV_DONTDUMP));
	return mem;
}

static void without_randomisation(char **argv)
{
	if (personality(0xffffffff) & ADDR_NO_RANDOMIZE)
		return;
	MUST(personality(ADDR_NO_RANDOMIZE) >= 0);
	execv("/proc/self/exe", argv);
	MUST(false);
}

static void stay_on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	MUST(!sched_setaffinity(0, sizeof(set), &set));
}

int main(int argc, char **argv)
{
	const char *keep = "", *file = NULL;
	int option;

	without_randomisation(argv);
	fuzz.seed = 1;
	while ((option = getopt(argc, argv, "s:n:r:k:f:t:")) != -1) {
		if (option == 's')
			seconds = atof(optarg);
		else if (option == 'n')
			nr_cases = strtoul(optarg, NULL, 0);
		else if (option == 'r')
			fuzz.seed = strtoull(optarg, NULL, 0);
		else if (option == 'k')
			keep = optarg;
		else if (option == 'f')
			file = optarg;
		else if (option == 't')
			case_seconds = atoi(optarg);
		else
			refuse_arguments();
	}
	if (optind != argc)
		refuse_arguments();

	ksft_print_header();
	stay_on_one_cpu();
	catch_faults();
	fuzz.data = map_buffer();
	fuzz.copy = map_buffer();
	disk_open();
	nr_huge_pages = hugetlb_nr_default_pages();
	if (file)
		test_file(file);
	else
		test_range(keep);
	ksft_set_plan(nr_done);
	ksft_finished();
}
