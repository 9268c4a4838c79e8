// A world is mostly small JSON nodes made and taken apart: operator new for programs with one thread, from lists of
// free blocks by size. Not linked under sanitizers.
#include <array>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

constexpr std::size_t step = 16;
constexpr std::size_t sizes = 32;  // up to 512 bytes, its head included
constexpr std::size_t chunk = std::size_t{1} << 20U;

struct Block {
  Block* next;
};
struct alignas(16) Head {
  std::size_t size;  // its list; 0 for none
};

std::array<Block*, sizes + 1> free_blocks{};
std::byte* fresh = nullptr;
std::size_t left = 0;

}  // namespace

void* operator new(std::size_t size) {
  const std::size_t list = (size + sizeof(Head) + step - 1) / step;
  std::byte* block = nullptr;
  if (list > sizes) {
    block = static_cast<std::byte*>(std::malloc(size + sizeof(Head)));
    if (block == nullptr) {
      std::abort();
    }
    new (block) Head{0};
  } else {
    if (free_blocks[list] != nullptr) {
      block = reinterpret_cast<std::byte*>(free_blocks[list]);
      free_blocks[list] = free_blocks[list]->next;
    } else {
      if (left < list * step) {
        fresh = static_cast<std::byte*>(std::malloc(chunk));
        if (fresh == nullptr) {
          std::abort();
        }
        left = chunk;
      }
      block = fresh;
      fresh += list * step;
      left -= list * step;
    }
    new (block) Head{list};
  }
  return block + sizeof(Head);
}

void operator delete(void* memory) noexcept {
  if (memory == nullptr) {
    return;
  }
  std::byte* const block = static_cast<std::byte*>(memory) - sizeof(Head);
  const std::size_t list = reinterpret_cast<Head*>(block)->size;
  if (list == 0) {
    std::free(block);
    return;
  }
  free_blocks[list] = new (block) Block{free_blocks[list]};
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
  operator delete(memory);
}
