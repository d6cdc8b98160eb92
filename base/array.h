/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Growth of plain arrays: pointer, capacity, and a count that the caller keeps. */
#ifndef WICK_BASE_ARRAY_H
#define WICK_BASE_ARRAY_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Makes room for at least `need` elements of `size` bytes; doubles, so that appending is linear in
 * all. Returns the (moved) array, or NULL and leaves everything as it was. */
static inline void *array_grow(void *array, size_t *capacity, size_t need, size_t size)
{
	size_t want = *capacity ? *capacity : 16;

	while (want < need) {
		if (want > SIZE_MAX / 2 / size)
			return NULL;
		want *= 2;
	}
	array = realloc(array, want * size);
	if (array)
		*capacity = want;
	return array;
}

/* array: a pointer to the array pointer; capacity: a pointer to its capacity, of any unsigned type.
 * Gives 0 or -ENOMEM. */
#define array_reserve(array, capacity, need)                                                       \
	({                                                                                         \
		size_t _capacity = *(capacity), _need = (need);                                    \
		int _err = 0;                                                                      \
		if (_need > _capacity) {                                                           \
			void *_grown = array_grow(*(array), &_capacity, _need, sizeof(**(array))); \
			if (!_grown || _capacity > (__typeof__(*(capacity)))-1) {                  \
				_err = -ENOMEM;                                                    \
				if (_grown)                                                        \
					*(array) = _grown;                                         \
			} else {                                                                   \
				*(array) = _grown;                                                 \
				*(capacity) = (__typeof__(*(capacity)))_capacity;                  \
			}                                                                          \
		}                                                                                  \
		_err;                                                                              \
	})

#endif
