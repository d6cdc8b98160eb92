/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF files around hand-made CFI, for tests and fuzzing: one segment of code, one of frames. */
#ifndef WICK_TESTS_CFI_ELF_H
#define WICK_TESTS_CFI_ELF_H

#include "base/buf.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ELF_CODE = 0x1000, ELF_FRAMES = 0x400000, ELF_HDR = 0x7f0000 }; /* vaddrs */

struct bytes {
	const void *at;
	size_t size;
};

struct cfi_elf {
	uint16_t machine;    /* 0 = EM_X86_64 */
	uint64_t code_vaddr; /* 0 = ELF_CODE */
	size_t code_size;    /* 0 = 0x100 */
	struct bytes code;   /* its first bytes; the rest is zeros */
	struct bytes eh_frame, hdr, debug_frame;
	uint64_t debug_flags; /* of its section: SHF_COMPRESSED */
	bool no_sections, is_go;
};

static inline void elf_put(struct buf *file, size_t at, const void *bytes, size_t size)
{
	static const char zeros[4096];

	while (file->used < at)
		buf_add(file, zeros,
			at - file->used < sizeof(zeros) ? at - file->used : sizeof(zeros));
	if (at < file->used)
		memcpy(file->bytes + at, bytes, size);
	else if (size)
		buf_add(file, bytes, size);
}

static inline Elf64_Phdr elf_phdr(uint32_t type, uint32_t flags, uint64_t off, uint64_t vaddr,
				  uint64_t size)
{
	return (Elf64_Phdr){.p_type = type,
			    .p_flags = flags,
			    .p_offset = off,
			    .p_vaddr = vaddr,
			    .p_filesz = size,
			    .p_memsz = size,
			    .p_align = 1};
}

/* A memfd that holds the file. Ends the process where there is no memory. */
static inline int cfi_elf_make(const struct cfi_elf *elf)
{
	static const char names[] = "\0.eh_frame\0.debug_frame\0.shstrtab\0.go.buildinfo";
	size_t code_size = elf->code_size ? elf->code_size : 0x100, eh, hdr, debug, strings;
	Elf64_Phdr phdrs[3];
	Elf64_Shdr shdrs[5] = {0};
	Elf64_Ehdr ehdr = {.e_type = ET_DYN,
			   .e_machine = elf->machine ? elf->machine : EM_X86_64,
			   .e_version = EV_CURRENT,
			   .e_ehsize = sizeof(ehdr),
			   .e_phoff = sizeof(ehdr),
			   .e_phentsize = sizeof(*phdrs),
			   .e_phnum = elf->hdr.size ? 3 : 2};
	struct buf file = {0};
	int fd = memfd_create("elf", MFD_CLOEXEC);

	memcpy(ehdr.e_ident, ELFMAG, SELFMAG);
	ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	elf_put(&file, 512, NULL, 0);
	elf_put(&file, 512, elf->code.at, elf->code.size);
	eh = 512 + code_size;
	elf_put(&file, eh, elf->eh_frame.at, elf->eh_frame.size);
	hdr = file.used;
	elf_put(&file, hdr, elf->hdr.at, elf->hdr.size);
	debug = file.used;
	elf_put(&file, debug, elf->debug_frame.at, elf->debug_frame.size);
	strings = file.used;
	elf_put(&file, strings, names, sizeof(names));
	phdrs[0] = elf_phdr(PT_LOAD, PF_R | PF_X, 512, elf->code_vaddr ? elf->code_vaddr : ELF_CODE,
			    code_size);
	phdrs[1] = elf_phdr(PT_LOAD, PF_R, eh, ELF_FRAMES, elf->eh_frame.size);
	phdrs[2] = elf_phdr(PT_GNU_EH_FRAME, PF_R, hdr, ELF_HDR, elf->hdr.size);
	if (!elf->no_sections) {
		shdrs[1] = (Elf64_Shdr){.sh_name = 1,
					.sh_type = SHT_PROGBITS,
					.sh_flags = SHF_ALLOC,
					.sh_addr = ELF_FRAMES,
					.sh_offset = eh,
					.sh_size = elf->eh_frame.size};
		shdrs[2] = (Elf64_Shdr){.sh_name = 11,
					.sh_type = SHT_PROGBITS,
					.sh_flags = elf->debug_flags,
					.sh_offset = debug,
					.sh_size = elf->debug_frame.size,
					.sh_addralign = 1};
		shdrs[3] = (Elf64_Shdr){.sh_name = 24,
					.sh_type = SHT_STRTAB,
					.sh_offset = strings,
					.sh_size = sizeof(names)};
		shdrs[4] = (Elf64_Shdr){.sh_name = 34, .sh_type = SHT_PROGBITS, .sh_offset = 512};
		ehdr.e_shoff = file.used + (-file.used & 7);
		ehdr.e_shentsize = sizeof(*shdrs);
		ehdr.e_shnum = elf->is_go ? 5 : 4;
		ehdr.e_shstrndx = 3;
		elf_put(&file, ehdr.e_shoff, shdrs, ehdr.e_shnum * sizeof(*shdrs));
	}
	elf_put(&file, 0, &ehdr, sizeof(ehdr));
	elf_put(&file, sizeof(ehdr), phdrs, ehdr.e_phnum * sizeof(*phdrs));
	if (fd < 0 || buf_error(&file) || write(fd, file.bytes, file.used) != (ssize_t)file.used)
		abort();
	buf_release(&file);
	return fd;
}

/* Entries of .eh_frame. Their offsets are those in the buffer. */

static inline void put_u32(struct buf *buf, uint64_t value)
{
	uint32_t u32 = (uint32_t)value;

	buf_add(buf, &u32, sizeof(u32));
}

static inline void put_u64(struct buf *buf, uint64_t value)
{
	buf_add(buf, &value, sizeof(value));
}

static inline void put_length(struct buf *buf, size_t entry)
{
	uint32_t length;

	while ((buf->used - entry) % 4)
		buf_add_char(buf, 0);
	length = (uint32_t)(buf->used - entry - 4);
	memcpy(buf->bytes + entry, &length, sizeof(length));
}

/* Bytes in hexadecimal, with any blanks between them. */
static inline void put_hex(struct buf *buf, const char *hex)
{
	for (const char *c = hex; *c;) {
		char two[3] = {c[0], c[1], 0};

		if (*c == ' ') {
			c++;
			continue;
		}
		buf_add_char(buf, (char)strtoul(two, NULL, 16));
		c += 2;
	}
}

/* A CIE with code alignment 1, data alignment -8 and x86-64's return address column. augmentation:
 * the letters; data: what stands behind its size. Gives its offset. */
static inline size_t put_cie(struct buf *buf, const char *letters, const char *data,
			     const char *instructions)
{
	size_t entry = buf->used;
	struct buf augmentation = {0};

	put_u32(buf, 0);
	put_u32(buf, 0);
	buf_add_char(buf, 1);
	buf_add(buf, letters, strlen(letters) + 1);
	put_hex(buf, "01 78 10");
	if (letters[0] == 'z') {
		put_hex(&augmentation, data);
		buf_add_varint(buf, augmentation.used);
		buf_add(buf, augmentation.bytes, augmentation.used);
		buf_release(&augmentation);
	}
	put_hex(buf, instructions);
	put_length(buf, entry);
	return entry;
}

/* An FDE whose addresses are 8 bytes and absolute. */
static inline size_t put_fde(struct buf *buf, size_t cie, uint64_t start, uint64_t size,
			     const char *instructions)
{
	size_t entry = buf->used;

	put_u32(buf, 0);
	put_u32(buf, entry + 4 - cie);
	put_u64(buf, start);
	put_u64(buf, size);
	put_hex(buf, instructions);
	put_length(buf, entry);
	return entry;
}

#endif
