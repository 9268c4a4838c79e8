#include "io/cpprest_streams.h"

#include <algorithm>
#include <utility>

namespace nocobase_operator::io {
namespace {

using Base = concurrency::streams::details::streambuf_state_manager<std::uint8_t>;

// What neither of the two can do: everything but moving bytes one way.
class OneWay : public Base {
 public:
  using Base::Base;
  [[nodiscard]] bool can_seek() const override { return false; }
  [[nodiscard]] bool has_size() const override { return false; }
  [[nodiscard]] std::size_t buffer_size(std::ios_base::openmode /*way*/) const override { return 0; }
  void set_buffer_size(std::size_t /*size*/, std::ios_base::openmode /*way*/) override {}
  [[nodiscard]] std::size_t in_avail() const override { return 0; }
  [[nodiscard]] pos_type getpos(std::ios_base::openmode /*way*/) const override { return no_position(); }
  pos_type seekpos(pos_type /*position*/, std::ios_base::openmode /*way*/) override { return no_position(); }
  pos_type seekoff(off_type /*offset*/, std::ios_base::seekdir /*from*/, std::ios_base::openmode /*way*/) override {
    return no_position();
  }
  bool acquire(std::uint8_t*& data, std::size_t& size) override {
    data = nullptr;
    size = 0;
    return false;
  }
  void release(std::uint8_t* /*data*/, std::size_t /*size*/) override {}

 protected:
  pplx::task<int_type> _putc(std::uint8_t /*byte*/) override { return end(); }
  pplx::task<std::size_t> _putn(const std::uint8_t* /*data*/, std::size_t /*size*/) override { return nothing(); }
  pplx::task<int_type> _bumpc() override { return end(); }
  int_type _sbumpc() override { return traits::eof(); }
  pplx::task<int_type> _getc() override { return end(); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<int_type> _nextc() override { return end(); }
  pplx::task<int_type> _ungetc() override { return end(); }
  pplx::task<std::size_t> _getn(std::uint8_t* /*data*/, std::size_t /*size*/) override { return nothing(); }
  std::size_t _scopy(std::uint8_t* /*data*/, std::size_t /*size*/) override { return 0; }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  std::uint8_t* _alloc(std::size_t /*size*/) override { return nullptr; }
  void _commit(std::size_t /*size*/) override {}

 private:
  static pos_type no_position() { return static_cast<pos_type>(traits::eof()); }
  static pplx::task<int_type> end() { return pplx::task_from_result<int_type>(traits::eof()); }
  static pplx::task<std::size_t> nothing() { return pplx::task_from_result<std::size_t>(0); }
};

class Sink final : public OneWay {
 public:
  explicit Sink(Consume consume) : OneWay(std::ios_base::out), consume_(std::move(consume)) {}

 protected:
  pplx::task<int_type> _putc(std::uint8_t byte) override {
    const auto held = std::make_shared<char>(static_cast<char>(byte));
    return consume_(held.get(), 1).then([held](std::size_t) { return static_cast<int_type>(*held); });
  }
  pplx::task<std::size_t> _putn(const std::uint8_t* data, std::size_t size, bool /*copy*/) override {
    return _putn(data, size);
  }
  pplx::task<std::size_t> _putn(const std::uint8_t* data, std::size_t size) override {
    return consume_(reinterpret_cast<const char*>(data),
                    size);  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast) bytes
  }

 private:
  Consume consume_;
};

class OneShot final : public OneWay {
 public:
  explicit OneShot(std::shared_ptr<const std::string> body) : OneWay(std::ios_base::in), body_(std::move(body)) {}
  [[nodiscard]] std::size_t in_avail() const override { return body_->size() - position_; }

 protected:
  pplx::task<std::size_t> _getn(std::uint8_t* data, std::size_t size) override {
    const std::size_t count = std::min(size, body_->size() - position_);
    std::copy_n(body_->data() + position_, count, data);
    position_ += count;
    return pplx::task_from_result<std::size_t>(count);
  }

 private:
  std::shared_ptr<const std::string> body_;
  std::size_t position_ = 0;
};

concurrency::streams::streambuf<std::uint8_t> as_streambuf(std::shared_ptr<OneWay> buffer) {
  return {std::shared_ptr<concurrency::streams::details::basic_streambuf<std::uint8_t>>(std::move(buffer))};
}

}  // namespace

concurrency::streams::ostream make_sink(Consume consume) {
  return as_streambuf(std::make_shared<Sink>(std::move(consume))).create_ostream();
}

concurrency::streams::istream make_one_shot(std::shared_ptr<const std::string> body) {
  return as_streambuf(std::make_shared<OneShot>(std::move(body))).create_istream();
}

}  // namespace nocobase_operator::io
