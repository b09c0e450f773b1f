/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.h - the jobs of a replay, and the readers of the formats they come in.
 *
 * No row is dropped silently: a row that is no GPU job is counted as ignored, a row that
 * cannot be understood as bad, each under its reason and with the first line it stood in.
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "gputopo.h"
#include "sim/policy_slurm.h"

#define SIM_MAX_LINE	 (1 << 16) /* a longer line is a bad row */
#define SIM_MAX_JOB_GPUS 100000
#define SIM_MAX_SECONDS	 4e9 /* of any time in a trace: the year 2096 as a Unix time */
#define SIM_NEVER	 INT64_MIN /* a time that the trace does not give */

struct sim_job {
	int64_t submit_ms;
	int64_t duration_ms;
	int64_t limit_ms; /* time limit; the duration where the trace has none */
	int64_t start_ms; /* recorded; SIM_NEVER: not known */
	uint32_t id;	  /* offsets into strings; 0 is "" */
	uint32_t user;
	uint32_t node;	 /* recorded NodeList */
	int32_t gpus;	 /* of all nodes together */
	int32_t cpus;	 /* of all nodes together; 0: not given */
	int32_t tasks;	 /* 0: not given */
	int16_t nodes;	 /* 0: as many as it takes */
	uint8_t form;	 /* enum sim_form */
	bool is_limited; /* limit_ms is the trace's */
};

/* Why a row is no job of the replay. */
enum sim_row {
	SIM_ROW_OK,
	SIM_ROW_NO_GPU,	     /* ignored: asks for no GPU */
	SIM_ROW_STEP,	     /* ignored: a step of a job */
	SIM_ROW_NOT_STARTED, /* ignored: pending, or cancelled before its start */
	SIM_ROW_NOT_ENDED,   /* ignored: still running at the time of the export */
	SIM_ROW_MIG,	     /* ignored: asks for a slice of a GPU by its profile */
	SIM_ROW_FIELDS,	     /* bad from here on */
	SIM_ROW_NUMBER,
	SIM_ROW_NEGATIVE,
	SIM_ROW_ORDER,
	SIM_ROW_STATE,
	SIM_ROW_FORM,
	SIM_ROW_LIMIT,
	SIM_ROW_LONG,
	SIM_ROW_REASONS,
};
#define SIM_ROW_BAD SIM_ROW_FIELDS

/* "times are negative" and the like; also the key of the summary ("negative"). */
const char *sim_row_text(enum sim_row reason);
const char *sim_row_key(enum sim_row reason);

struct sim_trace {
	struct sim_job *jobs; /* by submit time, then as read */
	size_t count;
	char *strings;
	size_t strings_used, strings_room;
	size_t jobs_room;
	const char *format;
	uint64_t hash; /* of the text */
	int64_t rows;
	int64_t reason_count[SIM_ROW_REASONS];
	int64_t reason_line[SIM_ROW_REASONS]; /* the first */
	int64_t shared;	    /* jobs that asked for a part of a GPU and count as one GPU */
	int64_t shifted_ms; /* what was taken from all times, so that the first is 0 */
};

struct sim_trace_options {
	const char *format; /* "csv", "sacct", "swf", "openb"; NULL: from the content */
	bool strict;	    /* a bad row is an error */
	enum sim_form form; /* of jobs whose trace does not tell */
	int swf_per_gpu;    /* --gpu-from procs/N: processors of a GPU; 0: refuse SWF */
	int64_t jobs_limit; /* read no more jobs than this; 0: all */
	double scale_arrivals; /* arrivals come this much faster; 0 counts as 1 */
};

/* Read a file, "-" for standard input. The trace is the caller's, to be released also
 * after an error. */
enum gt_err sim_trace_load(struct sim_trace *trace, const char *path,
			   const struct sim_trace_options *options, struct gt_error *err);
/* Same from an open stream; name stands for it in errors. */
enum gt_err sim_trace_read(struct sim_trace *trace, void *stream, const char *name,
			   const struct sim_trace_options *options, struct gt_error *err);
void sim_trace_release(struct sim_trace *trace);

static inline const char *sim_trace_text(const struct sim_trace *trace, uint32_t offset)
{
	return trace->strings + offset;
}

/* Keep a text with the trace; false: out of memory. Same texts one after another share.
 */
bool sim_trace_keep(struct sim_trace *trace, const char *text, uint32_t *offset);
/* Append a job; false: out of memory. */
bool sim_trace_add(struct sim_trace *trace, const struct sim_job *job);
/* By submit time, the first at 0. */
void sim_trace_sort(struct sim_trace *trace);
/* Replace job ids, users and node names by numbers. Times keep their distances. */
bool sim_trace_anonymize(struct sim_trace *trace);
/* The CSV form, with a header; jobs with their recorded start where there is one. */
void sim_trace_write(const struct sim_trace *trace, void *stream);

/* ---- what readers share (trace_fields.c) ---- */

#define SIM_MAX_FIELDS 64

struct sim_fields {
	char *text[SIM_MAX_FIELDS];
	int count; /* SIM_MAX_FIELDS + 1: too many */
};

/* Split a line in place; quotes are taken off. */
void sim_fields_split(struct sim_fields *fields, char *line, char separator);
/* The column of a name in a header, case-insensitive, or -1. */
int sim_fields_find(const struct sim_fields *header, const char *name);
/* A column's text, "" where it is missing (column -1 or a short row). */
const char *sim_fields_get(const struct sim_fields *fields, int column);
/* Seconds with up to three decimals; SIM_ROW_NUMBER, _NEGATIVE or _LIMIT where not. */
enum sim_row sim_read_ms(const char *text, int64_t *ms);
/* A whole number from low to high. */
enum sim_row sim_read_int(const char *text, int low, int high, int *value);

/* ---- the readers ---- */

/* One row to one job; the line may be written to. */
typedef enum sim_row sim_row_reader(struct sim_trace *trace, const void *columns,
				    char *line, const struct sim_trace_options *options,
				    struct sim_job *job);

/* A format: how its first lines look, and how its rows are read. */
struct sim_reader {
	const char *name;
	/* Is this the format's first line? Lines of # and ; are comments in all of them.
	 */
	bool (*knows)(const char *line);
	/* Take the header; false with err where a column is missing. NULL: has none. */
	enum gt_err (*header)(void *columns, char *line, struct gt_error *err);
	sim_row_reader *row;
};

#define SIM_COLUMNS_SIZE 256 /* bytes a reader may use for its columns */

extern const struct sim_reader sim_reader_csv, sim_reader_sacct, sim_reader_swf,
	sim_reader_openb;

#endif
