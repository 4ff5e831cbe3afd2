// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faulting user memory in by touching it: for code that is about to access it
 * with page faults disabled. No references, no page tables.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

/*
 * Calls @touch for each page of a range, with the first address in it. Returns
 * the number of bytes from the first page on that could not be touched.
 */
static __always_inline size_t gup_touch_range(unsigned long addr, size_t size,
					      bool (*touch)(unsigned long addr))
{
	while (size) {
		size_t step = min_t(size_t, size,
				    PAGE_SIZE - offset_in_page(addr));

		if (!touch(addr))
			break;
		size -= step;
		addr += step;
		/* Nothing lies above the top of the address space. */
		if (!addr)
			break;
	}
	return size;
}

static bool gup_touch_read(unsigned long addr)
{
	char __maybe_unused unused;

	return !get_user(unused, (const char __user *)addr);
}

static bool gup_touch_write(unsigned long addr)
{
	return !put_user(0, (char __user *)addr);
}

static bool gup_touch_fixup(unsigned long addr)
{
	bool unlocked = false;

	return !fixup_user_fault(current->mm, addr, FAULT_FLAG_WRITE,
				 &unlocked);
}

/**
 * fault_in_readable() - fault user memory in for reading
 * @uaddr: First user address.
 * @size: Number of bytes.
 *
 * Context: May sleep.
 * Return: Number of bytes, at the end of the range, NOT faulted in.
 */
size_t fault_in_readable(const char __user *uaddr, size_t size)
{
	return gup_touch_range((unsigned long)uaddr, size, gup_touch_read);
}
EXPORT_SYMBOL(fault_in_readable);

/**
 * fault_in_writeable() - fault user memory in for writing, overwriting some
 * @uaddr: First user address.
 * @size: Number of bytes.
 *
 * The first byte of the range in each page is set to 0: for callers that are
 * about to overwrite all of it.
 *
 * Context: May sleep.
 * Return: Number of bytes, at the end of the range, NOT faulted in.
 */
size_t fault_in_writeable(char __user *uaddr, size_t size)
{
	return gup_touch_range((unsigned long)uaddr, size, gup_touch_write);
}
EXPORT_SYMBOL(fault_in_writeable);

/**
 * fault_in_subpage_writeable() - fault_in_writeable() with subpage permissions
 * @uaddr: First user address.
 * @size: Number of bytes.
 *
 * Where the hardware denies access to parts of a page (memory tags), these are
 * looked for as well.
 *
 * Context: May sleep.
 * Return: Number of bytes, at the end of the range, NOT faulted in or not
 * accessible.
 */
size_t fault_in_subpage_writeable(char __user *uaddr, size_t size)
{
	size_t writeable = size - fault_in_writeable(uaddr, size);

	if (writeable)
		writeable -= probe_subpage_writeable(uaddr, writeable);
	return size - writeable;
}
EXPORT_SYMBOL(fault_in_subpage_writeable);

/**
 * fault_in_safe_writeable() - fault user memory in for writing, unchanged
 * @uaddr: First user address.
 * @size: Number of bytes.
 *
 * Unlike fault_in_writeable() this leaves the contents alone. It breaks COW, and
 * checks protection keys, but not the memory tags of the calling thread's access.
 *
 * Context: mmap_lock not held. May sleep.
 * Return: Number of bytes, at the end of the range, NOT faulted in.
 */
size_t fault_in_safe_writeable(const char __user *uaddr, size_t size)
{
	struct mm_struct *mm = current->mm;
	size_t left;

	/* Without an MMU nothing ever has to be faulted in. */
	if (!size || !IS_ENABLED(CONFIG_MMU))
		return 0;
	mmap_read_lock(mm);
	left = gup_touch_range((unsigned long)uaddr, size, gup_touch_fixup);
	mmap_read_unlock(mm);
	return left;
}
EXPORT_SYMBOL(fault_in_safe_writeable);
