# Warnings every target of the project is compiled with.
function(openane_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
    -Wno-missing-field-initializers -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wcast-align -Wimplicit-fallthrough)
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    # libstdc++ 12's own std::stable_sort calls std::get_temporary_buffer, which C++23 deprecates.
    target_compile_options(${target} PRIVATE -Wno-deprecated-declarations)
  endif()
  if(OPENANE_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
