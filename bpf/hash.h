/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SipHash-1-3 with 128 bits of output over a stack's pcs: 64 bits are its name, 32 others its
 * check. Keyed, since a target chooses its own frame-pointer chains: without the key it cannot make
 * two stacks meet. (Aumasson and Bernstein, "SipHash: a fast short-input PRF"; 128-bit variant of
 * the reference code.)
 */
#ifndef WICK_BPF_HASH_H
#define WICK_BPF_HASH_H

#include "abi.h"

#define HASH_ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

struct hash_state {
	__u64 v0, v1, v2, v3;
};

static __always_inline void hash_round(struct hash_state *s)
{
	s->v0 += s->v1;
	s->v1 = HASH_ROTL(s->v1, 13) ^ s->v0;
	s->v0 = HASH_ROTL(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = HASH_ROTL(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = HASH_ROTL(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = HASH_ROTL(s->v1, 17) ^ s->v2;
	s->v2 = HASH_ROTL(s->v2, 32);
}

enum { HASH_PART = 128 }; /* pcs of one hash_add() at most */

static __always_inline void hash_begin(struct hash_state *s, const __u64 key[2])
{
	s->v0 = key[0] ^ 0x736f6d6570736575;
	s->v1 = key[1] ^ 0x646f72616e646f6d ^ 0xee;
	s->v2 = key[0] ^ 0x6c7967656e657261;
	s->v3 = key[1] ^ 0x7465646279746573;
}

static __always_inline void hash_add(struct hash_state *s, const __u64 *pc, __u32 n)
{
	for (__u32 i = 0; i < HASH_PART; i++) {
		__u64 word;

		if (i >= n)
			break;
		word = pc[i];
		s->v3 ^= word;
		hash_round(s);
		s->v0 ^= word;
	}
}

/* The name of the stack whose pcs have been added (never 0, which means "no stack"); sets its
 * check. end is hashed too: the same pcs with two ends are two stacks. */
static __always_inline __u64 hash_end(struct hash_state *s, struct wick_stack *stack)
{
	__u64 last = (__u64)stack->n << 8 | stack->end, hash;

	s->v3 ^= last;
	hash_round(s);
	s->v0 ^= last;

	s->v2 ^= 0xee;
	hash_round(s);
	hash_round(s);
	hash_round(s);
	hash = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
	s->v1 ^= 0xdd;
	hash_round(s);
	hash_round(s);
	hash_round(s);
	stack->check = (__u32)(s->v0 ^ s->v1 ^ s->v2 ^ s->v3);
	return hash ? hash : 1;
}

#endif
