// SPDX-License-Identifier: BSL-1.0
// 100,000 random sleeps; a million deadlines that are set and then cancelled in another order.
use crate::report::{cpu_seconds, expect, runtime, several};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::{sleep, Sleep};

// Numbers that look random, the same for every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn sleeps() -> f64 {
    const SLEEPERS: usize = 100_000;
    let mut random = Random(1);
    let before = cpu_seconds();
    runtime().block_on(async {
        let mut all = Vec::with_capacity(SLEEPERS);
        for _ in 0..SLEEPERS {
            let nap = Duration::from_nanos(random.below(1_000_000_000));
            all.push(tokio::spawn(async move {
                let until = Instant::now() + nap;
                sleep(nap).await;
                expect(Instant::now() >= until, "somebody woke early");
            }));
        }
        for task in all {
            task.await.unwrap();
        }
    });
    cpu_seconds() - before
}

type Deadlines = Vec<Option<Pin<Box<Sleep>>>>;

// A sleep is set when it is polled first, and cancelled when it is dropped.
struct Setting<'a>(&'a mut Deadlines);

impl Future for Setting<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        for one in self.0.iter_mut().flatten() {
            expect(one.as_mut().poll(context).is_pending(), "a deadline came");
        }
        Poll::Ready(())
    }
}

async fn set_and_cancel(delays: &[Duration], order: &[usize]) -> f64 {
    let mut all: Deadlines = delays.iter().map(|delay| Some(Box::pin(sleep(*delay)))).collect();
    let before = cpu_seconds();
    Setting(&mut all).await;
    for i in order {
        all[*i] = None;
    }
    cpu_seconds() - before
}

pub fn timers() {
    const DEADLINES: usize = 1_000_000;
    let mut random = Random(1);
    let delays: Vec<_> = (0..DEADLINES) // timeouts as servers have them
        .map(|_| Duration::from_secs(10) + Duration::from_nanos(random.below(110_000_000_000)))
        .collect();
    let mut order: Vec<_> = (0..DEADLINES).collect();
    for i in (1..DEADLINES).rev() {
        order.swap(i, random.below(i as u64 + 1) as usize);
    }
    // Unconstrained: else a task's budget would be used up after a few of them.
    several("timers/deadlines", "s", || {
        runtime().block_on(tokio::task::unconstrained(set_and_cancel(&delays, &order)))
    });
    several("timers/sleeps", "s", sleeps);
}
