/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gres_mig.c - tables of nvidia-smi mig, numbers of capability files, AutoDetect's names.
 */
#define _GNU_SOURCE
#include "config.h"

#include "cli/gres_mig.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The driver's numbering, as mig-minors lists it: gpu0/gi0/access is 3, its 8 compute
 * instances follow, then the next of 15 GPU instances; gpu6/gi11/ci5/access is 918. */
enum { CAPS_FIRST = 3, CAPS_GI = 9, CAPS_GPU = 15 * CAPS_GI, GI_MAX = 14, CI_MAX = 7 };

/* ---- tables ---- */

/* "|   0  MIG 1g.5gb  19  9  2:1  |" of -lgi, "|  0  9  MIG 1g.5gb  0  0  0:1  |" of
 * -lci: anything else is no row. */
static bool read_row(const char *line, struct gres_mig *row, bool *compute)
{
	char name[32], left[64] = "";
	int profile, id, start, size, number[2], used = 0, numbers = 0;
	const char *mig = strstr(line, "MIG ");

	if (!mig || (size_t)(mig - line) >= sizeof(left))
		return false;
	memcpy(left, line, (size_t)(mig - line));
	for (const char *at = left + strspn(left, "| \t"); *at;
	     at += used + (int)strspn(at + used, " \t"), numbers++)
		if (numbers == 2 || sscanf(at, "%4d%n", &number[numbers], &used) != 1)
			return false;
	if (!numbers || number[0] < 0 || number[0] >= GT_MAX_GPUS ||
	    sscanf(mig, "MIG %31s %d %d %d:%d", name, &profile, &id, &start, &size) != 5)
		return false;
	*compute = numbers == 2;
	*row = (struct gres_mig){number[0], *compute ? number[1] : id, *compute ? id : 0,
				 ""};
	/* 1c.3g.20gb is a part of an instance 3g.20gb */
	memcpy(row->profile, name, sizeof(row->profile));
	if (isdigit((unsigned char)name[0]) && name[1] == 'c' && name[2] == '.')
		memmove(row->profile, name + 3, strlen(name + 3) + 1);
	return row->gi >= 0 && row->gi <= GI_MAX && row->ci >= 0 && row->ci <= CI_MAX &&
	       gt_mig_is_profile_name(row->profile);
}

static enum gt_err add_row(struct gres_mig_list *list, const struct gres_mig *row)
{
	struct gres_mig *more;

	/* a table that was pasted twice */
	for (int i = 0; i < list->count; i++) {
		const struct gres_mig *had = &list->device[i];

		if (had->gpu == row->gpu && had->gi == row->gi && had->ci == row->ci)
			return GT_OK;
	}
	more = realloc(list->device, ((size_t)list->count + 1) * sizeof(*more));
	if (!more)
		return GT_ENOMEM;
	list->device = more;
	more[list->count++] = *row;
	return GT_OK;
}

static enum gt_err read_rows(struct gres_mig_list *list, FILE *in, bool compute)
{
	char line[512];
	enum gt_err rc = GT_OK;

	rewind(in);
	while (rc == GT_OK && fgets(line, sizeof(line), in)) {
		struct gres_mig row;
		bool is_compute;

		if (read_row(line, &row, &is_compute) && is_compute == compute)
			rc = add_row(list, &row);
	}
	return rc;
}

/* Standard input can be read once only. */
static FILE *open_copy(const char *file)
{
	bool standard = !strcmp(file, "-");
	FILE *in = standard ? stdin : fopen(file, "re"), *copy = tmpfile();
	char part[4096];
	size_t size, total = 0;

	while (in && copy && total < GT_MAX_TEXT &&
	       (size = fread(part, 1, sizeof(part), in)) > 0)
		total += fwrite(part, 1, size, copy);
	if (in && !standard)
		fclose(in);
	if (in)
		return copy;
	if (copy)
		fclose(copy);
	return NULL;
}

enum gt_err gres_mig_load(struct gres_mig_list *list, const char *file,
			  struct gt_error *err)
{
	FILE *in = open_copy(file);
	enum gt_err rc;

	*list = (struct gres_mig_list){0};
	if (!in)
		return gt_fail_at(err, GT_EIO, file, 0, 0, "%s", strerror(errno));
	rc = read_rows(list, in, true);
	if (rc == GT_OK && !list->count)
		rc = read_rows(list, in, false);
	fclose(in);
	if (rc)
		rc = gt_fail(err, rc, "out of memory");
	else if (!list->count)
		rc = gt_fail_at(err, GT_EPARSE, file, 0, 0,
				"no row of nvidia-smi mig -lgi or -lci");
	if (rc)
		gres_mig_free(list);
	return rc;
}

void gres_mig_free(struct gres_mig_list *list)
{
	free(list->device);
	*list = (struct gres_mig_list){0};
}

/* ---- capability files ---- */

enum gt_err gres_mig_caps(const struct gres_mig *device, int minor, const char *file,
			  int caps[2], struct gt_error *err)
{
	FILE *in = file ? fopen(file, "re") : NULL;
	char name[2][64], line[256], word[128];
	int number;

	caps[0] = CAPS_FIRST + minor * CAPS_GPU + device->gi * CAPS_GI;
	caps[1] = caps[0] + 1 + device->ci;
	if (!file)
		return GT_OK;
	if (!in)
		return gt_fail_at(err, GT_EIO, file, 0, 0, "%s", strerror(errno));
	caps[0] = caps[1] = -1;
	snprintf(name[0], sizeof(name[0]), "gpu%d/gi%d/access", minor, device->gi);
	snprintf(name[1], sizeof(name[1]), "gpu%d/gi%d/ci%d/access", minor, device->gi,
		 device->ci);
	while (fgets(line, sizeof(line), in))
		for (int i = 0; i < 2; i++)
			if (sscanf(line, "%127s %d", word, &number) == 2 &&
			    !strcmp(word, name[i]))
				caps[i] = number;
	fclose(in);
	if (caps[0] < 0 || caps[1] < 0)
		return gt_fail_at(err, GT_EINVAL, file, 0, 0, "no line %s",
				  name[caps[0] >= 0]);
	return GT_OK;
}

/* ---- names ---- */

/* A suffix such as +me is no part of it; the memory is that of the profile's name, as the
 * types of sites with AutoDetect show (nvidia_h200_1g.18gb, nvidia_b200_3g.90gb). */
char *gres_mig_type(const struct gres_mig *device, const char *model, const char *type,
		    char *buf, size_t size)
{
	int name = (int)strcspn(type ? type : model, type ? "" : "-");

	snprintf(buf, size, "%.*s%s%.*s", name, type ? type : model, name ? "_" : "",
		 (int)strcspn(device->profile, "+-"), device->profile);
	for (char *at = buf; *at; at++)
		*at = *at == ' ' ? '_' : (char)tolower((unsigned char)*at);
	return buf;
}
