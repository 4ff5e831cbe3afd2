/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What get_user_pages() does. The numbers in these events are those of
 * mm/gup_internal.h, which mm/gup_trace.c includes before this.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM gup

#if !defined(_TRACE_GUP_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_GUP_H

#include <linux/mm.h>
#include <linux/tracepoint.h>
#include <trace/events/mmflags.h>

#define GUP_FUNCTION_NAMES						\
	EM(GUP_FN_GET,			"get_user_pages")		\
	EM(GUP_FN_GET_REMOTE,		"get_user_pages_remote")	\
	EM(GUP_FN_GET_UNLOCKED,		"get_user_pages_unlocked")	\
	EM(GUP_FN_GET_FAST,		"get_user_pages_fast")		\
	EM(GUP_FN_GET_FAST_ONLY,	"get_user_pages_fast_only")	\
	EM(GUP_FN_PIN,			"pin_user_pages")		\
	EM(GUP_FN_PIN_REMOTE,		"pin_user_pages_remote")	\
	EM(GUP_FN_PIN_UNLOCKED,		"pin_user_pages_unlocked")	\
	EM(GUP_FN_PIN_FAST,		"pin_user_pages_fast")		\
	EM(GUP_FN_PIN_BVECS,		"pin_user_bvecs_fast")		\
	EM(GUP_FN_PIN_BVECS_REMOTE,	"pin_user_bvecs_remote")	\
	EM(GUP_FN_MEMFD,		"memfd_pin_folios")		\
	EM(GUP_FN_DUMP,			"get_dump_page")		\
	EMe(GUP_FN_POPULATE,		"populate")

#define GUP_FOLL_NAMES							\
	EM(FOLL_WRITE,			"WRITE")			\
	EM(FOLL_GET,			"GET")				\
	EM(FOLL_DUMP,			"DUMP")				\
	EM(FOLL_FORCE,			"FORCE")			\
	EM(FOLL_NOWAIT,			"NOWAIT")			\
	EM(FOLL_NOFAULT,		"NOFAULT")			\
	EM(FOLL_HWPOISON,		"HWPOISON")			\
	EM(FOLL_ANON,			"ANON")				\
	EM(FOLL_LONGTERM,		"LONGTERM")			\
	EM(FOLL_SPLIT_PMD,		"SPLIT_PMD")			\
	EM(FOLL_PCI_P2PDMA,		"PCI_P2PDMA")			\
	EM(FOLL_INTERRUPTIBLE,		"INTERRUPTIBLE")		\
	EM(FOLL_HONOR_NUMA_FAULT,	"HONOR_NUMA_FAULT")		\
	EM(FOLL_TOUCH,			"TOUCH")			\
	EM(FOLL_REMOTE,			"REMOTE")			\
	EM(FOLL_PIN,			"PIN")				\
	EM(FOLL_FAST_ONLY,		"FAST_ONLY")			\
	EM(FOLL_UNLOCKABLE,		"UNLOCKABLE")			\
	EMe(FOLL_MADV_POPULATE,		"MADV_POPULATE")

#define GUP_FAST_STOP_NAMES						\
	EM(GUP_FAST_GO,			"nothing")			\
	EM(GUP_FAST_ABSENT,		"absent")			\
	EM(GUP_FAST_DENIED,		"denied")			\
	EM(GUP_FAST_SPECIAL,		"special")			\
	EM(GUP_FAST_REFCOUNT,		"refcount")			\
	EM(GUP_FAST_CHANGED,		"changed")			\
	EM(GUP_FAST_TABLE,		"table")			\
	EM(GUP_FAST_UNSHARE,		"unshare")			\
	EM(GUP_FAST_UNPINNABLE,		"unpinnable")			\
	EM(GUP_FAST_KIND,		"kind")				\
	EM(GUP_FAST_FORK,		"fork")				\
	EMe(GUP_FAST_FULL,		"full")

#define GUP_NO_VMA_NAMES						\
	EM(GUP_NO_VMA_NOWAIT,		"nowait")			\
	EM(GUP_NO_VMA_TAGGED,		"tagged")			\
	EM(GUP_NO_VMA_BUSY,		"missing or busy")		\
	EM(GUP_NO_VMA_REFUSED,		"refused")			\
	EMe(GUP_NO_VMA_FAULT,		"fault")

#define GUP_MOVE_NAMES							\
	EM(GUP_MOVE_FOUND,		"found")			\
	EM(GUP_MOVE_ISOLATED,		"isolated")			\
	EM(GUP_MOVE_BUSY,		"busy")				\
	EM(GUP_MOVE_DEVICE,		"device")			\
	EM(GUP_MOVE_NO_MEMORY,		"no memory")			\
	EMe(GUP_MOVE_FAILED,		"failed")

/* User space has to be told the values of enumerators. */
#undef EM
#undef EMe
#define EM(a, b)	TRACE_DEFINE_ENUM(a);
#define EMe(a, b)	TRACE_DEFINE_ENUM(a);

GUP_FUNCTION_NAMES
GUP_FOLL_NAMES
GUP_FAST_STOP_NAMES
GUP_NO_VMA_NAMES
GUP_MOVE_NAMES

#undef EM
#undef EMe
#define EM(a, b)	{ a, b },
#define EMe(a, b)	{ a, b }

TRACE_EVENT(gup_begin,

	TP_PROTO(unsigned int function, unsigned long start,
		 unsigned long nr_pages, unsigned int flags),

	TP_ARGS(function, start, nr_pages, flags),

	TP_STRUCT__entry(
		__field(unsigned int, function)
		__field(unsigned int, flags)
		__field(unsigned long, start)
		__field(unsigned long, nr_pages)
	),

	TP_fast_assign(
		__entry->function = function;
		__entry->flags = flags;
		__entry->start = start;
		__entry->nr_pages = nr_pages;
	),

	TP_printk("%s start=0x%lx pages=%lu flags=%s",
		  __print_symbolic(__entry->function, GUP_FUNCTION_NAMES),
		  __entry->start, __entry->nr_pages,
		  __print_flags(__entry->flags, "|", GUP_FOLL_NAMES))
);

TRACE_EVENT(gup_end,

	TP_PROTO(unsigned int function, unsigned long start, long result),

	TP_ARGS(function, start, result),

	TP_STRUCT__entry(
		__field(unsigned int, function)
		__field(unsigned long, start)
		__field(long, result)
	),

	TP_fast_assign(
		__entry->function = function;
		__entry->start = start;
		__entry->result = result;
	),

	TP_printk("%s start=0x%lx result=%ld",
		  __print_symbolic(__entry->function, GUP_FUNCTION_NAMES),
		  __entry->start, __entry->result)
);

/* @undone: pages of the last window, which a fork() or a change of its table has cost. */
TRACE_EVENT(gup_fast_stop,

	TP_PROTO(unsigned long addr, unsigned int why, unsigned long undone),

	TP_ARGS(addr, why, undone),

	TP_STRUCT__entry(
		__field(unsigned long, addr)
		__field(unsigned long, undone)
		__field(unsigned int, why)
	),

	TP_fast_assign(
		__entry->addr = addr;
		__entry->undone = undone;
		__entry->why = why;
	),

	TP_printk("addr=0x%lx why=%s undone=%lu", __entry->addr,
		  __print_symbolic(__entry->why, GUP_FAST_STOP_NAMES),
		  __entry->undone)
);

TRACE_EVENT(gup_fault,

	TP_PROTO(unsigned long addr, unsigned int flags, vm_fault_t result),

	TP_ARGS(addr, flags, result),

	TP_STRUCT__entry(
		__field(unsigned long, addr)
		__field(unsigned int, flags)
		__field(unsigned int, result)
	),

	TP_fast_assign(
		__entry->addr = addr;
		__entry->flags = flags;
		__entry->result = (__force unsigned int)result;
	),

	TP_printk("addr=0x%lx flags=%s result=%s", __entry->addr,
		  __print_flags(__entry->flags, "|", FAULT_FLAG_TRACE,
				{ FAULT_FLAG_UNSHARE, "UNSHARE" }),
		  __print_flags(__entry->result, "|", VM_FAULT_RESULT_TRACE))
);

/* The lock of a VMA is not enough, or not to be had: mmap_lock is taken. */
TRACE_EVENT(gup_no_vma_lock,

	TP_PROTO(unsigned long addr, unsigned int why),

	TP_ARGS(addr, why),

	TP_STRUCT__entry(
		__field(unsigned long, addr)
		__field(unsigned int, why)
	),

	TP_fast_assign(
		__entry->addr = addr;
		__entry->why = why;
	),

	TP_printk("addr=0x%lx why=%s", __entry->addr,
		  __print_symbolic(__entry->why, GUP_NO_VMA_NAMES))
);

DECLARE_EVENT_CLASS(gup_lock,

	TP_PROTO(unsigned long addr, bool vma),

	TP_ARGS(addr, vma),

	TP_STRUCT__entry(
		__field(unsigned long, addr)
		__field(bool, vma)
	),

	TP_fast_assign(
		__entry->addr = addr;
		__entry->vma = vma;
	),

	TP_printk("addr=0x%lx lock=%s", __entry->addr,
		  __entry->vma ? "vma" : "mmap_lock")
);

/* A lock has been taken. */
DEFINE_EVENT(gup_lock, gup_lock,
	TP_PROTO(unsigned long addr, bool vma),
	TP_ARGS(addr, vma)
);

/* A fault has dropped the lock. */
DEFINE_EVENT(gup_lock, gup_fault_unlock,
	TP_PROTO(unsigned long addr, bool vma),
	TP_ARGS(addr, vma)
);

/* The lock is given up, as somebody waits for it. */
DEFINE_EVENT(gup_lock, gup_give_way,
	TP_PROTO(unsigned long addr, bool vma),
	TP_ARGS(addr, vma)
);

/*
 * A folio may not stay pinned where it is, or this is what has become of it. Whose
 * references are in the way is not known, but how many there are.
 */
TRACE_EVENT(gup_longterm,

	TP_PROTO(const struct folio *folio, unsigned int what),

	TP_ARGS(folio, what),

	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(unsigned int, order)
		__field(unsigned int, zone)
		__field(bool, cma)
		__field(int, refs)
		__field(int, maps)
		__field(unsigned int, what)
	),

	TP_fast_assign(
		__entry->pfn = folio_pfn(folio);
		__entry->order = folio_order(folio);
		__entry->zone = folio_zonenum(folio);
		__entry->cma = is_migrate_cma_folio(folio, folio_pfn(folio));
		__entry->refs = folio_ref_count(folio);
		__entry->maps = folio_mapcount(folio);
		__entry->what = what;
	),

	TP_printk("pfn=0x%lx order=%u zone=%s refs=%d maps=%d what=%s",
		  __entry->pfn, __entry->order,
		  __entry->cma ? "CMA" :
		  __print_symbolic(__entry->zone, ZONE_TYPE),
		  __entry->refs, __entry->maps,
		  __print_symbolic(__entry->what, GUP_MOVE_NAMES))
);

/* A folio was made dirty when a pin of it was released. */
TRACE_EVENT(gup_unpin_dirty,

	TP_PROTO(const struct folio *folio),

	TP_ARGS(folio),

	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(unsigned int, order)
	),

	TP_fast_assign(
		__entry->pfn = folio_pfn(folio);
		__entry->order = folio_order(folio);
	),

	TP_printk("pfn=0x%lx order=%u", __entry->pfn, __entry->order)
);

#endif /* _TRACE_GUP_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
