#!/usr/bin/env python3
"""Random instances of every MIL op, run by `ane run` and compared with PyTorch or NumPy.

Every instance is a program of coremltools' builder, so its declared types are what coremltools infers; `ane run`
verifies them against its own inference before it runs anything. A share of the instances also comes with a declared
type made wrong, which must be refused.

  conformance.py --tool build/release/src/cli/ane [--ops conv,lstm] [--count 2000] [--seed 1] [--keep FOLDER]
"""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zlib

import numpy as np

import catalogue
import ops_elementwise
import ops_layout
import ops_other
import ops_recurrent
import ops_spatial
import program
from draw import Draw, Input
from row import DOUBLE, EXACT, HALF

ROWS = ops_elementwise.ROWS + ops_layout.ROWS + ops_spatial.ROWS + ops_recurrent.ROWS + ops_other.ROWS
PACKAGE_SHARE, WRONG_TYPE_SHARE, DOUBLE_SHARE, OPEN_SHARE = 0.2, 0.3, 0.35, 0.4


def inputs_of(arguments):
    """Runtime arrays by name; those of a variadic argument are numbered."""
    found = {}
    for name, value in arguments.items():
        if isinstance(value, Input):
            found[name] = value.value
        elif isinstance(value, list):
            found.update({f"{name}_{i}": v.value for i, v in enumerate(value) if isinstance(v, Input)})
    return found


def filled(arguments, put):
    """The arguments with every runtime array replaced by put(name, array)."""
    result = {}
    for name, value in arguments.items():
        if isinstance(value, Input):
            result[name] = put(name, value.value)
        elif isinstance(value, list) and any(isinstance(v, Input) for v in value):
            result[name] = [put(f"{name}_{i}", v.value) for i, v in enumerate(value)]
        else:
            result[name] = value
    return result


def widened(value):
    """Floating values as float64: the reference computes wider than the run it judges."""
    if isinstance(value, list):
        return [widened(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "f":
        return value.astype(np.float64)
    return value


class Instance:
    """A drawn, built and written instance, with what it must give."""

    def __init__(self, row, index, seed, folder):
        self.row, self.index, self.folder = row, index, folder
        self.rng = np.random.default_rng([seed, zlib.crc32(row.op.encode()), index])
        # The builder has no write_state of its own: it comes out of another op.
        opsets = [o for o in program.TARGETS if program.op_class(row.op, o)] or [18]
        self.opset = opsets[int(self.rng.integers(len(opsets)))]
        self.draw = Draw(row.op, self.opset, self.rng, row.only)
        self.arguments = row.draw(self.draw)
        self.inputs = inputs_of(self.arguments)
        states = row.states({k: v.value for k, v in self.arguments.items()}) if row.states else None
        self.built, self.is_open = self.build_open(states), True
        if self.built is None:
            self.built, self.is_open = program.build(self.opset, self.inputs, self.body, states), False
        self.built.patch = row.patch
        self.precision = "fp64" if self.rng.random() < DOUBLE_SHARE else "fp32"

    def build_open(self, states):
        """The program with unknown extents; None when it is to have none, or when the builder does not make one."""
        rng = np.random.default_rng([self.index, zlib.crc32(self.row.op.encode())])
        if not self.inputs or rng.random() > OPEN_SHARE:
            return None
        shared = rng.random() < 0.5  # axes of equal extent are one unknown, as they come out of a converter
        labels = {}
        for name, value in self.inputs.items():
            labels[name] = [(n if shared else (name, axis)) if rng.random() < 0.5 else None for axis, n in enumerate(value.shape)]
        if not any(label is not None for axes in labels.values() for label in axes):
            return None
        try:
            built = program.build(self.opset, self.inputs, self.body, states, labels)
            program.message(built)
            return built
        except Exception:
            return None

    def body(self, variables):
        arguments = filled(self.arguments, lambda name, _: variables[name])
        if self.row.build:
            return self.row.build(self.row.op, variables, arguments)
        return getattr(program.mb, self.row.op)(**arguments)

    def write(self):
        os.makedirs(self.folder, exist_ok=True)
        for name, value in self.inputs.items():
            np.save(os.path.join(self.folder, name + ".npy"), value.astype(self.built.inputs[name]))
        if self.rng.random() < PACKAGE_SHARE:
            self.path = os.path.join(self.folder, "model.mlpackage")
            program.write_package(self.built, self.path)
        else:
            self.path = os.path.join(self.folder, "model.mlmodel")
            program.write_mlmodel(program.message(self.built), self.path)
        self.wrong = self.longer = None
        if self.is_open:
            longer, self.declared = program.with_more_axes(program.message(self.built), self.row.op)
            self.longer = os.path.join(self.folder, "more_axes.mlmodel")
            program.write_mlmodel(longer, self.longer)
        if self.rng.random() < WRONG_TYPE_SHARE:
            wrong = program.with_wrong_type(program.message(self.built), self.row.op, self.draw)
            if wrong is not None:
                self.wrong = os.path.join(self.folder, "wrong_type.mlmodel")
                program.write_mlmodel(wrong, self.wrong)

    def command(self, tool, path):
        words = [tool, "run", path, "--device", "reference", "--precision", self.precision]
        for name in self.inputs:
            words += ["--input", f"{name}={os.path.join(self.folder, name)}.npy"]
        for i, variable in enumerate(self.built.outputs):
            words += ["--output", f"{variable.name}={os.path.join(self.folder, f'out{i}.npy')}"]
        return words


def run(words):
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return -1, "no answer within 120 s"
    return done.returncode, (done.stderr or done.stdout).strip()


def complaint_about(instance):
    """What is wrong with the results of a run, or None."""
    row = instance.row
    results = [np.load(os.path.join(instance.folder, f"out{i}.npy")) for i in range(len(instance.built.outputs))]
    arguments = filled(instance.arguments, lambda _, array: array)
    arguments = {name: value if name in row.as_given else widened(value) for name, value in arguments.items()}
    if row.check:
        return row.check(results, arguments)
    if isinstance(row.reference, np.ufunc):
        expected = row.reference(*arguments.values())
    else:
        expected = row.reference(**arguments)
    expected = list(expected) if isinstance(expected, (list, tuple)) else [expected]
    if len(expected) != len(results):
        return f"{len(results)} results, expected {len(expected)}"
    for i, (result, want) in enumerate(zip(results, expected)):
        found = difference(instance, result, np.asarray(want), instance.built.outputs[i])
        if found:
            return f"result {i}: {found}"
    return None


def difference(instance, result, want, variable):
    if result.shape != want.shape:
        return f"shape {result.shape}, expected {want.shape}"
    if want.dtype.kind != "f" or result.dtype.kind != "f":
        wrong = result.astype(np.float64) != want.astype(np.float64)
        if wrong.any():
            place = tuple(int(i) for i in np.argwhere(wrong)[0])
            return f"{int(wrong.sum())} of {wrong.size} differ, the first at {place}: {result[place]}, expected {want[place]}"
        return None
    half = program.types.nptype_from_builtin(variable.dtype) == np.float16 or result.dtype == np.float16
    tolerance = instance.row.tolerance
    if instance.precision == "fp64" and result.dtype == np.float64:
        tolerance = 0.0 if tolerance == EXACT else DOUBLE
    elif half:
        tolerance = max(tolerance, HALF)
    got, want = result.astype(np.float64), want.astype(np.float64)
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    finite = want[np.isfinite(want)]
    scale = np.sqrt(np.mean(finite ** 2)) if finite.size else 0.0
    with np.errstate(invalid="ignore"):
        wrong = ~same & ~(np.abs(got - want) <= tolerance * np.maximum(np.abs(want), scale))
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        return (f"{int(wrong.sum())} of {wrong.size} are off by more than {tolerance:g}, the first at {place}: {got[place]!r}, "
                f"expected {want[place]!r}")
    return None


def inferred_extents(text, name):
    """What a finding of the verifier says that a result is; None where the extent is unknown, nothing without a finding."""
    found = re.search(rf"'{re.escape(name)}' is written as .*, but it is (?:tensor<\w+, \[(.*?)\]>|\w+)$", text)
    if not found:
        return None
    return [None if n == "?" else int(n) for n in (found[1] or "").split(", ") if n]


# Where coremltools knows an extent that does not follow: of `cond` it takes the true branch's, of `select` it leaves the
# condition's shape out. Ours is unknown there.
UNSOUND = ("cond", "select")


def complaint_about_inference(instance, tool):
    """Where our inference, of a program with unknown extents, knows less than coremltools', or what is not so."""
    outputs = {v.name: f"out{i}.npy" for i, v in enumerate(instance.built.outputs)}
    done = subprocess.run([tool, "info", instance.longer, "--json"], capture_output=True, text=True, timeout=120)
    try:
        messages = [finding["message"] for finding in json.loads(done.stdout)["findings"]]
    except ValueError:
        return f"ane info: {done.stderr.strip()}"
    for name, declared in instance.declared.items():
        inferred = next((e for e in (inferred_extents(m, name) for m in messages) if e is not None), None)
        if inferred is None and instance.row.op == "squeeze" and None in declared:
            continue  # Whether an axis of unknown extent goes, only the run decides.
        if inferred is None:
            return f"nothing is inferred for '{name}', coremltools infers {declared}: {messages}"
        weak = instance.row.op in UNSOUND
        same = len(inferred) == len(declared) and all(
            theirs is None or theirs == ours or (weak and ours is None) for ours, theirs in zip(inferred, declared))
        if not same:
            return f"'{name}' is inferred as {inferred}, coremltools infers {declared}"
        if name in outputs and instance.row.op != "squeeze":  # which takes axes of unknown extent for longer than 1
            found = np.load(os.path.join(instance.folder, outputs[name]), mmap_mode="r").shape
            if any(ours not in (None, n) for ours, n in zip(inferred, found)):
                return f"'{name}' is inferred as {inferred}, the run gives {found}"
    return None


def judge(instance, tool):
    """(outcome, message) of the run, and whether the wrong type was refused (None: there was none)."""
    status, text = run(instance.command(tool, instance.path))
    if status == 0:
        try:
            message = complaint_about(instance)
            if message is None and instance.is_open:
                message = complaint_about_inference(instance, tool)
        except Exception as error:  # a result that was not written, or cannot be compared
            message = f"{type(error).__name__}: {error}"
        outcome = ("passed", "") if message is None else ("wrong", message)
    else:
        outcome = ("refused" if 0 < status < 126 else "crashed", text)
    refused = None
    if instance.wrong and outcome[0] != "refused":
        status, text = run(instance.command(tool, instance.wrong))
        refused = 0 < status < 126 and instance.row.op in text
    return outcome, refused


def missing_rows(catalogue):
    """Ops of the catalogue that have neither a row nor a stated reason; ops without signature are not asked for."""
    with open(catalogue, "rb") as file:
        ops = [op for op in tomllib.load(file)["op"] if op.get("signature")]
    known = {row.op for row in ROWS} | set(ops_other.WITHOUT_ROW)
    return [op["name"] for op in ops if op["name"] not in known]


def shares(rows, count):
    """How many instances each row gets: at least three, by weight."""
    total = sum(row.weight for row in rows)
    return {id(row): max(3, round(count * row.weight / total)) for row in rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default="build/release/src/cli/ane")
    parser.add_argument("--catalogue", default="data/mil/ops.toml")
    parser.add_argument("--ops", help="comma-separated names; all when left out")
    parser.add_argument("--count", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--index", type=int, help="this instance of the named op alone")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--keep", default="build/conformance/failures", help="where failing programs and inputs go")
    parser.add_argument("--report", help="a JSON file for the counts")
    arguments = parser.parse_args()

    rows = [r for r in ROWS if not arguments.ops or r.op in arguments.ops.split(",")]
    counts = shares(rows, arguments.count)
    work = tempfile.mkdtemp(prefix="ane-conformance-")
    start, table, failures = time.time(), collections.defaultdict(collections.Counter), []

    def finished(instance, future):
        (outcome, text), refused = future.result()
        entry = table[instance.row.op]
        entry["total"] += 1
        entry["open"] += instance.is_open
        entry[outcome] += 1
        if refused is not None:
            entry["altered"] += 1
            entry["caught"] += refused
        if outcome != "passed" or refused is False:
            text = text if outcome != "passed" else "a wrong declared type was accepted"
            kept = os.path.join(arguments.keep, f"{instance.row.op}-{arguments.seed}-{instance.index}")
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(instance.folder, kept)
            failures.append((instance, outcome, text, kept))
        shutil.rmtree(instance.folder, ignore_errors=True)

    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        waiting = collections.deque()
        for row in rows:
            for index in range(counts[id(row)]) if arguments.index is None else [arguments.index]:
                try:
                    instance = Instance(row, index, arguments.seed, os.path.join(work, f"{row.op}-{index}"))
                    instance.write()
                except Exception as error:
                    # The row asked for something coremltools does not build: a mistake of the row.
                    table[row.op]["total"] += 1
                    table[row.op]["not built"] += 1
                    failures.append((None, "not built", f"{row.op} {index}: {type(error).__name__}: {str(error)[:300]}", ""))
                    continue
                waiting.append((instance, pool.submit(judge, instance, arguments.tool)))
                while len(waiting) > 4 * arguments.jobs:
                    finished(waiting[0][0], waiting.popleft()[1])
        while waiting:
            finished(waiting[0][0], waiting.popleft()[1])
    shutil.rmtree(work, ignore_errors=True)

    faults, signatures = [], 0
    if not arguments.ops:
        faults, signatures = catalogue.differences(arguments.catalogue)
        faults += [f"{name}: no row" for name in missing_rows(arguments.catalogue)]
        print(f"catalogue: {signatures} signatures compared with the builder's definitions, {len(faults)} faults")
    return report(table, failures, faults, time.time() - start, arguments)


def report(table, failures, faults, seconds, arguments):
    for instance, outcome, text, kept in failures:
        if instance is None:
            print(f"{outcome}: {text}")
            continue
        first = "\n    ".join(text.splitlines()[:4])
        print(f"{instance.row.op} {instance.index} (ios{instance.opset}, {instance.precision}): {outcome}\n    {first}\n    {kept}")
    columns = ("total", "open", "passed", "wrong", "refused", "crashed", "not built", "altered", "caught")
    print(f"\n{'op':42}" + "".join(f"{c:>10}" for c in columns))
    sums = collections.Counter()
    for op in sorted(table):
        sums.update(table[op])
        print(f"{op:42}" + "".join(f"{table[op][c] or ('0' if c in ('total', 'passed') else ''):>10}" for c in columns))
    print(f"{'sum':42}" + "".join(f"{sums[c]:>10}" for c in columns))
    for fault in faults:
        print(fault)
    good = sums["passed"] == sums["total"] and sums["altered"] == sums["caught"] and not faults
    print(f"conformance: {sums['passed']} of {sums['total']} instances of {len(table)} ops agree, {sums['open']} of them with "
          f"unknown extents; {sums['caught']} of {sums['altered']} wrong types refused; {seconds:.0f} s, seed {arguments.seed}")
    if arguments.report:
        with open(arguments.report, "w") as file:
            json.dump({"ops": {op: dict(c) for op, c in sorted(table.items())}, "seed": arguments.seed}, file, indent=1)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
