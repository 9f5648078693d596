// SPDX-License-Identifier: BSL-1.0
// What parked tasks take, and how long a million of them to create and to finish.
use crate::report::{expect, report, resident, runtime};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Notify;
use tokio::task::{yield_now, JoinHandle};

#[derive(Default)]
struct Gate {
    there: AtomicUsize,
    end: Notify,
}

impl Gate {
    async fn wait(&self) {
        self.there.store(self.there.load(Relaxed) + 1, Relaxed); // one thread
        self.end.notified().await;
    }

    async fn reached_by(&self, count: usize) {
        while self.there.load(Relaxed) < count {
            yield_now().await;
        }
    }
}

pub fn memory() {
    const COUNT: usize = 1_000_000;
    runtime().block_on(async {
        let gate = Arc::new(Gate::default());
        let mut all = Vec::with_capacity(COUNT);
        let before = resident();
        let creating = Instant::now();
        for _ in 0..COUNT {
            let gate = gate.clone();
            all.push(tokio::spawn(async move { gate.wait().await }));
        }
        gate.reached_by(COUNT).await;
        let mut took = creating.elapsed();
        let bytes = resident() - before;
        let finishing = Instant::now();
        gate.end.notify_waiters();
        for task in all {
            task.await.unwrap();
        }
        took += finishing.elapsed();
        report("memory/parked", "B", &[bytes / COUNT as f64]);
        report("memory/million", "s", &[took.as_secs_f64()]);
    });
}

// A call that has 128 bytes which it needs again afterwards; a recursion, so in a box.
fn below(depth: usize, gate: &Gate) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
    Box::pin(async move {
        let mine: [usize; 16] = std::array::from_fn(|i| depth + i);
        let sum = if depth > 1 {
            below(depth - 1, gate).await
        } else {
            gate.wait().await;
            0
        };
        sum + mine.iter().sum::<usize>()
    })
}

pub fn depth() {
    const COUNT: usize = 10_000;
    runtime().block_on(async {
        let gate = Arc::new(Gate::default());
        let mut all: Vec<JoinHandle<usize>> = Vec::new();
        let mut expected = 0;
        for depth in [1, 10, 50] {
            let before = resident();
            for _ in 0..COUNT {
                let gate = gate.clone();
                all.push(tokio::spawn(async move { below(depth, &gate).await }));
            }
            gate.reached_by(all.len()).await;
            report(&format!("memory/below/{depth}"), "B", &[(resident() - before) / COUNT as f64]);
            expected += COUNT * (1..=depth).map(|first| 16 * first + 120).sum::<usize>();
        }
        gate.end.notify_waiters();
        let mut sum = 0;
        for task in all {
            sum += task.await.unwrap();
        }
        expect(sum == expected, "not every call came back");
    });
}
