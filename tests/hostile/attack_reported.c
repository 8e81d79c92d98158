/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where opens are the kernel's, the agent tells the broker of those that Landlock refused, and the broker
 * opens what the policy grants all the same: a directory that was removed and made anew. A liar tells it of
 * what was never refused, of what it may not have, and changes its mind meanwhile.
 */
#include <linux/openat2.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include "attack.h"
#include "proto/call.h"

#define SECONDS 1.0

static int report(uint64_t nr, const uint64_t arguments[6], uint64_t error)
{
        return (int)syscall(FL_CALL_NR, FL_CALL_REPORT, nr, arguments, error, 0, 0);
}

static void every_open(const char *path)
{
        struct open_how how = {.flags = O_RDONLY};
        const uint64_t here = (uint64_t)AT_FDCWD, file = (uint64_t)path;

        expect_no_secret("open", report(SYS_open, (uint64_t[6]){file, O_RDONLY}, EACCES));
        expect_no_secret("openat", report(SYS_openat, (uint64_t[6]){here, file, O_RDWR}, EPERM));
        expect_no_secret("O_PATH", report(SYS_openat, (uint64_t[6]){here, file, O_PATH}, EACCES));
        expect_no_secret("openat2",
                         report(SYS_openat2, (uint64_t[6]){here, file, (uint64_t)&how, sizeof how}, EACCES));
        expect_no_secret("O_TRUNC", report(SYS_open, (uint64_t[6]){file, O_RDWR | O_TRUNC}, 0));
        expect_no_secret("creat", report(SYS_creat, (uint64_t[6]){file, 0600}, EACCES));
        expect_no_secret("no open at all", report(SYS_truncate, (uint64_t[6]){file, 0}, EACCES));
}

static void *flip_directory(void *unused)
{
        (void)unused;
        while (!attack_stop) {
                rename("granted/turn", "granted/away");
                (void)!symlink("../secret", "granted/turn");
                unlink("granted/turn");
                rename("granted/away", "granted/turn");
        }
        return NULL;
}

static void race(void *(*meddle)(void *), void *argument, const char *path, bool reported)
{
        const uint64_t arguments[6] = {(uint64_t)AT_FDCWD, (uint64_t)path, O_RDONLY};
        struct timespec start, now;
        pthread_t thread;

        attack_stop = false;
        pthread_create(&thread, NULL, meddle, argument);
        clock_gettime(CLOCK_MONOTONIC, &start);
        do {
                expect_no_secret(path,
                                 reported ? report(SYS_openat, arguments, EACCES) : open(path, O_RDONLY));
                clock_gettime(CLOCK_MONOTONIC, &now);
        } while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 < SECONDS);
        attack_stop = true;
        pthread_join(thread, NULL);
}

/* Landlock holds on to what this was; the broker goes by its name. */
static void make_anew(void)
{
        if (unlink("granted/never") < 0 || rmdir("granted") < 0 || mkdir("granted", 0700) < 0)
                escaped("cannot be tried: %s", strerror(errno));
        (void)!symlink("../secret/file", "granted/link");
        (void)!symlink("../secret", "granted/directory");
        expect_no_secret("by a link", open("granted/link", O_RDONLY));
        expect_no_secret("by a linked directory", open("granted/directory/file", O_RDONLY));
        expect_no_secret("past it", open("granted/../secret/file", O_RDONLY));
        expect_no_secret("a hard link",
                         link("secret/file", "granted/file") < 0 ? -1 : open("granted/file", O_RDONLY));
        every_open("granted/link");
}

int main(void)
{
        char path[] = "secret/file";

        every_open(in_dir("secret/file"));
        every_open("granted/../secret/file");
        every_open(setting("OUTSIDE"));
        race(flip_to_secret, path, path, true);
        make_anew();
        mkdir("granted/turn", 0700);
        race(flip_directory, NULL, "granted/turn/file", true);
        race(flip_directory, NULL, "granted/turn/file", false);
        still_confined();
        return finished();
}
