package main

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// write is one of those that are made for every cluster: CLUSTER and UID stand for its name and uid. Those of a group
// follow each other; the groups go side by side, the last one when all others are done.
type write struct {
	Path string `json:"path"`
	Body string `json:"body"`
}

func floor(ctx context.Context, server *api, o options) (any, error) {
	var groups [][]write
	if err := readJSON(o.floor, &groups); err != nil {
		return nil, err
	}
	text, err := server.do(ctx, "GET", clustersPath, asJSON, nil)
	if err != nil {
		return nil, err
	}
	var list struct{ Items []seen }
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	var made atomic.Int64
	began := time.Now()
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(o.parallel)
	for _, cluster := range list.Items {
		work.Go(func() error {
			fill := strings.NewReplacer("CLUSTER", cluster.Metadata.Name, "UID", cluster.Metadata.UID)
			follow := func(ctx context.Context, writes []write) error {
				for _, w := range writes {
					made.Add(1)
					if _, err := server.do(ctx, "PATCH", fill.Replace(w.Path)+applying, asApply, []byte(fill.Replace(w.Body))); err != nil {
						return err
					}
				}
				return nil
			}
			last := len(groups) - 1
			inner, ctx := errgroup.WithContext(ctx)
			for _, writes := range groups[:last] {
				inner.Go(func() error { return follow(ctx, writes) })
			}
			if err := inner.Wait(); err != nil {
				return err
			}
			return follow(context.WithoutCancel(ctx), groups[last])
		})
	}
	err = work.Wait()
	return map[string]any{"seconds": time.Since(began).Seconds(), "writes": made.Load()}, err
}
