#!/bin/bash
# Assembles the example programs, shows what they do and runs them beside the exact values. usage: demo.sh PATH_TO_ANE
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$(dirname "$(realpath "$1")"):$PATH
python=/usr/bin/python3
[ -x $python ] || python=python3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r examples "$work"
cd "$work"
show() {
  printf '\n$ %s\n' "$*"
  "$@"
}
for source in examples/*.anes; do
  name=$(basename "$source" .anes)
  printf '\n==================== %s\n' "$name"
  sed -n 's/^# \{0,1\}//p;/^[^#]/q' "$source"
  show ane asm "$source" -o "$name.hwx"
  show ane info "$name.hwx"
  show ane disasm "$name.hwx"
  "$python" examples/exact.py input "$name" x.npy
  show ane run "$name.hwx" --input x.npy --output y.npy --print --trace
  show "$python" examples/exact.py compare "$name" x.npy y.npy
done
printf '\nall examples agree with their exact values\n'
