// SPDX-License-Identifier: BSL-1.0
// An HTTP/1.1 request parser (RFC 9112): the fiber server, its stackless twin and the raw epoll loop all use this one.
//
// Invariants
// - A request that arrives whole is not copied: `request` points into the caller's bytes. Only what is split is kept.
// - What `request` points to is valid until the next call of `request_parser::next`.
// - The outcome does not depend on how the bytes were split.
// - A parser holds at most limits::head + limits::body bytes, and nothing once it was asked for the next request.
#pragma once

#include "chunk_parser.hpp"
#include "request_head.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace http {

enum class parsed {
  need_more,         // all input was taken; call again with what comes next
  complete,          // get() is a whole request; its bytes were taken, more requests may follow in the input
  expects_continue,  // the client waits for "100 Continue" before it sends the body; answer, then call again
  bad                // answer status() and close; every later call says the same
};

class request_parser {
 public:
  static constexpr limits default_limits{};

  explicit request_parser(const limits& bounds = default_limits) noexcept : head_(bounds) {}  // kept by reference
  explicit request_parser(limits&&) = delete;

  // Takes bytes from the front of `input`, up to the end of one request.
  [[nodiscard]] parsed next(std::string_view& input) {
    if (state_ == state::done) forget();
    if (state_ == state::head) {
      const parsed head = kept_.empty() ? next_head(input) : next_split_head(input);
      if (head != parsed::complete || state_ == state::done) return head;
      if (head_.expects_continue() && input.empty()) return parsed::expects_continue;
    }
    if (state_ == state::sized_body) return next_sized_body(input);
    if (state_ == state::chunked_body) return next_chunks(input);
    input = {};
    return parsed::bad;
  }

  [[nodiscard]] const request& get() const noexcept { return head_.get(); }
  // The status to answer with: 400, 413, 414, 431, 501 or 505. 0 while nothing was bad.
  [[nodiscard]] int status() const noexcept { return status_; }
  // Bytes held of a request that is not complete, or of one that was split and that get() still shows.
  [[nodiscard]] std::size_t kept() const noexcept { return kept_.size() + body_.size(); }

 private:
  enum class state : std::uint8_t { head, sized_body, chunked_body, done, failed };

  parsed refuse(int status) noexcept {
    status_ = status;
    state_ = state::failed;
    return parsed::bad;
  }

  parsed next_head(std::string_view& input) {
    const std::size_t size = head_.parse(input);
    if (size == head_parser::refused) return refuse(head_.status());
    if (size == head_parser::incomplete) {
      kept_ = input;
      input = {};
      return parsed::need_more;
    }
    const std::string_view whole = input;
    input.remove_prefix(size);
    if (!head_.chunked() && head_.length() <= input.size()) {
      head_.get().body = input.substr(0, head_.length());
      input.remove_prefix(head_.length());
      state_ = state::done;
      return parsed::complete;
    }
    kept_ = whole.substr(0, size);
    begin_body();
    return parsed::complete;
  }

  // Part of the head is kept: goes on in there, from its start. A peer that sends byte by byte makes us read half of
  // limits::head each time; that is 1.5 us, less than the kernel takes to bring the byte, and errors are found at once.
  parsed next_split_head(std::string_view& input) {
    const std::size_t before = kept_.size();
    const std::string_view taken = input.substr(0, head_.bounds().head + 1 - before);
    kept_ += taken;
    const std::size_t size = head_.parse(kept_);
    if (size == head_parser::refused) return refuse(head_.status());
    input.remove_prefix(size == head_parser::incomplete ? taken.size() : size - before);
    if (size == head_parser::incomplete) return parsed::need_more;
    kept_.resize(size);
    if (head_.chunked() || head_.length() != 0)
      begin_body();
    else
      state_ = state::done;
    return parsed::complete;
  }

  // The head is in `kept_`.
  void begin_body() noexcept {
    head_size_ = kept_.size();
    state_ = head_.chunked() ? state::chunked_body : state::sized_body;
    chunks_ = {};
  }

  parsed next_sized_body(std::string_view& input) {
    const std::string_view taken = input.substr(0, head_size_ + head_.length() - kept_.size());
    kept_ += taken;
    input.remove_prefix(taken.size());
    if (kept_.size() != head_size_ + head_.length()) return parsed::need_more;
    return finish(std::string_view(kept_).substr(head_size_));
  }

  parsed next_chunks(std::string_view& input) {
    const int status = chunks_.parse(input, body_, head_.bounds().body, head_.bounds().head);
    if (status != 0) return refuse(status);
    return chunks_.ended() ? finish(body_) : parsed::need_more;
  }

  // The head moved while the body came in: its views are made again.
  parsed finish(std::string_view body) {
    static_cast<void>(head_.parse(std::string_view(kept_).substr(0, head_size_)));
    head_.get().body = body;
    state_ = state::done;
    return parsed::complete;
  }

  // The last request was used: an idle connection keeps nothing of it.
  void forget() noexcept {
    if (!kept_.empty()) std::string().swap(kept_);  // clear() would keep the memory
    if (!body_.empty()) std::string().swap(body_);
    state_ = state::head;
  }

  head_parser head_;
  chunk_parser chunks_;
  std::string kept_;  // a split head, and the sized body behind it
  std::string body_;  // the data of chunks
  std::size_t head_size_ = 0;
  int status_ = 0;
  state state_ = state::head;
};

}  // namespace http
