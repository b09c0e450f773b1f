/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine.h - replay the jobs of a trace under one policy. */
#ifndef SIM_ENGINE_H
#define SIM_ENGINE_H

#include "sim/cluster.h"
#include "sim/filter.h"
#include "sim/trace.h"

enum sim_sched {
	SIM_SCHED_FIFO,	    /* strictly in order */
	SIM_SCHED_EASY,	    /* later jobs may pass if the first does not start later */
	SIM_SCHED_RECORDED, /* at the recorded times, on the recorded nodes */
	SIM_SCHED_LOSS,	    /* a job that does not fit at once is lost */
};

bool sim_sched_parse(const char *name, enum sim_sched *sched);
const char *sim_sched_name(enum sim_sched sched);

struct sim_options {
	enum sim_sched sched;
	int64_t depth;	   /* waiting jobs that are looked at; 0: all */
	double slowdown;   /* run time grows by this x (ideal/got - 1) */
	int ringless_mbps; /* what a set without a ring counts as; 0: its busbw */
	int network_mbps;  /* what a job split over nodes can reach at most */
	uint64_t seed;
	const struct sim_filter *filter; /* which nodes jobs may have; NULL: all */
	bool times_decisions; /* measure each; makes outputs differ from run to run */
	/* Called now and then from the thread of the replay; jobs that are decided. */
	void (*progress)(void *arg, int64_t jobs);
	void *progress_arg;
};

enum {
	SIM_RING = 1,	   /* its GPUs form a ring over links (on each of its nodes) */
	SIM_RING_LOST = 2, /* a ring was free, and it got none */
	SIM_ZERO_PAIR = 4, /* a pair of its GPUs has no link */
	SIM_SPLIT = 8,	   /* on several nodes, though one could have held it */
	SIM_REJECTED = 16, /* never started: too large, or lost */
	SIM_MOVED = 32,	   /* its recorded node had too few GPUs */
	SIM_CHOICE = 64,   /* sets of its size differ in bandwidth on these nodes */
};

/* GPUs of one node. */
struct sim_place {
	uint64_t mask;
	int32_t node;
};

/* Cores of one place by socket, kept while the job starts. */
struct sim_cores {
	uint16_t on[SIM_MAX_SOCKETS];
};

struct sim_outcome {
	int64_t start_ms, end_ms;
	uint32_t place; /* first of its places */
	uint16_t places;
	uint16_t flags;
	int32_t got_mbps;    /* of its slowest node; 0 for jobs without a pair of GPUs */
	int32_t best_mbps;   /* the best that was free there then */
	int32_t ideal_mbps;  /* the best of that node, idle */
	int32_t decision_ns; /* 0: not measured */
};

struct sim_result {
	char name[SIM_POLICY_NAME_MAX];
	const struct sim_layout *layout;
	struct sim_outcome *jobs; /* by job of the trace */
	size_t count;
	struct sim_place *places;
	size_t place_count, place_room;
	int64_t first_ms, last_ms;    /* first submission, last end */
	int64_t submitted_ms;	      /* last submission */
	double busy_gpu_ms;	      /* up to last_ms */
	double busy_submitted_gpu_ms; /* up to submitted_ms */
	int64_t decisions;
	double stranded_ms[SIM_MAX_GPUS + 1]; /* node x milliseconds by request size */
	char **names; /* by node: the trace's, where recorded nodes stand for unnamed
		       * ones; NULL: those of the layout */
};

/* The node's name; buf is for those without. */
const char *sim_result_name(const struct sim_result *result, int node, char *buf,
			    size_t size);

/* Deterministic: the same arguments give the same result. GT_ENOMEM, or an error of the
 * policy's name. */
enum gt_err sim_engine_run(struct sim_result *result, const struct sim_trace *trace,
			   const struct sim_layout *layout, const char *policy,
			   const struct gt_mix *mix, const struct sim_options *options,
			   struct gt_error *err);
void sim_result_release(struct sim_result *result);

static inline double sim_outcome_ratio(int32_t got, int32_t best)
{
	return best > 0 ? (double)got / best : 1;
}

#endif
