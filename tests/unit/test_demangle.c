/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/cleanup.h"
#include "symbolizer/demangle.h"
#include "tests/test.h"

/* libiberty's D demangler loses its strings when it is ended by longjmp(): see demangle.h. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static const struct {
	const char *symbol, *readable;
} golden[] = {
	{"main", NULL},
	{"", NULL},
	{"_", NULL},
	{"_Z", NULL},
	{"_start", NULL},
	{"_R", NULL},
	{"_Dynamic", NULL},
	{"_ZN3foo3barEi", "foo::bar"},
	{"_ZNK3foo3barEv", "foo::bar"},
	{"_ZN3fooIiEEvT_", "foo<int>"},
	{"_ZNSt6vectorIiSaIiEE9push_backEOi", "std::vector<int, std::allocator<int> >::push_back"},
	{"_ZN12_GLOBAL__N_13runEv", "(anonymous namespace)::run"},
	{"_ZZN3foo3barEvENKUlvE_clEv", "foo::bar()::{lambda()#1}::operator()"},
	/* clones: as C names have them, so that they are grouped by one rule */
	{"_ZN3foo3barEi.cold", "foo::bar.cold"},
	{"_ZN3foo3barEi.isra.0.cold", "foo::bar.isra.0.cold"},
	{"_ZN3foo3barEi.part.3", "foo::bar.part.3"},
	{"_ZN3foo3barEi.llvm.1234567890", "foo::bar"},
	{"_ZN3foo3barEi.cold.llvm.12", "foo::bar.cold"},
	{"foo.cold", NULL},
	/* Rust: legacy loses its hash, v0 its crate ids */
	{"_ZN4core3ptr13drop_in_place17h0123456789abcdefE", "core::ptr::drop_in_place"},
	{"_ZN4core3ptr13drop_in_place17h0123456789abcdefE.llvm.99", "core::ptr::drop_in_place"},
	{"_ZN50_$LT$T$u20$as$u20$core..convert..Into$LT$U$GT$$GT$4into17h0123456789abcdefE.cold",
	 "<T as core::convert::Into<U>>::into.cold"},
	{"_RNvCs1234_7mycrate3foo", "mycrate::foo"},
	{"_RNvCs1234_7mycrate3foo.llvm.123", "mycrate::foo"},
	{"_RINvCs1234_7mycrate3fooyE", "mycrate::foo::<u64>"},
	/* D */
	{"_Dmain", "D main"},
	{"_D3std5stdio7writelnFZv", "std.stdio.writeln()"},
};

TEST(names_become_readable_without_parameters_and_hashes)
{
	char readable[DEMANGLE_OUT_MAX];

	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++)
		CHECK_STR(demangle(golden[i].symbol, readable, sizeof(readable)),
			  golden[i].readable);
}

static void repeat(struct buf *buf, const char *text, unsigned int times)
{
	while (times--)
		buf_add_str(buf, text);
}

/* Each substitution names a pair of the one before: 2^30 names in 311 bytes of symbol or so. */
static void cpp_bomb(struct buf *symbol)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	buf_add_str(symbol, "_Z1fI1AIiiE");
	for (unsigned int i = 0; i < 30; i++) {
		char last = i ? digits[i] : '0';

		buf_printf(symbol, "S_IS%c_S%c_E", last, last);
	}
	buf_add_str(symbol, "EvT_");
}

/* Tuples of two back-references to the tuple before: (T, T) of (T, T) of .. */
static void rust_bomb(struct buf *symbol)
{
	static const char digits[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t last;

	buf_add_str(symbol, "_RINvC1a1f");
	last = symbol->used - 2;
	buf_add_str(symbol, "TyyE");
	for (unsigned int i = 0; i < 35; i++) {
		size_t here = symbol->used - 2;
		char position[8] = "";

		/* base 62, biased by one: "_" is 0, "0_" is 1 */
		if (last > 62)
			snprintf(position, sizeof(position), "%c%c", digits[(last - 1) / 62],
				 digits[(last - 1) % 62]);
		else if (last)
			snprintf(position, sizeof(position), "%c", digits[last - 1]);
		buf_printf(symbol, "TB%s_B%s_E", position, position);
		last = here;
	}
	buf_add_str(symbol, "E");
}

/* Function types of two back-references to the type before. */
static void d_bomb(struct buf *symbol)
{
	size_t last;

	buf_add_str(symbol, "_D1aF");
	last = symbol->used;
	buf_add_str(symbol, "FiiZv");
	for (unsigned int i = 0; i < 40; i++) {
		size_t here = symbol->used;

		buf_add_str(symbol, "F");
		for (unsigned int n = 0; n < 2; n++) {
			size_t back = symbol->used - last;

			buf_add_char(symbol, 'Q');
			if (back >= 26)
				buf_add_char(symbol, (char)('A' + back / 26));
			buf_add_char(symbol, (char)('a' + back % 26));
		}
		buf_add_str(symbol, "Zv");
		last = here;
	}
	buf_add_str(symbol, "Zv");
}

/* Without the bounds these run for hours: the test's own time limit is the check. */
static void check_bomb(void (*make)(struct buf *), bool is_cut)
{
	_cleanup_(buf_release) struct buf symbol = {0};
	char readable[DEMANGLE_OUT_MAX];
	const char *name;

	make(&symbol);
	name = demangle(buf_cstr(&symbol), readable, sizeof(readable));
	if (is_cut && (!name || strlen(name) != sizeof(readable) - 1))
		TEST_FAIL("not cut: %s: %.40s (%zu)", buf_cstr(&symbol), name ? name : "(null)",
			  name ? strlen(name) : 0);
	/* and the next name is not harmed */
	CHECK_STR(demangle("_ZN3foo3barEi", readable, sizeof(readable)), "foo::bar");
	CHECK_STR(demangle("_Dmain", readable, sizeof(readable)), "D main");
}

TEST(doubling_substitutions_are_cut)
{
	check_bomb(cpp_bomb, true);
}
TEST(doubling_back_references_of_rust_are_cut)
{
	check_bomb(rust_bomb, true);
}
TEST(doubling_back_references_of_d_end)
{
	check_bomb(d_bomb, false);
}

TEST(long_and_deep_names_are_refused_or_cut)
{
	static const char *const parts[] = {"P", "1aI", "PF", "N1aE", "RT_", "TB_", "Fii", "I1a"};
	static const char *const starts[] = {"_Z", "_Z1fI", "_R", "_RINvC1a1f", "_D", "_D1aF"};

	for (size_t s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
		for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
			_cleanup_(buf_release) struct buf symbol = {0};
			char readable[DEMANGLE_OUT_MAX];

			buf_add_str(&symbol, starts[s]);
			repeat(&symbol, parts[p], 4000 / (unsigned int)strlen(parts[p]));
			demangle(buf_cstr(&symbol), readable, sizeof(readable));
			repeat(&symbol, "i", 200);
			CHECK(!demangle(buf_cstr(&symbol), readable, sizeof(readable)));
		}
	}
}

TEST(the_readable_form_is_cut_to_the_room_there_is)
{
	char readable[9];

	CHECK_STR(demangle("_ZN3foo3barEi", readable, 9), "foo::bar");
	CHECK_STR(demangle("_ZN3foo3barEi", readable, 8), "foo::ba");
	CHECK_STR(demangle("_ZN3foo3barEi.cold", readable, 9), "foo::bar");
	CHECK_STR(demangle("_Dmain", readable, 3), "D ");
	CHECK(!demangle("_ZN3foo3barEi", readable, 1));
}

TEST_MAIN()
