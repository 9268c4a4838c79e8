#include "operator/live.h"

#include <memory>
#include <utility>

#include "app/labels.h"
#include "io/cpprest_transport.h"
#include "io/loop.h"
#include "io/signals.h"
#include "runtime/store.h"

namespace nocobase_operator::program {

namespace {

constexpr Millis deadline{30'000};  // of one request
constexpr std::size_t max_rounds = 64;

kube::HttpRequest get_request(const kube::Ref& ref) {
  kube::Call call;
  call.verb = kube::Verb::get;
  call.ref = ref;
  return kube::encode(call);
}

}  // namespace

LivePlan::LivePlan(kube::Json wanted, std::chrono::sys_seconds now)
    : wanted_(std::move(wanted)), result_(Error{Code::unavailable, "nothing has been asked yet"}) {
  scene_.now = now;
}

void LivePlan::fail(Error error) {
  result_ = std::move(error);
  failed_ = true;
}

void LivePlan::take_list(kube::Kind kind, const Result<kube::HttpResponse>& answer) {
  if (!answer.ok()) {
    return fail(answer.error());
  }
  const Result<kube::Json> list = kube::decode(answer.value());
  if (!list.ok()) {
    if (list.error().code == Code::not_found && kube::is_optional(kind)) {
      scene_.missing_kinds.insert(kind);
      return;
    }
    return fail({list.error().code, std::string(kube::info(kind).kind) + ": " + list.error().what});
  }
  const kube::Json* const items = kube::find(list.value(), "items");
  if (items == nullptr || !items->is_array()) {
    return;
  }
  for (kube::Json item : *items) {
    item["apiVersion"] = kube::api_version(kind);
    item["kind"] = kube::info(kind).kind;
    scene_.objects.push_back(std::move(item));
  }
}

void LivePlan::take_object(const kube::Ref& ref, const Result<kube::HttpResponse>& answer) {
  if (!answer.ok()) {
    return fail(answer.error());
  }
  Result<kube::Json> object = kube::decode(answer.value());
  if (!object.ok()) {
    if (object.error().code == Code::not_found) {
      scene_.absent.insert(ref);
      return;
    }
    return fail({object.error().code, kube::to_string(ref) + ": " + object.error().what});
  }
  if (ref.kind == kube::Kind::nocobase_cluster) {
    scene_.cluster = std::move(object).value();
  } else {
    scene_.objects.push_back(std::move(object).value());
  }
}

std::vector<kube::HttpRequest> LivePlan::next(const std::vector<Result<kube::HttpResponse>>& answers) {
  const std::string ns = kube::string_at(wanted_, {"metadata", "namespace"});
  const std::string name = kube::string_at(wanted_, {"metadata", "name"});
  std::vector<kube::HttpRequest> requests;
  if (!begun_) {
    begun_ = true;
    const std::string selector = std::string(app::label_instance) + "=" + name + "," +
                                 std::string(app::label_managed_by) + "=" + std::string(app::manager);
    for (const kube::Kind kind : runtime::watched_kinds) {
      if (kind != kube::Kind::nocobase_cluster) {
        lists_.push_back(kind);
        requests.push_back(kube::encode_list({kind, ns, selector}, 0, ""));
      }
    }
    reads_ = {{kube::Kind::nocobase_cluster, ns, name}};
    requests.push_back(get_request(reads_.front()));
    return requests;
  }
  std::size_t next = 0;
  for (const kube::Kind kind : std::exchange(lists_, {})) {
    take_list(kind, answers[next++]);
  }
  for (const kube::Ref& ref : std::exchange(reads_, {})) {
    take_object(ref, answers[next++]);
  }
  if (failed_) {
    return {};
  }
  app::Forecast forecast = app::forecast(scene_, wanted_);
  reads_ = forecast.unread;
  for (const kube::Ref& ref : reads_) {
    requests.push_back(get_request(ref));
  }
  result_ = std::move(forecast);
  return requests;
}

Result<app::Forecast> plan_live(const io::ApiServer& server, const kube::Json& wanted) {
  const auto loop = io::make_loop();
  const auto transport = TRY(io::make_cpprest_transport(server, *loop));
  LivePlan live(wanted, loop->now().wall);
  std::vector<std::optional<Result<kube::HttpResponse>>> waiting;
  std::size_t open = 0;
  std::size_t rounds = 0;
  bool done = false;
  const auto turn = [&](Now) {
    if (open > 0 || done) {
      return;
    }
    std::vector<Result<kube::HttpResponse>> answers;
    for (auto& answer : waiting) {
      answers.push_back(std::move(*answer));
    }
    std::vector<kube::HttpRequest> requests = live.next(answers);
    if (requests.empty() || ++rounds > max_rounds) {
      done = requests.empty();
      loop->stop();
      return;
    }
    waiting.assign(requests.size(), std::nullopt);
    open = requests.size();
    for (std::size_t i = 0; i < requests.size(); ++i) {
      transport->call(std::move(requests[i]), deadline, [&waiting, &open, i](Result<kube::HttpResponse> answer) {
        waiting[i] = std::move(answer);
        --open;
      });
    }
  };
  const io::SignalWatch signals(*loop, [&loop](int) { loop->stop(); });
  loop->run(turn, [] { return std::nullopt; });
  if (!done) {
    return Error{Code::unavailable, "ended before everything was read"};
  }
  return live.result();
}

}  // namespace nocobase_operator::program
