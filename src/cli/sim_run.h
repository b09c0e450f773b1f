/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sim_run.h - one call of gputopo sim replay, from the trace to the outputs. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "cli/cli.h"
#include "sim/report.h"

enum sim_progress { SIM_PROGRESS_AUTO, SIM_PROGRESS_NONE, SIM_PROGRESS_JSON };

#define SIM_MAX_ONLY 16

struct sim_run {
	struct cli_common *common;
	const char *trace_name, *conf, *policies, *mix_text, *anonymize, *output;
	const char *svg;     /* file of the picture; NULL: none */
	const char *release; /* of Slurm, for the stock policy; NULL: of this machine */
	struct sim_trace_options read;
	const char *only[SIM_MAX_ONLY + 1]; /* NULL ends it */
	struct sim_options options;
	const char *groups_text;		   /* --groups; NULL: none */
	struct gt_groups groups[SIM_MAX_GPUS + 1]; /* by GPUs on a node */
	enum gt_comm comm;
	struct gt_mix mix;
	int nodes, threads;
	int64_t warmup_ms;
	enum sim_progress progress;
	bool csv, summary, html, json;
};

/* Returns the exit status; messages stand on standard error. */
int sim_run_all(struct sim_run *run);

#endif
