/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ask.h - what the programs share that ask a real slurmctld for GPUs. A set of GPUs is a
 * mask of gres indices.
 */
#ifndef ASK_H
#define ASK_H

#include <stddef.h>
#include <stdint.h>

#include "plugin/node/mig/slurm_api.h"

/* The next number of a splitmix64; any seed will do, 0 among them. */
uint64_t ask_random(uint64_t *state);
/* Read "0,2-4" up to the first other character, where *end then points. */
uint32_t ask_mask(const char *list, const char **end);
/* The union of all "IDX:0,2-4" of a gres string. */
uint32_t ask_mask_from_gres(const char *gres);
/* As Slurm writes it: "0,2-4". Returns buf. */
const char *ask_mask_text(uint32_t mask, char *buf, size_t size);
/* "n GPUs each" as the release at run time writes it in tres_per_*. */
void ask_tres(char *buf, size_t size, int n);
/* The same of shards. Returns buf. */
char *ask_shards(char *buf, size_t size, int n);
/* An empty request of this user's. */
void ask_init(job_desc_msg_t *desc, const char *name);
/* The GPUs of a job that runs, from its record; 0: it has none. */
uint32_t ask_job_gpus(const slurm_job_info_t *job);
/* Whether this record's state is the given base state (JOB_RUNNING, ...). */
int ask_job_is(const slurm_job_info_t *job, uint32_t base);
/* End a job of ours; one that has ended by itself is fine. */
void ask_job_end(uint32_t id);

#endif
