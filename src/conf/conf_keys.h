/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_keys.h - the keys of gputopo.conf, one setter each, for conf_read.c; and what
 * it leaves for conf.c to look up.
 */
#ifndef GPUTOPO_CONF_CONF_KEYS_H
#define GPUTOPO_CONF_CONF_KEYS_H

#include "conf/conf.h"

/* Keys by what they may follow: cluster-wide lines, NodeName lines, or both. */
enum key {
	KEY_MODE,
	KEY_NODE_NAME,
	KEY_TOPOLOGY,
	KEY_DOMAIN,
	KEY_MODEL,
	KEY_NIC_RATE,
	KEY_NIC_IGNORE,
	KEY_POLICY,
	KEY_NODE_CHOICE,
	KEY_SPLIT,
	KEY_STEP_CHOICE,
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
	char *model;
	char *nic_ignored;
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
	int decision_line, metrics_line; /* of the two */
	bool admin_comment;
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

#define GP_KEY_CLUSTER 1 /* allowed on a cluster-wide line */
#define GP_KEY_NODES   2 /* or on a NodeName line */

struct gp_key {
	enum gt_err (*set)(struct place *at, const char *value);
	int where;
};

extern const struct gp_key gp_keys[KEY_COUNT];
extern const char *const gp_key_names[KEY_COUNT];
extern const char *const gp_mode_words[];	  /* by enum gp_mode, NULL at the end */
extern const struct gp_settings gp_conf_defaults; /* but for the mix */

/* "KEY=VALUE: wanted", with file, line and column. */
enum gt_err gp_key_bad(const struct place *at, const char *key, const char *value,
		       const char *wanted);
enum gt_err gp_key_no_memory(const struct place *at);
enum gt_err gp_key_string(const struct place *at, char **to, const char *value);

#endif
