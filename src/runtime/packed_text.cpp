#include "runtime/packed_text.h"

#include <cstring>
#include <limits>
#define ZLIB_CONST  // input pointers are const
#include <zlib.h>

#include "base/check.h"

namespace nocobase_operator::runtime {
namespace {

// A shorter text is no good dictionary, and a longer one does not fit the window.
constexpr std::size_t min_dictionary = 256;
constexpr std::size_t max_dictionary = std::size_t{15} << 10U;
constexpr int window_bits = -14;  // 16 KiB; negative: without zlib's header and checksum
constexpr int level = 3;          // the fastest leaves 6 % more, the best takes away nothing more worth its time
constexpr int memory_level = 7;   // 100 KiB of state for compressing, shared by all texts

Bytef* bytes(std::string& text) {
  return reinterpret_cast<Bytef*>(text.data());
}
const Bytef* bytes(std::string_view text) {
  return reinterpret_cast<const Bytef*>(text.data());
}
uInt length_of(std::string_view text) {
  return static_cast<uInt>(text.size());
}

// The packed form: one byte for the dictionary (0: none), four for the length of the text, then the deflate stream.
constexpr std::size_t header_size = 1 + sizeof(std::uint32_t);

}  // namespace

struct PackedTexts::Streams {
  z_stream deflate{};
  z_stream inflate{};
};

PackedTexts::PackedTexts() : streams_(std::make_unique<Streams>()) {
  CHECK(deflateInit2(&streams_->deflate, level, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY) == Z_OK);
  CHECK(inflateInit2(&streams_->inflate, window_bits) == Z_OK);
}

PackedTexts::~PackedTexts() {
  deflateEnd(&streams_->deflate);
  inflateEnd(&streams_->inflate);
}

std::string PackedTexts::pack(std::string_view text) {
  CHECK(text.size() <= std::numeric_limits<std::uint32_t>::max() / 2);
  const std::size_t newest = dictionaries_.empty() ? min_dictionary / 2 : dictionaries_.back().size();
  if (text.size() >= newest * 2 && text.size() <= max_dictionary) {
    dictionaries_.emplace_back(text);
  }
  z_stream& stream = streams_->deflate;
  CHECK(deflateReset(&stream) == Z_OK);
  if (!dictionaries_.empty()) {
    CHECK(deflateSetDictionary(&stream, bytes(std::string_view(dictionaries_.back())),
                               length_of(dictionaries_.back())) == Z_OK);
  }
  std::string out(header_size + deflateBound(&stream, text.size()), '\0');
  out[0] = static_cast<char>(dictionaries_.size());
  const auto length = static_cast<std::uint32_t>(text.size());
  std::memcpy(out.data() + 1, &length, sizeof length);
  stream.next_in = bytes(text);
  stream.avail_in = length_of(text);
  stream.next_out = bytes(out) + header_size;
  stream.avail_out = static_cast<uInt>(out.size() - header_size);
  CHECK(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  return out;
}

std::string PackedTexts::unpack(std::string_view packed) const {
  CHECK(packed.size() >= header_size);
  std::uint32_t length = 0;
  std::memcpy(&length, packed.data() + 1, sizeof length);
  z_stream& stream = streams_->inflate;
  CHECK(inflateReset(&stream) == Z_OK);
  if (const auto index = static_cast<unsigned char>(packed[0]); index > 0) {
    CHECK(index <= dictionaries_.size());
    const std::string& dictionary = dictionaries_[index - 1U];
    CHECK(inflateSetDictionary(&stream, bytes(std::string_view(dictionary)), length_of(dictionary)) == Z_OK);
  }
  std::string out(length, '\0');
  packed.remove_prefix(header_size);
  stream.next_in = bytes(packed);
  stream.avail_in = length_of(packed);
  stream.next_out = bytes(out);
  stream.avail_out = length_of(out);
  CHECK(::inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0);
  return out;
}

}  // namespace nocobase_operator::runtime
