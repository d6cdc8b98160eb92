/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/elf_symtab.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/file.h"
#include "symbolizer/elf_note.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	NAME_MAX_LENGTH = 64 << 10, /* of one symbol; real ones end near 10 KB */
	STUB_MIN = 6,		    /* bytes of "jmp *slot(%rip)" */
};

void elf_file_release(struct elf_file *f)
{
	elf_end(f->elf);
	free(f->sections);
	free(f->candidates);
	free(f->ranges);
	buf_release(&f->strings);
}

static int compare_segments(const void *left, const void *right)
{
	const struct symindex_segment *a = left, *b = right;

	if (a->off != b->off)
		return a->off < b->off ? -1 : 1;
	return a->vaddr < b->vaddr ? -1 : a->vaddr > b->vaddr;
}

static int read_segment(struct elf_file *f, const GElf_Phdr *phdr)
{
	struct symindex_segment *s = &f->segments[f->header.segment_count];
	uint64_t end;

	if (__builtin_add_overflow(phdr->p_offset, phdr->p_filesz, &end) ||
	    __builtin_add_overflow(phdr->p_vaddr, phdr->p_filesz, &end))
		return -EBADMSG;
	*s = (struct symindex_segment){
		.off = phdr->p_offset,
		.vaddr = phdr->p_vaddr,
		.size = phdr->p_filesz,
		.flags = phdr->p_flags & (PF_R | PF_W | PF_X),
	};
	f->header.segment_count++;
	return 0;
}

static void read_build_id(struct elf_file *f, Elf_Data *data, uint64_t align)
{
	if (data && data->d_buf && !f->header.build_id_size)
		elf_note_build_id(cursor_of(data->d_buf, data->d_size), align, f->header.build_id,
				  &f->header.build_id_size);
}

int elf_file_segments(struct elf_file *f)
{
	size_t count;

	if (elf_getphdrnum(f->elf, &count) < 0)
		return -EBADMSG;
	if (count > SYMINDEX_SEGMENTS_MAX)
		return -EFBIG;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr phdr;
		int err = 0;

		if (!gelf_getphdr(f->elf, (int)i, &phdr))
			return -EBADMSG;
		if (phdr.p_type == PT_LOAD)
			err = read_segment(f, &phdr);
		else if (phdr.p_type == PT_NOTE && phdr.p_offset <= INT64_MAX)
			read_build_id(f,
				      elf_getdata_rawchunk(f->elf, (int64_t)phdr.p_offset,
							   phdr.p_filesz, ELF_T_BYTE),
				      phdr.p_align);
		if (err)
			return err;
	}
	qsort(f->segments, f->header.segment_count, sizeof(f->segments[0]), compare_segments);
	return f->header.segment_count ? 0 : -ENOEXEC;
}

int elf_file_sections(struct elf_file *f)
{
	if (elf_getshdrnum(f->elf, &f->section_count) < 0)
		return -EBADMSG;
	if (!f->section_count && f->section_table)
		return -EBADMSG; /* cut off: libelf then says that there are none */
	if (f->section_count > SYMINDEX_SECTIONS_MAX)
		return -EFBIG;
	f->sections = calloc(f->section_count + 1, sizeof(*f->sections));
	if (!f->sections)
		return -ENOMEM;
	for (size_t i = 1; i < f->section_count; i++) {
		Elf_Scn *scn = elf_getscn(f->elf, i);
		GElf_Shdr shdr;
		uint64_t end;

		if (!scn || !gelf_getshdr(scn, &shdr))
			return -EBADMSG;
		if (shdr.sh_type == SHT_NOTE)
			read_build_id(f, elf_rawdata(scn, NULL), shdr.sh_addralign);
		f->sections[i] = (struct section){
			.vaddr = shdr.sh_addr,
			.size = shdr.sh_size,
			.is_code = (shdr.sh_flags & SHF_ALLOC) && (shdr.sh_flags & SHF_EXECINSTR) &&
				   !__builtin_add_overflow(shdr.sh_addr, shdr.sh_size, &end),
		};
	}
	return 0;
}

static Elf_Scn *find_section(const struct elf_file *f, uint32_t type, size_t *ret_number,
			     GElf_Shdr *ret_shdr)
{
	for (size_t i = 1; i < f->section_count; i++) {
		Elf_Scn *scn = elf_getscn(f->elf, i);
		GElf_Shdr shdr;

		if (scn && gelf_getshdr(scn, &shdr) && shdr.sh_type == type &&
		    !(shdr.sh_flags & SHF_COMPRESSED)) {
			*ret_number = i;
			*ret_shdr = shdr;
			return scn;
		}
	}
	return NULL;
}

/* A symbol table with what belongs to it. Empty (count 0) if the file has none of this type. */
struct symbol_table {
	Elf_Data *symbols;
	Elf_Data *strings;
	Elf_Data *versions; /* of .dynsym only, else NULL */
	size_t section;
	int count;
};

static int symbol_table_read(const struct elf_file *f, uint32_t type,
			     struct symbol_table *ret_table)
{
	struct symbol_table table = {0};
	GElf_Shdr shdr, other;
	size_t versions, size = gelf_fsize(f->elf, ELF_T_SYM, 1, EV_CURRENT);
	Elf_Scn *scn = find_section(f, type, &table.section, &shdr);

	*ret_table = table;
	if (!scn)
		return 0;
	table.symbols = elf_getdata(scn, NULL);
	scn = elf_getscn(f->elf, shdr.sh_link);
	if (!scn || !gelf_getshdr(scn, &other) || other.sh_type != SHT_STRTAB)
		return -EBADMSG;
	table.strings = elf_rawdata(scn, NULL);
	if (!table.symbols || !table.strings)
		return -EBADMSG;
	if (!table.symbols->d_buf || !table.strings->d_buf)
		return 0;
	if (table.symbols->d_size / size > SYMINDEX_SYMBOLS_MAX)
		return -EFBIG;
	table.count = (int)(table.symbols->d_size / size);
	scn = type == SHT_DYNSYM ? find_section(f, SHT_GNU_versym, &versions, &other) : NULL;
	if (scn && other.sh_link == table.section)
		table.versions = elf_getdata(scn, NULL);
	*ret_table = table;
	return 0;
}

/* The name without its version. False for what names no code: empty, endless, mapping symbols of
 * Arm and RISC-V ("$x", "$d.7"), annobin's marks, the assembler's own labels. */
static bool symbol_name(const struct symbol_table *table, uint64_t at, const char **ret_name,
			uint32_t *ret_length)
{
	size_t left, length;
	const char *name, *version;

	if (at >= table->strings->d_size)
		return false;
	left = table->strings->d_size - at;
	name = (const char *)table->strings->d_buf + at;
	length = strnlen(name, left < NAME_MAX_LENGTH ? left : NAME_MAX_LENGTH);
	if (!length || length == left || length == NAME_MAX_LENGTH)
		return false;
	if (name[0] == '$' && length > 1 && strchr("adtx", name[1]) &&
	    (length == 2 || name[2] == '.'))
		return false;
	if (!strncmp(name, ".annobin_", 9) || !strncmp(name, ".L", 2))
		return false;
	version = memchr(name + 1, '@', length - 1);
	*ret_name = name;
	*ret_length = (uint32_t)(version ? version - name : (ptrdiff_t)length);
	return true;
}

/* "old@VERS_1" beside "new@@VERS_2": only the second is what a program linked today calls. */
static bool has_old_version(const struct symbol_table *table, int n, const struct candidate *c)
{
	GElf_Versym version;

	if (table->versions)
		return gelf_getversym(table->versions, n, &version) && (version & 0x8000);
	return c->name[c->length] == '@' && c->name[c->length + 1] != '@';
}

/*
 * Which of several names of one address is shown: functions before resolvers before labels, then a
 * symbol with a size, the default version, GLOBAL before WEAK before LOCAL, the fewest leading
 * underscores, the shortest; the last word has strcmp().
 */
static uint64_t alias_rank(const struct candidate *c, uint8_t info, bool is_old)
{
	uint8_t type = GELF_ST_TYPE(info), bind = GELF_ST_BIND(info);
	uint64_t rank = type == STT_FUNC ? 0 : type == STT_GNU_IFUNC ? 1 : 2;
	uint64_t underscores = 0;

	while (underscores < c->length && underscores < 255 && c->name[underscores] == '_')
		underscores++;
	rank = rank << 1 | !c->size;
	rank = rank << 1 | is_old;
	rank = rank << 2 | (bind == STB_LOCAL ? 2 : bind == STB_WEAK ? 1 : 0);
	rank = rank << 8 | underscores;
	return rank << 32 | c->length;
}

static int append_candidate(struct elf_file *f, const struct candidate *c)
{
	if (f->candidate_count >= 2 * (size_t)SYMINDEX_SYMBOLS_MAX)
		return -EFBIG;
	if (array_reserve(&f->candidates, &f->candidates_size, f->candidate_count + 1))
		return -ENOMEM;
	f->candidates[f->candidate_count++] = *c;
	if (f->header.source < c->source)
		f->header.source = c->source;
	return 0;
}

int elf_file_add_candidate(struct elf_file *f, const struct candidate *c)
{
	int err = append_candidate(f, c);

	f->has[c->source] += !err;
	return err;
}

static bool holds_code(const struct section *s, uint64_t vaddr)
{
	return s->is_code && vaddr >= s->vaddr && vaddr - s->vaddr < s->size;
}

/* The section with the code that a symbol names, or NULL. Absolute, common and extended indexes are past
 * every section. Where objcopy has removed a section, those of .dynsym are of before. */
static const struct section *code_of(const struct elf_file *f, const GElf_Sym *sym,
				     enum symindex_source source)
{
	uint8_t type = GELF_ST_TYPE(sym->st_info);

	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
		return NULL;
	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx >= SHN_LORESERVE)
		return NULL;
	if (sym->st_shndx < f->section_count &&
	    holds_code(&f->sections[sym->st_shndx], sym->st_value))
		return &f->sections[sym->st_shndx];
	for (size_t i = 0; type != STT_NOTYPE && source == SYMINDEX_DYNSYM && i < f->section_count;
	     i++)
		if (holds_code(&f->sections[i], sym->st_value))
			return &f->sections[i];
	return NULL;
}

static int read_symbols(struct elf_file *f, const struct symbol_table *table,
			enum symindex_source source)
{
	for (int i = 0; i < table->count; i++) {
		struct candidate c = {.source = (uint8_t)source};
		const struct section *s;
		GElf_Sym sym;
		int err;

		if (!gelf_getsym(table->symbols, i, &sym))
			return -EBADMSG;
		s = code_of(f, &sym, source);
		if (!s || !symbol_name(table, sym.st_name, &c.name, &c.length))
			continue;
		c.vaddr = sym.st_value;
		c.size = s->size - (c.vaddr - s->vaddr);
		if (sym.st_size < c.size)
			c.size = sym.st_size;
		c.section_end = s->vaddr + s->size;
		c.rank = alias_rank(&c, sym.st_info, has_old_version(table, i, &c));
		err = elf_file_add_candidate(f, &c);
		if (err)
			return err;
	}
	return 0;
}

/* A GOT slot and the symbol (by number in .dynsym) whose address the dynamic linker puts there. */
struct got_slot {
	uint64_t vaddr;
	uint32_t symbol;
};

struct got {
	struct got_slot *slots;
	size_t count, size;
};

static void got_release(struct got *got)
{
	free(got->slots);
}

static int compare_slots(const void *left, const void *right)
{
	const struct got_slot *a = left, *b = right;

	if (a->vaddr != b->vaddr)
		return a->vaddr < b->vaddr ? -1 : 1;
	return a->symbol < b->symbol ? -1 : a->symbol > b->symbol;
}

static int read_relocations(struct got *got, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t count = data && data->d_buf ? data->d_size / sizeof(Elf64_Rela) : 0;

	if (count > INT_MAX || (shdr->sh_flags & SHF_COMPRESSED))
		return 0;
	for (size_t i = 0; i < count; i++) {
		GElf_Rela rela;
		uint32_t type;

		if (!gelf_getrela(data, (int)i, &rela))
			return 0;
		type = (uint32_t)GELF_R_TYPE(rela.r_info);
		if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT)
			continue;
		if (array_reserve(&got->slots, &got->size, got->count + 1))
			return -ENOMEM;
		got->slots[got->count++] = (struct got_slot){
			.vaddr = rela.r_offset,
			.symbol = (uint32_t)GELF_R_SYM(rela.r_info),
		};
	}
	return 0;
}

static int got_read(struct elf_file *f, const struct symbol_table *dynsym, struct got *got)
{
	for (size_t i = 1; i < f->section_count; i++) {
		Elf_Scn *scn = elf_getscn(f->elf, i);
		GElf_Shdr shdr;
		int err;

		if (!scn || !gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_RELA ||
		    shdr.sh_link != dynsym->section)
			continue;
		err = read_relocations(got, scn, &shdr);
		if (err)
			return err;
	}
	if (got->count)
		qsort(got->slots, got->count, sizeof(*got->slots), compare_slots);
	return 0;
}

/* The GOT slot through which a stub jumps: [endbr64] [bnd] jmp *disp32(%rip). */
static bool stub_slot(struct cursor stub, uint64_t vaddr, uint64_t *ret_slot)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	const uint8_t *start = stub.pos;
	uint8_t opcode[2];
	uint32_t displacement;

	if (cursor_left(&stub) >= sizeof(endbr64) && !memcmp(stub.pos, endbr64, sizeof(endbr64)))
		stub.pos += sizeof(endbr64);
	if (cursor_left(&stub) && *stub.pos == 0xf2)
		stub.pos++;
	if (!cursor_copy(&stub, opcode, 2) || opcode[0] != 0xff || opcode[1] != 0x25 ||
	    !cursor_u32(&stub, &displacement))
		return false;
	*ret_slot = vaddr + (uint64_t)(stub.pos - start) + (uint64_t)(int64_t)(int32_t)displacement;
	return true;
}

static int add_stub(struct elf_file *f, const struct symbol_table *dynsym, const struct got *got,
		    uint64_t slot, struct candidate c)
{
	struct got_slot key = {.vaddr = slot};
	size_t low = 0, high = got->count;
	GElf_Sym sym;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_slots(&got->slots[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == got->count || got->slots[low].vaddr != slot ||
	    got->slots[low].symbol >= (uint32_t)dynsym->count ||
	    !gelf_getsym(dynsym->symbols, (int)got->slots[low].symbol, &sym) ||
	    !symbol_name(dynsym, sym.st_name, &c.name, &c.length))
		return 0;
	c.is_plt = true;
	c.source = SYMINDEX_DYNSYM;
	c.rank = alias_rank(&c, GELF_ST_INFO(STB_LOCAL, STT_NOTYPE), false);
	return elf_file_add_candidate(f, &c);
}

static int read_plt(struct elf_file *f, const struct symbol_table *dynsym, const struct got *got,
		    size_t section)
{
	Elf_Scn *scn = elf_getscn(f->elf, section);
	Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;
	uint64_t vaddr = f->sections[section].vaddr, slot;
	struct cursor code;
	GElf_Shdr shdr;
	size_t step;

	if (!data || !data->d_buf || !gelf_getshdr(scn, &shdr))
		return 0;
	step = shdr.sh_entsize == 8 ? 8 : 16; /* 8: .plt.got without endbr64 */
	code = cursor_of(data->d_buf, data->d_size);
	while (cursor_left(&code) >= STUB_MIN) {
		size_t size = cursor_left(&code) < step ? cursor_left(&code) : step;
		struct candidate c = {.vaddr = vaddr, .size = size, .section_end = vaddr + size};

		if (stub_slot(cursor_of(code.pos, size), vaddr, &slot)) {
			int err = add_stub(f, dynsym, got, slot, c);

			if (err)
				return err;
		}
		code.pos += size;
		vaddr += size;
	}
	return 0;
}

static bool is_plt_name(const char *name)
{
	return name &&
	       (!strcmp(name, ".plt") || !strcmp(name, ".plt.sec") || !strcmp(name, ".plt.got"));
}

static int read_plts(struct elf_file *f, const struct symbol_table *dynsym)
{
	_cleanup_(got_release) struct got got = {0};
	size_t names;
	int err;

	if (f->machine != EM_X86_64 || gelf_getclass(f->elf) != ELFCLASS64 || !dynsym->count ||
	    elf_getshdrstrndx(f->elf, &names) < 0)
		return 0;
	err = got_read(f, dynsym, &got);
	for (size_t i = 1; !err && got.count && i < f->section_count; i++) {
		GElf_Shdr shdr;

		if (f->sections[i].is_code && gelf_getshdr(elf_getscn(f->elf, i), &shdr) &&
		    shdr.sh_type == SHT_PROGBITS && !(shdr.sh_flags & SHF_COMPRESSED) &&
		    is_plt_name(elf_strptr(f->elf, names, shdr.sh_name)))
			err = read_plt(f, dynsym, &got, i);
	}
	return err;
}

/* The best alias last: the sweep takes the last that began. Of one symbol in two tables, that of the
 * better one. */
static int compare_candidates(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;
	int order;

	if (a->vaddr != b->vaddr)
		return a->vaddr < b->vaddr ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank > b->rank ? -1 : 1;
	order = memcmp(b->name, a->name, a->length); /* equal ranks have equal lengths */
	if (order)
		return order;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return (a->source > b->source) - (a->source < b->source);
}

/* The candidates [first, next) share one vaddr; covered: where earlier sized ones end. */
static uint64_t size_aliases(struct elf_file *f, size_t first, size_t next, uint64_t covered)
{
	struct candidate *c = f->candidates;
	uint64_t vaddr = c[first].vaddr, size = 0;

	for (size_t i = first; i < next; i++)
		if (c[i].size > size)
			size = c[i].size;
	if (!size && vaddr >= covered) {
		size = c[first].section_end - vaddr;
		if (next < f->candidate_count && c[next].vaddr - vaddr < size)
			size = c[next].vaddr - vaddr;
		covered = vaddr; /* of unsized ones nothing is known: they cover nothing */
	} else if (vaddr + size > covered) {
		covered = vaddr + size;
	}
	for (size_t i = first; i < next; i++)
		if (!c[i].size)
			c[i].size = size;
	return covered;
}

static void size_unsized(struct elf_file *f)
{
	const struct candidate *c = f->candidates;
	uint64_t covered = 0;

	for (size_t first = 0, next; first < f->candidate_count; first = next) {
		for (next = first + 1; next < f->candidate_count; next++)
			if (c[next].vaddr != c[first].vaddr)
				break;
		covered = size_aliases(f, first, next, covered);
	}
}

static int add_range(struct elf_file *f, struct candidate *c, uint64_t start, uint64_t end)
{
	uint64_t size = end - start;

	if (f->strings.used + c->length + 1 > SYMINDEX_STRINGS_MAX)
		return -EFBIG;
	if (!c->name_at) {
		c->name_at = (uint32_t)f->strings.used;
		buf_add(&f->strings, c->name, c->length);
		buf_add_char(&f->strings, '\0');
	}
	if (array_reserve(&f->ranges, &f->ranges_size, f->range_count + 1))
		return -ENOMEM;
	f->used[c->source]++;
	f->ranges[f->range_count++] = (struct symindex_symbol){
		.vaddr = start,
		.size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX,
		.name = c->name_at | (uint32_t)c->source << SYMINDEX_SOURCE_SHIFT |
			(c->is_plt ? SYMINDEX_PLT : 0),
	};
	return f->range_count > 2 * (size_t)SYMINDEX_SYMBOLS_MAX ? -EFBIG : 0;
}

/* The candidates that have begun and not been seen to end; the one that began last names. */
struct open_candidates {
	uint32_t *number;
	size_t count;
};

/* Gives out what the open ones name from vaddr up to limit. */
static int sweep_to(struct elf_file *f, struct open_candidates *open, uint64_t vaddr,
		    uint64_t limit)
{
	while (open->count && vaddr < limit) {
		struct candidate *c = &f->candidates[open->number[open->count - 1]];
		uint64_t end = c->vaddr + c->size < limit ? c->vaddr + c->size : limit;

		if (end > vaddr) {
			int err = add_range(f, c, vaddr, end);

			if (err)
				return err;
			vaddr = end;
		}
		if (c->vaddr + c->size <= vaddr)
			open->count--;
	}
	return 0;
}

static int make_ranges(struct elf_file *f)
{
	_cleanup_free_ uint32_t *numbers = calloc(f->candidate_count + 1, sizeof(*numbers));
	struct open_candidates open = {.number = numbers};
	uint64_t vaddr = 0;
	int err = numbers ? 0 : -ENOMEM;

	buf_add_char(&f->strings, '\0');
	for (size_t i = 0; !err && i < f->candidate_count; i++) {
		const struct candidate *c = &f->candidates[i];

		if (!c->size)
			continue;
		err = sweep_to(f, &open, vaddr, c->vaddr);
		vaddr = c->vaddr;
		numbers[open.count++] = (uint32_t)i;
	}
	return err ? err : sweep_to(f, &open, vaddr, UINT64_MAX);
}

/* A kind that is read here. */
static int take_elf(struct elf_file *f, bool is_common)
{
	GElf_Ehdr ehdr;

	if (!f->elf || elf_kind(f->elf) != ELF_K_ELF || !gelf_getehdr(f->elf, &ehdr) ||
	    ehdr.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN &&
	     !(is_common && ehdr.e_type == ET_REL)))
		return -ENOEXEC;
	f->machine = ehdr.e_machine;
	f->section_table = ehdr.e_shoff;
	return 0;
}

int elf_file_open(struct elf_file *f, int fd, bool is_common)
{
	struct stat st;

	/* libelf would wait for a FIFO's writer. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	f->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	return take_elf(f, is_common);
}

int elf_file_open_bytes(struct elf_file *f, void *bytes, size_t size)
{
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	f->elf = elf_memory(bytes, size);
	return take_elf(f, false);
}

int elf_file_symbols(struct elf_file *f)
{
	struct symbol_table symtab, dynsym;
	int err = symbol_table_read(f, SHT_SYMTAB, &symtab);

	if (!err)
		err = symbol_table_read(f, SHT_DYNSYM, &dynsym);
	if (!err)
		err = read_symbols(f, &symtab, SYMINDEX_SYMTAB);
	if (!err)
		err = read_symbols(f, &dynsym, SYMINDEX_DYNSYM);
	return err ? err : read_plts(f, &dynsym);
}

uint64_t elf_file_symbol_vaddr(const struct elf_file *f, const char *name)
{
	struct symbol_table table;
	const char *have;
	uint32_t length;
	GElf_Sym sym;

	if (symbol_table_read(f, SHT_SYMTAB, &table))
		return 0;
	for (int i = 0; i < table.count && gelf_getsym(table.symbols, i, &sym); i++)
		if (symbol_name(&table, sym.st_name, &have, &length) && !strcmp(have, name))
			return sym.st_value;
	return 0;
}

int elf_file_add_symbols(struct elf_file *f, const struct elf_file *from)
{
	int err = 0;

	for (size_t i = 0; !err && i < from->candidate_count; i++)
		err = append_candidate(f, &from->candidates[i]);
	return err;
}

int elf_file_add_mini_symbols(struct elf_file *f, const struct elf_file *mini)
{
	int err = 0;

	for (size_t i = 0; !err && i < mini->candidate_count; i++) {
		struct candidate c = mini->candidates[i];

		c.source = SYMINDEX_MINI;
		err = elf_file_add_candidate(f, &c);
	}
	return err;
}

int elf_file_ranges(struct elf_file *f)
{
	if (f->candidate_count)
		qsort(f->candidates, f->candidate_count, sizeof(*f->candidates),
		      compare_candidates);
	size_unsized(f);
	return make_ranges(f);
}
