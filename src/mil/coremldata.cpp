#include "mil/coremldata.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/byte_reader.h"
#include "base/sha256.h"

namespace openane::mil {
namespace {

// Offsets of coremldata.bin; integers are not aligned.
constexpr std::uint64_t kGenericLength = 0x1c;
constexpr std::string_view kGeneric = "generic";
constexpr std::uint64_t kSpecification = 0x2b;
constexpr std::uint64_t kDescriptionLength = 0x4b;
constexpr std::uint64_t kDescription = 0x53;

std::string base64(std::span<const std::uint8_t> data) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < data.size(); at += 3) {
    const std::size_t left = std::min<std::size_t>(3, data.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < left ? data[at + i] : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= left ? kDigits[(group >> (18 - 6 * i)) & 63U] : '=';
    }
  }
  return out;
}

void put_counted(ByteWriter& out, std::string_view text) {
  out.put(static_cast<std::uint64_t>(text.size()));
  out.put_text(text);
}

using Entry = std::array<std::string_view, 2>;

void put_section(ByteWriter& out, std::string_view name, std::span<const Entry> entries) {
  put_counted(out, name);
  out.put(static_cast<std::uint64_t>(entries.size()));
  for (const Entry& entry : entries) {
    put_counted(out, entry[0]);
    put_counted(out, entry[1]);
  }
}

}  // namespace

Result<CoreMlData> parse_coremldata(const Bytes& file) {
  const ByteReader reader(file.span());
  CoreMlData data;
  OPENANE_TRY(data.kind, reader.read<std::uint32_t>(0, "kind of model"));
  OPENANE_TRY(const auto length, reader.read<std::uint64_t>(kGenericLength, "length of the first name"));
  OPENANE_TRY(const auto name, reader.bytes(kGenericLength + 8, kGeneric.size(), "the name 'generic'"));
  if (length != kGeneric.size() ||
      std::string_view(reinterpret_cast<const char*>(name.data()), name.size()) != kGeneric) {
    return fail_at(kGenericLength, "expected the name 'generic'", ErrorCategory::missing_specification);
  }
  OPENANE_TRY(const auto version, reader.read<std::uint64_t>(kSpecification, "specification version"));
  data.specification_version = static_cast<std::int32_t>(version);
  OPENANE_TRY(const auto size, reader.read<std::uint64_t>(kDescriptionLength, "length of the description"));
  OPENANE_TRY(const auto description, reader.bytes(kDescription, size, "model description"));
  OPENANE_TRY(data.description, parse_description(file.slice(kDescription, description.size())));
  return data;
}

std::vector<std::uint8_t> format_coremldata(const CoreMlData& data) {
  ByteWriter out;
  out.put(data.kind);
  out.put(std::uint64_t{5});  // version of the writer, three numbers: 5, 0, 0 in every ML Program seen
  out.zero_to(kGenericLength);
  put_counted(out, kGeneric);
  out.put(static_cast<std::uint64_t>(data.specification_version));
  out.zero_to(kDescriptionLength);
  const std::vector<std::uint8_t> description = format_description(data.description);
  out.put(static_cast<std::uint64_t>(description.size()));
  out.put_bytes(description);
  out.put(data.kind);
  out.put(std::uint32_t{0});
  out.put(std::uint64_t{0});
  return out.take();
}

std::vector<std::uint8_t> format_analytics(std::span<const std::uint8_t> mlmodel, std::string_view model_name) {
  const std::string hash = base64(sha256(mlmodel));
  ByteWriter out;
  const Entry details[] = {{"containsCustomLayer", "0"}, {"modelDimension", "0"}};
  put_section(out, "NeuralNetworkModelDetails", details);
  const Entry specification[] = {{"modelHash", hash}, {"modelName", model_name}};
  put_section(out, "SpecificationDetails", specification);
  return out.take();
}

}  // namespace openane::mil
