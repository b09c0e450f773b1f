/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: the reader of format gres. */
#include "fuzz.h"

FUZZ("gres")
