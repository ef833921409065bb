// A button at each cell leads to the form below with that cell chosen, and says how many comments there are.

const form = document.getElementById("comment-form");
const choice = document.getElementById("comment-cell");
const label = form?.querySelector("[data-label]")?.dataset.label;

for (const cell of document.querySelectorAll('[id^="cell-"]')) {
  const id = cell.id.slice("cell-".length);
  if (!form || ![...choice.options].some((option) => option.value === id)) continue;
  const said = document.querySelector(`.comment-thread[data-cell="${CSS.escape(id)}"]`);
  const count = said ? said.querySelectorAll("li").length : 0;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-link btn-sm cell-comment no-print";
  const icon = document.createElement("i");
  icon.className = "bi bi-chat-left-text";
  icon.setAttribute("aria-hidden", "true");
  button.append(icon, count ? ` ${count}` : "");
  button.setAttribute("aria-label", label);
  button.title = label;
  button.addEventListener("click", () => {
    choice.value = id;
    form.scrollIntoView({ block: "center" });
    document.getElementById("comment-text").focus({ preventScroll: true });
  });
  cell.prepend(button);
}
