/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a name or a text to a finished node model. */
#include "config.h"

#include "core/append.h"
#include "source/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct gt_format *find_format(const struct gt_source *src, const char *name)
{
	for (int i = 0; gt_formats[i]; i++)
		if (name ? !strcmp(gt_formats[i]->name, name)
			 : gt_formats[i]->looks_like(src))
			return gt_formats[i];
	return NULL;
}

/* "json, nvidia-smi, ..." */
static const char *format_list(char *buf, size_t size)
{
	struct gt_append text = gt_append_to(buf, size);

	for (int i = 0; gt_formats[i]; i++)
		gt_append(&text, "%s%s", i ? ", " : "", gt_formats[i]->name);
	return buf;
}

/* A model named by the caller: it wins, and with it its link speed. */
static void override_model(struct gt_node *node, const char *model)
{
	for (int i = 0; model && i < gt_node_size(node); i++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, i);

		snprintf(gpu->model, sizeof(gpu->model), "%s", model);
		gpu->link_mbps = GT_UNKNOWN;
	}
}

/* What every reader leaves to be done. Takes the node; on failure it is gone. */
static enum gt_err complete(struct gt_node **result, struct gt_node *node,
			    const struct gt_source *src, const char *format,
			    const struct gt_site_options *options, struct gt_error *err)
{
	enum gt_err rc;

	override_model(node, options->load.model);
	gt_node_settle_nics(node, options->nic_mbps, options->nic_ignored);
	if (!gt_node_source_format(node)[0])
		gt_node_set_source(node, format, src->file);
	if (src->infer_fabric)
		gt_node_infer_fabric(node);
	rc = gt_node_finish(node, err);
	if (rc) {
		if (err && !err->file[0])
			snprintf(err->file, sizeof(err->file), "%s", src->file);
		gt_node_free(node);
		return rc;
	}
	*result = node;
	return GT_OK;
}

static enum gt_err parse_plain(struct gt_node **node, const char *text, size_t size,
			       const char *name, const struct gt_site_options *options,
			       struct gt_error *err)
{
	struct gt_source src = {.text = text, .size = size, .file = name ? name : ""};
	const char *wanted = options->load.format;
	const struct gt_format *format;
	struct gt_node *fresh = NULL;
	char list[256];
	enum gt_err rc;

	*node = NULL;
	src.node_name = options->load.node_name;
	if (size > GT_MAX_TEXT)
		return gt_fail_src(&src, err, GT_ELIMIT, 0, "more than %d MiB of text",
				   GT_MAX_TEXT >> 20);
	if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		src.text += 3;
		src.size -= 3;
	}
	format = find_format(&src, wanted);
	if (!format && wanted)
		return gt_fail(err, GT_EINVAL, "unknown format '%s'; there are: %s",
			       wanted, format_list(list, sizeof(list)));
	if (!format && (rc = gt_text_check(&src, err)))
		return rc;
	if (!format)
		return gt_fail_src(&src, err, GT_EFORMAT, 0,
				   src.size ? "no known topology format"
					    : "empty: no topology");
	rc = format->read(&src, &fresh, err);
	if (rc)
		return rc;
	return complete(node, fresh, &src, format->name, options, err);
}

static enum gt_err parse(struct gt_node **node, const char *text, size_t size,
			 const char *name, const struct gt_site_options *options,
			 struct gt_error *err)
{
	char *plain = NULL;
	enum gt_err rc;

	*node = NULL;
	if (size <= GT_MAX_TEXT && gt_text_is_wrapped(text, size)) {
		plain = gt_text_unwrap(text, &size);
		if (!plain)
			return gt_fail(err, GT_ENOMEM, "out of memory");
		text = plain;
	}
	rc = parse_plain(node, text, size, name, options, err);
	free(plain);
	return rc;
}

/* All of a stream, at most GT_MAX_TEXT bytes; *text is malloc'ed. */
static enum gt_err read_stream(FILE *in, const char *name, char **text, size_t *size,
			       struct gt_error *err)
{
	size_t capacity = 65536, used = 0, got;
	char *buf = malloc(capacity), *bigger;

	while (buf && (got = fread(buf + used, 1, capacity - used, in)) > 0) {
		used += got;
		if (used < capacity)
			continue;
		if (used > GT_MAX_TEXT) {
			free(buf);
			return gt_fail_at(err, GT_ELIMIT, name, 0, 0,
					  "more than %d MiB of text", GT_MAX_TEXT >> 20);
		}
		capacity *= 2;
		bigger = realloc(buf, capacity);
		if (!bigger)
			free(buf);
		buf = bigger;
	}
	if (!buf)
		return gt_fail_at(err, GT_ENOMEM, name, 0, 0, "out of memory");
	if (ferror(in)) {
		free(buf);
		return gt_fail_at(err, GT_EIO, name, 0, 0, "%s", strerror(errno));
	}
	*text = buf;
	*size = used;
	return GT_OK;
}

static enum gt_err load_file(struct gt_node **node, const char *path,
			     const struct gt_site_options *options, struct gt_error *err)
{
	bool standard = !strcmp(path, "-");
	const char *name = standard ? "standard input" : path;
	FILE *in = standard ? stdin : fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	enum gt_err rc;

	if (!in)
		return gt_fail_at(err, GT_EIO, path, 0, 0, "%s", strerror(errno));
	rc = read_stream(in, name, &text, &size, err);
	if (!standard)
		fclose(in);
	if (rc == GT_OK)
		rc = parse(node, text, size, name, options, err);
	free(text);
	return rc;
}

static enum gt_err load_builtin(struct gt_node **node, const char *spec,
				const struct gt_site_options *options,
				struct gt_error *err)
{
	const char *name = spec + strlen("builtin:");
	const char *text = gt_builtin_text(name);
	struct gt_site_options json = *options;

	if (!text)
		return gt_fail(err, GT_EINVAL, "no built-in machine '%s'", name);
	json.load.format = "json";
	json.load.node_name = NULL;
	return parse(node, text, strlen(text), spec, &json, err);
}

static enum gt_err load_live(struct gt_node **node, const struct gt_site_options *options,
			     struct gt_error *err)
{
	struct gt_source src = {.text = "", .file = "live"};
	struct gt_node *fresh = NULL;
	enum gt_err rc;

	if (!gt_live_read)
		return gt_fail(err, GT_EFORMAT,
			       "this program cannot look at the machine");
	rc = gt_live_read(&src, &fresh, err);
	if (rc)
		return rc;
	return complete(node, fresh, &src, "live", options, err);
}

enum gt_err gt_node_load_site(struct gt_node **node, const char *spec,
			      const struct gt_site_options *options, struct gt_error *err)
{
	*node = NULL;
	if (!strncmp(spec, "builtin:", strlen("builtin:")))
		return load_builtin(node, spec, options, err);
	if (!strcmp(spec, "live"))
		return load_live(node, options, err);
	return load_file(node, spec, options, err);
}

static struct gt_site_options site_of(const struct gt_load_options *options)
{
	struct gt_site_options site = {.nic_mbps = 0};

	if (options)
		site.load = *options;
	return site;
}

enum gt_err gt_node_load(struct gt_node **node, const char *spec,
			 const struct gt_load_options *options, struct gt_error *err)
{
	struct gt_site_options site = site_of(options);

	return gt_node_load_site(node, spec, &site, err);
}

enum gt_err gt_node_parse(struct gt_node **node, const char *text, size_t size,
			  const char *name, const struct gt_load_options *options,
			  struct gt_error *err)
{
	struct gt_site_options site = site_of(options);

	return parse(node, text, size, name, &site, err);
}
