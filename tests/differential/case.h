/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The differential test's cases. A seed decides rounds; a round is a fresh tree of files, who acts in it, and
 * a list of syscalls with their arguments. Nothing that happens changes what comes next, so that a round can
 * be told by its number, and be repeated with some of its cases left out.
 */
#ifndef FLICKER_TESTS_DIFFERENTIAL_CASE_H
#define FLICKER_TESTS_DIFFERENTIAL_CASE_H

#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <utime.h>

#include "tests/differential/chance.h"

#define CASES_MAX 64 /* of a round */

/* Descriptors that an actor has at the start of each round, and where it keeps what it opens. */
enum {
        FD_TREE = 200, /* the tree's root */
        FD_DIRECTORY,  /* d1 */
        FD_FILE,       /* f1, for reading and writing */
        FD_READ_ONLY,  /* f1, for reading */
        FD_PATH,       /* f1, O_PATH */
        FD_PATH_DIR,   /* d1, O_PATH */
        FD_PATH_LINK,  /* l-f1, O_PATH */
        FD_REMOVED,    /* a file that is no longer in the tree */
        FD_GONE,       /* a directory that is no longer in the tree */
        FD_MEMORY,     /* a memfd */
        FD_PIPE,       /* a pipe, O_RDWR by way of its other end being the same object */
        FD_SOCKET,     /* one of a pair */
        FD_WATCHER,    /* of inotify(7) */
        FD_FIRST = FD_TREE,
        FD_END = FD_WATCHER + 1,
        FD_KEPT = 220,
        FD_KEPT_END = 226,
        FD_CONTROL = 240, /* the socket to the keeper */
};

/* What a letter of a shape's arguments stands for. */
enum argument {
        ARG_DIRECTORY = 'd', /* descriptor that a path starts from */
        ARG_PATH = 'p',      /* a path, by preference of what there is */
        ARG_NEW = 'n',       /* a path, by preference of what there is not */
        ARG_TEXT = 't',      /* a symbolic link's text */
        ARG_FD = 'f',
        ARG_OPEN = 'o', /* flags of open(2) */
        ARG_HOW = 'h',  /* struct open_how * */
        ARG_MODE = 'm', /* permissions */
        ARG_NODE = 'M', /* mknod(2)'s mode */
        ARG_AT = 'a',   /* AT_* */
        ARG_ACCESS = 'A',
        ARG_OUT = 'b',  /* where results go */
        ARG_SIZE = 'c', /* its size */
        ARG_UID = 'u',
        ARG_GID = 'g',
        ARG_TIMESPEC = 'T',
        ARG_TIMEVAL = 'v',
        ARG_UTIMBUF = 'U',
        ARG_LENGTH = 'l',
        ARG_XNAME = 'k',
        ARG_XVALUE = 'V',
        ARG_XFLAGS = 'F',
        ARG_RENAME = 'r',
        ARG_REMOVE = 'R',   /* unlinkat(2)'s flags */
        ARG_LINK = 'L',     /* linkat(2)'s flags */
        ARG_MASK = 'K',     /* statx(2)'s mask */
        ARG_HOW_SIZE = 'z', /* of the structure or value before it */
        ARG_DEVICE = 'D',
        ARG_WATCHER = 'i',
        ARG_WATCH = 'w',        /* IN_* */
        ARG_XSET = 'x',         /* struct xattr_args *: a value */
        ARG_XGET = 'y',         /* struct xattr_args *: where results go */
        ARG_XSIZE = 'X',        /* the structure's */
        ARG_SOCKET = 'S',       /* a new Unix socket of this type */
        ARG_ADDRESS = 'q',      /* struct sockaddr_un * with a path */
        ARG_ADDRESS_SIZE = 'Q', /* enum address_size */
        ARG_MESSAGE = 'B',      /* one byte */
        ARG_ONE = '1',
        ARG_SEND = 'N', /* MSG_* */
};

/* How a result is described, beside its number. */
enum result {
        RESULT_NONE,
        RESULT_OPEN,
        RESULT_STAT,
        RESULT_STATX,
        RESULT_STATFS,
        RESULT_TEXT,
        RESULT_PATH,
        RESULT_NAMES,
        RESULT_LIST,
        RESULT_BOUND,    /* a socket has this name now */
        RESULT_CONNECTED /* ... this peer */
};

/* How much of a socket's address counts. */
enum address_size {
        ADDRESS_EXACT,
        ADDRESS_WITHOUT_END, /* the text's end left out */
        ADDRESS_WHOLE,       /* the structure's size */
        ADDRESS_FAMILY,      /* no name */
        ADDRESS_ODD          /* from here on: itself minus this */
};

struct shape {
        const char *name;
        int nr;
        unsigned weight;
        const char *arguments; /* letters */
        enum result result;
        bool privileged; /* only where the actor may change its identity */
};

extern const struct shape shapes[];
extern const unsigned shape_count;

enum pointer {
        POINTER_GOOD,
        POINTER_NULL,
        POINTER_BAD,
        POINTER_CUT /* the text runs into unmapped memory */
};

struct path {
        enum pointer pointer;
        char text[5200]; /* "%" is the tree's root */
};

struct thing { /* one case */
        const struct shape *shape;
        unsigned actor; /* which of the round's threads */
        bool patched;   /* by an instruction that a rewriter can find */
        unsigned keep;  /* where an opened descriptor goes; 0: closed */
        long args[6];   /* numbers; those of pointers are made when it is done */
        unsigned paths; /* how many of path are used */
        struct path path[2];
        enum pointer out; /* of ARG_OUT and other structures */
        char value[32];   /* an attribute's */
        struct open_how how;
        struct timespec times[2];
        struct timeval timevals[2];
        struct utimbuf utimbuf;
};

enum identity { IDENTITY_SAME, IDENTITY_FILE_UID, IDENTITY_EFFECTIVE, IDENTITY_DROPPED, IDENTITY_GROUP };

struct round {
        uint64_t seed, number;
        bool forks;             /* acts in a child of its own */
        bool threads;           /* a second thread acts, too */
        bool privileged;        /* made by root */
        bool lonely;            /* FIFOs have nobody at their other end, and nobody waits for one */
        bool unshares;          /* with a working directory and a umask of its own */
        enum identity identity; /* of the second thread, or of the one actor, where it may choose */
        mode_t umask;
        unsigned count;
        struct thing things[CASES_MAX];
};

void round_generate(uint64_t seed, uint64_t number, bool privileged, struct round *ret_round);

/* One line without its end: the call with its arguments. */
void thing_print(const struct thing *thing, FILE *out);

#endif
