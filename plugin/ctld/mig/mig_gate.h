/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_gate.h - MIG jobs and shards as far as the select plugin itself deals with them;
 * all else is in gputopo_mig.so (mig_object.h). Called by controller.c and
 * select_cons_tres.c.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_MIG_MIG_GATE_H
#define GPUTOPO_PLUGIN_CTLD_MIG_MIG_GATE_H

#include "plugin/ctld/mig/mig_submit.h"
#include "plugin/ctld/model/model.h"

/* Whether gputopo_mig.so answers the job: it asks for an instance, or for shards, which
 * on nodes that give away slices only such a job may have. */
bool gp_mig_concerns(const struct gp_models *models, const job_record_t *job);
/* While gputopo is off: no job that needs an instance starts without one. */
bool gp_mig_may_start(const job_record_t *job, uint16_t mode);
/* The answer for such a job where the object is not loaded: it waits, and is refused at
 * submission if it asks for an instance. */
int gp_mig_without_object(const job_record_t *job, uint16_t mode);

/* The verdict at submission while the object is not loaded or gputopo is not active: a
 * wish is refused. */
struct gp_mig_verdict gp_mig_judge_alone(const char *wish, bool active);

/* After the stock plugin has taken back what an ended job held: GPUs whose shards others
 * still hold stay taken. */
void gp_mig_mend(const job_record_t *job);
/* The same of the one node that a job has left. */
void gp_mig_mend_left(const job_record_t *job, int node);

#endif
