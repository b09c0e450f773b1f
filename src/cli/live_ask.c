/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * live_ask.c - what a job asks for, and whether a node can meet it, by the rules of the
 * select plugin: plugin/ctld/request/wish.c decides the same with the same calls of the
 * library. Called by gputopo job and why.
 */
#include "config.h"

#include "cli/live_ask.h"
#include "core/hostlist.h"
#include "sim/site.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the request ---- */

/* "gres:gpu:aa:2", "gres/gpu=2,license/x=1": GPUs of one TRES list. */
static int read_tres(struct live_ask *ask, const char *tres)
{
	int count = 0;

	for (const char *at = tres ? tres : ""; *at;) {
		size_t length = strcspn(at, ",;");
		char item[256], *word = item, *end;
		const char *next = at + length + (at[length] != '\0');

		snprintf(item, sizeof(item), "%.*s", (int)length, at);
		at = next;
		if (!strncmp(word, "gres:", 5) || !strncmp(word, "gres/", 5))
			word += 5;
		if (strncmp(word, "gpu", 3) != 0 || (word[3] && !strchr(":=", word[3])))
			continue;
		word += 3 + (word[3] != '\0');
		end = strrchr(word, ':');
		end = end ? end : strrchr(word, '=');
		if (isdigit((unsigned char)*word) && !end) {
			count += atoi(word);
			continue;
		}
		if (end && isdigit((unsigned char)end[1])) {
			count += atoi(end + 1);
			*end = '\0';
		} else {
			count++;
		}
		if (*word) {
			ask->typed = true;
			snprintf(ask->type, sizeof(ask->type), "%.63s", word);
		}
	}
	return count;
}

static void read_counts(struct live_ask *ask, const struct live_job *job)
{
	int tasks = job->tasks > 0 ? (int)job->tasks : 1;

	if ((ask->total = read_tres(ask, job->per_job)) > 0) {
		ask->per_job = true;
		ask->count = ask->total % ask->nodes ? 0 : ask->total / ask->nodes;
	} else if ((ask->count = read_tres(ask, job->per_node)) > 0) {
		ask->total = ask->count * ask->nodes;
	} else if ((ask->total = read_tres(ask, job->per_task) * tasks) > 0) {
		ask->count = ask->total % ask->nodes ? 0 : ask->total / ask->nodes;
	}
}

static bool read_gbps(const char *text, int *mbps)
{
	size_t digits = strspn(text, "0123456789."), length = strlen(text);
	double gbps;

	if (!digits || digits != length || length > 16)
		return false;
	gbps = strtod(text, NULL);
	if (!(gbps > 0 && gbps < 1e6))
		return false;
	*mbps = (int)(gbps * 1000 + 0.5);
	return true;
}

bool live_ask_option(struct live_ask *ask, const char *option)
{
	const char *value = strchr(option, '=');
	size_t name = value ? (size_t)(value - option) : strlen(option);

	value = value ? value + 1 : "";
	if (name == 10 && !strncmp(option, "--gpu-topo", name)) {
		ask->ring = !strcmp(value, "ring");
		ask->off = !strcmp(value, "off");
		ask->preserve = !strcmp(value, "any");
		return ask->ring || ask->off || ask->preserve || !strcmp(value, "best");
	}
	if (name == 15 && !strncmp(option, "--gpu-min-busbw", name))
		return read_gbps(value, &ask->min_mbps);
	if (name == 12 && !strncmp(option, "--gpu-groups", name)) {
		ask->shaped |= gt_groups_parse(&ask->groups, value, NULL) == GT_OK;
		return ask->groups.count > 0;
	}
	if (name == 10 && !strncmp(option, "--gpu-comm", name))
		ask->shaped = true;
	return gt_comm_parse(&ask->comm, value, NULL) == GT_OK;
	return false;
}

/* Of "gputopo: n0 0,3 20 GB/s; --gpu-topo=ring --gpu-min-busbw=40" the options. */
static void read_wish(struct live_ask *ask, const char *comment)
{
	char text[sizeof(ask->wish)], *at = text, *word;
	size_t used = 0;

	if (!comment || strncmp(comment, LIVE_COMMENT, strlen(LIVE_COMMENT)) != 0)
		return;
	snprintf(text, sizeof(text), "%s", comment + strlen(LIVE_COMMENT));
	while ((word = strsep(&at, " "))) {
		int n;

		if (strncmp(word, "--", 2) != 0)
			continue;
		(void)live_ask_option(ask, word);
		n = snprintf(ask->wish + used, sizeof(ask->wish) - used, "%s%s",
			     used ? " " : "", word);
		if (n > 0 && (size_t)n < sizeof(ask->wish) - used)
			used += (size_t)n;
	}
}

void live_ask_read(struct live_ask *ask, const struct live_job *job)
{
	*ask = (struct live_ask){.nodes = job->min_nodes > 1 ? (int)job->min_nodes : 1};
	read_counts(ask, job);
	read_wish(ask, job->admin_comment);
	ask->cpus = (job->cpus + ask->nodes - 1) / ask->nodes;
	ask->memory = job->memory_node ? job->memory_node : job->memory_cpu * ask->cpus;
}

bool live_ask_is_wish(const struct live_ask *ask)
{
	return ask->ring || ask->min_mbps;
}

/* ---- wishes, as the plugin has them ---- */

static bool binds(const struct live_ask *ask, const struct live_kind *kind)
{
	bool groups = ask->groups.count > 0;

	return (ask->count > 1 || groups) && kind->settings.mode == GP_MODE_ENFORCE &&
	       !ask->off &&
	       (live_ask_is_wish(ask) || groups || kind->settings.min_ratio > 0);
}

/* What to ask the library for; false: count GPUs are no whole patterns of the groups. */
static bool make_want(const struct live_ask *ask, struct gt_groups *groups,
		      struct live_want *want)
{
	int sum = gt_groups_sum(&ask->groups);

	*groups = ask->groups;
	*want = (struct live_want){.count = ask->count,
				   .groups = sum ? groups : NULL,
				   .comm = ask->comm,
				   .shaped = ask->shaped};
	return !sum || sum == ask->count ||
	       (ask->nodes > 1 && gt_groups_repeat(groups, ask->count));
}

/* The bandwidth that the GPUs must have; 0: any will do. */
static int need_mbps(const struct live_ask *ask, const struct live_kind *kind,
		     const struct live_want *want)
{
	struct live_set idle;

	if (!binds(ask, kind) || !kind->table)
		return 0;
	if (live_ask_is_wish(ask))
		return ask->min_mbps;
	if (kind->settings.min_ratio <= 0 || !live_pick(kind, kind->whole, want, &idle))
		return 0;
	return (int)(kind->settings.min_ratio * idle.ideal_mbps);
}

bool live_met(const struct live_ask *ask, const struct live_kind *kind, uint64_t free,
	      struct live_set *set)
{
	bool asked = live_ask_is_wish(ask);
	struct gt_groups groups;
	struct live_want want;

	*set = (struct live_set){0};
	if (__builtin_popcountll(free) < ask->count)
		return false;
	if (!make_want(ask, &groups, &want))
		return !binds(ask, kind);
	if (!binds(ask, kind)) {
		live_pick(kind, free, &want, set);
		return true;
	}
	if (!kind->table || __builtin_popcountll(free & kind->whole) < ask->count)
		return !asked || ask->count < 2;
	want.min_mbps = need_mbps(ask, kind, &want);
	if (!live_pick(kind, free, &want, set)) {
		/* what it could have without the wish */
		want.min_mbps = 0;
		live_pick(kind, free, &want, set);
		return ask->count < 2;
	}
	return !ask->ring || set->ring || ask->count < 2;
}

/* ---- nodes ---- */

static bool in_partition(const struct live_job *job, const struct live_node *node)
{
	char names[1024], *at = names, *name;

	snprintf(names, sizeof(names), "%s", job->partition ? job->partition : "");
	while ((name = strsep(&at, ",")))
		if (live_list_has(node->partitions, name))
			return true;
	return false;
}

bool live_may_have(const struct live_job *job, const struct live_node *node)
{
	if (!in_partition(job, node) ||
	    (job->excluded && gt_hostlist_has(job->excluded, node->name)) ||
	    (job->required && job->min_nodes <= 1 &&
	     !gt_hostlist_has(job->required, node->name)))
		return false;
	return !job->features ||
	       sim_features_match(job->features, node->features ? node->features : "");
}

void live_judge(const struct live_ask *ask, const struct live_job *job,
		const struct live_node *node, struct live_verdict *verdict)
{
	const struct live_kind *kind = node->kind;
	uint64_t all = live_of_type(node, ask->type), free = live_free(node, ask->type);
	struct live_set idle;

	*verdict = (struct live_verdict){.block = LIVE_BARRED};
	if (!live_may_have(job, node))
		return;
	verdict->free = __builtin_popcountll(free);
	if (!kind || __builtin_popcountll(all) < ask->count) {
		verdict->block = LIVE_FEW;
		return;
	}
	if (!live_met(ask, kind, all, &idle))
		verdict->block = LIVE_UNMET;
	else if (!node->usable)
		verdict->block = LIVE_CLOSED;
	else if (verdict->free < ask->count)
		verdict->block = LIVE_BUSY;
	else if (!live_met(ask, kind, free, &verdict->best))
		verdict->block = LIVE_LINKS;
	else if ((node->cpus && node->cpus - node->cpus_used < ask->cpus) ||
		 (node->memory && node->memory - node->memory_used < ask->memory) ||
		 (job->whole && node->cpus_used))
		verdict->block = LIVE_NO_CORES;
	else
		verdict->block = LIVE_STARTS;
	if (verdict->block == LIVE_UNMET && verdict->free >= ask->count)
		live_met(ask, kind, free, &verdict->best);
}

/* ---- who holds what, until when ---- */

uint64_t live_held(const struct live_job *job, const char *node)
{
	uint64_t bits = 0;

	for (int p = 0; p < job->places; p++)
		if (job->place[p].nodes && gt_hostlist_has(job->place[p].nodes, node))
			bits |= job->place[p].gpus;
	return bits;
}

time_t live_when(const struct live *live, const struct live_ask *ask,
		 const struct live_node *node, time_t now, uint64_t *free)
{
	uint64_t type = live_of_type(node, ask->type), all = type;
	time_t last = 0;
	struct live_set set;

	*free = live_free(node, ask->type);
	if (!node->kind)
		return -1;
	if (node->usable && live_met(ask, node->kind, *free, &set))
		return 0;
	if (!node->usable || !live_met(ask, node->kind, all, &set))
		return -1;
	for (;;) {
		time_t next = 0;

		for (int j = 0; j < live->jobs; j++) {
			const struct live_job *job = &live->job[j];
			time_t end = job->end && job->end <= now ? now + 1 : job->end;

			if (end > last && (!next || end < next) &&
			    live_held(job, node->name))
				next = end;
		}
		if (!next)
			return -2;
		for (int j = 0; j < live->jobs; j++) {
			time_t end = live->job[j].end;

			end = end && end <= now ? now + 1 : end;
			if (end && end <= next)
				*free |= live_held(&live->job[j], node->name) & type;
		}
		if (live_met(ask, node->kind, *free, &set))
			return next;
		last = next;
	}
}

const struct live_job *live_find_job(const struct live *live, const char *id)
{
	char *end;
	long number = strtol(id, &end, 10);

	if (end == id || (*end && *end != '_'))
		return NULL;
	for (int i = 0; i < live->jobs; i++) {
		const struct live_job *job = &live->job[i];

		if (*end == '_') {
			struct gt_mask tasks;
			char list[256];

			/* pending tasks stand together: "2-4", "5-99%8" */
			snprintf(list, sizeof(list), "%s",
				 job->array_task ? job->array_task : "");
			list[strcspn(list, "%")] = '\0';
			if (job->array_job == number &&
			    (!strcmp(list, end + 1) ||
			     (!gt_mask_parse(&tasks, list, GT_MAX_GPUS, NULL) &&
			      atoi(end + 1) < GT_MAX_GPUS &&
			      gt_mask_has(&tasks, atoi(end + 1)))))
				return job;
		} else if (job->id == number) {
			return job;
		}
	}
	return NULL;
}
