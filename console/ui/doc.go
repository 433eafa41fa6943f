// Package ui is how pages of the console look and speak: templates, components,
// texts in several languages, times in the reader's zone, pictures, and the one
// style sheet and script.
//
//	a page's data ─▶ View ─▶ page template in layout.html ─▶ HTML
//	                  │ T, Time, Sort, Pager, Bars: components of templates/parts.html
//	                  └ texts/*.json, the language and zone of the request
//
// Every value reaches HTML through html/template. It refuses to know what a token, a
// role or a session is: pages tell it texts, states and addresses.
package ui
