// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of get_user_pages(): memory of drivers, whose fault handlers do what
 * those of file systems do not.
 */
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/pagemap.h>

#include "gup_kunit.h"

/*
 * The zero page by an ordinary entry
 */

/* Pins all pages of the device again and again: that leaves no trace. */
static void gk_pin_zero_pages(struct kunit *test, const struct gk_api *api,
			      unsigned long addr, unsigned int flags)
{
	const int refs = page_ref_count(ZERO_PAGE(0));
	long acquired = gk_stat(NR_FOLL_PIN_ACQUIRED);
	long released = gk_stat(NR_FOLL_PIN_RELEASED);
	struct page **pages = gk_array(test, 64);
	unsigned int i;

	for (i = 0; i < 64; i += GK_DEV_PAGES)
		KUNIT_EXPECT_EQ(test, GK_DEV_PAGES,
				api->take(addr, GK_DEV_PAGES, flags, pages + i));
	KUNIT_EXPECT_PTR_EQ(test, pages[0], ZERO_PAGE(0));
	KUNIT_EXPECT_PTR_EQ(test, pages[63], ZERO_PAGE(0));
	KUNIT_EXPECT_EQ(test, page_ref_count(ZERO_PAGE(0)), refs);
	unpin_user_pages(pages, 64);
	KUNIT_EXPECT_EQ(test, page_ref_count(ZERO_PAGE(0)), refs);
	KUNIT_EXPECT_EQ(test, gk_stat(NR_FOLL_PIN_ACQUIRED) - acquired,
			gk_stat(NR_FOLL_PIN_RELEASED) - released);
}

static void gk_check_zero_page(struct kunit *test, const struct gk_api *api,
			       unsigned long addr)
{
	unsigned int i;

	for (i = 0; i < GK_DEV_PAGES; i++)
		KUNIT_EXPECT_EQ(test, 0, gk_peek(test, addr + i * PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, pte_special(gk_pte(test, addr)));
	gk_pin_zero_pages(test, api, addr, 0);
	gk_pin_zero_pages(test, api, addr, FOLL_LONGTERM);
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, GK_DEV_PAGES * PAGE_SIZE));
}

/* As drivers/infiniband/core/uverbs_main.c maps it after a device is gone. */
static void gup_driver_zero_page(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr;
	unsigned int i;

	for (i = 0; i < GK_DEV_PAGES; i++)
		dev->pages[i] = ZERO_PAGE(0);
	addr = gk_map_dev(test, dev, PROT_READ, MAP_SHARED);
	/* With CONFIG_DEBUG_VM the mapcount does not like it. */
	kunit_warning_suppress(test)
		gk_check_zero_page(test, test->param_value, addr);
}

/*
 * Who is told that it is not the first time
 */

/**
 * struct gk_drop - a fault that drops mmap_lock
 * @name: What it says.
 * @fault: Drops it.
 */
struct gk_drop {
	const char *name;
	vm_fault_t (*fault)(struct gk_dev *dev, struct vm_fault *vmf);
};

/* The functions that let a fault handler drop the lock. */
static bool gk_may_drop(const struct gk_api *api)
{
	return !api->lockless && api->take != gk_get_locked &&
	       api->take != gk_pin_locked;
}

static void gk_expect_asked(struct kunit *test, const struct gk_dev *dev,
			    unsigned int nr, const pgoff_t *asked,
			    const bool *tried)
{
	unsigned int i;

	KUNIT_ASSERT_EQ(test, dev->calls, nr);
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_EQ_MSG(test, dev->asked[i], asked[i], "call %u", i);
		KUNIT_EXPECT_EQ_MSG(test, !!(dev->flags[i] & FAULT_FLAG_TRIED),
				    tried[i], "call %u", i);
	}
}

/* Page 1 is not had at the first time. */
static vm_fault_t gk_fault_retries(struct gk_dev *dev, struct vm_fault *vmf)
{
	if (vmf->pgoff != 1 || dev->calls > 2)
		return gk_dev_fault_page(dev, vmf);
	release_fault_lock(vmf);
	return VM_FAULT_RETRY;
}

/* It is had, but lost again before the lock is back. */
static vm_fault_t gk_fault_completes(struct gk_dev *dev, struct vm_fault *vmf)
{
	vm_fault_t ret = gk_fault_retries(dev, vmf);

	if (ret != VM_FAULT_RETRY)
		return ret;
	return VM_FAULT_NOPAGE | VM_FAULT_COMPLETED;
}

static const struct gk_drop gk_drops[] = {
	{ "retry", gk_fault_retries },
	{ "completed", gk_fault_completes },
};

KUNIT_ARRAY_PARAM_DESC(gk_drops, gk_drops, name);

/* The page that was asked for in vain, and no other. */
static const pgoff_t gk_drop_asked[] = { 0, 1, 1, 2, 3 };
static const bool gk_drop_tried[] = { false, false, true, false, false };

static void gk_check_tried(struct kunit *test, const struct gk_api *api)
{
	const struct gk_drop *drop = test->param_value;
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr;
	struct page *pages[4];

	dev->fault = drop->fault;
	addr = gk_map_dev(test, dev, PROT_READ | PROT_WRITE, MAP_SHARED);
	KUNIT_ASSERT_EQ(test, 4, api->take(addr, 4, FOLL_WRITE, pages));
	gk_expect_asked(test, dev, 5, gk_drop_asked, gk_drop_tried);
	gk_release(api, pages, 4);
}

static void gup_driver_tried(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < GK_NR_APIS; i++) {
		if (gk_may_drop(&gk_apis[i]))
			gk_check_tried(test, &gk_apis[i]);
	}
}

static void gup_driver_tried_in_populate(struct kunit *test)
{
	const struct gk_drop *drop = test->param_value;
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr;
	int locked = 1;

	dev->fault = drop->fault;
	addr = gk_map_dev(test, dev, PROT_READ | PROT_WRITE, MAP_SHARED);
	mmap_read_lock(current->mm);
	KUNIT_EXPECT_EQ(test, 4, faultin_page_range(current->mm, addr,
						    addr + 4 * PAGE_SIZE, true,
						    &locked));
	if (locked)
		mmap_read_unlock(current->mm);
	gk_expect_asked(test, dev, 5, gk_drop_asked, gk_drop_tried);
}

/* By the time of page 1 the device has lost page 0, so it is asked for again. */
static vm_fault_t gk_fault_loses_page(struct gk_dev *dev, struct vm_fault *vmf)
{
	if (vmf->pgoff == 1)
		unmap_mapping_pages(vmf->vma->vm_file->f_mapping, 0, 1, false);
	return gk_dev_fault_page(dev, vmf);
}

static vm_fault_t gk_fault_retries_first(struct gk_dev *dev,
					 struct vm_fault *vmf)
{
	if (dev->calls > 1)
		return gk_fault_loses_page(dev, vmf);
	release_fault_lock(vmf);
	return VM_FAULT_RETRY;
}

static vm_fault_t gk_fault_completes_first(struct gk_dev *dev,
					   struct vm_fault *vmf)
{
	if (dev->calls > 1)
		return gk_fault_loses_page(dev, vmf);
	if (vm_insert_page(vmf->vma, vmf->address, dev->pages[0]))
		return VM_FAULT_SIGBUS;
	release_fault_lock(vmf);
	return VM_FAULT_NOPAGE | VM_FAULT_COMPLETED;
}

static void gk_check_restart(struct kunit *test, const struct gk_api *api,
			     struct gk_dev *dev)
{
	unsigned long addr = gk_map_movable_and_dev(test, dev);
	struct page *pages[8];

	KUNIT_ASSERT_EQ(test, 8, api->take(addr, 8, FOLL_LONGTERM, pages));
	unpin_user_pages(pages, 8);
}

static void gk_check_restart_after_retry(struct kunit *test,
					 const struct gk_api *api)
{
	static const pgoff_t asked[] = { 0, 0, 1, 0 };
	static const bool tried[] = { false, true, false, false };
	struct gk_dev *dev = gk_dev(test);

	dev->fault = gk_fault_retries_first;
	gk_check_restart(test, api, dev);
	gk_expect_asked(test, dev, 4, asked, tried);
}

static void gk_check_restart_after_completed(struct kunit *test,
					     const struct gk_api *api)
{
	static const pgoff_t asked[] = { 0, 1, 0 };
	static const bool tried[] = { false, false, false };
	struct gk_dev *dev = gk_dev(test);

	dev->fault = gk_fault_completes_first;
	/* For vm_insert_page() under the lock for reading. */
	dev->vm_flags = VM_MIXEDMAP;
	gk_check_restart(test, api, dev);
	gk_expect_asked(test, dev, 3, asked, tried);
}

/* Pages had to be moved, so all are pinned again, from the first one on. */
static void gup_driver_not_tried_after_restart(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < GK_NR_APIS; i++) {
		const struct gk_api *api = &gk_apis[i];

		if (api->ref != FOLL_PIN || !gk_may_drop(api))
			continue;
		gk_check_restart_after_retry(test, api);
		gk_check_restart_after_completed(test, api);
	}
}

static vm_fault_t gk_fault_is_interrupted(struct gk_dev *dev,
					  struct vm_fault *vmf)
{
	gk_signal(SIGUSR1);
	release_fault_lock(vmf);
	return VM_FAULT_RETRY;
}

/* A signal has ended the wait. What is in front of it is moved, and pinned again. */
static void gup_driver_interrupted(struct kunit *test)
{
	static const pgoff_t asked[] = { 0 };
	static const bool tried[] = { false };
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr = gk_map_movable_and_dev(test, dev);
	struct page *pages[8];
	long ret;

	dev->fault = gk_fault_is_interrupted;
	ret = gk_pin_unlocked(addr, 8, FOLL_LONGTERM | FOLL_INTERRUPTIBLE,
			      pages);
	gk_no_signal();
	KUNIT_ASSERT_EQ(test, ret, 4);
	unpin_user_pages(pages, 4);
	gk_expect_asked(test, dev, 1, asked, tried);
}

/* It has lost page 0 by the time of page 1, and then it would have to wait. */
static vm_fault_t gk_fault_gets_busy(struct gk_dev *dev, struct vm_fault *vmf)
{
	if (dev->calls > 2)
		return VM_FAULT_RETRY;
	return gk_fault_loses_page(dev, vmf);
}

/* That pages were to be pinned again is no error of the call. */
static void gup_driver_busy_after_restart(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr = gk_map_movable_and_dev(test, dev);
	struct page *pages[4];

	dev->fault = gk_fault_gets_busy;
	KUNIT_EXPECT_EQ(test, 0, gk_pin_locked(addr + 4 * PAGE_SIZE, 4,
					       FOLL_LONGTERM | FOLL_NOWAIT,
					       pages));
	KUNIT_EXPECT_EQ(test, dev->calls, 3);
}

static struct kunit_case gup_driver_cases[] = {
	KUNIT_CASE_PARAM(gup_driver_zero_page, gk_pin_api_gen_params),
	KUNIT_CASE_PARAM(gup_driver_tried, gk_drops_gen_params),
	KUNIT_CASE_PARAM(gup_driver_tried_in_populate, gk_drops_gen_params),
	KUNIT_CASE(gup_driver_not_tried_after_restart),
	KUNIT_CASE(gup_driver_interrupted),
	KUNIT_CASE(gup_driver_busy_after_restart),
	{}
};

static struct kunit_suite gup_driver_suite = {
	.name = "gup_driver",
	.init = gk_init,
	.exit = gk_exit,
	.test_cases = gup_driver_cases,
};

kunit_test_suite(gup_driver_suite);

MODULE_DESCRIPTION("KUnit tests of get_user_pages(): memory of drivers");
MODULE_LICENSE("GPL");
