/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slices.c - what the tests of --mig inside slurmctld share.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/slices.h"

const struct mock_gpus two_gpus = {.count = 2};

/* ---- the stage ------------------------------------------------------------------------
 */

/* gputopo.conf and a node file of two GPUs in MIG mode; minors: of GPU 0 and 1. */
void write_files(const char *conf, int minor0, int minor1)
{
	char text[800];

	snprintf(text, sizeof(text),
		 "{\"version\": 1, \"gpus\": [{\"model\": \"" SLICES_MODEL
		 "\", \"mig\": true, \"minor\": %d}, {\"model\": \"" SLICES_MODEL
		 "\", \"mig\": true, \"minor\": %d}], \"links\": [[0,0],[0,0]]}\n",
		 minor0, minor1);
	write_file("mig.json", text);
	write_conf(conf);
}

void slices_setup(void)
{
	stage_setup();
	the_time = NOW;
	write_files("NodeName=n[0-3] Topology=mig.json\n", 0, 1);
}

void free_env(job_record_t *job)
{
	for (uint32_t i = 0; i < job->spank_job_env_size; i++)
		xfree(job->spank_job_env[i]);
	xfree(job->spank_job_env);
	job->spank_job_env = NULL;
	job->spank_job_env_size = 0;
}

void slices_teardown(void)
{
	for (int i = 0; job_list && i < job_list->count; i++)
		free_env(job_list->item[i]);
	stage_teardown();
}

/* Nodes n0, n1, ... of two GPUs, eight shards each, as slurmctld starts. */
void start_sliced(int nodes)
{
	static const char *const names[] = {"n0", "n1", "n2", "n3"};

	for (int n = 0; n < nodes; n++)
		mock_node_share(mock_node_add(names[n], &two_gpus), UNITS);
	start();
}

/* ---- jobs -----------------------------------------------------------------------------
 */

void set_env(job_record_t *job, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 2;
	uint32_t n = job->spank_job_env_size++;

	char **env = mock_alloc((n + 1) * sizeof(char *));

	for (size_t i = 0; i < n; i++)
		env[i] = job->spank_job_env[i];
	xfree(job->spank_job_env);
	job->spank_job_env = env;
	job->spank_job_env[n] = mock_alloc(size);
	snprintf(job->spank_job_env[n], size, "%s=%s", name, value);
}

static const char *env_of(const job_record_t *job, const char *name)
{
	size_t length = strlen(name);

	for (uint32_t i = 0; i < job->spank_job_env_size; i++)
		if (strncmp(job->spank_job_env[i], name, length) == 0 &&
		    job->spank_job_env[i][length] == '=')
			return job->spank_job_env[i] + length + 1;
	return NULL;
}

const char *place_of(const job_record_t *job)
{
	return env_of(job, GP_ENV_MIG_PLACE);
}

/* A pending job of --mig=wish with these shards on each node. */
job_record_t *mig_job(const char *wish, int shards)
{
	job_record_t *job = mock_job_add(stage.next_job++);

	if (wish)
		set_env(job, GP_ENV_MIG, wish);
	if (shards)
		mock_job_entry(job, "shard", NULL)->gres_per_node = (uint64_t)shards;
	return job;
}

/* As slurmctld starts a job that was answered; seconds: until it ends, 0: no limit. */
void begin(job_record_t *job, int seconds)
{
	ck_assert_int_eq(stage.ours.job_begin(job), SLURM_SUCCESS);
	mock_shards_take(job);
	job->start_time = the_time;
	job->end_time = the_time + seconds;
	job->time_limit = seconds ? 1 + (uint32_t)seconds / 60 : INFINITE;
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
}

job_record_t *run_mig(const char *wish, int shards, int seconds)
{
	job_record_t *job = mig_job(wish, shards);
	uint64_t nodes;

	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	begin(job, seconds);
	return job;
}

/* A job that runs already, as found after a restart: entries are "NODE:GPU:START:SIZE",
 * each with its shards counted. */
job_record_t *found(const char *wish, const char *place, int seconds)
{
	job_record_t *job = mock_job_add(stage.next_job++);

	set_env(job, GP_ENV_MIG, wish);
	set_env(job, GP_ENV_MIG_PLACE, place);
	for (const char *at = place; at; at = strchr(at, ',')) {
		int node, gpu, start, size;

		at += *at == ',';
		ck_assert_int_eq(sscanf(at, "n%d:%d:%d:%d", &node, &gpu, &start, &size),
				 4);
		mock_node_shards(node)->topo_gres_cnt_alloc[gpu] += (uint64_t)size;
		bit_set(mock_node_shards(node)->gres_bit_alloc, gpu);
	}
	job->job_state = JOB_RUNNING;
	job->end_time = NOW + seconds;
	job->time_limit = seconds ? 1 : INFINITE;
	return job;
}

job_record_t *run_whole(int node, uint64_t gpus, int seconds)
{
	job_record_t *job = mock_job_add(stage.next_job++);

	mock_job_run(job, node, gpus);
	job->end_time = the_time + seconds;
	job->time_limit = seconds ? 1 : INFINITE;
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	return job;
}

/* The job ends as on 22.05: shards are given back, and the GPU's bit is cleared. */
void end(job_record_t *job)
{
	mock_shards_return(job);
	job->job_state = JOB_COMPLETE;
	ck_assert_int_eq(stage.ours.job_fini(job), 0);
}

/* ---- what is expected -----------------------------------------------------------------
 */

struct before look(const job_record_t *job)
{
	return (struct before){job->details->min_cpus, job->total_cpus,
			       job->details->pn_min_memory, job->best_switch};
}

void expect_same(const job_record_t *job, const struct before *b)
{
	ck_assert_uint_eq(job->details->min_cpus, b->min_cpus);
	ck_assert_uint_eq(job->details->pn_min_memory, b->memory);
	ck_assert_uint_eq(job->total_cpus, b->total_cpus);
	ck_assert(job->best_switch == b->best_switch);
	ck_assert_ptr_null(job->job_resrcs);
}

/* It waits, whatever was asked of stock. */
void expect_busy(job_record_t *job, int calls)
{
	struct before b = look(job);
	uint64_t nodes;

	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), ESLURM_NODES_BUSY);
	ck_assert_int_eq(mock_stock.calls, calls);
	expect_same(job, &b);
}

void expect_place(const char *why, const char *wish, int shards, const char *place)
{
	job_record_t *job = run_mig(wish, shards, 0);

	ck_assert_msg(place_of(job) && strcmp(place_of(job), place) == 0, "%s: %s", why,
		      place_of(job) ? place_of(job) : "none");
}

/* WILL_RUN says so many seconds from now. */
void expect_forecast(const char *why, job_record_t *job, long seconds)
{
	uint64_t nodes;

	job->start_time = the_time;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ck_assert_msg(job->start_time == NOW + seconds, "%s: in %ld s, not %ld", why,
		      (long)(job->start_time - NOW), seconds);
	if (seconds)
		ck_assert_str_eq(
			job->state_desc,
			"gputopo: waiting for free MIG slices that fit together");
	else
		ck_assert_ptr_null(job->state_desc);
}
