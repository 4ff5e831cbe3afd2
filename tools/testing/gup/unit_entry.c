// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the entry points: arguments, VMAs, faults, mmap_lock, signals,
 * long-term pins.
 */
#include "unit.h"
#include "unit_take.h"

/*
 * The entry points, called in one way
 */

/**
 * struct api - an entry point
 * @name: Its name.
 * @take: Calls it, with mmap_lock held if it wants that.
 * @pin: It takes pins.
 * @may_drop: Faults may drop mmap_lock.
 * @lockless: It tries without the lock first.
 * @only_lockless: And does nothing else.
 * @touches: FOLL_TOUCH goes into the slow path.
 * @remote: FOLL_REMOTE does.
 * @takes_lock: It takes mmap_lock itself, and does not try without it.
 */
struct api {
	const char *name;
	long (*take)(unsigned long addr, unsigned long nr, unsigned int flags,
		     struct page **out);
	bool pin;
	bool may_drop;
	bool lockless;
	bool only_lockless;
	bool touches;
	bool remote;
	bool takes_lock;
};

static long get_fast_only(unsigned long addr, unsigned long nr,
			  unsigned int flags, struct page **out)
{
	return get_user_pages_fast_only(addr, nr, flags, out);
}

static long get_remote_unlocked(unsigned long addr, unsigned long nr,
				unsigned int flags, struct page **out)
{
	return get_user_pages_remote_unlocked(&world.mm, addr, nr, flags, out);
}

static long pin_remote_unlocked(unsigned long addr, unsigned long nr,
				unsigned int flags, struct page **out)
{
	return pin_user_pages_remote_unlocked(&world.mm, addr, nr, flags, out);
}

/* The same calls for ranges, taken apart into their pages. */

static size_t bytes_of(unsigned long addr, unsigned long nr)
{
	return nr ? (nr << PAGE_SHIFT) - offset_in_page(addr) : 0;
}

/* @ret bytes from @addr on are in @to. */
static long pages_of(const struct user_bvecs *to, unsigned long addr, ssize_t ret,
		     struct page **out)
{
	long taken = 0;

	for (unsigned int i = 0; i < to->nr; i++) {
		unsigned long has = gup_bvec_pages(&to->bvecs[i]);

		while (has--)
			out[taken++] = to->bvecs[i].bv_page++;
	}
	if (ret <= 0)
		return ret;
	EXPECT_EQ(taken, DIV_ROUND_UP(offset_in_page(addr) + ret, PAGE_SIZE));
	return taken;
}

static struct user_bvecs room_for_bvecs(void)
{
	static struct bio_vec bvecs[NR_PAGES];

	return (struct user_bvecs) { .bvecs = bvecs, .max = NR_PAGES };
}

static long pin_bvecs(unsigned long addr, unsigned long nr, unsigned int flags,
		      struct page **out)
{
	struct user_bvecs to = room_for_bvecs();
	ssize_t ret = pin_user_bvecs_fast(addr, bytes_of(addr, nr), flags, &to);

	return pages_of(&to, addr, ret, out);
}

static long call_bvecs_remote(unsigned long addr, unsigned long nr,
			      unsigned int flags, struct page **out, bool may_drop)
{
	struct user_bvecs to = room_for_bvecs();
	int locked = 1;
	ssize_t ret;

	mmap_read_lock(&world.mm);
	ret = pin_user_bvecs_remote(&world.mm, addr, bytes_of(addr, nr), flags,
				    &to, may_drop ? &locked : NULL);
	unlock_remote(locked);
	return pages_of(&to, addr, ret, out);
}

static long pin_bvecs_remote(unsigned long addr, unsigned long nr,
			     unsigned int flags, struct page **out)
{
	return call_bvecs_remote(addr, nr, flags, out, true);
}

static long pin_bvecs_remote_locked(unsigned long addr, unsigned long nr,
				    unsigned int flags, struct page **out)
{
	return call_bvecs_remote(addr, nr, flags, out, false);
}

static const struct api apis[] = {
	{ "get", get, .touches = true },
	{ "pin", pin, .pin = true },
	{ "get_remote", get_remote, .may_drop = true, .touches = true,
	  .remote = true },
	{ "pin_remote", pin_remote, .pin = true, .may_drop = true,
	  .touches = true, .remote = true },
	{ "get_remote, lock kept", get_remote_locked, .touches = true,
	  .remote = true },
	{ "get_remote_unlocked", get_remote_unlocked, .may_drop = true,
	  .touches = true, .remote = true, .takes_lock = true },
	{ "pin_remote_unlocked", pin_remote_unlocked, .pin = true,
	  .may_drop = true, .touches = true, .remote = true, .takes_lock = true },
	{ "get_unlocked", get_unlocked, .may_drop = true, .touches = true,
	  .takes_lock = true },
	{ "pin_unlocked", pin_unlocked, .pin = true, .may_drop = true,
	  .touches = true, .takes_lock = true },
	{ "get_fast", get_fast, .may_drop = true, .lockless = true,
	  .touches = true },
	{ "pin_fast", pin_fast, .pin = true, .may_drop = true, .lockless = true,
	  .touches = true },
	{ "pin_bvecs", pin_bvecs, .pin = true, .may_drop = true,
	  .lockless = true, .touches = true },
	{ "pin_bvecs_remote", pin_bvecs_remote, .pin = true, .may_drop = true,
	  .touches = true, .remote = true },
	{ "pin_bvecs_remote, lock kept", pin_bvecs_remote_locked, .pin = true,
	  .touches = true, .remote = true },
	{ "get_fast_only", get_fast_only, .lockless = true,
	  .only_lockless = true },
};

/* Calls @fn for each of them, in a world of its own. */
static void with_each_api(void (*fn)(const struct api *api))
{
	for (unsigned int i = 0; i < ARRAY_SIZE(apis); i++) {
		setup();
		memset(pages, 0, sizeof(pages));
		tap_case = apis[i].name;
		fn(&apis[i]);
	}
}

static long take(const struct api *api, unsigned long i, unsigned long nr,
		 unsigned int flags)
{
	memset(pages, 0, sizeof(pages));
	return api->take(addr_of(i), nr, flags, pages);
}

/* Releases @nr pages; behind them there is none. */
static void release(const struct api *api, long nr)
{
	for (long i = max(nr, 0L); i < NR_PAGES; i++)
		EXPECT_EQ(pages[i], NULL);
	for (long i = 0; i < nr; i++) {
		if (api->pin)
			unpin_user_page(pages[i]);
		else
			put_page(pages[i]);
	}
	expect_clean();
}

/* Takes pages, and expects so many, those from @n on. */
static void expect_takes(const struct api *api, unsigned long i,
			 unsigned long nr, unsigned int flags, long wanted,
			 unsigned long n)
{
	long got = take(api, i, nr, flags);

	EXPECT_EQ(got, wanted);
	if (got == wanted && wanted > 0)
		expect_pages(0, wanted, n);
	release(api, got);
}

/*
 * The fault handler
 */

#define MAX_FAULTS	16

enum answer {
	OK,		/* mapped */
	AGAIN,		/* done, but somebody was faster to take it away */
	RETRY,		/* not yet, and the lock is gone */
	COMPLETED,	/* mapped, and the lock is gone */
	BUSY,		/* would have to wait */
	SIGBUS, SIGSEGV, OOM, HWPOISON, HWPOISON_LARGE,
	SIGNAL,		/* as RETRY, and there is a signal now */
	KILL,		/* as RETRY, and there is a fatal one now */
	KILL_LATER,	/* mapped, but there is a fatal one now */
	UNMAP,		/* as RETRY, and the VMA is gone */
};

static struct {
	unsigned int nr;
	unsigned int flags[MAX_FAULTS];
	unsigned long at[MAX_FAULTS];	/* pages behind ADDR */
	unsigned int pins_saved;	/* at the last one */
	enum answer answers[MAX_FAULTS];
} faults;

/* The page that has the number of the address. */
static void fault_map(unsigned long i, unsigned int flags)
{
	map_small(i, i % NR_PAGES, 1);
	if (flags & FAULT_FLAG_UNSHARE)
		map(i, i % NR_PAGES, GUP_PTE);
}

static vm_fault_t fault(struct vm_area_struct *of, unsigned long addr,
			unsigned int flags)
{
	static const vm_fault_t errors[] = {
		[SIGBUS] = VM_FAULT_SIGBUS, [SIGSEGV] = VM_FAULT_SIGSEGV,
		[OOM] = VM_FAULT_OOM, [HWPOISON] = VM_FAULT_HWPOISON,
		[HWPOISON_LARGE] = VM_FAULT_HWPOISON_LARGE,
	};
	unsigned long i = (addr - ADDR) >> PAGE_SHIFT;
	enum answer answer;

	GUP_MUST(faults.nr < MAX_FAULTS);
	faults.flags[faults.nr] = flags;
	faults.at[faults.nr] = i;
	faults.pins_saved = current->pins_saved;
	answer = faults.answers[faults.nr++];
	if (answer == OK || answer == COMPLETED || answer == KILL_LATER)
		fault_map(i, flags);
	if (answer == SIGNAL)
		current->signal = true;
	if (answer == KILL || answer == KILL_LATER)
		current->fatal_signal = true;
	if (answer == UNMAP)
		of->vm_end = addr;
	if (answer == OK || answer == AGAIN || answer == KILL_LATER)
		return 0;
	if (answer >= SIGBUS && answer <= HWPOISON_LARGE)
		return errors[answer];
	if (answer != BUSY)
		gup_drop_lock(of, flags);
	return answer == COMPLETED ? VM_FAULT_COMPLETED : VM_FAULT_RETRY;
}

/* From now on faults are handled: the first ones like this. */
static void expect_faults(enum answer first, enum answer second)
{
	memset(&faults, 0, sizeof(faults));
	faults.answers[0] = first;
	faults.answers[1] = second;
	world.fault = fault;
}

/*
 * Arguments
 */

static void test_arguments(void)
{
	setup();
	map_small(0, 0, 1);
	EXPECT_EQ(get_user_pages_fast(ADDR, 0, 0, pages), 0);
	EXPECT_EQ(pin_user_pages_fast(ADDR, -1, 0, pages), 0);
	EXPECT_EQ(get_user_pages_fast(-PAGE_SIZE, 2, 0, pages), -EOVERFLOW);
	EXPECT_EQ(get(ADDR, 0, 0, pages), 0);
	EXPECT_EQ(gup_warnings, 0);
	expect_clean();
}

struct bad_call {
	const char *name;
	long (*take)(unsigned long addr, unsigned long nr, unsigned int flags,
		     struct page **out);
	unsigned int flags;
	bool no_pages;
};

static const struct bad_call bad_calls[] = {
	{ "fast, pin", get_fast, FOLL_PIN },
	{ "fast, pin said twice", pin_fast, FOLL_PIN },
	{ "fast, only anonymous", get_fast, FOLL_ANON },
	{ "fast, not for it", get_fast, FOLL_DUMP },
	{ "fast, split", get_fast, FOLL_SPLIT_PMD },
	{ "fast, internal", pin_fast, FOLL_TOUCH },
	{ "fast, nowhere to", pin_fast, 0, true },
	{ "fast, get and pin", pin_fast, FOLL_GET },
	{ "fast only, long-term", get_fast_only, FOLL_LONGTERM },
	{ "fast, long-term without pin", get_fast, FOLL_LONGTERM },
	{ "fast, long-term of p2p", pin_fast, FOLL_LONGTERM | FOLL_PCI_P2PDMA },
	{ "pin, get", pin, FOLL_GET },
	{ "pin, nowhere to", pin, 0, true },
	{ "get, long-term", get, FOLL_LONGTERM },
	{ "get, nowhere to", get, FOLL_GET, true },
	{ "get, pin", get, FOLL_PIN },
	{ "get, touch", get, FOLL_TOUCH },
	{ "remote, tried", get_remote, FOLL_TRIED },
	{ "remote, remote", pin_remote, FOLL_REMOTE },
	{ "unlocked, unlockable", get_unlocked, FOLL_UNLOCKABLE },
	{ "unlocked, fast only", pin_unlocked, FOLL_FAST_ONLY },
	{ "unlocked, populate", pin_unlocked, FOLL_MADV_POPULATE },
};

/* They are warned about, and nothing is touched, though all is there. */
static void test_wrong_flags(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_calls); i++) {
		const struct bad_call *call = &bad_calls[i];

		setup();
		tap_case = call->name;
		gup_warnings_expected = true;
		map_small(0, 0, 1);
		EXPECT_EQ(call->take(ADDR, 1, call->flags,
				     call->no_pages ? NULL : pages), -EINVAL);
		EXPECT_EQ(gup_warnings, 1);
		expect_clean();
	}
}

/* Each flag by itself: those that are not for it are warned about, and others are not. */
static void fast_flags(const struct api *api)
{
	const unsigned int may = FOLL_WRITE | FOLL_FORCE | FOLL_NOFAULT |
				 FOLL_PCI_P2PDMA | FOLL_HONOR_NUMA_FAULT |
				 (api->pin ? FOLL_LONGTERM : FOLL_GET);

	if (!api->lockless)
		return;
	for (unsigned int flag = 1; flag; flag <<= 1) {
		setup();
		gup_warnings_expected = !(flag & may);
		map_small(0, 0, 1);
		expect_takes(api, 0, 1, flag, flag & may ? 1 : -EINVAL, 0);
		EXPECT_EQ(gup_warnings, !(flag & may));
	}
}

static void test_fast_flags(void)
{
	with_each_api(fast_flags);
}

static void test_locked_is_not_1(void)
{
	int locked = 0;

	setup();
	gup_warnings_expected = true;
	map_small(0, 0, 1);
	mmap_read_lock(&world.mm);
	EXPECT_EQ(get_user_pages_remote(&world.mm, ADDR, 1, 0, pages, &locked),
		  -EINVAL);
	mmap_read_unlock(&world.mm);
	expect_clean();
}

/* Pages and a VMA on both sides of the last user address. */
static void beyond_user_addresses(const struct api *api)
{
	unsigned long last = (TASK_SIZE_MAX - ADDR) / PAGE_SIZE - 1;

	world.mm.nr_vmas = 0;
	vma = gup_world_vma(addr_of(last - 1), addr_of(last + 2), RW_VMA);
	map_small(last - 1, 0, 3);
	if (!api->lockless)
		return;
	expect_takes(api, last, 2, 0, -EFAULT, 0);
	expect_takes(api, last + 1, 1, 0, -EFAULT, 0);
	expect_takes(api, last - 1, 2, 0, 2, 0);
}

static void test_beyond_user_addresses(void)
{
	with_each_api(beyond_user_addresses);
}

/*
 * Addresses
 */

/*
 * Takes @nr pages at an address that is not aligned, up to the last byte of the
 * first page.
 */
static void expect_takes_unaligned(const struct api *api, unsigned long i,
				   unsigned long nr, long wanted, unsigned long n)
{
	static const unsigned int offsets[] = { 0, 1, 2048, PAGE_SIZE - 1 };
	long got;

	for (unsigned int j = 0; j < ARRAY_SIZE(offsets); j++) {
		memset(pages, 0, sizeof(pages));
		got = api->take(addr_of(i) + offsets[j], nr, 0, pages);
		EXPECT_EQ(got, wanted);
		if (got == wanted && wanted > 0)
			expect_pages(0, wanted, n);
		release(api, got);
	}
}

static void unaligned(const struct api *api)
{
	map_small(0, 0, 1030);
	expect_takes_unaligned(api, 0, 1, 1, 0);
	expect_takes_unaligned(api, 3, 5, 5, 3);
	/* The last page of a table, and what is behind it. */
	expect_takes_unaligned(api, 511, 1, 1, 511);
	expect_takes_unaligned(api, 511, 2, 2, 511);
	expect_takes_unaligned(api, 510, 514, 514, 510);
	/* The last page of a VMA. */
	vma->vm_end = addr_of(1030);
	expect_takes_unaligned(api, 1029, 1, 1, 1029);
	expect_takes_unaligned(api, 1029, 2, 1, 1029);
	expect_takes_unaligned(api, 1030, 1, api->only_lockless ? 0 : -EFAULT, 0);
}

static void test_unaligned(void)
{
	with_each_api(unaligned);
}

static void tagged(const struct api *api)
{
	map_small(0, 0, 8);
	EXPECT_EQ(api->take(addr_of(3) | BIT(57) | BIT(62), 5, 0, pages), 5);
	expect_pages(0, 5, 3);
	release(api, 5);
}

static void test_tagged(void)
{
	with_each_api(tagged);
}

/* The last page of a VMA whose table goes on: no page of the hole behind it. */
static void last_of_vma(const struct api *api)
{
	map_small(0, 0, 20);
	vma->vm_end = addr_of(10);
	gup_world_vma(addr_of(12), addr_of(14), RW_VMA);
	if (api->lockless)
		return;
	expect_takes_unaligned(api, 9, 1, 1, 9);
	expect_takes_unaligned(api, 9, 3, 1, 9);
	expect_takes_unaligned(api, 5, 15, 5, 5);
	expect_takes_unaligned(api, 10, 1, -EFAULT, 0);
	expect_takes_unaligned(api, 11, 3, -EFAULT, 0);
	expect_takes_unaligned(api, 13, 1, 1, 13);
	expect_takes_unaligned(api, 13, 2, 1, 13);
}

static void test_last_of_vma(void)
{
	with_each_api(last_of_vma);
}

/* Leaves of all sizes, by each entry point. */
static void leaves(const struct api *api)
{
	new_folio(512, 9);
	gup_map_pmd(addr_of(512), world.first_pfn + 512, GUP_PTE_RW);
	new_folio(HUGE_AT, 18);
	gup_map_pud(ADDR + SZ_1G, world.first_pfn + HUGE_AT, GUP_PTE_RW);
	expect_takes_unaligned(api, 512, 512, 512, 512);
	expect_takes_unaligned(api, 1023, 1, 1, 1023);
	expect_takes_unaligned(api, 1000, 25, 24, 1000);
	expect_takes_unaligned(api, HUGE_AT, 1000, 1000, HUGE_AT);
	expect_takes_unaligned(api, 2 * HUGE_AT - 1, 1, 1, 2 * HUGE_AT - 1);
	expect_takes_unaligned(api, 2 * HUGE_AT - 1, 2, 1, 2 * HUGE_AT - 1);
	expect_count(folio_at(HUGE_AT), 0, 0);
}

static void test_leaves(void)
{
	with_each_api(leaves);
}

/*
 * VMAs
 */

struct vma_rule {
	const char *name;
	vm_flags_t vm_flags;
	unsigned int kind;
	unsigned int flags;
	long error;		/* 0: one page is taken */
	bool file;
	bool pins_only;
	u16 pkey;
};

#define PRIVATE		(VM_MAYREAD | VM_MAYWRITE | VM_SOFTDIRTY)

static const struct vma_rule vma_rules[] = {
	{ "read", RO_VMA, 0, 0 },
	{ "write", RW_VMA, 0, FOLL_WRITE },
	{ "read what can only be written", PRIVATE | VM_WRITE, 0, 0, -EFAULT },
	{ "write what can only be written", PRIVATE | VM_WRITE, 0, FOLL_WRITE },
	{ "write what can only be read", RO_VMA, 0, FOLL_WRITE, -EFAULT },
	{ "forced read", PRIVATE, 0, FOLL_FORCE },
	{ "forced read of what may never be read", VM_MAYWRITE, 0, FOLL_FORCE,
	  -EFAULT },
	{ "forced write", RO_VMA, 0, FOLL_WRITE | FOLL_FORCE },
	{ "forced write to what is shared", RO_VMA | VM_SHARED, 0,
	  FOLL_WRITE | FOLL_FORCE, -EFAULT },
	{ "forced write to what may never be written", RO_VMA & ~VM_MAYWRITE, 0,
	  FOLL_WRITE | FOLL_FORCE, -EFAULT },
	{ "write to a shadow stack", RW_VMA | VM_SHADOW_STACK, 0, FOLL_WRITE,
	  -EFAULT },
	{ "device", RW_VMA | VM_IO, 0, 0, -EFAULT },
	{ "PFNs", RW_VMA | VM_PFNMAP, 0, 0, -EFAULT },
	{ "only anonymous", RW_VMA, 0, FOLL_ANON },
	{ "only anonymous, but of a file", RW_VMA, 0, FOLL_ANON, -EFAULT,
	  .file = true },
	{ "secret", RW_VMA | VM_SHARED, GUP_VMA_SECRETMEM, 0, -EFAULT,
	  .file = true },
	{ "split hugetlb", RW_VMA, GUP_VMA_HUGETLB, FOLL_SPLIT_PMD, -EOPNOTSUPP },
	{ "fsdax", RW_VMA, GUP_VMA_FSDAX, 0 },
	{ "fsdax, long-term", RW_VMA, GUP_VMA_FSDAX, FOLL_LONGTERM, -EOPNOTSUPP,
	  .pins_only = true },
	{ "tracked, write", RW_VMA | VM_SHARED, GUP_VMA_DIRTY_TRACKING,
	  FOLL_WRITE, .file = true },
	{ "tracked, long-term read", RW_VMA | VM_SHARED, GUP_VMA_DIRTY_TRACKING,
	  FOLL_LONGTERM, .file = true, .pins_only = true },
	{ "tracked, long-term write", RW_VMA | VM_SHARED, GUP_VMA_DIRTY_TRACKING,
	  FOLL_LONGTERM | FOLL_WRITE, -EFAULT, .file = true, .pins_only = true },
};

static const struct vm_operations_struct file_ops;

/* An entry that the fast path leaves alone, and the slow path takes. */
static void map_for_slow(unsigned long i, unsigned long n, u64 flags)
{
	new_folio(n, 0);
	map(i, n, (flags & ~_PAGE_PRESENT) | _PAGE_PROTNONE);
}

static void try_vma_rule(const struct api *api, const struct vma_rule *rule)
{
	bool may_write = rule->vm_flags & VM_WRITE;

	if (api->only_lockless || (rule->pins_only && !api->pin) ||
	    (api->lockless && (rule->flags & (FOLL_ANON | FOLL_SPLIT_PMD))))
		return;
	setup();
	tap_case = rule->name;
	vma->vm_flags = rule->vm_flags;
	vma->kind = rule->kind;
	vma->vm_ops = rule->file ? &file_ops : NULL;
	map_for_slow(0, 0, may_write ? GUP_PTE_RW : GUP_PTE | _PAGE_SOFT_DIRTY);
	expect_takes(api, 0, 1, rule->flags, rule->error ?: 1, 0);
}

static void test_vma_rules(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(vma_rules); i++) {
		for (unsigned int j = 0; j < ARRAY_SIZE(apis); j++)
			try_vma_rule(&apis[j], &vma_rules[i]);
	}
}

/* Keys of the thread do not count for a process that is not its own. */
static void vma_key(const struct api *api)
{
	bool may = api->remote;

	if (api->only_lockless)
		return;
	map_for_slow(0, 0, GUP_PTE_RW);
	vma->pkey = 3;
	current->pkru = PKRU_WD_BIT << (2 * 3);
	expect_takes(api, 0, 1, 0, 1, 0);
	expect_takes(api, 0, 1, FOLL_WRITE, may ? 1 : -EFAULT, 0);
	current->pkru = PKRU_AD_BIT << (2 * 3);
	expect_takes(api, 0, 1, 0, may ? 1 : -EFAULT, 0);
}

static void test_vma_key(void)
{
	with_each_api(vma_key);
}

/* Each VMA is asked, the second and the third as well. */
static void several_vmas(const struct api *api)
{
	if (api->only_lockless)
		return;
	vma->vm_end = addr_of(4);
	gup_world_vma(addr_of(4), addr_of(6), RO_VMA);
	gup_world_vma(addr_of(6), addr_of(8), RW_VMA | VM_IO);
	for (unsigned int i = 0; i < 10; i++)
		map_for_slow(i, i, GUP_PTE_RW);
	expect_takes(api, 0, 10, 0, 6, 0);
	expect_takes(api, 2, 10, FOLL_WRITE, 2, 2);
	expect_takes(api, 4, 1, FOLL_WRITE, -EFAULT, 0);
	expect_takes(api, 8, 1, 0, -EFAULT, 0);
}

static void test_several_vmas(void)
{
	with_each_api(several_vmas);
}

/*
 * What the pages hear of it
 */

static void touch(const struct api *api)
{
	if (api->only_lockless)
		return;
	map_for_slow(0, 0, GUP_PTE_RW & ~_PAGE_DIRTY);
	expect_takes(api, 0, 1, 0, 1, 0);
	EXPECT_EQ(folio_test_referenced(folio_at(0)), api->touches);
	EXPECT(!folio_test_dirty(folio_at(0)));
	expect_takes(api, 0, 1, FOLL_WRITE, 1, 0);
	EXPECT_EQ(folio_test_dirty(folio_at(0)), api->touches);
}

static void test_touch(void)
{
	with_each_api(touch);
}

/* Each page that the slow path takes, once. */
static void caches(const struct api *api)
{
	if (api->only_lockless)
		return;
	for (unsigned int i = 0; i < 20; i++)
		map_for_slow(500 + i, i, GUP_PTE_RW);
	new_folio(512, 9);
	gup_map_pmd(addr_of(1024), world.first_pfn + 512, GUP_PTE_RW);
	expect_takes(api, 500, 20, 0, 20, 0);
	EXPECT_EQ(current->nr_flushed, 20);
	expect_takes(api, 1024, 3, 0, 3, 512);
	EXPECT_EQ(current->nr_flushed, api->lockless ? 20 : 23);
}

static void test_caches(void)
{
	with_each_api(caches);
}

static void marks_mm(const struct api *api)
{
	map_small(0, 0, 1);
	expect_takes(api, 0, 0, 0, 0, 0);
	EXPECT(!mm_flags_test(MMF_HAS_PINNED, &world.mm));
	expect_takes(api, 0, 1, 0, 1, 0);
	EXPECT_EQ(mm_flags_test(MMF_HAS_PINNED, &world.mm), api->pin);
}

static void test_marks_mm(void)
{
	with_each_api(marks_mm);
}

/*
 * Faults
 */

/* Of what is told to the fault handler. */
static void fault_flags(const struct api *api)
{
	unsigned int wanted = 0;

	if (api->only_lockless)
		return;
	if (api->may_drop)
		wanted |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE;
	if (api->remote)
		wanted |= FAULT_FLAG_REMOTE;
	expect_faults(OK, OK);
	expect_takes(api, 0, 1, 0, 1, 0);
	EXPECT_EQ(faults.nr, 1);
	EXPECT_EQ(faults.flags[0], wanted);
	expect_takes(api, 1, 1, FOLL_WRITE, 1, 1);
	EXPECT_EQ(faults.flags[1], wanted | FAULT_FLAG_WRITE);
	if (api->lockless)
		return;
	expect_takes(api, 2, 1, FOLL_INTERRUPTIBLE, 1, 2);
	if (api->may_drop)
		wanted |= FAULT_FLAG_INTERRUPTIBLE;
	EXPECT_EQ(faults.flags[2], wanted);
}

static void test_fault_flags(void)
{
	with_each_api(fault_flags);
}

/* A pin of a page that is shared, or not anonymous, for reading. */
static void fault_unshares(const struct api *api)
{
	if (!api->pin)
		return;
	map_small(0, 0, 1);
	map(0, 0, GUP_PTE);
	share(0);
	expect_faults(OK, OK);
	expect_takes(api, 0, 1, 0, 1, 0);
	EXPECT_EQ(faults.nr, 1);
	EXPECT_EQ(faults.flags[0] & (FAULT_FLAG_UNSHARE | FAULT_FLAG_WRITE),
		  FAULT_FLAG_UNSHARE);
	share(0);
	expect_takes(api, 0, 1, FOLL_WRITE, 1, 0);
	EXPECT_EQ(faults.nr, 2);
	EXPECT_EQ(faults.flags[1] & (FAULT_FLAG_UNSHARE | FAULT_FLAG_WRITE),
		  FAULT_FLAG_WRITE);
}

static void test_fault_unshares(void)
{
	with_each_api(fault_unshares);
}

static void faults_in(const struct api *api)
{
	long wanted = api->only_lockless ? 3 : 10;

	map_small(0, 0, 3);
	expect_faults(OK, OK);
	expect_takes(api, 0, 10, FOLL_WRITE, wanted, 0);
	EXPECT_EQ(faults.nr, wanted - 3);
}

static void test_faults_in(void)
{
	with_each_api(faults_in);
}

/* There is a handler that would do it, but it is not to be asked. */
static void no_fault(const struct api *api)
{
	map_small(0, 0, 2);
	expect_faults(OK, OK);
	expect_takes(api, 0, 4, FOLL_NOFAULT, 2, 0);
	expect_takes(api, 2, 2, FOLL_NOFAULT, api->only_lockless ? 0 : -EFAULT, 0);
	EXPECT_EQ(faults.nr, 0);
}

static void test_no_fault(void)
{
	with_each_api(no_fault);
}

struct fault_error {
	enum answer answer;
	unsigned int flags;
	long error;
};

static const struct fault_error fault_errors[] = {
	{ SIGBUS, 0, -EFAULT }, { SIGSEGV, 0, -EFAULT }, { OOM, 0, -ENOMEM },
	{ HWPOISON, 0, -EFAULT }, { HWPOISON_LARGE, 0, -EFAULT },
	{ HWPOISON, FOLL_HWPOISON, -EHWPOISON },
	{ HWPOISON_LARGE, FOLL_HWPOISON, -EHWPOISON },
};

static void fault_fails(const struct api *api)
{
	if (api->only_lockless)
		return;
	map_small(0, 0, 2);
	for (unsigned int i = 0; i < ARRAY_SIZE(fault_errors); i++) {
		const struct fault_error *e = &fault_errors[i];

		if (api->lockless && e->flags)
			continue;
		expect_faults(e->answer, OK);
		expect_takes(api, 2, 2, e->flags, e->error, 0);
		EXPECT_EQ(faults.nr, 1);
		expect_faults(e->answer, OK);
		expect_takes(api, 0, 4, e->flags, 2, 0);
		EXPECT_EQ(faults.nr, 1);
	}
}

static void test_fault_fails(void)
{
	with_each_api(fault_fails);
}

/* The lock goes; the request goes on, and says that it was tried, once. */
static void lock_dropped(const struct api *api)
{
	static const enum answer answers[] = { RETRY, COMPLETED };

	if (!api->may_drop)
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(answers); i++) {
		bool again = answers[i] == RETRY;

		setup();
		map_small(0, 0, 2);
		expect_faults(answers[i], OK);
		expect_takes(api, 0, 6, FOLL_WRITE, 6, 0);
		EXPECT_EQ(faults.nr, again ? 5 : 4);
		for (unsigned int j = 0; j < faults.nr; j++) {
			EXPECT_EQ(faults.at[j], 2 + j - (again && j));
			EXPECT_EQ(!!(faults.flags[j] & FAULT_FLAG_TRIED),
				  again && j == 1);
		}
	}
}

static void test_lock_dropped(void)
{
	with_each_api(lock_dropped);
}

/* It was tried once: the next fault of the address is one like any other. */
static void tried_once(const struct api *api)
{
	if (!api->may_drop)
		return;
	expect_faults(RETRY, AGAIN);
	expect_takes(api, 0, 1, 0, 1, 0);
	EXPECT_EQ(faults.nr, 3);
	EXPECT(faults.flags[1] & FAULT_FLAG_TRIED);
	EXPECT(!(faults.flags[2] & FAULT_FLAG_TRIED));
}

static void test_tried_once(void)
{
	with_each_api(tried_once);
}

/* As pages behind ADDR; page 0 is mapped there. */
#define AT_0		(-(ADDR >> PAGE_SHIFT))

/* A process may have a page at address 0, which is one like any other. */
static void address_0(const struct api *api)
{
	if (api->only_lockless)
		return;
	world.mm.nr_vmas = 0;
	gup_world_vma(0, 4 * PAGE_SIZE, RW_VMA);
	expect_faults(OK, OK);
	expect_takes(api, AT_0, 2, 0, 2, 0);
	EXPECT_EQ(faults.nr, 2);
	EXPECT(!(faults.flags[0] & FAULT_FLAG_TRIED));
	EXPECT(!(faults.flags[1] & FAULT_FLAG_TRIED));
	if (!api->may_drop)
		return;
	unmap(AT_0);
	expect_faults(RETRY, OK);
	expect_takes(api, AT_0, 2, 0, 2, 0);
	EXPECT_EQ(faults.nr, 2);
	EXPECT(!(faults.flags[0] & FAULT_FLAG_TRIED));
	EXPECT(faults.flags[1] & FAULT_FLAG_TRIED);
}

static void test_address_0(void)
{
	with_each_api(address_0);
}

/* VMAs are looked up again when the lock was dropped. */
static void vma_gone(const struct api *api)
{
	if (!api->may_drop)
		return;
	map_small(0, 0, 2);
	expect_faults(UNMAP, OK);
	expect_takes(api, 0, 4, 0, 2, 0);
	EXPECT_EQ(faults.nr, 1);
	vma->vm_end = addr_of(10);
	expect_faults(UNMAP, OK);
	expect_takes(api, 4, 4, 0, -EFAULT, 0);
}

static void test_vma_gone(void)
{
	with_each_api(vma_gone);
}

static void would_wait(const struct api *api)
{
	const unsigned int nowait = FAULT_FLAG_ALLOW_RETRY |
				    FAULT_FLAG_RETRY_NOWAIT;

	if (api->lockless)
		return;
	map_small(0, 0, 2);
	expect_faults(BUSY, BUSY);
	expect_takes(api, 0, 4, FOLL_NOWAIT, 2, 0);
	expect_takes(api, 2, 2, FOLL_NOWAIT, 0, 0);
	EXPECT_EQ(faults.nr, 2);
	EXPECT_EQ(faults.flags[0] & nowait, nowait);
}

static void test_would_wait(void)
{
	with_each_api(would_wait);
}

/*
 * Signals
 */

static void killed_before(const struct api *api)
{
	map_small(0, 0, 2);
	expect_faults(OK, OK);
	current->fatal_signal = true;
	if (api->lockless) {
		/* Without a lock there is nothing to wait for. */
		expect_takes(api, 0, 2, 0, 2, 0);
		expect_takes(api, 1, 2, 0, 1, 1);
		expect_takes(api, 2, 2, 0, api->only_lockless ? 0 : -EAGAIN, 0);
	} else {
		expect_takes(api, 0, 2, 0, api->takes_lock ? -EAGAIN : -EINTR, 0);
	}
	EXPECT_EQ(faults.nr, 0);
}

static void test_killed_before(void)
{
	with_each_api(killed_before);
}

/* A signal that does not kill is nothing to heed, unless that was asked for. */
static void signal_before(const struct api *api)
{
	map_small(0, 0, 2);
	current->signal = true;
	expect_faults(OK, OK);
	expect_takes(api, 0, 4, 0, api->only_lockless ? 2 : 4, 0);
	if (api->lockless)
		return;
	/* It is looked at when the lock was dropped. */
	expect_takes(api, 4, 2, FOLL_INTERRUPTIBLE, 2, 4);
}

static void test_signal_before(void)
{
	with_each_api(signal_before);
}

static void signal_meanwhile(const struct api *api)
{
	if (!api->may_drop)
		return;
	map_small(0, 0, 2);
	expect_faults(SIGNAL, OK);
	expect_takes(api, 2, 2, 0, 2, 2);
	EXPECT_EQ(faults.nr, 3);

	current->signal = false;
	expect_faults(KILL, OK);
	expect_takes(api, 4, 2, 0, -EINTR, 0);
	EXPECT_EQ(faults.nr, 1);

	current->fatal_signal = false;
	expect_faults(OK, KILL);
	expect_takes(api, 4, 2, 0, 1, 4);
	EXPECT_EQ(faults.nr, 2);
	if (api->lockless)
		return;

	setup();
	map_small(0, 0, 2);
	expect_faults(SIGNAL, OK);
	expect_takes(api, 2, 2, FOLL_INTERRUPTIBLE, -EINTR, 0);
	current->signal = false;
	expect_faults(SIGNAL, OK);
	expect_takes(api, 0, 4, FOLL_INTERRUPTIBLE, 2, 0);
	EXPECT_EQ(faults.nr, 1);
}

static void test_signal_meanwhile(void)
{
	with_each_api(signal_meanwhile);
}

/* COMPLETED, and then a signal: what is done counts, and nothing more. */
static void killed_when_done(const struct api *api)
{
	if (api->only_lockless)
		return;
	map_small(0, 0, 2);
	expect_faults(KILL_LATER, OK);
	expect_takes(api, 0, 6, 0, 2, 0);
	EXPECT_EQ(faults.nr, 1);
}

static void test_killed_when_done(void)
{
	with_each_api(killed_when_done);
}

/*
 * Without an array
 */

static void test_no_array(void)
{
	int locked = 1;

	setup();
	expect_faults(OK, OK);
	map_small(1, 1, 1);
	EXPECT_EQ(get(ADDR, 4, FOLL_WRITE, NULL), 4);
	EXPECT_EQ(faults.nr, 3);
	EXPECT_EQ(get_unlocked(ADDR, 4, 0, NULL), 4);
	mmap_read_lock(&world.mm);
	EXPECT_EQ(get_user_pages_remote(&world.mm, ADDR, 6, 0, NULL, &locked), 6);
	unlock_remote(locked);
	EXPECT_EQ(faults.nr, 5);
	expect_clean();
}

/*
 * A fault by hand
 */

static int fixup(unsigned long i, unsigned int flags, bool *unlocked)
{
	int ret;

	mmap_read_lock(&world.mm);
	ret = fixup_user_fault(&world.mm, addr_of(i) | BIT(57), flags, unlocked);
	EXPECT_EQ(current->nr_mmap_locks, 1);
	mmap_read_unlock(&world.mm);
	return ret;
}

static void test_fixup(void)
{
	const unsigned int may_wait = FAULT_FLAG_ALLOW_RETRY |
				      FAULT_FLAG_KILLABLE;
	static const enum answer answers[] = { OK, RETRY, COMPLETED };

	for (unsigned int i = 0; i < ARRAY_SIZE(answers); i++) {
		bool unlocked = false;

		setup();
		expect_faults(answers[i], OK);
		EXPECT_EQ(fixup(3, FAULT_FLAG_WRITE, &unlocked), 0);
		EXPECT_EQ(unlocked, answers[i] != OK);
		EXPECT_EQ(faults.nr, answers[i] == RETRY ? 2 : 1);
		EXPECT_EQ(faults.flags[0], may_wait | FAULT_FLAG_WRITE);
		if (answers[i] == RETRY)
			EXPECT(faults.flags[1] & FAULT_FLAG_TRIED);
	}
	setup();
	expect_faults(OK, OOM);
	EXPECT_EQ(fixup(3, 0, NULL), 0);
	EXPECT_EQ(faults.flags[0], 0);
	EXPECT_EQ(fixup(3, 0, NULL), -ENOMEM);
	vma->vm_flags = RO_VMA;
	EXPECT_EQ(fixup(3, FAULT_FLAG_WRITE, NULL), -EFAULT);
	EXPECT_EQ(fixup(-1, 0, NULL), -EFAULT);
	EXPECT_EQ(faults.nr, 2);
}

static void test_fixup_signal(void)
{
	bool unlocked = false;

	setup();
	expect_faults(KILL, OK);
	EXPECT_EQ(fixup(3, 0, &unlocked), -EINTR);
	EXPECT(unlocked);
	EXPECT_EQ(faults.nr, 1);

	setup();
	expect_faults(SIGNAL, OK);
	EXPECT_EQ(fixup(3, 0, &unlocked), 0);
	EXPECT_EQ(faults.nr, 2);
}

/*
 * Huge leaves that are split
 */

static bool no_table(void)
{
	return false;
}

/* A mapping of a file is zapped, and a table is put in its place. */
static void split_no_memory(const struct api *api)
{
	const unsigned int flags = FOLL_SPLIT_PMD;

	if (api->lockless)
		return;
	new_folio(512, 9)->mapping = &gup_file;
	gup_map_pmd(ADDR, world.first_pfn + 512, GUP_PTE_RW);
	vma->vm_ops = &file_ops;
	expect_faults(OK, OK);
	world.new_table = no_table;
	expect_takes(api, 0, 2, flags, -ENOMEM, 0);
	EXPECT_EQ(faults.nr, 0);

	world.new_table = NULL;
	gup_map_pmd(ADDR, world.first_pfn + 512, GUP_PTE_RW);
	expect_takes(api, 3, 2, flags, 2, 3);
	EXPECT_EQ(faults.nr, 2);
}

static void test_split_no_memory(void)
{
	with_each_api(split_no_memory);
}

/*
 * Long-term pins
 */

/* Where the pages go that are not in the right place. */
#define MOVED_TO	1900UL

static unsigned int nr_moves, nr_drains;

static struct folio *move_folio(struct folio *from)
{
	struct folio *folio;

	EXPECT_EQ(folio_nr_pages(from), 1);
	EXPECT_EQ(current->pins_saved, 1);
	folio = new_folio(MOVED_TO + nr_moves, 0);
	gup_set_exclusive(folio_pfn(folio), 1, true);
	nr_moves++;
	return folio;
}

static struct folio *cannot_move(struct folio *from)
{
	return NULL;
}

static void count_drain(struct folio *folio)
{
	nr_drains++;
}

/* Pages in one pageblock, then in the next: of these @block is the kind. */
static void setup_longterm(enum migratetype block)
{
	setup();
	world.migrated = move_folio;
	world.drained = count_drain;
	nr_moves = 0;
	nr_drains = 0;
	map_small(0, 508, 8);
	gup_set_block(world.first_pfn + 512, block);
}

static const unsigned int long_flags = FOLL_LONGTERM | FOLL_WRITE;

/* So many pages are taken, of which those from @first on have moved. */
static void expect_moved(const struct api *api, long nr, unsigned int first)
{
	EXPECT_EQ(take(api, 0, nr, long_flags), nr);
	expect_pages(0, first, 508);
	expect_pages(first, nr - first, MOVED_TO);
	EXPECT_EQ(nr_moves, nr - first);
	/* Those that have moved are freed, and all others are as they were. */
	EXPECT_EQ(world.nr_freed, nr - first);
	world.nr_freed = 0;
	release(api, nr);
}

/* What is decided for a pageblock does not hold for the next. */
static void longterm_block(const struct api *api)
{
	static const enum migratetype blocks[] = { MIGRATE_CMA, MIGRATE_ISOLATE };

	if (!api->pin)
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(blocks); i++) {
		setup_longterm(blocks[i]);
		expect_moved(api, 8, 4);
		EXPECT_EQ(nr_drains, 4);
	}
	setup_longterm(MIGRATE_UNMOVABLE);
	expect_moved(api, 8, 8);
	/* Not for long: they stay. */
	setup_longterm(MIGRATE_CMA);
	expect_takes(api, 0, 8, FOLL_WRITE, 8, 508);
	EXPECT_EQ(nr_moves, 0);
}

static void test_longterm_block(void)
{
	with_each_api(longterm_block);
}

/* Within a pageblock pages may be of several zones. */
static void longterm_zone(const struct api *api)
{
	if (!api->pin)
		return;
	setup_longterm(MIGRATE_MOVABLE);
	for (unsigned int n = 514; n < 516; n++)
		set_zone(n, ZONE_MOVABLE);
	expect_moved(api, 8, 6);

	setup_longterm(MIGRATE_MOVABLE);
	for (unsigned int n = 508; n < 516; n++)
		set_zone(n, ZONE_MOVABLE);
	expect_moved(api, 8, 0);
}

static void test_longterm_zone(void)
{
	with_each_api(longterm_zone);
}

static struct folio *move_and_claim(struct folio *folio)
{
	if (!nr_moves)
		gup_set_block(world.first_pfn + 508, MIGRATE_CMA);
	return move_folio(folio);
}

/* What a pageblock is for may have changed when pages are taken again. */
static void longterm_claimed(const struct api *api)
{
	if (!api->pin || api->lockless)
		return;
	setup_longterm(MIGRATE_CMA);
	world.migrated = move_and_claim;
	EXPECT_EQ(take(api, 0, 8, long_flags), 8);
	expect_pages(0, 4, MOVED_TO + 4);
	expect_pages(4, 4, MOVED_TO);
	EXPECT_EQ(world.nr_freed, 8);
	world.nr_freed = 0;
	release(api, 8);
}

static void test_longterm_claimed(void)
{
	with_each_api(longterm_claimed);
}

static vm_fault_t claim(struct vm_area_struct *of, unsigned long addr,
			unsigned int flags)
{
	map_small(1, 513, 1);
	gup_set_block(world.first_pfn + 512, MIGRATE_CMA);
	return 0;
}

/* And after a page fault, which may take any time. */
static void longterm_claimed_in_fault(const struct api *api)
{
	if (!api->pin || api->lockless)
		return;
	setup_longterm(MIGRATE_MOVABLE);
	world.fault = claim;
	map_small(0, 512, 1);
	unmap(1);
	EXPECT_EQ(take(api, 0, 2, long_flags), 2);
	expect_pages(0, 2, MOVED_TO);
	world.nr_freed = 0;
	release(api, 2);
}

static void test_longterm_claimed_in_fault(void)
{
	with_each_api(longterm_claimed_in_fault);
}

static unsigned int nr_vma_locks;

/* The VMA cannot be locked a second time, and mmap_lock has to be waited for. */
static void claim_at_second(void)
{
	if (nr_vma_locks++) {
		world.vma_locks = false;
		gup_set_block(world.first_pfn + 512, MIGRATE_CMA);
	}
}

/* And after a wait for mmap_lock. */
static void test_longterm_claimed_before_lock(void)
{
	setup_longterm(MIGRATE_MOVABLE);
	world.vma_locks = true;
	world.vma_locked = claim_at_second;
	nr_vma_locks = 0;
	/* Somebody wants the VMA, so it is given up after the first table. */
	map_small(508, 512, 8);
	atomic_set(&vma->vm_refcnt, VM_REFCNT_EXCLUDE_READERS_FLAG);
	EXPECT_EQ(pin_user_pages_unlocked(addr_of(508), 8, pages, long_flags), 8);
	atomic_set(&vma->vm_refcnt, 0);
	EXPECT_EQ(nr_moves, 8);
	world.nr_freed = 0;
	unpin_user_pages(pages, 8);
}

static unsigned int locks_while_moving;

static struct folio *move_and_look(struct folio *folio)
{
	EXPECT_EQ(current->nr_mmap_locks, locks_while_moving);
	return move_folio(folio);
}

/* To move takes long: who may, lets go of mmap_lock. */
static void test_longterm_drops_lock(void)
{
	int locked = 1;

	setup_longterm(MIGRATE_CMA);
	world.migrated = move_and_look;
	locks_while_moving = 0;
	mmap_read_lock(&world.mm);
	EXPECT_EQ(pin_user_pages_remote(&world.mm, ADDR, 8, long_flags, pages,
					&locked), 8);
	EXPECT_EQ(locked, 0);
	EXPECT_EQ(nr_moves, 4);
	unpin_user_pages(pages, 8);

	setup_longterm(MIGRATE_CMA);
	world.migrated = move_and_look;
	locks_while_moving = 1;
	mmap_read_lock(&world.mm);
	EXPECT_EQ(pin_user_pages(ADDR, 8, long_flags, pages), 8);
	EXPECT_EQ(nr_moves, 4);
	mmap_read_unlock(&world.mm);
	unpin_user_pages(pages, 8);

	/* Who may not wait would have to wait for it. */
	setup_longterm(MIGRATE_CMA);
	world.migrated = move_and_look;
	mmap_read_lock(&world.mm);
	locked = 1;
	EXPECT_EQ(pin_user_pages_remote(&world.mm, ADDR, 8, long_flags | FOLL_NOWAIT,
					pages, &locked), 8);
	EXPECT_EQ(locked, 1);
	EXPECT_EQ(nr_moves, 4);
	mmap_read_unlock(&world.mm);
	unpin_user_pages(pages, 8);
	world.nr_freed = 0;
}

static unsigned int nr_faults, last_flags;

static vm_fault_t fault_is_interrupted(struct vm_area_struct *of, unsigned long addr,
				       unsigned int flags)
{
	last_flags = flags;
	if (nr_faults++) {
		map_small(8, 100, 1);
		return 0;
	}
	current->signal = true;
	gup_drop_lock(of, flags);
	return VM_FAULT_RETRY;
}

static struct folio *move_after_signal(struct folio *folio)
{
	current->signal = false;
	return move_folio(folio);
}

/* When pages are pinned again, a fault of before has not been tried. */
static void test_longterm_not_tried(void)
{
	setup_longterm(MIGRATE_CMA);
	world.migrated = move_after_signal;
	world.fault = fault_is_interrupted;
	nr_faults = 0;
	EXPECT_EQ(pin_user_pages_unlocked(ADDR, 9, pages,
					  long_flags | FOLL_INTERRUPTIBLE), 9);
	EXPECT_EQ(nr_faults, 2);
	EXPECT(!(last_flags & FAULT_FLAG_TRIED));
	world.nr_freed = 0;
	unpin_user_pages(pages, 9);
}

static void kill_at_second(void)
{
	if (nr_vma_locks++)
		current->fatal_signal = true;
}

/* -EAGAIN would say that nothing has been done. */
static void test_longterm_killed_before_lock(void)
{
	setup_longterm(MIGRATE_CMA);
	world.vma_locks = false;
	world.vma_locked = kill_at_second;
	nr_vma_locks = 0;
	EXPECT_EQ(pin_user_pages_unlocked(ADDR, 8, pages, long_flags), -EINTR);
	EXPECT_EQ(nr_moves, 4);
	current->fatal_signal = false;
	world.nr_freed = 0;
	expect_clean();
}

static struct folio *move_and_kill(struct folio *folio)
{
	current->fatal_signal = true;
	return move_folio(folio);
}

/* It is over with the signal, and counts as one that failed. */
static void test_longterm_killed_while_moving(void)
{
	unsigned long failed = vm_events[GUP_LONGTERM_FAILED];

	setup_longterm(MIGRATE_CMA);
	world.migrated = move_and_kill;
	EXPECT_EQ(pin_user_pages_unlocked(ADDR, 8, pages, long_flags), -EINTR);
	EXPECT_EQ(nr_moves, 4);
	EXPECT_EQ(vm_events[GUP_LONGTERM_FAILED], failed + 1);
	current->fatal_signal = false;
	world.nr_freed = 0;
	expect_clean();
}

/* What is faulted in is allocated where it can stay. */
static void longterm_fault(const struct api *api)
{
	if (!api->pin)
		return;
	expect_faults(OK, OK);
	expect_takes(api, 0, 2, 0, 2, 0);
	EXPECT_EQ(faults.pins_saved, 0);
	expect_takes(api, 2, 2, long_flags, 2, 2);
	EXPECT_EQ(faults.pins_saved, 1);
}

static void test_longterm_fault(void)
{
	with_each_api(longterm_fault);
}

/* Somebody has a reference: it cannot be moved. Nothing stays pinned. */
static void longterm_stuck(const struct api *api)
{
	long prefix = api->lockless ? 4 : 0;

	if (!api->pin)
		return;
	setup_longterm(MIGRATE_CMA);
	folio_get(folio_at(513));
	EXPECT_EQ(take(api, 0, 8, long_flags), prefix ?: -ENOMEM);
	EXPECT(world.slept >= HZ / 10 && world.slept < HZ / 5);
	for (long i = 0; i < prefix; i++)
		unpin_user_page(pages[i]);
	folio_put(folio_at(513));
	for (unsigned int i = prefix; i < 8; i++)
		EXPECT_EQ(pages[i], NULL);
	/* The others may have been moved. */
	EXPECT_EQ(world.nr_freed, nr_moves);
	world.nr_freed = 0;
	EXPECT(folio_test_lru(folio_at(513)));
	expect_clean();

	setup_longterm(MIGRATE_CMA);
	/* There is nothing to wait for if there is no memory. */
	world.migrated = cannot_move;
	EXPECT_EQ(take(api, 4, 4, long_flags), -ENOMEM);
	release(api, -ENOMEM);
	EXPECT_EQ(world.slept, 0);
}

static void test_longterm_stuck(void)
{
	with_each_api(longterm_stuck);
}

static void finish_isolation(struct folio *folio)
{
	nr_drains++;
	if (nr_drains == 3)
		folio_set_lru(folio);
}

/* What cannot be isolated now has to be looked at again. */
static void longterm_isolated_elsewhere(const struct api *api)
{
	if (!api->pin)
		return;
	setup_longterm(MIGRATE_CMA);
	world.drained = finish_isolation;
	folio_clear_lru(folio_at(512));
	expect_moved(api, 5, 4);
	EXPECT_EQ(nr_drains, 3);
}

static void test_longterm_isolated_elsewhere(void)
{
	with_each_api(longterm_isolated_elsewhere);
}

/* What happens when the pin has slept for so long. */
static long happens_after;
static unsigned int nr_sleeps;

static bool is_time(void)
{
	nr_sleeps++;
	return world.slept >= happens_after;
}

static void setup_waiting(long after, void (*woken)(void))
{
	setup_longterm(MIGRATE_CMA);
	happens_after = after;
	nr_sleeps = 0;
	world.woken = woken;
}

static void put_reference(void)
{
	if (is_time() && folio_ref_count(folio_at(512)) > 1)
		folio_put(folio_at(512));
}

static void put_back(void)
{
	if (is_time())
		folio_set_lru(folio_at(512));
}

/* What is put back has a reference for a moment, after all the time. */
static void put_back_and_look(void)
{
	if (is_time() && !folio_test_lru(folio_at(512))) {
		folio_set_lru(folio_at(512));
		folio_get(folio_at(512));
		happens_after += HZ / 20;
		world.woken = put_reference;
	}
}

static void kill_current(void)
{
	if (is_time())
		current->fatal_signal = true;
}

/* In vain it is tried at once, soon, and then seldom, but not too seldom. */
static void longterm_waits(const struct api *api)
{
	if (!api->pin)
		return;
	setup_waiting(HZ / 20, put_reference);
	folio_get(folio_at(512));
	expect_moved(api, 5, 4);
	EXPECT(world.slept >= HZ / 20 && world.slept <= HZ / 10);
	EXPECT(nr_sleeps >= 8);

	/* Who moves it himself may take longer than who has a reference. */
	setup_waiting(50 * HZ, put_back);
	folio_clear_lru(folio_at(512));
	expect_moved(api, 5, 4);
	EXPECT(world.slept >= 50 * HZ && world.slept < 51 * HZ);
	EXPECT(nr_sleeps > 1000 && nr_sleeps < 10000);
}

static void test_longterm_waits(void)
{
	with_each_api(longterm_waits);
}

static void longterm_waits_again(const struct api *api)
{
	if (!api->pin)
		return;
	setup_waiting(HZ, put_back_and_look);
	folio_clear_lru(folio_at(512));
	expect_moved(api, 5, 4);
	EXPECT(world.slept >= HZ + HZ / 20 && world.slept < 2 * HZ);
}

static void test_longterm_waits_again(void)
{
	with_each_api(longterm_waits_again);
}

static void longterm_gives_up(const struct api *api)
{
	if (!api->pin)
		return;
	setup_waiting(LONG_MAX, NULL);
	folio_clear_lru(folio_at(512));
	EXPECT_EQ(take(api, 4, 4, long_flags), -ENOMEM);
	EXPECT(world.slept >= 60 * HZ && world.slept < 61 * HZ);
	folio_set_lru(folio_at(512));
	/* The others have moved. */
	EXPECT_EQ(world.nr_freed, 3);
	world.nr_freed = 0;
	release(api, -ENOMEM);

	setup_waiting(HZ, kill_current);
	folio_clear_lru(folio_at(512));
	EXPECT_EQ(take(api, 4, 1, long_flags), -EINTR);
	current->fatal_signal = false;
	EXPECT(world.slept < 2 * HZ);
	folio_set_lru(folio_at(512));
	release(api, -EINTR);
}

static void test_longterm_gives_up(void)
{
	with_each_api(longterm_gives_up);
}

/* Somebody moves it back each time, before it is pinned. */
static struct folio *move_back(struct folio *folio)
{
	struct folio *to = move_folio(folio);

	/* To one page, and to another. */
	nr_moves %= 2;
	gup_set_block(folio_pfn(to), MIGRATE_CMA);
	return to;
}

static void longterm_moved_back(const struct api *api)
{
	if (!api->pin)
		return;
	setup_longterm(MIGRATE_CMA);
	world.migrated = move_back;
	EXPECT_EQ(take(api, 4, 1, long_flags), -ENOMEM);
	EXPECT_EQ(world.slept, 0);
}

static void test_longterm_moved_back(void)
{
	with_each_api(longterm_moved_back);
}

/* Device memory that the CPU can access moves as well, or the call fails. */
static void longterm_device(const struct api *api)
{
	static struct dev_pagemap coherent = { MEMORY_DEVICE_COHERENT };
	unsigned long moved;

	if (!api->pin)
		return;
	setup_longterm(MIGRATE_MOVABLE);
	set_zone(515, ZONE_DEVICE);
	folio_at(515)->pgmap = &coherent;
	expect_moved(api, 8, 7);

	setup_longterm(MIGRATE_MOVABLE);
	set_zone(515, ZONE_DEVICE);
	folio_at(515)->pgmap = &coherent;
	world.migrated = cannot_move;
	EXPECT_EQ(take(api, 7, 1, long_flags), -EBUSY);
	release(api, -EBUSY);

	/* What was isolated then has not been moved. */
	setup_longterm(MIGRATE_CMA);
	set_zone(515, ZONE_DEVICE);
	folio_at(515)->pgmap = &coherent;
	world.migrated = cannot_move;
	moved = vm_events[GUP_LONGTERM_MOVED];
	EXPECT_EQ(take(api, 4, 4, long_flags), -EBUSY);
	EXPECT_EQ(vm_events[GUP_LONGTERM_MOVED], moved);
	release(api, -EBUSY);
}

static void test_longterm_device(void)
{
	with_each_api(longterm_device);
}

/* The zero page may stay anywhere, and says nothing about its neighbours. */
static void longterm_zero(const struct api *api)
{
	if (!api->pin)
		return;
	setup_longterm(MIGRATE_MOVABLE);
	new_folio(514, 0);
	gup_make_zero(world.first_pfn + 514);
	set_zone(514, ZONE_MOVABLE);
	set_zone(512, ZONE_MOVABLE);
	vma->vm_flags |= VM_SHARED;
	map(3, 514, GUP_PTE | _PAGE_SPECIAL);
	EXPECT_EQ(take(api, 3, 2, FOLL_LONGTERM), 2);
	EXPECT_EQ(pages[0], page_at(514));
	EXPECT_EQ(pages[1], page_at(MOVED_TO));
	EXPECT_EQ(nr_moves, 1);
	world.nr_freed = 0;
	release(api, 2);
}

static void test_longterm_zero(void)
{
	with_each_api(longterm_zero);
}

const struct test entry_tests[] = {
	{ "entry: arguments", test_arguments },
	{ "entry: wrong flags", test_wrong_flags },
	{ "entry: each flag of the fast ones", test_fast_flags },
	{ "entry: lock is said not to be held", test_locked_is_not_1 },
	{ "entry: beyond user addresses", test_beyond_user_addresses },
	{ "entry: unaligned address", test_unaligned },
	{ "entry: tagged address", test_tagged },
	{ "entry: last page of a VMA", test_last_of_vma },
	{ "entry: huge leaves", test_leaves },
	{ "entry: rules for VMAs", test_vma_rules },
	{ "entry: protection key of a VMA", test_vma_key },
	{ "entry: several VMAs", test_several_vmas },
	{ "entry: touch", test_touch },
	{ "entry: caches", test_caches },
	{ "entry: mm is marked", test_marks_mm },
	{ "fault: flags", test_fault_flags },
	{ "fault: unshares", test_fault_unshares },
	{ "fault: what is missing", test_faults_in },
	{ "fault: not allowed", test_no_fault },
	{ "fault: fails", test_fault_fails },
	{ "fault: lock dropped", test_lock_dropped },
	{ "fault: tried once", test_tried_once },
	{ "fault: address 0", test_address_0 },
	{ "fault: VMA is gone", test_vma_gone },
	{ "fault: would have to wait", test_would_wait },
	{ "fault: without an array", test_no_array },
	{ "fault: by hand", test_fixup },
	{ "fault: by hand, and a signal", test_fixup_signal },
	{ "signal: fatal, before", test_killed_before },
	{ "signal: not fatal, before", test_signal_before },
	{ "signal: meanwhile", test_signal_meanwhile },
	{ "signal: fatal, after a fault", test_killed_when_done },
	{ "split PMD: no memory", test_split_no_memory },
	{ "long-term: pageblocks", test_longterm_block },
	{ "long-term: zones", test_longterm_zone },
	{ "long-term: claimed meanwhile", test_longterm_claimed },
	{ "long-term: claimed in a fault", test_longterm_claimed_in_fault },
	{ "long-term: claimed before mmap_lock", test_longterm_claimed_before_lock },
	{ "long-term: drops mmap_lock", test_longterm_drops_lock },
	{ "long-term: not tried", test_longterm_not_tried },
	{ "long-term: killed before mmap_lock", test_longterm_killed_before_lock },
	{ "long-term: killed while it moves", test_longterm_killed_while_moving },
	{ "long-term: faults", test_longterm_fault },
	{ "long-term: cannot move", test_longterm_stuck },
	{ "long-term: isolated elsewhere", test_longterm_isolated_elsewhere },
	{ "long-term: waits", test_longterm_waits },
	{ "long-term: waits for another reason", test_longterm_waits_again },
	{ "long-term: gives up", test_longterm_gives_up },
	{ "long-term: moved back", test_longterm_moved_back },
	{ "long-term: device memory", test_longterm_device },
	{ "long-term: zero page", test_longterm_zero },
};

const unsigned int nr_entry_tests = ARRAY_SIZE(entry_tests);
