/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One name for a function in all its builds: what compilers and runtimes add to tell clones and
 * generated code apart, and number anew with each build, is taken out.
 *
 *   gcc, clang  f.cold f.part.0 f.constprop.1 f.isra.2 f.llvm.123 f.lto_priv.0 "f [clone .cold]"  f
 *   Rust        crate::f::h0123456789abcdef                                             crate::f
 *   C++         {lambda(int)#2}, {unnamed type#1}, 'lambda0', $_3                       number -> N
 *               _GLOBAL__N_1_x_cpp_1f2e, (anonymous namespace)              (anonymous namespace)
 *   Java        A$$Lambda$17/0x7f01.run, $Proxy12, lambda$main$3, GeneratedMethodAccessor7,
 *               EnhancerBySpringCGLIB$$1a2b, LambdaForm$MH/0x7f01               number, hash -> N
 *   no name     libx.so+0x1234: its address is another in each build            libx.so+N
 */
#ifndef WICK_FORMATS_DIFF_NAMES_H
#define WICK_FORMATS_DIFF_NAMES_H

#include "base/buf.h"

#include <stdbool.h>

/* Appends the name. without_templates: template arguments are left out too ("v<int>::f" is
 * "v<>::f"). Never appends nothing: a name of which nothing would be left stays as it is. */
void diff_name_add(struct buf *out, const char *name, bool without_templates);

#endif
