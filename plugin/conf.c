/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf.c - read gputopo.conf: Key=Value words, one NodeName= line for a group of nodes.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugin/conf.h"
#include "plugin/hosts.h"

/* Keys by what they may follow: cluster-wide lines, NodeName lines, or both. */
enum key {
	KEY_MODE,
	KEY_NODE_NAME,
	KEY_TOPOLOGY,
	KEY_DOMAIN,
	KEY_POLICY,
	KEY_NODE_CHOICE,
	KEY_SPLIT,
	KEY_MIN_RATIO,
	KEY_JOB_SIZE_MIX,
	KEY_AVOID,
	KEY_DECISION_LOG,
	KEY_METRICS_FILE,
	KEY_ADMIN_COMMENT,
	KEY_MIG_STRAY,
	KEY_MIG_POLICY,
	KEY_COUNT
};

struct avoid {
	char *host; /* one host expression */
	struct gt_mask gpus;
};

/* One line's worth of settings; given has a bit for each key that it holds. */
struct group {
	int line;
	unsigned int given;
	char *hosts; /* NULL: the whole cluster */
	char *topology;
	char *domain;
	struct gp_settings settings;
};

struct gp_conf {
	char *file;
	struct group *groups; /* [0] is the cluster */
	int group_count;
	int group_room;
	struct avoid *avoids;
	int avoid_count;
	char *decision_log;
	char *metrics_file;
	bool admin_comment;
	enum gp_stray mig_stray;
	unsigned int changed; /* keys that were given a value other than the default */
};

/* Where we are, for errors. */
struct place {
	struct gp_conf *conf;
	struct group *group;
	int line;
	int column;
	struct gt_error *err;
};

typedef enum gt_err set_fn(struct place *at, const char *value);

static enum gt_err bad(const struct place *at, const char *key, const char *value,
		       const char *wanted)
{
	return gt_fail_at(at->err, GT_EPARSE, at->conf->file, at->line, at->column,
			  "%s=%.64s: %s", key, value, wanted);
}

static enum gt_err out_of_memory(const struct place *at)
{
	return gt_fail(at->err, GT_ENOMEM, "out of memory");
}

static enum gt_err set_string(const struct place *at, char **to, const char *value)
{
	free(*to);
	*to = strdup(value);
	return *to ? GT_OK : out_of_memory(at);
}

/* The position of value in a NULL-ended list of words, or -1. */
static int word_of(const char *value, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (strcasecmp(value, words[i]) == 0)
			return i;
	return -1;
}

static const char *const mode_words[] = {"enforce", "observe", "off", NULL};
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
	int word = word_of(value, mode_words);

	if (word < 0)
		return bad(at, "Mode", value, "enforce, observe or off is known");
	at->group->settings.mode = (enum gp_mode)word;
	note_change(at, KEY_MODE, word != GP_MODE_ENFORCE);
	return GT_OK;
}

static enum gt_err set_policy(struct place *at, const char *value)
{
	int word = word_of(value, policy_words);

	if (word < 0)
		return bad(at, "Policy", value, "bandwidth or preserve is known");
	at->group->settings.policy = (enum gt_policy)word;
	note_change(at, KEY_POLICY, word != GT_POLICY_BANDWIDTH);
	return GT_OK;
}

static enum gt_err set_node_choice(struct place *at, const char *value)
{
	int word = word_of(value, yes_words);

	if (word < 0)
		return bad(at, "NodeChoice", value, "yes or no is known");
	at->group->settings.node_choice = word == 1;
	note_change(at, KEY_NODE_CHOICE, word != 1);
	return GT_OK;
}

static enum gt_err set_split(struct place *at, const char *value)
{
	int word = word_of(value, yes_words);

	if (word < 0)
		return bad(at, "Split", value, "yes or no is known");
	at->group->settings.split = word == 1;
	note_change(at, KEY_SPLIT, word != 1);
	return GT_OK;
}

static enum gt_err set_min_ratio(struct place *at, const char *value)
{
	char *end;
	double ratio = strtod(value, &end);

	if (!isdigit((unsigned char)value[0]) || *end || !(ratio >= 0 && ratio <= 1))
		return bad(at, "MinRatio", value, "a number from 0 to 1 is wanted");
	at->group->settings.min_ratio = ratio;
	note_change(at, KEY_MIN_RATIO, ratio > 0);
	return GT_OK;
}

static enum gt_err set_mix(struct place *at, const char *value)
{
	struct gt_error inner;

	if (gt_mix_parse(&at->group->settings.mix, value, &inner) != GT_OK)
		return bad(at, "JobSizeMix", value, inner.text);
	note_change(at, KEY_JOB_SIZE_MIX, true);
	return GT_OK;
}

static enum gt_err set_topology(struct place *at, const char *value)
{
	if (strcmp(value, "-") == 0 || strcmp(value, "live") == 0)
		return bad(at, "Topology", value, "a file or builtin:NAME is wanted");
	return set_string(at, &at->group->topology, value);
}

static enum gt_err set_domain(struct place *at, const char *value)
{
	note_change(at, KEY_DOMAIN, true);
	return set_string(at, &at->group->domain, value);
}

static enum gt_err set_decision_log(struct place *at, const char *value)
{
	note_change(at, KEY_DECISION_LOG, true);
	return set_string(at, &at->conf->decision_log, value);
}

static enum gt_err set_metrics_file(struct place *at, const char *value)
{
	note_change(at, KEY_METRICS_FILE, true);
	return set_string(at, &at->conf->metrics_file, value);
}

static enum gt_err set_admin_comment(struct place *at, const char *value)
{
	int word = word_of(value, yes_words);

	if (word < 0)
		return bad(at, "AdminComment", value, "yes or no is known");
	at->conf->admin_comment = word == 1;
	note_change(at, KEY_ADMIN_COMMENT, word == 1);
	return GT_OK;
}

static enum gt_err set_mig_stray(struct place *at, const char *value)
{
	int word = word_of(value, stray_words);

	if (word < 0)
		return bad(at, "MigStray", value, "remove or drain is known");
	at->conf->mig_stray = (enum gp_stray)word;
	note_change(at, KEY_MIG_STRAY, word != GP_STRAY_REMOVE);
	return GT_OK;
}

static enum gt_err set_mig_policy(struct place *at, const char *value)
{
	int word = word_of(value, mig_policy_words);

	if (word < 0)
		return bad(at, "MigPolicy", value, "pack or spread is known");
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
		return out_of_memory(at);
	if (colon)
		*colon = '\0';
	if (!colon || !gp_hosts_valid(host) || colon[1] == '\0' ||
	    gt_mask_parse(&avoid.gpus, colon + 1, GT_MAX_GPUS, NULL) != GT_OK) {
		free(host);
		return bad(at, "Avoid", value, "NODE:GPU,NODE:GPU,... is wanted");
	}
	more = realloc(conf->avoids, (size_t)(conf->avoid_count + 1) * sizeof(*more));
	if (!more) {
		free(host);
		return out_of_memory(at);
	}
	avoid.host = host;
	conf->avoids = more;
	conf->avoids[conf->avoid_count++] = avoid;
	return GT_OK;
}

static enum gt_err set_avoid(struct place *at, const char *value)
{
	for (const char *part = value;;) {
		size_t len = gp_hosts_first(part);
		enum gt_err code = add_avoid(at, value, part, len);

		if (code != GT_OK)
			return code;
		if (part[len] == '\0')
			return GT_OK;
		part += len + 1;
	}
}

#define CLUSTER 1
#define NODES	2

static const struct {
	const char *name;
	set_fn *set;
	int where;
} keys[KEY_COUNT] = {
	[KEY_MODE] = {"Mode", set_mode, CLUSTER | NODES},
	[KEY_NODE_NAME] = {"NodeName", NULL, NODES},
	[KEY_TOPOLOGY] = {"Topology", set_topology, NODES},
	[KEY_DOMAIN] = {"Domain", set_domain, NODES},
	[KEY_POLICY] = {"Policy", set_policy, CLUSTER | NODES},
	[KEY_NODE_CHOICE] = {"NodeChoice", set_node_choice, CLUSTER | NODES},
	[KEY_SPLIT] = {"Split", set_split, CLUSTER | NODES},
	[KEY_MIN_RATIO] = {"MinRatio", set_min_ratio, CLUSTER | NODES},
	[KEY_JOB_SIZE_MIX] = {"JobSizeMix", set_mix, CLUSTER | NODES},
	[KEY_AVOID] = {"Avoid", set_avoid, CLUSTER},
	[KEY_DECISION_LOG] = {"DecisionLog", set_decision_log, CLUSTER},
	[KEY_METRICS_FILE] = {"MetricsFile", set_metrics_file, CLUSTER},
	[KEY_ADMIN_COMMENT] = {"AdminComment", set_admin_comment, CLUSTER},
	[KEY_MIG_STRAY] = {"MigStray", set_mig_stray, CLUSTER},
	[KEY_MIG_POLICY] = {"MigPolicy", set_mig_policy, CLUSTER | NODES},
};

static int key_of(const char *name)
{
	for (int i = 0; i < KEY_COUNT; i++)
		if (strcasecmp(keys[i].name, name) == 0)
			return i;
	return -1;
}

static const struct gp_settings defaults = {
	.mode = GP_MODE_ENFORCE,
	.policy = GT_POLICY_BANDWIDTH,
	.node_choice = true,
	.split = true,
};

/* A new group at the end; the cluster's, if it is the first. */
static struct group *add_group(struct gp_conf *conf, int line)
{
	int room = conf->group_room ? 2 * conf->group_room : 8;
	struct group *group;

	if (conf->group_count == conf->group_room) {
		group = realloc(conf->groups, (size_t)room * sizeof(*group));
		if (!group)
			return NULL;
		conf->groups = group;
		conf->group_room = room;
	}
	group = &conf->groups[conf->group_count++];
	memset(group, 0, sizeof(*group));
	group->line = line;
	group->settings = defaults;
	group->settings.mix = gt_mix_default();
	return group;
}

static enum gt_err start_nodes(struct place *at, const char *value)
{
	if (!gp_hosts_valid(value))
		return bad(at, "NodeName", value,
			   "node names such as dgx[01-16] are wanted");
	at->group = add_group(at->conf, at->line);
	if (!at->group)
		return out_of_memory(at);
	return set_string(at, &at->group->hosts, value);
}

/* One Key=Value word; first: it is the line's first. */
static enum gt_err read_word(struct place *at, char *word, bool first)
{
	char *value = strchr(word, '=');
	bool in_nodes = at->group->hosts != NULL;
	int key;

	if (!value || value == word)
		return gt_fail_at(at->err, GT_EPARSE, at->conf->file, at->line,
				  at->column, "'%.64s' is not Key=Value", word);
	*value++ = '\0';
	key = key_of(word);
	if (key < 0)
		return gt_fail_at(at->err, GT_EPARSE, at->conf->file, at->line,
				  at->column, "unknown key '%.64s'", word);
	if (*value == '\0')
		return bad(at, keys[key].name, value, "a value is wanted");
	if (key == KEY_NODE_NAME)
		return first ? start_nodes(at, value)
			     : bad(at, "NodeName", value, "must come first on its line");
	if (!(keys[key].where & (in_nodes ? NODES : CLUSTER)))
		return bad(at, keys[key].name, value,
			   in_nodes ? "holds for the cluster, not on a NodeName line"
				    : "stands on a NodeName line only");
	if (at->group->given & (1u << key))
		return bad(at, keys[key].name, value,
			   in_nodes ? "stands twice on this line" : "was given before");
	at->group->given |= 1u << key;
	return keys[key].set(at, value);
}

/* One line, comment cut off; text is writable. */
static enum gt_err read_line(struct gp_conf *conf, char *text, int line,
			     struct gt_error *err)
{
	struct place at = {
		.conf = conf, .group = &conf->groups[0], .line = line, .err = err};
	bool first = true;
	char *p = text;

	text[strcspn(text, "#")] = '\0';
	for (;;) {
		enum gt_err code;
		size_t len;

		p += strspn(p, " \t\r\f\v");
		if (*p == '\0')
			return GT_OK;
		len = strcspn(p, " \t\r\f\v");
		at.column = (int)(p - text) + 1;
		char *next = p[len] ? p + len + 1 : p + len;
		p[len] = '\0';
		code = read_word(&at, p, first);
		if (code != GT_OK)
			return code;
		first = false;
		p = next;
	}
}

enum gt_err gp_conf_parse(struct gp_conf **out, const char *text, size_t size,
			  const char *name, struct gt_error *err)
{
	struct gp_conf *conf = calloc(1, sizeof(*conf));
	char *copy = conf ? malloc(size + 1) : NULL;
	enum gt_err code = GT_OK;
	int line = 0;

	*out = NULL;
	if (copy)
		conf->file = strdup(name);
	if (!copy || !conf->file || !add_group(conf, 0)) {
		code = gt_fail(err, GT_ENOMEM, "out of memory");
		goto done;
	}
	memcpy(copy, text, size);
	copy[size] = '\0';
	if (memchr(text, '\0', size)) {
		code = gt_fail_at(err, GT_EPARSE, name, 0, 0, "holds a NUL byte");
		goto done;
	}
	for (char *p = copy, *next; p && code == GT_OK; p = next) {
		next = strchr(p, '\n');
		if (next)
			*next++ = '\0';
		code = read_line(conf, p, ++line, err);
	}
done:
	free(copy);
	if (code != GT_OK)
		gp_conf_free(conf);
	else
		*out = conf;
	return code;
}

/* The whole file; *text is the caller's. */
static enum gt_err read_file(const char *path, char **text, size_t *size,
			     struct gt_error *err)
{
	FILE *f = fopen(path, "re");
	size_t room = 1 << 16;
	char *buf = NULL;
	int saved;

	*size = 0;
	if (!f)
		return gt_fail_at(err, GT_EIO, path, 0, 0, "%s", strerror(errno));
	for (; room <= 2 * (size_t)GP_MAX_CONF; room *= 2) {
		char *more = realloc(buf, room);

		if (!more)
			break;
		buf = more;
		*size += fread(buf + *size, 1, room - *size, f);
		if (*size < room)
			break;
	}
	saved = ferror(f) ? errno : 0;
	fclose(f);
	if (!buf || saved || *size > GP_MAX_CONF) {
		free(buf);
		if (saved)
			return gt_fail_at(err, GT_EIO, path, 0, 0, "%s", strerror(saved));
		return gt_fail_at(err, GT_ELIMIT, path, 0, 0, "too large");
	}
	*text = buf;
	return GT_OK;
}

enum gt_err gp_conf_load(struct gp_conf **conf, const char *path, bool *exists,
			 struct gt_error *err)
{
	char *text = NULL;
	size_t size;
	enum gt_err code;

	*conf = NULL;
	*exists = true;
	errno = 0;
	code = read_file(path, &text, &size, err);
	if (code == GT_EIO && errno == ENOENT) {
		*exists = false;
		return gp_conf_parse(conf, "", 0, path, err);
	}
	if (code != GT_OK)
		return code;
	code = gp_conf_parse(conf, text, size, path, err);
	free(text);
	return code;
}

void gp_conf_free(struct gp_conf *conf)
{
	if (!conf)
		return;
	for (int i = 0; i < conf->group_count; i++) {
		free(conf->groups[i].hosts);
		free(conf->groups[i].topology);
		free(conf->groups[i].domain);
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
	if (given & (1u << KEY_MIN_RATIO))
		out->min_ratio = in->min_ratio;
	if (given & (1u << KEY_JOB_SIZE_MIX))
		out->mix = in->mix;
	if (given & (1u << KEY_MIG_POLICY))
		out->mig_policy = in->mig_policy;
	if (group->topology)
		out->topology = group->topology;
	if (group->domain)
		out->domain = group->domain;
}

void gp_conf_node(const struct gp_conf *conf, const char *node, struct gp_settings *out)
{
	*out = defaults;
	out->mix = gt_mix_default();
	for (int i = 0; i < conf->group_count; i++)
		if (!conf->groups[i].hosts || gp_hosts_match(conf->groups[i].hosts, node))
			overlay(&conf->groups[i], out);
	for (int i = 0; i < conf->avoid_count; i++)
		if (gp_hosts_match(conf->avoids[i].host, node))
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

const char *gp_conf_topology(const struct gp_conf *conf, int i, int *line)
{
	for (int g = 0; g < conf->group_count; g++) {
		if (!conf->groups[g].topology || i-- > 0)
			continue;
		*line = conf->groups[g].line;
		return conf->groups[g].topology;
	}
	return NULL;
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

enum gp_stray gp_conf_mig_stray(const struct gp_conf *conf)
{
	return conf->mig_stray;
}

char *gp_conf_non_default(const struct gp_conf *conf, const char *names, char *buf,
			  size_t size)
{
	size_t used = 0;

	if (size)
		buf[0] = '\0';
	for (int i = 0; i < KEY_COUNT; i++) {
		const char *at = strstr(names, keys[i].name);
		int n;

		if (!at || !(conf->changed & (1u << i)))
			continue;
		n = snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
			     keys[i].name);
		if (n < 0 || (size_t)n >= size - used)
			break;
		used += (size_t)n;
	}
	return buf;
}

const char *gp_mode_name(enum gp_mode mode)
{
	return mode_words[mode];
}
