// The texts are those of the compilers, letter for letter: v4.2.1, v5.4.1 and v7.6.4 as in the corpus, v9.509.0 as in
// allbilly/ane:hwx/mul_macos26_m1.hwx@c9b8965, which is also where the types from 16 on come from. They are
// informational; of the whole text a loader is known to look at the first two lines and at -fsignature=ident
// (hwx-container.md 3.4, 18).
#include "hwx/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "hwx/format.h"

namespace openane::hwx {
namespace {

constexpr std::string_view kIdentV4 =
    "ANEC v1\n"
    "zin_ane_compiler v4.2.1\n"
    "\t-t ";

constexpr std::string_view kFlagsV4 =
    "\t--fdram-allocator=ffreuse\n"
    "\t--fdram-tensor-priority=sizethenliverange\n"
    "\t--fl2-allocator=ffreuse\n"
    "\t--fl3-allocator=ffreuse\n"
    "\t--fl2-cache-mode=resident\n"
    "\t--fsignature=ident\n"
    "\t--memcache-strategy=\n"
    "\t--memcache-size=4194304\n"
    "\t--fspatial-split=disabled\n"
    "\t--fkernel-rewind=enabled\n"
    "\t--Wl-undefined=fvmlib\n";

constexpr std::string_view kIdentV5 =
    "ANEC v1\n"
    "zin_ane_compiler v5.4.1\n"
    "\n"
    " Module ANEC: \n"
    "\t ModuleBundleName: com.apple.ANECompilerFramework\n"
    "\t ModuleVersion: 5.4.1\n"
    "\t ModuleCompilationFlags: \n"
    "\t-t ";

constexpr std::string_view kFlagsV5 =
    "\t--fdram-allocator=ffreuse\n"
    "\t--fdram-tensor-priority=sizethenliverange\n"
    "\t--fl2-allocator=ffreuse\n"
    "\t--fl3-allocator=ffreuse\n"
    "\t--fl2-cache-mode=resident\n"
    "\t--fsignature=ident\n"
    "\t--memcache-strategy=\n"
    "\t--memcache-size=4194304\n"
    "\t--fspatial-split=disabled\n"
    "\t--fkernel-rewind=enabled\n"
    "\t--max-context-switch-latency=-1.000000\n"
    "\t--generate-static-perf-analytics\n"
    "\t--generate-analytics-buffer\n"
    "\t--ne-frequency=-1.000000\n"
    "\t--pstate-dcs=-1\n"
    "\t--pstate-soc=-1\n"
    "\t--abort-on-layer-tracker-error\n"
    "\t--bss-limit\n"
    "\t--dump-fusion-boundary-info\n"
    "\t--Wl-undefined=fvmlib\n";

constexpr std::string_view kIdentV7 =
    "ANEC v1\n"
    "zin_ane_compiler v7.6.4\n"
    "\n"
    " Module 0: \n"
    "\t CompilationMethod: V1\n"
    "\t ModuleBundleName: com.apple.EspressoFramework\n"
    "\t ModuleCompilationFlags: \n"
    "\t ModuleVersion: 3304.7.2.4.1\n"
    "\n"
    " Module ANEC: \n"
    "\t ModuleBundleName: com.apple.ANECompilerFramework\n"
    "\t ModuleVersion: 7.6.4\n"
    "\t ModuleCompilationFlags: \n"
    "\t-t ";

constexpr std::string_view kFlagsV7 =
    "\t--fno-fold-scale=true\n"
    "\t--fforce-hazard-stalls-begin=-1\n"
    "\t--fforce-hazard-stalls-end=-1\n"
    "\t--fdram-allocator=ffreuse\n"
    "\t--fdram-tensor-priority=sizebyliverange\n"
    "\t--fl2-allocator=ffreuse\n"
    "\t--fl3-allocator=ffreuse\n"
    "\t--fl2-cache-mode=resident\n"
    "\t--fsignature=ident\n"
    "\t--memcache-size=4194304\n"
    "\t--fspatial-split=disabled\n"
    "\t--fenable-circular-buffer-in-spatial-split=-1\n"
    "\t--fkernel-rewind=enabled\n"
    "\t--max-td-latency=-1.000000\n"
    "\t--ne-frequency=-1.000000\n"
    "\t--pstate-dcs=-1\n"
    "\t--pstate-soc=-1\n"
    "\t--bss-limit=-1\n"
    "\t--foptimize-ne-utilization=true\n"
    "\t--disable-cache-prefetch-mask=1\n"
    "\t--enable-context-switch-events=false\n"
    "\t--fdisable-ne-width-slicing=false\n"
    "\t--disable-hard-swish-opt=false\n"
    "\t--preserve-texture-fraction=false\n"
    "\t--force-enable-dram-input-fifo\n"
    "\t--Wl-undefined=fvmlib\n";

constexpr std::string_view kIdentV9 =
    "ANEC v1\n"
    "zin_ane_compiler v9.509.0\n"
    "\n"
    " Module 0: \n"
    "\t CompilationMethod: V1\n"
    "\t ModuleBundleName: com.apple.EspressoFramework\n"
    "\t ModuleCompilationFlags: \n"
    "\t ModuleVersion: 3520.15.1.14.2\n"
    "\n"
    " Module ANEC: \n"
    "\t ModuleBundleName: com.apple.ANECompilerFramework\n"
    "\t ModuleVersion: 9.509.0\n"
    "\t ModuleCompilationFlags: \n"
    "\t-t ";

constexpr std::string_view kFlagsV9 =
    "\t--fno-fold-scale=true\n"
    "\t--fdram-allocator=ffreuse\n"
    "\t--fdram-tensor-priority=sizebyliverange\n"
    "\t--fl2-allocator=ffreuse\n"
    "\t--fl3-allocator=ffreuse\n"
    "\t--fl2-cache-mode=resident\n"
    "\t--fsignature=ident\n"
    "\t--fdisable-bonded-networks=true\n"
    "\t--enable-param-and-map-rtgraph-refactor=false\n"
    "\t--memcache-size=4194304\n"
    "\t--fspatial-split=disabled\n"
    "\t--fenable-circular-buffer-in-spatial-split=-1\n"
    "\t--fkernel-rewind=enabled\n"
    "\t--max-td-latency=-1.000000\n"
    "\t--ne-frequency=-1.000000\n"
    "\t--pstate-dcs=-1\n"
    "\t--pstate-soc=-1\n"
    "\t--bss-limit=-1\n"
    "\t--foptimize-ne-utilization=true\n"
    "\t--disable-cache-prefetch-mask=1\n"
    "\t--optimize-mutable-kernel-section=true\n"
    "\t--enable-summary-performance-stats=false\n"
    "\t--split-kernel-section=false\n"
    "\t--max-kernel-section-size=-1\n"
    "\t--enable-context-switch-events=false\n"
    "\t--fdisable-ne-width-slicing=false\n"
    "\t--disable-hard-swish-opt=false\n"
    "\t--preserve-texture-fraction=false\n"
    "\t--max-td-count=-1\n"
    "\t--max-segment-size=-1\n"
    "\t--e4m3-overflow-setting=Saturate\n"
    "\t--enable-dram-inplace-allocation=false\n"
    "\t--enable-l2-batch-splitting=true\n"
    "\t--enable-global-cw-optimization=true\n"
    "\t--suppress-math-exception=false\n"
    "\t--enable-l2-cached-buffer=true\n"
    "\t--enable-low-effort-cp-allocation=false\n"
    "\t--enable-noise-reduction-tiling=false\n"
    "\t--dump-parallel-score=false\n"
    "\t--enable-function-inlining=true\n"
    "\t--fdisable-weight-file-size-check=false\n"
    "\t--compile_time_mutable=false\n"
    "\t--enable-afm-mlir-features=true\n"
    "\t--enable-stable-precision=false\n"
    "\t--enable-kernel-split-for-multi-palette-lut=false\n"
    "\t--enable-non-self-replaceable-persistence=false\n"
    "\t--cost-model-cluster-threshold=85\n"
    "\t--dma-buffer-allocation-prioritization=false\n"
    "\t--enable-matmul-kernel-pad-insertion=false\n"
    "\t--Wl-undefined=fvmlib\n";

constexpr std::array<Profile, 4> kProfiles = {{
    {HwxProfile::v4, kBufferReference, 0x1e, false, 10, true, true, false, false, 2, kIdentV4, kFlagsV4},
    {HwxProfile::v5, kBufferReference, 0x34a, false, 15, false, true, false, false, 2, kIdentV5, kFlagsV5},
    {HwxProfile::v7, kBufferReference64, 0x34a, true, 15, false, false, true, false, 2, kIdentV7, kFlagsV7},
    {HwxProfile::v9, kBufferReference64, 0x34a, true, 23, false, false, true, true, 0, kIdentV9, kFlagsV9},
}};

// Oddities are the compilers': the comma in uint1, the 10-bit bounds of raw12 and y12.
constexpr std::array<std::string_view, 23> kTypes = {
    "void:t1=1",
    "int8:t2=r2;0;127",
    "uint8:t3=r1;0;255",
    "int16:t4=r1;-32768;32767",
    "float16:t5=r1;2;0",
    "float:t6=r1;4;0",
    "raw10:t7=r1;-512;511",
    "lut:t8=",
    "uint4:t9=r1;0;15",
    "uint6:t10=r1;0;63",
    "uint1:t11=r1;0,1",
    "uint2:t12=r1;0;3",
    "packed10:t13=r1;-512;511",
    "y10:t14=r1;-512;511",
    "uint16:t15=r1;0;65535",
    "e4m3:t16=r1;1;0",
    "int32:t17=r1;-2147483648;2147483647",
    "uint32:t18=r1;0;4294967295",
    "int64:t19=r1;-9223372036854775808;9223372036854775807",
    "uint64:t20=r1;0;18446744073709551615",
    "raw12:t21=r1;-512;511",
    "y12:t22=r1;-512;511",
    "int4:t23=r1;-8;7",
};

}  // namespace

const Profile& profile(HwxProfile id) { return *std::ranges::find(kProfiles, id, &Profile::id); }

HwxProfile profile_of_compiler(std::string_view compiler) {
  struct Row {
    std::string_view prefix;
    HwxProfile profile;
  };
  // Of v6 and v8 no file is public; their neighbours' conventions are the best guess.
  constexpr std::array<Row, 7> kRows = {{{"v4.", HwxProfile::v4},
                                         {"v5.", HwxProfile::v5},
                                         {"v6.", HwxProfile::v5},
                                         {"v7.", HwxProfile::v7},
                                         {"v8.", HwxProfile::v7},
                                         {"v9.", HwxProfile::v9},
                                         {"v10.", HwxProfile::v9}}};
  const auto* const row = std::ranges::find_if(kRows, [&](const Row& r) { return compiler.starts_with(r.prefix); });
  return row == kRows.end() ? HwxProfile::v5 : row->profile;
}

std::string_view type_string(std::uint32_t index) { return kTypes[index]; }

std::string ident_text(const Profile& profile, std::string_view target, std::string_view input_path,
                       std::string_view output_path) {
  return fmt::format("{}{}\n{}\t-i {}\n\t-o {}\n", profile.ident, target, profile.ident_flags, input_path, output_path);
}

}  // namespace openane::hwx
