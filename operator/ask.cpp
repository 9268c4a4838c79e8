#include "operator/ask.h"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "app/names.h"
#include "io/cpprest_transport.h"
#include "io/loop.h"
#include "io/signals.h"

namespace nocobase_operator::program {

namespace {

constexpr auto service_account_mount = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string home_kubeconfig() {
  const char* const home = std::getenv("HOME");
  return home == nullptr ? "" : std::string(home) + "/.kube/config";
}

}  // namespace

Result<io::ApiServer> find_server(const ServerOptions& options) {
  io::mask_signals();
  io::start_io_threads();
  if (!options.kubeconfig.empty()) {
    return io::load_kubeconfig(options.kubeconfig, options.context);
  }
  std::error_code none;
  const std::string home = home_kubeconfig();
  if (!home.empty() && std::filesystem::exists(home, none)) {
    return io::load_kubeconfig(home, options.context);
  }
  Result<io::ApiServer> in_pod = io::in_cluster(service_account_mount);
  if (!in_pod.ok() && in_pod.error().code == Code::not_found) {
    return Error{Code::not_found, "no API server is known: give --kubeconfig, or KUBECONFIG, or have ~/.kube/config; " +
                                      in_pod.error().what};
  }
  return in_pod;
}

Result<Unit> ask(const io::ApiServer& server, const std::function<Round(const Answers&, Now)>& next) {
  const auto loop = io::make_loop();
  const auto transport = TRY(io::make_cpprest_transport(server, *loop));
  Round round;
  std::optional<Instant> when;  // its requests are to be sent
  std::vector<std::optional<Result<kube::HttpResponse>>> waiting;
  std::size_t open = 0;
  bool done = false;
  const auto send = [&] {
    when.reset();
    waiting.assign(round.requests.size(), std::nullopt);
    open = round.requests.size();
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      const auto done_with = [&waiting, &open, i](Result<kube::HttpResponse> answer) {
        waiting[i] = std::move(answer);
        --open;
      };
      transport->call(std::move(round.requests[i]), round.deadline, done_with);
    }
  };
  const auto turn = [&](Now now) {
    if (open > 0 || done) {
      return;
    }
    if (!when) {
      Answers answers;
      for (auto& answer : waiting) {
        answers.push_back(std::move(*answer));
      }
      round = next(answers, now);
      if (round.requests.empty()) {
        done = true;
        loop->stop();
        return;
      }
      when = now.mono + round.pause;
    }
    if (*when <= now.mono) {
      send();
    }
  };
  const io::SignalWatch signals(*loop, [&loop](int) { loop->stop(); });
  loop->run(turn, [&when] { return when; });
  return done ? Result<Unit>(Unit{}) : Error{Code::unavailable, "ended before everything was answered"};
}

kube::HttpRequest get_request(const kube::Ref& ref) {
  kube::Call call;
  call.verb = kube::Verb::get;
  call.ref = ref;
  return kube::encode(call);
}

Result<std::vector<kube::Json>> items_of(kube::Kind kind, const Result<kube::HttpResponse>& answer) {
  if (!answer.ok()) {
    return answer.error();
  }
  const Result<kube::Json> list = kube::decode(answer.value());
  if (!list.ok()) {
    return Error{list.error().code, std::string(kube::info(kind).kind) + ": " + list.error().what};
  }
  std::vector<kube::Json> objects;
  const kube::Json* const items = kube::find(list.value(), "items");
  for (kube::Json item : items != nullptr && items->is_array() ? *items : kube::Json::array()) {
    item["apiVersion"] = kube::api_version(kind);
    item["kind"] = kube::info(kind).kind;
    objects.push_back(std::move(item));
  }
  return objects;
}

std::string selector_of(const std::string& cluster) {
  std::string selector(app::label_instance);
  selector.append("=").append(cluster).append(",");
  return selector.append(app::label_managed_by).append("=").append(app::manager);
}

}  // namespace nocobase_operator::program
