/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/memory.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <string.h>

enum {
	MMAP_BYTES = 128 << 10, /* from here on an array has pages of its own */
	TRIM_BYTES = 512 << 10, /* unused at the heap's end */
};

/* glibc raises its threshold to the largest array that was ever freed, up to 32 MB: then they come
 * from the heap, between what stays. Being told one is being told to leave it there. */
void memory_limit_heap(void)
{
	mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
	mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
}

void memory_trim(void)
{
	malloc_trim(0);
}

/* --- telling --- */

/* The number behind a word at the start of a line, as /proc has it; 0 if there is none. */
static uint64_t number_of(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at ? strtoull(at + strlen(word), NULL, 10) : 0;
}

static void read_text(const char *path, char *ret, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	size_t n = file ? fread(ret, 1, size - 1, file) : 0;

	ret[n] = '\0';
}

static void tell_heap(memory_take take, void *context)
{
	struct mallinfo2 info = mallinfo2();
	const struct memory_item used = {.name = "heap",
					 .sentence = "of the heap, in use",
					 .bytes = info.uordblks + info.hblkhd};
	const struct memory_item unused = {.name = "heap_unused",
					   .sentence = "of the heap, not in use and not given back",
					   .bytes = info.fordblks};

	take(context, &used);
	take(context, &unused);
}

static void tell_resident(memory_take take, void *context)
{
	static const struct {
		const char *word, *name, *sentence;
	} kinds[] = {
		{"VmRSS:", "resident", "resident, all told"},
		{"RssAnon:", "resident_own", "resident: heap and stacks"},
		{"RssFile:", "resident_files",
		 "resident: mapped BPF maps, programs and symbols on disk"},
		{"RssShmem:", "resident_shared", "resident: symbols that are on no disk"},
	};
	char text[8192];

	read_text("/proc/self/status", text, sizeof(text));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		take(context, &(struct memory_item){.name = kinds[i].name,
						    .sentence = kinds[i].sentence,
						    .bytes = number_of(text, kinds[i].word) << 10});
}

/* Ring buffers and programs say "memlock" as well. */
static void tell_descriptors(memory_take take, void *context)
{
	DIR *directory = opendir("/proc/self/fdinfo");
	struct memory_item open = {.name = "descriptors", .sentence = "open descriptors"};
	struct memory_item maps = {.name = "bpf_maps", .sentence = "BPF maps"};
	struct dirent *entry;
	char path[300], text[2048];

	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		open.entries++;
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%s", entry->d_name);
		read_text(path, text, sizeof(text));
		if (!strstr(text, "map_type:"))
			continue;
		maps.entries++;
		maps.bytes += number_of(text, "\nmemlock:");
	}
	if (directory)
		closedir(directory);
	take(context, &open);
	take(context, &maps);
}

void memory_of_process(memory_take take, void *context)
{
	tell_heap(take, context);
	tell_resident(take, context);
	tell_descriptors(take, context);
}
