#include "app/downgrade.h"

#include "app/image.h"
#include "base/mutant.h"

namespace nocobase_operator::app {
namespace {

std::optional<Version> version_of(const std::string& image) {
  const std::optional<Image> parsed = parse_image(image);
  return parsed ? parsed->version : std::nullopt;
}

}  // namespace

std::optional<Told> downgrade(const Lifecycle& view, const SetupRecord& record) {
  if (view.allow_downgrade || is_mutant("downgrade-allowed")) {
    return std::nullopt;
  }
  const std::optional<Version> wanted = version_of(view.wanted.image);
  for (const std::string& image : {record.image, record.started}) {
    const std::optional<Version> there = version_of(image);
    const bool older = wanted && there ? *wanted < *there
                                       : image == record.started && !image.empty() && view.wanted.image == record.image;
    if (older) {
      return Told{"DowngradeRefused", "the database may be of " + image + ", and " + view.wanted.image +
                                          " is older, which NocoBase does not support; restore a backup that the "
                                          "older version made and set spec.upgrade.allowDowngrade"};
    }
  }
  return std::nullopt;
}

}  // namespace nocobase_operator::app
