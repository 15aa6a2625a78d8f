// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
)

const (
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
)

var weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// checkWindows refuses a pair of windows, of the right form, that overlap. One
// that is not given is the instance's own.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.BackupWindow.html
func checkWindows(db *types.DBInstance, backup, upkeep *string) error {
	daily, weekly := aws.ToString(db.PreferredBackupWindow), aws.ToString(db.PreferredMaintenanceWindow)
	set(&daily, backup)
	set(&weekly, upkeep)
	if overlap(daily, weekly) {
		return invalid("The backup window and maintenance window must not overlap.")
	}
	return nil
}

// chooseWindows sets the windows of a new instance. One that is not given is
// chosen so that it does not overlap the one that is.
func chooseWindows(db *types.DBInstance, backup, upkeep *string) error {
	if upkeep == nil && backup != nil && overlap(*backup, aws.ToString(db.PreferredMaintenanceWindow)) {
		upkeep = aws.String("sun:21:00-sun:21:30")
	}
	if backup == nil && upkeep != nil && overlap(aws.ToString(db.PreferredBackupWindow), *upkeep) {
		backup = aws.String("20:00-20:30")
	}
	if err := checkWindows(db, backup, upkeep); err != nil {
		return err
	}
	override(&db.PreferredBackupWindow, backup)
	override(&db.PreferredMaintenanceWindow, upkeep)
	return nil
}

// overlap compares a daily and a weekly window by the minute; either may go on
// past midnight.
func overlap(daily, weekly string) bool {
	from, to, _ := strings.Cut(strings.ToLower(weekly), "-")
	start, end := weekMinute(from), weekMinute(to)
	if end <= start {
		end += weekMinutes
	}
	from, to, _ = strings.Cut(daily, "-")
	first, length := minute(from), (minute(to)-minute(from)+dayMinutes)%dayMinutes
	for day := -1; day <= 14; day++ {
		if begin := day*dayMinutes + first; begin < end && start < begin+length {
			return true
		}
	}
	return false
}

// minute of a day: hh:mi.
func minute(s string) int {
	h, m, _ := strings.Cut(s, ":")
	hours, _ := strconv.Atoi(h)
	minutes, _ := strconv.Atoi(m)
	return hours*60 + minutes
}

// weekMinute is the minute of a week: ddd:hh:mi.
func weekMinute(s string) int {
	day, time, _ := strings.Cut(s, ":")
	return slices.Index(weekdays, day)*dayMinutes + minute(time)
}
