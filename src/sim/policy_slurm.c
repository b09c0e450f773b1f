/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stock Slurm's choice of GPUs inside one node. Sockets are numbered from 0; ANY stands
 * for the GPUs that are near all of them. */
#include "config.h"

#include "sim/policy_slurm.h"

#include <string.h>

#define ANY		     (-1)
#define AS_MANY_AS_THERE_ARE 65534 /* what Slurm writes for "take all, then trim" */
#define LINK_STEPS	     4	   /* a weight is scaled down to about this many steps */

static const char *const form_names[] = {
	[SIM_FORM_JOB] = "job",
	[SIM_FORM_NODE] = "node",
	[SIM_FORM_TASK] = "task",
	[SIM_FORM_SOCKET] = "socket",
};

/* A choice under way. */
struct pick {
	const struct sim_slurm_node *node;
	const struct sim_slurm_request *request;
	uint64_t chosen;
	int got;
	int weight[SIM_MAX_GPUS]; /* links to what was chosen */
	int order[SIM_MAX_GPUS];  /* 24.05: the GPUs by weight */
	bool ordered;
};

static int least(int a, int b)
{
	return a < b ? a : b;
}

static bool is_on(const struct pick *p, int socket, int gpu)
{
	uint64_t mask = socket == ANY ? p->node->any : p->node->near[socket];

	return mask >> gpu & 1;
}

static bool is_free(const struct pick *p, int gpu)
{
	return !((p->chosen | p->request->busy) >> gpu & 1);
}

static bool is_used(const struct pick *p, int socket)
{
	return socket == ANY || p->request->cores[socket] > 0;
}

static int core_count(const struct pick *p)
{
	int cores = 0;

	for (int s = 0; s < p->node->sockets; s++)
		cores += p->request->cores[s];
	return cores;
}

static void take(struct pick *p, int gpu)
{
	p->chosen |= UINT64_C(1) << gpu;
	p->got++;
}

/* Count the links of a chosen GPU for the others. */
static void add_weight(struct pick *p, int gpu)
{
	if (!p->node->has_links)
		return;
	for (int l = 0; l < p->node->n; l++)
		if (l != gpu && !(p->request->busy >> l & 1))
			p->weight[l] += p->node->links[gpu][l];
}

/* Bring the weights down to a few steps; returns the largest. */
static int scale_weights(struct pick *p)
{
	int best = 0, divide;

	for (int l = 0; l < p->node->n; l++)
		best = p->weight[l] > best ? p->weight[l] : best;
	if (best <= LINK_STEPS)
		return best;
	divide = (best + LINK_STEPS - 1) / LINK_STEPS;
	best = 0;
	for (int l = 0; l < p->node->n; l++) {
		p->weight[l] /= divide;
		best = p->weight[l] > best ? p->weight[l] : best;
	}
	return best;
}

/* The first GPU of the pair with the most links among the chosen, or -1. */
static int best_centre(const struct pick *p)
{
	int most = -1, centre = -1;

	for (int a = 0; a < p->node->n; a++)
		for (int b = a + 1; b < p->node->n; b++)
			if (p->chosen >> a & p->chosen >> b & 1 &&
			    p->node->links[a][b] > most) {
				most = p->node->links[a][b];
				centre = a;
			}
	return centre;
}

/* Drop the GPUs with the fewest links to the centre until most are left. */
static void trim(struct pick *p, int most)
{
	int centre = best_centre(p);

	while (centre >= 0 && p->got > most && p->got > 1) {
		int worst = -1;

		for (int g = 0; g < p->node->n; g++)
			if (g != centre && p->chosen >> g & 1 &&
			    (worst < 0 ||
			     p->node->links[centre][g] < p->node->links[centre][worst]))
				worst = g;
		p->chosen &= ~(UINT64_C(1) << worst);
		p->got--;
	}
}

/* How many GPUs the first pass of --gpus may keep on this node. */
static int job_limit(const struct pick *p)
{
	const struct sim_slurm_request *r = p->request;
	int left = r->nodes_left > 0 ? r->nodes_left : 1;
	int threads = r->threads_per_core > 0 ? r->threads_per_core : 1;
	int most = r->count - r->had - (left - 1);

	if (r->cpus_per_gpu > 0)
		most = least(most, core_count(p) * threads / r->cpus_per_gpu);
	return most;
}

/* ---- 22.05 ---------------------------------------------------------------------------
 */

/* Free GPUs of a socket by index while fewer than most are chosen. */
static void take_from(struct pick *p, int socket, int most)
{
	for (int g = 0; g < p->node->n && p->got < most; g++)
		if (is_on(p, socket, g) && is_free(p, g))
			take(p, g);
}

/* Same, only GPUs of at least this weight. */
static void take_weighted(struct pick *p, int socket, int weight, int most)
{
	for (int g = 0; g < p->node->n && p->got < most; g++)
		if (p->weight[g] >= weight && is_on(p, socket, g) && is_free(p, g))
			take(p, g);
}

static void old_job_first(struct pick *p)
{
	int most = job_limit(p);
	int pick = most > 1 && p->node->has_links ? AS_MANY_AS_THERE_ARE : most;

	for (int s = ANY; s < p->node->sockets && p->got < pick; s++)
		if (is_used(p, s))
			take_from(p, s, pick);
	for (int s = 0; s < p->node->sockets && p->got == 0; s++)
		if (!is_used(p, s))
			take_from(p, s, 1);
	if (p->got > most)
		trim(p, most);
}

/* Complete the job's count around the lowest GPU chosen. */
static void old_job_second(struct pick *p)
{
	int most = p->request->count - p->request->had, best = 0, reference;

	if (p->got >= most || !p->chosen)
		return;
	reference = __builtin_ctzll(p->chosen);
	for (int g = 0; g < p->node->n; g++) {
		p->weight[g] = p->node->has_links ? p->node->links[reference][g] : 0;
		best = p->weight[g] > best ? p->weight[g] : best;
	}
	for (int l = best; l >= 0; l--)
		for (int s = ANY; s < p->node->sockets; s++)
			take_weighted(p, s, l, most);
	/* weight -1 stands on the diagonal only: the reference, which is chosen */
}

static void old_node(struct pick *p)
{
	int most = p->request->count, best;

	for (int s = ANY; s < p->node->sockets && p->got < most; s++) {
		if (!is_used(p, s))
			continue;
		for (int g = 0; g < p->node->n; g++)
			if (is_on(p, s, g) && is_free(p, g)) {
				take(p, g);
				add_weight(p, g);
				break;
			}
	}
	best = scale_weights(p);
	for (int l = best; l >= 0; l--)
		for (int s = ANY; s < p->node->sockets; s++)
			if (is_used(p, s))
				take_weighted(p, s, l, most);
	for (int l = best; l >= 0; l--)
		for (int s = 0; s < p->node->sockets; s++)
			if (!is_used(p, s))
				take_weighted(p, s, l, most);
}

static void old_socket(struct pick *p)
{
	int goal = 0;

	for (int s = 0; s < p->node->sockets; s++) {
		if (!is_used(p, s))
			continue;
		goal += p->request->count;
		take_from(p, s, least(goal, p->got + p->request->count));
	}
	take_from(p, ANY, goal);
}

static void old_task(struct pick *p)
{
	int goal = 0, tasks = 0, best;

	for (int s = ANY; s < p->node->sockets; s++) {
		/* socket 0 is never skipped, with tasks or without */
		if (s > 0 && p->request->tasks[s] == 0)
			continue;
		tasks += s == ANY ? 0 : p->request->tasks[s];
		goal = tasks * p->request->count;
		for (int g = 0; g < p->node->n && p->got < goal; g++)
			if (is_on(p, s, g) && is_free(p, g)) {
				take(p, g);
				add_weight(p, g);
			}
	}
	best = scale_weights(p);
	for (int l = best; l >= 0; l--)
		for (int s = ANY; s < p->node->sockets; s++)
			take_weighted(p, s, l, goal);
}

static void select_22_05(struct pick *p)
{
	switch (p->request->form) {
	case SIM_FORM_JOB:
		old_job_first(p);
		old_job_second(p);
		break;
	case SIM_FORM_NODE:
		old_node(p);
		break;
	case SIM_FORM_TASK:
		old_task(p);
		break;
	case SIM_FORM_SOCKET:
		old_socket(p);
		break;
	}
}

/* ---- 24.05 ---------------------------------------------------------------------------
 */

/* Stable, and ascending: the GPU with the fewest links comes first. */
static void sort_order(struct pick *p)
{
	for (int i = 1; i < p->node->n; i++) {
		int gpu = p->order[i], j = i;

		for (; j > 0 && p->weight[p->order[j - 1]] > p->weight[gpu]; j--)
			p->order[j] = p->order[j - 1];
		p->order[j] = gpu;
	}
}

/* Take up to need GPUs of a socket; returns how many. After each one the walk begins
 * again at the second entry of the order. */
static int pick_set(struct pick *p, int need, int socket)
{
	int left = need;

	for (int i = 0; i < p->node->n && left > 0; i++) {
		int gpu = p->ordered ? p->order[i] : i;

		if (!is_on(p, socket, gpu) || !is_free(p, gpu))
			continue;
		take(p, gpu);
		left--;
		if (p->ordered) {
			add_weight(p, gpu);
			sort_order(p);
			i = 0;
		}
	}
	return need > left ? need - left : 0;
}

/* Up to need GPUs of the sockets with, or without, cores of the job. */
static int pick_sockets(struct pick *p, int need, bool used)
{
	int left = need;

	for (int s = 0; s < p->node->sockets; s++)
		if (is_used(p, s) == used)
			left -= pick_set(p, left, s);
	return need - left;
}

/* A share of each used socket by its cores. Slurm counts in single precision. */
static int pick_by_cores(struct pick *p, int need, float per)
{
	int left = need;

	for (int s = 0; s < p->node->sockets; s++)
		if (is_used(p, s))
			left -= pick_set(
				p, least(left, (int)((float)p->request->cores[s] * per)),
				s);
	return need - left;
}

static void use_order(struct pick *p)
{
	p->ordered = p->node->has_links;
	for (int i = 0; i < p->node->n; i++)
		p->order[i] = i;
}

/* From anywhere near, then from the used sockets, then unless bound from the others. */
static void pick_rest(struct pick *p, int need)
{
	need -= pick_set(p, need, ANY);
	need -= pick_sockets(p, need, true);
	if (!p->request->enforce_binding)
		pick_sockets(p, need, false);
}

static void new_node(struct pick *p)
{
	int need = p->request->count, cores = core_count(p);

	use_order(p);
	if (cores > 0)
		need -= pick_by_cores(p, need, (float)need / (float)cores);
	pick_rest(p, need);
}

static void new_socket(struct pick *p)
{
	int need = 0;

	use_order(p);
	for (int s = 0; s < p->node->sockets; s++)
		need += is_used(p, s) ? p->request->count : 0;
	for (int s = 0; s < p->node->sockets; s++)
		if (is_used(p, s))
			need -= pick_set(p, p->request->count, s);
	pick_rest(p, need);
}

static void new_task(struct pick *p)
{
	int need = 0, k = p->request->count;

	use_order(p);
	for (int s = 0; s < p->node->sockets; s++)
		need += p->request->tasks[s] * k;
	for (int s = 0; s < p->node->sockets; s++)
		if (p->request->tasks[s] > 0)
			need -= pick_set(p, least(need, p->request->tasks[s] * k), s);
	need -= pick_set(p, need, ANY);
	for (int s = 0; s < p->node->sockets && !p->request->enforce_binding; s++)
		need -= pick_set(p, need, s);
}

static void new_job_first(struct pick *p)
{
	uint64_t all = p->node->n < 64 ? (UINT64_C(1) << p->node->n) - 1 : UINT64_MAX;
	int there = __builtin_popcountll(all & ~p->request->busy), cores = core_count(p);
	int most = least(job_limit(p), there), pick;

	pick = most > 1 && p->node->has_links ? AS_MANY_AS_THERE_ARE
	       : most > 1		      ? most
					      : 1;
	if (cores > 0)
		pick_by_cores(p, pick, (float)pick / (float)cores);
	pick_set(p, pick - p->got, ANY);
	pick_sockets(p, pick - p->got, true);
	if (p->got == 0 && !p->request->enforce_binding)
		pick_sockets(p, 1, false);
	if (p->got > most)
		trim(p, most);
}

static void new_job_second(struct pick *p)
{
	int need = p->request->count - p->request->had - p->got;

	if (need <= 0)
		return;
	use_order(p);
	for (int g = 0; g < p->node->n; g++)
		if (p->chosen >> g & 1)
			add_weight(p, g);
	sort_order(p);
	for (int s = 0; s < p->node->sockets; s++)
		need -= pick_set(p, need, s);
	pick_set(p, need, ANY);
}

static void select_24_05(struct pick *p)
{
	switch (p->request->form) {
	case SIM_FORM_JOB:
		new_job_first(p);
		new_job_second(p);
		break;
	case SIM_FORM_NODE:
		new_node(p);
		break;
	case SIM_FORM_TASK:
		new_task(p);
		break;
	case SIM_FORM_SOCKET:
		new_socket(p);
		break;
	}
}

/* ---- public --------------------------------------------------------------------------
 */

const char *sim_form_name(enum sim_form form)
{
	return form_names[form];
}

bool sim_form_parse(const char *name, enum sim_form *form)
{
	for (size_t i = 0; i < sizeof(form_names) / sizeof(*form_names); i++)
		if (!strcmp(name, form_names[i])) {
			*form = (enum sim_form)i;
			return true;
		}
	return false;
}

/* The first socket that the GPU's cores touch; sockets of so many cores, numbered
 * through. */
static int home_by_cores(const struct gt_gpu *gpu, int cores_per_socket)
{
	struct gt_mask cores;

	if (cores_per_socket <= 0 || !gpu->cpus[0] ||
	    gt_mask_parse(&cores, gpu->cpus, GT_MAX_GPUS, NULL))
		return -1;
	return gt_mask_next(&cores, 0) / cores_per_socket;
}

/* The GPU's socket, or its NUMA node where only that is known, or what its cores tell. */
static int home_of(const struct gt_gpu *gpu, int cores_per_socket)
{
	if (gpu->socket != GT_UNKNOWN)
		return gpu->socket;
	return gpu->numa != GT_UNKNOWN ? gpu->numa : home_by_cores(gpu, cores_per_socket);
}

enum gt_err sim_slurm_node_init(struct sim_slurm_node *slurm, const struct gt_node *node,
				int cores_per_socket, struct gt_error *err)
{
	int n = gt_node_size(node);

	memset(slurm, 0, sizeof(*slurm));
	if (n > SIM_MAX_GPUS)
		return gt_fail(err, GT_ELIMIT,
			       "a node of %d GPUs: the simulator takes %d", n,
			       SIM_MAX_GPUS);
	slurm->n = n;
	slurm->sockets = 1;
	for (int g = 0; g < n; g++) {
		int home = home_of(gt_node_gpu(node, g), cores_per_socket);

		if (home < 0 || home >= SIM_MAX_SOCKETS) {
			slurm->any |= UINT64_C(1) << g;
			continue;
		}
		slurm->near[home] |= UINT64_C(1) << g;
		slurm->sockets = home >= slurm->sockets ? home + 1 : slurm->sockets;
	}
	for (int a = 0; a < n; a++)
		for (int b = 0; b < n; b++) {
			int links = gt_node_links(node, a, b);

			slurm->links[a][b] = (int16_t)(a == b	   ? -1
						       : links > 0 ? links
								   : 0);
			slurm->has_links |= a != b && links > 0;
		}
	return GT_OK;
}

uint64_t sim_slurm_select(enum sim_slurm_release release,
			  const struct sim_slurm_node *node,
			  const struct sim_slurm_request *request)
{
	struct pick p = {.node = node, .request = request};

	if (release == SIM_SLURM_22_05)
		select_22_05(&p);
	else
		select_24_05(&p);
	return p.chosen;
}
