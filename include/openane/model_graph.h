// Pictures of MIL functions: operations as boxes, values as edges with their types, nested blocks inside the operation
// they belong to. Constants stand in the box of the operation that uses them.
//
// The SVG layout is our own: layers by longest path, order by barycentres, straight placement. It needs no program and
// no fonts beyond what a browser has, and is the same on every host.
#pragma once

#include <string>

#include "openane/mil_program.h"

namespace openane {

/// Graphviz' language.
[[nodiscard]] std::string graph_dot(const mil::Function& function);
/// A page of SVG 1.1.
[[nodiscard]] std::string graph_svg(const mil::Function& function);

}  // namespace openane
