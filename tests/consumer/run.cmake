# Installs the worker_mode component of BUILD under WORK, builds the consumer against it alone, compares what it prints.
# cmake -D BUILD=… -D WORK=… -D GENERATOR=… -D COMPILER=… -D FLAGS=… -D DOCUMENT=… -P run.cmake
cmake_minimum_required(VERSION 3.23)

function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE out ERROR_VARIABLE out RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\n${out}\nexit ${code}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --component worker_mode --prefix ${WORK}/prefix)

file(GLOB_RECURSE installed RELATIVE ${WORK}/prefix ${WORK}/prefix/*)
list(FILTER installed EXCLUDE REGEX "worker_mode")
if(installed)
  message(FATAL_ERROR "the component installs more than itself: ${installed}")
endif()

run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK}/build -G ${GENERATOR} -D CMAKE_CXX_COMPILER=${COMPILER}
    "-DCMAKE_CXX_FLAGS=${FLAGS}" -D CMAKE_PREFIX_PATH=${WORK}/prefix -D CMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
run(${CMAKE_COMMAND} --build ${WORK}/build)
execute_process(COMMAND ${WORK}/build/consumer OUTPUT_VARIABLE printed RESULT_VARIABLE code)
file(READ ${CMAKE_CURRENT_LIST_DIR}/expected.txt expected)
if(NOT code EQUAL 0 OR NOT printed STREQUAL expected)
  message(FATAL_ERROR "exit ${code}; printed\n${printed}\nexpected\n${expected}")
endif()

# The example in the document is this program, and its output this one.
file(READ ${DOCUMENT} document)
file(READ ${CMAKE_CURRENT_LIST_DIR}/main.cpp program)
foreach(part IN ITEMS "${program}" "${expected}")
  string(FIND "${document}" "${part}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${DOCUMENT} does not show this:\n${part}")
  endif()
endforeach()
