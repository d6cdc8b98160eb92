/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparisons of small profiles given as folded text, their truth known by construction. */
#include "formats/diff.h"
#include "formats/diff_graph.h"
#include "formats/diff_write.h"
#include "formats/folded.h"
#include "tests/test.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static struct profile *folded(const char *text)
{
	struct profile *profile = NULL;
	const char *why = "";

	if (folded_read(text, strlen(text), &profile, &why))
		TEST_FAIL("cannot read: %s", why);
	return profile;
}

static struct diff *start(void)
{
	const struct diff_options options = DIFF_DEFAULTS;
	struct diff *diff;

	diff_new(&options, &diff);
	return diff;
}

static struct diff *compare(const char *before, const char *after)
{
	struct diff *diff = start();

	CHECK_INT(diff_add(diff, DIFF_BEFORE, folded(before), 0), 0);
	CHECK_INT(diff_add(diff, DIFF_AFTER, folded(after), 0), 0);
	CHECK_INT(diff_compare(diff), 0);
	return diff;
}

static const struct diff_function *find(const struct diff *diff, const char *name)
{
	static const struct diff_function none;

	for (uint32_t i = 0; i < diff->function_count; i++)
		if (!strcmp(diff_name(diff, &diff->functions[i]), name))
			return &diff->functions[i];
	TEST_FAIL("there is no %s", name);
	return &none;
}

static const char *verdict(const struct diff *diff, const char *name)
{
	return diff_verdict_name(diff_headline(find(diff, name))->verdict);
}

#define OTHERS                                                                                     \
	"app;main;o1 9000\napp;main;o2 8000\napp;main;o3 7000\napp;main;o4 6000\n"                 \
	"app;main;o5 5000\napp;main;o6 4000\napp;main;o7 3000\n"

TEST(recursion_counts_once_and_self_is_the_leaf)
{
	struct diff *diff = compare("f;g;f 5\nf 2\ng 1\n", "f;g;f 10\n");
	const struct diff_function *f = find(diff, "f"), *g = find(diff, "g");

	CHECK_INT(f->self.samples[DIFF_BEFORE], 7);
	CHECK_INT(f->total.samples[DIFF_BEFORE], 7);
	CHECK_INT(g->self.samples[DIFF_BEFORE], 1);
	CHECK_INT(g->total.samples[DIFF_BEFORE], 6);
	CHECK_INT(f->total.samples[DIFF_AFTER], 10);
	CHECK_INT(g->self.samples[DIFF_AFTER], 0);
	CHECK(fabs(g->total.difference - (1 - 6.0 / 8)) < 1e-12);
	diff_free(diff);
}

TEST(slower_faster_new_and_gone_are_found)
{
	struct diff *diff =
		compare(OTHERS "app;main;s 5000\napp;main;f 5000\napp;main;x;dead 900\n",
			OTHERS "app;main;s 6500\napp;main;f 2000\napp;main;y;born 900\n");

	CHECK_STR(verdict(diff, "s"), "slower");
	CHECK_STR(verdict(diff, "f"), "faster");
	CHECK_STR(verdict(diff, "dead"), "gone");
	CHECK_STR(verdict(diff, "born"), "new");
	CHECK_STR(verdict(diff, "o3"), "no evidence");
	CHECK_STR(verdict(diff, "main"), "no evidence");
	CHECK(isinf(find(diff, "born")->self.growth));
	diff_free(diff);
}

TEST(few_samples_are_not_judged)
{
	struct diff *diff = compare(OTHERS "app;main;rare 1\n", OTHERS "app;main;rare 15\n");

	CHECK_STR(verdict(diff, "rare"), "too few samples");
	CHECK(isnan(find(diff, "rare")->self.q));
	diff_free(diff);
}

/* One function twice as slow makes all other shares fall by a tenth; twice the load changes
 * nothing. */
TEST(one_change_does_not_colour_the_others)
{
	struct diff *diff = compare(OTHERS "app;main;s 5000\n", OTHERS "app;main;s 10000\n");

	CHECK(find(diff, "o1")->self.growth < -0.09); /* that is what the share did */
	CHECK_STR(verdict(diff, "o1"), "no evidence");
	CHECK_STR(verdict(diff, "o7"), "no evidence");
	CHECK_STR(verdict(diff, "s"), "slower");
	CHECK(fabs(diff->drift - 47.0 / 52) < 1e-9);
	diff_free(diff);
}

TEST(an_improvement_elsewhere_makes_nothing_slower)
{
	struct diff_gate gate = {.growth = 0.01};
	struct diff *diff = compare(OTHERS "app;main;s 50000\n", OTHERS "app;main;s 5000\n");

	CHECK(find(diff, "o1")->self.growth > 0.5);
	CHECK_STR(verdict(diff, "s"), "faster");
	for (uint32_t i = 0; i < diff->function_count; i++)
		CHECK(!diff_gate_function(diff, &gate, &diff->functions[i]));
	diff_free(diff);
}

TEST(twice_the_samples_change_no_verdict)
{
	struct diff *diff = compare("app;main;a 1000\napp;main;b 3000\napp;main;c 6000\n",
				    "app;main;a 2000\napp;main;b 6000\napp;main;c 12000\n");

	CHECK_STR(verdict(diff, "a"), "no evidence");
	CHECK(fabs(find(diff, "a")->self.difference) < 1e-12);
	diff_free(diff);
}

/* ---- moved ---- */

TEST(inlined_into_its_caller_is_moved)
{
	struct diff *diff =
		compare(OTHERS "app;main;p;c 4000\napp;main;p 2000\n", OTHERS "app;main;p 6000\n");

	CHECK_STR(verdict(diff, "c"), "moved");
	CHECK_STR(verdict(diff, "p"), "moved");
	CHECK_INT(find(diff, "c")->partner_count, 1);
	CHECK_STR(diff_name(diff, &diff->functions[find(diff, "c")->partners[0]]), "p");
	CHECK_STR(verdict(diff, "main"), "no evidence");
	diff_free(diff);
}

TEST(renamed_is_moved)
{
	struct diff *diff = compare(OTHERS "app;main;old;o1 300\napp;main;old 4000\n",
				    OTHERS "app;main;fresh;o1 300\napp;main;fresh 4000\n");

	CHECK_STR(verdict(diff, "old"), "moved");
	CHECK_STR(verdict(diff, "fresh"), "moved");
	diff_free(diff);
}

TEST(split_into_two_is_moved)
{
	struct diff *diff = compare(OTHERS "app;main;one 4000\n",
				    OTHERS "app;main;left 2500\napp;main;right 1500\n");

	CHECK_STR(verdict(diff, "one"), "moved");
	CHECK_STR(verdict(diff, "left"), "moved");
	CHECK_STR(verdict(diff, "right"), "moved");
	CHECK_INT(find(diff, "one")->partner_count, 2);
	diff_free(diff);
}

TEST(work_handed_to_one_sibling_is_moved_but_a_sum_of_several_is_chance)
{
	struct diff *diff = compare(OTHERS "app;main;a 5000\napp;main;b 5000\n",
				    OTHERS "app;main;a 6500\napp;main;b 3500\n");

	CHECK_STR(verdict(diff, "a"), "moved");
	CHECK_STR(verdict(diff, "b"), "moved");
	diff_free(diff);
	diff = compare(OTHERS "app;main;a 5000\napp;main;b 5000\napp;main;gone 5000\n",
		       OTHERS "app;main;a 8000\napp;main;b 7000\n");
	CHECK_STR(verdict(diff, "a"), "slower");
	CHECK_STR(verdict(diff, "b"), "slower");
	CHECK_STR(verdict(diff, "gone"), "gone");
	diff_free(diff);
}

TEST(inlined_and_slower_is_slower)
{
	struct diff *diff =
		compare(OTHERS "app;main;p;c 4000\napp;main;p 2000\n", OTHERS "app;main;p 9000\n");

	CHECK_STR(verdict(diff, "p"), "slower");
	diff_free(diff);
}

TEST(unrelated_changes_do_not_cancel_out)
{
	struct diff *diff = compare(OTHERS "one;a;s 4000\ntwo;b;f 4000\n",
				    OTHERS "one;a;s 5000\ntwo;b;f 3000\n");

	CHECK_STR(verdict(diff, "s"), "slower");
	CHECK_STR(verdict(diff, "f"), "faster");
	diff_free(diff);
}

/* ---- passed on ---- */

TEST(callers_pass_on_and_are_not_offenders)
{
	struct diff_gate gate = {.growth = 0.05};
	struct diff *diff =
		compare(OTHERS "app;main;up;mid;s 4000\n", OTHERS "app;main;up;mid;s 6000\n");
	uint32_t offenders = 0;

	CHECK(find(diff, "up")->total.is_passed_on);
	CHECK(find(diff, "mid")->total.is_passed_on);
	for (uint32_t i = 0; i < diff->function_count; i++)
		offenders += diff_gate_function(diff, &gate, &diff->functions[i]);
	CHECK_INT(offenders, 1);
	CHECK(diff_gate_function(diff, &gate, find(diff, "s")));
	diff_free(diff);
}

/* Each callee changes too little to be told, together they do not: the caller has the verdict. */
TEST(a_change_spread_over_callees_is_the_callers)
{
	struct buf text[DIFF_SIDES] = {0};
	struct diff *diff = start();

	for (int side = 0; side < DIFF_SIDES; side++) {
		buf_add_str(&text[side], OTHERS);
		for (int i = 0; i < 60; i++)
			buf_printf(&text[side], "app;main;up;c%d %d\n", i, side ? 52 : 40);
		for (int unit = 0; unit < 4; unit++)
			diff_add(diff, side, folded(buf_cstr(&text[side])), 0);
	}
	CHECK_INT(diff_compare(diff), 0);
	CHECK_STR(verdict(diff, "c7"), "no evidence");
	CHECK_STR(verdict(diff, "up"), "slower");
	CHECK(diff_headline(find(diff, "up")) == &find(diff, "up")->total);
	CHECK_STR(verdict(diff, "o1"), "no evidence");
	diff_free(diff);
	buf_release(&text[0]);
	buf_release(&text[1]);
}

/* ---- names ---- */

TEST(clones_are_matched_unless_names_are_raw)
{
	struct diff_options options = DIFF_DEFAULTS;
	struct diff *diff =
		compare(OTHERS "app;main;f.constprop.0 4000\n", OTHERS "app;main;f.isra.1 4000\n");

	CHECK_STR(verdict(diff, "f"), "no evidence");
	diff_free(diff);
	options.raw_names = true;
	diff_new(&options, &diff);
	diff_add(diff, DIFF_BEFORE, folded(OTHERS "app;main;f.constprop.0 4000\n"), 0);
	diff_add(diff, DIFF_AFTER, folded(OTHERS "app;main;f.isra.1 4000\n"), 0);
	CHECK_INT(diff_compare(diff), 0);
	CHECK_STR(verdict(diff, "f.isra.1"), "moved");
	diff_free(diff);
}

/* A location of two lines: inner was inlined into outer. */
static struct profile *make_inlined(bool is_inlined)
{
	struct profile *profile;
	struct profile_function function = {0};
	struct profile_line lines[2] = {0};
	struct profile_location location = {.mapping = PROFILE_NO_MAPPING, .address = 1};
	uint32_t ids[2];

	profile_new(&profile);
	profile_init_cpu(profile, 100);
	profile_add_string(profile, "inner", &function.name);
	profile_add_function(profile, &function, &lines[0].function);
	profile_add_string(profile, "outer", &function.name);
	profile_add_function(profile, &function, &lines[1].function);
	if (is_inlined) {
		profile_add_location(profile, &location, lines, 2, &ids[0]);
	} else {
		profile_add_location(profile, &location, &lines[0], 1, &ids[0]);
		location.address = 2;
		profile_add_location(profile, &location, &lines[1], 1, &ids[1]);
	}
	profile_add_sample(profile, ids, is_inlined ? 1 : 2, NULL, 0,
			   (int64_t[]){1000, INT64_C(10000000000)});
	return profile;
}

TEST(inlined_in_one_build_is_the_same_function_and_said_so)
{
	struct diff *diff = start();
	struct buf text = {0};

	diff_add(diff, DIFF_BEFORE, make_inlined(false), 0);
	diff_add(diff, DIFF_AFTER, make_inlined(true), 0);
	CHECK_INT(diff_compare(diff), 0);
	CHECK_STR(verdict(diff, "inner"), "no evidence");
	CHECK(!find(diff, "inner")->is_inlined[DIFF_BEFORE]);
	CHECK(find(diff, "inner")->is_inlined[DIFF_AFTER]);
	CHECK(!find(diff, "outer")->is_inlined[DIFF_AFTER]);
	CHECK(fabs(find(diff, "inner")->self_cpu_s[DIFF_AFTER] - 10) < 1e-9);
	diff_write_text(diff, true, &text);
	CHECK(strstr(buf_cstr(&text), "inner (inlined now"));
	buf_release(&text);
	diff_free(diff);
}

/* ---- denominators ---- */

static struct diff *compare_by(enum diff_denominator denominator, const int64_t counts[DIFF_SIDES],
			       const double work[DIFF_SIDES], const int64_t seconds[DIFF_SIDES])
{
	struct diff_options options = DIFF_DEFAULTS;
	struct diff *diff;

	options.denominator = denominator;
	diff_new(&options, &diff);
	for (int side = 0; side < DIFF_SIDES; side++) {
		for (int unit = 0; unit < 3; unit++) {
			struct profile *profile = make_inlined(true);

			for (uint32_t i = 0; i < 2; i++)
				profile->samples[0].values[i] = counts[side] * (i ? 10000000 : 1);
			profile->duration_ns = seconds[side] * 1000000000;
			CHECK_INT(diff_add(diff, side, profile, work[side]), 0);
		}
	}
	CHECK_INT(diff_compare(diff), 0);
	return diff;
}

TEST(cores_are_cpu_seconds_a_second)
{
	struct diff *diff = compare_by(DIFF_CORES, (int64_t[]){1000, 3000}, (double[]){0, 0},
				       (int64_t[]){10, 20});
	struct diff_gate gate = {.growth = 0.49};

	CHECK(fabs(diff->whole.rate[DIFF_BEFORE] - 1) < 1e-9);
	CHECK(fabs(diff->whole.rate[DIFF_AFTER] - 1.5) < 1e-9);
	CHECK_STR(diff_verdict_name(diff->whole.verdict), "slower");
	CHECK(diff_gate_whole(diff, &gate));
	gate.growth = 0.51;
	CHECK(!diff_gate_whole(diff, &gate));
	CHECK_STR(verdict(diff, "inner"), "slower");
	diff_free(diff);
}

TEST(work_is_what_was_done_for_it)
{
	struct diff *diff = compare_by(DIFF_WORK, (int64_t[]){1000, 2000}, (double[]){500, 1000},
				       (int64_t[]){10, 10});

	CHECK(fabs(diff->whole.rate[DIFF_BEFORE] - 0.02) < 1e-12);
	CHECK(fabs(diff->whole.rate[DIFF_AFTER] - 0.02) < 1e-12);
	CHECK_STR(diff_verdict_name(diff->whole.verdict), "no evidence");
	diff_free(diff);
}

TEST(what_cannot_be_compared_is_refused)
{
	struct diff_options options = DIFF_DEFAULTS;
	struct profile *negative = folded("a 5\n"), *other = folded("a 5\n"), *heap;
	struct diff *diff = start();

	negative->samples[0].values[0] = -5;
	CHECK_INT(diff_add(diff, DIFF_BEFORE, negative, 0), -ERANGE);
	diff_free(diff);

	diff = start();
	CHECK_INT(diff_add(diff, DIFF_BEFORE, other, 0), 0);
	profile_new(&heap);
	profile_add_type(heap, "inuse_space", "bytes");
	CHECK_INT(diff_add(diff, DIFF_AFTER, heap, 0), -EINVAL);
	diff_free(diff);

	diff = start();
	CHECK_INT(diff_add(diff, DIFF_BEFORE, folded("a 5\n"), 0), 0);
	CHECK_INT(diff_compare(diff), -ENODATA);
	diff_free(diff);

	options.denominator = DIFF_CORES;
	diff_new(&options, &diff);
	CHECK_INT(diff_add(diff, DIFF_BEFORE, folded("a 5\n"), 0), -ENODATA);
	diff_free(diff);
}

TEST(the_gate_needs_size_certainty_and_share)
{
	struct diff *diff = compare(OTHERS "app;main;s 5000\napp;main;few 100\n",
				    OTHERS "app;main;s 6500\napp;main;few 300\n");
	struct diff_gate gate = {.growth = 0.05, .min_share = 0.005};
	regex_t allow;

	CHECK(diff_gate_function(diff, &gate, find(diff, "s")));
	CHECK_STR(verdict(diff, "few"), "slower");
	CHECK(diff_gate_function(diff, &gate, find(diff, "few")));
	gate.min_share = 0.02;
	CHECK(!diff_gate_function(diff, &gate, find(diff, "few")));
	gate.growth = 0.4;
	CHECK(!diff_gate_function(diff, &gate, find(diff, "s")));
	gate.growth = 0.05;
	CHECK_INT(regcomp(&allow, "^s$", REG_EXTENDED | REG_NOSUB), 0);
	gate.allow = &allow;
	CHECK(!diff_gate_function(diff, &gate, find(diff, "s")));
	regfree(&allow);
	diff_free(diff);
}

TEST(folded_text_has_both_sides_and_loses_nothing)
{
	struct diff *diff =
		compare("app;main;f.cold 5\napp;main;f 2\napp;x 1\n", "app;main;f 9\napp;a;b 3\n");
	struct buf text = {0};

	CHECK_INT(diff_write_folded(diff, &text), 0);
	CHECK_STR(buf_cstr(&text), "app;main;f 7 9\napp;x 1 0\napp;a;b 0 3\n");
	buf_release(&text);
	diff_free(diff);
}

TEST(a_picture_of_unequal_sides_is_not_all_of_one_colour)
{
	struct diff *diff =
		compare(OTHERS "app;main;s 5000\n", OTHERS OTHERS OTHERS "app;main;s 15000\n");
	struct buf svg = {0};

	CHECK_INT(diff_write_svg(diff, DIFF_WIDTH_BOTH, "", &svg), 0);
	CHECK(strstr(buf_cstr(&svg),
		     "<title>o1\nin this stack: 19.15 % -&gt; 19.15 %\nno evidence"));
	CHECK(!strstr(svg.bytes, "slower") && !strstr(svg.bytes, "faster"));
	buf_release(&svg);
	diff_free(diff);
}

TEST(hostile_names_close_no_element)
{
	static const char *const scripts[] = {""};
	const struct html_viewer viewer = {
		.page = "<link rel=stylesheet href=wick.css>\n"
			"<script type=module src=main.js></script>\n",
		.style = "",
		.scripts = scripts,
		.script_count = 1,
	};
	struct diff *diff = compare(OTHERS "app;main;</script><!--<b>&]]> 4000\n",
				    OTHERS "app;main;</script><!--<b>&]]> 9000\n");
	struct buf out = {0};
	const char *json;

	CHECK_INT(diff_write_html(diff, &viewer, &out), 0);
	json = strstr(buf_cstr(&out), "id=diff>");
	CHECK(json && strstr(json, "\\u003c/script>\\u003c!--\\u003cb>&]]>"));
	CHECK(!strstr(out.bytes, "<!--"));
	buf_clear(&out);
	CHECK_INT(diff_write_svg(diff, DIFF_WIDTH_AFTER, "", &out), 0);
	CHECK(strstr(buf_cstr(&out), "<title>&lt;/script&gt;&lt;!--&lt;b&gt;&amp;]]&gt;\n"));
	CHECK(!strstr(out.bytes, "<!--"));
	buf_release(&out);
	diff_free(diff);
}

TEST(hostile_names_stay_text)
{
	struct diff *diff = compare(OTHERS "app;main;a|b<img src=x>\x1b[31m 4000\n",
				    OTHERS "app;main;a|b<img src=x>\x1b[31m 9000\n");
	struct buf text = {0};

	diff_write_text(diff, false, &text);
	CHECK(!strchr(buf_cstr(&text), '\x1b'));
	CHECK(strstr(text.bytes, "\\x1b[31m"));
	buf_clear(&text);
	diff_write_markdown(diff, &text);
	CHECK(strstr(buf_cstr(&text), "a&#124;b&#60;img src=x&#62;"));
	CHECK(!strstr(text.bytes, "<img"));
	buf_release(&text);
	diff_free(diff);
}

TEST_MAIN()
