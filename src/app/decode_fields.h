// The reading of single fields, shared by the parts of decode(): a kube::Reader plus the forms, limits and lists of the
// API. Knows no field of the spec by name.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/form.h"
#include "app/report.h"
#include "app/spec.h"
#include "kube/reader.h"

namespace nocobase_operator::app {

// How many items a list may have.
struct ListLimits {
  std::size_t min = 0;
  std::size_t max = 0;
};

class FieldDecoder {
 public:
  // Appends to `findings`, which must outlive this.
  explicit FieldDecoder(kube::Findings& findings) : findings_(&findings), report_(findings) {}

  // The codes that readers report under.
  [[nodiscard]] static const kube::ReaderCodes& codes();

  // Each returns what was read, even when its form is wrong; the finding keeps it from being used.
  [[nodiscard]] std::optional<std::string> text(kube::Reader& reader, std::string_view key, const form::Form& form);
  // The place of the word in `words`.
  [[nodiscard]] std::optional<std::size_t> choice(kube::Reader& reader, std::string_view key,
                                                  std::span<const std::string_view> words);
  [[nodiscard]] std::optional<std::int32_t> number(kube::Reader& reader, std::string_view key, std::int32_t min,
                                                   std::int32_t max);
  // A list in which no item repeats.
  [[nodiscard]] std::vector<std::string> set(kube::Reader& reader, std::string_view key, const form::Form& form,
                                             const ListLimits& limits);
  // A list of objects that is handed on.
  [[nodiscard]] std::optional<Json> objects(kube::Reader& reader, std::string_view key, const ListLimits& limits);
  // An integer of at least zero, or a percentage.
  [[nodiscard]] std::optional<Json> count_or_percentage(kube::Reader& reader, std::string_view key);
  // An object with metadata and spec, both handed on: the template of a pod or a job.
  [[nodiscard]] std::optional<Json> object_template(kube::Reader& reader, std::string_view key);
  // An object of texts; a null among them is absent.
  [[nodiscard]] StringMap text_map(kube::Reader& reader, std::string_view key);
  [[nodiscard]] std::optional<Json> resources(kube::Reader& reader, std::string_view key);
  [[nodiscard]] std::vector<EnvVar> env(kube::Reader& reader, std::string_view key);
  [[nodiscard]] std::optional<SecretKeyRef> secret_key_ref(kube::Reader& reader, std::string_view key);
  // {name: …}, the name of a Secret.
  [[nodiscard]] std::optional<std::string> secret_ref(kube::Reader& reader, std::string_view key);

  // Reports every item of `names` that was there before; `what` is "role", say.
  void unique(const std::string& path, const std::vector<std::string>& names, std::string_view what);
  // Reports a list with too few or too many items.
  void limit(const std::string& path, std::size_t size, const ListLimits& limits);
  void check(const std::string& path, std::string_view text, const form::Form& form);
  // Whether check() would find nothing.
  [[nodiscard]] static bool fits(std::string_view text, const form::Form& form);
  [[nodiscard]] Report& report() { return report_; }
  [[nodiscard]] kube::Findings& findings() { return *findings_; }

 private:
  kube::Findings* findings_;
  Report report_;
};

// The forms that several parts of the spec share.
namespace form {
inline constexpr Form secret_name = {1, 253, is_dns_subdomain,
                                     "the name of an object: lower-case letters, digits, - and ."};
inline constexpr Form host = {1, 253, is_host, "a host name or an address, without scheme or port"};
inline constexpr Form hostname = {1, 253, is_hostname, "a host name such as crm.example.com"};
inline constexpr Form path = {1, 1024, is_path, "a path that starts with /"};
inline constexpr Form any_text = {0, 256, nullptr, ""};
inline constexpr Form service_key = {1, 128, is_service_key, "a service key such as workflow:process, or *"};
inline constexpr Form plain_service_key = {1, 128, is_plain_service_key, "a service key such as workflow:process"};
}  // namespace form

// Parts of decode(), one per group of fields.
[[nodiscard]] Role decode_role(FieldDecoder& fields, kube::Reader& reader);
void decode_database(FieldDecoder& fields, kube::Reader& reader, Database& out);
void decode_coordination(FieldDecoder& fields, kube::Reader& reader, Coordination& out);
void decode_storage(FieldDecoder& fields, kube::Reader& reader, Storage& out);
// service, ingress and gateway.
void decode_exposure(FieldDecoder& fields, kube::Reader& spec, Spec& out);
void decode_upgrade(FieldDecoder& fields, kube::Reader& reader, Upgrade& out);
// Whether `text` is an image reference, for forms.
[[nodiscard]] bool is_image(std::string_view text);

}  // namespace nocobase_operator::app
