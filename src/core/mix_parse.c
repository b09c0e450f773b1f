/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A mix of job sizes from text, for JobSizeMix= and command lines. */
#include "config.h"

#include "core/library.h"

#include <stdlib.h>
#include <string.h>

#define MIX_WEIGHT_MAX 1000000

/* A decimal of at most max at *at; false if there is none. */
static bool read_number(const char **at, long max, long *value)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	*value = strtol(*at, &end, 10);
	*at = end;
	return *value <= max;
}

enum gt_err gt_mix_parse(struct gt_mix *mix, const char *text, struct gt_error *err)
{
	const char *at = text;
	struct gt_mix result = {0};
	uint64_t total = 0;
	long size, weight;

	memset(mix, 0, sizeof(*mix));
	for (;;) {
		if (!read_number(&at, GT_MIX_MAX, &size) || size < 1 || *at++ != ':' ||
		    !read_number(&at, MIX_WEIGHT_MAX, &weight) || result.weight[size])
			goto bad;
		result.weight[size] = (uint32_t)weight;
		total += (uint64_t)weight;
		if (!*at)
			break;
		if (*at++ != ',')
			goto bad;
	}
	if (total == 0)
		return gt_fail(err, GT_EPARSE, "all weights of the mix '%s' are 0", text);
	*mix = result;
	return GT_OK;
bad:
	return gt_fail(err, GT_EPARSE,
		       "'%s' is not a mix of sizes 1 to %d and weights up to %d, such as "
		       "1:40,2:20",
		       text, GT_MIX_MAX, MIX_WEIGHT_MAX);
}
