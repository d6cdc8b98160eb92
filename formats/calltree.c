/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/calltree.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

void calltree_release(struct calltree *tree)
{
	free(tree->frames);
	free(tree->nodes);
	free(tree->child_first);
	free(tree->children);
	hashmap_release(&tree->frame_index);
	hashmap_release(&tree->node_index);
	*tree = (struct calltree){0};
}

/* ---- kinds of frames ---- */

static bool begins_with(const char *text, const char *word)
{
	return !strncmp(text, word, strlen(word));
}

static bool is_kernel_module(const char *file)
{
	static const char *const user_areas[] = {"[vdso", "[vsyscall", "[heap",	   "[stack",
						 "[anon", "[uprobes",  "[unknown", "[unmapped"};

	for (size_t i = 0; i < ARRAY_SIZE(user_areas); i++)
		if (begins_with(file, user_areas[i]))
			return false;
	return *file == '[';
}

/* What stands where a name could not be found: "module+0x123", "module+N", "[unknown]". */
static bool is_unnamed(const char *name)
{
	const char *plus = strrchr(name, '+');

	if (!strcmp(name, "[unknown]") || !strcmp(name, "[unmapped]") || !strcmp(name, "[kernel]"))
		return true;
	if (!plus)
		return false;
	if (!strcmp(plus, "+N"))
		return true;
	return begins_with(plus, "+0x") && plus[3] &&
	       strspn(plus + 3, "0123456789abcdef") == strlen(plus + 3);
}

/* ---- frames and nodes, once each ---- */

static bool frame_equals(const void *table, uint32_t position, const void *key)
{
	const struct calltree_frame *have = &((const struct calltree *)table)->frames[position];
	const struct calltree_frame *want = key;

	return have->name == want->name && have->kind == want->kind;
}

static int add_frame(struct calltree *tree, uint32_t name, enum frame_kind kind,
		     uint32_t *ret_frame)
{
	struct calltree_frame key = {name, kind};
	uint64_t hash = hash_mix(name, kind);
	uint32_t at = hashmap_find(&tree->frame_index, hash, frame_equals, tree, &key);
	int err;

	if (at == HASHMAP_NONE) {
		at = tree->frame_count;
		err = array_reserve(&tree->frames, &tree->frames_size, (size_t)at + 1);
		if (!err)
			err = hashmap_add(&tree->frame_index, hash, at);
		if (err)
			return err;
		tree->frames[tree->frame_count++] = key;
	}
	*ret_frame = at;
	return 0;
}

static bool node_equals(const void *table, uint32_t position, const void *key)
{
	const struct calltree_node *have = &((const struct calltree *)table)->nodes[position];
	const struct calltree_node *want = key;

	return have->parent == want->parent && have->frame == want->frame;
}

static int add_node(struct calltree *tree, uint32_t parent, uint32_t frame, uint32_t *ret_node)
{
	struct calltree_node key = {.parent = parent, .frame = frame};
	uint64_t hash = hash_mix(parent, frame);
	uint32_t at = hashmap_find(&tree->node_index, hash, node_equals, tree, &key);
	int err;

	if (at == HASHMAP_NONE) {
		at = tree->node_count;
		err = array_reserve(&tree->nodes, &tree->nodes_size, (size_t)at + 1);
		if (!err)
			err = hashmap_add(&tree->node_index, hash, at);
		if (err)
			return err;
		tree->nodes[tree->node_count++] = key;
	}
	*ret_node = at;
	return 0;
}

static int add_root(struct calltree *tree)
{
	uint32_t frame;
	int err = tree->node_count ? 0 : add_frame(tree, 0, FRAME_ROOT, &frame);

	if (err || tree->node_count)
		return err;
	err = array_reserve(&tree->nodes, &tree->nodes_size, 1);
	if (!err)
		tree->nodes[tree->node_count++] = (struct calltree_node){0};
	return err;
}

/* ---- one profile ---- */

struct adding {
	struct calltree *tree;
	const struct profile *profile;
	uint32_t *frames; /* outermost first, by location */
	size_t *first;	  /* by location; one more for the end */
	/* The nodes of the last sample's locations, from the root: sorted samples share long
	 * beginnings. */
	uint32_t last[PROFILE_DEPTH_MAX], last_nodes[PROFILE_DEPTH_MAX], last_depth;
	uint32_t last_process;
};

static void adding_free(struct adding *adding)
{
	if (!adding)
		return;
	free(adding->frames);
	free(adding->first);
	free(adding);
}

static void adding_freep(struct adding **adding)
{
	adding_free(*adding);
}

static int own_name(struct adding *adding, uint32_t location, uint32_t line, uint32_t *ret_name)
{
	const struct profile *profile = adding->profile;
	const struct profile_location *at = &profile->locations[location];
	char name[512];

	if (at->line_count)
		return strtab_add(
			adding->tree->names,
			profile_string(
				profile,
				profile->functions[profile->lines[at->line_first + line].function]
					.name),
			ret_name);
	return strtab_add(adding->tree->names,
			  profile_frame_name(profile, at, 0, name, sizeof(name)), ret_name);
}

static int frame_of(struct adding *adding, uint32_t location, uint32_t line, calltree_name name_of,
		    const void *context, uint32_t *ret_frame)
{
	const struct profile *profile = adding->profile;
	uint32_t mapping = profile->locations[location].mapping, name = 0;
	enum frame_kind kind = FRAME_USER;
	int err = 0;

	if (name_of)
		name = name_of(context, location, line);
	else
		err = own_name(adding, location, line, &name);
	if (err)
		return err;
	if (mapping != PROFILE_NO_MAPPING &&
	    is_kernel_module(profile_string(profile, profile->mappings[mapping].file)))
		kind = FRAME_KERNEL;
	if (is_unnamed(strtab_get(adding->tree->names, name)))
		kind = FRAME_UNNAMED;
	return add_frame(adding->tree, name, kind, ret_frame);
}

static int find_frames(struct adding *adding, calltree_name name_of, const void *context)
{
	const struct profile *profile = adding->profile;
	size_t used = 0;
	int err = 0;

	adding->first = calloc((size_t)profile->location_count + 1, sizeof(*adding->first));
	adding->frames = calloc((size_t)profile->line_count + profile->location_count + 1,
				sizeof(*adding->frames));
	if (!adding->first || !adding->frames)
		return -ENOMEM;
	for (uint32_t i = 0; !err && i < profile->location_count; i++) {
		uint32_t lines = profile->locations[i].line_count;

		for (uint32_t line = lines ? lines : 1; !err && line-- > 0;)
			err = frame_of(adding, i, line, name_of, context, &adding->frames[used++]);
		adding->first[i + 1] = used;
	}
	return err;
}

static int process_node(struct adding *adding, const struct profile_sample *sample,
			uint32_t *ret_node)
{
	const struct profile_label *comm = profile_sample_label(adding->profile, sample, "comm");
	uint32_t name, frame;
	int err;

	*ret_node = 0;
	if (!comm || !comm->string)
		return 0;
	err = strtab_add(adding->tree->names, profile_string(adding->profile, comm->string), &name);
	if (!err)
		err = add_frame(adding->tree, name, FRAME_PROCESS, &frame);
	if (!err)
		err = add_node(adding->tree, 0, frame, ret_node);
	return err;
}

static int add_unknown(struct adding *adding, uint32_t parent, uint32_t *ret_node)
{
	uint32_t name, frame;
	int err = strtab_add(adding->tree->names, "[unknown]", &name);

	if (!err)
		err = add_frame(adding->tree, name, FRAME_UNNAMED, &frame);
	if (!err)
		err = add_node(adding->tree, parent, frame, ret_node);
	return err;
}

static int add_sample(struct adding *adding, const struct profile_sample *sample, int side,
		      double value)
{
	const uint32_t *path = adding->profile->sample_locations + sample->location_first;
	uint32_t depth = sample->location_count, level = 0, node;
	int err = process_node(adding, sample, &node);

	if (err)
		return err;
	if (node == adding->last_process)
		while (level < depth && level < adding->last_depth &&
		       adding->last[level] == path[depth - 1 - level])
			level++;
	adding->last_process = node;
	if (level)
		node = adding->last_nodes[level - 1];
	for (; !err && level < depth; level++) {
		uint32_t location = path[depth - 1 - level];

		for (size_t i = adding->first[location]; !err && i < adding->first[location + 1];
		     i++)
			err = add_node(adding->tree, node, adding->frames[i], &node);
		adding->last[level] = location;
		adding->last_nodes[level] = node;
	}
	adding->last_depth = depth;
	if (!err && !depth)
		err = add_unknown(adding, node, &node);
	if (!err)
		adding->tree->nodes[node].self[side] += value;
	return err;
}

int calltree_add(struct calltree *tree, int side, const struct profile *profile, uint32_t type,
		 calltree_name name, const void *context)
{
	_cleanup_(adding_freep) struct adding *adding = calloc(1, sizeof(*adding));
	int err = adding ? add_root(tree) : -ENOMEM;

	if (err)
		return err;
	adding->tree = tree;
	adding->profile = profile;
	err = find_frames(adding, name, context);
	for (uint32_t i = 0; !err && i < profile->sample_count; i++) {
		const struct profile_sample *sample = &profile->samples[i];

		if (sample->values[type] > 0)
			err = add_sample(adding, sample, side, (double)sample->values[type]);
	}
	return err;
}

/* ---- all of them ---- */

static int by_name(const void *left, const void *right, void *context)
{
	const struct calltree *tree = context;
	const struct calltree_node *a = &tree->nodes[*(const uint32_t *)left];
	const struct calltree_node *b = &tree->nodes[*(const uint32_t *)right];
	int order = strcmp(strtab_get(tree->names, tree->frames[a->frame].name),
			   strtab_get(tree->names, tree->frames[b->frame].name));

	return order ? order : (a->frame > b->frame) - (a->frame < b->frame);
}

int calltree_finish(struct calltree *tree)
{
	uint32_t count;
	int err = add_root(tree);

	if (err)
		return err;
	count = tree->node_count;
	tree->child_first = calloc((size_t)count + 2, sizeof(*tree->child_first));
	tree->children = calloc((size_t)count + 1, sizeof(*tree->children));
	if (!tree->child_first || !tree->children)
		return -ENOMEM;
	for (uint32_t i = count; i-- > 0;)
		for (int side = 0; side < CALLTREE_SIDES; side++) {
			struct calltree_node *node = &tree->nodes[i];

			node->total[side] += node->self[side];
			if (i)
				tree->nodes[node->parent].total[side] += node->total[side];
		}
	/* A counting sort by parent: counted two places on, so that filling moves them one back. */
	for (uint32_t i = 1; i < count; i++)
		tree->child_first[tree->nodes[i].parent + 2]++;
	for (uint32_t i = 2; i <= count; i++)
		tree->child_first[i] += tree->child_first[i - 1];
	for (uint32_t i = 1; i < count; i++)
		tree->children[tree->child_first[tree->nodes[i].parent + 1]++] = i;
	for (uint32_t i = 0; i < count; i++)
		qsort_r(tree->children + tree->child_first[i],
			tree->child_first[i + 1] - tree->child_first[i], sizeof(*tree->children),
			by_name, tree);
	return 0;
}
