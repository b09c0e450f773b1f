/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: the reader of format nvlink. */
#include "fuzz.h"

FUZZ("nvlink")
