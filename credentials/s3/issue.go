package s3

import (
	"context"
	"errors"
	"math"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/internal/secret"
)

const (
	// maxPolicy is how long a policy of a session may be, in characters (AssumeRole).
	maxPolicy = 2048
	// maxSkew is how far the clock of a store may be ahead.
	maxSkew = time.Minute
)

// Issue implements credentials.Provider.
func (p *Provider) Issue(ctx context.Context, grant *credentials.Grant) (credentials.Issued, error) {
	if grant.Assertion == nil {
		return credentials.Issued{}, errors.New("it has no audience to mint a JWT for")
	}
	input, err := p.input(grant.Claims)
	if err != nil {
		return credentials.Issued{}, err
	}
	latest := time.Time{} // no bound
	if p.lifetime == Requested {
		life := duration(grant)
		input.DurationSeconds = aws.Int32(int32(life / time.Second)) //nolint:gosec // an hour at most
		latest = grant.Now.Add(life + maxSkew)
	}
	token, err := grant.Assertion(ctx)
	if err != nil {
		return credentials.Issued{}, err
	}
	input.WebIdentityToken = aws.String(token.Reveal())
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := p.client.AssumeRoleWithWebIdentity(ctx, input)
	if err != nil {
		return credentials.Issued{}, plain(err)
	}
	return read(answer.Credentials, latest)
}

// input is what is asked for in the name of an owner, but for the JWT and how long.
func (p *Provider) input(claims *credentials.Claims) (*sts.AssumeRoleWithWebIdentityInput, error) {
	role, err := p.role.Render(claims)
	if err != nil {
		return nil, err
	}
	session, err := p.session.Render(claims)
	if err != nil {
		return nil, err
	}
	if !sessionText.MatchString(session) {
		return nil, &credentials.ClaimError{Claim: "in the session's name", Problem: "makes it longer than 64 characters, or what it may not be"}
	}
	input := &sts.AssumeRoleWithWebIdentityInput{RoleArn: aws.String(role), RoleSessionName: aws.String(session)}
	if !p.hasPolicy {
		return input, nil
	}
	policy, err := p.policy.Render(claims)
	if err != nil {
		return nil, err
	}
	if len(policy) > maxPolicy {
		return nil, &credentials.ClaimError{Claim: "in the policy", Problem: "makes it longer than 2048 characters"}
	}
	input.Policy = aws.String(policy)
	return input, nil
}

// duration is how long keys are asked to live, in whole seconds.
func duration(grant *credentials.Grant) time.Duration {
	seconds := math.Ceil(grant.Expiry.Sub(grant.Now).Seconds())
	return min(max(time.Duration(seconds)*time.Second, minDuration), maxDuration)
}

var (
	keyID   = regexp.MustCompile(`^\w{3,128}$`)
	keyText = regexp.MustCompile(`^[!-~]+$`)
)

// maxText is how long a secret or a session's token may be, in bytes.
const maxText = 16 << 10

func isKeyText(text *string) bool {
	return len(aws.ToString(text)) <= maxText && keyText.MatchString(aws.ToString(text))
}

// read makes members of an answer. Its errors hold nothing of it.
func read(from *types.Credentials, latest time.Time) (credentials.Issued, error) {
	if from == nil || from.Expiration == nil || !keyID.MatchString(aws.ToString(from.AccessKeyId)) ||
		!isKeyText(from.SecretAccessKey) || !isKeyText(from.SessionToken) {
		return credentials.Issued{}, errors.New("the answer has no credentials, or some that cannot be")
	}
	expiry := from.Expiration.UTC()
	if !latest.IsZero() && expiry.After(latest) {
		return credentials.Issued{}, errors.New("the store issued keys that live longer than was asked for")
	}
	values := []string{*from.AccessKeyId, *from.SecretAccessKey, *from.SessionToken, expiry.Format(time.RFC3339)}
	issued := credentials.Issued{Expiry: expiry, Handle: *from.AccessKeyId}
	for i, name := range (*Provider)(nil).Members() {
		issued.Members = append(issued.Members, credentials.Member{Name: name, Value: secret.New(values[i])})
	}
	return issued, nil
}
