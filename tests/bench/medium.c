/* SPDX-License-Identifier: Apache-2.0 */
/* A medium-sized C file for the compiler to chew on: headers of every kind, and a few hundred functions. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIX(n)                                                                                               \
        unsigned mix_##n(const unsigned char *data, unsigned long size);                                     \
        unsigned mix_##n(const unsigned char *data, unsigned long size)                                      \
        {                                                                                                    \
                unsigned hash = 2166136261u + n;                                                             \
                for (unsigned long i = 0; i < size; i++) {                                                   \
                        switch ((data[i] + n) % 5) {                                                         \
                        case 0:                                                                              \
                                hash ^= data[i];                                                             \
                                break;                                                                       \
                        case 1:                                                                              \
                                hash += data[i] << (n % 7);                                                  \
                                break;                                                                       \
                        case 2:                                                                              \
                                hash = (hash << 5) | (hash >> 27);                                           \
                                break;                                                                       \
                        case 3:                                                                              \
                                hash -= (unsigned)strlen((const char *)data);                                \
                                break;                                                                       \
                        default:                                                                             \
                                hash *= 16777619u;                                                           \
                        }                                                                                    \
                }                                                                                            \
                return hash;                                                                                 \
        }
#define MIX10(n)                                                                                             \
        MIX(n##0) MIX(n##1) MIX(n##2) MIX(n##3) MIX(n##4) MIX(n##5) MIX(n##6) MIX(n##7) MIX(n##8) MIX(n##9)
MIX10(1) MIX10(2) MIX10(3) MIX10(4)
