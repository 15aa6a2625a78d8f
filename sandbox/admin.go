// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// adminPath is where the sandbox itself is asked; no AWS service has it.
const adminPath = "/_sandbox/"

// Status is what a sandbox says of itself.
type Status struct {
	Ready
	PID       int           `json:"pid"`
	Started   time.Time     `json:"started"`
	Scenario  string        `json:"scenario"`
	StateOnly bool          `json:"state_only"`
	TimeScale float64       `json:"time_scale"`
	Instances []Instance    `json:"instances"`
	States    []RegionInfo  `json:"region_states"`
	Faults    []FaultStatus `json:"faults"`
	Calls     int           `json:"calls"`
}

// Ready is the line that dr-sandbox up prints when the sandbox is ready.
type Ready struct {
	Endpoint     string            `json:"endpoint"`
	DNS          string            `json:"dns"`
	Regions      map[string]string `json:"regions"`
	Databases    []Database        `json:"databases"`
	Applications []Application     `json:"applications"`
	CAFile       string            `json:"ca_file,omitempty"`
	DataDir      string            `json:"data_dir"`
}

// Instance is what a database is now, whatever it was at the start.
type Instance struct {
	Identifier string `json:"identifier"`
	Account    string `json:"account"`
	Region     string `json:"region"`
	Status     string `json:"status"`
	// Source is empty for a writer.
	Source string `json:"source,omitempty"`
	// Address is empty for a state-only instance.
	Address string `json:"address,omitempty"`
}

// RegionInfo is one region's state.
type RegionInfo struct {
	Name     string             `json:"name"`
	State    engine.RegionState `json:"state"`
	Endpoint string             `json:"endpoint"`
}

// FaultStatus is an active fault with its counts.
type FaultStatus struct {
	engine.Fault
	Seen    int `json:"seen"`
	Applied int `json:"applied"`
	Holding int `json:"holding"`
}

// Ready describes the sandbox as it was when it became ready.
func (s *Sandbox) Ready() Ready {
	return Ready{
		Endpoint: s.endpoint, DNS: s.dns, Regions: s.RegionEndpoints(),
		Databases: s.Databases(), Applications: s.Applications(), CAFile: s.CAFile(), DataDir: s.DataDir(),
	}
}

// Status describes the sandbox as it is now.
func (s *Sandbox) Status() Status {
	st := Status{
		Ready: s.Ready(), PID: os.Getpid(), Started: s.started,
		Scenario: s.options.Scenario, StateOnly: s.options.StateOnly, TimeScale: s.engine.Clock.Scale,
		Faults: s.faults(), Calls: len(s.engine.Calls()),
	}
	for _, d := range s.world.RDS.Databases() {
		i := Instance{Identifier: d.Identifier, Account: d.Account, Region: d.Region, Status: d.Status, Source: d.Source}
		if d.Address != "" {
			i.Address = net.JoinHostPort(d.Address, strconv.Itoa(int(d.Port)))
		}
		st.Instances = append(st.Instances, i)
	}
	for _, name := range s.engine.RegionNames() {
		st.States = append(st.States, RegionInfo{name, s.engine.RegionState(name), s.regions[name]})
	}
	return st
}

func (s *Sandbox) faults() []FaultStatus {
	list := []FaultStatus{}
	for _, f := range s.engine.Faults() {
		status := FaultStatus{Fault: f.Fault}
		status.Seen, status.Applied, status.Holding = f.Counts()
		list = append(list, status)
	}
	return list
}

// admin serves the command line.
func (s *Sandbox) admin() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			body, err := f(r)
			w.Header().Set("Content-Type", "application/json")
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				body = map[string]string{"error": err.Error()}
			}
			json.NewEncoder(w).Encode(body) //nolint:errcheck,errchkjson // the client may be gone
		})
	}
	handle("GET /_sandbox/status", func(*http.Request) (any, error) { return s.Status(), nil })
	handle("GET /_sandbox/calls", func(*http.Request) (any, error) { return s.engine.Calls(), nil })
	handle("DELETE /_sandbox/calls", func(*http.Request) (any, error) {
		calls := s.engine.Calls()
		s.engine.ResetCalls()
		return calls, nil
	})
	handle("PUT /_sandbox/regions/{name}", s.setRegion)
	handle("GET /_sandbox/faults", func(*http.Request) (any, error) { return s.faults(), nil })
	handle("POST /_sandbox/faults", s.addFault)
	handle("POST /_sandbox/faults/{id}/{action}", s.actOnFault)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page in a browser must not drive the sandbox: no browser sends a
		// request here without one of these headers.
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() || r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			http.Error(w, "only for commands on this machine", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *Sandbox) setRegion(r *http.Request) (any, error) {
	name := r.PathValue("name")
	if !s.engine.HasRegion(name) {
		return nil, fmt.Errorf("there is no region %q; there is: %v", name, s.engine.RegionNames())
	}
	var want RegionInfo
	if err := json.NewDecoder(r.Body).Decode(&want); err != nil {
		return nil, err
	}
	switch want.State {
	case engine.Up, engine.Down, engine.BlackHoled:
	default:
		return nil, fmt.Errorf("a region cannot be %q", want.State)
	}
	s.engine.SetRegion(name, want.State)
	return RegionInfo{name, want.State, s.regions[name]}, nil
}

func (s *Sandbox) addFault(r *http.Request) (any, error) {
	var f engine.Fault
	if err := json.NewDecoder(r.Body).Decode(&f); err != nil {
		return nil, err
	}
	if err := f.Validate(); err != nil {
		return nil, err
	}
	if f.ID != "" && s.fault(f.ID) != nil {
		return nil, fmt.Errorf("there is a fault %q already", f.ID)
	}
	return FaultStatus{Fault: s.engine.AddFault(f).Fault}, nil
}

func (s *Sandbox) fault(id string) *engine.ActiveFault {
	for _, f := range s.engine.Faults() {
		if f.ID == id {
			return f
		}
	}
	return nil
}

func (s *Sandbox) actOnFault(r *http.Request) (any, error) {
	f := s.fault(r.PathValue("id"))
	if f == nil {
		return nil, fmt.Errorf("there is no fault %q", r.PathValue("id"))
	}
	_, _, holding := f.Counts()
	switch r.PathValue("action") {
	case "release":
		f.Release()
	case "drop":
		f.Drop()
	case "remove":
		f.Remove()
	default:
		return nil, errors.New("a fault can be released, dropped or removed")
	}
	return FaultStatus{Fault: f.Fault, Holding: holding}, nil
}
