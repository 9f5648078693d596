-- SPDX-License-Identifier: BSL-1.0
-- Has wrk print p99.9, in microseconds, once the load has ended; nothing of it runs before.
done = function(summary, latency, requests)
  print(string.format("p999 %.2f", latency:percentile(99.9)))
end
