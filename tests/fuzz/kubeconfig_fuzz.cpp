// Any bytes as a kubeconfig, alone and behind another: no crash, and what is read can be connected to or is refused for
// a reason. The last line of the input, if it starts with '#', is the list of NO_PROXY.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "io/kubeconfig.h"
#include "io/url.h"

namespace {

using namespace nocobase_operator;  // NOLINT(google-build-using-namespace) one file, one purpose

void check(const Result<io::ApiServer>& got) {
  if (!got.ok()) {
    CHECK(!got.error().what.empty());
    return;
  }
  const io::ApiServer& server = got.value();
  const Result<io::Url> url = io::parse_url(server.url);
  CHECK(url.ok());
  CHECK(io::to_string(url.value()) == server.url);
  CHECK(!server.ns.empty());
  CHECK(!server.proxy || !server.proxy->host.empty());
  const io::Credentials& of = server.credentials;
  CHECK(!of.exec || (of.token.empty() && of.token_file.empty() && of.client_cert_pem.empty()));
  if (of.exec) {
    CHECK(!of.exec->command.program.empty());
    CHECK(kube::parse_json(io::exec_info(*of.exec), {.max_bytes = 64U << 20U, .max_depth = 128}).ok());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::size_t last = text.rfind("\n#");
  const std::string excluded = last == std::string::npos ? "" : text.substr(last + 2);
  const io::ProxyVariables proxies{.https_proxy = "http://proxy:3128", .http_proxy = "proxy", .no_proxy = excluded};
  check(io::read_kubeconfig({{"/folder/config", text}}, "", proxies));
  const std::string first = "current-context: c\ncontexts: [{name: c, context: {cluster: c, user: c}}]\n";
  check(io::read_kubeconfig({{"first", first}, {"config", text}}, "", proxies));
  static_cast<void>(io::parse_exec_credential(text, "client.authentication.k8s.io/v1").ok());
  static_cast<void>(io::parse_proxy(text).ok());
  return 0;
}
