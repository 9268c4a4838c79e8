package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// template is a cluster as it is created, and the status that makes it one that has been set up already.
type template struct {
	Spec   json.RawMessage `json:"spec"`
	Status json.RawMessage `json:"status"`
}

func load(ctx context.Context, server *api, o options) (any, error) {
	var t template
	if err := readJSON(o.template, &t); err != nil {
		return nil, err
	}
	began := time.Now()
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(16)
	for i := range o.clusters {
		work.Go(func() error {
			head := fmt.Sprintf(`{"apiVersion":%q,"kind":"NocoBaseCluster","metadata":{"name":%q,"namespace":%q},`, group, name(i), namespace)
			if _, err := server.do(ctx, "POST", clustersPath, asJSON, fmt.Appendf(nil, `%s"spec":%s}`, head, t.Spec)); err != nil {
				return err
			}
			// As the operator's own status writes, so that later ones are not of a second owner.
			_, err := server.do(ctx, "PATCH", clustersPath+"/"+name(i)+"/status"+applying, asApply, fmt.Appendf(nil, `%s"status":%s}`, head, t.Status))
			return err
		})
	}
	err := work.Wait()
	return map[string]any{"seconds": time.Since(began).Seconds()}, err
}

// observe waits for the eight children of every cluster. It prints when the last of them and the last status came.
func observe(ctx context.Context, server *api, o options) (any, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var left atomic.Int64
	left.Store(int64(9 * o.clusters))
	done := make(chan time.Time, 1)
	count := func() {
		if left.Add(-1) == 0 {
			done <- time.Now()
		}
	}
	failed := make(chan error, 5)
	for _, path := range []string{accountsPath, servicesPath, rolesPath, deploymentsPath} {
		known := map[string]bool{}
		go func() {
			failed <- server.watch(ctx, path, asMeta, nil, func(o *seen) {
				if len(o.Metadata.OwnerReferences) == 1 && !known[o.Metadata.Name] {
					known[o.Metadata.Name] = true
					count()
				}
			})
		}()
	}
	go func() {
		known := map[string]bool{}
		failed <- server.watch(ctx, clustersPath, asJSON, nil, func(o *seen) {
			if o.Status.ObservedGeneration == o.Metadata.Generation && !known[o.Metadata.Name] {
				known[o.Metadata.Name] = true
				count()
			}
		})
	}()
	select {
	case at := <-done:
		return map[string]any{"unix": unix(at)}, nil
	case err := <-failed:
		if err == nil {
			err = fmt.Errorf("time is up: %d of %d children and statuses are missing", left.Load(), 9*o.clusters)
		}
		return nil, err
	case <-ctx.Done():
		return nil, fmt.Errorf("time is up: %d of %d children and statuses are missing", left.Load(), 9*o.clusters)
	}
}

// settled waits until every cluster is Ready at its present generation.
func settled(ctx context.Context, server *api, o options) (any, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready, count := map[string]bool{}, 0
	var last time.Time
	err := server.watch(ctx, clustersPath, asJSON, nil, func(c *seen) {
		is := false
		for _, condition := range c.Status.Conditions {
			is = is || condition.Type == "Ready" && condition.Status == "True"
		}
		is = is && c.Status.ObservedGeneration == c.Metadata.Generation
		if is && !ready[c.Metadata.Name] {
			count++
		} else if !is && ready[c.Metadata.Name] {
			count--
		}
		ready[c.Metadata.Name] = is
		if count == o.clusters {
			last = time.Now()
			cancel()
		}
	})
	if err == nil && last.IsZero() {
		maps.DeleteFunc(ready, func(_ string, is bool) bool { return is })
		err = fmt.Errorf("time is up: not Ready: %v", slices.Sorted(maps.Keys(ready)))
	}
	return map[string]any{"unix": unix(last)}, err
}
