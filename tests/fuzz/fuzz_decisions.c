/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: the decision log, as gputopo report reads it. */
#include "fuzz.h"

#include "cli/decisions.h"

static long decisions_bad;

static void decisions_say(const struct gt_error *err)
{
	fuzz_must(err->text[0]);
	decisions_bad++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct log_sums sums;
	struct gt_error err = {0};
	FILE *in;

	if (size == 0)
		return 0;
	in = fmemopen((void *)data, size, "r");
	fuzz_must(in != NULL);
	memset(&sums, 0, sizeof(sums));
	sums.by = (enum log_by)(data[0] % 5);
	decisions_bad = 0;
	fuzz_must(log_read(&sums, in, "fuzz", decisions_say, &err) == GT_OK);
	fuzz_must(sums.bad == decisions_bad && sums.lines >= sums.bad);
	log_finish(&sums);
	log_release(&sums);
	fclose(in);
	return 0;
}
