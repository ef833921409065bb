/** The rules of the form and of lists, without a page: no widget and no request here. */

import type { Entry, Form, Item, Plan, Publication } from './shapes';

/** Bytes as people read them. */
export function sizeText(bytes: number): string {
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(2)} MB`;
}

/** Tags by commas, Chinese ones too; each once. */
export function tagsOf(text: string): string[] {
  return [...new Set(text.split(/[,，、;；]/).map(tag => tag.trim()).filter(Boolean))];
}

/** The text in the reader's language where there is one, else the other. */
export function pick(chinese: boolean, en: string, zh: string): string {
  return (chinese ? zh || en : en || zh) || '';
}

/** The fields that are missing before anything may be sent. */
export function missing(form: Form, revision: boolean): (keyof Form)[] {
  const found: (keyof Form)[] = form.title.trim() ? [] : ['title'];
  if (revision) {
    return found;
  }
  if (form.audience === 'people' && !form.people.length) {
    found.push('people');
  }
  if (form.audience === 'project' && !form.project) {
    found.push('project');
  }
  if (form.audience === 'public' && !form.licence) {
    found.push('licence');
  }
  return found;
}

/** A form as the API's facts; a revision keeps its readers, and what the form does not ask for. */
export function factsOf(form: Form, earlier: Publication | null): Record<string, unknown> {
  const said = {
    title: form.title.trim(),
    title_zh: form.title_zh.trim(),
    summary: form.summary.trim(),
    summary_zh: form.summary_zh.trim(),
    tags: tagsOf(form.tags),
    licence: form.licence
  };
  if (earlier) {
    return { slug: earlier.slug, note: form.note.trim(), said: { ...said, goals: earlier.goals, kind: earlier.kind } };
  }
  const people = form.audience === 'people' ? form.people : [];
  const project = form.audience === 'project' ? form.project : '';
  return { said, readers: { audience: form.audience, people, project } };
}

/** The form as it is first shown: empty, or as an earlier publication has it. */
export function firstForm(plan: Plan, earlier: Publication | null): Form {
  const from = earlier ?? { title: plan.title, title_zh: '', summary: '', summary_zh: '', tags: [], licence: '' };
  const { title, title_zh, summary, summary_zh, licence } = from;
  const rest = { title, title_zh, summary, summary_zh, licence };
  return { audience: 'people', people: [], project: '', note: '', tags: from.tags.join(', '), ...rest };
}

/** The files that go as it is chosen now; the picture is the last one, in place of a file of its name. */
export function going(plan: Plan, excluded: Set<string>, picture: string): Item[] {
  const shown = plan.pictures.find(each => each.id === picture)?.item;
  const files = plan.files.filter(item => !excluded.has(item.name) && item.name !== shown?.name);
  return shown ? [...files, shown] : files;
}

/** Entries in which every word is found, in either language. */
export function search(entries: Entry[], words: string): Entry[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (entry: Entry): string =>
    [entry.name, entry.title, entry.title_zh, entry.description, entry.description_zh, ...entry.tags]
      .join(' ')
      .toLowerCase();
  return entries.filter(entry => wanted.every(word => text(entry).includes(word)));
}

/** A path without its drive; null where it lies on another drive than the home. */
export function homePath(path: string): string | null {
  const drive = /^([^/:]+):/.exec(path)?.[1];
  return drive && drive !== 'RTC' ? null : path.replace(/^RTC:/, '').replace(/^\/+/, '');
}
