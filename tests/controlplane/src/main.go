// controlplane is one binary with everything a local Kubernetes needs: etcd,
// kube-apiserver, kube-controller-manager, kube-scheduler, kubectl, kwok, helm
// and metrics-server, and a few small programs of our own. The base name it is
// called by chooses the program, else the first argument does.
//
// One binary, because the parts share most of their packages: linked apart
// they would take five times the disk and the link time.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// programs maps a name to an entry point, which reads os.Args as if it were alone.
var programs = map[string]func(){}

func main() {
	if run, ok := programs[filepath.Base(os.Args[0])]; ok {
		run()
		return
	}
	if len(os.Args) > 1 {
		if run, ok := programs[os.Args[1]]; ok {
			os.Args = os.Args[1:]
			run()
			return
		}
	}
	fmt.Fprintf(os.Stderr, "usage: controlplane PROGRAM [ARG...]\nprograms: %s\n",
		strings.Join(slices.Sorted(maps.Keys(programs)), " "))
	os.Exit(2)
}

// check ends the program with a one-line message when err is set.
func check(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(1)
	}
}

// arguments ends the program with its usage unless it was given at least min arguments.
func arguments(min int, usage string) []string {
	if len(os.Args)-1 < min {
		fmt.Fprintln(os.Stderr, "usage:", usage)
		os.Exit(2)
	}
	return os.Args[1:]
}
