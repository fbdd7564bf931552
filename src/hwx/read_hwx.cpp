// HWX -> Program: what the parts of the file mean together.
//
// Which tensor a task reads is found in three steps, by name, then address, then slot: the tensor descriptor names a
// symbol, the symbol stands at the address of one FVMLIB section, and that address stands in one slot of the
// procedure's slot table. Positions mean nothing: each compiler orders segments, descriptors and slots in its own way
// (hwx-container.md 8).
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <ranges>
#include <set>

#include "base/byte_reader.h"
#include "base/quote.h"
#include "hwx/event_counts.h"
#include "hwx/parsed.h"
#include "openane/hwx.h"
#include "program/kernel_bases.h"
#include "program/task_warnings.h"

namespace openane {
namespace hwx {
namespace {

/// A section of a __FVMLIB segment with the symbol that names it.
struct Buffer {
  const Section* section = nullptr;
  std::string_view symbol;
};

std::string subtype_name(std::uint32_t subtype) {
  const auto* const family = std::ranges::find(kFamilies, subtype, &Family::subtype);
  if (family == std::end(kFamilies)) {
    return fmt::format("cpu subtype {}, which names no known generation", subtype);
  }
  if (family->name.empty()) {
    return fmt::format("cpu subtype {} (an unnamed generation, task format {})", subtype, family->td_version);
  }
  return fmt::format("generation {} (cpu subtype {}, task format {})", family->name, subtype, family->td_version);
}

/// Flavor of a generation's program threads where it is known, else 0.
std::uint32_t expected_flavor(std::uint32_t subtype) {
  const Generation* generation = find_generation_by_subtype(subtype);
  return generation != nullptr ? generation->program_flavor : 0;
}

class Reader {
 public:
  explicit Reader(const Bytes& file) : file_(file), data_(file.span()) {}

  Result<Parsed> read() {
    OPENANE_TRY(parsed_.image, parse_image(data_, warnings_));
    OPENANE_CHECK(recognise_runtime_container());
    OPENANE_CHECK(parse_threads());
    OPENANE_CHECK(find_sections());
    OPENANE_CHECK(find_buffers());
    OPENANE_CHECK(find_generation());
    for (const ProgramDescriptor& descriptor : parsed_.programs) {
      OPENANE_CHECK(read_procedure(descriptor));
    }
    OPENANE_CHECK(check_every_buffer_is_described());
    OPENANE_CHECK(bind_constants());
    OPENANE_CHECK(check_tasks_do_not_overlap());
    OPENANE_CHECK(check_relocations());
    warn_about_gaps();
    finish();
    return std::move(parsed_);
  }

 private:
  [[nodiscard]] Program& program() { return parsed_.program; }
  [[nodiscard]] const Image& image() const { return parsed_.image; }
  [[nodiscard]] bool single_procedure() const { return parsed_.programs.size() == 1; }

  Result<void> recognise_runtime_container() {
    const bool has_runtime =
        std::ranges::any_of(image().segments, [](const Segment& s) { return s.name == "__RUNTIME"; });
    const bool has_program =
        std::ranges::any_of(image().threads, [](const Thread& t) { return t.flavor != kTensorFlavor; });
    if (has_runtime || (image().subtype == kRuntimeSubtype && !has_program)) {
      return fail(ErrorCategory::not_implemented, fmt::format("this is the runtime container of macOS 27 ({}): it "
                                                              "holds a graph of operations instead of program threads; "
                                                              "only the program containers of earlier systems are read",
                                                              subtype_name(image().subtype)));
    }
    return {};
  }

  Result<void> parse_threads() {
    const std::uint32_t expected = expected_flavor(image().subtype);
    std::uint32_t flavor = 0;
    for (const Thread& thread : image().threads) {
      if (thread.flavor == kTensorFlavor) {
        OPENANE_TRY(TensorDescriptor tensor, parse_tensor_descriptor(data_, thread));
        tensors_.push_back(std::move(tensor));
        continue;
      }
      if ((flavor != 0 && flavor != thread.flavor) || (expected != 0 && expected != thread.flavor)) {
        return fail_at(thread.header + 8,
                       fmt::format("program thread of flavor {}, expected {} for {}", thread.flavor,
                                   expected != 0 ? expected : flavor, subtype_name(image().subtype)));
      }
      flavor = thread.flavor;
      OPENANE_TRY(ProgramDescriptor descriptor, parse_program_descriptor(data_, thread));
      if (std::ranges::find(parsed_.programs, descriptor.name, &ProgramDescriptor::name) != parsed_.programs.end()) {
        return fail_at(thread.header, fmt::format("a second program thread is called {}", quoted(descriptor.name)));
      }
      parsed_.programs.push_back(std::move(descriptor));
    }
    if (parsed_.programs.empty()) {
      return fail_at(kHeaderSize, "no program thread (LC_THREAD of flavor 1 or 4), expected at least one");
    }
    for (const TensorDescriptor& tensor : tensors_) {
      if (std::ranges::find(parsed_.programs, tensor.procedure, &ProgramDescriptor::name) == parsed_.programs.end()) {
        return fail_at(tensor.header + kTensorProcedure,
                       fmt::format("tensor {} belongs to procedure {}, which no program thread has",
                                   quoted(tensor.name), quoted(tensor.procedure)));
      }
    }
    return {};
  }

  Result<void> find_sections() {
    for (const Section& section : image().sections) {
      OPENANE_CHECK(sort_in(section));
    }
    if (parsed_.text == nullptr) {
      return fail_at(kHeaderSize, "no section __TEXT,__text, expected one");
    }
    return {};
  }

  /// Sections are told apart by their type, not by their name: __const occurs both as kernel and as input.
  Result<void> sort_in(const Section& section) {
    const auto name = [&] { return quoted(fmt::format("{},{}", section.segment, section.name)); };
    switch (section.type()) {
      case SectionType::text:
        if (parsed_.text != nullptr) {
          return fail_at(section.header, fmt::format("a second text section {}, expected one", name()));
        }
        if (section.segment != "__TEXT" || section.name != "__text" || !section.file_backed()) {
          return fail_at(
              section.header,
              fmt::format("text section is {} with file offset {:#x}, expected '__TEXT,__text' with file bytes", name(),
                          section.file_offset));
        }
        parsed_.text = &section;
        return {};
      case SectionType::kernel:
        if (!section.file_backed()) {
          return fail_at(section.header + 48, fmt::format("kernel section {} has no file bytes", name()));
        }
        if (section.segment == "__TEXT" &&
            std::ranges::any_of(kernels_, [](const Section* s) { return s->segment == "__TEXT"; })) {
          return fail_at(section.header,
                         fmt::format("a second kernel section {} in '__TEXT', expected at most one", name()));
        }
        kernels_.push_back(&section);
        return {};
      case SectionType::scratch:
        if (scratch_ != nullptr) {
          return fail_at(section.header,
                         fmt::format("a second scratch section {}; programs with several are not read yet", name()),
                         ErrorCategory::not_implemented);
        }
        scratch_ = &section;
        return {};
      case SectionType::input:
      case SectionType::output:
        if (section.size == 0) {
          return fail_at(section.header + 40, fmt::format("tensor section {} is empty", name()));
        }
        buffers_.push_back({&section, {}});
        return {};
      case SectionType::debug:
        return {};
      case SectionType::init:
        warnings_.add(fmt::format("at {:#x}: section {} holds initial values of a buffer; nothing reads them yet",
                                  section.header, name()));
        return {};
      default:
        warnings_.add(fmt::format("at {:#x}: section {} has the unknown type {:#x} and is carried along",
                                  section.header, name(), section.flags & 0xff));
        return {};
    }
  }

  /// Rule H4: one reference and one external symbol, of the same name, for every tensor section.
  Result<void> find_buffers() {
    std::map<std::uint64_t, const BufferReference*> references;
    for (const BufferReference& reference : image().references) {
      if (!references.emplace(reference.address, &reference).second) {
        return fail_at(reference.header + 0x10, fmt::format("a second buffer reference to {:#x}", reference.address));
      }
    }
    std::map<std::uint64_t, const Symbol*> symbols;
    for (const Symbol& symbol : image().symbols) {
      if (symbol.type != kSymbolExternal || symbol.section == 0 || !is_buffer(image().sections[symbol.section - 1U])) {
        continue;
      }
      if (!symbols.emplace(symbol.value, &symbol).second) {
        return fail_at(image().tables_end,
                       fmt::format("a second symbol {} for the tensor at {:#x}", quoted(symbol.name), symbol.value));
      }
    }
    for (Buffer& buffer : buffers_) {
      const std::uint64_t address = buffer.section->address;
      const auto reference = references.find(address);
      const auto symbol = symbols.find(address);
      if (reference == references.end() || symbol == symbols.end()) {
        return fail_at(buffer.section->header,
                       fmt::format("the tensor section at {:#x} has no {}, expected one", address,
                                   reference == references.end() ? "buffer reference" : "external symbol"));
      }
      if (reference->second->name != symbol->second->name) {
        return fail_at(reference->second->header,
                       fmt::format("the buffer reference to {:#x} is called {}, its symbol {}", address,
                                   quoted(reference->second->name), quoted(symbol->second->name)));
      }
      buffer.symbol = symbol->second->name;
    }
    if (references.size() != buffers_.size() || symbols.size() != buffers_.size()) {
      return fail_at(
          kHeaderSize,
          fmt::format("{} tensor sections, {} buffer references and {} tensor symbols, expected one of each per tensor",
                      buffers_.size(), references.size(), symbols.size()));
    }
    return {};
  }

  static bool is_buffer(const Section& section) {
    return section.type() == SectionType::input || section.type() == SectionType::output;
  }

  Result<void> find_generation() {
    const Generation* generation = find_generation_by_subtype(image().subtype);
    program().generation = generation;
    if (generation != nullptr && generation->stream != StreamForm::unknown && generation->header_words != 0) {
      if (generation->grade == Grade::guess) {
        warnings_.add(fmt::format("the task format of {} is a guess", generation->id));
      }
      return {};
    }
    return fail(ErrorCategory::missing_specification,
                fmt::format("the container is sound, but it is for {}, whose task format nobody has published",
                            subtype_name(image().subtype)),
                Location{{}, 8, 0, 0});
  }

  Result<void> read_procedure(const ProgramDescriptor& descriptor) {
    Procedure procedure;
    procedure.name = descriptor.name;
    procedure.scratch_used = descriptor.scratch_used;
    OPENANE_CHECK(check_fixed_slots(descriptor));
    for (const TensorDescriptor& tensor : tensors_) {
      if (tensor.procedure == descriptor.name) {
        OPENANE_TRY(TensorBinding binding, bind_tensor(descriptor, tensor, procedure));
        procedure.tensors.push_back(std::move(binding));
      }
    }
    OPENANE_CHECK(check_other_slots(descriptor));
    OPENANE_CHECK(read_tasks(descriptor, procedure));
    program().procedures.push_back(std::move(procedure));
    return {};
  }

  [[nodiscard]] std::uint64_t slot_header(const ProgramDescriptor& descriptor, std::size_t slot) const {
    return descriptor.header + kSlots + slot * descriptor.fields->slot_bytes;
  }

  /// Rules H7 and H8 for text, constants and scratch.
  Result<void> check_fixed_slots(const ProgramDescriptor& descriptor) {
    const auto expect = [&](std::size_t slot, std::uint64_t address, std::string_view what) -> Result<void> {
      const std::uint64_t value = descriptor.slots[slot];
      if (value != address) {
        return fail_at(slot_header(descriptor, slot),
                       fmt::format("slot {} is {:#x}, expected {:#x} ({})", slot, value, address, what));
      }
      return {};
    };
    const Section& text = *parsed_.text;
    if (single_procedure()) {
      OPENANE_CHECK(expect(0, text.address, "the text section"));
    }
    const std::uint64_t base = descriptor.slots[0];
    const std::uint64_t start = descriptor.text_address;
    if (base < text.address || start < base || start - text.address >= text.size ||
        (single_procedure() && start != base)) {
      return fail_at(
          descriptor.header + kTextAddress,
          fmt::format("the text address is {:#x} and slot 0 {:#x}, expected both in the text section at {:#x}", start,
                      base, text.address));
    }
    const auto in_text = std::ranges::find_if(kernels_, [](const Section* s) { return s->segment == "__TEXT"; });
    const std::uint64_t constants = in_text != kernels_.end() ? (*in_text)->address : 0;
    const bool modern = descriptor.fields->slot_bytes != 8;
    if (!modern || descriptor.slots[1] != 0) {
      OPENANE_CHECK(expect(1, constants, constants != 0 ? "the constant section" : "no constant section"));
    }
    if (descriptor.slots[3] != 0) {
      OPENANE_CHECK(expect(3, scratch_ != nullptr ? scratch_->address : 0,
                           scratch_ != nullptr ? "the scratch section" : "no scratch section"));
    }
    return {};
  }

  Result<TensorBinding> bind_tensor(const ProgramDescriptor& descriptor, const TensorDescriptor& tensor,
                                    const Procedure& procedure) {
    const std::string name = quoted(tensor.name);
    for (const TensorBinding& other : procedure.tensors) {
      if (other.symbol == tensor.symbol || other.name == tensor.name) {
        return fail_at(tensor.header,
                       fmt::format("procedure {} has two tensors called {} with symbols {} and {}",
                                   quoted(descriptor.name), name, quoted(other.symbol), quoted(tensor.symbol)));
      }
    }
    // With several procedures one symbol name may stand for several buffers; the slot table says which one this
    // procedure means.
    const Buffer* buffer = nullptr;
    std::size_t slot = 0;
    bool symbol_known = false;
    for (const Buffer& candidate : buffers_) {
      if (candidate.symbol != tensor.symbol) {
        continue;
      }
      symbol_known = true;
      for (std::size_t i = 0; i < descriptor.slots.size(); ++i) {
        if (descriptor.slots[i] != candidate.section->address) {
          continue;
        }
        if (buffer != nullptr) {
          return fail_at(slot_header(descriptor, i),
                         fmt::format("slots {} and {} both hold tensor {}, expected one", slot, i, name));
        }
        buffer = &candidate;
        slot = i;
      }
    }
    if (!symbol_known) {
      return fail_at(
          tensor.header + kTensorSymbol,
          fmt::format("tensor {} has the symbol {}, which no tensor section has", name, quoted(tensor.symbol)));
    }
    if (buffer == nullptr) {
      return fail_at(descriptor.header + kSlots,
                     fmt::format("tensor {} is in no slot of procedure {}", name, quoted(descriptor.name)));
    }
    const std::uint64_t bytes = tensor.total * tensor.shape[0];
    if (bytes > buffer->section->size) {
      return fail_at(tensor.header + kTensorTotal,
                     fmt::format("tensor {} takes {} times {:#x} bytes, but its section has {:#x}", name,
                                 tensor.shape[0], tensor.total, buffer->section->size));
    }
    const bool is_output = tensor.direction == kDirectionOutput;
    if (is_output != (buffer->section->type() == SectionType::output)) {
      warnings_.add(fmt::format("at {:#x}: {} tensor {} lies in an {} section", tensor.header,
                                is_output ? "output" : "input", name, is_output ? "input" : "output"));
    }
    described_.insert(buffer->section);
    TensorBinding binding;
    binding.name = tensor.name;
    binding.symbol = tensor.symbol;
    binding.role = is_output ? TensorRole::output : TensorRole::input;
    binding.slot = static_cast<std::uint32_t>(slot);
    const auto& s = tensor.shape;
    const auto stride = [&](std::size_t i) { return static_cast<std::int64_t>(tensor.strides[i]); };
    binding.layout.type = static_cast<ElementType>(tensor.type);
    binding.layout.shape = {s[0], s[1], s[2], s[3], s[4]};
    binding.layout.strides = {stride(0), stride(1), stride(2), stride(3), 0};
    binding.layout.interleave = tensor.interleave;
    binding.address = buffer->section->address;
    binding.total_bytes = tensor.total;
    binding.extent = tensor.extent;
    return binding;
  }

  /// Rule H7: what stands in the slot table is something that exists.
  Result<void> check_other_slots(const ProgramDescriptor& descriptor) {
    const bool modern = descriptor.fields->slot_bytes != 8;
    for (std::size_t slot = 0; slot < descriptor.slots.size(); ++slot) {
      const std::uint64_t address = descriptor.slots[slot];
      if (slot == 0 || slot == 1 || slot == 3 || address == 0) {
        continue;
      }
      const bool known =
          std::ranges::any_of(buffers_, [&](const Buffer& b) { return b.section->address == address; }) ||
          std::ranges::any_of(kernels_, [&](const Section* s) { return s->address == address; });
      if (known) {
        continue;
      }
      const std::string message =
          fmt::format("slot {} is {:#x}, where no tensor and no kernel section begins", slot, address);
      if (!modern) {
        return fail_at(slot_header(descriptor, slot), message);
      }
      warnings_.add(fmt::format("at {:#x}: {}", slot_header(descriptor, slot), message));
    }
    return {};
  }

  Result<void> read_tasks(const ProgramDescriptor& descriptor, Procedure& procedure) {
    const Section& text = *parsed_.text;
    const std::uint64_t base = descriptor.slots[0] - text.address;
    if (text.size > 0xffffffff) {
      return fail_at(text.header + 40,
                     fmt::format("the text section has {:#x} bytes, expected less than 4 GiB", text.size));
    }
    procedure.task_base = static_cast<std::uint32_t>(base);
    const auto section = data_.subspan(text.file_offset + base, text.size - base);
    Result<std::vector<PlacedTask>> tasks = decode_tasks(
        *program().generation, section, static_cast<std::uint32_t>(descriptor.text_address - descriptor.slots[0]),
        descriptor.first_task_words, descriptor.task_count);
    if (!tasks) {
      Error error = std::move(tasks).error();
      error.location.offset = error.location.offset.value_or(0) + text.file_offset + base;
      return std::unexpected(std::move(error));
    }
    procedure.tasks = *std::move(tasks);
    for (PlacedTask& placed : procedure.tasks) {
      placed.offset += procedure.task_base;
      for (std::string& warning : task_warnings(placed.task)) {
        warnings_.add(fmt::format("at {:#x}: {}", text.file_offset + placed.offset, warning));
      }
    }
    const EventCounts counts = count_events(procedure);
    const auto compare = [&](std::uint64_t stored, std::uint64_t counted, std::uint32_t field, std::string_view what) {
      if (stored != counted) {
        warnings_.add(fmt::format("at {:#x}: the descriptor of {} counts {} {} events, its tasks have {}",
                                  descriptor.header + field, quoted(descriptor.name), stored, what, counted));
      }
    };
    compare(descriptor.debug_events, counts.debug, descriptor.fields->debug_events, "debug");
    compare(descriptor.log_events, counts.log, descriptor.fields->log_events, "log");
    return {};
  }

  Result<void> check_every_buffer_is_described() {
    for (const Buffer& buffer : buffers_) {
      if (!described_.contains(buffer.section)) {
        return fail_at(buffer.section->header, fmt::format("the tensor section of {} at {:#x} has no tensor descriptor",
                                                           quoted(buffer.symbol), buffer.section->address));
      }
    }
    return {};
  }

  Result<void> bind_constants() {
    for (const Section* section : kernels_) {
      std::optional<std::uint32_t> bound;
      for (const ProgramDescriptor& descriptor : parsed_.programs) {
        const auto found = std::ranges::find(descriptor.slots, section->address);
        if (found == descriptor.slots.end()) {
          continue;
        }
        const auto slot = static_cast<std::uint32_t>(found - descriptor.slots.begin());
        if (bound && *bound != slot) {
          return fail_at(
              descriptor.header,
              fmt::format(
                  "section {} is in slot {} of {}, but in slot {} of another procedure; such programs are not read yet",
                  quoted(section->name), slot, quoted(descriptor.name), *bound),
              ErrorCategory::not_implemented);
        }
        bound = slot;
      }
      if (!bound) {
        warnings_.add(fmt::format("at {:#x}: kernel section {} is in no slot and is left out", section->header,
                                  quoted(section->name)));
        continue;
      }
      program().constants.push_back({fmt::format("{},{}", section->segment, section->name), *bound,
                                     file_.slice(section->file_offset, section->size)});
      parsed_.constants.push_back(section);
    }
    return {};
  }

  Result<void> check_tasks_do_not_overlap() {
    struct Extent {
      std::uint64_t begin, end;
    };
    std::vector<Extent> extents;
    for (const Procedure& procedure : program().procedures) {
      for (const PlacedTask& task : procedure.tasks) {
        extents.push_back({task.offset, std::uint64_t{task.offset} + task.task.size_bytes()});
      }
    }
    std::ranges::sort(extents, {}, &Extent::begin);
    for (std::size_t i = 1; i < extents.size(); ++i) {
      if (extents[i].begin < extents[i - 1].end) {
        return fail_at(parsed_.text->file_offset + extents[i].begin,
                       fmt::format("the task at {:#x} of the text overlaps another, which ends at {:#x}",
                                   extents[i].begin, extents[i - 1].end));
      }
    }
    const std::uint64_t frame_word = extents.front().begin != 0 ? sizeof(std::uint32_t) : 0;
    task_gaps_ = {{program().generation->lead_in_bytes != 0 ? frame_word : 0, 0}};
    for (const Extent& extent : extents) {
      task_gaps_.back().second = extent.begin;
      task_gaps_.emplace_back(extent.end, parsed_.text->size);
    }
    if (extents.back().end != parsed_.text->size) {
      warnings_.add(fmt::format("at {:#x}: the text section has {:#x} bytes, its last task ends at {:#x}",
                                parsed_.text->header + 40, parsed_.text->size, extents.back().end));
    }
    return {};
  }

  /// Rule H12. Only the text carries relocations: they name the words that hold addresses of coefficient streams.
  Result<void> check_relocations() {
    for (const Section& section : image().sections) {
      if (section.relocation_count != 0 && &section != parsed_.text) {
        warnings_.add(fmt::format("at {:#x}: section {} has relocations, which only the text is known to have",
                                  section.header, quoted(section.name)));
      }
    }
    std::map<std::uint64_t, KernelBase> bases;
    const std::vector<Relocation> relocations = relocations_of(data_, *parsed_.text);
    if (relocations.empty()) {
      return {};
    }
    for (const Procedure& procedure : program().procedures) {
      for (const PlacedTask& placed : procedure.tasks) {
        for (const KernelBase& base : kernel_bases(placed.task)) {
          bases.emplace(placed.offset + base.task_offset, base);
        }
      }
    }
    for (const Relocation& relocation : relocations) {
      OPENANE_CHECK(check_relocation(relocation, bases));
    }
    return {};
  }

  Result<void> check_relocation(const Relocation& relocation, const std::map<std::uint64_t, KernelBase>& bases) {
    if (relocation.address % 4 != 0 || relocation.address >= parsed_.text->size) {
      return fail_at(relocation.header,
                     fmt::format("a relocation at {:#x} of the text, expected a multiple of 4 below {:#x}",
                                 relocation.address, parsed_.text->size));
    }
    const std::uint32_t ordinal = relocation.ordinal();
    if (relocation.is_external() || ordinal == 0 || ordinal > image().sections.size()) {
      return fail_at(relocation.header + 4,
                     fmt::format("a relocation against {} {}, expected a section from 1 to {}",
                                 relocation.is_external() ? "symbol" : "section", ordinal, image().sections.size()));
    }
    if (bases.empty()) {
      return {};  // A generation whose kernel registers have no names: nothing to compare with.
    }
    const auto base = bases.find(relocation.address);
    if (base == bases.end()) {
      return fail_at(
          relocation.header,
          fmt::format("a relocation at {:#x} of the text, where no task has the address of a coefficient stream",
                      relocation.address));
    }
    const Section& target = image().sections[ordinal - 1];
    if (base->second.value >= target.size) {
      return fail_at(parsed_.text->file_offset + relocation.address,
                     fmt::format("a coefficient stream at {:#x} of section {}, which has {:#x} bytes",
                                 base->second.value, quoted(target.name), target.size));
    }
    return {};
  }

  /// Rule H16: whatever lies between the parts is zero.
  void warn_about_gaps() {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> covered;
    for (const Section& section : image().sections) {
      if (section.file_backed()) {
        covered.emplace_back(section.file_offset, section.file_offset + section.size);
      }
    }
    covered.emplace_back(data_.size(), data_.size());
    std::ranges::sort(covered);
    std::uint64_t end = image().tables_end;
    for (const auto& [begin, next] : covered) {
      if (begin > end) {
        warn_unless_zero(end, begin);
      }
      end = std::max(end, next);
    }
    for (const auto& [begin, next] : task_gaps_) {
      warn_unless_zero(parsed_.text->file_offset + begin, parsed_.text->file_offset + next);
    }
  }

  void warn_unless_zero(std::uint64_t begin, std::uint64_t end) {
    const auto bytes = data_.subspan(begin, end - begin);
    // All zero means: the first byte is, and every byte equals the one before it.
    if (bytes.empty() || (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0)) {
      return;
    }
    const auto nonzero = std::ranges::find_if(bytes, [](std::uint8_t b) { return b != 0; });
    warnings_.add(fmt::format("at {:#x}: padding that is not zero, between {:#x} and {:#x}",
                              begin + static_cast<std::uint64_t>(nonzero - bytes.begin()), begin, end));
  }

  void finish() {
    program().container = Program::Container::hwx;
    program().compiler = compiler_version(image().ident);
    program().scratch_bytes = scratch_ != nullptr ? scratch_->size : 0;
    program().task_section = file_.slice(parsed_.text->file_offset, parsed_.text->size);
    program().carried = std::make_shared<HwxContainer>(file_);
    program().warnings = warnings_.take();
  }

  const Bytes& file_;
  std::span<const std::uint8_t> data_;
  Warnings warnings_;
  Parsed parsed_;
  std::vector<TensorDescriptor> tensors_;
  std::vector<const Section*> kernels_;
  std::vector<Buffer> buffers_;
  std::set<const Section*> described_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> task_gaps_;
  const Section* scratch_ = nullptr;
};

}  // namespace

Result<Parsed> parse_hwx(const Bytes& file) { return Reader(file).read(); }

}  // namespace hwx

bool looks_like_hwx(std::span<const std::uint8_t> data) {
  return data.size() >= 4 && load_le<std::uint32_t>(data.data()) == hwx::kMagic;
}

Result<Program> read_hwx(const Bytes& data) {
  OPENANE_TRY(hwx::Parsed parsed, hwx::parse_hwx(data));
  return std::move(parsed.program);
}

}  // namespace openane
