# What is installed where, and the packages: included from the top, so that paths are the project's.
include(GNUInstallDirs)
set(share ${CMAKE_BINARY_DIR}/share)

# Directories whose place other programs decide.
set(SEEP_BASH_DIR ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
set(SEEP_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
set(SEEP_FISH_DIR ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
set(SEEP_UNIT_DIR lib/systemd/system)

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME seep)
install(DIRECTORY ${share}/bash/ DESTINATION ${SEEP_BASH_DIR})
install(DIRECTORY ${share}/zsh/ DESTINATION ${SEEP_ZSH_DIR})
install(DIRECTORY ${share}/fish/ DESTINATION ${SEEP_FISH_DIR})
install(CODE "
  file(GLOB pages \"${share}/man/*.1\")
  foreach(page \${pages})
    get_filename_component(name \${page} NAME)
    set(target \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_MANDIR}/man1\")
    file(MAKE_DIRECTORY \${target})
    # -n leaves out the time, so that the same page is always the same file.
    execute_process(COMMAND gzip -9nc \${page} OUTPUT_FILE \${target}/\${name}.gz
                    COMMAND_ERROR_IS_FATAL ANY)
  endforeach()")
configure_file(share/systemd/seep@.service.in ${CMAKE_BINARY_DIR}/seep@.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/seep@.service DESTINATION ${SEEP_UNIT_DIR})
install(PROGRAMS scripts/triage.sh scripts/leak-flamegraph.sh scripts/leak-growth.sh scripts/alloc-sizes.sh
                 scripts/page-growth.sh DESTINATION ${CMAKE_INSTALL_DATADIR}/seep/scripts)
install(FILES share/prometheus/seep-alerts.yml DESTINATION ${CMAKE_INSTALL_DATADIR}/seep/prometheus)
install(FILES share/grafana/seep-dashboard.json DESTINATION ${CMAKE_INSTALL_DATADIR}/seep/grafana)
install(FILES scripts/lib.sh DESTINATION ${CMAKE_INSTALL_DATADIR}/seep/scripts)
file(GLOB documents docs/*.md)
install(FILES README.md ${documents} DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES share/kubernetes/seep-daemonset.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/kubernetes)
install(FILES share/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})

# cpack -G DEB, cpack -G TGZ
set(CPACK_PACKAGE_NAME seep)
set(CPACK_PACKAGE_VENDOR seep)
set(CPACK_PACKAGE_CONTACT "seep developers <seep@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "tell from which call stacks a process's memory is growing")
set(CPACK_PACKAGE_DESCRIPTION
"seep attaches to a running process and tells which call stacks its memory is
growing from, how fast, and how certain that is. The process is neither
restarted nor stopped: BPF programs on the functions of its allocator keep
the books inside the kernel. Recordings become rankings, flame graphs, folded
stacks and pprof profiles, on any machine.")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "bpfcc-tools, sqlite3, libcurl4")
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_SOURCE_DIR}/share/cpack-options.cmake)
include(CPack)
