/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job_submit_gputopo.c - says at submission, in words, what could never run. Without it
 * such jobs are refused all the same, by Slurm's general message.
 *
 * slurm.conf: JobSubmitPlugins=gputopo (after others, so that their changes are seen).
 * What cannot be checked is let through: a job is refused for one reason only, that a
 * check of the table below says so.
 */
#include "plugin/slurm/compat.h"

#include <ctype.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugin/submit/job_places.h"
#include "plugin/submit/job_submit_mig.h"
#include "plugin/ctld/request/question.h"
#include "plugin/common/wish_text.h"
#include "plugin/slurm/job_env.h"

#define TYPE_MAX 64
#define TEXT_MAX 512

extern const char plugin_name[];
extern const char plugin_type[];
extern const uint32_t plugin_version;
int init(void);
GP_FINI_TYPE fini(void);
int job_submit(job_desc_msg_t *job, uint32_t uid, char **err_msg);
int job_modify(job_desc_msg_t *desc, job_record_t *job, uint32_t uid GP_MODIFY_MORE);

const char plugin_name[] = "gputopo's checks of submitted jobs";
const char plugin_type[] = "job_submit/gputopo";
const uint32_t plugin_version = SLURM_VERSION_NUMBER;

int init(void)
{
	return SLURM_SUCCESS;
}

GP_FINI_TYPE fini(void)
{
	GP_FINI_RETURN;
}

/* ---- what the job asks for
 * -------------------------------------------------------------
 */

/* GPUs of one TRES string, "gres:gpu:aa:2" or "cpu:4,gres/gpu=2". */
struct gpus {
	int count; /* 0: none; -1: several kinds, or not understood */
	long sum;  /* of all kinds; -1: not understood */
	char type[TYPE_MAX];
};

/* The number behind the last ':' or '='; 1 without one. -1: no number. */
static long read_number(const char *at, size_t len)
{
	char *end;
	long number;

	if (len == 0)
		return 1;
	number = strtol(at, &end, 10);
	return end == at + len && number > 0 && number <= INT_MAX ? number : -1;
}

/* One item without its "gres:" or "gres/". */
static void read_item(const char *item, size_t len, struct gpus *out)
{
	const char *last = item + len;
	size_t type;
	long number;

	if (len < 3 || strncmp(item, "gpu", 3) != 0 ||
	    (len > 3 && item[3] != ':' && item[3] != '='))
		return;
	item += len > 3 ? 4 : 3;
	/* TYPE:NUMBER, TYPE=NUMBER, NUMBER, TYPE or nothing */
	for (type = 0; item + type < last && !strchr(":=", item[type]); type++)
		;
	number = read_number(item, (size_t)(last - item));
	if (number > 0) {
		type = 0;
	} else {
		const char *rest = item + type < last ? item + type + 1 : last;

		number = read_number(rest, (size_t)(last - rest));
	}
	out->sum = number < 0 || out->sum < 0 ? -1 : out->sum + number;
	if (out->count || number < 0 || type >= sizeof(out->type)) {
		out->count = -1;
		return;
	}
	out->count = (int)number;
	memcpy(out->type, item, type);
	out->type[type] = '\0';
}

static struct gpus read_tres(const char *tres)
{
	struct gpus out = {0};

	for (const char *p = tres ? tres : ""; *p;) {
		size_t len = strcspn(p, ",;");

		if (len > 5 && (!strncmp(p, "gres:", 5) || !strncmp(p, "gres/", 5)))
			read_item(p + 5, len - 5, &out);
		p += len + (p[len] != '\0');
	}
	return out;
}

/* GPUs on each node; 0: none or not known beforehand. *type names them, "" for any. */
static int count_gpus(const job_desc_msg_t *job, long nodes, char type[TYPE_MAX])
{
	bool each = job->ntasks_per_node > 0 && job->ntasks_per_node < NO_VAL16;
	long tasks = job->num_tasks > 0 && job->num_tasks < NO_VAL
			     ? job->num_tasks
			     : nodes * (each ? job->ntasks_per_node : 1);
	struct gpus node = read_tres(job->tres_per_node);
	struct gpus all = read_tres(job->tres_per_job);
	struct gpus task = read_tres(job->tres_per_task);
	struct gpus socket = read_tres(job->tres_per_socket);
	struct gpus *one = all.count ? &all : node.count ? &node : &task;
	long count = one->count;

	if (socket.count || one->count < 0 || (all.count && node.count))
		return 0;
	if (one == &task)
		count *= tasks;
	if (one != &node)
		count = count % nodes == 0 ? count / nodes : 0;
	memcpy(type, one->type, TYPE_MAX);
	return count <= INT_MAX ? (int)count : 0;
}

/* GPUs of all kinds on each node; 0: none; -1: not known beforehand. */
static int sum_gpus(const job_desc_msg_t *job, long nodes)
{
	struct gpus all = read_tres(job->tres_per_job);
	struct gpus node = read_tres(job->tres_per_node);
	struct gpus task = read_tres(job->tres_per_task);
	struct gpus socket = read_tres(job->tres_per_socket);
	bool sockets = job->sockets_per_node > 0 && job->sockets_per_node < NO_VAL16;
	long sum = node.sum ? node.sum : all.sum / nodes;

	if (all.sum < 0 || node.sum < 0 || (all.sum && node.sum) || all.sum % nodes)
		return -1;
	if (!sum && (task.sum || (socket.sum && (!sockets || socket.sum < 0))))
		return -1;
	if (!sum && socket.sum)
		sum = socket.sum * job->sockets_per_node;
	return sum <= INT_MAX ? (int)sum : -1;
}

/* ---- checks
 * ----------------------------------------------------------------------------
 */

/* The select plugin of gputopo, if slurmctld has it loaded. */
static void *select_plugin(void)
{
	const char *dir = slurm_conf.plugindir ? slurm_conf.plugindir : "";

	for (;; dir++) {
		size_t len = strcspn(dir, ":");
		char path[PATH_MAX];
		void *handle = NULL;
		int n = snprintf(path, sizeof(path), "%.*s/select_cons_tres.so", (int)len,
				 dir);

		if (n > 0 && (size_t)n < sizeof(path))
			handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
		if (handle && dlsym(handle, GP_SUBMIT_SYMBOL))
			return handle;
		if (handle)
			dlclose(handle);
		dir += len;
		if (*dir == '\0')
			return NULL;
	}
}

/* What no command of ours or Slurm's sends. Forgeries are dropped without a word: the job
 * is a plain one without them. Where something would get lost that may be meant, the user
 * is told. */
static bool refuse_text(job_desc_msg_t *job, const struct gp_places *places, char *text,
			size_t size)
{
	struct gp_text_filter filter = {0};

	(void)places;
	gp_env_clean(job->spank_job_env, &job->spank_job_env_size, &filter);
	if (filter.opposed)
		snprintf(text, size, "gputopo: %s is given twice, with different values",
			 filter.name);
	else if (filter.large)
		snprintf(text, size,
			 "gputopo: the job's SPANK environment is too large: at most %d "
			 "entries of %d bytes each, %d bytes in all",
			 GP_TEXT_OTHERS_MAX, GP_TEXT_OTHER_MAX, GP_TEXT_ALL_MAX);
	return filter.opposed || filter.large;
}

/* --gpu-groups that the job's GPUs do not make; --gpu-topo=ring and --gpu-min-busbw that
 * could never be met. */
static bool refuse_wish(job_desc_msg_t *job, const struct gp_places *places, char *text,
			size_t size)
{
	char type[TYPE_MAX];
	struct gp_question question = {
		.size = sizeof(question),
		.places = *places,
		.count = count_gpus(job, places->least, type),
		.sum = sum_gpus(job, places->least),
		.type = type,
		.several = places->least > 1 ||
			   (job->max_nodes > 1 && job->max_nodes < NO_VAL),
		.env = job->spank_job_env,
		.env_size = job->spank_job_env_size,
	};
	bool refused = false;
	gp_submit_fn *ask;
	void *handle, *symbol;

	if (!job->spank_job_env)
		return false;
	handle = select_plugin();
	if (!handle)
		return false;
	symbol = dlsym(handle, GP_SUBMIT_SYMBOL);
	memcpy(&ask, &symbol, sizeof(ask));
	refused = ask(&question, text, size);
	dlclose(handle);
	return refused;
}

/* --mig, and shards of nodes that give away slices. */
static bool refuse_mig(job_desc_msg_t *job, const struct gp_places *places, char *text,
		       size_t size)
{
	void *handle = select_plugin(), *symbol = NULL;
	gp_mig_submit_fn *ask = NULL;
	bool refused;

	if (handle)
		symbol = dlsym(handle, GP_MIG_SUBMIT_SYMBOL);
	memcpy(&ask, &symbol, sizeof(ask));
	refused = gp_submit_mig(job, places, ask, text, size);
	if (handle)
		dlclose(handle);
	return refused;
}

/* Each says whether the job is refused and why; the first that does ends the walk. */
static const struct {
	bool (*refuses)(job_desc_msg_t *job, const struct gp_places *places, char *text,
			size_t size);
	int code;
} checks[] = {
	{refuse_text, ESLURM_NOT_SUPPORTED},
	{refuse_mig, ESLURM_INVALID_GRES},
	{refuse_wish, ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE},
};

static void say(char **err_msg, const char *text)
{
	if (!err_msg || *err_msg)
		return;
	*err_msg = try_xmalloc(strlen(text) + 1);
	if (*err_msg)
		strcpy(*err_msg, text);
}

/* A held job is not tried, and its wish is to be seen all the same. */
static void show_wish(job_desc_msg_t *job)
{
	static const char mark[] = "gputopo: ";
	char text[256];

	if (job->admin_comment ||
	    !gp_wish_text(job->spank_job_env, job->spank_job_env_size, text,
			  sizeof(text)))
		return;
	job->admin_comment = try_xmalloc(sizeof(mark) + strlen(text));
	if (job->admin_comment)
		sprintf(job->admin_comment, "%s%s", mark, text);
}

static bool asks_for_gres(const job_desc_msg_t *job)
{
	return job->tres_per_job || job->tres_per_node || job->tres_per_socket ||
	       job->tres_per_task;
}

int job_submit(job_desc_msg_t *job, uint32_t uid, char **err_msg)
{
	char text[TEXT_MAX] = "";
	struct gp_places places;
	int rc = SLURM_SUCCESS;

	(void)uid;
	/* Jobs that ask for no GPU and no shard are not looked at. */
	if (!job->spank_job_env && !asks_for_gres(job))
		return SLURM_SUCCESS;
	gp_places_read(job, &places);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (!checks[i].refuses(job, &places, text, sizeof(text)))
			continue;
		rc = checks[i].code;
		break;
	}
	/* of a job that is taken: what the user should know */
	if (*text)
		say(err_msg, text);
	if (rc == SLURM_SUCCESS)
		show_wish(job);
	gp_places_free(&places);
	return rc;
}

int job_modify(job_desc_msg_t *desc, job_record_t *job, uint32_t uid GP_MODIFY_MORE)
{
	char text[TEXT_MAX] = "";

	(void)uid;
	if (!gp_modify_mig(desc, job, text, sizeof(text)))
		return SLURM_SUCCESS;
	GP_MODIFY_SAY(text);
	return ESLURM_INVALID_GRES;
}
