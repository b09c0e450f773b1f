/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How readers make a model: what only those call that read or write topology files. The
 * controller, which has them read by gputopo_topology.so, does not link this. */
#include "config.h"

#include "core/node.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_INSTANCES (GT_MAX_GPUS * 7)

static void set_text(char *dst, size_t size, const char *src)
{
	snprintf(dst, size, "%s", src ? src : "");
	gt_text_clean(dst);
}

/* ---- the node ---- */

void gt_node_set_path(struct gt_node *node, int a, int b, enum gt_path path)
{
	node->path[gt_node_at(node, a, b)] = (uint8_t)path;
	node->path[gt_node_at(node, b, a)] = (uint8_t)path;
}

void gt_node_set_path_mbps(struct gt_node *node, int a, int b, int mbps)
{
	node->path_mbps[gt_node_at(node, a, b)] = mbps;
	node->path_mbps[gt_node_at(node, b, a)] = mbps;
	node->paths_rated = true;
}

void gt_node_set_slot_mbps(struct gt_node *node, int a, int b, int mbps)
{
	size_t cells = (size_t)node->n * (size_t)node->n;

	if (!node->slot_mbps)
		node->slot_mbps = calloc(cells, sizeof(*node->slot_mbps));
	if (!node->slot_mbps)
		return; /* the model's own class will do */
	node->slot_mbps[gt_node_at(node, a, b)] = mbps;
	node->slot_mbps[gt_node_at(node, b, a)] = mbps;
	node->paths_rated = true;
}

void gt_node_set_name(struct gt_node *node, const char *name)
{
	set_text(node->name, sizeof(node->name), name);
}

void gt_node_set_domain(struct gt_node *node, const char *domain)
{
	set_text(node->domain, sizeof(node->domain), domain);
}

void gt_node_set_cpu_vendor(struct gt_node *node, enum gt_cpu_vendor vendor)
{
	node->cpu_vendor = vendor;
}

enum gt_err gt_node_add_group(struct gt_node *node, const struct gt_mask *group,
			      struct gt_error *err)
{
	if (node->group_count == GT_MAX_GROUPS)
		return gt_fail(err, GT_ELIMIT, "more than %d link groups", GT_MAX_GROUPS);
	if (!gt_mask_within(group, &node->all) || gt_mask_count(group) == 0)
		return gt_fail(err, GT_EINVAL,
			       "a link group is empty or names a GPU that is not there");
	node->groups[node->group_count++] = *group;
	return GT_OK;
}

void gt_node_set_partial(struct gt_node *node)
{
	node->partial = true;
}

void gt_node_set_source(struct gt_node *node, const char *format, const char *file)
{
	set_text(node->source_format, sizeof(node->source_format), format);
	set_text(node->source_file, sizeof(node->source_file), file);
}

/* ---- measured points ---- */

enum gt_err gt_node_add_measured(struct gt_node *node, const struct gt_measured *measured,
				 struct gt_error *err)
{
	int named = gt_mask_count(&measured->gpus);
	struct gt_measured point = *measured, *grown;

	if (named)
		point.count = named;
	if (!gt_mask_within(&point.gpus, &node->all) || point.count > node->n)
		return gt_fail(err, GT_EINVAL,
			       "measured: a GPU that the node does not have");
	if (point.count < 2 || point.busbw_mbps < 1)
		return gt_fail(err, GT_EINVAL,
			       "measured: at least two GPUs and a bandwidth above 0");
	for (int i = 0; i < node->measured_count; i++)
		if (gt_measured_same_place(&node->measured[i], &point)) {
			node->measured[i] = point;
			return GT_OK;
		}
	if (node->measured_count == GT_MAX_MEASURED)
		return gt_fail(err, GT_ELIMIT, "more than %d measured points",
			       GT_MAX_MEASURED);
	grown = realloc(node->measured,
			((size_t)node->measured_count + 1) * sizeof(*grown));
	if (!grown)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	node->measured = grown;
	grown[node->measured_count++] = point;
	return GT_OK;
}

int gt_node_measured_count(const struct gt_node *node)
{
	return node->measured_count;
}

const struct gt_measured *gt_node_measured(const struct gt_node *node, int i)
{
	return &node->measured[i];
}

/* ---- instances ---- */

static unsigned int units_of(const struct gt_instance *instance)
{
	return ((1u << instance->size) - 1) << instance->start;
}

bool gt_instance_overlaps(const struct gt_node *node, int before,
			  const struct gt_instance *instance)
{
	unsigned int taken = 0;

	for (int i = 0; i < before; i++)
		if (node->instances[i].gpu == instance->gpu &&
		    node->instances[i].start != GT_UNKNOWN)
			taken |= units_of(&node->instances[i]);
	return instance->start != GT_UNKNOWN && (taken & units_of(instance)) != 0;
}

enum gt_err gt_node_add_instance(struct gt_node *node, int gpu, const char *profile,
				 int start, struct gt_error *err)
{
	struct gt_instance fresh = {.gpu = gpu, .start = start, .size = atoi(profile)};
	int count = node->instance_count;
	struct gt_instance *more;
	enum gt_err rc;

	if (!gt_mig_is_profile_name(profile) || !isdigit((unsigned char)profile[0]) ||
	    fresh.size < 1 || fresh.size > GT_MIG_UNITS ||
	    strlen(profile) >= sizeof(fresh.profile))
		return gt_fail(err, GT_EINVAL, "'%.40s' is not a profile such as 1g.10gb",
			       profile);
	if (start != GT_UNKNOWN && (start < 0 || start + fresh.size > GT_MIG_UNITS))
		return gt_fail(err, GT_EINVAL, "%s cannot start at unit %d", profile,
			       start);
	if (count >= MAX_INSTANCES)
		return gt_fail(err, GT_ELIMIT, "more than %d instances", MAX_INSTANCES);
	if (count && node->instances[count - 1].gpu > gpu)
		return gt_fail(err, GT_EINVAL, "instances of GPU %d come after others",
			       gpu);
	snprintf(fresh.profile, sizeof(fresh.profile), "%s", profile);
	rc = gt_instance_settle(node, &fresh, count, err);
	if (rc)
		return rc;
	if (gt_instance_overlaps(node, count, &fresh))
		return gt_fail(err, GT_EINVAL, "%s at unit %d overlaps another instance",
			       profile, start);
	more = realloc(node->instances, ((size_t)count + 1) * sizeof(*more));
	if (!more)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	node->instances = more;
	node->instances[node->instance_count++] = fresh;
	node->gpu[gpu].mig = true;
	return GT_OK;
}

const struct gt_instance *gt_node_instance(const struct gt_node *node, int i)
{
	return &node->instances[i];
}

bool gt_node_position(const struct gt_node *node, int i, int *gpu, int *instance)
{
	int next = 0;

	*instance = GT_UNKNOWN;
	for (*gpu = 0; *gpu < node->n; ++*gpu) {
		bool whole = true;

		for (; next < node->instance_count && node->instances[next].gpu == *gpu;
		     next++) {
			whole = false;
			if (i-- > 0)
				continue;
			*instance = next;
			return true;
		}
		if (whole && i-- == 0)
			return true;
	}
	*gpu = GT_UNKNOWN;
	return false;
}

/* ---- network cards ---- */

enum gt_err gt_node_add_nic(struct gt_node *node, const struct gt_nic *nic,
			    const uint8_t *paths, struct gt_error *err)
{
	size_t n = (size_t)node->n, count = (size_t)node->nic_count;
	struct gt_nic *nics;
	uint8_t *path;

	if (node->nic_count == GT_MAX_NICS)
		return gt_fail(err, GT_ELIMIT, "more than %d NICs", GT_MAX_NICS);
	if (nic->rail != GT_UNKNOWN && (nic->rail < 0 || nic->rail >= GT_MAX_NICS))
		return gt_fail(err, GT_EINVAL, "NIC %s: rail %d; 0 to %d can be",
			       nic->name, nic->rail, GT_MAX_NICS - 1);
	nics = realloc(node->nics, (count + 1) * sizeof(*nics));
	if (nics)
		node->nics = nics;
	path = nics ? realloc(node->nic_path, (count + 1) * n + 1) : NULL;
	if (!path)
		return gt_fail(err, GT_ENOMEM, "out of memory for NICs");
	node->nic_path = path;
	nics[count] = *nic;
	gt_text_clean(nics[count].name);
	gt_text_clean(nics[count].bus_id);
	memcpy(path + count * n, paths, n);
	node->nic_count++;
	node->cards = &gt_cards;
	return GT_OK;
}

enum gt_cpu_vendor gt_cpu_vendor_parse(const char *name)
{
	static const struct {
		const char *name;
		enum gt_cpu_vendor vendor;
	} aliases[] = {
		{"GenuineIntel", GT_CPU_INTEL}, {"AuthenticAMD", GT_CPU_AMD},
		{"IBM", GT_CPU_POWER9},		{"IBM/S390", GT_CPU_UNKNOWN},
		{"POWER", GT_CPU_POWER9},	{"arm64", GT_CPU_ARM},
	};

	for (int i = 1; i <= GT_CPU_AMD_ZEN5; i++)
		if (!strcasecmp(name, gt_cpu_vendor_name((enum gt_cpu_vendor)i)))
			return (enum gt_cpu_vendor)i;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (!strcasecmp(name, aliases[i].name))
			return aliases[i].vendor;
	return GT_CPU_UNKNOWN;
}

/* ---- what programs show ---- */

static const char *const path_names[] = {
	[GT_PATH_UNKNOWN] = "?", [GT_PATH_SELF] = "X",	  [GT_PATH_LINK] = "NV",
	[GT_PATH_C2C] = "C2C",	 [GT_PATH_PIX] = "PIX",	  [GT_PATH_PXB] = "PXB",
	[GT_PATH_PHB] = "PHB",	 [GT_PATH_NODE] = "NODE", [GT_PATH_SYS] = "SYS",
};

static const char *const fabric_names[] = {
	[GT_FABRIC_PCIE] = "pcie",
	[GT_FABRIC_MESH] = "mesh",
	[GT_FABRIC_SWITCH] = "switch",
};

const char *gt_path_name(enum gt_path path)
{
	return path_names[path];
}

const char *gt_fabric_name(enum gt_fabric fabric)
{
	return fabric_names[fabric];
}

enum gt_fabric gt_node_fabric(const struct gt_node *node)
{
	return node->fabric;
}

enum gt_cpu_vendor gt_node_cpu_vendor(const struct gt_node *node)
{
	return node->cpu_vendor;
}

const char *gt_node_name(const struct gt_node *node)
{
	return node->name;
}

const char *gt_node_source_format(const struct gt_node *node)
{
	return node->source_format;
}

const char *gt_node_source_file(const struct gt_node *node)
{
	return node->source_file;
}

int gt_node_pair_mbps(const struct gt_node *node, int a, int b)
{
	return node->pair_mbps[gt_node_at(node, a, b)];
}

int gt_node_links(const struct gt_node *node, int a, int b)
{
	return node->links[gt_node_at(node, a, b)];
}

enum gt_path gt_node_path(const struct gt_node *node, int a, int b)
{
	return (enum gt_path)node->path[gt_node_at(node, a, b)];
}

int gt_node_path_mbps(const struct gt_node *node, int a, int b)
{
	return node->path_mbps[gt_node_at(node, a, b)];
}

int gt_node_group_count(const struct gt_node *node)
{
	return node->group_count;
}

const struct gt_mask *gt_node_group(const struct gt_node *node, int i)
{
	return &node->groups[i];
}

bool gt_node_is_partial(const struct gt_node *node)
{
	return node->partial;
}
