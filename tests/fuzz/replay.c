/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target on the files, and the files of the directories, that are named on the command line. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (16u << 20)

static unsigned count;

static int replay_file(const char *path)
{
        uint8_t *data = malloc(INPUT_MAX), *exact;
        FILE *file = fopen(path, "rb");
        size_t size;

        if (!data || !file) {
                perror(path);
                return 1;
        }
        size = fread(data, 1, INPUT_MAX, file);
        fclose(file);
        /* A block of the input's own size, so that a read behind its end is found. */
        exact = malloc(size ? size : 1);
        if (!exact)
                return 1;
        memcpy(exact, data, size);
        free(data);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
        count++;
        return 0;
}

static int replay_directory(const char *path)
{
        DIR *directory = opendir(path);
        struct dirent *entry;
        char name[4096];
        int r = 0;

        if (!directory) {
                perror(path);
                return 1;
        }
        while (r == 0 && (entry = readdir(directory))) {
                if (entry->d_name[0] == '.')
                        continue;
                snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
                r = replay_file(name);
        }
        closedir(directory);
        return r;
}

int main(int argc, char **argv)
{
        int r = 0;

        for (int i = 1; i < argc && r == 0; i++) {
                struct stat status;

                if (stat(argv[i], &status) < 0) {
                        perror(argv[i]);
                        return 1;
                }
                r = S_ISDIR(status.st_mode) ? replay_directory(argv[i]) : replay_file(argv[i]);
        }
        printf("%u inputs\n", count);
        return r;
}
