// SHA-256 (FIPS 180-4): compiled Core ML bundles name the model they come from by it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace openane {

[[nodiscard]] std::array<std::uint8_t, 32> sha256(std::span<const std::uint8_t> data);
/// 64 lower-case hex digits.
[[nodiscard]] std::string sha256_hex(std::span<const std::uint8_t> data);

}  // namespace openane
