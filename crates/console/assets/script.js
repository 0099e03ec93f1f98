// Brings the page up to date in place, from the very page that the server would send. Without this script the page reloads itself.
"use strict";

(() => {
  const EVERY_MS = 2000;
  const parts = document.querySelectorAll("[data-live]");
  const pulse = document.querySelector("[data-pulse]");
  if (parts.length === 0 || !pulse) return;

  const tell = (state, text) => {
    if (pulse.textContent === text) return;
    pulse.dataset.pulse = state;
    pulse.textContent = text;
  };

  const replace = (part, fresh) => {
    // What somebody selects must not be taken from under the hand.
    const selection = document.getSelection();
    const selects = selection && !selection.isCollapsed && part.contains(selection.anchorNode);
    if (selects || part.innerHTML === fresh.innerHTML) return;
    const link = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
    part.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
    if (link) [...part.querySelectorAll("a")].find((other) => other.getAttribute("href") === link)?.focus();
  };

  const refresh = async () => {
    if (document.hidden) return;
    try {
      // A body that is shown stays as it is, and need not be read again.
      const url = new URL(location.href);
      url.searchParams.delete("body");
      const answer = await fetch(url, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(10000) });
      // The session is over, and the server sent us to the sign-in.
      if (answer.redirected) return location.reload();
      // What is on the page may still be read.
      if (answer.status === 404) return tell("lost", "no longer there");
      if (!answer.ok) return tell("lost", "does not serve");
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts) {
        const fresh = page.getElementById(part.id);
        if (fresh) replace(part, fresh);
      }
      tell("live", "live");
    } catch {
      tell("lost", "no answer");
    }
  };

  const go = async () => {
    await refresh();
    setTimeout(go, EVERY_MS);
  };
  tell("live", "live");
  setTimeout(go, EVERY_MS);
  document.addEventListener("visibilitychange", refresh);
})();
