// SPDX-License-Identifier: Apache-2.0

// A Go program with many goroutines: serves files over HTTP, and before that reads files from many
// goroutines at once. goserver PORT DIRECTORY
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
)

func reads(directory string) (good int64) {
	var wait sync.WaitGroup
	var lock sync.Mutex
	for i := 0; i < 100; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for j := 0; j < 20; j++ {
				_, err := os.ReadFile(filepath.Join(directory, "small.txt"))
				_, absent := os.Stat(filepath.Join(directory, "absent"))
				if err == nil && errors.Is(absent, fs.ErrNotExist) {
					lock.Lock()
					good++
					lock.Unlock()
				}
			}
		}()
	}
	wait.Wait()
	return good
}

func main() {
	directory := os.Args[2]
	fmt.Println("reads", reads(directory))
	out, err := exec.Command("/bin/echo", "child").Output()
	fmt.Printf("command %q %v\n", out, err)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		data, err := os.ReadFile(filepath.Join(directory, filepath.Clean(r.URL.Path)))
		if err != nil {
			var number syscall.Errno
			errors.As(err, &number)
			w.WriteHeader(map[syscall.Errno]int{syscall.ENOENT: 404, syscall.EACCES: 403}[number])
			return
		}
		w.Write(data)
	})
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() {
		<-ended
		os.Exit(0)
	}()
	if err := http.ListenAndServe("127.0.0.1:"+os.Args[1], nil); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
