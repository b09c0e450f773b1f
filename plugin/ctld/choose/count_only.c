/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * count_only.c - hide GPUs while a job takes its own, on nodes whose GPUs are only
 * counted. Called by select_nodeinfo_set through the hooks of the controller.
 */
#include "plugin/slurm/compat.h"

#include "plugin/ctld/choose/count_only.h"

void gp_steer_mean(struct gp_glue *glue, const job_record_t *job, int seats)
{
	glue->steered = (struct gp_steered){.job = job, .seats = seats};
}

/* The bits only: Slurm checks the job's number against counts, and takes the lowest GPUs
 * whose bit is not set. */
static void hide_on(struct gp_seat *seat)
{
	struct gp_gpus now;
	uint64_t others;

	if (gp_bridge_node(seat->record, &now) != GP_OK || !now.counted ||
	    now.size != seat->gpus.size || (seat->wanted & ~now.free))
		return;
	others = now.free & ~seat->wanted;
	for (int g = 0; g < now.size; g++)
		if (others >> g & 1)
			bit_set(now.state->gres_bit_alloc, g);
	seat->gpus.state = now.state;
	seat->hidden = others;
}

void gp_steer_hide(struct gp_glue *glue, const job_record_t *job)
{
	if (!glue->steered.job || glue->steered.job != job)
		return;
	for (int i = 0; i < glue->steered.seats && i < glue->seat_room; i++) {
		struct gp_seat *seat = &glue->seats[i];

		seat->hidden = 0;
		if (seat->gpus.counted && seat->why == GP_OK &&
		    seat->wanted != seat->stock)
			hide_on(seat);
	}
	glue->steered.hides = true;
}

void gp_steer_unhide(struct gp_glue *glue)
{
	if (!glue->steered.hides)
		return;
	for (int i = 0; i < glue->steered.seats && i < glue->seat_room; i++) {
		struct gp_seat *seat = &glue->seats[i];

		for (int g = 0; g < seat->gpus.size; g++)
			if (seat->hidden >> g & 1)
				bit_clear(seat->gpus.state->gres_bit_alloc, g);
		seat->hidden = 0;
	}
	/* Once: what starts later has been tested again. */
	glue->steered = (struct gp_steered){0};
}
