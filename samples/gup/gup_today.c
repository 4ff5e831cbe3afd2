// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for this kernel: the examples of
 * Documentation/core-api/pin_user_pages.rst, which are included there, and a
 * device that lets a program use them.
 */
#include <linux/capability.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/sched/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/user_bvecs.h>

#include "gup_sample.h"

#define SAMPLE_MAX_LEN	SZ_64M

/* The device fills memory with this. */
#define SAMPLE_BYTE	GUP_SAMPLE_BYTE

/* Stands for a device: by its DMA addresses alone it could not be found. */
static int sample_start_and_wait(struct device *dev, struct sg_table *sgt)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_sg(sgt, sg, i) {
		struct sg_mapping_iter miter;

		sg_miter_start(&miter, sg, 1, SG_MITER_TO_SG);
		while (sg_miter_next(&miter))
			memset(miter.addr, SAMPLE_BYTE, miter.length);
		sg_miter_stop(&miter);
	}
	return 0;
}

/* Pin a whole range or nothing */

static int sample_pin_all(unsigned long start, int nr, unsigned int flags,
			  struct page **pages)
{
	int done = 0;

	while (done < nr) {
		int ret = pin_user_pages_fast(start + done * PAGE_SIZE,
					      nr - done, flags, pages + done);

		if (ret <= 0) {
			unpin_user_pages(pages, done);
			return ret ?: -EFAULT;
		}
		done += ret;
	}
	return 0;
}

/* One DMA transfer */

/* Pins a buffer as ranges. */
static int sample_pin_ranges(unsigned long addr, size_t len,
			     unsigned int flags, struct user_bvecs *to)
{
	while (len) {
		ssize_t ret = pin_user_bvecs_fast(addr, len, flags, to);

		if (ret <= 0) {
			unpin_user_bvecs(to->bvecs, to->nr, false);
			return ret ?: -EFAULT;
		}
		addr += ret;
		len -= ret;
	}
	return 0;
}

static int sample_make_table(struct sg_table *sgt, const struct user_bvecs *from)
{
	struct scatterlist *sg;
	int i, ret;

	ret = sg_alloc_table(sgt, from->nr, GFP_KERNEL);
	if (ret)
		return ret;
	for_each_sgtable_sg(sgt, sg, i)
		sg_set_page(sg, from->bvecs[i].bv_page, from->bvecs[i].bv_len,
			    from->bvecs[i].bv_offset);
	return 0;
}

/* Fills @len bytes of user memory at @addr from the device. */
static int sample_read(struct device *dev, unsigned long addr, size_t len)
{
	struct user_bvecs to = {
		.max = DIV_ROUND_UP(offset_in_page(addr) + len, PAGE_SIZE),
		/* A run is no longer than a segment of the device. */
		.max_bytes = dma_get_max_seg_size(dev) & PAGE_MASK,
	};
	struct sg_table sgt;
	bool written = false;
	int ret;

	/* 0 would be no limit. */
	if (!len || len > SAMPLE_MAX_LEN || !to.max_bytes)
		return -EINVAL;
	to.bvecs = kvmalloc_array(to.max, sizeof(*to.bvecs), GFP_KERNEL);
	if (!to.bvecs)
		return -ENOMEM;

	ret = sample_pin_ranges(addr, len, FOLL_WRITE, &to);
	if (ret)
		goto free_bvecs;
	ret = sample_make_table(&sgt, &to);
	if (ret)
		goto unpin;
	ret = dma_map_sgtable(dev, &sgt, DMA_FROM_DEVICE, 0);
	if (ret)
		goto free_table;

	ret = sample_start_and_wait(dev, &sgt);
	written = true;
	dma_unmap_sgtable(dev, &sgt, DMA_FROM_DEVICE, 0);
free_table:
	sg_free_table(&sgt);
unpin:
	unpin_user_bvecs(to.bvecs, to.nr, written);
free_bvecs:
	kvfree(to.bvecs);
	return ret;
}

/* Memory that stays registered */

struct sample_region {
	struct mm_struct *mm;
	struct page **pages;
	unsigned long nr;
};

static int sample_register(struct sample_region *region, unsigned long start,
			   int nr)
{
	int ret;

	if (nr <= 0)
		return -EINVAL;
	ret = account_locked_vm(current->mm, nr, true);
	if (ret)
		return ret;

	region->pages = kvmalloc_array(nr, sizeof(*region->pages),
				       GFP_KERNEL_ACCOUNT);
	if (!region->pages) {
		ret = -ENOMEM;
		goto uncharge;
	}
	ret = sample_pin_all(start, nr, FOLL_WRITE | FOLL_LONGTERM,
			     region->pages);
	if (ret)
		goto free_pages;

	region->nr = nr;
	region->mm = current->mm;
	mmgrab(region->mm);
	return 0;
free_pages:
	kvfree(region->pages);
uncharge:
	account_locked_vm(current->mm, nr, false);
	return ret;
}

/* The device has stopped using the memory. Any process may call this. */
static void sample_unregister(struct sample_region *region)
{
	unpin_user_pages_dirty_lock(region->pages, region->nr, true);
	account_locked_vm(region->mm, region->nr, false);
	mmdrop(region->mm);
	kvfree(region->pages);
}

/* With an MMU notifier */

struct sample_mirror {
	struct mmu_interval_notifier notifier;
	struct mutex lock;	/* guards the entry */
	struct page *entry;
};

/* The only entry of the device's page table. */
static void sample_set_device_entry(struct sample_mirror *mirror,
				    unsigned long addr, struct page *page)
{
	mirror->entry = page;
}

static bool sample_invalidate(struct mmu_interval_notifier *notifier,
			      const struct mmu_notifier_range *range,
			      unsigned long seq)
{
	struct sample_mirror *mirror = container_of(notifier,
						    struct sample_mirror,
						    notifier);

	if (mmu_notifier_range_blockable(range))
		mutex_lock(&mirror->lock);
	else if (!mutex_trylock(&mirror->lock))
		return false;
	mmu_interval_set_seq(notifier, seq);
	mirror->entry = NULL;
	mutex_unlock(&mirror->lock);
	return true;
}

static const struct mmu_interval_notifier_ops sample_notifier_ops = {
	.invalidate = sample_invalidate,
};

/* @mirror->lock is also taken by the notifier's invalidate(). */
static int sample_map_page(struct sample_mirror *mirror, unsigned long addr)
{
	struct page *page;
	unsigned long seq;
	int ret;

again:
	seq = mmu_interval_read_begin(&mirror->notifier);
	ret = get_user_pages_fast(addr, 1, FOLL_WRITE, &page);
	if (ret != 1)
		return ret ?: -EFAULT;

	mutex_lock(&mirror->lock);
	if (mmu_interval_read_retry(&mirror->notifier, seq)) {
		mutex_unlock(&mirror->lock);
		put_page(page);
		goto again;
	}
	sample_set_device_entry(mirror, addr, page);
	mutex_unlock(&mirror->lock);
	/* From here on the notifier protects the device's access. */
	put_page(page);
	return 0;
}

/* Only struct page */

/* The node that the page at @addr of this process is on. */
static int sample_node_of(unsigned long addr)
{
	struct page *page;
	int nid, ret;

	ret = get_user_pages_fast(addr, 1, 0, &page);
	if (ret != 1)
		return ret ?: -EFAULT;
	nid = page_to_nid(page);
	put_page(page);
	return nid;
}

/* Another process */

/* The caller holds a reference from get_task_mm() or the like. */
static int sample_peek(struct mm_struct *mm, unsigned long addr, char *byte)
{
	struct page *page;
	int locked = 1;
	long ret;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	ret = pin_user_pages_remote(mm, addr, 1, 0, &page, &locked);
	if (locked)
		mmap_read_unlock(mm);
	if (ret != 1)
		return ret ?: -EFAULT;

	memcpy_from_page(byte, page, offset_in_page(addr), 1);
	unpin_user_page(page);
	return 0;
}

/* The device */

static struct platform_device *sample_device;

/* Nobody tells of changes any more, so the device must not use the page. */
static void sample_unmirror(struct sample_mirror *mirror)
{
	mmu_interval_notifier_remove(&mirror->notifier);
	mirror->notifier.mm = NULL;
	mutex_lock(&mirror->lock);
	mirror->entry = NULL;
	mutex_unlock(&mirror->lock);
}

/**
 * struct sample_file - an open file
 * @lock: Guards the rest.
 * @region: Memory that is registered, if it has pages.
 * @mirror: A page that is mirrored, if it has an mm.
 */
struct sample_file {
	/* guards the rest */
	struct mutex lock;
	struct sample_region region;
	struct sample_mirror mirror;
};

static int sample_open(struct inode *inode, struct file *filp)
{
	struct sample_file *file = kzalloc_obj(*file);

	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	mutex_init(&file->mirror.lock);
	filp->private_data = file;
	return 0;
}

static void sample_release_all(struct sample_file *file)
{
	if (file->region.pages)
		sample_unregister(&file->region);
	file->region.pages = NULL;
	if (file->mirror.notifier.mm)
		sample_unmirror(&file->mirror);
}

static int sample_close(struct inode *inode, struct file *filp)
{
	struct sample_file *file = filp->private_data;

	sample_release_all(file);
	kfree(file);
	return 0;
}

static int sample_register_range(struct sample_file *file,
				 const struct gup_sample_range *range)
{
	unsigned long offset = offset_in_page(range->addr);
	int ret;

	if (file->region.pages)
		return -EBUSY;
	if (!range->size || range->size > SAMPLE_MAX_LEN)
		return -EINVAL;
	ret = sample_register(&file->region, range->addr - offset,
			      DIV_ROUND_UP(offset + range->size, PAGE_SIZE));
	if (ret)
		file->region.pages = NULL;
	return ret;
}

static int sample_mirror_page(struct sample_file *file,
			      const struct gup_sample_range *range)
{
	unsigned long start = range->addr & PAGE_MASK;
	int ret;

	if (file->mirror.notifier.mm)
		return -EBUSY;
	ret = mmu_interval_notifier_insert(&file->mirror.notifier, current->mm,
					   start, PAGE_SIZE,
					   &sample_notifier_ops);
	if (ret) {
		file->mirror.notifier.mm = NULL;
		return ret;
	}
	ret = sample_map_page(&file->mirror, start);
	if (ret)
		sample_unmirror(&file->mirror);
	return ret;
}

/* Does the device still have the page? 1 if so. */
static int sample_is_mirrored(struct sample_file *file)
{
	guard(mutex)(&file->mirror.lock);
	return file->mirror.entry ? 1 : 0;
}

static int sample_peek_at(const struct gup_sample_range *range)
{
	struct task_struct *task = gup_sample_find_task(range->pid);
	struct mm_struct *mm;
	char byte;
	int ret;

	if (!task)
		return -ESRCH;
	mm = get_task_mm(task);
	put_task_struct(task);
	if (!mm)
		return -ESRCH;
	ret = sample_peek(mm, range->addr, &byte);
	mmput(mm);
	return ret ?: (u8)byte;
}

static long sample_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct sample_file *file = filp->private_data;
	struct gup_sample_range range = {};

	if (_IOC_DIR(cmd) == _IOC_WRITE &&
	    copy_from_user(&range, (void __user *)arg, sizeof(range)))
		return -EFAULT;

	guard(mutex)(&file->lock);
	switch (cmd) {
	case GUP_SAMPLE_FILL:
		return sample_read(&sample_device->dev, range.addr, range.size);
	case GUP_SAMPLE_REGISTER:
		return sample_register_range(file, &range);
	case GUP_SAMPLE_MIRROR:
		return sample_mirror_page(file, &range);
	case GUP_SAMPLE_IS_MIRRORED:
		return sample_is_mirrored(file);
	case GUP_SAMPLE_NODE:
		return sample_node_of(range.addr);
	case GUP_SAMPLE_PEEK:
		if (!capable(CAP_SYS_PTRACE))
			return -EPERM;
		return sample_peek_at(&range);
	case GUP_SAMPLE_RELEASE:
		sample_release_all(file);
		return 0;
	}
	return -ENOTTY;
}

static const struct file_operations sample_fops = {
	.owner = THIS_MODULE,
	.open = sample_open,
	.release = sample_close,
	.unlocked_ioctl = sample_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice sample_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "gup_today",
	.fops = &sample_fops,
	.mode = 0600,
};

static int __init sample_init(void)
{
	int ret;

	sample_device = platform_device_register_simple("gup_today", -1, NULL,
							0);
	if (IS_ERR(sample_device))
		return PTR_ERR(sample_device);
	ret = dma_set_mask_and_coherent(&sample_device->dev, DMA_BIT_MASK(64));
	if (!ret)
		ret = misc_register(&sample_misc);
	if (ret)
		platform_device_unregister(sample_device);
	return ret;
}
module_init(sample_init);

static void __exit sample_exit(void)
{
	misc_deregister(&sample_misc);
	platform_device_unregister(sample_device);
}
module_exit(sample_exit);

MODULE_DESCRIPTION("Sample of pin_user_pages() and get_user_pages()");
MODULE_LICENSE("GPL");
