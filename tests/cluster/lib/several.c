/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * several: ask for GPUs on two of some nodes of a private Slurm cluster, from random busy
 * states of all; one line of TSV for each request tells what Slurm gave.
 *
 *   several -m COMMAND [-s SEED] [-c STATES] NODE...
 *
 * COMMAND is `states`, which makes a node's state. The nodes have 8 GPUs each. Columns:
 * state number, the free GPUs of each node ("0,2-4 - 1"; "-": none), form, N, what it got
 * on each ("- 0-1 2,4"; only "-": the request failed, the reason follows), reason. Exit
 * status 1: something went wrong that is not an answer to a request.
 */
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"

#define GPUS	  8
#define MAX_NODES 4
#define WAIT_MS	  20000

enum where { PER_NODE, PER_JOB, PER_TASK };

/* What is asked of two nodes. */
static const struct {
	const char *name;
	enum where where;
	int n;	   /* GPUs */
	int tasks; /* 0: not given */
} forms[] = {
	{"--gpus-per-node=2", PER_NODE, 2, 0},
	{"--gpus-per-node=3", PER_NODE, 3, 0},
	{"--gpus-per-node=4", PER_NODE, 4, 0},
	{"--gpus-per-node=5", PER_NODE, 5, 0},
	{"--gpus-per-node=6", PER_NODE, 6, 0},
	{"--gpus=4", PER_JOB, 4, 0},
	{"--gpus=6", PER_JOB, 6, 0},
	{"--gpus=8", PER_JOB, 8, 0},
	{"-n4 --gpus-per-task=1", PER_TASK, 1, 4},
	{"-n2 --gpus-per-task=3", PER_TASK, 3, 2},
	{"-n2 --gpus-per-task=4", PER_TASK, 4, 2},
};

static char *names[MAX_NODES];
static int nodes;

static int node_number(const char *name)
{
	for (int i = 0; i < nodes; i++)
		if (!strcmp(names[i], name))
			return i;
	errx(1, "a node %s that was not asked for", name);
}

/* What the job has on each node. */
static void gpus_find(uint32_t id, uint32_t *gpus)
{
	job_info_msg_t *info;
	const slurm_job_info_t *job;
	char *name;

	if (gp_load_job(&info, id, SHOW_DETAIL))
		errx(1, "no answer for job %u: %s", id, slurm_strerror(errno));
	job = &info->job_array[0];
	__auto_type hosts = slurm_hostlist_create(job->nodes); /* two types, by release */
	for (uint32_t i = 0; i < job->gres_detail_cnt; i++) {
		name = slurm_hostlist_shift(hosts);
		if (!name)
			errx(1, "job %u has GPUs of more nodes than %s", id, job->nodes);
		gpus[node_number(name)] = ask_mask_from_gres(job->gres_detail_str[i]);
		free(name);
	}
	slurm_hostlist_destroy(hosts);
	slurm_free_job_info_msg(info);
}

/* Until exactly the GPUs of used are used there, and nothing is completing. */
static void wait_used(const char *node, uint32_t used)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (int i = 0; i < WAIT_MS; i++) {
		node_info_msg_t *info;
		bool done;

		if (slurm_load_node_single(&info, (char *)node, SHOW_DETAIL))
			errx(1, "no answer for node %s: %s", node, slurm_strerror(errno));
		done = ask_mask_from_gres(info->node_array[0].gres_used) == used &&
		       !(info->node_array[0].node_state & NODE_STATE_COMPLETING);
		slurm_free_node_info_msg(info);
		if (done)
			return;
		nanosleep(&ms, NULL);
	}
	errx(1, "%s is not back to GPUs %#x after %d s", node, used, WAIT_MS / 1000);
}

/* Returns the job's id, or 0 and errno. */
static uint32_t start(size_t form)
{
	resource_allocation_response_msg_t *answer = NULL;
	job_desc_msg_t desc;
	char tres[32];
	uint32_t id;

	ask_init(&desc, "several");
	desc.immediate = 1;
	desc.min_nodes = desc.max_nodes = 2;
	ask_tres(tres, sizeof(tres), forms[form].n);
	if (forms[form].where == PER_NODE)
		desc.tres_per_node = tres;
	else if (forms[form].where == PER_JOB)
		desc.tres_per_job = tres;
	else
		desc.tres_per_task = tres;
	if (forms[form].tasks)
		desc.num_tasks = desc.min_cpus = forms[form].tasks;
	if (slurm_allocate_resources(&desc, &answer) || !answer)
		return 0;
	id = GP_JOB_ID(answer);
	slurm_free_resource_allocation_response_msg(answer);
	return id;
}

static void print_masks(const uint32_t *masks)
{
	char text[64];

	for (int n = 0; n < nodes; n++)
		printf("%s%s", n ? " " : "",
		       masks[n] ? ask_mask_text(masks[n], text, sizeof(text)) : "-");
}

static void ask(int state, const uint32_t *open, size_t form)
{
	uint32_t gpus[MAX_NODES] = {0}, id = start(form);

	printf("%d\t", state);
	print_masks(open);
	printf("\t%s\t%d\t", forms[form].name, forms[form].n);
	if (!id) {
		printf("-\t%s\n", slurm_strerror(errno));
		return;
	}
	gpus_find(id, gpus);
	print_masks(gpus);
	printf("\t\n");
	ask_job_end(id);
	for (int n = 0; n < nodes; n++) {
		if (gpus[n] & ~open[n])
			errx(1, "state %d, %s: GPUs %#x of %s, free %#x", state,
			     forms[form].name, gpus[n], names[n], open[n]);
		wait_used(names[n], 0xff & ~open[n]);
	}
}

/* Two or more free GPUs on each node, and as many nodes as can be have more. */
static void make_state(const char *make, uint32_t *open, uint64_t *seed)
{
	char list[64], command[512];

	for (int n = 0; n < nodes; n++) {
		do {
			open[n] = (ask_random(seed) | ask_random(seed)) & 0xff;
		} while (__builtin_popcount(open[n]) < 2);
		snprintf(command, sizeof(command), "%s -n %s -f %s", make, names[n],
			 ask_mask_text(open[n], list, sizeof(list)));
		if (system(command))
			errx(1, "%s failed", command);
	}
}

int main(int argc, char **argv)
{
	const char *make = NULL;
	uint64_t seed = 1;
	int states = 50, option;

	while ((option = getopt(argc, argv, "m:s:c:")) != -1) {
		if (option == 'm')
			make = optarg;
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (option == 'c')
			states = atoi(optarg);
		else
			return 2;
	}
	nodes = argc - optind;
	if (!make || nodes < 2 || nodes > MAX_NODES)
		errx(2, "usage: several -m COMMAND [-s SEED] [-c STATES] NODE...");
	memcpy(names, argv + optind, (size_t)nodes * sizeof(*names));
	slurm_init(NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	fprintf(stderr, "several: seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < states; i++) {
		uint32_t open[MAX_NODES];

		make_state(make, open, &seed);
		for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++)
			ask(i, open, f);
	}
	return 0;
}
