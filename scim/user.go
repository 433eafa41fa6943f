package scim

import (
	"strings"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/scim/filter"
)

const schemaUser = "urn:ietf:params:scim:schemas:core:2.0:User" // RFC 7643 §4.1

// unkept reports whether an attribute of the core schema is one of which nothing is
// kept. Identity providers send them all.
func unkept(name string) bool {
	switch name {
	case "nickname", "profileurl", "title", "usertype", "preferredlanguage", "locale", "timezone", "password", "phonenumbers", "ims",
		"photos", "addresses", "entitlements", "roles", "x509certificates":
		return true
	default:
		return false
	}
}

// userDraft is an identity as a request changes it.
type userDraft struct {
	*directory.Identity

	displayed bool // displayName was given: then name does not make it
}

// changeUser applies operations to an identity, in order. Where one fails the identity
// is not to be used.
func changeUser(identity *directory.Identity, operations []operation) error {
	draft := userDraft{Identity: identity}
	for i := range operations {
		if err := draft.apply(&operations[i]); err != nil {
			return err
		}
	}
	if strings.TrimSpace(identity.Username) == "" {
		return wrong(invalidValue, "userName is needed")
	}
	return nil
}

// replaceUser makes an identity what an object says, and nothing else. One that does
// not say whether it is active stays as it is: nobody is enabled by an omission.
func replaceUser(identity *directory.Identity, with object) error {
	identity.Username, identity.DisplayName, identity.Email, identity.ExternalID = "", "", "", ""
	return changeUser(identity, with.operations(replace))
}

func (d *userDraft) apply(o *operation) error {
	switch name := o.name(schemaUser); name {
	case "username":
		return d.setUsername(o)
	case "active":
		return d.setActive(o)
	case "displayname":
		err := set(&d.DisplayName, "displayName", o)
		d.displayed = d.DisplayName != ""
		return err
	case "externalid":
		return set(&d.ExternalID, "externalId", o)
	case "name":
		return d.setName(o)
	case "emails":
		return d.setEmails(o)
	case "id", "meta", "groups", "schemas":
		return o.readOnly()
	default:
		if name == "" || o.listed || unkept(name) {
			return nil
		}
		return wrong(invalidPath, "there is no such attribute of a User")
	}
}

// readOnly refuses an operation, unless it only repeats what is read.
func (o *operation) readOnly() error {
	if o.listed {
		return nil
	}
	return wrong(mutability, "%s is read-only", strings.ToLower(o.target.Path.Name))
}

// set changes a text; without one it is empty.
func set(to *string, name string, o *operation) error {
	if o.target.Where != nil || o.sub() != "" {
		return wrong(invalidPath, "%s has no parts", name)
	}
	if o.verb == remove {
		*to = ""
		return nil
	}
	given, err := text(name, o.value)
	if err == nil {
		*to = given
	}
	return err
}

func (d *userDraft) setUsername(o *operation) error {
	if o.verb == remove {
		return wrong(mutability, "userName is needed")
	}
	return set(&d.Username, "userName", o)
}

func (d *userDraft) setActive(o *operation) error {
	switch {
	case o.target.Where != nil || o.sub() != "":
		return wrong(invalidPath, "active has no parts")
	case o.verb == remove:
		return wrong(mutability, "active is true or false")
	case o.value == nil && o.listed:
		return nil
	}
	given, err := flag("active", o.value)
	if err == nil {
		d.Enabled = given
	}
	return err
}

// setName takes the display name from a formatted name where it is not given, and from
// other parts of a name where there is none yet.
func (d *userDraft) setName(o *operation) error {
	var formatted string
	var err error
	switch {
	case o.target.Where != nil:
		return wrong(invalidPath, "name has no values to choose from")
	case o.sub() == "formatted" && o.verb != remove:
		formatted, err = text("name.formatted", o.value)
	case o.sub() == "" && o.verb != remove:
		formatted, err = d.formattedName(o.value)
	case o.sub() == "" || o.sub() == "formatted":
	default:
		return nil // parts are not kept
	}
	if err == nil && !d.displayed && (formatted != "" || o.verb == remove) {
		d.DisplayName = formatted
	}
	return err
}

// formattedName is the formatted name, or else the given name and the family name.
func (d *userDraft) formattedName(value any) (string, error) {
	if value == nil {
		return "", nil
	}
	parts, ok := value.(object)
	if !ok {
		return "", wrong(invalidValue, "name must be an object")
	}
	formatted, err := text("name.formatted", parts["formatted"])
	if err != nil || formatted != "" || d.DisplayName != "" {
		return formatted, err
	}
	given, err := text("name.givenName", parts["givenname"])
	if err != nil {
		return "", err
	}
	family, err := text("name.familyName", parts["familyname"])
	return strings.TrimSpace(given + " " + family), err
}

// setEmails keeps one address.
func (d *userDraft) setEmails(o *operation) error {
	switch sub := o.sub(); {
	case o.target.Where != nil:
		return d.setChosenEmail(o)
	case sub == "value":
		whole := operation{verb: o.verb, target: &filter.Target{}, value: o.value}
		return set(&d.Email, "emails.value", &whole)
	case sub != "":
		return nil // of an address nothing else is kept
	case o.verb == remove:
		d.Email = ""
		return nil
	}
	listed, err := objects("emails", o.value)
	if err != nil {
		return err
	}
	chosen, primary, err := chooseEmail(listed)
	if err == nil && (o.verb == replace || d.Email == "" || primary) {
		d.Email = chosen
	}
	return err
}

// chooseEmail returns the primary address, or else the first for work, or else the
// first.
func chooseEmail(listed []object) (chosen string, primary bool, err error) {
	best := unranked
	for _, one := range listed {
		address, err := text("emails.value", one["value"])
		if err != nil {
			return "", false, err
		}
		rank, err := rankEmail(one)
		if err != nil {
			return "", false, err
		}
		if address != "" && rank > best {
			chosen, best = address, rank
		}
	}
	return chosen, best == rankPrimary, nil
}

// How gladly an address is kept.
const (
	unranked = iota
	rankAny
	rankWork
	rankPrimary
)

func rankEmail(one object) (int, error) {
	if one["primary"] != nil {
		if primary, err := flag("emails.primary", one["primary"]); err != nil || primary {
			return rankPrimary, err
		}
	}
	of, err := text("emails.type", one["type"])
	if strings.EqualFold(of, emailType) {
		return rankWork, err
	}
	return rankAny, err
}

// emailType is what the one address that is kept is said to be for.
const emailType = "work"

// setChosenEmail changes the address if it is among those that a filter chooses.
func (d *userDraft) setChosenEmail(o *operation) error {
	among, err := users().condition(o.target.Where, "emails.")
	if err != nil {
		return err
	}
	if sub := o.sub(); sub != "" && sub != "value" {
		return nil // of an address nothing else is kept
	}
	address := ""
	if o.verb != remove {
		given := o.value
		if one, ok := given.(object); ok && o.sub() == "" {
			given = one["value"]
		}
		if address, err = text("emails.value", given); err != nil {
			return err
		}
	}
	have := *d.Identity
	if have.Email == "" {
		have.Email = address // which is made by this
	}
	switch {
	case among(&have):
		d.Email = address
	case o.verb == replace:
		return wrong(noTarget, "there is no such address: one is kept, of type %s", emailType)
	}
	return nil
}
