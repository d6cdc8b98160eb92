/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/unwind_check.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/quote.h"
#include "profiler/ledger.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const end_names[] = {
#define WICK_END(name, sentence) #name,
#include "bpf/stats.def"
};

/* How a sample came out: the first `equal` of wick's pcs after the leaf are libunwind's. */
struct verdict {
	size_t equal;
	size_t open, different; /* pcs, of either, that come after these */
};

int unwind_check_init(struct unwind_check *check, const char *cases, unsigned int cases_max)
{
	*check = (struct unwind_check){.cases = cases, .cases_left = cases ? cases_max : 0};
	return reference_new(&check->reference);
}

void unwind_check_release(struct unwind_check *check)
{
	for (size_t i = 0; i < check->module_count; i++)
		free(check->modules[i].path);
	free(check->modules);
	for (size_t i = 0; i < UNWIND_CHECK_IMAGES; i++)
		process_image_free(check->images[i].image);
	reference_free(check->reference);
}

/* --- images --- */

static bool has_code(const struct process_image *image, const struct wick_check *sample)
{
	for (size_t i = 0; i < sample->n && i < ARRAY_SIZE(sample->pc); i++) {
		const struct image_map *map =
			process_image_find(image, sample->pc[i] & WICK_PC_ADDR);

		if (sample->pc[i] != WICK_PC_GAP && (!map || !map->is_executable))
			return false;
	}
	return true;
}

/* The entry of the sample's process; else the one that was used least lately, emptied. */
static struct unwind_check_image *image_slot(struct unwind_check *check,
					     const struct wick_check *sample)
{
	struct unwind_check_image *oldest = &check->images[0];

	for (size_t i = 0; i < UNWIND_CHECK_IMAGES; i++) {
		struct unwind_check_image *slot = &check->images[i];

		if (slot->image && slot->pid == (pid_t)sample->pid &&
		    slot->start_ns == sample->start_ns && slot->exec_id == sample->exec_id)
			return slot;
		if (slot->used < oldest->used)
			oldest = slot;
	}
	process_image_free(oldest->image);
	*oldest = (struct unwind_check_image){.pid = (pid_t)sample->pid,
					      .start_ns = sample->start_ns,
					      .exec_id = sample->exec_id};
	return oldest;
}

/* Read again when a pc is in no code that is known: a library has been loaded since. */
static const struct process_image *find_image(struct unwind_check *check,
					      const struct wick_check *sample)
{
	struct unwind_check_image *slot = image_slot(check, sample);
	struct process_image *image;

	slot->used = ++check->turn;
	if (slot->image && has_code(slot->image, sample))
		return slot->image;
	if (process_image_read(slot->pid, &image))
		return slot->image;
	process_image_free(slot->image);
	slot->image = image;
	return image;
}

/* --- comparing --- */

static bool is_complete(const struct wick_check *sample)
{
	return sample->end <= WICK_END_LAST_COMPLETE;
}

static struct verdict compare(const struct wick_check *sample, const struct reference_stack *stack)
{
	size_t n = sample->n < ARRAY_SIZE(sample->pc) ? sample->n : ARRAY_SIZE(sample->pc);
	size_t longer = n > stack->count ? n : stack->count, i = 1;

	while (i < n && i < stack->count &&
	       (sample->pc[i] & WICK_PC_ADDR) == reference_pc(&stack->frame[i]))
		i++;
	if (i < n && sample->pc[i] == WICK_PC_GAP)
		return (struct verdict){i - 1, n - i, 0};
	if (i >= n && i >= stack->count) {
		/* Both end here; with the same right? */
		if (stack->end != REFERENCE_ROOT || is_complete(sample))
			return (struct verdict){i - 1, 0, 0};
		return (struct verdict){i - 1, 0, 1};
	}
	if (i >= stack->count && stack->end != REFERENCE_ROOT)
		return (struct verdict){i - 1, n - i, 0};
	if (i >= n && (sample->end == WICK_END_depth || sample->end == WICK_END_gap))
		return (struct verdict){i - 1, longer - i, 0};
	return (struct verdict){i - 1, 0, longer - i};
}

static struct unwind_check_module *find_module(struct unwind_check *check,
					       const struct process_image *image, uint64_t addr)
{
	const struct image_map *map = process_image_find(image, addr);
	const char *path = map && map->file ? map->file->path : "[anonymous]";
	struct unwind_check_module *module;

	for (size_t i = 0; i < check->module_count; i++)
		if (!strcmp(check->modules[i].path, path))
			return &check->modules[i];
	if (array_reserve(&check->modules, &check->modules_size, check->module_count + 1))
		return NULL;
	module = &check->modules[check->module_count];
	*module = (struct unwind_check_module){.path = strdup(path)};
	if (!module->path)
		return NULL;
	check->module_count++;
	return module;
}

static void count(struct unwind_check *check, const struct process_image *image,
		  const struct wick_check *sample, const struct verdict *verdict)
{
	struct unwind_check_module *module;

	for (size_t i = 0; i <= verdict->equal; i++) {
		module = find_module(check, image, sample->pc[i] & WICK_PC_ADDR);
		if (!module)
			return;
		if (i < verdict->equal) {
			module->equal++;
		} else {
			module->open += verdict->open;
			module->different += verdict->different;
		}
	}
}

/* --- cases --- */

/* "libc.so.6 0x27249": file and vaddr, for readelf. */
static void put_place(struct buf *text, const struct process_image *image, uint64_t addr)
{
	const struct image_map *map = process_image_find(image, addr);
	char shown[256];
	uint64_t bias;

	if (map && map->file && image_map_bias(map, &bias))
		buf_printf(text, " %#" PRIx64 " %s", addr - bias,
			   quote(shown, sizeof(shown), map->file->path));
	else
		buf_printf(text, " %#" PRIx64 " %s", addr, "[anonymous]");
}

static void put_wick(struct buf *text, const struct process_image *image,
		     const struct wick_check *sample)
{
	for (size_t i = 0; i < sample->n && i < ARRAY_SIZE(sample->pc); i++) {
		uint64_t pc = sample->pc[i];

		buf_printf(text, "wick %zu %#" PRIx64 " %s %s", i, (uint64_t)(pc & WICK_PC_ADDR),
			   pc & WICK_PC_BY_FP ? "fp" : "row",
			   pc & WICK_PC_EXACT ? "exact" : "returns");
		put_place(text, image, pc & WICK_PC_ADDR);
		buf_add_char(text, '\n');
	}
	buf_printf(text, "wick-end %s\n", end_names[sample->end % ARRAY_SIZE(end_names)]);
}

static void put_reference(struct buf *text, const struct process_image *image,
			  const struct reference_stack *stack)
{
	for (size_t i = 0; i < stack->count; i++) {
		const struct reference_frame *frame = &stack->frame[i];

		buf_printf(text, "libunwind %zu %#" PRIx64 " %s", i, reference_pc(frame),
			   frame->is_exact ? "exact" : "returns");
		put_place(text, image, reference_pc(frame));
		buf_add_str(text, " regs");
		for (unsigned int r = 0; r < REFERENCE_REGS; r++)
			buf_printf(text, " %" PRIx64, frame->reg[r]);
		buf_add_char(text, '\n');
	}
	buf_printf(text, "libunwind-end %s\n", reference_end_sentence(stack->end));
}

/* What both walks had and gave, as lines of words; the stack as 64-bit words in hex. */
static void put_case(struct buf *text, const struct process_image *image,
		     const struct wick_check *sample, const struct reference_stack *stack,
		     const struct verdict *verdict)
{
	buf_printf(text, "# wick check-unwind: the step from frame %zu differs\n", verdict->equal);
	buf_printf(text, "step %zu\npid %u tid %u\nip %#" PRIx64 "\nsp %#" PRIx64 "\nregs",
		   verdict->equal, sample->pid, sample->tid, (uint64_t)sample->ip,
		   (uint64_t)sample->sp);
	for (unsigned int r = 0; r < WICK_CHECK_REGS; r++)
		buf_printf(text, " %" PRIx64, (uint64_t)sample->reg[r]);
	buf_add_char(text, '\n');
	put_wick(text, image, sample);
	put_reference(text, image, stack);
	for (size_t i = 0; i < image->count; i++) {
		const struct image_map *map = &image->maps[i];
		char shown[256];

		if (map->is_executable)
			buf_printf(text, "map %" PRIx64 "-%" PRIx64 " %" PRIx64 " %s\n", map->start,
				   map->end, map->off,
				   map->file ? quote(shown, sizeof(shown), map->file->path)
					     : "[anonymous]");
	}
	for (uint32_t off = 0; off + 8 <= sample->stack_size && off < WICK_CHECK_STACK; off += 8) {
		uint64_t word;

		memcpy(&word, sample->stack + off, sizeof(word));
		if (off % 64 == 0)
			buf_printf(text, "\nstack %#" PRIx64, (uint64_t)sample->stack_at + off);
		buf_printf(text, " %" PRIx64, word);
	}
	buf_add_char(text, '\n');
}

static void save_case(struct unwind_check *check, const struct process_image *image,
		      const struct wick_check *sample, const struct reference_stack *stack,
		      const struct verdict *verdict)
{
	_cleanup_(buf_release) struct buf text = {0};
	_cleanup_close_ int fd = -1;
	char path[512];

	check->case_count++;
	if (!check->cases_left)
		return;
	check->cases_left--;
	put_case(&text, image, sample, stack, verdict);
	snprintf(path, sizeof(path), "%s/case-%u.txt", check->cases, check->case_count);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && !buf_error(&text))
		(void)file_write_all(fd, text.bytes, text.used);
}

void unwind_check_sample(struct unwind_check *check, const struct wick_check *sample)
{
	const struct process_image *image;
	struct reference_stack stack;
	struct verdict verdict;

	if (!sample->n)
		return;
	if (sample->end == WICK_END_no_tables) {
		check->no_tables++;
		return;
	}
	image = find_image(check, sample);
	if (!image) {
		check->gone++;
		return;
	}
	check->stacks++;
	reference_walk(check->reference, sample, image, &stack);
	check->ends[stack.end]++;
	verdict = compare(sample, &stack);
	count(check, image, sample, &verdict);
	if (verdict.different)
		save_case(check, image, sample, &stack, &verdict);
}

/* --- sums --- */

struct unwind_check_module unwind_check_sum(const struct unwind_check *check)
{
	struct unwind_check_module sum = {0};

	for (size_t i = 0; i < check->module_count; i++) {
		sum.equal += check->modules[i].equal;
		sum.open += check->modules[i].open;
		sum.different += check->modules[i].different;
	}
	return sum;
}

static int by_size(const void *left, const void *right)
{
	const struct unwind_check_module *a = left, *b = right;
	uint64_t of_a = a->equal + a->open + a->different, of_b = b->equal + b->open + b->different;

	return of_a < of_b ? 1 : of_a > of_b ? -1 : 0;
}

static void print_module(const struct unwind_check_module *module, const char *name,
			 struct buf *text)
{
	char shown[256];

	buf_printf(text, "%10" PRIu64 "%10" PRIu64 "%10" PRIu64 "  %s\n", module->equal,
		   module->different, module->open, quote(shown, sizeof(shown), name));
}

void unwind_check_print(const struct unwind_check *check, struct buf *text)
{
	struct unwind_check_module sum = unwind_check_sum(check);

	qsort(check->modules, check->module_count, sizeof(*check->modules), by_size);
	buf_add_str(text, "     equal different      open  pcs reached from\n");
	for (size_t i = 0; i < check->module_count; i++)
		print_module(&check->modules[i], check->modules[i].path, text);
	print_module(&sum, "all", text);
	buf_printf(text,
		   "%" PRIu64 " stacks; left out: %" PRIu64 " walked without tables, %" PRIu64
		   " whose process had gone\n",
		   check->stacks, check->no_tables, check->gone);
	for (unsigned int i = 0; i < REFERENCE_ENDS; i++)
		if (check->ends[i])
			buf_printf(text, "%10" PRIu64 " ended at: %s\n", check->ends[i],
				   reference_end_sentence(i));
}
