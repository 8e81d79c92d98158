/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a policy is said, and where. */
#include "tests/unit/policy/fixture.h"

struct sample {
        const char *text;
        const char *message; /* how the message begins */
};

static void check_samples(const struct sample *samples, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                struct policy *policy = NULL;
                struct err err = {0};
                int r = policy_load_text(&fixture_options, "p.json", samples[i].text, strlen(samples[i].text),
                                         &policy, &err);

                cr_expect_lt(r, 0, "loads: %s", samples[i].text);
                cr_expect_eq(strncmp(err.message, samples[i].message, strlen(samples[i].message)), 0,
                             "%s\n      says: %s\n  expected: %s", samples[i].text, err.message,
                             samples[i].message);
                policy_destroy(policy);
        }
}

#define CHECK(samples) check_samples(samples, sizeof(samples) / sizeof *(samples))

static const struct sample grammar[] = {
        {"", "p.json:1:1: the end of the file; expected \"{\""},
        {"  \n ", "p.json:2:2: the end of the file; expected \"{\""},
        {"[]", "p.json:1:1: \"[\"; expected \"{\""},
        {"{", "p.json:1:2: the end of the file; expected a key"},
        {"{\"flicker\": 1", "p.json:1:14: the end of the file; expected \",\" or \"}\""},
        {"{\"flicker\": 1,}", "p.json:1:15: \"}\"; expected a key"},
        {"{\"flicker\" 1}", "p.json:1:12: \"1\"; expected \":\""},
        {"{\"flicker\": 1} x", "p.json:1:16: \"x\"; expected the end of the file"},
        {"{flicker: 1}", "p.json:1:2: \"f\"; expected a key in double quotes"},
        {"{'flicker': 1}", "p.json:1:2: '; expected a key in double quotes"},
        {"{\"flicker\": 01}", "p.json:1:13: \"0\"; expected a number"},
        {"{\"flicker\": -}", "p.json:1:13: \"-\"; expected a number"},
        {"{\"flicker\": 1., \"x\": 1}", "p.json:1:13: \"1\"; expected a number"},
        {"{\"flicker\": 1e}", "p.json:1:13: \"1\"; expected a number"},
        {"{\"flicker\": NaN}", "p.json:1:13: \"N\"; expected a value"},
        {"{\"flicker\": TRUE}", "p.json:1:13: \"T\"; expected a value"},
        {"{\"flicker\": truex}", "p.json:1:17: \"x\"; expected \",\" or \"}\""},
        {"{\"files\": {\"read\": [\"/a\" \"/b\"]}}", "p.json:1:26: \"; expected \",\" or \"]\""},
        {"{\"files\": {\"read\": [\"/a\",]}}", "p.json:1:26: \"]\"; expected a value"},
        {"{\"name\": \"a\nb\"}", "p.json:1:10: a string without end"},
        {"{\"name\": \"a", "p.json:1:10: a string without end"},
        {"{\"name\": \"a\tb\"}", "p.json:1:12: \"\\x09\"; expected no control characters"},
        {"{\"name\": \"\\x\"}", "p.json:1:11: \"\\\" in a string; expected one of"},
        {"{\"name\": \"\\u12g4\"}", "p.json:1:11: \"\\u\"; expected four hexadecimal digits"},
        {"{\"name\": \"\\u0000\"}", "p.json:1:11: \"\\u0000\"; expected text without NUL"},
        {"{\"name\": \"\\ud800x\"}", "p.json:1:11: half of a surrogate pair"},
        {"{\"name\": \"\\udc00\"}", "p.json:1:11: half of a surrogate pair"},
        {"{\"name\": \"\\ud800\\u0041\"}", "p.json:1:11: half of a surrogate pair"},
        {"{\"na\\u006de\": \"a\"}", "p.json:1:2: a key with \"\\\"; expected keys without escapes"},
        {"{ /* never", "p.json:1:3: a comment without end; expected \"*/\""},
        {"{ / }", "p.json:1:3: \"/\"; expected"},
        {"\xef\xbb\xbf{}", "p.json:1:1: a byte order mark"},
        {"{\"name\": \"\xff\"}", "p.json:1:11: byte 0xff, which is not UTF-8"},
        {"{\"name\": \"\xc3\"}", "p.json:1:11: byte 0xc3, which is not UTF-8"},
        {"{\"name\": \"\xed\xa0\x80\"}", "p.json:1:11: byte 0xed, which is not UTF-8"},
        {"{\"name\": \"\xc0\x80\"}", "p.json:1:11: byte 0xc0, which is not UTF-8"},
        {"// \xfe\n{}", "p.json:1:4: byte 0xfe, which is not UTF-8"},
        {"{\"name\": \"\xc3\xa9\xc3\xa9\", x}", "p.json:1:16: \"x\"; expected a key"},
};

Test(loader, grammar)
{
        CHECK(grammar);
}

static const struct sample keys[] = {
        {"{}", "p.json:1:1: a policy without \"flicker\"; expected \"flicker\": 1"},
        {"{\"flicker\": 2}", "p.json:1:13: the number 2; expected 1, the version"},
        {"{\"flicker\": \"1\"}", "p.json:1:13: \"1\"; expected 1, the version"},
        {"{\"flicker\": 1.0}", "p.json:1:13: the number 1.0; expected 1, the version"},
        {"{\"flicker\": null}", "p.json:1:13: null; expected 1, the version"},
        {"{\"flicker\": 1, \"fils\": {}}",
         "p.json:1:16: the unknown key \"fils\"; expected one of $schema, flicker,"},
        {"{\"flicker\": 1,\n  \"file\": {}}", "p.json:2:3: the unknown key \"file\""},
        {"{\"flicker\": 1, \"files\": {\"reed\": []}}",
         "p.json:1:26: the unknown key \"reed\"; expected one of read, write,"
         " exec, deny, hide; did you mean \"read\"?"},
        {"{\"flicker\": 1, \"flicker\": 1}",
         "p.json:1:16: the key \"flicker\" again; expected each key once (it is also at line 1, column 2)"},
        {"{\"flicker\": 1, \"files\": {\"read\": [],\n\"deny\": [], \"read\": []}}",
         "p.json:2:13: the key \"read\" again; expected each key once (it is also at line 1, column 26)"},
        {"{\"flicker\": 1, \"files\": []}", "p.json:1:25: a list; expected an object"},
        {"{\"flicker\": 1, \"files\": {\"read\": \"/a\"}}", "p.json:1:34: \"/a\"; expected a list of paths"},
        {"{\"flicker\": 1, \"files\": {\"read\": [\"/a\",\n 7]}}",
         "p.json:2:2: the number 7; expected a path"},
        {"{\"flicker\": 1, \"files\": {\"read\": [null]}}", "p.json:1:35: null; expected a path"},
        {"{\"flicker\": 1, \"name\": 7}", "p.json:1:24: the number 7; expected a name"},
        {"{\"flicker\": 1, \"description\": false}", "p.json:1:31: false; expected a string"},
        {"{\"flicker\": 1, \"on_deny\": \"kil\"}",
         "p.json:1:27: \"kil\"; expected \"errno\" or \"kill\" or \"warn\"; did you mean \"kill\"?"},
        {"{\"flicker\": 1, \"on_deny\": \"ask\"}",
         "p.json:1:27: \"ask\", which this version of flicker does not support yet"},
        {"{\"flicker\": 1, \"mediate\": \"some\"}", "p.json:1:27: \"some\"; expected \"auto\" or \"all\""},
        {"{\"flicker\": 1, \"audit\": \"all\"}", "p.json:1:25: \"all\"; expected an object such as"},
        {"{\"flicker\": 1, \"audit\": {\"log\": \"al\"}}",
         "p.json:1:33: \"al\"; expected \"denied\" or \"all\" or \"none\"; did"},
        {"{\"flicker\": 1, \"audit\": {\"limit\": 4096}}",
         "p.json:1:35: the number 4096; expected a size such as"},
        {"{\"flicker\": 1, \"audit\": {\"limit\": \"64\"}}", "p.json:1:35: \"64\"; expected a size such as"},
        {"{\"flicker\": 1, \"audit\": {\"limit\": \"K\"}}", "p.json:1:35: \"K\"; expected a size such as"},
        {"{\"flicker\": 1, \"audit\": {\"limit\": \"1KB\"}}",
         "p.json:1:35: \"1KB\"; expected a size such as"},
        {"{\"flicker\": 1, \"audit\": {\"limit\": \"1234567890K\"}}",
         "p.json:1:35: \"1234567890K\"; expected a size such as"},
        {"{\"flicker\": 1, \"audit\": {\"lag\": \"all\"}}",
         "p.json:1:26: the unknown key \"lag\"; expected one of log, limit; did you"},
        {"{\"flicker\": 1, \"files\": {\"map\": {}}}",
         "p.json:1:26: the key \"map\", which this version of flicker does not"},
        {"{\"flicker\": 1, \"process\": []}", "p.json:1:27: a list; expected an object such as"},
        {"{\"flicker\": 1, \"process\": {\"ptrace\": \"all\"}}",
         "p.json:1:38: \"all\"; expected \"none\" or \"sandbox\""},
        {"{\"flicker\": 1, \"process\": {\"signal\": \"host\"}}",
         "p.json:1:38: \"host\"; expected \"sandbox\""},
        {"{\"flicker\": 1, \"process\": {\"ipc\": \"hots\"}}",
         "p.json:1:35: \"hots\"; expected \"sandbox\" or \"host\"; did you mean \"host\"?"},
        {"{\"flicker\": 1, \"process\": {\"namespaces\": true}}",
         "p.json:1:42: true; this version of flicker cannot grant namespaces"},
        {"{\"flicker\": 1, \"process\": {\"namespaces\": 1}}", "p.json:1:42: the number 1; expected false"},
        {"{\"flicker\": 1, \"process\": {\"ptarce\": 1}}",
         "p.json:1:28: the unknown key \"ptarce\"; expected one of namespaces, ptrace, signal, ipc; did you "
         "mean"},
        {"{\"flicker\": 1, \"environment\": {}}", "p.json:1:16: the key \"environment\", which this version"},
        {"{\"flicker\": 1, \"limits\": {}}", "p.json:1:16: the key \"limits\", which this version"},
        {"{\"flicker\": 1, \"programs\": {}}", "p.json:1:16: the key \"programs\", which this version"},
        {"{\"flicker\": 1, \"network\": {\"dns\": true}}",
         "p.json:1:28: the key \"dns\", which this version"},
        {"{\"flicker\": 1, \"syscalls\": {\"default\": \"allow\"}}",
         "p.json:1:40: \"allow\"; expected \"baseline\" or \"deny\""},
        {"{\"flicker\": 1, \"syscalls\": {\"allow\": [\"mount\"]}}",
         "p.json:1:39: the syscall \"mount\", which no policy can grant (changes what paths mean); expected"},
        {"{\"flicker\": 1, \"syscalls\": {\"allow\": [\"io_uring_setup\"]}}",
         "p.json:1:39: the syscall \"io_uring_setup\", which no policy can grant (does syscalls that no"},
        {"{\"flicker\": 1, \"syscalls\": {\"allow\": [\"ptrace\"]}}",
         "p.json:1:39: the syscall \"ptrace\" in syscalls.allow; expected it as \"process\": { \"ptrace\""},
        {"{\"flicker\": 1, \"syscalls\": {\"allow\": [\"keyclt\"]}}",
         "p.json:1:39: the unknown syscall \"keyclt\"; expected one of x86-64's, or @group; did you mean"},
        {"{\"flicker\": 1, \"syscalls\": {\"allow\": [\"@module\"]}}",
         "p.json:1:39: the group \"@module\", of which no policy can grant anything; expected another"},
        {"{\"flicker\": 1, \"syscalls\": {\"allow\": [{\"name\": \"dup\", \"errno\": \"EPERM\"}]}}",
         "p.json:1:39: an \"errno\" in syscalls.allow; expected it in syscalls.deny only"},
        {"{\"flicker\": 1, \"syscalls\": {\"allow\": [{\"name\": \"clone\", \"args\": [{\"index\": 0, "
         "\"op\": "
         "\"==\", \"value\": 17}]}]}}",
         "p.json:1:48: conditions for \"clone\" in syscalls.allow; expected its name alone"},
        {"{\"flicker\": 1, \"syscalls\": {\"oci\": \"x\"}}",
         "p.json:1:29: the key \"oci\", which this version"},
        {"{\"flicker\": 1, \"extends\": 7}",
         "p.json:1:27: the number 7; expected a policy or a list of policies"},
        {"{\"flicker\": 1, \"extends\": [7]}",
         "p.json:1:28: the number 7; expected the name or path of a policy"},
};

Test(loader, keys)
{
        CHECK(keys);
}

#define READ(pattern) "{\"flicker\": 1, \"files\": {\"read\": [\"" pattern "\"]}}"

static const struct sample patterns[] = {
        {READ(""), "p.json:1:35: an empty path; expected an absolute path"},
        {READ("a"), "p.json:1:35: the path \"a\" is relative; expected an absolute path"},
        {READ("./a"), "p.json:1:35: the path \"./a\" is relative"},
        {READ("*/a"), "p.json:1:35: the path \"*/a\" is relative"},
        {READ("**a"), "p.json:1:35: the path \"**a\" is relative"},
        {READ("{/a,b}"), "p.json:1:35: the path \"b\" is relative"},
        {READ("~anna/x"), "p.json:1:35: the path \"~anna/x\" is relative"},
        {READ("/a/../b"), "p.json:1:35: \"..\" in a path"},
        {READ("/a/.\\\\./b"), "p.json:1:35: \"..\" in a path"},
        {READ("/a/{b,..}/c"), "p.json:1:35: \"..\" in a path"},
        {READ("/a/{.,b}{.,c}"), "p.json:1:35: \"..\" in a path"},
        {READ("/a/[bc"), "p.json:1:35: \"[\" without \"]\""},
        {READ("/a/[]"), "p.json:1:35: \"[\" without \"]\""},
        {READ("/a/[!]"), "p.json:1:35: \"[\" without \"]\""},
        {READ("/a/[z-a]"), "p.json:1:35: the range \"z-a\""},
        {READ("/a/[\303\251]"), "p.json:1:35: a character beyond ASCII"},
        {READ("/a/[[:alpha:]]"), "p.json:1:35: \"[:\" inside"},
        {"{\"flicker\": 1, \"network\": {\"bind\": [\"unix:@[[:a:]]{,b}\"]}}", "p.json:1:37: \"[:\" inside"},
        {READ("/a[/]b"), "p.json:1:35: \"/\" in \"[...]\""},
        {READ("/a/{b,c"), "p.json:1:35: \"{\" without \"}\""},
        {READ("/a/b}"), "p.json:1:35: \"}\" without \"{\""},
        {READ("/a/b\\\\"), "p.json:1:35: \"\\\" at the end"},
        {READ("/a\\\\/b"), "p.json:1:35: \"\\/\"; a slash always"},
        {READ("/{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"),
         "p.json:1:35: braces that stand for more than 256 paths"},
        {READ("$NOPE/x"),
         "p.json:1:35: the undefined variable NOPE; expected one of HOME, USER, UID, CWD, TMPDIR,"},
        {READ("$HOMA/x"),
         "p.json:1:35: the undefined variable HOMA; expected one of HOME, USER, UID, CWD, TMPDIR, POLICY_DIR;"
         " did you mean \"HOME\"?"},
        {READ("/x/$"), "p.json:1:35: \"$\" without a name"},
        {READ("/x/${HOME"), "p.json:1:35: \"$\" without a name"},
        {READ("/x/$1"), "p.json:1:35: \"$\" without a name"},
        {"{\"flicker\": 1, \"files\": {\"write\": [\"/\", \"$R\"]}, \"vars\": {\"R\": \"/\"}}",
         "p.json:1:41: \"$R\", which is \"/\" here"},
};

Test(loader, patterns)
{
        CHECK(patterns);
}

static const struct sample variables[] = {
        {"{\"flicker\": 1, \"vars\": []}", "p.json:1:24: a list; expected an object of variables"},
        {"{\"flicker\": 1, \"vars\": {\"A\": 1}}", "p.json:1:30: the number 1; expected a string"},
        {"{\"flicker\": 1, \"vars\": {\"A B\": \"x\"}}",
         "p.json:1:32: the variable name \"A B\"; expected letters"},
        {"{\"flicker\": 1, \"vars\": {\"\": \"x\"}}",
         "p.json:1:29: the variable name \"\"; expected letters"},
        {"{\"flicker\": 1, \"vars\": {\"1A\": \"x\"}}", "p.json:1:31: the variable name \"1A\""},
        {"{\"flicker\": 1, \"vars\": {\"HOME\": \"x\"}}",
         "p.json:1:33: the variable HOME, which is built in"},
        {"{\"flicker\": 1, \"vars\": {\"A\": \"$A\"}}",
         "p.json:1:30: the variable A, which refers to itself"},
        {"{\"flicker\": 1, \"vars\": {\"A\": \"$B\", \"B\": \"${C}\",\n\"C\": \"x$A\"}}",
         "p.json:1:30: the variable A, which refers to itself"},
        {"{\"flicker\": 1, \"vars\": {\"A\": \"$X\"}}",
         "p.json:1:30: the undefined variable X; expected one of A, HOME"},
};

Test(loader, variables)
{
        CHECK(variables);
}

#define BIND(address)    "{\"flicker\": 1, \"network\": {\"bind\": [\"" address "\"]}}"
#define CONNECT(address) "{\"flicker\": 1, \"network\": {\"connect\": [\"" address "\"]}}"

static const struct sample addresses[] = {
        {BIND(""), "p.json:1:37: \"\"; expected PROTO:HOST:PORT"},
        {BIND("8080"), "p.json:1:37: \"8080\"; expected PROTO:HOST:PORT"},
        {BIND("sctp:*:80"), "p.json:1:37: \"sctp:*:80\"; expected PROTO:HOST:PORT"},
        {BIND("tcp:80"), "p.json:1:37: \"tcp:80\"; expected PROTO:HOST:PORT"},
        {BIND("tcp::80"), "p.json:1:37: \"tcp::80\"; expected PROTO:HOST:PORT"},
        {BIND("tcp:[::1]"), "p.json:1:37: \"tcp:[::1]\"; expected PROTO:HOST:PORT"},
        {BIND("tcp:*:"), "p.json:1:37: the port \"\""},
        {BIND("tcp:*:65536"), "p.json:1:37: the port \"65536\""},
        {BIND("tcp:*:080"), "p.json:1:37: the port \"080\""},
        {BIND("tcp:*:+80"), "p.json:1:37: the port \"+80\""},
        {BIND("tcp:*:http"), "p.json:1:37: the port \"http\""},
        {BIND("tcp:*:80-"), "p.json:1:37: the port \"80-\""},
        {BIND("tcp:*:90-80"), "p.json:1:37: the ports 90-80; expected the lower one first"},
        {BIND("tcp:db.internal:80"),
         "p.json:1:37: the host name \"db.internal\"; names are not supported yet, use an address"},
        {BIND("tcp:1.2.3:80"), "p.json:1:37: the host \"1.2.3\"; expected an address"},
        {BIND("tcp:1.2.3.256:80"), "p.json:1:37: the host \"1.2.3.256\""},
        {BIND("tcp:10.0.0.1/8:80"),
         "p.json:1:37: the network \"10.0.0.1/8\", whose address goes beyond its 8 bits; did you mean "
         "10.0.0.0/8?"},
        {BIND("tcp:10.0.0.0/33:80"), "p.json:1:37: the host \"10.0.0.0/33\""},
        {BIND("tcp:10.0.0.0/:80"), "p.json:1:37: the host \"10.0.0.0/\""},
        {BIND("tcp:::1:80"), "p.json:1:37: the host \"::1\"; expected an IPv6 address in brackets"},
        {BIND("tcp:[::1:80"), "p.json:1:37: the host \"[::1\""},
        {BIND("tcp:[1.2.3.4]:80"), "p.json:1:37: the host \"[1.2.3.4]\""},
        {BIND("tcp:[fe80::1%eth0]:80"), "p.json:1:37: the host \"[fe80::1%eth0]\""},
        {BIND("tcp:[2001:db8::1]/32:80"),
         "p.json:1:37: the network \"[2001:db8::1]/32\", whose address goes beyond its 32 bits; "
         "did you mean 2001:db8::/32?"},
        {BIND("unix:"), "p.json:1:37: an empty path"},
        {BIND("unix:a"), "p.json:1:37: the path \"a\" is relative"},
        {BIND("unix:@a["), "p.json:1:37: \"[\" without \"]\""},
        {CONNECT("tcp:0.0.0.0:80"), "p.json:1:40: the address \"0.0.0.0\", which reaches loopback"},
        {CONNECT("udp:[::]:80"), "p.json:1:40: the address \"[::]\", which reaches loopback"},
        {CONNECT("udp:[::ffff:0.0.0.0]:80"),
         "p.json:1:40: the address \"[::ffff:0.0.0.0]\", which reaches loopback"},
};

Test(loader, addresses)
{
        CHECK(addresses);
}

#define DENY(rule) "{\"flicker\": 1, \"syscalls\": {\"deny\": [" rule "]}}"
#define KILL(rule) "{\"flicker\": 1, \"syscalls\": {\"kill\": [" rule "]}}"
#define ARGS(args) DENY("{\"name\": \"socket\", \"args\": [" args "]}")

static const struct sample syscalls[] = {
        {DENY("7"), "p.json:1:38: the number 7; expected the name of a syscall"},
        {DENY("\"ptrase\""), "p.json:1:38: the unknown syscall \"ptrase\"; expected one of x86-64's, or "
                             "@group; did you mean \"ptrace\"?"},
        {DENY("\"@mout\""), "p.json:1:38: the unknown syscall group \"@mout\"; expected one of systemd's; "
                            "did you mean \"@mount\"?"},
        {DENY("{}"), "p.json:1:38: a rule without \"name\""},
        {DENY("{\"nam\": \"ptrace\"}"),
         "p.json:1:39: the unknown key \"nam\"; expected one of name, args, errno; did you mean \"name\"?"},
        {DENY("{\"name\": \"ptrase\"}"), "p.json:1:47: the unknown syscall \"ptrase\""},
        {DENY("{\"name\": \"ptrace\", \"errno\": \"EPREM\"}"), "p.json:1:66: the unknown errno \"EPREM\""},
        {DENY("{\"name\": \"ptrace\", \"errno\": 1}"),
         "p.json:1:66: the number 1; expected an errno such as"},
        {KILL("{\"name\": \"ptrace\", \"errno\": \"EPERM\"}"), "p.json:1:38: an \"errno\" in syscalls.kill"},
        {DENY("{\"name\": \"ptrace\", \"args\": {}}"),
         "p.json:1:65: an object; expected a list of conditions"},
        {ARGS("7"), "p.json:1:66: the number 7; expected an object such as"},
        {ARGS("{\"index\": 6, \"op\": \"==\", \"value\": 1}"),
         "p.json:1:76: the argument 6; expected 0 to 5"},
        {ARGS("{\"index\": -1, \"op\": \"==\", \"value\": 1}"), "p.json:1:76: the argument"},
        {ARGS("{\"index\": \"a\", \"op\": \"==\", \"value\": 1}"),
         "p.json:1:76: \"a\"; expected the number of an argument"},
        {ARGS("{\"index\": 0, \"op\": \"=\", \"value\": 1}"),
         "p.json:1:85: \"=\"; expected \"==\" or \"!=\""},
        {ARGS("{\"index\": 0, \"op\": \"==\"}"), "p.json:1:66: a condition without \"value\""},
        {ARGS("{\"op\": \"==\", \"value\": 1}"), "p.json:1:66: a condition without \"index\""},
        {ARGS("{\"index\": 0, \"value\": 1}"), "p.json:1:66: a condition without \"op\""},
        {ARGS("{\"index\": 0, \"op\": \"&==\", \"value\": 1}"),
         "p.json:1:66: the operator \"&==\" without a \"mask\""},
        {ARGS("{\"index\": 0, \"op\": \"==\", \"value\": 1, \"mask\": 1}"),
         "p.json:1:66: a \"mask\" without the operator"},
        {ARGS("{\"index\": 0, \"op\": \"==\", \"value\": \"AF_NOPE\"}"),
         "p.json:1:100: the unknown constant \"AF_NOPE\""},
        {ARGS("{\"index\": 0, \"op\": \"==\", \"value\": \"AF_PAKCET\"}"),
         "p.json:1:100: the unknown constant \"AF_PAKCET\"; expected a number or a C constant such as "
         "AF_INET; "
         "did you mean \"AF_PACKET\"?"},
        {ARGS("{\"index\": 0, \"op\": \"==\", \"value\": \"AF_INET|\"}"),
         "p.json:1:100: \"\"; expected a number or C constants"},
        {ARGS("{\"index\": 0, \"op\": \"==\", \"value\": 1.5}"),
         "p.json:1:100: the number 1.5; expected a number or the name"},
        {ARGS("{\"index\": 0, \"op\": \"==\", \"value\": 99999999999999999999999}"),
         "p.json:1:100: the number 1844"},
        {ARGS("{\"index\": 0, \"op\": \"==\", \"value\": 1, \"v\": 1}"),
         "p.json:1:103: the unknown key \"v\""},
};

Test(loader, syscalls)
{
        CHECK(syscalls);
}

Test(loader, depth)
{
        char text[512] = "{\"flicker\": 1, \"vars\": ";
        struct sample sample = {.text = text, .message = "p.json:1:55: nesting deeper than 32"};
        size_t length = strlen(text);

        memset(text + length, '[', 200);
        text[length + 200] = '\0';
        check_samples(&sample, 1);
}

static int load(const char *text, size_t length, struct err *err)
{
        struct policy *policy = NULL;
        int r = policy_load_text(&fixture_options, "p.json", text, length, &policy, err);

        policy_destroy(policy);
        return r;
}

Test(loader, nul_byte)
{
        static const char text[] = "{\"flicker\": 1}\n\0 ";
        struct err err = {0};

        cr_expect_lt(load(text, sizeof text - 1, &err), 0);
        cr_expect_str_eq(err.message, "p.json:2:1: a NUL byte; expected text");
}

Test(loader, huge)
{
        size_t length = (4u << 20) + 1;
        char *text = malloc(length);
        struct err err = {0};

        memset(text, ' ', length);
        cr_expect_eq(load(text, length, &err), -EFBIG);
        memset(text, '[', length);
        cr_expect_lt(load(text, length - 1, &err), 0);
        memset(text, '{', length);
        cr_expect_lt(load(text, length - 1, &err), 0);
        memset(text, '"', length);
        cr_expect_lt(load(text, length - 1, &err), 0);
        free(text);
}

Test(loader, many_values)
{
        size_t length = 4u << 20;
        char *text = malloc(length);
        size_t used = (size_t)sprintf(text, "{\"flicker\": 1, \"files\": {\"read\": [1");
        struct err err = {0};

        while (used + 8 < length)
                used += (size_t)sprintf(text + used, ",1");
        cr_expect_lt(load(text, used, &err), 0);
        cr_expect(strstr(err.message, "more than 262144 values"), "%s", err.message);
        free(text);
}

/* Short text, but a great deal of work: the same long pattern with many alternatives, again and again. */
Test(loader, much_work, .timeout = 60)
{
        size_t room = 1u << 20, used;
        char *text = malloc(room);
        struct err err = {0};

        used = (size_t)sprintf(text, "{\"flicker\": 1, \"vars\": {\"A\": \"");
        for (unsigned i = 0; i < 8; i++)
                used += (size_t)sprintf(text + used, "/{a,b}");
        memset(text + used, 'c', 3500);
        used += 3500;
        used += (size_t)sprintf(text + used, "\"}, \"files\": {\"read\": [\"$A\"");
        while (used + 16 < room)
                used += (size_t)sprintf(text + used, ",\"$A\"");
        used += (size_t)sprintf(text + used, "]}}");
        cr_expect_lt(load(text, used, &err), 0);
        cr_expect(strstr(err.message, "the patterns are too many or too long together"), "%s", err.message);
        free(text);
}

Test(loader, comments_and_escapes)
{
        struct policy *policy =
                policy_of("/* a */ \"name\": // b \" ' /* \n \"x\\u00e9\\ud83d\\ude00\\/y\" /* , */ , // }\n"
                          "\"files\": {\"read\": [/**/ \"/a/\\\"//no comment\" /***/]}");

        cr_expect_str_eq(policy_name(policy), "x\303\251\360\237\230\200/y");
        check_path(policy, PATH_READ, "/a/\"/no comment", "allow");
        policy_destroy(policy);
}

Test(loader, settings)
{
        struct policy *policy =
                policy_of("\"on_deny\": \"kill\", \"mediate\": \"all\", \"audit\": {\"log\": \"none\"}");

        cr_expect_eq(policy_on_deny(policy), ON_DENY_KILL);
        cr_expect_eq(policy_audit(policy), AUDIT_NONE);
        cr_expect(policy_mediate_all(policy));
        cr_expect_not(policy_uses_tmpdir(policy));
        cr_expect_str_eq(policy_name(policy), "test");
        policy_destroy(policy);
        policy = policy_of("\"audit\": {}");
        cr_expect_eq(policy_on_deny(policy), ON_DENY_ERRNO);
        cr_expect_eq(policy_audit(policy), AUDIT_DENIED);
        cr_expect_eq(policy_audit_limit(policy), 64u << 20);
        policy_destroy(policy);
        policy = policy_of("\"audit\": {\"limit\": \"999999999G\"}");
        cr_expect_eq(policy_audit_limit(policy), 999999999ull << 30);
        cr_expect_not(policy_mediate_all(policy));
        policy_destroy(policy);
}

Test(loader, variables_expand)
{
        struct policy *policy = policy_of(
                "\"vars\": {\"A\": \"$CWD/a\", \"B\": \"${A}b\", \"C\": \"~/c\", \"T\": \"$TMPDIR\"}, "
                "\"files\": {\"read\": [\"$B\", \"$C\", \"/x/$$A\", \"~/d\", \"/u/$UID/$USER\", "
                "\"$POLICY_DIR/p\"]}");

        check_path(policy, PATH_READ, "/home/anna/work/ab", "allow");
        check_path(policy, PATH_READ, "/home/anna/c", "allow");
        check_path(policy, PATH_READ, "/home/anna/d", "allow");
        check_path(policy, PATH_READ, "/x/$A", "allow");
        check_path(policy, PATH_READ, "/u/1000/anna", "allow");
        check_path(policy, PATH_READ, "/home/anna/work/p", "allow");
        /* Declared, but in no rule. */
        cr_expect_not(policy_uses_tmpdir(policy));
        policy_destroy(policy);

        policy = policy_of("\"vars\": {\"T\": \"$TMPDIR\"}, \"files\": {\"read\": [\"$T\"]}");
        cr_expect(policy_uses_tmpdir(policy));
        policy_destroy(policy);
}
