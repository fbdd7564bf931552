# src/<room>/*.proto -> C++ by protoc at build time; include "<room>/<name>.pb.h". Generated code is compiled without our warnings.
find_package(Protobuf REQUIRED)

function(openane_generate_protobuf target)
  file(GLOB protos RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/src CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/*/*.proto)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/generated/protobuf)
  file(MAKE_DIRECTORY ${out})
  foreach(proto ${protos})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    add_custom_command(OUTPUT ${out}/${stem}.pb.cc ${out}/${stem}.pb.h
      COMMAND protobuf::protoc --proto_path=${CMAKE_CURRENT_SOURCE_DIR}/src --cpp_out=${out} ${proto}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/${proto}
      COMMENT "Generating ${stem}.pb.h" VERBATIM)
    list(APPEND sources ${out}/${stem}.pb.cc)
    list(APPEND headers ${out}/${stem}.pb.h)
  endforeach()
  add_library(${target}_protobuf OBJECT ${sources} ${headers})
  target_include_directories(${target}_protobuf PRIVATE ${out})
  target_link_libraries(${target}_protobuf PRIVATE protobuf::libprotobuf)
  set_target_properties(${target}_protobuf PROPERTIES CXX_CLANG_TIDY "")
  target_compile_options(${target}_protobuf PRIVATE -w)
  add_dependencies(${target} ${target}_protobuf)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_protobuf>)
  target_include_directories(${target} SYSTEM PRIVATE ${out})
  target_link_libraries(${target} PRIVATE protobuf::libprotobuf)
endfunction()
