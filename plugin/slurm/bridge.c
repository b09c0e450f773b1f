/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bridge.c - read Slurm's structs of nodes, and hide GPUs from the stock plugin. Called
 * by every room of ctld.
 */
#include "plugin/slurm/compat.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/health.h"
#include "plugin/slurm/bridge.h"

/* Slurm allows -1 for "this GPU" in links_cnt. */
#define SELF (-1)

static uint64_t bit(int i)
{
	return (uint64_t)1 << i;
}

char *gp_bridge_copy(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = try_xmalloc(size);

	if (copy)
		memcpy(copy, text, size);
	return copy;
}

void gp_bridge_comment(job_record_t *job, const char *text)
{
	static const char mark[] = "gputopo: ";
	char comment[1024], *copy;
	const char *wish; /* of gp_wish_show: it stays */

	if (job->admin_comment && *job->admin_comment &&
	    strncmp(job->admin_comment, mark, strlen(mark)) != 0)
		return;
	wish = job->admin_comment ? strstr(job->admin_comment, "--") : NULL;
	snprintf(comment, sizeof(comment), "%s%s%s%s", mark, text, wish ? "; " : "",
		 wish ? wish : "");
	copy = gp_bridge_copy(comment);
	if (!copy)
		return;
	xfree(job->admin_comment);
	job->admin_comment = copy;
}

/* ---- the node -----------------------------------------------------------------------
 */

struct gres_walk {
	const char *name;
	gres_node_state_t *found;
};

static int find_gres(void *x, void *arg)
{
	gres_state_t *gres = x;
	struct gres_walk *walk = arg;

	if (!gres->gres_name || strcmp(gres->gres_name, walk->name) != 0)
		return 0;
	walk->found = gres->gres_data;
	return -1;
}

gres_node_state_t *gp_bridge_gres(const node_record_t *node, const char *name)
{
	struct gres_walk walk = {.name = name};

	if (node->gres_list)
		(void)list_for_each(node->gres_list, find_gres, &walk);
	return walk.found;
}

uint64_t gp_bridge_bits(bitstr_t *bits, int size)
{
	uint64_t out = 0;

	for (int i = 0; i < size; i++)
		if (bit_test(bits, i))
			out |= bit(i);
	return out;
}

/* The sockets of the cores of one topology record. Records of a node that has not
 * registered yet may have another size; they say nothing then. */
static uint64_t sockets_of(const node_record_t *node, bitstr_t *cores)
{
	uint64_t sockets = 0;

	if (!cores || !node->cores || bit_size(cores) != node->tot_cores)
		return 0;
	for (int core = 0; core < node->tot_cores; core++)
		if (bit_test(cores, core) && core / node->cores < 64)
			sockets |= bit(core / node->cores);
	return sockets;
}

/* Types and near sockets, from the topology records. */
static void read_records(const node_record_t *node, struct gp_gpus *gpus)
{
	const gres_node_state_t *state = gpus->state;
	uint64_t seen = 0;

	gpus->records_whole = true;
	for (int t = 0; t < state->topo_cnt; t++) {
		bitstr_t *members =
			state->topo_gres_bitmap ? state->topo_gres_bitmap[t] : NULL;
		uint64_t sockets;

		if (!members || bit_size(members) != gpus->size) {
			gpus->records_whole = false;
			continue;
		}
		sockets = state->topo_core_bitmap
				  ? sockets_of(node, state->topo_core_bitmap[t])
				  : 0;
		for (int g = 0; g < gpus->size; g++) {
			if (!bit_test(members, g))
				continue;
			gpus->records_whole &= !(seen & bit(g));
			seen |= bit(g);
			gpus->sockets[g] = sockets;
			gpus->type[g] = state->topo_type_id ? state->topo_type_id[t] : 0;
			if (state->topo_type_name)
				gpus->type_name[g] = state->topo_type_name[t];
		}
	}
	gpus->records_whole &= __builtin_popcountll(seen) == gpus->size;
	gpus->types = 1;
	for (int g = 1; g < gpus->size; g++) {
		int same = 0;

		while (gpus->type[same] != gpus->type[g])
			same++;
		gpus->types += same == g;
	}
}

/* The column of SELF in a row is that GPU's position in gres.conf; types inside a node
 * permute the rows, not the columns. Without any SELF there is nothing to permute. */
static bool read_order(struct gp_gpus *gpus, int **links)
{
	uint64_t seen = 0;
	int selves = 0;

	for (int row = 0; row < gpus->size; row++) {
		gpus->place[row].n = row;
		for (int col = 0; col < gpus->size; col++) {
			if (links[row][col] != SELF)
				continue;
			gpus->place[row].n = col;
			selves++;
		}
		seen |= bit(gpus->place[row].n);
	}
	if (selves == 0)
		return gpus->types == 1;
	return selves == gpus->size && __builtin_popcountll(seen) == gpus->size;
}

static enum gp_reason read_links(struct gp_gpus *gpus)
{
	const gres_node_state_t *state = gpus->state;

	for (int g = 0; g < gpus->size; g++)
		gpus->place[g].n = g;
	gpus->order_known = gpus->types == 1;
	if (!state->links_cnt || state->link_len == 0)
		return GP_OK;
	if (state->link_len != gpus->size)
		return GP_BAD_LINKS;
	for (int row = 0; row < gpus->size; row++) {
		if (!state->links_cnt[row])
			return GP_BAD_LINKS;
		for (int col = 0; col < gpus->size; col++)
			gpus->has_links |= state->links_cnt[row][col] > 0;
	}
	gpus->order_known = read_order(gpus, state->links_cnt);
	return gpus->order_known || !gpus->has_links ? GP_OK : GP_BAD_LINKS;
}

/* GPUs of which shards or mps are in use: their gres has a bit for each GPU, too. */
static uint64_t shared_bits(const gres_node_state_t *state, int size)
{
	const gres_node_state_t *shared = GP_SHARED_WITH(state);
	bitstr_t *bits = shared ? shared->gres_bit_alloc : NULL;

	return bits && bit_size(bits) == size ? gp_bridge_bits(bits, size) : 0;
}

/* Whether slurmctld knows how many GPUs there are and which are taken, but nothing else
 * of them. Before a node registers that is so of every node. */
static bool is_counted(const node_record_t *node, const gres_node_state_t *state)
{
	return state->gres_bit_alloc && !state->topo_cnt && !state->type_cnt &&
	       !GP_SHARED_WITH(state) && gp_bridge_is_settled(node) &&
	       state->gres_cnt_found == (uint64_t)bit_size(state->gres_bit_alloc);
}

bool gp_bridge_record(int node, const node_record_t **record, const char **name)
{
	*record = node_record_table_ptr[node];
	*name = (*record)->name;
	return (*record)->magic == NODE_MAGIC;
}

const char *gp_bridge_extra(int node)
{
	const node_record_t *record = node_record_table_ptr[node];

	return record && record->magic == NODE_MAGIC ? record->extra : NULL;
}

enum gp_reason gp_bridge_node(const node_record_t *node, struct gp_gpus *gpus)
{
	gres_node_state_t *state = gp_bridge_gres(node, "gpu");
	int64_t size;

	memset(gpus, 0, sizeof(*gpus));
	gpus->state = state;
	gpus->report = gp_health_part(node->extra);
	if (!state)
		return GP_NO_GPUS;
	gpus->counted = is_counted(node, state);
	if (!state->gres_bit_alloc ||
	    (!gpus->counted && (!state->topo_cnt || !state->topo_gres_cnt_alloc)))
		return GP_NO_FILES;
	size = bit_size(state->gres_bit_alloc);
	if (size < 1 || size > GP_MAX_GPUS)
		return GP_LIMIT;
	gpus->size = (int)size;
	gpus->allocated = gp_bridge_bits(state->gres_bit_alloc, gpus->size);
	gpus->free = ~(gpus->allocated | shared_bits(state, gpus->size)) &
		     (~(uint64_t)0 >> (64 - gpus->size));
	read_records(node, gpus);
	if (state->gres_cnt_avail != (uint64_t)size)
		return GP_NO_FILES;
	if (state->no_consume)
		return GP_SHARED;
	return read_links(gpus);
}

const gres_node_state_t *gp_bridge_free(const node_record_t *node, uint64_t *free)
{
	gres_node_state_t *state = gp_bridge_gres(node, "gpu");
	bool agrees;
	int64_t size;

	*free = 0;
	if (!state || !state->gres_bit_alloc || state->no_consume)
		return NULL;
	size = bit_size(state->gres_bit_alloc);
	if (size < 1 || size > GP_MAX_GPUS || state->gres_cnt_avail != (uint64_t)size)
		return NULL;
	*free = ~gp_bridge_bits(state->gres_bit_alloc, (int)size) &
		(~(uint64_t)0 >> (64 - size));
	/* Until a node has registered again, its counts and bits may disagree. */
	agrees = (state->topo_cnt || is_counted(node, state)) &&
		 state->gres_cnt_alloc + (uint64_t)__builtin_popcountll(*free) ==
			 (uint64_t)size;
	*free &= ~shared_bits(state, (int)size);
	return agrees ? state : NULL;
}

/* The GPUs of one topology record; none where it is of another size than the node. */
static uint64_t record_bits(const gres_node_state_t *state, int t, int64_t size)
{
	bitstr_t *members = state->topo_gres_bitmap ? state->topo_gres_bitmap[t] : NULL;

	return members && bit_size(members) == size ? gp_bridge_bits(members, (int)size)
						    : 0;
}

uint64_t gp_bridge_of_type(const struct gp_gpus *gpus, const char *type)
{
	const gres_node_state_t *state = gpus->state;
	uint64_t out = 0;

	if (!type || !*type)
		return ~(uint64_t)0 >> (64 - gpus->size);
	for (int t = 0; t < state->topo_cnt; t++)
		if (state->topo_type_name && state->topo_type_name[t] &&
		    strcmp(state->topo_type_name[t], type) == 0)
			out |= record_bits(state, t, gpus->size);
	return out;
}

uint64_t gp_bridge_of_type_id(const gres_node_state_t *state, uint32_t type_id)
{
	int64_t size = bit_size(state->gres_bit_alloc);
	uint64_t out = 0;

	for (int t = 0; state->topo_type_id && t < state->topo_cnt; t++)
		if (state->topo_type_id[t] == type_id)
			out |= record_bits(state, t, size);
	return out;
}

int gp_bridge_links(const struct gp_gpus *gpus, struct gp_bit bit, struct gp_place place)
{
	int links = gpus->state->links_cnt[bit.n][place.n];

	return links > 0 ? links : 0;
}

/* ---- the answer ----------------------------------------------------------------------
 */

bool gp_bridge_counted(const struct gp_job *job, int entry, int node, uint64_t free,
		       uint64_t *gpus)
{
	const gres_job_state_t *state = job->entry[entry];
	uint64_t count;

	*gpus = 0;
	if (!state->gres_cnt_node_select || node < 0 ||
	    (uint32_t)node >= state->total_node_cnt ||
	    (state->gres_bit_select && state->gres_bit_select[node]))
		return false;
	count = state->gres_cnt_node_select[node];
	for (int g = 0; g < GP_MAX_GPUS && count; g++) {
		if (!(free >> g & 1))
			continue;
		*gpus |= bit(g);
		count--;
	}
	return !count;
}

bool gp_bridge_selected(const struct gp_job *job, int entry, int node, int size,
			uint64_t *gpus)
{
	const gres_job_state_t *state = job->entry[entry];
	bitstr_t *bits;

	*gpus = 0;
	if (!state->gres_bit_select || node < 0 ||
	    (uint32_t)node >= state->total_node_cnt)
		return false;
	bits = state->gres_bit_select[node];
	if (!bits || bit_size(bits) != size)
		return false;
	*gpus = gp_bridge_bits(bits, size);
	return true;
}

enum gp_reason gp_bridge_cells(const struct gp_gpus *gpus, const struct gp_job *job,
			       uint64_t cells[GP_MAX_CELLS], int *count)
{
	bool by_type = job->typed && gpus->types > 1;
	int first[GP_MAX_CELLS];

	*count = 0;
	if (!by_type && !job->per_socket)
		return GP_OK;
	for (int g = 0; g < gpus->size; g++) {
		int c = 0;

		if (job->per_socket && __builtin_popcountll(gpus->sockets[g]) != 1)
			return GP_PER_SOCKET;
		while (c < *count &&
		       ((by_type && gpus->type[first[c]] != gpus->type[g]) ||
			(job->per_socket && gpus->sockets[first[c]] != gpus->sockets[g])))
			c++;
		if (c == GP_MAX_CELLS)
			return GP_LIMIT;
		if (c == *count) {
			first[c] = g;
			cells[(*count)++] = 0;
		}
		cells[c] |= bit(g);
	}
	return GP_OK;
}

/* The job's first core bit of a node: the cores of its nodes before that one. */
static int64_t core_offset(const job_record_t *job, const node_record_t *node)
{
	bitstr_t *nodes = job->job_resrcs->node_bitmap;
	int64_t offset = 0;

	for (int64_t n = bit_ffs(nodes); n >= 0 && n < (int64_t)node->index; n++)
		if (bit_test(nodes, n))
			offset += node_record_table_ptr[n]->tot_cores;
	return offset;
}

bool gp_bridge_cores(const job_record_t *job, bitstr_t *held, const node_record_t *node,
		     const struct gp_gpus *gpus, struct gp_cores *cores)
{
	const gres_node_state_t *state = gpus->state;
	int64_t offset = core_offset(job, node);

	held = held ? held : job->job_resrcs->core_bitmap;

	memset(cores, 0, sizeof(*cores));
	if (!held || !node->cores || offset + node->tot_cores > bit_size(held))
		return false;
	for (int core = 0; core < node->tot_cores; core++) {
		if (!bit_test(held, offset + core))
			continue;
		if (core / node->cores < 64)
			cores->sockets |= bit(core / node->cores);
		for (int t = 0; t < state->topo_cnt; t++) {
			bitstr_t *near = state->topo_core_bitmap
						 ? state->topo_core_bitmap[t]
						 : NULL;

			if (near && core < bit_size(near) && bit_test(near, core) &&
			    state->topo_gres_bitmap && state->topo_gres_bitmap[t] &&
			    bit_size(state->topo_gres_bitmap[t]) == gpus->size)
				cores->near |= gp_bridge_bits(state->topo_gres_bitmap[t],
							      gpus->size);
		}
	}
	return true;
}

/* ---- hiding GPUs --------------------------------------------------------------------
 */

bool gp_bridge_hide(const struct gp_gpus *gpus, uint64_t hide, struct gp_hidden *hidden)
{
	gres_node_state_t *state = gpus->state;
	size_t bytes = (size_t)state->topo_cnt * sizeof(uint64_t);

	memset(hidden, 0, sizeof(*hidden));
	if (bytes > sizeof(hidden->topo_alloc))
		return false;
	hidden->state = state;
	hidden->added = hide & gpus->free;
	hidden->count_alloc = state->gres_cnt_alloc;
	memcpy(hidden->topo_alloc, state->topo_gres_cnt_alloc, bytes);
	for (int g = 0; g < gpus->size; g++) {
		if (!(hidden->added & bit(g)))
			continue;
		bit_set(state->gres_bit_alloc, g);
		state->gres_cnt_alloc++;
		for (int t = 0; t < state->topo_cnt; t++)
			if (state->topo_gres_bitmap && state->topo_gres_bitmap[t] &&
			    g < bit_size(state->topo_gres_bitmap[t]) &&
			    bit_test(state->topo_gres_bitmap[t], g))
				state->topo_gres_cnt_alloc[t]++;
	}
	return true;
}

void gp_bridge_unhide(struct gp_hidden *hidden)
{
	gres_node_state_t *state = hidden->state;

	if (!state)
		return;
	for (int g = 0; g < GP_MAX_GPUS; g++)
		if (hidden->added & bit(g))
			bit_clear(state->gres_bit_alloc, g);
	state->gres_cnt_alloc = hidden->count_alloc;
	memcpy(state->topo_gres_cnt_alloc, hidden->topo_alloc,
	       (size_t)state->topo_cnt * sizeof(uint64_t));
	memset(hidden, 0, sizeof(*hidden));
}

/* ---- running jobs -------------------------------------------------------------------
 */

struct held_walk {
	int offset; /* the node's place among the job's nodes */
	uint64_t gpus;
};

static int read_held(void *x, void *arg)
{
	gres_state_t *gres = x;
	struct held_walk *walk = arg;
	gres_job_state_t *entry = gres->gres_data;
	bitstr_t *bits;

	if (!gres->gres_name || strcmp(gres->gres_name, "gpu") != 0 || !entry ||
	    !entry->gres_bit_alloc || (uint32_t)walk->offset >= entry->node_cnt)
		return 0;
	bits = entry->gres_bit_alloc[walk->offset];
	if (bits)
		walk->gpus |= gp_bridge_bits(bits, bit_size(bits) < GP_MAX_GPUS
							   ? (int)bit_size(bits)
							   : GP_MAX_GPUS);
	return 0;
}

void gp_bridge_held(const job_record_t *job,
		    void (*put)(int node, uint32_t job_id, uint64_t gpus, void *arg),
		    void *arg)
{
	struct held_walk walk = {0};
	bitstr_t *nodes = job->job_resrcs ? job->job_resrcs->node_bitmap : NULL;

	if (!nodes || !job->gres_list_alloc)
		return;
	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		if (!bit_test(nodes, n))
			continue;
		walk.gpus = 0;
		(void)list_for_each(job->gres_list_alloc, read_held, &walk);
		put((int)n, job->job_id, walk.gpus, arg);
		walk.offset++;
	}
}

bool gp_bridge_is_settled(const node_record_t *node)
{
	uint32_t base = node->node_state & NODE_STATE_BASE;
	gres_node_state_t *state = gp_bridge_gres(node, "gpu");

	/* After a restart of slurmctld the saved state is that of a node in use. */
	if (state && state->gres_cnt_found == NO_VAL64)
		return false;
	return (base == NODE_STATE_IDLE || base == NODE_STATE_MIXED ||
		base == NODE_STATE_ALLOCATED) &&
	       !(node->node_state & (NODE_STATE_NO_RESPOND | NODE_STATE_POWERED_DOWN));
}

time_t gp_bridge_end(uint32_t job_id)
{
	const job_record_t *job = find_job_record(job_id);

	if (!job || job->time_limit == INFINITE || job->time_limit == NO_VAL)
		return 0;
	return job->end_time;
}

int gp_bridge_seconds_left(uint32_t job_id)
{
	time_t end = gp_bridge_end(job_id), now = time(NULL);

	if (!end)
		return GT_UNKNOWN;
	if (end <= now)
		return 0;
	return end - now < INT_MAX ? (int)(end - now) : INT_MAX;
}

void gp_bridge_nodes(const job_record_t *job,
		     void (*visit)(int node, uint32_t job_id, void *arg), void *arg)
{
	bitstr_t *nodes = job->job_resrcs ? job->job_resrcs->node_bitmap : NULL;

	if (!nodes)
		return;
	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last; n++)
		if (bit_test(nodes, n))
			visit((int)n, job->job_id, arg);
}
