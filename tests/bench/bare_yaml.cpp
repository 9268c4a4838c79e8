// Parses files with yaml-cpp and does nothing with what they say: what reading them costs at least.
#include <iostream>

#include <yaml-cpp/yaml.h>

int main(int argc, char** argv) {
  std::size_t documents = 0;
  for (int i = 1; i < argc; ++i) {
    documents += YAML::LoadAllFromFile(argv[i]).size();
  }
  std::cout << documents << " documents\n";
}
