# SEEP_STATIC: link the archives that Debian has, so that the program can be copied onto a host
# without its libraries, and the package onto one without backports. glibc and the C++ library stay
# shared: any host has them. Debian's libdw.a of elfutils 0.192 lacks the part with eu_tsearch(), and
# fmt, spdlog, prometheus-cpp and Zydis have no archive: these and ncurses are installed in lib/seep
# (component `libraries`), where the program looks first.
foreach(name bpf sqlite3)
  find_library(archive_${name} lib${name}.a REQUIRED)
endforeach()
set_target_properties(PkgConfig::LIBBPF PROPERTIES INTERFACE_LINK_LIBRARIES
  "${archive_bpf};PkgConfig::LIBELF;ZLIB::ZLIB")
set_target_properties(PkgConfig::SQLITE PROPERTIES INTERFACE_LINK_LIBRARIES
  "${archive_sqlite3};m;dl;Threads::Threads")
set(CMAKE_INSTALL_RPATH "$ORIGIN/../lib/seep")
# As DT_RPATH, which is also where the libraries' own libraries (civetweb) are looked for.
add_link_options(LINKER:--disable-new-dtags)
foreach(name Zydis Zycore fmt spdlog ncursesw tinfo prometheus-cpp-core prometheus-cpp-pull civetweb
        civetweb-cpp dw elf)
  find_library(shared_${name} lib${name}.so REQUIRED)
  get_filename_component(directory ${shared_${name}} DIRECTORY)
  # The library and the name that programs ask for.
  file(GLOB files ${directory}/lib${name}.so.* ${directory}/lib${name}-0.*.so)
  install(FILES ${files} DESTINATION lib/seep COMPONENT libraries)
endforeach()
