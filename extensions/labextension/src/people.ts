/** Choosing people by name: a search field, what it found, and who was chosen. */

import type { TranslationBundle } from '@jupyterlab/translation';

import { ask } from './api';
import { field, h, input } from './dom';
import { ENTER } from './keys';
import type { Person } from './shapes';

export class People {
  readonly node: HTMLElement;
  readonly chosen = new Map<string, string>();
  readonly box = input('', '100');
  private readonly found = h('ul', { class: 'rh-found', 'aria-live': 'polite' });
  private readonly list = h('ul', { class: 'rh-chosen' });
  private waiting = 0;
  private readonly trans: TranslationBundle;

  constructor(trans: TranslationBundle) {
    this.trans = trans;
    this.box.type = 'search';
    this.box.addEventListener('input', () => this.later());
    this.box.addEventListener(ENTER, () => this.found.querySelector('button')?.click());
    const search = field(trans.__('People'), this.box, trans.__('Type a part of a name, then choose.'));
    this.node = h('div', {}, search, this.found, this.list);
  }

  private later(): void {
    window.clearTimeout(this.waiting);
    this.waiting = window.setTimeout(() => void this.search(), 250);
  }

  private async search(): Promise<void> {
    const words = this.box.value.trim();
    let found: Person[] = [];
    try {
      found = words ? await ask<Person[]>(`people?q=${encodeURIComponent(words)}`) : [];
    } catch {
      this.found.replaceChildren(h('li', {}, this.trans.__('People cannot be searched just now. Try again.')));
      return;
    }
    if (words !== this.box.value.trim()) {
      return; // an older question's answer
    }
    const rows = found.map(person => {
      const text = `${person.name || person.username} (${person.username})`;
      const click = (): void => this.add(person.username, text);
      return h('li', {}, h('button', { type: 'button', class: 'jp-mod-styled rh-small', click }, text));
    });
    const none = words && !rows.length ? [h('li', {}, this.trans.__('Nobody is called that.'))] : rows;
    this.found.replaceChildren(...none);
  }

  private add(name: string, text: string): void {
    this.chosen.set(name, text);
    this.box.value = '';
    this.found.replaceChildren();
    this.draw();
    this.box.focus();
  }

  private draw(): void {
    const rows = [...this.chosen].map(([name, text]) => {
      const click = (): void => {
        this.chosen.delete(name);
        this.draw();
        this.box.focus();
      };
      const label = this.trans.__('Remove %1', text);
      return h('li', {}, text, h('button', { type: 'button', class: 'rh-x', 'aria-label': label, click }, '×'));
    });
    this.list.replaceChildren(...rows);
  }
}
