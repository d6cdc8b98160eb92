/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that people asked for: whole or not at all, owned by who asked. */
#ifndef WICK_PROFILER_OUTPUT_H
#define WICK_PROFILER_OUTPUT_H

#include "base/buf.h"
#include "formats/profile.h"
#include "profiler/options.h"

#include <stddef.h>

/*
 * Checks, before any work is done, that the profile can be written to path later: known extension,
 * directory there and writable. "-" is folded text on stdout, and so is any path without a known
 * extension that is no regular file (/dev/stdout, /dev/null, a FIFO). Says what is wrong (log_error
 * and hint) and gives a STATUS_: STATUS_OK, STATUS_USAGE (unknown extension) or STATUS_ERROR.
 */
int output_check(const char *path);

/*
 * Writes the profile in the format of path's extension: temporary name in the same directory,
 * fsync, rename, fsync of the directory; mode 0644 less the umask; owner SUDO_UID:SUDO_GID when
 * wick runs as root under sudo. An interrupted or failed run leaves the old file or none, never a
 * part, and no temporary file. A symbolic link is replaced, not followed; what is no regular file
 * is written to directly. Says what is wrong and gives a STATUS_; *ret_bytes (may be NULL) is the
 * file's size.
 */
int output_write(struct profile *profile, const char *path, size_t *ret_bytes);

/*
 * The same two for other bytes than a profile's, which have no format of wick's: any path goes but
 * "-", which is written as it is to stdout. output_check_place() says nothing of extensions.
 */
int output_check_place(const char *path);
int output_write_bytes(const struct buf *bytes, const char *path);

/* Reads a profile in any readable format; says what is wrong and gives a STATUS_. */
int output_read(const char *path, struct profile **ret_profile);
/* The same for one that is added to others: see profile_decode_flat(). */
int output_read_flat(const char *path, struct profile **ret_profile);

/* Writes a command's whole text to stdout; a reader that has gone away is an error as any other.
 * Says what is wrong and gives a STATUS_. */
int output_text(const struct buf *text);

/* How frames are written, for commands that write profiles. */
struct output_frames {
	bool expand;   /* each inlined call as a location of its own */
	bool annotate; /* _[k], _[i], _[j] behind names */
};

/* Rewrites the frames as asked for. Gives a STATUS_ after it has said what is wrong. */
int output_shape(struct profile *profile, const struct output_frames *frames);

/* --inline: parses into the struct output_frames at spec->offset. */
int output_parse_inline(void *options, const struct option_spec *spec, const char *value);

/* Rows for a table of options; type has a struct output_frames named frames.
 * is_hidden: not in --help, where that would be longer than a screen. */
#define OUTPUT_FRAME_OPTIONS(type, is_hidden)                                                      \
	{.name = "inline",                                                                         \
	 .kind = OPTION_CALL,                                                                      \
	 .value = "HOW",                                                                           \
	 .help = "inlined calls: lines, or expand (own locations)",                                \
	 .offset = offsetof(type, frames),                                                         \
	 .hidden = is_hidden,                                                                      \
	 .parse = output_parse_inline},                                                            \
	{                                                                                          \
		.name = "annotate", .kind = OPTION_FLAG,                                           \
		.help = "mark names: _[k] kernel, _[i] inlined, _[j] JIT",                         \
		.offset = offsetof(type, frames.annotate), .hidden = is_hidden,                    \
	}

#endif
