/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hwloc XML (lstopo --of xml) through libhwloc, and this machine. Links come from the
 * NVLinkBandwidth or XGMIBandwidth matrix, in MB/s. Where it lists switches, a GPU's
 * links are the sum over them, which is what hwloc's transitive closure would give its
 * pairs; processors in the matrix (POWER) are no GPUs.
 */
#include "config.h"

#include "source/apart.h"
#include "source/cpu.h"
#include "source/hwloc.h"
#include "source/xml.h"

#include <hwloc.h>
#include <hwloc/distances.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MATRICES_MAX 16

/* GPUs as hwloc's drivers call them, best first: the first kind in the matrix counts. */
static const char *const drivers[] = {"nvml", "rsmi", "cuda", "opencl", "ze"};

/* GPUs of one topology. */
struct view {
	hwloc_topology_t topology;
	hwloc_obj_t gpus[GT_MAX_GPUS];
	int count;
	struct hwloc_distances_s *matrix;
	bool xgmi;
	bool live; /* this machine, whose drivers can be asked */
};

/* ---- objects ---- */

static const char *info(hwloc_obj_t object, const char *name)
{
	const char *value = object ? hwloc_obj_get_info_by_name(object, name) : NULL;

	return value ? value : "";
}

/* The number in "nvml12" if the object is one of that driver's, else -1. */
static int driver_index(hwloc_obj_t object, const char *driver)
{
	size_t len = strlen(driver);
	const char *at;
	int number;

	if (object->type != HWLOC_OBJ_OS_DEVICE || !object->name ||
	    strncmp(object->name, driver, len))
		return -1;
	at = object->name + len;
	if (!gt_scan_int(&at, 1 << 20, &number))
		return -1;
	/* "opencl0d3": platform and device */
	if (*at == 'd') {
		at++;
		if (!gt_scan_int(&at, 1 << 20, &number))
			return -1;
	}
	return number;
}

static hwloc_obj_t pci_of(hwloc_obj_t object)
{
	while (object && object->type != HWLOC_OBJ_PCI_DEVICE)
		object = object->parent;
	return object;
}

static void pci_name(hwloc_obj_t object, char *out, size_t size)
{
	const struct hwloc_pcidev_attr_s *pci = &object->attr->pcidev;

	if (object->type == HWLOC_OBJ_BRIDGE)
		pci = &object->attr->bridge.upstream.pci;
	snprintf(out, size, "%04x:%02x:%02x.%x", pci->domain, pci->bus, pci->dev,
		 pci->func);
}

static bool is_host_bridge(hwloc_obj_t object)
{
	return object->type == HWLOC_OBJ_BRIDGE &&
	       object->attr->bridge.upstream_type == HWLOC_OBJ_BRIDGE_HOST;
}

static hwloc_obj_t ancestor(hwloc_obj_t object, hwloc_obj_type_t type)
{
	while (object && object->type != type)
		object = object->parent;
	return object;
}

/* ---- GPUs ---- */

static void collect_gpus(struct view *view, const char *driver)
{
	hwloc_obj_t object = NULL;

	view->count = 0;
	while ((object = hwloc_get_next_osdev(view->topology, object)))
		if (driver_index(object, driver) >= 0 && view->count < GT_MAX_GPUS)
			view->gpus[view->count++] = object;
	/* in the driver's order; few enough for insertion */
	for (int i = 1; i < view->count; i++)
		for (int j = i; j > 0 && driver_index(view->gpus[j], driver) <
						 driver_index(view->gpus[j - 1], driver);
		     j--) {
			object = view->gpus[j];
			view->gpus[j] = view->gpus[j - 1];
			view->gpus[j - 1] = object;
		}
}

static bool matrix_has(const struct hwloc_distances_s *matrix, const char *driver)
{
	for (unsigned int i = 0; i < matrix->nbobjs; i++)
		if (matrix->objs[i] && driver_index(matrix->objs[i], driver) >= 0)
			return true;
	return false;
}

/* The matrix of the GPUs, and them; false if the topology has none. */
static bool find_matrix(struct view *view)
{
	static const char *const names[] = {"NVLinkBandwidth", "XGMIBandwidth"};

	for (size_t i = 0; i < 2; i++) {
		unsigned int count = 1;

		if (hwloc_distances_get_by_name(view->topology, names[i], &count,
						&view->matrix, 0) < 0 ||
		    !count)
			continue;
		view->xgmi = i == 1;
		for (size_t d = 0; d < sizeof(drivers) / sizeof(drivers[0]); d++)
			if (matrix_has(view->matrix, drivers[d])) {
				collect_gpus(view, drivers[d]);
				return view->count > 0;
			}
		hwloc_distances_release(view->topology, view->matrix);
	}
	view->matrix = NULL;
	return false;
}

static void set_place(struct gt_gpu *gpu, hwloc_obj_t object)
{
	hwloc_obj_t near = object, package, root = NULL;
	char *list = NULL;

	for (; near && !near->cpuset; near = near->parent)
		if (near->type == HWLOC_OBJ_PCI_DEVICE ||
		    (near->type == HWLOC_OBJ_BRIDGE && !is_host_bridge(near)))
			root = near;
	if (root)
		pci_name(root, gpu->pci_root, sizeof(gpu->pci_root));
	if (!near)
		return;
	package = ancestor(near, HWLOC_OBJ_PACKAGE);
	if (package)
		gpu->socket = (int)package->logical_index;
	if (near->nodeset && hwloc_bitmap_weight(near->nodeset) == 1)
		gpu->numa = hwloc_bitmap_first(near->nodeset);
	if (hwloc_bitmap_list_asprintf(&list, near->cpuset) >= 0 && list &&
	    strlen(list) < sizeof(gpu->cpus))
		snprintf(gpu->cpus, sizeof(gpu->cpus), "%s", list);
	free(list);
}

static void set_gpu(struct gt_gpu *gpu, hwloc_obj_t object)
{
	hwloc_obj_t pci = pci_of(object);
	const char *model = info(object, "GPUModel"), *uuid = info(object, "NVIDIAUUID");

	snprintf(gpu->model, sizeof(gpu->model), "%.63s", model);
	snprintf(gpu->uuid, sizeof(gpu->uuid), "%.63s",
		 *uuid ? uuid : info(object, "AMDUUID"));
	if (pci)
		pci_name(pci, gpu->bus_id, sizeof(gpu->bus_id));
	set_place(gpu, object);
}

/* Partitions of one card show its UUID, or zeros: such ids name no GPU. */
static void drop_shared_uuids(struct gt_node *node)
{
	for (int i = 0; i < gt_node_size(node); i++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, i);
		bool shared = strspn(gpu->uuid, "0-") == strlen(gpu->uuid);

		for (int j = i + 1; gpu->uuid[0] && j < gt_node_size(node); j++)
			if (!strcmp(gpu->uuid, gt_node_gpu(node, j)->uuid)) {
				shared = true;
				gt_node_edit_gpu(node, j)->uuid[0] = '\0';
			}
		if (shared)
			gpu->uuid[0] = '\0';
	}
}

/* ---- paths ---- */

static int bridges_to(hwloc_obj_t object, hwloc_obj_t common)
{
	int bridges = 0;

	for (object = object->parent; object && object != common; object = object->parent)
		bridges += object->type == HWLOC_OBJ_BRIDGE;
	return bridges;
}

static bool same_nodes(hwloc_obj_t a, hwloc_obj_t b)
{
	while (a && !a->nodeset)
		a = a->parent;
	while (b && !b->nodeset)
		b = b->parent;
	return a && b && hwloc_bitmap_isequal(a->nodeset, b->nodeset);
}

/* hwloc_get_common_ancestor_obj compares depths, which tell nothing of PCI objects. */
static hwloc_obj_t common_ancestor(hwloc_obj_t a, hwloc_obj_t b)
{
	for (; a; a = a->parent)
		for (hwloc_obj_t other = b; other; other = other->parent)
			if (a == other)
				return a;
	return NULL;
}

/* One switch is a port above and one below: two bridges. */
static enum gt_path path_of(hwloc_obj_t a, hwloc_obj_t b)
{
	hwloc_obj_t common;

	a = pci_of(a);
	b = pci_of(b);
	if (!a || !b)
		return GT_PATH_UNKNOWN;
	common = common_ancestor(a, b);
	if (!common)
		return GT_PATH_UNKNOWN;
	if (a == b)
		return GT_PATH_PIX;
	if (common->type == HWLOC_OBJ_BRIDGE && is_host_bridge(common))
		return GT_PATH_PHB;
	if (common->type == HWLOC_OBJ_BRIDGE)
		return bridges_to(a, common) <= 1 && bridges_to(b, common) <= 1
			       ? GT_PATH_PIX
			       : GT_PATH_PXB;
	return same_nodes(a, b) ? GT_PATH_NODE : GT_PATH_SYS;
}

static void set_paths(const struct view *view, struct gt_node *node)
{
	for (int a = 0; a < view->count; a++)
		for (int b = 0; b < a; b++)
			gt_node_set_path(node, a, b,
					 path_of(view->gpus[a], view->gpus[b]));
}

static bool is_behind(hwloc_obj_t object, hwloc_obj_t bridge)
{
	while (object && object != bridge)
		object = object->parent;
	return object != NULL;
}

/* The GPUs behind an object; empty where the one at first is not the first of them. */
static struct gt_mask gpus_behind(const struct view *view, hwloc_obj_t object, int first)
{
	struct gt_mask gpus = {0};

	for (int i = 0; i < view->count; i++)
		if (is_behind(view->gpus[i], object)) {
			if (i < first)
				return (struct gt_mask){0};
			gt_mask_set(&gpus, i);
		}
	return gpus;
}

/* What NCCL counts of a rated speed: 12 GB/s of the 15.75 of generation 3 x16. A port
 * asleep shows less than it has (NVIDIA/nccl#1614): a GPU's own slot is the least. */
static int port_mbps(hwloc_obj_t bridge, const struct gt_gpu *gpu)
{
	double rated = bridge->attr->bridge.upstream.pci.linkspeed * 1000 * 16 / 21;
	int link_mbps, slot_mbps;

	gt_gpu_model_speeds(gpu->model, &link_mbps, &slot_mbps);
	return rated > slot_mbps && rated < 1e6 ? (int)(rated / 500 + .5) * 500
						: slot_mbps;
}

/* Ports of switches with several GPUs, and the memory of each socket. */
static void set_shared(const struct view *view, struct gt_node *node)
{
	struct gt_shared shared;

	for (int i = 0; i < view->count; i++) {
		hwloc_obj_t at = view->gpus[i] ? view->gpus[i]->parent : NULL;

		for (; at; at = at->parent) {
			bool package = at->type == HWLOC_OBJ_PACKAGE;

			if (!package &&
			    (at->type != HWLOC_OBJ_BRIDGE || is_host_bridge(at)))
				continue;
			shared.gpus = gpus_behind(view, at, i);
			shared.memory = package;
			shared.mbps =
				package ? gt_cpu_memory_mbps(gt_node_cpu_vendor(node))
					: port_mbps(at, gt_node_gpu(node, i));
			if (gt_mask_count(&shared.gpus) > 1 && shared.mbps > 0)
				gt_node_add_shared(node, &shared, NULL);
		}
	}
}

/* ---- network cards ---- */

/* The first line of DIR/NAME/FILE below /sys; false: there is none. */
static bool read_sys(char *line, size_t size, const char *dir, const char *name,
		     const char *file)
{
	const char *root = getenv("GPUTOPO_SYSFS");
	char path[512];
	FILE *f;

	line[0] = '\0';
	snprintf(path, sizeof(path), "%s/class/%s/%s/%s", root ? root : "/sys", dir, name,
		 file);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(line, (int)size, f))
		line[0] = '\0';
	fclose(f);
	return line[0] != '\0';
}

/* What the driver of this machine says: "200 Gb/sec (4X HDR)", Mb/s of Ethernet. */
static void ask_driver(struct gt_nic *nic, bool fabric)
{
	char line[128];
	double rate = 0;

	if (fabric &&
	    read_sys(line, sizeof(line), "infiniband", nic->name, "ports/1/rate"))
		rate = strtod(line, NULL) * 1000;
	else if (!fabric && read_sys(line, sizeof(line), "net", nic->name, "speed"))
		rate = strtod(line, NULL);
	if (rate >= 8 && rate < 1e7)
		nic->mbps = (int)(rate / 8);
	if (fabric &&
	    read_sys(line, sizeof(line), "infiniband", nic->name, "ports/1/link_layer"))
		nic->kind = !strncmp(line, "Ethernet", 8) ? GT_NIC_ETHERNET
							  : GT_NIC_INFINIBAND;
}

/* An OS device that jobs may use: an InfiniBand one, or an interface of a card that has
 * none. */
static bool is_card(hwloc_obj_t object)
{
	enum hwloc_obj_osdev_type_e type = object->attr->osdev.type;
	hwloc_obj_t pci = pci_of(object);

	if (!pci || !object->name)
		return false;
	if (type == HWLOC_OBJ_OSDEV_OPENFABRICS)
		return true;
	if (type != HWLOC_OBJ_OSDEV_NETWORK)
		return false;
	for (hwloc_obj_t other = pci->io_first_child; other; other = other->next_sibling)
		if (other->type == HWLOC_OBJ_OS_DEVICE &&
		    other->attr->osdev.type == HWLOC_OBJ_OSDEV_OPENFABRICS)
			return false;
	return true;
}

/* Speeds are those of the cards' PCIe links, unless this machine's drivers say more. */
static enum gt_err set_nics(const struct view *view, struct gt_node *node, bool live,
			    struct gt_error *err)
{
	hwloc_obj_t object = NULL;
	enum gt_err rc = GT_OK;

	while (rc == GT_OK && gt_node_nic_count(node) < GT_MAX_NICS &&
	       (object = hwloc_get_next_osdev(view->topology, object))) {
		struct gt_nic nic = {.mbps = GT_UNKNOWN, .rail = GT_UNKNOWN};
		uint8_t paths[GT_MAX_GPUS];
		hwloc_obj_t pci = pci_of(object);

		if (!is_card(object))
			continue;
		snprintf(nic.name, sizeof(nic.name), "%s", object->name);
		pci_name(pci, nic.bus_id, sizeof(nic.bus_id));
		if (object->attr->osdev.type == HWLOC_OBJ_OSDEV_NETWORK)
			nic.kind = GT_NIC_ETHERNET;
		if (pci->attr->pcidev.linkspeed >= 0.001f &&
		    pci->attr->pcidev.linkspeed < 1e4f)
			nic.mbps = (int)(pci->attr->pcidev.linkspeed * 1000 + .5f);
		if (live)
			ask_driver(&nic, nic.kind != GT_NIC_ETHERNET);
		for (int i = 0; i < view->count; i++)
			paths[i] = (uint8_t)path_of(view->gpus[i], object);
		rc = gt_node_add_nic(node, &nic, paths, err);
	}
	return rc;
}

static void set_cpu_vendor(const struct view *view, struct gt_node *node)
{
	hwloc_obj_t package = hwloc_get_obj_by_type(view->topology, HWLOC_OBJ_PACKAGE, 0);
	const char *model = info(package, "CPUModel");

	if (!strncmp(model, "POWER9", 6) || !strncmp(model, "POWER10", 7))
		gt_node_set_cpu_vendor(node, GT_CPU_POWER9);
	else
		gt_node_set_cpu_vendor(node,
				       gt_cpu_of(info(hwloc_get_root_obj(view->topology),
						      "Architecture"),
						 info(package, "CPUVendor"),
						 atoi(info(package, "CPUFamilyNumber")),
						 atoi(info(package, "CPUModelNumber"))));
}

/* ---- links ---- */

static int matrix_index(const struct view *view, hwloc_obj_t object)
{
	for (unsigned int i = 0; i < view->matrix->nbobjs; i++)
		if (view->matrix->objs[i] == object)
			return (int)i;
	return -1;
}

static long value_at(const struct view *view, int row, int column)
{
	hwloc_uint64_t value =
		view->matrix->values[(size_t)row * view->matrix->nbobjs + (size_t)column];

	return value > INT32_MAX ? INT32_MAX : (long)value;
}

static bool is_switch(hwloc_obj_t object)
{
	return object && object->type == HWLOC_OBJ_PCI_DEVICE && object->subtype &&
	       !strcmp(object->subtype, "NVSwitch");
}

/* MB/s of a GPU towards all switches. */
static long switch_mbps(const struct view *view, int row)
{
	long sum = 0;

	for (unsigned int i = 0; i < view->matrix->nbobjs; i++)
		if (is_switch(view->matrix->objs[i])) {
			sum += value_at(view, row, (int)i);
			if (sum > INT32_MAX)
				return INT32_MAX;
		}
	return sum;
}

static enum gt_err set_links(const struct view *view, struct gt_node *node,
			     const struct gt_source *src, struct gt_error *err)
{
	for (int a = 0; a < view->count; a++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, a);
		int row = matrix_index(view, view->gpus[a]);
		long to_switch = row < 0 ? 0 : switch_mbps(view, row);

		for (int b = 0; b < view->count; b++) {
			int column = matrix_index(view, view->gpus[b]);

			if (a != b && row >= 0 && column >= 0)
				gt_node_set_links(
					node, a, b,
					gt_links_of_mbps(value_at(view, row, column),
							 view->xgmi, gpu->model));
		}
		if (!to_switch)
			continue;
		gpu->island = 0;
		gpu->switch_links = gt_links_of_mbps(to_switch, view->xgmi, gpu->model);
		if (gpu->switch_links > GT_MAX_LINKS)
			return gt_fail_src(
				src, err, GT_EPARSE, 0,
				"%s: %ld MB/s into switches is more than %d links",
				view->gpus[a]->name, to_switch, GT_MAX_LINKS);
	}
	return GT_OK;
}

static enum gt_err build(const struct view *view, struct gt_node **node,
			 const struct gt_source *src, struct gt_error *err)
{
	enum gt_err rc = gt_node_new(node, view->count, err);

	if (rc)
		return rc;
	for (int i = 0; i < view->count; i++)
		set_gpu(gt_node_edit_gpu(*node, i), view->gpus[i]);
	drop_shared_uuids(*node);
	set_paths(view, *node);
	set_cpu_vendor(view, *node);
	set_shared(view, *node);
	rc = set_links(view, *node, src, err);
	if (rc == GT_OK)
		rc = set_nics(view, *node, view->live, err);
	if (rc) {
		gt_node_free(*node);
		*node = NULL;
	}
	return rc;
}

/* ---- loading ---- */

/* hwloc drops I/O objects by default, and with them the matrix. */
static hwloc_topology_t new_topology(void)
{
	hwloc_topology_t topology;

	if (hwloc_topology_init(&topology) < 0)
		return NULL;
	hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
	hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
#if HWLOC_API_VERSION >= 0x00020100
	/* They would ask OpenCL's drivers and the X server. */
	hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST,
				      "opencl");
	hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST,
				      "gl");
#endif
	return topology;
}

/* hwloc's own XML parser knows no comments. */
static void blank_comments(char *text)
{
	for (char *at = strstr(text, "<!--"); at; at = strstr(at, "<!--")) {
		char *end = strstr(at + 4, "-->");

		end = end ? end + 3 : at + strlen(at);
		memmove(at, end, strlen(end) + 1);
	}
}

/* hwloc 2 refuses files of version 3, whose objects and matrices it could read: hand it a
 * copy that says 2.0. */
static char *copy_as_version_2(const struct gt_source *src)
{
	char *copy = malloc(src->size + 1), *at;

	if (!copy)
		return NULL;
	memcpy(copy, src->text, src->size);
	copy[src->size] = '\0';
	blank_comments(copy);
	at = strstr(copy, "<topology version=\"3.");
	if (at && HWLOC_API_VERSION < 0x30000)
		at[strlen("<topology version=\"")] = '2';
	return copy;
}

static enum gt_err load_xml(const struct gt_source *src, hwloc_topology_t *topology,
			    struct gt_error *err)
{
	char *copy = copy_as_version_2(src);
	bool loaded;

	*topology = new_topology();
	if (!copy || !*topology) {
		free(copy);
		return gt_fail(err, GT_ENOMEM, "out of memory");
	}
	loaded = hwloc_topology_set_xmlbuffer(*topology, copy, (int)strlen(copy) + 1) ==
			 0 &&
		 hwloc_topology_load(*topology) == 0;
	free(copy);
	if (loaded)
		return GT_OK;
	return gt_fail_src(src, err, GT_EPARSE, 0,
			   "hwloc %d.%d cannot read this topology",
			   HWLOC_API_VERSION >> 16, HWLOC_API_VERSION >> 8 & 255);
}

/* A well-formed <topology> without entities: what may be handed to hwloc. */
static enum gt_err check_xml(const struct gt_source *src, struct gt_error *err)
{
	struct gt_xml *root;
	enum gt_err rc = gt_xml_read(src, &root, err);

	if (rc)
		return rc;
	if (!gt_xml_is(root, "topology"))
		rc = gt_fail_src(src, err, GT_EFORMAT, root->line,
				 "<%.40s> is not a topology", root->name);
	gt_xml_free(root);
	return rc;
}

static bool looks_like(const struct gt_source *src)
{
	return gt_text_first(src) == '<' && gt_text_has(src, "<topology");
}

static enum gt_err read_topology(struct gt_source *src, hwloc_topology_t topology,
				 bool live, struct gt_node **node, struct gt_error *err)
{
	struct view *view = calloc(1, sizeof(*view));
	enum gt_err rc;

	if (!view)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	view->topology = topology;
	view->live = live;
	if (find_matrix(view))
		rc = build(view, node, src, err);
	else
		rc = gt_fail_src(src, err, GT_EFORMAT, 0,
				 "no NVLink or xGMI bandwidth matrix: links are unknown");
	src->infer_fabric = !view->xgmi; /* xGMI has no switches */
	if (view->matrix)
		hwloc_distances_release(topology, view->matrix);
	free(view);
	return rc;
}

static enum gt_err read_loaded(struct gt_source *src, struct gt_node **node,
			       struct gt_error *err)
{
	hwloc_topology_t topology = NULL;
	enum gt_err rc = load_xml(src, &topology, err);

	if (rc == GT_OK)
		rc = read_topology(src, topology, false, node, err);
	if (topology)
		hwloc_topology_destroy(topology);
	return rc;
}

static enum gt_err read_hwloc(struct gt_source *src, struct gt_node **node,
			      struct gt_error *err)
{
	enum gt_err rc = check_xml(src, err);

	if (rc)
		return rc;
	rc = gt_read_apart(src, node, read_loaded, "libhwloc", err);
	if (rc == GT_OK)
		gt_node_set_source(*node, "hwloc", src->file);
	return rc;
}

const struct gt_format gt_format_hwloc = {"hwloc", looks_like, read_hwloc};

/* ---- this machine ---- */

enum gt_err gt_hwloc_live(struct gt_source *src, struct gt_node **node,
			  struct gt_error *err)
{
	hwloc_topology_t topology = new_topology();
	enum gt_err rc;

	if (!topology || hwloc_topology_load(topology) < 0)
		rc = gt_fail(err, GT_EIO, "hwloc cannot look at this machine");
	else
		rc = read_topology(src, topology, true, node, err);
	if (topology)
		hwloc_topology_destroy(topology);
	return rc;
}

/* The PCI device of every GPU of the node that answered; NULL where hwloc has none. */
static void find_devices(struct view *view, struct gt_node *node)
{
	view->count = gt_node_size(node);
	for (int i = 0; i < view->count; i++) {
		const char *bus_id = gt_node_gpu(node, i)->bus_id;

		if (!bus_id[0])
			continue;
		view->gpus[i] = hwloc_get_pcidev_by_busidstring(view->topology, bus_id);
		if (!view->gpus[i])
			gt_node_add_note(
				node,
				"hwloc does not show GPU %d (%s): its socket is unknown",
				i, bus_id);
	}
}

void gt_hwloc_complement(struct gt_node *node)
{
	struct view *view = calloc(1, sizeof(*view));

	if (!view)
		return;
	view->topology = new_topology();
	if (view->topology && hwloc_topology_load(view->topology) == 0) {
		set_cpu_vendor(view, node);
		find_devices(view, node);
		for (int i = 0; i < view->count; i++)
			if (view->gpus[i])
				set_place(gt_node_edit_gpu(node, i), view->gpus[i]);
		set_paths(view, node);
		set_shared(view, node);
		set_nics(view, node, true, NULL);
	}
	if (view->topology)
		hwloc_topology_destroy(view->topology);
	free(view);
}
