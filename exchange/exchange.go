package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
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

// Config is what an Exchanger needs; all of it but Subject.
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
}

// SubjectKind says what the JWT's sub is.
type SubjectKind string

// The kinds of subject.
const (
	SubjectID         SubjectKind = "id"
	SubjectExternalID SubjectKind = "externalId"
	SubjectUsername   SubjectKind = "username"
)

// Exchanger is the pipeline. It is safe to share.
type Exchanger struct{ Config }

// New returns the pipeline.
func New(config Config) (*Exchanger, error) {
	if config.Issuer == "" || config.Tokens == nil || config.Directory == nil || config.Signer == nil ||
		config.Services == nil || config.Audit == nil || config.Throttle == nil || config.Now == nil || config.Alg == "" {
		return nil, errors.New("exchange: every member of the config but subject is needed")
	}
	switch config.Subject {
	case "":
		config.Subject = SubjectID
	case SubjectID, SubjectExternalID, SubjectUsername:
	default:
		return nil, fmt.Errorf("exchange: subject %q: use id, externalId or username", config.Subject)
	}
	return &Exchanger{config}, nil
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
}

// Issued is a minted JWT and what the answer tells of it.
type Issued struct {
	AccessToken string
	ExpiresIn   int64 // seconds
	Scope       string
	Audience    []string
	ClientID    pat.ID
	JTI         string
	// PATExpiration is when the PAT itself ends; zero: never.
	PATExpiration time.Time
}

// Exchange runs the pipeline. Errors: ErrUnproved, *ThrottledError, *DeniedError,
// ErrClient, *TargetError, *ScopeError, fault.ErrUnavailable.
func (e *Exchanger) Exchange(ctx context.Context, r *Request) (*Issued, error) {
	presented, err := e.prove(ctx, r.Credential, r.Origin)
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
	claims, err := e.claims(decision, presented)
	if err != nil {
		return nil, e.refuse(err, presented, r.Origin)
	}
	token, err := e.Signer.Mint(e.alg(decision), claims)
	if err != nil {
		return nil, fmt.Errorf("mint: %w", notNow(err))
	}
	_ = e.Tokens.Touch(ctx, &presented.Use, pat.Minted, r.Origin) // a use never fails for the time it was last used
	event := presented.event(audit.TokenUsed, r.Origin)
	event.Audience, event.Scope, event.JTI = decision.Audience, claims.Scope, claims.ID
	if err := e.Audit.Record(event); err != nil {
		return nil, fmt.Errorf("record use: %w", notNow(err))
	}
	return &Issued{
		AccessToken: token, ExpiresIn: decision.ExpiresIn, Scope: claims.Scope, Audience: decision.Audience,
		ClientID: presented.Record.ID, JTI: claims.ID, PATExpiration: pat.EffectiveExpiration(&presented.Record, presented.policy),
	}, nil
}

// notNow marks an error of the key ring or the audit sink as one that may pass;
// claims that must not be signed stay the fault that they are.
func notNow(err error) error {
	if errors.Is(err, keys.ErrClaims) {
		return err
	}
	return errors.Join(err, fault.ErrUnavailable)
}

// presented is a token that passed the checks of its own and its owner's.
type presented struct {
	pat.Use
	access directory.Access
	policy *directory.Policy
	peer   netip.Addr
}

func (p *presented) event(name audit.Name, origin audit.Origin) audit.Event {
	outcome := audit.Success
	if name == audit.TokenUseFailed {
		outcome = audit.Failure
	}
	return audit.Event{
		ID: id.New(), Time: pat.Milliseconds(p.Now), Name: name, Organization: string(p.Record.Organization),
		Actor: string(p.Record.Owner), PATID: string(p.Record.ID), Owner: string(p.Record.Owner), Outcome: outcome,
	}.From(origin)
}

// prove runs checks 1 to 8 on a credential. What it returns with an error is nil.
func (e *Exchanger) prove(ctx context.Context, credential Credential, origin audit.Origin) (*presented, error) {
	p, err := e.use(ctx, credential, origin)
	if err != nil {
		return nil, err
	}
	if err := e.permit(p, p.peer); err != nil {
		return nil, e.refuse(err, p, origin)
	}
	return p, nil
}

// use runs checks 1 to 6: those of the token itself and of its owner.
func (e *Exchanger) use(ctx context.Context, credential Credential, origin audit.Origin) (*presented, error) {
	peer, _ := netip.ParseAddr(origin.IP) // an address that cannot be read lies in no network
	token, err := credential.parse(e.Tokens.Format())
	if err != nil {
		return nil, e.unproved(err, "", peer, origin)
	}
	who, err := e.Directory.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	use, err := e.Tokens.Use(ctx, token, who, origin)
	if errors.Is(err, ErrUnproved) {
		return nil, e.unproved(err, token.ID(), peer, origin)
	}
	p := &presented{Use: use, peer: peer}
	if err != nil {
		return p, e.refuse(err, p, origin)
	}
	organization, _ := who.Organization(use.Record.Organization) // pat.Service.Use found it
	p.policy = &organization.Policy
	p.access = who.AccessOf(&p.Owner)
	return p, nil
}

// permit runs checks 7 and 8: the role that a personal token needs at each use,
// and the network.
func (e *Exchanger) permit(p *presented, peer netip.Addr) error {
	if err := permitRole(p); err != nil {
		return err
	}
	if !permitNetwork(peer, &p.Record, p.policy) {
		return &DeniedError{Cause: CauseNetwork, Description: "not allowed from this network"}
	}
	return nil
}

func permitRole(p *presented) error {
	if p.Record.Level == pat.Personal && !p.access.HoldsOrganizationRole(directory.AccessAsNonInteractiveUser) {
		return &DeniedError{Cause: CauseRole, Description: "its owner does not hold the role AccessAsNonInteractiveUser"}
	}
	return nil
}

// unproved records a failure of proof and counts it. The cause goes to the
// audit trail only. Failures past the limit are counted, not recorded one by one.
func (e *Exchanger) unproved(cause error, tokenID pat.ID, peer netip.Addr, origin audit.Origin) error {
	if retry, limited := e.Throttle.Failed(peer, string(tokenID)); limited {
		return &ThrottledError{RetryAfter: retry}
	}
	reason := "unknown_or_wrong_secret"
	switch {
	case errors.Is(cause, pat.ErrMalformed):
		reason = "malformed"
	case errors.Is(cause, pat.ErrOldSecret):
		reason = "old_secret"
	}
	_ = e.Audit.Record(audit.Event{ // refused either way
		ID: id.New(), Time: pat.Milliseconds(e.Now()), Name: audit.TokenUseFailed, PATID: string(tokenID), Outcome: audit.Failure, Reason: reason,
	}.From(origin))
	return ErrUnproved
}

// refuse turns the refusal of a proved token into its answer, and records it.
func (e *Exchanger) refuse(err error, p *presented, origin audit.Origin) error {
	event := p.event(audit.TokenUseFailed, origin)
	if refusal, ok := errors.AsType[*pat.RefusedError](err); ok {
		err = &DeniedError{Cause: refusal.Cause, Description: refusal.Description}
	}
	if denial, ok := errors.AsType[*DeniedError](err); ok {
		denial.ID = id.New()
		event.Reason, event.DenialID = string(denial.Cause), denial.ID
	} else if _, ok := errors.AsType[*TargetError](err); ok {
		event.Reason = "invalid_target"
	} else if _, ok := errors.AsType[*ScopeError](err); ok {
		event.Reason = "invalid_scope"
	} else {
		return err // store trouble: nothing was decided
	}
	_ = e.Audit.Record(event) // refused either way
	return err
}

// checkClient verifies client credentials sent beside a subject token.
func (e *Exchanger) checkClient(ctx context.Context, r *Request, subject *presented) error {
	if r.Client == nil {
		return nil
	}
	client, err := e.prove(ctx, *r.Client, r.Origin)
	if _, throttled := errors.AsType[*ThrottledError](err); throttled || errors.Is(err, fault.ErrUnavailable) {
		return err
	}
	if err != nil || client.Record.Owner != subject.Record.Owner {
		return ErrClient
	}
	return nil
}

// decide runs check 9: audience, scope, and with them the lifetime.
func (e *Exchanger) decide(r *Request, p *presented) (Decision, error) {
	requested, asked, err := parseScope(r.Scope)
	if err != nil {
		return Decision{}, err
	}
	services, err := e.Services.targets(r.Audience, r.Resource, r.Fallback)
	if err != nil {
		return Decision{}, err
	}
	if err := permitTargets(services, &p.Record); err != nil {
		return Decision{}, err
	}
	granted, err := decideScope(requested, asked, p.Record.Scope, services, &p.access)
	if err != nil {
		return Decision{}, err
	}
	decision, ok := decideLife(p.Now, &p.Record, p.policy, services)
	if !ok {
		return Decision{}, &DeniedError{Cause: CauseEnding, Description: "the token expires in less than a second"}
	}
	decision.Services, decision.Scope = services, granted
	for _, service := range services {
		decision.Audience = append(decision.Audience, service.Audience)
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

// claims builds what the JWT says, from the decision and the stored records.
func (e *Exchanger) claims(d Decision, p *presented) (keys.Claims, error) {
	subject, err := e.subject(&p.Owner)
	if err != nil {
		return keys.Claims{}, err
	}
	record := &p.Record
	claims := keys.Claims{
		Issuer: e.Issuer, Subject: subject, Audience: d.Audience, IssuedAt: d.IssuedAt, Expiry: d.Expiry, ID: id.New(),
		ClientID: string(record.ID), AuthorizedParty: string(record.ID), Scope: strings.Join(d.Scope, " "), PATID: string(record.ID),
		PATGeneration: record.Generation, PATLevel: string(record.Level), PATLevelID: string(record.LevelID), PATRole: string(levelRole(record)),
		Organization: string(record.Organization),
	}
	e.describeOwner(&claims, d, p)
	return claims, nil
}

func (e *Exchanger) subject(owner *directory.Identity) (string, error) {
	subject := string(owner.ID)
	switch e.Subject {
	case SubjectExternalID:
		subject = owner.ExternalID
	case SubjectUsername:
		subject = owner.Username
	case SubjectID:
	}
	if subject == "" {
		return "", &DeniedError{Cause: CauseSubject, Description: "its owner has no external id, which access tokens name as their subject"}
	}
	return subject, nil
}

// levelRole is the role that a group or organization token acts with.
func levelRole(record *pat.Record) directory.Role {
	switch {
	case record.Level == pat.Group && record.AdminRole:
		return directory.GroupAdmin
	case record.Level == pat.Group:
		return directory.GroupUser
	case record.Level == pat.Organization && record.AdminRole:
		return directory.OrganizationAdmin
	case record.Level == pat.Organization:
		return directory.OrganizationUser
	default:
		return ""
	}
}
