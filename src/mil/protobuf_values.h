// Types and constants between the protobuf form and ours. Each way of storing elements is one row of
// `DataTypeInfo::field`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mil/byte_arena.h"
#include "mil/ml_program.pb.h"
#include "openane/error.h"
#include "openane/mil_type.h"
#include "openane/mil_value.h"

namespace openane::mil {

/// What was read but has no place in a program, each kind once.
class Losses {
 public:
  void add(std::string line);
  [[nodiscard]] std::vector<std::string> take() { return std::move(lines_); }

 private:
  std::vector<std::string> lines_;
};

class ValueReader {
 public:
  [[nodiscard]] Result<Type> type(const wire::Type& message);
  [[nodiscard]] Result<Value> value(const wire::Value& message);
  [[nodiscard]] Losses& losses() { return losses_; }

 private:
  [[nodiscard]] Result<Type> tensor_type(const wire::TensorType& message);
  [[nodiscard]] Result<Value> immediate(const Type& type, const wire::Immediate& message);
  [[nodiscard]] Result<Value> tensor(const Type& type, const wire::TensorData& message);
  [[nodiscard]] Result<Value> packed_tensor(const Type& type, const std::string& bytes);
  template <typename Numbers>
  [[nodiscard]] Result<Value> number_tensor(const Type& type, const Numbers& numbers);
  [[nodiscard]] Result<std::vector<Value>> values(const wire::Values& message);

  ByteArena arena_;
  Losses losses_;
};

/// Writing fails only for what no reader would accept: a value without a type, messages nested deeper than 100.
class ValueWriter {
 public:
  static constexpr int kMaxDepth = 100;
  [[nodiscard]] static Result<void> check_depth(int depth);
  [[nodiscard]] Result<void> type(const Type& type, wire::Type& message, int depth) const;
  [[nodiscard]] Result<void> value(const Value& value, wire::Value& message, int depth) const;

 private:
  [[nodiscard]] Result<void> immediate(const Value& value, wire::Immediate& message, int depth) const;
  [[nodiscard]] Result<void> values(std::span<const Value> values, wire::Values& message, int depth) const;
};

}  // namespace openane::mil
