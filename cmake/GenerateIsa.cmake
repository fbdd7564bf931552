# Register tables: data/isa/*.toml -> C++ at build time, by tools/generate_isa.py.
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)

function(openane_generate_isa target)
  file(GLOB tables CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/data/isa/*.toml)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/generated)
  set(outputs ${out}/isa/generations.cpp)
  foreach(table ${tables})
    get_filename_component(name ${table} NAME_WE)
    list(APPEND outputs ${out}/isa/${name}_fields.h)
  endforeach()
  add_custom_command(OUTPUT ${outputs}
    COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/tools/generate_isa.py --out ${out}/isa ${tables}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tools/generate_isa.py ${tables}
    COMMENT "Generating register tables" VERBATIM)
  target_sources(${target} PRIVATE ${outputs})
  add_custom_target(openane_generated DEPENDS ${outputs})
  add_dependencies(${target} openane_generated)
  target_include_directories(${target} PRIVATE ${out})
endfunction()
