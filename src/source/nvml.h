/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This machine by NVIDIA's driver library, loaded when it is asked for. */
#ifndef GT_SOURCE_NVML_H
#define GT_SOURCE_NVML_H

#include "source/source.h"

/* GT_EFORMAT: this machine has no such library or driver. */
enum gt_err gt_nvml_live(struct gt_node **node, struct gt_error *err);

/* What the driver says of one GPU's state, beside its links. */
struct gt_nvml_state {
	bool answers;	     /* false: it fell off the bus, nothing else is known */
	bool remap_failed;   /* no spare rows are left in its memory */
	bool remap_pending;  /* rows are replaced at its next reset */
	bool fabric_is_away; /* its NVSwitch fabric is not set up: CUDA does not start */
};
/* The GPUs in the driver's order, at most room. Errors as gt_nvml_live. */
enum gt_err gt_nvml_states(struct gt_nvml_state *state, int room, int *count,
			   struct gt_error *err);

#endif
