/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MIG tables from JSON, for GPUs that the built-in tables do not know. */
#include "config.h"

#include "core/library.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES (256 << 10) /* a table has two or three KiB */

/* A document on its way into a table. */
struct doc {
	struct gt_mig_gpu *gpu;
	const char *file;
	struct gt_error *err;
};

#define fail(doc, ...) gt_fail_at((doc)->err, GT_EPARSE, (doc)->file, 0, 0, __VA_ARGS__)

/* An integer field; absent ones become fallback. */
static enum gt_err read_int(const struct doc *doc, const json_t *object,
			    const char *field, int fallback, int *value)
{
	const json_t *json = json_object_get(object, field);

	*value = fallback;
	if (!json || json_is_null(json))
		return GT_OK;
	if (!json_is_integer(json) || json_integer_value(json) < 0 ||
	    json_integer_value(json) > 1000000000)
		return fail(doc, "\"%s\" is not a number from 0 on", field);
	*value = (int)json_integer_value(json);
	return GT_OK;
}

static enum gt_err read_string(const struct doc *doc, const json_t *object,
			       const char *field, char *out, size_t size)
{
	const json_t *json = json_object_get(object, field);

	out[0] = '\0';
	if (!json || json_is_null(json))
		return GT_OK;
	if (!json_is_string(json) || json_string_length(json) >= size)
		return fail(doc, "\"%s\" is not a text of less than %zu bytes", field,
			    size);
	memcpy(out, json_string_value(json), json_string_length(json) + 1);
	return GT_OK;
}

static enum gt_err read_starts(const struct doc *doc, const json_t *profile,
			       uint16_t *starts)
{
	const json_t *list = json_object_get(profile, "starts"), *item;
	size_t i;

	*starts = 0;
	if (!json_is_array(list))
		return fail(doc, "\"starts\" is not a list");
	json_array_foreach(list, i, item)
	{
		json_int_t s = json_integer_value(item);

		if (!json_is_integer(item) || s < 0 || s >= GT_MIG_UNITS)
			return fail(doc, "a start is not a number from 0 to %d",
				    GT_MIG_UNITS - 1);
		*starts |= (uint16_t)(1u << s);
	}
	return GT_OK;
}

static enum gt_mig_evidence read_evidence(const json_t *profile, const char *field)
{
	return json_is_true(json_object_get(profile, field)) ? GT_MIG_CONFIRMED
							     : GT_MIG_DERIVED;
}

static enum gt_err read_profile(const struct doc *doc, const json_t *json,
				struct gt_mig_profile *p)
{
	const struct {
		const char *field;
		int fallback;
		int *value;
	} numbers[] = {
		{"id", GT_UNKNOWN, &p->id},
		{"compute", 0, &p->compute},
		{"size", 0, &p->size},
		{"max", 0, &p->max},
		{"sm", GT_UNKNOWN, &p->sm},
		{"mem_mib", GT_UNKNOWN, &p->mem_mib},
		{"min_driver", 0, &p->min_driver},
	};
	enum gt_err code = GT_OK;

	if (!json_is_object(json))
		return fail(doc, "a profile is not an object");
	for (size_t i = 0; !code && i < sizeof(numbers) / sizeof(*numbers); i++)
		code = read_int(doc, json, numbers[i].field, numbers[i].fallback,
				numbers[i].value);
	if (!code)
		code = read_string(doc, json, "name", p->name, sizeof(p->name));
	if (!code)
		code = read_string(doc, json, "source", p->source, sizeof(p->source));
	if (!code)
		code = read_starts(doc, json, &p->starts);
	p->id_evidence = read_evidence(json, "id_confirmed");
	p->starts_evidence = read_evidence(json, "starts_confirmed");
	return code;
}

/* "apart": two names of profiles. */
static enum gt_err read_apart(const struct doc *doc, const json_t *root)
{
	const json_t *apart = json_object_get(root, "apart");
	struct gt_mig_gpu *gpu = doc->gpu;

	gpu->apart[0] = gpu->apart[1] = GT_UNKNOWN;
	if (!apart || json_is_null(apart))
		return GT_OK;
	if (!json_is_array(apart) || json_array_size(apart) != 2)
		return fail(doc, "\"apart\" is not a list of two profiles");
	for (size_t i = 0; i < 2; i++) {
		const char *name = json_string_value(json_array_get(apart, i));

		for (int p = 0; name && p < gpu->count; p++)
			if (!strcmp(gpu->profile[p].name, name))
				gpu->apart[i] = p;
		if (gpu->apart[i] == GT_UNKNOWN)
			return fail(doc, "\"apart\" names no profile of the table");
	}
	return read_int(doc, root, "apart_driver", 0, &gpu->apart_driver);
}

static enum gt_err read_table(const struct doc *doc, const json_t *root)
{
	const json_t *profiles = json_object_get(root, "profiles"), *item;
	struct gt_mig_gpu *gpu = doc->gpu;
	enum gt_err code;
	int most = 0;
	size_t i;

	code = read_string(doc, root, "gpu", gpu->name, sizeof(gpu->name));
	if (code)
		return code;
	if (!gpu->name[0])
		return fail(doc, "\"gpu\" is missing: not a MIG table");
	if (!json_is_array(profiles) || json_array_size(profiles) > GT_MIG_PROFILES)
		return fail(doc, "\"profiles\" is not a list of up to %d profiles",
			    GT_MIG_PROFILES);
	json_array_foreach(profiles, i, item)
	{
		code = read_profile(doc, item, &gpu->profile[i]);
		if (code)
			return code;
		gpu->count++;
		if (gpu->profile[i].compute > most)
			most = gpu->profile[i].compute;
	}
	code = read_int(doc, root, "units", 0, &gpu->units);
	if (!code)
		code = read_int(doc, root, "compute", most, &gpu->compute);
	if (!code)
		code = read_int(doc, root, "driver", 0, &gpu->driver);
	return code ? code : read_apart(doc, root);
}

enum gt_err gt_mig_gpu_parse(struct gt_mig_gpu *gpu, const char *text, size_t size,
			     const char *file, struct gt_error *err)
{
	struct doc doc = {gpu, file, err};
	json_error_t why;
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
	struct gt_error check;
	enum gt_err code;

	memset(gpu, 0, sizeof(*gpu));
	if (!root)
		return gt_fail_at(err, GT_EPARSE, file, why.line, why.column, "%s",
				  why.text);
	code = json_is_object(root) ? read_table(&doc, root)
				    : fail(&doc, "not a JSON object");
	json_decref(root);
	if (code)
		return code;
	code = gt_mig_gpu_check(gpu, &check);
	if (code)
		return gt_fail_at(err, code, file, 0, 0, "%s", check.text);
	return GT_OK;
}

enum gt_err gt_mig_gpu_load(struct gt_mig_gpu *gpu, const char *file,
			    struct gt_error *err)
{
	FILE *in = fopen(file, "re");
	char *text = malloc(FILE_BYTES + 1);
	enum gt_err code;
	size_t size = 0;

	memset(gpu, 0, sizeof(*gpu));
	errno = in ? 0 : errno;
	if (in && text)
		size = fread(text, 1, FILE_BYTES + 1, in);
	if (!text)
		code = gt_fail(err, GT_ENOMEM, "out of memory");
	else if (!in || ferror(in))
		code = gt_fail_at(err, GT_EIO, file, 0, 0, "%s", strerror(errno));
	else if (size > FILE_BYTES)
		code = gt_fail_at(err, GT_ELIMIT, file, 0, 0, "more than %d KiB",
				  FILE_BYTES >> 10);
	else
		code = gt_mig_gpu_parse(gpu, text, size, file, err);
	if (in)
		fclose(in);
	free(text);
	return code;
}
