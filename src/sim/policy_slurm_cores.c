/* SPDX-License-Identifier: GPL-2.0-or-later */
/* On which sockets slurmctld finds the cores of a job. It drops the sockets whose GPUs
 * the job does not need, then cores of the others until its tasks just fit, and deals out
 * what is left. Where that fails it tries once more with cores far from the GPUs. */
#include "config.h"

#include "sim/policy_slurm.h"

#define NO_BOUND INT32_MAX

/* One try. Cores of a socket are all alike: counts do. */
struct search {
	const struct sim_slurm_node *node;
	const struct sim_slurm_request *request;
	bool is_new;		    /* 24.05 and later */
	bool near_only;		    /* the first try */
	int cores[SIM_MAX_SOCKETS]; /* still offered */
	int gpus[SIM_MAX_SOCKETS];  /* free, and near this socket only */
	int any;		    /* free, and near all */
	int cpus;		    /* at most, on all sockets together */
	int limit;		    /* GPUs wanted of this node; 0: not a number */
	int per_gpu;		    /* cores that go with a GPU; 0: no such rule */
	int least, most;	    /* tasks */
	bool needed[SIM_MAX_SOCKETS];
	int reached; /* GPUs of the needed sockets */
};

static int smaller(int a, int b)
{
	return a < b ? a : b;
}

static int larger(int a, int b)
{
	return a > b ? a : b;
}

static int per_task(const struct sim_slurm_request *r)
{
	return larger(r->cores_per_task, 1);
}

static int total(const struct search *s)
{
	int cores = 0;

	for (int i = 0; i < s->node->sockets; i++)
		cores += s->cores[i];
	return cores;
}

static void drop(struct search *s, int socket, int cores)
{
	s->cores[socket] -= smaller(cores, s->cores[socket]);
	s->cpus = smaller(s->cpus, total(s));
}

/* ---- what the request bounds ---------------------------------------------------------
 */

static void count_gpus(struct search *s)
{
	const struct sim_slurm_request *r = s->request;
	int k = r->count;

	s->any = __builtin_popcountll(s->node->any & ~r->busy);
	for (int i = 0; i < s->node->sockets; i++) {
		int there = __builtin_popcountll(s->node->near[i] & ~r->busy);

		s->gpus[i] = r->form != SIM_FORM_SOCKET ? there : there < k ? 0 : k;
	}
	s->limit = r->form == SIM_FORM_TASK   ? k * larger(r->asked_tasks, 1)
		   : r->form == SIM_FORM_JOB  ? k - r->had
		   : r->form == SIM_FORM_NODE ? k
					      : 0;
}

/* How many tasks the node takes, as far as the cores go. */
static void bound_tasks(struct search *s)
{
	const struct sim_slurm_request *r = s->request;
	bool exact = r->one_node ? r->asked_tasks > 0 : r->asked_tasks == 1;

	s->least = exact ? r->asked_tasks : 1;
	s->most = smaller(exact ? r->asked_tasks : NO_BOUND, s->cpus / per_task(r));
}

/* The newer releases suppose a number of cores a GPU where tasks and --gpus divide. */
static int suppose_per_gpu(const struct search *s)
{
	const struct sim_slurm_request *r = s->request;
	int gpus = r->form == SIM_FORM_TASK  ? s->limit
		   : r->form == SIM_FORM_JOB ? r->count
					     : 0;
	int tasks = r->asked_tasks, c = per_task(r);

	if (!s->is_new || !s->near_only || tasks <= 0 || gpus <= 0)
		return 0;
	if (tasks % gpus == 0)
		return tasks / gpus * c;
	return gpus % tasks == 0 && c % (gpus / tasks) == 0 ? c / (gpus / tasks) : 0;
}

/* false: fewer cores than any GPU asks for. */
static bool bound_gpus(struct search *s)
{
	const struct sim_slurm_request *r = s->request;
	int held;

	s->per_gpu = r->cpus_per_gpu > 0 ? r->cpus_per_gpu : suppose_per_gpu(s);
	if (r->cpus_per_gpu <= 0)
		return true;
	held = s->cpus / r->cpus_per_gpu;
	if (held == 0 || (r->form == SIM_FORM_NODE && r->count > held))
		return false;
	s->limit = s->limit ? smaller(s->limit, held) : held;
	return true;
}

/* ---- which sockets -------------------------------------------------------------------
 */

/* By most free cores, ties in order. */
static void order_sockets(const struct search *s, int *order)
{
	for (int i = 0; i < s->node->sockets; i++) {
		int j = i;

		for (; j > 0 && s->cores[order[j - 1]] < s->cores[i]; j--)
			order[j] = order[j - 1];
		order[j] = i;
	}
}

/* A socket without GPUs for the job keeps cores only if the others have too few. */
static void leave_socket(struct search *s, int socket)
{
	int enough = s->least * per_task(s->request);

	if (s->near_only && total(s) > enough)
		drop(s, socket, total(s) - enough);
}

static bool is_needed(const struct search *s, int gpus, bool sufficient)
{
	if (!s->is_new)
		return !sufficient;
	return (!sufficient && gpus > 0) || s->any > 0;
}

/* Sockets from the one with the most cores on, until their GPUs are enough. */
static void find_needed(struct search *s)
{
	int order[SIM_MAX_SOCKETS], k = s->request->count;
	bool sufficient = false;

	order_sockets(s, order);
	s->reached = s->any;
	for (int j = 0; j < s->node->sockets; j++) {
		int i = order[j], gpus = s->gpus[i];

		if (s->near_only && s->per_gpu)
			gpus = smaller(gpus, s->cores[i] / s->per_gpu);
		if (s->any + gpus == 0 ||
		    (s->request->form == SIM_FORM_SOCKET && k > s->any + gpus))
			leave_socket(s, i);
		if (s->near_only && s->cores[i] == 0)
			continue;
		s->reached += gpus;
		s->needed[i] = is_needed(s, gpus, sufficient);
		if (s->limit && s->reached >= s->limit && (s->is_new || !s->any))
			sufficient = true;
	}
}

/* ---- how many cores ------------------------------------------------------------------
 */

/* The GPUs that were reached bound the tasks; false: not even one. */
static bool bound_tasks_by_gpus(struct search *s)
{
	const struct sim_slurm_request *r = s->request;
	int c = per_task(r), limit = s->limit;

	if (s->per_gpu) {
		int held = s->cpus / s->per_gpu;

		limit = limit ? smaller(limit, held) : held;
		s->reached = smaller(s->reached, limit);
	}
	if (s->is_new && limit)
		s->reached = smaller(s->reached, limit);
	if (s->reached == 0 || (r->form == SIM_FORM_NODE && r->count > s->reached) ||
	    (r->form == SIM_FORM_TASK && r->count > s->reached))
		return false;
	if (s->is_new && s->per_gpu) {
		int cpus = s->per_gpu * s->reached;

		s->most = cpus < s->least * c ? s->least : smaller(s->most, cpus / c);
	}
	if (r->form == SIM_FORM_TASK) {
		s->most = smaller(s->most, s->reached / larger(r->count, 1));
		if (s->is_new)
			s->reached = smaller(s->reached, s->most * r->count);
	}
	s->most = s->most / s->least * s->least;
	return s->most > 0;
}

static int cores_wanted(const struct search *s)
{
	const struct sim_slurm_request *r = s->request;
	int tasks = s->most, c = per_task(r), wanted, gpus;

	while (tasks >= s->least && tasks * c > total(s))
		tasks--;
	wanted = tasks * c;
	gpus = r->form == SIM_FORM_NODE	  ? r->count
	       : r->form == SIM_FORM_TASK ? r->count * tasks
					  : larger(s->reached, 1);
	return larger(wanted, gpus * s->per_gpu);
}

/* The first try keeps to the sockets whose GPUs are needed. */
static void drop_far(struct search *s)
{
	for (int i = 0; i < s->node->sockets && s->near_only; i++)
		if (!s->needed[i])
			drop(s, i, s->cores[i]);
}

/* Take cores away until wanted are left: from sockets that are not needed, then from the
 * fullest, so that each keeps some beside its GPUs. */
static void shrink(struct search *s, int wanted)
{
	for (int i = 0; i < s->node->sockets; i++)
		if (!s->needed[i])
			drop(s, i, total(s) - wanted);
	while (total(s) > wanted) {
		int full = -1;

		for (int i = 0; i < s->node->sockets; i++)
			if (s->needed[i] && s->cores[i] > 0 &&
			    (full < 0 || s->cores[i] > s->cores[full]))
				full = i;
		if (full < 0)
			break;
		drop(s, full, 1);
	}
}

/* ---- one try, and the dealing --------------------------------------------------------
 */

static bool search_cores(struct search *s, const int *free_cores)
{
	const struct sim_slurm_request *r = s->request;
	int c = per_task(r), asked = larger(r->asked_tasks, 1) * c, wanted;

	for (int i = 0; i < s->node->sockets; i++)
		s->cores[i] = free_cores[i];
	s->cpus = total(s);
	count_gpus(s);
	bound_tasks(s);
	if (s->most < s->least || !bound_gpus(s))
		return false;
	find_needed(s);
	if (!bound_tasks_by_gpus(s))
		return false;
	drop_far(s);
	wanted = cores_wanted(s);
	if (wanted > total(s))
		return false;
	shrink(s, wanted);
	if (r->cpus_per_gpu <= 0)
		s->cpus = smaller(s->cpus, s->most * c);
	if (s->is_new && r->form == SIM_FORM_JOB && s->reached < r->count - r->had)
		return false;
	return s->cpus >= asked;
}

/* How many cores the job gets in the end. */
static int cores_due(const struct search *s)
{
	const struct sim_slurm_request *r = s->request;
	int c = per_task(r), due = larger(r->asked_tasks, 1) * c;
	int gpus = r->form == SIM_FORM_TASK ? r->count * larger(r->asked_tasks, 1)
					    : r->count;

	due = larger(due, gpus * larger(r->cpus_per_gpu, 0));
	return smaller(due / c * c, s->cpus);
}

/* Whole tasks socket by socket, then one core of each socket in turn. */
static void deal(const struct search *s, struct sim_slurm_request *r)
{
	int c = per_task(r), due = cores_due(s), before;

	for (int i = 0; i < s->node->sockets; i++) {
		r->cores[i] = c > 1 ? smaller(s->cores[i] / c * c, due) : 0;
		due -= r->cores[i];
	}
	do {
		before = due;
		for (int i = 0; i < s->node->sockets && due > 0; i++)
			if (r->cores[i] < s->cores[i]) {
				r->cores[i]++;
				due--;
			}
	} while (due > 0 && due < before);
}

/* Slurm would let the job wait for cores, a replay does not know of: whatever is free, or
 * beside the first free GPU. */
static void search_nothing(struct search *s, const int *free_cores)
{
	int i = 0;

	count_gpus(s);
	for (int j = 0; j < s->node->sockets; j++)
		s->cores[j] = free_cores[j];
	if (total(s) == 0) {
		while (i < s->node->sockets - 1 && s->gpus[i] == 0)
			i++;
		s->cores[i] = 1;
	}
	s->cpus = total(s);
}

/* ---- public --------------------------------------------------------------------------
 */

void sim_slurm_cores(struct sim_slurm_request *request, enum sim_slurm_release release,
		     const struct sim_slurm_node *node, const int *free_cores)
{
	struct search s = {
		.node = node,
		.request = request,
		.is_new = release == SIM_SLURM_24_05,
		.near_only = true,
	};

	if (!search_cores(&s, free_cores)) {
		s = (struct search){.node = node, .request = request, .is_new = s.is_new};
		if (!search_cores(&s, free_cores))
			search_nothing(&s, free_cores);
	}
	for (int i = 0; i < SIM_MAX_SOCKETS; i++)
		request->cores[i] = 0;
	deal(&s, request);
}

void sim_slurm_tasks(struct sim_slurm_request *request, enum sim_slurm_release release)
{
	int cores = larger(request->cores_per_task, 1), left = request->asked_tasks;
	int each = release == SIM_SLURM_22_05 ? 1 : cores;

	if (left == 0) {
		for (int s = 0; s < SIM_MAX_SOCKETS; s++)
			left += request->cores[s];
		left /= cores;
	}
	for (int s = 0; s < SIM_MAX_SOCKETS; s++) {
		int tasks = (request->cores[s] + each - 1) / each;

		request->tasks[s] = tasks < left ? tasks : left;
		left -= request->tasks[s];
	}
}
