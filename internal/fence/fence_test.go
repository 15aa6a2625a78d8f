// SPDX-License-Identifier: MPL-2.0

package fence

import (
	"strings"
	"testing"
	"time"
)

func TestProofIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 11, 25, 3, 1, 40, 0, time.UTC)
	for line, proof := range map[string]Proof{
		"held network us-east-1/orders-use1 2026-11-25T03:01:40Z":        {State: StateHeld, Kind: KindNetwork, Subject: Network("us-east-1", "orders-use1"), Since: since},
		"held postgresql db.example.com:5432 2026-11-25T03:01:40Z":       {State: StateHeld, Kind: KindPostgreSQL, Subject: PostgreSQL("db.example.com", 5432), Since: since},
		"open network us-east-1/orders-use1":                             {State: StateOpen, Kind: KindNetwork, Subject: Network("us-east-1", "orders-use1")},
		"unreached postgresql [fd00::1]:5432":                            {State: StateUnreached, Kind: KindPostgreSQL, Subject: PostgreSQL("fd00::1", 5432)},
		"unreached network us-gov-west-1/orders-2":                       {State: StateUnreached, Kind: KindNetwork, Subject: "us-gov-west-1/orders-2"},
		"open postgresql o.abc.us-east-1.rds.amazonaws.com:5432":         {State: StateOpen, Kind: KindPostgreSQL, Subject: "o.abc.us-east-1.rds.amazonaws.com:5432"},
		"held network eu-central-1/a-very-long-one 2030-01-01T00:00:00Z": {State: StateHeld, Kind: KindNetwork, Subject: "eu-central-1/a-very-long-one", Since: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if got := proof.String(); got != line {
			t.Errorf("%+v is written %q, want %q", proof, got, line)
		}
		got, err := Parse(line)
		if err != nil {
			t.Errorf("Parse(%q): %v", line, err)
			continue
		}
		if got != proof {
			t.Errorf("Parse(%q) = %+v, want %+v", line, got, proof)
		}
		if got.Held() != strings.HasPrefix(line, "held ") {
			t.Errorf("Parse(%q).Held() = %t", line, got.Held())
		}
	}
}

// A fence that held from half past a second may say the next second, never the
// one before: whoever waits for replicas to have replayed past it would
// otherwise miss what was written in between.
func TestProofRoundsUpAndToUTC(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("CET", 3600)
	proof := Proof{State: StateHeld, Kind: KindNetwork, Subject: "us-east-1/orders", Since: time.Date(2026, 11, 25, 4, 1, 40, 1, zone)}
	if got, want := proof.String(), "held network us-east-1/orders 2026-11-25T03:01:41Z"; got != want {
		t.Errorf("written %q, want %q", got, want)
	}
}

func TestProofOfAnotherShapeIsRefused(t *testing.T) {
	t.Parallel()
	for line, because := range map[string]string{
		"": `begins with ""`,
		"holds network us-east-1/orders 2026-11-25T03:01:40Z":          `begins with "holds"`,
		"HELD network us-east-1/orders 2026-11-25T03:01:40Z":           `begins with "HELD"`,
		"held network us-east-1/orders":                                "4 words",
		"open network us-east-1/orders 2026-11-25T03:01:40Z":           "3 words",
		"open  network us-east-1/orders":                               "3 words",
		"open network us-east-1/orders ":                               "3 words",
		"open acl us-east-1/orders":                                    "no kind of fence",
		"open network orders":                                          "not a region and an instance",
		"open network us-east-1/":                                      "not a region and an instance",
		"open network us-east-1/a/b":                                   "not a region and an instance",
		"open postgresql db.example.com":                               "not a host and a port",
		"open postgresql db.example.com:pg":                            "not a host and a port",
		"open postgresql db.example.com:0":                             "not a host and a port",
		"open postgresql :5432":                                        "not a host and a port",
		"held network us-east-1/orders yesterday":                      "not a time",
		"held network us-east-1/orders 2026-11-25T04:01:40+01:00":      "not a time",
		"held network us-east-1/orders 2026-11-25T03:01:40+00:00":      "not a time",
		"held network us-east-1/orders 2026-11-25T03:01:40.5Z":         "not a time",
		"held network us-east-1/orders 2026-11-25T03:01:40Z and so on": "4 words",
	} {
		proof, err := Parse(line)
		if err == nil {
			t.Errorf("Parse(%q) = %+v, want a refusal", line, proof)
			continue
		}
		if !strings.Contains(err.Error(), because) || !strings.Contains(err.Error(), "attribute proof") {
			t.Errorf("Parse(%q): %v, want it to say %q and where a proof comes from", line, err, because)
		}
	}
}
