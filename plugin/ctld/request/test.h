/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test.h - the arguments of one job_test, as Slurm gave them.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_REQUEST_TEST_H
#define GPUTOPO_PLUGIN_CTLD_REQUEST_TEST_H

#include "plugin/slurm/compat.h"

struct gp_test {
	job_record_t *job;
	bitstr_t *nodes;
	uint32_t min_nodes;
	uint32_t max_nodes;
	uint32_t req_nodes;
	uint16_t mode;
	gp_list_t candidates;
	gp_list_t *preemptees;
	GP_TAIL_FIELDS
};

#endif
