/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ask.c - requests to slurmctld and the masks in its answers.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"

uint64_t ask_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

uint32_t ask_mask(const char *at, const char **end)
{
	uint32_t mask = 0;

	while (*at >= '0' && *at <= '9') {
		char *next;
		unsigned long first = strtoul(at, &next, 10), last = first;

		if (*next == '-')
			last = strtoul(next + 1, &next, 10);
		for (; first <= last && first < 32; first++)
			mask |= 1u << first;
		at = *next == ',' ? next + 1 : next;
	}
	*end = at;
	return mask;
}

uint32_t ask_mask_from_gres(const char *gres)
{
	uint32_t mask = 0;

	for (const char *at = gres; at && (at = strstr(at, "IDX:"));)
		mask |= ask_mask(at + strlen("IDX:"), &at);
	return mask;
}

const char *ask_mask_text(uint32_t mask, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (int i = 0; i < 32; i++) {
		int last = i;

		if (!(mask >> i & 1))
			continue;
		while (last < 31 && mask >> (last + 1) & 1)
			last++;
		used += snprintf(buf + used, size - used, last > i ? "%s%d-%d" : "%s%d",
				 used ? "," : "", i, last);
		i = last;
	}
	return buf;
}

static void put_tres(char *buf, size_t size, const char *gres, int n)
{
	/* libslurm's 40 is Slurm 23.11 */
	char mark = slurm_api_version() >> 16 >= 40 ? '/' : ':';

	snprintf(buf, size, "gres%c%s:%d", mark, gres, n);
}

void ask_tres(char *buf, size_t size, int n)
{
	put_tres(buf, size, "gpu", n);
}

char *ask_shards(char *buf, size_t size, int n)
{
	put_tres(buf, size, "shard", n);
	return buf;
}

void ask_init(job_desc_msg_t *desc, const char *name)
{
	slurm_init_job_desc_msg(desc);
	desc->name = (char *)name;
	desc->work_dir = (char *)"/";
	desc->user_id = getuid();
	desc->group_id = getgid();
}

uint32_t ask_job_gpus(const slurm_job_info_t *job)
{
	uint32_t mask = 0;

	for (uint32_t i = 0; i < job->gres_detail_cnt; i++)
		mask |= ask_mask_from_gres(job->gres_detail_str[i]);
	return mask;
}

int ask_job_is(const slurm_job_info_t *job, uint32_t base)
{
	return (job->job_state & JOB_STATE_BASE) == base;
}

void ask_job_end(uint32_t id)
{
	if (gp_complete_job(id, 0) && errno != ESLURM_ALREADY_DONE)
		errx(1, "job %u cannot be ended: %s", id, slurm_strerror(errno));
}
