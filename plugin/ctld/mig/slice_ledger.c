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

void gp_mig_books_release(struct gp_mig_books *books)
{
	free(books->held);
	free(books->first);
	memset(books, 0, sizeof(*books));
}

void gp_mig_books_spoil(struct gp_mig_books *books)
{
	books->fresh = false;
}

static bool make_room(struct gp_mig_books *books)
{
	int room = books->room ? 2 * books->room : 64;
	struct gp_mig_held *more;

	if (books->count < books->room)
		return true;
	more = realloc(books->held, (size_t)room * sizeof(*more));
	if (!more)
		return false;
	books->held = more;
	books->room = room;
	return true;
}

/* Mostly the nodes come in their order: begin where the last was found. */
static int node_of(const struct gp_mig_books *books, const struct gp_mig_entry *entry,
		   int last)
{
	for (int i = 0; i < books->node_count; i++) {
		int n = (last + i) % books->node_count;

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
	struct gp_mig_books *books = arg;
	struct gp_mig_wish wish;
	const char *at;
	int last = 0;

	if (!IS_JOB_RUNNING(job) && !IS_JOB_SUSPENDED(job) && !IS_JOB_COMPLETING(job))
		return 0;
	at = gp_job_env_get(job, GP_ENV_MIG_PLACE);
	if (!at || !gp_mig_wish_read(gp_job_env_get(job, GP_ENV_MIG), &wish))
		return 0;
	/* Nobody tells when it is complete. */
	books->passing |= IS_JOB_COMPLETING(job);
	while (at && *at) {
		struct gp_mig_entry entry;
		int node;

		if (!gp_mig_entry_next(&at, &entry))
			return 0;
		node = node_of(books, &entry, last);
		if (node < 0)
			continue;
		last = node;
		if (!make_room(books)) {
			books->whole = false;
			return -1;
		}
		entry.slice.compute = wish.compute;
		memcpy(entry.slice.suffix, wish.suffix, sizeof(wish.suffix));
		books->held[books->count] = (struct gp_mig_held){job->job_id, entry.slice,
								 books->first[node]};
		books->first[node] = books->count++;
	}
	return 0;
}

bool gp_mig_books_read(struct gp_mig_books *books, int node_count)
{
	if (books->fresh && books->node_count == node_count)
		return books->whole;
	free(books->first);
	books->first = malloc(((size_t)node_count + 1) * sizeof(*books->first));
	books->node_count = books->first ? node_count : 0;
	books->count = 0;
	books->whole = books->first != NULL;
	books->passing = false;
	for (int n = 0; n < books->node_count; n++)
		books->first[n] = -1;
	if (books->whole && &job_list && job_list)
		(void)list_for_each(job_list, read_job, books);
	books->fresh = books->whole && !books->passing;
	return books->whole;
}

const struct gp_mig_held *gp_mig_books_next(const struct gp_mig_books *books, int node,
					    int *at)
{
	int next = *at >= 0		      ? books->held[*at].next
		   : node < books->node_count ? books->first[node]
					      : -1;

	*at = next;
	return next >= 0 ? &books->held[next] : NULL;
}
