/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_stock.h - the policies that Slurm has a part in: stock itself, and the plugin.
 */
#ifndef SIM_POLICY_STOCK_H
#define SIM_POLICY_STOCK_H

#include "sim/policy.h"

/* What slurmctld answers on one node. */
struct sim_stock {
	uint64_t set;
	uint64_t near; /* GPUs of the sockets that hold its cores */
	uint16_t cores[SIM_MAX_SOCKETS];
	int core_count;
};

/* As if the GPUs of hidden were busy too. */
struct sim_stock sim_stock_answer(const struct sim_chooser *c, const struct sim_ask *ask,
				  enum sim_slurm_release release, uint64_t hidden);
/* Let it be the chooser's answer, its cores too; returns its set. */
uint64_t sim_stock_take(struct sim_chooser *c, const struct sim_stock *stock);

sim_choose sim_choose_slurm_22_05, sim_choose_slurm_24_05, sim_choose_gputopo;

#endif
