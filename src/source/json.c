/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The node file: reading. Only version, gpus and one of links and paths must be there;
 * unknown fields are ignored; bandwidth_gbps follows from the rest and is not read.
 */
#include "config.h"

#include "source/json_instances.h"
#include "source/source.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GBPS_MAX 100000.0 /* of one link or path: far above anything built */

/* A document on its way into a node. */
struct doc {
	const struct gt_source *src;
	json_t *root;
	struct gt_node *node;
	int n;
	bool has_islands; /* some GPU says something about a switch fabric */
	struct gt_error *err;
};

/* The line where a field first stands; jansson keeps none. */
static int line_of(const struct gt_source *src, const char *field)
{
	char key[64];
	const char *at;
	int line = 1;

	snprintf(key, sizeof(key), "\"%s\"", field);
	at = memmem(src->text, src->size, key, strlen(key));
	for (const char *c = src->text; at && c < at; c++)
		line += *c == '\n';
	return at ? line : 0;
}

/* The line where item number index of an array field begins, as far as brackets tell. */
static int line_of_item(const struct gt_source *src, const char *field, int index)
{
	char key[64];
	const char *at, *end = src->text + src->size;
	int line = line_of(src, field), depth = 0, item = 0;
	bool quoted = false;

	snprintf(key, sizeof(key), "\"%s\"", field);
	at = memmem(src->text, src->size, key, strlen(key));
	for (at = at ? at + strlen(key) : end; at < end; at++) {
		if (*at == '\n')
			line++;
		else if (quoted && *at == '\\')
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (!quoted && (*at == '[' || *at == '{') && ++depth == 2 &&
			 item++ == index)
			return line;
		else if (!quoted && (*at == ']' || *at == '}') && --depth == 0)
			break;
	}
	return line_of(src, field);
}

#define fail_field(doc, field, ...)                                                      \
	gt_fail_src((doc)->src, (doc)->err, GT_EPARSE, line_of((doc)->src, field),       \
		    __VA_ARGS__)
#define fail_item(doc, field, index, ...)                                                \
	gt_fail_src((doc)->src, (doc)->err, GT_EPARSE,                                   \
		    line_of_item((doc)->src, field, index), __VA_ARGS__)

static bool present(const json_t *value)
{
	return value && !json_is_null(value);
}

/* An optional string of a GPU or of the document; too long is an error. */
static enum gt_err get_string(struct doc *doc, const json_t *object, const char *name,
			      char *out, size_t size)
{
	const json_t *value = json_object_get(object, name);

	if (!present(value))
		return GT_OK;
	if (!json_is_string(value))
		return fail_field(doc, name, "%s is not a string", name);
	if (json_string_length(value) >= size)
		return fail_field(doc, name, "%s is longer than %zu bytes", name,
				  size - 1);
	snprintf(out, size, "%s", json_string_value(value));
	return GT_OK;
}

static enum gt_err get_int(struct doc *doc, int i, const json_t *object, const char *name,
			   int64_t max, int64_t *out)
{
	const json_t *value = json_object_get(object, name);

	if (!present(value))
		return GT_OK;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > max)
		return fail_item(doc, "gpus", i,
				 "GPU %d: %s is not a number from 0 to %lld or null", i,
				 name, (long long)max);
	*out = json_integer_value(value);
	return GT_OK;
}

static enum gt_err get_bool(struct doc *doc, int i, const json_t *object,
			    const char *name, bool *out)
{
	const json_t *value = json_object_get(object, name);

	if (!present(value))
		return GT_OK;
	if (!json_is_boolean(value))
		return fail_item(doc, "gpus", i, "GPU %d: %s is not true or false", i,
				 name);
	*out = json_is_true(value);
	return GT_OK;
}

/* GB/s to MB/s; false if it is no sensible figure. */
static bool to_mbps(const json_t *value, int *mbps)
{
	double gbps;

	if (!json_is_number(value))
		return false;
	gbps = json_number_value(value);
	if (!(gbps > 0 && gbps <= GBPS_MAX))
		return false;
	*mbps = (int)(gbps * 1000 + 0.5);
	return *mbps > 0;
}

static enum gt_err get_numbers(struct doc *doc, int i, const json_t *object,
			       struct gt_gpu *gpu)
{
	struct {
		const char *name;
		int64_t max;
		int *out;
	} fields[] = {
		{"minor", INT_MAX, &gpu->minor},
		{"module_id", INT_MAX, &gpu->module_id},
		{"socket", INT_MAX, &gpu->socket},
		{"numa", INT_MAX, &gpu->numa},
		{"island", INT_MAX, &gpu->island},
		{"switch_links", GT_MAX_LINKS, &gpu->switch_links},
	};
	int64_t index = i;

	for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
		int64_t value = *fields[f].out;
		enum gt_err rc =
			get_int(doc, i, object, fields[f].name, fields[f].max, &value);

		if (rc)
			return rc;
		*fields[f].out = (int)value;
	}
	if (get_int(doc, i, object, "index", GT_MAX_GPUS, &index))
		return GT_EPARSE;
	if (index != i)
		return fail_item(doc, "gpus", i, "GPU at position %d has index %d", i,
				 (int)index);
	return get_int(doc, i, object, "mem_mib", INT64_MAX, &gpu->mem_mib);
}

static enum gt_err get_gpu(struct doc *doc, int i, const json_t *object)
{
	struct gt_gpu *gpu = gt_node_edit_gpu(doc->node, i);
	const json_t *speed;
	struct gt_error cause;
	enum gt_err rc;

	if (!json_is_object(object))
		return fail_item(doc, "gpus", i, "GPU %d is not an object", i);
	rc = get_numbers(doc, i, object, gpu);
	if (rc ||
	    (rc = get_string(doc, object, "model", gpu->model, sizeof(gpu->model))) ||
	    (rc = get_string(doc, object, "uuid", gpu->uuid, sizeof(gpu->uuid))) ||
	    (rc = get_string(doc, object, "bus_id", gpu->bus_id, sizeof(gpu->bus_id))) ||
	    (rc = get_string(doc, object, "pci_root", gpu->pci_root,
			     sizeof(gpu->pci_root))) ||
	    (rc = get_string(doc, object, "cpus", gpu->cpus, sizeof(gpu->cpus))) ||
	    (rc = get_bool(doc, i, object, "mig", &gpu->mig)) ||
	    (rc = get_bool(doc, i, object, "healthy", &gpu->healthy)))
		return rc;
	if (gt_json_instances(doc->node, i, json_object_get(object, "instances"), &cause))
		return fail_item(doc, "gpus", i, "GPU %d: %s", i, cause.text);
	if (json_object_get(object, "island") || json_object_get(object, "switch_links"))
		doc->has_islands = true;
	speed = json_object_get(object, "link_gbps");
	if (present(speed) && !to_mbps(speed, &gpu->link_mbps))
		return fail_item(doc, "gpus", i,
				 "GPU %d: link_gbps is not a positive number", i);
	return GT_OK;
}

/* A matrix field: NULL if it is absent, else n rows of n cells, checked. */
static enum gt_err get_matrix(struct doc *doc, const char *name, json_t **matrix)
{
	*matrix = json_object_get(doc->root, name);
	if (!present(*matrix)) {
		*matrix = NULL;
		return GT_OK;
	}
	if (!json_is_array(*matrix) || json_array_size(*matrix) != (size_t)doc->n)
		return fail_field(doc, name, "%s has not one row for each of the %d GPUs",
				  name, doc->n);
	for (int a = 0; a < doc->n; a++) {
		const json_t *row = json_array_get(*matrix, (size_t)a);

		if (!json_is_array(row) || json_array_size(row) != (size_t)doc->n)
			return fail_item(
				doc, name, a,
				"row %d of %s has not one cell for each of the %d GPUs",
				a, name, doc->n);
	}
	return GT_OK;
}

static const json_t *cell(const json_t *matrix, int a, int b)
{
	return json_array_get(json_array_get(matrix, (size_t)a), (size_t)b);
}

/* "NV2" and "SYS" alike: the path, and the links if it names some. */
static bool parse_path(const char *text, enum gt_path *path, int *links)
{
	*links = 0;
	if (!strncmp(text, "NV", 2)) {
		const char *at = text + 2;

		*path = GT_PATH_LINK;
		return gt_scan_int(&at, GT_MAX_LINKS, links) && !*at && *links > 0;
	}
	for (int p = GT_PATH_SELF; p <= GT_PATH_SYS; p++) {
		if (p == GT_PATH_LINK || strcmp(text, gt_path_name((enum gt_path)p)))
			continue;
		*path = (enum gt_path)p;
		return true;
	}
	return false;
}

/* One pair out of links and paths, which must agree where both speak. */
static enum gt_err set_pair(struct doc *doc, const json_t *links, const json_t *paths,
			    int a, int b)
{
	const json_t *count = links ? cell(links, a, b) : NULL;
	const json_t *name = paths ? cell(paths, a, b) : NULL;
	enum gt_path path = GT_PATH_UNKNOWN;
	int value = GT_UNKNOWN, named = 0;

	if (present(name)) {
		if (!json_is_string(name) ||
		    !parse_path(json_string_value(name), &path, &named))
			return fail_item(doc, "paths", a, "pair %d-%d: not a path", a, b);
		if ((path == GT_PATH_SELF) != (a == b))
			return fail_item(doc, "paths", a,
					 "pair %d-%d: X is for the diagonal", a, b);
		if (!links)
			value = named;
	}
	if (present(count)) {
		if (!json_is_integer(count) || json_integer_value(count) < 0 ||
		    json_integer_value(count) > GT_MAX_LINKS)
			return fail_item(doc, "links", a,
					 "pair %d-%d: links are 0 to %d, or null", a, b,
					 GT_MAX_LINKS);
		value = (int)json_integer_value(count);
		if (a == b && value)
			return fail_item(doc, "links", a, "GPU %d has links to itself",
					 a);
		if (named && named != value)
			return fail_item(doc, "links", a,
					 "pair %d-%d: %d links, but its path is NV%d", a,
					 b, value, named);
	}
	if (a == b)
		return GT_OK;
	gt_node_set_links(doc->node, a, b, value);
	if (path != GT_PATH_UNKNOWN)
		gt_node_set_path(doc->node, a, b, path);
	return GT_OK;
}

static enum gt_err set_path_speed(struct doc *doc, const json_t *speeds, int a, int b)
{
	const json_t *value = cell(speeds, a, b);
	int mbps;

	if (a == b || !present(value))
		return GT_OK;
	if (!to_mbps(value, &mbps))
		return fail_item(doc, "path_gbps", a, "pair %d-%d: not a positive number",
				 a, b);
	gt_node_set_path_mbps(doc->node, a, b, mbps);
	return GT_OK;
}

static enum gt_err get_pairs(struct doc *doc)
{
	json_t *links, *paths, *speeds;
	enum gt_err rc;

	if ((rc = get_matrix(doc, "links", &links)) ||
	    (rc = get_matrix(doc, "paths", &paths)) ||
	    (rc = get_matrix(doc, "path_gbps", &speeds)))
		return rc;
	if (!links && !paths)
		return gt_fail_src(doc->src, doc->err, GT_EPARSE, 1,
				   "neither links nor paths: no topology");
	for (int a = 0; a < doc->n; a++)
		for (int b = 0; b < doc->n; b++) {
			rc = set_pair(doc, links, paths, a, b);
			if (rc == GT_OK && speeds)
				rc = set_path_speed(doc, speeds, a, b);
			if (rc)
				return rc;
		}
	return GT_OK;
}

/* The smaller direction of a pair as the file gives it. */
static int pair_links(const struct doc *doc, int a, int b)
{
	int ab = gt_node_links(doc->node, a, b), ba = gt_node_links(doc->node, b, a);

	return ab < ba ? ab : ba;
}

/* Live links into the switch, where the file leaves them to the pairs. */
static void derive_switch_links(struct doc *doc, int a)
{
	struct gt_gpu *ga = gt_node_edit_gpu(doc->node, a);

	for (int b = 0; b < doc->n; b++)
		if (b != a && gt_node_gpu(doc->node, b)->island == ga->island &&
		    pair_links(doc, a, b) > ga->switch_links)
			ga->switch_links = pair_links(doc, a, b);
}

/* What the file says of a pair inside an island must be what the two ends can do. */
static enum gt_err check_islands(struct doc *doc, const json_t *gpus)
{
	for (int a = 0; a < doc->n; a++) {
		const struct gt_gpu *ga = gt_node_gpu(doc->node, a);

		if (ga->island >= 0 &&
		    !json_object_get(json_array_get(gpus, (size_t)a), "switch_links"))
			derive_switch_links(doc, a);
		if (ga->island < 0 && ga->switch_links > 0)
			return fail_item(doc, "gpus", a,
					 "GPU %d: switch_links without an island", a);
	}
	for (int a = 0; a < doc->n; a++)
		for (int b = 0; b < a; b++) {
			const struct gt_gpu *ga = gt_node_gpu(doc->node, a);
			const struct gt_gpu *gb = gt_node_gpu(doc->node, b);
			int least = ga->switch_links < gb->switch_links
					    ? ga->switch_links
					    : gb->switch_links;

			if (ga->island >= 0 && ga->island == gb->island && least > 0 &&
			    pair_links(doc, a, b) != least)
				return fail_item(
					doc, "links", b,
					"pair %d-%d: %d links, but the smaller of "
					"the two switch_links is %d",
					b, a, pair_links(doc, a, b), least);
		}
	return GT_OK;
}

/* Without a word about islands: "fabric" may say what the counts cannot. */
static void choose_fabric(struct doc *doc, struct gt_source *src)
{
	const char *fabric = json_string_value(json_object_get(doc->root, "fabric"));

	if (fabric && !strcmp(fabric, "mesh"))
		return;
	if (!fabric || strcmp(fabric, "switch")) {
		src->infer_fabric = true;
		return;
	}
	for (int a = 0; a < doc->n; a++)
		gt_node_edit_gpu(doc->node, a)->island = 0;
	for (int a = 0; a < doc->n; a++)
		derive_switch_links(doc, a);
}

static enum gt_err get_groups(struct doc *doc)
{
	const json_t *groups = json_object_get(doc->root, "groups"), *group, *member;
	size_t i, j;

	if (!present(groups))
		return GT_OK;
	if (!json_is_array(groups))
		return fail_field(doc, "groups", "groups is not a list");
	json_array_foreach((json_t *)groups, i, group)
	{
		struct gt_mask mask = {0};
		enum gt_err rc;

		if (!json_is_array(group))
			return fail_field(doc, "groups", "a group is not a list of GPUs");
		json_array_foreach((json_t *)group, j, member)
		{
			if (!json_is_integer(member) || json_integer_value(member) < 0 ||
			    json_integer_value(member) >= doc->n)
				return fail_item(
					doc, "groups", (int)i,
					"group %zu names a GPU that is not there", i);
			gt_mask_set(&mask, (int)json_integer_value(member));
		}
		rc = gt_node_add_group(doc->node, &mask, doc->err);
		if (rc) {
			if (doc->err) {
				doc->err->line = line_of(doc->src, "groups");
				snprintf(doc->err->file, sizeof(doc->err->file), "%s",
					 doc->src->file);
			}
			return rc;
		}
	}
	return GT_OK;
}

/* One point: GPUs, or how many of one switch, and what was measured there. */
static enum gt_err get_point(struct doc *doc, int i, const json_t *point)
{
	const json_t *gpus = json_object_get(point, "gpus"), *member;
	const char *comm = json_string_value(json_object_get(point, "comm"));
	struct gt_measured measured = {.count = 0};
	struct gt_error cause;
	size_t j;

	if (json_is_integer(gpus) && json_integer_value(gpus) <= doc->n)
		measured.count = (int)json_integer_value(gpus);
	json_array_foreach((json_t *)gpus, j, member)
	{
		if (!json_is_integer(member) || json_integer_value(member) < 0 ||
		    json_integer_value(member) >= doc->n)
			return fail_item(doc, "measured", i,
					 "point %d names a GPU that is not there", i);
		gt_mask_set(&measured.gpus, (int)json_integer_value(member));
	}
	if (!comm || gt_comm_parse(&measured.comm, comm, NULL))
		return fail_item(doc, "measured", i,
				 "point %d: comm is not allreduce or alltoall", i);
	if (!to_mbps(json_object_get(point, "busbw_gbps"), &measured.busbw_mbps))
		return fail_item(doc, "measured", i,
				 "point %d: busbw_gbps is not a positive number", i);
	if (gt_node_add_measured(doc->node, &measured, &cause))
		return fail_item(doc, "measured", i, "point %d: %s", i, cause.text);
	return GT_OK;
}

static enum gt_err get_shared_way(struct doc *doc, int i, const json_t *way)
{
	const json_t *gpus = json_object_get(way, "gpus"), *member;
	const json_t *memory = json_object_get(way, "memory");
	struct gt_shared shared = {.memory = json_is_true(memory)};
	struct gt_error cause;
	size_t j;

	json_array_foreach((json_t *)gpus, j, member)
	{
		if (!json_is_integer(member) || json_integer_value(member) < 0 ||
		    json_integer_value(member) >= doc->n)
			return fail_item(doc, "shared", i,
					 "way %d names a GPU that is not there", i);
		gt_mask_set(&shared.gpus, (int)json_integer_value(member));
	}
	if (!to_mbps(json_object_get(way, "gbps"), &shared.mbps) ||
	    (present(memory) && !json_is_boolean(memory)))
		return fail_item(doc, "shared", i,
				 "way %d: gbps is not a positive number, or memory not "
				 "true or false",
				 i);
	if (gt_node_add_shared(doc->node, &shared, &cause))
		return fail_item(doc, "shared", i, "way %d: %s", i, cause.text);
	return GT_OK;
}

static enum gt_err get_shared(struct doc *doc)
{
	const json_t *ways = json_object_get(doc->root, "shared"), *way;
	const json_t *p2p = json_object_get(doc->root, "pcie_p2p");
	enum gt_err rc = GT_OK;
	size_t i;

	if (present(p2p) && !json_is_boolean(p2p))
		return fail_field(doc, "pcie_p2p", "pcie_p2p is not true or false");
	if (present(p2p))
		gt_node_set_pcie_p2p(doc->node, json_is_true(p2p));
	if (present(ways) && !json_is_array(ways))
		return fail_field(doc, "shared", "shared is not a list");
	json_array_foreach((json_t *)ways, i, way)
	{
		rc = get_shared_way(doc, (int)i, way);
		if (rc)
			break;
	}
	return rc;
}

static enum gt_err get_measured(struct doc *doc)
{
	const json_t *points = json_object_get(doc->root, "measured"), *point;
	enum gt_err rc = GT_OK;
	size_t i;

	if (!present(points))
		return GT_OK;
	if (!json_is_array(points))
		return fail_field(doc, "measured", "measured is not a list");
	json_array_foreach((json_t *)points, i, point)
	{
		rc = get_point(doc, (int)i, point);
		if (rc)
			break;
	}
	return rc;
}

/* near without paths: one switch away, and nothing is known of the others. */
static enum gt_err get_near(struct doc *doc, int i, const json_t *near, uint8_t *paths)
{
	const json_t *member;
	size_t j;

	for (int g = 0; g < doc->n; g++)
		paths[g] = GT_PATH_UNKNOWN;
	json_array_foreach((json_t *)near, j, member)
	{
		if (!json_is_integer(member) || json_integer_value(member) < 0 ||
		    json_integer_value(member) >= doc->n)
			return fail_item(doc, "nics", i,
					 "NIC %d names a GPU that is not there", i);
		paths[json_integer_value(member)] = GT_PATH_PIX;
	}
	return GT_OK;
}

static enum gt_err get_nic_paths(struct doc *doc, int i, const json_t *nic,
				 uint8_t *paths)
{
	const json_t *list = json_object_get(nic, "paths"), *near;

	near = json_object_get(nic, "near");
	if (!present(list) && json_is_array(near))
		return get_near(doc, i, near, paths);
	if (!json_is_array(list) || json_array_size(list) != (size_t)doc->n)
		return fail_item(doc, "nics", i, "NIC %d: paths has not %d entries", i,
				 doc->n);
	for (int g = 0; g < doc->n; g++) {
		const json_t *name = json_array_get(list, (size_t)g);
		enum gt_path path = GT_PATH_UNKNOWN;
		int links;

		if (!json_is_null(name) &&
		    (!json_is_string(name) ||
		     !parse_path(json_string_value(name), &path, &links) ||
		     path < GT_PATH_C2C))
			return fail_item(doc, "nics", i,
					 "NIC %d, GPU %d: not a path to a card", i, g);
		paths[g] = (uint8_t)path;
	}
	return GT_OK;
}

static enum gt_err get_nic(struct doc *doc, int i, const json_t *object)
{
	const json_t *speed = json_object_get(object, "gbps");
	const json_t *rail = json_object_get(object, "rail");
	struct gt_nic nic = {.mbps = GT_UNKNOWN, .rail = GT_UNKNOWN};
	uint8_t paths[GT_MAX_GPUS];
	struct gt_error cause;
	enum gt_err rc;

	if (!json_is_object(object))
		return fail_item(doc, "nics", i, "NIC %d is not an object", i);
	if ((rc = get_string(doc, object, "name", nic.name, sizeof(nic.name))) ||
	    (rc = get_string(doc, object, "bus_id", nic.bus_id, sizeof(nic.bus_id))) ||
	    (rc = get_nic_paths(doc, i, object, paths)))
		return rc;
	if (present(speed) && !to_mbps(speed, &nic.mbps))
		return fail_item(doc, "nics", i, "NIC %d: gbps is not a positive number",
				 i);
	if (present(rail) && (!json_is_integer(rail) || json_integer_value(rail) < 0 ||
			      json_integer_value(rail) >= GT_MAX_NICS))
		return fail_item(doc, "nics", i, "NIC %d: rail is not 0 to %d", i,
				 GT_MAX_NICS - 1);
	nic.has_rail = present(rail);
	if (nic.has_rail)
		nic.rail = (int)json_integer_value(rail);
	if (gt_node_add_nic(doc->node, &nic, paths, &cause))
		return fail_item(doc, "nics", i, "%s", cause.text);
	return GT_OK;
}

static enum gt_err get_nics(struct doc *doc)
{
	const json_t *nics = json_object_get(doc->root, "nics"), *nic;
	enum gt_err rc = GT_OK;
	size_t i;

	if (present(nics) && !json_is_array(nics))
		return fail_field(doc, "nics", "nics is not a list");
	json_array_foreach((json_t *)nics, i, nic)
	{
		rc = get_nic(doc, (int)i, nic);
		if (rc)
			break;
	}
	return rc;
}

static enum gt_err get_notes(struct doc *doc)
{
	const json_t *notes = json_object_get(doc->root, "notes"), *note;
	size_t i;

	if (!present(notes))
		return GT_OK;
	if (!json_is_array(notes))
		return fail_field(doc, "notes", "notes is not a list");
	json_array_foreach((json_t *)notes, i, note)
	{
		if (!json_is_string(note))
			return fail_item(doc, "notes", (int)i, "a note is not a string");
		gt_node_add_note(doc->node, "%s", json_string_value(note));
	}
	return GT_OK;
}

/* Where the model came from before it was written, so that a copy is the same document.
 */
static enum gt_err get_origin(struct doc *doc)
{
	const json_t *source = json_object_get(doc->root, "source");
	char format[256] = "", file[256] = "";
	enum gt_err rc;

	if (!present(source))
		return GT_OK;
	if (!json_is_object(source))
		return fail_field(doc, "source", "source is not an object");
	if ((rc = get_string(doc, source, "format", format, sizeof(format))) ||
	    (rc = get_string(doc, source, "file", file, sizeof(file))))
		return rc;
	gt_node_set_source(doc->node, format, file);
	return GT_OK;
}

static enum gt_err get_head(struct doc *doc)
{
	const json_t *partial = json_object_get(doc->root, "partial");
	const json_t *speed = json_object_get(doc->root, "link_gbps");
	char name[256] = "", domain[256] = "", cpu[64] = "";
	enum gt_err rc;
	int mbps = 0;

	if ((rc = get_string(doc, doc->root, "name", name, sizeof(name))) ||
	    (rc = get_string(doc, doc->root, "domain", domain, sizeof(domain))) ||
	    (rc = get_string(doc, doc->root, "cpu_vendor", cpu, sizeof(cpu))))
		return rc;
	gt_node_set_name(doc->node, name);
	gt_node_set_domain(doc->node, domain);
	gt_node_set_cpu_vendor(doc->node, gt_cpu_vendor_parse(cpu));
	if (cpu[0] && gt_cpu_vendor_parse(cpu) == GT_CPU_UNKNOWN)
		gt_node_add_note(doc->node, "unknown cpu_vendor '%s'", cpu);
	if (present(partial) && !json_is_boolean(partial))
		return fail_field(doc, "partial", "partial is not true or false");
	if (json_is_true(partial))
		gt_node_set_partial(doc->node);
	if (present(speed) && !to_mbps(speed, &mbps))
		return fail_field(doc, "link_gbps", "link_gbps is not a positive number");
	for (int i = 0; mbps && i < doc->n; i++)
		gt_node_edit_gpu(doc->node, i)->link_mbps = mbps;
	return GT_OK;
}

static enum gt_err get_document(struct doc *doc, struct gt_source *src,
				const json_t *gpus)
{
	const json_t *gpu;
	enum gt_err rc;
	size_t i;

	rc = get_head(doc);
	if (rc)
		return rc;
	json_array_foreach((json_t *)gpus, i, gpu)
	{
		rc = get_gpu(doc, (int)i, gpu);
		if (rc)
			return rc;
	}
	if ((rc = get_pairs(doc)) || (rc = get_groups(doc)) || (rc = get_measured(doc)) ||
	    (rc = get_shared(doc)) || (rc = get_nics(doc)) || (rc = get_notes(doc)) ||
	    (rc = get_origin(doc)))
		return rc;
	if (!doc->has_islands) {
		choose_fabric(doc, src);
		return GT_OK;
	}
	return check_islands(doc, gpus);
}

static bool looks_like(const struct gt_source *src)
{
	return gt_text_first(src) == '{';
}

static enum gt_err check_root(struct doc *doc, const json_t **gpus)
{
	const json_t *version = json_object_get(doc->root, "version");

	if (!json_is_object(doc->root))
		return gt_fail_src(doc->src, doc->err, GT_EFORMAT, 1,
				   "not a JSON object");
	*gpus = json_object_get(doc->root, "gpus");
	if (!version)
		return gt_fail_src(doc->src, doc->err, GT_EFORMAT, 1,
				   "no \"version\": not a node file");
	if (!json_is_integer(version) || json_integer_value(version) != 1)
		return fail_field(doc, "version", "version is not 1");
	if (!json_is_array(*gpus))
		return gt_fail_src(doc->src, doc->err, GT_EPARSE,
				   line_of(doc->src, "gpus"), "no list \"gpus\"");
	if (json_array_size(*gpus) > GT_MAX_GPUS)
		return gt_fail_src(doc->src, doc->err, GT_ELIMIT,
				   line_of(doc->src, "gpus"), "more than %d GPUs",
				   GT_MAX_GPUS);
	return GT_OK;
}

static enum gt_err read_json(struct gt_source *src, struct gt_node **node,
			     struct gt_error *err)
{
	struct doc doc = {.src = src, .err = err};
	const json_t *gpus = NULL;
	json_error_t wrong;
	enum gt_err rc;

	doc.root = json_loadb(src->text, src->size, JSON_REJECT_DUPLICATES, &wrong);
	if (!doc.root)
		return gt_fail_at(err, GT_EPARSE, src->file, wrong.line, wrong.column,
				  "%s", wrong.text);
	rc = check_root(&doc, &gpus);
	if (rc == GT_OK) {
		doc.n = (int)json_array_size(gpus);
		rc = gt_node_new(&doc.node, doc.n, err);
	}
	if (rc == GT_OK)
		rc = get_document(&doc, src, gpus);
	json_decref(doc.root);
	if (rc) {
		gt_node_free(doc.node);
		return rc;
	}
	*node = doc.node;
	return GT_OK;
}

const struct gt_format gt_format_json = {"json", looks_like, read_json};
