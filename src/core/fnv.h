/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fnv.h - FNV-1a of 64 bits, to name texts and states by their content. Not for keys that
 * somebody may choose: collisions are easily made.
 * Constants: draft-eastlake-fnv (offset basis and prime of 64 bits).
 */
#ifndef GT_CORE_FNV_H
#define GT_CORE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define GT_FNV_START UINT64_C(0xcbf29ce484222325)

/* One step, of a byte or, as a quick mix, of a whole number. */
static inline uint64_t gt_fnv_mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * UINT64_C(0x100000001b3);
}

/* The hash of size bytes behind what hash holds already. */
static inline uint64_t gt_fnv(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *at = data;

	for (size_t i = 0; i < size; i++)
		hash = gt_fnv_mix(hash, at[i]);
	return hash;
}

#endif
