// What distinguishes the compilers' HWX files (hwx-container.md 10): one row per profile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "openane/hwx.h"

namespace openane::hwx {

struct Profile {
  HwxProfile id = HwxProfile::v5;
  std::uint32_t reference_command = 0;
  std::uint32_t tensor_count = 0;       ///< Payload words of a tensor descriptor.
  bool has_tlvs = false;                ///< Program descriptors of H13 end in a TLV of the ExeCycles.
  std::uint32_t type_count = 0;         ///< Entries of the type table.
  bool suffix_in_symbol = false;        ///< The symbol of an output is "x@output", not "x".
  bool extent_is_footprint = false;     ///< The extent of an output is that of its elements, not of its bytes.
  bool slot_order = false;              ///< Buffers ascend by slot; else inputs come first.
  bool text_last = false;               ///< Scratch and tensors come before the text.
  std::uint16_t input_description = 0;  ///< n_desc of an input's symbol.
  std::string_view ident;               ///< Identification text up to the target.
  std::string_view ident_flags;         ///< From behind the target to the file names.
};

[[nodiscard]] const Profile& profile(HwxProfile id);
/// The profile whose conventions a compiler follows: "v4.2.1" is v4. v5 for names that say nothing.
[[nodiscard]] HwxProfile profile_of_compiler(std::string_view compiler);
/// The i-th string of the type table, from 0; there are 23.
[[nodiscard]] std::string_view type_string(std::uint32_t index);
/// The identification text. The paths stand where a compiler names its input and output.
[[nodiscard]] std::string ident_text(const Profile& profile, std::string_view target, std::string_view input_path,
                                     std::string_view output_path);

}  // namespace openane::hwx
