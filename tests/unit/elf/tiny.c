/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small enough to cut at every byte: symbols, a PLT stub, a build id. */
int outside(int n);
int tiny_one(int n);
int tiny_two(int n);

int tiny_one(int n)
{
	return outside(n) + 1;
}

__attribute__((noinline)) static int tiny_local(int n)
{
	return outside(n) * 3;
}

int tiny_two(int n)
{
	return tiny_local(n) + 2;
}
