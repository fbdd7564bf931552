#!/usr/bin/env python3
"""Turns data/mil/ops.toml into the constant tables that include/openane/mil_ops.h describes, into the methods of the builder
(include/openane/mil_builder.h), or into docs/ops.md.

usage: generate_mil_ops.py TABLE.toml --code OUT.cpp
       generate_mil_ops.py TABLE.toml --builder OUT.h OUT.cpp
       generate_mil_ops.py TABLE.toml --docs OUT.md

The head of the table explains its schema. Everything is checked first; the first thing wrong stops the run with the name of the operation:
names that are not unique or not identifiers, unknown element types, type variables without a set or never used, a default without
`optional`, signatures out of order.
"""
import argparse
import re
import sys
import tomllib

from isa_tables import IDENTIFIER, TableError, Writer, need, text as quoted, write_if_changed

OPSETS = ("ios15", "ios16", "ios17", "ios18", "ios26")
ELEMENTS = {"bool": "boolean", "string": "string"}
ELEMENTS |= {name: name for name in ("fp16 fp32 fp64 bf16 int4 int8 int16 int32 int64 uint1 uint2 uint3 uint4 uint6 uint8 uint16 uint32 "
                                     "uint64").split()}
KINDS = ("variadic", "list", "state", "block", "any")
DEFAULT_WORDS = ("ones", "zeros", "all", "arange(N)", "not align_corners")
INPUT = re.compile(r"(?P<name>\w+): (?P<type>\w+)(?P<const> const)?(?P<optional> optional)?(?: = (?P<default>.+))?\Z")
OUTPUT = re.compile(r"(?P<name>\w+): (?P<type>[\w:]+)(?P<many>\.\.\.)?\Z")


def check_default(text, where):
    word = text in DEFAULT_WORDS or text in ("true", "false") or (text[0] == '"' and text[-1] == '"')
    need(word or re.fullmatch(r"-?[0-9.]+(e-?[0-9]+)?", text), f"{where}: default '{text}' is not understood")


def parse_input(text, types, where):
    match = INPUT.match(text)
    need(match, f"{where}: '{text}' is not 'NAME: TYPE [const] [optional] [= DEFAULT]'")
    row = match.groupdict()
    need(row["type"] in types or row["type"] in ELEMENTS or row["type"] in KINDS, f"{where}.{row['name']}: unknown type '{row['type']}'")
    need(row["default"] is None or row["optional"], f"{where}.{row['name']}: a default without 'optional'")
    if row["default"] is not None:
        check_default(row["default"], f"{where}.{row['name']}")
    return row


def parse_signature(signature, where):
    types = signature.get("types", {})
    for name, members in types.items():
        need(IDENTIFIER.match(name) and name not in ELEMENTS and name not in KINDS, f"{where}: '{name}' is no type variable")
        for member in members.split("|"):
            need(member in ELEMENTS, f"{where}: type variable {name}: unknown element type '{member}'")
    rows = [parse_input(text, types, where) for text in signature["inputs"]]
    names = [row["name"] for row in rows]
    need(len(set(names)) == len(names), f"{where}: an input stands twice")
    for name, members in signature.get("names", {}).items():
        need(name in [row["name"] for row in rows if row["type"] == "string"], f"{where}: names: '{name}' is no string input")
        need(set(members.split("|")) <= set(ELEMENTS), f"{where}: names: '{members}' has an unknown element type")
    unused = set(types) - {row["type"] for row in rows}
    need(not unused, f"{where}: type variables {sorted(unused)} are not used")
    return types, rows


def parse_outputs(op):
    rows = []
    for text in op["outputs"]:
        match = OUTPUT.match(text)
        need(match, f"{op['name']}: output '{text}' is not 'NAME: TYPE'")
        rows.append(match.groupdict())
        kind, _, of = rows[-1]["type"].partition(":")
        last = [parse_signature(s, op["name"])[1] for s in op["signature"]]
        types = [set(s.get("types", {})) for s in op["signature"]]
        known = kind in ELEMENTS or kind == "rule" or kind == "like" and all(of in [r["name"] for r in rows_] for rows_ in last) \
            or kind == "named" and any(of in [r["name"] for r in rows_] for rows_ in last) or all(kind in t for t in types)
        need(known, f"{op['name']}: output type '{rows[-1]['type']}' refers to nothing")
        if kind == "named":
            missing = [s["since"] for s, rows_ in zip(op["signature"], last) if of in [r["name"] for r in rows_] and of not in s.get("names", {})]
            need(not missing, f"{op['name']}: {', '.join(missing)}: which element types '{of}' may name is not told")
    return rows


def check_table(table):
    need(table.get("schema") == 1, "schema must be 1")
    names = [op["name"] for op in table["op"]] + [op["name"] for op in table["private_op"]]
    need(len(set(names)) == len(names), "an operation stands twice")
    need([op["name"] for op in table["op"]] == sorted(op["name"] for op in table["op"]), "operations must be sorted by name")
    for op in table["op"]:
        need(IDENTIFIER.match(op["name"]) and IDENTIFIER.match(op["shape"]), f"{op['name']}: name and shape rule must be identifiers")
        ages = [OPSETS.index(s["since"]) for s in op["signature"]]
        need(ages and ages == sorted(set(ages)), f"{op['name']}: signatures must be in order of op sets")
        parse_outputs(op)


def types_of(name, types):
    """(kind, type variable, set of element types) of an input."""
    if name in KINDS:
        return name, "", "0u"
    members = types[name].split("|") if name in types else [name]
    bits = " | ".join(f"bit(DataType::{ELEMENTS[member]})" for member in members)
    return "tensor", name if name in types else "", bits


def emit_input(row, types):
    kind, variable, members = types_of(row["type"], types)
    flags = f"{'true' if row['const'] else 'false'}, {'true' if row['optional'] else 'false'}"
    return f"Parameter{{{quoted(row['name'])}, ParameterKind::{kind}, {quoted(variable)}, {members}, {flags}, {quoted(row['default'] or '')}}}"


def emit_output(row):
    kind, _, of = row["type"].partition(":")
    many = "true" if row["many"] else "false"
    if kind in ELEMENTS:
        return f"OutputRule{{{quoted(row['name'])}, OutputKind::fixed, {{}}, DataType::{ELEMENTS[kind]}, {many}}}"
    if kind in ("like", "named", "rule"):
        return f"OutputRule{{{quoted(row['name'])}, OutputKind::{kind}, {quoted(of)}, DataType::invalid, {many}}}"
    return f"OutputRule{{{quoted(row['name'])}, OutputKind::variable, {quoted(kind)}, DataType::invalid, {many}}}"


def emit_op(writer, op, index):
    signatures = []
    for signature in op["signature"]:
        types, rows = parse_signature(signature, op["name"])
        inputs = writer.array("Parameter", [emit_input(row, types) for row in rows], "Inputs")
        signatures.append(f"Signature{{{quoted(signature['since'])}, {inputs}}}")
    array = writer.array("Signature", signatures, "Signatures")
    outputs = writer.array("OutputRule", [emit_output(row) for row in parse_outputs(op)], "Outputs")
    return (f"OpInfo{{{index}, {quoted(op['name'])}, {quoted(op['category'])}, {quoted(op['meaning'])}, {quoted(op['shape'])}, "
            f"{array}, {outputs}, {'false' if op.get('public') is False else 'true'}}}")


def emit_nameable(op):
    rows = []
    for signature in op["signature"]:
        for name, members in signature.get("names", {}).items():
            bits = " | ".join(f"bit(DataType::{ELEMENTS[member]})" for member in members.split("|"))
            rows.append(f"NameableTypes{{{quoted(op['name'])}, {quoted(signature['since'])}, {quoted(name)}, {bits}}}")
    return rows


def code(table):
    writer = Writer()
    ops = [emit_op(writer, op, index) for index, op in enumerate(table["op"])]
    private = [f"PrivateOp{{{quoted(op['name'])}, {quoted(op['note'])}, {quoted(op['source'])}}}" for op in table["private_op"]]
    lines = ["// Generated from data/mil/ops.toml by tools/generate_mil_ops.py. Do not edit.", '#include "mil/nameable_types.h"', "",
             "namespace openane::mil {", "namespace {", "",
             "constexpr DataTypeSet bit(DataType type) { return DataTypeSet{1} << static_cast<unsigned>(type); }", "",
             *writer.lines, "", "constexpr OpInfo kOps[] = {", *(f"    {op}," for op in ops), "};", "",
             "constexpr PrivateOp kPrivateOps[] = {", *(f"    {op}," for op in private), "};", "",
             "constexpr NameableTypes kNameableTypes[] = {", *(f"    {row}," for op in table["op"] for row in emit_nameable(op)), "};", "",
             "}  // namespace", "",
             "std::span<const OpInfo> ops() { return kOps; }", "",
             "std::span<const NameableTypes> nameable_types() { return kNameableTypes; }", "", "std::span<const PrivateOp> private_ops() { return kPrivateOps; }", "",
             "}  // namespace openane::mil", ""]
    return "\n".join(lines)


# The builder: one method per operation. What every signature has and requires is positional, the rest are options.

NO_METHOD = ("const", "cond", "while_loop", "custom_layer")  # written by hand in src/mil/builder.cpp, or their results are declared


def split_inputs(op):
    """(positional, optional) inputs of all signatures together, in the order of the newest."""
    signatures = [parse_signature(s, op["name"])[1] for s in op["signature"]]
    rows = {row["name"]: row for signature in signatures for row in signature}
    order = [row["name"] for row in signatures[-1]] + [name for name in rows if name not in {r["name"] for r in signatures[-1]}]
    needed = [name for name in order if all(any(row["name"] == name and not row["optional"] for row in s) for s in signatures)]
    return [rows[n] for n in needed], [rows[n] for n in order if n not in needed]


def operand_class(row):
    return "Operands" if row["type"] == "variadic" else "Operand"


def options_class(op):
    return "".join(word.capitalize() for word in op["name"].split("_")) + "Options" if split_inputs(op)[1] else "OpOptions"


def result_class(op):
    rows = parse_outputs(op)
    if any(row["many"] for row in rows):
        return "Vars"
    return {0: "void", 1: "Var"}.get(len(rows), f"std::array<Var, {len(rows)}>")


def default_comment(row):
    return f"Default: {row['default']}." if row["default"] is not None else "May be absent."


def parameters_of(op, with_defaults):
    positional, _ = split_inputs(op)
    parameters = [f"const {operand_class(row)}& {row['name']}" for row in positional]
    parameters.append(f"const {options_class(op)}& options" + (" = {}" if with_defaults else ""))
    parameters.append("const std::source_location& at" + (" = std::source_location::current()" if with_defaults else ""))
    return ", ".join(parameters)


def builder_header(table):
    lines = ["// Generated from data/mil/ops.toml by tools/generate_mil_ops.py: one method per operation. Do not edit.", "#pragma once", "",
             "#include <array>", "#include <source_location>", "#include <span>", "#include <string_view>", "",
             '#include "openane/mil_operand.h"', "", "namespace openane::mil {", "",
             "// Without `= {}` a designated initialiser that leaves a member out is warned about.",
             "// NOLINTBEGIN(readability-redundant-member-init)", "", "/// What every operation takes besides its arguments.",
             "struct OpOptions {", "  std::string_view name = {};", "};"]
    ops = [op for op in table["op"] if op["name"] not in NO_METHOD]
    for op in ops:
        rest = split_inputs(op)[1]
        if rest:
            lines += ["", f"struct {options_class(op)} {{"]
            lines += [f"  {operand_class(row)} {row['name']} = {{}};  ///< {default_comment(row)}" for row in rest]
            lines += ["  std::string_view name = {};", "};"]
    lines += ["", "// NOLINTEND(readability-redundant-member-init)"]
    lines += ["", "class OpBuilder {", " public:", "  virtual ~OpBuilder() = default;"]
    for op in ops:
        lines += ["", f"  /// {op['meaning']}", f"  {result_class(op)} {op['name']}({parameters_of(op, True)});"]
    lines += ["", " private:",
              "  virtual Vars apply(std::string_view type, std::span<const NamedOperand> arguments, std::string_view name,",
              "                     const std::source_location& at) = 0;", "};", "", "}  // namespace openane::mil", ""]
    return "\n".join(lines)


def builder_code(table):
    lines = ["// Generated from data/mil/ops.toml by tools/generate_mil_ops.py. Do not edit.", '#include "openane/mil_builder_ops.h"', "",
             "namespace openane::mil {"]
    for op in table["op"]:
        if op["name"] in NO_METHOD:
            continue
        positional, rest = split_inputs(op)
        rows = [f"{{{quoted(row['name'])}, {row['name']}}}" for row in positional]
        rows += [f"{{{quoted(row['name'])}, options.{row['name']}}}" for row in rest]
        result = result_class(op)
        call = f"apply({quoted(op['name'])}, arguments, options.name, at)"
        count = len(parse_outputs(op))
        body = {"void": f"{call};", "Vars": f"return {call};", "Var": f"return {call}[0];"}.get(
            result, f"const Vars out = {call}; return {{{', '.join(f'out[{i}]' for i in range(count))}}};")
        lines += ["", f"{result} OpBuilder::{op['name']}({parameters_of(op, False)}) {{",
                  f"  const NamedOperand arguments[] = {{{', '.join(rows)}}};", f"  {body}", "}"]
    lines += ["", "}  // namespace openane::mil", ""]
    return "\n".join(lines)


def cell(text):
    return text.replace("|", "\\|")


def docs_of_op(op):
    lines = [f"### {op['name']}", "", cell(op["meaning"]) + ".", ""]
    for signature in op["signature"]:
        types, rows = parse_signature(signature, op["name"])
        lines += [f"Since {signature['since']}:", "", "| input | type | constant | default |", "|---|---|---|---|"]
        for row in rows:
            members = types.get(row["type"])
            kind = f"{row['type']}: {members.replace('|', ' ')}" if members else row["type"]
            names = signature.get("names", {}).get(row["name"])
            kind += f": {names.replace('|', ' ')}" if names else ""
            default = row["default"] if row["default"] is not None else ("may be absent" if row["optional"] else "required")
            lines.append(f"| {row['name']} | {kind} | {'yes' if row['const'] else ''} | {cell(default)} |")
        lines.append("")
    outputs = ", ".join(f"{row['name']} ({row['type']}{' ...' if row['many'] else ''})" for row in parse_outputs(op)) or "none"
    return lines + [f"Results: {outputs}. Shape rule: {op['shape']}.", ""]


def docs(table):
    count = sum(len(op["signature"]) for op in table["op"])
    lines = ["# MIL operations", "", "Generated from data/mil/ops.toml by tools/generate_mil_ops.py. Do not edit.", "",
             f"{len(table['op'])} operations, {count} signatures. The newest signature that is not newer than the op set of a function holds.",
             f"Signatures restate {table['source']}.", "",
             "Inputs with the same type variable (T, U, ...) have the same element type. `like:X` is the element type of input X, `named:X` the one",
             "that input X names; `rule` results get their whole type from the shape rule.", ""]
    for category in sorted({op["category"] for op in table["op"]}):
        lines += [f"## {category}", ""]
        for op in table["op"]:
            if op["category"] == category:
                lines += docs_of_op(op)
    lines += ["## Private names", "", "Reported names without a known signature: parsed, printed and reported, never executed.", "",
              "| name | note | reported by |", "|---|---|---|"]
    lines += [f"| {op['name']} | {cell(op['note'])} | {op['source']} |" for op in table["private_op"]]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("--code")
    parser.add_argument("--builder", nargs=2, metavar=("HEADER", "CODE"))
    parser.add_argument("--docs")
    arguments = parser.parse_args()
    try:
        with open(arguments.table, "rb") as handle:
            table = tomllib.load(handle)
        check_table(table)
    except (TableError, KeyError, tomllib.TOMLDecodeError) as error:
        sys.exit(f"{arguments.table}: {error if not isinstance(error, KeyError) else 'missing key ' + str(error)}")
    if arguments.code:
        write_if_changed(arguments.code, code(table))
    if arguments.builder:
        write_if_changed(arguments.builder[0], builder_header(table))
        write_if_changed(arguments.builder[1], builder_code(table))
    if arguments.docs:
        write_if_changed(arguments.docs, docs(table))


if __name__ == "__main__":
    main()
