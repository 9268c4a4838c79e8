// `explain --diagram` as a shell sees it; what is drawn is tested with app/diagram.h.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "golden.h"
#include "operator/offline.h"

namespace nocobase_operator::program {
namespace {

namespace fs = std::filesystem;

class ExplainDiagramTest : public ::testing::Test {
 protected:
  ExplainDiagramTest() {
    std::string name = (fs::temp_directory_path() / "nbo-diagram-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~ExplainDiagramTest() override { fs::remove_all(folder_); }
  ExplainDiagramTest(const ExplainDiagramTest&) = delete;
  ExplainDiagramTest& operator=(const ExplainDiagramTest&) = delete;

  int draw(const std::string& content, const std::string& format, const std::string& cluster = "") {
    path_ = (folder_ / "in.yaml").string();
    std::ofstream(path_) << content;
    ExplainOptions options;
    options.file = path_;
    options.diagram = format;
    options.cluster = cluster;
    return explain(options, {out_, err_, false});
  }

  fs::path folder_;
  std::string path_;
  std::ostringstream out_, err_;
};

std::string cluster(const std::string& name, const std::string& roles) {
  return "---\napiVersion: nocobase.com/v1alpha1\nkind: NocoBaseCluster\nmetadata: {name: " + name +
         "}\nspec:\n  image: nocobase/nocobase:2.2.15-full\n  roles: " + roles +
         "\n  database: {dialect: postgres, host: pg, name: nocobase, user: nocobase, passwordSecretRef: {name: pg, "
         "key: password}}\n  coordination: {redis: {host: redis}}\n";
}

const std::string three =
    "[{name: web, requests: true, replicas: 2}, {name: workflow, services: [\"workflow:process\"], replicas: 1}, "
    "{name: tasks, services: [\"async-task:process\"]}]";

TEST_F(ExplainDiagramTest, draws_each_format) {
  for (const auto& [format, ending] : {std::pair("text", "txt"), {"svg", "svg"}, {"mermaid", "mmd"}}) {
    out_.str("");
    EXPECT_EQ(draw(cluster("crm", three), format), exit_ok) << err_.str();
    EXPECT_EQ(out_.str(),
              golden_text(fs::path(NBO_SOURCE_DIR) / "tests/golden/diagram/three-roles" += std::string(".") + ending));
  }
  EXPECT_EQ(err_.str(), "");
}

TEST_F(ExplainDiagramTest, text_shows_every_cluster_of_a_file_and_the_others_one) {
  const std::string two = cluster("crm", three) + cluster("erp", three);
  EXPECT_EQ(draw(two, "text"), exit_ok);
  EXPECT_TRUE(out_.str().starts_with("NocoBaseCluster crm, ")) << out_.str();
  EXPECT_NE(out_.str().find("\n\nNocoBaseCluster erp, "), std::string::npos) << out_.str();
  EXPECT_EQ(draw(two, "svg"), exit_unusable_input);
  EXPECT_EQ(err_.str(), path_ + ": 2 NocoBaseClusters, and a picture shows one; choose it with --cluster NAME\n");
  out_.str("");
  EXPECT_EQ(draw(two, "svg", "erp"), exit_ok);
  EXPECT_NE(out_.str().find(">NocoBaseCluster erp</title>"), std::string::npos) << out_.str();
}

TEST_F(ExplainDiagramTest, a_cluster_that_is_not_there_is_named) {
  EXPECT_EQ(draw(cluster("crm", three), "svg", "erp"), exit_unusable_input);
  EXPECT_EQ(err_.str(), path_ + ": no NocoBaseCluster erp in it\n");
  EXPECT_EQ(out_.str(), "");
}

TEST_F(ExplainDiagramTest, what_cannot_be_understood_is_told_and_not_drawn) {
  EXPECT_EQ(draw(cluster("crm", "[{name: web, requests: 3}]"), "svg"), exit_findings);
  EXPECT_NE(err_.str().find(":7:23: error NB003 spec.roles[0].requests: "), std::string::npos) << err_.str();
  EXPECT_EQ(out_.str(), "");
  err_.str("");
  EXPECT_EQ(draw(cluster("crm", "[{name: web, requests: true}, {name: idle}]"), "svg"), exit_findings);
  EXPECT_NE(err_.str().find(": role idle: "), std::string::npos) << err_.str();
  EXPECT_EQ(out_.str(), "");
}

// What nobody serves is what the picture is looked at for.
TEST_F(ExplainDiagramTest, a_cluster_that_nobody_serves_requests_in_is_drawn) {
  EXPECT_EQ(draw(cluster("crm", "[{name: work, services: [\"*\"], replicas: 1}]"), "text"), exit_ok) << err_.str();
  EXPECT_NE(out_.str().find("requests ✗ served by no role"), std::string::npos) << out_.str();
}

}  // namespace
}  // namespace nocobase_operator::program
