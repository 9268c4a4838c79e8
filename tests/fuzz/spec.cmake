nbo_fuzz(spec_fuzz spec_fuzz.cpp LINK nbo_app)
