package api

import "golang.org/x/text/language"

// english is the default catalogue.
func english() catalogue {
	return catalogue{tag: language.AmericanEnglish, texts: map[key]string{
		messageBadRequest:  "The request was syntactically correct but its content is semantically invalid.",
		messageUpdate:      "The request tries an update that is not allowed.",
		messageForbidden:   "The server understood the request but refuses to authorize it.",
		messageNotFound:    "The server did not find a current representation for the target resource.",
		messageMethod:      "The target resource does not support the method of the request.",
		messageConflict:    "The request conflicts with the current state of the target resource.",
		messageTooLarge:    "The request body is larger than the server is willing to process.",
		messageMediaType:   "The server does not support the format of the request body.",
		messageFault:       "An internal fault occurred.",
		messageUnavailable: "The server cannot answer now. Nothing is known of what was asked for; try again.",

		causeBody:        "%s",
		causeBodyField:   "%[2]s: %[1]s",
		causeParameter:   "%s: is not a value of this parameter, or occurs more than once",
		causeQuery:       "the query string is malformed: separate parameters by & and percent-encode what is not a letter or digit",
		causeRange:       "%s: must be between %d and %d",
		causeReason:      "reason: must be compromised, unused or other",
		causeOwner:       "owner-id: must be me or an id of 32 lowercase hexadecimal characters",
		causeList:        "%s: at character %d: %s",
		causeField:       "%s: %s",
		causeNameTaken:   "name: the owner has another token of that name",
		causeLimit:       "the owner has as many usable tokens as the policy allows: revoke or delete one",
		causeNotActive:   "the token is not active",
		causeReactivate:  "the token cannot be reactivated",
		causeWider:       "a token made or changed by means of another must not be wider than that one in scope, expiry, level, audience or networks",
		causeScope:       "the credential does not cover the scope %s, which its owner has",
		causeRight:       "the owner of the credential lacks the right",
		causeTechnical:   "a technical user has no personal tokens",
		causeChanged:     "it changed in the meantime: read it again",
		causeOwnerGone:   "the owner does not exist any more",
		causeTwice:       "send one credential, in one place",
		causePatchPath:   "operation %d: only name, description, scope, expirationDate, userAwareTokenNeverExpires, allowedNetworks and audience can be changed",
		causePatchOp:     "operation %d: only add, replace, remove and test are allowed",
		causePatchValue:  "operation %d: value is missing",
		causePatchLength: "at most %d operations are allowed",
		causePatchApply:  "operation %d: the path does not exist, or does not fit the operation",
		causePatchTest:   "operation %d: the value is another",
		causeDirName:     "the name is taken",
		causeDirCycle:    "a group would contain itself",
		causeText:        "%s",
		causeTryAgain:    "try again in a moment",
		causeMediaType:   "Content-Type: must be %s",
		causeMaxBytes:    "the body must have at most %d bytes",
		causeCompressed:  "Content-Encoding: send the body uncompressed",
		causeUnknown:     "there is none of that id that you may see",
	}}
}
