// The page of a series: its panels as tabs, copying, and the picture exchanged for a chart that answers to the pointer.
// Everything is on the page without this script; Vega is loaded only when somebody asks for the values of points.

const script = document.getElementById("chart-script");
let vega;

function load(address) {
  return new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = address;
    element.onload = resolve;
    element.onerror = () => reject(new Error(address));
    document.head.append(element);
  });
}

function loadVega() {
  vega ??= load(script.dataset.vega).then(() => load(script.dataset.vegaLite)).then(() => load(script.dataset.vegaEmbed));
  return vega;
}

function isDark() {
  const chosen = document.documentElement.dataset.bsTheme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

async function draw(figure) {
  if (figure.dataset.state) return;
  figure.dataset.state = "loading";
  try {
    const address = isDark() ? figure.dataset.specDark : figure.dataset.spec;
    const [spec] = await Promise.all([fetch(address).then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status))), loadVega()]);
    const target = document.createElement("div");
    target.className = "series-vega";
    const canvas = figure.querySelector(".series-canvas");
    canvas.append(target);
    // `ast`: expressions are interpreted, as the site allows no eval. Texts in tooltips are escaped by vega-tooltip.
    await globalThis.vegaEmbed(target, spec, {
      actions: false,
      ast: true,
      defaultStyle: false,
      renderer: "canvas",
      tooltip: { disableDefaultStyle: true },
    });
    figure.querySelector("picture").hidden = true;
    figure.dataset.state = "drawn";
    figure.querySelector("[data-interactive]")?.remove();
  } catch (error) {
    figure.dataset.state = "";
    figure.querySelector(".series-vega")?.remove();
    console.warn("the chart stays a picture:", error);
  }
}

function chart(root) {
  const figure = root.querySelector(".series-figure");
  if (!figure) return;
  const button = figure.querySelector("[data-interactive]");
  button.hidden = false;
  button.addEventListener("click", () => draw(figure));
  figure.querySelector(".series-canvas").addEventListener("pointerenter", () => draw(figure), { once: true });
  // Too many pictures at once: the server says when to ask again.
  const picture = figure.querySelector("img");
  picture.addEventListener("error", () => setTimeout(() => (picture.src = picture.src), 5000), { once: true });
}

function show(root, name, focus = false) {
  const panels = [...root.querySelectorAll(".series-panel")];
  const wanted = panels.find((panel) => panel.id === name) ?? panels.find((panel) => panel.classList.contains("is-shown")) ?? panels[0];
  for (const panel of panels) {
    const current = panel === wanted;
    panel.classList.toggle("is-shown", current);
    const tab = root.querySelector(`[data-tabs] a[href="#${panel.id}"]`);
    tab.classList.toggle("active", current);
    tab.setAttribute("aria-selected", String(current));
    tab.tabIndex = current ? 0 : -1;
    if (current && focus) tab.focus();
  }
  return wanted.id;
}

function tabs(root) {
  const list = root.querySelector("[data-tabs]");
  const links = [...list.querySelectorAll("a")];
  list.setAttribute("role", "tablist");
  for (const link of links) {
    link.parentElement.setAttribute("role", "presentation");
    link.setAttribute("role", "tab");
    const panel = root.querySelector(link.getAttribute("href"));
    link.id = `tab-${panel.id}`;
    link.setAttribute("aria-controls", panel.id);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", link.id);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      history.replaceState(history.state, "", `#${show(root, panel.id)}`);
    });
  }
  list.addEventListener("keydown", (event) => {
    const place = links.indexOf(document.activeElement);
    const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: links.length - 1 }[event.key];
    if (place < 0 || next === undefined) return;
    event.preventDefault();
    const link = links[(next + links.length) % links.length];
    history.replaceState(history.state, "", link.getAttribute("href"));
    show(root, link.getAttribute("href").slice(1), true);
  });
  show(root, location.hash.slice(1));
}

// Beside the chart there is room for the choices; on a phone they open when they are asked for, and then stay open.
let choosing = matchMedia("(min-width: 62rem)").matches;

function choices(root) {
  const details = root.querySelector(".series-choices");
  details.open = choosing;
  details.addEventListener("toggle", () => (choosing = details.open));
}

function copying(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
      button.textContent = button.dataset.copied;
    });
  }
}

function begin() {
  const root = document.getElementById("series");
  if (!root || root.dataset.begun) return;
  root.dataset.begun = "yes";
  choices(root);
  tabs(root);
  chart(root);
  copying(root);
}

begin();
document.addEventListener("htmx:afterSettle", begin);
addEventListener("hashchange", () => {
  const root = document.getElementById("series");
  if (root) show(root, location.hash.slice(1));
});
