// The stewards' desk: files that are dropped, their size before they are sent, and long lists that can be searched.

for (const form of document.querySelectorAll("form[data-upload]")) {
  const input = form.querySelector("input[type=file]");
  const drop = form.querySelector("[data-drop]");
  const list = form.querySelector("[data-files]");
  const tooLarge = form.querySelector("[data-too-large]");
  const size = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });

  const show = () => {
    const files = [...input.files];
    list.replaceChildren(
      ...files.slice(0, 50).map((file) =>
        Object.assign(document.createElement("li"), { textContent: `${file.name} · ${size.format(file.size / 1048576)} MB` }),
      ),
    );
    if (files.length > 50) list.append(Object.assign(document.createElement("li"), { textContent: `+ ${files.length - 50}` }));
    const over = files.reduce((sum, file) => sum + file.size, 0) > Number(form.dataset.limit);
    tooLarge.classList.toggle("d-block", over);
    form.querySelector("[data-send]").disabled = over;
  };

  form.querySelector("[data-drop-hint]").hidden = false;
  input.addEventListener("change", show);
  for (const kind of ["dragover", "dragenter"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("is-over");
    });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("is-over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("is-over");
    const all = new DataTransfer();
    for (const file of [...input.files, ...event.dataTransfer.files]) all.items.add(file);
    input.files = all.files;
    show();
  });
  form.addEventListener("submit", () => {
    form.querySelector("[data-send]").disabled = true;
    form.querySelector("[data-sending]").hidden = false;
  });
  // A page that the browser shows again (Back) is ready to send again.
  addEventListener("pageshow", () => {
    form.querySelector("[data-sending]").hidden = true;
    show();
  });
}

for (const select of document.querySelectorAll("select[data-filter]")) {
  if (select.options.length < 15) continue;
  const label = document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
  const box = Object.assign(document.createElement("input"), { type: "search", className: "form-control form-control-sm desk-filter", placeholder: select.dataset.filter });
  box.setAttribute("aria-label", label ? label.textContent : select.name);
  select.before(box);
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const option of select.options) {
      const text = option.textContent.toLowerCase();
      option.hidden = !option.selected && !words.every((word) => text.includes(word));
    }
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // it searches; it does not send the form
  });
}
