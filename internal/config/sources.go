package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// envPrefix begins every variable of the server.
const envPrefix = "CAMBIO_"

// fileEnv names the configuration file, and is no key in it.
const fileEnv = envPrefix + "CONFIG"

// reservedEnv are the variables that are no keys: the file's, and those of the
// client commands, which a shell may have set beside the server's.
func reservedEnv() []string {
	return []string{"CAMBIO_TOKEN", "CAMBIO_SERVER", "CAMBIO_URL", fileEnv, "CAMBIO_CA_FILE"}
}

// Kubernetes sets these in every pod beside a Service whose name begins with
// cambio. The value tells CAMBIO_PORT from a misspelled key.
var (
	serviceLinkName  = regexp.MustCompile(`^CAMBIO_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	serviceLinkPort  = regexp.MustCompile(`^CAMBIO_(\w+_)?PORT$`)
	serviceLinkValue = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

func isServiceLink(name, value string) bool {
	return serviceLinkName.MatchString(name) || (serviceLinkPort.MatchString(name) && serviceLinkValue.MatchString(value))
}

// environment provides the variables; the problems it finds are collected while
// it is read.
func (l *loader) environment(environ []string) koanf.Provider {
	return env.Provider(delimiter, env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if slices.Contains(reservedEnv(), name) || isServiceLink(name, value) {
				return "", nil
			}
			s, ok := l.row(func(s setting) bool { return s.env() == name })
			if !ok {
				l.problems.addAt(printableKey(name), "", l.unknownVariable(name))
				return "", nil
			}
			return l.take(s, name, value)
		},
	})
}

func (l *loader) unknownVariable(name string) *fault {
	known := []string{fileEnv} // a client's variable would do nothing here
	for _, s := range l.rows {
		known = append(known, s.env())
	}
	fix := didYouMean(name, known, "unset it, or see the reference for the variables there are")
	switch {
	case strings.HasPrefix(name, envPrefix+"SERVICES"):
		fix = "services are set in the file only"
	case strings.HasPrefix(name, envPrefix+"WEBHOOKS"):
		fix = "webhooks are set in the file only"
	case strings.HasPrefix(name, envPrefix+"CREDENTIALS"):
		fix = "credentials are set in the file only"
	case strings.HasPrefix(name, envPrefix+"FORWARD_AUTH"):
		fix = "forwardAuth is set in the file only"
	default:
	}
	return &fault{"is not a known variable", fix}
}

// take parses one value of a variable or flag and remembers where it came from.
func (l *loader) take(s setting, where, text string) (string, any) {
	l.problems.where[s.path] = where
	value, f := s.parse(text, l.workDir)
	if f != nil {
		l.problems.add(s.path, f)
		return "", nil
	}
	return s.path, value
}

// flags provides the flags that were given.
func (l *loader) flags(set *pflag.FlagSet) koanf.Provider {
	if set == nil {
		set = pflag.NewFlagSet("", pflag.ContinueOnError)
	}
	return posflag.ProviderWithFlag(set, delimiter, nil, func(f *pflag.Flag) (string, any) {
		s, ok := l.row(func(s setting) bool { return s.flag() == f.Name })
		if !ok || !f.Changed {
			return "", nil
		}
		return l.take(s, "--"+f.Name, f.Value.String())
	})
}

// AddFlags registers a flag for every key of the table. The values are read by
// Load, which reports a bad one with all other problems.
func AddFlags(set *pflag.FlagSet) {
	for _, s := range settings() {
		value := &flagValue{kind: s.kind, text: s.def}
		usage := strings.ReplaceAll(s.meaning, "`", "")
		if len(s.oneOf) > 0 {
			usage += " One of " + strings.Join(s.oneOf, ", ") + "."
		}
		f := set.VarPF(value, s.flag(), "", usage)
		if s.kind == kindBoolean {
			f.NoOptDefVal = "true"
		}
	}
}

// flagValue holds a flag's text until Load reads it. A list flag given more
// than once adds up.
type flagValue struct {
	kind kind
	text string
	set  bool
}

var _ pflag.Value = (*flagValue)(nil)

// String returns the text.
func (v *flagValue) String() string { return v.text }

// Set never fails: Load finds the problems.
func (v *flagValue) Set(text string) error {
	if v.set && v.kind.many() {
		text = v.text + "," + text
	}
	v.text, v.set = text, true
	return nil
}

// Type names the value in the usage text.
func (v *flagValue) Type() string {
	switch v.kind {
	case kindInteger, kindRatio:
		return "number"
	case kindBoolean:
		return "bool"
	case kindList, kindNetworks, kindPaths:
		return "list"
	default:
		return v.kind.name()
	}
}
