// What a publication's page can do beyond being read: one switch for all code, pictures enlarged, tables sorted.
// Without this module the page is whole: each cell's code unfolds by itself, pictures and tables are shown as they are.

import { sortable } from "./sorting.js";

const notebook = document.querySelector(".notebook");
const words = JSON.parse(notebook?.dataset.words ?? "{}");

const contents = document.querySelector(".notebook-contents");
if (contents && matchMedia("(max-width: 991px)").matches) contents.open = false;

const button = document.getElementById("show-code");
if (button) {
  const show = button.textContent;
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    for (const code of notebook.querySelectorAll(".notebook-code")) code.open = shown;
    button.setAttribute("aria-pressed", String(shown));
    button.textContent = shown ? button.dataset.hide : show;
  });
}

const copy = document.getElementById("copy-citation");
if (copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById("cited").textContent);
    copy.textContent = copy.dataset.copied;
  });
}

const dialog = document.createElement("dialog");
dialog.className = "picture-dialog";
const close = document.createElement("button");
close.type = "button";
close.className = "btn btn-primary";
close.textContent = words.close;
close.addEventListener("click", () => dialog.close());
const stage = document.createElement("div");
stage.addEventListener("click", (event) => {
  if (event.target === stage) dialog.close();
  else dialog.classList.toggle("is-large");
});
dialog.append(close, stage);

function zoom(picture) {
  const large = document.createElement("img");
  large.src = picture.src;
  large.alt = picture.alt;
  stage.replaceChildren(large);
  dialog.setAttribute("aria-label", picture.alt);
  dialog.classList.remove("is-large");
  dialog.showModal();
  const scale = Math.min(stage.clientWidth / picture.naturalWidth, stage.clientHeight / picture.naturalHeight, 3);
  if (Number.isFinite(scale)) large.width = Math.floor(picture.naturalWidth * scale);
}

// What is wider than the page scrolls by itself, also for who has no mouse.
function scrolls(text) {
  if (text.scrollWidth > text.clientWidth) text.setAttribute("tabindex", "0");
  else text.removeAttribute("tabindex");
}
const resized = new ResizeObserver((changed) => changed.forEach(({ target }) => scrolls(target)));

if (notebook) {
  for (const text of notebook.querySelectorAll(".notebook-text")) {
    scrolls(text);
    resized.observe(text);
  }
  document.body.append(dialog);
  for (const picture of notebook.querySelectorAll("img")) {
    if (picture.closest("a")) continue;
    const opener = document.createElement("button");
    opener.type = "button";
    opener.className = "picture-button";
    opener.setAttribute("aria-label", `${words.zoom}: ${picture.alt}`);
    opener.addEventListener("click", () => zoom(picture));
    picture.replaceWith(opener);
    opener.append(picture);
  }
  for (const table of notebook.querySelectorAll("table")) sortable(table, words.sort);
}
