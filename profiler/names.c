/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/names.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "formats/frames.h"
#include "symbolizer/kallsyms.h"
#include "symbolizer/parser.h"
#include "symbolizer/perf_map.h"
#include "symbolizer/symindex.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

enum { DEMANGLE_DEADLINE_MS = 10000, LABELS_MAX = 7 };

/* Mangled names and what they read. */
struct demangled {
	struct strtab raw;
	struct strtab readable;
	uint32_t *forms; /* ids in readable by ids in raw, as far as asked for; 0 = as it is */
	uint32_t known, forms_size;
};

struct names {
	struct modules *modules;
	struct kallsyms *kallsyms;
	bool kallsyms_tried;

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
	uint32_t raw;	  /* its id in names->now.raw, or 0: not mangled */
	uint32_t jit;	  /* its id in maker->jit_names, instead of symbol; or 0 */
	const char *file; /* or NULL */
	uint32_t line;	  /* or 0 */
	bool is_plt;
};

/* A frame of code made at run time, for which nothing is known until its process's map is read. */
struct jit_frame {
	uint32_t module, frame;
	uint64_t addr;
};

/* One conversion. */
struct maker {
	struct names *names;
	const struct window *window;
	struct profile *profile;
	struct named *named; /* by frame */
	struct level *levels;
	uint32_t level_count, levels_size;
	struct jit_frame *jit_frames;
	uint32_t jit_count, jit_size;
	struct strtab jit_names;
	uint32_t *locations;	/* by frame */
	struct module *modules; /* by module; valid where used */
	uint32_t *mappings;	/* by module, PROFILE_NO_MAPPING = not made yet */
	uint32_t module_count;
};

int names_new(struct modules *modules, size_t demangled_max, struct names **ret_names)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	names->modules = modules;
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

static const struct kallsyms *kernel_symbols(struct names *names)
{
	int err;

	if (names->kallsyms_tried)
		return names->kallsyms;
	names->kallsyms_tried = true;
	err = kallsyms_open("/proc/kallsyms", &names->kallsyms);
	if (err) {
		log_warn("kernel symbols unavailable: %s; kernel frames read [kernel]",
			 err == -EACCES ? "/proc/kallsyms shows no addresses" : strerror(-err));
		log_hint("run as root, or with CAP_SYSLOG; see 'wick dump system'");
	}
	return names->kallsyms;
}

static int add_level(struct maker *maker, struct named *named, const struct level *level)
{
	if (array_reserve(&maker->levels, &maker->levels_size, maker->level_count + 1u))
		return -ENOMEM;
	maker->levels[maker->level_count++] = *level;
	named->count++;
	return 0;
}

/* Kernel addresses are never written: they would give away where this boot put the kernel. */
static int name_kernel(struct maker *maker, const struct frame *frame, struct named *named)
{
	const struct kallsyms *kallsyms = kernel_symbols(maker->names);
	struct level level = {.symbol = "[kernel]"};
	struct kallsyms_name name;
	char file[80] = "[kernel.kallsyms]";
	int err;

	if (kallsyms && kallsyms_lookup(kallsyms, frame->off, &name)) {
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

static int set_jit_name(struct maker *maker, const struct jit_frame *frame,
			const struct perf_map_name *name)
{
	struct named *named = &maker->named[frame->frame];
	struct level level = {.symbol = ""};
	int err = strtab_add(&maker->jit_names, name->name, &level.jit);

	if (err || !level.jit)
		return err;
	named->address = frame->addr - name->start;
	named->quality = PROFILE_JIT;
	named->first = maker->level_count;
	err = add_level(maker, named, &level);
	return err ? err : module_mapping(maker, frame->module, &named->mapping);
}

/* The frames of one process. */
static int name_jit_process(struct maker *maker, const struct jit_frame *frames, uint32_t count)
{
	_cleanup_close_ int fd = modules_open_perf_map(maker->names->modules, frames->module);
	_cleanup_free_ struct perf_map_name *names = calloc(count, sizeof(*names));
	int err;

	if (fd < 0)
		return 0;
	if (!names)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		names[i].addr = frames[i].addr;
	err = perf_map_read(fd, names, count);
	for (uint32_t i = 0; i < count; i++) {
		if (!err && names[i].name)
			err = set_jit_name(maker, &frames[i], &names[i]);
		free(names[i].name);
	}
	return err;
}

/* One map at a time: somebody else decides how large they are. */
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
		err = profile_add_string(maker->profile, level->file, &function.file);
	return err ? err : profile_add_function(maker->profile, &function, ret_function);
}

static int add_location(struct maker *maker, uint32_t frame)
{
	const struct named *named = &maker->named[frame];
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
					  &maker->locations[frame]);
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
	for (uint32_t i = 0; !err && i < window->frame_count; i++)
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

static int add_sample(struct maker *maker, const struct window_count *count)
{
	struct profile_label labels[LABELS_MAX];
	uint32_t locations[WICK_DEPTH_MAX + WICK_DEPTH], n = 0, label_count;
	int64_t values[2] = {(int64_t)count->ticks, (int64_t)count->ticks * maker->profile->period};
	int err = add_labels(maker, count, labels, &label_count);

	for (uint32_t at = count->node; at != NODE_NONE && n < ARRAY_SIZE(locations);
	     at = maker->window->nodes[at].parent)
		locations[n++] = maker->locations[maker->window->nodes[at].frame];
	return err ? err
		   : profile_add_sample(maker->profile, locations, n, labels, label_count, values);
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
		if (module->state == MODULE_FAILED)
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
	for (uint32_t i = 0; !err && i < window->count_count; i++)
		err = add_sample(maker, &window->counts[i]);
	if (!err)
		err = add_comments(maker, hz, event);
	return err ? err : ledger_store(&window->ledger, maker->profile);
}

int names_profile(struct names *names, const struct window *window, unsigned int hz,
		  const char *event, struct profile **ret_profile)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	_cleanup_free_ struct named *named = calloc(window->frame_count + 1u, sizeof(*named));
	_cleanup_free_ uint32_t *locations = calloc(window->frame_count + 1u, sizeof(*locations));
	uint32_t modules = modules_count(names->modules);
	_cleanup_free_ struct module *module = calloc(modules + 1u, sizeof(*module));
	_cleanup_free_ uint32_t *mappings = malloc((modules + 1u) * sizeof(*mappings));
	struct maker maker = {.names = names,
			      .window = window,
			      .named = named,
			      .locations = locations,
			      .modules = module,
			      .mappings = mappings,
			      .module_count = modules};
	int err;

	if (!named || !locations || !module || !mappings)
		return -ENOMEM;
	memset(mappings, 0xff, (modules + 1u) * sizeof(*mappings));
	turn_generation(names);
	err = profile_new(&profile);
	if (err)
		return err;
	maker.profile = profile;
	err = make(&maker, hz, event);
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
