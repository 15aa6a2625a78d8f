// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// markerPrefix begins the names of marker roles.
const markerPrefix = "dr_fence_login_"

// record is what a marker's comment holds.
type record struct {
	// Note is for whoever finds the marker role.
	Note string `json:"note"`
	// Role that is fenced, at the time; what counts is its OID in the marker's
	// name.
	Role string `json:"role"`
	// Login is whether the role had LOGIN: what is put back.
	Login bool `json:"login"`
	// For are the roles that were asked to be fenced: the role itself, or
	// those that it is a member of.
	For []string `json:"for"`
	// Server that was fenced, to tell a fence that came by replication.
	Server string `json:"server"`
	// Since is when no session was left; nil while fencing.
	Since *time.Time `json:"since,omitempty"`
}

const recordNote = "write fence of terraform-provider-dr: lifted by dr_postgresql_write_fence with fenced = false"

func markerName(oid uint32) string { return fmt.Sprintf("%s%d", markerPrefix, oid) }

// parseRecord reads a marker's comment.
func parseRecord(comment string) (*record, error) {
	var r record
	if err := json.Unmarshal([]byte(comment), &r); err != nil {
		return nil, err
	}
	if r.Role == "" || len(r.For) == 0 {
		return nil, errors.New("it names no role")
	}
	return &r, nil
}

// comment is the statement that stores a record.
func (r *record) comment(oid uint32) (string, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	return "COMMENT ON ROLE " + ident(markerName(oid)) + " IS " + literal(string(text)), nil
}

// add makes the record one for further roles; false if it was already.
func (r *record) add(roles []string) bool {
	before := len(r.For)
	for _, role := range roles {
		if !slices.Contains(r.For, role) {
			r.For = append(r.For, role)
		}
	}
	return len(r.For) > before
}

// without leaves roles out.
func without(all, roles []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(role string) bool { return slices.Contains(roles, role) })
}

func ident(name string) string { return pgx.Identifier{name}.Sanitize() }

// literal quotes a string for statements that take no parameters. Sessions run
// with standard_conforming_strings.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
