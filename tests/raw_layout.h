// Layout files for the raw kernels of the corpus, from what its manifest knows of their headers.
#pragma once

#include <fmt/format.h>

#include <toml++/toml.h>
#include <string>

namespace openane::test {

inline std::string raw_layout_of(const toml::table& file) {
  const std::int64_t scratch = file["tiles"]["3"].value_or(std::int64_t{0}) * 0x4000;
  std::string text = fmt::format("task_bytes = {:#x}\nkernel_bytes = {:#x}\nscratch_bytes = {:#x}\n",
                                 file["tsk_size"].value_or(0), file["krn_size"].value_or(0), scratch);
  const int outputs = file["dst_count"].value_or(0);
  const int inputs = file["src_count"].value_or(0);
  for (int i = 0; i < outputs + inputs; ++i) {
    const bool output = i < outputs;
    text += fmt::format(
        "[[tensor]]\nname = \"{}{}\"\nslot = {}\nrole = \"{}\"\nshape = [1, 1, 2560, 1600]\nrow_stride = "
        "{:#x}\nplane_stride = {:#x}\n",
        output ? "y" : "x", output ? i : i - outputs, 4 + i, output ? "output" : "input",
        file["row_stride"].value_or(0), file["plane_stride"].value_or(0));
  }
  return text;
}

}  // namespace openane::test
