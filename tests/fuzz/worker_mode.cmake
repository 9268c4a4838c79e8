nbo_fuzz(worker_mode_fuzz worker_mode_fuzz.cpp LINK worker_mode::worker_mode)
