#!/usr/bin/env python3
"""Speed and memory of the reference executor beside ONNX Runtime: the same fp32 nets, the same number of threads.

Both open a model, run once to warm up and then RUNS times, in a process of their own; the two take turns ROUNDS times and
the round with the least median counts. Memory is how much the process grew at its peak since before it opened the model.

  speed.py --bench build/release/bench/bench_reference [--threads 2]
"""

import argparse
import json
import os
import subprocess
import sys

ONNX_RUN = """
import json, re, sys, time
import numpy, onnxruntime
def peak(): return int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) / 1024
path, runs, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
before, opening = peak(), time.perf_counter()
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
opened = time.perf_counter() - opening
port = session.get_inputs()[0]
x = numpy.random.default_rng(1).random(port.shape, numpy.float32)
times = []
for _ in range(runs + 1):
    start = time.perf_counter()
    session.run(None, {port.name: x})
    times.append(time.perf_counter() - start)
times = sorted(times[1:])
print(json.dumps({"median": times[len(times) // 2], "least": times[0], "open": opened, "grown_mib": peak() - before}))
"""


def measured(words):
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default="build/release/bench/bench_reference")
    parser.add_argument("--nets", default="resnet18,mobilenet_v2,bert_layer")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", default="build/conformance/nets")
    arguments = parser.parse_args()

    import nets
    import torch
    os.makedirs(arguments.folder, exist_ok=True)
    print(f"{'net':14}{'ours ms':>10}{'theirs ms':>11}{'ratio':>7}{'ours MiB':>10}{'theirs MiB':>12}{'ratio':>7}")
    for name in arguments.nets.split(","):
        package, *_ = nets.package(name, "fp32", arguments.folder)
        onnx = os.path.join(arguments.folder, name + ".onnx")
        if not os.path.exists(onnx):
            module, example = nets.make(name)
            torch.onnx.export(module, example, onnx, opset_version=14)
        count = [str(arguments.runs), str(arguments.threads)]
        ours, theirs = [], []
        for _ in range(arguments.rounds):
            ours.append(measured([arguments.bench, package, *count]))
            theirs.append(measured([sys.executable, "-c", ONNX_RUN, onnx, *count]))
        a, b = (min(r, key=lambda x: x["median"]) for r in (ours, theirs))
        print(f"{name:14}{1e3 * a['median']:10.1f}{1e3 * b['median']:11.1f}{a['median'] / b['median']:7.2f}"
              f"{a['grown_mib']:10.1f}{b['grown_mib']:12.1f}{a['grown_mib'] / b['grown_mib']:7.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
