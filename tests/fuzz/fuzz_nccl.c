/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: the reader of format nccl. */
#include "fuzz.h"

FUZZ("nccl")
