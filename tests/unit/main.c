/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - the one main of the programs of suites. */
#include "unit.h"

int main(int argc, char **argv)
{
	return unit_main(argc, argv);
}
