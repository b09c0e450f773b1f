/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_read.c - read gputopo.conf: Key=Value words, one NodeName= line for a group of
 * nodes. Called by gputopo_topology.so, gputopo check, gputopo sim --conf and the node
 * side.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/conf_keys.h"
#include "core/hostlist.h"

static int key_of(const char *name)
{
	for (int i = 0; i < KEY_COUNT; i++)
		if (strcasecmp(gp_key_names[i], name) == 0)
			return i;
	return -1;
}

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
	group->settings = gp_conf_defaults;
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
		return gp_key_bad(at, gp_key_names[key], value, "needs a value");
	if (key == KEY_NODE_NAME)
		return first ? start_nodes(at, value)
			     : gp_key_bad(at, "NodeName", value,
					  "must come first on its line");
	if (!(gp_keys[key].where & (in_nodes ? GP_KEY_NODES : GP_KEY_CLUSTER)))
		return gp_key_bad(at, gp_key_names[key], value,
				  in_nodes ? "is for the whole cluster and not allowed "
					     "on a NodeName line"
					   : "is allowed on a NodeName line only");
	if (at->group->given & (1u << key))
		return gp_key_bad(at, gp_key_names[key], value,
				  in_nodes ? "is given twice on this line"
					   : "was given on an earlier line");
	at->group->given |= 1u << key;
	return gp_keys[key].set(at, value);
}

/* Some keys are said of a topology. */
static enum gt_err check_line(const struct place *at)
{
	const struct group *group = at->group;

	for (int i = KEY_MODEL; i <= KEY_NIC_IGNORE; i++)
		if (group->hosts && !group->topology && (group->given & (1u << i)))
			return gp_key_bad(at, gp_key_names[i], "...",
					  "needs Topology= on the same line");
	return GT_OK;
}

/* Once all lines are read: the cluster's are for the topologies without own ones. */
static void set_load_options(struct gp_conf *conf)
{
	const struct group *cluster = &conf->groups[0];

	for (int i = 0; i < conf->group_count; i++) {
		struct group *group = &conf->groups[i];
		struct gt_site_options *load = &group->settings.read;

		load->load.model = group->model;
		load->nic_ignored =
			group->nic_ignored ? group->nic_ignored : cluster->nic_ignored;
		if (!load->nic_mbps)
			load->nic_mbps = cluster->settings.read.nic_mbps;
	}
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
	if (code == GT_OK)
		set_load_options(conf);
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

struct gt_site_options gp_conf_load_options(const struct gp_conf *conf, int i)
{
	return with_topology(conf, i)->settings.read;
}

const char *gp_conf_hosts(const struct gp_conf *conf, int i)
{
	const struct group *group = with_topology(conf, i);

	return group ? group->hosts : NULL;
}
