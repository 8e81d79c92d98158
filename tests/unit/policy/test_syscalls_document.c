/* SPDX-License-Identifier: Apache-2.0 */
/* docs/SYSCALLS.md is written from the table; this test fails where it is not current. With
 * FLICKER_UPDATE_DOCS=1 in the environment it writes the document instead. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/policy/syscalls.h"

#define DOCUMENT FLICKER_SOURCE_DIR "/docs/SYSCALLS.md"

static const struct {
        enum treatment treatment;
        const char *name, *meaning;
} treatments[] = {
        {TREAT_ALLOW, "allow", "runs natively; its arguments do not matter"},
        {TREAT_GUARDED, "guarded", "runs natively; Landlock confines it (signals: from Linux 6.12 on)"},
        {TREAT_SCALAR, "registers", "decided by register values, in the filter"},
        {TREAT_OPEN, "open",
         "done by the broker; natively where Landlock says exactly what the policy says of files"},
        {TREAT_META, "metadata", "runs natively; done by the broker where the policy hides names"},
        {TREAT_BROKER, "broker", "done, or checked, by the broker"},
        {TREAT_CREDENTIALS, "credentials", "runs natively; a broker with privileges takes note first"},
        {TREAT_REFUSE, "refuse", "EPERM, explained"},
        {TREAT_NOSYS, "absent", "ENOSYS, without a word: programs fall back"},
};

static const char *const grants[] = {
        [GRANT_NEVER] = "",
        [GRANT_ALLOW] = ", grantable",
        [GRANT_ARGUMENTS] = ", grantable in part",
        [GRANT_PTRACE] = ", by `process.ptrace`",
};

static const char *treatment_name(enum treatment treatment)
{
        for (size_t i = 0; i < sizeof treatments / sizeof treatments[0]; i++)
                if (treatments[i].treatment == treatment)
                        return treatments[i].name;
        return "";
}

static void write_head(FILE *out)
{
        fputs("# Syscalls\n\n"
              "How each x86-64 syscall is treated, before the policy's own `syscalls` rules. A policy can "
              "refuse any\n"
              "of them, and grant what is marked grantable; [POLICY.md](POLICY.md) says how. Written from "
              "`broker/policy/syscalls.def` by the test that compares the two\n"
              "(`FLICKER_UPDATE_DOCS=1` makes it write). A number that is not here, x32 and 32-bit syscalls "
              "are\n"
              "`ENOSYS`. With `mediate: all` whatever would run natively is shown to the broker first, save\n"
              "`close`, `fork`, `vfork`, `clone`, `exit`, `exit_group`, `rt_sigreturn` and "
              "`restart_syscall`,\n"
              "which never are.\n\n"
              "| treatment | meaning |\n| --- | --- |\n",
              out);
        for (size_t i = 0; i < sizeof treatments / sizeof treatments[0]; i++)
                fprintf(out, "| %s | %s |\n", treatments[i].name, treatments[i].meaning);
        fputs("\nSockets: a family (`AF_UNIX`, `AF_INET`, `AF_INET6`), and of the latter two TCP or UDP, "
              "that no "
              "rule\ngrants is `EACCES`. Other families, `AF_NETLINK` too, are `EAFNOSUPPORT`, other "
              "protocols\n"
              "`EPROTONOSUPPORT`, as on a kernel without them: resolvers and runtimes have a way out of "
              "that.\n"
              "A pair of datagram sockets needs a `unix` or `udp` grant, since each end can send to any "
              "name.\n\n",
              out);
}

static char *render(size_t *ret_size)
{
        char *text = NULL;
        FILE *out = open_memstream(&text, ret_size);

        cr_assert(out);
        write_head(out);
        fputs("| number | name | treatment | why |\n| --: | --- | --- | --- |\n", out);
        for (int nr = 0; nr < SYSCALLS_LIMIT; nr++)
                if (syscall_entry(nr)->name[0])
                        fprintf(out, "| %d | `%s` | %s%s | %s |\n", nr, syscall_name(nr),
                                treatment_name(syscall_entry(nr)->treatment),
                                grants[syscall_entry(nr)->grant], syscall_why(nr));
        fclose(out);
        return text;
}

Test(document, is_current)
{
        size_t size, committed_size = 0;
        char *text = render(&size);
        char *committed = malloc(size + 2);
        const char *mode = getenv("FLICKER_UPDATE_DOCS") ? "we" : "re";
        FILE *file = fopen(DOCUMENT, mode);

        cr_assert(file, DOCUMENT);
        if (mode[0] == 'w')
                fwrite(text, 1, size, file);
        else
                committed_size = fread(committed, 1, size + 1, file);
        fclose(file);
        if (mode[0] == 'r')
                cr_expect(committed_size == size && memcmp(text, committed, size) == 0,
                          DOCUMENT " does not agree with broker/policy/syscalls.def");
        free(committed);
        free(text);
}
