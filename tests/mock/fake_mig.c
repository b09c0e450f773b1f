/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of libnvidia-ml.so.1 that makes and removes GPU instances, with the geometry
 * of a real GPU (FAKE_MODEL) and the state of fake_mig.h. An occupied placement answers
 * INSUFFICIENT_RESOURCES, an instance in which a process lives IN_USE.
 *
 * Names, structures and error numbers are those of NVIDIA's interface.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake_mig.h"
#include "core/library.h"

#define EXPORT __attribute__((visibility("default")))

enum {
	SUCCESS = 0,
	INVALID_ARGUMENT = 2,
	NOT_SUPPORTED = 3,
	NOT_FOUND = 6,
	INSUFFICIENT_SIZE = 7,
	NOT_LOADED = 9,
	IN_USE = 19,
	INSUFFICIENT_RESOURCES = 23,
	UNKNOWN = 999
};

struct place {
	unsigned int start, size;
};

struct gi_profile {
	unsigned int id, p2p, slices, count, rest[6];
	unsigned long long memory_mb;
};

struct gi_info {
	void *device;
	unsigned int id, profile;
	struct place place;
};

struct ci_profile {
	unsigned int id, slices, count, rest[6];
};

struct ci_info {
	void *device, *gi;
	unsigned int id, profile;
	struct place place;
};

EXPORT int nvmlInit_v2(void);
EXPORT int nvmlShutdown(void);
EXPORT int nvmlDeviceGetCount_v2(unsigned int *count);
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device);
EXPORT int nvmlDeviceGetMinorNumber(void *device, unsigned int *minor);
EXPORT int nvmlDeviceGetUUID(void *device, char *uuid, unsigned int size);
EXPORT int nvmlDeviceGetMigMode(void *device, unsigned int *now, unsigned int *then);
EXPORT int nvmlDeviceGetGpuInstanceProfileInfo(void *device, unsigned int kind,
					       struct gi_profile *profile);
EXPORT int nvmlDeviceGetGpuInstancePossiblePlacements_v2(void *device, unsigned int id,
							 struct place *places,
							 unsigned int *count);
EXPORT int nvmlDeviceCreateGpuInstanceWithPlacement(void *device, unsigned int id,
						    const struct place *place, void **gi);
EXPORT int nvmlDeviceGetGpuInstances(void *device, unsigned int id, void **list,
				     unsigned int *count);
EXPORT int nvmlDeviceGetGpuInstanceById(void *device, unsigned int id, void **gi);
EXPORT int nvmlGpuInstanceGetInfo(void *gi, struct gi_info *info);
EXPORT int nvmlGpuInstanceDestroy(void *gi);
EXPORT int nvmlGpuInstanceGetComputeInstanceProfileInfo(void *gi, unsigned int kind,
							unsigned int engines,
							struct ci_profile *profile);
EXPORT int nvmlGpuInstanceCreateComputeInstance(void *gi, unsigned int profile,
						void **ci);
EXPORT int nvmlGpuInstanceGetComputeInstances(void *gi, unsigned int profile, void **list,
					      unsigned int *count);
EXPORT int nvmlComputeInstanceGetInfo_v2(void *ci, struct ci_info *info);
EXPORT int nvmlComputeInstanceDestroy(void *ci);

/* NVML's kinds of GPU instance profiles. */
static const struct {
	int compute;
	const char *suffix;
	bool doubled; /* the one with twice the memory */
} kinds[] = {
	{1, "", false},	       {2, "", false},	      {3, "", false},
	{4, "", false},	       {7, "", false},	      {8, "", false},
	{6, "", false},	       {1, "+me", false},     {2, "+me", false},
	{1, "", true},	       {1, "+gfx", false},    {2, "+gfx", false},
	{4, "+gfx", false},    {1, "-me", false},     {2, "-me", false},
	{1, "+me.all", false}, {2, "+me.all", false},
};

static const int compute_kinds[] = {1, 2, 3, 4, 7, 8, 6};

/* A handle is a number: what, which GPU, which slot. */
enum { HANDLE_GPU = 1, HANDLE_GI, HANDLE_CI, HANDLE_MIG };

static void *handle(int what, int gpu, int slot)
{
	return (void *)(uintptr_t)(what << 16 | gpu << 8 | slot);
}

static int gpu_of(const void *h)
{
	return (int)((uintptr_t)h >> 8 & 0xff);
}

static int slot_of(const void *h)
{
	return (int)((uintptr_t)h & 0xff);
}

static const struct gt_mig_gpu *model(void)
{
	const struct gt_mig_gpu *gpu = NULL;

	gt_mig_gpu_find(&gpu, FAKE_MODEL, NULL);
	return gpu;
}

/* ---- the state ---- */

static void folder_of(char folder[PATH_MAX])
{
	Dl_info info;

	folder[0] = '\0';
	if (dladdr((void *)(uintptr_t)nvmlInit_v2, &info))
		snprintf(folder, PATH_MAX, "%s.state", info.dli_fname);
}

static struct fake_state *enter(int *lock)
{
	char folder[PATH_MAX];
	const char *node = getenv("SLURMD_NODENAME");
	struct fake_state *state;

	folder_of(folder);
	/* slurmd itself does not have what it gives to its jobs */
	if (!node)
		node = getenv("FAKE_MIG_NODE");
	state = fake_open(folder, node, lock);
	if (state && state->slow_ms) {
		struct timespec t = {state->slow_ms / 1000,
				     state->slow_ms % 1000 * 1000000L};

		nanosleep(&t, NULL);
	}
	return state;
}

static int leave(struct fake_state *state, int lock, int answer)
{
	fake_close(state, lock);
	return answer;
}

static bool injected(struct fake_state *state, enum fake_call call)
{
	if (state->fail[call] <= 0)
		return false;
	state->fail[call]--;
	return true;
}

static struct fake_instance *instance_of(struct fake_state *state, const void *h)
{
	struct fake_instance *i =
		&state->gpu[gpu_of(h) % FAKE_GPUS].instance[slot_of(h) % FAKE_INSTANCES];

	return i->used ? i : NULL;
}

/* ---- the machine ---- */

int nvmlInit_v2(void)
{
	int lock;
	struct fake_state *state = enter(&lock);

	return state ? leave(state, lock, SUCCESS) : NOT_LOADED;
}

int nvmlShutdown(void)
{
	return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned int *count)
{
	int lock;
	struct fake_state *state = enter(&lock);

	if (!state)
		return UNKNOWN;
	*count = (unsigned int)state->gpus;
	return leave(state, lock, SUCCESS);
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device)
{
	*device = handle(HANDLE_GPU, (int)index, 0);
	return index < FAKE_GPUS ? SUCCESS : INVALID_ARGUMENT;
}

/* The driver's order is not that of the minor numbers. */
int nvmlDeviceGetMinorNumber(void *device, unsigned int *minor)
{
	*minor = (unsigned int)gpu_of(device);
	return SUCCESS;
}

int nvmlDeviceGetUUID(void *device, char *uuid, unsigned int size)
{
	int lock, what = (int)((uintptr_t)device >> 16);
	struct fake_state *state = enter(&lock);
	struct fake_instance *i;

	if (!state)
		return UNKNOWN;
	i = what == HANDLE_MIG ? instance_of(state, device) : NULL;
	if (i)
		fake_uuid(uuid, size, gpu_of(device), i);
	else
		snprintf(uuid, size, "GPU-%08x-0000-4000-8000-000000000000",
			 (unsigned int)gpu_of(device));
	return leave(state, lock, what == HANDLE_MIG && !i ? NOT_FOUND : SUCCESS);
}

int nvmlDeviceGetMigMode(void *device, unsigned int *now, unsigned int *then)
{
	int lock;
	struct fake_state *state = enter(&lock);

	if (!state)
		return UNKNOWN;
	*now = *then = state->gpu[gpu_of(device)].mig;
	return leave(state, lock, SUCCESS);
}

/* ---- profiles ---- */

/* The row of the table, or -1. */
static int row_of_kind(unsigned int kind)
{
	const struct gt_mig_gpu *gpu = model();
	int row = -1;

	for (int p = 0; kind < sizeof(kinds) / sizeof(kinds[0]) && p < gpu->count; p++) {
		const struct gt_mig_profile *profile = &gpu->profile[p];

		if (profile->compute != kinds[kind].compute ||
		    strcmp(gt_mig_profile_suffix(profile), kinds[kind].suffix) != 0)
			continue;
		if (row < 0 ? !kinds[kind].doubled || profile->size > 1
			    : (profile->size > gpu->profile[row].size) ==
				      kinds[kind].doubled)
			row = p;
	}
	return row;
}

static int row_of_id(unsigned int id)
{
	const struct gt_mig_gpu *gpu = model();

	for (int p = 0; p < gpu->count; p++)
		if (gpu->profile[p].id == (int)id)
			return p;
	return -1;
}

int nvmlDeviceGetGpuInstanceProfileInfo(void *device, unsigned int kind,
					struct gi_profile *profile)
{
	int row = row_of_kind(kind);

	(void)device;
	if (row < 0)
		return NOT_SUPPORTED;
	memset(profile, 0, sizeof(*profile));
	profile->id = (unsigned int)model()->profile[row].id;
	profile->slices = (unsigned int)model()->profile[row].compute;
	profile->count = (unsigned int)model()->profile[row].max;
	return SUCCESS;
}

int nvmlDeviceGetGpuInstancePossiblePlacements_v2(void *device, unsigned int id,
						  struct place *places,
						  unsigned int *count)
{
	int row = row_of_id(id);
	unsigned int found = 0;

	(void)device;
	if (row < 0)
		return INVALID_ARGUMENT;
	for (unsigned int s = 0; s < GT_MIG_UNITS; s++) {
		if (!(model()->profile[row].starts >> s & 1))
			continue;
		if (found == *count)
			return INSUFFICIENT_SIZE;
		places[found++] =
			(struct place){s, (unsigned int)model()->profile[row].size};
	}
	*count = found;
	return SUCCESS;
}

/* ---- GPU instances ---- */

static bool is_legal(int row, const struct place *place)
{
	const struct gt_mig_profile *profile = &model()->profile[row];

	return place->start < GT_MIG_UNITS && profile->starts >> place->start & 1 &&
	       place->size == (unsigned int)profile->size;
}

/* Whether it meets another, or the GPU's slices or the profile's maximum are used up. */
static bool is_taken(struct fake_state *state, int gpu, int row,
		     const struct fake_instance *wanted)
{
	char folder[PATH_MAX];
	int alike = 0, compute = model()->profile[row].compute;

	for (int s = 0; s < FAKE_INSTANCES; s++) {
		const struct fake_instance *i = &state->gpu[gpu].instance[s];

		if (!i->used)
			continue;
		if (i->start < wanted->start + wanted->size &&
		    wanted->start < i->start + i->size) {
			folder_of(folder);
			fake_overlap(state, folder, gpu, wanted, i);
			return true;
		}
		alike += (int)i->profile == model()->profile[row].id;
		compute += model()->profile[row_of_id(i->profile)].compute;
	}
	return alike >= model()->profile[row].max || compute > model()->compute;
}

static int add_instance(struct fake_state *state, int gpu,
			const struct fake_instance *wanted, int *slot)
{
	for (*slot = 0; *slot < FAKE_INSTANCES; (*slot)++) {
		struct fake_instance *i = &state->gpu[gpu].instance[*slot];

		if (i->used)
			continue;
		*i = *wanted;
		i->id = (unsigned int)*slot;
		i->serial = ++state->next_serial;
		state->made++;
		return SUCCESS;
	}
	return INSUFFICIENT_RESOURCES;
}

int nvmlDeviceCreateGpuInstanceWithPlacement(void *device, unsigned int id,
					     const struct place *place, void **gi)
{
	int gpu = gpu_of(device), row = row_of_id(id), slot = 0, lock, answer;
	struct fake_state *state = enter(&lock);
	const struct fake_process *whole;
	struct fake_instance wanted = {
		.used = true,
		.profile = id,
		.start = (int)place->start,
		.size = (int)place->size,
		.job = fake_job(),
	};
	char folder[PATH_MAX];

	if (!state)
		return UNKNOWN;
	if (!state->gpu[gpu].mig)
		return leave(state, lock, NOT_SUPPORTED);
	if (row < 0 || !is_legal(row, place))
		return leave(state, lock, INVALID_ARGUMENT);
	if (injected(state, FAKE_GI_CREATE))
		return leave(state, lock, UNKNOWN);
	whole = fake_any(state->gpu[gpu].whole);
	if (whole) {
		folder_of(folder);
		fake_meeting(state, folder, gpu, "an instance is asked for", &wanted,
			     whole);
		return leave(state, lock, IN_USE);
	}
	if (is_taken(state, gpu, row, &wanted))
		return leave(state, lock, INSUFFICIENT_RESOURCES);
	answer = add_instance(state, gpu, &wanted, &slot);
	*gi = handle(HANDLE_GI, gpu, slot);
	return leave(state, lock, answer);
}

int nvmlDeviceGetGpuInstances(void *device, unsigned int id, void **list,
			      unsigned int *count)
{
	int gpu = gpu_of(device), lock;
	struct fake_state *state = enter(&lock);
	unsigned int found = 0;

	if (!state)
		return UNKNOWN;
	for (int s = 0; s < FAKE_INSTANCES; s++)
		if (state->gpu[gpu].instance[s].used &&
		    state->gpu[gpu].instance[s].profile == id)
			list[found++] = handle(HANDLE_GI, gpu, s);
	*count = found;
	return leave(state, lock, SUCCESS);
}

int nvmlDeviceGetGpuInstanceById(void *device, unsigned int id, void **gi)
{
	int lock;
	struct fake_state *state = enter(&lock);

	if (!state)
		return UNKNOWN;
	*gi = handle(HANDLE_GI, gpu_of(device), (int)(id % FAKE_INSTANCES));
	return leave(state, lock,
		     id < FAKE_INSTANCES && instance_of(state, *gi) ? SUCCESS
								    : NOT_FOUND);
}

int nvmlGpuInstanceGetInfo(void *gi, struct gi_info *info)
{
	int lock;
	struct fake_state *state = enter(&lock);
	struct fake_instance *i;

	if (!state)
		return UNKNOWN;
	i = instance_of(state, gi);
	if (!i)
		return leave(state, lock, NOT_FOUND);
	*info = (struct gi_info){
		handle(HANDLE_GPU, gpu_of(gi), 0),
		i->id,
		i->profile,
		{(unsigned int)i->start, (unsigned int)i->size},
	};
	return leave(state, lock, SUCCESS);
}

int nvmlGpuInstanceDestroy(void *gi)
{
	int lock;
	struct fake_state *state = enter(&lock);
	struct fake_instance *i;

	if (!state)
		return UNKNOWN;
	i = instance_of(state, gi);
	if (!i)
		return leave(state, lock, NOT_FOUND);
	if (injected(state, FAKE_GI_DESTROY))
		return leave(state, lock, UNKNOWN);
	if (i->filled || fake_alive(i->process))
		return leave(state, lock, IN_USE);
	i->used = false;
	state->removed++;
	return leave(state, lock, SUCCESS);
}

/* ---- compute instances: one fills its GPU instance ---- */

int nvmlGpuInstanceGetComputeInstanceProfileInfo(void *gi, unsigned int kind,
						 unsigned int engines,
						 struct ci_profile *profile)
{
	(void)gi;
	if (kind >= sizeof(compute_kinds) / sizeof(compute_kinds[0]) || engines)
		return NOT_SUPPORTED;
	memset(profile, 0, sizeof(*profile));
	profile->id = kind;
	profile->slices = (unsigned int)compute_kinds[kind];
	profile->count = 1;
	return SUCCESS;
}

int nvmlGpuInstanceCreateComputeInstance(void *gi, unsigned int profile, void **ci)
{
	int lock, row;
	struct fake_state *state = enter(&lock);
	struct fake_instance *i;

	if (!state)
		return UNKNOWN;
	i = instance_of(state, gi);
	if (!i)
		return leave(state, lock, NOT_FOUND);
	row = row_of_id(i->profile);
	if (profile >= sizeof(compute_kinds) / sizeof(compute_kinds[0]) ||
	    compute_kinds[profile] != model()->profile[row].compute || i->filled)
		return leave(state, lock, INSUFFICIENT_RESOURCES);
	if (injected(state, FAKE_CI_CREATE))
		return leave(state, lock, UNKNOWN);
	i->filled = true;
	*ci = handle(HANDLE_CI, gpu_of(gi), slot_of(gi));
	return leave(state, lock, SUCCESS);
}

int nvmlGpuInstanceGetComputeInstances(void *gi, unsigned int profile, void **list,
				       unsigned int *count)
{
	int lock;
	struct fake_state *state = enter(&lock);
	struct fake_instance *i;

	if (!state)
		return UNKNOWN;
	i = instance_of(state, gi);
	*count = 0;
	if (i && i->filled &&
	    compute_kinds[profile] == model()->profile[row_of_id(i->profile)].compute)
		list[(*count)++] = handle(HANDLE_CI, gpu_of(gi), slot_of(gi));
	return leave(state, lock, i ? SUCCESS : NOT_FOUND);
}

int nvmlComputeInstanceGetInfo_v2(void *ci, struct ci_info *info)
{
	int lock;
	struct fake_state *state = enter(&lock);
	struct fake_instance *i;

	if (!state)
		return UNKNOWN;
	i = instance_of(state, ci);
	memset(info, 0, sizeof(*info));
	info->device = handle(HANDLE_MIG, gpu_of(ci), slot_of(ci));
	info->gi = handle(HANDLE_GI, gpu_of(ci), slot_of(ci));
	return leave(state, lock, i && i->filled ? SUCCESS : NOT_FOUND);
}

int nvmlComputeInstanceDestroy(void *ci)
{
	int lock;
	struct fake_state *state = enter(&lock);
	struct fake_instance *i;

	if (!state)
		return UNKNOWN;
	i = instance_of(state, ci);
	if (!i || !i->filled)
		return leave(state, lock, NOT_FOUND);
	if (injected(state, FAKE_CI_DESTROY))
		return leave(state, lock, UNKNOWN);
	if (fake_alive(i->process))
		return leave(state, lock, IN_USE);
	i->filled = false;
	return leave(state, lock, SUCCESS);
}
