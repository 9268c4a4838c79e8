nbo_test(app_spec_test
  SOURCES decode_test.cpp form_test.cpp image_test.cpp rules_test.cpp validate_test.cpp validate_env_test.cpp validate_pods_test.cpp
          validate_changes_test.cpp validate_several_test.cpp validate_variables_test.cpp
  LINK nbo_app)

nbo_test(app_schema_test SOURCES schema_test.cpp source_lint_test.cpp validate_given_test.cpp LINK nbo_app nbo_io)
