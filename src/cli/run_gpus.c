/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run_gpus.c - which GPUs this process may use, from Slurm's variables, and how a command
 * is told of some of them. Called by cmd_run.c.
 */
#include "config.h"

#include "cli/run.h"
#include "conf/compact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const run_lists[RUN_LISTS] = {
	"CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK",
	"GPU_DEVICE_ORDINAL",	"HIP_VISIBLE_DEVICES", /* only where it was set */
};
#define SLURM_SETS 4

/* Split at commas. The count, or -1: too many, an empty one, or one twice. */
static int split(const char *text, char token[RUN_GPUS][RUN_TOKEN])
{
	int count = 0;

	while (*text) {
		size_t length = strcspn(text, ",");

		if (count == RUN_GPUS || length == 0 || length >= RUN_TOKEN)
			return -1;
		memcpy(token[count], text, length);
		token[count][length] = '\0';
		for (int i = 0; i < count; i++)
			if (strcmp(token[i], token[count]) == 0)
				return -1;
		count++;
		text += length + (text[length] == ',');
	}
	return count;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Slurm's numbers of the GPUs of this step, or of the job. The count; 0: it does not say.
 */
static int read_numbers(int *number)
{
	static const char *const names[] = {"SLURM_STEP_GPUS", "SLURM_JOB_GPUS"};
	int count = 0;

	for (size_t i = 0; i < 2 && count <= 0; i++)
		if (getenv(names[i]))
			count = gp_list_parse(getenv(names[i]), number, RUN_GPUS);
	if (count > 0)
		qsort(number, (size_t)count, sizeof(*number), by_number);
	return count > 0 ? count : 0;
}

/* The place of the list's i-th device among the GPUs; -1: it is none of them. Devices are
 * Slurm's numbers, or count from 0 in what the step may use (ConstrainDevices); names
 * stand in the order of the GPUs. */
static int place_of(const struct run_gpus *gpus, const int *device, int devices, int i)
{
	bool global = true;

	if (devices < 0)
		return i < gpus->count ? i : -1;
	for (int d = 0; d < devices; d++) {
		bool found = false;

		for (int g = 0; g < gpus->count; g++)
			found |= gpus->number[g] == device[d];
		global &= found;
	}
	for (int g = 0; g < gpus->count && global; g++)
		if (gpus->number[g] == device[i])
			return g;
	return !global && device[i] < gpus->count ? device[i] : -1;
}

/* One device list. The first one is what the step may use, if it names fewer. */
static bool read_list(struct run_gpus *gpus, int list, bool first)
{
	char token[RUN_GPUS][RUN_TOKEN];
	const char *text = getenv(run_lists[list]);
	int device[RUN_GPUS], devices, count = split(text, token);
	bool seen[RUN_GPUS] = {false};

	if (count < 1)
		return false;
	devices = gp_list_parse(text, device, RUN_GPUS);
	if (!gpus->count) {
		gpus->count = count;
		for (int i = 0; i < count; i++)
			gpus->number[i] = devices > 0 ? device[i] : i;
		qsort(gpus->number, (size_t)count, sizeof(int), by_number);
	}
	for (int i = 0; i < count; i++) {
		int place = place_of(gpus, device, devices, i);

		if (place < 0 || seen[place])
			return false;
		seen[place] = true;
		strcpy(gpus->token[list][place], token[i]);
	}
	if (count != gpus->count && !first)
		return false;
	/* a task that sees some of its step's */
	for (int from = 0, to = 0; first && from < gpus->count; from++) {
		if (!seen[from])
			continue;
		gpus->number[to] = gpus->number[from];
		memmove(gpus->token[list][to++], gpus->token[list][from], RUN_TOKEN);
	}
	gpus->count = count;
	return true;
}

bool run_gpus_read(struct run_gpus *gpus, char *why, size_t size)
{
	bool any = false;

	memset(gpus, 0, sizeof(*gpus));
	gpus->count = read_numbers(gpus->number);
	for (int list = 0; list < RUN_LISTS; list++) {
		const char *text = getenv(run_lists[list]);

		if (!text || !*text)
			continue;
		if (!read_list(gpus, list, !any)) {
			snprintf(why, size, "%s=%.200s does not fit the job's GPUs",
				 run_lists[list], text);
			return false;
		}
		gpus->has[list] = any = true;
	}
	if (gpus->count)
		return true;
	snprintf(why, size,
		 "the job has no GPUs here: neither SLURM_STEP_GPUS, SLURM_JOB_GPUS nor "
		 "CUDA_VISIBLE_DEVICES is set; in salloc's shell on a login node begin "
		 "with srun --overlap");
	return false;
}

bool run_gpus_show(const struct run_gpus *gpus, const int *place, int count)
{
	char text[RUN_GPUS * RUN_TOKEN];
	bool any = false;

	for (int list = 0; list < RUN_LISTS; list++)
		any |= gpus->has[list];
	for (int list = 0; list < RUN_LISTS; list++) {
		size_t used = 0;

		if (any ? !gpus->has[list] : list >= SLURM_SETS)
			continue;
		for (int i = 0; i < count; i++) {
			const char *comma = i ? "," : "";

			used += (size_t)(any ? snprintf(text + used, sizeof(text) - used,
							"%s%s", comma,
							gpus->token[list][place[i]])
					     : snprintf(text + used, sizeof(text) - used,
							"%s%d", comma,
							gpus->number[place[i]]));
		}
		if (setenv(run_lists[list], text, 1) != 0)
			return false;
	}
	return true;
}
