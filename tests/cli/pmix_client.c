/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pmix_client: a PMIx program as users write them. Reads its keys, tells the others which
 * GPU is its own, waits for all, reads what they told, and prints
 *
 *   RANK of RANKS: gpus LIST ring LIST busbw X own GPU all GPU,GPU,...
 *
 * GPUs of ranks without one of their own are "-". Every PMIx_Get of gputopo's keys must
 * give the same with and without PMIX_IMMEDIATE and PMIX_OPTIONAL.
 */
#include <err.h>
#include <pmix.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pmix_proc_t me;

/* flag NULL: plain. false: not there. */
static bool get(pmix_rank_t rank, const char *key, const char *flag, pmix_value_t **value)
{
	pmix_proc_t proc = me;
	pmix_info_t info;
	bool yes = true;
	pmix_status_t rc;

	proc.rank = rank;
	if (flag)
		PMIX_INFO_LOAD(&info, flag, &yes, PMIX_BOOL);
	*value = NULL;
	rc = PMIx_Get(&proc, key, flag ? &info : NULL, flag ? 1 : 0, value);
	return rc == PMIX_SUCCESS && *value;
}

static char *get_text(pmix_rank_t rank, const char *key, const char *flag)
{
	static char text[8][256];
	static int next;
	char *at = text[next++ % 8];
	pmix_value_t *value;

	strcpy(at, "-");
	if (!get(rank, key, flag, &value))
		return at;
	if (value->type == PMIX_STRING)
		snprintf(at, sizeof(text[0]), "%s", value->data.string);
	else if (value->type == PMIX_FLOAT)
		snprintf(at, sizeof(text[0]), "%g", (double)value->data.fval);
	else
		errx(1, "%s has type %d", key, value->type);
	PMIX_VALUE_RELEASE(value);
	return at;
}

static void check_flags(pmix_rank_t rank, const char *key)
{
	const char *optional = get_text(rank, key, PMIX_OPTIONAL);
	const char *immediate = get_text(rank, key, PMIX_IMMEDIATE);

	if (strcmp(optional, immediate) != 0)
		errx(1, "%s: %s if optional, %s if immediate", key, optional, immediate);
	/* a key that is not there is waited for: that is PMIx, not asked for here */
	if (strcmp(optional, "-") != 0 &&
	    strcmp(optional, get_text(rank, key, NULL)) != 0)
		errx(1, "%s: %s only if optional", key, optional);
}

static void tell(const char *own)
{
	pmix_value_t value;
	pmix_info_t info;
	pmix_status_t rc;
	bool yes = true;

	PMIX_VALUE_LOAD(&value, own, PMIX_STRING);
	if (PMIx_Put(PMIX_GLOBAL, "test.own", &value) != PMIX_SUCCESS ||
	    PMIx_Commit() != PMIX_SUCCESS)
		errx(1, "PMIx_Put, PMIx_Commit");
	PMIX_INFO_LOAD(&info, PMIX_COLLECT_DATA, &yes, PMIX_BOOL);
	rc = PMIx_Fence(NULL, 0, &info, 1);
	if (rc != PMIX_SUCCESS)
		errx(1, "PMIx_Fence: %s", PMIx_Error_string(rc));
}

int main(void)
{
	static const char *const node_keys[] = {"gputopo.version", "gputopo.gpus",
						"gputopo.ring",	   "gputopo.busbw",
						"gputopo.ideal",   "gputopo.hash"};
	pmix_value_t *value;
	char own[256], line[4096];
	uint32_t size;
	size_t used;

	if (PMIx_Init(&me, NULL, 0) != PMIX_SUCCESS)
		errx(1, "PMIx_Init");
	if (!get(PMIX_RANK_WILDCARD, PMIX_JOB_SIZE, NULL, &value))
		errx(1, "no %s", PMIX_JOB_SIZE);
	size = value->data.uint32;
	PMIX_VALUE_RELEASE(value);
	for (size_t i = 0; i < sizeof(node_keys) / sizeof(node_keys[0]); i++)
		check_flags(PMIX_RANK_WILDCARD, node_keys[i]);
	check_flags(me.rank, "gputopo.gpu");
	check_flags(me.rank, "gputopo.peers");
	snprintf(own, sizeof(own), "%s", get_text(me.rank, "gputopo.gpu", PMIX_OPTIONAL));
	tell(own);
	used = (size_t)snprintf(
		line, sizeof(line), "%u of %u: gpus %s ring %s busbw %s own %s all ",
		(unsigned)me.rank, size,
		get_text(PMIX_RANK_WILDCARD, "gputopo.gpus", PMIX_OPTIONAL),
		get_text(PMIX_RANK_WILDCARD, "gputopo.ring", PMIX_OPTIONAL),
		get_text(PMIX_RANK_WILDCARD, "gputopo.busbw", PMIX_OPTIONAL), own);
	for (uint32_t r = 0; r < size && used < sizeof(line); r++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s",
					 r ? "," : "", get_text(r, "test.own", NULL));
	puts(line);
	fflush(stdout);
	if (PMIx_Finalize(NULL, 0) != PMIX_SUCCESS)
		errx(1, "PMIx_Finalize");
	return 0;
}
