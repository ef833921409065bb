// Tables sorted by a column: a button in each heading, numbers and dates by their value, all else as the reader's
// language does. A table whose cells span rows or columns is left as it is.

const NUMBER = /^[+\-−]?(\d{1,3}([,  ]\d{3})+|\d+)?(\.\d+)?([eE][+-]?\d+)?\s*%?$/;
const DATE = /^\d{4}(-\d{1,2}(-\d{1,2})?)?([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?Z?)?$/;

const isNumber = (text) => /\d/.test(text) && NUMBER.test(text);

export function value(text) {
  const trimmed = text.trim();
  if (isNumber(trimmed)) {
    return Number(trimmed.replace(/[,  \s%]/g, "").replace("−", "-"));
  }
  if (DATE.test(trimmed)) {
    const at = Date.parse(trimmed.replace(" ", "T"));
    if (!Number.isNaN(at)) return at;
  }
  return trimmed;
}

const compare = new Intl.Collator(document.documentElement.lang || undefined, { numeric: true }).compare;

function missing(found) {
  return found === "" || found === "NaN" || found === "nan" || found === "None" || found === "<NA>" || found === "NaT";
}

function order(one, other, sign) {
  if (missing(one) || missing(other)) return missing(one) - missing(other); // what is missing stays last
  if (typeof one === "number" && typeof other === "number") return sign * (one - other);
  return sign * compare(String(one), String(other));
}

function aligned(cells) {
  const texts = cells.slice(1).map((cell) => cell.textContent.trim());
  if (!texts.some(isNumber) || !texts.every((text) => isNumber(text) || missing(text))) return;
  for (const cell of cells) cell.classList.add("num");
}

export function sortable(table, label) {
  const head = table.tHead?.rows;
  const body = table.tBodies[0];
  if (!head || head.length !== 1 || table.tBodies.length !== 1 || body.rows.length < 2) return;
  if (table.querySelector("[rowspan]:not([rowspan='1']), [colspan]:not([colspan='1'])")) return;
  const headings = [...head[0].cells];
  if ([...body.rows].some((row) => row.cells.length !== headings.length)) return;
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort-button";
    button.title = label;
    button.append(...heading.childNodes);
    if (!button.textContent.trim()) button.setAttribute("aria-label", label);
    heading.append(button);
    aligned([heading, ...[...body.rows].map((row) => row.cells[column])]);
    button.addEventListener("click", () => {
      const direction = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      for (const each of headings) each.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      const rows = [...body.rows].map((row) => [value(row.cells[column].textContent), row]);
      rows.sort(([one], [other]) => order(one, other, sign));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
