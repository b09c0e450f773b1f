/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stock.c - nodes and jobs for the tests, and a job_test that takes the lowest free GPUs
 * of the first node that has enough, as simply as that, with the faults that the test
 * orders.
 */
#include "plugin/slurm/compat.h"

#include <stdlib.h>
#include <string.h>

#include "tests/mock/mock.h"

#define SET(g) ((uint64_t)1 << (g))

struct mock_stock mock_stock;

static node_record_t *table[MOCK_MAX_NODES];
static struct xlist jobs;

static uint64_t bits_of(bitstr_t *b)
{
	uint64_t out = 0;

	for (int i = 0; i < bit_size(b); i++)
		if (bit_test(b, i))
			out |= (uint64_t)1 << i;
	return out;
}

static void *zeroed(size_t count, size_t size)
{
	return mock_alloc(count * size);
}

/* ---- nodes --------------------------------------------------------------------------
 */

/* A hash is as good an id as any. */
static uint32_t type_id(const char *type)
{
	uint32_t id = 0;

	for (; type && *type; type++)
		id = 31 * id + (uint32_t)*type;
	return id;
}

static void add_record(gres_node_state_t *state, int t, const struct mock_gpus *gpus,
		       int per)
{
	int first = t * per;

	state->topo_gres_bitmap[t] = bit_alloc(gpus->count);
	for (int g = first; g < first + per; g++)
		bit_set(state->topo_gres_bitmap[t], g);
	state->topo_gres_cnt_avail[t] = (uint64_t)per;
	if (gpus->types) {
		state->topo_type_name[t] = (char *)gpus->types[first];
		state->topo_type_id[t] = type_id(gpus->types[first]);
	}
	if (gpus->no_sockets)
		return;
	state->topo_core_bitmap[t] = bit_alloc(MOCK_CORES);
	for (int core = 0; core < MOCK_CORES; core++)
		if (per == gpus->count ||
		    core / (MOCK_CORES / 2) == first / ((gpus->count + 1) / 2))
			bit_set(state->topo_core_bitmap[t], core);
}

static gres_node_state_t *make_state(const struct mock_gpus *gpus)
{
	gres_node_state_t *state = zeroed(1, sizeof(*state));
	int per = gpus->gpus_per_record ? gpus->gpus_per_record : 1;
	size_t records = gpus->counted ? 0 : (size_t)(gpus->count / per);

	state->gres_cnt_found = state->gres_cnt_config = (uint64_t)gpus->count;
	state->gres_cnt_avail = (uint64_t)gpus->count;
	state->gres_bit_alloc = bit_alloc(gpus->count);
	state->topo_cnt = (uint16_t)records;
	state->topo_core_bitmap = zeroed(records, sizeof(bitstr_t *));
	state->topo_gres_bitmap = zeroed(records, sizeof(bitstr_t *));
	state->topo_gres_cnt_alloc = zeroed(records, sizeof(uint64_t));
	state->topo_gres_cnt_avail = zeroed(records, sizeof(uint64_t));
	state->topo_type_id = zeroed(records, sizeof(uint32_t));
	state->topo_type_name = zeroed(records, sizeof(char *));
	for (size_t t = 0; t < records; t++)
		add_record(state, (int)t, gpus, per);
	if (!gpus->links)
		return state;
	state->link_len = gpus->count;
	state->links_cnt = zeroed((size_t)gpus->count, sizeof(int *));
	for (int a = 0; a < gpus->count; a++) {
		state->links_cnt[a] = zeroed((size_t)gpus->count, sizeof(int));
		memcpy(state->links_cnt[a], gpus->links + a * gpus->count,
		       (size_t)gpus->count * sizeof(int));
	}
	return state;
}

int mock_node_add(const char *name, const struct mock_gpus *gpus)
{
	node_record_t *node = zeroed(1, sizeof(*node));
	gres_state_t *gres = zeroed(1, sizeof(*gres));

	gres->gres_name = "gpu";
	gres->gres_data = make_state(gpus);
	node->gres_list = mock_list_new();
	mock_list_add(node->gres_list, gres);
	node->magic = NODE_MAGIC;
	node->name = (char *)name;
	node->index = (uint32_t)node_record_count;
	node->tot_cores = MOCK_CORES;
	node->cores = MOCK_CORES / 2;
	node->tot_sockets = 2;
	node->node_state = NODE_STATE_IDLE;
	table[node_record_count] = node;
	node_record_table_ptr = table;
	job_list = &jobs;
	jobs.magic = MOCK_LIST_MAGIC;
	return node_record_count++;
}

gres_node_state_t *mock_node_gpus(int node)
{
	return ((gres_state_t *)table[node]->gres_list->item[0])->gres_data;
}

/* ---- shards of the GPUs ---- */

gres_node_state_t *mock_node_shards(int node)
{
	const struct xlist *list = table[node]->gres_list;

	return list->count > 1 ? ((gres_state_t *)list->item[1])->gres_data : NULL;
}

void mock_node_share(int node, int shards)
{
	int gpus = (int)bit_size(mock_node_gpus(node)->gres_bit_alloc);
	struct mock_gpus same = {.count = gpus};
	gres_node_state_t *state = make_state(&same);
	gres_state_t *gres = zeroed(1, sizeof(*gres));

	for (int g = 0; g < gpus; g++)
		state->topo_gres_cnt_avail[g] = (uint64_t)shards;
	state->gres_cnt_found = state->gres_cnt_config = (uint64_t)(gpus * shards);
	state->gres_cnt_avail = (uint64_t)(gpus * shards);
	gres->gres_name = "shard";
	gres->gres_data = state;
	mock_list_add(table[node]->gres_list, gres);
}

static uint64_t left_of(const gres_node_state_t *shards, int g)
{
	uint64_t has = shards->topo_gres_cnt_avail[g];
	uint64_t taken = shards->topo_gres_cnt_alloc[g];

	return has > taken ? has - taken : 0;
}

/* ---- what must not change ---- */

static uint64_t sum_of(const gres_node_state_t *state, uint64_t sum)
{
	sum = sum * 0x100000001b3 + bits_of(state->gres_bit_alloc);
	sum = sum * 0x100000001b3 + state->gres_cnt_alloc;
	for (int t = 0; t < state->topo_cnt; t++)
		sum = sum * 0x100000001b3 + state->topo_gres_cnt_alloc[t];
	return sum;
}

uint64_t mock_node_sum(int node)
{
	const gres_node_state_t *shards = mock_node_shards(node);
	uint64_t sum = sum_of(mock_node_gpus(node), 0);

	return shards ? sum_of(shards, sum) : sum;
}

static void allocate(int node, uint64_t gpus)
{
	gres_node_state_t *state = mock_node_gpus(node);

	for (int g = 0; g < bit_size(state->gres_bit_alloc); g++) {
		if (!(gpus >> g & 1))
			continue;
		bit_set(state->gres_bit_alloc, g);
		state->gres_cnt_alloc++;
		for (int t = 0; t < state->topo_cnt; t++)
			if (bit_test(state->topo_gres_bitmap[t], g))
				state->topo_gres_cnt_alloc[t]++;
	}
}

/* ---- jobs ---------------------------------------------------------------------------
 */

job_record_t *mock_job_add(uint32_t job_id)
{
	job_record_t *job = zeroed(1, sizeof(*job));

	job->magic = JOB_MAGIC;
	job->job_id = job_id;
	job->details = zeroed(1, sizeof(*job->details));
	job->details->magic = DETAILS_MAGIC;
	job->details->min_cpus = 3;
	job->details->pn_min_memory = 100;
	if (GP_IMPLICIT_MAX_NODES) {
		/* as of -n4 without -N */
		job->details->max_nodes = 4;
		job->bit_flags |= GP_IMPLICIT_MAX_NODES;
	}
	job->best_switch = true;
	job->time_limit = INFINITE;
	job->gres_list_req = mock_list_new();
	job->gres_list_alloc = mock_list_new();
	mock_list_add(&jobs, job);
	return job;
}

static gres_job_state_t *add_entry(struct xlist *list, const char *name, const char *type)
{
	gres_state_t *gres = zeroed(1, sizeof(*gres));
	gres_job_state_t *entry = zeroed(1, sizeof(*entry));

	gres->gres_name = (char *)name;
	gres->gres_data = entry;
	entry->type_name = (char *)type;
	entry->type_id = type_id(type);
	mock_list_add(list, gres);
	return entry;
}

gres_job_state_t *mock_job_entry(job_record_t *job, const char *name, const char *type)
{
	return add_entry(job->gres_list_req, name, type);
}

static void free_resources(job_record_t *job)
{
	free_job_resources(&job->job_resrcs);
}

static struct job_resources *make_resources(job_record_t *job, uint64_t picked)
{
	struct job_resources *made = zeroed(1, sizeof(*made));

	free_resources(job);
	made->node_bitmap = bit_alloc(node_record_count);
	for (int n = 0; n < node_record_count; n++)
		if (picked >> n & 1)
			bit_set(made->node_bitmap, n);
	made->nhosts = (uint32_t)bit_set_count(made->node_bitmap);
	made->core_bitmap = bit_alloc((bitoff_t)made->nhosts * MOCK_CORES);
	job->job_resrcs = made;
	return made;
}

void mock_job_run(job_record_t *job, int node, uint64_t gpus)
{
	gres_job_state_t *entry = add_entry(job->gres_list_alloc, "gpu", NULL);

	make_resources(job, (uint64_t)1 << node);
	job->job_state = JOB_RUNNING;
	entry->node_cnt = 1;
	entry->gres_bit_alloc = zeroed(1, sizeof(bitstr_t *));
	entry->gres_bit_alloc[0] =
		bit_alloc(bit_size(mock_node_gpus(node)->gres_bit_alloc));
	for (int g = 0; g < bit_size(entry->gres_bit_alloc[0]); g++)
		if (gpus >> g & 1)
			bit_set(entry->gres_bit_alloc[0], g);
	allocate(node, gpus);
}

static void free_bitmaps(bitstr_t **bitmaps, int count)
{
	for (int i = 0; bitmaps && i < count; i++)
		FREE_NULL_BITMAP(bitmaps[i]);
	xfree(bitmaps);
}

static void free_entries(struct xlist *list)
{
	for (int i = 0; i < list->count; i++) {
		gres_state_t *gres = list->item[i];
		gres_job_state_t *entry = gres->gres_data;

		free_bitmaps(entry->gres_bit_select, (int)entry->total_node_cnt);
		free_bitmaps(entry->gres_bit_alloc, (int)entry->node_cnt);
		xfree(entry->gres_cnt_node_select);
		xfree(entry);
		xfree(gres);
	}
}

void mock_job_stop(job_record_t *job, int node, uint64_t gpus)
{
	gres_node_state_t *state = mock_node_gpus(node);

	for (int g = 0; g < bit_size(state->gres_bit_alloc); g++) {
		if (!(gpus >> g & 1))
			continue;
		bit_clear(state->gres_bit_alloc, g);
		state->gres_cnt_alloc--;
		for (int t = 0; t < state->topo_cnt; t++)
			if (bit_test(state->topo_gres_bitmap[t], g))
				state->topo_gres_cnt_alloc[t]--;
	}
	job->job_state = JOB_PENDING;
	free_resources(job);
	free_entries(job->gres_list_alloc);
	job->gres_list_alloc->count = 0;
}

/* Entries of the list that are GPUs, one after the other; NULL after the last. */
static gres_job_state_t *gpu_entry(const job_record_t *job, int *at)
{
	while (*at < job->gres_list_req->count) {
		gres_state_t *gres = job->gres_list_req->item[(*at)++];

		if (strcmp(gres->gres_name, "gpu") == 0)
			return gres->gres_data;
	}
	return NULL;
}

uint64_t mock_selected(const job_record_t *job, int node)
{
	gres_job_state_t *entry;
	uint64_t out = 0;

	for (int at = 0; (entry = gpu_entry(job, &at));)
		if (entry->gres_bit_select && entry->gres_bit_select[node])
			out |= bits_of(entry->gres_bit_select[node]);
	return out;
}

/* ---- job_test -----------------------------------------------------------------------
 */

static int entry_count(const gres_job_state_t *entry, int hosts)
{
	if (entry->gres_per_node)
		return (int)entry->gres_per_node;
	if (entry->gres_per_socket)
		return (int)entry->gres_per_socket * 2;
	return (int)(entry->gres_per_job + (uint64_t)hosts - 1) / hosts;
}

/* What is left of a job's GPUs, but one for each node behind this one. */
static int greedy_share(const gres_job_state_t *entry, int node, int hosts, uint64_t busy)
{
	int left = (int)entry->gres_per_job, free = 8 - __builtin_popcountll(busy & 0xff);

	for (int n = 0; n < node && entry->gres_cnt_node_select; n++)
		left -= (int)entry->gres_cnt_node_select[n];
	left -= hosts - 1 - node;
	return left < free ? left : free;
}

static bool type_fits(const gres_node_state_t *state, const gres_job_state_t *entry,
		      int g)
{
	if (state->topo_cnt == 0)
		return true;
	for (int t = 0; t < state->topo_cnt; t++)
		if (bit_test(state->topo_gres_bitmap[t], g))
			return !entry->type_id ||
			       state->topo_type_id[t] == entry->type_id;
	return false;
}

/* The lowest free GPUs for one entry; per-socket requests take an equal share of each. */
static uint64_t pick(const gres_node_state_t *state, const gres_job_state_t *entry,
		     int count, uint64_t busy)
{
	int size = (int)bit_size(state->gres_bit_alloc);
	int room[2] = {count, count};
	uint64_t out = 0;

	if (entry->gres_per_socket)
		room[0] = room[1] = (int)entry->gres_per_socket;
	for (int g = 0; g < size && __builtin_popcountll(out) < count; g++) {
		int socket = g / ((size + 1) / 2);

		if ((busy >> g & 1) || !room[socket] || !type_fits(state, entry, g))
			continue;
		room[socket]--;
		out |= (uint64_t)1 << g;
	}
	return __builtin_popcountll(out) == count ? out : 0;
}

static void set_selection(gres_job_state_t *entry, int node, int size, uint64_t gpus)
{
	if (!entry->gres_bit_select) {
		entry->total_node_cnt = (uint32_t)node_record_count;
		entry->gres_bit_select =
			zeroed((size_t)node_record_count, sizeof(bitstr_t *));
		entry->gres_cnt_node_select =
			zeroed((size_t)node_record_count, sizeof(uint64_t));
	}
	FREE_NULL_BITMAP(entry->gres_bit_select[node]);
	entry->gres_cnt_node_select[node] = (uint64_t)__builtin_popcountll(gpus);
	if (mock_node_gpus(node)->topo_cnt == 0)
		return;
	entry->gres_bit_select[node] = bit_alloc(size);
	for (int g = 0; g < size; g++)
		if (gpus >> g & 1)
			bit_set(entry->gres_bit_select[node], g);
}

/* Select on one node for all entries; false if it has too few. */
static bool select_on(job_record_t *job, int node, int hosts, enum mock_fault fault)
{
	const gres_node_state_t *state = mock_node_gpus(node);
	int size = (int)bit_size(state->gres_bit_alloc);
	uint64_t busy = bits_of(state->gres_bit_alloc);
	gres_job_state_t *entry;

	if (fault == MOCK_OTHER)
		busy = ~busy;
	for (int at = 0; (entry = gpu_entry(job, &at));) {
		int count = mock_stock.uneven && entry->gres_per_job
				    ? greedy_share(entry, node, hosts, busy)
				    : entry_count(entry, hosts);
		uint64_t gpus = pick(state, entry, count, busy);

		if (!gpus)
			return false;
		busy |= gpus;
		if (fault == MOCK_FEWER)
			gpus &= gpus - 1;
		set_selection(entry, node, size, gpus);
	}
	return true;
}

/* The job's shards, NULL: none. */
static gres_job_state_t *shard_entry(const job_record_t *job)
{
	for (int i = 0; i < job->gres_list_req->count; i++) {
		gres_state_t *gres = job->gres_list_req->item[i];

		if (strcmp(gres->gres_name, "shard") == 0)
			return gres->gres_data;
	}
	return NULL;
}

/* ahead: whoever holds shards now is gone by then. */
static bool select_shards(job_record_t *job, int node, bool ahead, enum mock_fault fault)
{
	const gres_node_state_t *shards = mock_node_shards(node);
	gres_job_state_t *entry = shard_entry(job);
	int gpus = shards ? shards->topo_cnt : 0, g;

	if (!entry || !shards)
		return true;
	for (g = 0; g < gpus; g++) {
		uint64_t left =
			ahead ? shards->topo_gres_cnt_avail[g] : left_of(shards, g);

		if ((left >= entry->gres_per_node) == (fault != MOCK_OTHER))
			break;
	}
	if (g == gpus)
		return false;
	set_selection(entry, node, gpus, SET(g));
	entry->gres_cnt_node_select[node] = entry->gres_per_node;
	return true;
}

uint64_t mock_shards_selected(const job_record_t *job, int node)
{
	const gres_job_state_t *entry = shard_entry(job);

	return entry && entry->gres_bit_select && entry->gres_bit_select[node]
		       ? bits_of(entry->gres_bit_select[node])
		       : 0;
}

static void move_shards(job_record_t *job, bool take)
{
	uint64_t count = shard_entry(job)->gres_per_node;

	for (int n = 0; n < node_record_count; n++) {
		gres_node_state_t *shards = mock_node_shards(n);
		int g;

		if (!bit_test(job->job_resrcs->node_bitmap, n))
			continue;
		g = __builtin_ctzll(mock_shards_selected(job, n));
		shards->topo_gres_cnt_alloc[g] += take ? count : -count;
		shards->gres_cnt_alloc += take ? count : -count;
		if (take)
			bit_set(shards->gres_bit_alloc, g);
		else
			bit_clear(shards->gres_bit_alloc, g);
	}
}

void mock_shards_take(job_record_t *job)
{
	move_shards(job, true);
	job->job_state = JOB_RUNNING;
}

void mock_shards_return(job_record_t *job)
{
	move_shards(job, false);
}

int mock_stock_take(job_record_t *job)
{
	gres_state_t *gres = job->gres_list_req->item[0];
	const gres_job_state_t *entry = gres->gres_data;
	uint64_t busy = bits_of(mock_node_gpus(0)->gres_bit_alloc), gpus = 0;
	uint64_t left = entry->gres_cnt_node_select[0];

	for (int g = 0; left; g++) {
		if (busy >> g & 1)
			continue;
		gpus |= (uint64_t)1 << g;
		left--;
	}
	mock_job_run(job, 0, gpus);
	return 0;
}

static void take_cores(job_record_t *job, int offset, uint64_t gpus, int size,
		       enum mock_fault fault)
{
	int lowest = gpus ? __builtin_ctzll(gpus) : 0;
	int socket = lowest / ((size + 1) / 2);

	if (mock_stock.core_socket >= 0)
		socket = mock_stock.core_socket;
	if (fault == MOCK_FAR_CORES)
		socket = !socket;
	for (int c = 0; c < mock_stock.cores; c++)
		bit_set(job->job_resrcs->core_bitmap,
			offset * MOCK_CORES + socket * (MOCK_CORES / 2) + c);
}

static void write_down(const job_record_t *job, bitstr_t *offered, void *candidates,
		       void *preemptees)
{
	struct mock_call *call = &mock_stock.call[mock_stock.calls % 16];

	memset(call, 0, sizeof(*call));
	for (int n = 0; n < node_record_count; n++) {
		const gres_node_state_t *state = mock_node_gpus(n);

		call->hidden[n] = bits_of(state->gres_bit_alloc);
		call->count[n] = state->gres_cnt_alloc;
		for (int g = 0; mock_node_shards(n) && g < state->topo_cnt; g++)
			if (left_of(mock_node_shards(n), g))
				call->shared[n] |= SET(g);
		for (int t = 0; t < state->topo_cnt; t++)
			call->records[n] += state->topo_gres_cnt_alloc[t];
	}
	call->nodes = bits_of(offered);
	call->candidates = candidates;
	call->preemptees = preemptees;
	call->min_cpus = job->details->min_cpus;
	call->memory = job->details->pn_min_memory;
	call->best_switch = job->best_switch;
}

/* The nodes to answer with, 0 if there are too few. */
static uint64_t pick_nodes(job_record_t *job, bitstr_t *offered, int wanted, bool ahead,
			   enum mock_fault fault)
{
	bitstr_t *required = job->details->req_node_bitmap;
	uint64_t picked = 0, needed = required ? bits_of(required) : 0;

	/* those that it requires first */
	for (int pass = 0; pass < 2; pass++)
		for (int n = 0; n < node_record_count; n++)
			if ((pass || needed >> n & 1) && !(picked >> n & 1) &&
			    __builtin_popcountll(picked) < wanted &&
			    bit_test(offered, n) && select_on(job, n, wanted, fault) &&
			    select_shards(job, n, ahead, fault))
				picked |= (uint64_t)1 << n;
	return __builtin_popcountll(picked) == wanted && !(needed & ~picked) ? picked : 0;
}

int mock_stock_job_test GP_JOB_TEST_PROTO
{
	enum mock_fault fault =
		mock_stock.calls < 16 ? mock_stock.fault[mock_stock.calls] : MOCK_FINE;
	int wanted = mock_stock.nodes_wanted ? mock_stock.nodes_wanted : 1;
	void *tail[] = {GP_TAIL_ARGS};
	uint64_t picked;
	int offset = 0;

	(void)tail;
	(void)min_nodes;
	if ((uint32_t)wanted > max_nodes)
		wanted = (int)max_nodes;
	(void)req_nodes;
	write_down(job, nodes, candidates, preemptees);
	mock_stock.calls++;
	free_resources(job);
	job->details->min_cpus *= 2; /* as --overcommit has it */
	job->details->pn_min_memory += 7;
	job->best_switch = false;
	picked = pick_nodes(job, nodes, wanted, SELECT_IS_MODE_WILL_RUN(mode), fault);
	if (!picked || fault == MOCK_FAIL)
		return SLURM_ERROR;
	if (mock_stock.preempts && preemptees)
		*preemptees = &jobs;
	make_resources(job, picked);
	for (int n = 0; n < node_record_count; n++) {
		if (!(picked >> n & 1)) {
			bit_clear(nodes, n);
			continue;
		}
		take_cores(job, offset++, mock_selected(job, n),
			   (int)bit_size(mock_node_gpus(n)->gres_bit_alloc), fault);
	}
	job->total_cpus = (uint32_t)(mock_stock.cores + (fault == MOCK_OTHER_CPUS));
	if (fault == MOCK_NO_RESOURCES)
		free_resources(job);
	return SLURM_SUCCESS;
}

/* ---- the end ------------------------------------------------------------------------
 */

static void free_job_list(struct xlist *list)
{
	free_entries(list);
	xfree(list);
}

static void free_gres(gres_state_t *gres)
{
	gres_node_state_t *state = gres->gres_data;

	for (int a = 0; state->links_cnt && a < state->link_len; a++)
		xfree(state->links_cnt[a]);
	xfree(state->links_cnt);
	FREE_NULL_BITMAP(state->gres_bit_alloc);
	free_bitmaps(state->topo_core_bitmap, state->topo_cnt);
	free_bitmaps(state->topo_gres_bitmap, state->topo_cnt);
	xfree(state->topo_gres_cnt_alloc);
	xfree(state->topo_gres_cnt_avail);
	xfree(state->topo_type_id);
	xfree(state->topo_type_name);
	xfree(state);
	xfree(gres);
}

static void free_node(node_record_t *node)
{
	for (int i = 0; i < node->gres_list->count; i++)
		free_gres(node->gres_list->item[i]);
	xfree(node->gres_list);
	xfree(node);
}

void mock_cluster_free(void)
{
	for (int i = 0; i < jobs.count; i++) {
		job_record_t *job = jobs.item[i];

		free_resources(job);
		free_job_list(job->gres_list_req);
		free_job_list(job->gres_list_alloc);
		xfree(job->state_desc);
		xfree(job->admin_comment);
		for (int e = 0; e < job->details->env_cnt; e++)
			xfree(job->details->env_sup[e]);
		xfree(job->details->env_sup);
		xfree(job->details);
		xfree(job);
	}
	for (int n = 0; n < node_record_count; n++)
		free_node(table[n]);
	memset(&jobs, 0, sizeof(jobs));
	memset(table, 0, sizeof(table));
	node_record_count = 0;
	node_record_table_ptr = NULL;
	job_list = NULL;
}
