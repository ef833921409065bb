/** The side panel: data of the catalogs, one's own publications, and what others share. */

import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { ask } from './api';
import { field, h, input } from './dom';
import { pick, search, standing } from './forms';
import { explain } from './share';
import type { Entry, Publication, Rows } from './shapes';

const OFTEN = 60_000; // milliseconds between two looks at what became of publications, while the panel is seen
const SOON = 5_000; // and at least between two of them, whoever asks

/** What the panel can have done in the Lab around it. */
export interface Deeds {
  insert: (code: string) => string; // empty, or why not
  open: (path: string) => Promise<void>;
}

export class Panel extends Widget {
  private readonly catalog = h('div', {});
  private readonly mine = h('div', {});
  private readonly shared = h('div', {});
  private readonly told = h('p', { class: 'rh-told', role: 'status' });
  private readonly box = input('', '100');
  private entries: Entry[] = [];
  private readonly seen = new Map<string, Rows>();
  private readonly drawn = new Map<HTMLElement, string>();
  private looked = 0;
  private timer = 0;
  private readonly trans: TranslationBundle;
  private readonly chinese: boolean;
  private readonly deeds: Deeds;

  constructor(trans: TranslationBundle, chinese: boolean, deeds: Deeds) {
    super();
    [this.trans, this.chinese, this.deeds] = [trans, chinese, deeds];
    this.addClass('rh-panel');
    this.box.type = 'search';
    this.box.addEventListener('input', () => this.drawCatalog());
    const part = (title: string, node: HTMLElement): HTMLElement => {
      return h('details', { open: true }, h('summary', {}, h('h2', {}, title)), node);
    };
    const click = (): void => void this.refresh();
    this.node.append(
      this.told,
      part(trans.__('Data'), h('div', {}, field(trans.__('Search data'), this.box), this.catalog)),
      part(trans.__('My publications'), this.mine),
      part(trans.__('Shared with me'), this.shared),
      h('p', {}, h('button', { type: 'button', class: 'jp-mod-styled rh-small', click }, trans.__('Refresh')))
    );
  }

  protected onAfterAttach(): void {
    this.timer = window.setInterval(this.again, OFTEN);
    document.addEventListener('visibilitychange', this.again);
  }

  protected onBeforeDetach(): void {
    window.clearInterval(this.timer);
    document.removeEventListener('visibilitychange', this.again);
  }

  protected onAfterShow(): void {
    void this.refresh();
  }

  /** Look again at what others can change, where somebody sees it; a hub that does not answer leaves it as it is. */
  private readonly again = (): void => {
    if (this.isVisible && !document.hidden && Date.now() - this.looked > SOON) {
      this.looked = Date.now();
      void Promise.all([this.showMine(), this.showShared()]).catch(() => undefined);
    }
  };

  /** Ask for everything anew; what fails says so in its own place. */
  async refresh(): Promise<void> {
    this.looked = Date.now();
    await Promise.all([
      this.fill(this.catalog, async () => {
        const found = await ask<Entry[]>('catalog');
        if (!found.length || JSON.stringify(found) !== JSON.stringify(this.entries)) {
          this.entries = found;
          this.drawCatalog(); // else what is open stays open
        }
      }),
      this.fill(this.mine, () => this.showMine()),
      this.fill(this.shared, () => this.showShared())
    ]);
  }

  private async showMine(): Promise<void> {
    const none = this.trans.__('You have shared nothing yet. Right-click a notebook and choose “Share…”.');
    this.drawNews(this.mine, await ask<Publication[]>('publications'), each => this.ownRow(each), none);
  }

  private async showShared(): Promise<void> {
    const none = this.trans.__('Nobody has shared anything with you yet.');
    this.drawNews(this.shared, await ask<Publication[]>('shared'), each => this.sharedRow(each), none);
  }

  /** Draw only what is new, and leave the focus where it is: nobody is to find out by losing their place. */
  private drawNews(place: HTMLElement, all: Publication[], row: (each: Publication) => HTMLElement, none: string): void {
    const news = JSON.stringify(all);
    if (this.drawn.get(place) !== news) {
      const name = (each: Element): string | null => each.getAttribute('aria-label') ?? each.getAttribute('href');
      const held = place.contains(document.activeElement) ? name(document.activeElement!) : null;
      this.drawn.set(place, news);
      this.draw(place, all, row, none);
      const same = [...place.querySelectorAll<HTMLElement>('a, button')].find(each => held && name(each) === held);
      same?.focus();
    }
  }

  private async fill(place: HTMLElement, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.drawn.delete(place);
      place.replaceChildren(h('p', { class: 'rh-wrong' }, explain(error, this.trans, this.chinese)));
    }
  }

  private draw<T>(place: HTMLElement, all: T[], row: (each: T) => HTMLElement, none: string): void {
    place.replaceChildren(all.length ? h('ul', {}, ...all.map(row)) : h('p', {}, none));
  }

  private drawCatalog(): void {
    const found = search(this.entries, this.box.value);
    this.draw(this.catalog, found, each => this.entryRow(each), this.trans.__('No data is called that.'));
  }

  private entryRow(entry: Entry): HTMLElement {
    const { trans, chinese } = this;
    const click = (): void => {
      this.told.textContent = this.deeds.insert(entry.code) || trans.__('Inserted.');
    };
    const title = pick(chinese, entry.title, entry.title_zh);
    const facts = [entry.licence, pick(chinese, entry.source, entry.source_zh)].filter(Boolean).join(' · ');
    const parameters = entry.parameters.map(each => {
      return h('li', {}, h('code', {}, each.name), ` ${pick(chinese, each.description, each.description_zh)}`);
    });
    const label = trans.__('Insert code for %1', title);
    const rows = h('div', { class: 'rh-rows', role: 'region', tabindex: '0', 'aria-label': trans.__('First rows of %1', title) });
    const toggle = (event: Event): void => {
      if ((event.target as HTMLDetailsElement).open && !rows.querySelector('table')) {
        void this.fill(rows, () => this.drawRows(entry, rows));
      }
    };
    return h(
      'li',
      {},
      h(
        'details',
        { toggle },
        h('summary', {}, title),
        h('p', {}, pick(chinese, entry.description, entry.description_zh)),
        facts !== '' && h('p', {}, h('small', {}, facts)),
        parameters.length > 0 && h('ul', {}, ...parameters),
        rows,
        h('pre', { tabindex: '0' }, entry.code),
        h('button', { type: 'button', class: 'jp-mod-styled rh-small', 'aria-label': label, click }, trans.__('Insert code'))
      )
    );
  }

  /** The first rows; asked for once, as opening data takes seconds. */
  private async drawRows(entry: Entry, place: HTMLElement): Promise<void> {
    place.replaceChildren(h('p', { role: 'status' }, this.trans.__('Opening the data…')));
    const found = this.seen.get(entry.name) ?? (await ask<Rows>(`catalog/${entry.name}/rows`));
    this.seen.set(entry.name, found);
    const heads = (this.chinese && found.columns_zh) || found.columns;
    const head = h('tr', {}, ...heads.map(each => h('th', { scope: 'col' }, each)));
    const body = found.rows.map(row => h('tr', {}, ...row.map(each => h('td', {}, each))));
    place.replaceChildren(h('table', {}, h('thead', {}, head), h('tbody', {}, ...body)));
  }

  private ownRow(each: Publication): HTMLElement {
    const { trans } = this;
    const { number, state, older } = standing(each, new Date().toISOString().slice(0, 10));
    const revision = number ? trans.__('revision %1', String(number)) : '';
    const before = older ? trans.__('revision %1 is public', String(older)) : '';
    const facts = [revision, this.state(state), before].filter(Boolean).join(' · ');
    return h('li', {}, this.link(each), h('br'), h('small', { class: `rh-state-${state}` }, facts));
  }

  private sharedRow(each: Publication): HTMLElement {
    const { trans } = this;
    const click = (): void => void this.copy(each);
    const title = pick(this.chinese, each.title, each.title_zh);
    const label = trans.__('Open a copy of %1', title);
    const button = h('button', { type: 'button', class: 'jp-mod-styled rh-small', 'aria-label': label, click }, trans.__('Open a copy'));
    return h('li', {}, this.link(each), h('br'), h('small', {}, each.author_name || each.author), ' ', button);
  }

  private link(each: Publication): HTMLElement {
    const title = pick(this.chinese, each.title, each.title_zh);
    return h('a', { href: each.link, target: '_blank', rel: 'noopener' }, title);
  }

  private state(name: string): string {
    const { trans } = this;
    const words: Record<string, string> = {
      shared: trans.__('shared'),
      checking: trans.__('being checked'),
      failed: trans.__('checks failed'),
      'in-review': trans.__('in review'),
      changes: trans.__('changes wanted'),
      approved: trans.__('approved'),
      declined: trans.__('declined'),
      published: trans.__('published'),
      expired: trans.__('expired'),
      withdrawn: trans.__('withdrawn')
    };
    return words[name] ?? name;
  }

  private async copy(each: Publication): Promise<void> {
    try {
      const { path } = await ask<{ path: string }>('copy', { slug: each.slug });
      await this.deeds.open(path);
      this.told.textContent = this.trans.__('Copied to %1', path);
    } catch (error) {
      this.told.textContent = explain(error, this.trans, this.chinese);
    }
  }
}
