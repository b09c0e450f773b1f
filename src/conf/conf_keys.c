/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_keys.c - the keys of gputopo.conf and the values that each accepts. Called by
 * conf.c.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/conf_keys.h"
#include "core/hostlist.h"

enum gt_err gp_key_bad(const struct place *at, const char *key, const char *value,
		       const char *wanted)
{
	return gt_fail_at(at->err, GT_EPARSE, at->conf->file, at->line, at->column,
			  "%s=%.64s: %s", key, value, wanted);
}

enum gt_err gp_key_no_memory(const struct place *at)
{
	return gt_fail(at->err, GT_ENOMEM, "out of memory");
}

enum gt_err gp_key_string(const struct place *at, char **to, const char *value)
{
	free(*to);
	*to = strdup(value);
	return *to ? GT_OK : gp_key_no_memory(at);
}

/* The position of value in a NULL-ended list of words, or -1. */
static int word_of(const char *value, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (strcasecmp(value, words[i]) == 0)
			return i;
	return -1;
}

static const char *const policy_words[] = {"bandwidth", "preserve", NULL};
static const char *const yes_words[] = {"no", "yes", NULL};
static const char *const stray_words[] = {"remove", "drain", NULL};
static const char *const mig_policy_words[] = {"pack", "spread", NULL};

static void note_change(struct place *at, enum key key, bool differs)
{
	if (differs)
		at->conf->changed |= 1u << key;
}

static enum gt_err set_mode(struct place *at, const char *value)
{
	int word = word_of(value, gp_mode_words);

	if (word < 0)
		return gp_key_bad(at, "Mode", value, "must be enforce, observe or off");
	at->group->settings.mode = (enum gp_mode)word;
	note_change(at, KEY_MODE, word != GP_MODE_ENFORCE);
	return GT_OK;
}

static enum gt_err set_policy(struct place *at, const char *value)
{
	int word = word_of(value, policy_words);

	if (word < 0)
		return gp_key_bad(at, "Policy", value, "must be bandwidth or preserve");
	at->group->settings.policy = (enum gt_policy)word;
	note_change(at, KEY_POLICY, word != GT_POLICY_BANDWIDTH);
	return GT_OK;
}

static enum gt_err set_yes(struct place *at, enum key key, const char *value, bool *to)
{
	int word = word_of(value, yes_words);

	if (word < 0)
		return gp_key_bad(at, gp_key_names[key], value, "must be yes or no");
	note_change(at, key, *to != (word == 1)); /* it has the default */
	*to = word == 1;
	return GT_OK;
}

static enum gt_err set_node_choice(struct place *at, const char *value)
{
	return set_yes(at, KEY_NODE_CHOICE, value, &at->group->settings.node_choice);
}

static enum gt_err set_split(struct place *at, const char *value)
{
	return set_yes(at, KEY_SPLIT, value, &at->group->settings.split);
}

static enum gt_err set_step_choice(struct place *at, const char *value)
{
	return set_yes(at, KEY_STEP_CHOICE, value, &at->group->settings.step_choice);
}

static enum gt_err set_admin_comment(struct place *at, const char *value)
{
	return set_yes(at, KEY_ADMIN_COMMENT, value, &at->conf->admin_comment);
}

static enum gt_err set_min_ratio(struct place *at, const char *value)
{
	char *end;
	double ratio = strtod(value, &end);

	if (!isdigit((unsigned char)value[0]) || *end || !(ratio >= 0 && ratio <= 1))
		return gp_key_bad(at, "MinRatio", value, "must be a number from 0 to 1");
	at->group->settings.min_ratio = ratio;
	note_change(at, KEY_MIN_RATIO, ratio > 0);
	return GT_OK;
}

static enum gt_err set_mix(struct place *at, const char *value)
{
	struct gt_error inner;

	if (gt_mix_parse(&at->group->settings.mix, value, &inner) != GT_OK)
		return gp_key_bad(at, "JobSizeMix", value, inner.text);
	note_change(at, KEY_JOB_SIZE_MIX, true);
	return GT_OK;
}

static enum gt_err set_topology(struct place *at, const char *value)
{
	if (strcmp(value, "-") == 0 || strcmp(value, "live") == 0)
		return gp_key_bad(at, "Topology", value,
				  "must be a file or builtin:NAME");
	return gp_key_string(at, &at->group->topology, value);
}

static enum gt_err set_domain(struct place *at, const char *value)
{
	note_change(at, KEY_DOMAIN, true);
	return gp_key_string(at, &at->group->domain, value);
}

static enum gt_err set_model(struct place *at, const char *value)
{
	int link_mbps, pcie_mbps;

	if (!gt_gpu_model_speeds(value, &link_mbps, &pcie_mbps))
		return gp_key_bad(
			at, "Model", value,
			"must be a GPU model that gputopo has figures for, such as "
			"A100-PCIE-40GB");
	note_change(at, KEY_MODEL, true);
	return gp_key_string(at, &at->group->model, value);
}

static enum gt_err set_nic_rate(struct place *at, const char *value)
{
	char *end;
	double gbps = strtod(value, &end);

	if (!isdigit((unsigned char)value[0]) || *end || !(gbps >= 0.001 && gbps <= 1e4))
		return gp_key_bad(at, "NicRate", value,
				  "must be a number of GB/s, one way, such as 50");
	at->group->settings.read.nic_mbps = (int)(gbps * 1000 + .5);
	note_change(at, KEY_NIC_RATE, true);
	return GT_OK;
}

static enum gt_err set_nic_ignore(struct place *at, const char *value)
{
	size_t len = strlen(value);

	if (value[0] == ',' || value[len - 1] == ',' || strstr(value, ",,") ||
	    len >= GT_NIC_GLOBS_MAX)
		return gp_key_bad(at, "NicIgnore", value,
				  "must be names or globs of NICs such as eno*,mlx5_2");
	note_change(at, KEY_NIC_IGNORE, true);
	return gp_key_string(at, &at->group->nic_ignored, value);
}

static enum gt_err set_decision_log(struct place *at, const char *value)
{
	note_change(at, KEY_DECISION_LOG, true);
	at->conf->decision_line = at->line;
	return gp_key_string(at, &at->conf->decision_log, value);
}

static enum gt_err set_metrics_file(struct place *at, const char *value)
{
	note_change(at, KEY_METRICS_FILE, true);
	at->conf->metrics_line = at->line;
	return gp_key_string(at, &at->conf->metrics_file, value);
}

static enum gt_err set_mig_stray(struct place *at, const char *value)
{
	int word = word_of(value, stray_words);

	if (word < 0)
		return gp_key_bad(at, "MigStray", value, "must be remove or drain");
	at->group->settings.mig_stray = (enum gp_stray)word;
	note_change(at, KEY_MIG_STRAY, word != GP_STRAY_REMOVE);
	return GT_OK;
}

static enum gt_err set_mig_policy(struct place *at, const char *value)
{
	int word = word_of(value, mig_policy_words);

	if (word < 0)
		return gp_key_bad(at, "MigPolicy", value, "must be pack or spread");
	at->group->settings.mig_policy = (enum gt_instance_policy)word;
	note_change(at, KEY_MIG_POLICY, word != GT_INSTANCES_PACK);
	return GT_OK;
}

/* One "HOST:GPUS" of Avoid=. */
static enum gt_err add_avoid(struct place *at, const char *value, const char *part,
			     size_t len)
{
	struct gp_conf *conf = at->conf;
	struct avoid *more, avoid = {0};
	char *host = strndup(part, len);
	char *colon = host ? strrchr(host, ':') : NULL;

	if (!host)
		return gp_key_no_memory(at);
	if (colon)
		*colon = '\0';
	if (!colon || !gt_hostlist_is_valid(host) || colon[1] == '\0' ||
	    gt_mask_parse(&avoid.gpus, colon + 1, GT_MAX_GPUS, NULL) != GT_OK) {
		free(host);
		return gp_key_bad(at, "Avoid", value, "must be NODE:GPU,NODE:GPU,...");
	}
	more = realloc(conf->avoids, (size_t)(conf->avoid_count + 1) * sizeof(*more));
	if (!more) {
		free(host);
		return gp_key_no_memory(at);
	}
	avoid.host = host;
	conf->avoids = more;
	conf->avoids[conf->avoid_count++] = avoid;
	return GT_OK;
}

static enum gt_err set_avoid(struct place *at, const char *value)
{
	for (const char *part = value;;) {
		size_t len = gt_hostlist_first(part);
		enum gt_err code = add_avoid(at, value, part, len);

		if (code != GT_OK)
			return code;
		if (part[len] == '\0')
			return GT_OK;
		part += len + 1;
	}
}

const struct gp_key gp_keys[KEY_COUNT] = {
	[KEY_MODE] = {set_mode, GP_KEY_CLUSTER | GP_KEY_NODES},
	[KEY_NODE_NAME] = {NULL, GP_KEY_NODES},
	[KEY_TOPOLOGY] = {set_topology, GP_KEY_NODES},
	[KEY_DOMAIN] = {set_domain, GP_KEY_NODES},
	[KEY_MODEL] = {set_model, GP_KEY_NODES},
	[KEY_NIC_RATE] = {set_nic_rate, GP_KEY_CLUSTER | GP_KEY_NODES},
	[KEY_NIC_IGNORE] = {set_nic_ignore, GP_KEY_CLUSTER | GP_KEY_NODES},
	[KEY_POLICY] = {set_policy, GP_KEY_CLUSTER | GP_KEY_NODES},
	[KEY_NODE_CHOICE] = {set_node_choice, GP_KEY_CLUSTER | GP_KEY_NODES},
	[KEY_SPLIT] = {set_split, GP_KEY_CLUSTER | GP_KEY_NODES},
	[KEY_STEP_CHOICE] = {set_step_choice, GP_KEY_CLUSTER | GP_KEY_NODES},
	[KEY_MIN_RATIO] = {set_min_ratio, GP_KEY_CLUSTER | GP_KEY_NODES},
	[KEY_JOB_SIZE_MIX] = {set_mix, GP_KEY_CLUSTER | GP_KEY_NODES},
	[KEY_AVOID] = {set_avoid, GP_KEY_CLUSTER},
	[KEY_DECISION_LOG] = {set_decision_log, GP_KEY_CLUSTER},
	[KEY_METRICS_FILE] = {set_metrics_file, GP_KEY_CLUSTER},
	[KEY_ADMIN_COMMENT] = {set_admin_comment, GP_KEY_CLUSTER},
	[KEY_MIG_STRAY] = {set_mig_stray, GP_KEY_CLUSTER | GP_KEY_NODES},
	[KEY_MIG_POLICY] = {set_mig_policy, GP_KEY_CLUSTER | GP_KEY_NODES},
};
