/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decision.c - collect what was decided for a job and write its lines when it begins.
 * Called by exchange.c (collect) and the hooks of job_begin and job_fini (write).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/append.h"
#include "plugin/common/shape.h"
#include "plugin/ctld/log/decision.h"
#include "plugin/ctld/objects/nics_object.h"
#include "plugin/slurm/say.h"

/* Bytes of one job's waiting lines; more are dropped and counted. */
#define MAX_WAITING (1 << 20)

void gp_decisions_close(struct gp_decisions *decisions)
{
	if (decisions->open)
		close(decisions->fd);
	free(decisions->lines);
	memset(decisions, 0, sizeof(*decisions));
}

static int open_log(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
}

bool gp_decisions_open(struct gp_decisions *decisions, const struct gp_conf *conf)
{
	const char *path = gp_conf_decision_log(conf);

	gp_decisions_close(decisions);
	if (!path)
		return true;
	decisions->path = path;
	decisions->fd = open_log(path);
	decisions->open = decisions->fd >= 0;
	return decisions->open;
}

/* false: not all of it. */
static bool write_log(struct gp_decisions *decisions, const char *text, size_t size)
{
	struct stat named, ours;
	int fd;

	if (stat(decisions->path, &named) != 0 || fstat(decisions->fd, &ours) != 0 ||
	    named.st_ino != ours.st_ino || named.st_dev != ours.st_dev) {
		fd = open_log(decisions->path);
		if (fd < 0 && !decisions->told)
			gp_error("gputopo: DecisionLog=%s: %s; lines go on into the file "
				 "that had this name",
				 decisions->path, strerror(errno));
		decisions->told = fd < 0;
		if (fd >= 0)
			close(decisions->fd);
		decisions->fd = fd >= 0 ? fd : decisions->fd;
	}
	return write(decisions->fd, text, size) == (ssize_t)size;
}

void gp_decisions_begin(struct gp_decisions *decisions, const job_record_t *job)
{
	decisions->job = job;
	decisions->job_id = job ? gp_bridge_job_id(job) : 0;
	decisions->used = 0;
	decisions->split = decisions->split_avoided = false;
	decisions->summary[0] = '\0';
}

/* ---- a line ---------------------------------------------------------------------------
 */

static void put_list(struct gt_append *text, const char *key, uint64_t bits)
{
	struct gt_mask mask = {.word = {bits}};
	char list[GP_MAX_GPUS * 4];

	gt_append(text, ",\"%s\":\"%s\"", key, gt_mask_format(&mask, list, sizeof(list)));
}

/* null below two GPUs and where no model says it. */
static void put_gbps(struct gt_append *text, const char *key, bool known, int mbps)
{
	if (known)
		gt_append(text, ",\"%s\":%d.%03d", key, mbps / 1000, mbps % 1000);
	else
		gt_append(text, ",\"%s\":null", key);
}

static struct gp_shape_set shape_set(const struct gp_shape *shape,
				     const struct gp_node_answer *answer, uint64_t gpus)
{
	const struct gp_binding *binding = answer->binding;
	struct gp_shape_set set = {.shape = shape,
				   .table = binding->table,
				   .size = binding->size,
				   .gpus = gp_binding_to_model(binding, gpus)};

	for (int g = 0; g < binding->size; g++)
		set.to_model[g] = binding->to_model[g].n;
	return set;
}

static void put_worth(struct gt_append *text, const struct gp_shape *shape,
		      const struct gp_node_answer *answer)
{
	struct gt_table *table = answer->binding ? answer->binding->table : NULL;
	uint64_t whole = answer->binding ? ~answer->binding->instances : ~(uint64_t)0;
	int k = __builtin_popcountll(answer->stock & whole);
	struct gt_request request = {.count = k};
	struct gt_score stock = {0}, chosen = {0};
	bool known = table && k > 1;

	if (known) {
		struct gt_mask mask = gp_binding_to_model(answer->binding, answer->stock);
		struct gp_shape_set set = shape_set(shape, answer, answer->proposed);

		gp_shape_append_json(text, &set, &mask);
		gt_select_score(table, &request, &mask, &stock);
		gt_select_score(table, &request, &set.gpus, &chosen);
	}
	put_gbps(text, "stock_gbps", known, stock.busbw_mbps);
	put_gbps(text, "gbps", known, chosen.busbw_mbps);
	put_gbps(text, "ideal_gbps", known, known ? gt_ideal_busbw_mbps(table, k) : 0);
	if (answer->proposed != answer->stock)
		gt_append(text, ",\"level\":%d", answer->level);
	else
		gt_append(text, ",\"level\":null");
}

/* What JSON would have to escape becomes "_". */
static void put_word(struct gt_append *text, const char *key, const char *word)
{
	gt_append(text, ",\"%s\":\"", key);
	for (; *word; word++)
		gt_append(text, "%c",
			  *word < ' ' || *word > '~' || strchr("\"\\", *word) ? '_'
									      : *word);
	gt_append(text, "\"");
}

static void write_line(struct gt_append *text, const struct gp_verdict *verdict,
		       const struct gp_node_answer *answer)
{
	int k = __builtin_popcountll(answer->stock);
	enum gp_mode mode =
		answer->binding ? answer->binding->settings.mode : GP_MODE_ENFORCE;
	enum gp_reason why = answer->why != GP_OK ? answer->why : verdict->why;
	const char *spec = answer->binding ? answer->binding->settings.topology : NULL;
	const char *slash = spec ? strrchr(spec, '/') : NULL;

	gt_append(text, "{\"ts\":%lld,\"job\":%u,\"node\":\"%s\",\"release\":\"%s\"",
		  (long long)verdict->now, verdict->job_id, answer->name,
		  gp_slurm_release());
	gt_append(text, ",\"uid\":%u", verdict->uid);
	put_word(text, "partition", verdict->partition);
	if (answer->binding) {
		gt_append(text, ",\"size\":%d", answer->binding->size);
		put_word(text, "type", slash ? slash + 1 : spec ? spec : "Links=");
	}
	gt_append(text, ",\"form\":\"%s\",\"k\":%d", verdict->form, k);
	put_list(text, "free", answer->gpus.free);
	put_list(text, "stock", answer->stock);
	put_list(text, "chosen", answer->proposed);
	put_worth(text, verdict->shape, answer);
	if (answer->several)
		gp_nics_object()->tell(text, answer);
	gt_append(text,
		  ",\"mode\":\"%s\",\"changed\":%s,\"split\":%s%s,\"us\":%ld,"
		  "\"reason\":\"%s\"}\n",
		  gp_mode_name(mode),
		  verdict->why == GP_CHANGED && answer->wanted != answer->stock ? "true"
										: "false",
		  verdict->split ? "true" : "false",
		  verdict->split_avoided ? ",\"split_avoided\":true" : "", verdict->us,
		  gp_reason_word(why));
}

/* The bus bandwidth of its whole GPUs, for people; "?" without a model. */
static void put_set(struct gt_append *text, const struct gp_shape *shape,
		    const struct gp_node_answer *answer, uint64_t set)
{
	bool known = answer->binding && answer->binding->table;
	struct gt_mask bits = {.word = {set}};
	struct gt_score score = {0};
	char list[GP_MAX_GPUS * 4];

	if (known) {
		struct gp_shape_set gpus = shape_set(shape, answer, set);

		if (gp_shape_append_groups(text, &gpus))
			return;
		if (gt_mask_count(&gpus.gpus) > 1)
			gt_score_set(gt_table_node(gpus.table), &gpus.gpus, &score);
	}
	gt_append(text, "%s ", gt_mask_format(&bits, list, sizeof(list)));
	gt_append(text, known ? "%.10g" : "?", score.busbw_mbps / 1000.0);
}

void gp_decisions_sum_up(struct gp_decisions *decisions, const struct gp_shape *shape,
			 const struct gp_node_answer *answer)
{
	size_t used = strlen(decisions->summary);
	char one[GP_SUMMARY_MAX];
	struct gt_append text = gt_append_to(one, sizeof(one));

	if (__builtin_popcountll(answer->stock) < 2 ||
	    (used > 3 && strcmp(decisions->summary + used - 3, "...") == 0))
		return;
	gt_append(&text, "%s%s ", used ? "; " : "", answer->name);
	put_set(&text, shape, answer, answer->wanted);
	gt_append(&text, " GB/s");
	if (answer->wanted != answer->stock) {
		gt_append(&text, " (stock ");
		put_set(&text, shape, answer, answer->stock);
		gt_append(&text, ")");
	}
	if (text.full || used + text.used + 6 > sizeof(decisions->summary))
		snprintf(one, sizeof(one), "; ...");
	memcpy(decisions->summary + used, one, strlen(one) + 1);
}

/* Whether it is the job that was tested last, itself or as a task of that array. */
static bool is_of(const struct gp_decisions *decisions, const job_record_t *job)
{
	return decisions->job == job && (decisions->job_id == gp_bridge_job_id(job) ||
					 decisions->job_id == gp_bridge_array_id(job));
}

const char *gp_decisions_summary(const struct gp_decisions *decisions,
				 const job_record_t *job)
{
	return is_of(decisions, job) ? decisions->summary : "";
}

static bool make_room(struct gp_decisions *decisions)
{
	size_t room = decisions->room ? 2 * decisions->room : 4 * GP_LINE_MAX;
	char *more;

	if (decisions->used + GP_LINE_MAX <= decisions->room)
		return true;
	if (room > MAX_WAITING)
		return false;
	more = realloc(decisions->lines, room);
	if (!more)
		return false;
	decisions->lines = more;
	decisions->room = room;
	return true;
}

void gp_decisions_add(struct gp_decisions *decisions, const struct gp_verdict *verdict,
		      const struct gp_node_answer *answer)
{
	struct gt_append text;

	if (!decisions->open || !answer->stock || !make_room(decisions))
		return;
	text = gt_append_to(decisions->lines + decisions->used, GP_LINE_MAX);
	write_line(&text, verdict, answer);
	if (!text.full)
		decisions->used += text.used;
}

void gp_decisions_job_ends(struct gp_decisions *decisions, struct gp_counters *counters,
			   uint32_t job_id, long seconds, time_t now)
{
	char line[128];
	int n;

	if (!decisions->open)
		return;
	n = snprintf(line, sizeof(line),
		     "{\"ts\":%lld,\"job\":%u,\"end\":true,\"seconds\":%ld}\n",
		     (long long)now, job_id, seconds > 0 ? seconds : 0);
	if (!write_log(decisions, line, (size_t)n))
		counters->lost_lines++;
}

/* The lines with the number that the job has now; NULL: no memory. Each line is written
 * by write_line and ends with a newline. */
static char *renumber(const struct gp_decisions *decisions, uint32_t job_id, size_t *used)
{
	static const char key[] = ",\"job\":";
	size_t lines = 0, room;
	const char *at = decisions->lines, *end = at + decisions->used;
	struct gt_append text = {0};

	for (const char *c = at; c < end; c++)
		lines += *c == '\n';
	room = decisions->used + lines * 10 + 1; /* digits of a number */
	text = (struct gt_append){.buf = malloc(room), .size = room};
	while (text.buf && at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		const char *number = strstr(at, key);

		if (!stop || !number || number > stop)
			break;
		number += sizeof(key) - 1;
		gt_append(&text, "%.*s%u", (int)(number - at), at, job_id);
		number += strspn(number, "0123456789");
		gt_append(&text, "%.*s", (int)(stop + 1 - number), number);
		at = stop + 1;
	}
	*used = text.used;
	return text.buf;
}

void gp_decisions_job_begins(struct gp_decisions *decisions, const job_record_t *job,
			     struct gp_counters *counters)
{
	const char *lines = decisions->lines;
	size_t used = decisions->used;
	char *own = NULL;

	if (!is_of(decisions, job))
		return;
	counters->started++;
	counters->split += decisions->split;
	counters->split_avoided += decisions->split_avoided;
	if (used && decisions->job_id != gp_bridge_job_id(job))
		lines = own = renumber(decisions, gp_bridge_job_id(job), &used);
	if (used && (!lines || !write_log(decisions, lines, used)))
		counters->lost_lines++;
	free(own);
	gp_decisions_begin(decisions, NULL);
}
