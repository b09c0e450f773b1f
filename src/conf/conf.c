/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf.c - what gputopo.conf, as conf_read.c has read it, says of a node. Called by the
 * select plugin, gputopo check, gputopo sim --conf and the node side.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/conf_keys.h"
#include "core/append.h"
#include "core/hostlist.h"

const char *const gp_key_names[KEY_COUNT] = {
	[KEY_MODE] = "Mode",
	[KEY_NODE_NAME] = "NodeName",
	[KEY_TOPOLOGY] = "Topology",
	[KEY_DOMAIN] = "Domain",
	[KEY_MODEL] = "Model",
	[KEY_NIC_RATE] = "NicRate",
	[KEY_NIC_IGNORE] = "NicIgnore",
	[KEY_POLICY] = "Policy",
	[KEY_NODE_CHOICE] = "NodeChoice",
	[KEY_SPLIT] = "Split",
	[KEY_STEP_CHOICE] = "StepChoice",
	[KEY_MIN_RATIO] = "MinRatio",
	[KEY_JOB_SIZE_MIX] = "JobSizeMix",
	[KEY_AVOID] = "Avoid",
	[KEY_DECISION_LOG] = "DecisionLog",
	[KEY_METRICS_FILE] = "MetricsFile",
	[KEY_ADMIN_COMMENT] = "AdminComment",
	[KEY_MIG_STRAY] = "MigStray",
	[KEY_MIG_POLICY] = "MigPolicy",
};

const char *const gp_mode_words[] = {"enforce", "observe", "off", NULL};

const struct gp_settings gp_conf_defaults = {
	.mode = GP_MODE_ENFORCE,
	.policy = GT_POLICY_BANDWIDTH,
	.node_choice = true,
	.split = true,
	.step_choice = true,
};

void gp_conf_free(struct gp_conf *conf)
{
	if (!conf)
		return;
	for (int i = 0; i < conf->group_count; i++) {
		free(conf->groups[i].hosts);
		free(conf->groups[i].topology);
		free(conf->groups[i].domain);
		free(conf->groups[i].model);
		free(conf->groups[i].nic_ignored);
	}
	for (int i = 0; i < conf->avoid_count; i++)
		free(conf->avoids[i].host);
	free(conf->groups);
	free(conf->avoids);
	free(conf->decision_log);
	free(conf->metrics_file);
	free(conf->file);
	free(conf);
}

/* Lay what the group gives over *out. */
static void overlay(const struct group *group, struct gp_settings *out)
{
	const struct gp_settings *in = &group->settings;
	unsigned int given = group->given;

	if (given & (1u << KEY_MODE))
		out->mode = in->mode;
	if (given & (1u << KEY_POLICY))
		out->policy = in->policy;
	if (given & (1u << KEY_NODE_CHOICE))
		out->node_choice = in->node_choice;
	if (given & (1u << KEY_SPLIT))
		out->split = in->split;
	if (given & (1u << KEY_STEP_CHOICE))
		out->step_choice = in->step_choice;
	if (given & (1u << KEY_MIN_RATIO))
		out->min_ratio = in->min_ratio;
	if (given & (1u << KEY_JOB_SIZE_MIX))
		out->mix = in->mix;
	if (given & (1u << KEY_MIG_POLICY))
		out->mig_policy = in->mig_policy;
	if (given & (1u << KEY_MIG_STRAY))
		out->mig_stray = in->mig_stray;
	if (group->topology) {
		out->topology = group->topology;
		out->read = in->read;
	}
	if (group->domain)
		out->domain = group->domain;
}

void gp_conf_node(const struct gp_conf *conf, const char *node, struct gp_settings *out)
{
	*out = gp_conf_defaults;
	out->mix = gt_mix_default();
	for (int i = 0; i < conf->group_count; i++)
		if (!conf->groups[i].hosts ||
		    gt_hostlist_has(conf->groups[i].hosts, node))
			overlay(&conf->groups[i], out);
	for (int i = 0; i < conf->avoid_count; i++)
		if (gt_hostlist_has(conf->avoids[i].host, node))
			out->avoid = gt_mask_or(&out->avoid, &conf->avoids[i].gpus);
}

bool gp_conf_is_off(const struct gp_conf *conf)
{
	if (conf->groups[0].settings.mode != GP_MODE_OFF)
		return false;
	for (int i = 1; i < conf->group_count; i++)
		if ((conf->groups[i].given & (1u << KEY_MODE)) &&
		    conf->groups[i].settings.mode != GP_MODE_OFF)
			return false;
	return true;
}

/* Each key for itself: a line may give a node one, and another line the other. */
bool gp_conf_chooses(const struct gp_conf *conf)
{
	bool enforces = conf->groups[0].settings.mode == GP_MODE_ENFORCE;
	bool chooses = conf->groups[0].settings.node_choice;

	for (int i = 1; i < conf->group_count; i++) {
		const struct group *group = &conf->groups[i];

		enforces |= (group->given & (1u << KEY_MODE)) &&
			    group->settings.mode == GP_MODE_ENFORCE;
		chooses |= (group->given & (1u << KEY_NODE_CHOICE)) &&
			   group->settings.node_choice;
	}
	return enforces && chooses;
}

const char *gp_conf_file(const struct gp_conf *conf)
{
	return conf->file;
}

const char *gp_conf_decision_log(const struct gp_conf *conf)
{
	return conf->decision_log;
}

const char *gp_conf_metrics_file(const struct gp_conf *conf)
{
	return conf->metrics_file;
}

bool gp_conf_admin_comment(const struct gp_conf *conf)
{
	return conf->admin_comment;
}

char *gp_conf_non_default(const struct gp_conf *conf, const char *names, char *buf,
			  size_t size)
{
	struct gt_append text = gt_append_to(buf, size);

	for (int i = 0; i < KEY_COUNT; i++)
		if (strstr(names, gp_key_names[i]) && (conf->changed & (1u << i)))
			gt_append(&text, "%s%s", text.used ? ", " : "", gp_key_names[i]);
	return buf;
}

const char *gp_mode_name(enum gp_mode mode)
{
	return gp_mode_words[mode];
}
