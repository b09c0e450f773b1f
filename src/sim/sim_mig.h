/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sim_mig.h - requests for GPU instances under several placement policies.
 *
 * The same requests meet a fleet of one GPU model once for each policy. In loss mode a
 * request that fits nowhere is lost; in queue mode it waits, first come first served.
 */
#ifndef SIM_MIG_H
#define SIM_MIG_H

#include <jansson.h>
#include <stdio.h>

#include "core/library.h"
#include "sim/gen.h"

#define SIM_MIG_SEEDS 1000

struct sim_mig_job {
	int64_t submit_ms;
	int64_t duration_ms;
	int32_t profile;
	int32_t row; /* keeps requests of one instant in order */
};

/* Why a row of a trace is no request. */
enum sim_mig_row {
	SIM_MIG_ROW_OK,
	SIM_MIG_ROW_NO_GPU,    /* ignored: asks for no GPU */
	SIM_MIG_ROW_SEVERAL,   /* ignored: asks for several GPUs, which MIG cannot give */
	SIM_MIG_ROW_NOT_ENDED, /* ignored: has no end */
	SIM_MIG_ROW_OTHER,     /* ignored: no job of the trace's format */
	SIM_MIG_ROW_PROFILE,   /* bad from here on: no profile of this GPU */
	SIM_MIG_ROW_FIELDS,
	SIM_MIG_ROW_NUMBER,
	SIM_MIG_ROW_ORDER,
	SIM_MIG_ROWS,
};

const char *sim_mig_row_key(enum sim_mig_row row);

struct sim_mig_trace {
	struct sim_mig_job *jobs; /* by submit time */
	size_t count, room;
	int64_t rows[SIM_MIG_ROWS];
	uint64_t hash; /* of the text, or of the jobs */
};

/* Read a CSV trace with the columns submit, duration and profile, an openb pod list
 * (num_gpu, gpu_milli and times), or any other trace of gputopo sim replay, of which the
 * jobs with GPU instances count (sacct's gres/gpu:a100_1g.5gb=2 is two requests). openb's
 * share of a GPU becomes the smallest plain profile with at least that share of the
 * compute slices; a whole GPU the largest one. The trace is the caller's, also after an
 * error. */
enum gt_err sim_mig_trace_load(struct sim_mig_trace *trace, const char *path,
			       const struct gt_mig_gpu *gpu, struct gt_error *err);
/* The instances that the jobs of a trace held, read with keeps_slices; none is no error.
 * GT_ENOMEM. */
enum gt_err sim_mig_trace_take(struct sim_mig_trace *trace, const struct sim_trace *jobs,
			       const struct gt_mig_gpu *gpu, struct gt_error *err);
/* A Poisson stream of the mix; gen gives load, gpus, jobs, durations and seed. */
enum gt_err sim_mig_trace_draw(struct sim_mig_trace *trace, const struct gt_mig_gpu *gpu,
			       const struct gt_mig_mix *mix, const struct sim_gen *gen,
			       struct gt_error *err);
void sim_mig_trace_release(struct sim_mig_trace *trace);

struct sim_mig_options {
	int gpus;
	bool queue;	   /* wait instead of being lost */
	int depth;	   /* queue: how many behind the first may overtake it */
	int64_t warmup_ms; /* requests before count in nothing */
};

/* Where and when a request ran. start_ms is SIM_NEVER for lost ones. */
struct sim_mig_outcome {
	int64_t start_ms;
	int32_t gpu;
	int16_t start;
};

struct sim_mig_result {
	struct sim_mig_outcome *jobs; /* of each request; NULL: not wanted */
	int64_t offered[GT_MIG_PROFILES], accepted[GT_MIG_PROFILES];
	double units_offered, units_accepted;
	double unit_seconds; /* delivered after the warm-up */
	double seconds;	     /* from the warm-up to the last submit (loss) or end */
	double wait_mean_s, wait_p50_s, wait_p95_s;
	double makespan_s;
	double stranded;  /* time average of the expected stranded units */
	double gpus_busy; /* time average of GPUs that hold an instance */
	int gpus_touched; /* GPUs that ever held one */
	int64_t moves;	  /* running instances that moved, by a rule with migration */
};

/* Run a trace under one policy: enum gt_mig_policy or enum sim_mig_rule. space says what
 * the policy believes, truth what strands. keep_jobs: fill result->jobs, the caller's. */
enum gt_err sim_mig_run(struct sim_mig_result *result, const struct sim_mig_trace *trace,
			const struct gt_mig_space *space,
			const struct gt_mig_space *truth, int rule,
			const struct sim_mig_options *options, bool keep_jobs,
			struct gt_error *err);
/* Accepted share of the offered units. */
double sim_mig_share(const struct sim_mig_result *result);

/* Everything that a report tells: results[policy * seeds + seed]. */
struct sim_mig_report {
	const struct gt_mig_gpu *gpu;
	const struct sim_mig_options *options;
	const struct sim_mig_trace *trace; /* of the first seed */
	const struct sim_mig_result *results;
	const int *policies; /* as for sim_mig_run() */
	int policy_count;
	int seeds;
	uint64_t seed;		    /* the first */
	const char *trace_name;	    /* NULL: drawn */
	const char *mix, *expected; /* as text; NULL: none */
	double load;		    /* of a drawn trace */
};

/* NULL: out of memory. */
json_t *sim_mig_report_json(const struct sim_mig_report *report);
void sim_mig_report_table(const struct sim_mig_report *report, FILE *out);
/* One page with pictures of the slices over time; nothing from outside. Needs the jobs of
 * each policy's first seed. */
void sim_mig_report_html(const struct sim_mig_report *report, FILE *out);
/* A row for each request of the first seed. */
void sim_mig_report_csv(const struct sim_mig_report *report, int policy, FILE *out);

/* Mean over the seeds of a figure, and half the width of its 95 % interval (0 for one
 * seed). minus: a policy whose figure of the same seed is taken off, or -1. */
double sim_mig_mean(const struct sim_mig_report *report, int policy, int minus,
		    double (*figure)(const struct sim_mig_result *), double *half);

#endif
