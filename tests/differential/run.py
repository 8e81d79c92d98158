#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the same generated cases natively and in the sandbox, and compares what came of them, line by line.

run.py PROGRAM FLICKER_RUN [--user] [--seed N|random] [--first N] [--rounds N] [--policy NAME] [--mode NAME] [--shrink]

Without --rounds, some rounds for each policy: more than 50,000 cases for each mode. A difference is shown with its case;
--shrink also finds a short list of cases of its round that still shows it.
"""
import argparse
import os
import pwd
import random
import re
import shutil
import subprocess
import sys
import tempfile

CASES = 64  # of a round: CASES_MAX of case.h

EVERYTHING = ('"files": {"read": ["/"], "write": ["%s"], "exec": ["/"]%s}, '
              '"network": {"bind": ["unix:*"], "connect": ["unix:*"]}')

# What is granted is the same; who enforces it differs: the kernel, the broker for opens, the broker for metadata, too.
POLICIES = {
    "kernel": EVERYTHING % ("$SCRATCH\", \"/dev", ""),
    "deny": EVERYTHING % ("/", ', "deny": ["/flicker-no-such-name"]'),
    "hide": EVERYTHING % ("/", ', "hide": ["/usr/share/flicker-no-such-name"]'),
}
ROUNDS = {"kernel": 100, "deny": 300, "hide": 400}
MODES = {"agent": [], "no-agent": ["--no-agent"], "all": ["--mediate", "all"]}


class Bench:
    def __init__(self, options):
        self.options = options
        where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"
        self.scratch = tempfile.mkdtemp(prefix="flicker-differential-", dir=where)
        self.work = tempfile.mkdtemp(prefix="flicker-differential-", dir="/tmp")
        os.chmod(self.work, 0o755)
        self.program, self.flicker_run = options.program, options.flicker_run
        self.identity = {}
        if options.user:
            self.become_user()
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": self.work, "LC_ALL": "C",
                            "XDG_CACHE_HOME": os.path.join(self.work, "cache")}

    def become_user(self):
        """As nobody, from a copy: a build directory beneath a home is not readable to others."""
        prefix = os.path.dirname(os.path.dirname(self.flicker_run))
        for part in ("bin", "libexec", "share"):
            if os.path.isdir(os.path.join(prefix, part)):
                shutil.copytree(os.path.join(prefix, part), os.path.join(self.work, part))
        self.flicker_run = os.path.join(self.work, "bin", "flicker-run")
        self.program = shutil.copy(self.program, self.work)
        subprocess.run(["chmod", "-R", "a+rX", self.work], check=True)
        nobody = pwd.getpwnam("nobody")
        self.identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.mkdir(os.path.join(self.work, "cache"))
        for path in (self.scratch, os.path.join(self.work, "cache")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)
        shutil.rmtree(self.work, ignore_errors=True)

    def play(self, prefix, first, count, skip=0):
        """The log of some rounds, as lines; the last ones are what went wrong beside."""
        command = [self.program, str(self.options.seed), str(first), str(count), str(skip), self.scratch, *prefix]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=self.environment,
                              timeout=self.options.timeout, check=False, **self.identity)
        lines = done.stdout.decode("latin-1").split("\n")
        lines += [line for line in done.stderr.decode("latin-1").split("\n") if line and not EXPLAINED.match(line)]
        return lines + ["status %d" % done.returncode]

    def sandbox(self, policy, mode):
        path = os.path.join(self.work, policy + ".json")
        with open(path, "w", encoding="ascii") as file:
            file.write('{"flicker": 1, "name": "%s", "vars": {"SCRATCH": "%s"}, %s}\n' % (policy, self.scratch, POLICIES[policy]))
        return [self.flicker_run, "--policy", path, *MODES[mode], "--"]


# What flicker-run says of the refusals that known() knows.
EXPLAINED = re.compile(r"flicker: (denied  (open .* as a path |mknod .* of a device |\S+ /proc/\d+[/ ]|link socket:\[)|\d+ operations? denied$)")
OPENED_PATH = re.compile(r"(.* = )opened fl \d*1\d{7} ")  # O_PATH is 010000000


BOUND = re.compile(r".* bind\(.* = 0 name \d+ (.*)")
IN_PROC = re.compile(r'.* chdir\(".*(/proc/|l-self).*"\) = 0$')


def known(policy, mode, native, sandboxed, in_proc):
    """Is this a difference that is documented, and this very one?"""
    call, _, result = sandboxed.partition(" = ")
    if native.partition(" = ")[0] != call:
        return False
    # A policy that Landlock enforces cannot grant writing to /proc.
    if policy == "kernel" and result == "EACCES" and (in_proc or "/proc/" in call or "l-self" in call):
        return True
    # What a process may read of itself alone, under other credentials than it began with (README.md, "Limits").
    if "/fdinfo/" in call and result == "EACCES":
        return True
    # A socket that is bound by way of a magic link, perhaps at the end of another, has the last part of its name only (README.md,
    # "Limits").
    bound = BOUND.match(native)
    if bound and "/" in bound.group(1):
        got = BOUND.match(sandboxed)
        return bool(got) and got.group(1) == bound.group(1).rsplit("/", 1)[1]
    # README.md, "Limits": the broker can give no O_PATH descriptor to the caller.
    if OPENED_PATH.match(native) and (policy == "hide" or "openat2" in call) and (policy, mode) != ("kernel", "agent"):
        return result == "EACCES" or (result.startswith("opened fl ") and not OPENED_PATH.match(sandboxed))
    return False


def differences(policy, mode, expected, got):
    """Pairs of lines that differ, by position."""
    in_proc, pairs = False, []
    for native, sandboxed in zip(expected, got):
        if native != sandboxed and not known(policy, mode, native, sandboxed, in_proc):
            pairs.append((native, sandboxed))
        in_proc = in_proc or bool(IN_PROC.match(native))
    if len(expected) != len(got) and not pairs:
        pairs.append(("%d lines" % len(expected), "%d lines" % len(got)))
    return pairs


def by_round(lines):
    rounds, number = {}, None
    for line in lines:
        head = line.split(" ", 1)[0].split(".", 1)[0]
        if head.isdigit() and not line.startswith(" "):
            number = int(head)
        rounds.setdefault(number, []).append(line)
    return rounds


def shrink(bench, policy, mode, prefix, number):
    """Leaves out cases of the round as long as a difference remains. Returns the mask of those left out."""
    def differs(skip):
        return bool(differences(policy, mode, bench.play([], number, 1, skip), bench.play(prefix, number, 1, skip)))

    skip, step = 0, CASES // 2
    while step:
        for at in range(0, CASES, step):
            chunk = ((1 << step) - 1) << at
            if skip & chunk != chunk and skip | chunk != (1 << CASES) - 1 and differs(skip | chunk):
                skip |= chunk
        step //= 2
    return skip


def report(bench, policy, mode, prefix, number, expected, got):
    print("== %s: round %d of seed %d differs" % (policy + " " + mode, number, bench.options.seed))
    skip = 0
    if bench.options.shrink:
        skip = shrink(bench, policy, mode, prefix, number)
        expected, got = bench.play([], number, 1, skip), bench.play(prefix, number, 1, skip)
        print("   with these cases only:")
        for line in expected:
            if line.startswith("%d." % number):
                print("     ", line[:300])
    for native, sandboxed in differences(policy, mode, expected, got)[:bench.options.lines]:
        print("   natively:", native[:500])
        print("   sandbox: ", sandboxed[:500])
    print("   again: %s %d %d 1 %#x DIRECTORY %s" % (bench.program, bench.options.seed, number, skip, " ".join(prefix)))


def compare(bench, policy, mode, first, rounds, native):
    options, name = bench.options, policy + " " + mode
    prefix = bench.sandbox(policy, mode)
    expected, got = by_round(native), by_round(bench.play(prefix, first, rounds))
    bad = [number for number in expected if differences(policy, mode, expected[number], got.get(number, []))]
    for number in bad[:options.show]:
        report(bench, policy, mode, prefix, number, expected[number], got.get(number, ["nothing"]))
    cases = sum(1 for line in native if " = " in line and line[:1].isdigit())
    print("%s %s: %d cases, %d of %d rounds differ" % ("FAIL" if bad else "ok", name, cases, len(bad), rounds))
    return not bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("flicker_run")
    parser.add_argument("--user", action="store_true", help="as nobody")
    parser.add_argument("--seed", type=lambda text: random.getrandbits(48) if text == "random" else int(text), default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--policy", action="append")
    parser.add_argument("--mode", action="append")
    parser.add_argument("--shrink", action="store_true")
    parser.add_argument("--show", type=int, default=3)
    parser.add_argument("--lines", type=int, default=6)
    parser.add_argument("--timeout", type=int, default=300)
    options = parser.parse_args()
    if options.user and os.geteuid() != 0:
        print("skipped: an ordinary user already")
        sys.exit(77)
    bench = Bench(options)
    try:
        good, first = True, options.first
        for policy in options.policy or POLICIES:
            rounds = options.rounds or ROUNDS[policy]
            native = bench.play([], first, rounds)
            for mode in options.mode or MODES:
                good &= compare(bench, policy, mode, first, rounds, native)
            first += 0 if options.rounds else rounds
    finally:
        bench.close()
    sys.exit(0 if good else 1)


main()
