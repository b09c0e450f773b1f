/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_texts.c - the texts that travel between sbatch, slurmctld and the nodes
 * (plugin/common), each reader at its bounds: whoever may have written them.
 */
#include "config.h"

#include <limits.h>
#include <string.h>

#include "core/library.h"
#include "plugin/common/mig_names.h"
#include "plugin/common/mig_text.h"
#include "plugin/common/past_text.h"
#include "plugin/common/shape.h"
#include "plugin/common/user_text.h"
#include "plugin/common/wish_names.h"
#include "plugin/common/wish_text.h"
#include "unit.h"

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* A text of length bytes that begins and ends so, with a's between; to be freed. */
static char *padded(const char *head, size_t length, const char *tail)
{
	char *text = malloc(length + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, 'a', length);
	memcpy(text, head, strlen(head));
	memcpy(text + length - strlen(tail), tail, strlen(tail));
	text[length] = '\0';
	return text;
}

/* ---- what a job had -------------------------------------------------------------------
 */

static const struct {
	const char *text;
	int mbps, count, sets; /* sets 0: nothing is remembered */
	uint64_t on_n1;
} pasts[] = {
	{"40000/2,n1:90", 40000, 2, 1, 0x90},
	{"0/1,a:1,n1:f0,n10:3,n:7", 0, 1, 4, 0xf0},
	{"1000000000/64,n1:ffffffffffffffff", 1000000000, 64, 1, ~(uint64_t)0},
	{"1/1,n2:1", 1, 1, 1, 0},
	{"1000000001/1,n1:1", 0, 0, 0, 0},
	{"1/65,n1:1", 0, 0, 0, 0},
	{"1/0,n1:1", 0, 0, 0, 0},
	{"1/,n1:1", 0, 0, 0, 0},
	{"/1,n1:1", 0, 0, 0, 0},
	{":/1,n1:1", 0, 0, 0, 0},
	{"1,n1:1", 0, 0, 0, 0},
	{"1/1", 0, 0, 0, 0},
	{"1/1n1:1", 0, 0, 0, 0},
	{"1/1,:1", 0, 0, 0, 0},
	{"1/1,n1", 0, 0, 0, 0},
	{"1/1,n1:", 0, 0, 0, 0},
	{"1/1,n1:g", 0, 0, 0, 0},
	{"1/1,n1:1g", 0, 0, 0, 0},
	{"1/1,n1:A", 0, 0, 0, 0},
	{"1/1,n1:11111111111111111", 0, 0, 0, 0},
	{"1/1,n1:1,n1:2", 0, 0, 0, 0},
	{"1/1,n1:1,", 0, 0, 0, 0},
	{"", 0, 0, 0, 0},
	{NULL, 0, 0, 0, 0},
};

START_TEST(a_past_is_read_whole_or_not)
{
	struct gp_previous_run past;

	memset(&past, 0xff, sizeof(past));
	gp_previous_run_parse(pasts[_i].text, &past);
	ck_assert_int_eq(past.sets, pasts[_i].sets);
	ck_assert_int_eq(past.mbps, pasts[_i].mbps);
	ck_assert_int_eq(past.count, pasts[_i].count);
	ck_assert_uint_eq(gp_previous_run_on(&past, "n1"), pasts[_i].on_n1);
	ck_assert_uint_eq(gp_previous_run_on(&past, "n11"), 0);
}
END_TEST

START_TEST(the_longest_past)
{
	for (int more = 0; more < 2; more++) {
		char *text = padded("1/1,", GP_PAST_VALUE_MAX - 1 + (size_t)more, ":1");
		struct gp_previous_run past;

		gp_previous_run_parse(text, &past);
		ck_assert_int_eq(past.sets, !more);
		free(text);
	}
}
END_TEST

/* ---- MIG: the wish, the placement, the shards -----------------------------------------
 */

static const struct {
	const char *text;
	int compute, count; /* 0: no wish */
	const char *suffix;
} wishes[] = {
	{"3g.40gb", 3, 1, ""},
	{"1g.10gb+me:2", 1, 2, "+me"},
	{"1g.10gb-me", 1, 1, "-me"},
	{"1g.10gb+me.all:16", 1, 16, "+me.all"},
	{"7g", 7, 1, ""},
	{"64g.1gb", 64, 1, ""},
	{"65g.1gb", 0, 0, ""},
	{"0g.1gb", 0, 0, ""},
	{"1g.10gb+me.all.x", 0, 0, ""},
	{"/g.1gb", 0, 0, ""},
	{":g.1gb", 0, 0, ""},
	{"+1g.1gb", 0, 0, ""},
	{"3c.40gb", 0, 0, ""},
	{"3g.40gb:0", 0, 0, ""},
	{"3g.40gb:17", 0, 0, ""},
	{"3g.40gb:9", 3, 9, ""},
	{"3g.40gb:", 0, 0, ""},
	{"3g.40gb:/1", 0, 0, ""},
	{"3g.40gb: 1", 0, 0, ""},
	{"3g.40gb:1:1", 0, 0, ""},
	{"3g.40gb.12345678901234567890123", 3, 1, ""},
	{"3g.40gb.123456789012345678901234", 0, 0, ""},
	{"", 0, 0, ""},
	{NULL, 0, 0, ""},
};

START_TEST(a_wish_for_an_instance)
{
	struct gp_mig_wish wish;
	bool is_read = gp_mig_wish_read(wishes[_i].text, &wish);

	ck_assert_msg(is_read == (wishes[_i].count > 0), "%s", wishes[_i].text);
	if (!is_read)
		return;
	ck_assert_int_eq(wish.compute, wishes[_i].compute);
	ck_assert_int_eq(wish.count, wishes[_i].count);
	ck_assert_str_eq(wish.suffix, wishes[_i].suffix);
	ck_assert_int_eq(strncmp(wish.profile, wishes[_i].text, strlen(wish.profile)), 0);
}
END_TEST

START_TEST(a_placement_of_several)
{
	const char *at = "n1:0:4:4,node-2:10:9:64,x:63:0:1";
	struct gp_mig_entry entry;

	ck_assert(gp_mig_entry_next(&at, &entry));
	ck_assert(gp_mig_entry_is_on(&entry, "n1"));
	ck_assert(!gp_mig_entry_is_on(&entry, "n"));
	ck_assert(!gp_mig_entry_is_on(&entry, "n10"));
	ck_assert(!gp_mig_entry_is_on(&entry, "n2"));
	ck_assert_int_eq(entry.slice.gpu, 0);
	ck_assert_int_eq(entry.slice.start, 4);
	ck_assert_int_eq(entry.slice.size, 4);
	ck_assert(gp_mig_entry_next(&at, &entry));
	ck_assert(gp_mig_entry_is_on(&entry, "node-2"));
	ck_assert_int_eq(entry.slice.gpu, 10);
	ck_assert_int_eq(entry.slice.start, 9);
	ck_assert_int_eq(entry.slice.size, 64);
	ck_assert(gp_mig_entry_next(&at, &entry));
	ck_assert_ptr_null(at);
}
END_TEST

static const struct {
	const char *text;
	bool is_read;
} entries[] = {
	{"n:0:0:1", true},    {"n:9:9:9", true},   {"n:64:64:64", true},
	{"n:65:0:1", false},  {"n:0:65:1", false}, {"n:0:0:65", false},
	{"n:0:0:0", false},   {"n:0:0:1x", false}, {"n:0:0:1:", false},
	{"n:0:0:", false},    {"n:0:0:/", false},  {"n:/:0:1", false},
	{":0:0:1", false},    {"n;0:0:1", false},  {"n:000:0:1", false},
	{"n:0:0:1,n2", true},
};

START_TEST(an_entry_of_a_placement)
{
	const char *at = entries[_i].text;
	struct gp_mig_entry entry;

	ck_assert_msg(gp_mig_entry_next(&at, &entry) == entries[_i].is_read, "%s",
		      entries[_i].text);
	/* what cannot be read stays where it is */
	if (!entries[_i].is_read)
		ck_assert_ptr_eq(at, entries[_i].text);
}
END_TEST

START_TEST(the_longest_node_name)
{
	for (int more = 0; more < 2; more++) {
		char *text = padded("n", GP_NODE_NAME_MAX + 6 + (size_t)more, ":0:0:1");
		const char *at = text;
		struct gp_mig_entry entry;

		ck_assert_int_eq(gp_mig_entry_next(&at, &entry), !more);
		free(text);
	}
}
END_TEST

START_TEST(a_placement_is_written_as_long_as_there_is_room)
{
	const struct gp_mig_slice slice = {.gpu = 1, .start = 2, .size = 4};
	char text[32] = "";
	size_t used = 0;

	ck_assert(!gp_mig_entry_add(text, 8, &used, "n1", &slice));
	ck_assert_uint_eq(used, 0);
	ck_assert_str_eq(text, "");
	ck_assert(gp_mig_entry_add(text, 9, &used, "n1", &slice));
	ck_assert_str_eq(text, "n1:1:2:4");
	ck_assert_uint_eq(used, 8);
	ck_assert(!gp_mig_entry_add(text, 17, &used, "n2", &slice));
	ck_assert_str_eq(text, "n1:1:2:4");
	ck_assert(gp_mig_entry_add(text, 18, &used, "n2", &slice));
	ck_assert_str_eq(text, "n1:1:2:4,n2:1:2:4");
	ck_assert_uint_eq(gp_mig_entry_max("n1"), strlen("n1:63:63:64,"));
}
END_TEST

static const struct {
	const char *gres;
	int shards;
} shards[] = {
	{"gpu:1(IDX:0),shard:3(IDX:1)", 3},
	{"shard:3(0/8,3/8)", 3},
	{"shard:3(0/8,3/8),shard:a100:10(0/8)", 13},
	{"shard:a100:4", 4},
	{"shard(CNT:5)", 5},
	{"shard(CNT:5),gpu:2", 5},
	{"gpu(CNT:5),shard:2", 2},
	{"shard:9,gpu:1", 9},
	{"shard:0", 0},
	{"shard", 0},
	{"shard:", 0},
	{"shard:x", 0},
	{"shard:3x", 0},
	{"shards:3", 0},
	{"shar:3", 0},
	{"gpu:8(IDX:0-7)", 0},
	{"shard:2(0/8", 2},
	{"", 0},
	{NULL, 0},
};

START_TEST(shards_in_what_slurm_says)
{
	ck_assert_msg(gp_mig_shards_read(shards[_i].gres) == shards[_i].shards, "%s: %d",
		      shards[_i].gres, gp_mig_shards_read(shards[_i].gres));
}
END_TEST

/* No number of digits, and no number of such numbers, is more than an int. */
START_TEST(shards_beyond_all_bounds)
{
	char text[4000] = "";

	for (int i = 0; i < 100; i++)
		strcat(text, "shard:99999999999999999999,");
	ck_assert_int_ge(gp_mig_shards_read(text), 1000000);
}
END_TEST

/* ---- what users may send --------------------------------------------------------------
 */

static const struct {
	const char *entry;
	enum gp_text_kind kind;
} kinds[] = {
	{"OTHER=1", GP_TEXT_OTHER},
	{"A=gputopo", GP_TEXT_OTHER},
	{"GPUTOP=1", GP_TEXT_OTHER},
	{"", GP_TEXT_OTHER},
	{"GPUTOPO_TOPO=ring", GP_TEXT_WISH},
	{"GPUTOPO_=", GP_TEXT_WISH},
	{GP_ENV_MIG "=3g.40gb", GP_TEXT_WISH},
	{"GPUTOPO_MIG_PLACE=n0:0:0:8", GP_TEXT_DECISION},
	{"GPUTOPO_HAD=1/1,n0:1", GP_TEXT_DECISION},
	{"GPUTOPO_HADX=1", GP_TEXT_WISH},
	{"GPUTOPO_HA=1", GP_TEXT_WISH},
	{"SPANK_GPUTOPO_MIG_PLACE=n0:0:0:8", GP_TEXT_FORGED},
	{"gputopo_had=1", GP_TEXT_FORGED},
	{"GPUTOPO_HAD", GP_TEXT_FORGED},
	{"GPUTOPO=1", GP_TEXT_FORGED},
	{"xGPUTOPO_HAD=1", GP_TEXT_FORGED},
	{"_SLURM_SPANK_OPTION_GPUTOPO_mig=1", GP_TEXT_FORGED},
};

START_TEST(whose_an_entry_is)
{
	ck_assert_msg(gp_text_kind(kinds[_i].entry) == kinds[_i].kind, "%s",
		      kinds[_i].entry);
}
END_TEST

/* A name of 256 bytes may be ours, one of 257 may not. */
START_TEST(the_longest_name)
{
	char *name = padded("GPUTOPO_", 257, "="), *longer = padded("GPUTOPO_", 258, "="),
	     *end = padded("A", 300, "GPUTOPO=");

	ck_assert_int_eq(gp_text_kind(name), GP_TEXT_WISH);
	ck_assert_int_eq(gp_text_kind(longer), GP_TEXT_FORGED);
	/* beyond it nothing is looked at */
	ck_assert_int_eq(gp_text_kind(end), GP_TEXT_OTHER);
	free(name);
	free(longer);
	free(end);
}
END_TEST

START_TEST(what_stays_of_ours)
{
	struct gp_text_filter filter = {0}, run = {.has_run = true};

	ck_assert(!gp_text_stays(&filter, NULL));
	ck_assert(gp_text_stays(&filter, "GPUTOPO_TOPO=ring"));
	ck_assert(!gp_text_stays(&filter, "GPUTOPO_TOPO=ring"));
	ck_assert(!gp_text_stays(&filter, "GPUTOPO_TOPO=any"));
	ck_assert(gp_text_stays(&filter, "GPUTOPO_TOPOX=any"));
	ck_assert(!gp_text_stays(&filter, "GPUTOPO_HAD=1/1,n0:1"));
	ck_assert(!gp_text_stays(&filter, "gputopo_x=1"));
	ck_assert_int_eq(filter.twice, 1);
	ck_assert_int_eq(filter.opposed, 1);
	ck_assert_int_eq(filter.forged, 2);
	ck_assert_int_eq(filter.large, 0);
	ck_assert_int_eq(gp_text_dropped(&filter), 4);
	/* the first that was dropped */
	ck_assert_str_eq(filter.name, "GPUTOPO_TOPO");
	ck_assert(gp_text_stays(&run, "GPUTOPO_HAD=1/1,n0:1"));
	ck_assert(!gp_text_stays(&run, "gputopo_x=1"));
	ck_assert_int_eq(gp_text_dropped(&run), 1);
}
END_TEST

/* A name that is to be printed. */
START_TEST(a_name_is_fit_to_be_printed)
{
	struct gp_text_filter filter = {0}, cut = {0};
	char *name = padded("xGPUTOPO_", 100, "=");

	ck_assert(!gp_text_stays(&filter, "gputopo\x1b~ !\x7f=1"));
	ck_assert_str_eq(filter.name, "gputopo?~?!?");
	ck_assert(!gp_text_stays(&cut, name));
	ck_assert_uint_eq(strlen(cut.name), sizeof(cut.name) - 1);
	free(name);
}
END_TEST

START_TEST(ours_are_bounded)
{
	char *wish = padded("GPUTOPO_A=", GP_TEXT_WISH_MAX, ""),
	     *large = padded("GPUTOPO_B=", GP_TEXT_WISH_MAX + 1, ""),
	     *place = padded("GPUTOPO_HAD=", GP_TEXT_DECISION_MAX, ""),
	     *longer = padded("GPUTOPO_MIG_PLACE=", GP_TEXT_DECISION_MAX + 1, "");
	struct gp_text_filter filter = {.has_run = true};
	char text[GP_TEXT_OURS_MAX][32];

	ck_assert(gp_text_stays(&filter, wish));
	ck_assert(!gp_text_stays(&filter, large));
	ck_assert(gp_text_stays(&filter, place));
	ck_assert(!gp_text_stays(&filter, longer));
	for (int i = 0; i < GP_TEXT_OURS_MAX; i++) {
		snprintf(text[i], sizeof(text[i]), "GPUTOPO_N%d=1", i);
		ck_assert_int_eq(gp_text_stays(&filter, text[i]),
				 i < GP_TEXT_OURS_MAX - 2);
	}
	ck_assert_int_eq(filter.large, 4);
	free(wish);
	free(large);
	free(place);
	free(longer);
}
END_TEST

START_TEST(others_are_bounded)
{
	char *most = padded("A=", GP_TEXT_OTHER_MAX, ""),
	     *large = padded("B=", GP_TEXT_OTHER_MAX + 1, "");
	struct gp_text_filter filter = {0}, many = {0};

	ck_assert(!gp_text_stays(&filter, large));
	for (int i = 0; i < GP_TEXT_ALL_MAX / GP_TEXT_OTHER_MAX; i++)
		ck_assert(gp_text_stays(&filter, most));
	ck_assert(!gp_text_stays(&filter, "C=1"));
	ck_assert_int_eq(filter.large, 2);
	for (int i = 0; i <= GP_TEXT_OTHERS_MAX; i++)
		ck_assert_int_eq(gp_text_stays(&many, "A=1"), i < GP_TEXT_OTHERS_MAX);
	ck_assert_int_eq(many.large, 1);
	/* others' names are none of our business */
	ck_assert_str_eq(many.name, "");
	free(most);
	free(large);
}
END_TEST

START_TEST(an_entry_is_found_by_its_name)
{
	static char *env[GP_TEXT_ENTRIES + 1];

	env[1] = (char *)"GPUTOPO_TOPOX=1";
	env[2] = (char *)"GPUTOPO_TOP=2";
	env[3] = (char *)"GPUTOPO_TOPO=3";
	env[4] = (char *)"GPUTOPO_TOPO=4";
	env[GP_TEXT_ENTRIES - 1] = (char *)"LAST=5";
	env[GP_TEXT_ENTRIES] = (char *)"BEHIND=6";
	ck_assert_uint_eq(gp_env_find(env, 5, "GPUTOPO_TOPO"), 3);
	ck_assert_str_eq(gp_env_get(env, 5, "GPUTOPO_TOPO"), "3");
	ck_assert_ptr_null(gp_env_get(env, 3, "GPUTOPO_TOPO"));
	ck_assert_uint_eq(gp_env_find(env, 3, "GPUTOPO_TOPO"), 3);
	ck_assert_str_eq(gp_env_get(env, GP_TEXT_ENTRIES + 1, "LAST"), "5");
	ck_assert_ptr_null(gp_env_get(env, GP_TEXT_ENTRIES + 1, "BEHIND"));
	ck_assert_ptr_null(gp_env_get(NULL, 5, "GPUTOPO_TOPO"));
}
END_TEST

/* ---- what a job asks of the connection ------------------------------------------------
 */

static const struct {
	const char *text;
	double gbps;
} bandwidths[] = {
	{"40", 40},
	{"37.5", 37.5},
	{"40.", 40},
	{"0.001", 0.001},
	{"999999", 999999},
	{"1000000", 0},
	{"0.0009", 0},
	{"0", 0},
	{"", 0},
	{".5", 0},
	{"4e1", 0},
	{"0x28", 0},
	{"40 ", 0},
	{" 40", 0},
	{"-4", 0},
	{"40.5.1", 0},
	{"1234567890", 0},
	{"000000000000040", 40},
	{"000000000000000040", 0},
	{"40.0000000000000", 40},
	{"40.00000000000000", 0},
};

START_TEST(a_bandwidth)
{
	ck_assert_msg(gp_gbps_read(bandwidths[_i].text) == bandwidths[_i].gbps, "%s: %g",
		      bandwidths[_i].text, gp_gbps_read(bandwidths[_i].text));
}
END_TEST

static const struct {
	const char *entry;
	bool asked, ring, off, preserve;
	int min_mbps;
} wish_rows[] = {
	{"GPUTOPO_TOPO=ring", true, true, false, false, 0},
	{"GPUTOPO_TOPO=Ring", true, true, false, false, 0},
	{"GPUTOPO_TOPO=any", false, false, false, true, 0},
	{"GPUTOPO_TOPO=off", false, false, true, false, 0},
	{"GPUTOPO_TOPO=best", false, false, false, false, 0},
	{"GPUTOPO_TOPO=", false, false, false, false, 0},
	{"GPUTOPO_MIN_BUSBW=37.5", true, false, false, false, 37500},
	{"GPUTOPO_MIN_BUSBW=0.0015", true, false, false, false, 2},
	{"GPUTOPO_MIN_BUSBW=4e1", false, false, false, false, 0},
	{"GPUTOPO_COMM=alltoall", false, false, false, false, 0},
};

START_TEST(a_wish_in_the_environment)
{
	char *env[2] = {NULL, (char *)wish_rows[_i].entry};
	struct gp_wish wish;

	ck_assert_int_eq(gp_wish_parse(env, 2, false, &wish, NULL), GT_OK);
	ck_assert_int_eq(wish.asked, wish_rows[_i].asked);
	ck_assert_int_eq(wish.ring, wish_rows[_i].ring);
	ck_assert_int_eq(wish.off, wish_rows[_i].off);
	ck_assert_int_eq(wish.preserve, wish_rows[_i].preserve);
	ck_assert_int_eq(wish.min_mbps, wish_rows[_i].min_mbps);
	ck_assert_int_eq(gp_wish_parse(NULL, 2, false, &wish, NULL), GT_OK);
	ck_assert(!wish.asked && !wish.off && !wish.preserve && !wish.shape.id);
}
END_TEST

static const struct {
	const char *line;
	bool has_topo, ring;
	int groups;
	enum gt_comm comm;
} lines[] = {
	{"srun --gpu-topo=ring -n 2 ./a", true, true, 0, GT_COMM_ALLREDUCE},
	{"srun --gpu-topo ring ./a", true, true, 0, GT_COMM_ALLREDUCE},
	{"srun --gpu-topo=any --gpu-topo=ring ./a", true, true, 0, GT_COMM_ALLREDUCE},
	{"srun --gpu-topo=ring --gpu-topo=any ./a", true, false, 0, GT_COMM_ALLREDUCE},
	{"srun  --gpu-groups=2x2   --gpu-comm=alltoall ./a", false, false, 2,
	 GT_COMM_ALLTOALL},
	{"srun --gpu-topology=ring ./a", false, false, 0, GT_COMM_ALLREDUCE},
	{"srun --gpu-topo=RING ./a", true, true, 0, GT_COMM_ALLREDUCE},
	{"srun --gpu-topo= ./a", true, false, 0, GT_COMM_ALLREDUCE},
	{"srun ./a -- --gpu-topo=ring", false, false, 0, GT_COMM_ALLREDUCE},
	{"srun ./a", false, false, 0, GT_COMM_ALLREDUCE},
	{"", false, false, 0, GT_COMM_ALLREDUCE},
	{NULL, false, false, 0, GT_COMM_ALLREDUCE},
};

START_TEST(a_wish_in_sruns_line)
{
	struct gp_wish wish;

	ck_assert_int_eq(gp_wish_of_line(lines[_i].line, &wish), lines[_i].has_topo);
	ck_assert_int_eq(wish.ring, lines[_i].ring);
	ck_assert_int_eq(wish.shape.groups.count, lines[_i].groups);
	ck_assert_int_eq(wish.shape.comm, lines[_i].comm);
}
END_TEST

START_TEST(a_wish_for_people)
{
	char *env[] = {(char *)"OTHER=1",
		       NULL,
		       (char *)"GPUTOPO_MIN_BUSBW=40",
		       (char *)"GPUTOPO_HAD=1/1,n0:1",
		       (char *)"GPUTOPO_GROUP_SIZES=2x2",
		       (char *)(GP_ENV_MIG "=1g.10gb+me:2"),
		       (char *)"GPUTOPO_TOPO=a b\n$(x)-,z"};
	char text[200], cut[24];

	ck_assert(gp_wish_text(env, 7, text, sizeof(text)));
	ck_assert_str_eq(text, "--gpu-min-busbw=40 --gpu-groups=2x2 --mig=1g.10gb+me:2 "
			       "--gpu-topo=a?b???x?-,z");
	ck_assert(gp_wish_text(env, 3, cut, sizeof(cut)));
	ck_assert_str_eq(cut, "--gpu-min-busbw=40");
	ck_assert(!gp_wish_text(env, 2, text, sizeof(text)));
	ck_assert(!gp_wish_text(NULL, 7, text, sizeof(text)));
}
END_TEST

/* ---- shapes ---------------------------------------------------------------------------
 */

static const struct {
	const char *groups, *comm;
	bool repeats;
	int count, min_mbps;
	bool fits;
	int asked; /* groups of the request; 0: one of all GPUs */
} shape_rows[] = {
	{NULL, NULL, false, 4, 0, true, 0},
	{"2x2", NULL, false, 4, 0, true, 2},
	{"2x2", NULL, false, 8, 0, false, 0},
	{"2x2", NULL, true, 8, 0, true, 4},
	{"2x2", NULL, true, 6, 0, false, 0},
	{"2x2", NULL, true, 2, 0, false, 0},
	{"4+2", "alltoall", false, 6, 40000, true, 2},
	{NULL, "alltoall", false, 5, 0, true, 0},
};

START_TEST(what_a_shape_asks_of_a_node)
{
	struct gp_shape shape;
	struct gp_ask ask;

	ck_assert_int_eq(gp_shape_read(&shape, shape_rows[_i].groups, shape_rows[_i].comm,
				       shape_rows[_i].repeats, NULL),
			 GT_OK);
	ck_assert_int_eq(shape.id != 0, shape_rows[_i].groups || shape_rows[_i].comm);
	ck_assert_int_eq(gp_shape_binds(&shape), shape_rows[_i].groups != NULL);
	ck_assert_int_eq(gp_shape_ask(&shape, shape_rows[_i].count,
				      shape_rows[_i].min_mbps, false, &ask),
			 shape_rows[_i].fits);
	ck_assert_int_eq(ask.request.count, shape_rows[_i].count);
	ck_assert_int_eq(ask.request.min_busbw_mbps, shape_rows[_i].min_mbps);
	ck_assert_int_eq(ask.request.groups ? ask.request.groups->count : 0,
			 shape_rows[_i].asked);
	if (!shape_rows[_i].fits)
		return;
	ck_assert_int_eq(ask.request.comm, shape.comm);
	ck_assert(!ask.request.groups_break_ties);
	ck_assert(gp_shape_ask(&shape, shape_rows[_i].count, 0, true, &ask));
	ck_assert_int_eq(ask.request.groups_break_ties, shape.id != 0);
}
END_TEST

/* --gpus-per-task says that tasks have so many GPUs, and promises nothing. */
START_TEST(a_hint)
{
	struct gp_shape shape, other;
	struct gp_ask ask;

	gp_shape_read(&shape, NULL, NULL, false, NULL);
	gp_shape_hint(&shape, 1);
	ck_assert_uint_eq(shape.id, 0);
	gp_shape_hint(&shape, GT_MAX_GPUS + 1);
	ck_assert_uint_eq(shape.id, 0);
	gp_shape_hint(&shape, 2);
	ck_assert(shape.id && shape.hint && shape.repeats && !gp_shape_binds(&shape));
	other = shape;
	gp_shape_hint(&shape, 4);
	ck_assert_mem_eq(&shape, &other, sizeof(shape));
	ck_assert(gp_shape_ask(&shape, 4, 0, false, &ask));
	ck_assert_int_eq(ask.request.groups->count, 2);
	ck_assert(ask.request.groups_break_ties);
	/* a bandwidth is of all GPUs then */
	ck_assert(gp_shape_ask(&shape, 4, 1000, false, &ask));
	ck_assert_ptr_null(ask.request.groups);
	/* what is no multiple is asked for all the same */
	ck_assert(gp_shape_ask(&shape, 5, 0, false, &ask));
	ck_assert_ptr_null(ask.request.groups);
	gp_shape_read(&other, NULL, NULL, false, NULL);
	gp_shape_hint(&other, GT_MAX_GPUS);
	ck_assert(other.id != 0);
}
END_TEST

START_TEST(shapes_that_are_none)
{
	struct gt_error err = {.code = GT_OK};
	struct gp_shape shape;

	ck_assert_int_ne(gp_shape_read(&shape, "2x", "alltoall", true, &err), GT_OK);
	ck_assert(err.text[0] && !shape.id && !shape.groups.count && !shape.comm);
	ck_assert_int_ne(gp_shape_read(&shape, "2x2", "gossip", true, &err), GT_OK);
	ck_assert(!shape.id && !shape.groups.count);
}
END_TEST

START_TEST(equal_shapes_have_equal_numbers)
{
	static const char *const groups[] = {"2x2", "2+2", "4", "2+2+2", "4+2", "2+4"};
	struct gp_shape shape[ROWS(groups)], late;

	for (int i = 0; i < ROWS(groups); i++)
		gp_shape_read(&shape[i], groups[i], NULL, false, NULL);
	for (int i = 0; i < ROWS(groups); i++)
		for (int j = 0; j < i; j++)
			ck_assert_int_eq(shape[i].id == shape[j].id, i == 1 && j == 0);
	gp_shape_read(&late, "2x2", "alltoall", false, NULL);
	ck_assert(late.id != shape[0].id);
	gp_shape_read(&late, "2x2", NULL, true, NULL);
	ck_assert(late.id != shape[0].id);
}
END_TEST

/* A DGX-1V: pairs {0,3} and {1,2} have two links, {4,6} has one. */
static struct gt_table *table_of_dgx(struct gt_node **node)
{
	struct gt_table *table;

	ck_assert_int_eq(gt_node_load(node, "builtin:dgx1v", NULL, NULL), GT_OK);
	ck_assert_int_eq(gt_table_new(&table, *node, NULL, NULL), GT_OK);
	return table;
}

static struct gt_mask set_of(int a, int b, int c, int d)
{
	struct gt_mask set = {{0}};

	gt_mask_set(&set, a);
	gt_mask_set(&set, b);
	gt_mask_set(&set, c);
	gt_mask_set(&set, d);
	return set;
}

START_TEST(the_measure_of_a_promise)
{
	struct gt_node *node;
	struct gt_table *table = table_of_dgx(&node);
	struct gt_mask good = set_of(0, 3, 1, 2), bad = set_of(0, 3, 4, 6);
	struct gt_mask apart =
		set_of(0, 3, 5, 6); /* two good pairs, far from each other */
	struct gp_shape pairs, hint, singles;
	struct gt_score score;

	gp_shape_read(&pairs, "2x2", NULL, false, NULL);
	gp_shape_read(&singles, "4x1", NULL, false, NULL);
	gp_shape_read(&hint, NULL, NULL, false, NULL);
	ck_assert_int_eq(gp_shape_mbps(&pairs, table, &good), 40000);
	ck_assert_int_eq(gp_shape_mbps(&pairs, table, &bad), 20000);
	ck_assert_int_eq(gp_shape_mbps(&singles, table, &good), INT_MAX);
	gt_score_set(node, &apart, &score);
	ck_assert_int_eq(gp_shape_mbps(&pairs, table, &apart), 40000);
	ck_assert_int_lt(score.busbw_mbps, 40000);
	ck_assert_int_eq(gp_shape_mbps(&hint, table, &apart), score.busbw_mbps);
	gp_shape_hint(&hint, 2);
	ck_assert_int_eq(gp_shape_mbps(&hint, table, &apart), score.busbw_mbps);
	ck_assert_int_eq(gp_shape_ideal_mbps(&pairs, table, 4), 40000);
	ck_assert_int_eq(gp_shape_ideal_mbps(&pairs, table, 6), 0);
	ck_assert_int_eq(gp_shape_ideal_mbps(&pairs, table, 9), 0);
	gt_table_free(table);
	gt_node_free(node);
}
END_TEST

START_TEST(groups_in_the_log)
{
	/* slurmctld's bits, which the model numbers the other way round */
	const int to_model[8] = {7, 6, 5, 4, 3, 2, 1, 0};
	struct gt_node *node;
	struct gt_table *table = table_of_dgx(&node);
	struct gt_mask stock = set_of(0, 3, 4, 6);
	struct gp_shape shape, none;
	struct gp_shape_set set = {&shape, table, 8, {0}, set_of(0, 1, 2, 3)};
	char text[400];
	struct gt_append out = gt_append_to(text, sizeof(text));

	memcpy(set.to_model, to_model, sizeof(to_model));
	gp_shape_read(&shape, "2x2", NULL, false, NULL);
	ck_assert(gp_shape_append_groups(&out, &set));
	ck_assert_str_eq(text, "7,4;6,5 40");
	out = gt_append_to(text, sizeof(text));
	gp_shape_append_json(&out, &set, &stock);
	ck_assert_str_eq(text, ",\"groups\":[[7,4],[6,5]],\"group_busbw_gbps\":[40.000,"
			       "40.000],\"comm\":\"allreduce\",\"stock_group_gbps\":"
			       "20.000,\"ideal_group_gbps\":40.000");
	gp_shape_read(&shape, "4x1", NULL, false, NULL);
	out = gt_append_to(text, sizeof(text));
	ck_assert(gp_shape_append_groups(&out, &set));
	ck_assert_str_eq(strchr(text, ' '), " -");
	out = gt_append_to(text, sizeof(text));
	gp_shape_append_json(&out, &set, &stock);
	ck_assert_ptr_nonnull(strstr(text, "[null,null,null,null]"));
	ck_assert_ptr_nonnull(strstr(text, "\"stock_group_gbps\":null"));
	/* a job that named none */
	gp_shape_read(&none, NULL, NULL, false, NULL);
	gp_shape_hint(&none, 2);
	set.shape = &none;
	out = gt_append_to(text, sizeof(text));
	ck_assert(!gp_shape_append_groups(&out, &set));
	gp_shape_append_json(&out, &set, &stock);
	ck_assert_str_eq(text, "");
	gt_table_free(table);
	gt_node_free(node);
}
END_TEST

SUITE(texts)
{
	TCase *tc = tcase_create("texts");

	tcase_add_loop_test(tc, a_past_is_read_whole_or_not, 0, ROWS(pasts));
	tcase_add_test(tc, the_longest_past);
	tcase_add_loop_test(tc, a_wish_for_an_instance, 0, ROWS(wishes));
	tcase_add_test(tc, a_placement_of_several);
	tcase_add_loop_test(tc, an_entry_of_a_placement, 0, ROWS(entries));
	tcase_add_test(tc, the_longest_node_name);
	tcase_add_test(tc, a_placement_is_written_as_long_as_there_is_room);
	tcase_add_loop_test(tc, shards_in_what_slurm_says, 0, ROWS(shards));
	tcase_add_test(tc, shards_beyond_all_bounds);
	tcase_add_loop_test(tc, whose_an_entry_is, 0, ROWS(kinds));
	tcase_add_test(tc, the_longest_name);
	tcase_add_test(tc, what_stays_of_ours);
	tcase_add_test(tc, a_name_is_fit_to_be_printed);
	tcase_add_test(tc, ours_are_bounded);
	tcase_add_test(tc, others_are_bounded);
	tcase_add_test(tc, an_entry_is_found_by_its_name);
	tcase_add_loop_test(tc, a_bandwidth, 0, ROWS(bandwidths));
	tcase_add_loop_test(tc, a_wish_in_the_environment, 0, ROWS(wish_rows));
	tcase_add_loop_test(tc, a_wish_in_sruns_line, 0, ROWS(lines));
	tcase_add_test(tc, a_wish_for_people);
	tcase_add_loop_test(tc, what_a_shape_asks_of_a_node, 0, ROWS(shape_rows));
	tcase_add_test(tc, a_hint);
	tcase_add_test(tc, shapes_that_are_none);
	tcase_add_test(tc, equal_shapes_have_equal_numbers);
	tcase_add_test(tc, the_measure_of_a_promise);
	tcase_add_test(tc, groups_in_the_log);
	suite_add_tcase(suite, tc);
}
