// A call of a kernel as the executor makes it: arguments come from the step's operands, results go to its variables.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "reference/call.h"
#include "reference/execution.h"

namespace openane::reference {

class KernelCall final : public Call {
 public:
  KernelCall(Execution& execution, const Step& step);

  [[nodiscard]] const mil::OpInfo& info() const override { return *step_.info; }
  [[nodiscard]] const mil::Signature& signature() const override { return *step_.signature; }
  [[nodiscard]] Precision precision() const override;
  [[nodiscard]] unsigned threads() const override;

  [[nodiscard]] bool has(std::string_view name) const override;
  [[nodiscard]] const Array& array(std::string_view name) const override;
  [[nodiscard]] bool is_constant(std::string_view name) const override;
  [[nodiscard]] bool is_channels_last(std::string_view name) const override;
  [[nodiscard]] bool gives_channels_last() const override { return execution_.is_channels_last(output(0)); }
  [[nodiscard]] std::optional<Bounds<double>> bounds() const override;
  [[nodiscard]] std::span<const Array> arrays(std::string_view name) const override;
  [[nodiscard]] Result<mil::Value> stored(std::string_view name) const override;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name) const override;
  [[nodiscard]] std::optional<double> number(std::string_view name) const override;
  [[nodiscard]] std::optional<bool> boolean(std::string_view name) const override;
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const override;
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(std::string_view name) const override;
  [[nodiscard]] std::optional<std::vector<bool>> booleans(std::string_view name) const override;

  [[nodiscard]] std::size_t output_count() const override { return step_.results.size(); }
  [[nodiscard]] const mil::Type& output_type(std::size_t index) const override;
  [[nodiscard]] Result<Array> allocate(std::size_t index, const Shape& shape) override;
  [[nodiscard]] Result<Array> allocate(std::size_t index) override;
  void give(std::size_t index, Array array) override;
  [[nodiscard]] std::uint64_t next_seed() override { return execution_.next_seed(); }

  /// The value of a single-valued argument; null when it is absent.
  [[nodiscard]] const RuntimeValue* value(std::string_view name) const;
  /// Sets the variables of the results. Fails when the kernel has not given all.
  [[nodiscard]] Result<void> finish();

 private:
  struct Default {
    std::string_view name;
    Array array;
  };
  struct Gathered {
    std::string_view name;
    std::vector<Array> arrays;
  };
  [[nodiscard]] std::string_view fallback(std::string_view name) const;
  [[nodiscard]] mil::VariableId output(std::size_t index) const { return step_.results[index]; }

  Execution& execution_;
  const Step& step_;
  std::vector<Array> results_;
  std::vector<const void*> fresh_;  ///< Memory that this call allocated.
  mutable std::deque<Default> defaults_;
  mutable std::deque<Gathered> gathered_;
};

}  // namespace openane::reference
