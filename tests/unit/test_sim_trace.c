/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The trace readers: what they take, what they refuse and why, and that nothing is
 * dropped in silence. */
#include "sim/gen.h"
#include "sim/anonymize.h"
#include "sim/trace.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CSV "job_id,submit,duration,gpus,nodes,form,cpus,timelimit,user\n"
#define SACCT                                                                            \
	"JobID|User|Submit|Eligible|Start|End|Timelimit|State|NNodes|NTasks|NCPUS|"      \
	"ReqTRES|"                                                                       \
	"AllocTRES|NodeList\n"
#define OPENB                                                                            \
	"name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_"   \
	"time,"                                                                          \
	"deletion_time,scheduled_time\n"
#define SWF "; Version: 2.2\n"

/* What a text of one row becomes. */
struct row {
	const char *what;
	const char *text;
	enum sim_row reason;
	int gpus; /* where it is a job */
	long duration_s, limit_s;
};

static const struct row rows[] = {
	{"a full row", CSV "7,10,60,4,1,task,16,120,ada\n", SIM_ROW_OK, 4, 60, 120},
	{"left out fields", CSV "7,10,60.5,4,,,,,\n", SIM_ROW_OK, 4, 60, 60},
	{"no GPUs", CSV "7,10,60,0,,,,,\n", SIM_ROW_NO_GPU, 0, 0, 0},
	{"a field too few", CSV "7,10,60,4,,,,\n", SIM_ROW_FIELDS, 0, 0, 0},
	{"a field too many", CSV "7,10,60,4,,,,,,\n", SIM_ROW_FIELDS, 0, 0, 0},
	{"a word for a number", CSV "7,ten,60,4,,,,,\n", SIM_ROW_NUMBER, 0, 0, 0},
	{"no duration", CSV "7,10,,4,,,,,\n", SIM_ROW_NUMBER, 0, 0, 0},
	{"infinite", CSV "7,10,inf,4,,,,,\n", SIM_ROW_NUMBER, 0, 0, 0},
	{"a negative time", CSV "7,-1,60,4,,,,,\n", SIM_ROW_NEGATIVE, 0, 0, 0},
	{"a negative duration", CSV "7,1,-60,4,,,,,\n", SIM_ROW_NEGATIVE, 0, 0, 0},
	{"negative GPUs", CSV "7,1,60,-4,,,,,\n", SIM_ROW_NEGATIVE, 0, 0, 0},
	{"a form that is none", CSV "7,1,60,4,,gang,,,\n", SIM_ROW_FORM, 0, 0, 0},
	{"more nodes than GPUs", CSV "7,1,60,4,5,,,,\n", SIM_ROW_LIMIT, 0, 0, 0},
	{"a million million GPUs", CSV "7,1,60,1000000000000,,,,,\n", SIM_ROW_LIMIT, 0, 0,
	 0},
	{"a MIG profile", "job_id,submit,duration,gpus,profile\n1,1,60,1,1g.10gb\n",
	 SIM_ROW_MIG, 0, 0, 0},

	{"a finished job",
	 SACCT "12|ada|2026-01-01T00:00:00|2026-01-01T00:00:00|2026-01-01T00:00:05|"
	       "2026-01-01T01:00:05|1-00:00:00|COMPLETED|1||8|billing=8,cpu=8,gres/gpu=4|"
	       "cpu=8,gres/gpu:v100=4,gres/gpu=4,mem=1G|n1\n",
	 SIM_ROW_OK, 4, 3600, 86400},
	{"types without a sum",
	 SACCT
	 "12|ada|2026-01-01T00:00:00|Unknown|2026-01-01T00:00:05|2026-01-01T00:00:15|"
	 "UNLIMITED|TIMEOUT|1||8||gres/gpu:a100=1,gres/gpu:v100=2|n1\n",
	 SIM_ROW_OK, 3, 10, 10},
	{"seconds as times",
	 SACCT
	 "12|ada|100|100|105|165|30:00|CANCELLED by 1000|2||8|gres/gpu=4|gres/gpu=4|n1\n",
	 SIM_ROW_OK, 4, 60, 1800},
	{"only asked for",
	 SACCT "12|ada|100|100|105|165|30:00|FAILED|1||8|gres/gpu=2||n1\n", SIM_ROW_OK, 2,
	 60, 1800},
	{"a step",
	 SACCT "12.batch|ada|100|100|105|165|30:00|COMPLETED|1||8||gres/gpu=2|n1\n",
	 SIM_ROW_STEP, 0, 0, 0},
	{"no GPU",
	 SACCT "12|ada|100|100|105|165|30:00|COMPLETED|1||8||cpu=2,gres/gpumem=5|n1\n",
	 SIM_ROW_NO_GPU, 0, 0, 0},
	{"still running",
	 SACCT "12|ada|100|100|105|Unknown|30:00|RUNNING|1||8||gres/gpu=2|n1\n",
	 SIM_ROW_NOT_ENDED, 0, 0, 0},
	{"cancelled before its start",
	 SACCT "12|ada|100|100|None|165|30:00|CANCELLED by 0|0||8|gres/gpu=2||None\n",
	 SIM_ROW_NOT_STARTED, 0, 0, 0},
	{"an unknown state",
	 SACCT "12|ada|100|100|105|165|30:00|BLOOMING|1||8||gres/gpu=2|n1\n",
	 SIM_ROW_STATE, 0, 0, 0},
	{"ends before it starts",
	 SACCT "12|ada|100|100|105|104|30:00|COMPLETED|1||8||gres/gpu=2|n1\n",
	 SIM_ROW_ORDER, 0, 0, 0},
	{"starts before it is submitted",
	 SACCT "12|ada|100|100|99|104|30:00|COMPLETED|1||8||gres/gpu=2|n1\n",
	 SIM_ROW_ORDER, 0, 0, 0},
	{"month 13",
	 SACCT
	 "12|ada|2026-13-01T00:00:00|100|105|165|30:00|COMPLETED|1||8||gres/gpu=2|n1\n",
	 SIM_ROW_NUMBER, 0, 0, 0},
	{"a slice",
	 SACCT "12|ada|100|100|105|165|30:00|COMPLETED|1||8||gres/gpu:1g.10gb=1|n1\n",
	 SIM_ROW_MIG, 0, 0, 0},
	{"a row cut short", SACCT "12|ada|100\n", SIM_ROW_FIELDS, 0, 0, 0},

	{"eight processors, four a GPU",
	 SWF "1 100 5 60 8 -1 -1 8 120 -1 1 3 1 -1 1 -1 -1 -1\n", SIM_ROW_OK, 2, 60, 120},
	{"unknown run time", SWF "1 100 5 -1 8 -1 -1 8 120 -1 1 3 1 -1 1 -1 -1 -1\n",
	 SIM_ROW_NEGATIVE, 0, 0, 0},
	{"cancelled in the queue",
	 SWF "1 100 5 -1 8 -1 -1 8 120 -1 5 3 1 -1 1 -1 -1 -1\n", SIM_ROW_NOT_STARTED, 0,
	 0, 0},
	{"status 9", SWF "1 100 5 60 8 -1 -1 8 120 -1 9 3 1 -1 1 -1 -1 -1\n",
	 SIM_ROW_STATE, 0, 0, 0},

	{"a pod", OPENB "p1,1,1,2,1000,,LS,Succeeded,10,100,40\n", SIM_ROW_OK, 2, 60, 60},
	{"a pod never scheduled but deleted",
	 OPENB "p1,1,1,2,1000,,LS,Succeeded,10,100,\n", SIM_ROW_OK, 2, 90, 90},
	{"a pending pod", OPENB "p1,1,1,2,1000,,LS,Pending,10,100,\n",
	 SIM_ROW_NOT_STARTED, 0, 0, 0},
	{"a pod deleted before it ran", OPENB "p1,1,1,2,1000,,LS,Running,10,30,40\n",
	 SIM_ROW_ORDER, 0, 0, 0},
	{"a pod without an end", OPENB "p1,1,1,2,1000,,LS,Running,10,,40\n",
	 SIM_ROW_NOT_ENDED, 0, 0, 0},
};

static enum gt_err read_text(struct sim_trace *trace, const char *text,
			     const struct sim_trace_options *options,
			     struct gt_error *err)
{
	FILE *f = fmemopen((void *)text, strlen(text), "r");
	enum gt_err failed = sim_trace_read(trace, f, "text", options, err);

	fclose(f);
	return failed;
}

START_TEST(rows_are_jobs_or_have_a_reason)
{
	struct sim_trace_options options = {.swf_per_gpu = 4, .form = SIM_FORM_NODE};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		struct sim_trace trace;
		struct gt_error err;

		ck_assert_msg(!read_text(&trace, row->text, &options, &err), "%s: %s",
			      row->what, err.text);
		ck_assert_int_eq(trace.rows, 1);
		ck_assert_msg(trace.reason_count[row->reason] == 1, "%s: not '%s'",
			      row->what, sim_row_text(row->reason));
		ck_assert_int_eq(trace.reason_line[row->reason], 2);
		ck_assert_int_eq(trace.count, row->reason == SIM_ROW_OK);
		if (row->reason == SIM_ROW_OK) {
			ck_assert_msg(trace.jobs[0].gpus == row->gpus, "%s: %d GPUs",
				      row->what, trace.jobs[0].gpus);
			ck_assert_msg(trace.jobs[0].duration_ms / 1000 == row->duration_s,
				      "%s: %ld ms", row->what,
				      (long)trace.jobs[0].duration_ms);
			ck_assert_msg(trace.jobs[0].limit_ms / 1000 == row->limit_s,
				      "%s: limit %ld ms", row->what,
				      (long)trace.jobs[0].limit_ms);
		}
		sim_trace_release(&trace);
	}
}
END_TEST

START_TEST(strict_refuses_bad_rows_and_only_those)
{
	struct sim_trace_options options = {.swf_per_gpu = 4, .strict = true};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sim_trace trace;
		struct gt_error err;
		enum gt_err failed = read_text(&trace, rows[i].text, &options, &err);

		ck_assert_msg(failed ==
				      (rows[i].reason >= SIM_ROW_BAD ? GT_EPARSE : GT_OK),
			      "%s", rows[i].what);
		if (failed)
			ck_assert_int_eq(err.line, 2);
		sim_trace_release(&trace);
	}
}
END_TEST

/* A line of 10 MB is one bad row, and the next one is read. */
START_TEST(a_long_line_is_one_bad_row)
{
	size_t size = 10 << 20;
	char *text = malloc(size + 100);
	struct sim_trace_options options = {0};
	struct sim_trace trace;
	struct gt_error err;

	strcpy(text, CSV);
	memset(text + strlen(CSV), '7', size);
	strcpy(text + strlen(CSV) + size, "\n8,10,60,2,,,,,\n");
	ck_assert_int_eq(read_text(&trace, text, &options, &err), GT_OK);
	ck_assert_int_eq(trace.rows, 2);
	ck_assert_int_eq(trace.reason_count[SIM_ROW_LONG], 1);
	ck_assert_int_eq(trace.count, 1);
	ck_assert_str_eq(sim_trace_text(&trace, trace.jobs[0].id), "8");
	sim_trace_release(&trace);
	free(text);
}
END_TEST

START_TEST(jobs_stand_by_submission_and_begin_at_zero)
{
	struct sim_trace_options options = {0};
	struct sim_trace trace;
	struct gt_error err;

	ck_assert_int_eq(read_text(&trace,
				   CSV "a,300,1,1,,,,,\nb,100,1,1,,,,,\nc,300,1,2,,,,,\n"
				       "d,200,1,1,,,,,\n",
				   &options, &err),
			 GT_OK);
	ck_assert_int_eq(trace.count, 4);
	for (int i = 0; i < 4; i++) {
		static const char *const ids[] = {"b", "d", "a", "c"};
		static const int64_t at[] = {0, 100000, 200000, 200000};

		ck_assert_str_eq(sim_trace_text(&trace, trace.jobs[i].id), ids[i]);
		ck_assert_int_eq(trace.jobs[i].submit_ms, at[i]);
	}
	sim_trace_release(&trace);
}
END_TEST

static const struct {
	const char *what, *text;
	const char *says;
} refused[] = {
	{"nothing", " ", "holds no trace"},
	{"prose", "Dear simulator,\n", "no known trace format"},
	{"a header without GPUs", "job_id,submit,duration\n", "gpus"},
	{"pods without times", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n",
	 "sizes-from"},
	{"sacct without times", "JobID|State|ReqTRES\n", "Submit"},
};

START_TEST(what_is_no_trace_is_refused_with_a_reason)
{
	struct sim_trace_options options = {0};

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct sim_trace trace;
		struct gt_error err;

		ck_assert_msg(read_text(&trace, refused[i].text, &options, &err) != GT_OK,
			      "%s", refused[i].what);
		ck_assert_msg(strstr(err.text, refused[i].says) != NULL, "%s: %s",
			      refused[i].what, err.text);
		sim_trace_release(&trace);
	}
}
END_TEST

/* Written and read again, a trace is the same; anonymous, it has no name left. */
START_TEST(a_trace_survives_its_csv)
{
	struct sim_trace_options options = {0};
	char *text = NULL;
	size_t size;
	struct sim_trace trace, again;
	struct gt_error err;
	FILE *f;

	ck_assert_int_eq(
		read_text(&trace,
			  SACCT
			  "12_3|ada|100|100|105|165|30:00|COMPLETED|1||8||"
			  "gres/gpu=2|rack[1,2]\n"
			  "13|bob|101|100|106|165|30:00|FAILED|1||8||gres/gpu=4|n1\n"
			  "14|ada|102|100|107|165|30:00|FAILED|1||8||gres/gpu=4|n1\n",
			  &options, &err),
		GT_OK);
	f = open_memstream(&text, &size);
	sim_trace_write(&trace, f);
	fclose(f);
	ck_assert_int_eq(read_text(&again, text, &options, &err), GT_OK);
	ck_assert_int_eq(again.count, 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(again.jobs[i].submit_ms, trace.jobs[i].submit_ms);
		ck_assert_int_eq(again.jobs[i].duration_ms, trace.jobs[i].duration_ms);
		ck_assert_int_eq(again.jobs[i].limit_ms, trace.jobs[i].limit_ms);
		ck_assert_int_eq(again.jobs[i].start_ms, trace.jobs[i].start_ms);
		ck_assert_int_eq(again.jobs[i].cpus, 8);
		ck_assert_str_eq(sim_trace_text(&again, again.jobs[i].node),
				 sim_trace_text(&trace, trace.jobs[i].node));
	}
	free(text);
	ck_assert(sim_trace_anonymize(&again));
	ck_assert_str_eq(sim_trace_text(&again, again.jobs[0].id), "1");
	ck_assert_str_eq(sim_trace_text(&again, again.jobs[2].user), "u0");
	ck_assert_str_eq(sim_trace_text(&again, again.jobs[1].user), "u1");
	ck_assert_str_eq(sim_trace_text(&again, again.jobs[0].node), "n0,n1");
	ck_assert_str_eq(sim_trace_text(&again, again.jobs[2].node), "n2");
	sim_trace_release(&again);
	sim_trace_release(&trace);
}
END_TEST

/* The load asked for is the load that comes, within four standard errors or so. */
START_TEST(random_jobs_have_the_load_asked_for)
{
	static const char *const durations[] = {"exp:100", "lognormal:4:1", "fixed:100"};

	for (int i = 0; i < 3; i++) {
		struct sim_gen gen = {.load = .7,
				      .gpus = 64,
				      .jobs = 40000,
				      .seed = 3,
				      .form = SIM_FORM_JOB};
		struct sim_trace trace;
		struct gt_error err;
		double work = 0;

		gen.mix = gt_mix_default();
		ck_assert_int_eq(sim_gen_duration(&gen, durations[i], &err), GT_OK);
		ck_assert_int_eq(sim_gen_run(&gen, &trace, &err), GT_OK);
		for (size_t j = 0; j < trace.count; j++)
			work += (double)trace.jobs[j].gpus *
				(double)trace.jobs[j].duration_ms;
		work /= 64 * (double)trace.jobs[trace.count - 1].submit_ms;
		ck_assert_msg(work > .66 && work < .74, "%s: %f", durations[i], work);
		sim_trace_release(&trace);
	}
}
END_TEST

/* One GPU, Erlang's loss: busy r / (1 + r). */
START_TEST(the_loss_rate_is_erlangs)
{
	struct sim_gen gen = {.load = .6, .loss = true, .gpus = 1, .jobs = 1, .a = 1};

	gen.mix.weight[1] = 1;
	ck_assert_double_eq_tol(sim_gen_rate(&gen), 1.5, 1e-9);
}
END_TEST

SUITE(sim_trace)
{
	static const struct unit_test tests[] = {
		UNIT(rows_are_jobs_or_have_a_reason),
		UNIT(strict_refuses_bad_rows_and_only_those),
		UNIT(a_long_line_is_one_bad_row),
		UNIT(jobs_stand_by_submission_and_begin_at_zero),
		UNIT(what_is_no_trace_is_refused_with_a_reason),
		UNIT(a_trace_survives_its_csv),
		UNIT(random_jobs_have_the_load_asked_for),
		UNIT(the_loss_rate_is_erlangs),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
