# Settings and helpers that every target of this project shares.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

find_program(NBO_CCACHE ccache)
if(NBO_CCACHE)
  # What ccache needs to be told before it caches a compilation that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${NBO_CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wswitch-enum)
add_compile_definitions(_GLIBCXX_ASSERTIONS)
if(NBO_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess)
endif()
if(NBO_SANITIZE)
  add_compile_options(-fsanitize=${NBO_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${NBO_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized)  # false alarms with sanitizers, as gcc's manual says
  endif()
endif()
if(NBO_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# nbo_compile_fast(TARGET): no optimisation in builds with sanitizers, where files full of Boost take a minute each. For
# targets in which tests spend no time.
function(nbo_compile_fast target)
  if(NBO_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()

# nbo_layer(NAME SOURCES… LINK targets… [PCH header…]): one static library per folder under src/.
function(nbo_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK;PCH" ${ARGN})
  add_library(nbo_${name} STATIC ${ARG_SOURCES})
  target_include_directories(nbo_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(nbo_${name} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
  if(ARG_PCH)
    target_precompile_headers(nbo_${name} PRIVATE ${ARG_PCH})
  endif()
endfunction()

# nbo_test_program(NAME SOURCES… LINK targets… [OPTIMIZE]): a GoogleTest binary. Compiling most tests takes longer than
# running them, so they are not optimised; and what is inline is then slow in all of the binary: OPTIMIZE is for tests that
# compute for long.
function(nbo_test_program name)
  cmake_parse_arguments(ARG "OPTIMIZE" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE NBO_SOURCE_DIR="${PROJECT_SOURCE_DIR}" NBO_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gmock GTest::gtest GTest::gtest_main)
  if(NOT ARG_OPTIMIZE)
    target_compile_options(${name} PRIVATE -O0)
    target_precompile_headers(${name} REUSE_FROM nbo_test_headers)
  endif()
endfunction()

# nbo_test(NAME SOURCES… LINK targets… [OPTIMIZE] [LABELS…] [ENVIRONMENT…]): a GoogleTest binary, every test of it a ctest test.
function(nbo_test name)
  cmake_parse_arguments(ARG "OPTIMIZE" "" "SOURCES;LINK;LABELS;ENVIRONMENT" ${ARGN})
  if(ARG_OPTIMIZE)
    set(optimize OPTIMIZE)
  endif()
  nbo_test_program(${name} ${optimize} SOURCES ${ARG_SOURCES} LINK ${ARG_LINK})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_ENVIRONMENT)
    set(ARG_ENVIRONMENT LC_ALL=C.UTF-8)  # an empty property value would swallow the next one
  endif()
  gtest_discover_tests(${name} TEST_PREFIX "${name}." PROPERTIES LABELS "${ARG_LABELS}" ENVIRONMENT "${ARG_ENVIRONMENT}"
                       DISCOVERY_TIMEOUT 60)
endfunction()

# nbo_suite(NAME TIMEOUT seconds SOURCES… LINK targets…): a GoogleTest binary that is one ctest test, for its tests share a
# control plane. Not under sanitizers: what it runs is another process.
function(nbo_suite name)
  if(NBO_SANITIZE)
    return()
  endif()
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK" ${ARGN})
  nbo_test_program(${name} SOURCES ${ARG_SOURCES} LINK ${ARG_LINK})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS e2e TIMEOUT ${ARG_TIMEOUT})
endfunction()
