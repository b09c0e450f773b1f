/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_migrand.c - random histories of jobs with --mig and whole GPUs: each answer
 * and each forecast held against brute force.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/library.h"
#include "tests/oracle/mig_oracle.h"
#include "tests/oracle/mig_tables.h"
#include "tests/mock/slices.h"

/* ---- against brute force --------------------------------------------------------------
 */

#define NODES	 3
#define GPUS	 2
#define JOBS_MAX 40

static const struct {
	const char *name;
	int size, max;
} profiles[] = {{"1g.10gb", 1, 7}, {"1g.20gb", 2, 4}, {"2g.20gb", 2, 3},
		{"3g.40gb", 4, 2}, {"4g.40gb", 4, 1}, {"7g.80gb", 8, 1}};

/* A job that holds something, in the oracle's terms. */
struct holder {
	job_record_t *job;
	long end;	/* seconds from NOW; 0: not known */
	uint64_t whole; /* GPUs of node `node` */
	int node;
	int profile; /* in the table */
	struct {
		int gpu, start; /* gpu: of all nodes */
	} at[NODES * 4];
	int count;
	bool completing;
};

struct world {
	const struct gt_mig_gpu *gpu;
	struct gt_mig_space *space;
	struct om_table table;
	struct holder holder[JOBS_MAX];
	int holders;
	uint64_t seed;
};

static int profile_of(const struct world *w, const char *name)
{
	int p = -1;

	ck_assert_int_eq(gt_mig_profile_find(w->gpu, name, &p, NULL), GT_OK);
	return p;
}

/* What is there at a moment: when < 0: now. *whole: GPUs of all nodes held whole. */
static void world_at(const struct world *w, long when, struct om_fleet *f,
		     uint64_t *whole)
{
	om_fleet_init(f, &w->table, NODES * GPUS);
	*whole = 0;
	for (int i = 0; i < w->holders; i++) {
		const struct holder *h = &w->holder[i];

		if (when >= 0 && h->end && h->end <= when)
			continue;
		*whole |= h->whole << (h->node * GPUS);
		for (int s = 0; s < h->count; s++)
			f->holds[h->at[s].gpu][h->at[s].start] = h->profile;
	}
}

/* Whether there is room for count instances on this GPU. Every order is tried. */
static bool room_for(struct om_fleet *f, int gpu, int profile, int count)
{
	bool fits = count == 0;

	for (int s = 0; s < UNITS && !fits; s++) {
		if (!om_legal(f, gpu, profile, s))
			continue;
		f->holds[gpu][s] = profile;
		fits = room_for(f, gpu, profile, count - 1);
		f->holds[gpu][s] = -1;
	}
	return fits;
}

/* Nodes with a GPU that has room. */
static int nodes_with_room(const struct world *w, long when, int profile, int count)
{
	struct om_fleet f;
	uint64_t whole;
	int nodes = 0;

	world_at(w, when, &f, &whole);
	for (int n = 0; n < NODES; n++) {
		bool fits = false;

		for (int g = n * GPUS; g < (n + 1) * GPUS; g++)
			fits |= !(whole >> g & 1) && room_for(&f, g, profile, count);
		nodes += fits;
	}
	return nodes;
}

/* The first end with room on enough nodes, by trying all; 0: now, YEAR: none is known. */
static long first_end(const struct world *w, int profile, int count, int wanted)
{
	long best = YEAR;

	if (nodes_with_room(w, -1, profile, count) >= wanted)
		return 0;
	for (int i = 0; i < w->holders; i++) {
		long end = w->holder[i].end;

		if (end && end < best &&
		    nodes_with_room(w, end, profile, count) >= wanted)
			best = end;
	}
	return best;
}

/* Read the job's placement into the world: legal, on GPUs that nobody holds whole, as
 * many as wished, on one GPU a node. */
static void take_placement(struct world *w, job_record_t *job, int profile, int count,
			   int wanted, long end)
{
	struct holder *h = &w->holder[w->holders];
	const char *at = place_of(job);
	struct om_fleet f;
	uint64_t whole, gpus = 0;

	ck_assert_ptr_nonnull(at);
	world_at(w, -1, &f, &whole);
	*h = (struct holder){.job = job, .profile = profile, .end = end};
	while (at && *at) {
		int node, gpu, start, size;

		ck_assert_msg(sscanf(at, "n%d:%d:%d:%d", &node, &gpu, &start, &size) == 4,
			      "%s", at);
		gpu += node * GPUS;
		ck_assert_msg(!(whole >> gpu & 1), "%s: GPU held whole", place_of(job));
		ck_assert_msg(om_legal(&f, gpu, profile, start), "%s: not legal",
			      place_of(job));
		ck_assert_int_eq(size, w->table.profile[profile].size);
		f.holds[gpu][start] = profile;
		h->at[h->count].gpu = gpu;
		h->at[h->count++].start = start;
		gpus |= (uint64_t)1 << gpu;
		at = strchr(at, ',');
		at += at != NULL;
	}
	ck_assert_int_eq(h->count, count * wanted);
	ck_assert_int_eq(__builtin_popcountll(gpus), wanted);
	w->holders++;
}

/* Where the policy puts one instance among all GPUs, which `sim mig` asks too:
 * "NODE:GPU:START:SIZE". */
static void choose(const struct world *w, int profile, char *place, size_t size)
{
	struct gt_mig_instance at;
	struct gt_mig_fleet *fleet;
	struct om_fleet f;
	uint64_t whole, open;

	world_at(w, -1, &f, &whole);
	open = ~whole;
	ck_assert_int_eq(gt_mig_fleet_new(&fleet, w->space, NODES * GPUS, NULL), GT_OK);
	for (int g = 0; g < NODES * GPUS; g++)
		for (int s = 0; s < UNITS; s++) {
			struct gt_mig_instance one = {g, f.holds[g][s], s};

			if (one.profile >= 0)
				ck_assert_int_eq(gt_mig_add(fleet, &one, NULL), GT_OK);
		}
	ck_assert(gt_mig_place(fleet, profile, GT_MIG_LOOKAHEAD, &open, &at));
	snprintf(place, size, "n%d:%d:%d:%d", at.gpu / GPUS, at.gpu % GPUS, at.start,
		 w->gpu->profile[profile].size);
	gt_mig_fleet_free(fleet);
}

/* One with a wish: answered as the oracle says, and started if it can be. */
static void arrive(struct world *w)
{
	int kind = om_random(&w->seed, ROWS(profiles));
	int count = om_random(&w->seed, 3) ? 1 : 1 + om_random(&w->seed, 2);
	int wanted = om_random(&w->seed, 4) ? 1 : 2, rc;
	int profile = profile_of(w, profiles[kind].name);
	long end = om_random(&w->seed, 5) ? 10 + om_random(&w->seed, 1000) : 0;
	char wish[32], place[32] = "";
	uint64_t nodes;
	job_record_t *job;

	count = count > profiles[kind].max ? 1 : count;
	snprintf(wish, sizeof(wish), count > 1 ? "%s:%d" : "%s", profiles[kind].name,
		 count);
	job = mig_job(wish, count * profiles[kind].size);
	stage.asked_nodes = (uint32_t)wanted;
	mock_stock.nodes_wanted = wanted;
	rc = test_job(job, SELECT_MODE_RUN_NOW, &nodes);
	if (first_end(w, profile, count, wanted) == 0) {
		ck_assert_msg(rc == SLURM_SUCCESS, "%s -N%d should run: %d", wish, wanted,
			      rc);
		if (count == 1 && wanted == 1)
			choose(w, profile, place, sizeof(place));
		begin(job, (int)end);
		if (place[0])
			ck_assert_str_eq(place_of(job), place);
		take_placement(w, job, profile, count, wanted, end);
		return;
	}
	ck_assert_msg(rc == ESLURM_NODES_BUSY, "%s -N%d should wait: %d", wish, wanted,
		      rc);
	expect_forecast(wish, job, first_end(w, profile, count, wanted));
	free_env(job); /* it is cancelled */
}

/* One whole GPU that has no slices in use. */
static void arrive_whole(struct world *w)
{
	int gpu = om_random(&w->seed, NODES * GPUS), node = gpu / GPUS;
	long end = om_random(&w->seed, 4) ? 10 + om_random(&w->seed, 1000) : 0;
	struct om_fleet f;
	uint64_t whole;

	world_at(w, -1, &f, &whole);
	if (om_used(&f, gpu) || whole >> gpu & 1)
		return;
	w->holder[w->holders++] = (struct holder){
		.job = run_whole(node, SET1(gpu % GPUS), (int)end),
		.end = end,
		.whole = SET1(gpu % GPUS),
		.node = node,
	};
}

/* A MIG job is completing before it is gone: Slurm counts its shards no more. */
static void leave(struct world *w)
{
	struct holder *h;

	if (!w->holders)
		return;
	h = &w->holder[om_random(&w->seed, w->holders)];
	if (h->whole) {
		ck_assert_int_eq(stage.ours.job_fini(h->job), 0);
		mock_job_stop(h->job, h->node, h->whole);
	} else if (!h->completing) {
		mock_shards_return(h->job);
		h->job->job_state = JOB_COMPLETE | JOB_COMPLETING;
		ck_assert_int_eq(stage.ours.job_fini(h->job), 0);
		h->completing = true;
		return;
	} else {
		h->job->job_state = JOB_COMPLETE;
	}
	*h = w->holder[--w->holders];
}

START_TEST(random_histories_are_as_brute_force_has_them)
{
	struct world w = {.seed = 7919 * (uint64_t)(_i + 1)};

	ck_assert_int_eq(gt_mig_gpu_find(&w.gpu, SLICES_MODEL, NULL), GT_OK);
	ck_assert_int_eq(gt_mig_space_new(&w.space, w.gpu, NULL, NULL), GT_OK);
	w.table = om_table_of(w.gpu);
	start_sliced(NODES);
	for (int step = 0; step < 100; step++) {
		int what = om_random(&w.seed, 10);

		if (what < 5)
			arrive(&w);
		else if (what < 6)
			arrive_whole(&w);
		else if (what < 9)
			leave(&w);
		else
			start(); /* as after a restart */
	}
	gt_mig_space_free(w.space);
}
END_TEST

SUITE(migrand)
{
	TCase *tc = tcase_create("slices");

	tcase_add_checked_fixture(tc, slices_setup, slices_teardown);
	tcase_add_loop_test(tc, random_histories_are_as_brute_force_has_them, 0, 40);
	suite_add_tcase(suite, tc);
}
