/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_object.h - gputopo_mig.so: all that the controller does for GPU instances, in an
 * object of its own. The select plugin loads it from its own folder the first time that a
 * node file names a GPU in MIG mode, so that a cluster without MIG never has it in
 * slurmctld. Called by controller.c (jobs), model.c (node files) and choice.c
 * (instances).
 */
#ifndef GPUTOPO_PLUGIN_CTLD_OBJECTS_MIG_OBJECT_H
#define GPUTOPO_PLUGIN_CTLD_OBJECTS_MIG_OBJECT_H

#include "conf/reason.h"
#include "core/library.h"
#include "plugin/common/object.h"
#include "plugin/slurm/opaque.h"

struct gp_binding;
struct gp_caches;
struct gp_config;
struct gp_controller;
struct gp_fields;
struct gp_free_bound;
struct gp_gpus;
struct gp_job;
struct gp_mig_question;
struct gp_mig_verdict;
struct gp_models;
struct gp_node_answer;
struct gp_node_view;
struct gp_stock_plugin;
struct gp_test;
struct gp_units;

/* What this object and gputopo_nics.so call back: functions of the select plugin, as
 * their headers say. */
struct gp_object_host {
	uint32_t ctl;	/* of struct gp_controller: both are of one build */
	uint32_t slurm; /* SLURM_VERSION_NUMBER */
	int (*ask)(struct gp_controller *ctl, const struct gp_stock_plugin *stock_plugin,
		   const struct gp_test *test);
	int (*ask_for)(struct gp_controller *ctl,
		       const struct gp_stock_plugin *stock_plugin,
		       const struct gp_test *test, uint32_t least, uint32_t most,
		       uint32_t best);
	struct gp_fields (*fields_read)(const job_record_t *job);
	void (*fields_write)(job_record_t *job, const struct gp_fields *fields);
	struct gp_binding *(*bind)(struct gp_models *models, int index, const char *name,
				   const struct gp_gpus *gpus);
	const struct gp_binding *(*recall)(const struct gp_models *models, int index);
	bool (*have_mig)(const struct gp_models *models);
	void (*refused)(struct gp_caches *caches, uint32_t job_id, int nodes);
	int (*forecast)(struct gp_controller *ctl,
			const struct gp_stock_plugin *stock_plugin,
			const struct gp_test *test, time_t (*when)(void *arg, int node),
			void *arg, const char *const *waiting);
	int (*ask_again)(struct gp_controller *ctl,
			 const struct gp_stock_plugin *stock_plugin,
			 const struct gp_test *test);
	bool (*view)(struct gp_node_view *view, int node, const struct gp_job *asked,
		     int count, struct gp_models *models, struct gp_free_bound *room);
	int (*unit)(const struct gp_units *units, int node,
		    const struct gp_models *models);
};

/* What the object offers; the functions are described in mig_select.h, mig_submit.h and
 * instance.h. It is linked with copies of its own of what reads Slurm's structs, and
 * keeps what mig_select.h says; all else is in the structs that it is handed. */
struct gp_mig_object {
	struct gp_object_head head;
	void (*start)(const struct gp_object_host *host); /* before all else */
	/* jobs with --mig */
	int (*job_test)(struct gp_controller *ctl,
			const struct gp_stock_plugin *stock_plugin,
			const struct gp_test *test);
	bool (*job_begins)(struct gp_controller *ctl, job_record_t *job);
	void (*job_leaves)(job_record_t *job, int node);
	void (*job_ends)(const job_record_t *job);
	bool (*guard)(struct gp_controller *ctl, const struct gp_test *test);
	struct gp_mig_verdict (*judge)(const struct gp_config *config,
				       const struct gp_mig_question *question);
	/* the slice ledger and the spaces of GPU models */
	void (*spoil)(void);
	void (*release)(void);
	/* instances that the admin made */
	enum gp_reason (*bind)(struct gp_binding *binding, const struct gp_gpus *gpus,
			       const struct gt_node *model);
	enum gp_reason (*choose)(const struct gp_node_answer *answer, uint64_t *better);
	double (*damage)(const struct gp_binding *binding, uint64_t usable, uint64_t free,
			 int count);
};

#define GP_MIG_OBJECT_FILE   "gputopo_mig.so"
#define GP_MIG_OBJECT_SYMBOL "gputopo_mig"

/* What it may call from now on; before gp_mig_object_load. */
void gp_objects_host(const struct gp_object_host *host);
/* The object, or NULL while it is not loaded. */
const struct gp_mig_object *gp_mig_object(void);
/* Load it, once; NULL with one line in why (size bytes) where that fails. Once loaded it
 * stays until slurmctld ends. */
const struct gp_mig_object *gp_mig_object_load(char *why, size_t size);

#endif
