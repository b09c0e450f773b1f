/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Geometry, placement and release against brute force. */
#include "config.h"

#include "core/mig_space.h"
#include "mig_tables.h"
#include "unit.h"

#include <string.h>

#define OPERATIONS 1000000

static struct gt_mig_space *space_of(const struct gt_mig_gpu *gpu,
				     const struct gt_mig_mix *mix)
{
	struct gt_mig_space *space;
	struct gt_error err;

	ck_assert_msg(gt_mig_space_new(&space, gpu, mix, &err) == GT_OK, "%s: %s",
		      gpu->name, err.text);
	return space;
}

/* ---- the geometry ---- */

/* A table with the plain profiles only; the double-memory 1g is the one of two units and
 * one compute slice on a GPU where 1g has one unit. */
static struct om_table plain_table(const struct gt_mig_gpu *gpu, bool double_memory)
{
	struct om_table t = om_table_of(gpu);

	t.profiles = 0;
	for (int p = 0; p < gpu->count; p++) {
		const struct gt_mig_profile *row = &gpu->profile[p];

		if (*gt_mig_profile_suffix(row) || (!double_memory && gpu->units == 8 &&
						    row->compute == 1 && row->size == 2))
			continue;
		t.profile[t.profiles++] = om_table_of(gpu).profile[p];
	}
	return t;
}

static void expect(const struct gt_mig_gpu *gpu, const struct om_counts *n, long sets,
		   long masks, long maximal)
{
	ck_assert_msg(n->sets == sets && n->masks == masks && n->maximal == maximal,
		      "%s: %ld sets, %ld masks, %ld maximal", gpu->name, n->sets,
		      n->masks, n->maximal);
}

/* Known counts, found independently: 298/144/19 and with the double memory 723/192/78 for
 * the GPUs of 7/8 slices, 26/16/5 for those of 4. */
START_TEST(legal_sets_masks_and_maximal_sets_are_the_known_ones)
{
	for (int i = 0; gt_mig_gpu_at(i); i++) {
		const struct gt_mig_gpu *gpu = gt_mig_gpu_at(i);
		struct om_table base = plain_table(gpu, false);
		struct om_table plain = plain_table(gpu, true);
		struct om_counts n, m;

		om_count(&base, false, &n);
		om_count(&plain, false, &m);
		if (gpu->units == 8) {
			expect(gpu, &n, 298, 144, 19);
			expect(gpu, &m, 723, 192, 78);
		} else {
			expect(gpu, &n, 26, 16, 5);
			expect(gpu, &m, 26, 16, 5);
		}
		ck_assert_int_eq(m.most_compute, gpu->compute);
	}
}
END_TEST

/* Variants and all: no compute slice is exceeded even if nobody looks at them. */
START_TEST(compute_slices_and_maxima_hold_in_every_set)
{
	for (int i = 0; gt_mig_gpu_at(i); i++) {
		const struct gt_mig_gpu *gpu = gt_mig_gpu_at(i);
		struct om_table t = om_table_of(gpu);
		struct om_counts with, without;

		om_count(&t, false, &with);
		om_count(&t, true, &without);
		ck_assert_int_eq(with.sets, without.sets);
		ck_assert_int_le(without.most_compute, gpu->compute);
		for (int p = 0; p < gpu->count; p++)
			ck_assert_int_eq(without.most[p], gpu->profile[p].max);
	}
}
END_TEST

START_TEST(the_library_has_the_same_sets)
{
	for (int i = 0; gt_mig_gpu_at(i); i++) {
		const struct gt_mig_gpu *gpu = gt_mig_gpu_at(i);
		struct om_table plain = plain_table(gpu, true);
		struct gt_mig_space *space = space_of(gpu, NULL);
		int maximal = 0, masks = 0;
		bool seen[1 << GT_MIG_UNITS] = {false};
		struct om_counts n;

		om_count(&plain, false, &n);
		ck_assert_int_eq(space->states, n.sets);
		for (int s = 0; s < space->states; s++) {
			bool open = false;

			for (int p = 0; p < space->places; p++)
				open |= gt_mig_state_next(space, s, p) != GT_MIG_NO_STATE;
			maximal += !open;
			masks += !seen[space->mask[s]];
			seen[space->mask[s]] = true;
		}
		ck_assert_int_eq(maximal, n.maximal);
		ck_assert_int_eq(masks, n.masks);
		gt_mig_space_free(space);
	}
}
END_TEST

START_TEST(a_driver_keeps_two_profiles_apart)
{
	struct gt_mig_gpu gpu = *gt_mig_gpu_at(2);
	struct gt_mig_instance four = {0, 5, 0}, three = {0, 4, 4};
	struct gt_mig_space *space;
	struct gt_mig_fleet *fleet;
	struct gt_error err;

	ck_assert_str_eq(gpu.profile[four.profile].name, "4g.40gb");
	gt_mig_gpu_for_driver(&gpu, 470);
	space = space_of(&gpu, NULL);
	ck_assert_int_eq(gt_mig_fleet_new(&fleet, space, 1, NULL), GT_OK);
	ck_assert_int_eq(gt_mig_add(fleet, &four, NULL), GT_OK);
	ck_assert_int_eq(gt_mig_add(fleet, &three, &err), GT_EINVAL);
	ck_assert_msg(strstr(err.text, "beside") != NULL, "%s", err.text);
	gt_mig_fleet_free(fleet);
	gt_mig_space_free(space);
	gpu = *gt_mig_gpu_at(2);
	gt_mig_gpu_for_driver(&gpu, 510);
	space = space_of(&gpu, NULL);
	ck_assert_int_eq(gt_mig_fleet_new(&fleet, space, 1, NULL), GT_OK);
	ck_assert_int_eq(gt_mig_add(fleet, &four, NULL), GT_OK);
	ck_assert_int_eq(gt_mig_add(fleet, &three, NULL), GT_OK);
	gt_mig_fleet_free(fleet);
	gt_mig_space_free(space);
}
END_TEST

START_TEST(tables_with_too_many_sets_are_refused)
{
	struct gt_mig_gpu gpu = {.name = "wide", .units = 16, .compute = 16};
	struct gt_mig_space *space;
	struct gt_error err;

	gpu.apart[0] = gpu.apart[1] = GT_UNKNOWN;
	gpu.count = 2;
	for (int p = 0; p < 2; p++) {
		snprintf(gpu.profile[p].name, sizeof(gpu.profile[p].name), "p%d", p);
		gpu.profile[p].compute = gpu.profile[p].size = p + 1;
		gpu.profile[p].max = 16;
		gpu.profile[p].starts = p ? 0x7fff : 0xffff;
	}
	ck_assert_int_eq(gt_mig_space_new(&space, &gpu, NULL, &err), GT_ELIMIT);
	ck_assert_ptr_null(space);
}
END_TEST

/* ---- a million operations ---- */

/* A fleet, and the same by the oracle. */
struct pair {
	const struct gt_mig_gpu *gpu;
	struct om_table table;
	struct gt_mig_space *space;
	struct gt_mig_fleet *fleet;
	struct om_fleet truth;
	struct om_mind *mind;
	long placed, refused, added, wrong, removed, close;
};

static void pair_make(struct pair *p, const struct gt_mig_gpu *gpu, int gpus,
		      uint64_t *random)
{
	struct gt_mig_mix mix = {0};
	double weight[OM_PROFILES];
	bool known = om_random(random, 3) > 0;

	*p = (struct pair){.gpu = gpu, .table = om_table_of(gpu)};
	for (int i = 0; i < gpu->count; i++)
		weight[i] = mix.weight[i] = (uint32_t)om_random(random, 10) + (i == 0);
	p->space = space_of(gpu, known ? &mix : NULL);
	ck_assert_int_eq(gt_mig_fleet_new(&p->fleet, p->space, gpus, NULL), GT_OK);
	om_fleet_init(&p->truth, &p->table, gpus);
	p->mind = om_mind_new(&p->table, known ? weight : NULL);
}

static void pair_free(struct pair *p)
{
	om_mind_free(p->mind);
	gt_mig_fleet_free(p->fleet);
	gt_mig_space_free(p->space);
}

static void pair_compare(const struct pair *p, const char *when)
{
	double stranded = 0;

	for (int g = 0; g < p->truth.gpus; g++) {
		ck_assert_msg(gt_mig_fleet_mask(p->fleet, g) == om_mask(&p->truth, g),
			      "%s, GPU %d: %04x, not %04x", when, g,
			      gt_mig_fleet_mask(p->fleet, g), om_mask(&p->truth, g));
		for (int u = 0; u < OM_UNITS; u++)
			ck_assert_int_eq(gt_mig_fleet_profile_at(p->fleet, g, u),
					 p->truth.holds[g][u]);
		stranded += om_stranded(p->mind, &p->truth, g);
	}
	ck_assert_double_eq_tol(gt_mig_fleet_stranded(p->fleet), stranded, 1e-9);
}

/* Place by a policy, and compare with its definition. */
static void do_place(struct pair *p, uint64_t *random)
{
	int profile = om_random(random, p->gpu->count), gpu = -1, start = -1;
	int policy = om_random(random, GT_MIG_POLICIES);
	struct gt_mig_instance got;
	double margin;
	bool fits = om_place(p->mind, &p->truth, (enum om_policy)policy, profile, &gpu,
			     &start, &margin);

	ck_assert_int_eq(gt_mig_place(p->fleet, profile, (enum gt_mig_policy)policy, NULL,
				      &got),
			 fits);
	if (!fits) {
		ck_assert_int_eq(got.gpu, GT_UNKNOWN);
		p->refused++;
		return;
	}
	/* Merits nearer than rounding may be ordered either way. */
	if (margin < 1e-7)
		p->close++;
	else
		ck_assert_msg(got.gpu == gpu && got.start == start,
			      "%s, %s, %s: GPU %d start %d, not GPU %d start %d",
			      p->gpu->name,
			      gt_mig_policy_name((enum gt_mig_policy)policy),
			      p->gpu->profile[profile].name, got.gpu, got.start, gpu,
			      start);
	ck_assert(om_legal(&p->truth, got.gpu, profile, got.start));
	ck_assert_int_eq(gt_mig_add(p->fleet, &got, NULL), GT_OK);
	p->truth.holds[got.gpu][got.start] = profile;
	p->placed++;
}

/* Any place, legal or not. */
static void do_add(struct pair *p, uint64_t *random)
{
	struct gt_mig_instance i = {om_random(random, p->truth.gpus + 2) - 1,
				    om_random(random, p->gpu->count + 2) - 1,
				    om_random(random, OM_UNITS + 2) - 1};
	bool legal = om_legal(&p->truth, i.gpu, i.profile, i.start);
	struct gt_error err = {0};
	enum gt_err code = gt_mig_add(p->fleet, &i, &err);

	ck_assert_int_eq(code, legal ? GT_OK : GT_EINVAL);
	ck_assert(legal || err.text[0]);
	if (legal)
		p->truth.holds[i.gpu][i.start] = i.profile;
	p->added += legal;
	p->wrong += !legal;
}

static void do_remove(struct pair *p, uint64_t *random)
{
	int gpu = om_random(random, p->truth.gpus),
	    start = om_random(random, p->gpu->units);
	struct gt_mig_instance was;
	bool there = p->truth.holds[gpu][start] >= 0;

	ck_assert_int_eq(gt_mig_remove(p->fleet, gpu, start, &was, NULL),
			 there ? GT_OK : GT_EINVAL);
	ck_assert_int_eq(was.profile, p->truth.holds[gpu][start]);
	p->truth.holds[gpu][start] = -1;
	p->removed += there;
}

static void run_pair(struct pair *p, int operations, uint64_t *random)
{
	for (int i = 0; i < operations; i++) {
		int dice = om_random(random, 100);

		if (dice < 25)
			do_place(p, random);
		else if (dice < 45)
			do_add(p, random);
		else
			do_remove(p, random);
		if (i % 64 == 0)
			pair_compare(p, "on the way");
	}
	for (int g = 0; g < p->truth.gpus; g++)
		for (int u = 0; u < OM_UNITS; u++)
			if (p->truth.holds[g][u] >= 0) {
				ck_assert_int_eq(
					gt_mig_remove(p->fleet, g, u, NULL, NULL), GT_OK);
				p->truth.holds[g][u] = -1;
			}
	pair_compare(p, "all released");
	for (int g = 0; g < p->truth.gpus; g++)
		ck_assert_int_eq(gt_mig_fleet_state(p->fleet, g), 0);
}

START_TEST(a_million_operations_agree_with_the_oracle)
{
	const char *given = getenv("GPUTOPO_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : 20261121, random = seed;
	long done = 0, placed = 0, refused = 0, wrong = 0, close = 0;
	int round = 0;

	for (; done < OPERATIONS; round++) {
		const struct gt_mig_gpu *gpu = gt_mig_gpu_at(round % 13);
		int operations = OPERATIONS / 65;
		struct pair p;

		pair_make(&p, gpu, 1 + om_random(&random, 5), &random);
		run_pair(&p, operations, &random);
		done += operations;
		placed += p.placed;
		refused += p.refused;
		wrong += p.wrong;
		close += p.close;
		pair_free(&p);
	}
	printf("# seed %llu: %ld operations, %ld placed, %ld fitted nowhere, %ld wrong "
	       "places refused, %ld near ties not compared\n",
	       (unsigned long long)seed, done, placed, refused, wrong, close);
	ck_assert_int_ge(done, OPERATIONS);
	ck_assert_int_gt(placed, OPERATIONS / 20);
	ck_assert_int_gt(refused, OPERATIONS / 1000);
	ck_assert_int_lt(close, placed / 20);
}
END_TEST

/* ---- the rest of the interface ---- */

START_TEST(only_allowed_gpus_are_used)
{
	struct gt_mig_space *space = space_of(gt_mig_gpu_at(2), NULL);
	uint64_t allowed[2] = {0, 1u << 3}, none[2] = {0};
	struct gt_mig_fleet *fleet;
	struct gt_mig_instance place;

	ck_assert_int_eq(gt_mig_fleet_new(&fleet, space, 100, NULL), GT_OK);
	for (int p = 0; p < GT_MIG_POLICIES; p++) {
		ck_assert(gt_mig_place(fleet, 0, (enum gt_mig_policy)p, allowed, &place));
		ck_assert_int_eq(place.gpu, 67);
		ck_assert(!gt_mig_place(fleet, 0, (enum gt_mig_policy)p, none, &place));
	}
	gt_mig_fleet_free(fleet);
	gt_mig_space_free(space);
}
END_TEST

/* The starts that drivers are described to choose one after the other on an empty GPU. */
START_TEST(the_drivers_order_is_the_described_one)
{
	static const int one[] = {6, 4, 5, 0, 1, 2, 3}, two[] = {4, 0, 2},
			 three[] = {4, 0};
	static const struct {
		int profile, count;
		const int *start;
	} rows[] = {{0, 7, one}, {3, 3, two}, {4, 2, three}};
	struct gt_mig_space *space = space_of(gt_mig_gpu_at(2), NULL);

	for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
		struct gt_mig_fleet *fleet;
		struct gt_mig_instance place;

		ck_assert_int_eq(gt_mig_fleet_new(&fleet, space, 1, NULL), GT_OK);
		for (int i = 0; i < rows[r].count; i++) {
			ck_assert(gt_mig_place(fleet, rows[r].profile, GT_MIG_DRIVER,
					       NULL, &place));
			ck_assert_int_eq(place.start, rows[r].start[i]);
			ck_assert_int_eq(gt_mig_add(fleet, &place, NULL), GT_OK);
		}
		gt_mig_fleet_free(fleet);
	}
	gt_mig_space_free(space);
}
END_TEST

static const struct {
	const char *sentence;
	const char *used;
	const char *says; /* NULL: accepted */
} layouts[] = {
	{"nothing", "", NULL},
	{"one instance", "0:3g.40gb@4", NULL},
	{"a full GPU and a part of another", "0:7g.80gb@0,1:1g.10gb@6", NULL},
	{"a drifted name", "0:3g.39gb@0", NULL},
	{"no start", "0:3g.40gb", "not GPU:PROFILE@START"},
	{"no GPU", "3g.40gb@0", "not GPU:PROFILE@START"},
	{"no profile", "0:@0", "not GPU:PROFILE@START"},
	{"a comma at the end", "0:3g.40gb@4,", "not GPU:PROFILE@START"},
	{"a negative GPU", "-1:3g.40gb@4", "not GPU:PROFILE@START"},
	{"a number too long", "9999999999:3g.40gb@4", "not GPU:PROFILE@START"},
	{"a GPU too many", "4:3g.40gb@4", "no GPU 4"},
	{"an unknown profile", "0:3g.41gb+me@4", "no profile '3g.41gb+me'"},
	{"a start that hardware has not", "0:3g.40gb@2",
	 "cannot start at 2, only at 0, 4"},
	{"two at one place", "0:3g.40gb@4,0:3g.40gb@4", "overlaps 3g.40gb@4 on GPU 0"},
	{"overlap from below", "0:3g.40gb@4,0:7g.80gb@0", "7g.80gb@0 overlaps 3g.40gb@4"},
	{"two with media engines", "0:1g.10gb+me@0,0:1g.10gb+me@1", "as many as it may"},
};

START_TEST(layouts_are_read)
{
	struct gt_mig_space *space = space_of(gt_mig_gpu_at(2), NULL);

	for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		struct gt_mig_fleet *fleet;
		struct gt_error err = {0};
		enum gt_err code;

		ck_assert_int_eq(gt_mig_fleet_new(&fleet, space, 4, NULL), GT_OK);
		code = gt_mig_fleet_parse(fleet, layouts[i].used, &err);
		ck_assert_msg((code == GT_OK) == !layouts[i].says, "%s: %s",
			      layouts[i].sentence, err.text);
		ck_assert_msg(!layouts[i].says || strstr(err.text, layouts[i].says),
			      "%s: %s", layouts[i].sentence, err.text);
		gt_mig_fleet_free(fleet);
	}
	gt_mig_space_free(space);
}
END_TEST

START_TEST(fleets_have_a_size)
{
	struct gt_mig_space *space = space_of(gt_mig_gpu_at(0), NULL);
	struct gt_mig_fleet *fleet;

	ck_assert_int_eq(gt_mig_fleet_new(&fleet, space, 0, NULL), GT_ELIMIT);
	ck_assert_ptr_null(fleet);
	ck_assert_int_eq(gt_mig_fleet_new(&fleet, space, GT_MIG_GPUS + 1, NULL),
			 GT_ELIMIT);
	ck_assert_int_eq(gt_mig_fleet_new(&fleet, space, GT_MIG_GPUS, NULL), GT_OK);
	ck_assert_int_eq(gt_mig_fleet_size(fleet), GT_MIG_GPUS);
	gt_mig_fleet_free(fleet);
	gt_mig_space_free(space);
}
END_TEST

SUITE(mig_place)
{
	static const struct unit_test tests[] = {
		UNIT(legal_sets_masks_and_maximal_sets_are_the_known_ones),
		UNIT(compute_slices_and_maxima_hold_in_every_set),
		UNIT(the_library_has_the_same_sets),
		UNIT(a_driver_keeps_two_profiles_apart),
		UNIT(tables_with_too_many_sets_are_refused),
		UNIT(a_million_operations_agree_with_the_oracle),
		UNIT(only_allowed_gpus_are_used),
		UNIT(the_drivers_order_is_the_described_one),
		UNIT(layouts_are_read),
		UNIT(fleets_have_a_size),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
