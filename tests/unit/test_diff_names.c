/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/diff_names.h"
#include "tests/test.h"

#include <stdlib.h>
#include <time.h>

static const char *stable(const char *name, bool without_templates)
{
	static struct buf out;

	buf_clear(&out);
	diff_name_add(&out, name, without_templates);
	return buf_cstr(&out);
}

static void check_all(const char *const (*cases)[2], size_t count)
{
	for (size_t i = 0; i < count; i++)
		CHECK_STR(stable(cases[i][0], false), cases[i][1]);
}

#define CHECK_CASES(...)                                                                           \
	do {                                                                                       \
		static const char *const _cases[][2] = {__VA_ARGS__};                              \
		check_all(_cases, sizeof(_cases) / sizeof(*_cases));                               \
	} while (0)

TEST(compilers_clones_are_their_function)
{
	CHECK_CASES({"f.cold", "f"}, {"f.cold.3", "f"}, {"f.part.0", "f"}, {"f.constprop.12", "f"},
		    {"f.isra.2", "f"}, {"f.llvm.1234567890", "f"}, {"f.lto_priv.0", "f"},
		    {"f.isra.0.cold", "f"}, {"f.constprop.0.part.1", "f"},
		    {"ns::f(int) [clone .cold]", "ns::f(int)"},
		    {"f(int) [clone .part.0] [clone .cold]", "f(int)"},
		    {"f(int) [clone .constprop.0.isra.0]", "f(int)"});
}

TEST(what_only_looks_like_a_clone_stays)
{
	CHECK_CASES({"f.colder", "f.colder"}, {"f.part", "f.part"}, {"f.part.x", "f.part.x"},
		    {".cold", ".cold"}, {"f.0", "f.0"}, {"f.isra", "f.isra"},
		    {"main.func1", "main.func1"}, {"f [clone .other]", "f [clone .other]"},
		    {"f [clone .cold", "f [clone "});
}

TEST(rust_hashes_go)
{
	CHECK_CASES({"core::fmt::write::h0123456789abcdef", "core::fmt::write"},
		    {"a::b::h0123456789abcdef.llvm.77", "a::b"},
		    {"a::h0123456789abcde", "a::h0123456789abcde"},
		    {"a::h0123456789abcdef0", "a::h0123456789abcdef0"}, {"a::hello", "a::hello"});
}

TEST(numbers_of_lambdas_and_unnamed_things_go)
{
	CHECK_CASES({"f()::{lambda(int)#2}::operator()(int) const",
		     "f()::{lambda(int)#N}::operator()(int) const"},
		    {"f()::{lambda()#1}::operator()()", "f()::{lambda()#N}::operator()()"},
		    {"g<f()::'lambda0'(int)>", "g<f()::'lambdaN'(int)>"},
		    {"f()::$_3::operator()()", "f()::$_N::operator()()"},
		    {"a::{unnamed type#4}::b", "a::{unnamed type#N}::b"},
		    {"_GLOBAL__N_1::f", "(anonymous namespace)::f"},
		    {"_GLOBAL__N__1234abcd_5_x_cpp_9f::f", "(anonymous namespace)::f"},
		    {"(anonymous namespace)::f", "(anonymous namespace)::f"});
}

TEST(numbers_of_generated_java_go)
{
	CHECK_CASES({"A$$Lambda$17/0x00007f0123.run", "A$$Lambda$N.run"},
		    {"A$$Lambda$17.run", "A$$Lambda$N.run"},
		    {"A$$Lambda/0x00007f0123.run", "A$$Lambda/0xN.run"},
		    {"A.lambda$main$3", "A.lambda$main$N"},
		    {"com.sun.proxy.$Proxy12.get", "com.sun.proxy.$ProxyN.get"},
		    {"jdk.internal.reflect.GeneratedMethodAccessor7.invoke",
		     "jdk.internal.reflect.GeneratedMethodAccessorN.invoke"},
		    {"B$$EnhancerBySpringCGLIB$$1a2b3c.call", "B$$EnhancerBySpringCGLIB$$N.call"},
		    {"java.lang.invoke.LambdaForm$MH/0x0008.invoke",
		     "java.lang.invoke.LambdaForm$MH/0xN.invoke"},
		    {"A$1.run", "A$1.run"});
}

TEST(addresses_of_frames_without_a_name_go)
{
	CHECK_CASES({"libc.so.6+0x1234", "libc.so.6+N"}, {"a+0xzz", "a+0xzz"},
		    {"a+0x12 b", "a+0x12 b"}, {"+0x12", "+0x12"});
}

TEST(template_arguments_go_when_asked)
{
	CHECK_STR(stable("std::vector<int, std::allocator<int> >::at(int)", true),
		  "std::vector<>::at(int)");
	CHECK_STR(stable("std::vector<int>::at(int)", false), "std::vector<int>::at(int)");
	CHECK_STR(stable("a::operator<(b<c>)", true), "a::operator<(b<>)");
	CHECK_STR(stable("a::operator<<(b<c>)", true), "a::operator<<(b<>)");
	CHECK_STR(stable("a::operator->(b<c>)", true), "a::operator->(b<>)");
	CHECK_STR(stable("f<g->h>(x)", true), "f<>(x)");
	CHECK_STR(stable("a<b", true), "a<b");
	CHECK_STR(stable("<T as core::Clone>::clone", true), "<T as core::Clone>::clone");
}

TEST(other_names_stay_as_they_are)
{
	CHECK_CASES({"main", "main"}, {"", ""},
		    {"std::map<int, x[3]>::operator[]", "std::map<int, x[3]>::operator[]"},
		    {"runtime.mallocgc", "runtime.mallocgc"}, {"a$b#1", "a$b#1"},
		    {"\xff\xfe.cold", "\xff\xfe"});
}

/* Names are hostile: here each is made of a part that could start a search again and again.
 * Quadratic work would run into the test's time limit. */
TEST(long_names_end)
{
	static const char *const parts[] = {"lambda$1#", "<",	   "<>", "::h0", "_GLOBAL__N_",
					    " [clone .", ".cold.", "$_", "+0x1"};
	enum { SIZE = 1 << 18 };
	char *name = malloc(SIZE + 16);

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		size_t length = strlen(parts[i]), used = 0;

		name[used++] = 'x';
		while (used + length < SIZE) {
			memcpy(name + used, parts[i], length);
			used += length;
		}
		name[used] = '\0';
		CHECK(strlen(stable(name, true)) > 0);
	}
	free(name);
}

TEST_MAIN()
