/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/jit.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "symbolizer/parser.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	ANSWERS_MAX = 64,
	ANSWER_BYTES_MAX = 8 << 20, /* of all answers together; the newest one stays anyway */
	DEADLINE_MS = 30000,	    /* caps end the reading within 2 s of CPU time */
	FAILURES_MAX = 3,
};

struct answer {
	uint32_t module;
	uint32_t failures;	      /* in a row */
	struct module_file map, dump; /* as they were read */
	struct jit_names *names;      /* NULL: there is nothing, or it cannot be read */
	uint64_t used;		      /* the higher the later */
};

struct jit {
	struct modules *modules;
	struct answer answers[ANSWERS_MAX];
	uint32_t count;
	uint64_t uses, reads;
};

int jit_new(struct modules *modules, struct jit **ret_jit)
{
	struct jit *jit = calloc(1, sizeof(*jit));

	if (!jit)
		return -ENOMEM;
	jit->modules = modules;
	*ret_jit = jit;
	return 0;
}

void jit_free(struct jit *jit)
{
	if (!jit)
		return;
	for (uint32_t i = 0; i < jit->count; i++)
		jit_names_free(jit->answers[i].names);
	free(jit);
}

uint64_t jit_reads(const struct jit *jit)
{
	return jit->reads;
}

static struct answer *oldest(struct jit *jit)
{
	struct answer *found = &jit->answers[0];

	for (uint32_t i = 1; i < jit->count; i++)
		if (jit->answers[i].used < found->used)
			found = &jit->answers[i];
	return found;
}

/* That of the module, or a place for it. */
static struct answer *find_answer(struct jit *jit, uint32_t module)
{
	struct answer *answer = NULL;

	for (uint32_t i = 0; !answer && i < jit->count; i++)
		if (jit->answers[i].module == module)
			answer = &jit->answers[i];
	if (!answer) {
		answer = jit->count < ANSWERS_MAX ? &jit->answers[jit->count++] : oldest(jit);
		jit_names_free(answer->names);
		*answer = (struct answer){.module = module};
	}
	answer->used = ++jit->uses;
	return answer;
}

static size_t answer_bytes(const struct jit *jit)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < jit->count; i++)
		if (jit->answers[i].names)
			bytes += jit_names_bytes(jit->answers[i].names);
	return bytes;
}

/* Lets go of what was not asked for longest. */
static void make_room(struct jit *jit)
{
	while (jit->count > 1 && answer_bytes(jit) > ANSWER_BYTES_MAX) {
		struct answer *old = oldest(jit);

		jit_names_free(old->names);
		*old = jit->answers[--jit->count];
	}
}

static bool knows_all(const struct answer *answer, const uint64_t *addrs, uint32_t count)
{
	bool knows = answer->names != NULL;

	for (uint32_t i = 0; knows && i < count; i++)
		knows = jit_names_knows(answer->names, addrs[i]);
	return knows;
}

static bool is_same(const struct module_file *a, const struct module_file *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void read_files(struct jit *jit, struct answer *answer, const struct parser_jit_files *files,
		       const uint64_t *addrs, uint32_t count)
{
	int err;

	jit_names_free(TAKE_PTR(answer->names));
	jit->reads++;
	err = parser_jit(files, addrs, count, DEADLINE_MS, &answer->names);
	answer->failures = err ? answer->failures + 1 : 0;
	if (err)
		log_debug("code made at run time has no names: %s", parser_error(err));
}

const struct jit_names *jit_ask(struct jit *jit, uint32_t module, const uint64_t *addrs,
				uint32_t count, enum perf_map_refusal *ret_refusal)
{
	struct answer *answer = find_answer(jit, module);
	const struct module_jit_files found = modules_jit_files(jit->modules, module);
	const struct parser_jit_files files = {found.map_fd, found.dump_fd};
	_cleanup_close_ int map_fd = found.map_fd;
	struct module_file map = module_file_of(map_fd), dump = module_file_of(files.dump_fd);
	bool is_new;

	*ret_refusal = found.refusal;
	is_new = !is_same(&map, &answer->map) || !is_same(&dump, &answer->dump);
	answer->map = map;
	answer->dump = dump;
	if (map_fd < 0 && files.dump_fd < 0)
		jit_names_free(TAKE_PTR(answer->names));
	else if (answer->failures < FAILURES_MAX && (is_new || !answer->failures) &&
		 (is_new || !knows_all(answer, addrs, count)))
		read_files(jit, answer, &files, addrs, count);
	make_room(jit);
	return find_answer(jit, module)->names;
}
