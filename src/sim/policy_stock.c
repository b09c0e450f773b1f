/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stock Slurm as a policy: a job of the trace as the request that slurmctld would see. */
#include "config.h"

#include "sim/policy_stock.h"

#include <string.h>

static int at_least(int value, int least)
{
	return value > least ? value : least;
}

/* The fewest sockets that hold the GPUs in equal numbers. */
static int sockets_for(const struct sim_slurm_node *node, uint64_t busy, int gpus)
{
	for (int sockets = 1; sockets < node->sockets; sockets++) {
		int each = (gpus + sockets - 1) / sockets, there = 0;

		for (int s = 0; s < node->sockets; s++)
			there += __builtin_popcountll(node->near[s] & ~busy) >= each;
		if (there >= sockets)
			return sockets;
	}
	return node->sockets;
}

/* The count that the user gave in the job's form, as this node's share of it. */
static int form_count(const struct sim_ask *ask, const struct sim_slurm_node *node,
		      const struct sim_slurm_request *r)
{
	int sockets;

	switch (r->form) {
	case SIM_FORM_JOB:
		return ask->had + ask->count;
	case SIM_FORM_TASK:
		return at_least(ask->count / at_least(r->asked_tasks, 1), 1);
	case SIM_FORM_SOCKET:
		sockets = sockets_for(node, r->busy, ask->count);
		return (ask->count + sockets - 1) / sockets;
	default:
		return ask->count;
	}
}

/* What the user asked of each node, as far as a trace tells. */
static void fill_request(const struct sim_ask *ask, const struct sim_slurm_node *node,
			 struct sim_slurm_request *r)
{
	const struct sim_job *job = ask->job;
	int nodes = at_least(job->nodes, 1), tasks;

	r->one_node = job->nodes == 1;
	/* a job by tasks without their number: one GPU each */
	r->asked_tasks = job->tasks		    ? at_least(job->tasks / nodes, 1)
			 : r->form == SIM_FORM_TASK ? ask->count
						    : 0;
	tasks = at_least(r->asked_tasks, 1);
	r->cores_per_task = at_least(job->cpus / nodes, tasks) / tasks;
	r->count = form_count(ask, node, r);
}

/* Slurm's sets may be smaller than asked where a request does not divide; fill up by
 * index, drop from the top. */
static uint64_t exactly(uint64_t set, uint64_t free, int count)
{
	while (__builtin_popcountll(set) < count && (free & ~set))
		set |= (free & ~set) & -(free & ~set);
	while (__builtin_popcountll(set) > count)
		set &= ~(UINT64_C(1) << (63 - __builtin_clzll(set)));
	return set;
}

/* What the running jobs have left of each socket. */
static void count_free_cores(const struct sim_ask *ask, int per_socket, int *free_cores)
{
	for (int s = 0; s < SIM_MAX_SOCKETS; s++) {
		free_cores[s] = per_socket;
		for (int i = 0; i < ask->slot_count; i++)
			free_cores[s] -= ask->slots[i].cores[s];
		free_cores[s] = at_least(free_cores[s], 0);
	}
}

struct sim_stock sim_stock_answer(const struct sim_chooser *c, const struct sim_ask *ask,
				  enum sim_slurm_release release, uint64_t hidden)
{
	const struct sim_type *type = &c->layout->types[ask->type];
	struct sim_slurm_request r = {
		.form = (enum sim_form)ask->job->form,
		.busy = ask->busy | hidden,
		.had = ask->had,
		.nodes_left = 1,
	};
	struct sim_stock stock = {0};
	int free_cores[SIM_MAX_SOCKETS];

	count_free_cores(ask, type->cores_per_socket, free_cores);
	fill_request(ask, &type->slurm, &r);
	sim_slurm_cores(&r, release, &type->slurm, free_cores);
	sim_slurm_tasks(&r, release);
	for (int s = 0; s < type->slurm.sockets; s++) {
		stock.cores[s] = (uint16_t)r.cores[s];
		stock.core_count += r.cores[s];
		if (r.cores[s] > 0)
			stock.near |= type->slurm.near[s];
	}
	stock.set = exactly(sim_slurm_select(release, &type->slurm, &r),
			    type->all & ~r.busy, ask->count);
	return stock;
}

uint64_t sim_stock_take(struct sim_chooser *c, const struct sim_stock *stock)
{
	memcpy(c->cores, stock->cores, sizeof(c->cores));
	return stock->set;
}

static uint64_t choose(struct sim_chooser *c, const struct sim_ask *ask,
		       enum sim_slurm_release release)
{
	struct sim_stock stock = sim_stock_answer(c, ask, release, 0);

	return sim_stock_take(c, &stock);
}

uint64_t sim_choose_slurm_22_05(struct sim_chooser *c, const struct sim_ask *ask)
{
	return choose(c, ask, SIM_SLURM_22_05);
}

uint64_t sim_choose_slurm_24_05(struct sim_chooser *c, const struct sim_ask *ask)
{
	return choose(c, ask, SIM_SLURM_24_05);
}
