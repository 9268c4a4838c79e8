package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// stream is a list or watch as a contender asks for it.
type stream struct {
	Path   string `json:"path"`
	Accept string `json:"accept"`
	Watch  bool   `json:"watch"` // it goes on after what is there
}

// endOfInitial is in the bookmark after what is there, in JSON as in protobuf.
var endOfInitial = []byte("k8s.io/initial-events-end")

// drain makes all requests at once and reads each to the end of what is there.
func drain(ctx context.Context, server *api, o options) (any, error) {
	var streams []stream
	if err := readJSON(o.paths, &streams); err != nil {
		return nil, err
	}
	began := time.Now()
	var total atomic.Int64
	work, ctx := errgroup.WithContext(ctx)
	for _, s := range streams {
		work.Go(func() error {
			size, err := s.read(ctx, server)
			total.Add(size)
			return err
		})
	}
	err := work.Wait()
	return map[string]any{"seconds": time.Since(began).Seconds(), "unix": unix(time.Now()), "bytes": total.Load()}, err
}

func (s stream) read(ctx context.Context, server *api) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.host+s.Path, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Accept", s.Accept)
	reply, err := server.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(reply.Body)
		return 0, fmt.Errorf("drain %s: %d %s", s.Path, reply.StatusCode, text)
	}
	if !s.Watch {
		return io.Copy(io.Discard, reply.Body)
	}
	var size int64
	chunk := make([]byte, 64*1024)
	kept := 0 // of the chunk before, in case the mark lies across
	for {
		count, err := reply.Body.Read(chunk[kept:])
		size += int64(count)
		have := chunk[:kept+count]
		if bytes.Contains(have, endOfInitial) {
			return size, nil
		}
		if err != nil {
			return size, fmt.Errorf("drain %s: ended before all was told: %w", s.Path, err)
		}
		kept = copy(chunk, have[max(0, len(have)-len(endOfInitial)):])
	}
}
