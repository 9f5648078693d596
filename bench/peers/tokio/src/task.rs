// SPDX-License-Identifier: BSL-1.0
// Tasks that take turns, and tasks that begin and end.
use crate::report::{expect, runtime, several};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Instant;
use tokio::task::yield_now;

struct Turns {
    taken: AtomicUsize,
    last: AtomicUsize,
}

async fn takes_turns(me: usize, times: usize, seen: Arc<Turns>) {
    for _ in 0..times {
        // One thread: loads and stores are enough.
        if seen.last.load(Relaxed) != me {
            seen.taken.store(seen.taken.load(Relaxed) + 1, Relaxed);
            seen.last.store(me, Relaxed);
        }
        yield_now().await;
    }
}

pub fn turns() {
    const TOTAL: usize = 2_000_000;
    for count in [2, 100, 1_000, 10_000] {
        several(&format!("yield/{count}"), "ns", || {
            runtime().block_on(async {
                let seen = Arc::new(Turns { taken: AtomicUsize::new(0), last: AtomicUsize::new(usize::MAX) });
                let start = Instant::now();
                let all: Vec<_> =
                    (0..count).map(|me| tokio::spawn(takes_turns(me, TOTAL / count, seen.clone()))).collect();
                for task in all {
                    task.await.unwrap();
                }
                let took = start.elapsed();
                expect(seen.taken.load(Relaxed) > TOTAL * 9 / 10, "the tasks did not take turns");
                took.as_nanos() as f64 / TOTAL as f64
            })
        });
    }
}

pub fn spawn() {
    const TOTAL: usize = 500_000;
    static RAN: AtomicUsize = AtomicUsize::new(0);
    let body = || async {
        RAN.store(RAN.load(Relaxed) + 1, Relaxed);
    };
    for batch in [1, 1_000] {
        several(&format!("spawn/{batch}"), "ns", || {
            RAN.store(0, Relaxed);
            let took = runtime().block_on(async {
                let mut all = Vec::with_capacity(batch);
                let start = Instant::now();
                for _ in 0..TOTAL / batch {
                    all.extend((0..batch).map(|_| tokio::spawn(body())));
                    for task in all.drain(..) {
                        task.await.unwrap();
                    }
                }
                start.elapsed()
            });
            expect(RAN.load(Relaxed) == TOTAL, "not every task ran");
            took.as_nanos() as f64 / TOTAL as f64
        });
    }
}
