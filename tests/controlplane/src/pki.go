package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

func init() { programs["pki"] = runPKI }

// identity is a certificate with its key, both also as PEM.
type identity struct {
	cert            *x509.Certificate
	key             *ecdsa.PrivateKey
	certPEM, keyPEM []byte
}

// newIdentity signs a certificate with ca; without one it makes an authority that signs itself.
func newIdentity(ca *identity, subject pkix.Name, usage x509.ExtKeyUsage, names ...string) *identity {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	check(err)
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	parent, signer := template, key
	if ca == nil {
		template.IsCA, template.BasicConstraintsValid = true, true
		template.KeyUsage |= x509.KeyUsageCertSign
	} else {
		template.ExtKeyUsage = []x509.ExtKeyUsage{usage}
		parent, signer = ca.cert, ca.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	check(err)
	cert, err := x509.ParseCertificate(der)
	check(err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	check(err)
	return &identity{cert, key,
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})}
}

const kubeconfig = `apiVersion: v1
kind: Config
current-context: local
clusters:
- name: local
  cluster: {server: %q, certificate-authority-data: %s}
contexts:
- name: local
  context: {cluster: local, user: %s}
users:
- name: %[3]s
  user: {client-certificate-data: %s, client-key-data: %s}
`

// runPKI writes throw-away authorities, server certificates and one kubeconfig per user.
func runPKI() {
	args := arguments(2, "pki DIR API_URL [NAME_OF_A_LOOPBACK_SERVER...]")
	dir, server := args[0], args[1]
	pki := filepath.Join(dir, "pki")
	check(os.MkdirAll(pki, 0o700))
	write := func(path string, data []byte) { check(os.WriteFile(path, data, 0o600)) }
	save := func(name string, id *identity) {
		write(filepath.Join(pki, name+".crt"), id.certPEM)
		write(filepath.Join(pki, name+".key"), id.keyPEM)
	}
	named := func(name string) pkix.Name { return pkix.Name{CommonName: name} }

	ca := newIdentity(nil, named("local-ca"), 0)
	save("ca", ca)
	frontProxyCA := newIdentity(nil, named("local-front-proxy-ca"), 0)
	save("front-proxy-ca", frontProxyCA)
	save("front-proxy-client", newIdentity(frontProxyCA, named("front-proxy-client"), x509.ExtKeyUsageClientAuth))
	loopback := []string{"localhost", "127.0.0.1", "::1"}
	save("apiserver", newIdentity(ca, named("kube-apiserver"), x509.ExtKeyUsageServerAuth, append(loopback, "10.96.0.1",
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")...))
	// Whatever else serves on loopback: kwok as kubelet, the metrics APIs, webhooks under test.
	save("loopback", newIdentity(ca, named("loopback"), x509.ExtKeyUsageServerAuth,
		append(append(loopback, "metrics-server.kube-system.svc"), args[2:]...)...))
	tokens := newIdentity(nil, named("service-accounts"), 0)
	write(filepath.Join(pki, "sa.key"), tokens.keyPEM)
	public, err := x509.MarshalPKIXPublicKey(&tokens.key.PublicKey)
	check(err)
	write(filepath.Join(pki, "sa.pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))

	masters := []string{"system:masters"}
	for _, user := range []struct {
		file, name string
		groups     []string
	}{
		{"admin", "kubernetes-admin", masters},
		{"kwok", "kwok", masters},
		{"metrics-server", "metrics-server", masters},
		{"controller-manager", "system:kube-controller-manager", nil},
		{"scheduler", "system:kube-scheduler", nil},
	} {
		id := newIdentity(ca, pkix.Name{CommonName: user.name, Organization: user.groups}, x509.ExtKeyUsageClientAuth)
		text := base64.StdEncoding.EncodeToString
		write(filepath.Join(dir, user.file+".kubeconfig"), fmt.Appendf(nil, kubeconfig, server, text(ca.certPEM),
			user.file, text(id.certPEM), text(id.keyPEM)))
	}
}
