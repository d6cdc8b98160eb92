/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/process_image.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "profiler/module_file.h"
#include "symbolizer/proc_maps.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

static void file_free(struct image_file *file)
{
	if (file->bytes)
		munmap((void *)file->bytes, file->size);
	free(file->path);
	free(file);
}

void process_image_free(struct process_image *image)
{
	if (!image)
		return;
	for (size_t i = 0; i < image->file_count; i++)
		file_free(image->files[i]);
	free(image->files);
	free(image->maps);
	free(image);
}

/* A file that cannot be opened is there without its bytes. */
static void open_bytes(struct image_file *file, pid_t pid, const struct proc_mapping *mapping)
{
	struct module_name name = {
		.kind = file->inode ? MODULE_FILE : MODULE_VDSO,
		.path = file->path,
		.dev = file->dev,
		.inode = file->inode,
	};
	const void *bytes;
	int fd = module_open(&name, pid, mapping->start, mapping->end);

	if (fd < 0)
		return;
	if (!file_map(fd, sizeof(Elf64_Ehdr), &bytes, &file->size))
		file->bytes = bytes;
	close(fd);
}

static const struct image_file *find_file(struct process_image *image, pid_t pid,
					  const struct proc_mapping *mapping)
{
	uint64_t dev = makedev(mapping->dev_major, mapping->dev_minor);
	struct image_file *file;

	if (!mapping->inode && strncmp(mapping->path, "[vdso]", 6))
		return NULL;
	for (size_t i = 0; i < image->file_count; i++)
		if (image->files[i]->dev == dev && image->files[i]->inode == mapping->inode)
			return image->files[i];
	if (array_reserve(&image->files, &image->files_size, image->file_count + 1))
		return NULL;
	file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	file->dev = dev;
	file->inode = mapping->inode;
	file->path = strndup(mapping->path, mapping->path_length);
	if (!file->path) {
		free(file);
		return NULL;
	}
	image->files[image->file_count++] = file;
	open_bytes(file, pid, mapping);
	return file;
}

static int read_text(pid_t pid, struct buf *text)
{
	char path[32], chunk[16384];
	_cleanup_close_ int fd = -1;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	while ((got = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(text, chunk, (size_t)got);
	return buf_error(text) ? buf_error(text) : text->used ? 0 : -ESRCH;
}

int process_image_read(pid_t pid, struct process_image **ret_image)
{
	_cleanup_(process_image_freep) struct process_image *image = calloc(1, sizeof(*image));
	_cleanup_(buf_release) struct buf text = {0};
	struct proc_mapping mapping;
	const char *at, *end;
	int err;

	if (!image)
		return -ENOMEM;
	err = read_text(pid, &text);
	if (err)
		return err;
	at = text.bytes;
	end = at + text.used;
	while (proc_maps_next(&at, end, &mapping)) {
		if (array_reserve(&image->maps, &image->size, image->count + 1))
			return -ENOMEM;
		image->maps[image->count++] = (struct image_map){
			.start = mapping.start,
			.end = mapping.end,
			.off = mapping.off,
			.is_executable = mapping.is_executable,
			.file = find_file(image, pid, &mapping),
		};
	}
	*ret_image = TAKE_PTR(image);
	return 0;
}

const struct image_map *process_image_find(const struct process_image *image, uint64_t addr)
{
	size_t low = 0, high = image->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->maps[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < image->count && image->maps[low].start <= addr ? &image->maps[low] : NULL;
}

bool process_image_bytes(const struct process_image *image, uint64_t addr, void *ret_bytes,
			 size_t size)
{
	const struct image_map *map = process_image_find(image, addr);
	uint64_t off;

	if (!map || !map->file || !map->file->bytes || size > map->end - addr)
		return false;
	off = map->off + (addr - map->start);
	if (off > map->file->size || size > map->file->size - off)
		return false;
	memcpy(ret_bytes, map->file->bytes + off, size);
	return true;
}

bool image_map_bias(const struct image_map *map, uint64_t *ret_bias)
{
	const struct image_file *file = map->file;
	const Elf64_Ehdr *elf;

	if (!file || !file->bytes || memcmp(file->bytes, ELFMAG, SELFMAG))
		return false;
	elf = (const void *)file->bytes;
	for (unsigned int i = 0; i < elf->e_phnum; i++) {
		uint64_t at = elf->e_phoff + (uint64_t)i * sizeof(Elf64_Phdr);
		Elf64_Phdr segment;

		if (at > file->size || sizeof(segment) > file->size - at)
			return false;
		memcpy(&segment, file->bytes + at, sizeof(segment));
		/* Mapped by whole pages: the segment may begin inside the first, which may hold the
		 * end of another one. */
		if (segment.p_type == PT_LOAD &&
		    map->is_executable == ((segment.p_flags & PF_X) != 0) &&
		    (segment.p_offset & ~(uint64_t)4095) <= map->off &&
		    map->off < segment.p_offset + segment.p_filesz) {
			*ret_bias = map->start - map->off - (segment.p_vaddr - segment.p_offset);
			return true;
		}
	}
	return false;
}
