#!/usr/bin/env python3
"""Turns data/chips.toml into the constant tables that include/openane/chips.h describes.

usage: generate_chips.py --out FILE.cpp --isa FOLDER CHIPS.toml

FOLDER holds the register tables: a generation that chips.toml names must have one there, and a target must be one of that table's. The run
stops with file and place at the first thing wrong.
"""
import argparse
import os
import sys
import tomllib

from isa_tables import TableError, Writer, known_keys, need, one_of, text, write_if_changed

GRADES = ("guess", "derived", "reported", "vendor", "file", "hardware")
EVIDENCE = {"grade", "source", "note"}
FIGURES = ("cores", "engines", "tops", "clock_ghz", "clock_floor_ghz", "knee_mb", "on_chip_mb", "measured_tflops")
KEYS = {
    "chip": {"name", "soc", "target", "devices", "figures"} | EVIDENCE,
    "figure": {"name", "value"} | EVIDENCE,
    "target": {"name", "cpu_subtype", "td_version", "generation", "units_9", "units_10"} | EVIDENCE,
    "clock_table": {"target", "mhz", "second_mhz", "dma_mhz", "dram_mts"} | EVIDENCE,
    "memory": {"generation", "item", "bytes"} | EVIDENCE,
    "limit": {"name", "hal_offset", "values"} | EVIDENCE,
    "feature": {"name", "first", "last", "hal_offset", "meaning"} | EVIDENCE,
    "compute_units": {"mask", "devices", "public_name"},
    "engine_code": {"list", "value", "name", "note"},
    "device_class": {"chip", "build", "answers"} | EVIDENCE,
    "answer": {"key", "value"},
    "file": {"schema", "sources", "chip", "targets", "refused_targets", "clock_table", "memory", "limit", "feature", "compute_units",
             "engine_codes", "device_class"},
}


def read_generations(folder):
    """Generation id -> its targets."""
    tables = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".toml"):
            with open(os.path.join(folder, name), "rb") as handle:
                table = tomllib.load(handle)
            tables[table["generation"]] = table
    return tables


class Tables:
    """Checks rows and turns them into C++ initialisers."""

    def __init__(self, data, generations):
        self.data, self.generations, self.writer = data, generations, Writer()
        self.targets = {row["name"] for row in data["targets"] if "name" in row}
        self.cited = set()

    def evidence(self, row, kind, where):
        known_keys(row, KEYS[kind], where)
        if "grade" not in KEYS[kind]:
            return ""
        need("grade" in row and "source" in row, f"{where}: needs a grade and a source")
        one_of(row["grade"], GRADES, where)
        need(row["source"] in self.data["sources"], f"{where}: source '{row['source']}' is not in [sources]")
        self.cited.add(row["source"])
        return f"Evidence{{{text(row['grade'])}, {text(self.data['sources'][row['source']])}, {text(row.get('note', ''))}}}"

    def generation(self, name, where):
        need(not name or name in self.generations, f"{where}: generation '{name}' has no register table")
        return text(name)

    def target(self, name, where):
        need(name in self.targets, f"{where}: target '{name}' is not in targets")
        return text(name)

    def unique(self, rows, key, what):
        seen = set()
        for row in rows:
            need(row[key] not in seen, f"{what} {row[key]} stands twice")
            seen.add(row[key])

    def ascending(self, values, where):
        need(list(values) == sorted(values), f"{where}: must ascend")
        return self.writer.numbers(values)

    def figure(self, row, where):
        where = f"{where}.{row['name']}"
        evidence = self.evidence(row, "figure", where)
        one_of(row["name"], FIGURES, where)
        need(row["value"] > 0, f"{where}: must be positive; leave out what is not known")
        return f"{{{text(row['name'])}, {float(row['value'])!r}, {evidence}}}"

    def chip(self, row):
        where = f"chip {row['name']}"
        self.unique(row["figures"], "name", f"{where}: figure")
        figures = self.writer.array("Figure", [self.figure(f, where) for f in row["figures"]], "Figures")
        return (f"{{{text(row['name'])}, {text(row.get('soc', ''))}, {self.target(row['target'], where)}, {text(row.get('devices', ''))}, "
                f"{self.evidence(row, 'chip', where)}, {figures}}}")

    def compiler_target(self, row):
        where = f"target {row.get('name', 'of subtype ' + str(row['cpu_subtype']))}"
        generation = row.get("generation", "")
        if generation:
            self.generation(generation, where)
            table = self.generations[generation]
            need(row["name"] in table["targets"], f"{where}: {generation} does not list it")
            need(row["cpu_subtype"] in table["cpu_subtypes"], f"{where}: {generation} has not subtype {row['cpu_subtype']}")
            need(row["td_version"] == table["td_version"], f"{where}: {generation} has descriptor version {table['td_version']}")
        return (f"{{{text(row.get('name', ''))}, {row['cpu_subtype']}u, {row['td_version']}u, {text(generation)}, {row.get('units_9', 0)}u, "
                f"{row.get('units_10', 0)}u, {self.evidence(row, 'target', where)}}}")

    def clock_table(self, row):
        where = f"clock_table {row['target']}"
        second = row.get("second_mhz", [])
        need(len(second) in (0, len(row["mhz"])), f"{where}: second_mhz needs a value for each of mhz")
        lists = [self.ascending(values, where) for values in (row["mhz"], second, row["dma_mhz"], row["dram_mts"])]
        return f"{{{self.target(row['target'], where)}, {', '.join(lists)}, {self.evidence(row, 'clock_table', where)}}}"

    def memory(self, row):
        where = f"memory {row['item']}"
        return (f"{{{self.generation(row['generation'], where)}, {text(row['item'])}, {row['bytes']}u, "
                f"{self.evidence(row, 'memory', where)}}}")

    def limit(self, row):
        where = f"limit {row['name']}"
        for value in row["values"].values():
            need(value >= -1, f"{where}: {value} is neither a limit nor -1")
        values = [f"{{{self.generation(g, where)}, {v}}}" for g, v in row["values"].items()]
        return (f"{{{text(row['name'])}, {self.writer.array('LimitValue', values, 'Values')}, {text(row.get('hal_offset', ''))}, "
                f"{self.evidence(row, 'limit', where)}}}")

    def feature(self, row):
        where = f"feature {row['name']}"
        ends = [self.generation(row.get(end, ""), where) for end in ("first", "last")]
        return (f"{{{text(row['name'])}, {', '.join(ends)}, {text(row.get('hal_offset', ''))}, {text(row.get('meaning', ''))}, "
                f"{self.evidence(row, 'feature', where)}}}")

    def units(self, row):
        self.evidence(row, "compute_units", f"compute_units {row['mask']}")
        return f"{{{row['mask']}u, {text(row['devices'])}, {text(row.get('public_name', ''))}}}"

    def engine_code(self, row):
        self.evidence(row, "engine_code", f"engine_codes {row['name']}")
        return f"{{{text(row['list'])}, {row['value']}u, {text(row['name'])}, {text(row.get('note', ''))}}}"

    def device_class(self, row):
        where = f"device_class {row['chip']}"
        need(row["chip"] in {c["name"] for c in self.data["chip"]}, f"{where}: no such chip")
        for answer in row["answers"]:
            known_keys(answer, KEYS["answer"], where)
        answers = self.writer.array("DeviceAnswer", [f"{{{text(a['key'])}, {text(a['value'])}}}" for a in row["answers"]], "Answers")
        return f"{{{text(row['chip'])}, {text(row['build'])}, {answers}, {self.evidence(row, 'device_class', where)}}}"


def emit(data, generations):
    known_keys(data, KEYS["file"], "file")
    need(data.get("schema") == 1, "schema must be 1")
    tables = Tables(data, generations)
    lists = (("Chip", "chips", data["chip"], tables.chip), ("CompilerTarget", "compiler_targets", data["targets"], tables.compiler_target),
             ("ClockTable", "clock_tables", data["clock_table"], tables.clock_table), ("MemorySize", "memory_sizes", data["memory"], tables.memory),
             ("Limit", "limits", data["limit"], tables.limit), ("Feature", "features", data["feature"], tables.feature),
             ("ComputeUnits", "compute_units", data["compute_units"], tables.units),
             ("EngineCode", "engine_codes", data["engine_codes"], tables.engine_code),
             ("DeviceClass", "device_classes", data["device_class"], tables.device_class))
    for rows, key, what in ((data["chip"], "name", "chip"), ([t for t in data["targets"] if "name" in t], "name", "target"),
                            (data["clock_table"], "target", "clock_table"), (data["limit"], "name", "limit"),
                            (data["feature"], "name", "feature"), (data["compute_units"], "mask", "compute_units")):
        tables.unique(rows, key, what)
    for generation, table in generations.items():
        # A table alone is enough for a new generation; what is listed at all must be listed whole.
        missing = set(table["targets"]) - tables.targets
        need(not missing or missing == set(table["targets"]), f"targets {sorted(missing)} of {generation} are not listed")
    accessors = []
    for kind, function, rows, convert in lists:
        name = tables.writer.array(kind, [convert(row) for row in rows], kind)
        accessors.append(f"std::span<const {kind}> {function}() {{ return {name}; }}")
    need(not set(data["sources"]) - tables.cited, f"sources {sorted(set(data['sources']) - tables.cited)} are cited by nobody")
    accessors.append(f"std::span<const std::string_view> refused_targets() {{ return {tables.writer.strings(data['refused_targets'])}; }}")
    return "\n".join(["// Generated from data/chips.toml by tools/generate_chips.py. Do not edit.", '#include "openane/chips.h"', "",
                      "namespace openane {", "namespace {", *tables.writer.lines, "}  // namespace", "", *accessors, "", "}  // namespace openane", ""])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--isa", required=True)
    parser.add_argument("table")
    arguments = parser.parse_args()
    try:
        with open(arguments.table, "rb") as handle:
            data = tomllib.load(handle)
        content = emit(data, read_generations(arguments.isa))
    except (TableError, tomllib.TOMLDecodeError) as error:
        sys.exit(f"{arguments.table}: {error}")
    except KeyError as error:
        sys.exit(f"{arguments.table}: missing key {error}")
    os.makedirs(os.path.dirname(arguments.out) or ".", exist_ok=True)
    write_if_changed(arguments.out, content)


if __name__ == "__main__":
    main()
