// SPDX-License-Identifier: GPL-2.0
/*
 * Takers have the kernel take pages in every way there is. Disturbers change what
 * maps these pages, holds or protects them. Both choose by random numbers. Checked are
 * the content of what is taken, the counts, the errors, and what is left in the end.
 *
 * usage: gup_torture [-s SECONDS] [-r SEED] SCENARIO
 *
 * SCENARIO is a file of gup_scenarios. Each line says what the run is made of:
 *	memory KIND...		a region of 2 MiB of each
 *	take NAME...		takers, and
 *	disturb NAME...		disturbers; one named twice has two turns where others have one
 *	threads N M		so many of each; 3 and 3 if not given
 * Lines with kernel options and boot parameters are for whoever boots the kernel.
 *
 * The same seed gives the same sequence of choices in each thread. How the threads
 * meet depends on the machine.
 *
 * A run lasts SECONDS, and longer until each taker and disturber has had its turn.
 */
#include <stdarg.h>
#include <sys/random.h>

#include "gup_torture.h"

#define MAX_WORDS	48
#define PROGRESS	60	/* seconds */

struct torture torture = {
	.map_lock = PTHREAD_MUTEX_INITIALIZER,
	.nr_takers = 3,
	.nr_disturbers = 3,
};

/* The names of the scenario, as indices. */
struct selection {
	const struct op *ops;
	unsigned int all;
	unsigned int chosen[MAX_OPS];
	unsigned int nr;
	const char *missing[MAX_OPS];	/* by index of the operation */
};

static struct selection take = { .ops = takers }, disturb = { .ops = disturbers };
static const struct kind *kinds[MAX_REGIONS];
static unsigned int nr_kinds;
static struct thread threads[MAX_THREADS];
static __thread struct thread *self;
static double seconds = 10;

/* Errors of whoever wrote the scenario */

static void __noreturn __printf(1, 2) usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "# gup_torture: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n# usage: gup_torture [-s SECONDS] [-r SEED] SCENARIO\n");
	exit(KSFT_FAIL);
}

/* Failures */

static const struct selection *selection_of(const struct thread *t)
{
	return t->taker ? &take : &disturb;
}

void wrong(struct thread *t, const char *format, ...)
{
	const struct choice *c = t->choice;
	char what[200];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	printf("# WRONG: thread %u, round %u, %s of %s region %u, pages %u to %u, bits %#lx: %s\n",
	       t->id, t->round, selection_of(t)->ops[c->op].name, c->region->kind->name,
	       c->region->id, c->first, c->first + c->nr - 1, c->bits, what);
	fflush(stdout);
	__atomic_add_fetch(&torture.failures, 1, __ATOMIC_SEQ_CST);
	gup_store(&torture.stop, true);
}

static void on_fault(int signal)
{
	if (self && self->guarded) {
		self->guarded = 0;
		siglongjmp(self->jump, 1);
	}
	/* A bug of this program: let it die of it. */
	sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
}

static void catch_faults(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	MUST(!sigaction(SIGSEGV, &action, NULL) && !sigaction(SIGBUS, &action, NULL));
}

/* Choices */

/* splitmix64 */
static uint64_t draw(struct thread *t)
{
	uint64_t z = t->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Windows are dealt out to the takers like cards. */
static void choose_pages(const struct thread *t, struct choice *c, uint64_t where, uint64_t size)
{
	const unsigned int own = NR_WINDOWS / torture.nr_takers;
	unsigned int limit = REGION_PAGES;

	if (t->taker) {
		limit = WINDOW_PAGES;
		c->first = (where % own * torture.nr_takers + t->id) * WINDOW_PAGES;
		c->first += (where >> 32) % WINDOW_PAGES;
	} else {
		c->first = where % REGION_PAGES;
	}
	limit -= c->first % limit;
	/* often one page, often all there are */
	c->nr = size % 4 == 0 ? 1 : size % 4 == 1 ? limit : 1 + (size >> 8) % limit;
	if (t->taker || (!c->region->kind->huge_only && size >> 60))
		return;
	c->first = 0;
	c->nr = REGION_PAGES;
}

static void choose(struct thread *t, struct choice *c)
{
	const struct selection *from = selection_of(t);
	const uint64_t op = draw(t), region = draw(t), where = draw(t), size = draw(t);

	c->op = from->chosen[op % from->nr];
	c->region = &torture.regions[region % torture.nr_regions];
	c->bits = draw(t);
	choose_pages(t, c, where, size);
}

/* Threads */

static void *run(void *arg)
{
	struct thread *t = arg;
	struct choice c;

	self = t;
	t->choice = &c;
	while (!gup_load(&torture.stop)) {
		choose(t, &c);
		__atomic_add_fetch(&t->count[c.op].tried, 1, __ATOMIC_RELAXED);
		selection_of(t)->ops[c.op].once(t, &c);
		/* Disturbances leave the takers some time in between. */
		if (!t->taker)
			usleep(c.bits >> 40 & 0x3ff);
	}
	return NULL;
}

static bool chosen(const struct selection *from, const char *name)
{
	for (unsigned int i = 0; i < from->nr; i++)
		if (!strcmp(name, from->ops[from->chosen[i]].name))
			return true;
	return false;
}

/* fork() is to have its time for the arena. */
static void keep_from_children(void *mem, size_t len)
{
	MUST(!madvise(mem, len, MADV_DONTFORK));
}

static bool uses_disk(void)
{
	return chosen(&take, "direct") || chosen(&take, "direct-vec") || chosen(&take, "uring");
}

static void set_up_taker(struct thread *t)
{
	const size_t disk = REGION_PAGES * psize(), all = torture.nr_regions * GUP_HUGE_SIZE;

	t->copy = gup_map_anon(all);
	keep_from_children(t->copy, all);
	t->driver = gup_driver();
	t->mem = gup_open_mem(getpid());
	MUST(!pipe(t->pipe));
	if (uses_disk())
		MUST(gup_disk_open(&t->disk, disk));
	if (t->disk.data)
		keep_from_children(t->disk.data, disk);
	if (chosen(&take, "uring"))
		MUST(gup_ring_open(&t->ring));
}

static void set_up_disturber(struct thread *t)
{
	t->spare = gup_map_aligned(GUP_HUGE_SIZE);
	MUST(!mprotect(t->spare, GUP_HUGE_SIZE, PROT_NONE));
}

static void set_up_thread(unsigned int id)
{
	struct thread *t = &threads[id];

	t->id = id;
	t->taker = id < torture.nr_takers;
	t->random = torture.seed + id * 0x632be59bd9b4e019ull;
	if (t->taker)
		set_up_taker(t);
	else
		set_up_disturber(t);
}

static void tear_down_thread(struct thread *t)
{
	if (!t->taker) {
		munmap(t->spare, GUP_HUGE_SIZE);
		return;
	}
	if (t->ring.sq)
		gup_ring_close(&t->ring);
	gup_disk_close(&t->disk);
	close(t->driver);
	close(t->mem);
	close(t->pipe[0]);
	close(t->pipe[1]);
	munmap(t->copy, torture.nr_regions * GUP_HUGE_SIZE);
}

static unsigned int nr_threads(void)
{
	return torture.nr_takers + torture.nr_disturbers;
}

/* Scenarios */

static int find_op(const struct selection *from, const char *name)
{
	for (unsigned int i = 0; i < from->all; i++)
		if (!strcmp(name, from->ops[i].name))
			return i;
	usage("%s: no taker or disturber %s", torture.scenario, name);
}

static void add_op(struct selection *to, const char *name)
{
	if (to->nr == MAX_OPS)
		usage("%s: more than %d names", torture.scenario, MAX_OPS);
	to->chosen[to->nr++] = find_op(to, name);
}

static void add_kind(const char *name)
{
	if (nr_kinds == MAX_REGIONS)
		usage("%s: more than %d regions", torture.scenario, MAX_REGIONS);
	kinds[nr_kinds] = find_kind(name);
	if (!kinds[nr_kinds++])
		usage("%s: no kind of memory %s", torture.scenario, name);
}

static void read_threads(const char *words)
{
	unsigned int n, m;

	if (sscanf(words, "%u %u", &n, &m) != 2 || !n || !m || n > NR_WINDOWS ||
	    n + m > MAX_THREADS)
		usage("%s: threads %s", torture.scenario, words);
	torture.nr_takers = n;
	torture.nr_disturbers = m;
}

static void read_line(char *line)
{
	char *save, *key = strtok_r(line, " \t\n", &save), *word;

	if (!key)
		return;
	if (!strcmp(key, "threads")) {
		read_threads(save);
		return;
	}
	while ((word = strtok_r(NULL, " \t\n", &save))) {
		if (!strcmp(key, "memory"))
			add_kind(word);
		else if (!strcmp(key, "take"))
			add_op(&take, word);
		else if (!strcmp(key, "disturb"))
			add_op(&disturb, word);
		else
			return;
	}
}

static void read_scenario(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[1024];

	torture.scenario = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	if (!file)
		usage("%s: %s", path, strerror(errno));
	take.all = nr_taker_ops;
	disturb.all = nr_disturber_ops;
	while (fgets(line, sizeof(line), file))
		read_line(line);
	fclose(file);
	if (!nr_kinds || !take.nr || !disturb.nr)
		usage("%s: needs lines memory, take and disturb", path);
}

/* Takes out what this machine cannot do. */
static void drop_missing(struct selection *from)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < from->nr; i++) {
		const unsigned int op = from->chosen[i];
		const struct op *o = &from->ops[op];

		from->missing[op] = o->need ? o->need() : NULL;
		if (!from->missing[op])
			from->chosen[left++] = op;
	}
	from->nr = left;
}

static void for_chosen(const struct selection *from, bool end)
{
	for (unsigned int i = 0; i < from->nr; i++) {
		const struct op *op = &from->ops[from->chosen[i]];

		if (end ? !!op->end : !!op->begin)
			(end ? op->end : op->begin)();
	}
}

/* Results */

static struct count sum_of(const struct selection *from, unsigned int op)
{
	struct count sum = { 0 };

	for (unsigned int i = 0; i < nr_threads(); i++) {
		const struct count *count = &threads[i].count[op];

		if (selection_of(&threads[i]) != from)
			continue;
		sum.tried += gup_load(&count->tried);
		sum.done += gup_load(&count->done);
		sum.refused += gup_load(&count->refused);
		sum.checked += gup_load(&count->checked);
	}
	return sum;
}

static long tried_of(const struct selection *from)
{
	long tried = 0;

	for (unsigned int i = 0; i < from->nr; i++)
		tried += sum_of(from, from->chosen[i]).tried;
	return tried;
}

/* Takers must have had their pages, and disturbers must have tried. */
static bool had_its_turn(const struct selection *from, unsigned int op)
{
	const struct count sum = sum_of(from, op);

	return from == &take ? sum.done : sum.tried;
}

static bool all_had_their_turns(const struct selection *from)
{
	for (unsigned int i = 0; i < from->nr; i++)
		if (!had_its_turn(from, from->chosen[i]))
			return false;
	return true;
}

static void wait_for_end(double begin)
{
	double progress = begin + PROGRESS;

	while (!gup_load(&torture.stop)) {
		usleep(100000);
		if (gup_now() >= begin + seconds && all_had_their_turns(&take) &&
		    all_had_their_turns(&disturb))
			return;
		if (gup_now() < progress)
			continue;
		progress += PROGRESS;
		printf("# %s: %.0f s: taken %ld, disturbed %ld times\n", torture.scenario,
		       gup_now() - begin, tried_of(&take), tried_of(&disturb));
		fflush(stdout);
	}
}

static void report_op(const struct selection *from, unsigned int op)
{
	const char *name = from->ops[op].name;
	const struct count sum = sum_of(from, op);

	if (from->missing[op]) {
		ksft_test_result_skip("%s %s %s\n", torture.scenario, name, from->missing[op]);
		return;
	}
	ksft_print_msg("%-8s %-14s %9ld tried %9ld done %9ld refused %9ld checked\n",
		       from == &take ? "take" : "disturb", name, sum.tried, sum.done, sum.refused,
		       sum.checked);
	ksft_test_result(had_its_turn(from, op) || torture.stop, "%s %s\n", torture.scenario, name);
}

static bool selected(const struct selection *from, unsigned int op)
{
	for (unsigned int i = 0; i < from->nr; i++)
		if (from->chosen[i] == op)
			return true;
	return from->missing[op];
}

static void report_ops(const struct selection *from)
{
	for (unsigned int op = 0; op < from->all; op++)
		if (selected(from, op))
			report_op(from, op);
}

static unsigned int nr_selected(const struct selection *from)
{
	unsigned int nr = 0;

	for (unsigned int op = 0; op < from->all; op++)
		nr += selected(from, op);
	return nr;
}

static void report_left(const long before[NR_LEFT])
{
	const long pins = gup_pins_settle(gup_pins_before);
	long after[NR_LEFT];

	ksft_test_result(pins == gup_pins_before, "%s pins held: %ld before, %ld after\n",
			 torture.scenario, gup_pins_before, pins);
	left_settle(before, after);
	for (int i = 0; i < NR_LEFT; i++)
		ksft_test_result(left_is_right(i, before[i], after[i]),
				 "%s %s: %ld before, %ld after\n", torture.scenario,
				 left_names[i], before[i], after[i]);
}

static void report_excess(void)
{
	struct gup_test_excess excess;

	if (!excess_settle(&excess)) {
		ksft_test_result_skip("%s references %s\n", torture.scenario, NO_DRIVER);
		return;
	}
	ksft_test_result(!excess.refs && !excess.pinned,
			 "%s references too many or too few: %llu, pinned folios: %llu\n",
			 torture.scenario, excess.refs, excess.pinned);
}

static void run_threads(void)
{
	for (unsigned int i = 0; i < nr_threads(); i++)
		set_up_thread(i);
	for (unsigned int i = 0; i < nr_threads(); i++)
		gup_thread(&threads[i].thread, run, &threads[i]);
	wait_for_end(gup_now());
	gup_store(&torture.stop, true);
	for (unsigned int i = 0; i < nr_threads(); i++)
		pthread_join(threads[i].thread, NULL);
	for (unsigned int i = 0; i < nr_threads(); i++)
		tear_down_thread(&threads[i]);
}

static void parse_args(int argc, char **argv)
{
	int option;

	MUST(getrandom(&torture.seed, sizeof(torture.seed), 0) == sizeof(torture.seed));
	torture.seed >>= 40;
	while ((option = getopt(argc, argv, "s:r:")) != -1) {
		if (option == 's')
			seconds = atof(optarg);
		else if (option == 'r')
			torture.seed = strtoull(optarg, NULL, 0);
		else
			usage("unknown option");
	}
	if (optind + 1 != argc)
		usage("name one scenario");
	read_scenario(argv[optind]);
}

int main(int argc, char **argv)
{
	long before[NR_LEFT];
	const char *missing;

	parse_args(argc, argv);
	ksft_print_header();
	left_count(before);
	missing = arena_map(kinds, nr_kinds);
	if (missing)
		ksft_exit_skip("%s\n", missing);
	drop_missing(&take);
	drop_missing(&disturb);
	if (!take.nr || !disturb.nr)
		ksft_exit_skip("this machine has none of the takers or disturbers\n");
	ksft_set_plan(nr_selected(&take) + nr_selected(&disturb) + 3 + NR_LEFT);
	printf("# %s: to replay: gup_torture -r %lu -s %.0f %s\n", torture.scenario, torture.seed,
	       seconds, argv[argc - 1]);
	fflush(stdout);

	catch_faults();
	for_chosen(&take, false);
	for_chosen(&disturb, false);
	run_threads();
	for_chosen(&disturb, true);
	for_chosen(&take, true);
	report_excess();
	arena_unmap();

	report_ops(&take);
	report_ops(&disturb);
	ksft_test_result(!torture.failures, "%s content, counts and errors\n", torture.scenario);
	report_left(before);
	ksft_finished();
}
