/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_keys.c - the keys of gputopo.conf and the values that each accepts. Called by
 * conf.c.
 */
#include <ctype.h>
#include <stddef.h>
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

#define BOTH (GP_KEY_CLUSTER | GP_KEY_NODES)
#define FIELD(name)                                                                      \
	offsetof(struct gp_settings, name), sizeof(((struct gp_settings *)NULL)->name)
#define WORDS_MODE	 {"enforce", "observe", "off"}, "must be enforce, observe or off"
#define WORDS_POLICY	 {"bandwidth", "preserve"}, "must be bandwidth or preserve"
#define WORDS_YES	 {"no", "yes"}, "must be yes or no"
#define WORDS_STRAY	 {"remove", "drain"}, "must be remove or drain"
#define WORDS_MIG_POLICY {"pack", "spread"}, "must be pack or spread"

/* An enum or a bool, by its words in its order. */
static enum gt_err set_word(struct place *at, const char *value)
{
	const struct gp_key *row = at->key;
	void *field = (char *)&at->group->settings + row->field;
	unsigned int word = 0;

	while (row->words[word] && strcasecmp(value, row->words[word]) != 0)
		word++;
	if (!row->words[word])
		return gp_key_bad(at, row->name, value, row->wanted);
	if (row->size == sizeof(bool))
		*(bool *)field = word;
	else
		memcpy(field, &word, sizeof(word));
	return GT_OK;
}

static bool read_number(const char *value, double least, double most, double *number)
{
	char *end;

	*number = strtod(value, &end);
	return isdigit((unsigned char)value[0]) && !*end && *number >= least &&
	       *number <= most;
}

static enum gt_err set_min_ratio(struct place *at, const char *value)
{
	if (!read_number(value, 0, 1, &at->group->settings.min_ratio))
		return gp_key_bad(at, at->key->name, value,
				  "must be a number from 0 to 1");
	return GT_OK;
}

static enum gt_err set_nic_rate(struct place *at, const char *value)
{
	double gbps;

	if (!read_number(value, 0.001, 1e4, &gbps))
		return gp_key_bad(at, at->key->name, value,
				  "must be a number of GB/s, one way, such as 50");
	at->group->nic_mbps = (int)(gbps * 1000 + .5);
	return GT_OK;
}

static enum gt_err set_nic_ignore(struct place *at, const char *value)
{
	size_t len = strlen(value);

	if (value[0] == ',' || value[len - 1] == ',' || len >= GT_NIC_GLOBS_MAX)
		return gp_key_bad(at, at->key->name, value,
				  "must be names or globs of NICs such as eno*,mlx5_2");
	return gp_key_string(at, &at->group->nic_ignored, value);
}

static enum gt_err set_mix(struct place *at, const char *value)
{
	struct gt_error inner;

	if (gt_mix_parse(&at->group->settings.mix, value, &inner) != GT_OK)
		return gp_key_bad(at, "JobSizeMix", value, inner.text);
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
	return gp_key_string(at, &at->group->model, value);
}

static enum gt_err set_decision_log(struct place *at, const char *value)
{
	at->conf->decision_line = at->line;
	return gp_key_string(at, &at->conf->decision_log, value);
}

static enum gt_err set_metrics_file(struct place *at, const char *value)
{
	at->conf->metrics_line = at->line;
	return gp_key_string(at, &at->conf->metrics_file, value);
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
	[KEY_MODE] = {"Mode", set_word, BOTH, FIELD(mode), WORDS_MODE},
	[KEY_NODE_NAME] = {"NodeName", NULL, GP_KEY_NODES},
	[KEY_TOPOLOGY] = {"Topology", set_topology, GP_KEY_NODES},
	[KEY_DOMAIN] = {"Domain", set_domain, GP_KEY_NODES},
	[KEY_MODEL] = {"Model", set_model, GP_KEY_NODES},
	[KEY_NIC_RATE] = {"NicRate", set_nic_rate, BOTH},
	[KEY_NIC_IGNORE] = {"NicIgnore", set_nic_ignore, BOTH},
	[KEY_POLICY] = {"Policy", set_word, BOTH, FIELD(policy), WORDS_POLICY},
	[KEY_NODE_CHOICE] = {"NodeChoice", set_word, BOTH, FIELD(node_choice), WORDS_YES},
	[KEY_SPLIT] = {"Split", set_word, BOTH, FIELD(split), WORDS_YES},
	[KEY_STEP_CHOICE] = {"StepChoice", set_word, BOTH, FIELD(step_choice), WORDS_YES},
	[KEY_MIN_RATIO] = {"MinRatio", set_min_ratio, BOTH, FIELD(min_ratio)},
	[KEY_JOB_SIZE_MIX] = {"JobSizeMix", set_mix, BOTH, FIELD(mix)},
	[KEY_AVOID] = {"Avoid", set_avoid, GP_KEY_CLUSTER},
	[KEY_DECISION_LOG] = {"DecisionLog", set_decision_log, GP_KEY_CLUSTER},
	[KEY_METRICS_FILE] = {"MetricsFile", set_metrics_file, GP_KEY_CLUSTER},
	[KEY_ADMIN_COMMENT] = {"AdminComment", set_word, GP_KEY_CLUSTER,
			       FIELD(admin_comment), WORDS_YES},
	[KEY_MIG_STRAY] = {"MigStray", set_word, BOTH, FIELD(mig_stray), WORDS_STRAY},
	[KEY_MIG_POLICY] = {"MigPolicy", set_word, BOTH, FIELD(mig_policy),
			    WORDS_MIG_POLICY},
};

const char *gp_mode_name(enum gp_mode mode)
{
	return gp_keys[KEY_MODE].words[mode];
}
