/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check_plugin.c - whether slurm.conf brings the select plugin of this release into
 * force, and whether slurmctld's user may write the plugin's files. Called by gputopo
 * check.
 */
#include "config.h"

#include "cli/check.h"
#include "conf/conf_keys.h"
#include "conf/slurm_conf.h"

#include <elf.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME   "select_cons_tres.so"
#define OURS	    "gputopo_submit" /* what only our file exports */
#define OBJECT_MAX  ((size_t)64 << 20)
#define VERSION_SYM "plugin_version"

/* A key of slurm.conf; the last line that has it. */
struct fact {
	const char *key;
	char *value; /* NULL: not there */
	char *file;
	int line;
};

enum { PLUGIN_DIR, SUBMIT, USER, SELECT, FACTS };

struct facts {
	struct fact fact[FACTS];
};

static enum gt_err take_line(const struct slurm_line *line, void *arg)
{
	static char value[SLURM_VALUE_MAX];
	struct facts *facts = arg;

	for (int i = 0; i < FACTS; i++) {
		struct fact *fact = &facts->fact[i];

		if (!slurm_line_get(line, fact->key, value, sizeof(value)))
			continue;
		free(fact->value);
		free(fact->file);
		fact->value = strdup(value);
		fact->file = strdup(line->file);
		fact->line = line->number;
	}
	return GT_OK;
}

/* ---- plugin files ---- */

struct object {
	char *bytes;
	size_t size;
	bool ours;
	uint32_t release; /* 0: not found */
};

static bool lies_in(const struct object *o, uint64_t at, uint64_t size)
{
	return at <= o->size && size <= o->size - at;
}

/* The file's place of an address; 0: none. */
static uint64_t place_of(const struct object *o, const Elf64_Ehdr *head, uint64_t address)
{
	for (int i = 0; i < head->e_shnum; i++) {
		Elf64_Shdr section;
		uint64_t at = head->e_shoff + (uint64_t)i * sizeof(section);

		if (!lies_in(o, at, sizeof(section)))
			return 0;
		memcpy(&section, o->bytes + at, sizeof(section));
		if (section.sh_type == SHT_PROGBITS && address >= section.sh_addr &&
		    address - section.sh_addr < section.sh_size)
			return section.sh_offset + (address - section.sh_addr);
	}
	return 0;
}

static void read_symbol(struct object *o, const Elf64_Ehdr *head, const Elf64_Shdr *names,
			const Elf64_Sym *symbol)
{
	const char *name;
	uint64_t place;

	if (symbol->st_name >= names->sh_size || symbol->st_shndx == SHN_UNDEF)
		return;
	name = o->bytes + names->sh_offset + symbol->st_name;
	o->ours |= !strncmp(name, OURS, sizeof(OURS));
	if (strncmp(name, VERSION_SYM, sizeof(VERSION_SYM)) != 0)
		return;
	place = place_of(o, head, symbol->st_value);
	if (place && lies_in(o, place, sizeof(o->release)))
		memcpy(&o->release, o->bytes + place, sizeof(o->release));
}

/* Its dynamic symbols, of a 64-bit object of this machine. */
static void read_symbols(struct object *o)
{
	Elf64_Ehdr head;

	if (!lies_in(o, 0, sizeof(head)) || memcmp(o->bytes, ELFMAG, SELFMAG) != 0 ||
	    o->bytes[EI_CLASS] != ELFCLASS64)
		return;
	memcpy(&head, o->bytes, sizeof(head));
	for (int i = 0; i < head.e_shnum; i++) {
		Elf64_Shdr table, names;
		uint64_t at = head.e_shoff + (uint64_t)i * sizeof(table), link;

		if (!lies_in(o, at, sizeof(table)))
			return;
		memcpy(&table, o->bytes + at, sizeof(table));
		link = head.e_shoff + (uint64_t)table.sh_link * sizeof(names);
		if (table.sh_type != SHT_DYNSYM || !lies_in(o, link, sizeof(names)))
			continue;
		memcpy(&names, o->bytes + link, sizeof(names));
		if (!lies_in(o, names.sh_offset, names.sh_size + 1) ||
		    !lies_in(o, table.sh_offset, table.sh_size))
			continue;
		for (uint64_t s = 0; s + sizeof(Elf64_Sym) <= table.sh_size;
		     s += sizeof(Elf64_Sym)) {
			Elf64_Sym symbol;

			memcpy(&symbol, o->bytes + table.sh_offset + s, sizeof(symbol));
			read_symbol(o, &head, &names, &symbol);
		}
	}
}

/* false: no such file. */
static bool read_object(struct object *o, const char *path)
{
	FILE *in = fopen(path, "re");
	struct stat st;

	*o = (struct object){0};
	if (!in)
		return false;
	if (!fstat(fileno(in), &st) && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    (size_t)st.st_size < OBJECT_MAX &&
	    (o->bytes = malloc((size_t)st.st_size + 1))) {
		o->size = fread(o->bytes, 1, (size_t)st.st_size, in);
		o->bytes[o->size] = '\0';
		read_symbols(o);
	}
	fclose(in);
	free(o->bytes);
	o->bytes = NULL;
	return true;
}

static const char *release_text(uint32_t release, char *buf, size_t size)
{
	snprintf(buf, size, "%u.%02u.%u", release >> 16 & 0xff, release >> 8 & 0xff,
		 release & 0xff);
	return buf;
}

static void check_files(struct check *check, const struct fact *dirs,
			const struct fact *submit)
{
	struct object first = {0}, stock = {0};
	bool any = false, ours = false, has_stock = false, here = false;
	char path[CHECK_PATH_MAX], missing[256] = "", a[32], b[32];
	char *rest = dirs->value, *dir;

	while ((dir = strsep(&rest, ":"))) {
		struct object object;

		if (!access(dir, F_OK))
			here = true;
		else if (*dir)
			snprintf(missing, sizeof(missing), "%s", dir);
		snprintf(path, sizeof(path), "%s/" FILE_NAME, dir);
		if (!read_object(&object, path))
			continue;
		if (!any)
			first = object;
		any = true;
		ours |= object.ours;
		if (!object.ours && !has_stock)
			stock = object;
		has_stock |= !object.ours;
	}
	/* a configuration may be looked at elsewhere */
	if (here && *missing)
		check_problem(
			check, dirs->file, dirs->line,
			"PluginDir=: the folder %.200s does not exist on this host: "
			"every command of Slurm fails",
			missing);
	if (!any)
		check_notice(check, dirs->file, dirs->line,
			     "PluginDir=: no folder has a " FILE_NAME
			     " on this host: run this where slurmctld runs");
	else if (!ours)
		check_problem(check, dirs->file, dirs->line,
			      "PluginDir=: no folder has gputopo's " FILE_NAME
			      ": Slurm alone chooses the GPUs%s",
			      submit->value && slurm_list_has(submit->value, "gputopo")
				      ? ", and JobSubmitPlugins=gputopo checks nothing"
				      : "");
	else if (!first.ours)
		check_problem(check, dirs->file, dirs->line,
			      "PluginDir=: gputopo's folder must be before Slurm's own");
	else if (!has_stock)
		check_problem(check, dirs->file, dirs->line,
			      "PluginDir=: Slurm's own " FILE_NAME
			      " is missing behind gputopo's");
	else if (first.release && stock.release && first.release != stock.release)
		check_problem(check, dirs->file, dirs->line,
			      "PluginDir=: gputopo's " FILE_NAME
			      " is built for Slurm %s, and Slurm is %s: install the "
			      "package for %s",
			      release_text(first.release, a, sizeof(a)),
			      release_text(stock.release, b, sizeof(b)), b);
}

/* ---- files that slurmctld writes ---- */

static bool may(const struct stat *st, const struct passwd *user, unsigned int bits)
{
	if (user->pw_uid == 0)
		return true;
	if (st->st_uid == user->pw_uid)
		return (st->st_mode >> 6 & bits) == bits;
	if (st->st_gid == user->pw_gid)
		return (st->st_mode >> 3 & bits) == bits;
	return (st->st_mode & bits) == bits;
}

/* Why the user cannot write it; NULL: it can, as far as modes tell. in_place: an existing
 * file is enough, nothing is renamed. */
static const char *cannot_write(const char *path, const struct passwd *user,
				bool in_place)
{
	char dir[CHECK_PATH_MAX];
	struct stat st;
	char *slash;

	if (*path != '/')
		return "must be an absolute path";
	if (!stat(path, &st)) {
		if (S_ISDIR(st.st_mode))
			return "is a folder";
		if (in_place)
			return may(&st, user, 2) ? NULL
						 : "exists, and may not be written";
	}
	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	slash[slash == dir] = '\0';
	if (stat(dir, &st))
		return "its folder does not exist";
	return may(&st, user, 3) ? NULL : "its folder may not be written";
}

static void check_writable(struct check *check, const struct fact *user_fact)
{
	const char *name = user_fact->value ? user_fact->value : "root";
	const struct {
		const char *key, *path;
		bool in_place;
		int line;
	} files[] = {
		{"DecisionLog", gp_conf_decision_log(check->conf), true,
		 check->conf->decision_line},
		{"MetricsFile", gp_conf_metrics_file(check->conf), false,
		 check->conf->metrics_line},
	};
	const struct passwd *user = getpwnam(name);

	/* "SlurmUser=64030" */
	if (!user && strspn(name, "0123456789") == strlen(name))
		user = getpwuid((uid_t)strtoul(name, NULL, 10));
	if (!user) {
		if (user_fact->value)
			check_notice(check, user_fact->file, user_fact->line,
				     "SlurmUser=%.60s is no user on this host", name);
		return;
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const char *why = files[i].path ? cannot_write(files[i].path, user,
							       files[i].in_place)
						: NULL;

		if (why)
			check_problem(check, check->conf_path, files[i].line,
				      "%s=%.200s: %s by SlurmUser %s", files[i].key,
				      files[i].path, why, name);
	}
}

void check_plugin(struct check *check)
{
	struct facts facts = {.fact = {[PLUGIN_DIR] = {.key = "PluginDir"},
				       [SUBMIT] = {.key = "JobSubmitPlugins"},
				       [USER] = {.key = "SlurmUser"},
				       [SELECT] = {.key = "SelectType"}}};
	struct fact *fact = facts.fact;

	if (!check->slurm_path[0] ||
	    slurm_conf_walk(check->slurm_path, take_line, &facts, NULL))
		goto out;
	if (fact[SELECT].value && strcasecmp(fact[SELECT].value, "select/cons_tres") != 0)
		check_problem(check, fact[SELECT].file, fact[SELECT].line,
			      "SelectType=%.60s: gputopo needs select/cons_tres",
			      fact[SELECT].value);
	if (fact[PLUGIN_DIR].value)
		check_files(check, &fact[PLUGIN_DIR], &fact[SUBMIT]);
	else
		check_notice(check, check->slurm_path, 0,
			     "no PluginDir=: gputopo is not in force%s",
			     fact[SUBMIT].value &&
					     slurm_list_has(fact[SUBMIT].value, "gputopo")
				     ? ", and JobSubmitPlugins=gputopo checks nothing"
				     : "");
	check_writable(check, &fact[USER]);
out:
	for (int i = 0; i < FACTS; i++) {
		free(fact[i].value);
		free(fact[i].file);
	}
}
