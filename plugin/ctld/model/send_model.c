/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * send_model.c - put the models of a job's nodes into one variable of its environment.
 * Called when a job begins.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/common/wish_names.h"
#include "plugin/ctld/model/send_model.h"
#include "plugin/slurm/job_env.h"
#include "conf/compact.h"
#include "core/append.h"

#define MAX_PARCELS 16 /* node types of one job */

/* The job's nodes by what they are told: one binding of each kind. Slurm's host lists
 * exit without memory, so that names are written out one by one. */
struct parcels {
	const struct gp_binding *kind[MAX_PARCELS];
	int count;
};

static bool same(const struct gp_binding *a, const struct gp_binding *b)
{
	return a->table == b->table && a->size == b->size &&
	       memcmp(a->to_model, b->to_model, (size_t)a->size * sizeof(*a->to_model)) ==
		       0;
}

/* What a node is told, or NULL. */
static const struct gp_binding *told(const struct gp_models *models, int64_t node)
{
	const struct gp_binding *binding = gp_models_recall(models, (int)node);

	return binding && binding->table && binding->settings.mode == GP_MODE_ENFORCE
		       ? binding
		       : NULL;
}

static void collect(struct parcels *parcels, bitstr_t *nodes,
		    const struct gp_models *models)
{
	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		const struct gp_binding *binding =
			bit_test(nodes, n) ? told(models, n) : NULL;
		int i = 0;

		while (binding && i < parcels->count && !same(parcels->kind[i], binding))
			i++;
		if (binding && i == parcels->count && i < MAX_PARCELS)
			parcels->kind[parcels->count++] = binding;
	}
}

static void add_hosts(struct gt_append *text, const struct gp_binding *kind,
		      bitstr_t *nodes, const struct gp_models *models)
{
	const char *comma = "";

	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		const struct gp_binding *binding =
			bit_test(nodes, n) ? told(models, n) : NULL;

		if (!binding || !same(binding, kind))
			continue;
		/* Marks of ours in a name would be read as such. */
		if (strpbrk(node_record_table_ptr[n]->name, "[]{},;= "))
			continue;
		gt_append(text, "%s%s", comma, node_record_table_ptr[n]->name);
		comma = ",";
	}
}

/* "=ORDER", where the gres bits are not the model's numbers. */
static void add_order(struct gt_append *text, const struct gp_binding *binding)
{
	bool permuted = false;

	for (int g = 0; g < binding->size; g++)
		permuted |= binding->to_model[g].n != g;
	for (int g = 0; permuted && g < binding->size; g++)
		gt_append(text, "%c%d", g ? ',' : '=', binding->to_model[g].n);
}

/* "NODES=HASH=WORD[=ORDER]" behind what is there, or nothing where there is no room. */
static void put_parcel(struct gt_append *text, const struct gp_binding *kind,
		       bitstr_t *nodes, struct gp_models *models)
{
	const char *word = gp_models_word(models, kind);
	size_t before = text->used;

	if (!*word)
		return;
	if (before)
		gt_append(text, ";");
	add_hosts(text, kind, nodes, models);
	gt_append(text, "=%s", word);
	add_order(text, kind);
	if (text->full) {
		text->used = before;
		text->buf[before] = '\0';
		text->full = false;
	}
}

/* For salloc's shell and batch scripts of one node: the GPUs that the job has, by the
 * model's numbers, and their bandwidth. */
static void send_set(const job_record_t *job, const struct gp_binding *binding, int node)
{
	uint64_t gpus = 0, bits;
	struct gp_job asked;
	struct gt_score score;
	struct gt_mask set;
	char buf[256];
	struct gt_append text = gt_append_to(buf, sizeof(buf));

	if (gp_bridge_job(job, &asked) != GP_OK)
		return;
	for (int e = 0; e < asked.entries; e++)
		if (gp_bridge_selected(&asked, e, node, binding->size, &bits))
			gpus |= bits;
	set = gp_binding_to_model(binding, gpus);
	if ((gpus & binding->instances) || !gt_mask_count(&set))
		return;
	for (int g = gt_mask_next(&set, 0); g >= 0; g = gt_mask_next(&set, g + 1))
		gt_append(&text, "%s%d", text.used ? "," : "", g);
	gp_job_env_tell(job, "GPUTOPO_GPUS", buf);
	if (gt_mask_count(&set) < 2)
		return;
	gt_score_set(gt_table_node(binding->table), &set, &score);
	text = gt_append_to(buf, sizeof(buf));
	gt_append(&text, "%g", score.busbw_mbps / 1000.0);
	gp_job_env_tell(job, "GPUTOPO_BUSBW", buf);
}

void gp_send_models(const job_record_t *job, struct gp_models *models)
{
	struct parcels parcels = {.count = 0};
	char value[GP_MODELS_MAX];
	struct gt_append text = gt_append_to(value, sizeof(value));
	bitstr_t *nodes = job->job_resrcs ? job->job_resrcs->node_bitmap : NULL;

	if (!job->details || !job->gres_list_req || !nodes || !models)
		return;
	collect(&parcels, nodes, models);
	for (int i = 0; i < parcels.count; i++)
		put_parcel(&text, parcels.kind[i], nodes, models);
	if (text.used)
		gp_job_env_tell(job, GP_ENV_MODELS, value);
	if (parcels.count == 1 && bit_set_count(nodes) == 1)
		send_set(job, parcels.kind[0], (int)bit_ffs(nodes));
	if (parcels.count && parcels.kind[0]->settings.step_choice && GP_SEES_STEPS(job))
		gp_job_env_tell(job, GP_ENV_STEPS, "yes");
}
