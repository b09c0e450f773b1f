/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo sim query: a prompt on a simulated cluster, for demonstrations and tests. */
#include "config.h"

#include "cli/cmd_sim.h"
#include "sim/cluster.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"Usage: gputopo sim query -t TOPOLOGY [--nodes N] [--policy P]\n"
	"Read commands from standard input, one a line:\n\n"
	"  alloc --gpus=K [--node=NAME]   place a job; prints its number and GPUs\n"
	"  free ID                        end a job\n"
	"  down NODE:GPU | up NODE:GPU    take a free GPU out of service, or back\n"
	"  find --gpus=K                  the nodes that have K free, and what they "
	"could give\n"
	"  show                           every node\n"
	"  what-if --gpus=K               what each policy would choose, changing "
	"nothing\n"
	"  frag                           how many nodes still hold a ring of each size\n"
	"  undo                           take the last change back\n"
	"  quit\n\n" CLI_TOPOLOGY_HELP "      --nodes N      how many nodes (default 1)\n"
	"      --policy P     a policy of gputopo sim replay (default "
	"gputopo)\n" CLI_HELP_HELP;

enum { NODES = CLI_OPT_OWN, POLICY };

#define LINE	 1024
#define MAX_JOBS 100000

struct job {
	uint64_t mask;
	int node;
	bool runs;
};

/* A change that undo takes back. */
struct change {
	enum { ALLOC, FREE, DOWN, UP } what;
	int job, node, gpu;
};

struct prompt {
	struct sim_layout layout;
	struct sim_chooser chooser;
	struct sim_cluster cluster;
	struct job *jobs; /* from 1 */
	int job_count;
	struct change *changes;
	int change_count;
	int64_t ticks; /* a clock of commands */
	bool is_wrong; /* some command was */
};

static void refuse(struct prompt *p, const char *why, const char *what)
{
	cli_say("%s%s%s", why, *what ? " " : "", what);
	p->is_wrong = true;
}

static const char *gbps(int mbps, char *buf)
{
	return cli_gbps(mbps, buf);
}

/* ---- words of a command
 * ---------------------------------------------------------------- */

/* The number of "--gpus=K" among the words, or 0 with a message. */
static int read_gpus(struct prompt *p, const char *words)
{
	const char *at = strstr(words, "--gpus=");
	int gpus = at ? atoi(at + strlen("--gpus=")) : 0;

	if (gpus < 1 || gpus > p->layout.largest) {
		refuse(p, "--gpus= must be from 1 to the node's GPUs:", words);
		return 0;
	}
	return gpus;
}

/* A node by its name of length characters, or -1. */
static int find_node(const struct prompt *p, const char *name, size_t length)
{
	for (int i = 0; i < p->layout.nodes; i++) {
		char buf[64];
		const char *here = sim_layout_name(&p->layout, i, buf, sizeof(buf));

		if (strlen(here) == length && !strncmp(here, name, length))
			return i;
	}
	return -1;
}

/* ---- choosing
 * --------------------------------------------------------------------------- */

static uint64_t ask(struct prompt *p, struct sim_chooser *chooser, int node, int gpus)
{
	static const struct sim_job job = {.form = SIM_FORM_NODE};
	struct sim_ask question = {
		.job = &job,
		.type = p->layout.type_of[node],
		.busy = p->cluster.nodes[node].busy,
		.count = gpus,
		.nodes_left = 1,
		.slots = sim_cluster_slots(&p->cluster, node),
		.slot_count = p->cluster.nodes[node].slot_count,
		.now_ms = p->ticks,
	};

	return sim_chooser_ask(chooser, &question);
}

/* "n0 0-3, 80 of 80 GB/s" */
static void print_set(const struct prompt *p, int node, uint64_t mask)
{
	struct sim_value *value = &p->chooser.values[p->layout.type_of[node]];
	struct gt_mask set = {.word = {mask}};
	char name[64], list[GT_MASK_TEXT_MAX], got[CLI_GBPS_MAX], ideal[CLI_GBPS_MAX];
	int k = gt_mask_count(&set);

	printf("%s %s", sim_layout_name(&p->layout, node, name, sizeof(name)),
	       gt_mask_format(&set, list, sizeof(list)));
	if (k > 1)
		printf(", %s of %s GB/s",
		       gbps(sim_value_set(value, mask).busbw_mbps, got),
		       gbps(value->ideal[k].busbw_mbps, ideal));
	putchar('\n');
}

static void note(struct prompt *p, struct change change)
{
	if (p->change_count < MAX_JOBS)
		p->changes[p->change_count++] = change;
}

static void take(struct prompt *p, int job)
{
	sim_cluster_take(&p->cluster, p->jobs[job].node, p->jobs[job].mask, (uint32_t)job,
			 SIM_SOON, false, NULL, p->ticks);
	p->jobs[job].runs = true;
}

static void give(struct prompt *p, int job)
{
	sim_cluster_give(&p->cluster, p->jobs[job].node, (uint32_t)job, p->ticks);
	p->jobs[job].runs = false;
}

/* ---- commands
 * ---------------------------------------------------------------------------- */

static void do_alloc(struct prompt *p, const char *words)
{
	const char *named = strstr(words, "--node=");
	int gpus = read_gpus(p, words), node, job = p->job_count + 1;
	uint64_t mask;

	if (!gpus)
		return;
	node = sim_cluster_find(&p->cluster, p->chooser.nodes, gpus, NULL, 0);
	if (named) {
		named += strlen("--node=");
		node = find_node(p, named, strcspn(named, " \t"));
		if (node < 0) {
			refuse(p, "no such node:", named);
			return;
		}
	}
	mask = node >= 0 ? ask(p, &p->chooser, node, gpus) : 0;
	if (!mask || job == MAX_JOBS) {
		printf("none: no node has %d free GPUs\n", gpus);
		return;
	}
	p->jobs[job] = (struct job){mask, node, false};
	p->job_count = job;
	take(p, job);
	note(p, (struct change){ALLOC, job, node, 0});
	printf("job %d: ", job);
	print_set(p, node, mask);
}

static void do_free(struct prompt *p, const char *words)
{
	int job = atoi(words);

	if (job < 1 || job > p->job_count || !p->jobs[job].runs) {
		refuse(p, "no such job:", words);
		return;
	}
	give(p, job);
	note(p, (struct change){FREE, job, 0, 0});
	printf("job %d is gone\n", job);
}

static void do_service(struct prompt *p, const char *words, bool down)
{
	const char *colon = strrchr(words, ':');
	int node = colon ? find_node(p, words, (size_t)(colon - words)) : -1;
	int gpu = colon && isdigit((unsigned char)colon[1]) ? atoi(colon + 1) : -1;
	uint64_t bit;

	if (node < 0 || gpu < 0 || gpu >= sim_layout_type(&p->layout, node)->n) {
		refuse(p, "not NODE:GPU:", words);
		return;
	}
	bit = UINT64_C(1) << gpu;
	if (down ? (p->cluster.nodes[node].busy & bit) != 0
		 : !(p->cluster.nodes[node].down & bit)) {
		refuse(p, down ? "the GPU is not free:" : "the GPU is not down:", words);
		return;
	}
	sim_cluster_set_down(&p->cluster, node, gpu, down, p->ticks);
	note(p, (struct change){down ? DOWN : UP, 0, node, gpu});
	printf("%s is %s\n", words, down ? "down" : "up");
}

static void do_find(struct prompt *p, const char *words)
{
	int gpus = read_gpus(p, words), found = 0;

	for (int i = 0; gpus && i < p->layout.nodes; i++) {
		uint64_t mask = ask(p, &p->chooser, i, gpus);

		if (!mask)
			continue;
		print_set(p, i, mask);
		found++;
	}
	if (gpus && !found)
		printf("none: no node has %d free GPUs\n", gpus);
}

static void do_show(struct prompt *p)
{
	for (int i = 0; i < p->layout.nodes; i++) {
		const struct sim_node *node = &p->cluster.nodes[i];
		const struct sim_slot *slots = sim_cluster_slots(&p->cluster, i);
		struct gt_mask free = {
			.word = {sim_layout_type(&p->layout, i)->all & ~node->busy}};
		char name[64], list[GT_MASK_TEXT_MAX];

		printf("%s free %s", sim_layout_name(&p->layout, i, name, sizeof(name)),
		       gt_mask_count(&free) ? gt_mask_format(&free, list, sizeof(list))
					    : "-");
		for (int s = 0; s < node->slot_count; s++) {
			struct gt_mask mask = {.word = {slots[s].mask}};

			printf(" job%u %s", slots[s].job,
			       gt_mask_format(&mask, list, sizeof(list)));
		}
		if (node->down) {
			struct gt_mask mask = {.word = {node->down}};

			printf(" down %s", gt_mask_format(&mask, list, sizeof(list)));
		}
		putchar('\n');
	}
}

static void do_what_if(struct prompt *p, const char *words)
{
	const struct sim_policy *policy;
	int gpus = read_gpus(p, words);
	struct gt_mix mix = gt_mix_default();

	for (int i = 0; gpus && (policy = sim_policy_at(i)); i++) {
		struct sim_chooser chooser;
		struct gt_error err;
		int node;
		uint64_t mask;

		if (sim_chooser_init(&chooser, policy->name, &p->layout, &mix, 0, 1,
				     &err)) {
			printf("%-12s %s\n", policy->name, err.text);
			continue;
		}
		node = sim_cluster_find(&p->cluster, chooser.nodes, gpus, NULL, 0);
		mask = node >= 0 ? ask(p, &chooser, node, gpus) : 0;
		printf("%-12s ", policy->name);
		if (mask)
			print_set(p, node, mask);
		else
			printf("none\n");
		sim_chooser_release(&chooser);
	}
}

static void do_frag(struct prompt *p)
{
	for (int k = 2; k <= p->layout.largest; k++) {
		int fits = 0, rings = 0;

		for (int i = 0; i < p->layout.nodes; i++) {
			const struct sim_type *type = sim_layout_type(&p->layout, i);
			uint64_t free = type->all & ~p->cluster.nodes[i].busy;
			struct sim_value *value =
				&p->chooser.values[p->layout.type_of[i]];

			fits += __builtin_popcountll(free) >= k;
			rings += sim_value_best(value, free, k).ring;
		}
		printf("%d GPUs: free on %d nodes, as a ring on %d\n", k, fits, rings);
	}
}

static void do_undo(struct prompt *p)
{
	const struct change *c;

	if (!p->change_count) {
		refuse(p, "nothing to undo", "");
		return;
	}
	c = &p->changes[--p->change_count];
	if (c->what == ALLOC)
		give(p, c->job);
	else if (c->what == FREE)
		take(p, c->job);
	else
		sim_cluster_set_down(&p->cluster, c->node, c->gpu, c->what == UP,
				     p->ticks);
	puts("undone");
}

/* One line; false: quit. */
static bool obey(struct prompt *p, char *line)
{
	char *word = line + strspn(line, " \t"), *words;

	line[strcspn(line, "\r\n")] = '\0';
	words = word + strcspn(word, " \t");
	if (*words)
		*words++ = '\0';
	words += strspn(words, " \t");
	p->ticks++;
	if (!*word || *word == '#')
		return true;
	if (!strcmp(word, "quit"))
		return false;
	if (!strcmp(word, "alloc"))
		do_alloc(p, words);
	else if (!strcmp(word, "free"))
		do_free(p, words);
	else if (!strcmp(word, "down") || !strcmp(word, "up"))
		do_service(p, words, *word == 'd');
	else if (!strcmp(word, "find"))
		do_find(p, words);
	else if (!strcmp(word, "show"))
		do_show(p);
	else if (!strcmp(word, "what-if"))
		do_what_if(p, words);
	else if (!strcmp(word, "frag"))
		do_frag(p);
	else if (!strcmp(word, "undo"))
		do_undo(p);
	else
		refuse(p, "no such command:", word);
	fflush(stdout);
	return true;
}

static int talk(struct prompt *p)
{
	bool asks = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	char line[LINE];

	do {
		if (asks)
			fputs("gputopo> ", stdout);
		if (!fgets(line, sizeof(line), stdin))
			break;
	} while (obey(p, line));
	return p->is_wrong ? CLI_FAILED : CLI_DONE;
}

static int start(struct prompt *p, struct gt_node *node, int nodes, const char *policy)
{
	struct gt_mix mix = gt_mix_default();
	bool sizes[SIM_MAX_GPUS + 1];
	struct gt_error err;
	int type;

	if (sim_layout_add_type(&p->layout, node, 0, &type, &err))
		return cli_fail(&err);
	for (int i = 0; i < nodes; i++)
		if (sim_layout_add_node(&p->layout, type, NULL, false, &err))
			return cli_fail(&err);
	if (sim_chooser_init(&p->chooser, policy, &p->layout, &mix, 0, 1, &err))
		return cli_fail(&err);
	memset(sizes, 1, sizeof(sizes));
	if (sim_cluster_init(&p->cluster, &p->layout, p->chooser.values, sizes,
			     p->chooser.nodes == SIM_NODES_BEST, false, &err))
		return cli_fail(&err);
	p->jobs = calloc(MAX_JOBS + 1, sizeof(*p->jobs));
	p->changes = calloc(MAX_JOBS, sizeof(*p->changes));
	return p->jobs && p->changes ? talk(p) : cli_no_memory();
}

int cmd_sim_query(int argc, char **argv)
{
	static const struct option options[] = {
		{"nodes", required_argument, NULL, NODES},
		{"policy", required_argument, NULL, POLICY},
		CLI_LONG_OPTIONS,
		{0},
	};
	struct cli_common c = {.command = "sim query", .help = help};
	const char *policy = "gputopo";
	struct prompt p = {0};
	struct gt_node *node;
	int64_t nodes = 1;
	int opt, status = CLI_GO_ON;

	while (status == CLI_GO_ON &&
	       (opt = getopt_long(argc, argv, CLI_SHORT, options, NULL)) != -1) {
		if (opt == NODES)
			status = sim_read_count(&c, "--nodes", optarg, 1, SIM_MAX_NODES,
						&nodes);
		else if (opt == POLICY)
			policy = optarg;
		else
			status = cli_common_option(&c, opt);
	}
	if (status == CLI_GO_ON)
		status = cli_no_more(&c, argc, argv);
	if (status == CLI_GO_ON)
		status = cli_load(&c, &node);
	if (status != CLI_GO_ON)
		return status;
	status = start(&p, node, (int)nodes, policy);
	if (p.cluster.layout)
		sim_cluster_release(&p.cluster);
	sim_chooser_release(&p.chooser);
	sim_layout_release(&p.layout);
	free(p.jobs);
	free(p.changes);
	return status;
}
