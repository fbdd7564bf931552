# `cmake --install` gives the library, its headers, the `ane` tool and a CMake package `openane`.
include(CMakePackageConfigHelpers)
install(TARGETS openane EXPORT openane-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS ane RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${CMAKE_BINARY_DIR}/completion.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ane OPTIONAL)
install(FILES ${CMAKE_BINARY_DIR}/completion.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _ane OPTIONAL)
install(FILES ${CMAKE_BINARY_DIR}/completion.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d RENAME ane.fish OPTIONAL)
install(DIRECTORY include/openane DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT openane-targets NAMESPACE openane:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/openane)
configure_package_config_file(${CMAKE_CURRENT_SOURCE_DIR}/cmake/openane-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/openane-config.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/openane)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/openane-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/openane-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/openane-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/openane)
