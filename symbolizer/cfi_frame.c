/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/cfi_frame.h"

#include "base/array.h"

#include <string.h>

enum { BUDGET_FACTOR = 2, BUDGET_LEAST = 64 << 10 };

void cfi_frames_release(struct cfi_frames *f)
{
	free(f->cies);
	free(f->cie_keys);
	free(f->functions);
	hashmap_release(&f->cie_numbers);
}

/* A CIE or an FDE, taken apart as far as both are alike. */
struct entry {
	struct cursor body;    /* behind the id */
	const uint8_t *id_pos; /* .eh_frame's ids count from there */
	uint64_t id;
	bool is_cie;
};

/* False: not an entry, or it reaches past the end; then nothing behind it can be found either.
 * ret_entry->body.end is the next entry. */
static bool read_entry(const struct cfi_section *section, struct cursor *c, struct entry *ret_entry)
{
	uint64_t length;
	uint32_t word;
	bool is_long;

	if (!cursor_u32(c, &word))
		return false;
	is_long = word == UINT32_MAX;
	length = word;
	if ((is_long && !cursor_u64(c, &length)) || !cursor_sub(c, length, &ret_entry->body))
		return false;
	ret_entry->id_pos = ret_entry->body.pos;
	ret_entry->id = 0;
	ret_entry->is_cie = false;
	if (!length)
		return true;
	if (is_long && section->is_debug) {
		if (!cursor_u64(&ret_entry->body, &ret_entry->id))
			return false;
		ret_entry->is_cie = ret_entry->id == UINT64_MAX;
	} else {
		if (!cursor_u32(&ret_entry->body, &word))
			return false;
		ret_entry->id = word;
		ret_entry->is_cie = word == (section->is_debug ? UINT32_MAX : 0);
	}
	return true;
}

/* Takes what is known of "zPLRSBG"; the rest of the data is stepped over by its size. */
static bool read_augmentation(struct cfi_cie *cie, const char *letters, struct cursor *c)
{
	struct cursor data;
	uint64_t size, ignored;
	uint8_t encoding;

	if (!letters[0])
		return true;
	if (!strcmp(letters, "eh")) /* GCC 2's: a pointer stands before the alignments */
		return true;
	if (letters[0] != 'z' || !cursor_uleb128(c, &size) || !cursor_sub(c, size, &data))
		return false;
	cie->has_size = true;
	for (const char *l = letters + 1; *l; l++) {
		switch (*l) {
		case 'R':
			if (!cursor_u8(&data, &cie->encoding))
				return false;
			break;
		case 'L':
			if (!cursor_u8(&data, &encoding))
				return false;
			break;
		case 'P':
			if (!cursor_u8(&data, &encoding) ||
			    (encoding != CFI_POINTER_OMIT &&
			     !cfi_pointer(&data, encoding & 0x7f, cie->bases, &ignored)))
				return false;
			break;
		case 'S':
			cie->is_signal = true;
			break;
		case 'B': /* arm64: signed with the B key */
		case 'G': /* arm64: memory tagging */
			break;
		default:
			return true;
		}
	}
	return true;
}

static bool read_cie(const struct cfi_arch *arch, const struct cfi_section *section, uint64_t at,
		     uint64_t *budget, struct cfi_cie *cie)
{
	struct cursor c = section->entries;
	struct entry entry;
	const char *letters;
	uint8_t version, u8, address_size = 8, segment_size = 0;
	uint64_t ra;

	*cie = (struct cfi_cie){.arch = arch, .bases = &section->bases};
	if (!cursor_skip(&c, at) || !read_entry(section, &c, &entry) || !entry.is_cie)
		return false;
	c = entry.body;
	if (!cursor_u8(&c, &version) || (version != 1 && version != 3 && version != 4) ||
	    !cursor_cstr(&c, &letters))
		return false;
	if (!strcmp(letters, "eh") && !cursor_skip(&c, 8))
		return false;
	if (version == 4 && (!cursor_u8(&c, &address_size) || !cursor_u8(&c, &segment_size)))
		return false;
	if (address_size != 8 || segment_size || !cursor_uleb128(&c, &cie->code_align) ||
	    !cursor_sleb128(&c, &cie->data_align))
		return false;
	if (version == 1 ? !cursor_u8(&c, &u8) : !cursor_uleb128(&c, &ra))
		return false;
	cie->is_ra_expected = (version == 1 ? u8 : ra) == arch->ra;
	if (!read_augmentation(cie, letters, &c) || cursor_left(&c) > *budget)
		return false;
	*budget -= cursor_left(&c);
	return cfi_program_prepare(cie, c);
}

static bool cie_key_equals(const void *table, uint32_t position, const void *key)
{
	const struct cfi_cie_key *a = (const struct cfi_cie_key *)table + position, *b = key;

	return a->at == b->at && a->section == b->section;
}

/* The number of the CIE at an offset of the last section; those that make no sense have one too. */
static int find_cie(struct cfi_frames *f, uint64_t at, uint32_t *ret_cie)
{
	struct cfi_cie_key key = {.at = at, .section = f->section_count - 1};
	uint64_t hash = hash_mix(key.at, key.section);
	uint32_t number = hashmap_find(&f->cie_numbers, hash, cie_key_equals, f->cie_keys, &key);
	int err;

	if (number != HASHMAP_NONE) {
		*ret_cie = number;
		return 0;
	}
	if (f->cie_count == CFI_CIES_MAX)
		return -EFBIG;
	err = array_reserve(&f->cies, &f->cies_size, f->cie_count + 1);
	if (!err)
		err = array_reserve(&f->cie_keys, &f->cie_keys_size, f->cie_count + 1);
	if (!err)
		err = hashmap_add(&f->cie_numbers, hash, f->cie_count);
	if (err)
		return err;
	f->cie_keys[f->cie_count] = key;
	f->cies[f->cie_count].is_usable = read_cie(f->arch, &f->sections[key.section], at,
						   &f->budget, &f->cies[f->cie_count]);
	*ret_cie = f->cie_count++;
	return 0;
}

/* The section's offset of the CIE that an FDE names. False: outside. */
static bool cie_offset(const struct cfi_section *section, const struct entry *entry,
		       uint64_t *ret_at)
{
	uint64_t at = (uint64_t)(entry->id_pos - section->entries.pos);

	if (section->is_debug)
		at = entry->id;
	else if (entry->id <= at)
		at -= entry->id;
	else
		return false;
	*ret_at = at;
	return at < cursor_left(&section->entries);
}

/* The length has the format of the start, but is no address. */
static bool read_range(const struct cfi_cie *cie, struct cursor *c, struct cfi_function *function)
{
	uint64_t size;

	return cfi_pointer(c, cie->encoding, cie->bases, &function->start) &&
	       cfi_pointer(c, cie->encoding & 0x0f, cie->bases, &size) && size &&
	       !__builtin_add_overflow(function->start, size, &function->end);
}

static int add_function(struct cfi_frames *f, const struct cfi_function *function)
{
	int err;

	if (f->function_count == CFI_FDES_MAX)
		return -EFBIG;
	err = array_reserve(&f->functions, &f->functions_size, f->function_count + 1);
	if (!err)
		f->functions[f->function_count++] = *function;
	return err;
}

/* *ret_is_sound false: this FDE is damaged, and left out. */
static int read_fde(struct cfi_frames *f, const struct cfi_section *section,
		    const struct entry *entry, struct cfi_function *ret_function,
		    bool *ret_is_sound)
{
	struct cursor c = entry->body;
	const struct cfi_cie *cie;
	uint64_t at, size;
	int err;

	*ret_is_sound = false;
	if (!cie_offset(section, entry, &at))
		return 0;
	err = find_cie(f, at, &ret_function->cie);
	if (err)
		return err;
	cie = &f->cies[ret_function->cie];
	if (!cie->is_usable || !read_range(cie, &c, ret_function) ||
	    (cie->has_size && (!cursor_uleb128(&c, &size) || !cursor_skip(&c, size))) ||
	    cursor_left(&c) > UINT32_MAX)
		return 0;
	ret_function->code = c.pos;
	ret_function->code_size = (uint32_t)cursor_left(&c);
	*ret_is_sound = true;
	return 0;
}

/* The copy in ->sections stays where it is: CIEs point to its bases. */
static const struct cfi_section *begin_section(struct cfi_frames *f,
					       const struct cfi_section *section)
{
	f->budget += BUDGET_FACTOR * (uint64_t)cursor_left(&section->entries) + BUDGET_LEAST;
	f->sections[f->section_count] = *section;
	return &f->sections[f->section_count++];
}

static int scan(struct cfi_frames *f, const struct cfi_section *section)
{
	struct cursor c = section->entries;
	struct cfi_function function;
	struct entry entry;
	bool is_sound;
	int err = 0;

	while (!err && cursor_left(&c) >= sizeof(uint32_t)) {
		if (!read_entry(section, &c, &entry)) {
			f->damaged++;
			break;
		}
		if (entry.body.pos == entry.body.end && entry.id_pos == entry.body.pos) {
			if (section->ends_at_zero)
				break;
			continue;
		}
		if (entry.is_cie)
			continue;
		err = read_fde(f, section, &entry, &function, &is_sound);
		if (!err && is_sound)
			err = add_function(f, &function);
		else
			f->damaged++;
	}
	return err;
}

int cfi_frames_scan(struct cfi_frames *f, const struct cfi_section *section)
{
	return scan(f, begin_section(f, section));
}

/* The FDE of one pair of the table. */
static int read_pair(struct cfi_frames *f, const struct cfi_section *section, uint64_t start,
		     uint64_t vaddr, struct cfi_function *ret_function, bool *ret_is_sound)
{
	struct cursor c = section->entries;
	struct entry entry;
	int err;

	*ret_is_sound = false;
	*ret_function = (struct cfi_function){0};
	if (vaddr < section->bases.vaddr || !cursor_skip(&c, vaddr - section->bases.vaddr) ||
	    !read_entry(section, &c, &entry) || entry.is_cie || !cursor_left(&entry.body))
		return 0;
	err = read_fde(f, section, &entry, ret_function, ret_is_sound);
	if (ret_function->start != start)
		*ret_is_sound = false;
	return err;
}

int cfi_frames_look_up(struct cfi_frames *f, const struct cfi_section *section, struct cursor table,
		       uint64_t hdr_vaddr, uint64_t count)
{
	uint32_t first = f->function_count, start, fde;
	struct cfi_function function;
	bool is_sound = count > 0;
	int err = 0;

	section = begin_section(f, section);
	for (uint64_t i = 0; !err && is_sound && i < count; i++) {
		if (!cursor_u32(&table, &start) || !cursor_u32(&table, &fde)) {
			is_sound = false;
			break;
		}
		err = read_pair(f, section, hdr_vaddr + (uint64_t)(int32_t)start,
				hdr_vaddr + (uint64_t)(int32_t)fde, &function, &is_sound);
		if (!err && is_sound)
			err = add_function(f, &function);
	}
	if (err || is_sound)
		return err;
	f->function_count = first;
	return scan(f, section);
}

uint32_t cfi_frames_rank(const struct cfi_frames *f, const struct cfi_function *function)
{
	return f->cie_keys[function->cie].section;
}

static int compare_functions(const void *left, const void *right, void *frames)
{
	const struct cfi_function *a = left, *b = right;
	uint32_t a_rank, b_rank;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	a_rank = cfi_frames_rank(frames, a);
	b_rank = cfi_frames_rank(frames, b);
	if (a_rank != b_rank)
		return a_rank < b_rank ? -1 : 1;
	return a->code < b->code ? -1 : a->code > b->code;
}

/* Through a table they come sorted. */
void cfi_frames_sort(struct cfi_frames *f)
{
	for (uint32_t i = 1; i < f->function_count; i++) {
		if (compare_functions(&f->functions[i - 1], &f->functions[i], f) <= 0)
			continue;
		qsort_r(f->functions, f->function_count, sizeof(*f->functions), compare_functions,
			f);
		return;
	}
}

void cfi_frames_run(struct cfi_frames *f, const struct cfi_function *function, uint64_t from,
		    uint64_t end, struct cursor go_code, struct cfi_rows *rows)
{
	const struct cfi_fde fde = {
		.start = function->start,
		.end = end,
		.instructions = cursor_of(function->code, function->code_size),
		.go_code = go_code,
	};

	if (function->code_size > f->budget) {
		f->damaged++;
		return;
	}
	f->budget -= function->code_size;
	if (!cfi_program_run(&f->cies[function->cie], &fde, from, rows))
		f->damaged++;
}
