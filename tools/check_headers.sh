#!/bin/bash
# Compiles each header on its own: a header must include what it uses. usage: check_headers.sh [-j N] [BUILD_DIR]
set -eu
jobs=$(nproc)
if [ "${1:-}" = -j ]; then jobs=$2; shift 2; fi
build=${1:-build/release}
cd "$(dirname "$0")/.."
[ -d "$build/generated" ] || { echo "check_headers: no $build/generated: configure and build first" >&2; exit 1; }
# Highway's "-inl.h" files are meant to be included several times by their own .cpp.
headers=$(git ls-files 'include/*.h' 'src/*.h' 'tests/*.h' | grep -v -- '-inl\.h$')
check() {
  printf '#include "%s"\n' "$1" |
    g++ -std=c++23 -Wall -Wextra -Werror '-DOPENANE_SOURCE_DIR=""' '-DOPENANE_TOOL=""' '-DOPENANE_PYTHON=""' '-DOPENANE_BUILD_PYTHON=""' -Wno-pragma-once-outside-header -fsyntax-only -Iinclude -Isrc -Itests "-I$build/generated" "-I$build/generated/include" "-I$build/generated/protobuf" -x c++ - ||
    { echo "check_headers: $1 does not stand on its own" >&2; return 1; }
}
export -f check
export build
# shellcheck disable=SC2086
printf '%s\n' $headers | sed -E 's,^(include|src|tests)/,,' | xargs -P "$jobs" -n 1 bash -c 'check "$0"'
echo "headers: $(printf '%s\n' $headers | wc -l) stand on their own"
