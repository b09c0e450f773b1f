/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spank.c - SPANK and a little of libslurm for the tests, see spank.h. */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "conf/compact.h"
#include "plugin/node/mig/slurm_api.h"
#include "tests/mock/spank.h"

struct mock_spank mock_spank;
struct mock_slurmctld mock_slurmctld;

static char *shared_log;   /* of this process and all that it forks */
static time_t clock_skips; /* seconds that sleep has not slept */

void mock_spank_begin(void)
{
	memset(&mock_spank, 0, sizeof(mock_spank));
	memset(&mock_slurmctld, 0, sizeof(mock_slurmctld));
	mock_spank.tasks = mock_spank.nodes = 1;
	clock_skips = 0;
	if (!shared_log)
		shared_log = mmap(NULL, MOCK_SPANK_LOG, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared_log == MAP_FAILED)
		abort();
	shared_log[0] = '\0';
}

/* ---- log ---- */

static void add_line(const char *format, va_list args)
{
	size_t used = strlen(shared_log);

	vsnprintf(shared_log + used, MOCK_SPANK_LOG - used, format, args);
	used = strlen(shared_log);
	snprintf(shared_log + used, MOCK_SPANK_LOG - used, "\n");
}

void slurm_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_line(format, args);
	va_end(args);
}

void slurm_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_line(format, args);
	va_end(args);
}

bool mock_spank_logged(const char *text)
{
	return strstr(shared_log, text) != NULL;
}

const char *mock_spank_log(void)
{
	return shared_log;
}

/* ---- environments ---- */

static int find(const struct mock_env *env, const char *name)
{
	for (int i = 0; i < env->count; i++)
		if (!strcmp(env->name[i], name))
			return i;
	return -1;
}

static const char *value_in(const struct mock_env *env, const char *name)
{
	int at = find(env, name);

	return at < 0 ? "-" : env->value[at];
}

const char *mock_spank_value(const char *name)
{
	return value_in(&mock_spank.env, name);
}

const char *mock_spank_control(const char *name)
{
	return value_in(&mock_spank.control, name);
}

static spank_err_t set(struct mock_env *env, const char *name, const char *value,
		       int overwrite)
{
	int at = find(env, name);

	if (mock_spank.refuses)
		return ESPANK_ERROR;
	if (at >= 0 && !overwrite)
		return ESPANK_ENV_EXISTS;
	if (at < 0)
		at = env->count++;
	if (at >= MOCK_SPANK_ENV || strlen(value) >= sizeof(env->value[0]))
		abort();
	snprintf(env->name[at], sizeof(env->name[at]), "%s", name);
	snprintf(env->value[at], sizeof(env->value[at]), "%s", value);
	return ESPANK_SUCCESS;
}

void mock_spank_model(const char *host, const char *spec)
{
	char word[GP_COMPACT_MAX], models[GP_COMPACT_MAX + 64];
	struct gt_node *node;

	if (gt_node_load(&node, spec, NULL, NULL) != GT_OK ||
	    !gp_compact_write(node, word, sizeof(word)))
		abort();
	gt_node_free(node);
	snprintf(models, sizeof(models), "%s=%llx=%s", host,
		 (unsigned long long)gp_compact_hash(word, strlen(word)), word);
	if (set(&mock_spank.env, GP_ENV_MODELS, models, 1) != ESPANK_SUCCESS)
		abort();
}

spank_err_t spank_getenv(spank_t spank, const char *name, char *buf, int len)
{
	int at = find(&mock_spank.env, name);

	(void)spank;
	if (at < 0)
		return ESPANK_ENV_NOEXIST;
	if (strlen(mock_spank.env.value[at]) >= (size_t)len)
		return ESPANK_NOSPACE;
	strcpy(buf, mock_spank.env.value[at]);
	return ESPANK_SUCCESS;
}

spank_err_t spank_setenv(spank_t spank, const char *name, const char *value,
			 int overwrite)
{
	(void)spank;
	return set(&mock_spank.env, name, value, overwrite);
}

spank_err_t spank_unsetenv(spank_t spank, const char *name)
{
	struct mock_env *env = &mock_spank.env;
	int at = find(env, name);

	(void)spank;
	if (at < 0)
		return ESPANK_ENV_NOEXIST;
	env->count--;
	memmove(&env->name[at], &env->name[env->count], sizeof(env->name[0]));
	memmove(&env->value[at], &env->value[env->count], sizeof(env->value[0]));
	return ESPANK_SUCCESS;
}

spank_err_t spank_job_control_setenv(spank_t spank, const char *name, const char *value,
				     int overwrite)
{
	(void)spank;
	return set(&mock_spank.control, name, value, overwrite);
}

/* ---- what a plugin asks ---- */

spank_context_t spank_context(void)
{
	return mock_spank.context;
}

spank_err_t spank_get_item(spank_t spank, spank_item_t item, ...)
{
	va_list args;
	void *to;

	(void)spank;
	va_start(args, item);
	to = va_arg(args, void *);
	va_end(args);
	if (item == S_TASK_PID)
		memcpy(to, &mock_spank.pid, sizeof(mock_spank.pid));
	else if (item == S_JOB_STEPID)
		memcpy(to, &mock_spank.step, sizeof(mock_spank.step));
	else if (item == S_JOB_LOCAL_TASK_COUNT)
		memcpy(to, &mock_spank.tasks, sizeof(mock_spank.tasks));
	else if (item == S_TASK_ID)
		memcpy(to, &mock_spank.task, sizeof(mock_spank.task));
	else if (item == S_JOB_NNODES)
		memcpy(to, &mock_spank.nodes, sizeof(mock_spank.nodes));
	else if (item == S_JOB_ID && !mock_spank.refuses)
		memcpy(to, &mock_spank.job, sizeof(mock_spank.job));
	else
		return ESPANK_BAD_ARG;
	return ESPANK_SUCCESS;
}

spank_err_t spank_option_register(spank_t spank, struct spank_option *option)
{
	(void)spank;
	if (mock_spank.refuses)
		return ESPANK_ERROR;
	if (mock_spank.options == MOCK_SPANK_OPTIONS)
		abort();
	mock_spank.option[mock_spank.options++] = option;
	return ESPANK_SUCCESS;
}

struct spank_option *mock_spank_option(const char *name)
{
	for (int i = 0; i < mock_spank.options; i++)
		if (!strcmp(mock_spank.option[i]->name, name))
			return mock_spank.option[i];
	return NULL;
}

/* Slurm's own, which the plugin looks up. */
bool gres_use_local_device_index(void);
bool gres_use_local_device_index(void)
{
	return mock_spank.local;
}

/* ---- time ---- */

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
	mock_spank.slept_ms += (long)wanted->tv_sec * 1000 + wanted->tv_nsec / 1000000;
	if (!mock_spank.sleeps)
		return (int)syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, wanted, left);
	mock_spank.sleeps(mock_spank.slept_ms);
	return 0;
}

unsigned int sleep(unsigned int seconds)
{
	clock_skips += (time_t)seconds;
	return 0;
}

time_t time(time_t *at)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += clock_skips;
	if (at)
		*at = now.tv_sec;
	return now.tv_sec;
}

/* ---- libslurm ---- */

void slurm_init(const char *conf)
{
	(void)conf;
}

/* The job, behind another record of the same answer. */
static int answer(job_info_msg_t **info, uint32_t job)
{
	const char *other = "gpu:8(IDX:0-7)";
	slurm_job_info_t *jobs;

	mock_slurmctld.asked++;
	if (mock_slurmctld.away > 0) {
		mock_slurmctld.away--;
		errno = ESLURM_IN_STANDBY_MODE;
		return SLURM_ERROR;
	}
	if (!mock_slurmctld.knows) {
		errno = ESLURM_INVALID_JOB_ID;
		return SLURM_ERROR;
	}
	*info = calloc(1, sizeof(**info));
	jobs = calloc(2, sizeof(*jobs));
	if (!*info || !jobs)
		abort();
	(*info)->record_count = 2;
	(*info)->job_array = jobs;
	for (int i = 0; i < 2; i++) {
		jobs[i].job_id = i ? job : job + 1;
		jobs[i].job_state = i ? mock_slurmctld.state : JOB_RUNNING;
		jobs[i].restart_cnt = mock_slurmctld.restarts;
		jobs[i].nodes = (char *)mock_slurmctld.nodes;
		jobs[i].gres_detail_cnt = i ? 2 : 1;
		jobs[i].gres_detail_str =
			(char **)(i ? mock_slurmctld.gres : (const char **)&other);
	}
	return SLURM_SUCCESS;
}

#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0)
int slurm_load_job(job_info_msg_t **info, slurm_step_id_t job, uint16_t show)
{
	(void)show;
	return answer(info, job.job_id);
}
#else
int slurm_load_job(job_info_msg_t **info, uint32_t job, uint16_t show)
{
	(void)show;
	return answer(info, job);
}
#endif

void slurm_free_job_info_msg(job_info_msg_t *info)
{
	mock_slurmctld.freed++;
	free(info->job_array);
	free(info);
}

void slurm_init_update_node_msg(update_node_msg_t *update)
{
	memset(update, 0, sizeof(*update));
}

int slurm_update_node(update_node_msg_t *update)
{
	if (mock_slurmctld.refuses)
		return SLURM_ERROR;
	if (update->node_state == NODE_STATE_DRAIN)
		snprintf(mock_slurmctld.drained, sizeof(mock_slurmctld.drained), "%s",
			 update->node_names);
	snprintf(mock_slurmctld.reason, sizeof(mock_slurmctld.reason), "%s",
		 update->reason);
	return SLURM_SUCCESS;
}

/* Names between commas; no ranges. */
struct hostlist *slurm_hostlist_create(const char *text)
{
	return (struct hostlist *)strdup(text);
}

int slurm_hostlist_find(struct hostlist *list, const char *name)
{
	const char *at = (const char *)list;
	size_t length = strlen(name);

	for (int place = 0; at; place++) {
		size_t end = strcspn(at, ",");

		if (end == length && !strncmp(at, name, length))
			return place;
		at = at[end] ? at + end + 1 : NULL;
	}
	return -1;
}

void slurm_hostlist_destroy(struct hostlist *list)
{
	free(list);
}
