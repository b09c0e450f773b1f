/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo pick: the best K of the free GPUs. */
#include "config.h"

#include "cli/cli.h"
#include "cli/explain.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: gputopo pick -t TOPOLOGY -n K [OPTIONS]\n"
	"Print the K free GPUs that a job should get.\n\n" CLI_TOPOLOGY_HELP
	"  -n, --count K      how many GPUs (-k is the same)\n"
	"      --free LIST    the GPUs to choose from (default: all)\n"
	"      --busy LIST    or: all but these\n"
	"      --include LIST these must be chosen\n" CLI_GROUPS_HELP
	"      --multi-node   for a job of several nodes: the NICs near to the GPUs "
	"count\n"
	"      --rails LIST   and these rails are used on its other nodes\n"
	"      --min-busbw G  refuse sets with a group below G GB/s of bus bandwidth\n"
	"      --policy P     bandwidth: the fastest set, of those the least damage\n"
	"                     (default); preserve: the least damage first\n"
	"      --mix K:W,...  how often jobs of each size come (default\n"
	"                     1:40,2:20,4:20,8:20)\n"
	"      --running LIST[:SECONDS]\n"
	"                     the GPUs of a running job, which are busy, and when it "
	"ends;\n"
	"                     one option for each job\n"
	"      --explain      why this set: every level of the key\n"
	"      --json         one JSON document\n" CLI_HELP_HELP
	"Exit status 3: the request cannot be satisfied.\n";

enum {
	OPT_FREE = CLI_OPT_OWN,
	OPT_BUSY,
	OPT_INCLUDE,
	OPT_GROUPS,
	OPT_COMM,
	OPT_MULTI_NODE,
	OPT_RAILS,
	OPT_MIN_BUSBW,
	OPT_POLICY,
	OPT_MIX,
	OPT_RUNNING,
	OPT_EXPLAIN,
	OPT_JSON,
};

/* The line as it was typed; lists wait until the node's size is known. */
struct pick {
	struct cli_common common;
	const char *free, *busy, *include, *groups_text;
	struct gt_groups groups;
	const char *running[GT_MAX_GPUS];
	int running_count;
	struct gt_mix mix;
	bool explain, json;
	struct gt_request request;
	struct gt_network network;
	struct gt_running jobs[GT_MAX_GPUS];
};

/* ---- the line ---- */

static int read_count(struct pick *p, const char *text)
{
	char *end;
	long k = strtol(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || k < 1 || k > 1000000)
		return cli_misuse(&p->common, "-n: '%s' is not a number of GPUs", text);
	p->request.count = (int)k;
	return CLI_GO_ON;
}

static const char *policy_name(enum gt_policy policy)
{
	return policy == GT_POLICY_PRESERVE ? "preserve" : "bandwidth";
}

static int read_policy(struct pick *p, const char *text)
{
	if (!strcmp(text, policy_name(GT_POLICY_BANDWIDTH)))
		p->request.policy = GT_POLICY_BANDWIDTH;
	else if (!strcmp(text, policy_name(GT_POLICY_PRESERVE)))
		p->request.policy = GT_POLICY_PRESERVE;
	else
		return cli_misuse(&p->common,
				  "--policy: '%s' is not bandwidth or preserve", text);
	return CLI_GO_ON;
}

static int read_mix(struct pick *p, const char *text)
{
	struct gt_error err;

	if (gt_mix_parse(&p->mix, text, &err))
		return cli_misuse(&p->common, "--mix: %s", err.text);
	return CLI_GO_ON;
}

static int read_rails(struct pick *p, const char *text)
{
	struct gt_mask rails;
	struct gt_error err;

	if (gt_mask_parse(&rails, text, GT_MAX_NICS, &err))
		return cli_misuse(&p->common, "--rails: %s", err.text);
	p->network.rails = rails.word[0];
	p->request.network = &p->network;
	return CLI_GO_ON;
}

static int keep_running(struct pick *p, const char *text)
{
	if (p->running_count == GT_MAX_GPUS)
		return cli_misuse(&p->common, "--running: at most %d jobs", GT_MAX_GPUS);
	p->running[p->running_count++] = text;
	return CLI_GO_ON;
}

static int read_option(struct pick *p, int opt)
{
	switch (opt) {
	case 'n':
	case 'k':
		return read_count(p, optarg);
	case OPT_FREE:
		p->free = optarg;
		return CLI_GO_ON;
	case OPT_BUSY:
		p->busy = optarg;
		return CLI_GO_ON;
	case OPT_INCLUDE:
		p->include = optarg;
		return CLI_GO_ON;
	case OPT_GROUPS:
		p->groups_text = optarg;
		return CLI_GO_ON;
	case OPT_COMM:
		return cli_comm(&p->common, optarg, &p->request.comm);
	case OPT_MULTI_NODE:
		p->request.network = &p->network;
		return CLI_GO_ON;
	case OPT_RAILS:
		return read_rails(p, optarg);
	case OPT_MIN_BUSBW:
		return cli_min_busbw(&p->common, optarg, &p->request.min_busbw_mbps);
	case OPT_POLICY:
		return read_policy(p, optarg);
	case OPT_MIX:
		return read_mix(p, optarg);
	case OPT_RUNNING:
		return keep_running(p, optarg);
	case OPT_EXPLAIN:
		p->explain = true;
		return CLI_GO_ON;
	case OPT_JSON:
		p->json = true;
		return CLI_GO_ON;
	default:
		return cli_common_option(&p->common, opt);
	}
}

static int read_line(struct pick *p, int argc, char **argv)
{
	static const struct option options[] = {
		{"count", required_argument, NULL, 'n'},
		{"free", required_argument, NULL, OPT_FREE},
		{"busy", required_argument, NULL, OPT_BUSY},
		{"include", required_argument, NULL, OPT_INCLUDE},
		{"groups", required_argument, NULL, OPT_GROUPS},
		{"comm", required_argument, NULL, OPT_COMM},
		{"multi-node", no_argument, NULL, OPT_MULTI_NODE},
		{"rails", required_argument, NULL, OPT_RAILS},
		{"min-busbw", required_argument, NULL, OPT_MIN_BUSBW},
		{"policy", required_argument, NULL, OPT_POLICY},
		{"mix", required_argument, NULL, OPT_MIX},
		{"running", required_argument, NULL, OPT_RUNNING},
		{"explain", no_argument, NULL, OPT_EXPLAIN},
		{"json", no_argument, NULL, OPT_JSON},
		CLI_LONG_OPTIONS,
		{0},
	};
	int opt, status;

	while ((opt = getopt_long(argc, argv, CLI_SHORT "n:k:", options, NULL)) != -1) {
		status = read_option(p, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	status = cli_no_more(&p->common, argc, argv);
	if (status != CLI_GO_ON)
		return status;
	if (p->groups_text) {
		status = cli_groups(&p->common, "--groups", p->groups_text,
				    &p->request.count, &p->groups);
		if (status != CLI_GO_ON)
			return status;
		p->request.groups = &p->groups;
	}
	if (p->request.count == 0)
		return cli_misuse(
			&p->common,
			"the number of GPUs is missing: -n K, or --groups SIZES");
	if (p->free && p->busy)
		return cli_misuse(&p->common, "--free and --busy: give only one of them");
	return CLI_GO_ON;
}

/* ---- the request ---- */

/* "0,3" or "0,3:600". */
static int read_running(struct pick *p, const struct gt_node *node, int i)
{
	char list[GT_MASK_TEXT_MAX];
	const char *text = p->running[i];
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	int status;

	if (length == 0 || length >= sizeof(list))
		return cli_misuse(&p->common, "--running: '%s' is not LIST[:SECONDS]",
				  text);
	if (colon && (!colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
		      strlen(colon + 1) > 9))
		return cli_misuse(&p->common,
				  "--running: '%s' is not a number of seconds",
				  colon + 1);
	memcpy(list, text, length);
	list[length] = '\0';
	p->jobs[i].seconds = colon ? atoi(colon + 1) : GT_UNKNOWN;
	status = cli_list(&p->common, "--running", list, node, &p->jobs[i].gpus);
	if (status != CLI_GO_ON)
		return status;
	for (int j = 0; j < i; j++)
		if (gt_mask_meets(&p->jobs[i].gpus, &p->jobs[j].gpus))
			return cli_misuse(&p->common,
					  "--running: two jobs have the same GPU");
	return CLI_GO_ON;
}

static int make_request(struct pick *p, const struct gt_node *node)
{
	struct gt_request *r = &p->request;
	struct gt_mask all = gt_mask_first(gt_node_size(node)), busy = {0};
	int status = CLI_GO_ON;

	if (p->include)
		status = cli_list(&p->common, "--include", p->include, node, &r->include);
	if (status == CLI_GO_ON && p->busy)
		status = cli_list(&p->common, "--busy", p->busy, node, &busy);
	r->free = gt_mask_without(&all, &busy);
	if (status == CLI_GO_ON && p->free)
		status = cli_list(&p->common, "--free", p->free, node, &r->free);
	for (int i = 0; i < p->running_count && status == CLI_GO_ON; i++) {
		status = read_running(p, node, i);
		if (status != CLI_GO_ON)
			return status;
		if (p->free && gt_mask_meets(&p->jobs[i].gpus, &r->free))
			return cli_misuse(&p->common,
					  "--running: a GPU of '%s' is also in --free",
					  p->running[i]);
		r->free = gt_mask_without(&r->free, &p->jobs[i].gpus);
	}
	r->running = p->jobs;
	r->running_count = p->running_count;
	return status;
}

/* ---- the answer ---- */

struct answer {
	struct explain_set choice;
	struct explain_set runner_up;
	struct gt_geometry geometry, second_geometry;
	bool exact;
	bool runner_up_exact;
	bool has_runner_up;
	int ideal_mbps;
};

static enum gt_fit find(struct gt_table *table, const struct gt_request *request,
			struct answer *a)
{
	struct gt_choice choice, second;
	enum gt_fit fit = gt_select(table, request, &choice);

	if (fit != GT_FIT_OK)
		return fit;
	a->choice.gpus = choice.gpus;
	a->exact = choice.exact;
	gt_select_score(table, request, &choice.gpus, &a->choice.score);
	gt_select_geometry(table, request, &choice.gpus, &a->geometry);
	gt_order_groups(gt_table_node(table), &a->geometry);
	a->exact = a->exact && a->geometry.exact;
	a->ideal_mbps = gt_ideal_busbw_mbps(table, request->count);
	a->has_runner_up =
		gt_select_runner_up(table, request, &choice, &second) == GT_FIT_OK;
	if (a->has_runner_up) {
		a->runner_up.gpus = second.gpus;
		a->runner_up_exact = second.exact;
		gt_select_score(table, request, &second.gpus, &a->runner_up.score);
		gt_select_geometry(table, request, &second.gpus, &a->second_geometry);
		gt_order_groups(gt_table_node(table), &a->second_geometry);
	}
	return fit;
}

/* X and the cards of a set; without speeds nic_gbps counts cards. */
static bool add_network(json_t *json, const struct gt_node *node,
			const struct explain_set *set)
{
	json_t *names = json_array();
	struct gt_reach reach;

	gt_node_reach(node, &set->gpus, &reach);
	for (int i = 0; i < gt_node_nic_count(node); i++)
		if (reach.nics >> i & 1)
			json_array_append_new(names,
					      json_string(gt_node_nic(node, i)->name));
	return json && !json_object_set_new(json, "nics", names) &&
	       !json_object_set_new(json, "nic_gbps", cli_json_gbps(reach.worth)) &&
	       !json_object_set_new(json, "rails", cli_json_bits(reach.rails));
}

static void print_network(const struct gt_node *node, const struct gt_mask *set)
{
	struct gt_reach reach;
	struct gt_mask rails;
	char list[GT_MASK_TEXT_MAX], gbps[CLI_GBPS_MAX];

	gt_node_reach(node, set, &reach);
	rails = (struct gt_mask){.word = {reach.rails}};
	if (!gt_node_nic_count(node)) {
		puts("the model of the node has no NICs");
		return;
	}
	printf("%s%s through", cli_gbps(reach.worth, gbps),
	       reach.has_speeds ? " GB/s" : " NICs");
	for (int i = 0; i < gt_node_nic_count(node); i++)
		if (reach.nics >> i & 1)
			printf(" %s", gt_node_nic(node, i)->name);
	printf(", rails %s\n", gt_mask_format(&rails, list, sizeof(list)));
}

/* For one GPU every bandwidth field is null. */
static json_t *set_json(const struct explain_set *set, const struct gt_geometry *geometry,
			int ideal_mbps, bool exact, enum gt_policy policy)
{
	const struct gt_score *s = &set->score;
	bool many = s->count > 1;

	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:o, s:b, s:s, s:o, s:o, s:s, s:o, "
		"s:o, s:b}",
		"gpus", cli_json_list(&set->gpus), "busbw_gbps",
		many ? cli_json_gbps(s->busbw_mbps) : json_null(), "rings",
		many ? json_integer(s->rings) : json_null(), "tree",
		many ? json_real((double)s->tree_num / s->tree_den) : json_null(),
		"pair_sum_gbps", many ? cli_json_gbps(s->pair_sum_mbps) : json_null(),
		"bottleneck_gbps", many ? cli_json_gbps(s->bottleneck_mbps) : json_null(),
		"remaining", s->remaining, "ideal_busbw_gbps",
		many ? cli_json_gbps(ideal_mbps) : json_null(), "exact", exact, "policy",
		policy_name(policy), "groups", cli_json_groups(geometry),
		"group_busbw_gbps", cli_json_group_gbps(geometry), "comm",
		gt_comm_name(geometry->comm), "alltoall_gbps",
		many ? cli_json_gbps(s->alltoall_mbps) : json_null(), "predicted_gbps",
		many ? cli_json_gbps(s->predicted_mbps) : json_null(), "measured",
		s->measured);
}

static int print_answer_json(const struct gt_node *node, const struct pick *p,
			     const struct answer *a)
{
	enum gt_policy policy = p->request.policy;
	json_t *json =
		set_json(&a->choice, &a->geometry, a->ideal_mbps, a->exact, policy);
	json_t *second = json_null(), *level = json_null();

	if (a->has_runner_up) {
		second = set_json(&a->runner_up, &a->second_geometry, a->ideal_mbps,
				  a->runner_up_exact, policy);
		level = json_integer(
			explain_level(&a->choice.score, &a->runner_up.score, policy));
	}
	if (p->request.network &&
	    (!add_network(json, node, &a->choice) ||
	     (a->has_runner_up && !add_network(second, node, &a->runner_up)))) {
		json_decref(json);
		return cli_no_memory();
	}
	if (!json || json_object_set_new(json, "runner_up", second) ||
	    json_object_set_new(json, "decided_by_level", level)) {
		json_decref(json);
		return cli_no_memory();
	}
	return cli_print_json(json);
}

/* "40 GB/s by 2 rings over links of 20 GB/s; the best on the idle node: 40". */
static void print_bandwidth(const struct answer *a)
{
	const struct gt_score *s = &a->choice.score;
	char busbw[CLI_GBPS_MAX], one[CLI_GBPS_MAX];

	if (s->count < 2)
		return;
	printf("%s GB/s all-reduce bus bandwidth, ", cli_gbps(s->busbw_mbps, busbw));
	if (s->measured)
		printf("measured; predicted %s", cli_gbps(s->predicted_mbps, busbw));
	else if (s->in_switch_mbps == s->busbw_mbps)
		printf("reduced in the switch");
	else if (s->rings > 0)
		printf("%d ring%s over links of %s GB/s", s->rings,
		       s->rings > 1 ? "s" : "", cli_gbps(s->link_mbps, one));
	else if (s->relayed_ring && s->busbw_mbps > s->path_mbps)
		printf("one ring over links that passes through a GPU twice");
	else
		printf("no ring over links");
	printf("; the best %d of the idle node reach %s GB/s\n", s->count,
	       cli_gbps(a->ideal_mbps, busbw));
	if (!a->exact)
		puts("The search ran out of steps: a better set may exist.");
}

static void print_answer(const struct gt_node *node, const struct pick *p,
			 const struct answer *a)
{
	char list[GT_MASK_TEXT_MAX];

	puts(gt_mask_format(&a->choice.gpus, list, sizeof(list)));
	print_bandwidth(a);
	if (p->groups.count > 1 || p->request.comm != GT_COMM_ALLREDUCE)
		cli_print_groups(&a->geometry);
	if (p->request.network)
		print_network(node, &a->choice.gpus);
	if (p->explain)
		explain_choice(&a->choice, a->has_runner_up ? &a->runner_up : NULL,
			       p->request.policy, a->ideal_mbps);
}

/* The sentence, and where the minimum is too high the best there is. */
static void refuse(struct gt_table *table, const struct gt_request *request,
		   enum gt_fit fit)
{
	struct gt_request without = *request;
	char text[512], gbps[CLI_GBPS_MAX];
	struct gt_geometry geometry;
	struct gt_choice choice;
	int slowest = INT_MAX;

	gt_fit_text(table, request, fit, text, sizeof(text));
	without.min_busbw_mbps = 0;
	if (fit != GT_FIT_BELOW_MIN || gt_select(table, &without, &choice) != GT_FIT_OK) {
		cli_say("%s", text);
		return;
	}
	gt_select_geometry(table, &without, &choice.gpus, &geometry);
	for (int i = 0; i < geometry.count; i++)
		if (geometry.busbw_mbps[i] != GT_UNKNOWN &&
		    geometry.busbw_mbps[i] < slowest)
			slowest = geometry.busbw_mbps[i];
	cli_say("%s; the best reaches %s", text, cli_gbps(slowest, gbps));
}

static int pick(struct pick *p, const struct gt_node *node)
{
	struct gt_table *table;
	struct gt_error err;
	static struct answer answer;
	enum gt_fit fit;
	int status = CLI_DONE;

	if (gt_table_new(&table, node, &p->mix, &err))
		return cli_fail(&err);
	fit = find(table, &p->request, &answer);
	if (fit != GT_FIT_OK) {
		refuse(table, &p->request, fit);
		status = CLI_NO_FIT;
	} else if (p->json) {
		status = print_answer_json(node, p, &answer);
	} else {
		print_answer(node, p, &answer);
	}
	gt_table_free(table);
	return status;
}

int cmd_pick(int argc, char **argv)
{
	static struct pick p;
	struct gt_node *node;
	int status;

	p.common.command = "pick";
	p.common.help = help;
	p.mix = gt_mix_default();
	status = read_line(&p, argc, argv);
	if (status == CLI_GO_ON)
		status = cli_load(&p.common, &node);
	if (status != CLI_GO_ON)
		return status;
	status = make_request(&p, node);
	if (status == CLI_GO_ON)
		status = pick(&p, node);
	gt_node_free(node);
	return status;
}
