# Register tables: data/isa/*.toml -> C++ at build time, by tools/generate_isa.py.
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)

# openane_register_tables(TARGET FOLDER ACCESSOR TABLE...): the tables become C++ in FOLDER, `openane::ACCESSOR()` lists them.
function(openane_register_tables target folder accessor)
  set(outputs ${folder}/generations.cpp)
  foreach(table ${ARGN})
    get_filename_component(name ${table} NAME_WE)
    list(APPEND outputs ${folder}/${name}_table.cpp ${folder}/${name}_fields.h)
  endforeach()
  add_custom_command(OUTPUT ${outputs}
    COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/generate_isa.py --out ${folder} --accessor ${accessor} ${ARGN}
    DEPENDS ${PROJECT_SOURCE_DIR}/tools/generate_isa.py ${PROJECT_SOURCE_DIR}/tools/isa_tables.py ${ARGN}
    COMMENT "Generating register tables" VERBATIM)
  target_sources(${target} PRIVATE ${outputs})
  add_custom_target(${target}_generated DEPENDS ${outputs})
  add_dependencies(${target} ${target}_generated)
endfunction()

function(openane_generate_isa target)
  file(GLOB tables CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/data/isa/*.toml)
  openane_register_tables(${target} ${CMAKE_CURRENT_BINARY_DIR}/generated/isa generations ${tables})
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/generated)
endfunction()
