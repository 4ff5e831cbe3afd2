// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of get_user_pages(): memory that is faulted in but not
 * referenced, and core dumps.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/pagemap.h>
#include <linux/swap.h>
#include <linux/uaccess.h>

#include "gup_kunit.h"

static bool gk_mapped(unsigned long addr)
{
	return gk_page_at(addr);
}

/*
 * populate_vma_page_range()
 */

static long gk_populate_vma(unsigned long addr, unsigned long nr, int *locked)
{
	long ret;

	mmap_read_lock(current->mm);
	ret = populate_vma_page_range(vma_lookup(current->mm, addr), addr,
				      addr + nr * PAGE_SIZE, locked);
	if (!locked || *locked)
		mmap_read_unlock(current->mm);
	return ret;
}

static void gup_populate_private_writable(struct kunit *test)
{
	unsigned long addr = gk_map(test, 4, PROT_READ | PROT_WRITE);
	struct gk_refs *refs;
	int locked = 1;

	KUNIT_EXPECT_EQ(test, gk_populate_vma(addr, 4, &locked), 4);
	KUNIT_EXPECT_EQ(test, locked, 1);
	/* It would be copied at the first write anyway. */
	KUNIT_EXPECT_TRUE(test, pte_write(gk_pte(test, addr)));
	KUNIT_EXPECT_TRUE(test, pte_write(gk_pte(test, addr + 3 * PAGE_SIZE)));
	refs = gk_refs(test, addr, 4);
	KUNIT_EXPECT_EQ(test, refs[0].refs, 1);
	KUNIT_EXPECT_EQ(test, refs[3].refs, 1);
}

static void gup_populate_breaks_cow(struct kunit *test)
{
	unsigned long addr = gk_map_zero(test, 1);

	KUNIT_EXPECT_EQ(test, gk_populate_vma(addr, 1, NULL), 1);
	KUNIT_EXPECT_FALSE(test, is_zero_page(gk_page_at(addr)));
}

static void gup_populate_readonly(struct kunit *test)
{
	unsigned long addr = gk_map(test, 2, PROT_READ);

	KUNIT_EXPECT_EQ(test, gk_populate_vma(addr, 2, NULL), 2);
	KUNIT_EXPECT_TRUE(test, is_zero_page(gk_page_at(addr)));
}

/* It would become dirty for nothing. */
static void gup_populate_shared_writable(struct kunit *test)
{
	unsigned long addr;

	addr = gk_map_file(test, gk_shmem_file(test, 2), 2,
			   PROT_READ | PROT_WRITE, MAP_SHARED);
	KUNIT_EXPECT_EQ(test, gk_populate_vma(addr, 2, NULL), 2);
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr + PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, pte_dirty(gk_pte(test, addr)));
}

static void gk_make_untouched(struct folio *folio)
{
	lru_add_drain_all();
	folio_clear_referenced(folio);
	folio_clear_active(folio);
}

/* What is mapped already has been used now. */
static void gup_populate_touches(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	struct folio *folio = page_folio(gk_page_at(addr));
	int locked = 1;

	gk_make_untouched(folio);
	KUNIT_EXPECT_EQ(test, gk_populate_vma(addr, 1, NULL), 1);
	KUNIT_EXPECT_TRUE(test, folio_test_referenced(folio));
	gk_make_untouched(folio);
	mmap_read_lock(current->mm);
	KUNIT_EXPECT_EQ(test, 1, faultin_page_range(current->mm, addr,
						    addr + PAGE_SIZE, true,
						    &locked));
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_TRUE(test, folio_test_referenced(folio));
}

/* Not readable, but accessible: mlock() has to succeed. */
static void gup_populate_write_only(struct kunit *test)
{
	unsigned long addr;

	addr = gk_map_file(test, gk_shmem_file(test, 2), 2, PROT_WRITE,
			   MAP_SHARED);
	gk_vm_flags(addr, 0, VM_READ);
	KUNIT_EXPECT_EQ(test, gk_populate_vma(addr, 2, NULL), 2);
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr));
}

static void gup_populate_inaccessible(struct kunit *test)
{
	unsigned long addr = gk_map(test, 2, PROT_NONE);

	KUNIT_EXPECT_EQ(test, gk_populate_vma(addr, 2, NULL), -EFAULT);
}

static void gup_populate_locked_on_fault(struct kunit *test)
{
	unsigned long addr = gk_map(test, 3, PROT_READ | PROT_WRITE);

	gk_vm_flags(addr, VM_LOCKONFAULT, 0);
	KUNIT_EXPECT_EQ(test, gk_populate_vma(addr, 3, NULL), 3);
	KUNIT_EXPECT_FALSE(test, gk_mapped(addr));
	gk_vm_flags(addr, 0, VM_LOCKONFAULT);
}

static vm_fault_t gk_fault_drops_lock(struct gk_dev *dev, struct vm_fault *vmf)
{
	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY) ||
	    (vmf->flags & FAULT_FLAG_TRIED))
		return gk_dev_fault_page(dev, vmf);
	release_fault_lock(vmf);
	return VM_FAULT_RETRY;
}

static void gup_populate_drops_lock(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr = gk_map_dev(test, dev, PROT_READ, MAP_SHARED);
	int locked = 1;

	dev->fault = gk_fault_drops_lock;
	/* What the VMA said may not hold any more: that is the caller's to see. */
	KUNIT_EXPECT_EQ(test, gk_populate_vma(addr, 3, &locked), 0);
	KUNIT_EXPECT_EQ(test, locked, 0);
	KUNIT_EXPECT_EQ(test, dev->calls, 1);
	/* Only who can be told that the lock was dropped may lose it. */
	dev->calls = 0;
	KUNIT_EXPECT_EQ(test, gk_populate_vma(addr + 3 * PAGE_SIZE, 3, NULL),
			3);
	KUNIT_EXPECT_EQ(test, dev->calls, 3);
}

/*
 * faultin_page_range(); its errors are with those of the VMAs and of faults
 */

static void gk_check_faultin(struct kunit *test, bool write)
{
	unsigned long addr = gk_map(test, 4, PROT_READ | PROT_WRITE);
	int locked = 1;

	mmap_read_lock(current->mm);
	KUNIT_EXPECT_EQ(test, 4, faultin_page_range(current->mm, addr,
						    addr + 4 * PAGE_SIZE, write,
						    &locked));
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_EQ(test, locked, 1);
	KUNIT_EXPECT_EQ(test, is_zero_page(gk_page_at(addr + PAGE_SIZE)),
			!write);
	KUNIT_EXPECT_EQ(test, !!pte_write(gk_pte(test, addr)), write);
	/* Reclaim sees it, which it did not in the batch of this CPU. */
	if (write)
		KUNIT_EXPECT_TRUE(test, folio_test_lru(page_folio(gk_page_at(addr))));
}

static void gup_populate_faultin_for_reading(struct kunit *test)
{
	gk_check_faultin(test, false);
}

static void gup_populate_faultin_for_writing(struct kunit *test)
{
	gk_check_faultin(test, true);
}

/*
 * __mm_populate()
 */

/* Seven pages: two of memory, a gap, one of a device, two of memory, a gap. */
static unsigned long gk_map_patchwork(struct kunit *test, vm_flags_t flag)
{
	unsigned long addr = gk_map(test, 7, PROT_READ | PROT_WRITE);

	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr + 2 * PAGE_SIZE, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, 0, do_madvise(current->mm, addr + 3 * PAGE_SIZE,
					    PAGE_SIZE, MADV_DONTFORK));
	gk_vm_flags(addr + 3 * PAGE_SIZE, flag, 0);
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr + 6 * PAGE_SIZE, PAGE_SIZE));
	return addr;
}

static void gk_check_patchwork(struct kunit *test, vm_flags_t flag)
{
	unsigned long addr = gk_map_patchwork(test, flag);

	KUNIT_EXPECT_EQ(test, 0, __mm_populate(addr, 7 * PAGE_SIZE, 0));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr + PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, gk_mapped(addr + 3 * PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr + 4 * PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr + 5 * PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, gk_stays_locked(current->mm));
	gk_vm_flags(addr + 3 * PAGE_SIZE, 0, flag);
}

static void gup_populate_mm_skips_gaps(struct kunit *test)
{
	gk_check_patchwork(test, VM_PFNMAP);
	gk_check_patchwork(test, VM_IO);
}

/* Ordinary memory on both sides of it. */
static void gup_populate_mm_skips_one_gap(struct kunit *test)
{
	unsigned long addr = gk_map(test, 3, PROT_READ | PROT_WRITE);

	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr + PAGE_SIZE, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, __mm_populate(addr, 3 * PAGE_SIZE, 0));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr + 2 * PAGE_SIZE));
}

static void gup_populate_mm_locked_on_fault(struct kunit *test)
{
	unsigned long addr = gk_map(test, 2, PROT_READ | PROT_WRITE);

	gk_vm_flags(addr, VM_LOCKONFAULT, 0);
	KUNIT_EXPECT_EQ(test, 0, __mm_populate(addr, 2 * PAGE_SIZE, 0));
	gk_vm_flags(addr, 0, VM_LOCKONFAULT);
	KUNIT_EXPECT_FALSE(test, gk_mapped(addr));
	KUNIT_EXPECT_FALSE(test, gk_mapped(addr + PAGE_SIZE));
}

static void gup_populate_mm_shared_writable(struct kunit *test)
{
	unsigned long addr;

	addr = gk_map_file(test, gk_shmem_file(test, 2), 2,
			   PROT_READ | PROT_WRITE, MAP_SHARED);
	KUNIT_EXPECT_EQ(test, 0, __mm_populate(addr, 2 * PAGE_SIZE, 0));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr + PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, pte_dirty(gk_pte(test, addr)));
}

static void gup_populate_mm_stays_in_range(struct kunit *test)
{
	unsigned long addr = gk_map(test, 5, PROT_READ | PROT_WRITE);

	KUNIT_EXPECT_EQ(test, 0, __mm_populate(addr + PAGE_SIZE, 2 * PAGE_SIZE,
					       0));
	KUNIT_EXPECT_FALSE(test, gk_mapped(addr));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr + PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr + 2 * PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, gk_mapped(addr + 3 * PAGE_SIZE));
}

static void gup_populate_mm_errors(struct kunit *test)
{
	unsigned long addr = gk_map(test, 3, PROT_READ | PROT_WRITE);

	gk_map_over(test, addr + PAGE_SIZE, NULL, 1, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS);
	KUNIT_EXPECT_EQ(test, -EFAULT, __mm_populate(addr, 3 * PAGE_SIZE, 0));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr));
	KUNIT_EXPECT_FALSE(test, gk_mapped(addr + 2 * PAGE_SIZE));
	/* Told to go on, it goes on with the next VMA. */
	KUNIT_EXPECT_EQ(test, 0, __mm_populate(addr, 3 * PAGE_SIZE, 1));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr + 2 * PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, gk_stays_locked(current->mm));
}

/* The lock is lost at each page, and the work goes on behind it. */
static void gup_populate_mm_without_lock(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr = gk_map_dev(test, dev, PROT_READ, MAP_SHARED);

	dev->fault = gk_fault_drops_lock;
	KUNIT_EXPECT_EQ(test, 0, __mm_populate(addr, 4 * PAGE_SIZE, 0));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr + 3 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, dev->calls, 8);
	KUNIT_EXPECT_FALSE(test, gk_stays_locked(current->mm));
}

static vm_fault_t gk_fault_has_waited(struct gk_dev *dev, struct vm_fault *vmf)
{
	vm_fault_t fault = gk_fault_drops_lock(dev, vmf);

	return fault & VM_FAULT_RETRY ? fault | VM_FAULT_MAJOR : fault;
}

/* A fault that has waited under the lock of the VMA does not wait again under mmap_lock. */
static void gup_populate_mm_waits_once(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr;

	dev->vma_locks = true;
	dev->fault = gk_fault_has_waited;
	addr = gk_map_dev(test, dev, PROT_READ, MAP_SHARED);
	KUNIT_EXPECT_EQ(test, 0, __mm_populate(addr, PAGE_SIZE, 0));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr));
	KUNIT_EXPECT_EQ(test, dev->calls, 2);
	KUNIT_EXPECT_EQ(test, !!(dev->flags[0] & FAULT_FLAG_VMA_LOCK),
			IS_ENABLED(CONFIG_PER_VMA_LOCK));
	KUNIT_EXPECT_FALSE(test, dev->flags[1] & FAULT_FLAG_VMA_LOCK);
}

/* Who changes a VMA, until somebody waits for mmap_lock. */
struct gk_writer {
	struct mm_struct *mm;
	unsigned long addr;
	struct completion locked;
};

static int gk_change_vma(void *data)
{
	struct gk_writer *writer = data;

	mmap_write_lock(writer->mm);
	vma_start_write(vma_lookup(writer->mm, writer->addr));
	complete(&writer->locked);
	gk_wait_contended(writer->mm);
	mmap_write_unlock(writer->mm);
	return 0;
}

/* __mm_populate() that does not get the lock of the first VMA. */
static void gk_populate_changing(struct kunit *test, unsigned long addr,
				 unsigned long nr, int ignore_errors)
{
	struct gk_writer writer = { .mm = current->mm, .addr = addr };
	struct task_struct *task;

	init_completion(&writer.locked);
	task = kthread_run(gk_change_vma, &writer, "gup_kunit_writer");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	get_task_struct(task);
	wait_for_completion(&writer.locked);
	KUNIT_EXPECT_EQ(test, 0, __mm_populate(addr, nr * PAGE_SIZE,
					       ignore_errors));
	kthread_stop_put(task);
}

static void gup_populate_mm_skips_changing(struct kunit *test)
{
	unsigned long addr = gk_map(test, 2, PROT_READ | PROT_WRITE);

	gk_vm_flags(addr, VM_IO, 0);
	gk_populate_changing(test, addr, 1, 0);
	gk_vm_flags(addr, 0, VM_IO);
	KUNIT_EXPECT_FALSE(test, gk_mapped(addr));
}

static void gup_populate_mm_errors_changing(struct kunit *test)
{
	unsigned long addr = gk_map(test, 3, PROT_READ | PROT_WRITE);

	gk_map_over(test, addr + PAGE_SIZE, NULL, 1, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS);
	gk_populate_changing(test, addr + PAGE_SIZE, 2, 1);
	/* It has gone on behind the one with the error. */
	KUNIT_EXPECT_FALSE(test, gk_mapped(addr));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr + 2 * PAGE_SIZE));
}

/*
 * fault_in_*()
 */

struct gk_fault_in {
	const char *name;
	size_t (*fault_in)(char __user *uaddr, size_t size);
	bool writes;	/* makes pages writable */
	bool spoils;	/* overwrites the first byte of each page */
};

static size_t gk_fault_in_readable(char __user *uaddr, size_t size)
{
	return fault_in_readable(uaddr, size);
}

static size_t gk_fault_in_safe_writeable(char __user *uaddr, size_t size)
{
	return fault_in_safe_writeable(uaddr, size);
}

static const struct gk_fault_in gk_fault_ins[] = {
	{ "readable", gk_fault_in_readable },
	{ "writeable", fault_in_writeable, true, true },
	{ "subpage_writeable", fault_in_subpage_writeable, true, true },
	{ "safe_writeable", gk_fault_in_safe_writeable, true },
};

KUNIT_ARRAY_PARAM_DESC(gk_fault_ins, gk_fault_ins, name);

static size_t gk_fault_in(struct kunit *test, unsigned long addr, size_t size)
{
	const struct gk_fault_in *how = test->param_value;

	return how->fault_in((char __user *)addr, size);
}

static void gup_populate_fault_in(struct kunit *test)
{
	const struct gk_fault_in *how = test->param_value;
	unsigned long addr = gk_map(test, 4, PROT_READ | PROT_WRITE);

	/* From the last byte of one page to the first one of another. */
	KUNIT_EXPECT_EQ(test, 0, gk_fault_in(test, addr + PAGE_SIZE - 1,
					     PAGE_SIZE + 2));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr + PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr + 2 * PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, gk_mapped(addr + 3 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, !!pte_write(gk_pte(test, addr)), how->writes);
}

static void gup_populate_fault_in_nothing(struct kunit *test)
{
	unsigned long addr = gk_map(test, 1, PROT_READ | PROT_WRITE);

	KUNIT_EXPECT_EQ(test, 0, gk_fault_in(test, addr, 0));
	KUNIT_EXPECT_EQ(test, 0, gk_fault_in(test, 0, 0));
	KUNIT_EXPECT_FALSE(test, gk_mapped(addr));
}

static void gup_populate_fault_in_part(struct kunit *test)
{
	unsigned long addr = gk_map(test, 4, PROT_READ | PROT_WRITE);

	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr + 2 * PAGE_SIZE, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 2 * PAGE_SIZE,
			gk_fault_in(test, addr, 4 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 7, gk_fault_in(test, addr + 2 * PAGE_SIZE - 9,
					     16));
	KUNIT_EXPECT_EQ(test, 16, gk_fault_in(test, addr + 2 * PAGE_SIZE, 16));
	KUNIT_EXPECT_FALSE(test, gk_mapped(addr + 3 * PAGE_SIZE));
}

static void gup_populate_fault_in_readonly(struct kunit *test)
{
	const struct gk_fault_in *how = test->param_value;
	unsigned long addr = gk_map(test, 1, PROT_READ);

	KUNIT_EXPECT_EQ(test, gk_fault_in(test, addr, 100),
			how->writes ? 100 : 0);
}

static void gup_populate_fault_in_contents(struct kunit *test)
{
	const struct gk_fault_in *how = test->param_value;
	unsigned long addr = gk_map(test, 1, PROT_READ | PROT_WRITE);

	u8 bytes[4] = {}, want[4] = { 0xff, how->spoils ? 0 : 0xff, 0xff, 0xff };

	gk_poke(test, addr, ~0UL);
	KUNIT_EXPECT_EQ(test, 0, gk_fault_in(test, addr + 1, 2));
	/* Nothing in front of the range, and in it the first byte. */
	KUNIT_ASSERT_EQ(test, 0, copy_from_user(bytes, (void __user *)addr,
						sizeof(bytes)));
	KUNIT_EXPECT_MEMEQ(test, bytes, want, sizeof(want));
}

/* Kernel addresses, and the end of them all. */
static void gup_populate_fault_in_kernel_memory(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 100, gk_fault_in(test, PAGE_OFFSET, 100));
	KUNIT_EXPECT_EQ(test, 2 * PAGE_SIZE,
			gk_fault_in(test, -PAGE_SIZE, 2 * PAGE_SIZE));
}

/* A fault that has to wait is given the chance to do so without the lock. */
static void gup_populate_safe_writeable_drops_lock(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr = gk_map_dev(test, dev, PROT_READ | PROT_WRITE,
					MAP_SHARED);

	dev->fault = gk_fault_drops_lock;
	KUNIT_EXPECT_EQ(test, 0, fault_in_safe_writeable((char __user *)addr,
							 1));
	KUNIT_EXPECT_EQ(test, dev->calls, 2);
	KUNIT_EXPECT_TRUE(test, gk_mapped(addr));
	KUNIT_EXPECT_FALSE(test, gk_stays_locked(current->mm));
}

static void gup_populate_safe_writeable_breaks_cow(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 2);
	struct page *shared = gk_page_at(addr);

	gk_fork(test);
	KUNIT_EXPECT_EQ(test, 0, fault_in_safe_writeable((char __user *)addr,
							 2 * PAGE_SIZE));
	KUNIT_EXPECT_PTR_NE(test, gk_page_at(addr), shared);
	gk_expect_filled(test, addr, 2);
	KUNIT_EXPECT_FALSE(test, gk_stays_locked(current->mm));
}

/*
 * get_dump_page()
 */

#ifdef CONFIG_ELF_CORE
static struct page *gk_dump(unsigned long addr)
{
	int locked = 0;
	struct page *page = get_dump_page(addr, &locked);

	return locked ? NULL : page;
}

static void gup_populate_dump(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 2);
	struct gk_refs *refs = gk_refs(test, addr, 2);
	struct page *page;

	page = gk_dump(addr + PAGE_SIZE);
	KUNIT_EXPECT_PTR_EQ(test, page, refs[1].page);
	gk_expect_refs(test, refs + 1, 1, 1, FOLL_GET);
	put_page(page);
	/* Its protection does not matter. */
	gk_vm_flags(addr, 0, VM_READ | VM_WRITE);
	page = gk_dump(addr);
	KUNIT_EXPECT_PTR_EQ(test, page, refs[0].page);
	put_page(page);
	gk_expect_released(test, refs, 2);
}

static void gup_populate_dump_of_nothing(struct kunit *test)
{
	unsigned long hole = gk_map(test, 1, PROT_READ | PROT_WRITE);
	unsigned long gone = gk_map(test, 1, PROT_READ | PROT_WRITE);
	unsigned long device = gk_map_filled(test, 1);

	KUNIT_EXPECT_NULL(test, gk_dump(hole));
	KUNIT_EXPECT_FALSE(test, gk_mapped(hole));
	KUNIT_EXPECT_NULL(test, gk_dump(gk_map_zero(test, 1)));
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(gone, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, gk_dump(gone));
	gk_vm_flags(device, VM_IO, 0);
	KUNIT_EXPECT_NULL(test, gk_dump(device));
	gk_vm_flags(device, 0, VM_IO);
}

static void gup_populate_dump_of_huge_zero_folio(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, gk_dump(gk_map_huge_zero(test) + PAGE_SIZE));
}

/* A page of a file that is not mapped yet may hold something. */
static void gup_populate_dump_faults_file_in(struct kunit *test)
{
	struct file *file = gk_shmem_file(test, 2);
	unsigned long shared = gk_map_file(test, file, 2,
					   PROT_READ | PROT_WRITE, MAP_SHARED);
	unsigned long addr = gk_map_file(test, file, 2, PROT_READ, MAP_PRIVATE);
	struct page *page;

	gk_fill(test, shared, 2);
	page = gk_dump(addr + PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_PTR_EQ(test, page, gk_page_at(shared + PAGE_SIZE));
	put_page(page);
}

static void gup_populate_dump_keeps_lock(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	struct page *page;
	int locked = 1;

	mmap_read_lock(current->mm);
	page = get_dump_page(addr, &locked);
	KUNIT_EXPECT_EQ(test, locked, 1);
	KUNIT_EXPECT_NULL(test, get_dump_page(0, &locked));
	KUNIT_EXPECT_EQ(test, locked, 1);
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_PTR_EQ(test, page, gk_page_at(addr));
	put_page(page);
	locked = 0;
	KUNIT_EXPECT_NULL(test, get_dump_page(0, &locked));
	KUNIT_EXPECT_EQ(test, locked, 0);
	KUNIT_EXPECT_FALSE(test, gk_stays_locked(current->mm));
}

static int gk_write_lock(void *data)
{
	struct mm_struct *mm = data;

	mmap_write_lock(mm);
	mmap_write_unlock(mm);
	return 0;
}

/* Whoever takes a lock again that he holds waits for the writer that waits for him. */
static void gup_populate_dump_while_writer_waits(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	struct task_struct *task;
	struct page *page;
	int locked = 1;

	mmap_read_lock(current->mm);
	task = kthread_run(gk_write_lock, current->mm, "gup_kunit_writer");
	if (!IS_ERR(task)) {
		get_task_struct(task);
		gk_wait_contended(current->mm);
	}
	page = get_dump_page(addr, &locked);
	/* Here the lock of a VMA would not do. */
	KUNIT_EXPECT_NULL(test, get_dump_page(0, &locked));
	mmap_read_unlock(current->mm);
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	kthread_stop_put(task);
	KUNIT_EXPECT_PTR_EQ(test, page, gk_page_at(addr));
	put_page(page);
}
#else
static void gup_populate_dump(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_ELF_CORE");
}

#define gup_populate_dump_of_nothing		gup_populate_dump
#define gup_populate_dump_of_huge_zero_folio	gup_populate_dump
#define gup_populate_dump_faults_file_in	gup_populate_dump
#define gup_populate_dump_keeps_lock		gup_populate_dump
#define gup_populate_dump_while_writer_waits	gup_populate_dump
#endif	/* CONFIG_ELF_CORE */

static struct kunit_case gup_populate_cases[] = {
	KUNIT_CASE(gup_populate_private_writable),
	KUNIT_CASE(gup_populate_breaks_cow),
	KUNIT_CASE(gup_populate_readonly),
	KUNIT_CASE(gup_populate_shared_writable),
	KUNIT_CASE(gup_populate_touches),
	KUNIT_CASE(gup_populate_write_only),
	KUNIT_CASE(gup_populate_inaccessible),
	KUNIT_CASE(gup_populate_locked_on_fault),
	KUNIT_CASE(gup_populate_drops_lock),
	KUNIT_CASE(gup_populate_faultin_for_reading),
	KUNIT_CASE(gup_populate_faultin_for_writing),
	KUNIT_CASE(gup_populate_mm_skips_gaps),
	KUNIT_CASE(gup_populate_mm_skips_one_gap),
	KUNIT_CASE(gup_populate_mm_locked_on_fault),
	KUNIT_CASE(gup_populate_mm_shared_writable),
	KUNIT_CASE(gup_populate_mm_stays_in_range),
	KUNIT_CASE(gup_populate_mm_errors),
	KUNIT_CASE(gup_populate_mm_without_lock),
	KUNIT_CASE(gup_populate_mm_waits_once),
	KUNIT_CASE(gup_populate_mm_skips_changing),
	KUNIT_CASE(gup_populate_mm_errors_changing),
	KUNIT_CASE_PARAM(gup_populate_fault_in, gk_fault_ins_gen_params),
	KUNIT_CASE_PARAM(gup_populate_fault_in_nothing,
			 gk_fault_ins_gen_params),
	KUNIT_CASE_PARAM(gup_populate_fault_in_part, gk_fault_ins_gen_params),
	KUNIT_CASE_PARAM(gup_populate_fault_in_readonly,
			 gk_fault_ins_gen_params),
	KUNIT_CASE_PARAM(gup_populate_fault_in_contents,
			 gk_fault_ins_gen_params),
	KUNIT_CASE_PARAM(gup_populate_fault_in_kernel_memory,
			 gk_fault_ins_gen_params),
	KUNIT_CASE(gup_populate_safe_writeable_drops_lock),
	KUNIT_CASE(gup_populate_safe_writeable_breaks_cow),
	KUNIT_CASE(gup_populate_dump),
	KUNIT_CASE(gup_populate_dump_of_nothing),
	KUNIT_CASE(gup_populate_dump_of_huge_zero_folio),
	KUNIT_CASE(gup_populate_dump_faults_file_in),
	KUNIT_CASE(gup_populate_dump_keeps_lock),
	KUNIT_CASE(gup_populate_dump_while_writer_waits),
	{}
};

static struct kunit_suite gup_populate_suite = {
	.name = "gup_populate",
	.init = gk_init,
	.exit = gk_exit,
	.test_cases = gup_populate_cases,
};

kunit_test_suite(gup_populate_suite);

MODULE_DESCRIPTION("KUnit tests of get_user_pages(): populating memory");
MODULE_LICENSE("GPL");
