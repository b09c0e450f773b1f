/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_oracle.h - GPU instances by brute force, from the rules as NVIDIA states them.
 * Shares no code with the library and knows none of its types: slow and plain.
 */
#ifndef MIG_ORACLE_H
#define MIG_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#define OM_PROFILES 24
#define OM_UNITS    16
#define OM_GPUS	    16
#define OM_PLACES   64

struct om_profile {
	int size, compute, max;
	bool start[OM_UNITS];
};

struct om_table {
	int units, compute, profiles;
	struct om_profile profile[OM_PROFILES];
};

/* ---- counting ---- */

struct om_counts {
	long sets;    /* legal sets, the empty one too */
	long masks;   /* different sets of occupied units */
	long maximal; /* sets that no instance can join */
	int most_compute;
	int most[OM_PROFILES]; /* instances of each profile in one set */
};

/* Every legal set; without_compute drops the rule about compute slices, to see that it
 * follows from the others. */
void om_count(const struct om_table *t, bool without_compute, struct om_counts *counts);

/* ---- a fleet ---- */

/* holds[gpu][unit]: the profile that starts there, -1: none. */
struct om_fleet {
	const struct om_table *table;
	int gpus;
	int holds[OM_GPUS][OM_UNITS];
};

void om_fleet_init(struct om_fleet *f, const struct om_table *t, int gpus);
bool om_legal(const struct om_fleet *f, int gpu, int profile, int start);
int om_used(const struct om_fleet *f, int gpu);
uint16_t om_mask(const struct om_fleet *f, int gpu);

/* ---- what policies look at ---- */

enum om_policy {
	OM_LOOKAHEAD,
	OM_FRAG,
	OM_PACK,
	OM_SPREAD,
	OM_FIRST,
	OM_DRIVER,
	OM_SAME
};

/* Shares of the profiles and the memory of what was computed. */
struct om_mind;
struct om_mind *om_mind_new(const struct om_table *t, const double *weight);
void om_mind_free(struct om_mind *m);

/* Free units that a request of the mix could use on an empty GPU and cannot use now. */
double om_stranded(const struct om_mind *m, const struct om_fleet *f, int gpu);

/* The place by the definition of the policy; false: none. *margin: by how much its merit
 * beats the best other place with another merit (0: exact comparison, no fractions). */
bool om_place(struct om_mind *m, const struct om_fleet *f, enum om_policy policy,
	      int profile, int *gpu, int *start, double *margin);

/* ---- plans ---- */

/* The fewest GPUs for demand[profile], and the most instances of now (may be NULL) that a
 * plan with so few GPUs leaves as they are. Small demands only. */
int om_plan(const struct om_table *t, const int *demand, const struct om_fleet *now,
	    int *kept);

/* Every vector of counts that fits one GPU, as [*vectors][profiles]; the caller's. */
int *om_vectors(const struct om_table *t, int *vectors);

#endif
