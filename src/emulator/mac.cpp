// Which sums are computed when. The arithmetic is in the kernels; nothing here changes a bit of any result, only the
// time it takes.
//
// Three shapes of work:
//   dense     all output channels read all input channels. The source is expanded to fp32 a block of positions for each
//             worker at a time, the weights a group of channels at a time; tasks of up to 64 channels x 384 positions
//             are dealt to the workers.
//   few       a dense job with hardly any positions (a vector times a matrix): vectors run over output channels instead
//             of positions.
//   unicast   each output channel reads channels of its own (depthwise): one task per channel and block of rows.
//
// Workers share what they only read. What is written again and again - a block's source, packed weights, sums - lies in
// each worker's own memory: a line that another core has read since takes some 30 ns to write.
#include "emulator/mac.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "emulator/float_buffer.h"
#include "emulator/mac_kernels.h"
#include "emulator/mac_source.h"
#include "emulator/rows.h"

namespace openane {
namespace {

constexpr std::size_t kTermsAtOnce = 256;  // a multiple of the h13 model's 4
constexpr float kClamp = 32768.0F;
/// Sums of magnitudes below this stay below the clamp however their partial sums are rounded: fp32 additions of at most
/// 2^17 tile sums add less than 1/128.
constexpr float kSafeMagnitude = 32000.0F;
constexpr std::size_t kSafeTerms = std::size_t{1} << 19;
/// Below so many products waking another thread costs more than it saves.
constexpr std::size_t kSerialProducts = 200'000;

std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }
std::size_t round_up(std::size_t a, std::size_t b) { return divide_up(a, b) * b; }

/// Divides a worker's memory.
class Buffers {
 public:
  Buffers(WorkerPool& pool, unsigned worker, std::initializer_list<std::size_t> counts) {
    std::size_t all = 0;
    for (const std::size_t count : counts) {
      all += round_up(count, kApart / sizeof(float));
    }
    next_ = pool.memory(worker, all);
  }
  /// The counts must be those announced, in their order.
  float* take(std::size_t count) { return std::exchange(next_, next_ + round_up(count, kApart / sizeof(float))); }

 private:
  float* next_ = nullptr;
};

/// The height of the shortest kernel that holds `rows` rows, or of the tallest.
std::size_t kernel_rows(std::size_t rows, const MacKernels& kernels) {
  return std::min(std::bit_ceil(rows), std::size_t{1} << kernels.rows_log2);
}

/// What all three shapes of work share.
class MacRun {
 public:
  MacRun(const MacJob& job, WorkerPool& pool)
      : job_(job),
        pool_(pool),
        kernels_(mac_kernels()),
        taps_(job.taps()),
        model_(job.numerics == Numerics::h13 && taps_ > 1),
        serial_(static_cast<double>(taps_) * job.output_channels * job.output_width * job.output_height <
                kSerialProducts) {}

 protected:
  void for_each(std::size_t count, const std::function<void(std::size_t, unsigned)>& work) {
    if (serial_) {
      for (std::size_t index = 0; index < count; ++index) {
        work(index, 0);
      }
    } else {
      pool_.run(count, work);
    }
  }

  [[nodiscard]] MacArithmetic arithmetic(float sum_of_weights, float largest_element) const {
    if (!model_) {
      return MacArithmetic::ideal;
    }
    const bool safe = taps_ <= kSafeTerms && sum_of_weights * largest_element < kSafeMagnitude;
    return safe ? MacArithmetic::h13 : MacArithmetic::h13_clamped;
  }

  /// Packs the weights of output channels first .. first+count-1 as [tap][stride], absent channels as zeros. Returns
  /// the largest sum of a channel's magnitudes, where it matters.
  float pack_weights(std::uint32_t first, std::size_t count, std::size_t stride, float* packed) const {
    if (job_.read_weights) {
      job_.read_weights(first, static_cast<std::uint32_t>(count), stride, packed);
    } else {
      std::fill_n(packed, taps_ * stride, 1.0F);
    }
    if (count < stride) {
      for (std::size_t tap = 0; tap < taps_; ++tap) {
        std::fill(packed + tap * stride + count, packed + (tap + 1) * stride, 0.0F);
      }
    }
    if (!model_) {
      return 0;
    }
    kernels_.flush_denormals(packed, taps_ * stride);
    // Rounding adds up too, hence few additions in a row.
    constexpr std::size_t kTapsAtOnce = 16;
    std::vector<float> sums(stride, 0.0F), some(stride);
    for (std::size_t begin = 0; begin < taps_; begin += kTapsAtOnce) {
      std::ranges::fill(some, 0.0F);
      for (const float* row = packed + begin * stride; row < packed + std::min(taps_, begin + kTapsAtOnce) * stride;
           row += stride) {
        for (std::size_t i = 0; i < stride; ++i) {
          some[i] += std::fabs(row[i]);
        }
      }
      for (std::size_t i = 0; i < stride; ++i) {
        sums[i] += some[i];
      }
    }
    return *std::max_element(sums.begin(), sums.end());
  }

  /// Turns what h13_clamped leaves into infinities.
  static void finish_clamp(float* sums, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      sums[i] = std::fabs(sums[i]) >= kClamp ? std::copysign(std::numeric_limits<float>::infinity(), sums[i]) : sums[i];
    }
  }

  /// Hands on the sums of `rows` rows of `width` positions from (x, y) on, `stride` apart.
  void write_rows(std::uint32_t channel, std::size_t y, std::size_t x, std::size_t width, std::size_t rows,
                  const float* sums, std::size_t stride) const {
    if (job_.result == nullptr) {
      for (std::size_t row = 0; row < rows; ++row) {
        job_.write(channel, static_cast<std::uint32_t>(y + row), static_cast<std::uint32_t>(x),
                   static_cast<std::uint32_t>(width), sums + row * stride);
      }
      return;
    }
    std::uint16_t* to = job_.result + channel * job_.result_channel_stride / 2 +
                        static_cast<std::ptrdiff_t>(y) * job_.result_row_stride / 2 + static_cast<std::ptrdiff_t>(x);
    if (job_.scale == 0) {
      for (std::size_t row = 0; row < rows; ++row, to += job_.result_row_stride / 2) {
        std::fill_n(to, width, std::uint16_t{0});
      }
      return;
    }
    const float bias = job_.biases.empty() ? -0.0F : job_.biases[channel];
    emulator::finish_rows({bias, job_.accumulator_bias, job_.scale, job_.relu}, sums, stride, width, rows, to,
                          job_.result_row_stride);
  }

  /// Hands on the sums of columns first .. first+count-1 of a block.
  void write_columns(const SourceLayout& layout, const MacBlock& block, std::uint32_t channel, std::size_t first,
                     std::size_t count, const float* sums) const {
    const std::size_t length = layout.row_length();
    for (std::size_t row = first / length; row < block.height && row * length < first + count;) {
      const std::size_t begin = std::max(first, row * length);
      const std::size_t end = std::min(first + count, row * length + block.width);
      // Whole rows go together.
      std::size_t rows = 1;
      while (end - begin == block.width && row + rows < block.height &&
             (row + rows) * length + block.width <= first + count) {
        ++rows;
      }
      if (begin < end) {
        write_rows(channel, block.y + row, block.x + begin - row * length, end - begin, rows, sums + (begin - first),
                   length);
      }
      row += rows;
    }
  }

  const MacJob& job_;
  WorkerPool& pool_;
  const MacKernels kernels_;
  const std::size_t taps_;
  const bool model_;  ///< The h13 model applies: more than one term.
  const bool serial_;
};

/// Into how many pieces of at most `most` to divide `extent`: a multiple of `workers`, if that leaves each at least
/// `least`.
std::size_t pieces_of(std::size_t extent, std::size_t most, unsigned workers, std::size_t least) {
  const std::size_t pieces = divide_up(extent, most), wanted = round_up(pieces, workers);
  return wanted * least <= extent ? wanted : pieces;
}

/// Where piece `index` begins when `extent` is dealt out evenly, the first pieces being the larger ones.
std::uint32_t piece_begin(std::size_t extent, std::size_t pieces, std::size_t index) {
  return static_cast<std::uint32_t>(index * (extent / pieces) + std::min(index, extent % pieces));
}

/// Divides a job's positions into even blocks whose expanded source takes at most `budget` floats for `channels`
/// channels: whole rows where one fits, otherwise as wide as whole tiles of `columns_at_once`. As many as a multiple of
/// `workers`, where blocks are not too small for the kernels then. None is wider or higher than the first.
std::vector<MacBlock> divide(const MacJob& job, std::size_t channels, std::size_t budget, std::size_t columns_at_once,
                             unsigned workers) {
  constexpr std::size_t kEnoughTiles = 4;
  const auto fits = [&](std::size_t width, std::size_t height) {
    return SourceLayout(job, static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)).channel_floats() *
               channels <=
           budget;
  };
  // The largest number up to `most` that is good, or 1.
  const auto largest = [](std::size_t most, const auto& good) {
    std::size_t least = 1;
    while (least < most) {
      const std::size_t middle = most - (most - least) / 2;
      if (good(middle)) {
        least = middle;
      } else {
        most = middle - 1;
      }
    }
    return least;
  };
  const std::size_t width = job.output_width, height = job.output_height;
  const std::size_t tile = std::min(columns_at_once, width), tiles = divide_up(width, tile);
  const std::size_t enough = kEnoughTiles * columns_at_once;
  std::size_t rows = height, columns = 1;  // how many pieces there are along y and x
  if (fits(width, 1)) {
    const std::size_t most = largest(height, [&](std::size_t some) { return fits(width, some); });
    rows = pieces_of(height, most, workers, divide_up(enough, width));
    // Only memory can be read from the middle of a row.
    if (rows == 1 && job.source != nullptr) {
      columns = pieces_of(tiles, tiles, workers, divide_up(enough, height * tile));
    }
  } else {
    columns =
        pieces_of(tiles, largest(tiles, [&](std::size_t some) { return fits(some * tile, 1); }), workers, kEnoughTiles);
  }
  std::vector<MacBlock> blocks;
  blocks.reserve(rows * columns);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      const auto x = static_cast<std::uint32_t>(piece_begin(tiles, columns, column) * tile);
      const auto end = static_cast<std::uint32_t>(std::min(piece_begin(tiles, columns, column + 1) * tile, width));
      const std::uint32_t y = piece_begin(height, rows, row);
      blocks.push_back({x, y, end - x, piece_begin(height, rows, row + 1) - y});
    }
  }
  return blocks;
}

class DenseRun : MacRun {
 public:
  DenseRun(const MacJob& job, WorkerPool& pool)
      : MacRun(job, pool),
        blocks_(divide(job, job.input_channels, source_budget(job, pool.threads()), kernels_.columns, pool.threads())),
        layout_(job, blocks_.front().width, blocks_.front().height),
        offsets_(layout_.offsets(job.input_channels)),
        at_once_(std::min<std::size_t>(pool.threads(), blocks_.size())),
        panel_rows_(kernel_rows(job.output_channels, kernels_)),
        group_(std::min(std::max(rows_of(kWeightsBudget / pool.threads()),
                                 std::min(rows_of(kMostWeights), round_up(kTaskRows, panel_rows_))),
                        round_up(job.output_channels, panel_rows_))),
        workers_(pool.threads()) {
    const std::size_t planes = job.input_channels * layout_.channel_floats();
    for (unsigned i = 0; i < pool.threads(); ++i) {
      const std::size_t source = i < at_once_ ? layout_.buffer_floats(job.input_channels, kernels_.columns) : 0;
      const std::size_t row = 2 * std::size_t{job.input_width}, weights = group_ * taps_;
      const std::size_t sums = round_up(kTaskRows, panel_rows_) * round_up(kTaskColumns, kernels_.columns);
      Buffers buffers(pool, i, {source, row, weights, sums});
      workers_[i].source = buffers.take(source);
      workers_[i].row = buffers.take(row);
      workers_[i].weights = buffers.take(weights);
      workers_[i].sums = buffers.take(sums);
      if (source != 0) {
        std::fill(workers_[i].source + planes, workers_[i].source + source, 0.0F);
      }
    }
  }

  void run() {
    const std::span<const MacBlock> all = blocks_;
    for (std::size_t begin = 0; begin < all.size(); begin += at_once_) {
      const std::span<const MacBlock> blocks = all.subspan(begin, std::min(at_once_, all.size() - begin));
      fill_sources(blocks);
      for (std::size_t first = 0; first < job_.output_channels; first += group_) {
        multiply(blocks, first, std::min<std::size_t>(group_, job_.output_channels - first));
      }
    }
  }

 private:
  static constexpr std::size_t kNothing = std::numeric_limits<std::size_t>::max();
  /// Floats of packed weights that all workers together hold, unless that is too few for a task; one holds at most
  /// kMostWeights then.
  static constexpr std::size_t kWeightsBudget = std::size_t{1} << 18, kMostWeights = std::size_t{1} << 20;
  static constexpr std::size_t kTasksEach = 8;
  static constexpr std::size_t kChannelsAtOnce = 16;
  static constexpr std::size_t kTaskRows = 64;
  static constexpr std::size_t kTaskColumns = 384;

  struct alignas(kApart) Worker {
    float* source = nullptr;   ///< Of one block. The worker begins with it, but others may have to help.
    float* row = nullptr;      ///< Scratch for an input row.
    float* weights = nullptr;  ///< [panel][tap][row of the panel]
    float* sums = nullptr;
    std::vector<float> weight_sums;
    std::vector<std::size_t> packed;  ///< The first channel of the group whose weights are here, by task rows.
    float largest_element = 0;
  };

  /// Floats of expanded source that each worker holds: of all together a quarter, but between 2 and 16 MB, and half a
  /// megabyte each.
  static std::size_t source_budget(const MacJob& job, unsigned workers) {
    const std::size_t elements = std::size_t{job.input_channels} * job.input_height * job.input_width;
    const std::size_t all = std::clamp<std::size_t>(elements / 4, std::size_t{1} << 19, std::size_t{1} << 22);
    return std::max<std::size_t>(all / workers, std::size_t{1} << 17);
  }

  /// The channels whose weights are about so many floats.
  [[nodiscard]] std::size_t rows_of(std::size_t floats) const {
    return round_up(std::max<std::size_t>(floats / taps_, 1), panel_rows_);
  }

  void fill_sources(std::span<const MacBlock> blocks) {
    for (Worker& worker : workers_) {
      worker.largest_element = 0;
    }
    const std::size_t channels = job_.input_channels;
    const std::size_t some =
        std::clamp<std::size_t>(blocks.size() * channels / (kTasksEach * pool_.threads()), 1, kChannelsAtOnce);
    const std::size_t pieces = divide_up(channels, some);
    for_each(blocks.size() * pieces, [&](std::size_t task, unsigned index) {
      Worker& worker = workers_[index];
      const std::size_t block = task / pieces, first = task % pieces * some;
      for (std::size_t channel = first; channel < std::min(first + some, channels); ++channel) {
        const float largest = layout_.fill(kernels_, static_cast<std::uint32_t>(channel), blocks[block],
                                           workers_[block].source + channel * layout_.channel_floats(), worker.row);
        worker.largest_element = std::max(worker.largest_element, largest);
      }
    });
    largest_element_ = 0;
    for (const Worker& worker : workers_) {
      largest_element_ = std::max(largest_element_, worker.largest_element);
    }
  }

  /// Packs the weights of rows row .. of the group unless the worker has them.
  void pack_rows(std::size_t first, std::size_t row, std::size_t rows, Worker& worker) const {
    if (worker.packed.empty()) {
      worker.weight_sums.resize(group_ / panel_rows_);
      worker.packed.resize(divide_up(group_, kTaskRows), kNothing);
    }
    if (std::exchange(worker.packed[row / kTaskRows], first) == first) {
      return;
    }
    for (std::size_t i = row; i < row + rows; i += panel_rows_) {
      const std::size_t some = std::min(panel_rows_, row + rows - i);
      worker.weight_sums[i / panel_rows_] = pack_weights(static_cast<std::uint32_t>(first + i), some,
                                                         kernel_rows(some, kernels_), worker.weights + i * taps_);
    }
  }

  void multiply(std::span<const MacBlock> blocks, std::size_t first, std::size_t count) {
    const std::size_t panel = kernels_.columns, panels = divide_up(layout_.columns(blocks.front()), panel);
    // Enough tasks for every worker to get a few.
    const std::size_t row_tasks = divide_up(count, kTaskRows);
    const std::size_t wanted = divide_up(kTasksEach * pool_.threads(), row_tasks * blocks.size());
    const std::size_t column_tasks = std::min(panels, std::max(divide_up(panels * panel, kTaskColumns), wanted));
    const std::size_t stride = divide_up(panels, column_tasks) * panel;
    // One block is divided by rows first, lest every worker packs all weights.
    const std::size_t row_step = blocks.size() == 1 ? column_tasks : 1;
    const std::size_t column_step = blocks.size() == 1 ? 1 : row_tasks;
    for_each(blocks.size() * column_tasks * row_tasks, [&](std::size_t task, unsigned index) {
      Worker& worker = workers_[index];
      const std::size_t row = task / row_step % row_tasks * kTaskRows, part = task / column_step % column_tasks;
      const std::size_t number = task / row_tasks / column_tasks, rows = std::min(kTaskRows, count - row);
      const MacBlock& block = blocks[number];
      const std::size_t column = panels * part / column_tasks * panel;
      const std::size_t end = std::min(panels * (part + 1) / column_tasks * panel, layout_.columns(block));
      if (column >= end) {
        return;
      }
      pack_rows(first, row, rows, worker);
      multiply_task(row, rows, workers_[number].source + column, end - column, worker, stride);
      for (std::size_t i = 0; i < rows; ++i) {
        write_columns(layout_, block, static_cast<std::uint32_t>(first + row + i), column, end - column,
                      worker.sums + i * stride);
      }
    });
  }

  void multiply_task(std::size_t row, std::size_t rows, const float* source, std::size_t columns, const Worker& worker,
                     std::size_t sum_stride) const {
    float* const sums = worker.sums;
    const auto arithmetic_of = [&](std::size_t i) {
      return arithmetic(worker.weight_sums[(row + i) / panel_rows_], largest_element_);
    };
    for (std::size_t term = 0; term < taps_; term += kTermsAtOnce) {
      for (std::size_t j = 0; j < columns; j += kernels_.columns) {
        for (std::size_t i = 0; i < rows; i += panel_rows_) {
          const std::size_t height = kernel_rows(std::min(panel_rows_, rows - i), kernels_);
          const MacTile tile{height,
                             std::min(kTermsAtOnce, taps_ - term),
                             worker.weights + (row + i) * taps_ + term * height,
                             source + j,
                             offsets_.data() + term,
                             sums + i * sum_stride + j,
                             sum_stride,
                             term == 0};
          kernels_.add(arithmetic_of(i), tile);
        }
      }
    }
    for (std::size_t i = 0; i < rows; i += panel_rows_) {
      if (arithmetic_of(i) == MacArithmetic::h13_clamped) {
        finish_clamp(sums + i * sum_stride, std::min(panel_rows_, rows - i) * sum_stride);
      }
    }
  }

  const std::vector<MacBlock> blocks_;
  const SourceLayout layout_;
  const std::vector<std::uint32_t> offsets_;
  const std::size_t at_once_;     ///< Blocks whose sources are held at a time, each by a worker.
  const std::size_t panel_rows_;  ///< Channels that one kernel call computes.
  const std::size_t group_;       ///< Channels whose weights a worker has at a time.
  float largest_element_ = 0;
  std::vector<Worker> workers_;
};

class FewRun : MacRun {
 public:
  /// Whether `job` has few enough positions.
  static bool fits(const MacJob& job) {
    const std::size_t positions = std::size_t{job.output_width} * job.output_height;
    return positions <= kMostPositions && job.taps() <= kMostTaps;
  }

  FewRun(const MacJob& job, WorkerPool& pool)
      : MacRun(job, pool),
        positions_(std::size_t{job.output_width} * job.output_height),
        rows_(kernel_rows(positions_, kernels_)),
        elements_(round_up(positions_, rows_) * taps_),
        workers_(pool.threads()) {
    offsets_.reserve(taps_);
    for (std::size_t tap = 0; tap < taps_; ++tap) {
      offsets_.push_back(static_cast<std::uint32_t>(tap * kernels_.columns));
    }
  }

  void run() {
    pack_elements();
    const std::size_t columns = kernels_.columns;
    for_each(divide_up(job_.output_channels, columns), [&](std::size_t panel, unsigned index) {
      const std::size_t first = panel * columns;
      multiply(static_cast<std::uint32_t>(first), std::min<std::size_t>(columns, job_.output_channels - first),
               workers_[index]);
    });
  }

 private:
  static constexpr std::size_t kMostPositions = 48;
  static constexpr std::size_t kMostTaps = std::size_t{1} << 14;

  struct alignas(kApart) Worker {
    FloatBuffer weights, sums, row;
  };

  /// Gathers the terms of all positions as [group of rows_ positions][tap][position of the group].
  void pack_elements() {
    const MacBlock block{0, 0, job_.output_width, job_.output_height};
    const SourceLayout layout(job_, block.width, block.height);
    const FloatBuffer row(2 * std::size_t{job_.input_width});
    const FloatBuffer planes(layout.channel_floats());
    const std::vector<std::uint32_t> offsets = layout.offsets(1);
    std::fill_n(elements_.data(), elements_.size(), 0.0F);
    for (std::uint32_t channel = 0; channel < job_.input_channels; ++channel) {
      largest_element_ = std::max(largest_element_, layout.fill(kernels_, channel, block, planes.data(), row.data()));
      for (std::size_t position = 0; position < positions_; ++position) {
        const float* from = planes.data() + position / block.width * layout.row_length() + position % block.width;
        float* to =
            elements_.data() + position / rows_ * rows_ * taps_ + channel * offsets.size() * rows_ + position % rows_;
        for (std::size_t tap = 0; tap < offsets.size(); ++tap) {
          to[tap * rows_] = from[offsets[tap]];
        }
      }
    }
  }

  void multiply(std::uint32_t first, std::size_t count, Worker& worker) const {
    const std::size_t columns = kernels_.columns;
    if (worker.sums.size() == 0) {
      worker.weights = FloatBuffer(columns * taps_);
      worker.sums = FloatBuffer(round_up(positions_, rows_) * columns);
      worker.row = FloatBuffer(positions_);
    }
    const float sum_of_weights = pack_weights(first, count, columns, worker.weights.data());
    const MacArithmetic model = arithmetic(sum_of_weights, largest_element_);
    float* sums = worker.sums.data();
    for (std::size_t term = 0; term < taps_; term += kTermsAtOnce) {
      for (std::size_t position = 0; position < positions_; position += rows_) {
        kernels_.add(model,
                     {rows_, std::min(kTermsAtOnce, taps_ - term), elements_.data() + position * taps_ + term * rows_,
                      worker.weights.data(), offsets_.data() + term, sums + position * columns, columns, term == 0});
      }
    }
    if (model == MacArithmetic::h13_clamped) {
      finish_clamp(sums, positions_ * columns);
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      for (std::size_t position = 0; position < positions_; ++position) {
        worker.row.data()[position] = sums[position * columns + i];
      }
      write_rows(first + i, 0, 0, job_.output_width, job_.output_height, worker.row.data(), job_.output_width);
    }
  }

  const std::size_t positions_;
  const std::size_t rows_;  ///< Positions that one kernel call computes.
  FloatBuffer elements_;
  float largest_element_ = 0;
  std::vector<std::uint32_t> offsets_;
  std::vector<Worker> workers_;
};

class UnicastRun : MacRun {
 public:
  UnicastRun(const MacJob& job, WorkerPool& pool)
      : MacRun(job, pool),
        blocks_(divide(job, job.unicast_inputs, kBlockFloats, kernels_.columns, 1)),
        by_plane_(!model_ && job.unicast_inputs == 1 && job.kernel_width == 3 && job.kernel_height == 3 &&
                  job.stride_x == 1 && job.stride_y == 1),
        layout_(job, blocks_.front().width, blocks_.front().height),
        offsets_(layout_.offsets(job.unicast_inputs)),
        sum_stride_(round_up(layout_.row_length(), kernels_.columns)) {}

  void run() {
    std::vector<Worker> workers;
    workers.reserve(pool_.threads());
    for (unsigned i = 0; i < pool_.threads(); ++i) {
      workers.emplace_back(*this, i);
    }
    for_each(job_.output_channels * blocks_.size(), [&](std::size_t task, unsigned index) {
      multiply(static_cast<std::uint32_t>(task / blocks_.size()), blocks_[task % blocks_.size()], workers[index]);
    });
  }

 private:
  static constexpr std::size_t kBlockFloats = std::size_t{1} << 13;

  struct alignas(kApart) Worker {
    Worker(const UnicastRun& run, unsigned number) {
      const std::size_t row_floats = 2 * std::size_t{run.job_.input_width};
      const std::size_t source_floats = run.layout_.buffer_floats(run.job_.unicast_inputs, run.kernels_.columns);
      const std::size_t sum_floats = run.blocks_.front().height * run.sum_stride_ + run.kernels_.columns;
      Buffers buffers(run.pool_, number, {row_floats, run.taps_, source_floats, sum_floats});
      row = buffers.take(row_floats);
      weights = buffers.take(run.taps_);
      source = buffers.take(source_floats);
      sums = buffers.take(sum_floats);
      std::fill_n(source, source_floats, 0.0F);
    }
    float *row = nullptr, *weights = nullptr, *source = nullptr, *sums = nullptr;
    std::uint32_t channel = std::numeric_limits<std::uint32_t>::max();
    float sum_of_weights = 0;
  };

  void multiply(std::uint32_t channel, const MacBlock& block, Worker& worker) const {
    if (worker.channel != channel) {
      worker.sum_of_weights = pack_weights(channel, 1, 1, worker.weights);
      worker.channel = channel;
    }
    float* const source = worker.source;
    float largest = 0;
    for (std::uint32_t i = 0; i < job_.unicast_inputs; ++i) {
      largest = std::max(largest, layout_.fill(kernels_, channel * job_.unicast_inputs + i, block,
                                               source + i * layout_.channel_floats(), worker.row));
    }
    const MacArithmetic model = arithmetic(worker.sum_of_weights, largest);
    if (by_plane_) {
      kernels_.ideal_3x3(
          {worker.weights, source, layout_.row_length(), worker.sums, sum_stride_, block.width, block.height});
      write_rows(channel, block.y, block.x, block.width, block.height, worker.sums, sum_stride_);
      return;
    }
    const std::size_t columns = layout_.columns(block);
    for (std::size_t j = 0; j < columns; j += kernels_.columns) {
      kernels_.add(model, {1, taps_, worker.weights, source + j, offsets_.data(), worker.sums + j, 0, true});
    }
    if (model == MacArithmetic::h13_clamped) {
      finish_clamp(worker.sums, columns);
    }
    write_columns(layout_, block, channel, 0, columns, worker.sums);
  }

  const std::vector<MacBlock> blocks_;
  const bool by_plane_;  ///< The 3x3 kernel does it.
  const SourceLayout layout_;
  const std::vector<std::uint32_t> offsets_;
  const std::size_t sum_stride_;
};

}  // namespace

void multiply_accumulate(const MacJob& job, WorkerPool& pool) {
  if (job.unicast_inputs != 0) {
    UnicastRun(job, pool).run();
  } else if (FewRun::fits(job)) {
    FewRun(job, pool).run();
  } else {
    DenseRun(job, pool).run();
  }
}

}  // namespace openane
