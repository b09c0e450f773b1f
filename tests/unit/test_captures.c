/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every captured topology against the expectation in its INDEX row: a TAP line each. The
 * captures are not part of this project; without them one line says how much is skipped.
 *
 * A capture must give the model its row describes. One that is marked as cut or mangled
 * may also be refused, or read as partial as long as nothing in it contradicts the row.
 */
#include "config.h"

#include "load.h"

#include <ctype.h>

#define ROW_MAX	  4096
#define LINKS_MAX 65

/* What a row, or the table below, says of a model; -1: nothing. */
struct wish {
	bool refused;
	bool may_be_cut;
	int gpus, edges, links, switch_links;
	int hist[LINKS_MAX]; /* pairs by their count of links; used if any is set */
	int paths[GT_PATH_SYS + 1];
	bool has_hist, has_paths, partial;
};

/* Rows whose expectation is a sentence. */
static const struct {
	const char *file;
	const char *says;
} sentences[] = {
	{"nvidia-smi-topo/metax-mxc500x8-mxsmi-topo-m.txt",
	 "gpus=8; nv_edges=0; upper-triangle=NODE:16; PARTIAL"},
	{"nvidia-smi-topo/synth-tkestack-1gpu-lowercase-x.txt", "gpus=1; nv_edges=0"},
	{"nvidia-smi-topo/doc-ml-eng-2gpu-nv2-and-phb.txt",
	 "gpus=2; nv_edges=1; nv_links=2; upper-triangle=NV2:1"},
	{"hwloc-xml/flux-tuo.CPX.xml",
	 "gpus=24; nv_edges=276; nv_links=552; switch_links=0"},
	{"hwloc-xml/flux-tuo.SPX.xml", "gpus=4; nv_edges=6; nv_links=12; switch_links=0"},
	{"hwloc-xml/hwloc-annotate-output2.xml",
	 "gpus=4; nv_edges=2; nv_links=4; switch_links=0"},
	{"hwloc-xml/hwloc-annotate-output3.xml",
	 "gpus=16; nv_edges=120; nv_links=720; switch_links=96"},
	{"hwloc-xml/hwloc-nvidiaDGX2.xml",
	 "gpus=16; nv_edges=120; nv_links=720; switch_links=96"},
	{"hwloc-xml/hwloc-power8gpudistances.xml",
	 "gpus=4; nv_edges=2; nv_links=4; switch_links=0"},
	{"hwloc-xml/hwloc-v2.10-power8gpudistances.xml",
	 "gpus=4; nv_edges=2; nv_links=4; switch_links=0"},
	{"hwloc-xml/hwloc-v2.14-power8gpudistances.xml",
	 "gpus=4; nv_edges=2; nv_links=4; switch_links=0"},
	{"hwloc-xml/openpmix-nvml-4gpu.xml",
	 "gpus=4; nv_edges=6; nv_links=36; switch_links=0"},
	/* no peers in `nvlink -s`: GPUs are known, pairs are not */
	{"nvidia-smi-nvlink/a100sxm-4gpu-status-TRUNCATED-gpu2.txt", "gpus=3; PARTIAL"},
	{"nvidia-smi-nvlink/a6000-3gpu-status-inactive.txt",
	 "gpus=3; nv_edges=0; PARTIAL"},
	{"nvidia-smi-nvlink/atlas-2xa100pcie-allinactive.txt",
	 "gpus=2; nv_edges=0; PARTIAL"},
	{"nvidia-smi-nvlink/aws-p4de-gpu0-only.txt", "gpus=1; PARTIAL"},
	{"nvidia-smi-nvlink/h100-status-snipped.txt", "gpus=1; PARTIAL"},
	{"nvidia-smi-nvlink/synth-a100-partial-inactive.txt", "gpus=1; PARTIAL"},
	{"nvidia-smi-nvlink/v100sxm2-8gpu-status.txt", "gpus=8; PARTIAL"},
	{"nvidia-smi-nvlink/h100-e-errors-snipped.txt", "exit 1"},
	{"nvidia-smi-nvlink/h100pcie-2gpu-R-remote-indented.txt",
	 "gpus=2; nv_edges=1; nv_links=12"},
	{"amd-smi/coherency-atomics-tables.txt", "exit 1"},
	{"gres-conf/baobab-8xa6000-slurmd-G.txt", "gpus=8; nv_edges=4; nv_links=16"},
	{"gres-conf/doc-8xa100-two-quads.gres.conf", "gpus=8; nv_edges=12; nv_links=48"},
	{"gres-conf/single-gpu-links-minus1.gres.conf", "gpus=1; nv_edges=0"},
	{"gres-conf/slurm-test39.18-b5.gres.conf", "gpus=8; nv_edges=0"},
	{"gres-conf/slurm-test39.18-b7.gres.conf", "gpus=8; nv_edges=0; PARTIAL"},
	{"gres-conf/slurm-test39.18-c40.gres.conf", "gpus=4; nv_edges=0; PARTIAL"},
};

/* ---- expectations ---- */

static bool number_after(const char *text, const char *key, int *value)
{
	const char *at = strstr(text, key);

	if (!at)
		return false;
	*value = atoi(at + strlen(key));
	return true;
}

/* "{1: 16, 4: 8}" */
static void read_hist(struct wish *wish, const char *at)
{
	int links, pairs, used;

	wish->has_hist = true;
	for (at++; sscanf(at, " %d: %d%n", &links, &pairs, &used) == 2;
	     at += *at == ',') {
		if (links > 0 && links < LINKS_MAX)
			wish->hist[links] = pairs;
		at += used;
	}
}

/* "NV4:2,SYS:4" */
static void read_triangle(struct wish *wish, const char *at)
{
	char name[8];
	int pairs, used;

	wish->has_paths = wish->has_hist = true;
	for (; sscanf(at, "%7[A-Z0-9]:%d%n", name, &pairs, &used) == 2;
	     at += *at == ',') {
		if (!strncmp(name, "NV", 2))
			wish->hist[atoi(name + 2) % LINKS_MAX] = pairs;
		for (int p = GT_PATH_C2C; p <= GT_PATH_SYS; p++)
			if (!strcmp(gt_path_name((enum gt_path)p),
				    strcmp(name, "SOC") ? name : "SYS"))
				wish->paths[p] = pairs;
		at += used;
	}
}

static bool has_word(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strstr(text, *words))
			return true;
	return false;
}

/* False: nothing in the row could be understood. */
static bool read_wish(struct wish *wish, const char *file, const char *says)
{
	static const char *const cut[] = {"TRUNC",    "-trunc",	 "GLUED",   "MANGLED",
					  "ABRIDGED", "SNIPPET", "NOTTOPO", NULL};
	static const char *const refused[] = {"unparseable", "exit 1",		"gpus=0",
					      "no status",   "nothing to read", NULL};
	int targets = 0;

	*wish = (struct wish){.gpus = -1, .edges = -1, .links = -1, .switch_links = -1};
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (!strcmp(sentences[i].file, file))
			says = sentences[i].says;
	wish->refused = has_word(says, refused);
	wish->may_be_cut = has_word(file, cut);
	wish->partial = strstr(says, "PARTIAL") != NULL;
	number_after(says, "gpus=", &wish->gpus);
	if (!number_after(says, "nv_edges=", &wish->edges) &&
	    !number_after(says, "xgmi_edges=", &wish->edges))
		number_after(says, "peer_edges=", &wish->edges);
	number_after(says, "nv_links=", &wish->links);
	number_after(says, "switch_links=", &wish->switch_links);
	if (strstr(says, "hist={"))
		read_hist(wish, strstr(says, "hist={") + strlen("hist="));
	if (strstr(says, "upper-triangle="))
		read_triangle(wish, strstr(says, "upper-triangle=") + 15);
	/* links into switches show as edges of the island in our model */
	if (number_after(says, "switch_targets=", &targets) && targets) {
		wish->edges = wish->gpus * (wish->gpus - 1) / 2;
		wish->has_hist = false;
	}
	return wish->refused || wish->gpus >= 0 || wish->edges >= 0;
}

/* ---- models ---- */

static bool differ(char *why, const char *what, int got, int expected)
{
	snprintf(why, 256, "%s: %d, expected %d", what, got, expected);
	return false;
}

static bool check_pairs(const struct gt_node *node, const struct wish *wish, char *why)
{
	int n = gt_node_size(node), edges = 0, links = 0;
	int hist[GT_MAX_LINKS + 1] = {0}, paths[GT_PATH_SYS + 1] = {0};

	for (int a = 0; a < n; a++)
		for (int b = 0; b < a; b++) {
			int count = gt_node_links(node, a, b);

			if (count != gt_node_links(node, b, a))
				return differ(why, "asymmetric", a, b);
			edges += count > 0;
			links += count > 0 ? count : 0;
			hist[count > 0 ? count : 0]++;
			paths[gt_node_path(node, a, b)]++;
		}
	if (wish->edges >= 0 && edges != wish->edges)
		return differ(why, "edges", edges, wish->edges);
	if (wish->links >= 0 && links != wish->links)
		return differ(why, "links", links, wish->links);
	for (int i = 1; wish->has_hist && i < LINKS_MAX; i++)
		if (hist[i] != wish->hist[i])
			return differ(why, "pairs of one count", hist[i], wish->hist[i]);
	for (int p = GT_PATH_C2C; wish->has_paths && p <= GT_PATH_SYS; p++)
		if (paths[p] != wish->paths[p])
			return differ(why, gt_path_name((enum gt_path)p), paths[p],
				      wish->paths[p]);
	return true;
}

/* What we write of it, we read as the same. */
static bool check_round_trip(const struct gt_node *node, char *why)
{
	char *first = NULL, *second = NULL;
	struct gt_node *copy = NULL;
	struct gt_error err = {0};
	bool same =
		gt_node_write(node, &first, &err) == GT_OK &&
		gt_node_parse(&copy, first, strlen(first), "copy", NULL, &err) == GT_OK &&
		gt_node_write(copy, &second, &err) == GT_OK && !strcmp(first, second) &&
		gt_node_same_type(node, copy);

	if (!same)
		snprintf(why, 256, "not the same after writing and reading: %.200s",
			 err.text);
	free(first);
	free(second);
	gt_node_free(copy);
	return same;
}

static bool check_model(const struct gt_node *node, const struct wish *wish, char *why)
{
	int into_switches = 0;

	for (int i = 0; i < gt_node_size(node); i++)
		into_switches += gt_node_gpu(node, i)->switch_links;
	if (wish->refused)
		return differ(why, "taken, with GPUs", gt_node_size(node), 0);
	if (wish->gpus >= 0 && gt_node_size(node) != wish->gpus)
		return differ(why, "GPUs", gt_node_size(node), wish->gpus);
	if (wish->partial && !gt_node_is_partial(node))
		return differ(why, "partial", 0, 1);
	if (!wish->partial && !wish->may_be_cut && gt_node_is_partial(node))
		return differ(why, "partial", 1, 0);
	if (wish->switch_links >= 0 && into_switches != wish->switch_links)
		return differ(why, "links into switches", into_switches,
			      wish->switch_links);
	return check_pairs(node, wish, why) && check_round_trip(node, why);
}

/* ---- rows ---- */

static int models, partials, refusals, wrongs;

static void report(int number, bool ok, const char *file, const char *text)
{
	wrongs += !ok;
	printf("%s %d - %s: %s\n", ok ? "ok" : "not ok", number, file, text);
}

/* ---- cuts ---- */

static int cuts;

static char *slurp(const char *path, size_t *size)
{
	FILE *in = fopen(path, "r");
	char *text = malloc(1 << 20);

	*size = in && text ? fread(text, 1, 1 << 20, in) : 0;
	if (in)
		fclose(in);
	return text;
}

/* What a shorter text shows, the whole one shows too; what it lacks, it admits. */
static bool check_cut(const struct gt_node *cut, const struct gt_node *whole, char *why)
{
	int n = gt_node_size(cut);

	if (n > gt_node_size(whole))
		return differ(why, "GPUs of a cut text", n, gt_node_size(whole));
	if (n < gt_node_size(whole) && !gt_node_is_partial(cut))
		return differ(why, "GPUs of a cut text that calls itself whole", n,
			      gt_node_size(whole));
	for (int a = 0; a < n; a++)
		for (int b = 0; b < a; b++) {
			int links = gt_node_links(cut, a, b);

			if (links != GT_UNKNOWN && links != gt_node_links(whole, a, b))
				return differ(why, "links of a pair in a cut text", links,
					      gt_node_links(whole, a, b));
		}
	return true;
}

/* The text without its last bytes, many times over. */
static bool check_cuts(const char *path, const struct gt_node *whole, char *why)
{
	size_t size, step;
	char *text = slurp(path, &size);
	bool ok = true;

	step = size / 150 + 1;
	for (size_t part = 1; ok && part < size; part += step) {
		struct gt_node *cut;

		cuts++;
		if (gt_node_parse(&cut, text, part, "cut", NULL, NULL))
			continue;
		ok = check_cut(cut, whole, why);
		if (!ok)
			snprintf(why + strlen(why), 256 - strlen(why), " (at byte %zu)",
				 part);
		gt_node_free(cut);
	}
	free(text);
	return ok;
}

/* ---- blanks for tabs ---- */

static int expanded;

/* What a terminal makes of tabs, and people paste. */
static char *expand_tabs(const char *text, size_t size, size_t *out_size)
{
	char *out = malloc(8 * size + 1);
	size_t used = 0, column = 0;

	for (size_t i = 0; out && i < size; i++) {
		if (text[i] != '\t') {
			out[used++] = text[i];
			column = text[i] == '\n' ? 0 : column + 1;
			continue;
		}
		do
			out[used++] = ' ';
		while (++column % 8);
	}
	*out_size = used;
	return out;
}

/* The same pairs, and the affinity that the tabs show. */
static bool check_blanks(const char *path, const struct gt_node *whole, char *why)
{
	size_t size, blank_size;
	char *text = slurp(path, &size);
	char *blanks = text ? expand_tabs(text, size, &blank_size) : NULL;
	struct gt_node *node = NULL;
	bool ok = true;

	if (!blanks || !memchr(text, '\t', size)) {
		free(text);
		free(blanks);
		return true;
	}
	expanded++;
	if (gt_node_parse(&node, blanks, blank_size, "blanks", NULL, NULL) ||
	    gt_node_size(node) != gt_node_size(whole))
		ok = differ(why, "GPUs of a text with blanks for tabs",
			    node ? gt_node_size(node) : -1, gt_node_size(whole));
	for (int i = 0; ok && i < gt_node_size(whole); i++) {
		const struct gt_gpu *had = gt_node_gpu(whole, i);
		const struct gt_gpu *has = gt_node_gpu(node, i);

		for (int j = 0; ok && j < i; j++)
			if (gt_node_links(node, i, j) != gt_node_links(whole, i, j))
				ok = differ(why, "links with blanks for tabs",
					    gt_node_links(node, i, j),
					    gt_node_links(whole, i, j));
		if (ok && had->numa >= 0 && has->numa != had->numa)
			ok = differ(why, "NUMA node with blanks for tabs", has->numa,
				    had->numa);
		if (ok && had->cpus[0] && strcmp(has->cpus, had->cpus) != 0) {
			snprintf(why, 256,
				 "CPUs with blanks for tabs: '%.60s', not '%.60s'",
				 has->cpus, had->cpus);
			ok = false;
		}
	}
	gt_node_free(node);
	free(blanks);
	free(text);
	return ok;
}

/* A matrix or an XML can be cut anywhere and still be known as cut. A list of GPUs, as
 * nvlink and gres.conf are, can end after any line. */
static bool can_tell_cuts(const char *file)
{
	return strncmp(file, "nvidia-smi-nvlink/", 18) && strncmp(file, "gres-conf/", 10);
}

/* A capture whose file lost its tables can only be refused. */
static bool holds_tables(const char *path)
{
	char line[ROW_MAX];
	FILE *in = fopen(path, "r");
	bool found = false;

	while (in && !found && fgets(line, sizeof(line), in))
		found = strstr(line, "TABLE:") != NULL;
	if (in)
		fclose(in);
	return found;
}

static void check_row(int number, const char *folder, const char *file, const char *says)
{
	char path[ROW_MAX], text[512], why[256] = "";
	struct wish wish;
	struct gt_node *node;
	struct gt_error err;
	bool ok;

	snprintf(path, sizeof(path), "%.2000s/topologies/%.2000s", folder, file);
	if (!strncmp(file, "amd-smi/", 8) && !holds_tables(path))
		says = "exit 1";
	if (!read_wish(&wish, file, says)) {
		report(number, false, file, "its expectation is not understood");
		return;
	}
	if (gt_node_load(&node, path, NULL, &err)) {
		ok = (wish.refused || wish.may_be_cut) && err.text[0] &&
		     (err.code == GT_EPARSE || err.code == GT_EFORMAT);
		refusals += ok;
		snprintf(text, sizeof(text), "refused, line %d: %s", err.line, err.text);
		report(number, ok, file, text);
		return;
	}
	ok = check_model(node, &wish, why) &&
	     (!can_tell_cuts(file) || check_cuts(path, node, why)) &&
	     (strncmp(file, "nvidia-smi-topo/", 16) || check_blanks(path, node, why));
	models += ok && !gt_node_is_partial(node);
	partials += ok && gt_node_is_partial(node);
	snprintf(text, sizeof(text), "%d GPUs, %s%s%s%s", gt_node_size(node),
		 gt_fabric_name(gt_node_fabric(node)),
		 gt_node_is_partial(node) ? ", partial" : "", ok ? "" : "; ", why);
	gt_node_free(node);
	report(number, ok, file, text);
}

/* The last column, unquoted as a spreadsheet would. */
static void unquote(char *text)
{
	char *to = text;

	for (char *at = text; *at; at++)
		if (*at != '"')
			*to++ = *at;
	*to = '\0';
}

int main(void)
{
	const char *folder = getenv("GPUTOPO_SHARED");
	char path[ROW_MAX], row[ROW_MAX];
	int number = 0;
	FILE *in;

	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(path, sizeof(path), "%.2000s/topologies/INDEX.tsv",
		 folder ? folder : "");
	in = fopen(path, "r");
	if (!in) {
		puts("1..1\nok 1 # SKIP no captures here: all of them are skipped");
		return 0;
	}
	while (fgets(row, sizeof(row), in)) {
		char *tab = strchr(row, '\t'), *last = strrchr(row, '\t');

		if (!tab || !strncmp(row, "file\t", 5))
			continue;
		row[strcspn(row, "\r\n")] = '\0';
		*tab = '\0';
		unquote(last + 1);
		check_row(++number, folder, row, last + 1);
	}
	fclose(in);
	printf("# %d captures: %d models, %d partial ones, %d refused, %d wrong\n",
	       number, models, partials, refusals, wrongs);
	printf("# %d cut texts held against their wholes\n", cuts);
	printf("# %d texts with blanks for tabs held against their tabs\n", expanded);
	printf("1..%d\n", number);
	return wrongs > 0;
}
