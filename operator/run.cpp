#include "operator/run.h"

#include <array>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <memory>
#include <unistd.h>
#include <unordered_map>
#include <utility>

#include "base/hash.h"
#include "io/allocator.h"
#include "io/cpprest_transport.h"
#include "io/entropy.h"
#include "io/http_server.h"
#include "io/kubeconfig.h"
#include "io/log.h"
#include "io/loop.h"
#include "io/signals.h"
#include "operator/definitions.h"
#include "operator/metrics.h"
#include "operator/offline.h"
#include "runtime/engine.h"

namespace nocobase_operator::program {

namespace {

constexpr auto service_account_mount = "/var/run/secrets/kubernetes.io/serviceaccount";
// The API server sends a bookmark about once a minute, that is a moment later; the transport adds no grace.
constexpr Millis watch_idle{90'000};
constexpr Millis stop_deadline{8'000};  // to release the Lease after a signal; below Kubernetes' grace period

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  const std::string bytes = io::random_bytes(sizeof seed);
  std::memcpy(&seed, bytes.data(), sizeof seed);
  return seed;
}

std::string default_identity() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) {
    host[0] = '\0';
  }
  return std::string(host.data()) + "_" + hex64(random_seed());
}

// Moves an engine's effects to a transport and a transport's events to the engine.
class Shell {
 public:
  Shell(runtime::Engine::Options options, io::Level level, io::Loop& loop, io::Transport& transport)
      : engine_(std::move(options), Rng(random_seed())), level_(level), loop_(loop), transport_(transport) {}

  void turn(Now now) {
    for (auto& effect : engine_.poll(now)) {
      std::visit([this](auto& one) { perform(one); }, effect);
    }
    tell(now);
    if (engine_.stopped() || (stop_by_ && now.mono >= *stop_by_)) {
      loop_.stop();
    }
  }

  [[nodiscard]] std::optional<Instant> next_wake() const {
    auto wake = engine_.next_wake();
    if (stop_by_ && (!wake || *stop_by_ < *wake)) {
      wake = stop_by_;
    }
    return wake;
  }

  // SIGUSR1 switches debug lines on and off. Of the others the first ends in an orderly way, a second one at once.
  void signal(int number) {
    if (number == SIGUSR1) {
      io::set_level(io::Level::debug);
      debug_ = !debug_;
      io::log(io::Level::info, debug_ ? "log level is debug" : "log level is as it was", {{"signal", number}});
      io::set_level(debug_ ? io::Level::debug : level_);
      return;
    }
    const Now now = loop_.now();
    io::log(io::Level::info, "stopping", {{"signal", number}});
    if (stop_by_) {
      loop_.stop();
      return;
    }
    stop_by_ = now.mono + stop_deadline;
    engine_.stop(now);
  }

  [[nodiscard]] io::HttpReply answer(std::string_view path) const {
    return program::answer(engine_, path, loop_.now());
  }

 private:
  void perform(runtime::SendCall& effect) {
    const auto verb = effect.call.verb;
    kube::Ref ref = effect.call.ref;
    transport_.call(kube::encode(std::move(effect.call)), effect.deadline,
                    [this, id = effect.id, verb, ref = std::move(ref)](const Result<kube::HttpResponse>& outcome) {
                      tell_call(verb, ref, outcome);
                      engine_.replied(id, outcome, loop_.now());
                    });
  }

  void perform(runtime::Fetch& effect) {
    transport_.call(std::move(effect.request), effect.deadline,
                    [this, id = effect.id](const Result<kube::HttpResponse>& outcome) {
                      engine_.replied(id, outcome, loop_.now());
                    });
  }

  void perform(runtime::OpenWatch& effect) {
    const auto id = effect.id;
    io::log(io::Level::debug, "watch opened", {{"id", id}, {"path", effect.request.path_and_query}});
    streams_[id] = transport_.stream(
        std::move(effect.request), watch_idle,
        [this, id](std::string_view bytes) { engine_.watch_bytes(id, bytes, loop_.now()); },
        [this, id](const Result<kube::HttpResponse>& how) {
          io::log(io::Level::debug, "watch ended",
                  {{"id", id}, {"how", how.ok() ? std::to_string(how.value().status) : how.error().what}});
          engine_.watch_closed(id, how, loop_.now());
          streams_.erase(id);
        });
  }

  void perform(const runtime::CloseWatch& effect) { streams_.erase(effect.id); }

  // Logs what a person would want to know and the engine's state does not show.
  static void tell_call(kube::Verb verb, const kube::Ref& ref, const Result<kube::HttpResponse>& outcome) {
    const int status = outcome.ok() ? outcome.value().status : 0;
    io::log(io::Level::debug, "call",
            {{"verb", kube::name_of(verb)}, {"object", kube::to_string(ref)}, {"status", status}});
    if ((outcome.ok() && status < 400) || (verb == kube::Verb::get && status == 404)) {
      return;
    }
    const std::string why = outcome.ok() ? kube::decode(outcome.value()).error().what : outcome.error().what;
    io::log(io::Level::warning, "call failed",
            {{"verb", kube::name_of(verb)}, {"object", kube::to_string(ref)}, {"status", status}, {"error", why}});
  }

  void tell(Now now) {
    if (std::exchange(was_ready_, engine_.ready()) != engine_.ready()) {
      io::log(io::Level::info, engine_.ready() ? "every kind is listed" : "listing again");
    }
    if (std::exchange(was_leading_, engine_.leading(now.mono)) != engine_.leading(now.mono)) {
      io::log(io::Level::info, engine_.leading(now.mono) ? "leading" : "not leading", {{"holder", engine_.holder()}});
    }
    if (std::string problem = definitions_problem(engine_.definitions()); problem != definitions_problem_) {
      if (problem.empty()) {
        io::log(io::Level::info, "the definitions are what this operator needs");
      } else {
        io::log(io::Level::error, "the definitions are not what this operator needs", {{"error", problem}});
      }
      definitions_problem_ = std::move(problem);
    }
    for (const auto& watch : engine_.watches()) {
      auto& last = watch_errors_[watch.kind];
      if (last == watch.last_error) {
        continue;
      }
      last = watch.last_error;
      const auto kind = kube::info(watch.kind).kind;
      if (!last) {
        io::log(io::Level::info, "watch recovered", {{"kind", kind}});
      } else if (const std::string what_to_do = remedy(watch); !what_to_do.empty()) {
        io::log(io::Level::error, what_to_do, {{"kind", kind}, {"error", last->what}});
      } else {
        io::log(io::Level::warning, "watch failed", {{"kind", kind}, {"error", last->what}});
      }
    }
  }

  runtime::Engine engine_;
  io::Level level_;  // without debug lines
  bool debug_ = false;
  io::Loop& loop_;
  io::Transport& transport_;
  std::unordered_map<runtime::StreamId, std::shared_ptr<void>> streams_;
  std::unordered_map<kube::Kind, std::optional<Error>> watch_errors_;
  std::string definitions_problem_;
  std::optional<Instant> stop_by_;
  bool was_ready_ = false;
  bool was_leading_ = false;
};

io::Level level_of(const std::string& name) {
  if (name == "debug") {
    return io::Level::debug;
  }
  if (name == "warning") {
    return io::Level::warning;
  }
  return name == "error" ? io::Level::error : io::Level::info;
}

runtime::Engine::Options engine_options(const RunOptions& options, const io::ApiServer& server) {
  runtime::Engine::Options engine;
  engine.ns = options.ns;
  engine.controller.random_bytes = io::random_bytes;
  engine.controller.reread_period = Seconds(options.reread_period);
  runtime::Lease::Options lease;
  lease.ref = {kube::Kind::lease, options.lease_namespace.empty() ? server.ns : options.lease_namespace,
               options.lease_name};
  lease.identity = options.identity.empty() ? default_identity() : options.identity;
  io::log(
      io::Level::info, "starting",
      {{"server", server.url}, {"namespace", options.ns.empty() ? "all" : options.ns}, {"identity", lease.identity}});
  engine.recorder.instance = lease.identity;
  engine.definitions.needed = needed_fields();
  engine.lease = std::move(lease);
  return engine;
}

// "address:port" in parts; an address may be an IPv6 literal in brackets, and an absent one is every address.
Result<io::HttpServer::Options> listen_options(const std::string& listen) {
  const auto colon = listen.rfind(':');
  const std::string port = colon == std::string::npos ? "" : listen.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos ||
      std::stoul(port) > 65535) {
    return Error{Code::invalid, "--listen: '" + listen + "' is not ADDRESS:PORT"};
  }
  io::HttpServer::Options options;
  options.port = static_cast<std::uint16_t>(std::stoul(port));
  std::string address = listen.substr(0, colon);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  if (!address.empty()) {
    options.address = std::move(address);
  }
  return options;
}

Result<std::unique_ptr<io::HttpServer>> serve(const std::string& listen, io::Loop& loop, const Shell& shell) {
  if (listen.empty()) {
    return std::unique_ptr<io::HttpServer>();
  }
  auto options = TRY(listen_options(listen));
  auto server = TRY(
      io::HttpServer::start(std::move(options), loop, [&shell](std::string_view path) { return shell.answer(path); }));
  io::log(io::Level::info, "listening", {{"port", server->port()}});
  return server;
}

int fail(const Error& error) {
  io::log(io::Level::error, error.what);
  return exit_unusable_input;
}

}  // namespace

int run(const RunOptions& options) {
  io::bound_arenas();
  io::mask_signals();
  io::set_log(options.log_format == "json" ? io::LogFormat::json : io::LogFormat::text, level_of(options.log_level));
  io::start_io_threads();
  const auto server = options.kubeconfig.empty() ? io::in_cluster(service_account_mount)
                                                 : io::load_kubeconfig(options.kubeconfig, options.context);
  if (!server.ok()) {
    return fail(server.error());
  }
  const auto loop = io::make_loop();
  const auto transport = io::make_cpprest_transport(server.value(), *loop);
  if (!transport.ok()) {
    return fail(transport.error());
  }
  Shell shell(engine_options(options, server.value()), level_of(options.log_level), *loop, *transport.value());
  const auto http = serve(options.listen, *loop, shell);
  if (!http.ok()) {
    return fail(http.error());
  }
  const io::SignalWatch signals(*loop, [&shell](int number) { shell.signal(number); });
  loop->run([&shell](Now now) { shell.turn(now); }, [&shell] { return shell.next_wake(); });
  io::log(io::Level::info, "stopped");
  return exit_ok;
}

}  // namespace nocobase_operator::program
