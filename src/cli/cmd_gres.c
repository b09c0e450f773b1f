/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo gres: gres.conf lines with Links= and Cores=. */
#define _GNU_SOURCE
#include "config.h"

#include "cli/cli.h"
#include "cli/gres_mig.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define RANGES_MAX  64
#define THREADS_MAX 8
#define RENDER_NODE 128 /* the first minor of /dev/dri/renderD */

#define MIG_MINORS "/proc/driver/nvidia-caps/mig-minors"

enum { OPT_TYPE = CLI_OPT_OWN, OPT_THREADS, OPT_INSTANCES, OPT_MINORS };

/* What the lines are made of besides the topology. */
struct lines {
	const struct gt_node *node;
	const char *name, *type;
	int threads;
	struct gres_mig_list mig;
	const char *minors; /* a file; NULL: the driver's fixed numbering */
};

static const char help[] =
	"Usage: gputopo gres -t TOPOLOGY [--node NAME] [--type NAME] [--threads N]\n"
	"Print gres.conf lines with Links= and Cores=. GPUs on NVSwitches get the links "
	"they\n"
	"have into the fabric, where Slurm's AutoDetect writes "
	"zeros.\n\n" CLI_TOPOLOGY_HELP "      --type NAME    Type= of the GPUs; without "
	"it, the model as AutoDetect writes it\n"
	"      --threads N    threads of a core, where the topology lists CPUs and they\n"
	"                     have neighbouring numbers; 1 without SMT\n"
	"      --instances FILE    the MIG devices of GPUs that are cut, as printed by\n"
	"                     nvidia-smi mig -lgi (and -lci); - reads standard input\n"
	"      --mig-minors FILE    numbers of the capability files; without it those "
	"of\n"
	"                     " MIG_MINORS " with -t live, else the\n"
	"                     driver's fixed ones\n"
	"\nWith another format than gres.conf --node is the NodeName= of the "
	"lines.\n" CLI_HELP_HELP;

/* AutoDetect's way: lower case, blanks as underscores. */
static void print_type(const char *model)
{
	fputs(" Type=", stdout);
	for (; *model; model++)
		putchar(*model == ' ' ? '_' : tolower((unsigned char)*model));
}

/* By the model, as people and Slurm write it ("mi210", "amd_instinct_mi300x"), or by the
 * program whose text it is. */
static bool is_amd(const struct gt_node *node, const struct gt_gpu *gpu)
{
	static const char *const words[] = {"amd", "instinct", "radeon", "gfx", "vega"};
	const char *format = gt_node_source_format(node), *model = gpu->model;

	if (!model[0])
		return !strcmp(format, "rocm-smi") || !strcmp(format, "amd-smi");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(model, words[i]))
			return true;
	return !strncasecmp(model, "mi", 2) && isdigit((unsigned char)model[2]);
}

/* The minor of a render node is 128 and above, which no /dev/nvidiaN reaches. gres.conf
 * may name an AMD GPU by its card instead. */
static void print_device(const struct gt_node *node, int i)
{
	const struct gt_gpu *gpu = gt_node_gpu(node, i);
	bool from_gres = !strcmp(gt_node_source_format(node), "gres");

	if (gpu->minor >= RENDER_NODE)
		printf(" File=/dev/dri/renderD%d", gpu->minor);
	else if (!is_amd(node, gpu))
		printf(" File=/dev/nvidia%d", gpu->minor >= 0 ? gpu->minor : i);
	else if (from_gres && gpu->minor >= 0)
		printf(" File=/dev/dri/card%d", gpu->minor);
	else
		printf(" File=/dev/dri/renderD%d",
		       RENDER_NODE + (gpu->minor >= 0 ? gpu->minor : i));
}

/* ---- Cores= ---- */

/*
 * Cores= counts cores, sources list CPUs. Where a core has several threads, Linux numbers
 * them one of two ways: first threads first, so that "0-19,40-59" are the cores 0-19, or
 * thread after thread (POWER, some virtual machines), so that 0-63 are 16 cores of 4.
 */
struct cpus {
	int low[RANGES_MAX], high[RANGES_MAX];
	int count;
};

struct cores {
	const struct gt_node *node;
	int threads; /* of a core, CPUs with neighbouring numbers; 0: not known */
	int apart;   /* from a core's first thread to its second, 0: not so numbered */
	int single;  /* the first GPU whose one range was taken as cores, or GT_UNKNOWN */
	int strange; /* the first GPU whose list tells no cores */
};

static bool parse_cpus(const char *text, struct cpus *cpus)
{
	int used = 0;

	for (cpus->count = 0; *text; cpus->count++) {
		int *low = &cpus->low[cpus->count], *high = &cpus->high[cpus->count];

		if (cpus->count == RANGES_MAX || !isdigit((unsigned char)*text) ||
		    sscanf(text, "%d%n", low, &used) != 1)
			return false;
		*high = *low;
		text += used;
		if (*text == '-' && sscanf(text, "-%d%n", high, &used) == 1)
			text += used;
		if (*high < *low || (*text && *text != ','))
			return false;
		text += *text == ',';
	}
	return cpus->count > 0;
}

/* How far the second half of the ranges lies behind the first; 0: they are not alike. */
static int distance(const struct cpus *cpus)
{
	int half = cpus->count / 2, apart;

	if (cpus->count % 2)
		return 0;
	apart = cpus->low[half] - cpus->low[0];
	for (int i = 0; i < half; i++)
		if (cpus->low[half + i] - cpus->low[i] != apart ||
		    cpus->high[half + i] - cpus->high[i] != apart)
			return 0;
	return apart;
}

/* Whether the second threads of all GPUs' cores are equally far, behind all first ones.
 * Lists of single numbers would do so by chance: they may as well be every other core. */
static int find_apart(const struct gt_node *node)
{
	int apart = 0, most = 0;

	for (int i = 0; i < gt_node_size(node); i++) {
		const char *text = gt_node_gpu(node, i)->cpus;
		struct cpus cpus;

		if (!text[0])
			continue;
		if (!parse_cpus(text, &cpus) || !distance(&cpus) ||
		    cpus.low[0] == cpus.high[0] || (apart && distance(&cpus) != apart))
			return 0;
		apart = distance(&cpus);
		if (cpus.high[cpus.count / 2 - 1] > most)
			most = cpus.high[cpus.count / 2 - 1];
	}
	return apart > most ? apart : 0;
}

/* Threads of CPU 0's core on this machine, if their numbers are neighbours; 0: unknown.
 */
static int threads_here(void)
{
	FILE *in =
		fopen("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "re");
	char line[256] = "";
	struct cpus cpus;

	if (!in)
		return 0;
	if (fgets(line, sizeof(line), in))
		line[strcspn(line, "\n")] = '\0';
	fclose(in);
	if (!parse_cpus(line, &cpus) || cpus.low[0])
		return 0;
	for (int i = 1; i < cpus.count; i++)
		if (cpus.low[i] != cpus.high[i - 1] + 1)
			return 0;
	return cpus.high[cpus.count - 1] + 1;
}

static void find_cores(struct cores *cores, const struct gt_node *node, int threads)
{
	*cores = (struct cores){.node = node,
				.threads = threads,
				.single = GT_UNKNOWN,
				.strange = GT_UNKNOWN};
	if (!threads || threads == 2)
		cores->apart = find_apart(node);
	if (threads || cores->apart)
		return;
	if (!strcmp(gt_node_source_format(node), "gres"))
		cores->threads = 1; /* they are cores already */
	else if (!strcmp(gt_node_source_format(node), "live"))
		cores->threads = threads_here();
	else if (gt_node_cpu_vendor(node) == GT_CPU_POWER9)
		cores->threads = 4; /* with fewer, the numbers have gaps */
	else if (gt_node_cpu_vendor(node) == GT_CPU_ARM)
		cores->threads = 1;
}

/* Whether the ranges begin and end with whole cores. */
static bool divides(const struct cpus *cpus, int threads)
{
	for (int i = 0; i < cpus->count; i++)
		if (cpus->low[i] % threads || (cpus->high[i] + 1) % threads)
			return false;
	return true;
}

static void print_cores(struct cores *cores, int gpu)
{
	const char *text = gt_node_gpu(cores->node, gpu)->cpus;
	int threads = cores->threads ? cores->threads : 1;
	struct cpus cpus;
	bool parsed = parse_cpus(text, &cpus);
	int count = cores->apart ? cpus.count / 2 : cpus.count;

	if (!text[0])
		return;
	if (cores->apart)
		threads = 1;
	if (!parsed || (!cores->apart && !cores->threads && count > 1) ||
	    !divides(&cpus, threads)) {
		cores->strange = cores->strange < 0 ? gpu : cores->strange;
		return;
	}
	if (!cores->apart && !cores->threads && cores->single < 0)
		cores->single = gpu;
	for (int i = 0; i < count; i++) {
		int low = cpus.low[i] / threads, high = cpus.high[i] / threads;

		printf(low == high ? "%s%d" : "%s%d-%d", i ? "," : " Cores=", low, high);
	}
}

/* What the reader of the lines has to look at. */
static void warn_cores(const struct cores *cores)
{
	if (cores->single >= 0)
		cli_say("GPU %d: the CPUs %s are taken as cores; if a core has several "
			"threads, give --threads N",
			cores->single, gt_node_gpu(cores->node, cores->single)->cpus);
	if (cores->strange >= 0)
		cli_say("GPU %d: no Cores=, since the CPUs %s do not show which cores "
			"they are: write them by hand, or give --threads N",
			cores->strange, gt_node_gpu(cores->node, cores->strange)->cpus);
}

/* ---- lines ---- */

static void print_links(const struct gt_node *node, int i)
{
	for (int j = 0; j < gt_node_size(node); j++)
		printf("%s%d",
		       j ? "," : " Links=", j == i ? -1 : gt_node_links(node, i, j));
	putchar('\n');
}

static bool is_cut(const struct gt_node *node, int gpu)
{
	for (int i = 0; i < gt_node_instance_count(node); i++)
		if (gt_node_instance(node, i)->gpu == gpu)
			return true;
	return false;
}

static void print_start(const struct lines *lines, const char *type)
{
	if (lines->name)
		printf("NodeName=%s ", lines->name);
	fputs("Name=gpu", stdout);
	if (type[0])
		print_type(type);
}

/* The lines of a GPU's MIG devices; *found: how many. */
static enum gt_err print_devices(const struct lines *lines, struct cores *cores, int gpu,
				 int *found, struct gt_error *err)
{
	int minor = gt_node_gpu(lines->node, gpu)->minor;

	*found = 0;
	for (int i = 0; i < lines->mig.count; i++) {
		const struct gres_mig *device = &lines->mig.device[i];
		enum gt_err rc;
		char type[128];
		int caps[2];

		if (device->gpu != gpu)
			continue;
		rc = gres_mig_caps(device, minor >= 0 ? minor : gpu, lines->minors, caps,
				   err);
		if (rc)
			return rc;
		print_start(lines,
			    gres_mig_type(device, gt_node_gpu(lines->node, gpu)->model,
					  lines->type, type, sizeof(type)));
		printf(" MultipleFiles=/dev/nvidia%d,/dev/nvidia-caps/nvidia-cap%d,"
		       "/dev/nvidia-caps/nvidia-cap%d",
		       minor >= 0 ? minor : gpu, caps[0], caps[1]);
		print_cores(cores, gpu);
		putchar('\n');
		++*found;
	}
	return GT_OK;
}

/* Whether every device's GPU is there, and none is of AMD. */
static bool fits(const struct lines *lines)
{
	for (int i = 0; i < lines->mig.count; i++)
		if (lines->mig.device[i].gpu >= gt_node_size(lines->node)) {
			cli_say("the instances name GPU %d, but the topology has %d GPUs",
				lines->mig.device[i].gpu, gt_node_size(lines->node));
			return false;
		}
	return true;
}

static int print_lines(const struct lines *lines)
{
	const struct gt_node *node = lines->node;
	struct cores cores;
	struct gt_error err;
	int found = 0;

	if (gt_node_is_partial(node)) {
		cli_say("the topology is partial: %s",
			gt_node_note_count(node) ? gt_node_note(node, 0)
						 : "some pairs are not shown");
		return CLI_FAILED;
	}
	if (!fits(lines))
		return CLI_FAILED;
	find_cores(&cores, node, lines->threads);
	for (int i = 0; i < gt_node_size(node); i++) {
		const struct gt_gpu *gpu = gt_node_gpu(node, i);

		if (print_devices(lines, &cores, i, &found, &err))
			return cli_fail(&err);
		if (found)
			continue;
		/* the numbers of the capability files are the driver's */
		if (gpu->mig || is_cut(node, i)) {
			printf("# GPU %d is in MIG mode: give what nvidia-smi mig -lgi "
			       "prints by --instances\n",
			       i);
			continue;
		}
		print_start(lines, lines->type ? lines->type : gpu->model);
		print_device(node, i);
		print_cores(&cores, i);
		print_links(node, i);
	}
	warn_cores(&cores);
	return CLI_DONE;
}

static bool read_threads(const char *text, int *threads)
{
	char *end;
	long value = strtol(text, &end, 10);

	*threads = (int)value;
	return isdigit((unsigned char)*text) && !*end && value >= 1 &&
	       value <= THREADS_MAX;
}

/* Which option it was, or CLI_GO_ON for one that all commands have. */
static int read_option(struct lines *lines, const char **instances,
		       const struct cli_common *c, int opt)
{
	if (opt == OPT_TYPE)
		lines->type = optarg;
	else if (opt == OPT_INSTANCES)
		*instances = optarg;
	else if (opt == OPT_MINORS)
		lines->minors = optarg;
	else if (!read_threads(optarg, &lines->threads))
		return cli_misuse(c, "--threads takes 1 to %d, not '%s'", THREADS_MAX,
				  optarg);
	return CLI_GO_ON;
}

static int load_instances(struct lines *lines, const struct cli_common *c,
			  const char *file)
{
	struct gt_error err;

	if (!file)
		return lines->minors ? cli_misuse(c, "--mig-minors goes with --instances")
				     : CLI_GO_ON;
	if (gres_mig_load(&lines->mig, file, &err))
		return cli_fail(&err);
	if (!lines->minors && c->topology && !strcmp(c->topology, "live") &&
	    access(MIG_MINORS, R_OK) == 0)
		lines->minors = MIG_MINORS;
	return CLI_GO_ON;
}

int cmd_gres(int argc, char **argv)
{
	static const struct option options[] = {
		{"type", required_argument, NULL, OPT_TYPE},
		{"threads", required_argument, NULL, OPT_THREADS},
		{"instances", required_argument, NULL, OPT_INSTANCES},
		{"mig-minors", required_argument, NULL, OPT_MINORS},
		CLI_LONG_OPTIONS,
		{0},
	};
	struct cli_common c = {.command = "gres", .help = help};
	const char *instances = NULL;
	struct lines lines = {0};
	struct gt_node *node;
	int opt, status;

	while ((opt = getopt_long(argc, argv, CLI_SHORT, options, NULL)) != -1) {
		status = opt >= CLI_OPT_OWN ? read_option(&lines, &instances, &c, opt)
					    : cli_common_option(&c, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	status = cli_no_more(&c, argc, argv);
	if (status == CLI_GO_ON)
		status = load_instances(&lines, &c, instances);
	if (status == CLI_GO_ON)
		status = cli_load(&c, &node);
	if (status == CLI_GO_ON) {
		lines.node = node;
		lines.name = c.load.node_name;
		status = print_lines(&lines);
		gt_node_free(node);
	}
	gres_mig_free(&lines.mig);
	return status;
}
