/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPU instances made in the prolog, given to tasks, removed in the epilog. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slurm/slurm.h>

#include "plugin/mig_names.h"
#include "plugin/mig_node.h"
#include "plugin/spank_mig.h"

#define PATIENCE_MS 5000 /* what a job's last processes are given to go */
#define WHY_MAX	    256

struct settings {
	struct gp_mig_node node;
	bool drain; /* where an instance cannot be made */
};

static bool take(const char *argument, const char *key, const char **value)
{
	size_t length = strlen(key);

	if (strncmp(argument, key, length) != 0)
		return false;
	*value = argument + length;
	return true;
}

static struct settings read_settings(int argc, char **argv)
{
	const char *name = getenv("SLURMD_NODENAME"), *value;
	struct settings s = {
		.node = {.name = name ? name : "localhost",
			 .folder = GP_MIG_FOLDER,
			 .patience_ms = PATIENCE_MS},
		.drain = true,
	};

	for (int i = 0; i < argc; i++) {
		if (take(argv[i], "mig_state=", &s.node.folder) ||
		    take(argv[i], "mig_driver=", &s.node.driver_file))
			continue;
		if (take(argv[i], "mig_stray=", &value))
			s.node.keep_strays = strcmp(value, "drain") == 0;
		else if (take(argv[i], "mig_fail=", &value))
			s.drain = strcmp(value, "job") != 0;
	}
	return s;
}

static struct gp_mig_job read_job(spank_t spank, int restart_unknown)
{
	const char *restart = getenv("SLURM_JOB_RESTART_COUNT");
	struct gp_mig_job job = {
		.restart = restart ? atoi(restart) : restart_unknown,
		.place = getenv("SPANK_" GP_ENV_MIG_PLACE),
		.wish = getenv("SPANK_" GP_ENV_MIG),
	};

	if (spank_get_item(spank, S_JOB_ID, &job.id) != ESPANK_SUCCESS)
		job.id = 0;
	return job;
}

/* A failing prolog drains the node by itself, but says no more than "Prolog error". */
static void drain_node(const char *name, const char *why)
{
	char names[256], reason[WHY_MAX + 32];
	update_node_msg_t update;

	/* From 24.11 on slurmstepd runs prologs before it can talk to slurmctld. */
	slurm_init(NULL);
	snprintf(names, sizeof(names), "%s", name);
	snprintf(reason, sizeof(reason), "gputopo: %s", why);
	slurm_init_update_node_msg(&update);
	update.node_names = names;
	update.node_state = NODE_STATE_DRAIN;
	update.reason = reason;
	if (slurm_update_node(&update) != SLURM_SUCCESS)
		slurm_error("gputopo: node %s could not be drained", name);
}

int gp_spank_mig_slurmd(int argc, char **argv)
{
	struct settings s = read_settings(argc, argv);
	char why[WHY_MAX] = "";

	if (gp_mig_node_reconcile(&s.node, why, sizeof(why)) != 0)
		slurm_error("gputopo: MIG instances of earlier jobs: %s", why);
	return 0; /* never a reason to keep slurmd from starting */
}

int gp_spank_mig_prolog(spank_t spank, int argc, char **argv)
{
	struct settings s = read_settings(argc, argv);
	struct gp_mig_job job = read_job(spank, 0);
	char why[WHY_MAX] = "";

	if (!job.place || gp_mig_node_prolog(&s.node, &job, why, sizeof(why)) == 0)
		return 0;
	slurm_error("gputopo: job %lu: MIG instance not made: %s", (unsigned long)job.id,
		    why);
	if (!s.drain)
		return 0; /* its tasks find no instance and fail */
	drain_node(s.node.name, why);
	return -1;
}

int gp_spank_mig_epilog(spank_t spank, int argc, char **argv)
{
	struct settings s = read_settings(argc, argv);
	struct gp_mig_job job = read_job(spank, INT_MAX);
	char why[WHY_MAX] = "";

	if (gp_mig_node_epilog(&s.node, &job, why, sizeof(why)) == 0)
		return 0;
	slurm_error("gputopo: job %lu: MIG instance not removed: %s",
		    (unsigned long)job.id, why);
	/* Its slices are not free, whatever slurmctld thinks. */
	drain_node(s.node.name, why);
	return -1;
}

int gp_spank_mig_task(spank_t spank, int argc, char **argv, bool wished)
{
	struct settings s = read_settings(argc, argv);
	char why[WHY_MAX] = "", visible[GP_MIG_RECORD_MAX * GP_MIG_UUID_MAX];
	uint32_t job = 0;

	if (spank_get_item(spank, S_JOB_ID, &job) != ESPANK_SUCCESS)
		return wished ? -1 : 0;
	if (gp_mig_node_task(&s.node, job, wished, visible, sizeof(visible), why,
			     sizeof(why)) != 0) {
		slurm_error("gputopo: job %lu: %s", (unsigned long)job, why);
		return -1;
	}
	if (visible[0] &&
	    spank_setenv(spank, "CUDA_VISIBLE_DEVICES", visible, 1) != ESPANK_SUCCESS) {
		slurm_error("gputopo: CUDA_VISIBLE_DEVICES could not be set");
		return -1;
	}
	return 0;
}
