/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gres_mig.h - the MIG devices of a node that its admin cut, as `nvidia-smi mig -lgi` and
 * -lci list them, and their capability files. For gputopo gres.
 */
#ifndef GPUTOPO_CLI_GRES_MIG_H
#define GPUTOPO_CLI_GRES_MIG_H

#include "core/library.h"

/* What Slurm counts: a compute instance in a GPU instance. */
struct gres_mig {
	int gpu; /* as nvidia-smi numbers them: by bus id */
	int gi, ci;
	char profile[32]; /* "3g.20gb+me" */
};

struct gres_mig_list {
	struct gres_mig *device;
	int count;
};

/* Read what the two commands print, one or both, from a file or "-". A GPU instance
 * without a list of compute instances has one, number 0; with such a list only what it
 * names counts. GT_EPARSE: no such row at all. The list is the caller's to free. */
enum gt_err gres_mig_load(struct gres_mig_list *list, const char *file,
			  struct gt_error *err);
void gres_mig_free(struct gres_mig_list *list);

/* The minor numbers of the capability files of a device whose GPU is /dev/nvidia<minor>:
 * from a file as /proc/driver/nvidia-caps/mig-minors, NULL: by the driver's fixed
 * numbering. GT_EINVAL: the file lacks them. */
enum gt_err gres_mig_caps(const struct gres_mig *device, int minor, const char *file,
			  int caps[2], struct gt_error *err);

/* The Type= that AutoDetect=nvml gives it: the GPU's name up to the first '-', and the
 * profile. type: instead of the name, NULL: none. Returns buf. */
char *gres_mig_type(const struct gres_mig *device, const char *model, const char *type,
		    char *buf, size_t size);

#endif
