nbo_fuzz(kubeconfig_fuzz kubeconfig_fuzz.cpp LINK nbo_io)
