/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mpi_hello: the smallest MPI program that needs all ranks to have found each other. */
#include <mpi.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	int rank, ranks, sum = 0;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	printf("hello from %d of %d, sum %d\n", rank, ranks, sum);
	MPI_Finalize();
	return 0;
}
