/** "Share…" from the first look at the files to the link. */

import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { ask, Fault } from './api';
import { h } from './dom';
import { factsOf, pick } from './forms';
import { sends } from './keys';
import { ShareForm } from './shareform';
import type { Options, Plan, Published, Sending } from './shapes';

const WAIT = 200; // milliseconds between two looks at how far it is

/** Why it did not work, and what to do. */
export function explain(error: unknown, trans: TranslationBundle, chinese: boolean): string {
  const why = error instanceof Fault ? pick(chinese, error.message, error.zh) : String(error);
  const todo: Record<string, string> = {
    'no-hub': trans.__('Try again in a minute; if it stays so, tell an administrator.'),
    'too-large': trans.__('Leave out large files, or clear large outputs, and save.'),
    'too-many-files': trans.__('Share a smaller folder.'),
    'which-notebook': trans.__('Share the notebook itself instead of the folder.'),
    changed: trans.__('Save, then share again.')
  };
  const what = error instanceof Fault ? todo[error.code] : undefined;
  return what ? `${why}. ${what}` : why;
}

function body(...children: Node[]): Widget {
  return new Widget({ node: h('div', { class: 'rh-share' }, ...children) });
}

async function failed(error: unknown, trans: TranslationBundle, chinese: boolean): Promise<void> {
  const title = trans.__('It could not be shared');
  const said = body(h('p', { role: 'alert' }, explain(error, trans, chinese)));
  await showDialog({ title, body: said, buttons: [Dialog.okButton({ label: trans.__('Close') })] });
}

/** Which notebook, by its path in the home, is now a revision of which publication. */
export interface Shared {
  notebook: string;
  slug: string;
}

/**
 * Ask what to send and to whom, send it, and show the link. `done` is told as soon as it arrived, before the link is
 * closed.
 */
export async function share(
  path: string,
  trans: TranslationBundle,
  chinese: boolean,
  done: (shared: Shared) => Promise<void>
): Promise<void> {
  let form: ShareForm;
  let notebook: string;
  try {
    const [options, plan] = await Promise.all([ask<Options>('options'), ask<Plan>('plan', { path })]);
    form = new ShareForm(plan, options, trans, chinese);
    notebook = plan.notebook;
  } catch (error) {
    await failed(error, trans, chinese);
    return;
  }
  const dialog = new Dialog({
    title: trans.__('Share “%1”', path.split('/').pop() ?? path),
    body: form,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Share'), className: 'rh-send' })
    ],
    focusNodeSelector: 'input, select'
  });
  dialog.addClass('rh-dialog');
  // The dialog stays until all is filled in.
  const hold = (event: Event): void => {
    if (sends(event, dialog.node, dialog.node.querySelector('.rh-send')) && !form.check()) {
      event.stopImmediatePropagation();
      event.preventDefault();
    }
  };
  document.addEventListener('click', hold, true);
  document.addEventListener('keydown', hold, true);
  try {
    if (!(await dialog.launch()).button.accept) {
      return;
    }
  } finally {
    document.removeEventListener('click', hold, true);
    document.removeEventListener('keydown', hold, true);
  }
  try {
    const published = await send(path, form, trans);
    await Promise.all([done({ notebook, slug: published.publication.slug }), arrived(published, trans)]);
  } catch (error) {
    await failed(error, trans, chinese);
  }
}

async function send(path: string, form: ShareForm, trans: TranslationBundle): Promise<Published> {
  const bar = h('progress', { max: '1', 'aria-label': trans.__('Sent so far') });
  const text = h('p', { 'aria-live': 'polite' }, trans.__('Sending…'));
  const waiting = new Dialog({ title: trans.__('Sharing'), body: body(text, bar), buttons: [], hasClose: false });
  void waiting.launch().catch(() => undefined);
  try {
    const picked = { path, exclude: [...form.excluded], picture: form.picture };
    const facts = factsOf(form.form, form.earlier);
    // The server holds to the list that was shown.
    const { sending } = await ask<{ sending: string }>('publish', { ...picked, files: form.files, facts });
    for (;;) {
      const state = await ask<Sending>(`sendings/${sending}`);
      if (state.error) {
        throw new Fault(state.error.code, state.error.en, state.error.zh);
      }
      if (state.answer) {
        return state.answer;
      }
      bar.value = state.total ? state.sent / state.total : 0;
      await new Promise(done => window.setTimeout(done, WAIT));
    }
  } finally {
    waiting.dispose();
  }
}

async function arrived(published: Published, trans: TranslationBundle): Promise<void> {
  const said = published.new
    ? trans.__('Revision %1 is shared.', String(published.number))
    : trans.__('Nothing is new: this revision is there already.');
  const told = h('span', { role: 'status' });
  const click = (): void => {
    Clipboard.copyToSystem(published.link);
    told.textContent = trans.__('Copied.');
  };
  const link = h('a', { href: published.link, target: '_blank', rel: 'noopener', class: 'rh-link' }, published.link);
  const copy = h('button', { type: 'button', class: 'jp-mod-styled rh-small', click }, trans.__('Copy the link'));
  const shown = body(h('p', { role: 'status' }, said), h('p', {}, link), h('p', {}, copy, ' ', told));
  await showDialog({ title: trans.__('Shared'), body: shown, buttons: [Dialog.okButton({ label: trans.__('Close') })] });
}
