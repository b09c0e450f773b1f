/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * count_only.c - hide GPUs while a job takes its own, on nodes whose GPUs are only
 * counted. Called by select_nodeinfo_set through the hooks of the controller.
 */
#include "plugin/slurm/compat.h"

#include "plugin/ctld/choose/count_only.h"

/* The job whose GPUs are chosen when it starts. Kept from a job_test to the
 * select_nodeinfo_set behind it, under the lock of controller.c. */
static struct {
	const job_record_t *job; /* NULL: none; its number changes if it is of an array */
	struct gp_node_answer *answers;
	int count;
	bool hides;
} meant;

void gp_count_only_mean(const job_record_t *job, struct gp_node_answer *answers,
			int count)
{
	meant.job = job;
	meant.answers = answers;
	meant.count = count;
	meant.hides = false;
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

void gp_count_only_hide(const job_record_t *job)
{
	if (!meant.job || meant.job != job)
		return;
	for (int i = 0; i < meant.count; i++) {
		struct gp_node_answer *answer = &meant.answers[i];

		answer->hidden = 0;
		if (answer->gpus.counted && answer->why == GP_OK &&
		    answer->wanted != answer->stock)
			hide_on(answer);
	}
	meant.hides = true;
}

void gp_count_only_unhide(void)
{
	if (!meant.hides)
		return;
	for (int i = 0; i < meant.count; i++) {
		struct gp_node_answer *answer = &meant.answers[i];

		for (int g = 0; g < answer->gpus.size; g++)
			if (answer->hidden >> g & 1)
				bit_clear(answer->gpus.state->gres_bit_alloc, g);
		answer->hidden = 0;
	}
	/* Once: what starts later has been tested again. */
	gp_count_only_mean(NULL, NULL, 0);
}
