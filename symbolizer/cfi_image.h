/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An ELF file as far as its CFI is concerned. Foreign bytes. In the parser child only. */
#ifndef WICK_SYMBOLIZER_CFI_IMAGE_H
#define WICK_SYMBOLIZER_CFI_IMAGE_H

#include "base/cursor.h"
#include "symbolizer/cfi.h"
#include "symbolizer/cfi_arch.h"
#include "symbolizer/elf_note.h"

#include <libelf.h>

enum { CFI_CODE_SECTIONS_MAX = 256 };

struct cfi_image {
	Elf *elf;
	struct cursor bytes; /* the whole file */
	const struct cfi_arch *arch;
	struct load {
		uint64_t off, vaddr, size;
		bool is_code;
	} loads[CFI_SEGMENTS_MAX]; /* as far as the file has their bytes; by vaddr */
	uint32_t load_count;
	struct span {
		uint64_t vaddr, size;
	} code[CFI_CODE_SECTIONS_MAX]; /* executable sections by vaddr; none: all of the segments */
	uint32_t code_count;
	uint64_t hdr_vaddr;
	struct cursor hdr; /* .eh_frame_hdr; empty: none */
	bool is_go;	   /* linked by Go */
	uint64_t entry;	   /* vaddr; of a library, mostly anything */
	uint8_t build_id[ELF_BUILD_ID_MAX];
	uint32_t build_id_size;
};

/* -ENOEXEC, -EBADMSG, -EFBIG as cfi_build(). To be released also after an error. */
int cfi_image_open(struct cfi_image *image, int fd);
void cfi_image_release(struct cfi_image *image);

/* What the file has of these bytes. */
struct cursor cfi_image_bytes(const struct cfi_image *image, uint64_t off, uint64_t size);

/* The file's bytes from vaddr to the end of its segment. False: in no segment. */
bool cfi_image_at(const struct cfi_image *image, uint64_t vaddr, struct cursor *ret_bytes);

/* The section of this name, inflated if it is compressed. False: there is none that can be read. */
bool cfi_image_section(const struct cfi_image *image, const char *name, uint64_t *ret_vaddr,
		       struct cursor *ret_bytes);

/* The bytes of code in all that may be run. */
uint64_t cfi_image_code_bytes(const struct cfi_image *image);

/* The vaddr of the first of them. */
uint64_t cfi_image_text(const struct cfi_image *image);

#endif
