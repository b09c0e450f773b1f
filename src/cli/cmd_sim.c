/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo sim: a table of verbs, and how their options' numbers are read. */
#include "config.h"

#include "cli/cmd_sim.h"
#include "core/hostlist.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_command verbs[] = {
	{"replay", cmd_sim_replay, "a site's jobs under several policies"},
	{"gen", cmd_sim_gen, "random jobs, as a trace on standard output"},
	{"mig", cmd_sim_mig, "GPU instances under several placement policies"},
	{"query", cmd_sim_query, "a prompt: alloc, free, find, what-if, undo"},
	{"compare", cmd_sim_compare, "two summaries side by side"},
	{"plan", cmd_sim_plan, "one workload on several node types"},
	{"defrag", cmd_sim_defrag, "which restarts would free a good set"},
	{"blocks", cmd_sim_blocks, "jobs of whole nodes on racks, with segments"},
	{"merge", cmd_sim_merge, "summaries of a sweep: means and 95 % intervals"},
	{0},
};

static const struct cli_menu menu = {
	.name = "gputopo sim",
	.about = "What another choice of GPUs would change, without touching a cluster.",
	.tail = "",
	.commands = verbs,
};

int sim_read_number(const struct cli_common *c, const char *name, const char *text,
		    double low, double high, double *value)
{
	char *end;

	*value = strtod(text, &end);
	if (end == text || *end || !(*value >= low && *value <= high))
		return cli_misuse(c, "%s: '%s' is not a number from %g to %g", name, text,
				  low, high);
	return CLI_GO_ON;
}

int sim_read_count(const struct cli_common *c, const char *name, const char *text,
		   int64_t low, int64_t high, int64_t *value)
{
	char *end;
	long long number = strtoll(text, &end, 10);

	*value = number;
	if (end == text || *end || number < low || number > high)
		return cli_misuse(c, "%s: '%s' is not a whole number from %lld to %lld",
				  name, text, (long long)low, (long long)high);
	return CLI_GO_ON;
}

int sim_read_duration(const struct cli_common *c, const char *name, const char *text,
		      int64_t *ms)
{
	static const struct {
		const char *suffix;
		double seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
	char *end;
	double number = strtod(text, &end);

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (end != text && !strcmp(end, units[i].suffix) && number >= 0 &&
		    number * units[i].seconds < 4e9) {
			*ms = (int64_t)(number * units[i].seconds * 1000 + .5);
			return CLI_GO_ON;
		}
	return cli_misuse(c, "%s: '%s' is not a duration such as 90m, 12h or 7d", name,
			  text);
}

int sim_read_gpu_from(const struct cli_common *c, const char *name, const char *text,
		      struct sim_trace_options *read)
{
	int used = 0;

	if (sscanf(text, "procs/%d%n", &read->swf_per_gpu, &used) == 1 && !text[used] &&
	    read->swf_per_gpu > 0)
		return CLI_GO_ON;
	read->swf_per_gpu = 0;
	if (sscanf(text, "node/%d%n", &read->gpus_per_node, &used) != 1 ||
	    read->gpus_per_node < 1 || read->gpus_per_node > SIM_MAX_GPUS ||
	    (text[used] && (text[used] != ':' || !text[used + 1])))
		return cli_misuse(c, "%s: '%s' is not procs/N or node/N[:HOSTS]", name,
				  text);
	read->gpu_hosts = text[used] ? text + used + 1 : NULL;
	if (read->gpu_hosts && !gt_hostlist_is_valid(read->gpu_hosts))
		return cli_misuse(c, "%s: '%.100s' is not a list of hosts", name,
				  read->gpu_hosts);
	return CLI_GO_ON;
}

int cmd_sim(int argc, char **argv)
{
	return cli_menu_run(&menu, argc, argv);
}
