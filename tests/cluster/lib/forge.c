/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forge: submit a batch job with a control environment (spank_job_env) and an environment
 * that no command of Slurm would send. Any user may; tests run it as one who isn't root.
 *
 *   forge [OPTION]... [ENTRY]...      the entries of spank_job_env, as they are
 *     -e ENTRY     one of the job's environment; may be repeated
 *     -p BYTES     so many bytes in the place of an ENTRY's "%"
 *     -b BYTE      which; "0" unless told
 *     -n COUNT     so many more entries, X0=0, X1=1, ...
 *     -s TEXT      the script behind "#!/bin/sh"
 *     -o FILE      its output
 *     -t GRES      of each node: shard:1
 *     -N NODES, -w NODELIST, -P PARTITION, -c COMMENT, -a ARRAY
 *     -H COUNT     a het job of so many parts that are alike
 *     -r           may be requeued
 *
 * Prints the job's number; exit status 3 and the reason where it is refused.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"

#define ENVIRONMENT_MAX 16

static char *padded(char *entry, size_t bytes, char fill)
{
	char *mark = strchr(entry, '%'), *text;
	size_t before = mark ? (size_t)(mark - entry) : 0;

	if (!mark)
		return entry;
	text = malloc(strlen(entry) + bytes + 1);
	if (!text)
		err(1, "an entry of %zu bytes", bytes);
	memcpy(text, entry, before);
	memset(text + before, fill, bytes);
	strcpy(text + before + bytes, mark + 1);
	return text;
}

static void add_numbered(char **env, int count)
{
	for (int i = 0; i < count; i++)
		if (asprintf(&env[i], "X%d=%d", i, i) < 0)
			err(1, "an entry");
}

/* Parts that are alike but for the script, which the first one has. */
static int submit_het(job_desc_msg_t *desc, int parts, submit_response_msg_t **answer)
{
	__auto_type list = slurm_list_create(NULL); /* of either type, by release */
	job_desc_msg_t *part = calloc((size_t)parts, sizeof(*part));

	if (!part)
		err(1, "a het job");
	for (int i = 0; i < parts; i++) {
		part[i] = *desc;
		if (i)
			part[i].script = NULL;
		slurm_list_append(list, &part[i]);
	}
	return slurm_submit_batch_het_job(list, answer);
}

int main(int argc, char **argv)
{
	submit_response_msg_t *answer = NULL;
	char *environment[ENVIRONMENT_MAX + 1] = {(char *)"PATH=/usr/bin:/bin"};
	char *script = NULL, **env;
	const char *text = "exit 0";
	char fill = '0';
	size_t bytes = 0;
	int more = 0, parts = 0, option, entries, rc;
	job_desc_msg_t desc;

	slurm_init(NULL);
	ask_init(&desc, "forge");
	desc.env_size = 1;
	desc.environment = environment;
	desc.std_out = desc.std_err = (char *)"/dev/null";
	desc.requeue = 0;
	while ((option = getopt(argc, argv, "e:p:b:n:s:o:t:N:w:P:c:a:H:r")) != -1) {
		switch (option) {
		case 'e':
			if (desc.env_size == ENVIRONMENT_MAX)
				errx(2, "too many entries");
			environment[desc.env_size++] = optarg;
			break;
		case 'p':
			bytes = strtoul(optarg, NULL, 10);
			break;
		case 'b':
			fill = *optarg;
			break;
		case 'n':
			more = atoi(optarg);
			break;
		case 's':
			text = optarg;
			break;
		case 'o':
			desc.std_out = desc.std_err = optarg;
			break;
		case 't':
			if (asprintf(&desc.tres_per_node, "gres%s%s",
				     slurm_api_version() >> 16 >= 40 ? "/" : ":",
				     optarg) < 0)
				err(1, "the job");
			break;
		case 'N':
			desc.min_nodes = desc.max_nodes = (uint32_t)atoi(optarg);
			break;
		case 'w':
			desc.req_nodes = optarg;
			break;
		case 'P':
			desc.partition = optarg;
			break;
		case 'a':
			desc.array_inx = optarg;
			break;
		case 'H':
			parts = atoi(optarg);
			break;
		case 'c':
			desc.comment = optarg;
			break;
		case 'r':
			desc.requeue = 1;
			break;
		default:
			return 2;
		}
	}
	entries = argc - optind;
	env = calloc((size_t)(entries + more) + 1, sizeof(*env));
	if (!env || asprintf(&script, "#!/bin/sh\n%s\n", text) < 0)
		err(1, "the job");
	for (int i = 0; i < entries; i++)
		env[i] = padded(argv[optind + i], bytes, fill);
	add_numbered(env + entries, more);
	desc.script = script;
	desc.spank_job_env = env;
	desc.spank_job_env_size = (uint32_t)(entries + more);
	rc = parts > 0 ? submit_het(&desc, parts, &answer)
		       : slurm_submit_batch_job(&desc, &answer);
	if (rc || !answer) {
		fprintf(stderr, "refused: %s\n", slurm_strerror(errno));
		return 3;
	}
	printf("%u\n", GP_JOB_ID(answer));
	return 0;
}
