/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: the reader of format nvidia-smi. */
#include "fuzz.h"

FUZZ("nvidia-smi")
