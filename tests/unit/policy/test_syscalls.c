/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "broker/policy/syscalls.h"

#define NEWEST 470

static FILE *kernel_header(void)
{
        static const char *const places[] = {
                "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
                "/usr/include/asm/unistd_64.h",
        };

        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
                FILE *file = fopen(places[i], "re");

                if (file)
                        return file;
        }
        return NULL;
}

Test(syscalls, table_agrees_with_the_kernel_header)
{
        FILE *header = kernel_header();
        char line[256], name[128];
        int nr, count = 0;

        cr_assert(header, "the kernel's header asm/unistd_64.h is not installed");
        while (fgets(line, sizeof line, header)) {
                if (sscanf(line, "#define __NR_%127s %d", name, &nr) != 2)
                        continue;
                count++;
                cr_expect_str_eq(syscall_name(nr), name);
                cr_expect_eq(syscall_number(name), nr, "%s", name);
                cr_expect_neq(syscall_entry(nr)->treatment, TREAT_UNKNOWN, "%s has no treatment", name);
        }
        fclose(header);
        cr_expect_gt(count, 350);
}

Test(syscalls, every_named_number_has_a_treatment_and_one_name)
{
        for (int nr = 0; nr < SYSCALLS_LIMIT; nr++) {
                const struct syscall_entry *entry = syscall_entry(nr);

                cr_expect_eq(entry->name[0] == '\0', entry->treatment == TREAT_UNKNOWN, "%d", nr);
                if (entry->name[0])
                        cr_expect_eq(syscall_number(entry->name), nr, "%s twice", entry->name);
        }
}

Test(syscalls, table_is_whole_up_to_the_newest)
{
        for (int nr = 0; nr <= NEWEST; nr++)
                cr_expect_eq(syscall_entry(nr)->name[0] != '\0', nr <= 336 || nr >= 424, "%d", nr);
}

Test(syscalls, unknown_numbers)
{
        static const int numbers[] = {-1, 337, 423, NEWEST + 1, 511, 512, 1 << 30, INT32_MIN, INT32_MAX};

        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
                cr_expect_eq(syscall_entry(numbers[i])->treatment, TREAT_UNKNOWN);
        cr_expect_str_eq(syscall_name(500), "syscall_500");
        cr_expect_eq(syscall_number("no_such"), -ENOENT);
}

Test(syscalls, treatments_that_must_not_slip)
{
        static const struct {
                const char *name;
                enum treatment treatment;
        } expected[] = {
                {"ptrace", TREAT_REFUSE},        {"mount", TREAT_REFUSE},
                {"bpf", TREAT_REFUSE},           {"userfaultfd", TREAT_REFUSE},
                {"setns", TREAT_REFUSE},         {"chroot", TREAT_REFUSE},
                {"io_uring_setup", TREAT_NOSYS}, {"clone3", TREAT_NOSYS},
                {"clone", TREAT_SCALAR},         {"unshare", TREAT_SCALAR},
                {"openat", TREAT_OPEN},          {"open_by_handle_at", TREAT_REFUSE},
                {"fchmod", TREAT_BROKER},        {"setxattrat", TREAT_BROKER},
                {"kill", TREAT_GUARDED},         {"connect", TREAT_BROKER},
                {"execveat", TREAT_BROKER},      {"process_vm_writev", TREAT_REFUSE},
        };

        for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
                cr_expect_eq(syscall_entry(syscall_number(expected[i].name))->treatment,
                             expected[i].treatment, "%s", expected[i].name);
}

static bool in_group(const char *group, const char *name)
{
        const int *numbers;
        int count = syscall_group(group, &numbers);

        for (int i = 0; i < count; i++)
                if (strcmp(syscall_name(numbers[i]), name) == 0)
                        return true;
        return false;
}

Test(groups, members_and_nesting)
{
        const int *numbers;

        cr_expect(in_group("@mount", "umount2"));
        cr_expect(in_group("@privileged", "kexec_load"), "by way of @reboot");
        cr_expect(in_group("@system-service", "openat"), "by way of @file-system");
        cr_expect_not(in_group("@system-service", "mount"));
        cr_expect_eq(syscall_group("@nothing", &numbers), -ENOENT);
        cr_expect_eq(syscall_group("@known", &numbers), 337 + NEWEST - 423);
}

Test(groups, numbers_are_sorted_and_unique)
{
        const int *numbers;
        int count = syscall_group("@system-service", &numbers);

        cr_expect_gt(count, 250);
        for (int i = 1; i < count; i++)
                cr_expect_lt(numbers[i - 1], numbers[i]);
}

Test(nearest, finds_what_was_meant)
{
        cr_expect_str_eq(syscall_nearest("opneat"), "openat");
        cr_expect_str_eq(syscall_group_nearest("@mout"), "@mount");
        cr_expect_str_eq(constant_nearest("AF_PAKCET"), "AF_PACKET");
        cr_expect_null(syscall_nearest("completely_different"));
}

Test(constants, are_sorted_so_that_each_is_found)
{
        static const char *const names[] = {
#define CONSTANT(symbol, value) #symbol,
#include "broker/policy/constants.def"
#undef CONSTANT
        };
        uint64_t value;

        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                cr_expect_eq(constant_value(names[i], &value), 0, "%s", names[i]);
                if (i > 0)
                        cr_expect_lt(strcmp(names[i - 1], names[i]), 0, "%s", names[i]);
        }
}

Test(constants, agree_with_the_headers)
{
        static const struct {
                const char *name;
                uint64_t value;
        } expected[] = {
                {"AF_PACKET", AF_PACKET}, {"AF_NETLINK", AF_NETLINK},
                {"SOCK_RAW", SOCK_RAW},   {"CLONE_NEWUSER", CLONE_NEWUSER},
                {"O_CREAT", O_CREAT},     {"PROT_EXEC", PROT_EXEC},
                {"TIOCSTI", TIOCSTI},     {"MSG_OOB", MSG_OOB},
                {"MAP_FIXED", MAP_FIXED},
        };

        for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
                uint64_t value = UINT64_MAX;

                cr_expect_eq(constant_value(expected[i].name, &value), 0, "%s", expected[i].name);
                cr_expect_eq(value, expected[i].value, "%s", expected[i].name);
        }
        cr_expect_str_eq(constant_symbol("AF_", AF_NETLINK), "AF_NETLINK");
        cr_expect_null(constant_symbol("AF_", 4000));
}

Test(errnos, both_ways)
{
        cr_expect_eq(errno_number("EPERM"), EPERM);
        cr_expect_eq(errno_number("EWOULDBLOCK"), EAGAIN);
        cr_expect_eq(errno_number("EHWPOISON"), EHWPOISON);
        cr_expect_eq(errno_number("ENOSUCH"), -ENOENT);
        cr_expect_str_eq(errno_symbol(EACCES), "EACCES");
        cr_expect_str_eq(errno_symbol(-1), "E?");
        cr_expect_str_eq(errno_symbol(4000), "E?");
}
