/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a request has no answer, for people. Called by the programs. */
#include "config.h"

#include "core/table.h"

#include <stdio.h>

char *gt_fit_text(const struct gt_table *table, const struct gt_request *request,
		  enum gt_fit fit, char *buf, size_t size)
{
	struct gt_mask free = gt_mask_and(&request->free, &table->node->all);
	struct gt_mask mig = gt_mask_and(&free, &table->node->mig);
	int count = gt_mask_count(&free);

	switch (fit) {
	case GT_FIT_OK:
		snprintf(buf, size, "a set was found");
		break;
	case GT_FIT_TOO_FEW:
		snprintf(buf, size, "%d GPUs asked, %d free", request->count, count);
		break;
	case GT_FIT_MIG:
		snprintf(buf, size,
			 "%d GPUs asked, %d free, %d of them in MIG mode: MIG devices "
			 "cannot work together",
			 request->count, count, gt_mask_count(&mig));
		break;
	case GT_FIT_BELOW_MIN:
		snprintf(buf, size, "no free set of %d GPUs reaches %.1f GB/s%s%s",
			 request->count, request->min_busbw_mbps / 1000.0,
			 request->comm == GT_COMM_ALLTOALL ? " of all-to-all" : "",
			 request->groups && request->groups->count > 1 ? " in every group"
								       : "");
		break;
	case GT_FIT_CONSTRAINED:
		snprintf(buf, size, "no free set of %d GPUs meets all that was asked",
			 request->count);
		break;
	case GT_FIT_INVALID:
		snprintf(buf, size, "%s",
			 request->count < 1 ? "the number of GPUs must be at least 1"
			 : request->groups && request->groups->count &&
					 gt_groups_sum(request->groups) != request->count
				 ? "the groups do not add up to the number of GPUs"
				 : "a GPU that must be in the set is not free");
		break;
	}
	return buf;
}
