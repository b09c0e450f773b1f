/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * live.h - the running cluster as gputopo nodes, job and why see it: what scontrol says
 * of nodes, jobs and partitions, and the model of each node by the configuration in
 * force.
 *
 * live_text.c reads scontrol in the words of live_words.c, live_model.c binds each node's
 * GPUs to its model by the rules of the select plugin (plugin/ctld/model/model.c),
 * live_sets.c picks among them.
 * GPUs are bits: Slurm's gres indices, as scontrol shows them behind IDX.
 */
#ifndef LIVE_H
#define LIVE_H

#include "conf/conf.h"
#include "conf/health.h"
#include "conf/reason.h"
#include "core/library.h"

#include <time.h>

#define LIVE_GPUS  64 /* of one node, as in the plugin */
#define LIVE_NAMES 64 /* bytes of a type or a profile */

/* One entry of a node's Gres=, of GPUs or instances of one type. */
struct live_entry {
	char type[LIVE_NAMES]; /* "": none */
	int count;
	bool instance; /* the type is a MIG profile */
	uint64_t bits;
};

#define LIVE_ENTRIES 16

/* Nodes whose GPUs and settings are the same: what the plugin calls a binding. */
struct live_kind {
	uint64_t key;
	struct gp_settings settings;
	char label[96]; /* "builtin:dgx1v", "Links=", "no topology" */
	struct gt_node *node;
	struct gt_table *table; /* NULL: why says so */
	enum gp_reason why;
	int gpus;	   /* bits */
	uint64_t whole;	   /* bits that are no instances */
	uint64_t instance; /* the others */
	uint64_t in_mig; /* GPUs in MIG mode that nobody cut: --mig gives their slices */
	int to_model[LIVE_GPUS];
	uint64_t lost; /* bits that gputopo health says no job is to get */
	struct live_entry entry[LIVE_ENTRIES];
	int entries;
};

struct live_node {
	char *name, *state, *partitions, *features, *reason, *gres, *used, *extra;
	long cpus, cpus_used, memory, memory_used; /* MiB */
	int cores_per_socket, threads, weight;
	/* by live_bind */
	struct live_kind *kind; /* NULL: no GPUs */
	bool usable;		/* jobs may start there now */
	bool counted;		/* slurmctld only counts the GPUs in use */
	uint64_t taken;		/* bits that are held, or of which shards are */
	int taken_count;
	int shards, shards_used; /* of all GPUs; 0: none */
	bool shards_by_job;	 /* 22.05: how many are used is known of the jobs only */
	int shard_of[LIVE_GPUS]; /* used, of each GPU */
};

/* What a job holds on some nodes. */
struct live_place {
	char *nodes; /* a host list */
	uint64_t gpus;
	char *gres; /* as scontrol has it */
};

struct live_job {
	long id, array_job; /* array_job 0: none */
	char *array_task, *name, *user, *state, *reason, *partition, *nodes, *required,
		*excluded, *features, *comment, *admin_comment, *per_job, *per_node,
		*per_task, *per_socket, *scheduled;
	long min_nodes, tasks, cpus;
	long memory_node, memory_cpu; /* MiB, 0: not said */
	time_t start, end;	      /* 0: not known */
	struct live_place *place;
	int places;
	bool whole; /* --exclusive */
};

struct live_partition {
	char *name;
	bool up, is_default;
};

struct live {
	/* the caller's */
	const char *only; /* ask of this node only; NULL: of all */
	bool as_built;	  /* models without what gputopo health told */
	/* what was read */
	char *cluster, *slurm_conf, *release;
	struct live_node *node;
	int nodes, node_room;
	struct live_job *job;
	int jobs, job_room;
	struct live_partition *partition;
	int partitions, partition_room;
	/* the configuration */
	char dir[4096];
	struct gp_conf *conf;
	bool own_conf; /* live_release frees it */
	struct live_gres_file *gres_file;
	struct live_source *source;
	int sources;
	struct live_kind **kind;
	int kinds;
};

enum live_what {
	LIVE_CONFIG = 1,
	LIVE_NODES = 2,
	LIVE_JOBS = 4,
	LIVE_PARTITIONS = 8,
};

/* Ask scontrol for these, or read the file from, which may hold the output of several of
 * its commands, or its --json of nodes. GT_EIO says which command failed and how,
 * GT_EFORMAT that there is nothing of the kind in the file. The caller releases. */
enum gt_err live_read(struct live *live, const char *from, int what,
		      struct gt_error *err);
void live_release(struct live *live);
/* Of the two files, for live_release. */
void live_release_text(struct live *live);

/* Find gputopo.conf and gres.conf in dir, or with NULL where the running configuration
 * lies, and bind each node with GPUs. What is broken there is an error; that gres.conf is
 * missing is not. */
enum gt_err live_bind(struct live *live, const char *dir, struct gt_error *err);

/* For gputopo check: a node of slurm.conf, idle, and live_bind of these files; conf stays
 * the caller's. */
enum gt_err live_add_node(struct live *live, const char *name, const char *gres,
			  int cores_per_socket);
enum gt_err live_bind_files(struct live *live, struct gp_conf *conf, const char *gres,
			    struct gt_error *err);

/* Why a kind has no table, as a sentence. */
const char *live_why_text(const struct live_kind *kind);

/* ---- asking ---- */

/* Bits that are free, of one type or ("" or NULL) of any, instances among them. Nothing
 * is free on a node that is not usable. */
uint64_t live_free(const struct live_node *node, const char *type);
/* All of that type, free or not. */
uint64_t live_of_type(const struct live_node *node, const char *type);

struct live_set {
	uint64_t bits; /* 0: there is none */
	int busbw_mbps;
	int ideal_mbps; /* of the idle node */
	bool ring;
};

/* A request for live_pick. */
struct live_want {
	int count, min_mbps;
	const struct gt_groups *groups; /* NULL: none */
	enum gt_comm comm;
	bool shaped; /* groups or comm were asked for: figures are of the slowest group */
};

/* The set that the plugin would choose among the free bits. false: none reaches min_mbps,
 * or nothing is known of the links. */
bool live_pick(const struct live_kind *kind, uint64_t free, const struct live_want *want,
	       struct live_set *set);
/* The best set of count among free bits, as the plugin would pick it. false: none fits,
 * or nothing is known of the links (*set has no figures then). */
bool live_best(const struct live_kind *kind, uint64_t free, int count,
	       struct live_set *set);
/* The same of a given set. */
bool live_score(const struct live_kind *kind, uint64_t bits, struct live_set *set);
/* Whether this set is at full speed. */
static inline bool live_is_ideal(const struct live_set *set)
{
	return set->bits && set->busbw_mbps >= set->ideal_mbps;
}

/* ---- words ---- */

/* As sinfo writes it, "mixed", "drained*". */
char *live_state_word(const char *state, char *buf, size_t size);
/* "n[0-3,7]" of names, which it sorts; the caller frees. NULL: no memory. */
char *live_fold(const char **names, int count);
/* "0,2-3" */
char *live_bits(uint64_t bits, char *buf, size_t size);
/* A text of users, fit for a terminal. */
char *live_clean(const char *text, char *buf, size_t size);
/* In any case, as an element of a comma list. */
bool live_list_has(const char *list, const char *word);

/* Reads "gpu:aa:2(IDX:0-1),shard:3(1/4,2/4)" entry by entry: name, type, count and what
 * stands in the brackets. false at the end. */
struct live_gres_word {
	char name[LIVE_NAMES], type[LIVE_NAMES];
	long count;
	char inside[1024];
};
bool live_next_gres(const char **at, struct live_gres_word *word);

#endif
