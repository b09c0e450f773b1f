/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: host lists. Every name of a list is held by it. */
#include "fuzz.h"

#include "core/hostlist.h"

#define HOSTS_CHECKED 64 /* names of one list */

static int hosts_seen;

static enum gt_err hosts_check(void *arg, const char *name)
{
	fuzz_must(*name && strlen(name) <= GT_HOST_NAME_MAX);
	fuzz_must(gt_hostlist_has(arg, name));
	return ++hosts_seen < HOSTS_CHECKED ? GT_OK : GT_ELIMIT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct gt_error err = {0};

	fuzz_must(text != NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	fuzz_must(gt_hostlist_first(text) <= strlen(text));
	hosts_seen = 0;
	if (gt_hostlist_each(text, hosts_check, text, &err) == GT_EPARSE)
		fuzz_must(!gt_hostlist_is_valid(text) && hosts_seen == 0);
	else
		fuzz_must(gt_hostlist_is_valid(text));
	(void)gt_hostlist_has(text, "n1");
	(void)gt_hostlist_has(text, "n[1]");
	free(text);
	return 0;
}
