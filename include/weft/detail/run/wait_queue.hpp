// SPDX-License-Identifier: BSL-1.0
// The place of waiters in line: wait nodes and the FIFO queue beneath every primitive and every descriptor.
//
// Invariants
//  - A node lies on its waiter's stack, in its frame or beside its claim. It names the waiter and the generation.
//  - Every access to a queue, and to a node that is linked in it, holds the lock of the queue's owner. A waiter unlinks
//    its nodes, under that lock, before its frame goes; so whoever finds a node linked may read it.
//  - Fairness is decided here and nowhere else: first linked, first tried.
#pragma once

#include <atomic>
#include <cstdint>
#include <weft/detail/run/waiter.hpp>

namespace weft::detail {

struct alignas(16) wait_node {  // aligned so that a word can keep flags beside its address
  wait_node() = default;
  wait_node(waiter& whose, claim::ticket ticket) noexcept : who(&whose), generation(ticket) {}
  wait_node(const wait_node&) = delete;
  wait_node& operator=(const wait_node&) = delete;

  waiter* who = nullptr;
  claim::ticket generation = 0;
  wait_node* prev = nullptr;  // of the first one: the last
  wait_node* next = nullptr;
  bool linked = false;
  // Who unlinks it when its claim was won by somebody else; where the queue may go meanwhile ([lot-5]).
  enum class leaving : std::uint8_t { undecided, by_waiter, by_waker };
  std::atomic<leaving> leaves{leaving::undecided};
  std::uint64_t note = 0;  // what the queue's owner has to know of the waiter
};

// One word, so that a primitive with a word of its own has 16 bytes.
class wait_queue {
 public:
  constexpr wait_queue() = default;
  wait_queue(const wait_queue&) = delete;
  wait_queue& operator=(const wait_queue&) = delete;

  [[nodiscard]] bool empty() const noexcept { return !head_; }
  [[nodiscard]] wait_node* front() const noexcept { return head_; }

  void push_back(wait_node& n) noexcept {
    n.next = nullptr;
    n.linked = true;
    if (!head_) {
      n.prev = head_ = &n;
      return;
    }
    n.prev = head_->prev;
    n.prev->next = &n;
    head_->prev = &n;
  }

  // For a waiter that was first in line before, and has not got what it came for.
  void push_front(wait_node& n) noexcept {
    n.prev = head_ ? head_->prev : &n;
    n.next = head_;
    n.linked = true;
    if (head_) head_->prev = &n;
    head_ = &n;
  }

  // Nothing happens when the node is not linked: the winner has unlinked it already.
  void remove(wait_node& n) noexcept {
    if (!n.linked) return;
    (n.next ? n.next : head_)->prev = n.prev;
    (&n == head_ ? head_ : n.prev->next) = n.next;
    n.linked = false;
  }

  // Unlinks nodes from the front until one's claim is won for `why`; that node, or null when nobody is left to wake.
  // The caller owes its waiter an unpark.
  [[nodiscard]] wait_node* claim_one(outcome why) noexcept {
    while (wait_node* n = head_) {
      remove(*n);
      if (n->who->word.win(n->generation, why)) return n;
    }
    return nullptr;
  }

  // Unlinks all nodes; the waiters whose claims were won go to `woken`.
  void claim_all(outcome why, wake_list& woken) noexcept {
    while (wait_node* n = claim_one(why)) woken.push(*n->who);
  }

 private:
  wait_node* head_ = nullptr;
};

}  // namespace weft::detail
