/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_steps.c - the GPUs of steps: exchanged for better ones of the same job, as many of
 * each entry, in the step's bits and in the job's alike; and all the cases in which
 * Slurm's stand.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/stage.h"

#ifdef GP_UNTIL_2411

#define PARTS 4 /* steps, or entries of the job */

/* A job that holds GPUs of n0, and its steps: each has one part of its list. */
static struct {
	job_record_t *job;
	gres_job_state_t *entry[PARTS];
	bitstr_t *taken[PARTS];
	step_record_t step[PARTS];
	gres_step_state_t part[PARTS][PARTS];
	bitstr_t *bits[PARTS][PARTS];
	gres_state_t gres[PARTS][PARTS];
	struct xlist lists[PARTS], steps;
	int count;
} scene;

static char gpu_name[] = "gpu";

static bitstr_t *bits_of(uint64_t gpus)
{
	bitstr_t *bits = bit_alloc(8);

	for (int g = 0; g < 8; g++)
		if (gpus >> g & 1)
			bit_set(bits, g);
	return bits;
}

static uint64_t gpus_of(bitstr_t *bits)
{
	uint64_t gpus = 0;

	for (int g = 0; g < 8; g++)
		gpus |= (uint64_t)bit_test(bits, g) << g;
	return gpus;
}

/* The job's next entry. */
static void give(int e, uint64_t gpus, uint32_t type)
{
	struct xlist *list = (struct xlist *)scene.job->gres_list_alloc;

	mock_job_run(scene.job, 0, gpus);
	scene.entry[e] = ((gres_state_t *)list->item[list->count - 1])->gres_data;
	scene.entry[e]->type_id = type;
	scene.taken[e] = bit_alloc(8);
	scene.entry[e]->gres_bit_step_alloc = &scene.taken[e];
}

static void setup(void)
{
	stage_setup();
	memset(&scene, 0, sizeof(scene));
}

static void teardown(void)
{
	for (int e = 0; e < PARTS; e++) {
		FREE_NULL_BITMAP(scene.taken[e]);
		if (scene.entry[e])
			scene.entry[e]->gres_bit_step_alloc = NULL;
	}
	for (int s = 0; s < scene.count; s++) {
		FREE_NULL_BITMAP(scene.step[s].step_node_bitmap);
		FREE_NULL_BITMAP(scene.step[s].core_bitmap_job);
		for (int e = 0; e < PARTS; e++)
			FREE_NULL_BITMAP(scene.bits[s][e]);
	}
	stage_teardown();
}

/* One node and a job that has these GPUs. */
static void begin(const struct mock_gpus *gpus, uint64_t held)
{
	mock_node_add("n0", gpus);
	start();
	scene.job = mock_job_add(5);
	scene.steps.magic = MOCK_LIST_MAGIC;
	scene.job->step_list = (gp_list_t)&scene.steps;
	if (held)
		give(0, held, 0);
}

/* Slurm has given the step these GPUs of the job's entry. */
static void part(int s, int e, uint64_t gpus)
{
	scene.bits[s][e] = bits_of(gpus);
	scene.part[s][e] = (gres_step_state_t){.node_cnt = 1,
					       .type_id = scene.entry[e]->type_id,
					       .gres_bit_alloc = &scene.bits[s][e]};
	scene.gres[s][e] =
		(gres_state_t){.gres_name = gpu_name, .gres_data = &scene.part[s][e]};
	mock_list_add(&scene.lists[s], &scene.gres[s][e]);
	for (int g = 0; g < 8; g++)
		if (gpus >> g & 1)
			bit_set(scene.taken[e], g);
}

static step_record_t *step_of(uint64_t gpus)
{
	int s = scene.count++;
	step_record_t *step = &scene.step[s];

	step->magic = STEP_MAGIC;
	step->job_ptr = scene.job;
	step->gres_list_alloc = (gp_list_t)&scene.lists[s];
	step->step_node_bitmap = bit_alloc(node_record_count);
	bit_set(step->step_node_bitmap, 0);
	mock_list_add(&scene.steps, step);
	if (gpus)
		part(s, 0, gpus);
	return step;
}

/* The hook is called, and the step has these; what steps have taken of the job agrees. */
static void expect(step_record_t *step, uint64_t gpus)
{
	int s = (int)(step - scene.step);
	uint64_t all = 0;

	ck_assert_int_eq(stage.ours.step_start(step), 0);
	ck_assert_uint_eq(gpus_of(scene.bits[s][0]), gpus);
	for (int i = 0; i < scene.count; i++)
		if (!(scene.step[i].flags & SSF_OVERLAP_FORCE))
			all |= gpus_of(scene.bits[i][0]);
	ck_assert_uint_eq(gpus_of(scene.taken[0]), all);
	ck_assert_uint_eq(gpus_of(scene.entry[0]->gres_bit_alloc[0]) & all, all);
}

START_TEST(a_step_gets_the_best_that_its_job_has_free)
{
	begin(&dgx, 0xff);
	expect(step_of(SET1(0)), SET1(0));
	/* the other half, not {1,2,3,4} */
	expect(step_of(SET4(1, 2, 3, 4)), 0xf0);
	/* a double link of what is left */
	expect(step_of(SET2(1, 2)), SET2(1, 2));
}
END_TEST

START_TEST(what_other_jobs_have_is_not_the_steps)
{
	job_record_t *other;

	begin(&dgx, SET4(0, 1, 4, 5));
	other = mock_job_add(6);
	mock_job_run(other, 0, SET2(2, 3));
	/* {0,3} is a double link, but 3 is another job's */
	expect(step_of(SET2(0, 1)), SET2(0, 4));
}
END_TEST

START_TEST(level_3_looks_at_what_stays_free_in_the_job)
{
	begin(&dgx, SET3(0, 3, 6));
	/* 0 and 3 are a double link */
	expect(step_of(SET1(0)), SET1(6));
}
END_TEST

START_TEST(each_type_keeps_its_number)
{
	static const struct mock_gpus gpus = {.count = 8, .links = NULL, .types = types};
	static int links[64];
	struct mock_gpus typed = gpus;
	step_record_t *step;

	for (int i = 0; i < 8; i++)
		for (int j = 0; j < 8; j++)
			links[i * 8 + j] = dgx1v[regrouped[i] * 8 + j];
	typed.links = links;
	begin(&typed, 0);
	give(0, 0x0f, 11);
	give(1, 0xf0, 12);
	step = step_of(0);
	/* 0 (aa) and 1 (bb) have one link; bits 0-3 are 0,2,4,6 and 4-7 are 1,3,5,7 */
	part(0, 0, SET1(0));
	part(0, 1, SET1(4));
	ck_assert_int_eq(stage.ours.step_start(step), 0);
	ck_assert_int_eq(bit_set_count(scene.bits[0][0]), 1);
	ck_assert_int_eq(bit_set_count(scene.bits[0][1]), 1);
	ck_assert_uint_eq(gpus_of(scene.bits[0][0]) & ~(uint64_t)0x0f, 0);
	ck_assert_uint_eq(gpus_of(scene.bits[0][1]) & ~(uint64_t)0xf0, 0);
	ck_assert_uint_eq(gpus_of(scene.taken[0]), gpus_of(scene.bits[0][0]));
	ck_assert_uint_eq(gpus_of(scene.taken[1]), gpus_of(scene.bits[0][1]));
	/* a double link */
	ck_assert_int_eq(dgx1v[regrouped[__builtin_ctzll(gpus_of(scene.bits[0][0]))] * 8 +
			       regrouped[__builtin_ctzll(gpus_of(scene.bits[0][1]))]],
			 2);
}
END_TEST

/* Cases in which Slurm's GPUs stand: 0-1, though {0,3} is better. */
static void is_overlap(step_record_t *step)
{
	step->flags = SSF_OVERLAP_FORCE;
	bit_clear_all(scene.taken[0]);
}

static void is_not_known(step_record_t *step)
{
	step->magic = 0;
}

static void of_an_unknown_job(step_record_t *step)
{
	scene.job->job_id = 0;
	job_list = NULL;
	(void)step;
}

static void of_a_job_without_resources(step_record_t *step)
{
	job_resources_t *held = step->job_ptr->job_resrcs;

	step->job_ptr->job_resrcs = NULL;
	free_job_resources(&held);
}

static void not_taken_from_the_job(step_record_t *step)
{
	(void)step;
	bit_clear(scene.taken[0], 1);
	scene.count = 0; /* the bits do not agree from the start */
}

static void off_by_the_job(step_record_t *step)
{
	job_with(step->job_ptr, "GPUTOPO_TOPO=off");
}

static char closest[] = "gpu:closest";

static void bound_to_its_cores(step_record_t *step)
{
	step->core_bitmap_job = bit_alloc(MOCK_CORES);
	bit_set(step->core_bitmap_job, 0);
	step->tres_bind = closest;
}

static void of_an_unnamed_list(step_record_t *step)
{
	(void)step;
	scene.gres[0][0].gres_name = NULL;
}

static const struct {
	const char *why;
	void (*make)(step_record_t *step);
	const char *conf;
	uint64_t held, gpus;
} stays[] = {
	{"--overlap", is_overlap, "", 0xff, SET2(0, 1)},
	{"not a step", is_not_known, "", 0xff, SET2(0, 1)},
	{"its job is not in the table", of_an_unknown_job, "", 0xff, SET2(0, 1)},
	{"its job has no resources", of_a_job_without_resources, "", 0xff, SET2(0, 1)},
	{"the job does not know of it", not_taken_from_the_job, "", 0xff, SET2(0, 1)},
	{"--gpu-topo=off", off_by_the_job, "", 0xff, SET2(0, 1)},
	{"no gpu gres", of_an_unnamed_list, "", 0xff, SET2(0, 1)},
	{"StepChoice=no", NULL, "StepChoice=no\n", 0xff, SET2(0, 1)},
	{"StepChoice=no of the node", NULL, "NodeName=n0 StepChoice=no\n", 0xff,
	 SET2(0, 1)},
	{"Mode=observe", NULL, "Mode=observe\n", 0xff, SET2(0, 1)},
	{"Mode=off", NULL, "Mode=off\n", 0xff, SET2(0, 1)},
	{"all that is free", NULL, "", SET2(0, 1), SET2(0, 1)},
	{"as good as the best", NULL, "", 0xff, SET2(0, 3)},
	/* {0,4} is the only double link, but 4 is on the other socket */
	{"--gpu-bind=closest", bound_to_its_cores, "", SET3(0, 1, 4), SET2(0, 1)},
};

START_TEST(slurms_gpus_stand)
{
	step_record_t *step;
	uint64_t taken;

	write_conf(stays[_i].conf);
	begin(&dgx, stays[_i].held);
	step = step_of(stays[_i].gpus);
	if (stays[_i].make)
		stays[_i].make(step);
	taken = gpus_of(scene.taken[0]);
	ck_assert_int_eq(stage.ours.step_start(step), 0);
	ck_assert_msg(gpus_of(scene.bits[0][0]) == stays[_i].gpus, "%s", stays[_i].why);
	ck_assert_msg(gpus_of(scene.taken[0]) == taken, "%s", stays[_i].why);
	scene.count = 1;
}
END_TEST

START_TEST(the_same_without_the_binding_moves)
{
	begin(&dgx, SET3(0, 1, 4));
	expect(step_of(SET2(0, 1)), SET2(0, 4));
}
END_TEST

START_TEST(each_node_of_a_step_by_itself)
{
	step_record_t *step;
	bitstr_t *second;

	mock_node_add("n0", &dgx);
	mock_node_add("n1", &dgx);
	start();
	scene.job = mock_job_add(5);
	scene.steps.magic = MOCK_LIST_MAGIC;
	scene.job->step_list = (gp_list_t)&scene.steps;
	give(0, 0xff, 0);
	/* the step is on the job's second node only */
	bit_set(scene.job->job_resrcs->node_bitmap, 1);
	second = bits_of(0xff);
	{
		bitstr_t *all[2] = {scene.entry[0]->gres_bit_alloc[0], second};
		bitstr_t *taken[2] = {bit_alloc(8), bits_of(SET2(0, 1))};
		bitstr_t *own[2] = {NULL, bits_of(SET2(0, 1))};
		bitstr_t **first = scene.entry[0]->gres_bit_alloc;

		scene.entry[0]->node_cnt = 2;
		scene.entry[0]->gres_bit_alloc = all;
		scene.entry[0]->gres_bit_step_alloc = taken;
		step = step_of(0);
		bit_clear(step->step_node_bitmap, 0);
		bit_set(step->step_node_bitmap, 1);
		scene.part[0][0] =
			(gres_step_state_t){.node_cnt = 2, .gres_bit_alloc = own};
		scene.gres[0][0] = (gres_state_t){.gres_name = gpu_name,
						  .gres_data = &scene.part[0][0]};
		mock_list_add(&scene.lists[0], &scene.gres[0][0]);
		ck_assert_int_eq(stage.ours.step_start(step), 0);
		ck_assert_uint_eq(gpus_of(own[1]), SET2(0, 3));
		ck_assert_uint_eq(gpus_of(taken[1]), SET2(0, 3));
		ck_assert_uint_eq(gpus_of(taken[0]), 0);
		scene.entry[0]->node_cnt = 1;
		scene.entry[0]->gres_bit_alloc = first;
		FREE_NULL_BITMAP(taken[0]);
		FREE_NULL_BITMAP(taken[1]);
		FREE_NULL_BITMAP(own[1]);
	}
	FREE_NULL_BITMAP(second);
}
END_TEST

/* What srun was asked: its line. */
static const struct {
	const char *why, *line;
	uint64_t held, gpus;
} lines[] = {
	{"none", "srun --exact --gpus=4 ./a", SET4(0, 1, 2, 4) | SET1(6),
	 SET4(0, 2, 4, 6)},
	{"groups", "srun --exact --gpus=4 --gpu-groups=2x2 ./a",
	 SET4(0, 1, 2, 4) | SET1(6), SET4(0, 1, 2, 4)},
	{"in two words", "srun --exact --gpu-groups 2x2 --gpus=4 ./a",
	 SET4(0, 1, 2, 4) | SET1(6), SET4(0, 1, 2, 4)},
	{"the program's", "srun --exact --gpus=4 -- ./a --gpu-groups=2x2",
	 SET4(0, 1, 2, 4) | SET1(6), SET4(0, 2, 4, 6)},
	{"the last wins", "srun --gpu-groups=2x2 --gpu-groups=4 ./a",
	 SET4(0, 1, 2, 4) | SET1(6), SET4(0, 2, 4, 6)},
	{"nonsense", "srun --gpu-groups=9x9 --gpu-comm= ./a", SET4(0, 1, 2, 4) | SET1(6),
	 SET4(0, 2, 4, 6)},
	{"off", "srun --gpu-topo=off ./a", 0xff, SET4(0, 1, 2, 4)},
	{"no value", "srun --gpu-topo", SET4(0, 1, 2, 4) | SET1(6), SET4(0, 2, 4, 6)},
};

START_TEST(the_line_of_srun_is_read)
{
	step_record_t *step;
	char line[200];

	snprintf(line, sizeof(line), "%s", lines[_i].line);
	begin(&dgx, lines[_i].held);
	step = step_of(SET4(0, 1, 2, 4));
	step->submit_line = line;
	ck_assert_int_eq(stage.ours.step_start(step), 0);
	ck_assert_msg(gpus_of(scene.bits[0][0]) == lines[_i].gpus, "%s: %lx",
		      lines[_i].why, (unsigned long)gpus_of(scene.bits[0][0]));
}
END_TEST

START_TEST(elsewhere_than_in_slurmctld_nothing_is_touched)
{
	begin(&dgx, 0xff);
	stage.ours.fini();
	mock_slurm.in_slurmctld = false;
	ck_assert_int_eq(stage.ours.init(), SLURM_SUCCESS);
	expect(step_of(SET2(0, 1)), SET2(0, 1));
}
END_TEST

SUITE(steps)
{
	TCase *tc = tcase_create("steps");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_step_gets_the_best_that_its_job_has_free);
	tcase_add_test(tc, what_other_jobs_have_is_not_the_steps);
	tcase_add_test(tc, level_3_looks_at_what_stays_free_in_the_job);
	tcase_add_test(tc, each_type_keeps_its_number);
	tcase_add_loop_test(tc, slurms_gpus_stand, 0, ROWS(stays));
	tcase_add_loop_test(tc, the_line_of_srun_is_read, 0, ROWS(lines));
	tcase_add_test(tc, the_same_without_the_binding_moves);
	tcase_add_test(tc, each_node_of_a_step_by_itself);
	tcase_add_test(tc, elsewhere_than_in_slurmctld_nothing_is_touched);
	suite_add_tcase(suite, tc);
}

#else

SUITE(steps)
{
	(void)suite;
}

#endif
