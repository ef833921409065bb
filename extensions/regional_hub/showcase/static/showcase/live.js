// Asks where the visitor stands, says it, and opens the app in a frame once there is a place. The page that needs no
// server stays in view until the app can be used, and is there again when it is over.

const place = document.getElementById("live");
const text = document.getElementById("live-text");
const page = document.getElementById("live-page");
const RIGHTS = "allow-scripts allow-forms allow-popups allow-downloads";
const LONGEST_SILENCE = 20_000; // milliseconds after which a frame that does not say that it is ready is shown
let leaving = false;
let next;

function show(standing) {
  if (text.textContent !== standing.text) text.textContent = standing.text;
  const gone = standing.state === "none" || standing.state === "over";
  document.getElementById("live-leave").hidden = gone;
  document.getElementById("live-ask").hidden = !gone;
  place.setAttribute("aria-busy", String(standing.state === "starting" || standing.state === "seated"));
  if (standing.state === "seated") open(standing.address);
  else close();
  if (!gone) next = setTimeout(ask, Math.max(1, standing.again) * 1000);
}

function open(address) {
  if (frame()) return ready(!frame().classList.contains("live-loading")); // its first ticket is as good as any
  const made = document.createElement("iframe");
  made.className = "live-frame live-loading";
  made.title = place.dataset.title;
  made.setAttribute("sandbox", RIGHTS);
  made.referrerPolicy = "no-referrer";
  made.src = address;
  made.addEventListener("load", () => setTimeout(() => made.isConnected && ready(true), LONGEST_SILENCE));
  place.append(made);
}

function frame() {
  return place.querySelector("iframe");
}

function ready(is) {
  if (!is) return;
  frame().classList.remove("live-loading");
  place.setAttribute("aria-busy", "false");
  page.hidden = true;
}

function close() {
  frame()?.remove();
  page.hidden = false;
}

async function ask() {
  clearTimeout(next);
  try {
    const asked = document.hidden ? `${place.dataset.state}?hidden` : place.dataset.state;
    const answer = await fetch(asked, { headers: { Accept: "application/json" } });
    if (answer.redirected || answer.status === 404 || answer.status === 410) return location.assign(place.dataset.page);
    if (answer.ok) return show(await answer.json());
  } catch {
    // the network: ask again
  }
  next = setTimeout(ask, 5000);
}

addEventListener("message", (event) => {
  if (!frame() || event.source !== frame().contentWindow) return; // an app is a stranger: it says three words
  const said = event.data?.regionalHubLive;
  if (said === "ready") ready(true);
  if (said === "ended") setTimeout(ask, 1000); // the site hears of it as well
  if (said === "leave") location.assign(place.dataset.page);
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !leaving) ask();
});
document.getElementById("live-leave").addEventListener("submit", () => {
  leaving = true;
});
addEventListener("pagehide", () => {
  if (leaving || !place.dataset.tab) return;
  navigator.sendBeacon(place.dataset.leave, new URLSearchParams({ tab: place.dataset.tab }));
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
show(JSON.parse(document.getElementById("live-standing").textContent));
