/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo sim query: a prompt on a simulated cluster, for demonstrations and tests. */
#include "config.h"

#include "cli/cmd_sim.h"
#include "sim/cluster.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char commands_help[] =
	"  alloc --gpus=K [--node=NAME]   place a job; prints its number and GPUs\n"
	"  free ID                        end a job\n"
	"  down NODE:GPU | up NODE:GPU    take a free GPU out of service, or back\n"
	"  find [--gpus=K]                the nodes that have K free (default 1), and "
	"what "
	"they could give\n"
	"  show                           every node\n"
	"  what-if --gpus=K               what each policy would choose, changing "
	"nothing\n"
	"  frag                           how many nodes still hold a ring of each size\n"
	"  undo                           take the last change back\n"
	"  help                           these lines\n"
	"  quit\n";

static const char help_before[] =
	"Usage: gputopo sim query -t TOPOLOGY [--nodes N] [--policy P]\n"
	"Read commands from standard input, one a line; ends with 1 where one was "
	"wrong:\n\n";

static const char help_after[] =
	"\n" CLI_TOPOLOGY_HELP "      --nodes N      how many nodes (default 1)\n"
	"      --policy P     a policy of gputopo sim replay (default "
	"gputopo)\n" CLI_HELP_HELP;

enum { NODES = CLI_OPT_OWN, POLICY };

#define LINE	 1024
#define MAX_JOBS 100000

struct job {
	uint64_t mask;
	uint16_t cores[SIM_MAX_SOCKETS]; /* where Slurm's policies put its core */
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
	int change_count, change_room;
	int64_t ticks; /* a clock of lines */
	bool is_wrong; /* some command was */
};

/* The words after a command. */
struct asked {
	int gpus;	  /* --gpus=; 0: not given */
	const char *node; /* --node=; NULL: not given */
	const char *what; /* the word without dashes; "": none */
};

static void refuse(struct prompt *p, const char *why, const char *what)
{
	cli_say("-:%lld: %s%s%s", (long long)p->ticks, why, *what ? " " : "", what);
	p->is_wrong = true;
}

static const char *gbps(int mbps, char *buf)
{
	return cli_gbps(mbps, buf);
}

/* ---- words of a command
 * ---------------------------------------------------------------- */

/* A number that is all of a text, or -1. */
static int read_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	return isdigit((unsigned char)*text) && !*end && number <= INT32_MAX ? (int)number
									     : -1;
}

static bool read_word(struct prompt *p, const char *word, struct asked *a)
{
	if (!strncmp(word, "--gpus=", 7)) {
		a->gpus = read_number(word + 7);
		if (a->gpus >= 1 && a->gpus <= p->layout.largest)
			return true;
		refuse(p, "no number of GPUs of a node:", word);
		return false;
	}
	if (!strncmp(word, "--node=", 7))
		a->node = word + 7;
	else if (*word != '-' && !*a->what)
		a->what = word;
	else {
		refuse(p, "what is this:", word);
		return false;
	}
	return true;
}

/* A node by the first length characters of a text, or -1. */
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

/* Every change can be undone; false: there is no room for one more. */
static bool make_room(struct prompt *p)
{
	int room = p->change_room ? 2 * p->change_room : 256;
	struct change *grown;

	if (p->change_count < p->change_room)
		return true;
	grown = realloc(p->changes, (size_t)room * sizeof(*grown));
	if (!grown) {
		refuse(p, "out of memory", "");
		return false;
	}
	p->changes = grown;
	p->change_room = room;
	return true;
}

static void take(struct prompt *p, int job)
{
	sim_cluster_take(&p->cluster, p->jobs[job].node, p->jobs[job].mask, (uint32_t)job,
			 SIM_SOON, false, p->jobs[job].cores, p->ticks);
	p->jobs[job].runs = true;
}

static void give(struct prompt *p, int job)
{
	sim_cluster_give(&p->cluster, p->jobs[job].node, (uint32_t)job, p->ticks);
	p->jobs[job].runs = false;
}

/* ---- commands
 * ---------------------------------------------------------------------------- */

/* The node that an alloc names, or that the policy takes; -1: none, -2: no such node. */
static int choose_node(const struct prompt *p, const struct asked *a)
{
	int node;

	if (!a->node)
		return sim_cluster_find(&p->cluster, p->chooser.nodes, a->gpus, NULL, 0);
	node = find_node(p, a->node, strlen(a->node));
	return node < 0 ? -2 : node;
}

static void do_alloc(struct prompt *p, const struct asked *a)
{
	int node = choose_node(p, a), job = p->job_count + 1;
	uint64_t mask;

	if (node == -2) {
		refuse(p, "no such node:", a->node);
		return;
	}
	if (job > MAX_JOBS) {
		refuse(p, "too many jobs for one session", "");
		return;
	}
	if (!make_room(p))
		return;
	mask = node >= 0 ? ask(p, &p->chooser, node, a->gpus) : 0;
	if (!mask) {
		if (a->node)
			printf("none: %s has fewer than %d free GPUs\n", a->node,
			       a->gpus);
		else
			printf("none: no node has %d free GPUs\n", a->gpus);
		return;
	}
	p->jobs[job] = (struct job){.mask = mask, .node = node};
	memcpy(p->jobs[job].cores, p->chooser.cores, sizeof(p->jobs[job].cores));
	p->job_count = job;
	take(p, job);
	p->changes[p->change_count++] = (struct change){ALLOC, job, node, 0};
	printf("job %d: ", job);
	print_set(p, node, mask);
}

static void do_free(struct prompt *p, const struct asked *a)
{
	int job = read_number(a->what);

	if (job < 1 || job > p->job_count || !p->jobs[job].runs) {
		refuse(p, "no such job:", a->what);
		return;
	}
	if (!make_room(p))
		return;
	give(p, job);
	p->changes[p->change_count++] = (struct change){FREE, job, 0, 0};
	printf("job %d is gone\n", job);
}

static void do_service(struct prompt *p, const char *what, bool down)
{
	const char *colon = strrchr(what, ':');
	int node = colon ? find_node(p, what, (size_t)(colon - what)) : -1;
	int gpu = colon ? read_number(colon + 1) : -1;
	uint64_t bit;

	if (node < 0 || gpu < 0 || gpu >= sim_layout_type(&p->layout, node)->n) {
		refuse(p, "not NODE:GPU:", what);
		return;
	}
	bit = UINT64_C(1) << gpu;
	if (down ? (p->cluster.nodes[node].busy & bit) != 0
		 : !(p->cluster.nodes[node].down & bit)) {
		refuse(p, down ? "the GPU is not free:" : "the GPU is not down:", what);
		return;
	}
	if (!make_room(p))
		return;
	sim_cluster_set_down(&p->cluster, node, gpu, down, p->ticks);
	p->changes[p->change_count++] = (struct change){down ? DOWN : UP, 0, node, gpu};
	printf("%s is %s\n", what, down ? "down" : "up");
}

static void do_down(struct prompt *p, const struct asked *a)
{
	do_service(p, a->what, true);
}

static void do_up(struct prompt *p, const struct asked *a)
{
	do_service(p, a->what, false);
}

static void do_find(struct prompt *p, const struct asked *a)
{
	int gpus = a->gpus ? a->gpus : 1, found = 0;

	for (int i = 0; i < p->layout.nodes; i++) {
		uint64_t mask = ask(p, &p->chooser, i, gpus);

		if (!mask)
			continue;
		print_set(p, i, mask);
		found++;
	}
	if (!found)
		printf("none: no node has %d free GPUs\n", gpus);
}

static void do_show(struct prompt *p, const struct asked *a)
{
	(void)a;
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

static void do_what_if(struct prompt *p, const struct asked *a)
{
	const struct sim_policy *policy;
	struct gt_mix mix = gt_mix_default();
	int gpus = a->gpus;

	for (int i = 0; (policy = sim_policy_at(i)); i++) {
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

static void do_frag(struct prompt *p, const struct asked *a)
{
	(void)a;
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

static void do_undo(struct prompt *p, const struct asked *a)
{
	const struct change *c;

	(void)a;
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

static void do_help(struct prompt *p, const struct asked *a)
{
	(void)p, (void)a;
	fputs(commands_help, stdout);
}

/* ---- the table -----------------------------------------------------------------------
 */

enum words { NOTHING = 0, GPUS = 1, MAY_GPUS = 2, MAY_NODE = 4, WHAT = 8 };

static const struct command {
	const char *name;
	void (*run)(struct prompt *p, const struct asked *a);
	int words; /* that must or may follow */
} commands[] = {
	{"alloc", do_alloc, GPUS | MAY_NODE},
	{"free", do_free, WHAT},
	{"down", do_down, WHAT},
	{"up", do_up, WHAT},
	{"find", do_find, MAY_GPUS},
	{"show", do_show, NOTHING},
	{"what-if", do_what_if, GPUS},
	{"frag", do_frag, NOTHING},
	{"undo", do_undo, NOTHING},
	{"help", do_help, NOTHING},
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	return NULL;
}

/* Why the words do not suit the command; NULL: they do. */
static const char *misuse_of(const struct command *c, const struct asked *a)
{
	if (c->words & GPUS && !a->gpus)
		return "needs --gpus=K";
	if (c->words & WHAT && !*a->what)
		return "needs to know what";
	if ((a->gpus && !(c->words & (GPUS | MAY_GPUS))) ||
	    (a->node && !(c->words & MAY_NODE)) || (*a->what && !(c->words & WHAT)))
		return "takes other words";
	return NULL;
}

/* One line; false: quit. */
static bool obey(struct prompt *p, char *line)
{
	static const char spaces[] = " \t\r\n";
	char *keep = NULL, *name = strtok_r(line, spaces, &keep), *word;
	const struct command *command;
	struct asked asked = {.what = ""};
	const char *why;

	if (!name || *name == '#')
		return true;
	if (!strcmp(name, "quit"))
		return false;
	command = find_command(name);
	if (!command) {
		refuse(p, "no such command:", name);
		return true;
	}
	while ((word = strtok_r(NULL, spaces, &keep)))
		if (!read_word(p, word, &asked))
			return true;
	why = misuse_of(command, &asked);
	if (why)
		refuse(p, name, why);
	else
		command->run(p, &asked);
	fflush(stdout);
	return true;
}

/* The next line; a longer one is refused and left out. false: there is none. */
static bool next_line(struct prompt *p, char *line)
{
	int c;

	while (fgets(line, LINE, stdin)) {
		p->ticks++;
		if (strchr(line, '\n') || feof(stdin))
			return true;
		while ((c = getchar()) != '\n' && c != EOF)
			;
		refuse(p, "the line is too long", "");
	}
	return false;
}

static int talk(struct prompt *p)
{
	bool asks = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	char line[LINE];

	do {
		if (asks)
			fputs("gputopo> ", stdout);
		if (!next_line(p, line))
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
	return p->jobs ? talk(p) : cli_no_memory();
}

int cmd_sim_query(int argc, char **argv)
{
	static const struct option options[] = {
		{"nodes", required_argument, NULL, NODES},
		{"policy", required_argument, NULL, POLICY},
		CLI_LONG_OPTIONS,
		{0},
	};
	char help[sizeof(help_before) + sizeof(commands_help) + sizeof(help_after)];
	struct cli_common c = {.command = "sim query", .help = help};
	const char *policy = "gputopo";
	struct prompt p = {0};
	struct gt_node *node;
	int64_t nodes = 1;
	int opt, status = CLI_GO_ON;

	snprintf(help, sizeof(help), "%s%s%s", help_before, commands_help, help_after);
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
