// SPDX-License-Identifier: MPL-2.0

//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/drstate/terraform-provider-dr/internal/harness"
)

const (
	schemaRuns = 10
	schemaAim  = 50 * time.Millisecond
	memoryAim  = 100 << 20
)

// schema measures from the start of the provider's process to its answer to
// GetProviderSchema, as Terraform sees it.
func schema(ctx context.Context, b *bench) error {
	var took []time.Duration
	var size int
	var memory int64
	for range schemaRuns {
		d, n, rss, err := b.askSchema(ctx)
		if err != nil {
			return err
		}
		took, size, memory = append(took, d), n, max(memory, rss)
	}
	slices.Sort(took)
	median, worst := took[len(took)/2], took[len(took)-1]
	t := table{title: fmt.Sprintf("Schema (%d starts, answer of %d KB)", schemaRuns, size>>10), head: []string{"", "measured", "aim", "ratio"}}
	t.add("start to schema answered, median", millis(median), "< "+millis(schemaAim), ratio(median, schemaAim))
	t.add("start to schema answered, worst", millis(worst), "", ratio(worst, schemaAim))
	t.add("peak memory, schema only", mega(memory), "< "+mega(memoryAim), ratio(memory, memoryAim))
	b.tables = append(b.tables, t)
	return nil
}

// askSchema speaks go-plugin's handshake without TLS, which a plugin offers to a
// host that sends no certificate.
func (b *bench) askSchema(ctx context.Context) (took time.Duration, size int, memory int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.in.Provider)
	cmd.Env = append(harness.Environment(),
		"TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
		"PLUGIN_PROTOCOL_VERSIONS=6", "TMPDIR="+b.dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, 0, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, 0, err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	// core protocol | plugin protocol | network | address | kind | certificate
	fields := strings.Split(strings.TrimSpace(line), "|")
	if err != nil || len(fields) < 5 || fields[1] != "6" || fields[2] != "unix" {
		return 0, 0, 0, errors.Join(fmt.Errorf("the provider's handshake is %q", line), err)
	}
	conn, err := grpc.NewClient("unix:"+fields[3], grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		return 0, 0, 0, err
	}
	defer conn.Close()
	var answer emptypb.Empty // its fields are kept as unknown ones
	if err := conn.Invoke(ctx, "/tfplugin6.Provider/GetProviderSchema", &emptypb.Empty{}, &answer); err != nil {
		return 0, 0, 0, err
	}
	return time.Since(start), len(answer.ProtoReflect().GetUnknown()), harness.PeakMemory(cmd.Process.Pid), nil
}
