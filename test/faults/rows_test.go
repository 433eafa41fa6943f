package faults

import (
	_ "embed"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed rows.md
var rowsText string

// holder is what holds a row.
type holder struct {
	// tests: "TestX" of this package, "folder TestX" of another, or "C001", a
	// tested row of docs/conformance.md.
	tests []string
}

func by(tests ...string) holder { return holder{tests: tests} }

func rows() map[string]holder {
	return map[string]holder{
		"A001": by("TestMalformedTokens"), "A002": by("TestMalformedTokens"), "A004": by("TestMalformedTokens"),
		"A005": by("TestMalformedTokens", "C159"), "A009": by("TestExpiry"), "A010": by("TestExpiry", "storage/redis TestExpiryOverThreeProcesses"),
		"A011": by("TestExpiry", "storage/storagetest useExpired", "pat TestUseExpired"), "A013": by("TestRevocationRaces"),
		"A014": by("C040", "pat TestUseOwner", "api TestLeaver"),
		"A016": by("C152", "exchange TestExchangeScopes"), "A017": by("TestFirstUses"), "A018": by("TestFirstUses", "pat TestTouchWritesOncePerDay"),
		"A020": by("TestOneName", "api TestCreateOneName"), "A022": by("C048", "C062", "api TestSecretInURI"), "A024": by("TestMalformedRequests"),
		"A025": by("TestMalformedTokens"), "A026": by("TestNeverWider", "pat TestCreateByMeansOfAToken", "api TestCreateWiderThanParent", "manage TestNobodyGetsMore"),
		"A028": by("TestGuessing", "internal/throttle TestFailedKeepsTheLimitsOfTheSpecification"),

		"A031": by("TestMalformedRequests", "internal/httpx TestReadFormStopsAtTheLimit"), "A033": by("TestMalformedRequests", "C052"),
		"A034": by("TestMalformedRequests", "C052"), "A035": by("TestMalformedRequests", "C049"), "A037": by("TestMalformedRequests", "C068"),
		"A038": by("TestMalformedRequests"), "A039": by("TestMalformedRequests"), "A040": by("TestMalformedRequests", "C047"),
		"A042": by("TestNames", "console TestGroupAdministratorLosesTheGroup"), "A043": by("TestNames", "TestMalformedRequests", "internal/httpx TestLogStaysOneLine"),
		"A044": by("TestSmuggling", "internal/httpx TestSmuggledRequestsAreNeverExecuted"), "A045": by("TestSmuggling"),
		"A047": by("TestRapidReset", "internal/httpx TestRapidReset"), "A049": by("TestForgedHost", "C115"),
		"A050": by("TestSlowClients", "internal/httpx TestServerLimits"), "A051": by("TestMethods", "api TestUnknownRoutesAndMethods"), "A053": by("TestMalformedRequests"),
		"A054": by("TestMalformedRequests"), "A057": by("TestMalformedRequests"), "A058": by("TestCancelledRevocations", "api TestClientGoesAway", "storage/storagetest runCancelled"),

		"A059": by("TestForgedJWTs", "C128"), "A060": by("C129"), "A061": by("TestForgedJWTs", "C131"), "A062": by("TestForgedJWTs", "C131"),
		"A064": by("TestForgedJWTs", "TestMalformedRequests"), "A066": by("TestForgedJWTs", "keys TestVerifyRefusesDER"), "A067": by("C080"),
		"A069": by("keys TestPlannedRotation"), "A071": by("keys TestRotateRaced", "keys TestPrepareRaced"),
		"A072": by("keys TestLostWrite"), "A073": by("keys TestRingSleptThroughEverything"),
		"A075": by("TestWrongMasterKey", "keys TestKMSFailsAtStart", "keys TestKMSFailsDuringRotation", "keys TestKMSIsSlow"),
		"A077": by("TestKeysFromMemory"), "A078": by("keys TestNinetyDays"),
		"A079": by("TestRevocationReachesVerifiers", "TestDisabledOwnerReachesVerifiers", "TestFeedOutage", "revocations TestNothingIsMissed", "verify TestFeedLost"),

		"A080": by("TestRedisEndsUnderLoad", "TestRedisKilledInAFirstUse", "TestPrimaryIsKilledUnderLoad"), "A081": by("TestRedisKilledInARevocation"),
		"A082": by("TestRevokerStands", "storage/redis TestStalePromotion", "storage/redis TestStalePromotionInACluster", "storage/redis TestEndingsOutliveTheirPrimary"),
		"A084": by("storage/redis TestCutOffWithTheOldPrimary"), "A086": by("TestRedisIsFull", "storage/redis TestFullServer"),
		"A088": by("TestRedisIsEmptied", "storage/redis TestEmptiedServer"), "A090": by("storage/redis TestSlotsMoveUnderLoad"),
		"A091": by("storage/redis TestStalePromotionInACluster", "storage/redis TestShardOfCfgIsDown"),
		"A093": by("storage/redis TestSwallowedReply"), "A094": by("TestRedisDiskIsFull"), "A096": by("TestTLSToRedis", "storage/redis TestTLS"),
		"A097": by("storage/redis TestSkew"),

		"A101": by("TestKilled", "TestSyncedBeforeAnswered", "storage/bolt TestKill"), "A103": by("TestDiskIsFull", "storage/bolt TestFullDisk"),
		"A104": by("TestSecondProcess"), "A105": by("TestDamagedFile", "storage/bolt TestOpenRefusesDamage"),
		"A107": by("keys TestClockSteps", "storage/bolt TestSkew", "console/session TestDeadlines"),
		"A109": by("TestEndsUnderLoad", "TestRollingRestart", "TestKilledWhileItEnds", "internal/httpx TestDrainUnderLoadLosesNoRequest"),
		"A110": by("internal/httpx TestShellAnswersAPanic", "authz TestAPanicSaysNothing", "api TestPanic"),

		"A111": by("console TestCrossSiteIsRefused", "test/console TestFormOfAnotherSite"), "A112": by("console/session TestATokenOfSomebodyElse"),
		"A113": by("console/login TestSwappedLogins", "console/login TestReplayedCode", "console/login TestRefusesCallback"),
		"A115": by("api TestListEscapes", "console TestGroupAdministratorLosesTheGroup"),
		"A116": by("TestForeignTokens", "C151", "api TestForeignIDs", "api TestListsOfTwoOrganizations", "api TestRouteTable", "manage TestNobodyGetsMore"),
		"A117": by("api TestAdministratorLosesTheGroup", "console TestGroupAdministratorLosesTheGroup"),
		"A122": by("TestAuditFolderGone", "internal/audit TestFullDiskLosesNothing"), "A123": by("TestEditedTrail", "internal/audit TestVerifyPinpoints"),
		"A125": by("internal/config TestRefusesFile", "internal/config TestRefusesEnvironment", "internal/config FuzzLoad"),
	}
}

var (
	row      = regexp.MustCompile(`(?m)^- (A\d{3}) .+$`)
	function = regexp.MustCompile(`(?m)^func (\w+)\(`)
)

// TestRows proves that each row has a holder, and that each holder exists.
func TestRows(t *testing.T) {
	held := rows()
	seen := map[string]bool{}
	for _, found := range row.FindAllStringSubmatch(rowsText, -1) {
		id := found[1]
		require.False(t, seen[id], "%s stands there twice", id)
		seen[id] = true
		h, known := held[id]
		require.True(t, known, "nothing holds %s", id)
		require.NotEmpty(t, h.tests, "nothing holds %s", id)
		for _, test := range h.tests {
			require.True(t, exists(t, test), "%s is held by %s, which does not exist", id, test)
		}
	}
	require.Len(t, seen, len(held), "what is held has a row")
}

// exists looks for a test, or a tested row of docs/conformance.md.
func exists(t *testing.T, test string) bool {
	t.Helper()
	if strings.HasPrefix(test, "C") {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", "conformance.md"))
		require.NoError(t, err)
		return regexp.MustCompile(`(?m)^\| ` + test + ` \|.*\| tested[^|]*\|$`).Match(text)
	}
	folder, name, elsewhere := strings.Cut(test, " ")
	if !elsewhere {
		folder, name = filepath.Join("test", "faults"), test
	}
	files, err := filepath.Glob(filepath.Join("..", "..", folder, "*.go"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range function.FindAllStringSubmatch(string(text), -1) {
			if found[1] == name {
				return true
			}
		}
	}
	return false
}
