/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ioctls of /sys/kernel/debug/gup_test, shared with the programs in
 * tools/testing/selftests/mm.
 */
#ifndef _MM_GUP_TEST_H
#define _MM_GUP_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define GUP_TEST_MAX_PAGES_TO_DUMP	8

/* gup_test.test_flags, DUMP_USER_PAGES_TEST only: pin the pages, not get them */
#define GUP_TEST_FLAG_DUMP_PAGES_USE_PIN	1

/**
 * struct gup_test - one run over a range of user memory
 * @get_delta_usec: out: microseconds spent taking the pages
 * @put_delta_usec: out: microseconds spent giving them back
 * @addr: start of the range
 * @size: in: bytes of the range, whole pages; out: bytes whose pages were taken
 * @nr_pages_per_call: most pages to ask for in one call of the kernel API
 * @gup_flags: FOLL_* flags for the call
 * @test_flags: GUP_TEST_FLAG_*
 * @which_pages: DUMP_USER_PAGES_TEST: the pages to dump, 1 is the page at @addr,
 *		 0 is an unused slot
 *
 * A run ends at the first call that takes fewer pages than it was asked for. It
 * is an error only if no page was taken before. A fatal signal ends a run between two
 * calls as well, and with FOLL_INTERRUPTIBLE any signal does.
 */
struct gup_test {
	__u64 get_delta_usec;
	__u64 put_delta_usec;
	__u64 addr;
	__u64 size;
	__u32 nr_pages_per_call;
	__u32 gup_flags;
	__u32 test_flags;
	__u32 which_pages[GUP_TEST_MAX_PAGES_TO_DUMP];
};

/* pin_longterm_test.flags */
#define PIN_LONGTERM_TEST_FLAG_USE_WRITE	1
#define PIN_LONGTERM_TEST_FLAG_USE_FAST		2

/**
 * struct pin_longterm_test - the range that an open file is to keep pinned
 * @addr: start of the range, page-aligned
 * @size: bytes of the range, whole pages
 * @flags: PIN_LONGTERM_TEST_FLAG_*
 */
struct pin_longterm_test {
	__u64 addr;
	__u64 size;
	__u32 flags;
};

/* gup_test_hold.api: the function that takes the pages */
enum gup_test_api {
	GUP_TEST_GET_FAST,
	GUP_TEST_GET_FAST_ONLY,
	GUP_TEST_GET,
	GUP_TEST_GET_UNLOCKED,
	GUP_TEST_GET_REMOTE,
	GUP_TEST_PIN_FAST,
	GUP_TEST_PIN,
	GUP_TEST_PIN_UNLOCKED,
	GUP_TEST_PIN_REMOTE,
	GUP_TEST_NR_APIS,
};

/**
 * struct gup_test_hold - one call of one function, whose pages an open file keeps
 * @addr: start of the range
 * @size: in: bytes of the range, whole pages; out: bytes whose pages are held
 * @api: enum gup_test_api
 * @gup_flags: FOLL_* flags for the call
 *
 * A call that comes short is no error. Without pages nothing is held, and @size
 * is 0. -EIO: the call has broken what it promises; the kernel log says how.
 */
struct gup_test_hold {
	__u64 addr;
	__u64 size;
	__u32 api;
	__u32 gup_flags;
};

/**
 * struct gup_test_excess - references that nobody should have
 * @refs: out: how many references the folios have more or less than page tables, page
 *	  cache, swap cache and GUP_TEST_HOLD account for; hugetlb does not count
 * @pinned: out: how many folios seem to be pinned
 *
 * For pages held by a function that gets, not pins, while nobody else uses them.
 */
struct gup_test_excess {
	__u64 refs;
	__u64 pinned;
};

#define GUP_FAST_BENCHMARK	_IOWR('g', 1, struct gup_test)
#define PIN_FAST_BENCHMARK	_IOWR('g', 2, struct gup_test)
#define PIN_LONGTERM_BENCHMARK	_IOWR('g', 3, struct gup_test)
#define GUP_BASIC_TEST		_IOWR('g', 4, struct gup_test)
#define PIN_BASIC_TEST		_IOWR('g', 5, struct gup_test)
#define DUMP_USER_PAGES_TEST	_IOWR('g', 6, struct gup_test)

/*
 * One range per open file stays pinned from START, or HOLD, to STOP, or to the last
 * close. READ copies its contents, seen through the pinned pages, to the user
 * address that its argument points at. WRITE copies them the other way.
 */
#define PIN_LONGTERM_TEST_START	_IOW('g', 7, struct pin_longterm_test)
#define PIN_LONGTERM_TEST_STOP	_IO('g', 8)
#define PIN_LONGTERM_TEST_READ	_IOW('g', 9, __u64)
#define GUP_TEST_HOLD		_IOWR('g', 10, struct gup_test_hold)
#define GUP_TEST_WRITE		_IOW('g', 11, __u64)
#define GUP_TEST_EXCESS		_IOR('g', 12, struct gup_test_excess)

#endif /* _MM_GUP_TEST_H */
