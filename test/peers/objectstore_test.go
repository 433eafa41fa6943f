package peers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// Audiences of the JWTs for the store.
const (
	forRole     = "https://role.store.example.com"
	forClaim    = "https://claim.store.example.com"
	notForStore = "https://other.store.example.com"
)

// briefly is how long the store's keys live unless a request says otherwise.
const briefly = 6 * time.Second

// storeIAM is what the store knows: who issues JWTs, what policies mean, and who may
// take the role.
const storeIAM = `{
  "sts": {"issuer": "store", "signingKey": "c3RvcmUtc2lnbmluZy1rZXktb2YtMzItYnl0ZXMtISE=", "tokenDuration": "%[2]s", "maxSessionLength": "1h"},
  "policy": {"defaultEffect": "Deny", "storeType": "memory"},
  "providers": [{"name": "cambio", "type": "oidc", "config": {"issuer": "%[1]s", "clientIds": ["` + forRole + `", "` + forClaim + `"], "policyClaim": "policy"}}],
  "policies": [
    {"name": "uploads", "document": {"Version": "2012-10-17", "Statement": [
      {"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::uploads", "arn:aws:s3:::uploads/*"]}]}},
    {"name": "reader-alice", "document": {"Version": "2012-10-17", "Statement": [
      {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::uploads/*"]}]}}],
  "roles": [{"roleName": "ci", "roleArn": "arn:aws:iam::role/ci", "attachedPolicies": ["uploads"], "trustPolicy": {
    "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Federated": "cambio"}, "Action": ["sts:AssumeRoleWithWebIdentity"],
      "Condition": {"StringEquals": {"oidc:aud": "` + forRole + `"}}}]}}]
}`

// storeIdentities has who makes the buckets.
const storeIdentities = `{"identities": [{"name": "owner", "credentials": [{"accessKey": "owner", "secretKey": "owner-secret"}], "actions": ["Admin"]}]}`

// storeProviders is how Cambio knows the store: by a role that a policy of the session
// narrows, and by a claim that names a policy.
const storeProviders = `
credentials:
  - name: role
    audience: %[2]q
    s3:
      endpoint: %[1]s
      allowedNetworks: [127.0.0.1]
      roleArn: arn:aws:iam::role/ci
      sessionName: "{{username}}"
      policy: |
        {"Version": "2012-10-17", "Statement": [
          {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": ["arn:aws:s3:::uploads/{{username}}/*"]}]}
  - name: claim
    audience: ` + forClaim + `
    prefix: brief_
    claims: { policy: "reader-{{username}}" }
    s3: { endpoint: "%[1]s", allowedNetworks: [127.0.0.1], lifetime: server }
`

const storeConfig = `issuer: %[1]s
listen: {addr: "%[2]s", adminAddr: ""}
store: {url: "bolt:%[3]s/cambio.db"}
masterKey: {file: "%[3]s/master.key"}
audit: {dir: "%[3]s/audit"}
services: [{audience: "%[4]s", scopes: "*"}]
token: {defaultAudience: "%[4]s"}
`

// TestObjectStore: the keys that an exchange returns open in SeaweedFS, by the SDK of AWS, what
// the role, the session's policy and the claim allow, and nothing else, and end by their expiry.
func TestObjectStore(t *testing.T) {
	dir := t.TempDir()
	dev := testenv.Dev(t, "--data-dir", dir)
	dev.Stop()
	issuer, alice := dev.Info.Issuer, dev.Info.Users.Alice.PAT.Token
	weed := startStore(t, issuer)
	serve := func(roleAudience string) *testenv.ServeServer {
		base := fmt.Sprintf(storeConfig, issuer, strings.TrimPrefix(issuer, "http://"), dir, dev.Info.Audience)
		return testenv.Serve(t, testenv.ServeOptions{URL: issuer, Config: base + fmt.Sprintf(storeProviders, weed.endpoint, roleAudience)})
	}
	server := serve(forRole)
	owner := weed.client(credentials.NewStaticCredentialsProvider("owner", "owner-secret", ""))
	for _, bucket := range []string{"uploads", "other"} {
		_, err := owner.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
		require.NoError(t, err)
		// It answers before all of it is there.
		testenv.Wait(t, time.Minute, func() bool { return put(t, owner, bucket, "bob/file") == nil })
	}

	status, got := exchangeCredentials(t, issuer, alice)
	require.Equal(t, http.StatusOK, status, "%v", got)
	t.Run("role", func(t *testing.T) {
		ends, err := time.Parse(time.RFC3339, got["aws_credentials_expiration"])
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(15*time.Minute), ends, time.Minute, "the shortest life there is")
		requireRole(t, weed.client(keysOf(got, "")))

		altered := keysOf(got, "")
		altered.Value.SessionToken = tampered(altered.Value.SessionToken)
		require.Error(t, put(t, weed.client(altered), "uploads", "alice/file"))
		altered = keysOf(got, "")
		altered.Value.SecretAccessKey += "a"
		require.Error(t, put(t, weed.client(altered), "uploads", "alice/file"))
	})
	t.Run("claim", func(t *testing.T) {
		_, fresh := exchangeCredentials(t, issuer, alice) // however long the above took
		ends, err := time.Parse(time.RFC3339, fresh["brief_aws_credentials_expiration"])
		require.NoError(t, err)
		reader := weed.client(keysOf(fresh, "brief_"))
		require.NoError(t, read(t, reader, "uploads", "bob/file"))
		require.True(t, time.Now().Before(ends.Add(time.Second)))
		requireDenied(t, read(t, reader, "other", "bob/file"))
		requireDenied(t, put(t, reader, "uploads", "alice/file"))
		testenv.Wait(t, time.Minute, func() bool { return read(t, reader, "uploads", "bob/file") != nil })
		require.False(t, time.Now().Before(ends), "they end, and not before they do")
		require.NoError(t, read(t, owner, "uploads", "bob/file"), "and not the store")
	})
	t.Run("credential_process", func(t *testing.T) {
		requireRole(t, weed.client(processOf(t, issuer, alice)))
	})

	for _, value := range []string{"aws_secret_access_key", "aws_session_token", "brief_aws_secret_access_key", "brief_aws_session_token"} {
		require.NotEmpty(t, got[value])
		require.NotContains(t, server.Stdout()+server.Stderr(), got[value])
	}
	server.Stop()

	t.Run("not trusted", func(t *testing.T) {
		server := serve(notForStore)
		status, refused := exchangeCredentials(t, issuer, alice)
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.Empty(t, refused["access_token"])
		require.Empty(t, refused["brief_aws_access_key_id"])
		testenv.Wait(t, 10*time.Second, func() bool { return strings.Contains(server.Stderr(), "the store refused: ") })
		server.Stop()
	})
	t.Run("away", func(t *testing.T) {
		serve(forRole)
		status, _ := exchangeCredentials(t, issuer, alice)
		require.Equal(t, http.StatusOK, status)
		weed.Kill()
		testenv.Wait(t, 30*time.Second, func() bool { // the set of before is given again while it lives
			status, _ := exchangeCredentials(t, issuer, alice)
			return status == http.StatusServiceUnavailable
		})
	})
}

// requireRole holds that keys of the role open what they should.
func requireRole(t *testing.T, client *s3.Client) {
	t.Helper()
	require.NoError(t, put(t, client, "uploads", "alice/file"))
	require.NoError(t, read(t, client, "uploads", "alice/file"))
	requireDenied(t, put(t, client, "uploads", "bob/file"))
	requireDenied(t, read(t, client, "uploads", "bob/file"))
	requireDenied(t, put(t, client, "other", "alice/file"))
	_, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("uploads")})
	requireDenied(t, err)
	_, err = client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("uploads"), Key: aws.String("alice/file")})
	requireDenied(t, err)
}

func requireDenied(t *testing.T, err error) {
	t.Helper()
	var refused smithy.APIError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "AccessDenied", refused.ErrorCode())
}

func put(t *testing.T, client *s3.Client, bucket, key string) error {
	t.Helper()
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader([]byte(key))})
	return err
}

// read fails also if something else is there than put puts there.
func read(t *testing.T, client *s3.Client, bucket, key string) error {
	t.Helper()
	got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		return err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err == nil && string(text) != key {
		return errors.New("something else is there")
	}
	return err
}

// exchangeCredentials exchanges a token for credentials and returns the members that are texts.
func exchangeCredentials(t *testing.T, issuer, token string) (int, map[string]string) {
	t.Helper()
	answer, err := http.PostForm(issuer+"/oauth2/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {token},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:pat"}, "scope": {"credentials"},
	})
	require.NoError(t, err)
	defer answer.Body.Close()
	var members map[string]any
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&members))
	texts := map[string]string{}
	for name, value := range members {
		if text, ok := value.(string); ok {
			texts[name] = text
		}
	}
	return answer.StatusCode, texts
}

func keysOf(members map[string]string, prefix string) credentials.StaticCredentialsProvider {
	return credentials.NewStaticCredentialsProvider(
		members[prefix+"aws_access_key_id"], members[prefix+"aws_secret_access_key"], members[prefix+"aws_session_token"])
}

// processOf is what the SDK's own loader makes of a file that names the product as
// credential_process.
func processOf(t *testing.T, issuer, token string) aws.CredentialsProvider {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(file, []byte("[default]\nregion = us-east-1\ncredential_process = "+testenv.Binary(t)+" exchange -o aws\n"), 0o600))
	t.Setenv("CAMBIO_SERVER", issuer)
	t.Setenv("CAMBIO_TOKEN", token)
	loaded, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithSharedConfigFiles([]string{file}), awsconfig.WithSharedCredentialsFiles(nil))
	require.NoError(t, err)
	got, err := loaded.Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	require.True(t, got.CanExpire)
	require.WithinDuration(t, time.Now().Add(15*time.Minute), got.Expires, time.Minute)
	return loaded.Credentials
}

// objectStore is a running SeaweedFS.
type objectStore struct {
	*testenv.Process

	endpoint string
}

func startStore(t *testing.T, issuer string) *objectStore {
	t.Helper()
	binary := storeBinary(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	iam, identities := write("iam.json", fmt.Sprintf(storeIAM, issuer, briefly)), write("identities.json", storeIdentities)
	data := filepath.Join(dir, "data")
	require.NoError(t, os.Mkdir(data, 0o700))
	args := []string{
		"-logtostderr", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-dir=" + data, "-master.telemetry=false", "-volume.max=100", "-s3", "-master.volumeSizeLimitMB=64",
		"-s3.config=" + identities, "-s3.iam.config=" + iam,
	}
	port := 0
	for _, flag := range []string{"master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc", "s3.port.grpc", "s3.port"} {
		port = testenv.FreePort(t)
		args = append(args, "-"+flag+"="+strconv.Itoa(port))
	}
	s := &objectStore{testenv.Start(t, []string{"HOME=" + dir}, binary, args...), "http://127.0.0.1:" + strconv.Itoa(port)}
	testenv.Wait(t, time.Minute, func() bool {
		answer, err := http.Get(s.endpoint + "/status")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	return s
}

// client is one that signs with keys.
func (s *objectStore) client(keys aws.CredentialsProvider) *s3.Client {
	return s3.New(s3.Options{BaseEndpoint: aws.String(s.endpoint), Region: "us-east-1", Credentials: keys, UsePathStyle: true, RetryMaxAttempts: 1})
}

// storeBinary returns SeaweedFS, built from the module that seaweedfs/go.mod pins and kept in
// the cache of builds. The first time it takes minutes.
func storeBinary(t *testing.T) string {
	t.Helper()
	build := exec.CommandContext(t.Context(), "go", "tool", "-n", "weed") // builds it, and says where it lies
	build.Dir = "seaweedfs"
	var complaint strings.Builder
	build.Stderr = &complaint
	path, err := build.Output()
	require.NoError(t, err, "go tool: %s", &complaint)
	return strings.TrimSpace(string(path))
}
