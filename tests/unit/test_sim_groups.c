/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups and all-to-all in the simulator: what jobs got, the best that was free and the
 * ideal, against every set and every partition of it. */
#include "graph.h"
#include "sim/engine.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const machines[] = {"builtin:dgx1v", "builtin:h100-pcie-pairs",
				       "builtin:mi250x", "builtin:l40s-8",
				       "builtin:summit"};
#define MACHINES (sizeof(machines) / sizeof(machines[0]))

static const struct {
	const char *groups; /* "": one */
	enum gt_comm comm;
} shapes[] = {
	{"2x2", GT_COMM_ALLREDUCE}, {"2x2", GT_COMM_ALLTOALL},	{"2", GT_COMM_ALLREDUCE},
	{"3+1", GT_COMM_ALLREDUCE}, {"2+3", GT_COMM_ALLREDUCE}, {"", GT_COMM_ALLTOALL},
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static struct sim_layout layout;
static struct oracle_graph graph;

static void open_layout(const char *spec, int nodes)
{
	struct gt_error err;
	struct gt_node *node;
	int type;

	memset(&layout, 0, sizeof(layout));
	ck_assert_int_eq(gt_node_load(&node, spec, NULL, &err), GT_OK);
	graph_of_node(&graph, node);
	ck_assert_int_eq(sim_layout_add_type(&layout, node, 0, &type, &err), GT_OK);
	for (int i = 0; i < nodes; i++)
		ck_assert_int_eq(sim_layout_add_node(&layout, type, NULL, false, &err),
				 GT_OK);
}

static struct oracle_shape shape_of(const struct sim_shape *shape, int k)
{
	struct oracle_shape s = {.alltoall = shape->comm == GT_COMM_ALLTOALL};
	int once = shape->groups.count;

	if (!once)
		s.size[s.groups++] = k;
	for (int sum = 0; once && sum < k; sum += s.size[s.groups++])
		s.size[s.groups] = shape->groups.size[s.groups % once];
	return s;
}

/* What a set is worth: the slowest group of its best partition. */
static double worth(const struct sim_shape *shape, unsigned set)
{
	struct oracle_shape s = shape_of(shape, oracle_size(set));
	struct oracle_parts parts;

	oracle_partition(&graph, &s, set, oracle_group_mbps, NULL, &parts);
	return parts.group[0];
}

/* The best that k of these can have. */
static double best(const double *worths, unsigned free, int k)
{
	double most = 0;

	for (unsigned s = free; s; s = (s - 1) & free)
		if (oracle_size(s) == k && worths[s] > most)
			most = worths[s];
	return most;
}

/* gputopo and a policy that knows nothing of groups, on a busy node. */
START_TEST(jobs_get_what_the_geometry_says)
{
	static double worths[1 << 8];
	struct rng random = rng_start("groups");

	for (size_t m = 0; m < MACHINES; m++)
		for (size_t i = 0; i < SHAPES; i++) {
			struct sim_trace trace = {0};
			struct sim_shape shape = {.comm = shapes[i].comm};
			struct sim_options options = {.sched = SIM_SCHED_EASY,
						      .network_mbps = 12500};
			struct gt_error err;
			char text[4096] = "job_id,submit,duration,gpus,nodes,form,groups,"
					  "comm\n";
			struct sim_trace_options read = {.form = SIM_FORM_NODE};
			FILE *f;
			int k = 4;

			open_layout(machines[m], 1);
			if (*shapes[i].groups)
				ck_assert_int_eq(gt_groups_parse(&shape.groups,
								 shapes[i].groups, &err),
						 GT_OK);
			if (shape.groups.count && gt_groups_sum(&shape.groups) > 2)
				k = gt_groups_sum(&shape.groups);
			for (unsigned s = 1; s <= layout.types[0].all; s++)
				worths[s] = oracle_size(s) == k ? worth(&shape, s) : 0;
			for (int j = 0; j < 40; j++)
				snprintf(text + strlen(text), sizeof(text) - strlen(text),
					 j % 2 ? "%d,%d,%d,%d,1,node,%s,%s\n"
					       : "%d,%d,%d,1,1,node,,\n",
					 j, 10 * j, 5 + (int)rng_next(&random, 60), k,
					 shapes[i].groups, gt_comm_name(shape.comm));
			f = fmemopen(text, strlen(text), "r");
			ck_assert_msg(!sim_trace_read(&trace, f, "t", &read, &err), "%s",
				      err.text);
			fclose(f);
			ck_assert_uint_eq(trace.count, 40);
			for (int p = 0; p < 2; p++) {
				struct sim_result r = {0};
				unsigned busy[41] = {0};

				ck_assert_int_eq(sim_engine_run(&r, &trace, &layout,
								p ? "first-fit"
								  : "gputopo",
								NULL, &options, &err),
						 GT_OK);
				for (size_t j = 1; j < 40; j += 2) {
					const struct sim_outcome *o = &r.jobs[j];
					unsigned mine = (unsigned)r.places[o->place].mask;

					for (size_t b = 0; b < 40; b++)
						if (b != j &&
						    r.jobs[b].start_ms <= o->start_ms &&
						    r.jobs[b].end_ms > o->start_ms &&
						    (r.jobs[b].start_ms < o->start_ms ||
						     b < j))
							busy[j] |=
								(unsigned)r
									.places[r.jobs[b]
											.place]
									.mask;
					ck_assert_msg(fabs(o->got_mbps - worths[mine]) <=
							      .5,
						      "%s %s: %#x got %d, not %.1f",
						      machines[m], shapes[i].groups, mine,
						      o->got_mbps, worths[mine]);
					ck_assert(
						fabs(o->best_mbps -
						     best(worths,
							  (unsigned)layout.types[0].all &
								  ~busy[j],
							  k)) <= .5);
					ck_assert(fabs(o->ideal_mbps -
						       best(worths,
							    (unsigned)layout.types[0].all,
							    k)) <= .5);
					ck_assert(p || o->got_mbps == o->best_mbps);
				}
				sim_result_release(&r);
			}
			sim_trace_release(&trace);
			sim_layout_release(&layout);
		}
}
END_TEST

/* Two nodes, one with better pairs left: the job with groups goes there, though the other
 * has the better set for one all-reduce over all. */
START_TEST(the_node_is_the_best_for_the_groups)
{
	static const char text[] = "job_id,submit,duration,gpus,nodes,form,groups\n"
				   "a,0,1000,1,1,node,\n"
				   "b,1,1000,1,1,node,\n"
				   "c,2,1000,1,1,node,\n"
				   "d,3,1000,4,1,node,2x2\n"
				   "e,4,1000,4,1,node,2x2\n";
	struct sim_trace_options read = {.form = SIM_FORM_NODE};
	struct sim_options options = {.sched = SIM_SCHED_EASY, .network_mbps = 12500};
	struct sim_trace trace = {0};
	struct sim_result r = {0};
	struct gt_error err;
	FILE *f = fmemopen((void *)(uintptr_t)text, sizeof(text) - 1, "r");

	open_layout("builtin:h100-pcie-pairs", 2);
	ck_assert_int_eq(sim_trace_read(&trace, f, "t", &read, &err), GT_OK);
	fclose(f);
	ck_assert_int_eq(sim_engine_run(&r, &trace, &layout, "gputopo", NULL, &options,
					&err),
			 GT_OK);
	for (size_t j = 3; j < 5; j++)
		ck_assert_int_eq(r.jobs[j].got_mbps, r.jobs[j].ideal_mbps);
	sim_result_release(&r);
	sim_trace_release(&trace);
	sim_layout_release(&layout);
}
END_TEST

static const struct {
	const char *row;
	int jobs;
	const char *shape; /* of the job */
} rows[] = {
	{"1,0,9,4,1,node,2x2,", 1, "2x2"},
	{"1,0,9,4,1,node,2+2,alltoall", 1, "2x2 alltoall"},
	{"1,0,9,8,2,node,2x2,", 1, "2x2"}, /* the pattern on each node */
	{"1,0,9,16,2,node,4,", 1, "4"},	   /* twice on each */
	{"1,0,9,4,,node,,alltoall", 1, "alltoall"},
	{"1,0,9,4,1,node,,", 1, "allreduce"},
	{"1,0,9,4,1,node,None,None", 1, "allreduce"},
	{"1,0,9,4,1,node,3x2,", 0, ""},
	{"1,0,9,6,1,node,2x2,", 0, ""},
	{"1,0,9,6,2,node,2x2,", 0, ""},
	{"1,0,9,7,2,node,2,", 0, ""},
	{"1,0,9,4,1,node,0,", 0, ""},
	{"1,0,9,4,1,node,1000x1000,", 0, ""},
	{"1,0,9,4,1,node,pairs,", 0, ""},
	{"1,0,9,4,1,node,2x2,gossip", 0, ""},
};

START_TEST(rows_name_groups)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sim_trace_options read = {.form = SIM_FORM_NODE};
		char text[256], shape[SIM_SHAPE_TEXT];
		struct sim_trace trace = {0};
		struct gt_error err;
		FILE *f;

		snprintf(text, sizeof(text),
			 "job_id,submit,duration,gpus,nodes,form,groups,comm\n%s\n",
			 rows[i].row);
		f = fmemopen(text, strlen(text), "r");
		ck_assert_int_eq(sim_trace_read(&trace, f, "t", &read, &err), GT_OK);
		fclose(f);
		ck_assert_msg((int)trace.count == rows[i].jobs, "%s", rows[i].row);
		ck_assert_int_eq(trace.reason_count[SIM_ROW_GROUPS], 1 - rows[i].jobs);
		if (trace.count)
			ck_assert_str_eq(
				sim_shape_text(&trace.shapes[trace.jobs[0].shape], shape),
				rows[i].shape);
		sim_trace_release(&trace);
	}
}
END_TEST

/* A trace may name any number of geometries: those beyond the limit are bad rows. */
START_TEST(geometries_are_bounded)
{
	struct sim_trace_options read = {.form = SIM_FORM_NODE};
	struct sim_trace trace = {0};
	struct gt_error err;
	FILE *f = tmpfile();

	fputs("job_id,submit,duration,gpus,nodes,form,groups,comm\n", f);
	for (int i = 2; i < 400; i++)
		fprintf(f, "%d,0,9,%d,1,node,%d,\n", i, i, i);
	rewind(f);
	ck_assert_int_eq(sim_trace_read(&trace, f, "t", &read, &err), GT_OK);
	fclose(f);
	ck_assert_uint_eq(trace.count, SIM_MAX_SHAPES - 1);
	ck_assert_int_eq(trace.reason_count[SIM_ROW_LIMIT], 398 - (SIM_MAX_SHAPES - 1));
	sim_trace_release(&trace);
}
END_TEST

SUITE(sim_groups)
{
	static const struct unit_test tests[] = {
		UNIT(jobs_get_what_the_geometry_says),
		UNIT(the_node_is_the_best_for_the_groups),
		UNIT(rows_name_groups),
		UNIT(geometries_are_bounded),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
