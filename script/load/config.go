package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// hostName is that of the server under load.
const hostName = "id.load.example"

// configFile is the name of a replica's configuration; the first is 0.
func configFile(replica int) string { return fmt.Sprintf("idserver%d.yaml", replica) }

// raised are the budgets that a crowd on one machine would use up within the
// measurements. Except for those of the deployment, which are leased by default too, and
// of challenges, they are as exact as by default: beyond 1,000 an hour the server leases.
var raised = map[string]int{
	"email.account.hour":           1000,
	"email.account.day":            24_000,
	"email.account.addresses.day":  24_000,
	"email.homeserver.hour":        1000,
	"email.newcomer.hour":          1000,
	"email.newcomers.hour":         100_000_000,
	"email.domain.hour":            1000,
	"email.deployment.hour":        100_000_000,
	"captcha.homeserver.hour":      1_000_000,
	"discovery.account":            700_000,
	"discovery.homeserver":         1_000_000,
	"discovery.domain":             1_000_000,
	"discovery.network":            250_000,
	"discovery.site":               240_000,
	"discovery.deployment.hour":    100_000_000,
	"captcha.deployment.hour":      100_000_000,
	"keys.publish.deployment.hour": 100_000_000,
}

// config is what a measurement sets of the server's configuration.
type config struct {
	smtp, database, ca string
	captcha            string // when one must be solved
}

// write writes the configuration of a replica in production: budgets are in force, and
// a reverse proxy says who the clients are.
func (c config) write(dir string, replica int, addr string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "server_name: %s\npublic_url: https://%[1]s\nlisten: %s\nmetrics_listen: \"\"\n", hostName, addr)
	fmt.Fprintf(&b, "behind_proxy: [127.0.0.1]\ndatabase: %q\n", c.database)
	fmt.Fprintf(&b, "email: {smtp: %q, tls: none, from: no-reply@%s, check_mx: false}\n", c.smtp, hostName)
	fmt.Fprintf(&b, "federation: {allow_networks: [127.0.0.0/8], ca_file: %q}\n", c.ca)
	fmt.Fprintf(&b, "captcha: {when: %s}\nlimits:\n  budgets:\n", c.captcha)
	for name, limit := range raised {
		fmt.Fprintf(&b, "    %s: %d\n", name, limit)
	}
	return os.WriteFile(filepath.Join(dir, configFile(replica)), []byte(b.String()), 0o600)
}
