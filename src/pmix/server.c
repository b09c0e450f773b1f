/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A PMIx server for the ranks of one job on one node, and the ranks themselves. */
#include "config.h"

#include "pmix/pmix.h"
#include "conf/compact.h"
#include "rank/pmix_keys.h"
#include "rank/rank_groups.h"

#include <errno.h>
#include <pthread.h>
#include <pmix.h>
#include <pmix_server.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What src/rank/pmix_keys.h says of the ABI, since here the library's own header is
 * known.
 */
_Static_assert(sizeof(struct gp_pmix_proc) == sizeof(pmix_proc_t), "pmix_proc_t");
_Static_assert(offsetof(struct gp_pmix_proc, rank) == offsetof(pmix_proc_t, rank),
	       "rank");
_Static_assert(sizeof(struct gp_pmix_value) == sizeof(pmix_value_t), "pmix_value_t");
_Static_assert(offsetof(struct gp_pmix_value, data) == offsetof(pmix_value_t, data),
	       "data");
_Static_assert(sizeof(struct gp_pmix_array) == sizeof(pmix_data_array_t), "array");
_Static_assert(offsetof(struct gp_pmix_array, array) ==
		       offsetof(pmix_data_array_t, array),
	       "array");
_Static_assert(GP_PMIX_NSPACE_SIZE == PMIX_MAX_NSLEN + 1, "PMIX_MAX_NSLEN");
_Static_assert(GP_PMIX_STRING == PMIX_STRING && GP_PMIX_FLOAT == PMIX_FLOAT &&
		       GP_PMIX_DATA_ARRAY == PMIX_DATA_ARRAY,
	       "types");
_Static_assert(GP_PMIX_RANK_WILDCARD == PMIX_RANK_WILDCARD, "PMIX_RANK_WILDCARD");

#define MAX_INFO 32

/* The ranks, for PMIx_Abort, which comes in a thread of the library. */
static struct {
	pthread_mutex_t lock;
	pid_t pid[PMIX_RANKS_MAX];
	int count;
	int aborted; /* the status of the first PMIx_Abort, 0: none */
} ranks = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void kill_ranks(int signal)
{
	for (int r = 0; r < ranks.count; r++)
		if (ranks.pid[r] > 0)
			kill(ranks.pid[r], signal);
}

/* ---- what the library asks of us ------------------------------------------------------
 */

static pmix_status_t on_connected(const pmix_proc_t *proc, void *object,
				  pmix_info_t info[], size_t count,
				  pmix_op_cbfunc_t answer, void *data)
{
	(void)proc, (void)object, (void)info, (void)count;
	if (answer)
		answer(PMIX_SUCCESS, data);
	return PMIX_SUCCESS;
}

static pmix_status_t on_finalized(const pmix_proc_t *proc, void *object,
				  pmix_op_cbfunc_t answer, void *data)
{
	(void)proc, (void)object;
	if (answer)
		answer(PMIX_SUCCESS, data);
	return PMIX_SUCCESS;
}

static pmix_status_t on_abort(const pmix_proc_t *proc, void *object, int status,
			      const char message[], pmix_proc_t procs[], size_t count,
			      pmix_op_cbfunc_t answer, void *data)
{
	(void)object, (void)procs, (void)count;
	cli_say("rank %u aborts with %d: %s", (unsigned)proc->rank, status,
		message ? message : "");
	pthread_mutex_lock(&ranks.lock);
	if (!ranks.aborted)
		ranks.aborted = status ? status : 1;
	kill_ranks(SIGTERM);
	pthread_mutex_unlock(&ranks.lock);
	if (answer)
		answer(PMIX_SUCCESS, data);
	return PMIX_SUCCESS;
}

/* All ranks are here: what they gave is what they get. */
static pmix_status_t on_fence(const pmix_proc_t procs[], size_t count,
			      const pmix_info_t info[], size_t infos, char *given,
			      size_t size, pmix_modex_cbfunc_t answer, void *data)
{
	(void)procs, (void)count, (void)info, (void)infos;
	if (answer)
		answer(PMIX_SUCCESS, given, size, data, free, given);
	return PMIX_SUCCESS;
}

/* There is no other node that could know. */
static pmix_status_t on_modex(const pmix_proc_t *proc, const pmix_info_t info[],
			      size_t count, pmix_modex_cbfunc_t answer, void *data)
{
	(void)proc, (void)info, (void)count, (void)answer, (void)data;
	return PMIX_ERR_NOT_FOUND;
}

static pmix_server_module_t module = {
	.client_connected2 = on_connected,
	.client_finalized = on_finalized,
	.abort = on_abort,
	.fence_nb = on_fence,
	.direct_modex = on_modex,
};

/* Wait for an operation that answers by a callback. */
struct wait {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool answered;
	pmix_status_t status;
};

static void on_answer(pmix_status_t status, void *data)
{
	struct wait *wait = data;

	pthread_mutex_lock(&wait->lock);
	wait->status = status;
	wait->answered = true;
	pthread_cond_signal(&wait->done);
	pthread_mutex_unlock(&wait->lock);
}

static struct wait wait_new(void)
{
	return (struct wait){.lock = PTHREAD_MUTEX_INITIALIZER,
			     .done = PTHREAD_COND_INITIALIZER};
}

static pmix_status_t wait_for(struct wait *wait, pmix_status_t started)
{
	if (started == PMIX_OPERATION_SUCCEEDED)
		return PMIX_SUCCESS;
	if (started != PMIX_SUCCESS)
		return started;
	pthread_mutex_lock(&wait->lock);
	while (!wait->answered)
		pthread_cond_wait(&wait->done, &wait->lock);
	pthread_mutex_unlock(&wait->lock);
	return wait->status;
}

/* ---- the job as PMIx describes it -----------------------------------------------------
 */

struct list {
	pmix_info_t *info; /* MAX_INFO of them, or one a rank more */
	size_t count;
};

static void add(struct list *list, const char *key, const void *value,
		pmix_data_type_t type)
{
	PMIX_INFO_LOAD(&list->info[list->count], key, value, type);
	list->count++;
}

static void add_number(struct list *list, const char *key, uint32_t value)
{
	add(list, key, &value, PMIX_UINT32);
}

/* The GPUs that a rank is meant for; returns how many, 0: nobody can say. */
static int gpus_of(const struct pmix_job *job, int rank, int own[GP_RANK_GPUS])
{
	return gp_facts_expect(&job->facts, job->ring ? job->facts.ring : job->facts.gpu,
			       rank, job->ranks, own);
}

/* The only one of a rank, or -1. */
static int gpu_of(const struct pmix_job *job, int rank)
{
	int own[GP_RANK_GPUS];

	return gpus_of(job, rank, own) == 1 && job->ranks == job->facts.count ? own[0]
									      : -1;
}

/* How far a device is: 0 itself, then by the path as nvidia-smi names it, nearest first.
 */
static uint16_t distance(const struct gt_node *node, int from, int to)
{
	return from == to ? 0 : (uint16_t)gt_node_path(node, from, to);
}

/* PMIX_DEVICE_DISTANCES: from the place of the rank's own GPU to each GPU of the job. */
static void add_distances(struct list *list, const struct pmix_job *job, int own)
{
	pmix_device_distance_t device[GP_RANK_GPUS];
	char name[GP_RANK_GPUS][32];
	pmix_data_array_t array = {PMIX_DEVICE_DIST, (size_t)job->facts.count, device};

	memset(device, 0, sizeof(device));
	for (int i = 0; i < job->facts.count; i++) {
		const struct gt_gpu *gpu = gt_node_gpu(job->node, job->facts.gpu[i]);

		snprintf(name[i], sizeof(name[i]), "gpu%d", job->facts.gpu[i]);
		device[i].osname = name[i];
		device[i].uuid = gpu->uuid[0] ? (char *)(uintptr_t)gpu->uuid : name[i];
		device[i].type = PMIX_DEVTYPE_GPU;
		device[i].mindist = distance(job->node, own, job->facts.gpu[i]);
		device[i].maxdist = device[i].mindist;
	}
	add(list, PMIX_DEVICE_DISTANCES, &array, PMIX_DATA_ARRAY);
}

static void add_rank(struct list *list, const struct pmix_job *job, int rank)
{
	pmix_info_t info[MAX_INFO];
	struct list of_rank = {info, 0};
	pmix_rank_t number = (pmix_rank_t)rank;
	uint16_t local = (uint16_t)rank;
	int own = gpu_of(job, rank);
	pmix_data_array_t array;
	char name[32];

	add(&of_rank, PMIX_RANK, &number, PMIX_PROC_RANK);
	add_number(&of_rank, PMIX_APPNUM, 0);
	add(&of_rank, PMIX_APP_RANK, &number, PMIX_PROC_RANK);
	add(&of_rank, PMIX_GLOBAL_RANK, &number, PMIX_PROC_RANK);
	add(&of_rank, PMIX_LOCAL_RANK, &local, PMIX_UINT16);
	add(&of_rank, PMIX_NODE_RANK, &local, PMIX_UINT16);
	add_number(&of_rank, PMIX_NODEID, 0);
	if (own >= 0) {
		const struct gt_gpu *gpu = gt_node_gpu(job->node, own);

		snprintf(name, sizeof(name), "gpu%d", own);
		add(&of_rank, PMIX_DEVICE_ID, gpu->uuid[0] ? gpu->uuid : name,
		    PMIX_STRING);
		add_distances(&of_rank, job, own);
	}
	array = (pmix_data_array_t){PMIX_INFO, of_rank.count, info};
	add(list, PMIX_PROC_DATA, &array, PMIX_DATA_ARRAY);
	for (size_t i = 0; i < of_rank.count; i++)
		PMIX_INFO_DESTRUCT(&info[i]);
}

/* "0,1,2": all ranks are on the one node. */
static char *rank_list(int count)
{
	char *text = malloc((size_t)count * 5 + 1);
	size_t used = 0;

	for (int r = 0; text && r < count; r++)
		used += (size_t)sprintf(text + used, "%s%d", r ? "," : "", r);
	return text;
}

static void add_maps(struct list *list, const char *host, const char *peers)
{
	char *nodes = NULL, *procs = NULL;

	if (PMIx_generate_regex(host, &nodes) == PMIX_SUCCESS)
		add(list, PMIX_NODE_MAP, nodes, PMIX_REGEX);
	if (PMIx_generate_ppn(peers, &procs) == PMIX_SUCCESS)
		add(list, PMIX_PROC_MAP, procs, PMIX_REGEX);
	free(nodes);
	free(procs);
}

static pmix_status_t describe_job(const struct pmix_job *job, const char *nspace,
				  const char *dir)
{
	struct list list = {calloc((size_t)job->ranks + MAX_INFO, sizeof(*list.info)), 0};
	char *peers = rank_list(job->ranks), host[256] = "localhost";
	struct wait wait = wait_new();
	pmix_rank_t leader = 0;
	pmix_status_t rc = PMIX_ERR_NOMEM;

	if (!list.info || !peers)
		goto done;
	gethostname(host, sizeof(host) - 1);
	add_number(&list, PMIX_UNIV_SIZE, (uint32_t)job->ranks);
	add_number(&list, PMIX_JOB_SIZE, (uint32_t)job->ranks);
	add_number(&list, PMIX_APP_SIZE, (uint32_t)job->ranks);
	add_number(&list, PMIX_LOCAL_SIZE, (uint32_t)job->ranks);
	add_number(&list, PMIX_NODE_SIZE, (uint32_t)job->ranks);
	add_number(&list, PMIX_MAX_PROCS, (uint32_t)job->ranks);
	add_number(&list, PMIX_JOB_NUM_APPS, 1);
	add_number(&list, PMIX_NUM_NODES, 1);
	add(&list, PMIX_JOBID, nspace, PMIX_STRING);
	add(&list, PMIX_LOCAL_PEERS, peers, PMIX_STRING);
	add(&list, PMIX_LOCALLDR, &leader, PMIX_PROC_RANK);
	add(&list, PMIX_TMPDIR, dir, PMIX_STRING);
	add(&list, PMIX_NSDIR, dir, PMIX_STRING);
	add_maps(&list, host, peers);
	for (int r = 0; r < job->ranks; r++)
		add_rank(&list, job, r);
	rc = wait_for(&wait, PMIx_server_register_nspace(nspace, job->ranks, list.info,
							 list.count, on_answer, &wait));
done:
	for (size_t i = 0; i < list.count; i++)
		PMIX_INFO_DESTRUCT(&list.info[i]);
	free(list.info);
	free(peers);
	return rc;
}

/* The same keys by the same way as under Slurm. */
static int store(const struct gp_pmix_proc *proc, const char *key,
		 struct gp_pmix_value *value)
{
	return PMIx_Store_internal((const pmix_proc_t *)(const void *)proc, key,
				   (pmix_value_t *)(void *)value);
}

static void store_keys(const struct pmix_job *job, const char *nspace)
{
	gp_pmix_store_node(store, &job->facts, nspace);
	for (int r = 0; r < job->ranks; r++) {
		int own[GP_RANK_GPUS], count = gpus_of(job, r, own);

		if (count > 0)
			gp_pmix_store_task(store, &job->facts, job->node, own, count,
					   nspace, (uint32_t)r);
	}
}

/* ---- the ranks ------------------------------------------------------------------------
 */

static void set_facts(const struct pmix_job *job, int rank)
{
	char list[GP_FACT_TEXT];
	int own[GP_RANK_GPUS], count = gpus_of(job, rank, own);
	struct gp_fact fact;

	for (int id = 0; id < GP_FACTS; id++)
		if (id < GP_NODE_FACTS
			    ? gp_facts_get(&job->facts, (enum gp_fact_id)id, &fact)
			    : gp_facts_of_task(&job->facts, job->node, own, count,
					       (enum gp_fact_id)id, &fact))
			setenv(gp_fact_names[id].env, fact.text, 1);
	setenv(GP_ENV_ORDER, job->ring ? "ring" : "index", 1);
	/* see ask_by_name in plugin/node/rank/rank_env.c */
	if (getenv(GP_PMIX_STORES) && strstr(getenv(GP_PMIX_STORES), "shmem"))
		setenv(GP_PMIX_STORES, "hash", 1);
	/* Open MPI 4 takes a launcher that it doesn't know for none, and each rank for a
	 * job of its own; later ones ask PMIx */
	setenv("OMPI_MCA_schizo", "^orte", 0);
	setenv("OMPI_MCA_ess", "pmi", 0);
	setenv("CUDA_VISIBLE_DEVICES",
	       gp_list_write(job->ring ? job->facts.ring : job->facts.gpu,
			     job->facts.count, list, sizeof(list)),
	       1);
}

/* In the child: become the rank. */
static void become_rank(const struct pmix_job *job, char **env, int rank)
{
	extern char **environ;

	environ = env;
	set_facts(job, rank);
	execvp(job->program[0], job->program);
	cli_say("%s: %s", job->program[0], strerror(errno));
	_exit(127);
}

static void free_env(char **env)
{
	for (char **e = env; e && *e; e++)
		free(*e);
	free(env);
}

/* Our environment, in memory that the library may enlarge. */
static char **copy_env(void)
{
	extern char **environ;
	size_t count = 0;
	char **env;

	while (environ[count])
		count++;
	env = calloc(count + 1, sizeof(*env));
	for (size_t i = 0; env && i < count; i++)
		env[i] = strdup(environ[i]);
	return env;
}

static bool start_rank(const struct pmix_job *job, const char *nspace, int rank)
{
	struct wait wait = wait_new();
	char **env = copy_env();
	pmix_proc_t proc;
	pmix_status_t rc;
	pid_t pid;

	PMIX_LOAD_PROCID(&proc, nspace, (pmix_rank_t)rank);
	rc = wait_for(&wait, PMIx_server_register_client(&proc, geteuid(), getegid(),
							 NULL, on_answer, &wait));
	if (rc == PMIX_SUCCESS)
		rc = PMIx_server_setup_fork(&proc, &env);
	if (rc != PMIX_SUCCESS) {
		cli_say("rank %d: %s", rank, PMIx_Error_string(rc));
		free_env(env);
		return false;
	}
	pid = fork();
	if (pid == 0)
		become_rank(job, env, rank);
	free_env(env);
	if (pid < 0)
		cli_say("rank %d: %s", rank, strerror(errno));
	else
		ranks.pid[rank] = pid;
	return pid > 0;
}

static int status_of(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return 128 + WTERMSIG(wait_status);
	return WEXITSTATUS(wait_status);
}

/* Wait for all. A rank that fails ends the others, as srun --kill-on-bad-exit does: they
 * may be waiting for it for ever. */
static int reap(void)
{
	int status = 0, wait_status;
	pid_t pid;

	while ((pid = wait(&wait_status)) > 0 || errno == EINTR) {
		pthread_mutex_lock(&ranks.lock);
		for (int r = 0; pid > 0 && r < ranks.count; r++)
			if (ranks.pid[r] == pid)
				ranks.pid[r] = 0;
		if (pid > 0 && status == 0)
			status = status_of(wait_status);
		if (status)
			kill_ranks(SIGTERM);
		pthread_mutex_unlock(&ranks.lock);
	}
	return status ? status : ranks.aborted & 0xff;
}

static int run_ranks(const struct pmix_job *job, const char *nspace)
{
	int status = CLI_DONE;

	ranks.count = job->ranks;
	for (int r = 0; r < job->ranks && status == CLI_DONE; r++)
		if (!start_rank(job, nspace, r)) {
			kill_ranks(SIGTERM);
			status = CLI_FAILED;
		}
	if (status != CLI_DONE)
		reap();
	else
		status = reap();
	return status;
}

static void remove_dir(const char *dir)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		cli_say("%s could not be removed", dir);
}

/* The model's hash as under Slurm; 0 for a model that has none. */
static uint64_t hash_of(const struct gt_node *node)
{
	char word[GP_COMPACT_MAX];

	if (!gp_compact_write(node, word, sizeof(word)))
		return 0;
	return gp_compact_hash(word, strlen(word));
}

int pmix_serve(const struct pmix_job *given)
{
	struct pmix_job job = *given;
	char dir[] = "/tmp/gputopo-pmix.XXXXXX", nspace[GP_PMIX_NSPACE_SIZE] = "";
	pmix_info_t info[2];
	struct list list = {info, 0};
	char sizes[GT_GROUPS_TEXT_MAX];
	struct gt_geometry groups;
	pmix_status_t rc;
	int status = CLI_FAILED;

	if (!mkdtemp(dir)) {
		cli_say("%s: %s", dir, strerror(errno));
		return CLI_FAILED;
	}
	gp_facts_make(&job.facts, job.node, &job.gpus, hash_of(job.node));
	gt_groups_format(&job.groups, sizes, sizeof(sizes));
	if (gp_groups_find(&groups, job.node, &job.gpus, sizes, gt_comm_name(job.comm)))
		gp_facts_group(&job.facts, &groups);
	snprintf(nspace, sizeof(nspace), "gputopo.%ld", (long)getpid());
	add(&list, PMIX_SERVER_TMPDIR, dir, PMIX_STRING);
	add(&list, PMIX_SYSTEM_TMPDIR, dir, PMIX_STRING);
	rc = PMIx_server_init(&module, info, list.count);
	if (rc == PMIX_SUCCESS) {
		rc = describe_job(&job, nspace, dir);
		if (rc == PMIX_SUCCESS) {
			store_keys(&job, nspace);
			status = run_ranks(&job, nspace);
		}
		PMIx_server_finalize();
	}
	if (rc != PMIX_SUCCESS)
		cli_say("the PMIx server: %s", PMIx_Error_string(rc));
	PMIX_INFO_DESTRUCT(&info[0]);
	PMIX_INFO_DESTRUCT(&info[1]);
	remove_dir(dir);
	return status;
}
