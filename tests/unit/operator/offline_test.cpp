// The offline commands as a shell sees them: output, errors and exit codes.
#include "operator/offline.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "kube/json.h"

namespace nocobase_operator::program {
namespace {

namespace fs = std::filesystem;

// A folder of its own for one test, gone afterwards.
class OfflineTest : public ::testing::Test {
 protected:
  OfflineTest() {
    std::string name = (fs::temp_directory_path() / "nbo-offline-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~OfflineTest() override { fs::remove_all(folder_); }
  OfflineTest(const OfflineTest&) = delete;
  OfflineTest& operator=(const OfflineTest&) = delete;

  std::string file(const std::string& name, const std::string& content) {
    const fs::path path = folder_ / name;
    std::ofstream(path) << content;
    return path.string();
  }
  Streams streams() { return {out_, err_, false}; }

  fs::path folder_;
  std::ostringstream out_, err_;
};

const char* const good = R"(apiVersion: nocobase.com/v1alpha1
kind: NocoBaseCluster
metadata: {name: crm}
spec:
  image: nocobase/nocobase:2.2.15-full
  roles:
    - {name: web, requests: true, replicas: 2}
    - {name: jobs, services: ["workflow:process", "async-task:process"], replicas: 1}
  database: {dialect: postgres, host: pg, name: nocobase, user: nocobase, passwordSecretRef: {name: pg, key: password}}
  coordination: {redis: {host: redis}}
)";

TEST_F(OfflineTest, a_good_cluster_validates_with_exit_code_0) {
  EXPECT_EQ(validate({{file("a.yaml", good)}, "", "text", "error"}, streams()), exit_ok) << out_.str() << err_.str();
  EXPECT_EQ(err_.str(), "");
  EXPECT_TRUE(out_.str().ends_with("1 NocoBaseCluster in 1 document: 0 errors, 0 warnings\n")) << out_.str();
}

TEST_F(OfflineTest, a_finding_names_file_line_and_column) {
  std::string text = good;
  text.replace(text.find("replicas: 2"), 11, "replicas: x");
  const auto path = file("a.yaml", text);
  EXPECT_EQ(validate({{path}, "", "text", "error"}, streams()), exit_findings);
  EXPECT_NE(out_.str().find(path + ":7:35: error NB003 spec.roles[0].replicas: "), std::string::npos) << out_.str();
}

TEST_F(OfflineTest, json_output_is_one_object_with_the_same_findings) {
  std::string text = good;
  text.replace(text.find("requests: true"), 14, "request: true");
  const auto path = file("a.yaml", text);
  EXPECT_EQ(validate({{path}, "", "json", "error"}, streams()), exit_findings);
  const auto json = kube::parse_json(out_.str());
  ASSERT_TRUE(json.ok()) << out_.str();
  EXPECT_EQ(kube::integer_at(json.value(), {"clusters"}), 1);
  const auto& first = json.value().at("findings").at(0);
  EXPECT_EQ(first.at("file"), path);
  EXPECT_EQ(first.at("line"), 7);
  EXPECT_EQ(first.at("code"), "NB001");
  EXPECT_EQ(first.at("severity"), "error");
  EXPECT_EQ(first.at("path"), "spec.roles[0].request");
}

TEST_F(OfflineTest, an_unquoted_sign_where_a_key_belongs_says_what_to_write) {
  struct Case {
    std::string_view written;
    int exit;
    std::string_view message;
    std::string_view advice;
  };
  const Case cases[] = {
      {"[!, \"async-task:process\"]", exit_findings,
       ":8:31: error NB012 spec.roles[1].services[0]: the unquoted ! is a YAML tag",
       "write `requests: true` for !, and quote a key that begins with a sign"},
      {"[*, \"async-task:process\"]", exit_unusable_input, ":8:32: error NB010: an unquoted * begins a YAML alias",
       "write \"*\" in quotes if it is meant as a text"},
      {"[-, \"async-task:process\"]", exit_findings,
       ":8:31: error NB012 spec.roles[1].services[0]: \"-\" is no service key",
       "a pod never has the mode -; write `requests: true`, or a service key"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.written);
    out_.str("");
    err_.str("");
    std::string text = good;
    const std::string_view keys = R"(["workflow:process", "async-task:process"])";
    text.replace(text.find(keys), keys.size(), one.written);
    const auto path = file("a.yaml", text);
    EXPECT_EQ(validate({{path}, "", "text", "error"}, streams()), one.exit);
    const std::string said = out_.str() + err_.str();
    EXPECT_NE(said.find(path + std::string(one.message)), std::string::npos) << said;
    EXPECT_NE(said.find(one.advice), std::string::npos) << said;
  }
}

TEST_F(OfflineTest, input_without_a_cluster_is_unusable) {
  const auto path = file("a.yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n");
  EXPECT_EQ(validate({{path}, "", "text", "error"}, streams()), exit_unusable_input);
  EXPECT_EQ(err_.str(), "no NocoBaseCluster in the input\n");
}

TEST_F(OfflineTest, other_kinds_are_passed_over) {
  const auto path = file("a.yaml", std::string(good) + "---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n");
  EXPECT_EQ(validate({{path}, "", "text", "error"}, streams()), exit_ok);
  EXPECT_TRUE(out_.str().ends_with("1 NocoBaseCluster in 2 documents: 0 errors, 0 warnings\n")) << out_.str();
}

TEST_F(OfflineTest, a_list_is_looked_into_with_places) {
  const auto path =
      file("a.yaml",
           "apiVersion: v1\nkind: List\nitems:\n- apiVersion: nocobase.com/v1alpha1\n  kind: NocoBaseCluster\n"
           "  metadata: {name: crm}\n  spec:\n    image: 3\n");
  EXPECT_EQ(validate({{path}, "", "text", "error"}, streams()), exit_findings);
  EXPECT_NE(out_.str().find(path + ":8:5: error NB003 spec.image: "), std::string::npos) << out_.str();
}

// What kubectl get -o json prints of one kind is a list of that kind.
TEST_F(OfflineTest, a_list_of_one_kind_is_looked_into_item_by_item) {
  std::string text = "apiVersion: nocobase.com/v1alpha1\nkind: NocoBaseClusterList\nitems:\n";
  for (const std::string name : {"a", "b", "c"}) {
    text += "- apiVersion: nocobase.com/v1alpha1\n  kind: NocoBaseCluster\n  metadata: {name: " + name +
            ", name: " + name + "}\n  spec:\n    image: !x 3\n";
  }
  const auto path = file("a.yaml", text);
  EXPECT_EQ(validate({{path}, "", "text", "error"}, streams()), exit_findings);
  for (const int line : {6, 11, 16}) {
    const std::string at = path + ":" + std::to_string(line);
    EXPECT_NE(out_.str().find(at + ":23: error NB002 metadata.name: "), std::string::npos) << out_.str();
  }
  EXPECT_NE(out_.str().find("3 NocoBaseClusters in 1 document"), std::string::npos) << out_.str();
}

// "file:line:column: code path" of what `validate` tells, one for each finding that is no advice.
std::vector<std::string> places(const std::string& json, const fs::path& folder) {
  std::vector<std::string> out;
  const kube::Json report = kube::Json::parse(json);
  for (const kube::Json& finding : report.at("findings")) {
    if (finding.at("severity") != "info") {
      const std::string file = finding.at("file");
      out.push_back((file == "-" ? file : fs::path(file).lexically_relative(folder).string()) + ":" +
                    finding.at("line").dump() + ":" + finding.at("column").dump() + ": " +
                    finding.at("code").get<std::string>() + " " + finding.at("path").get<std::string>());
    }
  }
  return out;
}

// What kustomize prints: a stream of documents of many kinds, and a List among them.
const char* const stream = R"(apiVersion: v1
kind: Secret
metadata: {name: pg, namespace: apps}
stringData: {passwd: x}
---
apiVersion: nocobase.com/v1alpha1
kind: NocoBaseCluster
metadata: {name: crm, namespace: apps}
spec:
  image: nocobase/nocobase:2.2.15-full
  roles: [{name: all, requests: true, services: ["*"], replicas: 1}]
  database: {dialect: postgres, host: pg, name: a, user: b, passwordSecretRef: {name: pg, key: password}}
---
# nothing but a comment
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: settings, namespace: shop}
    data:
      APP_COMMAND_REDIS_URL: redis:/r
  - apiVersion: nocobase.com/v1alpha1
    kind: NocoBaseCluster
    metadata: {name: shop, namespace: shop}
    spec:
      image: nocobase/nocobase:2.2.15-full
      roles:
        - {name: all, requests: true, services: ["*"], replica: 1}
      database: {dialect: sqlite}
      envFrom: [{configMapRef: {name: settings}}]
)";
const std::vector<std::string> in_stream = {
    "30:56: NB001 spec.roles[0].replica", "31:18: NB080 spec.database.dialect", "29:7: NB090 spec.roles",
    "12:91: NB130 spec.database.passwordSecretRef.key", "23:7: NB055 data.APP_COMMAND_REDIS_URL"};

TEST_F(OfflineTest, a_stream_of_documents_with_a_list_is_checked_through) {
  EXPECT_EQ(validate({{file("all.yaml", stream)}, "", "json", "error"}, streams()), exit_findings);
  std::vector<std::string> want;
  for (const std::string& place : in_stream) {
    want.push_back("all.yaml:" + place);
  }
  EXPECT_EQ(places(out_.str(), folder_), want);
  const kube::Json report = kube::Json::parse(out_.str());
  EXPECT_EQ(report.at("clusters"), 2);
  EXPECT_EQ(report.at("documents"), 3);
}

TEST_F(OfflineTest, stdin_is_read_where_the_file_is_a_hyphen) {
  const std::string path = file("all.yaml", stream);
  const int kept = dup(STDIN_FILENO);
  ASSERT_NE(std::freopen(path.c_str(), "r", stdin), nullptr);
  const int exit = validate({{"-"}, "", "json", "error"}, streams());
  ASSERT_NE(dup2(kept, STDIN_FILENO), -1);
  close(kept);
  EXPECT_EQ(exit, exit_findings);
  std::vector<std::string> want;
  for (const std::string& place : in_stream) {
    want.push_back("-:" + place);
  }
  EXPECT_EQ(places(out_.str(), folder_), want);
}

TEST_F(OfflineTest, json_is_read_with_places_one_object_a_list_or_several) {
  const auto path = file("a.json",
                         "{\n  \"apiVersion\": \"nocobase.com/v1alpha1\",\n  \"kind\": \"NocoBaseCluster\",\n"
                         "  \"metadata\": {\"name\": \"crm\"},\n  \"spec\": {\"image\": 3}\n}\n"
                         "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n"
                         "  {\"apiVersion\": \"nocobase.com/v1alpha1\", \"kind\": \"NocoBaseCluster\",\n"
                         "   \"metadata\": {\"name\": \"\u00fc\"},\n   \"spec\": {\"image\": \"a\"}}]}\n");
  EXPECT_EQ(validate({{path}, "", "json", "error"}, streams()), exit_findings);
  std::vector<std::string> found = places(out_.str(), folder_);
  std::erase_if(found, [](const std::string& each) { return each.find("NB005") != std::string::npos; });
  EXPECT_EQ(found, (std::vector<std::string>{"a.json:5:12: NB003 spec.image", "a.json:9:17: NB014 metadata.name"}));
}

TEST_F(OfflineTest, a_folder_is_looked_through_and_secrets_of_other_files_count) {
  fs::create_directories(folder_ / "base/deep");
  fs::create_directories(folder_ / ".git");
  std::string broken = good;
  broken.replace(broken.find("replicas: 2"), 11, "replicas: x");
  file("base/deep/crm.yml", broken);
  file("base/secret.json", R"({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pg"}, "data": {"a": ""}})");
  file("base/shop.yaml", std::string(good).replace(std::string(good).find("crm"), 3, "shop"));
  file("base/notes.txt", "a: [\n");
  file(".git/hidden.yaml", "a: [\n");
  EXPECT_EQ(validate({{folder_.string()}, "", "json", "error"}, streams()), exit_findings);
  EXPECT_EQ(places(out_.str(), folder_),
            (std::vector<std::string>{"base/deep/crm.yml:7:35: NB003 spec.roles[0].replicas",
                                      "base/shop.yaml:9:105: NB130 spec.database.passwordSecretRef.key"}));
}

TEST_F(OfflineTest, nothing_to_judge_is_unusable_whatever_the_input) {
  fs::create_directories(folder_ / "empty");
  const std::string inputs[] = {(folder_ / "empty").string(), file("empty.yaml", ""),
                                file("comment.yaml", "# a\n---\n"), file("other.yaml", "kind: Pod\napiVersion: v1\n"),
                                file("list.json", R"({"kind": "List"})")};
  for (const std::string& input : inputs) {
    for (const char* const output : {"text", "json", "sarif", "github", "gitlab"}) {
      SCOPED_TRACE(input + " " + output);
      err_.str("");
      EXPECT_EQ(validate({{input}, "", output, "error"}, streams()), exit_unusable_input);
      EXPECT_EQ(err_.str(), "no NocoBaseCluster in the input\n");
    }
  }
}

TEST_F(OfflineTest, no_output_shows_the_value_of_a_secret) {
  std::string text = good;
  text += "  keys: {secretRef: {name: keys}}\n";
  const auto path =
      file("a.yaml", text +
                         "---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {APP_KEY: "
                         "s3cr3t, APP_AES_SECRET_KEY: s3cr3t}\n"
                         "---\napiVersion: v1\nkind: Secret\nmetadata: {name: pg}\nstringData: {password: "
                         "'s3cr3t '}\n");
  for (const char* const output : {"text", "json", "sarif", "github", "gitlab"}) {
    out_.str("");
    EXPECT_EQ(validate({{path}, "", output, "error"}, streams()), exit_findings);
    EXPECT_NE(out_.str().find("NB133"), std::string::npos) << output;
    EXPECT_NE(out_.str().find("NB136"), std::string::npos) << output;
    EXPECT_NE(out_.str().find("NB068"), std::string::npos) << output;
    EXPECT_EQ((out_.str() + err_.str()).find("s3cr3t"), std::string::npos) << output;
  }
}

TEST_F(OfflineTest, one_entry_of_a_secret_is_told_once_however_many_take_it) {
  const std::string keys = "  keys: {secretRef: {name: keys}}\n";
  std::string other = good;
  other.replace(other.find("crm"), 3, "shop");
  const auto path = file("a.yaml", std::string(good) + keys + "---\n" + other + keys +
                                       "---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\n"
                                       "stringData: {APP_KEY: test-key, APP_AES_SECRET_KEY: " +
                                       std::string(64, 'a') + "}\n");
  EXPECT_EQ(validate({{path}, "", "json", "error"}, streams()), exit_findings);
  EXPECT_EQ(places(out_.str(), folder_),
            (std::vector<std::string>{"a.yaml:28:14: NB131 stringData.APP_KEY", "a.yaml:21:3: NB140 spec.database",
                                      "a.yaml:22:18: NB141 spec.coordination.redis"}));
}

TEST_F(OfflineTest, a_missing_file_is_unusable_and_named) {
  EXPECT_EQ(validate({{(folder_ / "none.yaml").string()}, "", "text", "error"}, streams()), exit_unusable_input);
  EXPECT_NE(err_.str().find("none.yaml"), std::string::npos);
}

TEST_F(OfflineTest, what_cannot_be_read_is_unusable_and_a_finding_with_a_place) {
  struct Case {
    std::string text;
    std::string told;
  };
  const Case cases[] = {
      {"a: [1\nb: }\n", ":2:2: error NB016: the '[' above is not closed"},
      {"a: 1\n---\nb: *c\n", ":3:4: error NB010: the referenced anchor is not defined"},
      {"a: " + std::string(4U << 20U, 'x'), ":1:1: error NB011: the document is larger than 3145728 bytes"},
      {"a: \x01\n", ":1:4: error NB016: byte 0x01 is no UTF-8 text"},
  };
  for (const auto& [text, told] : cases) {
    out_.str("");
    const auto path = file("a.yaml", text);
    EXPECT_EQ(validate({{path}, "", "text", "error"}, streams()), exit_unusable_input);
    EXPECT_TRUE(out_.str().starts_with(path + told)) << out_.str();
    EXPECT_EQ(err_.str(), "");
  }
}

TEST_F(OfflineTest, a_cluster_before_the_place_that_cannot_be_read_is_judged) {
  std::string text = good;
  text.replace(text.find("replicas: 2"), 11, "replicas: x");
  const auto path = file("a.yaml", text + "---\nb: [\n");
  EXPECT_EQ(validate({{path}, "", "github", "error"}, streams()), exit_unusable_input);
  EXPECT_EQ(out_.str(),
            "::error file=" + path +
                ",line=7,col=35,title=NB003 wrong type::spec.roles[0].replicas: want a whole number, got \"x\"\n"
                "::error file=" +
                path +
                ",line=13,col=1,title=NB016 not YAML::the '[' above is not closed\n"
                "1 NocoBaseCluster in 1 document: 2 errors, 0 warnings\n");
}

TEST_F(OfflineTest, a_change_is_judged_where_the_cluster_stood_in_the_old_file) {
  const std::string other = "apiVersion: nocobase.com/v1alpha1\nkind: NocoBaseCluster\nmetadata: {name: new}\n";
  std::string text = good;
  text.replace(text.find("dialect: postgres"), 17, "dialect: mysql");
  const auto path = file("a.yaml", text);
  EXPECT_EQ(validate({{path}, file("old.yaml", good), "text", "error"}, streams()), exit_findings);
  EXPECT_NE(out_.str().find(path + ":9:14: error NB122 spec.database.dialect: dialect changes from \"postgres\" to "
                                   "\"mysql\"\n"),
            std::string::npos)
      << out_.str();
  EXPECT_EQ(validate({{path}, file("old.yaml", other), "text", "error"}, streams()), exit_ok) << "another cluster";
  EXPECT_EQ(validate({{path}, file("old.yaml", ""), "text", "error"}, streams()), exit_ok) << "the first one";
  EXPECT_EQ(validate({{path}, (folder_ / "none.yaml").string(), "text", "error"}, streams()), exit_unusable_input);
}

TEST_F(OfflineTest, warnings_fail_only_when_asked) {
  std::string text = good;
  text.replace(text.find("coordination"), std::string::npos, "");  // two pods and nothing shared between them
  const auto path = file("a.yaml", text);
  EXPECT_EQ(validate({{path}, "", "text", "error"}, streams()), exit_ok) << out_.str();
  EXPECT_EQ(validate({{path}, "", "text", "warning"}, streams()), exit_findings) << out_.str();
}

TEST_F(OfflineTest, render_prints_every_child_once) {
  EXPECT_EQ(render({file("a.yaml", good), "json"}, streams()), exit_ok) << err_.str();
  const auto json = kube::parse_json(out_.str());
  ASSERT_TRUE(json.ok());
  std::vector<std::string> names;
  for (const auto& item : json.value().at("items")) {
    names.push_back(kube::string_at(item, {"kind"}) + "/" + kube::string_at(item, {"metadata", "name"}));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"ServiceAccount/crm", "PersistentVolumeClaim/crm-storage", "Service/crm",
                                             "NocoBaseRole/crm-web", "Deployment/crm-web", "NocoBaseRole/crm-jobs",
                                             "Deployment/crm-jobs", "PodDisruptionBudget/crm-web"}));
}

TEST_F(OfflineTest, render_prints_what_the_operator_would_run_of_workers_alone) {
  std::string text = good;
  text.replace(text.find("requests: true"), 14, "services: ['*']");
  const std::string path = file("a.yaml", text);
  EXPECT_EQ(validate({{path}, "", "text", "error"}, streams()), exit_findings);
  EXPECT_NE(out_.str().find("NB040"), std::string::npos) << out_.str();
  EXPECT_EQ(render({path, "yaml"}, streams()), exit_ok) << err_.str();
}

TEST_F(OfflineTest, render_refuses_what_validate_refuses) {
  std::string text = good;
  text.replace(text.find("requests: true, "), 16, "");
  EXPECT_EQ(render({file("a.yaml", text), "yaml"}, streams()), exit_findings);
  EXPECT_EQ(out_.str(), "");
  EXPECT_NE(err_.str().find("spec.roles[0]"), std::string::npos) << err_.str();
}

TEST_F(OfflineTest, explain_json_answers_for_each_key) {
  EXPECT_EQ(explain({"!,b", "", {"a", "b"}, "json"}, streams()), exit_ok);
  const auto json = kube::parse_json(out_.str());
  ASSERT_TRUE(json.ok()) << out_.str();
  EXPECT_EQ(json.value().at("mode"), "!,b");
  EXPECT_EQ(json.value().at("requests"), true);
  EXPECT_EQ(json.value().at("keys"), (kube::Json{{"a", false}, {"b", true}}));
  EXPECT_EQ(json.value().at("transient"), false);
  EXPECT_EQ(json.value().at("findings").at(0).at("code"), "WM001");
}

TEST_F(OfflineTest, explain_asks_about_the_upstream_keys_by_default) {
  EXPECT_EQ(explain({"*", "", {}, "json"}, streams()), exit_ok);
  const auto json = kube::parse_json(out_.str());
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json.value().at("requests"), false);
  EXPECT_EQ(json.value().at("keys"), (kube::Json{{"workflow:process", true}, {"async-task:process", true}}));
}

TEST_F(OfflineTest, explain_tells_each_role_of_a_file) {
  EXPECT_EQ(explain({std::nullopt, file("a.yaml", good), {}, "json"}, streams()), exit_ok) << err_.str();
  const auto json = kube::parse_json(out_.str());
  ASSERT_TRUE(json.ok());
  const auto& roles = json.value().at(0).at("roles");
  EXPECT_EQ(roles.at(0).at("mode"), "!");
  EXPECT_EQ(roles.at(1).at("mode"), "workflow:process,async-task:process");
}

TEST_F(OfflineTest, explain_without_anything_to_explain_is_unusable) {
  EXPECT_EQ(explain({std::nullopt, "", {}, "text"}, streams()), exit_unusable_input);
}

TEST_F(OfflineTest, crd_prints_both_kinds) {
  EXPECT_EQ(print_crds(streams()), exit_ok);
  EXPECT_NE(out_.str().find("name: nocobaseclusters.nocobase.com"), std::string::npos);
  EXPECT_NE(out_.str().find("name: nocobaseroles.nocobase.com"), std::string::npos);
}

}  // namespace
}  // namespace nocobase_operator::program
