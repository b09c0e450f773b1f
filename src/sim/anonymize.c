/* SPDX-License-Identifier: GPL-2.0-or-later */
/* anonymize.c - a trace without names, to be given away. Called for --anonymize. */
#include "config.h"

#include "sim/anonymize.h"
#include "sim/names.h"
#include "sim/nodelists.h"

#include <stdio.h>
#include <stdlib.h>

/* "n0,n4" for the hosts of a list; a text that is none is a host of its own. */
static bool rename_nodes(struct sim_trace *to, const struct sim_nodelists *nodes,
			 const char *list, size_t job, uint32_t *kept)
{
	const int *hosts;
	int count = sim_nodelists_of(nodes, list, &hosts);
	size_t room = (size_t)(count + 1) * 16, used = 0;
	char *text = malloc(room);
	bool done;

	if (!text)
		return false;
	if (!count)
		snprintf(text, room, "x%zu", job);
	for (int i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, room - used, "%sn%d", i ? "," : "",
					 hosts[i]);
	done = sim_trace_keep(to, text, kept);
	free(text);
	return done;
}

static bool rename_jobs(struct sim_trace *to, const struct sim_trace *from,
			struct sim_names *users, const struct sim_nodelists *nodes)
{
	for (size_t i = 0; i < from->count; i++) {
		struct sim_job *job = &from->jobs[i];
		char text[32];
		bool kept;

		snprintf(text, sizeof(text), "%zu", i + 1);
		kept = sim_trace_keep(to, text, &job->id);
		if (job->user) {
			snprintf(text, sizeof(text), "u%d",
				 sim_names_number(users, from->strings + job->user));
			kept = kept && sim_trace_keep(to, text, &job->user);
		}
		if (job->node)
			kept = kept && rename_nodes(to, nodes, from->strings + job->node,
						    i + 1, &job->node);
		if (!kept)
			return false;
	}
	return true;
}

/* A name by its number; no text stays none. */
static bool rename_text(struct sim_trace *to, struct sim_names *names,
			const struct sim_trace *from, char letter, uint32_t *offset)
{
	const char *text = from->strings + *offset;
	char number[16];

	if (!*text)
		return sim_trace_keep(to, "", offset);
	snprintf(number, sizeof(number), "%c%d", letter, sim_names_number(names, text));
	return sim_trace_keep(to, number, offset);
}

/* Partitions and reservations become numbers; types of GPU stay, features go. */
static bool rename_wishes(struct sim_trace *to, const struct sim_trace *from)
{
	struct sim_names partitions = {0}, reservations = {0};
	bool done = sim_names_init(&partitions, from->wish_count) &&
		    sim_names_init(&reservations, from->wish_count);

	for (size_t i = 0; i < from->wish_count && done; i++) {
		struct sim_wish *w = &from->wishes[i];

		done = rename_text(to, &partitions, from, 'p', &w->partition) &&
		       rename_text(to, &reservations, from, 'r', &w->reservation) &&
		       sim_trace_keep(to, from->strings + w->type, &w->type);
		w->features = 0;
	}
	sim_names_release(&partitions);
	sim_names_release(&reservations);
	return done;
}

bool sim_trace_anonymize(struct sim_trace *trace)
{
	struct sim_names users = {0};
	struct sim_nodelists nodes = {0};
	struct sim_trace renamed = {0};
	uint32_t nothing;
	bool done;

	done = sim_names_init(&users, trace->count) &&
	       sim_nodelists_init(&nodes, trace) &&
	       sim_trace_keep(&renamed, "", &nothing) &&
	       rename_jobs(&renamed, trace, &users, &nodes) &&
	       rename_wishes(&renamed, trace);
	sim_names_release(&users);
	sim_nodelists_release(&nodes);
	if (!done) {
		free(renamed.strings);
		return false;
	}
	free(trace->strings);
	trace->strings = renamed.strings;
	trace->strings_used = renamed.strings_used;
	trace->strings_room = renamed.strings_room;
	return true;
}
