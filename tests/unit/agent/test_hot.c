/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <sys/syscall.h>

#include "agent/process.h"

static struct fl_hello hello;

static void set(uint64_t mask[FL_MASK_WORDS], unsigned nr)
{
        mask[nr / 64] |= 1ull << (nr % 64);
}

Test(hot, nothing_mediated)
{
        for (unsigned nr = 0; nr < 70000; nr++) {
                bool hook = nr == SYS_mmap || nr == SYS_munmap || nr == SYS_mremap || nr == SYS_execve ||
                            nr == SYS_execveat || nr == SYS_rt_sigaction || nr == SYS_prctl ||
                            nr == SYS_seccomp;

                cr_assert_eq(ag_hot_bits(&hello, nr), hook ? AG_HOT_HOOK : 0, "%u", nr);
        }
}

Test(hot, mediated)
{
        set(hello.mediated, SYS_stat);
        set(hello.mediated, SYS_newfstatat);
        set(hello.mediated, SYS_openat);
        set(hello.mediated, SYS_connect);
        set(hello.ring, SYS_stat);
        set(hello.ring, SYS_openat);
        set(hello.ring, SYS_mkdir); /* not mediated: the ring mask alone says nothing */
        cr_assert_eq(ag_hot_bits(&hello, SYS_stat), AG_HOT_RING | AG_HOT_REDO);
        cr_assert_eq(ag_hot_bits(&hello, SYS_newfstatat), AG_HOT_REDO | AG_HOT_HOOK);
        cr_assert_eq(ag_hot_bits(&hello, SYS_openat), AG_HOT_RING | AG_HOT_OPEN);
        cr_assert_eq(ag_hot_bits(&hello, SYS_connect), 0, "the backstop alone decides: no use in a patch");
        cr_assert_eq(ag_hot_bits(&hello, SYS_mkdir), 0);
}

Test(hot, plain_sends)
{
        set(hello.mediated, SYS_sendmsg);
        cr_assert_eq(ag_hot_bits(&hello, SYS_sendmsg), 0);
        hello.flags = FL_HELLO_PLAIN_SENDS;
        cr_assert_eq(ag_hot_bits(&hello, SYS_sendmsg), AG_HOT_HOOK);
        cr_assert_eq(ag_hot_bits(&hello, SYS_sendmmsg), 0);
}

Test(hot, kernel_tier)
{
        hello.flags = FL_HELLO_SUBSTITUTE_EXE;
        set(hello.reported, SYS_openat);
        set(hello.reported, SYS_unlink);
        cr_assert_eq(ag_hot_bits(&hello, SYS_openat), AG_HOT_REPORT | AG_HOT_EXE | AG_HOT_PATH2);
        cr_assert_eq(ag_hot_bits(&hello, SYS_unlink), AG_HOT_REPORT);
        cr_assert_eq(ag_hot_bits(&hello, SYS_readlink), AG_HOT_EXE);
        set(hello.mediated, SYS_openat);
        cr_assert_eq(ag_hot_bits(&hello, SYS_openat), 0,
                     "the broker sees it: nothing to report or substitute");
}
