/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rerun.h - the method: let the stock plugin answer, hide the free GPUs that we don't
 * want, let it answer again, and see that it did what we meant.
 */
#ifndef GPUTOPO_PLUGIN_RERUN_H
#define GPUTOPO_PLUGIN_RERUN_H

#include "plugin/glue.h"

/* job_test of the inner plugin, with better GPUs where there are any. Whatever goes
 * wrong, the answer is the one that stock alone would give. glue is locked. */
int gp_rerun_job_test(struct gp_glue *glue, const struct gp_inner *inner,
		      const struct gp_test *test);

/* The inner job_test with Slurm's own arguments. */
int gp_rerun_plain(const struct gp_inner *inner, const struct gp_test *test);
/* Make glue->offered and glue->answer of this size; false: out of memory. */
bool gp_rerun_scratch(struct gp_glue *glue, bitstr_t *nodes);

#endif
