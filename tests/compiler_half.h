// The compiler's own fp16, by another name on arm64, where GCC 12 knows _Float16 in C only.
#pragma once

namespace openane::test {

#if defined(__aarch64__)
using CompilerHalf = __fp16;
#else
using CompilerHalf = _Float16;
#endif

}  // namespace openane::test
