/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo-pmix get: what a rank of a PMIx job sees. */
#include "config.h"

#include "pmix/pmix.h"

#include <math.h>
#include <pmix.h>
#include <stdlib.h>
#include <string.h>

static const char help[] = "Usage: srun --mpi=pmix gputopo-pmix get [KEY]...\n"
			   "Print PMIx keys as this rank sees them, a line \"KEY=VALUE\" "
			   "each; without KEY all\n"
			   "of gputopo's. Other keys by their PMIx name, such as "
			   "pmix.lrank. Never waits for\n"
			   "other ranks. Exit status 3: a key that was asked for is not "
			   "there.\n\n" CLI_HELP_HELP;

static void print_floats(const float *values, size_t count)
{
	size_t row = (size_t)lround(sqrt((double)count));

	for (size_t i = 0; i < count; i++)
		printf("%s%g", i == 0 ? "" : i % row == 0 ? ";" : ",", (double)values[i]);
}

static void print_distances(const pmix_device_distance_t *devices, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("%s%s:%u", i ? "," : "", devices[i].osname,
		       (unsigned)devices[i].mindist);
}

static void print_array(const pmix_data_array_t *array)
{
	if (array->type == PMIX_FLOAT)
		print_floats(array->array, array->size);
	else if (array->type == PMIX_DEVICE_DIST)
		print_distances(array->array, array->size);
	else
		printf("(%zu values of type %u)", array->size, (unsigned)array->type);
}

static void print_value(const pmix_value_t *value)
{
	switch (value->type) {
	case PMIX_STRING:
		fputs(value->data.string, stdout);
		break;
	case PMIX_FLOAT:
		printf("%g", (double)value->data.fval);
		break;
	case PMIX_UINT16:
		printf("%u", (unsigned)value->data.uint16);
		break;
	case PMIX_UINT32:
	case PMIX_PROC_RANK:
		printf("%lu", (unsigned long)value->data.uint32);
		break;
	case PMIX_DATA_ARRAY:
		print_array(value->data.darray);
		break;
	default:
		printf("(type %u)", (unsigned)value->type);
	}
}

/* Node facts are the same for all ranks; the others are this rank's. */
static bool get(const pmix_proc_t *me, const char *key, bool of_all, pmix_value_t **value)
{
	pmix_proc_t proc = *me;
	pmix_info_t info;
	pmix_status_t rc;
	bool yes = true;

	if (of_all)
		proc.rank = PMIX_RANK_WILDCARD;
	PMIX_INFO_LOAD(&info, PMIX_OPTIONAL, &yes, PMIX_BOOL);
	rc = PMIx_Get(&proc, key, &info, 1, value);
	PMIX_INFO_DESTRUCT(&info);
	return rc == PMIX_SUCCESS && *value;
}

static bool print_key(const pmix_proc_t *me, const char *key, bool of_all)
{
	pmix_value_t *value = NULL;

	if (!get(me, key, of_all, &value))
		return false;
	printf("%s=", key);
	print_value(value);
	putchar('\n');
	PMIX_VALUE_RELEASE(value);
	return true;
}

static void print_ours(const pmix_proc_t *me)
{
	for (int id = 0; id < GP_FACTS; id++)
		print_key(me, gp_fact_names[id].key, id < GP_NODE_FACTS);
}

static int print_asked(const pmix_proc_t *me, char **keys, int count)
{
	int status = CLI_DONE;

	for (int i = 0; i < count; i++) {
		if (print_key(me, keys[i], false) || print_key(me, keys[i], true))
			continue;
		cli_say("rank %u has no key %s", (unsigned)me->rank, keys[i]);
		status = CLI_NO_FIT;
	}
	return status;
}

int pmix_cmd_get(int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, CLI_OPT_VERSION},
		{0},
	};
	struct cli_common c = {.command = "gputopo-pmix get", .help = help};
	int opt, status = CLI_DONE;
	pmix_proc_t me;
	pmix_status_t rc;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		status = cli_common_option(&c, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	if (!getenv("PMIX_NAMESPACE")) {
		cli_say("no PMIx server: not started by srun --mpi=pmix or "
			"gputopo-pmix run");
		return CLI_FAILED;
	}
	rc = PMIx_Init(&me, NULL, 0);
	if (rc != PMIX_SUCCESS) {
		cli_say("PMIx_Init: %s", PMIx_Error_string(rc));
		return CLI_FAILED;
	}
	if (optind == argc)
		print_ours(&me);
	else
		status = print_asked(&me, &argv[optind], argc - optind);
	fflush(stdout);
	PMIx_Finalize(NULL, 0);
	return status;
}
