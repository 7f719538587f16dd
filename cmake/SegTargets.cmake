# Our warnings. gcc 12 reports -Wrestrict falsely for `"text" + std::string` (GCC bug 105651).
set(SEG_WARNINGS -Wall -Wextra -Wshadow -Wno-restrict)

# seg_library(NAME [SEPARATE] [DEPENDS ...]) makes the static library of one folder of src/ from all its .cpp files. They are
# compiled several at a time, because most of a file's time goes into the headers that all share; SEPARATE compiles each
# alone, as kernels for several instruction sets need.
function(seg_library name)
  cmake_parse_arguments(ARG "SEPARATE" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_compile_options(${name} PRIVATE ${SEG_WARNINGS})
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS})
  if(NOT ARG_SEPARATE)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 4)
  endif()
endfunction()

# seg_executable(NAME SOURCES ... [DEPENDS ...])
function(seg_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${SEG_WARNINGS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
endfunction()

# seg_highway(TARGET): kernels for the vector instructions of the machine. Vectors of unknown size (SVE, RVV) cannot stand
# in arrays; ARM runs the NEON code.
function(seg_highway target)
  find_package(hwy REQUIRED)
  target_link_libraries(${target} PRIVATE hwy::hwy)
  target_compile_definitions(
    ${target} PRIVATE "HWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_SVE|HWY_SVE2|HWY_SVE_256|HWY_SVE2_128|HWY_RVV)")
endfunction()
