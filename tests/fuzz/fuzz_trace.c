/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: traces of jobs, of every format that the content shows. The first byte says
 * how much faster they come. */
#include "fuzz.h"

#include <stdio.h>

#include "sim/anonymize.h"
#include "sim/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const double faster[] = {0, 1, 2, .5, 1e-9, 1e9};
	struct sim_trace_options options = {.swf_per_gpu = 4};
	struct gt_error err = {0};
	struct sim_trace trace;
	FILE *in;

	if (size < 2)
		return 0;
	options.scale_arrivals = faster[data[0] % 6];
	in = fmemopen((void *)(data + 1), size - 1, "r");
	fuzz_must(in != NULL);
	if (sim_trace_read(&trace, in, "fuzz", &options, &err)) {
		fuzz_must(err.text[0]);
	} else {
		for (size_t i = 1; i < trace.count; i++)
			fuzz_must(trace.jobs[i].submit_ms >= trace.jobs[i - 1].submit_ms);
		fuzz_must(sim_trace_anonymize(&trace));
	}
	sim_trace_release(&trace);
	fclose(in);
	return 0;
}
