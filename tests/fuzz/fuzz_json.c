/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: the reader of format json. */
#include "fuzz.h"

FUZZ("json")
