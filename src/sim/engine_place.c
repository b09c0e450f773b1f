/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Placing jobs, and the heap of their ends. */
#include "config.h"

#include "sim/engine_place.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the heap of ends ----------------------------------------------------------------
 */

static bool ends_before(const struct sim_end *a, const struct sim_end *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->job < b->job;
}

static void push_end(struct sim_placer *p, int64_t at_ms, int32_t job)
{
	struct sim_end end = {at_ms, job};
	size_t at = p->end_count++;

	for (; at > 0 && ends_before(&end, &p->ends[(at - 1) / 2]); at = (at - 1) / 2)
		p->ends[at] = p->ends[(at - 1) / 2];
	p->ends[at] = end;
}

static int32_t pop_end(struct sim_placer *p)
{
	struct sim_end last = p->ends[--p->end_count];
	int32_t job = p->ends[0].job;
	size_t at = 0, child;

	while ((child = 2 * at + 1) < p->end_count) {
		if (child + 1 < p->end_count &&
		    ends_before(&p->ends[child + 1], &p->ends[child]))
			child++;
		if (!ends_before(&p->ends[child], &last))
			break;
		p->ends[at] = p->ends[child];
		at = child;
	}
	p->ends[at] = last;
	return job;
}

int64_t sim_placer_next_end(const struct sim_placer *p)
{
	return p->end_count ? p->ends[0].at_ms : SIM_SOON;
}

/* ---- what a job needs ----------------------------------------------------------------
 */

int sim_placer_nodes(const struct sim_placer *p, int32_t number, int *count)
{
	const struct sim_job *job = &p->trace->jobs[number];
	int nodes = job->nodes;

	if (!nodes)
		nodes = (job->gpus + p->layout->largest - 1) / p->layout->largest;
	*count = (job->gpus + nodes - 1) / nodes;
	return nodes;
}

/* A --gpus job without a number of nodes: Slurm may split it. */
static bool may_split(const struct sim_placer *p, const struct sim_job *job)
{
	return p->chooser.splits && job->form == SIM_FORM_JOB && job->nodes == 0 &&
	       job->gpus > 1;
}

bool sim_placer_is_plain(const struct sim_placer *p, int32_t number)
{
	int count;

	return sim_placer_nodes(p, number, &count) == 1 && count <= SIM_MAX_GPUS &&
	       !may_split(p, &p->trace->jobs[number]);
}

/* GPUs of a node that jobs can have. */
static int gpus_of(const struct sim_layout *layout, int node)
{
	return sim_layout_type(layout, node)->n -
	       __builtin_popcountll(layout->down[node]);
}

bool sim_placer_can_ever(const struct sim_placer *p, int32_t number)
{
	const struct sim_job *job = &p->trace->jobs[number];
	const int *forbidden = NULL;
	int count, there = 0, nodes = sim_placer_nodes(p, number, &count), at = 0;
	int forbidden_count = sim_filter_avoid(p->options->filter, job, &forbidden);
	int64_t gpus = 0;

	for (int i = 0; i < p->layout->nodes; i++) {
		if (at < forbidden_count && forbidden[at] == i) {
			at++;
			continue;
		}
		gpus += gpus_of(p->layout, i);
		there += gpus_of(p->layout, i) >= count;
		if (there >= nodes && (!may_split(p, job) || gpus >= job->gpus))
			return true;
	}
	return may_split(p, job) && gpus >= job->gpus;
}

/* ---- finding places ------------------------------------------------------------------
 */

static int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* What a job asks of its sets, or NULL. */
static const struct sim_shape *shape_of(const struct sim_placer *p,
					const struct sim_job *job)
{
	return job->shape ? &p->trace->shapes[job->shape] : NULL;
}

/* The rails that all of the job's sets so far have, of nodes with as many NICs. The
 * plugin (plugin/ctld/nics/gputopo_nics.c) knows all nodes of the job at once: the first
 * to choose, and who has nothing in common with the others, goes there by the rails that
 * all can have, and NICs of other jobs are busy; here these go by no rails, and no NIC is
 * busy. */
static struct gt_network network_for(const struct sim_placer *p, int node,
				     const struct sim_place *place)
{
	const struct gt_node *own = sim_layout_type(p->layout, node)->node;
	struct gt_network network = {.rails = ~(uint64_t)0};

	for (const struct sim_place *other = p->found; other < place; other++) {
		const struct gt_node *there =
			sim_layout_type(p->layout, other->node)->node;
		struct gt_mask set = {.word = {other->mask}};
		struct gt_reach reach;

		if (gt_node_nic_count(there) != gt_node_nic_count(own))
			continue;
		gt_node_reach(there, &set, &reach);
		network.rails &= reach.rails;
	}
	if (!~network.rails)
		network.rails = 0;
	return network;
}

/* GPUs for the job on a node that has as many free; spans: it has other nodes too. */
static bool ask_node(struct sim_placer *p, int32_t job, int node, int count, int had,
		     int nodes_left, bool spans, struct sim_place *place)
{
	const struct sim_type *type = sim_layout_type(p->layout, node);
	bool has_nics = spans && gt_node_nic_count(type->node);
	struct gt_network network =
		has_nics ? network_for(p, node, place) : (struct gt_network){0};
	struct sim_ask ask = {
		.job = &p->trace->jobs[job],
		.shape = shape_of(p, &p->trace->jobs[job]),
		.type = p->layout->type_of[node],
		.stock = p->layout->stock[node],
		.busy = p->cluster.nodes[node].busy,
		.count = count,
		.had = had,
		.nodes_left = nodes_left,
		.network = has_nics ? &network : NULL,
		.slots = sim_cluster_slots(&p->cluster, node),
		.slot_count = p->cluster.nodes[node].slot_count,
		.now_ms = p->now_ms,
	};
	int64_t from = p->options->times_decisions ? clock_ns() : 0;

	place->node = node;
	place->mask = sim_chooser_ask(&p->chooser, &ask);
	memcpy(p->found_cores[place - p->found].on, p->chooser.cores,
	       sizeof(p->chooser.cores));
	p->result->decisions++;
	if (p->options->times_decisions)
		p->result->jobs[job].decision_ns += (int32_t)(clock_ns() - from);
	return place->mask != 0;
}

/* Insert into an ascending list. */
static void insert(int *list, int *count, int node)
{
	int at = (*count)++;

	for (; at > 0 && list[at - 1] > node; at--)
		list[at] = list[at - 1];
	list[at] = node;
}

/* Nodes that are reserved for others, and those that the job may not have at all, merged;
 * returns how many. */
static int set_avoid(struct sim_placer *p, const struct sim_job *job, const int *avoid,
		     int avoid_count)
{
	const int *forbidden = NULL;
	int count = sim_filter_avoid(p->options->filter, job, &forbidden), a = 0, b = 0,
	    used = 0;

	while (a < avoid_count || b < count) {
		bool first = b == count || (a < avoid_count && avoid[a] <= forbidden[b]);
		int node = first ? avoid[a++] : forbidden[b++];

		if (!used || p->avoid[used - 1] != node)
			p->avoid[used++] = node;
	}
	return used;
}

/* The node for count GPUs of the job: by the rule, or the first that is best for its
 * groups. */
static int find_node(struct sim_placer *p, const struct sim_job *job, int count,
		     int avoid_count)
{
	const struct sim_shape *shape = shape_of(p, job);

	if (shape && count > 1 && p->chooser.nodes == SIM_NODES_BEST)
		return sim_cluster_find_shape(&p->cluster, shape, count, p->avoid,
					      avoid_count);
	return sim_cluster_find(&p->cluster, p->chooser.nodes, count, p->avoid,
				avoid_count);
}

/* One set on each of several nodes; the first nodes hold one GPU more where it does not
 * divide. Returns the number of places, 0 where it does not fit. */
static int find_nodes(struct sim_placer *p, int32_t number, const int *avoid,
		      int avoid_count)
{
	const struct sim_job *job = &p->trace->jobs[number];
	int most, nodes = sim_placer_nodes(p, number, &most), had = 0;

	avoid_count = set_avoid(p, job, avoid, avoid_count);
	for (int i = 0; i < nodes; i++) {
		int count = job->gpus / nodes + (i < job->gpus % nodes);
		int node = find_node(p, job, count, avoid_count);

		if (node < 0 || !ask_node(p, number, node, count, had, nodes - i,
					  nodes > 1, &p->found[i]))
			return 0;
		had += count;
		if (nodes > 1)
			insert(p->avoid, &avoid_count, node);
	}
	return nodes;
}

/* As Slurm does with --gpus=K where no node has K: what is free, node by node. */
static int find_split(struct sim_placer *p, int32_t number, const int *avoid,
		      int avoid_count)
{
	const struct sim_job *job = &p->trace->jobs[number];
	int left = job->gpus, places = 0;

	if (!may_split(p, job) || left > p->cluster.free_gpus)
		return 0;
	avoid_count = set_avoid(p, job, avoid, avoid_count);
	while (left > 0) {
		int node = sim_cluster_find(&p->cluster, SIM_NODES_FIRST, 1, p->avoid,
					    avoid_count);
		int free, count;

		if (node < 0)
			return 0;
		free = (int)sim_tree_get(&p->cluster.free, node);
		count = free < left ? free : left;
		if (!ask_node(p, number, node, count, job->gpus - left, 1, true,
			      &p->found[places]))
			return 0;
		places++;
		left -= count;
		insert(p->avoid, &avoid_count, node);
	}
	return places;
}

/* ---- what was got ---------------------------------------------------------------------
 */

static bool has_zero_pair(const struct gt_node *node, uint64_t set)
{
	for (uint64_t i = set; i; i &= i - 1)
		for (uint64_t j = i & (i - 1); j; j &= j - 1)
			if (gt_node_links(node, __builtin_ctzll(i), __builtin_ctzll(j)) <=
			    0)
				return true;
	return false;
}

/* What the network cards near a set carry: those of a job on several nodes bound it.
 * INT32_MAX: not known. */
static int32_t network_of(const struct sim_type *type, uint64_t set)
{
	struct gt_mask mask = {.word = {set}};
	struct gt_reach reach;

	gt_node_reach(type->node, &mask, &reach);
	return reach.has_speeds ? reach.worth : INT32_MAX;
}

static int32_t smaller(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

/* The same for the best that k of the free GPUs can have; one GPU after the
 * other, each time the one that adds most. */
static int32_t best_network(const struct sim_type *type, uint64_t free, int k)
{
	uint64_t set = 0;

	if (network_of(type, free) == INT32_MAX)
		return INT32_MAX;
	for (; k > 0 && (free & ~set); k--) {
		int32_t most = -1;
		uint64_t better = 0;

		for (uint64_t left = free & ~set; left; left &= left - 1) {
			uint64_t one = left & -left;
			int32_t here = network_of(type, set | one);

			if (here > most)
				better = one;
			most = here > most ? here : most;
		}
		set |= better;
	}
	return network_of(type, set);
}

/* Take one place into the job's figures: its slowest node counts. */
static void note_place(struct sim_placer *p, const struct sim_job *job,
		       struct sim_outcome *o, const struct sim_place *place,
		       bool spans_nodes)
{
	struct sim_value *value = &p->chooser.values[p->layout->type_of[place->node]];
	int k = __builtin_popcountll(place->mask);
	uint64_t free = value->type->all & ~p->cluster.nodes[place->node].busy;
	struct sim_shape_value *shaped = NULL;
	struct sim_worth got, best, ideal;

	if (k < 2)
		return; /* one GPU has no bandwidth to lose, and no set to choose */
	if (job->shape && !(shaped = sim_value_shape(value, shape_of(p, job), k)))
		return;
	if (shaped) {
		got = sim_shape_set(shaped, place->mask);
		best = sim_shape_best(shaped, free);
		ideal = sim_shape_ideal(shaped);
	} else {
		got = sim_value_set(value, place->mask);
		best = sim_value_best(value, free, k);
		ideal = value->ideal[k];
	}
	if (spans_nodes) {
		got.busbw_mbps =
			smaller(got.busbw_mbps, network_of(value->type, place->mask));
		best.busbw_mbps =
			smaller(best.busbw_mbps, best_network(value->type, free, k));
		ideal.busbw_mbps = smaller(
			ideal.busbw_mbps, best_network(value->type, value->type->all, k));
	}
	/* beyond 8 GPUs "best" is the best by the key of our selection */
	if (got.busbw_mbps > best.busbw_mbps)
		best.busbw_mbps = got.busbw_mbps;
	if (!got.ring)
		o->flags &= (uint16_t)~SIM_RING;
	if (!got.ring && best.ring)
		o->flags |= SIM_RING_LOST;
	if (has_zero_pair(value->type->node, place->mask))
		o->flags |= SIM_ZERO_PAIR;
	if (o->ideal_mbps && sim_outcome_ratio(got.busbw_mbps, ideal.busbw_mbps) >=
				     sim_outcome_ratio(o->got_mbps, o->ideal_mbps))
		return;
	o->got_mbps = got.busbw_mbps;
	o->best_mbps = best.busbw_mbps;
	o->ideal_mbps =
		ideal.busbw_mbps > got.busbw_mbps ? ideal.busbw_mbps : got.busbw_mbps;
}

/* What the network of a split job carries: that of its slowest node, or --network where
 * the models do not tell. */
static int32_t split_network(const struct sim_placer *p, int places)
{
	int32_t least = INT32_MAX;

	for (int i = 0; i < places; i++)
		least = smaller(least,
				network_of(sim_layout_type(p->layout, p->found[i].node),
					   p->found[i].mask));
	return least == INT32_MAX ? p->options->network_mbps : least;
}

/* A split job: the network bounds it, and one idle node would have been the ideal. */
static void note_split(struct sim_placer *p, const struct sim_job *job,
		       struct sim_outcome *o, int places)
{
	int32_t network = split_network(p, places);
	struct sim_value *value = &p->chooser.values[0];
	const struct sim_shape *shape = shape_of(p, job);
	struct sim_shape_value *shaped = NULL;

	o->flags |= SIM_SPLIT;
	o->flags &= (uint16_t)~SIM_RING;
	if (shape)
		shaped = sim_value_shape(value, shape, job->gpus);
	if (job->gpus > value->type->n || (shape && !shaped))
		return;
	if (!o->got_mbps || o->got_mbps > network)
		o->got_mbps = network;
	o->best_mbps = o->got_mbps;
	o->ideal_mbps = shaped ? sim_shape_ideal(shaped).busbw_mbps
			       : value->ideal[job->gpus].busbw_mbps;
	if (o->ideal_mbps < o->got_mbps)
		o->ideal_mbps = o->got_mbps;
}

/* ---- starting and ending
 * --------------------------------------------------------------- */

static bool keep_places(struct sim_result *r, const struct sim_place *found, int count)
{
	size_t room = r->place_room ? r->place_room : 1024;
	struct sim_place *grown;

	while (room < r->place_count + (size_t)count)
		room *= 2;
	if (room > r->place_room) {
		grown = realloc(r->places, room * sizeof(*grown));
		if (!grown)
			return false;
		r->places = grown;
		r->place_room = room;
	}
	memcpy(r->places + r->place_count, found, (size_t)count * sizeof(*found));
	r->place_count += (size_t)count;
	return true;
}

static int64_t run_time(const struct sim_placer *p, const struct sim_job *job,
			const struct sim_outcome *o)
{
	double more = p->options->slowdown;

	if (more <= 0 || !o->got_mbps)
		return job->duration_ms;
	more *= (double)o->ideal_mbps / o->got_mbps - 1;
	return job->duration_ms + (int64_t)((double)job->duration_ms * more + .5);
}

/* Whether sets of k differ for this shape, on one type of node or between two. */
static bool has_shape_choice(struct sim_placer *p, const struct sim_shape *shape, int k)
{
	int ideal = 0;

	for (int t = 0; t < p->layout->type_count; t++) {
		struct sim_shape_value *s =
			sim_value_shape(&p->chooser.values[t], shape, k);
		int here = s ? sim_shape_ideal(s).busbw_mbps : 0;

		if (!s)
			continue;
		if (sim_shape_has_choice(s) || (ideal && ideal != here))
			return true;
		ideal = here;
	}
	return false;
}

/* Start the job on the places found. */
static bool commit(struct sim_placer *p, int32_t number, int places, bool split)
{
	const struct sim_job *job = &p->trace->jobs[number];
	struct sim_outcome *o = &p->result->jobs[number];
	int64_t run, until;
	int count;

	o->place = (uint32_t)p->result->place_count;
	p->no_memory |= !keep_places(p->result, p->found, places);
	if (p->no_memory)
		return false;
	o->places = (uint16_t)places;
	o->flags |= SIM_RING;
	for (int i = 0; i < places; i++)
		note_place(p, job, o, &p->found[i], places > 1 && !split);
	if (split)
		note_split(p, job, o, places);
	if (!o->got_mbps)
		o->flags &= (uint16_t)~SIM_RING;
	sim_placer_nodes(p, number, &count);
	if (o->got_mbps && count <= SIM_MAX_GPUS &&
	    (job->shape ? has_shape_choice(p, shape_of(p, job), count)
			: p->has_choice[count]))
		o->flags |= SIM_CHOICE;
	run = run_time(p, job, o);
	until = p->now_ms + (job->limit_ms > run ? job->limit_ms : run);
	o->start_ms = p->now_ms;
	o->end_ms = p->now_ms + run;
	for (int i = 0; i < places; i++) {
		sim_cluster_take(&p->cluster, p->found[i].node, p->found[i].mask,
				 (uint32_t)number, until, job->is_limited,
				 p->found_cores[i].on, p->now_ms);
		sim_chooser_note_start(&p->chooser, p->layout->type_of[p->found[i].node],
				       __builtin_popcountll(p->found[i].mask));
	}
	push_end(p, o->end_ms, number);
	if (o->end_ms > p->result->last_ms)
		p->result->last_ms = o->end_ms;
	return true;
}

bool sim_placer_start(struct sim_placer *p, int32_t job, const int *avoid,
		      int avoid_count)
{
	int places = find_nodes(p, job, avoid, avoid_count);

	if (places)
		return commit(p, job, places, false);
	places = find_split(p, job, avoid, avoid_count);
	return places && commit(p, job, places, places > 1);
}

/* GPUs of the job on the i-th of its recorded nodes. The trace does not tell: equal
 * shares, or, where one does not fit, as many as are free, at least one on each. */
static int recorded_share(const struct sim_placer *p, const struct sim_job *job, int node,
			  int i, int nodes, int had, bool even)
{
	int free, most = job->gpus - had - (nodes - i - 1);

	if (even)
		return job->gpus / nodes + (i < job->gpus % nodes);
	free = (int)sim_tree_get(&p->cluster.free, node);
	if (i == nodes - 1)
		return job->gpus - had;
	return free < most ? free : most;
}

/* The job's GPUs on each of its recorded nodes; returns their number, 0 where one is not
 * known, stands twice or has too few free. */
static int find_recorded(struct sim_placer *p, int32_t number, bool even)
{
	const struct sim_job *job = &p->trace->jobs[number];
	const int *hosts;
	int had = 0, nodes = sim_nodelists_of(
			     &p->recorded, sim_trace_text(p->trace, job->node), &hosts);

	if (nodes > p->layout->nodes || nodes > job->gpus || (!even && nodes < 2))
		return 0;
	for (int i = 0; i < nodes; i++) {
		int node = p->recorded_node[hosts[i]], count;

		for (int j = 0; j < i; j++)
			if (p->found[j].node == node)
				return 0;
		if (node < 0)
			return 0;
		count = recorded_share(p, job, node, i, nodes, had, even);
		if (count < 1 || sim_tree_get(&p->cluster.free, node) < (uint64_t)count ||
		    !ask_node(p, number, node, count, had, nodes - i, nodes > 1,
			      &p->found[i]))
			return 0;
		had += count;
	}
	return nodes;
}

bool sim_placer_start_recorded(struct sim_placer *p, int32_t number)
{
	const struct sim_job *job = &p->trace->jobs[number];
	int places = job->node ? find_recorded(p, number, true) : 0;

	if (!places && job->node)
		places = find_recorded(p, number, false);

	if (places)
		return commit(p, number, places, places > 1 && may_split(p, job));
	if (job->node)
		p->result->jobs[number].flags |= SIM_MOVED;
	return sim_placer_can_ever(p, number) && sim_placer_start(p, number, NULL, 0);
}

void sim_placer_reject(struct sim_placer *p, int32_t job)
{
	struct sim_outcome *o = &p->result->jobs[job];

	o->flags = SIM_REJECTED;
	o->start_ms = o->end_ms = p->trace->jobs[job].submit_ms;
}

int32_t sim_placer_end(struct sim_placer *p)
{
	int32_t job = pop_end(p);
	const struct sim_outcome *o = &p->result->jobs[job];

	for (int i = 0; i < o->places; i++)
		sim_cluster_give(&p->cluster,
				 p->result->places[o->place + (unsigned)i].node,
				 (uint32_t)job, p->now_ms);
	sim_chooser_note_end(&p->chooser, &p->trace->jobs[job], o->end_ms - o->start_ms);
	return job;
}

/* ---- life
 * ------------------------------------------------------------------------------ */

/* Nodes without names take those of the trace, in the order of their first use. */
static bool name_recorded(struct sim_placer *p)
{
	p->result->names = calloc((size_t)p->layout->nodes, sizeof(*p->result->names));
	if (!p->result->names)
		return false;
	for (int i = 0; i < p->recorded.hosts.used && i < p->layout->nodes; i++) {
		p->recorded_node[i] = i;
		p->result->names[i] = strdup(p->recorded.text[i]);
		if (!p->result->names[i])
			return false;
	}
	return true;
}

/* Recorded names that the layout does not know stand for its nodes in the order of their
 * first use, unless the layout has names of its own or they are all "n" and a number. */
static bool map_recorded(struct sim_placer *p)
{
	bool named = false;
	int known = 0;

	if (!sim_nodelists_init(&p->recorded, p->trace))
		return false;
	p->recorded_node = malloc(((size_t)p->recorded.hosts.used + 1) * sizeof(int));
	if (!p->recorded_node)
		return false;
	memset(p->recorded_node, 0xff,
	       ((size_t)p->recorded.hosts.used + 1) * sizeof(int));
	for (int i = 0; i < p->layout->nodes; i++) {
		char buf[32];
		int host =
			sim_names_find(&p->recorded.hosts,
				       sim_layout_name(p->layout, i, buf, sizeof(buf)));

		named |= p->layout->names[i] != NULL;
		known += host >= 0;
		if (host >= 0)
			p->recorded_node[host] = i;
	}
	return named || known == p->recorded.hosts.used || name_recorded(p);
}

static void find_sizes(const struct sim_placer *p, bool *sizes)
{
	for (size_t i = 0; i < p->trace->count; i++) {
		int count, nodes = sim_placer_nodes(p, (int32_t)i, &count);

		if (count <= p->layout->largest) {
			sizes[count] = true;
			sizes[p->trace->jobs[i].gpus / nodes] = true;
		}
	}
}

/* Which sizes have better and worse sets, on one type of node or between two. The same
 * for every policy, so that their figures are of the same jobs. */
static void find_choices(struct sim_placer *p)
{
	const struct sim_value *values = p->chooser.values;

	for (int t = 0; t < p->layout->type_count; t++)
		for (int k = 2; k <= values[t].type->n; k++) {
			p->has_choice[k] |= values[t].has_choice[k];
			for (int u = 0; u < t; u++)
				p->has_choice[k] |= k <= values[u].type->n &&
						    values[u].ideal[k].busbw_mbps !=
							    values[t].ideal[k].busbw_mbps;
		}
}

enum gt_err sim_placer_init(struct sim_placer *p, struct sim_result *result,
			    const struct sim_trace *trace,
			    const struct sim_layout *layout, const char *policy,
			    const struct gt_mix *mix, const struct sim_options *options,
			    struct gt_error *err)
{
	bool sizes[SIM_MAX_GPUS + 1] = {0};
	enum gt_err failed;

	p->trace = trace;
	p->layout = layout;
	p->options = options;
	p->result = result;
	if (layout->nodes == 0)
		return gt_fail(err, GT_EINVAL, "there are no nodes");
	if (trace->count > INT32_MAX - 1)
		return gt_fail(err, GT_ELIMIT, "more jobs than the simulator takes");
	failed = sim_chooser_init(&p->chooser, policy, layout, mix,
				  options->ringless_mbps, options->seed, err);
	if (failed)
		return failed;
	find_sizes(p, sizes);
	find_choices(p);
	memcpy(result->name, p->chooser.name, sizeof(result->name));
	result->layout = layout;
	result->count = trace->count;
	result->jobs = calloc(trace->count + 1, sizeof(*result->jobs));
	p->ends = malloc(((size_t)layout->gpus + 1) * sizeof(*p->ends));
	p->avoid = malloc(((size_t)layout->nodes + 1) * 2 * sizeof(*p->avoid));
	p->found = malloc(((size_t)layout->nodes + 1) * sizeof(*p->found));
	p->found_cores = malloc(((size_t)layout->nodes + 1) * sizeof(*p->found_cores));
	if (!result->jobs || !p->ends || !p->avoid || !p->found || !p->found_cores ||
	    (options->sched == SIM_SCHED_RECORDED && !map_recorded(p)))
		return gt_fail(err, GT_ENOMEM, "out of memory");
	return sim_cluster_init(&p->cluster, layout, p->chooser.values, sizes,
				p->chooser.nodes == SIM_NODES_BEST,
				options->sched == SIM_SCHED_EASY, err);
}

void sim_placer_release(struct sim_placer *p)
{
	if (p->cluster.layout)
		sim_cluster_release(&p->cluster);
	sim_chooser_release(&p->chooser);
	free(p->ends);
	free(p->avoid);
	free(p->found);
	free(p->found_cores);
	sim_nodelists_release(&p->recorded);
	free(p->recorded_node);
	memset(p, 0, sizeof(*p));
}

void sim_placer_note_submitted(struct sim_placer *p)
{
	sim_cluster_tick(&p->cluster, p->now_ms);
	p->result->submitted_ms = p->now_ms;
	p->result->busy_submitted_gpu_ms = p->cluster.busy_ms;
}

enum gt_err sim_placer_finish(struct sim_placer *p, struct gt_error *err)
{
	struct sim_result *r = p->result;

	if (p->no_memory)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	sim_cluster_tick(&p->cluster, r->last_ms);
	r->first_ms = p->trace->count ? p->trace->jobs[0].submit_ms : 0;
	r->busy_gpu_ms = p->cluster.busy_ms;
	for (int k = 2; k <= p->layout->largest; k++)
		r->stranded_ms[k] = p->cluster.sizes[k].stranded_ms;
	return GT_OK;
}
