package cli

import (
	"encoding/json"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is the version of a release, such as v1.2.3, which cmd/dist has the linker
// write. Any other build has what Go knows of it.
var release string

// build is what version prints.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
}

// BareVersion returns the version of the running binary, (devel) where it has none.
func BareVersion() string { return thisBuild().Version }

// thisBuild describes the running binary.
func thisBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return describeBuild(info)
}

func describeBuild(info *debug.BuildInfo) build {
	b := build{Version: firstOf(release, info.Main.Version, "(devel)"), Go: info.GoVersion}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Revision = setting.Value
		case "vcs.time":
			b.Time = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	return b
}

// Version returns what the version command prints, or the bare version where that
// fails.
func Version() string {
	b := thisBuild()
	text, err := b.table().render()
	if err != nil {
		return b.Version + "\n"
	}
	return string(text)
}

func (b build) table() *table {
	out := &table{}
	out.add("version", b.Version)
	out.addPresent("revision", b.Revision)
	out.addPresent("time", b.Time)
	if b.Modified {
		out.add("modified", "yes")
	}
	out.addPresent("go", b.Go)
	return out
}

func newVersion(env Env) *cobra.Command {
	g := group{env: env, opts: &options{}}
	formats := []format{formatTable, formatJSON, formatYAML}
	command := g.command(action{
		use: "version", short: "Print the version of this program", formats: formats,
		run: func(c *call) error {
			b := thisBuild()
			body, err := json.Marshal(b)
			if err != nil {
				return fmt.Errorf("encode version: %w", err)
			}
			return c.print(result{bodies: [][]byte{append(body, '\n')}, table: b.table})
		},
	})
	g.opts.addOutput(command, command.Flags(), formats...)
	return command
}
