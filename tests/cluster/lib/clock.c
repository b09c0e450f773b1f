/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock.c - a select_cons_tres.so before all others in PluginDir: it forwards every
 * operation to the next one, ours or stock's, and writes down the longest job_tests; and
 * it kills slurmctld between two operations of a step where a test asks for that. Loaded
 * by the slurmctlds of cases/; lib/bats.bash reads the file and has the bounds.
 */
#include "plugin/slurm/compat.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "plugin/slurm/operations.h"

extern const char plugin_name[];
extern const char plugin_type[];
extern const uint32_t plugin_id;
extern const uint32_t plugin_version;
extern const char gputopo_plugin[];
int init(void);
GP_FINI_TYPE fini(void);
#define DECLARE(ret, name, member, proto, args) ret select_p_##name proto;
GP_OPERATIONS(DECLARE, DECLARE)

const char plugin_name[] = "a clock in front of the cons_tres selection plugin";
const char plugin_type[] = "select/cons_tres";
const uint32_t plugin_id = SELECT_PLUGIN_CONS_TRES;
const uint32_t plugin_version = SLURM_VERSION_NUMBER;

/* Its loader walks PluginDir, and passes by who has the mark gputopo_plugin: us, seen
 * from the real plugin. What we look for is the first file behind ours. */
const char gputopo_plugin[] = "clock";
#include "plugin/slurm/stock_plugin.c"

static struct gp_stock_plugin next;

static bool open_next(const char *path)
{
	next.handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	if (!next.handle)
		return false;
	resolve(&next);
	if (gp_stock_plugin_init(&next) == SLURM_SUCCESS)
		return true;
	dlclose(next.handle);
	return false;
}

int init(void)
{
	bool behind = false;

	for (const char *dir = slurm_conf.plugindir; dir; dir = strchr(dir, ':')) {
		char path[PATH_MAX];

		dir += *dir == ':';
		snprintf(path, sizeof(path), "%.*s/" SO_NAME, (int)strcspn(dir, ":"),
			 dir);
		if (behind && open_next(path))
			return SLURM_SUCCESS;
		behind |= is_this_file(path);
	}
	return SLURM_ERROR;
}

GP_FINI_TYPE fini(void)
{
	gp_stock_plugin_close(&next);
	GP_FINI_RETURN;
}

#define FORWARD(ret, name, member, proto, args)                                          \
	ret select_p_##name proto                                                        \
	{                                                                                \
		return next.name args;                                                   \
	}
#define FORWARD_HOOK(ret, name, member, proto, args) HOOK_##name(ret, name, proto, args)
#define FORWARD_HOOKS(ret, name, proto, args)	     FORWARD(ret, name, , proto, args)
#define HOOK_node_init				     FORWARD_HOOKS
#define HOOK_job_begin				     FORWARD_HOOKS
#define HOOK_job_resized			     FORWARD_HOOKS
#define HOOK_job_fini				     FORWARD_HOOKS
#define HOOK_select_nodeinfo_set		     FORWARD_HOOKS
#define HOOK_reconfigure			     FORWARD_HOOKS
#define HOOK_job_test(ret, name, proto, args)
#define HOOK_step_start(ret, name, proto, args)
GP_OPERATIONS(FORWARD, FORWARD_HOOK)

static long now_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A line "CPU CLOCK JOB MODE", in microseconds, where it is the longest so far. */
static void note(const job_record_t *job, int mode, long cpu, long clock)
{
	static _Atomic long longest_cpu, longest_clock;
	char path[PATH_MAX];
	FILE *f;

	if (!running_in_slurmctld() || (cpu <= longest_cpu && clock <= longest_clock))
		return;
	longest_cpu = cpu > longest_cpu ? cpu : longest_cpu;
	longest_clock = clock > longest_clock ? clock : longest_clock;
	snprintf(path, sizeof(path), "%s.clock", slurm_conf.slurmctld_logfile);
	f = fopen(path, "ae");
	if (f) {
		fprintf(f, "%ld %ld %u %d\n", cpu, clock, job->job_id, mode);
		fclose(f);
	}
}

int select_p_job_test GP_JOB_TEST_PROTO
{
	long cpu = now_us(CLOCK_THREAD_CPUTIME_ID), clock = now_us(CLOCK_MONOTONIC);
	int rc = next.job_test GP_JOB_TEST_ARGS;

	note(job, mode, now_us(CLOCK_THREAD_CPUTIME_ID) - cpu,
	     now_us(CLOCK_MONOTONIC) - clock);
	return rc;
}

#ifdef GP_UNTIL_2411
/* SIGKILL to this slurmctld if the file LOG.kill says so: a step has its GPUs by now,
 * which the next operation may exchange, and nobody was told of either. The file goes
 * first. */
static void die_if_asked(const char *when)
{
	char path[PATH_MAX], word[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s.kill", slurm_conf.slurmctld_logfile);
	f = running_in_slurmctld() ? fopen(path, "re") : NULL;
	if (!f)
		return;
	if (fscanf(f, "%15s", word) == 1 && strcmp(word, when) == 0 && unlink(path) == 0)
		(void)raise(SIGKILL);
	fclose(f);
}

int select_p_step_start(step_record_t *step)
{
	int rc;

	die_if_asked("before");
	rc = next.step_start(step);
	die_if_asked("after");
	return rc;
}
#endif
