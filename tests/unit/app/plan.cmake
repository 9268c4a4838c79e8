nbo_test(app_plan_test OPTIMIZE
  SOURCES events_test.cpp memo_test.cpp plan_test.cpp plan_content_test.cpp plan_keys_test.cpp plan_lifecycle_test.cpp plan_status_test.cpp plan_scaling_test.cpp plan_property_test.cpp plan_setup_test.cpp plan_unread_test.cpp states_test.cpp plan_world.cpp plan_world_calls.cpp leaves_test.cpp
  LINK nbo_app)
nbo_test(app_observe_test
  SOURCES observe_test.cpp references_test.cpp effect_test.cpp status_test.cpp
  LINK nbo_app)
nbo_test(app_lifecycle_test OPTIMIZE SOURCES lifecycle_test.cpp lifecycle_failure_test.cpp lifecycle_diagram_test.cpp setup_unseen_test.cpp LINK nbo_app)
