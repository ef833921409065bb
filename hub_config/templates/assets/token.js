// Makes and revokes tokens by the Hub's API; the page is the list.

const page = document.getElementById("tokens");
const part = (id) => document.getElementById(id);
const words = page.dataset;

function call(path, options) {
  return fetch(`${words.api}${path}?_xsrf=${encodeURIComponent(words.xsrf)}`, {
    headers: { "Content-Type": "application/json" },
    ...options,
  }).catch(() => ({ ok: false, status: 0 }));
}

function complain(answer) {
  const problem = part("problem");
  problem.textContent = answer.status === 400 ? words.refused : words.failed;
  problem.hidden = false;
  problem.scrollIntoView({ block: "center" });
}

function scopes() {
  const choice = document.querySelector("input[name=permission]:checked").value;
  const text = choice === "own" ? part("token-scopes").value : choice;
  return text.split(/[\s,]+/).filter(Boolean);
}

async function make(event) {
  event.preventDefault();
  part("problem").hidden = true;
  const wish = {
    note: part("token-note").value.trim() || words.defaultNote,
    expires_in: Number(part("token-expiration-seconds").value) || null,
  };
  const wanted = scopes();
  if (wanted.length) wish.scopes = wanted;
  const answer = await call("", { method: "POST", body: JSON.stringify(wish) });
  if (!answer.ok) return complain(answer);
  part("token-result").textContent = (await answer.json()).token;
  const area = part("token-area");
  area.hidden = false;
  area.scrollIntoView({ block: "center" });
}

async function revoke(button) {
  if (!window.confirm(words.confirm)) return;
  button.disabled = true;
  const row = button.closest(".token-row");
  const answer = await call(`/${row.dataset.tokenId}`, { method: "DELETE" });
  if (answer.ok || answer.status === 404) {
    row.remove();
  } else {
    button.disabled = false;
    complain(answer);
  }
}

async function copy(button) {
  const secret = part("token-result");
  try {
    await navigator.clipboard.writeText(secret.textContent);
    button.textContent = words.copied;
  } catch {
    window.getSelection().selectAllChildren(secret); // no clipboard without HTTPS: leave it selected
  }
}

part("request-token-form").addEventListener("submit", make);
part("token-scopes").addEventListener("input", () => {
  part("permission-own").checked = true;
});
part("copy").addEventListener("click", (event) => copy(event.currentTarget));
for (const button of document.querySelectorAll(".revoke-token-btn")) {
  button.addEventListener("click", () => revoke(button));
}
for (const time of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(time.dateTime);
  time.textContent = moment.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
}
