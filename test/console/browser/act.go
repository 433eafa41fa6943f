package browser

import (
	"errors"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp/kb"
)

// Focus is an element as a screen reader tells it.
type Focus struct {
	Role string // such as button, link, textbox
	Name string
}

// String returns role and name, such as `button "Create token"`.
func (f Focus) String() string { return fmt.Sprintf("%s %q", f.Role, f.Name) }

// Click clicks with the mouse into the middle of the one element that has this
// accessible name and can be clicked, or else of the one that a CSS selector
// matches. It waits until the element is there and nothing covers it, and then until
// the page has settled.
func (p *Page) Click(target string) {
	p.tb.Helper()
	var x, y float64
	p.until("click "+target, func() error {
		element, err := p.find(target, clickables)
		if err != nil {
			return err
		}
		x, y, err = p.reach(element)
		return err
	})
	for _, event := range []input.DispatchMouseEventType{
		input.DispatchMouseEventTypeMouseMoved, input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased,
	} {
		params := input.DispatchMouseEventParams{Type: event, X: x, Y: y}
		if event != input.DispatchMouseEventTypeMouseMoved {
			params.Button, params.ClickCount = input.MouseButtonLeft, 1
		}
		must(p, input.DispatchMouseEvent, params)
	}
	p.settle()
}

// Fill types a value into the one field that has this label, in place of what it
// held: as key presses, so that the page sees each of them. In a select, it chooses
// the option with this text. Dates and times are set as their value, such as
// 2027-01-31.
func (p *Page) Fill(label, value string) {
	p.tb.Helper()
	var kind string
	p.until("fill "+label, func() error {
		element, err := p.find(label, fields)
		if err != nil {
			return err
		}
		if _, _, err := p.reach(element); err != nil {
			return err
		}
		return p.run(&kind, fillScript, element, value)
	})
	if kind == "typed" {
		if value == "" {
			p.press("Backspace")
		}
		p.Type(value)
	}
	p.settle()
}

// fillScript sets what no key press sets, and selects the content of everything
// else.
const fillScript = `(element, value) => {
	element.focus();
	if (element.matches(':disabled, [readonly]')) throw new Error('it is disabled or read-only');
	if (element.localName === 'select') {
		const options = [...element.options].filter(o => o.label.trim() === value && !o.disabled);
		if (options.length !== 1) throw new Error(options.length + ' options are called ' + value);
		options[0].selected = true;
	} else if (element.matches('[type=date], [type=time], [type=datetime-local], [type=month], [type=week], [type=color], [type=range]')) {
		element.value = value;
		if (element.value !== value) throw new Error('it does not take ' + value);
	} else {
		element.select ? element.select() : document.getSelection().selectAllChildren(element);
		return 'typed';
	}
	element.dispatchEvent(new Event('input', {bubbles: true}));
	element.dispatchEvent(new Event('change', {bubbles: true}));
	return 'set';
}`

// Value returns the value of the one field that has this label.
func (p *Page) Value(label string) string {
	p.tb.Helper()
	var value string
	p.until("look at "+label, func() error {
		element, err := p.find(label, fields)
		if err != nil {
			return err
		}
		return p.run(&value, `element => element.value ?? element.textContent`, element)
	})
	return value
}

// Type presses the keys of a text, wherever the focus is.
func (p *Page) Type(text string) {
	p.tb.Helper()
	for _, r := range text {
		p.strike(r, 0)
	}
}

// Press presses a key, such as Enter, Escape, ArrowDown or a, with the modifiers
// before it, such as Shift+Tab or Control+a, and waits until the page has settled.
func (p *Page) Press(key string) {
	p.tb.Helper()
	p.press(key)
	p.settle()
}

// Tab moves the focus to the next element, by the key.
func (p *Page) Tab() {
	p.tb.Helper()
	p.Press("Tab")
}

// keys are the keys that write no character, by their names in the DOM.
var keys = map[string]rune{
	"Enter": []rune(kb.Enter)[0], "Escape": []rune(kb.Escape)[0], "Tab": []rune(kb.Tab)[0], "Backspace": []rune(kb.Backspace)[0],
	"Delete": []rune(kb.Delete)[0], "Home": []rune(kb.Home)[0], "End": []rune(kb.End)[0],
	"PageUp": []rune(kb.PageUp)[0], "PageDown": []rune(kb.PageDown)[0], "Space": ' ',
	"ArrowDown": []rune(kb.ArrowDown)[0], "ArrowUp": []rune(kb.ArrowUp)[0],
	"ArrowLeft": []rune(kb.ArrowLeft)[0], "ArrowRight": []rune(kb.ArrowRight)[0],
}

var modifiers = map[string]kb.Modifier{"Shift": kb.ModifierShift, "Control": kb.ModifierCtrl, "Alt": kb.ModifierAlt, "Meta": kb.ModifierMeta}

func (p *Page) press(key string) {
	p.tb.Helper()
	names := strings.Split(key, "+")
	var held kb.Modifier
	for _, name := range names[:len(names)-1] {
		modifier, ok := modifiers[name]
		if !ok {
			p.tb.Fatalf("press %s: there is no modifier %s", key, name)
		}
		held |= modifier
	}
	last := names[len(names)-1]
	r, ok := keys[last]
	if runes := []rune(last); !ok && len(runes) == 1 {
		r, ok = runes[0], true
	}
	if !ok {
		p.tb.Fatalf("press %s: there is no such key", key)
	}
	p.strike(r, held)
}

// strike presses and releases a key. One that is held with Control writes nothing.
func (p *Page) strike(r rune, held kb.Modifier) {
	p.tb.Helper()
	for _, event := range kb.Encode(r) {
		event.Modifiers |= int64(held)
		if event.Type == kb.KeyChar && held&^kb.ModifierShift != 0 {
			continue
		}
		if held == kb.ModifierCtrl && event.Type == kb.KeyDown && r == 'a' {
			event.Commands = []string{"selectAll"} // which the window system would send
		}
		must(p, input.DispatchKeyEvent, *event)
	}
}

// Focused returns the element that has the focus; its role is RootWebArea where no
// element has it.
func (p *Page) Focused() Focus {
	p.tb.Helper()
	var focus Focus
	p.until("find the focus", func() error {
		element, err := p.handle(`() => { let e = document.activeElement; while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement; return !e || e === document.body ? document : e }`)
		if err != nil {
			return err
		}
		tree, err := call(p, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{ObjectID: element, FetchRelatives: new(false)})
		if err != nil {
			return err
		}
		if len(tree.Nodes) == 0 {
			return errors.New("it is on nothing that a screen reader can tell")
		}
		focus, err = describe(tree.Nodes[0])
		return err
	})
	return focus
}

// Text returns the text, as it is shown, of the one element that a CSS selector
// matches. It waits until there is one.
func (p *Page) Text(css string) string {
	p.tb.Helper()
	var text string
	p.until("read "+css, func() error {
		element, err := p.query(css)
		if err != nil {
			return err
		}
		return p.run(&text, `element => (element.innerText ?? element.textContent).trim()`, element)
	})
	return text
}

// Texts returns the texts of all elements that a CSS selector matches now.
func (p *Page) Texts(css string) []string {
	p.tb.Helper()
	var texts []string
	p.ask(&texts, `(scope, css) => [...(scope ? document.querySelector(scope) : document).querySelectorAll(css)].map(e => (e.innerText ?? e.textContent).trim())`, p.scope, css)
	return texts
}

// See waits until a text is shown.
func (p *Page) See(text string) {
	p.tb.Helper()
	p.until(fmt.Sprintf("see %q", text), func() error {
		if shown, err := p.shown(); err != nil || strings.Contains(shown, text) {
			return err
		} else {
			return fmt.Errorf("there is only:\n%s", shown)
		}
	})
}

// SeeNot waits until a text is not shown.
func (p *Page) SeeNot(text string) {
	p.tb.Helper()
	p.until(fmt.Sprintf("see no %q", text), func() error {
		if shown, err := p.shown(); err != nil || !strings.Contains(shown, text) {
			return err
		}
		return errors.New("it is shown")
	})
}

func (p *Page) shown() (text string, err error) {
	err = p.run(&text, `scope => (scope ? document.querySelector(scope) : document.body)?.innerText ?? ''`, p.scope)
	return text, err
}
