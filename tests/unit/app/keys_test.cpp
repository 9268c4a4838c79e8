#include <set>

#include <gtest/gtest.h>

#include "app/names.h"
#include "base/base64.h"
#include "unit/app/render_samples.h"

namespace nocobase_operator::app {
namespace {

std::string entropy_of(char first) {
  std::string bytes;
  for (std::size_t i = 0; i < keys_entropy_bytes; ++i) {
    bytes += static_cast<char>(static_cast<unsigned char>(first) + i * 7U);
  }
  return bytes;
}

std::string decoded(const Json& secret, std::string_view key) {
  return decode_base64(kube::string_at(secret, {"data", key})).value_or("(no base64)");
}

std::set<std::string> names(const Json& secret) {
  std::set<std::string> out;
  for (const auto& [name, value] : secret["data"].items()) {
    out.insert(name);
  }
  return out;
}

bool only(const std::string& text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string::npos;
}

TEST(KeysSecret, HoldsKeysAndTheFirstAdministrator) {
  const Json secret = keys_secret(small_cluster(), entropy_of(1));
  EXPECT_EQ(secret["kind"], "Secret");
  EXPECT_EQ(secret["apiVersion"], "v1");
  EXPECT_EQ(secret["type"], "Opaque");
  EXPECT_EQ(secret["immutable"], true);
  EXPECT_EQ(secret["metadata"]["name"], "crm-keys");
  EXPECT_EQ(secret["metadata"]["namespace"], "apps");
  EXPECT_EQ(secret["metadata"]["labels"]["app.kubernetes.io/instance"], "crm");
  EXPECT_FALSE(secret["metadata"].contains("ownerReferences")) << "it outlives the cluster";
  EXPECT_EQ(names(secret),
            (std::set<std::string>{"APP_KEY", "APP_AES_SECRET_KEY", "INIT_ROOT_EMAIL", "INIT_ROOT_PASSWORD"}));
  const std::string_view hex = "0123456789abcdef";
  EXPECT_EQ(decoded(secret, key_app).size(), 64U);
  EXPECT_TRUE(only(decoded(secret, key_app), hex));
  EXPECT_EQ(decoded(secret, key_aes).size(), 64U);
  EXPECT_TRUE(only(decoded(secret, key_aes), hex));
  EXPECT_NE(decoded(secret, key_aes), decoded(secret, key_app));
  EXPECT_EQ(decoded(secret, key_admin_email), "admin@example.com");
  EXPECT_EQ(decoded(secret, key_admin_password).size(), 24U);
  EXPECT_TRUE(only(decoded(secret, key_admin_password), "abcdefghijkmnpqrstuvwxyz23456789"));
}

TEST(KeysSecret, UsesTheEntropyForThreeValuesThatShareNone) {
  const std::string entropy(keys_entropy_bytes, '\0');
  const Json plain = keys_secret(small_cluster(), entropy);
  struct Case {
    std::size_t byte;
    std::string_view key;
  };
  for (const Case& c : {Case{0, key_app}, Case{31, key_app}, Case{32, key_aes}, Case{63, key_aes},
                        Case{64, key_admin_password}, Case{87, key_admin_password}}) {
    SCOPED_TRACE(c.byte);
    std::string changed = entropy;
    changed[c.byte] = '\x15';
    const Json secret = keys_secret(small_cluster(), changed);
    for (const std::string_view key : {key_app, key_aes, key_admin_password}) {
      EXPECT_EQ(decoded(secret, key) != decoded(plain, key), key == c.key) << key;
    }
  }
}

TEST(KeysSecret, LeavesOutWhatTheUserBrings) {
  Cluster cluster = small_cluster();
  cluster.spec.keys = Keys{"my-keys", {}};
  EXPECT_EQ(names(keys_secret(cluster, entropy_of(1))),
            (std::set<std::string>{"INIT_ROOT_EMAIL", "INIT_ROOT_PASSWORD"}));
  cluster.spec.keys = Keys{{}, "fingerprint"};
  cluster.spec.initial_admin_secret = "my-admin";
  EXPECT_EQ(names(keys_secret(cluster, entropy_of(1))), (std::set<std::string>{"APP_KEY", "APP_AES_SECRET_KEY"}));
}

TEST(KeysSecret, FitsTheVariablesOfThePods) {
  const Cluster cluster = small_cluster();
  const Json secret = keys_secret(cluster, entropy_of(3));
  const auto children = render_once(cluster);
  ASSERT_TRUE(children.ok());
  const Child* web = find_child(children.value(), kube::Kind::deployment, "crm-web");
  ASSERT_NE(web, nullptr);
  std::set<std::string> wanted;
  for (const Json& item : web->body["spec"]["template"]["spec"]["containers"][0]["env"]) {
    if (kube::string_at(item, {"valueFrom", "secretKeyRef", "name"}) == "crm-keys") {
      wanted.insert(kube::string_at(item, {"valueFrom", "secretKeyRef", "key"}));
    }
  }
  EXPECT_EQ(wanted, names(secret));
}

}  // namespace
}  // namespace nocobase_operator::app
