#!/usr/bin/env python3
"""Turns data/isa/*.toml into the constant tables that include/openane/register_table.h describes.

usage: generate_isa.py --out DIR [--accessor NAME] TABLE.toml ...

Writes DIR/<generation>_table.cpp (one table), DIR/<generation>_fields.h (one constant per field: h13::kCommon_InDim_Win) and
DIR/generations.cpp (the list of tables, behind the function `openane::generations`, or NAME).
docs/isa/tables.md describes the tables. Each is checked first; the run stops with file and place at the first thing wrong: overlapping
blocks or fields, a word of a block without a row, an enum or a role that is not defined, names that are not unique or not identifiers, a row
without a grade, a key nobody reads, a value that does not fit its bits, a target or subtype that two generations claim.
"""
import argparse
import os
import sys
import tomllib

from isa_tables import GRADES, TableError, Writer, grade_of, identifier, known_keys, need, number, one_of, text, write_if_changed

EFFECTS = ("data", "none", "neutral")
TYPES = {"unsigned": "unsigned_integer", "sint": "signed_integer", "fp16": "fp16", "fp32": "fp32", "fp32_top19": "fp32_top19"}
STATUSES = ("named", "reserved", "unknown")
RELOCATIONS = ("none", "low", "high", "dma_config", "data_set")
ROLES = ("task_id", "task_words", "next_words", "next_offset", "next_enable", "not_first", "last", "extra_word")
ADDRESSES = ("source1", "source2", "destination", "kernel", "table")
STREAMS = ("unknown", "linked", "packet")
PATHS = ("both", "neural", "planar")

TABLE_KEYS = {"schema", "generation", "target", "targets", "cpu_subtypes", "td_version", "family", "stream", "status", "grade", "slot_count",
              "slot_bytes", "first_tensor_slot", "program_flavor", "program_counts", "debug_events_per_task", "relocation_byte", "kernel_location", "default_format",
              "default_format_grade", "absent_is_zero", "sources", "open", "records", "slot", "address_packets", "header", "block", "enum"}
HEADER_KEYS = {"words", "roles", "task_align", "lead_in_bytes", "frame_word", "word"}
BLOCK_KEYS = {"name", "base", "words", "base_known", "path", "grade", "object_offset", "meaning", "register"}
REGISTER_KEYS = {"name", "index", "repeat", "first", "stride", "status", "grade", "alias", "meaning", "neutral", "default", "default_grade",
                 "reloc", "fields"}
FIELD_KEYS = {"name", "lsb", "width", "type", "unit", "enum", "grade", "effect", "neutral", "meaning"}
ENUM_KEYS = {"name", "values"}
VALUE_KEYS = {"value", "name", "grade", "meaning"}


def expand_repeats(registers):
    """A row with `repeat = n` stands for n registers called name0, name1, ...; `first` and `stride` change the first number and the distance."""
    for row in registers:
        count = row.get("repeat")
        if count is None:
            yield row
            continue
        for i in range(count):
            copy = {k: v for k, v in row.items() if k not in ("repeat", "first", "stride")}
            suffix = i + row.get("first", 0)
            copy["name"], copy["index"] = f"{row['name']}{suffix}", row["index"] + i * row.get("stride", 1)
            if "alias" in row:
                copy["alias"] = f"{row['alias']}{suffix}"
            yield copy


def check_enums(table):
    enums = {}
    for enum in table.get("enum", []):
        where = f"enum {enum['name']}"
        known_keys(enum, ENUM_KEYS, where)
        need(enum["name"] not in enums, f"{where} defined twice")
        values, labels = set(), set()
        for row in enum["values"]:
            known_keys(row, VALUE_KEYS, f"{where}.{row['name']}")
            need(row["value"] not in values, f"{where}: value {row['value']} stands twice")
            values.add(row["value"])
            identifier(row["name"], labels, f"{where}: '{row['name']}'")
            one_of(row.get("grade", "unknown"), GRADES, where)
        enums[enum["name"]] = enum
    return enums


def check_field(field, enums, where):
    known_keys(field, FIELD_KEYS, where)
    lsb, width = field["lsb"], field["width"]
    need(lsb >= 0 and width >= 1 and lsb + width <= 32, f"{where}: bits {lsb}+{width} pass the word")
    grade_of(field, where)
    one_of(field.get("effect", "neutral"), EFFECTS, where)
    kind = one_of(field.get("type", "unsigned"), TYPES, where)
    need(width == {"fp16": 16, "fp32": 32, "fp32_top19": 32}.get(kind, width), f"{where}: {width} bits cannot hold {kind}")
    need(field.get("unit", 1) >= 1, f"{where}: unit must be positive")
    for value in field.get("neutral", []):
        need(0 <= value < 1 << width, f"{where}: neutral value {value} does not fit {width} bits")
    if "enum" in field:
        need(field["enum"] in enums, f"{where}: enum '{field['enum']}' is not defined")
        for row in enums[field["enum"]]["values"]:
            need(0 <= row["value"] < 1 << width, f"{where}: value {row['value']} of enum '{field['enum']}' does not fit {width} bits")


def check_register(row, enums, where):
    known_keys(row, REGISTER_KEYS, where)
    grade_of(row, where)
    status = one_of(row.get("status", "named"), STATUSES, where)
    one_of(row.get("reloc", "none"), RELOCATIONS, where)
    need(status == "named" or not row.get("fields"), f"{where}: {'an' if status == 'unknown' else 'a'} {status} word has no fields")
    used, names = 0, set()
    for field in row.get("fields", []):
        at = f"{where}.{field['name']}"
        identifier(field["name"], names, at)
        check_field(field, enums, at)
        mask = ((1 << field["width"]) - 1) << field["lsb"]
        need(used & mask == 0, f"{at}: overlaps another field")
        used |= mask
    need(("default" in row) == ("default_grade" in row), f"{where}: default and default_grade go together")
    if "default" in row:
        need(0 <= row["default"] < 1 << 32, f"{where}: default does not fit the word")
        grade_of(row, where, "default_grade")
    for value in row.get("neutral", []):
        need(0 <= value < 1 << 32 and value & used == 0, f"{where}: neutral value {value:#x} covers named bits")


def find_header_field(table, place):
    """'Word.Field' -> (word index, field), or None."""
    word, _, name = place.partition(".")
    for row in table["header"].get("word", []):
        for field in row.get("fields", []):
            if row["name"] == word and field["name"] == name:
                return row["index"], field
    return None


def find_register(table, place):
    """'Block.Register' -> (block, register row), or None."""
    name, _, register = place.partition(".")
    for block in table.get("block", []):
        for row in expand_repeats(block["register"]):
            if block["name"] == name and row["name"] == register:
                return block, row
    return None


def check_header(table, enums):
    header = table["header"]
    known_keys(header, HEADER_KEYS, "header")
    names = set()
    for i, row in enumerate(header.get("word", [])):
        where = f"header word {row['name']}"
        need(row["index"] == i, f"{where}: index {row['index']}, expected {i}")
        identifier(row["name"], names, where)
        check_register(row, enums, row["name"])
    extra = 1 if "extra_word" in header.get("roles", {}) else 0
    need(len(header.get("word", [])) == header["words"] + extra, f"header: {header['words']} words and {extra} optional one need a row each")
    for role, place in header.get("roles", {}).items():
        one_of(role, ROLES, "header roles")
        need(find_header_field(table, place), f"header role {role}: no field '{place}'")
    if table["stream"] != "unknown":
        need(header.get("task_align", 0) >= 4, "header: task_align must be given")
        missing = {"linked": ("next_offset",), "packet": ("task_words",)}[table["stream"]]
        for role in missing:
            need(role in header.get("roles", {}), f"header: a {table['stream']} stream needs the role {role}")


def check_block(block, enums, where):
    known_keys(block, BLOCK_KEYS, where)
    grade_of(block, where)
    one_of(block.get("path", "both"), PATHS, where)
    seen, names = set(), set()
    for row in expand_repeats(block.get("register", [])):
        at = f"{block['name']}.{row['name']}"
        identifier(row["name"], names, at)
        need(0 <= row["index"] < block["words"], f"{at}: index {row['index']} is outside the block of {block['words']} words")
        need(row["index"] not in seen, f"{at}: index {row['index']} used twice")
        seen.add(row["index"])
        check_register(row, enums, at)
    missing = sorted(set(range(block["words"])) - seen)
    need(not missing, f"{where}: words {missing} have no row")


def check_places(table):
    """Address packets, slots and the record order name things that exist."""
    for role, place in table.get("address_packets", {}).items():
        one_of(role, ADDRESSES, "address_packets")
        found = find_register(table, place)
        need(found, f"address_packets {role}: no register '{place}'")
        need(found[1].get("reloc") == "low", f"address_packets {role}: '{place}' is not the low half of an address")
    indices = [slot["index"] for slot in table.get("slot", [])]
    need(indices == sorted(set(indices)), "slots must ascend")
    for slot in table.get("slot", []):
        known_keys(slot, {"index", "grade", "meaning"}, f"slot {slot['index']}")
        grade_of(slot, f"slot {slot['index']}")
    for record in table.get("records", []):
        found = find_register(table, record["register"])
        need(found, f"records: no register '{record['register']}'")
        block, row = found
        need(row["index"] + record["words"] <= block["words"], f"records: {record['words']} words at '{record['register']}' pass the block")
    unplaced = [b["name"] for b in table.get("block", []) if not b.get("base_known", True)]
    need(table["stream"] == "unknown" or bool(unplaced) == bool(table.get("records")), f"blocks without a base ({unplaced}) need `records`, and only they")


def check_table(table):
    known_keys(table, TABLE_KEYS, "table")
    need(table.get("schema") == 1, "schema must be 1")
    one_of(table["stream"], STREAMS, "stream")
    grade_of(table, "table")
    if "default_format" in table:
        grade_of(table, "default_format", "default_format_grade")
    enums = check_enums(table)
    check_header(table, enums)
    end, names = 0, set()
    for block in sorted(table.get("block", []), key=lambda b: b["base"]):
        where = f"block {block['name']}"
        identifier(block["name"], names, where)
        need(block["base"] % 4 == 0, f"{where}: base is not a multiple of 4")
        need(block["base"] >= end, f"{where}: overlaps the block before it")
        end = block["base"] + 4 * block["words"]
        check_block(block, enums, where)
    check_places(table)
    used = {f["enum"] for rows in [table["header"].get("word", [])] + [b["register"] for b in table.get("block", [])] for r in rows
            for f in r.get("fields", []) if "enum" in f}
    need(not set(enums) - used, f"enums {sorted(set(enums) - used)} are used by no field")
    return enums


def check_together(tables):
    """No two generations share a target name or a subtype."""
    for key in ("targets", "cpu_subtypes"):
        owner = {}
        for table in tables:
            for value in table.get(key, []):
                need(value not in owner, f"{table['generation']}: {key} {value} belongs to {owner.get(value)} already")
                owner[value] = table["generation"]


class TableWriter(Writer):
    def __init__(self, enums):
        super().__init__()
        self.enums = enums

    def field(self, field):
        enumerators = "{}"
        if "enum" in field:
            values = sorted(self.enums[field["enum"]]["values"], key=lambda v: v["value"])
            enumerators = self.array("Enumerator", [f"{{{number(v['value'])}, Grade::{v.get('grade', 'unknown')}, {text(v['name'])}, "
                                                    f"{text(v.get('meaning', ''))}}}" for v in values], "Enum")
        effect = field.get("effect", "neutral")
        neutral = self.numbers(field.get("neutral", [0])) if effect == "neutral" else "{}"
        return (f"Field{{{text(field['name'])}, {field['lsb']}, {field['width']}, FieldType::{TYPES[field.get('type', 'unsigned')]}, "
                f"{field.get('unit', 1)}u, Grade::{field['grade']}, Effect::{effect}, {neutral}, {enumerators}, {text(field.get('meaning', ''))}}}")

    def register(self, row, address):
        fields = [self.field(f) for f in sorted(row.get("fields", []), key=lambda f: f["lsb"])]
        fallback = f"RegisterDefault{{{number(row['default'])}, Grade::{row['default_grade']}}}" if "default" in row else "std::nullopt"
        return (f"Register{{{text(row['name'])}, {number(address)}, RegisterStatus::{row.get('status', 'named')}, Grade::{row['grade']}, "
                f"{self.array('Field', fields, 'Fields')}, {self.numbers(row.get('neutral', [0]))}, {fallback}, "
                f"Relocation::{row.get('reloc', 'none')}, {text(row.get('alias', ''))}, {text(row.get('meaning', ''))}}}")

    def block(self, block):
        rows = sorted(expand_repeats(block["register"]), key=lambda r: r["index"])
        registers = self.array("Register", [self.register(r, block["base"] + 4 * r["index"]) for r in rows], "Registers")
        known = "true" if block.get("base_known", True) else "false"
        return (f"Block{{{text(block['name'])}, {number(block['base'])}, {block['words']}u, {known}, BlockPath::{block.get('path', 'both')}, "
                f"Grade::{block['grade']}, {number(block.get('object_offset', 0))}, {registers}, {text(block.get('meaning', ''))}}}")


def header_roles(table):
    items = []
    for role in ROLES:
        place = table["header"].get("roles", {}).get(role)
        index, field = find_header_field(table, place) if place else (0, {"lsb": 0, "width": 0})
        items.append(f"{{{number(4 * index)}, {field['lsb']}, {field['width']}, true, {index}}}")
    return f"HeaderRoles{{{', '.join(items)}}}"


def variable(table):
    return "k" + table["generation"].capitalize()


def address_of(table, place):
    block, row = find_register(table, place)
    return block["base"] + 4 * row["index"]


def emit_table(table, enums):
    header, writer = table["header"], TableWriter(enums)
    words = [writer.register(row, 4 * row["index"]) for row in header.get("word", [])]
    blocks = [writer.block(b) for b in sorted(table.get("block", []), key=lambda b: b["base"])]
    addresses = [number(address_of(table, table["address_packets"][role])) if role in table.get("address_packets", {}) else "0"
                 for role in ADDRESSES]
    records = [f"{{{number(address_of(table, r['register']))}, {r['words']}u}}" for r in table.get("records", [])]
    slots = [f"{{{s['index']}u, Grade::{s['grade']}, {text(s['meaning'])}}}" for s in table.get("slot", [])]
    members = [
        text(table["generation"]), text(table["target"]), writer.strings(table.get("targets", [])), writer.numbers(table.get("cpu_subtypes", [])),
        f"{table.get('td_version', 0)}u", text(table.get("family", "")), f"StreamForm::{table['stream']}", f"{header['words']}u",
        header_roles(table), f"AddressRegisters{{{', '.join(addresses)}}}", number(header.get("task_align", 0)),
        f"{header.get('lead_in_bytes', 0)}u", f"{header.get('frame_word', 0)}u", f"{table.get('slot_count', 0)}u", f"{table.get('slot_bytes', 0)}u",
        f"{table.get('first_tensor_slot', 0)}u", f"{table.get('program_flavor', 0)}u", writer.numbers(table.get("program_counts", [])),
        f"{table.get('debug_events_per_task', 0)}u", f"{table.get('relocation_byte', 0)}u", text(table.get("kernel_location", "")), text(table.get("default_format", "")),
        f"Grade::{table.get('default_format_grade', 'unknown')}", "true" if table.get("absent_is_zero") else "false", f"Grade::{table['grade']}",
        writer.array("Register", words, "Header"), writer.array("Block", blocks, "Blocks"), writer.array("RecordPlace", records, "Records"),
        writer.array("Slot", slots, "Slots"), text(table.get("status", "")), writer.strings(table.get("open", [])),
        writer.strings(table.get("sources", []))]
    name = variable(table)
    return "\n".join([
        f"// Generated from data/isa/{table['generation'].lower()}.toml by tools/generate_isa.py. Do not edit.",
        '#include "openane/register_table.h"', "", "namespace openane::tables {", "namespace {", *writer.lines, "}  // namespace", "",
        f"extern const Generation {name};", f"constinit const Generation {name}{{", *[f"    {m}," for m in members], "};", "",
        "}  // namespace openane::tables", ""])


def emit_list(tables, accessor):
    names = [variable(t) for t in tables]
    return "\n".join([
        "// Generated from data/isa/*.toml by tools/generate_isa.py. Do not edit.", '#include "openane/register_table.h"', "",
        "namespace openane {", "namespace tables {", *[f"extern const Generation {n};" for n in names], "}  // namespace tables", "",
        f"std::span<const Generation* const> {accessor}();", f"std::span<const Generation* const> {accessor}() {{",
        f"  static constexpr const Generation* kGenerations[] = {{{', '.join('&tables::' + n for n in names)}}};", "  return kGenerations;", "}", "",
        "}  // namespace openane", ""])


def emit_fields_header(table):
    space = table["generation"].lower()
    lines = [f"// Generated from data/isa/{space}.toml by tools/generate_isa.py. Do not edit.", "#pragma once", "",
             '#include "openane/register_table.h"', "", f"namespace openane::{space} {{", ""]

    members = []

    def constants(prefix, row, address, in_header, ordinal):
        lines.append(f"inline constexpr std::uint32_t k{prefix}{row['name']} = {number(address)};")
        for field in row.get("fields", []):
            lines.append(f"inline constexpr FieldRef k{prefix}{row['name']}_{field['name']}{{{number(address)}, {field['lsb']}, {field['width']}, "
                         f"{'true' if in_header else 'false'}, {ordinal}}};")
            members.append(f"  static constexpr FieldRef {prefix}{row['name']}_{field['name']} = k{prefix}{row['name']}_{field['name']};")

    for row in table["header"].get("word", []):
        constants("", row, 4 * row["index"], True, row["index"])
    before, blocks = 0, sorted(table.get("block", []), key=lambda b: b["base"])
    for block in blocks:
        for row in expand_repeats(block["register"]):
            constants(block["name"] + "_", row, block["base"] + 4 * row["index"], False, before + row["index"])
        before += block["words"]
    ranges = ", ".join(f"{{{number(b['base'])}, {b['words']}u}}" for b in blocks)
    lines += ["", f"inline constexpr BlockRange kBlocks[] = {{{ranges}}};", "",
              "/// The same fields as members, for code that serves several generations.", "struct Registers {", *members, "};",
              "", f"}}  // namespace openane::{space}", ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--accessor", default="generations")
    parser.add_argument("tables", nargs="+")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    tables = []
    for path in sorted(arguments.tables):
        try:
            with open(path, "rb") as handle:
                table = tomllib.load(handle)
            enums = check_table(table)
            stem = table["generation"].lower()
            need(os.path.basename(path) == stem + ".toml", f"the file of {table['generation']} must be called {stem}.toml")
            tables.append(table)
            check_together(tables)
        except (TableError, tomllib.TOMLDecodeError) as error:
            sys.exit(f"{path}: {error}")
        except KeyError as error:
            sys.exit(f"{path}: missing key {error}")
        write_if_changed(os.path.join(arguments.out, stem + "_table.cpp"), emit_table(table, enums))
        write_if_changed(os.path.join(arguments.out, stem + "_fields.h"), emit_fields_header(table))
    write_if_changed(os.path.join(arguments.out, "generations.cpp"), emit_list(tables, arguments.accessor))


if __name__ == "__main__":
    main()
