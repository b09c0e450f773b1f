/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.h - the jobs of a replay, and the readers of the formats they come in.
 *
 * No row is dropped silently: a row that is no GPU job is counted as ignored, a row that
 * cannot be understood as bad, each under its reason and with the first line it stood in.
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "core/library.h"
#include "sim/policy_slurm.h"

#define SIM_MAX_LINE	    (1 << 16) /* a longer line is a bad row */
#define SIM_MAX_JOB_GPUS    100000
#define SIM_MAX_SECONDS	    4e9 /* of any time in a trace: the year 2096 as a Unix time */
#define SIM_WHOLE_GPU_MILLI 1000
#define SIM_NEVER	    INT64_MIN /* a time that the trace does not give */

/* Which nodes a job may have; all of them texts of the trace, 0 where it names none. */
struct sim_wish {
	uint32_t partition; /* or several, separated by commas */
	uint32_t type;	    /* of GPU */
	uint32_t features;  /* Slurm's expression of node features */
	uint32_t reservation;
};
#define SIM_MAX_WISHES 4096

/* The geometry that a job asks for. */
struct sim_shape {
	struct gt_groups
		groups; /* of its GPUs on a node, or repeated there; count 0: one */
	enum gt_comm comm;
};
#define SIM_MAX_SHAPES 256

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
	uint16_t wish;	 /* of the trace's wishes; 0: any node */
	uint16_t shape;	 /* of the trace's shapes; 0: one all-reduce */
};

/* GPU instances that a job of the trace held, for gputopo sim mig. */
struct sim_slices {
	int64_t submit_ms, duration_ms;
	uint32_t profile; /* "1g.10gb", without the site's prefix; "" where not known */
	int32_t milli;	  /* or: thousandths of one GPU; -1: of a profile */
	int32_t count;
};

/* Why a row is no job of the replay. */
enum sim_row {
	SIM_ROW_OK,
	SIM_ROW_NO_GPU,	     /* ignored: asks for no GPU */
	SIM_ROW_STEP,	     /* ignored: a step of a job */
	SIM_ROW_NOT_STARTED, /* ignored: pending, or cancelled before its start */
	SIM_ROW_NOT_ENDED,   /* ignored: still running at the time of the export */
	SIM_ROW_MIG,	     /* ignored: asks for a slice of a GPU by its profile */
	SIM_ROW_FILTERED,    /* ignored: not among those of --only */
	SIM_ROW_NO_PLACE,    /* ignored: no node has what it names, such as a partition */
	SIM_ROW_FIELDS,	     /* bad from here on */
	SIM_ROW_NUMBER,
	SIM_ROW_NEGATIVE,
	SIM_ROW_ORDER,
	SIM_ROW_STATE,
	SIM_ROW_FORM,
	SIM_ROW_GROUPS,
	SIM_ROW_LIMIT,
	SIM_ROW_LONG,
	SIM_ROW_REASONS,
};
#define SIM_ROW_BAD SIM_ROW_FIELDS

/* "times are negative" and the like; also the key of the summary ("negative"). */
const char *sim_row_text(enum sim_row reason);
const char *sim_row_key(enum sim_row reason);

#define SIM_DETAIL_MAX 112

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
	int64_t reason_line[SIM_ROW_REASONS];		     /* the first */
	char reason_detail[SIM_ROW_REASONS][SIM_DETAIL_MAX]; /* its field and value */
	char detail[SIM_DETAIL_MAX]; /* of the row that is being read */
	struct sim_wish *wishes;     /* [0] is none */
	size_t wish_count;
	struct sim_shape *shapes; /* [0] is none */
	size_t shape_count;
	struct sim_slices *slices; /* where the options ask for them */
	size_t slice_count, slice_room;
	bool shares_gpus; /* slices are shares of GPUs */
	int64_t mixed;	  /* jobs with whole GPUs and instances: the GPUs count */
	int64_t requeued; /* runs of a job that ran before; their ids end in #2, #3, ...
			   */
	int64_t times_zoned, times_plain; /* times with an offset from UTC, and without */
	int64_t shared;	    /* jobs that asked for a part of a GPU and count as one GPU */
	int64_t shifted_ms; /* what was taken from all times, so that the first is 0 */
};

struct sim_trace_options {
	const char *format; /* a name of sim_trace_formats(); NULL: from the content */
	bool strict;	    /* a bad row is an error */
	enum sim_form form; /* of jobs whose trace does not tell */
	int swf_per_gpu;    /* --gpu-from procs/N: processors of a GPU; 0: refuse SWF */
	int gpus_per_node;  /* --gpu-from node/N: a job's nodes have N GPUs each, all its
			     * own, where no column tells; 0: not so */
	const char *gpu_hosts;	 /* and only nodes of this list have GPUs; NULL: all */
	const char *const *only; /* KEY=VALUE,...: rows that are kept; NULL ends it */
	bool keeps_slices;
	const char *first_line; /* stands before the stream; NULL: nothing */
	int64_t jobs_limit;	/* read no more jobs than this; 0: all */
	double scale_arrivals;	/* arrivals come this much faster; 0 counts as 1 */
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
/* The CSV form, with a header; jobs with their recorded start where there is one. */
void sim_trace_write(const struct sim_trace *trace, void *stream);

/* The number of a wish of the trace, the same for equal ones; -1: out of memory or more
 * than SIM_MAX_WISHES. */
int sim_trace_wish(struct sim_trace *trace, const struct sim_wish *wish);
/* The same of a shape; -1: or more than SIM_MAX_SHAPES. */
int sim_trace_shape(struct sim_trace *trace, const struct sim_shape *shape);
/* "2x2", "4+2 alltoall", "alltoall"; returns buf. */
#define SIM_SHAPE_TEXT (GT_GROUPS_TEXT_MAX + 16)
char *sim_shape_text(const struct sim_shape *shape, char buf[SIM_SHAPE_TEXT]);
/* Whether a job of these GPUs on these nodes (0: one) can have the groups: all nodes get
 * the same number, a multiple of the sizes. */
bool sim_groups_fit(const struct gt_groups *groups, int gpus, int nodes);
/* Jobs of several GPUs whose trace names no groups get those of their size on a node:
 * groups[k] for k GPUs, count 0: none; and comm, where the trace names none. GT_ELIMIT:
 * more than SIM_MAX_SHAPES together. */
enum gt_err sim_trace_shape_sizes(struct sim_trace *trace, const struct gt_groups *groups,
				  int largest, enum gt_comm comm, struct gt_error *err);
/* "csv, sacct, ..." */
const char *sim_trace_formats(void);

/* ---- what readers share (trace_fields.c) ---- */

#define SIM_MAX_FIELDS 256

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
/* A moment: seconds since 1970, or "2026-11-21T22:33:29" with a blank for the T,
 * fractions of seconds and an offset from UTC (Z, +01:00, +0100, +01) where it has them.
 * *zoned: it has an offset, which is taken off. */
enum sim_row sim_read_time(const char *text, int64_t *ms, bool *zoned);
/* "1-02:03:04", "02:03:04", "03:04" (minutes and seconds), or plain numbers of unit_s. */
enum sim_row sim_read_span(const char *text, int unit_s, int64_t *ms);
/* Whether there is no value: "", "Unknown", "None", "NaN", ... */
bool sim_is_unknown(const char *text);
/* The state of a job: by Slurm's names, in full or cut, by its numbers, or by those of
 * published traces. SIM_ROW_OK: it has run and ended. */
enum sim_row sim_read_state(const char *text);

/* ---- GPUs of a TRES (trace_tres.c) ---- */

#define SIM_PROFILE_MAX 32
#define SIM_TYPE_MAX	64

struct sim_tres {
	int whole;		 /* GPUs */
	int slices;		 /* instances */
	bool typed;		 /* at least one entry has a type */
	char type[SIM_TYPE_MAX]; /* of the whole ones; "" where not one */
	struct {
		char profile[SIM_PROFILE_MAX];
		int count;
	} slice[8]; /* the first profiles */
	int slice_kinds;
};

/* GPUs and instances of "cpu=8,mem=64G,gres/gpu=4,gres/gpu:a100=4", of the numbers of
 * slurmdbd ("1=8,2=64000,1001=4"), or of a GRES ("gpu:a100:4(S:0-1)", "gres:gpu:4"). */
enum sim_row sim_tres_read(struct sim_tres *tres, const char *text);
/* The profile in the name of a GPU type, as "1g.5gb" of "a100_1g.5gb" or
 * "NVIDIA_A100-SXM4-40GB_MIG_1G.5GB"; "" for a MIG type that names none. false: the type
 * is a whole GPU. */
bool sim_type_is_slice(const char *type, size_t length, char profile[SIM_PROFILE_MAX]);

/* ---- the readers ---- */

/* What a column means. */
enum sim_role {
	SIM_ID,
	SIM_USER,
	SIM_SUBMIT,
	SIM_ELIGIBLE,
	SIM_START,
	SIM_END,
	SIM_DURATION,
	SIM_LIMIT,
	SIM_LIMIT_MINUTES,
	SIM_STATE,
	SIM_NODES,
	SIM_TASKS,
	SIM_CPUS,
	SIM_GPUS,	   /* of the job */
	SIM_GPUS_PER_NODE, /* GRES as it was asked for: of each node */
	SIM_TRES_ASKED,
	SIM_TRES_GIVEN,
	SIM_MILLI,     /* thousandths of one GPU */
	SIM_PERCENT,   /* hundredths of a GPU for each instance of a task */
	SIM_INSTANCES, /* of a task */
	SIM_NODELIST,
	SIM_FORM,
	SIM_GROUPS,
	SIM_COMM,
	SIM_PROFILE,
	SIM_PARTITION,
	SIM_TYPE,
	SIM_FEATURES,
	SIM_RESERVATION,
	SIM_FREE_TEXT, /* may hold the separator */
	SIM_ROLES,
};

struct sim_format;

/* A table that is being read. */
struct sim_table {
	const struct sim_format *format;
	char separator;
	char *header;		 /* split */
	struct sim_fields names; /* in header */
	int column[SIM_ROLES];	 /* -1: has none */
	int free_texts;		 /* columns of SIM_FREE_TEXT */
	bool running_has_run;	 /* a state that says running may have an end */
};

#define SIM_MAX_CPUS 10000000 /* of a job */

static inline bool sim_table_has(const struct sim_table *table, enum sim_role role)
{
	return table->column[role] >= 0;
}
/* Whether a column tells GPUs. */
bool sim_table_counts_gpus(const struct sim_table *table);

/* Whether it is the header of a table of jobs, which is taken then; *is_row: it is none,
 * but the first row of a format that comes without. SIM_NO_TABLE: not a table that is
 * known. */
enum sim_header { SIM_NO_TABLE, SIM_TABLE, SIM_BAD_TABLE };
enum sim_header sim_table_begin(struct sim_table *table, const char *format,
				const char *line, bool *is_row, struct gt_error *err);
const char *sim_table_name(const struct sim_table *table);
/* One row to one job; line is written to. (trace_row.c) */
enum sim_row sim_table_row(struct sim_table *table, struct sim_trace *trace, char *line,
			   const struct sim_trace_options *options, struct sim_job *job);
void sim_table_release(struct sim_table *table);
/* The names of the formats, NULL after the last. */
const char *sim_table_format(int i);

bool sim_swf_knows(const char *line);
enum sim_row sim_swf_row(struct sim_trace *trace, char *line,
			 const struct sim_trace_options *options, struct sim_job *job);

/* Microsoft's Philly, a JSON list of jobs with attempts: each attempt that ran is a job.
 * take gets each with its reason; the bracket that begins the list is read already. */
enum gt_err sim_philly_read(struct sim_trace *trace, void *stream,
			    enum gt_err (*take)(void *arg, struct sim_job *job,
						enum sim_row reason,
						struct gt_error *err),
			    void *arg, struct gt_error *err);

/* What is wrong with the row that is being read: its field and value. */
void sim_trace_blame(struct sim_trace *trace, const char *field, const char *value);

#endif
