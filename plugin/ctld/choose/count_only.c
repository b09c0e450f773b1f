/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * count_only.c - hide GPUs while a job takes its own, on nodes whose GPUs are only
 * counted. Called by select_nodeinfo_set through the hooks of the controller.
 */
#include "plugin/slurm/compat.h"

#include "plugin/ctld/choose/count_only.h"

void gp_count_only_mean(struct gp_controller *ctl, const job_record_t *job, int answers)
{
	ctl->count_only = (struct gp_count_only){.job = job, .answers = answers};
}

/* The bits only: Slurm checks the job's number against counts, and takes the lowest GPUs
 * whose bit is not set. */
static void hide_on(struct gp_node_answer *answer)
{
	struct gp_gpus now;
	uint64_t others;

	if (gp_bridge_node(answer->record, &now) != GP_OK || !now.counted ||
	    now.size != answer->gpus.size || (answer->wanted & ~now.free))
		return;
	others = now.free & ~answer->wanted;
	for (int g = 0; g < now.size; g++)
		if (others >> g & 1)
			bit_set(now.state->gres_bit_alloc, g);
	answer->gpus.state = now.state;
	answer->hidden = others;
}

void gp_count_only_hide(struct gp_controller *ctl, const job_record_t *job)
{
	if (!ctl->count_only.job || ctl->count_only.job != job)
		return;
	for (int i = 0; i < ctl->count_only.answers && i < ctl->answer_room; i++) {
		struct gp_node_answer *answer = &ctl->answers[i];

		answer->hidden = 0;
		if (answer->gpus.counted && answer->why == GP_OK &&
		    answer->wanted != answer->stock)
			hide_on(answer);
	}
	ctl->count_only.hides = true;
}

void gp_count_only_unhide(struct gp_controller *ctl)
{
	if (!ctl->count_only.hides)
		return;
	for (int i = 0; i < ctl->count_only.answers && i < ctl->answer_room; i++) {
		struct gp_node_answer *answer = &ctl->answers[i];

		for (int g = 0; g < answer->gpus.size; g++)
			if (answer->hidden >> g & 1)
				bit_clear(answer->gpus.state->gres_bit_alloc, g);
		answer->hidden = 0;
	}
	/* Once: what starts later has been tested again. */
	ctl->count_only = (struct gp_count_only){0};
}
