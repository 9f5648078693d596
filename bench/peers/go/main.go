// SPDX-License-Identifier: BSL-1.0
// The questions of bench/ asked of Go: go_peer QUESTION. Prints MEASURE SIDE UNIT VALUE..., as the benches of weft do.
package main

import (
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const repeats = 3

func report(measure, unit string, values []float64) {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprintf("%.4f", v)
	}
	side := "go"
	if procs := runtime.GOMAXPROCS(0); procs > 1 {
		side = fmt.Sprintf("go-%d", procs)
	}
	fmt.Println(measure, side, unit, strings.Join(texts, " "))
}

func expect(right bool, what string) {
	if !right {
		fmt.Fprintln(os.Stderr, "not measured:", what)
		os.Exit(1)
	}
}

func several(measure, unit string, f func() float64) {
	var values []float64
	for i := 0; i < repeats; i++ {
		values = append(values, f())
	}
	report(measure, unit, values)
}

func cpuSeconds() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

func yield() {
	const total = 2_000_000
	for _, count := range []int{2, 100, 1_000, 10_000} {
		several(fmt.Sprintf("yield/%d", count), "ns", func() float64 {
			var all sync.WaitGroup
			turns, last := 0, -1 // one processor: no two run at once
			start := time.Now()
			for i := 0; i < count; i++ {
				all.Add(1)
				go func(me int) {
					for j := 0; j < total/count; j++ {
						if last != me {
							turns++
							last = me
						}
						runtime.Gosched()
					}
					all.Done()
				}(i)
			}
			all.Wait()
			took := time.Since(start)
			expect(turns > total*9/10, "the goroutines did not take turns")
			return float64(took.Nanoseconds()) / total
		})
	}
}

func spawn() {
	const total = 500_000
	for _, batch := range []int{1, 1_000} {
		several(fmt.Sprintf("spawn/%d", batch), "ns", func() float64 {
			var all sync.WaitGroup
			ran := 0
			start := time.Now()
			for i := 0; i < total/batch; i++ {
				all.Add(batch)
				for j := 0; j < batch; j++ {
					go func() {
						ran++
						all.Done()
					}()
				}
				all.Wait()
			}
			took := time.Since(start)
			expect(ran == total, "not every goroutine ran")
			return float64(took.Nanoseconds()) / total
		})
	}
}

func fib(n int, out chan<- int) {
	if n < 2 {
		out <- n
		return
	}
	both := make(chan int, 2)
	go fib(n-1, both)
	go fib(n-2, both)
	out <- <-both + <-both
}

func skynet(first, size int, out chan<- int) {
	if size == 1 {
		out <- first
		return
	}
	parts := make(chan int, 10)
	for i := 0; i < 10; i++ {
		go skynet(first+i*(size/10), size/10, parts)
	}
	sum := 0
	for i := 0; i < 10; i++ {
		sum += <-parts
	}
	out <- sum
}

func forkjoin() {
	measure := func(name string, calls float64, right int, f func(out chan<- int)) {
		several("forkjoin/"+name, "ns", func() float64 {
			out := make(chan int, 1)
			start := time.Now()
			go f(out)
			expect(<-out == right, "the result is wrong")
			return float64(time.Since(start).Nanoseconds()) / calls
		})
	}
	measure("fib", 635_621, 196_418, func(out chan<- int) { fib(27, out) })
	measure("skynet", 1_111_111, 499_999_500_000, func(out chan<- int) { skynet(0, 1_000_000, out) })
}

func timers() {
	const sleepers = 100_000
	several("timers/sleeps", "s", func() float64 {
		var all sync.WaitGroup
		var early int64
		random := rand.New(rand.NewSource(1))
		before := cpuSeconds()
		for i := 0; i < sleepers; i++ {
			all.Add(1)
			nap := time.Duration(random.Int63n(int64(time.Second)))
			go func() {
				start := time.Now()
				time.Sleep(nap)
				if time.Since(start) < nap {
					atomic.AddInt64(&early, 1)
				}
				all.Done()
			}()
		}
		all.Wait()
		expect(early == 0, "somebody woke early")
		return cpuSeconds() - before
	})
	const deadlines = 1_000_000
	random := rand.New(rand.NewSource(1))
	delays := make([]time.Duration, deadlines) // timeouts as servers have them
	for i := range delays {
		delays[i] = 10*time.Second + time.Duration(random.Int63n(int64(110*time.Second)))
	}
	order := random.Perm(deadlines)
	all := make([]*time.Timer, deadlines)
	several("timers/deadlines", "s", func() float64 {
		before := cpuSeconds()
		for i, delay := range delays {
			all[i] = time.AfterFunc(delay, func() {})
		}
		for _, i := range order {
			expect(all[i].Stop(), "a deadline was not cancelled")
		}
		return cpuSeconds() - before
	})
}

func uncontended() {
	const total = 400_000
	several("mutex/uncontended", "ns", func() float64 {
		var m sync.Mutex
		locked := 0
		start := time.Now()
		for i := 0; i < total; i++ {
			m.Lock()
			locked++
			m.Unlock()
		}
		took := time.Since(start)
		expect(locked == total, "not all locks were had")
		return float64(took.Nanoseconds()) / total
	})
}

func mutex() {
	if runtime.GOMAXPROCS(0) == 1 {
		uncontended()
		return
	}
	const total, count = 4_000_000, 100
	several("mutex/100", "ns", func() float64 {
		var all sync.WaitGroup
		var m sync.Mutex
		sum := 0
		all.Add(count)
		start := time.Now()
		for i := 0; i < count; i++ {
			go func() {
				for j := 0; j < total/count; j++ {
					m.Lock()
					sum++
					m.Unlock()
				}
				all.Done()
			}()
		}
		all.Wait()
		expect(sum == total, "the mutex did not exclude")
		return float64(time.Since(start).Nanoseconds()) / total
	})
}

func channel() {
	if runtime.GOMAXPROCS(0) > 1 {
		fourToFour()
		return
	}
	several("channel/trip", "ns", func() float64 {
		const trips = 500_000
		ping, pong := make(chan int), make(chan int)
		go func() {
			for i := 0; i < trips; i++ {
				pong <- <-ping + 1
			}
		}()
		value := 0
		start := time.Now()
		for i := 0; i < trips; i++ {
			ping <- value
			value = <-pong
		}
		took := time.Since(start)
		expect(value == trips, "a value was lost")
		return float64(took.Nanoseconds()) / trips
	})
	several("channel/64", "ns", func() float64 {
		const items = 2_000_000
		line := make(chan int, 64)
		sum := 0
		start := time.Now()
		go func() {
			for i := 0; i < items; i++ {
				line <- i
			}
		}()
		for i := 0; i < items; i++ {
			sum += <-line
		}
		took := time.Since(start)
		expect(sum == items*(items-1)/2, "a value was lost")
		return float64(took.Nanoseconds()) / items
	})
	several("channel/select8", "ns", func() float64 {
		const selects = 1_000_000
		var all [8]chan int
		for i := range all {
			all[i] = make(chan int, 1)
		}
		sum := 0
		start := time.Now()
		for i := 0; i < selects; i++ {
			all[i%8] <- 1
			v := 0
			select {
			case v = <-all[0]:
			case v = <-all[1]:
			case v = <-all[2]:
			case v = <-all[3]:
			case v = <-all[4]:
			case v = <-all[5]:
			case v = <-all[6]:
			case v = <-all[7]:
			}
			sum += v
		}
		took := time.Since(start)
		expect(sum == selects, "a select took what was not there")
		return float64(took.Nanoseconds()) / selects
	})
	several("channel/sieve", "us", func() float64 {
		const primes, last = 500, 3571
		start := time.Now()
		from := make(chan int)
		go func(to chan<- int) { // stays behind, like the filters: nobody closes from the other end here
			for n := 2; ; n++ {
				to <- n
			}
		}(from)
		prime := 0
		for i := 0; i < primes; i++ {
			prime = <-from
			to := make(chan int)
			go func(from <-chan int, to chan<- int, by int) {
				for n := range from {
					if n%by != 0 {
						to <- n
					}
				}
			}(from, to, prime)
			from = to
		}
		took := time.Since(start)
		expect(prime == last, "not a prime")
		return float64(took.Nanoseconds()) / 1e3
	})
	several("channel/chameneos", "ns", func() float64 {
		const meetings, creatures = 200_000, 10
		type creature struct {
			colour int
			met    chan int
		}
		place := make(chan *creature)
		counts := make(chan int, creatures)
		start := time.Now()
		for i := 0; i < creatures; i++ {
			go func(me *creature) {
				count := 0
				for ; ; count++ {
					place <- me
					other := <-me.met
					if other < 0 {
						counts <- count
						return
					}
					if other != me.colour {
						me.colour = 3 - me.colour - other
					}
				}
			}(&creature{i % 3, make(chan int)})
		}
		for i := 0; i < meetings; i++ {
			a, b := <-place, <-place
			colour := a.colour
			a.met <- b.colour
			b.met <- colour
		}
		sum := 0
		for i := 0; i < creatures; i++ {
			(<-place).met <- -1
			sum += <-counts
		}
		took := time.Since(start)
		expect(sum == 2*meetings, "somebody met nobody")
		return float64(took.Nanoseconds()) / meetings
	})
}

func fourToFour() {
	several("channel/4x4", "ns", func() float64 {
		const items = 2_000_000
		line := make(chan int, 64)
		sums := make(chan int, 4)
		start := time.Now()
		for i := 0; i < 4; i++ {
			go func() {
				sum := 0
				for j := 0; j < items/4; j++ {
					sum += <-line
				}
				sums <- sum
			}()
			go func() {
				for j := 0; j < items/4; j++ {
					line <- j
				}
			}()
		}
		sum := 0
		for i := 0; i < 4; i++ {
			sum += <-sums
		}
		took := time.Since(start)
		expect(sum == 4*(items/4*(items/4-1)/2), "a value was lost")
		return float64(took.Nanoseconds()) / items
	})
}

func event() {
	const herd, rounds = 10_000, 50
	several("event/10000", "ns", func() float64 {
		var doors [rounds + 1]chan struct{}
		for i := range doors {
			doors[i] = make(chan struct{})
		}
		var passed sync.WaitGroup
		sum := 0 // one processor: no two run at once
		for i := 0; i < herd; i++ {
			go func() {
				for _, door := range doors[:] {
					<-door
					sum++
					passed.Done()
				}
			}()
		}
		round := func(r int) {
			passed.Add(herd)
			close(doors[r])
			passed.Wait()
		}
		round(0)
		start := time.Now()
		for r := 1; r <= rounds; r++ {
			round(r)
		}
		took := time.Since(start)
		expect(sum == herd*(rounds+1), "somebody was not woken")
		return float64(took.Nanoseconds()) / (herd * rounds)
	})
}

func main() {
	questions := map[string]func(){"yield": yield, "spawn": spawn, "forkjoin": forkjoin, "timers": timers, "memory": memory,
		"mutex": mutex, "channel": channel, "event": event, "generator": generator, "deep": deep, "depth": depth}
	if len(os.Args) != 2 || questions[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: go_peer yield|spawn|forkjoin|timers|memory|mutex|channel|event|"+
			"generator|deep|depth")
		os.Exit(2)
	}
	questions[os.Args[1]]()
}
