/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Program text that was copied to anonymous memory in its own place, for the sake of huge pages (node
 * --use-largepages, hhvm, Chromium): the kernel knows no file of it any more. Such memory lies between
 * mappings of one file, and reads as that file does.
 */
#ifndef WICK_PROFILER_COPIED_TEXT_H
#define WICK_PROFILER_COPIED_TEXT_H

#include "symbolizer/proc_maps.h"

#include <stdbool.h>
#include <sys/types.h>

/* No file's, but anonymous, or of the kernel's reserve of huge pages. */
bool copied_text_is_memory(const struct proc_mapping *mapping);

/* That, and executable: may be such text, if it lies in the right place. */
bool copied_text_may_be(const struct proc_mapping *mapping);

/* Is it, between the last mapping of a file before it and the first one behind it, amid one file? */
bool copied_text_is_amid(const struct proc_mapping *before, const struct proc_mapping *after);

/* Compares some pages with the file; if they are the same, makes the mapping one of that file. */
bool copied_text_read(pid_t tid, const struct proc_mapping *before, struct proc_mapping *mapping);

#endif
