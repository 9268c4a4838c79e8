package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// editedRole is the one of whose fields one is changed; its Deployment is the only one that changes with it.
const editedRole = "web"

// generations tells of every Deployment whose generation has grown.
type generations struct {
	mutex  sync.Mutex
	last   map[string]int64
	grown  chan string
	failed chan error
}

func watchGenerations(ctx context.Context, server *api) *generations {
	g := &generations{last: map[string]int64{}, grown: make(chan string, 1<<16), failed: make(chan error, 1)}
	synced := make(chan struct{})
	go func() {
		g.failed <- server.watch(ctx, deploymentsPath, asMeta, synced, func(d *seen) {
			g.mutex.Lock()
			before, known := g.last[d.Metadata.Name]
			g.last[d.Metadata.Name] = d.Metadata.Generation
			g.mutex.Unlock()
			if known && d.Metadata.Generation > before {
				g.grown <- d.Metadata.Name
			}
		})
	}()
	<-synced
	return g
}

// changed is the cluster's roles with a new value of a variable of one of them.
func changed(ctx context.Context, server *api, cluster string) ([]byte, error) {
	text, err := server.do(ctx, "GET", clustersPath+"/"+cluster, asJSON, nil)
	if err != nil {
		return nil, err
	}
	var c struct {
		Spec struct{ Roles []map[string]any }
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, err
	}
	for _, role := range c.Spec.Roles {
		if role["name"] == editedRole {
			role["env"] = []map[string]string{{"name": "EDITED", "value": fmt.Sprint(time.Now().UnixMicro())}}
		}
	}
	return json.Marshal(map[string]any{"spec": map[string]any{"roles": c.Spec.Roles}})
}

// edit returns how long it took from before the request until the Deployment was seen to have changed.
func edit(ctx context.Context, server *api, g *generations, cluster string) (time.Duration, error) {
	body, err := changed(ctx, server, cluster)
	if err != nil {
		return 0, err
	}
	for len(g.grown) > 0 {
		<-g.grown
	}
	began := time.Now()
	if _, err := server.do(ctx, "PATCH", clustersPath+"/"+cluster, asMerge, body); err != nil {
		return 0, err
	}
	for {
		select {
		case name := <-g.grown:
			if name == cluster+"-"+editedRole {
				return time.Since(began), nil
			}
		case err := <-g.failed:
			return 0, errors.Join(err, fmt.Errorf("Deployment %s-%s has not changed", cluster, editedRole))
		}
	}
}

func edits(ctx context.Context, server *api, o options) (any, error) {
	g := watchGenerations(ctx, server)
	var took []float64
	for i := range o.edits {
		time.Sleep(300 * time.Millisecond) // what the last one has led to is over
		duration, err := edit(ctx, server, g, name(i*7919%o.clusters))
		if err != nil {
			return nil, err
		}
		took = append(took, float64(duration.Microseconds())/1000)
	}
	slices.Sort(took)
	at := func(share float64) float64 { return took[min(len(took)-1, int(share*float64(len(took))))] }
	return map[string]any{"median_ms": at(0.5), "p99_ms": at(0.99)}, nil
}

func poke(ctx context.Context, server *api, o options) (any, error) {
	_, err := edit(ctx, server, watchGenerations(ctx, server), name(o.index))
	return map[string]any{"unix": unix(time.Now())}, err
}
