/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rank_env.c - read a step through SPANK, order its GPUs and write the environment of
 * its tasks. Called by spank_gputopo.c in slurmstepd and in each task.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/compact.h"
#include "rank/node_conf.h"
#include "rank/node_model.h"
#include "rank/pmix_relay.h"
#include "plugin/node/rank/rank_env.h"
#include "rank/rank_groups.h"
#include "rank/rank_near.h"
#include "rank/rank_order.h"

#define MAX_TASKS	   1024 /* of a step on one node; nearness and keys beyond: none */
#define LIST_MAX	   1024 /* a device list that we understand */
#define EXTERN_STEP	   0xfffffffc
#define FIRST_SPECIAL_STEP 0xfffffff0 /* batch, interactive */

/* Where programs look for their devices. Slurm writes those of the GPU's vendor. */
static const char *const device_lists[] = {
	"CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES",
	"ZE_AFFINITY_MASK",	"GPU_DEVICE_ORDINAL",
};
#define DEVICE_LISTS (sizeof(device_lists) / sizeof(device_lists[0]))

/* Memory of slurmstepd and its tasks together. */
struct shared {
	atomic_int forked; /* tasks with an entry in near */
	struct gt_mask near[MAX_TASKS];
	atomic_int stored; /* PMIx keys of all tasks */
};

/* The step that this slurmstepd runs. */
static struct {
	bool active;
	bool listed; /* the devices have the list that Slurm makes */
	bool ring;
	pid_t stepd;
	int tasks;
	struct gp_node_model model;
	struct gp_facts facts;
	struct gt_mask gpus;	    /* the model's numbers */
	int number[GP_RANK_GPUS];   /* Slurm's, in its order */
	char gpu_list[LIST_MAX];    /* the same, as text */
	char device_list[LIST_MAX]; /* what every task is shown without binding */
	char nccl_nics[LIST_MAX];   /* for NCCL_IB_HCA; "": it stays as it is */
	char ucx_nics[LIST_MAX];    /* for UCX_NET_DEVICES */
	bool local_numbers;	    /* devices count from 0 in what the step may use */
	bool named;		    /* the list has UUIDs: Flags=env_uuid of gres.conf */
	bool apart;		    /* a task may not be able to open another's device */
	struct gp_cpus cpus;
	struct shared *shared;
	struct gp_relay relay;
} step;

/* ---- reading --------------------------------------------------------------------------
 */

static bool get(spank_t spank, const char *name, char *buf, size_t size)
{
	buf[0] = '\0';
	return spank_getenv(spank, name, buf, (int)size) == ESPANK_SUCCESS;
}

static bool get_number(spank_t spank, spank_item_t item, uint32_t *number)
{
	return spank_get_item(spank, item, number) == ESPANK_SUCCESS;
}

/* The one list that all device variables have; false if they differ or there is none. */
static bool get_devices(spank_t spank, char *list, size_t size)
{
	char value[LIST_MAX];

	list[0] = '\0';
	for (size_t i = 0; i < DEVICE_LISTS; i++) {
		if (!get(spank, device_lists[i], value, sizeof(value)))
			continue;
		if (list[0] && strcmp(list, value) != 0)
			return false;
		snprintf(list, size, "%s", value);
	}
	return list[0] != '\0';
}

/* What an earlier step, or the batch script, has left. */
static void forget(spank_t spank)
{
	char old[2];

	for (int id = 0; id < GP_FACTS; id++)
		if (spank_getenv(spank, gp_fact_names[id].env, old, sizeof(old)) !=
		    ESPANK_ENV_NOEXIST)
			spank_unsetenv(spank, gp_fact_names[id].env);
	if (spank_getenv(spank, GP_ENV_ORDER, old, sizeof(old)) != ESPANK_ENV_NOEXIST)
		spank_unsetenv(spank, GP_ENV_ORDER);
	if (spank_getenv(spank, GP_ENV_LOCAL, old, sizeof(old)) != ESPANK_ENV_NOEXIST)
		spank_unsetenv(spank, GP_ENV_LOCAL);
}

static void load_model(spank_t spank, const char *conf)
{
	char models[GP_MODELS_MAX], dir[4096], name[256];

	gp_node_conf_dir(dir, sizeof(dir));
	gp_node_name(name, sizeof(name));
	gp_node_model_load(&step.model, conf ? conf : dir, name,
			   get(spank, GP_ENV_MODELS, models, sizeof(models)) ? models
									     : NULL);
	if (step.model.message[0])
		slurm_info("gputopo: %s", step.model.message);
}

/* Slurm's numbers of the step's GPUs, and the model's. */
static bool read_gpus(void)
{
	int count = gp_list_parse(step.gpu_list, step.number, GP_RANK_GPUS);

	for (int i = 0; i < count; i++) {
		int gpu = step.model.to_model[step.number[i]];

		if (gpu >= gt_node_size(step.model.node))
			return false;
		gt_mask_set(&step.gpus, gpu);
	}
	return count > 0;
}

static void fill_facts(const struct gp_ranks_options *options)
{
	struct gt_geometry groups;
	int count = gt_mask_count(&step.gpus);

	gp_facts_make(&step.facts, step.model.node, &step.gpus, step.model.hash);
	if (gp_groups_find(&groups, step.model.node, &step.gpus, options->groups,
			   options->comm))
		gp_facts_group(&step.facts, &groups);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < count; j++)
			if (step.model.to_model[step.number[j]] == step.facts.gpu[i])
				step.facts.shown[i] = step.number[j];
}

/* Programs are told the NICs near to any of the step's GPUs, all tasks the same: NCCL
 * wants one list on a node, and finds the nearest in it. A name that the node does not
 * have would leave them without network. */
static void find_nics(const char *sysfs)
{
	const struct gt_node *node = step.model.node;
	char path[512];

	for (int i = 0; i < gt_node_nic_count(node); i++) {
		const struct gt_nic *nic = gt_node_nic(node, i);

		snprintf(path, sizeof(path), "%s/class/infiniband/%s", sysfs, nic->name);
		if (!gt_mask_meets(&nic->near, &step.gpus) || access(path, F_OK) == 0)
			continue;
		slurm_info("gputopo: --gpu-nics=bind: the node has no RDMA device %s, "
			   "which its topology names: NCCL and UCX choose themselves",
			   nic->name);
		return;
	}
	gp_facts_near_nics(node, &step.gpus, "=", "", step.nccl_nics, LIST_MAX);
	gp_facts_near_nics(node, &step.gpus, "", ":1", step.ucx_nics, LIST_MAX);
	if (!step.nccl_nics[0])
		slurm_info("gputopo: --gpu-nics=bind: the topology of the node names no "
			   "NICs near to GPUs %s",
			   step.gpu_list);
}

/* What the user has set stays. */
static void bind_nics(spank_t spank)
{
	if (step.nccl_nics[0])
		spank_setenv(spank, "NCCL_IB_HCA", step.nccl_nics, 0);
	if (step.ucx_nics[0])
		spank_setenv(spank, "UCX_NET_DEVICES", step.ucx_nics, 0);
}

/* Slurm's answer to "do device numbers count from 0 in what the step may use?": so they
 * do where it keeps devices apart (ConstrainDevices), and then no task could open
 * another's. Where nobody can be asked the careful answer is yes. */
static bool ask_slurm(void)
{
	void *at = dlsym(RTLD_DEFAULT, "gres_use_local_device_index");
	bool (*local)(void);

	if (!at)
		return true;
	memcpy(&local, &at, sizeof(local));
	return local();
}

/* The places in the step's device list of what this list names; 0: it names others. */
static int find_names(const char *list, int *place)
{
	int count = 0;

	for (size_t len; *list; list += len + (list[len] == ',')) {
		const char *at = step.device_list;
		size_t own = strcspn(at, ",");
		int i = 0;

		len = strcspn(list, ",");
		if (strncmp(list, "GPU-", 4) != 0 || count == GP_RANK_GPUS)
			return 0;
		for (; own != len || strncmp(at, list, len) != 0; i++) {
			if (!at[own])
				return 0;
			at += own + 1;
			own = strcspn(at, ",");
		}
		place[count++] = i;
	}
	return count;
}

/* The numbers that a device list has; 0: it has none that we know. */
static int parse_devices(const char *list, int *devices)
{
	int count;

	if (!step.named)
		return gp_list_parse(list, devices, GP_RANK_GPUS);
	count = find_names(list, devices);
	for (int i = 0; i < count; i++)
		devices[i] = step.number[devices[i]];
	return count;
}

/* The names of these numbers. */
static void write_names(const int *devices, int count, char *list, size_t size)
{
	size_t used = 0;

	list[0] = '\0';
	for (int i = 0; i < count && used < size; i++) {
		const char *at = step.device_list;

		for (int place = 0;
		     step.number[place] != devices[i] && at[strcspn(at, ",")]; place++)
			at += strcspn(at, ",") + 1;
		used += (size_t)snprintf(list + used, size - used, "%s%.*s", i ? "," : "",
					 (int)strcspn(at, ","), at);
	}
}

/* UUIDs, one for each of the step's GPUs and in their order. */
static bool are_names(void)
{
	int place[GP_RANK_GPUS];
	int count = find_names(step.device_list, place);

	for (int i = 0; i < count; i++)
		if (place[i] != i)
			return false;
	return count > 0 && count == gt_mask_count(&step.gpus);
}

/* How the device list names the step's GPUs; false: in no way that we know. */
static bool read_devices(void)
{
	bool global = strcmp(step.device_list, step.gpu_list) == 0;
	int devices[GP_RANK_GPUS];
	int count = gp_list_parse(step.device_list, devices, GP_RANK_GPUS);
	bool local = count == gt_mask_count(&step.gpus);

	for (int i = 0; i < count; i++)
		local = local && devices[i] == i;
	step.local_numbers = global && local ? ask_slurm() : local;
	step.named = !global && !local && are_names();
	step.apart = step.named ? ask_slurm() : step.local_numbers;
	return global || local || step.named;
}

/* ---- slurmstepd -----------------------------------------------------------------------
 */

static void start_relay(void)
{
	gp_pmix_store_fn *store = gp_pmix_find();

	if (!store || !step.shared || getpid() != step.stepd)
		return;
	step.relay = (struct gp_relay){
		.store = store,
		.facts = &step.facts,
		.node = step.model.node,
		.stored = &step.shared->stored,
		.tasks = step.tasks,
	};
	if (!gp_relay_start(&step.relay))
		slurm_info("gputopo: no PMIx keys: %m");
}

static void share_memory(void)
{
	void *at = mmap(NULL, sizeof(*step.shared), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	step.shared = at == MAP_FAILED ? NULL : at;
}

/* The step's GPUs; a batch script and its like have the job's. */
static bool get_gpus(spank_t spank, uint32_t id)
{
	return get(spank, id >= FIRST_SPECIAL_STEP ? "SLURM_JOB_GPUS" : "SLURM_STEP_GPUS",
		   step.gpu_list, LIST_MAX);
}

void gp_ranks_begin(spank_t spank, const struct gp_ranks_options *options)
{
	uint32_t id = 0, tasks = 0;

	if (!get_number(spank, S_JOB_STEPID, &id) || id == EXTERN_STEP)
		return;
	forget(spank);
	if (!get_number(spank, S_JOB_LOCAL_TASK_COUNT, &tasks) || tasks < 1 ||
	    !get_gpus(spank, id))
		return;
	step.tasks = (int)tasks;
	step.ring = options->ring;
	step.stepd = options->stepd;
	load_model(spank, options->conf);
	if (!step.model.node || !read_gpus())
		return;
	step.listed = get_devices(spank, step.device_list, LIST_MAX) && read_devices();
	fill_facts(options);
	if (options->bind_nics)
		find_nics(options->sysfs);
	gp_cpus_read(&step.cpus, options->sysfs);
	share_memory();
	step.active = true;
	start_relay();
}

/* The ranks' cores are known: groups near them, in slurmstepd as in every task. */
static void settle_groups(void)
{
	struct gt_geometry groups = step.facts.groups;
	struct gt_mask near[GP_RANK_GPUS];
	struct gp_step what = {.gpus = step.gpus, .tasks = step.tasks};

	if (!step.ring || groups.count < 1 || !step.shared ||
	    atomic_load(&step.shared->forked) != step.tasks)
		return;
	what.near = step.shared->near;
	if (!gp_near_places(&what, near))
		return;
	gp_groups_near(&groups, step.model.node, near);
	gp_facts_group(&step.facts, &groups);
}

void gp_ranks_forked(spank_t spank)
{
	uint32_t task = 0;
	pid_t pid = 0;
	cpu_set_t cpus;

	if (!step.active || !step.shared || !get_number(spank, S_TASK_ID, &task))
		return;
	if (task < MAX_TASKS && spank_get_item(spank, S_TASK_PID, &pid) == 0 && pid > 0 &&
	    sched_getaffinity(pid, sizeof(cpus), &cpus) == 0) {
		step.shared->near[task] =
			gp_near_gpus(step.model.node, &step.gpus, &step.cpus, &cpus);
		atomic_fetch_add(&step.shared->forked, 1);
	}
	if ((int)task == step.tasks - 1) {
		settle_groups();
		gp_relay_forked(&step.relay);
	}
}

void gp_ranks_end(void)
{
	gp_relay_forked(&step.relay);
	if (atomic_load(&step.relay.runs))
		return;
	gp_node_model_release(&step.model);
	if (step.shared)
		munmap(step.shared, sizeof(*step.shared));
	memset(&step, 0, sizeof(step));
}

/* ---- a task ---------------------------------------------------------------------------
 */

struct task {
	uint32_t id; /* on this node */
	struct gp_bind bind;
	char devices[LIST_MAX]; /* as Slurm wrote them */
	int own[GP_RANK_GPUS];	/* the model's numbers, in the order of the list */
	int own_count;		/* 0: it is not known which are its own */
	bool ring;
};

/* The device number of a GPU of the step: Slurm's number, or its place among the step's.
 */
static int device_of(int gpu)
{
	int count = gt_mask_count(&step.gpus);

	for (int i = 0; i < count; i++)
		if (step.model.to_model[step.number[i]] == gpu)
			return step.local_numbers ? i : step.number[i];
	return -1;
}

/* Write the list to every variable that Slurm has written. */
static void show_devices(spank_t spank, const struct task *task, const int *gpu,
			 int count)
{
	int device[GP_RANK_GPUS];
	char list[LIST_MAX], names[LIST_MAX], old[LIST_MAX];

	for (int i = 0; i < count; i++)
		device[i] = device_of(gpu[i]);
	gp_list_write(device, count, list, sizeof(list));
	write_names(device, step.named ? count : 0, names, sizeof(names));
	for (size_t i = 0; i < DEVICE_LISTS; i++)
		if (get(spank, device_lists[i], old, sizeof(old)))
			spank_setenv(spank, device_lists[i], step.named ? names : list,
				     1);
	if (task->bind.kind == GP_BIND_NONE ||
	    !get(spank, "SLURM_STEP_GPUS", old, sizeof(old)))
		return;
	spank_setenv(spank, "SLURM_STEP_GPUS", list, 1);
}

/* Whether the list is still the one that Slurm makes for such a binding and we may write
 * it. */
static bool is_slurms(const struct task *task)
{
	int devices[GP_RANK_GPUS];
	int count = parse_devices(task->devices, devices);

	switch (task->bind.kind) {
	case GP_BIND_NONE:
		return count > 0 && strcmp(task->devices, step.device_list) == 0;
	case GP_BIND_EACH:
		return !step.apart && count == task->bind.count;
	case GP_BIND_SHARE:
		return !step.apart && count == 1;
	default:
		return false;
	}
}

/* Lay the task's GPUs in rank order, if that is wanted and ours to do. */
static void order_task(spank_t spank, struct task *task)
{
	struct gp_step what = {.node = step.model.node,
			       .gpus = step.gpus,
			       .tasks = step.tasks,
			       .groups = &step.facts.groups};
	int count;

	if (!step.ring || !is_slurms(task))
		return;
	if (step.shared && atomic_load(&step.shared->forked) == step.tasks)
		what.near = step.shared->near;
	count = gp_order_task(&what, &task->bind, (int)task->id, task->own);
	if (count == 0)
		return;
	show_devices(spank, task, task->own, count);
	task->ring = true;
	task->own_count = count;
}

/* The task's GPUs as Slurm gave them; unknown where their numbers say nothing. */
static void read_own(struct task *task)
{
	int devices[GP_RANK_GPUS], count, gpus = gt_mask_count(&step.gpus);

	count = parse_devices(task->devices, devices);
	task->own_count = 0;
	if (count < 1 || (step.local_numbers && strcmp(task->devices, step.device_list)))
		return;
	for (int i = 0; i < count; i++) {
		int number = devices[i];

		if (step.local_numbers && number < gpus)
			number = step.number[number];
		number = step.model.to_model[number];
		if (!gt_mask_has(&step.gpus, number))
			return;
		task->own[i] = number;
	}
	task->own_count = count;
}

/* Where all tasks see all GPUs: those that this one is meant for. */
static void narrow_own(struct task *task)
{
	int own[GP_RANK_GPUS];

	if (task->own_count != gt_mask_count(&step.gpus))
		return;
	task->own_count =
		gp_facts_expect(&step.facts, task->own, (int)task->id, step.tasks, own);
	memcpy(task->own, own, (size_t)task->own_count * sizeof(own[0]));
}

static void tell_environment(spank_t spank, const struct task *task)
{
	struct gp_fact fact;

	for (int i = 0; i < GP_FACTS; i++) {
		enum gp_fact_id id = (enum gp_fact_id)i;
		bool known =
			i < GP_NODE_FACTS
				? gp_facts_get(&step.facts, id, &fact)
				: gp_facts_of_task(&step.facts, step.model.node,
						   task->own, task->own_count, id, &fact);

		if (known)
			spank_setenv(spank, gp_fact_names[i].env, fact.text, 1);
	}
	spank_setenv(spank, GP_ENV_ORDER, task->ring ? "ring" : "index", 1);
}

/* PMIx 5 gives its clients keys by numbers that server and client count apart (openpmix
 * issue 3339): with ours in the server, a client that asks for any key that PMIx does not
 * know gets another one's value. Clients without shared memory ask by name. */
static bool ask_by_name(spank_t spank)
{
	char stores[256];

	if (!get(spank, GP_PMIX_STORES, stores, sizeof(stores)))
		return false;
	return !strstr(stores, "shmem") ||
	       spank_setenv(spank, GP_PMIX_STORES, "hash", 1) == ESPANK_SUCCESS;
}

static void tell_pmix(spank_t spank, const struct task *task)
{
	char nspace[GP_PMIX_NSPACE_SIZE], rank[16];

	if (step.relay.open && ask_by_name(spank) &&
	    get(spank, "PMIX_NAMESPACE", nspace, sizeof(nspace)) &&
	    get(spank, "PMIX_RANK", rank, sizeof(rank)))
		gp_relay_tell(&step.relay, nspace, (uint32_t)strtoul(rank, NULL, 10),
			      task->own, task->own_count);
}

/* One GPU on one node: there is nothing to tell. */
static bool has_several(spank_t spank)
{
	uint32_t nodes = 1;

	(void)get_number(spank, S_JOB_NNODES, &nodes);
	return nodes > 1 || step.facts.count > 1;
}

void gp_ranks_task(spank_t spank)
{
	struct task task = {.id = 0};
	char bind[LIST_MAX], local[LIST_MAX];

	if (!step.active || !get_number(spank, S_TASK_ID, &task.id))
		return;
	bind_nics(spank);
	if (!has_several(spank))
		return;
	settle_groups();
	get(spank, "SLURMD_TRES_BIND", bind, sizeof(bind));
	task.bind = gp_bind_parse(bind);
	if (step.listed && get_devices(spank, task.devices, sizeof(task.devices))) {
		order_task(spank, &task);
		if (!task.ring)
			read_own(&task);
		if (task.own_count)
			spank_setenv(spank, GP_ENV_LOCAL,
				     gp_facts_local(&step.facts, task.own, task.own_count,
						    local, sizeof(local)),
				     1);
		narrow_own(&task);
	}
	tell_environment(spank, &task);
	tell_pmix(spank, &task);
}

bool gp_ranks_break(bool ring, double min_gbps, char *why, size_t size)
{
	const struct gt_geometry *groups = &step.facts.groups;
	double gbps = (double)step.facts.busbw;
	struct gt_score score;

	if (!step.active || step.facts.count < 2)
		return false;
	gt_score_set(step.model.node, &step.gpus, &score);
	for (int i = 0; i < groups->count; i++)
		if (groups->busbw_mbps[i] != GT_UNKNOWN &&
		    (i == 0 || groups->busbw_mbps[i] < gbps * 1000))
			gbps = groups->busbw_mbps[i] / 1000.0;
	if (ring && score.rings == 0)
		snprintf(why, size, "GPUs %s have no NVLink ring", step.gpu_list);
	else if (gbps < min_gbps)
		snprintf(why, size, "GPUs %s reach %g GB/s, %g were asked for",
			 step.gpu_list, gbps, min_gbps);
	else
		return false;
	return true;
}
