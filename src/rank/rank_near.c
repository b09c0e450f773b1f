/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rank_near.c - CPUs, NUMA nodes and sockets as Linux shows them. Called by rank_env.c.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rank/rank_near.h"

#define MAX_NUMA     64
#define MAX_PACKAGES 256

/* The package of a CPU, -1: not shown. */
static int package_of(const char *sysfs, int cpu)
{
	char path[512];
	int id = -1;
	FILE *f;

	snprintf(path, sizeof(path),
		 "%s/devices/system/cpu/cpu%d/topology/physical_package_id", sysfs, cpu);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, "%d", &id) != 1)
		id = -1;
	fclose(f);
	return id;
}

static int numa_of(const char *sysfs, int cpu)
{
	char path[512];

	for (int n = 0; n < MAX_NUMA; n++) {
		snprintf(path, sizeof(path), "%s/devices/system/cpu/cpu%d/node%d", sysfs,
			 cpu, n);
		if (access(path, F_OK) == 0)
			return n;
	}
	return -1;
}

/* Package ids may have gaps (0 and 3); Slurm and the models count sockets. */
static void number_sockets(struct gp_cpus *cpus)
{
	bool exists[MAX_PACKAGES] = {false};
	int16_t socket_of[MAX_PACKAGES], sockets = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (cpus->socket[cpu] >= 0)
			exists[cpus->socket[cpu]] = true;
	for (int id = 0; id < MAX_PACKAGES; id++)
		socket_of[id] = exists[id] ? sockets++ : -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (cpus->socket[cpu] >= 0)
			cpus->socket[cpu] = socket_of[cpus->socket[cpu]];
}

void gp_cpus_read(struct gp_cpus *cpus, const char *sysfs)
{
	long last = sysconf(_SC_NPROCESSORS_CONF);

	memset(cpus, -1, sizeof(*cpus));
	for (int cpu = 0; cpu < last && cpu < CPU_SETSIZE; cpu++) {
		int id = package_of(sysfs, cpu);

		if (id >= 0 && id < MAX_PACKAGES)
			cpus->socket[cpu] = (int16_t)id;
		cpus->numa[cpu] = (int16_t)numa_of(sysfs, cpu);
	}
	number_sockets(cpus);
}

/* Whether a list such as 0-19,40-59 names one of the CPUs. */
static bool list_meets(const char *list, const cpu_set_t *cpus)
{
	for (const char *p = list; *p >= '0' && *p <= '9';) {
		char *end;
		unsigned long lo = strtoul(p, &end, 10), hi = lo;

		if (*end == '-')
			hi = strtoul(end + 1, &end, 10);
		for (unsigned long cpu = lo; cpu <= hi && cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, cpus))
				return true;
		p = *end == ',' ? end + 1 : end;
		if (p == end)
			break;
	}
	return false;
}

static bool shares(const int16_t *where, int number, const cpu_set_t *task)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (where[cpu] == number && CPU_ISSET(cpu, task))
			return true;
	return false;
}

/* Cores= of gres.conf counts cores as Slurm does, which need not be Linux's CPUs. */
static bool has_cpus(const struct gt_node *node, const struct gt_gpu *gpu)
{
	return gpu->cpus[0] && strcmp(gt_node_source_format(node), "gres") != 0;
}

static bool is_near(const struct gt_node *node, const struct gt_gpu *gpu,
		    const struct gp_cpus *cpus, const cpu_set_t *task)
{
	if (has_cpus(node, gpu))
		return list_meets(gpu->cpus, task);
	if (gpu->numa >= 0)
		return shares(cpus->numa, gpu->numa, task);
	return gpu->socket >= 0 && shares(cpus->socket, gpu->socket, task);
}

struct gt_mask gp_near_gpus(const struct gt_node *node, const struct gt_mask *set,
			    const struct gp_cpus *cpus, const cpu_set_t *task)
{
	struct gt_mask near = {{0}}, none = {{0}};

	for (int g = gt_mask_next(set, 0); g >= 0; g = gt_mask_next(set, g + 1))
		if (is_near(node, gt_node_gpu(node, g), cpus, task))
			gt_mask_set(&near, g);
	return gt_mask_equal(&near, set) ? none : near;
}
