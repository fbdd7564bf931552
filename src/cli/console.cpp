#include "cli/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace openane::cli {
namespace {

/// Length of a colour sequence "ESC [ digits and ; m" at the start of `text`; 0 when there is none.
std::size_t color_sequence(std::string_view text) {
  if (!text.starts_with("\x1b[")) {
    return 0;
  }
  const std::size_t end = text.find_first_not_of("0123456789;", 2);
  return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

std::string escape_controls(std::string_view text, bool keep_lines, bool keep_colors) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t color = keep_colors && byte == 0x1b ? color_sequence(text.substr(i)) : 0;
    // 0xc2 0x80..0x9f are the C1 controls in UTF-8; a terminal may take 0xc2 0x9b for "ESC [".
    const bool c1 = byte == 0xc2 && i + 1 < text.size() && (static_cast<unsigned char>(text[i + 1]) & 0xe0u) == 0x80;
    if (color != 0) {
      out.append(text, i, color);
      i += color - 1;
    } else if (c1) {
      out += fmt::format("\\xc2\\x{:02x}", static_cast<unsigned char>(text[++i]));
    } else if ((byte < 0x20 || byte == 0x7f) && !(keep_lines && (byte == '\n' || byte == '\t'))) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += text[i];
    }
  }
  return out;
}

bool output_began = false;

bool is_plain_terminal(int descriptor) {
  const char* term = std::getenv("TERM");
  return isatty(descriptor) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace

bool use_color() {
  const char* no_color = std::getenv("NO_COLOR");
  return is_plain_terminal(STDOUT_FILENO) && (no_color == nullptr || *no_color == '\0');
}

std::string printable(std::string_view text, bool keep_lines) { return escape_controls(text, keep_lines, false); }

void print(std::string_view text) {
  const std::string safe = escape_controls(text, true, use_color());
  std::fwrite(safe.data(), 1, safe.size(), stdout);
  output_began = output_began || !safe.empty();
}

void print_json(const nlohmann::ordered_json& value) {
  print(value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  print("\n");
}

void print_error(const Error& error) {
  // Readers of text report several errors in one, a line each; what a binary file calls its things stays on one line.
  const bool is_text = error.location.line != 0;
  fmt::print(stderr, "ane: {}\n", printable(error.to_string(), is_text));
}

void print_error_json(const Error& error, int exit_code) {
  if (output_began) {
    return;
  }
  nlohmann::ordered_json json = {{"category", to_string(error.category)}, {"exit_code", exit_code}};
  const Location& at = error.location;
  if (!at.file.empty()) {
    json["file"] = at.file;
  }
  if (at.offset) {
    json["offset"] = *at.offset;
  }
  if (at.line != 0) {
    json["line"] = at.line;
    json["column"] = at.column;
  }
  json["message"] = error.message;
  print_json({{"error", json}});
  std::fflush(stdout);
}

void print_note(std::string_view text) { fmt::print(stderr, "ane: note: {}\n", printable(text)); }

Result<void> finish_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return fail(ErrorCategory::system, "cannot write all of it", Location{"standard output", {}, 0, 0});
  }
  return {};
}

Progress::Progress(std::string what) : what_(std::move(what)) {
  if (is_plain_terminal(STDERR_FILENO)) {
    painter_ = std::thread([this] { show(); });
  }
}

Progress::~Progress() {
  if (painter_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      end_ = true;
    }
    ended_.notify_one();
    painter_.join();
  }
}

void Progress::step(std::size_t done, std::size_t count) {
  done_ = done;
  count_ = count;
}

void Progress::show() {
  using std::chrono::steady_clock;
  const steady_clock::time_point start = steady_clock::now();
  std::unique_lock lock(mutex_);
  bool shown = false;
  for (auto wait = std::chrono::milliseconds(2000); !ended_.wait_for(lock, wait, [this] { return end_; });
       wait = std::chrono::milliseconds(200)) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - start).count();
    const std::size_t count = count_;
    const std::string position = count == 0 ? std::string() : fmt::format(": {} of {}", done_.load(), count);
    fmt::print(stderr, "\r\x1b[K{}{}, {} s", printable(what_), position, seconds);
    std::fflush(stderr);
    shown = true;
  }
  if (shown) {
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
  }
}

}  // namespace openane::cli
