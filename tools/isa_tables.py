"""What the generators of C++ tables share: checks with a readable message, and an emitter of constant arrays."""
import json
import os
import re

GRADES = ("unknown", "guess", "reported", "file", "hardware")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class TableError(Exception):
    pass


def need(condition, text):
    if not condition:
        raise TableError(text)


def one_of(value, allowed, where):
    need(value in allowed, f"{where}: '{value}' is none of {', '.join(allowed)}")
    return value


def known_keys(row, allowed, where):
    """A misspelt key would otherwise be a fact silently lost."""
    for key in row:
        need(key in allowed, f"{where}: unknown key '{key}'")


def grade_of(row, where, key="grade"):
    need(key in row, f"{where}: no {key}")
    return one_of(row[key], GRADES, where)


def identifier(name, taken, where):
    need(IDENTIFIER.match(name), f"{where}: not an identifier")
    need(name not in taken, f"{where}: name used twice")
    taken.add(name)


def text(value):
    return json.dumps(value, ensure_ascii=True)


def number(value):
    return f"{value:#x}u"


class Writer:
    """Emits constexpr arrays; equal arrays are emitted once."""

    def __init__(self):
        self.lines, self.known = [], {}

    def array(self, kind, items, stem):
        if not items:
            return "{}"
        key = (kind, tuple(items))
        if key not in self.known:
            name = f"k{stem}{len(self.known)}"
            self.known[key] = name
            self.lines.append(f"constexpr {kind} {name}[] = {{{', '.join(items)}}};")
        return self.known[key]

    def strings(self, values):
        return self.array("std::string_view", [text(v) for v in values], "Strings")

    def numbers(self, values):
        return self.array("std::uint32_t", [number(v) for v in values], "Numbers")


def write_if_changed(path, content):
    """Keeps the time of an unchanged file, so that nothing is compiled again for it."""
    if os.path.exists(path) and open(path, encoding="utf-8").read() == content:
        return
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(content)
