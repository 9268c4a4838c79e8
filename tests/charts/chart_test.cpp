// The charts as Helm renders them.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "charts/helm.h"
#include "charts/rules.h"

namespace nocobase_operator::charts {
namespace {

namespace fs = std::filesystem;

const fs::path golden = fs::path(root) / "tests/golden/charts";

std::vector<std::string> cases() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(golden)) {
    out.push_back(entry.path().filename().string());
  }
  std::sort(out.begin(), out.end());
  EXPECT_GE(out.size(), 4U);
  return out;
}

TEST(Chart, passes_helms_own_check) {
  for (const std::string& chart : {operator_chart, crd_chart}) {
    const Output linted = helm({"lint", "--strict", chart});
    EXPECT_EQ(linted.code, 0) << linted.out << linted.err;
  }
}

TEST(Chart, becomes_what_it_was) {
  for (const std::string& name : cases()) {
    SCOPED_TRACE(name);
    std::string text;
    for (const Json& object : render(operator_chart, {"--values", (golden / name / "values.yaml").string()})) {
      text += "---\n" + io::to_yaml(object);
    }
    expect_golden(golden / name / "out.yaml", text);
  }
}

TEST(Chart, refuses_values_that_mean_nothing) {
  struct Case {
    std::string set;
    std::string message;  // that helm must show
  };
  const std::vector<Case> all = {
      {"replica=2", "replica"},
      {"replicas=-1", "replicas"},
      {"replicas=two", "replicas"},
      {"watchNamespace=A_B", "watchNamespace"},
      {"image.digest=sha256:1234", "digest"},
      {"image.tag=a b", "tag"},
      {"image.pullPolicy=Sometimes", "pullPolicy"},
      {"log.format=xml", "format"},
      {"log.level=trace", "level"},
      {"metrics.port=80", "port"},
      {"metrics.podMonitor.interval=soon", "interval"},
      {"podDisruptionBudget.maxUnavailable=0", "maxUnavailable"},
      {"podDisruptionBudget.maxUnavailable=100%", "maxUnavailable"},
      {"terminationGracePeriodSeconds=3", "terminationGracePeriodSeconds"},
      {"rbac.clusterAdmin=true", "clusterAdmin"},
      {"metrics.podMonitor.enabled=true,metrics.serviceMonitor.enabled=true", "enable one"},
      {"metrics.serviceMonitor.enabled=true,metrics.service.enabled=false", "needs metrics.service"},
  };
  for (const Case& c : all) {
    SCOPED_TRACE(c.set);
    const Output refused = render_text(operator_chart, {"--set", c.set});
    EXPECT_NE(refused.code, 0);
    EXPECT_NE(refused.err.find(c.message), std::string::npos) << refused.err;
  }
}

// Every name, namespace and label value below metadata, and every name that is referred to.
void expect_strings(const Json& value, const std::string& key) {
  if (value.is_object() || value.is_array()) {
    for (const auto& [inner, item] : value.items()) {
      expect_strings(item, value.is_array() ? key : inner);
    }
  } else if (key == "name" || key == "namespace" || key == "resourceNames" || key == "serviceAccountName" ||
             key.find('/') != std::string::npos) {
    EXPECT_TRUE(value.is_string()) << key << ": " << value;
  }
}

TEST(Chart, takes_names_that_yaml_could_read_as_something_else) {
  const Output rendered = helm({"template", "on", operator_chart, "--namespace", "1234", "--set-string",
                                "fullnameOverride=123,watchNamespace=yes,nameOverride=1,serviceAccount.name=0x1,"
                                "priorityClassName=1",
                                "--set", "metrics.podMonitor.enabled=true"});
  ASSERT_NE(rendered.out, "") << rendered.err;
  for (const Json& object : objects(rendered.out, "odd names")) {
    expect_strings(object, "");
  }
}

TEST(Chart, needs_a_kubernetes_that_streams_lists) {
  EXPECT_EQ(render_text(operator_chart, {"--kube-version", "1.34.0"}).code, 0);
  EXPECT_NE(render_text(operator_chart, {"--kube-version", "1.33.5"}).code, 0);
}

TEST(Chart, grants_the_operator_what_its_calls_need_and_no_more) {
  for (const auto* ns : {"", "crm"}) {
    SCOPED_TRACE(ns);
    const auto all = render(operator_chart, {"--set", std::string("watchNamespace=") + ns});
    const Json role = find(all, *ns == '\0' ? "ClusterRole" : "Role", "nocobase-operator");
    EXPECT_EQ(granted(role), needed(app::Reach::watched));
    EXPECT_EQ(kube::string_at(role, {"metadata", "namespace"}), ns);
    const Json lease = find(all, "Role", "-lease");
    EXPECT_EQ(granted(lease), needed(app::Reach::own));
    EXPECT_EQ(lease.at("rules").at(1).at("resourceNames"), Json::array({"nocobase-operator"}));
  }
}

TEST(Chart, in_one_namespace_binds_nothing_in_the_whole_cluster) {
  for (const Json& object : render(operator_chart, {"--set", "watchNamespace=crm,rbac.aggregate=false"})) {
    EXPECT_FALSE(kube::string_at(object, {"kind"}).starts_with("Cluster")) << object.dump();
  }
}

TEST(Chart, lets_viewers_read_and_editors_write_clusters_and_nobody_write_roles) {
  const auto all = render(operator_chart);
  const Json view = find(all, "ClusterRole", "-view");
  EXPECT_EQ(kube::string_at(view, {"metadata", "labels", "rbac.authorization.k8s.io/aggregate-to-view"}), "true");
  for (const std::string& grant : granted(view)) {
    const std::string verb = grant.substr(grant.find(' ') + 1);
    EXPECT_TRUE(verb == "get" || verb == "list" || verb == "watch") << grant;
    EXPECT_TRUE(grant.starts_with("nocobase.com/")) << grant;
  }
  const Json edit = find(all, "ClusterRole", "-edit");
  EXPECT_EQ(kube::string_at(edit, {"metadata", "labels", "rbac.authorization.k8s.io/aggregate-to-edit"}), "true");
  EXPECT_FALSE(edit.at("metadata").at("labels").contains("rbac.authorization.k8s.io/aggregate-to-view"));
  const Grants expected = {"nocobase.com/nocobaseclusters create",
                           "nocobase.com/nocobaseclusters update",
                           "nocobase.com/nocobaseclusters patch",
                           "nocobase.com/nocobaseclusters delete",
                           "nocobase.com/nocobaseclusters deletecollection",
                           "nocobase.com/nocobaseroles/scale update",
                           "nocobase.com/nocobaseroles/scale patch"};
  EXPECT_EQ(granted(edit), expected);
}

// The paths of all values: maps that are not empty are gone through.
void collect(const Json& value, const std::string& path, std::set<std::string>& out) {
  if (value.is_object() && !value.empty() && path != "resources" && path != "podSecurityContext" &&
      path != "securityContext" && !path.ends_with("Probe")) {
    for (const auto& [key, item] : value.items()) {
      collect(item, path.empty() ? key : path + "." + key, out);
    }
  } else {
    out.insert(path);
  }
}

TEST(Chart, documents_every_value) {
  for (const std::string& chart : {operator_chart, crd_chart}) {
    SCOPED_TRACE(chart);
    const std::string readme = golden_text(chart + "/README.md");
    std::set<std::string> paths;
    collect(objects_in(chart + "/values.yaml").at(0), "", paths);
    EXPECT_GE(paths.size(), 3U);
    for (const std::string& path : paths) {
      EXPECT_NE(readme.find("`" + path + "`"), std::string::npos) << path;
    }
  }
}

TEST(Chart, has_the_version_of_the_program) {
  const std::string project = golden_text(root + "/CMakeLists.txt");
  for (const std::string& chart : {operator_chart, crd_chart}) {
    const Json meta = objects_in(chart + "/Chart.yaml").at(0);
    const std::string version = kube::string_at(meta, {"version"});
    EXPECT_EQ(kube::string_at(meta, {"appVersion"}), version);
    EXPECT_NE(project.find("VERSION " + version + " "), std::string::npos) << version;
  }
}

TEST(Chart, passes_only_flags_that_the_program_knows) {
  const std::string main = golden_text(root + "/operator/main.cpp");
  const auto all = render(operator_chart, {"--set", "watchNamespace=crm"});
  const Json args = find(all, "Deployment").at("/spec/template/spec/containers/0/args"_json_pointer);
  ASSERT_EQ(args.at(0), "run");
  for (std::size_t i = 1; i < args.size(); ++i) {
    const auto flag = args.at(i).get<std::string>();
    EXPECT_NE(main.find("\"" + flag.substr(0, flag.find('=')) + "\""), std::string::npos) << flag;
  }
}

TEST(CrdChart, holds_the_same_files_as_the_folder_crds) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(root + "/crds")) {
    names.insert(entry.path().filename().string());
    expect_golden(crd_chart + "/files/" + entry.path().filename().string(), golden_text(entry.path()));
  }
  for (const auto& entry : fs::directory_iterator(crd_chart + "/files")) {
    EXPECT_TRUE(names.contains(entry.path().filename().string())) << entry.path() << " is not in crds/";
  }
}

TEST(CrdChart, changes_nothing_but_labels_and_annotations_and_keeps_them_on_uninstall) {
  std::map<std::string, Json> sources;
  for (const auto& entry : fs::directory_iterator(root + "/crds")) {
    const Json crd = objects_in(entry.path()).at(0);
    sources[kube::string_at(crd, {"metadata", "name"})] = crd;
  }
  const auto all = render(crd_chart, {"--set", "annotations.a=b,labels.c=d"});
  ASSERT_EQ(all.size(), sources.size());
  for (Json crd : all) {
    EXPECT_EQ(crd["metadata"]["annotations"], Json({{"helm.sh/resource-policy", "keep"}, {"a", "b"}}));
    EXPECT_EQ(kube::string_at(crd, {"metadata", "labels", "c"}), "d");
    crd["metadata"].erase("annotations");
    crd["metadata"].erase("labels");
    EXPECT_EQ(crd, sources.at(kube::string_at(crd, {"metadata", "name"})));
  }
  for (const Json& crd : render(crd_chart, {"--set", "keep=false"})) {
    EXPECT_FALSE(crd.at("metadata").contains("annotations"));
  }
}

TEST(CrdChart, is_small_enough_for_a_client_side_apply) {
  constexpr std::size_t annotations_limit = 256 * 1024;  // of all annotations of an object, by the API server
  for (const Json& crd : render(crd_chart)) {
    EXPECT_LT(crd.dump().size(), annotations_limit / 2) << kube::string_at(crd, {"metadata", "name"});
  }
}

TEST(Package, is_both_charts_and_a_plain_manifest_with_the_same_rules) {
  const std::string folder = NBO_BINARY_DIR "/helm/package";
  fs::remove_all(folder);
  const Output packed = e2e::run({root + "/charts/package.sh", folder, programs() + "/helm"});
  ASSERT_EQ(packed.code, 0) << packed.err;
  std::set<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    files.insert(entry.path().extension().string());
  }
  EXPECT_EQ(files, (std::set<std::string>{".tgz", ".yaml"}));
  const std::string text = golden_text(folder + "/install.yaml");
  EXPECT_EQ(text.find("elm"), std::string::npos) << "what Helm alone reads has no place in it";
  const auto all = objects(text, "install.yaml");
  EXPECT_EQ(kube::string_at(all.at(0), {"kind"}), "CustomResourceDefinition");
  EXPECT_EQ(kube::string_at(find(all, "Namespace"), {"metadata", "name"}), "nocobase-operator-system");
  EXPECT_EQ(granted(find(all, "ClusterRole", "nocobase-operator")), needed(app::Reach::watched));
}

}  // namespace
}  // namespace nocobase_operator::charts
