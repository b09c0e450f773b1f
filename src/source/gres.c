/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slurm's own words: gres.conf, `slurmd -G`, slurmd's log ("GRES[gpu] Type:...") and the
 * fake_gpus.conf of its tests. The place of the -1 in Links= is the GPU's position; GPUs
 * without usable Links stand behind the others in the order of the text.
 */
#include "config.h"

#include "core/hostlist.h"
#include "source/source.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PARTS_MAX 16
#define VALUE_MAX 8192 /* one value of a gres.conf line: Links= of 1024 GPUs */

/* One GPU line, as far as a node model needs it. */
struct gres {
	int line;
	int position; /* of the -1 in Links=, GT_UNKNOWN without */
	int links_count;
	int16_t *links;
	char type[64];
	char file[128];
	char cores[256];
	char parts[PARTS_MAX][32]; /* profiles of the instances it is cut into */
	int part_count;
};

/* All GPU lines of the asked node. */
struct gres_list {
	const struct gt_source *src;
	struct gres *gres;
	int count;
	int capacity;
	int bad_links; /* lines whose Links= is none */
	int bad_line;
	int part_links;	  /* lines of instances with Links= */
	int include_line; /* the first that includes another file, 0: none */
	char node[256];	  /* the NodeName met first; "" for lines without */
	bool several_nodes;
	struct gt_error *err;
};

/* ---- words ---- */

/* The value of key in a line of "Key=Value" words ('=' or, in logs, ':'), unquoted and
 * unescaped; false if the key is not there. */
static bool get_value(const char *line, const char *key, char *out, size_t size)
{
	size_t len = strlen(key), used = 0;
	const char *at = line;
	bool quoted = false, found = false;

	out[0] = '\0';
	for (; *at && !found; at++) {
		const char *after = at + len;

		if (strncasecmp(at, key, len) ||
		    (at > line && !isspace((unsigned char)at[-1])))
			continue;
		if (*after == '(' && strchr(after, ')')) /* "Cores(128):0-63" */
			after = strchr(after, ')') + 1;
		found = *after == '=' || *after == ':';
		if (found)
			at = after;
	}
	if (!found)
		return false;
	for (; *at && (quoted || !isspace((unsigned char)*at)) && used < size - 1; at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (*at != '\\')
			out[used++] = *at;
	}
	out[used] = '\0';
	return true;
}

/* /dev/nvidia12: 12. */
static int minor_of(const char *file)
{
	const char *at = file + strlen(file);
	int value;

	while (at > file && isdigit((unsigned char)at[-1]))
		at--;
	if (!gt_scan_int(&at, 1 << 20, &value))
		return GT_UNKNOWN;
	return value;
}

/* ---- one line ---- */

static bool wanted_node(struct gres_list *list, const char *line)
{
	char nodes[VALUE_MAX];

	if (!get_value(line, "NodeName", nodes, sizeof(nodes)))
		return true;
	if (list->src->node_name)
		return gt_hostlist_has(nodes, list->src->node_name);
	if (!list->node[0])
		snprintf(list->node, sizeof(list->node), "%.255s", nodes);
	else if (strncmp(list->node, nodes, sizeof(list->node) - 1))
		list->several_nodes = true;
	return true;
}

/* "-1,4,0": counts with exactly one -1. */
static bool parse_links(struct gres *gres, const char *text)
{
	const char *at = text;
	int count = 1, value;

	for (const char *c = text; *c; c++)
		count += *c == ',';
	if (count > GT_MAX_GPUS)
		return false;
	gres->links = calloc((size_t)count, sizeof(*gres->links));
	if (!gres->links)
		return false;
	for (int i = 0; i < count; i++) {
		if (!strncmp(at, "-1", 2)) {
			if (gres->position != GT_UNKNOWN)
				return false;
			gres->position = i;
			at += 2;
		} else if (gt_scan_int(&at, GT_MAX_LINKS, &value)) {
			gres->links[i] = (int16_t)value;
		} else {
			return false;
		}
		if (*at != (i + 1 < count ? ',' : '\0'))
			return false;
		at++;
	}
	gres->links_count = count;
	return gres->position != GT_UNKNOWN;
}

static void drop_links(struct gres *gres)
{
	free(gres->links);
	gres->links = NULL;
	gres->links_count = 0;
	gres->position = GT_UNKNOWN;
}

static void take_links(struct gres_list *list, struct gres *gres, const char *text)
{
	if (parse_links(gres, text))
		return;
	drop_links(gres);
	if (!list->bad_links++)
		list->bad_line = gres->line;
}

/* The GPU of the same device file, or NULL. */
static struct gres *find_file(const struct gres_list *list, const struct gres *gres)
{
	for (int i = 0; gres->file[0] && i < list->count; i++)
		if (!strcmp(list->gres[i].file, gres->file))
			return &list->gres[i];
	return NULL;
}

/* Takes the links of *gres where it succeeds with a new GPU. */
static enum gt_err add_gres(struct gres_list *list, struct gres *gres)
{
	struct gres *bigger;

	if (find_file(list, gres))
		return GT_OK;
	if (list->count == GT_MAX_GPUS)
		return gt_fail_src(list->src, list->err, GT_ELIMIT, gres->line,
				   "more than %d GPUs", GT_MAX_GPUS);
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? list->capacity * 2 : 16;
		bigger = realloc(list->gres, (size_t)list->capacity * sizeof(*bigger));
		if (!bigger)
			return gt_fail(list->err, GT_ENOMEM, "out of memory");
		list->gres = bigger;
	}
	list->gres[list->count++] = *gres;
	gres->links = NULL;
	return GT_OK;
}

/* One name of File= after the other, as a GPU of its own. */
struct each_file {
	struct gres_list *list;
	struct gres gres;
	int count;
};

static enum gt_err add_file(void *arg, const char *name)
{
	struct each_file *each = arg;

	if (strlen(name) >= sizeof(each->gres.file))
		return gt_fail_src(each->list->src, each->list->err, GT_ELIMIT,
				   each->gres.line, "a device name longer than %zu bytes",
				   sizeof(each->gres.file) - 1);
	snprintf(each->gres.file, sizeof(each->gres.file), "%s", name);
	each->count++;
	return add_gres(each->list, &each->gres);
}

static enum gt_err check_files(struct gres_list *list, const struct gres *gres,
			       const char *files)
{
	if (gt_hostlist_is_valid(files))
		return GT_OK;
	return gt_fail_src(list->src, list->err, GT_EPARSE, gres->line,
			   "'%.100s' is not a list of device files", files);
}

/* Links= goes with one device only; count is the value of Count=, "" without. */
static enum gt_err add_files(struct gres_list *list, struct gres *gres, const char *files,
			     const char *count)
{
	struct each_file each = {.list = list, .gres = *gres};
	enum gt_err rc = check_files(list, gres, files);

	if (rc)
		return rc;
	gres->links = NULL;
	if (strpbrk(files, "[,")) {
		if (each.gres.links && !list->bad_links++)
			list->bad_line = gres->line;
		drop_links(&each.gres);
	}
	rc = gt_hostlist_each(files, add_file, &each, list->err);
	free(each.gres.links);
	if (rc == GT_OK && *count && atoi(count) != each.count)
		rc = gt_fail_src(list->src, list->err, GT_EINVAL, gres->line,
				 "Count=%.20s, but File= names %d devices", count,
				 each.count);
	return rc;
}

/* ---- one device of several files ---- */

enum kind { KIND_NVIDIA, KIND_RENDER, KIND_CARD, KINDS };

/* What the files of one device are. card1 and renderD128 are one GPU, which Slurm calls
 * by the latter, and an NVIDIA GPU may have them, too. */
struct device {
	char file[KINDS][128]; /* /dev/nvidia3, /dev/dri/renderD128, /dev/dri/card1 */
	int count[KINDS];
	int caps;   /* /dev/nvidia-caps/nvidia-cap12: of an instance of MIG */
	int others; /* /dev/nvidiactl, /dev/kfd */
};

static enum gt_err take_file(void *arg, const char *name)
{
	struct device *device = arg;
	const char *base = strrchr(name, '/');
	enum kind kind;

	base = base ? base + 1 : name;
	kind = !strncmp(base, "renderD", 7) ? KIND_RENDER
	       : !strncmp(base, "card", 4)  ? KIND_CARD
					    : KIND_NVIDIA;
	if (!strncmp(base, "nvidia-cap", 10))
		device->caps++;
	else if (minor_of(base) == GT_UNKNOWN)
		device->others++;
	else if (!device->count[kind]++)
		snprintf(device->file[kind], sizeof(device->file[kind]), "%.127s", name);
	return GT_OK;
}

static enum gt_err fail_line(const struct gres_list *list, const struct gres *gres,
			     const char *text)
{
	return gt_fail_src(list->src, list->err, GT_EFORMAT, gres->line, "%s", text);
}

/* An instance of MIG: Type=a100_1g.5gb. The GPU stands where its first instance does. */
static enum gt_err add_instance(struct gres_list *list, struct gres *gres)
{
	char *underscore = strrchr(gres->type, '_');
	const char *profile = underscore ? underscore + 1 : gres->type;
	struct gres *gpu;
	enum gt_err rc;
	char name[32];

	snprintf(name, sizeof(name), "%.31s", profile);
	*(underscore ? underscore : gres->type) = '\0';
	list->part_links += gres->links != NULL;
	free(gres->links);
	gres->links = NULL;
	gres->links_count = 0;
	rc = add_gres(list, gres);
	if (rc)
		return rc;
	gpu = find_file(list, gres);
	if (gpu->part_count == PARTS_MAX)
		return gt_fail_src(list->src, list->err, GT_ELIMIT, gres->line,
				   "more than %d instances of one GPU", PARTS_MAX);
	memcpy(gpu->parts[gpu->part_count++], name, sizeof(name));
	return GT_OK;
}

/* A line of one device with all its files: MultipleFiles=, and File= in what slurmd
 * prints. */
static enum gt_err add_device(struct gres_list *list, struct gres *gres,
			      const char *files)
{
	struct device device = {.caps = 0};
	int kind = 0, most = 0;
	bool is_profile = gt_mig_is_profile_name(gres->type);
	enum gt_err rc = check_files(list, gres, files);

	if (rc == GT_OK)
		rc = gt_hostlist_each(files, take_file, &device, list->err);
	if (rc)
		return rc;
	for (int k = KINDS - 1; k >= 0; k--) {
		most = device.count[k] > most ? device.count[k] : most;
		kind = device.count[k] ? k : kind;
	}
	if (most > 1)
		return fail_line(list, gres, "one device with the files of several GPUs");
	if (most == 0 && device.caps)
		return fail_line(list, gres,
				 "capability files without the GPU's /dev/nvidiaN: whose "
				 "instance it is is not said");
	if (most == 0)
		return fail_line(list, gres, "no file of a GPU, such as /dev/nvidia0");
	if (device.caps && !is_profile)
		return fail_line(list, gres,
				 "an instance of MIG needs its profile in Type=, such as "
				 "a100_1g.5gb; compute instances (1c.3g.20gb) and names "
				 "of a site's own do not show its slices");
	snprintf(gres->file, sizeof(gres->file), "%s", device.file[kind]);
	return is_profile ? add_instance(list, gres) : add_gres(list, gres);
}

static enum gt_err add_counted(struct gres_list *list, struct gres *gres,
			       const char *text)
{
	const char *at = text;
	int count = 1;

	if (*text && (!gt_scan_int(&at, GT_MAX_GPUS, &count) || *at))
		return gt_fail_src(list->src, list->err, GT_EPARSE, gres->line,
				   "Count=%s is not a number of GPUs", text);
	if (count != 1 && gres->links)
		return gt_fail_src(list->src, list->err, GT_EPARSE, gres->line,
				   "Links= on a line of %d GPUs", count);
	for (int i = 0; i < count; i++) {
		enum gt_err rc = add_gres(list, gres);

		if (rc)
			return rc;
	}
	return GT_OK;
}

/* Is the line one of a GPU? Its words begin at *words. */
static bool gpu_line(const char *line, const char **words)
{
	char name[64];
	const char *log = strstr(line, "GRES[gpu]");

	*words = line + strspn(line, " \t");
	/* "error: gres.conf: Ignoring invalid Links=0 for Name=gpu" */
	if (**words == '#' || strstr(line, "error: ") || strstr(line, "fatal: "))
		return false;
	if (log) {
		*words = log + strlen("GRES[gpu]");
		return true;
	}
	return get_value(*words, "Name", name, sizeof(name)) && !strcasecmp(name, "gpu");
}

/* Several names in File= are GPUs of their own in gres.conf, and the files of one in what
 * slurmd prints (which has Index= and Count=1), as are those of an instance. */
static bool is_one_device(const char *line, const char *count, const struct gres *gres,
			  const char *files)
{
	char index[16];

	bool is_profile = gt_mig_is_profile_name(gres->type);

	if (strstr(files, "nvidia-cap"))
		return true;
	if (!strpbrk(files, "[,"))
		return is_profile;
	return !strcmp(count, "1") &&
	       (is_profile || get_value(line, "Index", index, sizeof(index)));
}

static enum gt_err read_gpu_line(struct gres_list *list, const char *line, int number)
{
	struct gres gres = {.line = number, .position = GT_UNKNOWN};
	char value[VALUE_MAX], files[VALUE_MAX];
	enum gt_err rc;

	if (!wanted_node(list, line))
		return GT_OK;
	if (get_value(line, "Type", value, sizeof(value)) && value[0] != '(')
		snprintf(gres.type, sizeof(gres.type), "%.63s", value);
	if ((get_value(line, "Cores", value, sizeof(value)) ||
	     get_value(line, "CPUs", value, sizeof(value))) &&
	    isdigit((unsigned char)*value))
		snprintf(gres.cores, sizeof(gres.cores), "%.255s", value);
	if (get_value(line, "Links", value, sizeof(value)) && strcmp(value, "(null)"))
		take_links(list, &gres, value);
	get_value(line, "Count", value, sizeof(value));
	if (get_value(line, "MultipleFiles", files, sizeof(files)) && files[0] != '(')
		rc = add_device(list, &gres, files);
	else if (!get_value(line, "File", files, sizeof(files)) || files[0] == '(')
		rc = add_counted(list, &gres, value);
	else if (is_one_device(line, value, &gres, files))
		rc = add_device(list, &gres, files);
	else
		rc = add_files(list, &gres, files, value);
	free(gres.links);
	return rc;
}

/* "type|cpus of the machine|cores|links|file[|...]", empty as "(null)" or "_". */
static bool split_fake(char *line, char *fields[5])
{
	int count = 0;

	for (char *at = line + strspn(line, " \t"); at && count < 5; count++) {
		fields[count] = at;
		at = strchr(at, '|');
		if (at)
			*at++ = '\0';
		if (!strcmp(fields[count], "(null)") || !strcmp(fields[count], "_"))
			fields[count][0] = '\0';
	}
	return count == 5 && fields[0][0] != '#' && isdigit((unsigned char)fields[1][0]);
}

static enum gt_err read_fake_line(struct gres_list *list, char *const fields[5],
				  int number)
{
	struct gres gres = {.line = number, .position = GT_UNKNOWN};
	enum gt_err rc;

	snprintf(gres.type, sizeof(gres.type), "%.63s", fields[0]);
	snprintf(gres.cores, sizeof(gres.cores), "%.255s", fields[2]);
	if (fields[3][0])
		take_links(list, &gres, fields[3]);
	rc = add_files(list, &gres, fields[4], "");
	free(gres.links);
	return rc;
}

/* gp_gres_load follows them before the text comes here. */
static bool is_include(const char *line)
{
	line += strspn(line, " \t");
	return !strncasecmp(line, "include", 7) && isspace((unsigned char)line[7]) &&
	       !strpbrk(line + 7 + strspn(line + 7, " \t"), " \t");
}

static enum gt_err read_lines(struct gres_list *list, struct gt_lines *lines)
{
	char *fields[5];
	const char *words;
	enum gt_err rc = GT_OK;

	gt_lines_start(lines, list->src);
	while (rc == GT_OK && gt_lines_next(lines)) {
		if (gpu_line(lines->line, &words))
			rc = read_gpu_line(list, words, lines->number);
		else if (!list->include_line && is_include(lines->line))
			list->include_line = lines->number;
		else if (split_fake(lines->line, fields))
			rc = read_fake_line(list, fields, lines->number);
	}
	return rc;
}

/* ---- the node ---- */

static int compare_gres(const void *a, const void *b)
{
	const struct gres *ga = a, *gb = b;

	if (ga->position != gb->position) {
		if (ga->position == GT_UNKNOWN || gb->position == GT_UNKNOWN)
			return ga->position == GT_UNKNOWN ? 1 : -1;
		return ga->position - gb->position;
	}
	return ga->line - gb->line;
}

static enum gt_err check_positions(const struct gres_list *list)
{
	for (int i = 1; i < list->count; i++)
		if (list->gres[i].position != GT_UNKNOWN &&
		    list->gres[i].position == list->gres[i - 1].position)
			return gt_fail_src(list->src, list->err, GT_EINVAL,
					   list->gres[i].line,
					   "the -1 of Links= is in the same place as on "
					   "line %d has it",
					   list->gres[i - 1].line);
	return GT_OK;
}

static void set_gpu(struct gt_node *node, const struct gres_list *list, int i)
{
	struct gt_gpu *gpu = gt_node_edit_gpu(node, i);
	const struct gres *gres = &list->gres[i];

	snprintf(gpu->model, sizeof(gpu->model), "%s", gres->type);
	snprintf(gpu->cpus, sizeof(gpu->cpus), "%s", gres->cores);
	gpu->minor = minor_of(gres->file);
	/* GPUs near the same cores share a socket, numbered as they come */
	if (!gres->cores[0])
		return;
	gpu->socket = 0;
	for (int j = 0; j < i; j++) {
		const struct gt_gpu *other = gt_node_gpu(node, j);

		if (!strcmp(other->cpus, gres->cores)) {
			gpu->socket = other->socket;
			return;
		}
		if (other->socket >= gpu->socket)
			gpu->socket = other->socket + 1;
	}
}

/* Some lines have good Links= and others have broken ones: a cut or mangled text, where a
 * missing count is not a 0. */
static bool is_mangled(const struct gres_list *list)
{
	return list->bad_links && list->gres[0].links_count;
}

/* Links columns name positions. Of a pair that no column speaks of nothing is known: a
 * line without Links= is no line of zeros. */
static bool set_links(struct gt_node *node, const struct gres_list *list, int a)
{
	const struct gres *gres = &list->gres[a];
	bool any = false;

	for (int b = 0; b < list->count; b++) {
		int column = list->gres[b].position;
		bool known = column >= 0 && column < gres->links_count;

		if (a == b)
			continue;
		gt_node_set_links(node, a, b, known ? gres->links[column] : GT_UNKNOWN);
		any = any || (known && gres->links[column] > 0);
	}
	return any;
}

static void note_links(struct gt_node *node, const struct gres_list *list, bool any)
{
	int given = list->part_links, longest = 0;

	for (int i = 0; i < list->count; i++) {
		given += list->gres[i].links_count > 0;
		if (list->gres[i].links_count > longest)
			longest = list->gres[i].links_count;
	}
	if (list->include_line) {
		gt_node_add_note(node,
				 "line %d includes a file, whose lines are not here",
				 list->include_line);
		gt_node_set_partial(node);
	}
	if (list->bad_links)
		gt_node_add_note(node,
				 "%d line%s with an invalid Links= (first: line %d), not "
				 "used",
				 list->bad_links, list->bad_links > 1 ? "s" : "",
				 list->bad_line);
	if (longest > given) {
		gt_node_add_note(node, "Links= speaks of %d GPUs, %d lines have it",
				 longest, given);
		gt_node_set_partial(node);
	}
	if (is_mangled(list))
		gt_node_set_partial(node);
	if (given && given < list->count && !list->part_links)
		gt_node_add_note(node, "only %d of %d GPUs have Links=", given,
				 list->count);
	if (!given)
		gt_node_add_note(node, "no Links=: NVLinks are unknown");
	else if (!any && list->count > 1)
		gt_node_add_note(node,
				 "all Links= are 0, which Slurm's AutoDetect also writes "
				 "where NVLinks go to switches");
}

static enum gt_err build(const struct gres_list *list, struct gt_node **node)
{
	enum gt_err rc = gt_node_new(node, list->count, list->err);
	bool any = false;

	if (rc)
		return rc;
	for (int i = 0; i < list->count; i++) {
		set_gpu(*node, list, i);
		any = set_links(*node, list, i) || any;
	}
	for (int i = 0; i < list->count; i++)
		for (int p = 0; p < list->gres[i].part_count && rc == GT_OK; p++)
			rc = gt_node_add_instance(*node, i, list->gres[i].parts[p],
						  GT_UNKNOWN, list->err);
	note_links(*node, list, any);
	if (list->src->node_name || list->node[0])
		gt_node_set_name(*node, list->src->node_name ? list->src->node_name
							     : list->node);
	if (rc) {
		gt_node_free(*node);
		*node = NULL;
	}
	return rc;
}

static enum gt_err check_list(const struct gres_list *list)
{
	if (list->several_nodes)
		return gt_fail_src(list->src, list->err, GT_EINVAL, 0,
				   "several NodeName=; name one with --node");
	if (list->count == 0 && list->src->node_name)
		return gt_fail_src(list->src, list->err, GT_EFORMAT, 0,
				   "no GPU of node %s", list->src->node_name);
	if (list->count == 0)
		return gt_fail_src(list->src, list->err, GT_EFORMAT, list->include_line,
				   list->include_line
					   ? "no GPU line, and what is included is not "
					     "here"
					   : "no GPU line");
	return check_positions(list);
}

static bool looks_like(const struct gt_source *src)
{
	struct gt_lines *lines = malloc(sizeof(*lines));
	char *fields[5], value[64];
	const char *words;
	bool found = false;

	if (!lines || gt_text_check(src, NULL)) {
		free(lines);
		return false;
	}
	gt_lines_start(lines, src);
	while (!found && gt_lines_next(lines))
		found = (gpu_line(lines->line, &words) &&
			 (get_value(words, "File", value, sizeof(value)) ||
			  get_value(words, "MultipleFiles", value, sizeof(value)) ||
			  get_value(words, "Links", value, sizeof(value)) ||
			  get_value(words, "Count", value, sizeof(value)))) ||
			(split_fake(lines->line, fields) && strchr(fields[4], '/'));
	free(lines);
	return found;
}

static enum gt_err read_gres(struct gt_source *src, struct gt_node **node,
			     struct gt_error *err)
{
	struct gres_list list = {.src = src, .err = err};
	struct gt_lines *lines = malloc(sizeof(*lines));
	enum gt_err rc = gt_text_check(src, err);

	if (!lines)
		rc = gt_fail(err, GT_ENOMEM, "out of memory");
	if (rc == GT_OK)
		rc = read_lines(&list, lines);
	if (rc == GT_OK && list.count)
		qsort(list.gres, (size_t)list.count, sizeof(*list.gres), compare_gres);
	if (rc == GT_OK)
		rc = check_list(&list);
	if (rc == GT_OK)
		rc = build(&list, node);
	src->infer_fabric = true;
	for (int i = 0; i < list.count; i++)
		free(list.gres[i].links);
	free(list.gres);
	free(lines);
	return rc;
}

const struct gt_format gt_format_gres = {"gres", looks_like, read_gres};
