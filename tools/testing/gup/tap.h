/* SPDX-License-Identifier: GPL-2.0-only */
/* Tests that print the Test Anything Protocol. */
#ifndef _GUP_TAP_H
#define _GUP_TAP_H

#include "gup_kernel.h"

struct test {
	const char *name;
	void (*run)(void);
};

/* Runs them; returns the exit status. */
int tap_run(const struct test *tests, unsigned int nr);

void __cold tap_fail(const char *file, int line, const char *what, long got,
		     long wanted);

/* Failures of the running test so far. */
unsigned int tap_failures(void);

/* What is being tested, to be named where it fails; NULL: nothing in particular. */
extern const char *tap_case;

/* A test goes on after a failure, so that it cleans up. */
#define EXPECT_EQ(got, wanted) do {					\
	const long _got = (long)(got), _wanted = (long)(wanted);	\
									\
	if (_got != _wanted)						\
		tap_fail(__FILE__, __LINE__, #got, _got, _wanted);	\
} while (0)
#define EXPECT(cond)	EXPECT_EQ(!!(cond), true)

#endif	/* _GUP_TAP_H */
