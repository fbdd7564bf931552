// Arguments as kernels want them: present, or an error that names them; and the failures several kernels share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "openane/error.h"
#include "reference/call.h"

namespace openane::reference {

/// A failure whose cause is what the program was run with, or what it computed.
[[nodiscard]] std::unexpected<Error> refuse(std::string message);
/// A legal value whose effect nobody has published: "sampling_mode UNALIGN_CORNERS (inverted boxes)".
[[nodiscard]] std::unexpected<Error> unpublished(std::string message);

[[nodiscard]] Result<std::int64_t> integer_argument(const Call& call, std::string_view name);
[[nodiscard]] Result<double> number_argument(const Call& call, std::string_view name);
[[nodiscard]] Result<std::string> text_argument(const Call& call, std::string_view name);
[[nodiscard]] Result<std::vector<std::int64_t>> integers_argument(const Call& call, std::string_view name);
/// As many integers as `count`, or `fallback` as often when the argument is absent.
[[nodiscard]] Result<std::vector<std::int64_t>> integers_argument(const Call& call, std::string_view name,
                                                                  std::size_t count, std::int64_t fallback);
/// As many booleans as `count`; all false when the argument is absent.
[[nodiscard]] Result<std::vector<bool>> mask_argument(const Call& call, std::string_view name, std::size_t count);
/// An axis of a tensor of that rank, counted from the front.
[[nodiscard]] Result<std::size_t> axis_argument(const Call& call, std::string_view name, std::size_t rank);

/// The element of a rank-0 argument of any type, as a number; the signature's default when it is absent.
[[nodiscard]] Result<double> scalar_argument(const Call& call, std::string_view name);

}  // namespace openane::reference
