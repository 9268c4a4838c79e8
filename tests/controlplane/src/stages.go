package main

import (
	_ "embed"
	"fmt"
	"os"
	"strings"
	"text/template"

	"sigs.k8s.io/kwok/kustomize/metrics/resource"
	"sigs.k8s.io/kwok/kustomize/metrics/usage"
	"sigs.k8s.io/kwok/kustomize/stage/node/fast"
	heartbeat "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
)

func init() { programs["stages"] = runStages }

// stages.yaml is what kwok plays, with << >> around the parts that repeat; {{ }} is left to kwok.
//
//go:embed stages.yaml
var stages string

// fateOf is the jq expression for the fate that a Pod asks for, or that its image or owner implies.
const fateOf = `(.metadata.annotations["sim/fate"] // .metadata.labels["sim/fate"] // ` +
	`(if ([.spec.containers[].image | test(":bad")] | any) then "imagepull" ` +
	`elif (([.metadata.ownerReferences[]?.kind] | any(. == "Job")) or .metadata.annotations["helm.sh/hook"] != null) ` +
	`then "complete" else "ok" end))`

// match is one selector expression of a stage.
func match(expression, operator string, values ...string) string {
	if len(values) == 0 {
		return fmt.Sprintf("{key: '%s', operator: %s}", expression, operator)
	}
	return fmt.Sprintf(`{key: '%s', operator: %s, values: ["%s"]}`, expression, operator, strings.Join(values, `", "`))
}

// delay waits between min and max ms, or for as long as the Pod's annotation says.
func delay(min, max int, annotation string) string {
	from := fmt.Sprintf(`{expressionFrom: '.metadata.annotations["%s"]'}`, annotation)
	return fmt.Sprintf("{durationMilliseconds: %d, durationFrom: %s, jitterDurationMilliseconds: %d, jitterDurationFrom: %s}",
		min, from, max, from)
}

// indented puts every line but the first under a block scalar of statusTemplate.
func indented(lines ...string) string { return strings.Join(lines, "\n      ") }

func condition(kind, status, why string) string {
	return fmt.Sprintf(`- {type: %s, status: "%s", %slastProbeTime: null, lastTransitionTime: {{ $now | Quote }}}`, kind, status, why)
}

// readiness is the pair of conditions that follows the containers.
func readiness(status string) string {
	why := ""
	if status == "False" {
		why = `reason: ContainersNotReady, message: "containers with unready status: ` +
			`[{{ range .spec.containers }}{{ .name }} {{ end }}]", `
	}
	return indented(condition("Ready", status, why), condition("ContainersReady", status, why))
}

// containers is the status of every container: restarts is what is added to the count, state and last are flow mappings
// ($was is the container's status so far), last is kept as it was unless given.
func containers(ready, started bool, restarts int, state string, last ...string) string {
	image := `imageID: ""`
	if !strings.Contains(state, "ContainerCreating") && !strings.Contains(state, "ImagePull") { // the image is there
		image = `imageID: {{ printf "docker.io/%s@sha256:%s" $c.image (sha256sum $c.image) | Quote }}` +
			"\n        " + `containerID: {{ printf "sim://%s" (sha256sum (printf "%s/%s" $pod.metadata.uid $c.name)) | Quote }}`
	}
	lastState := "{{ toJson (or $was.lastState dict) }}"
	if len(last) > 0 {
		lastState = "{" + last[0] + "}"
	}
	return indented("containerStatuses:",
		"{{ range $i, $c := .spec.containers }}",
		"{{ $was := dict }}",
		"{{ if $pod.status.containerStatuses }}{{ $was = index $pod.status.containerStatuses $i }}{{ end }}",
		"- name: {{ $c.name | Quote }}",
		"  image: {{ $c.image | Quote }}",
		"  "+image,
		fmt.Sprintf("  ready: %t", ready),
		fmt.Sprintf("  started: %t", started),
		fmt.Sprintf("  restartCount: {{ add (or $was.restartCount 0) %d }}", restarts),
		"  state: {"+state+"}",
		"  lastState: "+lastState,
		"{{ end }}")
}

func runStages() {
	functions := template.FuncMap{
		"match": match, "delay": delay, "condition": condition, "readiness": readiness, "containers": containers,
		"alive":  func() string { return match(".metadata.deletionTimestamp", "DoesNotExist") },
		"phase":  func(phase string) string { return match(".status.phase", "In", phase) },
		"fate":   func(operator string, fates ...string) string { return match(fateOf, operator, fates...) },
		"is":     func(kind, operator string) string { return match(conditionStatus(kind), operator, "True") },
		"nodes":  func() string { return fast.DefaultNodeInit + "---\n" + heartbeat.DefaultNodeHeartbeatWithLease },
		"usages": func() string { return usage.DefaultUsageFromAnnotation + "---\n" + resource.DefaultMetricsResource },
	}
	check(template.Must(template.New("stages").Delims("<<", ">>").Funcs(functions).Parse(stages)).Execute(os.Stdout, nil))
}

func conditionStatus(kind string) string {
	return fmt.Sprintf(`.status.conditions.[] | select( .type == "%s" ) | .status`, kind)
}
