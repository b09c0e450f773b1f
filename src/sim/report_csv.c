/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every job got, as CSV. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "sim/report.h"

static void put_text(FILE *out, const char *text)
{
	bool quoted = strpbrk(text, ",\"\n") != NULL;

	if (quoted)
		putc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	if (quoted)
		putc('"', out);
	putc(',', out);
}

static void put_seconds(FILE *out, int64_t ms)
{
	fprintf(out, "%" PRId64, ms / 1000);
	if (ms % 1000)
		fprintf(out, ".%03d", (int)(ms % 1000));
	putc(',', out);
}

static void put_gbps(FILE *out, int mbps)
{
	if (mbps)
		fprintf(out, "%.10g", mbps / 1000.0);
	putc(',', out);
}

/* "n0;n1," and "0-3;2,4", which needs its quotes. */
static void put_places(FILE *out, const struct sim_result *r, const struct sim_outcome *o)
{
	char buf[GT_MASK_TEXT_MAX];

	for (int i = 0; i < o->places; i++)
		fprintf(out, "%s%s", i ? ";" : "",
			sim_result_name(r, r->places[o->place + (unsigned)i].node, buf,
					sizeof(buf)));
	fputs(",\"", out);
	for (int i = 0; i < o->places; i++) {
		struct gt_mask mask = {.word = {r->places[o->place + (unsigned)i].mask}};

		fprintf(out, "%s%s", i ? ";" : "",
			gt_mask_format(&mask, buf, sizeof(buf)));
	}
	fputs("\",", out);
}

static void put_flag(FILE *out, bool flag, char end)
{
	putc(flag ? '1' : '0', out);
	putc(end, out);
}

static void put_shape(FILE *out, const struct sim_shape *shape)
{
	char text[GT_GROUPS_TEXT_MAX];

	fprintf(out, ",%s,%s", gt_groups_format(&shape->groups, text, sizeof(text)),
		gt_comm_name(shape->comm));
}

static void put_job(const struct sim_report *report, const struct sim_result *r, size_t i,
		    FILE *out)
{
	const struct sim_job *job = &report->trace->jobs[i];
	const struct sim_outcome *o = &r->jobs[i];

	put_text(out, sim_trace_text(report->trace, job->id));
	put_text(out, sim_trace_text(report->trace, job->user));
	put_seconds(out, job->submit_ms);
	if (o->flags & SIM_REJECTED) {
		fputs(",,,", out);
	} else {
		put_seconds(out, o->start_ms);
		put_seconds(out, o->end_ms);
		put_seconds(out, o->start_ms - job->submit_ms);
	}
	fprintf(out, "%d,%s,", job->gpus, sim_form_name((enum sim_form)job->form));
	put_places(out, r, o);
	put_gbps(out, o->got_mbps);
	put_gbps(out, o->best_mbps);
	put_gbps(out, o->ideal_mbps);
	if (o->got_mbps)
		fprintf(out, "%.6f,%.6f,", sim_outcome_ratio(o->got_mbps, o->best_mbps),
			sim_outcome_ratio(o->got_mbps, o->ideal_mbps));
	else
		fputs(",,", out);
	put_flag(out, o->flags & SIM_RING, ',');
	put_flag(out, o->flags & SIM_RING_LOST, ',');
	put_flag(out, o->flags & SIM_ZERO_PAIR, ',');
	put_flag(out, o->flags & SIM_SPLIT, ',');
	put_flag(out, o->flags & SIM_MOVED, ',');
	put_flag(out, o->flags & SIM_REJECTED, ',');
	putc(o->flags & SIM_CHOICE ? '1' : '0', out);
	if (report->trace->shape_count > 1)
		put_shape(out, &report->trace->shapes[job->shape]);
	if (report->options->times_decisions)
		fprintf(out, ",%d", o->decision_ns);
	putc('\n', out);
}

void sim_report_csv(const struct sim_report *report, int policy, FILE *out)
{
	fputs("job_id,user,submit,start,end,wait,gpus,form,node,gpu_set,busbw_gbps,"
	      "best_free_gbps,ideal_gbps,ratio_free,ratio_idle,ring,ring_lost,zero_link_"
	      "pair,"
	      "split,moved,rejected,choice",
	      out);
	fputs(report->trace->shape_count > 1 ? ",groups,comm" : "", out);
	fputs(report->options->times_decisions ? ",decision_ns\n" : "\n", out);
	for (size_t i = 0; i < report->trace->count; i++)
		put_job(report, &report->results[policy], i, out);
}
