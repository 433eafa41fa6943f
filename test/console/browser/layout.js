// Returns what is wrong with the layout of the document, a sentence each.
async () => {
	const problems = [];
	const root = document.scrollingElement ?? document.documentElement;
	const viewport = root.clientWidth;
	const slack = 1; // layout is in fractions of a pixel

	const describe = e => {
		const text = (e.getAttribute('aria-label') ?? e.textContent ?? '').trim().replace(/\s+/g, ' ').slice(0, 40);
		return '<' + e.localName + (e.id ? ' id="' + e.id + '"' : '') + (e.className && typeof e.className === 'string' ? ' class="' + e.className + '"' : '') + '>' + (text ? ' "' + text + '"' : '');
	};
	const px = n => Math.round(n * 10) / 10;
	const shown = e => e.checkVisibility({visibilityProperty: true, opacityProperty: true, contentVisibilityAuto: true});
	const style = e => getComputedStyle(e);

	// The ancestors that clip an element: its containing blocks, not all its parents.
	const clippers = e => {
		const chain = [];
		let position = style(e).position;
		for (let a = e.parentElement; a; a = a.parentElement) {
			const s = style(a);
			if (position === 'fixed') break;
			if (position === 'absolute' && s.position === 'static' && s.transform === 'none') continue;
			chain.push(a);
			position = s.position;
		}
		return chain;
	};
	const cuts = value => value === 'hidden' || value === 'clip';
	const scrolls = value => value === 'auto' || value === 'scroll';
	// Text for screen readers only is one pixel, or clipped away, on purpose.
	const unseen = e => {
		for (let a = e; a; a = a.parentElement) {
			const s = style(a), box = a.getBoundingClientRect();
			if (box.width <= 1 && box.height <= 1 && s.overflow !== 'visible') return true;
			if (s.clip !== 'auto' && s.position === 'absolute' && /^rect\((0|1px)/.test(s.clip)) return true;
			if (/^inset\((50|100)%/.test(s.clipPath)) return true;
		}
		return false;
	};
	const modal = [...document.querySelectorAll('dialog:modal')].at(-1);
	const all = [...(modal ?? document).querySelectorAll('*')].filter(e => e.namespaceURI === 'http://www.w3.org/1999/xhtml' && shown(e));

	// 1. The document scrolls sideways.
	if (root.scrollWidth > viewport + slack) {
		const culprits = all.filter(e => e.getBoundingClientRect().right + scrollX > viewport + slack
			&& !clippers(e).some(a => a !== root && a !== document.body && style(a).overflowX !== 'visible'));
		problems.push('the document scrolls sideways: it is ' + root.scrollWidth + ' px wide in ' + viewport + ' px, because of '
			+ culprits.slice(-3).map(describe).join(', '));
	}

	// 2. Text is cut off.
	const texts = document.createTreeWalker(modal ?? document.body, NodeFilter.SHOW_TEXT);
	const cut = new Map();
	for (let node = texts.nextNode(); node; node = texts.nextNode()) {
		const parent = node.parentElement;
		if (!node.data.trim() || !parent || /^(script|style|template|noscript|title|option|textarea)$/.test(parent.localName) || !shown(parent)) continue;
		const range = document.createRange();
		range.selectNodeContents(node);
		const boxes = [...range.getClientRects()].filter(b => b.width > 0 && b.height > 0);
		if (boxes.length === 0 || unseen(parent)) continue;
		let x = true, y = true, inner = {left: 0, right: 0};
		for (const a of [parent, ...clippers(parent)]) {
			const s = style(a);
			if (a === root || a === document.body) break;
			const box = a.getBoundingClientRect();
			const left = box.left + a.clientLeft, right = left + a.clientWidth, top = box.top + a.clientTop, bottom = top + a.clientHeight;
			const ellipsis = s.textOverflow !== 'clip', clamped = s.webkitLineClamp !== 'none';
			if (s.display === 'inline') continue; // overflow does not apply to it
			for (const b of boxes) {
				// The box of a line is higher than its letters.
				const high = Math.max(2, b.height / 5);
				if (x && cuts(s.overflowX) && !ellipsis && !clamped && (b.right > right + slack || b.left < left - slack)) {
					cut.set(a, describe(a) + ' cuts off ' + px(Math.max(b.right - right, left - b.left)) + ' px of the width of "' + node.data.trim().slice(0, 40) + '"');
				}
				if (y && cuts(s.overflowY) && !clamped && (b.bottom > bottom + high || b.top < top - high)) {
					cut.set(a, describe(a) + ' cuts off ' + px(Math.max(b.bottom - bottom, top - b.top)) + ' px of the height of "' + node.data.trim().slice(0, 40) + '"');
				}
			}
			if (scrolls(s.overflowX) || ellipsis && cuts(s.overflowX)) x = false;
			if (scrolls(s.overflowY) || clamped) y = false;
			if (s.position === 'fixed') break;
		}
		// Nobody can scroll to the left of the page.
		for (const b of boxes) {
			if (x && b.left + scrollX < -slack && b.right + scrollX > 0) cut.set(parent, describe(parent) + ' is cut off by the left edge of the page');
		}
	}
	problems.push(...cut.values());

	// 3. What can be clicked.
	const clickable = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=link], [role=tab], [role=menuitem], '
		+ '[role=checkbox], [role=radio], [role=switch], [role=option], [tabindex]:not([tabindex^="-"])';
	const targets = all.filter(e => e.matches(clickable) && !e.matches(':disabled') && !e.closest('[inert]') && !unseen(e));
	// The layer in which an element is: what is meant to cover the others.
	const layer = e => {
		for (let a = e; a; a = a.parentElement) {
			const s = style(a);
			if (a.matches('dialog, :popover-open') || s.position === 'fixed' || s.position === 'sticky' || s.position === 'absolute' && s.zIndex !== 'auto') return a;
		}
		return null;
	};
	// A region that scrolls takes the focus, but is no target.
	const region = e => e.matches('[tabindex]') && !e.matches('a, button, input, select, textarea, summary, [role]') || e.matches('[role=region], [role=group], [role=tabpanel]');
	const clipped = (e, b) => {
		let {left, right, top, bottom} = b;
		for (const a of clippers(e)) {
			const s = style(a);
			if (a === root || a === document.body || s.overflow === 'visible') continue;
			const box = a.getBoundingClientRect();
			left = Math.max(left, box.left); right = Math.min(right, box.right); top = Math.max(top, box.top); bottom = Math.min(bottom, box.bottom);
		}
		return {left, right, top, bottom};
	};
	const areas = targets.filter(e => !region(e)).map(e => ({e, layer: layer(e), boxes: [...e.getClientRects()].map(b => clipped(e, b))}));
	for (let i = 0; i < areas.length; i++) {
		for (let j = i + 1; j < areas.length; j++) {
			const a = areas[i], b = areas[j];
			if (a.layer !== b.layer || a.e.contains(b.e) || b.e.contains(a.e)) continue;
			const overlap = a.boxes.some(p => b.boxes.some(q =>
				Math.min(p.right, q.right) - Math.max(p.left, q.left) > slack && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > slack));
			if (overlap) problems.push(describe(a.e) + ' and ' + describe(b.e) + ' overlap');
		}
	}

	// 4. Targets are large enough.
	const least = 24;
	const inSentence = e => {
		if (!e.matches('a[href]') || style(e).display !== 'inline') return false;
		let block = e.parentElement;
		while (block && style(block).display === 'inline') block = block.parentElement;
		const copy = block.cloneNode(true);
		copy.querySelectorAll('a, button').forEach(l => l.remove());
		return /\p{L}{2}/u.test(copy.textContent);
	};
	for (const {e} of areas) {
		let {left, right, top, bottom} = e.getBoundingClientRect();
		// What is inside is a part of it, and so is the label of a field.
		for (const part of [...e.querySelectorAll('*'), ...(e.matches('[type=checkbox], [type=radio]') ? e.labels ?? [] : [])]) {
			const b = part.getBoundingClientRect();
			if (b.width === 0 || b.height === 0 || !shown(part) || style(part).position === 'absolute') continue;
			left = Math.min(left, b.left); right = Math.max(right, b.right); top = Math.min(top, b.top); bottom = Math.max(bottom, b.bottom);
		}
		const width = right - left, height = bottom - top;
		if ((width < least - 0.1 || height < least - 0.1) && !inSentence(e)) {
			problems.push(describe(e) + ' is a target of ' + px(width) + ' × ' + px(height) + ' px, less than ' + least + ' × ' + least);
		}
	}

	// 5. What takes the focus can be seen.
	const beside = e => {
		const b = e.getBoundingClientRect();
		return b.right > viewport + slack || b.left < -slack;
	};
	for (const e of targets.filter(beside)) {
		if (clippers(e).some(a => a !== root && scrolls(style(a).overflowX))) continue;
		const before = document.activeElement;
		e.focus({preventScroll: true});
		if (beside(e)) problems.push(describe(e) + ' takes the focus beside the viewport');
		if (before && before !== document.body) before.focus({preventScroll: true}); else e.blur();
	}

	// 6. Nothing moved.
	const shifts = [];
	const observer = new PerformanceObserver(list => shifts.push(...list.getEntries()));
	observer.observe({type: 'layout-shift', buffered: true});
	await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
	shifts.push(...observer.takeRecords());
	observer.disconnect();
	const moved = shifts.filter(s => !s.hadRecentInput);
	const sum = moved.reduce((n, s) => n + s.value, 0);
	if (sum >= 0.01) {
		const nodes = new Set(moved.flatMap(s => s.sources).map(s => s.node).filter(n => n?.nodeType === 1).map(describe));
		problems.push('the layout shifted by ' + sum.toFixed(3) + ': ' + [...nodes].slice(0, 5).join(', ') + ' moved');
	}
	return problems;
}
