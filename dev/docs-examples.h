/* SPDX-License-Identifier: GPL-2.0 */
/* What the examples in our documentation take for granted, so that dev/docs can compile them. */
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#define SAMPLE_MAX_LEN	SZ_1M

struct sample_mirror {
	struct mmu_interval_notifier notifier;
	struct mutex lock;	/* taken by invalidate() as well */
};

int sample_start_and_wait(struct device *dev, struct sg_table *sgt);
void sample_set_device_entry(struct sample_mirror *mirror, unsigned long addr,
			     struct page *page);
