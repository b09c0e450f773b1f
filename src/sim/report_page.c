/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The head of a page, with its style. */
#include "config.h"

#include "sim/report_page.h"

#define PAGE_WIDTH   1050 /* of the text on a wide screen */
#define NARROW_WIDTH 640

static const char style[] =
	":root{color-scheme:light}\n"
	"body{font:16px/1.5 system-ui,sans-serif;color:#1f2933;background:#fff;"
	"margin:0 auto;max-width:1100px;padding:1.5rem}\n"
	"h1{font-size:1.6rem;margin:0 0 .2rem}"
	"h2{font-size:1.15rem;margin:2.2rem 0 .4rem}\n"
	"p{margin:.3rem 0 .8rem;max-width:75ch}.note{color:#52606d}\n"
	".verdict{font-size:1.15rem;border-left:4px solid #1f6f6b;padding-left:.8rem}\n"
	"summary{cursor:pointer;margin:.8rem 0 .3rem}dt{font-weight:600}dd{margin:0 0 "
	".4rem 1rem}\n"
	".warn{background:#fdf0d5;border-left:4px solid #ed8936;padding:.5rem .8rem}\n"
	".wide{overflow-x:auto}\n"
	"table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
	"th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid #e4e7eb;"
	"white-space:nowrap}\n"
	"th{white-space:normal;vertical-align:bottom;font-weight:600}\n"
	"th:first-child,td:first-child{text-align:left}\n"
	"svg{width:100%;height:auto;display:block}.wide svg{min-width:600px}\n"
	"svg text.light{fill:#fff}svg .grid{stroke:#e4e7eb}svg .idle{fill:#eef0f3}\n"
	".legend span{display:inline-block;margin-right:1.1rem;white-space:nowrap}\n"
	".legend i{display:inline-block;width:.8em;height:.8em;margin-right:.4em;"
	"border-radius:2px}\n"
	".graphs{display:grid;grid-template-columns:repeat(auto-fill,minmax(170px,1fr));"
	"gap:1rem}\n"
	".graphs figure{margin:0;text-align:center}.graphs figcaption{font-size:.9rem}\n"
	".graphs svg text{font-size:13px}\n"
	/* a table of ten columns fits a narrow screen */
	"@media (max-width:800px){body{padding:1rem}table{font-size:.75rem}"
	"th,td{padding:.25rem .2rem}td:first-child{white-space:normal;"
	"overflow-wrap:anywhere;min-width:6rem}}\n";

void sim_page_begin(FILE *out, const char *title, int drawing_width)
{
	double wide = 14.0 * drawing_width / PAGE_WIDTH;
	double narrow = 12.0 * drawing_width / NARROW_WIDTH;

	fprintf(out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, "
		"initial-scale=1\">\n"
		"<title>gputopo: %s</title>\n<style>\n"
		"svg text{font:%.1fpx system-ui,sans-serif;fill:#1f2933}\n"
		"@media (max-width:800px){svg text{font-size:%.1fpx}}\n%s"
		"</style>\n</head>\n<body>\n",
		title, wide, narrow, style);
}

void sim_page_end(FILE *out)
{
	fputs("</body>\n</html>\n", out);
}
