/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mig_tables.h - a table of the library in the oracle's terms, and random numbers. */
#ifndef MIG_TABLES_H
#define MIG_TABLES_H

#include "core/library.h"
#include "mig_oracle.h"

static inline struct om_table om_table_of(const struct gt_mig_gpu *gpu)
{
	struct om_table t = {.units = gpu->units, .compute = gpu->compute};

	for (int p = 0; p < gpu->count; p++) {
		struct om_profile *o = &t.profile[t.profiles++];

		o->size = gpu->profile[p].size;
		o->compute = gpu->profile[p].compute;
		o->max = gpu->profile[p].max;
		for (int s = 0; s < OM_UNITS; s++)
			o->start[s] = gpu->profile[p].starts >> s & 1;
	}
	return t;
}

/* splitmix64; a number from 0 to below. */
static inline int om_random(uint64_t *state, int below)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (int)((z ^ z >> 31) % (uint64_t)below);
}

#endif
