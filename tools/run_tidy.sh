#!/bin/bash
# clang-tidy over every .cpp file of the project, in parallel, with the compile database of the `tidy` preset.
# usage: run_tidy.sh [--quick] [JOBS] [FILE...]
# --quick: without the path analysis (clang-analyzer-*), which takes two thirds of the time, and without tests/.
set -eu
cd "$(dirname "$0")/.."
checks=() folders=('src/*.cpp' 'tests/*.cpp' 'fuzz/*.cpp' 'examples/*.cpp')
if [ "${1:-}" = --quick ]; then
  checks=('--checks=-clang-analyzer-*') folders=('src/*.cpp' 'fuzz/*.cpp' 'examples/*.cpp')
  shift
fi
jobs=${1:-$(nproc)}
shift || true
build=build/tidy
mkdir -p build
cmake -Wno-dev --preset tidy >build/tidy.log 2>&1 || { cat build/tidy.log; exit 1; }
cmake --build "$build" --target openane_generated openane_mil_generated openane_protobuf >build/tidy.log 2>&1 || { cat build/tidy.log; exit 1; }
if [ $# -gt 0 ]; then files=("$@"); else mapfile -t files < <(git ls-files "${folders[@]}"); fi

# A file that is not in the database (another platform's, an example built as a project of its own) cannot be checked with real flags.
mapfile -t known < <(python3 -c '
import json, os, sys
known = {os.path.realpath(e["file"]) for e in json.load(open(sys.argv[1]))}
print("\n".join(f for f in sys.argv[2:] if os.path.realpath(f) in known))' "$build/compile_commands.json" "${files[@]}")
check() {
  local out
  out=$(clang-tidy-19 --quiet --warnings-as-errors='*' $chosen -p "$build" "$1" 2>&1) && return 0
  printf '%s\n' "$out" | grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header-filter'
  return 1
}
export -f check
export build chosen="${checks[*]}"
printf '%s\n' "${known[@]}" | xargs -P "$jobs" -n 1 bash -c 'check "$0"' || { echo "clang-tidy: findings above" >&2; exit 1; }
echo "clang-tidy: ${#known[@]} of ${#files[@]} files, no findings"
