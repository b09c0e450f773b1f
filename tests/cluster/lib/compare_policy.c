/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compare_policy: hold the simulator's restatement of stock Slurm against what real
 * daemons gave.
 *
 *   compare_policy RELEASE KIND FILE
 *
 * RELEASE is 22.05 or 24.05, KIND a node kind of this folder, FILE what `states -u` wrote
 * on a cluster with stock PluginDir. Each answer is restated twice: from the cores that
 * the daemons gave, and from those that the simulator finds itself ("without the CPUs").
 * Prints the agreement by form, each difference, and ends with 1 where there was one.
 */
#include "config.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/policy_slurm.h"

#define MAX_FORMS 32
#define COLUMNS	  7
#define NOT_GIVEN (-1)

/* How `states` writes a form, and what it is to the restatement. */
static const struct form {
	const char *name;
	enum sim_form form;
	int per_task; /* GPUs a task; 0: N */
	int tasks;    /* 0: N; NOT_GIVEN */
	int cpus_per_task;
	int cpus_per_gpu;
} forms[] = {
	{"--gpus=N", SIM_FORM_JOB, 0, NOT_GIVEN, 1, 0},
	{"-n N --gpus=N", SIM_FORM_JOB, 0, 0, 1, 0},
	{"--gpus=N --cpus-per-gpu=2", SIM_FORM_JOB, 0, NOT_GIVEN, 1, 2},
	{"--gpus-per-node=N", SIM_FORM_NODE, 0, NOT_GIVEN, 1, 0},
	{"--gres=gpu:N", SIM_FORM_NODE, 0, NOT_GIVEN, 1, 0},
	{"-n32 --gres=gpu:N", SIM_FORM_NODE, 0, 32, 1, 0},
	{"--gpus-per-task=1 -n N", SIM_FORM_TASK, 1, 0, 1, 0},
	{"-n1 -c4 --gpus-per-task=N", SIM_FORM_TASK, 0, 1, 4, 0},
	{"-n N -c7 --gpus-per-task=1", SIM_FORM_TASK, 1, 0, 7, 0},
	{"--sockets-per-node=1 --gpus-per-socket=N", SIM_FORM_SOCKET, 0, 1, 1, 0},
	{"-n32 --sockets-per-node=2 --gpus-per-socket=N", SIM_FORM_SOCKET, 0, 32, 1, 0},
};

#define FORM_COUNT (sizeof(forms) / sizeof(forms[0]))

struct machine {
	struct sim_slurm_node node;
	int cores_per_socket;
};

static uint64_t mask_parse(const char *list)
{
	struct gt_error error;
	struct gt_mask mask;

	if (gt_mask_parse(&mask, list, GT_MAX_GPUS, &error))
		errx(2, "%s: %s", list, error.text);
	return mask.word[0];
}

/* One GPU's line of gres.conf. */
static void gpu_read(struct machine *m, const char *line)
{
	const char *cores = strstr(line, " Cores="), *links = strstr(line, " Links=");
	int g = m->node.n, socket;
	char *at;

	if (g >= SIM_MAX_GPUS || !links)
		errx(2, "not a GPU with Links=: %s", line);
	socket = cores ? atoi(cores + strlen(" Cores=")) / m->cores_per_socket : -1;
	if (socket >= 0 && socket < m->node.sockets)
		m->node.near[socket] |= UINT64_C(1) << g;
	else
		m->node.any |= UINT64_C(1) << g;
	at = (char *)links + strlen(" Links=");
	for (int j = 0; j < SIM_MAX_GPUS && *at && *at != '\n'; j++) {
		m->node.links[g][j] = (int16_t)strtol(at, &at, 10);
		m->node.has_links = true;
		at += *at == ',';
	}
	m->node.n++;
}

static void machine_read(struct machine *m, const char *file)
{
	FILE *f = fopen(file, "r");
	char line[1024];

	if (!f)
		err(2, "%s", file);
	memset(m, 0, sizeof(*m));
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "#node ", 6) &&
		    sscanf(line, "#node Sockets=%d CoresPerSocket=%d", &m->node.sockets,
			   &m->cores_per_socket) != 2)
			errx(2, "%s: no Sockets= and CoresPerSocket=", file);
		else if (line[0] != '#' && strstr(line, "Name=gpu"))
			gpu_read(m, line);
	}
	fclose(f);
}

static const struct form *form_find(const char *name)
{
	for (size_t i = 0; i < FORM_COUNT; i++)
		if (!strcmp(forms[i].name, name))
			return &forms[i];
	errx(2, "the form %s is not known", name);
}

/* The job's cores on each socket, from the list of its CPUs (one thread a core). */
static void cores_read(const struct machine *m, const char *cpus,
		       struct sim_slurm_request *request)
{
	struct gt_error error;
	struct gt_mask mask;

	if (gt_mask_parse(&mask, cpus, GT_MAX_GPUS, &error))
		errx(2, "CPUs %s: %s", cpus, error.text);
	for (int c = gt_mask_next(&mask, 0); c >= 0; c = gt_mask_next(&mask, c + 1))
		request->cores[c / m->cores_per_socket]++;
}

/* The same as the simulator supposes it, which knows no CPUs; one core of each busy GPU's
 * socket is held by the job that `states` put there. */
static void cores_suppose(enum sim_slurm_release release, const struct machine *m,
			  struct sim_slurm_request *request)
{
	int free_cores[SIM_MAX_SOCKETS];

	for (int s = 0; s < m->node.sockets; s++)
		free_cores[s] = m->cores_per_socket -
				__builtin_popcountll(m->node.near[s] & request->busy);
	request->one_node = true; /* `states` asks for its node by name */
	sim_slurm_cores(request, release, &m->node, free_cores);
}

/* cpus NULL: none are known. */
static uint64_t restate(enum sim_slurm_release release, const struct machine *m,
			const struct form *form, int n, uint64_t free, const char *cpus)
{
	struct sim_slurm_request request = {
		.form = form->form,
		.count = form->per_task ? form->per_task : n,
		.busy = ~free,
		.nodes_left = 1,
		.cpus_per_gpu = form->cpus_per_gpu,
		.cores_per_task = form->cpus_per_task,
		.asked_tasks = form->tasks == NOT_GIVEN ? 0
			       : form->tasks		? form->tasks
							: n,
	};

	if (m->node.n < 64)
		request.busy &= (UINT64_C(1) << m->node.n) - 1;
	if (cpus)
		cores_read(m, cpus, &request);
	else
		cores_suppose(release, m, &request);
	sim_slurm_tasks(&request, release);
	return sim_slurm_select(release, &m->node, &request);
}

struct tally {
	long asked;
	long same;
	long supposed; /* the same without knowing the CPUs */
};

/* Whether the restatement gives what the daemons gave. cpus NULL: without knowing them.
 */
static bool agrees(enum sim_slurm_release release, const struct machine *m, char **column,
		   const char *cpus)
{
	struct gt_mask mask = {0};
	char got[GT_MASK_TEXT_MAX];

	mask.word[0] = restate(release, m, form_find(column[2]), atoi(column[3]),
			       mask_parse(column[1]), cpus);
	if (mask.word[0] == mask_parse(column[4]))
		return true;
	printf("differs: free %s, %s, N=%s, CPUs %s%s: daemons %s, restated %s\n",
	       column[1], column[2], column[3], column[6], cpus ? "" : " (not told)",
	       column[4], gt_mask_format(&mask, got, sizeof(got)));
	return false;
}

/* One row of `states`; false: it was refused, and tells nothing. */
static bool row_compare(enum sim_slurm_release release, const struct machine *m,
			char *line, struct tally *tally)
{
	char *column[COLUMNS], *at = line;
	int count = 0;

	line[strcspn(line, "\n")] = '\0';
	while (count < COLUMNS && at)
		column[count++] = strsep(&at, "\t");
	if (count != COLUMNS && !(count == 6 && !strcmp(column[4], "-")))
		errx(2, "not a row of `states -u`: %s", line);
	if (!strcmp(column[4], "-"))
		return false;
	tally += form_find(column[2]) - forms;
	tally->asked++;
	tally->same += agrees(release, m, column, column[6]);
	tally->supposed += agrees(release, m, column, NULL);
	return true;
}

int main(int argc, char **argv)
{
	struct tally tally[FORM_COUNT] = {0}, all = {0};
	enum sim_slurm_release release;
	struct machine m;
	char line[1024];
	FILE *f;
	long refused = 0;

	if (argc != 4 || (strcmp(argv[1], "22.05") && strcmp(argv[1], "24.05")))
		errx(2, "usage: compare_policy 22.05|24.05 KIND FILE");
	release = strcmp(argv[1], "22.05") ? SIM_SLURM_24_05 : SIM_SLURM_22_05;
	machine_read(&m, argv[2]);
	f = fopen(argv[3], "r");
	if (!f)
		err(2, "%s", argv[3]);
	while (fgets(line, sizeof(line), f))
		if (!row_compare(release, &m, line, tally))
			refused++;
	fclose(f);
	for (size_t i = 0; i < FORM_COUNT; i++) {
		printf("%-46s %5ld of %5ld, %5ld without the CPUs\n", forms[i].name,
		       tally[i].same, tally[i].asked, tally[i].supposed);
		all.supposed += tally[i].supposed;
		all.same += tally[i].same;
		all.asked += tally[i].asked;
	}
	printf("%-46s %5ld of %5ld, %5ld without the CPUs; %ld refused by the daemons\n",
	       "all", all.same, all.asked, all.supposed, refused);
	if (!all.asked)
		errx(1, "no placement to compare");
	return all.same == all.asked && all.supposed == all.asked ? 0 : 1;
}
