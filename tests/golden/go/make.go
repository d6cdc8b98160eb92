// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the profiles beside it: three of CPU, and Go's other kinds.
package main

import (
	"os"
	"runtime"
	"runtime/pprof"
	"time"
)

//go:noinline
func burn(until time.Time) (n int) {
	for time.Now().Before(until) {
		for i := 0; i < 100000; i++ {
			n += i
		}
	}
	return n
}

var kept [][]byte

//go:noinline
func keep() {
	for i := 0; i < 64; i++ {
		kept = append(kept, make([]byte, 1<<20))
	}
}

func write(name string) {
	f, _ := os.Create(name + ".go.pb.gz")
	pprof.Lookup(name).WriteTo(f, 0)
	f.Close()
}

func main() {
	for _, name := range []string{"a", "b", "c"} {
		f, _ := os.Create(name + ".go.pb.gz")
		pprof.StartCPUProfile(f)
		burn(time.Now().Add(400 * time.Millisecond))
		pprof.StopCPUProfile()
		f.Close()
	}
	keep()
	runtime.GC()
	for _, name := range []string{"heap", "goroutine", "allocs", "block"} {
		write(name)
	}
}
