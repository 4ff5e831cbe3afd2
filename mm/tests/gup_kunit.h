/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the KUnit suites of get_user_pages() share. gk_ is short for gup_kunit_.
 *
 * Every case runs in a thread of its own, on an mm of its own that goes away
 * with the thread.
 */
#ifndef _MM_TESTS_GUP_KUNIT_H
#define _MM_TESTS_GUP_KUNIT_H

#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/ptrace.h>

#include "../gup_internal.h"

/*
 * Ways to take pages
 */

typedef long gk_take_fn(unsigned long start, unsigned long nr,
			unsigned int flags, struct page **pages);

/**
 * struct gk_api - one function that takes pages of the current process
 * @name: What it is called.
 * @take: Calls it, with mmap_lock held if it wants that.
 * @ref: FOLL_GET or FOLL_PIN.
 * @fast: It tries without lock first.
 * @lockless: It never faults: what is not plainly fine is not taken.
 */
struct gk_api {
	const char *name;
	gk_take_fn *take;
	unsigned int ref;
	bool fast;
	bool lockless;
};

#define GK_NR_APIS	14
extern const struct gk_api gk_apis[GK_NR_APIS];

gk_take_fn gk_get_locked, gk_get_remote, gk_get_unlocked, gk_get_fast;
gk_take_fn gk_get_remote_unlocked, gk_pin_remote_unlocked;
gk_take_fn gk_pin_locked, gk_pin_remote, gk_pin_unlocked, gk_pin_fast;
/* Ranges, at most so many, taken apart into pages. */
#define GK_NR_BVECS	65536UL
gk_take_fn gk_pin_bvecs;
/* Those that do not fall back to the slow path. */
gk_take_fn gk_get_fast_only, gk_pin_lockless;
void gk_release(const struct gk_api *api, struct page **pages, long nr);

const void *gk_api_gen_params(struct kunit *test, const void *prev, char *desc);
/* Those that only know the slow path; those that pin, and fault if need be. */
const void *gk_slow_api_gen_params(struct kunit *test, const void *prev,
				   char *desc);
const void *gk_pin_api_gen_params(struct kunit *test, const void *prev,
				  char *desc);

/*
 * Memory to take pages of
 */

/**
 * struct gk_kind - one kind of user memory
 * @name: What it is called.
 * @map: Maps at least @nr pages of it writable, and faults them in for writing.
 *	 The address is that of a folio's first page.
 * @order: Order of its folios.
 * @nr: Number of pages the tests take of it.
 * @anon: Its pages are anonymous.
 * @ptes: They are mapped by PTEs.
 */
struct gk_kind {
	const char *name;
	unsigned long (*map)(struct kunit *test, const struct gk_kind *kind);
	unsigned int order;
	unsigned int nr;
	bool anon;
	bool ptes;
};

/* Does the architecture map a huge page of 64 KiB by several PTEs? */
#if defined(CONFIG_HUGETLB_PAGE) && \
	(defined(CONFIG_ARM64_4K_PAGES) || defined(CONFIG_RISCV_ISA_SVNAPOT))
#define GK_HUGETLB_BY_PTES
#define GK_NR_KINDS	8
#else
#define GK_NR_KINDS	7
#endif
extern const struct gk_kind gk_kinds[GK_NR_KINDS];

/**
 * struct gk_combo - each function with each kind of memory
 * @api: The function.
 * @kind: The kind.
 */
struct gk_combo {
	const struct gk_api *api;
	const struct gk_kind *kind;
};

const void *gk_combo_gen_params(struct kunit *test, const void *prev,
				char *desc);
/*
 * With anonymous memory only; of the functions those that pin; both. With memory
 * mapped by PTEs only.
 */
const void *gk_anon_combo_gen_params(struct kunit *test, const void *prev,
				     char *desc);
const void *gk_pin_combo_gen_params(struct kunit *test, const void *prev,
				    char *desc);
const void *gk_anon_pin_combo_gen_params(struct kunit *test, const void *prev,
					 char *desc);
const void *gk_pte_combo_gen_params(struct kunit *test, const void *prev,
				    char *desc);
const void *gk_anon_kind_gen_params(struct kunit *test, const void *prev,
				    char *desc);

unsigned long gk_map_file(struct kunit *test, struct file *file,
			  unsigned long nr, unsigned long prot,
			  unsigned long flags);
void gk_map_over(struct kunit *test, unsigned long addr, struct file *file,
		 unsigned long nr, unsigned long prot, unsigned long flags);
unsigned long gk_map(struct kunit *test, unsigned long nr, unsigned long prot);
unsigned long gk_map_filled(struct kunit *test, unsigned long nr);
unsigned long gk_map_thp(struct kunit *test);
unsigned long gk_map_thp_by_ptes(struct kunit *test);
unsigned long gk_map_64k(struct kunit *test);
unsigned long gk_map_hugetlb(struct kunit *test, unsigned long flags);
unsigned long gk_map_gigantic(struct kunit *test, unsigned long nr);
unsigned long gk_map_zero(struct kunit *test, unsigned long nr);
unsigned long gk_map_huge_zero(struct kunit *test);
unsigned long gk_map_secretmem(struct kunit *test);
struct file *gk_shmem_file(struct kunit *test, unsigned long nr);
struct file *gk_hugetlb_file(struct kunit *test, unsigned long nr_huge);
struct file *gk_pinnable_hugetlb_file(struct kunit *test,
				      unsigned long nr_huge);
void gk_fput(struct kunit *test, struct file *file);

void gk_need_movable(struct kunit *test, unsigned long addr);
void gk_fill(struct kunit *test, unsigned long addr, unsigned long nr);
void gk_expect_filled(struct kunit *test, unsigned long addr, unsigned long nr);
void gk_poke(struct kunit *test, unsigned long addr, unsigned long value);
unsigned long gk_peek(struct kunit *test, unsigned long addr);
unsigned long gk_page_word(struct page *page);

/*
 * A mapping of a device: its faults are handled by the test
 */

#define GK_DEV_PAGES	8
#define GK_DEV_CALLS	8

/**
 * struct gk_dev - a device that can be mapped
 * @fault: Its fault handler; gk_dev_fault_page() if NULL.
 * @pages: What it maps.
 * @calls: How often the fault handler was called.
 * @flags: The FAULT_FLAG_* of the first calls.
 * @asked: The pages that they were for.
 * @vm_flags: VM_* flags that its VMAs get.
 * @mkwrite: The VMAs have a page_mkwrite handler, like those of a file system.
 * @vma_locks: Faults are served under the lock of a VMA, too.
 * @vma: The VMA it was mapped in last.
 */
struct gk_dev {
	vm_fault_t (*fault)(struct gk_dev *dev, struct vm_fault *vmf);
	struct page *pages[GK_DEV_PAGES];
	unsigned int calls;
	unsigned int flags[GK_DEV_CALLS];
	pgoff_t asked[GK_DEV_CALLS];
	vm_flags_t vm_flags;
	bool mkwrite;
	bool vma_locks;
	struct vm_area_struct *vma;
};

struct gk_dev *gk_dev(struct kunit *test);
struct file *gk_dev_file(struct kunit *test, struct gk_dev *dev);
unsigned long gk_map_dev(struct kunit *test, struct gk_dev *dev,
			 unsigned long prot, unsigned long flags);
unsigned long gk_map_movable_and_dev(struct kunit *test, struct gk_dev *dev);
vm_fault_t gk_dev_fault_page(struct gk_dev *dev, struct vm_fault *vmf);

/*
 * Page tables
 */

struct page *gk_page_at(unsigned long addr);
pte_t gk_pte(struct kunit *test, unsigned long addr);
void gk_set_pte(struct kunit *test, unsigned long addr, pte_t pte);
pte_t *gk_ptep(struct kunit *test, unsigned long addr);
pmd_t *gk_pmdp(unsigned long addr);
void gk_vm_flags(unsigned long addr, vm_flags_t set, vm_flags_t clear);
void gk_write_protect(struct kunit *test, unsigned long addr, unsigned long nr);
struct mm_struct *gk_fork(struct kunit *test);

/*
 * References
 */

/**
 * struct gk_refs - the references of the page that an address mapped
 * @page: The page.
 * @refs: The refcount of its folio.
 * @pins: The pincount of its folio, 0 if it has none.
 */
struct gk_refs {
	struct page *page;
	long refs;
	long pins;
};

struct gk_refs *gk_refs_of(struct kunit *test, struct page **pages,
			   unsigned long nr);
struct gk_refs *gk_refs(struct kunit *test, unsigned long addr,
			unsigned long nr);
void gk_expect_refs(struct kunit *test, const struct gk_refs *refs,
		    unsigned long nr, unsigned long taken, unsigned int ref);
void gk_expect_taken(struct kunit *test, const struct gk_refs *refs,
		     struct page **pages, unsigned long nr, unsigned int ref);
void gk_expect_released(struct kunit *test, const struct gk_refs *refs,
			unsigned long nr);
struct page **gk_array(struct kunit *test, unsigned long nr);
struct page **gk_marked_array(struct kunit *test, unsigned long nr);
void gk_expect_nothing_behind(struct kunit *test, void *array, long count,
			      unsigned long nr);
struct page *gk_alloc_page(struct kunit *test, unsigned int order);
struct page *gk_alloc_movable_page(struct kunit *test);

long gk_stat(enum node_stat_item item);
int gk_init(struct kunit *test);
void gk_exit(struct kunit *test);

/*
 * Requests of the test's own
 */

void gk_req(struct gup_req *req, unsigned long start, unsigned long nr,
	    unsigned int flags, struct page **pages);
enum gup_outcome gk_walk_slow(struct gup_req *req);
bool gk_walk_fast(struct gup_req *req);

/*
 * Warnings, signals, and what happens at a memory access
 */

void gk_forget_warnings(void);
void gk_signal(int sig);
void gk_no_signal(void);
void gk_wait_contended(struct mm_struct *mm);
bool gk_stays_locked(struct mm_struct *mm);

/**
 * struct gk_trap - something that happens at a write to a word of memory
 * @hit: Called after the first write, in the context of an NMI.
 * @arg: For @hit.
 * @hits: Number of writes seen.
 * @test: The test.
 * @task: The task whose writes count.
 * @events: The breakpoint on each CPU.
 */
struct gk_trap {
	void (*hit)(struct gk_trap *trap, struct pt_regs *regs);
	void *arg;
	int hits;
	struct kunit *test;
	struct task_struct *task;
	struct perf_event * __percpu *events;
};

/**
 * struct gk_change - a page table entry that changes
 * @entry: The entry, of any level.
 * @was: What it was, for who wants it back.
 * @now: What it is from then on.
 */
struct gk_change {
	u64 *entry;
	u64 was;
	u64 now;
};

/* To be hit: @arg is a struct gk_change; a struct mm_struct. */
void gk_hit_change(struct gk_trap *trap, struct pt_regs *regs);
void gk_hit_fork(struct gk_trap *trap, struct pt_regs *regs);

void gk_trap_set(struct kunit *test, struct gk_trap *trap, void *word);
void gk_trap_folio(struct kunit *test, struct gk_trap *trap,
		   unsigned long addr);
void gk_trap_clear(struct gk_trap *trap);

#endif	/* _MM_TESTS_GUP_KUNIT_H */
