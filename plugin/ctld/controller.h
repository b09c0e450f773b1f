/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * controller.h - the state of the plugin inside slurmctld, and what the hooks do with it.
 *
 * There is one struct gp_controller, in controller.c. Slurm calls job_test, job_fini,
 * job_resized, nodeinfo_set, node_init and reconfigure with the job and node write locks
 * held, so that these calls never meet; the lock of the struct costs nothing then and
 * holds where a release is less strict. It is never held while Slurm's own locks are
 * taken.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_CONTROLLER_H
#define GPUTOPO_PLUGIN_CTLD_CONTROLLER_H

#include <pthread.h>

#include "plugin/ctld/choose/choice.h"
#include "conf/conf.h"
#include "plugin/ctld/log/decision.h"
#include "plugin/slurm/stock_plugin.h"
#include "plugin/ctld/log/metrics.h"
#include "plugin/ctld/mig/mig_site.h"
#include "plugin/ctld/model/model.h"
#include "plugin/ctld/choose/node_score.h"
#include "conf/reason.h"
#include "plugin/ctld/choose/free_gpu_bound.h"
#include "plugin/ctld/choose/units.h"
#include "plugin/ctld/estimate/running.h"
#include "plugin/ctld/log/stopwatch.h"
#include "plugin/ctld/submit.h"

/* The arguments of one job_test. */
struct gp_test {
	job_record_t *job;
	bitstr_t *nodes;
	uint32_t min_nodes;
	uint32_t max_nodes;
	uint32_t req_nodes;
	uint16_t mode;
	gp_list_t candidates;
	gp_list_t *preemptees;
	GP_TAIL_FIELDS
};

/* What one NVLink domain has for the job at hand. */
struct gp_domain {
	int nodes;
	int gpus;
	int first; /* its first node */
	bool tried;
	int share; /* nodes of a job over several; -1: none */
};

#define GP_REFUSALS 64 /* by job id; a collision forgets one */

/* A job whose wish was not met by what stock can give. */
struct gp_refusal {
	uint32_t job_id;
	uint64_t ends; /* ctl->ends then */
	time_t when;
	int nodes; /* a forecast with more is not told by it */
};

/* The job whose GPUs are chosen when it starts: see count_only.h. */
struct gp_count_only {
	const job_record_t *job; /* NULL: none; its number changes if it is of an array */
	int answers;		 /* in ctl->answers */
	bool hides;
};

/* Where the last MIG job that may start would be, until it begins. */
struct gp_mig_decided {
	uint32_t job_id; /* 0: none */
	char *text;	 /* GP_TEXT_DECISION_MAX bytes, or NULL */
};

struct gp_controller {
	pthread_mutex_t lock; /* over everything below */
	bool active;	      /* in slurmctld, with a configuration */
	struct gp_conf *conf;
	struct gp_models *models;
	bool has_ratio; /* MinRatio= is given somewhere */
	bool no_split;	/* Split=no for the cluster */
	bool chooses;	/* NodeChoice=yes somewhere */
	struct gp_running running;
	struct gp_slice_ledger slice_ledger;
	struct gp_mig_spaces mig_spaces;
	struct gp_mig_decided mig_decided;
	struct gp_refusal refusals[GP_REFUSALS];
	uint64_t ends; /* of jobs, counted */
	struct gp_free_bound free_bound;
	struct gp_units units;
	struct gp_stopwatch stopwatch;
	time_t split_asked; /* when stock was last asked only for split_avoided */
	struct gt_limit_memory limits; /* do time limits tell how long jobs run? */
	time_t rebuilt; /* when the index was last rebuilt for a mismatch */
	uint64_t *told; /* by node: reasons that were logged, a bit each */
	int node_count;
	int told_count[GP_REASON_COUNT];
	/* scratch; only exchange.c, log lines and new tables allocate beside it */
	bitstr_t *offered; /* the nodes that job_test was offered */
	bitstr_t *picked;  /* and those that it picked */
	struct gp_node_answer *answers;
	int answer_room;
	struct gp_count_only count_only;
	time_t *dates;		      /* forecasts: 2 * node_count of them, or NULL */
	struct gp_node_score *scores; /* node_count of them, or NULL: no node choice */
	int ranked;		      /* of them, filled by domain.c */
	struct gp_domain *domains;    /* by number, from 1; node_count of them, or NULL */
	struct gp_decisions decisions;
	struct gp_counters counters;
	struct gp_metrics metrics;
};

/* Hooks, called by select_cons_tres.c inside slurmctld only. */
int gp_controller_job_test(const struct gp_stock_plugin *stock_plugin,
			   const struct gp_test *test);
/* After the stock node_init: the node table is new. Reads gputopo.conf. */
void gp_controller_node_init(void);
/* Before the stock select_nodeinfo_set, and after it: the job's GPUs are known. */
void gp_controller_job_takes(const job_record_t *job);
void gp_controller_job_holds(const job_record_t *job);
/* After the stock job_begin: the answer of the last job_test is used. false: the job must
 * not start, since it would be without its MIG instance. */
bool gp_controller_job_begins(job_record_t *job);
/* Before the stock job_fini, and after the stock job_resized. */
void gp_controller_job_ends(job_record_t *job);
void gp_controller_job_leaves(job_record_t *job, int node);
/* Slurm has given a step of a running job its GPUs, and nobody has heard of them yet. */
void gp_controller_step_starts(const step_record_t *step);
/* After the stock reconfigure. */
void gp_controller_rebuild(void);
/* For job_submit/gputopo: see gp_submit_fn. */
bool gp_controller_refuses(const struct gp_question *question, char *text, size_t size);
struct gp_mig_question;
/* The same for --mig: see gp_mig_submit_fn. */
bool gp_controller_mig_refuses(struct gp_mig_question *question, char *text, size_t size);
/* At fini. */
void gp_controller_stop(void);

/* In submit.c; ctl is locked. */
bool gp_submit_refuses(struct gp_controller *ctl, const struct gp_question *question,
		       char *text, size_t size);
/* For exchange.c: say once a node, and for a few nodes only, what the admin should know.
 * answer may be NULL: about no node in particular. */
void gp_log_once(struct gp_controller *ctl, const struct gp_node_answer *answer,
		 enum gp_reason why);
/* Does the index of running jobs match the node? Rebuilds it at most once a minute. */
bool gp_controller_index_agrees(struct gp_controller *ctl,
				const struct gp_node_answer *answer);

#endif
