# oneDNN computes the heavy operations of the reference executor. Not find_package(dnnl): Debian's wants OpenCL, which nothing here uses.
# Linked by names, so that the installed package asks for no path of this machine. gomp is the OpenMP runtime Debian's oneDNN uses: it is
# told to take one thread where ours call it.
find_library(OPENANE_DNNL_LIBRARY dnnl REQUIRED)
find_path(OPENANE_DNNL_INCLUDE_DIR dnnl.hpp REQUIRED)

function(openane_onednn target)
  target_link_libraries(${target} PRIVATE dnnl gomp)
  target_include_directories(${target} SYSTEM PRIVATE ${OPENANE_DNNL_INCLUDE_DIR})
endfunction()
