/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nics_nodes.c - nodes whose NICs carry the most, for jobs of several. In a flat network
 * stock is asked with the best few at once. Else it is asked with all, and better nodes
 * are put in the place of those of its answer that carry the least.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/ctld/choose/attempt.h"
#include "plugin/ctld/nics/nics_nodes.h"
#include "plugin/ctld/objects/mig_object.h"

#define MAX_SEATS 1024	/* jobs of more nodes keep stock's */
#define MAX_LOOKS 50000 /* at nodes, for one job: some 2 ms */
#define MAX_SETS  20000 /* that one job may have compared: some 4 ms */
#define KNOWN	  4096	/* answers that are kept */

/* A node of the answer. */
struct seat {
	int node;
	int unit; /* of units.h */
	uint64_t weight;
	int count; /* its GPUs */
	int worth; /* see worth_of */
};

/* One job's choice. */
struct choice {
	struct gp_attempt *a;
	int seats;
	int looks, sets; /* left */
};

/* Under the controller's lock, as all that is called here. */
static struct seat seats[MAX_SEATS];
static struct {
	const struct gt_table *table;
	uint64_t free; /* in the model's numbers */
	int count;
	int worth;
} known[KNOWN];

void gp_nics_forget(void)
{
	memset(known, 0, sizeof(known));
}

/* How many sets of count of n GPUs there are, at most 2^20. */
static int sets_of(int n, int count)
{
	double sets = 1;

	for (int i = 0; i < count && sets < 1 << 20; i++)
		sets = sets * (n - i) / (i + 1);
	return sets < 1 << 20 ? (int)sets : 1 << 20;
}

/* The most that a set of so many of these GPUs is worth to a job of several nodes: the
 * least of its bus bandwidth and what its NICs carry. 0: there is none, or only with GPUs
 * out of service. -1: no steps are left. */
static int worth_of(struct choice *c, struct gt_table *table, const struct gt_mask *free,
		    int count)
{
	size_t at =
		(free->word[0] * 64 + (size_t)count + ((uintptr_t)table >> 6)) % KNOWN;
	struct gt_network network = {0};
	struct gt_request request = {.count = count, .free = *free, .network = &network};
	struct gt_choice choice;
	struct gt_score score;
	int worth = 0;

	if (known[at].table == table && known[at].count == count &&
	    known[at].free == free->word[0])
		return known[at].worth;
	c->sets -= sets_of(gt_mask_count(free), count);
	if (c->sets < 0)
		return -1;
	if (gt_select(table, &request, &choice) == GT_FIT_OK) {
		gt_select_score(table, &request, &choice.gpus, &score);
		worth = score.out_of_service ? 0 : score.network_worth;
	}
	known[at].table = table;
	known[at].free = free->word[0];
	known[at].count = count;
	known[at].worth = worth;
	return worth;
}

/* What the node would be worth with so many GPUs of the job's type; -1: it is not ours to
 * choose, its NICs are not known, or there are too few (then *few). */
static int look(struct choice *c, int node, int count, struct gp_node_view *view,
		bool *few)
{
	struct gp_controller *ctl = c->a->ctl;
	struct gt_mask usable;

	*few = false;
	if (--c->looks < 0)
		return -1;
	*few = !gp_nics_host->view(view, node, &c->a->request->asked, count,
				   ctl->config.models, &ctl->caches.free_bound);
	if (*few || view->binding->settings.mode != GP_MODE_ENFORCE ||
	    !view->binding->settings.node_choice || !view->binding->table ||
	    !gt_node_nic_count(gt_table_node(view->binding->table)))
		return -1;
	usable = gp_binding_to_model(view->binding, view->usable);
	return worth_of(c, view->binding->table, &usable, count);
}

static int worth_at(struct choice *c, int node, int count)
{
	struct gp_node_view view;
	bool few;

	return look(c, node, count, &view, &few);
}

/* The GPUs that stock gave on one node of its answer. */
static int given(const struct choice *c, int node)
{
	const struct gp_job *asked = &c->a->request->asked;
	uint64_t bits, all = 0;
	struct gp_gpus gpus;

	if (gp_bridge_node(node_record_table_ptr[node], &gpus) != GP_OK)
		return 0;
	for (int e = 0; e < asked->entries; e++)
		if (gpus.counted ? gp_bridge_counted(asked, e, node, gpus.free, &bits)
				 : gp_bridge_selected(asked, e, node, gpus.size, &bits))
			all |= bits;
	return __builtin_popcountll(all);
}

static int unit_of(const struct choice *c, int node)
{
	struct gp_controller *ctl = c->a->ctl;

	return gp_nics_host->unit(&ctl->caches.units, node, ctl->config.models);
}

/* The answer's nodes into seats. Returns the least worth; -1: one cannot be compared. */
static int read_seats(struct choice *c)
{
	bitstr_t *nodes = c->a->test->nodes;
	int least = INT_MAX;

	c->seats = 0;
	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		struct seat *seat = &seats[c->seats];

		if (!bit_test(nodes, n))
			continue;
		if (c->seats++ == MAX_SEATS)
			return -1;
		seat->node = (int)n;
		seat->unit = unit_of(c, (int)n);
		seat->weight = gp_bridge_weight(node_record_table_ptr[n]);
		seat->count = given(c, (int)n);
		seat->worth = seat->count ? worth_at(c, (int)n, seat->count) : -1;
		least = seat->worth < least ? seat->worth : least;
	}
	return c->seats > 1 ? least : -1;
}

/* Find a node that is worth more in this seat, the first of the best. */
static bool improve(struct choice *c, struct seat *seat)
{
	const struct gp_scratch *scratch = &c->a->ctl->scratch;
	bitstr_t *offered = scratch->offered;
	int best = -1;

	for (int64_t n = bit_ffs(offered), last = bit_fls(offered); n >= 0 && n <= last;
	     n++) {
		int worth;

		if (!bit_test(offered, n) || bit_test(scratch->picked, n) ||
		    gp_bridge_weight(node_record_table_ptr[n]) != seat->weight ||
		    unit_of(c, (int)n) != seat->unit)
			continue;
		worth = worth_at(c, (int)n, seat->count);
		if (worth <= seat->worth)
			continue;
		seat->worth = worth;
		best = (int)n;
	}
	if (best < 0)
		return false;
	bit_clear(scratch->picked, seat->node);
	bit_set(scratch->picked, best);
	seat->node = best;
	return true;
}

static struct seat *slowest(const struct choice *c)
{
	struct seat *out = &seats[0];

	for (int i = 1; i < c->seats; i++)
		if (seats[i].worth < out->worth)
			out = &seats[i];
	return out;
}

/* Stock's answer with the nodes of scratch->picked. */
static bool ask_with_picked(const struct choice *c)
{
	struct gp_attempt *a = c->a;
	const struct gp_test *t = a->test;

	gp_nics_host->fields_write(t->job, &a->before);
	bit_copybits(t->nodes, a->ctl->scratch.picked);
	return gp_nics_host->ask_again(a->ctl, a->stock_plugin, t) == SLURM_SUCCESS &&
	       t->job->job_resrcs;
}

/* Which it was; after a failure the job and its nodes are as they came. */
static bool note(struct gp_attempt *a, bool done)
{
	a->counted.narrowed += done;
	a->counted.failed_narrow += !done;
	if (done)
		return true;
	gp_nics_host->fields_write(a->test->job, &a->before);
	bit_copybits(a->test->nodes, a->ctl->scratch.offered);
	return false;
}

/* Whether the nodes are ours to choose. */
static bool may_choose(const struct gp_attempt *a)
{
	const struct gp_test *t = a->test;
	const struct gp_job *asked = &a->request->asked;

	return a->ctl->config.chooses && a->ctl->scratch.scores &&
	       a->request->why == GP_OK && !a->request->wish.off && !asked->whole &&
	       !asked->enforce && !(asked->typed && asked->entries > 1) &&
	       !a->request->reserved && gp_bridge_loose_nodes(t->job);
}

/* ---- a flat network ---- */

/* Candidates of the lowest weight into the scratch's scores, with what they are worth in
 * damage's place. Returns how many; 0: there are some that cannot be compared. */
static int read_candidates(struct choice *c, int count)
{
	struct gp_node_score *out = c->a->ctl->scratch.scores;
	bitstr_t *offered = c->a->ctl->scratch.offered;
	uint64_t lowest = UINT64_MAX;
	bool comparable = true;
	int found = 0;

	for (int64_t n = bit_ffs(offered), last = bit_fls(offered); n >= 0 && n <= last;
	     n++) {
		struct gp_node_score *score = &out[found];
		uint64_t weight;
		bool few;
		int worth;

		if (!bit_test(offered, n) ||
		    (weight = gp_bridge_weight(node_record_table_ptr[n])) > lowest)
			continue;
		worth = look(c, (int)n, count, &score->view, &few);
		if (few)
			continue;
		score->node = (int)n;
		score->damage = worth;
		if (weight < lowest)
			out[found = 0] = *score;
		comparable = (comparable || weight < lowest) && worth >= 0 &&
			     !unit_of(c, (int)n);
		lowest = weight;
		found++;
	}
	return comparable ? found : 0;
}

/* The most that so many of them reach at least; only that, if more do. */
static double reach_of_best(const struct gp_node_score *scores, int found, int nodes)
{
	double level = INT_MAX;

	for (int above = 0; above < nodes;) {
		double next = -1;

		for (int i = 0; i < found; i++)
			if (scores[i].damage < level && scores[i].damage > next)
				next = scores[i].damage;
		level = next;
		for (int i = 0; i < found; i++)
			above += scores[i].damage == level;
	}
	return level;
}

/* Some of those that reach so much, the fewest free GPUs first, into picked. */
static void pick_few(const struct gp_scratch *scratch, int found, double least, int few)
{
	const struct gp_node_score *scores = scratch->scores;

	bit_clear_all(scratch->picked);
	for (int gpus = 1; gpus <= GP_MAX_GPUS && few > 0; gpus++)
		for (int i = 0; i < found && few > 0; i++)
			if (scores[i].damage >= least &&
			    __builtin_popcountll(scores[i].view.usable) == gpus) {
				bit_set(scratch->picked, scores[i].node);
				few--;
			}
}

bool gp_nics_first(struct gp_attempt *a)
{
	struct choice c = {.a = a, .looks = MAX_LOOKS, .sets = MAX_SETS};
	const struct gp_test *t = a->test;
	int nodes = (int)(t->req_nodes > t->min_nodes ? t->req_nodes : t->min_nodes);
	int count = gp_bridge_per_node(t->job, &a->request->asked), found;

	if (t->min_nodes < 2 || !count || !may_choose(a) ||
	    a->ctl->caches.units.network != GP_NETWORK_FLAT)
		return false;
	found = read_candidates(&c, count);
	if (found < nodes || c.looks < 0 || c.sets < 0)
		return false;
	pick_few(&a->ctl->scratch, found,
		 reach_of_best(a->ctl->scratch.scores, found, nodes),
		 nodes + GP_FEW_NODES);
	a->by_nics = ask_with_picked(&c);
	return note(a, a->by_nics);
}

/* ---- any network ---- */

int gp_nics_nodes(struct gp_attempt *a)
{
	struct choice c = {.a = a, .looks = MAX_LOOKS, .sets = MAX_SETS};
	struct gp_scratch *scratch = &a->ctl->scratch;
	const struct gp_test *t = a->test;
	int before, others = 0;

	if (a->by_nics || !t->job->job_resrcs || t->job->job_resrcs->nhosts < 2 ||
	    (t->preemptees && *t->preemptees) || !may_choose(a) ||
	    a->ctl->caches.units.network == GP_NETWORK_OTHER ||
	    (before = read_seats(&c)) < 0)
		return SLURM_SUCCESS;
	bit_copybits(scratch->picked, t->nodes);
	while (others < c.seats && improve(&c, slowest(&c)))
		others++;
	if (!others)
		return SLURM_SUCCESS;
	c.looks = MAX_LOOKS;
	c.sets = MAX_SETS;
	if (note(a, ask_with_picked(&c) && read_seats(&c) >= before))
		return SLURM_SUCCESS;
	return gp_nics_host->ask(a->ctl, a->stock_plugin, t);
}
