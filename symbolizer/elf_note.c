/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/elf_note.h"

#include <elf.h>

/* Notes are padded to 4 bytes; with an alignment of 8 only to 8 (gABI, .note.gnu.property). */
bool elf_note_build_id(struct cursor notes, uint64_t align, uint8_t *ret_id, uint32_t *ret_size)
{
	struct cursor name, id;
	uint32_t name_size, id_size, type;
	uint64_t pad = align == 8 ? 7 : 3;

	while (cursor_u32(&notes, &name_size) && cursor_u32(&notes, &id_size) &&
	       cursor_u32(&notes, &type)) {
		if (!cursor_sub(&notes, name_size, &name) ||
		    !cursor_skip(&notes, -(12 + (uint64_t)name_size) & pad) ||
		    !cursor_sub(&notes, id_size, &id))
			return false;
		if (type == NT_GNU_BUILD_ID && name_size == 4 && !memcmp(name.pos, "GNU", 4) &&
		    id_size && id_size <= ELF_BUILD_ID_MAX) {
			memcpy(ret_id, id.pos, id_size);
			*ret_size = id_size;
			return true;
		}
		if (!cursor_skip(&notes, -(uint64_t)id_size & pad))
			return false;
	}
	return false;
}
