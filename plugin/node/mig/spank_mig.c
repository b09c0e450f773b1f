/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spank_mig.c - SPANK's hooks for --mig: make instances in the prolog, give them to
 * tasks, remove them in the epilog. Called by spank_gputopo.c.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <slurm/slurm.h>

#include "plugin/common/mig_names.h"
#include "plugin/node/mig/mig_ask.h"
#include "plugin/node/mig/mig_node.h"
#include "rank/node_conf.h"
#include "plugin/node/mig/spank_mig.h"

#define PATIENCE_MS   5000   /* what a job's last processes are given to go */
#define LOCK_MS	      120000 /* ... and other jobs' prologs, a second or two each */
#define SLURMD_MS     10000  /* slurmd starts after that, whatever the driver does */
#define SLURMD_SAY_MS 2000   /* what it waits for */
#define WHY_MAX	      256

struct settings {
	struct gp_mig_node node;
	char name[256];
	const char *conf;  /* the folder of gputopo.conf; NULL: that of slurm.conf */
	bool drain;	   /* where an instance cannot be made */
	bool stray_is_set; /* by plugstack.conf, whatever gputopo.conf says */
};

static bool take(const char *argument, const char *key, const char **value)
{
	size_t length = strlen(key);

	if (strncmp(argument, key, length) != 0)
		return false;
	*value = argument + length;
	return true;
}

static void read_settings(struct settings *s, int argc, char **argv)
{
	const char *value;

	memset(s, 0, sizeof(*s));
	gp_node_name(s->name, sizeof(s->name));
	s->node.name = s->name;
	s->node.folder = GP_MIG_FOLDER;
	s->node.authority = &gp_mig_slurmctld;
	s->node.patience_ms = PATIENCE_MS;
	s->node.lock_ms = LOCK_MS;
	s->drain = true;
	for (int i = 0; i < argc; i++) {
		if (take(argv[i], "mig_state=", &s->node.folder) ||
		    take(argv[i], "mig_driver=", &s->node.driver_file) ||
		    take(argv[i], "conf=", &s->conf))
			continue;
		if (take(argv[i], "mig_stray=", &value)) {
			s->node.keep_strays = strcmp(value, "drain") == 0;
			s->stray_is_set = true;
		} else if (take(argv[i], "mig_fail=", &value)) {
			s->drain = strcmp(value, "job") != 0;
		}
	}
}

/* MigStray= of gputopo.conf. Nodes need not have one. */
static void read_stray(struct settings *s)
{
	struct gp_node_stray stray;
	char dir[4096];

	if (s->stray_is_set)
		return;
	gp_node_conf_dir(dir, sizeof(dir));
	gp_node_stray_read(&stray, s->conf ? s->conf : dir, s->name);
	s->node.keep_strays = stray.keep;
	if (stray.why[0] && !stray.missing)
		slurm_info("gputopo: MigStray=remove: %s", stray.why);
}

static struct gp_mig_job read_job(spank_t spank, int restart_unknown)
{
	const char *restart = getenv("SLURM_JOB_RESTART_COUNT");
	struct gp_mig_job job = {
		.restart = restart ? atoi(restart) : restart_unknown,
		.place = getenv("SPANK_" GP_ENV_MIG_PLACE),
		.wish = getenv("SPANK_" GP_ENV_MIG),
		.gpus = getenv("SLURM_JOB_GPUS"),
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

/* In a process of its own: a driver that hangs must hold up no slurmd. */
static void reconcile(struct settings *s)
{
	char why[WHY_MAX] = "";

	/* whoever has the lock for so long is stuck in the driver as well */
	s->node.lock_ms = SLURMD_MS / 2;
	if (gp_mig_node_reconcile(&s->node, why, sizeof(why)) != 0)
		slurm_error("gputopo: MIG instances of earlier jobs: %s", why);
	_exit(0);
}

static bool has_ended(pid_t child)
{
	pid_t got = waitpid(child, NULL, WNOHANG);

	return got == child || (got < 0 && errno != EINTR);
}

int gp_spank_mig_slurmd(int argc, char **argv)
{
	const struct timespec pause = {0, 20 * 1000000L};
	struct settings s;
	pid_t child;

	read_settings(&s, argc, argv);
	read_stray(&s);
	child = fork();
	if (child == 0)
		reconcile(&s);
	for (int waited = 0; child > 0 && !has_ended(child); waited += 20) {
		if (waited == SLURMD_SAY_MS)
			slurm_info(
				"gputopo: slurmd waits up to %d s for the NVIDIA driver",
				SLURMD_MS / 1000);
		if (waited >= SLURMD_MS) {
			kill(child, SIGKILL);
			slurm_error(
				"gputopo: the NVIDIA driver did not answer within %d s: "
				"slurmd starts, MIG instances of earlier jobs stay "
				"until a job needs their place",
				SLURMD_MS / 1000);
			break;
		}
		nanosleep(&pause, NULL);
	}
	return 0; /* never a reason to keep slurmd from starting */
}

int gp_spank_mig_prolog(spank_t spank, int argc, char **argv)
{
	struct settings s;
	struct gp_mig_job job = read_job(spank, -1);
	char why[WHY_MAX] = "";
	enum gp_mig_end end;

	if (!job.place && !job.wish)
		return 0;
	read_settings(&s, argc, argv);
	read_stray(&s);
	end = gp_mig_node_prolog(&s.node, &job, why, sizeof(why));
	if (end == GP_MIG_DONE)
		return 0;
	/* What a job asks for is never a reason to drain a node: its tasks find no
	 * instance and fail. */
	if (end == GP_MIG_REFUSED) {
		slurm_error("gputopo: job %lu: MIG instance refused: %s",
			    (unsigned long)job.id, why);
		return 0;
	}
	slurm_error("gputopo: job %lu: MIG instance not made: %s", (unsigned long)job.id,
		    why);
	if (!s.drain)
		return 0;
	drain_node(s.node.name, why);
	return -1;
}

int gp_spank_mig_epilog(spank_t spank, int argc, char **argv)
{
	struct settings s;
	struct gp_mig_job job = read_job(spank, INT_MAX);
	char why[WHY_MAX] = "";

	read_settings(&s, argc, argv);
	if (gp_mig_node_epilog(&s.node, &job, why, sizeof(why)) == 0)
		return 0;
	slurm_error("gputopo: job %lu: MIG instance not removed: %s",
		    (unsigned long)job.id, why);
	/* Its slices are not free, whatever slurmctld thinks. */
	drain_node(s.node.name, why);
	return -1;
}

/* What root found for the task that is being started. */
static struct {
	bool looked;
	int rc;
	char why[WHY_MAX], visible[GP_MIG_RECORD_MAX * GP_MIG_UUID_MAX];
} found;

void gp_spank_mig_look(spank_t spank, int argc, char **argv, bool wished)
{
	struct settings s;
	uint32_t job = 0;

	read_settings(&s, argc, argv);
	found.looked = true;
	found.why[0] = found.visible[0] = '\0';
	if (spank_get_item(spank, S_JOB_ID, &job) == ESPANK_SUCCESS)
		found.rc = gp_mig_node_task(&s.node, job, wished, found.visible,
					    sizeof(found.visible), found.why,
					    sizeof(found.why));
	else
		found.rc = wished ? -1 : 0;
}

int gp_spank_mig_task(spank_t spank, bool wished)
{
	if (!found.looked)
		return wished ? -1 : 0;
	if (found.rc != 0) {
		uint32_t job = 0;

		(void)spank_get_item(spank, S_JOB_ID, &job);
		slurm_error("gputopo: job %lu: %s", (unsigned long)job, found.why);
		return -1;
	}
	if (found.visible[0] && spank_setenv(spank, "CUDA_VISIBLE_DEVICES", found.visible,
					     1) != ESPANK_SUCCESS) {
		slurm_error("gputopo: CUDA_VISIBLE_DEVICES could not be set");
		return -1;
	}
	return 0;
}
