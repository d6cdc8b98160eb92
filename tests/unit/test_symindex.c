/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "symbolizer/symindex.h"
#include "tests/test.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const fixtures[] = {
	ELF_DIR "/pie.elf",	  ELF_DIR "/nopie.elf",	   ELF_DIR "/static.elf",
	ELF_DIR "/stripped.elf",  ELF_DIR "/separate.elf", ELF_DIR "/together.elf",
	ELF_DIR "/shifted.elf",	  ELF_DIR "/ibt.elf",	   ELF_DIR "/now.elf",
	ELF_DIR "/lld.elf",	  ELF_DIR "/noid.elf",	   ELF_DIR "/library.elf",
	ELF_DIR "/aliases64.elf", ELF_DIR "/aliases32.elf"};

static int memfd_of(const void *bytes, size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		return -1;
	return fd;
}

/* Builds in this process and opens; NULL after a failure, which goes to *ret_err. */
static struct symindex *index_of_split(int elf_fd, int package_fd,
				       symindex_open_split_fn open_split, int *ret_err)
{
	_cleanup_close_ int out = memfd_create("test", MFD_CLOEXEC);
	struct symindex *index = NULL;

	*ret_err = symindex_build(&(struct symindex_input){.elf_fd = elf_fd,
							   .debug_fd = -1,
							   .alt_fd = -1,
							   .package_fd = package_fd,
							   .open_split = open_split},
				  out);
	if (!*ret_err)
		*ret_err = symindex_open(out, &index);
	return index;
}

static struct symindex *index_of_fd(int elf_fd, int *ret_err)
{
	return index_of_split(elf_fd, -1, NULL, ret_err);
}

static struct symindex *index_of(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct symindex *index;
	int err;

	index = index_of_fd(fd, &err);
	if (err)
		TEST_FAIL("%s: error %d", path, err);
	return index;
}

/* What nm says of one symbol. */
struct nm_symbol {
	char *name; /* without version */
	uint64_t vaddr, size;
};

struct nm {
	struct nm_symbol *symbols;
	size_t count, size;
};

static void nm_release(struct nm *nm)
{
	for (size_t i = 0; i < nm->count; i++)
		free(nm->symbols[i].name);
	free(nm->symbols);
}

static void nm_add(struct nm *nm, const char *line)
{
	char name[4096], type;
	uint64_t vaddr, size = 0;

	if (sscanf(line, "%4095s %c %" SCNx64 " %" SCNx64, name, &type, &vaddr, &size) < 3 ||
	    !strchr("tTwWiI", type) || name[0] == '$')
		return;
	name[1 + strcspn(name + 1, "@")] = '\0';
	if (array_reserve(&nm->symbols, &nm->size, nm->count + 1) == 0)
		nm->symbols[nm->count++] = (struct nm_symbol){strdup(name), vaddr, size};
}

/* Both tables; an ELF without one of them has no lines there. */
static void nm_read(struct nm *nm, const char *path)
{
	static const char *const commands[] = {"nm -P --defined-only '%s' 2>/dev/null",
					       "nm -D -P --defined-only '%s' 2>/dev/null"};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		char command[4096], line[8192];
		FILE *pipe;

		snprintf(command, sizeof(command), i ? commands[1] : commands[0], path);
		pipe = popen(command, "r");
		while (pipe && fgets(line, sizeof(line), pipe))
			nm_add(nm, line);
		if (pipe)
			pclose(pipe);
	}
}

/* Is name one of nm's names for the innermost symbol that covers vaddr? */
static bool nm_agrees(const struct nm *nm, uint64_t vaddr, const char *name)
{
	uint64_t start = 0;
	bool agrees = false;

	for (size_t i = 0; i < nm->count; i++) {
		const struct nm_symbol *s = &nm->symbols[i];

		if (s->vaddr > vaddr || vaddr - s->vaddr >= (s->size ? s->size : 1))
			continue;
		if (s->vaddr > start) {
			start = s->vaddr;
			agrees = false;
		}
		if (s->vaddr == start)
			agrees |= !strcmp(s->name, name);
	}
	return agrees;
}

static bool nm_covers(const struct nm *nm, uint64_t vaddr)
{
	for (size_t i = 0; i < nm->count; i++)
		if (vaddr >= nm->symbols[i].vaddr &&
		    vaddr - nm->symbols[i].vaddr < nm->symbols[i].size)
			return true;
	return false;
}

TEST(every_function_symbol_of_nm_has_its_name_at_its_first_and_last_byte)
{
	for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++) {
		_cleanup_(symindex_freep) struct symindex *index = index_of(fixtures[i]);
		_cleanup_(nm_release) struct nm nm = {0};
		unsigned int checked = 0;

		nm_read(&nm, fixtures[i]);
		for (size_t n = 0; index && n < nm.count; n++) {
			const struct nm_symbol *s = &nm.symbols[n];
			uint64_t last = s->vaddr + s->size - 1;
			struct symindex_name name;

			if (!s->size || !strcmp(s->name, "too_long"))
				continue;
			checked++;
			if (!symindex_lookup(index, s->vaddr, &name))
				TEST_FAIL("%s: nothing for %s", fixtures[i], s->name);
			else if (!nm_agrees(&nm, s->vaddr, name.symbol))
				TEST_FAIL("%s: %s is %s", fixtures[i], s->name, name.symbol);
			if (!symindex_lookup(index, last, &name))
				TEST_FAIL("%s: nothing for the end of %s", fixtures[i], s->name);
			else if (!nm_agrees(&nm, last, name.symbol))
				TEST_FAIL("%s: the end of %s is %s", fixtures[i], s->name,
					  name.symbol);
		}
		if (checked < 2)
			TEST_FAIL("%s: only %u symbols compared", fixtures[i], checked);
	}
}

/* A generator of its own, so that every run takes the same addresses. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void compare_random_addresses(const char *path)
{
	_cleanup_(symindex_freep) struct symindex *index = index_of(path);
	_cleanup_(nm_release) struct nm nm = {0};
	uint64_t start, limit, off, state = 42;
	unsigned int named = 0;

	nm_read(&nm, path);
	if (!index)
		return;
	symindex_text(index, &start, &limit, &off);
	for (unsigned int i = 0; i < 2000; i++) {
		uint64_t vaddr = start + next_random(&state) % (limit - start);
		bool covered = nm_covers(&nm, vaddr);
		struct symindex_name name;

		if (!symindex_lookup(index, vaddr, &name)) {
			if (covered)
				TEST_FAIL("%s: nothing at 0x%" PRIx64, path, vaddr);
			continue;
		}
		named++;
		/* Where nm has no size we go by the next symbol, and nm has no PLT. */
		if (covered && !nm_agrees(&nm, vaddr, name.symbol))
			TEST_FAIL("%s: 0x%" PRIx64 " is %s", path, vaddr, name.symbol);
	}
	if (named < 100)
		TEST_FAIL("%s: only %u of 2000 addresses have names", path, named);
}

TEST(random_addresses_of_system_files_have_the_names_whose_size_covers_them)
{
	compare_random_addresses("/lib/x86_64-linux-gnu/libc.so.6");
	compare_random_addresses("/usr/bin/python3");
	compare_random_addresses("/bin/bash");
}

static unsigned int compare_plt(const char *path)
{
	_cleanup_(symindex_freep) struct symindex *index = index_of(path);
	char command[4096], line[8192];
	unsigned int compared = 0, ours = 0;
	struct symindex_name name;
	FILE *pipe;

	snprintf(command, sizeof(command), "objdump -d '%s' | grep '^[0-9a-f]* <[^*].*@plt>:$'",
		 path);
	pipe = popen(command, "r");
	while (index && pipe && fgets(line, sizeof(line), pipe)) {
		char want[4096];
		uint64_t vaddr;

		if (sscanf(line, "%" SCNx64 " <%4095[^@]@plt", &vaddr, want) != 2)
			continue;
		compared++;
		if (!symindex_lookup(index, vaddr, &name))
			TEST_FAIL("%s: nothing for %s@plt", path, want);
		else if (strcmp(name.symbol, want) != 0 || !name.is_plt || name.start != vaddr)
			TEST_FAIL("%s: %s@plt is %s", path, want, name.symbol);
	}
	if (pipe)
		pclose(pipe);
	for (uint32_t i = 0; index && symindex_at(index, i, &name); i++)
		ours += name.is_plt;
	if (ours != compared)
		TEST_FAIL("%s: %u stubs, objdump has %u", path, ours, compared);
	return compared;
}

/* objdump's "*ABS*+0x1a0@plt" are stubs of IFUNCs of the file itself: they have no name. */
TEST(plt_stubs_have_the_names_that_objdump_gives_them)
{
	unsigned int compared = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++)
		if (!strstr(fixtures[i], "lld.elf") && !strstr(fixtures[i], "static.elf"))
			compared += compare_plt(fixtures[i]);
	compared += compare_plt("/bin/bash");
	CHECK(compared > 100);
}

static const struct {
	uint64_t offset;
	const char *name; /* NULL: none */
} golden[] = {
	{0x00, "golden_start"}, {0x0f, "golden_start"},
	{0x10, "the_function"}, {0x1f, "the_function"},
	{0x20, "a_sized_one"},	{0x30, "the_global"},
	{0x40, "the_weak"},	{0x50, "no_underscore"},
	{0x60, "aaa"},		{0x70, "asm_loop"},
	{0x7f, "asm_loop"},	{0x80, "outer"},
	{0x8f, "outer"},	{0x90, "inner"},
	{0x9f, "inner"},	{0xa0, "outer"},
	{0xaf, "outer"},	{0xb0, "first_half"},
	{0xbf, "first_half"},	{0xc0, "second_half"},
	{0xcf, "second_half"},	{0xd0, NULL},
	{0xdf, NULL},		{0xe0, "last_label"},
	{0xff, "last_label"},	{0x100, "too_long"},
	{0x10f, "too_long"},	{0x110, NULL},
};

static void check_golden(const char *path)
{
	_cleanup_(symindex_freep) struct symindex *index = index_of(path);
	struct symindex_name first, name;

	if (!index || !symindex_at(index, 0, &first)) {
		TEST_FAIL("%s: no symbols", path);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(golden); i++) {
		bool found = symindex_lookup(index, first.start + golden[i].offset, &name);

		CHECK_STR(found ? name.symbol : NULL, golden[i].name);
	}
	CHECK(!symindex_lookup(index, first.start - 1, &name));
	CHECK(!symindex_lookup(index, 0x1000, &name)); /* "absolute" */
	for (uint32_t i = 0; symindex_at(index, i, &name); i++)
		CHECK(strcmp(name.symbol, "in_data") != 0);
	CHECK_INT(symindex_source(index), SYMINDEX_SYMTAB);
}

TEST(aliases_sizes_and_overlaps_follow_the_golden_table_in_64_and_32_bits)
{
	check_golden(ELF_DIR "/aliases64.elf");
	check_golden(ELF_DIR "/aliases32.elf");
}

static bool has_symbol(const struct symindex *index, const char *want, struct symindex_name *ret)
{
	for (uint32_t i = 0; symindex_at(index, i, ret); i++)
		if (!strcmp(ret->symbol, want) && !ret->is_plt)
			return true;
	return false;
}

TEST(versions_are_no_part_of_names_and_resolvers_name_their_own_code_only)
{
	_cleanup_(symindex_freep) struct symindex *library = index_of(ELF_DIR "/library.elf");
	_cleanup_(symindex_freep) struct symindex *pie = index_of(ELF_DIR "/pie.elf");
	struct symindex_name name;

	for (uint32_t i = 0; library && symindex_at(library, i, &name); i++)
		CHECK(!strchr(name.symbol, '@'));
	CHECK(library && has_symbol(library, "answer", &name));
	CHECK(pie && has_symbol(pie, "resolved_one", &name));
	CHECK(pie && has_symbol(pie, "resolve", &name)); /* a FUNC beats the IFUNC at its address */
	CHECK(pie && !has_symbol(pie, "thread_local_variable", &name));
	CHECK(pie && has_symbol(pie, "public_function", &name));
	CHECK(pie && !has_symbol(pie, "public_function_alias", &name));
}

TEST(a_stripped_file_has_its_exported_names_and_says_so)
{
	_cleanup_(symindex_freep) struct symindex *index = index_of(ELF_DIR "/stripped.elf");
	struct symindex_name name;

	CHECK(index && symindex_source(index) == SYMINDEX_DYNSYM);
	CHECK(index && has_symbol(index, "public_function", &name));
	CHECK(index && !has_symbol(index, "static_function", &name));
}

/* readelf is the oracle: off, vaddr and size of each PT_LOAD. */
static unsigned int check_segments(const char *path)
{
	_cleanup_(symindex_freep) struct symindex *index = index_of(path);
	char command[4096], line[1024];
	unsigned int shifted = 0;
	uint64_t vaddr;
	FILE *pipe;

	snprintf(command, sizeof(command), "readelf -lW '%s' | grep LOAD", path);
	pipe = popen(command, "r");
	while (index && pipe && fgets(line, sizeof(line), pipe)) {
		uint64_t off, start, paddr, size;

		if (sscanf(line, " LOAD %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64, &off, &start,
			   &paddr, &size) != 4 ||
		    !size)
			continue;
		shifted += off != start;
		CHECK(symindex_vaddr(index, off, &vaddr) && vaddr == start);
		CHECK(symindex_vaddr(index, off + size - 1, &vaddr) && vaddr == start + size - 1);
	}
	if (pipe)
		pclose(pipe);
	CHECK(index && !symindex_vaddr(index, 1ull << 40, &vaddr));
	return shifted;
}

TEST(offsets_become_vaddrs_by_the_segment_that_holds_them)
{
	unsigned int shifted = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++)
		shifted += check_segments(fixtures[i]);
	CHECK(check_segments(ELF_DIR "/lld.elf") >= 2);
	CHECK(shifted > ARRAY_SIZE(fixtures));
}

TEST(the_text_span_is_that_of_the_executable_segments)
{
	_cleanup_(symindex_freep) struct symindex *index = index_of(ELF_DIR "/shifted.elf");
	uint64_t start, limit, off, vaddr;
	struct symindex_name name;

	if (!index)
		return;
	symindex_text(index, &start, &limit, &off);
	CHECK(symindex_vaddr(index, off, &vaddr) && vaddr == start);
	CHECK(has_symbol(index, "main", &name) && name.start >= start && name.start < limit);
	CHECK(start > 0x10000000 && limit < 0x10010000);
}

TEST(the_build_id_is_the_one_that_was_given)
{
	static const uint8_t want[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
	_cleanup_(symindex_freep) struct symindex *tiny = index_of(ELF_DIR "/tiny.elf");
	_cleanup_(symindex_freep) struct symindex *pie = index_of(ELF_DIR "/pie.elf");
	_cleanup_(symindex_freep) struct symindex *noid = index_of(ELF_DIR "/noid.elf");
	size_t size = 99;

	CHECK(tiny && !memcmp(symindex_build_id(tiny, &size), want, sizeof(want)));
	CHECK_INT(size, sizeof(want));
	if (pie)
		symindex_build_id(pie, &size);
	CHECK_INT(size, 20);
	if (noid)
		symindex_build_id(noid, &size);
	CHECK_INT(size, 0);
}

static void read_file(const char *path, struct buf *ret_bytes)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	while (buf_reserve(ret_bytes, 4096) &&
	       (got = read(fd, ret_bytes->bytes + ret_bytes->used, 4096)) > 0)
		ret_bytes->used += (size_t)got;
}

/* Any verdict will do; what is accepted must be safe to search. Sanitizers are the judges. */
static void try_elf(const void *bytes, size_t size, unsigned int *accepted)
{
	_cleanup_close_ int fd = memfd_of(bytes, size);
	_cleanup_(symindex_freep) struct symindex *index = NULL;
	struct symindex_frame frames[SYMINDEX_DEPTH_MAX];
	struct symindex_name name;
	uint64_t vaddr;
	int err;

	index = index_of_fd(fd, &err);
	if (err && err != -ENOEXEC && err != -EBADMSG && err != -EFBIG)
		TEST_FAIL("error %d", err);
	if (!index)
		return;
	++*accepted;
	for (uint32_t i = 0; symindex_at(index, i, &name); i++)
		CHECK(symindex_lookup(index, name.start + name.size - 1, &name));
	for (vaddr = 0; vaddr < 0x1000; vaddr += 7)
		CHECK(symindex_frames(index, symindex_header(index)->text + vaddr, frames,
				      SYMINDEX_DEPTH_MAX) > 0);
	symindex_vaddr(index, size / 2, &vaddr);
}

TEST(an_elf_cut_at_any_byte_is_refused_or_read_safely)
{
	_cleanup_(buf_release) struct buf elf = {0};
	unsigned int accepted = 0;

	read_file(ELF_DIR "/tiny.elf", &elf);
	for (size_t size = 0; size < elf.used; size++)
		try_elf(elf.bytes, size, &accepted);
	CHECK(elf.used > 1000);
	CHECK(accepted < elf.used / 2);
}

TEST(an_elf_with_random_bytes_changed_is_refused_or_read_safely)
{
	_cleanup_(buf_release) struct buf elf = {0}, mutant = {0};
	unsigned int accepted = 0;
	uint64_t state = 7;

	read_file(ELF_DIR "/tiny.elf", &elf);
	for (unsigned int n = 0; n < 2000; n++) {
		buf_clear(&mutant);
		buf_add(&mutant, elf.bytes, elf.used);
		for (unsigned int i = 0; i <= n % 8; i++)
			mutant.bytes[next_random(&state) % mutant.used] = (char)next_random(&state);
		try_elf(mutant.bytes, mutant.used, &accepted);
	}
	CHECK(accepted > 100);
}

static const char *const debug_fixtures[] = {ELF_DIR "/gcc_dwarf4.elf", ELF_DIR "/gcc_dwarf5.elf",
					     ELF_DIR "/clang_dwarf4.elf",
					     ELF_DIR "/clang_dwarf5.elf"};

/* --- split DWARF --- */

static const char *const split_fixtures[] = {"split_gcc4", "split_gcc5", "split_clang4",
					     "split_clang5"};

static int open_fixture(const char *name, const char *suffix)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s%s", ELF_DIR, name, suffix);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int open_by_name(const char *comp_dir, const char *name)
{
	CHECK(*comp_dir == '/');
	return open_fixture(name, "");
}

/* Right name, wrong file: of the other version of DWARF, so its unit has another id. */
static int open_of_another_build(const char *comp_dir, const char *name)
{
	(void)comp_dir;
	return open_fixture(strstr(name, "4") ? "split_gcc5" : "split_gcc4", ".dwo");
}

static int open_no_elf(const char *comp_dir, const char *name)
{
	(void)comp_dir;
	(void)name;
	return memfd_of("not an ELF file", 15);
}

/* How many bytes of the code have inlined calls; -1: there is no index. */
static int inlined_bytes(const char *name, const char *package, symindex_open_split_fn open_split,
			 struct symindex_header *ret_header)
{
	_cleanup_close_ int elf = open_fixture(name, ".elf");
	_cleanup_close_ int package_fd = package ? open_fixture(package, ".dwp") : -1;
	_cleanup_(symindex_freep) struct symindex *index = NULL;
	struct symindex_frame frames[4];
	int err, count = 0;
	uint64_t start, limit, off;

	index = index_of_split(elf, package_fd, open_split, &err);
	if (!index)
		return -1;
	*ret_header = *symindex_header(index);
	CHECK(symindex_has_lines(index));
	symindex_text(index, &start, &limit, &off);
	for (uint64_t vaddr = start; vaddr < limit; vaddr++) {
		uint32_t levels = symindex_frames(index, vaddr, frames, 4);

		count += levels > 1;
		if (levels > 1 && (strcmp(frames[levels - 2].function, "four_times") != 0 ||
				   !strstr(frames[levels - 1].file, "/inlined.c")))
			TEST_FAIL("%s at 0x%" PRIx64 ": %s in %s", name, vaddr,
				  frames[levels - 2].function, frames[levels - 1].file);
	}
	return count;
}

TEST(split_files_and_packages_give_the_inlined_calls)
{
	for (size_t i = 0; i < ARRAY_SIZE(split_fixtures); i++) {
		struct symindex_header h;
		int by_file = inlined_bytes(split_fixtures[i], NULL, open_by_name, &h);

		if (by_file < 50)
			TEST_FAIL("%s: %d bytes", split_fixtures[i], by_file);
		CHECK_INT(h.split_count, 1);
		CHECK_INT(h.split_missing + h.split_other + h.has_package, 0);
		if (!strcmp(split_fixtures[i], "split_gcc5"))
			continue; /* has no package */
		CHECK_INT(inlined_bytes(split_fixtures[i], split_fixtures[i], NULL, &h), by_file);
		CHECK_INT(h.split_missing + h.split_other, 0);
		CHECK_INT(h.has_package, 1);
	}
}

TEST(split_files_that_are_missing_or_of_another_build_cost_no_lines_and_are_counted)
{
	for (size_t i = 0; i < ARRAY_SIZE(split_fixtures); i++) {
		const char *name = split_fixtures[i],
			   *other = strcmp(name, "split_gcc4") ? "split_gcc4" : "split_clang5";
		struct symindex_header h;

		CHECK_INT(inlined_bytes(name, NULL, NULL, &h), 0);
		CHECK(h.split_missing == 1 && !h.split_other && h.split_name);
		CHECK_INT(inlined_bytes(name, other, NULL, &h), 0);
		CHECK(h.split_missing == 1 && !h.split_other && h.has_package);
		CHECK(inlined_bytes(name, other, open_by_name, &h) >= 50);
		CHECK(!h.split_missing && !h.split_other);
		CHECK_INT(inlined_bytes(name, NULL, open_of_another_build, &h), 0);
		CHECK(!h.split_missing && h.split_other == 1 && !h.split_name);
		CHECK_INT(inlined_bytes(name, NULL, open_no_elf, &h), 0);
		CHECK(!h.split_missing && h.split_other == 1);
	}
}

TEST(inlined_calls_are_chains_that_end_in_their_function)
{
	for (size_t i = 0; i < ARRAY_SIZE(debug_fixtures); i++) {
		_cleanup_(symindex_freep) struct symindex *index = index_of(debug_fixtures[i]);
		struct symindex_frame frames[4];
		unsigned int deepest = 0;
		uint64_t start, limit, off;

		CHECK_INT(symindex_debug(index), SYMINDEX_DEBUG_OWN);
		symindex_text(index, &start, &limit, &off);
		for (uint64_t vaddr = start; vaddr < limit; vaddr++) {
			if (symindex_frames(index, vaddr, frames, 4) != 3)
				continue;
			deepest++;
			CHECK_STR(frames[0].function, "twice");
			CHECK_INT(frames[0].line, 9);
			CHECK_STR(frames[1].function, "four_times");
			CHECK_INT(frames[1].line, 16);
			CHECK(strstr(frames[2].function, "inlined_entry") == frames[2].function);
			CHECK_INT(frames[2].line, 22);
			CHECK(strstr(frames[2].file, "/tests/unit/elf/inlined.c"));
		}
		CHECK(deepest > 10);
	}
}

TEST(mutants_of_debug_info_are_read_safely)
{
	enum { MUTANTS = 10000 };
	unsigned int accepted = 0;
	uint64_t state = 11;

	for (size_t i = 0; i < ARRAY_SIZE(debug_fixtures); i++) {
		_cleanup_(buf_release) struct buf elf = {0}, mutant = {0};

		read_file(debug_fixtures[i], &elf);
		for (unsigned int n = 0; n < MUTANTS / ARRAY_SIZE(debug_fixtures); n++) {
			buf_clear(&mutant);
			buf_add(&mutant, elf.bytes, elf.used);
			/* The ELF header stands, so that most get as far as the debug info. */
			for (unsigned int j = 0; j <= n % 8; j++)
				mutant.bytes[64 + next_random(&state) % (mutant.used - 64)] =
					(char)next_random(&state);
			try_elf(mutant.bytes, mutant.used, &accepted);
		}
	}
	CHECK(accepted > MUTANTS / 2);
}

#define OF(source) ((uint32_t)(source) << SYMINDEX_SOURCE_SHIFT)

/* A sound index of two symbols, to forge. */
struct forged {
	struct symindex_header header;
	struct symindex_segment segments[2];
	struct symindex_symbol symbols[2];
	struct symindex_area areas[2];
	struct symindex_node nodes[3];
	struct symindex_row rows[2];
	char strings[8];
} __attribute__((packed));

static struct forged sound(void)
{
	return (struct forged){
		.header = {.magic = SYMINDEX_MAGIC,
			   .version = SYMINDEX_VERSION,
			   .source = SYMINDEX_SYMTAB,
			   .size = sizeof(struct forged),
			   .segment_count = 2,
			   .symbol_count = 2,
			   .string_size = 8,
			   .build_id_size = 3,
			   .build_id = {1, 2, 3},
			   .text = 0x1100,
			   .area_count = 2,
			   .node_count = 3,
			   .row_count = 2,
			   .debug = SYMINDEX_DEBUG_OWN},
		.segments = {{.off = 0, .vaddr = 0, .size = 0x100, .flags = PF_R},
			     {.off = 0x100, .vaddr = 0x1100, .size = 0x100, .flags = PF_R | PF_X}},
		.symbols = {{.vaddr = 0x1100, .size = 0x10, .name = 1 | OF(SYMINDEX_SYMTAB)},
			    {.vaddr = 0x1110,
			     .size = 0x20,
			     .name = 4 | OF(SYMINDEX_DYNSYM) | SYMINDEX_PLT}},
		.areas = {{.at = 4, .node = 2}, {.at = 8, .node = 1}},
		.nodes = {{0}, {.name = 1}, {.name = 4, .parent = 1, .file = 1, .line = 7}},
		.rows = {{.at = 0, .file = 4, .line = 3}, {.at = 0x10}},
		.strings = "\0ab\0cde",
	};
}

static int open_forged(const struct forged *forged, size_t size)
{
	_cleanup_close_ int fd = memfd_of(forged, size);
	_cleanup_(symindex_freep) struct symindex *index = NULL;

	return symindex_open(fd, &index);
}

#define REFUSES(change)                                                                            \
	do {                                                                                       \
		struct forged f = sound();                                                         \
		change;                                                                            \
		if (open_forged(&f, sizeof(f)) != -EBADMSG)                                        \
			TEST_FAIL("accepted after %s", #change);                                   \
	} while (0)

TEST(a_sound_index_is_accepted)
{
	struct forged f = sound();

	CHECK_INT(open_forged(&f, sizeof(f)), 0);
}

TEST(an_index_with_any_header_field_wrong_is_refused)
{
	REFUSES(f.header.magic[0] = 'W');
	REFUSES(f.header.magic[7] = 1);
	REFUSES(f.header.version = 1);
	REFUSES(f.header.source = SYMINDEX_SOURCES);
	REFUSES(f.header.source = SYMINDEX_DYNSYM); /* worse than a symbol's */
	REFUSES(f.header.source = SYMINDEX_NONE);
	REFUSES(f.header.size--);
	REFUSES(f.header.size++);
	REFUSES(f.header.size = 0);
	REFUSES(f.header.segment_count = 0);
	REFUSES(f.header.segment_count = 1);
	REFUSES(f.header.segment_count = 3);
	REFUSES(f.header.segment_count = UINT32_MAX);
	REFUSES(f.header.symbol_count = 0);
	REFUSES(f.header.symbol_count = 1);
	REFUSES(f.header.symbol_count = 3);
	REFUSES(f.header.symbol_count = UINT32_MAX);
	REFUSES(f.header.string_size = 0);
	REFUSES(f.header.string_size = 7);
	REFUSES(f.header.string_size = UINT32_MAX);
	REFUSES(f.header.build_id_size = 2);
	REFUSES(f.header.build_id_size = 65);
	REFUSES(f.header.build_id[63] = 1);
}

TEST(an_index_with_wrong_segments_symbols_or_strings_is_refused)
{
	REFUSES(f.segments[0].off = 0x200);
	REFUSES(f.segments[1].off = UINT64_MAX);
	REFUSES(f.segments[1].vaddr = UINT64_MAX);
	REFUSES(f.segments[1].size = UINT64_MAX);
	REFUSES(f.segments[1].flags = 8);
	REFUSES(f.segments[1].zero = 1);
	REFUSES(f.symbols[0].vaddr = 0x1101);
	REFUSES(f.symbols[0].vaddr = 0x2000);
	REFUSES(f.symbols[1].vaddr = UINT64_MAX);
	REFUSES(f.symbols[0].size = 0);
	REFUSES(f.symbols[0].size = 0x11);
	REFUSES(f.symbols[0].name = 1);
	REFUSES(f.symbols[0].name = 1 | OF(7));
	REFUSES(f.symbols[0].name = OF(SYMINDEX_SYMTAB));
	REFUSES(f.symbols[0].name = 2 | OF(SYMINDEX_SYMTAB));
	REFUSES(f.symbols[0].name = 3 | OF(SYMINDEX_SYMTAB));
	REFUSES(f.symbols[0].name = 8 | OF(SYMINDEX_SYMTAB));
	REFUSES(f.symbols[0].name = SYMINDEX_NAME_MASK | OF(SYMINDEX_SYMTAB));
	REFUSES(f.strings[0] = 'x');
	REFUSES(f.strings[7] = 'x');
}

TEST(an_index_with_wrong_calls_or_lines_is_refused)
{
	REFUSES(f.header.area_count = 1);
	REFUSES(f.header.node_count = 2);
	REFUSES(f.header.row_count = 3);
	REFUSES(f.header.area_count = UINT32_MAX);
	REFUSES(f.header.debug = SYMINDEX_DEBUG_KINDS);
	REFUSES(f.header.alt_id_size = 65);
	REFUSES(f.header.split_missing = 1);
	REFUSES((f.header.split_count = 2, f.header.split_missing = 2, f.header.split_other = 1));
	REFUSES(f.header.has_package = 2);
	REFUSES(f.header.split_dir = 2);
	REFUSES(f.header.split_name = 8);
	REFUSES(f.header.debuglink = 2);
	REFUSES(f.header.altlink = 8);
	REFUSES(f.areas[1].at = 4);
	REFUSES(f.areas[0].node = 3);
	REFUSES(f.nodes[1].parent = 1);
	REFUSES(f.nodes[2].parent = 2);
	REFUSES(f.nodes[0].parent = 2);
	REFUSES(f.nodes[2].name = 5);
	REFUSES(f.nodes[2].file = 3);
	REFUSES(f.rows[0].at = 0x10);
	REFUSES(f.rows[0].file = 8);
}

TEST(frames_go_from_the_innermost_call_to_the_function_that_its_symbol_names)
{
	struct forged f = sound();
	_cleanup_close_ int fd = memfd_of(&f, sizeof(f));
	_cleanup_(symindex_freep) struct symindex *index = NULL;
	struct symindex_frame frames[4];

	CHECK_INT(symindex_open(fd, &index), 0);
	if (!index)
		return;
	CHECK_INT(symindex_frames(index, 0x1105, frames, 4), 2);
	CHECK_STR(frames[0].function, "cde");
	CHECK_STR(frames[0].file, "cde");
	CHECK_INT(frames[0].line, 3);
	CHECK(frames[0].is_inlined && !frames[1].is_inlined);
	CHECK_INT(frames[0].source, SYMINDEX_NONE);
	CHECK_INT(frames[1].source, SYMINDEX_SYMTAB);
	CHECK_STR(frames[1].function, "ab");
	CHECK_STR(frames[1].file, "ab");
	CHECK_INT(frames[1].line, 7);
	CHECK_INT(symindex_frames(index, 0x1105, frames, 1), 1);
	CHECK_INT(symindex_frames(index, 0x1108, frames, 4), 1);
	CHECK_INT(frames[0].line, 3);
	CHECK_INT(symindex_frames(index, 0x1112, frames, 4), 1);
	CHECK_INT(frames[0].line, 0);
	CHECK(frames[0].is_plt && !frames[0].file);
	CHECK_INT(frames[0].source, SYMINDEX_DYNSYM);
	CHECK_INT(symindex_frames(index, 0x10ff, frames, 4), 1);
	CHECK(!frames[0].function && !frames[0].file);
	CHECK_INT(symindex_frames(index, 0x1100 + (1ULL << 32), frames, 4), 1);
	CHECK(!frames[0].function && !frames[0].file);
}

static void compare_guided(const char *path)
{
	_cleanup_(symindex_freep) struct symindex *plain = index_of(path), *guided = index_of(path);
	uint64_t start, limit, off, state = 1;

	if (!plain || !guided)
		return;
	CHECK_INT(symindex_guide(guided), 0);
	symindex_text(plain, &start, &limit, &off);
	for (int i = 0; i < 100000; i++) {
		struct symindex_frame a[SYMINDEX_DEPTH_MAX] = {0}, b[SYMINDEX_DEPTH_MAX] = {0};
		uint64_t vaddr;
		uint32_t n;

		state = state * 6364136223846793005 + 1442695040888963407;
		vaddr = start - 4096 + (state >> 16) % (limit - start + 8192);
		n = symindex_frames(plain, vaddr, a, SYMINDEX_DEPTH_MAX);
		CHECK_INT(symindex_frames(guided, vaddr, b, SYMINDEX_DEPTH_MAX), n);
		for (uint32_t j = 0; j < n; j++)
			if (a[j].line != b[j].line || a[j].start != b[j].start ||
			    strcmp(a[j].function ? a[j].function : "",
				   b[j].function ? b[j].function : "") != 0)
				TEST_FAIL("%s: %" PRIx64 " is another with a guide", path, vaddr);
	}
}

TEST(a_guide_changes_no_answer)
{
	for (size_t i = 0; i < sizeof(fixtures) / sizeof(*fixtures); i++)
		compare_guided(fixtures[i]);
	compare_guided("/proc/self/exe");
	compare_guided("/lib/x86_64-linux-gnu/libc.so.6");
}

TEST(an_index_cut_at_any_byte_or_grown_is_refused)
{
	struct {
		struct forged f;
		char more;
	} grown = {sound(), 0};

	for (size_t size = 0; size < sizeof(grown.f); size++)
		CHECK_INT(open_forged(&grown.f, size), -EBADMSG);
	CHECK_INT(open_forged(&grown.f, sizeof(grown.f) + 1), -EBADMSG);
}

TEST_MAIN()
