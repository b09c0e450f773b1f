/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mdp.h - the best that any online rule can reach on one node, exactly.
 *
 * The model is a loss system: jobs of k GPUs come as a Poisson stream, stay for an
 * exponential time of mean 1, and are lost where fewer than k GPUs are free. A state is a
 * partial partition of the GPUs into running jobs; a rule says which GPUs each accepted
 * job gets. What is maximised is the mean reward of accepted jobs of two GPUs and more,
 * each counted once. The sizes that run do not depend on the rule, only the places do, so
 * that mean is the long-run reward a unit of time over the rate of such jobs.
 */
#ifndef MDP_H
#define MDP_H

#define MDP_MAX 8 /* GPUs: 21,147 states */

struct mdp;

/* Every state of n GPUs and every way to place a job in it. NULL: out of memory. */
struct mdp *mdp_new(int n);
void mdp_free(struct mdp *m);
int mdp_states(const struct mdp *m);

/* A stream of jobs: chance[k] of k GPUs (sizes above n are always lost), rate a unit of
 * time. */
struct mdp_stream {
	double chance[MDP_MAX + 1];
	double rate;
};

/* The rate at which a share `load` of the n GPUs is busy; chance must be filled in. */
void mdp_set_load(struct mdp_stream *s, int n, double load);

/* The optimum; reward[set] is what a job gets of exactly that set. */
double mdp_optimum(const struct mdp *m, const struct mdp_stream *s, const double *reward);

/* What a fixed rule reaches. It returns the set for a job of k GPUs, from free, while the
 * jobs in running hold the rest. */
typedef unsigned mdp_rule(void *ctx, unsigned free, const unsigned *running, int jobs,
			  int k);
double mdp_reached(const struct mdp *m, const struct mdp_stream *s, const double *reward,
		   mdp_rule *rule, void *ctx);

#endif
