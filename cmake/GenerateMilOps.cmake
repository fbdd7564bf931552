# The operation catalogue: data/mil/ops.toml -> C++ at build time, by tools/generate_mil_ops.py.
function(openane_generate_mil_ops target)
  set(table ${CMAKE_CURRENT_SOURCE_DIR}/data/mil/ops.toml)
  set(generator ${CMAKE_CURRENT_SOURCE_DIR}/tools/generate_mil_ops.py)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/generated/mil/ops.cpp)
  add_custom_command(OUTPUT ${output}
    COMMAND Python3::Interpreter ${generator} ${table} --code ${output}
    DEPENDS ${generator} ${table}
    COMMENT "Generating the operation catalogue" VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
