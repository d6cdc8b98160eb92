/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/unwind_maps.h"

#include "base/cleanup.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { SHARD_BYTES = 4 << WICK_SHARD_BITS, CHUNKS = SHARD_BYTES / sizeof(struct wick_chunk) };

struct kernel_maps {
	struct unwind_maps maps;
	struct unwind_map_fds fds;
	uint32_t *shards[WICK_SHARDS_MAX];
};

static uint32_t most(uint64_t wanted, uint32_t limit)
{
	return wanted < limit ? (uint32_t)wanted : limit;
}

struct unwind_sizes unwind_sizes(uint64_t bytes)
{
	uint64_t base = bytes > SHARD_BYTES ? bytes : SHARD_BYTES;
	struct unwind_sizes sizes = {
		.rules = most(base / 64 / sizeof(struct wick_rule), WICK_RULES_MAX),
		.pages = most(base / 64 / sizeof(struct wick_page), 1 << 20),
		.mappings = most(base / 16 / sizeof(struct wick_mapping), 1 << 20),
	};
	uint64_t others = sizes.rules * sizeof(struct wick_rule) +
			  sizes.pages * sizeof(struct wick_page) +
			  sizes.mappings * sizeof(struct wick_mapping);

	sizes.shards = most((base - others) / SHARD_BYTES, WICK_SHARDS_MAX);
	if (!sizes.shards)
		sizes.shards = 1;
	return sizes;
}

static int add_shard(void *context, uint32_t index, uint32_t **ret_rows)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	struct kernel_maps *kernel = context;
	_cleanup_close_ int fd = -1;
	void *at;

	if (index >= WICK_SHARDS_MAX || kernel->shards[index])
		return -EINVAL;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "wick_shard", sizeof(uint32_t),
			    sizeof(struct wick_chunk), CHUNKS, &opts);
	if (fd < 0)
		return -errno;
	at = mmap(NULL, SHARD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	if (bpf_map_update_elem(kernel->fds.shards, &index, &fd, BPF_ANY)) {
		int err = -errno;

		munmap(at, SHARD_BYTES);
		return err;
	}
	kernel->shards[index] = at;
	*ret_rows = at;
	return 0;
}

static int get(void *context, pid_t pid, struct wick_proc *ret_proc)
{
	const struct kernel_maps *kernel = context;
	uint32_t key = (uint32_t)pid;

	return bpf_map_lookup_elem(kernel->fds.procs, &key, ret_proc) ? -errno : 0;
}

static int update(void *context, pid_t pid, const struct wick_proc *proc, uint64_t flags)
{
	const struct kernel_maps *kernel = context;
	uint32_t key = (uint32_t)pid;

	return bpf_map_update_elem(kernel->fds.procs, &key, proc, flags) ? -errno : 0;
}

static int put(void *context, pid_t pid, const struct wick_proc *proc)
{
	return update(context, pid, proc, BPF_EXIST);
}

static int add(void *context, pid_t pid, const struct wick_proc *proc)
{
	return update(context, pid, proc, BPF_NOEXIST);
}

static void remove_entry(void *context, pid_t pid)
{
	const struct kernel_maps *kernel = context;
	uint32_t key = (uint32_t)pid;

	bpf_map_delete_elem(kernel->fds.procs, &key);
}

static int map(int fd, size_t bytes, void *ret)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	*(void **)ret = at;
	return 0;
}

int unwind_maps_open(const struct unwind_map_fds *fds, const struct unwind_sizes *sizes,
		     struct unwind_maps **ret_maps)
{
	struct kernel_maps *kernel = calloc(1, sizeof(*kernel));
	struct unwind_maps *maps = &kernel->maps;
	int err;

	if (!kernel)
		return -ENOMEM;
	kernel->fds = *fds;
	*maps = (struct unwind_maps){.sizes = *sizes,
				     .context = kernel,
				     .add_shard = add_shard,
				     .get = get,
				     .put = put,
				     .add = add,
				     .remove = remove_entry};
	err = map(fds->rules, sizes->rules * sizeof(*maps->rules), &maps->rules);
	if (!err)
		err = map(fds->pages, sizes->pages * sizeof(*maps->pages), &maps->pages);
	if (!err)
		err = map(fds->mappings, sizes->mappings * sizeof(*maps->mappings),
			  &maps->mappings);
	if (err) {
		unwind_maps_close(maps);
		return err;
	}
	*ret_maps = maps;
	return 0;
}

static void unmap(void *at, size_t bytes)
{
	if (at)
		munmap(at, bytes);
}

void unwind_maps_close(struct unwind_maps *maps)
{
	struct kernel_maps *kernel = (struct kernel_maps *)maps;

	if (!maps)
		return;
	unmap(maps->rules, maps->sizes.rules * sizeof(*maps->rules));
	unmap(maps->pages, maps->sizes.pages * sizeof(*maps->pages));
	unmap(maps->mappings, maps->sizes.mappings * sizeof(*maps->mappings));
	for (size_t i = 0; i < WICK_SHARDS_MAX; i++)
		unmap(kernel->shards[i], SHARD_BYTES);
	free(kernel);
}
