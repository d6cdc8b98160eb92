/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/names.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "formats/frames.h"
#include "profiler/jit.h"
#include "profiler/ksymbols.h"
#include "symbolizer/parser.h"
#include "symbolizer/symindex.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

enum { DEMANGLE_DEADLINE_MS = 10000, LABELS_MAX = 7, MODULES_TEXT_MAX = 4 << 20 };

/* Mangled names and what they read. */
struct demangled {
	struct strtab raw;
	struct strtab readable;
	uint32_t *forms; /* ids in readable by ids in raw, as far as asked for; 0 = as it is */
	uint32_t known, forms_size;
};

struct names {
	struct modules *modules;
	struct kallsyms *kallsyms, *kallsyms_before; /* each may be NULL */
	uint64_t modules_generation;		     /* of kallsyms */
	bool kallsyms_tried;
	struct jit *jit;

	struct demangled now, before; /* the generation that grows, and the one that ends next */
	size_t demangled_max;	      /* bytes of each, between profiles */
};

/* A frame with all that a location is made of. */
struct named {
	uint32_t mapping; /* of the profile */
	uint64_t address;
	uint32_t first, count; /* in levels, innermost first; count 0 = no name */
	enum profile_quality quality;
};

struct level {
	const char *symbol;
	uint32_t raw;	   /* its id in names->now.raw, or 0: not mangled */
	uint32_t jit;	   /* its id in maker->jit_names, instead of symbol; or 0 */
	uint32_t jit_file; /* likewise, instead of file */
	const char *file;  /* or NULL */
	uint32_t line;	   /* or 0 */
	bool is_plt;
};

/* A frame of code made at run time, for which nothing is known until its process's map is read. */
struct jit_frame {
	uint32_t module, frame;
	uint64_t addr;
};

/* What a frame of such code is called from a time on, if it is not the same in all of the window. */
struct variant {
	uint64_t from_ns; /* CLOCK_BOOTTIME */
	uint32_t frame, named;
};

/* One conversion. */
struct maker {
	struct names *names;
	const struct window *window;
	struct profile *profile;
	struct named *named; /* by frame, then those of variants */
	uint32_t named_count, named_size;
	struct variant *variants; /* by frame and time */
	uint32_t variant_count, variants_size;
	struct level *levels;
	uint32_t level_count, levels_size;
	struct jit_frame *jit_frames;
	uint32_t jit_count, jit_size;
	struct strtab jit_names;
	uint32_t *locations;	/* by named */
	struct module *modules; /* by module; valid where used */
	uint32_t *mappings;	/* by module, PROFILE_NO_MAPPING = not made yet */
	uint32_t module_count;
	bool has_kernel; /* its symbols are those of now */
	uint32_t refused_maps[PERF_MAP_REFUSALS], part_maps;
};

int names_new(struct modules *modules, size_t demangled_max, struct names **ret_names)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	names->modules = modules;
	if (jit_new(modules, &names->jit)) {
		free(names);
		return -ENOMEM;
	}
	names->demangled_max = demangled_max;
	*ret_names = names;
	return 0;
}

static void demangled_release(struct demangled *demangled)
{
	strtab_release(&demangled->raw);
	strtab_release(&demangled->readable);
	free(demangled->forms);
	*demangled = (struct demangled){0};
}

void names_free(struct names *names)
{
	if (!names)
		return;
	demangled_release(&names->now);
	demangled_release(&names->before);
	kallsyms_free(names->kallsyms);
	kallsyms_free(names->kallsyms_before);
	jit_free(names->jit);
	free(names);
}

/* --- mappings --- */

static void hex(char *ret, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sprintf(ret + 2 * i, "%02x", bytes[i]);
	ret[2 * size] = '\0';
}

static int named_mapping(struct maker *maker, const char *file, uint32_t *ret_mapping)
{
	struct profile_mapping mapping = {0};
	int err = profile_add_string(maker->profile, file, &mapping.file);

	return err ? err : profile_add_mapping(maker->profile, &mapping, ret_mapping);
}

static int add_mapping(struct maker *maker, const struct module *module, uint32_t *ret_mapping)
{
	struct profile_mapping mapping = {0};
	char id[2 * TASK_BUILD_ID_MAX + 1];
	int err;

	hex(id, module->name.build_id, module->name.build_id_size);
	err = profile_add_string(maker->profile, module->name.path, &mapping.file);
	if (!err)
		err = profile_add_string(maker->profile, id, &mapping.build_id);
	if (err)
		return err;
	if (module->index) {
		symindex_text(module->index, &mapping.start, &mapping.limit, &mapping.offset);
		mapping.has_inlines = symindex_header(module->index)->node_count > 1;
	}
	return profile_add_mapping(maker->profile, &mapping, ret_mapping);
}

static int module_mapping(struct maker *maker, uint32_t id, uint32_t *ret_mapping)
{
	int err = 0;

	if (maker->mappings[id] == PROFILE_NO_MAPPING) {
		maker->modules[id] = modules_get(maker->names->modules, id);
		err = add_mapping(maker, &maker->modules[id], &maker->mappings[id]);
	}
	if (!err)
		*ret_mapping = maker->mappings[id];
	return err;
}

/* --- symbols --- */

/* Of the list of modules with their addresses: another one where one was loaded or unloaded. */
static uint64_t module_generation(void)
{
	_cleanup_(buf_release) struct buf text = {0};
	_cleanup_close_ int fd = open("/proc/modules", O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;

	while (fd >= 0 && got > 0 && text.used < MODULES_TEXT_MAX && buf_reserve(&text, 16384)) {
		got = read(fd, text.bytes + text.used, 16384);
		text.used += got > 0 ? (size_t)got : 0;
	}
	return hash_bytes(text.bytes ? text.bytes : "", text.used);
}

/* The tables of now and of before: samples may be of modules that are gone. */
const struct kallsyms *names_kernel(struct names *names)
{
	struct kallsyms *kallsyms = NULL;
	uint64_t generation = module_generation();
	int err = kallsyms_open("/proc/kallsyms", &kallsyms);

	if (err && !names->kallsyms_tried) {
		log_warn("kernel symbols unavailable: %s; kernel frames read [kernel]",
			 err == -EACCES ? "/proc/kallsyms shows no addresses" : strerror(-err));
		log_hint("run as root, or with CAP_SYSLOG; see 'wick dump system'");
	}
	names->kallsyms_tried = true;
	if (err)
		return names->kallsyms;
	if (generation != names->modules_generation) {
		kallsyms_free(names->kallsyms_before);
		names->kallsyms_before = TAKE_PTR(names->kallsyms);
	}
	kallsyms_free(names->kallsyms);
	names->kallsyms = kallsyms;
	names->modules_generation = generation;
	return kallsyms;
}

/* Once for each profile that has kernel frames. */
static void find_kernel(struct maker *maker)
{
	struct names *names = maker->names;

	if (maker->has_kernel)
		return;
	maker->has_kernel = true;
	if (!names->kallsyms_tried ||
	    (names->kallsyms && names->modules_generation != module_generation()))
		names_kernel(names);
}

/* Code that comes and goes has had its name since it was sampled: here it may be another's. */
static bool find_symbol(const struct kallsyms *kallsyms, uint64_t addr,
			struct kallsyms_name *ret_name)
{
	return kallsyms && kallsyms_lookup(kallsyms, addr, ret_name) &&
	       !ksymbols_is_module(ret_name->module);
}

static int add_level(struct maker *maker, struct named *named, const struct level *level)
{
	if (array_reserve(&maker->levels, &maker->levels_size, maker->level_count + 1u))
		return -ENOMEM;
	maker->levels[maker->level_count++] = *level;
	named->count++;
	return 0;
}

/* "symbol\t[module]". */
static int name_code(struct maker *maker, const struct frame *frame, struct named *named)
{
	const char *name = strtab_get(&maker->window->strings, frame->name);
	const char *tab = strchr(name, '\t');
	struct level level = {.symbol = ""};
	int err = strtab_add_n(&maker->jit_names, name, (size_t)(tab - name), &level.jit);

	named->address = frame->off;
	named->quality = PROFILE_KERNEL;
	if (!err)
		err = add_level(maker, named, &level);
	return err ? err : named_mapping(maker, tab + 1, &named->mapping);
}

/* Kernel addresses are never written: they would give away where this boot put the kernel. */
static int name_kernel(struct maker *maker, const struct frame *frame, struct named *named)
{
	struct level level = {.symbol = "[kernel]"};
	struct kallsyms_name name;
	char file[80] = "[kernel.kallsyms]";
	int err;

	if (frame->name)
		return name_code(maker, frame, named);
	find_kernel(maker);
	if (find_symbol(maker->names->kallsyms, frame->off, &name) ||
	    find_symbol(maker->names->kallsyms_before, frame->off, &name)) {
		level.symbol = name.symbol;
		named->address = name.offset;
		named->quality = PROFILE_KERNEL;
		snprintf(file, sizeof(file), "[%s]",
			 *name.module ? name.module : "kernel.kallsyms");
	}
	err = add_level(maker, named, &level);
	return err ? err : named_mapping(maker, file, &named->mapping);
}

static bool is_mangled(const char *symbol)
{
	return symbol[0] == '_' && strchr("ZRD", symbol[1]) && symbol[1];
}

static int add_frame_level(struct maker *maker, struct named *named,
			   const struct symindex_frame *frame)
{
	struct level level = {.symbol = frame->function,
			      .file = frame->file,
			      .line = frame->line,
			      .is_plt = frame->is_plt};
	int err = 0;

	if (is_mangled(level.symbol))
		err = strtab_add(&maker->names->now.raw, level.symbol, &level.raw);
	return err ? err : add_level(maker, named, &level);
}

/* Of the function that was called: inlined ones are always of debug info. */
static enum profile_quality quality_of(const struct symindex_frame *frame)
{
	static const enum profile_quality qualities[SYMINDEX_SOURCES] = {
		[SYMINDEX_NONE] = PROFILE_DEBUG,
		[SYMINDEX_DYNSYM] = PROFILE_DYNSYM,
		[SYMINDEX_GO] = PROFILE_GO,
		[SYMINDEX_MINI] = PROFILE_SYMTAB, /* a part of one */
		[SYMINDEX_SYMTAB] = PROFILE_SYMTAB,
	};

	if (!frame->function)
		return PROFILE_OFFSET;
	return frame->line ? PROFILE_LINE : qualities[frame->source];
}

/* Addresses of a process stay out of the profile: code without a name has its place in a page. */
static int put_off_jit(struct maker *maker, const struct frame *frame, struct named *named)
{
	if (array_reserve(&maker->jit_frames, &maker->jit_size, maker->jit_count + 1u))
		return -ENOMEM;
	maker->jit_frames[maker->jit_count++] = (struct jit_frame){
		.module = frame->module,
		.frame = (uint32_t)(named - maker->named),
		.addr = frame->off,
	};
	named->address = frame->off & 0xfff;
	return named_mapping(maker, "[anon]", &named->mapping);
}

static int name_user(struct maker *maker, const struct frame *frame, struct named *named)
{
	struct symindex_frame frames[SYMINDEX_DEPTH_MAX];
	const struct module *module;
	uint32_t count;
	int err = module_mapping(maker, frame->module, &named->mapping);

	if (err)
		return err;
	module = &maker->modules[frame->module];
	if (module->name.kind == MODULE_JIT)
		return put_off_jit(maker, frame, named);
	named->address = module_vaddr(module, frame->off);
	named->quality = PROFILE_OFFSET;
	if (!module->index)
		return 0;
	count = symindex_frames(module->index, named->address, frames, SYMINDEX_DEPTH_MAX);
	named->quality = quality_of(&frames[count - 1]);
	for (uint32_t i = 0; !err && i < count && frames[i].function; i++)
		err = add_frame_level(maker, named, &frames[i]);
	return err;
}

static int name_frame(struct maker *maker, const struct frame *frame, struct named *named)
{
	const struct level unmapped = {.symbol = "[unmapped]"},
			   gap = {.symbol = "[frames left out]"};
	int err;

	*named = (struct named){.mapping = PROFILE_NO_MAPPING,
				.first = maker->level_count,
				.quality = PROFILE_NAMELESS};
	if (frame->module == FRAME_KERNEL)
		return name_kernel(maker, frame, named);
	if (frame->module == FRAME_GAP) {
		err = add_level(maker, named, &gap);
		return err ? err : named_mapping(maker, "[unwinding]", &named->mapping);
	}
	if (frame->module != FRAME_UNMAPPED)
		return name_user(maker, frame, named);
	err = add_level(maker, named, &unmapped);
	return err ? err : named_mapping(maker, "[unmapped]", &named->mapping);
}

static int compare_jit_frames(const void *left, const void *right)
{
	const struct jit_frame *a = left, *b = right;

	if (a->module != b->module)
		return a->module < b->module ? -1 : 1;
	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

static int set_jit_name(struct maker *maker, const struct jit_frame *frame, uint32_t at,
			const struct jit_name *name)
{
	struct level level = {.symbol = "", .line = name->line};
	struct named *named;
	int err = strtab_add(&maker->jit_names, name->symbol, &level.jit);

	if (!err && name->file)
		err = strtab_add(&maker->jit_names, name->file, &level.jit_file);
	if (err)
		return err;
	named = &maker->named[at];
	named->address = frame->addr - name->start;
	named->quality = PROFILE_JIT;
	named->first = maker->level_count;
	err = add_level(maker, named, &level);
	return err ? err : module_mapping(maker, frame->module, &named->mapping);
}

static int add_variant(struct maker *maker, uint32_t frame, uint64_t from_ns, uint32_t *ret_named)
{
	int err = array_reserve(&maker->variants, &maker->variants_size, maker->variant_count + 1u);

	if (!err)
		err = array_reserve(&maker->named, &maker->named_size, maker->named_count + 1u);
	if (err)
		return err;
	/* As it is without a name, for where it has none. */
	maker->named[maker->named_count] = maker->named[frame];
	maker->variants[maker->variant_count++] =
		(struct variant){from_ns, frame, maker->named_count};
	*ret_named = maker->named_count++;
	return 0;
}

/* Other code came to the frame's address while the window was open: one named thing for each. */
static int name_by_time(struct maker *maker, const struct jit_frame *frame,
			const struct jit_names *names, uint64_t start_ns, uint64_t end_ns)
{
	uint64_t boot_ns = maker->window->start_ns - start_ns, next_ns = start_ns;
	int err = 0;

	for (uint64_t at_ns = start_ns; !err && at_ns <= end_ns; at_ns = next_ns) {
		struct jit_name name;
		uint32_t named;

		next_ns = jit_names_until(names, frame->addr, at_ns);
		err = add_variant(maker, frame->frame, at_ns + boot_ns, &named);
		if (!err && jit_names_find(names, frame->addr, at_ns, &name))
			err = set_jit_name(maker, frame, named, &name);
	}
	return err;
}

/* The clock of the writers stands still while the machine sleeps, ours does not. */
static uint64_t slept_ns(void)
{
	return clock_boot_ns() - (uint64_t)clock_ns(CLOCK_MONOTONIC);
}

/* The frames of one process. */
static int name_jit_process(struct maker *maker, const struct jit_frame *frames, uint32_t count)
{
	_cleanup_free_ uint64_t *addrs = calloc(count, sizeof(*addrs));
	uint64_t start_ns = maker->window->start_ns - slept_ns();
	uint64_t end_ns = start_ns + (maker->window->end_ns - maker->window->start_ns);
	enum perf_map_refusal refusal;
	const struct jit_names *names;
	int err = 0;

	if (!addrs)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		addrs[i] = frames[i].addr;
	names = jit_ask(maker->names->jit, frames->module, addrs, count, &refusal);
	maker->refused_maps[refusal]++;
	maker->part_maps += names && jit_names_is_part(names);
	for (uint32_t i = 0; !err && names && i < count; i++) {
		const struct jit_frame *frame = &frames[i];
		struct jit_name name;

		if (maker->window->moment_count &&
		    jit_names_until(names, frame->addr, start_ns) <= end_ns)
			err = name_by_time(maker, frame, names, start_ns, end_ns);
		else if (jit_names_find(names, frame->addr, end_ns, &name))
			err = set_jit_name(maker, frame, frame->frame, &name);
	}
	return err;
}

/* One process at a time: somebody else decides how large its answer is. */
static int name_jit_frames(struct maker *maker)
{
	const struct jit_frame *frames = maker->jit_frames;
	uint32_t next;
	int err = 0;

	if (!maker->jit_count)
		return 0;
	qsort(maker->jit_frames, maker->jit_count, sizeof(*frames), compare_jit_frames);
	for (uint32_t first = 0; !err && first < maker->jit_count; first = next) {
		for (next = first + 1; next < maker->jit_count; next++)
			if (frames[next].module != frames[first].module)
				break;
		err = name_jit_process(maker, frames + first, next - first);
	}
	return err;
}

/* --- demangling --- */

static size_t demangled_bytes(const struct demangled *demangled)
{
	return strtab_bytes(&demangled->raw) + strtab_bytes(&demangled->readable) +
	       demangled->forms_size * sizeof(*demangled->forms);
}

/* Programs come and go, and their names with them: what two generations have not asked for is
 * forgotten. Between profiles, for levels have ids of this one. */
static void turn_generation(struct names *names)
{
	if (demangled_bytes(&names->now) <= names->demangled_max)
		return;
	demangled_release(&names->before);
	names->before = names->now;
	names->now = (struct demangled){0};
}

/* What the generation before knows of a name; false: nothing. */
static bool recall(const struct names *names, const char *raw, const char **ret_form)
{
	const struct demangled *before = &names->before;
	uint32_t id;

	if (strtab_find(&before->raw, raw, &id) || id >= before->known)
		return false;
	*ret_form = before->forms[id] ? strtab_get(&before->readable, before->forms[id]) : NULL;
	return true;
}

/* Those of the new names that nobody knows, by their ids. */
static uint32_t list_unknown(struct names *names, uint32_t *ids, const char **raw)
{
	struct demangled *now = &names->now;
	uint32_t count = 0;

	for (uint32_t id = now->known; id < strtab_count(&now->raw); id++) {
		const char *name = strtab_get(&now->raw, id), *form = NULL;

		now->forms[id] = 0;
		if (recall(names, name, &form)) {
			if (form && strtab_add(&now->readable, form, &now->forms[id]))
				now->forms[id] = 0;
			continue;
		}
		ids[count] = id;
		raw[count++] = name;
	}
	return count;
}

/* Asks one child for the readable forms of all mangled names that are new. */
static int demangle_new(struct names *names)
{
	struct demangled *now = &names->now;
	uint32_t count = strtab_count(&now->raw), unknown;
	_cleanup_free_ const char **raw = NULL;
	_cleanup_free_ char **readable = NULL;
	_cleanup_free_ uint32_t *ids = NULL;
	int err;

	if (now->known >= count)
		return 0;
	raw = calloc(count - now->known, sizeof(*raw));
	ids = calloc(count - now->known, sizeof(*ids));
	err = array_reserve(&now->forms, &now->forms_size, count);
	if (err || !raw || !ids)
		return -ENOMEM;
	unknown = list_unknown(names, ids, raw);
	now->known = count;
	err = unknown ? parser_demangle(raw, unknown, DEMANGLE_DEADLINE_MS, &readable) : 0;
	if (err)
		log_warn("C++ and Rust names stay mangled: %s", parser_error(err));
	for (uint32_t i = 0; !err && i < unknown; i++)
		if (readable[i] && strtab_add(&now->readable, readable[i], &now->forms[ids[i]]))
			now->forms[ids[i]] = 0;
	return 0;
}

/* NULL: it stays as it is. */
static const char *readable_form(const struct names *names, uint32_t raw)
{
	const struct demangled *now = &names->now;

	return raw && now->forms[raw] ? strtab_get(&now->readable, now->forms[raw]) : NULL;
}

/* --- profile --- */

static int add_function(struct maker *maker, const struct level *level, uint32_t *ret_function)
{
	const char *readable = readable_form(maker->names, level->raw);
	const char *symbol = level->jit ? strtab_get(&maker->jit_names, level->jit) : level->symbol;
	const char *file =
		level->jit_file ? strtab_get(&maker->jit_names, level->jit_file) : level->file;
	struct profile_function function = {0};
	char plt[1024];
	int err;

	if (!readable)
		readable = symbol;
	if (level->is_plt) {
		snprintf(plt, sizeof(plt), "%s@plt", readable);
		readable = plt;
	}
	err = profile_add_string(maker->profile, readable, &function.name);
	if (!err)
		err = profile_add_string(maker->profile, symbol, &function.system_name);
	if (!err)
		err = profile_add_string(maker->profile, file, &function.file);
	return err ? err : profile_add_function(maker->profile, &function, ret_function);
}

static int add_location(struct maker *maker, uint32_t at)
{
	const struct named *named = &maker->named[at];
	struct profile_location location = {.mapping = named->mapping,
					    .address = named->address,
					    .quality = (uint8_t)named->quality};
	struct profile_line lines[SYMINDEX_DEPTH_MAX] = {0};
	int err = 0;

	for (uint32_t i = 0; !err && i < named->count; i++) {
		const struct level *level = &maker->levels[named->first + i];

		lines[i].line = level->line;
		err = add_function(maker, level, &lines[i].function);
	}
	return err ? err
		   : profile_add_location(maker->profile, &location, lines, named->count,
					  &maker->locations[at]);
}

/* What a mapping is said to have, all its locations have. */
static void judge_location(struct profile *profile, const struct profile_location *location)
{
	struct profile_mapping *mapping = &profile->mappings[location->mapping];

	mapping->has_functions &= frame_is_named(profile, location, 0);
	mapping->has_lines &= location->line_count > 0;
	mapping->has_filenames &= location->line_count > 0;
	for (uint32_t i = 0; i < location->line_count; i++) {
		const struct profile_line *line = &profile->lines[location->line_first + i];

		mapping->has_lines &= line->line > 0;
		mapping->has_filenames &= profile->functions[line->function].file != 0;
	}
}

static void judge_mappings(struct profile *profile)
{
	for (uint32_t i = 0; i < profile->location_count; i++) {
		struct profile_mapping *mapping = &profile->mappings[profile->locations[i].mapping];

		mapping->has_functions = mapping->has_filenames = mapping->has_lines = true;
	}
	for (uint32_t i = 0; i < profile->location_count; i++)
		judge_location(profile, &profile->locations[i]);
	for (uint32_t i = 0; i < profile->mapping_count; i++)
		profile->mappings[i].has_inlines &= profile->mappings[i].has_lines;
}

static int add_locations(struct maker *maker)
{
	const struct window *window = maker->window;
	int err = 0;

	for (uint32_t i = 0; !err && i < window->frame_count; i++)
		err = name_frame(maker, &window->frames[i], &maker->named[i]);
	if (!err)
		err = name_jit_frames(maker);
	if (!err)
		err = demangle_new(maker->names);
	maker->locations = calloc(maker->named_count + 1u, sizeof(*maker->locations));
	if (!err && !maker->locations)
		err = -ENOMEM;
	for (uint32_t i = 0; !err && i < maker->named_count; i++)
		err = add_location(maker, i);
	if (!err)
		judge_mappings(maker->profile);
	return err;
}

/* Numbers that are 0 are left out. */
static int add_number(struct maker *maker, const char *key, uint32_t number,
		      struct profile_label *labels, uint32_t *count)
{
	return number ? profile_make_number(maker->profile, key, number, &labels[(*count)++]) : 0;
}

static int add_text(struct maker *maker, const char *key, uint32_t string,
		    struct profile_label *labels, uint32_t *count)
{
	return profile_make_label(maker->profile, key, strtab_get(&maker->window->strings, string),
				  &labels[(*count)++]);
}

static int add_labels(struct maker *maker, const struct window_count *count,
		      struct profile_label labels[LABELS_MAX], uint32_t *ret_count)
{
	uint32_t n = 0;
	int err = add_text(maker, "comm", count->comm, labels, &n);

	if (!err)
		err = add_number(maker, "pid", count->pid, labels, &n);
	if (!err)
		err = add_number(maker, "nspid", count->ns_pid, labels, &n);
	if (!err && count->tid)
		err = add_text(maker, "thread", count->thread, labels, &n);
	if (!err)
		err = add_number(maker, "tid", count->tid, labels, &n);
	if (!err)
		err = add_number(maker, "nstid", count->ns_tid, labels, &n);
	if (!err && count->cut)
		err = profile_make_label(maker->profile, "cut", ledger_cut(count->cut),
					 &labels[n++]);
	*ret_count = n;
	return err;
}

/* What a frame was called at a time. */
static uint32_t location_at(const struct maker *maker, uint32_t frame, uint64_t when_ns)
{
	const struct variant *v = maker->variants;
	uint32_t low = 0, high = maker->variant_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (v[middle].frame < frame ||
		    (v[middle].frame == frame && v[middle].from_ns <= when_ns))
			low = middle + 1;
		else
			high = middle;
	}
	if (low && v[low - 1].frame == frame)
		return maker->locations[v[low - 1].named];
	return maker->locations[frame];
}

static int add_ticks(struct maker *maker, const struct window_count *count, uint64_t when_ns,
		     uint64_t ticks)
{
	struct profile_label labels[LABELS_MAX];
	uint32_t locations[WICK_DEPTH_MAX + WICK_DEPTH], n = 0, label_count;
	int64_t values[2] = {(int64_t)ticks, (int64_t)ticks * maker->profile->period};
	int err = add_labels(maker, count, labels, &label_count);

	for (uint32_t at = count->node; at != NODE_NONE && n < ARRAY_SIZE(locations);
	     at = maker->window->nodes[at].parent)
		locations[n++] = location_at(maker, maker->window->nodes[at].frame, when_ns);
	return err ? err
		   : profile_add_sample(maker->profile, locations, n, labels, label_count, values);
}

static int compare_variants(const void *left, const void *right)
{
	const struct variant *a = left, *b = right;

	if (a->frame != b->frame)
		return a->frame < b->frame ? -1 : 1;
	return a->from_ns < b->from_ns ? -1 : a->from_ns > b->from_ns;
}

/* Where names depend on the time each sample goes its own way; equal ones meet in the profile. */
static int add_samples(struct maker *maker)
{
	const struct window *window = maker->window;
	_cleanup_free_ uint64_t *told = calloc(window->count_count + 1u, sizeof(*told));
	int err = told ? 0 : -ENOMEM;

	if (maker->variant_count)
		qsort(maker->variants, maker->variant_count, sizeof(*maker->variants),
		      compare_variants);
	for (uint32_t i = 0; !err && maker->variant_count && i < window->moment_count; i++) {
		const struct window_moment *moment = &window->moments[i];

		told[moment->count] += moment->ticks;
		err = add_ticks(maker, &window->counts[moment->count], moment->time_ns,
				moment->ticks);
	}
	for (uint32_t i = 0; !err && i < window->count_count; i++)
		if (window->counts[i].ticks != told[i])
			err = add_ticks(maker, &window->counts[i], window->end_ns,
					window->counts[i].ticks - told[i]);
	return err;
}

/* As for other modules: "no names: [anon]: .." */
static int add_map_comments(struct maker *maker)
{
	char text[128];
	int err = 0;

	for (unsigned int i = PERF_MAP_NOT_REFUSED + 1; !err && i < PERF_MAP_REFUSALS; i++) {
		if (!maker->refused_maps[i])
			continue;
		snprintf(text, sizeof(text), "no names: [anon]: perf maps refused: %u: %s",
			 maker->refused_maps[i], perf_map_refusal_text(i));
		err = profile_add_comment(maker->profile, text);
	}
	if (err || !maker->part_maps)
		return err;
	snprintf(text, sizeof(text),
		 "perf maps read in part: %u: of one, %d MiB and %d lines are read",
		 maker->part_maps, PERF_MAP_BYTES_MAX >> 20, PERF_MAP_LINES_MAX);
	return profile_add_comment(maker->profile, text);
}

/* "module libfoo.so: the file was replaced" */
static int add_comments(struct maker *maker, unsigned int hz, const char *event)
{
	struct utsname host;
	char text[512];
	int err;

	snprintf(text, sizeof(text), "wick %s: %s at %u Hz", WICK_VERSION, event, hz);
	err = profile_add_comment(maker->profile, text);
	if (!err && maker->window->hz > 0) {
		snprintf(text, sizeof(text), "throttled by the kernel to %.1f Hz",
			 maker->window->hz);
		err = profile_add_comment(maker->profile, text);
	}
	if (!err && !uname(&host)) {
		snprintf(text, sizeof(text), "host: %s, %s %s", host.nodename, host.sysname,
			 host.release);
		err = profile_add_comment(maker->profile, text);
	}
	if (!err && maker->window->by_row + maker->window->by_fp) {
		snprintf(text, sizeof(text),
			 "callers in distinct user stacks: %llu by unwind rows, %llu by frame "
			 "pointer",
			 (unsigned long long)maker->window->by_row,
			 (unsigned long long)maker->window->by_fp);
		err = profile_add_comment(maker->profile, text);
	}
	for (uint32_t i = 0; !err && i < maker->module_count; i++) {
		const struct module *module = &maker->modules[i];

		const char *why = symindex_debug_problem(module->index);

		if (maker->mappings[i] == PROFILE_NO_MAPPING || module->name.kind != MODULE_FILE)
			continue;
		if (module->is_rewritten && module->state != MODULE_FAILED)
			snprintf(text, sizeof(text),
				 "replaced in place: %s: where it was mapped before, names are of "
				 "what it was then",
				 module->name.path);
		else if (module->state == MODULE_FAILED)
			snprintf(text, sizeof(text), "no names: %s: %s", module->name.path,
				 module->why);
		else if (why)
			snprintf(text, sizeof(text), "%s: %s: %s",
				 symindex_has_lines(module->index) ? "not all inlined calls"
								   : "no lines",
				 module->name.path, why);
		else
			continue;
		err = profile_add_comment(maker->profile, text);
	}
	return err;
}

static int make(struct maker *maker, unsigned int hz, const char *event)
{
	const struct window *window = maker->window;
	int err = profile_init_cpu(maker->profile, hz);

	if (window->hz > 0)
		maker->profile->period = (int64_t)(1e9 / window->hz);
	maker->profile->time_ns = window->wall_ns;
	maker->profile->duration_ns = (int64_t)(window->end_ns - window->start_ns);
	if (!err)
		err = add_locations(maker);
	if (!err)
		err = add_samples(maker);
	if (!err)
		err = add_comments(maker, hz, event);
	if (!err)
		err = add_map_comments(maker);
	return err ? err : ledger_store(&window->ledger, maker->profile);
}

int names_profile(struct names *names, const struct window *window, unsigned int hz,
		  const char *event, struct profile **ret_profile)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	uint32_t modules = modules_count(names->modules);
	_cleanup_free_ struct module *module = calloc(modules + 1u, sizeof(*module));
	_cleanup_free_ uint32_t *mappings = malloc((modules + 1u) * sizeof(*mappings));
	struct maker maker = {.names = names,
			      .window = window,
			      .named_count = window->frame_count,
			      .modules = module,
			      .mappings = mappings,
			      .module_count = modules};
	int err;

	if (!module || !mappings ||
	    array_reserve(&maker.named, &maker.named_size, window->frame_count + 1u) ||
	    !maker.named)
		return -ENOMEM;
	memset(mappings, 0xff, (modules + 1u) * sizeof(*mappings));
	turn_generation(names);
	err = profile_new(&profile);
	maker.profile = profile;
	if (!err)
		err = make(&maker, hz, event);
	free(maker.named);
	free(maker.variants);
	free(maker.locations);
	free(maker.levels);
	free(maker.jit_frames);
	strtab_release(&maker.jit_names);
	modules_rest(names->modules);
	if (err)
		return err;
	*ret_profile = TAKE_PTR(profile);
	return 0;
}

void names_tell_memory(const struct names *names, memory_take take, void *context)
{
	const struct memory_item readable = {
		.name = "readable_names",
		.sentence = "readable forms of names, between profiles",
		.entries = names->now.known + names->before.known,
		.bytes = demangled_bytes(&names->now) + demangled_bytes(&names->before)};
	const struct memory_item kernel = {
		.name = "kernel_symbols",
		.sentence = "of the kernel's symbols",
		.bytes = names->kallsyms ? kallsyms_bytes(names->kallsyms) : 0};

	take(context, &readable);
	take(context, &kernel);
}
