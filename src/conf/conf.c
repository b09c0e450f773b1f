/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf.c - read gputopo.conf: Key=Value words, one NodeName= line for a group of nodes.
 * Called by the select plugin, gputopo check, gputopo sim --conf and the node side.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/conf_keys.h"
#include "core/append.h"
#include "core/hostlist.h"

static int key_of(const char *name)
{
	for (int i = 0; i < KEY_COUNT; i++)
		if (strcasecmp(gp_keys[i].name, name) == 0)
			return i;
	return -1;
}

static const struct gp_settings defaults = {
	.mode = GP_MODE_ENFORCE,
	.policy = GT_POLICY_BANDWIDTH,
	.node_choice = true,
	.split = true,
	.step_choice = true,
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
	if (!gt_hostlist_is_valid(value))
		return gp_key_bad(at, "NodeName", value,
				  "must be node names such as dgx[01-16]");
	at->group = add_group(at->conf, at->line);
	if (!at->group)
		return gp_key_no_memory(at);
	return gp_key_string(at, &at->group->hosts, value);
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
		return gp_key_bad(at, gp_keys[key].name, value, "needs a value");
	if (key == KEY_NODE_NAME)
		return first ? start_nodes(at, value)
			     : gp_key_bad(at, "NodeName", value,
					  "must come first on its line");
	if (!(gp_keys[key].where & (in_nodes ? GP_KEY_NODES : GP_KEY_CLUSTER)))
		return gp_key_bad(at, gp_keys[key].name, value,
				  in_nodes ? "is for the whole cluster and not allowed "
					     "on a NodeName line"
					   : "is allowed on a NodeName line only");
	if (at->group->given & (1u << key))
		return gp_key_bad(at, gp_keys[key].name, value,
				  in_nodes ? "is given twice on this line"
					   : "was given on an earlier line");
	at->group->given |= 1u << key;
	at->key = &gp_keys[key];
	return at->key->set(at, value);
}

/* Some are said of a topology. */
static enum gt_err check_line(const struct place *at)
{
	const struct group *group = at->group;

	for (int i = KEY_MODEL; i <= KEY_NIC_IGNORE; i++)
		if (group->hosts && !group->topology && (group->given & (1u << i)))
			return gp_key_bad(at, gp_keys[i].name, "...",
					  "needs Topology= on the same line");
	return GT_OK;
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
			return check_line(&at);
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
		code = gt_fail_at(err, GT_EPARSE, name, 0, 0, "contains a NUL byte");
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

static struct gt_load_options load_options(const struct gp_conf *conf,
					   const struct group *group)
{
	const struct group *cluster = &conf->groups[0];

	return (struct gt_load_options){
		.model = group->model,
		.nic_mbps = group->nic_mbps ? group->nic_mbps : cluster->nic_mbps,
		.nic_ignored =
			group->nic_ignored ? group->nic_ignored : cluster->nic_ignored,
	};
}

/* Lay what the group gives over *out. */
static void overlay(const struct gp_conf *conf, const struct group *group,
		    struct gp_settings *out)
{
	for (int i = 0; i < KEY_COUNT; i++)
		if (group->given & (1u << i))
			memcpy((char *)out + gp_keys[i].field,
			       (const char *)&group->settings + gp_keys[i].field,
			       gp_keys[i].size);
	if (group->topology) {
		out->topology = group->topology;
		out->load = load_options(conf, group);
	}
	if (group->domain)
		out->domain = group->domain;
}

void gp_conf_node(const struct gp_conf *conf, const char *node, struct gp_settings *out)
{
	*out = defaults;
	out->mix = gt_mix_default();
	for (int i = 0; i < conf->group_count; i++)
		if (!conf->groups[i].hosts ||
		    gt_hostlist_has(conf->groups[i].hosts, node))
			overlay(conf, &conf->groups[i], out);
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

/* The i-th group with a Topology=. */
static const struct group *with_topology(const struct gp_conf *conf, int i)
{
	for (int g = 0; g < conf->group_count; g++)
		if (conf->groups[g].topology && i-- == 0)
			return &conf->groups[g];
	return NULL;
}

const char *gp_conf_topology(const struct gp_conf *conf, int i, int *line)
{
	const struct group *group = with_topology(conf, i);

	if (group)
		*line = group->line;
	return group ? group->topology : NULL;
}

struct gt_load_options gp_conf_load_options(const struct gp_conf *conf, int i)
{
	return load_options(conf, with_topology(conf, i));
}

const char *gp_conf_hosts(const struct gp_conf *conf, int i)
{
	const struct group *group = with_topology(conf, i);

	return group ? group->hosts : NULL;
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
	return conf->groups[0].settings.admin_comment;
}

/* Whether a line gives the key a value other than the default. */
static bool differs(const struct gp_conf *conf, int key)
{
	const struct gp_key *row = &gp_keys[key];

	for (int i = 0; i < conf->group_count; i++)
		if ((conf->groups[i].given & (1u << key)) &&
		    (!row->size ||
		     memcmp((const char *)&conf->groups[i].settings + row->field,
			    (const char *)&defaults + row->field, row->size) != 0))
			return true;
	return false;
}

char *gp_conf_non_default(const struct gp_conf *conf, const char *names, char *buf,
			  size_t size)
{
	struct gt_append text = gt_append_to(buf, size);

	for (int i = 0; i < KEY_COUNT; i++)
		if (strstr(names, gp_keys[i].name) && differs(conf, i))
			gt_append(&text, "%s%s", text.used ? ", " : "", gp_keys[i].name);
	return buf;
}
