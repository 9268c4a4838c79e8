nbo_test(app_render_test
  SOURCES defaults_test.cpp env_test.cpp overlay_test.cpp pod_test.cpp children_test.cpp scaled_object_test.cpp keys_test.cpp
  LINK nbo_app)

add_executable(app_drain_fake_node drain_fake_node.cpp)
set_target_properties(app_drain_fake_node PROPERTIES
  OUTPUT_NAME node RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/drain_fake_node)
nbo_test(app_drain_test SOURCES drain_test.cpp LINK nbo_app)
target_compile_definitions(app_drain_test PRIVATE
  NBO_FAKE_NODE_DIR="$<TARGET_FILE_DIR:app_drain_fake_node>")
add_dependencies(app_drain_test app_drain_fake_node)

nbo_test(app_backlog_sql_test SOURCES backlog_sql_test.cpp ${PROJECT_SOURCE_DIR}/tests/database_server.cpp LINK nbo_app)

nbo_test(app_golden_test SOURCES golden_test.cpp LINK nbo_app nbo_io)
