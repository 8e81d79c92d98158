#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""audit.py ATTACK LOG DIR OUTPUT STATUS: is every line of an attack's audit log one event, and is there one for each
refusal that refusals.txt has for the attack, or that it says it met ("AUDIT operation object" in OUTPUT)?"""
import json
import os
import re
import sys
import unicodedata

FIELDS = {"time", "event", "operation", "object", "purpose", "program", "pid", "rule", "way"}
ALWAYS = ["open {DIR}/secret/file", "open {WORK}/outside"]  # still_confined()


def spoils(character):
    """Is it a control character, or does it reorder, separate or hide text?"""
    return unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Cn")


def check_line(line):
    # Bytes that are no text, and control characters, are escaped; what is left is ASCII or printable UTF-8.
    text = line.decode("utf-8")
    if any(map(spoils, text)):
        raise ValueError("a control character")
    event = json.loads(text)
    if set(event) != FIELDS or event["event"] not in ("denied", "allowed", "would-deny"):
        raise ValueError("not an event: %r" % event)
    return event


def refusals(attack):
    """What refusals.txt has beneath [ATTACK]."""
    section, wanted = None, []
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "refusals.txt"), encoding="ascii") as file:
        for line in file.read().splitlines():
            if re.match(r"\[\w+\]$", line):
                section = line[1:-1]
            elif section == attack and line and not line.startswith("#"):
                wanted.append(line)
    return wanted


def main():
    attack, log, directory, output, status = sys.argv[1:]
    with open(log, "rb") as file:
        lines = file.read().split(b"\n")
    if lines.pop() != b"":
        sys.exit("the last line is cut off")
    seen = set()
    for number, line in enumerate(lines, 1):
        try:
            event = check_line(line)
        except ValueError as error:
            sys.exit("line %d: %s: %r" % (number, error, line[:200]))
        if event["event"] == "denied":
            seen.add(event["operation"] + " " + event["object"])
    with open(output, "rb") as file:
        told = re.findall(r"^AUDIT (.*)$", file.read().decode("utf-8", "replace"), re.M)
    missing = [event for event in told if event not in seen]
    for wanted in ALWAYS + refusals(attack) if status == "0" else []:
        pattern = wanted.replace("{DIR}", re.escape(directory)).replace("{WORK}", re.escape(os.path.dirname(directory)))
        if not any(re.fullmatch(pattern, event, re.S) for event in seen):
            missing.append(wanted)
    if missing:
        sys.exit("no record of %s" % ", ".join(sorted(missing)))


main()
