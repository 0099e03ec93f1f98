// Brings the page up to date in place, from the very page that the server would send. Without this script the page reloads itself.
"use strict";

(() => {
  const EVERY_MS = 2000;
  const body = document.body;
  const pulse = document.querySelector("[data-pulse]");
  if (!document.querySelector("[data-live]")) return;

  const tell = (state, text) => {
    if (!pulse) return;
    pulse.dataset.pulse = state;
    pulse.textContent = text;
  };

  // What somebody is selecting or typing must not be taken from under the hand.
  const isInUse = (part) => {
    const selection = document.getSelection();
    const selects = selection && !selection.isCollapsed && part.contains(selection.anchorNode);
    return selects || (part.contains(document.activeElement) && document.activeElement.matches("input, select"));
  };

  const replace = (part, fresh) => {
    if (isInUse(part) || part.innerHTML === fresh.innerHTML) return;
    const link = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
    const open = [...part.querySelectorAll("details")].map((details) => details.open);
    part.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
    part.querySelectorAll("details").forEach((details, at) => { details.open = open[at] ?? details.open; });
    if (link) [...part.querySelectorAll("a")].find((other) => other.getAttribute("href") === link)?.focus();
  };

  const refresh = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(10000) });
      // The session is over, and the server sent us to the sign-in.
      if (answer.redirected) return location.reload();
      if (answer.status >= 500) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of body.querySelectorAll("[data-live]")) {
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
