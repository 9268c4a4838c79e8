// The Transport over cpprestsdk's client: strict TLS, no redirects, bounded threads. Its headers stay in the .cpp.
#pragma once
#include <memory>

#include "base/result.h"
#include "io/kubeconfig.h"
#include "io/loop.h"
#include "io/transport.h"

namespace nocobase_operator::io {

// Starts the library's threads. Call once, first in main, after masking signals and before anything else of io.
void start_io_threads();

// A transport to one API server. `loop` must outlive it. Error (invalid) when the URL or key material is unusable.
[[nodiscard]] Result<std::unique_ptr<Transport>> make_cpprest_transport(const ApiServer& server, Loop& loop);

}  // namespace nocobase_operator::io
