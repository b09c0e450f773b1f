/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: the reader of format hwloc. */
#include "fuzz.h"

FUZZ("hwloc")
