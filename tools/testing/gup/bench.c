// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: bench [--gib N] [--runs N] [--csv]
 *
 * Nanoseconds per page of get_user_pages, on page tables and struct pages that
 * fit into the caches and on N GiB worth of them that do not. Beside ours
 * stands another implementation, if it has been linked in as base_*().
 */
#include <getopt.h>
#include <stdlib.h>
#include <time.h>

#include <linux/user_bvecs.h>

#include "gup_world.h"

#define HOT_PAGES	8192UL
#define BASE_ADDR	SZ_1G
#define MAX_RUNS	101

/* One implementation. */
struct impl {
	const char *name;
	long (*get_slow)(unsigned long start, unsigned long nr,
			 unsigned int flags, struct page **pages);
	long (*pin_slow)(unsigned long start, unsigned long nr,
			 unsigned int flags, struct page **pages);
	int (*get_fast)(unsigned long start, int nr, unsigned int flags,
			struct page **pages);
	int (*pin_fast)(unsigned long start, int nr, unsigned int flags,
			struct page **pages);
	void (*unpin)(struct page **pages, unsigned long nr);
	/* The same as ranges; how many pages they have. */
	long (*pin_ranges)(unsigned long start, unsigned long nr,
			   struct page **pages, struct user_bvecs *to);
	void (*unpin_ranges)(const struct user_bvecs *of);
};

typeof(get_user_pages) base_get_user_pages __weak;
typeof(pin_user_pages) base_pin_user_pages __weak;
typeof(get_user_pages_fast) base_get_user_pages_fast __weak;
typeof(pin_user_pages_fast) base_pin_user_pages_fast __weak;
typeof(unpin_user_pages) base_unpin_user_pages __weak;
typeof(unpin_user_folio) base_unpin_user_folio __weak;

static long base_pin_ranges(unsigned long start, unsigned long nr,
			    struct page **pages, struct user_bvecs *to);
static void base_unpin_ranges(const struct user_bvecs *of);

static long our_pin_ranges(unsigned long start, unsigned long nr,
			   struct page **pages, struct user_bvecs *to)
{
	return pin_user_bvecs_fast(start, nr << PAGE_SHIFT, FOLL_WRITE, to) >>
	       PAGE_SHIFT;
}

static void our_unpin_ranges(const struct user_bvecs *of)
{
	unpin_user_bvecs(of->bvecs, of->nr, false);
}

enum { BASE, OURS, NR_IMPLS };

static const struct impl impls[NR_IMPLS] = {
	[BASE] = {
		"base", base_get_user_pages, base_pin_user_pages,
		base_get_user_pages_fast, base_pin_user_pages_fast,
		base_unpin_user_pages, base_pin_ranges, base_unpin_ranges,
	},
	[OURS] = {
		"ours", get_user_pages, pin_user_pages, get_user_pages_fast,
		pin_user_pages_fast, unpin_user_pages, our_pin_ranges,
		our_unpin_ranges,
	},
};

enum op {
	GET_FAST, PIN_FAST, GET_SLOW, PIN_SLOW, PIN_RANGES, UNPIN, UNPIN_RANGES,
	NR_OPS
};

static const char *const op_names[NR_OPS] = {
	"get fast", "pin fast", "get slow", "pin slow", "pin ranges", "unpin",
	"unpin ranges",
};

/**
 * struct memory - what is mapped
 * @name: What it is called in the table.
 * @order: Order of the folios.
 * @leaf: Each is mapped by one entry of a PMD.
 * @large: All there is, rather than what fits into the caches. Folios and calls
 *	   come in random order.
 */
struct memory {
	const char *name;
	unsigned int order;
	bool leaf;
	bool large;
};

static const struct memory memories[] = {
	{ "4 KiB, cached", 0, false, false },
	{ "4 KiB, large", 0, false, true },
	{ "64 KiB, cached", 4, false, false },
	{ "64 KiB, large", 4, false, true },
	{ "2 MiB, cached", 9, true, false },
	{ "2 MiB, large", 9, true, true },
};

static const unsigned int per_call[] = { 1, 16, 512 };

static struct page **pages;
static struct bio_vec *bvecs;
/* The ranges of each call. */
static struct user_bvecs *ranges;
static unsigned long *folio_at, *call_order;
static unsigned int nr_runs = 5;
static bool csv;

/* Of this thread: what else runs on the CPU takes no part in it. */
static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* 0 .. @nr - 1, in random order if asked; the same order every time. */
static void fill_order(unsigned long *order, unsigned long nr, bool shuffle)
{
	u64 random = 88172645463325252ULL;

	for (unsigned long i = 0; i < nr; i++) {
		unsigned long j = i;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		if (shuffle)
			j = random % (i + 1);
		order[i] = order[j];
		order[j] = i;
	}
}

static unsigned long pages_of(const struct memory *memory)
{
	return memory->large ? world.nr_pages : HOT_PAGES;
}

static void map_folio(const struct memory *memory, unsigned long addr,
		      unsigned long pfn)
{
	gup_folio(pfn, memory->order);
	if (memory->leaf) {
		gup_map_pmd(addr, pfn, GUP_PTE_RW);
		return;
	}
	for (unsigned long i = 0; i < BIT(memory->order); i++)
		gup_map_pte(addr + i * PAGE_SIZE, pfn + i, GUP_PTE_RW);
}

static void build(const struct memory *memory)
{
	unsigned long nr = pages_of(memory), nr_folios = nr >> memory->order;

	gup_world_reset();
	gup_world_vma(BASE_ADDR, BASE_ADDR + (nr << PAGE_SHIFT),
		      VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE);
	fill_order(folio_at, nr_folios, memory->large);
	for (unsigned long i = 0; i < nr_folios; i++)
		map_folio(memory, BASE_ADDR + (i << memory->order << PAGE_SHIFT),
			  world.first_pfn + (folio_at[i] << memory->order));
}

/* What the users of base do: each run of pages in one folio becomes a range. */
static long base_pin_ranges(unsigned long start, unsigned long nr,
			    struct page **pages, struct user_bvecs *to)
{
	long got = base_pin_user_pages_fast(start, nr, FOLL_WRITE, pages), i;
	struct bio_vec *last = to->bvecs;

	for (i = 0; i < got; i++) {
		if (i && pages[i] == pages[i - 1] + 1 &&
		    page_folio(pages[i]) == page_folio(last->bv_page)) {
			last->bv_len += PAGE_SIZE;
			continue;
		}
		last = &to->bvecs[to->nr++];
		bvec_set_page(last, pages[i], PAGE_SIZE, 0);
	}
	return got;
}

static void base_unpin_ranges(const struct user_bvecs *of)
{
	for (unsigned int i = 0; i < of->nr; i++)
		base_unpin_user_folio(page_folio(of->bvecs[i].bv_page),
				      of->bvecs[i].bv_len >> PAGE_SHIFT);
}

static long call(const struct impl *impl, enum op op, unsigned long addr,
		 unsigned int nr, unsigned long at)
{
	struct page **out = pages + at * nr;

	switch (op) {
	case GET_FAST:
		return impl->get_fast(addr, nr, FOLL_WRITE, out);
	case PIN_FAST:
		return impl->pin_fast(addr, nr, FOLL_WRITE, out);
	case GET_SLOW:
		return impl->get_slow(addr, nr, FOLL_WRITE, out);
	case PIN_RANGES:
		ranges[at] = (struct user_bvecs) {
			.bvecs = bvecs + at * nr,
			.max = nr,
		};
		return impl->pin_ranges(addr, nr, out, &ranges[at]);
	default:
		return impl->pin_slow(addr, nr, FOLL_WRITE, out);
	}
}

/*
 * The CPU does not begin with the next call before this one is through. Nor does
 * it in a kernel, where other work lies in between.
 */
static void end_call(void)
{
	__asm__ __volatile__("lfence" : : : "memory");
}

/* Time to take all pages, @nr at a time. */
static u64 take(const struct impl *impl, enum op op, unsigned long nr_calls,
		unsigned int nr)
{
	unsigned long bytes = (unsigned long)nr << PAGE_SHIFT;
	u64 start = now();

	for (unsigned long i = 0; i < nr_calls; i++) {
		long got = call(impl, op, BASE_ADDR + call_order[i] * bytes, nr,
				i);

		end_call();
		if (unlikely(got != nr)) {
			fprintf(stderr, "bench: %s: %s of %u pages took %ld\n",
				impl->name, op_names[op], nr, got);
			exit(1);
		}
	}
	return now() - start;
}

static u64 release(const struct impl *impl, enum op op, unsigned long nr_calls,
		   unsigned int nr)
{
	u64 start = now();

	for (unsigned long i = 0; i < nr_calls; i++) {
		if (op == PIN_RANGES)
			impl->unpin_ranges(&ranges[i]);
		else if (op == PIN_FAST || op == PIN_SLOW)
			impl->unpin(pages + i * nr, nr);
		else
			for (unsigned int j = 0; j < nr; j++)
				put_page(pages[i * nr + j]);
		end_call();
	}
	return now() - start;
}

/* Writes down the pages of the ranges of a call. */
static void list_pages(const struct user_bvecs *of, struct page **out)
{
	for (unsigned int i = 0; i < of->nr; i++)
		for (unsigned int j = 0; j < of->bvecs[i].bv_len >> PAGE_SHIFT; j++)
			*out++ = of->bvecs[i].bv_page + j;
}

static void check(const struct impl *impl, const struct memory *memory,
		  enum op op, unsigned long nr_calls, unsigned int nr)
{
	for (unsigned long i = 0; op == PIN_RANGES && i < nr_calls; i++)
		list_pages(&ranges[i], pages + i * nr);
	for (unsigned long i = 0; i < nr_calls * nr; i++) {
		unsigned long at = call_order[i / nr] * nr + i % nr;
		unsigned long pfn = world.first_pfn +
			(folio_at[at >> memory->order] << memory->order) +
			(at & (BIT(memory->order) - 1));

		if (pages[i] != pfn_to_page(pfn)) {
			fprintf(stderr, "bench: %s returns a wrong page\n",
				impl->name);
			exit(1);
		}
	}
}

/* One run of a taking operation; both it and what releases it are timed. */
static void run(const struct impl *impl, const struct memory *memory,
		enum op op, unsigned int nr, double *taken, double *released)
{
	unsigned long nr_pages = pages_of(memory), nr_calls = nr_pages / nr;
	/* What is cached is done several times, for the clock's sake. */
	unsigned int times = memory->large ? 1 : 16;
	u64 take_ns = 0, release_ns = 0;

	for (unsigned int i = 0; i < times; i++) {
		take_ns += take(impl, op, nr_calls, nr);
		if (!i)
			check(impl, memory, op, nr_calls, nr);
		release_ns += release(impl, op, nr_calls, nr);
	}
	*taken = (double)take_ns / (nr_pages * times);
	*released = (double)release_ns / (nr_pages * times);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct result {
	double median;
	double spread;	/* from the first to the third quartile, in percent */
};

static struct result summarize(double *times)
{
	struct result result;

	qsort(times, nr_runs, sizeof(*times), compare);
	result.median = times[nr_runs / 2];
	result.spread = 100 * (times[nr_runs * 3 / 4] - times[nr_runs / 4]) /
			result.median;
	return result;
}

static void print(const struct memory *memory, enum op op, unsigned int nr,
		  double times[NR_IMPLS][MAX_RUNS])
{
	struct result ours = summarize(times[OURS]), base = {};
	const char *format = csv ? "%s,\"%s\",%u" : "%-12s %-15s %5u";

	printf(format, op_names[op], memory->name, nr);
	if (!impls[BASE].pin_fast) {
		format = csv ? ",%.2f,%.0f\n" : " %9.2f  +-%2.0f %%\n";
		printf(format, ours.median, ours.spread);
		return;
	}
	base = summarize(times[BASE]);
	format = csv ? ",%.2f,%.0f,%.2f,%.0f,%.2f\n" :
		       " %9.2f  +-%2.0f %%  %9.2f  +-%2.0f %%  %6.2f\n";
	printf(format, base.median, base.spread, ours.median, ours.spread,
	       base.median / ours.median);
}

static void measure(const struct memory *memory, enum op op, unsigned int nr)
{
	double taken[NR_IMPLS][MAX_RUNS], released[NR_IMPLS][MAX_RUNS];
	unsigned long nr_calls = pages_of(memory) / nr;

	fill_order(call_order, nr_calls, memory->large);
	/* In pairs, so that both see what else the machine is doing. */
	for (unsigned int i = 0; i < nr_runs; i++) {
		for (unsigned int j = 0; j < NR_IMPLS; j++) {
			unsigned int who = (i + j) % NR_IMPLS;

			if (impls[who].pin_fast)
				run(&impls[who], memory, op, nr, &taken[who][i],
				    &released[who][i]);
		}
	}
	print(memory, op, nr, taken);
	if (op == PIN_FAST)
		print(memory, UNPIN, nr, released);
	if (op == PIN_RANGES)
		print(memory, UNPIN_RANGES, nr, released);
	fflush(stdout);
}

static void die_of_options(void)
{
	fprintf(stderr, "bench [--gib 1..64] [--runs 1..%d] [--csv]\n", MAX_RUNS);
	exit(2);
}

static unsigned long parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "gib", required_argument, NULL, 'g' },
		{ "runs", required_argument, NULL, 'r' },
		{ "csv", no_argument, NULL, 'c' },
		{}
	};
	unsigned long gib = 4;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'g')
			gib = strtoul(optarg, NULL, 0);
		else if (c == 'r')
			nr_runs = strtoul(optarg, NULL, 0);
		else if (c == 'c')
			csv = true;
		else
			die_of_options();
	}
	if (optind < argc || gib - 1 > 63 || nr_runs - 1 >= MAX_RUNS)
		die_of_options();
	return gib;
}

static void print_head(unsigned long gib)
{
	const char *columns = impls[BASE].pin_fast ?
		"     base  spread       ours  spread   ratio" :
		"     ours  spread";

	if (csv) {
		printf("operation,memory,pages a call,%sours,spread%s\n",
		       impls[BASE].pin_fast ? "base,spread," : "",
		       impls[BASE].pin_fast ? ",ratio" : "");
		return;
	}
	printf("Nanoseconds a page, median of %u runs, spread between quartiles.\n",
	       nr_runs);
	printf("cached: %lu MiB; large: %lu GiB, folios and calls in random order\n",
	       HOT_PAGES >> (20 - PAGE_SHIFT), gib);
	printf("Protection keys: %s\n\n", gup_have_pkru ? "RDPKRU" :
	       "none on this CPU, so reading them costs nothing here");
	printf("%-12s %-15s %5s%s\n", "", "folios", "pages", columns);
}

int main(int argc, char **argv)
{
	unsigned long gib = parse(argc, argv);
	unsigned long nr = gib * (SZ_1G >> PAGE_SHIFT);

	gup_world_init(nr, nr / PTRS_PER_PTE + gib + 8);
	pages = gup_reserve(nr * sizeof(*pages), PMD_SIZE);
	bvecs = gup_reserve(nr * sizeof(*bvecs), PMD_SIZE);
	ranges = gup_reserve(nr * sizeof(*ranges), PMD_SIZE);
	folio_at = gup_reserve(nr * sizeof(*folio_at), PMD_SIZE);
	call_order = gup_reserve(nr * sizeof(*call_order), PMD_SIZE);
	print_head(gib);
	for (unsigned int m = 0; m < ARRAY_SIZE(memories); m++) {
		build(&memories[m]);
		for (unsigned int i = 0; i < ARRAY_SIZE(per_call); i++) {
			for (enum op op = 0; op < UNPIN; op++)
				measure(&memories[m], op, per_call[i]);
		}
	}
	return 0;
}
