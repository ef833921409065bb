// Shows how a server's start goes on, and opens the server when it is ready. Words come from the page and from the events.

const page = document.getElementById("starting");
const part = (id) => document.getElementById(id);
const chinese = document.documentElement.lang.startsWith("zh");

function words(event) {
  return (chinese && event.message_zh) || event.message || "";
}

function show(event) {
  if (event.progress !== undefined) {
    part("progress").setAttribute("aria-valuenow", event.progress);
    part("bar").style.width = `${event.progress}%`;
  }
  const text = words(event);
  if (text) {
    part("progress-message").textContent = text;
    const line = document.createElement("li");
    line.textContent = text;
    part("progress-log").append(line);
  }
}

function fail(event) {
  part("bar").classList.add("bg-danger");
  part("progress-message").hidden = true;
  part("hint").hidden = true;
  part("stop").hidden = true;
  part("heading").textContent = page.dataset.failed;
  part("failure-message").textContent = words(event) || page.dataset.unknown;
  part("failure").hidden = false;
  part("details").open = true;
}

function follow() {
  const source = new EventSource(page.dataset.progress);
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    show(event);
    if (event.ready) {
      source.close();
      window.location.reload(); // the Hub sends on to the server, keeping ?next=
    } else if (event.failed) {
      source.close();
      fail(event);
    }
  };
  source.onerror = () => {
    // The browser connects again by itself unless the Hub refused; then the page itself knows more.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => window.location.reload(), 3000);
  };
}

async function stop() {
  const button = part("stop");
  const status = part("stop-status");
  button.disabled = true;
  status.hidden = false;
  status.textContent = page.dataset.stopping;
  const answer = await fetch(page.dataset.stop, { method: "DELETE" }).catch(() => ({ ok: false }));
  if (answer.ok) {
    window.location.assign(page.dataset.servers);
  } else {
    status.textContent = page.dataset.stopRefused;
    button.disabled = false;
  }
}

part("stop").addEventListener("click", stop);
follow();
