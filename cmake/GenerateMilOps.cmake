# The operation catalogue and the builder's methods: data/mil/ops.toml -> C++ at build time, by tools/generate_mil_ops.py.
function(openane_generate_mil_ops target)
  set(table ${CMAKE_CURRENT_SOURCE_DIR}/data/mil/ops.toml)
  set(generator ${CMAKE_CURRENT_SOURCE_DIR}/tools/generate_mil_ops.py)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/generated)
  set(outputs ${out}/mil/ops.cpp ${out}/include/openane/mil_builder_ops.h ${out}/mil/builder_ops.cpp)
  add_custom_command(OUTPUT ${outputs}
    COMMAND Python3::Interpreter ${generator} ${table} --code ${out}/mil/ops.cpp
      --builder ${out}/include/openane/mil_builder_ops.h ${out}/mil/builder_ops.cpp
    DEPENDS ${generator} ${CMAKE_CURRENT_SOURCE_DIR}/tools/isa_tables.py ${table}
    COMMENT "Generating the operation catalogue" VERBATIM)
  add_custom_target(${target}_mil_generated DEPENDS ${outputs})
  target_sources(${target} PRIVATE ${outputs})
  # The header is part of the library's interface, so it is installed with the others.
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${out}/include>)
  install(FILES ${out}/include/openane/mil_builder_ops.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/openane)
endfunction()
