/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inlined calls, ranges in pieces and a cold part, in few bytes of debug info. */
int outside(int n);
int inlined_entry(int n);
void inlined_fail(int n) __attribute__((noreturn, cold));

static inline __attribute__((always_inline)) int twice(int n)
{
	return outside(n) + outside(n + 1);
}

static inline __attribute__((always_inline)) int four_times(int n)
{
	if (n == 77)
		inlined_fail(n);
	return twice(n) * twice(n + 2);
}

int inlined_entry(int n)
{
	for (int i = 0; i < n; i++)
		n += four_times(i);
	return n;
}
