/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/idle.h"

#include <string.h>

#define C_LIBRARY "libc.so.6"

/* What imports of glibc give a program away, without the suffixes that name_matches takes off. Words, in
 * groups. */
static const char *const busy_names[] = {
        "open openat openat2 creat fopen freopen opendir scandir scandirat ftw nftw fts_open glob wordexp "
        "tmpfile mkstemp mkostemp mkstemps mkostemps mkdtemp",
        "stat lstat fstatat xstat lxstat fxstatat statx statfs statvfs access faccessat eaccess euidaccess "
        "readlink readlinkat "
        "realpath canonicalize_file_name getmntent setmntent",
        "mkdir mkdirat mknod mknodat mkfifo mkfifoat rmdir unlink unlinkat remove rename renameat renameat2 "
        "link linkat symlink symlinkat",
        "chmod fchmodat lchmod chown lchown fchownat utime utimes lutimes futimesat utimensat truncate chdir "
        "chroot mount umount umount2 acct swapon",
        "getxattr lgetxattr setxattr lsetxattr listxattr llistxattr removexattr lremovexattr",
        "connect bind sendto sendmsg sendmmsg getaddrinfo getnameinfo gethostbyname gethostbyname2 "
        "gethostbyaddr getservbyname openlog syslog",
        "execve execv execvp execvpe execl execlp execle execveat fexecve posix_spawn posix_spawnp system "
        "popen dlopen dlmopen",
        "getpwnam getpwuid getpwent getgrnam getgrgid getgrent getgrouplist initgroups getspnam getlogin "
        "ttyname getutxent utmpxname iconv_open",
        "inotify_add_watch shm_open shm_unlink sem_open sem_unlink mq_open mq_unlink shmget semget msgget "
        "openpty forkpty syscall",
};

/* Is name word, or a variant of it: 64-bit offsets, reentrant, fortified? */
static bool name_matches(const char *name, const char *word, size_t length)
{
        static const char *const suffixes[] = {"", "64", "_r", "_chk", "_2", "64_2"};

        name += strncmp(name, "__", 2) == 0 ? 2 : 0;
        if (strncmp(name, word, length) != 0)
                return false;
        for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
                if (strcmp(name + length, suffixes[i]) == 0)
                        return true;
        return false;
}

static bool is_busy_name(const char *name)
{
        for (size_t i = 0; i < sizeof busy_names / sizeof *busy_names; i++)
                for (const char *word = busy_names[i]; *word;) {
                        size_t length = strcspn(word, " ");

                        if (name_matches(name, word, length))
                                return true;
                        word += length + (word[length] == ' ');
                }
        return false;
}

/* The string at offset of a table, or NULL. */
static const char *string_at(const char *table, uint64_t size, uint64_t offset)
{
        return offset < size && memchr(table + offset, '\0', size - offset) ? table + offset : NULL;
}

/* Section index is the dynamic symbols: does one that is undefined give the program away? */
static bool imports_busy(const struct elf_image *image, const Elf64_Shdr *header, const uint8_t *symbols)
{
        const uint8_t *strings = NULL;
        Elf64_Shdr link;
        Elf64_Sym symbol;

        if (header->sh_link < image->section_count)
                elf_image_section(image, header->sh_link, &link, &strings);
        if (!strings)
                return true;
        for (uint64_t at = 0; header->sh_size - at >= sizeof symbol; at += sizeof symbol) {
                const char *name;

                memcpy(&symbol, symbols + at, sizeof symbol);
                if (symbol.st_shndx != SHN_UNDEF || symbol.st_name == 0)
                        continue;
                name = string_at((const char *)strings, link.sh_size, symbol.st_name);
                if (!name || is_busy_name(name))
                        return true;
        }
        return false;
}

/* The value of the dynamic entry tag, and how many there are. */
static unsigned find_dynamic(const struct elf_image *image, int64_t tag, uint64_t *ret_value)
{
        unsigned count = 0;
        Elf64_Dyn entry;

        for (unsigned i = 0; elf_image_dynamic(image, i, &entry); i++)
                if (entry.d_tag == tag) {
                        *ret_value = entry.d_un.d_val;
                        count++;
                }
        return count;
}

static bool needs_libc_alone(const struct elf_image *image)
{
        uint64_t needed, strings, available;
        const uint8_t *table;
        const char *name;

        if (find_dynamic(image, DT_NEEDED, &needed) != 1 || find_dynamic(image, DT_STRTAB, &strings) != 1)
                return false;
        table = elf_image_at(image, strings, &available);
        name = table ? string_at((const char *)table, available, needed) : NULL;
        return name && strcmp(name, C_LIBRARY) == 0;
}

bool program_is_idle(const struct elf_image *image)
{
        bool seen = false;

        if (!needs_libc_alone(image))
                return false;
        for (unsigned i = 0; i < image->section_count; i++) {
                const uint8_t *data;
                Elf64_Shdr header;

                elf_image_section(image, i, &header, &data);
                if (header.sh_type != SHT_DYNSYM)
                        continue;
                if (!data || imports_busy(image, &header, data))
                        return false;
                seen = true;
        }
        return seen;
}
