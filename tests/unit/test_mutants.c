/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Thousands of damaged copies of programs with debug info, of split files and of packages, read in
 * this process: what comes out is refused or a sound index. Worth most under ASan. The mutants are the
 * same in each run; WICK_MUTANTS says how many.
 */
#include "base/cleanup.h"
#include "symbolizer/symindex.h"
#include "tests/test.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t draw_state = 42;

/* xorshift64*: numbers below `below`. */
static uint64_t draw(uint64_t below)
{
	draw_state ^= draw_state >> 12;
	draw_state ^= draw_state << 25;
	draw_state ^= draw_state >> 27;
	return (draw_state * 0x2545f4914f6cdd1dULL >> 11) % below;
}

struct bytes {
	uint8_t *at;
	size_t size;
};

static struct bytes read_file(const char *name)
{
	char path[512];
	_cleanup_close_ int fd = -1;
	struct bytes bytes = {0};
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", ELF_DIR, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || !(bytes.at = malloc((size_t)st.st_size)))
		return bytes;
	if (read(fd, bytes.at, (size_t)st.st_size) == st.st_size)
		bytes.size = (size_t)st.st_size;
	return bytes;
}

static int memfd_of(const struct bytes *bytes)
{
	int fd = memfd_create("mutant", MFD_CLOEXEC);

	CHECK_INT(write(fd, bytes->at, bytes->size), bytes->size);
	return fd;
}

/* Where a section that is not loaded is: debug info, symbols, indexes. Else the whole file. */
static void choose_place(const struct bytes *file, size_t *ret_start, size_t *ret_size)
{
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)file->at;
	const Elf64_Shdr *shdr = (const Elf64_Shdr *)(file->at + ehdr->e_shoff);

	*ret_start = 0;
	*ret_size = file->size;
	for (int tries = 0; tries < 20; tries++) {
		const Elf64_Shdr *s = &shdr[draw(ehdr->e_shnum)];

		if (s->sh_type == SHT_NOBITS || (s->sh_flags & SHF_ALLOC) || !s->sh_size)
			continue;
		*ret_start = s->sh_offset;
		*ret_size = s->sh_size;
		return;
	}
}

/* A byte, a bit, a run, a number of the size that lengths and offsets have, or the file's end. */
static struct bytes mutate(const struct bytes *file)
{
	static const uint64_t odd[] = {0,      1,	   0x7f,       0x80,	   0xff,
				       0xffff, 0x7fffffff, 0xffffffff, UINT64_MAX, 1ULL << 63};
	struct bytes mutant = {malloc(file->size), file->size};
	size_t count = 1 + draw(8), start, size;

	memcpy(mutant.at, file->at, file->size);
	while (count--) {
		uint64_t number = odd[draw(ARRAY_SIZE(odd))];
		size_t length = 1ULL << draw(4), at;

		choose_place(file, &start, &size);
		at = start + draw(size);
		if (length > mutant.size - at)
			length = mutant.size - at;
		switch (draw(5)) {
		case 0:
			mutant.at[at] = (uint8_t)draw(256);
			break;
		case 1:
			mutant.at[at] ^= (uint8_t)(1 << draw(8));
			break;
		case 2:
			memmove(mutant.at + at, mutant.at + start, length);
			break;
		default:
			memcpy(mutant.at + at, &number, length);
		}
	}
	if (!draw(20))
		mutant.size = 1 + draw(mutant.size);
	return mutant;
}

/* What the next mutant is given as its split file. */
static const struct bytes *split_now;

static int open_split(const char *comp_dir, const char *name)
{
	if (!strlen(name) || strlen(comp_dir) > SIZE_MAX / 2)
		return -ENOENT;
	return split_now ? memfd_of(split_now) : -ENOENT;
}

static void check(int out)
{
	_cleanup_(symindex_freep) struct symindex *index = NULL;
	struct symindex_frame frames[SYMINDEX_DEPTH_MAX];
	int err = symindex_open(out, &index);

	if (err) {
		TEST_FAIL("what was built is refused: %d", err);
		return;
	}
	for (uint64_t vaddr = 0; vaddr < 0x4000; vaddr += 3)
		symindex_frames(index, symindex_header(index)->text + vaddr, frames,
				SYMINDEX_DEPTH_MAX);
}

/* Any of the three may be missing, but the program. */
static void read_all(const struct bytes *program, const struct bytes *split,
		     const struct bytes *package)
{
	_cleanup_close_ int elf = memfd_of(program), out = memfd_create("out", MFD_CLOEXEC);
	_cleanup_close_ int package_fd = package ? memfd_of(package) : -1;
	const struct symindex_input input = {
		.elf_fd = elf,
		.debug_fd = -1,
		.alt_fd = -1,
		.package_fd = package_fd,
		.open_split = open_split,
	};

	split_now = split;
	if (!symindex_build(&input, out))
		check(out);
}

static unsigned int wanted(void)
{
	const char *count = getenv("WICK_MUTANTS");

	return count ? (unsigned int)strtoul(count, NULL, 10) : 2000;
}

TEST(mutants_of_programs_with_debug_info_make_no_harm)
{
	static const char *const names[] = {"gcc_dwarf4.elf", "gcc_dwarf5.elf", "clang_dwarf4.elf",
					    "clang_dwarf5.elf", "tiny.elf"};
	unsigned int count = wanted() / ARRAY_SIZE(names);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct bytes file = read_file(names[i]);

		CHECK(file.size > 0);
		for (unsigned int n = 0; file.size && n < count; n++) {
			struct bytes mutant = mutate(&file);

			read_all(&mutant, NULL, NULL);
			free(mutant.at);
		}
		free(file.at);
	}
}

TEST(mutants_of_split_files_and_packages_make_no_harm)
{
	static const char *const names[] = {"split_gcc4", "split_gcc5", "split_clang4",
					    "split_clang5"};
	unsigned int count = wanted() / ARRAY_SIZE(names);
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		static const char *const suffixes[] = {".elf", ".dwo", ".dwp"};
		struct bytes file[3];

		for (size_t k = 0; k < 3; k++) {
			snprintf(name, sizeof(name), "%s%s", names[i], suffixes[k]);
			file[k] = read_file(name);
			CHECK(file[k].size > 0 || !strcmp(name, "split_gcc5.dwp"));
		}
		for (unsigned int n = 0; n < count; n++) {
			size_t damaged = draw(file[2].size ? 3 : 2);
			struct bytes mutant = mutate(&file[damaged]);

			read_all(damaged == 0 ? &mutant : &file[0],
				 damaged == 2	? NULL
				 : damaged == 1 ? &mutant
						: &file[1],
				 damaged == 2				   ? &mutant
				 : damaged == 0 && file[2].size && draw(2) ? &file[2]
									   : NULL);
			free(mutant.at);
		}
		for (size_t k = 0; k < 3; k++)
			free(file[k].at);
	}
}

TEST_MAIN()
