package config

// Check holds one value against the rule of its key, as Load does, and returns
// what is wrong with it, or nil. Files that the value names and what it needs of
// other keys are not looked at.
func Check(key, text string) *Problem {
	problem := func(f *fault) *Problem {
		if f == nil {
			return nil
		}
		return &Problem{Key: key, Cause: f.cause, Fix: f.fix}
	}
	s, ok := newLoader("", "").row(func(s setting) bool { return s.path == key })
	if !ok {
		return problem(&fault{"is not a known key", "see the reference for the keys there are"})
	}
	if _, f := s.parse(text, ""); f != nil {
		return problem(f)
	}
	switch key {
	case "issuer":
		return problem(checkIssuer(text))
	case "login.issuer":
		return problem(checkLoginIssuer(text))
	case "listen.addr", "listen.adminAddr":
		return problem(checkListenAddr(text))
	default:
		return nil
	}
}
