/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job_places.h - the nodes that a submitted job may have and those that it requires, as
 * far as its description tells.
 */
#ifndef GPUTOPO_PLUGIN_SUBMIT_JOB_PLACES_H
#define GPUTOPO_PLUGIN_SUBMIT_JOB_PLACES_H

#include "plugin/ctld/request/question.h"

/* Partitions, excluded nodes, features joined by & or by |, and a reservation narrow the
 * nodes; what is not understood (counts and brackets of features, unknown names) narrows
 * nothing: Slurm's own test of the job follows. Slurm's read locks on nodes and
 * partitions are held. The bitmaps are the caller's, to be given back by gp_places_free.
 * O(nodes + length of the lists). */
void gp_places_read(const job_desc_msg_t *job, struct gp_places *places);
void gp_places_free(struct gp_places *places);

#endif
