/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_record.h - which GPU instances of this node are ours, and whose: one small file a
 * job in a folder of its own, FOLDER/NODE/JOBID.
 *
 * A record is written before its instances are made, so that nothing of ours can be left
 * over unknown, and replaced by rename, so that a reader sees the old or the new one. The
 * folder belongs in /run: instances do not survive a reboot either. Root alone reads it:
 * who has which slices is nobody else's business.
 */
#ifndef GPUTOPO_PLUGIN_NODE_MIG_MIG_RECORD_H
#define GPUTOPO_PLUGIN_NODE_MIG_MIG_RECORD_H

#include <stdint.h>
#include <stdio.h>

#include "plugin/node/mig/mig_driver.h"

#define GP_MIG_RECORD_MAX  64 /* instances of one job on one node */
#define GP_MIG_RECORD_JOBS 1024

struct gp_mig_record {
	uint32_t job;
	int restart;	   /* which run of the job: its restart count */
	char refused[128]; /* why it gets no instance; "": it is not refused any */
	int count;
	struct gp_mig_instance instance[GP_MIG_RECORD_MAX];
};

/* Make FOLDER and FOLDER/NODE, which root alone may read, and hold the node's lock until
 * gp_mig_records_unlock. Waits up to wait_ms for others. holder, of holder_size bytes, is
 * then who has it: "prolog of job 5, process 1234". Returns a file descriptor, or -1 with
 * errno, ETIMEDOUT where the other did not let go. */
int gp_mig_records_lock(const char *folder, const char *node, int wait_ms, char *holder,
			size_t holder_size);
/* Tell others for what the lock is held. */
void gp_mig_records_sign(int lock, const char *what);
void gp_mig_records_unlock(int lock);

/* 1: read; 0: there is none; -1: it cannot be read or is none of ours (errno). */
int gp_mig_record_read(const char *folder, const char *node, uint32_t job,
		       struct gp_mig_record *record);
/* Both return 0, or -1 with errno. A record without instances is removed, unless it says
 * why there are none. */
int gp_mig_record_write(const char *folder, const char *node,
			const struct gp_mig_record *record);
int gp_mig_record_remove(const char *folder, const char *node, uint32_t job);
/* The jobs that have records, up to room; how many, or -1 with errno. */
int gp_mig_records_list(const char *folder, const char *node, uint32_t *jobs, int room);

#endif
