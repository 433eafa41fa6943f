// What the console's pages do besides being read. Without it every page can be
// read, and every form sent.
"use strict";
(() => {
  // The server writes times in the browser's zone, which only the browser knows.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `cambio_zone=${encodeURIComponent(zone)};path=/console;max-age=31536000;samesite=lax`;

  const dialog = document.getElementById("dialog");

  // A link to a page that asks before it acts opens that page in a dialog.
  async function openDialog(link) {
    let text;
    try {
      const answer = await fetch(link.href, {headers: {Accept: "text/html"}});
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      text = await answer.text();
    } catch {
      location.assign(link.href);
      return;
    }
    const page = new DOMParser().parseFromString(text, "text/html").querySelector("[data-ask]");
    if (!page) {
      location.assign(link.href);
      return;
    }
    const heading = page.querySelector("h1");
    if (heading) heading.id = "dialog-title";
    dialog.replaceChildren(...page.childNodes);
    enhance(dialog);
    dialog.showModal();
    (dialog.querySelector("[autofocus]") || dialog.querySelector("input:not([type=hidden]),select,textarea,button"))?.focus();
    dialog.addEventListener("close", () => { dialog.replaceChildren(); link.focus(); }, {once: true});
  }

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const ask = target.closest("a[data-dialog]");
    if (ask) {
      event.preventDefault();
      openDialog(ask);
      return;
    }
    if (dialog.open && (target === dialog || target.closest("a[data-cancel]"))) {
      event.preventDefault();
      dialog.close();
      return;
    }
    const copy = target.closest("[data-copy]");
    if (copy) copyText(copy);
    for (const open of document.querySelectorAll("details.menu-fold[open]")) if (!open.contains(target)) open.open = false;
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details.menu-fold[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });

  async function copyText(button) {
    const source = document.getElementById(button.dataset.copy);
    const label = button.querySelector("[aria-live]");
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
    } catch {
      getSelection().selectAllChildren(source); // to be copied by hand
      return;
    }
    const before = label.dataset.before ?? label.textContent;
    label.dataset.before = before;
    label.textContent = button.dataset.copied;
    setTimeout(() => { label.textContent = before; }, 2000);
  }

  // Panels one of which is shown at a time (WAI-ARIA tabs pattern).
  function makeTabs(root) {
    const panels = [...root.querySelectorAll(":scope > section")];
    const list = root.querySelector("[role=tablist]");
    const tabs = [...list.children];
    tabs.forEach((tab, i) => {
      panels[i].setAttribute("role", "tabpanel");
      panels[i].setAttribute("aria-labelledby", tab.id);
      tab.addEventListener("click", () => show(i));
    });
    const show = (chosen) => panels.forEach((panel, i) => {
      panel.hidden = i !== chosen;
      tabs[i].setAttribute("aria-selected", String(i === chosen));
      tabs[i].tabIndex = i === chosen ? 0 : -1;
    });
    list.addEventListener("keydown", (event) => {
      const at = tabs.indexOf(document.activeElement);
      const to = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1}[event.key];
      if (at < 0 || to === undefined) return;
      event.preventDefault();
      const next = (to + tabs.length) % tabs.length;
      show(next);
      tabs[next].focus();
    });
    show(0);
    root.dataset.ready = "";
  }

  // The page of a secret: it is shown once, so it is not left by accident, and
  // nothing of it stays behind.
  function guardSecret(panel) {
    const saved = panel.querySelector("[data-saved]");
    const done = panel.querySelector("[data-done]");
    const warning = panel.querySelector("[data-warning]");
    const guarded = () => !saved.checked;
    const refuse = () => {
      warning.hidden = false;
      saved.focus();
    };
    const sync = () => {
      done.setAttribute("aria-disabled", String(guarded()));
      if (!guarded()) warning.hidden = true;
    };
    saved.addEventListener("change", sync);
    sync();
    document.addEventListener("click", (event) => {
      const link = event.target instanceof Element && event.target.closest("a[href],button[type=submit]");
      if (!link || !guarded() || link.getAttribute("href")?.startsWith("#")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      refuse();
    }, true);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && guarded()) {
        event.preventDefault();
        refuse();
      }
    });
    addEventListener("beforeunload", (event) => {
      if (guarded()) event.preventDefault();
    });
    addEventListener("pagehide", () => { for (const secret of panel.querySelectorAll("[data-secret]")) secret.remove(); });
  }

  // The form of a token tells when it would expire.
  function tellExpiry(form) {
    const out = form.querySelector("[data-expires]");
    const custom = form.querySelector("[name=customDate]");
    const tell = () => {
      const chosen = form.querySelector("[name=expires]:checked");
      form.dataset.chosen = chosen?.value ?? "";
      let text = chosen?.dataset.says ?? "";
      if (chosen?.value === "custom" && custom.value) {
        const date = new Date(`${custom.value}T00:00:00`);
        if (!Number.isNaN(date.valueOf())) text = out.dataset.on.replace("{}", date.toLocaleDateString(document.documentElement.lang, {dateStyle: "long"}));
      }
      out.textContent = text;
    };
    custom?.addEventListener("focus", () => { form.querySelector("[name=expires][value=custom]").checked = true; tell(); });
    form.addEventListener("input", tell);
    tell();
  }

  function enhance(root) {
    for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
    for (const tabs of root.querySelectorAll("[data-tabs]")) if (!("ready" in tabs.dataset)) makeTabs(tabs);
    for (const panel of root.querySelectorAll("[data-guard]")) guardSecret(panel);
    for (const form of root.querySelectorAll("form[data-expiry]")) tellExpiry(form);
  }

  document.querySelector("a[data-follow]")?.click();
  enhance(document);
  document.addEventListener("htmx:afterSwap", (event) => enhance(event.target));
  document.addEventListener("htmx:responseError", (event) => { if (event.detail.xhr.status === 401) location.reload(); });
})();
