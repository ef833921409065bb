/** The form of "Share…": who reads it, what is said of it, and what will be sent. */

import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { area, field, h, input, select } from './dom';
import { firstForm, forAll, going, missing, pick, sizeText } from './forms';
import { People } from './people';
import type { Form, Item, Options, Plan, Publication } from './shapes';

export class ShareForm extends Widget {
  readonly excluded = new Set<string>();
  picture = '';
  earlier: Publication | null;
  private readonly people: People;
  private audience!: HTMLSelectElement;
  private project!: HTMLSelectElement;
  private readonly texts: Record<string, HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement> = {};
  private readonly goals = new Set<number>();
  private chineseFields: HTMLElement[] = [];
  private projectField!: HTMLElement;
  private readonly total = h('p', { role: 'status' });
  private readonly list = h('ul', {});
  private readonly rest = h('div', {});
  private readonly wrong = h('p', { class: 'rh-wrong', role: 'alert' });
  private readonly plan: Plan;
  private readonly options: Options;
  private readonly trans: TranslationBundle;
  private readonly chinese: boolean;

  constructor(plan: Plan, options: Options, trans: TranslationBundle, chinese: boolean) {
    super();
    this.addClass('rh-share');
    [this.plan, this.options, this.trans, this.chinese] = [plan, options, trans, chinese];
    this.people = new People(trans);
    this.earlier = plan.earlier.find(each => each.slug === plan.chosen) ?? null;
    for (const what of ['input', 'change', 'click']) {
      this.node.addEventListener(what, () => this.say('')); // whoever mends it is not told any more
    }
    this.node.append(this.wrong, ...this.which(), this.rest);
    this.draw();
  }

  /** What was filled in. */
  get form(): Form {
    const of = (name: string): string => this.texts[name]?.value ?? '';
    return {
      audience: this.audience.value,
      people: [...this.people.chosen.keys()],
      project: this.project.value,
      title: of('title'),
      title_zh: of('title_zh'),
      summary: of('summary'),
      summary_zh: of('summary_zh'),
      tags: of('tags'),
      goals: [...this.goals].sort((one, other) => one - other),
      licence: of('licence'),
      kind: of('kind'),
      note: of('note')
    };
  }

  /** The names of the files that are sent, the picture's too. */
  get files(): string[] {
    return going(this.plan, this.excluded, this.picture).map(item => item.name);
  }

  /** Whether all is there; says what is not, and leads to the first of it. */
  check(): boolean {
    const { trans } = this;
    const texts: Partial<Record<keyof Form, string>> = {
      title: trans.__('Give it a title.'),
      people: trans.__('Choose at least one person.'),
      project: trans.__('Choose a project.'),
      licence: trans.__('What everybody may read needs a licence.')
    };
    const controls: Partial<Record<keyof Form, HTMLElement>> = { ...this.texts, people: this.people.box, project: this.project };
    const found = missing(this.form, this.earlier !== null);
    this.say(found.map(name => texts[name]).join(' '));
    found.forEach(name => controls[name]?.setAttribute('aria-invalid', 'true'));
    controls[found[0]]?.focus();
    return !found.length;
  }

  private say(text: string): void {
    this.wrong.textContent = text;
    this.node.querySelectorAll('[aria-invalid]').forEach(each => each.removeAttribute('aria-invalid'));
  }

  /** Of which publication it is a revision, where it could be: the rest follows it, and this itself stays. */
  private which(): HTMLElement[] {
    const { trans, plan } = this;
    const names = plan.earlier.map((each): [string, string] => [each.slug, this.revisionText(each)]);
    const choice = select([...names, ['', trans.__('A new publication')]], this.earlier?.slug ?? '');
    choice.addEventListener('change', () => {
      this.earlier = plan.earlier.find(each => each.slug === choice.value) ?? null;
      this.draw();
    });
    return names.length ? [field(trans.__('Share as'), choice)] : [];
  }

  private draw(): void {
    const parts = [this.readers(), ...this.about(), this.pictures(), this.sent()];
    this.rest.replaceChildren(...parts.filter(part => part !== null));
    this.askFor();
  }

  private revisionText(each: Publication): string {
    const title = pick(this.chinese, each.title, each.title_zh);
    return this.trans.__('Revision %1 of “%2”', String(each.revisions[0].number + 1), title);
  }

  private readers(): HTMLElement {
    const { trans } = this;
    this.audience = select([
      ['people', trans.__('People I choose')],
      ['project', trans.__('A project')],
      ['hub', trans.__('Everybody on this hub')],
      ['public', trans.__('Everybody, after review')]
    ]);
    const titles = this.options.projects.map((each): [string, string] => [
      each.name,
      pick(this.chinese, each.title, each.title_zh) || each.name
    ]);
    this.project = select(titles);
    this.projectField = field(trans.__('Project'), this.project);
    this.audience.addEventListener('change', () => this.askFor());
    if (this.earlier) {
      return h('p', {}, trans.__('The readers and the link stay as they are.'));
    }
    return h('div', {}, field(trans.__('Who may read it'), this.audience), this.people.node, this.projectField);
  }

  /** Ask for what the audience needs, and for no more. */
  private askFor(): void {
    const audience = this.audience.value;
    this.people.node.hidden = audience !== 'people';
    this.projectField.hidden = audience !== 'project';
    for (const each of this.chineseFields) {
      each.hidden = !forAll({ audience }, this.earlier);
    }
  }

  private about(): HTMLElement[] {
    const { trans } = this;
    const first = firstForm(this.plan, this.earlier);
    const known = new Set([...this.options.licences, first.licence].filter(Boolean)); // an earlier one may have its own
    const licences = [...known].map((each): [string, string] => [each, each]);
    Object.assign(this.texts, {
      title: input(first.title),
      title_zh: input(first.title_zh),
      summary: area(first.summary),
      summary_zh: area(first.summary_zh),
      tags: input(first.tags),
      licence: select([['', trans.__('None')], ...licences], first.licence),
      kind: select(this.options.kinds.map((each): [string, string] => [each, this.kind(each)]), first.kind),
      note: input('')
    });
    const { texts } = this;
    const [title, summary] = [field(trans.__('Title in Chinese'), texts.title_zh), field(trans.__('Summary in Chinese'), texts.summary_zh)];
    this.chineseFields = [title, summary];
    const use = trans.__('A page is read. A live app is used, and a method is run with values of one’s own.');
    return [
      field(trans.__('Title'), texts.title),
      title,
      field(trans.__('Summary'), texts.summary),
      summary,
      field(trans.__('Kind'), texts.kind, use),
      this.goalsPart(first.goals),
      field(trans.__('Tags'), texts.tags, trans.__('Separated by commas.')),
      field(trans.__('Licence'), texts.licence),
      ...(this.earlier ? [field(trans.__('What changed'), texts.note)] : [])
    ];
  }

  private kind(name: string): string {
    const { trans } = this;
    const words: Record<string, string> = {
      page: trans.__('Page'),
      app: trans.__('Live app'),
      method: trans.__('Method')
    };
    return words[name] ?? name;
  }

  /** The 17 goals, folded: their heading says which are chosen. */
  private goalsPart(first: number[]): HTMLElement {
    const { trans } = this;
    this.goals.clear();
    first.forEach(each => this.goals.add(each));
    const heading = h('summary', {});
    const tell = (): void => {
      const chosen = this.form.goals.join(', ');
      heading.textContent = chosen ? trans.__('SDG goals: %1', chosen) : trans.__('SDG goals');
    };
    const rows = this.options.goals.map(({ number, title, title_zh }) => {
      const change = (event: Event): void => {
        const chosen = (event.target as HTMLInputElement).checked;
        void (chosen ? this.goals.add(number) : this.goals.delete(number));
        tell();
      };
      const box = h('input', { type: 'checkbox', checked: this.goals.has(number), change });
      return h('label', {}, box, `${number} ${pick(this.chinese, title, title_zh)}`);
    });
    tell();
    const group = h('div', { class: 'rh-goals', role: 'group', 'aria-label': trans.__('SDG goals') }, ...rows);
    return h('details', { class: 'rh-field' }, heading, group);
  }

  private pictures(): HTMLElement | null {
    const { trans, plan } = this;
    if (!plan.pictures.length) {
      return null;
    }
    const choice = (id: string, shown: Node): HTMLElement => {
      const change = (): void => {
        this.picture = id;
        this.drawFiles();
      };
      const radio = h('input', { type: 'radio', name: 'rh-picture', checked: id === this.picture, change });
      return h('label', { class: 'rh-picture' }, radio, shown);
    };
    const rows = plan.pictures.map((each, place) => {
      const alt = trans.__('Picture %1 of the notebook', String(place + 1));
      return choice(each.id, h('img', { src: `data:${each.mime};base64,${each.data}`, alt }));
    });
    const none = choice('', document.createTextNode(trans.__('None')));
    return h('fieldset', {}, h('legend', {}, trans.__('Picture for lists')), none, ...rows);
  }

  private sent(): HTMLElement {
    const { trans, plan } = this;
    const left = plan.left_out.map(item => this.fileRow(item, null));
    this.drawFiles();
    return h(
      'fieldset',
      { class: 'rh-files' },
      h('legend', {}, trans.__('What will be sent')),
      this.total,
      this.list,
      left.length > 0 && h('p', {}, trans.__('Named in the notebook, but not sent:')),
      left.length > 0 && h('ul', {}, ...left)
    );
  }

  private fileRow(item: Item, control: HTMLElement | null): HTMLElement {
    const why = pick(this.chinese, item.why, item.why_zh);
    return h('li', {}, h('label', {}, control, h('code', {}, item.name), ` ${sizeText(item.size)} · ${why}`));
  }

  /** The list as it would go now: files that can be left out, and the picture that was chosen. */
  private drawFiles(): void {
    const { plan } = this;
    const shown = plan.pictures.find(each => each.id === this.picture)?.item;
    const rows = plan.files
      .filter(item => item.name !== shown?.name)
      .map(item => {
        const change = (event: Event): void => {
          const kept = (event.target as HTMLInputElement).checked;
          void (kept ? this.excluded.delete(item.name) : this.excluded.add(item.name));
          this.drawTotal();
        };
        const fixed = item.name === plan.entry;
        const checked = !this.excluded.has(item.name);
        return this.fileRow(item, h('input', { type: 'checkbox', checked, disabled: fixed, change }));
      });
    if (shown) {
      rows.push(this.fileRow(shown, h('input', { type: 'checkbox', checked: true, disabled: true })));
    }
    this.list.replaceChildren(...rows);
    this.drawTotal();
  }

  private drawTotal(): void {
    const { trans } = this;
    const items = going(this.plan, this.excluded, this.picture);
    const size = sizeText(items.reduce((sum, item) => sum + item.size, 0));
    this.total.textContent = trans.__('Files: %1, in all %2', String(items.length), size);
  }
}
