// What /metrics, /healthz and /readyz say of an engine: its numbers under controller-runtime's names, and our own.
#pragma once
#include <string>
#include <vector>

#include "base/time.h"
#include "io/http_server.h"
#include "io/metrics_text.h"
#include "runtime/engine.h"

namespace nocobase_operator::program {

// Everything /metrics shows.
[[nodiscard]] std::vector<io::Metric> metrics_of(const runtime::Engine& engine, Now now);

// What a person can do about a watch that fails, "" when its error says all.
[[nodiscard]] std::string remedy(const runtime::Engine::WatchState& watch);

// What is wrong with the definitions of our kinds and what to do, "" when nothing is.
[[nodiscard]] std::string definitions_problem(const runtime::Definitions& definitions);

// The answer to one path: /metrics, /healthz (the loop turns), /readyz (every kind is listed, or what is missing; and
// what the API server refuses).
[[nodiscard]] io::HttpReply answer(const runtime::Engine& engine, std::string_view path, Now now);

}  // namespace nocobase_operator::program
