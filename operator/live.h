// What the API server has of a cluster, as far as a plan needs it. Nothing is written.
#pragma once
#include <string>
#include <vector>

#include "app/forecast.h"
#include "base/result.h"
#include "io/kubeconfig.h"
#include "kube/http.h"

namespace nocobase_operator::program {

// Plans from what the API server has, in rounds of requests and answers: a machine without I/O.
class LivePlan {
 public:
  // `wanted` is a NocoBaseCluster without errors that names its namespace.
  LivePlan(kube::Json wanted, std::chrono::sys_seconds now);

  // What to ask, now that the requests of the last round have these answers, in their order (none at first). Nothing:
  // it is done.
  [[nodiscard]] std::vector<kube::HttpRequest> next(const std::vector<Result<kube::HttpResponse>>& answers);
  // What has come of it, once next() asks for nothing more.
  [[nodiscard]] const Result<app::Forecast>& result() const { return result_; }

 private:
  void take_list(kube::Kind kind, const Result<kube::HttpResponse>& answer);
  void take_object(const kube::Ref& ref, const Result<kube::HttpResponse>& answer);
  void fail(Error error);

  kube::Json wanted_;
  app::Scene scene_;
  std::vector<kube::Kind> lists_;  // asked for, in this order
  std::vector<kube::Ref> reads_;   // and these after them
  bool begun_ = false;
  bool failed_ = false;
  Result<app::Forecast> result_;
};

// Runs one against an API server.
[[nodiscard]] Result<app::Forecast> plan_live(const io::ApiServer& server, const kube::Json& wanted);

}  // namespace nocobase_operator::program
