/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * submit.h - whether a wish can ever be met. Called by controller.c at submission.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_SUBMIT_H
#define GPUTOPO_PLUGIN_CTLD_SUBMIT_H

#include "plugin/ctld/request/question.h"
#include "plugin/ctld/state/config.h"

/* gp_submit_fn with the configuration that holds, under the lock of controller.c. */
bool gp_submit_refuses(const struct gp_config *config, const struct gp_question *question,
		       char *text, size_t size);

#endif
