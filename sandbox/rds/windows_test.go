// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/rds"
)

func TestWindowsMustNotOverlap(t *testing.T) {
	t.Parallel()
	w := start(t, 60, true)
	c := w.client(east)
	for name, tc := range map[string]struct {
		backup, upkeep string
		refused        bool
	}{
		"inside":              {"03:00-04:00", "mon:03:15-mon:03:45", true},
		"ends in it":          {"03:00-04:00", "mon:02:00-mon:03:01", true},
		"past midnight":       {"23:30-00:30", "tue:00:00-tue:00:30", true},
		"past the week's end": {"23:30-00:30", "sun:23:45-mon:00:15", true},
		"after it":            {"03:00-04:00", "mon:04:00-mon:04:30", false},
		"given backup's":      {"09:00-09:30", "", false}, // RDS chooses the other
		"given maintenance's": {"", "fri:08:00-fri:08:30", false},
	} {
		in := newInstance("orders" + strconv.Itoa(len(w.rds.Databases())))
		if tc.backup != "" {
			in.PreferredBackupWindow = &tc.backup
		}
		if tc.upkeep != "" {
			in.PreferredMaintenanceWindow = &tc.upkeep
		}
		_, err := c.CreateDBInstance(t.Context(), in)
		if tc.refused {
			refused(t, err, "InvalidParameterValue", 400)
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.seed("postgres") // backups 08:00-08:30, maintenance sun:09:00-sun:09:30
	_, err := c.ModifyDBInstance(t.Context(), &sdk.ModifyDBInstanceInput{
		DBInstanceIdentifier: aws.String("orders"), PreferredMaintenanceWindow: aws.String("wed:08:15-wed:08:45"),
	})
	refused(t, err, "InvalidParameterValue", 400)
	promote := func(window string) error {
		_, err := w.client(west).PromoteReadReplica(t.Context(), &sdk.PromoteReadReplicaInput{
			DBInstanceIdentifier: aws.String("orders-usw2"), PreferredBackupWindow: &window,
		})
		return err
	}
	refused(t, promote("08:45-09:15"), "InvalidParameterValue", 400)
	if n := w.rds.PromotionCount("111111111111", west, "orders-usw2"); n != 0 {
		t.Errorf("a refused promotion took effect %d times", n)
	}
	if err := promote("09:30-10:00"); err != nil {
		t.Error(err)
	}
}
