/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/cfi_program.h"

/* DW_EH_PE of the LSB */
enum {
	FORMAT_ABSPTR = 0x00,
	FORMAT_ULEB128,
	FORMAT_UDATA2,
	FORMAT_UDATA4,
	FORMAT_UDATA8,
	FORMAT_SIGNED = 0x08,
	FORMAT_SLEB128,
	FORMAT_SDATA2,
	FORMAT_SDATA4,
	FORMAT_SDATA8,
	BASE_ABSOLUTE = 0x00,
	BASE_PCREL = 0x10,
	BASE_TEXTREL = 0x20,
	BASE_DATAREL = 0x30,
	BASE_ALIGNED = 0x50,
};

static bool read_format(struct cursor *c, uint8_t format, uint64_t *ret_value)
{
	uint16_t u16;
	uint32_t u32;

	switch (format) {
	case FORMAT_ABSPTR:
	case FORMAT_SIGNED:
	case FORMAT_UDATA8:
	case FORMAT_SDATA8:
		return cursor_u64(c, ret_value);
	case FORMAT_ULEB128:
		return cursor_uleb128(c, ret_value);
	case FORMAT_SLEB128:
		return cursor_sleb128(c, (int64_t *)ret_value);
	case FORMAT_UDATA2:
	case FORMAT_SDATA2:
		if (!cursor_u16(c, &u16))
			return false;
		*ret_value = format == FORMAT_UDATA2 ? u16 : (uint64_t)(int16_t)u16;
		return true;
	case FORMAT_UDATA4:
	case FORMAT_SDATA4:
		if (!cursor_u32(c, &u32))
			return false;
		*ret_value = format == FORMAT_UDATA4 ? u32 : (uint64_t)(int32_t)u32;
		return true;
	default:
		return false;
	}
}

bool cfi_pointer(struct cursor *c, uint8_t encoding, const struct cfi_bases *bases,
		 uint64_t *ret_value)
{
	struct cursor at = *c;
	uint64_t vaddr = bases->vaddr + (uint64_t)(at.pos - bases->bytes), value, base;

	switch (encoding & 0xf0) {
	case BASE_ABSOLUTE:
		base = 0;
		break;
	case BASE_PCREL:
		base = vaddr;
		break;
	case BASE_TEXTREL:
		base = bases->text;
		break;
	case BASE_DATAREL:
		base = bases->data;
		break;
	case BASE_ALIGNED:
		base = 0;
		if (!cursor_skip(&at, -vaddr & 7))
			return false;
		break;
	default:
		return false;
	}
	if (!read_format(&at, encoding & 0x0f, &value))
		return false;
	*ret_value = base + value;
	*c = at;
	return true;
}
