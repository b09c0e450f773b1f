/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gputopo nodes --defrag: which running jobs would have to restart so that a good set of
 * GPUs becomes free. Advice only. The live form of gputopo sim defrag.
 */
#include "config.h"

#include "cli/live_ask.h"
#include "cli/nodes.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN	 10 /* nodes in the text */
#define SET_GPUS 16 /* of a node: all sets are looked at */

/* The answer for one node. */
struct found {
	const struct live_node *node;
	struct live_set set;
	int restarts;
	int job[SET_GPUS]; /* ascending */
	double lost;	   /* GPU-hours that they have run */
};

struct search {
	const struct live *live;
	const struct live_node *node;
	int holder[LIVE_GPUS]; /* a job, -1: free, -2: not known or not a job's */
	int count;
	double ratio;
	time_t now;
};

static void find_holders(struct search *s)
{
	for (int g = 0; g < LIVE_GPUS; g++)
		s->holder[g] = s->node->taken >> g & 1 ? -2 : -1;
	for (int j = 0; j < s->live->jobs; j++)
		for (uint64_t left = live_held(&s->live->job[j], s->node->name); left;
		     left &= left - 1)
			s->holder[__builtin_ctzll(left)] = j;
}

static int job_gpus(const struct live_job *job)
{
	int gpus = 0;

	for (int p = 0; p < job->places; p++) {
		int hosts = 1;

		for (const char *at = job->place[p].nodes; at && *at; at++)
			hosts += *at == ',';
		gpus += __builtin_popcountll(job->place[p].gpus) * hosts;
	}
	return gpus;
}

static bool list_holders(const struct search *s, uint64_t set, struct found *f)
{
	for (uint64_t left = set; left; left &= left - 1) {
		int job = s->holder[__builtin_ctzll(left)], at = 0;

		if (job == -2)
			return false;
		while (at < f->restarts && f->job[at] < job)
			at++;
		if (job < 0 || (at < f->restarts && f->job[at] == job))
			continue;
		memmove(&f->job[at + 1], &f->job[at],
			(size_t)(f->restarts - at) * sizeof(*f->job));
		f->job[at] = job;
		f->restarts++;
		if (s->live->job[job].start)
			f->lost += difftime(s->now, s->live->job[job].start) / 3600 *
				   job_gpus(&s->live->job[job]);
	}
	return true;
}

static bool is_better(const struct found *a, const struct found *b)
{
	if (a->restarts != b->restarts)
		return a->restarts < b->restarts;
	if (a->lost != b->lost)
		return a->lost < b->lost;
	return a->set.busbw_mbps > b->set.busbw_mbps;
}

static uint64_t next_set(uint64_t set)
{
	uint64_t low = set & -set, up = set + low;

	return up | (((set ^ up) >> 2) / low);
}

/* Every set of the node's whole GPUs. false: none is good enough, or what holds them is
 * not known. */
static bool search_node(struct search *s, struct found *best)
{
	const struct live_kind *kind = s->node->kind;
	bool any = false;

	if (!kind || !kind->table || !s->node->usable || s->node->counted ||
	    kind->gpus > SET_GPUS || s->count > __builtin_popcountll(kind->whole))
		return false;
	find_holders(s);
	for (uint64_t set = (UINT64_C(1) << s->count) - 1;
	     set < UINT64_C(1) << kind->gpus; set = next_set(set)) {
		struct found here = {.node = s->node};

		if ((set & ~kind->whole) || (set & kind->in_mig && s->count > 1) ||
		    !live_score(kind, set, &here.set) ||
		    here.set.busbw_mbps < s->ratio * here.set.ideal_mbps - .5 ||
		    !list_holders(s, set, &here))
			continue;
		if (!any || is_better(&here, best))
			*best = here;
		any = true;
	}
	return any;
}

static int compare_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->restarts != y->restarts)
		return x->restarts - y->restarts;
	if (x->lost != y->lost)
		return x->lost < y->lost ? -1 : 1;
	return strverscmp(x->node->name, y->node->name);
}

static void print_found(const struct live *live, const struct found *f)
{
	char set[256], now[CLI_GBPS_MAX], ideal[CLI_GBPS_MAX];

	printf("%s %s", f->node->name, live_bits(f->set.bits, set, sizeof(set)));
	if (f->set.ideal_mbps)
		printf(", %s of %s GB/s", cli_gbps(f->set.busbw_mbps, now),
		       cli_gbps(f->set.ideal_mbps, ideal));
	printf(!f->restarts ? ": free now" : f->restarts > 1 ? ": jobs" : ": job");
	for (int i = 0; i < f->restarts; i++)
		printf("%s %ld", i ? "," : "", live->job[f->job[i]].id);
	if (f->restarts)
		printf(", which %s run %.1f GPU-hours", f->restarts > 1 ? "have" : "has",
		       f->lost);
	putchar('\n');
}

static json_t *found_json(const struct live *live, const struct found *f)
{
	json_t *jobs = json_array();

	for (int i = 0; i < f->restarts; i++)
		json_array_append_new(jobs, json_integer(live->job[f->job[i]].id));
	return json_pack("{ss, so, so, so, so, sf}", "node", f->node->name, "gpus",
			 cli_json_bits(f->set.bits), "busbw_gbps",
			 cli_json_gbps(f->set.busbw_mbps), "ideal_busbw_gbps",
			 cli_json_gbps(f->set.ideal_mbps), "restart_jobs", jobs,
			 "lost_gpu_hours", f->lost);
}

int nodes_defrag(const struct live *live, int count, double ratio, bool as_json)
{
	struct found *found = calloc((size_t)live->nodes + 1, sizeof(*found));
	struct search s = {
		.live = live, .count = count, .ratio = ratio, .now = time(NULL)};
	json_t *list;
	int n = 0;

	if (!found)
		return cli_no_memory();
	for (int i = 0; i < live->nodes; i++) {
		s.node = &live->node[i];
		n += search_node(&s, &found[n]);
	}
	qsort(found, (size_t)n, sizeof(*found), compare_found);
	if (as_json) {
		list = json_array();
		for (int i = 0; i < n; i++)
			json_array_append_new(list, found_json(live, &found[i]));
		cli_print_json(json_pack("{si, si, sf, so}", "version", 1, "gpus", count,
					 "ratio", ratio, "nodes", list));
	} else {
		printf("%d GPUs at %.0f %% of the idle node's bandwidth or better, by "
		       "the "
		       "fewest restarts:\n",
		       count, 100 * ratio);
		for (int i = 0; i < n && i < SHOWN; i++)
			print_found(live, &found[i]);
		if (n > SHOWN)
			printf("(and on %d more nodes)\n", n - SHOWN);
		if (!n)
			puts("none: no node can give such a set, whatever restarts");
	}
	free(found);
	return n ? CLI_DONE : CLI_NO_FIT;
}
