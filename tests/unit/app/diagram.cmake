find_package(EXPAT REQUIRED)
nbo_test(app_diagram_test SOURCES diagram_test.cpp LINK nbo_app EXPAT::EXPAT)
