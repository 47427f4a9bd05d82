# oneDNN by its header and library alone: the CMake package that Debian ships also demands OpenCL's development files, which
# only a Recommends brings, and stops the configuration without them.
find_path(Dnnl_INCLUDE_DIR NAMES oneapi/dnnl/dnnl.hpp)
find_library(Dnnl_LIBRARY NAMES dnnl)
mark_as_advanced(Dnnl_INCLUDE_DIR Dnnl_LIBRARY)

if(Dnnl_INCLUDE_DIR)
  file(STRINGS "${Dnnl_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h" dnnl_lines
       REGEX "^#define DNNL_VERSION_(MAJOR|MINOR|PATCH)[ \t]")
  list(TRANSFORM dnnl_lines REPLACE "[^0-9]" "")
  list(JOIN dnnl_lines "." Dnnl_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Dnnl REQUIRED_VARS Dnnl_LIBRARY Dnnl_INCLUDE_DIR VERSION_VAR Dnnl_VERSION)

if(Dnnl_FOUND AND NOT TARGET Dnnl::dnnl)
  add_library(Dnnl::dnnl UNKNOWN IMPORTED)
  set_target_properties(Dnnl::dnnl PROPERTIES IMPORTED_LOCATION "${Dnnl_LIBRARY}"
                                              INTERFACE_INCLUDE_DIRECTORIES "${Dnnl_INCLUDE_DIR}")
endif()
