#include "kube/http.h"

#include <gmock/gmock.h>

namespace nocobase_operator::kube {
namespace {

const Ref web{Kind::deployment, "crm", "crm-web"};

Call call_of(Verb verb, Json body = {}) {
  return {.verb = verb,
          .ref = web,
          .body = std::move(body),
          .manager = "nocobase-operator",
          .precondition = {},
          .propagation = Propagation::background};
}

TEST(Encode, Get) {
  EXPECT_EQ(encode(call_of(Verb::get)),
            (HttpRequest{"GET", "/apis/apps/v1/namespaces/crm/deployments/crm-web", "", ""}));
  Call core = call_of(Verb::get);
  core.ref = {Kind::secret, "crm", "a b/c"};
  EXPECT_EQ(encode(core).path_and_query, "/api/v1/namespaces/crm/secrets/a%20b%2Fc");
  core.ref = {Kind::secret, "..", "."};
  EXPECT_EQ(encode(core).path_and_query, "/api/v1/namespaces/%2E%2E/secrets/%2E");
}

TEST(Encode, ApplyCarriesItsPreconditionInMetadata) {
  Call call = call_of(Verb::apply, Json::parse(R"({"metadata":{"labels":{"a":"b"}},"spec":{"replicas":2}})"));
  EXPECT_EQ(encode(call),
            (HttpRequest{"PATCH",
                         "/apis/apps/v1/namespaces/crm/deployments/crm-web?fieldManager=nocobase-operator&force=true",
                         "application/apply-patch+yaml",
                         R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"a":"b"},)"
                         R"("name":"crm-web","namespace":"crm"},"spec":{"replicas":2}})"}));
  call.precondition = {"u1", "42"};
  EXPECT_EQ(encode(call).body, R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"a":"b"},)"
                               R"("name":"crm-web","namespace":"crm","resourceVersion":"42","uid":"u1"},)"
                               R"("spec":{"replicas":2}})");
  EXPECT_THAT(encode(call).path_and_query, testing::EndsWith("&force=true"));
  call.precondition = must_not_exist;
  EXPECT_EQ(encode(call).path_and_query,
            "/apis/apps/v1/namespaces/crm/deployments/crm-web?fieldManager=nocobase-operator");
  EXPECT_EQ(encode(call).body, R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"a":"b"},)"
                               R"("name":"crm-web","namespace":"crm","resourceVersion":"1"},"spec":{"replicas":2}})");
  call.precondition = {"u1", ""};
  EXPECT_EQ(encode(call).body, R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"a":"b"},)"
                               R"("name":"crm-web","namespace":"crm","uid":"u1"},"spec":{"replicas":2}})");
}

TEST(Encode, ApplyOfStatusGoesToTheSubresource) {
  Call call = call_of(Verb::apply_status, Json::parse(R"({"status":{"ready":1}})"));
  call.ref = {Kind::nocobase_role, "crm", "crm-web"};
  call.manager = "a b&c";
  EXPECT_EQ(encode(call), (HttpRequest{"PATCH",
                                       "/apis/nocobase.com/v1alpha1/namespaces/crm/nocobaseroles/crm-web/status"
                                       "?fieldManager=a%20b%26c&force=true",
                                       "application/apply-patch+yaml",
                                       R"({"apiVersion":"nocobase.com/v1alpha1","kind":"NocoBaseRole","metadata":)"
                                       R"({"name":"crm-web","namespace":"crm"},"status":{"ready":1}})"}));
}

TEST(Encode, CreatePostsToTheCollection) {
  Call call = call_of(Verb::create, Json::parse(R"({"spec":{}})"));
  call.ref = {Kind::pod, "crm", "crm-setup"};
  call.precondition = {"u1", "42"};  // means nothing for a create
  EXPECT_EQ(encode(call),
            (HttpRequest{"POST", "/api/v1/namespaces/crm/pods?fieldManager=nocobase-operator", "application/json",
                         R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"crm-setup","namespace":"crm"},)"
                         R"("spec":{}})"}));
}

TEST(Encode, UpdatePutsTheBodyWithItsOwnResourceVersion) {
  Call call = call_of(Verb::update, Json::parse(R"({"metadata":{"resourceVersion":"7"},"spec":{}})"));
  call.ref = {Kind::lease, "ops", "leader"};
  EXPECT_EQ(encode(call),
            (HttpRequest{"PUT",
                         "/apis/coordination.k8s.io/v1/namespaces/ops/leases/leader"
                         "?fieldManager=nocobase-operator",
                         "application/json",
                         R"({"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"leader",)"
                         R"("namespace":"ops","resourceVersion":"7"},"spec":{}})"}));
}

TEST(Encode, RemoveCarriesItsPreconditionInDeleteOptions) {
  struct Case {
    Precondition precondition;
    Propagation propagation;
    std::string_view body;
  };
  for (const Case& c : std::initializer_list<Case>{
           {{"", ""},
            Propagation::background,
            R"({"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Background"})"},
           {{"u1", "42"},
            Propagation::foreground,
            R"({"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"resourceVersion":"42","uid":"u1"},)"
            R"("propagationPolicy":"Foreground"})"},
           {{"u1", ""},
            Propagation::orphan,
            R"({"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"u1"},)"
            R"("propagationPolicy":"Orphan"})"}}) {
    Call call = call_of(Verb::remove);
    call.precondition = c.precondition;
    call.propagation = c.propagation;
    EXPECT_EQ(encode(call), (HttpRequest{"DELETE", "/apis/apps/v1/namespaces/crm/deployments/crm-web",
                                         "application/json", std::string(c.body)}));
  }
}

TEST(EncodeWatch, ListsAndWatchesInOneStreamOrResumes) {
  const WatchScope all{Kind::nocobase_cluster, "", ""};
  EXPECT_EQ(encode_watch(all, "", Seconds(290)),
            (HttpRequest{"GET",
                         "/apis/nocobase.com/v1alpha1/nocobaseclusters?watch=true&allowWatchBookmarks=true"
                         "&timeoutSeconds=290&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
                         "", ""}));
  const WatchScope one{Kind::pod, "crm", "app.kubernetes.io/managed-by=nocobase-operator,!x"};
  EXPECT_EQ(encode_watch(one, "42", Seconds(60)).path_and_query,
            "/api/v1/namespaces/crm/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=60&resourceVersion=42"
            "&labelSelector=app.kubernetes.io%2Fmanaged-by%3Dnocobase-operator%2C%21x");
}

TEST(Decode, GivesTheBodyOfASuccess) {
  EXPECT_EQ(decode({200, "", R"({"a":1})"}).value(), Json::parse(R"({"a":1})"));
  EXPECT_EQ(decode({201, "", "{}"}).value(), Json::object());
}

TEST(Decode, SuccessWithAnUnreadableBodyMayHaveHappened) {
  EXPECT_EQ(decode({200, "", "<html>"}).error(),
            (Error{Code::unknown_outcome, "HTTP 200 with an unreadable body: JSON syntax error at byte 1"}));
  EXPECT_EQ(decode({200, "", std::string((8U << 20U) + 1, ' ')}).error(),
            (Error{Code::unknown_outcome,
                   "HTTP 200 with an unreadable body: JSON of 8388609 bytes is larger than the limit of 8388608"}));
}

TEST(Decode, SaysWhatTheServerSaid) {
  struct Case {
    std::string_view name;
    int status;
    std::string body;
    std::string want;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"Status", 404, R"({"kind":"Status","message":"deployments.apps \"x\" not found"})",
            "deployments.apps \"x\" not found"},
           {"Status without a message", 409, R"({"kind":"Status","reason":"Conflict"})", "HTTP 409 Conflict"},
           {"empty Status", 409, R"({"kind":"Status"})", "HTTP 409"},
           {"no body", 503, "", "HTTP 503"},
           {"another JSON", 503, R"({"message":"x"})", R"(HTTP 503: {"message":"x"})"},
           {"text over lines", 503, "upstream\r\n\tgone\x7f", "HTTP 503: upstream   gone "},
           {"giant text, cut between two characters", 503, std::string(1023, 'x') + "éé",
            "HTTP 503: " + std::string(1023, 'x') + "..."},
           {"giant message", 422, R"({"kind":"Status","message":")" + std::string(5000, 'y') + "\"}",
            std::string(1024, 'y') + "..."},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(decode({c.status, "", c.body}).error(), (Error{code_of_status(c.status), c.want}));
  }
}

TEST(Decode, SortsEveryStatus) {
  struct Case {
    int status;
    Code want;
  };
  for (const Case& c :
       {Case{400, Code::invalid},     Case{401, Code::denied},          Case{403, Code::denied},
        Case{404, Code::not_found},   Case{405, Code::invalid},         Case{406, Code::invalid},
        Case{408, Code::unavailable}, Case{409, Code::conflict},        Case{410, Code::gone},
        Case{413, Code::invalid},     Case{415, Code::invalid},         Case{422, Code::invalid},
        Case{429, Code::throttled},   Case{500, Code::unknown_outcome}, Case{502, Code::unknown_outcome},
        Case{503, Code::unavailable}, Case{504, Code::unknown_outcome}, Case{302, Code::unavailable},
        Case{0, Code::unavailable},   Case{199, Code::unavailable},     Case{300, Code::unavailable}}) {
    SCOPED_TRACE(c.status);
    EXPECT_EQ(decode({c.status, "", "{}"}).error().code, c.want);
  }
}

TEST(EncodeList, PagesAndSelects) {
  const auto path = [](const WatchScope& scope, std::size_t limit, std::string_view token) {
    const HttpRequest request = encode_list(scope, limit, token);
    EXPECT_EQ(request, (HttpRequest{"GET", request.path_and_query, "", ""}));
    return request.path_and_query;
  };
  EXPECT_EQ(path({Kind::pod, "", ""}, 0, ""), "/api/v1/pods");
  EXPECT_EQ(path({Kind::pod, "crm", "a=b"}, 0, ""), "/api/v1/namespaces/crm/pods?labelSelector=a%3Db");
  EXPECT_EQ(path({Kind::deployment, "", "a=b"}, 500, ""), "/apis/apps/v1/deployments?limit=500&labelSelector=a%3Db");
  EXPECT_EQ(path({Kind::deployment, "", ""}, 500, "ey+/="), "/apis/apps/v1/deployments?limit=500&continue=ey%2B%2F%3D");
}

TEST(RetryDelay, TakesSecondsOrADateUpToAMinute) {
  struct Case {
    std::string_view text;
    std::optional<Millis> want;
  };
  const std::chrono::sys_seconds now(Seconds(784'111'777));  // Sun, 06 Nov 1994 08:49:37 GMT
  for (const Case& c : {Case{"1", Millis(1000)},
                        Case{"0", Millis(0)},
                        Case{"60", Millis(60000)},
                        Case{"61", Millis(60000)},
                        Case{"99999999999999999999999", Millis(60000)},
                        Case{"", {}},
                        Case{"-1", {}},
                        Case{"1.5", {}},
                        Case{" 1", {}},
                        Case{"soon", {}},
                        Case{"Sun, 06 Nov 1994 08:49:44 GMT", Millis(7000)},
                        Case{"Sun, 06 Nov 1994 08:49:37 GMT", Millis(0)},
                        Case{"Sun, 06 Nov 1994 08:00:00 GMT", Millis(0)},
                        Case{"Wed, 21 Oct 2026 07:28:00 GMT", Millis(60000)},
                        Case{"Sun, 06 Nov 1994 08:49:44 CET", {}},
                        Case{"Sunday, 06-Nov-94 08:49:44 GMT", {}},
                        Case{"Sun, 31 Feb 1994 08:49:44 GMT", {}},
                        Case{"Sun, 06 ovN 1994 08:49:44 GMT", {}},
                        Case{"Sun, 06 Nov 1994 24:49:44 GMT", {}},
                        Case{"Sun, x6 Nov 1994 08:49:44 GMT", {}}}) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(retry_delay({429, std::string(c.text), ""}, now), c.want);
  }
}

}  // namespace
}  // namespace nocobase_operator::kube
