// Assembly text: any bytes are a program or an error, and a program's own text gives the same program back.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "openane/assembly.h"
#include "openane/engine_op.h"
#include "openane/listing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto op = openane::parse_engine_op(text)) {
    const auto again = openane::parse_engine_op(openane::print_engine_op(*op));
    if (!again || !(*again == *op)) {
      std::abort();
    }
  }
  // Each operation of a listing takes some text.
  if (const auto listing = openane::parse_listing(text); listing && listing->size() > size) {
    std::abort();
  }
  const openane::Result<openane::Program> program = openane::assemble(text, "fuzz/input.anes");
  if (!program) {
    return 0;
  }
  const openane::Result<std::string> printed = openane::disassemble(*program);
  if (!printed) {
    return 0;
  }
  const openane::Result<openane::Program> again = openane::assemble(*printed, "fuzz/input.anes");
  if (!again || again->procedures.size() != program->procedures.size() ||
      again->constants.size() != program->constants.size()) {
    std::abort();
  }
  for (std::size_t i = 0; i < program->procedures.size(); ++i) {
    if (again->procedures[i].tensors != program->procedures[i].tensors ||
        again->procedures[i].tasks != program->procedures[i].tasks) {
      std::abort();
    }
  }
  for (std::size_t i = 0; i < program->constants.size(); ++i) {
    if (!(again->constants[i].data == program->constants[i].data)) {
      std::abort();
    }
  }
  if (openane::find_target(*program->generation) != nullptr) {
    const openane::Result<std::string> listing = openane::list_program(*program);
    if (!listing || !openane::parse_listing(*listing)) {
      std::abort();
    }
  }
  return 0;
}
