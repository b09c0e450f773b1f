/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_driver.c - make, list and remove GPU instances through NVML. Called by mig_node.c.
 */
#include "config.h"

#include "plugin/node/mig/mig_driver.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The part of NVML's binary interface that is used, restated. */

enum {
	NVML_SUCCESS = 0,
	NVML_NOT_SUPPORTED = 3,
	NVML_NOT_FOUND = 6,
	NVML_IN_USE = 19,
	NVML_INSUFFICIENT_RESOURCES = 23
};

enum { GPUS_MAX = 64, PLACES_MAX = 32, COMPUTE_MAX = 16 };

typedef struct nvml_device *nvml_device;
typedef struct nvml_gi *nvml_gi;
typedef struct nvml_ci *nvml_ci;

struct nvml_place {
	unsigned int start, size;
};

struct nvml_gi_profile {
	unsigned int id, p2p, slices, count, multiprocessors, copy, decoders, encoders,
		jpeg, ofa;
	unsigned long long memory_mb;
};

struct nvml_gi_info {
	nvml_device device;
	unsigned int id, profile;
	struct nvml_place place;
};

struct nvml_ci_profile {
	unsigned int id, slices, count, multiprocessors, copy, decoders, encoders, jpeg,
		ofa;
};

struct nvml_ci_info {
	nvml_device device;
	nvml_gi gi;
	unsigned int id, profile;
	struct nvml_place place;
};

struct gp_mig_driver {
	void *library;
	nvml_device
		gpu[GPUS_MAX]; /* in the order of minor numbers; NULL: does not answer */
	unsigned int minors[GPUS_MAX];
	int gpus;

	/* As in `symbols` below. */
	int (*init)(void);
	int (*shutdown)(void);
	int (*count)(unsigned int *count);
	int (*handle)(unsigned int index, nvml_device *device);
	int (*minor)(nvml_device device, unsigned int *minor);
	int (*uuid)(nvml_device device, char *uuid, unsigned int size);
	int (*mode)(nvml_device device, unsigned int *now, unsigned int *then);
	int (*gi_profile)(nvml_device device, unsigned int kind,
			  struct nvml_gi_profile *profile);
	int (*gi_places)(nvml_device device, unsigned int profile,
			 struct nvml_place *places, unsigned int *count);
	int (*gi_make)(nvml_device device, unsigned int profile,
		       const struct nvml_place *place, nvml_gi *gi);
	int (*gi_list)(nvml_device device, unsigned int profile, nvml_gi *list,
		       unsigned int *count);
	int (*gi_by_id)(nvml_device device, unsigned int id, nvml_gi *gi);
	int (*gi_info)(nvml_gi gi, struct nvml_gi_info *info);
	int (*gi_destroy)(nvml_gi gi);
	int (*ci_profile)(nvml_gi gi, unsigned int kind, unsigned int engines,
			  struct nvml_ci_profile *profile);
	int (*ci_make)(nvml_gi gi, unsigned int profile, nvml_ci *ci);
	int (*ci_list)(nvml_gi gi, unsigned int profile, nvml_ci *list,
		       unsigned int *count);
	int (*ci_info)(nvml_ci ci, struct nvml_ci_info *info);
	int (*ci_destroy)(nvml_ci ci);
};

static const char *const symbols[] = {
	"nvmlInit_v2",
	"nvmlShutdown",
	"nvmlDeviceGetCount_v2",
	"nvmlDeviceGetHandleByIndex_v2",
	"nvmlDeviceGetMinorNumber",
	"nvmlDeviceGetUUID",
	"nvmlDeviceGetMigMode",
	"nvmlDeviceGetGpuInstanceProfileInfo",
	"nvmlDeviceGetGpuInstancePossiblePlacements_v2",
	"nvmlDeviceCreateGpuInstanceWithPlacement",
	"nvmlDeviceGetGpuInstances",
	"nvmlDeviceGetGpuInstanceById",
	"nvmlGpuInstanceGetInfo",
	"nvmlGpuInstanceDestroy",
	"nvmlGpuInstanceGetComputeInstanceProfileInfo",
	"nvmlGpuInstanceCreateComputeInstance",
	"nvmlGpuInstanceGetComputeInstances",
	"nvmlComputeInstanceGetInfo_v2",
	"nvmlComputeInstanceDestroy",
};

#define SYMBOLS (sizeof(symbols) / sizeof(symbols[0]))

_Static_assert(offsetof(struct gp_mig_driver, init) + SYMBOLS * sizeof(void *) ==
		       sizeof(struct gp_mig_driver),
	       "one symbol for each entry point");

/* NVML's kinds of GPU instance profiles, by the suffix of their names. */
static const char *const kind_suffix[] = {
	"",	"",	"",	   "",	      "", "", "", /* 1, 2, 3, 4, 7, 8, 6 slices */
	"+me",	"+me",	"",	/* revisions of 1 and 2; 1 with double memory */
	"+gfx", "+gfx", "+gfx", /* 1, 2, 4 */
	"-me",	"-me",	"+me.all", "+me.all", /* 1, 2 */
};

enum { KINDS = sizeof(kind_suffix) / sizeof(kind_suffix[0]), COMPUTE_KINDS = 8 };

const char *gp_mig_result_text(enum gp_mig_result result)
{
	static const char *const texts[] = {
		[GP_MIG_OK] = "done",
		[GP_MIG_NO_DRIVER] = "the NVIDIA driver does not answer",
		[GP_MIG_OLD_DRIVER] = "the NVIDIA driver cannot make GPU instances",
		[GP_MIG_NO_GPU] = "the GPU does not answer",
		[GP_MIG_OFF] = "the GPU is not in MIG mode (nvidia-smi -mig 1)",
		[GP_MIG_NO_PROFILE] = "the driver has no such profile at that start",
		[GP_MIG_OCCUPIED] = "another GPU instance is in the way",
		[GP_MIG_IN_USE] = "a process still runs in the GPU instance",
		[GP_MIG_GONE] = "the GPU instance does not exist",
		[GP_MIG_FAILED] = "the NVIDIA driver failed",
	};

	return texts[result];
}

/* ---- the library ---- */

static bool find_symbols(struct gp_mig_driver *driver)
{
	void *entries[SYMBOLS];

	for (size_t i = 0; i < SYMBOLS; i++) {
		entries[i] = dlsym(driver->library, symbols[i]);
		if (!entries[i])
			return false;
	}
	/* ISO C keeps object and function pointers apart, POSIX does not */
	memcpy((char *)driver + offsetof(struct gp_mig_driver, init), entries,
	       sizeof(entries));
	return true;
}

/* The devices, sorted by minor number. */
static bool list_gpus(struct gp_mig_driver *driver)
{
	unsigned int *minors = driver->minors, count = 0;

	if (driver->count(&count) != NVML_SUCCESS)
		return false;
	for (unsigned int i = 0; i < count && i < GPUS_MAX; i++) {
		nvml_device device = NULL;
		unsigned int minor = i;
		int at = driver->gpus++;

		if (driver->handle(i, &device) != NVML_SUCCESS ||
		    driver->minor(device, &minor) != NVML_SUCCESS)
			device = NULL;
		for (; at > 0 && minors[at - 1] > minor; at--) {
			minors[at] = minors[at - 1];
			driver->gpu[at] = driver->gpu[at - 1];
		}
		minors[at] = minor;
		driver->gpu[at] = device;
	}
	return true;
}

enum gp_mig_result gp_mig_driver_open(struct gp_mig_driver **driver, const char *library)
{
	struct gp_mig_driver *d = calloc(1, sizeof(*d));
	enum gp_mig_result result = GP_MIG_NO_DRIVER;

	*driver = NULL;
	if (!d)
		return GP_MIG_FAILED;
	d->library =
		dlopen(library ? library : "libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!d->library)
		goto fail;
	result = GP_MIG_OLD_DRIVER;
	if (!find_symbols(d))
		goto fail;
	result = GP_MIG_NO_DRIVER;
	if (d->init() != NVML_SUCCESS)
		goto fail;
	if (!list_gpus(d)) {
		d->shutdown();
		goto fail;
	}
	*driver = d;
	return GP_MIG_OK;
fail:
	if (d->library)
		dlclose(d->library);
	free(d);
	return result;
}

void gp_mig_driver_close(struct gp_mig_driver *driver)
{
	if (!driver)
		return;
	driver->shutdown();
	dlclose(driver->library);
	free(driver);
}

int gp_mig_driver_rank(const struct gp_mig_driver *driver, int minor)
{
	for (int i = 0; i < driver->gpus; i++)
		if (driver->minors[i] == (unsigned int)minor)
			return i;
	return -1;
}

/* ---- instances ---- */

static enum gp_mig_result result_of(int answer)
{
	switch (answer) {
	case NVML_SUCCESS:
		return GP_MIG_OK;
	case NVML_NOT_SUPPORTED:
		return GP_MIG_OFF;
	case NVML_NOT_FOUND:
		return GP_MIG_GONE;
	case NVML_IN_USE:
		return GP_MIG_IN_USE;
	case NVML_INSUFFICIENT_RESOURCES:
		return GP_MIG_OCCUPIED;
	default:
		return GP_MIG_FAILED;
	}
}

static enum gp_mig_result open_gpu(const struct gp_mig_driver *driver, int gpu,
				   nvml_device *device)
{
	unsigned int now = 0, then = 0;

	if (gpu < 0 || gpu >= driver->gpus || !driver->gpu[gpu])
		return GP_MIG_NO_GPU;
	*device = driver->gpu[gpu];
	if (driver->mode(*device, &now, &then) != NVML_SUCCESS || !now)
		return GP_MIG_OFF;
	return GP_MIG_OK;
}

static bool may_start(const struct gp_mig_driver *driver, nvml_device device,
		      unsigned int profile, const struct gp_mig_slice *slice)
{
	struct nvml_place places[PLACES_MAX];
	unsigned int count = PLACES_MAX;

	if (driver->gi_places(device, profile, places, &count) != NVML_SUCCESS)
		return false;
	for (unsigned int i = 0; i < count && i < PLACES_MAX; i++)
		if (places[i].start == (unsigned int)slice->start &&
		    places[i].size == (unsigned int)slice->size)
			return true;
	return false;
}

/* The profile of that shape; its number is good for this GPU only. */
static bool find_profile(const struct gp_mig_driver *driver, nvml_device device,
			 const struct gp_mig_slice *slice, unsigned int *id)
{
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		struct nvml_gi_profile profile = {0};

		if (strcmp(kind_suffix[kind], slice->suffix) != 0 ||
		    driver->gi_profile(device, kind, &profile) != NVML_SUCCESS ||
		    profile.slices != (unsigned int)slice->compute ||
		    !may_start(driver, device, profile.id, slice))
			continue;
		*id = profile.id;
		return true;
	}
	return false;
}

/* One compute instance with all of the GPU instance's compute slices. */
static enum gp_mig_result fill(const struct gp_mig_driver *driver, nvml_gi gi,
			       struct gp_mig_instance *made)
{
	struct nvml_ci_info info = {0};
	nvml_ci ci = NULL;

	for (unsigned int kind = 0; kind < COMPUTE_KINDS && !ci; kind++) {
		struct nvml_ci_profile profile = {0};

		if (driver->ci_profile(gi, kind, 0, &profile) == NVML_SUCCESS &&
		    profile.slices == (unsigned int)made->slice.compute &&
		    driver->ci_make(gi, profile.id, &ci) != NVML_SUCCESS)
			ci = NULL;
	}
	if (!ci)
		return GP_MIG_FAILED;
	if (driver->ci_info(ci, &info) != NVML_SUCCESS ||
	    driver->uuid(info.device, made->uuid, sizeof(made->uuid)) != NVML_SUCCESS) {
		driver->ci_destroy(ci);
		return GP_MIG_FAILED;
	}
	made->uuid[sizeof(made->uuid) - 1] = '\0';
	made->ci = (int)info.id;
	return GP_MIG_OK;
}

enum gp_mig_result gp_mig_driver_make(struct gp_mig_driver *driver,
				      const struct gp_mig_slice *slice,
				      struct gp_mig_instance *made)
{
	struct nvml_place place = {(unsigned int)slice->start, (unsigned int)slice->size};
	struct nvml_gi_info info = {0};
	unsigned int profile;
	nvml_device device;
	nvml_gi gi = NULL;
	enum gp_mig_result result = open_gpu(driver, slice->gpu, &device);

	*made = (struct gp_mig_instance){*slice, GP_MIG_UNKNOWN, GP_MIG_UNKNOWN, ""};
	if (result)
		return result;
	if (!find_profile(driver, device, slice, &profile))
		return GP_MIG_NO_PROFILE;
	result = result_of(driver->gi_make(device, profile, &place, &gi));
	if (result)
		return result;
	result = result_of(driver->gi_info(gi, &info));
	made->gi = (int)info.id;
	if (!result)
		result = fill(driver, gi, made);
	if (result)
		driver->gi_destroy(gi);
	return result;
}

static bool is_at(const struct nvml_gi_info *info, const struct gp_mig_slice *slice)
{
	return info->place.start == (unsigned int)slice->start &&
	       info->place.size == (unsigned int)slice->size;
}

/* The instance of that number, if it stands at its place. */
static enum gp_mig_result open_instance(const struct gp_mig_driver *driver,
					const struct gp_mig_instance *instance,
					nvml_gi *gi)
{
	struct nvml_gi_info info = {0};
	nvml_device device;
	enum gp_mig_result result = open_gpu(driver, instance->slice.gpu, &device);

	if (result)
		return result == GP_MIG_OFF ? GP_MIG_GONE : result;
	if (instance->gi < 0 ||
	    driver->gi_by_id(device, (unsigned int)instance->gi, gi) != NVML_SUCCESS ||
	    driver->gi_info(*gi, &info) != NVML_SUCCESS ||
	    !is_at(&info, &instance->slice))
		return GP_MIG_GONE;
	return GP_MIG_OK;
}

enum gp_mig_result gp_mig_driver_check(struct gp_mig_driver *driver,
				       const struct gp_mig_instance *instance)
{
	nvml_gi gi;

	return open_instance(driver, instance, &gi);
}

enum gp_mig_result gp_mig_driver_find(struct gp_mig_driver *driver,
				      const struct gp_mig_slice *slice,
				      struct gp_mig_instance *found)
{
	nvml_gi list[PLACES_MAX];
	nvml_device device;
	enum gp_mig_result result = open_gpu(driver, slice->gpu, &device);

	*found = (struct gp_mig_instance){*slice, GP_MIG_UNKNOWN, GP_MIG_UNKNOWN, ""};
	if (result)
		return result == GP_MIG_OFF ? GP_MIG_GONE : result;
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		struct nvml_gi_profile profile = {0};
		unsigned int count = PLACES_MAX;

		if (driver->gi_profile(device, kind, &profile) != NVML_SUCCESS ||
		    driver->gi_list(device, profile.id, list, &count) != NVML_SUCCESS)
			continue;
		for (unsigned int i = 0; i < count && i < PLACES_MAX; i++) {
			struct nvml_gi_info info = {0};

			if (driver->gi_info(list[i], &info) != NVML_SUCCESS ||
			    !is_at(&info, slice))
				continue;
			found->gi = (int)info.id;
			return GP_MIG_OK;
		}
	}
	return GP_MIG_GONE;
}

static enum gp_mig_result empty(const struct gp_mig_driver *driver, nvml_gi gi)
{
	for (unsigned int kind = 0; kind < COMPUTE_KINDS; kind++) {
		struct nvml_ci_profile profile = {0};
		nvml_ci list[COMPUTE_MAX];
		unsigned int count = COMPUTE_MAX;

		if (driver->ci_profile(gi, kind, 0, &profile) != NVML_SUCCESS ||
		    driver->ci_list(gi, profile.id, list, &count) != NVML_SUCCESS)
			continue;
		for (unsigned int i = 0; i < count && i < COMPUTE_MAX; i++) {
			enum gp_mig_result result =
				result_of(driver->ci_destroy(list[i]));

			if (result)
				return result;
		}
	}
	return GP_MIG_OK;
}

enum gp_mig_result gp_mig_driver_remove(struct gp_mig_driver *driver,
					const struct gp_mig_instance *instance)
{
	nvml_gi gi;
	enum gp_mig_result result = open_instance(driver, instance, &gi);

	if (!result)
		result = empty(driver, gi);
	if (!result)
		result = result_of(driver->gi_destroy(gi));
	return result;
}
