// Suggests user names while somebody types a part of a name; the form works without it.

const inputs = document.querySelectorAll("input[data-people]");
let waiting = 0;

async function suggest(input) {
  const list = document.getElementById(input.getAttribute("list"));
  const answer = await fetch(`${input.dataset.people}?q=${encodeURIComponent(input.value)}`);
  if (!answer.ok || !list) return;
  const people = await answer.json();
  list.replaceChildren(
    ...people.map((person) => {
      const option = document.createElement("option");
      option.value = person.username;
      option.label = person.name;
      return option;
    }),
  );
}

for (const input of inputs) {
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => suggest(input), 200);
  });
}
