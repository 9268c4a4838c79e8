// The offline commands as a shell sees them: output, errors and exit codes.
#include "operator/offline.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

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
