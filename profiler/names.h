/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a window of addresses to a profile of names. Keeps what is dear between windows: the
 * kernel's symbols and the readable forms of mangled names.
 *
 * Nothing that identifies this boot of the machine gets into a profile: user locations are vaddrs
 * of the module's image, kernel locations offsets from the start of the kernel's or the module's
 * text.
 */
#ifndef WICK_PROFILER_NAMES_H
#define WICK_PROFILER_NAMES_H

#include "formats/profile.h"
#include "profiler/modules.h"
#include "profiler/window.h"
#include "symbolizer/kallsyms.h"

struct names;

/* demangled_max: bytes of names that are kept readable between windows; twice as much for a while. */
enum { NAMES_DEMANGLED_BYTES = 4 << 20 };
int names_new(struct modules *modules, size_t demangled_max, struct names **ret_names);
void names_free(struct names *names);
static inline void names_freep(struct names **names)
{
	names_free(*names);
}

/* The kernel's symbols as they are now, read anew; or NULL. Borrowed
 * until the next call of anything here. */
const struct kallsyms *names_kernel(struct names *names);

/*
 * The window as a profile, with its ledger and with comments on how it was made and which modules
 * have no names, and why. Does not wait for symbols. Frames without a name are kept and read
 * module+0xoffset.
 */
int names_profile(struct names *names, const struct window *window, unsigned int hz,
		  const char *event, struct profile **ret_profile);

void names_tell_memory(const struct names *names, memory_take take, void *context);

#endif
