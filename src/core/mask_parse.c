/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of GPUs from text, "0,2-4". */
#include "config.h"

#include "core/library.h"

#include <string.h>

/* Digits at *at into *value; false if there are none or the number is >= limit. */
static bool read_index(const char **at, int limit, int *value)
{
	const char *c = *at;
	int v = 0;

	if (*c < '0' || *c > '9')
		return false;
	for (; *c >= '0' && *c <= '9'; c++) {
		v = v * 10 + (*c - '0');
		if (v >= limit)
			return false;
	}
	*at = c;
	*value = v;
	return true;
}

enum gt_err gt_mask_parse(struct gt_mask *m, const char *list, int limit,
			  struct gt_error *err)
{
	const char *at = list;
	struct gt_mask result = {0};
	int low, high;

	memset(m, 0, sizeof(*m));
	if (limit > GT_MAX_GPUS)
		limit = GT_MAX_GPUS;
	while (*at) {
		if (!read_index(&at, limit, &low))
			goto bad;
		high = low;
		if (*at == '-') {
			at++;
			if (!read_index(&at, limit, &high) || high < low)
				goto bad;
		}
		for (int i = low; i <= high; i++)
			gt_mask_set(&result, i);
		if (*at == ',' && at[1])
			at++;
		else if (*at)
			goto bad;
	}
	*m = result;
	return GT_OK;
bad:
	if (limit < 1)
		return gt_fail(err, GT_EPARSE, "'%s' names GPUs of a node without any",
			       list);
	return gt_fail_at(err, GT_EPARSE, NULL, 0, (int)(at - list) + 1,
			  "'%s' is not a list of GPUs between 0 and %d, such as 0,2-4",
			  list, limit - 1);
}
