/* SPDX-License-Identifier: Apache-2.0 */
/* A socket is to be bound where none may be: by links, by the working directory, by changing both meanwhile.
 */
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "attack.h"

static volatile bool stop;
static int inside, outside; /* directories: what is refused, and what is around it */

static bool exists(const char *path)
{
        struct stat st;

        return lstat(path, &st) == 0;
}

static int bind_to(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0), r;

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        r = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof(address));
        close(fd);
        return r;
}

static void *turn_link(void *unused)
{
        (void)unused;
        while (!stop) {
                (void)!symlink("secret", in_dir("turn.new"));
                rename(in_dir("turn.new"), in_dir("turn"));
                (void)!symlink(".", in_dir("turn.new"));
                rename(in_dir("turn.new"), in_dir("turn"));
        }
        return NULL;
}

static void *turn_directory(void *unused)
{
        (void)unused;
        while (!stop) {
                rename(in_dir("swap"), in_dir("swap.away"));
                (void)!symlink("secret", in_dir("swap"));
                unlink(in_dir("swap"));
                rename(in_dir("swap.away"), in_dir("swap"));
        }
        return NULL;
}

static void *turn_cwd(void *unused)
{
        (void)unused;
        while (!stop) {
                (void)!fchdir(inside);
                (void)!fchdir(outside);
        }
        return NULL;
}

static void race(const char *what, void *(*turn)(void *), const char *directory, double seconds)
{
        struct timespec start, now;
        pthread_t thread;
        char path[4200], made[64];
        int bound = 0;

        stop = false;
        pthread_create(&thread, NULL, turn, NULL);
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (int i = 0; !attack_escapes; i++) {
                snprintf(path, sizeof(path), "%s/s%d", directory, i);
                bound += bind_to(path) == 0;
                snprintf(made, sizeof(made), "secret/s%d", i);
                if (exists(in_dir(made)))
                        escaped("%s", what);
                clock_gettime(CLOCK_MONOTONIC, &now);
                if ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 >
                    seconds)
                        break;
        }
        stop = true;
        pthread_join(thread, NULL);
        printf("%s: bound %d times\n", what, bound);
        (void)!fchdir(outside);
}

int main(void)
{
        char cwd[64];

        inside = open(in_dir("secret"), O_PATH | O_DIRECTORY);
        outside = open(in_dir(""), O_RDONLY | O_DIRECTORY);
        (void)!chdir(in_dir(""));
        if (bind_to(in_dir("secret/s")) == 0 || bind_to("secret/../secret/s") == 0)
                escaped("binds where it is refused");
        if (bind_to("granted") < 0)
                printf("cannot bind where it is granted: %s\n", strerror(errno));
        race("a race on a link", turn_link, "turn", 1.5);
        race("a race on a directory", turn_directory, in_dir("swap"), 1);
        snprintf(cwd, sizeof(cwd), "/proc/%d/cwd", getpid());
        race("a race on the working directory, by its magic link", turn_cwd, cwd, 1);
        race("a race on the working directory", turn_cwd, ".", 1);
        still_confined();
        return finished();
}
