/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/copied_text.h"

#include "base/cleanup.h"
#include "profiler/module_file.h"

#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	PAGE = 4096,
	PAGES = 8, /* that are compared */
	/* Linkers may leave a page more between two segments in memory than there is in the file. */
	SHIFTS = 4,
};

static bool begins(const struct proc_mapping *mapping, const char *with)
{
	return mapping->path_length >= strlen(with) && !memcmp(mapping->path, with, strlen(with));
}

bool copied_text_is_memory(const struct proc_mapping *mapping)
{
	if (mapping->inode) /* of the kernel's reserve of huge pages */
		return begins(mapping, "/anon_hugepage");
	return !mapping->path_length || begins(mapping, "[anon:");
}

bool copied_text_may_be(const struct proc_mapping *mapping)
{
	return mapping->is_executable && copied_text_is_memory(mapping);
}

bool copied_text_is_amid(const struct proc_mapping *before, const struct proc_mapping *after)
{
	return before->inode == after->inode && before->dev_major == after->dev_major &&
	       before->dev_minor == after->dev_minor;
}

/* Nothing but zeros is no evidence: 0. Code: 1. Another one: -1. */
static int compare_page(int fd, uint64_t off, pid_t tid, uint64_t addr)
{
	static const uint8_t zeros[PAGE];
	uint8_t mapped[PAGE], filed[PAGE];
	struct iovec to = {mapped, PAGE}, from = {(void *)(uintptr_t)addr, PAGE};

	if (process_vm_readv(tid, &to, 1, &from, 1, 0) != PAGE ||
	    pread(fd, filed, PAGE, (off_t)off) != PAGE || memcmp(mapped, filed, PAGE) != 0)
		return -1;
	return memcmp(mapped, zeros, PAGE) != 0;
}

static bool reads_as(int fd, uint64_t off, pid_t tid, const struct proc_mapping *mapping)
{
	uint64_t pages = (mapping->end - mapping->start) / PAGE;
	int code = 0;

	for (uint64_t i = 0; i < PAGES; i++) {
		uint64_t at = pages * i / PAGES * PAGE;
		int same = compare_page(fd, off + at, tid, mapping->start + at);

		if (same < 0)
			return false;
		code += same;
	}
	return code > 0;
}

bool copied_text_read(pid_t tid, const struct proc_mapping *before, struct proc_mapping *mapping)
{
	_cleanup_close_ int fd = module_open_mapped(tid, before->start, before->end);
	uint64_t off = before->off + (mapping->start - before->start), start = mapping->start,
		 end = mapping->end;

	for (uint64_t i = 0; fd >= 0 && i < SHIFTS && i * PAGE <= off; i++) {
		if (!reads_as(fd, off - i * PAGE, tid, mapping))
			continue;
		*mapping = *before;
		mapping->start = start;
		mapping->end = end;
		mapping->off = off - i * PAGE;
		return true;
	}
	return false;
}
