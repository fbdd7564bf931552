// Highway's shared library measures the resolution of the clock while it is loaded, for benchmarks that this tool never
// runs: 3 ms, a third of `ane info`. A program's own definition of the function takes the place of the library's. Where
// Highway does not ask, nobody does.
#include <hwy/nanobenchmark.h>

#include <cstdint>

namespace hwy::platform {

std::uint64_t TimerResolution() { return 1; }

}  // namespace hwy::platform
