/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carry.c - one environment variable for a job that begins.
 */
#include "plugin/compat.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/carry.h"
#include "plugin/compact.h"
#include "plugin/node_model.h"

#define MAX_PARCELS 16 /* node types of one job */

/* Nodes of a job that are told the same. */
struct parcel {
	const struct gp_binding *binding;
	bitstr_t *nodes;
};

struct parcels {
	struct parcel parcel[MAX_PARCELS];
	int count;
};

static bool same(const struct gp_binding *a, const struct gp_binding *b)
{
	return a->table == b->table && a->size == b->size &&
	       memcmp(a->to_model, b->to_model, (size_t)a->size * sizeof(int)) == 0;
}

static void add_node(struct parcels *parcels, const struct gp_binding *binding, int node,
		     int64_t nodes)
{
	struct parcel *parcel = parcels->parcel;
	int i = 0;

	while (i < parcels->count && !same(parcel[i].binding, binding))
		i++;
	if (i == MAX_PARCELS)
		return;
	if (i == parcels->count) {
		parcel[i].binding = binding;
		parcel[i].nodes = bit_alloc(nodes);
		parcels->count++;
	}
	bit_set(parcel[i].nodes, node);
}

static void collect(struct parcels *parcels, const job_record_t *job,
		    const struct gp_models *models)
{
	bitstr_t *nodes = job->job_resrcs->node_bitmap;

	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		const struct gp_binding *binding;

		if (!bit_test(nodes, n))
			continue;
		binding = gp_models_recall(models, (int)n);
		if (binding && binding->table &&
		    binding->settings.mode == GP_MODE_ENFORCE)
			add_node(parcels, binding, (int)n, bit_size(nodes));
	}
}

static bool is_permuted(const struct gp_binding *binding)
{
	for (int g = 0; g < binding->size; g++)
		if (binding->to_model[g] != g)
			return true;
	return false;
}

/* "NODES=HASH=WORD" behind what is there; used stays where there is no room. */
static void put_parcel(char *buf, size_t size, size_t *used, const struct parcel *parcel)
{
	const struct gp_binding *binding = parcel->binding;
	char word[GP_COMPACT_MAX], order[GP_MAX_GPUS * 4] = "";
	char *hosts = bitmap2node_name(parcel->nodes);
	int n;

	if (gp_compact_write(gt_table_node(binding->table), word, sizeof(word))) {
		uint64_t hash = gp_compact_hash(word, strlen(word));

		if (is_permuted(binding))
			gp_list_write(binding->to_model, binding->size, order,
				      sizeof(order));
		n = snprintf(buf + *used, size - *used, "%s%s=%016llx=%s%s%s",
			     *used ? ";" : "", hosts, (unsigned long long)hash, word,
			     order[0] ? "=" : "", order);
		if (n > 0 && (size_t)n < size - *used)
			*used += (size_t)n;
		buf[*used] = '\0';
	}
	xfree(hosts);
}

/* A requeued job has the variable of its last start. */
static void set_variable(const job_record_t *job, const char *value)
{
	__typeof__(job->details) details = job->details;
	size_t name = strlen(GP_ENV_MODELS "="), size = name + strlen(value) + 1;
	int at = 0;

	while (at < details->env_cnt &&
	       strncmp(details->env_sup[at], GP_ENV_MODELS "=", name) != 0)
		at++;
	if (at == details->env_cnt) {
		xrecalloc(details->env_sup, details->env_cnt + 1, sizeof(char *));
		details->env_cnt++;
	} else {
		xfree(details->env_sup[at]);
	}
	details->env_sup[at] = xmalloc(size);
	snprintf(details->env_sup[at], size, GP_ENV_MODELS "=%s", value);
}

void gp_carry_models(const job_record_t *job, const struct gp_models *models)
{
	struct parcels parcels = {.count = 0};
	char value[GP_CARRY_MAX] = "";
	size_t used = 0;

	if (!job->details || !job->gres_list_req || !job->job_resrcs ||
	    !job->job_resrcs->node_bitmap || !models)
		return;
	collect(&parcels, job, models);
	for (int i = 0; i < parcels.count; i++) {
		put_parcel(value, sizeof(value), &used, &parcels.parcel[i]);
		FREE_NULL_BITMAP(parcels.parcel[i].nodes);
	}
	if (used)
		set_variable(job, value);
}
