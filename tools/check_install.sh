#!/bin/bash
# Installs a build into an empty folder and builds examples/ against it as a project of its own, with nothing else of this tree in reach.
# usage: check_install.sh BUILD_DIR
set -eu
cd "$(dirname "$0")/.."
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >/dev/null
"$work/prefix/bin/ane" --version
for script in bash-completion/completions/ane zsh/site-functions/_ane fish/vendor_completions.d/ane.fish; do
  grep -q migrate "$work/prefix/share/$script"
done
cp -r examples "$work/examples"
cmake -G Ninja -S "$work/examples" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/log" 2>&1 ||
  { cat "$work/log"; exit 1; }
cmake --build "$work/build" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
# The example and the tool say the same about the same program and input.
"$work/prefix/bin/ane" asm "$work/examples/sigmoid.anes" -o "$work/sigmoid.hwx" >/dev/null
"$work/build/run_program" "$work/sigmoid.hwx"
"$work/build/build_model" "$work/model.mlpackage"
"$work/prefix/bin/ane" info "$work/model.mlpackage" | grep arithmetic
echo "check_install: the installed package builds and runs examples/"
