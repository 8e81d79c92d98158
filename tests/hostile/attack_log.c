/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that would spoil a terminal or the audit log, by every way that a program's text gets there: names of
 * files, links, sockets, queues and attributes, of programs, and what they call themselves. run.sh and
 * audit.py look at what came of it.
 */
#include <mqueue.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "attack.h"

static const char *const spoiled[] = {
        "\n"
        "flicker: 0 operations denied",
        "\r\033[2J\033]0;title\007",
        "\xff\xfe\x80\xc0\xaf",
        "\xed\xa0\x80", /* a surrogate */
        "\xc2\x9b"
        "31m", /* C1: control sequence introducer */
        "\xc2\x85"
        "next line", /* C1: next line */
        "\xe2\x80\xae"
        "txt.exe", /* right-to-left override */
        "\xe2\x81\xa6\xd8\x9c\xe2\x80\x8b",
        "\xe2\x80\xa8\xe2\x80\xa9", /* line and paragraph separators */
        "\xef\xbb\xbf\xf3\xa0\x80\x81",
        "\"},{\"event\":\"allowed\",\"x\":\"\\",
        "\\u000a\\\"",
        "\x7f\b\b\b%n%s%d",
};
#define SPOILED (sizeof(spoiled) / sizeof(spoiled[0]))

static void by_files(const char *directory, const char *text)
{
        char path[4096], *arguments[] = {(char *)text, NULL};

        snprintf(path, sizeof(path), "%s/%s", in_dir(directory), text);
        close(open(path, O_CREAT | O_RDWR, 0600));
        (void)mkdir(path, 0700);
        (void)rename(in_dir("public/file"), path);
        (void)!link(in_dir("public/file"), path);
        (void)!symlink(text, path);
        (void)!truncate(path, 0);
        (void)chmod(path, 0600);
        (void)mknod(path, S_IFIFO | 0600, 0);
        (void)unlink(path);
        if (fork() == 0) {
                execve(path, arguments, arguments);
                _exit(0);
        }
        wait(NULL);
}

/* In front of what is refused, so that the object's name has it. */
static void by_links(const char *text)
{
        char path[4096];

        snprintf(path, sizeof(path), "%s/%s", in_dir("public"), text);
        (void)!symlink(in_dir("secret/file"), path);
        expect_no_secret("a link of a spoiled name", open(path, O_RDONLY));
        unlink(path);
}

static void by_sockets(const char *text)
{
        static const char *const directories[] = {"secret", "bound", "plain"};
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
                int fd = socket(AF_UNIX, SOCK_STREAM, 0);

                snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/%.40s", in_dir(directories[i]),
                         text);
                (void)!bind(fd, (struct sockaddr *)&address, sizeof(address));
                (void)!connect(fd, (struct sockaddr *)&address, sizeof(address));
                close(fd);
        }
        memset(address.sun_path, 0, sizeof(address.sun_path));
        snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "flicker%.90s", text);
        for (socklen_t size = offsetof(struct sockaddr_un, sun_path) + 1; size <= sizeof(address);
             size += 7) {
                int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

                if (bind(fd, (struct sockaddr *)&address, size) == 0)
                        escaped("binds an abstract name");
                (void)sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, size);
                close(fd);
        }
}

static void by_names_of_other_kinds(const char *text)
{
        char name[256];

        snprintf(name, sizeof(name), "user.%.200s", text);
        (void)setxattr(in_dir("secret/file"), name, text, strlen(text), 0);
        (void)setxattr(in_dir("public/file"), name, text, strlen(text), 0);
        (void)getxattr(in_dir("hidden/file"), name, name, sizeof(name));
        (void)removexattr(in_dir("secret/file"), name);
        snprintf(name, sizeof(name), "/flicker%.200s", text);
        mqd_t queue = mq_open(name, O_RDWR);
        if (queue != (mqd_t)-1)
                mq_close(queue);
        (void)mq_unlink(name);
}

/* Names of which a character lies across the end of what a line has room for. */
static void long_names(void)
{
        static const char *const characters[] = {"\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xc3\xa4", "\033",
                                                 "\""};
        char path[4096];

        for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++)
                for (size_t shift = 0; shift < 12; shift++) {
                        size_t n = strlen(characters[i]);

                        snprintf(path, sizeof(path), "%s/%.*s", in_dir("secret"), (int)shift, "xxxxxxxxxxxx");
                        for (size_t length = strlen(path), part = 0; length + n + 2 < sizeof(path);
                             part += n) {
                                if (part + n > 240) {
                                        strcpy(path + length++, "/");
                                        part = 0;
                                }
                                strcpy(path + length, characters[i]);
                                length += n;
                        }
                        close(open(path, O_CREAT | O_RDWR, 0600));
                }
}

int main(void)
{
        for (size_t i = 0; i < SPOILED; i++) {
                prctl(PR_SET_NAME, spoiled[i]);
                by_files("secret", spoiled[i]);
                by_files("public", spoiled[i]);
                by_files("hidden", spoiled[i]);
                by_links(spoiled[i]);
                by_sockets(spoiled[i]);
                by_names_of_other_kinds(spoiled[i]);
        }
        long_names();
        still_confined();
        return finished();
}
