// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of get_user_pages(): which VMAs are accepted, and the gate area.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kmsg_dump.h>
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/mmu_context.h>
#include <linux/ratelimit.h>

#include <asm/syscall.h>
#include <asm/unistd.h>
#ifdef CONFIG_X86_64
#include <asm/pkru.h>
#include <asm/vsyscall.h>
#endif

#include "gup_kunit.h"

/*
 * Protections, as mmap() sets them. Nothing is faulted in, so that it is the
 * VMA that decides; the lockless functions find nothing at all.
 */
struct gk_prot {
	const char *name;
	unsigned long prot;
	unsigned int flags;
	bool shared;
	long want;
};

static const struct gk_prot gk_prots[] = {
	{ "read of r", PROT_READ, 0, false, 1 },
	{ "read of rw", PROT_READ | PROT_WRITE, 0, false, 1 },
	{ "write to rw", PROT_READ | PROT_WRITE, FOLL_WRITE, false, 1 },
	{ "write to r", PROT_READ, FOLL_WRITE, false, -EFAULT },
	{ "write to w", PROT_WRITE, FOLL_WRITE, false, 1 },
	{ "read of w", PROT_WRITE, 0, false, -EFAULT },
	{ "read of none", PROT_NONE, 0, false, -EFAULT },
	{ "write to none", PROT_NONE, FOLL_WRITE, false, -EFAULT },
	{ "forced read of none", PROT_NONE, FOLL_FORCE, false, 1 },
	{ "forced read of w", PROT_WRITE, FOLL_FORCE, false, 1 },
	{ "forced write to r", PROT_READ, FOLL_FORCE | FOLL_WRITE, false, 1 },
	{ "forced write to none", PROT_NONE, FOLL_FORCE | FOLL_WRITE, false,
	  1 },
	{ "shared, write to rw", PROT_READ | PROT_WRITE, FOLL_WRITE, true, 1 },
	{ "shared, write to r", PROT_READ, FOLL_WRITE, true, -EFAULT },
	{ "shared, forced write to r", PROT_READ, FOLL_FORCE | FOLL_WRITE, true,
	  -EFAULT },
	{ "shared, forced write to none", PROT_NONE, FOLL_FORCE | FOLL_WRITE,
	  true, -EFAULT },
	{ "shared, forced read of none", PROT_NONE, FOLL_FORCE, true, 1 },
};

KUNIT_ARRAY_PARAM_DESC(gk_prots, gk_prots, name);

static unsigned long gk_map_prot(struct kunit *test, const struct gk_prot *prot)
{
	if (prot->shared)
		return gk_map_file(test, gk_shmem_file(test, 2), 2, prot->prot,
				   MAP_SHARED);
	return gk_map(test, 2, prot->prot);
}

/* RISC-V lets read what may be written to. */
static long gk_prot_want(const struct gk_prot *prot)
{
	if (!(prot->flags & FOLL_WRITE) &&
	    (calc_vm_prot_bits(prot->prot, 0) & VM_READ))
		return 1;
	return prot->want;
}

static void gup_vma_protection(struct kunit *test)
{
	const struct gk_prot *prot = test->param_value;
	const long want = gk_prot_want(prot);
	unsigned int i;

	for (i = 0; i < GK_NR_APIS; i++) {
		const struct gk_api *api = &gk_apis[i];
		unsigned long addr = gk_map_prot(test, prot);
		struct page *pages[1];
		long ret = api->take(addr, 1, prot->flags, pages);

		KUNIT_EXPECT_EQ_MSG(test, ret, api->lockless ? 0 : want,
				    "%s", api->name);
		gk_release(api, pages, ret);
	}
}

/* In the middle of a range it ends the prefix. */
static void gup_vma_refused_in_the_middle(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 4);
	struct page *pages[4];

	gk_vm_flags(addr + 2 * PAGE_SIZE, 0, 0);
	gk_map_over(test, addr + 2 * PAGE_SIZE, NULL, 2, PROT_READ,
		    MAP_PRIVATE | MAP_ANONYMOUS);
	KUNIT_EXPECT_EQ(test, api->take(addr, 4, FOLL_WRITE, pages), 2);
	gk_release(api, pages, 2);
	KUNIT_EXPECT_EQ(test, api->take(addr + 2 * PAGE_SIZE, 2, FOLL_WRITE,
					pages), api->lockless ? 0 : -EFAULT);
}

/*
 * Kinds of VMAs, by their flags. All is faulted in for writing before, so that
 * nothing but the flags is in the way.
 */
struct gk_vma_rule {
	const char *name;
	unsigned long (*map)(struct kunit *test);
	vm_flags_t set;
	vm_flags_t clear;
	unsigned int flags;
	long want;
};

static unsigned long gk_rule_anon(struct kunit *test)
{
	return gk_map_filled(test, 1);
}

static unsigned long gk_rule_shmem(struct kunit *test)
{
	unsigned long addr = gk_map_file(test, gk_shmem_file(test, 1), 1,
					 PROT_READ | PROT_WRITE, MAP_SHARED);

	gk_fill(test, addr, 1);
	return addr;
}

static unsigned long gk_rule_hugetlb(struct kunit *test)
{
	return gk_map_hugetlb(test, MAP_SHARED);
}

static unsigned long gk_map_dirty_tracked(struct kunit *test,
					  unsigned long flags)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr;

	dev->mkwrite = true;
	addr = gk_map_dev(test, dev, PROT_READ | PROT_WRITE, flags);
	gk_poke(test, addr, 1);
	return addr;
}

static unsigned long gk_rule_tracked(struct kunit *test)
{
	return gk_map_dirty_tracked(test, MAP_SHARED);
}

static unsigned long gk_rule_tracked_private(struct kunit *test)
{
	return gk_map_dirty_tracked(test, MAP_PRIVATE);
}

static unsigned long gk_rule_fsdax(struct kunit *test)
{
	struct file *file = gk_shmem_file(test, 1);
	unsigned long addr = gk_map_file(test, file, 1, PROT_READ | PROT_WRITE,
					 MAP_SHARED);

	gk_fill(test, addr, 1);
	if (!IS_ENABLED(CONFIG_FS_DAX))
		kunit_skip(test, "needs CONFIG_FS_DAX");
	file_inode(file)->i_flags |= S_DAX;
	return addr;
}

unsigned long gk_map_secretmem(struct kunit *test)
{
#if defined(CONFIG_64BIT) && defined(CONFIG_SECRETMEM) && \
	defined(CONFIG_ARCH_HAS_SYSCALL_WRAPPER)
	long (*memfd_secret)(const struct pt_regs *regs) =
		(void *)sys_call_table[__NR_memfd_secret];
	struct pt_regs regs = {};
	long fd = memfd_secret(&regs);
	struct file *file;
	unsigned long addr;

	KUNIT_ASSERT_GE(test, fd, 0);
	file = fget(fd);
	close_fd(fd);
	gk_fput(test, file);
	i_size_write(file_inode(file), PAGE_SIZE);
	addr = gk_map_file(test, file, 1, PROT_READ | PROT_WRITE, MAP_SHARED);
	gk_fill(test, addr, 1);
	return addr;
#else
	kunit_skip(test, "needs CONFIG_SECRETMEM and system calls with wrappers");
#endif
}

static const struct gk_vma_rule gk_vma_rules[] = {
	{ "VM_IO", gk_rule_anon, VM_IO, 0, 0, -EFAULT },
	{ "VM_PFNMAP", gk_rule_shmem, VM_PFNMAP, 0, 0, -EFAULT },
	{ "VM_IO, forced", gk_rule_anon, VM_IO, 0, FOLL_FORCE, -EFAULT },
	{ "VM_MIXEDMAP", gk_rule_shmem, VM_MIXEDMAP, 0, FOLL_WRITE, 1 },
	{ "ANON of anonymous", gk_rule_anon, 0, 0, FOLL_ANON, 1 },
	{ "ANON of shmem", gk_rule_shmem, 0, 0, FOLL_ANON, -EFAULT },
	{ "ANON of hugetlb", gk_rule_hugetlb, 0, 0, FOLL_ANON, -EFAULT },
	{ "ANON of private file", gk_rule_tracked_private, 0, 0, FOLL_ANON,
	  -EFAULT },
	{ "SPLIT_PMD of hugetlb", gk_rule_hugetlb, 0, 0, FOLL_SPLIT_PMD,
	  -EOPNOTSUPP },
	{ "SPLIT_PMD of fsdax", gk_rule_fsdax, 0, 0, FOLL_SPLIT_PMD, 1 },
	{ "secretmem", gk_map_secretmem, 0, 0, 0, -EFAULT },
	{ "secretmem, forced", gk_map_secretmem, 0, 0, FOLL_FORCE, -EFAULT },
	{ "write to w without r", gk_rule_anon, 0, VM_READ, FOLL_WRITE, 1 },
	{ "forced read without MAYREAD", gk_rule_anon, 0, VM_READ | VM_MAYREAD,
	  FOLL_FORCE, -EFAULT },
	{ "forced read with MAYREAD", gk_rule_anon, 0, VM_READ, FOLL_FORCE, 1 },
	{ "forced write without MAYWRITE", gk_rule_anon, 0,
	  VM_WRITE | VM_MAYWRITE, FOLL_FORCE | FOLL_WRITE, -EFAULT },
	{ "forced write with MAYWRITE", gk_rule_anon, 0, VM_WRITE,
	  FOLL_FORCE | FOLL_WRITE, 1 },
	{ "write to shadow stack", gk_rule_anon, VM_SHADOW_STACK, 0, FOLL_WRITE,
	  VM_SHADOW_STACK ? -EFAULT : 1 },
	{ "forced write to shadow stack", gk_rule_anon, VM_SHADOW_STACK, 0,
	  FOLL_FORCE | FOLL_WRITE, 1 },
	{ "write to dirty-tracked file", gk_rule_tracked, 0, 0, FOLL_WRITE, 1 },
};

KUNIT_ARRAY_PARAM_DESC(gk_vma_rules, gk_vma_rules, name);

static void gup_vma_rule(struct kunit *test)
{
	const struct gk_vma_rule *rule = test->param_value;
	unsigned long addr = rule->map(test);
	unsigned int i;

	gk_vm_flags(addr, rule->set, rule->clear);
	for (i = 0; i < GK_NR_APIS; i++) {
		const struct gk_api *api = &gk_apis[i];
		struct page *pages[1];
		long ret;

		/* Of these the lockless walk knows nothing: see the table. */
		if (api->fast)
			continue;
		ret = api->take(addr, 1, rule->flags, pages);
		KUNIT_EXPECT_EQ_MSG(test, ret, rule->want, "%s", api->name);
		gk_release(api, pages, ret);
	}
	gk_vm_flags(addr, rule->clear, rule->set);
}

/* What only matters to a long-term pin. */
static const struct gk_vma_rule gk_longterm_rules[] = {
	{ "anonymous, write", gk_rule_anon, 0, 0, FOLL_WRITE, 1 },
	{ "shmem, write", gk_rule_shmem, 0, 0, FOLL_WRITE, 1 },
	{ "hugetlb, write", gk_rule_hugetlb, 0, 0, FOLL_WRITE, 1 },
	{ "fsdax, read", gk_rule_fsdax, 0, 0, 0, -EOPNOTSUPP },
	{ "fsdax, write", gk_rule_fsdax, 0, 0, FOLL_WRITE, -EOPNOTSUPP },
	{ "dirty-tracked file, write", gk_rule_tracked, 0, 0, FOLL_WRITE,
	  -EFAULT },
	{ "dirty-tracked file, read", gk_rule_tracked, 0, 0, 0, 1 },
	{ "dirty-tracked file, private, write", gk_rule_tracked_private, 0, 0,
	  FOLL_WRITE, 1 },
};

KUNIT_ARRAY_PARAM_DESC(gk_longterm_rules, gk_longterm_rules, name);

static void gup_vma_longterm_rule(struct kunit *test)
{
	const struct gk_vma_rule *rule = test->param_value;
	unsigned long addr = rule->map(test);
	unsigned int i;

	for (i = 0; i < GK_NR_APIS; i++) {
		const struct gk_api *api = &gk_apis[i];
		struct page *pages[1];
		long ret;

		if (api->ref != FOLL_PIN || api->lockless)
			continue;
		if (rule->map == gk_rule_fsdax && api->fast)
			continue;
		ret = api->take(addr, 1, rule->flags | FOLL_LONGTERM, pages);
		KUNIT_EXPECT_EQ_MSG(test, ret, rule->want, "%s", api->name);
		gk_release(api, pages, ret);
		/* Not so if it is short. */
		ret = api->take(addr, 1, rule->flags, pages);
		KUNIT_EXPECT_EQ_MSG(test, ret, 1, "%s", api->name);
		gk_release(api, pages, ret);
	}
}

/* The fast path knows no VMA, but it knows a secret page when it sees one. */
static void gup_vma_secretmem_without_lock(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_secretmem(test);
	struct gk_refs *refs = gk_refs(test, addr, 1);
	struct page *pages[1];

	KUNIT_EXPECT_EQ(test, api->take(addr, 1, 0, pages),
			api->lockless ? 0 : -EFAULT);
	KUNIT_EXPECT_EQ(test, api->take(addr, 1, FOLL_WRITE, pages),
			api->lockless ? 0 : -EFAULT);
	gk_expect_released(test, refs, 1);
}

/*
 * No VMA
 */

static void gup_vma_stack_is_not_expanded(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map(test, 16, PROT_READ | PROT_WRITE);
	unsigned long stack = addr + 8 * PAGE_SIZE;
	struct page *pages[1];

	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr, 16 * PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, stack,
			kunit_vm_mmap(test, NULL, stack, PAGE_SIZE,
				      PROT_READ | PROT_WRITE, MAP_PRIVATE |
				      MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED,
				      0));
	KUNIT_EXPECT_EQ(test, api->take(stack - PAGE_SIZE, 1, FOLL_WRITE,
					pages), api->lockless ? 0 : -EFAULT);
	KUNIT_EXPECT_EQ(test, vma_lookup(current->mm, stack)->vm_start, stack);
}

/* Where the kernel's log ends. Its begin is of no use: lines may get lost there. */
static struct kmsg_dump_iter gk_log_end(void)
{
	struct kmsg_dump_iter iter;

	kmsg_dump_rewind(&iter);
	iter.cur_seq = iter.next_seq;
	return iter;
}

/* How many lines of the kernel's log have it, from @iter on? */
static unsigned int gk_logged(struct kmsg_dump_iter iter, const char *text)
{
	static char line[512];
	unsigned int nr = 0;
	size_t len;

	while (kmsg_dump_get_line(&iter, false, line, sizeof(line) - 1, &len)) {
		line[len] = '\0';
		nr += !!strstr(line, text);
	}
	return nr;
}

/* Nothing mapped from @stack - @below on, and two pages of a mapping at @stack. */
static void gk_check_below(struct kunit *test, unsigned long flags,
			   unsigned long below, unsigned int messages)
{
	unsigned long addr = gk_map(test, 64, PROT_READ | PROT_WRITE);
	unsigned long stack = addr + 62 * PAGE_SIZE;
	struct kmsg_dump_iter log;
	struct page *pages[1];

	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr, 64 * PAGE_SIZE));
	gk_map_over(test, stack, NULL, 2, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | flags);
	/* There may have been a message in this hour. */
	ratelimit_state_reset_interval(&gup_stack_warning,
				       gup_stack_warning.interval);
	log = gk_log_end();
	KUNIT_EXPECT_EQ(test, -EFAULT, gk_get_locked(stack - below, 1, 0, pages));
	KUNIT_EXPECT_EQ(test, -EFAULT, gk_get_locked(stack - below, 1, 0, pages));
	KUNIT_EXPECT_EQ(test, gk_logged(log, "does not expand the stack"),
			messages);
}

/* Only of a stack, and once an hour. */
static void gup_vma_warns_below_stack(struct kunit *test)
{
	gk_check_below(test, 0, PAGE_SIZE, 0);
	gk_check_below(test, MAP_GROWSDOWN, SZ_64K + PAGE_SIZE, 0);
	gk_check_below(test, MAP_GROWSDOWN, SZ_64K, 1);
}

static long gk_populate(unsigned long addr, unsigned long nr, bool write)
{
	int locked = 1;
	long ret;

	mmap_read_lock(current->mm);
	ret = faultin_page_range(current->mm, addr, addr + nr * PAGE_SIZE,
				 write, &locked);
	if (locked)
		mmap_read_unlock(current->mm);
	return ret;
}

/* The errors of madvise(MADV_POPULATE_*) are not those of the others. */
static void gup_vma_populate_errors(struct kunit *test)
{
	unsigned long addr = gk_map(test, 2, PROT_READ);

	KUNIT_EXPECT_EQ(test, gk_populate(addr, 1, true), -EINVAL);
	KUNIT_EXPECT_EQ(test, gk_populate(addr, 2, false), 2);
	gk_vm_flags(addr, VM_IO, 0);
	KUNIT_EXPECT_EQ(test, gk_populate(addr, 2, false), -EINVAL);
	gk_vm_flags(addr, 0, VM_IO);
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, gk_populate(addr, 2, false), -ENOMEM);
}

/*
 * Protection keys
 */

#ifdef CONFIG_X86_INTEL_MEMORY_PROTECTION_KEYS
#define GK_KEY	1

/* Filled memory with a key other than that of all other memory. */
static unsigned long gk_map_pkey(struct kunit *test, bool thp)
{
	unsigned long addr, nr = thp ? PMD_SIZE >> PAGE_SHIFT : 1;
	struct vm_area_struct *vma;

	if (!cpu_feature_enabled(X86_FEATURE_OSPKE))
		kunit_skip(test, "needs a CPU with protection keys (-cpu max)");
	addr = gk_map(test, 2 * nr, PROT_READ | PROT_WRITE);
	addr = ALIGN(addr, nr * PAGE_SIZE);
	gk_vm_flags(addr, VM_PKEY_BIT0, 0);
	vma = vma_lookup(current->mm, addr);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	write_pkru(0);
	gk_fill(test, addr, nr);
	return addr;
}

static void gk_check_pkey(struct kunit *test, const struct gk_api *api,
			  unsigned long addr, unsigned int flags, bool allowed)
{
	const bool remote = strstr(api->name, "remote");
	struct page *pages[1];
	long ret = api->take(addr, 1, flags, pages);

	/* Those of the calling thread do not apply to another process. */
	if (allowed || remote)
		KUNIT_EXPECT_EQ(test, ret, 1);
	else
		KUNIT_EXPECT_EQ(test, ret, api->lockless ? 0 : -EFAULT);
	gk_release(api, pages, ret);
}

static void gk_check_pkeys(struct kunit *test, unsigned long addr)
{
	const u32 access = PKRU_AD_BIT << (GK_KEY * PKRU_BITS_PER_PKEY);
	const u32 write = PKRU_WD_BIT << (GK_KEY * PKRU_BITS_PER_PKEY);
	const struct gk_api *api = test->param_value;
	const u32 pkru = read_pkru();

	write_pkru(0);
	gk_check_pkey(test, api, addr, 0, true);
	gk_check_pkey(test, api, addr, FOLL_WRITE, true);
	write_pkru(write);
	gk_check_pkey(test, api, addr, 0, true);
	gk_check_pkey(test, api, addr, FOLL_WRITE, false);
	write_pkru(access);
	gk_check_pkey(test, api, addr, 0, false);
	gk_check_pkey(test, api, addr, FOLL_WRITE, false);
	/* Every key but the right one. */
	write_pkru(~(access | write));
	gk_check_pkey(test, api, addr, 0, true);
	gk_check_pkey(test, api, addr, FOLL_WRITE, true);
	/* Every key. */
	write_pkru(~0U);
	gk_check_pkey(test, api, addr, 0, false);
	write_pkru(pkru);
}

static void gup_vma_pkey(struct kunit *test)
{
	gk_check_pkeys(test, gk_map_pkey(test, false));
}

static void gup_vma_pkey_of_thp(struct kunit *test)
{
	gk_check_pkeys(test, gk_map_pkey(test, true));
}

/* The fault handler asks for itself, but nobody else may ask for too much. */
static void gup_vma_pkey_of_fixup(struct kunit *test)
{
	const u32 deny = PKRU_AD_BIT << (GK_KEY * PKRU_BITS_PER_PKEY);
	unsigned long addr = gk_map_pkey(test, false);
	struct mm_struct *mm = current->mm;
	const u32 pkru = read_pkru();
	int ours, foreign;

	write_pkru(deny);
	mmap_read_lock(mm);
	ours = fixup_user_fault(mm, addr, 0, NULL);
	foreign = fixup_user_fault(mm, addr, FAULT_FLAG_REMOTE, NULL);
	mmap_read_unlock(mm);
	write_pkru(pkru);
	KUNIT_EXPECT_EQ(test, ours, -EFAULT);
	KUNIT_EXPECT_EQ(test, foreign, 0);
}

/* Keys that change from page to page of a range. */
static void gup_vma_pkeys_change(struct kunit *test)
{
	const u32 deny = PKRU_AD_BIT << (GK_KEY * PKRU_BITS_PER_PKEY);
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_pkey(test, false);
	unsigned long other = gk_map(test, 2, PROT_READ | PROT_WRITE);
	struct page *pages[3];
	const u32 pkru = read_pkru();
	long ret;

	/* Three VMAs in a row: the default key, the other key, the default. */
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(other, 2 * PAGE_SIZE));
	addr = gk_map(test, 3, PROT_READ | PROT_WRITE);
	KUNIT_ASSERT_EQ(test, 0, do_madvise(current->mm, addr + PAGE_SIZE,
					    PAGE_SIZE, MADV_DONTFORK));
	gk_vm_flags(addr + PAGE_SIZE, VM_PKEY_BIT0, 0);
	vma_lookup(current->mm, addr + PAGE_SIZE)->vm_page_prot =
		vm_get_page_prot(VM_READ | VM_WRITE | VM_PKEY_BIT0);
	write_pkru(0);
	gk_fill(test, addr, 3);
	ret = api->take(addr, 3, FOLL_WRITE, pages);
	KUNIT_EXPECT_EQ(test, ret, 3);
	gk_release(api, pages, ret);
	if (!strstr(api->name, "remote")) {
		write_pkru(deny);
		ret = api->take(addr, 3, 0, pages);
		KUNIT_EXPECT_EQ(test, ret, 1);
		gk_release(api, pages, ret);
	}
	write_pkru(pkru);
}
#else
static void gup_vma_pkey(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_X86_INTEL_MEMORY_PROTECTION_KEYS");
}

#define gup_vma_pkey_of_thp	gup_vma_pkey
#define gup_vma_pkey_of_fixup	gup_vma_pkey
#define gup_vma_pkeys_change	gup_vma_pkey
#endif	/* CONFIG_X86_INTEL_MEMORY_PROTECTION_KEYS */

/*
 * The gate area
 */

#ifdef CONFIG_X86_VSYSCALL_EMULATION
static void gk_need_gate(struct kunit *test)
{
	pte_t *ptep;

	/* execve() would set it. */
	__set_bit(MM_CONTEXT_HAS_VSYSCALL, &current->mm->context.flags);
	if (!in_gate_area(current->mm, VSYSCALL_ADDR))
		kunit_skip(test, "needs vsyscall=emulate on the command line");
	ptep = virt_to_kpte(VSYSCALL_ADDR);
	if (!ptep || !pte_present(ptep_get(ptep)))
		kunit_skip(test, "needs vsyscall=emulate on the command line");
}

static void gup_vma_gate_page(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	struct page *pages[2] = {}, *gate;
	struct gk_refs *refs;
	long ret;

	gk_need_gate(test);
	gate = pte_page(ptep_get(virt_to_kpte(VSYSCALL_ADDR)));
	refs = gk_refs_of(test, &gate, 1);
	ret = api->take(VSYSCALL_ADDR, 2, 0, pages);
	if (api->take == gk_pin_lockless) {
		KUNIT_EXPECT_EQ(test, ret, 0);
	} else if (api->fast) {
		/* To these it is not a user address. */
		KUNIT_EXPECT_EQ(test, ret, -EFAULT);
	} else {
		/* Behind it there is nothing. */
		KUNIT_EXPECT_EQ(test, ret, 1);
		KUNIT_EXPECT_PTR_EQ(test, pages[0], gate);
		gk_expect_refs(test, refs, 1, 1, api->ref);
	}
	gk_release(api, pages, ret);
	gk_expect_released(test, refs, 1);
}

static void gup_vma_gate_is_readable_only(struct kunit *test)
{
	struct page *pages[1];

	gk_need_gate(test);
	KUNIT_EXPECT_EQ(test, gk_pin_locked(VSYSCALL_ADDR, 1, FOLL_WRITE,
					    pages), -EFAULT);
	KUNIT_EXPECT_EQ(test, gk_pin_locked(VSYSCALL_ADDR, 1,
					    FOLL_WRITE | FOLL_FORCE, pages),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, gk_populate(VSYSCALL_ADDR, 1, false), -ENOMEM);
}

/* With vsyscall=xonly there is an area without a page. */
static void gup_vma_gate_is_empty(struct kunit *test)
{
	struct page *pages[1];
	pte_t *ptep, pte;

	gk_need_gate(test);
	ptep = virt_to_kpte(VSYSCALL_ADDR);
	pte = ptep_get(ptep);
	set_pte(ptep, __pte(0));
	KUNIT_EXPECT_EQ(test, gk_pin_locked(VSYSCALL_ADDR, 1, 0, pages),
			-EFAULT);
	set_pte(ptep, pte);
}

static void gup_vma_gate_page_is_refused(struct kunit *test)
{
	struct page *pages[1];
	struct folio *folio;
	int count;

	gk_need_gate(test);
	folio = page_folio(pte_page(ptep_get(virt_to_kpte(VSYSCALL_ADDR))));
	count = folio_ref_count(folio);
	folio_set_count(folio, INT_MIN / 2);
	kunit_warning_suppress(test) {
		gk_forget_warnings();
		KUNIT_EXPECT_EQ(test, gk_get_locked(VSYSCALL_ADDR, 1, 0, pages),
				-ENOMEM);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), INT_MIN / 2);
	folio_set_count(folio, count);
}

static void gup_vma_gate_without_array(struct kunit *test)
{
	gk_need_gate(test);
	mmap_read_lock(current->mm);
	KUNIT_EXPECT_EQ(test, get_user_pages(VSYSCALL_ADDR, 1, 0, NULL), 1);
	mmap_read_unlock(current->mm);
}
#else
static void gup_vma_gate_page(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_X86_VSYSCALL_EMULATION");
}

#define gup_vma_gate_is_readable_only	gup_vma_gate_page
#define gup_vma_gate_is_empty		gup_vma_gate_page
#define gup_vma_gate_page_is_refused	gup_vma_gate_page
#define gup_vma_gate_without_array	gup_vma_gate_page
#endif	/* CONFIG_X86_VSYSCALL_EMULATION */

static struct kunit_case gup_vma_cases[] = {
	KUNIT_CASE_PARAM(gup_vma_protection, gk_prots_gen_params),
	KUNIT_CASE_PARAM(gup_vma_refused_in_the_middle, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_vma_rule, gk_vma_rules_gen_params),
	KUNIT_CASE_PARAM(gup_vma_longterm_rule, gk_longterm_rules_gen_params),
	KUNIT_CASE_PARAM(gup_vma_secretmem_without_lock, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_vma_stack_is_not_expanded, gk_api_gen_params),
	KUNIT_CASE(gup_vma_warns_below_stack),
	KUNIT_CASE(gup_vma_populate_errors),
	KUNIT_CASE_PARAM(gup_vma_pkey, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_vma_pkey_of_thp, gk_api_gen_params),
	KUNIT_CASE(gup_vma_pkey_of_fixup),
	KUNIT_CASE_PARAM(gup_vma_pkeys_change, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_vma_gate_page, gk_api_gen_params),
	KUNIT_CASE(gup_vma_gate_is_readable_only),
	KUNIT_CASE(gup_vma_gate_is_empty),
	KUNIT_CASE(gup_vma_gate_page_is_refused),
	KUNIT_CASE(gup_vma_gate_without_array),
	{}
};

static struct kunit_suite gup_vma_suite = {
	.name = "gup_vma",
	.init = gk_init,
	.exit = gk_exit,
	.test_cases = gup_vma_cases,
};

kunit_test_suite(gup_vma_suite);

MODULE_DESCRIPTION("KUnit tests of get_user_pages(): VMAs");
MODULE_LICENSE("GPL");
