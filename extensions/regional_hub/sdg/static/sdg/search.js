/* Suggestions while typing: a combobox as WAI-ARIA describes it, over the JSON API. Without it the form works as it is. */

const DELAY = 120;
const form = document.querySelector("form[data-suggestions]");
const input = form?.querySelector("input[type=search]");

if (input) {
  const list = document.createElement("ul");
  list.className = "sdg-suggestions";
  list.id = "sdg-suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", form.querySelector("label").textContent);
  list.hidden = true;
  form.append(list);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })) {
    input.setAttribute(name, value);
  }
  let timer = 0;
  let asked = null;
  let chosen = -1;

  const close = () => {
    list.hidden = true;
    chosen = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  const choose = (place) => {
    const options = [...list.children].filter((option) => option.dataset.address);
    if (!options.length) return;
    chosen = (place + options.length) % options.length;
    options.forEach((option, n) => option.setAttribute("aria-selected", String(n === chosen)));
    options[chosen].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", options[chosen].id);
  };

  const show = (hits) => {
    list.replaceChildren();
    for (const [n, hit] of hits.entries()) {
      const option = document.createElement("li");
      option.id = `sdg-suggestion-${n}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.address = hit.url;
      option.lang = hit.language;
      const code = document.createElement("small");
      code.textContent = hit.code;
      option.append(`${hit.title} `, code);
      list.append(option);
    }
    if (!hits.length) {
      close();
      return;
    }
    chosen = -1;
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  };

  const ask = async () => {
    asked?.abort();
    const question = input.value.trim();
    if (!question) return close();
    asked = new AbortController();
    const parameters = new URLSearchParams(new FormData(form));
    parameters.set("limit", "5");
    try {
      const reply = await fetch(`${form.dataset.suggestions}?${parameters}`, { signal: asked.signal });
      if (reply.ok) show((await reply.json()).hits);
    } catch (error) {
      if (error.name !== "AbortError") close();
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, DELAY);
  });
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(event.key === "ArrowDown" ? chosen + 1 : chosen < 0 ? -1 : chosen - 1);
    } else if (event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (event.key === "Enter" && chosen >= 0) {
      event.preventDefault();
      location.assign(list.children[chosen].dataset.address);
    }
  });
  list.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("[data-address]");
    if (option) {
      event.preventDefault();
      location.assign(option.dataset.address);
    }
  });
  input.addEventListener("blur", () => setTimeout(close, 150));
}
