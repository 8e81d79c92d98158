/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Syscalls in code that leaves no room for a jump: calls on both sides, branches to the instruction itself.
 * Each way of getting a jump there is here, and what they displace is watched to do what it did.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* rdi, rsi, rdx, r10 as of the syscall; the number comes last. */
long padded(const char *path, struct stat *status, long unused, long number);
long crowded(const char *path, struct stat *status, long unused, long number);
extern uint64_t crowded_word, crowded_count;

__asm__(".text\n"
        ".type nothing, @function\n"
        "nothing: ret\n"
        ".size nothing, . - nothing\n"
        ".globl padded\n"
        ".type padded, @function\n"
        "padded:\n"
        "       xor %r8d, %r8d\n"
        "1:     mov %rcx, %rax\n"
        "       mov %rcx, %r9\n"
        "       call nothing\n"
        "2:     syscall\n"
        "       call nothing\n"
        "       mov %r9, %rcx\n"
        "       inc %r8d\n"
        "       cmp $2, %r8d\n"
        "       je 3f\n"
        "       mov %rcx, %rax\n"
        "       jmp 2b\n" /* once more, straight to the instruction */
        "3:     ret\n"
        ".size padded, . - padded\n"
        ".p2align 5, 0xcc\n"
        "       .skip 8, 0x90\n"
        ".globl crowded\n"
        ".type crowded, @function\n"
        "crowded:\n"
        "       mov %rcx, %rax\n"
        "       call nothing\n"
        "       syscall\n"
        "       call nothing\n"
        "       incq crowded_count(%rip)\n" /* these two make room */
        "       mov crowded_word(%rip), %rdx\n"
        "       call nothing\n"
        "       mov %rdx, crowded_count+8(%rip)\n"
        "       .rept 64\n"
        "       call nothing\n"
        "       .endr\n"
        "       ret\n"
        ".size crowded, . - crowded\n"
        ".data\n"
        ".globl crowded_word, crowded_count\n"
        "crowded_word: .quad 0x1122334455667788\n"
        "crowded_count: .quad 0, 0\n"
        ".text\n");

int main(void)
{
        struct stat status;
        long sum = 0;

        memset(&status, 0, sizeof status);
        for (int i = 0; i < 1000; i++) {
                sum += padded("/", &status, 0, SYS_stat) + padded("/absent", &status, 0, SYS_stat);
                sum += crowded("/", &status, 0, SYS_stat) + crowded("/absent", &status, 0, SYS_stat);
        }
        printf("%ld %d %llu %#llx\n", sum, S_ISDIR(status.st_mode), (unsigned long long)crowded_count,
               (unsigned long long)(&crowded_count)[1]);
        return 0;
}
