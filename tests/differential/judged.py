#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random policies of files and addresses, what they say read off plainly (reading.py), and what the sandbox says, in every mode.

    judged.py FLICKER_RUN JUDGE [--policies N] [--questions N] [--seed N] [--user]

On a difference it prints the policy, the question, the mode, and what to run again.
"""
import argparse
import errno
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile

from reading import Files, Network

NAMES = ["a", "b", "ab", "abc", ".git", "x.key", "B"]
MODES = {"agent": [], "no-agent": ["--no-agent"], "all": ["--mediate", "all"]}
OF_ANYTHING = ["read", "stat", "access", "chmod", "chown", "utimes", "list", "getxattr", "listxattr", "setxattr", "removexattr"]
OF_FILES = ["write", "truncate", "unlink", "exec", "rename", "exchange", "link"]
OF_ABSENT = ["create", "mkdir", "symlink", "fifo"]
PORTS = [0, 47000, 47001, 47010, 47011, 47099]
HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.1.7", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:127.0.0.2", "::ffff:0.0.0.0"]


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
                os.chmod(path, 0o755)
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
    files = {"read": [], "write": [], "exec": [], "deny": [], "hide": []}
    for key, most in (("read", 3), ("write", 3), ("exec", 2), ("deny", 2), ("hide", 2)):
        files[key] = [random_pattern(root, rng) for _ in range(rng.randrange(most + 1))]
    if rng.random() < 0.5:
        files[rng.choice(["read", "write", "write"])].append(root)
    return files


def random_question(tree, rng):
    files, directories, absent = tree
    kind = rng.choice(OF_ANYTHING * 2 + OF_FILES * 2 + OF_ABSENT + ["rmdir"])
    some = {True: files, False: files + directories[1:]}[kind in OF_FILES]
    if kind in OF_ABSENT:
        some = absent
    elif kind == "rmdir":
        some = [path for path in directories[1:] if not any(name.startswith(path + "/") for name in files)]
    others = files if kind == "exchange" else absent
    if not some or not others:
        return None
    one, other = rng.choice(some), rng.choice(others) if kind in ("rename", "exchange", "link") else "-"
    return None if one == other else (kind, one, other)


def random_address(key, rng):
    protocol = rng.choice(["tcp", "udp"])
    hosts = ["*", "*", "127.0.0.1", "127.0.0.2", "127.0.0.0/8", "127.0.0.0/30", "127.0.1.0/24", "[::1]", "[::1]", "[::1]/128"]
    # To connect to "any" is to connect to the loopback: nothing that a rule could mean.
    host = rng.choice(hosts + ["0.0.0.0", "[::]"] if key == "bind" else hosts)
    port = rng.choice(["*", "*", "47000", "47001", "47000-47010", "47005-47099", "0-47000", "0"])
    return f"{protocol}:{host}:{port}"


def random_network(root, rng):
    network = {}
    for key, most in (("bind", 4), ("connect", 4), ("deny", 3)):
        network[key] = [random_address(key, rng) for _ in range(rng.randrange(most + 1))]
        network[key] += ["unix:" + random_pattern(root, rng) for _ in range(rng.randrange(3))]
        network[key] += ["unix:@judge-" + rng.choice(["a", "*", "a*", "*/b"]) for _ in range(rng.randrange(2))]
    return network


def random_network_question(tree, sockets, rng):
    kind = rng.choice(["bind-tcp", "bind-udp", "connect-tcp", "connect-udp", "send-udp", "bind-unix", "connect-unix"])
    if not kind.endswith("unix"):
        port = rng.choice(PORTS if kind.startswith("bind") else PORTS[1:])
        return (kind, rng.choice(HOSTS), str(port))
    name = rng.choice(["@judge-a", "@judge-ab", "@judge-x/b", "@judge-c"])
    paths = tree[2] if kind == "bind-unix" else sockets
    return (kind, rng.choice(paths) if paths and rng.random() < 0.8 else name, "-")


def make_sockets(absent, rng):
    """Sockets that listen where nothing was; returns those that keep them open, and their paths."""
    listeners, paths = [], []
    for path in rng.sample(absent, min(len(absent), 8)):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        listener.listen(64)
        os.chmod(path, 0o777)
        listeners.append(listener)
        paths.append(path)
        absent.remove(path)
    return listeners, paths


def run(command, questions):
    text = "".join(" ".join(question) + "\n" for question in questions)
    result = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
    return result.stdout.split(), result


def is_right(errors, got):
    return got in errors if errors else got == 0


def ask_in_modes(arguments, number, policy, policy_path, reading, questions):
    for mode, options in MODES.items():
        command = [arguments.flicker_run, "--quiet", "--policy", policy_path, *options, "--", arguments.judge]
        answers, result = run(command, questions)
        if len(answers) != len(questions):
            sys.exit(f"policy {number} ({mode}): {len(answers)} answers of {len(questions)}, status {result.returncode}\n"
                     f"{json.dumps(policy)}\n{result.stderr[:2000]}")
        for question, got in zip(questions, answers):
            errors = reading.answers(*question)
            if not is_right(errors, int(got)):
                names = " or ".join(errno.errorcode[error] for error in errors) or "0"
                sys.exit(f"policy {number} ({mode}): {' '.join(question)}: {errno.errorcode.get(int(got), got)}, by the policy {names}\n"
                         f"{json.dumps(policy)}\nagain: judged.py ... --seed {arguments.seed} --only {number}")


def compare(arguments, number):
    rng = random.Random(f"{arguments.seed}/{number}")
    with tempfile.TemporaryDirectory(prefix="flicker-judged-") as work:
        root = os.path.realpath(work) + "/t"
        os.mkdir(root)
        tree = make_tree(root, rng)
        files = random_files(root, rng)
        policy = {"flicker": 1, "files": dict(files, exec=files["exec"] + [arguments.judge])}
        listeners = []
        if number % 3 == 2:
            listeners, sockets = make_sockets(tree[2], rng)
            policy["network"] = random_network(root, rng)
            reading = Network(policy["network"], files)
            questions = [random_network_question(tree, sockets, rng) for _ in range(arguments.questions)]
        else:
            reading = Files(files)
            questions = [random_question(tree, rng) for _ in range(arguments.questions)]
        questions = [question for question in questions if question]
        policy_path = work + "/policy.json"
        with open(policy_path, "w", encoding="ascii") as file:
            json.dump(policy, file)
        ask_in_modes(arguments, number, policy, policy_path, reading, questions)
        for listener in listeners:
            listener.close()
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
        for name in ("judged.py", "reading.py"):
            shutil.copy(os.path.join(os.path.dirname(os.path.realpath(__file__)), name), work)
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
