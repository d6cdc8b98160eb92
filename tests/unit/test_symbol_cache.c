/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "symbolizer/symbol_cache.h"
#include "tests/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory with some programs and a cache. */
struct fixture {
	char directory[32], cache_directory[64];
	struct symbol_cache *cache;
};

static void fixture_release(struct fixture *f)
{
	char command[96];

	symbol_cache_free(f->cache);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->directory);
	CHECK_INT(system(command), 0);
}

static void fixture_make(struct fixture *f, uint64_t max_bytes)
{
	strcpy(f->directory, "/tmp/test-wick-XXXXXX");
	CHECK(mkdtemp(f->directory));
	snprintf(f->cache_directory, sizeof(f->cache_directory), "%s/cache/symbols", f->directory);
	CHECK_INT(symbol_cache_open(f->cache_directory, max_bytes, &f->cache), 0);
}

/* A copy of a program: a file of its own identity. */
static int program(struct fixture *f, const char *name)
{
	char command[512];

	snprintf(command, sizeof(command), "cp " ELF_DIR "/pie.elf '%s/%s'", f->directory, name);
	CHECK_INT(system(command), 0);
	snprintf(command, sizeof(command), "%s/%s", f->directory, name);
	return open(command, O_RDWR | O_CLOEXEC);
}

static int put(struct fixture *f, int elf_fd, struct symindex **ret_index)
{
	_cleanup_close_ int out = memfd_create("test", MFD_CLOEXEC);
	const struct symindex_input input = {.elf_fd = elf_fd, .debug_fd = -1, .alt_fd = -1};

	CHECK_INT(symindex_build(&input, out), 0);
	return symbol_cache_put(f->cache, elf_fd, out, ret_index);
}

static unsigned int count_files(const struct fixture *f, const char *suffix)
{
	DIR *directory = opendir(f->cache_directory);
	const struct dirent *entry;
	unsigned int count = 0;

	while (directory && (entry = readdir(directory)))
		count += strstr(entry->d_name, suffix) != NULL;
	if (directory)
		closedir(directory);
	return count;
}

TEST(what_was_put_is_got_and_is_the_same)
{
	_cleanup_(fixture_release) struct fixture f = {0};
	_cleanup_(symindex_freep) struct symindex *put_there = NULL, *got = NULL;
	_cleanup_close_ int elf = -1;

	fixture_make(&f, SYMBOL_CACHE_BYTES);
	elf = program(&f, "a");
	CHECK_INT(symbol_cache_get(f.cache, elf, &got), -ENOENT);
	CHECK_INT(put(&f, elf, &put_there), 0);
	CHECK_INT(symbol_cache_get(f.cache, elf, &got), 0);
	CHECK(symindex_count(got) > 10);
	CHECK(!memcmp(symindex_header(got), symindex_header(put_there),
		      symindex_header(got)->size));
	CHECK_INT(count_files(&f, ".sym"), 1);
	CHECK_INT(count_files(&f, ".tmp"), 0);
}

TEST(a_file_that_was_changed_or_is_another_one_is_not_found)
{
	_cleanup_(fixture_release) struct fixture f = {0};
	_cleanup_(symindex_freep) struct symindex *index = NULL, *none = NULL;
	_cleanup_close_ int a = -1, b = -1;
	struct timespec times[2] = {{0}, {0}};
	struct stat st;

	fixture_make(&f, SYMBOL_CACHE_BYTES);
	a = program(&f, "a");
	b = program(&f, "b");
	CHECK_INT(put(&f, a, &index), 0);
	CHECK_INT(symbol_cache_get(f.cache, b, &none), -ENOENT);
	/* Written to, and its time set back: the change time tells. */
	CHECK_INT(fstat(a, &st), 0);
	CHECK_INT(pwrite(a, "x", 1, st.st_size - 1), 1);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	usleep(20000); /* a tick of the file system's clock */
	CHECK_INT(futimens(a, times), 0);
	CHECK_INT(symbol_cache_get(f.cache, a, &none), -ENOENT);
}

TEST(the_least_recently_used_go_when_there_are_too_many_bytes)
{
	_cleanup_(fixture_release) struct fixture f = {0};
	_cleanup_(symindex_freep) struct symindex *first = NULL, *again = NULL, *more = NULL;
	_cleanup_close_ int a = -1, b = -1, c = -1;
	size_t size;

	fixture_make(&f, SYMBOL_CACHE_BYTES);
	a = program(&f, "a");
	b = program(&f, "b");
	c = program(&f, "c");
	CHECK_INT(put(&f, a, &first), 0);
	size = symindex_header(first)->size;
	symbol_cache_free(f.cache);
	CHECK_INT(symbol_cache_open(f.cache_directory, 2 * size + size / 2, &f.cache), 0);
	usleep(20000);
	CHECK_INT(put(&f, b, &more), 0);
	usleep(20000);
	CHECK_INT(symbol_cache_get(f.cache, a, &again), 0); /* b is now the older one */
	symindex_free(TAKE_PTR(more));
	CHECK_INT(put(&f, c, &more), 0);
	symindex_free(TAKE_PTR(more));
	CHECK_INT(symbol_cache_get(f.cache, b, &more), -ENOENT);
	symindex_free(TAKE_PTR(again));
	CHECK_INT(symbol_cache_get(f.cache, a, &again), 0);
	CHECK(symindex_count(first) > 10); /* what is evicted while in use stays readable */
}

TEST(two_that_write_to_one_directory_keep_it_within_its_bytes)
{
	_cleanup_(fixture_release) struct fixture f = {0};
	struct symbol_cache *other = NULL, *turn;
	size_t size = 0, most = 0;
	char name[8];

	fixture_make(&f, SYMBOL_CACHE_BYTES);
	for (unsigned int i = 0; i < 40; i++) {
		_cleanup_(symindex_freep) struct symindex *index = NULL;
		_cleanup_close_ int elf = -1;

		snprintf(name, sizeof(name), "%u", i);
		elf = program(&f, name);
		CHECK_INT(put(&f, elf, &index), 0);
		size = symindex_header(index)->size;
		if (!i) {
			symbol_cache_free(f.cache);
			most = 16 * size;
			CHECK_INT(symbol_cache_open(f.cache_directory, most, &f.cache), 0);
			CHECK_INT(symbol_cache_open(f.cache_directory, most, &other), 0);
		}
		CHECK(count_files(&f, ".sym") * size <= most);
		turn = f.cache; /* the other one's turn */
		f.cache = other;
		other = turn;
	}
	CHECK(count_files(&f, ".sym") * size > most / 2);
	symbol_cache_free(other);
}

TEST(what_others_may_write_to_is_refused_and_files_are_for_us_alone)
{
	_cleanup_(fixture_release) struct fixture f = {0};
	_cleanup_(symindex_freep) struct symindex *index = NULL, *none = NULL;
	_cleanup_close_ int elf = -1;
	struct symbol_cache *open_to_all = NULL;
	char command[128];

	fixture_make(&f, SYMBOL_CACHE_BYTES);
	elf = program(&f, "a");
	CHECK_INT(put(&f, elf, &index), 0);
	snprintf(command, sizeof(command), "test $(stat -c %%a '%s'/*.sym) = 600",
		 f.cache_directory);
	CHECK_INT(system(command), 0);
	snprintf(command, sizeof(command), "chmod 644 '%s'/*.sym", f.cache_directory);
	CHECK_INT(system(command), 0);
	CHECK_INT(symbol_cache_get(f.cache, elf, &none), -ENOENT);
	CHECK_INT(chmod(f.cache_directory, 0777), 0);
	CHECK_INT(symbol_cache_open(f.cache_directory, 1, &open_to_all), -EPERM);
}

TEST(a_torn_file_is_no_hit_and_damage_inside_is_no_harm)
{
	_cleanup_(fixture_release) struct fixture f = {0};
	_cleanup_(symindex_freep) struct symindex *index = NULL, *got = NULL;
	_cleanup_close_ int elf = -1;
	struct symindex_frame frames[SYMINDEX_DEPTH_MAX];
	char command[256];

	fixture_make(&f, SYMBOL_CACHE_BYTES);
	elf = program(&f, "a");
	CHECK_INT(put(&f, elf, &index), 0);
	snprintf(command, sizeof(command),
		 "head -c 100 /dev/zero | tr '\\0' '\\377' | dd of=\"$(echo '%s'/*.sym)\" bs=1 "
		 "seek=480 "
		 "conv=notrunc 2>/dev/null",
		 f.cache_directory);
	CHECK_INT(system(command), 0);
	CHECK_INT(symbol_cache_get(f.cache, elf, &got), 0);
	for (uint64_t vaddr = 0; got && vaddr < 0x10000; vaddr++)
		CHECK(symindex_frames(got, vaddr, frames, SYMINDEX_DEPTH_MAX) > 0);
	symindex_free(TAKE_PTR(got));
	snprintf(command, sizeof(command), "truncate -s -1 '%s'/*.sym", f.cache_directory);
	CHECK_INT(system(command), 0);
	CHECK_INT(symbol_cache_get(f.cache, elf, &got), -ENOENT);
}

TEST_MAIN()
