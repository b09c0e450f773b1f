/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_name.h - names of MIG profiles taken to pieces, without any table: what slurmctld
 * needs to tell a profile from a whole GPU's type. Called by mig_profile.c and
 * instance.c.
 */
#ifndef GT_CORE_MIG_NAME_H
#define GT_CORE_MIG_NAME_H

#include <stdbool.h>

/* A name taken to pieces: 1g.10gb+me. */
struct gt_mig_name {
	int compute;
	int gb;
	char suffix[16];
};

/* Read the profile that ends a text; what may stand before it is a Slurm type ("a100_")
 * or the word MIG. false: the text ends in no profile. O(length). */
bool gt_mig_name_read(const char *name, struct gt_mig_name *parts);

#endif
