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

/* User space has to be told the values of enumerators. */
TRACE_DEFINE_ENUM(GUP_FN_GET);
TRACE_DEFINE_ENUM(GUP_FN_GET_REMOTE);
TRACE_DEFINE_ENUM(GUP_FN_GET_REMOTE_UNLOCKED);
TRACE_DEFINE_ENUM(GUP_FN_GET_UNLOCKED);
TRACE_DEFINE_ENUM(GUP_FN_GET_FAST);
TRACE_DEFINE_ENUM(GUP_FN_GET_FAST_ONLY);
TRACE_DEFINE_ENUM(GUP_FN_PIN);
TRACE_DEFINE_ENUM(GUP_FN_PIN_REMOTE);
TRACE_DEFINE_ENUM(GUP_FN_PIN_REMOTE_UNLOCKED);
TRACE_DEFINE_ENUM(GUP_FN_PIN_UNLOCKED);
TRACE_DEFINE_ENUM(GUP_FN_PIN_FAST);
TRACE_DEFINE_ENUM(GUP_FN_PIN_BVECS);
TRACE_DEFINE_ENUM(GUP_FN_PIN_BVECS_REMOTE);
TRACE_DEFINE_ENUM(GUP_FN_MEMFD);
TRACE_DEFINE_ENUM(GUP_FN_DUMP);
TRACE_DEFINE_ENUM(GUP_FN_POPULATE);

TRACE_DEFINE_ENUM(FOLL_WRITE);
TRACE_DEFINE_ENUM(FOLL_GET);
TRACE_DEFINE_ENUM(FOLL_DUMP);
TRACE_DEFINE_ENUM(FOLL_FORCE);
TRACE_DEFINE_ENUM(FOLL_NOWAIT);
TRACE_DEFINE_ENUM(FOLL_NOFAULT);
TRACE_DEFINE_ENUM(FOLL_HWPOISON);
TRACE_DEFINE_ENUM(FOLL_ANON);
TRACE_DEFINE_ENUM(FOLL_LONGTERM);
TRACE_DEFINE_ENUM(FOLL_SPLIT_PMD);
TRACE_DEFINE_ENUM(FOLL_PCI_P2PDMA);
TRACE_DEFINE_ENUM(FOLL_INTERRUPTIBLE);
TRACE_DEFINE_ENUM(FOLL_HONOR_NUMA_FAULT);
TRACE_DEFINE_ENUM(FOLL_TOUCH);
TRACE_DEFINE_ENUM(FOLL_REMOTE);
TRACE_DEFINE_ENUM(FOLL_PIN);
TRACE_DEFINE_ENUM(FOLL_FAST_ONLY);
TRACE_DEFINE_ENUM(FOLL_UNLOCKABLE);
TRACE_DEFINE_ENUM(FOLL_MADV_POPULATE);

TRACE_DEFINE_ENUM(GUP_FAST_GO);
TRACE_DEFINE_ENUM(GUP_FAST_ABSENT);
TRACE_DEFINE_ENUM(GUP_FAST_DENIED);
TRACE_DEFINE_ENUM(GUP_FAST_SPECIAL);
TRACE_DEFINE_ENUM(GUP_FAST_REFCOUNT);
TRACE_DEFINE_ENUM(GUP_FAST_CHANGED);
TRACE_DEFINE_ENUM(GUP_FAST_TABLE);
TRACE_DEFINE_ENUM(GUP_FAST_UNSHARE);
TRACE_DEFINE_ENUM(GUP_FAST_UNPINNABLE);
TRACE_DEFINE_ENUM(GUP_FAST_KIND);
TRACE_DEFINE_ENUM(GUP_FAST_FORK);
TRACE_DEFINE_ENUM(GUP_FAST_FULL);

TRACE_DEFINE_ENUM(GUP_NO_VMA_NOWAIT);
TRACE_DEFINE_ENUM(GUP_NO_VMA_TAGGED);
TRACE_DEFINE_ENUM(GUP_NO_VMA_BUSY);
TRACE_DEFINE_ENUM(GUP_NO_VMA_REFUSED);
TRACE_DEFINE_ENUM(GUP_NO_VMA_FAULT);

TRACE_DEFINE_ENUM(GUP_MOVE_FOUND);
TRACE_DEFINE_ENUM(GUP_MOVE_ISOLATED);
TRACE_DEFINE_ENUM(GUP_MOVE_BUSY);
TRACE_DEFINE_ENUM(GUP_MOVE_DEVICE);
TRACE_DEFINE_ENUM(GUP_MOVE_NO_MEMORY);
TRACE_DEFINE_ENUM(GUP_MOVE_FAILED);

#define show_gup_function(function)					\
	__print_symbolic(function,					\
		{ GUP_FN_GET,                 "get_user_pages" },	\
		{ GUP_FN_GET_REMOTE,          "get_user_pages_remote" },\
		{ GUP_FN_GET_REMOTE_UNLOCKED, "get_user_pages_remote_unlocked" },\
		{ GUP_FN_GET_UNLOCKED,        "get_user_pages_unlocked" },\
		{ GUP_FN_GET_FAST,            "get_user_pages_fast" },	\
		{ GUP_FN_GET_FAST_ONLY,       "get_user_pages_fast_only" },\
		{ GUP_FN_PIN,                 "pin_user_pages" },	\
		{ GUP_FN_PIN_REMOTE,          "pin_user_pages_remote" },\
		{ GUP_FN_PIN_REMOTE_UNLOCKED, "pin_user_pages_remote_unlocked" },\
		{ GUP_FN_PIN_UNLOCKED,        "pin_user_pages_unlocked" },\
		{ GUP_FN_PIN_FAST,            "pin_user_pages_fast" },	\
		{ GUP_FN_PIN_BVECS,           "pin_user_bvecs_fast" },	\
		{ GUP_FN_PIN_BVECS_REMOTE,    "pin_user_bvecs_remote" },\
		{ GUP_FN_MEMFD,               "memfd_pin_folios" },	\
		{ GUP_FN_DUMP,                "get_dump_page" },	\
		{ GUP_FN_POPULATE,            "populate" })

#define show_gup_flags(flags)						\
	__print_flags(flags, "|",					\
		{ FOLL_WRITE,            "WRITE" },			\
		{ FOLL_GET,              "GET" },			\
		{ FOLL_DUMP,             "DUMP" },			\
		{ FOLL_FORCE,            "FORCE" },			\
		{ FOLL_NOWAIT,           "NOWAIT" },			\
		{ FOLL_NOFAULT,          "NOFAULT" },			\
		{ FOLL_HWPOISON,         "HWPOISON" },			\
		{ FOLL_ANON,             "ANON" },			\
		{ FOLL_LONGTERM,         "LONGTERM" },			\
		{ FOLL_SPLIT_PMD,        "SPLIT_PMD" },			\
		{ FOLL_PCI_P2PDMA,       "PCI_P2PDMA" },		\
		{ FOLL_INTERRUPTIBLE,    "INTERRUPTIBLE" },		\
		{ FOLL_HONOR_NUMA_FAULT, "HONOR_NUMA_FAULT" },		\
		{ FOLL_TOUCH,            "TOUCH" },			\
		{ FOLL_REMOTE,           "REMOTE" },			\
		{ FOLL_PIN,              "PIN" },			\
		{ FOLL_FAST_ONLY,        "FAST_ONLY" },			\
		{ FOLL_UNLOCKABLE,       "UNLOCKABLE" },		\
		{ FOLL_MADV_POPULATE,    "MADV_POPULATE" })

#define show_gup_fast_stop(why)						\
	__print_symbolic(why,						\
		{ GUP_FAST_GO,         "nothing" },			\
		{ GUP_FAST_ABSENT,     "absent" },			\
		{ GUP_FAST_DENIED,     "denied" },			\
		{ GUP_FAST_SPECIAL,    "special" },			\
		{ GUP_FAST_REFCOUNT,   "refcount" },			\
		{ GUP_FAST_CHANGED,    "changed" },			\
		{ GUP_FAST_TABLE,      "table" },			\
		{ GUP_FAST_UNSHARE,    "unshare" },			\
		{ GUP_FAST_UNPINNABLE, "unpinnable" },			\
		{ GUP_FAST_KIND,       "kind" },			\
		{ GUP_FAST_FORK,       "fork" },			\
		{ GUP_FAST_FULL,       "full" })

#define show_gup_no_vma(why)						\
	__print_symbolic(why,						\
		{ GUP_NO_VMA_NOWAIT,  "nowait" },			\
		{ GUP_NO_VMA_TAGGED,  "tagged" },			\
		{ GUP_NO_VMA_BUSY,    "missing or busy" },		\
		{ GUP_NO_VMA_REFUSED, "refused" },			\
		{ GUP_NO_VMA_FAULT,   "fault" })

#define show_gup_move(what)						\
	__print_symbolic(what,						\
		{ GUP_MOVE_FOUND,     "found" },			\
		{ GUP_MOVE_ISOLATED,  "isolated" },			\
		{ GUP_MOVE_BUSY,      "busy" },				\
		{ GUP_MOVE_DEVICE,    "device" },			\
		{ GUP_MOVE_NO_MEMORY, "no memory" },			\
		{ GUP_MOVE_FAILED,    "failed" })

TRACE_EVENT(gup_begin,
	    TP_PROTO(unsigned int function, unsigned long start,
		     unsigned long nr_pages, unsigned int flags),
	    TP_ARGS(function, start, nr_pages, flags),
	    TP_STRUCT__entry(__field(unsigned int, function)
			     __field(unsigned int, flags)
			     __field(unsigned long, start)
			     __field(unsigned long, nr_pages)),
	    TP_fast_assign(__entry->function = function;
			   __entry->flags = flags;
			   __entry->start = start;
			   __entry->nr_pages = nr_pages;),
	    TP_printk("%s start=0x%lx pages=%lu flags=%s",
		      show_gup_function(__entry->function),
		      __entry->start, __entry->nr_pages,
		      show_gup_flags(__entry->flags)));

TRACE_EVENT(gup_end,
	    TP_PROTO(unsigned int function, unsigned long start, long result),
	    TP_ARGS(function, start, result),
	    TP_STRUCT__entry(__field(unsigned int, function)
			     __field(unsigned long, start)
			     __field(long, result)),
	    TP_fast_assign(__entry->function = function;
			   __entry->start = start;
			   __entry->result = result;),
	    TP_printk("%s start=0x%lx result=%ld",
		      show_gup_function(__entry->function),
		      __entry->start, __entry->result));

/* @undone: pages of the last window, which a fork() or a change of its table has cost. */
TRACE_EVENT(gup_fast_stop,
	    TP_PROTO(unsigned long addr, unsigned int why, unsigned long undone),
	    TP_ARGS(addr, why, undone),
	    TP_STRUCT__entry(__field(unsigned long, addr)
			     __field(unsigned long, undone)
			     __field(unsigned int, why)),
	    TP_fast_assign(__entry->addr = addr;
			   __entry->undone = undone;
			   __entry->why = why;),
	    TP_printk("addr=0x%lx why=%s undone=%lu", __entry->addr,
		      show_gup_fast_stop(__entry->why),
		      __entry->undone));

TRACE_EVENT(gup_fault,
	    TP_PROTO(unsigned long addr, unsigned int flags, vm_fault_t result),
	    TP_ARGS(addr, flags, result),
	    TP_STRUCT__entry(__field(unsigned long, addr)
			     __field(unsigned int, flags)
			     __field(unsigned int, result)),
	    TP_fast_assign(__entry->addr = addr;
			   __entry->flags = flags;
			   __entry->result = (__force unsigned int)result;),
	    TP_printk("addr=0x%lx flags=%s result=%s", __entry->addr,
		      __print_flags(__entry->flags, "|", FAULT_FLAG_TRACE,
				    { FAULT_FLAG_UNSHARE, "UNSHARE" }),
		      __print_flags(__entry->result, "|", VM_FAULT_RESULT_TRACE)));

/* The lock of a VMA is not enough, or not to be had: mmap_lock is taken. */
TRACE_EVENT(gup_no_vma_lock,
	    TP_PROTO(unsigned long addr, unsigned int why),
	    TP_ARGS(addr, why),
	    TP_STRUCT__entry(__field(unsigned long, addr)
			     __field(unsigned int, why)),
	    TP_fast_assign(__entry->addr = addr;
			   __entry->why = why;),
	    TP_printk("addr=0x%lx why=%s", __entry->addr,
		      show_gup_no_vma(__entry->why)));

DECLARE_EVENT_CLASS(gup_lock,
		    TP_PROTO(unsigned long addr, bool vma),
		    TP_ARGS(addr, vma),
		    TP_STRUCT__entry(__field(unsigned long, addr)
				     __field(bool, vma)),
		    TP_fast_assign(__entry->addr = addr;
				   __entry->vma = vma;),
		    TP_printk("addr=0x%lx lock=%s", __entry->addr,
			      __entry->vma ? "vma" : "mmap_lock"));

/* A lock has been taken. */
DEFINE_EVENT(gup_lock, gup_lock,
	     TP_PROTO(unsigned long addr, bool vma),
	     TP_ARGS(addr, vma));

/* A fault has dropped the lock. */
DEFINE_EVENT(gup_lock, gup_fault_unlock,
	     TP_PROTO(unsigned long addr, bool vma),
	     TP_ARGS(addr, vma));

/* The lock is given up, as somebody waits for it. */
DEFINE_EVENT(gup_lock, gup_give_way,
	     TP_PROTO(unsigned long addr, bool vma),
	     TP_ARGS(addr, vma));

/*
 * A folio may not stay pinned where it is, or this is what has become of it. Whose
 * references are in the way is not known, but how many there are.
 */
TRACE_EVENT(gup_longterm,
	    TP_PROTO(const struct folio *folio, unsigned int what),
	    TP_ARGS(folio, what),
	    TP_STRUCT__entry(__field(unsigned long, pfn)
			     __field(unsigned int, order)
			     __field(unsigned int, zone)
			     __field(bool, cma)
			     __field(int, refs)
			     __field(int, maps)
			     __field(unsigned int, what)),
	    TP_fast_assign(__entry->pfn = folio_pfn(folio);
			   __entry->order = folio_order(folio);
			   __entry->zone = folio_zonenum(folio);
			   __entry->cma = is_migrate_cma_folio(folio, folio_pfn(folio));
			   __entry->refs = folio_ref_count(folio);
			   __entry->maps = folio_mapcount(folio);
			   __entry->what = what;),
	    TP_printk("pfn=0x%lx order=%u zone=%s refs=%d maps=%d what=%s",
		      __entry->pfn, __entry->order,
		      __entry->cma ? "CMA" :
		      __print_symbolic(__entry->zone, ZONE_TYPE),
		      __entry->refs, __entry->maps,
		      show_gup_move(__entry->what)));

/* A folio was made dirty when a pin of it was released. */
TRACE_EVENT(gup_unpin_dirty,
	    TP_PROTO(const struct folio *folio),
	    TP_ARGS(folio),
	    TP_STRUCT__entry(__field(unsigned long, pfn)
			     __field(unsigned int, order)),
	    TP_fast_assign(__entry->pfn = folio_pfn(folio);
			   __entry->order = folio_order(folio);),
	    TP_printk("pfn=0x%lx order=%u", __entry->pfn, __entry->order));
#endif /* _TRACE_GUP_H */

#include <trace/define_trace.h>
