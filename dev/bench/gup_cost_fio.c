// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
/*
 * Measures direct reads by fio: how long one takes from when fio submits it until it is
 * complete, what fio does in between included. The disk does nothing. No file system can
 * live on such a disk; so the device mapper makes one of two, which has the blocks of one
 * file on the disk that does nothing, and all others on the disk of the file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gup_cost.h"

#define NULL_DISK	"/dev/nullb0"
#define MAPPER		"/dev/mapper/control"
#define FILE_SIZE	(64 * MIB)
#define SECTOR		512
#define MAX_EXTENTS	64
/* The number of the field in version 3 of fio's terse output. */
#define MEAN_LATENCY	40
#define FIO		"debian/lib64/ld-linux-x86-64.so.2 --library-path debian/lib debian/usr/bin/fio"
#define HOW		"--name=read --rw=read --direct=1 --thread --size=64m --io_size=4g"
#define OUTPUT		"--output-format=terse --terse-version=3"

struct place {
	const char *name;
	const char *dir;	/* where the file system is mounted, NULL for the disk itself */
	char disk[32];		/* that of the file system */
	bool ready;
};

static struct place
	null_blk = { "null_blk" },
	ext4 = { "ext4", "/mnt/ext4" },
	xfs = { "xfs", "/mnt/xfs" };

static const struct buffer {
	const char *name;
	const char *memory;	/* what fio calls it */
} buffers[] = {
	{ "4k",		"mmap" },
	{ "hugetlb",	"shmhuge" },
};

static const struct read {
	const char *engine;
	struct place *place;
	const char *size;
	unsigned long nr;
} reads[] = {
	{ "psync",	&ext4,		"4k",	4096 },
	{ "psync",	&ext4,		"64k",	4096 },
	{ "psync",	&ext4,		"128k",	2048 },
	{ "psync",	&ext4,		"1m",	512 },
	{ "psync",	&xfs,		"128k",	2048 },
	{ "psync",	&xfs,		"1m",	512 },
	{ "io_uring",	&ext4,		"128k",	2048 },
	{ "io_uring",	&ext4,		"1m",	512 },
	{ "io_uring",	&xfs,		"128k",	2048 },
	{ "io_uring",	&xfs,		"1m",	512 },
	{ "io_uring",	&null_blk,	"4k",	4096 },
	{ "io_uring",	&null_blk,	"1m",	512 },
};

static void write_sectors(const char *path)
{
	static char zeros[MIB];
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	if (fd < 0)
		fail(path);
	for (unsigned long done = 0; done < FILE_SIZE; done += sizeof(zeros)) {
		if (write(fd, zeros, sizeof(zeros)) != sizeof(zeros))
			fail(path);
	}
	if (fsync(fd) || close(fd))
		fail(path);
}

static int by_place(const void *a, const void *b)
{
	const struct fiemap_extent *x = a, *y = b;

	return (x->fe_physical > y->fe_physical) - (x->fe_physical < y->fe_physical);
}

/* Where the file is on the disk. */
static struct fiemap *find_extents(const char *path)
{
	struct fiemap *map = calloc(1, sizeof(*map) + MAX_EXTENTS * sizeof(struct fiemap_extent));
	int fd = open(path, O_RDONLY);

	if (!map || fd < 0)
		fail(path);
	map->fm_length = FIEMAP_MAX_OFFSET;
	map->fm_extent_count = MAX_EXTENTS;
	if (ioctl(fd, FS_IOC_FIEMAP, map))
		fail("FS_IOC_FIEMAP");
	close(fd);
	qsort(map->fm_extents, map->fm_mapped_extents, sizeof(struct fiemap_extent), by_place);
	return map;
}

/* Unmounts the file system, and returns its type. */
static char *unmount(struct place *place)
{
	FILE *mounts = setmntent("/proc/mounts", "r");
	struct mntent *mount;
	char *type = NULL;

	while (mounts && (mount = getmntent(mounts))) {
		if (strcmp(mount->mnt_dir, place->dir))
			continue;
		snprintf(place->disk, sizeof(place->disk), "%s", mount->mnt_fsname);
		type = strdup(mount->mnt_type);
	}
	if (!type || umount(place->dir))
		fail(place->dir);
	endmntent(mounts);
	return type;
}

/* A table of the device mapper; its segments go on where the one before has ended. */
struct table {
	struct dm_ioctl head;
	char segments[2 * MAX_EXTENTS + 1][128];
};

static void ask_mapper(struct table *table, const struct place *place, unsigned long request)
{
	int fd = open(MAPPER, O_RDWR);

	snprintf(table->head.name, sizeof(table->head.name), "%s", place->name);
	table->head.version[0] = DM_VERSION_MAJOR;
	table->head.data_size = sizeof(*table);
	table->head.data_start = sizeof(table->head);
	if (fd < 0 || ioctl(fd, request, table))
		fail(MAPPER);
	close(fd);
}

static void add_segment(struct table *table, unsigned long *at, unsigned long end, const char *disk)
{
	char *segment = table->segments[table->head.target_count];
	struct dm_target_spec *spec = (struct dm_target_spec *)segment;

	if (*at == end)
		return;
	spec->sector_start = *at / SECTOR;
	spec->length = (end - *at) / SECTOR;
	spec->next = sizeof(table->segments[0]);
	snprintf(spec->target_type, sizeof(spec->target_type), "linear");
	snprintf((char *)(spec + 1), spec->next - sizeof(*spec), "%s %lu", disk, *at / SECTOR);
	table->head.target_count++;
	*at = end;
}

static unsigned long size_of(const char *disk)
{
	int fd = open(disk, O_RDONLY);
	unsigned long size;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size))
		fail(disk);
	close(fd);
	return size;
}

/* Returns the minor number of the disk. */
static unsigned int make_disk(const struct place *place, const struct fiemap *map)
{
	struct table table = {};
	unsigned long at = 0;

	ask_mapper(&table, place, DM_DEV_CREATE);
	memset(&table, 0, sizeof(table));
	for (unsigned int i = 0; i < map->fm_mapped_extents; i++) {
		const struct fiemap_extent *extent = &map->fm_extents[i];

		add_segment(&table, &at, extent->fe_physical, place->disk);
		add_segment(&table, &at, extent->fe_physical + extent->fe_length, NULL_DISK);
	}
	add_segment(&table, &at, size_of(place->disk), place->disk);
	ask_mapper(&table, place, DM_TABLE_LOAD);
	memset(&table, 0, sizeof(table));
	ask_mapper(&table, place, DM_DEV_SUSPEND);	/* without a flag, it resumes */
	return table.head.dev & 0xff;
}

/* From now on, what is read from the file comes from the disk that does nothing. */
static void get_ready(struct place *place)
{
	char path[64], disk[64], *type;
	struct fiemap *map;

	if (place->ready)
		return;
	place->ready = true;
	if (!place->dir)
		return;
	snprintf(path, sizeof(path), "%s/fio", place->dir);
	write_sectors(path);
	map = find_extents(path);
	type = unmount(place);
	snprintf(disk, sizeof(disk), "/dev/dm-%u", make_disk(place, map));
	if (mount(disk, place->dir, type, 0, NULL))
		fail(disk);
	free(type);
	free(map);
}

/* The fields of a line are separated by semicolons. */
static double field(char *line, int number)
{
	char *text = NULL;

	while (number--)
		text = strsep(&line, ";");
	return text ? atof(text) : 0;
}

/* Returns microseconds, the mean of all reads. */
static double run_fio(const struct read *read, const struct buffer *buffer)
{
	const struct place *place = read->place;
	char command[512], line[4096] = "";
	FILE *output;

	snprintf(command, sizeof(command),
		 "%s %s %s --filename=%s%s --bs=%s --number_ios=%lu --ioengine=%s --iomem=%s",
		 FIO, HOW, OUTPUT, place->dir ?: NULL_DISK, place->dir ? "/fio" : "",
		 read->size, read->nr, read->engine, buffer->memory);
	output = popen(command, "r");
	if (!output || !fgets(line, sizeof(line), output) || pclose(output)) {
		printf("gup_cost: %s: %s\n", command, line);
		exit(1);
	}
	return field(line, MEAN_LATENCY);
}

void bench_fio(void)
{
	char name[NAME_LENGTH];

	use_folios(PAGE);
	for (size_t i = 0; i < ARRAY_SIZE(reads) * ARRAY_SIZE(buffers); i++) {
		const struct buffer *buffer = &buffers[i % ARRAY_SIZE(buffers)];
		const struct read *read = &reads[i / ARRAY_SIZE(buffers)];

		snprintf(name, sizeof(name), "fio/%s/%s/%s/%s", read->engine, read->place->name,
			 buffer->name, read->size);
		if (!wanted(name))
			continue;
		get_ready(read->place);
		for (int j = 0; j < rounds; j++)
			report(name, 1, run_fio(read, buffer));
	}
}
