/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * live_model.c - which model each node has and which of its GPUs are free, by the rules
 * of the select plugin: Topology= of gputopo.conf, or Links= of gres.conf; types regroup
 * the gres bits. Called by gputopo nodes, job and why.
 *
 * Nodes whose lines in gres.conf, Gres= and settings are the same share a kind, so that a
 * cluster of thousands of nodes has few models.
 */
#define _GNU_SOURCE
#include "config.h"

#include "cli/live.h"
#include "conf/slurm_conf.h"
#include "core/append.h"
#include "core/fnv.h"
#include "core/hostlist.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PATH_SIZE 4096

/* ---- gres.conf: the GPU lines of each node ---- */

/* A line of GPUs without its NodeName=. */
struct gres_row {
	char *text; /* NULL: of another gres */
};

/* Host and row, sorted by host. */
struct gres_host {
	char *name; /* "": all nodes */
	int row;
};

struct live_gres_file {
	struct gres_row *row;
	int rows, row_room;
	struct gres_host *host;
	int hosts, host_room;
	int current; /* row, while reading */
	bool failed;
};

static bool add_host(struct live_gres_file *file, const char *name)
{
	if (file->hosts == file->host_room) {
		int room = file->host_room ? 2 * file->host_room : 256;
		void *more = realloc(file->host, (size_t)room * sizeof(*file->host));

		if (!more)
			return false;
		file->host = more;
		file->host_room = room;
	}
	file->host[file->hosts] = (struct gres_host){strdup(name), file->current};
	return file->host[file->hosts++].name != NULL;
}

static enum gt_err take_host(void *arg, const char *name)
{
	return add_host(arg, name) ? GT_OK : GT_ENOMEM;
}

static enum gt_err take_gres_line(const struct slurm_line *line, void *arg)
{
	static const char *const keys[] = {"Type",  "File",	 "MultipleFiles",
					   "Cores", "CPUs",	 "Links",
					   "Count", "AutoDetect"};
	static char value[SLURM_VALUE_MAX], text[2 * SLURM_VALUE_MAX];
	struct live_gres_file *file = arg;
	struct gt_append to = gt_append_to(text, sizeof(text));

	if (!slurm_line_get(line, "Name", value, sizeof(value)) ||
	    strcasecmp(value, "gpu") != 0)
		return GT_OK;
	gt_append(&to, "Name=gpu");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (slurm_line_get(line, keys[i], value, sizeof(value)))
			gt_append(&to, " %s=%s", keys[i], value);
	gt_append(&to, "\n");
	if (file->rows == file->row_room) {
		int room = file->row_room ? 2 * file->row_room : 64;
		void *more = realloc(file->row, (size_t)room * sizeof(*file->row));

		if (!more)
			return GT_ENOMEM;
		file->row = more;
		file->row_room = room;
	}
	file->current = file->rows;
	file->row[file->rows].text = strdup(text);
	if (!file->row[file->rows++].text)
		return GT_ENOMEM;
	if (!slurm_line_get(line, "NodeName", value, sizeof(value)))
		return take_host(file, "");
	return gt_hostlist_is_valid(value)
		       ? gt_hostlist_each(value, take_host, file, NULL)
		       : GT_OK; /* gputopo check names such lines */
}

static int compare_hosts(const void *a, const void *b)
{
	const struct gres_host *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->row - y->row;
}

static enum gt_err read_gres(struct live *live, const char *path, struct gt_error *err)
{
	struct live_gres_file *file = calloc(1, sizeof(*file));
	enum gt_err code = GT_OK;

	if (!file)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	live->gres_file = file;
	if (!access(path, F_OK))
		code = slurm_conf_walk(path, take_gres_line, file, err);
	if (file->hosts)
		qsort(file->host, (size_t)file->hosts, sizeof(*file->host),
		      compare_hosts);
	return code;
}

/* The first entry of a host. */
static int first_of(const struct live_gres_file *file, const char *name)
{
	int low = 0, high = file->hosts;

	while (low < high) {
		int mid = (low + high) / 2;

		if (strcmp(file->host[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Call each for the rows of a node: those of all nodes, then its own. */
static void each_row(const struct live_gres_file *file, const char *node,
		     void (*each)(const char *text, void *arg), void *arg)
{
	const char *const names[] = {"", node};

	for (int n = 0; n < 2; n++)
		for (int i = first_of(file, names[n]);
		     i < file->hosts && !strcmp(file->host[i].name, names[n]); i++)
			each(file->row[file->host[i].row].text, arg);
}

static void hash_row(const char *text, void *arg)
{
	*(uint64_t *)arg = gt_fnv(*(uint64_t *)arg, text, strlen(text));
}

static void write_row(const char *text, void *arg)
{
	fputs(text, arg);
}

/* What gres.conf says of a node, or NULL. */
static struct gt_node *load_gres(const struct live *live, const char *node)
{
	struct gt_load_options options = {.format = "gres"};
	struct gt_node *model = NULL;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	each_row(live->gres_file, node, write_row, out);
	if (!fclose(out) && size > 0 &&
	    gt_node_parse(&model, text, size, "gres.conf", &options, NULL))
		model = NULL;
	free(text);
	return model;
}

/* ---- Topology= ---- */

struct live_source {
	const char *spec;
	struct gt_site_options options;
	struct gt_node *node; /* NULL: cannot be read */
};

static const struct gt_node *load_source(struct live *live, const char *spec,
					 const struct gt_site_options *options)
{
	struct live_source *more;
	char beside[PATH_SIZE + 16], path[PATH_SIZE + 16];

	for (int i = 0; i < live->sources; i++)
		if (!strcmp(live->source[i].spec, spec) &&
		    gp_same_load_options(&live->source[i].options, options))
			return live->source[i].node;
	more = realloc(live->source, (size_t)(live->sources + 1) * sizeof(*more));
	if (!more)
		return NULL;
	live->source = more;
	more += live->sources++;
	*more = (struct live_source){.spec = spec, .options = *options};
	snprintf(beside, sizeof(beside), "%s/", live->dir);
	snprintf(path, sizeof(path), "%s", spec);
	if (strncmp(spec, "builtin:", strlen("builtin:")) != 0)
		slurm_path(beside, spec, path, sizeof(path));
	if (gt_node_load_site(&more->node, path, options, NULL))
		more->node = NULL;
	if (more->node && gt_node_is_partial(more->node)) {
		gt_node_free(more->node);
		more->node = NULL;
	}
	return more->node;
}

/* ---- a kind ---- */

/* The bits of a node's Gres=, in the order in which Slurm numbers them: type by type. */
static void read_entries(struct live_kind *kind, const char *gres)
{
	struct live_gres_word word;

	while (live_next_gres(&gres, &word)) {
		struct live_entry *entry = &kind->entry[kind->entries];

		if (strcmp(word.name, "gpu") != 0 || word.count <= 0)
			continue;
		if (kind->entries == LIVE_ENTRIES ||
		    word.count > LIVE_GPUS - kind->gpus) {
			kind->why = GP_LIMIT;
			return;
		}
		kind->entries++;
		*entry = (struct live_entry){.count = (int)word.count};
		memcpy(entry->type, word.type, sizeof(entry->type));
		entry->instance = *word.type && gt_mig_is_profile_name(word.type);
		for (int i = 0; i < entry->count; i++)
			entry->bits |= UINT64_C(1) << kind->gpus++;
		if (entry->instance)
			kind->instance |= entry->bits;
		else
			kind->whole |= entry->bits;
	}
}

static int whole_types(const struct live_kind *kind)
{
	int types = 0;

	for (int i = 0; i < kind->entries; i++)
		types += !kind->entry[i].instance;
	return types;
}

static bool has_links(const struct gt_node *gres)
{
	for (int a = 0; a < gt_node_size(gres); a++)
		for (int b = 0; b < a; b++)
			if (gt_node_links(gres, a, b) > 0)
				return true;
	return false;
}

/* Each type's bits are its GPUs' positions in their order. false: gres.conf does not have
 * those types. */
static bool place_types(struct live_kind *kind, const struct gt_node *gres)
{
	for (int e = 0; e < kind->entries; e++) {
		int at = 0, n = gt_node_size(gres);

		for (int g = 0; g < kind->gpus; g++) {
			if (!(kind->entry[e].bits >> g & 1))
				continue;
			while (at < n &&
			       strcmp(gt_node_gpu(gres, at)->model, kind->entry[e].type))
				at++;
			if (at == n)
				return false;
			kind->to_model[g] = at++;
		}
	}
	return true;
}

/* Whole GPUs beside instances: those of the model that nobody cut, in their order. */
static bool place_whole(struct live_kind *kind, const struct gt_node *model)
{
	uint64_t left = kind->whole;
	int gpu, instance;

	for (int i = 0; gt_node_position(model, i, &gpu, &instance); i++) {
		if (instance != GT_UNKNOWN)
			continue;
		if (!left)
			return false;
		kind->to_model[__builtin_ctzll(left)] = gpu;
		left &= left - 1;
	}
	return !left;
}

/* As slurmctld holds them: links, sockets, and the type as the model. */
static struct gt_node *model_of_links(const struct live_kind *kind,
				      const struct gt_node *gres, int cores_per_socket)
{
	int n = gt_node_size(gres);
	struct gt_node *node;

	if (gt_node_new(&node, n, NULL))
		return NULL;
	for (int a = 0; a < n; a++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, a);
		const struct gt_gpu *from = gt_node_gpu(gres, a);
		char *end;
		long low = strtol(from->cpus, &end, 10), high = low;

		if (kind->entries == 1)
			snprintf(gpu->model, sizeof(gpu->model), "%s",
				 kind->entry[0].type);
		while (*end)
			high = strtol(end + 1, &end, 10);
		if (from->cpus[0] && cores_per_socket > 0 &&
		    low / cores_per_socket == high / cores_per_socket)
			gpu->socket = (int)(low / cores_per_socket);
		for (int b = 0; b < n; b++) {
			int links = a == b ? 0 : gt_node_links(gres, a, b);

			if (a != b)
				gt_node_set_links(node, a, b, links > 0 ? links : 0);
		}
	}
	gt_node_infer_fabric(node);
	if (gt_node_finish(node, NULL) == GT_OK)
		return node;
	gt_node_free(node);
	return NULL;
}

static bool same_links(const struct gt_node *a, const struct gt_node *b)
{
	for (int i = 0; i < gt_node_size(a); i++)
		for (int j = 0; j < i; j++) {
			int x = gt_node_links(a, i, j), y = gt_node_links(b, i, j);

			if ((x > 0 ? x : 0) != (y > 0 ? y : 0))
				return false;
		}
	return true;
}

/* plugin/ctld/model/model.c's make_model. */
static struct gt_node *make_model(struct live *live, struct live_kind *kind,
				  const struct live_node *at,
				  const struct gp_health *health)
{
	struct gt_mask avoid = kind->settings.avoid;
	const char *spec = kind->settings.topology;
	const struct gt_node *source =
		spec ? load_source(live, spec, &kind->settings.read) : NULL;
	struct gt_node *gres = load_gres(live, at->name), *own = NULL, *copy = NULL;
	bool linked = gres && has_links(gres), placed;

	for (int g = 0; g < kind->gpus; g++)
		kind->to_model[g] = g;
	placed = whole_types(kind) <= 1 || (linked && place_types(kind, gres));
	if (!spec && !linked)
		kind->why = GP_NO_TOPOLOGY;
	else if (spec && !source)
		kind->why = GP_BAD_LINKS;
	else if (source && gt_node_instance_count(source) > 0)
		kind->why = place_whole(kind, source) ? GP_OK : GP_INSTANCES;
	else if (!placed)
		kind->why = GP_PERMUTED;
	else if (gt_node_size(source ? source : gres) != kind->gpus)
		kind->why = GP_SIZE;
	else if (source && linked && !same_links(gres, source))
		kind->why = GP_LINKS_DIFFER;
	if (kind->why == GP_OK && !source) {
		own = model_of_links(kind, gres, at->cores_per_socket);
		source = own;
	}
	avoid.word[0] |= health->lost | health->last;
	if (kind->why == GP_OK &&
	    (!source || gt_node_copy_avoiding(&copy, source, &avoid, NULL)))
		kind->why = GP_BAD_LINKS;
	if (copy && gt_node_wear(copy, health->link, health->links, NULL)) {
		gt_node_free(copy);
		copy = NULL;
		kind->why = GP_BAD_LINKS;
	}
	gt_node_free(own);
	gt_node_free(gres);
	return copy;
}

static bool ends_with(const char *path, const char *tail)
{
	size_t length = strlen(path), size = strlen(tail);

	return length >= size && !strcmp(path + length - size, tail) &&
	       (length == size || path[length - size - 1] == '/');
}

/* As much of the end of a Topology= as no other one of gputopo.conf ends with. */
static const char *name_topology(const struct gp_conf *conf, const char *spec)
{
	const char *name = strrchr(spec, '/'), *other;
	int line;

	name = name ? name + 1 : spec;
	for (int i = 0; (other = gp_conf_topology(conf, i, &line)); i++)
		while (name > spec && strcmp(other, spec) != 0 && ends_with(other, name))
			for (name--; name > spec && name[-1] != '/'; name--)
				;
	return name;
}

/* Whether gputopo.conf reads the same Topology= as another model of GPU elsewhere. */
static bool has_models(const struct gp_conf *conf, const struct gp_settings *settings)
{
	const char *model = settings->read.load.model, *spec, *other;
	int line;

	for (int i = 0; (spec = gp_conf_topology(conf, i, &line)); i++) {
		other = gp_conf_load_options(conf, i).load.model;
		if (!strcmp(spec, settings->topology) &&
		    strcmp(other ? other : "", model ? model : "") != 0)
			return true;
	}
	return false;
}

/* "8 a100, builtin:dgx-a100", "4 aa + 4 bb, Links=" */
static void label_kind(const struct live *live, struct live_kind *kind)
{
	const char *spec = kind->settings.topology;
	struct gt_append to = gt_append_to(kind->label, sizeof(kind->label));
	bool first = true;

	for (int e = 0; e < kind->entries; e++) {
		const struct live_entry *entry = &kind->entry[e];

		if (entry->instance)
			continue;
		gt_append(&to, "%s%d %s", first ? "" : " + ", entry->count,
			  *entry->type ? entry->type : "GPUs");
		first = false;
	}
	gt_append(&to, "%s%.60s", first ? "" : ", ",
		  spec		? name_topology(live->conf, spec)
		  : !kind->node ? "no topology"
				: "Links=");
	if (spec && kind->settings.read.load.model &&
	    has_models(live->conf, &kind->settings))
		gt_append(&to, " as %s", kind->settings.read.load.model);
}

const char *live_why_text(const struct live_kind *kind)
{
	if (kind->why == GP_BAD_LINKS && kind->settings.topology)
		return "the file of Topology= cannot be read";
	return gp_reason_text(kind->why);
}

static struct live_kind *make_kind(struct live *live, const struct live_node *at,
				   const struct gp_settings *settings, uint64_t key)
{
	struct live_kind **more =
		realloc(live->kind, (size_t)(live->kinds + 1) * sizeof(*more));
	struct live_kind *kind = calloc(1, sizeof(*kind));
	struct gp_health health = {0};

	if (more)
		live->kind = more;
	if (!more || !kind) {
		free(kind);
		return NULL;
	}
	live->kind[live->kinds++] = kind;
	if (!live->as_built)
		(void)gp_health_read(&health, at->extra);
	kind->key = key;
	kind->settings = *settings;
	read_entries(kind, at->gres);
	if (kind->why == GP_OK && settings->mode == GP_MODE_OFF)
		kind->why = GP_OFF;
	if (kind->why == GP_OK)
		kind->node = make_model(live, kind, at, &health);
	for (int g = 0; g < kind->gpus && kind->settings.mode == GP_MODE_ENFORCE; g++)
		if (health.lost >> kind->to_model[g] & 1)
			kind->lost |= UINT64_C(1) << g;
	if (kind->node && gt_table_new(&kind->table, kind->node, &settings->mix, NULL))
		kind->why = GP_MEMORY;
	for (int g = 0; kind->node && g < kind->gpus; g++)
		if ((kind->whole >> g & 1) &&
		    gt_node_gpu(kind->node, kind->to_model[g])->mig)
			kind->in_mig |= UINT64_C(1) << g;
	label_kind(live, kind);
	return kind;
}

static struct live_kind *find_kind(struct live *live, const struct live_node *node)
{
	struct gp_settings settings;
	uint64_t key = GT_FNV_START;

	gp_conf_node(live->conf, node->name, &settings);
	key = gt_fnv(key, &settings.mode, sizeof(settings.mode));
	key = gt_fnv(key, &settings.topology, sizeof(settings.topology));
	key = gt_fnv(key, &settings.read.load.model, sizeof(settings.read.load.model));
	key = gt_fnv(key, &settings.read.nic_ignored, sizeof(settings.read.nic_ignored));
	key = gt_fnv_mix(key, (uint64_t)settings.read.nic_mbps);
	key = gt_fnv(key, &settings.domain, sizeof(settings.domain));
	key = gt_fnv(key, &settings.min_ratio, sizeof(settings.min_ratio));
	key = gt_fnv(key, &settings.avoid, sizeof(settings.avoid));
	key = gt_fnv(key, &settings.mix, sizeof(settings.mix));
	key = gt_fnv_mix(key, (uint64_t)node->cores_per_socket);
	key = gt_fnv(key, node->gres, strlen(node->gres));
	if (gp_health_part(node->extra))
		key = gt_fnv(key, node->extra, strlen(node->extra));
	each_row(live->gres_file, node->name, hash_row, &key);
	for (int i = 0; i < live->kinds; i++)
		if (live->kind[i]->key == key)
			return live->kind[i];
	return make_kind(live, node, &settings, key);
}

/* ---- what is taken ---- */

static uint64_t read_idx(const char *inside)
{
	struct gt_mask mask;

	if (strncmp(inside, "IDX:", 4) != 0 ||
	    gt_mask_parse(&mask, inside + 4, LIVE_GPUS, NULL))
		return 0;
	return mask.word[0];
}

/* "(3/8,0/8)": used of all, for each GPU. */
static void read_shards(struct live_node *node, const char *inside)
{
	int g = 0;

	for (const char *at = inside; *at && g < LIVE_GPUS; g++) {
		long used = strtol(at, NULL, 10);

		node->shard_of[g] = (int)used;
		if (used > 0)
			node->taken |= UINT64_C(1) << g;
		at += strcspn(at, ",");
		at += *at == ',';
	}
}

static void read_used(struct live_node *node)
{
	const char *at = node->used ? node->used : "";
	struct live_gres_word word;

	while (live_next_gres(&at, &word)) {
		if (!strcmp(word.name, "gpu")) {
			node->taken |= read_idx(word.inside);
			node->taken_count += (int)word.count;
			node->counted |= word.count && !read_idx(word.inside);
		} else if (!strcmp(word.name, "shard") || !strcmp(word.name, "mps")) {
			if (!strncmp(word.inside, "IDX:", 4)) {
				node->taken |= read_idx(word.inside);
				node->shards_by_job = true;
			} else {
				read_shards(node, word.inside);
				node->shards_used += (int)word.count;
			}
		}
	}
	at = node->gres;
	while (live_next_gres(&at, &word))
		if (!strcmp(word.name, "shard"))
			node->shards += (int)word.count;
}

/* States in which no job starts. */
static bool is_usable(const char *state)
{
	static const char *const closed[] = {
		"DRAIN",	  "DOWN",	"FAIL",		 "UNKNOWN",
		"FUTURE",	  "INVAL",	"MAINT",	 "REBOOT",
		"NOT_RESPONDING", "NO_RESPOND", "POWERING_DOWN", "ERROR"};
	char word[512];

	snprintf(word, sizeof(word), "%s", state ? state : "UNKNOWN");
	for (char *at = word, *flag; (flag = strsep(&at, "+"));)
		for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
			if (!strncmp(flag, closed[i], strlen(closed[i])) &&
			    strcmp(flag, "DOWN~") != 0)
				return false;
	return !strchr(word, '*');
}

/* 22.05 does not say how many shards of a node are used: its jobs do. */
static enum gt_err count_shards(void *arg, const char *name)
{
	void **args = arg;
	struct live *live = args[0];
	const struct live_gres_word *word = args[1];

	for (int i = 0; i < live->nodes; i++)
		if (live->node[i].shards_by_job && !strcmp(live->node[i].name, name)) {
			uint64_t bits = read_idx(word->inside);

			live->node[i].shards_used += (int)word->count;
			if (bits)
				live->node[i].shard_of[__builtin_ctzll(bits)] +=
					(int)word->count;
		}
	return GT_OK;
}

static void add_shards_of_jobs(struct live *live)
{
	for (int j = 0; j < live->jobs; j++)
		for (int p = 0; p < live->job[j].places; p++) {
			const char *at = live->job[j].place[p].gres;
			struct live_gres_word word;
			void *args[] = {live, &word};

			while (at && live_next_gres(&at, &word))
				if (!strcmp(word.name, "shard"))
					gt_hostlist_each(live->job[j].place[p].nodes,
							 count_shards, args, NULL);
		}
}

/* ---- all nodes ---- */

static void find_dir(struct live *live, const char *dir)
{
	const char *conf = live->slurm_conf, *env = getenv("SLURM_CONF"), *slash;

	if (dir) {
		snprintf(live->dir, sizeof(live->dir), "%s", dir);
		return;
	}
	conf = conf && *conf == '/' ? conf : env && *env ? env : "/etc/slurm/slurm.conf";
	slash = strrchr(conf, '/');
	snprintf(live->dir, sizeof(live->dir), "%.*s", slash ? (int)(slash - conf) : 1,
		 slash ? conf : ".");
}

static enum gt_err bind_nodes(struct live *live, struct gt_error *err)
{
	bool by_job = false;

	for (int i = 0; i < live->nodes; i++) {
		struct live_node *node = &live->node[i];

		node->usable = is_usable(node->state);
		if (!node->gres)
			continue;
		node->kind = find_kind(live, node);
		if (!node->kind)
			return gt_fail(err, GT_ENOMEM, "out of memory");
		if (!node->kind->gpus) {
			node->kind = NULL;
			continue;
		}
		read_used(node);
		by_job |= node->shards_by_job;
	}
	if (by_job)
		add_shards_of_jobs(live);
	return GT_OK;
}

enum gt_err live_bind(struct live *live, const char *dir, struct gt_error *err)
{
	char path[PATH_SIZE + 16];
	enum gt_err code;
	bool exists;

	find_dir(live, dir);
	snprintf(path, sizeof(path), "%s/gputopo.conf", live->dir);
	code = gp_conf_load(&live->conf, path, &exists, err);
	live->own_conf = true;
	snprintf(path, sizeof(path), "%s/gres.conf", live->dir);
	if (!code)
		code = read_gres(live, path, err);
	return code ? code : bind_nodes(live, err);
}

enum gt_err live_bind_files(struct live *live, struct gp_conf *conf, const char *gres,
			    struct gt_error *err)
{
	const char *slash = strrchr(gp_conf_file(conf), '/');
	enum gt_err code;

	snprintf(live->dir, sizeof(live->dir), "%.*s",
		 slash ? (int)(slash - gp_conf_file(conf)) : 1,
		 slash ? gp_conf_file(conf) : ".");
	live->conf = conf;
	code = read_gres(live, gres, err);
	return code ? code : bind_nodes(live, err);
}

enum gt_err live_add_node(struct live *live, const char *name, const char *gres,
			  int cores_per_socket)
{
	struct live_node *more;

	if (live->nodes == live->node_room) {
		int room = live->node_room ? 2 * live->node_room : 64;

		more = realloc(live->node, (size_t)room * sizeof(*more));
		if (!more)
			return GT_ENOMEM;
		live->node = more;
		live->node_room = room;
	}
	more = &live->node[live->nodes++];
	*more = (struct live_node){.name = strdup(name),
				   .gres = strdup(gres),
				   .state = strdup("IDLE"),
				   .cores_per_socket = cores_per_socket};
	return more->name && more->gres ? GT_OK : GT_ENOMEM;
}

void live_release(struct live *live)
{
	for (int i = 0; i < live->kinds; i++) {
		gt_table_free(live->kind[i]->table);
		gt_node_free(live->kind[i]->node);
		free(live->kind[i]);
	}
	free(live->kind);
	for (int i = 0; i < live->sources; i++)
		gt_node_free(live->source[i].node);
	free(live->source);
	if (live->gres_file) {
		for (int i = 0; i < live->gres_file->rows; i++)
			free(live->gres_file->row[i].text);
		for (int i = 0; i < live->gres_file->hosts; i++)
			free(live->gres_file->host[i].name);
		free(live->gres_file->row);
		free(live->gres_file->host);
		free(live->gres_file);
	}
	if (live->own_conf)
		gp_conf_free(live->conf);
	live_release_text(live);
	memset(live, 0, sizeof(*live));
}
