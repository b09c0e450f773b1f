/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_why.c - gputopo why beside the plugin: from random states both give the same
 * verdict, and what why says to relax starts. gputopo reads the state as scontrol would
 * print it.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/stage.h"

#define STATES 300
#define NODES  3

static const char *const names[NODES] = {"n0", "n1", "t0"};

struct state {
	uint64_t seed;
	uint64_t free[NODES];
	time_t end[NODES];
	int count;
	const char *type; /* "" any */
	char env[64];	  /* "": no wish */
	char option[64];
};

static uint64_t draw(struct state *s, uint64_t limit)
{
	/* xorshift64, Marsaglia 2003 */
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 7;
	s->seed ^= s->seed << 17;
	return (s->seed >> 11) % limit;
}

static void draw_state(struct state *s)
{
	static const char *const wanted[][2] = {
		{"", ""},
		{"GPUTOPO_TOPO=ring", "--gpu-topo=ring"},
		{"GPUTOPO_TOPO=ring", "--gpu-topo=ring"},
		{"GPUTOPO_MIN_BUSBW=20", "--gpu-min-busbw=20"},
		{"GPUTOPO_MIN_BUSBW=40", "--gpu-min-busbw=40"},
		{"GPUTOPO_MIN_BUSBW=60.5", "--gpu-min-busbw=60.5"},
	};
	static const char *const kinds[] = {"", "", "", "aa", "bb"};
	uint64_t wish = draw(s, ROWS(wanted));

	for (int n = 0; n < NODES; n++) {
		uint64_t many = draw(s, 3);

		s->free[n] = draw(s, 256) & (many ? draw(s, 256) : 0xff);
		s->end[n] = time(NULL) + 60 * (1 + (time_t)draw(s, 20));
	}
	s->count = 1 + (int)draw(s, 5);
	s->type = kinds[draw(s, ROWS(kinds))];
	if (*s->type && s->count > 4)
		s->count = 4;
	snprintf(s->env, sizeof(s->env), "%s", wanted[wish][0]);
	snprintf(s->option, sizeof(s->option), "%s", wanted[wish][1]);
}

/* The DGX-1V whose GPUs are of two types in turn: rows move, columns do not. */
static void start_state(const struct state *s)
{
	static int links[64];
	static const struct mock_gpus typed = {
		.count = 8, .links = links, .types = types};

	for (int g = 0; g < 8; g++)
		for (int p = 0; p < 8; p++)
			links[8 * g + p] = dgx1v[8 * regrouped[g] + p];
	for (int n = 0; n < NODES; n++)
		mock_node_add(names[n], n == 2 ? &typed : &dgx);
	start();
	for (int n = 0; n < NODES; n++) {
		job_record_t *job;

		if (s->free[n] == 0xff)
			continue;
		job = mock_job_add(100 + (uint32_t)n);
		job->time_limit = 10;
		job->end_time = s->end[n];
		mock_job_run(job, n, 0xff & ~s->free[n]);
		ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	}
}

static FILE *open_file(const char *name)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", stage.dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	return f;
}

static void write_gres(void)
{
	FILE *f = open_file("gres.conf");

	for (int n = 0; n < NODES; n++)
		for (int p = 0; p < 8; p++) {
			fprintf(f, "NodeName=%s Name=gpu %s File=/dev/nvidia%d Links=",
				names[n],
				n < 2	? ""
				: p & 1 ? "Type=bb"
					: "Type=aa",
				p);
			for (int q = 0; q < 8; q++)
				fprintf(f, "%s%d", q ? "," : "", dgx1v[8 * p + q]);
			fputc('\n', f);
		}
	fclose(f);
}

/* "(IDX:0,3)", as scontrol -d shows bits. */
static void put_idx(FILE *f, uint64_t bits)
{
	fputs("(IDX:", f);
	for (int g = 0, first = 1; g < 8; g++)
		if (bits >> g & 1) {
			fprintf(f, "%s%d", first ? "" : ",", g);
			first = 0;
		}
	fputs(bits ? ")" : "N/A)", f);
}

static void put_used(FILE *f, int n, uint64_t taken)
{
	if (n < 2) {
		fprintf(f, "gpu:(null):%d", __builtin_popcountll(taken));
		put_idx(f, taken);
		return;
	}
	fprintf(f, "gpu:aa:%d", __builtin_popcountll(taken & 0xf));
	put_idx(f, taken & 0xf);
	fprintf(f, ",gpu:bb:%d", __builtin_popcountll(taken & 0xf0));
	put_idx(f, taken & 0xf0);
}

static void put_time(FILE *f, time_t when)
{
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", localtime_r(&when, &tm));
	fputs(text, f);
}

static void write_state(const struct state *s)
{
	FILE *f = open_file("state");

	for (int n = 0; n < NODES; n++) {
		fprintf(f,
			"NodeName=%s CoresPerSocket=20\n   CPUAlloc=0 CPUTot=40\n   "
			"Gres=%s\n   GresUsed=",
			names[n], n < 2 ? "gpu:8" : "gpu:aa:4,gpu:bb:4");
		put_used(f, n, 0xff & ~s->free[n]);
		fputs("\n   State=MIXED ThreadsPerCore=1\n   Partitions=p\n", f);
		if (s->free[n] == 0xff)
			continue;
		fprintf(f,
			"JobId=%d JobName=x\n   JobState=RUNNING Reason=None\n"
			"   StartTime=2023-11-14T00:00:00 EndTime=",
			100 + n);
		put_time(f, s->end[n]);
		fprintf(f,
			"\n   Partition=p AllocNode:Sid=a:0\n   NumNodes=1 NumCPUs=1\n"
			"     Nodes=%s CPU_IDs=0 Mem=0 GRES=",
			names[n]);
		put_used(f, n, 0xff & ~s->free[n]);
		fputc('\n', f);
	}
	fprintf(f,
		"JobId=7 JobName=x\n   JobState=PENDING Reason=Resources\n"
		"   Partition=p AllocNode:Sid=a:0\n   NumNodes=1 NumCPUs=1 NumTasks=1\n"
		"   TresPerNode=gres:gpu%s%s:%d\n",
		*s->type ? ":" : "", s->type, s->count);
	if (*s->option)
		fprintf(f, "   AdminComment=gputopo: %s\n", s->option);
	fclose(f);
}

/* What gputopo why --json prints. */
static const char *why(void)
{
	static char answer[65536];
	char command[1024];
	size_t got;
	FILE *in;

	snprintf(command, sizeof(command),
		 MOCK_OURS "/../../gputopo why 7 --json --from %s/state --conf %s",
		 stage.dir, stage.dir);
	in = popen(command, "r");
	ck_assert_ptr_nonnull(in);
	got = fread(answer, 1, sizeof(answer) - 1, in);
	answer[got] = '\0';
	ck_assert_int_ne(pclose(in), 1 << 8);
	ck_assert_ptr_nonnull(strstr(answer, "\"cause\""));
	return answer;
}

/* The environment of an option, such as "--gpu-min-busbw=20"; changes *gpus. */
static void take_option(const char *option, size_t length, int *gpus, char *env,
			size_t size)
{
	const char *value = memchr(option, '=', length);
	const char *colon =
		value ? memrchr(value, ':', length - (size_t)(value - option)) : NULL;

	ck_assert_ptr_nonnull(value);
	if (!strncmp(option, "--gpus-per-node=", 16))
		*gpus = atoi((colon ? colon : value) + 1);
	else if (!strncmp(option, "--gpu-min-busbw=", 16))
		snprintf(env, size, "GPUTOPO_MIN_BUSBW=%.*s", (int)(length - 16),
			 option + 16);
	else if (!strncmp(option, "--gpu-topo=best", 15))
		env[0] = '\0';
	else
		ck_abort_msg("an option that nobody expects: %.*s", (int)length, option);
}

static job_record_t *make_job(int count, const char *type, const char *env)
{
	static char kept[8][128];
	static int next;
	job_record_t *job = mock_job_add(stage.next_job++);

	mock_job_entry(job, "gpu", *type ? type : NULL)->gres_per_node = (uint64_t)count;
	if (*env) {
		char *own = kept[next++ % 8];

		snprintf(own, sizeof(kept[0]), "%s", env);
		return job_with(job, own);
	}
	return job;
}

static bool starts(job_record_t *job)
{
	uint64_t nodes;
	bool done = test_job(job, SELECT_MODE_RUN_NOW, &nodes) == SLURM_SUCCESS;

	xfree(job->admin_comment);
	job->admin_comment = NULL;
	return done;
}

/* Each option that why names, given in place of the old one. */
static int relaxed_start(const struct state *s, const char *answer)
{
	static const char key[] = "\"option\": \"";
	int options = 0;

	while ((answer = strstr(answer, key))) {
		const char *type = s->type;
		size_t length;
		int count = s->count;
		char env[128];

		answer += strlen(key);
		length = strcspn(answer, "\"");
		snprintf(env, sizeof(env), "%s", s->env);
		/* "--gpus-per-node=2" of a typed job: without the type */
		if (*type && !strncmp(answer, "--gpus-per-node=", 16) &&
		    !memchr(answer, ':', length))
			type = "";
		for (size_t at = 0; at < length; at++) {
			size_t word = strcspn(answer + at, " \"");

			take_option(answer + at, word, &count, env, sizeof(env));
			at += word;
		}
		ck_assert_msg(starts(make_job(count, type, env)), "%.*s does not start",
			      (int)length, answer);
		options++;
	}
	return options;
}

START_TEST(why_says_what_the_plugin_does)
{
	struct state s = {.seed = 0x9e3779b97f4a7c15u + (uint64_t)_i * 7919};
	const char *answer;
	bool now;
	job_record_t *job;
	uint64_t nodes;

	for (int i = 0; i < 8; i++)
		draw(&s, 2);
	draw_state(&s);
	start_state(&s);
	write_gres();
	write_state(&s);
	answer = why();
	now = starts(make_job(s.count, s.type, s.env));
	ck_assert_msg(
		now == !!strstr(answer, "\"cause\": \"none\""),
		"state %d: free %x %x %x, %d GPUs %s, %s: job_test %s, but why says "
		"%s",
		_i, (unsigned int)s.free[0], (unsigned int)s.free[1],
		(unsigned int)s.free[2], s.count, s.type, s.env,
		now ? "starts it" : "does not", answer);
	if (now)
		return;
	ck_assert_msg(relaxed_start(&s, answer) || !(s.free[0] | s.free[1] | s.free[2]) ||
			      *s.type,
		      "%s", answer);
	/* squeue says "connected" where why does */
	job = make_job(s.count, s.type, s.env);
	job->start_time = time(NULL);
	if (test_job(job, SELECT_MODE_WILL_RUN, &nodes) == SLURM_SUCCESS) {
		const char *at = strstr(answer, "\"first_met_at\": ");

		ck_assert_int_eq(!!job->state_desc,
				 !!strstr(answer, "\"cause\": \"connection\""));
		/* and the forecast is not before the end that why names; the mock's stock
		 * may refuse that node, and then it is a later one */
		if (*s.env)
			ck_assert_int_ge(job->start_time,
					 strtol(at + strlen("\"first_met_at\": "), NULL,
						10));
	}
}
END_TEST

SUITE(why)
{
	TCase *tc = tcase_create("why");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, why_says_what_the_plugin_does, 0, STATES);
	suite_add_tcase(suite, tc);
}
