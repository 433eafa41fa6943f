package exchange

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/tracing"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// Snapshots tells who there is, at most a second old.
type Snapshots interface {
	Snapshot(ctx context.Context) (*directory.Snapshot, error)
}

// Signer mints JWTs and verifies its own.
type Signer interface {
	Mint(alg keys.Alg, claims keys.Claims) (string, error)
	Verify(token string, want keys.Expected) (keys.Claims, error)
	// KeyID names the key that Mint would sign with.
	KeyID(alg keys.Alg) (string, error)
}

// Recorder takes the events of uses. An error means that the use must not
// happen.
type Recorder interface {
	Record(event audit.Event) error
}

// Throttle counts failures of proof; limited says that this one is too many.
type Throttle interface {
	Failed(network netip.Addr, key string) (retryAfter time.Duration, limited bool)
}

// Associated issues credentials of other systems; a *credentials.Issuer does.
type Associated interface {
	// Offers reports whether there are some for an owner.
	Offers(claims *credentials.Claims) bool
	// Issue returns all of them or an error: *credentials.ClaimError, fault.ErrUnavailable.
	Issue(ctx context.Context, r *credentials.Request) (*credentials.Set, error)
}

// Config is what an Exchanger needs; all of it but Subject, Credentials and Observer.
type Config struct {
	Issuer    string // byte-exact iss
	Tokens    *pat.Service
	Directory Snapshots
	Signer    Signer
	Services  *Services
	Audit     Recorder
	Throttle  Throttle
	Now       func() time.Time
	Alg       keys.Alg    // of services that name none
	Subject   SubjectKind // zero: the identity's id
	// Credentials are issued beside a JWT where the scope credentials is asked for by
	// name; nil: none are.
	Credentials Associated
	Observer    Observer // nil: none
}

// SubjectKind says what the JWT's sub is.
type SubjectKind string

// The kinds of subject.
const (
	SubjectID         SubjectKind = "id"
	SubjectExternalID SubjectKind = "externalId"
	SubjectUsername   SubjectKind = "username"
)

// AcrossOrganizations reports whether a subject names one identity whatever its
// organization; the others are unique within each.
func (k SubjectKind) AcrossOrganizations() bool { return k == "" || k == SubjectID }

// Exchanger is the pipeline. It is safe to share.
type Exchanger struct {
	Config

	reuseSecret []byte
}

// New returns the pipeline.
func New(config Config) (*Exchanger, error) {
	if config.Issuer == "" || config.Tokens == nil || config.Directory == nil || config.Signer == nil ||
		config.Services == nil || config.Audit == nil || config.Throttle == nil || config.Now == nil || config.Alg == "" {
		return nil, errors.New("exchange: every member of the config but subject, credentials and observer is needed")
	}
	switch config.Subject {
	case "":
		config.Subject = SubjectID
	case SubjectID, SubjectExternalID, SubjectUsername:
	default:
		return nil, fmt.Errorf("exchange: subject %q: use id, externalId or username", config.Subject)
	}
	secret := make([]byte, reuseSecretLen)
	_, _ = rand.Read(secret) // never fails since Go 1.24
	return &Exchanger{Config: config, reuseSecret: secret}, nil
}

// Request asks for a JWT.
type Request struct {
	Credential Credential
	// Client, if there is one, was sent beside a subject token and must be a
	// token of the same owner.
	Client *Credential
	// Audience and Resource name services; none: Fallback.
	Audience, Resource []string
	// Fallback is the audience of a request that names none.
	Fallback string
	Scope    string // the scope parameter; empty: what the token holds
	Origin   audit.Origin
	// Reuse, if there is one, may answer with a JWT that was minted for an earlier use.
	Reuse Reuse
	// Credentials says that the answer can carry credentials of other systems. Where it
	// cannot, the scope credentials falls away.
	Credentials bool
}

// Issued is a minted JWT and what the answer tells of it.
type Issued struct {
	AccessToken string
	ExpiresIn   int64 // seconds
	Scope       string
	Audience    []string
	ClientID    pat.ID
	JTI         string
	Claims      keys.Claims // what it says
	// PATExpiration is when the PAT itself ends; zero: never.
	PATExpiration time.Time
	// Credentials are members of the answer, if the scope credentials was asked for.
	Credentials []credentials.Member
}

// Exchange runs the pipeline. Errors: ErrUnproved, *ThrottledError, *DeniedError,
// ErrClient, *TargetError, *ScopeError, fault.ErrUnavailable.
func (e *Exchanger) Exchange(ctx context.Context, r *Request) (*Issued, error) {
	ctx, use := e.observe(ctx, useExchange)
	issued, err := e.exchange(ctx, r)
	return issued, use.end(err)
}

func (e *Exchanger) exchange(ctx context.Context, r *Request) (*Issued, error) {
	before := e.earlier(r)
	presented, err := e.proveAgain(ctx, r.Credential, before, r.Origin)
	if err != nil {
		return nil, err
	}
	if err := e.checkClient(ctx, r, presented); err != nil {
		return nil, err
	}
	decision, err := e.decide(r, presented)
	if err != nil {
		return nil, e.refuse(err, presented, r.Origin)
	}
	issued := &Issued{ClientID: presented.Record.ID, PATExpiration: pat.EffectiveExpiration(&presented.Record, presented.policy)}
	claims := &issued.Claims
	if *claims, err = e.claims(decision, presented); err != nil {
		return nil, e.refuse(err, presented, r.Origin)
	}
	_, minting := tracing.Start(ctx, "mint")
	var reused bool
	issued.AccessToken, reused, err = e.issue(before, &decision, claims, presented)
	minting.End(err != nil)
	if err != nil {
		return nil, e.refuseIssue(err, presented, r.Origin)
	}
	if issued.Credentials, err = e.associate(ctx, &decision, claims, presented, r.Origin); err != nil {
		return nil, err
	}
	if err := e.finish(ctx, claims, reused, presented, r.Origin); err != nil {
		return nil, err
	}
	issued.ExpiresIn, issued.Scope, issued.Audience, issued.JTI = decision.ExpiresIn, claims.Scope, decision.Audience, claims.ID
	return issued, nil
}

// refuseIssue tells what the client can mend from what may pass.
func (e *Exchanger) refuseIssue(err error, p *presented, origin audit.Origin) error {
	if errors.Is(err, keys.ErrTooLong) {
		return e.refuse(&ScopeError{"the access token would be too long: ask for fewer scopes or audiences"}, p, origin)
	}
	if _, refused := errors.AsType[*pat.RefusedError](err); refused {
		return e.refuse(err, p, origin)
	}
	return fmt.Errorf("mint: %w", notNow(err))
}

// notNow marks an error of the key ring or the audit sink as one that may pass;
// claims that must not be signed stay the fault that they are.
func notNow(err error) error {
	if errors.Is(err, keys.ErrClaims) {
		return err
	}
	return errors.Join(err, fault.ErrUnavailable)
}

// decide runs check 9: audience, scope, and with them the lifetime.
func (e *Exchanger) decide(r *Request, p *presented) (Decision, error) {
	requested, asked, err := parseScope(r.Scope)
	if err != nil {
		return Decision{}, err
	}
	services, err := e.Services.targets(r.Audience, r.Resource, r.Fallback, p.access.OrganizationName())
	if err != nil {
		return Decision{}, err
	}
	if err := permitTargets(services, &p.Record); err != nil {
		return Decision{}, err
	}
	associated := asked && r.Credentials && slices.Contains(requested, pat.ScopeCredentials) && e.offersCredentials(p)
	granted, err := decideScope(requested, asked, associated, p.Record.Scope, services, &p.access)
	if err != nil {
		return Decision{}, err
	}
	decision, ok := decideLife(p.Now, &p.Record, p.policy, services)
	if !ok {
		return Decision{}, &DeniedError{Cause: CauseEnding, Description: "the token expires in less than a second"}
	}
	decision.Services, decision.Scope, decision.Credentials = services, granted, associated
	for _, service := range services {
		if decision.Audience == nil {
			decision.Audience = service.audience // as above, in targets
		} else {
			decision.Audience = append(decision.Audience, service.Audience)
		}
	}
	return decision, nil
}

// alg is what the services ask to be signed with; the first that asks decides.
func (e *Exchanger) alg(d Decision) keys.Alg {
	for _, service := range d.Services {
		if service.Alg != "" {
			return service.Alg
		}
	}
	return e.Alg
}
