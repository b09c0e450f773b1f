/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One page about placement policies, with the slices of the first GPUs over time. */
#include "config.h"

#include "sim/report_page.h"
#include "sim/report_svg.h"
#include "sim/sim_mig.h"
#include "sim/sim_mig_rules.h"

#include <inttypes.h>
#include <stdbool.h>

#define SHOWN_GPUS  6
#define SHOWN_JOBS  900 /* instances in one picture */
#define WIDTH	    1000
#define UNIT_HEIGHT 9
#define GPU_GAP	    8
#define LEFT	    64

/* Distinct by lightness too, for readers who see fewer colours. */
static const char *const colours[] = {"#1b4965", "#62b6cb", "#f4a259", "#8cb369",
				      "#bc4b51", "#5b3758", "#d8b4a0", "#457b9d",
				      "#2a9d8f", "#e9c46a", "#9d4edd", "#6c757d"};

/* By the profile's place among those that were asked for: the first colours differ most.
 */
static const char *colour_of(const struct sim_mig_report *r, int profile)
{
	size_t place = 0;

	for (int p = 0; p < profile; p++)
		place += r->results[0].offered[p] > 0;
	return colours[place % (sizeof(colours) / sizeof(*colours))];
}

static void put_legend(const struct sim_mig_report *r, FILE *out)
{
	fputs("<p class=\"legend\">", out);
	for (int p = 0; p < r->gpu->count; p++) {
		if (!r->results[0].offered[p])
			continue;
		fprintf(out, "<span><i style=\"background:%s\"></i>", colour_of(r, p));
		sim_svg_text(out, r->gpu->profile[p].name);
		fputs("</span>", out);
	}
	fputs("<span><i class=\"idle\"></i>free</span></p>\n", out);
}

/* The time at which a policy's picture could end: the warm-up and then SHOWN_JOBS
 * instances. */
static int64_t policy_end(const struct sim_mig_report *r,
			  const struct sim_mig_outcome *jobs)
{
	int64_t end = r->options->warmup_ms;
	int shown = 0;

	for (size_t i = 0; i < r->trace->count && shown < SHOWN_JOBS; i++) {
		if (jobs[i].start_ms == SIM_NEVER || jobs[i].gpu >= SHOWN_GPUS ||
		    jobs[i].start_ms < r->options->warmup_ms)
			continue;
		shown++;
		if (jobs[i].start_ms > end)
			end = jobs[i].start_ms;
	}
	return end > r->options->warmup_ms ? end : r->options->warmup_ms + 1;
}

/* All pictures end at the same time: the same requests stand above each other. */
static int64_t picture_end(const struct sim_mig_report *r)
{
	int64_t end = INT64_MAX;

	for (int i = 0; i < r->policy_count; i++) {
		int64_t own = policy_end(r, r->results[i * r->seeds].jobs);

		end = own < end ? own : end;
	}
	return end;
}

static int lane(const struct sim_mig_report *r, int gpu)
{
	return gpu * (r->gpu->units * UNIT_HEIGHT + GPU_GAP);
}

static void put_instance(const struct sim_mig_report *r, const struct sim_mig_job *job,
			 const struct sim_mig_outcome *o, int64_t from, int64_t to,
			 FILE *out)
{
	const struct gt_mig_profile *p = &r->gpu->profile[job->profile];
	int64_t start = o->start_ms > from ? o->start_ms : from;
	int64_t end = o->start_ms + job->duration_ms;
	double scale = (double)(WIDTH - LEFT) / (double)(to - from);

	if (end > to)
		end = to;
	if (end <= start)
		return;
	fprintf(out,
		"<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\" "
		"stroke=\"#fff\" stroke-width=\"0.6\"/>\n",
		LEFT + (double)(start - from) * scale,
		lane(r, o->gpu) + o->start * UNIT_HEIGHT, (double)(end - start) * scale,
		p->size * UNIT_HEIGHT, colour_of(r, job->profile));
}

/* Rows are memory slices; free ones stay grey, so stranded ones stand out. */
static void put_picture(const struct sim_mig_report *r, int policy, FILE *out)
{
	const struct sim_mig_outcome *jobs = r->results[policy * r->seeds].jobs;
	int64_t from = r->options->warmup_ms, to = picture_end(r);
	int gpus = r->options->gpus < SHOWN_GPUS ? r->options->gpus : SHOWN_GPUS;

	fprintf(out,
		"<div class=\"wide\"><svg viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-label=\"slices over time\">\n",
		WIDTH, lane(r, gpus) + 20);
	for (int g = 0; g < gpus; g++)
		fprintf(out,
			"<rect class=\"idle\" x=\"%d\" y=\"%d\" width=\"%d\" "
			"height=\"%d\"/><text x=\"0\" y=\"%d\">GPU %d</text>\n",
			LEFT, lane(r, g), WIDTH - LEFT, r->gpu->units * UNIT_HEIGHT,
			lane(r, g) + r->gpu->units * UNIT_HEIGHT / 2 + 4, g);
	for (size_t i = 0; i < r->trace->count; i++)
		if (jobs[i].start_ms != SIM_NEVER && jobs[i].gpu < gpus &&
		    jobs[i].start_ms < to)
			put_instance(r, &r->trace->jobs[i], &jobs[i], from, to, out);
	fprintf(out,
		"<text x=\"%d\" y=\"%d\">%.4g h</text><text x=\"%d\" y=\"%d\" "
		"text-anchor=\"end\">%.4g h</text>\n</svg></div>\n",
		LEFT, lane(r, gpus) + 14, (double)from / 3.6e6, WIDTH, lane(r, gpus) + 14,
		(double)to / 3.6e6);
}

/* The figures of the summary, in the order of the JSON. */
static void put_summary(const struct sim_mig_report *r, json_t *summary, FILE *out)
{
	static const struct {
		const char *key, *title, *format;
		double scale;
		bool waiting; /* only where requests wait */
	} columns[] = {
		{"accepted_share_slices", "accepted, by slices", "%.2f %%", 100, false},
		{"accepted_share_count", "by count", "%.2f %%", 100, false},
		{"slice_seconds", "slice-hours delivered", "%.0f", 1 / 3600.0, false},
		{"stranded_slices_mean", "stranded slices, mean", "%.2f", 1, false},
		{"gpus_busy_mean", "GPUs in use, mean", "%.2f", 1, false},
		{"wait_mean_s", "mean wait, min", "%.2f", 1 / 60.0, true},
		{"wait_p95_s", "95 % wait, min", "%.2f", 1 / 60.0, true},
	};
	const size_t count = sizeof(columns) / sizeof(*columns);
	double half, difference;

	fputs("<h2>Summary</h2>\n<div class=\"wide\"><table>\n<tr><th>policy</th>", out);
	for (size_t c = 0; c < count; c++)
		if (!columns[c].waiting || r->options->queue)
			fprintf(out, "<th>%s</th>", columns[c].title);
	fputs("<th>accepted, to the first, points</th></tr>\n", out);
	for (int i = 0; i < r->policy_count; i++) {
		const char *name = sim_mig_rule_name(r->policies[i]);
		const json_t *p =
			json_object_get(json_object_get(summary, "policies"), name);

		fprintf(out, "<tr><td>%s</td>", name);
		for (size_t c = 0; c < count; c++) {
			if (columns[c].waiting && !r->options->queue)
				continue;
			fputs("<td>", out);
			fprintf(out, columns[c].format,
				columns[c].scale * json_real_value(json_object_get(
							   p, columns[c].key)));
			fputs("</td>", out);
		}
		difference = sim_mig_mean(r, i, 0, sim_mig_share, &half);
		fprintf(out, "<td>%+.2f", 100 * difference);
		if (r->seeds > 1)
			fprintf(out, " &plusmn; %.2f", 100 * half);
		fputs("</td></tr>\n", out);
	}
	fputs("</table></div>\n", out);
}

/* Counting alone is gamed by starving the large profiles. */
static void put_profiles(const struct sim_mig_report *r, const json_t *summary, FILE *out)
{
	fputs("<h2>Accepted, by profile</h2>\n<div class=\"wide\"><table>\n"
	      "<tr><th>policy</th>",
	      out);
	for (int p = 0; p < r->gpu->count; p++) {
		if (!r->results[0].offered[p])
			continue;
		fputs("<th>", out);
		sim_svg_text(out, r->gpu->profile[p].name);
		fputs("</th>", out);
	}
	fputs("</tr>\n", out);
	for (int i = 0; i < r->policy_count; i++) {
		const char *name = sim_mig_rule_name(r->policies[i]);
		const json_t *rows = json_object_get(
			json_object_get(json_object_get(summary, "policies"), name),
			"by_profile");

		fprintf(out, "<tr><td>%s</td>", name);
		for (int p = 0; p < r->gpu->count; p++)
			if (r->results[0].offered[p])
				fprintf(out, "<td>%.2f %%</td>",
					100 * json_real_value(json_object_get(
						      json_object_get(
							      rows,
							      r->gpu->profile[p].name),
						      "share")));
		fputs("</tr>\n", out);
	}
	fputs("</table></div>\n", out);
}

void sim_mig_report_html(const struct sim_mig_report *r, FILE *out)
{
	json_t *summary = sim_mig_report_json(r);

	sim_page_begin(out, "GPU instances", WIDTH);
	fputs("<h1>GPU instances under several placement policies</h1>\n<p "
	      "class=\"note\">",
	      out);
	fprintf(out, "%zu requests ", r->trace->count);
	if (r->trace_name) {
		fputs("of ", out);
		sim_svg_text(out, r->trace_name);
	} else {
		fprintf(out, "drawn at load %g from ", r->load);
		sim_svg_text(out, r->mix);
	}
	fprintf(out, " on %d GPUs ", r->options->gpus);
	sim_svg_text(out, r->gpu->name);
	fprintf(out, "; requests that fit nowhere %s; %d seed%s from %" PRIu64 ".</p>\n",
		r->options->queue ? "wait" : "are lost", r->seeds,
		r->seeds > 1 ? "s" : "", r->seed);
	put_summary(r, summary, out);
	put_profiles(r, summary, out);
	fputs("<h2>Slices over time</h2>\n<p>A row for each memory slice of the first "
	      "GPUs, "
	      "from the end of the warm-up, the same time span for every policy. Grey "
	      "slices are free. Stranded above are, on average, those that a request of "
	      "the mix cannot use though it could on an empty GPU.</p>\n",
	      out);
	put_legend(r, out);
	for (int i = 0; i < r->policy_count; i++) {
		fprintf(out, "<p><b>%s</b></p>\n", sim_mig_rule_name(r->policies[i]));
		put_picture(r, i, out);
	}
	sim_page_end(out);
	json_decref(summary);
}
