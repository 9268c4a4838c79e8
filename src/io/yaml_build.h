// The events of one YAML document become a JSON value with marks, notes and findings. Internal to the YAML reader: it
// includes yaml-cpp's headers.
#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include "base/result.h"
#include "io/yaml.h"
#include "io/yaml_text.h"
#include "kube/source.h"

namespace nocobase_operator::io {

class YamlBuilder final : public YAML::EventHandler {
 public:
  // `text` and `places` belong to the document and must outlive the builder.
  YamlBuilder(std::string_view text, const Places& places, const YamlLimits& limits, YamlFlavour flavour);

  // The first thing that was wrong; the events after it are ignored.
  [[nodiscard]] const std::optional<Unreadable>& failure() const { return failure_; }
  [[nodiscard]] bool complete() const { return complete_; }
  // Value, marks, notes and findings of the document; file and index are left to the caller.
  [[nodiscard]] kube::SourceDocument take() { return std::move(document_); }

  void OnDocumentStart(const YAML::Mark& mark) override;
  void OnDocumentEnd() override;
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override;
  void OnSequenceEnd() override;
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override;
  void OnMapEnd() override;

 private:
  // A collection that is being filled.
  struct Frame {
    kube::Json value;
    std::string path;    // of the nearest collection whose path is kept
    bool traced = true;  // that is this one
    kube::Mark mark;
    YAML::anchor_t anchor = 0;
    std::size_t nodes_before = 0;
    std::size_t bytes_before = 0;
    std::optional<std::string> key;             // of a map, while its value is awaited
    kube::Mark key_mark;                        // of that key
    bool merge = false;                         // that key is "<<"
    std::set<std::string, std::less<>> merged;  // keys of a map that do not stand in the text
  };
  // What an anchor stands for.
  struct Anchored {
    kube::Json value;
    std::string path;
    std::size_t nodes = 0;
    std::size_t bytes = 0;
  };
  struct Properties {
    std::string tag;  // as written, "" when there is none
    std::size_t end;  // offset of what follows the tag and the anchor
  };

  void fail(kube::Mark mark, std::string what, Unreadable::Why why = Unreadable::Why::syntax);
  [[nodiscard]] Result<kube::Json> resolve(const std::string& tag, const std::string& value) const;
  bool spend(kube::Mark mark, std::size_t nodes, std::size_t bytes);
  [[nodiscard]] kube::Mark place(const YAML::Mark& mark) const;
  [[nodiscard]] Properties properties(const YAML::Mark& mark) const;
  [[nodiscard]] bool expects_key() const;
  [[nodiscard]] std::string next_path() const;
  void open(const YAML::Mark& mark, kube::Json empty, YAML::anchor_t anchor);
  void close();
  void remember(YAML::anchor_t anchor, Anchored anchored);
  void add(kube::Json value, std::string path, kube::Mark mark);
  void take_key(const kube::Json& key, std::string_view written, kube::Mark mark);
  void merge(Frame& frame, const kube::Json& value);
  void merge_map(Frame& frame, const kube::Json& map);
  [[nodiscard]] bool is_traced(const std::string& path) const;
  void set_mark(std::string path, kube::Mark mark);
  void note(std::string path, kube::ScalarNote note);
  void copy_notes(const std::string& from, const std::string& to);

  std::string_view text_;
  const Places& places_;
  const YamlLimits limits_;
  const YamlFlavour flavour_;
  kube::SourceDocument document_{};
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::optional<Unreadable> failure_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  std::size_t mark_bytes_ = 0;
  bool complete_ = false;
};

}  // namespace nocobase_operator::io
