// SPDX-License-Identifier: MPL-2.0

package s3

import (
	"strings"
	"testing"
)

func TestUnchunk(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"3\r\nabc\r\n2;chunk-signature=0f\r\n\r\n\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n": "abc\r\n",
		"0\r\n\r\n": "",
	} {
		if got, err := unchunk(strings.NewReader(body)); err != nil || string(got) != want {
			t.Errorf("unchunk(%q) = %q, %v; want %q", body, got, err, want)
		}
	}
	for _, body := range []string{"", "zz\r\n", "5\r\nab", "3\r\nabc"} {
		if got, err := unchunk(strings.NewReader(body)); err == nil {
			t.Errorf("unchunk(%q) = %q, want an error", body, got)
		}
	}
}
