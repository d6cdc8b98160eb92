/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One function under two versions, as glibc has memcpy. */
int old_answer(void);
int new_answer(void);
int plain(void);

__asm__(".symver old_answer, answer@WICK_1");
__asm__(".symver new_answer, answer@@WICK_2");

int old_answer(void)
{
	return 41;
}

int new_answer(void)
{
	return 42;
}

int plain(void)
{
	return old_answer() + new_answer();
}
