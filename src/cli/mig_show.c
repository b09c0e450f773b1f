/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo mig show: tables. */
#include "config.h"

#include "cli/mig.h"

#include <string.h>

static const char help[] =
	"Usage: gputopo mig show [--gpu MODEL] [OPTIONS]\n"
	"Print what a GPU can be cut into: profiles, where they may start, and a map of\n"
	"the memory units. Without a GPU: the tables there are.\n\n" MIG_HELP;

static json_t *starts_json(const struct gt_mig_gpu *gpu, uint16_t starts)
{
	json_t *list = json_array();

	for (int s = 0; s < gpu->units; s++)
		if (starts & (1u << s))
			json_array_append_new(list, json_integer(s));
	return list;
}

static json_t *known(int number)
{
	return number == GT_UNKNOWN ? json_null() : json_integer(number);
}

static json_t *profile_json(const struct gt_mig_gpu *gpu, const struct gt_mig_profile *p)
{
	return json_pack("{s:s, s:o, s:i, s:i, s:o, s:i, s:o, s:o, s:i, s:b, s:b, s:s}",
			 "name", p->name, "id", known(p->id), "compute", p->compute,
			 "size", p->size, "starts", starts_json(gpu, p->starts), "max",
			 p->max, "sm", known(p->sm), "mem_mib", known(p->mem_mib),
			 "min_driver", p->min_driver, "id_confirmed",
			 p->id_evidence == GT_MIG_CONFIRMED, "starts_confirmed",
			 p->starts_evidence == GT_MIG_CONFIRMED, "source", p->source);
}

static json_t *table_json(const struct gt_mig_gpu *gpu)
{
	json_t *profiles = json_array();
	json_t *table;

	for (int p = 0; p < gpu->count; p++)
		json_array_append_new(profiles, profile_json(gpu, &gpu->profile[p]));
	table = json_pack("{s:s, s:i, s:i, s:o}", "gpu", gpu->name, "units", gpu->units,
			  "compute", gpu->compute, "profiles", profiles);
	if (table && gpu->apart[0] != GT_UNKNOWN && gpu->apart[1] != GT_UNKNOWN)
		json_object_update_new(table,
				       json_pack("{s:[s, s], s:i}", "apart",
						 gpu->profile[gpu->apart[0]].name,
						 gpu->profile[gpu->apart[1]].name,
						 "apart_driver", gpu->apart_driver));
	if (table && gpu->driver)
		json_object_set_new(table, "driver", json_integer(gpu->driver));
	return table;
}

/* Every start of a profile; starts that overlap go onto lines of their own. */
static void draw_starts(const struct gt_mig_gpu *gpu, int profile)
{
	const struct gt_mig_profile *p = &gpu->profile[profile];
	uint16_t left = p->starts;

	while (left) {
		int at[GT_MIG_UNITS], next = 0;

		for (int u = 0; u < gpu->units; u++) {
			at[u] = GT_UNKNOWN;
			if (!(left & (1u << u)) || u < next)
				continue;
			at[u] = profile;
			next = u + p->size;
			left &= (uint16_t) ~(1u << u);
		}
		fputs("  ", stdout);
		mig_draw(gpu, at);
	}
}

static const char *number_or_dash(int number, char *buf, size_t size)
{
	if (number == GT_UNKNOWN)
		return "-";
	snprintf(buf, size, "%d", number);
	return buf;
}

static void print_profile(const struct gt_mig_gpu *gpu, const struct gt_mig_profile *p)
{
	char id[16], sm[16], mib[16], starts[64] = "";

	for (int s = 0, n = 0; s < gpu->units; s++)
		if (p->starts & (1u << s))
			n += snprintf(starts + n, sizeof(starts) - (size_t)n, "%s%d",
				      n ? "," : "", s);
	printf("%-15s %4s%s %7d %5d %3d %4s %7s  %s%s", p->name,
	       number_or_dash(p->id, id, sizeof(id)),
	       p->id_evidence == GT_MIG_CONFIRMED ? " " : "?", p->compute, p->size,
	       p->max, number_or_dash(p->sm, sm, sizeof(sm)),
	       number_or_dash(p->mem_mib, mib, sizeof(mib)), starts,
	       p->starts_evidence == GT_MIG_CONFIRMED ? "" : " ?");
	if (p->min_driver)
		printf("  (driver %d)", p->min_driver);
	putchar('\n');
}

static void print_table(const struct gt_mig_gpu *gpu)
{
	bool derived = false;

	printf("%s: %d memory units, %d compute slices\n\n", gpu->name, gpu->units,
	       gpu->compute);
	printf("%-15s %4s  %7s %5s %3s %4s %7s  %s\n", "profile", "id", "compute",
	       "units", "max", "SMs", "MiB", "starts");
	for (int p = 0; p < gpu->count; p++) {
		print_profile(gpu, &gpu->profile[p]);
		derived |= gpu->profile[p].id_evidence == GT_MIG_DERIVED ||
			   gpu->profile[p].starts_evidence == GT_MIG_DERIVED;
	}
	putchar('\n');
	for (int p = 0; p < gpu->count; p++)
		if (!*gt_mig_profile_suffix(&gpu->profile[p]))
			draw_starts(gpu, p);
	if (gpu->apart[0] != GT_UNKNOWN && gpu->apart[1] != GT_UNKNOWN &&
	    (!gpu->driver || gpu->driver < gpu->apart_driver))
		printf("\n%s and %s share a GPU from driver %d on.\n",
		       gpu->profile[gpu->apart[0]].name, gpu->profile[gpu->apart[1]].name,
		       gpu->apart_driver);
	if (derived)
		puts("\n?  concluded from a related GPU; no listing of this one was "
		     "seen.");
}

static int print_names(bool json)
{
	json_t *list = json_array();

	for (int i = 0; gt_mig_gpu_at(i); i++)
		if (json)
			json_array_append_new(list, table_json(gt_mig_gpu_at(i)));
		else
			puts(gt_mig_gpu_at(i)->name);
	if (json)
		return cli_print_json(list);
	json_decref(list);
	return CLI_DONE;
}

int mig_show(int argc, char **argv)
{
	static const struct option options[] = {MIG_LONG_OPTIONS, {0}};
	struct mig_common m = {.cli = {.command = "mig show", .help = help}};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "g:h", options, NULL)) != -1) {
		status = mig_option(&m, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	if (!m.model && !m.table && optind == argc)
		return print_names(m.json);
	status = mig_table(&m, argc, argv);
	if (status != CLI_GO_ON)
		return status;
	if (m.json)
		return cli_print_json(table_json(&m.gpu));
	print_table(&m.gpu);
	return CLI_DONE;
}
