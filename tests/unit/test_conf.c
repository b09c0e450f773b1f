/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_conf.c - gputopo.conf.
 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "unit.h"

/* ---- settings -----------------------------------------------------------------------
 */

static struct gp_conf *parse(const char *text)
{
	struct gp_conf *conf;
	struct gt_error err;

	ck_assert_msg(gp_conf_parse(&conf, text, strlen(text), "g.conf", &err) == GT_OK,
		      "%d:%d: %s", err.line, err.column, err.text);
	return conf;
}

START_TEST(empty_file_holds_the_defaults)
{
	struct gp_conf *conf = parse("# nothing\n\n   \n");
	struct gt_mix mix = gt_mix_default();
	struct gp_settings s;
	int line;

	gp_conf_node(conf, "n1", &s);
	ck_assert_int_eq(s.mode, GP_MODE_ENFORCE);
	ck_assert_int_eq(s.policy, GT_POLICY_BANDWIDTH);
	ck_assert(s.node_choice && s.split && s.min_ratio == 0.0);
	ck_assert_mem_eq(&s.mix, &mix, sizeof(mix));
	ck_assert_ptr_null(s.topology);
	ck_assert_ptr_null(s.domain);
	ck_assert_int_eq(gt_mask_count(&s.avoid), 0);
	ck_assert_ptr_null(gp_conf_topology(conf, 0, &line));
	ck_assert_ptr_null(gp_conf_decision_log(conf));
	ck_assert_ptr_null(gp_conf_metrics_file(conf));
	ck_assert(!gp_conf_admin_comment(conf));
	ck_assert(!gp_conf_is_off(conf));
	gp_conf_free(conf);
}
END_TEST

START_TEST(every_key_is_read)
{
	struct gp_conf *conf = parse(
		"mode=OBSERVE policy=preserve NodeChoice=no Split=no\n"
		"MinRatio=0.5 JobSizeMix=2:1,4:3 # comment\n"
		"Avoid=n3:5,n[4-5]:0 StepChoice=no\tDecisionLog=/l MetricsFile=/m\r\n"
		"AdminComment=yes MigStray=drain\n"
		"NodeName=n[1-9] Topology=builtin:dgx1v Domain=rack7\n");
	struct gp_settings s;
	char buf[200];
	int line;

	gp_conf_node(conf, "n5", &s);
	ck_assert_int_eq(s.mode, GP_MODE_OBSERVE);
	ck_assert_int_eq(s.policy, GT_POLICY_PRESERVE);
	ck_assert(!s.node_choice && !s.split && !s.step_choice);
	ck_assert(s.min_ratio == 0.5);
	ck_assert_uint_eq(s.mix.weight[4], 3);
	ck_assert_uint_eq(s.mix.weight[1], 0);
	ck_assert_str_eq(s.topology, "builtin:dgx1v");
	ck_assert_str_eq(s.domain, "rack7");
	ck_assert(gt_mask_has(&s.avoid, 0) && gt_mask_count(&s.avoid) == 1);
	gp_conf_node(conf, "n3", &s);
	ck_assert(gt_mask_has(&s.avoid, 5) && gt_mask_count(&s.avoid) == 1);
	gp_conf_node(conf, "other", &s);
	ck_assert_ptr_null(s.topology);
	ck_assert_str_eq(gp_conf_topology(conf, 0, &line), "builtin:dgx1v");
	ck_assert_int_eq(line, 5);
	ck_assert_str_eq(gp_conf_decision_log(conf), "/l");
	ck_assert_str_eq(gp_conf_metrics_file(conf), "/m");
	ck_assert(gp_conf_admin_comment(conf));
	ck_assert_int_eq(s.mig_stray, GP_STRAY_DRAIN);
	ck_assert_str_eq(gp_conf_non_default(conf, "NodeChoice,MinRatio,MigStray", buf,
					     200),
			 "NodeChoice, MinRatio, MigStray");
	gp_conf_free(conf);
}
END_TEST

START_TEST(later_lines_win_key_by_key)
{
	struct gp_conf *conf = parse("NodeName=n[1-9] Topology=a Mode=observe\n"
				     "Mode=off\n"
				     "NodeName=n2 Policy=preserve\n"
				     "NodeName=n[2-3] Topology=b Mode=enforce\n");
	struct gp_settings s;

	gp_conf_node(conf, "n1", &s);
	ck_assert_int_eq(s.mode, GP_MODE_OBSERVE);
	ck_assert_str_eq(s.topology, "a");
	gp_conf_node(conf, "n2", &s);
	ck_assert_int_eq(s.mode, GP_MODE_ENFORCE);
	ck_assert_int_eq(s.policy, GT_POLICY_PRESERVE);
	ck_assert_str_eq(s.topology, "b");
	gp_conf_node(conf, "x", &s);
	ck_assert_int_eq(s.mode, GP_MODE_OFF);
	ck_assert(!gp_conf_is_off(conf));
	gp_conf_free(conf);
}
END_TEST

static const struct {
	const char *conf;
	bool chooses;
} chooses_rows[] = {
	{"", true},
	{"NodeChoice=no\n", false},
	{"Mode=observe\n", false},
	{"Mode=off\nNodeName=n1 Mode=enforce\n", true},
	{"NodeChoice=no\nNodeName=n1 NodeChoice=yes\n", true},
	{"Mode=off\nNodeChoice=no\nNodeName=n1 NodeChoice=yes\n", false},
};

START_TEST(whether_any_node_is_chosen_is_known)
{
	struct gp_conf *conf = parse(chooses_rows[_i].conf);

	ck_assert_msg(gp_conf_chooses(conf) == chooses_rows[_i].chooses, "%s",
		      chooses_rows[_i].conf);
	gp_conf_free(conf);
}
END_TEST

START_TEST(a_model_belongs_to_its_topology)
{
	struct gp_conf *conf = parse("NodeName=n[1-9] Topology=a Model=A100\n"
				     "NodeName=n2 Topology=b\n"
				     "NodeName=n3 Domain=d\n"
				     "NodeName=n4 Model=nvidia_l40s Topology=c\n");
	struct gp_settings s;

	gp_conf_node(conf, "n1", &s);
	ck_assert_str_eq(s.read.load.model, "A100");
	gp_conf_node(conf, "n2", &s);
	ck_assert_str_eq(s.topology, "b");
	ck_assert_ptr_null(s.read.load.model);
	gp_conf_node(conf, "n3", &s);
	ck_assert_str_eq(s.read.load.model, "A100");
	gp_conf_node(conf, "n4", &s);
	ck_assert_str_eq(s.read.load.model, "nvidia_l40s");
	ck_assert_str_eq(gp_conf_load_options(conf, 2).load.model, "nvidia_l40s");
	gp_conf_free(conf);
}
END_TEST

START_TEST(nic_keys_belong_to_the_topology_or_the_cluster)
{
	struct gp_conf *conf = parse("NicRate=25\n"
				     "NodeName=n[1-9] Topology=a\n"
				     "NicIgnore=eno*,mlx5_2\n"
				     "NodeName=n2 Topology=a NicRate=12.5 NicIgnore=x\n"
				     "NodeName=n3 Mode=off\n");
	struct gp_settings s, t;

	gp_conf_node(conf, "n1", &s);
	ck_assert_int_eq(s.read.nic_mbps, 25000);
	ck_assert_str_eq(s.read.nic_ignored, "eno*,mlx5_2");
	gp_conf_node(conf, "n2", &t);
	ck_assert_int_eq(t.read.nic_mbps, 12500);
	ck_assert_str_eq(t.read.nic_ignored, "x");
	gp_conf_node(conf, "n3", &t);
	ck_assert_ptr_eq(s.read.nic_ignored, t.read.nic_ignored);
	ck_assert_int_eq(gp_conf_load_options(conf, 1).nic_mbps, 12500);
	gp_conf_node(conf, "other", &s);
	ck_assert_int_eq(s.read.nic_mbps, 0);
	gp_conf_free(conf);
}
END_TEST

START_TEST(off_for_all_is_known)
{
	struct gp_conf *conf = parse("Mode=off\nNodeName=n1 Topology=a\n");

	ck_assert(gp_conf_is_off(conf));
	gp_conf_free(conf);
}
END_TEST

/* ---- errors -------------------------------------------------------------------------
 */

static const struct {
	const char *text;
	int line, column;
	const char *says;
} bad_rows[] = {
	{"Mode=enforce\nModus=off\n", 2, 1, "unknown key 'Modus'"},
	{"Mode=perhaps", 1, 1, "Mode=perhaps: must be enforce, observe or off"},
	{"\n\n  Policy", 3, 3, "'Policy' is not Key=Value"},
	{"=x", 1, 1, "'=x' is not Key=Value"},
	{"Mode=", 1, 1, "needs a value"},
	{"Mode=off\nMode=off", 2, 1, "was given on an earlier line"},
	{"NodeName=n1 Mode=off Mode=off", 1, 22, "is given twice on this line"},
	{"Mode=off NodeName=n1", 1, 10, "must come first on its line"},
	{"NodeName=n[1- Topology=x", 1, 1, "node names such as"},
	{"Topology=x", 1, 1, "is allowed on a NodeName line only"},
	{"Domain=x", 1, 1, "is allowed on a NodeName line only"},
	{"Model=A100", 1, 1, "is allowed on a NodeName line only"},
	{"NodeName=n1 Model=A100", 1, 13, "needs Topology= on the same line"},
	{"NodeName=n1 Topology=x Model=gpu", 1, 24,
	 "must be a GPU model that gputopo has figures for"},
	{"NicRate=0", 1, 1, "NicRate=0: must be a number of GB/s"},
	{"NicRate=-1", 1, 1, "must be a number of GB/s"},
	{"NicRate=400Gb", 1, 1, "must be a number of GB/s"},
	{"NicRate=nan", 1, 1, "must be a number of GB/s"},
	{"NicRate=1e9", 1, 1, "must be a number of GB/s"},
	{"NodeName=n1 NicRate=50", 1, 13,
	 "NicRate=...: needs Topology= on the same line"},
	{"NodeName=n1 NicIgnore=a", 1, 13, "needs Topology= on the same line"},
	{"NicIgnore=,", 1, 1, "names or globs of NICs"},
	{"NicIgnore=a,", 1, 1, "names or globs of NICs"},

	{"NodeName=n1 Avoid=n1:3", 1, 13, "is for the whole cluster"},
	{"NodeName=n1 Topology=live", 1, 13, "a file or builtin:NAME"},
	{"NodeName=n1 Topology=-", 1, 13, "a file or builtin:NAME"},
	{"MinRatio=1.5", 1, 1, "a number from 0 to 1"},
	{"MinRatio=nan", 1, 1, "a number from 0 to 1"},
	{"MinRatio=0.5x", 1, 1, "a number from 0 to 1"},
	{"JobSizeMix=1:x", 1, 1, "JobSizeMix=1:x: "},
	{"Avoid=n3", 1, 1, "NODE:GPU"},
	{"Avoid=n3:", 1, 1, "NODE:GPU"},
	{"Avoid=n3:a", 1, 1, "NODE:GPU"},
	{"Avoid=n3:5,", 1, 1, "NODE:GPU"},
	{"Split=maybe", 1, 1, "yes or no"},
	{"StepChoice=2", 1, 1, "yes or no"},
	{"MigStray=keep", 1, 1, "remove or drain"},
};

START_TEST(errors_say_where)
{
	struct gp_conf *conf;
	struct gt_error err;
	const char *text = bad_rows[_i].text;

	ck_assert_int_eq(gp_conf_parse(&conf, text, strlen(text), "g.conf", &err),
			 GT_EPARSE);
	ck_assert_ptr_null(conf);
	ck_assert_str_eq(err.file, "g.conf");
	ck_assert_msg(strstr(err.text, bad_rows[_i].says) != NULL, "'%s'", err.text);
	ck_assert_int_eq(err.line, bad_rows[_i].line);
	ck_assert_int_eq(err.column, bad_rows[_i].column);
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
	struct gp_conf *conf;
	struct gt_error err;

	ck_assert_int_eq(gp_conf_parse(&conf, "Mode=off\0\n", 10, "g.conf", &err),
			 GT_EPARSE);
	ck_assert_ptr_null(conf);
}
END_TEST

START_TEST(a_missing_file_is_no_error)
{
	struct gp_conf *conf;
	struct gt_error err;
	bool exists = true;

	ck_assert_int_eq(gp_conf_load(&conf, "/nonexistent/gputopo.conf", &exists, &err),
			 GT_OK);
	ck_assert(!exists);
	ck_assert_ptr_nonnull(conf);
	gp_conf_free(conf);
}
END_TEST

START_TEST(an_unreadable_file_is_one)
{
	struct gp_conf *conf;
	struct gt_error err;
	bool exists;

	ck_assert_int_eq(gp_conf_load(&conf, "/", &exists, &err), GT_EIO);
	ck_assert_ptr_null(conf);
	ck_assert(exists);
}
END_TEST

START_TEST(a_file_is_read_whole)
{
	char path[] = "/tmp/gputopo-conf-XXXXXX";
	FILE *f = fdopen(mkstemp(path), "w");
	struct gp_conf *conf;
	struct gt_error err;
	struct gp_settings s;
	bool exists;

	/* longer than one read */
	for (int i = 0; i < 5000; i++)
		fprintf(f, "NodeName=node%d Topology=file%d\n", i, i);
	fclose(f);
	ck_assert_int_eq(gp_conf_load(&conf, path, &exists, &err), GT_OK);
	gp_conf_node(conf, "node4999", &s);
	ck_assert_str_eq(s.topology, "file4999");
	gp_conf_free(conf);
	unlink(path);
}
END_TEST

#define ROWS(array) ((int)(sizeof(array) / sizeof(array[0])))

SUITE(conf)
{
	TCase *tc = tcase_create("conf");

	tcase_add_test(tc, empty_file_holds_the_defaults);
	tcase_add_test(tc, every_key_is_read);
	tcase_add_test(tc, later_lines_win_key_by_key);
	tcase_add_loop_test(tc, whether_any_node_is_chosen_is_known, 0,
			    ROWS(chooses_rows));
	tcase_add_test(tc, a_model_belongs_to_its_topology);
	tcase_add_test(tc, nic_keys_belong_to_the_topology_or_the_cluster);
	tcase_add_test(tc, off_for_all_is_known);
	tcase_add_loop_test(tc, errors_say_where, 0, ROWS(bad_rows));
	tcase_add_test(tc, a_nul_byte_is_refused);
	tcase_add_test(tc, a_missing_file_is_no_error);
	tcase_add_test(tc, an_unreadable_file_is_one);
	tcase_add_test(tc, a_file_is_read_whole);
	suite_add_tcase(suite, tc);
}
