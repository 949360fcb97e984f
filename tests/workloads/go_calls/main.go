// SPDX-License-Identifier: GPL-2.0-only

// Goroutines that allocate in C, each block of a size of its own, and what Go says of their stacks.
// The protocol is that of workload.h, but for the truth: a list of sizes and return addresses.
package main

/*
#include <stdlib.h>

__attribute__((noinline)) static void *allocate_in_c(int bytes)
{
	void *block = malloc(bytes);

	__asm__ volatile("" : : "r"(block) : "memory");
	return block;
}

__attribute__((noinline)) static void *call_allocate(int bytes)
{
	void *block = allocate_in_c(bytes);

	__asm__ volatile("" : : "r"(block) : "memory");
	return block;
}
*/
import "C"

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sync"
)

const mostFrames = 100

type allocation struct {
	Size    int       `json:"size"`
	Callers []uintptr `json:"callers"` // of allocate()
}

var (
	mutex       sync.Mutex
	allocations []allocation
	lastSize    = 100000
)

//go:noinline
func allocate() {
	var callers [mostFrames]uintptr
	count := runtime.Callers(2, callers[:])
	mutex.Lock()
	lastSize++
	size := lastSize
	allocations = append(allocations, allocation{size, append([]uintptr{}, callers[:count]...)})
	mutex.Unlock()
	C.free(C.call_allocate(C.int(size)))
}

//go:noinline
func descend(frames int) int {
	if frames > 0 {
		return descend(frames-1) + 1
	}
	allocate()
	return 0
}

// A frame that makes the stack grow, and the runtime move it.
//
//go:noinline
func large(frames int) byte {
	var room [30000]byte
	room[frames] = byte(descend(frames))
	return room[frames/2]
}

func work() {
	var wait sync.WaitGroup
	for thread := 0; thread < 3; thread++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for frames := 0; frames < 40; frames++ {
				descend(frames)
			}
			large(3)
		}()
	}
	descend(1)
	wait.Wait()
}

func main() {
	input := bufio.NewReader(os.Stdin)
	fmt.Printf("ready %d\n", os.Getpid())
	input.ReadString('\n')
	work()
	json.NewEncoder(os.Stdout).Encode(allocations)
	input.ReadString('\n')
}
