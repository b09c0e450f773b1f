/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stage.h - what the tests of the glue share: machines, sets, jobs, and the call of
 * job_test that sees to it that nothing of the nodes has changed behind it.
 */
#ifndef GPUTOPO_TESTS_STAGE_H
#define GPUTOPO_TESTS_STAGE_H

#include <time.h>

#include "tests/mock/mock.h"
#include "tests/unit/unit.h"

/* NVLinks of a DGX-1 with V100, as its gres.conf would have them. */
extern const int dgx1v[64];
extern const struct mock_gpus dgx;

/* GPUs 0,2,4,6 are aa, the rest bb; Slurm groups the bits by type: rows move, columns
 * don't. */
extern const int regrouped[8];
extern const char *const types[8];

#define SET1(a)		 ((uint64_t)1 << (a))
#define SET2(a, b)	 (SET1(a) | SET1(b))
#define SET3(a, b, c)	 (SET2(a, b) | SET1(c))
#define SET4(a, b, c, d) (SET2(a, b) | SET2(c, d))

#define ROWS(array) ((int)(sizeof(array) / sizeof(array[0])))

/* The last arguments of a job_test, of which the releases have one or two. */
#if GP_TAIL_COUNT == 1
#define TAIL NULL
#else
#define TAIL NULL, NULL
#endif

struct stage {
	struct mock_ours ours; /* our plugin, loaded */
	char dir[64];	       /* of slurm.conf and gputopo.conf */
	char slurm_conf_path[128];
	gp_list_t preempted; /* what job_test was given for preemptees */
	uint32_t next_job;
	uint32_t asked_nodes; /* -N, or 1 */
	bool preempts_none;   /* job_test without jobs to preempt */
	uint64_t offered;     /* nodes that job_test is given; 0: all */
};

extern struct stage stage;

/* The clock of test and plugin; 0, as stage_setup leaves it: the real one. With ticking a
 * second goes by with each look. */
extern time_t the_time;
extern bool ticking;

void stage_setup(void);
void stage_teardown(void);
/* A file beside gputopo.conf. */
void write_file(const char *name, const char *text);
void write_conf(const char *text);
/* This command line succeeds. */
void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* As slurmctld starts: node table, recovery, reconfigure. */
void start(void);
/* One node n0, and jobs of one GPU each that leave only these free. */
void start_with(const struct mock_gpus *gpus, uint64_t free);
/* A pending job of --gpus-per-node=gpus. */
job_record_t *job_for(int gpus);
/* job_test with the offered nodes; those of the answer are returned in *nodes. Stock is
 * asked with no other, whatever happens. */
int test_job(job_record_t *job, uint16_t mode, uint64_t *nodes);
/* Run the job now and return its GPUs on node 0. */
uint64_t run(job_record_t *job);
/* It gets these, after so many calls of the stock plugin. */
void expect_stock(job_record_t *job, uint64_t gpus, int calls);
/* The job with this as its only control variable, as the SPANK plugin sets it. */
job_record_t *job_with(job_record_t *job, const char *option);
/* n0, n1, ... up to four DGX-1V with these free GPUs each. */
void start_nodes(const uint64_t *free, int count);
/* Run the job now and return its nodes. */
uint64_t nodes_of(job_record_t *job);
/* It is not started now. */
void expect_wait(job_record_t *job);
/* A pending job of --gpus=gpus. */
job_record_t *job_total(uint64_t gpus);

#endif
