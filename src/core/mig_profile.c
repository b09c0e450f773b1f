/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MIG tables: GPUs and profiles by their many names. */
#include "config.h"

#include "core/mig_data.h"
#include "core/mig_name.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 96
#define LIST_MAX     200 /* bytes of a list in an error */
#define WEIGHT_MAX   1000000

/* ---- names of GPUs ---- */

/* "NVIDIA A100-SXM4-80GB" to "a100-sxm4-80gb": lower case, one '-' for any separator,
 * without the maker. */
static void normalize(const char *name, char *out, size_t size)
{
	static const char *const makers[] = {"nvidia-", "tesla-"};
	size_t n = 0;

	for (; *name && n + 1 < size; name++) {
		if (isalnum((unsigned char)*name))
			out[n++] = (char)tolower((unsigned char)*name);
		else if (n > 0 && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n > 0 && out[n - 1] == '-')
		n--;
	out[n] = '\0';
	for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++)
		if (!strncmp(out, makers[i], strlen(makers[i])))
			memmove(out, out + strlen(makers[i]),
				strlen(out) - strlen(makers[i]) + 1);
}

/* How much of name asked is, both normalized. 2: all, 1: words, 0: no. Both normalized.
 */
static int match(const char *asked, const char *name)
{
	size_t n = strlen(asked);

	if (n == 0 || strncmp(asked, name, n) != 0)
		return 0;
	return name[n] == '\0' ? 2 : name[n] == '-';
}

static int match_raw(const char *asked, const char *name)
{
	char normal[NAME_MAX_LEN];

	normalize(name, normal, sizeof(normal));
	return match(asked, normal);
}

static int table_index(const char *name)
{
	for (int i = 0; i < GT_MIG_TABLES; i++)
		if (!strcmp(gt_mig_tables[i].name, name))
			return i;
	return GT_UNKNOWN;
}

/* How well each table answers to the name, by its own or another name. */
static void match_tables(const char *asked, int quality[GT_MIG_TABLES])
{
	for (int i = 0; i < GT_MIG_TABLES; i++)
		quality[i] = match_raw(asked, gt_mig_tables[i].name);
	for (const struct gt_mig_alias *a = gt_mig_aliases; a->name; a++) {
		int i = table_index(a->table), q = match_raw(asked, a->name);

		if (q > quality[i])
			quality[i] = q;
	}
}

/* Append a name to a list for an error; a list that is full keeps its dots. */
static void list_add(char *list, const char *name)
{
	size_t n = strlen(list);

	if (n + strlen(name) + 8 < LIST_MAX)
		sprintf(list + n, "%s%s", n ? ", " : "", name);
	else if (n < 4 || strcmp(list + n - 3, "...") != 0)
		strcpy(list + n, ", ...");
}

const struct gt_mig_gpu *gt_mig_gpu_at(int i)
{
	return i >= 0 && i < GT_MIG_TABLES ? &gt_mig_tables[i] : NULL;
}

enum gt_err gt_mig_gpu_find(const struct gt_mig_gpu **gpu, const char *name,
			    struct gt_error *err)
{
	int quality[GT_MIG_TABLES], best = 0, found = 0;
	char asked[NAME_MAX_LEN], list[LIST_MAX] = "";

	*gpu = NULL;
	normalize(name, asked, sizeof(asked));
	match_tables(asked, quality);
	for (int i = 0; i < GT_MIG_TABLES; i++)
		best = quality[i] > best ? quality[i] : best;
	for (int i = 0; i < GT_MIG_TABLES; i++)
		if (quality[i] == best) {
			*gpu = &gt_mig_tables[i];
			list_add(list, gt_mig_tables[i].name);
			found++;
		}
	if (best > 0 && found == 1)
		return GT_OK;
	*gpu = NULL;
	if (best == 0)
		return gt_fail(err, GT_EINVAL,
			       "no MIG table for the GPU '%.40s'; known: %s", name, list);
	return gt_fail(err, GT_EINVAL, "'%.40s' may be %s: which?", name, list);
}

const struct gt_mig_gpu *gt_mig_gpu_of_pci(uint32_t pci_device_id)
{
	for (const struct gt_mig_pci *p = gt_mig_pci_ids; p->table; p++)
		if (p->id == pci_device_id)
			return &gt_mig_tables[table_index(p->table)];
	return NULL;
}

void gt_mig_gpu_for_driver(struct gt_mig_gpu *gpu, int driver)
{
	int apart[2] = {GT_UNKNOWN, GT_UNKNOWN}, kept = 0;

	for (int p = 0; p < gpu->count; p++) {
		if (gpu->profile[p].min_driver > driver)
			continue;
		for (int i = 0; i < 2; i++)
			if (gpu->apart[i] == p)
				apart[i] = kept;
		gpu->profile[kept++] = gpu->profile[p];
	}
	gpu->count = kept;
	gpu->driver = driver;
	if (apart[0] != GT_UNKNOWN && apart[1] != GT_UNKNOWN)
		memcpy(gpu->apart, apart, sizeof(apart));
	else
		gpu->apart[0] = gpu->apart[1] = GT_UNKNOWN;
}

/* ---- names of profiles ---- */

const char *gt_mig_profile_suffix(const struct gt_mig_profile *profile)
{
	const char *s = profile->name + strcspn(profile->name, "+-");

	return s;
}

/* Nearest memory among the profiles with these slices and this suffix. */
static int find_nearest(const struct gt_mig_gpu *gpu, const struct gt_mig_name *asked)
{
	int best = GT_UNKNOWN, best_off = 0;

	for (int p = 0; p < gpu->count; p++) {
		struct gt_mig_name own;
		int off;

		if (!gt_mig_name_read(gpu->profile[p].name, &own) ||
		    own.compute != asked->compute || strcmp(own.suffix, asked->suffix))
			continue;
		off = abs(own.gb - asked->gb);
		if (off * 8 <= own.gb && (best == GT_UNKNOWN || off < best_off)) {
			best = p;
			best_off = off;
		}
	}
	return best;
}

enum gt_err gt_mig_profile_find(const struct gt_mig_gpu *gpu, const char *name,
				int *profile, struct gt_error *err)
{
	char list[LIST_MAX] = "";
	struct gt_mig_name asked;

	*profile = GT_UNKNOWN;
	for (int p = 0; p < gpu->count; p++)
		if (!strcmp(gpu->profile[p].name, name)) {
			*profile = p;
			return GT_OK;
		}
	if (gt_mig_name_read(name, &asked))
		*profile = find_nearest(gpu, &asked);
	if (*profile != GT_UNKNOWN)
		return GT_OK;
	for (int p = 0; p < gpu->count; p++)
		list_add(list, gpu->profile[p].name);
	return gt_fail(err, GT_EINVAL, "%s%s has no profile '%.32s'; it has %s",
		       gpu->name, gpu->driver ? " with this driver" : "", name, list);
}

int gt_mig_profile_by_slices(const struct gt_mig_gpu *gpu, int compute, int size,
			     const char *suffix)
{
	for (int p = 0; p < gpu->count; p++)
		if (gpu->profile[p].compute == compute && gpu->profile[p].size == size &&
		    !strcmp(gt_mig_profile_suffix(&gpu->profile[p]), suffix))
			return p;
	return GT_UNKNOWN;
}

int gt_mig_profile_mem_mib(const struct gt_mig_profile *profile)
{
	struct gt_mig_name parts;

	if (profile->mem_mib != GT_UNKNOWN)
		return profile->mem_mib;
	if (!gt_mig_name_read(profile->name, &parts))
		return GT_UNKNOWN;
	return parts.gb * 1024 * 85 / 100;
}

/* ---- a table that holds together ---- */

static enum gt_err check_profile(const struct gt_mig_gpu *gpu, int i,
				 struct gt_error *err)
{
	const struct gt_mig_profile *p = &gpu->profile[i];

	if (!p->name[0])
		return gt_fail(err, GT_EINVAL, "profile %d has no name", i);
	for (int j = 0; j < i; j++)
		if (!strcmp(p->name, gpu->profile[j].name))
			return gt_fail(err, GT_EINVAL, "two profiles are called '%s'",
				       p->name);
	if (p->size < 1 || p->size > gpu->units)
		return gt_fail(err, GT_EINVAL,
			       "'%s' has a size of %d units, the GPU has %d", p->name,
			       p->size, gpu->units);
	if (p->compute < 1 || p->compute > gpu->compute)
		return gt_fail(err, GT_EINVAL,
			       "'%s' has %d compute slices, the GPU has %d", p->name,
			       p->compute, gpu->compute);
	if (!p->starts || (p->starts >> (gpu->units - p->size + 1)) != 0)
		return gt_fail(err, GT_EINVAL, "'%s' %s", p->name,
			       p->starts ? "reaches beyond the last unit of the GPU"
					 : "has no start");
	if (p->max < 1 || p->max > gpu->units)
		return gt_fail(err, GT_EINVAL, "'%s' has a max of %d, not 1 to %d",
			       p->name, p->max, gpu->units);
	return GT_OK;
}

enum gt_err gt_mig_gpu_check(const struct gt_mig_gpu *gpu, struct gt_error *err)
{
	if (gpu->count < 1 || gpu->count > GT_MIG_PROFILES)
		return gt_fail(err, GT_ELIMIT, "%d profiles, not 1 to %d", gpu->count,
			       GT_MIG_PROFILES);
	if (gpu->units < 1 || gpu->units > GT_MIG_UNITS)
		return gt_fail(err, GT_ELIMIT, "%d memory units, not 1 to %d", gpu->units,
			       GT_MIG_UNITS);
	if (gpu->compute < 1 || gpu->compute > GT_MIG_UNITS)
		return gt_fail(err, GT_ELIMIT, "%d compute slices, not 1 to %d",
			       gpu->compute, GT_MIG_UNITS);
	for (int i = 0; i < gpu->count; i++) {
		enum gt_err code = check_profile(gpu, i, err);

		if (code)
			return code;
	}
	for (int i = 0; i < 2; i++)
		if (gpu->apart[i] < GT_UNKNOWN || gpu->apart[i] >= gpu->count)
			return gt_fail(err, GT_EINVAL, "no profile %d to keep apart",
				       gpu->apart[i]);
	return GT_OK;
}

/* ---- lists of profiles ---- */

/* One entry "NAME" of size bytes. */
static enum gt_err find_part(const struct gt_mig_gpu *gpu, const char *name, size_t size,
			     int *profile, struct gt_error *err)
{
	char copy[64];

	*profile = GT_UNKNOWN;
	if (size == 0 || size >= sizeof(copy))
		return gt_fail(err, GT_EPARSE, "'%.*s' is not the name of a profile",
			       size > 80 ? 80 : (int)size, name);
	memcpy(copy, name, size);
	copy[size] = '\0';
	return gt_mig_profile_find(gpu, copy, profile, err);
}

/* A decimal of 1 to 7 digits, at most max, that fills [at, end). */
static bool read_all(const char *at, const char *end, long max, long *value)
{
	*value = 0;
	if (at == end || end - at > 7)
		return false;
	for (; at < end; at++) {
		if (!isdigit((unsigned char)*at))
			return false;
		*value = *value * 10 + *at - '0';
	}
	return *value <= max;
}

enum gt_err gt_mig_mix_parse(struct gt_mig_mix *mix, const struct gt_mig_gpu *gpu,
			     const char *text, struct gt_error *err)
{
	struct gt_mig_mix result = {0};
	bool seen[GT_MIG_PROFILES] = {false};
	uint64_t total = 0;

	memset(mix, 0, sizeof(*mix));
	for (const char *at = text;; at++) {
		size_t n = strcspn(at, ",");
		const char *colon = memchr(at, ':', n);
		enum gt_err code;
		long weight;
		int p;

		if (!colon || !read_all(colon + 1, at + n, WEIGHT_MAX, &weight))
			return gt_fail(err, GT_EPARSE,
				       "'%.*s' is not PROFILE:WEIGHT with a weight of 0 "
				       "to %d",
				       n > 80 ? 80 : (int)n, at, WEIGHT_MAX);
		code = find_part(gpu, at, (size_t)(colon - at), &p, err);
		if (code)
			return code;
		if (seen[p])
			return gt_fail(err, GT_EPARSE, "%s has two weights",
				       gpu->profile[p].name);
		seen[p] = true;
		result.weight[p] = (uint32_t)weight;
		total += (uint64_t)weight;
		at += n;
		if (!*at)
			break;
	}
	if (total == 0)
		return gt_fail(err, GT_EPARSE, "all weights of the mix are 0");
	*mix = result;
	return GT_OK;
}

/* The longest number that stands before an 'x' at the start of [at, at + n). */
static const char *count_end(const char *at, size_t n)
{
	size_t digits = 0;

	while (digits < n && isdigit((unsigned char)at[digits]))
		digits++;
	return digits > 0 && digits < n && at[digits] == 'x' ? at + digits : NULL;
}

enum gt_err gt_mig_demand_parse(struct gt_mig_demand *demand,
				const struct gt_mig_gpu *gpu, const char *text,
				struct gt_error *err)
{
	struct gt_mig_demand result = {0};
	long total = 0;

	memset(demand, 0, sizeof(*demand));
	for (const char *at = text;; at++) {
		size_t n = strcspn(at, ",");
		const char *x = count_end(at, n), *name = x ? x + 1 : at;
		enum gt_err code;
		long count = 1;
		int p;

		if (x && !read_all(at, x, GT_MIG_DEMAND_MAX, &count))
			return gt_fail(err, GT_EPARSE, "'%.*s' is more than %d instances",
				       (int)(x - at > 40 ? 40 : x - at), at,
				       GT_MIG_DEMAND_MAX);
		code = find_part(gpu, name, (size_t)(at + n - name), &p, err);
		if (code)
			return code;
		result.count[p] += (int)count;
		total += count;
		if (total > GT_MIG_DEMAND_MAX)
			return gt_fail(err, GT_ELIMIT, "more than %d instances",
				       GT_MIG_DEMAND_MAX);
		at += n;
		if (!*at)
			break;
	}
	if (total == 0)
		return gt_fail(err, GT_EPARSE, "the request asks for no instance");
	*demand = result;
	return GT_OK;
}
