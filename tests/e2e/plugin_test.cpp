// `kubectl nocobase`: kubectl finds the plugin on the PATH, and it tells of a cluster and holds it for maintenance.
#include <cstdlib>
#include <filesystem>

#include "harness.h"

namespace nocobase_operator::e2e {

namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class PluginTest : public OperatorTest {
 protected:
  // kubectl with the plugin on its PATH, and the administrator's rights.
  [[nodiscard]] static Output kubectl(std::vector<std::string> args, std::string_view in = {}) {
    const std::string folder = std::filesystem::path(NBO_OPERATOR).parent_path().string();
    std::vector<std::string> command = {"env", "PATH=" + folder + ":" + std::getenv("PATH"),
                                        "KUBECONFIG=" + cp().file("admin.kubeconfig"), cp().program("kubectl")};
    command.insert(command.end(), args.begin(), args.end());
    return run(command, in);
  }
  [[nodiscard]] Output nocobase(std::vector<std::string> args, std::string_view in = {}) const {
    args.insert(args.begin(), "nocobase");
    args.insert(args.end(), {"-n", ns});
    return kubectl(args, in);
  }
  // The lines of a status that have `part` in them.
  [[nodiscard]] static std::vector<std::string> lines_with(const std::string& text, const std::string& part) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      if (line.find(part) != std::string::npos) {
        lines.push_back(line);
      }
    }
    return lines;
  }
};

TEST_F(PluginTest, the_plugin_tells_of_a_cluster_and_holds_it_for_maintenance) {
  Json object = cluster("crm", three_roles());
  object["metadata"]["labels"] = {{"kustomize.toolkit.fluxcd.io/name", "apps"},
                                  {"kustomize.toolkit.fluxcd.io/namespace", "flux-system"}};
  ASSERT_NO_FATAL_FAILURE(apply(object));
  const Output early = nocobase({"status", "crm"});
  EXPECT_EQ(early.code, 1) << early.out << early.err;
  ASSERT_TRUE(wait_ready("crm", seconds(120)));

  Output status = nocobase({"status", "crm"});
  EXPECT_EQ(status.code, 0) << status.out << status.err;
  EXPECT_THAT(status.out,
              testing::StartsWith("✓ NocoBaseCluster " + ns + "/crm: Running, 2.2.15, nocobase/nocobase:2.2.15"));
  EXPECT_EQ(status.err, "");
  EXPECT_EQ(status.out.find('\033'), std::string::npos) << status.out;
  EXPECT_THAT(
      lines_with(status.out, "WORKER_MODE"),
      testing::ElementsAre(
          HasSubstr("─ ✓ web       WORKER_MODE=!                   1 wanted, 1 told, 1 ready; as the spec says"),
          HasSubstr("─ ✓ workflow  WORKER_MODE=workflow:process    1 wanted, 1 told, 1 ready; as the spec says"),
          HasSubstr("─ ✓ tasks     WORKER_MODE=async-task:process  1 wanted, 1 told, 1 ready; as the spec says")));
  const std::vector<std::string> pods = lines_with(status.out, "─ ✓ pod crm-");
  ASSERT_EQ(pods.size(), 3U) << status.out;
  EXPECT_THAT(pods.front(), MatchesRegex(".*pod crm-web-[a-z0-9]+-[a-z0-9]+ ready for [0-9]+ s on node .*"));

  const Output on = nocobase({"maintenance", "on", "crm", "--wait", "--timeout", "120"});
  EXPECT_EQ(on.code, 0) << on.out << on.err;
  EXPECT_THAT(on.out, testing::StartsWith("NocoBaseCluster " + ns +
                                          "/crm: maintenance is on in its spec\n"
                                          "note: Flux (Kustomization flux-system/apps) applies this cluster: "));
  EXPECT_THAT(on.out, testing::EndsWith("\nreached: one pod runs, as asked\n"));
  const Json held = get("nbc", "crm");
  EXPECT_EQ(at(held, "/spec/maintenance", false), true);
  EXPECT_EQ(cp().list("pod", ns).size(), 1U);
  status = nocobase({"status", "crm"});
  EXPECT_EQ(status.code, 0) << status.out;
  EXPECT_THAT(status.out, testing::StartsWith("✓ NocoBaseCluster " + ns + "/crm: Maintenance, "));
  EXPECT_THAT(lines_with(status.out, "WORKER_MODE=workflow:process"),
              testing::ElementsAre(HasSubstr("1 wanted, 0 told, 0 ready; held: maintenance")));

  const Output again = nocobase({"maintenance", "on", "crm"});
  EXPECT_EQ(again.out, "NocoBaseCluster " + ns + "/crm: maintenance is already on in its spec\n");
  EXPECT_EQ(at(get("nbc", "crm"), "/metadata/generation", 0), at(held, "/metadata/generation", -1));

  const Output off = nocobase({"maintenance", "off", "crm", "--wait", "--timeout", "120"});
  EXPECT_EQ(off.code, 0) << off.out << off.err;
  EXPECT_THAT(off.out, testing::EndsWith("\nreached: every role has the pods it is to have\n"));
  EXPECT_FALSE(get("nbc", "crm")["spec"].contains("maintenance"));
  EXPECT_EQ(cp().list("pod", ns).size(), 3U);

  object["spec"]["roles"][0]["env"] = Json::array({Json{{"name", "TZ"}, {"value", "UTC"}}});
  const Output plan = nocobase({"plan", "-"}, object.dump());
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("change Deployment crm-web")) << plan.out;
  EXPECT_EQ(kubectl({"nocobase", "explain", "!"}).out.substr(0, 16), "WORKER_MODE \"!\"\n");

  // kubectl completes what the plugin knows.
  EXPECT_THAT(kubectl({"__complete", "nocobase", "maintenance", ""}).out, testing::StartsWith("on\noff\n:4\n"));
  EXPECT_THAT(kubectl({"__complete", "nocobase", "status", "-n", ns, "c"}).out,
              testing::StartsWith("crm\tNocoBaseCluster\n:4\n"));

  const Output none = nocobase({"status", "erp"});
  EXPECT_EQ(none.code, 2);
  EXPECT_EQ(none.out, "");
  EXPECT_EQ(none.err, ns + "/erp: nocobaseclusters.nocobase.com \"erp\" not found\n");
}

}  // namespace

}  // namespace nocobase_operator::e2e
