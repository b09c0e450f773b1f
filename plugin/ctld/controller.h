/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * controller.h - the hooks of the select plugin inside slurmctld. Called by
 * select_cons_tres.c only.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_CONTROLLER_H
#define GPUTOPO_PLUGIN_CTLD_CONTROLLER_H

#include "plugin/ctld/mig/mig_submit.h"
#include "plugin/ctld/request/test.h"
#include "plugin/ctld/request/question.h"
#include "plugin/slurm/stock_plugin.h"

int gp_controller_job_test(const struct gp_stock_plugin *stock_plugin,
			   const struct gp_test *test);
/* After the stock node_init: the node table is new. Reads gputopo.conf. */
void gp_controller_node_init(void);
/* Before the stock select_nodeinfo_set, and after it: the job's GPUs are known. */
void gp_controller_job_takes(const job_record_t *job);
void gp_controller_job_holds(const job_record_t *job);
/* After the stock job_begin: the answer of the last job_test is used. false: the job must
 * not start, since it would be without its MIG instance. */
bool gp_controller_job_begins(job_record_t *job);
/* Before the stock job_fini, and after the stock job_resized. */
void gp_controller_job_ends(job_record_t *job);
void gp_controller_job_leaves(job_record_t *job, int node);
/* Slurm has given a step of a running job its GPUs, and nobody has heard of them yet. */
void gp_controller_step_starts(const step_record_t *step);
/* After the stock reconfigure. */
void gp_controller_rebuild(void);
/* For job_submit/gputopo: see gp_submit_fn. */
bool gp_controller_refuses(const struct gp_question *question, char *text, size_t size);
/* The same for --mig: see gp_mig_submit_fn. */
bool gp_controller_mig_refuses(const struct gp_mig_question *question,
			       struct gp_mig_verdict *verdict);
/* At fini. */
void gp_controller_stop(void);

#endif
