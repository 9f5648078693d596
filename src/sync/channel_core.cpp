// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/sync/channel_core.hpp>

#include <cstdint>
#include <mutex>
#include <new>
#include <utility>
#include <weft/base/error.hpp>
#include <weft/detail/sync/parking_lot.hpp>

namespace weft::detail {

channel_core::channel_core(std::size_t capacity, const item_moves& how) : capacity_(capacity), moves_(how) {
  if (capacity > std::size_t(PTRDIFF_MAX))
    throw_error(std::errc::invalid_argument, "weft: a channel cannot have a negative capacity");
  if (capacity == 0) return;
  if (capacity > std::size_t(PTRDIFF_MAX) / how.slot_size) throw std::bad_array_new_length();
  slots_ = static_cast<std::byte*>(::operator new(capacity* how.slot_size, std::align_val_t(how.slot_alignment)));
}

channel_core::~channel_core() {
  if (!senders_.empty()) [[unlikely]]
    die_of_misuse("weft: a channel was destroyed while somebody waited to send on it");
  if (!receivers_.empty()) [[unlikely]]
    die_of_misuse("weft: a channel was destroyed while somebody waited to receive from it");
  for (; count_ > 0; emptied()) moves_.drop(slots_ + head_ * moves_.slot_size);
  ::operator delete(slots_, std::align_val_t(moves_.slot_alignment));
}

// The first of the line that still waits, who is in no line any more; its node is the winner's until the unpark.
waiter* channel_core::claim_partner(wait_queue& line, channel_node*& partner) noexcept {
  partner = static_cast<channel_node*>(line.claim_one(outcome::woken));
  if (!partner) return nullptr;
  partner->chosen = true;
  for (channel_node* n = partner->sibling; n && n != partner; n = n->sibling) remove(*n);
  return partner->who;
}

channel_core::answer channel_core::offer(void* item, waiter*& partner) noexcept {
  if (closed_) return answer::closed;
  channel_node* receiver = nullptr;
  if (!receivers_.empty() && (partner = claim_partner(receivers_, receiver))) {
    moves_.hand(receiver->place, item);
    return answer::done;
  }
  if (count_ == capacity_) return answer::wait;
  moves_.put(slots_ + tail_ * moves_.slot_size, item);
  filled();
  return answer::done;
}

channel_core::answer channel_core::accept(void* into, waiter*& partner) noexcept {
  channel_node* sender = nullptr;
  if (count_ > 0) {
    moves_.take(into, slots_ + head_ * moves_.slot_size);
    emptied();
    if (!senders_.empty() && (partner = claim_partner(senders_, sender))) {
      moves_.put(slots_ + tail_ * moves_.slot_size, sender->place);
      filled();
    }
    return answer::done;
  }
  if (!senders_.empty() && (partner = claim_partner(senders_, sender))) {
    moves_.hand(into, sender->place);
    return answer::done;
  }
  return closed_ ? answer::closed : answer::wait;
}

void channel_core::close() noexcept {
  wake_list woken;
  {
    const std::lock_guard guard(lock_);
    if (std::exchange(closed_, true)) return;
    for (wait_queue* line : {&receivers_, &senders_}) {
      while (wait_node* const n = line->claim_one(outcome::closed)) {
        static_cast<channel_node*>(n)->chosen = true;
        woken.push(*n->who);
      }
    }
  }
  woken.unpark_all();
}

std::size_t channel_core::size() noexcept {
  const std::lock_guard guard(lock_);
  return count_;
}

bool channel_core::is_closed() noexcept {
  const std::lock_guard guard(lock_);
  return closed_;
}

bool channel_core::is_waited_for() noexcept {
  const std::lock_guard guard(lock_);
  return !senders_.empty() || !receivers_.empty();
}

}  // namespace weft::detail
