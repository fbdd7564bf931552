#!/usr/bin/env python3
"""Checks that each room of src/ includes only rooms above it, in the order docs/design.md gives, and that headers guard themselves."""
import pathlib
import re
import sys

ORDER = ["base", "tensor", "isa", "engine", "target", "program", "hwx", "anec", "container", "asm", "emulator", "mil", "reference", "coreml",
         "espresso", "netplist", "onnx", "compiler", "analysis", "runtime", "report", "cli"]


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    wrong = []
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        room = path.relative_to(root / "src").parts[0]
        if room not in ORDER:
            wrong.append(f"{path.relative_to(root)}: room '{room}' is not in the list of rooms")
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".h" and "#pragma once" not in text:
            wrong.append(f"{path.relative_to(root)}: no #pragma once")
        for line, include in enumerate(re.findall(r'^#include "([^"]+)"', text, re.M), 1):
            other = include.split("/")[0]
            if other in ORDER and ORDER.index(other) > ORDER.index(room):
                wrong.append(f"{path.relative_to(root)}: includes {include}, a room below its own")
    print("\n".join(wrong) or f"rooms: {len(ORDER)} in order")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
