#include "runtime/definitions.h"

#include <algorithm>
#include <iterator>

namespace nocobase_operator::runtime {

std::optional<kube::HttpRequest> Definitions::poll(Now now) {
  if (options_.needed.empty() || under_way_ || !due_ || now.mono < *due_) {
    return std::nullopt;
  }
  under_way_ = true;
  due_.reset();
  return kube::encode_schema(options_.needed.begin()->first);
}

void Definitions::replied(const Result<kube::HttpResponse>& outcome, Now now) {
  under_way_ = false;
  const Result<kube::Json> document =
      outcome.ok() ? kube::decode(outcome.value()) : Result<kube::Json>(outcome.error());
  last_error_ = document.ok() ? "" : document.error().what;
  failures_ = document.ok() ? 0 : failures_ + 1;
  if (document.ok()) {
    known_ = true;
    judge(document.value());
    if (!missing_.empty()) {  // the server makes the document anew some time after a definition has changed
      due_ = now.mono + options_.recheck;
    }
  } else if (document.error().code == Code::denied) {
    known_ = true;  // and what is missing is what was; to be asked again with the next watch
  } else {
    due_ = now.mono + options_.backoff.after(failures_, rng_);
  }
}

void Definitions::judge(const kube::Json& document) {
  const auto served = kube::fields_of_document(document);
  missing_.clear();
  for (const auto& [kind, needed] : options_.needed) {
    const auto has = served.find(kind);
    if (has == served.end()) {
      continue;  // it is not defined at all, which its watch tells
    }
    kube::Fields lacking;
    std::set_difference(needed.begin(), needed.end(), has->second.begin(), has->second.end(),
                        std::inserter(lacking, lacking.end()));
    if (!lacking.empty()) {
      missing_[kind] = std::move(lacking);
    }
  }
}

void Definitions::suspect(Now now) {
  failures_ = 0;
  if (!due_ || now.mono < *due_) {
    due_ = now.mono;
  }
}

std::optional<Instant> Definitions::next_wake() const {
  return options_.needed.empty() || under_way_ ? std::nullopt : due_;
}

std::string list_of(const std::map<kube::Kind, kube::Fields>& missing) {
  constexpr std::size_t shown = 5;
  std::string out;
  for (const auto& [kind, fields] : missing) {
    // A field that is missing with all below it is named once.
    std::vector<std::string> tops;
    for (const std::string& field : fields) {
      const bool below = !tops.empty() && field.starts_with(tops.back()) &&
                         field.find_first_of(".[", tops.back().size()) == tops.back().size();
      if (!below) {
        tops.push_back(field);
      }
    }
    out.append(out.empty() ? "" : "; ").append(kube::info(kind).kind).append(": ");
    for (std::size_t i = 0; i < std::min(shown, tops.size()); ++i) {
      out.append(i == 0 ? "" : ", ").append(tops[i]);
    }
    if (tops.size() > shown) {
      out.append(" and ").append(std::to_string(tops.size() - shown)).append(" more");
    }
  }
  return out;
}

}  // namespace nocobase_operator::runtime
