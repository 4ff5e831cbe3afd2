// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the entry points: which flags each adds, which it refuses, what
 * it does with mmap_lock, and where it stops. One test asks all of them.
 */
#include "gup_world.h"
#include "gup_internal.h"
#include "tap.h"

#define ADDR		(4 * SZ_1G)
#define VMA_FLAGS	(VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | \
			 VM_SOFTDIRTY)
#define NR_PAGES	600UL
/* What stands in the array before a call. */
#define CALLERS		((struct page *)0x1234)

enum {
	IS_PIN = 1,	/* takes pins */
	IS_REMOTE = 2,
	TOUCHES = 4,	/* sets FOLL_TOUCH */
	DROPS = 8,	/* may drop mmap_lock */
	TAKES = 16,	/* takes mmap_lock itself */
	IS_FAST = 32,
};

typedef long (*call_fn)(unsigned long start, long nr, unsigned int flags,
			struct page **pages);

static struct page *pages[NR_PAGES];
static struct vm_area_struct *vma;
static int locked;

static long with_lock(call_fn call, unsigned long start, long nr,
		      unsigned int flags, struct page **to)
{
	long ret;

	mmap_read_lock(&world.mm);
	locked = 1;
	ret = call(start, nr, flags, to);
	if (locked)
		mmap_read_unlock(&world.mm);
	return ret;
}

static long get(unsigned long start, long nr, unsigned int flags,
		struct page **to)
{
	return get_user_pages(start, nr, flags, to);
}

static long pin(unsigned long start, long nr, unsigned int flags,
		struct page **to)
{
	return pin_user_pages(start, nr, flags, to);
}

static long get_remote(unsigned long start, long nr, unsigned int flags,
		       struct page **to)
{
	return get_user_pages_remote(&world.mm, start, nr, flags, to, &locked);
}

static long pin_remote(unsigned long start, long nr, unsigned int flags,
		       struct page **to)
{
	return pin_user_pages_remote(&world.mm, start, nr, flags, to, &locked);
}

static long get_remote_kept(unsigned long start, long nr, unsigned int flags,
			    struct page **to)
{
	return get_user_pages_remote(&world.mm, start, nr, flags, to, NULL);
}

static long pin_remote_kept(unsigned long start, long nr, unsigned int flags,
			    struct page **to)
{
	return pin_user_pages_remote(&world.mm, start, nr, flags, to, NULL);
}

static long get_unlocked(unsigned long start, long nr, unsigned int flags,
			 struct page **to)
{
	return get_user_pages_unlocked(start, nr, to, flags);
}

static long pin_unlocked(unsigned long start, long nr, unsigned int flags,
			 struct page **to)
{
	return pin_user_pages_unlocked(start, nr, to, flags);
}

static long get_fast(unsigned long start, long nr, unsigned int flags,
		     struct page **to)
{
	return get_user_pages_fast(start, nr, flags, to);
}

static long pin_fast(unsigned long start, long nr, unsigned int flags,
		     struct page **to)
{
	return pin_user_pages_fast(start, nr, flags, to);
}

/**
 * struct api - an entry point
 * @name: Its name.
 * @call: Calls it.
 * @is: What it is.
 */
struct api {
	const char *name;
	call_fn call;
	unsigned int is;
};

static const struct api apis[] = {
	{ "get_user_pages", get, TOUCHES },
	{ "pin_user_pages", pin, IS_PIN },
	{ "get_user_pages_remote", get_remote, IS_REMOTE | TOUCHES | DROPS },
	{ "pin_user_pages_remote", pin_remote,
	  IS_PIN | IS_REMOTE | TOUCHES | DROPS },
	{ "get_user_pages_remote, lock kept", get_remote_kept,
	  IS_REMOTE | TOUCHES },
	{ "pin_user_pages_remote, lock kept", pin_remote_kept,
	  IS_PIN | IS_REMOTE | TOUCHES },
	{ "get_user_pages_unlocked", get_unlocked, TOUCHES | DROPS | TAKES },
	{ "pin_user_pages_unlocked", pin_unlocked,
	  IS_PIN | TOUCHES | DROPS | TAKES },
	{ "get_user_pages_fast", get_fast, TOUCHES | DROPS | TAKES | IS_FAST },
	{ "pin_user_pages_fast", pin_fast,
	  IS_PIN | TOUCHES | DROPS | TAKES | IS_FAST },
};

static long do_call(const struct api *api, unsigned long start, long nr,
		    unsigned int flags, struct page **to)
{
	if (api->is & TAKES)
		return api->call(start, nr, flags, to);
	return with_lock(api->call, start, nr, flags, to);
}

/*
 * Memory
 */

static struct folio *folio_at(unsigned long n)
{
	return page_folio(pfn_to_page(world.first_pfn + n));
}

static unsigned long addr_of(unsigned long i)
{
	return ADDR + i * PAGE_SIZE;
}

static void map(unsigned long i, u64 flags)
{
	gup_folio(world.first_pfn + i, 0);
	gup_map_pte(addr_of(i), world.first_pfn + i, flags);
}

static void map_range(unsigned long i, unsigned long nr)
{
	while (nr--)
		map(i++, GUP_PTE_RW);
}

static void fill_array(void)
{
	for (unsigned long i = 0; i < NR_PAGES; i++)
		pages[i] = CALLERS;
}

static void setup(const struct api *api)
{
	tap_case = api ? api->name : NULL;
	gup_hook = NULL;
	gup_warnings = 0;
	gup_warnings_expected = false;
	gup_world_reset();
	memset(pfn_to_page(world.first_pfn), 0,
	       NR_PAGES * sizeof(struct page));
	vma = gup_world_vma(ADDR, addr_of(NR_PAGES), VMA_FLAGS);
	fill_array();
}

/* Behind the @nr pages that a call returned is what was there, or nothing. */
static void expect_tail(long nr)
{
	for (unsigned long i = nr > 0 ? nr : 0; i < NR_PAGES; i++)
		EXPECT(pages[i] == CALLERS || !pages[i]);
}

static void expect_clean(void)
{
	for (unsigned long i = 0; i < NR_PAGES; i++) {
		if (folio_ref_count(folio_at(i)))
			EXPECT_EQ(folio_ref_count(folio_at(i)), 1);
	}
	for (int nid = 0; nid < MAX_NUMNODES; nid++)
		EXPECT_EQ(gup_stat(nid, NR_FOLL_PIN_ACQUIRED),
			  gup_stat(nid, NR_FOLL_PIN_RELEASED));
	EXPECT_EQ(current->nr_mmap_locks, 0);
	EXPECT_EQ(world.nr_freed, 0);
	EXPECT_EQ(gup_warnings != 0, gup_warnings_expected);
}

/* The pages from @i on have been taken by @api. Gives them back. */
static void give_back(const struct api *api, unsigned long i, long nr)
{
	const int refs = api->is & IS_PIN ? GUP_PIN_COUNTING_BIAS : 1;

	expect_tail(nr);
	for (long j = 0; j < nr; j++) {
		EXPECT_EQ(pages[j], &folio_at(i + j)->page);
		EXPECT_EQ(folio_ref_count(folio_at(i + j)), 1 + refs);
	}
	if (nr > 0)
		gup_release_range(pages, nr,
				  api->is & IS_PIN ? FOLL_PIN : FOLL_GET);
	fill_array();
	expect_clean();
}

/*
 * Faults
 */

static unsigned int nr_faults, fault_flags[8];
static unsigned long fault_addr[8];

static vm_fault_t fault_in(struct vm_area_struct *of, unsigned long addr,
			   unsigned int flags)
{
	if (nr_faults < ARRAY_SIZE(fault_flags)) {
		fault_flags[nr_faults] = flags;
		fault_addr[nr_faults] = addr;
	}
	nr_faults++;
	map((addr - ADDR) >> PAGE_SHIFT, GUP_PTE_RW);
	return 0;
}

static const unsigned int asked[] = {
	0, FOLL_WRITE, FOLL_INTERRUPTIBLE, FOLL_NOWAIT,
};

static unsigned int wanted_fault_flags(const struct api *api,
				       unsigned int flags)
{
	unsigned int fault = 0;

	if (flags & FOLL_WRITE)
		fault |= FAULT_FLAG_WRITE;
	if (api->is & IS_REMOTE)
		fault |= FAULT_FLAG_REMOTE;
	if (api->is & DROPS)
		fault |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE;
	if ((api->is & DROPS) && (flags & FOLL_INTERRUPTIBLE))
		fault |= FAULT_FLAG_INTERRUPTIBLE;
	if (flags & FOLL_NOWAIT)
		fault |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT;
	return fault;
}

/* What the fault handler is told, and what the fault leaves behind. */
static void try_fault(const struct api *api, unsigned int flags)
{
	long ret;

	setup(api);
	world.fault = fault_in;
	nr_faults = 0;
	map_range(0, 2);
	ret = do_call(api, ADDR, 3, flags, pages);
	EXPECT_EQ(ret, 3);
	EXPECT_EQ(nr_faults, 1);
	EXPECT_EQ(fault_addr[0], addr_of(2));
	EXPECT_EQ(fault_flags[0], wanted_fault_flags(api, flags));
	EXPECT_EQ(folio_test_referenced(folio_at(2)), !!(api->is & TOUCHES));
	EXPECT_EQ(mm_flags_test(MMF_HAS_PINNED, &world.mm),
		  !!(api->is & IS_PIN));
	give_back(api, 0, ret);
}

static void test_faults(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(apis); i++) {
		for (unsigned int j = 0; j < ARRAY_SIZE(asked); j++) {
			if (!(apis[i].is & IS_FAST) || asked[j] <= FOLL_WRITE)
				try_fault(&apis[i], asked[j]);
		}
	}
}

/* The first fault drops the lock, if it may; the second one is told so. */
static vm_fault_t fault_drops(struct vm_area_struct *of, unsigned long addr,
			      unsigned int flags)
{
	const bool first = nr_faults == 0;

	if (!first || !(flags & FAULT_FLAG_ALLOW_RETRY))
		return fault_in(of, addr, flags);
	fault_flags[nr_faults++] = flags;
	mmap_read_unlock(&world.mm);
	return VM_FAULT_RETRY;
}

static void test_lock(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(apis); i++) {
		const struct api *api = &apis[i];
		long ret;

		setup(api);
		world.fault = fault_drops;
		nr_faults = 0;
		ret = do_call(api, ADDR, 2, 0, pages);
		EXPECT_EQ(ret, 2);
		EXPECT_EQ(nr_faults, api->is & DROPS ? 3 : 2);
		if (api->is & DROPS) {
			EXPECT(!(fault_flags[0] & FAULT_FLAG_TRIED));
			EXPECT(fault_flags[1] & FAULT_FLAG_TRIED);
			EXPECT(!(fault_flags[2] & FAULT_FLAG_TRIED));
		}
		if (!(api->is & TAKES))
			EXPECT_EQ(locked, !(api->is & DROPS));
		give_back(api, 0, ret);

		/* Without a fault nothing is dropped. */
		ret = do_call(api, ADDR, 2, 0, pages);
		EXPECT_EQ(ret, 2);
		if (!(api->is & TAKES))
			EXPECT_EQ(locked, 1);
		give_back(api, 0, ret);
	}
}

/* The flag is there before the first pin is: fork() would not look for it. */
static bool pinned_in_time;

static void look_for_flag(void *word, bool after)
{
	if (word == &folio_at(0)->_refcount.counter && !after)
		pinned_in_time = mm_flags_test(MMF_HAS_PINNED, &world.mm);
}

static void test_has_pinned(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(apis); i++) {
		const struct api *api = &apis[i];
		const bool pins = api->is & IS_PIN;
		long ret;

		setup(api);
		map_range(0, 1);
		pinned_in_time = false;
		gup_hook = look_for_flag;
		ret = do_call(api, ADDR, 1, 0, pages);
		gup_hook = NULL;
		EXPECT_EQ(ret, 1);
		EXPECT_EQ(mm_flags_test(MMF_HAS_PINNED, &world.mm), pins);
		if (api->is & IS_FAST)
			EXPECT_EQ(pinned_in_time, pins);
		give_back(api, 0, ret);
	}
}

/* TOUCH without a fault. The fast path marks what it takes, in any case. */
static void test_touch(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(apis); i++) {
		const struct api *api = &apis[i];
		const bool slow = !(api->is & IS_FAST);
		const bool touches = slow && (api->is & TOUCHES);
		long ret;

		setup(api);
		map(0, GUP_PTE_RW);
		map(1, GUP_PTE_RW & ~_PAGE_DIRTY);
		ret = do_call(api, ADDR, 2, FOLL_WRITE, pages);
		EXPECT_EQ(ret, 2);
		EXPECT_EQ(folio_test_referenced(folio_at(0)),
			  touches || !slow);
		EXPECT(!folio_test_dirty(folio_at(0)));
		EXPECT_EQ(folio_test_dirty(folio_at(1)), touches);
		give_back(api, 0, ret);
	}
}

/*
 * Arguments
 */

#define FAST_FLAGS	(FOLL_WRITE | FOLL_FORCE | FOLL_NOFAULT | \
			 FOLL_PCI_P2PDMA | FOLL_HONOR_NUMA_FAULT)
#define SLOW_FLAGS	(FAST_FLAGS | FOLL_DUMP | FOLL_NOWAIT | \
			 FOLL_HWPOISON | FOLL_ANON | FOLL_SPLIT_PMD | \
			 FOLL_INTERRUPTIBLE)

static bool flag_ok(const struct api *api, unsigned int flag)
{
	if (flag == FOLL_GET)
		return !(api->is & IS_PIN);
	if (flag == FOLL_LONGTERM)
		return api->is & IS_PIN;
	return flag & (api->is & IS_FAST ? FAST_FLAGS : SLOW_FLAGS);
}

static void try_flag(const struct api *api, unsigned int flag)
{
	const bool ok = flag_ok(api, flag);
	long ret;

	setup(api);
	map_range(0, 1);
	gup_warnings_expected = !ok;
	ret = do_call(api, ADDR, 1, flag, pages);
	EXPECT_EQ(ret, ok ? 1 : -EINVAL);
	give_back(api, 0, ret);
}

static void test_flags(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(apis); i++) {
		for (unsigned int bit = 0; bit <= 12; bit++)
			try_flag(&apis[i], BIT(bit));
		for (unsigned int bit = 16; bit <= 22; bit++)
			try_flag(&apis[i], BIT(bit));
	}
}

static void expect_refused(const struct api *api, unsigned int flags,
			   struct page **to)
{
	setup(api);
	map_range(0, 1);
	gup_warnings_expected = true;
	EXPECT_EQ(do_call(api, ADDR, 1, flags, to), -EINVAL);
	expect_tail(0);
	expect_clean();
}

static void test_contradictions(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(apis); i++) {
		const struct api *api = &apis[i];

		expect_refused(api, FOLL_LONGTERM | FOLL_PCI_P2PDMA, pages);
		if (!(api->is & IS_PIN))
			expect_refused(api, FOLL_LONGTERM, pages);
		expect_refused(api, FOLL_GET | FOLL_PIN, pages);
		if (api->is & (IS_PIN | IS_FAST)) {
			expect_refused(api, 0, NULL);
			continue;
		}
		/* Without an array the pages are only faulted in. */
		expect_refused(api, FOLL_GET, NULL);
		setup(api);
		world.fault = fault_in;
		EXPECT_EQ(do_call(api, ADDR, 2, 0, NULL), 2);
		EXPECT_EQ(folio_ref_count(folio_at(1)), 1);
		expect_clean();
	}
}

/* 0 pages: nothing happens, whatever else would have. */
static void test_count(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(apis); i++) {
		const struct api *api = &apis[i];

		setup(api);
		map_range(0, 1);
		current->fatal_signal = true;
		EXPECT_EQ(do_call(api, ADDR, 0, 0, pages), 0);
		EXPECT(!mm_flags_test(MMF_HAS_PINNED, &world.mm));
		if (api->is & IS_FAST)
			EXPECT_EQ(do_call(api, ADDR, -1, 0, pages), 0);
		EXPECT_EQ(pages[0], CALLERS);
		current->fatal_signal = false;
		expect_clean();
	}
}

/* A remote caller that does not hold the lock has made a mistake. */
static void test_locked_argument(void)
{
	setup(NULL);
	map_range(0, 1);
	gup_warnings_expected = true;
	locked = 0;
	EXPECT_EQ(get_remote(ADDR, 1, 0, pages), -EINVAL);
	EXPECT_EQ(pin_remote(ADDR, 1, 0, pages), -EINVAL);
	EXPECT_EQ(locked, 0);
	expect_tail(0);
	expect_clean();
}

/* The address space is the one that is given, not that of the caller. */
static void test_other_mm(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(apis); i++) {
		const struct api *api = &apis[i];
		struct mm_struct other = {};
		long ret;

		if (!(api->is & IS_REMOTE))
			continue;
		setup(api);
		map_range(0, 2);
		current->mm = &other;
		ret = do_call(api, ADDR, 2, 0, pages);
		current->mm = &world.mm;
		EXPECT_EQ(ret, 2);
		EXPECT(!other.flags);
		give_back(api, 0, ret);
	}
}

/*
 * Where a call ends
 */

static void expect_taken(const struct api *api, unsigned long addr, long nr,
			 long wanted)
{
	long ret = do_call(api, addr, nr, 0, pages);

	EXPECT_EQ(ret, wanted);
	give_back(api, (addr - ADDR) >> PAGE_SHIFT, ret);
}

/* The last pages of a page table and of a VMA, by any address in them. */
static void test_unaligned(void)
{
	static const unsigned int offsets[] = { 0, 1, 0x800, 0xfff };
	const unsigned long end = 520;

	for (unsigned int i = 0; i < ARRAY_SIZE(apis); i++) {
		setup(&apis[i]);
		map_range(500, end - 500);
		vma->vm_end = addr_of(end);
		for (unsigned int j = 0; j < ARRAY_SIZE(offsets); j++) {
			const unsigned int at = offsets[j];

			expect_taken(&apis[i], addr_of(511) + at, 1, 1);
			expect_taken(&apis[i], addr_of(511) + at, 2, 2);
			expect_taken(&apis[i], addr_of(510) + at, 2, 2);
			expect_taken(&apis[i], addr_of(end - 1) + at, 1, 1);
			expect_taken(&apis[i], addr_of(end - 1) + at, 2, 1);
			expect_taken(&apis[i], addr_of(end - 3) + at, 3, 3);
			expect_taken(&apis[i], addr_of(end - 3) + at, 8, 3);
		}
	}
}

/* User memory may reach up to the limit, and no page further. */
static void test_task_size(void)
{
	const unsigned long last = TASK_SIZE_MAX - PAGE_SIZE;

	for (unsigned int i = 0; i < ARRAY_SIZE(apis); i++) {
		const struct api *api = &apis[i];

		setup(api);
		vma = gup_world_vma(last, TASK_SIZE_MAX + PAGE_SIZE, VMA_FLAGS);
		for (unsigned long j = 0; j < 2; j++) {
			gup_folio(world.first_pfn + j, 0);
			gup_map_pte(last + j * PAGE_SIZE, world.first_pfn + j,
				    GUP_PTE_RW);
		}
		EXPECT_EQ(do_call(api, last, 1, 0, pages), 1);
		give_back(api, 0, 1);
		if (!(api->is & IS_FAST))
			continue;
		EXPECT_EQ(do_call(api, last, 2, 0, pages), -EFAULT);
		EXPECT_EQ(do_call(api, last + PAGE_SIZE, 1, 0, pages), -EFAULT);
		EXPECT_EQ(do_call(api, -PAGE_SIZE, 2, 0, pages), -EOVERFLOW);
		expect_clean();
	}
}

/* A prefix up to what is in the way, and an error if that is the first. */
static void test_prefix(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(apis); i++) {
		const struct api *api = &apis[i];

		setup(api);
		map_range(0, 40);
		gup_pte(addr_of(20))->pte = 0;
		expect_taken(api, ADDR, 40, 20);
		EXPECT_EQ(do_call(api, addr_of(20), 8, 0, pages), -EFAULT);
		expect_tail(0);
		expect_taken(api, addr_of(21), 19, 19);
		current->fatal_signal = true;
		if (!(api->is & IS_FAST))
			EXPECT_EQ(do_call(api, ADDR, 2, 0, pages),
				  api->is & TAKES ? -EAGAIN : -EINTR);
		current->fatal_signal = false;
		expect_clean();
	}
}

/* Pages of a second VMA are judged by that. */
static void test_next_vma(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(apis); i++) {
		const struct api *api = &apis[i];
		const bool fast = api->is & IS_FAST;
		struct vm_area_struct *next;

		setup(api);
		map_range(0, 16);
		vma->vm_end = addr_of(8);
		next = gup_world_vma(addr_of(8), addr_of(16), VMA_FLAGS);
		expect_taken(api, ADDR, 16, 16);
		next->vm_flags &= ~VM_READ;
		/* The lockless walk goes by the entries alone. */
		expect_taken(api, ADDR, 16, fast ? 16 : 8);
		next->vm_flags = VMA_FLAGS | VM_PFNMAP;
		expect_taken(api, ADDR, 16, fast ? 16 : 8);
		next->vm_flags = VMA_FLAGS | VM_IO;
		expect_taken(api, ADDR, 16, fast ? 16 : 8);
	}
}

static const struct test tests[] = {
	{ "what the fault handler is told", test_faults },
	{ "mmap_lock", test_lock },
	{ "MMF_HAS_PINNED", test_has_pinned },
	{ "touch", test_touch },
	{ "each flag", test_flags },
	{ "flags that contradict each other", test_contradictions },
	{ "no pages", test_count },
	{ "locked argument", test_locked_argument },
	{ "another address space", test_other_mm },
	{ "unaligned addresses", test_unaligned },
	{ "end of user memory", test_task_size },
	{ "prefix", test_prefix },
	{ "next VMA", test_next_vma },
};

int main(void)
{
	gup_world_init(2 * (SZ_1G >> PAGE_SHIFT), 64);
	gup_have_pkru = false;
	return tap_run(tests, ARRAY_SIZE(tests));
}
