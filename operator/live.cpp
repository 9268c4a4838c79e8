#include "operator/live.h"

#include <optional>
#include <utility>

#include "operator/ask.h"
#include "runtime/store.h"

namespace nocobase_operator::program {

namespace {

constexpr std::size_t max_rounds = 64;

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
  Result<std::vector<kube::Json>> items = items_of(kind, answer);
  if (!items.ok()) {
    if (items.error().code == Code::not_found && kube::is_optional(kind)) {
      scene_.missing_kinds.insert(kind);
      return;
    }
    return fail(items.error());
  }
  for (kube::Json& item : std::move(items).value()) {
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
    const std::string selector = selector_of(name);
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
  std::optional<LivePlan> live;
  std::size_t rounds = 0;
  TRY(ask(server, [&](const Answers& answers, Now now) {
    if (!live) {
      live.emplace(wanted, now.wall);
    }
    Round round{live->next(answers)};
    if (++rounds > max_rounds) {
      round.requests.clear();
    }
    return round;
  }));
  if (rounds > max_rounds) {
    return Error{Code::unavailable, "what the cluster refers to changes faster than it can be read"};
  }
  return live->result();
}

}  // namespace nocobase_operator::program
