/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Core dumps of child processes, as files in the current directory, and what they
 * hold of an address.
 */
#ifndef GUP_COREDUMP_H
#define GUP_COREDUMP_H

#include <limits.h>
#include <linux/elf.h>
#include <sys/resource.h>

#include "gup_common.h"

#define GUP_CORE_PATTERN "/proc/sys/kernel/core_pattern"
#define NO_COREDUMP	"needs root, CONFIG_COREDUMP and CONFIG_ELF_CORE"

struct gup_core {
	char path[64];
	char *data;
	size_t len;
	off_t blocks;
};

static char gup_core_saved[256];

static inline const char *gup_need_coredump(void)
{
	return access(GUP_CORE_PATTERN, R_OK | W_OK) ? NO_COREDUMP : NULL;
}

static inline void gup_core_begin(void)
{
	char pattern[PATH_MAX + 32], dir[PATH_MAX];

	MUST(read_file(GUP_CORE_PATTERN, gup_core_saved, sizeof(gup_core_saved)));
	MUST(getcwd(dir, sizeof(dir)));
	gup_core_saved[strcspn(gup_core_saved, "\n")] = '\0';
	snprintf(pattern, sizeof(pattern), "%s/gup_core.%%p", dir);
	write_file(GUP_CORE_PATTERN, pattern, strlen(pattern) + 1);
}

static inline void gup_core_end(void)
{
	write_file(GUP_CORE_PATTERN, gup_core_saved, strlen(gup_core_saved) + 1);
}

/* Crashes, with all kinds of memory in the file, see core(5). */
static inline __noreturn void gup_core_dump(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	write_file("/proc/self/coredump_filter", "0x7f", sizeof("0x7f"));
	MUST(!setrlimit(RLIMIT_CORE, &limit));
	MUST(!prctl(PR_SET_DUMPABLE, 1));
	kill(getpid(), SIGABRT);
	_exit(1);
}

/* Maps the core dump of a child that has crashed. */
static inline void gup_core_open(struct gup_core *core, pid_t child)
{
	struct stat st;
	int fd;

	snprintf(core->path, sizeof(core->path), "gup_core.%d", child);
	fd = open(core->path, O_RDONLY);
	if (fd < 0)
		fprintf(stderr, "# no core dump at %s\n", core->path);
	MUST(fd >= 0 && !fstat(fd, &st) && st.st_size > (off_t)sizeof(struct elf64_hdr));
	core->len = st.st_size;
	core->blocks = st.st_blocks;
	core->data = gup_mmap(core->len, PROT_READ, MAP_PRIVATE, fd);
	MUST(!memcmp(core->data, ELFMAG, SELFMAG));
	close(fd);
}

static inline void gup_core_close(struct gup_core *core)
{
	if (!core->data)
		return;
	munmap(core->data, core->len);
	unlink(core->path);
}

static inline const struct elf64_phdr *gup_core_segment(const struct gup_core *core,
							const char *addr)
{
	const struct elf64_hdr *ehdr = (struct elf64_hdr *)core->data;
	const struct elf64_phdr *phdr = (struct elf64_phdr *)(core->data + ehdr->e_phoff);
	uintptr_t at = (uintptr_t)addr;

	for (int i = 0; i < ehdr->e_phnum; i++, phdr++)
		if (phdr->p_type == PT_LOAD && at >= phdr->p_vaddr &&
		    at < phdr->p_vaddr + phdr->p_filesz)
			return phdr;
	return NULL;
}

/* Returns the bytes dumped for that address, NULL if they are not in the file. */
static inline const char *gup_core_at(const struct gup_core *core, const char *addr, size_t len)
{
	const struct elf64_phdr *phdr = gup_core_segment(core, addr);
	size_t off;

	if (!phdr)
		return NULL;
	off = (uintptr_t)addr - phdr->p_vaddr;
	if (off + len > phdr->p_filesz || phdr->p_offset + off + len > core->len)
		return NULL;
	return core->data + phdr->p_offset + off;
}

#endif /* GUP_COREDUMP_H */
