/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_mig.h - the GPUs of one simulated node with their GPU instances, in a file that
 * the fake driver (fake_mig.c) maps in every process that opens it, and that the program
 * fake_mig prepares, spoils and looks at.
 *
 * The file lies beside the library, in DRIVER.state/NODE, with NODE from SLURMD_NODENAME
 * or, in slurmd itself, FAKE_MIG_NODE: Slurm starts prologs with an environment of its
 * own, so there is no other way to tell them.
 */
#ifndef FAKE_MIG_H
#define FAKE_MIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FAKE_GPUS      8
#define FAKE_INSTANCES 16
#define FAKE_PROCESSES 32
#define FAKE_MODEL     "A100-80GB"
#define FAKE_CALLS     4 /* calls that can be made to fail */

enum fake_call { FAKE_GI_CREATE, FAKE_CI_CREATE, FAKE_CI_DESTROY, FAKE_GI_DESTROY };

struct fake_process {
	pid_t pid; /* 0: none; a dead one counts as none */
	int job;
};

struct fake_instance {
	bool used, filled; /* filled: has its compute instance */
	bool foreign;	   /* made by the program, not through the driver */
	unsigned int id, profile, serial;
	int start, size, job; /* whose prolog made it */
	struct fake_process process[FAKE_PROCESSES];
};

struct fake_mig_gpu {
	bool mig;
	struct fake_instance instance[FAKE_INSTANCES];
	struct fake_process whole[FAKE_PROCESSES]; /* of jobs that have the whole GPU */
};

struct fake_state {
	uint32_t ready;
	int gpus;
	struct fake_mig_gpu gpu[FAKE_GPUS];
	unsigned int next_serial;
	int fail[FAKE_CALLS]; /* how many of the next calls fail */
	int slow_ms;	      /* every look-up and change takes as long */
	/* What went wrong, and what was done. */
	unsigned int overlaps; /* instances asked for where one stands */
	unsigned int meetings; /* an instance on a GPU that a whole-GPU job uses, or a
				* job of one kind started beside one of the other */
	unsigned int made, removed;
};

/* Open and lock the node's state; NULL where there is none. Every call of the driver
 * holds it locked. */
struct fake_state *fake_open(const char *folder, const char *node, int *lock);
void fake_close(struct fake_state *state, int lock);
/* An empty state of n GPUs in MIG mode; false: it cannot be written. */
bool fake_create(const char *folder, const char *node, int gpus);

bool fake_alive(const struct fake_process *processes);
/* One of those alive; NULL: none. */
const struct fake_process *fake_any(const struct fake_process *processes);
/* Where nobody alive stands; NULL: full. */
struct fake_process *fake_room(struct fake_process *processes);
/* The job that this process belongs to; 0: none. */
int fake_job(void);
/* Count a meeting of an instance, of which only the place and the job need be there, and
 * a process of a job that has the whole GPU, or an overlap of two instances; and write a
 * line for whoever looks for the reason into the file "log" of the folder. */
void fake_meeting(struct fake_state *state, const char *folder, int gpu,
		  const char *event, const struct fake_instance *instance,
		  const struct fake_process *whole);
void fake_overlap(struct fake_state *state, const char *folder, int gpu,
		  const struct fake_instance *wanted, const struct fake_instance *other);
/* A process asked for a device that is not there: a line in the log. */
void fake_missing(const char *folder, const char *device);
void fake_uuid(char *uuid, size_t size, int gpu, const struct fake_instance *instance);

#endif
