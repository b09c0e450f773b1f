/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_forward.c - every operation reaches the stock plugin's own, with its arguments,
 * and brings its answer back. The plugin is the real file, loaded as Slurm would.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/mock/mock.h"
#include "tests/unit/unit.h"

#define DIRS MOCK_OURS ":" MOCK_STOCK

static struct mock_ours ours;

static void load(bool in_slurmctld)
{
	memset(&mock_inner, 0, sizeof(mock_inner));
	memset(&mock_slurm, 0, sizeof(mock_slurm));
	mock_slurm.in_slurmctld = in_slurmctld;
	ck_assert(mock_load(&ours, DIRS));
	ck_assert_int_eq(ours.init(), SLURM_SUCCESS);
}

static void setup(void)
{
	load(false);
}

static void teardown(void)
{
	ours.fini();
	mock_unload(&ours);
}

/* ---- every forward ------------------------------------------------------------------
 */

/* Arguments: pointers that nobody may look into, and numbers that differ. */
#define P(n) ((void *)(uintptr_t)(0x1000 * (n)))
#define N(n) (40 + (n))

static int reached;

/* A call of ours, then what the stock plugin must have seen. The answer is a new one for
 * each operation. */
#define EXPECT(op, count, ...)                                                           \
	do {                                                                             \
		mock_inner.answer = (uintptr_t)(0x100 + ++reached);                      \
		mock_inner.name = "nothing";                                             \
		mock_inner.calls = 0;                                                    \
		ck_assert_uint_eq((uintptr_t)ours.op(__VA_ARGS__), mock_inner.answer);   \
		ck_assert_str_eq(mock_inner.name, #op);                                  \
		ck_assert_int_eq(mock_inner.calls, 1);                                   \
		ck_assert_int_eq(mock_inner.args, count);                                \
	} while (0)
#define ARG(i, value) ck_assert_uint_eq(mock_inner.arg[i], (uintptr_t)(value))

static void forward_common(void)
{
	EXPECT(node_init, 0);
	EXPECT(job_begin, 1, P(1));
	ARG(0, P(1));
	EXPECT(job_ready, 1, P(1));
	ARG(0, P(1));
	EXPECT(job_expand, 2, P(1), P(2));
	ARG(0, P(1));
	ARG(1, P(2));
	EXPECT(job_resized, 2, P(1), P(2));
	ARG(0, P(1));
	ARG(1, P(2));
	EXPECT(job_fini, 1, P(1));
	ARG(0, P(1));
	EXPECT(job_suspend, 2, P(1), true);
	ARG(0, P(1));
	ARG(1, 1);
	EXPECT(job_resume, 2, P(1), true);
	ARG(0, P(1));
	ARG(1, 1);
	EXPECT(select_nodeinfo_set_all, 0);
	EXPECT(select_nodeinfo_set, 1, P(1));
	ARG(0, P(1));
	EXPECT(reconfigure, 0);
}

static void forward_until_2411(void)
{
#ifdef GP_UNTIL_2411
	EXPECT(state_save, 1, P(1));
	ARG(0, P(1));
	EXPECT(state_restore, 1, P(1));
	ARG(0, P(1));
	EXPECT(job_init, 1, P(1));
	ARG(0, P(1));
	EXPECT(step_pick_nodes, 4, P(1), P(2), N(3), P(4));
	ARG(0, P(1));
	ARG(1, P(2));
	ARG(2, N(3));
	ARG(3, P(4));
	EXPECT(step_start, 1, P(1));
	ARG(0, P(1));
	EXPECT(step_finish, 2, P(1), true);
	ARG(0, P(1));
	ARG(1, 1);
	EXPECT(select_nodeinfo_pack, 3, P(1), P(2), N(3));
	ARG(0, P(1));
	ARG(1, P(2));
	ARG(2, N(3));
	EXPECT(select_nodeinfo_unpack, 3, P(1), P(2), N(3));
	ARG(0, P(1));
	ARG(1, P(2));
	ARG(2, N(3));
	EXPECT(select_nodeinfo_alloc, 0);
	EXPECT(select_nodeinfo_free, 1, P(1));
	ARG(0, P(1));
	EXPECT(select_nodeinfo_get, 4, P(1), N(2), N(3), P(4));
	ARG(0, P(1));
	ARG(1, N(2));
	ARG(2, N(3));
	ARG(3, P(4));
#endif
}

static void forward_jobinfo(void)
{
#ifdef GP_UNTIL_2411
	EXPECT(select_jobinfo_alloc, 0);
	EXPECT(select_jobinfo_free, 1, P(1));
	ARG(0, P(1));
	EXPECT(select_jobinfo_set, 3, P(1), N(2), P(3));
	ARG(0, P(1));
	ARG(1, N(2));
	ARG(2, P(3));
	EXPECT(select_jobinfo_get, 3, P(1), N(2), P(3));
	ARG(0, P(1));
	ARG(1, N(2));
	ARG(2, P(3));
	EXPECT(select_jobinfo_copy, 1, P(1));
	ARG(0, P(1));
	EXPECT(select_jobinfo_pack, 3, P(1), P(2), N(3));
	ARG(0, P(1));
	ARG(1, P(2));
	ARG(2, N(3));
	EXPECT(select_jobinfo_unpack, 3, P(1), P(2), N(3));
	ARG(0, P(1));
	ARG(1, P(2));
	ARG(2, N(3));
	EXPECT(get_info_from_plugin, 3, N(1), P(2), P(3));
	ARG(0, N(1));
	ARG(1, P(2));
	ARG(2, P(3));
#endif
}

static void forward_oldest(void)
{
#ifdef GP_UNTIL_2302
	EXPECT(resv_test, 4, P(1), N(2), P(3), P(4));
	ARG(0, P(1));
	ARG(1, N(2));
	ARG(2, P(3));
	ARG(3, P(4));
#endif
#ifdef GP_UNTIL_2205
	EXPECT(job_signal, 2, P(1), N(2));
	ARG(0, P(1));
	ARG(1, N(2));
	EXPECT(select_jobinfo_sprint, 4, P(1), P(2), N(3), N(4));
	ARG(0, P(1));
	ARG(1, P(2));
	ARG(2, N(3));
	ARG(3, N(4));
	EXPECT(select_jobinfo_xstrdup, 2, P(1), N(2));
	ARG(0, P(1));
	ARG(1, N(2));
	EXPECT(update_node_config, 1, N(1));
	ARG(0, N(1));
#endif
}

#if GP_TAIL_COUNT == 1
#define TAIL P(9)
#else
#define TAIL P(9), P(10)
#endif

static void forward_job_test(void)
{
	EXPECT(job_test, 8 + GP_TAIL_COUNT, P(1), P(2), N(3), N(4), N(5), N(6), P(7),
	       P(8), TAIL);
	for (int i = 0; i < GP_TAIL_COUNT; i++)
		ARG(8 + i, P(9 + i));
	ARG(0, P(1));
	ARG(1, P(2));
	ARG(2, N(3));
	ARG(3, N(4));
	ARG(4, N(5));
	ARG(5, N(6));
	ARG(6, P(7));
	ARG(7, P(8));
}

static void forward_newest(void)
{
#ifdef GP_SINCE_2605
	/* no answer to bring back */
	mock_inner.name = "nothing";
	ours.job_mem_reduce(P(1));
	ck_assert_str_eq(mock_inner.name, "job_mem_reduce");
	ck_assert_int_eq(mock_inner.args, 1);
	ARG(0, P(1));
	reached++;
#endif
}

#define COUNT_ONE(ret, name, member, proto, args) +1
enum { OPERATIONS = 0 GP_OPERATIONS(COUNT_ONE, COUNT_ONE) };

START_TEST(every_operation_reaches_its_own)
{
	reached = 0;
	forward_common();
	forward_job_test();
	forward_until_2411();
	forward_jobinfo();
	forward_oldest();
	forward_newest();
	/* One row more in forward.h, and a test is missing here. */
	ck_assert_int_eq(reached, OPERATIONS);
}
END_TEST

START_TEST(outside_slurmctld_it_is_silent)
{
	forward_common();
	ck_assert_int_eq(mock_slurm.lines, 0);
}
END_TEST

START_TEST(job_test_of_other_modes_is_forwarded_inside_slurmctld)
{
	/* its SPANK environment is looked at */
	job_record_t *job = mock_alloc(sizeof(*job));

	job->magic = JOB_MAGIC;
	job->details = mock_alloc(sizeof(*job->details));
	job->details->magic = DETAILS_MAGIC;
	teardown();
	load(true);
	for (uint16_t mode = 1; mode <= 4; mode *= 2) {
		mock_inner.calls = 0;
		mock_inner.answer = 77;
		ck_assert_int_eq(
			ours.job_test(job, P(2), 1, 2, 3, mode, P(4), P(5), TAIL), 77);
		ck_assert_int_eq(mock_inner.calls, 1);
		ARG(5, mode);
	}
	ck_assert_int_eq(mock_slurm.lines, 0);
	xfree(job->details);
	xfree(job);
}
END_TEST

/* ---- loading ------------------------------------------------------------------------
 */

START_TEST(identity_is_that_of_the_stock_plugin)
{
	ck_assert_str_eq(dlsym(ours.handle, "plugin_type"), "select/cons_tres");
	ck_assert_uint_eq(*(uint32_t *)dlsym(ours.handle, "plugin_id"), 109);
	ck_assert_uint_eq(*(uint32_t *)dlsym(ours.handle, "plugin_version"),
			  SLURM_VERSION_NUMBER);
	ck_assert_ptr_nonnull(dlsym(ours.handle, "gputopo_plugin"));
}
END_TEST

START_TEST(nothing_else_is_exported)
{
	ck_assert_ptr_null(dlsym(ours.handle, "gt_select"));
	ck_assert_ptr_null(dlsym(ours.handle, "gp_controller_job_test"));
}
END_TEST

START_TEST(stock_is_initialised_and_finished_once)
{
	ck_assert_int_eq(mock_inner.inits, 1);
	ck_assert_int_eq(mock_inner.finis, 0);
	ours.fini();
	ck_assert_int_eq(mock_inner.finis, 1);
	ck_assert_int_eq(ours.init(), SLURM_SUCCESS);
	ck_assert_int_eq(mock_inner.inits, 2);
}
END_TEST

/* A failing init sends Slurm to the next file of PluginDir: the stock one, if any. */
static void expect_no_init(const char *dirs, const char *line)
{
	struct mock_ours other;

	mock_log_clear();
	ck_assert(mock_load(&other, dirs));
	ck_assert_int_ne(other.init(), SLURM_SUCCESS);
	ck_assert_msg(mock_logged(line), "'%s' and not '%s'", mock_slurm.log[0], line);
	mock_unload(&other);
}

START_TEST(without_a_stock_plugin_init_fails_with_a_line)
{
	teardown();
	expect_no_init(MOCK_OURS, "PluginDir has no other select_cons_tres.so");
	expect_no_init("", "PluginDir has no other");
	expect_no_init("/nonexistent:" MOCK_OURS ":", "PluginDir has no other");
	setup();
}
END_TEST

START_TEST(a_failing_stock_init_fails_ours)
{
	struct mock_ours other;

	teardown();
	memset(&mock_inner, 0, sizeof(mock_inner));
	mock_inner.init_answer = SLURM_ERROR;
	ck_assert(mock_load(&other, DIRS));
	ck_assert_int_ne(other.init(), SLURM_SUCCESS);
	ck_assert(mock_logged("init of"));
	mock_unload(&other);
	setup();
}
END_TEST

static void copy_file(const char *from, const char *to)
{
	char command[2 * PATH_MAX + 16];

	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(copies_and_links_of_ourselves_are_passed_over)
{
	char dir[] = "/tmp/gputopo-forward-XXXXXX", dirs[PATH_MAX], path[PATH_MAX];
	struct mock_ours other;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	teardown();
	/* a symbolic link to our file, then a copy of it */
	snprintf(path, sizeof(path), "%s/select_cons_tres.so", dir);
	snprintf(dirs, sizeof(dirs), MOCK_OURS ":%s:" MOCK_STOCK, dir);
	for (int copy = 0; copy < 2; copy++) {
		unlink(path);
		if (copy)
			copy_file(MOCK_OURS "/select_cons_tres.so", path);
		else
			ck_assert_int_eq(symlink(MOCK_OURS "/select_cons_tres.so", path),
					 0);
		memset(&mock_inner, 0, sizeof(mock_inner));
		ck_assert(mock_load(&other, dirs));
		ck_assert_int_eq(other.init(), SLURM_SUCCESS);
		ck_assert_int_eq(mock_inner.inits, 1);
		other.fini();
		mock_unload(&other);
	}
	unlink(path);
	rmdir(dir);
	setup();
}
END_TEST

START_TEST(a_broken_stock_file_is_named)
{
	char dir[] = "/tmp/gputopo-forward-XXXXXX", dirs[PATH_MAX], path[PATH_MAX];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	teardown();
	snprintf(path, sizeof(path), "%s/select_cons_tres.so", dir);
	snprintf(dirs, sizeof(dirs), MOCK_OURS ":%s", dir);
	copy_file("/dev/null", path);
	expect_no_init(dirs, path);
	unlink(path);
	rmdir(dir);
	setup();
}
END_TEST

SUITE(forward)
{
	TCase *tc = tcase_create("forward");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_operation_reaches_its_own);
	tcase_add_test(tc, outside_slurmctld_it_is_silent);
	tcase_add_test(tc, job_test_of_other_modes_is_forwarded_inside_slurmctld);
	tcase_add_test(tc, identity_is_that_of_the_stock_plugin);
	tcase_add_test(tc, nothing_else_is_exported);
	tcase_add_test(tc, stock_is_initialised_and_finished_once);
	tcase_add_test(tc, without_a_stock_plugin_init_fails_with_a_line);
	tcase_add_test(tc, a_failing_stock_init_fails_ours);
	tcase_add_test(tc, copies_and_links_of_ourselves_are_passed_over);
	tcase_add_test(tc, a_broken_stock_file_is_named);
	suite_add_tcase(suite, tc);
}
