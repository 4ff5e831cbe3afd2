// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of what there is without an MMU: user addresses are those of the kernel,
 * each of them has its page, and page tables play no part.
 */
#include "unit.h"
#include "unit_take.h"

/* Pages of the VMA: order-0 folios, and a large one. */
#define NR_MAPPED	16UL
#define LARGE_AT	4UL
#define LARGE_ORDER	2

/* What an array has in it before the call. */
#define UNTOUCHED	((struct page *)0x5a5a5a5a5a5a5a5aUL)

/* The address of page @n. */
static unsigned long at(unsigned long n)
{
	return (unsigned long)__va((world.first_pfn + n) << PAGE_SHIFT);
}

/* A VMA, and memory that goes on behind it. */
static void setup_vma(vm_flags_t flags)
{
	const unsigned long behind_large = LARGE_AT + BIT(LARGE_ORDER);

	setup();
	world.mm.nr_vmas = 0;
	vma = gup_world_vma(at(0), at(NR_MAPPED), flags);
	for (unsigned long n = 0; n < NR_MAPPED + 8; n++) {
		if (n < LARGE_AT || n >= behind_large)
			new_folio(n, 0);
	}
	new_folio(LARGE_AT, LARGE_ORDER);
}

/*
 * The entry points, called in one way
 */

struct api {
	const char *name;
	long (*take)(unsigned long addr, unsigned long nr, unsigned int flags,
		     struct page **out);
	bool pin;
	bool takes_lock;
};

static long pin_remote_locked(unsigned long addr, unsigned long nr,
			      unsigned int flags, struct page **out)
{
	return call_remote(pin_user_pages_remote, addr, nr, flags, out, false);
}

/* All but get_user_pages_remote(). */
static const struct api apis[] = {
	{ "pin_remote", pin_remote, .pin = true },
	{ "pin_remote, lock kept", pin_remote_locked, .pin = true },
	{ "get", get },
	{ "pin", pin, .pin = true },
	{ "get_unlocked", get_unlocked, .takes_lock = true },
	{ "pin_unlocked", pin_unlocked, .pin = true, .takes_lock = true },
	{ "get_fast", get_fast, .takes_lock = true },
	{ "pin_fast", pin_fast, .pin = true, .takes_lock = true },
};

static void with_each_api(void (*fn)(const struct api *api))
{
	for (unsigned int i = 0; i < ARRAY_SIZE(apis); i++) {
		setup_vma(RW_VMA);
		tap_case = apis[i].name;
		fn(&apis[i]);
	}
}

static void expect_untouched(unsigned long from)
{
	for (unsigned long i = from; i < NR_PAGES; i++)
		EXPECT_EQ(pages[i], UNTOUCHED);
}

/* How often has page @n been referenced? */
static void expect_taken(const struct api *api, unsigned long n, int times)
{
	expect_count(page_folio(page_at(n)), api->pin ? 0 : times,
		     api->pin ? times : 0);
}

/*
 * Takes pages from @addr on, and expects so many, or an error: those from @n on. They
 * are released.
 */
static void expect_takes_at(const struct api *api, unsigned long addr,
			    unsigned long nr, unsigned int flags, long wanted,
			    unsigned long n)
{
	long got;

	memset(pages, 0x5a, sizeof(pages));
	got = api->take(addr, nr, flags, pages);
	EXPECT_EQ(got, wanted);
	expect_untouched(max(got, 0L));
	if (got != wanted || got <= 0) {
		expect_clean();
		return;
	}
	expect_pages(0, got, n);
	for (long i = 0; i < got; i++) {
		if (!folio_test_large(page_folio(pages[i])))
			expect_taken(api, n + i, 1);
	}
	gup_release_range(pages, got, api->pin ? FOLL_PIN : FOLL_GET);
	expect_clean();
}

static void expect_takes(const struct api *api, unsigned long n, unsigned long nr,
			 unsigned int flags, long wanted)
{
	expect_takes_at(api, at(n), nr, flags, wanted, n);
}

/*
 * get_user_pages_remote()
 */

/* Without an MMU it returns 0, whatever it is asked for, and touches nothing. */
static void test_get_remote(void)
{
	static const unsigned int flags[] = { 0, FOLL_WRITE, FOLL_FORCE };

	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
		setup_vma(RW_VMA);
		memset(pages, 0x5a, sizeof(pages));
		EXPECT_EQ(get_remote(at(0), 4, flags[i], pages), 0);
		EXPECT_EQ(get_remote(at(0), 4, flags[i], NULL), 0);
		EXPECT_EQ(get_remote(at(NR_MAPPED), 4, flags[i], pages), 0);
		EXPECT_EQ(get_remote_locked(at(0), 4, flags[i], pages), 0);
		expect_untouched(0);
		expect_clean();
	}
}

/*
 * All others
 */

static void takes(const struct api *api)
{
	const long last = NR_MAPPED - 1;

	expect_takes(api, 0, 1, 0, 1);
	expect_takes(api, 0, NR_MAPPED, 0, NR_MAPPED);
	expect_takes(api, 2, 8, FOLL_WRITE, 8);
	expect_takes(api, LARGE_AT + 1, 2, 0, 2);
	expect_takes(api, 0, 0, 0, 0);
	/* Up to the end of the VMA. */
	expect_takes(api, last, 1, 0, 1);
	expect_takes(api, last - 1, 5, 0, 2);
	expect_takes(api, last + 1, 1, 0, -EFAULT);
	expect_takes_at(api, at(0) - 1, 2, 0, -EFAULT, 0);
	/* Not aligned. */
	expect_takes_at(api, at(3) + 1, 1, 0, 1, 3);
	expect_takes_at(api, at(3) + PAGE_SIZE - 1, 3, 0, 3, 3);
	expect_takes_at(api, at(last) + 7, 2, 0, 1, last);
}

static void test_takes(void)
{
	with_each_api(takes);
}

/* Each page is a reference of its own. */
static void counts(const struct api *api)
{
	EXPECT_EQ(api->take(at(2), 5, 0, pages), 5);
	expect_taken(api, 1, 0);
	expect_taken(api, 2, 1);
	expect_taken(api, LARGE_AT, 3);
	expect_taken(api, LARGE_AT + BIT(LARGE_ORDER), 0);
	EXPECT_EQ(gup_stat(0, NR_FOLL_PIN_ACQUIRED), api->pin ? 5 : 0);
	EXPECT_EQ(mm_flags_test(MMF_HAS_PINNED, &world.mm), api->pin);
	gup_release_range(pages, 5, api->pin ? FOLL_PIN : FOLL_GET);
	expect_clean();
}

static void test_counts(void)
{
	with_each_api(counts);
}

/* For long: there is nothing that would have to move. */
static void longterm(const struct api *api)
{
	if (!api->pin)
		return;
	set_zone(1, ZONE_MOVABLE);
	expect_takes(api, 0, 3, FOLL_LONGTERM, 3);
	expect_takes(api, NR_MAPPED, 3, FOLL_LONGTERM, -EFAULT);
}

static void test_longterm(void)
{
	with_each_api(longterm);
}

struct vma_rule {
	const char *name;
	vm_flags_t vm_flags;
	unsigned int flags;
	bool refused;
};

static const struct vma_rule vma_rules[] = {
	{ "read", VM_READ | VM_MAYREAD, 0 },
	{ "write", VM_WRITE | VM_MAYWRITE, FOLL_WRITE },
	{ "read what can only be written", VM_WRITE | VM_MAYWRITE, 0, true },
	{ "write what can only be read", VM_READ | VM_MAYREAD, FOLL_WRITE, true },
	{ "neither", VM_MAYREAD | VM_MAYWRITE, 0, true },
	{ "forced read", VM_MAYREAD, FOLL_FORCE },
	{ "forced write", VM_MAYWRITE, FOLL_WRITE | FOLL_FORCE },
	{ "forced read, may never", VM_MAYWRITE, FOLL_FORCE, true },
	{ "forced write, may never", VM_READ | VM_MAYREAD,
	  FOLL_WRITE | FOLL_FORCE, true },
	{ "device", RW_VMA | VM_IO, 0, true },
	{ "device, forced", RW_VMA | VM_IO, FOLL_FORCE, true },
	{ "PFNs", RW_VMA | VM_PFNMAP, 0, true },
	{ "PFNs, forced write", RW_VMA | VM_PFNMAP, FOLL_FORCE | FOLL_WRITE, true },
};

static void test_vma_rules(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(vma_rules); i++) {
		const struct vma_rule *rule = &vma_rules[i];

		for (unsigned int j = 0; j < ARRAY_SIZE(apis); j++) {
			setup_vma(rule->vm_flags);
			tap_case = rule->name;
			expect_takes(&apis[j], 0, 2, rule->flags,
				     rule->refused ? -EFAULT : 2);
		}
	}
}

/* Each VMA is asked. */
static void several_vmas(const struct api *api)
{
	vma->vm_end = at(3);
	gup_world_vma(at(3), at(6), VM_READ | VM_MAYREAD);
	gup_world_vma(at(6), at(8), RW_VMA | VM_IO);
	gup_world_vma(at(9), at(12), RW_VMA);
	expect_takes(api, 0, 12, 0, 6);
	expect_takes(api, 0, 12, FOLL_WRITE, 3);
	expect_takes(api, 6, 1, 0, -EFAULT);
	expect_takes(api, 8, 2, 0, -EFAULT);
	expect_takes(api, 9, 4, FOLL_WRITE, 3);
}

static void test_several_vmas(void)
{
	with_each_api(several_vmas);
}

/* A page that cannot be referenced ends it, and is as it was. */
static void overflowed(const struct api *api)
{
	gup_warnings_expected = true;
	atomic_set(&folio_at(2)->_refcount, -1);
	memset(pages, 0x5a, sizeof(pages));
	EXPECT_EQ(api->take(at(0), 4, 0, pages), 2);
	expect_untouched(2);
	EXPECT_EQ(folio_ref_count(folio_at(2)), -1);
	EXPECT(api->take(at(2), 4, 0, pages + 2) < 0);
	expect_untouched(2);
	EXPECT_EQ(folio_ref_count(folio_at(2)), -1);
	atomic_set(&folio_at(2)->_refcount, 1);
	gup_release_range(pages, 2, api->pin ? FOLL_PIN : FOLL_GET);
	expect_clean();
}

static void test_overflowed(void)
{
	with_each_api(overflowed);
}

static void inaccessible(const struct api *api)
{
	gup_accessible_error = -EIO;
	if (!api->pin) {
		expect_takes(api, 0, 2, 0, 2);
		return;
	}
	memset(pages, 0x5a, sizeof(pages));
	EXPECT(api->take(at(0), 2, 0, pages) < 0);
	EXPECT(api->take(at(LARGE_AT), 2, 0, pages) < 0);
	expect_untouched(0);
	expect_clean();
}

static void test_inaccessible(void)
{
	with_each_api(inaccessible);
}

/* Without an array the pages are only counted: those that a VMA permits. */
static void test_no_array(void)
{
	setup_vma(RW_VMA);
	EXPECT_EQ(get(at(0), 4, FOLL_WRITE, NULL), 4);
	EXPECT_EQ(get_unlocked(at(NR_MAPPED - 2), 4, 0, NULL), 2);
	EXPECT_EQ(get(at(NR_MAPPED), 1, 0, NULL), -EFAULT);
	expect_clean();
}

static void killed(const struct api *api)
{
	if (!api->takes_lock)
		return;
	current->fatal_signal = true;
	expect_takes(api, 0, 2, 0, -EAGAIN);
}

static void test_killed(void)
{
	with_each_api(killed);
}

static void test_wrong(void)
{
	int locked = 0;

	setup_vma(RW_VMA);
	gup_warnings_expected = true;
	memset(pages, 0x5a, sizeof(pages));
	EXPECT_EQ(pin_remote(at(0), 1, FOLL_GET, pages), -EINVAL);
	EXPECT_EQ(pin_remote(at(0), 1, FOLL_REMOTE, pages), -EINVAL);
	EXPECT_EQ(pin_remote(at(0), 1, 0, NULL), -EINVAL);
	EXPECT_EQ(get(at(0), 1, FOLL_LONGTERM, pages), -EINVAL);
	EXPECT_EQ(gup_warnings, 4);
	mmap_read_lock(&world.mm);
	EXPECT_EQ(pin_user_pages_remote(&world.mm, at(0), 1, 0, pages, &locked),
		  -EINVAL);
	mmap_read_unlock(&world.mm);
	EXPECT_EQ(gup_warnings, 5);
	expect_untouched(0);
	expect_clean();
}

static const struct test tests[] = {
	{ "nommu: get_user_pages_remote() gets nothing", test_get_remote },
	{ "nommu: takes pages", test_takes },
	{ "nommu: counts", test_counts },
	{ "nommu: long-term", test_longterm },
	{ "nommu: rules for VMAs", test_vma_rules },
	{ "nommu: several VMAs", test_several_vmas },
	{ "nommu: refcount overflowed", test_overflowed },
	{ "nommu: page inaccessible", test_inaccessible },
	{ "nommu: without an array", test_no_array },
	{ "nommu: killed before", test_killed },
	{ "nommu: wrong arguments", test_wrong },
};

int main(void)
{
	gup_world_init(NR_PAGES, 64);
	return tap_run(tests, ARRAY_SIZE(tests));
}
