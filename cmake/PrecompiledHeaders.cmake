# What most files of the library and of the tool include, parsed once: it takes a seventh off a build from nothing. Presets that look
# for faults build without, so a file that forgets an include is found; with a compiler cache each file is cheaper alone.
set(precompile ON)
if(CMAKE_CXX_COMPILER_LAUNCHER OR CMAKE_CXX_CLANG_TIDY)
  set(precompile OFF)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(precompile OFF)  # GCC 12 crashes on <arm_sve.h>, which Highway includes, after a precompiled header
endif()
option(OPENANE_PRECOMPILED_HEADERS "Parse common headers once for each target" ${precompile})

# openane_precompile(TARGET HEADER...): the standard library's common headers and fmt, and these besides.
function(openane_precompile target)
  if(OPENANE_PRECOMPILED_HEADERS)
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
      # From a precompiled header, GCC 12 takes the standard library's own std::string for ours and finds fault with it.
      target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
    endif()
    target_precompile_headers(${target} PRIVATE <algorithm> <array> <cmath> <cstdint> <cstring> <functional> <map>
      <memory> <optional> <set> <span> <string> <string_view> <unordered_map> <utility> <vector> <fmt/format.h> ${ARGN})
  endif()
endfunction()
