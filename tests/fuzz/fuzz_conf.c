/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: gputopo.conf. */
#include "fuzz.h"

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_settings settings;
	struct gp_conf *conf;
	struct gt_error err = {0};
	int line;

	if (gp_conf_parse(&conf, (const char *)data, size, "fuzz", &err)) {
		fuzz_must(!conf && err.text[0]);
		return 0;
	}
	gp_conf_node(conf, "n1", &settings);
	fuzz_must(settings.min_ratio >= 0 && settings.min_ratio <= 1);
	for (int i = 0; gp_conf_topology(conf, i, &line); i++)
		fuzz_must(line > 0);
	(void)gp_conf_is_off(conf);
	(void)gp_conf_chooses(conf);
	gp_conf_free(conf);
	return 0;
}
