/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_select.c - answer the job_test of jobs that ask for GPU instances, and write the
 * placement when they begin. Called through mig_object.h.
 */
#include "plugin/slurm/compat.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/ctld/state/stock_call.h"
#include "plugin/ctld/estimate/forecast.h"
#include "plugin/slurm/job_env.h"
#include "plugin/common/mig_names.h"
#include "plugin/ctld/mig/mig_select.h"
#include "plugin/ctld/estimate/start_estimate.h"

struct gp_mig_state gp_mig_state;

#define WAITING "gputopo: waiting for free MIG slices that fit together"

/* One job_test of such a job. */
struct visit {
	struct gp_controller *ctl;
	const struct gp_stock_plugin *stock_plugin;
	const struct gp_test *test;
	struct gp_mig_wish wish;
	bool wished;
	gres_job_state_t *shards; /* the job's entry, or NULL */
	struct gp_mig_site *sites;
	struct gp_mig_fit *fits;
	int count;
	bool misses_required; /* a node without which the job does not start */
	time_t now;	      /* of a forecast */
};

/* ---- the job ---- */

/* Whether this node's slices have the size for which the job has shards. */
static bool suits(const struct visit *v, const struct gp_mig_site *site)
{
	int size = gp_mig_site_size(site, &v->wish);

	return size > 0 && v->shards &&
	       v->shards->gres_per_node == (uint64_t)(size * v->wish.count);
}

static bool read_site(const struct visit *v, int node, struct gp_mig_site *site)
{
	return gp_mig_site_read(site, node, v->ctl->config.models, &gp_mig_state.spaces);
}

/* ---- shards without a wish ---- */

/* On nodes that give away slices a shard is one of them, and only a wish says which. */
static int without_wish(struct visit *v)
{
	bitstr_t *nodes = v->test->nodes;
	struct gp_mig_site site;

	/* A forecast of such a node would keep it free for a job that never gets it. */
	if (SELECT_IS_MODE_TEST_ONLY(v->test->mode))
		return gp_stock_call(v->ctl, v->stock_plugin, v->test);
	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last; n++)
		if (bit_test(nodes, n) && read_site(v, (int)n, &site))
			bit_clear(nodes, n);
	if (bit_ffs(nodes) < 0)
		return ESLURM_NODES_BUSY;
	return gp_stock_call(v->ctl, v->stock_plugin, v->test);
}

static bool is_required(const struct visit *v, int64_t node)
{
	const job_record_t *job = v->test->job;
	bitstr_t *required = job->details ? job->details->req_node_bitmap : NULL;

	return required && node < bit_size(required) && bit_test(required, node);
}

/* ---- the text ---- */

/* Room for the decision; NULL: no memory. */
static char *decided(void)
{
	gp_mig_state.decided.job_id = 0;
	if (!gp_mig_state.decided.text)
		gp_mig_state.decided.text = malloc(GP_TEXT_DECISION_MAX);
	if (gp_mig_state.decided.text)
		gp_mig_state.decided.text[0] = '\0';
	return gp_mig_state.decided.text;
}

static bool add_fit(const struct visit *v, const struct gp_mig_site *site,
		    const struct gp_mig_fit *fit, char *text, size_t *used)
{
	for (int i = 0; i < fit->count; i++) {
		struct gp_mig_slice slice = {
			.gpu = gp_mig_site_rank(site, fit->gpu),
			.start = fit->start[i],
			.size = gp_mig_site_size(site, &v->wish),
		};

		if (!gp_mig_entry_add(text, GP_MIG_PLACE_MAX, used, site->record->name,
				      &slice))
			return false;
	}
	return true;
}

/* Decide it now: a job whose placement cannot be written does not start. */
static bool decide(struct visit *v)
{
	char *text = decided();
	size_t used = 0;

	for (int i = 0; text && i < v->count; i++)
		if (bit_test(v->test->nodes, v->sites[i].node) &&
		    !add_fit(v, &v->sites[i], &v->fits[i], text, &used))
			text = NULL;
	if (text && used > 0)
		gp_mig_state.decided.job_id = v->test->job->job_id;
	return text && used > 0;
}

/* ---- now ---- */

/* Leave the nodes with room for the wish, and say where on each. false: no memory. */
static bool read_sites(struct visit *v)
{
	bitstr_t *nodes = v->test->nodes;
	size_t room = (size_t)bit_set_count(nodes) + 1;

	v->sites = malloc(room * sizeof(*v->sites));
	v->fits = malloc(room * sizeof(*v->fits));
	if (!v->sites || !v->fits)
		return false;
	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		struct gp_mig_site *site = &v->sites[v->count];

		if (!bit_test(nodes, n))
			continue;
		if (read_site(v, (int)n, site) && suits(v, site) &&
		    gp_mig_site_fit(site, &gp_mig_state.ledger, &v->ctl->caches.running,
				    &v->wish, site->mig, 0, &v->fits[v->count]))
			v->count++;
		else {
			v->misses_required |= is_required(v, n);
			bit_clear(nodes, n);
		}
	}
	return true;
}

/* Whether the answer is on the GPUs that were left open. */
static bool is_as_placed(const struct visit *v)
{
	const struct gp_test *t = v->test;
	struct gp_job asked = {.entries = 1, .entry = {v->shards}};

	if (!t->job->job_resrcs)
		return false;
	for (int i = 0; i < v->count; i++) {
		const struct gp_mig_site *site = &v->sites[i];
		uint64_t gpus;

		if (bit_test(t->nodes, site->node) &&
		    (!gp_bridge_selected(&asked, 0, site->node, site->gpus, &gpus) ||
		     gpus != (uint64_t)1 << v->fits[i].gpu))
			return false;
	}
	return true;
}

/* Stock's answer with one GPU of each node open. Never by preemption: what a job leaves
 * need not fit together. */
static int ask(struct visit *v, uint32_t min, uint32_t max, uint32_t wanted)
{
	int rc;

	for (int i = 0; i < v->count; i++)
		gp_mig_site_hide(&v->sites[i], v->fits[i].gpu,
				 (int)v->shards->gres_per_node);
	rc = gp_stock_call_nodes(v->ctl, v->stock_plugin, v->test, min, max, wanted);
	for (int i = 0; i < v->count; i++)
		gp_mig_site_unhide(&v->sites[i]);
	if (rc != SLURM_SUCCESS || (is_as_placed(v) && decide(v)))
		return rc;
	free_job_resources(&v->test->job->job_resrcs);
	return ESLURM_NODES_BUSY;
}

/* The sites of the lowest weight, first; how many they are. */
static int lightest(struct visit *v)
{
	uint64_t least = UINT64_MAX;
	int count = 0;

	for (int i = 0; i < v->count; i++) {
		uint64_t weight = gp_bridge_weight(v->sites[i].record);

		least = weight < least ? weight : least;
	}
	for (int i = 0; i < v->count; i++) {
		struct gp_mig_site site = v->sites[i];
		struct gp_mig_fit fit = v->fits[i];

		if (gp_bridge_weight(site.record) != least)
			continue;
		v->sites[i] = v->sites[count];
		v->fits[i] = v->fits[count];
		v->sites[count] = site;
		v->fits[count++] = fit;
	}
	return count;
}

/* The node on which the policy would place it among all GPUs; -1: not ours to say. */
static int best_site(struct visit *v)
{
	const struct gp_test *t = v->test;
	int best;

	if (v->count < 2 || t->min_nodes > 1 || !gp_bridge_any_node(t->job) ||
	    !gp_scratch_fits(&v->ctl->scratch, t->nodes))
		return -1;
	best = gp_mig_site_best(v->sites, lightest(v), &gp_mig_state.ledger, &v->wish);
	/* Which leaf switch or base block loses a whole node is stock's to say. */
	if (best >= 0 && v->ctl->caches.units.network != GP_NETWORK_FLAT &&
	    gp_bridge_is_idle(v->sites[best].record))
		return -1;
	return best;
}

/* For how many nodes a placement can be written. */
static uint32_t most_nodes(const struct visit *v)
{
	size_t entry = 1;

	for (int i = 0; i < v->count; i++) {
		size_t length = gp_mig_entry_max(v->sites[i].record->name);

		entry = length > entry ? length : entry;
	}
	return (uint32_t)(GP_MIG_PLACE_MAX / (entry * (size_t)v->wish.count));
}

static int answer(struct visit *v)
{
	const struct gp_test *t = v->test;
	struct gp_fields before = gp_fields_read(t->job);
	uint32_t most = most_nodes(v);
	int best, rc;

	gp_mig_state.decided.job_id = 0;
	if (v->count < (int)t->min_nodes || v->count == 0 || v->misses_required)
		return ESLURM_NODES_BUSY;
	best = best_site(v);
	if (best >= 0) {
		bit_copybits(v->ctl->scratch.offered, t->nodes);
		bit_clear_all(t->nodes);
		bit_set(t->nodes, v->sites[best].node);
		rc = ask(v, 1, 1, 1);
		if (rc == SLURM_SUCCESS)
			return rc;
		gp_fields_write(t->job, &before);
		bit_copybits(t->nodes, v->ctl->scratch.offered);
	}
	if (t->min_nodes > most)
		return ESLURM_NODES_BUSY;
	rc = ask(v, t->min_nodes, t->max_nodes < most ? t->max_nodes : most,
		 t->req_nodes < most ? t->req_nodes : most);
	if (rc != SLURM_SUCCESS) {
		gp_fields_write(t->job, &before);
		gp_caches_refused(&v->ctl->caches, t->job->job_id, INT_MAX);
	}
	return rc;
}

static int run_now(struct visit *v)
{
	int rc = read_sites(v) ? answer(v) : ESLURM_NODES_BUSY;

	free(v->sites);
	free(v->fits);
	return rc;
}

/* ---- ahead ---- */

static time_t when(void *arg, int node)
{
	const struct visit *v = arg;
	struct gp_mig_site site;

	if (!read_site(v, node, &site) || !suits(v, &site))
		return GP_NEVER;
	return gp_mig_site_when(&site, &gp_mig_state.ledger, &v->ctl->caches.running,
				&v->wish, v->now);
}

/* Not before the slices fit together; told to the job even if stock has more to wait for.
 */
static int will_run(struct visit *v)
{
	const char *waiting = WAITING;

	v->now = time(NULL);
	return gp_forecast(v->ctl, v->stock_plugin, v->test, when, v, &waiting);
}

/* Whether the node could ever have it. One that has not registered may bring slices. */
static bool may_ever(struct visit *v, int node)
{
	struct gp_mig_site site;

	if (!read_site(v, node, &site))
		return !gp_bridge_is_settled(node_record_table_ptr[node]);
	return suits(v, &site) && gp_mig_site_may(&site, &v->wish);
}

/* At submission: shards that are no slices of any node's GPUs were not put there by
 * job_submit/gputopo. */
static int test_only(struct visit *v)
{
	bitstr_t *nodes = v->test->nodes;
	size_t entry = 1; /* bytes of a placement that one instance takes */
	int found = 0;

	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		if (!bit_test(nodes, n))
			continue;
		if (may_ever(v, (int)n)) {
			size_t length = gp_mig_entry_max(node_record_table_ptr[n]->name);

			entry = length > entry ? length : entry;
			found++;
		} else if (is_required(v, n)) {
			return ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE;
		}
	}
	if (!found ||
	    v->test->min_nodes > GP_MIG_PLACE_MAX / (entry * (size_t)v->wish.count))
		return ESLURM_INVALID_GRES;
	return found < (int)v->test->min_nodes
		       ? ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE
		       : gp_stock_call(v->ctl, v->stock_plugin, v->test);
}

int gp_mig_job_test(struct gp_controller *ctl, const struct gp_stock_plugin *stock_plugin,
		    const struct gp_test *test)
{
	const char *text = gp_job_env_get(test->job, GP_ENV_MIG);
	struct visit v = {.ctl = ctl, .stock_plugin = stock_plugin, .test = test};

	v.shards = gp_bridge_shards(test->job);
	v.wished = text != NULL;
	if (!v.wished)
		return without_wish(&v);
	if (!gp_mig_wish_read(text, &v.wish))
		return ESLURM_INVALID_GRES;
	if (SELECT_IS_MODE_TEST_ONLY(test->mode))
		return test_only(&v);
	if (!gp_slice_ledger_read(&gp_mig_state.ledger, ctl->config.node_count))
		return ESLURM_NODES_BUSY;
	return SELECT_IS_MODE_WILL_RUN(test->mode) ? will_run(&v) : run_now(&v);
}

/* ---- the start ---- */

/* Add the slices on one node of the job; false: none could be found. */
static bool place_on(struct visit *v, int node, char *text, size_t *used)
{
	struct gp_job asked = {.entries = 1, .entry = {v->shards}};
	struct gp_mig_site site;
	struct gp_mig_fit fit;
	uint64_t gpus;

	if (!read_site(v, node, &site) || !suits(v, &site) ||
	    !gp_bridge_selected(&asked, 0, node, site.gpus, &gpus) ||
	    !gp_mig_site_fit(&site, &gp_mig_state.ledger, &v->ctl->caches.running,
			     &v->wish, gpus, 0, &fit))
		return false;
	return add_fit(v, &site, &fit, text, used);
}

static bool place_all(struct visit *v, const job_record_t *job, char *text)
{
	bitstr_t *nodes = job->job_resrcs ? job->job_resrcs->node_bitmap : NULL;
	size_t used = 0;

	if (!nodes || !v->shards)
		return false;
	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last; n++)
		if (bit_test(nodes, n) && !place_on(v, (int)n, text, &used))
			return false;
	return used > 0;
}

/* The placement of the job that begins: decided by the job_test just before, else now. */
static const char *placement(struct gp_controller *ctl, const job_record_t *job,
			     struct visit *v)
{
	char *text = gp_mig_state.decided.text;

	if (text && gp_mig_state.decided.job_id == job->job_id &&
	    gp_mig_state.ledger.fresh)
		return text;
	text = decided();
	return text &&
			       gp_slice_ledger_read(&gp_mig_state.ledger,
						    ctl->config.node_count) &&
			       place_all(v, job, text)
		       ? text
		       : NULL;
}

bool gp_mig_job_begins(struct gp_controller *ctl, job_record_t *job)
{
	const char *wish = gp_job_env_get(job, GP_ENV_MIG), *text;
	struct visit v = {.ctl = ctl, .shards = gp_bridge_shards(job)};
	bool placed;

	if (!wish)
		return true;
	text = ctl->config.active && gp_mig_wish_read(wish, &v.wish)
		       ? placement(ctl, job, &v)
		       : NULL;
	placed = text && gp_job_env_set(job, GP_ENV_MIG_PLACE, text);
	gp_mig_state.decided.job_id = 0;
	if (!placed)
		error("gputopo: job %u waits: its MIG slices are no longer free, or "
		      "their placement cannot be stored",
		      job->job_id);
	gp_slice_ledger_spoil(&gp_mig_state.ledger);
	return placed;
}

void gp_mig_job_leaves(job_record_t *job, int node)
{
	const char *at = gp_job_env_get(job, GP_ENV_MIG_PLACE);
	const char *name = node_record_table_ptr[node]->name;
	char *text = at ? decided() : NULL;
	size_t used = 0;

	if (!text)
		return; /* without memory its slices stay taken until it ends */
	while (at && *at) {
		struct gp_mig_entry entry;
		char other[GP_NODE_NAME_MAX + 1];

		if (!gp_mig_entry_next(&at, &entry))
			return;
		snprintf(other, sizeof(other), "%.*s", (int)entry.node_length,
			 entry.node);
		if (!gp_mig_entry_is_on(&entry, name))
			gp_mig_entry_add(text, GP_MIG_PLACE_MAX, &used, other,
					 &entry.slice);
	}
	gp_job_env_set(job, GP_ENV_MIG_PLACE, text);
	gp_slice_ledger_spoil(&gp_mig_state.ledger);
}

void gp_mig_job_ends(const job_record_t *job)
{
	if (gp_job_env_get(job, GP_ENV_MIG_PLACE))
		gp_slice_ledger_spoil(&gp_mig_state.ledger);
}
