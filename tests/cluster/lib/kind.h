/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kind.h - the machine of a node kind (gres.conf lines with Links=), for the oracle. */
#ifndef KIND_H
#define KIND_H

#include "tests/oracle/oracle.h"

#define KIND_LINK_MBPS 20000 /* one link of a GPU without a known model */

/* Read the file of a kind, 2 to 10 GPUs; ends the program where that fails. */
void kind_read(struct oracle_graph *g, const char *file);

#endif
