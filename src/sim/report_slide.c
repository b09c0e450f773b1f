/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One picture for a slide: the verdict, and what each policy gives in GB/s. A file of its
 * own, 16:9, that needs nothing from outside. gputopo sim replay --svg writes it. */
#include "config.h"

#include "sim/report_svg.h"

#include <string.h>

#define SLIDE_WIDTH  1280
#define SLIDE_HEIGHT 720
#define LINE_LETTERS 96 /* of the verdict */
#define MAX_ROWS     8	/* policies */
#define BAR_LEFT     330
#define BAR_WIDTH    760

static const char style[] =
	"<style>text{font:24px system-ui,sans-serif;fill:#1f2933}"
	".head{font-size:30px;font-weight:600}.note{font-size:18px;fill:#52606d}"
	".all{fill:#1f6f6b}.choice{fill:#7cb9a8}.rule{stroke:#e4e7eb}</style>\n";

static void text_at(FILE *out, double x, double y, const char *class, const char *anchor,
		    const char *text)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">", x, y,
		class, anchor);
	sim_svg_text(out, text);
	fputs("</text>\n", out);
}

/* The verdict in lines of whole words; returns where the next line would stand. */
static double put_verdict(const char *verdict, double y, FILE *out)
{
	char line[LINE_LETTERS + 1];

	while (*verdict) {
		size_t length = strlen(verdict);

		if (length > LINE_LETTERS) {
			length = LINE_LETTERS;
			while (length > 1 && verdict[length] != ' ')
				length--;
		}
		snprintf(line, sizeof(line), "%.*s", (int)length, verdict);
		text_at(out, 60, y, "", "start", line);
		verdict += length;
		verdict += strspn(verdict, " ");
		y += 34;
	}
	return y;
}

static void put_bar(double y, double tall, double gbps, double most, const char *class,
		    FILE *out)
{
	double wide = most > 0 ? gbps / most * BAR_WIDTH : 0;
	char text[32];

	fprintf(out,
		"<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
		"class=\"%s\"/>\n",
		BAR_LEFT, y, wide, tall, class);
	snprintf(text, sizeof(text), "%.1f", gbps);
	text_at(out, BAR_LEFT + wide + 10, y + tall / 2 + 8, "", "start", text);
}

void sim_svg_slide(const struct sim_report *r, FILE *out)
{
	char verdict[SIM_VERDICT_MAX], note[512];
	int rows = r->count < MAX_ROWS ? r->count : MAX_ROWS;
	bool choice = false;
	double most = 0, y, row;

	for (int i = 0; i < rows; i++) {
		const struct sim_metrics *m = &r->metrics[i];

		most = m->all.mean_gbps > most ? m->all.mean_gbps : most;
		most = m->choice.mean_gbps > most ? m->choice.mean_gbps : most;
		choice |= m->choice.jobs && m->choice.jobs < m->all.jobs;
	}
	sim_report_verdict(r, verdict, sizeof(verdict));
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
		"width=\"%d\" height=\"%d\">\n%s<rect width=\"%d\" height=\"%d\" "
		"fill=\"#fff\"/>\n",
		SLIDE_WIDTH, SLIDE_HEIGHT, SLIDE_WIDTH, SLIDE_HEIGHT, style, SLIDE_WIDTH,
		SLIDE_HEIGHT);
	text_at(out, 60, 66, "head", "start",
		"Bus bandwidth of jobs of 2 GPUs and more, GB/s");
	y = put_verdict(verdict, 118, out) + 14;
	row = (SLIDE_HEIGHT - 90 - y) / (rows ? rows : 1);
	row = row < 96 ? row : 96;
	for (int i = 0; i < rows; i++) {
		const struct sim_metrics *m = &r->metrics[i];
		double tall = choice ? row * .4 : row * .7, top = y + i * row;

		text_at(out, BAR_LEFT - 16, top + row * .4 + 8, "", "end",
			r->results[i].name);
		put_bar(top, tall, m->all.mean_gbps, most, "all", out);
		if (choice)
			put_bar(top + tall, tall, m->choice.mean_gbps, most, "choice",
				out);
	}
	if (choice) {
		fputs("<rect x=\"60\" y=\"636\" width=\"18\" height=\"18\" "
		      "class=\"all\"/>\n"
		      "<rect x=\"220\" y=\"636\" width=\"18\" height=\"18\" "
		      "class=\"choice\"/>\n",
		      out);
		text_at(out, 86, 651, "note", "start", "all of them");
		text_at(out, 246, 651, "note", "start",
			"those that had a choice: sets of their size differ");
	}
	snprintf(note, sizeof(note),
		 "%zu jobs on %d nodes with %lld GPUs (%.100s), %s; gputopo %s",
		 r->trace->count, r->layout->nodes, (long long)r->layout->gpus,
		 r->topology_name, sim_sched_name(r->options->sched), gt_version());
	text_at(out, 60, 690, "note", "start", note);
	fputs("</svg>\n", out);
}
