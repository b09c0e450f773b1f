/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What readers share: the text they read, the table they stand in, lines and words. */
#ifndef GT_SOURCE_SOURCE_H
#define GT_SOURCE_SOURCE_H

#include "core/library.h"

#define GT_LINE_MAX 32768 /* bytes of one line of a text format, NUL included */

/* One topology text on its way through a reader. */
struct gt_source {
	const char *text;
	size_t size;
	const char *file;      /* as errors and the model name it */
	const char *node_name; /* which NodeName; NULL: the only one */
	bool infer_fabric;     /* a reader without evidence asks for the rule */
};

/* One format. looks_like may be wrong about garbage, never about a text of another
 * format that stands later in the table. read makes an unfinished node. */
struct gt_format {
	const char *name;
	bool (*looks_like)(const struct gt_source *src);
	enum gt_err (*read)(struct gt_source *src, struct gt_node **node,
			    struct gt_error *err);
};

/* The formats of this program, in order of detection, NULL after the last; formats.c has
 * all of them, formats_ctld.c those of slurmctld, formats_node.c those of nodes. */
extern const struct gt_format *const gt_formats[];
/* What "live" reads; NULL where there is no such thing. */
extern enum gt_err (*const gt_live_read)(struct gt_source *src, struct gt_node **node,
					 struct gt_error *err);

extern const struct gt_format gt_format_json;
extern const struct gt_format gt_format_nvidia_smi;
extern const struct gt_format gt_format_nvlink;
extern const struct gt_format gt_format_gres;
extern const struct gt_format gt_format_hwloc;
extern const struct gt_format gt_format_nccl;
extern const struct gt_format gt_format_rocm_smi;
extern const struct gt_format gt_format_amd_smi;

/* The text of a built-in machine, NULL if there is none of that name. */
const char *gt_builtin_text(const char *name);

/* Fail at a line of the source. */
#define gt_fail_src(src, err, code, line, ...)                                           \
	gt_fail_at(err, code, (src)->file, line, 0, __VA_ARGS__)

/* ---- text ---- */

/* The lines of a text, without terminal escapes, carriage returns and trailing blanks;
 * a no-break space becomes a space. */
struct gt_lines {
	const char *at;
	const char *end;
	int number; /* of the current line, from 1 */
	char line[GT_LINE_MAX];
};

/* Refuse NUL bytes, malformed UTF-8 and lines of GT_LINE_MAX or more, with the line. */
enum gt_err gt_text_check(const struct gt_source *src, struct gt_error *err);
void gt_lines_start(struct gt_lines *lines, const struct gt_source *src);
bool gt_lines_next(struct gt_lines *lines);
/* Whether the text is in UTF-16, or one string of a program with \\n and \\t spelled out.
 */
bool gt_text_is_wrapped(const char *text, size_t size);
/* Such a text as plain UTF-8, malloc'ed, *size its bytes; NULL: out of memory. */
char *gt_text_unwrap(const char *text, size_t *size);
/* Whether the text has word (case counts). */
bool gt_text_has(const struct gt_source *src, const char *word);
/* The first byte that is not blank, '\0' if there is none. */
char gt_text_first(const struct gt_source *src);

/* A decimal at *at of at most max; *at moves behind it. */
bool gt_scan_int(const char **at, int max, int *value);
/* dddd:bb:dd.f in lower case out of any spelling ("00000000:3B:00.0"); false if it is
 * none. */
bool gt_bus_id_normalize(const char *text, char *out, size_t size);
/* MB/s of a NVLink or xGMI speed figure to a count of links. xgmi or NVLink generation by
 * model and by what divides the figure. */
int gt_links_of_mbps(long mbps, bool xgmi, const char *model);

#endif
