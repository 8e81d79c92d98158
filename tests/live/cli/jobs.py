#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Job control: flicker-run under an interactive shell on a terminal behaves as the program alone would.

Every scene is played natively and under flicker-run; the answers have to be the same.
"""
import os
import pty
import re
import select
import sys
import time

PROMPT = "ready> "


class Terminal:
    """An interactive shell on a pseudo-terminal."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            environment = dict(os.environ, PS1=PROMPT, TERM="dumb", HISTFILE="/dev/null")
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], environment)
        self.text = ""
        self.expect(PROMPT)

    def send(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern, timeout=15):
        """What came up to the pattern and with it."""
        end = time.time() + timeout
        while True:
            found = re.search(pattern, self.text)
            if found:
                seen, self.text = self.text[:found.end()], self.text[found.end():]
                return seen
            if time.time() > end or not select.select([self.fd], [], [], end - time.time())[0]:
                raise AssertionError("no %r in %r" % (pattern, self.text))
            try:
                self.text += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:
                raise AssertionError("the shell ended; no %r in %r" % (pattern, self.text)) from None

    def run(self, line, pattern=PROMPT):
        self.send(line + "\n")
        self.expect(re.escape(line) + r"\r?\n")
        return self.expect(pattern)

    def status(self):
        return re.search(r"=(\d+)=", self.run("echo =$?=", r"=\d+=\r\n" + PROMPT)).group(1)

    def close(self):
        self.send("exit\n")
        time.sleep(0.1)
        self.send("exit\n")
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def interrupt(terminal, command):
    terminal.send(command + "sh -c 'echo on; sleep 30; echo off'\n")
    terminal.expect(r"\non\r")
    time.sleep(0.2)
    terminal.send("\x03")
    terminal.expect(PROMPT)
    return terminal.status()


def interrupt_handled(terminal, command):
    terminal.send(command + "bash -c 'trap \"echo got; exit 3\" INT; echo on; while :; do sleep 0.05; done'\n")
    terminal.expect(r"\non\r")
    time.sleep(0.2)
    terminal.send("\x03")
    seen = terminal.expect(PROMPT)
    return terminal.status(), seen.count("got")


def quit_it(terminal, command):
    terminal.send(command + "sh -c 'ulimit -c 0; echo on; sleep 30'\n")
    terminal.expect(r"\non\r")
    time.sleep(0.2)
    terminal.send("\x1c")
    terminal.expect(PROMPT)
    return terminal.status()


def stop_and_go_on(terminal, command):
    terminal.send(command + "bash -c 'trap \"echo cont\" CONT; echo on; read -r x; echo \"<$x>\"; exit 6'\n")
    terminal.expect(r"\non\r")
    time.sleep(0.2)
    terminal.send("\x1a")
    stopped = terminal.expect(PROMPT)
    status = terminal.status()
    terminal.send("fg\n")
    time.sleep(0.5)
    terminal.send("hello\n")
    terminal.expect("<hello>")
    terminal.expect(PROMPT)
    return "Stopped" in stopped, status, terminal.status()


def background(terminal, command):
    terminal.run(command + "sh -c 'sleep 0.3; exit 4' &")
    terminal.run("wait $!")
    return terminal.status()


def stop_then_background(terminal, command):
    terminal.send(command + "sh -c 'echo on; sleep 1; echo late; exit 9'\n")
    terminal.expect(r"\non\r")
    time.sleep(0.2)
    terminal.send("\x1a")
    terminal.expect(PROMPT)
    terminal.run("bg")
    terminal.expect("late")
    terminal.run("wait %1")
    return terminal.status()


def read_in_background(terminal, command):
    terminal.run(command + "sh -c 'read -r x; echo \"<$x>\"' &")
    time.sleep(0.7)
    stopped = terminal.run("jobs")
    terminal.send("fg\n")
    time.sleep(0.5)
    terminal.send("word\n")
    terminal.expect("<word>")
    terminal.expect(PROMPT)
    return "Stopped" in stopped, terminal.status()


def pipeline(terminal, command):
    terminal.send(command + "sh -c 'echo on >&2; sleep 30' | " + command + "cat\n")
    terminal.expect(r"\non\r")
    time.sleep(0.2)
    terminal.send("\x1a")
    terminal.expect(PROMPT)
    terminal.send("fg\n")
    time.sleep(0.3)
    terminal.send("\x03")
    terminal.expect(PROMPT)
    return terminal.status()


def inner_shell(terminal, command):
    """A shell in the shell, with jobs of its own; the terminal comes back in the end."""
    terminal.send(command + "bash --norc --noprofile --noediting -i\n")
    terminal.expect(PROMPT)
    terminal.run("PS1='inner> '", "inner> ")
    terminal.send("sleep 30\n")
    time.sleep(0.3)
    terminal.send("\x1a")
    seen = terminal.expect("inner> ")
    terminal.run("kill -9 %1; sleep 0.5; jobs", "inner> ")
    terminal.send("exit 8\n")
    terminal.expect(PROMPT)
    return "Stopped" in seen, terminal.status()


def kill_job(terminal, command):
    terminal.run("rm -f seen begun; " + command + "bash -c 'trap \"echo got >>seen\" TERM; touch begun; "
                 "for i in $(seq 20); do sleep 0.05; done; exit 2' &")
    for _ in range(400):
        if os.path.exists("begun"):
            break
        time.sleep(0.05)
    terminal.run("kill %1")
    terminal.run("wait $!; wait $!")
    return re.search(r"seen=(\d+)", terminal.run("echo seen=$(wc -l <seen)", r"seen=\d+\r\n")).group(1)


SCENES = [interrupt, interrupt_handled, quit_it, stop_and_go_on, background, stop_then_background,
          read_in_background, pipeline, inner_shell, kill_job]


def play(scene, command):
    terminal = Terminal()
    try:
        return scene(terminal, command)
    except AssertionError as problem:
        return "%s" % problem
    finally:
        terminal.close()


def main():
    policy = os.path.join(os.path.dirname(os.path.abspath(__file__)), "everything.json")
    command = "%s -p %s %s " % (os.path.abspath(sys.argv[1]), policy, os.environ.get("MODE", ""))
    os.chdir(os.environ.get("TMPDIR", "/tmp"))
    try:
        for fd in os.openpty():
            os.close(fd)
    except OSError as problem:
        print("no pseudo-terminal to be had: %s" % problem)
        sys.exit(77)
    failures = 0
    for scene in SCENES:
        if len(sys.argv) > 2 and scene.__name__ not in sys.argv[2:]:
            continue
        native, sandboxed = play(scene, ""), play(scene, command)
        if native != sandboxed:
            failures += 1
            print("FAIL: %s: natively %r, under flicker %r" % (scene.__name__, native, sandboxed))
    sys.exit(1 if failures else 0)


main()
