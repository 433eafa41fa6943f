package authz

import (
	"fmt"
	"net/http"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/fault"
)

// Where people log in and out, below the issuer.
const (
	pathLogin  = "/console/login"
	pathLogout = "/console/logout"
)

// info is what published PAT clients find a server by.
type info struct {
	TenantID          directory.ID `json:"tenantId"`
	TenantName        string       `json:"tenantName"`
	AuthorizeEndpoint string       `json:"authorizeEndpoint"`
	TokenEndpoint     string       `json:"tokenEndpoint"`
	CloudDomainURL    string       `json:"cloudDomainUrl"`
	LogoutURL         string       `json:"logoutUrl"`
	Pod               string       `json:"pod"`
}

// serveInfo describes the organization that a deployment starts with.
func (s *Server) serveInfo(w http.ResponseWriter, r *http.Request) {
	who, err := s.exchanger.Directory.Snapshot(r.Context())
	if err != nil {
		s.refuse(w, r, err, doorClient)
		return
	}
	tenant, ok := who.OrganizationByName(directory.DefaultOrganizationName)
	if !ok {
		s.refuse(w, r, fmt.Errorf("no organization %q: %w", directory.DefaultOrganizationName, fault.ErrUnavailable), doorClient)
		return
	}
	issuer := s.exchanger.Issuer
	writeJSON(w, http.StatusOK, encode(&info{
		TenantID: tenant.ID, TenantName: tenant.Name, AuthorizeEndpoint: issuer + pathLogin, TokenEndpoint: issuer + PathPATToken,
		CloudDomainURL: issuer, LogoutURL: issuer + pathLogout, Pod: "cambio",
	}))
}
