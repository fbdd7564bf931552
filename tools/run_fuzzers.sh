#!/bin/bash
# Runs every fuzz target for a while, two at a time, each from its seeds. usage: run_fuzzers.sh FOLDER_OF_TARGETS SECONDS [JOBS]
# The same FUZZ_SEED (1) starts the same run; 0 takes another one each time. A finding is kept in build/fuzz/<format>/ and its input is named; run the target on that file to see it again.
set -eu
cd "$(dirname "$0")/.."
folder=$1 seconds=$2 jobs=${3:-2}
run() {
  local target=$1 name format work seeds=() started=$SECONDS
  name=$(basename "$target")
  format=${name#fuzz_}
  work=build/fuzz/$format
  mkdir -p "$work/corpus"
  [ -d "fuzz/seeds/$format" ] && seeds+=("fuzz/seeds/$format")
  if [ -n "${OPENANE_CORPUS:-}" ] && [ "$format" = hwx ]; then seeds+=("$OPENANE_CORPUS/hwx/tinygrad"); fi
  if "$target" -seed="${FUZZ_SEED:-1}" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$work/" \
    "$work/corpus" "${seeds[@]}" >"$work/log" 2>&1; then
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log") runs in $((SECONDS - started)) s, no finding"
  else
    tail -n 60 "$work/log"
    echo "$name: FAILED, the input is in $work/"
    return 1
  fi
}
export -f run
export seconds
targets=("$folder"/fuzz_*)
runnable=()
for target in "${targets[@]}"; do [ -f "$target" ] && [ -x "$target" ] && runnable+=("$target"); done
[ ${#runnable[@]} -gt 0 ] || { echo "no fuzz targets in $folder" >&2; exit 1; }
printf '%s\n' "${runnable[@]}" | xargs -P "$jobs" -n 1 bash -c 'run "$0"'
