/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a job says of its geometry, and what that asks of a node. */
#include "config.h"

#include "plugin/common/shape.h"

#include "core/fnv.h"

static void identify(struct gp_shape *shape)
{
	uint64_t id = gt_fnv_mix(GT_FNV_START, (uint64_t)shape->comm << 2 |
						       (uint64_t)shape->hint << 1 |
						       (uint64_t)shape->repeats);

	for (int i = 0; i < shape->groups.count; i++)
		id = gt_fnv_mix(id, shape->groups.size[i]);
	shape->id = id | 1;
}

enum gt_err gp_shape_read(struct gp_shape *shape, const char *groups, const char *comm,
			  bool repeats, struct gt_error *err)
{
	enum gt_err rc = GT_OK;

	*shape = (struct gp_shape){.repeats = repeats};
	if (groups)
		rc = gt_groups_parse(&shape->groups, groups, err);
	if (!rc && comm)
		rc = gt_comm_parse(&shape->comm, comm, err);
	if (rc)
		*shape = (struct gp_shape){.id = 0};
	else if (groups || comm)
		identify(shape);
	return rc;
}

void gp_shape_hint(struct gp_shape *shape, int size)
{
	if (shape->id || size < 2 || size > GT_MAX_GPUS)
		return;
	shape->groups = (struct gt_groups){.count = 1, .size = {(uint16_t)size}};
	shape->hint = shape->repeats = true;
	identify(shape);
}

bool gp_shape_ask(const struct gp_shape *shape, int count, int min_mbps, bool late,
		  struct gp_ask *ask)
{
	struct gt_request *request = &ask->request;
	int sum = gt_groups_sum(&shape->groups);

	*request = (struct gt_request){.count = count, .min_busbw_mbps = min_mbps};
	if (!shape->id || (shape->hint && min_mbps))
		return true;
	if (sum && sum != count) {
		ask->groups = shape->groups;
		if (!shape->repeats || !gt_groups_repeat(&ask->groups, count))
			return shape->hint;
	}
	if (sum)
		request->groups = sum == count ? &shape->groups : &ask->groups;
	request->comm = shape->comm;
	request->groups_break_ties = shape->hint || late;
	return true;
}

int gp_shape_mbps(const struct gp_shape *shape, struct gt_table *table,
		  const struct gt_mask *set)
{
	struct gt_geometry geometry;
	struct gt_score score;
	struct gp_ask ask;

	if (!shape->id || shape->hint ||
	    !gp_shape_ask(shape, gt_mask_count(set), 0, false, &ask)) {
		gt_score_set(gt_table_node(table), set, &score);
		return score.busbw_mbps;
	}
	gt_select_geometry(table, &ask.request, set, &geometry);
	return gt_geometry_slowest(&geometry);
}

int gp_shape_ideal_mbps(const struct gp_shape *shape, struct gt_table *table, int count)
{
	struct gt_choice choice;
	struct gp_ask ask;

	if (!gp_shape_ask(shape, count, 0, false, &ask))
		return 0;
	ask.request.free = gt_mask_first(gt_node_size(gt_table_node(table)));
	if (gt_select(table, &ask.request, &choice) != GT_FIT_OK)
		return 0;
	return gp_shape_mbps(shape, table, &choice.gpus);
}

/* ---- for the log ---- */

/* The best partition, in gres bits; false: the job named none that fits. */
static bool find_groups(const struct gp_shape_set *set, struct gt_geometry *geometry)
{
	int bit[GT_MAX_GPUS] = {0}, used = 0;
	struct gp_ask ask;

	if (!set->shape->id || set->shape->hint ||
	    !gp_shape_ask(set->shape, gt_mask_count(&set->gpus), 0, false, &ask))
		return false;
	gt_select_geometry(set->table, &ask.request, &set->gpus, geometry);
	for (int g = 0; g < set->size; g++)
		bit[set->to_model[g]] = g;
	for (int i = 0; i < geometry->count; i++)
		used += geometry->size[i];
	for (int i = 0; i < used; i++)
		geometry->gpu[i] = (uint16_t)bit[geometry->gpu[i]];
	return true;
}

/* The groups, each between two marks, comma between its GPUs. */
static void append_groups(struct gt_append *out, const struct gt_geometry *geometry,
			  const char *open, const char *close, const char *between)
{
	int used = 0;

	for (int i = 0; i < geometry->count; i++) {
		gt_append(out, "%s%s", i ? between : "", open);
		for (int g = 0; g < geometry->size[i]; g++)
			gt_append(out, "%s%d", g ? "," : "", geometry->gpu[used++]);
		gt_append(out, "%s", close);
	}
}

bool gp_shape_append_groups(struct gt_append *out, const struct gp_shape_set *set)
{
	struct gt_geometry geometry;
	int mbps;

	if (!find_groups(set, &geometry))
		return false;
	append_groups(out, &geometry, "", "", ";");
	mbps = gp_shape_mbps(set->shape, set->table, &set->gpus);
	if (mbps < INT_MAX)
		gt_append(out, " %.10g", mbps / 1000.0);
	else
		gt_append(out, " -");
	return true;
}

static void append_gbps(struct gt_append *out, const char *before, int mbps)
{
	if (mbps == GT_UNKNOWN || mbps == INT_MAX) /* of one GPU */
		gt_append(out, "%snull", before);
	else
		gt_append(out, "%s%d.%03d", before, mbps / 1000, mbps % 1000);
}

void gp_shape_append_json(struct gt_append *out, const struct gp_shape_set *set,
			  const struct gt_mask *stock)
{
	struct gt_geometry geometry;
	int count = gt_mask_count(&set->gpus);

	if (!find_groups(set, &geometry))
		return;
	gt_append(out, ",\"groups\":[");
	append_groups(out, &geometry, "[", "]", ",");
	gt_append(out, "],\"group_busbw_gbps\":[");
	for (int i = 0; i < geometry.count; i++)
		append_gbps(out, i ? "," : "", geometry.busbw_mbps[i]);
	gt_append(out, "],\"comm\":\"%s\"", gt_comm_name(geometry.comm));
	append_gbps(out, ",\"stock_group_gbps\":",
		    gp_shape_mbps(set->shape, set->table, stock));
	append_gbps(out, ",\"ideal_group_gbps\":",
		    gp_shape_ideal_mbps(set->shape, set->table, count));
}
