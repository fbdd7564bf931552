#include "hwx/build_hwx.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/byte_reader.h"
#include "base/quote.h"
#include "base/saturating.h"
#include "hwx/event_counts.h"
#include "hwx/format.h"
#include "hwx/kernel_symbols.h"

namespace openane::hwx {
namespace {

constexpr std::uint64_t kConstantAlignment = 64;
constexpr std::uint64_t kEmptyConstantBytes =
    kPage;  ///< Compilers write a page of zeros when a program has no constants.
constexpr std::string_view kOutputSuffix = "@output";

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCategory::unsupported, "HWX cannot hold this program: " + std::move(message));
}

struct PlannedSection {
  std::string name;
  SectionType type = SectionType::text;
  std::uint64_t address = 0, size = 0;
  std::uint32_t alignment = 0;
  std::uint32_t relocation_count = 0;
  std::span<const std::uint8_t> data;  ///< Of file-backed sections.
};

struct PlannedSegment {
  std::string name;
  std::uint32_t protection = 0, flags = 0;
  std::uint64_t address = 0, size = 0;
  bool file_backed = false;
  std::vector<PlannedSection> sections;
  std::uint64_t header = 0;  ///< Where the command was written.
};

/// A piece of address space that holds one tensor; procedures may share it.
struct PlannedBuffer {
  std::string symbol;
  TensorRole role = TensorRole::input;
  std::uint32_t slot = 0;
  std::uint64_t carried_address = 0;  ///< As the program had it; tensors at one address share a buffer.
  std::uint64_t bytes = 0;
  std::uint64_t address = 0;
  std::uint8_t ordinal = 0;
  const TensorBinding* tensor = nullptr;
};

struct SymbolEntry {
  std::string name;
  std::uint8_t type = 0, section = 0;
  std::uint16_t description = 0;
  std::uint64_t value = 0;
};

/// A tag, the size 8 and a value.
struct TlvEntry {
  std::uint32_t tag = 0;
  std::uint64_t value = 0;
};
constexpr std::uint64_t kTlvBytes = 16;

class Builder {
 public:
  Builder(const Program& program, const BuildOptions& options)
      : program_(program), profile_(profile(options.profile)), ident_(options.ident) {}

  Result<std::vector<std::uint8_t>> build() {
    OPENANE_CHECK(check_program());
    OPENANE_TRY(text_, program_.encode_task_section());
    references_ = kernel_references(program_);
    OPENANE_CHECK(check_references());
    OPENANE_CHECK(plan_buffers());
    plan_segments();
    OPENANE_CHECK(assign_addresses());
    write_commands();
    write_tables();
    write_sections();
    return out_.take();
  }

 private:
  Result<void> check_program() {
    if (program_.generation == nullptr) {
      return fail(ErrorCategory::usage, "the program names no generation");
    }
    OPENANE_CHECK(check_generation());
    if (program_.procedures.empty()) {
      return refuse("it has no procedure");
    }
    if (modern() && program_.procedures.size() != 1) {
      return fail(ErrorCategory::missing_specification,
                  fmt::format("an HWX of {} with {} procedures: none was ever published, so where each one's frame and "
                              "tasks stand is not known",
                              program_.generation->id, program_.procedures.size()));
    }
    for (const Procedure& procedure : program_.procedures) {
      OPENANE_CHECK(check_procedure(procedure));
    }
    std::uint32_t in_text = 0;
    for (const ConstantSection& section : program_.constants) {
      in_text += section.slot == 1 ? 1 : 0;
      if (section.slot == 0 || section.slot == 3 || section.slot >= program_.generation->slot_count ||
          section.data.empty()) {
        return refuse(fmt::format("its constants in slot {} have {} bytes", section.slot, section.data.size()));
      }
    }
    if (in_text > 1) {
      return refuse("two sections of constants are in slot 1");
    }
    if (program_.scratch_bytes != 0 && program_.scratch_slot != 3) {
      return refuse(fmt::format("its scratch buffer is in slot {}, expected 3", program_.scratch_slot));
    }
    return {};
  }

  [[nodiscard]] bool modern() const { return program_.generation->program_flavor == kProgramFlavorModern; }

  /// Containers are known for the generations whose program descriptors were published.
  Result<void> check_generation() const {
    const Generation& generation = *program_.generation;
    if (generation.cpu_subtypes.empty() || generation.slot_count == 0 || generation.program_counts.empty()) {
      return fail(ErrorCategory::missing_specification,
                  fmt::format("the program descriptor of {} has not been published, so no HWX can be built for it",
                              generation.id));
    }
    if (modern() && profile_.id != HwxProfile::v9) {
      return fail(
          ErrorCategory::missing_specification,
          fmt::format("HWX files of {} are known from compilers v9 only; choose the profile v9", generation.id));
    }
    return {};
  }

  Result<void> check_procedure(const Procedure& procedure) const {
    const std::string name = quoted(procedure.name);
    const auto same_name = [&](const Procedure& other) { return other.name == procedure.name; };
    if (procedure.name.empty() || procedure.name.find('\0') != std::string::npos ||
        std::ranges::count_if(program_.procedures, same_name) != 1) {
      return refuse(fmt::format("procedure {} needs a name of its own", name));
    }
    if (procedure.tasks.empty()) {
      return refuse(fmt::format("procedure {} has no task", name));
    }
    // A single program begins where the section begins; several have to share it.
    const bool alone = program_.procedures.size() == 1;
    const std::uint32_t begin = procedure.task_base + program_.generation->lead_in_bytes;
    if (procedure.tasks[0].offset < begin ||
        (alone && procedure.tasks[0].offset != program_.generation->lead_in_bytes)) {
      return refuse(fmt::format("the tasks of procedure {} begin at {:#x} of the task section, expected {:#x}", name,
                                procedure.tasks[0].offset, begin));
    }
    for (const TensorBinding& tensor : procedure.tensors) {
      OPENANE_CHECK(check_tensor(procedure, tensor));
    }
    return {};
  }

  Result<void> check_tensor(const Procedure& procedure, const TensorBinding& tensor) const {
    const std::string name = quoted(tensor.name);
    const auto same = [&](const TensorBinding& other) {
      return other.slot == tensor.slot || other.name == tensor.name;
    };
    if (tensor.name.empty() || tensor.name.find('\0') != std::string::npos ||
        tensor.symbol.find('\0') != std::string::npos || std::ranges::count_if(procedure.tensors, same) != 1) {
      return refuse(fmt::format("tensor {} in slot {} needs a name and a slot of its own", name, tensor.slot));
    }
    if (tensor.role == TensorRole::scratch || tensor.slot < program_.generation->first_tensor_slot ||
        tensor.slot >= program_.generation->slot_count) {
      return refuse(fmt::format("tensor {} is {} in slot {}, expected an input or output in slots {} to {}", name,
                                to_string(tensor.role), tensor.slot, program_.generation->first_tensor_slot,
                                program_.generation->slot_count - 1));
    }
    const SurfaceShape& s = tensor.layout.shape;
    for (const std::int64_t extent : {s.n, s.c, s.h, s.w}) {
      if (extent < 1 || extent > 0x7fffffff) {
        return refuse(fmt::format("tensor {} has an extent of {}, expected 1 to 2^31-1", name, extent));
      }
    }
    if (s.d != 1) {
      return refuse(fmt::format("tensor {} has depth {}; where a descriptor says the stride of the depth is not known",
                                name, s.d));
    }
    if (tensor.byte_size() == 0 || tensor.byte_size() >= kMaximumAddressSpace) {
      return refuse(fmt::format("tensor {} takes {:#x} bytes", name, tensor.byte_size()));
    }
    return {};
  }

  Result<void> check_references() const {
    for (const KernelReference& reference : references_) {
      const std::uint64_t size = program_.constants[reference.section].data.size();
      if (reference.value >= size) {
        return refuse(fmt::format("a coefficient stream lies at {:#x} of constants that have {:#x} bytes",
                                  reference.value, size));
      }
    }
    return {};
  }

  [[nodiscard]] std::string name_of(const TensorBinding& tensor) const {
    const bool add = profile_.suffix_in_symbol && tensor.role == TensorRole::output && tensor.symbol == tensor.name &&
                     !tensor.name.ends_with(kOutputSuffix);
    return add ? tensor.name + std::string(kOutputSuffix) : tensor.name;
  }

  /// v4 calls the symbol of an output as the tensor, with the suffix; later compilers leave the suffix out.
  [[nodiscard]] std::string symbol_of(const TensorBinding& tensor) const {
    const std::string name = name_of(tensor);
    std::string symbol = tensor.symbol.empty() ? name : tensor.symbol;
    if (tensor.role != TensorRole::output) {
      return symbol;
    }
    if (profile_.suffix_in_symbol) {
      return name.ends_with(kOutputSuffix) ? name : symbol;
    }
    return symbol.ends_with(kOutputSuffix) ? symbol.substr(0, symbol.size() - kOutputSuffix.size()) : symbol;
  }

  Result<void> plan_buffers() {
    for (const Procedure& procedure : program_.procedures) {
      for (const TensorBinding& tensor : procedure.tensors) {
        const auto same = [&](const PlannedBuffer& b) {
          return tensor.address != 0 && b.carried_address == tensor.address;
        };
        const auto shared = std::ranges::find_if(buffers_, same);
        if (shared != buffers_.end()) {
          shared->bytes = std::max(shared->bytes, tensor.byte_size());
          continue;
        }
        buffers_.push_back(
            {symbol_of(tensor), tensor.role, tensor.slot, tensor.address, tensor.byte_size(), 0, 0, &tensor});
      }
    }
    std::ranges::stable_sort(buffers_, [&](const PlannedBuffer& a, const PlannedBuffer& b) {
      if (!profile_.slot_order && a.role != b.role) {
        return a.role == TensorRole::input;
      }
      return a.slot < b.slot;
    });
    // Section ordinals are bytes: text, constants, scratch and one per tensor.
    if (buffers_.size() + program_.constants.size() > 250) {
      return refuse(fmt::format("it has {} tensors and {} sections of constants, more than a symbol can name",
                                buffers_.size(), program_.constants.size()));
    }
    return {};
  }

  void plan_segments() {
    if (program_.generation->relocation_byte == 0) {
      references_.clear();  // What their relocations look like is not known; nothing is moved without them.
    }
    PlannedSegment text{"__TEXT", 5, references_.empty() ? 4U : 0U, 0, 0, true, {}, 0};
    text.sections.push_back(
        {"__text", SectionType::text, 0, text_.size(), 14, static_cast<std::uint32_t>(references_.size()), text_});
    const auto first = std::ranges::find(program_.constants, 1U, &ConstantSection::slot);
    if (first == program_.constants.end()) {
      no_constants_.resize(kEmptyConstantBytes);
    }
    const std::span<const std::uint8_t> constants =
        first != program_.constants.end() ? first->data.span() : no_constants_;
    text.sections.push_back({"__const", SectionType::kernel, 0, constants.size(), 6, 0, constants});
    if (!profile_.text_last) {
      segments_.push_back(text);
    }
    if (program_.scratch_bytes != 0) {
      segments_.push_back(
          {"__DATA", 3, 4, 0, 0, false, {{"__bss", SectionType::scratch, 0, program_.scratch_bytes, 6, 0, {}}}, 0});
    }
    for (const PlannedBuffer& buffer : buffers_) {
      const bool input = buffer.role == TensorRole::input;
      segments_.push_back({"__FVMLIB",
                           input ? 1U : 2U,
                           6,
                           0,
                           0,
                           false,
                           {{input ? "__const" : "__data",
                             input ? SectionType::input : SectionType::output,
                             0,
                             buffer.bytes,
                             14,
                             0,
                             {}}},
                           0});
    }
    if (profile_.text_last) {
      segments_.push_back(std::move(text));
    }
    std::uint32_t number = 0;
    for (const ConstantSection& section : program_.constants) {
      if (section.slot != 1) {
        segments_.push_back({fmt::format("__KERN_{}", number),
                             1,
                             4,
                             0,
                             0,
                             true,
                             {{fmt::format("__kern_{}", number), SectionType::kernel, 0, section.data.size(), 6, 0,
                               section.data.span()}},
                             0});
        ++number;
      }
    }
  }

  Result<void> assign_addresses() {
    std::uint64_t address = kBaseAddress;
    std::uint8_t ordinal = 0;
    std::size_t buffer = 0;
    for (PlannedSegment& segment : segments_) {
      segment.address = address;
      for (PlannedSection& section : segment.sections) {
        section.address = align_up(address, segment.sections.front().name == section.name ? kPage : kConstantAlignment);
        address = saturating_add(section.address, section.size);
        ++ordinal;
        if (section.type == SectionType::input || section.type == SectionType::output) {
          buffers_[buffer].address = section.address;
          buffers_[buffer++].ordinal = ordinal;
        }
      }
      if (address >= kMaximumAddressSpace) {
        return refuse(
            fmt::format("its parts take more than the {:#x} bytes that any program may use", kMaximumAddressSpace));
      }
      address = align_up(address, kPage);
      segment.size = address - segment.address;
    }
    if (profile_.reference_command == kBufferReference && address > 0xffffffff) {
      return refuse("its parts reach past 4 GiB, where the buffer references of this profile do not reach");
    }
    // Constants in the order of Program::constants.
    for (const ConstantSection& constants : program_.constants) {
      constant_sections_.push_back(find_section(constants.data.span()));
    }
    return {};
  }

  struct Located {
    const PlannedSection* section = nullptr;
    std::uint8_t ordinal = 0;
  };

  [[nodiscard]] Located find_section(std::span<const std::uint8_t> data) const {
    std::uint8_t ordinal = 0;
    for (const PlannedSegment& segment : segments_) {
      for (const PlannedSection& section : segment.sections) {
        ++ordinal;
        if (section.type == SectionType::kernel && section.data.data() == data.data() &&
            section.data.size() == data.size()) {
          return {&section, ordinal};
        }
      }
    }
    return {};
  }

  [[nodiscard]] const PlannedSegment& text_segment() const {
    return *std::ranges::find(segments_, "__TEXT", &PlannedSegment::name);
  }

  void put_name(std::string_view name) {
    out_.put_text(name.substr(0, 16));
    out_.zero_to(out_.size() + 16 - std::min<std::size_t>(name.size(), 16));
  }

  /// Starts a command; `end_command` writes its size.
  void begin_command(std::uint32_t type) {
    command_ = out_.size();
    ++command_count_;
    out_.put(type);
    out_.put(std::uint32_t{0});
  }

  void end_command() {
    out_.align(8);
    out_.patch(command_ + 4, static_cast<std::uint32_t>(out_.size() - command_));
  }

  void put_string(std::string_view text) {
    out_.put_text(text);
    out_.put(std::uint8_t{0});
  }

  void write_commands() {
    out_.put(kMagic);
    out_.put(kCpuType);
    out_.put(program_.generation->cpu_subtypes.front());
    out_.put(kFileType);
    out_.put(std::uint64_t{0});  // Number and size of the commands, below.
    out_.put(kFlags);
    out_.put(std::uint32_t{0});
    PlannedSegment page_zero{"__PAGEZERO", 0, 4, 0, kPage, false, {}, 0};
    write_segment(page_zero);
    for (PlannedSegment& segment : segments_) {
      write_segment(segment);
    }
    for (const PlannedBuffer& buffer : buffers_) {
      write_reference(buffer);
    }
    for (const Procedure& procedure : program_.procedures) {
      write_program(procedure);
    }
    for (const Procedure& procedure : program_.procedures) {
      for (const TensorBinding* tensor : ordered_tensors(procedure)) {
        write_tensor(procedure, *tensor);
      }
    }
    begin_command(kIdent);
    put_string(ident_.empty() ? ident_text(profile_, program_.generation->target, "openane", "model.hwx") : ident_);
    end_command();
    begin_command(kSymtab);
    out_.zero_to(out_.size() + kSymtabCommandSize - 8);
    end_command();
    out_.patch(16, command_count_);
    out_.patch(20, static_cast<std::uint32_t>(out_.size() - kHeaderSize));
  }

  void write_segment(PlannedSegment& segment) {
    segment.header = out_.size();
    begin_command(kSegment);
    put_name(segment.name);
    out_.put(segment.address);
    out_.put(segment.size);
    out_.put(std::uint64_t{0});
    out_.put(segment.file_backed ? segment.size : std::uint64_t{0});
    out_.put(segment.protection);
    out_.put(segment.protection);
    out_.put(static_cast<std::uint32_t>(segment.sections.size()));
    out_.put(segment.flags);
    for (const PlannedSection& section : segment.sections) {
      put_name(section.name);
      put_name(segment.name);
      out_.put(section.address);
      out_.put(section.size);
      out_.put(std::uint32_t{0});
      out_.put(section.alignment);
      out_.put(std::uint32_t{0});
      out_.put(section.relocation_count);
      out_.put(static_cast<std::uint32_t>(section.type) | (section.relocation_count != 0 ? kHasRelocations : 0));
      out_.zero_to(out_.size() + 12);
    }
    end_command();
  }

  void write_reference(const PlannedBuffer& buffer) {
    begin_command(profile_.reference_command);
    const bool wide = profile_.reference_command == kBufferReference64;
    out_.put(wide ? std::uint32_t{0x18} : std::uint32_t{0x14});
    out_.put(std::uint32_t{0});
    if (wide) {
      out_.put(buffer.address);
    } else {
      out_.put(static_cast<std::uint32_t>(buffer.address));
    }
    put_string(buffer.symbol);
    end_command();
  }

  [[nodiscard]] const PlannedBuffer& buffer_of(const TensorBinding& tensor) const {
    const auto same = [&](const PlannedBuffer& b) {
      return b.tensor == &tensor || (tensor.address != 0 && b.carried_address == tensor.address);
    };
    return *std::ranges::find_if(buffers_, same);
  }

  [[nodiscard]] std::vector<TlvEntry> tlvs_of(const Procedure& procedure, const EventCounts& counts) const {
    const TlvEntry cycles{kTlvExeCycles, counts.cycles};
    if (!modern()) {
      return profile_.has_tlvs ? std::vector{cycles} : std::vector<TlvEntry>{};
    }
    const bool several = program_.generation->program_counts.front() > kProgramFieldsModern.minimum_count;
    if (!several) {
      return {cycles};
    }
    const TlvEntry always{kTlvAlways, kTlvAlwaysValue};
    if (program_.scratch_bytes == 0) {
      return {always, cycles};
    }
    return {{kTlvScratch, scratch_used(procedure)}, {kTlvWithScratch, kTlvWithScratchValue}, always, cycles};
  }

  /// Decoded programs of H14 and later always say it.
  [[nodiscard]] std::uint64_t scratch_used(const Procedure& procedure) const {
    return modern() && procedure.scratch_used == 0 ? program_.scratch_bytes : procedure.scratch_used;
  }

  void write_program(const Procedure& procedure) {
    const ProgramFields& fields = modern() ? kProgramFieldsModern : kProgramFields;
    const EventCounts counts = count_events(procedure);
    const std::vector<TlvEntry> tlvs = tlvs_of(procedure, counts);
    begin_command(kThread);
    const std::uint64_t at = command_;
    const std::uint64_t end = tlvs.empty() ? kThreadPayload + std::uint64_t{fields.minimum_count} * 4
                                           : fields.tlv_count + 8 + kTlvBytes * tlvs.size();
    out_.put(program_.generation->program_flavor);
    out_.put(static_cast<std::uint32_t>((end - kThreadPayload) / 4));
    out_.zero_to(at + end);
    write_slots(procedure, at, fields.slot_bytes);
    const PlannedSegment& text = text_segment();
    const std::uint64_t start = procedure.tasks[0].offset - program_.generation->lead_in_bytes;
    out_.patch(at + kTextAddress, text.sections[0].address + start);
    if (modern()) {
      out_.patch(at + kModernFour, std::uint32_t{4});
      out_.patch(at + kModernTextWords, static_cast<std::uint32_t>(text_.size() / 4));
      out_.patch(at + kModernOnes, ~std::uint64_t{0});
      out_.patch(at + kModernFfff, std::uint32_t{0xffff});
    } else {
      out_.patch(at + fields.first_task_words, procedure.tasks[0].task.size_bytes() / 4 - 1);
      out_.patch(at + kProgramFfff, std::uint32_t{0xffff});
    }
    out_.patch(at + fields.task_count, static_cast<std::uint32_t>(procedure.tasks.size()));
    out_.patch(at + fields.name_offset, static_cast<std::uint32_t>(out_.size() - at));
    out_.patch(at + fields.scratch_used, scratch_used(procedure));
    out_.patch(at + fields.debug_events, counts.debug);
    out_.patch(at + fields.log_events, counts.log);
    if (!tlvs.empty()) {
      out_.patch(at + fields.tlv_count, std::uint64_t{tlvs.size()});
    }
    for (std::size_t i = 0; i < tlvs.size(); ++i) {
      const std::uint64_t place = at + fields.tlv_count + 8 + kTlvBytes * i;
      out_.patch(place, tlvs[i].tag);
      out_.patch(place + 4, std::uint32_t{8});
      out_.patch(place + 8, tlvs[i].value);
    }
    put_string(procedure.name);
    end_command();
  }

  void write_slots(const Procedure& procedure, std::uint64_t at, std::uint32_t slot_bytes) {
    const auto put_slot = [&](std::uint32_t slot, std::uint64_t address) {
      out_.patch(at + kSlots + std::uint64_t{slot_bytes} * slot, address);
    };
    const PlannedSegment& text = text_segment();
    put_slot(0, text.sections[0].address + procedure.task_base);
    put_slot(1, text.sections[1].address);
    if (program_.scratch_bytes != 0) {
      put_slot(3, std::ranges::find(segments_, "__DATA", &PlannedSegment::name)->address);
    }
    for (const TensorBinding& tensor : procedure.tensors) {
      put_slot(tensor.slot, buffer_of(tensor).address);
    }
    for (std::size_t i = 0; i < program_.constants.size(); ++i) {
      put_slot(program_.constants[i].slot, constant_sections_[i].section->address);
    }
  }

  /// Inputs, then outputs; v9 sorts the inputs by name.
  [[nodiscard]] std::vector<const TensorBinding*> ordered_tensors(const Procedure& procedure) const {
    std::vector<const TensorBinding*> tensors;
    tensors.reserve(procedure.tensors.size());
    for (const TensorBinding& tensor : procedure.tensors) {
      tensors.push_back(&tensor);
    }
    std::ranges::stable_sort(tensors, [&](const TensorBinding* a, const TensorBinding* b) {
      if (a->role != b->role) {
        return a->role == TensorRole::input;
      }
      return profile_.id == HwxProfile::v9 && a->role == TensorRole::input && a->name < b->name;
    });
    return tensors;
  }

  [[nodiscard]] std::uint64_t extent_of(const TensorBinding& tensor) const {
    if (!profile_.extent_is_footprint || tensor.role != TensorRole::output) {
      return tensor.byte_size();
    }
    const SurfaceShape& shape = tensor.layout.shape;
    const SurfaceStrides& strides = tensor.layout.strides;
    const auto reach = [](std::int64_t extent, std::int64_t stride) {
      return static_cast<std::uint64_t>(extent - 1) * static_cast<std::uint64_t>(stride);
    };
    return reach(shape.n, strides.n) + reach(shape.c, strides.c) + reach(shape.h, strides.h) +
           static_cast<std::uint64_t>(shape.w * strides.w);
  }

  void write_tensor(const Procedure& procedure, const TensorBinding& tensor) {
    begin_command(kThread);
    const std::uint64_t at = command_;
    out_.put(kTensorFlavor);
    out_.put(profile_.tensor_count);
    const std::uint64_t strings = kThreadPayload + std::uint64_t{profile_.tensor_count} * 4;
    out_.zero_to(at + strings);
    const std::string name = name_of(tensor);
    const auto field = [&](std::uint32_t offset, auto value) { out_.patch(at + offset, value); };
    const std::uint64_t name_offset = strings + procedure.name.size() + 1;
    field(kTensorVersion, std::uint32_t{3});
    field(kTensorDirection, tensor.role == TensorRole::output ? kDirectionOutput : kDirectionInput);
    field(kTensorProcedure, static_cast<std::uint32_t>(strings));
    field(kTensorName, static_cast<std::uint32_t>(name_offset));
    field(kTensorType, static_cast<std::uint32_t>(tensor.layout.type));
    const SurfaceShape& s = tensor.layout.shape;
    const std::array<std::int64_t, 5> shape = {s.n, s.c, s.h, s.w, s.d};
    for (std::uint32_t i = 0; i < 5; ++i) {
      field(kTensorShape + 4 * i, static_cast<std::uint32_t>(shape[i]));
    }
    const SurfaceStrides& t = tensor.layout.strides;
    const std::array<std::int64_t, 4> strides_bytes = {t.n, t.c, t.h, t.w};
    for (std::uint32_t i = 0; i < 4; ++i) {
      field(kTensorStrides + 8 * i, strides_bytes[i]);
    }
    field(kTensorTotal, tensor.total_bytes);
    field(kTensorInterleave, tensor.layout.interleave);
    field(kTensorSymbol, static_cast<std::uint32_t>(name_offset + name.size() + 1));
    field(kTensorExtent, extent_of(tensor));
    put_string(procedure.name);
    put_string(name);
    put_string(symbol_of(tensor));
    end_command();
  }

  [[nodiscard]] std::vector<SymbolEntry> collect_symbols() const {
    std::vector<SymbolEntry> symbols;
    for (const KernelSymbol& kernel : kernel_symbols(program_)) {
      const Located& located = constant_sections_[kernel.section];
      symbols.push_back({kernel.name, kSymbolExternal, located.ordinal, 2, located.section->address + kernel.value});
    }
    for (const PlannedBuffer& buffer : buffers_) {
      const std::uint16_t description =
          buffer.role == TensorRole::input ? profile_.input_description : std::uint16_t{0};
      symbols.push_back({buffer.symbol, kSymbolExternal, buffer.ordinal, description, buffer.address});
    }
    for (std::uint32_t i = 0; i < profile_.type_count; ++i) {
      symbols.push_back({std::string(type_string(i)), kSymbolType, 0, 0, 0});
    }
    std::uint32_t type = profile_.type_count + 1;
    for (const PlannedBuffer& buffer : buffers_) {
      symbols.push_back({stab(buffer, type), kSymbolStab, 0, static_cast<std::uint16_t>(type % 32), 0});
      type += 5;
    }
    return symbols;
  }

  /// "name:t11=ar1;0;N;12=s{sN}n:ar1;0;C;13=s{sC}c:ar1;0;H;14=s{sH}h:ar1;0;W;15=s{sW}w:{element type}"
  [[nodiscard]] static std::string stab(const PlannedBuffer& buffer, std::uint32_t type) {
    const SurfaceLayout& layout = buffer.tensor->layout;
    return fmt::format("{}:t{}=ar1;0;{};{}=s{}n:ar1;0;{};{}=s{}c:ar1;0;{};{}=s{}h:ar1;0;{};{}=s{}w:{}", buffer.symbol,
                       type, layout.shape.n, type + 1, layout.strides.n, layout.shape.c, type + 2, layout.strides.c,
                       layout.shape.h, type + 3, layout.strides.h, layout.shape.w, type + 4, layout.strides.w,
                       static_cast<int>(layout.type));
  }

  void write_tables() {
    const std::vector<SymbolEntry> symbols = collect_symbols();
    const std::uint64_t symtab = command_;
    out_.patch(symtab + 8, static_cast<std::uint32_t>(out_.size()));
    out_.patch(symtab + 12, static_cast<std::uint32_t>(symbols.size()));
    std::string strings(1, '\0');
    for (const SymbolEntry& symbol : symbols) {
      out_.put(static_cast<std::uint32_t>(strings.size()));
      out_.put(symbol.type);
      out_.put(symbol.section);
      out_.put(symbol.description);
      out_.put(symbol.value);
      strings += symbol.name;
      strings += '\0';
    }
    out_.patch(symtab + 16, static_cast<std::uint32_t>(out_.size()));
    out_.patch(symtab + 20, static_cast<std::uint32_t>(strings.size()));
    out_.put_text(strings);
    if (references_.empty()) {
      return;
    }
    out_.align(8);
    out_.patch(text_segment().header + kSegmentCommandSize + 56, static_cast<std::uint32_t>(out_.size()));
    for (const KernelReference& reference : references_) {
      out_.put(static_cast<std::uint32_t>(reference.address));
      out_.put((program_.generation->relocation_byte << 24) | constant_sections_[reference.section].ordinal);
    }
  }

  void write_sections() {
    out_.align(kPage);
    for (const PlannedSegment& segment : segments_) {
      if (!segment.file_backed) {
        continue;
      }
      const std::uint64_t begin = out_.size();
      out_.patch(segment.header + 40, begin);
      for (std::size_t i = 0; i < segment.sections.size(); ++i) {
        const PlannedSection& section = segment.sections[i];
        out_.zero_to(begin + (section.address - segment.address));
        out_.patch(segment.header + kSegmentCommandSize + kSectionSize * i + 48,
                   static_cast<std::uint32_t>(out_.size()));
        out_.put_bytes(section.data);
      }
      out_.zero_to(begin + segment.size);
    }
  }

  const Program& program_;
  const Profile& profile_;
  const std::string& ident_;
  std::vector<std::uint8_t> text_;
  std::vector<std::uint8_t> no_constants_;
  std::vector<KernelReference> references_;
  std::vector<PlannedBuffer> buffers_;
  std::vector<PlannedSegment> segments_;
  std::vector<Located> constant_sections_;
  ByteWriter out_;
  std::uint64_t command_ = 0;
  std::uint32_t command_count_ = 0;
};

}  // namespace

Result<std::vector<std::uint8_t>> build_hwx(const Program& program, const BuildOptions& options) {
  return Builder(program, options).build();
}

}  // namespace openane::hwx
