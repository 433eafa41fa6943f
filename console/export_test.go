package console

// ReturnPath is for the fuzzer.
var ReturnPath = returnPath

// Routes are the addresses of a server that is not for development, each with its
// methods.
func Routes() []string {
	var all []string
	for pattern, one := range (&Console{}).pages() {
		all = append(all, Path+pattern+" "+one.methods())
	}
	return all
}
