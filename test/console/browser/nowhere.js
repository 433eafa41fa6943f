// Returns where in the page, or in what its scripts can read, a secret is.
async (secret, addresses) => {
	const found = new Set();
	const look = (place, value) => {
		let text = value;
		if (typeof value !== 'string') try { text = JSON.stringify(value) } catch { text = String(value) }
		if (text?.includes(secret)) found.add(place);
	};
	const walk = node => {
		if (node.nodeType === Node.TEXT_NODE || node.nodeType === Node.COMMENT_NODE) look('the document: <' + node.parentElement?.localName + '>', node.data);
		for (const a of node.attributes ?? []) look('the attribute ' + a.name + ' of <' + node.localName + '>', a.value);
		if ('value' in node && typeof node.value === 'string') look('the value of <' + node.localName + '>', node.value);
		if (node.shadowRoot) walk(node.shadowRoot);
		if (node.localName === 'template') walk(node.content);
		node.childNodes.forEach(walk);
	};
	walk(document);
	// What is broken up by elements is still read as one.
	look('the text of the document', document.documentElement.textContent);
	look('the address', location.href);
	look('the referrer', document.referrer);
	look('the name of the window', window.name);
	look('the state of the history', history.state);
	for (const [name, storage] of [['localStorage', () => localStorage], ['sessionStorage', () => sessionStorage]]) {
		try { for (const [key, value] of Object.entries(storage())) look(name + ', ' + key, key + ' ' + value) } catch { /* there is none here */ }
	}

	const done = request => new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
	try {
		for (const {name} of await indexedDB.databases()) {
			const db = await done(indexedDB.open(name));
			for (const store of db.objectStoreNames) {
				const rows = db.transaction(store).objectStore(store);
				look('IndexedDB, ' + name + '/' + store, [await done(rows.getAllKeys()), await done(db.transaction(store).objectStore(store).getAll())]);
			}
			db.close();
		}
	} catch { /* there is none here */ }
	try {
		for (const name of await caches.keys()) {
			const cache = await caches.open(name);
			for (const request of await cache.keys()) {
				look('the cache ' + name, request.url);
				look('the cache ' + name + ': ' + request.url, await (await cache.match(request)).text());
			}
		}
	} catch { /* there is none here */ }
	for (const address of addresses) {
		try {
			const answer = await fetch(address, {cache: 'only-if-cached', mode: 'same-origin', redirect: 'manual'});
			look('the HTTP cache: ' + address, await answer.text());
		} catch { /* it is not in the cache */ }
	}
	return [...found];
}
