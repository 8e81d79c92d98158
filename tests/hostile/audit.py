#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""audit.py LOG DIR OUTPUT STATUS: is every line of an attack's audit log one event, and is there one for each
refusal that the attack said it met ("AUDIT operation object" in OUTPUT)?"""
import json
import re
import sys

FIELDS = {"time", "event", "operation", "object", "purpose", "program", "pid", "rule", "way"}


def check_line(number, line):
    # Bytes that are no text, and control characters, are escaped; what is left is ASCII or printable UTF-8.
    text = line.decode("utf-8")
    if any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in text):
        raise ValueError("a control character")
    event = json.loads(text)
    if set(event) != FIELDS or event["event"] not in ("denied", "allowed", "would-deny"):
        raise ValueError("not an event: %r" % event)
    return event


def main():
    log, directory, output, status = sys.argv[1:]
    with open(log, "rb") as file:
        lines = file.read().split(b"\n")
    if lines.pop() != b"":
        sys.exit("the last line is cut off")
    seen = set()
    for number, line in enumerate(lines, 1):
        try:
            event = check_line(number, line)
        except ValueError as error:
            sys.exit("line %d: %s: %r" % (number, error, line[:200]))
        if event["event"] == "denied":
            seen.add((event["operation"], event["object"]))
    with open(output, "rb") as file:
        wanted = re.findall(r"^AUDIT (.*) (\S+)$", file.read().decode("utf-8", "replace"), re.M)
    if status == "0":
        wanted.append(("open", directory + "/secret/file"))  # still_confined()
    missing = sorted(set(wanted) - seen)
    if missing:
        sys.exit("no record of %s" % ", ".join("%s %s" % event for event in missing))


main()
