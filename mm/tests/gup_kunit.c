// SPDX-License-Identifier: GPL-2.0-only
/*
 * Helpers of the KUnit suites of get_user_pages(): memory of each kind, page
 * tables, references, and functions that take pages.
 */
#include <kunit/resource.h>
#include <linux/anon_inodes.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/hw_breakpoint.h>
#include <linux/jiffies.h>
#include <linux/mmap_lock.h>
#include <linux/perf_event.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/swap.h>
#include <linux/topology.h>
#include <linux/uaccess.h>
#include <linux/user_bvecs.h>

#include <asm/sections.h>

#include "gup_kunit.h"

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");

/*
 * Set-up and tear-down
 */

/* Unlike what /proc/vmstat shows, nothing that a CPU keeps for itself is left out. */
static long gk_stat_sum(enum node_stat_item item)
{
	struct pglist_data *pgdat;
	long sum = 0;

	for_each_online_pgdat(pgdat) {
		int cpu;

		sum += atomic_long_read(&pgdat->vm_stat[item]);
		for_each_online_cpu(cpu)
			sum += per_cpu_ptr(pgdat->per_cpu_nodestats,
					   cpu)->vm_node_stat_diff[item];
	}
	return sum;
}

/*
 * While a CPU hands over what it kept, that is in neither place for a moment: the
 * sum counts when it does not change any more.
 */
long gk_stat(enum node_stat_item item)
{
	long before, sum = gk_stat_sum(item);

	do {
		before = sum;
		usleep_range(100, 200);
		sum = gk_stat_sum(item);
	} while (sum != before);
	return sum;
}

static long gk_pins_held(void)
{
	return gk_stat(NR_FOLL_PIN_ACQUIRED) - gk_stat(NR_FOLL_PIN_RELEASED);
}

/*
 * Long-term pins need memory that they have to move: run on a node that has some.
 * A huge page, or what KASAN takes at boot, may have left none on the others.
 */
static void gk_run_near_movable(void)
{
	int nid;

	for_each_online_node(nid) {
		if (managed_zone(&NODE_DATA(nid)->node_zones[ZONE_MOVABLE]) &&
		    !set_cpus_allowed_ptr(current, cpumask_of_node(nid)))
			return;
	}
}

int gk_init(struct kunit *test)
{
	gk_run_near_movable();
	/* What the case before has unmapped is freed, the huge pages above all. */
	flush_delayed_fput();
	test->priv = (void *)gk_pins_held();
	return kunit_attach_mm();
}

/* Whatever a case did, in the end every pin has to be given back. */
void gk_exit(struct kunit *test)
{
	const unsigned long deadline = jiffies + HZ;
	const long held = (long)test->priv;

	/* A slow machine may take longer over that moment than gk_stat() waits. */
	while (gk_pins_held() != held && time_before(jiffies, deadline))
		;
	KUNIT_EXPECT_EQ(test, gk_pins_held(), held);
}

struct page **gk_array(struct kunit *test, unsigned long nr)
{
	struct page **pages = kunit_kcalloc(test, nr, sizeof(*pages),
					    GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	return pages;
}

/* What a caller has in its array. It is no page: to follow it is fatal. */
#define GK_MARK		((struct page *)LIST_POISON1)

struct page **gk_marked_array(struct kunit *test, unsigned long nr)
{
	struct page **pages = gk_array(test, nr);
	unsigned long i;

	for (i = 0; i < nr; i++)
		pages[i] = GK_MARK;
	return pages;
}

/*
 * A call has returned @count, a number or an error, and filled an array that came
 * from gk_marked_array(), perhaps cast to one of folios or VMAs. Callers may release
 * all of it.
 */
void gk_expect_nothing_behind(struct kunit *test, void *array, long count,
			      unsigned long nr)
{
	struct page **pages = array;
	unsigned long left = 0, i;

	for (i = max(count, 0L); i < nr; i++)
		left += pages[i] && pages[i] != GK_MARK;
	KUNIT_EXPECT_EQ_MSG(test, left, 0, "behind %ld of %lu", count, nr);
}

static void gk_put_page(void *page)
{
	put_page(page);
}

static struct page *gk_alloc(struct kunit *test, unsigned int order, gfp_t gfp)
{
	struct page *page = alloc_pages(gfp | __GFP_COMP | __GFP_ZERO, order);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, gk_put_page,
							   page));
	return page;
}

struct page *gk_alloc_page(struct kunit *test, unsigned int order)
{
	return gk_alloc(test, order, GFP_HIGHUSER);
}

/* It may not stay pinned, and cannot move: it is on no LRU list. */
struct page *gk_alloc_movable_page(struct kunit *test)
{
	return gk_alloc(test, 0, GFP_HIGHUSER_MOVABLE);
}

/*
 * Functions that take pages
 */

long gk_get_locked(unsigned long start, unsigned long nr, unsigned int flags,
		   struct page **pages)
{
	long ret;

	mmap_read_lock(current->mm);
	ret = get_user_pages(start, nr, flags, pages);
	mmap_read_unlock(current->mm);
	return ret;
}

long gk_get_remote(unsigned long start, unsigned long nr, unsigned int flags,
		   struct page **pages)
{
	int locked = 1;
	long ret;

	mmap_read_lock(current->mm);
	ret = get_user_pages_remote(current->mm, start, nr, flags, pages,
				    &locked);
	if (locked)
		mmap_read_unlock(current->mm);
	return ret;
}

long gk_get_remote_unlocked(unsigned long start, unsigned long nr,
			    unsigned int flags, struct page **pages)
{
	return get_user_pages_remote_unlocked(current->mm, start, nr, flags,
					      pages);
}

long gk_pin_remote_unlocked(unsigned long start, unsigned long nr,
			    unsigned int flags, struct page **pages)
{
	return pin_user_pages_remote_unlocked(current->mm, start, nr, flags,
					      pages);
}

long gk_get_unlocked(unsigned long start, unsigned long nr, unsigned int flags,
		     struct page **pages)
{
	return get_user_pages_unlocked(start, nr, pages, flags);
}

long gk_get_fast(unsigned long start, unsigned long nr, unsigned int flags,
		 struct page **pages)
{
	return get_user_pages_fast(start, nr, flags, pages);
}

long gk_get_fast_only(unsigned long start, unsigned long nr, unsigned int flags,
		      struct page **pages)
{
	return get_user_pages_fast_only(start, nr, flags, pages);
}

long gk_pin_locked(unsigned long start, unsigned long nr, unsigned int flags,
		   struct page **pages)
{
	long ret;

	mmap_read_lock(current->mm);
	ret = pin_user_pages(start, nr, flags, pages);
	mmap_read_unlock(current->mm);
	return ret;
}

long gk_pin_remote(unsigned long start, unsigned long nr, unsigned int flags,
		   struct page **pages)
{
	int locked = 1;
	long ret;

	mmap_read_lock(current->mm);
	ret = pin_user_pages_remote(current->mm, start, nr, flags, pages,
				    &locked);
	if (locked)
		mmap_read_unlock(current->mm);
	return ret;
}

long gk_pin_unlocked(unsigned long start, unsigned long nr, unsigned int flags,
		     struct page **pages)
{
	return pin_user_pages_unlocked(start, nr, pages, flags);
}

long gk_pin_fast(unsigned long start, unsigned long nr, unsigned int flags,
		 struct page **pages)
{
	return pin_user_pages_fast(start, nr, flags, pages);
}

/* Takes ranges apart into their pages. Returns how many. */
static long gk_pages_of(const struct user_bvecs *to, struct page **pages)
{
	unsigned long nr = 0, i, j;

	for (i = 0; i < to->nr; i++) {
		const struct bio_vec *bv = &to->bvecs[i];

		for (j = 0; j < gup_bvec_pages(bv); j++)
			pages[nr++] = bv->bv_page + j;
	}
	return nr;
}

/* Calls pin_user_bvecs_remote() if @remote, else pin_user_bvecs_fast(). */
static long gk_call_bvecs(unsigned long start, unsigned long nr,
			  unsigned int flags, struct page **pages, bool remote)
{
	struct user_bvecs to = { .max = min(nr, GK_NR_BVECS) };
	size_t len = nr ? (nr << PAGE_SHIFT) - offset_in_page(start) : 0;
	struct mm_struct *mm = current->mm;
	int locked = 1;
	long ret;

	to.bvecs = kvmalloc_array(GK_NR_BVECS, sizeof(*to.bvecs), GFP_KERNEL);
	if (!to.bvecs)
		return -ENOMEM;
	if (remote) {
		mmap_read_lock(mm);
		ret = pin_user_bvecs_remote(mm, start, len, flags, &to, &locked);
		if (locked)
			mmap_read_unlock(mm);
	} else {
		ret = pin_user_bvecs_fast(start, len, flags, &to);
	}
	if (ret > 0)
		ret = gk_pages_of(&to, pages);
	kvfree(to.bvecs);
	return ret;
}

long gk_pin_bvecs(unsigned long start, unsigned long nr, unsigned int flags,
		  struct page **pages)
{
	return gk_call_bvecs(start, nr, flags, pages, false);
}

static long gk_pin_bvecs_remote(unsigned long start, unsigned long nr,
				unsigned int flags, struct page **pages)
{
	return gk_call_bvecs(start, nr, flags, pages, true);
}

long gk_pin_lockless(unsigned long start, unsigned long nr, unsigned int flags,
		     struct page **pages)
{
	struct gup_req req;

	gk_req(&req, start, nr, flags | FOLL_PIN, pages);
	if (nr)
		gup_fast(&req);
	return req.sink.nr;
}

const struct gk_api gk_apis[GK_NR_APIS] = {
	{ "get_user_pages", gk_get_locked, FOLL_GET },
	{ "get_user_pages_remote", gk_get_remote, FOLL_GET },
	{ "get_user_pages_remote_unlocked", gk_get_remote_unlocked, FOLL_GET },
	{ "get_user_pages_unlocked", gk_get_unlocked, FOLL_GET },
	{ "get_user_pages_fast", gk_get_fast, FOLL_GET, true },
	{ "get_user_pages_fast_only", gk_get_fast_only, FOLL_GET, true, true },
	{ "pin_user_pages", gk_pin_locked, FOLL_PIN },
	{ "pin_user_pages_remote", gk_pin_remote, FOLL_PIN },
	{ "pin_user_pages_remote_unlocked", gk_pin_remote_unlocked, FOLL_PIN },
	{ "pin_user_pages_unlocked", gk_pin_unlocked, FOLL_PIN },
	{ "pin_user_pages_fast", gk_pin_fast, FOLL_PIN, true },
	{ "pin_user_bvecs_fast", gk_pin_bvecs, FOLL_PIN, true },
	{ "pin_user_bvecs_remote", gk_pin_bvecs_remote, FOLL_PIN },
	{ "pin without lock", gk_pin_lockless, FOLL_PIN, true, true },
};

/* Without a fast path the functions that have no other take nothing. */
static bool gk_any_api(const struct gk_api *api)
{
	return IS_ENABLED(CONFIG_HAVE_GUP_FAST) || !api->lockless;
}

static bool gk_slow_api(const struct gk_api *api)
{
	return !api->fast;
}

static bool gk_pin_api(const struct gk_api *api)
{
	return api->ref == FOLL_PIN && !api->lockless;
}

static const void *gk_next_api(const struct gk_api *prev, char *desc,
			       bool (*fits)(const struct gk_api *api))
{
	const struct gk_api *api = prev ? prev + 1 : gk_apis;

	while (api < gk_apis + GK_NR_APIS && !fits(api))
		api++;
	if (api == gk_apis + GK_NR_APIS)
		return NULL;
	strscpy(desc, api->name, KUNIT_PARAM_DESC_SIZE);
	return api;
}

const void *gk_api_gen_params(struct kunit *test, const void *prev, char *desc)
{
	return gk_next_api(prev, desc, gk_any_api);
}

const void *gk_slow_api_gen_params(struct kunit *test, const void *prev,
				   char *desc)
{
	return gk_next_api(prev, desc, gk_slow_api);
}

const void *gk_pin_api_gen_params(struct kunit *test, const void *prev,
				  char *desc)
{
	return gk_next_api(prev, desc, gk_pin_api);
}

void gk_release(const struct gk_api *api, struct page **pages, long nr)
{
	if (nr > 0)
		gup_release_range(pages, nr, api->ref);
}

/*
 * Mapping memory
 */

unsigned long gk_map_file(struct kunit *test, struct file *file,
			  unsigned long nr, unsigned long prot,
			  unsigned long flags)
{
	unsigned long addr = kunit_vm_mmap(test, file, 0, nr << PAGE_SHIFT,
					   prot, flags, 0);

	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	return addr;
}

/* Maps something else over what is mapped at @addr. */
void gk_map_over(struct kunit *test, unsigned long addr, struct file *file,
		 unsigned long nr, unsigned long prot, unsigned long flags)
{
	KUNIT_ASSERT_EQ(test, addr,
			kunit_vm_mmap(test, file, addr, nr << PAGE_SHIFT, prot,
				      flags | MAP_FIXED, 0));
}

unsigned long gk_map(struct kunit *test, unsigned long nr, unsigned long prot)
{
	return gk_map_file(test, NULL, nr, prot, MAP_PRIVATE | MAP_ANONYMOUS);
}

void gk_poke(struct kunit *test, unsigned long addr, unsigned long value)
{
	KUNIT_ASSERT_EQ(test, 0, put_user(value, (unsigned long __user *)addr));
}

unsigned long gk_peek(struct kunit *test, unsigned long addr)
{
	unsigned long value = 0;

	KUNIT_ASSERT_EQ(test, 0, get_user(value, (unsigned long __user *)addr));
	return value;
}

unsigned long gk_page_word(struct page *page)
{
	unsigned long *word = kmap_local_page(page), value = *word;

	kunmap_local(word);
	return value;
}

/* Each page holds its own address, plus one so that it is not a zero page. */
void gk_fill(struct kunit *test, unsigned long addr, unsigned long nr)
{
	for (; nr; nr--, addr += PAGE_SIZE)
		gk_poke(test, addr, addr + 1);
}

void gk_expect_filled(struct kunit *test, unsigned long addr, unsigned long nr)
{
	for (; nr; nr--, addr += PAGE_SIZE)
		KUNIT_EXPECT_EQ(test, gk_peek(test, addr), addr + 1);
}

unsigned long gk_map_filled(struct kunit *test, unsigned long nr)
{
	unsigned long addr = gk_map(test, nr, PROT_READ | PROT_WRITE);

	gk_fill(test, addr, nr);
	return addr;
}

unsigned long gk_map_zero(struct kunit *test, unsigned long nr)
{
	unsigned long addr = gk_map(test, nr, PROT_READ | PROT_WRITE);
	unsigned long i;

	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_EQ(test, 0, gk_peek(test, addr + i * PAGE_SIZE));
	KUNIT_ASSERT_TRUE(test, is_zero_page(gk_page_at(addr)));
	return addr;
}

#define GK_PMD_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define GK_BEHIND_THP	(64 * PAGE_SIZE)

/*
 * An aligned range where a THP fits, with nothing mapped in it yet, and a bit
 * more memory behind it, where none does.
 */
static unsigned long gk_map_thp_range(struct kunit *test)
{
	unsigned long addr, end;

	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		kunit_skip(test, "needs CONFIG_TRANSPARENT_HUGEPAGE");
	addr = gk_map(test, 3 << GK_PMD_ORDER, PROT_READ | PROT_WRITE);
	end = addr + 3 * PMD_SIZE;
	addr = ALIGN(addr, PMD_SIZE);
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr + PMD_SIZE + GK_BEHIND_THP,
					   end - addr - PMD_SIZE -
					   GK_BEHIND_THP));
	return addr;
}

unsigned long gk_map_thp(struct kunit *test)
{
	unsigned long addr = gk_map_thp_range(test);

	gk_fill(test, addr, PMD_SIZE >> PAGE_SHIFT);
	KUNIT_ASSERT_TRUE(test, pmd_trans_huge(*gk_pmdp(addr)));
	return addr;
}

unsigned long gk_map_thp_by_ptes(struct kunit *test)
{
	unsigned long addr = gk_map_thp(test);
	struct folio *folio = page_folio(gk_page_at(addr));
	struct vm_area_struct *vma;

	mmap_write_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	/* khugepaged would put another in its place. */
	vm_flags_mod(vma, VM_NOHUGEPAGE, VM_HUGEPAGE);
	split_huge_pmd(vma, gk_pmdp(addr), addr);
	mmap_write_unlock(current->mm);
	KUNIT_ASSERT_FALSE(test, pmd_leaf(*gk_pmdp(addr)));
	KUNIT_ASSERT_PTR_EQ(test, folio,
			    page_folio(gk_page_at(addr + PMD_SIZE - PAGE_SIZE)));
	return addr;
}

unsigned long gk_map_huge_zero(struct kunit *test)
{
	unsigned long addr = gk_map_thp_range(test);

	KUNIT_ASSERT_EQ(test, 0, gk_peek(test, addr));
	KUNIT_ASSERT_TRUE(test, is_huge_zero_pmd(*gk_pmdp(addr)));
	return addr;
}

#define GK_64K_ORDER	(ilog2(SZ_64K) - PAGE_SHIFT)

unsigned long gk_map_64k(struct kunit *test)
{
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	const unsigned long nr = 3UL << GK_64K_ORDER;
	unsigned long addr = gk_map(test, nr, PROT_READ | PROT_WRITE);
	unsigned long orders = huge_anon_orders_always;

	addr = ALIGN(addr, SZ_64K);
	WRITE_ONCE(huge_anon_orders_always, orders | BIT(GK_64K_ORDER));
	gk_fill(test, addr, 2UL << GK_64K_ORDER);
	WRITE_ONCE(huge_anon_orders_always, orders);
	KUNIT_ASSERT_EQ(test, GK_64K_ORDER,
			folio_order(page_folio(gk_page_at(addr))));
	return addr;
#else
	kunit_skip(test, "needs CONFIG_TRANSPARENT_HUGEPAGE");
#endif
}

static void gk_fput_action(void *file)
{
	__fput_sync(file);
}

void gk_fput(struct kunit *test, struct file *file)
{
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, gk_fput_action,
							   file));
}

struct file *gk_shmem_file(struct kunit *test, unsigned long nr)
{
	struct file *file = shmem_file_setup("gup_kunit", nr << PAGE_SHIFT,
					     EMPTY_VMA_FLAGS);

	gk_fput(test, file);
	return file;
}

static struct file *gk_hugetlb_file_of(struct kunit *test, unsigned long nr,
				       struct hstate *h)
{
	struct file *file;

	file = hugetlb_file_setup("gup_kunit", nr << huge_page_shift(h),
				  EMPTY_VMA_FLAGS, HUGETLB_ANONHUGE_INODE,
				  huge_page_shift(h));
	gk_fput(test, file);
	return file;
}

struct file *gk_hugetlb_file(struct kunit *test, unsigned long nr_huge)
{
#ifdef CONFIG_HUGETLB_PAGE
	/* No pool is needed: take them from the buddy allocator. */
	default_hstate.nr_overcommit_huge_pages = 16;
	return gk_hugetlb_file_of(test, nr_huge, &default_hstate);
#else
	kunit_skip(test, "needs CONFIG_HUGETLBFS");
#endif
}

static unsigned long gk_huge_pages_left(void)
{
#ifdef CONFIG_HUGETLB_PAGE
	return default_hstate.free_huge_pages - default_hstate.resv_huge_pages;
#else
	return 0;
#endif
}

/*
 * The same where it may stay: a memfd takes no other for memfd_pin_folios(). What
 * the pool has may be movable; reserved by another file it is left alone.
 */
struct file *gk_pinnable_hugetlb_file(struct kunit *test,
				      unsigned long nr_huge)
{
	unsigned int flags = memalloc_pin_save();
	unsigned long left = gk_huge_pages_left();
	struct file *file;

	if (left)
		gk_hugetlb_file(test, left);
	file = gk_hugetlb_file(test, nr_huge);
	memalloc_pin_restore(flags);
	return file;
}

unsigned long gk_map_hugetlb(struct kunit *test, unsigned long flags)
{
	struct file *file = gk_hugetlb_file(test, 1);
	unsigned long nr = huge_page_size(hstate_file(file)) >> PAGE_SHIFT;
	unsigned long addr = gk_map_file(test, file, nr,
					 PROT_READ | PROT_WRITE, flags);

	gk_fill(test, addr, nr);
	return addr;
}

static bool gk_has_free_huge_pages(struct hstate *h)
{
#ifdef CONFIG_HUGETLB_PAGE
	return h && h->free_huge_pages;
#else
	return false;
#endif
}

unsigned long gk_map_gigantic(struct kunit *test, unsigned long nr)
{
	struct hstate *h = size_to_hstate(PUD_SIZE);
	unsigned long addr;

	if (!gk_has_free_huge_pages(h))
		kunit_skip(test, "needs hugepagesz=1G hugepages=1 on the command line");
	addr = gk_map_file(test, gk_hugetlb_file_of(test, 1, h),
			   PUD_SIZE >> PAGE_SHIFT, PROT_READ | PROT_WRITE,
			   MAP_SHARED);
	gk_fill(test, addr, nr);
	return addr;
}

static unsigned long gk_kind_4k(struct kunit *test, const struct gk_kind *kind)
{
	return gk_map_filled(test, kind->nr);
}

static unsigned long gk_kind_64k(struct kunit *test, const struct gk_kind *kind)
{
	return gk_map_64k(test);
}

static unsigned long gk_kind_thp(struct kunit *test, const struct gk_kind *kind)
{
	return gk_map_thp(test);
}

static unsigned long gk_kind_thp_by_ptes(struct kunit *test,
					 const struct gk_kind *kind)
{
	return gk_map_thp_by_ptes(test);
}

static unsigned long gk_kind_shmem(struct kunit *test,
				   const struct gk_kind *kind)
{
	struct file *file = gk_shmem_file(test, kind->nr);
	unsigned long addr = gk_map_file(test, file, kind->nr,
					 PROT_READ | PROT_WRITE, MAP_SHARED);

	gk_fill(test, addr, kind->nr);
	return addr;
}

static unsigned long gk_kind_hugetlb(struct kunit *test,
				     const struct gk_kind *kind)
{
	return gk_map_hugetlb(test, MAP_SHARED);
}

static unsigned long gk_kind_hugetlb_private(struct kunit *test,
					     const struct gk_kind *kind)
{
	return gk_map_hugetlb(test, MAP_PRIVATE);
}

#ifdef GK_HUGETLB_BY_PTES
static unsigned long gk_kind_hugetlb_64k(struct kunit *test,
					 const struct gk_kind *kind)
{
	struct hstate *h = size_to_hstate(SZ_64K);
	unsigned long addr;

	if (!h)
		kunit_skip(test, "needs a CPU with Svnapot");
	h->nr_overcommit_huge_pages = 16;
	addr = gk_map_file(test, gk_hugetlb_file_of(test, 2, h), kind->nr,
			   PROT_READ | PROT_WRITE, MAP_SHARED);
	gk_fill(test, addr, kind->nr);
	return addr;
}
#endif

const struct gk_kind gk_kinds[GK_NR_KINDS] = {
	{ "4k", gk_kind_4k, 0, 32, true, true },
	{ "64k", gk_kind_64k, GK_64K_ORDER, 32, true, true },
	{ "thp", gk_kind_thp, GK_PMD_ORDER, 1 << GK_PMD_ORDER, true },
	{ "thp by ptes", gk_kind_thp_by_ptes, GK_PMD_ORDER, 1 << GK_PMD_ORDER,
	  true, true },
	{ "shmem", gk_kind_shmem, 0, 32, false, true },
	{ "hugetlb", gk_kind_hugetlb, GK_PMD_ORDER, 1 << GK_PMD_ORDER },
	{ "hugetlb private", gk_kind_hugetlb_private, GK_PMD_ORDER,
	  1 << GK_PMD_ORDER, true },
#ifdef GK_HUGETLB_BY_PTES
	{ "hugetlb 64k", gk_kind_hugetlb_64k, GK_64K_ORDER, 32 },
#endif
};

const void *gk_anon_kind_gen_params(struct kunit *test, const void *prev,
				    char *desc)
{
	const struct gk_kind *kind = prev ? (const struct gk_kind *)prev + 1 :
					    gk_kinds;

	while (kind < gk_kinds + GK_NR_KINDS && !kind->anon)
		kind++;
	if (kind == gk_kinds + GK_NR_KINDS)
		return NULL;
	strscpy(desc, kind->name, KUNIT_PARAM_DESC_SIZE);
	return kind;
}

static bool gk_any_kind(const struct gk_kind *kind)
{
	return true;
}

static bool gk_anon_kind(const struct gk_kind *kind)
{
	return kind->anon;
}

static bool gk_pte_kind(const struct gk_kind *kind)
{
	return kind->ptes;
}

static const void *gk_next_combo(const struct gk_combo *prev, char *desc,
				 bool (*api_fits)(const struct gk_api *api),
				 bool (*kind_fits)(const struct gk_kind *kind))
{
	static struct gk_combo combos[GK_NR_APIS * GK_NR_KINDS];
	unsigned int i = prev ? prev - combos + 1 : 0;
	struct gk_combo *combo;

	for (; i < ARRAY_SIZE(combos); i++) {
		combo = &combos[i];
		combo->api = &gk_apis[i / GK_NR_KINDS];
		combo->kind = &gk_kinds[i % GK_NR_KINDS];
		if (api_fits(combo->api) && kind_fits(combo->kind))
			break;
	}
	if (i == ARRAY_SIZE(combos))
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s", combo->api->name,
		 combo->kind->name);
	return combo;
}

const void *gk_combo_gen_params(struct kunit *test, const void *prev,
				char *desc)
{
	return gk_next_combo(prev, desc, gk_any_api, gk_any_kind);
}

const void *gk_anon_combo_gen_params(struct kunit *test, const void *prev,
				     char *desc)
{
	return gk_next_combo(prev, desc, gk_any_api, gk_anon_kind);
}

const void *gk_pin_combo_gen_params(struct kunit *test, const void *prev,
				    char *desc)
{
	return gk_next_combo(prev, desc, gk_pin_api, gk_any_kind);
}

const void *gk_anon_pin_combo_gen_params(struct kunit *test, const void *prev,
					 char *desc)
{
	return gk_next_combo(prev, desc, gk_pin_api, gk_anon_kind);
}

const void *gk_pte_combo_gen_params(struct kunit *test, const void *prev,
				    char *desc)
{
	return gk_next_combo(prev, desc, gk_any_api, gk_pte_kind);
}

/*
 * A device
 */

vm_fault_t gk_dev_fault_page(struct gk_dev *dev, struct vm_fault *vmf)
{
	struct page *page;

	if (vmf->pgoff >= GK_DEV_PAGES)
		return VM_FAULT_SIGBUS;
	page = dev->pages[vmf->pgoff];
	if (!page)
		return VM_FAULT_SIGBUS;
	get_page(page);
	vmf->page = page;
	return 0;
}

static vm_fault_t gk_dev_fault(struct vm_fault *vmf)
{
	struct gk_dev *dev = vmf->vma->vm_private_data;

	if (dev->calls < GK_DEV_CALLS) {
		dev->flags[dev->calls] = vmf->flags;
		dev->asked[dev->calls] = vmf->pgoff;
	}
	dev->calls++;
	if (dev->fault)
		return dev->fault(dev, vmf);
	return gk_dev_fault_page(dev, vmf);
}

static vm_fault_t gk_dev_page_mkwrite(struct vm_fault *vmf)
{
	lock_page(vmf->page);
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct gk_dev_ops = {
	.fault = gk_dev_fault,
};

static const struct vm_operations_struct gk_dev_mkwrite_ops = {
	.fault = gk_dev_fault,
	.page_mkwrite = gk_dev_page_mkwrite,
};

/* Without such an operation, a fault is not served before it has mmap_lock. */
static vm_fault_t gk_dev_map_pages(struct vm_fault *vmf, pgoff_t start, pgoff_t end)
{
	return 0;
}

static const struct vm_operations_struct gk_dev_map_pages_ops = {
	.fault = gk_dev_fault,
	.map_pages = gk_dev_map_pages,
};

static int gk_dev_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct gk_dev *dev = file->private_data;

	vma->vm_ops = &gk_dev_ops;
	if (dev->mkwrite)
		vma->vm_ops = &gk_dev_mkwrite_ops;
	if (dev->vma_locks)
		vma->vm_ops = &gk_dev_map_pages_ops;
	vma->vm_private_data = dev;
	vm_flags_set(vma, dev->vm_flags);
	dev->vma = vma;
	return 0;
}

static const struct file_operations gk_dev_fops = {
	.owner = THIS_MODULE,
	.mmap = gk_dev_mmap,
};

struct gk_dev *gk_dev(struct kunit *test)
{
	struct gk_dev *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	for (i = 0; i < GK_DEV_PAGES; i++)
		dev->pages[i] = gk_alloc_page(test, 0);
	return dev;
}

struct file *gk_dev_file(struct kunit *test, struct gk_dev *dev)
{
	struct file *file = anon_inode_getfile("gup_kunit", &gk_dev_fops, dev,
					       O_RDWR);

	gk_fput(test, file);
	return file;
}

unsigned long gk_map_dev(struct kunit *test, struct gk_dev *dev,
			 unsigned long prot, unsigned long flags)
{
	return gk_map_file(test, gk_dev_file(test, dev), GK_DEV_PAGES, prot,
			   flags);
}

/*
 * Eight pages, of which a long-term pin has to move all but two in the middle: these
 * are the first two of a device.
 */
unsigned long gk_map_movable_and_dev(struct kunit *test, struct gk_dev *dev)
{
	unsigned long addr = gk_map_filled(test, 8);

	gk_need_movable(test, addr);
	gk_map_over(test, addr + 4 * PAGE_SIZE, gk_dev_file(test, dev), 2,
		    PROT_READ | PROT_WRITE, MAP_SHARED);
	return addr;
}

/*
 * Page tables
 */

static pud_t *gk_pudp(unsigned long addr)
{
	pgd_t *pgdp = pgd_offset(current->mm, addr);
	p4d_t *p4dp;

	if (pgd_none(*pgdp))
		return NULL;
	p4dp = p4d_offset(pgdp, addr);
	return p4d_none(*p4dp) ? NULL : pud_offset(p4dp, addr);
}

pmd_t *gk_pmdp(unsigned long addr)
{
	pud_t *pudp = gk_pudp(addr);

	if (!pudp || pud_none(*pudp) || pud_leaf(*pudp))
		return NULL;
	return pmd_offset(pudp, addr);
}

pte_t *gk_ptep(struct kunit *test, unsigned long addr)
{
	pmd_t *pmdp = gk_pmdp(addr);

	KUNIT_ASSERT_NOT_NULL(test, pmdp);
	KUNIT_ASSERT_TRUE(test, pmd_present(*pmdp) && !pmd_leaf(*pmdp));
	return pte_offset_kernel(pmdp, addr);
}

/* The page an address maps, NULL if there is none. */
struct page *gk_page_at(unsigned long addr)
{
	pud_t *pudp = gk_pudp(addr);
	pmd_t *pmdp = gk_pmdp(addr);
	struct folio *folio;
	pte_t pte;

	if (pudp && pud_present(*pudp) && pud_leaf(*pudp))
		return pud_page(*pudp) + ((addr & ~PUD_MASK) >> PAGE_SHIFT);
	if (!pmdp || !pmd_present(*pmdp))
		return NULL;
	if (pmd_leaf(*pmdp))
		return pmd_page(*pmdp) + ((addr & ~PMD_MASK) >> PAGE_SHIFT);
	pte = ptep_get(pte_offset_kernel(pmdp, addr));
	if (!pte_present(pte))
		return NULL;
	folio = page_folio(pte_page(pte));
	/* Its entries may all be the same. */
	if (folio_test_hugetlb(folio))
		return folio_page(folio, (addr >> PAGE_SHIFT) %
					 folio_nr_pages(folio));
	return pte_page(pte);
}

pte_t gk_pte(struct kunit *test, unsigned long addr)
{
	return ptep_get(gk_ptep(test, addr));
}

void gk_set_pte(struct kunit *test, unsigned long addr, pte_t pte)
{
	spinlock_t *ptl;
	pte_t *ptep = get_locked_pte(current->mm, addr, &ptl);

	KUNIT_ASSERT_NOT_NULL(test, ptep);
	/* Some MMUs must not see one turn into another. */
	ptep_get_and_clear(current->mm, addr, ptep);
	flush_tlb_mm(current->mm);
	set_pte_at(current->mm, addr, ptep, pte);
	pte_unmap_unlock(ptep, ptl);
}

void gk_write_protect(struct kunit *test, unsigned long addr, unsigned long nr)
{
	for (; nr; nr--, addr += PAGE_SIZE)
		gk_set_pte(test, addr, pte_wrprotect(gk_pte(test, addr)));
}

void gk_vm_flags(unsigned long addr, vm_flags_t set, vm_flags_t clear)
{
	struct vm_area_struct *vma;

	mmap_write_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	vm_flags_clear(vma, clear);
	vm_flags_set(vma, set);
	mmap_write_unlock(current->mm);
}

static void gk_mmput(void *mm)
{
	mmput(mm);
}

/* A child's mm, as fork() makes it. Nobody runs on it. */
struct mm_struct *gk_fork(struct kunit *test)
{
	struct mm_struct *mm = mm_alloc();
	int error;

	KUNIT_ASSERT_NOT_NULL(test, mm);
	mm->task_size = TASK_SIZE;
	uprobe_start_dup_mmap();
	error = dup_mmap(mm, current->mm);
	uprobe_end_dup_mmap();
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, gk_mmput, mm));
	KUNIT_ASSERT_EQ(test, 0, error);
	return mm;
}

/*
 * References
 */

static long gk_folio_pins(struct folio *folio)
{
	return folio_has_pincount(folio) ? atomic_read(&folio->_pincount) : 0;
}

static void gk_read_refs(struct page *page, struct gk_refs *refs)
{
	refs->page = page;
	refs->refs = page ? folio_ref_count(page_folio(page)) : 0;
	refs->pins = page ? gk_folio_pins(page_folio(page)) : 0;
}

struct gk_refs *gk_refs_of(struct kunit *test, struct page **pages,
			   unsigned long nr)
{
	struct gk_refs *refs = kunit_kcalloc(test, nr, sizeof(*refs),
					     GFP_KERNEL);
	unsigned long i;

	KUNIT_ASSERT_NOT_NULL(test, refs);
	/* The batches of the LRU hold references. */
	lru_add_drain_all();
	for (i = 0; i < nr; i++)
		gk_read_refs(pages[i], &refs[i]);
	return refs;
}

/* The pages of a range, all faulted in, and their references. */
struct gk_refs *gk_refs(struct kunit *test, unsigned long addr,
			unsigned long nr)
{
	struct page **pages = gk_array(test, nr);
	unsigned long i;

	for (i = 0; i < nr; i++) {
		pages[i] = gk_page_at(addr + i * PAGE_SIZE);
		KUNIT_ASSERT_NOT_NULL(test, pages[i]);
	}
	return gk_refs_of(test, pages, nr);
}

static long gk_count_folio(const struct gk_refs *refs, unsigned long nr,
			   struct folio *folio)
{
	long count = 0;

	while (nr--)
		count += page_folio(refs[nr].page) == folio;
	return count;
}

/*
 * Of @nr pages the first @taken have to have one reference more than they had,
 * of the kind @ref: references of different pages of a folio add up.
 */
void gk_expect_refs(struct kunit *test, const struct gk_refs *refs,
		    unsigned long nr, unsigned long taken, unsigned int ref)
{
	unsigned long i;

	lru_add_drain_all();
	for (i = 0; i < nr; i++) {
		struct folio *folio = page_folio(refs[i].page);
		long count, pins = 0;
		struct gk_refs now;

		if (i && page_folio(refs[i - 1].page) == folio)
			continue;
		count = gk_count_folio(refs, taken, folio);
		if (ref == FOLL_PIN && is_zero_folio(folio))
			count = 0;
		if (ref == FOLL_PIN && folio_has_pincount(folio))
			pins = count;
		else if (ref == FOLL_PIN)
			count *= GUP_PIN_COUNTING_BIAS;
		gk_read_refs(refs[i].page, &now);
		KUNIT_EXPECT_EQ(test, now.refs, refs[i].refs + count);
		KUNIT_EXPECT_EQ(test, now.pins, refs[i].pins + pins);
	}
}

void gk_expect_taken(struct kunit *test, const struct gk_refs *refs,
		     struct page **pages, unsigned long nr, unsigned int ref)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_PTR_EQ(test, pages[i], refs[i].page);
	gk_expect_refs(test, refs, nr, nr, ref);
}

void gk_expect_released(struct kunit *test, const struct gk_refs *refs,
			unsigned long nr)
{
	gk_expect_refs(test, refs, nr, 0, FOLL_GET);
}

static bool gk_has_movable_zone(void)
{
	pg_data_t *node;

	for_each_online_pgdat(node) {
		if (populated_zone(&node->node_zones[ZONE_MOVABLE]))
			return true;
	}
	return false;
}

/* User memory has to be where it may not stay, or there is nothing to see. */
void gk_need_movable(struct kunit *test, unsigned long addr)
{
	struct folio *folio = page_folio(gk_page_at(addr));

	if (!folio_is_longterm_pinnable(folio))
		return;
	if (gk_has_movable_zone())
		kunit_skip(test, "found no free folio like this in ZONE_MOVABLE");
	kunit_skip(test, "needs movablecore= on the command line");
}

/*
 * Requests
 */

void gk_req(struct gup_req *req, unsigned long start, unsigned long nr,
	    unsigned int flags, struct page **pages)
{
	*req = gup_req_init(current->mm, start & PAGE_MASK, nr, pages, flags);
}

/* One step of the slow walk. */
enum gup_outcome gk_walk_slow(struct gup_req *req)
{
	enum gup_outcome outcome = GUP_ERROR;
	struct vm_area_struct *vma;

	mmap_read_lock(req->mm);
	vma = vma_lookup(req->mm, gup_addr(req));
	if (vma)
		outcome = gup_walk_slow(req, vma);
	mmap_read_unlock(req->mm);
	gup_stat_flush(&req->sink.acquired, NR_FOLL_PIN_ACQUIRED);
	return outcome;
}

/* One step of the lockless walk. */
bool gk_walk_fast(struct gup_req *req)
{
	bool more = false;
#ifdef CONFIG_HAVE_GUP_FAST
	const unsigned long mark = gup_sink_nr(&req->sink);
	unsigned long flags;

	local_irq_save(flags);
	more = gup_walk_fast(req, gup_end(req));
	local_irq_restore(flags);
	if (!more)
		gup_fast_give_back(req, mark);
	gup_stat_flush(&req->sink.acquired, NR_FOLL_PIN_ACQUIRED);
#endif
	return more;
}

/*
 * Warnings and signals
 */

/* What warns once may warn again: some architectures count suppressed warnings, too. */
void gk_forget_warnings(void)
{
	memset(__start_once, 0, __end_once - __start_once);
}

/* The thread will never return to user space, where it would be delivered. */
void gk_signal(int sig)
{
	sigaddset(&current->pending.signal, sig);
	set_tsk_thread_flag(current, TIF_SIGPENDING);
}

void gk_no_signal(void)
{
	sigemptyset(&current->pending.signal);
	clear_tsk_thread_flag(current, TIF_SIGPENDING);
}

/* Until somebody waits for mmap_lock. cond_resched() may be no barrier to the compiler. */
void gk_wait_contended(struct mm_struct *mm)
{
	while (!rwsem_is_contended(&mm->mmap_lock)) {
		cond_resched();
		cpu_relax();
	}
}

/* Is mmap_lock held? khugepaged and others hold it for a moment, which does not count. */
bool gk_stays_locked(struct mm_struct *mm)
{
	const unsigned long end = jiffies + HZ;

	while (rwsem_is_locked(&mm->mmap_lock)) {
		if (time_after(jiffies, end))
			return true;
		schedule_timeout_uninterruptible(1);
	}
	return false;
}

/*
 * Traps
 */

#ifdef CONFIG_HAVE_HW_BREAKPOINT
static void gk_trap_hit(struct perf_event *event, struct perf_sample_data *data,
			struct pt_regs *regs)
{
	struct gk_trap *trap = event->overflow_handler_context;

	if (current != trap->task)
		return;
	if (!trap->hits++)
		trap->hit(trap, regs);
}

static void gk_trap_remove(void *events)
{
	unregister_wide_hw_breakpoint((struct perf_event * __percpu *)events);
}

/* @trap->hit will be called after the first write to @word, an int. */
void gk_trap_set(struct kunit *test, struct gk_trap *trap, void *word)
{
	struct perf_event_attr attr;

	hw_breakpoint_init(&attr);
	attr.bp_addr = (unsigned long)word;
	attr.bp_len = HW_BREAKPOINT_LEN_4;
	attr.bp_type = HW_BREAKPOINT_W;
	trap->test = test;
	trap->task = current;
	trap->hits = 0;
	trap->events = register_wide_hw_breakpoint(&attr, gk_trap_hit, trap);
	KUNIT_ASSERT_FALSE(test, IS_ERR_PCPU(trap->events));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, gk_trap_remove,
						  (__force void *)trap->events));
}

void gk_trap_clear(struct gk_trap *trap)
{
	kunit_release_action(trap->test, gk_trap_remove,
			     (__force void *)trap->events);
}
#else
/* A test calls it before it holds anything. */
void gk_trap_set(struct kunit *test, struct gk_trap *trap, void *word)
{
	kunit_skip(test, "needs CONFIG_HAVE_HW_BREAKPOINT");
}

void gk_trap_clear(struct gk_trap *trap)
{
}
#endif	/* CONFIG_HAVE_HW_BREAKPOINT */

/* Of a write to the count of the folio that @addr maps. */
void gk_trap_folio(struct kunit *test, struct gk_trap *trap, unsigned long addr)
{
	struct folio *folio = page_folio(gk_page_at(addr));

	gk_trap_set(test, trap, &folio->_refcount);
}

void gk_hit_change(struct gk_trap *trap, struct pt_regs *regs)
{
	struct gk_change *change = trap->arg;

	change->was = READ_ONCE(*change->entry);
	WRITE_ONCE(*change->entry, change->now);
}

/* fork() begins, and ends again, while pins are being taken. */
void gk_hit_fork(struct gk_trap *trap, struct pt_regs *regs)
{
	struct mm_struct *mm = trap->arg;

	mm->write_protect_seq.sequence += 2;
}
