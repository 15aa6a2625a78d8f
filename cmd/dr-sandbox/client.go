// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// endpointVariable names the running sandbox in the environment.
const endpointVariable = "DR_SANDBOX_ENDPOINT"

// client asks a running sandbox.
type client struct{ endpoint string }

// errNone says that no sandbox was found.
var errNone = errors.New("no running sandbox found; start one with `dr-sandbox up`, or name it with --endpoint or $" + endpointVariable)

// find returns the endpoint of the sandbox to ask.
func (c *client) find() (string, error) {
	endpoint := c.endpoint
	if endpoint == "" {
		endpoint = os.Getenv(endpointVariable)
	}
	if endpoint == "" {
		path, err := pointerPath()
		if err != nil {
			return "", errNone
		}
		text, err := os.ReadFile(path) //nolint:gosec // the path is the user's own
		if err != nil {
			return "", errNone
		}
		endpoint = strings.TrimSpace(string(text))
	}
	if !strings.Contains(endpoint, "://") {
		endpoint = "http://" + endpoint
	}
	return strings.TrimSuffix(endpoint, "/"), nil
}

// ask does one request of the sandbox's own API.
func (c *client) ask(ctx context.Context, method, path string, in, out any) error {
	endpoint, err := c.find()
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, endpoint+"/_sandbox/"+path, &body)
	if err != nil {
		return err
	}
	// The sandbox is on this machine: a proxy of the environment is not for it.
	direct := &http.Client{Transport: &http.Transport{Proxy: nil}}
	resp, err := direct.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no sandbox answers at %s; start one with `dr-sandbox up`", endpoint)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	if resp.StatusCode != http.StatusOK {
		var refused struct{ Error string }
		if json.NewDecoder(resp.Body).Decode(&refused) != nil || refused.Error == "" {
			return fmt.Errorf("%s is no sandbox of this version: it answered %s", endpoint, resp.Status)
		}
		return errors.New(refused.Error)
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("%s is no sandbox of this version: %w", endpoint, err)
	}
	return nil
}

// pointerPath is the file that names the sandbox this user started last.
func pointerPath() (string, error) {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		var err error
		if dir, err = os.UserCacheDir(); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, "dr-sandbox", "endpoint"), nil
}

// remember writes the pointer file; the function it returns removes it again,
// unless another sandbox has taken it over.
func remember(endpoint string) (forget func(), err error) {
	forget = func() {}
	path, err := pointerPath()
	if err != nil {
		return forget, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return forget, err
	}
	temporary := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(temporary, []byte(endpoint+"\n"), 0o600); err != nil {
		return forget, err
	}
	if err := os.Rename(temporary, path); err != nil {
		return forget, err
	}
	return func() {
		if text, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(text)) == endpoint { //nolint:gosec // the path is the user's own
			os.Remove(path) //nolint:errcheck // it is only a hint
		}
	}, nil
}
