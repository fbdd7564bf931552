#include "cli/tensor_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "openane/npy.h"

namespace openane::cli {
namespace {

/// How the generators fill a type: the integer range of 11 random bits or 8, and how far a ramp counts.
struct Filling {
  ElementType type;
  bool random_signed;
  std::uint16_t random_bits;
  float random_scale;
  std::uint32_t ramp_last;
};
constexpr std::uint32_t kExactInFloat = 1u << 24;
constexpr Filling kFillings[] = {
    {ElementType::float16, true, 11, 0x1p-10F, 2048},
    {ElementType::float32, true, 11, 0x1p-10F, kExactInFloat},
    {ElementType::float64, true, 11, 0x1p-10F, kExactInFloat},
    {ElementType::int8, true, 8, 1, 127},
    {ElementType::uint8, false, 8, 1, 255},
    {ElementType::int16, true, 11, 1, 32767},
    {ElementType::uint16, false, 11, 1, 65535},
    {ElementType::int32, true, 11, 1, kExactInFloat},
    {ElementType::uint32, false, 11, 1, kExactInFloat},
    {ElementType::int64, true, 11, 1, kExactInFloat},
    {ElementType::uint64, false, 11, 1, kExactInFloat},
    {ElementType::boolean, false, 1, 1, 1},
};

Result<const Filling*> filling_of(ElementType type) {
  const auto* found = std::ranges::find(kFillings, type, &Filling::type);
  if (found == std::end(kFillings)) {
    return fail(ErrorCategory::missing_specification,
                fmt::format("no numbers can be made for elements of type {}: its packing is unknown", to_string(type)));
  }
  return found;
}

float random_value(const Filling& filling, std::uint64_t word) {
  const std::uint64_t top = word >> (64u - filling.random_bits);
  const auto unsigned_value = static_cast<std::int64_t>(top);
  const std::int64_t half = std::int64_t{1} << (filling.random_bits - 1u);
  const std::int64_t value =
      filling.random_signed && unsigned_value >= half ? unsigned_value - 2 * half : unsigned_value;
  return static_cast<float>(value) * filling.random_scale;
}

/// The part after "KIND:" when `source` starts so.
std::optional<std::string_view> after(std::string_view source, std::string_view kind) {
  return source.starts_with(kind) ? std::optional(source.substr(kind.size())) : std::nullopt;
}

template <typename Number>
Result<Number> parse_number(std::string_view text, std::string_view source) {
  Number value{};
  const char* const begin = text.data();  // NOLINT(bugprone-suspicious-stringview-data-usage): with its end
  const char* const end = begin + text.size();
  const auto [rest, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || rest != end || text.empty()) {
    return fail(ErrorCategory::usage, fmt::format("'{}': '{}' is not a number", source, text));
  }
  return value;
}

/// Piece by piece: the numbers of a large tensor are never all there as float beside it.
template <typename Value>
Result<Tensor> generate(const Filling& filling, const Shape& shape, Value value) {
  constexpr std::size_t kPiece = 4096;
  OPENANE_TRY(const std::int64_t elements, element_count(shape));
  const auto count = static_cast<std::size_t>(elements);
  std::vector<std::uint8_t> data;
  data.reserve(count * element_bytes(filling.type).value_or(0));
  std::vector<float> values;
  for (std::size_t begin = 0; begin < count; begin += values.size()) {
    values.resize(std::min(kPiece, count - begin));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = value(begin + i);
    }
    const Tensor piece = Tensor::from_floats({std::ssize(values)}, values, filling.type);
    data.insert(data.end(), piece.data.span().begin(), piece.data.span().end());
  }
  return Tensor::create(filling.type, shape, Bytes(std::move(data)));
}

Result<Tensor> read_member(const std::string& path, const std::string& name) {
  OPENANE_TRY(const std::vector<NamedTensor> members, in_file(read_npz(path), path));
  const auto member = std::ranges::find(members, name, &NamedTensor::name);
  if (member == members.end()) {
    return fail(ErrorCategory::usage, fmt::format("no array named '{}' in the archive", name),
                Location{path, {}, 0, 0});
  }
  return member->tensor;
}

Result<Tensor> read_tensor(const std::string& path, const std::string& name, ElementType type, const Shape& shape) {
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension == ".npz") {
    return read_member(path, name);
  }
  if (extension == ".bin" || extension == ".raw") {
    return in_file(read_raw_tensor(path, type, shape), path);
  }
  if (extension == ".npy") {
    return in_file(read_npy(path), path);
  }
  return fail(ErrorCategory::usage,
              fmt::format("'{}' is neither random[:SEED], fill:V, ramp nor a .npy, .npz, .bin or .raw file", path));
}

}  // namespace

std::uint64_t splitmix64(std::uint64_t state) {
  std::uint64_t z = state + 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

Shape logical_shape(const SurfaceLayout& layout) {
  const SurfaceShape& s = layout.shape;
  return s.d == 1 ? Shape{s.n, s.c, s.h, s.w} : Shape{s.n, s.c, s.d, s.h, s.w};
}

Result<Tensor> make_tensor(const std::string& source, const std::string& name, const SurfaceLayout& layout,
                           std::uint64_t default_seed) {
  return make_tensor(source, name, layout.type, logical_shape(layout), default_seed);
}

Result<Tensor> make_tensor(const std::string& source, const std::string& name, ElementType type, const Shape& shape,
                           std::uint64_t default_seed) {
  const std::optional<std::string_view> seed_text = after(source, "random:");
  if (seed_text || source == "random") {
    std::uint64_t seed = default_seed;
    if (seed_text) {
      OPENANE_TRY(seed, parse_number<std::uint64_t>(*seed_text, source));
    }
    OPENANE_TRY(const Filling* const filling, filling_of(type));
    return generate(*filling, shape,
                    [&](std::uint64_t i) { return random_value(*filling, splitmix64((seed << 32) + i)); });
  }
  if (const std::optional<std::string_view> text = after(source, "fill:")) {
    OPENANE_TRY(const float value, parse_number<float>(*text, source));
    OPENANE_TRY(const Filling* const filling, filling_of(type));
    return generate(*filling, shape, [&](std::uint64_t) { return value; });
  }
  if (source == "ramp") {
    OPENANE_TRY(const Filling* const filling, filling_of(type));
    return generate(*filling, shape,
                    [&](std::uint64_t i) { return static_cast<float>(i % (std::uint64_t{filling->ramp_last} + 1)); });
  }
  return read_tensor(source, name, type, shape);
}

Result<std::map<std::string, std::string>> match_names(const std::vector<std::string>& arguments,
                                                       const std::vector<std::string>& names, std::string_view what) {
  std::map<std::string, std::string> matched;
  for (const std::string& argument : arguments) {
    // A name may hold '=' itself: the longest name that fits is meant.
    std::optional<std::string> name;
    for (const std::string& candidate : names) {
      if (argument.starts_with(candidate + "=") && (!name || candidate.size() > name->size())) {
        name = candidate;
      }
    }
    const std::string value = name ? argument.substr(name->size() + 1) : argument;
    if (!name && names.size() == 1 && argument.find('=') == std::string::npos) {
      name = names.front();
    }
    if (!name) {
      return fail(ErrorCategory::usage, fmt::format("--{0} {1}: expected NAME=..., where the program's {0}s are: {2}",
                                                    what, argument, fmt::join(names, ", ")));
    }
    if (!matched.emplace(*name, value).second) {
      return fail(ErrorCategory::usage, fmt::format("--{} {}: '{}' was given before", what, argument, *name));
    }
  }
  return matched;
}

}  // namespace openane::cli
