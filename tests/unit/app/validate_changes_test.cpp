#include <gtest/gtest.h>

#include "spec_samples.h"

namespace nocobase_operator::app {
namespace {

using Codes = std::vector<std::string>;

Codes changes(const Json& before, const Json& after) {
  const Cluster old_cluster = decode(before).cluster;
  const Cluster cluster = decode(after).cluster;
  const std::size_t standing = validate(cluster).size();
  const kube::Findings all = validate(cluster, &old_cluster);
  return codes_of({all.begin() + static_cast<std::ptrdiff_t>(standing), all.end()});
}

TEST(Changes, what_cannot_change_is_found) {
  struct Case {
    std::string_view name;
    std::string pointer;
    std::string_view before;
    std::string_view after;
    Codes want;
  };
  const std::vector<Case> cases = {
      {"nothing", "/spec/storage", "", "", {}},
      {"grows", "/spec/storage", R"({"size": "10Gi"})", R"({"size": "20Gi"})", {}},
      {"the same in other words", "/spec/storage", R"({"size": "10Gi"})", R"({"size": "10240Mi"})", {}},
      {"shrinks", "/spec/storage", R"({"size": "20Gi"})", R"({"size": "10Gi"})", {"NB120 spec.storage.size"}},
      {"shrinks to the default", "/spec/storage", R"({"size": "20Gi"})", "", {"NB120 spec"}},
      {"absent is 10Gi", "/spec/storage", "", R"({"size": "9Gi"})", {"NB120 spec.storage.size"}},
      {"another class",
       "/spec/storage",
       R"({"storageClassName": "a"})",
       R"({"storageClassName": "b"})",
       {"NB121 spec.storage.storageClassName"}},
      {"none is not absent", "/spec/storage", R"({"storageClassName": ""})", "{}", {"NB121 spec.storage"}},
      {"the default mode in words", "/spec/storage", "", R"({"accessModes": ["ReadWriteMany"]})", {}},
      {"another mode",
       "/spec/storage",
       "",
       R"({"accessModes": ["ReadWriteOnce", "ReadWriteMany"]})",
       {"NB121 spec.storage.accessModes"}},
      {"another claim", "/spec/storage", R"({"existingClaim": "a"})", "", {"NB121 spec"}},
      {"another dialect", "/spec/database/dialect", "", R"("mysql")", {"NB122 spec.database.dialect"}},
      {"another host", "/spec/database/host", "", R"("other")", {}},
      {"a prefix", "/spec/database/tablePrefix", "", R"("a_")", {"NB122 spec.database.tablePrefix"}},
      {"a schema less", "/spec/database/schema", R"("a")", "", {"NB122 spec.database"}},
      {"underscored", "/spec/database/underscored", "", "true", {"NB122 spec.database.underscored"}},
      {"not underscored in words", "/spec/database/underscored", "", "false", {}},
      {"upgrade", "/spec/image", R"("a:2.2.15")", R"("a:2.2.16")", {}},
      {"downgrade", "/spec/image", R"("a:2.2.15")", R"("a:2.1.6")", {"NB123 spec.image"}},
      {"variant", "/spec/image", R"("a:2.2.15")", R"("a:2.2.15-full")", {}},
      {"other keys", "/spec/keys", "", R"({"secretRef": {"name": "k"}})", {"NB124 spec.keys"}},
  };
  for (const Case& row : cases) {
    SCOPED_TRACE(row.name);
    const Json before = row.before.empty() && row.pointer == "/spec/database/dialect"
                            ? sample()
                            : changed(sample(), row.pointer, row.before);
    EXPECT_EQ(changes(before, changed(sample(), row.pointer, row.after)), row.want);
  }
}

TEST(Changes, a_downgrade_can_be_allowed) {
  const Json before = changed(sample(), "/spec/image", R"("a:2.2.15")");
  const Json after = changed(changed(sample(), "/spec/image", R"("a:2.1.6")"), "/spec/upgrade/allowDowngrade", "true");
  EXPECT_EQ(changes(before, after), Codes());
}

}  // namespace
}  // namespace nocobase_operator::app
