/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF notes. In the parser child only. */
#ifndef WICK_SYMBOLIZER_ELF_NOTE_H
#define WICK_SYMBOLIZER_ELF_NOTE_H

#include "base/cursor.h"

enum { ELF_BUILD_ID_MAX = 64 }; /* bytes */

/* The GNU build id among the notes of a section or segment with this alignment; the first that is
 * no longer than ELF_BUILD_ID_MAX. False, and nothing stored: there is none. */
bool elf_note_build_id(struct cursor notes, uint64_t align, uint8_t *ret_id, uint32_t *ret_size);

#endif
