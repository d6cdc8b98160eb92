/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The symbols of one module (an ELF file) as a flat, read-only table: made by a parser child (which
 * alone reads the ELF), checked once by the parent, then searched without any allocation.
 *
 * Layout of the bytes, all little endian, made by symindex_build() and accepted by symindex_open();
 * the arrays follow each other without gaps and the strings end the file:
 *
 *   struct symindex_header   magic, version, sizes, build id, counts
 *   struct symindex_segment  segment[segment_count]   PT_LOAD, sorted by file offset
 *   struct symindex_symbol   symbol[symbol_count]     sorted by vaddr, disjoint, never empty
 *   struct symindex_area     area[area_count]         what calls stand at an address, from debug
 * info struct symindex_node     node[node_count]         the calls: chains of inlined functions
 *   struct symindex_row      row[row_count]           the lines
 *   char                     string[string_size]      NUL-terminated names, first is ""
 *
 * An area reaches to the next one and leads to the innermost function there; its parents lead on to
 * the function that is really called, at parent 0. Node 0 and file 0 say "not known". A row reaches
 * to the next one, too. Files are paths in the strings.
 *
 * Symbols of an ELF may overlap; here each vaddr has one name. An inner symbol wins inside its
 * range, and what is left of the outer one behind it is a range of its own with the outer's name.
 *
 * Three spaces of addresses, three words: an addr is in a running process, a vaddr in the ELF
 * image, an off in the file.
 */
#ifndef WICK_SYMBOLIZER_SYMINDEX_H
#define WICK_SYMBOLIZER_SYMINDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SYMINDEX_BUILD_ID_MAX = 64 }; /* bytes; SHA-1 ids have 20 */

/* Where the names of a module came from, worst first. */
enum symindex_source {
	SYMINDEX_NONE,	 /* neither .symtab nor .dynsym: every frame is module+0xoffset */
	SYMINDEX_DYNSYM, /* exported symbols only */
	SYMINDEX_GO,	 /* the table of a Go program's runtime */
	SYMINDEX_MINI,	 /* .gnu_debugdata */
	SYMINDEX_SYMTAB,
	SYMINDEX_SOURCES, /* at most 8 */
};

/* What became of its debug info. */
enum symindex_debug {
	SYMINDEX_DEBUG_NONE,	 /* there is none */
	SYMINDEX_DEBUG_OWN,	 /* read from the file itself */
	SYMINDEX_DEBUG_SEPARATE, /* read from the debug file beside it */
	SYMINDEX_DEBUG_GO,	 /* none; lines are from the table of its Go runtime */
	SYMINDEX_DEBUG_DAMAGED,
	SYMINDEX_DEBUG_TOO_BIG,
	/* Its reader died of it; the symbols stand. */
	SYMINDEX_DEBUG_CRASHED,
	SYMINDEX_DEBUG_TOO_SLOW,   /* killed at its deadline, or for its CPU time */
	SYMINDEX_DEBUG_TOO_HUNGRY, /* of memory */
	SYMINDEX_DEBUG_LATER,	   /* it takes its time and was left alone: in_haste */
	SYMINDEX_DEBUG_KINDS,
};

/* What of a file, or beside it, may tell names and lines; best first. */
enum symindex_layer {
	SYMINDEX_LAYER_DWARF,  /* its own debug info */
	SYMINDEX_LAYER_FILE,   /* its separate debug file: debug info and .symtab */
	SYMINDEX_LAYER_SYMTAB, /* .symtab of its own */
	SYMINDEX_LAYER_MINI,   /* .gnu_debugdata */
	SYMINDEX_LAYER_GO,     /* .gopclntab */
	SYMINDEX_LAYER_DYNSYM, /* .dynsym, and the PLT */
	SYMINDEX_LAYERS,
};

/* What became of it. */
enum symindex_layer_state {
	SYMINDEX_LAYER_ABSENT,
	SYMINDEX_LAYER_USED,
	SYMINDEX_LAYER_UNNEEDED,   /* it is there, better ones tell all that it could */
	SYMINDEX_LAYER_WANTED,	   /* mini debuginfo that a child with liblzma shall read */
	SYMINDEX_LAYER_UNREADABLE, /* mini debuginfo, and no liblzma here */
	SYMINDEX_LAYER_EMPTY,	   /* it is there and names no code */
	SYMINDEX_LAYER_DAMAGED,
	SYMINDEX_LAYER_TOO_BIG,
	SYMINDEX_LAYER_UNREAD,	  /* it has killed a reader, and is left alone */
	SYMINDEX_LAYER_NO_ELF,	  /* a separate debug file that is none */
	SYMINDEX_LAYER_OTHER_ID,  /* one that belongs to another build, by its build id */
	SYMINDEX_LAYER_OTHER_CRC, /* or by the CRC in .gnu_debuglink */
	SYMINDEX_LAYER_STATES,
};

struct symindex_source_use {
	uint32_t state; /* enum symindex_layer_state */
	uint32_t has;	/* symbols of code; of debug info: functions and inlined calls */
	uint32_t used;	/* ranges of addresses, or such calls, that have their names from it */
};

/* Caps of one module; past them it is refused (-EFBIG), not cut. */
enum {
	SYMINDEX_SYMBOLS_MAX = 16 << 20,
	SYMINDEX_STRINGS_MAX = 256 << 20, /* bytes; fits SYMINDEX_NAME_MASK */
	SYMINDEX_SEGMENTS_MAX = 256,
	SYMINDEX_SECTIONS_MAX = 64 << 10,
	SYMINDEX_AREAS_MAX = 32 << 20, /* of areas, of nodes and of rows; past it no debug info */
};

enum { SYMINDEX_DEPTH_MAX = 128 }; /* levels of a chain, the function itself included */

#define SYMINDEX_MAGIC	 "wicksym" /* with its NUL: 8 bytes */
#define SYMINDEX_VERSION 5u

struct symindex_header {
	char magic[8];
	uint32_t version;
	uint32_t source;	/* the best of its symbols'; SYMINDEX_NONE if there are none */
	uint64_t size;		/* of the whole file, bytes */
	uint32_t segment_count; /* at least 1 */
	uint32_t symbol_count;
	uint32_t string_size; /* at least 1 */
	uint32_t build_id_size;
	uint8_t build_id[SYMINDEX_BUILD_ID_MAX]; /* zeros behind build_id_size */
	uint64_t text;				 /* vaddr from which areas and rows count */
	uint32_t area_count, node_count, row_count;
	uint32_t debug;	    /* enum symindex_debug */
	uint32_t debuglink; /* name in .gnu_debuglink, in the strings; 0 = none */
	uint32_t debuglink_crc;
	uint32_t altlink; /* name in .gnu_debugaltlink of what was read; 0 = none */
	uint32_t alt_id_size;
	uint8_t alt_id[SYMINDEX_BUILD_ID_MAX]; /* the build id that it asks for */
	struct symindex_source_use layers[SYMINDEX_LAYERS];
	uint32_t
		debug_place; /* where the debug file lay, as the reader's caller numbers it; 0 = none */
	uint32_t alt_state;	/* enum symindex_layer_state, of the alt file */
	uint32_t split_count;	/* units whose calls are in split files (.dwo, .dwp) */
	uint32_t split_missing; /* of those: whose file is not there */
	uint32_t split_other;	/* of those: whose file is of another build, or damaged */
	uint32_t split_dir,
		split_name;   /* the first that is missing, as its unit names it; 0 = none */
	uint32_t has_package; /* 1: a package (.dwp) was there */
};

struct symindex_segment {
	uint64_t off, vaddr, size; /* size: bytes in the file */
	uint32_t flags;		   /* PF_R, PF_W, PF_X */
	uint32_t zero;
};

struct symindex_symbol {
	uint64_t vaddr;
	uint32_t size;
	uint32_t name; /* where it starts in the strings; its source; SYMINDEX_PLT */
};

#define SYMINDEX_PLT	      0x80000000u
#define SYMINDEX_SOURCE_SHIFT 28 /* 3 bits of enum symindex_source, never SYMINDEX_NONE */
#define SYMINDEX_NAME_MASK    ((1u << SYMINDEX_SOURCE_SHIFT) - 1)

struct symindex_area {
	uint32_t at; /* from text; ascending */
	uint32_t node;
};

struct symindex_node {
	uint32_t name;	     /* in the strings; 0 = the symbol's name will do */
	uint32_t parent;     /* a node before this one; 0 = not inlined */
	uint32_t file, line; /* where the parent has the call */
};

struct symindex_row {
	uint32_t at; /* from text; ascending */
	uint32_t file, line;
};

_Static_assert(sizeof(struct symindex_header) == 312, "file format");
_Static_assert(sizeof(struct symindex_area) == 8, "file format");
_Static_assert(sizeof(struct symindex_node) == 16, "file format");
_Static_assert(sizeof(struct symindex_row) == 12, "file format");
_Static_assert(sizeof(struct symindex_segment) == 32, "file format");
_Static_assert(sizeof(struct symindex_symbol) == 16, "file format");

struct symindex;

/* What a vaddr is called. */
struct symindex_name {
	const char *symbol;	     /* as in the symbol table (mangled); borrowed from the index */
	uint64_t start;		     /* vaddr of the range */
	uint64_t size;		     /* bytes; never 0 */
	bool is_plt;		     /* symbol is the callee of a PLT stub: shown as "name@plt" */
	enum symindex_source source; /* of this symbol */
};

/*
 * Takes the bytes (a sealed memfd of a parser child, or a cache file) by mmap and checks all of
 * them in one pass: header, bounds, order, terminators. -EBADMSG for anything that symindex_build()
 * would not have made. The descriptor stays the caller's and may be closed at once.
 */
int symindex_open(int fd, struct symindex **ret_index);

/* The same for a file that we wrote ourselves after such a check: only the header is checked again,
 * so that it opens in microseconds. No look-up believes what it reads: damage on disk gives wrong
 * names, not more. */
int symindex_open_trusted(int fd, struct symindex **ret_index);
void symindex_free(struct symindex *index);
static inline void symindex_freep(struct symindex **index)
{
	symindex_free(*index);
}

/* For who has very many look-ups: makes them faster, for 12 bytes of memory for each 256 of text and one pass
 * over the tables. Not while other threads have the index. -ENOMEM: they are as fast as before. */
int symindex_guide(struct symindex *index);

/* The name of the symbol that covers vaddr. False: no symbol covers it. Never the nearest one
 * before. Callers look return addresses up at vaddr - 1. Any thread. */
bool symindex_lookup(const struct symindex *index, uint64_t vaddr, struct symindex_name *ret_name);

/* One level of what runs at a vaddr. */
struct symindex_frame {
	const char *function;	     /* mangled, if the language does; NULL = no name is known */
	const char *file;	     /* path; NULL = not known */
	uint32_t line;		     /* 0 = not known */
	bool is_plt;		     /* as above */
	bool is_inlined;	     /* into the next level */
	enum symindex_source source; /* of function; SYMINDEX_NONE: debug info, or there is none */
	uint64_t start; /* vaddr of the range that a symbol names, where source is one */
};

/* The levels at a vaddr, innermost first: inlined functions, then the one that was called (the last
 * level, named by its symbol if it has one). Gives their number: at most max, and never 0 for a max
 * above 0, for there is always a last level, if nameless. Strings are borrowed from the index. Any
 * thread. */
uint32_t symindex_frames(const struct symindex *index, uint64_t vaddr,
			 struct symindex_frame *ret_frames, uint32_t max);

/* off -> vaddr through the PT_LOAD that holds off (research: p_vaddr - p_offset differs between
 * segments, so never by one bias for the whole file). False: no segment holds it. */
bool symindex_vaddr(const struct symindex *index, uint64_t off, uint64_t *ret_vaddr);

/* The span of vaddrs of the executable segments, for pprof's mapping; offset is that of the first.
 */
void symindex_text(const struct symindex *index, uint64_t *ret_start, uint64_t *ret_limit,
		   uint64_t *ret_off);

/* The GNU build id; size 0 if the file has none. */
const uint8_t *symindex_build_id(const struct symindex *index, size_t *ret_size);

enum symindex_source symindex_source(const struct symindex *index);
uint32_t symindex_count(const struct symindex *index);
size_t symindex_bytes(const struct symindex *index);
/* The bytes of it that are no file's of the cache, and so cost memory; 0 after
 * symindex_open_trusted(). */
size_t symindex_held(const struct symindex *index);
/* Lets go of the pages that look-ups have touched; those to come find them again. */
void symindex_rest(const struct symindex *index);

/* For dumps and tests: the n-th symbol in vaddr order, the n-th segment in file order. */
bool symindex_at(const struct symindex *index, uint32_t n, struct symindex_name *ret_name);
const struct symindex_segment *symindex_segment(const struct symindex *index, uint32_t n);

/* What became of the debug info; has_lines: rows are there. */
enum symindex_debug symindex_debug(const struct symindex *index);
bool symindex_has_lines(const struct symindex *index);
/* Why it does not tell all that it should, for a person; NULL: it does (index may be NULL). */
const char *symindex_debug_problem(const struct symindex *index);
/* The separate debug file it was read from, NULL if there was none: what the reader's caller noted.
 * Takes the path, malloc()ed. */
void symindex_note_debug_file(struct symindex *index, char *path);
const char *symindex_debug_file(const struct symindex *index);
/* The header and the strings that it names: for dumps, and to look for further files. */
const struct symindex_header *symindex_header(const struct symindex *index);
const char *symindex_string(const struct symindex *index, uint32_t at);

/* Opens the split file (.dwo) of a unit, by what the program says of it: gives a descriptor, which is
 * the caller's, or a negative errno. */
typedef int (*symindex_open_split_fn)(const char *comp_dir, const char *name);

/* Descriptors; -1 = none. */
struct symindex_input {
	int elf_fd;
	int debug_fd;	/* its separate debug file, if that is what it proves to be */
	int alt_fd;	/* what .gnu_debugaltlink (dwz) of the one or the other names */
	int package_fd; /* their split files in one (.dwp) */
	symindex_open_split_fn open_split; /* those that are not in it; NULL: they cannot be had */
	/* Not SYMINDEX_DEBUG_NONE: the debug info has killed a reader, and is left alone; so the
	 * index says. */
	enum symindex_debug given_up;
	uint32_t debug_place; /* goes into the header if the debug file is what it should be */
	bool needs_id;	      /* a CRC is not enough for it to be believed */
	bool may_unpack; /* liblzma is loaded; else mini debuginfo is asked for in the header */
	bool may_ask;  /* an alt file or split files that are named are asked for first: debug info
		       * is left out, the header tells of them */
	bool in_haste; /* debug info that takes longer than the symbols is left out */
};

/*
 * In the parser child only: reads the files with libelf and the reader of dwarf.h and writes the
 * table to out_fd. Foreign bytes: bounded, capped. -ENOEXEC: not an ELF file this can read;
 * -EBADMSG: damaged; -EFBIG: past a cap. Debug info that is damaged or too big costs no symbols:
 * see symindex_debug().
 */
int symindex_build(const struct symindex_input *input, int out_fd);

#endif
