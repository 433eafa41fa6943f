package archtest_test

// arrow allows one package of the module to import another. "x/..." stands for
// x and all packages below it, "..." for every package of the module.
type arrow struct{ from, to, why string }

// arrows are all imports between packages of the module outside test files.
var arrows = []arrow{
	{"cmd/...", "...", "wires everything together; nothing imports it"},
	{"bench/...", "...", "measures the product from outside and its parts from within"},
	{"test/...", "...", "drives the product as a whole"},

	{"authz", "exchange", "a grant calls the one pipeline"},
	{"authz", "pat", "introspects and revokes tokens"},
	{"authz", "directory", "userinfo and introspection name the owner"},
	{"authz", "keys", "serves the JWKS and checks minted tokens"},
	{"authz", "internal/audit", "says where a request came from"},
	{"authz", "internal/httpx", "reads forms and writes answers"},
	{"authz", "internal/secret", "carries credentials from the form to the pipeline"},
	{"authz", "internal/id", "makes tracking ids"},
	{"authz", "internal/instant", "tells when the token expires"},
	{"authz", "internal/fault", "answers 503 for it"},

	{"forwardauth", "exchange", "each request runs the one pipeline"},
	{"forwardauth", "pat", "tells a token from other text"},
	{"forwardauth", "internal/audit", "records a credential that leaked"},
	{"forwardauth", "internal/httpx", "reads headers, and where a request came from"},
	{"forwardauth", "internal/id", "makes ids of events"},
	{"forwardauth", "internal/secret", "carries credentials from the header to the pipeline"},
	{"forwardauth", "internal/fault", "answers 503 for it"},

	{"revocations", "pat", "reads the log of what ended"},
	{"revocations", "directory", "owners of JWTs have a subject"},
	{"revocations", "keys", "names the algorithm to sign with"},
	{"revocations", "internal/httpx", "refuses methods, and logs why it cannot tell"},
	{"revocations", "internal/fault", "answers 503 for it"},

	{"api", "exchange", "authenticates a Bearer PAT by the one pipeline"},
	{"api", "pat", "reads drafts and shows tokens"},
	{"api", "directory", "shows identities, groups and roles"},
	{"api", "keys", "shows keys"},
	{"api", "manage", "calls its use cases"},
	{"api", "internal/query", "reads filters and sorters"},
	{"api", "internal/instant", "reads and writes times"},
	{"api", "internal/audit", "says where a request came from, shows events"},
	{"api", "internal/httpx", "reads bodies and writes answers"},
	{"api", "internal/fault", "answers 503 for it"},
	{"api", "api/reference", "serves the pages made from its OpenAPI document"},

	{"api", "manage/door", "learns who acts"},

	{"console", "console/ui", "makes its pages"},
	{"console", "console/session", "remembers who is signed in"},
	{"console", "console/login", "has people log in"},
	{"console", "manage", "calls its use cases"},
	{"console", "api", "tells errors in the words of its catalogues"},
	{"console", "exchange", "shows services; its error of who is throttled"},
	{"console", "pat", "reads drafts and shows tokens"},
	{"console", "directory", "shows identities, groups, roles and policies"},
	{"console", "keys", "shows keys"},
	{"console", "internal/audit", "shows events"},
	{"console", "internal/query", "asks for parts of lists"},
	{"console", "internal/instant", "writes times into filters"},
	{"console", "internal/httpx", "says where a request came from"},
	{"console", "internal/secret", "carries the token of a link"},
	{"console", "internal/fault", "tells trouble from a refusal"},

	{"console/ui", "internal/instant", "writes times for machines"},

	{"scim", "scim/filter", "reads filters and the paths of patches"},
	{"scim", "manage", "calls its use cases"},
	{"scim", "manage/door", "learns who acts"},
	{"scim", "exchange", "its errors, and the audience of the credential"},
	{"scim", "directory", "shows identities and groups"},
	{"scim", "keys", "its errors"},
	{"scim", "pat", "its errors"},
	{"scim", "internal/query", "sorts lists"},
	{"scim", "internal/instant", "reads and writes times"},
	{"scim", "internal/httpx", "reads bodies"},
	{"scim", "internal/fault", "answers 503 for it"},

	{"console/session", "internal/secret", "the token of a link is one"},

	{"manage/door", "manage", "makes its caller"},
	{"manage/door", "exchange", "authenticates by the one pipeline"},
	{"manage/door", "pat", "tells a token from a JWT"},
	{"manage/door", "internal/throttle", "tells what is left of a limit"},
	{"manage/door", "internal/audit", "records a credential that leaked"},
	{"manage/door", "internal/httpx", "reads headers, and where a request came from"},
	{"manage/door", "internal/id", "makes ids of denials"},
	{"manage/door", "internal/secret", "carries credentials from the header to the pipeline"},

	{"manage", "exchange", "the principal that authentication found, the services"},
	{"manage", "pat", "the life of tokens"},
	{"manage", "directory", "identities, groups, roles and policies"},
	{"manage", "keys", "signing keys are listed and rotated"},
	{"manage", "internal/query", "lists are filtered and sorted"},
	{"manage", "internal/audit", "says where a change came from, searches the trail"},
	{"manage", "internal/id", "technical users share the shard of their level"},
	{"manage", "internal/fault", "an import tells trouble from a refusal"},
	{"manage", "internal/plain", "makes a username of what a provider says"},

	{"exchange", "pat", "step 2 uses the token"},
	{"exchange", "directory", "step 3 decides by the owner's roles and rights"},
	{"exchange", "keys", "step 4 mints"},
	{"exchange", "credentials", "issues those of other systems beside the JWT"},
	{"exchange", "internal/audit", "step 6 records the use"},
	{"exchange", "internal/secret", "a credential is one"},
	{"exchange", "internal/id", "makes ids of denials"},
	{"exchange", "internal/fault", "tells trouble from a refusal"},

	{"credentials", "internal/secret", "credentials are some"},
	{"credentials", "internal/audit", "records what was issued and revoked"},
	{"credentials", "internal/id", "makes ids of events"},
	{"credentials", "internal/fault", "says that a provider cannot issue now"},

	{"credentials/httpjson", "credentials", "implements its port"},
	{"credentials/httpjson", "internal/secret", "what it issues and is shown are some"},
	{"credentials/httpjson", "internal/egress", "calls the service, and nobody else"},

	{"credentials/s3", "credentials", "implements its port"},
	{"credentials/s3", "internal/secret", "what it issues and is shown are some"},
	{"credentials/s3", "internal/egress", "calls the store, and nobody else"},

	{"credentials/postgres", "credentials", "implements its port"},
	{"credentials/postgres", "internal/secret", "what it issues and logs in with are some"},

	{"pat", "directory", "a token has an owner and a policy"},
	{"pat", "internal/plain", "refuses names that look like others"},
	{"pat", "internal/audit", "a change of state carries its event"},
	{"pat", "internal/instant", "tells when a token ended"},
	{"pat", "internal/id", "token ids share the shard of their owner"},
	{"pat", "internal/secret", "a token's secret is one"},
	{"pat", "internal/fault", "its port names it"},

	{"directory", "internal/plain", "refuses names that look like others"},
	{"directory", "internal/audit", "a change of state carries its event"},
	{"directory", "internal/id", "identities and groups have ids"},
	{"directory", "internal/fault", "its port names it"},

	{"keys", "internal/audit", "a change of state carries its event"},
	{"keys", "internal/secret", "the master key is one"},
	{"keys", "internal/id", "makes token ids"},
	{"keys", "internal/fault", "its port names it"},

	{"console/login", "internal/secret", "the client's secret is one"},
	{"console/login", "internal/plain", "refuses ids that look like others"},
	{"console/login", "internal/fault", "says that the provider cannot be asked"},

	{"storage/redis", "pat", "implements its port"},
	{"storage/redis", "directory", "implements its port"},
	{"storage/redis", "keys", "implements its port"},
	{"storage/redis", "internal/audit", "commits events with what they tell of"},
	{"storage/redis", "internal/id", "a shard is a hash tag"},
	{"storage/redis", "internal/secret", "the server's password is one"},
	{"storage/redis", "internal/fault", "wraps it around what went wrong"},
	{"storage/redis", "internal/throttle", "says what is left of a limit in its words"},

	{"storage/bolt", "pat", "implements its port"},
	{"storage/bolt", "directory", "implements its port"},
	{"storage/bolt", "keys", "implements its port"},
	{"storage/bolt", "internal/audit", "commits events with what they tell of"},
	{"storage/bolt", "internal/id", "checks ids before they become keys"},
	{"storage/bolt", "internal/fault", "wraps it around what went wrong"},

	{"storage/bolt", "storage/transfer", "can be carried to another store"},
	{"storage/redis", "storage/transfer", "can be carried to another store"},

	{"storage/transfer", "pat", "carries tokens"},
	{"storage/transfer", "directory", "carries identities and the catalog"},
	{"storage/transfer", "keys", "carries the key ring"},
	{"storage/transfer", "internal/audit", "carries events that await shipping"},
	{"storage/transfer", "internal/id", "names the one process that imports"},

	{"storage/storagetest", "pat", "proves its port"},
	{"storage/storagetest", "directory", "proves its port"},
	{"storage/storagetest", "keys", "proves its port"},
	{"storage/storagetest", "internal/audit", "reads the events back"},
	{"storage/storagetest", "storage/transfer", "fills a store for the benchmarks"},
	{"storage/storagetest", "internal/id", "makes records"},
	{"storage/storagetest", "internal/testenv", "waits for what expires by the store's clock"},
	{"storage/storagetest", "internal/fault", "asks for it where a store is cut off"},

	{"verify", "verify/internal/sts", "discovers the server, fetches keys, exchanges"},
	{"verify/oauth2", "verify/internal/sts", "discovers the server, exchanges"},
	{"verify/grpc", "verify", "checks the tokens that calls bring"},
	{"examples/whoami", "verify", "is protected by it"},

	{"internal/audit", "internal/id", "an event has an id"},
	{"internal/query", "internal/instant", "times are compared in filters"},
	{"internal/replay", "internal/audit", "reads what ended out of events"},
	{"internal/replay", "internal/id", "checks ids that were read from a file"},
	{"internal/replay", "pat", "ends tokens again by the rules of their life"},
	{"internal/replay", "directory", "removes identities, groups and assignments again"},
	{"internal/replay", "keys", "revokes signing keys again"},
	{"internal/webhook", "internal/audit", "follows the trail"},
	{"internal/webhook", "internal/egress", "calls receivers, and nobody else"},
	{"internal/webhook", "internal/secret", "signs with some"},
	{"internal/webhook", "internal/id", "checks the names of writers in a cursor"},
	{"internal/cli", "internal/secret", "holds the token it sends"},
	{"internal/cli", "internal/plain", "escapes what steers a terminal"},
	{"internal/cli", "internal/audit", "checks the trail where it lies"},
	{"internal/config", "internal/secret", "reads secrets from files"},
	{"internal/httpx", "internal/secret", "parses credentials out of requests"},
	{"internal/httpx", "internal/audit", "tells where a request came from"},
	{"internal/httpx", "internal/id", "makes tracking ids"},
}

// home says where outside test files a third-party module may be imported.
type home struct {
	module string
	homes  []string // as arrow.from
	why    string
}

var homes = []home{
	{"github.com/ory/", []string{"authz"}, "fosite translates OAuth at one door; behind it are our own types"},
	{"github.com/golang-jwt/jwt", []string{"keys", "verify"}, "tokens are signed and checked in one place on each side"},
	{"github.com/coreos/go-oidc", []string{"console/login"}, "one package relies on an OpenID provider"},
	{"golang.org/x/oauth2", []string{"console/login", "verify/oauth2"}, "one package is a client, and one is for clients"},
	{"google.golang.org/grpc", []string{"verify/grpc"}, "the product speaks HTTP; the SDK serves those who do not"},
	{"github.com/redis/", []string{"storage/redis"}, "the domain knows ports, not servers"},
	{"github.com/alexedwards/scs", []string{"console/session"}, "pages ask who is logged in, not how that is remembered"},
	{"go.etcd.io/bbolt", []string{"storage/bolt"}, "the domain knows ports, not files"},
	{"github.com/jackc/pgx", []string{"credentials/postgres"}, "one package speaks to databases of others; the product's own data lies elsewhere"},
	{"github.com/spf13/", []string{"cmd/...", "internal/cli/...", "internal/config"}, "flags are parsed where the program starts"},
	{"github.com/chromedp/", []string{"test/..."}, "browsers are driven by tests only"},
	{"github.com/knadh/koanf", []string{"internal/config"}, "one package knows where a setting came from"},
}
