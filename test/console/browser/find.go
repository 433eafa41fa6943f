package browser

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
)

// The roles (as Chromium names them) of what is clicked and of what is filled.
var (
	fields     = []string{"textbox", "searchbox", "combobox", "spinbutton", "slider", "listbox", "Date", "DateTime", "InputTime", "ColorWell"}
	clickables = append([]string{
		"button", "link", "checkbox", "radio", "switch", "tab", "option", "treeitem", "menuitem", "menuitemcheckbox", "menuitemradio",
		"DisclosureTriangle", "DisclosureTriangleGrouped", "PopUpButton", "ToggleButton",
	}, fields...)
)

// find returns the one element of certain roles that has this accessible name, or
// else the one that a CSS selector matches.
func (p *Page) find(target string, roles []string) (runtime.RemoteObjectID, error) {
	root, err := p.handle(`scope => scope ? document.querySelector(scope) : document`, p.scope)
	if err != nil {
		return "", err
	}
	if root == "" {
		return "", fmt.Errorf("there is no %s", p.scope)
	}
	tree, err := call(p, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{ObjectID: root, AccessibleName: target})
	if err != nil {
		return "", err
	}
	var found []string
	var id cdp.BackendNodeID
	for _, node := range tree.Nodes {
		focus, err := describe(node)
		if err != nil {
			return "", err
		}
		if !node.Ignored && slices.Contains(roles, focus.Role) {
			found, id = append(found, focus.Role), node.BackendDOMNodeID
		}
	}
	switch len(found) {
	case 0:
		return p.query(target)
	case 1:
		return p.resolveNode(id)
	default:
		return "", fmt.Errorf("%d elements are called so: %s", len(found), strings.Join(found, ", "))
	}
}

// query returns the one element that a CSS selector matches and that is shown.
func (p *Page) query(css string) (runtime.RemoteObjectID, error) {
	element, err := p.handle(`(scope, css) => {
		let found;
		try { found = [...(scope ? document.querySelector(scope) : document)?.querySelectorAll(css) ?? []] } catch { found = [] }
		const shown = found.filter(e => e.checkVisibility({visibilityProperty: true}));
		if (shown.length > 1) throw new Error(shown.length + ' elements match');
		return shown[0] ?? null;
	}`, p.scope, css)
	if err == nil && element == "" {
		return "", errors.New("no element that is shown is called so or matches")
	}
	return element, err
}

// resolveNode returns the handle, in the world of this package, of a node.
func (p *Page) resolveNode(id cdp.BackendNodeID) (runtime.RemoteObjectID, error) {
	execution, err := p.world()
	if err != nil {
		return "", err
	}
	node, err := call(p, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: id, ExecutionContextID: execution, ObjectGroup: world})
	if err != nil {
		return "", err
	}
	return node.Object.ObjectID, nil
}

// reach scrolls an element into view and returns the middle of its first box, unless
// it is disabled or something covers it.
func (p *Page) reach(element runtime.RemoteObjectID) (x, y float64, err error) {
	if _, err := call(p, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{ObjectID: element}); err != nil {
		return 0, 0, err
	}
	quads, err := call(p, dom.GetContentQuads, dom.GetContentQuadsParams{ObjectID: element})
	if err != nil {
		return 0, 0, err
	}
	if len(quads.Quads) == 0 || len(quads.Quads[0]) != 8 {
		return 0, 0, errors.New("it has no box")
	}
	quad := quads.Quads[0]
	x, y = (quad[0]+quad[4])/2, (quad[1]+quad[5])/2
	return x, y, p.run(nil, `(element, x, y) => {
		if (element.matches(':disabled, [aria-disabled=true]')) throw new Error('it is disabled');
		const hit = document.elementFromPoint(x, y);
		if (!hit) throw new Error('it is out of sight');
		if (element.contains(hit) || hit.contains(element) && hit.localName === 'label' || [...element.labels ?? []].some(l => l.contains(hit))) return;
		throw new Error('<' + hit.localName + ' class="' + hit.className + '"> covers it');
	}`, element, x, y)
}

func describe(node *accessibility.Node) (Focus, error) {
	var focus Focus
	for _, part := range []struct {
		value *accessibility.Value
		into  *string
	}{{node.Role, &focus.Role}, {node.Name, &focus.Name}} {
		if part.value == nil {
			continue
		}
		if err := unmarshal(part.value.Value, part.into); err != nil {
			return focus, err
		}
	}
	return focus, nil
}
