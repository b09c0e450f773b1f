/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The node file: writing. A line for every GPU and for every row of a matrix. */
#include "config.h"

#include "core/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A growing text; after a failure everything is ignored and text is NULL. */
struct out {
	char *text;
	size_t used;
	size_t capacity;
	bool failed;
};

static bool reserve(struct out *out, size_t more)
{
	size_t capacity = out->capacity ? out->capacity : 4096;
	char *bigger;

	if (out->failed)
		return false;
	while (capacity < out->used + more + 1)
		capacity *= 2;
	if (capacity == out->capacity)
		return true;
	bigger = realloc(out->text, capacity);
	if (!bigger) {
		free(out->text);
		*out = (struct out){.failed = true};
		return false;
	}
	out->text = bigger;
	out->capacity = capacity;
	return true;
}

static void put(struct out *out, const char *text)
{
	size_t len = strlen(text);

	if (!reserve(out, len))
		return;
	memcpy(out->text + out->used, text, len + 1);
	out->used += len;
}

__attribute__((format(printf, 2, 3))) static void putf(struct out *out, const char *fmt,
						       ...)
{
	char buf[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
	put(out, buf);
}

/* A string, null where it is empty. The model holds no control characters. */
static void put_string(struct out *out, const char *text)
{
	char one[2] = "";

	if (!*text) {
		put(out, "null");
		return;
	}
	put(out, "\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			put(out, "\\");
		one[0] = *text;
		put(out, one);
	}
	put(out, "\"");
}

static void put_int(struct out *out, int64_t value)
{
	if (value == GT_UNKNOWN)
		put(out, "null");
	else
		putf(out, "%lld", (long long)value);
}

/* MB/s as GB/s without needless zeros. */
static void put_gbps(struct out *out, int mbps)
{
	char buf[32];
	size_t len;

	if (mbps == GT_UNKNOWN) {
		put(out, "null");
		return;
	}
	len = (size_t)snprintf(buf, sizeof(buf), "%d.%03d", mbps / 1000, mbps % 1000);
	while (buf[len - 1] == '0')
		buf[--len] = '\0';
	if (buf[len - 1] == '.')
		buf[--len] = '\0';
	put(out, buf);
}

static void put_field(struct out *out, const char *name, const char *value)
{
	putf(out, ", \"%s\": ", name);
	put_string(out, value);
}

static void put_int_field(struct out *out, const char *name, int64_t value)
{
	putf(out, ", \"%s\": ", name);
	put_int(out, value);
}

static bool speeds_differ(const struct gt_node *node)
{
	for (int i = 1; i < node->n; i++)
		if (node->gpu[i].link_mbps != node->gpu[0].link_mbps)
			return true;
	return false;
}

/* Instances that the admin made: only where there are some. */
static void put_instances(struct out *out, const struct gt_node *node, int gpu)
{
	bool any = false;

	for (int i = 0; i < node->instance_count; i++) {
		const struct gt_instance *instance = &node->instances[i];

		if (instance->gpu != gpu)
			continue;
		put(out, any ? ", {\"profile\": " : ", \"instances\": [{\"profile\": ");
		put_string(out, instance->profile);
		put_int_field(out, "start", instance->start);
		put(out, "}");
		any = true;
	}
	if (any)
		put(out, "]");
}

static void put_gpu(struct out *out, const struct gt_node *node, int i, bool own_speed)
{
	const struct gt_gpu *gpu = &node->gpu[i];

	putf(out, "    {\"index\": %d", i);
	put_int_field(out, "minor", gpu->minor);
	put_int_field(out, "module_id", gpu->module_id);
	put_field(out, "model", gpu->model);
	put_field(out, "uuid", gpu->uuid);
	put_field(out, "bus_id", gpu->bus_id);
	put_field(out, "pci_root", gpu->pci_root);
	put_int_field(out, "socket", gpu->socket);
	put_int_field(out, "numa", gpu->numa);
	put_field(out, "cpus", gpu->cpus);
	put_int_field(out, "island", gpu->island);
	putf(out, ", \"switch_links\": %d", gpu->switch_links);
	put_int_field(out, "mem_mib", gpu->mem_mib);
	putf(out, ", \"mig\": %s, \"healthy\": %s", gpu->mig ? "true" : "false",
	     gpu->healthy ? "true" : "false");
	put_instances(out, node, i);
	if (own_speed) {
		put(out, ", \"link_gbps\": ");
		put_gbps(out, gpu->link_mbps);
	}
	put(out, "}");
}

static void put_gpus(struct out *out, const struct gt_node *node)
{
	bool own_speed = speeds_differ(node);

	put(out, "  \"gpus\": [");
	for (int i = 0; i < node->n; i++) {
		put(out, i ? ",\n" : "\n");
		put_gpu(out, node, i, own_speed);
	}
	put(out, "\n  ],\n");
}

static void put_links(struct out *out, const struct gt_node *node, int a, int b)
{
	put_int(out, gt_node_links(node, a, b));
}

static void put_path(struct out *out, const struct gt_node *node, int a, int b)
{
	enum gt_path path = gt_node_path(node, a, b);

	if (path == GT_PATH_UNKNOWN)
		put(out, "null");
	else if (path == GT_PATH_LINK)
		putf(out, "\"NV%d\"", gt_node_links(node, a, b));
	else
		putf(out, "\"%s\"", gt_path_name(path));
}

static void put_pair(struct out *out, const struct gt_node *node, int a, int b)
{
	put_gbps(out, gt_node_pair_mbps(node, a, b));
}

static void put_path_gbps(struct out *out, const struct gt_node *node, int a, int b)
{
	put_gbps(out, gt_node_path_mbps(node, a, b));
}

static void put_matrix(struct out *out, const struct gt_node *node, const char *name,
		       void (*cell)(struct out *, const struct gt_node *, int, int))
{
	putf(out, "  \"%s\": [", name);
	for (int a = 0; a < node->n; a++) {
		put(out, a ? ",\n    [" : "\n    [");
		for (int b = 0; b < node->n; b++) {
			if (b)
				put(out, ", ");
			cell(out, node, a, b);
		}
		put(out, "]");
	}
	put(out, "\n  ],\n");
}

static void put_gpu_list(struct out *out, const struct gt_mask *gpus)
{
	const char *comma = "";

	put(out, "[");
	for (int g = gt_mask_next(gpus, 0); g >= 0; g = gt_mask_next(gpus, g + 1)) {
		putf(out, "%s%d", comma, g);
		comma = ", ";
	}
	put(out, "]");
}

static void put_groups(struct out *out, const struct gt_node *node)
{
	put(out, "  \"groups\": [");
	for (int i = 0; i < node->group_count; i++) {
		put(out, i ? ", " : "");
		put_gpu_list(out, &node->groups[i]);
	}
	put(out, "],\n");
}

/* Only where something is shared. */
static void put_shared(struct out *out, const struct gt_node *node)
{
	if (!node->shared_count)
		return;
	putf(out, "  \"pcie_p2p\": %s,\n  \"shared\": [",
	     node->copies ? "false" : "true");
	for (int i = 0; i < node->shared_count; i++) {
		const struct gt_shared *shared = &node->shared[i];

		put(out, i ? ",\n    {\"gpus\": " : "\n    {\"gpus\": ");
		put_gpu_list(out, &shared->gpus);
		put(out, ", \"gbps\": ");
		put_gbps(out, shared->mbps);
		put(out, shared->memory ? ", \"memory\": true}" : "}");
	}
	put(out, "\n  ],\n");
}

/* Only where cards are known. */
static void put_nics(struct out *out, const struct gt_node *node)
{
	if (!node->nic_count)
		return;
	put(out, "  \"nics\": [");
	for (int i = 0; i < node->nic_count; i++) {
		const struct gt_nic *nic = &node->nics[i];

		put(out, i ? ",\n    {\"name\": " : "\n    {\"name\": ");
		put_string(out, nic->name);
		if (nic->bus_id[0]) {
			put(out, ", \"bus_id\": ");
			put_string(out, nic->bus_id);
		}
		put(out, ", \"gbps\": ");
		put_gbps(out, nic->mbps);
		putf(out, ", \"rail\": %d, \"near\": ", nic->rail);
		put_gpu_list(out, &nic->near);
		put(out, ", \"paths\": [");
		for (int g = 0; g < node->n; g++) {
			enum gt_path path = gt_node_nic_path(node, i, g);

			put(out, g ? ", " : "");
			if (path == GT_PATH_UNKNOWN)
				put(out, "null");
			else
				putf(out, "\"%s\"", gt_path_name(path));
		}
		put(out, "]}");
	}
	put(out, "\n  ],\n");
}

/* Only where something was measured. */
static void put_measured(struct out *out, const struct gt_node *node)
{
	if (!node->measured_count)
		return;
	put(out, "  \"measured\": [");
	for (int i = 0; i < node->measured_count; i++) {
		const struct gt_measured *point = &node->measured[i];

		put(out, i ? ",\n    {\"gpus\": " : "\n    {\"gpus\": ");
		if (gt_mask_next(&point->gpus, 0) < 0)
			put_int(out, point->count);
		else
			put_gpu_list(out, &point->gpus);
		putf(out,
		     ", \"comm\": \"%s\", \"busbw_gbps\": ", gt_comm_name(point->comm));
		put_gbps(out, point->busbw_mbps);
		put(out, "}");
	}
	put(out, "\n  ],\n");
}

static void put_notes(struct out *out, const struct gt_node *node)
{
	put(out, "  \"notes\": [");
	for (int i = 0; i < node->note_count; i++) {
		put(out, i ? ",\n    " : "\n    ");
		put_string(out, node->notes[i]);
	}
	put(out, node->note_count ? "\n  ],\n" : "],\n");
}

static void put_head(struct out *out, const struct gt_node *node)
{
	put(out, "{\n  \"version\": 1,\n  \"name\": ");
	put_string(out, node->name);
	putf(out,
	     ",\n  \"fabric\": \"%s\",\n  \"link_gbps\": ", gt_fabric_name(node->fabric));
	put_gbps(out, node->n ? node->gpu[0].link_mbps : GT_UNKNOWN);
	put(out, ",\n  \"cpu_vendor\": ");
	put_string(out, gt_cpu_vendor_name(node->cpu_vendor));
	put(out, ",\n");
}

static void put_tail(struct out *out, const struct gt_node *node)
{
	put_groups(out, node);
	put_shared(out, node);
	put_measured(out, node);
	put_nics(out, node);
	put(out, "  \"domain\": ");
	put_string(out, node->domain);
	putf(out, ",\n  \"partial\": %s,\n", node->partial ? "true" : "false");
	put_notes(out, node);
	put(out, "  \"source\": {\"format\": ");
	put_string(out, node->source_format);
	put(out, ", \"file\": ");
	put_string(out, node->source_file);
	put(out, "}\n}\n");
}

enum gt_err gt_node_write(const struct gt_node *node, char **text, struct gt_error *err)
{
	struct out out = {0};

	*text = NULL;
	put_head(&out, node);
	put_gpus(&out, node);
	put_matrix(&out, node, "links", put_links);
	put_matrix(&out, node, "paths", put_path);
	put_matrix(&out, node, "bandwidth_gbps", put_pair);
	if (node->paths_rated)
		put_matrix(&out, node, "path_gbps", put_path_gbps);
	put_tail(&out, node);
	if (out.failed)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	*text = out.text;
	return GT_OK;
}
