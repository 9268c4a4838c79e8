package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"
)

func init() { programs["wait"] = runWait }

// runWait asks a URL until it answers 200, or ends with 1 when the time is up.
func runWait() {
	args := arguments(3, "wait URL CA_FILE TIMEOUT")
	ca, err := os.ReadFile(args[1])
	check(err)
	timeout, err := time.ParseDuration(args[2])
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{
		Timeout:   2 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
	var last string
	for end := time.Now().Add(timeout); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		answer, err := client.Get(args[0])
		if err != nil {
			last = err.Error()
			continue
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return
		}
		last = answer.Status
	}
	check(fmt.Errorf("%s did not answer 200 within %s: %s", args[0], timeout, last))
}
