/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics.h - what a replay says in numbers. */
#ifndef SIM_METRICS_H
#define SIM_METRICS_H

#include "sim/engine.h"

#define SIM_MAX_SIZES	128 /* different job sizes that are reported one by one */
#define SIM_MAX_GROUPED 32  /* different geometries, the same */

/* Jobs of 2 GPUs and more that started. Ratios are bus bandwidth got over the best. */
struct sim_stats {
	int gpus;  /* of by_size */
	int shape; /* of by_groups: of the trace's shapes */
	int64_t jobs;
	double mean_free, mean_idle; /* over the best that was free; of the idle node */
	double p5_idle, p50_idle, p95_idle;
	double mean_gbps, p5_gbps, p50_gbps, p95_gbps; /* bus bandwidth got */
	double gpu_hours, gpu_hours_below_ideal;       /* of these jobs */
	int64_t ring_lost;
	double no_ring_share;
};

struct sim_metrics {
	int64_t jobs, started, rejected, split, moved;
	struct sim_stats all;
	struct sim_stats choice; /* of the jobs whose size has better and worse sets */
	struct sim_stats sizes[SIM_MAX_SIZES];
	int size_count;
	struct sim_stats groups[SIM_MAX_GROUPED]; /* of jobs of one geometry */
	int group_count;
	double wait_mean_s, wait_p50_s, wait_p95_s;
	double bounded_slowdown; /* mean of (wait + run) / run, run at least 10 s */
	double makespan_s;
	double utilisation;	   /* busy share of the GPUs over the makespan */
	double utilisation_submit; /* until the last submission */
	double gpu_hours, gpu_hours_below_ideal;
	double stranded_nodes[SIM_MAX_GPUS + 1]; /* mean, by size */
	int64_t decisions;
	double decision_ns; /* mean; 0: not measured */
};

/* Jobs submitted before warmup_ms are left out. GT_ENOMEM. */
enum gt_err sim_metrics_make(struct sim_metrics *metrics, const struct sim_trace *trace,
			     const struct sim_result *result, int64_t warmup_ms,
			     struct gt_error *err);

/* How the jobs fared against another policy: by the ratio over the idle node's best. */
struct sim_regret {
	int64_t worse, better;
	int64_t later, sooner;			/* jobs that started later, or sooner */
	double lost_gbps_hours, won_gbps_hours; /* GB/s x hours x GPUs, of each group */
};

void sim_regret_count(struct sim_regret *regret, const struct sim_trace *trace,
		      const struct sim_result *result, const struct sim_result *stock,
		      int64_t warmup_ms);
/* The jobs that lost most, by their number; returns how many stand in worst. */
int sim_regret_list(const struct sim_trace *trace, const struct sim_result *result,
		    const struct sim_result *stock, int64_t warmup_ms, int32_t *worst,
		    int room);

#endif
