#include "own_operator.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace nocobase_operator::e2e {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr auto operator_namespace = "nocobase-operator-system";

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

Server api_server() {
  const auto& cp = ControlPlane::get();
  const Output got =
      cp.kubectl({"config", "view", "--raw", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"});
  EXPECT_EQ(got.code, 0) << got.err;
  return {got.out, text_of(cp.file("pki/ca.crt"))};
}

std::string kubeconfig_of(const std::string& ns, const std::string& account, const Server& server) {
  const auto& cp = ControlPlane::get();
  const Output token = cp.kubectl({"create", "token", account, "-n", ns, "--duration", "8760h"});
  EXPECT_EQ(token.code, 0) << token.err;
  const std::string path = cp.file(ns + "-" + account + ".kubeconfig");
  std::ofstream(path + ".crt") << server.ca_pem;
  const auto named = [](const char* what, Json value) {
    return Json::array({Json{{"name", "test"}, {what, std::move(value)}}});
  };
  const Json config = {
      {"apiVersion", "v1"},
      {"kind", "Config"},
      {"current-context", "test"},
      {"clusters", named("cluster", {{"server", server.url}, {"certificate-authority", path + ".crt"}})},
      {"users", named("user", {{"token", token.out.substr(0, token.out.find('\n'))}})},
      {"contexts", named("context", {{"cluster", "test"}, {"user", "test"}, {"namespace", ns}})}};
  std::ofstream(path) << config.dump();
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return path;
}

void grant_all_rights(const std::string& account) {
  const auto& cp = ControlPlane::get();
  const Output rights = cp.kubectl(
      {"apply", "--server-side", "--force-conflicts", "-f", std::string(NBO_SOURCE_DIR) + "/operator/rbac.yaml"});
  ASSERT_EQ(rights.code, 0) << rights.err;
  const auto binding = [&](const char* kind, const char* role_kind, const char* role) -> Json {
    Json subject = {{"kind", "ServiceAccount"}, {"name", account}, {"namespace", operator_namespace}};
    return {{"apiVersion", "rbac.authorization.k8s.io/v1"},
            {"kind", kind},
            {"metadata", {{"name", account}, {"namespace", operator_namespace}}},
            {"roleRef", {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", role_kind}, {"name", role}}},
            {"subjects", Json::array({std::move(subject)})}};
  };
  Json cluster_wide = binding("ClusterRoleBinding", "ClusterRole", "nocobase-operator");
  cluster_wide["metadata"].erase("namespace");
  const Json service_account = {{"apiVersion", "v1"},
                                {"kind", "ServiceAccount"},
                                {"metadata", {{"name", account}, {"namespace", operator_namespace}}}};
  const Json list = {{"apiVersion", "v1"},
                     {"kind", "List"},
                     {"items", Json::array({service_account, cluster_wide,
                                            binding("RoleBinding", "Role", "nocobase-operator-lease")})}};
  const Output bound = cp.kubectl({"apply", "--server-side", "--force-conflicts", "-f", "-"}, list.dump());
  ASSERT_EQ(bound.code, 0) << bound.err;
}

void OwnOperator::start(const std::string& kubeconfig, const std::vector<std::string>& args) {
  const auto& cp = ControlPlane::get();
  const std::size_t before = log().size();
  std::vector<std::string> command = {NBO_OPERATOR, "run", "--kubeconfig", kubeconfig,
                                      "--identity", name_, "--listen",     "127.0.0.1:0"};
  command.insert(command.end(), args.begin(), args.end());
  ASSERT_TRUE(process_.start(command, cp.file("log/" + name_ + ".log"))) << "cannot start " << NBO_OPERATOR;
  std::ofstream(cp.file("pids"), std::ios::app)
      << name_ << ' ' << process_.pid() << ' ' << start_time(process_.pid()) << '\n';
  ASSERT_TRUE(wait_for("operator " + name_ + " listens", seconds(30), [&]() -> std::string {
    const std::string said = log().substr(before);
    const auto at = said.find("listening port=");
    if (at == std::string::npos || said.find('\n', at) == std::string::npos) {
      return "it says: " + said;
    }
    port_ = said.substr(at + 15, said.find('\n', at) - at - 15);
    return "";
  }));
}

std::string OwnOperator::log() const {
  return text_of(ControlPlane::get().file("log/" + name_ + ".log"));
}

std::string OwnOperator::http(const std::string& path) const {
  asio::io_context context;
  boost::beast::tcp_stream stream(context);
  stream.expires_after(seconds(5));
  boost::system::error_code error;
  stream.connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoi(port_))}, error);
  http::request<http::empty_body> request(http::verb::get, path, 11);
  request.set(http::field::host, "127.0.0.1");
  request.keep_alive(false);
  http::response<http::string_body> response;
  boost::beast::flat_buffer buffer;
  if (!error) {
    http::write(stream, request, error);
  }
  if (!error) {
    http::read(stream, buffer, response, error);
  }
  return error ? "" : std::to_string(response.result_int()) + " " + response.body();
}

std::uint64_t OwnOperator::rss() const {
  std::ifstream in("/proc/" + std::to_string(process_.pid()) + "/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  in >> all >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::string missing_from(const Json& outer, const Json& inner, const std::string& where) {
  if (inner.is_object() && outer.is_object()) {
    for (const auto& [key, value] : inner.items()) {
      const std::string below = where + "/" + key;
      const std::string found = outer.contains(key)             ? missing_from(outer[key], value, below)
                                : value == false || value == "" ? ""  // some of these are not stored
                                                                : below + " is missing";
      if (!found.empty()) {
        return found;
      }
    }
    return "";
  }
  if (inner.is_array() && outer.is_array() && inner.size() == outer.size()) {
    for (std::size_t i = 0; i < inner.size(); ++i) {
      if (std::string found = missing_from(outer[i], inner[i], where + "/" + std::to_string(i)); !found.empty()) {
        return found;
      }
    }
    return "";
  }
  return outer == inner ? "" : where + " is " + outer.dump() + ", want " + inner.dump();
}

std::map<std::string, Json> rendered(const Json& cluster) {
  const Output out = run({NBO_OPERATOR, "render", "-o", "json", "-"}, cluster.dump());
  EXPECT_EQ(out.code, 0) << out.err;
  std::map<std::string, Json> objects;
  const Json all = Json::parse(out.out, nullptr, false);
  EXPECT_FALSE(all.is_discarded()) << out.out;
  for (const Json& object : all.is_array() ? all : at(all, "/items", Json::array())) {
    objects[text_at(object, "/kind") + "/" + text_at(object, "/metadata/name")] = object;
  }
  return objects;
}

}  // namespace nocobase_operator::e2e
