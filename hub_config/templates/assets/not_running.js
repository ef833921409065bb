// Keeps the part of the address after "#" on the way to the start, and starts by itself where the Hub says so.

const start = document.getElementById("start");
if (window.location.hash) start.href += window.location.hash;

const seconds = Number(document.getElementById("not-running").dataset.againAfter);
if (seconds > 0) setTimeout(() => window.location.assign(start.href), seconds * 1000);
