/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wick dump proc: a process as its samples are read: executable mappings, their files, their symbols. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/commands.h"
#include "profiler/output.h"
#include "profiler/procs.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

struct dump_proc_options {
	bool json;
};

static const struct option_spec dump_proc_options[] = {
	{.name = "json",
	 .kind = OPTION_FLAG,
	 .help = "as JSON",
	 .offset = offsetof(struct dump_proc_options, json)},
	{.name = NULL},
};

static const char *state_word(const struct module *module)
{
	switch (module->state) {
	case MODULE_READY:
		return "symbols";
	case MODULE_FAILED:
		return module->name.kind == MODULE_OTHER ? "no file" : module->why;
	default:
		return "not read";
	}
}

static void format_build_id(const struct module *module, char ret[2 * TASK_BUILD_ID_MAX + 1])
{
	const uint8_t *id = module->name.build_id;
	size_t size = module->name.build_id_size;

	/* /proc/PID/maps has no build ids: the file tells. */
	if (!size && module->index)
		id = symindex_build_id(module->index, &size);
	ret[0] = '\0';
	for (size_t i = 0; i < size && i < TASK_BUILD_ID_MAX; i++)
		snprintf(ret + 2 * i, 3, "%02x", id[i]);
}

/* What was mapped may have been another content of that file then: when that was, nobody knows. */
static bool is_written_since(const struct proc_map *map, pid_t pid)
{
	_cleanup_close_ int fd = map->is_copy ? -1 : module_open_mapped(pid, map->start, map->end);
	int64_t ago_ns = (int64_t)(clock_boot_ns() - procs_started_ns(pid));

	return fd >= 0 && module_file_is_newer(fd, clock_wall_ns() - ago_ns);
}

static void map_as_text(const struct proc_map *map, const struct module *module, pid_t pid,
			struct buf *out)
{
	char id[2 * TASK_BUILD_ID_MAX + 1], shown[512];

	format_build_id(module, id);
	buf_printf(out, "mapping 0x%" PRIx64 "-0x%" PRIx64 " off 0x%" PRIx64 " %s\n", map->start,
		   map->end, map->off, quote(shown, sizeof(shown), module->name.path));
	buf_printf(out, "        %s", state_word(module));
	if (module->index)
		buf_printf(out, " %" PRIu32, symindex_count(module->index));
	buf_printf(out, "%s%s%s%s\n", *id ? ", build id " : "", id,
		   map->is_copy ? ", copied to anonymous memory" : "",
		   is_written_since(map, pid) ? ", written to since the process started" : "");
}

/* Numbers of 64 bits are strings: JavaScript's numbers end at 2^53. */
static void map_as_json(const struct proc_map *map, const struct module *module, pid_t pid,
			struct buf *out)
{
	char id[2 * TASK_BUILD_ID_MAX + 1];

	format_build_id(module, id);
	buf_printf(out,
		   "{\"start\": \"0x%" PRIx64 "\", \"end\": \"0x%" PRIx64
		   "\", \"off\": \"0x%" PRIx64 "\", \"path\": ",
		   map->start, map->end, map->off);
	buf_add_json(out, module->name.path);
	buf_printf(out, ", \"build_id\": \"%s\", \"symbols\": %" PRIu32, id,
		   module->index ? symindex_count(module->index) : 0);
	buf_printf(out, ", \"is_copy\": %s, \"is_written_since_start\": %s, \"state\": ",
		   map->is_copy ? "true" : "false", is_written_since(map, pid) ? "true" : "false");
	buf_add_json(out, state_word(module));
	buf_add_str(out, "}");
}

static void print_space(struct modules *modules, pid_t pid, const struct address_space *space,
			bool json, struct buf *out)
{
	buf_printf(out, json ? "{\"pid\": %d, \"mappings\": [" : "pid %d\n", pid);
	for (uint32_t i = 0; i < space->count; i++) {
		struct module module = modules_get(modules, space->maps[i].module);

		if (json)
			buf_add_str(out, i ? ",\n " : "\n ");
		if (json)
			map_as_json(&space->maps[i], &module, pid, out);
		else
			map_as_text(&space->maps[i], &module, pid, out);
	}
	if (json)
		buf_add_str(out, "]}\n");
}

static int dump(pid_t pid, bool json)
{
	_cleanup_(modules_freep) struct modules *modules = NULL;
	_cleanup_(procs_freep) struct procs *procs = NULL;
	_cleanup_(buf_release) struct buf out = {0};
	const struct address_space *space;

	if (modules_new(MODULES_LIMIT, &modules) || procs_new(modules, &procs)) {
		log_error("out of memory");
		return STATUS_ERROR;
	}
	procs_read(procs, pid);
	space = procs_peek(procs, pid);
	if (!space) {
		log_error("cannot read the mappings of process %d", pid);
		log_hint("it is gone, a kernel thread or another user's; try sudo");
		return STATUS_ERROR;
	}
	for (uint32_t i = 0; i < space->count; i++)
		modules_use(modules, space->maps[i].module, pid, space->maps[i].start,
			    space->maps[i].end);
	modules_wait(modules, MODULES_ALL);
	print_space(modules, pid, space, json, &out);
	return output_text(&out);
}

static int run(const void *raw, int argc, char **argv)
{
	const struct dump_proc_options *options = raw;
	char *end = NULL;
	long pid = argc == 1 ? strtol(argv[0], &end, 10) : 0;

	if (pid <= 0 || pid > INT_MAX || *end) {
		log_error("'wick dump proc' needs one PID");
		log_hint("see 'wick dump proc --help'");
		return STATUS_USAGE;
	}
	return dump((pid_t)pid, options->json);
}

const struct command dump_proc_command = {
	.name = "proc",
	.arguments = "PID",
	.summary = "mappings of code in a process, and their files",
	.options = dump_proc_options,
	.options_size = sizeof(struct dump_proc_options),
	.run = run,
};
