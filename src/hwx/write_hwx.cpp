// Program -> HWX. A program that still fits the file it came from is written into a copy of that file: only what
// changed changes. All others get a file built anew.
#include <algorithm>

#include "base/byte_reader.h"
#include "hwx/build_hwx.h"
#include "hwx/event_counts.h"
#include "hwx/kernel_symbols.h"
#include "hwx/parsed.h"
#include "openane/hwx.h"

namespace openane {
namespace hwx {
namespace {

bool same_constants(const Program& a, const Program& b) {
  return std::ranges::equal(a.constants, b.constants, [](const ConstantSection& x, const ConstantSection& y) {
    return x.name == y.name && x.slot == y.slot && x.data.size() == y.data.size();
  });
}

/// Equal but for the tasks' words and the constants' bytes.
bool same_shape(const Program& a, const Program& b) {
  const auto same_procedure = [](const Procedure& x, const Procedure& y) {
    return x.name == y.name && x.tensors == y.tensors && x.task_base == y.task_base &&
           x.scratch_used == y.scratch_used && !y.tasks.empty() && x.tasks.front().offset == y.tasks.front().offset;
  };
  return a.generation == b.generation && a.scratch_bytes == b.scratch_bytes && a.scratch_slot == b.scratch_slot &&
         same_constants(a, b) && std::ranges::equal(a.procedures, b.procedures, same_procedure);
}

/// The carried file with the program's words and constants, or nothing when the file has no place for them.
Result<std::optional<std::vector<std::uint8_t>>> write_into_carried(const Program& program, const Bytes& file) {
  OPENANE_TRY(const Parsed carried, parse_hwx(file));
  if (!same_shape(carried.program, program)) {
    return std::nullopt;
  }
  OPENANE_TRY(const std::vector<std::uint8_t> text, program.encode_task_section());
  // Relocations and kernel symbols repeat addresses from the tasks. As long as those are unchanged, so are they.
  if (text.size() != carried.text->size || kernel_references(program) != kernel_references(carried.program)) {
    return std::nullopt;
  }
  std::vector<std::uint8_t> out(file.span().begin(), file.span().end());
  std::ranges::copy(text, out.begin() + static_cast<std::ptrdiff_t>(carried.text->file_offset));
  for (std::size_t i = 0; i < program.constants.size(); ++i) {
    std::ranges::copy(program.constants[i].data.span(),
                      out.begin() + static_cast<std::ptrdiff_t>(carried.constants[i]->file_offset));
  }
  for (std::size_t i = 0; i < program.procedures.size(); ++i) {
    const Procedure& procedure = program.procedures[i];
    if (procedure.tasks == carried.program.procedures[i].tasks) {
      continue;
    }
    const ProgramDescriptor& descriptor = carried.programs[i];
    const EventCounts counts = count_events(procedure);
    std::uint8_t* at = out.data() + descriptor.header;
    if (descriptor.fields->first_task_words != 0) {
      store_le(at + descriptor.fields->first_task_words, procedure.tasks.front().task.size_bytes() / 4 - 1);
    }
    store_le(at + descriptor.fields->task_count, static_cast<std::uint32_t>(procedure.tasks.size()));
    store_le(at + descriptor.fields->debug_events, counts.debug);
    store_le(at + descriptor.fields->log_events, counts.log);
    for (const Tlv& tlv : descriptor.tlvs) {
      if (tlv.tag == kTlvExeCycles && tlv.size == 8) {
        store_le(out.data() + tlv.header + 8, std::uint64_t{counts.cycles});
      }
    }
  }
  return out;
}

}  // namespace
}  // namespace hwx

Result<std::vector<std::uint8_t>> write_hwx(const Program& program, std::optional<HwxProfile> profile) {
  const auto* carried = dynamic_cast<const hwx::HwxContainer*>(program.carried.get());
  hwx::BuildOptions options;
  const HwxProfile own = hwx::profile_of_compiler(program.compiler);
  const bool modern = program.generation != nullptr && program.generation->program_flavor == hwx::kProgramFlavorModern;
  options.profile = profile.value_or(modern ? HwxProfile::v9 : own);
  if (carried != nullptr && profile.value_or(own) == own) {
    OPENANE_TRY(std::optional<std::vector<std::uint8_t>> bytes, hwx::write_into_carried(program, carried->file));
    if (bytes) {
      return *std::move(bytes);
    }
    hwx::Warnings ignored;
    if (const Result<hwx::Image> image = hwx::parse_image(carried->file.span(), ignored)) {
      options.ident = image->ident;
    }
  }
  return hwx::build_hwx(program, options);
}

}  // namespace openane
