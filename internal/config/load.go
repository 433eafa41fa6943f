package config

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// maxFile is the greatest size of a configuration file, in bytes.
const maxFile = 1 << 20

// delimiter parts the words of a key.
const delimiter = "."

// Sources are where a configuration comes from.
type Sources struct {
	// File is the path of the YAML file; empty is none.
	File string
	// Env is the environment, as os.Environ returns it.
	Env []string
	// Flags are the parsed flags, registered by AddFlags among others; nil is
	// none.
	Flags *pflag.FlagSet
}

// Origin says where the value of one key came from.
type Origin struct {
	// Key is the dotted key, such as listen.addr.
	Key string
	// From is the file with line, the variable, the flag, or "default".
	From string
}

// Load merges the sources by flag > environment > file > default and checks the
// result, files it names included. The origins are in the reference's order.
// What is wrong with the configuration itself comes back as one *Error; a file
// that cannot be read as the file system's error.
func Load(src Sources) (*Config, []Origin, error) {
	l, err := read(src)
	if err != nil {
		return nil, nil, err
	}
	return l.merge(src)
}

// Unchecked merges the sources like Load, for `cambio init`: what is written must
// be readable, but keys may be missing, and files that it names be not there yet.
func Unchecked(src Sources) (*Config, error) {
	l, err := read(src)
	if err != nil {
		return nil, err
	}
	l.unread = true // nothing is checked
	cfg, _, err := l.merge(src)
	return cfg, err
}

// read reads the file.
func read(src Sources) (*loader, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the working directory: %w", err)
	}
	l := newLoader(here, here)
	if src.File != "" {
		data, err := readLimited(src.File, maxFile)
		if err != nil {
			return nil, fmt.Errorf("read the configuration: %w", err)
		}
		l.fileName, l.fileDir = src.File, filepath.Dir(absolute(here, src.File))
		l.unread = !l.readFile(data)
	}
	return l, nil
}

// loader carries one Load from source to source.
type loader struct {
	problems *problems
	rows     []setting
	fileName string
	fileDir  string // relative paths of the file and of defaults start here
	workDir  string // those of variables and flags here
	file     map[string]any
	unread   bool // nothing is checked: the file could not be read at all
	services []Service
	webhooks []Webhook
	routes   []ForwardRoute

	credentials []Credential
}

func newLoader(fileDir, workDir string) *loader {
	return &loader{problems: newProblems(), rows: settings(), fileDir: fileDir, workDir: workDir}
}

// row finds the row for which match holds.
func (l *loader) row(match func(s setting) bool) (setting, bool) {
	for _, s := range l.rows {
		if match(s) {
			return s, true
		}
	}
	return setting{}, false
}

func (l *loader) merge(src Sources) (*Config, []Origin, error) {
	ko := koanf.New(delimiter)
	for _, provider := range []koanf.Provider{
		confmap.Provider(l.defaults(), delimiter),
		confmap.Provider(l.file, delimiter),
		l.environment(src.Env),
		l.flags(src.Flags),
	} {
		if err := ko.Load(provider, nil); err != nil {
			return nil, nil, fmt.Errorf("merge the configuration: %w", err)
		}
	}
	cfg := &Config{Services: []Service{}, Webhooks: []Webhook{}, Credentials: []Credential{}, ForwardAuth: ForwardAuth{Routes: []ForwardRoute{}}}
	if err := ko.UnmarshalWithConf("", cfg, koanf.UnmarshalConf{Tag: "yaml"}); err != nil {
		return nil, nil, fmt.Errorf("merge the configuration: %w", err)
	}
	cfg.Services = append(cfg.Services, l.services...)
	cfg.Webhooks = append(cfg.Webhooks, l.webhooks...)
	cfg.Credentials = append(cfg.Credentials, l.credentials...)
	cfg.ForwardAuth.Routes = append(cfg.ForwardAuth.Routes, l.routes...)
	if !l.unread { // else everything in it would be missing
		l.validate(cfg)
	}
	if err := l.problems.err(); err != nil {
		return nil, nil, err
	}
	return cfg, l.origins(), nil
}

// defaults parses the table's defaults; a test proves that each one parses.
func (l *loader) defaults() map[string]any {
	values := map[string]any{}
	for _, s := range l.rows {
		if s.def == "" && !s.kind.many() {
			continue
		}
		if value, f := s.parse(s.def, l.fileDir); f == nil {
			values[s.path] = value
		}
	}
	return values
}

func (l *loader) origins() []Origin {
	out := make([]Origin, 0, len(l.rows)+4)
	for _, s := range l.rows {
		out = append(out, l.origin(s.path))
	}
	return append(out, l.origin(servicesKey), l.origin(webhooksKey), l.origin(credentialsKey), l.origin(routesKey))
}

func (l *loader) origin(key string) Origin {
	if from, ok := l.problems.where[key]; ok {
		return Origin{Key: key, From: from}
	}
	return Origin{Key: key, From: "default"}
}
