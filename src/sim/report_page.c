/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The head of a page, with its style. */
#include "config.h"

#include "sim/report_page.h"

#define PAGE_WIDTH   1050 /* of the text on a wide screen */
#define NARROW_WIDTH 640

static const char style[] =
	":root{color-scheme:light dark;--ink:#1f2933;--paper:#fff;--note:#52606d;"
	"--grid:#e4e7eb;--idle:#eef0f3;--one:#c9ced6;--link:#d8dce2;--mark:#1f6f6b;"
	"--warn:#fdf0d5}\n"
	"@media (prefers-color-scheme:dark){:root{--ink:#e6eaee;--paper:#14181d;"
	"--note:#9fb0bf;--grid:#37414b;--idle:#242b32;--one:#5b6772;--link:#3d4853;"
	"--mark:#3fa39c;--warn:#4a3a17}}\n"
	"body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);"
	"background:var(--paper);margin:0 auto;max-width:1100px;padding:1.5rem}\n"
	"h1{font-size:1.6rem;margin:0 0 .2rem}"
	"h2{font-size:1.15rem;margin:2.2rem 0 .4rem}\n"
	"p{margin:.3rem 0 .8rem;max-width:75ch}.note{color:var(--note)}\n"
	".verdict{font-size:1.15rem;border-left:4px solid "
	"var(--mark);padding-left:.8rem}\n"
	"summary{cursor:pointer;margin:.8rem 0 .3rem}dt{font-weight:600}"
	"dd{margin:0 0 .4rem 1rem}\n"
	".warn{background:var(--warn);border-left:4px solid #ed8936;"
	"padding:.5rem .8rem}\n"
	".wide{overflow-x:auto}\n"
	"table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
	"th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid var(--grid);"
	"white-space:nowrap}\n"
	"th{white-space:normal;vertical-align:bottom;font-weight:600}\n"
	"th:first-child,td:first-child{text-align:left}\n"
	"svg{width:100%;height:auto;display:block}.wide svg{min-width:600px}\n"
	"svg text{fill:var(--ink)}svg text.light{fill:#fff}svg text.dark{fill:#1f2933}\n"
	"svg .grid{stroke:var(--grid)}svg .idle{fill:var(--idle)}svg "
	".one{fill:var(--one)}\n"
	"svg .link{stroke:var(--link)}svg .mark{stroke:var(--mark)}\n"
	"svg .gpu{fill:var(--paper);stroke:#9aa3af}svg .gpu.in{fill:var(--mark);"
	"stroke:var(--mark)}\n"
	".legend span{display:inline-block;margin-right:1.1rem;white-space:nowrap}\n"
	".legend i{display:inline-block;width:.8em;height:.8em;margin-right:.4em;"
	"border-radius:2px}i.one{background:var(--one)}i.idle{background:var(--idle)}\n"
	".graphs{display:grid;grid-template-columns:repeat(auto-fill,minmax(170px,1fr));"
	"gap:1rem}\n"
	".graphs figure{margin:0;text-align:center}.graphs figcaption{font-size:.9rem}\n"
	".graphs svg text{font-size:13px}\n"
	/* a narrow screen scrolls wide tables beside their first column */
	"@media (max-width:800px){body{padding:1rem}h1{font-size:1.35rem}"
	"table{font-size:.8rem}th,td{padding:.25rem .35rem}"
	"th:first-child,td:first-child{position:sticky;left:0;background:var(--paper);"
	"white-space:normal;overflow-wrap:anywhere;min-width:5.5rem}}\n";

void sim_page_begin(FILE *out, const char *title, int drawing_width)
{
	double wide = 14.0 * drawing_width / PAGE_WIDTH;
	double narrow = 12.0 * drawing_width / NARROW_WIDTH;

	fprintf(out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, "
		"initial-scale=1\">\n"
		"<title>gputopo: %s</title>\n<style>\n"
		"svg text{font:%.1fpx system-ui,sans-serif}\n"
		"@media (max-width:800px){svg text{font-size:%.1fpx}}\n%s"
		"</style>\n</head>\n<body>\n",
		title, wide, narrow, style);
}

void sim_page_end(FILE *out)
{
	fputs("</body>\n</html>\n", out);
}
