// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the get_user_pages() samples share: everything but how pages are taken
 * and released.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "gup_sample.h"

/* Nobody needs more for a demonstration. */
#define GUP_SAMPLE_MAX_PAGES	(SZ_64M >> PAGE_SHIFT)

static int gup_sample_open(struct inode *inode, struct file *file)
{
	struct gup_sample *sample = container_of(file->private_data,
						 struct gup_sample, misc);
	struct gup_sample_buf *buf;

	if (!try_module_get(sample->owner))
		return -ENODEV;
	buf = kzalloc_obj(*buf);
	if (!buf) {
		module_put(sample->owner);
		return -ENOMEM;
	}
	mutex_init(&buf->lock);
	buf->sample = sample;
	file->private_data = buf;
	return 0;
}

static void gup_sample_forget(struct gup_sample_buf *buf)
{
	kvfree(buf->pages);
	buf->pages = NULL;
}

static void gup_sample_put(struct gup_sample_buf *buf)
{
	if (!buf->pages)
		return;
	buf->sample->put(buf, buf->nr_pages);
	gup_sample_forget(buf);
}

static int gup_sample_close(struct inode *inode, struct file *file)
{
	struct gup_sample_buf *buf = file->private_data;

	gup_sample_put(buf);
	module_put(buf->sample->owner);
	mutex_destroy(&buf->lock);
	kfree(buf);
	return 0;
}

/*
 * Taking pages
 */

static int gup_sample_set_range(struct gup_sample_buf *buf,
				const struct gup_sample_range *range)
{
	if (range->how >= GUP_SAMPLE_NR || range->reserved || !range->size)
		return -EINVAL;
	if (range->flags & ~(GUP_SAMPLE_WRITE | GUP_SAMPLE_FORCE))
		return -EINVAL;
	if (range->size > GUP_SAMPLE_MAX_PAGES << PAGE_SHIFT)
		return -E2BIG;
	if (!buf->sample->take[range->how])
		return -EOPNOTSUPP;
	if (range->pid && !(buf->sample->remote & BIT(range->how)))
		return -EOPNOTSUPP;

	buf->start = range->addr & PAGE_MASK;
	buf->offset = offset_in_page(range->addr);
	buf->size = range->size;
	buf->nr_pages = DIV_ROUND_UP(buf->offset + buf->size, PAGE_SIZE);
	buf->write = range->flags & GUP_SAMPLE_WRITE;
	buf->force = range->flags & GUP_SAMPLE_FORCE;
	buf->how = range->how;
	return 0;
}

/**
 * gup_sample_find_task() - get a process
 * @nr: Its pid, 0 for the calling one.
 *
 * Return: The process, to be released by put_task_struct(), or NULL.
 */
struct task_struct *gup_sample_find_task(pid_t nr)
{
	struct task_struct *task;
	struct pid *pid;

	if (!nr)
		return get_task_struct(current);
	pid = find_get_pid(nr);
	task = get_pid_task(pid, PIDTYPE_PID);
	put_pid(pid);
	return task;
}
EXPORT_SYMBOL_GPL(gup_sample_find_task);

static int gup_sample_take_pages(struct gup_sample_buf *buf)
{
	long nr;

	buf->pages = kvcalloc(buf->nr_pages, sizeof(*buf->pages), GFP_KERNEL);
	if (!buf->pages)
		return -ENOMEM;
	nr = buf->sample->take[buf->how](buf);
	if (nr == buf->nr_pages)
		return 0;
	if (nr > 0)
		buf->sample->put(buf, nr);
	gup_sample_forget(buf);
	return nr < 0 ? nr : -EFAULT;
}

static int gup_sample_take_from(struct gup_sample_buf *buf,
				struct task_struct *task)
{
	int ret;

	if (task != current && !capable(CAP_SYS_PTRACE))
		return -EPERM;
	buf->tsk = task;
	buf->mm = get_task_mm(task);
	if (!buf->mm)
		return -ESRCH;
	ret = gup_sample_take_pages(buf);
	mmput(buf->mm);
	return ret;
}

static int gup_sample_take(struct gup_sample_buf *buf,
			   const struct gup_sample_range __user *arg)
{
	struct gup_sample_range range;
	struct task_struct *task;
	int ret;

	if (buf->pages)
		return -EBUSY;
	if (copy_from_user(&range, arg, sizeof(range)))
		return -EFAULT;
	ret = gup_sample_set_range(buf, &range);
	if (ret)
		return ret;
	task = gup_sample_find_task(range.pid);
	if (!task)
		return -ESRCH;
	ret = gup_sample_take_from(buf, task);
	put_task_struct(task);
	return ret;
}

static long gup_sample_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg)
{
	struct gup_sample_buf *buf = file->private_data;

	guard(mutex)(&buf->lock);
	switch (cmd) {
	case GUP_SAMPLE_TAKE:
		return gup_sample_take(buf, (void __user *)arg);
	case GUP_SAMPLE_RELEASE:
		if (!buf->pages)
			return -EINVAL;
		gup_sample_put(buf);
		return 0;
	}
	return -ENOTTY;
}

/*
 * Using them, as a device would
 */

static size_t gup_sample_copy_page(struct page *page, size_t offset,
				   char __user *user, size_t len, bool write)
{
	char *mem = kmap_local_page(page);
	size_t left;

	if (write)
		left = copy_from_user(mem + offset, user, len);
	else
		left = copy_to_user(user, mem + offset, len);
	kunmap_local(mem);
	return len - left;
}

static ssize_t gup_sample_copy(struct gup_sample_buf *buf, char __user *user,
			       size_t len, loff_t *pos, bool write)
{
	size_t done = 0;

	guard(mutex)(&buf->lock);
	if (!buf->pages)
		return -EINVAL;
	if (write && !buf->write)
		return -EPERM;
	if (*pos < 0 || *pos >= buf->size)
		return 0;

	len = min_t(u64, len, buf->size - *pos);
	while (done < len) {
		size_t at = buf->offset + *pos + done;
		size_t part = min(len - done, PAGE_SIZE - offset_in_page(at));
		size_t copied;

		copied = gup_sample_copy_page(buf->pages[at >> PAGE_SHIFT],
					      offset_in_page(at), user + done,
					      part, write);
		done += copied;
		if (copied < part)
			break;
	}
	*pos += done;
	return done ?: -EFAULT;
}

static ssize_t gup_sample_read(struct file *file, char __user *user,
			       size_t len, loff_t *pos)
{
	return gup_sample_copy(file->private_data, user, len, pos, false);
}

static ssize_t gup_sample_write(struct file *file, const char __user *user,
				size_t len, loff_t *pos)
{
	return gup_sample_copy(file->private_data, (char __user *)user, len,
			       pos, true);
}

static const struct file_operations gup_sample_fops = {
	.owner = THIS_MODULE,
	.open = gup_sample_open,
	.release = gup_sample_close,
	.unlocked_ioctl = gup_sample_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.read = gup_sample_read,
	.write = gup_sample_write,
	.llseek = default_llseek,
};

/**
 * __gup_sample_register() - make the device of a driver
 * @sample: The driver.
 * @owner: Its module.
 *
 * Return: 0 or a negative errno.
 */
int __gup_sample_register(struct gup_sample *sample, struct module *owner)
{
	sample->owner = owner;
	sample->misc.minor = MISC_DYNAMIC_MINOR;
	sample->misc.name = sample->name;
	sample->misc.fops = &gup_sample_fops;
	sample->misc.mode = 0600;
	return misc_register(&sample->misc);
}
EXPORT_SYMBOL_GPL(__gup_sample_register);

/**
 * gup_sample_unregister() - remove the device of a driver
 * @sample: The driver.
 */
void gup_sample_unregister(struct gup_sample *sample)
{
	misc_deregister(&sample->misc);
}
EXPORT_SYMBOL_GPL(gup_sample_unregister);

MODULE_DESCRIPTION("What the get_user_pages() samples share");
MODULE_LICENSE("GPL");
