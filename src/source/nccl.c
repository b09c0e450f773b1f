/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The topology XML of NCCL (NCCL_TOPO_DUMP_FILE) and RCCL: <system> of <cpu> of nested
 * <pci> of <gpu>, whose <nvlink> or <xgmi> elements name the bus id at the other end. A
 * target that is no GPU of the file is a switch, a CPU or a GPU that was not dumped,
 * which its class tells. All switches of a file are one fabric.
 */
#include "config.h"

#include "source/cpu.h"
#include "source/xml.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BUS_ID_SIZE	  24
#define UNBELIEVABLE_MBIT 10000000 /* of a <net>: 10 Tb/s */

/* One <gpu>, with its place in the tree. */
struct gpu {
	const struct gt_xml *element;
	const struct gt_xml *pci;
	const struct gt_xml *cpu;
	char bus_id[BUS_ID_SIZE];
	int dev;
};

struct system {
	const struct gt_source *src;
	struct gt_xml *root;
	struct gpu *gpus;
	int count;
	int pci_gpus; /* <pci> of a GPU's class, <gpu> or not */
	bool any_links;
	int absent;  /* links to GPUs that are not in the file */
	int strange; /* links to what cannot be told */
	struct gt_error *err;
};

/* ---- collecting ---- */

/* Every element in document order. */
static struct gt_xml *next_element(struct gt_xml *element)
{
	if (element->child)
		return element->child;
	while (element && !element->next)
		element = element->parent;
	return element ? element->next : NULL;
}

static const struct gt_xml *ancestor(const struct gt_xml *element, const char *name)
{
	for (element = element->parent; element; element = element->parent)
		if (gt_xml_is(element, name))
			return element;
	return NULL;
}

/* 0x03xxxx: display controllers, 0x12xxxx: accelerators; both are what GPUs call
 * themselves. */
static bool is_gpu_class(const char *class)
{
	return !strncmp(class, "0x03", 4) || !strncmp(class, "0x12", 4);
}

static int count_elements(struct gt_xml *root, const char *name)
{
	int count = 0;

	for (struct gt_xml *e = root; e; e = next_element(e))
		count += gt_xml_is(e, name);
	return count;
}

static enum gt_err collect_gpu(struct system *system, struct gt_xml *element)
{
	struct gpu *gpu = &system->gpus[system->count];
	const char *dev = gt_xml_attr(element, "dev");

	gpu->element = element;
	gpu->pci = ancestor(element, "pci");
	gpu->cpu = ancestor(element, "cpu");
	gpu->dev = GT_UNKNOWN;
	if (*dev && !gt_scan_int(&dev, 1 << 20, &gpu->dev))
		return gt_fail_src(system->src, system->err, GT_EPARSE, element->line,
				   "dev=\"%s\" is not a number", dev);
	if (!gpu->pci || !gt_bus_id_normalize(gt_xml_attr(gpu->pci, "busid"), gpu->bus_id,
					      sizeof(gpu->bus_id)))
		return gt_fail_src(system->src, system->err, GT_EPARSE, element->line,
				   "a <gpu> without a <pci busid=> around it");
	system->count++;
	return GT_OK;
}

static int compare_gpus(const void *a, const void *b)
{
	const struct gpu *ga = a, *gb = b;

	if (ga->dev != gb->dev)
		return ga->dev - gb->dev;
	return ga->element->line - gb->element->line;
}

static enum gt_err collect(struct system *system)
{
	int total = count_elements(system->root, "gpu");
	enum gt_err rc = GT_OK;

	if (total > GT_MAX_GPUS)
		return gt_fail_src(system->src, system->err, GT_ELIMIT, 0,
				   "more than %d GPUs", GT_MAX_GPUS);
	system->gpus = calloc((size_t)total + 1, sizeof(*system->gpus));
	if (!system->gpus)
		return gt_fail(system->err, GT_ENOMEM, "out of memory");
	for (struct gt_xml *e = system->root; e && rc == GT_OK; e = next_element(e)) {
		if (gt_xml_is(e, "gpu"))
			rc = collect_gpu(system, e);
		else if (gt_xml_is(e, "pci"))
			system->pci_gpus += is_gpu_class(gt_xml_attr(e, "class"));
	}
	if (rc)
		return rc;
	if (!system->count)
		return gt_fail_src(system->src, system->err, GT_EFORMAT,
				   system->root->line, "no GPU elements; NVLink unknown");
	qsort(system->gpus, (size_t)system->count, sizeof(*system->gpus), compare_gpus);
	return GT_OK;
}

/* ---- links ---- */

/* Index of the GPU with a bus id, -1 if none; the first of two that share one. */
static int find_gpu(const struct system *system, const char *bus_id)
{
	for (int i = 0; i < system->count; i++)
		if (!strcmp(system->gpus[i].bus_id, bus_id))
			return i;
	return -1;
}

/* What is no GPU behind a link of a POWER machine is its CPU, whatever the class. */
static bool is_power(const struct gpu *gpu)
{
	return gpu->cpu && !strncmp(gt_xml_attr(gpu->cpu, "arch"), "ppc64", 5);
}

/* "fffffff:ff:ff.0": a switch that a virtual machine or a rack does not show. */
static bool is_hidden_switch(const char *target)
{
	return strspn(target, "fF:.0") == strlen(target) && strpbrk(target, "fF");
}

static enum gt_err set_link(struct system *system, struct gt_node *node, int a,
			    const struct gt_xml *link)
{
	struct gt_gpu *gpu = gt_node_edit_gpu(node, a);
	const char *target = gt_xml_attr(link, "target"),
		   *class = gt_xml_attr(link, "tclass");
	const char *count_text = gt_xml_attr(link, "count");
	char bus_id[BUS_ID_SIZE];
	int count = 1, b;

	if (*count_text &&
	    (!gt_scan_int(&count_text, GT_MAX_LINKS, &count) || *count_text))
		return gt_fail_src(system->src, system->err, GT_EPARSE, link->line,
				   "count=\"%s\" is not a number of links up to %d",
				   gt_xml_attr(link, "count"), GT_MAX_LINKS);
	system->any_links = true;
	b = gt_bus_id_normalize(target, bus_id, sizeof(bus_id)) ? find_gpu(system, bus_id)
								: -1;
	if (b >= 0 && !strcmp(system->gpus[a].bus_id, bus_id))
		return gt_fail_src(system->src, system->err, GT_EINVAL, link->line,
				   "GPU %s has a link to itself", bus_id);
	if (b >= 0) {
		gt_node_set_links(node, a, b, gt_node_links(node, a, b) + count);
	} else if (!is_power(&system->gpus[a]) &&
		   (!strcmp(class, "0x068000") || is_hidden_switch(target))) {
		gpu->island = 0;
		gpu->switch_links += count;
		if (gpu->switch_links > GT_MAX_LINKS)
			return gt_fail_src(system->src, system->err, GT_EPARSE,
					   link->line, "more than %d links of one GPU",
					   GT_MAX_LINKS);
	} else if (is_gpu_class(class)) {
		system->absent += count;
	} else if (!*class) {
		system->strange += count;
	}
	/* else a bridge to a POWER CPU, which is no GPU's business */
	return GT_OK;
}

static enum gt_err set_links(struct system *system, struct gt_node *node)
{
	for (int a = 0; a < system->count; a++)
		for (const struct gt_xml *e = system->gpus[a].element->child; e;
		     e = e->next) {
			enum gt_err rc = GT_OK;

			if (gt_xml_is(e, "nvlink") || gt_xml_is(e, "xgmi"))
				rc = set_link(system, node, a, e);
			if (rc)
				return rc;
		}
	return GT_OK;
}

/* ---- GPUs and CPUs ---- */

static int attr_int(const struct gt_xml *element, const char *name)
{
	const char *at = element ? gt_xml_attr(element, name) : "";
	int value;

	return gt_scan_int(&at, 1 << 20, &value) && !*at ? value : GT_UNKNOWN;
}

/* "00000000,0000ffff": 32 bits a word, the last holds CPU 0. */
static void set_cpus(struct gt_gpu *gpu, const char *affinity)
{
	struct gt_mask mask = {0};
	char list[sizeof(gpu->cpus) + 16];
	int words = 1, word = 0;

	for (const char *c = affinity; *c; c++)
		words += *c == ',';
	for (const char *at = affinity; *at && words <= GT_MAX_GPUS / 32; word++) {
		char *end;
		unsigned long bits = strtoul(at, &end, 16);

		if (end == at || end - at > 8 || (*end && *end != ','))
			return;
		for (int bit = 0; bit < 32; bit++)
			if (bits >> bit & 1)
				gt_mask_set(&mask, (words - 1 - word) * 32 + bit);
		at = *end ? end + 1 : end;
	}
	gt_mask_format(&mask, list, sizeof(list));
	if (strlen(list) < sizeof(gpu->cpus)) /* a longer list was cut */
		memcpy(gpu->cpus, list, strlen(list) + 1);
}

/* GeForce cards, which have the compute capability of others but no P2P, by their PCI
 * device ids (pci.ids). */
static const char *geforce_of(const char *device)
{
	static const struct {
		const char *device, *name;
	} cards[] = {
		{"0x1e04", "2080 Ti"}, {"0x1e07", "2080 Ti"}, {"0x2203", "3090 Ti"},
		{"0x2204", "3090"},    {"0x2206", "3080"},    {"0x2684", "4090"},
		{"0x2685", "4090 D"},  {"0x2702", "4080"},    {"0x2704", "4080"},
		{"0x2b85", "5090"},    {"0x2b87", "5090 D"},  {"0x2c02", "5080"},
	};

	for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++)
		if (!strcasecmp(device, cards[i].device))
			return cards[i].name;
	return NULL;
}

/* The model is not named: the compute capability or the gfx number stands for it. */
static void set_model(struct gt_gpu *gpu, const struct gt_xml *element,
		      const struct gt_xml *pci)
{
	const char *gcn = gt_xml_attr(element, "gcn"), *sm = gt_xml_attr(element, "sm");
	const char *geforce = geforce_of(gt_xml_attr(pci, "device"));

	if (isdigit((unsigned char)*gcn))
		snprintf(gpu->model, sizeof(gpu->model), "gfx%.20s", gcn);
	else if (*gcn)
		snprintf(gpu->model, sizeof(gpu->model), "%.20s", gcn);
	else if (geforce)
		snprintf(gpu->model, sizeof(gpu->model), "NVIDIA GeForce RTX %s",
			 geforce);
	else if (*sm)
		snprintf(gpu->model, sizeof(gpu->model), "sm%.20s", sm);
}

static void set_gpu(struct gt_gpu *gpu, const struct gpu *from)
{
	const struct gt_xml *root = from->pci;

	set_model(gpu, from->element, from->pci);
	snprintf(gpu->bus_id, sizeof(gpu->bus_id), "%s", from->bus_id);
	while (root->parent && gt_xml_is(root->parent, "pci"))
		root = root->parent;
	gt_bus_id_normalize(gt_xml_attr(root, "busid"), gpu->pci_root,
			    sizeof(gpu->pci_root));
	gpu->numa = attr_int(from->cpu, "numaid");
	if (from->cpu)
		set_cpus(gpu, gt_xml_attr(from->cpu, "affinity"));
}

static void set_cpu_vendor(struct gt_node *node, struct gt_xml *root)
{
	for (struct gt_xml *e = root; e; e = next_element(e))
		if (gt_xml_is(e, "cpu")) {
			gt_node_set_cpu_vendor(node, gt_cpu_of(gt_xml_attr(e, "arch"),
							       gt_xml_attr(e, "vendor"),
							       attr_int(e, "familyid"),
							       attr_int(e, "modelid")));
			return;
		}
}

/* ---- paths ---- */

/* Levels of <pci> from a GPU's own up to and without common. */
static int levels_to(const struct gt_xml *pci, const struct gt_xml *common)
{
	int levels = 0;

	for (; pci && pci != common; pci = pci->parent)
		levels++;
	return levels;
}

static const struct gt_xml *common_parent(const struct gt_xml *a, const struct gt_xml *b)
{
	for (const struct gt_xml *up = a; up; up = up->parent)
		for (const struct gt_xml *other = b; other; other = other->parent)
			if (up == other)
				return up;
	return NULL;
}

/* NCCL's rule: lanes x 100 Mb/s a lane x 80 % coding; 0 if the file does not say. */
static int slot_mbps(const struct gt_xml *pci)
{
	static const struct {
		const char *speed;
		int lane_mbit;
	} speeds[] = {
		{"2.5 GT/s", 1500},   {"5 GT/s", 3000},	    {"5.0 GT/s", 3000},
		{"8 GT/s", 6000},     {"8.0 GT/s", 6000},   {"16 GT/s", 12000},
		{"16.0 GT/s", 12000}, {"32 GT/s", 24000},   {"32.0 GT/s", 24000},
		{"64 GT/s", 48000},   {"64.0 GT/s", 48000},
	};
	const char *speed = gt_xml_attr(pci, "link_speed");
	int width = attr_int(pci, "link_width");

	for (size_t i = 0;
	     width > 0 && width <= 32 && i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (!strncmp(speed, speeds[i].speed, strlen(speeds[i].speed)))
			return width * speeds[i].lane_mbit / 8;
	return 0;
}

/* The slowest known hop from a GPU up to common, 0 if none is known. */
static int slowest_hop(const struct gt_xml *pci, const struct gt_xml *common)
{
	int slowest = 0;

	for (; pci && pci != common && gt_xml_is(pci, "pci"); pci = pci->parent) {
		int mbps = slot_mbps(pci);

		if (mbps && (!slowest || mbps < slowest))
			slowest = mbps;
	}
	return slowest;
}

static enum gt_path path_of(const struct gpu *a, const struct gpu *b,
			    const struct gt_xml *common)
{
	if (common && gt_xml_is(common, "pci"))
		return levels_to(a->pci, common) <= 1 && levels_to(b->pci, common) <= 1
			       ? GT_PATH_PIX
			       : GT_PATH_PXB;
	if (common && gt_xml_is(common, "cpu"))
		return GT_PATH_PHB;
	return GT_PATH_SYS;
}

static void set_path(const struct system *system, struct gt_node *node, int a, int b)
{
	const struct gpu *ga = &system->gpus[a], *gb = &system->gpus[b];
	const struct gt_xml *common = common_parent(ga->pci, gb->pci);
	enum gt_path path = path_of(ga, gb, common);
	int mbps = slowest_hop(ga->pci, common), other = slowest_hop(gb->pci, common);

	gt_node_set_path(node, a, b, path);
	if (mbps && other)
		gt_node_set_slot_mbps(node, a, b, mbps < other ? mbps : other);
}

static bool is_behind(const struct gpu *gpu, const struct gt_xml *element)
{
	const struct gt_xml *at = gpu->pci;

	while (at && at != element)
		at = at->parent;
	return at != NULL;
}

/* Ports of switches with several GPUs, and the memory of a socket, where <cpu> is one. */
static void set_shared(const struct system *system, struct gt_node *node)
{
	int cpus = count_elements(system->root, "cpu"), link_mbps;

	for (int i = 0; i < system->count; i++)
		for (const struct gt_xml *at = system->gpus[i].pci; at; at = at->parent) {
			struct gt_shared shared = {.memory = gt_xml_is(at, "cpu")};
			int first = -1;

			for (int j = system->count - 1; j >= 0; j--)
				if (is_behind(&system->gpus[j], at)) {
					gt_mask_set(&shared.gpus, j);
					first = j;
				}
			if (first != i || gt_mask_count(&shared.gpus) < 2)
				continue;
			if (shared.memory && cpus <= 2)
				shared.mbps =
					gt_cpu_memory_mbps(gt_node_cpu_vendor(node));
			else if (gt_xml_is(at, "pci") && !(shared.mbps = slot_mbps(at)))
				gt_gpu_model_speeds(gt_node_gpu(node, i)->model,
						    &link_mbps, &shared.mbps);
			if (shared.mbps > 0)
				gt_node_add_shared(node, &shared, NULL);
		}
}

/* ---- network cards ---- */

static enum gt_nic_kind kind_of(const struct gt_xml *pci)
{
	const char *class = pci ? gt_xml_attr(pci, "class") : "";

	if (!strncmp(class, "0x0207", 6))
		return GT_NIC_INFINIBAND;
	return !strncmp(class, "0x0200", 6) ? GT_NIC_ETHERNET : GT_NIC_UNKNOWN;
}

/* A port: a <net> in a <nic> in a <pci>, or without one at its CPU. Mb/s. */
static enum gt_err add_net(const struct system *system, struct gt_node *node,
			   const struct gt_xml *net)
{
	struct gpu at = {.pci = ancestor(net, "pci")};
	const char *speed = gt_xml_attr(net, "speed"), *name = gt_xml_attr(net, "name");
	struct gt_nic nic = {.mbps = GT_UNKNOWN, .rail = GT_UNKNOWN};
	uint8_t paths[GT_MAX_GPUS];
	int mbit = 0;

	nic.kind = kind_of(at.pci);
	if (!at.pci)
		at.pci = net->parent;
	else
		gt_bus_id_normalize(gt_xml_attr(at.pci, "busid"), nic.bus_id,
				    sizeof(nic.bus_id));
	snprintf(nic.name, sizeof(nic.name), "%s", name);
	for (int i = 0; i < gt_node_nic_count(node); i++)
		if (*name && !strcmp(gt_node_nic(node, i)->name, nic.name))
			return GT_OK; /* the same for another plugin */
	if (gt_scan_int(&speed, 1000000000, &mbit) && mbit > UNBELIEVABLE_MBIT)
		mbit /= 1000; /* Slingshot's plugin writes kb/s */
	if (mbit >= 8)
		nic.mbps = mbit / 8;
	for (int i = 0; i < system->count; i++)
		paths[i] = (uint8_t)path_of(&system->gpus[i], &at,
					    common_parent(system->gpus[i].pci, at.pci));
	if (gt_node_nic_count(node) == GT_MAX_NICS) {
		gt_node_add_note(node, "more than %d NICs: the first are read",
				 GT_MAX_NICS);
		return GT_OK;
	}
	return gt_node_add_nic(node, &nic, paths, system->err);
}

static enum gt_err set_nics(const struct system *system, struct gt_node *node)
{
	enum gt_err rc = GT_OK;

	for (struct gt_xml *e = system->root; e && rc == GT_OK; e = next_element(e))
		if (gt_xml_is(e, "net"))
			rc = add_net(system, node, e);
	return rc;
}

/* ---- the node ---- */

static void note_rest(const struct system *system, struct gt_node *node)
{
	if (system->absent)
		gt_node_add_note(
			node,
			"%d links go to GPUs that are not in the file: a part of "
			"a machine",
			system->absent);
	if (system->strange) {
		gt_node_add_note(node,
				 "%d links go to devices without a class that are not in "
				 "the file",
				 system->strange);
		gt_node_set_partial(node);
	}
	if (system->pci_gpus > system->count)
		gt_node_add_note(
			node,
			"%d of %d GPUs on PCIe have a <gpu> element: a part of a "
			"machine",
			system->count, system->pci_gpus);
}

static enum gt_err build(struct system *system, struct gt_node **node)
{
	enum gt_err rc = gt_node_new(node, system->count, system->err);

	if (rc)
		return rc;
	for (int i = 0; i < system->count; i++) {
		set_gpu(gt_node_edit_gpu(*node, i), &system->gpus[i]);
		for (int j = 0; j < i; j++)
			set_path(system, *node, j, i);
	}
	set_cpu_vendor(*node, system->root);
	set_shared(system, *node);
	rc = set_links(system, *node);
	if (rc == GT_OK)
		rc = set_nics(system, *node);
	if (rc == GT_OK)
		note_rest(system, *node);
	return rc;
}

static bool looks_like(const struct gt_source *src)
{
	return gt_text_first(src) == '<' &&
	       (gt_text_has(src, "<system") || gt_text_has(src, "<graphs") ||
		gt_text_has(src, "<pci ")) &&
	       !gt_text_has(src, "<topology");
}

static enum gt_err read_nccl(struct gt_source *src, struct gt_node **node,
			     struct gt_error *err)
{
	struct system system = {.src = src, .err = err};
	enum gt_err rc = gt_xml_read(src, &system.root, err);

	if (rc)
		return rc;
	if (gt_xml_is(system.root, "graphs"))
		rc = gt_fail_src(src, err, GT_EFORMAT, system.root->line,
				 "a graph dump of NCCL, not a topology");
	else if (!gt_xml_is(system.root, "system"))
		rc = gt_fail_src(src, err, GT_EFORMAT, system.root->line,
				 "<%.40s> is not a topology", system.root->name);
	if (rc == GT_OK)
		rc = collect(&system);
	if (rc == GT_OK)
		rc = build(&system, node);
	free(system.gpus);
	gt_xml_free(system.root);
	if (rc) {
		gt_node_free(*node);
		*node = NULL;
	}
	return rc;
}

const struct gt_format gt_format_nccl = {"nccl", looks_like, read_nccl};
