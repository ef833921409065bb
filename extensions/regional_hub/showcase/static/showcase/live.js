// Asks where the visitor stands, says it, and opens the app in a frame once there is a place. The page that needs no
// server stays in view until the app can be used, and is there again when it is over.

const place = document.getElementById("live");
const text = document.getElementById("live-text");
const page = document.getElementById("live-page");
const full = document.getElementById("live-full");
const RIGHTS = "allow-scripts allow-forms allow-popups allow-downloads";
const LONGEST_SILENCE = 20_000; // milliseconds after which a frame that does not say that it is ready is shown
const A_MOMENT = 2500; // milliseconds after which the site has heard of what the app said
let leaving = false;
let next;

function show(standing) {
  if (text.textContent !== standing.text) text.textContent = standing.text;
  const gone = standing.state === "none" || standing.state === "over";
  document.getElementById("live-leave").hidden = gone;
  document.getElementById("live-ask").hidden = !gone;
  if (standing.state === "seated") open(standing.address);
  else if (standing.state !== "starting") close(); // an app that is slow to answer the site may well be in use
  place.setAttribute("aria-busy", String(!gone && !isReady()));
  if (!gone) askIn(Math.max(1, standing.again) * 1000);
}

function open(address) {
  if (frame()?.dataset.over) close();
  if (frame()) return; // each answer has a new ticket; the frame's first is as good
  const made = document.createElement("iframe");
  made.className = "live-frame live-loading";
  made.title = place.dataset.title;
  // On an origin that is not ours an app may have storage of its own; on ours it must never be of our origin.
  const isOurs = new URL(address, location.href).origin === location.origin;
  made.setAttribute("sandbox", isOurs ? RIGHTS : `${RIGHTS} allow-same-origin`);
  made.referrerPolicy = "no-referrer";
  made.src = address;
  made.addEventListener("load", () => setTimeout(() => made.isConnected && ready(), LONGEST_SILENCE));
  place.append(made);
}

function frame() {
  return place.querySelector("iframe");
}

function isReady() {
  return frame() !== null && !frame().classList.contains("live-loading");
}

function ready() {
  frame().classList.remove("live-loading");
  place.setAttribute("aria-busy", "false");
  page.hidden = true;
  full.hidden = !document.fullscreenEnabled;
}

function close() {
  frame()?.remove();
  page.hidden = false;
  full.hidden = true;
}

function askIn(milliseconds) {
  clearTimeout(next);
  next = setTimeout(ask, milliseconds);
}

async function ask() {
  try {
    const asked = document.hidden ? `${place.dataset.state}?hidden` : place.dataset.state;
    const answer = await fetch(asked, { headers: { Accept: "application/json" } });
    if (answer.redirected || answer.status === 404 || answer.status === 410) return location.assign(place.dataset.page);
    if (answer.ok) return show(await answer.json());
  } catch {
    // the network: ask again
  }
  askIn(5000);
}

addEventListener("message", (event) => {
  if (!frame() || event.source !== frame().contentWindow) return; // an app is a stranger: it says three words
  const said = event.data?.regionalHubLive;
  if (said === "ready" && !isReady()) ready();
  if (said === "ended") {
    ready(); // what it says of its end is to be read until the site has heard of it
    frame().dataset.over = "yes";
  }
  if (said === "ready" || said === "ended") askIn(A_MOMENT);
  if (said === "leave") location.assign(place.dataset.page);
});
full.addEventListener("click", () => frame()?.requestFullscreen());
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
