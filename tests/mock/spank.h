/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spank.h - SPANK as srun, sbatch, slurmstepd and slurmd offer it to a plugin, and the
 * part of libslurm by which a prolog asks slurmctld. The test program exports it: to
 * spank_gputopo.so, which test_spank.c loads as Slurm would, and to the objects that
 * test_rank_env.c is linked with.
 */
#ifndef GPUTOPO_TESTS_MOCK_SPANK_H
#define GPUTOPO_TESTS_MOCK_SPANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <slurm/spank.h>

#define MOCK_SPANK_ENV	   64
#define MOCK_SPANK_OPTIONS 16
#define MOCK_SPANK_LOG	   8192

struct mock_env {
	char name[MOCK_SPANK_ENV][64];
	char value[MOCK_SPANK_ENV][4096];
	int count;
};

struct mock_spank {
	spank_context_t context;
	struct mock_env env;	 /* of the step or the task */
	struct mock_env control; /* of the job, on its way to slurmctld */
	uint32_t job, step, tasks, task, nodes;
	pid_t pid;
	bool local;   /* ConstrainDevices */
	bool refuses; /* to register an option, to set a variable, to know the job */
	struct spank_option *option[MOCK_SPANK_OPTIONS];
	int options;
	/* Called by each nanosleep of the process, with what it has slept; NULL: sleeps.
	 */
	void (*sleeps)(long slept_ms);
	long slept_ms;
};

extern struct mock_spank mock_spank;

/* What slurmctld says of the job `job`, and what it was told. */
struct mock_slurmctld {
	int away;   /* questions that it does not answer */
	bool knows; /* the job */
	uint32_t state, restarts;
	const char *nodes;   /* "n0,n1"; NULL: none yet */
	const char *gres[2]; /* in detail, of each of them */
	bool refuses;	     /* updates */
	int asked, freed;
	char drained[64], reason[512];
};

extern struct mock_slurmctld mock_slurmctld;

/* All as before anything happened; the log too. */
void mock_spank_begin(void);
/* Whether this process, or one that it forked, has logged a line with text in it. */
bool mock_spank_logged(const char *text);
/* All of it. */
const char *mock_spank_log(void);
/* A variable of the task's environment, or of the job's way to slurmctld; "-": none. */
const char *mock_spank_value(const char *name);
const char *mock_spank_control(const char *name);
/* The step has the model of the machine `spec` (as of gt_node_load) for the node host, as
 * slurmctld sends it. */
void mock_spank_model(const char *host, const char *spec);
/* The option of that name that was registered, or NULL. */
struct spank_option *mock_spank_option(const char *name);

#endif
