/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of GPUs, and the list that Slurm writes for it. */
#include "config.h"

#include "core/library.h"

#include "core/bits.h"

#include <stdio.h>
#include <string.h>

void gt_mask_set(struct gt_mask *m, int gpu)
{
	m->word[gpu / 64] |= UINT64_C(1) << (gpu % 64);
}

void gt_mask_clear(struct gt_mask *m, int gpu)
{
	m->word[gpu / 64] &= ~(UINT64_C(1) << (gpu % 64));
}

bool gt_mask_has(const struct gt_mask *m, int gpu)
{
	return m->word[gpu / 64] >> (gpu % 64) & 1;
}

int gt_mask_count(const struct gt_mask *m)
{
	int count = 0;

	for (int i = 0; i < GT_MASK_WORDS; i++)
		count += gt_bits_count(m->word[i]);
	return count;
}

bool gt_mask_equal(const struct gt_mask *a, const struct gt_mask *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool gt_mask_within(const struct gt_mask *part, const struct gt_mask *whole)
{
	uint64_t outside = 0;

	for (int i = 0; i < GT_MASK_WORDS; i++)
		outside |= part->word[i] & ~whole->word[i];
	return outside == 0;
}

bool gt_mask_meets(const struct gt_mask *a, const struct gt_mask *b)
{
	uint64_t common = 0;

	for (int i = 0; i < GT_MASK_WORDS; i++)
		common |= a->word[i] & b->word[i];
	return common != 0;
}

struct gt_mask gt_mask_first(int count)
{
	struct gt_mask m = {0};

	for (int i = 0; i < count && i < GT_MAX_GPUS; i++)
		gt_mask_set(&m, i);
	return m;
}

struct gt_mask gt_mask_and(const struct gt_mask *a, const struct gt_mask *b)
{
	struct gt_mask m;

	for (int i = 0; i < GT_MASK_WORDS; i++)
		m.word[i] = a->word[i] & b->word[i];
	return m;
}

struct gt_mask gt_mask_or(const struct gt_mask *a, const struct gt_mask *b)
{
	struct gt_mask m;

	for (int i = 0; i < GT_MASK_WORDS; i++)
		m.word[i] = a->word[i] | b->word[i];
	return m;
}

struct gt_mask gt_mask_without(const struct gt_mask *a, const struct gt_mask *b)
{
	struct gt_mask m;

	for (int i = 0; i < GT_MASK_WORDS; i++)
		m.word[i] = a->word[i] & ~b->word[i];
	return m;
}

int gt_mask_next(const struct gt_mask *m, int from)
{
	for (int i = from / 64; i < GT_MASK_WORDS; i++) {
		uint64_t word = m->word[i];

		if (i == from / 64)
			word &= ~UINT64_C(0) << (from % 64);
		if (word)
			return i * 64 + __builtin_ctzll(word);
	}
	return -1;
}

char *gt_mask_format(const struct gt_mask *m, char *buf, size_t size)
{
	size_t used = 0;

	if (size)
		buf[0] = '\0';
	for (int low = gt_mask_next(m, 0); low >= 0 && used < size;) {
		int high = low;
		int n;

		while (high + 1 < GT_MAX_GPUS && gt_mask_has(m, high + 1))
			high++;
		n = snprintf(buf + used, size - used, high > low ? "%s%d-%d" : "%s%d",
			     used ? "," : "", low, high);
		used += n > 0 ? (size_t)n : 0;
		low = high + 1 < GT_MAX_GPUS ? gt_mask_next(m, high + 1) : -1;
	}
	return buf;
}
