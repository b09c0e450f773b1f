/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nccl-tests prints. The lines looked at, of releases from 2019 on:
 *
 *   # Collective test starting: all_reduce_perf                    (since 2.17)
 *   #  Rank  0 Group  0 Pid  4711 on  node1 device  0 [0x16] NVIDIA H100 80GB HBM3
 *   #  Rank  0 Group  0 Pid  4711 on  node1 device  0 [0000:16:00] NVIDIA ...
 *   #   size   count   type   redop   root   time   algbw   busbw  #wrong   time ...
 *     1048576  262144  float    sum     -1   31.2    33.6    58.8       0   ...
 *
 * root is missing in old releases, #wrong was called error. Columns are therefore found
 * by their names. mpirun may put a tag such as [1,0]<stdout>: before a line.
 */
#include "config.h"

#include "cli/nccl_tests.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LENGTH 1024
#define WORDS	    24
#define GBPS_MAX    100000.0

struct reader {
	struct nccl_run *run;
	const char *file;
	struct gt_error *err;
	int line;
	int busbw, wrong; /* columns of the first busbw; -1: no table yet */
};

/* A line in words; the words point into it. */
struct words {
	int count;
	char *word[WORDS];
};

static void split(struct words *words, char *line)
{
	char *state, *word = strtok_r(line, " \t\r", &state);

	words->count = 0;
	for (; word && words->count < WORDS; word = strtok_r(NULL, " \t\r", &state))
		words->word[words->count++] = word;
}

static enum gt_err fail(const struct reader *r, const char *text)
{
	return gt_fail_at(r->err, GT_EPARSE, r->file, r->line, 0, "%s", text);
}

/* ---- the test's name ---- */

static enum gt_err read_name(struct reader *r, const char *line)
{
	static const struct {
		const char *program;
		int comm; /* -1: not one of ours */
	} tests[] = {
		{"all_reduce_perf", GT_COMM_ALLREDUCE},
		{"alltoall_perf", GT_COMM_ALLTOALL},
		{"all_gather_perf", -1},
		{"reduce_scatter_perf", -1},
		{"broadcast_perf", -1},
		{"sendrecv_perf", -1},
		{"reduce_perf", -1},
		{"scatter_perf", -1},
		{"gather_perf", -1},
		{"hypercube_perf", -1},
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		const char *at = strstr(line, tests[i].program);

		if (!at ||
		    (at > line && (isalnum((unsigned char)at[-1]) || at[-1] == '_')))
			continue;
		if (tests[i].comm < 0)
			return fail(r, "a run of another test than all_reduce_perf or "
				       "alltoall_perf");
		if (r->run->comm_known && r->run->comm != (enum gt_comm)tests[i].comm)
			return fail(r,
				    "runs of two tests in one file: give each its own");
		r->run->comm = (enum gt_comm)tests[i].comm;
		r->run->comm_known = true;
		return GT_OK;
	}
	return GT_OK;
}

/* ---- ranks ---- */

/* "0x16" or "0000:16:00". */
static int bus_of(const char *text)
{
	unsigned domain, bus;

	if (sscanf(text, "0x%x", &bus) == 1 || sscanf(text, "%x:%x", &domain, &bus) == 2)
		return bus < 256 ? (int)bus : GT_UNKNOWN;
	return GT_UNKNOWN;
}

static void read_rank(struct reader *r, const char *line)
{
	const char *at = strstr(line, "Rank "), *on = at ? strstr(at, " on ") : NULL;
	const char *device = on ? strstr(on, " device ") : NULL;
	const char *bracket = device ? strchr(device, '[') : NULL;
	struct nccl_run *run = r->run;
	char host[sizeof(run->host)];

	if (!device || sscanf(on, " on %63s", host) != 1 || run->gpus == GT_MAX_GPUS)
		return;
	if (run->gpus == 0)
		snprintf(run->host, sizeof(run->host), "%s", host);
	run->hosts_differ = run->hosts_differ || strcmp(run->host, host) != 0;
	run->device[run->gpus] = atoi(device + strlen(" device "));
	run->bus[run->gpus++] = bracket ? bus_of(bracket + 1) : GT_UNKNOWN;
}

/* ---- the table ---- */

/* "size count type ... busbw #wrong ...", the # before it left out. */
static void read_header(struct reader *r, const struct words *words)
{
	if (words->count < 6 || strcmp(words->word[0], "size") != 0)
		return;
	for (int i = 1; i < words->count; i++)
		if (!strcmp(words->word[i], "busbw")) {
			r->busbw = i;
			r->wrong = i + 1;
			return;
		}
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

static enum gt_err read_row(struct reader *r, struct words *words)
{
	const char *wrong;
	double gbps;
	char *end;

	if (words->count <= r->wrong)
		return fail(r, "the line ends before its bus bandwidth");
	gbps = strtod(words->word[r->busbw], &end);
	if (*end || !(gbps >= 0 && gbps <= GBPS_MAX))
		return fail(r, "not a bus bandwidth where the head of the table has one");
	wrong = words->word[r->wrong];
	if (is_number(wrong) && atoi(wrong) != 0)
		return fail(r, "the test found wrong results: not a figure to rely on");
	if ((int)(gbps * 1000 + .5) <= r->run->busbw_mbps)
		return GT_OK;
	r->run->busbw_mbps = (int)(gbps * 1000 + .5);
	r->run->bytes = strtoll(words->word[0], NULL, 10);
	r->run->line = r->line;
	return GT_OK;
}

/* Past what mpirun or Slurm put before the line: "[1,0]<stdout>:", "0: ". */
static char *untagged(char *line)
{
	char *at = line + strspn(line, " \t");

	if (*at == '[' && strchr(at, ']')) {
		at = strchr(at, ']') + 1;
		if (!strncmp(at, "<stdout>:", 9))
			at += 9;
	} else if (isdigit((unsigned char)*at)) {
		char *colon = at + strspn(at, "0123456789");

		if (*colon == ':' && (colon[1] == ' ' || colon[1] == '#'))
			at = colon + 1;
	}
	return at + strspn(at, " \t");
}

static enum gt_err read_line(struct reader *r, char *line)
{
	struct words words;
	enum gt_err rc;

	line = untagged(line);
	rc = read_name(r, line);
	if (rc)
		return rc;
	if (*line == '#') {
		if (strstr(line, "Rank "))
			read_rank(r, line);
		split(&words, line + 1);
		read_header(r, &words);
		return GT_OK;
	}
	split(&words, line);
	if (r->busbw < 0 || words.count < 6 || !is_number(words.word[0]) ||
	    !is_number(words.word[1]))
		return GT_OK;
	return read_row(r, &words);
}

/* ---- public ---- */

enum gt_err nccl_run_parse(struct nccl_run *run, const char *text, size_t size,
			   const char *file, struct gt_error *err)
{
	struct reader r = {run, file, err, 0, -1, -1};
	const char *at = text, *end = text + size;
	enum gt_err rc = GT_OK;

	memset(run, 0, sizeof(*run));
	while (at < end && rc == GT_OK) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((stop ? stop : end) - at);
		char line[LINE_LENGTH];

		r.line++;
		snprintf(line, sizeof(line), "%.*s",
			 (int)(length < sizeof(line) ? length : sizeof(line) - 1), at);
		rc = read_line(&r, line);
		at = stop ? stop + 1 : end;
	}
	if (rc == GT_OK && run->busbw_mbps == 0)
		return gt_fail_at(
			err, GT_EFORMAT, file, 0, 0,
			"no bus bandwidth: not the output of nccl-tests, or the "
			"test did not finish");
	return rc;
}

enum gt_err nccl_run_load(struct nccl_run *run, const char *file, struct gt_error *err)
{
	bool standard = !strcmp(file, "-");
	FILE *in = standard ? stdin : fopen(file, "re");
	char *text = in ? malloc(GT_MAX_TEXT + 1) : NULL;
	enum gt_err rc = GT_EIO;
	size_t size;

	memset(run, 0, sizeof(*run));
	if (!in)
		return gt_fail_at(err, GT_EIO, file, 0, 0, "%s", strerror(errno));
	size = text ? fread(text, 1, GT_MAX_TEXT + 1, in) : 0;
	if (!text)
		rc = gt_fail(err, GT_ENOMEM, "out of memory");
	else if (ferror(in))
		rc = gt_fail_at(err, GT_EIO, file, 0, 0, "%s", strerror(errno));
	else if (size > GT_MAX_TEXT)
		rc = gt_fail_at(err, GT_ELIMIT, file, 0, 0, "more than %d MiB",
				GT_MAX_TEXT >> 20);
	else
		rc = nccl_run_parse(run, text, size, file, err);
	free(text);
	if (!standard)
		fclose(in);
	return rc;
}
