nbo_fuzz(import_fuzz import_fuzz.cpp LINK nbo_app nbo_io)
