/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * live_text.c - what scontrol prints, read into structs. Called by gputopo nodes, job and
 * why.
 *
 * Records begin with NodeName=, JobId= or PartitionName= at the start of a line. In the
 * form of many lines a key is looked for at the start of its own line, because a user may
 * write "GresUsed=..." into the name of a job.
 */
#define _GNU_SOURCE
#include "config.h"

#include "cli/live.h"
#include "core/hostlist.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX  ((size_t)512 << 20) /* bytes of all that scontrol says */
#define VALUE_MAX 65536

/* ---- text from a child or a file ---- */

struct text {
	char *bytes; /* ends with a NUL */
	size_t size, room;
};

static enum gt_err take_all(struct text *text, FILE *in, const char *name,
			    struct gt_error *err)
{
	size_t got;

	do {
		if (text->room - text->size < 65536) {
			size_t room = text->room ? 2 * text->room : (size_t)1 << 20;
			char *more = room <= TEXT_MAX ? realloc(text->bytes, room) : NULL;

			if (!more)
				return gt_fail_at(err,
						  room > TEXT_MAX ? GT_ELIMIT : GT_ENOMEM,
						  name, 0, 0, "is too large");
			text->bytes = more;
			text->room = room;
		}
		got = fread(text->bytes + text->size, 1, text->room - text->size - 2, in);
		text->size += got;
	} while (got > 0);
	text->bytes[text->size] = '\0';
	return ferror(in) ? gt_fail_at(err, GT_EIO, name, 0, 0, "%s", strerror(errno))
			  : GT_OK;
}

/* Run scontrol; no shell, and its messages go where ours go. */
static enum gt_err run_scontrol(struct text *text, const char *const *args,
				struct gt_error *err)
{
	int ends[2], status = 0;
	enum gt_err code;
	pid_t child;
	FILE *in;

	if (pipe(ends))
		return gt_fail(err, GT_EIO, "pipe: %s", strerror(errno));
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		setenv("SLURM_TIME_FORMAT", "standard", 1);
		execvp(args[0], (char *const *)args);
		_exit(127);
	}
	close(ends[1]);
	in = child > 0 ? fdopen(ends[0], "r") : NULL;
	if (!in) {
		close(ends[0]);
		return gt_fail(err, GT_EIO, "scontrol: %s", strerror(errno));
	}
	code = take_all(text, in, "scontrol", err);
	fclose(in);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (code)
		return code;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return gt_fail(err, GT_EIO,
			       "scontrol is not in PATH: run this where Slurm's commands "
			       "work, or give --from FILE");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return gt_fail(err, GT_EIO, "scontrol show %s failed", args[3]);
	return GT_OK;
}

static enum gt_err ask(struct text *text, int what, const char *only,
		       struct gt_error *err)
{
	const struct {
		int what;
		const char *args[6];
	} questions[] = {
		{LIVE_CONFIG, {"scontrol", "-a", "show", "config"}},
		{LIVE_NODES, {"scontrol", "-ad", "show", "node", only}},
		{LIVE_JOBS, {"scontrol", "-ad", "show", "job"}},
		{LIVE_PARTITIONS, {"scontrol", "-a", "show", "partition"}},
	};
	enum gt_err code = GT_OK;

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]) && !code; i++)
		if (what & questions[i].what)
			code = run_scontrol(text, questions[i].args, err);
	return code;
}

static enum gt_err read_file(struct text *text, const char *from, struct gt_error *err)
{
	bool is_stdin = strcmp(from, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(from, "re");
	enum gt_err code;

	if (!in)
		return gt_fail_at(err, GT_EIO, from, 0, 0, "%s", strerror(errno));
	code = take_all(text, in, is_stdin ? "standard input" : from, err);
	if (!is_stdin)
		fclose(in);
	return code;
}

/* ---- a record and its values ---- */

struct record {
	const char *at, *end;
	bool one_line;
};

/* The value of key; whole: to the end of the line. NULL: it is not there. */
static const char *find_value(const struct record *record, const char *key, bool inside,
			      bool whole, size_t *length)
{
	size_t len = strlen(key);
	const char *at = record->at;

	inside |= record->one_line;
	for (; at < record->end; at++) {
		const char *stop;
		bool starts = at == record->at;

		/* the start of a word: of a line, or with inside of any */
		if (!starts) {
			const char *before = at - 1;

			if (*before != ' ' && *before != '\n')
				continue;
			while (before > record->at && *before == ' ')
				before--;
			if (*before != '\n' && !inside)
				continue;
		}
		if ((size_t)(record->end - at) <= len || strncmp(at, key, len) != 0 ||
		    at[len] != '=')
			continue;
		at += len + 1;
		stop = memchr(at, '\n', (size_t)(record->end - at));
		stop = stop ? stop : record->end;
		if (!whole || record->one_line) {
			const char *blank = memchr(at, ' ', (size_t)(stop - at));

			stop = blank ? blank : stop;
		}
		while (stop > at && isspace((unsigned char)stop[-1]))
			stop--;
		*length = (size_t)(stop - at);
		return at;
	}
	return NULL;
}

static bool is_nothing(const char *at, size_t length)
{
	static const char *const words[] = {"(null)", "N/A", "n/a", "Unknown", "None"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (length == strlen(words[i]) && !strncmp(at, words[i], length))
			return true;
	return length == 0;
}

/* A copy; NULL where nothing is said. */
static char *take(const struct record *record, const char *key, bool inside, bool whole)
{
	size_t length;
	const char *at = find_value(record, key, inside, whole, &length);

	if (!at || is_nothing(at, length))
		return NULL;
	return strndup(at, length < VALUE_MAX ? length : VALUE_MAX);
}

static long take_number(const struct record *record, const char *key, bool inside)
{
	size_t length;
	const char *at = find_value(record, key, inside, false, &length);

	return at && isdigit((unsigned char)*at) ? strtol(at, NULL, 10) : 0;
}

/* "1000M", "2G", "500": MiB. */
static long take_memory(const struct record *record, const char *key, bool inside)
{
	size_t length;
	const char *at = find_value(record, key, inside, false, &length);
	char *end;
	double size;

	if (!at || !isdigit((unsigned char)*at))
		return 0;
	size = strtod(at, &end);
	switch (*end) {
	case 'K':
		return (long)(size / 1024);
	case 'G':
		return (long)(size * 1024);
	case 'T':
		return (long)(size * 1024 * 1024);
	default:
		return (long)size;
	}
}

/* "2026-11-28T13:34:52", local time. */
static time_t take_time(const struct record *record, const char *key, bool inside)
{
	size_t length;
	const char *at = find_value(record, key, inside, false, &length);
	struct tm tm = {.tm_isdst = -1};

	if (!at || sscanf(at, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon,
			  &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return mktime(&tm);
}

static void *one_more(void *array, int count, int *room, size_t size)
{
	int more = *room ? 2 * *room : 64;
	void *grown;

	if (count < *room)
		return array;
	grown = realloc(array, (size_t)more * size);
	if (grown)
		*room = more;
	return grown;
}

/* ---- nodes ---- */

static enum gt_err no_memory(struct gt_error *err)
{
	return gt_fail(err, GT_ENOMEM, "out of memory");
}

static struct live_node *add_node(struct live *live)
{
	void *more =
		one_more(live->node, live->nodes, &live->node_room, sizeof(*live->node));

	if (!more)
		return NULL;
	live->node = more;
	live->node[live->nodes] = (struct live_node){0};
	return &live->node[live->nodes++];
}

static enum gt_err take_node(struct live *live, const struct record *r,
			     struct gt_error *err)
{
	struct live_node *node = add_node(live);

	if (!node)
		return no_memory(err);
	node->name = take(r, "NodeName", false, false);
	node->state = take(r, "State", false, false);
	node->partitions = take(r, "Partitions", false, false);
	node->features = take(r, "ActiveFeatures", false, false);
	node->reason = take(r, "Reason", false, true);
	node->gres = take(r, "Gres", false, false);
	node->used = take(r, "GresUsed", false, false);
	node->extra = take(r, "Extra", false, true);
	/* Effective: without specialized cores. Older releases do not have it. */
	node->cpus = take_number(r, "CPUEfctv", true);
	if (!node->cpus)
		node->cpus = take_number(r, "CPUTot", true);
	node->cpus_used = take_number(r, "CPUAlloc", false);
	node->memory = take_number(r, "RealMemory", false);
	node->memory_used = take_number(r, "AllocMem", true);
	node->cores_per_socket = (int)take_number(r, "CoresPerSocket", true);
	node->threads = (int)take_number(r, "ThreadsPerCore", true);
	node->weight = (int)take_number(r, "Weight", true);
	return node->name ? GT_OK : no_memory(err);
}

/* A list of strings, or one, joined. */
static char *json_words(const json_t *value, char joint)
{
	char text[VALUE_MAX];
	size_t used = 0, i;
	json_t *one;

	if (json_is_string(value))
		return *json_string_value(value) ? strdup(json_string_value(value))
						 : NULL;
	text[0] = '\0';
	json_array_foreach((json_t *)value, i, one)
	{
		int n = snprintf(text + used, sizeof(text) - used, "%.*s%s", used ? 1 : 0,
				 &joint,
				 json_is_string(one) ? json_string_value(one) : "");

		if (n < 0 || (size_t)n >= sizeof(text) - used)
			break;
		used += (size_t)n;
	}
	return used ? strdup(text) : NULL;
}

static long json_long(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	/* 23.02 on: {"set": true, "number": N} */
	if (json_is_object(value))
		value = json_object_get(value, "number");
	return (long)json_integer_value(value);
}

static enum gt_err take_json_nodes(struct live *live, const char *text, const char *name,
				   struct gt_error *err)
{
	json_error_t where;
	json_t *root = json_loads(text, 0, &where), *list, *one;
	size_t i;

	if (!root)
		return gt_fail_at(err, GT_EPARSE, name, where.line, where.column,
				  "%.200s", where.text);
	list = json_object_get(root, "nodes");
	json_array_foreach(list, i, one)
	{
		struct live_node *node = add_node(live);

		if (!node)
			break;
		node->name = json_words(json_object_get(one, "name"), ',');
		node->state = json_words(json_object_get(one, "state"), '+');
		node->partitions = json_words(json_object_get(one, "partitions"), ',');
		node->features = json_words(json_object_get(one, "active_features"), ',');
		node->reason = json_words(json_object_get(one, "reason"), ',');
		node->gres = json_words(json_object_get(one, "gres"), ',');
		node->used = json_words(json_object_get(one, "gres_used"), ',');
		node->extra = json_words(json_object_get(one, "extra"), ',');
		node->cpus = json_long(one, "effective_cpus");
		if (!node->cpus)
			node->cpus = json_long(one, "cpus");
		node->cpus_used = json_long(one, "alloc_cpus");
		node->memory = json_long(one, "real_memory");
		node->memory_used = json_long(one, "alloc_memory");
		node->cores_per_socket = (int)json_long(one, "cores");
		node->threads = (int)json_long(one, "threads");
		node->weight = (int)json_long(one, "weight");
		if (!node->name)
			live->nodes--;
	}
	json_decref(root);
	return GT_OK;
}

/* ---- jobs ---- */

/* "Nodes=n0 CPU_IDs=0 Mem=1 GRES=gpu:2(IDX:0,3)", one line each. */
static enum gt_err take_places(struct live_job *job, const struct record *record,
			       struct gt_error *err)
{
	static const char key[] = "\n     Nodes=";
	const char *at = record->at;

	while ((at = memmem(at, (size_t)(record->end - at), key, strlen(key)))) {
		const char *stop = memchr(at + 1, '\n', (size_t)(record->end - at - 1));
		struct record line = {at + 6, stop ? stop : record->end, true};
		struct live_place *more =
			realloc(job->place, (size_t)(job->places + 1) * sizeof(*more));
		struct live_gres_word word;
		const char *gres;

		if (!more)
			return no_memory(err);
		job->place = more;
		more += job->places++;
		*more = (struct live_place){.nodes = take(&line, "Nodes", true, false),
					    .gres = take(&line, "GRES", true, false)};
		gres = more->gres ? more->gres : "";
		while (live_next_gres(&gres, &word)) {
			struct gt_mask mask;

			if (!strcmp(word.name, "gpu") &&
			    !strncmp(word.inside, "IDX:", 4) &&
			    gt_mask_parse(&mask, word.inside + 4, LIVE_GPUS, NULL) ==
				    GT_OK)
				more->gpus |= mask.word[0];
		}
		at = line.end;
	}
	return GT_OK;
}

static enum gt_err take_job(struct live *live, const struct record *r,
			    struct gt_error *err)
{
	void *more = one_more(live->job, live->jobs, &live->job_room, sizeof(*live->job));
	struct live_job *job;

	if (!more)
		return no_memory(err);
	live->job = more;
	job = &live->job[live->jobs++];
	*job = (struct live_job){
		.id = take_number(r, "JobId", false),
		.array_job = take_number(r, "ArrayJobId", true),
		.array_task = take(r, "ArrayTaskId", true, false),
		.name = take(r, "JobName", true, true),
		.user = take(r, "UserId", false, false),
		.state = take(r, "JobState", false, false),
		.reason = take(r, "Reason", true, false),
		.partition = take(r, "Partition", false, false),
		.nodes = take(r, "NodeList", false, false),
		.scheduled = take(r, "SchedNodeList", true, false),
		.required = take(r, "ReqNodeList", false, false),
		.excluded = take(r, "ExcNodeList", true, false),
		.features = take(r, "Features", false, false),
		.comment = take(r, "Comment", false, true),
		.admin_comment = take(r, "AdminComment", false, true),
		.per_job = take(r, "TresPerJob", false, false),
		.per_node = take(r, "TresPerNode", false, false),
		.per_task = take(r, "TresPerTask", false, false),
		.per_socket = take(r, "TresPerSocket", false, false),
		.min_nodes = take_number(r, "NumNodes", false),
		.tasks = take_number(r, "NumTasks", true),
		.cpus = take_number(r, "NumCPUs", true),
		.memory_node = take_memory(r, "MinMemoryNode", true),
		.memory_cpu = take_memory(r, "MinMemoryCPU", true),
		.start = take_time(r, "StartTime", false),
		.end = take_time(r, "EndTime", true),
	};
	/* --exclusive: OverSubscribe=NO, which from 26.05 on every job has, and whole
	 * nodes are the word behind it */
	{
		static const char own[] = "NO Exclusive=";
		size_t length;
		const char *word = find_value(r, "OverSubscribe", false, false, &length);

		job->whole = word && length == 2 && !strncmp(word, "NO", 2) &&
			     (strncmp(word, own, sizeof(own) - 1) != 0 ||
			      !strncmp(word + sizeof(own) - 1, "NODE", 4));
	}
	return take_places(job, r, err);
}

static enum gt_err take_partition(struct live *live, const struct record *r,
				  struct gt_error *err)
{
	void *more = one_more(live->partition, live->partitions, &live->partition_room,
			      sizeof(*live->partition));
	struct live_partition *partition;
	char *word;

	if (!more)
		return no_memory(err);
	live->partition = more;
	partition = &live->partition[live->partitions++];
	*partition =
		(struct live_partition){.name = take(r, "PartitionName", false, false)};
	word = take(r, "State", true, false);
	partition->up = word && !strcmp(word, "UP");
	free(word);
	word = take(r, "Default", true, false);
	partition->is_default = word && !strcmp(word, "YES");
	free(word);
	return partition->name ? GT_OK : no_memory(err);
}

/* ---- the whole text ---- */

static enum gt_err (*reader_of(const char *line))(struct live *, const struct record *,
						  struct gt_error *)
{
	if (!strncmp(line, "NodeName=", 9))
		return take_node;
	if (!strncmp(line, "JobId=", 6))
		return take_job;
	if (!strncmp(line, "PartitionName=", 14))
		return take_partition;
	return NULL;
}

/* "SLURM_CONF              = /etc/slurm/slurm.conf" */
static void take_config(struct live *live, const char *line, size_t length)
{
	const struct {
		const char *key;
		char **to;
	} keys[] = {
		{"SLURM_CONF", &live->slurm_conf},
		{"ClusterName", &live->cluster},
		{"SLURM_VERSION", &live->release},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t at = strlen(keys[i].key);

		if (length <= at || strncmp(line, keys[i].key, at) != 0)
			continue;
		while (at < length && line[at] == ' ')
			at++;
		if (at + 2 > length || strncmp(line + at, "= ", 2) != 0)
			continue;
		free(*keys[i].to);
		*keys[i].to = strndup(line + at + 2, length - at - 2);
	}
}

static enum gt_err read_text(struct live *live, const char *text, struct gt_error *err)
{
	enum gt_err code = GT_OK;

	for (const char *line = text; *line && !code;) {
		const char *stop = strchrnul(line, '\n');
		enum gt_err (*reader)(struct live *, const struct record *,
				      struct gt_error *) = reader_of(line);

		if (reader) {
			const char *end = stop;

			/* its other lines are indented */
			while (*end && (end[1] == ' ' || end[1] == '\t'))
				end = strchrnul(end + 1, '\n');
			code = reader(live, &(struct record){line, end, end == stop},
				      err);
			stop = end;
		} else {
			take_config(live, line, (size_t)(stop - line));
		}
		line = *stop ? stop + 1 : stop;
	}
	return code;
}

enum gt_err live_read(struct live *live, const char *from, int what, struct gt_error *err)
{
	struct text text = {0};
	enum gt_err code =
		from ? read_file(&text, from, err) : ask(&text, what, live->only, err);

	if (!code && text.bytes[strspn(text.bytes, " \t\n")] == '{')
		code = take_json_nodes(live, text.bytes, from ? from : "scontrol", err);
	else if (!code)
		code = read_text(live, text.bytes, err);
	free(text.bytes);
	if (!code && from && (what & LIVE_NODES) && !live->nodes)
		code = gt_fail_at(err, GT_EFORMAT, from, 0, 0,
				  "has no node: it must hold what 'scontrol -d show "
				  "node' prints, or its --json");
	return code;
}

static void release_job(struct live_job *job)
{
	char *const texts[] = {
		job->array_task, job->name,	 job->user,	job->state,
		job->reason,	 job->partition, job->nodes,	job->required,
		job->excluded,	 job->features,	 job->comment,	job->admin_comment,
		job->per_job,	 job->per_node,	 job->per_task, job->per_socket,
		job->scheduled,
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	for (int i = 0; i < job->places; i++) {
		free(job->place[i].nodes);
		free(job->place[i].gres);
	}
	free(job->place);
}

void live_release_text(struct live *live)
{
	for (int i = 0; i < live->nodes; i++) {
		struct live_node *node = &live->node[i];
		char *const texts[] = {node->name,     node->state,  node->partitions,
				       node->features, node->reason, node->gres,
				       node->used,     node->extra};

		for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
			free(texts[t]);
	}
	for (int i = 0; i < live->jobs; i++)
		release_job(&live->job[i]);
	for (int i = 0; i < live->partitions; i++)
		free(live->partition[i].name);
	free(live->node);
	free(live->job);
	free(live->partition);
	free(live->cluster);
	free(live->slurm_conf);
	free(live->release);
}
