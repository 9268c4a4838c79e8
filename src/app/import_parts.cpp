#include "app/import_parts.h"

#include <algorithm>
#include <array>

#include "app/image.h"

namespace nocobase_operator::app::importing {
namespace {

constexpr std::size_t max_remarks = 1000;
constexpr std::size_t max_text = 1000;  // of one remark

// One line without control characters.
std::string one_line(std::string text) {
  if (text.size() > max_text) {
    text.resize(max_text);
  }
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return text;
}

}  // namespace

Place place_of(const kube::SourceDocument& document, std::string_view path) {
  return {document.file, kube::mark_of(document, path)};
}

void Remarks::add(Remark remark) {
  remark.subject = one_line(std::move(remark.subject));
  remark.message = one_line(std::move(remark.message));
  remark.advice = one_line(std::move(remark.advice));
  const bool told = std::any_of(list_.begin(), list_.end(), [&remark](const Remark& old) {
    return old.kind == remark.kind && old.subject == remark.subject && old.message == remark.message;
  });
  if (told || full_) {
    return;
  }
  full_ = list_.size() + 1 >= max_remarks;
  if (full_) {
    remark = {RemarkKind::needs,
              remark.file,
              remark.mark,
              "the input",
              "there is more to say of it than " + std::to_string(max_remarks) + " remarks",
              "import a smaller part of it"};
  }
  list_.push_back(std::move(remark));
}

void Remarks::needs(const Place& place, std::string subject, std::string message, std::string advice) {
  add({RemarkKind::needs, place.file, place.mark, std::move(subject), std::move(message), std::move(advice)});
}

void Remarks::changed(const Place& place, std::string subject, std::string message, std::string advice) {
  add({RemarkKind::changed, place.file, place.mark, std::move(subject), std::move(message), std::move(advice)});
}

void Remarks::dropped(const Place& place, std::string subject, std::string message, std::string advice) {
  add({RemarkKind::dropped, place.file, place.mark, std::move(subject), std::move(message), std::move(advice)});
}

void put_setting(std::vector<Setting>& list, Setting setting) {
  const auto same =
      std::find_if(list.begin(), list.end(), [&setting](const Setting& old) { return old.name == setting.name; });
  if (same == list.end()) {
    list.push_back(std::move(setting));
  } else {
    *same = std::move(setting);
  }
}

const Setting* find_setting(const std::vector<Setting>& list, std::string_view name) {
  const auto found = std::find_if(list.begin(), list.end(), [name](const Setting& s) { return s.name == name; });
  return found == list.end() ? nullptr : &*found;
}

std::string image_base(std::string_view image) {
  if (const std::optional<Image> parsed = parse_image(image)) {
    return parsed->repository.substr(parsed->repository.rfind('/') + 1);
  }
  return "";
}

bool is_nocobase_image(std::string_view image) {
  return image_base(image).find("nocobase") != std::string::npos;
}

bool is_nocobase_env(const std::vector<Setting>& env) {
  return find_setting(env, "DB_DIALECT") != nullptr || find_setting(env, "WORKER_MODE") != nullptr;
}

std::optional<std::string> scalar_text(const Json& value) {
  if (const auto* const text = value.get_ptr<const std::string*>()) {
    return *text;
  }
  if (value.is_boolean() || value.is_number()) {
    return kube::dump(value);
  }
  return std::nullopt;
}

std::string fitted_name(std::string_view text, std::size_t max) {
  std::string out;
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      out += c;
    } else if (c >= 'A' && c <= 'Z') {
      out += static_cast<char>(c - 'A' + 'a');
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
    if (out.size() > max) {
      break;
    }
  }
  if (!out.empty() && out[0] >= '0' && out[0] <= '9') {
    out.insert(0, "nb-");
  }
  out = out.substr(0, max);
  return out.substr(0, out.find_last_not_of('-') + 1);
}

std::string escaped_for_kubernetes(std::string_view value) {
  std::string out;
  for (const char c : value) {
    out.append(c == '$' ? 2 : 1, c);
  }
  return out;
}

}  // namespace nocobase_operator::app::importing
