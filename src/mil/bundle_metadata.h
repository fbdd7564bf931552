// `metadata.json` of a compiled bundle: what the model is, for people and tools (facts/coreml-model.md, section 8).
//
// Evidence: the eleven bundles of the corpus, and those of DuoduoChubbyKitty/AuroraDrive (models/, op sets ios15 to
// ios18, images, a classifier), all written by Apple's compilers 3402 to 3520. What no real file shows is left out of
// ours, never guessed. Apple's order of keys is that of a hash table; ours is by name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "openane/mil_model.h"

namespace openane::mil {

/// Apple's compiler takes the `classify` that ends a classifier out of its text. Puts it back behind the one result of
/// the function, with the labels of the bundle's `metadata.json`. Nothing happens to programs that are no classifiers,
/// or still end in one; false when the labels are not to be had: no `metadata.json`, several results, another number.
[[nodiscard]] bool restore_classify(Model& model, std::span<const std::uint8_t> metadata);

/// The file for a bundle `bundle_name`.mlmodelc.
[[nodiscard]] std::string format_bundle_metadata(const Model& model, std::string_view bundle_name);

}  // namespace openane::mil
