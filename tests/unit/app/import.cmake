nbo_test(app_import_test SOURCES import_test.cpp import_text_test.cpp LINK nbo_app)
