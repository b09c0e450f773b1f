/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exchange.h - the method: let the stock plugin answer, hide the free GPUs that we don't
 * want, let it answer again, and see that it did what we meant.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_CHOOSE_EXCHANGE_H
#define GPUTOPO_PLUGIN_CTLD_CHOOSE_EXCHANGE_H

#include "plugin/ctld/glue.h"

/* job_test of the inner plugin, with better GPUs where there are any. Whatever goes
 * wrong, the answer is the one that stock alone would give. glue is locked. */
int gp_rerun_job_test(struct gp_glue *glue, const struct gp_inner *inner,
		      const struct gp_test *test);

#endif
