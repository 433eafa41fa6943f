package redis

import (
	"embed"
	"regexp"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/pat"
)

// dummyDigest stands, as Lua text, for the digest of an unknown id: 32 zero
// bytes under the first pepper, which are no secret's.
const dummyDigest = `1:\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0`

//go:embed scripts/*.lua
var sources embed.FS

var includes = regexp.MustCompile(`(?m)^--include \w+$`)

// scripts are the operations, one script each.
type scripts struct {
	use, live                                       *packedScript
	touch, jti                                      *goredis.Script
	create, replace, revoke, remove                 *goredis.Script
	read                                            *goredis.Script
	identityCreate, identityReplace, identityDelete *goredis.Script
	loginReserve, loginRelease                      *goredis.Script
	catalogLoad, catalogWrite, keysSwap, lease      *goredis.Script
	raise, beat, present, request, mark             *goredis.Script
	eventsImport, confirm                           *goredis.Script
	keptGet, keptPut, keptReplace                   *goredis.Script
	keptTake, keptDelete                            *goredis.Script
}

func newScripts() *scripts {
	return &scripts{
		use: packedScriptOf("use"), live: packedScriptOf("live"), touch: script("touch"), jti: script("jti"),
		create: script("create"), replace: script("replace"), revoke: script("revoke"), remove: script("delete"),
		read:           script("read"),
		identityCreate: script("identity_create"), identityReplace: script("identity_replace"), identityDelete: script("identity_delete"),
		loginReserve: script("login_reserve"), loginRelease: script("login_release"),
		catalogLoad: script("catalog_load"), catalogWrite: script("catalog_write"), keysSwap: script("keys_swap"), lease: script("lease"),
		raise: script("raise"), beat: script("beat"), present: script("present"), request: script("request"), mark: script("mark"),
		eventsImport: script("events_import"), confirm: script("confirm"),
		keptGet: script("kept_get"), keptPut: script("kept_put"), keptReplace: script("kept_replace"),
		keptTake: script("kept_take"), keptDelete: script("kept_delete"),
	}
}

// script puts a script together: shared pieces where it includes them, the
// fields of a token for $TOKEN, $OFTEN and $SELDOM, the dummy digest, and the bounds.
func script(name string) *goredis.Script { return goredis.NewScript(sourceOf(name)) }

// packedScript is one whose answer is one text: its code, the epoch, and what follows,
// by cmsgpack.
type packedScript struct{ source, digest any } // texts, as arguments are passed

func packedScriptOf(name string) *packedScript {
	text := sourceOf(name)
	return &packedScript{text, goredis.NewScript(text).Hash()}
}

func sourceOf(name string) string {
	text := includes.ReplaceAllStringFunc(source(name), func(line string) string {
		return source(strings.TrimPrefix(line, "--include ") + ".inc")
	})
	return strings.NewReplacer(
		"$TOKEN", quoted(tokenFields()), "$OFTENS", strconv.Itoa(len(oftenFields())), "$OFTEN", quoted(oftenFields()), "$SELDOM", quoted(seldomFields()), "$DUMMY", dummyDigest,
		"$MAXRECORDS", strconv.Itoa(pat.MaxRecords), "$MAXUNSHIPPED", strconv.Itoa(maxUnshipped),
		"$ENDEDWINDOW", strconv.FormatInt(pat.EndedWindow.Milliseconds(), 10),
	).Replace(text)
}

func source(name string) string {
	text, err := sources.ReadFile("scripts/" + name + ".lua")
	if err != nil {
		panic(err) // it is part of the binary
	}
	return string(text)
}

func quoted(names []string) string { return "'" + strings.Join(names, "', '") + "'" }
