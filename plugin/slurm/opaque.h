/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opaque.h - Slurm's structs by their names only. A file that includes this and not
 * compat.h can hand them on, and cannot look into them: the compiler holds it to that.
 */
#ifndef GPUTOPO_PLUGIN_SLURM_OPAQUE_H
#define GPUTOPO_PLUGIN_SLURM_OPAQUE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

typedef struct job_record job_record_t;
typedef struct node_record node_record_t;
typedef struct gres_node_state gres_node_state_t;
typedef struct gres_job_state gres_job_state_t;
typedef struct gres_step_state gres_step_state_t;
typedef int64_t bitstr_t;
/* List until 24.08, list_t * after: one type under two names. */
typedef struct xlist *gp_list_t;

#endif
