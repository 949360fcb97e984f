# SEEP_STATIC: link the archives that Debian has (libbpf, SQLite), so that the package needs nothing
# from backports, and bring along what it has none of, so that the archive (.tar.gz) can be copied
# onto a host that has none of it. Debian's libdw.a of elfutils 0.192 lacks the part with eu_tsearch(),
# and fmt, spdlog, prometheus-cpp, civetweb and Zydis have no archive. They and all that they need but
# glibc, which must be the host's own, are installed in lib/seep (component `libraries`), where the
# program looks first.
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
set(glibc "/(ld-linux-|lib(c|m|dl|rt|pthread|resolv)\\.so)")
install(RUNTIME_DEPENDENCY_SET libraries POST_EXCLUDE_REGEXES ${glibc}
        DESTINATION lib/seep COMPONENT libraries)
