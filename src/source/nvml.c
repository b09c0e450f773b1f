/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * This machine by NVML (libnvidia-ml.so.1), opened with dlopen so that the program runs
 * where there is no driver. Only what a link's state says is counted: newer GPUs call
 * more links "capable" than they have. What an old driver lacks stays unknown.
 */
#include "config.h"

#include "source/hwloc.h"
#include "source/nvml.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The part of NVML's binary interface that is used, restated. */

enum {
	NVML_SUCCESS = 0,
	NVML_ERROR_INVALID_ARGUMENT = 2,
	NVML_ERROR_DRIVER_NOT_LOADED = 9
};
enum { NVML_LINKS_MAX = 36 }; /* of one GPU, in the newest driver */
enum { REMOTE_GPU = 0, REMOTE_NPU = 1, REMOTE_SWITCH = 2, REMOTE_UNKNOWN = 255 };
enum { FABRIC_STATE_NOT_STARTED = 1, FABRIC_STATE_COMPLETED = 3 };

typedef struct nvml_device *nvml_device; /* opaque */

struct nvml_pci {
	char legacy_id[16];
	unsigned int domain, bus, device, ids, subsystem;
	char id[32];
};

struct nvml_memory {
	unsigned long long total, free, used;
};

struct nvml_fabric {
	unsigned char cluster[16];
	unsigned int status, clique;
	unsigned char state;
};

/* Entry points; all but the first five may be missing. */
struct nvml {
	void *driver;
	int (*init)(void);
	int (*shutdown)(void);
	int (*count)(unsigned int *count);
	int (*handle)(unsigned int index, nvml_device *device);
	int (*pci)(nvml_device device, struct nvml_pci *pci);
	int (*name)(nvml_device device, char *name, unsigned int size);
	int (*uuid)(nvml_device device, char *uuid, unsigned int size);
	int (*minor)(nvml_device device, unsigned int *minor);
	int (*module)(nvml_device device, unsigned int *module);
	int (*memory)(nvml_device device, struct nvml_memory *memory);
	int (*mig)(nvml_device device, unsigned int *current, unsigned int *pending);
	int (*link_state)(nvml_device device, unsigned int link, unsigned int *active);
	int (*link_pci)(nvml_device device, unsigned int link, struct nvml_pci *pci);
	int (*link_type)(nvml_device device, unsigned int link, unsigned int *type);
	int (*level)(nvml_device a, nvml_device b, unsigned int *level);
	int (*fabric)(nvml_device device, struct nvml_fabric *fabric);
	int (*remapped)(nvml_device device, unsigned int *correctable,
			unsigned int *uncorrectable, unsigned int *pending,
			unsigned int *failed);
};

/* What stands in struct nvml, in its order; `needed` ones must be there. */
static const struct {
	const char *symbol;
	bool needed;
} symbols[] = {
	{"nvmlInit_v2", true},
	{"nvmlShutdown", true},
	{"nvmlDeviceGetCount_v2", true},
	{"nvmlDeviceGetHandleByIndex_v2", true},
	{"nvmlDeviceGetPciInfo_v3", true},
	{"nvmlDeviceGetName", false},
	{"nvmlDeviceGetUUID", false},
	{"nvmlDeviceGetMinorNumber", false},
	{"nvmlDeviceGetModuleId", false},
	{"nvmlDeviceGetMemoryInfo", false},
	{"nvmlDeviceGetMigMode", false},
	{"nvmlDeviceGetNvLinkState", false},
	{"nvmlDeviceGetNvLinkRemotePciInfo_v2", false},
	{"nvmlDeviceGetNvLinkRemoteDeviceType", false},
	{"nvmlDeviceGetTopologyCommonAncestor", false},
	{"nvmlDeviceGetGpuFabricInfo", false},
	{"nvmlDeviceGetRemappedRows", false},
};

#define SYMBOL_COUNT (sizeof(symbols) / sizeof(symbols[0]))

_Static_assert(sizeof(struct nvml) == (1 + SYMBOL_COUNT) * sizeof(void *),
	       "one table entry for each entry point");

/* NVML's levels of common ancestors. */
static const struct {
	unsigned int level;
	enum gt_path path;
} levels[] = {
	{10, GT_PATH_PIX},  {20, GT_PATH_PXB}, {30, GT_PATH_PHB},
	{40, GT_PATH_NODE}, {50, GT_PATH_SYS},
};

/* ---- the library ---- */

static enum gt_err open_library(struct nvml *nvml, struct gt_error *err)
{
	void *entries[SYMBOL_COUNT];

	nvml->driver = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!nvml->driver)
		return gt_fail(err, GT_EFORMAT, "no NVIDIA driver library here");
	for (size_t i = 0; i < SYMBOL_COUNT; i++) {
		entries[i] = dlsym(nvml->driver, symbols[i].symbol);
		if (!entries[i] && symbols[i].needed) {
			dlclose(nvml->driver);
			return gt_fail(err, GT_EFORMAT, "libnvidia-ml.so.1 has no %s",
				       symbols[i].symbol);
		}
	}
	/* ISO C keeps object and function pointers apart, POSIX does not */
	memcpy((char *)nvml + sizeof(void *), entries, sizeof(entries));
	return GT_OK;
}

/* ---- GPUs ---- */

static void set_names(const struct nvml *nvml, nvml_device device, struct gt_gpu *gpu)
{
	struct nvml_pci pci = {0};
	char text[96] = "";

	if (nvml->pci(device, &pci) == NVML_SUCCESS) {
		pci.id[sizeof(pci.id) - 1] = '\0';
		gt_bus_id_normalize(pci.id, gpu->bus_id, sizeof(gpu->bus_id));
	}
	if (nvml->name && nvml->name(device, text, sizeof(text)) == NVML_SUCCESS)
		snprintf(gpu->model, sizeof(gpu->model), "%.63s", text);
	if (nvml->uuid && nvml->uuid(device, text, sizeof(text)) == NVML_SUCCESS)
		snprintf(gpu->uuid, sizeof(gpu->uuid), "%.63s", text);
}

static void set_numbers(const struct nvml *nvml, nvml_device device, struct gt_gpu *gpu)
{
	struct nvml_memory memory;
	unsigned int value, pending;

	if (nvml->minor && nvml->minor(device, &value) == NVML_SUCCESS && value < 1 << 20)
		gpu->minor = (int)value;
	if (nvml->module && nvml->module(device, &value) == NVML_SUCCESS &&
	    value < 1 << 20)
		gpu->module_id = (int)value;
	if (nvml->memory && nvml->memory(device, &memory) == NVML_SUCCESS)
		gpu->mem_mib = (int64_t)(memory.total >> 20);
	if (nvml->mig && nvml->mig(device, &value, &pending) == NVML_SUCCESS)
		gpu->mig = value == 1;
}

static void set_gpus(const struct nvml *nvml, nvml_device *devices, struct gt_node *node)
{
	for (int i = 0; i < gt_node_size(node); i++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, i);

		if (nvml->handle((unsigned int)i, &devices[i]) != NVML_SUCCESS) {
			devices[i] = NULL;
			gpu->healthy = false;
			gt_node_add_note(node,
					 "GPU %d does not answer the driver: out of "
					 "service",
					 i);
			continue;
		}
		set_names(nvml, devices[i], gpu);
		set_numbers(nvml, devices[i], gpu);
	}
}

/* ---- links ---- */

static int find_gpu(const struct gt_node *node, const char *bus_id)
{
	for (int i = 0; i < gt_node_size(node); i++)
		if (!strcmp(gt_node_gpu(node, i)->bus_id, bus_id))
			return i;
	return -1;
}

/* Count one live link where it goes. *hidden: links to GPUs that the driver does not
 * list. */
static void add_link(const struct nvml *nvml, nvml_device device, unsigned int link,
		     struct gt_node *node, int a, int *hidden)
{
	struct gt_gpu *gpu = gt_node_edit_gpu(node, a);
	unsigned int type = REMOTE_UNKNOWN;
	struct nvml_pci pci = {0};
	char bus_id[24] = "";
	int b = -1;

	if (nvml->link_type && nvml->link_type(device, link, &type) != NVML_SUCCESS)
		type = REMOTE_UNKNOWN;
	if (nvml->link_pci && nvml->link_pci(device, link, &pci) == NVML_SUCCESS) {
		pci.id[sizeof(pci.id) - 1] = '\0';
		if (gt_bus_id_normalize(pci.id, bus_id, sizeof(bus_id)))
			b = find_gpu(node, bus_id);
	}
	if (type == REMOTE_NPU)
		return;
	if (b >= 0 && b != a && type != REMOTE_SWITCH) {
		gt_node_set_links(node, a, b, gt_node_links(node, a, b) + 1);
	} else if (type == REMOTE_GPU) {
		(*hidden)++;
	} else {
		/* a switch, or what a virtual machine hides: the same to us */
		gpu->island = 0;
		gpu->switch_links++;
	}
}

static void set_links(const struct nvml *nvml, nvml_device *devices, struct gt_node *node)
{
	int hidden = 0;

	for (int a = 0; a < gt_node_size(node); a++)
		for (unsigned int link = 0; devices[a] && link < NVML_LINKS_MAX; link++) {
			unsigned int active = 0;

			if (!nvml->link_state)
				break;
			if (nvml->link_state(devices[a], link, &active) == NVML_SUCCESS &&
			    active == 1)
				add_link(nvml, devices[a], link, node, a, &hidden);
		}
	if (hidden)
		gt_node_add_note(node,
				 "%d links go to GPUs that the driver does not list here",
				 hidden);
}

/* ---- paths, fabric ---- */

static void set_paths(const struct nvml *nvml, nvml_device *devices, struct gt_node *node)
{
	unsigned int level;

	for (int a = 0; a < gt_node_size(node); a++)
		for (int b = 0; b < a; b++) {
			if (!nvml->level || !devices[a] || !devices[b] ||
			    nvml->level(devices[a], devices[b], &level) != NVML_SUCCESS)
				continue;
			for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
				if (levels[i].level == level)
					gt_node_set_path(node, a, b, levels[i].path);
		}
}

/* The NVLink domain that spans nodes: the same on all GPUs and not all zero. */
static void set_domain(const struct nvml *nvml, nvml_device *devices,
		       struct gt_node *node)
{
	struct nvml_fabric first = {0}, fabric;
	char name[64] = "";
	unsigned int any = 0;

	for (int i = 0; i < gt_node_size(node); i++) {
		memset(&fabric, 0, sizeof(fabric));
		if (!nvml->fabric || !devices[i] ||
		    nvml->fabric(devices[i], &fabric) != NVML_SUCCESS ||
		    fabric.state != FABRIC_STATE_COMPLETED)
			return;
		if (i == 0)
			first = fabric;
		if (memcmp(first.cluster, fabric.cluster, sizeof(first.cluster)) ||
		    first.clique != fabric.clique) {
			gt_node_add_note(node,
					 "the GPUs are in different NVLink domains");
			return;
		}
	}
	for (size_t i = 0; i < sizeof(first.cluster); i++) {
		any |= first.cluster[i];
		snprintf(name + 2 * i, sizeof(name) - 2 * i, "%02x", first.cluster[i]);
	}
	if (!any)
		return;
	snprintf(name + 32, sizeof(name) - 32, ".%u", first.clique);
	gt_node_set_domain(node, name);
}

static enum gt_err look(const struct nvml *nvml, void *arg, struct gt_error *err)
{
	struct gt_node **node = arg;
	nvml_device *devices;
	unsigned int count = 0;
	enum gt_err rc;

	if (nvml->count(&count) != NVML_SUCCESS)
		return gt_fail(err, GT_EIO, "the NVIDIA driver does not list its GPUs");
	rc = gt_node_new(node, count > GT_MAX_GPUS ? GT_MAX_GPUS + 1 : (int)count, err);
	if (rc)
		return rc;
	devices = calloc((size_t)count + 1, sizeof(*devices));
	if (!devices) {
		gt_node_free(*node);
		*node = NULL;
		return gt_fail(err, GT_ENOMEM, "out of memory");
	}
	set_gpus(nvml, devices, *node);
	gt_hwloc_complement(*node);
	set_links(nvml, devices, *node);
	set_paths(nvml, devices, *node);
	set_domain(nvml, devices, *node);
	free(devices);
	return GT_OK;
}

/* Open, ask by one of two, and close. */
static enum gt_err with_driver(struct gt_error *err,
			       enum gt_err (*use)(const struct nvml *nvml, void *arg,
						  struct gt_error *err),
			       void *arg)
{
	struct nvml nvml = {0};
	enum gt_err rc = open_library(&nvml, err);
	int status;

	if (rc)
		return rc;
	status = nvml.init();
	if (status == NVML_SUCCESS) {
		rc = use(&nvml, arg, err);
		nvml.shutdown();
	} else {
		rc = gt_fail(err,
			     status == NVML_ERROR_DRIVER_NOT_LOADED ? GT_EFORMAT : GT_EIO,
			     "NVML cannot start (error %d)", status);
	}
	dlclose(nvml.driver);
	return rc;
}

enum gt_err gt_nvml_live(struct gt_node **node, struct gt_error *err)
{
	return with_driver(err, look, node);
}

struct states {
	struct gt_nvml_state *state;
	int room, count;
};

static void ask_state(const struct nvml *nvml, unsigned int i,
		      struct gt_nvml_state *state)
{
	unsigned int correctable, uncorrectable, pending, failed;
	struct nvml_fabric fabric = {.state = 0};
	nvml_device device;

	state->answers = nvml->handle(i, &device) == NVML_SUCCESS;
	if (!state->answers)
		return;
	if (nvml->remapped && nvml->remapped(device, &correctable, &uncorrectable,
					     &pending, &failed) == NVML_SUCCESS) {
		state->remap_failed = failed != 0;
		state->remap_pending = pending != 0;
	}
	if (nvml->fabric && nvml->fabric(device, &fabric) == NVML_SUCCESS)
		state->fabric_is_away = (fabric.state >= FABRIC_STATE_NOT_STARTED &&
					 fabric.state < FABRIC_STATE_COMPLETED) ||
					(fabric.state == FABRIC_STATE_COMPLETED &&
					 fabric.status != NVML_SUCCESS);
}

static enum gt_err ask_states(const struct nvml *nvml, void *arg, struct gt_error *err)
{
	struct states *states = arg;
	unsigned int count = 0;

	if (nvml->count(&count) != NVML_SUCCESS)
		return gt_fail(err, GT_EIO, "the NVIDIA driver does not list its GPUs");
	states->count = count > (unsigned int)states->room ? states->room : (int)count;
	for (int i = 0; i < states->count; i++)
		ask_state(nvml, (unsigned int)i, &states->state[i]);
	return GT_OK;
}

enum gt_err gt_nvml_states(struct gt_nvml_state *state, int room, int *count,
			   struct gt_error *err)
{
	struct states states = {.state = state, .room = room};
	enum gt_err rc;

	memset(state, 0, (size_t)room * sizeof(*state));
	rc = with_driver(err, ask_states, &states);
	*count = states.count;
	return rc;
}
