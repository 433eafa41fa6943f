package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// Eval evaluates a JavaScript expression among the page's own scripts and decodes
// its value, awaited, into result, which may be nil.
func (p *Page) Eval(expression string, result any) {
	p.tb.Helper()
	if err := p.eval(expression, result); err != nil {
		p.tb.Fatalf("evaluate %s: %v", expression, err)
	}
}

func (p *Page) eval(expression string, result any) error {
	answer, err := call(p, runtime.Evaluate, runtime.EvaluateParams{
		Expression: expression, ReturnByValue: new(true), AwaitPromise: new(true), AllowUnsafeEvalBlockedByCSP: new(false),
	})
	if err != nil {
		return err
	}
	return decode(answer.Result, answer.ExceptionDetails, result)
}

// WaitFor waits until a JavaScript expression is true.
func (p *Page) WaitFor(expression string) {
	p.tb.Helper()
	p.until("wait for "+expression, func() error {
		var holds bool
		if err := p.eval("!!("+expression+")", &holds); err != nil || holds {
			return err
		}
		return errors.New("it is false")
	})
}

// until tries until there is no error, and fails the test with the last one.
func (p *Page) until(what string, try func() error) {
	p.tb.Helper()
	var err error
	if !within(p.options.Patience, func() bool { err = try(); return err == nil }) {
		p.tb.Fatalf("%s: %v", what, err)
	}
}

// settle waits until the page has loaded, has no request of its scripts under way
// and no animation that will end.
func (p *Page) settle() {
	p.tb.Helper()
	var last string
	ok := within(limit, func() bool {
		if last = p.watch.busy(); last != "" {
			return false
		}
		var state string
		if err := p.run(&state, settleScript, p.options.NoScript); err != nil {
			last = err.Error()
			return false
		}
		// Meanwhile, the page may have begun something.
		if last = p.watch.busy(); last == "" {
			last = state
		}
		return last == ""
	})
	if !ok {
		p.tb.Fatalf("the page does not come to rest: %s", last)
	}
}

// settleScript says what the page is still doing. A frame later, what an input event
// began is under way.
const settleScript = `async (noScript) => {
	if (!noScript) await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
	if (document.readyState !== 'complete') return 'it is ' + document.readyState;
	const htmx = document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling');
	if (htmx) return 'htmx is at work on <' + htmx.localName + '>';
	const running = document.getAnimations().filter(a => a.playState === 'running' && a.effect?.getComputedTiming().endTime !== Infinity);
	if (running.length > 0) return running.length + ' animations run';
	if (document.fonts.status !== 'loaded') return 'fonts are loading';
	return '';
}`

// ask runs a function in the world of this package and decodes what it returns,
// awaited, into result. It tries again while the page changes.
func (p *Page) ask(result any, function string, args ...any) {
	p.tb.Helper()
	p.until("look at the page", func() error { return p.run(result, function, args...) })
}

// run is ask, once. An element is an argument by its handle.
func (p *Page) run(result any, function string, args ...any) error {
	arguments, err := encode(args)
	if err != nil {
		return err
	}
	execution, err := p.world()
	if err != nil {
		return err
	}
	answer, err := call(p, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
		FunctionDeclaration: function, ExecutionContextID: execution, Arguments: arguments,
		ReturnByValue: new(true), AwaitPromise: new(true),
	})
	if err != nil {
		return err
	}
	return decode(answer.Result, answer.ExceptionDetails, result)
}

// scripting lets scripts run where JavaScript is off, for those of this package: the
// page has loaded without its own. It returns what undoes that.
func (p *Page) scripting() (undo func()) {
	p.tb.Helper()
	if !p.options.NoScript {
		return func() {}
	}
	must(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: false})
	return func() {
		_, _ = call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}) // the page may have gone
	}
}

// handle runs a function that returns an object, such as an element, and returns
// what stands for it until the page changes; "" for null.
func (p *Page) handle(function string, args ...any) (runtime.RemoteObjectID, error) {
	arguments, err := encode(args)
	if err != nil {
		return "", err
	}
	execution, err := p.world()
	if err != nil {
		return "", err
	}
	answer, err := call(p, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
		FunctionDeclaration: function, ExecutionContextID: execution, Arguments: arguments, ObjectGroup: world,
	})
	if err != nil {
		return "", err
	}
	return answer.Result.ObjectID, decode(answer.Result, answer.ExceptionDetails, nil)
}

// world returns the execution context of this package in the current document.
func (p *Page) world() (runtime.ExecutionContextID, error) {
	made, err := call(p, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: p.watch.frame, WorldName: world})
	return made.ExecutionContextID, err
}

func encode(args []any) ([]*runtime.CallArgument, error) {
	arguments := make([]*runtime.CallArgument, len(args))
	for i, arg := range args {
		if id, ok := arg.(runtime.RemoteObjectID); ok {
			arguments[i] = &runtime.CallArgument{ObjectID: id}
			continue
		}
		text, err := json.Marshal(arg)
		if err != nil {
			return nil, fmt.Errorf("encode an argument: %w", err)
		}
		arguments[i] = &runtime.CallArgument{Value: text}
	}
	return arguments, nil
}

func decode(value *runtime.RemoteObject, thrown *runtime.ExceptionDetails, result any) error {
	if thrown != nil {
		return errors.New(exceptionText(thrown))
	}
	if result == nil || len(value.Value) == 0 {
		return nil
	}
	if err := json.Unmarshal(value.Value, result); err != nil {
		return fmt.Errorf("decode the answer of the page: %w", err)
	}
	return nil
}

// call runs a DevTools command, also while the test is cleaned up.
func call[P, R any](p *Page, command cdp.Command[P, R], params P) (R, error) {
	return callOn(p, p.target, command, params)
}

func callOn[P, R any](p *Page, session cdp.Session, command cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.tb.Context()), limit)
	defer cancel()
	result, err := cdp.Call(ctx, session, command, params)
	if err != nil {
		return result, fmt.Errorf("%s: %w", command.Method, err)
	}
	return result, nil
}

// must is call where failure is the test's.
func must[P, R any](p *Page, command cdp.Command[P, R], params P) R {
	p.tb.Helper()
	result, err := call(p, command, params)
	if err != nil {
		p.tb.Fatalf("%v", err)
	}
	return result
}

// unmarshal decodes a value of the accessibility tree.
func unmarshal(value []byte, result *string) error {
	if err := json.Unmarshal(value, result); err != nil {
		return fmt.Errorf("decode a name of the accessibility tree: %w", err)
	}
	return nil
}

// quote returns a text as a JavaScript literal.
func quote(text string) string {
	literal, _ := json.Marshal(text) // a string has always one
	return string(literal)
}
