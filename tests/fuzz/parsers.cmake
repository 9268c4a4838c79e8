nbo_fuzz(app_image_fuzz app_image_fuzz.cpp LINK nbo_app)
nbo_fuzz(app_overlay_fuzz app_overlay_fuzz.cpp LINK nbo_app)
nbo_fuzz(io_url_fuzz io_url_fuzz.cpp LINK nbo_io)
nbo_fuzz(kube_http_fuzz kube_http_fuzz.cpp LINK nbo_kube)
