// gitops-judge says what the engines of GitOps tools make of a NocoBaseCluster, with their own code.
//
//	gitops-judge health HEALTH.lua FLUX.yaml STATE.json...   one line per state: NAME kstatus argo flux
//	gitops-judge diff LIVE.json CONFIG.json                  "in sync", or the live and the wanted object
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/argoproj/gitops-engine/pkg/diff"
	"github.com/argoproj/gitops-engine/pkg/health"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	luajson "layeh.com/gopher-json"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gitops-judge:", err)
		os.Exit(2)
	}
}

func run(args []string) error {
	switch {
	case len(args) > 3 && args[0] == "health":
		return judge(args[1], args[2], args[3:])
	case len(args) == 3 && args[0] == "diff":
		return compare(args[1], args[2])
	}
	return fmt.Errorf("gitops-judge health HEALTH.lua FLUX.yaml STATE.json..., or diff LIVE.json CONFIG.json")
}

func read(file string) (*unstructured.Unstructured, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	return object, object.UnmarshalJSON(text)
}

func judge(script, checks string, states []string) error {
	text, err := os.ReadFile(script)
	if err != nil {
		return err
	}
	flux, err := evaluator(checks)
	if err != nil {
		return err
	}
	for _, file := range states {
		object, err := read(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		plain, err := status.Compute(object)
		if err != nil {
			return fmt.Errorf("%s: kstatus: %w", file, err)
		}
		argo, err := health.GetResourceHealth(object, override(text))
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		byFlux, err := flux.Evaluate(context.Background(), object)
		if err != nil {
			return fmt.Errorf("%s: flux: %w", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		fmt.Println(name, plain.Status, argo.Status, byFlux.Status)
	}
	return nil
}

// The expressions for our kind, as they stand in a Kustomization.
func evaluator(file string) (*cel.StatusEvaluator, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var checks []kustomize.CustomHealthCheck
	if err := yaml.UnmarshalStrict(text, &checks); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, check := range checks {
		if check.Kind == "NocoBaseCluster" {
			return cel.NewStatusEvaluator(&check.HealthCheckExpressions)
		}
	}
	return nil, fmt.Errorf("%s: nothing for NocoBaseCluster", file)
}

// A health check as Argo CD runs it: the object is the global obj, the script returns a table.
type override string

func (script override) GetResourceHealth(object *unstructured.Unstructured) (*health.HealthStatus, error) {
	// Argo CD hands every number on as Lua has them; the library that it takes this from knows no integers.
	text, err := object.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var numbers map[string]any
	if err := json.Unmarshal(text, &numbers); err != nil {
		return nil, err
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	// What Argo CD opens of Lua's libraries, but for the clock.
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{{lua.LoadLibName, lua.OpenPackage}, {lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(library.open), Protect: true}, lua.LString(library.name)); err != nil {
			return nil, err
		}
	}
	state.SetGlobal("obj", luajson.DecodeValue(state, numbers))
	if err := state.DoString(string(script)); err != nil {
		return nil, err
	}
	text, err = luajson.Encode(state.Get(-1))
	if err != nil {
		return nil, err
	}
	result := &health.HealthStatus{}
	return result, json.Unmarshal(text, result)
}

func compare(live, config string) error {
	actual, err := read(live)
	if err != nil {
		return err
	}
	wanted, err := read(config)
	if err != nil {
		return err
	}
	result, err := diff.Diff(wanted, actual)
	if err != nil {
		return err
	}
	if !result.Modified {
		fmt.Println("in sync")
		return nil
	}
	fmt.Printf("%s\n%s\n", result.NormalizedLive, result.PredictedLive)
	return nil
}
