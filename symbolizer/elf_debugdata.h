/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * .gnu_debugdata ("mini debuginfo"): a symbol table inside of an ELF file inside of xz, for those
 * functions that .dynsym does not have. In the parser child only, and so is liblzma: it is loaded
 * by a child that was asked to read such a section, and by no other process of wick.
 */
#ifndef WICK_SYMBOLIZER_ELF_DEBUGDATA_H
#define WICK_SYMBOLIZER_ELF_DEBUGDATA_H

#include "base/cursor.h"

/* Loads liblzma: once the rights are gone, while files can still be opened. */
void debugdata_load(void);

/*
 * Unpacks to bytes that the caller free()s. -ENOSYS: liblzma was not loaded, or is not there;
 * -EBADMSG; -EFBIG: it grows beyond DEBUGDATA_MAX, or unpacking it takes too much memory; -ENOMEM.
 */
enum { DEBUGDATA_MAX = 64 << 20 };

int debugdata_unpack(struct cursor packed, void **ret_bytes, size_t *ret_size);

#endif
