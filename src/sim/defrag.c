/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fewest restarts that free a set. */
#include "config.h"

#include "sim/defrag.h"

#include <stdlib.h>
#include <string.h>

enum { FREE = -1, OUT = -2 };

enum gt_err sim_moment_init(struct sim_moment *m, const struct sim_trace *trace,
			    const struct sim_result *r, int64_t at_ms,
			    struct gt_error *err)
{
	size_t all = (size_t)r->layout->nodes * SIM_MAX_GPUS;

	*m = (struct sim_moment){trace, r, at_ms, malloc(all * sizeof(*m->holder))};
	if (!m->holder)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	for (size_t i = 0; i < all; i++)
		m->holder[i] = r->layout->down[i / SIM_MAX_GPUS] >> i % SIM_MAX_GPUS & 1
				       ? OUT
				       : FREE;
	for (size_t i = 0; i < r->count; i++) {
		const struct sim_outcome *o = &r->jobs[i];

		if (o->flags & SIM_REJECTED || o->start_ms > at_ms || o->end_ms <= at_ms)
			continue;
		for (int p = 0; p < o->places; p++) {
			const struct sim_place *place =
				&r->places[o->place + (unsigned)p];

			for (uint64_t left = place->mask; left; left &= left - 1)
				m->holder[place->node * SIM_MAX_GPUS +
					  __builtin_ctzll(left)] = (int32_t)i;
		}
	}
	return GT_OK;
}

void sim_moment_release(struct sim_moment *m)
{
	free(m->holder);
	memset(m, 0, sizeof(*m));
}

/* The jobs that hold GPUs of the set; false: one of them may not restart. */
static bool list_holders(const struct sim_moment *m, int node, uint64_t set,
			 const bool *fixed, struct sim_defrag *d)
{
	d->restarts = 0;
	d->lost_gpu_hours = 0;
	for (uint64_t left = set; left; left &= left - 1) {
		int32_t job = m->holder[node * SIM_MAX_GPUS + __builtin_ctzll(left)];
		int at = d->restarts;

		if (job == OUT || (job >= 0 && fixed && fixed[job]))
			return false;
		for (int i = 0; i < d->restarts && at == d->restarts; i++)
			if (d->jobs[i] >= job)
				at = i;
		if (job == FREE || (at < d->restarts && d->jobs[at] == job))
			continue;
		memmove(&d->jobs[at + 1], &d->jobs[at],
			(size_t)(d->restarts - at) * sizeof(*d->jobs));
		d->jobs[at] = job;
		d->restarts++;
		d->lost_gpu_hours += (double)(m->at_ms - m->result->jobs[job].start_ms) /
				     3600000 * m->trace->jobs[job].gpus;
	}
	return true;
}

static bool is_better(const struct sim_defrag *a, const struct sim_defrag *b)
{
	if (a->restarts != b->restarts)
		return a->restarts < b->restarts;
	if (a->lost_gpu_hours != b->lost_gpu_hours)
		return a->lost_gpu_hours < b->lost_gpu_hours;
	return a->mbps > b->mbps;
}

/* The next larger number with as many bits. */
static uint64_t next_set(uint64_t set)
{
	uint64_t low = set & -set, up = set + low;

	return up | (((set ^ up) >> 2) / low);
}

bool sim_defrag_node(const struct sim_moment *m, struct sim_value *values, int node,
		     const struct sim_defrag_want *want, struct sim_defrag *found)
{
	struct sim_value *value = &values[m->result->layout->type_of[node]];
	int n = value->type->n;
	int32_t ideal = want->gpus <= n ? value->ideal[want->gpus].busbw_mbps : 0;
	bool any = false;

	if (want->gpus > n || n > SIM_DEFRAG_GPUS)
		return false;
	for (uint64_t set = (UINT64_C(1) << want->gpus) - 1; set < UINT64_C(1) << n;
	     set = next_set(set)) {
		struct sim_defrag here = {.node = node, .set = set, .ideal_mbps = ideal};

		if (want->gpus > 1)
			here.mbps = sim_value_set(value, set).busbw_mbps;
		if (here.mbps < want->ratio * ideal - .5 ||
		    !list_holders(m, node, set, want->fixed, &here))
			continue;
		if (!any || is_better(&here, found))
			*found = here;
		any = true;
	}
	return any;
}
