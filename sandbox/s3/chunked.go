// SPDX-License-Identifier: MPL-2.0

package s3

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// unchunk reads an aws-chunked body: "SIZE[;chunk-signature=…]\r\nDATA\r\n"
// until a chunk of size 0, then trailers, which are not looked at.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
func unchunk(body io.Reader) ([]byte, error) {
	r := bufio.NewReader(body)
	var out []byte
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, errors.New("the chunked body ends early")
		}
		text, _, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ";")
		size, err := strconv.ParseUint(text, 16, 31)
		if err != nil {
			return nil, fmt.Errorf("%q is no chunk size", text)
		}
		if size == 0 {
			return out, nil
		}
		start := len(out)
		out = append(out, make([]byte, size)...)
		if _, err := io.ReadFull(r, out[start:]); err != nil {
			return nil, errors.New("a chunk ends early")
		}
		if _, err := r.Discard(len("\r\n")); err != nil {
			return nil, errors.New("a chunk has no end")
		}
	}
}
