/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_text.h - pieces of a line of the decision log. Used by ctld/log/decision.c.
 */
#ifndef GPUTOPO_PLUGIN_COMMON_LOG_TEXT_H
#define GPUTOPO_PLUGIN_COMMON_LOG_TEXT_H

#include "core/append.h"

#include <stdint.h>

/* ,"KEY":"0,2-3" */
void gp_log_put_list(struct gt_append *text, const char *key, uint64_t bits);
/* ,"KEY":40.000, or null below two GPUs and where no model says it. */
void gp_log_put_gbps(struct gt_append *text, const char *key, bool known, int mbps);
/* A copy of *used bytes of lines, each with "job": and a final newline, with the number
 * that the job has now; *used becomes its size. The caller frees; NULL: no memory. */
char *gp_log_renumber(const char *lines, uint32_t job_id, size_t *used);

#endif
