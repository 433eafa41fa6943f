package api

import (
	"golang.org/x/text/language"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/pat"
)

// german is the German catalogue.
func german() catalogue {
	return catalogue{tag: language.German, texts: merge(germanMessages(), germanCauses(), germanTerms(), germanRules())}
}

// germanMessages say what happened.
func germanMessages() map[key]string {
	return map[key]string{
		messageBadRequest:   "Die Anfrage ist syntaktisch korrekt, ihr Inhalt ist jedoch ungültig.",
		messageUpdate:       "Die Anfrage versucht eine Änderung, die nicht zulässig ist.",
		messageForbidden:    "Der Server hat die Anfrage verstanden, verweigert jedoch ihre Ausführung.",
		messageNotFound:     "Der Server hat die angefragte Ressource nicht gefunden.",
		messageMethod:       "Die angefragte Ressource unterstützt die Methode der Anfrage nicht.",
		messageConflict:     "Die Anfrage steht im Widerspruch zum aktuellen Zustand der Ressource.",
		messagePrecondition: "Die Ressource ist nicht in dem Zustand, den die Anfrage voraussetzt.",
		messageTooLarge:     "Der Inhalt der Anfrage ist größer, als der Server ihn verarbeitet.",
		messageMediaType:    "Der Server unterstützt das Format des Inhalts der Anfrage nicht.",
		messageFault:        "Ein interner Fehler ist aufgetreten.",
		messageUnavailable:  "Der Server kann derzeit nicht antworten. Über das Angefragte ist nichts bekannt; bitte erneut versuchen.",
	}
}

// germanCauses say what caused it, and what to do.
func germanCauses() map[key]string {
	return map[key]string{
		causeBody:          "%s",
		causeBodyField:     "%[2]s: %[1]s",
		causeTypeText:      "%s: muss eine Zeichenkette sein",
		causeTypeList:      "%s: muss eine Liste von Zeichenketten sein",
		causeTypeTime:      "%s: muss ein Zeitpunkt nach RFC 3339 sein, etwa 2027-01-31T00:00:00.000Z",
		causeTypeSeconds:   "%s: muss eine ganze Zahl von Sekunden sein",
		causeTypeFlag:      "%s: muss true oder false sein",
		causeTypeNumber:    "%s: muss eine ganze Zahl sein",
		causeTypeMembers:   "%s: muss ein JSON-Objekt sein",
		causeTypeReason:    "%s: muss compromised, unused oder other sein",
		causeTypeObject:    "Der Inhalt muss ein JSON-Objekt sein",
		causeTypePatch:     "Der Inhalt muss eine Liste von JSON-Patch-Operationen sein",
		causeParameter:     "%s: ist kein Wert dieses Parameters oder kommt mehrfach vor",
		causeQuery:         "Der Query-String ist fehlerhaft: Parameter sind durch & zu trennen und alle Zeichen außer Buchstaben und Ziffern zu prozentkodieren",
		causeQueryName:     "%s: der Query-Parameter ist unbekannt; diese Route kennt %s",
		causeQueryNone:     "%s: der Query-Parameter ist unbekannt; diese Route kennt keine",
		causeRange:         "%s: muss zwischen %d und %d liegen",
		causeService:       "audience[%d]: der Dienst ist unbekannt: zulässig sind konfigurierte Dienste, genau wie sie konfiguriert sind, und die Management-API, %s",
		causeOwner:         "owner-id: muss me oder eine ID aus 32 hexadezimalen Kleinbuchstaben und Ziffern sein",
		causeList:          "%s: bei Zeichen %d: %s",
		causeField:         "%s: %s",
		causeNameTaken:     "name: ein anderes Token dieses Besitzers heißt bereits so",
		causeLineage:       "Zu viele Tokens wurden nacheinander jeweils mit dem vorigen erstellt: dieses mit einem älteren Token erstellen",
		causeLimit:         "Der Besitzer hat so viele Tokens, wie zulässig sind: ein nutzbares widerrufen oder alte löschen",
		causeNotActive:     "Das Token ist nicht aktiv",
		causeEnded:         "Das Token ist %s, und das ist endgültig: ein neues erstellen",
		causeRevoked:       "Das Token ist Revoked: es muss zuerst reaktiviert werden",
		causeExpired:       "Das Token ist Expired: zuerst sein expirationDate in die Zukunft verschieben",
		causeReactivate:    "Das Token kann nicht reaktiviert werden",
		causeWider:         "Ein Token, das mit einem anderen erstellt oder geändert wird, darf in scope, Ablauf, level, audience und Netzen nicht weiter reichen als dieses",
		causeWiderScope:    "scope: reicht weiter als %s: nur Scopes angeben, die davon abgedeckt sind, und openid, profile oder credentials nur, wenn sie dort namentlich stehen",
		causeWiderEnd:      "expirationDate: reicht weiter als %s: kein späteres expirationDate als das dortige angeben",
		causeWiderLevel:    "level: reicht weiter als %s: einen Wert angeben, den es erreicht",
		causeWiderTarget:   "audience: reicht weiter als %s: nur Dienste angeben, für die es bestimmt ist",
		causeWiderFrom:     "allowedNetworks: reicht weiter als %s: nur Netze angeben, die in den dortigen liegen",
		causeWiderRotate:   "%s: reicht weiter als das Token dieser Anfrage, dessen Inhaber das neue Geheimnis bekäme: das Token mit sich selbst rotieren oder mit einem, das ebenso weit reicht",
		causeParentEnded:   "Das Token dieser Anfrage ist inzwischen beendet oder hat ein neues Geheimnis",
		causeScope:         "Die Zugangsdaten dieser Anfrage decken den Scope %s nicht ab, den ihr Besitzer hat",
		causeRight:         "Dem Besitzer der Zugangsdaten fehlt das Recht %s",
		causeRole:          "Dem Besitzer der Zugangsdaten fehlt die Rolle %s",
		causeNotOwner:      "Nur der Besitzer eines Tokens kann es ändern oder rotieren; auch ein Administrator kann es nicht",
		causeTechnical:     "Ein technischer Benutzer hat keine persönlichen Tokens",
		causeTechnicalLife: "Ein technischer Benutzer wird mit seinem Token erstellt, geändert und gelöscht",
		causeGive:          "Damit würde %s vergeben, das der Aufrufer weder hat noch vergeben darf: jemanden damit beauftragen, der es darf",
		causeReplaced:      "solange beide Geheimnisse eines Tokens gelten, wird es mit dem neuen geändert und rotiert, nicht mit dem alten oder einem JWT",
		causeProvisioner:   "SCIM verlangt ein Token einer Organisation mit adminRole",
		causeBuiltIn:       "Nur ein platform_admin kann den eingebauten Administrator deaktivieren oder löschen",
		causeSelf:          "Der Aufrufer würde sich selbst beenden: jemand anderen damit beauftragen",
		causeLastAdmin:     "Niemand würde mehr die Plattform verwalten: zuerst jemand anderem platform_admin geben",
		causeChanged:       "Der Stand hat sich inzwischen geändert: erneut lesen",
		causeOwnerGone:     "Der Besitzer existiert nicht mehr",
		causeTwice:         "Zugangsdaten nur einmal und nur an einer Stelle senden",
		causePatchPath:     "Operation %d: änderbar ist nur Folgendes: %s",
		causePatchOp:       "Operation %d: zulässig sind nur add, replace, remove und test",
		causePatchValue:    "Operation %d: value fehlt",
		causePatchLength:   "Höchstens %d Operationen sind zulässig",
		causePatchApply:    "Operation %d: den Pfad gibt es nicht, oder er passt nicht zur Operation",
		causePatchTest:     "Operation %d: der Wert ist ein anderer",
		causeDirName:       "Der Name ist vergeben",
		causeDirCycle:      "Eine Gruppe würde sich selbst enthalten",
		causeTooMany:       "die Organisation hat so viele Gruppen oder Rollenzuweisungen wie erlaubt: nicht Benötigtes löschen",
		causeDirReserved:   "Der Name bedeutet bereits etwas anderes: einen anderen wählen",
		causeText:          "%s",
		causeTryAgain:      "In einem Augenblick erneut versuchen",
		causeMediaType:     "Content-Type: muss %s sein",
		causeMaxBytes:      "Der Inhalt darf höchstens %d Bytes haben",
		causeCompressed:    "Content-Encoding: den Inhalt unkomprimiert senden",
		causeNoRoute:       "Diese Route gibt es nicht",
		causeUnknown:       "Unter dieser ID gibt es nichts, das eingesehen werden darf",
	}
}

// germanTerms fill causes.
func germanTerms() map[key]string {
	return map[key]string{
		termActing: "das Token dieser Anfrage",
		termMaker:  "das Token, mit dem es erstellt wurde (createdByPat)",

		termMalformed: "der Inhalt der Anfrage ist fehlerhaft",
		termDuplicate: "ein Parameter kommt mehrfach vor",
		termUnknown:   "das Feld ist unbekannt",
		termType:      "das Feld hat einen Wert vom falschen Typ",
	}
}

// germanRules say what a field breaks.
func germanRules() map[key]string {
	return map[key]string{
		ruleKey(pat.RuleLength):         "muss %d bis %d Zeichen haben",
		ruleKey(pat.RuleNotBlank):       "darf nicht nur aus Leerzeichen bestehen",
		ruleKey(pat.RuleUTF8):           "muss UTF-8 sein",
		ruleKey(pat.RuleMaxLength):      "darf höchstens %d Zeichen haben",
		ruleKey(pat.RuleCharacters):     "darf keine Steuer- oder Richtungszeichen enthalten",
		ruleKey(pat.RuleTrimmed):        "darf nicht mit Leerraum beginnen oder enden",
		ruleKey(pat.RuleVisible):        "darf keine unsichtbaren Zeichen enthalten",
		ruleKey(pat.RuleMaxEntries):     "darf höchstens %d Einträge haben",
		ruleKey(pat.RuleScopeEntry):     "jeder Eintrag muss aus 1 bis %d druckbaren ASCII-Zeichen ohne Leerzeichen, Anführungszeichen und Backslash bestehen",
		ruleKey(pat.RuleUnique):         "darf keinen Eintrag zweimal nennen",
		ruleKey(pat.RuleMaxTotal):       "darf insgesamt höchstens %d Zeichen haben",
		ruleKey(pat.RuleEntryBytes):     "jeder Eintrag muss 1 bis %d Bytes haben",
		ruleKey(pat.RuleNetwork):        "jeder Eintrag muss ein Netz sein, etwa 192.0.2.0/24 oder 2001:db8::/32",
		ruleKey(pat.RuleNetworkVersion): "ein IPv4-Netz darf nicht als IPv6 geschrieben sein",
		ruleKey(pat.RuleRange):          "muss zwischen %d und %d liegen",
		ruleKey(pat.RuleFuture):         "muss in der Zukunft liegen",
		ruleKey(pat.RuleMaxLifetime):    "muss innerhalb von %d Sekunden liegen, der längsten von der Organisation zugelassenen Lebensdauer",
		ruleKey(pat.RuleMustExpire):     "ist nötig: die Organisation lässt keine Tokens zu, die nie ablaufen",
		ruleKey(pat.RuleAcknowledged):   "muss true sein, wenn ein Token kein expirationDate hat",
		ruleKey(pat.RuleNoGrace):        "muss mit dem Grund compromised 0 sein oder fehlen: ein bekannt gewordenes Geheimnis bekommt keine Frist",
		ruleKey(pat.RuleNotNull):        "darf nicht null sein",

		ruleKey(directory.RuleName):         "muss 1 bis %d Zeichen haben und darf nicht nur aus Leerzeichen bestehen",
		ruleKey(directory.RuleEmail):        "muss eine Adresse sein, etwa name@example.com",
		ruleKey(directory.RuleNeededWith):   "ist zusammen mit %s nötig",
		ruleKey(directory.RuleIssuer):       "muss eine https-URL ohne Query und Fragment sein, oder eine http-URL auf dem eigenen Rechner",
		ruleKey(directory.RuleOneOfTwo):     "muss %s oder %s sein",
		ruleKey(directory.RuleNotAbove):     "darf nicht größer sein als %s",
		ruleKey(directory.RuleUnknown):      "in der Organisation gibt es nichts mit dieser Id",
		ruleKey(directory.RuleRoleOrRights): "entweder eine Rolle oder Rechte angeben",
		ruleKey(directory.RuleRight):        "jeder Eintrag muss eines der Rechte sein, etwa cambio:introspect",
		ruleKey(directory.RuleRole):         "muss eine der Rollen sein",
		ruleKey(directory.RuleRoleScope):    "muss für diese Rolle oder diese Rechte %s sein",
		ruleKey(directory.RulePlatformID):   "muss auf der Plattform fehlen",
		ruleKey(directory.RuleGroupID):      "muss die Id einer Gruppe sein",
		ruleKey(directory.RuleOwnAddress):   "muss %s enthalten, woher die Anfrage kommt: sonst ließe es sich nicht zurücknehmen",
		ruleKey(directory.RuleOwnToken):     "würde das verwendete Token sofort beenden: es ließe sich nicht zurücknehmen",
		ruleKey(directory.RuleOwnIdentity):  "würde zu sofortiger Inaktivität der eigenen Identität führen: es ließe sich nicht zurücknehmen; zuerst einen Login vermerken lassen",
		ruleKey(directory.RuleNotFuture):    "darf nicht in der Zukunft liegen",
		ruleKey(directory.RuleFileVersion):  "muss %d sein",
		ruleKey(directory.RuleRepeated):     "steht zweimal in der Datei",
		ruleKey(directory.RuleUnknownName):  "in der Datei und in der Organisation gibt es nichts mit diesem Namen",
		ruleKey(directory.RuleSubject):      "es kann nur eine Organisation geben, solange Access-Token ihren Eigentümer mit %s benennen, was in zweien gleich sein kann: token.subject in den Einstellungen des Servers auf id setzen",

		fixKey(query.FixAnd):         `Vergleiche mit "and" verbinden; "or", "not" und Klammern darum gibt es nicht`,
		fixKey(query.FixComparisons): `höchstens %d Vergleiche verwenden`,
		fixKey(query.FixBytes):       `höchstens %d Bytes verwenden`,
		fixKey(query.FixText):        `UTF-8 ohne Steuerzeichen verwenden`,
		fixKey(query.FixField):       `mit einem der Felder %s beginnen`,
		fixKey(query.FixOperator):    `%s mit einem von %s vergleichen`,
		fixKey(query.FixList):        `die Werte von in als ("a", "b") schreiben`,
		fixKey(query.FixValues):      `höchstens %d Werte verwenden`,
		fixKey(query.FixNext):        `mit "," und einem weiteren Wert fortfahren oder die Werte mit ")" beenden`,
		fixKey(query.FixFlag):        `%s mit true oder false vergleichen`,
		fixKey(query.FixChoice):      `%s ist eines von %s`,
		fixKey(query.FixTime):        `eine Zeit nach RFC 3339 schreiben, etwa 2017-07-11T18:45:37.098Z`,
		fixKey(query.FixQuotes):      `den Wert in doppelte Anführungszeichen setzen`,
		fixKey(query.FixEscape):      `einen Backslash als \\ und ein Anführungszeichen als \" schreiben`,
		fixKey(query.FixEnd):         `den Wert mit einem doppelten Anführungszeichen beenden`,
		fixKey(query.FixSorter):      `nach einem von %s sortieren; ein - davor kehrt die Reihenfolge um`,
		fixKey(query.FixOnce):        `jedes Feld nur einmal nennen`,
	}
}
