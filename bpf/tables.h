/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maps of the unwind tables (abi.h says what is in them), and how the walk looks into them. User
 * space sets their sizes. */
#ifndef WICK_BPF_TABLES_H
#define WICK_BPF_TABLES_H

struct shard {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << (WICK_SHARD_BITS - WICK_CHUNK_BITS));
	/* Not by type: BTF has it as a forward declaration only, which libbpf cannot size. */
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct wick_chunk));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct shard);
} shards SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wick_rule);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wick_page);
} pages SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wick_mapping);
} mappings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wick_proc);
} procs SEC(".maps");

static __always_inline const struct wick_mapping *table_mapping(__u32 i)
{
	return bpf_map_lookup_elem(&mappings, &i);
}

static __always_inline const struct wick_page *table_page(__u32 i)
{
	return bpf_map_lookup_elem(&pages, &i);
}

static __always_inline void *table_shard(__u32 row)
{
	__u32 i = row >> WICK_SHARD_BITS;

	return bpf_map_lookup_elem(&shards, &i);
}

static __always_inline const struct wick_chunk *table_chunk(void *shard, __u32 row)
{
	__u32 i = (row & ((1 << WICK_SHARD_BITS) - 1)) >> WICK_CHUNK_BITS;

	return bpf_map_lookup_elem(shard, &i);
}

static __always_inline const struct wick_rule *table_rule(__u32 id)
{
	return bpf_map_lookup_elem(&rules, &id);
}

#endif
