/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_node_model.c - the topology of a node: models as words, and where they come from.
 */
#include "config.h"

#include <sys/stat.h>
#include <unistd.h>

#include "graph.h"
#include "conf/compact.h"
#include "rank/node_conf.h"
#include "rank/node_model.h"
#include "ranks.h"
#include "unit.h"

/* ---- models as words ------------------------------------------------------------------
 */

static void check_word(const char *what, const struct gt_node *node)
{
	char word[GP_COMPACT_MAX], again[GP_COMPACT_MAX];
	struct gt_node *back;
	struct gt_error err;

	ck_assert_msg(gp_compact_write(node, word, sizeof(word)), "%s: no word", what);
	ck_assert_msg(gp_compact_parse(&back, word, strlen(word), &err) == GT_OK,
		      "%s: %s: %s", what, word, err.text);
	ck_assert_msg(gt_node_same_type(node, back), "%s: %s is another type", what,
		      word);
	ck_assert(gp_compact_write(back, again, sizeof(again)));
	ck_assert_str_eq(word, again);
	ck_assert_msg(word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
					"WXYZ0123456789/.+-,")] == '\0',
		      "%s: %s", what, word);
	gt_node_free(back);
}

/* Names of the cards, and who is near. */
static void check_nics(const char *what, const struct gt_node *node)
{
	char word[GP_COMPACT_MAX], again[GP_COMPACT_MAX];
	struct gt_node *back;

	ck_assert(gp_compact_write(node, word, sizeof(word)));
	ck_assert_int_eq(gp_compact_parse(&back, word, strlen(word), NULL), GT_OK);
	ck_assert_int_eq(gt_node_nic_count(back), gt_node_nic_count(node));
	for (int i = 0; i < gt_node_nic_count(node); i++) {
		const struct gt_nic *a = gt_node_nic(node, i), *b = gt_node_nic(back, i);

		ck_assert_msg(!strcmp(a->name, b->name) &&
				      gt_mask_equal(&a->near, &b->near),
			      "%s: card %d: %s", what, i, word);
	}
	ck_assert(gp_compact_write(back, again, sizeof(again)));
	ck_assert_str_eq(word, again);
	gt_node_free(back);
}

START_TEST(every_machine_is_a_word)
{
	char spec[64];

	for (int i = 0; gt_builtin_name(i); i++) {
		struct gt_node *node;

		snprintf(spec, sizeof(spec), "builtin:%s", gt_builtin_name(i));
		node = load(spec);
		check_nics(spec, node);
		gt_node_settle_nics(node, 0, "*"); /* their speeds are not told */
		check_word(spec, node);
		gt_node_free(node);
	}
}
END_TEST

/* Names that are no part of a word, and too many: the rest of the model stays. */
START_TEST(nics_that_are_no_word)
{
	for (int many = 0; many < 2; many++) {
		struct gt_node *node = load("builtin:dgx1v"), *back;
		struct gt_nic nic = {.mbps = 1, .rail = GT_UNKNOWN, .name = "a b"};
		uint8_t paths[8];
		char word[GP_COMPACT_MAX];

		memset(paths, GT_PATH_PIX, sizeof(paths));
		for (int i = 0; i < (many ? 60 : 1); i++) {
			if (many)
				snprintf(nic.name, sizeof(nic.name), "%060d", i);
			ck_assert_int_eq(gt_node_add_nic(node, &nic, paths, NULL), GT_OK);
		}
		ck_assert(gp_compact_write(node, word, sizeof(word)));
		ck_assert_int_eq(gp_compact_parse(&back, word, strlen(word), NULL),
				 GT_OK);
		ck_assert_int_eq(gt_node_nic_count(back), 0);
		ck_assert_int_eq(gt_node_size(back), 8);
		gt_node_free(back);
		gt_node_free(node);
	}
}
END_TEST

START_TEST(random_machines_are_words)
{
	struct rng r = rng_start("words");

	for (int i = 0; i < unit_cases(300); i++) {
		struct oracle_graph g;
		struct gt_node *node;
		char what[32];

		if (i % 3)
			graph_random(&g, 1 + (int)rng_next(&r, 8), &r);
		else
			graph_random_tree(&g, 2 + (int)rng_next(&r, 7), &r);
		node = graph_node(&g);
		snprintf(what, sizeof(what), "random machine %d", i);
		check_word(what, node);
		gt_node_free(node);
	}
}
END_TEST

/* Whatever users write there is refused or a whole model: run under the sanitizers. */
START_TEST(mangled_words_are_survived)
{
	struct rng r = rng_start("mangled");
	static const char letters[] = "0123456789/.+-,abcdhmnpAZ=;_";
	struct gt_node *node, *back;
	struct oracle_graph g;
	char word[GP_COMPACT_MAX];
	size_t len;

	graph_random_tree(&g, 8, &r);
	node = graph_node(&g);
	ck_assert(gp_compact_write(node, word, sizeof(word)));
	len = strlen(word);
	gt_node_free(node);
	for (int i = 0; i < unit_cases(20000); i++) {
		char bad[GP_COMPACT_MAX];
		size_t cut = len - rng_next(&r, 4) * rng_next(&r, 20);

		memcpy(bad, word, len + 1);
		for (uint32_t n = rng_next(&r, 4) + 1; n > 0; n--)
			bad[rng_next(&r, (uint32_t)len)] =
				letters[rng_next(&r, sizeof(letters) - 1)];
		if (gp_compact_parse(&back, bad, cut, NULL) == GT_OK) {
			ck_assert_int_ge(gt_node_size(back), 1);
			gt_node_free(back);
		} else {
			ck_assert_ptr_null(back);
		}
	}
}
END_TEST

static const struct {
	const char *why;
	const char *models;
	const char *node;
	uint64_t hash;
	const char *rest;
} find_rows[] = {
	{"one node", "n1=00ff=1/8/x", "n1", 0xff, "1/8/x"},
	{"the second entry", "a1,a2=1=x;b06,b07,c=2=y", "b07", 2, "y"},
	{"the last of an entry", "a1,a2=1=x;b06,b07,c=2=y", "c", 2, "y"},
	{"no such node", "a1,a2=1=x", "a3", 0, ""},
	{"the beginning of a name", "a12=1=x", "a1", 0, ""},
	{"the end of a name", "ba1=1=x", "a1", 0, ""},
	{"no name", ",,=1=x", "", 0, ""},
	{"brackets are not ours", "a[1-2]=1=x", "a1", 0, ""},
	{"a hash of 16 digits", "a=0123456789abcdef=x", "a", 0x123456789abcdef, "x"},
	{"one of 17", "a=00123456789abcdef=x", "a", 0, ""},
	{"a sign is no digit", "a=-1=x", "a", 0, ""},
	{"nor is a space", "a= 1=x", "a", 0, ""},
	{"another entry's marks", "a;b=1=x", "a", 0, ""},
	{"no word, only a hash", "a=1=;b=2=y", "a", 1, ""},
	{"types permute", "a=1=x=0,2,1", "a", 1, "x=0,2,1"},
	{"nothing", "", "a", 0, ""},
	{"no hash", "a==x", "a", 0, ""},
	{"no word's mark", "a=12", "a", 0, ""},
	{"a broken list of nodes", "a[=1=x", "a", 0, ""},
};

START_TEST(a_node_finds_its_entry)
{
	const char *rest;
	size_t len;
	uint64_t hash =
		gp_compact_find(find_rows[_i].models, find_rows[_i].node, &rest, &len);

	ck_assert_msg(hash == find_rows[_i].hash, "%s: %llx", find_rows[_i].why,
		      (unsigned long long)hash);
	ck_assert_int_eq(len, strlen(find_rows[_i].rest));
	ck_assert(memcmp(rest, find_rows[_i].rest, len) == 0);
}
END_TEST

/* GPUTOPO_MODELS is the user's to write. Lists of ranges, whose readings are a product of
 * their number and the name's digits, ran for ever; each of these takes one walk. */
START_TEST(hostile_lists_are_read_once)
{
	static char text[2 * GP_MODELS_MAX];
	char name[64], *end = text;
	const char *rest;
	size_t len;

	memset(name, '1', 63);
	name[63] = '\0';
	for (int i = 0; i < 300; i++)
		end = stpcpy(end, "[1,11,111,1111-9999]");
	strcpy(end, "=1=x");
	ck_assert_uint_eq(gp_compact_find(text, name, &rest, &len), 0);
	/* with an entry of ours behind it: still found, unless all is too long */
	strcat(text, ";n1=2=y");
	ck_assert_uint_eq(gp_compact_find(text, "n1", &rest, &len), 2);
	memset(text, 'x', GP_MODELS_MAX);
	strcpy(text + GP_MODELS_MAX, ";n1=2=y");
	ck_assert_uint_eq(gp_compact_find(text, "n1", &rest, &len), 0);
	memcpy(text, "n1=2=y;", 7);
	ck_assert_uint_eq(gp_compact_find(text, "n1", &rest, &len), 0);
}
END_TEST

/* ---- where the model comes from ------------------------------------------------------
 */

static const char gres_pair[] = "NodeName=n0 Name=gpu File=/dev/nvidia0 Links=-1,4\n"
				"NodeName=n0 Name=gpu File=/dev/nvidia1 Links=4,-1\n";

/* MODELS for n0 with the word of a machine, optionally with another hash. */
static char *models_of(const char *spec, uint64_t wrong)
{
	static char models[GP_COMPACT_MAX + 64];
	struct gt_node *node = load(spec);
	char word[GP_COMPACT_MAX];

	ck_assert(gp_compact_write(node, word, sizeof(word)));
	gt_node_free(node);
	snprintf(models, sizeof(models), "n0=%llx=%s",
		 (unsigned long long)(gp_compact_hash(word, strlen(word)) ^ wrong), word);
	return models;
}

static const struct {
	const char *why;
	const char *conf; /* gputopo.conf, NULL: none */
	const char *gres;
	const char *sent; /* the machine that slurmctld sends, NULL: none */
	uint64_t wrong;	  /* what is wrong with its hash */
	const char *source;
	int gpus;
	const char *message;
} source_rows[] = {
	{"nothing at all", NULL, NULL, NULL, 0, NULL, 0, ""},
	{"Links= of gres.conf", NULL, gres_pair, NULL, 0, "gres.conf", 2, ""},
	{"what was sent comes first", NULL, gres_pair, "builtin:dgx1v", 0, "slurmctld", 8,
	 ""},
	{"gputopo.conf before both", "NodeName=n0 Topology=builtin:dgx1v\n", gres_pair,
	 "builtin:dgx1v", 0, "gputopo.conf", 8, ""},
	{"another model than slurmctld's", "NodeName=n0 Topology=builtin:dgx1p\n", NULL,
	 "builtin:dgx1v", 0, "gputopo.conf", 8, "is not slurmctld's"},
	{"gputopo.conf says nothing of the node", "NodeName=x Topology=builtin:dgx1p\n",
	 NULL, "builtin:dgx1v", 0, "slurmctld", 8, ""},
	{"Mode=off", "Mode=off\n", gres_pair, "builtin:dgx1v", 0, NULL, 0, ""},
	{"Mode=observe changes nothing", "NodeName=n0 Mode=observe\n", gres_pair,
	 "builtin:dgx1v", 0, NULL, 0, ""},
	{"a broken gputopo.conf", "Nonsense\n", NULL, "builtin:dgx1v", 0, "slurmctld", 8,
	 "is not Key=Value"},
	{"a file that is not there", "NodeName=n0 Topology=missing.json\n", NULL,
	 "builtin:dgx1v", 0, "slurmctld", 8, "No such file"},
	{"a forged word", NULL, gres_pair, "builtin:dgx1v", 1, "gres.conf", 2,
	 "is not slurmctld's"},
};

START_TEST(sources_in_their_order)
{
	struct gp_node_model model;
	char *models = NULL;

	folder_make();
	if (source_rows[_i].conf)
		put_file("gputopo.conf", source_rows[_i].conf);
	if (source_rows[_i].gres)
		put_file("gres.conf", source_rows[_i].gres);
	if (source_rows[_i].sent)
		models = models_of(source_rows[_i].sent, source_rows[_i].wrong);
	gp_node_model_load(&model, folder, "n0", models);
	folder_remove();
	if (!source_rows[_i].source) {
		ck_assert_msg(!model.node, "%s", source_rows[_i].why);
		return;
	}
	ck_assert_msg(model.node != NULL, "%s: no model", source_rows[_i].why);
	ck_assert_str_eq(model.source, source_rows[_i].source);
	ck_assert_int_eq(gt_node_size(model.node), source_rows[_i].gpus);
	ck_assert_msg(strstr(model.message, source_rows[_i].message) != NULL &&
			      !!model.message[0] == !!source_rows[_i].message[0],
		      "%s: '%s'", source_rows[_i].why, model.message);
	gp_node_model_release(&model);
}
END_TEST

START_TEST(a_permutation_is_applied_or_refused)
{
	struct gp_node_model model;
	char models[GP_COMPACT_MAX + 64];

	folder_make();
	snprintf(models, sizeof(models), "%s=0,2,4,6,1,3,5,7",
		 models_of("builtin:dgx1v", 0));
	gp_node_model_load(&model, folder, "n0", models);
	ck_assert_ptr_nonnull(model.node);
	ck_assert_int_eq(model.to_model[1], 2);
	ck_assert_int_eq(model.to_model[4], 1);
	gp_node_model_release(&model);
	snprintf(models, sizeof(models), "%s=0,2,4,9,1,3,5,7",
		 models_of("builtin:dgx1v", 0));
	gp_node_model_load(&model, folder, "n0", models);
	ck_assert_ptr_null(model.node);
	folder_remove();
}
END_TEST

/* ---- what else gputopo.conf says on the node
 * -------------------------------------------------
 */

static const struct {
	const char *why;
	const char *conf; /* NULL: none */
	bool keep, missing;
	const char *line;
} stray_rows[] = {
	{"no file", NULL, false, true, "no /"},
	{"nothing said", "NodeName=n0 Topology=gone.json\n", false, false, ""},
	{"for the cluster", "MigStray=drain\n", true, false, ""},
	{"for this node", "NodeName=n[0-3] MigStray=DRAIN\n", true, false, ""},
	{"for another node", "NodeName=n1 MigStray=drain\n", false, false, ""},
	{"the node's wins", "MigStray=drain\nNodeName=n0 MigStray=remove\n", false, false,
	 ""},
	{"another word", "\nMigStray=keep\n", false, false,
	 "gputopo.conf:2: MigStray=keep: must be remove or drain"},
	{"broken elsewhere", "MigStray=drain\nNonsense\n", false, false,
	 "gputopo.conf:2: 'Nonsense' is not Key=Value"},
};

START_TEST(leftover_instances_are_as_the_file_says)
{
	struct gp_node_stray stray;

	folder_make();
	if (stray_rows[_i].conf)
		put_file("gputopo.conf", stray_rows[_i].conf);
	gp_node_stray_read(&stray, folder, "n0");
	ck_assert_msg(stray.keep == stray_rows[_i].keep &&
			      stray.missing == stray_rows[_i].missing,
		      "%s", stray_rows[_i].why);
	ck_assert_msg(strstr(stray.why, stray_rows[_i].line) &&
			      !stray.why[0] == !stray_rows[_i].line[0],
		      "%s: '%s'", stray_rows[_i].why, stray.why);
	folder_remove();
}
END_TEST

/* Folders, files that are none, names that are too long: the default, and a line. */
START_TEST(what_is_no_file_is_survived)
{
	struct gp_node_stray stray;
	char path[8192];

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	gp_node_stray_read(&stray, path, "n0");
	ck_assert(!stray.keep && stray.why[0]);
	folder_make();
	snprintf(path, sizeof(path), "%s/gputopo.conf", folder);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	gp_node_stray_read(&stray, folder, "n0");
	ck_assert(!stray.keep && !stray.missing && stray.why[0]);
	folder_remove();
}
END_TEST

START_TEST(a_node_knows_its_name_and_folder)
{
	char text[256], host[256] = "";

	setenv("SLURMD_NODENAME", "m3", 1);
	gp_node_name(text, sizeof(text));
	ck_assert_str_eq(text, "m3");
	unsetenv("SLURMD_NODENAME");
	gp_node_name(text, sizeof(text));
	ck_assert_int_eq(gethostname(host, sizeof(host) - 1), 0);
	host[strcspn(host, ".")] = '\0';
	ck_assert_str_eq(text, host);
	setenv("SLURM_CONF", "/a/b/slurm.conf", 1);
	gp_node_conf_dir(text, sizeof(text));
	ck_assert_str_eq(text, "/a/b");
	unsetenv("SLURM_CONF");
	gp_node_conf_dir(text, sizeof(text));
	ck_assert_str_eq(text, "/etc/slurm");
}
END_TEST

SUITE(node_model)
{
	TCase *tc = tcase_create("node model");

	tcase_add_test(tc, every_machine_is_a_word);
	tcase_add_test(tc, nics_that_are_no_word);
	tcase_add_test(tc, random_machines_are_words);
	tcase_add_test(tc, mangled_words_are_survived);
	tcase_add_test(tc, hostile_lists_are_read_once);
	LOOP(tc, a_node_finds_its_entry, find_rows);
	LOOP(tc, sources_in_their_order, source_rows);
	tcase_add_test(tc, a_permutation_is_applied_or_refused);
	LOOP(tc, leftover_instances_are_as_the_file_says, stray_rows);
	tcase_add_test(tc, hostile_lists_are_read_once);
	tcase_add_test(tc, what_is_no_file_is_survived);
	tcase_add_test(tc, a_node_knows_its_name_and_folder);
	suite_add_tcase(suite, tc);
}
