# SPDX-License-Identifier: Apache-2.0
"""A policy as a person reads it: written from docs/POLICY.md, and knowing nothing of the compiler. A pattern becomes a regular
expression; rules are tried one after the other."""
import errno
import ipaddress
import re

WRITING = {"write", "create", "mkdir", "symlink", "fifo", "unlink", "rmdir", "rename", "exchange", "link", "chmod", "chown", "utimes",
           "truncate", "setxattr", "removexattr"}
METADATA = {"stat", "access", "getxattr", "listxattr"}


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


def compiled(patterns):
    return [re.compile(one + r"\Z", re.S) for pattern in patterns for one in expressions(pattern)]


class Files:
    """The "files" of a policy."""

    def __init__(self, files):
        self.rules = {key: compiled(files.get(key, [])) for key in ("read", "write", "exec", "deny", "hide")}

    def says(self, key, path):
        return any(rule.match(path) for rule in self.rules[key])

    def one(self, kind, path):
        """What an operation on one name comes to."""
        if self.says("hide", path):
            return errno.ENOENT
        if kind in METADATA:
            return 0
        if self.says("deny", path):
            return errno.EACCES
        keys = ("write",) if kind in WRITING else ("exec",) if kind == "exec" else ("read", "write", "exec")
        return 0 if any(self.says(key, path) for key in keys) else errno.EACCES

    def answers(self, kind, path, other):
        """The errors that there are reasons for; nothing: success."""
        if kind == "list":
            error = self.one("read", path.rsplit("/", 1)[0])
            error = error or (errno.ENOENT if self.says("hide", path) else 0)
            return {error} - {0}
        names = [path, other] if kind in ("rename", "exchange", "link") else [path]
        return {self.one(kind, name) for name in names} - {0}


class Address:
    """A rule of "network" for tcp or udp."""

    def __init__(self, text):
        self.protocol, rest = text.split(":", 1)
        host, port = rest.rsplit(":", 1)
        self.network = None if host == "*" else ipaddress.ip_network(host.replace("[", "").replace("]", ""))
        low, _, high = port.partition("-")
        self.low, self.high = (0, 65535) if port == "*" else (int(low), int(high or low))

    def matches(self, protocol, address, port):
        return (protocol == self.protocol and self.low <= port <= self.high and
                (self.network is None or (address.version == self.network.version and address in self.network)))


class Network:
    """The "network" of a policy, and what "files" says of sockets."""

    def __init__(self, network, files):
        self.files = Files(files)
        self.rules = {key: [Address(text) for text in network.get(key, []) if text[:4] in ("tcp:", "udp:")]
                      for key in ("bind", "connect", "deny")}
        texts = {key: [text[5:] for text in network.get(key, []) if text.startswith("unix:")] for key in ("bind", "connect", "deny")}
        self.paths = {key: compiled(text for text in texts[key] if text[0] != "@") for key in texts}
        # Of abstract names the whole, where a wildcard does not stop at slashes.
        self.names = {key: [re.compile(re.escape(text).replace(r"\*", ".*") + r"\Z", re.S) for text in texts[key] if text[0] == "@"]
                      for key in texts}

    def internet(self, kind, host, port):
        use, protocol = kind.split("-")
        address, key = ipaddress.ip_address(host), "bind" if use == "bind" else "connect"
        if address.version == 6 and address.ipv4_mapped:
            address = address.ipv4_mapped
        if key == "connect" and int(address) == 0:
            address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")

        def says(which):
            return any(rule.matches(protocol, address, port) for rule in self.rules[which])
        return set() if says(key) and not says("deny") else {errno.EACCES}

    def unix(self, kind, name):
        key = kind.split("-")[0]
        rules = self.names if name[0] == "@" else self.paths
        if not any(self.names[grant] or self.paths[grant] for grant in ("bind", "connect")):
            return {errno.EACCES}  # no such socket can be made
        if name[0] != "@" and self.files.says("hide", name):
            return {errno.ENOENT}
        if any(rule.match(name) for rule in rules["deny"]) or (name[0] != "@" and self.files.says("deny", name)):
            return {errno.EACCES}
        return set() if any(rule.match(name) for rule in rules[key]) else {errno.EACCES}

    def answers(self, kind, one, other):
        return self.unix(kind, one) if kind.endswith("unix") else self.internet(kind, one, int(other))
