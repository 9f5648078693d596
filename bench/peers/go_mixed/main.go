// SPDX-License-Identifier: BSL-1.0
// go_mixed [PORT]: answers the requests of bench/open_load.cpp in Go, on one processor.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
)

func computed(rounds uint64) uint64 {
	x := uint64(1)
	for ; rounds > 0; rounds-- {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x | 1
}

func answer(peer net.Conn) {
	defer peer.Close()
	bytes := make([]byte, 64)
	for {
		if _, err := io.ReadFull(peer, bytes); err != nil {
			return
		}
		rounds := binary.LittleEndian.Uint64(bytes[8:])
		binary.LittleEndian.PutUint64(bytes[16:], computed(rounds))
		if _, err := peer.Write(bytes); err != nil {
			return
		}
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	port := "0"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:"+port)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_mixed:", err)
		os.Exit(1)
	}
	fmt.Println("listening on", listener.Addr())
	for {
		peer, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "go_mixed:", err)
			os.Exit(1)
		}
		go answer(peer)
	}
}
