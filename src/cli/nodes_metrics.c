/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gputopo nodes --metrics: gauges of the running cluster for Prometheus, by node type and
 * number of GPUs. slurmctld's own counters are in MetricsFile= (plugin/ctld/log/); what
 * can be asked from outside is counted here, where it costs no scheduling.
 */
#include "config.h"

#include "cli/live_ask.h"
#include "cli/nodes.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MAX_K 16 /* sizes of running jobs' sets that have a line of their own */

/* What is summed up of one type, beside the view's own sums. */
struct type_sums {
	int free_sets[NODES_SIZES], no_ring[NODES_SIZES];
	int lost, last, dead; /* GPUs lost, taken last; links dead */
	/* what running jobs got there, by the number of GPUs */
	struct got {
		double sets, gbps, ideal_gbps;
	} got[MAX_K + 1];
};

struct sums {
	const struct nodes_view *view;
	FILE *out;
	struct type_sums *type; /* by type of the view */
	int pending, wishing, waiting, splits;
};

/* ---- sums ---- */

/* Jobs of count GPUs that could start one after the other, each as on an idle node. */
static int count_free(const struct live_kind *kind, uint64_t free, int count)
{
	struct live_set set;
	int found = 0;

	while (live_best(kind, free, count, &set) && set.bits && live_is_ideal(&set)) {
		free &= ~set.bits;
		found++;
	}
	return found;
}

static bool idle_has_ring(const struct live_kind *kind, int count)
{
	struct live_set set;

	return live_best(kind, kind->whole, count, &set) && set.ring;
}

static void sum_node(struct type_sums *sums, const struct live_node *node)
{
	uint64_t free = live_free(node, "") & node->kind->whole;
	struct gp_health health;

	if (gp_health_read(&health, node->extra)) {
		sums->lost += __builtin_popcountll(health.lost);
		sums->last += __builtin_popcountll(health.last);
		sums->dead += health.links;
	}
	for (int s = 0; s < NODES_SIZES && node->kind->table; s++) {
		struct live_set set;
		int count = nodes_sizes[s];

		sums->free_sets[s] += count_free(node->kind, free, count);
		if (__builtin_popcountll(free) >= count &&
		    live_best(node->kind, free, count, &set) && !set.ring &&
		    idle_has_ring(node->kind, count))
			sums->no_ring[s]++;
	}
}

/* Most jobs have one GPU, and no set: they are not looked for on any node. */
static bool has_set(const struct live_job *job)
{
	uint64_t gpus = 0;

	for (int p = 0; p < job->places; p++)
		gpus |= job->place[p].gpus;
	return __builtin_popcountll(gpus) > 1;
}

/* What a job got on one node. */
static void sum_got(struct type_sums *sums, const struct live_node *node,
		    const struct live_job *job)
{
	uint64_t gpus = live_held(job, node->name) & node->kind->whole;
	int k = __builtin_popcountll(gpus);
	struct live_set set;

	if (k < 2 || k > MAX_K || !live_score(node->kind, gpus, &set))
		return;
	sums->got[k].sets++;
	sums->got[k].gbps += set.busbw_mbps / 1000.0;
	sums->got[k].ideal_gbps += set.ideal_mbps / 1000.0;
}

static void sum_nodes(struct sums *sums)
{
	const struct nodes_view *view = sums->view;

	for (int r = 0; r < view->rows; r++)
		for (int n = 0; n < view->row[r].nodes; n++)
			sum_node(&sums->type[view->row[r].type], view->row[r].node[n]);
	for (int j = 0; j < view->live->jobs; j++)
		for (int r = 0; r < view->rows && has_set(&view->live->job[j]); r++)
			for (int n = 0; n < view->row[r].nodes; n++)
				sum_got(&sums->type[view->row[r].type],
					view->row[r].node[n], &view->live->job[j]);
}

/* scontrol shows blanks of a reason as "_". */
static bool waits_for_wish(const struct live_job *job)
{
	const char *at = job->reason ? job->reason : "", *want = GP_WAITING;

	while (*want && (*at == *want || (*at == '_' && *want == ' '))) {
		at++;
		want++;
	}
	return !*want;
}

static bool is_split(const struct live *live, const struct live_ask *ask,
		     const struct live_job *job)
{
	for (int k = 0; k < live->kinds && ask->per_job && job->min_nodes > 1; k++)
		if (__builtin_popcountll(live->kind[k]->whole) >= ask->total)
			return true;
	return false;
}

static void sum_jobs(struct sums *sums)
{
	const struct live *live = sums->view->live;

	for (int j = 0; j < live->jobs; j++) {
		const struct live_job *job = &live->job[j];
		bool pending = job->state && !strcmp(job->state, "PENDING");
		struct live_ask ask;

		live_ask_read(&ask, job);
		sums->splits += job->places && is_split(live, &ask, job);
		if (!pending || !ask.total)
			continue;
		sums->pending++;
		sums->wishing += *ask.wish != '\0';
		sums->waiting += waits_for_wish(job);
	}
}

/* ---- text ---- */

static void put_head(const struct sums *sums, const char *name, const char *help)
{
	fprintf(sums->out, "# HELP gputopo_%s %s\n# TYPE gputopo_%s gauge\n", name, help,
		name);
}

static void put_labels(const struct sums *sums, const char *name, int type, int k)
{
	fprintf(sums->out, "gputopo_%s{type=\"", name);
	for (const char *c = sums->view->type[type].kind->label; *c; c++)
		fprintf(sums->out, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	fputc('"', sums->out);
	if (k)
		fprintf(sums->out, ",gpus=\"%d\"", k);
	fputs("} ", sums->out);
}

/* A gauge of each type: where its value lies. */
struct gauge {
	const char *name, *help;
	size_t at;
};

static int int_at(const void *base, size_t at)
{
	return *(const int *)(const void *)((const char *)base + at);
}

/* In struct nodes_type. */
static const struct gauge of_view[] = {
	{"nodes", "Nodes with GPUs", offsetof(struct nodes_type, nodes)},
	{"nodes_usable", "Nodes where jobs may start",
	 offsetof(struct nodes_type, usable)},
	{"gpus", "GPUs, without those cut into MIG instances",
	 offsetof(struct nodes_type, gpus)},
	{"gpus_free", "GPUs free on nodes where jobs may start",
	 offsetof(struct nodes_type, free)},
	{"nodes_whole", "Nodes where jobs may start and all GPUs are free",
	 offsetof(struct nodes_type, whole)},
	{"mig_slices", "Memory slices of GPUs for --mig",
	 offsetof(struct nodes_type, slices)},
	{"mig_slices_free", "Of gputopo_mig_slices, those free",
	 offsetof(struct nodes_type, slices_free)},
	{"mig_instances", "MIG instances that the admin made",
	 offsetof(struct nodes_type, instances)},
	{"mig_instances_free", "Of gputopo_mig_instances, those free",
	 offsetof(struct nodes_type, instances_free)},
};

/* In struct type_sums. */
static const struct gauge of_sums[] = {
	{"gpus_lost", "GPUs that no job gets, as gputopo health says",
	 offsetof(struct type_sums, lost)},
	{"gpus_last", "GPUs with errors, which are taken last",
	 offsetof(struct type_sums, last)},
	{"links_dead",
	 "GPUs into a switch, or pairs of GPUs, with fewer links than the model",
	 offsetof(struct type_sums, dead)},
};

/* In struct type_sums, of each of nodes_sizes. */
static const struct gauge of_sizes[] = {
	{"sets_free",
	 "Jobs of so many GPUs that could start now, one after the other, each as fast "
	 "as "
	 "on an idle node",
	 offsetof(struct type_sums, free_sets)},
	{"nodes_no_ring",
	 "Nodes with so many GPUs free but no ring of links among them, though the idle "
	 "node has one: fragmentation",
	 offsetof(struct type_sums, no_ring)},
};

/* In struct got. */
static const struct gauge of_got[] = {
	{"running_sets",
	 "Sets of so many GPUs that running jobs hold, a set a job and node",
	 offsetof(struct got, sets)},
	{"running_busbw_gbps",
	 "Bus bandwidth of gputopo_running_sets, summed up; over "
	 "gputopo_running_ideal_busbw_gbps: what jobs got of ideal",
	 offsetof(struct got, gbps)},
	{"running_ideal_busbw_gbps", "The same of the best sets of idle nodes",
	 offsetof(struct got, ideal_gbps)},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* size: of what base holds of each type. */
static void put_types(const struct sums *sums, const struct gauge *gauge,
		      const void *base, size_t size)
{
	put_head(sums, gauge->name, gauge->help);
	for (int t = 0; t < sums->view->types; t++) {
		put_labels(sums, gauge->name, t, 0);
		fprintf(sums->out, "%d\n",
			int_at((const char *)base + (size_t)t * size, gauge->at));
	}
}

static void put_sizes(const struct sums *sums, const struct gauge *gauge)
{
	put_head(sums, gauge->name, gauge->help);
	for (int t = 0; t < sums->view->types; t++)
		for (int s = 0; s < NODES_SIZES; s++)
			if (nodes_type_has(&sums->view->type[t], s)) {
				put_labels(sums, gauge->name, t, nodes_sizes[s]);
				fprintf(sums->out, "%d\n",
					int_at(&sums->type[t],
					       gauge->at + (size_t)s * sizeof(int)));
			}
}

static void put_got(const struct sums *sums, const struct gauge *gauge)
{
	put_head(sums, gauge->name, gauge->help);
	for (int t = 0; t < sums->view->types; t++)
		for (int k = 2; k <= MAX_K; k++) {
			const struct got *got = &sums->type[t].got[k];

			if (!got->sets)
				continue;
			put_labels(sums, gauge->name, t, k);
			fprintf(sums->out, "%.10g\n",
				*(const double *)(const void *)((const char *)got +
								gauge->at));
		}
}

static void put_one(const struct sums *sums, const char *name, const char *help,
		    int value)
{
	put_head(sums, name, help);
	fprintf(sums->out, "gputopo_%s %d\n", name, value);
}

static void put_all(const void *what, FILE *out)
{
	struct sums own = *(const struct sums *)what, *sums = &own;

	own.out = out;
	for (size_t i = 0; i < COUNT(of_view); i++)
		put_types(sums, &of_view[i], sums->view->type, sizeof(*sums->view->type));
	for (size_t i = 0; i < COUNT(of_sums); i++)
		put_types(sums, &of_sums[i], sums->type, sizeof(*sums->type));
	for (size_t i = 0; i < COUNT(of_sizes); i++)
		put_sizes(sums, &of_sizes[i]);
	for (size_t i = 0; i < COUNT(of_got); i++)
		put_got(sums, &of_got[i]);
	put_one(sums, "running_splits",
		"Running --gpus jobs on several nodes whose GPUs would fit one node",
		sums->splits);
	put_one(sums, "jobs_pending", "Pending jobs with GPUs", sums->pending);
	put_one(sums, "jobs_pending_with_wish",
		"Of gputopo_jobs_pending, those with --gpu-topo, --gpu-min-busbw, "
		"--gpu-groups",
		sums->wishing);
	put_one(sums, "jobs_waiting_for_wish",
		"Pending jobs for which enough GPUs are free, but not connected as asked",
		sums->waiting);
}

int nodes_metrics(const struct nodes_view *view, const char *path)
{
	struct sums sums = {.view = view};
	int status;

	sums.type = calloc((size_t)view->types + 1, sizeof(*sums.type));
	if (!sums.type)
		return cli_no_memory();
	sum_nodes(&sums);
	sum_jobs(&sums);
	status = cli_write_file(path, put_all, &sums);
	free(sums.type);
	return status;
}
