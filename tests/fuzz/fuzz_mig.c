/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: everything that reads MIG text: tables, names, layouts, demands, mixes. The
 * first byte says which. */
#include "fuzz.h"

/* What was accepted must be a table, and have states that hang together. */
static void fuzz_table(const char *text, size_t size)
{
	struct gt_mig_space *space;
	struct gt_mig_gpu gpu;
	struct gt_error err = {0};

	if (gt_mig_gpu_parse(&gpu, text, size, "fuzz", &err)) {
		fuzz_must(err.text[0]);
		return;
	}
	fuzz_must(gt_mig_gpu_check(&gpu, NULL) == GT_OK);
	for (int p = 0; p < gpu.count; p++) {
		int found;

		fuzz_must(gt_mig_profile_find(&gpu, gpu.profile[p].name, &found, NULL) ==
			  GT_OK);
		fuzz_must(found == p);
	}
	if (gt_mig_space_new(&space, &gpu, NULL, &err) == GT_OK)
		gt_mig_space_free(space);
}

static void fuzz_names(const struct gt_mig_space *space, const char *text)
{
	const struct gt_mig_gpu *gpu = gt_mig_space_gpu(space), *found;
	struct gt_mig_demand demand;
	struct gt_mig_fleet *fleet;
	struct gt_mig_mix mix;
	struct gt_error err = {0};
	int profile;

	if (gt_mig_profile_find(gpu, text, &profile, &err))
		fuzz_must(profile == GT_UNKNOWN && err.text[0]);
	if (gt_mig_gpu_find(&found, text, &err))
		fuzz_must(!found && err.text[0]);
	gt_mig_demand_parse(&demand, gpu, text, &err);
	gt_mig_mix_parse(&mix, gpu, text, &err);
	fuzz_must(gt_mig_fleet_new(&fleet, space, 3, NULL) == GT_OK);
	gt_mig_fleet_parse(fleet, text, &err);
	for (int g = 0; g < 3; g++)
		for (int u = 0; u < GT_MIG_UNITS; u++)
			if (gt_mig_fleet_profile_at(fleet, g, u) != GT_UNKNOWN)
				fuzz_must(gt_mig_remove(fleet, g, u, NULL, NULL) ==
					  GT_OK);
	for (int g = 0; g < 3; g++)
		fuzz_must(gt_mig_fleet_mask(fleet, g) == 0);
	gt_mig_fleet_free(fleet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gt_mig_space *spaces[3];
	char *text;

	if (size == 0)
		return 0;
	for (int i = 0; i < 3 && !spaces[i]; i++)
		fuzz_must(gt_mig_space_new(&spaces[i], gt_mig_gpu_at(6 * i), NULL,
					   NULL) == GT_OK);
	text = malloc(size);
	fuzz_must(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == '{')
		fuzz_table((const char *)data, size);
	else
		fuzz_names(spaces[data[0] % 3], text);
	free(text);
	return 0;
}
