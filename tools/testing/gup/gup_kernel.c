// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions of the kernel that get_user_pages calls, and the variables it
 * reads.
 */
#include <stdlib.h>
#include <unistd.h>

#include "gup_kernel.h"
#include "gup_world.h"

struct page *vmemmap;
unsigned long gup_nr_pfns;
unsigned long highest_memmap_pfn;
unsigned long page_offset_base;
unsigned long zero_pfn = ULONG_MAX;
unsigned long huge_zero_pfn = ULONG_MAX;
bool gup_have_pkru;
#ifdef GUP_RISCV
bool gup_have_svnapot;
#endif
__thread struct task_struct gup_task;
const struct address_space_operations secretmem_aops;

/*
 * Warnings
 */

unsigned long gup_warnings;
bool gup_warnings_expected;

void gup_warn(const char *file, int line)
{
	__atomic_fetch_add(&gup_warnings, 1, __ATOMIC_RELAXED);
	if (!gup_warnings_expected)
		fprintf(stderr, "WARNING: at %s:%d\n", file, line);
}

#ifdef GUP_CHECKED
u8 *gup_blocks;
int gup_accessible_error;
void (*gup_hook)(void *word, bool after);
void (*gup_unlock_hook)(spinlock_t *lock);

void gup_die(const char *file, int line, const char *what)
{
	fflush(stdout);
	fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
	abort();
}
#endif

/*
 * Barriers, as far as the thread sanitizer knows them: see gup_kernel.h
 */

#ifdef GUP_TSAN
#define GUP_NR_READS	64U
#define GUP_NO_SYNC	1U

static const __thread void *words_read[GUP_NR_READS];
static __thread unsigned int nr_words_read;

/* Has seen what this thread had written before its last write barrier, no more. */
static __thread void *publisher;
static __thread char last_write_barrier;

void gup_note_read(const void *word)
{
	words_read[nr_words_read++ % GUP_NR_READS] = word;
}

void gup_read_barrier(void)
{
	unsigned int nr = min(nr_words_read, GUP_NR_READS);

	while (nr)
		__tsan_acquire((void *)words_read[--nr]);
	nr_words_read = 0;
}

void gup_write_barrier(void)
{
	if (!publisher)
		publisher = __tsan_create_fiber(0);
	__tsan_release(&last_write_barrier);
}

/* To the sanitizer, it is not this thread that releases the word. */
__attribute__((__no_sanitize__("thread")))
void gup_note_write(void *word)
{
	void *self = __tsan_get_current_fiber();

	if (!publisher)
		return;
	__tsan_switch_to_fiber(publisher, GUP_NO_SYNC);
	__tsan_acquire(&last_write_barrier);
	__tsan_release(word);
	__tsan_switch_to_fiber(self, GUP_NO_SYNC);
}

void gup_forget_barriers(void)
{
	if (publisher)
		__tsan_destroy_fiber(publisher);
	publisher = NULL;
}
#endif

/*
 * Threads and locks
 */

/*
 * Whoever is waited for may not be running. On a busy machine, to yield the CPU
 * may take until everybody else has had a turn: a sleep is over sooner.
 */
void gup_wait(void)
{
	usleep(1);
}

int cond_resched(void)
{
	might_sleep();
	barrier();
	return 0;
}

/*
 * Nobody holds a lock for so long. Several seconds, of which a limit of CPU time
 * would see little.
 */
#define DEADLOCK_WAITS	100000

static void wait_for_lock(unsigned int *waits)
{
	GUP_MUST(++*waits < DEADLOCK_WAITS);
	gup_wait();
}

void spin_lock(spinlock_t *lock)
{
	unsigned int waits = 0;
	u8 unlocked = 0;

#ifdef GUP_CHECKED
	if (gup_hook)
		gup_hook(lock, false);
#endif
	while (!__atomic_compare_exchange_n(&lock->locked, &unlocked, 1, false,
					    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		unlocked = 0;
		wait_for_lock(&waits);
	}
	GUP_MUST(current->nr_locks < GUP_MAX_LOCKS);
	current->locks[current->nr_locks++] = lock;
}

static unsigned int index_of(const spinlock_t *lock)
{
	unsigned int i = 0;

	while (i < current->nr_locks && current->locks[i] != lock)
		i++;
	return i;
}

bool gup_holds(const spinlock_t *lock)
{
	return index_of(lock) < current->nr_locks;
}

void spin_unlock(spinlock_t *lock)
{
	GUP_MUST(gup_holds(lock));
#ifdef GUP_CHECKED
	if (gup_unlock_hook)
		gup_unlock_hook(lock);
#endif
	current->locks[index_of(lock)] = current->locks[current->nr_locks - 1];
	current->nr_locks--;
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

/* Changes the number of readers by @by; for a writer, from 0 to -1 and back. */
static bool mmap_try_change(struct mm_struct *mm, long old, long by)
{
	return __atomic_compare_exchange_n(&mm->mmap_lock.count, &old, old + by,
					   false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static long mmap_count(struct mm_struct *mm)
{
	return __atomic_load_n(&mm->mmap_lock.count, __ATOMIC_RELAXED);
}

__thread unsigned long vm_events[NR_VM_EVENT_ITEMS];

/* Writers go first, or they would wait for ever. */
void mmap_read_lock(struct mm_struct *mm)
{
	unsigned int waits = 0;
	long count;

	might_sleep();
	for (;;) {
		count = mmap_count(mm);
		if (count >= 0 &&
		    !__atomic_load_n(&mm->mmap_lock.writers, __ATOMIC_RELAXED) &&
		    mmap_try_change(mm, count, 1))
			break;
		wait_for_lock(&waits);
	}
	current->nr_mmap_locks++;
}

int mmap_read_lock_killable(struct mm_struct *mm)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	mmap_read_lock(mm);
	return 0;
}

/* @held: how often the task has locked it. */
static void mmap_put_reader(struct mm_struct *mm, unsigned int *held)
{
	GUP_MUST(*held && mmap_count(mm) > 0);
	--*held;
	while (!mmap_try_change(mm, mmap_count(mm), -1))
		;
}

void mmap_read_unlock(struct mm_struct *mm)
{
	mmap_put_reader(mm, &current->nr_mmap_locks);
}

int mmap_lock_is_contended(struct mm_struct *mm)
{
	return __atomic_load_n(&mm->mmap_lock.writers, __ATOMIC_RELAXED) > 0;
}

/*
 * The lock of a VMA. Writers lock all VMAs, so that one count is enough: that of
 * mmap_lock. A reader does not wait for them.
 */
struct vm_area_struct *lock_vma_under_rcu(struct mm_struct *mm, unsigned long addr)
{
	long count = mmap_count(mm);
	struct vm_area_struct *vma;

	might_sleep();
	if (!gup_world_lock_vma() || count < 0 || mmap_lock_is_contended(mm) ||
	    !mmap_try_change(mm, count, 1))
		return NULL;
	current->nr_vma_locks++;
	vma = vma_lookup(mm, addr);
	if (!vma)
		mmap_put_reader(mm, &current->nr_vma_locks);
	return vma;
}

void vma_end_read(struct vm_area_struct *vma)
{
	mmap_put_reader(vma->vm_mm, &current->nr_vma_locks);
}

void mmap_write_lock(struct mm_struct *mm)
{
	unsigned int waits = 0;

	__atomic_fetch_add(&mm->mmap_lock.writers, 1, __ATOMIC_RELAXED);
	while (!mmap_try_change(mm, 0, -1))
		wait_for_lock(&waits);
	current->nr_mmap_locks++;
}

void mmap_write_unlock(struct mm_struct *mm)
{
	GUP_MUST(mmap_try_change(mm, -1, 1));
	current->nr_mmap_locks--;
	__atomic_fetch_sub(&mm->mmap_lock.writers, 1, __ATOMIC_RELAXED);
}

/*
 * Statistics: each thread gathers what is below a threshold, as each CPU does
 */

#define GUP_STAT_THRESHOLD	125

struct pglist_data gup_nodes[MAX_NUMNODES];
static __thread s8 stat_diff[MAX_NUMNODES][NR_VM_NODE_STAT_ITEMS];

/* Without a lock prefix: nothing but an interrupt could come in between. */
static bool stat_try_cmpxchg(s8 *diff, s8 *old, s8 new)
{
	bool done;

	__asm__ __volatile__("cmpxchgb %3,%1"
			     : "=@ccz" (done), "+m" (*diff), "+a" (*old)
			     : "q" (new) : "memory");
	return done;
}

/* What remains of @sum here, and what goes to the node. */
static s8 stat_split(long sum, long *over)
{
	*over = 0;
	if (sum <= GUP_STAT_THRESHOLD && sum >= -GUP_STAT_THRESHOLD)
		return sum;
	*over = sum;
	return 0;
}

void mod_node_page_state(struct pglist_data *pgdat, enum node_stat_item item,
			 long delta)
{
	s8 *diff = &stat_diff[pgdat->node_id][item];
	s8 old = *diff, new;
	long over;

	do {
		new = stat_split(old + delta, &over);
	} while (!stat_try_cmpxchg(diff, &old, new));
	if (over)
		atomic_long_add(over, &pgdat->vm_stat[item]);
}

/* For those who have interrupts or preemption off. */
void __mod_node_page_state(struct pglist_data *pgdat, enum node_stat_item item,
			   long delta)
{
	s8 *diff = &stat_diff[pgdat->node_id][item];
	long over;

	*diff = stat_split(*diff + delta, &over);
	if (over)
		atomic_long_add(over, &pgdat->vm_stat[item]);
}

void gup_stat_fold(void)
{
	for (int nid = 0; nid < MAX_NUMNODES; nid++) {
		for (int item = 0; item < NR_VM_NODE_STAT_ITEMS; item++) {
			atomic_long_add(stat_diff[nid][item],
					&gup_nodes[nid].vm_stat[item]);
			stat_diff[nid][item] = 0;
		}
	}
}

/* For one thread that is alone. */
void gup_stat_reset(void)
{
	memset(stat_diff, 0, sizeof(stat_diff));
	for (int nid = 0; nid < MAX_NUMNODES; nid++)
		memset(gup_nodes[nid].vm_stat, 0, sizeof(gup_nodes[nid].vm_stat));
}

long gup_stat(int nid, enum node_stat_item item)
{
	gup_stat_fold();
	return atomic_long_read(&gup_nodes[nid].vm_stat[item]);
}

/*
 * Pages
 */

void __folio_put(struct folio *folio)
{
	/* It takes locks that sleep with PREEMPT_RT. */
	GUP_MUST(!irqs_disabled());
	gup_world_free(folio);
}

void folio_mark_accessed(struct folio *folio)
{
	if (!folio_test_referenced(folio)) {
		folio_set_referenced(folio);
	} else if (!folio_test_active(folio)) {
		folio_set_active(folio);
		folio_clear_referenced(folio);
	}
}

bool folio_mark_dirty(struct folio *folio)
{
	folio_set_dirty(folio);
	return true;
}

unsigned long gup_nr_dirty_locked;

bool folio_mark_dirty_lock(struct folio *folio)
{
	__atomic_fetch_add(&gup_nr_dirty_locked, 1, __ATOMIC_RELAXED);
	return folio_mark_dirty(folio);
}

/* As where entries can be marked special, and all that are not have a page. */
static struct page *normal_page(struct vm_area_struct *vma, unsigned long pfn,
				bool special)
{
	if (special || is_zero_pfn(pfn) || is_huge_zero_pfn(pfn) ||
	    pfn > highest_memmap_pfn)
		return NULL;
	return pfn_to_page(pfn);
}

struct page *vm_normal_page(struct vm_area_struct *vma, unsigned long addr,
			    pte_t pte)
{
	return normal_page(vma, pte_pfn(pte), pte_special(pte));
}

struct page *vm_normal_page_pmd(struct vm_area_struct *vma, unsigned long addr,
				pmd_t pmd)
{
	return normal_page(vma, pmd_pfn(pmd), pmd_special(pmd));
}

struct page *vm_normal_page_pud(struct vm_area_struct *vma, unsigned long addr,
				pud_t pud)
{
	return normal_page(vma, pud_pfn(pud), pud_special(pud));
}

/*
 * Page tables
 */

#ifdef GUP_CHECKED
void (*gup_halves_hook)(void *entry);

u64 gup_read_halves(const u64 *entry)
{
	const u32 *halves = (const u32 *)entry;
	u32 low;

	if (!gup_halves_hook)
		return READ_ONCE(*entry);
	low = READ_ONCE(halves[0]);
	gup_halves_hook((void *)entry);
	return (u64)READ_ONCE(halves[1]) << 32 | low;
}

/* Again, if the first half is another by now. */
u64 gup_read_halves_lockless(const u64 *entry)
{
	u64 val;

	do {
		val = gup_read_halves(entry);
		/* Both halves are read before the first is looked at again. */
		smp_rmb();
	} while ((u32)val != READ_ONCE(*(const u32 *)entry));
	return val;
}
#endif

pte_t *pte_offset_map(pmd_t *pmdp, unsigned long addr)
{
	pmd_t pmd = pmdp_get_lockless(pmdp);

	if (unlikely(pmd_none(pmd) || !pmd_present(pmd) ||
		     pmd_trans_huge(pmd) || pmd_bad(pmd)))
		return NULL;
	return pte_offset_kernel(&pmd, addr);
}

pte_t *pte_offset_map_lock(struct mm_struct *mm, pmd_t *pmdp,
			   unsigned long addr, spinlock_t **ptlp)
{
	for (;;) {
		pmd_t pmd = pmdp_get_lockless(pmdp);
		pte_t *ptep = pte_offset_map(&pmd, addr);

		if (unlikely(!ptep))
			return NULL;
		*ptlp = pte_lockptr(mm, &pmd);
		spin_lock(*ptlp);
		if (likely(pmd_same(pmd, pmdp_get_lockless(pmdp))))
			return ptep;
		spin_unlock(*ptlp);
	}
}

bool touch_pmd(struct vm_area_struct *vma, unsigned long addr, pmd_t *pmdp,
	       bool write)
{
	pmd_t old = pmdp_get(pmdp);
	pmd_t new = pmd_mkyoung(old);

	lockdep_assert_held(pmd_lockptr(vma->vm_mm, pmdp));
	if (write)
		new = pmd_mkdirty(new);
	WRITE_ONCE(pmdp->pmd, pmd_val(new));
	return !pmd_same(new, old);
}

void touch_pud(struct vm_area_struct *vma, unsigned long addr, pud_t *pudp,
	       bool write)
{
	pud_t pud = pud_mkyoung(pudp_get(pudp));

	lockdep_assert_held(pud_lockptr(vma->vm_mm, pudp));
	if (write)
		pud = pud_mkdirty(pud);
	WRITE_ONCE(pudp->pud, pud_val(pud));
}

/*
 * VMAs and faults
 */

struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr)
{
	for (unsigned int i = 0; i < mm->nr_vmas; i++) {
		if (addr < mm->vmas[i].vm_end)
			return &mm->vmas[i];
	}
	return NULL;
}

struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	return vma && addr >= vma->vm_start ? vma : NULL;
}

vm_fault_t handle_mm_fault(struct vm_area_struct *vma, unsigned long addr,
			   unsigned int flags, struct pt_regs *regs)
{
	return gup_world_fault(vma, addr, flags);
}

/*
 * memfd_pin_folios() is compiled with the rest; there is no memfd.
 */

unsigned int filemap_get_folios_contig(struct address_space *mapping,
				       pgoff_t *start, pgoff_t end,
				       struct folio_batch *fbatch)
{
	return 0;
}

void folio_batch_release(struct folio_batch *fbatch)
{
}

struct folio *memfd_alloc_folio(struct file *memfd, pgoff_t idx)
{
	return ERR_PTR(-ENOMEM);
}

int folio_lock_killable(struct folio *folio)
{
	return -EINTR;
}

void folio_unlock(struct folio *folio)
{
}

/*
 * There is no hugetlb: a VMA that says so is refused, or has nothing in it.
 */

struct hstate *hstate_vma(struct vm_area_struct *vma)
{
	return NULL;
}

bool hugetlbfs_pagecache_present(struct hstate *h, struct vm_area_struct *vma,
				 unsigned long addr)
{
	return false;
}
