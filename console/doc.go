// Package console is the web console, a door for people with a browser: pages made
// on the server that show what the use cases answer, and forms that call them.
//
//	request ─▶ session ─▶ manage.Resume ─▶ a page's handler ─▶ manage ─▶ ui.View ─▶ HTML
//	           cookie       who acts         reads the form      rights     escapes
//
// Reading works without script. What changes something is a POST of a form from a
// page of the console itself; it is answered with 303 to a page that says what was
// done. A page that asks before it acts lies at an address of its own, and the script
// opens it in a dialog. Nobody is shown a way to what they may not do; at its address
// they get 403.
//
// The package refuses to know storage, tokens' secrets beyond the one page that
// shows a new one, and any rule of the domain.
package console
