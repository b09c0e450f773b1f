/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_driver.h - GPU instances made and removed through NVML, opened by dlopen.
 *
 * An instance is always made at a start that somebody else has decided; the driver's own
 * choice of one is never used. GPUs are counted in the order of their minor numbers, as
 * gres.conf lists them. Nothing here is kept between calls but the open library.
 */
#ifndef GPUTOPO_PLUGIN_NODE_MIG_MIG_DRIVER_H
#define GPUTOPO_PLUGIN_NODE_MIG_MIG_DRIVER_H

#include <stdbool.h>

#include "plugin/common/mig_text.h"

#define GP_MIG_UUID_MAX 96
#define GP_MIG_UNKNOWN	(-1)

/* One that exists. gi and ci are the driver's numbers; GP_MIG_UNKNOWN: not made yet. */
struct gp_mig_instance {
	struct gp_mig_slice slice;
	int gi, ci;
	char uuid[GP_MIG_UUID_MAX]; /* of the MIG device: "MIG-..." */
};

enum gp_mig_result {
	GP_MIG_OK = 0,
	GP_MIG_NO_DRIVER,  /* no libnvidia-ml.so.1, or it does not start */
	GP_MIG_OLD_DRIVER, /* it cannot make instances */
	GP_MIG_NO_GPU,	   /* no such GPU, or it does not answer */
	GP_MIG_OFF,	   /* the GPU is not in MIG mode */
	GP_MIG_NO_PROFILE, /* none of that shape may start there */
	GP_MIG_OCCUPIED,   /* another instance is in the way */
	GP_MIG_IN_USE,	   /* a process still runs in it */
	GP_MIG_GONE,	   /* there is no such instance */
	GP_MIG_FAILED,	   /* any other answer of the driver */
};

/* A sentence without a full stop; static. */
const char *gp_mig_result_text(enum gp_mig_result result);

struct gp_mig_driver;

/* Open the library (NULL: libnvidia-ml.so.1 by the system's search) and start it. *driver
 * is NULL on failure; close it with gp_mig_driver_close. */
enum gp_mig_result gp_mig_driver_open(struct gp_mig_driver **driver, const char *library);
void gp_mig_driver_close(struct gp_mig_driver *driver);

/* The GPU with this minor number, /dev/nvidiaMINOR; -1: none. */
int gp_mig_driver_rank(const struct gp_mig_driver *driver, int minor);

/* Make the GPU instance and one compute instance that fills it. All or nothing. */
enum gp_mig_result gp_mig_driver_make(struct gp_mig_driver *driver,
				      const struct gp_mig_slice *slice,
				      struct gp_mig_instance *made);
/* Whether it is still there, at its place. */
enum gp_mig_result gp_mig_driver_check(struct gp_mig_driver *driver,
				       const struct gp_mig_instance *instance);
/* The instance at exactly this place, its gi and ci; GP_MIG_GONE: there is none. */
enum gp_mig_result gp_mig_driver_find(struct gp_mig_driver *driver,
				      const struct gp_mig_slice *slice,
				      struct gp_mig_instance *found);
/* Remove its compute instances and itself. An instance of that number at another place
 * is not touched: GP_MIG_GONE. */
enum gp_mig_result gp_mig_driver_remove(struct gp_mig_driver *driver,
					const struct gp_mig_instance *instance);

#endif
