// SPDX-License-Identifier: BSL-1.0
// A fiber frees what another one, parked meanwhile, goes on using.
#include <memory>
#include <weft/weft.hpp>

#include "planted/planted.hpp"

int planted::use_after_free(bool bug) {
  return weft::run(
      [bug] {
        auto shared = std::make_unique<int>(42);
        auto user = weft::spawn([at = planted::hidden(shared.get())] {
          weft::this_fiber::yield();
          weft::this_fiber::yield();
          return *at;
        });
        weft::this_fiber::yield();
        if (bug) shared.reset();
        return user.join() == 42 ? 0 : 1;
      },
      {.workers = 1});
}
