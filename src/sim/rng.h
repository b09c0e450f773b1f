/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rng.h - random numbers whose whole state is an argument (splitmix64). */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

static inline uint64_t sim_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 to below - 1; the bias of the remainder is under 2^-32 for what is asked here. */
static inline uint64_t sim_random_below(uint64_t *state, uint64_t below)
{
	return sim_random(state) % below;
}

/* Above 0, up to 1. */
static inline double sim_random_unit(uint64_t *state)
{
	return ((double)(sim_random(state) >> 11) + 1) * 0x1p-53;
}

/* Exponential with mean 1. */
static inline double sim_random_exp(uint64_t *state)
{
	return -log(sim_random_unit(state));
}

/* Normal with mean 0 and deviation 1 (Box and Muller, one of the two). */
static inline double sim_random_normal(uint64_t *state)
{
	double radius = sqrt(2 * sim_random_exp(state));

	return radius * cos(6.283185307179586 * sim_random_unit(state));
}

#endif
