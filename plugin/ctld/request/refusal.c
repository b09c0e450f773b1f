/* SPDX-License-Identifier: GPL-2.0-or-later */
/* refusal.c - why a job is refused, for its user. Called by submit.c. */
#include "plugin/ctld/request/refusal.h"

#include <stdio.h>

#include "core/append.h"

static bool has_groups(const struct gp_unmet *unmet)
{
	return unmet->shape->groups.count > 1;
}

/* The options as the job gave them. */
static void append_options(struct gt_append *out, const struct gp_unmet *unmet)
{
	const struct gp_shape *shape = unmet->shape;
	char sizes[GT_GROUPS_TEXT_MAX];

	if (unmet->min_mbps)
		gt_append(out, " --gpu-min-busbw=%.10g", unmet->min_mbps / 1000.0);
	if (unmet->ring)
		gt_append(out, " --gpu-topo=ring");
	if (shape->groups.count)
		gt_append(out, " --gpu-groups=%.80s",
			  gt_groups_format(&shape->groups, sizes, sizeof(sizes)));
	if (shape->comm != GT_COMM_ALLREDUCE)
		gt_append(out, " --gpu-comm=%s", gt_comm_name(shape->comm));
}

/* Who cannot have a ring: a node that the job requires, or all but those found. */
static void append_ring(struct gt_append *out, const struct gp_unmet *unmet)
{
	if (unmet->required)
		gt_append(out,
			  ": %s, which the job requires, cannot have a ring of links "
			  "through %d GPUs",
			  unmet->required, unmet->count);
	else if (unmet->found)
		gt_append(out,
			  ": only %d of the %d nodes that it needs can have a ring of "
			  "links through %d GPUs",
			  unmet->found, unmet->least, unmet->count);
	else
		gt_append(out, ": no node has a ring of links through %d GPUs",
			  unmet->count);
}

static void append_bandwidth(struct gt_append *out, const struct gp_unmet *unmet)
{
	const char *groups = has_groups(unmet) ? "each group of " : "";

	if (unmet->required)
		gt_append(out,
			  ": %s, which the job requires, cannot give %s%d GPUs that "
			  "bandwidth",
			  unmet->required, groups, unmet->count);
	else if (unmet->found)
		gt_append(
			out,
			": only %d of the %d nodes that it needs can give %s%d GPUs that "
			"bandwidth",
			unmet->found, unmet->least, groups, unmet->count);
	else
		gt_append(out, ": no node can give %s%d GPUs that bandwidth", groups,
			  unmet->count);
}

void gp_refusal_write(const struct gp_unmet *unmet, char *text, size_t size)
{
	struct gt_append out = gt_append_to(text, size);

	gt_append(&out, "gputopo:");
	append_options(&out, unmet);
	if (unmet->ring && !unmet->min_mbps)
		append_ring(&out, unmet);
	else
		append_bandwidth(&out, unmet);
	if (unmet->best)
		gt_append(&out, "; the best that any node can give%s is %.10g GB/s (%s)",
			  has_groups(unmet) ? " the slowest group" : "",
			  unmet->best_mbps / 1000.0, unmet->best);
	else
		gt_append(&out, "; no node has a known topology");
}

void gp_refusal_groups(const struct gp_shape *shape, int count, char *text, size_t size)
{
	struct gt_append out = gt_append_to(text, size);
	char sizes[GT_GROUPS_TEXT_MAX];

	gt_append(&out,
		  "gputopo: --gpu-groups=%.80s: the sizes add up to %d GPUs, but the job "
		  "asks for %d on a node",
		  gt_groups_format(&shape->groups, sizes, sizeof(sizes)),
		  gt_groups_sum(&shape->groups), count);
	if (shape->repeats)
		gt_append(&out, ", which must be a multiple");
}

void gp_refusal_syntax(const char *why, char *text, size_t size)
{
	snprintf(text, size, "gputopo: --gpu-groups, --gpu-comm: %s", why);
}

bool gp_refusal_idle(const struct gp_shape *shape, bool off, int sum, char *text,
		     size_t size)
{
	bool idle = shape->id && (off || (sum == 0 && !shape->groups.count));

	if (idle)
		gp_refusal_syntax(off ? "--gpu-topo=off leaves the choice to Slurm: give "
					"one or the other"
				      : "the job asks for no GPUs",
				  text, size);
	return idle;
}

void gp_refusal_not_enforced(char *text, size_t size)
{
	snprintf(text, size,
		 "gputopo: the wish for the GPUs' connection is not enforced: "
		 "Mode=observe or off on the job's nodes");
}
