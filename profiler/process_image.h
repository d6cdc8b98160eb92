/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files that a process has mapped, as /proc tells it, with their bytes: what wick check-unwind
 * looks code and .eh_frame up in, apart from all that the profiler itself knows. One thread.
 */
#ifndef WICK_PROFILER_PROCESS_IMAGE_H
#define WICK_PROFILER_PROCESS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A mapped file, opened once. */
struct image_file {
	uint64_t dev, inode;
	char *path;	      /* as the process names it */
	const uint8_t *bytes; /* NULL: it could not be opened */
	size_t size;
};

struct image_map {
	uint64_t start, end; /* addrs */
	uint64_t off;
	bool is_executable;
	const struct image_file *file; /* NULL: anonymous */
};

struct process_image {
	struct image_map *maps; /* sorted, disjoint */
	size_t count, size;
	struct image_file **files;
	size_t file_count, files_size;
};

/* Reads /proc/PID/maps and opens the executable files in it. -ESRCH: it is gone. */
int process_image_read(pid_t pid, struct process_image **ret_image);
void process_image_free(struct process_image *image);
static inline void process_image_freep(struct process_image **image)
{
	process_image_free(*image);
}

/* The mapping that holds addr, or NULL. */
const struct image_map *process_image_find(const struct process_image *image, uint64_t addr);

/* Bytes of the mapped files at addr; false: not (all) in one of them. */
bool process_image_bytes(const struct process_image *image, uint64_t addr, void *ret_bytes,
			 size_t size);

/* addr - bias = vaddr in the ELF image that map is of; false: it is none. */
bool image_map_bias(const struct image_map *map, uint64_t *ret_bias);

#endif
