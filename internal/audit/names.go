package audit

// Names returns the events there are, those of a kind together. It is what
// documentation and a shell's completion list.
func Names() []Name {
	return []Name{
		TokenCreated, TokenUpdated, TokenDeleted, TokenRevoked, TokenReactivated, TokenRotated, TokenExpired, TokenUsed, TokenUseFailed, TokenExpiring,
		AccessTokenRevoked,
		CredentialsIssued, CredentialsRevoked,
		IdentityCreated, IdentityUpdated, IdentityDeleted,
		GroupCreated, GroupUpdated, GroupDeleted,
		RoleAssigned, RoleUnassigned,
		PolicyUpdated,
		LoginRecorded, Login, LoginEnded,
		KeyCreated, KeyRevoked, KeyResealed,
		OrganizationCreated, OrganizationUpdated,
		WriterEnded, EventUnreadable,
	}
}
