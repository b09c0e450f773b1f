/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What --mig needs of slurm.conf, gres.conf and plugstack.conf: one shard for each memory
 * slice, the job_submit plugin, the prolog at the time of allocation, the option itself.
 */
#define _GNU_SOURCE
#include "config.h"

#include "cli/check_mig.h"
#include "conf/slurm_conf.h"
#include "core/hostlist.h"

#include <string.h>

#define PLUGIN_FILE "spank_gputopo.so"

/* ---- the cluster ---- */

/* Say that a list of slurm.conf lacks a word. */
static void lacks(struct mig *m, int key, const char *word, const char *why)
{
	const struct mig_key *k = &m->key[key];

	if (k->value)
		mig_say(m, k->file, k->line, "", "%s=%.100s has no %s: %s", k->name,
			k->value, word, why);
	else
		mig_say(m, m->check->slurm_path, 0, "", "no %s=%s: %s", k->name, word,
			why);
}

static bool key_has(const struct mig *m, int key, const char *word)
{
	return m->key[key].value && slurm_list_has(m->key[key].value, word);
}

static void check_keys(struct mig *m)
{
	/* Slurm takes these for Alloc too. */
	static const char *const alloc[] = {"Alloc", "Contain", "X11", "RunInJob",
					    "ForceRequeueOnFail"};
	size_t i = 0;

	while (i < sizeof(alloc) / sizeof(alloc[0]) && !key_has(m, MIG_PROLOG, alloc[i]))
		i++;
	if (i == sizeof(alloc) / sizeof(alloc[0]))
		lacks(m, MIG_PROLOG, "Alloc",
		      "the prolog of salloc and srun jobs would make MIG instances too "
		      "late");
	if (!key_has(m, MIG_SUBMIT, "gputopo") &&
	    !key_has(m, MIG_SUBMIT, "job_submit/gputopo"))
		lacks(m, MIG_SUBMIT, "gputopo", "jobs with --mig get no slices");
	if (!key_has(m, MIG_TYPES, "gpu"))
		lacks(m, MIG_TYPES, "gpu", "Slurm gives no GPUs to jobs");
	if (!key_has(m, MIG_TYPES, "shard"))
		lacks(m, MIG_TYPES, "shard", "a shard is a memory slice for --mig");
}

static void check_stack(struct mig *m)
{
	const struct mig_key *key = &m->key[MIG_STACK];
	char path[CHECK_PATH_MAX];

	slurm_path(m->check->slurm_path, key->value ? key->value : "plugstack.conf", path,
		   sizeof(path));
	if (check_plugstack_lacks(path, PLUGIN_FILE))
		mig_say(m, path, 0, "",
			"no line with " PLUGIN_FILE
			": users do not have the option --mig");
}

/* ---- a line of gputopo.conf ---- */

static bool is_cut(const struct gt_node *node, int gpu)
{
	for (int i = 0; i < gt_node_instance_count(node); i++)
		if (gt_node_instance(node, i)->gpu == gpu)
			return true;
	return false;
}

/* GPUs in MIG mode that wait to be cut. One node has one model of them. */
static void survey(struct mig *m, const struct gt_node *node, int line)
{
	struct mig_slices *s = &m->slices;
	const struct gt_mig_gpu *table = NULL, *own;

	s->gpus = gt_node_size(node);
	for (int g = 0; g < s->gpus; g++) {
		const struct gt_gpu *gpu = gt_node_gpu(node, g);

		if (!gpu->mig || is_cut(node, g))
			continue;
		if (gt_mig_gpu_find(&own, gpu->model, NULL)) {
			mig_say(m, m->check->conf_path, line, "",
				"Topology=%.100s: GPU %d is in MIG mode, but gputopo has "
				"no table of MIG profiles for '%.60s'",
				s->spec, g, gpu->model);
			continue;
		}
		if (table && own != table) {
			mig_say(m, m->check->conf_path, line, "",
				"Topology=%.100s: GPUs of several models are in MIG "
				"mode: "
				"--mig does not use them",
				s->spec);
			s->mig = 0;
			return;
		}
		table = own;
		s->units = own->units;
		s->is_mig[g] = true;
		s->mig++;
	}
}

static enum gt_err visit_host(void *arg, const char *host)
{
	struct mig *m = arg;
	struct gp_settings settings;

	gp_conf_node(m->check->conf, host, &settings);
	if (settings.topology != m->spec || settings.mode == GP_MODE_OFF)
		return GT_OK;
	mig_read_files(m);
	m->covered++;
	if (m->has_nodes)
		mig_check_node(m, host);
	if (m->has_shards)
		mig_check_shards(m, host);
	return GT_OK;
}

static void check_line(struct mig *m, int i, int line)
{
	struct gt_site_options options = gp_conf_load_options(m->check->conf, i);
	char path[CHECK_PATH_MAX];
	struct gt_node *node;

	memset(&m->slices, 0, sizeof(m->slices));
	m->slices.spec = m->spec;
	m->covered = m->known = 0;
	check_topology_path(m->check, m->spec, path);
	if (gt_node_load_site(&node, path, &options, NULL))
		return; /* said already */
	survey(m, node, line);
	gt_node_free(node);
	if (m->slices.mig)
		gt_hostlist_each(gp_conf_hosts(m->check->conf, i), visit_host, m, NULL);
	/* nodes that come by themselves (MaxNodeCount=) need no line */
	if (m->covered && m->has_nodes && !m->known && !m->key[MIG_DYNAMIC].value)
		mig_say(m, m->check->conf_path, line, "",
			"these nodes, which have GPUs in MIG mode, are missing in %.200s",
			m->check->slurm_path);
}

void check_mig(struct check *check)
{
	struct mig m = {.check = check,
			.key = {[MIG_PROLOG] = {.name = "PrologFlags"},
				[MIG_SUBMIT] = {.name = "JobSubmitPlugins"},
				[MIG_TYPES] = {.name = "GresTypes"},
				[MIG_STACK] = {.name = "PlugStackConfig"},
				[MIG_DYNAMIC] = {.name = "MaxNodeCount"}}};
	int line = 0;

	for (int i = 0; (m.spec = gp_conf_topology(check->conf, i, &line)); i++)
		check_line(&m, i, line);
	if (m.has_nodes) {
		check_keys(&m);
		check_stack(&m);
	}
	mig_free_files(&m);
}
