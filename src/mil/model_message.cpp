#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "openane/mil_model.h"

namespace openane::mil {
namespace {

using google::protobuf::io::CodedInputStream;

struct KindName {
  std::uint32_t number;
  std::string_view name;
};

constexpr KindName kKinds[] = {{200, "pipelineClassifier"},
                               {201, "pipelineRegressor"},
                               {202, "pipeline"},
                               {300, "glmRegressor"},
                               {301, "supportVectorRegressor"},
                               {302, "treeEnsembleRegressor"},
                               {303, "neuralNetworkRegressor"},
                               {304, "bayesianProbitRegressor"},
                               {400, "glmClassifier"},
                               {401, "supportVectorClassifier"},
                               {402, "treeEnsembleClassifier"},
                               {403, "neuralNetworkClassifier"},
                               {404, "kNearestNeighborsClassifier"},
                               {500, "neuralNetwork"},
                               {501, "itemSimilarityRecommender"},
                               {502, "mlProgram"},
                               {555, "customModel"},
                               {556, "linkedModel"},
                               {560, "classConfidenceThresholding"},
                               {600, "oneHotEncoder"},
                               {601, "imputer"},
                               {602, "featureVectorizer"},
                               {603, "dictVectorizer"},
                               {604, "scaler"},
                               {606, "categoricalMapping"},
                               {607, "normalizer"},
                               {609, "arrayFeatureExtractor"},
                               {610, "nonMaximumSuppression"},
                               {900, "identity"},
                               {2000, "textClassifier"},
                               {2001, "wordTagger"},
                               {2002, "visionFeaturePrint"},
                               {2003, "soundAnalysisPreprocessing"},
                               {2004, "gazetteer"},
                               {2005, "wordEmbedding"},
                               {2006, "audioFeaturePrint"},
                               {3000, "serializedModel"}};

constexpr std::uint32_t kVersionField = 1;
constexpr std::uint32_t kDescriptionField = 2;
constexpr std::uint32_t kUpdatableField = 10;

/// One field of the top level: where it starts, its number, and its content.
struct TopField {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint32_t number = 0;
  std::uint32_t wire_type = 0;
  std::uint64_t varint = 0;
  std::uint64_t content_begin = 0;
};

Result<TopField> read_field(CodedInputStream& stream, std::uint64_t size) {
  TopField field;
  field.begin = static_cast<std::uint64_t>(stream.CurrentPosition());
  const std::uint32_t tag = stream.ReadTagNoLastTag();
  field.number = tag >> 3;
  field.wire_type = tag & 7;
  bool read = field.number != 0;
  std::uint32_t length = 0;
  switch (field.wire_type) {
    case 0:
      read = read && stream.ReadVarint64(&field.varint);
      break;
    case 1:
      read = read && stream.Skip(8);
      break;
    case 2:
      read = read && stream.ReadVarint32(&length);
      field.content_begin = static_cast<std::uint64_t>(stream.CurrentPosition());
      read = read && length <= size - field.content_begin && stream.Skip(static_cast<int>(length));
      break;
    case 5:
      read = read && stream.Skip(4);
      break;
    default:
      read = false;
  }
  if (!read) {
    return fail_at(field.begin, "not a Core ML model: no protobuf field here, or one that passes the end of the file");
  }
  field.end = static_cast<std::uint64_t>(stream.CurrentPosition());
  return field;
}

class MessageReader {
 public:
  explicit MessageReader(const Bytes& file) : file_(file) {}

  Result<ModelMessage> read() {
    if (file_.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
      return fail(ErrorCategory::unsupported, "protobuf files of 2 GiB and more cannot be read");
    }
    CodedInputStream stream(file_.data(), static_cast<int>(file_.size()));
    while (static_cast<std::size_t>(stream.CurrentPosition()) < file_.size()) {
      OPENANE_TRY(const TopField field, read_field(stream, file_.size()));
      OPENANE_CHECK(take(field));
    }
    if (message_.specification_version < 1 || message_.specification_version > 1000) {
      return fail(ErrorCategory::malformed_input,
                  fmt::format("not a Core ML model: specification version {}", message_.specification_version));
    }
    if (message_.kind == 0) {
      return fail(ErrorCategory::malformed_input, "a Core ML model without a model in it: no field from 200 to 3000");
    }
    return std::move(message_);
  }

 private:
  Result<void> take(const TopField& field) {
    const Bytes content =
        field.wire_type == 2 ? file_.slice(field.content_begin, field.end - field.content_begin) : Bytes();
    if (field.number == kVersionField && field.wire_type == 0) {
      message_.specification_version = static_cast<std::int32_t>(field.varint);
    } else if (field.number == kUpdatableField && field.wire_type == 0) {
      message_.is_updatable = field.varint != 0;
    } else if (field.number == kDescriptionField && field.wire_type == 2) {
      OPENANE_TRY(message_.description, parse_description(content, &message_.losses));
    } else if (field.wire_type == 2 && !model_kind_name(field.number).empty()) {
      if (message_.kind != 0) {
        return fail_at(field.begin, fmt::format("a second model in one file: {} after {}",
                                                model_kind_name(field.number), model_kind_name(message_.kind)));
      }
      message_.kind = field.number;
      message_.payload = content;
    } else {
      const auto raw = file_.span().subspan(field.begin, field.end - field.begin);
      message_.unknown.insert(message_.unknown.end(), raw.begin(), raw.end());
    }
    return {};
  }

  const Bytes& file_;
  ModelMessage message_;
};

void put_varint(std::vector<std::uint8_t>& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

void put_number(std::vector<std::uint8_t>& out, std::uint32_t field, std::uint64_t value) {
  put_varint(out, field << 3);
  put_varint(out, value);
}

void put_bytes(std::vector<std::uint8_t>& out, std::uint32_t field, std::span<const std::uint8_t> bytes) {
  put_varint(out, (field << 3) | 2);
  put_varint(out, bytes.size());
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

std::string_view model_kind_name(std::uint32_t kind) {
  const auto* row = std::ranges::find(kKinds, kind, &KindName::number);
  return row == std::end(kKinds) ? std::string_view() : row->name;
}

Result<ModelMessage> parse_model_message(const Bytes& file) { return MessageReader(file).read(); }

std::vector<std::uint8_t> format_model_message(const ModelMessage& message) {
  std::vector<std::uint8_t> out;
  put_number(out, kVersionField, static_cast<std::uint64_t>(message.specification_version));
  put_bytes(out, kDescriptionField, format_description(message.description));
  if (message.is_updatable) {
    put_number(out, kUpdatableField, 1);
  }
  if (message.kind != 0) {
    put_bytes(out, message.kind, message.payload.span());
  }
  out.insert(out.end(), message.unknown.begin(), message.unknown.end());
  return out;
}

}  // namespace openane::mil
