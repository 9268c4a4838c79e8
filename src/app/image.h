// An image reference taken apart: registry, repository, tag, digest, and what NocoBase's tags say of the version and
// the variant. Knows nothing of registries.
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nocobase_operator::app {

// A released version of NocoBase: 2.2.15, or 2.2.0-beta.3.
struct Version {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t patch = 0;
  std::string prerelease;  // "beta.3"; "" for a release

  // By precedence as semver has it: a prerelease comes before its release.
  friend std::strong_ordering operator<=>(const Version& a, const Version& b);
  friend bool operator==(const Version&, const Version&) = default;
};

// "2.2.15" or "2.2.0-beta.3"; nothing for anything else.
[[nodiscard]] std::optional<Version> parse_version(std::string_view text);
[[nodiscard]] std::string to_string(const Version& version);

struct Image {
  std::string repository;          // with the registry, whose port is no tag: "localhost:5000/nocobase/nocobase"
  std::string tag;                 // "" when there is none
  std::string digest;              // "sha256:…", "" when there is none
  bool full = false;               // -full: with database clients and LibreOffice
  bool nginx = true;               // false for -no-nginx
  std::optional<Version> version;  // of the tag: absent for a moving tag (latest, 2.2), a foreign one, or none

  // Whether the same reference may mean another image tomorrow: no digest, and no tag of a whole version.
  [[nodiscard]] bool moves() const { return digest.empty() && !version; }
  friend bool operator==(const Image&, const Image&) = default;
};

// SKIP_SAME_VERSION_UPGRADE came with this version: before it every pod migrates the database when it starts, so that
// no two may run at once (packages/core/server/src/application.ts).
[[nodiscard]] Version first_with_several_pods();  // 2.0.0
// From here on known errors of several pods are mended.
[[nodiscard]] Version first_advised();  // 2.1.41
// Whether a second pod would migrate the database under the first one. Of a version that is not known it is not said.
[[nodiscard]] bool migrates_at_every_start(std::string_view image);

// Takes a reference apart, by the grammar of distribution/reference (reference.go); nothing when it is no reference.
// The variants: .github/workflows/release.yml of nocobase, "" or -full, each with or without -no-nginx.
[[nodiscard]] std::optional<Image> parse_image(std::string_view reference);

}  // namespace nocobase_operator::app
