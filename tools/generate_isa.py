#!/usr/bin/env python3
"""Turns data/isa/*.toml into the constant tables that include/openane/register_table.h describes.

usage: generate_isa.py --out DIR TABLE.toml ...

Writes DIR/generations.cpp (all tables) and DIR/<generation>_fields.h (one constant per field: h13::Common_InDim_Win).
Checks every table first and stops with file and name at the first thing wrong: overlapping blocks or fields, a word of a block without a
row, an enum that is not defined, names that are not unique or not identifiers, a neutral value that does not fit its field.
"""
import argparse
import json
import os
import re
import sys
import tomllib

GRADES = ("unknown", "guess", "reported", "file", "hardware")
EFFECTS = ("data", "none", "neutral")
TYPES = {"unsigned": "unsigned_integer", "sint": "signed_integer", "fp16": "fp16", "fp32": "fp32", "fp32_top19": "fp32_top19"}
STATUSES = ("named", "reserved", "unknown")
ROLES = ("task_id", "task_words", "next_words", "next_offset", "next_enable", "not_first", "last", "extra_word")
STREAMS = ("unknown", "linked", "packet")
PATHS = ("both", "neural", "planar")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class TableError(Exception):
    pass


def need(condition, text):
    if not condition:
        raise TableError(text)


def one_of(value, allowed, where):
    need(value in allowed, f"{where}: '{value}' is none of {', '.join(allowed)}")
    return value


def expand_repeats(registers):
    """A row with `repeat = n` stands for n registers called name0, name1, ..."""
    for row in registers:
        count = row.get("repeat")
        if count is None:
            yield row
            continue
        for i in range(count):
            copy = {k: v for k, v in row.items() if k != "repeat"}
            copy["name"], copy["index"] = f"{row['name']}{i}", row["index"] + i
            yield copy


def check_fields(row, enums, where):
    used, names = 0, set()
    for field in row.get("fields", []):
        at = f"{where}.{field['name']}"
        need(IDENTIFIER.match(field["name"]), f"{at}: not an identifier")
        need(field["name"] not in names, f"{at}: name used twice")
        names.add(field["name"])
        lsb, width = field["lsb"], field["width"]
        need(lsb >= 0 and width >= 1 and lsb + width <= 32, f"{at}: bits {lsb}+{width} pass the word")
        mask = ((1 << width) - 1) << lsb
        need(used & mask == 0, f"{at}: overlaps another field")
        used |= mask
        one_of(field.get("grade", "unknown"), GRADES, at)
        one_of(field.get("effect", "neutral"), EFFECTS, at)
        one_of(field.get("type", "unsigned"), TYPES, at)
        need("enum" not in field or field["enum"] in enums, f"{at}: enum '{field.get('enum')}' is not defined")
        for value in field.get("neutral", []):
            need(0 <= value < 1 << width, f"{at}: neutral value {value} does not fit {width} bits")
    return used


def find_header_field(table, place):
    """'Word.Field' -> (word index, field), or None."""
    word, _, name = place.partition(".")
    for row in table["header"].get("word", []):
        for field in row.get("fields", []):
            if row["name"] == word and field["name"] == name:
                return row["index"], field
    return None


def check_table(table):
    need(table.get("schema") == 1, "schema must be 1")
    one_of(table["stream"], STREAMS, "stream")
    one_of(table.get("grade", "unknown"), GRADES, "grade")
    enums = {}
    for enum in table.get("enum", []):
        need(enum["name"] not in enums, f"enum {enum['name']} defined twice")
        values = [v["value"] for v in enum["values"]]
        labels = [v["name"] for v in enum["values"]]
        need(len(set(values)) == len(values), f"enum {enum['name']}: a value stands twice")
        need(len(set(labels)) == len(labels), f"enum {enum['name']}: a name stands twice")
        for label in labels:
            need(IDENTIFIER.match(label), f"enum {enum['name']}: '{label}' is not an identifier")
        enums[enum["name"]] = enum
    words = table.get("header", {}).get("word", [])
    names = set()
    for i, row in enumerate(words):
        need(row["index"] == i, f"header word {row['name']}: index {row['index']}, expected {i}")
        need(row["name"] not in names, f"header word {row['name']}: name used twice")
        names.add(row["name"])
        check_fields(row, enums, row["name"])
    for role, place in table.get("header", {}).get("roles", {}).items():
        one_of(role, ROLES, "header roles")
        need(find_header_field(table, place), f"header role {role}: no field '{place}'")
    end, blocks = 0, set()
    for block in sorted(table.get("block", []), key=lambda b: b["base"]):
        name = block["name"]
        need(IDENTIFIER.match(name) and name not in blocks, f"block {name}: not a unique identifier")
        blocks.add(name)
        need(block["base"] % 4 == 0 and block["base"] >= end, f"block {name}: overlaps the block before it")
        end = block["base"] + 4 * block["words"]
        one_of(block.get("path", "both"), PATHS, f"block {name}")
        rows = list(expand_repeats(block.get("register", [])))
        seen, labels = set(), set()
        for row in rows:
            where = f"{name}.{row['name']}"
            need(IDENTIFIER.match(row["name"]) and row["name"] not in labels, f"{where}: not a unique identifier")
            labels.add(row["name"])
            need(0 <= row["index"] < block["words"] and row["index"] not in seen, f"{where}: index {row['index']} out of the block or used twice")
            seen.add(row["index"])
            need("address" not in row or row["address"] == block["base"] + 4 * row["index"], f"{where}: address does not match its index")
            one_of(row.get("status", "named"), STATUSES, where)
            one_of(row.get("grade", "unknown"), GRADES, where)
            check_fields(row, enums, where)
        missing = sorted(set(range(block["words"])) - seen)
        need(not missing, f"block {name}: words {missing} have no row")
    return enums


def text(value):
    return json.dumps(value, ensure_ascii=True)


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
        return self.array("std::uint32_t", [f"{v:#x}u" for v in values], "Numbers")

    def field(self, field, enums):
        enumerators = "{}"
        if "enum" in field:
            values = sorted(enums[field["enum"]]["values"], key=lambda v: v["value"])
            enumerators = self.array("Enumerator", [f"{{{v['value']:#x}u, {text(v['name'])}}}" for v in values], "Enum")
        effect = field.get("effect", "neutral")
        neutral = self.numbers(field.get("neutral", [0])) if effect == "neutral" else "{}"
        return (f"Field{{{text(field['name'])}, {field['lsb']}, {field['width']}, FieldType::{TYPES[field.get('type', 'unsigned')]}, "
                f"{field.get('unit', 1)}u, Grade::{field.get('grade', 'unknown')}, Effect::{effect}, {neutral}, {enumerators}, "
                f"{text(field.get('meaning', ''))}}}")

    def register(self, row, address, enums):
        fields = sorted(row.get("fields", []), key=lambda f: f["lsb"])
        array = self.array("Field", [self.field(f, enums) for f in fields], "Fields")
        default = row.get("default")
        return (f"Register{{{text(row['name'])}, {address:#x}u, RegisterStatus::{row.get('status', 'named')}, "
                f"Grade::{row.get('grade', 'unknown')}, {array}, {self.numbers(row.get('neutral', [0]))}, "
                f"{'true' if default is not None else 'false'}, {default or 0:#x}u, {text(row.get('meaning', ''))}}}")


def header_roles(table):
    items = []
    for role in ROLES:
        place = table.get("header", {}).get("roles", {}).get(role)
        index, field = find_header_field(table, place) if place else (0, {"lsb": 0, "width": 0})
        items.append(f"{{{4 * index:#x}u, {field['lsb']}, {field['width']}, true, {index}}}")
    return f"HeaderRoles{{{', '.join(items)}}}"


def emit_generation(writer, table, enums):
    header = table.get("header", {})
    words = [writer.register(row, 4 * row["index"], enums) for row in header.get("word", [])]
    blocks = []
    for block in sorted(table.get("block", []), key=lambda b: b["base"]):
        rows = sorted(expand_repeats(block["register"]), key=lambda r: r["index"])
        registers = writer.array("Register", [writer.register(r, block["base"] + 4 * r["index"], enums) for r in rows], "Registers")
        blocks.append(f"Block{{{text(block['name'])}, {block['base']:#x}u, {block['words']}u, "
                      f"{'true' if block.get('base_known', True) else 'false'}, BlockPath::{block.get('path', 'both')}, "
                      f"Grade::{block.get('grade', 'unknown')}, {registers}, {text(block.get('meaning', ''))}}}")
    name = "k" + table["generation"].capitalize()
    strings = [writer.strings(table.get(key, [])) for key in ("targets", "chips", "sources")]
    writer.lines.append(
        f"constexpr Generation {name}{{{text(table['generation'])}, {text(table['target'])}, {strings[0]}, {strings[1]}, "
        f"{writer.numbers(table.get('cpu_subtypes', []))}, {table.get('td_version', 0)}u, StreamForm::{table['stream']}, "
        f"{header.get('words', 0)}u, {header_roles(table)}, {header.get('task_align', 0):#x}u, {header.get('lead_in_bytes', 0)}u, {table.get('slot_count', 0)}u, "
        f"{table.get('slot_bytes', 0)}u, {table.get('first_tensor_slot', 0)}u, {table.get('program_flavor', 0)}u, "
        f"{'true' if table.get('absent_is_zero') else 'false'}, Grade::{table.get('grade', 'unknown')}, "
        f"{writer.array('Register', words, 'Header')}, {writer.array('Block', blocks, 'Blocks')}, {text(table.get('status', ''))}, {strings[2]}}};")
    return name


def emit_fields_header(table):
    space = table["generation"].lower()
    lines = [f"// Generated from data/isa/{space}.toml by tools/generate_isa.py. Do not edit.", "#pragma once", "",
             '#include "openane/register_table.h"', "", f"namespace openane::{space} {{", ""]

    def constants(prefix, row, address, in_header, ordinal):
        lines.append(f"inline constexpr std::uint32_t k{prefix}{row['name']} = {address:#x}u;")
        for field in row.get("fields", []):
            lines.append(f"inline constexpr FieldRef k{prefix}{row['name']}_{field['name']}{{{address:#x}u, {field['lsb']}, {field['width']}, "
                         f"{'true' if in_header else 'false'}, {ordinal}}};")

    for row in table.get("header", {}).get("word", []):
        constants("", row, 4 * row["index"], True, row["index"])
    before = 0
    for block in sorted(table.get("block", []), key=lambda b: b["base"]):
        for row in expand_repeats(block["register"]):
            constants(block["name"] + "_", row, block["base"] + 4 * row["index"], False, before + row["index"])
        before += block["words"]
    blocks = sorted(table.get("block", []), key=lambda b: b["base"])
    lines += ["", "inline constexpr BlockRange kBlocks[] = {" + ", ".join(f"{{{b['base']:#x}u, {b['words']}u}}" for b in blocks) + "};",
              "", f"}}  // namespace openane::{space}", ""]
    return "\n".join(lines)


def write_if_changed(path, content):
    if os.path.exists(path) and open(path, encoding="utf-8").read() == content:
        os.utime(path)
        return
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(content)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("tables", nargs="+")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    writer, names = Writer(), []
    for path in sorted(arguments.tables):
        try:
            with open(path, "rb") as handle:
                table = tomllib.load(handle)
            enums = check_table(table)
            need(os.path.basename(path) == table["generation"].lower() + ".toml", "file name must be the generation's")
        except (TableError, KeyError, tomllib.TOMLDecodeError) as error:
            sys.exit(f"{path}: {error if not isinstance(error, KeyError) else 'missing key ' + str(error)}")
        names.append(emit_generation(writer, table, enums))
        write_if_changed(os.path.join(arguments.out, table["generation"].lower() + "_fields.h"), emit_fields_header(table))
    source = ["// Generated from data/isa/*.toml by tools/generate_isa.py. Do not edit.", '#include "openane/register_table.h"', "",
              "namespace openane {", "namespace {", *writer.lines, "",
              f"constexpr const Generation* kGenerations[] = {{{', '.join('&' + n for n in names)}}};", "}  // namespace", "",
              "std::span<const Generation* const> generations() { return kGenerations; }", "", "}  // namespace openane", ""]
    write_if_changed(os.path.join(arguments.out, "generations.cpp"), "\n".join(source))


if __name__ == "__main__":
    main()
