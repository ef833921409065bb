// Asks where the visitor stands, says it, and opens the app in a frame once there is a place.

const place = document.getElementById("live");
const text = document.getElementById("live-text");
const RIGHTS = "allow-scripts allow-forms allow-popups allow-downloads allow-top-navigation-by-user-activation";
let leaving = false;

function show(standing) {
  if (text.textContent !== standing.text) text.textContent = standing.text;
  const gone = standing.state === "none" || standing.state === "over";
  document.getElementById("live-leave").hidden = gone;
  document.getElementById("live-ask").hidden = !gone;
  const frame = place.querySelector("iframe");
  if (standing.state === "seated" && standing.address) {
    if (!frame) open(standing.address); // each answer has a new ticket; the frame keeps its first
  } else if (gone) {
    frame?.remove();
  }
  return !gone;
}

function open(address) {
  const frame = document.createElement("iframe");
  frame.className = "live-frame";
  frame.title = place.dataset.title;
  frame.setAttribute("sandbox", RIGHTS);
  frame.referrerPolicy = "no-referrer";
  frame.src = address;
  place.append(frame);
}

async function ask() {
  let again = 5;
  try {
    const answer = await fetch(place.dataset.state, { headers: { Accept: "application/json" } });
    if (answer.status === 404 || answer.redirected) return location.reload(); // no longer public
    if (answer.ok) {
      const standing = await answer.json();
      if (!show(standing)) return;
      again = Math.max(1, standing.again || again);
    }
  } catch {
    again = 5; // the network: ask again
  }
  setTimeout(ask, again * 1000);
}

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
ask();
