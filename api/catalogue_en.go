package api

import "golang.org/x/text/language"

// english is the default catalogue.
func english() catalogue {
	return catalogue{tag: language.AmericanEnglish, texts: merge(englishMessages(), englishCauses(), englishTerms())}
}

// englishMessages say what happened.
func englishMessages() map[key]string {
	return map[key]string{
		messageBadRequest:   "The request was syntactically correct but its content is semantically invalid.",
		messageUpdate:       "The request tries an update that is not allowed.",
		messageForbidden:    "The server understood the request but refuses to authorize it.",
		messageNotFound:     "The server did not find a current representation for the target resource.",
		messageMethod:       "The target resource does not support the method of the request.",
		messageConflict:     "The request conflicts with the current state of the target resource.",
		messagePrecondition: "The target resource is not in the state that the request names.",
		messageTooLarge:     "The request body is larger than the server is willing to process.",
		messageMediaType:    "The server does not support the format of the request body.",
		messageFault:        "An internal fault occurred.",
		messageUnavailable:  "The server cannot answer now. Nothing is known of what was asked for; try again.",
	}
}

// englishCauses say what caused it, and what to do.
func englishCauses() map[key]string {
	return map[key]string{
		causeBody:          "%s",
		causeBodyField:     "%[2]s: %[1]s",
		causeTypeText:      "%s: must be a string",
		causeTypeList:      "%s: must be a list of strings",
		causeTypeTime:      "%s: must be an RFC 3339 time such as 2027-01-31T00:00:00.000Z",
		causeTypeSeconds:   "%s: must be a whole number of seconds",
		causeTypeFlag:      "%s: must be true or false",
		causeTypeNumber:    "%s: must be a whole number",
		causeTypeMembers:   "%s: must be a JSON object",
		causeTypeReason:    "%s: must be compromised, unused or other",
		causeTypeObject:    "the body must be a JSON object",
		causeTypePatch:     "the body must be a list of JSON Patch operations",
		causeParameter:     "%s: is not a value of this parameter, or occurs more than once",
		causeQuery:         "the query string is malformed: separate parameters by & and percent-encode what is not a letter or digit",
		causeQueryName:     "%s: the query parameter is unknown; those of this route are %s",
		causeQueryNone:     "%s: the query parameter is unknown; this route has none",
		causeRange:         "%s: must be between %d and %d",
		causeService:       "audience[%d]: the service is unknown: name a configured one exactly as it is configured, or the management API, %s",
		causeOwner:         "owner-id: must be me or an id of 32 lowercase hexadecimal characters",
		causeList:          "%s: at character %d: %s",
		causeField:         "%s: %s",
		causeNameTaken:     "name: the owner has another token of that name",
		causeLineage:       "tokens were made by means of one another too many times: make this one with an older token",
		causeLimit:         "the owner has as many tokens as are allowed: revoke one that is usable, or delete old ones",
		causeNotActive:     "the token is not active",
		causeEnded:         "the token is %s, which is final: create a new one",
		causeRevoked:       "the token is Revoked: have it reactivated first",
		causeExpired:       "the token is Expired: move its expirationDate into the future first",
		causeReactivate:    "the token cannot be reactivated",
		causeWider:         "a token made or changed by means of another must not be wider than that one in scope, expiry, level, audience or networks",
		causeWiderScope:    "scope: wider than %s: give only scopes that it covers, and openid, profile or credentials only if it has them by name",
		causeWiderEnd:      "expirationDate: wider than %s: give an expirationDate no later than its own",
		causeWiderLevel:    "level: wider than %s: give one that it reaches",
		causeWiderTarget:   "audience: wider than %s: give only services that it is meant for",
		causeWiderFrom:     "allowedNetworks: wider than %s: give only networks that lie within its own",
		causeWiderRotate:   "%s: wider than the token you act with, whose holder would get the new secret: rotate the token by means of itself, or of one as wide",
		causeParentEnded:   "the token you act with has ended meanwhile, or got a new secret",
		causeScope:         "the credential does not cover the scope %s, which its owner has",
		causeRight:         "the owner of the credential lacks the right %s",
		causeRole:          "the owner of the credential lacks the role %s",
		causeNotOwner:      "nobody but the owner of a token can change or rotate it, not even an administrator",
		causeTechnical:     "a technical user has no personal tokens",
		causeTechnicalLife: "a technical user is made, changed and deleted with its token",
		causeGive:          "it would give %s, which the caller neither holds nor may assign: have it done by who may",
		causeReplaced:      "while both secrets of a token work, it is changed and rotated by the new one, not by the old one or a JWT",
		causeProvisioner:   "SCIM takes an organization's token with adminRole",
		causeBuiltIn:       "the built-in administrator can be disabled or deleted by a platform_admin only",
		causeSelf:          "the caller would end themselves: have it done by somebody else",
		causeLastAdmin:     "nobody would administer the platform: give platform_admin to somebody else first",
		causeChanged:       "it changed in the meantime: read it again",
		causeOwnerGone:     "the owner does not exist any more",
		causeTwice:         "send one credential, in one place",
		causePatchPath:     "operation %d: only these can be changed: %s",
		causePatchOp:       "operation %d: only add, replace, remove and test are allowed",
		causePatchValue:    "operation %d: value is missing",
		causePatchLength:   "at most %d operations are allowed",
		causePatchApply:    "operation %d: the path does not exist, or does not fit the operation",
		causePatchTest:     "operation %d: the value is another",
		causeDirName:       "the name is taken",
		causeDirCycle:      "a group would contain itself",
		causeTooMany:       "the organization has as many groups or role assignments as are allowed: delete what is not needed",
		causeDirReserved:   "the name means something else: choose another",
		causeText:          "%s",
		causeTryAgain:      "try again in a moment",
		causeMediaType:     "Content-Type: must be %s",
		causeMaxBytes:      "the body must have at most %d bytes",
		causeCompressed:    "Content-Encoding: send the body uncompressed",
		causeNoRoute:       "there is no such route",
		causeUnknown:       "there is none of that id that you may see",
	}
}

// englishTerms fill causes.
func englishTerms() map[key]string {
	return map[key]string{
		termActing: "the token you act with",
		termMaker:  "the token that made it (createdByPat)",

		termMalformed: "the request body is malformed",
		termDuplicate: "a parameter occurs more than once",
		termUnknown:   "the field is unknown",
		termType:      "the field has a value of the wrong type",
	}
}
