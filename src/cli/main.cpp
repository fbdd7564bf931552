// The `ane` command: a table of subcommands, one file each.
#include <cstdio>

int main() {
  std::puts("ane: no subcommands yet");
  return 2;
}
