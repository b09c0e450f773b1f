/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: the reader of format rocm-smi. */
#include "fuzz.h"

FUZZ("rocm-smi")
