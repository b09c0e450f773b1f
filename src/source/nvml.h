/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This machine by NVIDIA's driver library, loaded when it is asked for. */
#ifndef GT_SOURCE_NVML_H
#define GT_SOURCE_NVML_H

#include "source/source.h"

/* GT_EFORMAT: this machine has no such library or driver. */
enum gt_err gt_nvml_live(struct gt_node **node, struct gt_error *err);

#endif
