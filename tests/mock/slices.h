/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slices.h - what the tests of --mig inside slurmctld share: nodes of two A100-80GB in
 * MIG mode with a shard for each memory slice, and jobs that hold some.
 */
#ifndef GPUTOPO_TESTS_SLICES_H
#define GPUTOPO_TESTS_SLICES_H

#include "plugin/common/mig_names.h"
#include "tests/mock/stage.h"

#define UNITS	     8
#define NOW	     ((time_t)1000000) /* when a test begins */
#define SLICES_MODEL "NVIDIA A100-SXM4-80GB"
#define YEAR	     (365 * 24 * 3600) /* as far as a forecast goes */

extern const struct mock_gpus two_gpus;

/* The fixture, instead of stage_setup and stage_teardown. */
void slices_setup(void);
void slices_teardown(void);

/* gputopo.conf, and mig.json of two GPUs in MIG mode with these minors. */
void write_files(const char *conf, int minor0, int minor1);
/* n0, n1, ... up to four, and the start of slurmctld. */
void start_sliced(int nodes);

void set_env(job_record_t *job, const char *name, const char *value);
void free_env(job_record_t *job);
/* GPUTOPO_MIG_PLACE, or NULL. */
const char *place_of(const job_record_t *job);

/* A pending job of --mig=wish (NULL: none) with these shards on each node. */
job_record_t *mig_job(const char *wish, int shards);
/* As slurmctld starts a job that was answered; seconds: until it ends, 0: no limit. */
void begin(job_record_t *job, int seconds);
/* Both, with an answer that has to be a start. */
job_record_t *run_mig(const char *wish, int shards, int seconds);
/* A job that runs already, as found after a restart: place is "NODE:GPU:START:SIZE,...",
 * and their shards are counted. */
job_record_t *found(const char *wish, const char *place, int seconds);
/* A job that has whole GPUs of a node. */
job_record_t *run_whole(int node, uint64_t gpus, int seconds);
/* The job ends as on 22.05: shards are given back, and the GPU's bit is cleared. */
void end(job_record_t *job);

/* What a run of job_test may change in a job, and must not if it fails. */
struct before {
	uint32_t min_cpus, total_cpus;
	uint64_t memory;
	bool best_switch;
};

struct before look(const job_record_t *job);
void expect_same(const job_record_t *job, const struct before *b);
/* It waits, after so many calls of stock. */
void expect_busy(job_record_t *job, int calls);
/* It starts, and is placed there. */
void expect_place(const char *why, const char *wish, int shards, const char *place);
/* WILL_RUN says so many seconds from now, and squeue why, unless it is now. */
void expect_forecast(const char *why, job_record_t *job, long seconds);

#endif
