#!/usr/bin/env python3
"""Whole nets: PyTorch modules converted by coremltools, run by `ane run`, compared with PyTorch.

The largest difference is taken relative to the largest expected value. Tolerances: 1e-4 for programs of fp32; for programs
of fp16 whatever rounding the weights alone brings (1e-2), and in the fp16 mode, which rounds every tensor, 3e-2.

  nets.py --tool build/release/src/cli/ane [--nets resnet18,lstm]
"""

import argparse
import os
import shutil
import subprocess
import sys
import time

import program  # noqa: F401  (first: it quiets coremltools)
import coremltools as ct
import numpy as np
import torch

import networks
from networks import NETS, make

# Precision of the program, precision of the run, tolerance.
RUNS = (("fp32", "fp32", 1e-4), ("fp16", "fp32", 1e-2), ("fp16", "fp16", 3e-2))
PRECISION = {"fp32": ct.precision.FLOAT32, "fp16": ct.precision.FLOAT16}


def package(name, precision, folder):
    """The net as a package, converted unless it is there, with its input and what PyTorch makes of it."""
    module, example = make(name)
    with torch.no_grad():
        expected = module(example).numpy()
    path = os.path.join(folder, f"{name}-{precision}.mlpackage")
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(networks.__file__):
        shutil.rmtree(path, ignore_errors=True)
        # With gradients: without, PyTorch traces attention as one operation that coremltools does not know.
        traced = torch.jit.trace(module, example, check_trace=False)
        kind = np.int32 if example.dtype == torch.int32 else np.float32
        model = ct.convert(traced, inputs=[ct.TensorType("x", example.shape, dtype=kind)],
                           outputs=[ct.TensorType("y", dtype=np.float32)], convert_to="mlprogram", compute_precision=PRECISION[precision], skip_model_load=True,
                           minimum_deployment_target=ct.target.iOS16)
        model.save(path)
    return path, example.numpy(), expected


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default="build/release/src/cli/ane")
    parser.add_argument("--nets", help="comma-separated names; all when left out")
    parser.add_argument("--folder", default="build/conformance/nets", help="where converted models are kept")
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    names = arguments.nets.split(",") if arguments.nets else list(NETS)
    failed = 0
    print(f"{'net':14}{'program':>8}{'run':>6}{'largest difference':>20}{'bound':>8}{'seconds':>9}")
    for name in names:
        for stored, precision, bound in RUNS:
            path, x, expected = package(name, stored, arguments.folder)
            x_file, y_file = (os.path.join(arguments.folder, f) for f in ("x.npy", "y.npy"))
            np.save(x_file, x)
            start = time.time()
            done = subprocess.run([arguments.tool, "run", path, "--device", "reference", "--precision", precision,
                                   "--input", f"x={x_file}", "--output", f"y={y_file}"], capture_output=True, text=True)
            seconds = time.time() - start
            if done.returncode:
                print(f"{name:14}{stored:>8}{precision:>6}  {(done.stderr or done.stdout).strip().splitlines()[0]}")
                failed += 1
                continue
            y = np.load(y_file)
            difference = np.abs(y - expected).max() / np.abs(expected).max()
            failed += not difference <= bound
            print(f"{name:14}{stored:>8}{precision:>6}{difference:20.2e}{bound:8.0e}{seconds:9.2f}"
                  + ("" if difference <= bound else "  too far"))
    total = len(names) * len(RUNS)
    print(f"nets: {total - failed} of {total} runs agree with PyTorch")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
