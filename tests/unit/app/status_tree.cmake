nbo_test(app_status_tree_test SOURCES maintenance_test.cpp status_tree_test.cpp LINK nbo_app)
