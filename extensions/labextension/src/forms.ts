/** The rules of the form and of lists, without a page: no widget and no request here. */

import type { Entry, Form, Item, Plan, Publication } from './shapes';

/** Bytes as people read them. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) {
    return `${bytes} B`;
  }
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

/** Whether everybody will read it: then it is asked for in both languages. A revision keeps its readers. */
export function forAll(form: Pick<Form, 'audience'>, earlier: Publication | null): boolean {
  return (earlier ?? form).audience === 'public';
}

/** A form as the API's facts; a revision keeps its readers, and what the form does not ask for. */
export function factsOf(form: Form, earlier: Publication | null): Record<string, unknown> {
  const both = forAll(form, earlier);
  const said = {
    title: form.title.trim(),
    title_zh: both ? form.title_zh.trim() : (earlier?.title_zh ?? ''),
    summary: form.summary.trim(),
    summary_zh: both ? form.summary_zh.trim() : (earlier?.summary_zh ?? ''),
    tags: tagsOf(form.tags),
    goals: form.goals,
    licence: form.licence,
    kind: form.kind
  };
  if (earlier) {
    return { slug: earlier.slug, note: form.note.trim(), said };
  }
  const people = form.audience === 'people' ? form.people : [];
  const project = form.audience === 'project' ? form.project : '';
  return { said, readers: { audience: form.audience, people, project } };
}

/** The form as it is first shown: empty, or as an earlier publication has it. */
export function firstForm(plan: Plan, earlier: Publication | null): Form {
  const none = { title_zh: '', summary: '', summary_zh: '', tags: [], goals: [], licence: '', kind: 'page' };
  const { title, title_zh, summary, summary_zh, tags, goals, licence, kind } = earlier ?? { title: plan.title, ...none };
  const readers = { audience: 'people', people: [], project: '' };
  return { ...readers, title, title_zh, summary, summary_zh, tags: tags.join(', '), goals, licence, kind, note: '' };
}

/** The files that go as it is chosen now; the picture is the last one, in place of a file of its name. */
export function going(plan: Plan, excluded: Set<string>, picture: string): Item[] {
  const shown = plan.pictures.find(each => each.id === picture)?.item;
  const files = plan.files.filter(item => !excluded.has(item.name) && item.name !== shown?.name);
  return shown ? [...files, shown] : files;
}

/** How far a publication is: the newest revision's number and state, and an older one that is public meanwhile. */
export function standing(each: Publication, today: string): { number: number; state: string; older: number } {
  const { number, state } = each.revisions[0] ?? { number: 0, state: '' };
  if (each.withdrawn_at) {
    return { number, state: 'withdrawn', older: 0 };
  }
  const approved = each.revisions.find(one => one.state === 'approved');
  if (approved && each.expires_on && each.expires_on < today) {
    return { number, state: 'expired', older: 0 };
  }
  const older = each.public && approved && approved.number !== number ? approved.number : 0;
  return { number, state: each.public && state === 'approved' ? 'published' : state, older };
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
