// NumPy's .npy and .npz files: versions 1 to 3, C and Fortran order, little- and big-endian numbers, read and written.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "openane/error.h"
#include "openane/tensor.h"

namespace openane {

/// Decodes the bytes of a .npy file. Structured and object dtypes are refused with `unsupported`.
[[nodiscard]] Result<Tensor> parse_npy(const Bytes& data);
[[nodiscard]] Result<std::vector<std::uint8_t>> format_npy(const Tensor& tensor);
[[nodiscard]] Result<Tensor> read_npy(const std::string& path);
[[nodiscard]] Result<void> write_npy(const std::string& path, const Tensor& tensor);

/// A .npz archive: stored or deflated members.
[[nodiscard]] Result<std::vector<NamedTensor>> parse_npz(const Bytes& data);
[[nodiscard]] Result<std::vector<NamedTensor>> read_npz(const std::string& path);
[[nodiscard]] Result<void> write_npz(const std::string& path, std::span<const NamedTensor> tensors);

}  // namespace openane
