/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_svg.h - the drawings of the HTML report, inline SVG. */
#ifndef SIM_REPORT_SVG_H
#define SIM_REPORT_SVG_H

#include "sim/report.h"

#define SIM_BANDS     5
#define SIM_SVG_WIDTH 760 /* of the drawings */

/* "100 %", "75 to 99 %", ... and the colour of each, best first. */
const char *sim_band_name(int band);
const char *sim_band_colour(int band);

/* Text with &, <, > and quotes escaped. */
void sim_svg_text(FILE *out, const char *text);
/* One bar for each policy: shares of its jobs in each band of got over ideal. */
void sim_svg_bands(const struct sim_report *report, FILE *out);
/* Groups of bars: mean GB/s by job size, a bar for each policy. */
void sim_svg_sizes(const struct sim_report *report, FILE *out);
/* GPUs of the first nodes over time, jobs coloured by band. */
void sim_svg_gantt(const struct sim_report *report, int policy, FILE *out);
/* A picture for a slide, a whole file. */
void sim_svg_slide(const struct sim_report *report, FILE *out);
/* The node's links, with one set of GPUs marked. */
void sim_svg_graph(const struct sim_type *type, uint64_t marked, FILE *out);

#endif
