/* SPDX-License-Identifier: Apache-2.0 */
/* Approving an exec: what is run, under which names, and what is refused. */
#include "tests/unit/enforce/fixture.h"

#include "broker/exec.h"
#include "proto/call.h"

static struct sandbox sandbox;
static struct exec_program program;
static char root[64];

static void put(const char *name, const char *text)
{
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%s/%s", root, name);
        fixture_write(path, text);
        chmod(path, 0755);
}

static void copy_program(const char *name)
{
        char command[PATH_MAX];

        snprintf(command, sizeof command, "cp /bin/true %s/%s", root, name);
        cr_assert_eq(system(command), 0);
}

/* The caller: in the tree; 200 and 201 are its directory, the second is closed by an exec. */
static void prepare(const char *directory)
{
        int fd;

        cr_assert_eq(chdir(directory), 0);
        fd = open("bin", O_PATH | O_DIRECTORY);
        dup2(fd, 200);
        dup3(fd, 201, O_CLOEXEC);
        fd = open("bin/tool", O_PATH);
        dup2(fd, 202);
}

static void setup(void)
{
        static char rules[4][PATH_MAX];
        const char *list[] = {rules[0], rules[1], "r/lib", "r/lib64", "r/usr/lib", rules[2], NULL};
        char path[PATH_MAX];

        strcpy(root, "/tmp/flicker-exec-XXXXXX");
        cr_assert(mkdtemp(root));
        snprintf(path, sizeof path, "%s/bin", root);
        mkdir(path, 0755);
        snprintf(path, sizeof path, "%s/data", root);
        mkdir(path, 0755);
        copy_program("bin/tool");
        copy_program("data/tool");
        copy_program("bin/a-name-longer-than-fifteen");
        put("bin/text", "no program\n");
        snprintf(path, sizeof path, "#!%s/bin/tool -x y\n", root);
        put("bin/script", path);
        snprintf(path, sizeof path, "#!%s/bin/script one\n", root);
        put("bin/outer", path);
        snprintf(path, sizeof path, "#!%s/data/tool\n", root);
        put("bin/denied", path);
        put("bin/relative", "#!bin/tool\n");
        put("bin/empty-argument", "#!bin/tool ");
        snprintf(path, sizeof path, "#!%s/bin/circle\n", root);
        put("bin/circle", path);
        put("bin/lost", "#!/nonexistent/interpreter\n");

        snprintf(rules[0], sizeof rules[0], "x%s/bin", root);
        snprintf(rules[1], sizeof rules[1], "r%s/data", root);
        snprintf(rules[2], sizeof rules[2], "h%s/bin/hidden", root);
        sandbox_init(&sandbox, list, false);
        sandbox_fork(&sandbox, root, prepare);
        exec_program_init(&program);
}

static void teardown(void)
{
        exec_program_finish(&program);
        sandbox_finish(&sandbox);
        fixture_remove(root);
}

TestSuite(exec, .init = setup, .fini = teardown, .timeout = 20);

static int approve(int fd, const char *path, unsigned at_flags)
{
        struct request *request = sandbox_ask(&sandbox, REQUEST_EXEC, fd, path);

        request->at_flags = at_flags;
        exec_program_finish(&program);
        exec_program_init(&program);
        reply_finish(&sandbox.reply);
        reply_init(&sandbox.reply);
        return exec_approve(&sandbox.worker, &sandbox.caller, request, true, &program, &sandbox.reply);
}

static const char *in_root(const char *name)
{
        static char path[PATH_MAX];

        snprintf(path, sizeof path, "%s/%s", root, name);
        return path;
}

Test(exec, program)
{
        struct stat status;

        cr_assert_eq(approve(AT_FDCWD, "./bin/../bin/tool", 0), 0);
        cr_assert_str_eq(program.execfn, "./bin/../bin/tool");
        cr_assert_str_eq(program.exe_path, in_root("bin/tool"));
        cr_assert_str_eq(program.comm, "tool");
        cr_assert_eq(program.script_arguments, 0);
        cr_assert_eq(stat(in_root("bin/tool"), &status), 0);
        cr_assert(program.inode == status.st_ino && program.device == status.st_dev);
        cr_assert_eq(fcntl(program.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        cr_assert(fcntl(program.fd, F_GETFD) & FD_CLOEXEC);
        cr_assert(sandbox.reply.judged);
        cr_assert_eq(sandbox.reply.verdict.outcome, VERDICT_ALLOW);
        cr_assert_eq(approve(AT_FDCWD, in_root("bin/a-name-longer-than-fifteen"), 0), 0);
        cr_assert_str_eq(program.comm, "a-name-longer-t");
}

Test(exec, by_descriptor)
{
        cr_assert_eq(approve(200, "tool", 0), 0);
        cr_assert_str_eq(program.execfn, "/dev/fd/200/tool");
        cr_assert_str_eq(program.comm, "tool");
        cr_assert_eq(approve(202, NULL, AT_EMPTY_PATH), 0);
        cr_assert_str_eq(program.execfn, "/dev/fd/202");
        cr_assert_str_eq(program.comm, "tool");
        cr_assert_eq(approve(200, "script", 0), 0);
        cr_assert_str_eq(program.execfn, "/dev/fd/200/script");
        /* the interpreter could not open it */
        cr_assert_eq(approve(201, "script", 0), -ENOENT);
        cr_assert_eq(approve(201, "tool", 0), 0);
        cr_assert_eq(approve(203, "tool", 0), -EBADF);
}

Test(exec, refused)
{
        cr_assert_eq(approve(AT_FDCWD, "data/tool", 0), -EACCES);
        cr_assert_eq(sandbox.reply.verdict.outcome, VERDICT_DENY);
        cr_assert_str_eq(sandbox.reply.verdict.operation, "exec");
        cr_assert_lt(program.fd, 0);
        cr_assert_eq(approve(AT_FDCWD, "bin/absent", 0), -ENOENT);
        cr_assert_eq(approve(AT_FDCWD, "bin", 0), -EACCES);
        cr_assert_eq(approve(AT_FDCWD, "bin/text", 0), -ENOEXEC);
        chmod(in_root("bin/tool"), 0644);
        cr_assert_eq(approve(AT_FDCWD, "bin/tool", 0), -EACCES);
}

Test(exec, scripts)
{
        cr_assert_eq(approve(AT_FDCWD, "bin/script", 0), 0);
        cr_assert_eq(program.script_arguments, 2);
        cr_assert_str_eq(program.script_interpreter, in_root("bin/tool"));
        cr_assert_str_eq(program.script_argument, "-x y");
        cr_assert_str_eq(program.execfn, "bin/script");
        cr_assert_str_eq(program.comm, "script");
        cr_assert_str_eq(program.exe_path, in_root("bin/tool"));
        cr_assert_eq(approve(AT_FDCWD, "bin/relative", 0), 0);
        cr_assert_eq(program.script_arguments, 1);
        cr_assert_str_eq(program.script_interpreter, "bin/tool");
        cr_assert_eq(approve(AT_FDCWD, "bin/empty-argument", 0), 0);
        cr_assert_eq(program.script_arguments, 2);
        cr_assert_str_eq(program.script_argument, "");
}

Test(exec, scripts_of_scripts)
{
        const char *word;

        cr_assert_eq(approve(AT_FDCWD, "bin/outer", 0), 0);
        /* tool, "-x y", script, "one", outer */
        cr_assert_eq(program.script_arguments, 4);
        cr_assert_str_eq(program.script_interpreter, in_root("bin/tool"));
        word = program.script_argument;
        cr_assert_str_eq(word, "-x y");
        word += strlen(word) + 1;
        cr_assert_str_eq(word, in_root("bin/script"));
        word += strlen(word) + 1;
        cr_assert_str_eq(word, "one");
        cr_assert_str_eq(program.execfn, "bin/outer");
        cr_assert_str_eq(program.comm, "outer");
        cr_assert_eq(approve(AT_FDCWD, "bin/circle", 0), -ELOOP);
}

Test(exec, interpreters)
{
        cr_assert_eq(approve(AT_FDCWD, "bin/denied", 0), -EACCES);
        cr_assert_eq(sandbox.reply.verdict.outcome, VERDICT_DENY);
        cr_assert_eq(sandbox.reply.verdict.object_length, strlen(in_root("data/tool")));
        cr_assert_eq(approve(AT_FDCWD, "bin/lost", 0), -ENOENT);
}

/* The program's PT_INTERP becomes path. */
static void set_interpreter(const char *path)
{
        static const char usual[] = "/lib64/ld-linux-x86-64.so.2";
        char *text, *end, *found;
        struct stat status;
        int fd;

        copy_program("bin/tool");
        fd = open(in_root("bin/tool"), O_RDWR);
        cr_assert_eq(fstat(fd, &status), 0);
        text = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        end = text + status.st_size;
        found = memmem(text, (size_t)(end - text), usual, sizeof usual);
        cr_assert(found && strlen(path) < sizeof usual);
        strcpy(found, path);
        memset(found + strlen(path), 0, sizeof usual - strlen(path));
        munmap(text, (size_t)status.st_size);
        close(fd);
}

Test(exec, elf_interpreters)
{
        set_interpreter("/etc/passwd");
        cr_assert_eq(approve(AT_FDCWD, "bin/tool", 0), -EACCES);
        cr_assert_eq(sandbox.reply.verdict.outcome, VERDICT_DENY);
        put("data/i", "not an interpreter, but longer than the header of an ELF file would be, in bytes\n");
        set_interpreter("data/i");
        cr_assert_eq(approve(AT_FDCWD, "bin/tool", 0), -ELIBBAD);
        put("data/i", "short");
        cr_assert_eq(approve(AT_FDCWD, "bin/tool", 0), -EIO);
        set_interpreter("/absent");
        cr_assert_eq(approve(AT_FDCWD, "bin/tool", 0), -ENOENT);
}
