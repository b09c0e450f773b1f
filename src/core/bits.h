/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting bits in line: without -mpopcnt the compiler's built-in is a call into libgcc.
 */
#ifndef GT_BITS_H
#define GT_BITS_H

#include <stdint.h>

/* Sums of pairs, of nibbles, of bytes; the product adds the bytes up in the highest. */
static inline int gt_bits_count(uint64_t v)
{
	v -= v >> 1 & UINT64_C(0x5555555555555555);
	v = (v & UINT64_C(0x3333333333333333)) + (v >> 2 & UINT64_C(0x3333333333333333));
	v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (int)(v * UINT64_C(0x0101010101010101) >> 56);
}

#endif
