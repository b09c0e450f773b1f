/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gen.h - jobs drawn at random: a Poisson stream of sizes and durations. */
#ifndef SIM_GEN_H
#define SIM_GEN_H

#include "sim/trace.h"

enum sim_duration { SIM_DURATION_EXP, SIM_DURATION_LOGNORMAL, SIM_DURATION_FIXED };

/* Numbers to draw from, each as likely as another. */
struct sim_sample {
	double *values;
	size_t count;
	int64_t left_out; /* rows without a positive number */
};

struct sim_gen {
	struct gt_mix mix;	 /* sizes */
	struct sim_sample sizes; /* or drawn from these; count 0: from mix */
	enum sim_duration kind;
	double a, b; /* exp: mean; lognormal: mu, sigma; fixed: a. Seconds */
	struct sim_sample durations; /* or drawn from these, seconds */
	double load;		     /* share of the GPUs that is asked for */
	bool loss;		     /* load is the share that is busy where jobs that do
				      * not fit are lost: gpus is then one node */
	int gpus;
	int64_t jobs;
	double limit; /* time limit over duration, >= 1; 0: no limits */
	enum sim_form form;
	uint64_t seed;
};

/* "exp:3600", "lognormal:8:1.5", "fixed:60". */
enum gt_err sim_gen_duration(struct sim_gen *gen, const char *text, struct gt_error *err);
/* Read a column of a CSV file, by "FILE:COLUMN". */
enum gt_err sim_sample_load(struct sim_sample *sample, const char *spec,
			    struct gt_error *err);
void sim_sample_release(struct sim_sample *sample);
/* Draw the jobs; the trace is the caller's to release. */
enum gt_err sim_gen_run(const struct sim_gen *gen, struct sim_trace *trace,
			struct gt_error *err);
/* The mean run time, seconds, and one that is drawn. */
double sim_gen_mean_duration(const struct sim_gen *gen);
double sim_gen_draw_duration(const struct sim_gen *gen, uint64_t *random);
/* The jobs a second that the stream has. */
double sim_gen_rate(const struct sim_gen *gen);

#endif
