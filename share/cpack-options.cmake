# Read by cpack for each kind of package: directory, project, component, place. A .deb asks for the
# libraries that Debian has no archive of; an archive (.tar.gz) brings them, next to the program.
list(GET CPACK_INSTALL_CMAKE_PROJECTS 0 build)
set(CPACK_INSTALL_CMAKE_PROJECTS "${build};seep;seep;/")
if(CPACK_GENERATOR STREQUAL "TGZ")
  list(APPEND CPACK_INSTALL_CMAKE_PROJECTS "${build};seep;libraries;/")
  set(CPACK_PACKAGING_INSTALL_PREFIX /)
endif()
