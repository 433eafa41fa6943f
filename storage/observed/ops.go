package observed

// The operations, as an Observer and traces name them: the port and its method.
const (
	opPatsFind              = "pats.find"
	opPatsFindAll           = "pats.find_all"
	opPatsList              = "pats.list"
	opPatsScan              = "pats.scan"
	opPatsCount             = "pats.count"
	opPatsCreate            = "pats.create"
	opPatsReplace           = "pats.replace"
	opPatsRevoke            = "pats.revoke"
	opPatsDelete            = "pats.delete"
	opUsesUse               = "uses.use"
	opUsesTouch             = "uses.touch"
	opUsesLive              = "uses.live"
	opUsesRevokeJTI         = "uses.revoke_jti"
	opIdentitiesFind        = "identities.find"
	opIdentitiesFindAll     = "identities.find_all"
	opIdentitiesFindByLogin = "identities.find_by_login"
	opIdentitiesList        = "identities.list"
	opIdentitiesMembers     = "identities.members"
	opIdentitiesCreate      = "identities.create"
	opIdentitiesReplace     = "identities.replace"
	opIdentitiesDelete      = "identities.delete"
	opCatalogVersion        = "catalog.version"
	opCatalogLoad           = "catalog.load"
	opCatalogWrite          = "catalog.write"
	opKeysLoad              = "keys.load"
	opKeysSwap              = "keys.swap"
	opOutboxPending         = "outbox.pending"
	opOutboxDiscard         = "outbox.discard"
)

// Ops returns all of them.
func Ops() []string {
	return []string{
		opPatsFind, opPatsFindAll, opPatsList, opPatsScan, opPatsCount,
		opPatsCreate, opPatsReplace, opPatsRevoke, opPatsDelete, opUsesUse,
		opUsesTouch, opUsesLive, opUsesRevokeJTI, opIdentitiesFind, opIdentitiesFindAll,
		opIdentitiesFindByLogin, opIdentitiesList, opIdentitiesMembers, opIdentitiesCreate, opIdentitiesReplace,
		opIdentitiesDelete, opCatalogVersion, opCatalogLoad, opCatalogWrite, opKeysLoad,
		opKeysSwap, opOutboxPending, opOutboxDiscard,
	}
}
