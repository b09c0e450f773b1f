/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * queue: submit allocations that start when there is room, one for each line of standard
 * input, and print their job numbers:
 *
 *   GPUS FORM NODES PARTITION FEATURES RESERVATION MINUTES TOPO [NODELIST]
 *
 * FORM: job (--gpus), node (--gpus-per-node), task (-n GPUS --gpus-per-task=1), shard (so
 * many shards of a node) or core (-n GPUS, and no GPU). MINUTES -1: no limit. TOPO: of
 * --gpu-topo, or NAME=VALUE. "-" stands for what is not asked. Of a job with named nodes
 * that is refused the number is 0. Nothing is run on the nodes: they need no slurmd.
 *
 *   queue shrink SEED
 *
 * takes a random half of its nodes from each running job: nodes with holes, where no job
 * can end for want of a slurmd.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"

struct row {
	int gpus;
	char form[8];
	int nodes;
	char partition[64];
	char features[64];
	char reservation[64];
	int minutes;
	char topo[64];
	char nodelist[64];
};

static char *or_null(char *text)
{
	return strcmp(text, "-") == 0 ? NULL : text;
}

static uint32_t submit(struct row *row)
{
	resource_allocation_response_msg_t *answer = NULL;
	char tres[32], topo[80], *env[1] = {topo};
	job_desc_msg_t desc;
	uint32_t id;

	ask_init(&desc, "queue");
	ask_tres(tres, sizeof(tres), strcmp(row->form, "task") ? row->gpus : 1);
	if (strcmp(row->form, "job") == 0)
		desc.tres_per_job = tres;
	else if (strcmp(row->form, "node") == 0)
		desc.tres_per_node = tres;
	else if (strcmp(row->form, "task") == 0)
		desc.tres_per_task = tres;
	else if (strcmp(row->form, "shard") == 0)
		desc.tres_per_node = ask_shards(tres, sizeof(tres), row->gpus);
	if (!desc.tres_per_job && !desc.tres_per_node)
		desc.num_tasks = desc.min_cpus = (uint32_t)row->gpus;
	if (row->nodes > 1)
		desc.min_nodes = desc.max_nodes = (uint32_t)row->nodes;
	if (or_null(row->topo)) {
		snprintf(topo, sizeof(topo), "%s%s",
			 strchr(row->topo, '=') ? "" : "GPUTOPO_TOPO=", row->topo);
		desc.spank_job_env = env;
		desc.spank_job_env_size = 1;
	}
	desc.partition = or_null(row->partition);
	desc.features = or_null(row->features);
	desc.reservation = or_null(row->reservation);
	desc.req_nodes = or_null(row->nodelist);
	desc.time_limit = row->minutes < 0 ? INFINITE : (uint32_t)row->minutes;
	if (slurm_allocate_resources(&desc, &answer) || !answer) {
		if (desc.req_nodes)
			return 0;
		errx(1, "a job with %d GPUs is refused: %s", row->gpus,
		     slurm_strerror(errno));
	}
	id = GP_JOB_ID(answer);
	slurm_free_resource_allocation_response_msg(answer);
	return id;
}

/* Whether this job keeps this node. By a hash: the same whatever the order. */
static int is_kept(uint64_t seed, uint32_t job, const char *node)
{
	uint64_t z = seed * 0x9e3779b97f4a7c15ull + job;

	for (; *node; node++)
		z = (z ^ (unsigned char)*node) * 0x100000001b3ull;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (z >> 40) & 1;
}

static void shrink(const slurm_job_info_t *job, uint64_t seed)
{
	__auto_type all = slurm_hostlist_create(job->nodes);
	job_desc_msg_t desc;
	char *node, *kept = NULL;
	size_t size, count = 0;
	FILE *text = open_memstream(&kept, &size);

	if (!text)
		err(1, "a list of nodes");
	while ((node = slurm_hostlist_shift(all))) {
		if (is_kept(seed, job->job_id, node))
			fprintf(text, "%s%s", count++ ? "," : "", node);
		free(node);
	}
	fclose(text);
	slurm_init_job_desc_msg(&desc);
	GP_JOB_ID(&desc) = job->job_id;
	desc.req_nodes = kept;
	if (count && slurm_update_job(&desc))
		errx(1, "job %u cannot be shrunk: %s", job->job_id,
		     slurm_strerror(errno));
	free(kept);
	slurm_hostlist_destroy(all);
}

static void shrink_all(uint64_t seed)
{
	job_info_msg_t *info;

	if (slurm_load_jobs(0, &info, SHOW_ALL))
		errx(1, "no list of jobs: %s", slurm_strerror(errno));
	for (uint32_t i = 0; i < info->record_count; i++)
		if (ask_job_is(&info->job_array[i], JOB_RUNNING) &&
		    info->job_array[i].num_nodes > 1)
			shrink(&info->job_array[i], seed);
	slurm_free_job_info_msg(info);
}

int main(int argc, char **argv)
{
	struct row row;
	char line[512];

	slurm_init(NULL);
	if (argc == 3 && strcmp(argv[1], "shrink") == 0) {
		shrink_all(strtoull(argv[2], NULL, 0));
		return 0;
	}
	while (fgets(line, sizeof(line), stdin)) {
		strcpy(row.nodelist, "-");
		if (sscanf(line, "%d %7s %d %63s %63s %63s %d %63s %63s", &row.gpus,
			   row.form, &row.nodes, row.partition, row.features,
			   row.reservation, &row.minutes, row.topo, row.nodelist) < 8)
			errx(2, "a line is not GPUS FORM NODES PARTITION FEATURES "
				"RESERVATION MINUTES TOPO [NODELIST]");
		printf("%u\n", submit(&row));
	}
	return 0;
}
