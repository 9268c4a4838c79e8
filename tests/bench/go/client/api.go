package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	namespace = "bench"
	group     = "nocobase.com/v1alpha1"

	clustersPath    = "/apis/nocobase.com/v1alpha1/namespaces/bench/nocobaseclusters"
	rolesPath       = "/apis/nocobase.com/v1alpha1/namespaces/bench/nocobaseroles"
	deploymentsPath = "/apis/apps/v1/namespaces/bench/deployments"
	servicesPath    = "/api/v1/namespaces/bench/services"
	accountsPath    = "/api/v1/namespaces/bench/serviceaccounts"

	asJSON   = "application/json"
	asMerge  = "application/merge-patch+json"
	asApply  = "application/apply-patch+yaml"
	asMeta   = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	applying = "?fieldManager=nocobase-operator&force=true"
)

// api is the server and a client that nothing holds back.
type api struct {
	host string
	http *http.Client
}

func connect(kubeconfig string) (*api, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.UserAgent = -1, "nocobase-operator-bench"
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	return &api{config.Host, client}, nil
}

// do makes one request and returns the reply's body.
func (a *api) do(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, a.host+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	reply, err := a.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err == nil && reply.StatusCode > 299 {
		err = fmt.Errorf("%s %s: %d %s", method, path, reply.StatusCode, text)
	}
	return text, err
}

// seen is what the client looks at of an object of any kind.
type seen struct {
	Metadata struct {
		Name            string
		UID             string
		Generation      int64
		OwnerReferences []struct{ Kind, Name string }
		Annotations     map[string]string
	}
	Spec struct {
		Replicas *int32
	}
	Status struct {
		ObservedGeneration int64
		Conditions         []struct{ Type, Status string }
	}
}

// watch calls visit with every object of a kind, first those that are there and then each one that changes, until the
// context ends. accept is asJSON, or asMeta for no more than the metadata. synced is closed after those that are there.
// visit must not wait: the server ends a watch that is read too slowly. Then it begins anew.
func (a *api) watch(ctx context.Context, path, accept string, synced chan<- struct{}, visit func(*seen)) error {
	first := sync.OnceFunc(func() {
		if synced != nil {
			close(synced)
		}
	})
	for {
		err := a.watchOnce(ctx, path, accept, first, visit)
		if ctx.Err() != nil {
			return nil
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("watch %s: %w", path, err)
		}
	}
}

func (a *api) watchOnce(ctx context.Context, path, accept string, synced func(), visit func(*seen)) error {
	query := "?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.host+path+query, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", accept)
	reply, err := a.http.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(reply.Body)
		return fmt.Errorf("%d %s", reply.StatusCode, text)
	}
	for events := json.NewDecoder(reply.Body); ; {
		var event struct {
			Type   string
			Object json.RawMessage
		}
		if err := events.Decode(&event); err != nil {
			return err
		}
		if event.Type == "ERROR" { // its object is a Status; the watch is to begin anew
			return io.EOF
		}
		var object seen
		if err := json.Unmarshal(event.Object, &object); err != nil {
			return err
		}
		switch event.Type {
		case "ADDED", "MODIFIED":
			visit(&object)
		case "BOOKMARK":
			if object.Metadata.Annotations["k8s.io/initial-events-end"] == "true" {
				synced()
			}
		}
	}
}

func readJSON(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
