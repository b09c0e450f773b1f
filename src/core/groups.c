/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The groups of a job as users write them: "2x4", "4+2+2". The only reader of SIZES: the
 * command line, the simulator and the plugin's options all come here. */
#include "config.h"

#include "core/library.h"

#include <stdio.h>
#include <string.h>

static const char *const comm_names[] = {
	[GT_COMM_ALLREDUCE] = "allreduce",
	[GT_COMM_ALLTOALL] = "alltoall",
};

const char *gt_comm_name(enum gt_comm comm)
{
	return comm_names[comm];
}

enum gt_err gt_comm_parse(enum gt_comm *comm, const char *name, struct gt_error *err)
{
	*comm = GT_COMM_ALLREDUCE;
	for (int i = 0; i < (int)(sizeof(comm_names) / sizeof(comm_names[0])); i++)
		if (!strcmp(name, comm_names[i])) {
			*comm = (enum gt_comm)i;
			return GT_OK;
		}
	return gt_fail(err, GT_EINVAL, "'%.40s' must be allreduce or alltoall", name);
}

/* ---- reading ---- */

struct reader {
	const char *text, *at;
	struct gt_groups *groups;
	int gpus;
	struct gt_error *err;
};

static enum gt_err refuse(const struct reader *r)
{
	return gt_fail_at(r->err, GT_EPARSE, NULL, 0, (int)(r->at - r->text) + 1,
			  "'%.40s' must be sizes such as 2x4 (two groups of four) or "
			  "4+2+2",
			  r->text);
}

/* A decimal number from 1, without leading zeros; too large ones stop growing. */
static bool read_number(struct reader *r, int *number)
{
	*number = 0;
	if (*r->at < '1' || *r->at > '9')
		return false;
	for (; *r->at >= '0' && *r->at <= '9'; r->at++)
		if (*number <= GT_MAX_GPUS)
			*number = *number * 10 + (*r->at - '0');
	return true;
}

static enum gt_err add(struct reader *r, int count, int size)
{
	struct gt_groups *groups = r->groups;

	if (count > GT_GROUPS_MAX - groups->count)
		return gt_fail(r->err, GT_ELIMIT,
			       "'%.40s': more than %d groups, the most that a node takes",
			       r->text, GT_GROUPS_MAX);
	if (size > GT_MAX_GPUS || (r->gpus += count * size) > GT_MAX_GPUS)
		return gt_fail(r->err, GT_ELIMIT,
			       "'%.40s': more than %d GPUs, the most that a node has",
			       r->text, GT_MAX_GPUS);
	while (count-- > 0)
		groups->size[groups->count++] = (uint16_t)size;
	return GT_OK;
}

/* "4" or "2x4". */
static enum gt_err read_item(struct reader *r)
{
	int count = 1, size;

	if (!read_number(r, &size))
		return refuse(r);
	if (*r->at == 'x') {
		r->at++;
		count = size;
		if (!read_number(r, &size))
			return refuse(r);
	}
	return add(r, count, size);
}

/* The GPUs in front of a colon, 0 where there is none. */
static enum gt_err read_sum(struct reader *r, int *sum)
{
	const char *colon = strchr(r->text, ':');

	*sum = 0;
	if (!colon)
		return GT_OK;
	if (!read_number(r, sum) || r->at != colon)
		return refuse(r);
	r->at++;
	return GT_OK;
}

static enum gt_err read_sizes(struct reader *r)
{
	enum gt_err rc;
	int sum;

	if (strnlen(r->text, GT_GROUPS_TEXT_MAX) == GT_GROUPS_TEXT_MAX)
		return gt_fail(r->err, GT_ELIMIT, "sizes longer than %d characters",
			       GT_GROUPS_TEXT_MAX - 1);
	if ((rc = read_sum(r, &sum)) || (rc = read_item(r)))
		return rc;
	while (*r->at == '+') {
		r->at++;
		if ((rc = read_item(r)))
			return rc;
	}
	if (*r->at)
		return refuse(r);
	if (sum && sum != r->gpus)
		return gt_fail(r->err, GT_EPARSE,
			       "'%.40s': the sizes add up to %d GPUs, not to %d", r->text,
			       r->gpus, sum);
	return GT_OK;
}

enum gt_err gt_groups_parse(struct gt_groups *groups, const char *text,
			    struct gt_error *err)
{
	struct reader r = {.text = text, .at = text, .groups = groups, .err = err};
	enum gt_err rc;

	groups->count = 0;
	rc = read_sizes(&r);
	if (rc)
		groups->count = 0;
	return rc;
}

/* ---- the rest ---- */

char *gt_groups_format(const struct gt_groups *groups, char *buf, size_t size)
{
	size_t used = 0;

	if (size)
		buf[0] = '\0';
	for (int i = 0, next; i < groups->count && used < size; i = next) {
		int wrote;

		for (next = i; next < groups->count; next++)
			if (groups->size[next] != groups->size[i])
				break;
		wrote = next - i > 1 ? snprintf(buf + used, size - used, "%s%dx%d",
						i ? "+" : "", next - i, groups->size[i])
				     : snprintf(buf + used, size - used, "%s%d",
						i ? "+" : "", groups->size[i]);
		used += (size_t)wrote;
	}
	return buf;
}

int gt_groups_sum(const struct gt_groups *groups)
{
	int sum = 0;

	for (int i = 0; i < groups->count; i++)
		sum += groups->size[i];
	return sum;
}

bool gt_groups_repeat(struct gt_groups *groups, int gpus)
{
	int once = groups->count, sum = gt_groups_sum(groups);

	if (sum < 1 || gpus < sum || gpus % sum || gpus / sum > GT_GROUPS_MAX / once)
		return false;
	for (groups->count = gpus / sum * once; once < groups->count; once++)
		groups->size[once] = groups->size[once - groups->count / (gpus / sum)];
	return true;
}
