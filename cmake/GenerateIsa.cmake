# Register tables and chips: data/isa/*.toml and data/chips.toml -> C++ at build time, by tools/generate_isa.py and generate_chips.py.
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
  set(data ${PROJECT_SOURCE_DIR}/data)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/generated)
  file(GLOB tables CONFIGURE_DEPENDS ${data}/isa/*.toml)
  openane_register_tables(${target} ${generated}/isa generations ${tables})
  add_custom_command(OUTPUT ${generated}/isa/chips_table.cpp
    COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/generate_chips.py
      --out ${generated}/isa/chips_table.cpp --isa ${data}/isa ${data}/chips.toml
    DEPENDS ${PROJECT_SOURCE_DIR}/tools/generate_chips.py ${PROJECT_SOURCE_DIR}/tools/isa_tables.py ${data}/chips.toml ${tables}
    COMMENT "Generating chip tables" VERBATIM)
  target_sources(${target} PRIVATE ${generated}/isa/chips_table.cpp)
  target_include_directories(${target} PRIVATE ${generated})
endfunction()
