#include "app/pod_words.h"

namespace nocobase_operator::app {

bool is_failing(const SeenPod& pod) {
  return !pod.reason.empty() && pod.reason != "ContainerCreating" && pod.reason != "PodInitializing";
}

std::string describe(const SeenPod& pod) {
  std::string text = "pod " + pod.meta.ref.name;
  if (!is_failing(pod)) {
    if (pod.phase == "Running") {
      return text + " runs; waiting for its health check to answer 200";
    }
    return text + (pod.reason.empty() ? " is starting" : ": " + pod.reason);
  }
  text += ": " + pod.reason;
  if (pod.exit_code) {
    text += ", exit code " + std::to_string(*pod.exit_code);
  }
  if (!pod.image.empty() && (pod.reason == "ImagePullBackOff" || pod.reason == "InvalidImageName")) {
    text += ", image " + pod.image;
  }
  return pod.message.empty() ? text : text + ": " + pod.message;
}

}  // namespace nocobase_operator::app
