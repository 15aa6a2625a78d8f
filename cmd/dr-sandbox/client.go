// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// client asks a running sandbox.
type client struct{ endpoint string }

func (c *client) find() (string, error) {
	if c.endpoint != "" {
		return strings.TrimSuffix(c.endpoint, "/"), nil
	}
	if e := os.Getenv("DR_SANDBOX_ENDPOINT"); e != "" {
		return strings.TrimSuffix(e, "/"), nil
	}
	file, err := pointer()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return "", errors.New("no sandbox is running; start one with `dr-sandbox up`, or name it with --endpoint")
	}
	return strings.TrimSpace(string(text)), err
}

// ask sends in as JSON, if it is not nil, and decodes the answer into out.
func (c *client) ask(ctx context.Context, method, path string, in, out any) error {
	endpoint, err := c.find()
	if err != nil {
		return err
	}
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, endpoint+"/_sandbox/"+path, body)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no sandbox answers at %s (%w); start one with `dr-sandbox up`", endpoint, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var refused struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(answer, &refused) == nil && refused.Error != "" {
			return errors.New(refused.Error)
		}
		return fmt.Errorf("%s answered %s: is it a sandbox?", endpoint, resp.Status)
	}
	return json.Unmarshal(answer, out)
}
