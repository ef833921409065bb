"use strict";
// Before all other scripts: knows the end of the kernel, says it, and tells the page around this frame.
const live = { over: false, lost: 0, open: false };
const liveSay = (what, more) => { if (parent !== window) parent.postMessage({ regionalHubLive: what, ...more }, "*"); };
const liveCodes = { 4001: "left", 4002: "away", 4003: "idle", 4004: "long", 4005: "crash", 4006: "memory", 4007: "portal" };
window.liveEnded = (reason) => {
  if (live.over) return;
  live.over = true;
  const said = JSON.parse(document.getElementById("live-words").textContent)[reason];
  document.getElementById("live-why").textContent = said[document.documentElement.lang.startsWith("zh") ? 1 : 0];
  const over = document.getElementById("live-over");
  over.hidden = false;
  over.querySelector("a").focus();
  liveSay("ended", { reason });
};
// A sandboxed page has no cookies, and a browser that throws where scripts of libraries look for some.
Object.defineProperty(document, "cookie", { get: () => "", set: () => {} });
// Usable is a page whose widgets are all drawn and have the way to their kernel; what never comes is not waited for.
const liveUsable = () => {
  const places = [...document.querySelectorAll("#rendered_cells .jp-OutputArea-output")];
  const drawn = window.jupyterapp && !places.some((place) => place.firstChild?.nodeValue === "Loading widget...");
  return drawn && (live.open || !document.querySelector("#rendered_cells .jupyter-widgets"));
};
window.liveShown = () => {
  const began = Date.now();
  const timer = setInterval(() => {
    if (!liveUsable() && Date.now() - began < 10000) return;
    clearInterval(timer);
    if (!live.over) liveSay("ready", {});
  }, 20);
};
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("open", () => { live.open = true; live.lost = 0; document.body.classList.remove("live-lost"); });
    this.addEventListener("close", (event) => {
      if (live.over || (event.code === 1000 && event.wasClean)) return;
      if (liveCodes[event.code]) { window.liveEnded(liveCodes[event.code]); return; }
      document.body.classList.add("live-lost");
      if (++live.lost >= 4) window.liveEnded("lost");
    });
  }
};
document.addEventListener("click", (event) => {
  const link = event.target.closest && event.target.closest("a[target=_top]");
  if (link) liveSay("leave", { href: link.href });
});
window.addEventListener("pagehide", () => {
  const facts = document.getElementById("jupyter-config-data");
  if (!facts || live.over) return;
  const { baseUrl, kernelId } = JSON.parse(facts.textContent);
  navigator.sendBeacon(`${baseUrl}voila/api/shutdown/${kernelId}`);
});
if (matchMedia("(prefers-color-scheme: dark)").matches) {
  // The page was made before anybody asked, in the light theme: what names it is changed before Voila reads it.
  document.addEventListener("DOMContentLoaded", () => { document.body.dataset.jpThemeLight = "false"; });
}
