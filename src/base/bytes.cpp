#include "openane/bytes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace openane {
namespace {

struct Mapping {
  void* address = nullptr;
  std::size_t size = 0;
  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (address != nullptr) {
      munmap(address, size);
    }
  }
};

struct Descriptor {
  int value = -1;
  explicit Descriptor(int v) : value(v) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value >= 0) {
      close(value);
    }
  }
};

std::unexpected<Error> system_error(const std::string& path, std::string_view what) {
  const int code = errno;
  return fail(ErrorCategory::system, fmt::format("{}: {}", what, std::strerror(code)), Location{path, {}, 0, 0});
}

bool write_part(int fd, std::span<const std::uint8_t> data) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    data = data.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

bool write_all(int fd, std::span<const std::span<const std::uint8_t>> parts) {
  return std::ranges::all_of(parts, [fd](std::span<const std::uint8_t> part) { return write_part(fd, part); });
}

}  // namespace

Bytes::Bytes(std::vector<std::uint8_t> data) {
  auto owner = std::make_shared<const std::vector<std::uint8_t>>(std::move(data));
  view_ = *owner;
  owner_ = std::move(owner);
}

bool operator==(const Bytes& a, const Bytes& b) { return std::ranges::equal(a.view_, b.view_); }

Result<Bytes> read_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.value < 0) {
    return system_error(path, "cannot open");
  }
  struct stat info{};
  if (fstat(file.value, &info) != 0) {
    return system_error(path, "cannot stat");
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCategory::system,
                S_ISDIR(info.st_mode) ? "is a directory, expected a file" : "is not a regular file",
                Location{path, {}, 0, 0});
  }
  if (info.st_size == 0) {
    return Bytes{};
  }
  auto mapping = std::make_shared<Mapping>();
  mapping->size = static_cast<std::size_t>(info.st_size);
  void* address = mmap(nullptr, mapping->size, PROT_READ, MAP_PRIVATE, file.value, 0);
  if (address == MAP_FAILED) {
    return system_error(path, "cannot map");
  }
  mapping->address = address;
  const std::span<const std::uint8_t> view(static_cast<const std::uint8_t*>(address), mapping->size);
  return Bytes(std::move(mapping), view);
}

Result<void> write_file(const std::string& path, std::span<const std::span<const std::uint8_t>> parts) {
  struct stat info{};
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    // A device or a pipe (/dev/stdout) is written as it is: there is nothing to rename over.
    if (S_ISDIR(info.st_mode)) {
      return fail(ErrorCategory::system, "is a directory, expected a file", Location{path, {}, 0, 0});
    }
    const Descriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file.value < 0 || !write_all(file.value, parts)) {
      return system_error(path, "cannot write");
    }
    return {};
  }
  const mode_t mask = umask(0);
  umask(mask);
  const mode_t mode = info.st_nlink != 0 ? (info.st_mode & 07777) : (0666 & ~mask);
  std::string temporary = path + ".XXXXXX";
  const Descriptor file(mkstemp(temporary.data()));
  if (file.value < 0) {
    return system_error(path, "cannot create");
  }
  if (!write_all(file.value, parts) || fchmod(file.value, mode) != 0 ||
      std::rename(temporary.c_str(), path.c_str()) != 0) {
    auto error = system_error(path, "cannot write");
    unlink(temporary.c_str());
    return error;
  }
  return {};
}

Result<void> write_file(const std::string& path, std::span<const std::uint8_t> data) {
  return write_file(path, std::span(&data, 1));
}

Result<void> write_file(const std::string& path, std::string_view text) {
  return write_file(path, std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

}  // namespace openane
