/* SPDX-License-Identifier: Apache-2.0 */
/* Included last by every source file of the agent: no libc lives here, and a call that slips in would only be
 * noticed by the linker after the compiler had turned it into something else. */
#ifndef FLICKER_AGENT_POISON_H
#define FLICKER_AGENT_POISON_H

#pragma GCC poison malloc calloc realloc free alloca
#pragma GCC poison memcpy memmove memset memcmp strlen strcpy strncpy strcat strcmp strncmp strdup
#pragma GCC poison printf fprintf sprintf snprintf vsnprintf puts perror strerror
#pragma GCC poison open openat read write pread pwrite mmap munmap mprotect ioctl prctl syscall
#pragma GCC poison fork vfork clone execve execv execvp posix_spawn exit abort assert
#pragma GCC poison signal sigaction raise kill getpid gettid getenv setenv errno
#pragma GCC poison pthread_create pthread_mutex_lock thread_local

#endif
