/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wishes of jobs against nodes. */
#include "config.h"

#include "sim/filter.h"
#include "sim/nodelists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/slurm_conf.h"
#include "core/hostlist.h"

static bool may_have(const struct sim_trace *trace, const struct sim_layout *layout,
		     const struct sim_site *site, const struct sim_wish *wish, int node)
{
	const char *partition = sim_trace_text(trace, wish->partition);
	const char *type = sim_trace_text(trace, wish->type);
	const char *features = sim_trace_text(trace, wish->features);
	char buf[32];

	if (node >= site->node_room)
		return true;
	if (*partition && site->partition_count &&
	    !sim_site_in_partition(site, partition,
				   sim_layout_name(layout, node, buf, sizeof(buf)), node))
		return false;
	if (*type && site->has_types && !slurm_list_has(site->nodes[node].types, type))
		return false;
	return !*features || !site->has_features ||
	       sim_features_match(features, site->nodes[node].features);
}

/* Where the jobs of a reservation ran; false: out of memory, or nowhere known. */
static bool find_reserved(const struct sim_trace *trace, const struct sim_layout *layout,
			  const struct sim_nodelists *lists, const int *node_of,
			  const char *reservation, bool *reserved)
{
	bool any = false;

	memset(reserved, 0, (size_t)layout->nodes);
	for (size_t i = 0; i < trace->count; i++) {
		const struct sim_job *job = &trace->jobs[i];
		const char *own =
			sim_trace_text(trace, trace->wishes[job->wish].reservation);
		const int *hosts;
		int count;

		if (!job->wish || strcmp(own, reservation) != 0)
			continue;
		count = sim_nodelists_of(lists, sim_trace_text(trace, job->node), &hosts);
		for (int h = 0; h < count; h++)
			if (node_of[hosts[h]] >= 0)
				any = reserved[node_of[hosts[h]]] = true;
	}
	return any;
}

/* By host of the lists: the layout's node, -1 where it has none. */
static int *map_hosts(const struct sim_layout *layout, const struct sim_nodelists *lists)
{
	int *node_of = malloc(((size_t)lists->hosts.used + 1) * sizeof(*node_of));

	for (int h = 0; node_of && h < lists->hosts.used; h++)
		node_of[h] = -1;
	for (int i = 0; node_of && i < layout->nodes; i++) {
		char buf[32];
		int host = sim_names_find(&lists->hosts,
					  sim_layout_name(layout, i, buf, sizeof(buf)));

		if (host >= 0)
			node_of[host] = i;
	}
	return node_of;
}

static bool list_avoided(struct sim_filter *f, size_t w, const struct sim_trace *trace,
			 const struct sim_layout *layout, const struct sim_site *site,
			 const bool *reserved)
{
	int count = 0;

	f->avoid[w] = malloc(((size_t)layout->nodes + 1) * sizeof(int));
	for (int i = 0; f->avoid[w] && i < layout->nodes; i++)
		if ((reserved && !reserved[i]) ||
		    !may_have(trace, layout, site, &trace->wishes[w], i))
			f->avoid[w][count++] = i;
	f->count[w] = count;
	return f->avoid[w] != NULL;
}

enum gt_err sim_filter_make(struct sim_filter *f, const struct sim_trace *trace,
			    const struct sim_layout *layout, const struct sim_site *site,
			    struct gt_error *err)
{
	struct sim_nodelists lists = {0};
	bool *reserved = malloc((size_t)layout->nodes + 1), done;
	int *node_of = NULL;

	memset(f, 0, sizeof(*f));
	f->avoid = calloc(trace->wish_count + 1, sizeof(*f->avoid));
	f->count = calloc(trace->wish_count + 1, sizeof(*f->count));
	done = reserved && f->avoid && f->count && sim_nodelists_init(&lists, trace);
	if (done)
		node_of = map_hosts(layout, &lists);
	done = done && node_of;
	for (size_t w = 1; w < trace->wish_count && done; w++) {
		const char *name = sim_trace_text(trace, trace->wishes[w].reservation);
		bool known = *name && find_reserved(trace, layout, &lists, node_of, name,
						    reserved);

		done = list_avoided(f, w, trace, layout, site, known ? reserved : NULL);
	}
	f->wishes = done ? trace->wish_count : 0;
	sim_nodelists_release(&lists);
	free(node_of);
	free(reserved);
	return done ? GT_OK : gt_fail(err, GT_ENOMEM, "out of memory");
}

void sim_filter_release(struct sim_filter *f)
{
	for (size_t w = 0; w < f->wishes; w++)
		free(f->avoid[w]);
	free(f->avoid);
	free(f->count);
	memset(f, 0, sizeof(*f));
}

static enum gt_err find_kept(void *arg, const char *name)
{
	const char **left_out = arg;

	return gt_hostlist_has(*left_out, name) ? GT_OK : GT_EINVAL;
}

/* Whether all nodes that the job ran on are left out. */
static bool ran_outside(const struct sim_trace *trace, const struct sim_job *job,
			const struct sim_site *site)
{
	const char *list = sim_trace_text(trace, job->node), *left_out = site->left_out;

	return *list && left_out && !gt_hostlist_each(list, find_kept, &left_out, NULL);
}

static void count_out(struct sim_trace *trace, const struct sim_job *job, bool outside)
{
	const struct sim_wish *w = &trace->wishes[job->wish];
	char *detail = trace->reason_detail[SIM_ROW_NO_PLACE];

	if (trace->reason_count[SIM_ROW_NO_PLACE]++)
		return;
	trace->reason_line[SIM_ROW_NO_PLACE] = 0;
	if (outside)
		snprintf(detail, SIM_DETAIL_MAX,
			 "job %.30s ran on %.40s, which is left out",
			 sim_trace_text(trace, job->id),
			 sim_trace_text(trace, job->node));
	else
		snprintf(detail, SIM_DETAIL_MAX,
			 "job %.20s: partition '%.12s', type '%.12s', features '%.12s'",
			 sim_trace_text(trace, job->id),
			 sim_trace_text(trace, w->partition),
			 sim_trace_text(trace, w->type),
			 sim_trace_text(trace, w->features));
	for (char *at = detail; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = '?';
}

void sim_filter_apply(const struct sim_filter *f, struct sim_trace *trace,
		      const struct sim_layout *layout, const struct sim_site *site)
{
	size_t kept = 0;

	for (size_t i = 0; i < trace->count; i++) {
		struct sim_job job = trace->jobs[i];
		bool outside = ran_outside(trace, &job, site);
		bool nowhere =
			job.wish < f->wishes && f->count[job.wish] == layout->nodes;

		if (outside || nowhere) {
			count_out(trace, &job, outside);
			trace->reason_count[SIM_ROW_OK]--;
		} else {
			trace->jobs[kept++] = job;
		}
	}
	trace->count = kept;
}
