/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The golden cases of names for one address, of sizes and of overlaps; valid as 32 and 64 bits. Each
 * block is 16 bytes; test_symindex.c has the answers, by the distance from golden_start.
 */
	.text
	.balign 16
	.globl golden_start
	.type golden_start, @function
golden_start:
	.fill 16, 1, 0x90
	.size golden_start, 16

/* 0x10: a function beats a label */
	.globl a_label
a_label:
	.size a_label, 16
	.type the_function, @function
the_function:
	.fill 16, 1, 0x90
	.size the_function, 16

/* 0x20: sized beats unsized, and lends it nothing */
	.globl an_unsized
	.type an_unsized, @function
an_unsized:
	.type a_sized_one, @function
a_sized_one:
	.fill 16, 1, 0x90
	.size a_sized_one, 16

/* 0x30: GLOBAL beats WEAK beats LOCAL */
	.weak b
	.type b, @function
b:
	.type a, @function
a:
	.globl the_global
	.type the_global, @function
the_global:
	.fill 16, 1, 0x90
	.size a, 16
	.size b, 16
	.size the_global, 16

/* 0x40 */
	.type c, @function
c:
	.weak the_weak
	.type the_weak, @function
the_weak:
	.fill 16, 1, 0x90
	.size c, 16
	.size the_weak, 16

/* 0x50: the fewest leading underscores beat a shorter name */
	.globl __x, _y, no_underscore
	.type __x, @function
	.type _y, @function
	.type no_underscore, @function
__x:
_y:
no_underscore:
	.fill 16, 1, 0x90
	.size __x, 16
	.size _y, 16
	.size no_underscore, 16

/* 0x60: the shortest, then the first in the order of bytes */
	.globl longer, bbb, aaa
	.type longer, @function
	.type bbb, @function
	.type aaa, @function
longer:
bbb:
aaa:
	.fill 16, 1, 0x90
	.size longer, 16
	.size bbb, 16
	.size aaa, 16

/* 0x70: an unsized label reaches to the next symbol */
	.globl asm_loop
asm_loop:
	.fill 16, 1, 0x90

/* 0x80: inner symbols; the label inside is part of its function */
	.globl outer
	.type outer, @function
outer:
	.fill 16, 1, 0x90
	.type inner, @function
inner:
	.fill 16, 1, 0x90
	.size inner, 16
	.globl inner_label
inner_label:
	.fill 16, 1, 0x90
	.size outer, 48

/* 0xb0: one that ends inside the next: that one names what both claim */
	.type first_half, @function
first_half:
	.fill 16, 1, 0x90
	.type second_half, @function
second_half:
	.fill 16, 1, 0x90
	.size first_half, 24
	.size second_half, 16

/* 0xd0: not covered by its neighbour before; mapping symbols name nothing */
	.type "$x", @notype
"$x":
	.fill 16, 1, 0x90

/* 0xe0: unsized, up to the end of the section */
	.globl last_label
last_label:
	.fill 32, 1, 0x90

	.section .other, "ax", @progbits
	.globl too_long
	.type too_long, @function
too_long:
	.fill 16, 1, 0x90
	.size too_long, 4096

	.data
	.globl in_data
	.type in_data, @function
in_data:
	.fill 16, 1, 0
	.size in_data, 16

	.globl absolute
	.set absolute, golden_start_plus
	.set golden_start_plus, 0x1000
	.section .note.GNU-stack, "", @progbits
