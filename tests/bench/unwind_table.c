/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind_table ROUNDS FILE..: the best of several builds of each file's unwind table, beside the
 * best of as many loops of libdw over the same CFI (each FDE's rows, asked for by pc range).
 */
#include "symbolizer/cfi.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* CPU time: other work on the machine is not measured. */
static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static _Noreturn void fail(const char *what, const char *path)
{
	fprintf(stderr, "%s: %s\n", path, what);
	exit(1);
}

/* The rows of one FDE; each is one malloc of libdw's. */
static unsigned long fde_rows(Dwarf_CFI *cfi, Dwarf_Addr pc, Dwarf_Addr end)
{
	unsigned long rows = 0;

	while (pc < end) {
		Dwarf_Addr start, limit;
		Dwarf_Frame *frame;
		bool is_signal;

		if (dwarf_cfi_addrframe(cfi, pc, &frame))
			break;
		dwarf_frame_info(frame, &start, &limit, &is_signal);
		free(frame);
		rows++;
		pc = limit;
	}
	return rows;
}

/* FDEs by dwarf_next_cfi over the section; their pc ranges are 32-bit and relative to the place. */
static unsigned long libdw_rows(const char *path, int fd)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	Dwarf_CFI *cfi = elf ? dwarf_getcfi_elf(elf) : NULL;
	GElf_Ehdr ehdr;
	GElf_Shdr shdr;
	Elf_Scn *scn = NULL;
	Elf_Data *data = NULL;
	unsigned long rows = 0;
	size_t names;

	if (!cfi || !gelf_getehdr(elf, &ehdr) || elf_getshdrstrndx(elf, &names))
		fail("libdw reads no .eh_frame in it", path);
	while (!data && (scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &shdr) &&
		    !strcmp(elf_strptr(elf, names, shdr.sh_name), ".eh_frame"))
			data = elf_rawdata(scn, NULL);
	if (!data)
		fail("no .eh_frame", path);
	for (Dwarf_Off off = 0, next; off != (Dwarf_Off)-1; off = next) {
		Dwarf_CFI_Entry entry;
		int32_t start;
		uint32_t size;
		Dwarf_Addr pc;

		if (dwarf_next_cfi((void *)ehdr.e_ident, data, true, off, &next, &entry))
			break;
		if (dwarf_cfi_cie_p(&entry))
			continue;
		memcpy(&start, entry.fde.start, 4);
		memcpy(&size, entry.fde.start + 4, 4);
		pc = shdr.sh_addr + (Dwarf_Addr)(entry.fde.start - (uint8_t *)data->d_buf) +
		     (Dwarf_Addr)(int64_t)start;
		rows += fde_rows(cfi, pc, pc + size);
	}
	dwarf_cfi_end(cfi);
	elf_end(elf);
	return rows;
}

struct best {
	double wick_ms, libdw_ms;
	unsigned long libdw_rows;
	struct cfi_header header;
};

static void measure(const char *path, struct best *best)
{
	int fd = open(path, O_RDONLY), out = memfd_create("table", 0);
	struct cfi_table *table;
	double start = now_ms(), end;

	if (fd < 0 || out < 0 || cfi_build(fd, -1, out))
		fail("no table", path);
	end = now_ms();
	if (end - start < best->wick_ms)
		best->wick_ms = end - start;
	if (cfi_table_open(out, &table))
		fail("table refused", path);
	best->header = *table->header;
	cfi_table_free(table);
	start = now_ms();
	best->libdw_rows = libdw_rows(path, fd);
	end = now_ms();
	if (end - start < best->libdw_ms)
		best->libdw_ms = end - start;
	close(fd);
	close(out);
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[1]) : 0;

	elf_version(EV_CURRENT);
	printf("%-28s %9s %9s %9s %6s %8s %8s %6s %7s\n", "file", "libdw's", "rows", "rules",
	       "B/row", "wick ms", "libdw ms", "ratio", "us/fde");
	for (int i = 2; i < argc; i++) {
		struct best best = {.wick_ms = 1e9, .libdw_ms = 1e9};
		const char *slash = strrchr(argv[i], '/');

		for (int round = 0; round < rounds; round++)
			measure(argv[i], &best);
		printf("%-28s %9lu %9u %9u %6.2f %8.2f %8.2f %6.2f %7.3f\n",
		       slash ? slash + 1 : argv[i], best.libdw_rows, best.header.row_count,
		       best.header.rule_count, (double)best.header.size / best.header.row_count,
		       best.wick_ms, best.libdw_ms, best.libdw_ms / best.wick_ms,
		       best.wick_ms * 1e3 / best.header.stats.fdes);
	}
	return 0;
}
