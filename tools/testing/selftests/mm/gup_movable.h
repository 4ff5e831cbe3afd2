/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that long-term pins have to move: a program that includes this gets its
 * memory from ZONE_MOVABLE, if the machine has one.
 */
#ifndef GUP_MOVABLE_H
#define GUP_MOVABLE_H

#include <linux/mempolicy.h>

#include "gup_common.h"

#define NO_MOVABLE	"needs free memory in ZONE_MOVABLE: boot with movablecore=256M"

/* Where pages must not stay while they are pinned; nr is 0 if there is no such zone. */
struct gup_zone {
	unsigned int node;
	unsigned long start;
	unsigned long nr;
};

static struct gup_zone gup_movable;

static inline void gup_find_movable(void)
{
	FILE *zones = fopen("/proc/zoneinfo", "r");
	unsigned long managed = 0;
	struct gup_zone zone = {};
	bool inside = false;
	char line[160];
	char name[32];

	if (!zones)
		return;
	while (!gup_movable.nr && fgets(line, sizeof(line), zones)) {
		if (sscanf(line, "Node %u, zone %31s", &zone.node, name) == 2)
			inside = !strcmp(name, "Movable");
		else if (inside && sscanf(line, " spanned %lu", &zone.nr) == 1)
			continue;
		else if (inside && sscanf(line, " managed %lu", &managed) == 1)
			continue;
		else if (inside && sscanf(line, " start_pfn: %lu", &zone.start) == 1 && managed)
			gup_movable = zone;
	}
	fclose(zones);
}

static void __attribute__((constructor)) gup_prefer_movable(void)
{
	unsigned long nodes;

	gup_find_movable();
	if (!gup_movable.nr || gup_movable.node >= 8 * sizeof(nodes))
		return;
	nodes = 1UL << gup_movable.node;
	if (syscall(__NR_set_mempolicy, MPOL_PREFERRED, &nodes, 8 * sizeof(nodes)))
		perror("# set_mempolicy");
}

/* How many of the pages of a range are in movable memory. */
static inline size_t gup_nr_movable(char *mem, size_t len)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	size_t nr = 0;

	MUST(fd >= 0);
	for (size_t at = 0; at < len; at += psize()) {
		unsigned long pfn = pagemap_get_pfn(fd, mem + at);

		nr += pfn >= gup_movable.start && pfn - gup_movable.start < gup_movable.nr;
	}
	close(fd);
	return nr;
}

#endif /* GUP_MOVABLE_H */
