/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy_slurm.h - which GPUs of one node stock Slurm gives a job, restated exactly from
 * what its select/cons_tres does, for 22.05 and for 24.05 to 26.05. The baseline that a
 * replay is held against.
 */
#ifndef SIM_POLICY_SLURM_H
#define SIM_POLICY_SLURM_H

#include "core/library.h"

#define SIM_MAX_GPUS	64 /* GPUs of one simulated node */
#define SIM_MAX_SOCKETS 8

/* What the GPU count of a request is given for. */
enum sim_form {
	SIM_FORM_JOB,	 /* --gpus=K */
	SIM_FORM_NODE,	 /* --gpus-per-node=K, --gres=gpu:K */
	SIM_FORM_TASK,	 /* --gpus-per-task=K */
	SIM_FORM_SOCKET, /* --gpus-per-socket=K */
};

const char *sim_form_name(enum sim_form form); /* "job", "node", ... */
bool sim_form_parse(const char *name, enum sim_form *form);

/* A node as slurmctld sees it: Links= and Cores= of gres.conf. */
struct sim_slurm_node {
	int n;
	bool has_links;
	int sockets;
	uint64_t any;			/* GPUs near every socket, or without Cores= */
	uint64_t near[SIM_MAX_SOCKETS]; /* GPUs near this socket */
	int16_t links[SIM_MAX_GPUS][SIM_MAX_GPUS]; /* diagonal -1 */
};

/* What gres.conf would say of this machine. cores_per_socket > 0 tells the sockets of
 * GPUs of which only the near cores are known. GT_ELIMIT above SIM_MAX_GPUS. */
enum gt_err sim_slurm_node_init(struct sim_slurm_node *slurm, const struct gt_node *node,
				int cores_per_socket, struct gt_error *err);

struct sim_slurm_request {
	enum sim_form form;
	int count; /* K of the form */
	uint64_t busy;
	int cores[SIM_MAX_SOCKETS]; /* the job's on each socket */
	int tasks[SIM_MAX_SOCKETS]; /* form task */
	int asked_tasks;	    /* of this node; 0: not given */
	int cores_per_task;	    /* 0 counts as 1 */
	bool one_node;		    /* -N1 */
	int had;		    /* form job: GPUs got on earlier nodes */
	int nodes_left;		    /* form job: nodes from here on, this one counted */
	int cpus_per_gpu;	    /* form job: 0, or what limits the first pass */
	int threads_per_core;	    /* 0 counts as 1 */
	bool enforce_binding;
};

/* The releases that decide differently. */
enum sim_slurm_release { SIM_SLURM_22_05, SIM_SLURM_24_05 };

/* Where slurmctld finds the cores of a request, given the free cores of each socket and
 * the busy GPUs: fills cores from form, count, asked_tasks, cores_per_task, cpus_per_gpu
 * and one_node. The sockets with the most free cores whose GPUs suffice, as in 22.05.8
 * and 24.11.5. A job that Slurm would let wait for cores gets what is free. One thread a
 * core.
 */
void sim_slurm_cores(struct sim_slurm_request *request, enum sim_slurm_release release,
		     const struct sim_slurm_node *node, const int *free_cores);
/* Fill tasks from cores, asked_tasks and cores_per_task, as _build_tasks_per_node_sock()
 * of the release does: the sockets in turn until all tasks are dealt, in 22.05 a task for
 * each core whatever -c says, later a task for each cores_per_task cores or part of them.
 * Without asked_tasks as many tasks as the cores hold.
 */
void sim_slurm_tasks(struct sim_slurm_request *request, enum sim_slurm_release release);

/* The GPUs that the job gets: fewer than asked where fewer are free. No state, no
 * allocation; O(n^2 log n) at most. */
uint64_t sim_slurm_select(enum sim_slurm_release release,
			  const struct sim_slurm_node *node,
			  const struct sim_slurm_request *request);

#endif
