// Follows a starting server: moves the bar, lists what happens, and goes to the server when it is ready.
const box = document.getElementById("progress");
const bar = box.querySelector("progress");
const line = box.querySelector(".js-message");
const log = box.querySelector(".progress-log");
const source = new EventSource(box.dataset.source);
let last = "";

source.onmessage = ({ data }) => {
  const event = JSON.parse(data);
  bar.value = Math.max(bar.value, event.progress);
  if (event.message && event.message !== last) {
    last = event.message;
    line.textContent = event.message;
    log.append(Object.assign(document.createElement("li"), { textContent: event.message }));
  }
  if (event.address) {
    source.close();
    location.replace(event.address);
  } else if (event.failed) {
    source.close();
    location.replace(box.dataset.again); // the page says why, and offers another try
  }
};

// The stream ended without a word, or could not be had: look at the state again, not too often.
source.onerror = () => {
  source.close();
  setTimeout(() => location.replace(box.dataset.again), 2000);
};
