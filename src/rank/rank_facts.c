/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rank_facts.c - write a step's GPUs as variables and keys for its tasks. Called by
 * rank_env.c and gputopo-pmix.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/append.h"
#include "rank/rank_facts.h"
#include "rank/rank_groups.h"

const struct gp_fact_name gp_fact_names[GP_FACTS] = {
	[GP_FACT_VERSION] = {"GPUTOPO_VERSION", "gputopo.version", GP_FACT_IS_TEXT},
	[GP_FACT_GPUS] = {"GPUTOPO_GPUS", "gputopo.gpus", GP_FACT_IS_TEXT},
	[GP_FACT_RING] = {"GPUTOPO_RING", "gputopo.ring", GP_FACT_IS_TEXT},
	[GP_FACT_BW] = {"GPUTOPO_BW", "gputopo.bw", GP_FACT_IS_MATRIX},
	[GP_FACT_BUSBW] = {"GPUTOPO_BUSBW", "gputopo.busbw", GP_FACT_IS_NUMBER},
	[GP_FACT_IDEAL] = {"GPUTOPO_IDEAL", "gputopo.ideal", GP_FACT_IS_NUMBER},
	[GP_FACT_HASH] = {"GPUTOPO_HASH", "gputopo.hash", GP_FACT_IS_TEXT},
	[GP_FACT_GROUPS] = {"GPUTOPO_GROUPS", "gputopo.groups", GP_FACT_IS_TEXT},
	[GP_FACT_NICS] = {"GPUTOPO_NICS", "gputopo.nics", GP_FACT_IS_TEXT},
	[GP_FACT_GPU] = {"GPUTOPO_GPU", "gputopo.gpu", GP_FACT_IS_TEXT},
	[GP_FACT_PEERS] = {"GPUTOPO_PEERS", "gputopo.peers", GP_FACT_IS_TEXT},
	[GP_FACT_GROUP] = {"GPUTOPO_GROUP", "gputopo.group", GP_FACT_IS_TEXT},
	[GP_FACT_TASK_BUSBW] = {"GPUTOPO_TASK_BUSBW", "gputopo.task_busbw",
				GP_FACT_IS_NUMBER},
};

/* ---- the facts ------------------------------------------------------------------------
 */

static float gbps(int mbps)
{
	return mbps > 0 ? (float)mbps / 1000 : 0;
}

static void fill_bandwidth(struct gp_facts *facts, const struct gt_node *node,
			   const struct gt_mask *gpus)
{
	struct gt_table *table;
	struct gt_score score;
	int n = facts->count;

	gt_score_set(node, gpus, &score);
	facts->busbw = gbps(score.busbw_mbps);
	if (gt_table_new(&table, node, NULL, NULL) == GT_OK) {
		facts->ideal = gbps(gt_ideal_busbw_mbps(table, n));
		gt_table_free(table);
	}
	if (n > GP_BW_GPUS)
		return;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			if (i != j)
				facts->bw[i * n + j] = gbps(gt_node_pair_mbps(
					node, facts->gpu[i], facts->gpu[j]));
}

static void fill_nics(struct gp_facts *facts, const struct gt_node *node)
{
	struct gt_append text = gt_append_to(facts->nics, sizeof(facts->nics));

	for (int i = 0; gt_node_nic_count(node) && i < facts->count; i++) {
		const char *comma = i ? ";" : "";

		for (int c = 0; c < gt_node_nic_count(node); c++) {
			const struct gt_nic *nic = gt_node_nic(node, c);

			if (!gt_mask_has(&nic->near, facts->gpu[i]))
				continue;
			gt_append(&text, "%s%s", comma, nic->name);
			comma = ",";
		}
		if (*comma != ',')
			gt_append(&text, "%s-", comma);
	}
	if (text.full)
		facts->nics[0] = '\0';
}

char *gp_facts_near_nics(const struct gt_node *node, const struct gt_mask *gpus,
			 const char *prefix, const char *suffix, char *buf, size_t size)
{
	struct gt_append text = gt_append_to(buf, size);

	for (int c = 0; c < gt_node_nic_count(node); c++) {
		const struct gt_nic *nic = gt_node_nic(node, c);

		if (!gt_mask_meets(&nic->near, gpus))
			continue;
		text.full |= strpbrk(nic->name, ",:;=^/ ") != NULL;
		gt_append(&text, "%s%s%s", text.used ? "," : prefix, nic->name, suffix);
	}
	if (text.full)
		buf[0] = '\0';
	return buf;
}

void gp_facts_make(struct gp_facts *facts, const struct gt_node *node,
		   const struct gt_mask *gpus, uint64_t hash)
{
	struct gt_order order;

	memset(facts, 0, sizeof(*facts));
	facts->hash = hash;
	for (int g = gt_mask_next(gpus, 0); g >= 0 && facts->count < GP_RANK_GPUS;
	     g = gt_mask_next(gpus, g + 1)) {
		facts->shown[facts->count] = g;
		facts->gpu[facts->count++] = g;
	}
	gt_order_find(node, gpus, &order);
	memcpy(facts->ring, order.gpu, (size_t)facts->count * sizeof(facts->ring[0]));
	fill_nics(facts, node);
	if (facts->count > 1)
		fill_bandwidth(facts, node, gpus);
}

void gp_facts_group(struct gp_facts *facts, const struct gt_geometry *groups)
{
	facts->groups = *groups;
	for (int r = 0; groups->count > 0 && r < facts->count; r++)
		facts->ring[r] = groups->gpu[r];
}

int gp_facts_expect(const struct gp_facts *facts, const int *list, int task, int tasks,
		    int *own)
{
	const struct gt_geometry *groups = &facts->groups;
	int start = gp_groups_start(groups, task < groups->count ? task : 0);

	if (tasks == facts->count) {
		own[0] = list[task];
		return 1;
	}
	if (tasks == 1) {
		memcpy(own, list, (size_t)facts->count * sizeof(*own));
		return facts->count;
	}
	if (tasks != groups->count)
		return 0;
	for (int r = 0; r < groups->size[task]; r++)
		own[r] = groups->gpu[start + r];
	return groups->size[task];
}

/* Slurm's number of a GPU. */
static int shown(const struct gp_facts *facts, int gpu)
{
	for (int j = 0; j < facts->count; j++)
		if (facts->gpu[j] == gpu)
			return facts->shown[j];
	return gpu;
}

static void put_shown(const struct gp_facts *facts, const int *gpu, int count,
		      struct gp_fact *fact)
{
	int list[GP_RANK_GPUS];

	for (int i = 0; i < count; i++)
		list[i] = shown(facts, gpu[i]);
	gp_list_write(list, count, fact->text, sizeof(fact->text));
}

static void put_groups(const struct gp_facts *facts, struct gp_fact *fact)
{
	struct gt_append text = gt_append_to(fact->text, sizeof(fact->text));
	int at = 0;

	for (int i = 0; i < facts->groups.count; i++)
		for (int r = 0; r < facts->groups.size[i]; r++)
			gt_append(&text, "%s%d",
				  r   ? ","
				  : i ? ";"
				      : "",
				  shown(facts, facts->groups.gpu[at++]));
}

static void put_matrix(const struct gp_facts *facts, struct gp_fact *fact)
{
	struct gt_append text = gt_append_to(fact->text, sizeof(fact->text));
	int n = facts->count;

	for (int i = 0; i < n * n; i++)
		gt_append(&text, "%s%g",
			  i == 0       ? ""
			  : i % n == 0 ? ";"
				       : ",",
			  (double)facts->bw[i]);
	fact->values = facts->bw;
	fact->count = n * n;
}

static void put_number(const float *value, struct gp_fact *fact)
{
	snprintf(fact->text, sizeof(fact->text), "%g", (double)*value);
	fact->values = value;
	fact->count = 1;
}

bool gp_facts_get(const struct gp_facts *facts, enum gp_fact_id id, struct gp_fact *fact)
{
	fact->count = 0;
	fact->values = NULL;
	fact->known = id < GP_FACT_BW || facts->count > 1;
	if (id == GP_FACT_VERSION)
		snprintf(fact->text, sizeof(fact->text), "%s", gt_version());
	else if (id == GP_FACT_GPUS)
		gp_list_write(facts->shown, facts->count, fact->text, sizeof(fact->text));
	else if (id == GP_FACT_RING)
		put_shown(facts, facts->ring, facts->count, fact);
	else if (id == GP_FACT_BW && facts->count <= GP_BW_GPUS)
		put_matrix(facts, fact);
	else if (id == GP_FACT_BUSBW)
		put_number(&facts->busbw, fact);
	else if (id == GP_FACT_IDEAL)
		put_number(&facts->ideal, fact);
	else if (id == GP_FACT_HASH && facts->hash)
		snprintf(fact->text, sizeof(fact->text), "%016llx",
			 (unsigned long long)facts->hash);
	else if (id == GP_FACT_NICS && facts->nics[0])
		snprintf(fact->text, sizeof(fact->text), "%s", facts->nics);
	else if (id == GP_FACT_GROUPS && facts->groups.count > 0)
		put_groups(facts, fact);
	else
		fact->known = false;
	return fact->known;
}

/* The fastest way from any of the task's GPUs. */
static int reach(const struct gt_node *node, const int *gpu, int count, int other)
{
	int best = -1;

	for (int i = 0; i < count; i++)
		if (gpu[i] == other)
			return -1;
		else if (gt_node_pair_mbps(node, gpu[i], other) > best)
			best = gt_node_pair_mbps(node, gpu[i], other);
	return best < 0 ? 0 : best;
}

static void put_peers(const struct gp_facts *facts, const struct gt_node *node,
		      const int *gpu, int count, struct gp_fact *fact)
{
	int peer[GP_RANK_GPUS], mbps[GP_RANK_GPUS], n = 0;

	for (int i = 0; i < facts->count; i++) {
		int way = reach(node, gpu, count, facts->gpu[i]), at = n;

		if (way < 0)
			continue;
		for (; at > 0 && mbps[at - 1] < way; at--) {
			peer[at] = peer[at - 1];
			mbps[at] = mbps[at - 1];
		}
		peer[at] = facts->gpu[i];
		mbps[at] = way;
		n++;
	}
	put_shown(facts, peer, n, fact);
}

char *gp_facts_local(const struct gp_facts *facts, const int *gpu, int count, char *buf,
		     size_t size)
{
	struct gt_append text = gt_append_to(buf, size);

	for (int i = 0; i < facts->count; i++) {
		int at = 0;

		while (at < count && gpu[at] != facts->gpu[i])
			at++;
		if (at < count)
			gt_append(&text, "%s%d", i ? "," : "", at);
		else
			gt_append(&text, "%s-", i ? "," : "");
	}
	return buf;
}

/* Of two GPUs or more. */
static void put_task_bandwidth(const struct gt_node *node, const int *gpu, int count,
			       struct gp_fact *fact)
{
	struct gt_mask set = {{0}};
	struct gt_score score;

	if (count < 2)
		return;
	for (int i = 0; i < count; i++)
		gt_mask_set(&set, gpu[i]);
	gt_score_set(node, &set, &score);
	fact->number = gbps(score.busbw_mbps);
	put_number(&fact->number, fact);
}

bool gp_facts_of_task(const struct gp_facts *facts, const struct gt_node *node,
		      const int *gpu, int count, enum gp_fact_id id, struct gp_fact *fact)
{
	int group;

	fact->count = 0;
	fact->values = NULL;
	fact->known = count > 0;
	if (id == GP_FACT_GROUP) {
		group = gp_groups_index(&facts->groups, gpu, count);
		snprintf(fact->text, sizeof(fact->text), "%d", group);
		fact->known = group >= 0;
	} else if (id == GP_FACT_TASK_BUSBW) {
		fact->text[0] = '\0';
		put_task_bandwidth(node, gpu, count, fact);
	} else if (id == GP_FACT_GPU)
		put_shown(facts, gpu, count, fact);
	else
		put_peers(facts, node, gpu, count, fact);
	fact->known &= fact->text[0] != '\0';
	return fact->known;
}
