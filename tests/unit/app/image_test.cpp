#include "app/image.h"

#include <vector>

#include <gtest/gtest.h>

namespace nocobase_operator::app {
namespace {

constexpr std::string_view digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

TEST(Image, tags_tell_version_and_variant) {
  struct Case {
    std::string_view text;
    std::string_view repository;
    std::string_view version;  // "" when the tag tells none
    bool full;
    bool nginx;
    bool moves;
  };
  const std::vector<Case> cases = {
      {"nocobase/nocobase:2.2.15", "nocobase/nocobase", "2.2.15", false, true, false},
      {"nocobase/nocobase:2.2.15-full", "nocobase/nocobase", "2.2.15", true, true, false},
      {"nocobase/nocobase:2.2.15-no-nginx", "nocobase/nocobase", "2.2.15", false, false, false},
      {"nocobase/nocobase:2.2.15-full-no-nginx", "nocobase/nocobase", "2.2.15", true, false, false},
      {"nocobase/nocobase:2.2.0-beta.3-full", "nocobase/nocobase", "2.2.0-beta.3", true, true, false},
      {"nocobase/nocobase:v2.1.0", "nocobase/nocobase", "2.1.0", false, true, false},
      {"nocobase/nocobase:2.2", "nocobase/nocobase", "", false, true, true},
      {"nocobase/nocobase:latest", "nocobase/nocobase", "", false, true, true},
      {"nocobase/nocobase:latest-full", "nocobase/nocobase", "", true, true, true},
      {"nocobase/nocobase:2.2-beta", "nocobase/nocobase", "", false, true, true},
      {"repo/nocobase", "repo/nocobase", "", false, true, true},
      {"localhost:5000/nocobase/nocobase:latest-full", "localhost:5000/nocobase/nocobase", "", true, true, true},
      {"localhost:5000/nocobase", "localhost:5000/nocobase", "", false, true, true},
      {"[::1]:5000/nocobase:2.1.0", "[::1]:5000/nocobase", "2.1.0", false, true, false},
      {"registry.cn-shanghai.aliyuncs.com/nocobase/nocobase:2.1.41",
       "registry.cn-shanghai.aliyuncs.com/nocobase/nocobase", "2.1.41", false, true, false},
      {"a:full", "a", "", true, true, true},
  };
  for (const Case& row : cases) {
    SCOPED_TRACE(row.text);
    const auto image = parse_image(row.text);
    ASSERT_TRUE(image);
    EXPECT_EQ(image->repository, row.repository);
    EXPECT_EQ(image->version ? to_string(*image->version) : "", row.version);
    EXPECT_EQ(image->full, row.full);
    EXPECT_EQ(image->nginx, row.nginx);
    EXPECT_EQ(image->moves(), row.moves);
  }
}

TEST(Image, a_digest_pins_whatever_the_tag) {
  const auto image = parse_image("repo/nocobase:2.2@" + std::string(digest));
  ASSERT_TRUE(image);
  EXPECT_EQ(image->tag, "2.2");
  EXPECT_EQ(image->digest, digest);
  EXPECT_FALSE(image->version);
  EXPECT_FALSE(image->moves());
}

TEST(Image, what_is_no_reference_is_refused) {
  for (const std::string_view text :
       {"",   " ",  "a b",  "A/b c", "Nocobase",   "a:",     "a@",   "a@sha256:12", "a::b",   "a//b",
        "/a", "a/", "a:-x", "a__/b", "http://a/b", "[::1/a", "a:x@", "a..b",        "a:tag/", "docker.io/Nocobase/x"}) {
    EXPECT_FALSE(parse_image(text)) << text;
  }
}

TEST(Version, order_is_that_of_semver) {
  const std::vector<std::string_view> ordered = {"1.9.22",       "2.0.0-alpha.2",  "2.0.0-alpha.10",
                                                 "2.0.0-beta.1", "2.0.0-beta.1.1", "2.0.0",
                                                 "2.0.1",        "2.1.0",          "10.0.0"};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      SCOPED_TRACE(std::string(ordered[i]) + " and " + std::string(ordered[j]));
      EXPECT_EQ(*parse_version(ordered[i]) <=> *parse_version(ordered[j]), i <=> j);
    }
  }
}

TEST(Version, other_texts_are_none) {
  for (const std::string_view text : {"", "2", "2.2", "2.2.", "2.2.x", "2.2.1.1", "2.2.1-", "-1.2.3", "+1.2.3",
                                      "2.2.1-b_c", "99999999999.0.0", "2.02.1", "00.2.1"}) {
    EXPECT_FALSE(parse_version(text)) << text;
  }
}

}  // namespace
}  // namespace nocobase_operator::app
