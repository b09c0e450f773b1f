/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gputopo nodes --metrics: gauges of the running cluster for Prometheus, by node type and
 * number of GPUs. slurmctld's own counters are in MetricsFile= (plugin/ctld/log/); what
 * can be asked from outside is counted here, where it costs no scheduling.
 */
#include "config.h"

#include "cli/live_ask.h"
#include "cli/nodes.h"
#include "core/hostlist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_K 16 /* sizes of running jobs' sets that have a line of their own */

/* What running jobs got on nodes of one type, by the number of GPUs. */
struct got {
	int sets;
	double gbps, ideal_gbps;
};

struct sums {
	const struct nodes_view *view;
	FILE *out;
	int (*free_sets)[NODES_SIZES], (*no_ring)[NODES_SIZES]; /* by type */
	struct got (*got)[MAX_K + 1];
	int (*ill)[3]; /* by type: GPUs lost, taken last, links dead */
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

static void sum_node(struct sums *sums, const struct live_node *node, int type)
{
	uint64_t free = live_free(node, "") & node->kind->whole;
	struct gp_health health;

	if (gp_health_read(&health, node->extra)) {
		sums->ill[type][0] += __builtin_popcountll(health.lost);
		sums->ill[type][1] += __builtin_popcountll(health.last);
		sums->ill[type][2] += health.links;
	}
	for (int s = 0; s < NODES_SIZES && node->kind->table; s++) {
		struct live_set set;
		int count = nodes_sizes[s];

		sums->free_sets[type][s] += count_free(node->kind, free, count);
		if (__builtin_popcountll(free) >= count &&
		    live_best(node->kind, free, count, &set) && !set.ring &&
		    idle_has_ring(node->kind, count))
			sums->no_ring[type][s]++;
	}
}

/* The first type of the view with this label: a node with GPUs out of service has a model
 * of its own, but is no type of its own to those who look at a graph. -1: not shown. */
static int first_with(const struct nodes_view *view, const char *label)
{
	for (int t = 0; t < view->types; t++)
		if (!strcmp(view->type[t].kind->label, label))
			return t;
	return -1;
}

static bool is_first(const struct nodes_view *view, int type)
{
	return first_with(view, view->type[type].kind->label) == type;
}

static void sum_place(struct sums *sums, const struct live_place *place)
{
	const struct live *live = sums->view->live;

	for (int n = 0; n < live->nodes; n++) {
		const struct live_node *node = &live->node[n];
		int type = node->kind ? first_with(sums->view, node->kind->label) : -1;
		uint64_t gpus = type < 0 ? 0 : place->gpus & node->kind->whole;
		int k = __builtin_popcountll(gpus);
		struct live_set set;

		if (k < 2 || k > MAX_K || !gt_hostlist_has(place->nodes, node->name) ||
		    !live_score(node->kind, gpus, &set))
			continue;
		sums->got[type][k].sets++;
		sums->got[type][k].gbps += set.busbw_mbps / 1000.0;
		sums->got[type][k].ideal_gbps += set.ideal_mbps / 1000.0;
	}
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
		for (int p = 0; p < job->places; p++)
			if (job->place[p].nodes)
				sum_place(sums, &job->place[p]);
		sums->splits += job->places && is_split(live, &ask, job);
		if (!pending || !ask.total)
			continue;
		sums->pending++;
		sums->wishing += *ask.wish != '\0';
		sums->waiting += job->reason && strstr(job->reason, "connected");
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

/* One value of each type, at an offset of struct nodes_type. */
static void put_types(const struct sums *sums, const char *name, const char *help,
		      size_t offset)
{
	put_head(sums, name, help);
	for (int t = 0; t < sums->view->types; t++) {
		int value = 0;

		if (!is_first(sums->view, t))
			continue;
		for (int same = t; same < sums->view->types; same++) {
			const struct nodes_type *type = &sums->view->type[same];

			if (!strcmp(type->kind->label, sums->view->type[t].kind->label))
				value += *(const int *)(const void *)((const char *)type +
								      offset);
		}
		put_labels(sums, name, t, 0);
		fprintf(sums->out, "%d\n", value);
	}
}

static void put_sizes(const struct sums *sums, const char *name, const char *help,
		      int (*value)[NODES_SIZES])
{
	put_head(sums, name, help);
	for (int t = 0; t < sums->view->types; t++) {
		const struct live_kind *kind = sums->view->type[t].kind;

		for (int s = 0; s < NODES_SIZES; s++)
			if (is_first(sums->view, t) && kind->table &&
			    __builtin_popcountll(kind->whole) >= nodes_sizes[s]) {
				put_labels(sums, name, t, nodes_sizes[s]);
				fprintf(sums->out, "%d\n", value[t][s]);
			}
	}
}

static void put_got(const struct sums *sums, const char *name, const char *help,
		    double (*value)(const struct got *))
{
	put_head(sums, name, help);
	for (int t = 0; t < sums->view->types; t++)
		for (int k = 2; k <= MAX_K; k++)
			if (sums->got[t][k].sets) {
				put_labels(sums, name, t, k);
				fprintf(sums->out, "%.10g\n", value(&sums->got[t][k]));
			}
}

static double got_sets(const struct got *got)
{
	return got->sets;
}

static double got_gbps(const struct got *got)
{
	return got->gbps;
}

static double got_ideal(const struct got *got)
{
	return got->ideal_gbps;
}

static void put_ill(const struct sums *sums, const char *name, const char *help, int what)
{
	put_head(sums, name, help);
	for (int t = 0; t < sums->view->types; t++)
		if (is_first(sums->view, t)) {
			put_labels(sums, name, t, 0);
			fprintf(sums->out, "%d\n", sums->ill[t][what]);
		}
}

static void put_one(const struct sums *sums, const char *name, const char *help,
		    int value)
{
	put_head(sums, name, help);
	fprintf(sums->out, "gputopo_%s %d\n", name, value);
}

static void put_all(const struct sums *sums)
{
	put_types(sums, "nodes", "Nodes with GPUs", offsetof(struct nodes_type, nodes));
	put_types(sums, "nodes_usable", "Nodes where jobs may start",
		  offsetof(struct nodes_type, usable));
	put_types(sums, "gpus", "GPUs, without those cut into MIG instances",
		  offsetof(struct nodes_type, gpus));
	put_types(sums, "gpus_free", "GPUs free on nodes where jobs may start",
		  offsetof(struct nodes_type, free));
	put_types(sums, "nodes_whole", "Nodes where jobs may start and all GPUs are free",
		  offsetof(struct nodes_type, whole));
	put_types(sums, "mig_slices", "Memory slices of GPUs for --mig",
		  offsetof(struct nodes_type, slices));
	put_types(sums, "mig_slices_free", "Of gputopo_mig_slices, those free",
		  offsetof(struct nodes_type, slices_free));
	put_types(sums, "mig_instances", "MIG instances that the admin made",
		  offsetof(struct nodes_type, instances));
	put_types(sums, "mig_instances_free", "Of gputopo_mig_instances, those free",
		  offsetof(struct nodes_type, instances_free));
	put_ill(sums, "gpus_lost", "GPUs that no job gets, as gputopo health says", 0);
	put_ill(sums, "gpus_last", "GPUs with errors, which are taken last", 1);
	put_ill(sums, "links_dead",
		"GPUs into a switch, or pairs of GPUs, with fewer links than the model",
		2);
	put_sizes(sums, "sets_free",
		  "Jobs of so many GPUs that could start now, one after the other, each "
		  "as fast as on an idle node",
		  sums->free_sets);
	put_sizes(sums, "nodes_no_ring",
		  "Nodes with so many GPUs free but no ring of links among them, though "
		  "the idle node has one: fragmentation",
		  sums->no_ring);
	put_got(sums, "running_sets",
		"Sets of so many GPUs that running jobs hold, a set a job and node",
		got_sets);
	put_got(sums, "running_busbw_gbps",
		"Bus bandwidth of gputopo_running_sets, summed up; over "
		"gputopo_running_ideal_busbw_gbps: what jobs got of ideal",
		got_gbps);
	put_got(sums, "running_ideal_busbw_gbps",
		"The same of the best sets of idle nodes", got_ideal);
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

/* ---- the file ---- */

/* Readers see the old file or the new one. */
static int replace(const struct sums *sums, const char *path)
{
	struct sums own = *sums;
	char fresh[4096];
	bool written;

	if ((size_t)snprintf(fresh, sizeof(fresh), "%s.new", path) >= sizeof(fresh)) {
		cli_say("%s: the name is too long", path);
		return CLI_FAILED;
	}
	own.out = fopen(fresh, "we");
	if (own.out) {
		put_all(&own);
		written = !ferror(own.out);
		if (fclose(own.out) == 0 && written && rename(fresh, path) == 0)
			return CLI_DONE;
	}
	cli_say("%s: %s", path, strerror(errno));
	if (own.out)
		unlink(fresh);
	return CLI_FAILED;
}

int nodes_metrics(const struct nodes_view *view, const char *path)
{
	size_t types = (size_t)view->types + 1;
	struct sums sums = {.view = view, .out = stdout};
	int status = CLI_DONE;

	sums.free_sets = calloc(types, sizeof(*sums.free_sets));
	sums.no_ring = calloc(types, sizeof(*sums.no_ring));
	sums.got = calloc(types, sizeof(*sums.got));
	sums.ill = calloc(types, sizeof(*sums.ill));
	if (!sums.free_sets || !sums.no_ring || !sums.got || !sums.ill) {
		status = cli_no_memory();
	} else {
		for (int r = 0; r < view->rows; r++)
			for (int n = 0; n < view->row[r].nodes; n++) {
				const struct live_node *node = view->row[r].node[n];

				sum_node(&sums, node,
					 first_with(view, node->kind->label));
			}
		sum_jobs(&sums);
		if (path)
			status = replace(&sums, path);
		else
			put_all(&sums);
	}
	free(sums.free_sets);
	free(sums.no_ring);
	free(sums.got);
	free(sums.ill);
	return status;
}
