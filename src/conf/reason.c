/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reason.c - the words and sentences that say why a job kept stock's GPUs or got others.
 * Used by the decision log, the metrics and slurmctld's log.
 */
#include "conf/reason.h"

static const struct {
	const char *word;
	const char *text;
	bool for_admin;
} reasons[GP_REASON_COUNT] = {
	[GP_OK] = {"ok", "a choice is possible", false},
	[GP_CHANGED] = {"changed", "better connected GPUs were free", false},
	[GP_OBSERVED] = {"observed", "better connected GPUs were free (Mode=observe)",
			 false},
	[GP_BEST] = {"best", "stock's GPUs are as good as any", false},
	[GP_NO_GPUS] = {"no-gpus", "the job asks for no GPUs", false},
	[GP_NO_CHOICE] = {"no-choice", "no more GPUs are free than asked", false},
	[GP_OFF] = {"off", "Mode=off", false},
	[GP_EXCLUSIVE] = {"exclusive", "the job gets the whole node", false},
	[GP_PREEMPTION] = {"preemption", "other jobs must be preempted first", false},
	[GP_SHARED] = {"shared", "mps or shard shares these GPUs", false},
	[GP_ENFORCE_BINDING] = {"enforce-binding", "the job enforces GPU binding", false},
	[GP_PER_SOCKET] = {"per-socket", "GPUs per socket, and their sockets are unknown",
			   false},
	[GP_NO_TOPOLOGY] = {"no-topology", "no Topology= and no Links=", true},
	[GP_SIZE] = {"size", "the topology has a different number of GPUs", true},
	[GP_LIMIT] = {"limit", "more GPUs or types than gputopo looks at", true},
	[GP_NO_FILES] = {"no-files",
			 "slurmctld only counts the GPUs (give each File= and Cores= or "
			 "Type= in gres.conf)",
			 true},
	[GP_BAD_LINKS] = {"bad-links", "Links= of gres.conf contradict themselves", true},
	[GP_PERMUTED] = {"permuted",
			 "GPUs of several types, and no Links= to show their order",
			 true},
	[GP_LINKS_DIFFER] = {"links-differ", "Links= of gres.conf and Topology= differ",
			     true},
	[GP_NO_READER] = {"no-reader", "gputopo_topology.so cannot be loaded", true},
	[GP_INSTANCES] = {"instances", "MIG instances are not those of Topology=", true},
	[GP_BUDGET] = {"budget", "the search ran out of steps", true},
	[GP_INDEX] = {"index", "the index of running jobs disagrees with the node", true},
	[GP_ABI_MISMATCH] = {"abi-mismatch",
			     "slurmctld's structs are not those gputopo was built for",
			     true},
	[GP_MEMORY] = {"memory", "out of memory", true},
	[GP_WAIT] = {"wait", "the job waits for better connected GPUs", false},
	[GP_RERUN] = {"rerun", "stock can't place the job on better GPUs", false},
};

const char *gp_reason_word(enum gp_reason reason)
{
	return reasons[reason].word;
}

const char *gp_reason_text(enum gp_reason reason)
{
	return reasons[reason].text;
}

bool gp_reason_is_for_admin(enum gp_reason reason)
{
	return reasons[reason].for_admin;
}
