/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: the reader of format amd-smi. */
#include "fuzz.h"

FUZZ("amd-smi")
