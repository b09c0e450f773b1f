/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scratch.c - the working memory of job_test. Called by the hooks in controller.c.
 */
#include "plugin/slurm/compat.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/ctld/state/scratch.h"

/* Slurm's bit strings exit without memory: they are made where slurmctld itself begins,
 * not while it schedules. */
void gp_scratch_reset(struct gp_scratch *scratch, int node_count)
{
	size_t room = (size_t)node_count + 1;

	gp_scratch_release(scratch);
	if (node_count > 0) {
		scratch->offered = bit_alloc(node_count);
		scratch->picked = bit_alloc(node_count);
	}
	scratch->dates = calloc(2 * room, sizeof(*scratch->dates));
	scratch->scores = calloc(room, sizeof(*scratch->scores));
	scratch->domains = calloc(room, sizeof(*scratch->domains));
}

void gp_scratch_release(struct gp_scratch *scratch)
{
	FREE_NULL_BITMAP(scratch->offered);
	FREE_NULL_BITMAP(scratch->picked);
	free(scratch->answers);
	free(scratch->hidden);
	free(scratch->dates);
	free(scratch->scores);
	free(scratch->domains);
	memset(scratch, 0, sizeof(*scratch));
}

bool gp_scratch_answers(struct gp_scratch *scratch, int count)
{
	struct gp_node_answer *answers;
	struct gp_hidden *hidden;

	if (count <= scratch->answer_room)
		return true;
	answers = realloc(scratch->answers, (size_t)count * sizeof(*answers));
	if (!answers)
		return false;
	scratch->answers = answers;
	hidden = realloc(scratch->hidden, (size_t)count * sizeof(*hidden));
	if (!hidden)
		return false;
	scratch->hidden = hidden;
	scratch->answer_room = count;
	return true;
}
