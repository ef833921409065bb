/** Small helpers that make elements; text is always text, never markup. */

type Child = Node | string | null | false;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | boolean | ((event: Event) => void)> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      made.addEventListener(name, value);
    } else if (typeof value === 'boolean') {
      made.toggleAttribute(name, value);
    } else {
      made.setAttribute(name, value);
    }
  }
  made.append(...children.filter((child): child is Node | string => Boolean(child)));
  return made;
}

let count = 0;

/** A control under its label. */
export function field(label: string, control: HTMLElement, hint = ''): HTMLDivElement {
  control.id ||= `rh-field-${++count}`;
  const said = hint ? h('small', { id: `${control.id}-hint` }, hint) : null;
  if (said) {
    control.setAttribute('aria-describedby', said.id);
  }
  return h('div', { class: 'rh-field' }, h('label', { for: control.id }, label), control, said);
}

export function select(choices: [string, string][], chosen = ''): HTMLSelectElement {
  const made = h('select', { class: 'jp-mod-styled' });
  made.append(...choices.map(([value, text]) => h('option', { value, selected: value === chosen }, text)));
  return made;
}

export function input(value: string, longest = '200'): HTMLInputElement {
  const made = h('input', { class: 'jp-mod-styled', type: 'text', maxlength: longest });
  made.value = value;
  return made;
}

export function area(value: string): HTMLTextAreaElement {
  const made = h('textarea', { class: 'jp-mod-styled', rows: '2', maxlength: '2000' });
  made.value = value;
  return made;
}
