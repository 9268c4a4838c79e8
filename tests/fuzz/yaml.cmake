nbo_fuzz(yaml_fuzz yaml_fuzz.cpp LINK nbo_io)
