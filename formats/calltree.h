/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Profiles as one call tree, of one side or of two: what flame graphs draw. Node 0 is the root
 * ("all"), its children are the processes (label comm), then come the stacks. A parent's position
 * is always smaller than its children's: sums over the tree are one loop.
 *
 * web/model.js is the same for the browser. Zero-initialised but for names is valid and empty.
 */
#ifndef WICK_FORMATS_CALLTREE_H
#define WICK_FORMATS_CALLTREE_H

#include "formats/profile.h"

enum frame_kind { FRAME_ROOT, FRAME_PROCESS, FRAME_USER, FRAME_KERNEL, FRAME_UNNAMED };

enum { CALLTREE_SIDES = 2 };

struct calltree_frame {
	uint32_t name; /* id in names */
	enum frame_kind kind;
};

struct calltree_node {
	uint32_t parent; /* 0 for the root itself */
	uint32_t frame;	 /* of frames; 0 is the root's */
	double self[CALLTREE_SIDES], total[CALLTREE_SIDES];
};

struct calltree {
	struct strtab *names; /* the caller's; names are added to it */
	struct calltree_frame *frames;
	uint32_t frame_count, frames_size;
	struct calltree_node *nodes;
	uint32_t node_count, nodes_size;
	struct hashmap frame_index, node_index;

	/* After calltree_finish(): the children of node n, in the order of their names, are
	 * children[child_first[n] .. child_first[n + 1]). */
	uint32_t *child_first, *children;
};

void calltree_release(struct calltree *tree);

/* The name of a frame as an id of tree->names: line of a location. */
typedef uint32_t (*calltree_name)(const void *context, uint32_t location, uint32_t line);

/* Adds a profile's values of a type to a side. name NULL: the frame's own (profile_frame_name()). 0
 * or -ENOMEM. */
int calltree_add(struct calltree *tree, int side, const struct profile *profile, uint32_t type,
		 calltree_name name, const void *context);

/* Sums up and sorts; nothing is added afterwards. */
int calltree_finish(struct calltree *tree);

static inline const char *calltree_node_name(const struct calltree *tree, uint32_t node)
{
	return node ? strtab_get(tree->names, tree->frames[tree->nodes[node].frame].name) : "all";
}

static inline enum frame_kind calltree_node_kind(const struct calltree *tree, uint32_t node)
{
	return tree->frames[tree->nodes[node].frame].kind;
}

#endif
