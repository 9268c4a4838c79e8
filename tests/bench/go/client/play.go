package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

const playedStatus = `{"status":{"observedGeneration":%d,"replicas":%[2]d,"updatedReplicas":%[2]d,"readyReplicas":%[2]d,` +
	`"availableReplicas":%[2]d,"conditions":[{"type":"Available","status":"True","reason":"MinimumReplicasAvailable"},` +
	`{"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable"}]}}`

// play answers every generation of every Deployment with a status in which all that it asks for is there, until it is
// told to end.
func play(ctx context.Context, server *api, _ options) (any, error) {
	type due struct {
		name       string
		generation int64
		replicas   int32
	}
	var written atomic.Int64
	queue := make(chan due, 1<<20)
	work, inner := errgroup.WithContext(ctx)
	for range 16 {
		work.Go(func() error {
			for d := range queue {
				_, err := server.do(inner, "PATCH", deploymentsPath+"/"+d.name+"/status?fieldManager=deployment-controller", asMerge,
					fmt.Appendf(nil, playedStatus, d.generation, d.replicas))
				if inner.Err() != nil {
					return nil
				}
				if err != nil {
					return err
				}
				written.Add(1)
			}
			return nil
		})
	}
	err := server.watch(inner, deploymentsPath, asJSON, nil, func(d *seen) {
		if d.Status.ObservedGeneration < d.Metadata.Generation {
			replicas := int32(1)
			if d.Spec.Replicas != nil {
				replicas = *d.Spec.Replicas
			}
			queue <- due{d.Metadata.Name, d.Metadata.Generation, replicas}
		}
	})
	close(queue)
	return map[string]any{"writes": written.Load()}, errors.Join(err, work.Wait())
}
