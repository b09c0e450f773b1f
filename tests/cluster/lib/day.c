/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * day: play a trace of jobs to slurmctld, event by event instead of second by second, so
 * that the same trace meets the same states in every run.
 *
 *   day <ROWS: "ID SUBMIT SECONDS GPUS FORM", by SUBMIT
 *
 * FORM is node (--gpus-per-node), job (--gpus), task (-n GPUS --gpus-per-task=1), or wN:
 * N nodes with --gpus-per-node under one leaf switch, which a base block is without being
 * asked. A job that does not fit waits at the head of one queue. Each start is a line "ID
 * JOB NODE GPUS WAIT"; GPUs as gres indices, "0,2-3", the wait in seconds of the trace.
 * Nodes need no slurmd.
 */
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"

#define MAX_JOBS 100000
#define WAIT_MS	 20000 /* for a node to come to rest after a job's end */

struct day_job {
	unsigned id;
	double submit, seconds;
	int gpus;
	char form[8];
	double end; /* in the trace's time; 0: not started */
	uint32_t slurm;
	uint32_t mask;
	uint32_t nodes;
	char node[256];
};

static struct day_job jobs[MAX_JOBS];
static int job_count;
static int *running, running_count; /* indices */

static void rows_read(void)
{
	struct day_job *job = jobs;

	while (scanf("%u %lf %lf %d %7s", &job->id, &job->submit, &job->seconds,
		     &job->gpus, job->form) == 5) {
		job->nodes = job->form[0] == 'w' ? (uint32_t)atoi(job->form + 1) : 1;
		if (++job_count == MAX_JOBS)
			errx(2, "more than %d jobs", MAX_JOBS - 1);
		job = &jobs[job_count];
	}
	if (!feof(stdin) || !job_count)
		errx(2, "a row is not ID SUBMIT SECONDS GPUS FORM");
}

/* Learn where it runs. */
static void job_look(struct day_job *job)
{
	job_info_msg_t *info;

	if (gp_load_job(&info, job->slurm, SHOW_DETAIL) || info->record_count != 1)
		errx(1, "no answer for job %u: %s", job->slurm, slurm_strerror(errno));
	snprintf(job->node, sizeof(job->node), "%s", info->job_array[0].nodes);
	job->mask = ask_job_gpus(&info->job_array[0]);
	slurm_free_job_info_msg(info);
}

/* false: no room now. */
static bool job_start(struct day_job *job, double now)
{
	resource_allocation_response_msg_t *answer = NULL;
	job_desc_msg_t desc;
	char tres[32], text[64];

	ask_init(&desc, "day");
	ask_tres(tres, sizeof(tres), strcmp(job->form, "task") ? job->gpus : 1);
	if (strcmp(job->form, "job") == 0)
		desc.tres_per_job = tres;
	else if (strcmp(job->form, "node") == 0 || job->form[0] == 'w')
		desc.tres_per_node = tres;
	else
		desc.tres_per_task = tres;
	if (strcmp(job->form, "task") == 0)
		desc.num_tasks = desc.min_cpus = (uint32_t)job->gpus;
	desc.min_nodes = desc.max_nodes = job->nodes;
	if (job->form[0] == 'w') {
		desc.req_switch = 1;
		desc.wait4switch = 1000000;
	}
	desc.immediate = 1;
	if (slurm_allocate_resources(&desc, &answer) || !answer)
		return false;
	job->slurm = GP_JOB_ID(answer);
	slurm_free_resource_allocation_response_msg(answer);
	job_look(job);
	if (__builtin_popcount(job->mask) != job->gpus)
		errx(1, "job %u got GPUs %#x, not %d", job->slurm, job->mask, job->gpus);
	job->end = now + job->seconds;
	printf("%u %u %s %s %.1f\n", job->id, job->slurm, job->node,
	       ask_mask_text(job->mask, text, sizeof(text)), now - job->submit);
	return true;
}

/* All nodes have said that the job is over. */
static bool job_rests(const struct day_job *job)
{
	job_info_msg_t *info;
	bool rests;

	if (gp_load_job(&info, job->slurm, 0))
		return errno == ESLURM_INVALID_JOB_ID;
	rests = info->record_count == 1 &&
		!(info->job_array[0].job_state & JOB_COMPLETING) &&
		(info->job_array[0].job_state & JOB_STATE_BASE) > JOB_SUSPENDED;
	slurm_free_job_info_msg(info);
	return rests;
}

/* The node has no job of these GPUs any more and nothing is ending there. */
static bool node_rests(const struct day_job *job)
{
	node_info_msg_t *info;
	bool rests;

	if (job->nodes > 1)
		return job_rests(job);

	if (slurm_load_node_single(&info, (char *)job->node, SHOW_DETAIL) ||
	    info->record_count != 1)
		errx(1, "no answer for node %s: %s", job->node, slurm_strerror(errno));
	rests = !(ask_mask_from_gres(info->node_array[0].gres_used) & job->mask) &&
		!(info->node_array[0].node_state & NODE_STATE_COMPLETING);
	slurm_free_node_info_msg(info);
	return rests;
}

static void job_finish(const struct day_job *job)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	ask_job_end(job->slurm);
	for (int i = 0; !node_rests(job); i++) {
		if (i == WAIT_MS)
			errx(1, "%s does not come to rest", job->node);
		nanosleep(&ms, NULL);
	}
}

/* The place in running[] of the next to end; -1: none runs. */
static int next_end(void)
{
	int next = -1;

	for (int i = 0; i < running_count; i++)
		if (next < 0 || jobs[running[i]].end < jobs[running[next]].end)
			next = i;
	return next;
}

int main(void)
{
	int head = 0, arrived = 0;

	slurm_init(NULL);
	rows_read();
	running = calloc((size_t)job_count, sizeof(*running));
	if (!running)
		err(1, "running jobs");
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (head < job_count || running_count) {
		int next = next_end();
		double now;

		if (next >= 0 && (arrived == job_count ||
				  jobs[running[next]].end <= jobs[arrived].submit)) {
			now = jobs[running[next]].end;
			job_finish(&jobs[running[next]]);
			running[next] = running[--running_count];
		} else if (arrived < job_count) {
			now = jobs[arrived++].submit;
		} else {
			errx(1, "job %u never fits", jobs[head].id);
		}
		while (head < arrived && job_start(&jobs[head], now))
			running[running_count++] = head++;
	}
	return 0;
}
