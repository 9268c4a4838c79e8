// client loads the API server, plays the part of Kubernetes that the benchmark leaves out, and looks on. Each
// subcommand prints one JSON object.
//
//	load     creates clusters that have been set up already
//	observe  waits until every child exists and every cluster's status is of its present generation
//	floor    makes the writes of a perfect controller, and decodes no reply: what the API server itself takes
//	play     is the Deployment controller: what a Deployment asks for is there at once
//	settled  waits until every cluster says that it is Ready
//	edit     changes one field of one role at a time, and times its Deployment's change
//	poke     makes one such change and waits, for as long as it takes
//	drain    reads lists and watches to the end of what is there, and throws the bytes away
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options of all subcommands; each reads those it needs.
type options struct {
	kubeconfig string
	clusters   int
	parallel   int
	edits      int
	index      int
	timeout    time.Duration
	template   string
	floor      string
	paths      string
}

var commands = map[string]func(context.Context, *api, options) (any, error){
	"load": load, "observe": observe, "floor": floor, "play": play, "settled": settled, "edit": edits, "poke": poke, "drain": drain,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 || commands[args[0]] == nil {
		return errors.New("the first argument is load, observe, floor, play, settled, edit, poke or drain")
	}
	var o options
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "how to reach the API server")
	flags.IntVar(&o.clusters, "n", 50, "how many clusters")
	flags.IntVar(&o.parallel, "parallel", 8, "clusters worked on at a time")
	flags.IntVar(&o.edits, "edits", 30, "how many edits")
	flags.IntVar(&o.index, "index", 0, "poke: which cluster")
	flags.DurationVar(&o.timeout, "timeout", 10*time.Minute, "how long at most")
	flags.StringVar(&o.template, "cluster", "", "load: file with the cluster as JSON and the status it begins with")
	flags.StringVar(&o.floor, "writes", "", "floor: file with the writes to make for each cluster, as JSON")
	flags.StringVar(&o.paths, "paths", "", "drain: file with the requests to make, as JSON")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	server, err := connect(o.kubeconfig)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	answer, err := commands[args[0]](ctx, server, o)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(answer)
}

// name is that of the i-th cluster.
func name(i int) string { return fmt.Sprintf("c%05d", i) }

// unix is the time in seconds, as the harness compares it with its own.
func unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
