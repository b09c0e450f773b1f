/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A libnvidia-ml.so.1 whose machine is a file, named by GPUTOPO_FAKE_NVML:
 *
 *   gpu BUSID MODULE MEM_MIB MIG NAME     one line a GPU, in the driver's order
 *   lost GPU                              it does not answer
 *   link GPU COUNT gpu|npu|switch|hidden BUSID     live links; "hidden": a VM shows no
 * end down GPU COUNT                        links that are there and dead level A B N
 * common ancestor: 10 PIX ... 50 SYS (default) fabric HEX CLIQUE                     the
 * NVLink domain of all GPUs
 *   fabric-state STATE STATUS             3 0 with fabric, if it is not given
 *   remapped GPU UNCORRECTABLE PENDING FAILED
 *
 * Names and error numbers are those of NVIDIA's interface; nothing else is.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPUS_MAX  64
#define LINKS_MAX 18
#define EXPORT	  __attribute__((visibility("default")))

enum {
	SUCCESS = 0,
	INVALID_ARGUMENT = 2,
	NOT_SUPPORTED = 3,
	NOT_FOUND = 6,
	GPU_IS_LOST = 15
};

struct nvml_pci {
	char legacy_id[16];
	unsigned int domain, bus, device, ids, subsystem;
	char id[32];
};

struct fake_link {
	bool live;
	unsigned int type;
	char bus_id[32];
};

struct fake_gpu {
	char bus_id[32], name[64];
	unsigned int index, module, mem_mib, mig;
	unsigned int uncorrectable, pending, failed;
	bool lost;
	int links;
	struct fake_link link[LINKS_MAX];
};

static struct {
	int count;
	struct fake_gpu gpu[GPUS_MAX];
	unsigned int level[GPUS_MAX][GPUS_MAX];
	bool has_fabric;
	unsigned char cluster[16];
	unsigned int clique, state, status;
} machine;

/* Prototypes, since there is no header to take them from. */
EXPORT int nvmlInit_v2(void);
EXPORT int nvmlShutdown(void);
EXPORT int nvmlDeviceGetCount_v2(unsigned int *count);
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned int index, struct fake_gpu **gpu);
EXPORT int nvmlDeviceGetPciInfo_v3(struct fake_gpu *gpu, struct nvml_pci *pci);
EXPORT int nvmlDeviceGetName(struct fake_gpu *gpu, char *name, unsigned int size);
EXPORT int nvmlDeviceGetUUID(struct fake_gpu *gpu, char *uuid, unsigned int size);
EXPORT int nvmlDeviceGetMinorNumber(struct fake_gpu *gpu, unsigned int *minor);
EXPORT int nvmlDeviceGetModuleId(struct fake_gpu *gpu, unsigned int *module);
EXPORT int nvmlDeviceGetMemoryInfo(struct fake_gpu *gpu, unsigned long long *memory);
EXPORT int nvmlDeviceGetMigMode(struct fake_gpu *gpu, unsigned int *now,
				unsigned int *then);
EXPORT int nvmlDeviceGetNvLinkState(struct fake_gpu *gpu, unsigned int link,
				    unsigned int *on);
EXPORT int nvmlDeviceGetNvLinkRemotePciInfo_v2(struct fake_gpu *gpu, unsigned int link,
					       struct nvml_pci *pci);
EXPORT int nvmlDeviceGetNvLinkRemoteDeviceType(struct fake_gpu *gpu, unsigned int link,
					       unsigned int *type);
EXPORT int nvmlDeviceGetTopologyCommonAncestor(struct fake_gpu *a, struct fake_gpu *b,
					       unsigned int *level);
EXPORT int nvmlDeviceGetGpuFabricInfo(struct fake_gpu *gpu, unsigned char *fabric);
EXPORT int nvmlDeviceGetRemappedRows(struct fake_gpu *gpu, unsigned int *correctable,
				     unsigned int *uncorrectable, unsigned int *pending,
				     unsigned int *failed);

static void add_links(struct fake_gpu *gpu, int count, bool live, const char *type,
		      const char *bus_id)
{
	for (; count > 0 && gpu->links < LINKS_MAX; count--) {
		struct fake_link *link = &gpu->link[gpu->links++];

		link->live = live;
		link->type = !strcmp(type, "gpu")      ? 0
			     : !strcmp(type, "npu")    ? 1
			     : !strcmp(type, "switch") ? 2
						       : 255;
		snprintf(link->bus_id, sizeof(link->bus_id), "%s",
			 link->type == 255 ? "FFFFFFFF:FF:FF.0" : bus_id);
	}
}

static void read_fabric(const char *hex)
{
	machine.has_fabric = true;
	machine.state = 3;
	for (int i = 0; i < 16; i++) {
		unsigned int byte = 0;

		sscanf(hex + 2 * i, "%2x", &byte);
		machine.cluster[i] = (unsigned char)byte;
	}
}

static bool read_line(const char *line)
{
	struct fake_gpu *gpu = &machine.gpu[machine.count];
	char type[16], id[64];
	unsigned int a, b, n, failed;

	if (line[0] == '#' || line[0] == '\n')
		return true;
	if (sscanf(line, "gpu %31s %u %u %u %63[^\n]", gpu->bus_id, &gpu->module,
		   &gpu->mem_mib, &gpu->mig, gpu->name) == 5) {
		gpu->index = (unsigned int)machine.count;
		return ++machine.count < GPUS_MAX;
	}
	if (sscanf(line, "lost %u", &a) == 1 && a < GPUS_MAX)
		machine.gpu[a].lost = true;
	else if (sscanf(line, "link %u %u %15s %31s", &a, &n, type, id) == 4 &&
		 a < GPUS_MAX)
		add_links(&machine.gpu[a], (int)n, true, type, id);
	else if (sscanf(line, "down %u %u", &a, &n) == 2 && a < GPUS_MAX)
		add_links(&machine.gpu[a], (int)n, false, "hidden", "");
	else if (sscanf(line, "level %u %u %u", &a, &b, &n) == 3 && a < GPUS_MAX &&
		 b < GPUS_MAX)
		machine.level[a][b] = machine.level[b][a] = n;
	else if (sscanf(line, "fabric %63s %u", id, &machine.clique) == 2 &&
		 strlen(id) == 32)
		read_fabric(id);
	else if (sscanf(line, "fabric-state %u %u", &machine.state, &machine.status) == 2)
		machine.has_fabric = true;
	else if (sscanf(line, "remapped %u %u %u %u", &a, &b, &n, &failed) == 4 &&
		 a < GPUS_MAX) {
		machine.gpu[a].uncorrectable = b;
		machine.gpu[a].pending = n;
		machine.gpu[a].failed = failed;
	} else
		return false;
	return true;
}

int nvmlInit_v2(void)
{
	const char *path = getenv("GPUTOPO_FAKE_NVML");
	FILE *in = path ? fopen(path, "r") : NULL;
	char line[256];

	memset(&machine, 0, sizeof(machine));
	if (!in)
		return 9; /* driver not loaded */
	while (fgets(line, sizeof(line), in))
		if (!read_line(line)) {
			fprintf(stderr, "fake_nvml: %s: %s", path, line);
			abort();
		}
	fclose(in);
	return SUCCESS;
}

int nvmlShutdown(void)
{
	return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned int *count)
{
	*count = (unsigned int)machine.count;
	return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, struct fake_gpu **gpu)
{
	if (index >= (unsigned int)machine.count)
		return INVALID_ARGUMENT;
	*gpu = &machine.gpu[index];
	return (*gpu)->lost ? GPU_IS_LOST : SUCCESS;
}

int nvmlDeviceGetPciInfo_v3(struct fake_gpu *gpu, struct nvml_pci *pci)
{
	memset(pci, 0, sizeof(*pci));
	memcpy(pci->id, gpu->bus_id, sizeof(pci->id));
	return SUCCESS;
}

int nvmlDeviceGetName(struct fake_gpu *gpu, char *name, unsigned int size)
{
	snprintf(name, size, "%s", gpu->name);
	return SUCCESS;
}

int nvmlDeviceGetUUID(struct fake_gpu *gpu, char *uuid, unsigned int size)
{
	snprintf(uuid, size, "GPU-00000000-0000-4000-8000-%012x", gpu->index);
	return SUCCESS;
}

int nvmlDeviceGetMinorNumber(struct fake_gpu *gpu, unsigned int *minor)
{
	*minor = gpu->index;
	return SUCCESS;
}

int nvmlDeviceGetModuleId(struct fake_gpu *gpu, unsigned int *module)
{
	*module = gpu->module;
	return gpu->module ? SUCCESS : NOT_SUPPORTED;
}

int nvmlDeviceGetMemoryInfo(struct fake_gpu *gpu, unsigned long long *memory)
{
	memory[0] = (unsigned long long)gpu->mem_mib << 20;
	memory[1] = memory[0];
	memory[2] = 0;
	return SUCCESS;
}

int nvmlDeviceGetMigMode(struct fake_gpu *gpu, unsigned int *now, unsigned int *then)
{
	*now = *then = gpu->mig;
	return SUCCESS;
}

int nvmlDeviceGetNvLinkState(struct fake_gpu *gpu, unsigned int link, unsigned int *on)
{
	if (!gpu->links)
		return NOT_SUPPORTED;
	if (link >= (unsigned int)gpu->links)
		return INVALID_ARGUMENT;
	*on = gpu->link[link].live;
	return SUCCESS;
}

int nvmlDeviceGetNvLinkRemotePciInfo_v2(struct fake_gpu *gpu, unsigned int link,
					struct nvml_pci *pci)
{
	memset(pci, 0, sizeof(*pci));
	memcpy(pci->id, gpu->link[link].bus_id, sizeof(pci->id));
	return SUCCESS;
}

int nvmlDeviceGetNvLinkRemoteDeviceType(struct fake_gpu *gpu, unsigned int link,
					unsigned int *type)
{
	*type = gpu->link[link].type;
	return SUCCESS;
}

int nvmlDeviceGetTopologyCommonAncestor(struct fake_gpu *a, struct fake_gpu *b,
					unsigned int *level)
{
	*level = machine.level[a->index][b->index];
	if (!*level)
		*level = 50;
	return SUCCESS;
}

int nvmlDeviceGetGpuFabricInfo(struct fake_gpu *gpu, unsigned char *fabric)
{
	struct {
		unsigned char cluster[16];
		unsigned int status, clique;
		unsigned char state;
	} info = {.clique = machine.clique,
		  .status = machine.status,
		  .state = (unsigned char)machine.state};

	(void)gpu;
	if (!machine.has_fabric)
		return NOT_SUPPORTED;
	memcpy(info.cluster, machine.cluster, sizeof(info.cluster));
	memcpy(fabric, &info, sizeof(info));
	return SUCCESS;
}

int nvmlDeviceGetRemappedRows(struct fake_gpu *gpu, unsigned int *correctable,
			      unsigned int *uncorrectable, unsigned int *pending,
			      unsigned int *failed)
{
	*correctable = 0;
	*uncorrectable = gpu->uncorrectable;
	*pending = gpu->pending;
	*failed = gpu->failed;
	return SUCCESS;
}
