/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_sim.h - what the verbs of gputopo sim share. */
#ifndef CMD_SIM_H
#define CMD_SIM_H

#include "cli/cli.h"
#include "sim/trace.h"

cli_run cmd_sim_replay, cmd_sim_gen, cmd_sim_query, cmd_sim_compare, cmd_sim_merge,
	cmd_sim_mig, cmd_sim_plan, cmd_sim_defrag, cmd_sim_blocks;

/* A number of an option, or a message and CLI_MISUSED. */
int sim_read_number(const struct cli_common *c, const char *name, const char *text,
		    double low, double high, double *value);
int sim_read_count(const struct cli_common *c, const char *name, const char *text,
		   int64_t low, int64_t high, int64_t *value);
/* "3600", "90m", "12h", "7d". */
int sim_read_duration(const struct cli_common *c, const char *name, const char *text,
		      int64_t *ms);
/* "procs/N" or "node/N[:HOSTS]". */
int sim_read_gpu_from(const struct cli_common *c, const char *name, const char *text,
		      struct sim_trace_options *read);

#endif
