/** The rules of the form and of lists, run by node itself. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { factsOf, firstForm, going, homePath, missing, pick, search, sizeText, standing, tagsOf } from '../../extensions/labextension/src/forms.ts';
import { marked } from '../../extensions/labextension/src/mark.ts';

const plan = { entry: 'a.ipynb', notebook: 'a.ipynb', chosen: '', files: [], left_out: [], size: 0, title: 'Water', pictures: [], earlier: [] };
const form = firstForm(plan, null);
const earlier: any = { slug: 'water', title: 'Old', title_zh: '旧', summary: '', summary_zh: '', tags: ['a', 'b'], goals: [6], kind: 'app', licence: 'MIT' };

test('tags are parted by commas of both languages, each once', () => {
  assert.deepEqual(tagsOf('water, 水，河、 water ;'), ['water', '水', '河']);
});

test('what is missing is named by audience', () => {
  assert.deepEqual(missing(form, false), ['people']);
  assert.deepEqual(missing({ ...form, audience: 'hub' }, false), []);
  assert.deepEqual(missing({ ...form, audience: 'project' }, false), ['project']);
  assert.deepEqual(missing({ ...form, audience: 'public', title: ' ' }, false), ['title', 'licence']);
  assert.deepEqual(missing(form, true), []);
});

test('people chosen for another audience are not sent', () => {
  const facts: any = factsOf({ ...form, audience: 'hub', people: ['bob'], project: 'p' }, null);
  assert.deepEqual(facts.readers, { audience: 'hub', people: [], project: '' });
});

test('kind and goals are sent, and Chinese texts where everybody will read it', () => {
  const filled = { ...form, goals: [6, 13], kind: 'method', title_zh: '水', summary_zh: '多少水' };
  const said = (audience: string): any => (factsOf({ ...filled, audience }, null) as any).said;

  assert.deepEqual([said('hub').goals, said('hub').kind], [[6, 13], 'method']);
  assert.deepEqual([said('public').title_zh, said('public').summary_zh], ['水', '多少水']);
  assert.deepEqual([said('hub').title_zh, said('hub').summary_zh], ['', '']);
});

test('a revision keeps its readers, and the goals, kind and Chinese title that nobody changed', () => {
  const facts: any = factsOf({ ...firstForm(plan, earlier), title_zh: 'unseen', note: ' new data ' }, earlier);
  assert.equal(facts.said.title_zh, '旧');
  assert.equal(facts.readers, undefined);
  assert.equal(facts.slug, 'water');
  assert.equal(facts.note, 'new data');
  assert.deepEqual([facts.said.goals, facts.said.kind, facts.said.title, facts.said.tags], [[6], 'app', 'Old', ['a', 'b']]);
});

test('what goes is what was not left out and the picture, which takes the place of a file of its name', () => {
  const item = (name: string, size: number): any => ({ name, size, why: '', why_zh: '' });
  const files = [item('a.ipynb', 1), item('picture.png', 2), item('b.csv', 3)];
  const pictures = [{ id: '0.0.png', mime: 'image/png', data: '', item: item('picture.png', 4) }];
  const names = (excluded: string[], picture: string): string[] =>
    going({ ...plan, files, pictures }, new Set(excluded), picture).map(each => `${each.name} ${each.size}`);

  assert.deepEqual(names([], ''), ['a.ipynb 1', 'picture.png 2', 'b.csv 3']);
  assert.deepEqual(names(['b.csv', 'picture.png'], '0.0.png'), ['a.ipynb 1', 'picture.png 4']);
});

test('entries are found by all words, in either language', () => {
  const entry: any = { name: 'sdg', title: 'SDG data', title_zh: '目标数据', description: 'Series', description_zh: '', tags: ['un'] };
  assert.equal(search([entry], 'series UN').length, 1);
  assert.equal(search([entry], '目标').length, 1);
  assert.equal(search([entry], 'series ships').length, 0);
});

test('the mark joins what is in the metadata, and is written once', () => {
  const kept = { kernelspec: { name: 'python3' }, regional_hub: { provenance: [] } };
  const made: any = marked(kept, 'water');
  assert.deepEqual(made, { ...kept, regional_hub: { provenance: [], publication: 'water' } });
  assert.equal(marked(made, 'water'), null);
  assert.deepEqual((marked(made, 'lake') as any).regional_hub.publication, 'lake');
});

test('how far a publication is', () => {
  const of = (states: string[], more: object): string => {
    const revisions = states.map((state, place) => ({ number: states.length - place, state }));
    const { number, state, older } = standing({ withdrawn_at: null, expires_on: null, public: false, revisions, ...more } as any, '2026-11-24');
    return `${number} ${state} ${older}`;
  };
  assert.equal(of(['in-review'], {}), '1 in-review 0');
  assert.equal(of(['approved'], { public: true, expires_on: '2026-11-24' }), '1 published 0');
  assert.equal(of(['approved'], { expires_on: '2026-11-23' }), '1 expired 0');
  assert.equal(of(['changes', 'approved', 'declined'], { public: true }), '3 changes 2');
  assert.equal(of(['approved'], { withdrawn_at: '2026-11-01T00:00:00Z' }), '1 withdrawn 0');
});

test('only paths of the home are shared', () => {
  assert.equal(homePath('RTC:study/a.ipynb'), 'study/a.ipynb');
  assert.equal(homePath('/study/a.ipynb'), 'study/a.ipynb');
  assert.equal(homePath('Other:work/a.ipynb'), null);
});

test('texts fall back to the other language, and sizes are read by people', () => {
  assert.equal(pick(true, 'Water', ''), 'Water');
  assert.equal(pick(true, 'Water', '水'), '水');
  assert.equal(sizeText(12), '12 B');
  assert.equal(sizeText(2048), '2.0 KB');
  assert.equal(sizeText(5 * 1048576), '5.00 MB');
});
