/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * past_text.h - what slurmctld remembers of a job's last run (GPUTOPO_HAD):
 * "MBPS/COUNT,NODE:GPUS,NODE:GPUS...", GPUS in hexadecimal. previous_run.c writes it.
 */
#ifndef GPUTOPO_PLUGIN_PAST_TEXT_H
#define GPUTOPO_PLUGIN_PAST_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define GP_PAST_GPUS	  64 /* of one node */
#define GP_PAST_VALUE_MAX (GP_PAST_MAX + 64)
#define GP_PAST_MAX	  1024 /* of the text; more nodes than fit are not remembered */

#define GP_PAST_SETS 256 /* as many as fit at all: ",n:1" each */

/* Its GPUs on one node then; the name is the job's and not ended by a NUL. */
struct gp_previous_run_set {
	const char *node;
	size_t length;
	uint64_t gpus;
};

struct gp_previous_run {
	int count; /* GPUs on the node that had most */
	int mbps;  /* bus bandwidth of the slowest set of two or more; 0: unknown */
	int sets;  /* 0: nothing is remembered */
	struct gp_previous_run_set set[GP_PAST_SETS];
};

/* Read the text, all of it or nothing; NULL is nothing. At most GP_PAST_VALUE_MAX bytes
 * are looked at, whoever wrote it. The names stay in text. */
void gp_previous_run_parse(const char *text, struct gp_previous_run *past);
/* Its GPUs on this node then; 0: none. */
uint64_t gp_previous_run_on(const struct gp_previous_run *past, const char *node);

#endif
