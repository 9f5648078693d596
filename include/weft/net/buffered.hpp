// SPDX-License-Identifier: BSL-1.0
// A stream with a buffer on each side: lines, delimiters and looking ahead for reading, fewer system calls for writing.
//
// Memory: a side without bytes keeps no buffer. So a connection that waits costs its stack and control block, nothing more.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/detail/net/byte_queue.hpp>
#include <weft/detail/net/transfer_note.hpp>
#include <weft/net/error.hpp>
#include <weft/net/stream.hpp>

namespace weft::net {

// One fiber may read while another writes, if the stream allows that; like a std::string otherwise. It is a stream
// itself. What was written and not flushed when it is destroyed is gone: an error could not be told.
template <class Stream> class buffered {
 public:
  static constexpr std::size_t default_limit = std::size_t{64} << 10;

  // `limit`: the longest line, and the most that peek() gives. Beyond it: message_size, and nothing is lost.
  explicit buffered(Stream& stream, std::size_t limit = default_limit) : stream_(&stream), limit_(limit) {}
  explicit buffered(Stream&& stream, std::size_t limit = default_limit) : owned_(std::move(stream)), limit_(limit) {}

  // The stream beneath; what is buffered is not in it any more, or not yet.
  [[nodiscard]] Stream& next_layer() noexcept { return owned_ ? *owned_ : *stream_; }
  // Bytes that can be read without asking the stream, and written ones that it was not given yet.
  [[nodiscard]] std::size_t readable() const noexcept { return in_.size(); }
  [[nodiscard]] std::size_t unflushed() const noexcept { return out_.size(); }

  // The next line without its end, "\n" or "\r\n". At the end of the stream: what is left, if anything, then nullopt.
  std::optional<std::string> read_line(deadline until = never) {
    return text("\n", strip::carriage_return, until, nullptr);
  }
  std::optional<std::string> read_line(std::error_code& ec) { return text("\n", strip::carriage_return, never, &ec); }
  std::optional<std::string> read_line(deadline until, std::error_code& ec) {
    return text("\n", strip::carriage_return, until, &ec);
  }

  // The bytes before the next `delimiter`, which is taken too. As read_line at the end of the stream.
  std::optional<std::string> read_until(std::string_view delimiter, deadline until = never) {
    return text(delimiter, strip::nothing, until, nullptr);
  }
  std::optional<std::string> read_until(std::string_view delimiter, std::error_code& ec) {
    return text(delimiter, strip::nothing, never, &ec);
  }
  std::optional<std::string> read_until(std::string_view delimiter, deadline until, std::error_code& ec) {
    return text(delimiter, strip::nothing, until, &ec);
  }

  // At least `least` bytes, all that are buffered, without taking them; fewer only at the end of the stream. Valid until
  // the next call that reads.
  std::span<const std::byte> peek(std::size_t least, deadline until = never) { return ahead(least, until, nullptr); }
  std::span<const std::byte> peek(std::size_t least, std::error_code& ec) { return ahead(least, never, &ec); }
  std::span<const std::byte> peek(std::size_t least, deadline until, std::error_code& ec) {
    return ahead(least, until, &ec);
  }
  std::span<const std::byte> peek(deadline until = never) { return ahead(1, until, nullptr); }
  std::span<const std::byte> peek(std::error_code& ec) { return ahead(1, never, &ec); }
  std::span<const std::byte> peek(deadline until, std::error_code& ec) { return ahead(1, until, &ec); }
  // Takes bytes that peek() has shown.
  void consume(std::size_t count) noexcept { in_.drop(count); }

  std::size_t read_some(std::span<std::byte> into, deadline until = never) { return some(into, until, nullptr); }
  std::size_t read_some(std::span<std::byte> into, std::error_code& ec) { return some(into, never, &ec); }
  std::size_t read_some(std::span<std::byte> into, deadline until, std::error_code& ec) {
    return some(into, until, &ec);
  }

  // Fills the whole span. Throws partial_io, or end_of_stream. The forms with an error_code return what they read.
  void read_exact(std::span<std::byte> into, deadline until = never) { exact(into, until, nullptr); }
  std::size_t read_exact(std::span<std::byte> into, std::error_code& ec) { return exact(into, never, &ec); }
  std::size_t read_exact(std::span<std::byte> into, deadline until, std::error_code& ec) {
    return exact(into, until, &ec);
  }

  // Buffers all of it; gives the stream what does not fit. Throws partial_io, whose transferred() counts what was taken.
  void write_all(const_buffer from, deadline until = never) { put(from, until, nullptr); }
  std::size_t write_all(const_buffer from, std::error_code& ec) { return put(from, never, &ec); }
  std::size_t write_all(const_buffer from, deadline until, std::error_code& ec) { return put(from, until, &ec); }
  void write_all(std::string_view from, deadline until = never) { put(std::as_bytes(std::span(from)), until, nullptr); }
  std::size_t write_all(std::string_view from, std::error_code& ec) {
    return put(std::as_bytes(std::span(from)), never, &ec);
  }
  std::size_t write_all(std::string_view from, deadline until, std::error_code& ec) {
    return put(std::as_bytes(std::span(from)), until, &ec);
  }
  // Buffers what fits, or gives the stream some of it. A failure has taken nothing.
  std::size_t write_some(const_buffer from, deadline until = never) { return put_some(from, until, nullptr); }
  std::size_t write_some(const_buffer from, std::error_code& ec) { return put_some(from, never, &ec); }
  std::size_t write_some(const_buffer from, deadline until, std::error_code& ec) { return put_some(from, until, &ec); }

  // Gives the stream everything. After a failure what it did not take is still buffered.
  void flush(deadline until = never) { drain(until, nullptr); }
  void flush(std::error_code& ec) { drain(never, &ec); }
  void flush(deadline until, std::error_code& ec) { drain(until, &ec); }

 private:
  static constexpr std::size_t block = detail::byte_queue::block_size;

  // A step of the stream beneath: thrown as it is, or left in `ec`, and 0. Streams need not have forms with `ec`.
  template <class Plain, class Noting> static std::size_t step(std::error_code* ec, Plain&& plain, Noting&& noting) {
    if (!ec) return plain();
    ec->clear();
    if constexpr (std::is_invocable_v<Noting&, std::error_code&>) {
      return noting(*ec);
    } else {
      try {
        return plain();
      } catch (const std::system_error& e) {
        *ec = e.code();
        return 0;
      }
    }
  }

  std::size_t read_beneath(std::span<std::byte> into, deadline until, std::error_code* ec) {
    Stream& from = next_layer();
    return step(
        ec, [&] { return from.read_some(into, until); },
        [&](auto& code) -> decltype(from.read_some(into, until, code)) { return from.read_some(into, until, code); });
  }

  std::size_t write_beneath(const_buffer what, deadline until, std::error_code* ec) {
    Stream& to = next_layer();
    return step(
        ec, [&] { return to.write_some(what, until); },
        [&](auto& code) -> decltype(to.write_some(what, until, code)) { return to.write_some(what, until, code); });
  }

  // More bytes into the buffer. 0 at the end of the stream or, with `ec`, after a failure.
  std::size_t fill(deadline until, std::error_code* ec) {
    Stream& from = next_layer();
    lazy_buffer& lazy = in_;
    if constexpr (requires(std::error_code & code) { from.read_some(lazy, until, code); }) {
      const std::size_t count = ec ? from.read_some(lazy, until, *ec) : from.read_some(lazy, until);
      in_.commit(count);
      return count;
    } else {
      const struct giver {
        detail::byte_queue& queue;
        ~giver() { queue.give_back(); }
      } guard{in_};
      const std::size_t count = read_beneath(in_.take(), until, ec);
      in_.commit(count);
      return count;
    }
  }

  std::string_view buffered_text() const noexcept { return {reinterpret_cast<const char*>(in_.data()), in_.size()}; }

  // Which bytes before a delimiter belong to it too.
  enum class strip : bool { nothing, carriage_return };
  std::optional<std::string> text(std::string_view delimiter, strip also, deadline until, std::error_code* ec);

  static std::nullopt_t too_long(std::error_code* ec) {
    fail(std::errc::message_size, "no end of line or text within the limit of the buffer", ec);
    return std::nullopt;
  }

  std::span<const std::byte> ahead(std::size_t least, deadline until, std::error_code* ec) {
    if (ec) ec->clear();
    if (least > limit_) return fail(std::errc::message_size, "peek beyond the limit of the buffer", ec), in_.bytes();
    while (in_.size() < least)
      if (!fill(until, ec)) break;
    return in_.bytes();
  }

  std::size_t some(std::span<std::byte> into, deadline until, std::error_code* ec) {
    if (ec) ec->clear();
    if (!in_.size()) {
      if (into.empty() || into.size() >= block) return read_beneath(into, until, ec);
      if (!fill(until, ec)) return 0;
    }
    return in_.move_to(into);
  }

  std::size_t exact(std::span<std::byte> into, deadline until, std::error_code* ec);
  std::size_t put(const_buffer from, deadline until, std::error_code* ec);

  // At least one byte, unless there is none or it fails.
  std::size_t put_some(const_buffer from, deadline until, std::error_code* ec) {
    if (out_.size() >= block) {
      drain(until, ec);
      if (ec && *ec) return 0;
    } else if (ec) {
      ec->clear();
    }
    if (from.empty()) return 0;
    if (!out_.size() && from.size() >= block) return write_beneath(from, until, ec);
    return out_.append(from.first(std::min(from.size(), block - out_.size())));
  }

  void drain(deadline until, std::error_code* ec) {
    if (ec) ec->clear();
    while (out_.size()) {
      const std::size_t sent = write_beneath(out_.bytes(), until, ec);
      if (!sent) return;
      out_.drop(sent);
    }
  }

  static void fail(std::errc why, const char* what, std::error_code* ec) {
    if (!ec) throw std::system_error(std::make_error_code(why), what);
    *ec = std::make_error_code(why);
  }

  std::optional<Stream> owned_;
  Stream* stream_ = nullptr;  // if none is owned
  std::size_t limit_;
  detail::byte_queue in_, out_;
};

template <class Stream>
std::optional<std::string> buffered<Stream>::text(std::string_view delimiter, strip also, deadline until,
                                                  std::error_code* ec) {
  if (ec) ec->clear();
  if (delimiter.empty()) return fail(std::errc::invalid_argument, "read_until an empty delimiter", ec), std::nullopt;
  for (std::size_t searched = 0;;) {  // no delimiter begins before that
    const auto seen = buffered_text();
    if (const auto at = seen.find(delimiter, searched); at != seen.npos) {
      const bool stripped = also == strip::carriage_return && at && seen[at - 1] == '\r';
      if (at - stripped > limit_) return too_long(ec);
      std::string result(seen.substr(0, at - stripped));
      in_.drop(at + delimiter.size());
      return result;
    }
    searched = seen.size() - std::min(seen.size(), delimiter.size() - 1);
    if (searched > limit_ && searched - limit_ > std::size_t(also == strip::carriage_return)) return too_long(ec);
    if (fill(until, ec)) continue;
    if ((ec && *ec) || seen.empty()) return std::nullopt;
    if (seen.size() > limit_) return too_long(ec);
    std::string result(buffered_text());
    in_.drop(result.size());
    return result;
  }
}

template <class Stream>
std::size_t buffered<Stream>::exact(std::span<std::byte> into, deadline until, std::error_code* ec) {
  if (ec) ec->clear();
  std::size_t done = in_.move_to(into);
  const detail::transfer_note note(done);
  try {
    while (done < into.size()) {
      const auto rest = into.subspan(done);
      const std::size_t count = rest.size() >= block ? read_beneath(rest, until, ec)
                                : fill(until, ec)    ? in_.move_to(rest)
                                                     : 0;
      done += count;
      if (count) continue;
      if (!ec) throw end_of_stream("read_exact", done);
      if (!*ec) *ec = stream_errc::end_of_stream;
      break;
    }
  } catch (const partial_io&) {
    throw;
  } catch (const std::system_error& e) {
    throw partial_io(e, done);
  }
  return done;
}

template <class Stream> std::size_t buffered<Stream>::put(const_buffer from, deadline until, std::error_code* ec) {
  if (ec) ec->clear();
  std::size_t done = 0;
  const detail::transfer_note note(done);
  try {
    while (done < from.size()) {
      const std::size_t taken = put_some(from.subspan(done), until, ec);
      if (!taken) break;
      done += taken;
    }
  } catch (const std::system_error& e) {
    throw partial_io(e, done);
  }
  return done;
}

}  // namespace weft::net
