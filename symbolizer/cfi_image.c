/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/cfi_image.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
	INFLATED_MAX = 256 << 20, /* bytes of a compressed .debug_frame */
	SECTIONS_MAX = 64 << 10,
};

void cfi_image_release(struct cfi_image *image)
{
	elf_end(image->elf);
}

/* What the file has of these bytes. */
struct cursor cfi_image_bytes(const struct cfi_image *image, uint64_t off, uint64_t size)
{
	struct cursor c = image->bytes, part;

	if (!cursor_skip(&c, off))
		return cursor_of(c.end, 0);
	if (!cursor_sub(&c, size, &part))
		return c;
	return part;
}

static void image_build_id(struct cfi_image *image, uint64_t off, uint64_t size, uint64_t align)
{
	if (!image->build_id_size)
		elf_note_build_id(cfi_image_bytes(image, off, size), align, image->build_id,
				  &image->build_id_size);
}

static int add_load(struct cfi_image *image, const GElf_Phdr *phdr)
{
	struct cursor bytes = cfi_image_bytes(image, phdr->p_offset, phdr->p_filesz);
	uint64_t size = cursor_left(&bytes), end;

	if (!size)
		return 0;
	if (image->load_count == CFI_SEGMENTS_MAX)
		return -EFBIG;
	if (__builtin_add_overflow(phdr->p_vaddr, size, &end) || end >> 48)
		return -EBADMSG;
	image->loads[image->load_count++] = (struct load){
		.off = phdr->p_offset,
		.vaddr = phdr->p_vaddr,
		.size = size,
		.is_code = phdr->p_flags & PF_X,
	};
	return 0;
}

static int compare_loads(const void *left, const void *right)
{
	const struct load *a = left, *b = right;

	return a->vaddr < b->vaddr ? -1 : a->vaddr > b->vaddr;
}

static int read_segments(struct cfi_image *image)
{
	size_t count;

	if (elf_getphdrnum(image->elf, &count) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr phdr;
		int err = 0;

		if (!gelf_getphdr(image->elf, (int)i, &phdr))
			return -EBADMSG;
		if (phdr.p_type == PT_LOAD) {
			err = add_load(image, &phdr);
		} else if (phdr.p_type == PT_NOTE) {
			image_build_id(image, phdr.p_offset, phdr.p_filesz, phdr.p_align);
		} else if (phdr.p_type == PT_GNU_EH_FRAME) {
			image->hdr = cfi_image_bytes(image, phdr.p_offset, phdr.p_filesz);
			image->hdr_vaddr = phdr.p_vaddr;
		}
		if (err)
			return err;
	}
	qsort(image->loads, image->load_count, sizeof(image->loads[0]), compare_loads);
	return 0;
}

static int compare_spans(const void *left, const void *right)
{
	const struct span *a = left, *b = right;

	return a->vaddr < b->vaddr ? -1 : a->vaddr > b->vaddr;
}

/* Code, for linkers may put read-only data into the executable segment (half of libLLVM's is that);
 * notes, for those of a debug file are not where its segments say. */
static void read_sections(struct cfi_image *image)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	size_t count;

	if (elf_getshdrnum(image->elf, &count) < 0 || count > SECTIONS_MAX)
		return;
	while ((scn = elf_nextscn(image->elf, scn))) {
		if (!gelf_getshdr(scn, &shdr))
			continue;
		if (shdr.sh_type == SHT_NOTE)
			image_build_id(image, shdr.sh_offset, shdr.sh_size, shdr.sh_addralign);
		if (!(shdr.sh_flags & SHF_ALLOC) || !(shdr.sh_flags & SHF_EXECINSTR) ||
		    shdr.sh_addr >> 48 || shdr.sh_size >> 48 || !shdr.sh_size)
			continue;
		if (image->code_count == CFI_CODE_SECTIONS_MAX) {
			image->code_count = 0;
			break;
		}
		image->code[image->code_count++] =
			(struct span){.vaddr = shdr.sh_addr, .size = shdr.sh_size};
	}
	qsort(image->code, image->code_count, sizeof(image->code[0]), compare_spans);
}

/* ET_DYN and ET_EXEC, little endian, 64 bits, of a known machine. */
int cfi_image_open(struct cfi_image *image, int fd)
{
	struct stat st;
	struct cursor buildinfo;
	GElf_Ehdr ehdr;
	uint64_t vaddr;
	size_t size;
	char *bytes;

	/* libelf would wait for a FIFO's writer. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	image->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!image->elf || elf_kind(image->elf) != ELF_K_ELF || !gelf_getehdr(image->elf, &ehdr) ||
	    ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN))
		return -ENOEXEC;
	image->arch = cfi_arch(ehdr.e_machine);
	image->entry = ehdr.e_entry;
	if (!image->arch)
		return -ENOEXEC;
	bytes = elf_rawfile(image->elf, &size);
	if (!bytes)
		return -ENOMEM;
	image->bytes = cursor_of(bytes, size);
	read_sections(image);
	image->is_go = cfi_image_section(image, ".go.buildinfo", &vaddr, &buildinfo);
	return read_segments(image);
}

/* The bytes of code in all that may be run. */
uint64_t cfi_image_code_bytes(const struct cfi_image *image)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < image->load_count; i++) {
		const struct load *load = &image->loads[i];
		uint64_t at = load->vaddr, limit = load->vaddr + load->size;

		if (!load->is_code)
			continue;
		if (!image->code_count)
			sum += load->size;
		for (uint32_t j = 0; j < image->code_count; j++) {
			const struct span *span = &image->code[j];
			uint64_t from = span->vaddr > at ? span->vaddr : at;
			uint64_t to = span->vaddr + span->size;

			to = to < limit ? to : limit;
			if (from < to) {
				sum += to - from;
				at = to;
			}
		}
	}
	return sum;
}

/* The text base of encoded pointers does not occur in practice; the first code is what it means. */
uint64_t cfi_image_text(const struct cfi_image *image)
{
	for (uint32_t i = 0; i < image->load_count; i++)
		if (image->loads[i].is_code)
			return image->loads[i].vaddr;
	return 0;
}

/* The file's bytes from vaddr to the end of its segment. */
bool cfi_image_at(const struct cfi_image *image, uint64_t vaddr, struct cursor *ret_bytes)
{
	for (uint32_t i = 0; i < image->load_count; i++) {
		const struct load *load = &image->loads[i];
		uint64_t at = vaddr - load->vaddr;

		if (vaddr >= load->vaddr && at < load->size) {
			*ret_bytes = cfi_image_bytes(image, load->off + at, load->size - at);
			return true;
		}
	}
	return false;
}

/* Finds a section by name. Compressed ones are inflated. */
bool cfi_image_section(const struct cfi_image *image, const char *wanted, uint64_t *ret_vaddr,
		       struct cursor *ret_bytes)
{
	size_t names, count;
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	GElf_Chdr chdr;
	Elf_Data *data;

	if (elf_getshdrstrndx(image->elf, &names) < 0 || elf_getshdrnum(image->elf, &count) < 0 ||
	    count > SECTIONS_MAX)
		return false;
	while ((scn = elf_nextscn(image->elf, scn))) {
		const char *name;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type == SHT_NOBITS ||
		    !(name = elf_strptr(image->elf, names, shdr.sh_name)) || strcmp(name, wanted))
			continue;
		if (shdr.sh_flags & SHF_COMPRESSED) {
			if (!gelf_getchdr(scn, &chdr) || chdr.ch_size > INFLATED_MAX ||
			    elf_compress(scn, 0, 0) < 0 || !(data = elf_getdata(scn, NULL)) ||
			    !data->d_buf)
				return false;
			*ret_bytes = cursor_of(data->d_buf, data->d_size);
		} else {
			*ret_bytes = cfi_image_bytes(image, shdr.sh_offset, shdr.sh_size);
		}
		*ret_vaddr = shdr.sh_addr;
		return true;
	}
	return false;
}
