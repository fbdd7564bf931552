#!/usr/bin/env python3
"""Runs the commands that README.md and docs/*.md show and compares what they print.

usage: check_docs.py [--tool PATH_TO_ANE] [--rewrite] [FILE.md ...]

A block fenced as ```console is a session: a line "$ command" (with "> " for what continues it), then what it prints on standard output
and standard error together. A line "..." stands for any lines, for what differs from run to run. The blocks of one page run one after
the other in an empty folder that has examples/ in it and `ane` in PATH. --rewrite puts the real output in place of the shown one.
A block fenced as ```sh is not run, but each `make GOAL` in it must be a goal of the Makefile and each --preset must exist.
Links to files of the project must lead somewhere.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
MARK = "\x1eend of command "


class Command:
    """One command of a session: its text, the lines it shows, and where they stand in the page (0-based, end exclusive)."""

    def __init__(self, line):
        self.text, self.shown, self.line = "", [], line


def fenced_blocks(lines):
    """Yields (language, first line after the fence, line of the closing fence)."""
    start = language = None
    for number, line in enumerate(lines):
        fence = re.match(r"^```(\w*)\s*$", line)
        if not fence:
            continue
        if start is None:
            start, language = number + 1, fence.group(1)
        else:
            yield language, start, number
            start = None


def commands_of(lines, start, end):
    commands = []
    for number in range(start, end):
        line = lines[number]
        if line.startswith("$ "):
            commands.append(Command(number))
            commands[-1].text = line[2:]
        elif line.startswith("> ") and commands and not commands[-1].shown:
            commands[-1].text += "\n" + line[2:]
        elif commands:
            commands[-1].shown.append(line)
    return commands


def run_session(commands, tool):
    """Runs the commands in one shell; gives each one's output as lines."""
    script = ["exec 2>&1", "status=0"]
    for command in commands:
        # `$?` of the next command is this one's.
        script += ["(exit $status)", command.text, "status=$?", f"printf '%s%s\\n' '{MARK}' $status"]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "examples", pathlib.Path(folder) / "examples")
        (pathlib.Path(folder) / ".bin").mkdir()
        (pathlib.Path(folder) / ".bin" / "ane").symlink_to(tool)
        environment = {k: v for k, v in os.environ.items() if k not in ("OPENANE_CORPUS",)}
        environment["PATH"] = f"{folder}/.bin:/usr/bin:" + environment.get("PATH", "")
        done = subprocess.run(["bash", "-c", "\n".join(script)], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, timeout=300, check=False)
    outputs, current = [], []
    for line in done.stdout.decode(errors="replace").split("\n"):
        text, mark, _ = line.partition(MARK)
        if not mark:
            current.append(line)
            continue
        if text:
            current.append(text)
        outputs.append(current)
        current = []
    if len(outputs) != len(commands):
        raise RuntimeError(f"the shell ended after {len(outputs)} of {len(commands)} commands")
    return outputs


def matches(shown, printed):
    """Whether lines match, where a shown "..." stands for any number of lines."""
    shown, printed = [s.rstrip() for s in shown], [p.rstrip() for p in printed]
    reach = {0}
    for line in shown:
        if line == "...":
            reach = set(range(min(reach), len(printed) + 1)) if reach else set()
        else:
            reach = {i + 1 for i in reach if i < len(printed) and printed[i] == line}
    return len(printed) in reach


def check_page(path, tool, rewrite):
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    wrong, ran = [], 0
    name = path.relative_to(ROOT)
    goals = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    presets = {p["name"] for p in json.loads((ROOT / "CMakePresets.json").read_text(encoding="utf-8"))["configurePresets"]}
    session = []
    for language, start, end in fenced_blocks(lines):
        block = "\n".join(lines[start:end])
        if language == "console":
            session += commands_of(lines, start, end)
        elif language == "sh":
            wrong += [f"{name}:{start}: `make {g}` is no goal" for g in re.findall(r"^make ([a-z-]+)", block, re.M) if g not in goals]
            wrong += [f"{name}:{start}: no preset {p}" for p in re.findall(r"--preset[ =](\S+)", block) if p not in presets]
    fenced = {number for _, start, end in fenced_blocks(lines) for number in range(start + 1, end + 1)}
    for line, link in ((n, l) for n, t in enumerate(lines, 1) if n not in fenced for l in re.findall(r"\]\(([^)#\s]+)", t)):
        if "://" not in link and not (path.parent / link).exists():
            wrong.append(f"{name}:{line}: the link {link} leads nowhere")
    if session:
        outputs = run_session(session, tool)
        for command, printed in reversed(list(zip(session, outputs))):
            ran += 1
            while command.shown and command.shown[-1] == "":
                command.shown.pop()
            while printed and printed[-1] == "":
                printed.pop()
            if matches(command.shown, printed):
                continue
            if rewrite:
                first = command.line + 1 + command.text.count("\n")
                lines[first:first + len(command.shown)] = printed
                continue
            wrong.append(f"{name}:{command.line + 1}: $ {command.text}\n  shown:\n    " + "\n    ".join(command.shown) +
                         "\n  printed:\n    " + "\n    ".join(printed))
    if rewrite and "\n".join(lines) != text:
        path.write_text("\n".join(lines), encoding="utf-8")
        print(f"{name}: rewritten")
    return wrong, ran


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default=ROOT / "build/release/src/cli/ane", type=pathlib.Path)
    parser.add_argument("--rewrite", action="store_true")
    parser.add_argument("pages", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    pages = [p.resolve() for p in arguments.pages] or [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    wrong, ran = [], 0
    for page in pages:
        page_wrong, page_ran = check_page(page, arguments.tool.resolve(), arguments.rewrite)
        wrong, ran = wrong + page_wrong, ran + page_ran
    print("\n".join(wrong) or f"docs: {ran} commands on {len(pages)} pages print what is shown")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
