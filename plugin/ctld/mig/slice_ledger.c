/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slice_ledger.c - read which slices the MIG jobs hold. Called by mig_select.c before
 * each decision; the hooks for jobs that begin or end reset it.
 */
#include "plugin/slurm/compat.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/slurm/job_env.h"
#include "plugin/ctld/mig/slice_ledger.h"
#include "plugin/common/mig_names.h"
#include "plugin/common/mig_text.h"

void gp_slice_ledger_release(struct gp_slice_ledger *ledger)
{
	free(ledger->held);
	free(ledger->first);
	memset(ledger, 0, sizeof(*ledger));
}

void gp_slice_ledger_spoil(struct gp_slice_ledger *ledger)
{
	ledger->fresh = false;
}

static bool make_room(struct gp_slice_ledger *ledger)
{
	int room = ledger->room ? 2 * ledger->room : 64;
	struct gp_mig_held *more;

	if (ledger->count < ledger->room)
		return true;
	more = realloc(ledger->held, (size_t)room * sizeof(*more));
	if (!more)
		return false;
	ledger->held = more;
	ledger->room = room;
	return true;
}

/* Mostly the nodes come in their order: begin where the last was found. */
static int node_of(const struct gp_slice_ledger *ledger, const struct gp_mig_entry *entry,
		   int last)
{
	for (int i = 0; i < ledger->node_count; i++) {
		int n = (last + i) % ledger->node_count;

		if (node_record_table_ptr[n] &&
		    gp_mig_entry_is_on(entry, node_record_table_ptr[n]->name))
			return n;
	}
	return -1;
}

/* Slices stay taken until the last process is gone: a COMPLETING job still has them. */
static int read_job(void *x, void *arg)
{
	const job_record_t *job = x;
	struct gp_slice_ledger *ledger = arg;
	struct gp_mig_wish wish;
	const char *at;
	int last = 0;

	if (!IS_JOB_RUNNING(job) && !IS_JOB_SUSPENDED(job) && !IS_JOB_COMPLETING(job))
		return 0;
	at = gp_job_env_get(job, GP_ENV_MIG_PLACE);
	if (!at || !gp_mig_wish_read(gp_job_env_get(job, GP_ENV_MIG), &wish))
		return 0;
	/* Nobody tells when it is complete. */
	ledger->passing |= IS_JOB_COMPLETING(job);
	while (at && *at) {
		struct gp_mig_entry entry;
		int node;

		if (!gp_mig_entry_next(&at, &entry))
			return 0;
		node = node_of(ledger, &entry, last);
		if (node < 0)
			continue;
		last = node;
		if (!make_room(ledger)) {
			ledger->whole = false;
			return -1;
		}
		entry.slice.compute = wish.compute;
		memcpy(entry.slice.suffix, wish.suffix, sizeof(wish.suffix));
		ledger->held[ledger->count] = (struct gp_mig_held){
			job->job_id, entry.slice, ledger->first[node]};
		ledger->first[node] = ledger->count++;
	}
	return 0;
}

bool gp_slice_ledger_read(struct gp_slice_ledger *ledger, int node_count)
{
	if (ledger->fresh && ledger->node_count == node_count)
		return ledger->whole;
	free(ledger->first);
	ledger->first = malloc(((size_t)node_count + 1) * sizeof(*ledger->first));
	ledger->node_count = ledger->first ? node_count : 0;
	ledger->count = 0;
	ledger->whole = ledger->first != NULL;
	ledger->passing = false;
	for (int n = 0; n < ledger->node_count; n++)
		ledger->first[n] = -1;
	if (ledger->whole && &job_list && job_list)
		(void)list_for_each(job_list, read_job, ledger);
	ledger->fresh = ledger->whole && !ledger->passing;
	return ledger->whole;
}

const struct gp_mig_held *gp_slice_ledger_next(const struct gp_slice_ledger *ledger,
					       int node, int *at)
{
	int next = *at >= 0		       ? ledger->held[*at].next
		   : node < ledger->node_count ? ledger->first[node]
					       : -1;

	*at = next;
	return next >= 0 ? &ledger->held[next] : NULL;
}
