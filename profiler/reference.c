/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/reference.h"

#include "base/cleanup.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <libunwind.h>
#include <string.h>

/* libunwind's names carry the machine: _Ux86_64_step(). */
#define STRING_(x) #x
#define STRING(x)  STRING_(x)
#define LIBRARY	   "libunwind-" STRING(UNW_TARGET) ".so.8"

/* Exported, though in no header. */
#define search_table UNW_OBJ(dwarf_search_unwind_table)
extern int search_table(unw_addr_space_t space, unw_word_t ip, unw_dyn_info_t *table,
			unw_proc_info_t *info, int need_unwind_info, void *context);

#define FUNCTIONS(X)                                                                               \
	X(create, unw_create_addr_space)                                                           \
	X(destroy, unw_destroy_addr_space)                                                         \
	X(set_caching, unw_set_caching_policy)                                                     \
	X(init_remote, unw_init_remote)                                                            \
	X(step, unw_step)                                                                          \
	X(get_reg, unw_get_reg)                                                                    \
	X(is_signal, unw_is_signal_frame)                                                          \
	X(search, search_table)

struct reference {
	void *library;
	unw_addr_space_t space;
#define MEMBER(member, function) __typeof__(function) *member;
	FUNCTIONS(MEMBER)

	/* Of the walk that runs. */
	const struct wick_check *check;
	const struct process_image *image;
	bool is_beyond, has_no_cfi;
};

/* --- what libunwind asks for --- */

static int access_mem(unw_addr_space_t space, unw_word_t addr, unw_word_t *word, int write,
		      void *context)
{
	struct reference *reference = context;
	const struct wick_check *check = reference->check;
	uint64_t off = addr - check->stack_at;

	(void)space;
	if (write)
		return -UNW_EREADONLYREG;
	if (off < check->stack_size && check->stack_size - off >= sizeof(*word)) {
		memcpy(word, check->stack + off, sizeof(*word));
		return 0;
	}
	if (process_image_bytes(reference->image, addr, word, sizeof(*word)))
		return 0;
	reference->is_beyond = true;
	return -UNW_EINVAL;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write,
		      void *context)
{
	const struct wick_check *check = ((struct reference *)context)->check;

	(void)space;
	if (write)
		return -UNW_EREADONLYREG;
	if (number == UNW_REG_IP)
		*value = check->ip;
	else if (number == UNW_REG_SP)
		*value = check->sp;
	else if (number >= 0 && number < WICK_CHECK_REGS)
		*value = check->reg[number];
	else
		return -UNW_EBADREG;
	return 0;
}

static int access_fpreg(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write,
			void *context)
{
	(void)space, (void)number, (void)value, (void)write, (void)context;
	return -UNW_EBADREG;
}

static bool find_header(const struct image_map *map, Elf64_Phdr *ret_segment)
{
	const struct image_file *file = map->file;
	const Elf64_Ehdr *elf = (const void *)file->bytes;

	/* image_map_bias() has checked the program headers. */
	for (unsigned int i = 0; i < elf->e_phnum; i++) {
		memcpy(ret_segment, file->bytes + elf->e_phoff + i * sizeof(*ret_segment),
		       sizeof(*ret_segment));
		if (ret_segment->p_type == PT_GNU_EH_FRAME)
			return true;
	}
	return false;
}

/* .eh_frame_hdr (LSB, "Exception Frames"): version, three encodings, address of .eh_frame, count of
 * FDEs, table of pairs. Only the encodings that all linkers write. */
static int find_table(const struct image_map *map, unw_dyn_info_t *ret_table)
{
	static const uint8_t usual[] = {1, 0x1b, 0x03, 0x3b};
	Elf64_Phdr segment;
	uint8_t header[12];
	uint32_t count;
	uint64_t bias;

	if (!image_map_bias(map, &bias) || !find_header(map, &segment) ||
	    segment.p_offset > map->file->size ||
	    sizeof(header) > map->file->size - segment.p_offset)
		return -UNW_ENOINFO;
	memcpy(header, map->file->bytes + segment.p_offset, sizeof(header));
	memcpy(&count, header + 8, sizeof(count));
	if (memcmp(header, usual, sizeof(usual)))
		return -UNW_ENOINFO;
	*ret_table = (unw_dyn_info_t){
		.format = UNW_INFO_FORMAT_REMOTE_TABLE,
		.start_ip = map->start,
		.end_ip = map->end,
	};
	ret_table->u.rti.segbase = bias + segment.p_vaddr;
	ret_table->u.rti.table_data = bias + segment.p_vaddr + sizeof(header);
	ret_table->u.rti.table_len = (uint64_t)count * 8 / sizeof(unw_word_t);
	return 0;
}

static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *info,
			  int need_unwind_info, void *context)
{
	struct reference *reference = context;
	const struct image_map *map = process_image_find(reference->image, ip);
	unw_dyn_info_t table;
	int err = map && map->file ? find_table(map, &table) : -UNW_ENOINFO;

	if (!err)
		err = reference->search(space, ip, &table, info, need_unwind_info, context);
	if (err)
		reference->has_no_cfi = true;
	return err;
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *context)
{
	/* It lies in libunwind's own pool; the library frees it there. */
	(void)space, (void)info, (void)context;
}

static int get_dyn_info_list_addr(unw_addr_space_t space, unw_word_t *addr, void *context)
{
	(void)space, (void)addr, (void)context;
	return -UNW_ENOINFO;
}

static int resume(unw_addr_space_t space, unw_cursor_t *cursor, void *context)
{
	(void)space, (void)cursor, (void)context;
	return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t space, unw_word_t addr, char *name, size_t size,
			 unw_word_t *off, void *context)
{
	(void)space, (void)addr, (void)name, (void)size, (void)off, (void)context;
	return -UNW_EINVAL;
}

/* --- life --- */

int reference_new(struct reference **ret_reference)
{
	static unw_accessors_t accessors = {
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = get_dyn_info_list_addr,
		.access_mem = access_mem,
		.access_reg = access_reg,
		.access_fpreg = access_fpreg,
		.resume = resume,
		.get_proc_name = get_proc_name,
	};
	_cleanup_(reference_freep) struct reference *reference = calloc(1, sizeof(*reference));

	if (!reference)
		return -ENOMEM;
	reference->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!reference->library)
		return -ENOENT;
#define LOOK_UP(member, function)                                                                  \
	reference->member =                                                                        \
		(__typeof__(reference->member))dlsym(reference->library, STRING(function));        \
	if (!reference->member)                                                                    \
		return -ENOTSUP;
	FUNCTIONS(LOOK_UP)
	reference->space = reference->create(&accessors, 0);
	if (!reference->space)
		return -ENOMEM;
	/* Code comes and goes, and the caches would not know. */
	reference->set_caching(reference->space, UNW_CACHE_NONE);
	*ret_reference = TAKE_PTR(reference);
	return 0;
}

void reference_free(struct reference *reference)
{
	if (!reference)
		return;
	if (reference->space)
		reference->destroy(reference->space);
	if (reference->library)
		dlclose(reference->library);
	free(reference);
}

const char *reference_end_sentence(enum reference_end end)
{
	static const char *const sentences[REFERENCE_ENDS] = {
		[REFERENCE_ROOT] = "the outermost frame",
		[REFERENCE_NO_CFI] = "code without .eh_frame that libunwind can search",
		[REFERENCE_BEYOND] = "memory that was not copied",
		[REFERENCE_REFUSED] = "libunwind cannot use what covers the pc",
		[REFERENCE_DEEP] = "deeper than is compared",
	};

	return sentences[end];
}

/* --- the walk --- */

static bool take_frame(struct reference *reference, unw_cursor_t *cursor,
		       struct reference_frame *frame)
{
	for (unsigned int i = 0; i < REFERENCE_REGS; i++) {
		unw_word_t value = 0;

		/* A register that is lost in this frame reads as 0. */
		if (reference->get_reg(cursor, i, &value) && i + 1 == REFERENCE_REGS)
			return false;
		frame->reg[i] = value;
	}
	return true;
}

static enum reference_end walk(struct reference *reference, struct reference_stack *stack)
{
	unw_cursor_t cursor;
	bool is_signal = true; /* for the leaf is interrupted, like what a handler is called from */
	int got;

	if (reference->init_remote(&cursor, reference->space, reference))
		return REFERENCE_REFUSED;
	while (stack->count < REFERENCE_DEPTH) {
		struct reference_frame *frame = &stack->frame[stack->count];

		if (!take_frame(reference, &cursor, frame) || !reference_pc(frame))
			return REFERENCE_ROOT;
		frame->is_exact = is_signal;
		stack->count++;
		is_signal = reference->is_signal(&cursor) > 0;
		frame->is_exact |= is_signal;
		reference->is_beyond = reference->has_no_cfi = false;
		got = reference->step(&cursor);
		if (reference->has_no_cfi)
			return REFERENCE_NO_CFI;
		if (reference->is_beyond)
			return REFERENCE_BEYOND;
		if (got <= 0)
			return got ? REFERENCE_REFUSED : REFERENCE_ROOT;
	}
	return REFERENCE_DEEP;
}

void reference_walk(struct reference *reference, const struct wick_check *check,
		    const struct process_image *image, struct reference_stack *ret_stack)
{
	reference->check = check;
	reference->image = image;
	ret_stack->count = 0;
	ret_stack->end = walk(reference, ret_stack);
}
