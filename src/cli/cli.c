/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands of gputopo share. */
#define _GNU_SOURCE
#include "config.h"

#include "cli/cli.h"
#include "conf/gres_conf.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nine digits show every bandwidth and share as it was, without the tail of a binary
 * fraction. */
#define JSON_DIGITS 9

void cli_say(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fputs("gputopo: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

int cli_fail(const struct gt_error *err)
{
	if (err->file[0] && err->line > 0)
		cli_say("%s:%d: %s", err->file, err->line, err->text);
	else if (err->file[0])
		cli_say("%s: %s", err->file, err->text);
	else
		cli_say("%s", err->text);
	return CLI_FAILED;
}

int cli_no_memory(void)
{
	cli_say("out of memory");
	return CLI_FAILED;
}

static void print_menu(const struct cli_menu *menu, FILE *out)
{
	fprintf(out, "Usage: %s COMMAND [OPTIONS]\n%s\n\nCommands:\n", menu->name,
		menu->about);
	for (const struct cli_command *c = menu->commands; c->name; c++)
		fprintf(out, "  %-8s %s\n", c->name, c->summary);
	fprintf(out, "\n'%s COMMAND --help' lists the options of a command.\n%s",
		menu->name, menu->tail);
}

/* Insertions, deletions, changes: the words are short. */
static int distance(const char *a, const char *b)
{
	int row[64], n = (int)strlen(b);

	if (n > 62)
		return INT_MAX;
	for (int j = 0; j <= n; j++)
		row[j] = j;
	for (int i = 1; *a; i++, a++) {
		int corner = row[0];

		row[0] = i;
		for (int j = 1; j <= n; j++) {
			int change = corner + (*a != b[j - 1]);
			int least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;

			corner = row[j];
			row[j] = change < least ? change : least;
		}
	}
	return row[n];
}

const char *cli_nearest(const char *word, const char *(*name)(int i, const void *arg),
			const void *arg)
{
	const char *best = NULL, *one;
	int least = (int)strlen(word) / 3 + 1;

	for (int i = 0; (one = name(i, arg)); i++) {
		int d = distance(word, one);

		/* "dgx1" of dgx1v: what begins so is near, however much is missing */
		if (d > 1 && *word && !strncmp(one, word, strlen(word)))
			d = 1;
		if (d <= least && (!best || d < least)) {
			best = one;
			least = d;
		}
	}
	return best;
}

static const char *command_name(int i, const void *arg)
{
	return ((const struct cli_command *)arg)[i].name;
}

static const char *builtin_name(int i, const void *arg)
{
	(void)arg;
	return gt_builtin_name(i);
}

/* A topology that cannot be read: a built-in of nearly that name may be meant. */
static int fail_topology(const struct gt_error *err, const char *spec)
{
	bool is_builtin = !strncmp(spec, "builtin:", strlen("builtin:"));
	const char *near = cli_nearest(is_builtin ? spec + strlen("builtin:") : spec,
				       builtin_name, NULL);

	cli_fail(err);
	if (near && (is_builtin || err->code == GT_EIO))
		cli_say("did you mean builtin:%s? gputopo show --list names all", near);
	else if (is_builtin)
		cli_say("gputopo show --list names the built-in machines");
	return CLI_FAILED;
}

int cli_menu_run(const struct cli_menu *menu, int argc, char **argv)
{
	const char *near;
	static char program[] = "gputopo";

	if (argc < 2) {
		print_menu(menu, stderr);
		return CLI_MISUSED;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_menu(menu, stdout);
		return CLI_DONE;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("gputopo %s\n", gt_version());
		return CLI_DONE;
	}
	for (const struct cli_command *c = menu->commands; c->name; c++)
		if (!strcmp(argv[1], c->name)) {
			/* getopt's messages begin with the program's name. */
			argv[1] = program;
			return c->run(argc - 1, argv + 1);
		}
	near = cli_nearest(argv[1], command_name, menu->commands);
	if (near)
		cli_say("'%s' is not a command; did you mean '%s %s'?", argv[1],
			menu->name, near);
	else
		cli_say("'%s' is not a command; see '%s --help'", argv[1], menu->name);
	return CLI_MISUSED;
}

static int see_manual(const struct cli_common *c)
{
	bool whole = strncmp(c->command, "gputopo", 7) == 0;

	fprintf(stderr, "Try '%s%s --help'.\n", whole ? "" : "gputopo ", c->command);
	return CLI_MISUSED;
}

int cli_misuse(const struct cli_common *c, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	cli_say("%s", text);
	return see_manual(c);
}

int cli_common_option(struct cli_common *c, int opt)
{
	switch (opt) {
	case 't':
		c->topology = optarg;
		return CLI_GO_ON;
	case CLI_OPT_FORMAT:
		c->load.format = optarg;
		return CLI_GO_ON;
	case CLI_OPT_MODEL:
		c->load.model = optarg;
		return CLI_GO_ON;
	case CLI_OPT_NODE:
		c->load.node_name = optarg;
		return CLI_GO_ON;
	case 'h':
		fputs(c->help, stdout);
		return CLI_DONE;
	case CLI_OPT_VERSION:
		printf("gputopo %s\n", gt_version());
		return CLI_DONE;
	default:
		return see_manual(c);
	}
}

int cli_no_more(const struct cli_common *c, int argc, char **argv)
{
	if (optind < argc)
		return cli_misuse(c, "'%s' is one argument too many", argv[optind]);
	return CLI_GO_ON;
}

/* Whether Include or a continued line makes the file more than its own text. */
static bool is_gres_file(const struct cli_common *c)
{
	if (!strcmp(c->topology, "-") || !strcmp(c->topology, "live") ||
	    !strncmp(c->topology, "builtin:", strlen("builtin:")))
		return false;
	if (c->load.format && strcmp(c->load.format, "gres") != 0)
		return false;
	return gp_gres_is_split(c->topology);
}

int cli_load(const struct cli_common *c, struct gt_node **node)
{
	struct gt_error err;
	enum gt_err rc;

	*node = NULL;
	if (!c->topology)
		return cli_misuse(
			c,
			"the topology is missing: -t FILE, -t builtin:NAME or -t live");
	if (is_gres_file(c))
		rc = gp_gres_load(node, c->topology, &c->load, &err);
	else
		rc = gt_node_load(node, c->topology, &c->load, &err);
	return rc ? fail_topology(&err, c->topology) : CLI_GO_ON;
}

int cli_list(const struct cli_common *c, const char *name, const char *text,
	     const struct gt_node *node, struct gt_mask *mask)
{
	struct gt_error err;

	if (gt_mask_parse(mask, text, gt_node_size(node), &err))
		return cli_misuse(c, "%s: %s", name, err.text);
	return CLI_GO_ON;
}

int cli_groups(const struct cli_common *c, const char *name, const char *text, int *count,
	       struct gt_groups *groups)
{
	struct gt_error err;
	int sum;

	if (gt_groups_parse(groups, text, &err))
		return cli_misuse(c, "%s: %s", name, err.text);
	sum = gt_groups_sum(groups);
	if (*count && *count != sum)
		return cli_misuse(c,
				  "%s: the sizes of '%.40s' add up to %d GPUs, not to %d",
				  name, text, sum, *count);
	*count = sum;
	return CLI_GO_ON;
}

int cli_comm(const struct cli_common *c, const char *text, enum gt_comm *comm)
{
	struct gt_error err;

	if (gt_comm_parse(comm, text, &err))
		return cli_misuse(c, "--comm: %s", err.text);
	return CLI_GO_ON;
}

int cli_min_busbw(const struct cli_common *c, const char *text, int *mbps)
{
	char *end;
	double gbps = strtod(text, &end);

	if (text == end || *end || !(gbps >= 0 && gbps <= 1e6))
		return cli_misuse(c, "--min-busbw: '%s' is not a number of GB/s", text);
	*mbps = (int)(gbps * 1000 + .5);
	return CLI_GO_ON;
}

char *cli_gbps(int64_t mbps, char *buf)
{
	snprintf(buf, CLI_GBPS_MAX, "%.10g", (double)mbps / 1000);
	return buf;
}

json_t *cli_json_gbps(int64_t mbps)
{
	return json_real((double)mbps / 1000);
}

json_t *cli_json_list(const struct gt_mask *mask)
{
	json_t *list = json_array();

	for (int g = gt_mask_next(mask, 0); g >= 0; g = gt_mask_next(mask, g + 1))
		if (json_array_append_new(list, json_integer(g))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

json_t *cli_json_bits(uint64_t bits)
{
	return cli_json_list(&(struct gt_mask){.word = {bits}});
}

int cli_print_json(json_t *json)
{
	int failed;

	if (!json)
		return cli_no_memory();
	failed = json_dumpf(json, stdout, JSON_REAL_PRECISION(JSON_DIGITS));
	json_decref(json);
	if (failed)
		return cli_no_memory();
	putchar('\n');
	return CLI_DONE;
}

json_t *cli_json_groups(const struct gt_geometry *geometry)
{
	json_t *groups = json_array();
	int at = 0;

	for (int i = 0; i < geometry->count; i++) {
		json_t *group = json_array();

		for (int r = 0; r < geometry->size[i]; r++)
			json_array_append_new(group, json_integer(geometry->gpu[at++]));
		if (json_array_append_new(groups, group)) {
			json_decref(groups);
			return NULL;
		}
	}
	return groups;
}

json_t *cli_json_group_gbps(const struct gt_geometry *geometry)
{
	json_t *list = json_array();

	for (int i = 0; i < geometry->count; i++)
		if (json_array_append_new(
			    list, geometry->busbw_mbps[i] == GT_UNKNOWN
					  ? json_null()
					  : cli_json_gbps(geometry->busbw_mbps[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

void cli_print_groups(const struct gt_geometry *geometry)
{
	char gbps[CLI_GBPS_MAX];
	int at = 0;

	for (int i = 0; i < geometry->count; i++) {
		printf("group %-3d GPUs", i);
		for (int r = 0; r < geometry->size[i]; r++)
			printf("%s%d", r ? "," : " ", geometry->gpu[at++]);
		if (geometry->busbw_mbps[i] == GT_UNKNOWN)
			putchar('\n');
		else
			printf("  %s GB/s %s\n", cli_gbps(geometry->busbw_mbps[i], gbps),
			       gt_comm_name(geometry->comm));
	}
	if (geometry->count > 1)
		printf("%s GB/s at least between groups in a row\n",
		       cli_gbps(geometry->transfer_mbps, gbps));
}

/* Into a file beside it, which takes its name then. */
static bool write_beside(const char *path, void (*put)(const void *what, FILE *out),
			 const void *what)
{
	char *fresh;
	FILE *out;
	bool written = false;

	if (asprintf(&fresh, "%s.new", path) < 0)
		return false;
	out = fopen(fresh, "we");
	if (out) {
		put(what, out);
		written = !ferror(out);
		written = fclose(out) == 0 && written && rename(fresh, path) == 0;
	}
	if (out && !written) {
		int why = errno;

		unlink(fresh);
		errno = why;
	}
	free(fresh);
	return written;
}

int cli_write_file(const char *path, void (*put)(const void *what, FILE *out),
		   const void *what)
{
	/* behind a link: the link stays */
	char *real = path ? realpath(path, NULL) : NULL;
	struct stat st;
	bool written = true;
	FILE *out;

	if (!path) {
		put(what, stdout);
	} else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		out = fopen(path, "we");
		if (out)
			put(what, out);
		written = out && !ferror(out);
		written = out && fclose(out) == 0 && written;
	} else {
		written = write_beside(real ? real : path, put, what);
	}
	if (!written)
		cli_say("%s: %s", path, strerror(errno));
	free(real);
	return written ? CLI_DONE : CLI_FAILED;
}
