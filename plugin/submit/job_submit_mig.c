/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job_submit_mig.c - check what a submitted job asks of MIG, and add its shards. Called
 * by job_submit_gputopo.c.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/slurm/job_env.h"
#include "plugin/submit/job_submit_mig.h"
#include "plugin/common/mig_names.h"
#include "plugin/common/mig_text.h"

#define TRES_MAX 4096 /* bytes of one request of ours */

/* A request for generic resources of one description. */
struct want {
	const job_desc_msg_t *job;
	const char *wish;
};

/* Is gres NAME in a TRES string, "gres:gpu:2,gres/shard=4"? */
static bool names(const char *tres, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = tres ? tres : ""; *p;) {
		size_t item = strcspn(p, ",;");

		if (item >= 5 + len &&
		    (!strncmp(p, "gres:", 5) || !strncmp(p, "gres/", 5)) &&
		    !strncmp(p + 5, name, len) &&
		    (item == 5 + len || strchr(":=", p[5 + len])))
			return true;
		p += item + (p[item] != '\0');
	}
	return false;
}

static bool asks_for(const job_desc_msg_t *job, const char *name)
{
	return names(job->tres_per_job, name) || names(job->tres_per_node, name) ||
	       names(job->tres_per_socket, name) || names(job->tres_per_task, name);
}

/* ---- checks of a job with --mig -------------------------------------------------------
 */

static bool is_exclusive(const struct want *want)
{
	return want->job->shared == 0;
}

static bool has_gpus(const struct want *want)
{
	return asks_for(want->job, "gpu") || asks_for(want->job, "mps");
}

static bool has_shards(const struct want *want)
{
	return asks_for(want->job, "shard");
}

/* Each with the sentence for the submitter; the first that holds refuses the job. */
static const struct {
	bool (*holds)(const struct want *want);
	const char *text;
} checks[] = {
	{is_exclusive,
	 "--exclusive takes all GPUs of the node; omit --exclusive or --mig"},
	{has_gpus, "ask for instances or for GPUs, not for both"},
	{has_shards, "--mig adds the shards; do not ask for them"},
};

/* tres_per_node with the shards behind what stands there. false: no memory, or too long.
 */
static bool add_shards(job_desc_msg_t *job, int shards)
{
	const char *before = job->tres_per_node ? job->tres_per_node : "";
	size_t size = strlen(before) + 32;
	char *tres = size < TRES_MAX ? try_xmalloc(size) : NULL;

	if (!tres)
		return false;
	snprintf(tres, size, "%s%s" GP_TRES_GRES "shard:%d", before, *before ? "," : "",
		 shards);
	xfree(job->tres_per_node);
	job->tres_per_node = tres;
	return true;
}

static bool refuse(char *text, size_t size, const char *wish, const char *why)
{
	snprintf(text, size, "gputopo: --mig=%.40s: %s", wish, why);
	return true;
}

bool gp_submit_mig(job_desc_msg_t *job, const struct gp_places *places,
		   gp_mig_submit_fn *ask, char *text, size_t size)
{
	const char *wish =
		gp_env_get(job->spank_job_env, job->spank_job_env_size, GP_ENV_MIG);
	struct want want = {job, wish};
	struct gp_mig_wish read;
	struct gp_mig_question question = {
		.size = sizeof(question), .places = *places, .wish = wish};
	struct gp_mig_verdict verdict = {0};

	if (!wish && (!ask || !asks_for(job, "shard")))
		return false;
	for (size_t i = 0; wish && i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i].holds(&want))
			return refuse(text, size, wish, checks[i].text);
	if (!ask)
		return refuse(text, size, wish, "gputopo's select plugin is not loaded");
	if (wish && !gp_mig_wish_read(wish, &read)) {
		snprintf(text, size,
			 "gputopo: --mig=%.40s is not PROFILE or PROFILE:COUNT", wish);
		return true;
	}
	if (ask(&question, &verdict)) {
		snprintf(text, size, "%s", verdict.text);
		return true;
	}
	if (!wish || add_shards(job, verdict.shards))
		return false;
	return refuse(text, size, wish, "the request is too long");
}

bool gp_modify_mig(const job_desc_msg_t *desc, const job_record_t *job, char *text,
		   size_t size)
{
	const char *wish = job ? gp_job_env_get(job, GP_ENV_MIG) : NULL;

	if (!wish || !(desc->tres_per_job || desc->tres_per_node ||
		       desc->tres_per_socket || desc->tres_per_task))
		return false;
	return refuse(text, size, wish,
		      "a MIG job's shards and GPUs cannot be changed; submit a new job");
}
