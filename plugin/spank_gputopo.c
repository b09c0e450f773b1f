/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spank_gputopo.c - what users may ask of gputopo on the command line of sbatch, salloc
 * and srun. The values travel to slurmctld in the job's control environment.
 *
 * plugstack.conf: optional /usr/lib/.../gputopo/RELEASE/spank_gputopo.so
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <slurm/spank.h>

#include "plugin/mig_names.h"
#include "plugin/mig_text.h"
#include "plugin/spank_mig.h"
#include "plugin/wish_names.h"

SPANK_PLUGIN(gputopo, 1);

int slurm_spank_init(spank_t spank, int argc, char **argv);
int slurm_spank_init_post_opt(spank_t spank, int argc, char **argv);
int slurm_spank_job_prolog(spank_t spank, int argc, char **argv);
int slurm_spank_task_init(spank_t spank, int argc, char **argv);
int slurm_spank_job_epilog(spank_t spank, int argc, char **argv);

static const char *const topo_words[] = {"best", "ring", "any", "off", NULL};

/* One option: how to check a value, and the value that was given. */
struct option {
	const char *env;
	const char *wanted;
	bool (*is_valid)(const char *value);
	char value[32];
};

static bool is_topo(const char *value)
{
	for (int i = 0; topo_words[i]; i++)
		if (strcasecmp(value, topo_words[i]) == 0)
			return true;
	return false;
}

static bool is_bandwidth(const char *value)
{
	char *end;
	double gbps;

	errno = 0;
	gbps = strtod(value, &end);
	return value[0] >= '0' && value[0] <= '9' && *end == '\0' && !errno && gbps > 0 &&
	       gbps < 1e6;
}

static bool is_mig(const char *value)
{
	struct gp_mig_wish wish;

	return gp_mig_wish_read(value, &wish);
}

enum { OPTION_TOPO, OPTION_MIN_BUSBW, OPTION_MIG, OPTION_COUNT };

/* Of one command; SPANK knows no other place for it. */
static struct option options[OPTION_COUNT] = {
	[OPTION_TOPO] = {GP_ENV_TOPO, "best, ring, any or off", is_topo, ""},
	[OPTION_MIN_BUSBW] = {GP_ENV_MIN_BUSBW, "GB/s, larger than 0", is_bandwidth, ""},
	/* Slurm itself passes it on, under GP_ENV_MIG. */
	[OPTION_MIG] = {NULL, "a MIG profile such as 3g.40gb, or 1g.10gb:2", is_mig, ""},
};

static int take(int which, const char *value, int remote)
{
	struct option *option = &options[which];

	(void)remote;
	if (!value || strlen(value) >= sizeof(option->value) ||
	    !option->is_valid(value)) {
		slurm_error("gputopo: '%s' is not %s", value ? value : "",
			    option->wanted);
		return -1;
	}
	for (size_t i = 0; i <= strlen(value); i++)
		option->value[i] =
			(char)(value[i] >= 'A' && value[i] <= 'Z' ? value[i] + 32
								  : value[i]);
	return 0;
}

static struct spank_option table[] = {
	{"gpu-topo", "best|ring|any|off",
	 "[gputopo] which GPUs: the best free ones (best), wait for an NVLink ring "
	 "through all "
	 "of them (ring), those that others need least (any), Slurm's own choice (off)",
	 1, OPTION_TOPO, take},
	{"gpu-min-busbw", "GBPS",
	 "[gputopo] wait until the GPUs' all-reduce bus bandwidth is at least this, in "
	 "GB/s",
	 1, OPTION_MIN_BUSBW, take},
	{"mig", "PROFILE[:COUNT]",
	 "[gputopo] a GPU instance of this profile (several: on one GPU), made when the "
	 "job "
	 "starts and removed when it ends",
	 1, OPTION_MIG, take},
};

int slurm_spank_init(spank_t spank, int argc, char **argv)
{
	spank_context_t context = spank_context();

	if (context == S_CTX_SLURMD)
		return gp_spank_mig_slurmd(argc, argv);
	if (context == S_CTX_JOB_SCRIPT)
		return 0;
	/* A job submitted from within a MIG job is not one itself. */
	if (context == S_CTX_ALLOCATOR) {
		unsetenv(GP_ENV_MIG);
		unsetenv("SLURM_SPANK_" GP_ENV_MIG);
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (spank_option_register(spank, &table[i]) != ESPANK_SUCCESS)
			return -1;
	return 0;
}

/* Where jobs are made: tell slurmctld. "best" is what it does anyway. */
int slurm_spank_init_post_opt(spank_t spank, int argc, char **argv)
{
	spank_context_t context = spank_context();

	(void)argc;
	(void)argv;
	if (context != S_CTX_LOCAL && context != S_CTX_ALLOCATOR)
		return 0;
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (!options[i].env || !options[i].value[0] ||
		    strcmp(options[i].value, "best") == 0)
			continue;
		if (spank_job_control_setenv(spank, options[i].env, options[i].value,
					     1) != ESPANK_SUCCESS) {
			slurm_error("gputopo: %s could not be passed on", options[i].env);
			return -1;
		}
	}
	return 0;
}

/* ---- on the node --------------------------------------------------------------------
 */

int slurm_spank_job_prolog(spank_t spank, int argc, char **argv)
{
	return gp_spank_mig_prolog(spank, argc, argv);
}

/* Did the job, or this step of it, say --mig? */
static bool has_wished(spank_t spank)
{
	char value[64];

	return options[OPTION_MIG].value[0] ||
	       spank_getenv(spank, GP_ENV_MIG, value, sizeof(value)) == ESPANK_SUCCESS ||
	       spank_getenv(spank, "SLURM_SPANK_" GP_ENV_MIG, value, sizeof(value)) ==
		       ESPANK_SUCCESS;
}

int slurm_spank_task_init(spank_t spank, int argc, char **argv)
{
	return gp_spank_mig_task(spank, argc, argv, has_wished(spank));
}

int slurm_spank_job_epilog(spank_t spank, int argc, char **argv)
{
	return gp_spank_mig_epilog(spank, argc, argv);
}
