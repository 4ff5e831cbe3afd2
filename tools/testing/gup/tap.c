// SPDX-License-Identifier: GPL-2.0-only
/* Tests that print the Test Anything Protocol. */
#include <stdbool.h>
#include <stdlib.h>

#include "tap.h"

#define MAX_REPORTS	10

const char *tap_case;
static unsigned int nr_failures;

void tap_fail(const char *file, int line, const char *what, long got,
	      long wanted)
{
	unsigned int nr = __atomic_add_fetch(&nr_failures, 1, __ATOMIC_RELAXED);

	if (nr > MAX_REPORTS)
		return;
	printf("# %s:%d: %s is %#lx, not %#lx%s%s\n", file, line, what, got,
	       wanted, tap_case ? ": " : "", tap_case ?: "");
}

unsigned int tap_failures(void)
{
	return __atomic_load_n(&nr_failures, __ATOMIC_RELAXED);
}

int tap_run(const struct test *tests, unsigned int nr)
{
	/* Of a mutant nobody wants to know more than who notices it first. */
	const bool stop = getenv("GUP_MUTANT");
	unsigned int failed = 0;
	unsigned int i;

	printf("TAP version 13\n1..%u\n", nr);
	for (i = 0; i < nr && !(stop && failed); i++) {
		nr_failures = 0;
		tap_case = NULL;
		tests[i].run();
		failed += nr_failures != 0;
		printf("%sok %u - %s\n", nr_failures ? "not " : "", i + 1,
		       tests[i].name);
		fflush(stdout);
	}
	printf("%u passed, %u failed, 0 skipped\n", i - failed, failed);
	return failed != 0;
}
