# Our warnings. gcc 12 reports -Wrestrict falsely for `"text" + std::string` (GCC bug 105651).
set(SEG_WARNINGS -Wall -Wextra -Wshadow -Wno-restrict)

# seg_library(NAME [DEPENDS ...]) makes the static library of one folder of src/ from all its .cpp files.
function(seg_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_compile_options(${name} PRIVATE ${SEG_WARNINGS})
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS})
endfunction()

# seg_executable(NAME SOURCES ... [DEPENDS ...])
function(seg_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${SEG_WARNINGS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
endfunction()
