/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel as get_user_pages sees it, for a build in user space.
 *
 * Every header that mm/gup*.c and arch/x86/mm/gup.c include is replaced by this
 * one. It has x86-64 page tables of four levels, struct page and struct folio
 * as they lie in memory, atomics that are locked instructions, page table locks
 * and node statistics. What is not inlined in the kernel is not inlined here:
 * that is in gup_kernel.c.
 *
 * GUP_CHECKED is defined for tests. Atomics and barriers then order what they
 * order in the kernel, and no more; locks, interrupts off and mmap_lock are looked
 * after as lockdep does; pages can be migrated; and CONFIG_DEBUG_VM is set.
 *
 * GUP_NOMMU is defined for tests of what there is without an MMU.
 */
#ifndef _GUP_KERNEL_H
#define _GUP_KERNEL_H

/* Within a kernel tree the real ones would be found beside our sources. */
#define __MM_INTERNAL_H
#define _MM_SWAP_H
#define __MM_VMA_H

#include <asm-generic/errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

/*
 * Configuration
 */

#ifndef GUP_32BIT
#define CONFIG_64BIT				1
#endif
#define CONFIG_X86_64				1
#define CONFIG_NUMA				1
#define CONFIG_ARCH_HAS_PTE_SPECIAL		1
#define CONFIG_ARCH_HAS_PKEYS			1
#define CONFIG_ARCH_SUPPORTS_PMD_PFNMAP		1
#define CONFIG_ARCH_WANT_GENERAL_HUGETLB	1
#define CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP	1
#define CONFIG_PCI_P2PDMA			1
#define CONFIG_SPARSEMEM_VMEMMAP		1
#define CONFIG_TRANSPARENT_HUGEPAGE		1
#define CONFIG_PGTABLE_HAS_HUGE_LEAVES		1
#define CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD 1
#ifndef GUP_NOMMU
#define CONFIG_MMU				1
#define CONFIG_HAVE_GUP_FAST			1
#ifndef GUP_GENERIC
#define CONFIG_GUP_FAST_X86			1
#endif
#ifdef GUP_CHECKED
#define CONFIG_MIGRATION			1
#endif
#endif
#ifdef GUP_CHECKED
#define CONFIG_DEBUG_VM				1
#define CONFIG_CMA				1
#endif
#ifdef GUP_RISCV
#undef CONFIG_ARCH_WANT_GENERAL_HUGETLB
#define CONFIG_RISCV_ISA_SVNAPOT		1
#endif

/* 1 for a macro that is defined as 1, 0 for one that is not defined. */
#define GUP_SET_1			0,
#define GUP_SECOND(a, b, ...)		b
#define GUP_IS_SET(x)			GUP_SECOND(x 1, 0, 0)
#define GUP_PASTE_SET(x)		GUP_IS_SET(GUP_SET_##x)
#define IS_ENABLED(option)		GUP_PASTE_SET(option)

/*
 * The compiler
 */

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int32_t s32;
typedef int64_t s64;
typedef unsigned long pgoff_t;
typedef unsigned int gfp_t;
typedef unsigned int vm_fault_t;
typedef unsigned long vm_flags_t;
typedef unsigned long phys_addr_t;

#define __user
#define __force
#define __bitwise
#define __percpu
#define __rcu
#define __must_hold(x)
#define __acquires(x)
#define __releases(x)
#define __must_check		__attribute__((__warn_unused_result__))
#define __maybe_unused		__attribute__((__unused__))
#define __always_unused		__attribute__((__unused__))
#define __read_mostly
#define __ro_after_init
#define __weak			__attribute__((__weak__))
#define __cold			__attribute__((__cold__))
#define __pure			__attribute__((__pure__))
#ifndef __always_inline
#define __always_inline		inline __attribute__((__always_inline__))
#endif
#define noinline		__attribute__((__noinline__))
#define fallthrough		__attribute__((__fallthrough__))
#ifdef __clang__
#define unrolled_full		_Pragma("clang loop unroll(full)")
#else
#define unrolled_full		_Pragma("GCC unroll 65534")
#endif
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define barrier()		__asm__ __volatile__("" : : : "memory")
#define OPTIMIZER_HIDE_VAR(var)	__asm__ ("" : "=r" (var) : "0" (var))
#define BITS_PER_LONG		64
#define ilog2(n)		(63 - __builtin_clzl(n))
#define BIT(nr)			(1UL << (nr))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define ALIGN_DOWN(x, a)	((x) & ~((typeof(x))(a) - 1))
#define ALIGN(x, a)		ALIGN_DOWN((x) + (a) - 1, a)
#define PAGE_ALIGN_DOWN(x)	ALIGN_DOWN(x, PAGE_SIZE)
#define IS_ALIGNED(x, a)	(((x) & ((typeof(x))(a) - 1)) == 0)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define offset_in_page(x)	((unsigned long)(x) & ~PAGE_MASK)
#define PAGE_ALIGNED(x)		IS_ALIGNED((unsigned long)(x), PAGE_SIZE)
#define PAGE_ALIGN(x)		ALIGN(x, PAGE_SIZE)
#define BUILD_BUG_ON(cond)	((void)sizeof(!!(cond)))
#define EXPORT_SYMBOL(x)	extern typeof(x) x
#define EXPORT_SYMBOL_GPL(x)	EXPORT_SYMBOL(x)
#define min(a, b) ({							\
	typeof(a) _min_a = (a);						\
	typeof(b) _min_b = (b);						\
	_min_a < _min_b ? _min_a : _min_b; })
#define max(a, b) ({							\
	typeof(a) _max_a = (a);						\
	typeof(b) _max_b = (b);						\
	_max_a > _max_b ? _max_a : _max_b; })
#define clamp(val, lo, hi)	min(max(val, (typeof(val))(lo)), (typeof(val))(hi))
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max_t(type, a, b)	max((type)(a), (type)(b))
#define check_add_overflow(a, b, sum)	__builtin_add_overflow(a, b, sum)
#define check_mul_overflow(a, b, product) __builtin_mul_overflow(a, b, product)
#define SZ_64			0x40UL
#define SZ_4K			0x1000UL
#define SZ_64K			0x10000UL
#define SZ_2M			0x200000UL
#define SZ_1G			0x40000000UL

#define IS_ERR_VALUE(x)		((unsigned long)(x) >= (unsigned long)-4095)
#define IS_ERR(p)		IS_ERR_VALUE((unsigned long)(p))
#define IS_ERR_OR_NULL(p)	(!(p) || IS_ERR(p))
#define ERR_PTR(error)		((void *)(long)(error))
#define PTR_ERR(p)		((long)(p))

/*
 * What the checks of a test find is no result of the test, but its end.
 */

#ifdef GUP_CHECKED
void __cold gup_die(const char *file, int line, const char *what)
	__attribute__((__noreturn__));
#define GUP_MUST(cond)							\
	((void)(likely(cond) ? 0 : (gup_die(__FILE__, __LINE__, #cond), 0)))
#else
#define GUP_MUST(cond)		((void)sizeof(!!(cond)))
#endif

/*
 * Atomics and barriers
 *
 * The thread sanitizer knows no barriers but acquire and release of a word. So a
 * read barrier acquires the words that the thread has read since the one before,
 * and each word that is written releases what was written before the last write
 * barrier. Reads that are not ordered after the write that made a page visible are
 * reported like this, unless they are READ_ONCE() or data_race().
 *
 * That is more order than there is if a word is written again between a read of it
 * and the read barrier, and less for more reads between two read barriers than are
 * remembered. An address dependency orders nothing here,
 * which is less than in the kernel. And no program that runs on x86 can show
 * that a full barrier is missing beside a locked instruction.
 */

#if defined(__SANITIZE_THREAD__)
#define GUP_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GUP_TSAN
#endif
#endif

#ifdef GUP_TSAN
void gup_note_read(const void *word);
void gup_note_write(void *word);
void __tsan_acquire(void *word);
void __tsan_release(void *word);
void gup_read_barrier(void);
void gup_write_barrier(void);
void gup_forget_barriers(void);
void *__tsan_create_fiber(unsigned int flags);
void *__tsan_get_current_fiber(void);
void __tsan_switch_to_fiber(void *fiber, unsigned int flags);
void __tsan_destroy_fiber(void *fiber);
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
#define data_race(expr) ({						\
	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);			\
	typeof(expr) _racy = (expr);					\
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);			\
	_racy; })
#else
#define gup_note_read(word)	((void)0)
#define gup_note_write(word)	((void)0)
#define gup_read_barrier()	barrier()
#define gup_write_barrier()	barrier()
#define gup_forget_barriers()	barrier()
#define data_race(expr)		(expr)
#endif

/* A word as it is in one read, of any type that fits into a register. */
#ifdef GUP_CHECKED
#define READ_ONCE(x) ({							\
	union {								\
		typeof(x) value;					\
		u8 raw8;						\
		u32 raw32;						\
		u64 raw64;						\
	} _once = {};							\
	_Static_assert(sizeof(x) == 8 || sizeof(x) == 4 || sizeof(x) == 1, \
		       "a register");					\
	if (sizeof(x) == 8)						\
		_once.raw64 = __atomic_load_n((const u64 *)&(x),	\
					      __ATOMIC_RELAXED);	\
	else if (sizeof(x) == 4)					\
		_once.raw32 = __atomic_load_n((const u32 *)&(x),	\
					      __ATOMIC_RELAXED);	\
	else								\
		_once.raw8 = __atomic_load_n((const u8 *)&(x),		\
					     __ATOMIC_RELAXED);		\
	gup_note_read((const void *)&(x));				\
	_once.value; })
#define WRITE_ONCE(x, v) ({						\
	gup_note_write((void *)&(x));					\
	__atomic_store_n(&(x), v, __ATOMIC_RELAXED); })
#else
#define READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile typeof(x) *)&(x) = (v))
#endif
/*
 * Bits that nobody changes, in a word of which other bits do change: what
 * ASSERT_EXCLUSIVE_BITS() says in the kernel. The thread sanitizer cannot be told.
 */
#ifdef GUP_TSAN
#define GUP_EXCLUSIVE_BITS(x)	__atomic_load_n(&(x), __ATOMIC_RELAXED)
#else
#define GUP_EXCLUSIVE_BITS(x)	(x)
#endif
#define prefetchw(p)		__builtin_prefetch(p, 1)

#define smp_mb() ({							\
	gup_write_barrier();						\
	__asm__ __volatile__("lock; addl $0,-4(%%rsp)" : : : "memory", "cc"); \
	gup_read_barrier(); })
#ifdef GUP_CHECKED
#define smp_rmb()		({ barrier(); gup_read_barrier(); })
#define smp_wmb()		({ barrier(); gup_write_barrier(); })
/* The locked instruction that it stands beside is the barrier. */
#define smp_mb__after_atomic()						\
	({ gup_write_barrier(); barrier(); gup_read_barrier(); })
#define smp_mb__before_atomic()	smp_mb__after_atomic()
#else
#define smp_rmb()		barrier()
#define smp_wmb()		barrier()
#define smp_mb__after_atomic()	barrier()
#define smp_mb__before_atomic()	barrier()
#endif

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	long counter;
} atomic_long_t;

#define ATOMIC_INIT(i)		{ (i) }
#define atomic_read(v)		READ_ONCE((v)->counter)
#define atomic_set(v, i)	WRITE_ONCE((v)->counter, i)

/*
 * Tests can step in right before and after a counter changes, before a spinlock
 * is taken, and before a mapping is looked into.
 */
#ifdef GUP_CHECKED
extern void (*gup_hook)(void *word, bool after);
#define GUP_HOOKED(v, op) ({						\
	typeof(&(v)->counter) _word = &(v)->counter;			\
									\
	if (gup_hook)							\
		gup_hook(_word, false);					\
	typeof(op) _result = op;					\
	if (gup_hook)							\
		gup_hook(_word, true);					\
	_result; })
#else
#define GUP_HOOKED(v, op)	(op)
#endif

/*
 * Operations that return what they found are full barriers, a cmpxchg only if it
 * succeeds. All others are not ordered, or if they are, the benchmark would not
 * see a difference: it is the same instruction.
 */
#ifdef GUP_CHECKED
#define GUP_UNORDERED		__ATOMIC_RELAXED
#else
#define GUP_UNORDERED		__ATOMIC_SEQ_CST
#endif
#define GUP_FULLY_ORDERED(v, op) GUP_HOOKED(v, ({			\
	gup_write_barrier();						\
	typeof(op) _ordered = op;					\
	gup_read_barrier();						\
	_ordered; }))

#define atomic_add_return(i, v)						\
	GUP_FULLY_ORDERED(v, __atomic_add_fetch(&(v)->counter, i,	\
						__ATOMIC_SEQ_CST))
#define atomic_sub_return(i, v)						\
	GUP_FULLY_ORDERED(v, __atomic_sub_fetch(&(v)->counter, i,	\
						__ATOMIC_SEQ_CST))
#define atomic_fetch_add(i, v)						\
	GUP_FULLY_ORDERED(v, __atomic_fetch_add(&(v)->counter, i,	\
						__ATOMIC_SEQ_CST))
#define atomic_try_cmpxchg(v, old, new)	GUP_HOOKED(v, ({		\
	gup_write_barrier();						\
	bool _done = __atomic_compare_exchange_n(&(v)->counter, old, new, \
						 false, __ATOMIC_SEQ_CST, \
						 __ATOMIC_RELAXED);	\
	if (_done)							\
		gup_read_barrier();					\
	_done; }))
#define atomic_add(i, v)						\
	((void)GUP_HOOKED(v, __atomic_fetch_add(&(v)->counter, i,	\
						GUP_UNORDERED)))
#define atomic_sub(i, v)						\
	((void)GUP_HOOKED(v, __atomic_fetch_sub(&(v)->counter, i,	\
						GUP_UNORDERED)))
#define atomic_inc(v)			atomic_add(1, v)
#define atomic_sub_and_test(i, v)	(atomic_sub_return(i, v) == 0)
#define atomic_add_negative(i, v)	(atomic_add_return(i, v) < 0)
#define atomic_long_read(v)		atomic_read(v)
#define atomic_long_add(i, v)		atomic_add(i, v)

/* Adds unless the value is @unless; tells whether it did. */
static __always_inline bool atomic_add_unless(atomic_t *v, int add, int unless)
{
	int old = atomic_read(v);

	do {
		if (unlikely(old == unless))
			return false;
	} while (!atomic_try_cmpxchg(v, &old, old + add));
	return true;
}

static __always_inline bool test_bit(unsigned long nr, const unsigned long *word)
{
	return READ_ONCE(word[nr / BITS_PER_LONG]) & BIT(nr % BITS_PER_LONG);
}

static __always_inline void set_bit(unsigned long nr, unsigned long *word)
{
	__atomic_fetch_or(&word[nr / BITS_PER_LONG], BIT(nr % BITS_PER_LONG),
			  GUP_UNORDERED);
}

static __always_inline void clear_bit(unsigned long nr, unsigned long *word)
{
	__atomic_fetch_and(&word[nr / BITS_PER_LONG], ~BIT(nr % BITS_PER_LONG),
			   GUP_UNORDERED);
}

/*
 * Warnings
 */

/* Number of warnings so far; printed unless a test expects them. */
extern unsigned long gup_warnings;
extern bool gup_warnings_expected;
void __cold gup_warn(const char *file, int line);

#define WARN_ON(cond) ({						\
	const bool _warn = !!(cond);					\
	if (unlikely(_warn))						\
		gup_warn(__FILE__, __LINE__);				\
	unlikely(_warn); })
#define WARN_ON_ONCE(cond)		WARN_ON(cond)
#define WARN_ONCE(cond, ...)		WARN_ON(cond)
#define WARN(cond, ...)			WARN_ON(cond)
#define BUG_ON(cond)			((void)WARN_ON(cond))
#define BUG()				BUG_ON(true)
#define pr_warn(...)			((void)0)
#define pr_warn_once(...)		((void)0)
#define pr_warn_ratelimited(...)	((void)0)
#ifdef CONFIG_DEBUG_VM
#define VM_WARN_ON_ONCE(cond)		((void)WARN_ON(cond))
#else
#define VM_WARN_ON_ONCE(cond)		((void)sizeof(!!(cond)))
#endif
#define VM_WARN_ON(cond)		VM_WARN_ON_ONCE(cond)
#define VM_BUG_ON(cond)			VM_WARN_ON_ONCE(cond)
#define VM_WARN_ON_ONCE_PAGE(cond, page) VM_WARN_ON_ONCE(cond)
#define VM_WARN_ON_PAGE(cond, page)	VM_WARN_ON_ONCE(cond)
#define VM_BUG_ON_PAGE(cond, page)	VM_WARN_ON_ONCE(cond)
#define VM_WARN_ON_ONCE_FOLIO(cond, folio) VM_WARN_ON_ONCE(cond)
#define VM_WARN_ON_FOLIO(cond, folio)	VM_WARN_ON_ONCE(cond)
#define VM_BUG_ON_FOLIO(cond, folio)	VM_WARN_ON_ONCE(cond)
#define VM_WARN_ON_ONCE_VMA(cond, vma)	VM_WARN_ON_ONCE(cond)
#define VM_BUG_ON_VMA(cond, vma)	VM_WARN_ON_ONCE(cond)

/*
 * Threads, interrupts, locks
 */

#define GUP_MAX_LOCKS	4

struct mm_struct;

/**
 * struct task_struct - a thread
 * @mm: Its address space.
 * @comm: Its name.
 * @flags: PF_* flags.
 * @signal: There is a signal for it.
 * @fatal_signal: The signal will kill it.
 * @pkru: Value of the protection key register, where the CPU has none.
 * @irqs_off: Even: interrupts are on. Grows with each change.
 * @locks: Spinlocks that it holds.
 * @nr_locks: How many.
 * @nr_mmap_locks: How often it has mmap_lock.
 * @nr_vma_locks: How many VMAs it has locked for reading.
 * @nr_flushed: Pages whose caches it was told to flush.
 * @pins_saved: Between memalloc_pin_save() and memalloc_pin_restore().
 */
struct task_struct {
	struct mm_struct *mm;
	char comm[16];
	unsigned int flags;
	bool signal;
	bool fatal_signal;
	u32 pkru;
	unsigned long irqs_off;
	const void *locks[GUP_MAX_LOCKS];
	unsigned int nr_locks;
	unsigned int nr_mmap_locks;
	unsigned int nr_vma_locks;
	unsigned long nr_flushed;
	unsigned int pins_saved;
};

extern __thread struct task_struct gup_task;
#define current			(&gup_task)
#define task_pid_nr(task)	1
#define PF_DUMPCORE		0x200

static inline bool fatal_signal_pending(struct task_struct *task)
{
	return unlikely(READ_ONCE(task->fatal_signal));
}

static inline bool signal_pending(struct task_struct *task)
{
	return unlikely(READ_ONCE(task->signal)) || fatal_signal_pending(task);
}

int cond_resched(void);
void gup_wait(void);
/* Neither with interrupts off nor with a spinlock held. */
#define might_sleep()							\
	GUP_MUST(!irqs_disabled() && !current->nr_locks)
#define might_fault()		might_sleep()
#define might_lock_read(lock)	((void)0)
#define preempt_disable()	barrier()
#define preempt_enable()	barrier()
#define rcu_read_lock()		barrier()
#define rcu_read_unlock()	barrier()

/*
 * User space cannot switch interrupts off. What is left of it is to save the
 * flags; tests note that it is so, for tlb_remove_table_sync_one() to wait for.
 */
#ifdef GUP_CHECKED
#define local_irq_save(saved) ({						\
	GUP_MUST(!irqs_disabled());					\
	(saved) = __atomic_fetch_add(&current->irqs_off, 1,		\
				     __ATOMIC_SEQ_CST); })
#define local_irq_restore(saved) ({					\
	GUP_MUST((saved) == current->irqs_off - 1);			\
	(void)__atomic_fetch_add(&current->irqs_off, 1,			\
				 __ATOMIC_SEQ_CST); })
#define irqs_disabled()		(current->irqs_off & 1)
#else
#define local_irq_save(saved)						\
	__asm__ __volatile__("pushf; pop %0" : "=rm" (saved) : : "memory")
#define local_irq_restore(saved)					\
	__asm__ __volatile__("" : : "r" (saved) : "memory")
#define irqs_disabled()		false
#endif
#ifdef GUP_CHECKED
#define lockdep_assert_irqs_disabled()	GUP_MUST(irqs_disabled())
#define lockdep_assert_held(lock)	GUP_MUST(gup_holds(lock))
#else
#define lockdep_assert_irqs_disabled()	((void)0)
#define lockdep_assert_held(lock)	((void)(lock))
#endif
#define in_interrupt()		false
void tlb_remove_table_sync_one(void);

typedef struct {
	u8 locked;
} spinlock_t;

#ifdef GUP_CHECKED
/* Called right before a spinlock is released, if set. */
extern void (*gup_unlock_hook)(spinlock_t *lock);
#endif
bool gup_holds(const spinlock_t *lock);
void spin_lock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock);
#define assert_spin_locked(lock)	lockdep_assert_held(lock)

typedef struct {
	unsigned int sequence;
} seqcount_t;

#define raw_read_seqcount(s) ({						\
	unsigned int _seq = READ_ONCE((s)->sequence);			\
									\
	smp_rmb();							\
	_seq; })
#define raw_seqcount_try_begin(s, start) ({				\
	(start) = raw_read_seqcount(s);					\
	!((start) & 1); })
#define read_seqcount_retry(s, start) ({				\
	smp_rmb();							\
	unlikely(READ_ONCE((s)->sequence) != (start)); })

/*
 * Pages and folios
 */

#define PAGE_SHIFT		12
#define PAGE_SIZE		(1UL << PAGE_SHIFT)
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define HPAGE_PMD_ORDER		9
#define HPAGE_PMD_NR		(1UL << HPAGE_PMD_ORDER)
#define HPAGE_PUD_NR		(1UL << 18)
#define pageblock_order		HPAGE_PMD_ORDER
#define MAX_FOLIO_ORDER		18
#define NUMA_NO_NODE		(-1)
#define numa_node_id()		0
#define MAX_NUMNODES		2
#define NODES_PGSHIFT		54
#define ZONES_PGSHIFT		51
#define ZONES_MASK		7UL
#define GUP_PIN_COUNTING_BIAS	1024

enum zone_type {
	ZONE_NORMAL = 2,
	ZONE_MOVABLE,
	ZONE_DEVICE,
};

enum pageflags {
	PG_locked,
	PG_referenced = 2,
	PG_dirty = 4,
	PG_lru,
	PG_head,
	PG_active = 8,
	PG_owner_2 = 11,
	PG_anon_exclusive = PG_owner_2,
	PG_reserved = 13,
	PG_hwpoison = 20,
};

enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_CMA = 4,
	MIGRATE_ISOLATE,
};

#define PGTY_SLAB		0xf5
#define PGTY_HUGETLB		0xf4

#define FOLIO_MAPPING_ANON	0x1
#define FOLIO_MAPPING_ANON_KSM	0x2
#define FOLIO_MAPPING_FLAGS	(FOLIO_MAPPING_ANON | FOLIO_MAPPING_ANON_KSM)

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD(name)		struct list_head name = { &(name), &(name) }
#define list_empty(head)	((head)->next == (head))

typedef struct {
	unsigned long f;
} memdesc_flags_t;

struct address_space_operations {
	int unused;
};

struct address_space {
	const struct address_space_operations *a_ops;
	bool shmem;
};

enum memory_type {
	MEMORY_DEVICE_COHERENT = 2,
	MEMORY_DEVICE_FS_DAX,
	MEMORY_DEVICE_PCI_P2PDMA = 5,
};

struct dev_pagemap {
	enum memory_type type;
};

struct page {
	memdesc_flags_t flags;
	union {
		struct {
			struct list_head lru;
			struct address_space *mapping;
			unsigned long index;
			unsigned long private;
		};
		unsigned long compound_info;
		/* A page table: the lock of its entries. */
		spinlock_t ptl;
	};
	union {
		unsigned int page_type;
		atomic_t _mapcount;
	};
	atomic_t _refcount;
	unsigned long memcg_data;
};

struct folio {
	union {
		struct {
			memdesc_flags_t flags;
			union {
				struct list_head lru;
				struct dev_pagemap *pgmap;
			};
			struct address_space *mapping;
			unsigned long index;
			void *private;
			atomic_t _mapcount;
			atomic_t _refcount;
			unsigned long memcg_data;
		};
		struct page page;
	};
	union {
		struct {
			unsigned long _flags_1;
			unsigned long _head_1;
			atomic_t _large_mapcount;
			atomic_t _nr_pages_mapped;
			atomic_t _entire_mapcount;
			atomic_t _pincount;
			unsigned long _unused_1[2];
			atomic_t _mapcount_1;
			atomic_t _refcount_1;
			unsigned int _nr_pages;
		};
		struct page __page_1;
	};
};

_Static_assert(sizeof(struct page) == 64, "struct page fills a cache line");
_Static_assert(offsetof(struct folio, _refcount) ==
	       offsetof(struct page, _refcount), "a folio is its head page");
_Static_assert(offsetof(struct folio, _refcount_1) ==
	       sizeof(struct page) + offsetof(struct page, _refcount),
	       "the second page of a folio is a page");

/* The memory map, aligned to its largest folio, and its size. */
extern struct page *vmemmap;
extern unsigned long gup_nr_pfns;
extern unsigned long highest_memmap_pfn;
/* Where physical address 0 would be mapped. */
extern unsigned long page_offset_base;

#define pfn_to_page(pfn)	(vmemmap + (pfn))
#define page_to_pfn(page)	((unsigned long)((page) - vmemmap))
#define pfn_valid(pfn)		((pfn) < gup_nr_pfns)
#define nth_page(page, n)	((page) + (n))
#define __va(phys)		((void *)((unsigned long)(phys) + page_offset_base))
#define __pa(p)			((unsigned long)(p) - page_offset_base)
#define virt_to_page(p)		pfn_to_page(__pa(p) >> PAGE_SHIFT)

/* A tail has the mask of its folio's size, with bit 0 to be told by. */
static __always_inline unsigned long gup_compound_head(const struct page *page)
{
	unsigned long info = READ_ONCE(page->compound_info);

	if (IS_ENABLED(CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP))
		return (unsigned long)page & (((info & 1) - 1) | info);
	return info & 1 ? info - 1 : (unsigned long)page;
}

#define compound_head(page)	((typeof(page))gup_compound_head(page))
#define page_folio(p)		(_Generic((p),				\
	const struct page *: (const struct folio *)gup_compound_head(p), \
	struct page *: (struct folio *)gup_compound_head(p)))
#define folio_page(folio, n)	(&(folio)->page + (n))
#define folio_pfn(folio)	page_to_pfn(&(folio)->page)
#define folio_page_idx(folio, p) ((unsigned long)((p) - &(folio)->page))

static __always_inline int PageTail(const struct page *page)
{
	return READ_ONCE(page->compound_info) & 1;
}

static __always_inline bool PageHead(const struct page *page)
{
	return test_bit(PG_head, &page->flags.f);
}

static __always_inline int PageCompound(const struct page *page)
{
	return PageHead(page) || PageTail(page);
}

static __always_inline bool folio_test_large(const struct folio *folio)
{
	return PageHead(&folio->page);
}

#define GUP_FOLIO_FLAG(name)						\
static __always_inline bool folio_test_##name(const struct folio *folio) \
{									\
	return test_bit(PG_##name, &folio->flags.f);			\
}									\
static __always_inline void folio_set_##name(struct folio *folio)	\
{									\
	set_bit(PG_##name, &folio->flags.f);				\
}									\
static __always_inline void folio_clear_##name(struct folio *folio)	\
{									\
	clear_bit(PG_##name, &folio->flags.f);				\
}

GUP_FOLIO_FLAG(referenced)
GUP_FOLIO_FLAG(dirty)
GUP_FOLIO_FLAG(active)
GUP_FOLIO_FLAG(lru)

static __always_inline bool folio_test_slab(const struct folio *folio)
{
	return data_race(folio->page.page_type >> 24) == PGTY_SLAB;
}

static __always_inline bool folio_test_hugetlb(const struct folio *folio)
{
	return data_race(folio->page.page_type >> 24) == PGTY_HUGETLB;
}

#define PageHuge(page)		folio_test_hugetlb(page_folio(page))

static __always_inline bool folio_test_anon(const struct folio *folio)
{
	return (unsigned long)folio->mapping & FOLIO_MAPPING_ANON;
}

static __always_inline bool PageAnon(const struct page *page)
{
	return folio_test_anon(page_folio(page));
}

static __always_inline int PageAnonExclusive(const struct page *page)
{
	VM_WARN_ON_ONCE(!PageAnon(page));
	if (PageHuge(page))
		page = compound_head(page);
	return test_bit(PG_anon_exclusive, &page->flags.f);
}

static inline unsigned int folio_large_order(const struct folio *folio)
{
	return folio->_flags_1 & 0xff;
}

static inline unsigned long folio_large_nr_pages(const struct folio *folio)
{
	return folio->_nr_pages;
}

static inline unsigned int compound_order(const struct page *page)
{
	const struct folio *folio = (const struct folio *)page;

	return folio_test_large(folio) ? folio_large_order(folio) : 0;
}

static inline unsigned int folio_order(const struct folio *folio)
{
	return folio_test_large(folio) ? folio_large_order(folio) : 0;
}

static inline unsigned long folio_nr_pages(const struct folio *folio)
{
	return folio_test_large(folio) ? folio_large_nr_pages(folio) : 1;
}

#define folio_size(folio)	(PAGE_SIZE << folio_order(folio))
#define folio_next_index(folio)	((folio)->index + folio_nr_pages(folio))
#define offset_in_folio(folio, p) ((unsigned long)(p) & (folio_size(folio) - 1))
/* Where a long has 32 bits, two struct pages have no room for it. */
#define folio_has_pincount(folio)					\
	(IS_ENABLED(CONFIG_64BIT) ? folio_test_large(folio) : folio_order(folio) > 1)

static inline int memdesc_nid(const memdesc_flags_t *flags)
{
	return GUP_EXCLUSIVE_BITS(flags->f) >> NODES_PGSHIFT;
}

#define folio_nid(folio)	memdesc_nid(&(folio)->flags)

#define page_to_nid(page)	folio_nid(page_folio(page))

static inline enum zone_type folio_zonenum(const struct folio *folio)
{
	return (GUP_EXCLUSIVE_BITS(folio->flags.f) >> ZONES_PGSHIFT) & ZONES_MASK;
}

static inline bool gup_folio_is_device(const struct folio *folio,
				       enum memory_type type)
{
	return folio_zonenum(folio) == ZONE_DEVICE && folio->pgmap->type == type;
}

#define folio_is_zone_movable(f) (folio_zonenum(f) == ZONE_MOVABLE)
#define folio_is_zone_device(f)	(folio_zonenum(f) == ZONE_DEVICE)
#define folio_is_pci_p2pdma(f)	gup_folio_is_device(f, MEMORY_DEVICE_PCI_P2PDMA)
#define is_pci_p2pdma_page(page) folio_is_pci_p2pdma(page_folio(page))
#define folio_is_fsdax(f)	gup_folio_is_device(f, MEMORY_DEVICE_FS_DAX)
#define folio_is_device_coherent(f) \
	gup_folio_is_device(f, MEMORY_DEVICE_COHERENT)

extern unsigned long zero_pfn;
extern unsigned long huge_zero_pfn;

#define is_zero_pfn(pfn)	((pfn) == zero_pfn)
#define is_zero_page(page)	is_zero_pfn(page_to_pfn(page))
#define is_zero_folio(folio)	is_zero_page(&(folio)->page)

static inline bool is_huge_zero_pfn(unsigned long pfn)
{
	return READ_ONCE(huge_zero_pfn) == (pfn & ~(HPAGE_PMD_NR - 1));
}

#define is_huge_zero_folio(folio) is_huge_zero_pfn(folio_pfn(folio))

/* What the pageblock of a page is for. */
#ifdef CONFIG_CMA
extern u8 *gup_blocks;
#define folio_migratetype(folio) \
	READ_ONCE(gup_blocks[folio_pfn(folio) >> pageblock_order])
#else
#define folio_migratetype(folio) ((void)(folio), MIGRATE_MOVABLE)
#endif

static inline bool folio_is_longterm_pinnable(struct folio *folio)
{
	const unsigned int type = folio_migratetype(folio);

	if (type == MIGRATE_CMA || type == MIGRATE_ISOLATE)
		return false;
	if (is_zero_folio(folio))
		return true;
	return !folio_is_device_coherent(folio) && !folio_is_fsdax(folio) &&
	       !folio_is_zone_movable(folio);
}

/* References */

#define page_ref_tracepoint_active(tracepoint)	false
#define __page_ref_mod_unless(page, refs, ret)	((void)0)
#define folio_ref_count(folio)		atomic_read(&(folio)->_refcount)
#define page_ref_count(page)		folio_ref_count(page_folio(page))
#define page_count(page)		folio_ref_count(page_folio(page))
#define folio_ref_add(folio, nr)	atomic_add(nr, &(folio)->_refcount)
#define folio_ref_sub(folio, nr)	atomic_sub(nr, &(folio)->_refcount)
#define folio_ref_inc(folio)		folio_ref_add(folio, 1)
#define folio_ref_try_add(folio, nr)	\
	atomic_add_unless(&(folio)->_refcount, nr, 0)
#define folio_try_get(folio)		folio_ref_try_add(folio, 1)

void __folio_put(struct folio *folio);

static __always_inline void folio_put_refs(struct folio *folio, int refs)
{
	VM_WARN_ON_ONCE(folio_ref_count(folio) == 0);
	if (atomic_sub_and_test(refs, &folio->_refcount))
		__folio_put(folio);
}

static __always_inline void folio_put(struct folio *folio)
{
	folio_put_refs(folio, 1);
}

static __always_inline void folio_get(struct folio *folio)
{
	folio_ref_add(folio, 1);
}

static __always_inline void put_page(struct page *page)
{
	folio_put(page_folio(page));
}

static inline bool folio_maybe_dma_pinned(struct folio *folio)
{
	if (folio_has_pincount(folio))
		return atomic_read(&folio->_pincount) > 0;
	return (unsigned int)folio_ref_count(folio) >= GUP_PIN_COUNTING_BIAS;
}

void folio_mark_accessed(struct folio *folio);
bool folio_mark_dirty(struct folio *folio);
bool folio_mark_dirty_lock(struct folio *folio);
/* How often it was called. */
extern unsigned long gup_nr_dirty_locked;
#define set_page_dirty(page)	folio_mark_dirty(page_folio(page))
#define mark_page_accessed(page) folio_mark_accessed(page_folio(page))

/* Set by tests: what arch_make_folio_accessible() returns. */
#ifdef GUP_CHECKED
extern int gup_accessible_error;
#define arch_make_folio_accessible(folio) ((void)(folio), gup_accessible_error)
#else
#define arch_make_folio_accessible(folio) ((void)(folio), 0)
#endif

/* Node statistics */

enum node_stat_item {
	NR_FOLL_PIN_ACQUIRED,
	NR_FOLL_PIN_RELEASED,
	NR_ISOLATED_ANON,
	NR_ISOLATED_FILE,
	NR_VM_NODE_STAT_ITEMS,
};

typedef struct pglist_data {
	atomic_long_t vm_stat[NR_VM_NODE_STAT_ITEMS];
	int node_id;
} pg_data_t;

extern struct pglist_data gup_nodes[MAX_NUMNODES];
#define NODE_DATA(nid)		(&gup_nodes[nid])
#define folio_pgdat(folio)	NODE_DATA(folio_nid(folio))
#define page_pgdat(page)	NODE_DATA(page_to_nid(page))
enum vm_event_item {
	GUP_FAST_PAGES,
	GUP_FAST_FALLBACK,
	GUP_FAST_UNDONE,
	GUP_FAULT_VMA_LOCK,
	GUP_FAULT_MMAP_LOCK,
	GUP_UNSHARE,
	GUP_LONGTERM_MOVED,
	GUP_LONGTERM_FAILED,
	NR_VM_EVENT_ITEMS,
};

extern __thread unsigned long vm_events[NR_VM_EVENT_ITEMS];
#define count_vm_event(item)		((void)vm_events[item]++)
#define count_vm_events(item, delta)	((void)(vm_events[item] += (delta)))

/* Trace events are functions that do nothing. */
#define TP_PROTO(...)			__VA_ARGS__
#define TRACE_DEFINE_ENUM(a)
#define TRACE_EVENT(name, proto, ...)					\
	static inline bool trace_##name##_enabled(void)			\
	{								\
		return false;						\
	}								\
	static inline void trace_##name(proto) { }
#define DECLARE_EVENT_CLASS(...)
#define DEFINE_EVENT(class, name, proto, ...)				\
	static inline void trace_##name(proto) { }

void mod_node_page_state(struct pglist_data *pgdat, enum node_stat_item item,
			 long delta);
void __mod_node_page_state(struct pglist_data *pgdat, enum node_stat_item item,
			   long delta);

static inline void node_stat_mod_folio(struct folio *folio,
				       enum node_stat_item item, long nr)
{
	mod_node_page_state(folio_pgdat(folio), item, nr);
}

/*
 * Page tables
 */

typedef u64 pteval_t;
typedef u64 pmdval_t;
typedef u64 pudval_t;
typedef struct { u64 pte; } pte_t;
typedef struct { u64 pmd; } pmd_t;
typedef struct { u64 pud; } pud_t;
typedef struct { u64 p4d; } p4d_t;
typedef struct { u64 pgd; } pgd_t;
typedef struct { u64 pgprot; } pgprot_t;

#define PMD_SHIFT		21
#define PUD_SHIFT		30
#define P4D_SHIFT		39
#define PGDIR_SHIFT		39
#define PMD_SIZE		(1UL << PMD_SHIFT)
#define PUD_SIZE		(1UL << PUD_SHIFT)
#define P4D_SIZE		(1UL << P4D_SHIFT)
#define PGDIR_SIZE		(1UL << PGDIR_SHIFT)
#define PMD_MASK		(~(PMD_SIZE - 1))
#define PUD_MASK		(~(PUD_SIZE - 1))
#define P4D_MASK		(~(P4D_SIZE - 1))
#define HPAGE_PMD_SIZE		PMD_SIZE
#define HPAGE_PMD_MASK		PMD_MASK
#define HPAGE_PUD_SIZE		PUD_SIZE
#define HPAGE_PUD_MASK		PUD_MASK
#define PTRS_PER_PTE		512UL
#define PTRS_PER_PMD		512UL
#ifdef GUP_NOMMU
/* All addresses are user addresses. */
#define TASK_SIZE_MAX		ULONG_MAX
#else
#define TASK_SIZE_MAX		((1UL << 47) - PAGE_SIZE)
#endif
#define TASK_SIZE		TASK_SIZE_MAX

#define _PAGE_PRESENT		0x001UL
#define _PAGE_RW		0x002UL
#define _PAGE_USER		0x004UL
#define _PAGE_ACCESSED		0x020UL
#define _PAGE_DIRTY		0x040UL
#define _PAGE_PSE		0x080UL
#define _PAGE_GLOBAL		0x100UL
#define _PAGE_PROTNONE		_PAGE_GLOBAL
#define _PAGE_SPECIAL		0x200UL
#define _PAGE_UFFD		0x400UL
#define _PAGE_SOFT_DIRTY	0x800UL
#define _PAGE_SAVED_DIRTY	BIT(58)
#define _PAGE_BIT_PKEY_BIT0	59
#define _PAGE_PKEY_MASK		(15UL << _PAGE_BIT_PKEY_BIT0)
#define _PAGE_NX		BIT(63)
#define _PAGE_DIRTY_BITS	(_PAGE_DIRTY | _PAGE_SAVED_DIRTY)
#define _PAGE_TABLE		(_PAGE_PRESENT | _PAGE_RW | _PAGE_USER | \
				 _PAGE_ACCESSED | _PAGE_DIRTY)
#define PTE_PFN_MASK		(((1UL << 52) - 1) & PAGE_MASK)
#define PHYSICAL_PMD_PAGE_MASK	(PTE_PFN_MASK & PMD_MASK)

/*
 * An entry that is neither none nor present has its PFN inverted, lest the CPU
 * speculates with it.
 */
static __always_inline u64 gup_pfn_invert(u64 val)
{
	return val && !(val & _PAGE_PRESENT) ? ~0UL : 0;
}

static __always_inline unsigned long gup_entry_pfn(u64 val, u64 mask)
{
	return ((val ^ gup_pfn_invert(val)) & PTE_PFN_MASK & mask) >> PAGE_SHIFT;
}

/* What a dirty bit becomes in an entry that does not permit writing. */
static __always_inline u64 gup_save_dirty(u64 val)
{
	if (!(val & _PAGE_RW) && (val & _PAGE_DIRTY))
		val ^= _PAGE_DIRTY_BITS;
	return val;
}

/*
 * An entry of a shadow stack, which is writable in its way: dirty, but without the
 * bit for writing. The benchmark has a CPU without.
 */
static __always_inline bool gup_shadow_stack(u64 val)
{
	return IS_ENABLED(CONFIG_DEBUG_VM) &&
	       (val & (_PAGE_RW | _PAGE_DIRTY)) == _PAGE_DIRTY;
}

/* What the leaves of all levels have in common. */
#define GUP_ENTRY(level, size_mask, shadow_stacks)			\
static inline u64 level##_val(level##_t e)				\
{									\
	return e.level;							\
}									\
static inline level##_t __##level(u64 val)				\
{									\
	return (level##_t) { val };					\
}									\
static inline bool level##_none(level##_t e)				\
{									\
	return !(e.level & ~(_PAGE_ACCESSED | _PAGE_DIRTY));		\
}									\
static inline unsigned long level##_pfn(level##_t e)			\
{									\
	return gup_entry_pfn(e.level, size_mask);			\
}									\
static inline u64 level##_flags(level##_t e)				\
{									\
	return e.level & ~PTE_PFN_MASK;					\
}									\
static inline bool level##_dirty(level##_t e)				\
{									\
	return e.level & _PAGE_DIRTY_BITS;				\
}									\
static inline bool level##_young(level##_t e)				\
{									\
	return e.level & _PAGE_ACCESSED;				\
}									\
static inline int level##_write(level##_t e)				\
{									\
	return (e.level & _PAGE_RW) ||					\
	       ((shadow_stacks) && gup_shadow_stack(e.level));		\
}									\
static inline bool level##_special(level##_t e)				\
{									\
	return e.level & _PAGE_SPECIAL;					\
}									\
static inline bool level##_soft_dirty(level##_t e)			\
{									\
	return e.level & _PAGE_SOFT_DIRTY;				\
}									\
static inline bool level##_uffd(level##_t e)				\
{									\
	return e.level & _PAGE_UFFD;					\
}									\
static inline bool level##_protnone(level##_t e)			\
{									\
	return (e.level & (_PAGE_PROTNONE | _PAGE_PRESENT)) ==		\
	       _PAGE_PROTNONE;						\
}									\
static inline level##_t level##_mkyoung(level##_t e)			\
{									\
	return __##level(e.level | _PAGE_ACCESSED);			\
}									\
static inline level##_t level##_mkold(level##_t e)			\
{									\
	return __##level(e.level & ~_PAGE_ACCESSED);			\
}									\
static inline level##_t level##_mkdirty(level##_t e)			\
{									\
	return __##level(gup_save_dirty(e.level | _PAGE_DIRTY |		\
					_PAGE_SOFT_DIRTY));		\
}									\
static inline level##_t level##_mkclean(level##_t e)			\
{									\
	return __##level(e.level & ~_PAGE_DIRTY_BITS);			\
}									\
static inline bool level##_same(level##_t a, level##_t b)		\
{									\
	return a.level == b.level;					\
}									\
static inline bool level##_access_permitted(level##_t e, bool write)	\
{									\
	return gup_access_permitted(e.level, write);			\
}

/* Protection keys: 2 bits each, of which either forbids something. */
#define PKRU_BITS_PER_PKEY	2
#define PKRU_AD_BIT		1U
#define PKRU_WD_BIT		2U

/* True if this CPU has them, and the system has enabled them. */
extern bool gup_have_pkru;

static __always_inline u32 read_pkru(void)
{
	u32 pkru, high;

	if (!gup_have_pkru)
		return current->pkru;
	__asm__ __volatile__("rdpkru" : "=a" (pkru), "=d" (high) : "c" (0));
	return pkru;
}

static inline bool __pkru_allows_pkey(u16 key, bool write)
{
	u32 deny = PKRU_AD_BIT | (write ? PKRU_WD_BIT : 0);

	return !(read_pkru() & (deny << (key * PKRU_BITS_PER_PKEY)));
}

static inline u16 pte_flags_pkey(unsigned long flags)
{
	return (flags & _PAGE_PKEY_MASK) >> _PAGE_BIT_PKEY_BIT0;
}

static inline bool gup_access_permitted(u64 val, bool write)
{
	u64 need = _PAGE_PRESENT | _PAGE_USER | (write ? _PAGE_RW : 0);

	if ((val & need) != need)
		return false;
	return __pkru_allows_pkey(pte_flags_pkey(val), write);
}

GUP_ENTRY(pte, ~0UL, true)
GUP_ENTRY(pmd, e.pmd & _PAGE_PSE ? PMD_MASK : ~0UL, true)
GUP_ENTRY(pud, e.pud & _PAGE_PSE ? PUD_MASK : ~0UL, false)

#define pte_page(e)		pfn_to_page(pte_pfn(e))
#define pmd_page(e)		pfn_to_page(pmd_pfn(e))
#define pud_page(e)		pfn_to_page(pud_pfn(e))
#define pte_present(e)		(!!((e).pte & (_PAGE_PRESENT | _PAGE_PROTNONE)))
#define pmd_present(e)		(!!((e).pmd & (_PAGE_PRESENT | _PAGE_PROTNONE | \
					       _PAGE_PSE)))
#define pud_present(e)		((e).pud & _PAGE_PRESENT)
#define p4d_present(e)		((e).p4d & _PAGE_PRESENT)
#define pgd_present(e)		true
#define pmd_leaf(e)		(!!((e).pmd & _PAGE_PSE))
#define pud_leaf(e)		(!!((e).pud & _PAGE_PSE))
#define p4d_leaf(e)		((void)(e), false)
#define pgd_leaf(e)		((void)(e), false)
#define pmd_trans_huge(e)	pmd_leaf(e)
#define pud_trans_huge(e)	pud_leaf(e)
#define is_huge_zero_pmd(e)	(pmd_present(e) && is_huge_zero_pfn(pmd_pfn(e)))
#define GUP_TABLE_BAD(val)						\
	(((val) & ~PTE_PFN_MASK & ~(_PAGE_USER | _PAGE_ACCESSED)) !=	\
	 (_PAGE_TABLE & ~(_PAGE_USER | _PAGE_ACCESSED)))
#define pmd_bad(e)		GUP_TABLE_BAD((e).pmd)
#define pud_bad(e)		GUP_TABLE_BAD((e).pud)
/* The level of P4Ds is folded into that of PGDs. */
#define p4d_bad(e)		GUP_TABLE_BAD((e).p4d)
#define p4d_none(e)		(!((e).p4d & ~(_PAGE_ACCESSED | _PAGE_DIRTY)))
#define p4d_val(e)		((e).p4d)
#define pgd_bad(e)		((void)(e), false)
#define pgd_none(e)		((void)(e), false)
#define pgd_val(e)		((e).pgd)

#define PFN_PTE_SHIFT		PAGE_SHIFT
#define U64_MAX			UINT64_MAX

#ifdef GUP_RISCV
/* Svnapot: entries with the bit are 16 that are aligned and have the same value. */
#define _PAGE_NAPOT		BIT(57)
#define pte_napot(e)		((e).pte & _PAGE_NAPOT)
#define napot_cont_order(e)	4
#define napot_pte_num(order)	BIT(order)
#define has_svnapot()		gup_have_svnapot
extern bool gup_have_svnapot;
#elif defined(GUP_GENERIC)
/* As on arm64: entries with the bit are 16 that are aligned and go on in order. */
#define _PAGE_CONT		BIT(57)

static inline unsigned int pte_batch_hint(pte_t *ptep, pte_t pte)
{
	return pte.pte & _PAGE_CONT ? 16 - (uintptr_t)ptep / sizeof(*ptep) % 16 : 1;
}

#define pte_batch_hint pte_batch_hint
#else
static inline unsigned int pte_batch_hint(pte_t *ptep, pte_t pte)
{
	return 1;
}
#endif

static inline pte_t pte_advance_pfn(pte_t pte, unsigned long nr)
{
	if (gup_pfn_invert(pte.pte))
		return __pte(pte.pte - (nr << PAGE_SHIFT));
	return __pte(pte.pte + (nr << PAGE_SHIFT));
}

#ifdef GUP_CHECKED
/*
 * Tests can have the next read of an entry made by a 32-bit CPU: in two halves, and
 * something happens in between. Without the lock of the table nobody can rely on that.
 */
extern void (*gup_halves_hook)(void *entry);
u64 gup_read_halves(const u64 *entry);
u64 gup_read_halves_lockless(const u64 *entry);

#define ptep_get(ptep)		__pte(gup_read_halves(&(ptep)->pte))
#define pmdp_get(pmdp)		((pmd_t){ gup_read_halves(&(pmdp)->pmd) })
#else
#define ptep_get(ptep)		READ_ONCE(*(ptep))
#define pmdp_get(pmdp)		READ_ONCE(*(pmdp))
#define gup_read_halves_lockless(entry)	READ_ONCE(*(entry))
#endif
#define pudp_get(pudp)		READ_ONCE(*(pudp))
#define p4dp_get(p4dp)		READ_ONCE(*(p4dp))
#define pgdp_get(pgdp)		READ_ONCE(*(pgdp))

static __always_inline pte_t ptep_get_lockless(pte_t *ptep)
{
	return __pte(gup_read_halves_lockless(&ptep->pte));
}

static __always_inline pmd_t pmdp_get_lockless(pmd_t *pmdp)
{
	return (pmd_t){ gup_read_halves_lockless(&pmdp->pmd) };
}

#define gup_table(val)		__va((val) & PTE_PFN_MASK)
#define gup_index(addr, shift)	(((addr) >> (shift)) & 511)
#define pgd_offset(mm, addr)	((mm)->pgd + gup_index(addr, PGDIR_SHIFT))
#define pgd_offset_k(addr)	pgd_offset(current->mm, addr)
#define pgtable_l5_enabled()	false
#define p4d_offset(pgdp, addr)	((void)(addr), (p4d_t *)(pgdp))
#define pud_offset(p4dp, addr)	\
	((pud_t *)gup_table((p4dp)->p4d) + gup_index(addr, PUD_SHIFT))
#define pmd_offset(pudp, addr)	\
	((pmd_t *)gup_table((pudp)->pud) + gup_index(addr, PMD_SHIFT))
#define pte_offset_kernel(pmdp, addr) \
	((pte_t *)gup_table((pmdp)->pmd) + gup_index(addr, PAGE_SHIFT))
#define p4d_offset_lockless(pgdp, pgd, addr) p4d_offset(&(pgd), addr)
#define pud_offset_lockless(p4dp, p4d, addr) pud_offset(&(p4d), addr)
#define pmd_offset_lockless(pudp, pud, addr) pmd_offset(&(pud), addr)

/* The end of what one entry covers, or @end if that comes first. */
#define GUP_ADDR_END(addr, end, size)					\
	min(ALIGN_DOWN(addr, size) + (size), end)
#define pmd_addr_end(addr, end)	GUP_ADDR_END(addr, end, PMD_SIZE)
#define pud_addr_end(addr, end)	GUP_ADDR_END(addr, end, PUD_SIZE)
#define p4d_addr_end(addr, end)	((void)(addr), (end))
#define pgd_addr_end(addr, end)	GUP_ADDR_END(addr, end, PGDIR_SIZE)

pte_t *pte_offset_map(pmd_t *pmdp, unsigned long addr);
pte_t *pte_offset_map_lock(struct mm_struct *mm, pmd_t *pmdp,
			   unsigned long addr, spinlock_t **ptlp);
#define pte_unmap(ptep)		((void)(ptep))
#define pte_unmap_unlock(ptep, ptl) ((void)(ptep), spin_unlock(ptl))
#define pte_lockptr(mm, pmdp)	(&pmd_page(*(pmdp))->ptl)
#define pud_lockptr(mm, pudp)	(&virt_to_page(pudp)->ptl)
#define pmd_lockptr(mm, pmdp)	(&virt_to_page(pmdp)->ptl)

static inline spinlock_t *pmd_lock(struct mm_struct *mm, pmd_t *pmdp)
{
	spinlock_t *ptl = pmd_lockptr(mm, pmdp);

	spin_lock(ptl);
	return ptl;
}

static inline spinlock_t *pud_lock(struct mm_struct *mm, pud_t *pudp)
{
	spinlock_t *ptl = pud_lockptr(mm, pudp);

	spin_lock(ptl);
	return ptl;
}

#define gup_fast_permitted gup_fast_permitted
static inline bool gup_fast_permitted(unsigned long start, unsigned long end)
{
	return !(end >> 47);
}

/* The tag of a user address is in these bits, as in LAM of x86. */
#define GUP_TAG			(BIT(63) - BIT(57))

static inline unsigned long untagged_addr(unsigned long addr)
{
	return (long)addr < 0 ? addr : addr & ~GUP_TAG;
}

#define untagged_addr_remote(mm, addr)	((void)(mm), untagged_addr(addr))

/*
 * Address spaces
 */

#define VM_READ			BIT(0)
#define VM_WRITE		BIT(1)
#define VM_EXEC			BIT(2)
#define VM_SHARED		BIT(3)
#define VM_MAYREAD		BIT(4)
#define VM_MAYWRITE		BIT(5)
#define VM_MAYEXEC		BIT(6)
#define VM_MAYSHARE		BIT(7)
#define VM_GROWSDOWN		BIT(8)
#define VM_PFNMAP		BIT(10)
#define VM_UFFD_WP		BIT(12)
#define VM_LOCKED		BIT(13)
#define VM_IO			BIT(14)
#define VM_LOCKONFAULT		BIT(19)
#define VM_SOFTDIRTY		BIT(27)
#define VM_MIXEDMAP		BIT(28)
#define VM_SHADOW_STACK		BIT(37)
#define VM_ACCESS_FLAGS		(VM_READ | VM_WRITE | VM_EXEC)

enum {
	FOLL_WRITE		= BIT(0),
	FOLL_GET		= BIT(1),
	FOLL_DUMP		= BIT(2),
	FOLL_FORCE		= BIT(3),
	FOLL_NOWAIT		= BIT(4),
	FOLL_NOFAULT		= BIT(5),
	FOLL_HWPOISON		= BIT(6),
	FOLL_ANON		= BIT(7),
	FOLL_LONGTERM		= BIT(8),
	FOLL_SPLIT_PMD		= BIT(9),
	FOLL_PCI_P2PDMA		= BIT(10),
	FOLL_INTERRUPTIBLE	= BIT(11),
	FOLL_HONOR_NUMA_FAULT	= BIT(12),
	FOLL_TOUCH		= BIT(16),
	FOLL_TRIED		= BIT(17),
	FOLL_REMOTE		= BIT(18),
	FOLL_PIN		= BIT(19),
	FOLL_FAST_ONLY		= BIT(20),
	FOLL_UNLOCKABLE		= BIT(21),
	FOLL_MADV_POPULATE	= BIT(22),
};

#define INTERNAL_GUP_FLAGS						\
	(FOLL_TOUCH | FOLL_TRIED | FOLL_REMOTE | FOLL_PIN |		\
	 FOLL_FAST_ONLY | FOLL_UNLOCKABLE | FOLL_MADV_POPULATE)

enum fault_flag {
	FAULT_FLAG_WRITE	= BIT(0),
	FAULT_FLAG_ALLOW_RETRY	= BIT(2),
	FAULT_FLAG_RETRY_NOWAIT	= BIT(3),
	FAULT_FLAG_KILLABLE	= BIT(4),
	FAULT_FLAG_TRIED	= BIT(5),
	FAULT_FLAG_REMOTE	= BIT(7),
	FAULT_FLAG_INTERRUPTIBLE = BIT(9),
	FAULT_FLAG_UNSHARE	= BIT(10),
	FAULT_FLAG_VMA_LOCK	= BIT(12),
};

enum {
	VM_FAULT_OOM		= 0x1,
	VM_FAULT_SIGBUS		= 0x2,
	VM_FAULT_MAJOR		= 0x4,
	VM_FAULT_HWPOISON	= 0x10,
	VM_FAULT_HWPOISON_LARGE	= 0x20,
	VM_FAULT_SIGSEGV	= 0x40,
	VM_FAULT_RETRY		= 0x400,
	VM_FAULT_FALLBACK	= 0x800,
	VM_FAULT_COMPLETED	= 0x4000,
	VM_FAULT_ERROR		= VM_FAULT_OOM | VM_FAULT_SIGBUS |
				  VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE |
				  VM_FAULT_SIGSEGV | VM_FAULT_FALLBACK,
};

static inline int vm_fault_to_errno(vm_fault_t fault, int flags)
{
	if (fault & VM_FAULT_OOM)
		return -ENOMEM;
	if (fault & (VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE))
		return flags & FOLL_HWPOISON ? -EHWPOISON : -EFAULT;
	return fault & (VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV) ? -EFAULT : 0;
}

struct pt_regs;
struct vm_area_struct;
struct vm_fault;

struct vm_operations_struct {
	vm_fault_t (*fault)(struct vm_fault *vmf);
};

struct inode {
	loff_t i_size;
};

struct file {
	struct address_space *f_mapping;
	struct inode *f_inode;
};

/* What else a VMA can be, for tests. */
enum gup_vma_kind {
	GUP_VMA_FSDAX		= BIT(0),
	GUP_VMA_SECRETMEM	= BIT(1),
	GUP_VMA_HUGETLB		= BIT(2),
	GUP_VMA_DIRTY_TRACKING	= BIT(3),
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	struct mm_struct *vm_mm;
	vm_flags_t vm_flags;
	const struct vm_operations_struct *vm_ops;
	struct file *vm_file;
	atomic_t vm_refcnt;	/* only whether somebody waits for readers */
#ifdef GUP_CHECKED
	unsigned int kind;
	u16 pkey;
#endif
};

/* @count: readers; -1: a writer. @writers: those that wait, or have it. */
struct rw_semaphore {
	long count;
	int writers;
};

#define GUP_MAX_VMAS		8

/**
 * struct mm_struct - an address space
 * @pgd: Its page tables.
 * @mmap_lock: Protects the rest.
 * @write_protect_seq: Odd while fork() copies the page tables.
 * @flags: MMF_* flags.
 * @vmas: The VMAs, ordered by address.
 * @nr_vmas: How many there are.
 */
struct mm_struct {
	pgd_t *pgd;
	struct rw_semaphore mmap_lock;
	seqcount_t write_protect_seq;
	unsigned long flags;
	struct vm_area_struct vmas[GUP_MAX_VMAS];
	unsigned int nr_vmas;
};

#define MMF_HAS_PINNED		24
#define mm_flags_test(flag, mm)	test_bit(flag, &(mm)->flags)
#define mm_flags_set(flag, mm)	set_bit(flag, &(mm)->flags)

#define CONFIG_PER_VMA_LOCK	1

#ifdef GUP_CHECKED
#define mmap_assert_locked(mm)	((void)(mm), GUP_MUST(current->nr_mmap_locks))
#else
#define mmap_assert_locked(mm)	((void)0)
#endif
void mmap_write_lock(struct mm_struct *mm);
void mmap_write_unlock(struct mm_struct *mm);
void mmap_read_lock(struct mm_struct *mm);
int mmap_read_lock_killable(struct mm_struct *mm);
void mmap_read_unlock(struct mm_struct *mm);
int mmap_lock_is_contended(struct mm_struct *mm);
#define refcount_read(count)		atomic_read(count)
#define VM_REFCNT_EXCLUDE_READERS_FLAG	(1U << 30)
struct vm_area_struct *lock_vma_under_rcu(struct mm_struct *mm, unsigned long addr);
void vma_end_read(struct vm_area_struct *vma);
struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long addr);
struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr);
vm_fault_t handle_mm_fault(struct vm_area_struct *vma, unsigned long addr,
			   unsigned int flags, struct pt_regs *regs);
struct page *vm_normal_page(struct vm_area_struct *vma, unsigned long addr,
			    pte_t pte);
struct page *vm_normal_page_pmd(struct vm_area_struct *vma, unsigned long addr,
				pmd_t pmd);
struct page *vm_normal_page_pud(struct vm_area_struct *vma, unsigned long addr,
				pud_t pud);
bool touch_pmd(struct vm_area_struct *vma, unsigned long addr, pmd_t *pmdp,
	       bool write);
void touch_pud(struct vm_area_struct *vma, unsigned long addr, pud_t *pudp,
	       bool write);
void split_huge_pmd(struct vm_area_struct *vma, pmd_t *pmdp, unsigned long addr);
int pte_alloc(struct mm_struct *mm, pmd_t *pmdp);

#define vma_is_anonymous(vma)	(!(vma)->vm_ops)
#ifdef GUP_CHECKED
#define GUP_VMA_IS(vma, what)	((vma)->kind & (what))
#else
#define GUP_VMA_IS(vma, what)	((void)(vma), false)
#endif
#define vma_is_fsdax(vma)	GUP_VMA_IS(vma, GUP_VMA_FSDAX)
#define vma_is_secretmem(vma)	GUP_VMA_IS(vma, GUP_VMA_SECRETMEM)
#define vma_is_accessible(vma)	((vma)->vm_flags & VM_ACCESS_FLAGS)
#define vma_needs_dirty_tracking(vma) GUP_VMA_IS(vma, GUP_VMA_DIRTY_TRACKING)
#define is_vm_hugetlb_page(vma)	GUP_VMA_IS(vma, GUP_VMA_HUGETLB)
#define vma_pgtable_walk_begin(vma) ((void)0)
#define vma_pgtable_walk_end(vma) ((void)0)
#define update_mmu_cache(vma, addr, ptep) ((void)0)
#define flush_anon_page(vma, page, addr) ((void)(page))
#ifdef GUP_CHECKED
#define flush_dcache_page(page)						\
	(might_sleep(), (void)(page), (void)current->nr_flushed++)
#else
#define flush_dcache_page(page)	((void)(page))
#endif
#define in_gate_area(mm, addr)	false

struct vm_area_struct *find_vma_intersection(struct mm_struct *mm,
					     unsigned long start,
					     unsigned long end);
struct vm_area_struct *get_gate_vma(struct mm_struct *mm);
struct hstate *hstate_vma(struct vm_area_struct *vma);
bool hugetlbfs_pagecache_present(struct hstate *h, struct vm_area_struct *vma,
				 unsigned long addr);

static inline bool arch_vma_access_permitted(struct vm_area_struct *vma,
					     bool write, bool execute,
					     bool foreign)
{
#ifdef GUP_CHECKED
	return foreign || __pkru_allows_pkey(vma->pkey, write);
#else
	return true;
#endif
}

/* For the code that "make bench-native" compares ours with. */
static inline void set_pte_at(struct mm_struct *mm, unsigned long addr,
			      pte_t *ptep, pte_t pte)
{
	lockdep_assert_held(&virt_to_page(ptep)->ptl);
	WRITE_ONCE(ptep->pte, pte.pte);
}

static inline bool ptep_set_access_flags(struct vm_area_struct *vma,
					 unsigned long addr, pte_t *ptep,
					 pte_t pte, bool dirty)
{
	lockdep_assert_held(&virt_to_page(ptep)->ptl);
	if (READ_ONCE(ptep->pte) == pte.pte)
		return false;
	if (dirty)
		WRITE_ONCE(ptep->pte, pte.pte);
	return true;
}

static inline bool vma_is_cow_mapping(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

#define pte_needs_soft_dirty_wp(vma, e)					\
	(!((vma)->vm_flags & VM_SOFTDIRTY) && !pte_soft_dirty(e))
#define pmd_needs_soft_dirty_wp(vma, e)					\
	(!((vma)->vm_flags & VM_SOFTDIRTY) && !pmd_soft_dirty(e))
#define userfaultfd_pte_wp(vma, e)					\
	(((vma)->vm_flags & VM_UFFD_WP) && pte_uffd(e))
#define userfaultfd_huge_pmd_wp(vma, e)					\
	(((vma)->vm_flags & VM_UFFD_WP) && pmd_uffd(e))

static inline bool gup_can_follow_protnone(const struct vm_area_struct *vma,
					   unsigned int flags)
{
	return !(flags & FOLL_HONOR_NUMA_FAULT) || !vma_is_accessible(vma);
}

/* May this page, mapped by an entry that is not writable, not be pinned? */
static inline bool gup_must_unshare(struct vm_area_struct *vma,
				    unsigned int flags, struct page *page)
{
	if ((flags & (FOLL_WRITE | FOLL_PIN)) != FOLL_PIN)
		return false;
	if (!PageAnon(page))
		return (flags & FOLL_LONGTERM) &&
		       (!vma || vma_is_cow_mapping(vma));
	smp_rmb();
	return !PageAnonExclusive(page);
}

/*
 * What only the parts need that are compiled but not called
 */

#define PAGEVEC_SIZE		31
#define jiffies			0UL
#define time_before(a, b)	((a) < (b))
#define dump_stack()		((void)0)
#define page_range_contiguous(page, nr) ((void)(page), (void)(nr), true)
#define user_read_access_begin(p, size) ((void)(p), true)
#define user_write_access_begin(p, size) ((void)(p), true)
#define user_read_access_end()	((void)0)
#define user_write_access_end()	((void)0)
#define unsafe_get_user(x, p, failed) do { if (0) goto failed; } while (0)
#define unsafe_put_user(x, p, failed) do { if (0) goto failed; } while (0)
#define probe_subpage_writeable(p, size) ((void)(p), 0UL)
#define lru_add_drain()		((void)0)
#define HZ			1000
#define GFP_USER		0
#define __GFP_NOWARN		0
#define S_IFMT			0170000

struct folio_batch {
	unsigned char nr;
	struct folio *folios[PAGEVEC_SIZE];
};

struct ratelimit_state {
	int unused;
};

#define DEFINE_RATELIMIT_STATE(name, ...) struct ratelimit_state name
#define __ratelimit(state)	((void)(state), false)
#define folio_batch_init(fbatch) ((fbatch)->nr = 0)
#define folio_batch_count(fbatch) ((fbatch)->nr)
void folio_batch_release(struct folio_batch *fbatch);
unsigned int filemap_get_folios_contig(struct address_space *mapping,
				       pgoff_t *start, pgoff_t end,
				       struct folio_batch *fbatch);
void folio_lock(struct folio *folio);
int folio_lock_killable(struct folio *folio);
void folio_unlock(struct folio *folio);
struct hstate *hstate_file(struct file *file);
unsigned int huge_page_order(struct hstate *h);
unsigned int huge_page_shift(struct hstate *h);
struct folio *memfd_alloc_folio(struct file *memfd, pgoff_t idx);
#ifdef GUP_CHECKED
#define memalloc_pin_save()	(current->pins_saved++)
#define memalloc_pin_restore(flags) ({					\
	current->pins_saved--;						\
	GUP_MUST(current->pins_saved == (flags)); })
#else
#define memalloc_pin_save()	0
#define memalloc_pin_restore(flags) ((void)(flags))
#endif
#define shmem_file(file)	((file)->f_mapping->shmem)
#define is_file_hugepages(file)	((void)(file), false)
#define file_inode(file)	((file)->f_inode)
#define i_size_read(inode)	((inode)->i_size)
#define shmem_mapping(mapping)	((mapping)->shmem)

extern const struct address_space_operations secretmem_aops;
static inline bool secretmem_mapping(struct address_space *mapping)
{
#ifdef GUP_CHECKED
	if (gup_hook)
		gup_hook(mapping, false);
#endif
	return mapping->a_ops == &secretmem_aops;
}

/*
 * Migration
 */

enum lru_cache_drained {
	LRU_CACHE_NOT_DRAINED,
	LRU_CACHE_DRAINED,
	LRU_CACHE_DRAINED_ALL,
};

enum migrate_mode {
	MIGRATE_SYNC = 3,
};

enum migrate_reason {
	MR_LONGTERM_PIN = 7,
};

struct migration_target_control {
	int nid;
	gfp_t gfp_mask;
	enum migrate_reason reason;
};

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list;
	list->prev = list;
}

#define list_for_each_entry(pos, head, member)				\
	for (pos = (void *)(head)->next - offsetof(typeof(*pos), member); \
	     &pos->member != (head);					\
	     pos = (void *)pos->member.next - offsetof(typeof(*pos), member))

static inline void list_add_tail(struct list_head *new, struct list_head *head)
{
	new->prev = head->prev;
	new->next = head;
	head->prev->next = new;
	head->prev = new;
}

static inline void list_del(struct list_head *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
}

#define folio_is_file_lru(folio) (!folio_test_anon(folio))
bool folio_isolate_lru(struct folio *folio);
#define folio_isolate_hugetlb(folio, list) ((void)(folio), (void)(list), false)
void lru_cache_drain_for_folio(struct folio *folio, unsigned int extra_refs,
			       enum lru_cache_drained *drained);
struct folio *alloc_migration_target(struct folio *folio, unsigned long private);
int migrate_pages(struct list_head *from,
		  struct folio *(*get_new)(struct folio *folio,
					   unsigned long private),
		  void *put_new, unsigned long private, enum migrate_mode mode,
		  int reason, unsigned int *ret_succeeded);
void putback_movable_pages(struct list_head *list);
int migrate_device_coherent_folio(struct folio *folio);
long schedule_timeout_killable(long timeout);

/*
 * Ranges
 */

struct bio_vec {
	struct page *bv_page;
	unsigned int bv_len;
	unsigned int bv_offset;
};

static inline void bvec_set_page(struct bio_vec *bv, struct page *page,
				 unsigned int len, unsigned int offset)
{
	bv->bv_page = page;
	bv->bv_len = len;
	bv->bv_offset = offset;
}

/*
 * What is measured and tested
 */

long get_user_pages(unsigned long start, unsigned long nr_pages,
		    unsigned int gup_flags, struct page **pages);
long pin_user_pages(unsigned long start, unsigned long nr_pages,
		    unsigned int gup_flags, struct page **pages);
long get_user_pages_remote(struct mm_struct *mm, unsigned long start,
			   unsigned long nr_pages, unsigned int gup_flags,
			   struct page **pages, int *locked);
long pin_user_pages_remote(struct mm_struct *mm, unsigned long start,
			   unsigned long nr_pages, unsigned int gup_flags,
			   struct page **pages, int *locked);
long get_user_pages_remote_unlocked(struct mm_struct *mm, unsigned long start,
				    unsigned long nr_pages, unsigned int gup_flags,
				    struct page **pages);
long pin_user_pages_remote_unlocked(struct mm_struct *mm, unsigned long start,
				    unsigned long nr_pages, unsigned int gup_flags,
				    struct page **pages);
long get_user_pages_unlocked(unsigned long start, unsigned long nr_pages,
			     struct page **pages, unsigned int gup_flags);
long pin_user_pages_unlocked(unsigned long start, unsigned long nr_pages,
			     struct page **pages, unsigned int gup_flags);
int get_user_pages_fast(unsigned long start, int nr_pages,
			unsigned int gup_flags, struct page **pages);
int get_user_pages_fast_only(unsigned long start, int nr_pages,
			     unsigned int gup_flags, struct page **pages);
int pin_user_pages_fast(unsigned long start, int nr_pages,
			unsigned int gup_flags, struct page **pages);
int fixup_user_fault(struct mm_struct *mm, unsigned long address,
		     unsigned int fault_flags, bool *unlocked);
long memfd_pin_folios(struct file *memfd, loff_t start, loff_t end,
		      struct folio **folios, unsigned int max_folios,
		      pgoff_t *offset);
int try_grab_folio(struct folio *folio, int refs, unsigned int flags);
int folio_add_pins(struct folio *folio, unsigned int pins);
void folio_add_pin(struct folio *folio);
void unpin_user_page(struct page *page);
void unpin_user_pages(struct page **pages, unsigned long npages);
void unpin_user_pages_dirty_lock(struct page **pages, unsigned long npages,
				 bool make_dirty);
void unpin_user_page_range_dirty_lock(struct page *page, unsigned long npages,
				      bool make_dirty);
void unpin_user_folio(struct folio *folio, unsigned long npages);
void unpin_folio(struct folio *folio);
void unpin_folios(struct folio **folios, unsigned long nfolios);

#endif	/* _GUP_KERNEL_H */
