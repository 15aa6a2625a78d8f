// SPDX-License-Identifier: MPL-2.0

package httpcheck

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Matcher looks at an answer's body.
type Matcher interface {
	// Match returns what is wrong, in words that may be shown: it quotes no
	// more than the beginning of the body.
	Match(body []byte) error
	fmt.Stringer
}

// Contains matches a body with the text in it.
type Contains string

// Match implements Matcher.
func (c Contains) Match(body []byte) error {
	if bytes.Contains(body, []byte(c)) {
		return nil
	}
	return fmt.Errorf("the body does not contain %q; it begins %s", string(c), beginning(body))
}

func (c Contains) String() string { return fmt.Sprintf("a body with %q in it", string(c)) }

// Regexp matches a body by a regular expression in RE2's syntax.
type Regexp struct{ *regexp.Regexp }

// Match implements Matcher.
func (r Regexp) Match(body []byte) error {
	if r.Regexp.Match(body) {
		return nil
	}
	return fmt.Errorf("the body does not match /%s/; it begins %s", r.Regexp, beginning(body))
}

func (r Regexp) String() string { return fmt.Sprintf("a body that matches /%s/", r.Regexp) }

// JSONValue matches a JSON body whose value at Path, member names and list
// indices joined by dots ("checks.0.region"), is Value in JSON's own spelling of
// numbers and booleans, or as it is for a string.
type JSONValue struct{ Path, Value string }

// Match implements Matcher.
func (j JSONValue) Match(body []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return fmt.Errorf("the body is not JSON; it begins %s", beginning(body))
	}
	for name := range strings.SplitSeq(j.Path, ".") {
		var found bool
		switch node := v.(type) {
		case map[string]any:
			v, found = node[name]
		case []any:
			if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(node) {
				v, found = node[i], true
			}
		}
		if !found {
			return fmt.Errorf("the JSON has nothing at %q; it begins %s", j.Path, beginning(body))
		}
	}
	got, ok := v.(string)
	if !ok {
		encoded, err := json.Marshal(v)
		if err != nil {
			return err
		}
		got = string(encoded)
	}
	if got != j.Value {
		return fmt.Errorf("%s is %s, want %q", j.Path, beginning([]byte(got)), j.Value)
	}
	return nil
}

func (j JSONValue) String() string { return fmt.Sprintf("JSON whose %s is %q", j.Path, j.Value) }

// beginning quotes what a person needs to recognise a body.
func beginning(body []byte) string {
	const most = 120
	if len(body) > most {
		return strconv.Quote(string(body[:most])) + "…"
	}
	return strconv.Quote(string(body))
}
