#include "emulator/task.h"

#include <fmt/format.h>

#include <algorithm>

namespace openane::emulator {
namespace {

/// Elements of work worth handing to another thread.
constexpr std::uint64_t kGrain = 1u << 15;

/// Whether a row of this view and the next one lie so that both are one longer row.
bool joins(const View& view, const Axis& outer) {
  if (view.column.count == 1 || outer.count == 1) {
    return true;
  }
  return view.column.interleave == 1 && outer.interleave == 1 && outer.stride == view.column.count * view.column.stride;
}

void join(View& view, Axis& outer) {
  if (view.column.count == 1) {
    view.column = outer;
  } else {
    view.column.count *= outer.count;
  }
  outer = Axis{};
}

/// Where C and W are exchanged, rows of neighbouring channels share cache lines.
bool prefers_channels(const View& view) { return view.channel.stride != 0 && view.channel.stride < view.column.stride; }

}  // namespace

void for_each_range(WorkerPool& pool, std::uint64_t count, std::uint64_t cost,
                    const std::function<void(std::uint64_t, std::uint64_t)>& work) {
  const std::uint64_t step = std::max<std::uint64_t>(1, kGrain / std::max<std::uint64_t>(1, cost));
  const std::uint64_t ranges = (count + step - 1) / step;
  if (ranges <= 1 || pool.threads() == 1) {
    work(0, count);
    return;
  }
  pool.run(ranges, [&](std::size_t index, unsigned) { work(index * step, std::min(count, (index + 1) * step)); });
}

void for_each_piece(WorkerPool& pool, std::span<const View* const> views,
                    const std::function<void(const Piece&)>& work) {
  const View& shape = *views.front();
  const bool channels_inside = std::ranges::any_of(views, [](const View* view) { return prefers_channels(*view); });
  const std::uint32_t width = shape.column.count;
  const std::uint32_t pieces = (width + kPieceElements - 1) / kPieceElements;
  const std::uint32_t inner = channels_inside ? shape.channel.count : shape.row.count;
  const std::uint32_t outer = channels_inside ? shape.row.count : shape.channel.count;
  const std::uint64_t count = std::uint64_t{shape.group.count} * inner * outer * pieces;
  for_each_range(pool, count, std::min(width, kPieceElements), [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t i = begin; i < end; ++i) {
      const std::uint64_t row = i / pieces;
      const auto a = static_cast<std::uint32_t>(row % inner), b = static_cast<std::uint32_t>(row / inner % outer);
      Piece piece;
      piece.g = static_cast<std::uint32_t>(row / inner / outer);
      piece.c = channels_inside ? a : b;
      piece.y = channels_inside ? b : a;
      piece.x = static_cast<std::uint32_t>(i % pieces) * kPieceElements;
      piece.count = std::min(kPieceElements, width - piece.x);
      work(piece);
    }
  });
}

void join_rows(std::span<View* const> views) {
  for (Axis View::* outer : {&View::row, &View::channel, &View::group}) {
    const std::uint64_t width = std::uint64_t{views[0]->column.count} * (views[0]->*outer).count;
    if (width > 0xffffffffu ||
        !std::ranges::all_of(views, [&](const View* view) { return joins(*view, view->*outer); })) {
      return;
    }
    for (View* view : views) {
      join(*view, view->*outer);
    }
  }
}

void FirstError::set(Error error) {
  const std::lock_guard lock(mutex_);
  if (!error_) {
    error_ = std::move(error);
  }
}

Result<void> FirstError::result() const {
  const std::lock_guard lock(mutex_);
  if (error_) {
    return std::unexpected(*error_);
  }
  return {};
}

ResultRows::ResultRows(std::span<const View> views) {
  for (const View& view : views) {
    writers_.emplace_back(view);
  }
}

bool ResultRows::takes_halves() const { return writers_.front().takes_halves(); }

void ResultRows::put(const Piece& piece, const float* values) {
  for (const RowWriter& writer : writers_) {
    const std::optional<float> unknown = writer.put(piece.g, piece.c, piece.y, piece.x, std::span(values, piece.count));
    if (unknown) {
      errors_.set(
          {ErrorCategory::missing_specification,
           fmt::format("the result: {} in row {} of channel {} becomes an 8-bit integer; how is known for whole "
                       "numbers in range only",
                       *unknown, piece.y, piece.c),
           {}});
      return;
    }
  }
}

void ResultRows::put_halves(const Piece& piece, const std::function<void(std::uint16_t*)>& compute) {
  std::uint16_t* const direct = writers_.size() == 1 ? writers_[0].direct(piece.g, piece.c, piece.y, piece.x) : nullptr;
  if (direct != nullptr) {
    compute(direct);
    return;
  }
  std::array<std::uint16_t, kPieceElements> row;
  compute(row.data());
  for (const RowWriter& writer : writers_) {
    writer.put(piece.g, piece.c, piece.y, piece.x, std::span(row.data(), piece.count));
  }
}

}  // namespace openane::emulator
