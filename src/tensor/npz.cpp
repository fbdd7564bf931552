// A .npz file is a zip archive whose members are .npy files, named as the arrays with ".npy" behind.
#include <fmt/format.h>

#include <set>
#include <string_view>

#include "openane/npy.h"
#include "tensor/npy_header.h"
#include "tensor/zip.h"

namespace openane {
namespace {

constexpr std::string_view kSuffix = ".npy";

// Says which member it was, and where in the archive unless the member was compressed.
std::unexpected<Error> in_member(Error error, const ZipMember& member, bool is_relative) {
  error.message = fmt::format("member '{}': {}", member.name, error.message);
  if (is_relative && error.location.offset) {
    error.location.offset =
        member.is_stored() ? std::optional(*error.location.offset + member.data_offset) : std::nullopt;
  }
  return std::unexpected(std::move(error));
}

Result<Tensor> read_member(const Bytes& archive, const ZipMember& member) {
  const auto data = extract_zip_member(archive, member);
  if (!data) {
    return in_member(data.error(), member, false);
  }
  auto tensor = parse_npy(*data);
  if (!tensor) {
    return in_member(tensor.error(), member, true);
  }
  return tensor;
}

}  // namespace

Result<std::vector<NamedTensor>> parse_npz(const Bytes& data) {
  OPENANE_TRY(const std::vector<ZipMember> members, list_zip(data.span()));
  std::vector<NamedTensor> tensors;
  std::set<std::string, std::less<>> names;
  for (const ZipMember& member : members) {
    std::string_view name = member.name;
    if (!name.ends_with(kSuffix)) {
      return fail_at(member.header_offset, fmt::format("member '{}' is no .npy file", member.name));
    }
    name.remove_suffix(kSuffix.size());
    if (!names.emplace(name).second) {
      return fail_at(member.header_offset, fmt::format("two members are named '{}'", member.name));
    }
    OPENANE_TRY(Tensor tensor, read_member(data, member));
    tensors.push_back({std::string(name), std::move(tensor)});
  }
  return tensors;
}

Result<std::vector<NamedTensor>> read_npz(const std::string& path) {
  OPENANE_TRY(const Bytes data, read_file(path));
  return in_file(parse_npz(data), path);
}

Result<void> write_npz(const std::string& path, std::span<const NamedTensor> tensors) {
  std::vector<std::string> headers;
  headers.reserve(tensors.size());
  std::vector<ZipSource> sources;
  std::set<std::string_view> names;
  for (const NamedTensor& named : tensors) {
    if (!names.insert(named.name).second) {
      return fail(ErrorCategory::usage, fmt::format("two tensors are named '{}'", named.name));
    }
    OPENANE_TRY(const std::string header, format_npy_header(named.tensor.type, named.tensor.shape));
    headers.push_back(header);
    const std::string& kept = headers.back();
    sources.push_back({named.name + std::string(kSuffix),
                       {{reinterpret_cast<const std::uint8_t*>(kept.data()), kept.size()}, named.tensor.data.span()}});
  }
  OPENANE_TRY(const ZipImage image, format_zip(sources));
  return write_file(path, image.parts);
}

}  // namespace openane
