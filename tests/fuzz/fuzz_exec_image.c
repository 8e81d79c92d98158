/* SPDX-License-Identifier: Apache-2.0 */
/* Any file as an executable, and as an ELF interpreter. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "broker/intake/exec_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
        if (!condition)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct exec_image image;
        static int fd = -1;
        int r;

        if (fd < 0)
                fd = memfd_create("image", MFD_CLOEXEC);
        require(fd >= 0 && ftruncate(fd, 0) == 0);
        require(pwrite(fd, data, size, 0) == (ssize_t)size);
        memset(&image, 0xa5, sizeof image);
        r = exec_image_inspect(fd, &image);
        require(r <= 0 && r > -4096);
        if (r == 0) {
                require(memchr(image.interpreter, '\0', sizeof image.interpreter) != NULL);
                require(memchr(image.argument, '\0', sizeof image.argument) != NULL);
                require(image.kind == EXEC_IMAGE_ELF || image.interpreter[0]);
        }
        r = exec_image_check_interpreter(fd);
        require(r <= 0 && r > -4096);
        return 0;
}
