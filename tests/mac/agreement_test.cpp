// The kernels against the models' definition, bit for bit, on every SIMD target this host has.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "emulator/mac.h"
#include "emulator/mac_kernels.h"
#include "emulator/mac_reference.h"

namespace openane {
namespace {

constexpr Numerics kModels[] = {Numerics::ideal, Numerics::h13};

/// What a source element reads as.
float as_read(Half stored, bool relu) {
  const bool special = (stored.bits & 0x7c00U) == 0x7c00U;
  const float value = !special ? to_float(stored) : stored.bits == 0xfc00U ? -65536.0F : 65536.0F;
  return relu && value < 0 ? 0.0F : value;
}

const std::uint8_t* bytes_of(const std::vector<Half>& halves) {
  return reinterpret_cast<const std::uint8_t*>(halves.data());
}

/// A job with its data.
struct Case {
  MacJob job;
  std::vector<Half> source;    // [channel][row][x]
  std::vector<float> weights;  // [output channel][tap]
  std::size_t row_elements = 0, plane_elements = 0;
  std::string name;

  Case(MacJob shape, std::size_t extra_row_elements = 0)
      : job(std::move(shape)),
        row_elements(job.input_width + extra_row_elements),
        plane_elements(row_elements * job.input_height) {
    source.resize(plane_elements * job.input_channels + 1);
    weights.resize(job.taps() * job.output_channels, 1.0F);
  }

  [[nodiscard]] float element(std::uint32_t channel, std::int64_t y, std::int64_t x) const {
    if (y < 0 || x < 0 || y >= job.input_height || x >= job.input_width) {
      return 0;
    }
    return as_read(
        source[channel * plane_elements + static_cast<std::size_t>(y) * row_elements + static_cast<std::size_t>(x)],
        job.input_relu);
  }

  [[nodiscard]] std::vector<float> expected() const {
    std::vector<float> sums, terms(job.taps());
    const std::uint32_t inputs = job.unicast_inputs == 0 ? job.input_channels : job.unicast_inputs;
    for (std::uint32_t channel = 0; channel < job.output_channels; ++channel) {
      const auto w = std::span(weights).subspan(channel * terms.size(), terms.size());
      for (std::uint32_t y = 0; y < job.output_height; ++y) {
        for (std::uint32_t x = 0; x < job.output_width; ++x) {
          std::size_t k = 0;
          for (std::uint32_t ci = 0; ci < inputs; ++ci) {
            for (std::uint32_t ky = 0; ky < job.kernel_height; ++ky) {
              for (std::uint32_t kx = 0; kx < job.kernel_width; ++kx) {
                terms[k++] =
                    element(channel * job.unicast_inputs + ci, std::int64_t{y} * job.stride_y + ky - job.pad_top,
                            std::int64_t{x} * job.stride_x + kx - job.pad_left);
              }
            }
          }
          sums.push_back(mac_reference(job.numerics, terms, w));
        }
      }
    }
    return sums;
  }

  void give_weights(std::uint32_t first, std::uint32_t count, std::size_t stride, float* out) const {
    for (std::size_t tap = 0; tap < job.taps(); ++tap) {
      for (std::size_t i = 0; i < count; ++i) {
        out[tap * stride + i] = weights[(first + i) * job.taps() + tap];
      }
    }
  }

  /// Runs the kernels, with the source in memory (at an odd address) or through the callback.
  [[nodiscard]] std::vector<float> computed(WorkerPool& pool, bool in_memory) const {
    MacJob run = job;
    std::vector<std::uint8_t> bytes(source.size() * 2 + 1);
    std::memcpy(bytes.data() + 1, source.data(), source.size() * 2);
    if (in_memory) {
      run.source = bytes.data() + 1;
      run.row_stride = static_cast<std::ptrdiff_t>(row_elements * 2);
      run.channel_stride = static_cast<std::ptrdiff_t>(plane_elements * 2);
    } else {
      run.read_row = [&](std::uint32_t channel, std::uint32_t y, float* out) {
        for (std::uint32_t x = 0; x < job.input_width; ++x) {
          out[x] = element(channel, y, x);
        }
      };
    }
    run.read_weights = [&](std::uint32_t first, std::uint32_t count, std::size_t stride, float* out) {
      give_weights(first, count, stride, out);
    };
    std::vector<float> sums(std::size_t{job.output_channels} * job.output_height * job.output_width);
    std::vector<std::atomic<int>> written(sums.size());
    run.write = [&](std::uint32_t channel, std::uint32_t y, std::uint32_t x, std::uint32_t count, const float* from) {
      const std::size_t at = (std::size_t{channel} * job.output_height + y) * job.output_width + x;
      std::copy_n(from, count, sums.begin() + static_cast<std::ptrdiff_t>(at));
      for (std::size_t i = at; i < at + count; ++i) {
        ++written[i];
      }
    };
    multiply_accumulate(run, pool);
    for (const std::atomic<int>& times : written) {
      EXPECT_EQ(times, 1);
    }
    return sums;
  }

  /// Lets the kernels finish the results themselves, in memory with room between rows and channels, and compares; what
  /// lies between must stay as it was.
  [[nodiscard]] bool finishes(WorkerPool& pool, const std::vector<float>& reference) const {
    constexpr std::uint16_t kUntouched = 0x5a5a;
    const std::size_t row = job.output_width + 3, plane = row * job.output_height + 5;
    std::vector<std::uint16_t> halves(plane * job.output_channels, kUntouched), expected = halves;
    std::vector<float> biases;
    for (std::uint32_t channel = 0; channel < job.output_channels; ++channel) {
      biases.push_back(static_cast<float>(channel % 7) - 3);
    }
    MacJob run = job;
    run.source = bytes_of(source);
    run.row_stride = static_cast<std::ptrdiff_t>(row_elements * 2);
    run.channel_stride = static_cast<std::ptrdiff_t>(plane_elements * 2);
    run.read_weights = [&](std::uint32_t first, std::uint32_t count, std::size_t stride, float* out) {
      give_weights(first, count, stride, out);
    };
    run.result = halves.data();
    run.result_row_stride = static_cast<std::ptrdiff_t>(row * 2);
    run.result_channel_stride = static_cast<std::ptrdiff_t>(plane * 2);
    run.accumulator_bias = 0.25F;
    run.scale = job.output_channels % 5 == 0 ? 0.0F : 0.75F;
    run.relu = job.input_relu;
    if (job.output_channels % 3 != 0) {
      run.biases = biases;
    }
    multiply_accumulate(run, pool);
    std::size_t i = 0;
    for (std::uint32_t channel = 0; channel < job.output_channels; ++channel) {
      for (std::uint32_t y = 0; y < job.output_height; ++y) {
        for (std::uint32_t x = 0; x < job.output_width; ++x, ++i) {
          const float bias = run.biases.empty() ? -0.0F : biases[channel];
          float value = run.scale == 0 ? 0 : ((reference[i] + bias) + run.accumulator_bias) * run.scale;
          value = run.relu && !(value > 0) ? 0 : value;
          expected[channel * plane + y * row + x] = to_half(value).bits;
        }
      }
    }
    const auto different = std::mismatch(halves.begin(), halves.end(), expected.begin());
    if (different.first != halves.end()) {
      ADD_FAILURE() << name << " on " << mac_kernels().target << ", result " << different.first - halves.begin() << ": "
                    << *different.first << ", expected " << *different.second;
      return false;
    }
    return true;
  }

  /// Compares on the current SIMD target; false at the first difference, which is printed with its terms.
  [[nodiscard]] bool agrees(WorkerPool& pool, bool in_memory, const std::vector<float>& reference) const {
    const std::vector<float> sums = computed(pool, in_memory);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const float a = reference[i], b = sums[i];
      if (a != b || std::signbit(a) != std::signbit(b)) {
        ADD_FAILURE() << name << " on " << mac_kernels().target << ", " << pool.threads() << " threads, output " << i
                      << ": kernel " << std::hexfloat << b << ", reference " << a;
        return false;
      }
    }
    return true;
  }
};

/// Runs `check` with each SIMD target in turn as the host's best.
template <class Check>
void on_every_target(Check check) {
  hwy::SetSupportedTargetsForTest(0);
  const std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  for (const std::int64_t target : targets) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

/// Values where truncation, cancellation, the clamp or the flush decide.
const std::vector<float>& adversarial() {
  static const std::vector<float> values = [] {
    std::vector<float> all = {
        0,     1,     2047.0F, 2048,     4090,         4096,     4098,          0x1.ffcp10F, 16384,      32752,
        32768, 65504, 65536,   0x1p-14F, 0x1.ffcp-15F, 0x1p-24F, 0.3330078125F, 0x1.554p-3F, 0x1.ffcp-1F};
    const std::size_t count = all.size();
    for (std::size_t i = 1; i < count; ++i) {
      all.push_back(-all[i]);
    }
    return all;
  }();
  return values;
}

Half half_of(float value) {
  return std::fabs(value) == 65536.0F ? Half{value > 0 ? std::uint16_t{0x7c00} : std::uint16_t{0xfc00}}
                                      : to_half(value);
}

enum class Values { any_bits, moderate, cancelling, adversarial };

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
  std::uint32_t between(std::uint32_t low, std::uint32_t high) { return low + below(high - low + 1); }

  Half element(Values values) {
    switch (values) {
      case Values::any_bits:
        return {static_cast<std::uint16_t>(random_())};
      case Values::moderate:
        return to_half(static_cast<float>(static_cast<std::int32_t>(random_())) * 0x1p-30F);
      case Values::cancelling: {
        static constexpr float kPattern[] = {4096, -4096, 1, 0.125F, 3000, -3000, -1};
        return to_half(kPattern[below(7)]);
      }
      case Values::adversarial:
        break;
    }
    return half_of(adversarial()[below(static_cast<std::uint32_t>(adversarial().size()))]);
  }

  float weight(Values values) {
    if (below(3) == 0) {
      return static_cast<float>(below(256)) - 128.0F;  // int8
    }
    const Half half = element(values);
    return (half.bits & 0x7c00U) == 0x7c00U ? 1.0F : to_float(half);
  }

  Case random_case(std::uint32_t largest_extent) {
    MacJob job;
    job.numerics = kModels[below(2)];
    job.kernel_width = between(1, 5);
    job.kernel_height = between(1, 5);
    job.stride_x = between(1, 3);
    job.stride_y = between(1, 3);
    job.pad_left = below(job.kernel_width + 1);
    job.pad_top = below(job.kernel_height + 1);
    job.input_width = between(1, largest_extent);
    job.input_height = between(1, largest_extent);
    job.output_width = between(1, (job.input_width + job.pad_left) / job.stride_x + 2);
    job.output_height = between(1, (job.input_height + job.pad_top) / job.stride_y + 2);
    job.output_channels = between(1, 21);
    job.input_channels = between(1, 13);
    if (below(3) == 0) {
      job.unicast_inputs = between(1, 3);
      job.input_channels = job.unicast_inputs * job.output_channels;
    }
    if (below(4) == 0) {
      job.kernel_width = job.kernel_height = 1;
    }
    job.input_relu = below(4) == 0;
    Case random(job, below(3));
    const auto values = static_cast<Values>(below(4));
    for (Half& half : random.source) {
      half = element(values);
    }
    for (float& value : random.weights) {
      value = weight(values);
    }
    return random;
  }

 private:
  std::mt19937 random_;
};

TEST(MacAgreement, RandomJobs) {
  WorkerPool one(1), three(3);
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    Generator generator(seed);
    Case random = generator.random_case(seed % 10 == 0 ? 70 : 17);
    random.name = "seed " + std::to_string(seed);
    const std::vector<float> reference = random.expected();
    bool good = true;
    on_every_target(
        [&] { good = good && random.agrees(one, true, reference) && random.agrees(three, false, reference); });
    ASSERT_TRUE(good);
  }
}

/// Every sequence of four terms out of the adversarial values.
TEST(MacAgreement, AllTilesOfAdversarialValues) {
  const std::vector<float>& values = adversarial();
  const auto count = static_cast<std::uint32_t>(values.size());
  for (const bool weighted : {false, true}) {
    MacJob job;
    job.numerics = Numerics::h13;
    job.input_channels = 4;
    job.input_width = job.output_width = count * count;
    job.input_height = job.output_height = count * count;
    Case tiles(job);
    tiles.name = weighted ? "weights 0.333" : "weights 1";
    for (std::uint32_t i = 0; i < count * count * count * count; ++i) {
      std::uint32_t rest = i;
      for (std::size_t channel = 0; channel < 4; ++channel, rest /= count) {
        tiles.source[channel * tiles.plane_elements + i] = half_of(values[rest % count]);
      }
    }
    if (weighted) {
      tiles.weights = {0.3330078125F, 0.3330078125F, -0.3330078125F, 0x1.554p-3F};
    }
    const std::vector<float> reference = tiles.expected();
    WorkerPool pool(2);
    bool good = true;
    on_every_target([&] { good = good && tiles.agrees(pool, true, reference); });
    ASSERT_TRUE(good);
  }
}

/// Every fp16 bit pattern beside each adversarial value, in both orders, in one tile and in two.
TEST(MacAgreement, AllHalves) {
  const std::vector<float>& values = adversarial();
  for (const std::uint32_t distance : {1U, 4U}) {
    MacJob job;
    job.numerics = Numerics::h13;
    job.input_channels = 1 + 2 * distance;
    job.input_width = job.output_width = 65536;
    job.input_height = job.output_height = static_cast<std::uint32_t>(values.size());
    Case pairs(job);
    pairs.name = "distance " + std::to_string(distance);
    for (std::uint32_t y = 0; y < job.input_height; ++y) {
      for (std::uint32_t x = 0; x < 65536; ++x) {
        const std::size_t at = std::size_t{y} * 65536 + x;
        pairs.source[at] = half_of(values[y]);
        pairs.source[distance * pairs.plane_elements + at] = {static_cast<std::uint16_t>(x)};
        pairs.source[2 * distance * pairs.plane_elements + at] = half_of(-values[y]);
      }
    }
    std::fill(pairs.weights.begin(), pairs.weights.end(), 0x1.554p-1F);
    const std::vector<float> reference = pairs.expected();
    WorkerPool pool(2);
    bool good = true;
    on_every_target([&] { good = good && pairs.agrees(pool, true, reference); });
    ASSERT_TRUE(good);
  }
}

/// Long sums, across the blocks in which the kernels take them, with and without clamp.
TEST(MacAgreement, LongSums) {
  for (const Numerics numerics : kModels) {
    for (const float scale : {0.01F, 1.0F, 30.0F}) {
      MacJob job;
      job.numerics = numerics;
      job.input_channels = 1031;
      job.output_channels = 19;
      job.input_width = job.output_width = 101;
      Case sums(job);
      sums.name = std::string(numerics == Numerics::h13 ? "h13" : "ideal") + ", scale " + std::to_string(scale);
      Generator generator(7);
      for (Half& half : sums.source) {
        half = to_half(to_float(generator.element(Values::moderate)) * scale);
      }
      for (float& weight : sums.weights) {
        weight = to_float(generator.element(Values::moderate));
      }
      const std::vector<float> reference = sums.expected();
      WorkerPool pool(2);
      bool good = true;
      on_every_target(
          [&] { good = good && sums.agrees(pool, true, reference) && sums.agrees(pool, false, reference); });
      ASSERT_TRUE(good);
    }
  }
}

/// Channels and positions enough for several groups of weights and several blocks of source.
TEST(MacAgreement, SeveralBlocks) {
  MacJob job;
  job.numerics = Numerics::ideal;
  job.input_channels = 2048;
  job.output_channels = 1100;
  job.input_width = job.output_width = 330;
  Case product(job);
  product.name = "2048 -> 1100, 330 positions";
  Generator generator(11);
  for (Half& half : product.source) {
    half = generator.element(Values::moderate);
  }
  for (float& weight : product.weights) {
    weight = to_float(generator.element(Values::moderate));
  }
  WorkerPool one(1), two(2);
  const std::vector<float> sums = product.computed(two, true);
  EXPECT_EQ(sums, product.computed(one, true));
  std::vector<float> terms(2048);
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const std::uint32_t channel = generator.below(1100), x = generator.below(330);
    for (std::uint32_t k = 0; k < 2048; ++k) {
      terms[k] = product.element(k, 0, x);
    }
    const auto weights = std::span(product.weights).subspan(std::size_t{channel} * 2048, 2048);
    ASSERT_EQ(sums[std::size_t{channel} * 330 + x], mac_reference(job.numerics, terms, weights)) << channel << " " << x;
  }
}

/// Sources large enough to be divided among the workers, by rows and by columns.
TEST(MacAgreement, BlocksOfWorkers) {
  struct Extents {
    std::uint32_t inputs, outputs, width, height, kernel, stride, pad;
  };
  constexpr Extents kCases[] = {
      {24, 20, 75, 61, 3, 1, 1}, {16, 70, 90, 80, 3, 2, 0}, {64, 40, 1500, 1, 1, 1, 0}, {5, 9, 700, 3, 3, 1, 1}};
  WorkerPool one(1), two(2), five(5);
  for (const Extents& extents : kCases) {
    MacJob job;
    job.numerics = Numerics::ideal;
    job.input_channels = extents.inputs;
    job.output_channels = extents.outputs;
    job.input_width = extents.width;
    job.input_height = extents.height;
    job.kernel_width = job.kernel_height = extents.kernel;
    job.stride_x = job.stride_y = extents.stride;
    job.pad_left = job.pad_top = extents.pad;
    job.output_width = (extents.width + 2 * extents.pad - extents.kernel) / extents.stride + 1;
    job.output_height = (extents.height + 2 * extents.pad - extents.kernel) / extents.stride + 1;
    Case large(job);
    large.name = std::to_string(extents.width) + " x " + std::to_string(extents.height);
    Generator generator(13);
    for (Half& half : large.source) {
      half = generator.element(Values::moderate);
    }
    for (float& weight : large.weights) {
      weight = to_float(generator.element(Values::moderate));
    }
    const std::vector<float> reference = large.expected();
    for (WorkerPool* pool : {&one, &two, &five}) {
      EXPECT_TRUE(large.agrees(*pool, true, reference)) << pool->threads() << " threads";
      EXPECT_TRUE(large.agrees(*pool, false, reference)) << pool->threads() << " threads";
    }
  }
}

TEST(MacAgreement, NoWeightsAreOnes) {
  MacJob job;
  job.numerics = Numerics::h13;
  job.input_channels = 77;
  job.input_width = job.output_width = 50;
  Case sum(job);
  Generator generator(3);
  for (Half& half : sum.source) {
    half = generator.element(Values::moderate);
  }
  MacJob run = sum.job;
  run.source = bytes_of(sum.source);
  run.channel_stride = 100;
  std::vector<float> sums(50);
  run.write = [&](std::uint32_t, std::uint32_t, std::uint32_t x, std::uint32_t count, const float* from) {
    std::copy_n(from, count, sums.begin() + x);
  };
  WorkerPool pool(2);
  multiply_accumulate(run, pool);
  EXPECT_EQ(sums, sum.expected());
}

/// The conversion itself: every fp16, at every alignment within a vector.
TEST(MacKernels, ReadHalf) {
  std::vector<Half> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].bits = static_cast<std::uint16_t>(i);
  }
  on_every_target([&] {
    const MacKernels kernels = mac_kernels();
    for (const bool relu : {false, true}) {
      for (std::size_t first = 0; first < 3; ++first) {
        std::vector<float> read(all.size() - first);
        kernels.read_half(reinterpret_cast<const std::uint8_t*>(all.data() + first), read.size(), relu, read.data());
        for (std::size_t i = 0; i < read.size(); ++i) {
          ASSERT_EQ(read[i], as_read(all[i + first], relu)) << kernels.target << ", " << i + first;
        }
      }
    }
  });
}

}  // namespace
}  // namespace openane
