/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * states: put a node of a private Slurm cluster into random busy states and ask for GPUs
 * in every form; one line of TSV for each request tells what Slurm gave.
 *
 *   states -n NODE [-p PARTITION] [-g GPUS] [-s SEED] [-c STATES] [-u] [-r
 * N:SIZES:COMM]... states -n NODE [-p PARTITION] [-g GPUS] -f FREE     make one state and
 * leave it so
 *
 * With -p, which names a partition of that node alone, requests name no node; else they
 * carry -w NODE -N1. Columns: state number, free GPUs, form, N, the GPUs got ("-": the
 * request failed, the reason follows in the last column), reason. GPU lists as Slurm
 * writes them: "0,2-4". With -u a last column names the CPUs that the job got on the
 * node, and --gpus-per-socket is asked as well. A state is made by filling the node with
 * one-GPU jobs and ending those whose GPUs shall be free, so that every mask can be had
 * whatever the plugin prefers. With -r only --gpus=N is asked, with the wishes that
 * --gpu-groups=SIZES and --gpu-comm=COMM send (SIZES may be empty), once for each -r; the
 * form is then the text of the -r. States are distinct until all are used up. Exit status
 * 1: something went wrong that is not an answer to a request, such as a GPU given twice,
 * or one that is not free again at the end.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"

#define MAX_GPUS 16 /* states are a permutation of all masks, in memory */
#define JOB_NAME "states"
#define MIN_SIZE 2
#define MAX_SIZE 5
#define WAIT_MS	 20000 /* for a GPU to become free after its job's end */

enum where { PER_JOB, PER_NODE, PER_TASK, PER_SOCKET };

/* A way to ask for N GPUs on the command line of sbatch. */
struct form {
	const char *name;  /* as written on the command line */
	enum where where;  /* what the GPU count is given for */
	bool one_each;	   /* one GPU each, not N */
	int tasks;	   /* -n; 0: not given, TASKS_N: N */
	int cpus_per_task; /* -c; 0: not given */
	int cpus_per_gpu;  /* 0: not given */
	int sockets;	   /* --sockets-per-node; 0: not given */
};

/* A -r: the size, and what the SPANK options write. */
struct asked {
	struct form form;
	int n;
	char *env[2];
	int env_count;
};

#define TASKS_N (-1)

static const struct form forms[] = {
	{"--gpus=N", PER_JOB, false, 0, 0, 0, 0},
	{"-n N --gpus=N", PER_JOB, false, TASKS_N, 0, 0, 0},
	{"--gpus=N --cpus-per-gpu=2", PER_JOB, false, 0, 0, 2, 0},
	{"--gpus-per-node=N", PER_NODE, false, 0, 0, 0, 0},
	{"--gres=gpu:N", PER_NODE, false, 0, 0, 0, 0},
	{"-n32 --gres=gpu:N", PER_NODE, false, 32, 0, 0, 0},
	{"--gpus-per-task=1 -n N", PER_TASK, true, TASKS_N, 0, 0, 0},
	{"-n1 -c4 --gpus-per-task=N", PER_TASK, false, 1, 4, 0, 0},
	/* with -u only: tasks over both sockets, N GPUs on each of up to so many sockets
	 */
	{"-n N -c7 --gpus-per-task=1", PER_TASK, true, TASKS_N, 7, 0, 0},
	{"--sockets-per-node=1 --gpus-per-socket=N", PER_SOCKET, false, 1, 0, 0, 1},
	{"-n32 --sockets-per-node=2 --gpus-per-socket=N", PER_SOCKET, false, 32, 0, 0, 2},
};

#define MAX_ASKED      8
#define FORM_COUNT     (sizeof(forms) / sizeof(forms[0]))
#define UNPLACED_FORMS 3

struct cluster {
	char *node;
	char *partition; /* a partition of that node alone; NULL: ask for it by name */
	int gpus;
	bool show_cpus;
	struct asked asked[MAX_ASKED];
	int asked_count;
	struct asked *asking;	   /* now; NULL: none */
	char cpus[128];		   /* of the last job started, if they are shown */
	uint32_t holder[MAX_GPUS]; /* the one-GPU job on each GPU; 0: none */
};

/* Every mask of gpus GPUs with at least MIN_SIZE of them, shuffled. Returns their number.
 */
static int states_shuffle(uint32_t *states, int gpus, uint64_t *seed)
{
	int count = 0;

	for (uint32_t mask = 0; mask < 1u << gpus; mask++)
		if (__builtin_popcount(mask) >= MIN_SIZE)
			states[count++] = mask;
	for (int i = count - 1; i > 0; i--) {
		int j = ask_random(seed) % (uint64_t)(i + 1);
		uint32_t swap = states[i];

		states[i] = states[j];
		states[j] = swap;
	}
	return count;
}

static uint32_t mask_from_list(const char *list, int gpus)
{
	const char *end;
	uint32_t mask = ask_mask(list, &end);

	if (*end || mask >> gpus)
		errx(2, "%s is not a list of GPUs below %d", list, gpus);
	return mask;
}

/* The GPUs that slurmctld counts as used on the node. *settled (may be NULL): no job of
 * the node is completing; until then nothing new starts there. */
static uint32_t node_used(const struct cluster *cluster, bool *settled)
{
	node_info_msg_t *nodes;
	uint32_t mask;

	if (slurm_load_node_single(&nodes, cluster->node, SHOW_DETAIL) ||
	    nodes->record_count != 1)
		errx(1, "no answer for node %s: %s", cluster->node,
		     slurm_strerror(errno));
	mask = ask_mask_from_gres(nodes->node_array[0].gres_used);
	if (settled)
		*settled = !(nodes->node_array[0].node_state & NODE_STATE_COMPLETING);
	slurm_free_node_info_msg(nodes);
	return mask;
}

static void node_wait_used(const struct cluster *cluster, uint32_t wanted)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	bool settled;

	for (int i = 0; i < WAIT_MS; i++) {
		if (node_used(cluster, &settled) == wanted && settled)
			return;
		nanosleep(&ms, NULL);
	}
	errx(1, "%s uses GPUs %#x after %d s, not %#x", cluster->node,
	     node_used(cluster, NULL), WAIT_MS / 1000, wanted);
}

/* The CPUs of a job, by scontrol: the library call is gone since 24.11. */
static void cpus_find(struct cluster *cluster, uint32_t id)
{
	char command[64], line[8192], *at;
	FILE *f;

	snprintf(command, sizeof(command), "scontrol -d -o show job %u", id);
	f = popen(command, "r");
	if (!f || !fgets(line, sizeof(line), f) || !(at = strstr(line, "CPU_IDs=")))
		errx(1, "%s: no CPU_IDs", command);
	at += strlen("CPU_IDs=");
	snprintf(cluster->cpus, sizeof(cluster->cpus), "%.*s", (int)strcspn(at, " "), at);
	pclose(f);
}

/* Allocate at once or fail. Returns the job's id and its GPUs, or 0 and errno. */
static uint32_t job_start(struct cluster *cluster, const struct form *form, int n,
			  uint32_t *gpus)
{
	resource_allocation_response_msg_t *answer = NULL;
	job_info_msg_t *info;
	job_desc_msg_t desc;
	char tres[32], cpus[32];
	uint32_t id;

	*gpus = 0;
	ask_init(&desc, JOB_NAME);
	desc.partition = cluster->partition;
	if (!cluster->partition) {
		desc.req_nodes = cluster->node;
		desc.min_nodes = desc.max_nodes = 1;
	}
	desc.immediate = 1;
	if (cluster->asking) {
		desc.spank_job_env = cluster->asking->env;
		desc.spank_job_env_size = cluster->asking->env_count;
	}
	ask_tres(tres, sizeof(tres), form->one_each ? 1 : n);
	ask_tres(cpus, sizeof(cpus), form->cpus_per_gpu);
	if (form->cpus_per_gpu)
		desc.cpus_per_tres = cpus;
	if (form->where == PER_JOB)
		desc.tres_per_job = tres;
	else if (form->where == PER_NODE)
		desc.tres_per_node = tres;
	else if (form->where == PER_TASK)
		desc.tres_per_task = tres;
	else
		desc.tres_per_socket = tres;
	if (form->sockets)
		desc.sockets_per_node = form->sockets;
	if (form->cpus_per_task)
		desc.cpus_per_task = form->cpus_per_task;
	if (form->tasks) {
		desc.num_tasks = form->tasks == TASKS_N ? n : form->tasks;
		desc.min_cpus =
			desc.num_tasks * (form->cpus_per_task ? form->cpus_per_task : 1);
	}
	if (slurm_allocate_resources(&desc, &answer) || !answer)
		return 0;
	id = GP_JOB_ID(answer);
	slurm_free_resource_allocation_response_msg(answer);

	if (gp_load_job(&info, id, SHOW_DETAIL))
		errx(1, "no answer for job %u: %s", id, slurm_strerror(errno));
	if (cluster->show_cpus)
		cpus_find(cluster, id);
	for (uint32_t i = 0; i < info->record_count; i++)
		*gpus |= ask_job_gpus(&info->job_array[i]);
	slurm_free_job_info_msg(info);
	return id;
}

/* Make exactly the GPUs of free free. */
static void state_make(struct cluster *cluster, uint32_t free)
{
	static const struct form one = {.name = "--gpus=1", .where = PER_JOB};
	uint32_t all = (1u << cluster->gpus) - 1, used = 0, gpus;

	for (int i = 0; i < cluster->gpus; i++)
		used |= (uint32_t) !!cluster->holder[i] << i;
	while (used & free || ~used & ~free & all) {
		uint32_t id;

		if (!(~used & ~free & all)) {
			/* what shall be used is used: end the others */
			for (int i = 0; i < cluster->gpus; i++) {
				if (!(free >> i & 1) || !cluster->holder[i])
					continue;
				ask_job_end(cluster->holder[i]);
				cluster->holder[i] = 0;
			}
			used &= ~free;
			node_wait_used(cluster, used);
			continue;
		}
		id = job_start(cluster, &one, 1, &gpus);
		if (!id)
			errx(1, "a one-GPU job does not start beside %#x: %s", used,
			     slurm_strerror(errno));
		if (__builtin_popcount(gpus) != 1 || gpus & used)
			errx(1, "a one-GPU job got GPUs %#x beside used %#x", gpus, used);
		cluster->holder[__builtin_ctz(gpus)] = id;
		used |= gpus;
	}
	node_wait_used(cluster, all & ~free);
}

/* Ask once and print the row. Returns false if the answer is impossible. */
static bool request_try(struct cluster *cluster, int state, uint32_t free,
			const struct form *form, int n)
{
	uint32_t used = ((1u << cluster->gpus) - 1) & ~free, gpus, id;
	char free_text[64], gpus_text[64];
	bool sound;
	int got;

	id = job_start(cluster, form, n, &gpus);
	ask_mask_text(free, free_text, sizeof(free_text));
	if (!id) {
		printf("%d\t%s\t%s\t%d\t-\t%s\n", state, free_text, form->name, n,
		       slurm_strerror(errno));
		return true;
	}
	got = __builtin_popcount(gpus);
	sound = !(gpus & used) &&
		(got == n || (form->sockets && got > n && got <= form->sockets * n));
	printf("%d\t%s\t%s\t%d\t%s\t%s%s%s\n", state, free_text, form->name, n,
	       ask_mask_text(gpus, gpus_text, sizeof(gpus_text)),
	       sound ? "" : "IMPOSSIBLE", cluster->show_cpus ? "\t" : "", cluster->cpus);
	if (node_used(cluster, NULL) != (used | gpus)) {
		warnx("state %d, job %u: node and job disagree", state, id);
		sound = false;
	}
	ask_job_end(id);
	node_wait_used(cluster, used);
	return sound;
}

static int number(const char *text, int low, int high)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < low || value > high)
		errx(2, "%s is not a number from %d to %d", text, low, high);
	return value;
}

/* Find the one-GPU jobs that an earlier run has left. */
static void holders_find(struct cluster *cluster)
{
	job_info_msg_t *info;

	if (slurm_load_jobs(0, &info, SHOW_DETAIL))
		errx(1, "no list of jobs: %s", slurm_strerror(errno));
	for (uint32_t i = 0; i < info->record_count; i++) {
		const slurm_job_info_t *job = &info->job_array[i];
		uint32_t gpus;

		if ((job->job_state & JOB_STATE_BASE) != JOB_RUNNING || !job->name ||
		    strcmp(job->name, JOB_NAME) || !job->nodes ||
		    strcmp(job->nodes, cluster->node) || job->gres_detail_cnt != 1)
			continue;
		gpus = ask_mask_from_gres(job->gres_detail_str[0]);
		if (gpus)
			cluster->holder[__builtin_ctz(gpus)] = job->job_id;
	}
	slurm_free_job_info_msg(info);
}

/* "4:2x2:allreduce". */
static void asked_add(struct cluster *cluster, char *text)
{
	struct asked *asked = &cluster->asked[cluster->asked_count++];
	char *sizes = strchr(text, ':'), *comm = sizes ? strchr(sizes + 1, ':') : NULL;

	if (!comm || cluster->asked_count == MAX_ASKED)
		errx(2, "%s is not N:SIZES:COMM, or one too many", text);
	asked->form.name = text;
	asked->n = atoi(text);
	if (comm > sizes + 1 &&
	    asprintf(&asked->env[asked->env_count++], "GPUTOPO_GROUP_SIZES=%.*s",
		     (int)(comm - sizes - 1), sizes + 1) < 0)
		err(1, "memory");
	if (asprintf(&asked->env[asked->env_count++], "GPUTOPO_COMM=%s", comm + 1) < 0)
		err(1, "memory");
}

/* What -r says, of the state that is made. */
static int asked_try(struct cluster *cluster, int state, uint32_t free_gpus)
{
	int bad = 0;

	for (int i = 0; i < cluster->asked_count; i++) {
		struct asked *asked = &cluster->asked[i];

		cluster->asking = asked;
		if (asked->n <= __builtin_popcount(free_gpus) &&
		    !request_try(cluster, state, free_gpus, &asked->form, asked->n))
			bad++;
	}
	cluster->asking = NULL;
	return bad;
}

/* All forms and sizes from count states; returns the number of impossible answers. */
static int states_run(struct cluster *cluster, uint64_t seed, int count)
{
	uint32_t *states = calloc(1u << cluster->gpus, sizeof(*states));
	size_t forms_asked = FORM_COUNT - (cluster->show_cpus ? 0 : UNPLACED_FORMS);
	int total = 0, bad = 0;

	if (!states)
		err(1, "states");
	if (cluster->asked_count)
		forms_asked = 0;
	for (int i = 0; i < count; i++) {
		uint32_t free_gpus;

		if (i == 0 || i % total == 0)
			total = states_shuffle(states, cluster->gpus, &seed);
		free_gpus = states[i % total];
		state_make(cluster, free_gpus);
		bad += asked_try(cluster, i, free_gpus);
		for (size_t f = 0; f < forms_asked; f++)
			for (int n = MIN_SIZE; n <= MAX_SIZE; n++)
				if (n <= __builtin_popcount(free_gpus) &&
				    !request_try(cluster, i, free_gpus, &forms[f], n))
					bad++;
	}
	state_make(cluster, (1u << cluster->gpus) - 1);
	free(states);
	return bad;
}

int main(int argc, char **argv)
{
	struct cluster cluster = {.node = "n0", .gpus = 8};
	int count = 200, option, bad;
	const char *only = NULL;
	uint64_t seed = 1;

	while ((option = getopt(argc, argv, "n:p:g:s:c:f:r:u")) != -1) {
		switch (option) {
		case 'n':
			cluster.node = optarg;
			break;
		case 'p':
			cluster.partition = optarg;
			break;
		case 'g':
			cluster.gpus = number(optarg, MIN_SIZE, MAX_GPUS);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			count = number(optarg, 1, 1000000);
			break;
		case 'f':
			only = optarg;
			break;
		case 'r':
			asked_add(&cluster, optarg);
			break;
		case 'u':
			cluster.show_cpus = true;
			break;
		default:
			return 2;
		}
	}
	slurm_init(NULL);
	holders_find(&cluster);
	if (only) {
		state_make(&cluster, mask_from_list(only, cluster.gpus));
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	fprintf(stderr, "states: seed %llu\n", (unsigned long long)seed);
	bad = states_run(&cluster, seed, count);
	if (bad)
		errx(1, "%d impossible answers", bad);
	return 0;
}
