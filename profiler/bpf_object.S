/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BPF program as clang made it, inside ours. */
	.section .rodata
	.balign 8
	.globl wick_bpf_object, wick_bpf_object_end
wick_bpf_object:
	.incbin WICK_BPF_OBJECT
wick_bpf_object_end:
	.byte 0
	.section .note.GNU-stack, "", %progbits
