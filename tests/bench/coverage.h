/* SPDX-License-Identifier: Apache-2.0 */
/* What tests/bench/coverage's program in the kernel counts, and what its other half reads. */
#ifndef TESTS_BENCH_COVERAGE_H
#define TESTS_BENCH_COVERAGE_H

#define COVERAGE_PATH_DEPTH 12
#define COVERAGE_PATH_NAME  40

enum coverage_place {
        COVERAGE_UNKNOWN = 0, /* the kernel could not look it up just then */
        COVERAGE_FILE,        /* code of a mapped file, as it is on disk round the instruction */
        COVERAGE_PATCHED,     /* the same, behind a jump to a trampoline */
        COVERAGE_TRAMPOLINE,  /* the agent's memory */
        COVERAGE_AGENT,       /* the agent's own code */
        COVERAGE_VDSO,        /* the kernel's code */
        COVERAGE_ANONYMOUS,   /* code that no file holds */
        COVERAGE_PLACES,
};

/* A syscall instruction that ran, with this number. */
struct coverage_site {
        unsigned long long inode;
        unsigned long long offset; /* in the file; without one, the address */
        unsigned int nr;
        unsigned int place; /* enum coverage_place */
};

/* Of an inode: the names that lead to it, the last one first. */
struct coverage_path {
        char name[COVERAGE_PATH_DEPTH][COVERAGE_PATH_NAME];
};

#endif
