#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random policies of files, what they say read off plainly, and what the sandbox says, in every mode.

    judged.py FLICKER_RUN JUDGE [--policies N] [--questions N] [--seed N] [--user]

The reading below is written from docs/POLICY.md and knows nothing of the compiler: a pattern becomes a regular expression,
rules are tried one after the other. On a difference it prints the policy, the question, the mode, and what to run again.
"""
import argparse
import errno
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

NAMES = ["a", "b", "ab", "abc", ".git", "x.key", "B"]
MODES = {"agent": [], "no-agent": ["--no-agent"], "all": ["--mediate", "all"]}
EXISTING = ["read", "write", "stat", "chmod", "list"]
ABSENT = ["create", "mkdir"]


def braces(pattern):
    """The alternatives of {a,b}."""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if not match:
        return [pattern]
    return [one for part in match.group(1).split(",")
            for one in braces(pattern[:match.start()] + part + pattern[match.end():])]


def expression(pattern):
    """A regular expression that matches whole paths as a pattern without braces does."""
    out, at = "", 0
    while at < len(pattern):
        if pattern.startswith("/**/", at):
            out, at = out + r"/(.*/)?", at + 4
        elif pattern.startswith("**/", at) and at == 0:
            out, at = out + r"(.*/)?", at + 3
        elif pattern.startswith("**", at):
            out, at = out + r".*", at + 2
        elif pattern[at] == "*":
            alone = pattern[at - 1:at] == "/" and pattern[at + 1:at + 2] in ("", "/")
            out, at = out + (r"[^/]+" if alone else r"[^/]*"), at + 1
        elif pattern[at] == "?":
            out, at = out + r"[^/]", at + 1
        elif pattern[at] == "[":
            end = pattern.index("]", at + 1)
            inside = pattern[at + 1:end]
            negated = inside.startswith("!")
            out += "(?!/)[" + ("^" if negated else "") + inside[negated:] + "]"
            at = end + 1
        else:
            out, at = out + re.escape(pattern[at]), at + 1
    return out


def expressions(pattern):
    """Of a pattern as it stands in a policy. One without wildcards, braces among them, covers what is beneath."""
    if not re.search(r"[*?\[{]", pattern):
        return [re.escape(pattern) + r"(/.*)?"]
    return [expression(one) for one in braces(pattern)]


class Reading:
    """A policy as a person reads it."""

    def __init__(self, files):
        self.rules = {key: [re.compile(one + r"\Z", re.S) for pattern in files.get(key, [])
                            for one in expressions(pattern)] for key in ("read", "write", "exec", "deny", "hide")}

    def says(self, key, path):
        return any(rule.match(path) for rule in self.rules[key])

    def hidden(self, path):
        return self.says("hide", path)

    def answer(self, kind, path):
        if kind == "list":
            directory = path.rsplit("/", 1)[0]
            error = self.answer("read", directory)
            return error if error else errno.ENOENT if self.hidden(path) else 0
        if self.hidden(path):
            return errno.ENOENT
        if kind == "stat":
            return 0
        if self.says("deny", path):
            return errno.EACCES
        granted = self.says("write", path)
        if kind == "read":
            granted = granted or self.says("read", path) or self.says("exec", path)
        return 0 if granted else errno.EACCES


def make_tree(root, rng):
    """Directories and files, two levels deep; returns what is there, and names that are not."""
    files, directories, absent = [], [root], []
    for name in NAMES:
        path = f"{root}/{name}"
        if rng.random() < 0.6:
            os.mkdir(path)
            directories.append(path)
    for directory in list(directories):
        for name in NAMES:
            path = f"{directory}/{name}"
            if os.path.exists(path):
                continue
            if rng.random() < 0.5:
                with open(path, "w", encoding="ascii"):
                    files.append(path)
            else:
                absent.append(path)
    return files, directories, absent


def random_component(rng):
    return rng.choice(NAMES + ["*", "?", "a*", "*b", "[ab]", "[!a]*", "{a,b}", "{a,x}*", ".g?t", "*.key", "[a-c]"])


def random_pattern(root, rng):
    if rng.random() < 0.15:
        # Nothing that could be a part of the actor's own path.
        return "**/" + rng.choice(NAMES + ["*.key", ".g?t", "{a,b}", "[ab]"]) + rng.choice(["", "/**"])
    parts = [random_component(rng) for _ in range(rng.choice([1, 1, 2, 2, 3]))]
    if rng.random() < 0.25:
        parts.insert(rng.randrange(len(parts) + 1), "**")
    if rng.random() < 0.4:
        parts = [rng.choice(NAMES) for _ in parts[:2]]
    return root + "/" + "/".join(parts)


def random_files(root, rng):
    files = {"read": [], "write": [], "deny": [], "hide": []}
    for key, most in (("read", 3), ("write", 3), ("deny", 2), ("hide", 2)):
        files[key] = [random_pattern(root, rng) for _ in range(rng.randrange(most + 1))]
    if rng.random() < 0.5:
        files[rng.choice(["read", "write"])].append(root)
    return files


def random_questions(count, tree, rng):
    files, directories, absent = tree
    questions = []
    for _ in range(count):
        if absent and rng.random() < 0.3:
            questions.append((rng.choice(ABSENT), rng.choice(absent)))
            continue
        kind = rng.choice(EXISTING)
        some = files if kind == "write" else files + directories[1:]
        if some:
            questions.append((kind, rng.choice(some)))
    return questions


def run(command, questions):
    text = "".join(f"{kind} {path}\n" for kind, path in questions)
    result = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
    return result.stdout.split(), result


def compare(arguments, number):
    rng = random.Random(f"{arguments.seed}/{number}")
    with tempfile.TemporaryDirectory(prefix="flicker-judged-") as work:
        root = os.path.realpath(work) + "/t"
        os.mkdir(root)
        tree = make_tree(root, rng)
        files = random_files(root, rng)
        questions = random_questions(arguments.questions, tree, rng)
        reading = Reading(files)
        expected = [reading.answer(kind, path) for kind, path in questions]
        policy = {"flicker": 1, "files": dict(files, exec=[arguments.judge])}
        policy_path = work + "/policy.json"
        with open(policy_path, "w", encoding="ascii") as file:
            json.dump(policy, file)
        for mode, options in MODES.items():
            command = [arguments.flicker_run, "--quiet", "--policy", policy_path, *options, "--", arguments.judge]
            answers, result = run(command, questions)
            if len(answers) != len(questions):
                sys.exit(f"policy {number} ({mode}): {len(answers)} answers of {len(questions)}, status {result.returncode}\n"
                         f"{json.dumps(policy)}\n{result.stderr[:2000]}")
            for question, wanted, got in zip(questions, expected, answers):
                if wanted != int(got):
                    sys.exit(f"policy {number} ({mode}): {' '.join(question)}: {errno.errorcode.get(int(got), got)}, by the policy "
                             f"{errno.errorcode.get(wanted, wanted)}\n{json.dumps(policy)}\n"
                             f"again: judged.py ... --seed {arguments.seed} --only {number}")
        return len(questions)


def as_nobody(arguments):
    """The same as an ordinary user, from copies that one may read."""
    if os.geteuid() != 0:
        print("skipped: an ordinary user already")
        sys.exit(77)
    interpreter = shutil.which("python3", path="/usr/bin:/bin")
    if not interpreter:
        print("skipped: no python3 that nobody may execute")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="flicker-judged-") as work:
        prefix = os.path.dirname(os.path.dirname(arguments.flicker_run))
        for part in ("bin", "libexec", "share"):
            shutil.copytree(f"{prefix}/{part}", f"{work}/{part}")
        shutil.copy(arguments.judge, work + "/judge")
        shutil.copy(os.path.realpath(__file__), work + "/judged.py")
        subprocess.run(["chmod", "-R", "a+rX", work], check=True)
        command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "env", "-i", f"PATH={os.environ['PATH']}",
                   "HOME=/nonexistent", interpreter, work + "/judged.py", work + "/bin/flicker-run", work + "/judge",
                   "--policies", str(arguments.policies), "--questions", str(arguments.questions), "--seed", arguments.seed]
        sys.exit(subprocess.run(command, check=False).returncode)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flicker_run")
    parser.add_argument("judge")
    parser.add_argument("--policies", type=int, default=250)
    parser.add_argument("--questions", type=int, default=220)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--only", type=int)
    parser.add_argument("--user", action="store_true")
    arguments = parser.parse_args()
    arguments.flicker_run = os.path.realpath(arguments.flicker_run)
    arguments.judge = os.path.realpath(arguments.judge)
    if arguments.user:
        as_nobody(arguments)
    numbers = range(arguments.policies) if arguments.only is None else [arguments.only]
    cases = sum(compare(arguments, number) for number in numbers)
    print(f"{cases} questions under {len(numbers)} policies, the same answers in {len(MODES)} modes and by the policy")


if __name__ == "__main__":
    main()
