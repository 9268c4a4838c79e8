nbo_fuzz(kube_json_fuzz kube_json_fuzz.cpp LINK nbo_kube)
nbo_fuzz(kube_list_fuzz kube_list_fuzz.cpp LINK nbo_kube)
nbo_fuzz(kube_quantity_fuzz kube_quantity_fuzz.cpp LINK nbo_kube)
nbo_fuzz(kube_watch_fuzz kube_watch_fuzz.cpp LINK nbo_kube)
