// SPDX-License-Identifier: BSL-1.0
// Channels, a mutex, and many who wait for one thing.
use crate::report::{expect, runtime, several, workers};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, watch, Mutex, Notify};

// Tokio has no channel without a place in it: one place is the least.
async fn trip() -> f64 {
    const TRIPS: u64 = 500_000;
    let (ping, mut pinged) = mpsc::channel(1);
    let (pong, mut ponged) = mpsc::channel(1);
    let other = tokio::spawn(async move {
        while let Some(value) = pinged.recv().await {
            pong.send(value + 1).await.unwrap();
        }
    });
    let one = tokio::spawn(async move {
        let mut value = 0;
        let start = Instant::now();
        for _ in 0..TRIPS {
            ping.send(value).await.unwrap();
            value = ponged.recv().await.unwrap();
        }
        expect(value == TRIPS, "a value was lost");
        start.elapsed()
    });
    let took = one.await.unwrap();
    other.await.unwrap();
    took.as_nanos() as f64 / TRIPS as f64
}

async fn through_64() -> f64 {
    const ITEMS: u64 = 2_000_000;
    let (line, mut items) = mpsc::channel(64);
    let start = Instant::now();
    let sender = tokio::spawn(async move {
        for item in 0..ITEMS {
            line.send(item).await.unwrap();
        }
    });
    let receiver = tokio::spawn(async move {
        let mut sum = 0;
        while let Some(item) = items.recv().await {
            sum += item;
        }
        sum
    });
    let sum = receiver.await.unwrap();
    let took = start.elapsed();
    sender.await.unwrap();
    expect(sum == ITEMS * (ITEMS - 1) / 2, "a value was lost");
    took.as_nanos() as f64 / ITEMS as f64
}

// A receiver of tokio's has one owner; what its documentation names for several is async-channel.
async fn four_to_four() -> f64 {
    const ITEMS: u64 = 2_000_000;
    let (line, items) = async_channel::bounded(64);
    let start = Instant::now();
    let mut senders = Vec::new();
    let mut receivers = Vec::new();
    for _ in 0..4 {
        let (line, items) = (line.clone(), items.clone());
        receivers.push(tokio::spawn(async move {
            let mut sum = 0;
            for _ in 0..ITEMS / 4 {
                sum += items.recv().await.unwrap();
            }
            sum
        }));
        senders.push(tokio::spawn(async move {
            for item in 0..ITEMS / 4 {
                line.send(item).await.unwrap();
            }
        }));
    }
    let mut sum = 0;
    for receiver in receivers {
        sum += receiver.await.unwrap();
    }
    let took = start.elapsed();
    for sender in senders {
        sender.await.unwrap();
    }
    expect(sum == 4 * (ITEMS / 4 * (ITEMS / 4 - 1) / 2), "a value was lost");
    took.as_nanos() as f64 / ITEMS as f64
}

async fn select_of_8() -> f64 {
    const SELECTS: usize = 1_000_000;
    let (to, mut from): (Vec<_>, Vec<_>) = (0..8).map(|_| mpsc::channel::<usize>(1)).unzip();
    let mut each = from.iter_mut();
    let mut next = || each.next().unwrap();
    let (a, b, c, d, e, f, g, h) = (next(), next(), next(), next(), next(), next(), next(), next());
    let mut sum = 0;
    let start = Instant::now();
    for i in 0..SELECTS {
        to[i % 8].send(1).await.unwrap();
        let taken = tokio::select! {
            v = a.recv() => v,
            v = b.recv() => v,
            v = c.recv() => v,
            v = d.recv() => v,
            v = e.recv() => v,
            v = f.recv() => v,
            v = g.recv() => v,
            v = h.recv() => v,
        };
        sum += taken.unwrap();
    }
    let took = start.elapsed();
    expect(sum == SELECTS, "a select took what was not there");
    took.as_nanos() as f64 / SELECTS as f64
}

// The n-th prime, by a filter for each one before. Microseconds.
async fn sieve() -> f64 {
    const PRIMES: usize = 500;
    const LAST: u64 = 3_571;
    let start = Instant::now();
    let (to, mut from) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut n = 2;
        while to.send(n).await.is_ok() {
            n += 1;
        }
    });
    let mut prime = 0;
    for _ in 0..PRIMES {
        prime = from.recv().await.unwrap();
        let (to, filtered) = mpsc::channel(1);
        let mut unfiltered = std::mem::replace(&mut from, filtered);
        tokio::spawn(async move {
            while let Some(n) = unfiltered.recv().await {
                if n % prime != 0 && to.send(n).await.is_err() {
                    return;
                }
            }
        });
    }
    let took = start.elapsed();
    expect(prime == LAST, "not a prime");
    took.as_nanos() as f64 / 1e3
}

pub fn channel() {
    if workers() > 1 {
        return several("channel/4x4", "ns", || runtime().block_on(four_to_four()));
    }
    several("channel/trip", "ns", || runtime().block_on(trip()));
    several("channel/64", "ns", || runtime().block_on(through_64()));
    several("channel/select8", "ns", || runtime().block_on(async { tokio::spawn(select_of_8()).await.unwrap() }));
    several("channel/sieve", "us", || runtime().block_on(async { tokio::spawn(sieve()).await.unwrap() }));
}

async fn uncontended() -> f64 {
    const TOTAL: usize = 400_000;
    let alone = Mutex::new(0);
    let start = Instant::now();
    for _ in 0..TOTAL {
        *alone.lock().await += 1;
    }
    let took = start.elapsed();
    expect(*alone.lock().await == TOTAL, "not all locks were had");
    took.as_nanos() as f64 / TOTAL as f64
}

async fn wanted_by_100() -> f64 {
    const TOTAL: usize = 1_000_000;
    const COUNT: usize = 100;
    let shared = Arc::new(Mutex::new(0));
    let start = Instant::now();
    let adding = |shared: Arc<Mutex<usize>>| async move {
        for _ in 0..TOTAL / COUNT {
            *shared.lock().await += 1;
        }
    };
    let all: Vec<_> = (0..COUNT).map(|_| tokio::spawn(adding(shared.clone()))).collect();
    for task in all {
        task.await.unwrap();
    }
    let took = start.elapsed();
    expect(*shared.lock().await == TOTAL, "the mutex did not exclude");
    took.as_nanos() as f64 / TOTAL as f64
}

pub fn mutex() {
    if workers() == 1 {
        several("mutex/uncontended", "ns", || runtime().block_on(async { tokio::spawn(uncontended()).await.unwrap() }));
    } else {
        several("mutex/100", "ns", || runtime().block_on(wanted_by_100()));
    }
}

const HERD: usize = 10_000;
const ROUNDS: usize = 50;

struct Passed {
    count: AtomicUsize,
    all: Notify,
}

// Every change of a watched value is a door that opens; the herd runs through all of them.
async fn runs_through(mut door: watch::Receiver<usize>, passed: Arc<Passed>) {
    for _ in 0..=ROUNDS {
        door.changed().await.unwrap();
        if passed.count.fetch_add(1, Relaxed) + 1 == HERD {
            passed.all.notify_one();
        }
    }
}

async fn wake_all() -> f64 {
    let (doors, door) = watch::channel(0);
    let passed = Arc::new(Passed { count: AtomicUsize::new(0), all: Notify::new() });
    let all: Vec<_> = (0..HERD).map(|_| tokio::spawn(runs_through(door.clone(), passed.clone()))).collect();
    let mut start = Instant::now();
    for round in 0..=ROUNDS {
        passed.count.store(0, Relaxed);
        doors.send(round + 1).unwrap();
        passed.all.notified().await;
        if round == 0 {
            start = Instant::now();
        }
    }
    let took = start.elapsed();
    for task in all {
        task.await.unwrap();
    }
    took.as_nanos() as f64 / (HERD * ROUNDS) as f64
}

pub fn event() {
    several("event/10000", "ns", || runtime().block_on(wake_all()));
}
