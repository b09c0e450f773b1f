/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: what users can write and nodes read: an entry of a job's control
 * environment, a wish, a placement, a past, and what Slurm says of shards. Each reader
 * gets the text. */
#include "fuzz.h"

#include "plugin/common/mig_text.h"
#include "plugin/common/past_text.h"
#include "plugin/common/user_text.h"

static void place_wish(const char *text)
{
	struct gp_mig_wish wish;

	if (!gp_mig_wish_read(text, &wish))
		return;
	fuzz_must(wish.count >= 1 && wish.count <= GP_MIG_COUNT_MAX && wish.compute >= 1);
	fuzz_must(strlen(wish.profile) < sizeof(wish.profile) &&
		  strlen(wish.suffix) < sizeof(wish.suffix));
}

/* What was read is written again, and is the same text. */
static void place_entries(const char *text)
{
	size_t room = strlen(text) + 1, used = 0;
	char *again = malloc(room), name[GP_NODE_NAME_MAX + 1];
	bool whole = true;

	fuzz_must(again != NULL);
	*again = '\0';
	for (const char *at = text; at && whole;) {
		struct gp_mig_entry entry;

		whole = gp_mig_entry_next(&at, &entry);
		if (!whole)
			break;
		fuzz_must(entry.node_length > 0 && entry.node_length <= GP_NODE_NAME_MAX);
		memcpy(name, entry.node, entry.node_length);
		name[entry.node_length] = '\0';
		fuzz_must(gp_mig_entry_is_on(&entry, name));
		/* "01" is read as 1, so that it may be shorter */
		fuzz_must(gp_mig_entry_add(again, room, &used, name, &entry.slice));
	}
	fuzz_must(strlen(again) == used);
	free(again);
}

static void place_past(const char *text)
{
	struct gp_previous_run past;

	gp_previous_run_parse(text, &past);
	fuzz_must(past.sets >= 0 && past.sets <= GP_PAST_SETS);
	for (int i = 0; i < past.sets; i++) {
		char name[GP_PAST_VALUE_MAX + 1];

		fuzz_must(past.set[i].length > 0 && past.set[i].length < sizeof(name));
		memcpy(name, past.set[i].node, past.set[i].length);
		name[past.set[i].length] = '\0';
		fuzz_must(gp_previous_run_on(&past, name) == past.set[i].gpus);
	}
}

/* The text's lines are a job's entries: what stays is in its bounds, and no name of ours
 * is there twice. Cleaned once more, nothing changes. */
static void place_filter(const char *text)
{
	struct gp_text_filter first = {.has_run = *text == 'r'}, second = first;
	char *copy = strdup(text), *save = NULL;
	const char *kept[GP_TEXT_ENTRIES];
	int count = 0;

	fuzz_must(copy != NULL);
	for (char *line = strtok_r(copy, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (!gp_text_stays(&first, line))
			continue;
		fuzz_must(count < GP_TEXT_ENTRIES);
		kept[count++] = line;
		fuzz_must(gp_text_kind(line) != GP_TEXT_FORGED);
		fuzz_must(first.has_run || gp_text_kind(line) != GP_TEXT_DECISION);
	}
	for (int i = 0; i < count; i++)
		fuzz_must(gp_text_stays(&second, kept[i]));
	fuzz_must(gp_text_dropped(&second) == 0);
	fuzz_must(strlen(first.name) < sizeof(first.name));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	fuzz_must(text != NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	place_wish(text);
	place_entries(text);
	place_past(text);
	place_filter(text);
	fuzz_must(gp_mig_shards_read(text) >= 0);
	free(text);
	return 0;
}
