package main

import "testing"

func TestWorkerMode(t *testing.T) {
	for want, role := range map[string]RoleSpec{
		"!":     {Requests: true},
		"":      {Requests: true, Services: []string{everything}},
		"*":     {Services: []string{everything}},
		"!,a,b": {Requests: true, Services: []string{"a", "b"}},
		"a":     {Services: []string{"a"}},
	} {
		if got := role.workerMode(); got != want {
			t.Errorf("%+v: %q, want %q", role, got, want)
		}
	}
}
